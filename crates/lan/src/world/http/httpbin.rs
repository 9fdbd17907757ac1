//! httpbin.org: a site that answers with what it was asked, for trying out clients.
//!
//! Paths and shapes are those of the public site (github.com/postmanlabs/httpbin); its pages of prose are our own. Left
//! out: compression, images, digest authentication.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use trace::{Duration, Endpoint, Instant};

use super::message::{Headers, Request, reason};
use super::server::{Body, Response, Site};

/// Longest pause that `/delay` and `/drip` take, as on the public site.
const DELAY_SECONDS_MAX: f64 = 10.0;
/// Most bytes that `/bytes` makes, as on the public site.
const BYTES_MAX: usize = 100 * 1024;
/// Most lines that `/stream` makes, as on the public site.
const STREAM_LINES_MAX: usize = 100;
/// Most redirects in a row.
const REDIRECTS_MAX: u32 = 100;

const TEAPOT: &str = "\n    -=[ teapot ]=-\n\n       _...._\n     .'  _ _ `.\n    | .\"` ^ `\". _,\n    \\_;`\"---\"`|//\n      |       ;/\n      \\_     _/\n        `\"\"\"`\n";

/// Answers with what it was asked.
#[derive(Debug)]
pub(crate) struct HttpBin {
    random: fastrand::Rng,
}

impl HttpBin {
    /// A site whose `/uuid` and `/bytes` come from `seed`.
    pub(crate) fn new(seed: u64) -> HttpBin {
        HttpBin { random: fastrand::Rng::with_seed(seed) }
    }

    fn route(&mut self, request: &Request, origin: Ipv4Addr) -> Response {
        let (path, query) = request.path_and_query();
        let segments: Vec<String> =
            path.split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            [""] | [] => index(),
            ["get"] => only(request, &["GET", "HEAD"], || reflect(request, origin, Reflection::Head)),
            ["post" | "put" | "patch" | "delete"] => {
                let method = segments[0].to_ascii_uppercase();
                only(request, &[&method], || reflect(request, origin, Reflection::Body))
            }
            ["anything", ..] => reflect(request, origin, Reflection::Anything),
            ["headers"] => json_response(json!({ "headers": headers(request) })),
            ["ip"] => json_response(json!({ "origin": origin.to_string() })),
            ["user-agent"] => json_response(json!({ "user-agent": request.headers.get("user-agent") })),
            ["uuid"] => json_response(json!({ "uuid": self.uuid() })),
            ["json"] => json_response(sample()),
            ["html"] => Response::html(200, SAMPLE_PAGE),
            ["xml"] => Response::new(200, "application/xml", SAMPLE_XML),
            ["robots.txt"] => Response::new(200, "text/plain", "User-agent: *\nDisallow: /deny\n"),
            ["deny"] => Response::new(200, "text/plain", "YOU SHOULDN'T BE HERE\n"),
            ["encoding", "utf8"] => {
                Response::html(200, "<h1>Unicode</h1>\n<p>αβγ · äöü · Привет · こんにちは · 🚀</p>\n")
            }
            ["status", codes] => self.status(codes),
            ["delay", seconds] => delay(request, origin, seconds),
            ["drip"] => drip(query),
            ["bytes", count] => self.bytes(count, query),
            ["stream-bytes", count] => self.stream_bytes(count, query),
            ["stream", count] => stream(request, origin, count),
            ["redirect" | "relative-redirect" | "absolute-redirect", count] => redirect(request, segments[0], count),
            ["redirect-to"] => redirect_to(query),
            ["base64", text] => base64(text),
            ["basic-auth", user, password] => basic_auth(request, user, password),
            ["response-headers"] => response_headers(query),
            ["cookies"] => json_response(json!({ "cookies": cookies(request) })),
            ["cache"] => cache(request, origin),
            ["gzip" | "deflate" | "brotli"] => Response::error(501),
            _ => Response::error(404),
        }
    }

    /// `/status/418` or `/status/200,503`, one of which is drawn.
    fn status(&mut self, codes: &str) -> Response {
        let codes: Vec<u16> = codes.split(',').filter_map(|code| code.trim().parse().ok()).collect();
        let legal: Vec<u16> = codes.into_iter().filter(|code| (200..=599).contains(code)).collect();
        let Some(code) = legal.get(self.random.usize(..legal.len().max(1))).copied() else {
            return Response::new(400, "text/plain", "Invalid status code");
        };
        match code {
            301 | 302 | 303 | 307 | 308 => Response::new(code, "", "").with("Location", "/redirect/1"),
            401 => Response::new(401, "", "").with("WWW-Authenticate", "Basic realm=\"Fake Realm\""),
            418 => Response::new(418, "text/plain", TEAPOT).with("X-More-Info", "RFC 2324"),
            _ => Response::html(code, ""),
        }
    }

    fn bytes(&mut self, count: &str, query: &str) -> Response {
        let Some(count) = parse_count(count, BYTES_MAX) else { return Response::error(404) };
        Response::new(200, "application/octet-stream", self.random_bytes(count, query))
    }

    fn stream_bytes(&mut self, count: &str, query: &str) -> Response {
        let Some(count) = parse_count(count, BYTES_MAX) else { return Response::error(404) };
        let size = argument(query, "chunk_size").and_then(|text| text.parse().ok()).unwrap_or(10 * 1024).max(1);
        let bytes = self.random_bytes(count, query);
        let chunks = bytes.chunks(size).map(|piece| (Duration::ZERO, piece.to_vec())).collect();
        let mut response = Response::new(200, "application/octet-stream", "");
        response.body = Body::Chunks(chunks);
        response
    }

    fn random_bytes(&mut self, count: usize, query: &str) -> Vec<u8> {
        let seed = argument(query, "seed").and_then(|text| text.parse().ok());
        let mut random = seed.map_or_else(|| self.random.fork(), fastrand::Rng::with_seed);
        (0..count).map(|_| random.u8(..)).collect()
    }

    /// A version 4 identifier (RFC 9562, section 5.4).
    fn uuid(&mut self) -> String {
        let bits = self.random.u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl Site for HttpBin {
    fn software(&self) -> &str {
        "gunicorn/19.9.0"
    }

    fn respond(&mut self, _now: Instant, remote: Endpoint, request: &Request) -> Response {
        if request.method == "OPTIONS" {
            return Response::html(200, "").with("Allow", "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");
        }
        self.route(request, remote.ip)
            .with("Access-Control-Allow-Origin", "*")
            .with("Access-Control-Allow-Credentials", "true")
    }
}

/// How much of the request an answer repeats.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reflection {
    Head,
    Body,
    Anything,
}

