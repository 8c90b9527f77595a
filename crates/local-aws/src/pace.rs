//! How long things take in the local cloud: AWS's own figures, each with its spread.
//!
//! The numbers are medians of published measurements where there are any; the sources stand beside them. To be faster
//! than AWS does not change them: the whole account runs on a faster clock.

use std::time::Duration;

/// A log-normal spread: half the draws are below `median`, and one in twenty is above `median * tail`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle.
    pub median: Duration,
    /// How many times the median the slowest twentieth takes at least; 1 for no spread at all.
    pub tail: f64,
    /// No draw is above this.
    pub most: Duration,
}

impl Spread {
    /// A spread in milliseconds.
    pub const fn millis(median: u64, tail: f64, most: u64) -> Self {
        Self {
            median: Duration::from_millis(median),
            tail,
            most: Duration::from_millis(most),
        }
    }

    /// A spread in seconds.
    pub const fn seconds(median: u64, tail: f64, most: u64) -> Self {
        Self::millis(median * 1000, tail, most * 1000)
    }

    /// One draw.
    pub fn draw(self, rng: &mut fastrand::Rng) -> Duration {
        // Box and Muller's normal draw; 1.645 standard deviations cut off the upper twentieth.
        let normal =
            (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        let factor = (normal * self.tail.ln() / 1.645).exp();
        self.median.mul_f64(factor).min(self.most)
    }
}

/// How long each thing takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// An API call's answer.
    pub api_call: Spread,
    /// A new instance, image, security group, launch template or version of one being seen by a describe or another service (EC2 is
    /// eventually consistent).
    pub ec2_visibility: Spread,
    /// A new role or instance profile being seen by the services that it is handed to.
    pub iam_visibility: Spread,
    /// From a change of a role's policies, or of its boundary, to calls being judged by it.
    pub policy_enforcement: Spread,
    /// From RunInstances to `running`.
    pub instance_pending: Spread,
    /// From `running` to the first user process (kernel, cloud-init).
    pub instance_boot: Spread,
    /// From `stopping` to `stopped`.
    pub instance_stop: Spread,
    /// From `shutting-down` to `terminated`.
    pub instance_terminate: Spread,
    /// From CreateImage to `available`.
    pub image_create: Spread,
    /// From boot to the SSM agent being Online.
    pub agent_register: Spread,
    /// A Run Command's way to the instance and back, beside the script's own time.
    pub run_command: Spread,
    /// From asking for an automation's cancellation to that: it is `Cancelling` meanwhile.
    pub automation_cancel: Spread,
    /// Between two looks of an automation at a property or a command.
    pub automation_poll: Duration,
    /// Between two looks of an Auto Scaling group at itself.
    pub group_tick: Duration,
    /// From registering a target to its first health check.
    pub target_register: Spread,
    /// A changed rule, weight or target set reaching one load balancer node.
    pub node_propagation: Spread,
    /// A load balancer from `provisioning` to `active`.
    pub load_balancer_provision: Spread,
    /// From a load balancer's removal to that of its network interfaces, which use its security groups.
    pub interface_release: Spread,
    /// From the end of a minute to its figure in CloudWatch.
    pub metric_delay: Spread,
}

impl Pace {
    /// AWS as it is most days.
    pub const fn aws() -> Self {
        Self {
            api_call: Spread::millis(60, 3.0, 1_000),
            ec2_visibility: Spread::millis(300, 6.0, 10_000),
            // "About 10 s" in clients that wait for it (terraform-provider-aws, `aws_instance`), 10 to 30 s for a role to be taken
            // on (its issue 6566), a few seconds mostly and a minute rarely (stratus-red-team PR 358).
            iam_visibility: Spread::seconds(8, 2.0, 30),
            // 2 s mostly (pulumi-aws issue 2411), less than 15 s (aws-sdk-js issue 850), some 30 s at worst (terraform PR 7733).
            policy_enforcement: Spread::seconds(4, 3.0, 30),
            // RunInstances to running 15 s: packer PR 4704. 5 to 7 s: daemonology.net 2021.
            instance_pending: Spread::seconds(8, 2.0, 40),
            // To an open port some 23 s after running: daemonology.net 2021.
            instance_boot: Spread::seconds(20, 1.5, 90),
            // Stop 57 s: packer PR 4704.
            instance_stop: Spread::seconds(40, 1.5, 120),
            instance_terminate: Spread::seconds(30, 1.5, 120),
            // To available 43 s at best (packer PR 4704), minutes in practice.
            image_create: Spread::seconds(75, 1.8, 600),
            // 30 s to several minutes: stratus-red-team 108.
            agent_register: Spread::seconds(25, 2.0, 180),
            run_command: Spread::seconds(2, 1.5, 10),
            // Nobody has published it.
            automation_cancel: Spread::seconds(2, 2.0, 20),
            automation_poll: Duration::from_secs(5),
            group_tick: Duration::from_secs(5),
            target_register: Spread::seconds(4, 2.0, 20),
            // About 10 s is quoted, with a tail to a minute: aws-load-balancer-controller 1719, 1064, 2106.
            node_propagation: Spread::seconds(4, 4.0, 60),
            load_balancer_provision: Spread::seconds(120, 1.3, 300),
            // Nobody has published it; clients that remove both wait for minutes (terraform-provider-aws, `aws_security_group`).
            interface_release: Spread::seconds(30, 3.0, 300),
            // A load balancer sends them every 60 s (its guide, "CloudWatch metrics"); whole after 2 min: Netflix/atlas PR 1300.
            metric_delay: Spread::seconds(45, 1.8, 120),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_draws_are_below_the_median_and_one_in_twenty_in_the_tail() {
        let spread = Spread::seconds(10, 4.0, 600);
        let mut rng = fastrand::Rng::with_seed(7);
        let draws: Vec<_> = (0..10_000).map(|_| spread.draw(&mut rng)).collect();
        let below = draws.iter().filter(|draw| **draw < spread.median).count();
        let tail = draws.iter().filter(|draw| draw.as_secs() >= 40).count();
        assert!((4_800..5_200).contains(&below), "{below} of 10,000");
        assert!((400..600).contains(&tail), "{tail} of 10,000");
    }
}
