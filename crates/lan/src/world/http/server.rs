//! An HTTP server over any site: keep-alive, pipelining, chunks, and answers that take their time.

use std::collections::VecDeque;

use trace::{Duration, Endpoint, Instant};

use super::message::{Headers, Incoming, Refused, Request, RequestReader, reason};
use crate::world::clock::Clock;
use crate::world::service::{Outbox, Peer, Sessions, TcpService};

/// Most requests that wait behind one that is being answered; more and the connection is reset.
const PIPELINE_MAX: usize = 32;

/// What a site answers.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Besides `Date`, `Server`, `Connection` and the body's framing, which the server adds.
    pub(crate) headers: Headers,
    pub(crate) body: Body,
    /// How long the site thinks before the first byte.
    pub(crate) delay: Duration,
}

/// A body, whole or in pieces.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Sent at once, with its length.
    Whole(Vec<u8>),
    /// Each piece as a chunk, after a pause.
    Chunks(Vec<(Duration, Vec<u8>)>),
    /// Pieces after pauses, with their total length announced.
    Pieces(Vec<(Duration, Vec<u8>)>),
}

impl Response {
    /// `body` of this type.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        let mut headers = Headers::default();
        if !content_type.is_empty() {
            headers.add("Content-Type", content_type);
        }
        Response { status, headers, body: Body::Whole(body.into()), delay: Duration::ZERO }
    }

    /// A page.
    pub(crate) fn html(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response::new(status, "text/html; charset=utf-8", body)
    }

    /// Adds a field.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Response {
        self.headers.add(name, value);
        self
    }

    /// The page that servers show for an error.
    pub(crate) fn error(status: u16) -> Response {
        let words = reason(status);
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{status} {words}</title></head>\n<body><h1>{status} {words}</h1></body></html>\n"
        );
        Response::html(status, page)
    }
}

/// Content and behaviour of a web site.
pub(crate) trait Site {
    /// Value of the `Server` field.
    fn software(&self) -> &str {
        "playground"
    }

    /// Answers `request`, which came from `remote`.
    fn respond(&mut self, now: Instant, remote: Endpoint, request: &Request) -> Response;
}

/// Serves a site.
#[derive(Debug)]
pub(crate) struct HttpServer<S> {
    site: S,
    clock: Clock,
    sessions: Sessions<Session>,
}

#[derive(Debug, Default)]
struct Session {
    reader: RequestReader,
    waiting: VecDeque<Request>,
    refused: Option<Refused>,
    /// The pieces still to send, each after its pause.
    answer: Option<Answer>,
    /// No more requests come.
    is_finished: bool,
}

#[derive(Debug)]
struct Answer {
    pieces: VecDeque<(Duration, Vec<u8>)>,
    keeps_alive: bool,
}

impl<S: Site> HttpServer<S> {
    /// A server of `site`.
    pub(crate) fn new(site: S, clock: Clock) -> HttpServer<S> {
        HttpServer { site, clock, sessions: Sessions::default() }
    }

    /// Begins answers as long as there are requests and nothing has to wait.
    fn serve(&mut self, peer: Peer, out: &mut Outbox) {
        loop {
            let session = self.sessions.of(peer.id);
            if session.answer.is_none() {
                let Some(request) = session.waiting.pop_front() else { break };
                let response = self.site.respond(out.now(), peer.remote, &request);
                let date = self.clock.http_date(out.now());
                let answer = encode(&request, response, self.site.software(), &date);
                self.sessions.of(peer.id).answer = Some(answer);
            }
            if self.send_due(peer, false, out) {
                return;
            }
        }
        let session = self.sessions.of(peer.id);
        if let Some(Refused(status)) = session.refused.take() {
            let page = Response::error(status);
            let Body::Whole(body) = page.body else { return };
            let head = format!(
                "HTTP/1.1 {status} {}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n",
                reason(status),
                body.len()
            );
            out.send(peer.id, [head.into_bytes(), body].concat());
            out.close(peer.id);
        } else if session.is_finished {
            out.close(peer.id);
        }
    }

