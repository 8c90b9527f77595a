//! A tape of calls: what each try of a call said and was answered, as it was on the wire, and how long the answer took.
//!
//! Guarantees: no header is kept but the kinds of the bodies, so no signature is; bodies are kept as they are, with whatever secrets
//! they carry, and no body that is streamed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use bytes::Bytes;
use net_clock::Clock;

/// One try of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The service, as the SDK names it ("Auto Scaling").
    pub service: String,
    /// The operation, as AWS names it.
    pub operation: String,
    /// When it was sent, on the tape's clock.
    pub at: Duration,
    /// Until the whole answer was there.
    pub took: Duration,
    /// What was said; of S3 and others that speak in paths, that as well.
    pub asked: Message,
    /// The path and query that it was said to.
    pub target: String,
    /// The status, and what was answered; `None`: there was no answer.
    pub answered: Option<(u16, Message)>,
}

/// A body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its `content-type`; empty where none was said.
    pub kind: String,
    /// It; `None` where it was streamed.
    pub body: Option<Bytes>,
}

/// What was sent, until it is answered.
#[derive(Debug)]
struct Sent {
    at: Duration,
    asked: Message,
    target: String,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

/// What is written down. Clones write on the same tape.
#[derive(Clone, Debug)]
pub struct Tape {
    clock: Clock,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Tape {
    /// An empty one.
    pub fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            exchanges: Arc::default(),
        }
    }

    /// What was written down since this was asked last.
    pub fn take(&self) -> Vec<Exchange> {
        let mut exchanges = self
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *exchanges)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Tape {
    fn name(&self) -> &'static str {
        "bg-deploy tape"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let uri: Result<http::Uri, _> = request.uri().parse();
        let target = uri
            .ok()
            .and_then(|uri| Some(uri.path_and_query()?.to_string()));
        let sent = Sent {
            at: self.clock.elapsed(),
            asked: Message {
                kind: request
                    .headers()
                    .get("content-type")
                    .unwrap_or_default()
                    .to_owned(),
                body: request.body().bytes().map(Bytes::copy_from_slice),
            },
            target: target.unwrap_or_default(),
        };
        config.interceptor_state().store_put(sent);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(sent) = config.load::<Sent>() else {
            return Ok(());
        };
        let call = config.load::<Metadata>();
        let answered = context.response().map(|response| {
            let message = Message {
                kind: response
                    .headers()
                    .get("content-type")
                    .unwrap_or_default()
                    .to_owned(),
                body: response.body().bytes().map(Bytes::copy_from_slice),
            };
            (response.status().as_u16(), message)
        });
        let exchange = Exchange {
            service: call.map_or_else(String::new, |call| call.service().to_owned()),
            operation: call.map_or_else(String::new, |call| call.name().to_owned()),
            at: sent.at,
            took: self.clock.elapsed().saturating_sub(sent.at),
            asked: sent.asked.clone(),
            target: sent.target.clone(),
            answered,
        };
        let mut exchanges = self
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        exchanges.push(exchange);
        Ok(())
    }
}
