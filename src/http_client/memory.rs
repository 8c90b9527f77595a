//! The same over memory, under a paused clock: no TLS, no proxy, no redirect.

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use net_clock::Network;

use super::{HttpError, root_cause, whole};

/// Sends a request on a connection of its own.
pub(super) async fn exchange(
    network: &Network,
    mut request: Request<Bytes>,
    most: usize,
) -> Result<Response<Bytes>, HttpError> {
    let uri = request.uri().clone();
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let stream = network
        .connect(uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80))
        .await
        .map_err(|error| HttpError::NotSent(error.to_string()))?;
    let broke = |error: hyper::Error| HttpError::NoAnswer(root_cause(&error));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broke)?;
    // Ends with the answer's body, or when that is dropped.
    tokio::spawn(connection);
    let unsent = |error: String| HttpError::NotSent(error);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let name = HeaderValue::from_str(host).map_err(|error| unsent(error.to_string()))?;
    *request.uri_mut() = path
        .parse()
        .map_err(|error: http::uri::InvalidUri| unsent(error.to_string()))?;
    request.headers_mut().insert(HOST, name);
    let close = HeaderValue::from_static("close");
    request.headers_mut().insert(CONNECTION, close);
    let response = sender
        .send_request(request.map(Full::new))
        .await
        .map_err(broke)?;
    whole(response, most).await
}
