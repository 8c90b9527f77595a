//! The end of what a bucket holds, in all its versions, and of the bucket.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::Bucket;
use super::settings::held_tags;
use crate::aws::error::{About as _, ErrorKind, Failure, if_found};
use crate::aws::{Aws, Tags};

/// One version of an object, or the mark of its removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The object's key.
    pub key: String,
    /// The version's id; `null` where the bucket keeps none.
    pub id: String,
    /// It is what a reader is given.
    pub is_latest: bool,
}

/// The tags of a bucket; `None` where there is no such bucket.
pub async fn find_tags(aws: &Aws, bucket: &Bucket) -> Result<Option<Tags>, Failure> {
    if_found(held_tags(aws, bucket).await).map_err(|error| bucket.refused(error))
}

/// The first versions, a thousand at most, of the objects whose keys begin so; none, where there is no such bucket.
pub async fn find_versions(
    aws: &Aws,
    bucket: &Bucket,
    prefix: &str,
) -> Result<Vec<Version>, Failure> {
    let listed = aws
        .s3
        .list_object_versions()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .prefix(prefix)
        .send()
        .await
        .about("ListObjectVersions", &bucket.name);
    let listed = match listed {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let version = |key: Option<String>, id: Option<String>, is_latest: Option<bool>| Version {
        key: key.unwrap_or_default(),
        id: id.unwrap_or_else(|| "null".to_owned()),
        is_latest: is_latest.unwrap_or_default(),
    };
    let kept = listed.versions.unwrap_or_default().into_iter();
    let marks = listed.delete_markers.unwrap_or_default().into_iter();
    Ok(kept
        .map(|it| version(it.key, it.version_id, it.is_latest))
        .chain(marks.map(|it| version(it.key, it.version_id, it.is_latest)))
        .collect())
}

/// Deletes these versions for good, a thousand at most. AWS answers well, and names what it has not deleted inside.
pub async fn delete_versions(
    aws: &Aws,
    bucket: &Bucket,
    versions: &[Version],
) -> Result<(), Failure> {
    const OPERATION: &str = "DeleteObjects";
    let failed = |code: String, message: String| Failure {
        kind: crate::aws::error::kind_of(&code),
        operation: OPERATION.into(),
        resource: bucket.name.clone(),
        code,
        message,
        request_id: None,
    };
    let mut delete = Delete::builder().quiet(true);
    for version in versions {
        let object = ObjectIdentifier::builder();
        let object = object.key(&version.key).version_id(&version.id).build();
        delete = delete.objects(object.map_err(|why| failed(String::new(), why.to_string()))?);
    }
    let delete = delete.build();
    let delete = delete.map_err(|why| failed(String::new(), why.to_string()))?;
    let answer = aws
        .s3
        .delete_objects()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .delete(delete)
        .send()
        .await
        .about(OPERATION, &bucket.name)?;
    match answer.errors.unwrap_or_default().into_iter().next() {
        None => Ok(()),
        Some(error) => {
            let (key, words) = (error.key, error.message);
            let words = words.unwrap_or_default();
            let words = format!("{}: {words}", key.unwrap_or_default());
            Err(failed(error.code.unwrap_or_default(), words))
        }
    }
}

/// Deletes a bucket that holds nothing; it may be gone already.
pub async fn delete_bucket(aws: &Aws, bucket: &Bucket) -> Result<(), Failure> {
    let answer = aws
        .s3
        .delete_bucket()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("DeleteBucket", &bucket.name);
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
