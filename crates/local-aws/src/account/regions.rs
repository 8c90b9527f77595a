//! The regions of the account: each has networks, instances, load balancers, groups, documents and parameters of its own; what IAM,
//! STS and S3 hold is everywhere.
//!
//! Guarantees: the account is in one region at a time ([`Account::enter`]), and what happens later happens where it was begun. A
//! region that nobody asked for costs nothing. Calls, faults, limits and time are the account's, whatever the region.

use std::mem::swap;

use super::{Account, Order, autoscaling, cloudwatch, ec2, elbv2, ssm};

/// Those that every account has without asking for them
/// (<https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>).
pub const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// What a region has that the account is not in.
#[derive(Debug)]
pub(super) struct Elsewhere {
    ec2: ec2::State,
    elbv2: elbv2::State,
    autoscaling: autoscaling::State,
    ssm: ssm::State,
    cloudwatch: cloudwatch::State,
    orders: Vec<Order>,
}

impl Account {
    /// Whether the account can be in this region.
    pub fn has_region(&self, region: &str) -> bool {
        region == self.region || self.elsewhere.contains_key(region) || REGIONS.contains(&region)
    }

    /// Has all that follows be about this region.
    pub fn enter(&mut self, region: &str) {
        if region == self.region {
            return;
        }
        let mut next = match self.elsewhere.remove(region) {
            Some(known) => known,
            None => self.untouched(region),
        };
        swap(&mut self.ec2, &mut next.ec2);
        swap(&mut self.elbv2, &mut next.elbv2);
        swap(&mut self.autoscaling, &mut next.autoscaling);
        swap(&mut self.ssm, &mut next.ssm);
        swap(&mut self.cloudwatch, &mut next.cloudwatch);
        swap(&mut self.orders, &mut next.orders);
        let left = std::mem::replace(&mut self.region, region.to_owned());
        self.elsewhere.insert(left, next);
    }

    /// A region with something to be done outside the account, the one it is in before others.
    pub fn region_with_orders(&self) -> Option<String> {
        let mut others = self.elsewhere.iter();
        match self.orders.is_empty() {
            false => Some(self.region.clone()),
            true => others
                .find(|(_, held)| !held.orders.is_empty())
                .map(|(region, _)| region.clone()),
        }
    }

    /// A region as nobody has touched it; ids are its own.
    fn untouched(&self, region: &str) -> Elsewhere {
        let digits = region.bytes().fold(0x1a2b_3c4d_u32, |sum, byte| {
            sum.rotate_left(5).wrapping_mul(0x0100_0193) ^ u32::from(byte)
        });
        // The first eight digits after the kind: `vpc-0a1b2c3d4e5f60000` has eight others elsewhere.
        let id = |known: &str| {
            let (kind, number) = known.split_once('-').unwrap_or(("", known));
            format!("{kind}-{digits:08x}{}", number.get(8..).unwrap_or_default())
        };
        Elsewhere {
            ec2: ec2::State::with_default_network(&id),
            elbv2: self.elbv2.in_another_region(digits),
            autoscaling: autoscaling::State::new(u64::from(digits)),
            ssm: ssm::State::with_public_parameters(&id),
            cloudwatch: cloudwatch::State::new(u64::from(digits)),
            orders: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::account::Timed;
    use crate::pace::Pace;

    #[test]
    fn each_region_has_its_own_and_what_was_begun_in_one_happens_there() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        let home = account.region.clone();
        let vpcs = |account: &Account| account.ec2.vpcs.keys().cloned().collect::<Vec<_>>();
        let at_home = vpcs(&account);
        account.enter("us-east-1");
        assert_ne!(vpcs(&account), at_home);
        assert!(account.arn("ec2", "x").contains(":us-east-1:"));
        account.ec2.vpcs.clear();
        let gone = || ec2::Timed::Forgotten {
            instance: "i-1".to_owned(),
        };
        account.after(Duration::from_secs(1), Timed::Ec2(gone()));
        account.enter(&home);
        assert_eq!(vpcs(&account), at_home);
        account.advance(Duration::from_secs(2));
        assert_eq!(account.region, home, "where it was before");
        account.enter("us-east-1");
        assert!(vpcs(&account).is_empty(), "as it was left");
        assert!(account.has_region("eu-west-1") && !account.has_region("mars-1"));
    }

    #[test]
    fn what_is_to_be_done_is_found_in_whatever_region_it_is() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        let home = account.region.clone();
        assert_eq!(account.region_with_orders(), None);
        account.enter("us-east-1");
        let close = || elbv2::order::LoadBalancerOrder::Close {
            listener: "l".to_owned(),
        };
        account.order(close());
        account.enter(&home);
        assert_eq!(account.region_with_orders().as_deref(), Some("us-east-1"));
        account.order(close());
        assert_eq!(account.region_with_orders(), Some(home));
    }
}
