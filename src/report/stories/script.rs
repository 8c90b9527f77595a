//! How a run and what its probe saw are written down for the tests.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::names::{Colour, Release, Weights};
use crate::probe::{Bucket, ErrorClass, Evidence, Lane, LaneTally, Percentiles, Sample, Tally};
use crate::run::event::{Event, Stamped, Zone};

/// Writes events with their times.
pub(super) struct Script {
    pub(super) at: f64,
    events: Vec<Stamped>,
}

impl Script {
    pub(super) fn new(command: &str, release: &str, previous: Option<&str>) -> Self {
        let mut script = Self {
            at: 0.0,
            events: Vec::new(),
        };
        script.say(Event::Began {
            command: command.into(),
            app: "hello".into(),
            environment: "prod".into(),
            release: Release(release.into()),
            previous: previous.map(|previous| Release(previous.into())),
            by: Some("octocat, push to main".into()),
        });
        script
    }

    pub(super) fn say(&mut self, event: Event) -> &mut Self {
        let at = Duration::from_secs_f64(self.at);
        self.events.push(Stamped { at, event });
        self
    }

    pub(super) fn decide(&mut self, what: &str, value: &str, why: &str) -> &mut Self {
        self.say(Event::Decided {
            what: what.into(),
            value: value.into(),
            why: why.into(),
        })
    }

    pub(super) fn begin(&mut self, zone: Zone, step: &str) -> &mut Self {
        self.say(Event::StepBegan {
            step: step.into(),
            zone,
        })
    }

    /// Waits for each of these, so many seconds.
    pub(super) fn wait(&mut self, step: &str, reasons: &[(&str, f64)]) -> &mut Self {
        for (reason, seconds) in reasons {
            self.say(Event::Waiting {
                step: step.into(),
                reason: (*reason).into(),
            });
            self.at += seconds;
        }
        self
    }

    pub(super) fn done(&mut self, step: &str, summary: &str) -> &mut Self {
        self.say(Event::StepDone {
            step: step.into(),
            summary: summary.into(),
            skipped: false,
        })
    }

    pub(super) fn fail(&mut self, step: &str, cause: &str) -> &mut Self {
        self.say(Event::StepFailed {
            step: step.into(),
            cause: cause.into(),
        })
    }

    pub(super) fn step(
        &mut self,
        zone: Zone,
        step: &str,
        waits: &[(&str, f64)],
        summary: &str,
    ) -> &mut Self {
        self.begin(zone, step).wait(step, waits).done(step, summary)
    }

    pub(super) fn fleet(
        &mut self,
        colour: Colour,
        healthy: u32,
        wanted: u32,
        release: &str,
    ) -> &mut Self {
        self.say(Event::Fleet {
            colour,
            healthy,
            wanted,
            release: (!release.is_empty()).then(|| release.into()),
        })
    }

    pub(super) fn weights(&mut self, weights: Weights, after: f64) -> &mut Self {
        self.say(Event::WeightsWritten { weights });
        self.at += after;
        let after = Duration::from_secs_f64(after);
        self.say(Event::WeightsSeen { weights, after })
    }

    pub(super) fn undone(&mut self, seconds: f64, step: &str, summary: &str) -> &mut Self {
        self.at += seconds;
        self.say(Event::Undone {
            step: step.into(),
            summary: summary.into(),
        })
    }

    /// Everything up to the bake, which takes `seconds`.
    pub(super) fn up_to_bake(&mut self, seconds: f64) -> &mut Self {
        self.decide("candidate", "green", "blue is live");
        self.decide("capacity", "2 instances", "as many as live has now");
        self.decide(
            "shift",
            "10 %, then 100 %",
            "canary, as bg-deploy.toml says",
        );
        self.at += 0.3;
        self.fleet(Colour::Blue, 2, 2, "0.0.1");
        self.step(
            Zone::Prepare,
            "acquire lease",
            &[("nobody else to be done", 0.2)],
            "held by run 77",
        );
        self.begin(Zone::Prepare, "bake image");
        self.wait(
            "bake image",
            &[
                ("the builder to boot", seconds * 0.3),
                ("the image to be available", seconds * 0.7),
            ],
        )
    }

