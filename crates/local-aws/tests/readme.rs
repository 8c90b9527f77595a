//! What README.md says about operations and durations is what the code has. Its Rust is a doc test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use local_aws::pace::Pace;

/// A service as the table has it, and by what its requests are signed.
const SERVICES: [(&str, &str); 9] = [
    ("EC2", "ec2"),
    ("Elastic Load Balancing v2", "elasticloadbalancing"),
    ("Auto Scaling", "autoscaling"),
    ("Systems Manager", "ssm"),
    ("S3", "s3"),
    ("IAM", "iam"),
    ("STS", "sts"),
    ("CloudWatch", "monitoring"),
    ("Service Quotas", "servicequotas"),
];

#[test]
fn the_readme_lists_every_operation_and_no_other() {
    let mut table = "\n| service | operations |\n|---|---|\n".to_owned();
    let mut left: BTreeSet<_> = local_aws::operations().into_iter().collect();
    for (name, signed) in SERVICES {
        let (of_it, others) = left
            .into_iter()
            .partition(|(service, _)| *service == signed);
        left = others;
        let operations: Vec<_> = BTreeSet::into_iter(of_it).map(|(_, name)| name).collect();
        table += &format!(
            "| {name} ({}) | {} |\n",
            operations.len(),
            operations.join(", ")
        );
    }
    assert!(left.is_empty(), "of no service: {left:?}");
    let (_, after) = readme_split("<!-- operations -->");
    let held = after
        .split("<!-- /operations -->")
        .next()
        .unwrap_or_default();
    assert_eq!(held.trim(), table.trim(), "the table has to be:\n{table}");
}

#[test]
fn the_readme_s_durations_are_the_pace_s() {
    let pace = format!("{:?}", Pace::aws());
    let (_, table) = readme_split("| | median | tail | most |");
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let field = cells[0].split('`').nth(1).expect("a field");
        let spread = format!(
            "{field}: Spread {{ median: {}, tail: {}, most: {} }}",
            cells[1], cells[2], cells[3]
        );
        assert!(pace.contains(&spread), "{spread} is not in {pace}");
        rows += 1;
    }
    assert_eq!(
        rows,
        pace.matches(": Spread {").count(),
        "a duration is missing"
    );
}

fn readme_split(mark: &str) -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(path).expect("the README");
    let (before, after) = text.split_once(mark).expect(mark);
    (before.to_owned(), after.to_owned())
}
