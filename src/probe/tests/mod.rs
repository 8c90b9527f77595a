//! The probe against servers that freeze, cut, flip and lie, in a memory network under a paused clock.

mod answers;
mod connections;
mod records;

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What a server does with a request.
enum Act {
    /// Answers after a while.
    Answer(Duration, u16, String),
    /// Writes these bytes and closes.
    Raw(String),
    /// Never answers.
    Hang,
}

fn ok(body: &str) -> Act {
    Act::Answer(Duration::ZERO, 200, body.to_owned())
}

/// What most servers here do with the negative control: refuse it.
fn unless_control(path: &str, act: impl FnOnce() -> Act) -> Act {
    if path.contains("negative-control") {
        Act::Answer(Duration::ZERO, 404, "no such path".into())
    } else {
        act()
    }
}

struct World {
    network: Network,
    clock: Clock,
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl World {
    /// A server that closes a connection after it was idle for `keep`.
    async fn serving(
        keep: Duration,
        act: impl Fn(Duration, &str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let network = Network::memory();
        let mut listener = network.listen(0).await.expect("a free port");
        let world = Self {
            port: listener.port(),
            network,
            clock: Clock::real(),
            connections: Arc::default(),
        };
        let (clock, connections) = (world.clock.clone(), Arc::clone(&world.connections));
        let act = Arc::new(act);
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(converse(stream, clock.clone(), keep, Arc::clone(&act)));
            }
        });
        world
    }

    fn spec(&self) -> Spec {
        let base = Endpoint::parse(&format!("http://app:{}", self.port)).expect("a URL");
        Spec {
            rate_per_second: 100.0,
            timeout: Duration::from_secs(2),
            ..Spec::new(base, "/version")
        }
    }

    fn start(&self, spec: Spec) -> Running {
        Probe::start(&self.network, &self.clock, spec).expect("a good spec")
    }

    async fn run(&self, spec: Spec, seconds: u64) -> Evidence {
        let running = self.start(spec);
        self.clock.sleep_wall(Duration::from_secs(seconds)).await;
        running.stop().await.expect("no panic")
    }
}

async fn converse(
    mut stream: net_clock::Stream,
    clock: Clock,
    keep: Duration,
    act: Arc<impl Fn(Duration, &str) -> Act>,
) {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let more = clock.within_wall(keep, stream.read(&mut chunk)).await;
        let Some(Ok(count @ 1..)) = more else { return };
        read.extend_from_slice(&chunk[..count]);
        if !read.ends_with(b"\r\n\r\n") {
            continue;
        }
        let head = String::from_utf8(std::mem::take(&mut read)).expect("text");
        let path = head.split(' ').nth(1).expect("a request line");
        match act(clock.wall(), path) {
            Act::Answer(after, status, body) => {
                clock.sleep_wall(after).await;
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n");
                if stream.write_all((head + &body).as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::Raw(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                return;
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

const IDLE: Duration = Duration::from_secs(60);
