//! What README.md says about operations and durations is what the code has. Its Rust is a doc test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use local_aws::pace::Pace;

/// A service as the table has it, and the source with its operations.
const SERVICES: [(&str, &str); 8] = [
    ("EC2", "wire/ec2/mod.rs"),
    ("Elastic Load Balancing v2", "wire/elbv2/mod.rs"),
    ("Auto Scaling", "wire/autoscaling/mod.rs"),
    ("Systems Manager", "wire/ssm/mod.rs"),
    ("S3", "wire/s3/mod.rs"),
    ("IAM", "wire/iam.rs"),
    ("STS", "wire/sts.rs"),
    ("CloudWatch", "wire/cloudwatch.rs"),
];

#[test]
fn the_readme_lists_every_operation_and_no_other() {
    let mut table = "\n| service | operations |\n|---|---|\n".to_owned();
    for (name, source) in SERVICES {
        let operations: Vec<_> = operations(source).into_iter().collect();
        table += &format!(
            "| {name} ({}) | {} |\n",
            operations.len(),
            operations.join(", ")
        );
    }
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

/// The operations that a source finds a function for.
fn operations(source: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(source);
    let text = fs::read_to_string(&path).expect("a source");
    let (_, arms) = text.split_once("match operation {").expect("a match");
    let names = arms
        .lines()
        .take_while(|line| !line.trim_start().starts_with("_ =>"))
        .filter(|line| line.trim_start().starts_with(['"', '|']))
        .flat_map(|line| line.split("=>").next().unwrap_or_default().split('"'));
    names
        .filter(|name| name.starts_with(|letter: char| letter.is_ascii_uppercase()))
        .map(str::to_owned)
        .collect()
}
