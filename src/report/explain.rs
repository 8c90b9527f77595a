//! Why it failed, in a sentence that a tired person understands: the causes that come up again and again.
//!
//! Guarantees: pure; it adds to a cause and never replaces it; what it does not know it does not guess at.

/// Words that give a cause away, and what is behind it. The first row that fits is taken.
struct Known {
    /// Steps whose name contains this; empty: any.
    step: &'static str,
    /// All of these stand in the cause, in lower case; each is a list of alternatives.
    words: &'static [&'static [&'static str]],
    /// The sentence.
    why: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        step: "",
        words: &[
            &["502"],
            &[
                "keep-alive",
                "keepalive",
                "reused connection",
                "closed",
                "reset",
            ],
        ],
        why: "The app closes idle connections before the load balancer does: set its keep-alive timeout above 60 s.",
    },
    Known {
        step: "",
        words: &[&[
            "insufficientinstancecapacity",
            "insufficient capacity",
            "do not have sufficient",
        ]],
        why: "AWS has no capacity for this instance type in this zone now: try again in a few minutes, or name another instance type.",
    },
    Known {
        step: "",
        words: &[&[
            "vcpulimitexceeded",
            "instancelimitexceeded",
            "vcpu limit",
            "more vcpu capacity than",
        ]],
        why: "The account's quota for running instances is used up: stop some, or ask AWS for a higher quota.",
    },
    Known {
        step: "",
        words: &[&[
            "expiredtoken",
            "requestexpired",
            "token included in the request is expired",
            "security token expired",
        ]],
        why: "The AWS credentials ran out during the run: ask for a longer role session (role-duration-seconds).",
    },
    Known {
        step: "",
        words: &[&[
            "accessdenied",
            "unauthorizedoperation",
            "not authorized to perform",
        ]],
        why: "The role may not do this: compare its policy with the output of “bg-deploy policy”.",
    },
    Known {
        step: "",
        words: &[&["throttl", "requestlimitexceeded", "rate exceeded"]],
        why: "AWS slowed this account down for too long: something else may be calling its API a lot; try again.",
    },
    Known {
        step: "bake",
        words: &[
            &["script", "command", "runcommand", "exit"],
            &["failed", "exit", "status"],
        ],
        why: "A command on the builder failed: the end of the builder's log, below, shows which one.",
    },
    Known {
        step: "bake",
        words: &[&["timed out", "in time", "deadline"]],
        why: "The builder was not done in time: its subnet may have no way out to the internet, or the bake script waits for something.",
    },
    Known {
        step: "",
        words: &[&[
            "wrong version",
            "other version",
            "answers version",
            "instead of",
            "answered version",
        ]],
        why: "The app that came up is not the one that was built: see that its version is compiled in, or read at start, and not cached.",
    },
    Known {
        step: "",
        words: &[&[
            "connection refused",
            "nobody listens",
            "failedhealthchecks: refused",
        ]],
        why: "Nothing listens on the app's port: the app did not start, or listens on another port or only on 127.0.0.1.",
    },
    Known {
        step: "",
        words: &[&[
            "responsecodemismatch",
            "health checks failed with these codes",
            "codes: [",
        ]],
        why: "The app runs, but its health path does not answer 200: see health-path, and what the app needs to be healthy.",
    },
    Known {
        step: "",
        words: &[&["target.timeout", "request timed out"]],
        why: "The health check got no answer: a security group may be in the way, or the app hangs.",
    },
    Known {
        step: "probe version",
        words: &[&["answers of"]],
        why: "The candidate runs, but says that it is another release: the artifact may be an old build, or --release is not what it was built as.",
    },
    Known {
        step: "healthy",
        words: &[&["healthy", "in time", "timed out", "deadline"]],
        why: "The app never became healthy: it may not start, or need longer than healthy-within; its own log on an instance says more.",
    },
    Known {
        step: "",
        words: &[&["503"]],
        why: "The load balancer had no instance to send the request to.",
    },
    Known {
        step: "",
        words: &[&["504"]],
        why: "The app took longer to answer than the load balancer waits (60 s).",
    },
    Known {
        step: "",
        words: &[&["502"]],
        why: "The app closed a connection with a request on it: its keep-alive timeout may be below the load balancer's 60 s, or it crashed, or it stops without finishing its requests.",
    },
];

/// The plain reason behind a step's `cause`, if it is one of those that come up again and again.
pub(super) fn explain(step: &str, cause: &str) -> Option<String> {
    let step = step.to_lowercase();
    let cause = cause.to_lowercase();
    KNOWN
        .iter()
        .find(|known| {
            step.contains(known.step)
                && known
                    .words
                    .iter()
                    .all(|any| any.iter().any(|word| cause.contains(word)))
        })
        .map(|known| known.why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn each_cause_that_comes_up_again_and_again_has_its_sentence() {
        for (step, cause, begins) in [
            (
                "soak",
                "3 requests failed: 502 on keep-alive connections",
                "The app closes idle",
            ),
            (
                "soak",
                "1 request failed: 502 Bad Gateway",
                "The app closed a connection",
            ),
            (
                "soak",
                "HTTP 503 from the load balancer",
                "The load balancer had no",
            ),
            ("soak", "HTTP 504 Gateway Timeout", "The app took longer"),
            (
                "scale up idle",
                "InsufficientInstanceCapacity: t3.micro in eu-west-1b",
                "AWS has no capacity",
            ),
            (
                "scale up idle",
                "VcpuLimitExceeded: you have requested more",
                "The account's quota",
            ),
            (
                "bake image",
                "step install failed: exit status 127",
                "A command on the builder",
            ),
            (
                "bake image",
                "not ready in time: waiting for the agent",
                "The builder was not done",
            ),
            (
                "await healthy",
                "0 of 2 healthy: Target.Timeout: Request timed out",
                "The health check got",
            ),
            (
                "await healthy",
                "0 of 2 healthy: Health checks failed with these codes: [500]",
                "The app runs, but",
            ),
            (
                "await healthy",
                "not ready in time: 1 of 2 healthy",
                "The app never became",
            ),
            (
                "await healthy",
                "i-1: connection refused on port 8080",
                "Nothing listens",
            ),
            (
                "version probe",
                "i-1 answers 0.0.1 instead of 0.0.2",
                "The app that came up",
            ),
            (
                "publish template version",
                "AccessDenied: not authorized to perform",
                "The role may not",
            ),
            (
                "drain",
                "ExpiredToken: the security token expired",
                "The AWS credentials",
            ),
            ("drain", "Throttling: Rate exceeded", "AWS slowed"),
        ] {
            let why = explain(step, cause).unwrap_or_default();
            assert!(why.starts_with(begins), "{step}: {cause}: {why:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed_at() {
        assert_eq!(explain("shift traffic", "listener rule 7 vanished"), None);
        assert_eq!(explain("", ""), None);
    }
}
