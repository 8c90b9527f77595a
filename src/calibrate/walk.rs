//! The walk: a stack, two releases, the second by a canary, a rollback, a run that is killed while traffic moves and its end, and
//! nothing left.
//!
//! Guarantees: each part is made in its role; what was asked is written down after each part, whatever came of it; when a part does
//! not end as it has to, or the walk is cancelled, what was made is removed all the same.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio_util::sync::CancellationToken;

use super::ends::{begin, live, planned, words};
use super::notes::{seconds, steps, told};
use super::people::{make_roles, remove_roles, take_on};
use super::recording::{Head, Part, Record, folded};
use super::scrub::Scrub;
use crate::aws::sts::{self, Caller};
use crate::aws::tape::Tape;
use crate::aws::{Access, Aws};
use crate::config::Config;
use crate::deploy::deploy;
use crate::destroy::{Left, destroy};
use crate::finish::finish;
use crate::lease::{self, Holder, Patience, Taken, give_back};
use crate::names::utc;
use crate::prepare::{prepare, prepare_rollback};
use crate::provision::{Provisioned, artifacts, provision};
use crate::random::random_token;
use crate::rollback::rollback;
use crate::run::context::Context;
use crate::run::event::Event;
use crate::run::state::State;
use crate::stack::Names;
use net_clock::{Clock, Network};

/// Somebody with an account to throw away, and what they walk through it with.
pub struct Walk<'a> {
    /// The person's way to AWS; their keys may do anything.
    pub access: Access,
    /// Where all of it happens.
    pub network: Network,
    /// The account's time.
    pub clock: Clock,
    /// What is released first, and then.
    pub releases: [Config; 2],
    /// Where the state of a killed run can be kept.
    pub folder: &'a Path,
    /// Ends the walk early: what is under way is undone, and what was made removed.
    pub cancel: CancellationToken,
    /// Takes what is written down.
    pub write: &'a dyn Fn(Record) -> Result<()>,
    /// Is told how far it is.
    pub tell: &'a dyn Fn(&str),
}

impl std::fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a walk through {:?}", self.access.region)
    }
}

/// How a walk ended.
#[derive(Debug)]
pub struct Ended {
    /// Why it did not come to its end; `None`: it did.
    pub why_not: Option<anyhow::Error>,
    /// What is left in the account, and why.
    pub left: Vec<String>,
}

/// Who walks, by their own clients.
struct Person {
    aws: Aws,
    caller: Caller,
    scrub: Scrub,
}

