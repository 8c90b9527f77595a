//! What a key of the file is: where it stands, what it may hold, and what holds without it.

use std::fmt;
use std::time::Duration;

use super::form::Form;

/// A table of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// The keys before the first header; in an environment, those right below its header.
    Top,
    /// `[service]`
    Service,
    /// `[bake]`
    Bake,
    /// `[[smoke]]`
    Smoke,
    /// `[shift]`
    Shift,
    /// `[probe]`
    Probe,
    /// `[fleet]`
    Fleet,
    /// `[retain]`
    Retain,
    /// `[network]`
    Network,
    /// `[roles]`
    Roles,
    /// `[encryption]`
    Encryption,
    /// `[windows]`
    Windows,
    /// `[lease]`
    Lease,
}

impl Table {
    /// All, in the order of the reference.
    pub const ALL: [Self; 13] = [
        Self::Top,
        Self::Service,
        Self::Bake,
        Self::Smoke,
        Self::Shift,
        Self::Probe,
        Self::Fleet,
        Self::Retain,
        Self::Network,
        Self::Roles,
        Self::Encryption,
        Self::Windows,
        Self::Lease,
    ];

    /// Its name in the file; empty for the keys at the top.
    pub fn name(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Service => "service",
            Self::Bake => "bake",
            Self::Smoke => "smoke",
            Self::Shift => "shift",
            Self::Probe => "probe",
            Self::Fleet => "fleet",
            Self::Retain => "retain",
            Self::Network => "network",
            Self::Roles => "roles",
            Self::Encryption => "encryption",
            Self::Windows => "windows",
            Self::Lease => "lease",
        }
    }

    /// What it is about, in a sentence.
    pub fn what(self) -> &'static str {
        match self {
            Self::Top => "What is deployed, and where in AWS.",
            Self::Service => "What runs, and how it shows that it does.",
            Self::Bake => "How its image is made.",
            Self::Smoke => {
                "One request through the preview route before any traffic moves, and what its answer must be."
            }
            Self::Shift => "How the traffic moves to the new release.",
            Self::Probe => "How the service is watched while the traffic moves.",
            Self::Fleet => "What it runs on.",
            Self::Retain => "What is kept afterwards.",
            Self::Network => "What exists already and is not made.",
            Self::Roles => "How the roles are made that act inside AWS.",
            Self::Encryption => "By which keys of your own; all of it is encrypted without, too.",
            Self::Windows => {
                "When releases may begin; `rollback`, `verify` and `finish` are never refused for it."
            }
            Self::Lease => "How two runs of one environment keep out of each other's way.",
        }
    }

    /// The table of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|table| !name.is_empty() && table.name() == name)
    }

    /// Its header as people write it: `[service]`, `[[smoke]]`.
    pub fn header(self) -> String {
        match self {
            Self::Top => "the top of the file".to_owned(),
            Self::Smoke => "[[smoke]]".to_owned(),
            table => format!("[{}]", table.name()),
        }
    }

    /// The full name of one of its keys: `service.port`.
    pub fn dotted(self, key: &str) -> String {
        match self {
            Self::Top => key.to_owned(),
            table => format!("{}.{key}", table.name()),
        }
    }
}

/// A key of the file: the reader, the schema and the reference are all made from these.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Where it stands.
    pub table: Table,
    /// What it is called there.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What holds without it.
    pub fallback: Fallback,
    /// A good value, as TOML.
    pub example: &'static str,
    /// What it is for, in a sentence.
    pub what: &'static str,
}

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text of a form.
    Text(Form),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number within these bounds.
    Whole(u64, u64),
    /// A number above zero, at most this.
    Number(f64),
    /// A duration within these bounds.
    Duration(Duration, Duration),
    /// Texts of a form, none twice.
    Texts(Form),
    /// Deploy windows, none twice.
    Windows,
    /// Rising percentages, the last one 100.
    Weights,
    /// Names and texts: the forms of both, and the names that are taken.
    Pairs(Form, Form, &'static [&'static str]),
    /// JSON pointers and the values that stand there.
    Json,
}

/// What holds without a key.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// Nothing: it has to be written.
    Required,
    /// This text.
    Text(&'static str),
    /// This number.
    Whole(u64),
    /// This number.
    Number(f64),
    /// This duration.
    Duration(Duration),
    /// This.
    Flag(bool),
    /// Something that is not one value, in words.
    Otherwise(&'static str),
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::Text(text) => write!(f, "`{text:?}`"),
            Self::Whole(number) => write!(f, "`{number}`"),
            Self::Number(number) => write!(f, "`{number}`"),
            Self::Duration(duration) => write!(f, "`\"{}\"`", super::duration::written(*duration)),
            Self::Flag(flag) => write!(f, "`{flag}`"),
            Self::Otherwise(words) => f.write_str(words),
        }
    }
}

impl Kind {
    /// What it holds, in a few words for the reference.
    pub fn words(&self) -> String {
        match self {
            Self::Text(_) => "text".to_owned(),
            Self::Word(words) => super::problem::listed(words.iter().copied()),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Whole(least, most) => format!("{least} to {most}"),
            Self::Number(most) => format!("above 0, at most {most}"),
            Self::Duration(least, most) => format!(
                "{} to {}",
                super::duration::written(*least),
                super::duration::written(*most)
            ),
            Self::Texts(_) => "list of texts".to_owned(),
            Self::Windows => "list of windows".to_owned(),
            Self::Weights => "list of percentages".to_owned(),
            Self::Pairs(..) => "names and texts".to_owned(),
            Self::Json => "pointers and values".to_owned(),
        }
    }
}
