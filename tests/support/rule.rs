//! Rules about calls: what goes wrong in the account on purpose.

use local_aws::account::Account;
use local_aws::{Answer, Fault};

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
        let fault = Fault::on(self.service, self.operation, answer);
        account.faults.inject(fault.after(self.skip).times(times));
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
    account.faults.lift().iter().all(Fault::is_spent)
}
