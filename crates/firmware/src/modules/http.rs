//! `http`: one request at a time (http manual).
//!
//! A response ends when the server closes the connection, and its status, body and headers then go to the callback. Redirections
//! are followed. What goes wrong gives status -1 and no more.
//!
//! Left out: `https`, which the default build lacks too.

use std::rc::Rc;

use lua::native::{Answer, Call};
use lua::piccolo::{self, Context, Value};
use lua::{Function, StashedFunction, Table};
use trace::Duration;

use super::client::{self, ClientEvent, ClientId};
use crate::alarm::AlarmId;
use crate::callback::Callback;
use crate::chip::Chip;
use crate::module::{self, Module, constant, function};

/// Status of a request that got no answer.
const FAILED: i64 = -1;

/// A request may take this long (http manual).
const TIMEOUT: Duration = Duration::from_secs(60);

/// Redirections that are followed (http manual).
const REDIRECTIONS_MAX: u32 = 20;

/// Bytes of the longest response (`BUFFER_SIZE_MAX`).
const RESPONSE_BYTES_MAX: usize = 5000;

const URL: (&str, &str) = ("url", "begins with http://");
const HEADERS: (&str, &str) = ("headers", "lines that each end in \\r\\n, or nil");
const BODY: (&str, &str) = ("body", "what to send");
const CALLBACK: (&str, &str) =
    ("callback", "called with status, body and headers; the status is -1 when there was no answer");

/// The module.
pub(crate) const MODULE: Module =
    Module {
        name: "http",
        doc: "HTTP requests.",
        members: &[
            constant("OK", 0, "No error."),
            constant("ERROR", FAILED, "Status of a request that got no answer."),
            function("get", "(url, [headers], callback)", get, "Fetches a page.").parameters(&[URL, HEADERS, CALLBACK]),
            function("post", "(url, [headers], [body], callback)", post, "Sends data.")
                .parameters(&[URL, HEADERS, BODY, CALLBACK]),
            function("put", "(url, [headers], [body], callback)", put, "Stores data.")
                .parameters(&[URL, HEADERS, BODY, CALLBACK]),
            function("delete", "(url, [headers], [body], callback)", delete, "Deletes what the address names.")
                .parameters(&[URL, HEADERS, BODY, CALLBACK]),
            function("request", "(url, method, [headers], [body], callback)", request, "Makes any request.")
                .parameters(&[URL, ("method", "such as HEAD"), HEADERS, BODY, CALLBACK]),
        ],
        types: &[],
    };

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {
    /// One function for all requests, as in the firmware.
    callback: Option<StashedFunction>,
    current: Option<Current>,
}

/// The request under way.
struct Current {
    request: Request,
    client: ClientId,
    timeout: AlarmId,
    response: Vec<u8>,
}

/// A request.
#[derive(Clone)]
struct Request {
    method: Vec<u8>,
    host: Vec<u8>,
    port: u16,
    path: Vec<u8>,
    headers: Vec<u8>,
    body: Option<Vec<u8>>,
    redirections: u32,
}

fn get<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let headers = optional_text(&call, 2);
    begin(chip, &call, b"GET", headers, None, 3)
}

fn post<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    with_body(chip, &call, b"POST")
}

fn put<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    with_body(chip, &call, b"PUT")
}

fn delete<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    with_body(chip, &call, b"DELETE")
}

fn with_body<'gc>(chip: &Chip, call: &Call<'gc, '_>, method: &[u8]) -> Answer<'gc> {
    begin(chip, call, method, optional_text(call, 2), optional_text(call, 3), 4)
}

fn request<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let method = call.check_string(2)?;
    begin(chip, &call, method.as_bytes(), optional_text(&call, 3), optional_text(&call, 4), 5)
}

fn optional_text(call: &Call<'_, '_>, i: usize) -> Option<Vec<u8>> {
    call.to_string(call.arg(i)).map(|text| text.as_bytes().to_vec())
}

fn begin<'gc>(
    chip: &Chip,
    call: &Call<'gc, '_>,
    method: &[u8],
    headers: Option<Vec<u8>>,
    body: Option<Vec<u8>>,
    callback: usize,
) -> Answer<'gc> {
    let url = call.check_string(1)?;
    if let Some(callback) = Function::from_value(call.arg(callback)) {
        chip.modules.http.borrow_mut().callback = Some(StashedFunction::new(call.ctx(), callback));
    }
    let base = Request {
        method: method.to_vec(),
        host: Vec::new(),
        port: 80,
        path: Vec::new(),
        headers: headers.unwrap_or_default(),
        body,
        redirections: 0,
    };
    match at_url(&base, url.as_bytes()) {
        Ok(request) => start(chip, request),
        Err(reason) => {
            chip.hint(reason, module::position(call));
            chip.at(chip.now(), |chip| answer(chip, None));
        }
    }
    Ok(call.none())
}

