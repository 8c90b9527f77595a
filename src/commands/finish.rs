//! `finish`: after a run that was cancelled or killed, from the state that it left.
//!
//! Runs after every run of a workflow, so a run that has ended costs it nothing: no call to AWS, no credentials. Where no
//! state is, the environment's lease knows (`finish_left.rs`); and where it knows more than the file (a full disk), it is right.

use std::path::Path;

use super::carry_out::state_file;
use super::clock::clock;
use super::finish_left;
use super::finish_left::{Left, kept, latest};
use super::publish::Publisher;
use super::remembered::remembered;
use super::reports::Reports;
use super::show::{Show, ended_at_once, last_words};
use super::signals::signals;
use super::turn::Asking;
use super::{EarlyExit, Terminal, access, answer};
use crate::announce::Announcer;
use crate::aws::Aws;
use crate::aws::calls::Call;
use crate::aws::sts;
use crate::cli;
use crate::command_line::Next;
use crate::config;
use crate::ending::restore_by_hand;
use crate::finish::{Ending, finish};
use crate::inputs::Inputs;
use crate::lease::give_back;
use crate::lease::{self, Lease, Patience, Record};
use crate::names::utc;
use crate::outcome::{EXIT_OK, EXIT_STUCK, EXIT_UNEXPECTED, Outcome};
use crate::report::Run;
use crate::run::alive::Alive;
use crate::run::beginning::Beginning;
use crate::run::context::Context;
use crate::run::event::{Event, Stamped};
use crate::run::state::State;
use crate::run::step_id::StepId;
use net_clock::Clock;
use net_clock::Network;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Finish,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let file = state_file(command.state.as_deref(), inputs, &command.report_dir);
    let state = State::read(&file).map_err(|why| EarlyExit::bad_input(why.0))?;
    let Some(state) = state else {
        match finish_left::run(options, inputs, terminal).await? {
            Left::Ended(outcome) => tell_outcome(options, &outcome, terminal),
            Left::Nothing => nothing_to_finish(options, terminal),
            Left::NotSeen(why) => not_looked_at(options, &why, terminal),
        }
        return Ok(EXIT_OK);
    };
    if Alive::is_held(&file) {
        return Err(EarlyExit::refused(format!(
            "the run that {} tells of is under way, in another process on this machine: there is nothing to finish\n\
             to end it: Ctrl-C there, or from anywhere: {}",
            file.display(),
            state.plan.next(Next::TakeOver)
        )));
    }
    if state.has_ended() && state.is_published {
        nothing_to_finish(options, terminal);
        return Ok(EXIT_OK);
    }
    let network = Network::tcp();
    // Others are told on the wall's clock, whichever one AWS runs on.
    let announcer = Announcer::of(inputs, &network, &Clock::real());
    let work = Work {
        inputs,
        terminal,
        file: &file,
        publisher: Publisher {
            inputs,
            terminal,
            reports: &Reports::among(&command.report_dir, "finish"),
            announcer: Some(&announcer),
        },
    };
    let (outcome, code) = if let Some(outcome) = state.outcome.clone().filter(|_| state.has_ended())
    {
        work.tell_only(&announcer, &state, &outcome).await;
        (outcome, EXIT_OK)
    } else {
        let clock = clock(options, inputs, &network).await?;
        match work.finish(state, &network, clock).await? {
            Some(ended) => ended,
            None => {
                nothing_to_finish(options, terminal);
                return Ok(EXIT_OK);
            }
        }
    };
    terminal.answer(|| answer::of_outcome("finish", &outcome).to_string());
    Ok(code)
}

/// How the run ended that another runner had left.
fn tell_outcome(options: &cli::Options, outcome: &Outcome, terminal: &Terminal) {
    if options.json {
        terminal.say(&answer::of_outcome("finish", outcome).to_string());
    } else {
        terminal.say(&format!("the earlier run is finished: {}", outcome.word()));
    }
}

/// A job's last step comes after runs that never began, too: no error.
fn not_looked_at(options: &cli::Options, why: &str, terminal: &Terminal) {
    if options.json {
        return terminal.say(&nothing(Some(why)).to_string());
    }
    terminal.say(&format!(
        "nothing was finished: whether a run was stopped before its end could not be looked at: {why}"
    ));
}

