//! The token buckets that AWS puts before its APIs.
//!
//! Figures where AWS publishes them; elsewhere a guess on the tight side, so that a caller that is fine here is fine
//! there. EC2: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.

use std::collections::BTreeMap;
use std::time::Duration;

/// How many calls at once, and how many more each second.
#[derive(Clone, Copy, Debug)]
struct Limit {
    burst: f64,
    per_second: f64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Duration,
}

/// The buckets of one account and region.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    buckets: BTreeMap<(String, &'static str), Bucket>,
}

impl Throttle {
    /// Takes a token for this call; false when there is none.
    pub fn admit(&mut self, service: &str, operation: &str, now: Duration) -> bool {
        let (class, limit) = limit(service, operation);
        let bucket = self
            .buckets
            .entry((service.to_owned(), class))
            .or_insert(Bucket {
                tokens: limit.burst,
                filled_at: now,
            });
        let grown = now.saturating_sub(bucket.filled_at).as_secs_f64() * limit.per_second;
        bucket.tokens = (bucket.tokens + grown).min(limit.burst);
        bucket.filled_at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

fn limit(service: &str, operation: &str) -> (&'static str, Limit) {
    let reads = ["Describe", "Get", "List", "Head"]
        .iter()
        .any(|read| operation.starts_with(read));
    let (class, burst, per_second) = match (service, reads) {
        ("s3", _) => ("all", 3500.0, 3500.0),
        ("ec2", true) => ("read", 100.0, 20.0),
        ("ec2", false) => ("write", 50.0, 5.0),
        ("ssm", true) => ("read", 40.0, 40.0),
        ("ssm", false) => ("write", 10.0, 3.0),
        (_, true) => ("read", 40.0, 10.0),
        (_, false) => ("write", 40.0, 5.0),
    };
    (class, Limit { burst, per_second })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_beyond_the_bucket_is_refused_until_it_refills() {
        let mut throttle = Throttle::default();
        let admitted = (0..200)
            .filter(|_| throttle.admit("ec2", "DescribeInstances", Duration::ZERO))
            .count();
        assert_eq!(admitted, 100);
        assert!(throttle.admit("ec2", "DescribeInstances", Duration::from_secs(1)));
        assert!(
            throttle.admit("ec2", "RunInstances", Duration::ZERO),
            "another class has its own bucket"
        );
    }
}
