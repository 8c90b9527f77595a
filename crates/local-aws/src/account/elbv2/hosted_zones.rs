//! The hosted zones of Elastic Load Balancing itself, which aliases to load balancers name.

/// Of application load balancers, by region (<https://docs.aws.amazon.com/general/latest/gr/elb.html>, "Service endpoints").
const ZONES: [(&str, &str); 17] = [
    ("ap-northeast-1", "Z14GRHDCWA56QT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX"),
    ("ap-northeast-3", "Z5LXEXXYW11ES"),
    ("ap-south-1", "ZP97RAFLXTNZK"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65"),
    ("ca-central-1", "ZQSVJUPU6J1EY"),
    ("eu-central-1", "Z215JYRZR1TBD5"),
    ("eu-north-1", "Z23TAZ6LKFMNIO"),
    ("eu-west-1", "Z32O12XQLNTSW2"),
    ("eu-west-2", "ZHURV8PSTC4K8"),
    ("eu-west-3", "Z3Q77PNBQS71R4"),
    ("sa-east-1", "Z2P70J7HTTTPLU"),
    ("us-east-1", "Z35SXDOTRQ7X7K"),
    ("us-east-2", "Z3AADJGX6KTTL2"),
    ("us-west-1", "Z368ELLRRE2KJ0"),
    ("us-west-2", "Z1H1FL5HABSF5"),
];

/// The region's, where it is known: none is answered rather than another region's.
pub fn of(region: &str) -> Option<&'static str> {
    let mut zones = ZONES.iter();
    zones
        .find(|(known, _)| *known == region)
        .map(|(_, zone)| *zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::regions::REGIONS;

    #[test]
    fn each_region_of_an_account_has_its_own() {
        let zones: std::collections::BTreeSet<_> =
            REGIONS.iter().filter_map(|one| of(one)).collect();
        assert_eq!(zones.len(), REGIONS.len());
        assert_eq!(of("mars-north-1"), None);
    }
}
