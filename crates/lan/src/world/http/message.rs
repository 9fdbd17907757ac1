//! Requests and responses as they come in piece by piece, with a bound on everything.

use std::fmt::Write;

/// Longest head (start line and header fields); beyond it a server answers 431.
const HEAD_LENGTH_MAX: usize = 64 * 1024;
/// Most header fields of one message.
const FIELDS_MAX: usize = 100;
/// Longest request body a server takes.
const REQUEST_BODY_MAX: usize = 8 * 1024 * 1024;

/// Header fields in the order of the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers(pub(crate) Vec<(String, String)>);

impl Headers {
    /// The first field of this name, whatever its case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a field of this name exists.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Adds a field.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Whether the comma-separated field `name` lists `token`.
    pub(crate) fn lists(&self, name: &str, token: &str) -> bool {
        self.0
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    fn of(fields: &[httparse::Header<'_>]) -> Headers {
        let field =
            |field: &httparse::Header<'_>| (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned());
        Headers(fields.iter().map(field).collect())
    }
}

/// A whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    /// HTTP/1.0 or HTTP/1.1.
    pub(crate) is_http_11: bool,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Whether the connection may serve another request.
    pub(crate) fn keeps_alive(&self) -> bool {
        if self.is_http_11 {
            !self.headers.lists("connection", "close")
        } else {
            self.headers.lists("connection", "keep-alive")
        }
    }

    /// The path without the query, and the query.
    pub(crate) fn path_and_query(&self) -> (&str, &str) {
        self.target.split_once('?').unwrap_or((&self.target, ""))
    }
}

/// Why a request was refused: the status to answer before closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u16);

/// What [`RequestReader::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// The client waits for a word before it sends its body (`Expect: 100-continue`).
    Expects,
    Request(Request),
    Refused(Refused),
}

/// Assembles requests from what a connection delivers.
#[derive(Debug, Default)]
pub(crate) struct RequestReader {
    buffer: Vec<u8>,
    /// The head that has been read, while its body is awaited.
    head: Option<(Request, BodyReader)>,
    is_broken: bool,
}

impl RequestReader {
    /// Takes bytes.
    pub(crate) fn push(&mut self, data: &[u8]) {
        if !self.is_broken {
            self.buffer.extend_from_slice(data);
        }
    }

