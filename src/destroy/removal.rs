//! How one thing after another is removed: asked for again while something else goes on with it, for so long at most, and left
//! with the reason where AWS refuses.

use std::time::Duration;

use anyhow::{Error, Result};

use super::thing::{Kind, Thing};
use super::{Destroyed, Left, STEP};
use crate::aws::error::{ErrorKind, Failure};
use crate::aws::security_groups;
use crate::aws::witness::Contradiction;
use crate::lease::Lost;
use crate::run::context::Context;
use crate::run::event::Event;
use crate::run::wait::WaitError;

/// Between two looks at first, and at last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));

/// AWS's codes for that the caller may not do this one thing.
const MAY_NOT: [&str; 3] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
];

impl Kind {
    /// How long it may take until it is gone.
    fn patience(&self) -> Duration {
        let minutes = match self {
            // Instances end, and are taken out of their target groups before.
            Self::Group(_) => 15,
            // What `onCancel` may take, and what AWS takes to ask.
            Self::Automation(_) => 5,
            Self::Instance(_) => 10,
            // A load balancer's and an instance's network interfaces outlive them by minutes.
            Self::OfInstances(_) | Self::OfBalancer(_) | Self::SecurityGroup(_) => 10,
            _ => 3,
        };
        Duration::from_secs(minutes * 60)
    }
}

/// What came of it so far.
#[derive(Debug)]
pub(super) struct Removal<'a> {
    cx: &'a Context,
    done: Destroyed,
    /// What could not go of ours.
    stays: Vec<Thing>,
}

impl<'a> Removal<'a> {
    pub(super) fn new(cx: &'a Context) -> Self {
        Self {
            cx,
            done: Destroyed::default(),
            stays: Vec::new(),
        }
    }

    /// Whether everything of ours that was tried is gone.
    pub(super) fn is_complete(&self) -> bool {
        self.stays.is_empty()
    }

    pub(super) fn end(self) -> Destroyed {
        self.done
    }

    /// Notes what was removed, and tells it at once: whatever comes after may fail.
    pub(super) fn removed(&mut self, what: String) {
        self.cx.events.note(format!("removed {what}"));
        self.done.removed.push(what);
    }

    /// Notes what is left.
    pub(super) fn left(&mut self, left: Left) {
        self.cx.events.note(format!("left {}", left.words()));
        self.done.left.push(left);
    }

    /// Notes what another environment needs.
    pub(super) fn kept(&mut self, kept: Left) {
        self.cx.events.note(format!("kept {}", kept.words()));
        self.done.kept.push(kept);
    }

    /// Removes it, or notes why it is left. Fails only when nothing more may be removed.
    pub(super) async fn remove(&mut self, thing: Thing) -> Result<()> {
        if self.cx.cancel.is_cancelled() {
            return Err(WaitError::Cancelled.into());
        }
        let known = thing.stays.clone().or_else(|| self.in_its_way(&thing.kind));
        let why = match known {
            Some(why) => Some(why),
            None => self.until_gone(&thing).await?,
        };
        match why {
            None => self.removed(thing.what),
            Some(why) => {
                let what = thing.what.clone();
                self.stays.push(thing);
                self.left(Left { what, why });
            }
        }
        Ok(())
    }

    /// What is left and needs this: AWS would take away some of it all the same.
    fn in_its_way(&self, kind: &Kind) -> Option<String> {
        let needs = |other: &Kind| match kind {
            Kind::TargetGroup(_, of) => matches!(other, Kind::Group(name) if name == of),
            Kind::LoadBalancer(..) => matches!(other, Kind::Rule(_) | Kind::Listener(_)),
            Kind::Template(_) | Kind::Image(_) | Kind::OfInstances(_) => {
                matches!(other, Kind::Group(_) | Kind::Instance(_))
            }
            Kind::Profile(name, _) | Kind::Role(name, _) => match other {
                Kind::Group(_) | Kind::Instance(_) => name.ends_with("-instance"),
                Kind::Profile(other, _) => name == other,
                _ => false,
            },
            Kind::OfBalancer(_) => {
                matches!(other, Kind::LoadBalancer(..) | Kind::OfInstances(_))
            }
            _ => false,
        };
        let other = self.stays.iter().find(|other| needs(&other.kind))?;
        Some(format!("{} is left, and needs it", other.what))
    }

