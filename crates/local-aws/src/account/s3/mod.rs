//! S3: buckets, objects and their versions, uploads in parts.
//!
//! Guarantees: a conditional write is decided and done in one step, so of two writers with `If-None-Match: *` one
//! wins; with versioning on nothing is lost by a write or a delete; a bucket with anything in it stays.

mod name;
pub mod uploads;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Account, ApiError};

/// Everything S3 holds.
#[derive(Debug, Default)]
pub struct State {
    /// By name.
    pub buckets: BTreeMap<String, Bucket>,
    /// Uploads in parts that are under way, by id.
    pub uploads: BTreeMap<String, uploads::Upload>,
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    /// The account that it belongs to: names are everybody's, so that another one may have taken it.
    pub owner: String,
    /// Where it is. It is found from everywhere.
    pub region: String,
    /// When it was created.
    pub created_at: Duration,
    /// Whether it keeps versions: off until it is first switched on, then on or suspended.
    pub versioning: Versioning,
    /// Its configuration documents (tagging, lifecycle, ...) as they were put, by the query that names them.
    pub configuration: BTreeMap<&'static str, String>,
    /// Every key's versions, newest last.
    pub objects: BTreeMap<String, Vec<Version>>,
}

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// Never switched on.
    Off,
    /// On.
    Enabled,
    /// Switched off again: what is there stays.
    Suspended,
}

/// A version of an object, or the mark that it was deleted.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its id; "null" for what was written without versioning.
    pub id: String,
    /// When it was written.
    pub written_at: Duration,
    /// The object; `None` for a delete marker.
    pub object: Option<Object>,
}

/// An object.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// Its bytes.
    pub body: Bytes,
    /// Its entity tag, without quotes: 32 hex digits that are not the MD5 they are on AWS for simple uploads.
    pub etag: String,
    /// Headers that come back as they were sent: type, encoding, `x-amz-meta-*`.
    pub headers: BTreeMap<String, String>,
    /// Checksums, by header name (`x-amz-checksum-crc32`).
    pub checksums: BTreeMap<String, String>,
    /// "FULL_OBJECT" or "COMPOSITE".
    pub checksum_type: &'static str,
    /// The KMS key that encrypts it, by ARN; `None`: S3's own.
    pub key: Option<String>,
}

/// What a write or a read demands of the object that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its entity tag must be one of these; `*` for any.
    pub if_match: Option<String>,
    /// It must not be one of these; `*` for: it must not exist.
    pub if_none_match: Option<String>,
}

/// An object's bytes.
pub fn object(state: &State, bucket: &str, key: &str) -> Option<Bytes> {
    let newest = state.buckets.get(bucket)?.objects.get(key)?.last()?;
    newest.object.as_ref().map(|object| object.body.clone())
}

/// Every object of every bucket as it is now: bucket, key, object.
pub fn objects(state: &State) -> impl Iterator<Item = (&str, &str, &Object)> {
    state.buckets.iter().flat_map(|(name, bucket)| {
        bucket
            .live()
            .map(move |(key, _, object)| (name.as_str(), key, object))
    })
}