    /// The next complete thing, if there is one.
    pub(crate) fn next(&mut self) -> Option<Incoming> {
        if self.is_broken {
            return None;
        }
        match self.advance() {
            Ok(incoming) => incoming,
            Err(refused) => {
                self.is_broken = true;
                self.buffer = Vec::new();
                Some(Incoming::Refused(refused))
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Incoming>, Refused> {
        if self.head.is_none() {
            let Some((request, length)) = parse_request_head(&self.buffer)? else { return Ok(None) };
            self.buffer.drain(..length);
            let body = BodyReader::of_request(&request)?;
            let expects = request.headers.lists("expect", "100-continue") && self.buffer.is_empty() && !body.is_done();
            self.head = Some((request, body));
            if expects {
                return Ok(Some(Incoming::Expects));
            }
        }
        let Some((request, body)) = &mut self.head else { return Ok(None) };
        body.read(&mut self.buffer, &mut request.body).map_err(|_| Refused(400))?;
        if request.body.len() > REQUEST_BODY_MAX {
            return Err(Refused(413));
        }
        let is_done = body.is_done();
        Ok(self.head.take_if(|_| is_done).map(|(request, _)| Incoming::Request(request)))
    }
}

fn parse_request_head(buffer: &[u8]) -> Result<Option<(Request, usize)>, Refused> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => {
            let request = Request {
                method: head.method.unwrap_or_default().to_owned(),
                target: head.path.unwrap_or_default().to_owned(),
                is_http_11: head.version == Some(1),
                headers: Headers::of(head.headers),
                body: Vec::new(),
            };
            Ok(Some((request, length)))
        }
        Ok(httparse::Status::Partial) if buffer.len() > HEAD_LENGTH_MAX => Err(Refused(431)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(Refused(431)),
        Err(httparse::Error::Version) => Err(Refused(505)),
        Err(_) => Err(Refused(400)),
    }
}

/// Framing of a body (RFC 9112, section 6.3).
#[derive(Debug, PartialEq, Eq)]
enum BodyReader {
    Length(usize),
    Chunked(ChunkState),
    UntilClose,
    Done,
}

#[derive(Debug, PartialEq, Eq)]
enum ChunkState {
    /// Before the line that says how long the next chunk is.
    Size,
    /// Inside a chunk.
    Data(usize),
    /// Before the line end after a chunk.
    DataEnd,
    /// Among the trailer lines.
    Trailer,
}

/// The body's framing is wrong.
#[derive(Debug)]
struct BadBody;

impl BodyReader {
    fn of_request(request: &Request) -> Result<BodyReader, Refused> {
        if request.headers.lists("transfer-encoding", "chunked") {
            return Ok(BodyReader::Chunked(ChunkState::Size));
        }
        match request.headers.get("content-length") {
            None => Ok(BodyReader::Done),
            Some(text) => {
                let length = parse_length(text).ok_or(Refused(400))?;
                if length > REQUEST_BODY_MAX { Err(Refused(413)) } else { Ok(BodyReader::length(length)) }
            }
        }
    }

    fn of_response(head: &ResponseHead, method: &str) -> BodyReader {
        if method == "HEAD" || matches!(head.status, 204 | 304) {
            BodyReader::Done
        } else if head.headers.lists("transfer-encoding", "chunked") {
            BodyReader::Chunked(ChunkState::Size)
        } else if let Some(length) = head.headers.get("content-length").and_then(parse_length) {
            BodyReader::length(length)
        } else {
            BodyReader::UntilClose
        }
    }

    fn length(length: usize) -> BodyReader {
        if length == 0 { BodyReader::Done } else { BodyReader::Length(length) }
    }

    fn is_done(&self) -> bool {
        *self == BodyReader::Done
    }

    /// Moves what belongs to the body from `buffer` to `body`.
    fn read(&mut self, buffer: &mut Vec<u8>, body: &mut Vec<u8>) -> Result<(), BadBody> {
        match self {
            BodyReader::Done => {}
            BodyReader::UntilClose => body.append(buffer),
            BodyReader::Length(left) => {
                let count = buffer.len().min(*left);
                body.extend(buffer.drain(..count));
                *self = BodyReader::length(*left - count);
            }
            BodyReader::Chunked(_) => self.read_chunks(buffer, body)?,
        }
        Ok(())
    }

    fn read_chunks(&mut self, buffer: &mut Vec<u8>, body: &mut Vec<u8>) -> Result<(), BadBody> {
        let mut used = 0;
        while let BodyReader::Chunked(state) = self {
            let rest = &buffer[used..];
            match state {
                ChunkState::Size => {
                    let Some((line, length)) = take_line(rest)? else { break };
                    used += length;
                    let digits = line.split(';').next().unwrap_or_default().trim();
                    let size = usize::from_str_radix(digits, 16).map_err(|_| BadBody)?;
                    *state = if size == 0 { ChunkState::Trailer } else { ChunkState::Data(size) };
                }
                ChunkState::Data(left) => {
                    let count = rest.len().min(*left);
                    body.extend_from_slice(&rest[..count]);
                    used += count;
                    *left -= count;
                    if *left > 0 {
                        break;
                    }
                    *state = ChunkState::DataEnd;
                }
                ChunkState::DataEnd => {
                    let Some((line, length)) = take_line(rest)? else { break };
                    if !line.is_empty() {
                        return Err(BadBody);
                    }
                    used += length;
                    *state = ChunkState::Size;
                }
                ChunkState::Trailer => {
                    let Some((line, length)) = take_line(rest)? else { break };
                    used += length;
                    if line.is_empty() {
                        *self = BodyReader::Done;
                    }
                }
            }
        }
        buffer.drain(..used);
        Ok(())
    }
}

/// The first line of `bytes` and its length with the line end; `None` while it is incomplete.
fn take_line(bytes: &[u8]) -> Result<Option<(&str, usize)>, BadBody> {
    const LINE_LENGTH_MAX: usize = 4096;
    let Some(end) = bytes.iter().take(LINE_LENGTH_MAX).position(|byte| *byte == b'\n') else {
        return if bytes.len() >= LINE_LENGTH_MAX { Err(BadBody) } else { Ok(None) };
    };
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| BadBody)?;
    Ok(Some((line.trim_end_matches('\r'), end + 1)))
}

fn parse_length(text: &str) -> Option<usize> {
    let text = text.trim();
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Status line and header fields of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) is_http_11: bool,
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Headers,
}

