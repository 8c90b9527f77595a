//! Lists of keys: by prefix, folded at a delimiter, page by page.

use std::ops::Bound;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::xml::Writer;
use super::{Answer, Request};
use crate::account::s3::{self, Bucket, Object, Version};
use crate::account::{Account, ApiError};
use crate::wire::node::iso8601;

/// The most keys of a page.
const MOST_KEYS: usize = 1000;
/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*');

/// What every list is asked for.
struct Wanted {
    prefix: String,
    delimiter: String,
    most: usize,
    is_encoded: bool,
}

/// A line of a list.
enum Entry<'a> {
    Key(&'a str, &'a Version, &'a Object),
    Prefix(String),
}

impl Wanted {
    fn read(request: &mut Request) -> Result<Self, ApiError> {
        let most = match request.query("max-keys") {
            None => MOST_KEYS,
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| {
                    ApiError::refused(
                        "InvalidArgument",
                        "Provided max-keys not an integer or within integer range",
                    )
                })?
                .min(MOST_KEYS),
        };
        Ok(Self {
            prefix: request.query("prefix").unwrap_or_default(),
            delimiter: request.query("delimiter").unwrap_or_default(),
            most,
            is_encoded: request.query("encoding-type").as_deref() == Some("url"),
        })
    }

    fn encode(&self, text: &str) -> String {
        match self.is_encoded {
            true => utf8_percent_encode(text, PLAIN).to_string(),
            false => text.to_owned(),
        }
    }

    /// The page after a key or a folded prefix, and where it ended if there is more.
    fn page<'a>(&self, bucket: &'a Bucket, after: &str) -> (Vec<Entry<'a>>, Option<String>) {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut last = String::new();
        let is_folded_start = !self.delimiter.is_empty() && after.ends_with(&self.delimiter);
        for (key, versions) in bucket
            .objects
            .range::<str, _>((Bound::Excluded(after), Bound::Unbounded))
        {
            let Some((version, object)) = versions
                .last()
                .and_then(|newest| Some((newest, newest.object.as_ref()?)))
            else {
                continue;
            };
            let Some(rest) = key.strip_prefix(&self.prefix) else {
                continue;
            };
            let fold = (!self.delimiter.is_empty())
                .then(|| rest.find(&self.delimiter))
                .flatten()
                .map(|at| key[..self.prefix.len() + at + self.delimiter.len()].to_owned());
            let is_seen = match &fold {
                Some(folded) => *folded == last || (is_folded_start && *folded == after),
                None => false,
            };
            if is_seen {
                continue;
            }
            if entries.len() == self.most {
                return (entries, Some(last));
            }
            match fold {
                Some(folded) => {
                    last.clone_from(&folded);
                    entries.push(Entry::Prefix(folded));
                }
                None => {
                    last.clone_from(key);
                    entries.push(Entry::Key(key, version, object));
                }
            }
        }
        (entries, None)
    }

    fn write_head(&self, out: &mut Writer, bucket: &str, is_cut: bool) {
        out.text("Name", bucket)
            .text("Prefix", self.encode(&self.prefix));
        if !self.delimiter.is_empty() {
            out.text("Delimiter", self.encode(&self.delimiter));
        }
        if self.is_encoded {
            out.text("EncodingType", "url");
        }
        out.text("MaxKeys", self.most.to_string());
        out.text("IsTruncated", is_cut.to_string());
    }

    fn write_entries(&self, out: &mut Writer, account: &Account, entries: &[Entry<'_>]) {
        for entry in entries {
            if let Entry::Key(key, version, object) = entry {
                out.open("Contents").text("Key", self.encode(key));
                write_object(out, account, version, object);
                out.close();
            }
        }
        for entry in entries {
            if let Entry::Prefix(prefix) = entry {
                out.open("CommonPrefixes")
                    .text("Prefix", self.encode(prefix))
                    .close();
            }
        }
    }
}

pub(super) fn objects_v2(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let wanted = Wanted::read(request)?;
    let token = request.query("continuation-token");
    let start_after = request.query("start-after");
    request.query("fetch-owner");
    let after = match &token {
        Some(token) => token.strip_prefix("after:").ok_or_else(|| {
            ApiError::refused(
                "InvalidArgument",
                "The continuation token provided is incorrect",
            )
        })?,
        None => start_after.as_deref().unwrap_or_default(),
    };
    let bucket = s3::bucket(&account.s3, &request.bucket)?;
    let (entries, next) = wanted.page(bucket, after);
    let mut out = Writer::new("ListBucketResult");
    wanted.write_head(&mut out, &request.bucket, next.is_some());
    out.text("KeyCount", entries.len().to_string());
    out.text_if("ContinuationToken", token);
    out.text_if(
        "NextContinuationToken",
        next.map(|key| format!("after:{key}")),
    );
    out.text_if("StartAfter", start_after.map(|key| wanted.encode(&key)));
    wanted.write_entries(&mut out, account, &entries);
    Ok(Answer::xml(out.finish()))
}

