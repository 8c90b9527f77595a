//! The automations of a stack that have not ended: bakes, guards, scale-ins. One list of all, told apart by their runbooks.

use anyhow::Result;

use crate::aws::ssm::{self, Listed};
use crate::aws::{Aws, error::ErrorKind};
use crate::names::Colour;
use crate::scale_in::{self, Due};
use crate::stack::Names;

/// What has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Automations {
    /// Bakes of the app, in any of its environments.
    pub bakes: Vec<Listed>,
    /// Guards of this environment.
    pub guards: Vec<Listed>,
    /// Scale-ins of this environment, the latest first.
    pub scale_ins: Vec<Due>,
}

impl Automations {
    /// The scale-in that is to come of this colour's group.
    pub fn scale_in_of(&self, names: &Names, colour: Colour) -> Option<&Due> {
        let group = names.group(colour);
        let mut all = self.scale_ins.iter();
        all.find(|due| due.group == group && !due.is_ending)
    }
}

/// All of them. What a scale-in is to do is in its parameters, which no list tells: each of those is asked for by itself.
pub(super) async fn find(aws: &Aws, names: &Names) -> Result<Automations> {
    // Another app's name may begin with this one's.
    let prefix = format!("bgd-{}-", names.app);
    let all = ssm::list_under_way(aws, &prefix).await?;
    let of = |runbook: String| {
        let ours = all.iter().filter(move |one| one.document == runbook);
        ours.cloned().collect::<Vec<_>>()
    };
    let mut scale_ins = Vec::new();
    for one in of(names.scale_in_runbook()) {
        match ssm::describe_under_way(aws, one.id).await {
            Ok(one) => scale_ins.push(one),
            // It has ended, and is forgotten.
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Automations {
        bakes: [of(names.runbook()), of(names.verify_runbook())].concat(),
        guards: of(names.guard_runbook()),
        scale_ins: scale_in::latest_first(scale_ins),
    })
}
