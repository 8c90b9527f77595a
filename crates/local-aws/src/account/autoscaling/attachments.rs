//! Attaching target groups to a group, and detaching them.

use std::collections::BTreeSet;

use super::changes::check_target_groups;
use super::group::{Attachment, AttachmentState, Lifecycle, living};
use crate::account::{Account, ApiError, elbv2};

/// Attaches target groups; those that are attached stay so.
pub fn attach(account: &mut Account, name: &str, arns: &[String]) -> Result<(), ApiError> {
    check_target_groups(account, arns)?;
    let held = living(account, name)?;
    let members: Vec<_> = held
        .members
        .iter()
        .filter(|(_, member)| member.lifecycle == Lifecycle::InService)
        .map(|(id, _)| id.clone())
        .collect();
    let attached: BTreeSet<_> = held.target_groups().into_iter().collect();
    let new: Vec<_> = arns.iter().filter(|arn| !attached.contains(*arn)).collect();
    held.attachments
        .retain(|attachment| !new.contains(&&attachment.target_group));
    held.attachments.extend(new.iter().map(|arn| Attachment {
        target_group: (*arn).clone(),
        state: AttachmentState::Adding,
    }));
    for arn in new {
        for id in &members {
            elbv2::register(account, arn, id);
        }
    }
    Ok(())
}

/// Begins to detach target groups.
pub fn detach(account: &mut Account, name: &str, arns: &[String]) -> Result<(), ApiError> {
    let held = living(account, name)?;
    if let Some(unknown) = arns.iter().find(|arn| !held.target_groups().contains(arn)) {
        return Err(ApiError::validation(&format!(
            "Trying to remove Target Groups that are not part of the group: {unknown}"
        )));
    }
    for attachment in &mut held.attachments {
        if arns.contains(&attachment.target_group) {
            attachment.state = AttachmentState::Removing;
        }
    }
    let members: Vec<_> = held.members.keys().cloned().collect();
    for arn in arns {
        for id in &members {
            elbv2::deregister(account, arn, id);
        }
    }
    Ok(())
}