/// The entity tag of some bytes: SHA-256 cut to the length of the MD5 that AWS uses. Callers must not compute it.
pub fn etag(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Bucket {
    /// The keys that exist now, in order.
    pub fn live(&self) -> impl Iterator<Item = (&str, &Version, &Object)> {
        self.objects.iter().filter_map(|(key, versions)| {
            let newest = versions.last()?;
            Some((key.as_str(), newest, newest.object.as_ref()?))
        })
    }

    /// A bucket's configuration document, if there is one and it was not taken away.
    pub fn configured(&self, name: &str) -> Option<&str> {
        let held = self.configuration.get(name).map(String::as_str);
        held.filter(|text| !text.is_empty())
    }

    /// The KMS key that encrypts what is written, by ARN; `None`: S3's own.
    pub fn key(&self) -> Option<&str> {
        let text = self.configured("encryption")?;
        let (_, after) = text.split_once("<KMSMasterKeyID>")?;
        Some(after.split_once('<')?.0)
    }

    /// The newest version of a key, or the one with this id.
    pub fn version(&self, key: &str, id: Option<&str>) -> Result<(&Version, &Object), ApiError> {
        let versions = self.objects.get(key).ok_or_else(no_such_key)?;
        let version = match id {
            None => versions.last().ok_or_else(no_such_key)?,
            Some(id) => versions
                .iter()
                .find(|version| version.id == id)
                .ok_or_else(|| {
                    ApiError::new(
                        "NoSuchVersion",
                        404,
                        "The specified version does not exist.",
                    )
                })?,
        };
        // A mark can be deleted by its id, and not read.
        let is_named = id.is_some();
        let missing = || match is_named {
            true => ApiError::new(
                "MethodNotAllowed",
                405,
                "The specified method is not allowed against this resource.",
            ),
            false => no_such_key(),
        };
        let object = version.object.as_ref().ok_or_else(missing)?;
        Ok((version, object))
    }
}

impl Condition {
    /// Checks a write against what is there.
    pub fn allows_write(&self, held: Option<&Object>) -> Result<(), ApiError> {
        match (&self.if_match, held) {
            (Some(_), None) => return Err(no_such_key()),
            (Some(wanted), Some(object)) if !matches(wanted, object) => return Err(failed()),
            _ => {}
        }
        match (&self.if_none_match, held) {
            (Some(unwanted), Some(object)) if matches(unwanted, object) => Err(failed()),
            _ => Ok(()),
        }
    }

    /// Checks a read: `Ok(false)` when the caller has it already.
    pub fn allows_read(&self, held: &Object) -> Result<bool, ApiError> {
        if self
            .if_match
            .as_ref()
            .is_some_and(|wanted| !matches(wanted, held))
        {
            return Err(failed());
        }
        Ok(!self
            .if_none_match
            .as_ref()
            .is_some_and(|unwanted| matches(unwanted, held)))
    }
}

fn matches(list: &str, object: &Object) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == object.etag)
}

fn failed() -> ApiError {
    ApiError::new(
        "PreconditionFailed",
        412,
        "At least one of the pre-conditions you specified did not hold",
    )
}

/// Creates a bucket in the account's region.
pub fn create_bucket(
    account: &mut Account,
    name: &str,
    location: Option<&str>,
) -> Result<(), ApiError> {
    name::check(name)?;
    let is_first_region = account.region == "us-east-1";
    match location {
        None | Some("") if !is_first_region => return Err(illegal_location("unspecified")),
        Some("us-east-1") if is_first_region => {
            return Err(ApiError::refused(
                "InvalidLocationConstraint",
                "The specified location-constraint is not valid",
            ));
        }
        Some(other) if !other.is_empty() && other != account.region => {
            return Err(illegal_location(other));
        }
        _ => {}
    }
    if let Some(held) = account.s3.buckets.get(name) {
        if held.owner != account.id {
            return Err(ApiError::new(
                "BucketAlreadyExists",
                409,
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
            ));
        }
        if is_first_region {
            return Ok(());
        }
        return Err(ApiError::new(
            "BucketAlreadyOwnedByYou",
            409,
            "Your previous request to create the named bucket succeeded and you already own it.",
        ));
    }
    let owner = account.id.clone();
    insert(account, name, owner);
    Ok(())
}

/// Has another account own a bucket of this name, with this policy: what somebody may do who was faster, or guessed the name.
pub fn put_another_s_bucket(account: &mut Account, name: &str, owner: &str, policy: &str) {
    let bucket = insert(account, name, owner.to_owned());
    bucket.configuration.insert("policy", policy.to_owned());
}

