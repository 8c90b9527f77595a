//! Rules about calls: what goes wrong in the account on purpose.

use local_aws::account::Account;
use local_aws::fault::{Answer, Faults, Rule};

/// A call that is met by a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// The service's signing name.
    pub(crate) service: &'static str,
    /// The operation.
    pub(crate) operation: &'static str,
    /// How many such calls are let through first.
    pub(crate) skip: u32,
}

/// The next call of this operation.
pub(crate) const fn next(service: &'static str, operation: &'static str) -> Call {
    Call {
        service,
        operation,
        skip: 0,
    }
}

/// The call of this operation after the next one.
pub(crate) const fn second(service: &'static str, operation: &'static str) -> Call {
    Call {
        service,
        operation,
        skip: 1,
    }
}

impl Call {
    /// Has the call answered like this, as often as `times`.
    pub(crate) fn meet(self, account: &mut Account, times: u32, answer: Answer) {
        account.faults.rules.push(Rule {
            service: self.service.to_owned(),
            operation: self.operation.to_owned(),
            skip: self.skip,
            times,
            answer,
        });
    }

    /// Has the call refused, once, in a way that is not tried again.
    pub(crate) fn refuse(self, account: &mut Account) {
        let code = match self.service {
            "ssm" => "AccessDeniedException",
            "ec2" => "UnauthorizedOperation",
            _ => "AccessDenied",
        };
        let refusal = Answer::Refuse(code.to_owned(), 403, REFUSAL.to_owned());
        self.meet(account, 1, refusal);
    }
}

/// The words of a refusal.
pub(crate) const REFUSAL: &str = "refused on purpose";

/// Ends all faults; whether every one of them had met its calls.
pub(crate) fn clear(account: &mut Account) -> bool {
    let faults = std::mem::take(&mut account.faults);
    let Faults { rules, .. } = faults;
    rules.iter().all(|rule| rule.times == 0)
}
