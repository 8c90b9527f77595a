//! How an idle connection is watched, and what is said of an app.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What is seen of an app that answers so, and closes an idle connection after `keeps`.
async fn seen(answer: &'static str, keeps: Duration) -> Idle {
    let (network, clock) = (Network::memory(), Clock::real());
    let mut listener = network.listen(0).await.expect("a port");
    let port = listener.port();
    let closing = clock.clone();
    tokio::spawn(async move {
        let mut stream = listener.accept().await.expect("a connection");
        let mut asked = [0; 1024];
        assert!(stream.read(&mut asked).await.expect("a request") > 0);
        stream.write_all(answer.as_bytes()).await.expect("written");
        closing.sleep_wall(keeps).await;
    });
    let enough = CancellationToken::new();
    let ending = (clock.clone(), enough.clone());
    tokio::spawn(async move {
        ending.0.sleep_wall(Duration::from_secs(30)).await;
        ending.1.cancel();
    });
    let idle = idle(&network, &clock, port, "/version", enough).await;
    idle.expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_watched_until_it_is_closed_or_enough_was_seen() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n1\n";
    let short = seen(answer, Duration::from_secs(5)).await;
    assert_eq!(short, Idle::Closed(Duration::from_secs(5)));
    let long = seen(answer, Duration::from_secs(100)).await;
    assert_eq!(long, Idle::Open(Duration::from_secs(30)));
    let closes = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n1\n";
    let announced = seen(closes, Duration::from_secs(5)).await;
    assert_eq!(announced, Idle::Announced);
}

/// What was seen of an app, in words and as findings.
fn told(idle: Option<Idle>, stopped: Option<(EndedWith, Option<bool>)>) -> (String, Vec<Finding>) {
    let after = Duration::from_millis(1200);
    let manners = Manners {
        app: "hi".to_owned(),
        stop_timeout: Duration::from_secs(60),
        long_path: Some("/slow".to_owned()),
        idle,
        stopped: stopped.map(|(with, finished)| Stopped {
            end: AppEnd { with, after },
            finished,
        }),
    };
    (manners.to_string(), manners.findings())
}

#[test]
fn what_an_app_has_to_mend_is_said_and_what_it_does_well_too() {
    let closed = Some(Idle::Closed(Duration::from_secs(5)));
    let (words, findings) = told(closed, Some((EndedWith::Code(0), Some(false))));
    assert_eq!(findings, [Finding::KeepAliveTooShort, Finding::DropsOnStop]);
    assert!(
        words.starts_with("! hi closes idle connections after 5.0 s;"),
        "{words}"
    );
    assert!(
        words.contains("while it answered /slow, and cut"),
        "{words}"
    );

    let open = Some(Idle::Open(Duration::from_secs(31)));
    let (words, findings) = told(open, Some((EndedWith::Signal(TERM), Some(true))));
    assert_eq!(findings, []);
    assert_eq!(
        words,
        "hi: an idle connection stayed open for the 31.0 s that it was looked at; told to stop, it finished its answer to /slow \
         and ended after 1.2 s\n"
    );

    let nothing = told(None, Some((EndedWith::Signal(TERM), None)));
    assert_eq!(nothing.1, [Finding::NoSigterm]);
    let late = told(None, Some((EndedWith::TimeUp, Some(false))));
    assert_eq!(late.1, [Finding::DoesNotStop]);
    let longer_than_ours = Some(Idle::Closed(Duration::from_secs(75)));
    assert_eq!(told(longer_than_ours, None).1, []);
    assert_eq!(told(None, None), (String::new(), Vec::new()));
}