pub(super) fn objects_v1(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let wanted = Wanted::read(request)?;
    let marker = request.query("marker").unwrap_or_default();
    let bucket = s3::bucket(&account.s3, &request.bucket)?;
    let (entries, next) = wanted.page(bucket, &marker);
    let mut out = Writer::new("ListBucketResult");
    wanted.write_head(&mut out, &request.bucket, next.is_some());
    out.text("Marker", wanted.encode(&marker));
    if !wanted.delimiter.is_empty() {
        out.text_if("NextMarker", next.map(|key| wanted.encode(&key)));
    }
    wanted.write_entries(&mut out, account, &entries);
    Ok(Answer::xml(out.finish()))
}

/// Every version of every key, newest first: what has to go before a bucket with versions can go.
pub(super) fn versions(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let wanted = Wanted::read(request)?;
    let key_marker = request.query("key-marker").unwrap_or_default();
    let version_marker = request.query("version-id-marker").unwrap_or_default();
    let bucket = s3::bucket(&account.s3, &request.bucket)?;
    if !wanted.delimiter.is_empty() {
        return Err(ApiError::new(
            "NotImplemented",
            501,
            "the local cloud lists versions without a delimiter only",
        ));
    }
    let all: Vec<_> = bucket
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(&wanted.prefix) && **key >= key_marker)
        .flat_map(|(key, versions)| {
            let newest = versions.len() - 1;
            versions
                .iter()
                .enumerate()
                .rev()
                .map(move |(at, version)| (key, version, at == newest))
        })
        .collect();
    let from = all
        .iter()
        .position(|(key, version, _)| **key == key_marker && version.id == version_marker)
        .map_or(0, |at| at + 1);
    let page: Vec<_> = all.iter().skip(from).take(wanted.most).collect();
    let is_cut = from + page.len() < all.len();
    let mut out = Writer::new("ListVersionsResult");
    wanted.write_head(&mut out, &request.bucket, is_cut);
    out.text("KeyMarker", wanted.encode(&key_marker));
    out.text("VersionIdMarker", &version_marker);
    if let Some((key, version, _)) = page.last().filter(|_| is_cut) {
        out.text("NextKeyMarker", wanted.encode(key));
        out.text("NextVersionIdMarker", &version.id);
    }
    for (key, version, is_latest) in page {
        out.open(if version.object.is_some() {
            "Version"
        } else {
            "DeleteMarker"
        })
        .text("Key", wanted.encode(key))
        .text("VersionId", &version.id)
        .text("IsLatest", is_latest.to_string());
        match &version.object {
            Some(object) => write_object(&mut out, account, version, object),
            None => {
                out.text("LastModified", iso8601(account.utc_at(version.written_at)));
            }
        }
        out.close();
    }
    Ok(Answer::xml(out.finish()))
}

fn write_object(out: &mut Writer, account: &Account, version: &Version, object: &Object) {
    out.text("LastModified", iso8601(account.utc_at(version.written_at)))
        .text("ETag", format!("\"{}\"", object.etag))
        .text("Size", object.body.len().to_string())
        .text("StorageClass", "STANDARD");
    for header in object.checksums.keys() {
        out.text("ChecksumAlgorithm", super::checksum::algorithm(header));
        out.text("ChecksumType", object.checksum_type);
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::pace::Pace;

    #[test]
    fn pages_of_a_folded_list_hold_every_entry_once() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        s3::create_bucket(&mut account, "bucket", Some("eu-central-1")).expect("a free name");
        for key in ["a", "d/1", "d/2", "e/1", "e/2", "f"] {
            s3::put(
                &mut account,
                "bucket",
                key,
                Object::default(),
                &s3::Condition::default(),
            )
            .expect("a bucket");
        }
        let bucket = s3::bucket(&account.s3, "bucket").expect("there");
        let wanted = Wanted {
            prefix: String::new(),
            delimiter: "/".to_owned(),
            most: 1,
            is_encoded: false,
        };
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let (entries, next) = wanted.page(bucket, &after);
            seen.extend(entries.iter().map(|entry| match entry {
                Entry::Key(key, ..) => (*key).to_owned(),
                Entry::Prefix(prefix) => prefix.clone(),
            }));
            match next {
                Some(key) => after = key,
                None => break,
            }
        }
        assert_eq!(seen, ["a", "d/", "e/", "f"]);
    }
}
