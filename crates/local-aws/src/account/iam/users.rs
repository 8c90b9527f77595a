//! Users: who calls with keys that last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{State, policies};
use crate::account::Account;

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: String,
    /// `arn:aws:iam::ACCOUNT:user/NAME`
    pub arn: String,
    /// The ids of the access keys.
    pub keys: BTreeSet<String>,
    /// The policies, by name.
    pub inline: BTreeMap<String, String>,
}

impl User {
    /// What the user may do.
    pub fn policies(&self) -> Vec<Arc<Value>> {
        let texts = self.inline.values();
        texts.filter_map(|text| policies::read(text)).collect()
    }
}

/// Whose key this is.
pub fn user_of<'a>(state: &'a State, key: &str) -> Option<&'a User> {
    state.users.values().find(|user| user.keys.contains(key))
}

/// Makes a user with this key and this policy, by its name, or gives that user both.
pub fn put_user(account: &mut Account, name: &str, key: &str, (policy, text): (&str, &str)) {
    let arn = format!("arn:aws:iam::{}:user/{name}", account.id);
    let user = account.iam.users.entry(name.to_owned());
    let user = user.or_insert_with(|| User {
        name: name.to_owned(),
        arn,
        keys: BTreeSet::new(),
        inline: BTreeMap::new(),
    });
    user.keys.insert(key.to_owned());
    user.inline.insert(policy.to_owned(), text.to_owned());
}
