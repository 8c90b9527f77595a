//! Runs the smoke tests through the preview route: all of them, and shows all that is wrong, not the first thing only.
//!
//! Changes: nothing, but for what the tests' own requests do.

use std::cell::Cell;

use anyhow::{Result, bail};

use super::data_plane::TARGETS;
use super::open_preview::Preview;
use crate::config::Smoke;
use crate::plan::Plan;
use crate::probe::Endpoint;
use crate::probe::ask::{NO_TARGET, Question, Reply, ask};
use crate::run::context::Context;
use crate::run::event::{Event, Zone};
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;
use crate::run::wait::Look;

/// The step.
#[derive(Debug)]
pub struct SmokeTest {
    url: String,
    tests: Vec<Smoke>,
    preview: Preview,
}

impl SmokeTest {
    /// Runs the tests of `plan` through `preview`.
    pub fn of(plan: &Plan, preview: &Preview) -> Self {
        Self {
            url: plan.url.clone(),
            tests: plan.smoke.clone(),
            preview: preview.clone(),
        }
    }
}

impl Check for SmokeTest {
    type Output = ();

    const ABOUT: About = About {
        id: StepId::SmokeTest,
        name: "smoke test",
        zone: Zone::Prepare,
        does: "runs every smoke test through the preview route, and shows all results",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        let endpoint = Endpoint::parse(&self.url)?;
        let mut failed = Vec::new();
        for test in &self.tests {
            let mut question = Question::get(&test.path);
            question.method.clone_from(&test.method);
            question.headers = self.preview.headers();
            question.headers.extend(test.headers.clone());
            question.body = test.body.clone().unwrap_or_default();
            let begun = Cell::new(cx.clock.wall());
            // A slow answer is told as one, with what was wrong in it; a hanging one must end some time.
            let limit = test.within * 3;
            let wanted = test.status;
            let answered = cx
                .wait(
                    Self::ABOUT.name,
                    "an answer of the candidate",
                    TARGETS,
                    || async {
                        begun.set(cx.clock.wall());
                        let answered =
                            ask(&cx.network, &cx.clock, &endpoint, &question, limit).await;
                        Ok(match answered {
                            // Nobody was asked yet.
                            Ok(reply) if reply.is_without_target() && reply.status != wanted => {
                                Look::NotYet(NO_TARGET.to_owned())
                            }
                            answered => Look::Ready(answered),
                        })
                    },
                )
                .await?;
            let problems = match answered {
                Ok(reply) => problems(test, &reply),
                Err(_) if cx.clock.wall().saturating_sub(begun.get()) >= limit => vec![format!(
                    "no answer in {} ms, allowed {}",
                    limit.as_millis(),
                    test.within.as_millis()
                )],
                Err(error) => vec![format!("{error:#}")],
            };
            if !problems.is_empty() {
                failed.push(format!("{}: {}", test.name, problems.join("; ")));
            }
            cx.events.emit(Event::SmokeTested {
                name: test.name.clone(),
                request: format!("{} {}", test.method, test.path),
                problems,
                took: cx.clock.wall().saturating_sub(begun.get()),
            });
        }
        if !failed.is_empty() {
            bail!(
                "{} of {} smoke tests failed: {}",
                failed.len(),
                self.tests.len(),
                failed.join(" | ")
            );
        }
        Ok(Settled::done((), format!("{} passed", self.tests.len())))
    }
}

/// Everything that is wrong with an answer.
fn problems(test: &Smoke, reply: &Reply) -> Vec<String> {
    let mut problems = Vec::new();
    if reply.status != test.status {
        problems.push(format!("status {}, wanted {}", reply.status, test.status));
    }
    for (name, wanted) in &test.expect_headers {
        match reply
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
        {
            Some(value) if value == wanted => {}
            Some(value) => problems.push(format!("header {name}: {value}, wanted {wanted}")),
            None => problems.push(format!("no header {name}, wanted {wanted}")),
        }
    }
    if !test.json.is_empty() {
        match serde_json::from_slice::<serde_json::Value>(&reply.body) {
            Err(_) => problems.push("the body is not JSON".to_owned()),
            Ok(json) => {
                for (pointer, wanted) in &test.json {
                    match json.pointer(pointer) {
                        Some(value) if value == wanted => {}
                        Some(value) => {
                            problems.push(format!("{pointer} is {value}, wanted {wanted}"))
                        }
                        None => problems.push(format!("nothing at {pointer}, wanted {wanted}")),
                    }
                }
            }
        }
    }
    if let Some(text) = &test.text
        && !String::from_utf8_lossy(&reply.body).contains(text.as_str())
    {
        problems.push(format!("the body does not contain {text:?}"));
    }
    if reply.took > test.within {
        problems.push(format!(
            "took {} ms, allowed {}",
            reply.took.as_millis(),
            test.within.as_millis()
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn everything_wrong_with_an_answer_is_told_at_once() {
        let test = Smoke {
            name: "t".into(),
            method: "GET".into(),
            path: "/".into(),
            headers: Default::default(),
            body: None,
            status: 200,
            expect_headers: [("x-a".to_owned(), "1".to_owned())].into(),
            json: [
                ("/a".to_owned(), serde_json::json!(1)),
                ("/b".to_owned(), serde_json::json!(2)),
            ]
            .into(),
            text: Some("hello".into()),
            within: Duration::from_millis(100),
        };
        let reply = Reply {
            status: 500,
            headers: http::HeaderMap::new(),
            body: br#"{"a": 3}"#.to_vec(),
            took: Duration::from_millis(150),
        };
        assert_eq!(
            problems(&test, &reply),
            [
                "status 500, wanted 200",
                "no header x-a, wanted 1",
                "/a is 3, wanted 1",
                "nothing at /b, wanted 2",
                "the body does not contain \"hello\"",
                "took 150 ms, allowed 100",
            ]
        );
        let good = Reply {
            status: 200,
            headers: http::HeaderMap::from_iter([(
                http::HeaderName::from_static("x-a"),
                http::HeaderValue::from_static("1"),
            )]),
            body: br#"{"a": 1, "b": 2, "c": "hello"}"#.to_vec(),
            took: Duration::from_millis(50),
        };
        assert_eq!(problems(&test, &good), Vec::<String>::new());
    }
}
