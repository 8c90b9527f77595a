//! An independent visitor: not the probe of a run, but somebody who asks for the version all the time, on fresh connections.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bg_deploy::names::PREVIEW_HEADER;
use bg_deploy::probe::Endpoint;
use bg_deploy::probe::ask::{Question, ask_at};

use crate::support::World;

/// Somebody who asks all the time.
pub(crate) struct Visitor<'a> {
    world: &'a World,
    url: String,
    question: Question,
    at: Option<SocketAddr>,
    answers: RefCell<BTreeMap<String, usize>>,
    last: RefCell<String>,
    losses: RefCell<Vec<(Duration, String)>>,
}

impl<'a> Visitor<'a> {
    /// Of the service at `url`.
    pub(crate) fn of(world: &'a World, url: &str) -> Self {
        Self {
            world,
            url: url.to_owned(),
            question: Question::get("/version"),
            at: None,
            answers: RefCell::default(),
            last: RefCell::default(),
            losses: RefCell::default(),
        }
    }

    /// The same by the preview route.
    pub(crate) fn knowing(mut self, secret: &str) -> Self {
        self.question = self.question.with_header(PREVIEW_HEADER, secret);
        self
    }

    /// The same of one address, whatever the name leads to.
    pub(crate) fn at(mut self, address: IpAddr) -> Self {
        let endpoint = Endpoint::parse(&self.url).expect("a URL");
        self.at = Some((address, endpoint.port).into());
        self
    }

    /// Asks for ever.
    pub(crate) async fn visit(&self) {
        let endpoint = Endpoint::parse(&self.url).expect("a URL");
        let (network, clock) = (&self.world.network, &self.world.clock);
        loop {
            let timeout = Duration::from_secs(5);
            let said =
                match ask_at(network, clock, &endpoint, self.at, &self.question, timeout).await {
                    Ok(reply) if reply.status == 200 => reply.version(None).unwrap_or_default(),
                    Ok(reply) => format!("LOST: status {}", reply.status),
                    Err(error) => format!("LOST: {error:#}"),
                };
            if said.starts_with("LOST") {
                let lost = (clock.elapsed(), said.clone());
                self.losses.borrow_mut().push(lost);
            }
            *self.answers.borrow_mut().entry(said.clone()).or_default() += 1;
            *self.last.borrow_mut() = said;
            clock.sleep(Duration::from_millis(1500)).await;
        }
    }

    /// What was no answer of the service's.
    pub(crate) fn lost(&self) -> Vec<String> {
        let answers = self.answers.borrow();
        let lost = answers.keys().filter(|said| said.starts_with("LOST"));
        lost.cloned().collect()
    }

    /// The same with the time of each.
    pub(crate) fn losses(&self) -> Vec<(Duration, String)> {
        self.losses.borrow().clone()
    }

    /// How often each release has answered.
    pub(crate) fn answers(&self) -> BTreeMap<String, usize> {
        self.answers.borrow().clone()
    }

    /// The last answer.
    pub(crate) fn last(&self) -> String {
        self.last.borrow().clone()
    }
}
