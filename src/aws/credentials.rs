//! Whose credentials sign the calls, and how long they live.

use std::time::SystemTime;

use aws_credential_types::Credentials;

use super::web_identity::WebIdentity;
use crate::secret::Secret;

/// Whose credentials sign the calls.
#[derive(Clone, Debug)]
pub enum Signer {
    /// Those that the SDK finds. Where that is a session in variables, it ends then, if somebody said so.
    Found {
        /// `AWS_CREDENTIAL_EXPIRATION`
        until: Option<SystemTime>,
    },
    /// These.
    Given(Keys),
    /// Sessions of a role, one after the other.
    WebIdentity(Box<WebIdentity>),
}

/// Credentials that nobody renews.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The access key's id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// Of a session, and when that ends.
    pub session: Option<(Secret, SystemTime)>,
}

impl Keys {
    pub(super) fn credentials(&self) -> Credentials {
        let (token, until) = match &self.session {
            Some((token, until)) => (Some(token.reveal().to_owned()), Some(*until)),
            None => (None, None),
        };
        Credentials::new(&self.id, self.secret.reveal(), token, until, "given")
    }
}

/// How long credentials live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// As long as the process: they have no end, or are renewed.
    Lasting,
    /// A session that ends then.
    Until(SystemTime),
    /// A session whose end nobody said.
    Unknown,
}

impl Life {
    /// Of what this signer has given for now.
    pub(super) fn of(signer: &Signer, now: &Credentials) -> Self {
        match signer {
            Signer::WebIdentity(_) => Self::Lasting,
            Signer::Given(keys) => match keys.session {
                Some((_, until)) => Self::Until(until),
                None => Self::Lasting,
            },
            // What has an end for the SDK comes from where it will ask for the next: a role to assume, an instance's
            // metadata, single sign-on, a process.
            Signer::Found { .. } if now.expiry().is_some() => Self::Lasting,
            Signer::Found { .. } if now.session_token().is_none() => Self::Lasting,
            Signer::Found { until: Some(until) } => Self::Until(*until),
            Signer::Found { until: None } => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_that_nobody_renews_has_an_end_and_it_may_be_unknown() {
        let end = SystemTime::UNIX_EPOCH;
        let credentials = |token: Option<&str>, until| {
            Credentials::new("AKID", "secret", token.map(str::to_owned), until, "test")
        };
        let found = |until| Signer::Found { until };
        for (signer, now, wanted) in [
            (found(None), credentials(None, None), Life::Lasting),
            (found(Some(end)), credentials(None, None), Life::Lasting),
            (found(None), credentials(Some("t"), None), Life::Unknown),
            (
                found(Some(end)),
                credentials(Some("t"), None),
                Life::Until(end),
            ),
            (
                found(None),
                credentials(Some("t"), Some(end)),
                Life::Lasting,
            ),
        ] {
            assert_eq!(Life::of(&signer, &now), wanted, "{signer:?}");
        }
    }
}
