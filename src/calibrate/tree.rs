//! What was on the wire, in whatever protocol, as one kind of tree.

use std::borrow::Cow;

use form_urlencoded::parse;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};

/// The tree of a body of this `content-type`. What is no structure is told by its length.
pub(super) fn tree(kind: &str, body: &[u8]) -> Value {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let read = match kind {
        _ if body.is_empty() => Some(Value::Null),
        "application/x-www-form-urlencoded" => Some(form(body)),
        "text/xml" | "application/xml" => xml(body),
        _ if kind.contains("json") => serde_json::from_slice(body).ok(),
        "application/cbor" => cbor(body),
        // S3 answers without a kind at times.
        _ if body.starts_with(b"<?xml") => xml(body),
        _ => None,
    };
    read.unwrap_or_else(|| json!({ "bytes": body.len() }))
}

/// A form's fields, but for what names the call.
fn form(body: &[u8]) -> Value {
    let fields = parse(body).filter(|(name, _)| !matches!(&**name, "Action" | "Version"));
    let fields: Map<String, Value> = fields
        .map(|(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into()))
        .collect();
    fields.into()
}

/// An element is a map of what is in it, or its text; several of a name are a list.
fn xml(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, Map<String, Value>, String)> = Vec::new();
    let mut root = Map::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let name = start.name();
                open.push((name.as_ref().to_owned(), Map::new(), String::new()));
            }
            Event::Empty(empty) => {
                let within = open.last_mut().map_or(&mut root, |(_, within, _)| within);
                put(within, empty.name().as_ref().to_owned(), json!(""));
            }
            Event::Text(read) => {
                if let Some((_, _, text)) = open.last_mut() {
                    text.push_str(&read);
                }
            }
            Event::GeneralRef(read) => {
                if let Some((_, _, text)) = open.last_mut() {
                    let read = format!("&{};", &*read);
                    text.push_str(&unescape(&read).ok()?);
                }
            }
            Event::End(_) => {
                let (name, within, text) = open.pop()?;
                let value = match within.is_empty() {
                    true => json!(text.trim()),
                    false => within.into(),
                };
                let outside = open.last_mut().map_or(&mut root, |(_, outside, _)| outside);
                put(outside, name, value);
            }
            Event::Eof => return Some(root.into()),
            _ => {}
        }
    }
}

fn put(within: &mut Map<String, Value>, name: String, value: Value) {
    match within.get_mut(&name) {
        None => {
            within.insert(name, value);
        }
        Some(Value::Array(list)) => list.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

/// CBOR as JSON has it.
fn cbor(body: &[u8]) -> Option<Value> {
    let read: ciborium::Value = ciborium::from_reader(body).ok()?;
    Some(of_cbor(&read))
}

fn of_cbor(value: &ciborium::Value) -> Value {
    use ciborium::Value as Cbor;
    match value {
        Cbor::Integer(number) => i64::try_from(*number).map_or(Value::Null, Value::from),
        Cbor::Float(number) => json!(number),
        Cbor::Text(text) => json!(text),
        Cbor::Bool(is) => json!(is),
        Cbor::Bytes(bytes) => json!({ "bytes": bytes.len() }),
        Cbor::Array(items) => items.iter().map(of_cbor).collect::<Vec<_>>().into(),
        Cbor::Map(pairs) => {
            let pairs = pairs.iter().filter_map(|(name, value)| {
                let name = name.as_text()?;
                Some((name.to_owned(), of_cbor(value)))
            });
            pairs.collect::<Map<_, _>>().into()
        }
        Cbor::Tag(_, inner) => of_cbor(inner),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_xml_json_and_cbor_become_the_same_kind_of_tree() {
        let mut packed = Vec::new();
        let value = json!({"Names": ["a", "b"], "Of": {"Size": 3}});
        ciborium::into_writer(&value, &mut packed).expect("CBOR");
        for (kind, body, wanted) in [
            (
                "application/x-www-form-urlencoded",
                b"Action=A&Version=1&Name.1=a+b".as_slice(),
                json!({"Name.1": "a b"}),
            ),
            (
                "text/xml;charset=UTF-8",
                b"<?xml version=\"1.0\"?><R><set><item><a>1 &lt; 2</a></item><item/></set><none/></R>",
                json!({"R": {"set": {"item": [{"a": "1 < 2"}, ""]}, "none": ""}}),
            ),
            ("application/x-amz-json-1.1", b"{\"a\":[1]}", json!({"a": [1]})),
            ("application/cbor", &packed, value.clone()),
            ("binary/octet-stream", b"12345", json!({"bytes": 5})),
            ("text/xml", b"<a><b></a>", json!({"bytes": 10})),
            ("", b"", Value::Null),
        ] {
            assert_eq!(tree(kind, body), wanted, "{kind}");
        }
    }
}