    /// Sends pieces up to the next pause, whose end calls here again with `after_pause`; says whether there is one.
    fn send_due(&mut self, peer: Peer, mut after_pause: bool, out: &mut Outbox) -> bool {
        let session = self.sessions.of(peer.id);
        let Some(answer) = &mut session.answer else { return false };
        while let Some((pause, piece)) = answer.pieces.pop_front() {
            if pause > Duration::ZERO && !after_pause {
                answer.pieces.push_front((pause, piece));
                out.wake(peer.id, pause, 0);
                return true;
            }
            after_pause = false;
            out.send(peer.id, piece);
        }
        if !answer.keeps_alive {
            out.close(peer.id);
            session.waiting.clear();
            session.is_finished = false;
        }
        session.answer = None;
        false
    }
}

impl<S: Site> TcpService for HttpServer<S> {
    fn received(&mut self, peer: Peer, data: &[u8], out: &mut Outbox) {
        let session = self.sessions.of(peer.id);
        session.reader.push(data);
        while let Some(incoming) = session.reader.next() {
            match incoming {
                Incoming::Expects => out.send(peer.id, *b"HTTP/1.1 100 Continue\r\n\r\n"),
                Incoming::Request(request) => session.waiting.push_back(request),
                Incoming::Refused(refused) => session.refused = Some(refused),
            }
        }
        if session.waiting.len() > PIPELINE_MAX {
            out.reset(peer.id);
        } else if session.answer.is_none() {
            self.serve(peer, out);
        }
    }

    fn finished(&mut self, peer: Peer, out: &mut Outbox) {
        let session = self.sessions.of(peer.id);
        session.is_finished = true;
        if session.answer.is_none() {
            self.serve(peer, out);
        }
    }

    fn gone(&mut self, peer: Peer, _out: &mut Outbox) {
        self.sessions.end(peer.id);
    }

    fn woken(&mut self, peer: Peer, _token: u64, out: &mut Outbox) {
        if !self.send_due(peer, true, out) {
            self.serve(peer, out);
        }
    }
}

/// The response as pieces of bytes.
fn encode(request: &Request, response: Response, software: &str, date: &str) -> Answer {
    let has_no_body = matches!(response.status, 204 | 304) || response.status / 100 == 1;
    // A client of HTTP/1.0 cannot read chunks; the end of the connection is the end of the body then.
    let chunked = matches!(response.body, Body::Chunks(_)) && request.is_http_11;
    let ends_by_close = matches!(response.body, Body::Chunks(_)) && !request.is_http_11;
    let keeps_alive = request.keeps_alive() && !ends_by_close;
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    let mut field = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    };
    field("Date", date);
    for (name, value) in &response.headers.0 {
        field(name, value);
    }
    match &response.body {
        _ if has_no_body => {}
        Body::Whole(body) => field("Content-Length", &body.len().to_string()),
        Body::Pieces(pieces) => {
            let length: usize = pieces.iter().map(|(_, piece)| piece.len()).sum();
            field("Content-Length", &length.to_string());
        }
        Body::Chunks(_) if chunked => field("Transfer-Encoding", "chunked"),
        Body::Chunks(_) => {}
    }
    field("Connection", if keeps_alive { "keep-alive" } else { "close" });
    field("Server", software);
    head.push_str("\r\n");
    let mut pieces = VecDeque::from([(response.delay, head.into_bytes())]);
    if !has_no_body && request.method != "HEAD" {
        match response.body {
            // In one piece with the head, so that a small answer is one segment.
            Body::Whole(body) => pieces[0].1.extend(body),
            Body::Pieces(body) => pieces.extend(body),
            Body::Chunks(body) if !chunked => pieces.extend(body),
            Body::Chunks(body) => {
                pieces.extend(body.into_iter().map(|(pause, piece)| (pause, chunk(&piece))));
                pieces.push_back((Duration::ZERO, b"0\r\n\r\n".to_vec()));
            }
        }
    }
    Answer { pieces, keeps_alive }
}