impl ResponseHead {
    /// The head as it stood on the wire.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("HTTP/1.{} {} {}\r\n", u8::from(self.is_http_11), self.status, self.reason);
        for (name, value) in &self.headers.0 {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text + "\r\n"
    }
}

/// What [`ResponseReader::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResponsePart {
    Head(ResponseHead),
    Body(Vec<u8>),
    /// The response is complete; the flag says whether the connection may carry another.
    End {
        reusable: bool,
    },
    /// The bytes are no HTTP.
    Bad,
}

/// Takes responses apart as a connection delivers them.
#[derive(Debug)]
pub(crate) struct ResponseReader {
    buffer: Vec<u8>,
    method: String,
    body: Option<(BodyReader, bool)>,
    is_over: bool,
}

impl ResponseReader {
    /// Reads the response to a request of this method.
    pub(crate) fn new(method: &str) -> ResponseReader {
        ResponseReader { buffer: Vec::new(), method: method.to_owned(), body: None, is_over: false }
    }

    /// Takes bytes.
    pub(crate) fn push(&mut self, data: &[u8]) {
        if !self.is_over {
            self.buffer.extend_from_slice(data);
        }
    }

    /// Whether anything of the response has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.body.is_some() || !self.buffer.is_empty()
    }

    /// How many bytes of a stated length are missing.
    pub(crate) fn missing(&self) -> Option<usize> {
        match &self.body {
            Some((BodyReader::Length(left), _)) => Some(*left),
            _ => None,
        }
    }

    /// The next part, if there is one.
    pub(crate) fn next(&mut self) -> Option<ResponsePart> {
        if self.is_over {
            return None;
        }
        let Some((body, reusable)) = &mut self.body else { return self.next_head() };
        let mut bytes = Vec::new();
        let outcome = body.read(&mut self.buffer, &mut bytes);
        if !bytes.is_empty() {
            return Some(ResponsePart::Body(bytes));
        }
        if outcome.is_err() {
            self.is_over = true;
            return Some(ResponsePart::Bad);
        }
        let (is_done, reusable) = (body.is_done(), *reusable);
        self.is_over = is_done;
        is_done.then_some(ResponsePart::End { reusable })
    }

    /// The connection ended: a body that lasts until then is complete; `false` if something is missing.
    pub(crate) fn finish(&mut self) -> bool {
        let is_complete = matches!(self.body, Some((BodyReader::UntilClose | BodyReader::Done, _)));
        self.is_over = true;
        is_complete
    }

    fn next_head(&mut self) -> Option<ResponsePart> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut fields);
        let length = match head.parse(&self.buffer) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if self.buffer.len() <= HEAD_LENGTH_MAX => return None,
            _ => {
                self.is_over = true;
                return Some(ResponsePart::Bad);
            }
        };
        let head = ResponseHead {
            is_http_11: head.version == Some(1),
            status: head.code.unwrap_or_default(),
            reason: head.reason.unwrap_or_default().to_owned(),
            headers: Headers::of(head.headers),
        };
        self.buffer.drain(..length);
        if head.status / 100 == 1 {
            return self.next_head(); // interim responses are nobody's business here
        }
        let body = BodyReader::of_response(&head, &self.method);
        let persists = if head.is_http_11 {
            !head.headers.lists("connection", "close")
        } else {
            head.headers.lists("connection", "keep-alive")
        };
        self.body = Some((body, persists));
        if let Some((body, reusable)) = &mut self.body {
            *reusable = persists && *body != BodyReader::UntilClose;
        }
        Some(ResponsePart::Head(head))
    }
}