/// The request for an absolute address.
fn at_url(request: &Request, url: &[u8]) -> Result<Request, &'static str> {
    let Some(rest) = url.strip_prefix(b"http://") else {
        return Err(if url.starts_with(b"https://") {
            "https needs a firmware with TLS; this one has none"
        } else {
            "http: the address must begin with http://"
        });
    };
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.iter().position(|byte| *byte == b':') {
        Some(colon) => (&authority[..colon], number(&authority[colon + 1..])),
        None => (authority, Some(80)),
    };
    let port = port.and_then(|port| u16::try_from(port).ok()).ok_or("http: the port of the address is not a number")?;
    let path = if path.is_empty() { b"/".to_vec() } else { path.to_vec() };
    Ok(Request { host: host.to_vec(), port, path, ..request.clone() })
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn start(chip: &Chip, request: Request) {
    let handler: client::Handler = Rc::new(on_event);
    let client = client::open(chip, &request.host, request.port, handler);
    let timeout = chip.after(TIMEOUT, move |chip| give_up(chip, client));
    let current = Current { request, client, timeout, response: Vec::new() };
    let replaced = chip.modules.http.borrow_mut().current.replace(current);
    if let Some(replaced) = replaced {
        chip.cancel(replaced.timeout);
        client::close(chip, replaced.client);
    }
}

fn give_up(chip: &Chip, client: ClientId) {
    client::close(chip, client);
    let taken = chip.modules.http.borrow_mut().current.take();
    if taken.is_some() {
        answer(chip, None);
    }
}

fn on_event(chip: &Chip, client: ClientId, event: ClientEvent) {
    match event {
        ClientEvent::Connected => {
            let head = chip.modules.http.borrow().current.as_ref().map(|current| text_of(&current.request));
            if let Some(text) = head {
                client::send(chip, client, &text);
            }
        }
        ClientEvent::Data(data) => {
            let is_too_long = match &mut chip.modules.http.borrow_mut().current {
                Some(current) => {
                    current.response.extend_from_slice(&data);
                    current.response.len() > RESPONSE_BYTES_MAX
                }
                None => false,
            };
            if is_too_long {
                give_up(chip, client);
            }
        }
        ClientEvent::Drained => {}
        ClientEvent::Closed(_) => {
            let current = chip.modules.http.borrow_mut().current.take();
            let Some(current) = current else { return };
            chip.cancel(current.timeout);
            conclude(chip, &current);
        }
    }
}

