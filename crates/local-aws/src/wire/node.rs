//! What an operation answers, as a tree in the API's own member names; each protocol writes it in its own way.
//!
//! An operation is written once: the query protocols turn the tree into XML, the others into JSON or CBOR, and a
//! runbook's `aws:executeAwsApi` selects from it by the same names as AWS's documents do.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A value in an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Any number.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// A moment: ISO 8601 in XML, seconds since 1970 in JSON and CBOR.
    Time(SystemTime),
    /// A list.
    List(Vec<Self>),
    /// A structure, its members in order.
    Map(Vec<Member>),
    /// A dictionary with free keys (`map` in the service's model).
    Dictionary(Vec<(String, Self)>),
}

/// A member of a structure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// Its name in the API ("State").
    pub name: &'static str,
    /// Its element in EC2's XML, where that isn't the name with a small first letter ("instanceState").
    pub xml: Option<&'static str>,
    /// Its value.
    pub value: Node,
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<&String> for Node {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}
impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<SystemTime> for Node {
    fn from(value: SystemTime) -> Self {
        Self::Time(value)
    }
}
impl<T: Into<Self>> From<Vec<T>> for Node {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
macro_rules! numbers {
    ($($kind:ty),*) => { $(impl From<$kind> for Node {
        fn from(value: $kind) -> Self { Self::Number(i64::try_from(value).unwrap_or(i64::MAX)) }
    })* };
}
numbers!(u8, u16, u32, u64, i32, i64, usize);

impl Node {
    /// A structure without members: also what an operation with nothing to say answers.
    pub(crate) fn map() -> Self {
        Self::Map(Vec::new())
    }

    /// A list of anything that becomes a node.
    pub(crate) fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// Adds a member.
    pub(crate) fn put(self, name: &'static str, value: impl Into<Self>) -> Self {
        self.member(name, None, value.into())
    }

    /// Adds a member whose element in EC2's XML has a name of its own.
    pub(crate) fn put_as(
        self,
        name: &'static str,
        xml: &'static str,
        value: impl Into<Self>,
    ) -> Self {
        self.member(name, Some(xml), value.into())
    }

    /// Adds a member when there is a value for it.
    pub(crate) fn put_some(self, name: &'static str, value: Option<impl Into<Self>>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    fn member(mut self, name: &'static str, xml: Option<&'static str>, value: Self) -> Self {
        if let Self::Map(members) = &mut self {
            members.push(Member { name, xml, value });
        }
        self
    }

    /// The same tree as JSON, in the API's member names.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => (*number).into(),
            Self::Double(number) => (*number).into(),
            Self::Bool(value) => (*value).into(),
            Self::Time(moment) => epoch_seconds(*moment).into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(members) => members
                .iter()
                .map(|member| (member.name.to_owned(), member.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Self::Dictionary(entries) => entries
                .iter()
                .map(|(key, value)| (key.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Seconds since 1970, with milliseconds.
pub(crate) fn epoch_seconds(moment: SystemTime) -> f64 {
    let since = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}

/// ISO 8601 with milliseconds and a Z, as AWS writes it.
pub(crate) fn iso8601(moment: SystemTime) -> String {
    let moment = OffsetDateTime::from(moment);
    let moment = moment
        .replace_millisecond(moment.millisecond())
        .unwrap_or(moment);
    moment.format(&Rfc3339).unwrap_or_default()
}
