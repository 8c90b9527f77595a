//! The protocol Smithy RPC v2 CBOR: maps with the API's member names, moments as tagged seconds since 1970.
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use ciborium::Value;
use serde_json::Value as Json;

use super::node::{Node, epoch_seconds};

/// What each request and each answer has, and no other protocol.
pub(super) const HEADER: &str = "smithy-protocol";
/// What it says.
pub(super) const NAME: &str = "rpc-v2-cbor";
/// The tag of seconds since 1970.
const EPOCH_SECONDS: u64 = 1;

/// A request's structure, with moments as numbers, as JSON has them.
pub(super) fn read(body: &[u8]) -> Result<Json, String> {
    let value: Value = ciborium::from_reader(body).map_err(|error| error.to_string())?;
    to_json(value)
}

fn to_json(value: Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => value.into(),
        Value::Integer(number) => i64::try_from(number)
            .map_err(|error| error.to_string())?
            .into(),
        Value::Float(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Array(items) => items
            .into_iter()
            .map(to_json)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Value::Map(members) => {
            let members = members.into_iter().map(|(name, value)| match name {
                Value::Text(name) => Ok((name, to_json(value)?)),
                other => Err(format!("a member's name is no text: {other:?}")),
            });
            Json::Object(members.collect::<Result<_, _>>()?)
        }
        Value::Tag(EPOCH_SECONDS, seconds) => to_json(*seconds)?,
        other => return Err(format!("the local cloud does not read {other:?} in CBOR")),
    })
}

/// An answer's structure.
pub(super) fn write(answer: &Node) -> Vec<u8> {
    let mut body = Vec::new();
    ciborium::into_writer(&from_node(answer), &mut body).expect("memory takes all that is written");
    body
}

fn from_node(node: &Node) -> Value {
    match node {
        Node::Text(text) => text.as_str().into(),
        Node::Number(number) => (*number).into(),
        Node::Double(number) => (*number).into(),
        Node::Bool(value) => (*value).into(),
        Node::Time(moment) => Value::Tag(EPOCH_SECONDS, Box::new(epoch_seconds(*moment).into())),
        Node::List(items) => Value::Array(items.iter().map(from_node).collect()),
        Node::Map(members) => Value::Map(
            members
                .iter()
                .map(|member| (member.name.into(), from_node(&member.value)))
                .collect(),
        ),
        Node::Dictionary(entries) => Value::Map(
            entries
                .iter()
                .map(|(name, value)| (name.as_str().into(), from_node(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_moment_is_tagged_seconds_and_a_double_is_never_an_integer() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        let answer = Node::map()
            .put("At", moment)
            .put("Values", Node::List(vec![Node::Double(3.0)]));
        let bytes = write(&answer);
        let read_back: Value = ciborium::from_reader(&bytes[..]).expect("CBOR");
        let members = read_back.as_map().expect("a map");
        assert_eq!(members[0].1, Value::Tag(1, Box::new(Value::Float(1.5))));
        assert_eq!(members[1].1, Value::Array(vec![Value::Float(3.0)]));
        assert_eq!(
            read(&bytes),
            Ok(serde_json::json!({"At": 1.5, "Values": [3.0]}))
        );
    }

    #[test]
    fn what_is_no_structure_of_json_s_kind_is_refused() {
        let mut bytes = Vec::new();
        let strange = Value::Map(vec![(Value::Integer(1.into()), Value::Null)]);
        ciborium::into_writer(&strange, &mut bytes).expect("CBOR");
        assert!(read(&bytes).is_err());
        assert!(read(b"\xff\xff").is_err());
    }
}