    /// The candidate is up, and proven through the preview route.
    pub(super) fn up_to_smoke(&mut self) -> &mut Self {
        self.up_to_bake(148.0);
        self.say(Event::BuilderLog {
            tail: builder_log(),
        });
        self.done("bake image", "ami-0c9f13d2a from recipe 3f2a91");
        self.step(
            Zone::Prepare,
            "publish template version",
            &[("AWS to answer", 0.8)],
            "version 12 of hello-prod-green",
        );
        self.step(
            Zone::Prepare,
            "scale up idle",
            &[("2 instances to launch", 21.4)],
            "green: 2 instances",
        );
        self.step(
            Zone::Prepare,
            "await healthy",
            &[
                ("0 of 2 healthy", 24.0),
                ("1 of 2 healthy", 6.2),
                ("a streak of 3", 10.1),
            ],
            "2 of 2 healthy, three looks in a row",
        );
        self.fleet(Colour::Green, 2, 2, "");
        self.begin(Zone::Prepare, "smoke test");
        self.smoke("health", "GET /hc", 0.012, &[]);
        self.smoke("greeting", "POST /greet", 0.034, &[]);
        self.at += 0.1;
        self.done("smoke test", "2 of 2 passed");
        self.step(
            Zone::Prepare,
            "version probe",
            &[("2 instances to answer", 0.4)],
            "every instance answers 0.0.2",
        );
        self.fleet(Colour::Green, 2, 2, "0.0.2")
    }

    pub(super) fn smoke(
        &mut self,
        name: &str,
        request: &str,
        took: f64,
        problems: &[&str],
    ) -> &mut Self {
        self.say(Event::SmokeTested {
            name: name.into(),
            request: request.into(),
            problems: problems.iter().map(|problem| (*problem).into()).collect(),
            took: Duration::from_secs_f64(took),
        })
    }

    /// The guard is armed and a tenth of the traffic moved.
    pub(super) fn up_to_canary(&mut self) -> &mut Self {
        self.up_to_smoke();
        self.step(
            Zone::Commit,
            "arm guard",
            &[("AWS to answer", 1.1)],
            "restores blue if this run vanishes",
        );
        self.begin(Zone::Commit, "shift traffic");
        self.weights(Weights::split(Colour::Green, 10), 1.9)
    }

    pub(super) fn up_to_soak(&mut self) -> &mut Self {
        self.up_to_canary();
        self.wait("shift traffic", &[("10 % to be watched for 60 s", 60.0)]);
        self.weights(Weights::split(Colour::Green, 100), 2.3);
        self.done("shift traffic", "all to green, in 2 stages");
        self.begin(Zone::Commit, "soak")
    }

    pub(super) fn finish(&mut self) -> &mut Self {
        self.wait("soak", &[("120 s with all traffic on green", 120.0)]);
        self.done("soak", "nothing failed");
        self.step(Zone::Finish, "disarm guard", &[("AWS to answer", 0.6)], "");
        self.step(
            Zone::Finish,
            "drain",
            &[("requests in flight on blue", 31.0)],
            "no request in flight on blue",
        );
        self.step(
            Zone::Finish,
            "retain",
            &[],
            "blue keeps its 2 instances for 1h",
        );
        self.step(
            Zone::Finish,
            "retire",
            &[("AWS to answer", 1.4)],
            "1 image older than the last 5 removed",
        )
    }

    pub(super) fn end(&mut self) -> Vec<Stamped> {
        std::mem::take(&mut self.events)
    }
}

fn builder_log() -> String {
    "fetched s3://hello-bundles/3f2a91.tar.gz (4.1 MB)\nsha256 matches\ninstalled /opt/hello\nenabled hello.service\n".to_owned()
}

pub(super) fn release(name: &str) -> Release {
    Release(name.to_owned())
}

/// What a probe of 20 requests a second saw: the old version until the shift, then both, then the new one.
pub(super) struct Seen {
    pub(super) from: f64,
    pub(super) to: f64,
    /// When the share of the new version became this, in percent.
    pub(super) shares: Vec<(f64, u64)>,
    /// Failures at these seconds.
    pub(super) failures: Vec<(f64, u64)>,
    pub(super) versions: (&'static str, &'static str),
}

