//! The XML of the query protocols: AWS query (lists of `member`) and EC2 query (lists of `item`, small first letters).

use quick_xml::escape::escape;

use super::node::{Node, iso8601};

/// Which of the two query dialects is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// ELB, Auto Scaling, IAM, STS.
    Query,
    /// EC2.
    Ec2,
}

/// Writes the members of `node` as elements, without an element around them.
pub(crate) fn write_members(out: &mut String, node: &Node, dialect: Dialect) {
    if let Node::Map(members) = node {
        for member in members {
            let name = match dialect {
                Dialect::Query => member.name.to_owned(),
                Dialect::Ec2 => member
                    .xml
                    .map_or_else(|| small_first_letter(member.name), str::to_owned),
            };
            write_element(out, &name, &member.value, dialect);
        }
    }
}

/// Writes `node` inside an element.
pub(crate) fn write_element(out: &mut String, name: &str, node: &Node, dialect: Dialect) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    match node {
        Node::Text(text) => out.push_str(&escape(text.as_str())),
        Node::Number(number) => out.push_str(&number.to_string()),
        Node::Double(number) => out.push_str(&format!("{number:?}")),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Time(moment) => out.push_str(&iso8601(*moment)),
        Node::List(items) => {
            let item_name = match dialect {
                Dialect::Query => "member",
                Dialect::Ec2 => "item",
            };
            for item in items {
                write_element(out, item_name, item, dialect);
            }
        }
        Node::Map(_) => write_members(out, node, dialect),
        Node::Dictionary(entries) => {
            for (key, value) in entries {
                out.push_str("<entry>");
                write_element(out, "key", &Node::from(key), dialect);
                write_element(out, "value", value, dialect);
                out.push_str("</entry>");
            }
        }
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn small_first_letter(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_names_members_and_items_its_own_way() {
        let answer = Node::map()
            .put_as("Reservations", "reservationSet", Node::list(["a & b"]))
            .put("NextToken", "x");
        let mut query = String::new();
        write_members(&mut query, &answer, Dialect::Query);
        assert_eq!(
            query,
            "<Reservations><member>a &amp; b</member></Reservations><NextToken>x</NextToken>"
        );
        let mut ec2 = String::new();
        write_members(&mut ec2, &answer, Dialect::Ec2);
        assert_eq!(
            ec2,
            "<reservationSet><item>a &amp; b</item></reservationSet><nextToken>x</nextToken>"
        );
    }
}