fn insert<'a>(account: &'a mut Account, name: &str, owner: String) -> &'a mut Bucket {
    let bucket = Bucket {
        owner,
        region: account.region.clone(),
        created_at: account.now(),
        versioning: Versioning::Off,
        configuration: BTreeMap::new(),
        objects: BTreeMap::new(),
    };
    let entry = account.s3.buckets.entry(name.to_owned());
    entry.insert_entry(bucket).into_mut()
}

/// Removes an empty bucket.
pub fn delete_bucket(state: &mut State, name: &str) -> Result<(), ApiError> {
    if !bucket(state, name)?.objects.is_empty() {
        return Err(ApiError::new(
            "BucketNotEmpty",
            409,
            "The bucket you tried to delete is not empty",
        ));
    }
    state.uploads.retain(|_, upload| upload.bucket != name);
    state.buckets.remove(name);
    Ok(())
}

/// Finds a bucket.
pub fn bucket<'a>(state: &'a State, name: &str) -> Result<&'a Bucket, ApiError> {
    state.buckets.get(name).ok_or_else(no_such_bucket)
}

/// Finds a bucket to change it.
pub fn bucket_mut<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Bucket, ApiError> {
    state.buckets.get_mut(name).ok_or_else(no_such_bucket)
}

/// Writes an object; answers with its version's id when the bucket keeps versions.
pub fn put(
    account: &mut Account,
    name: &str,
    key: &str,
    object: Object,
    condition: &Condition,
) -> Result<Option<String>, ApiError> {
    if key.len() > 1024 {
        return Err(ApiError::refused("KeyTooLongError", "Your key is too long"));
    }
    let held = bucket(&account.s3, name)?;
    condition.allows_write(held.version(key, None).ok().map(|(_, object)| object))?;
    let object = Object {
        key: held.key().map(str::to_owned),
        ..object
    };
    Ok(write(account, name, key, Some(object)))
}

/// Deletes an object, or marks it as deleted; an object that isn't there is no error. Answers with the id of the
/// delete marker or version, and whether it is (or was) a marker.
pub fn delete(
    account: &mut Account,
    name: &str,
    key: &str,
    version: Option<&str>,
) -> Result<(Option<String>, bool), ApiError> {
    let held = bucket_mut(&mut account.s3, name)?;
    if let Some(id) = version {
        let versions = held.objects.entry(key.to_owned()).or_default();
        let marked = versions
            .iter()
            .any(|held| held.id == id && held.object.is_none());
        versions.retain(|held| held.id != id);
        if versions.is_empty() {
            held.objects.remove(key);
        }
        return Ok((Some(id.to_owned()), marked));
    }
    if held.versioning == Versioning::Off {
        held.objects.remove(key);
        return Ok((None, false));
    }
    Ok((write(account, name, key, None), true))
}

/// Adds a version; without versioning it takes the place of the one called "null".
fn write(account: &mut Account, name: &str, key: &str, object: Option<Object>) -> Option<String> {
    let id = account.hex16() + &account.hex16();
    let written_at = account.now();
    let bucket = account.s3.buckets.get_mut(name)?;
    let keeps = bucket.versioning == Versioning::Enabled;
    let id = if keeps { id } else { "null".to_owned() };
    let versions = bucket.objects.entry(key.to_owned()).or_default();
    if !keeps {
        versions.retain(|version| version.id != "null");
    }
    versions.push(Version {
        id: id.clone(),
        written_at,
        object,
    });
    (bucket.versioning != Versioning::Off).then_some(id)
}

fn illegal_location(location: &str) -> ApiError {
    ApiError::refused(
        "IllegalLocationConstraintException",
        &format!(
            "The {location} location constraint is incompatible for the region specific endpoint this request was sent to."
        ),
    )
}

fn no_such_bucket() -> ApiError {
    ApiError::new("NoSuchBucket", 404, "The specified bucket does not exist")
}

fn no_such_key() -> ApiError {
    ApiError::new("NoSuchKey", 404, "The specified key does not exist.")
}

#[cfg(test)]
mod tests;