impl Seen {
    pub(super) fn share(&self, at: f64) -> u64 {
        let last = self.shares.iter().rev().find(|(from, _)| *from <= at);
        last.map_or(0, |(_, share)| *share)
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = blank();
        let (old, new) = self.versions;
        let mut width = 0.1;
        while (self.to - self.from) / width > 240.0 {
            width *= 2.0;
        }
        let (mut from, mut owed) = (self.from, 0.0);
        while from < self.to {
            let failed = self
                .failures
                .iter()
                .filter(|(at, _)| (from..from + width).contains(at));
            let failed: u64 = failed.map(|(_, count)| count).sum();
            let covered = width.min(self.to - from);
            let good = ((covered * 20.0).round() as u64).saturating_sub(failed);
            owed += good as f64 * self.share(from) as f64 / 100.0;
            let fresh = (owed as u64).min(good);
            owed -= fresh as f64;
            let mut by_version = BTreeMap::new();
            for (version, count) in [(old, good - fresh), (new, fresh)] {
                if count > 0 {
                    by_version.insert(version.to_owned(), count);
                    *evidence
                        .tally
                        .by_version
                        .entry(version.to_owned())
                        .or_default() += count;
                    let seen = Duration::from_secs_f64(from + width / 2.0);
                    evidence
                        .first_seen
                        .entry(version.to_owned())
                        .or_insert(seen);
                    evidence.last_seen.insert(version.to_owned(), seen);
                }
            }
            evidence.tally.sent += good + failed;
            evidence.tally.failed += failed;
            evidence.series.push(Bucket {
                from: Duration::from_secs_f64(from),
                width: Duration::from_secs_f64(width),
                by_version,
                failed,
            });
            from += width;
        }
        self.sum_up(&mut evidence);
        evidence
    }

    pub(super) fn sum_up(&self, evidence: &mut Evidence) {
        evidence.started = Duration::from_secs_f64(self.from);
        evidence.ended = Duration::from_secs_f64(self.to);
        let tally = &mut evidence.tally;
        let good = tally.sent - tally.failed;
        tally.by_status.insert(200, good);
        if let Some((at, _)) = self.failures.first() {
            tally.by_status.insert(502, tally.failed);
            tally.by_error.insert(ErrorClass::Status, tally.failed);
            tally.first_failure = Some(failure(*at));
        }
        tally.control_sent = 64;
        tally.control_caught = 64;
        let half = tally.sent / 2;
        evidence.lanes.insert(Lane::Fresh, lane(half, 0, 14));
        evidence
            .lanes
            .insert(Lane::KeepAlive, lane(tally.sent - half, tally.failed, 6));
        evidence.lanes.insert(Lane::Control, lane(64, 64, 6));
    }
}

fn failure(at: f64) -> Sample {
    Sample {
        lane: Lane::KeepAlive,
        scheduled: Duration::from_secs_f64(at),
        sent: Some(Duration::from_secs_f64(at)),
        latency: Duration::from_millis(9),
        connect: None,
        status: Some(502),
        version: None,
        error: Some(ErrorClass::Status),
        detail: Some("status 502".to_owned()),
    }
}

fn lane(sent: u64, failed: u64, millis: u64) -> LaneTally {
    LaneTally {
        sent,
        failed,
        unfinished: 0,
        connections: if millis > 10 { sent } else { 4 },
        p50: Duration::from_millis(millis),
        p99: Duration::from_millis(millis * 4),
        max: Duration::from_millis(millis * 31),
    }
}

fn blank() -> Evidence {
    Evidence {
        endpoint: "http://hello.example".to_owned(),
        path: "/version".to_owned(),
        tally: Tally::default(),
        lanes: BTreeMap::new(),
        latency: Percentiles::default(),
        connect: Percentiles::default(),
        lateness_p99: Duration::from_millis(1),
        longest_gap: Duration::from_millis(212),
        first_seen: BTreeMap::new(),
        last_seen: BTreeMap::new(),
        series: Vec::new(),
        ledger: Some("probe/ledger.jsonl".into()),
        ledger_error: None,
        control: true,
        unrelated: None,
        runner_stalls: 0,
        started: Duration::ZERO,
        ended: Duration::ZERO,
    }
}
