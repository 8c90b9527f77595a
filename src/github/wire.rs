//! Our own HTTP client, for octocrab.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body;

use super::REQUEST;
use crate::http_client::{HttpClient, Limits};

/// The longest answer that is read: a hundred of the longest comments.
const BODY_MOST: usize = 32 << 20;

/// Sends octocrab's requests; its errors are [`crate::http_client::HttpError`].
#[derive(Clone, Debug)]
pub(super) struct Wire(pub(super) HttpClient);

type BoxError = Box<dyn Error + Send + Sync>;
type Answer = http::Response<Full<Bytes>>;

impl Wire {
    async fn exchange<B>(self, request: http::Request<B>) -> Result<Answer, BoxError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(Into::into)?.to_bytes();
        let limits = Limits {
            time: REQUEST,
            body: BODY_MOST,
        };
        let request = http::Request::from_parts(parts, body);
        let response = self.0.send(request, limits).await?;
        Ok(response.map(Full::new))
    }
}

impl<B> tower_service::Service<http::Request<B>> for Wire
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}
