use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::header::{AUTHORIZATION, LOCATION};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    body: 1_000,
};

fn client(variables: &[(&str, &str)]) -> Result<HttpClient, String> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let proxies = Proxies::from(|name| variables.get(name).map(|value| (*value).to_owned()));
    HttpClient::new(&proxies, &Network::tcp(), &Clock::real())
}

fn get(url: &str) -> Request<Bytes> {
    let request = Request::get(url).header(AUTHORIZATION, "Bearer s3cret");
    request.body(Bytes::new()).expect("a request")
}

/// A proxy that answers everything by itself with 204, and refuses every tunnel; what it was asked, and by whom.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut lines = BufReader::new(stream).lines();
                let mut head = Vec::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line.is_empty() {
                        break;
                    }
                    head.push(line);
                }
                let Some(first) = head.first() else { continue };
                let user = head.iter().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("proxy-authorization")
                        .then_some(value)
                });
                let words = first.trim_end_matches(" HTTP/1.1");
                let words = [Some(words), user].into_iter().flatten();
                heard
                    .lock()
                    .unwrap()
                    .push(words.collect::<Vec<_>>().join(" by "));
                let answer = if first.starts_with("CONNECT ") {
                    "HTTP/1.1 403 Forbidden\r\n\r\n"
                } else {
                    "HTTP/1.1 204 No Content\r\n\r\n"
                };
                let mut stream = lines.into_inner();
                // Whoever asked may be gone.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[tokio::test]
async fn a_proxy_is_found_in_every_variable_that_names_one() {
    let proxy = Proxy::start().await;
    let address = format!("http://{}", proxy.address);
    let (http, https) = ("http://one.invalid/a?b=c", "https://two.invalid/d");
    let both = ["GET http://one.invalid/a?b=c", "CONNECT two.invalid:443"];
    for (name, by_http, by_https) in [
        ("HTTP_PROXY", true, false),
        ("http_proxy", true, false),
        ("HTTPS_PROXY", false, true),
        ("https_proxy", false, true),
        ("ALL_PROXY", true, true),
        ("all_proxy", true, true),
    ] {
        let client = client(&[(name, &address)]).expect(name);
        let plain = client.send(get(http), LIMITS).await;
        let over_tls = client.send(get(https), LIMITS).await;
        assert_eq!(
            plain.map(|it| it.status().as_u16()).ok(),
            by_http.then_some(204),
            "{name}"
        );
        // The proxy of the test opens no tunnel: then nothing has left.
        assert!(
            matches!(over_tls, Err(HttpError::NotSent(_))),
            "{name}: {over_tls:?}"
        );
        let expected = both.iter().zip([by_http, by_https]);
        let expected: Vec<_> = expected
            .filter(|(_, by)| *by)
            .map(|(line, _)| *line)
            .collect();
        assert_eq!(proxy.asked(), expected, "{name}");
    }
}

#[tokio::test]
async fn the_lower_case_goes_first_a_scheme_may_be_missing_and_a_password_goes_to_the_proxy_alone()
{
    let (proxy, other) = (Proxy::start().await, Proxy::start().await);
    let with_password = format!("ada:hunter2@{}", proxy.address);
    let client = client(&[
        ("http_proxy", &with_password),
        ("HTTP_PROXY", &other.address),
        ("ALL_PROXY", &other.address),
    ]);
    let client = client.expect("a client");
    let answer = client.send(get("http://one.invalid/"), LIMITS).await;
    assert_eq!(answer.expect("an answer").status(), 204);
    assert_eq!(
        proxy.asked(),
        ["GET http://one.invalid/ by Basic YWRhOmh1bnRlcjI="]
    );
    assert_eq!(other.asked(), Vec::<String>::new());
    let proxies = Proxies::from(|name| (name == "http_proxy").then(|| with_password.clone()));
    assert!(!format!("{proxies:?}").contains("hunter2"), "{proxies:?}");
}

#[tokio::test]
async fn the_hosts_of_no_proxy_are_reached_without_one() {
    let proxy = Proxy::start().await;
    let server = MockServer::start().await;
    Mock::given(path("/x"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let url = format!("{}/x", server.uri());
    for (name, except, is_direct) in [
        ("NO_PROXY", "example.com, 127.0.0.1", true),
        ("no_proxy", "127.0.0.0/8", true),
        ("NO_PROXY", "*", true),
        ("NO_PROXY", "example.com", false),
    ] {
        let client = client(&[("HTTP_PROXY", &proxy.address), (name, except)]).expect(name);
        let answer = client.send(get(&url), LIMITS).await.expect("an answer");
        let status = if is_direct { 200 } else { 204 };
        assert_eq!(answer.status().as_u16(), status, "{except}");
        assert_eq!(proxy.asked().is_empty(), is_direct, "{except}");
    }
}

#[test]
fn what_is_no_proxy_is_refused_by_its_variable_and_without_its_password() {
    for address in [
        "socks5://u:hunter2@proxy:1080",
        "http://",
        "http://a b",
        "ftp://proxy",
    ] {
        let why = client(&[("HTTPS_PROXY", address)]).expect_err(address);
        assert!(why.starts_with("HTTPS_PROXY is no address"), "{why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = MockServer::start().await;
    for (from, status) in [("/301", 301), ("/307", 307)] {
        Mock::given(path(from))
            .respond_with(ResponseTemplate::new(status).insert_header(LOCATION, "/elsewhere"))
            .mount(&server)
            .await;
    }
    Mock::given(method("GET"))
        .and(path("/elsewhere"))
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&server)
        .await;
    let client = client(&[]).expect("a client");
    for status in [301, 307] {
        let url = format!("{}/{status}", server.uri());
        let answer = client.send(get(&url), LIMITS).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_too_late_is_none() {
    let server = MockServer::start().await;
    let long = ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 1_001]);
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    for (at, answer) in [("/long", long), ("/late", late)] {
        let mock = Mock::given(path(at)).respond_with(answer);
        mock.mount(&server).await;
    }
    let client = client(&[]).expect("a client");
    let url = |at: &str| format!("{}{at}", server.uri());
    let no_answer = |why: &str| HttpError::NoAnswer(why.to_owned());
    assert_eq!(
        client.send(get(&url("/long")), LIMITS).await.err(),
        Some(no_answer("the answer is longer than 1000 bytes"))
    );
    let short = Limits {
        time: Duration::from_millis(200),
        ..LIMITS
    };
    assert_eq!(
        client.send(get(&url("/late")), short).await.err(),
        Some(no_answer("no answer within 0.2 s"))
    );
}

#[tokio::test]
async fn a_request_that_reached_nobody_never_left_and_an_error_does_not_name_the_address() {
    let port = Network::tcp().free_port().await.expect("a port");
    let client = client(&[]).expect("a client");
    let url = format!("http://127.0.0.1:{port}/s3cret");
    let error = client.send(get(&url), LIMITS).await.expect_err("nobody");
    assert!(matches!(&error, HttpError::NotSent(_)), "{error:?}");
    assert!(
        error.to_string().starts_with("Connection refused"),
        "{error}"
    );
    assert!(!error.to_string().contains("s3cret"), "{error}");
}