/// A request as it goes over the wire.
fn text_of(request: &Request) -> Vec<u8> {
    let has = |name: &str| header(&request.headers, name).is_some();
    let mut text = [&request.method[..], b" ", &request.path, b" HTTP/1.1\r\n"].concat();
    if !has("host") {
        text.extend_from_slice(b"Host: ");
        text.extend_from_slice(&request.host);
        if request.port != 80 {
            text.extend_from_slice(format!(":{}", request.port).as_bytes());
        }
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"Connection: close\r\n");
    text.extend_from_slice(&request.headers);
    if !has("user-agent") {
        text.extend_from_slice(b"User-Agent: ESP8266\r\n");
    }
    if let Some(body) = &request.body {
        text.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(request.body.as_deref().unwrap_or_default());
    text
}

/// A response taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Response {
    status: i64,
    /// Names in lower case.
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

fn conclude(chip: &Chip, current: &Current) {
    let Some(response) = parse(&current.response) else { return answer(chip, None) };
    let location = response.headers.iter().find(|(name, _)| name == b"location").map(|(_, value)| value.clone());
    match location.filter(|_| (300..=308).contains(&response.status)) {
        Some(location) => match redirected(&current.request, &location) {
            Some(request) => start(chip, request),
            None => answer(chip, None),
        },
        None => answer(chip, Some(response)),
    }
}

fn redirected(request: &Request, location: &[u8]) -> Option<Request> {
    if request.redirections >= REDIRECTIONS_MAX {
        return None;
    }
    let request = Request { redirections: request.redirections + 1, ..request.clone() };
    if location.starts_with(b"http://") || location.starts_with(b"https://") {
        return at_url(&request, location).ok();
    }
    let folder = request.path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let path =
        if location.starts_with(b"/") { location.to_vec() } else { [&request.path[..folder], location].concat() };
    Some(Request { path, ..request })
}

fn parse(response: &[u8]) -> Option<Response> {
    let rest = response.strip_prefix(b"HTTP/1.0 ").or_else(|| response.strip_prefix(b"HTTP/1.1 "))?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let status = number(&rest[..digits])?;
    let head_end = find(response, b"\r\n\r\n").unwrap_or(response.len());
    let head = &response[..head_end];
    let body = response.get(head_end + 4..).unwrap_or_default();
    let headers: Vec<_> = head.split(|byte| *byte == b'\n').skip(1).filter_map(header_of_line).collect();
    let is_chunked =
        headers.iter().any(|(name, value)| name == b"transfer-encoding" && value.eq_ignore_ascii_case(b"chunked"));
    let body = if is_chunked { unchunk(body) } else { body.to_vec() };
    Some(Response { status, headers, body })
}

fn header_of_line(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((line[..colon].to_ascii_lowercase(), line[colon + 1..].trim_ascii().to_vec()))
}

fn header(headers: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut lines = headers.split(|byte| *byte == b'\n').filter_map(header_of_line);
    lines.find(|(candidate, _)| candidate == name.as_bytes()).map(|(_, value)| value)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The content of chunks, as far as they are whole.
fn unchunk(mut text: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = find(text, b"\r\n") {
        let digits = text[..end].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = std::str::from_utf8(&text[..digits]).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let Some(chunk) = text.get(end + 2..).and_then(|rest| rest.get(..size)) else { break };
        content.extend_from_slice(chunk);
        text = text.get(end + 2 + size + 2..).unwrap_or_default();
    }
    content
}

fn answer(chip: &Chip, response: Option<Response>) {
    let Some(function) = chip.modules.http.borrow_mut().callback.take() else { return };
    let dialect = chip.dialect();
    let callback = Callback::new(chip, "http.response", function, move |ctx| match response {
        Some(response) => {
            let headers = Table::new(&ctx);
            for (name, value) in &response.headers {
                // A string is always a possible key.
                let _ = headers.set(ctx, text(ctx, name), text(ctx, value));
            }
            vec![dialect.integer(response.status), text(ctx, &response.body), headers.into()]
        }
        None => vec![dialect.integer(FAILED), Value::Nil, Value::Nil],
    });
    chip.enqueue(callback);
}

fn text<'gc>(ctx: Context<'gc>, bytes: &[u8]) -> Value<'gc> {
    Value::String(piccolo::String::from_slice(&ctx, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            method: b"GET".to_vec(),
            host: Vec::new(),
            port: 80,
            path: Vec::new(),
            headers: Vec::new(),
            body: None,
            redirections: 0,
        }
    }

    /// http manual: Host, Connection and User-Agent are filled in.
    #[test]
    fn a_request_has_the_usual_headers() {
        let request = at_url(&request(), b"http://example.com:8080/a?b").unwrap();
        let text = String::from_utf8(text_of(&request)).unwrap();
        assert_eq!(
            text,
            "GET /a?b HTTP/1.1\r\nHost: example.com:8080\r\nConnection: close\r\nUser-Agent: ESP8266\r\n\r\n"
        );
    }

    #[test]
    fn given_headers_replace_the_usual_ones() {
        let base =
            Request { headers: b"host: x\r\nUser-Agent: me\r\n".to_vec(), body: Some(b"hi".to_vec()), ..request() };
        let request = at_url(&base, b"http://example.com").unwrap();
        let text = String::from_utf8(text_of(&request)).unwrap();
        assert_eq!(
            text,
            "GET / HTTP/1.1\r\nConnection: close\r\nhost: x\r\nUser-Agent: me\r\nContent-Length: 2\r\n\r\nhi"
        );
    }

    #[test]
    fn chunks_are_joined_and_header_names_lowered() {
        let response =
            parse(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, &b"abcde"[..]));
        assert_eq!(response.headers[0], (b"x-a".to_vec(), b"1".to_vec()));
    }

    #[test]
    fn redirections_may_be_relative() {
        let base = at_url(&request(), b"http://h/a/b").unwrap();
        let path = |location: &[u8]| redirected(&base, location).map(|request| request.path);
        assert_eq!(path(b"/c"), Some(b"/c".to_vec()));
        assert_eq!(path(b"c"), Some(b"/a/c".to_vec()));
        assert_eq!(redirected(&base, b"http://i/d").unwrap().host, b"i");
        assert!(redirected(&Request { redirections: 20, ..base.clone() }, b"/c").is_none());
    }
}
