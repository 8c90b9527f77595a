//! Where a command finds its release live already: what an earlier run left around it is put right, and it is proved where it
//! stands, unless a run that is remembered has proved it.
//!
//! Guarantees: "nothing to do" is said only of what is proven; that nothing is remembered stands in nobody's way.

use super::now::now;
use super::publish::Publisher;
use super::remembered::remembered_whole;
use super::reports::ledger_in;
use super::show::Show;
use super::signals::signals;
use super::{EarlyExit, Terminal};
use crate::command_line::Next;
use crate::config::Config;
use crate::ending::Finished;
use crate::history::proof_of;
use crate::lease::give_back;
use crate::names::Release;
use crate::outcome::{EXIT_CANCELLED, Outcome};
use crate::plan::{Decision, Plan};
use crate::prove_live::prove_live;
use crate::reconcile;
use crate::report::Run;
use crate::run::beginning::Beginning;
use crate::run::context::Context;
use crate::run::event::Event;

/// Ends a command that finds `release` live, gives the lease back, and publishes that.
pub(super) async fn live_already(
    cx: &Context,
    config: &Config,
    release: &Release,
    beginning: Beginning,
    publisher: &Publisher<'_>,
) -> Result<(Outcome, u8), EarlyExit> {
    let stands = match put_right(cx, config, publisher.terminal).await {
        Ok(Some(plan)) if plan.release == *release => Ok(plan),
        Ok(_) => Err(format!(
            "{release} was live a moment ago, and is not any more: somebody leads the traffic elsewhere\n\
             to see how things stand: {}",
            config.next(Next::Status)
        )),
        Err(why) => Err(why),
    };
    let plan = match stands {
        Ok(plan) => plan,
        Err(why) => {
            give_back(cx.lease.as_ref(), true).await;
            let now = now(cx, config).await;
            return Ok(publisher
                .undecided(&beginning, Decision::Refused(why), now)
                .await);
        }
    };
    let beginning = Beginning {
        release: release.clone(),
        previous: Some(release.clone()),
        url: Some(plan.url.clone()),
        ..beginning
    };
    let show = Show::open(cx, publisher.terminal);
    cx.events.emit(Event::Began(beginning.clone()));
    let proved = proved(cx, &plan, publisher, &show).await;
    if let (Some(lease), Ok(finished)) = (&cx.lease, &proved)
        && finished.verdict.is_some()
    {
        // The next one knows what it proved.
        let (id, url) = (&plan.deployment, publisher.inputs.ci.run_url.as_deref());
        let done = remembered_whole(cx, &beginning, id, finished, url);
        lease.remember(&done).await;
    }
    give_back(cx.lease.as_ref(), true).await;
    let finished = proved?;
    let (events, calls) = (cx.events.all(), cx.aws.calls());
    let run = Run {
        evidence: finished.evidence.as_ref(),
        verdict: finished.verdict.as_ref(),
        speed: cx.clock.speed(),
        url: publisher.inputs.ci.run_url.clone(),
        live_url: Some(plan.url.clone()),
        calls: &calls,
        ..Run::of(&events, &finished.outcome)
    };
    show.finish(&run);
    publisher.end(&beginning, &Default::default(), &run).await;
    let code = finished.outcome.exit_code();
    Ok((finished.outcome, code))
}

/// Puts right what an earlier run left around the release that is live already, and tells of it; or says why not. Answers with
/// what stands.
pub(super) async fn put_right(
    cx: &Context,
    config: &Config,
    terminal: &Terminal,
) -> Result<Option<Plan>, String> {
    let done = Box::pin(reconcile::put_right(cx, config)).await;
    for stamped in cx.events.all() {
        if let Event::Note { text } = stamped.event {
            terminal.tell(&text);
        }
    }
    done.map_err(|error| {
        format!(
            "it is live already, but whether an earlier run left anything half done there could not be seen to: \
             {error:#}\nto see how things stand: {}",
            config.next(Next::Doctor)
        )
    })
}

/// That it is proven: by a run that is remembered, else now. A signal ends that at once.
async fn proved(
    cx: &Context,
    plan: &Plan,
    publisher: &Publisher<'_>,
    show: &Show,
) -> Result<Finished, EarlyExit> {
    let past = match &cx.lease {
        Some(lease) => lease.past_runs().await,
        None => Vec::new(),
    };
    let why = match proof_of(&past, &plan.release) {
        Ok(run) => {
            cx.events.note(format!("it was proved by {}", run.words()));
            return Ok(Finished {
                outcome: Outcome::NothingToDo {
                    release: plan.release.clone(),
                },
                evidence: None,
                verdict: None,
            });
        }
        Err(why) => why,
    };
    let folder = publisher.folder(&plan.release)?;
    let proving = prove_live(cx, plan, &why, Some(ledger_in(folder)));
    tokio::select! {
        finished = Box::pin(proving) => Ok(finished),
        () = show.tell_the_time(cx) => unreachable!("the clock does not end"),
        () = signals(1) => Err(EarlyExit {
            exit_code: EXIT_CANCELLED,
            text: format!("cancelled: {} is live as before, and not proven", plan.release),
            concerns: Vec::new(),
        }),
    }
}