/// The answer of a finish that had nothing to do, as far as it could look.
fn nothing(not_looked_at: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "command": "finish",
        "result": "nothing-to-finish",
        "exit_code": EXIT_OK,
        "not_looked_at": not_looked_at,
    })
}

fn nothing_to_finish(options: &cli::Options, terminal: &Terminal) {
    if options.json {
        terminal.say(&nothing(None).to_string());
    } else {
        terminal.say("nothing to finish: no run was stopped before its end");
    }
}

/// What finishing a run is done with.
struct Work<'a> {
    inputs: &'a Inputs,
    terminal: &'a Terminal,
    file: &'a Path,
    publisher: Publisher<'a>,
}

impl Work<'_> {
    /// The run ended by itself, and only could not tell all others any more.
    async fn tell_only(&self, announcer: &Announcer, state: &State, outcome: &Outcome) {
        let clock = Clock::real();
        let events = crate::run::context::Events::new(&clock);
        events.emit(self.began(state));
        let events = events.all();
        let run = self.report(state, &events, &[], outcome);
        let notices = announcer.end(&state.beginning, &state.memory, &run).await;
        for notice in &notices {
            self.terminal.notice(notice);
        }
        let told = State {
            is_published: true,
            ..state.clone()
        };
        if let Err(error) = told.write(self.file) {
            self.terminal.notice(&format!("{error:#}"));
        }
        self.terminal
            .tell("nothing to finish but to tell how the run ended, which is done now");
    }

    /// Finishes the run, if it did not come to its end; a second signal ends that at once, and it can be done again.
    async fn finish(
        &self,
        state: State,
        network: &Network,
        clock: Clock,
    ) -> Result<Option<(Outcome, u8)>, EarlyExit> {
        let aws = self.connect(&state, network, &clock).await?;
        let place = state.plan.lease();
        let record = lease::read(&aws, &place).await?.map(|(_, record)| record);
        let Some(state) = latest(record.as_ref(), state) else {
            self.terminal.tell(&format!(
                "that run came to its end, by the environment's lease: what {} says is older",
                self.file.display()
            ));
            return Ok(None);
        };
        let ended = self.bring_to_its_end(state, record.as_ref(), aws, network, clock);
        ended.await.map(Some)
    }

    async fn bring_to_its_end(
        &self,
        state: State,
        record: Option<&Record>,
        aws: Aws,
        network: &Network,
        clock: Clock,
    ) -> Result<(Outcome, u8), EarlyExit> {
        let lease = self.turn(&state, record, &aws, network, &clock).await?;
        let mut cx = Context::new(aws, network.clone(), clock).typed(&state.plan.command_line);
        cx.lease = lease;
        let cx = cx;
        self.terminal
            .tell("finish goes on where this run was stopped:");
        let show = Show::open(&cx, self.terminal);
        cx.events.emit(self.began(&state));
        let whole = async {
            let ending = finish(&cx, Some(self.file), state.clone())
                .await
                .map_err(|error| self.explain(&state, EarlyExit::from(error)))?;
            let Ending {
                finished,
                is_complete,
            } = ending;
            let outcome = finished.outcome;
            let (events, calls) = (cx.events.all(), cx.aws.calls());
            let run = Run {
                speed: cx.clock.speed(),
                ..self.report(&state, &events, &calls, &outcome)
            };
            show.finish(&run);
            self.publisher
                .end(&state.beginning, &state.memory, &run)
                .await;
            // What is not complete can be tried again.
            if is_complete {
                cx.note_if(cx.journal.ended(&outcome, true));
            }
            let code = match (&outcome, is_complete) {
                (Outcome::Stuck { .. }, _) => EXIT_STUCK,
                (_, true) => EXIT_OK,
                (_, false) => {
                    let again = state.plan.next(Next::FinishBy(self.file));
                    self.terminal.complain(&format!(
                        "not all of it could be done; to try again:\n  {again}"
                    ));
                    EXIT_UNEXPECTED
                }
            };
            if let Some(lease) = &cx.lease {
                let (about, id) = (&state.beginning, &state.plan.deployment);
                let done = remembered(about, id, &outcome, cx.clock.utc());
                lease.remember(&done).await;
            }
            give_back(cx.lease.as_ref(), is_complete).await;
            Ok((outcome, code))
        };
        tokio::select! {
            ended = whole => ended,
            () = show.tell_the_time(&cx) => unreachable!("the clock does not end"),
            () = two_signals(&cx) => {
                let outcome = ended_at_once(&cx, &state.plan);
                let words = last_words(&state.plan, &outcome, Some(self.file), self.inputs.ci.is_ci);
                self.terminal.complain(&words);
                let code = outcome.exit_code();
                Ok((outcome, code))
            }
        }
    }

    /// The lease of the run's app and environment: at once if it is that run's own, whose process is gone; else in turn, and
    /// as long as by default: there may be no bg-deploy.toml where a run is finished.
    async fn turn(
        &self,
        state: &State,
        record: Option<&Record>,
        aws: &Aws,
        network: &Network,
        clock: &Clock,
    ) -> Result<Option<Lease>, EarlyExit> {
        let plan = &state.plan;
        let names = plan.names();
        let is_own = kept(record).is_some_and(|run| run.plan.deployment == plan.deployment);
        let patience = match is_own {
            true => Patience::Overtakes,
            false => Patience::Waits(config::default::LEASE_WAIT),
        };
        let asking = Asking {
            aws,
            network,
            clock,
            inputs: self.inputs,
            terminal: self.terminal,
            command: "finish",
            verifies: plan.verify_fleet.is_some(),
            release: &plan.release,
            command_line: &plan.command_line,
        };
        Ok(asking.turn(&names, patience).await?.lease)
    }

    /// Clients for the account that the run was in.
    async fn connect(
        &self,
        state: &State,
        network: &Network,
        clock: &Clock,
    ) -> Result<Aws, EarlyExit> {
        let connected = async {
            let region = Some(state.plan.region.clone());
            let aws = access::connect_in(region, self.inputs, network, clock).await?;
            let caller = sts::known_caller(&aws).await.map_err(anyhow::Error::from)?;
            if caller.account != state.plan.account {
                return Err(EarlyExit::refused(format!(
                    "these credentials are for account {} ({}), and the run was in account {}",
                    caller.account, caller.arn, state.plan.account
                )));
            }
            Ok(aws)
        };
        connected
            .await
            .map_err(|failure| self.explain(state, failure))
    }

    /// Why the run can't be finished now, and what to type.
    fn explain(&self, state: &State, failure: EarlyExit) -> EarlyExit {
        let traffic = state.progress.of(StepId::ShiftTraffic);
        let is_moved = traffic.is_some_and(|entry| entry.undone.is_none());
        let mut text = format!(
            "the run is not finished: {}\nto finish it:\n  {}",
            failure.text,
            state.plan.next(Next::FinishBy(self.file))
        );
        if !is_moved {
            return EarlyExit { text, ..failure };
        }
        text.push_str("\ntraffic had begun to move; to put it back by hand:");
        for command in restore_by_hand(&state.plan) {
            text.push_str(&format!("\n  {command}"));
        }
        EarlyExit {
            exit_code: EXIT_STUCK,
            text,
            concerns: Vec::new(),
        }
    }

    fn began(&self, state: &State) -> Event {
        Event::Began(Beginning {
            by: self.inputs.ci.asked_by(),
            at: Some(utc(Clock::real().utc())),
            ..state.beginning.clone()
        })
    }

    fn report<'a>(
        &self,
        state: &State,
        events: &'a [Stamped],
        calls: &'a [Call],
        outcome: &'a Outcome,
    ) -> Run<'a> {
        Run {
            url: self.inputs.ci.run_url.clone(),
            live_url: Some(state.plan.url.clone()),
            calls,
            ..Run::of(events, outcome)
        }
    }
}

async fn two_signals(cx: &Context) {
    signals(1).await;
    cx.events.note(
        "a run is being finished, which leaves nothing half done; another signal ends that at once",
    );
    signals(2).await;
}
