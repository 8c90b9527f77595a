//! Why it failed, in a sentence that a tired person understands: the reasons that come up again and again.
//!
//! Guarantees: pure; it goes by the reason, never by the words of a cause; it adds to a cause and never replaces it; what it
//! does not know it does not guess at.

use crate::cause::{ErrorKind, Exit, FailedCall, Reason};

const NO_CAPACITY: &str = "AWS has no capacity for this instance type in this zone now: try again in a few minutes, or name another instance type.";
const NO_SUCH_TYPE: &str = "AWS does not offer this instance type in the zones of these subnets: name another type, or `subnets` in other zones in [network].";
const QUOTA: &str = "The account's quota for running instances is used up: stop some, or ask AWS for a higher quota.";
const THROTTLED: &str = "AWS slowed this account down for too long: something else may be calling its API a lot; try again.";

/// The plain sentence for a reason, if there is one.
pub(super) fn explain(reason: &Reason) -> Option<String> {
    let sentence = match reason {
        Reason::Call(call) => return explain_call(call),
        Reason::NoCapacity => NO_CAPACITY,
        Reason::NoSuchType => NO_SUCH_TYPE,
        Reason::Quota => QUOTA,
        Reason::BuilderScript => {
            "A command on the builder failed: the end of the builder's log, below, shows which one."
        }
        Reason::BuilderLate => {
            "The builder was not done in time: its subnet may have no way out to the internet, or the bake script waits for something."
        }
        Reason::HealthStatus => {
            "The app runs, but its health path does not answer 200: see health-path, and what the app needs to be healthy."
        }
        Reason::HealthTimeout => {
            "The health check got no answer: a security group may be in the way, or the app hangs."
        }
        Reason::HealthRefused => {
            "Nothing takes the health check's connection: the app has to listen on the PORT of its environment, and on all interfaces, not on 127.0.0.1 alone."
        }
        Reason::HealthUnsteady => {
            "The app was healthy and did not stay so: its health path answers 200 at times only, or the app is overloaded, or started again and again."
        }
        Reason::NeverHealthy => {
            "The app never became healthy: it may not start, or need longer than healthy-within; its own log says more."
        }
        Reason::ServiceEnds(exit) => explain_exit(*exit),
        Reason::WrongRelease => {
            "The candidate runs, but says that it is another release: the artifact may be an old build, or --release is not what it was built as."
        }
        Reason::NoVersion => {
            "The candidate runs, but does not always say which release it is: version-path has to be answered with 200 and the release, as text or as JSON, whenever it is asked."
        }
        Reason::Requests(Some(502)) => {
            "The app closed a connection with a request on it: its keep-alive timeout may be below the load balancer's 60 s, or it crashed, or it stops without finishing its requests."
        }
        Reason::Requests(Some(503)) => "The load balancer had no instance to send the request to.",
        Reason::Requests(Some(504)) => {
            "The app took longer to answer than the load balancer waits (60 s)."
        }
        Reason::Slow => {
            "The new release answers, and takes longer than shift.slowest allows: compare what it does at start and on its first requests with the release before; a pool or a cache may have to be filled before the health check answers."
        }
        Reason::Another => {
            "Somebody else acts on this stack, a person, another tool or another run that has taken over: what is theirs is not overwritten, and this run stopped."
        }
        Reason::Answering => {
            "Somebody still uses the instances that would have been replaced, by a way that is in no rule: find out who sends those requests, and release again when they have stopped."
        }
        Reason::Bug => {
            "That is a mistake of bg-deploy, not of the release: please report it, with what it wrote before."
        }
        Reason::Requests(_) => return None,
    };
    Some(sentence.to_owned())
}

/// What it means that a service ends like this. Statuses from 200 on: `man systemd.exec`, "Process Exit Codes"; 126 and
/// 127: a shell, and the dynamic loader where a library is missing.
fn explain_exit(exit: Exit) -> &'static str {
    match exit {
        Exit::Status(203) => {
            "The service could not be executed: service.command has to name an executable file that is in the artifact or the image and made for this architecture, and a script's interpreter has to be in the image."
        }
        Exit::Status(126 | 127) => {
            "The service ends by itself because something that it needs is not in the image or cannot be executed, a program or a library: its last lines name it; put it into the artifact, or install it in the bake script."
        }
        Exit::Status(0) => {
            "The service ends by itself, without an error: service.command has to stay in the foreground for as long as the app runs, and not start it in the background."
        }
        Exit::Status(200..=245) => {
            "The service could not be set up by systemd, so the app itself never ran: the last lines of its log name what is missing."
        }
        Exit::Signal(9) => {
            "The service is killed again and again, most likely because memory runs out: give it a larger instance-type, or let it use less."
        }
        Exit::Status(_) | Exit::Untold => {
            "The service ends by itself as soon as it is started, or soon after, again and again: its last lines say why; often it is a setting, a module or a database that is not there."
        }
        Exit::Signal(_) => {
            "The service crashes again and again, ended by a signal: its last lines may say where; often it is built for another system or processor."
        }
    }
}

