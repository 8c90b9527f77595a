//! Tables and lists of Markdown.

use crate::text;

/// A table of cells that are Markdown already; nothing without rows.
pub(super) fn table(head: &[&str], align: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<String> = rows
        .map(|row| format!("| {} |\n", row.join(" | ")))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let rule = align
        .chars()
        .map(|side| if side == 'r' { "--:" } else { ":--" });
    let rule: Vec<&str> = rule.collect();
    format!(
        "| {} |\n| {} |\n{}\n",
        head.join(" | "),
        rule.join(" | "),
        rows.concat()
    )
}

/// A list of plain texts.
pub(super) fn bullets(items: &[String]) -> String {
    items
        .iter()
        .map(|item| format!("- {}\n", text::markdown(item)))
        .collect()
}
