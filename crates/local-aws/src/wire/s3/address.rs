//! What a request is about: bucket, key, sub-resource, and from them the operation.

use http::request::Parts;
use http::{Method, header};
use percent_encoding::percent_decode_str;

/// What is configured of a bucket: the query that names it, and the operations that get, put and delete it.
pub(super) const CONFIGURATIONS: [(&str, [&str; 3]); 6] = [
    (
        "publicAccessBlock",
        [
            "GetPublicAccessBlock",
            "PutPublicAccessBlock",
            "DeletePublicAccessBlock",
        ],
    ),
    (
        "encryption",
        [
            "GetBucketEncryption",
            "PutBucketEncryption",
            "DeleteBucketEncryption",
        ],
    ),
    (
        "tagging",
        [
            "GetBucketTagging",
            "PutBucketTagging",
            "DeleteBucketTagging",
        ],
    ),
    (
        "lifecycle",
        [
            "GetBucketLifecycleConfiguration",
            "PutBucketLifecycleConfiguration",
            "DeleteBucketLifecycle",
        ],
    ),
    (
        "policy",
        ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"],
    ),
    (
        "ownershipControls",
        [
            "GetBucketOwnershipControls",
            "PutBucketOwnershipControls",
            "DeleteBucketOwnershipControls",
        ],
    ),
];

/// The queries that name a sub-resource.
pub(super) const SUB_RESOURCES: [&str; 14] = [
    "delete",
    "encryption",
    "lifecycle",
    "list-type",
    "location",
    "ownershipControls",
    "policy",
    "publicAccessBlock",
    "tagging",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "partNumber",
];

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) bucket: Option<String>,
    pub(super) key: Option<String>,
    pub(super) query: Vec<(String, String)>,
}

impl Address {
    /// Reads host, path and query.
    pub(super) fn of(parts: &Parts) -> Self {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let path = parts.uri.path().trim_start_matches('/');
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (bucket, key) = match bucket_of_host(host) {
            Some(bucket) => (Some(bucket.to_owned()), decode(path)),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                ((!bucket.is_empty()).then(|| decode(bucket)), decode(key))
            }
        };
        let query = parts.uri.query().unwrap_or_default();
        Self {
            bucket,
            key: (!key.is_empty()).then_some(key),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        }
    }

    /// The version that is meant.
    pub(super) fn version(&self) -> Option<&str> {
        let mut all = self.query.iter();
        let found = all.find(|(name, _)| name == "versionId");
        found.map(|(_, id)| id.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(held, _)| held == name)
    }

    /// The operation's name, or "Unknown".
    pub(super) fn operation(&self, method: &Method) -> &'static str {
        let method = method.as_str();
        match (&self.bucket, &self.key) {
            (None, _) if method == "GET" => "ListBuckets",
            (None, _) => "Unknown",
            (Some(_), None) => self.of_bucket(method),
            (Some(_), Some(_)) => self.of_object(method),
        }
    }

    fn of_bucket(&self, method: &str) -> &'static str {
        let which = ["GET", "PUT", "DELETE"]
            .iter()
            .position(|known| *known == method);
        if let Some((_, operations)) = CONFIGURATIONS.iter().find(|(name, _)| self.has(name)) {
            return which.map_or("Unknown", |which| operations[which]);
        }
        match method {
            "GET" if self.has("location") => "GetBucketLocation",
            "GET" if self.has("versioning") => "GetBucketVersioning",
            "PUT" if self.has("versioning") => "PutBucketVersioning",
            "GET" if self.has("versions") => "ListObjectVersions",
            "GET" if self.has("uploads") => "ListMultipartUploads",
            "GET" if self.has("list-type") => "ListObjectsV2",
            "POST" if self.has("delete") => "DeleteObjects",
            "HEAD" => "HeadBucket",
            "PUT" if self.is_plain() => "CreateBucket",
            "DELETE" if self.is_plain() => "DeleteBucket",
            "GET"
                if self.query.iter().all(|(name, value)| {
                    !value.is_empty() || name == "prefix" || name == "delimiter" || name == "marker"
                }) =>
            {
                "ListObjects"
            }
            _ => "Unknown",
        }
    }

    fn of_object(&self, method: &str) -> &'static str {
        match method {
            "PUT" if self.has("uploadId") && self.has("partNumber") => "UploadPart",
            "POST" if self.has("uploads") => "CreateMultipartUpload",
            "POST" if self.has("uploadId") => "CompleteMultipartUpload",
            "DELETE" if self.has("uploadId") => "AbortMultipartUpload",
            "GET" if self.has("uploadId") => "ListParts",
            _ if self
                .query
                .iter()
                .any(|(name, _)| SUB_RESOURCES.contains(&name.as_str())) =>
            {
                "Unknown"
            }
            "PUT" => "PutObject",
            "GET" => "GetObject",
            "HEAD" => "HeadObject",
            "DELETE" => "DeleteObject",
            _ => "Unknown",
        }
    }

    fn is_plain(&self) -> bool {
        self.query.iter().all(|(name, _)| name == "x-id")
    }
}

/// `BUCKET.s3.REGION.amazonaws.com` and `BUCKET.localhost`; an IP address or a bare name is no bucket.
fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let end = name
        .find(".s3.")
        .or_else(|| name.find(".s3-"))
        .or_else(|| name.strip_suffix(".localhost").map(str::len))?;
    (end > 0).then(|| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &str, host: &str, uri: &str) -> (&'static str, Address) {
        let (parts, ()) = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("host", host)
            .body(())
            .expect("a request")
            .into_parts();
        let address = Address::of(&parts);
        (address.operation(&parts.method), address)
    }

    #[test]
    fn both_styles_name_the_same_object() {
        for (host, uri) in [
            ("127.0.0.1:4000", "/bucket/a/b%20c?x-id=GetObject"),
            ("bucket.s3.eu-central-1.amazonaws.com", "/a/b%20c"),
            ("bucket.localhost:4000", "/a/b%20c"),
        ] {
            let (operation, address) = operation("GET", host, uri);
            assert_eq!(operation, "GetObject");
            assert_eq!(address.bucket.as_deref(), Some("bucket"));
            assert_eq!(address.key.as_deref(), Some("a/b c"));
        }
    }

    #[test]
    fn a_sub_resource_decides_the_operation_and_an_unknown_one_is_unknown() {
        let name = |method, uri| operation(method, "127.0.0.1", uri).0;
        assert_eq!(name("GET", "/"), "ListBuckets");
        assert_eq!(name("PUT", "/b"), "CreateBucket");
        assert_eq!(name("PUT", "/b?versioning"), "PutBucketVersioning");
        assert_eq!(name("GET", "/b?list-type=2&prefix="), "ListObjectsV2");
        assert_eq!(name("GET", "/b?acl"), "Unknown");
        assert_eq!(name("PUT", "/b?acl"), "Unknown");
        assert_eq!(name("PUT", "/b/k?partNumber=1&uploadId=x"), "UploadPart");
        assert_eq!(name("PUT", "/b/k?tagging"), "Unknown");
    }
}
