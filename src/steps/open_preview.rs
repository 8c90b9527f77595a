//! Opens the preview route: a rule on a header whose value is a fresh secret for each run, so that nobody else reaches
//! a release that is not out yet.
//!
//! A verification has a route of its own, which leads to nothing but its own fleet, and is not written.
//!
//! Changes: the preview rule's header value and weights. Undo: a value that nobody knows.
//! Waits for: every look through the route being answered by something else than live.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::data_plane::{PROPAGATION, ROUND, Round, Said, look};
use crate::aws::elbv2::{self, PreviewRule, TargetGroups};
use crate::aws::error::{ErrorKind, kind};
use crate::names::{Colour, PREVIEW_CLOSED, PREVIEW_HEADER, Release};
use crate::plan::{Plan, PreviewToken, Visitor};
use crate::probe::ask::NO_TARGET;
use crate::random::random_token;
use crate::run::context::{Context, Undoing};
use crate::run::event::Zone;
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::Look;

/// The step.
#[derive(Debug)]
pub struct OpenPreview {
    route: PreviewRoute,
    token: PreviewToken,
    url: String,
    visitor: Visitor,
    live: Option<Release>,
    wanted: Release,
    goes_back: bool,
    /// Nothing waits for the route: the traffic moves meanwhile.
    hurries: bool,
    /// It is the one of verifications, which is open all the time, to a fleet that is mostly empty.
    stands: bool,
}

/// The preview rule, and where it leads.
#[derive(Clone, Debug)]
pub(crate) struct PreviewRoute {
    rule: PreviewRule,
    target_groups: TargetGroups,
    candidate: Colour,
}

impl PreviewRoute {
    /// The route to the candidate of `plan`.
    pub(super) fn of(plan: &Plan) -> Self {
        Self::new(
            plan.preview_rule.clone(),
            plan.target_groups.clone(),
            plan.idle,
        )
    }

    /// The route to this colour.
    pub(crate) fn new(rule: PreviewRule, target_groups: TargetGroups, candidate: Colour) -> Self {
        Self {
            rule,
            target_groups,
            candidate,
        }
    }

    async fn open(&self, cx: &Context, secret: &str) -> Result<()> {
        let header = (PREVIEW_HEADER, secret);
        let held = cx.held().await?;
        elbv2::write_preview(
            &cx.aws,
            held,
            &self.rule,
            header,
            &self.target_groups,
            self.candidate,
        )
        .await
    }

    /// Has it open for a value that nobody knows. A rule that somebody deleted is closed.
    pub(crate) async fn close(&self, cx: &Context) -> Result<()> {
        let nobody_s = format!("{PREVIEW_CLOSED}{}", random_token()?);
        match self.open(cx, &nobody_s).await {
            Err(error) if kind(&error) == Some(ErrorKind::NotFound) => Ok(()),
            other => other,
        }
    }
}

/// What has begun: the route may be open.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Handle;

/// The open route: what to send to reach the candidate.
#[derive(Clone, Debug)]
pub struct Preview {
    token: PreviewToken,
}

impl Preview {
    /// The headers to send.
    pub fn headers(&self) -> Vec<(String, String)> {
        vec![(PREVIEW_HEADER.to_owned(), self.token.reveal().to_owned())]
    }
}

impl OpenPreview {
    /// Opens the route of `plan`.
    pub fn of(plan: &Plan) -> Self {
        Self {
            route: PreviewRoute::of(plan),
            token: plan.preview_token.clone(),
            url: plan.url.clone(),
            visitor: plan.visitor.clone(),
            live: plan.previous.release.clone(),
            wanted: plan.release.clone(),
            goes_back: plan.goes_back(),
            hurries: plan.is_at_hand(),
            stands: plan.verify_fleet.is_some(),
        }
    }

    /// Waits until every node of the load balancer knows the route.
    pub(super) async fn await_route(&self, cx: &Context) -> Result<()> {
        let preview = Preview {
            token: self.token.clone(),
        };
        let live = self.live.as_ref().map(|release| release.0.as_str());
        let wanted = self.wanted.0.as_str();
        let headers = preview.headers();
        cx.wait(
            Self::ABOUT.name,
            "the preview route",
            PROPAGATION,
            || async {
                let round = look(cx, &self.url, &self.visitor, &headers, ROUND).await?;
                if self.goes_back {
                    return Ok(judge_strictly(&round, wanted));
                }
                let elsewhere = match round.has_bad() {
                    true => look(cx, &self.url, &self.visitor, &[], ROUND).await?,
                    false => Round::default(),
                };
                Ok(judge(&round, &elsewhere, live, wanted))
            },
        )
        .await?;
        Ok(())
    }
}

impl Step for OpenPreview {
    type Handle = Handle;
    type Output = Preview;