fn chunk(piece: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::clock::EPOCH_UNIX_SECONDS;
    use crate::world::service::Action;
    use crate::world::service::testing::{actions, peer, sent};

    struct Echo;

    impl Site for Echo {
        fn respond(&mut self, _now: Instant, _remote: Endpoint, request: &Request) -> Response {
            let mut response = Response::new(200, "text/plain", request.target.clone());
            match request.target.as_str() {
                "/slow" => response.delay = Duration::from_secs(2),
                "/chunks" => {
                    let pause = Duration::from_millis(100);
                    response.body = Body::Chunks(vec![(pause, b"one".to_vec()), (pause, b"two".to_vec())]);
                }
                _ => {}
            }
            response
        }
    }

    fn server() -> HttpServer<Echo> {
        HttpServer::new(Echo, Clock { epoch_unix_seconds: EPOCH_UNIX_SECONDS })
    }

    fn receive(server: &mut HttpServer<Echo>, data: &[u8]) -> Vec<Action> {
        actions(0, |out| server.received(peer(1), data, out))
    }

    #[test]
    fn a_small_answer_is_one_piece() {
        let all = receive(&mut server(), b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        let expected = "HTTP/1.1 200 OK\r\nDate: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
            Content-Length: 2\r\nConnection: keep-alive\r\nServer: playground\r\n\r\n/x";
        assert_eq!(all, [Action::Send(peer(1).id, expected.into())]);
    }

    #[test]
    fn the_connection_ends_when_the_client_asks() {
        let all = receive(&mut server(), b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert!(matches!(&all[..], [Action::Send(..), Action::Close(_)]), "{all:?}");
        let all = receive(&mut server(), b"GET /x HTTP/1.0\r\n\r\n");
        assert!(matches!(&all[..], [Action::Send(..), Action::Close(_)]), "{all:?}");
    }

    #[test]
    fn pipelined_requests_are_answered_in_order_even_if_the_first_is_slow() {
        let mut server = server();
        let all = receive(&mut server, b"GET /slow HTTP/1.1\r\n\r\nGET /second HTTP/1.1\r\n\r\n");
        assert_eq!(all, [Action::Wake(peer(1).id, Duration::from_secs(2), 0)]);
        let all = actions(2000, |out| server.woken(peer(1), 0, out));
        let text = String::from_utf8(sent(&all)).unwrap();
        assert!(text.find("/slow").unwrap() < text.find("/second").unwrap());
    }

    #[test]
    fn chunks_come_one_after_the_other() {
        let mut server = server();
        let all = receive(&mut server, b"GET /chunks HTTP/1.1\r\n\r\n");
        assert!(matches!(&all[..], [Action::Send(..), Action::Wake(..)]), "{all:?}");
        let all = actions(100, |out| server.woken(peer(1), 0, out));
        assert_eq!(sent(&all), b"3\r\none\r\n");
        let all = actions(200, |out| server.woken(peer(1), 0, out));
        assert_eq!(sent(&all), b"3\r\ntwo\r\n0\r\n\r\n");
    }

    #[test]
    fn head_has_the_length_but_no_body() {
        let all = receive(&mut server(), b"HEAD /x HTTP/1.1\r\n\r\n");
        let text = String::from_utf8(sent(&all)).unwrap();
        assert!(text.contains("Content-Length: 2\r\n") && text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn nonsense_gets_a_bad_request_and_the_door() {
        let all = receive(&mut server(), b"\x16\x03\x01\x02\x00 not http\r\n\r\n");
        assert!(sent(&all).starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
        assert!(matches!(all.last(), Some(Action::Close(_))));
    }
}
