//! The pretend AWS account: plain state and timed transitions, one module a service, no I/O.
//!
//! Guarantees: the same seed, calls and times give the same account. What has to happen outside the account (a
//! process to start, a port to open) leaves as an [`Order`]; what happens later is a [`Timed`] event in one queue.

pub mod authority;
pub mod autoscaling;
pub mod cloudwatch;
pub mod ec2;
pub mod elbv2;
pub mod iam;
pub mod lag;
mod ledger;
pub mod machine;
mod news;
pub mod order;
pub mod policy;
pub mod regions;
pub mod s3;
pub mod ssm;
pub mod sts;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::{Duration, SystemTime};

use crate::fault::Faults;
use crate::limits::Limits;
use crate::pace::{Pace, Spread};
use crate::throttle::Throttle;

pub use self::ledger::{Call, Ledger, Milestone, is_mutating};
pub use self::order::Order;
use self::regions::Elsewhere;

/// Tags of a resource, in the order of their keys.
pub type Tags = BTreeMap<String, String>;

/// An error as AWS would answer it. Each protocol writes it in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// AWS's code, which callers branch on.
    pub code: String,
    /// AWS's words where they are known.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

impl ApiError {
    /// Any error.
    pub fn new(code: &str, status: u16, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            status,
        }
    }

    /// A 400 with the service's own code.
    pub fn refused(code: &str, message: &str) -> Self {
        Self::new(code, 400, message)
    }

    /// A parameter that had to be there.
    pub fn missing(message: &str) -> Self {
        Self::refused("MissingParameter", message)
    }

    /// A parameter of the wrong form.
    pub fn validation(message: &str) -> Self {
        Self::refused("ValidationError", message)
    }
}

/// Something that will happen in the account at a set time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timed {
    /// In EC2: an instance or image changes state.
    Ec2(ec2::Timed),
    /// In Elastic Load Balancing: a registration or a drain ends.
    Elbv2(elbv2::Timed),
    /// In Auto Scaling: a group looks at itself, a scheduled action is due.
    AutoScaling(autoscaling::Timed),
    /// In Systems Manager: an agent registers, an automation goes on.
    Ssm(ssm::Timed),
}

/// The account.
#[derive(Debug)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// The region that it is in now.
    pub region: String,
    /// How long things take.
    pub pace: Pace,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// How much fits.
    pub limits: Limits,
    /// How many seconds later than this machine's clock the `date` of its answers is: whoever calls has a clock that is so far behind.
    pub date_ahead: i32,
    /// How many calls it lets through.
    pub throttle: Throttle,
    /// Instances, images, launch templates, network.
    pub ec2: ec2::State,
    /// Load balancers, listeners, rules, target groups.
    pub elbv2: elbv2::State,
    /// Groups, activities, policies, scheduled actions.
    pub autoscaling: autoscaling::State,
    /// Parameters, documents, automations, commands.
    pub ssm: ssm::State,
    /// Buckets and objects.
    pub s3: s3::State,
    /// Roles, policies, instance profiles.
    pub iam: iam::State,
    /// Sessions of roles.
    pub sts: sts::State,
    /// How many requests there were.
    pub cloudwatch: cloudwatch::State,
    /// What was just made and is not seen everywhere.
    pub lag: lag::State,
    /// Every call that reached the account, in order.
    pub calls: Vec<Call>,
    /// What policies were asked by calls, and in whose name.
    pub asked: BTreeSet<(String, policy::Request)>,
    /// Every milestone, in the order in which each was known.
    pub milestones: Vec<Milestone>,
    rng: fastrand::Rng,
    epoch: SystemTime,
    now: Duration,
    sequence: u64,
    timers: BinaryHeap<Reverse<(Duration, u64)>>,
    /// Where each happens, and what.
    timed: BTreeMap<u64, (String, Timed)>,
    orders: Vec<Order>,
    /// What the regions have that it is not in.
    elsewhere: BTreeMap<String, Elsewhere>,
}