    const ABOUT: About = About {
        id: StepId::OpenPreview,
        name: "open preview route",
        zone: Zone::Prepare,
        does: "points the preview rule at the idle colour, with a header value that is a fresh secret",
        undo: "closes the route: a header value that nobody knows",
        calls: &["ModifyRule"],
        undo_calls: &["ModifyRule"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        if !self.stands {
            self.route.open(cx, self.token.reveal()).await?;
        }
        Ok(Handle)
    }

    async fn settle(&self, cx: &Context, _: &Handle) -> Result<Settled<Preview>> {
        let preview = Preview {
            token: self.token.clone(),
        };
        if self.hurries {
            let summary = "its nodes learn of it while the traffic moves";
            return Ok(Settled::done(preview, summary));
        }
        self.await_route(cx).await?;
        Ok(Settled::done(
            preview,
            "every node of the load balancer knows it",
        ))
    }

    async fn undo(&self, cx: Undoing<'_>, _: Option<&Handle>) -> Result<Option<String>> {
        if self.stands {
            return Ok(None);
        }
        self.route.close(cx.context()).await?;
        Ok(Some("closed the preview route".to_owned()))
    }
}

/// Whether the route is open at every node: a node that does not know it answers as live does, or, before a first release
/// and where live is down, with the errors that whoever has no secret gets, too (`elsewhere`); one that does not know yet that
/// the candidate's targets are healthy answers 503 by itself.
///
/// What the candidate says there is not judged here, unless it can't be told from live.
fn judge(round: &Round, elsewhere: &Round, live: Option<&str>, wanted: &str) -> Look<()> {
    let not_yet = |count: usize, what: &str| {
        Look::NotYet(format!("{count} of {} answers are {what}", round.len()))
    };
    if let Some(live) = live
        && round.of(live) > 0
    {
        let what = format!("still {live}, which is live, and not {wanted}");
        return not_yet(round.of(live), &what);
    }
    if round.without_target() > 0 {
        return not_yet(round.without_target(), NO_TARGET);
    }
    for (said, count) in &round.answers {
        if let Said::Bad(why) = said
            && elsewhere.has(said)
        {
            let what = format!("not routed yet, or no better than without the route: {why}");
            return not_yet(*count, &what);
        }
    }
    Look::Ready(())
}

/// The same where live is presumed bad: whatever else than the wanted release answers may be live at its worst.
fn judge_strictly(round: &Round, wanted: &str) -> Look<()> {
    if round.is_all(wanted) {
        return Look::Ready(());
    }
    Look::NotYet(format!(
        "{} of {} answers are {wanted} ({})",
        round.of(wanted),
        round.len(),
        round.summary()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(answers: &[(Said, usize)]) -> Round {
        Round {
            answers: answers.iter().cloned().collect(),
            ..Round::default()
        }
    }

    #[test]
    fn the_route_is_open_when_no_answer_comes_from_live() {
        let version = |version: &str| Said::Version(version.into());
        let mixed = round(&[(version("1"), 2), (version("2"), 18)]);
        assert_eq!(
            judge(&mixed, &Round::default(), Some("1"), "2"),
            Look::NotYet("2 of 20 answers are still 1, which is live, and not 2".into())
        );
        let open = round(&[(version("2"), 20)]);
        let nothing = Round::default();
        assert_eq!(judge(&open, &nothing, Some("1"), "2"), Look::Ready(()));
        let live = round(&[(version("1"), 20)]);
        let wrong = round(&[(Said::Bad("it answered 500".into()), 20)]);
        assert_eq!(
            judge(&wrong, &live, Some("1"), "2"),
            Look::Ready(()),
            "a candidate's fault is for the tests after this"
        );
    }

    #[test]
    fn where_live_is_presumed_bad_an_error_may_be_live_s() {
        let bad = Said::Bad("it answered 500".into());
        let mixed = round(&[(Said::Version("1".into()), 19), (bad, 1)]);
        assert_eq!(
            judge_strictly(&mixed, "1"),
            Look::NotYet(
                "19 of 20 answers are 1 (19 x 1, 1 x no version (it answered 500))".into()
            )
        );
        let open = round(&[(Said::Version("1".into()), 20)]);
        assert_eq!(judge_strictly(&open, "1"), Look::Ready(()));
    }

    #[test]
    fn where_nobody_serves_a_node_that_does_not_know_the_route_gives_everybody_s_error() {
        let nobody = || (Said::Bad("it answered 503".into()), 7);
        let version = || (Said::Version("2".into()), 13);
        let (mixed, elsewhere) = (round(&[nobody(), version()]), round(&[nobody()]));
        for live in [None, Some("1")] {
            let judged = judge(&mixed, &elsewhere, live, "2");
            assert!(matches!(judged, Look::NotYet(_)), "{judged:?}");
            let open = round(&[version()]);
            assert_eq!(judge(&open, &elsewhere, live, "2"), Look::Ready(()));
        }
        let no_target = || (Said::Bad(NO_TARGET.into()), 1);
        let waiting = round(&[no_target(), version()]);
        let judged = judge(&waiting, &Round::default(), Some("1"), "2");
        assert!(matches!(judged, Look::NotYet(_)), "{judged:?}");
        let another = round(&[(Said::Bad("it answered 500".into()), 20)]);
        assert_eq!(judge(&another, &elsewhere, None, "2"), Look::Ready(()));
    }
}
