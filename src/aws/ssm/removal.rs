//! The end of runbooks.

use aws_sdk_ssm::types::ResourceTypeForTagging;

use crate::aws::error::{About as _, ErrorKind, Failure};
use crate::aws::{Aws, Tags};

/// The tags of a document; `None` where there is none of this name.
pub async fn find_tags(aws: &Aws, document: &str) -> Result<Option<Tags>, Failure> {
    let answer = aws
        .ssm
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Document)
        .resource_id(document)
        .send()
        .await
        .about("ListTagsForResource", document);
    match answer {
        Ok(answer) => {
            let tags = answer.tag_list.unwrap_or_default().into_iter();
            Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Of a resource whose id it does not know AWS says that the id is not valid.
fn is_absent(error: &Failure) -> bool {
    error.kind == ErrorKind::NotFound || error.code == "InvalidResourceId"
}

/// Deletes a document in all its versions; it may be gone already.
pub async fn delete_document(aws: &Aws, document: &str) -> Result<(), Failure> {
    let request = aws.ssm.delete_document().name(document);
    match request.send().await.about("DeleteDocument", document) {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
