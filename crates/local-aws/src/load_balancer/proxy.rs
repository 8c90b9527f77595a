//! One client connection at one node: each request on it is routed anew, forwarded, and answered.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::connections::{self, Connection, Connections};
use super::flow::{Activity, Answer, Busy, Flow};
use super::place::Place;
use crate::account::elbv2::conditions::Facts;
use crate::account::elbv2::network::Address;
use crate::account::elbv2::routing::{self, Pick, Route};
use crate::shared::Shared;
use net_clock::Stream;

/// How long a node tries to connect to a target.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Where every client of the local cloud is.
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The status AWS counts when a client leaves before it was answered; nobody receives it.
const CLIENT_LEFT: u16 = 460;
/// Headers that are about one connection, not about the request.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A client's connection.
#[derive(Debug)]
pub(super) struct Client {
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    listener: Arc<str>,
    node: usize,
    port: u16,
    /// When it connected, of the wall's time.
    since: Duration,
    idle_timeout: Duration,
    keep_alive: Duration,
    forwarded_for: ForwardedFor,
    activity: Arc<Activity>,
}

/// What happens to `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ForwardedFor {
    Append,
    Preserve,
    Remove,
}

impl Client {
    /// A connection that a node has just accepted. Its load balancer's timeouts hold for as long as it lasts.
    pub(super) fn new(place: &Place, listener: Arc<str>, node: usize) -> Self {
        let shared = &place.shared;
        let account = shared.account();
        let held = account.elbv2.listeners.get(&*listener);
        let load_balancer =
            held.and_then(|held| account.elbv2.load_balancers.get(&held.load_balancer));
        let attributes = load_balancer.map(|found| &found.attributes);
        let seconds = |key, default| {
            Duration::from_secs(attributes.map_or(default, |attributes| attributes.number(key)))
        };
        let mode = attributes.map(|held| held.text("routing.http.xff_header_processing.mode"));
        Self {
            listener,
            node,
            port: place.port,
            since: shared.clock.wall(),
            idle_timeout: seconds("idle_timeout.timeout_seconds", 60),
            keep_alive: seconds("client_keep_alive.seconds", 3600),
            forwarded_for: match mode {
                Some("preserve") => ForwardedFor::Preserve,
                Some("remove") => ForwardedFor::Remove,
                _ => ForwardedFor::Append,
            },
            activity: Activity::new(shared.clock.clone()),
            connections: Arc::clone(&place.connections),
            shared: Arc::clone(shared),
        }
    }
}

