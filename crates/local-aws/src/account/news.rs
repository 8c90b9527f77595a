//! What EC2 tells the services above it. It names none of them: who listens is written here, once.

use super::ec2::lives::InstanceNews;
use super::{Account, elbv2, ssm};

impl Account {
    /// Passes on what became of an instance.
    pub(super) fn tell(&mut self, instance: &str, news: InstanceNews) {
        match news {
            InstanceNews::Booted { may_register } => {
                ssm::instance_booted(self, instance, may_register);
            }
            InstanceNews::Down => ssm::instance_gone(self, instance),
            InstanceNews::Leaving => elbv2::instance_gone(self, instance),
        }
    }
}
