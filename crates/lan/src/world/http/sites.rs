//! Sites made of pages: data that a lab can replace.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trace::{Endpoint, Instant};

use super::message::Request;
use super::server::{Response, Site};

/// One page of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Status; 200 if left out.
    #[serde(default = "ok", skip_serializing_if = "is_ok")]
    pub status: u16,
    /// Media type; HTML if left out.
    #[serde(default = "html", skip_serializing_if = "is_html")]
    pub content_type: String,
    /// Where to go instead, for a status of 300 to 399.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Content.
    #[serde(default)]
    pub body: String,
}

fn ok() -> u16 {
    200
}

fn is_ok(status: &u16) -> bool {
    *status == 200
}

fn html() -> String {
    "text/html; charset=utf-8".into()
}

fn is_html(content_type: &str) -> bool {
    content_type == html()
}

impl Page {
    /// A page of HTML.
    pub fn html(body: &str) -> Page {
        Page { status: 200, content_type: html(), location: None, body: body.into() }
    }

    /// A permanent redirect.
    pub fn moved(location: &str) -> Page {
        Page { status: 301, location: Some(location.into()), ..Page::html("") }
    }
}

/// Serves pages by path; `*` stands for every path without a page of its own.
#[derive(Debug)]
pub(crate) struct Pages {
    pages: BTreeMap<String, Page>,
}

impl Pages {
    /// A site of `pages`.
    pub(crate) fn new(pages: BTreeMap<String, Page>) -> Pages {
        Pages { pages }
    }
}

impl Site for Pages {
    fn respond(&mut self, _now: Instant, _remote: Endpoint, request: &Request) -> Response {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Response::error(405).with("Allow", "GET, HEAD");
        }
        let (path, _) = request.path_and_query();
        let Some(page) = self.pages.get(path).or_else(|| self.pages.get("*")) else { return Response::error(404) };
        let status = if (200..=599).contains(&page.status) { page.status } else { 500 };
        let response = Response::new(status, &one_line(&page.content_type), page.body.clone());
        match &page.location {
            Some(location) => response.with("Location", &one_line(location)),
            None => response,
        }
    }
}

/// A lab's text must not end a header field early.
fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// www.nodemcu.com, as far as a demonstration needs it.
pub(crate) fn nodemcu() -> BTreeMap<String, Page> {
    let home = "<!DOCTYPE html>\n<html><head><title>NodeMCU</title></head>\n<body>\n<h1>NodeMCU</h1>\n\
        <p>Connect things easy: an open-source firmware with Lua for the ESP8266.</p>\n\
        <p><a href=\"/docs\">Documentation</a></p>\n</body></html>\n";
    let docs = "<!DOCTYPE html>\n<html><head><title>Documentation</title></head>\n<body><h1>Documentation</h1>\n\
        <p>The manual is part of the page you are looking at the world from.</p></body></html>\n";
    [("/", Page::html(home)), ("/docs", Page::html(docs))].map(|(path, page)| (path.to_owned(), page)).into()
}

/// www.google.com.
pub(crate) fn google() -> BTreeMap<String, Page> {
    let home = "<!doctype html>\n<html><head><title>Search</title></head>\n<body><form action=\"/search\">\
        <input name=\"q\"><button>Search</button></form></body></html>\n";
    let nothing = "<!doctype html>\n<html><head><title>Search</title></head>\n<body><p>This is the built-in internet: \
        there is little to find.</p></body></html>\n";
    let no_content = Page { status: 204, ..Page::html("") };
    [("/", Page::html(home)), ("/search", Page::html(nothing)), ("/generate_204", no_content)]
        .map(|(path, page)| (path.to_owned(), page))
        .into()
}

/// example.com.
pub(crate) fn example() -> BTreeMap<String, Page> {
    let home = "<!doctype html>\n<html>\n<head>\n    <title>Example Domain</title>\n</head>\n<body>\n<div>\n    \
        <h1>Example Domain</h1>\n    <p>This domain is for use in examples.</p>\n</div>\n</body>\n</html>\n";
    [("/".to_owned(), Page::html(home))].into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::message::Headers;
    use super::*;

    fn get(pages: BTreeMap<String, Page>, target: &str) -> Response {
        let request = Request {
            method: "GET".into(),
            target: target.into(),
            is_http_11: true,
            headers: Headers::default(),
            body: Vec::new(),
        };
        let remote = Endpoint { ip: Ipv4Addr::LOCALHOST, port: 1 };
        Pages::new(pages).respond(Instant::ZERO, remote, &request)
    }

    #[test]
    fn pages_are_found_by_path() {
        assert_eq!(get(nodemcu(), "/?x=y").status, 200);
        assert_eq!(get(nodemcu(), "/nothing").status, 404);
        assert_eq!(get(google(), "/generate_204").status, 204);
        let moved = get([("*".to_owned(), Page::moved("/\r\nnew"))].into(), "/old");
        assert_eq!((moved.status, moved.headers.get("location")), (301, Some("/new")));
    }

    #[test]
    fn a_page_needs_only_its_body() {
        let page: Page = serde_json::from_str(r#"{"body":"hello"}"#).unwrap();
        assert_eq!(page, Page::html("hello"));
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"body":"hello"}"#);
    }
}