fn explain_call(call: &FailedCall) -> Option<String> {
    if let Some(refusal) = call.refusal() {
        return Some(sentence(refusal.remedy));
    }
    let known = match (call.kind, call.code.as_str()) {
        (ErrorKind::Throttled, _) => THROTTLED,
        (_, "InsufficientInstanceCapacity") => NO_CAPACITY,
        (_, "Unsupported") => NO_SUCH_TYPE,
        (_, "VcpuLimitExceeded" | "InstanceLimitExceeded") => QUOTA,
        _ => return None,
    };
    Some(known.to_owned())
}

/// A fragment as a sentence.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(kind: ErrorKind, code: &str) -> Reason {
        Reason::Call(Box::new(FailedCall {
            kind,
            operation: "RunInstances".into(),
            resource: String::new(),
            code: code.to_owned(),
            message: "AccessDenied 502 throttled".to_owned(),
            request_id: None,
        }))
    }

    fn service_ends(status: i32) -> Reason {
        Reason::ServiceEnds(Exit::Status(status))
    }

    #[test]
    fn each_reason_that_comes_up_again_and_again_has_its_sentence() {
        for (reason, begins) in [
            (Reason::Requests(Some(502)), "The app closed a connection"),
            (Reason::Requests(Some(503)), "The load balancer had no"),
            (Reason::Requests(Some(504)), "The app took longer"),
            (Reason::NoCapacity, "AWS has no capacity"),
            (
                call(ErrorKind::Other, "InsufficientInstanceCapacity"),
                "AWS has no capacity",
            ),
            (Reason::NoSuchType, "AWS does not offer"),
            (call(ErrorKind::Other, "Unsupported"), "AWS does not offer"),
            (Reason::Quota, "The account's quota"),
            (
                call(ErrorKind::Other, "VcpuLimitExceeded"),
                "The account's quota",
            ),
            (Reason::BuilderScript, "A command on the builder"),
            (Reason::BuilderLate, "The builder was not done"),
            (Reason::HealthTimeout, "The health check got"),
            (Reason::HealthStatus, "The app runs, but"),
            (Reason::HealthRefused, "Nothing takes the"),
            (Reason::HealthUnsteady, "The app was healthy and"),
            (Reason::NeverHealthy, "The app never became"),
            (service_ends(203), "The service could not be executed"),
            (service_ends(127), "The service ends by itself because"),
            (service_ends(0), "The service ends by itself, without"),
            (service_ends(217), "The service could not be set up"),
            (service_ends(1), "The service ends by itself as soon"),
            (
                Reason::ServiceEnds(Exit::Signal(9)),
                "The service is killed",
            ),
            (Reason::ServiceEnds(Exit::Signal(11)), "The service crashes"),
            (Reason::WrongRelease, "The candidate runs, but says"),
            (Reason::NoVersion, "The candidate runs, but does not"),
            (call(ErrorKind::Denied, "AccessDenied"), "The role may not"),
            (
                call(ErrorKind::Denied, "ExpiredToken"),
                "The AWS credentials",
            ),
            (
                call(ErrorKind::Denied, "SignatureDoesNotMatch"),
                "AWS does not accept",
            ),
            (call(ErrorKind::Throttled, "Throttling"), "AWS slowed"),
            (Reason::Another, "Somebody else"),
            (Reason::Answering, "Somebody still uses"),
            (Reason::Bug, "That is a mistake"),
        ] {
            let why = explain(&reason).unwrap_or_default();
            assert!(why.starts_with(begins), "{reason:?}: {why:?}");
            assert!(why.ends_with('.'), "{why:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed_at_whatever_its_words_are() {
        assert_eq!(explain(&call(ErrorKind::Other, "ValidationError")), None);
        assert_eq!(explain(&Reason::Requests(None)), None);
        assert_eq!(explain(&Reason::Requests(Some(418))), None);
    }
}