/// The words for a status.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        418 => "I'm a teapot",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(pieces: &[&[u8]]) -> Vec<Incoming> {
        let mut reader = RequestReader::default();
        let mut all = Vec::new();
        for piece in pieces {
            reader.push(piece);
            while let Some(incoming) = reader.next() {
                all.push(incoming);
            }
        }
        all
    }

    /// Head, body and end of a response that arrives in one piece or byte by byte.
    fn response(method: &str, bytes: &[u8], step: usize) -> (Option<u16>, Vec<u8>, Vec<ResponsePart>, bool) {
        let mut reader = ResponseReader::new(method);
        let (mut status, mut body, mut ends) = (None, Vec::new(), Vec::new());
        for piece in bytes.chunks(step) {
            reader.push(piece);
            while let Some(part) = reader.next() {
                match part {
                    ResponsePart::Head(head) => status = Some(head.status),
                    ResponsePart::Body(more) => body.extend(more),
                    end => ends.push(end),
                }
            }
        }
        let complete = reader.finish();
        (status, body, ends, complete)
    }

    #[test]
    fn requests_are_cut_at_their_ends() {
        let bytes = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b?c HTTP/1.0\r\n\r\n";
        let whole = requests(&[bytes]);
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(whole, requests(&pieces));
        let [Incoming::Request(post), Incoming::Request(get)] = &whole[..] else { panic!("{whole:?}") };
        assert_eq!((post.method.as_str(), post.body.as_slice(), post.keeps_alive()), ("POST", &b"abc"[..], true));
        assert_eq!((get.path_and_query(), get.keeps_alive()), (("/b", "c"), false));
    }

    #[test]
    fn chunks_are_joined() {
        let bytes = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\n";
        for step in [1, 2, 7, 500] {
            let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
            let [Incoming::Request(put)] = &requests(&pieces)[..] else { panic!("step {step}") };
            assert_eq!(put.body, b"abcde");
        }
    }

    #[test]
    fn a_client_that_waits_is_told_to_go_on() {
        let all = requests(&[b"POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", b"x"]);
        assert!(matches!(&all[..], [Incoming::Expects, Incoming::Request(_)]), "{all:?}");
    }

    #[test]
    fn nonsense_is_refused_once() {
        assert_eq!(requests(&[b"\x00\x01\x02\r\n\r\n", b"more"]), [Incoming::Refused(Refused(400))]);
        assert_eq!(requests(&[b"GET / HTTP/3.7\r\n\r\n"]), [Incoming::Refused(Refused(505))]);
        assert_eq!(requests(&[b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"]), [Incoming::Refused(Refused(400))]);
        assert_eq!(
            requests(&[b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"]),
            [Incoming::Refused(Refused(413))]
        );
        let long = [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'x'; HEAD_LENGTH_MAX]].concat();
        assert_eq!(requests(&[&long]), [Incoming::Refused(Refused(431))]);
    }

    #[test]
    fn responses_end_as_their_framing_says() {
        let end = |reusable| vec![ResponsePart::End { reusable }];
        for step in [1, 3, 1000] {
            let sized = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
            assert_eq!(response("GET", sized, step), (Some(200), b"hi".to_vec(), end(true), true));
            let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
            assert_eq!(response("GET", chunked, step).1, b"hi");
            let until_close = b"HTTP/1.0 200 OK\r\n\r\nhi";
            assert_eq!(response("GET", until_close, step), (Some(200), b"hi".to_vec(), vec![], true));
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
            assert_eq!(response("HEAD", head, step).2, end(true));
            let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            assert_eq!(response("GET", interim, step), (Some(204), vec![], end(false), true));
        }
    }

    #[test]
    fn a_cut_body_is_noticed() {
        let (_, body, ends, complete) = response("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", 1000);
        assert_eq!((body.as_slice(), ends.is_empty(), complete), (&b"hi"[..], true, false));
    }

    #[test]
    fn a_board_that_sends_only_text_is_no_http() {
        let (status, _, ends, _) = response("GET", b"hello world\r\n\r\n", 1000);
        assert_eq!((status, ends), (None, vec![ResponsePart::Bad]));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let request = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec();
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec();
        for at in 0..request.len().max(answer.len()) {
            for value in [0, b'\n', b'f', b':', 0x80, 0xff] {
                for original in [&request, &answer] {
                    let mut damaged = original.clone();
                    if let Some(byte) = damaged.get_mut(at) {
                        *byte = value;
                    }
                    requests(&[&damaged]);
                    requests(&[&damaged[..at.min(damaged.len())]]);
                    response("GET", &damaged, 5);
                }
            }
        }
        response("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", 1000);
    }
}