fn only(request: &Request, methods: &[&str], answer: impl FnOnce() -> Response) -> Response {
    if methods.contains(&request.method.as_str()) {
        answer()
    } else {
        Response::error(405).with("Allow", &methods.join(", "))
    }
}

fn json_response(value: Value) -> Response {
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    Response::new(200, "application/json", text)
}

fn reflect(request: &Request, origin: Ipv4Addr, how: Reflection) -> Response {
    json_response(reflection(request, origin, how))
}

fn reflection(request: &Request, origin: Ipv4Addr, how: Reflection) -> Value {
    // Sorted by key, as the site has them.
    let mut members = BTreeMap::new();
    let (_, query) = request.path_and_query();
    let host = request.headers.get("host").unwrap_or("httpbin.org");
    members.insert("args", form(query.as_bytes()));
    members.insert("headers", headers(request));
    members.insert("origin", json!(origin.to_string()));
    members.insert("url", json!(format!("http://{host}{}", request.target)));
    if how != Reflection::Head {
        add_body(&mut members, request);
    }
    if how == Reflection::Anything {
        members.insert("method", json!(request.method));
    }
    json!(members)
}

fn add_body(members: &mut BTreeMap<&str, Value>, request: &Request) {
    let content_type = request.headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    let json_value: Option<Value> = serde_json::from_slice(&request.body).ok();
    members.insert("data", if is_form { json!("") } else { text_or_data_url(&request.body) });
    members.insert("files", json!({}));
    members.insert("form", if is_form { form(&request.body) } else { json!({}) });
    members.insert("json", json_value.filter(|_| !is_form).unwrap_or(Value::Null));
}