/// Serves a client until it leaves, is idle for too long, or the listener is closed.
pub(super) async fn serve(client: Client, stream: Stream, closing: CancellationToken) {
    let client = Arc::new(client);
    let serving = Arc::clone(&client);
    let service = service_fn(move |request| {
        let client = Arc::clone(&serving);
        async move { Ok::<_, std::convert::Infallible>(answer(&client, request).await) }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A client that went away: there is nobody to tell.
        _ = &mut connection => return,
        () = client.activity.idle_for(client.idle_timeout) => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // Closed in the middle of a request: that one is still answered, unless everything ends.
    let _ = client.shared.stopping.run_until_cancelled(connection).await;
}

/// Answers one request.
async fn answer(client: &Arc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let busy = client.activity.begin();
    let route = {
        let facts = Facts {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            source: SOURCE,
        };
        let mut account = client.shared.account_now();
        routing::route(&mut account, &client.listener, client.node, &facts)
    };
    let mut response = match route {
        Route::Forward(pick) => forward(client, busy, pick, request).await,
        Route::Answer(fixed) => {
            let mut response = own(fixed.status, fixed.body.unwrap_or_default());
            let kind = fixed
                .content_type
                .unwrap_or_else(|| "text/plain".to_owned());
            set(response.headers_mut(), header::CONTENT_TYPE, &kind);
            response
        }
        Route::Redirect(status, location) => {
            let mut response = own(status, page(status));
            set(response.headers_mut(), header::LOCATION, &location);
            response
        }
        Route::Unavailable => own(503, page(503)),
    };
    if client.shared.clock.wall() - client.since >= client.keep_alive {
        set(response.headers_mut(), header::CONNECTION, "close");
    }
    response
}

/// A forwarded request: tells the account when it is over, however that comes about.
struct InFlight {
    shared: Arc<Shared>,
    pick: Pick,
    status: u16,
    by_target: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut account = self.shared.account();
        routing::finished(&mut account, &self.pick, self.status, self.by_target);
    }
}

/// Forwards a request to the target it was given, and nowhere else.
async fn forward(
    client: &Arc<Client>,
    busy: Busy,
    pick: Pick,
    request: Request<Incoming>,
) -> Response<Answer> {
    let mut in_flight = InFlight {
        shared: Arc::clone(&client.shared),
        pick,
        status: CLIENT_LEFT,
        by_target: false,
    };
    let cookies = std::mem::take(&mut in_flight.pick.cookies);
    let connections = &client.connections;
    let cut = connections.cut_of(in_flight.pick.registration);
    let sending = send(client, &in_flight.pick, &cut, request);
    let sent = match cut.run_until_cancelled(sending).await {
        Some(sent) => sent,
        // The deregistration delay was over before there was an answer.
        None => Err(502),
    };
    let mut response = match sent {
        Ok((response, connection)) => {
            in_flight.status = response.status().as_u16();
            in_flight.by_target = true;
            stream(client, (busy, in_flight), cut, response, connection)
        }
        Err(status) => {
            in_flight.status = status;
            own(status, page(status))
        }
    };
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// Sends a request on a kept connection or a fresh one; the status of the load balancer's own answer when none comes.
async fn send(
    client: &Arc<Client>,
    pick: &Pick,
    cut: &CancellationToken,
    request: Request<Incoming>,
) -> Result<(Response<Incoming>, Connection), u16> {
    let connections = &client.connections;
    let mut request = upward(client, request);
    loop {
        let kept = connections.take(pick.registration, pick.node);
        let mut connection = match kept {
            Some(connection) => connection,
            None => connect(client, pick, cut).await?,
        };
        let on_target = connection.activity.begin();
        let answered = connection.sender.try_send_request(request);
        let answered = tokio::select! {
            answered = answered => answered,
            () = client.activity.quiet_for(client.idle_timeout) => return Err(504),
        };
        drop(on_target);
        match answered {
            Ok(response) => return Ok((response, connection)),
            // The node knew the connection to be closed before it wrote a byte: another one takes the request. With
            // a byte written it would not be sent twice: the target may have acted on it.
            Err(mut error) => match error.take_message() {
                Some(unsent) => request = unsent,
                None => return Err(502),
            },
        }
    }
}

/// A fresh connection to a target.
async fn connect(
    client: &Arc<Client>,
    pick: &Pick,
    cut: &CancellationToken,
) -> Result<Connection, u16> {
    let shared = &client.shared;
    let port = match pick.address {
        Address::Port(port) => port,
        Address::Refuses => return Err(502),
        Address::Silent => {
            shared.clock.sleep_wall(CONNECT_TIMEOUT).await;
            return Err(504);
        }
    };
    let dialling = shared.network.connect("127.0.0.1", port);
    match shared.clock.within_wall(CONNECT_TIMEOUT, dialling).await {
        Some(Ok(stream)) => connections::speak(shared, stream, client.idle_timeout, cut.clone())
            .await
            .map_err(|_| 502),
        Some(Err(_)) => Err(502),
        None => Err(504),
    }
}

/// The request as the target gets it.
fn upward(client: &Arc<Client>, request: Request<Incoming>) -> Request<Flow> {
    let (mut parts, body) = request.into_parts();
    parts.version = Version::HTTP_11;
    if parts.uri.authority().is_some() {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = path.parse().unwrap_or(Uri::from_static("/"));
    }
    drop_hop_by_hop(&mut parts.headers);
    parts.headers.remove(header::EXPECT);
    let forwarded = HeaderName::from_static("x-forwarded-for");
    match client.forwarded_for {
        ForwardedFor::Append => {
            let before = parts
                .headers
                .get(&forwarded)
                .and_then(|value| value.to_str().ok());
            let value = match before {
                Some(before) => format!("{before}, {SOURCE}"),
                None => SOURCE.to_string(),
            };
            set(&mut parts.headers, forwarded, &value);
        }
        ForwardedFor::Preserve => {}
        ForwardedFor::Remove => {
            parts.headers.remove(&forwarded);
        }
    }
    let port = client.port.to_string();
    set(
        &mut parts.headers,
        HeaderName::from_static("x-forwarded-port"),
        &port,
    );
    set(
        &mut parts.headers,
        HeaderName::from_static("x-forwarded-proto"),
        "http",
    );
    Request::from_parts(parts, Flow::upward(body, Arc::clone(&client.activity)))
}

/// The target's answer on its way to the client; its connection is kept when the body is through.
fn stream(
    client: &Arc<Client>,
    (busy, in_flight): (Busy, InFlight),
    cut: CancellationToken,
    response: Response<Incoming>,
    mut connection: Connection,
) -> Response<Answer> {
    client.activity.touch();
    let on_target = connection.activity.begin();
    let (registration, node) = (in_flight.pick.registration, in_flight.pick.node);
    let connections = Arc::clone(&client.connections);
    tokio::spawn(async move {
        if connection.sender.ready().await.is_ok() {
            connections.keep(registration, node, connection);
        }
    });
    let (mut parts, body) = response.into_parts();
    parts.version = Version::HTTP_11;
    drop_hop_by_hop(&mut parts.headers);
    let activity = Arc::clone(&client.activity);
    let quiet = Arc::clone(&client.activity);
    let idle_timeout = client.idle_timeout;
    let limit = Box::pin(async move {
        tokio::select! {
            () = cut.cancelled() => {}
            () = quiet.quiet_for(idle_timeout) => {}
        }
    });
    let holds = Box::new((busy, on_target, in_flight));
    Response::from_parts(
        parts,
        Answer::Target(Flow::downward(body, activity, limit, holds)),
    )
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// An answer of the load balancer's own.
fn own(status: u16, body: String) -> Response<Answer> {
    let mut response = Response::new(Answer::Own(Full::new(Bytes::from(body))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    set(response.headers_mut(), header::SERVER, "awselb/2.0");
    set(response.headers_mut(), header::CONTENT_TYPE, "text/html");
    response
}

/// The page that AWS shows with a status.
fn page(status: u16) -> String {
    let title = match status {
        301 => "301 Moved Permanently",
        302 => "302 Found",
        502 => "502 Bad Gateway",
        503 => "503 Service Temporarily Unavailable",
        _ => "504 Gateway Time-out",
    };
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
