//! `http` addresses as people and `Location` fields write them.
//!
//! The `url` crate was ruled out for its size (Unicode tables for host names that a LAN does not have).

use std::fmt;

/// An absolute `http` URL without its fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// Name or address, in lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query, beginning with `/`.
    pub(crate) target: String,
}

/// Why text is no URL for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UrlError {
    /// Another scheme than `http`.
    Scheme(String),
    Malformed,
}

impl Url {
    /// Reads an address; a missing scheme means `http`.
    pub(crate) fn parse(text: &str) -> Result<Url, UrlError> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if is_scheme(scheme) => return Err(UrlError::Scheme(scheme.to_ascii_lowercase())),
            _ => text,
        };
        let (authority, target) = split_at_any(rest, &['/', '?', '#']);
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "")) => (host, 80),
            Some((host, port)) => (host, port.parse().map_err(|_| UrlError::Malformed)?),
            None => (authority, 80),
        };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || !host.bytes().all(legal) || port == 0 {
            return Err(UrlError::Malformed);
        }
        Ok(Url { host: host.to_ascii_lowercase(), port, target: clean_target(target) })
    }

    /// The address that `reference` means on the page of this one (RFC 3986, section 5).
    pub(crate) fn join(&self, reference: &str) -> Result<Url, UrlError> {
        let reference = reference.trim();
        if let Some(rest) = reference.strip_prefix("//") {
            return Url::parse(&format!("http://{rest}"));
        }
        let scheme_end =
            reference.find(':').filter(|end| is_scheme(&reference[..*end]) && reference[*end..].starts_with("://"));
        if scheme_end.is_some() {
            return Url::parse(reference);
        }
        let (path, query) = split_at_any(&self.target, &['?']);
        let target = if reference.starts_with('/') {
            reference.to_owned()
        } else if reference.is_empty() || reference.starts_with('#') {
            format!("{path}{query}")
        } else if reference.starts_with('?') {
            format!("{path}{reference}")
        } else {
            let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
            format!("{folder}{reference}")
        };
        Ok(Url { target: clean_target(&target), ..self.clone() })
    }

    /// What the `Host` field says.
    pub(crate) fn authority(&self) -> String {
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.target)
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn split_at_any<'a>(text: &'a str, marks: &[char]) -> (&'a str, &'a str) {
    text.find(marks).map_or((text, ""), |at| text.split_at(at))
}

/// No fragment, no dot segments, a leading slash, nothing that would break the request line.
fn clean_target(text: &str) -> String {
    let (text, _) = split_at_any(text, &['#']);
    let (path, query) = split_at_any(text, &['?']);
    let mut segments: Vec<&str> = Vec::new();
    let pieces: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    for (index, piece) in pieces.iter().enumerate() {
        let is_last = index + 1 == pieces.len();
        match *piece {
            "." | ".." => {
                if *piece == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            other => segments.push(other),
        }
    }
    let mut target = format!("/{}", segments.join("/"));
    target.push_str(query);
    escape(&target)
}

/// Replaces bytes that may not stand in a request line.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Url::parse(text).map(|url| url.to_string()), Ok(expected.to_owned()));
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        check("192.168.1.100", "http://192.168.1.100/");
        check("HTTP://HttpBin.org:80/get?a=b#c", "http://httpbin.org/get?a=b");
        check("board.lan:8080?x", "http://board.lan:8080/?x");
        check("http://me:secret@board/a/./b/../c", "http://board/a/c");
        check("board/a b", "http://board/a%20b");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(Url::parse("https://httpbin.org/"), Err(UrlError::Scheme("https".into())));
        for text in ["", "http://", "http://:80/", "board:0", "board:99999", "board:x", "bo ard", "/path"] {
            assert_eq!(Url::parse(text), Err(UrlError::Malformed), "{text}");
        }
    }

    #[test]
    fn references_are_resolved() {
        let base = Url::parse("http://board:8080/a/b?c").unwrap();
        let join = |reference: &str| base.join(reference).map(|url| url.to_string());
        assert_eq!(join("/x"), Ok("http://board:8080/x".into()));
        assert_eq!(join("x?y"), Ok("http://board:8080/a/x?y".into()));
        assert_eq!(join("../x"), Ok("http://board:8080/x".into()));
        assert_eq!(join("?d"), Ok("http://board:8080/a/b?d".into()));
        assert_eq!(join("#top"), Ok("http://board:8080/a/b?c".into()));
        assert_eq!(join("//other/x"), Ok("http://other/x".into()));
        assert_eq!(join("http://other"), Ok("http://other/".into()));
        assert_eq!(join("https://other"), Err(UrlError::Scheme("https".into())));
    }
}