fn text_or_data_url(body: &[u8]) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) => json!(text),
        Err(_) => json!(format!("data:application/octet-stream;base64,{}", STANDARD.encode(body))),
    }
}

/// Fields of a query or form; a repeated one becomes a list.
fn form(text: &[u8]) -> Value {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(text) {
        fields.entry(key.into_owned()).or_default().push(value.into_owned());
    }
    let value = |values: Vec<String>| if values.len() == 1 { json!(values[0]) } else { json!(values) };
    let fields: BTreeMap<String, Value> = fields.into_iter().map(|(key, values)| (key, value(values))).collect();
    json!(fields)
}

/// The request's fields in the spelling of the site: `User-Agent`.
fn headers(request: &Request) -> Value {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &request.headers.0 {
        if name.eq_ignore_ascii_case("connection") {
            continue; // belongs to the connection, and the site's front end keeps it
        }
        let known = fields.entry(title_case(name)).or_default();
        if !known.is_empty() {
            known.push(',');
        }
        known.push_str(value);
    }
    json!(fields)
}

fn title_case(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn argument(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn parse_count(text: &str, most: usize) -> Option<usize> {
    text.parse::<usize>().ok().map(|count| count.min(most))
}

fn parse_seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    let bounded = if seconds.is_nan() { 0.0 } else { seconds.clamp(0.0, DELAY_SECONDS_MAX) };
    Some(Duration::from_micros((bounded * 1e6) as u64))
}

fn delay(request: &Request, origin: Ipv4Addr, seconds: &str) -> Response {
    let Some(delay) = parse_seconds(seconds) else { return Response::error(404) };
    Response { delay, ..reflect(request, origin, Reflection::Body) }
}

/// `numbytes` asterisks spread over `duration` seconds, after `delay` seconds.
fn drip(query: &str) -> Response {
    let count = argument(query, "numbytes").and_then(|text| parse_count(&text, 10 * 1024)).unwrap_or(10).max(1);
    let seconds = |name, default| argument(query, name).and_then(|text| parse_seconds(&text)).unwrap_or(default);
    let (duration, delay) = (seconds("duration", Duration::from_secs(2)), seconds("delay", Duration::ZERO));
    let status = argument(query, "code").and_then(|text| text.parse().ok()).filter(|code| (200..=599).contains(code));
    let pause = Duration::from_micros(duration.as_micros() / count as u64);
    let mut response = Response::new(status.unwrap_or(200), "application/octet-stream", "");
    response.body = Body::Pieces(vec![(pause, b"*".to_vec()); count]);
    Response { delay, ..response }
}

fn stream(request: &Request, origin: Ipv4Addr, count: &str) -> Response {
    let Some(count) = parse_count(count, STREAM_LINES_MAX) else { return Response::error(404) };
    let mut line = reflection(request, origin, Reflection::Head);
    let lines = (0..count).map(|id| {
        line["id"] = json!(id);
        (Duration::ZERO, format!("{line}\n").into_bytes())
    });
    let chunks = lines.collect();
    let mut response = Response::new(200, "application/json", "");
    response.body = Body::Chunks(chunks);
    response
}

fn redirect(request: &Request, kind: &str, count: &str) -> Response {
    let Some(count) = count.parse::<u32>().ok().filter(|count| (1..=REDIRECTS_MAX).contains(count)) else {
        return Response::error(404);
    };
    let path = if count == 1 { "/get".to_owned() } else { format!("/{kind}/{}", count - 1) };
    let host = request.headers.get("host").unwrap_or("httpbin.org");
    let location = if kind == "absolute-redirect" { format!("http://{host}{path}") } else { path };
    Response::html(302, format!("<p>See <a href=\"{location}\">{location}</a>.</p>\n")).with("Location", &location)
}

fn redirect_to(query: &str) -> Response {
    let Some(url) = argument(query, "url").filter(|url| !url.contains(['\r', '\n'])) else {
        return Response::error(400);
    };
    let status = argument(query, "status_code").and_then(|text| text.parse().ok());
    let status = status.filter(|code: &u16| (300..=399).contains(code)).unwrap_or(302);
    Response::html(status, "").with("Location", &url)
}

fn base64(text: &str) -> Response {
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
    match decoded {
        Ok(bytes) => Response::html(200, bytes),
        Err(_) => Response::html(200, "Incorrect Base64 data try: SFRUUEJJTiBpcyBhd2Vzb21l"),
    }
}

fn basic_auth(request: &Request, user: &str, password: &str) -> Response {
    let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    if request.headers.get("authorization") == Some(expected.as_str()) {
        json_response(json!({ "authenticated": true, "user": user }))
    } else {
        Response::new(401, "", "").with("WWW-Authenticate", "Basic realm=\"Fake Realm\"")
    }
}

fn response_headers(query: &str) -> Response {
    let mut response = json_response(form(query.as_bytes()));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let legal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if legal(&name) && !value.contains(['\r', '\n']) && !name.eq_ignore_ascii_case("content-length") {
            response = response.with(&name, &value);
        }
    }
    response
}

