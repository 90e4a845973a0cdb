//! A web server in the server's order: the one of the guide, with streams that are open when the shutdown comes.

#[path = "web/served.rs"]
mod served;

use std::{net::SocketAddr, time::Duration};

use longhaul::ServiceState;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Far more than the test takes: who waits for it to pass has failed.
const GRACE: Duration = Duration::from_secs(3600);

async fn request(at: SocketAddr, line: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    let head = format!("{line} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    BufReader::new(stream)
}

/// Lines up to one that begins so.
async fn line_of(stream: &mut BufReader<TcpStream>, begin: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).await.expect("it answers"), 0, "it ended before `{begin}`");
        if line.starts_with(begin) {
            return line.trim_end().to_owned();
        }
    }
}

#[tokio::test]
async fn ten_open_streams_hold_up_no_shutdown() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("it can be");
    let at = listener.local_addr().expect("it has one");
    let server = served::builder(listener).store(longhaul::open(folder.path()).expect("free")).start().expect("well");
    let services = server.services();
    services.until(|all| all[0].state == ServiceState::Running).await;

    let mut enqueued = request(at, "POST /exports").await;
    assert_eq!(line_of(&mut enqueued, "HTTP/1.1").await, "HTTP/1.1 200 OK");
    let length = line_of(&mut enqueued, "content-length: ").await;
    line_of(&mut enqueued, "\r\n").await;
    let mut id = vec![0; length["content-length: ".len()..].parse().expect("a number")];
    enqueued.read_exact(&mut id).await.expect("the id");
    let id = String::from_utf8(id).expect("text");
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = request(at, &format!("GET /exports/{id}/progress")).await;
        line_of(&mut stream, "data: 1 of Some(100)").await;
        streams.push(stream);
    }

    let report = server.shutdown(GRACE).await;
    assert_eq!(report.services, [], "the web server ended by itself");
    assert_eq!(report.suspended.len(), 1);
    for mut stream in streams {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("a clean end");
        assert!(rest.ends_with("0\r\n\r\n") && !rest.contains("error"), "{rest:?}");
    }
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
    drop(longhaul::open(folder.path()).expect("it was closed, although handlers had clients of it"));
}

#[test]
fn the_guide_shows_the_web_server_that_is_tested_here() {
    let guide = include_str!("../../docs/guide/3-shutdown.md");
    assert!(guide.contains(include_str!("web/served.rs")), "copy tests/it/web/served.rs into the guide");
}