impl Walk<'_> {
    /// All of it.
    pub async fn walk(&self) -> Result<Ended> {
        let elsewhere = self.access.endpoint_url.is_some();
        let person = self.person(None).await?;
        let region = person.aws.region.clone();
        let speed = self.clock.speed();
        let head = Head::now(utc(self.clock.utc()), region, elsewhere, speed);
        (self.write)(Record::Head(head))?;
        let why_not = self.there(&person).await.err();
        let left = self.back(&person).await?;
        Ok(Ended { why_not, left })
    }

    /// Only what removes what an earlier walk left.
    pub async fn tear_down(&self) -> Result<Ended> {
        let person = self.person(None).await?;
        let cx = self.context(person.aws.clone(), &self.cancel);
        make_roles(&cx, &self.releases[0], &person.caller).await?;
        let left = self.back(&person).await?;
        Ok(Ended {
            why_not: None,
            left,
        })
    }

    async fn there(&self, person: &Person) -> Result<()> {
        let [first, second] = &self.releases;
        self.part(person, "roles", None, async |cx| {
            make_roles(cx, first, &person.caller).await?;
            Ok("made".to_owned())
        })
        .await?;
        let provisioned = async |cx: &mut Context| self.provision(cx, &person.caller).await;
        self.part(person, "provision", Some("provision"), provisioned)
            .await?;
        for (part, config) in [("first release", first), ("canary", second)] {
            let released = async |cx: &mut Context| self.release(cx, config, None).await;
            self.part(person, part, Some("deploy"), released).await?;
        }
        let gone_back = async |cx: &mut Context| {
            let lease = self.turn(cx, Patience::Waits(first.lease.wait)).await?;
            let decision = prepare_rollback(&cx.aws, first, &[], None).await?;
            cx.lease = Some(lease);
            let plan = planned(decision)?;
            begin(cx, "rollback", &plan, None)?;
            let outcome = rollback(cx, &plan, None).await.outcome;
            give_back(cx.lease.as_ref(), true).await;
            live(&outcome)
        };
        self.part(person, "rollback", Some("deploy"), gone_back)
            .await?;
        let state = self.folder.join("state.json");
        let killed = async |cx: &mut Context| self.release(cx, second, Some(&state)).await;
        self.part(person, "killed run", Some("deploy"), killed)
            .await?;
        let finished = async |cx: &mut Context| {
            let left = State::read(&state).map_err(|why| anyhow!(why.0))?;
            let left = left.context("the killed run left no state")?;
            cx.lease = Some(self.turn(cx, Patience::Overtakes).await?);
            let ending = finish(cx, Some(&state), left).await?;
            give_back(cx.lease.as_ref(), true).await;
            match ending.is_complete {
                true => Ok(ending.finished.outcome.word()),
                false => bail!(
                    "the killed run could not be finished: {:?}",
                    ending.finished
                ),
            }
        };
        self.part(person, "its end", Some("deploy"), finished)
            .await?;
        Ok(())
    }

    /// Removes all of it, however far the walk came.
    async fn back(&self, person: &Person) -> Result<Vec<String>> {
        let config = &self.releases[0];
        let anyway = CancellationToken::new();
        let mut left = Vec::new();
        let destroyed = self
            .recorded(
                (person, &anyway),
                "tear down",
                Some("destroy"),
                async |cx| {
                    let lease = self.turn(cx, Patience::Overtakes).await.ok();
                    cx.lease = lease;
                    let destroyed = destroy(cx, config, &person.caller).await?;
                    left.extend(destroyed.left.iter().map(Left::words));
                    Ok(format!("removed {}", destroyed.removed.len()))
                },
            )
            .await;
        if let Err(error) = destroyed {
            left.push(format!("the stack: {error:#}"));
            // Whoever tears down the rest takes them on.
            return Ok(left);
        }
        let removed = self
            .recorded((person, &anyway), "roles removed", None, async |cx| {
                remove_roles(cx, config).await?;
                Ok("removed".to_owned())
            })
            .await;
        left.extend(removed.err().map(|error| format!("its roles: {error:#}")));
        Ok(left)
    }

    /// One part of the way there, unless it was cancelled.
    async fn part(
        &self,
        person: &Person,
        part: &str,
        kind: Option<&str>,
        work: impl AsyncFnOnce(&mut Context) -> Result<String>,
    ) -> Result<()> {
        if self.cancel.is_cancelled() {
            bail!("cancelled before \"{part}\"");
        }
        self.recorded((person, &self.cancel), part, kind, work)
            .await
    }

    /// One part, in this role or the person's own, written down however it ends.
    async fn recorded(
        &self,
        (person, cancel): (&Person, &CancellationToken),
        part: &str,
        kind: Option<&str>,
        work: impl AsyncFnOnce(&mut Context) -> Result<String>,
    ) -> Result<()> {
        let begun = self.clock.elapsed();
        (self.tell)(part);
        let (own, theirs) = (Tape::new(&self.clock), Tape::new(&self.clock));
        let mut events = Vec::new();
        let worked = async {
            let mut cx = self.context(self.person(Some(&own)).await?.aws, cancel);
            if let Some(kind) = kind {
                let access = Access {
                    keys: None,
                    tape: Some(theirs.clone()),
                    ..self.access.clone()
                };
                let (with, of) = (
                    (&access, &self.network),
                    (&self.releases[0], person.caller.account.as_str()),
                );
                cx = self.context(take_on(&cx, with, of, kind).await?, cancel);
            }
            let worked = work(&mut cx).await;
            events = cx.events.all();
            worked
        };
        let worked = Box::pin(worked).await;
        let ended = match &worked {
            Ok(words) => words.clone(),
            Err(error) => format!("{error:#}"),
        };
        let calls = own.take().into_iter().map(|call| ("person", call));
        let by = kind.unwrap_or("person");
        let calls = calls.chain(theirs.take().into_iter().map(|call| (by, call)));
        let calls = calls.map(|(by, exchange)| told(part, by, exchange, &person.scrub));
        let mut calls: Vec<_> = calls.collect();
        calls.sort_by(|one, other| one.at.total_cmp(&other.at));
        for call in folded(calls) {
            (self.write)(Record::Call(Box::new(call)))?;
        }
        for step in steps(part, &events, self.clock.speed()) {
            (self.write)(Record::Step(step))?;
        }
        (self.write)(Record::Part(Part {
            part: part.to_owned(),
            at: seconds(begun),
            took: seconds(self.clock.elapsed().saturating_sub(begun)),
            ended: person.scrub.text(&ended),
        }))?;
        worked.map(drop).with_context(|| part.to_owned())
    }

    async fn person(&self, tape: Option<&Tape>) -> Result<Person> {
        let access = Access {
            tape: tape.cloned(),
            ..self.access.clone()
        };
        let aws = Aws::connect(&access, &self.network).await;
        let aws = aws.map_err(|none| anyhow!("no access to AWS: {none:?}"))?;
        let caller = sts::known_caller(&aws).await?;
        let name = caller.arn.rsplit(['/', ':']).next().unwrap_or_default();
        let scrub = Scrub {
            account: caller.account.clone(),
            words: match name.len() {
                // A short one stands in other words.
                0..4 => Vec::new(),
                _ => vec![format!("/{name}")],
            },
        };
        Ok(Person { aws, caller, scrub })
    }

    fn context(&self, aws: Aws, cancel: &CancellationToken) -> Context {
        let mut cx = Context::new(aws, self.network.clone(), self.clock.lap());
        cx.cancel = cancel.child_token();
        cx
    }

    async fn provision(&self, cx: &mut Context, caller: &Caller) -> Result<String> {
        let config = &self.releases[0];
        let names = Names::new(&config.app, &config.environment);
        let mut made = Provisioned::default();
        artifacts::ensure_bucket(cx, config, &names, caller, &mut made).await?;
        cx.lease = Some(self.turn(cx, Patience::Waits(config.lease.wait)).await?);
        let made = cx.keep_lease(provision(cx, config, caller, made)).await?;
        give_back(cx.lease.as_ref(), true).await;
        Ok(format!("made {}", made.created.len()))
    }

    /// A release; one whose state is kept is killed as soon as it has begun to move the traffic.
    async fn release(
        &self,
        cx: &mut Context,
        config: &Config,
        killed: Option<&Path>,
    ) -> Result<String> {
        let release = config.release.clone().context("a release has a name")?;
        let lease = self.turn(cx, Patience::Waits(config.lease.wait)).await?;
        let prepared = prepare(&cx.aws, config, &release).await?;
        let plan = planned(prepared.decision)?;
        cx.lease = Some(lease);
        begin(cx, "deploy", &plan, killed)?;
        let gone = CancellationToken::new();
        if killed.is_some() {
            let gone = gone.clone();
            cx.events.listen(move |stamped| {
                if matches!(stamped.event, Event::WeightsWritten { .. }) {
                    gone.cancel();
                }
            });
        }
        // What is killed does nothing more, not even what would be undone.
        let ended = tokio::select! {
            biased;
            () = gone.cancelled() => None,
            ended = Box::pin(deploy(cx, &plan, prepared.bundle.file.path(), None)) => Some(ended),
        };
        match (ended, killed) {
            (None, _) => Ok("killed".to_owned()),
            (Some(finished), Some(_)) => {
                bail!(
                    "it ended before it was killed: {}",
                    words(&finished.outcome)
                )
            }
            (Some(finished), None) => {
                give_back(cx.lease.as_ref(), true).await;
                live(&finished.outcome)
            }
        }
    }

    async fn turn(&self, cx: &Context, patience: Patience) -> Result<lease::Lease> {
        let config = &self.releases[0];
        let names = Names::new(&config.app, &config.environment);
        let caller = sts::known_caller(&cx.aws).await?;
        let place = names.lease(&caller.account, &cx.aws.region);
        let holder = Holder {
            id: random_token()?,
            command: "calibrate".to_owned(),
            since: utc(self.clock.utc()),
            ..Holder::default()
        };
        match lease::take(&cx.aws, &cx.clock, &place, &holder, patience, |_| {}).await? {
            Taken::Lease { lease, .. } => Ok(*lease),
            Taken::Busy(busy) => bail!("another run has the turn: {}", busy.holder.words()),
            Taken::NoBucket => bail!("there is no bucket"),
        }
    }
}