fn cookies(request: &Request) -> BTreeMap<String, String> {
    let pairs = request.headers.get("cookie").unwrap_or_default().split(';');
    pairs.filter_map(|pair| pair.trim().split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
}

fn cache(request: &Request, origin: Ipv4Addr) -> Response {
    let is_conditional = request.headers.has("if-modified-since") || request.headers.has("if-none-match");
    if is_conditional {
        return Response { headers: Headers::default(), ..Response::new(304, "", "") };
    }
    reflect(request, origin, Reflection::Head).with("ETag", "\"playground\"")
}

fn sample() -> Value {
    let slides = json!([
        { "title": "Wake up to WonderWidgets!", "type": "all" },
        { "items": ["Why <em>WonderWidgets</em> are great", "Who <em>buys</em> WonderWidgets"], "title": "Overview", "type": "all" },
    ]);
    json!({ "slideshow": { "author": "Yours Truly", "date": "date of publication", "slides": slides, "title": "Sample Slide Show" } })
}

const SAMPLE_PAGE: &str = "<!DOCTYPE html>\n<html>\n  <head><title>A page</title></head>\n  <body>\n    <h1>A page of HTML</h1>\n    <p>It has a heading, a paragraph and <a href=\"/get\">a link</a>.</p>\n  </body>\n</html>\n";
const SAMPLE_XML: &str = "<?xml version='1.0' encoding='us-ascii'?>\n<slideshow title=\"Sample Slide Show\">\n  <slide type=\"all\"><title>Overview</title></slide>\n</slideshow>\n";

fn index() -> Response {
    let mut list = String::new();
    let paths = "get headers ip user-agent uuid json html xml robots.txt encoding/utf8 status/418 delay/2 drip bytes/16 \
        stream/3 redirect/2 base64/SFRUUEJJTiBpcyBhd2Vzb21l anything/you/like cookies cache";
    for path in paths.split_whitespace() {
        list.push_str(&format!("<li><a href=\"/{path}\">/{path}</a></li>\n"));
    }
    Response::html(
        200,
        format!(
            "<!DOCTYPE html>\n<html><head><title>httpbin.org</title></head>\n<body><h1>httpbin.org</h1>\n\
             <p>Answers with what it was asked. /post, /put, /patch and /delete take those methods.</p>\n<ul>\n{list}</ul>\n\
             <p>{} here: the built-in internet.</p></body></html>\n",
            reason(200)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
        let mut headers = Headers(vec![("Host".into(), "httpbin.org".into())]);
        for (name, value) in fields {
            headers.add(*name, *value);
        }
        let request =
            Request { method: method.into(), target: target.into(), is_http_11: true, headers, body: body.to_vec() };
        let remote = Endpoint { ip: Ipv4Addr::new(203, 0, 113, 50), port: 40000 };
        HttpBin::new(1).respond(Instant::ZERO, remote, &request)
    }

    fn body(response: &Response) -> Vec<u8> {
        match &response.body {
            Body::Whole(body) => body.clone(),
            Body::Chunks(pieces) | Body::Pieces(pieces) => pieces.iter().flat_map(|(_, piece)| piece.clone()).collect(),
        }
    }

    fn json(response: &Response) -> Value {
        serde_json::from_slice(&body(response)).expect("JSON")
    }

    #[test]
    fn get_reflects_the_request() {
        let response = request("GET", "/get?a=1&b=x%20y&a=2", &[("accept", "*/*"), ("Connection", "close")], b"");
        let expected = json!({
            "args": { "a": ["1", "2"], "b": "x y" },
            "headers": { "Accept": "*/*", "Host": "httpbin.org" },
            "origin": "203.0.113.50",
            "url": "http://httpbin.org/get?a=1&b=x%20y&a=2",
        });
        assert_eq!(json(&response), expected);
    }

    #[test]
    fn post_shows_forms_json_and_bytes() {
        let form = request("POST", "/post", &[("Content-Type", "application/x-www-form-urlencoded")], b"t=21.5&u=C");
        assert_eq!(json(&form)["form"], json!({ "t": "21.5", "u": "C" }));
        let value = request("POST", "/post", &[("Content-Type", "application/json")], br#"{"t":[1,2]}"#);
        assert_eq!((&json(&value)["json"]["t"][1], &json(&value)["data"]), (&json!(2), &json!("{\"t\":[1,2]}")));
        let bytes = request("POST", "/post", &[], b"\xff\x00");
        assert_eq!(json(&bytes)["data"], "data:application/octet-stream;base64,/wA=");
        assert_eq!(request("GET", "/post", &[], b"").status, 405);
    }

    #[test]
    fn status_and_redirects_say_where_to_go() {
        assert_eq!(request("GET", "/status/503", &[], b"").status, 503);
        assert_eq!(request("GET", "/status/x", &[], b"").status, 400);
        let teapot = request("GET", "/status/418", &[], b"");
        assert!(String::from_utf8(body(&teapot)).unwrap().contains("teapot"));
        let redirect = request("GET", "/redirect/2", &[], b"");
        assert_eq!((redirect.status, redirect.headers.get("location")), (302, Some("/redirect/1")));
        let last = request("GET", "/absolute-redirect/1", &[], b"");
        assert_eq!(last.headers.get("location"), Some("http://httpbin.org/get"));
    }

    #[test]
    fn slow_answers_are_bounded() {
        assert_eq!(request("GET", "/delay/1.5", &[], b"").delay, Duration::from_micros(1_500_000));
        assert_eq!(request("GET", "/delay/99999", &[], b"").delay, Duration::from_secs(10));
        assert_eq!(request("GET", "/delay/nan", &[], b"").delay, Duration::ZERO);
        let drip = request("GET", "/drip?numbytes=4&duration=2&code=200", &[], b"");
        let Body::Pieces(pieces) = drip.body else { panic!("not in pieces") };
        assert_eq!(pieces, vec![(Duration::from_millis(500), b"*".to_vec()); 4]);
    }

    #[test]
    fn chance_is_seeded() {
        let uuid = json(&request("GET", "/uuid", &[], b""))["uuid"].as_str().unwrap().to_owned();
        assert_eq!(uuid, json(&request("GET", "/uuid", &[], b""))["uuid"]);
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        let bytes = body(&request("GET", "/bytes/32?seed=7", &[], b""));
        assert_eq!((bytes.len(), body(&request("GET", "/bytes/32?seed=7", &[], b""))), (32, bytes));
        assert_eq!(body(&request("GET", "/bytes/9999999", &[], b"")).len(), BYTES_MAX);
    }

    #[test]
    fn a_stream_is_one_object_per_line() {
        let text = String::from_utf8(body(&request("GET", "/stream/3", &[], b""))).unwrap();
        let ids: Vec<_> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
        assert_eq!(ids, [json!(0), json!(1), json!(2)]);
    }

    #[test]
    fn hostile_targets_never_panic() {
        for target in [
            "",
            "?",
            "/",
            "//",
            "/%",
            "/%ff/%zz",
            "/status/",
            "/base64/%%%",
            "/bytes/-1",
            "/redirect-to?url=a%0d%0ab",
            "*",
            "/response-headers?a%0ab=c%0d&content-length=1&é=ü",
        ] {
            for method in ["GET", "POST", "", "é"] {
                let response = request(method, target, &[("é-", "x"), ("", "")], b"\xff");
                assert!(response.headers.0.iter().all(|(name, value)| !name.contains('\n') && !value.contains('\n')));
            }
        }
    }
}