    /// Asks until it is gone; or answers with why it is not.
    async fn until_gone(&self, thing: &Thing) -> Result<Option<String>> {
        let cx = self.cx;
        let begun = cx.clock.elapsed();
        let (mut pause, longest) = PAUSES;
        let mut is_asked = false;
        loop {
            cx.still_held().await?;
            let tried = match is_asked {
                true => Ok(()),
                false => thing.kind.remove(cx).await,
            };
            let why = match tried {
                Ok(()) if !thing.kind.goes_slowly() => return Ok(None),
                Ok(()) => {
                    is_asked = true;
                    match thing.kind.stands(&cx.aws).await {
                        Ok(true) => "AWS has begun, and it is there still".to_owned(),
                        Ok(false) => return Ok(None),
                        Err(error) if error.is_not_found() => return Ok(None),
                        Err(error) => refused(&error.into())?,
                    }
                }
                Err(error) if self.is_gone(&error, thing).await => return Ok(None),
                Err(error) => match is_passing(&error) {
                    true => refused(&error)?,
                    false => return refused(&error).map(Some),
                },
            };
            if cx.clock.elapsed().saturating_sub(begun) > thing.kind.patience() {
                return Ok(Some(self.explain(&thing.kind, why).await));
            }
            cx.events.emit(Event::Waiting {
                step: STEP.to_owned(),
                reason: format!("{} is to go", thing.what),
            });
            cx.pause(pause).await?;
            pause = (pause * 2).min(longest);
        }
    }

    /// What is gone bears no tags any more, and may be refused only for that.
    async fn is_gone(&self, error: &Error, thing: &Thing) -> bool {
        match failure(error).map(|failure| failure.kind) {
            Some(ErrorKind::NotFound | ErrorKind::Denied) => {
                let stands = thing.kind.stands(&self.cx.aws).await;
                stands.is_ok_and(|stands| !stands)
            }
            _ => false,
        }
    }

    /// AWS does not say who uses a security group.
    async fn explain(&self, kind: &Kind, why: String) -> String {
        let (Kind::OfInstances(id) | Kind::OfBalancer(id) | Kind::SecurityGroup(id)) = kind else {
            return why;
        };
        let found = security_groups::find_naming(&self.cx.aws, id).await;
        let named = found.unwrap_or_default().into_iter();
        let named: Vec<_> = named
            .filter(|group| group.id != *id)
            .map(|group| format!("{} ({})", group.name, group.id))
            .collect();
        match named.is_empty() {
            true => format!("{why}; a network interface of somebody else's may use it"),
            false => format!("{why}; rules of {} name it", named.join(", ")),
        }
    }
}

fn failure(error: &Error) -> Option<&Failure> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// Whether it may be otherwise in a moment.
fn is_passing(error: &Error) -> bool {
    let kind = failure(error).map(|failure| failure.kind);
    let stale = matches!(Contradiction::of(error), Some(Contradiction::Stale { .. }));
    stale
        || matches!(
            kind,
            Some(ErrorKind::NotReady | ErrorKind::Throttled | ErrorKind::Unknown)
        )
}

/// Why AWS refuses this one thing, in words; fails where nothing more can be removed: the lease is lost, the run cancelled, the
/// credentials are no good any more.
fn refused(error: &Error) -> Result<String> {
    let ends_all = error.chain().any(|cause| {
        cause.is::<Lost>() || matches!(cause.downcast_ref(), Some(WaitError::Cancelled))
    });
    let failure = failure(error);
    let is_out = failure.is_some_and(|failure| {
        failure.kind == ErrorKind::Denied && !MAY_NOT.contains(&failure.code.as_str())
    });
    if ends_all || is_out {
        return Err(match failure {
            Some(failure) => failure.clone().into(),
            None => anyhow::anyhow!("{error:#}"),
        });
    }
    Ok(format!("{error:#}"))
}
