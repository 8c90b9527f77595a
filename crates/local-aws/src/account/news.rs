//! What EC2 tells the services above it. It names none of them: who listens is written here, once.

use super::{Account, elbv2, ssm};

/// What became of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstanceNews {
    /// Its user processes run; an agent can register only with an instance profile.
    Booted { has_profile: bool },
    /// Its user processes have ended.
    Down,
    /// It stops or terminates: load balancers must not send it requests.
    Leaving,
}

impl Account {
    /// Passes on what became of an instance.
    pub(super) fn tell(&mut self, instance: &str, news: InstanceNews) {
        match news {
            InstanceNews::Booted { has_profile } => {
                ssm::instance_booted(self, instance, has_profile);
            }
            InstanceNews::Down => ssm::instance_gone(self, instance),
            InstanceNews::Leaving => elbv2::instance_gone(self, instance),
        }
    }
}
