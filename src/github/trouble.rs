//! Why GitHub did not do something, in plain words with the remedy.

use std::time::Duration;

/// What went wrong, and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was not sent.
    NotSent,
    /// It may have been carried out, but nobody said so.
    Unknown,
    /// Too many requests; it was not carried out.
    Limited,
    /// GitHub does not accept the token.
    Token,
    /// The token may not do this.
    Denied,
    /// There is no such thing, or the token may not see it.
    NotFound,
    /// GitHub refuses it, and will again.
    Refused,
}

/// What the message of a 403 tells beyond its status.
///
/// Such an answer has a message and a link to the documentation, and no code. A secondary limit may come without
/// `retry-after` and with requests left over, and a locked conversation has no header at all. So this, and nothing else,
/// is read off GitHub's words; unknown words are a missing permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Too many requests, in the present words or those of an older GitHub Enterprise.
    Limit,
    /// The conversation is locked.
    Locked,
    /// Nothing more.
    Nothing,
}

impl Told {
    /// Reads GitHub's words.
    pub(super) fn of(message: &str) -> Self {
        let message = message.to_lowercase();
        if message.contains("rate limit") || message.contains("abuse detection") {
            Self::Limit
        } else if message.contains("locked") {
            Self::Locked
        } else {
            Self::Nothing
        }
    }
}

/// Why GitHub did not do something.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub(super) kind: Kind,
    pub(super) words: String,
    /// How long GitHub wants to be left alone.
    pub(super) wait: Option<Duration>,
}

impl Trouble {
    pub(super) fn new(kind: Kind, words: impl Into<String>) -> Self {
        Self {
            kind,
            words: words.into(),
            wait: None,
        }
    }

    /// It has to do with GitHub or the token as a whole: no other request would fare better.
    pub fn is_general(&self) -> bool {
        matches!(
            self.kind,
            Kind::NotSent | Kind::Unknown | Kind::Limited | Kind::Token
        )
    }

    /// It may have been done all the same.
    pub fn may_have_happened(&self) -> bool {
        self.kind == Kind::Unknown
    }

    /// There is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }

    /// The token may not do this.
    pub fn is_denied(&self) -> bool {
        self.kind == Kind::Denied
    }

    /// GitHub refuses what it was told.
    pub fn is_refused(&self) -> bool {
        self.kind == Kind::Refused
    }

    /// Whether it can be otherwise in a moment.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::NotSent | Kind::Unknown | Kind::Limited)
    }

    /// In plain words, with the remedy; `permission` is the line of `permissions:` that is needed.
    pub fn words(&self, permission: &str) -> String {
        let words = &self.words;
        match self.kind {
            Kind::NotSent | Kind::Unknown | Kind::Refused => words.clone(),
            Kind::Limited => format!("{words}; a release does not wait for that"),
            Kind::Token => {
                format!("{words}: pass a valid one as `github-token` (`${{{{ github.token }}}}`)")
            }
            Kind::Denied => format!(
                "{words}: add `{permission}` to the `permissions:` of the job; a pull request from a fork never gets \
                 it, and the job's summary has the report"
            ),
            Kind::NotFound => format!(
                "{words}: it is gone, or the token may not see it; `{permission}` in the `permissions:` of the job \
                 lets it"
            ),
        }
    }
}
