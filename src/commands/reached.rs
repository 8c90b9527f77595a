//! An environment as the config names it, reached in its account: what a command has that needs no artifact.

use net_clock::{Clock, Network};

use super::clock::clock;
use super::turn::Asking;
use super::{EarlyExit, Terminal, access};
use crate::aws::Aws;
use crate::aws::lease::Place;
use crate::aws::sts::{self, Caller};
use crate::cli;
use crate::config::{self, Config};
use crate::inputs::Inputs;
use crate::names::Release;
use crate::stack::Names;

/// It.
pub(super) struct Reached {
    pub(super) config: Config,
    pub(super) network: Network,
    pub(super) clock: Clock,
    pub(super) aws: Aws,
    /// Who asks, and in which account.
    pub(super) caller: Caller,
}

impl Reached {
    /// Reads the config and asks AWS who this is.
    pub(super) async fn reach(options: &cli::Options, inputs: &Inputs) -> Result<Self, EarlyExit> {
        let config = config::load_without_artifact(inputs)?;
        let network = Network::tcp();
        let clock = clock(options, inputs, &network).await?;
        let aws = access::connect(&config, inputs, &network, &clock).await?;
        let caller = sts::known_caller(&aws).await.map_err(anyhow::Error::from)?;
        Ok(Self {
            config,
            network,
            clock,
            aws,
            caller,
        })
    }

    /// Asks for a turn, as this command, whose release only a look will tell.
    pub(super) fn asking<'a>(
        &'a self,
        command: &'a str,
        inputs: &'a Inputs,
        terminal: &'a Terminal,
    ) -> Asking<'a> {
        static NOT_KNOWN: Release = Release(String::new());
        Asking {
            aws: &self.aws,
            network: &self.network,
            clock: &self.clock,
            inputs,
            terminal,
            command,
            verifies: false,
            release: &NOT_KNOWN,
            command_line: &self.config.command_line,
        }
    }

    /// What everything of it is called.
    pub(super) fn names(&self) -> Names {
        Names::new(&self.config.app, &self.config.environment)
    }

    /// Where its lease is.
    pub(super) fn lease(&self) -> Place {
        self.names().lease(&self.caller.account, &self.aws.region)
    }

    /// Where that of its verifications is.
    pub(super) fn verify_lease(&self) -> Place {
        let names = self.names();
        names.verify_lease(&self.caller.account, &self.aws.region)
    }
}
