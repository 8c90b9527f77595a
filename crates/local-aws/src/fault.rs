//! What goes wrong on purpose: faults, each a rule with a scope.
//!
//! A fault says whom it strikes (its scope), how many it lets pass first, how many it then strikes, and what happens to
//! those. Among the faults whose scope fits a call, the one injected first decides; one that is spent fits nothing.

use std::time::Duration;

/// What happens to a call that a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The answer comes this much later, on the account's clock.
    Delay(Duration),
    /// Refused before anything changes: code, HTTP status, message.
    Refuse(String, u16, String),
    /// Refused as one call too many, with the code that the service has for it.
    Throttle,
    /// Refused because the credentials have expired, with the code that the service's protocol has for it.
    Expired,
    /// It happens, and the connection closes before the answer.
    LoseReply,
    /// It happens this much later, and the connection closes at once.
    ApplyLate(Duration),
}

/// Whom a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    /// Calls of this service (its signing name) and operation; `None` for any.
    Calls(Option<String>, Operations, Answer),
    /// Images that are made: they fail.
    Images,
    /// Changes on their way to this node of each load balancer: they take so much longer.
    Propagation(usize, Duration),
    /// Launches in this zone; `None`: of Auto Scaling groups, in any.
    Launches(Option<char>, Gap),
}

/// Why a zone has no instance for a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It has none left of the type.
    NoCapacity,
    /// It never has any of the type.
    NoType,
}

/// Which of a service's operations.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operations {
    All,
    /// Those that change something.
    Changes,
    /// One, by its name.
    Named(String),
}

/// Something that goes wrong on purpose: made by one of its constructors, which strikes once unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    scope: Scope,
    skip: u32,
    times: u32,
}

impl Fault {
    /// Strikes calls of this operation: the service by its signing name (`"elasticloadbalancing"`), the operation as
    /// AWS spells it (`"CreateRule"`).
    pub fn on(service: &str, operation: &str, answer: Answer) -> Self {
        let operations = Operations::Named(operation.to_owned());
        Self::once(Scope::Calls(Some(service.to_owned()), operations, answer))
    }

    /// Strikes any call of a service.
    pub fn on_service(service: &str, answer: Answer) -> Self {
        let service = Some(service.to_owned());
        Self::once(Scope::Calls(service, Operations::All, answer))
    }

    /// Strikes any call that changes something.
    pub fn on_changes(answer: Answer) -> Self {
        Self::once(Scope::Calls(None, Operations::Changes, answer))
    }

    /// Strikes any call.
    pub fn on_all(answer: Answer) -> Self {
        Self::once(Scope::Calls(None, Operations::All, answer))
    }

    /// From now on Auto Scaling groups get no instances, as when a zone has none of their type left.
    pub fn no_capacity() -> Self {
        Self::once(Scope::Launches(None, Gap::NoCapacity)).for_ever()
    }

    /// From now on this zone, by its letter, has no instances left, whoever launches them.
    pub fn no_capacity_in(zone: char) -> Self {
        Self::once(Scope::Launches(Some(zone), Gap::NoCapacity)).for_ever()
    }

    /// The next image that is made fails, minutes after it was begun.
    pub fn failed_image() -> Self {
        Self::once(Scope::Images)
    }

    /// This zone, by its letter, has no instances of any type that is asked for.
    pub fn no_type_in(zone: char) -> Self {
        Self::once(Scope::Launches(Some(zone), Gap::NoType)).for_ever()
    }

    /// From now on this node of each load balancer learns of every change so much later than it would.
    pub fn slow_node(node: usize, by: Duration) -> Self {
        Self::once(Scope::Propagation(node, by)).for_ever()
    }

    /// From now on every caller's credentials have expired.
    pub fn expired_credentials() -> Self {
        Self::on_all(Answer::Expired).for_ever()
    }

    fn once(scope: Scope) -> Self {
        Self {
            scope,
            skip: 0,
            times: 1,
        }
    }

    /// Lets so many pass before it begins to strike.
    pub fn after(mut self, passing: u32) -> Self {
        self.skip = passing;
        self
    }

    /// Strikes so many.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Strikes until it is lifted.
    pub fn for_ever(self) -> Self {
        self.times(u32::MAX)
    }

    /// Whether it has struck as often as it was to.
    pub fn is_spent(&self) -> bool {
        self.times == 0
    }

    /// Whether it strikes now; it counts those that it lets pass, and those that it strikes.
    fn strikes(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.times != u32::MAX {
            self.times -= 1;
        }
        true
    }
}

