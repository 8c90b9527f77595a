//! The attributes of load balancers and target groups: AWS's keys, defaults and ranges.

use std::collections::BTreeMap;

use crate::account::ApiError;

/// What values an attribute takes.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Flag,
    Number(i64, i64),
    /// A number of a range, or one word beside it.
    NumberOr(i64, i64, &'static str),
    OneOf(&'static [&'static str]),
    Text,
}

type Table = &'static [(&'static str, &'static str, Kind)];

/// The attributes of application load balancers: key, default, values.
const LOAD_BALANCER: Table = &[
    ("access_logs.s3.bucket", "", Kind::Text),
    ("access_logs.s3.enabled", "false", Kind::OneOf(&["false"])),
    ("access_logs.s3.prefix", "", Kind::Text),
    (
        "client_keep_alive.seconds",
        "3600",
        Kind::Number(60, 604_800),
    ),
    ("connection_logs.s3.bucket", "", Kind::Text),
    (
        "connection_logs.s3.enabled",
        "false",
        Kind::OneOf(&["false"]),
    ),
    ("connection_logs.s3.prefix", "", Kind::Text),
    ("deletion_protection.enabled", "false", Kind::Flag),
    ("idle_timeout.timeout_seconds", "60", Kind::Number(1, 4000)),
    ("ipv6.deny_all_igw_traffic", "false", Kind::Flag),
    (
        "load_balancing.cross_zone.enabled",
        "true",
        Kind::OneOf(&["true"]),
    ),
    (
        "routing.http.desync_mitigation_mode",
        "defensive",
        Kind::OneOf(&["monitor", "defensive", "strictest"]),
    ),
    (
        "routing.http.drop_invalid_header_fields.enabled",
        "false",
        Kind::Flag,
    ),
    (
        "routing.http.preserve_host_header.enabled",
        "false",
        Kind::Flag,
    ),
    (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        "false",
        Kind::Flag,
    ),
    ("routing.http.xff_client_port.enabled", "false", Kind::Flag),
    (
        "routing.http.xff_header_processing.mode",
        "append",
        Kind::OneOf(&["append", "preserve", "remove"]),
    ),
    ("routing.http2.enabled", "true", Kind::Flag),
    ("waf.fail_open.enabled", "false", Kind::Flag),
    ("zonal_shift.config.enabled", "false", Kind::Flag),
];

/// The attributes of target groups of instances behind application load balancers.
const TARGET_GROUP: Table = &[
    (
        "deregistration_delay.timeout_seconds",
        "300",
        Kind::Number(0, 3600),
    ),
    (
        "load_balancing.algorithm.anomaly_mitigation",
        "off",
        Kind::OneOf(&["off", "on"]),
    ),
    (
        "load_balancing.algorithm.type",
        "round_robin",
        Kind::OneOf(&[
            "round_robin",
            "least_outstanding_requests",
            "weighted_random",
        ]),
    ),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Kind::OneOf(&["true", "use_load_balancer_configuration"]),
    ),
    ("slow_start.duration_seconds", "0", Kind::Number(0, 900)),
    ("stickiness.app_cookie.cookie_name", "", Kind::Text),
    (
        "stickiness.app_cookie.duration_seconds",
        "86400",
        Kind::Number(1, 604_800),
    ),
    ("stickiness.enabled", "false", Kind::Flag),
    (
        "stickiness.lb_cookie.duration_seconds",
        "86400",
        Kind::Number(1, 604_800),
    ),
    // An application's own cookie does not work with weighted target groups, which is what this cloud is for.
    ("stickiness.type", "lb_cookie", Kind::OneOf(&["lb_cookie"])),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
        Kind::NumberOr(1, 1000, "off"),
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
        Kind::NumberOr(1, 100, "off"),
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
        Kind::Number(1, 1000),
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
        Kind::NumberOr(1, 100, "off"),
    ),
];

/// Every attribute of one resource, set or by default.
#[derive(Clone, Debug)]
pub struct Attributes {
    table: Table,
    values: BTreeMap<&'static str, String>,
}

impl Attributes {
    /// A new load balancer's.
    pub fn of_load_balancer() -> Self {
        Self::defaults(LOAD_BALANCER)
    }

    /// A new target group's.
    pub fn of_target_group() -> Self {
        Self::defaults(TARGET_GROUP)
    }

    fn defaults(table: Table) -> Self {
        Self {
            table,
            values: table
                .iter()
                .map(|(key, default, _)| (*key, (*default).to_owned()))
                .collect(),
        }
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
    }

    /// A value.
    pub fn text(&self, key: &str) -> &str {
        self.values.get(key).map_or("", String::as_str)
    }

    /// A value that is a number; 0 where it is a word such as "off".
    pub fn number(&self, key: &str) -> u64 {
        self.text(key).parse().unwrap_or(0)
    }

    /// A value that is true or false.
    pub fn flag(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    /// With these changes, or AWS's complaint about one of them.
    pub fn with(&self, changes: &[(String, String)]) -> Result<Self, ApiError> {
        let mut changed = self.clone();
        for (key, value) in changes {
            let Some((known, _, kind)) = self.table.iter().find(|(known, _, _)| known == key)
            else {
                return Err(ApiError::validation(&format!(
                    "Attribute key '{key}' is not recognized"
                )));
            };
            if !kind.takes(value)
                || (*known == "slow_start.duration_seconds" && is_too_short(value))
            {
                return Err(ApiError::validation(&format!(
                    "'{value}' is not a valid value for '{key}': {}",
                    kind.in_words()
                )));
            }
            changed.values.insert(known, value.clone());
        }
        Ok(changed)
    }
}

/// Slow start is off, or at least half a minute.
fn is_too_short(value: &str) -> bool {
    matches!(value.parse(), Ok(1..30))
}

impl Kind {
    fn takes(self, value: &str) -> bool {
        let in_range = |least, most| {
            value
                .parse()
                .is_ok_and(|n: i64| (least..=most).contains(&n))
        };
        match self {
            Self::Flag => matches!(value, "true" | "false"),
            Self::Number(least, most) => in_range(least, most),
            Self::NumberOr(least, most, word) => value == word || in_range(least, most),
            Self::OneOf(words) => words.contains(&value),
            Self::Text => true,
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::NumberOr(least, most, word) => {
                format!("{word}, or a whole number from {least} to {most}")
            }
            Self::OneOf(words) => format!("the local cloud takes {}", words.join(", ")),
            Self::Text => "any text".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_outside_aws_s_range_is_refused_and_changes_nothing() {
        let attributes = Attributes::of_target_group();
        for (key, value) in [
            ("deregistration_delay.timeout_seconds", "3601"),
            ("slow_start.duration_seconds", "29"),
            ("stickiness.enabled", "yes"),
            ("load_balancing.algorithm.type", "fastest"),
            ("no.such.key", "1"),
        ] {
            let error = attributes.with(&[(key.to_owned(), value.to_owned())]);
            assert_eq!(error.expect_err(key).code, "ValidationError", "{key}");
        }
        assert_eq!(
            attributes.number("deregistration_delay.timeout_seconds"),
            300
        );
    }
}
