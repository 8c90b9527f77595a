//! The schemas of what commands answer a program, by name.

/// Each kind of answer, and its JSON Schema.
pub const ANSWERS: [(&str, &str); 11] = [
    (
        "by-hand",
        include_str!("../../schema/answers/by-hand.schema.json"),
    ),
    (
        "destroy",
        include_str!("../../schema/answers/destroy.schema.json"),
    ),
    (
        "doctor",
        include_str!("../../schema/answers/doctor.schema.json"),
    ),
    (
        "failure",
        include_str!("../../schema/answers/failure.schema.json"),
    ),
    (
        "history",
        include_str!("../../schema/answers/history.schema.json"),
    ),
    (
        "plan",
        include_str!("../../schema/answers/plan.schema.json"),
    ),
    (
        "policy",
        include_str!("../../schema/answers/policy.schema.json"),
    ),
    (
        "probe",
        include_str!("../../schema/answers/probe.schema.json"),
    ),
    (
        "provision",
        include_str!("../../schema/answers/provision.schema.json"),
    ),
    ("run", include_str!("../../schema/answers/run.schema.json")),
    (
        "status",
        include_str!("../../schema/answers/status.schema.json"),
    ),
];