/// All faults of an account.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one below those that are there.
    pub fn inject(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Ends all, and answers with them: one that is not spent has not struck as often as it was to.
    pub fn lift(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.0)
    }

    /// What happens to this call, if a fault strikes it.
    pub fn meet_call(&mut self, service: &str, operation: &str, changes: bool) -> Option<Answer> {
        let fits = |scope: &Scope| match scope {
            Scope::Calls(of, operations, _) => {
                of.as_ref().is_none_or(|of| of == service)
                    && match operations {
                        Operations::All => true,
                        Operations::Changes => changes,
                        Operations::Named(name) => name == operation,
                    }
            }
            Scope::Images | Scope::Launches(..) | Scope::Propagation(..) => false,
        };
        let mut faults = self.0.iter_mut();
        let fault = faults.find(|fault| !fault.is_spent() && fits(&fault.scope))?;
        match (fault.strikes(), &fault.scope) {
            (true, Scope::Calls(_, _, answer)) => Some(answer.clone()),
            _ => None,
        }
    }

    /// Why a launch in this zone gets no instance now, if it gets none.
    pub fn meet_launch(&mut self, zone: char, by_group: bool) -> Option<Gap> {
        let fits = |scope: &Scope| match scope {
            Scope::Launches(None, _) => by_group,
            Scope::Launches(Some(of), _) => *of == zone,
            Scope::Calls(..) | Scope::Images | Scope::Propagation(..) => false,
        };
        let mut faults = self.0.iter_mut();
        let fault = faults.find(|fault| !fault.is_spent() && fits(&fault.scope))?;
        match (fault.strikes(), &fault.scope) {
            (true, Scope::Launches(_, gap)) => Some(*gap),
            _ => None,
        }
    }

    /// Whether the image that would be done now fails.
    pub fn meet_image(&mut self) -> bool {
        let mut faults = self.0.iter_mut();
        faults
            .find(|fault| !fault.is_spent() && fault.scope == Scope::Images)
            .is_some_and(Fault::strikes)
    }

    /// How much longer a change takes to this node.
    pub fn meet_propagation(&mut self, node: usize) -> Duration {
        let mut faults = self.0.iter_mut();
        let slow = faults.find_map(|fault| match fault.scope {
            Scope::Propagation(of, by) if of == node && !fault.is_spent() => Some((fault, by)),
            _ => None,
        });
        match slow.map(|(fault, by)| (fault.strikes(), by)) {
            Some((true, by)) => by,
            _ => Duration::ZERO,
        }
    }

    /// Whether a zone has the types that are asked for.
    pub fn has_types(&self, zone: char) -> bool {
        let lacks = Scope::Launches(Some(zone), Gap::NoType);
        !self
            .0
            .iter()
            .any(|fault| !fault.is_spent() && fault.scope == lacks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_after_those_it_lets_pass_and_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.inject(
            Fault::on("ec2", "RunInstances", Answer::Throttle)
                .after(1)
                .times(2),
        );
        let met =
            |faults: &mut Faults, operation| faults.meet_call("ec2", operation, true).is_some();
        assert!(!met(&mut faults, "CreateImage"), "out of its scope");
        let all: Vec<_> = (0..4).map(|_| met(&mut faults, "RunInstances")).collect();
        assert_eq!(all, [false, true, true, false]);
        assert!(faults.lift().iter().all(Fault::is_spent));
    }

    #[test]
    fn the_scope_is_a_service_or_changes_or_all_or_a_group_s_launches() {
        let strikes = |fault: Fault, service, changes| {
            let mut faults = Faults::default();
            faults.inject(fault);
            faults.meet_call(service, "Any", changes).is_some()
        };
        assert!(strikes(
            Fault::on_service("s3", Answer::LoseReply),
            "s3",
            false
        ));
        assert!(!strikes(
            Fault::on_service("s3", Answer::LoseReply),
            "ssm",
            false
        ));
        assert!(strikes(Fault::on_changes(Answer::LoseReply), "ssm", true));
        assert!(!strikes(Fault::on_changes(Answer::LoseReply), "ssm", false));
        assert!(strikes(Fault::expired_credentials(), "sts", false));
        assert!(!strikes(Fault::no_capacity(), "ec2", true));
    }

    #[test]
    fn what_strikes_for_ever_is_there_until_it_is_lifted() {
        let mut faults = Faults::default();
        faults.inject(Fault::no_capacity());
        assert!((0..1000).all(|_| faults.meet_launch('a', true).is_some()));
        assert_eq!(faults.meet_launch('a', false), None);
        assert_eq!(faults.lift(), [Fault::no_capacity()]);
        assert_eq!(faults.meet_launch('a', true), None);
        faults.inject(Fault::no_type_in('b'));
        assert_eq!(faults.meet_launch('a', false), None);
        assert_eq!(faults.meet_launch('b', false), Some(Gap::NoType));
        assert!(faults.has_types('a') && !faults.has_types('b'));
    }
}
