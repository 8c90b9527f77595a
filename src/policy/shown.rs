//! The roles as people and programs read them: a table, JSON, Terraform.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::RolePolicy;
use super::statement::Statement;

/// For whoever has to say yes to it: what each role may do, on what, if what, and which steps need it.
pub fn table(roles: &[RolePolicy]) -> String {
    let mut text = String::new();
    for role in roles {
        let _ = writeln!(text, "{} ({}): {}", role.kind, role.name, role.of);
        let _ = writeln!(text, "  taken on by {}", role.who.words());
        let mut before = String::new();
        for statement in &role.statements {
            let purpose = purpose(statement);
            let gap = match purpose == before {
                true => String::new(),
                false => format!("\n{purpose}"),
            };
            text += &format!("{gap}{}", allowed(statement));
            before = purpose;
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// What it is for, and in which steps.
fn purpose(statement: &Statement) -> String {
    let mut text = format!("  to {}", statement.why.join("; to "));
    if !statement.steps.is_empty() {
        let _ = write!(text, " ({})", statement.steps.join(", "));
    }
    text.push('\n');
    text
}

fn allowed(statement: &Statement) -> String {
    let mut text = String::new();
    for (nth, group) in services(&statement.actions).iter().enumerate() {
        let sign = if nth == 0 { "-" } else { " " };
        let _ = writeln!(text, "  {sign} may {group}");
    }
    for resource in &statement.resources {
        let _ = match resource.as_str() {
            "*" => writeln!(text, "    on  * (there is no resource to name)"),
            arn => writeln!(text, "    on  {arn}"),
        };
    }
    for (operator, key, values) in &statement.conditions {
        let (says, values) = (says(operator), values.join(" or "));
        let _ = writeln!(text, "    if  {key} {says} {values}");
    }
    text
}

/// The actions by service: `ec2: RunInstances, CreateTags`.
fn services(actions: &[&str]) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for (service, action) in actions.iter().filter_map(|action| action.split_once(':')) {
        match lines.iter_mut().find(|(of, _)| *of == service) {
            Some((_, all)) => all.push(action),
            None => lines.push((service, vec![action])),
        }
    }
    let line = |(service, all): (&str, Vec<&str>)| format!("{service}: {}", all.join(", "));
    lines.into_iter().map(line).collect()
}

fn says(operator: &str) -> &str {
    match operator {
        "StringEquals" => "is",
        "StringLike" => "is like",
        "ForAllValues:StringEquals" => "has nothing but",
        other => other,
    }
}

/// For a program.
pub fn json(roles: &[RolePolicy]) -> Value {
    let roles = roles.iter().map(|role| {
        json!({
            "kind": role.kind,
            "name": role.name,
            "for": role.of,
            "path": role.path,
            "boundary": role.boundary,
            "instance_profile": role.has_profile(),
            "trust": role.trust,
            "policy": role.policy(),
            "why": role.statements.iter().map(|statement| json!({
                "sid": statement.sid,
                "why": statement.why,
                "steps": statement.steps,
            })).collect::<Vec<_>>(),
        })
    });
    json!({"roles": roles.collect::<Vec<_>>()})
}

/// For whoever keeps roles in Terraform: each as `aws_iam_role` and `aws_iam_role_policy`.
pub fn terraform(roles: &[RolePolicy]) -> String {
    let mut text = String::new();
    for role in roles {
        let id = format!("bg_deploy_{}", role.kind);
        let mut lines = vec![("name", format!("\"{}\"", role.name))];
        // What is so by default is not written.
        if role.path != "/" {
            lines.push(("path", format!("\"{}\"", role.path)));
        }
        if let Some(boundary) = &role.boundary {
            lines.push(("permissions_boundary", format!("\"{boundary}\"")));
        }
        lines.push(("assume_role_policy", encoded(&role.trust)));
        let lines = lines.into_iter().map(|(name, value)| {
            let width = if role.boundary.is_some() { 20 } else { 18 };
            format!("  {name:width$} = {value}\n")
        });
        let _ = writeln!(
            text,
            "# {}\nresource \"aws_iam_role\" \"{id}\" {{\n{}}}\n",
            role.of,
            lines.collect::<String>()
        );
        let _ = writeln!(
            text,
            "resource \"aws_iam_role_policy\" \"{id}\" {{\n  name   = \"bg-deploy\"\n  role   = aws_iam_role.{id}.id\n  policy = {}\n}}\n",
            encoded(&role.policy())
        );
        if role.has_profile() {
            let _ = writeln!(
                text,
                "resource \"aws_iam_instance_profile\" \"{id}\" {{\n  name = \"{}\"\n  path = \"{}\"\n  role = aws_iam_role.{id}.name\n}}\n",
                role.name, role.path
            );
        }
    }
    text.trim_end().to_owned()
}

/// JSON is what `jsonencode` of it gives, so it is written as it is; a dollar before a brace would begin a template.
fn encoded(value: &Value) -> String {
    let written = format!("{value:#}").replace("${", "$${");
    let indented = written.replace('\n', "\n    ");
    format!("<<-JSON\n    {indented}\n  JSON")
}