impl Account {
    /// An account with a default VPC, two subnets in two zones, and AWS's public images.
    pub fn new(seed: u64, epoch: SystemTime, pace: Pace) -> Self {
        Self {
            id: "123456789012".to_owned(),
            region: "eu-central-1".to_owned(),
            pace,
            faults: Faults::default(),
            limits: Limits::default(),
            date_ahead: 0,
            throttle: Throttle::default(),
            ec2: ec2::State::with_default_network(&str::to_owned),
            elbv2: elbv2::State::default(),
            autoscaling: autoscaling::State::new(seed),
            ssm: ssm::State::with_public_parameters(&str::to_owned),
            s3: s3::State::default(),
            iam: iam::State::default(),
            sts: sts::State::default(),
            cloudwatch: cloudwatch::State::new(seed),
            lag: lag::State::new(seed),
            calls: Vec::new(),
            asked: BTreeSet::new(),
            milestones: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
            epoch,
            now: Duration::ZERO,
            sequence: 0,
            timers: BinaryHeap::new(),
            timed: BTreeMap::new(),
            orders: Vec::new(),
            elsewhere: BTreeMap::new(),
        }
    }

    /// Time since the account was made.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The date and time in the account.
    pub fn utc(&self) -> SystemTime {
        self.epoch + self.now
    }

    /// The date and time at which [`Account::now`] was `at`.
    pub fn utc_at(&self, at: Duration) -> SystemTime {
        self.epoch + at
    }

    /// Lets everything happen that is due at `now`.
    pub fn advance(&mut self, now: Duration) {
        let here = self.region.clone();
        while let Some(Reverse((at, key))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            self.now = self.now.max(at);
            if let Some((region, event)) = self.timed.remove(&key) {
                self.enter(&region);
                match event {
                    Timed::Ec2(event) => ec2::fire(self, event),
                    Timed::Elbv2(event) => elbv2::fire(self, event),
                    Timed::AutoScaling(event) => autoscaling::fire(self, event),
                    Timed::Ssm(event) => ssm::fire(self, event),
                }
            }
        }
        self.now = self.now.max(now);
        self.enter(&here);
    }

    /// When the next timed event is due.
    pub fn next_due(&self) -> Option<Duration> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Has `event` happen after `delay`.
    pub fn after(&mut self, delay: Duration, event: Timed) {
        self.sequence += 1;
        self.timers.push(Reverse((self.now + delay, self.sequence)));
        self.timed
            .insert(self.sequence, (self.region.clone(), event));
    }

    /// Notes that something became true, or will at `at`.
    pub fn reached(&mut self, at: Duration, what: &'static str, of: &str) {
        self.milestones.push(Milestone {
            at,
            what,
            of: of.to_owned(),
        });
    }

    /// Has something happen outside the account.
    pub fn order(&mut self, order: impl Into<Order>) {
        self.orders.push(order.into());
    }

    /// What has to happen outside the account now, in the region that it is in.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// A duration drawn from `spread`.
    pub fn draw(&mut self, spread: Spread) -> Duration {
        spread.draw(&mut self.rng)
    }

    /// A whole number below `bound`.
    pub fn pick(&mut self, bound: usize) -> usize {
        self.rng.usize(..bound.max(1))
    }

    /// A fresh resource id such as `i-0a1b2c3d4e5f60718`.
    pub fn resource_id(&mut self, prefix: &str) -> String {
        format!(
            "{prefix}-{:08x}{:09x}",
            self.rng.u32(..),
            self.rng.u64(..) & 0xf_ffff_ffff
        )
    }

    /// Sixteen hex digits, as at the end of load balancers' ARNs.
    pub fn hex16(&mut self) -> String {
        format!("{:016x}", self.rng.u64(..))
    }

    /// A UUID, as Systems Manager names its executions and Auto Scaling its activities.
    pub fn uuid(&mut self) -> String {
        let high = self.rng.u64(..);
        let low = self.rng.u64(..);
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }

    /// The ARN of whoever calls: the session's, when its keys were given out here, or the user's; all other callers are one.
    pub fn caller(&self) -> String {
        let key = self.sts.calling.as_deref();
        let user = key.and_then(|key| iam::user_of(&self.iam, key));
        match (self.sts.caller(), user) {
            (Some(session), _) => session.arn.clone(),
            (None, Some(user)) => user.arn.clone(),
            (None, None) => format!("arn:aws:sts::{}:assumed-role/local/caller", self.id),
        }
    }

    /// An ARN of this account's.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.id)
    }
}
