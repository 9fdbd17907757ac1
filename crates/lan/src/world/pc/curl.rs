//! `curl`: one request after the other, worded as the real one words it.

use trace::{Duration, Instant};

use super::arguments::{Argument, Arguments};
use super::desk::{Desktop, JobId, News, Owner, Tool};
use super::http::{self, Client, ClientEvent, FetchError, FetchId, Order, REDIRECTS_MAX};
use crate::world::http::message::{Headers, ResponseHead};
use crate::world::http::url::{Url, UrlError};

const USAGE: &str = "curl: try 'curl --help' for more information\n";
const HELP: &str = "Usage: curl [options...] <url>\n \
    -d, --data <data>          HTTP POST data\n \
    -f, --fail                 Fail fast with no output on HTTP errors\n \
    -H, --header <header>      Pass custom header to server\n \
    -i, --include              Include response headers in output\n \
    -I, --head                 Show document info only\n \
    -L, --location             Follow redirects\n \
    -m, --max-time <seconds>   Maximum time allowed for transfer\n \
    -o, --output <file>        Write to file instead of stdout\n \
    -O, --remote-name          Write output to file named as remote file\n \
    -s, --silent               Silent mode\n \
    -u, --user <user:password> Server user and password\n \
    -v, --verbose              Make the operation more talkative\n \
    -w, --write-out <format>   Output format after completion\n \
    -X, --request <method>     Specify request method to use\n \
    -0, --http1.0              Use HTTP 1.0\n";

/// Timer token: the time allowed is over, for the fetch with this number.
const MAX_TIME: u64 = 1 << 32;
const CONNECT_TIMEOUT: u64 = 2 << 32;

/// Fetches addresses.
#[derive(Default)]
pub(super) struct Curl {
    urls: Vec<String>,
    options: Options,
    /// Number of the current address.
    current: usize,
    fetch: Option<FetchId>,
    started: Instant,
    head: Option<ResponseHead>,
    received: usize,
    is_connected: bool,
    /// What the real one knows only at the end: whether a terminal line is unfinished.
    file: Vec<u8>,
    status: u8,
    host: String,
    port: u16,
}

#[derive(Default)]
struct Options {
    method: Option<String>,
    headers: Vec<String>,
    data: Option<Vec<u8>>,
    /// `-G`: the data goes into the address.
    data_in_query: bool,
    is_verbose: bool,
    is_silent: bool,
    shows_errors: bool,
    includes_head: bool,
    head_only: bool,
    follows: bool,
    fails: bool,
    is_http_10: bool,
    output: Option<String>,
    remote_name: bool,
    user: Option<String>,
    agent: Option<String>,
    max_time: Option<Duration>,
    connect_timeout: Option<Duration>,
    write_out: Option<String>,
}

impl Curl {
    /// Reads the arguments; the error is what the program prints. `read_file` gives the content for `-d @file`.
    pub(super) fn new(words: &[String], read_file: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Curl, String> {
        let mut curl = Curl::default();
        let mut arguments = Arguments::new(words);
        while let Some(argument) = arguments.next() {
            let (name, given) = match argument {
                Argument::Operand(url) => {
                    curl.urls.push(url);
                    continue;
                }
                Argument::Short(letter) => (long_name(letter).map(str::to_owned), None),
                Argument::Long(name, value) => (Some(name), value),
            };
            let Some(name) = name else { return Err(format!("curl: option: is unknown\n{USAGE}")) };
            curl.options.take(&name, || given.or_else(|| arguments.value()), &mut curl.urls, &read_file)?;
        }
        if curl.urls.is_empty() { Err(format!("curl: (2) no URL specified\n{USAGE}")) } else { Ok(curl) }
    }

    fn job(desktop: &Desktop<'_>) -> JobId {
        match desktop.owner {
            Owner::Job(job) => job,
            Owner::Http => JobId(0),
        }
    }

    /// Fetches the next address, or ends.
    fn next(&mut self, desktop: &mut Desktop<'_>) {
        self.head = None;
        self.received = 0;
        self.is_connected = false;
        self.started = desktop.now;
        let Some(text) = self.urls.get(self.current).cloned() else {
            let job = Self::job(desktop);
            http::forget(desktop, Client::Job(job));
            desktop.finish(self.status);
            return;
        };
        let order = match self.order(&text) {
            Ok(order) => order,
            Err((code, message)) => return self.fail(desktop, code, &message),
        };
        (self.host, self.port) = (order.url.host.clone(), order.url.port);
        let client = Client::Job(Self::job(desktop));
        let id = http::start(desktop, client, order);
        self.fetch = Some(id);
        for (span, kind) in [(self.options.max_time, MAX_TIME), (self.options.connect_timeout, CONNECT_TIMEOUT)] {
            if let Some(span) = span {
                desktop.wake(span, kind | u64::from(id.0));
            }
        }
    }

    fn order(&self, text: &str) -> Result<Order, (u8, String)> {
        let options = &self.options;
        let mut url = Url::parse(text).map_err(|error| match error {
            UrlError::Scheme(scheme) => (1, format!("Protocol \"{scheme}\" not supported")),
            UrlError::Malformed => (3, "URL rejected: Malformed input to a URL function".to_owned()),
        })?;
        let mut body = options.data.clone().unwrap_or_default();
        let has_data = options.data.is_some() && !options.data_in_query;
        if options.data_in_query {
            let query = String::from_utf8_lossy(&body).into_owned();
            let mark = if url.target.contains('?') { '&' } else { '?' };
            let target = url.target.clone();
            url = url.join(&format!("{target}{mark}{query}")).map_err(|_| (3, "URL rejected".to_owned()))?;
            body.clear();
        }
        let method = match (&options.method, options.head_only, has_data) {
            (Some(method), _, _) => method.clone(),
            (None, true, _) => "HEAD".into(),
            (None, false, true) => "POST".into(),
            (None, false, false) => "GET".into(),
        };
        let headers = self.headers(&url, body.len(), has_data);
        Ok(Order { method, url, headers, body, is_http_11: !options.is_http_10, follows: options.follows })
    }

    /// The fields that curl sends of itself, replaced or removed as `-H` says.
    fn headers(&self, url: &Url, body_length: usize, has_data: bool) -> Headers {
        let options = &self.options;
        let mut headers = Headers::default();
        headers.add("Host", url.authority());
        if let Some(user) = &options.user {
            use base64::Engine as _;
            headers.add("Authorization", format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user)));
        }
        headers.add("User-Agent", options.agent.as_deref().unwrap_or("curl/8.5.0"));
        headers.add("Accept", "*/*");
        if has_data {
            headers.add("Content-Length", body_length.to_string());
            headers.add("Content-Type", "application/x-www-form-urlencoded");
        }
        for line in &options.headers {
            let (name, value) = line.split_once(':').or_else(|| line.split_once(';')).unwrap_or((line, ""));
            let value = clean(value.trim());
            let known = headers.0.iter().position(|(own, _)| own.eq_ignore_ascii_case(name.trim()));
            match known {
                Some(index) if value.is_empty() => {
                    headers.0.remove(index);
                }
                Some(index) => headers.0[index].1 = value,
                None if value.is_empty() && !line.contains(';') => {}
                None => headers.add(clean(name.trim()), value),
            }
        }
        headers
    }

    fn event(&mut self, desktop: &mut Desktop<'_>, event: ClientEvent) {
        match event {
            ClientEvent::Resolved { host, ip } => {
                let text = format!("Host {host}:{} was resolved.\n* IPv4: {ip}", self.port);
                self.say(desktop, text);
            }
            ClientEvent::Trying { ip, port } => self.say(desktop, format!("  Trying {ip}:{port}...")),
            ClientEvent::Connected { ip, port, number, is_reused } => {
                self.is_connected = true;
                let host = self.host.clone();
                self.say(
                    desktop,
                    match is_reused {
                        true => format!("Re-using existing connection #{number} with host {host}"),
                        false => format!("Connected to {host} ({ip}) port {port}"),
                    },
                );
            }
            ClientEvent::Sent(head) => self.quote(desktop, '>', &head),
            ClientEvent::Head(head) => self.take_head(desktop, head),
            ClientEvent::Body(body) => self.take_body(desktop, body),
            ClientEvent::Redirected(url) => {
                (self.host, self.port) = (url.host.clone(), url.port);
                self.say(desktop, format!("Issue another request to this URL: '{url}'"));
            }
            ClientEvent::Done { number, is_kept } => {
                let host = self.host.clone();
                self.say(
                    desktop,
                    match is_kept {
                        true => format!("Connection #{number} to host {host} left intact"),
                        false => format!("Closing connection {number}"),
                    },
                );
                self.done(desktop);
            }
            ClientEvent::Failed(error) => self.failed(desktop, error),
        }
    }

    fn take_head(&mut self, desktop: &mut Desktop<'_>, head: ResponseHead) {
        let text = head.text();
        if self.options.is_verbose {
            self.quote(desktop, '<', &text);
        }
        if self.options.includes_head || self.options.head_only {
            self.write(desktop, text.as_bytes());
        }
        self.head = Some(head);
    }

    fn take_body(&mut self, desktop: &mut Desktop<'_>, body: Vec<u8>) {
        self.received += body.len();
        let is_refused = self.options.fails && self.status_code() >= 400;
        if !is_refused {
            self.write(desktop, &body);
        }
    }

    fn write(&mut self, desktop: &mut Desktop<'_>, bytes: &[u8]) {
        if self.output_file().is_some() {
            self.file.extend_from_slice(bytes);
        } else {
            desktop.print_bytes(bytes);
        }
    }

    fn output_file(&self) -> Option<String> {
        let url = self.urls.get(self.current)?;
        if self.options.remote_name {
            let path = url.split(['?', '#']).next().unwrap_or_default();
            return path.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
        }
        self.options.output.clone()
    }

    fn status_code(&self) -> u16 {
        self.head.as_ref().map_or(0, |head| head.status)
    }

    fn done(&mut self, desktop: &mut Desktop<'_>) {
        if self.options.fails && self.status_code() >= 400 {
            let message = format!("The requested URL returned error: {}", self.status_code());
            return self.fail(desktop, 22, &message);
        }
        self.finish_one(desktop);
    }

    fn failed(&mut self, desktop: &mut Desktop<'_>, error: FetchError) {
        let took = desktop.now.saturating_since(self.started).as_millis();
        let (host, port) = (&self.host, self.port);
        let (code, message) = match error {
            FetchError::Unresolved { host, .. } => (6, format!("Could not resolve host: {host}")),
            FetchError::Refused => {
                (7, format!("Failed to connect to {host} port {port} after {took} ms: Couldn't connect to server"))
            }
            FetchError::Unreachable => {
                (7, format!("Failed to connect to {host} port {port} after {took} ms: No route to host"))
            }
            FetchError::ConnectTimeout => {
                (28, format!("Failed to connect to {host} port {port} after {took} ms: Connection timed out"))
            }
            FetchError::Empty => (52, "Empty reply from server".into()),
            FetchError::Reset => (56, "Recv failure: Connection reset by peer".into()),
            FetchError::Cut(Some(missing)) => (18, format!("transfer closed with {missing} bytes remaining to read")),
            FetchError::Cut(None) => (18, "transfer closed with outstanding read data remaining".into()),
            FetchError::NotHttp => (1, "Received HTTP/0.9 when not allowed".into()),
            FetchError::TooManyRedirects => (47, format!("Maximum ({REDIRECTS_MAX}) redirects followed")),
            FetchError::BadRedirect(UrlError::Scheme(scheme), _) => (1, format!("Protocol \"{scheme}\" not supported")),
            FetchError::BadRedirect(UrlError::Malformed, _) => {
                (3, "URL rejected: Malformed input to a URL function".into())
            }
        };
        self.fail(desktop, code, &message);
    }

    fn fail(&mut self, desktop: &mut Desktop<'_>, code: u8, message: &str) {
        self.status = code;
        if !self.options.is_silent || self.options.shows_errors {
            desktop.complain(format!("curl: ({code}) {message}\n"));
        }
        self.finish_one(desktop);
    }

    fn finish_one(&mut self, desktop: &mut Desktop<'_>) {
        if let Some(file) = self.output_file().filter(|_| self.fetch.is_some()) {
            let content = std::mem::take(&mut self.file);
            desktop.desk.files.insert(file, content);
        }
        if let Some(format) = self.options.write_out.clone() {
            let text = self.written_out(&format, desktop.now);
            desktop.print_bytes(&text);
        }
        self.fetch = None;
        self.current += 1;
        self.next(desktop);
    }

    /// `%{http_code}` and its like.
    fn written_out(&self, format: &str, now: Instant) -> Vec<u8> {
        let total = now.saturating_since(self.started).as_micros() as f64 / 1e6;
        let text = format
            .replace("%{http_code}", &format!("{:03}", self.status_code()))
            .replace("%{response_code}", &format!("{:03}", self.status_code()))
            .replace("%{time_total}", &format!("{total:.6}"))
            .replace("%{size_download}", &self.received.to_string());
        super::shell::unescape(&text)
    }

    fn say(&self, desktop: &mut Desktop<'_>, text: String) {
        if self.options.is_verbose {
            desktop.complain(format!("* {text}\n"));
        }
    }

    fn quote(&self, desktop: &mut Desktop<'_>, mark: char, head: &str) {
        if self.options.is_verbose {
            let lines = head.trim_end_matches("\r\n").split("\r\n").map(|line| format!("{mark} {line}\n"));
            let text: String = lines.chain(std::iter::once(format!("{mark} \n"))).collect();
            desktop.complain(text);
        }
    }
}

impl Tool for Curl {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        self.next(desktop);
    }

    fn news(&mut self, desktop: &mut Desktop<'_>, news: News) {
        match news {
            News::Fetch(id, event) if self.fetch == Some(id) => self.event(desktop, event),
            News::Timer(token) => {
                let is_current = self.fetch.is_some_and(|id| u64::from(id.0) == token & u64::from(u32::MAX));
                let connects = token & CONNECT_TIMEOUT != 0;
                if !is_current || (connects && self.is_connected) {
                    return;
                }
                if let Some(id) = self.fetch {
                    http::abort(desktop, id);
                }
                let took = desktop.now.saturating_since(self.started).as_millis();
                let message = if self.is_connected {
                    format!("Operation timed out after {took} milliseconds with {} bytes received", self.received)
                } else {
                    format!("Connection timed out after {took} milliseconds")
                };
                self.fail(desktop, 28, &message);
            }
            _ => {}
        }
    }
}

impl Options {
    fn take(
        &mut self,
        name: &str,
        value: impl FnOnce() -> Option<String>,
        urls: &mut Vec<String>,
        read_file: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<(), String> {
        let value = || value().ok_or_else(|| format!("curl: option --{name}: requires parameter\n{USAGE}"));
        match name {
            "verbose" => self.is_verbose = true,
            "silent" => self.is_silent = true,
            "show-error" => self.shows_errors = true,
            "include" => self.includes_head = true,
            "head" => self.head_only = true,
            "location" => self.follows = true,
            "fail" => self.fails = true,
            "http1.0" => self.is_http_10 = true,
            "get" => self.data_in_query = true,
            "remote-name" => self.remote_name = true,
            "http1.1" | "insecure" | "compressed" | "no-buffer" | "globoff" | "no-progress-meter" | "ipv4" => {}
            "request" => self.method = Some(clean(&value()?).replace(' ', "")).filter(|method| !method.is_empty()),
            "header" => self.headers.push(value()?),
            "output" => self.output = Some(value()?).filter(|file| file != "-"),
            "user" => self.user = Some(value()?),
            "user-agent" => self.agent = Some(clean(&value()?)),
            "referer" => self.headers.push(format!("Referer: {}", value()?)),
            "cookie" => self.headers.push(format!("Cookie: {}", value()?)),
            "write-out" => self.write_out = Some(value()?),
            "url" => urls.push(value()?),
            "max-time" => self.max_time = Some(seconds(&value()?)?),
            "connect-timeout" => self.connect_timeout = Some(seconds(&value()?)?),
            "data" | "data-ascii" | "data-raw" | "data-binary" | "json" | "data-urlencode" => {
                let text = value()?;
                self.add_data(name, &text, read_file)?;
            }
            "help" => return Err(HELP.into()),
            "version" => return Err("curl 8.5.0 (playground) nothing else\nProtocols: http\n".into()),
            _ => return Err(format!("curl: option --{name}: is unknown\n{USAGE}")),
        }
        Ok(())
    }

    /// Several pieces of data are joined with `&`.
    fn add_data(&mut self, name: &str, text: &str, read_file: impl Fn(&str) -> Option<Vec<u8>>) -> Result<(), String> {
        let bytes = match text.strip_prefix('@').filter(|_| name != "data-raw" && name != "data-urlencode") {
            Some(file) => read_file(file).ok_or_else(|| format!("curl: Failed to open {file}\n"))?,
            None if name == "data-urlencode" => match text.split_once('=') {
                Some((key, value)) => format!("{key}={}", url_encode(value)).into_bytes(),
                None => url_encode(text).into_bytes(),
            },
            None => text.as_bytes().to_vec(),
        };
        if name == "json" {
            self.headers.push("Content-Type: application/json".into());
            self.headers.push("Accept: application/json".into());
        }
        match &mut self.data {
            Some(data) if name != "json" => {
                data.push(b'&');
                data.extend(bytes);
            }
            Some(data) => data.extend(bytes),
            None => self.data = Some(bytes),
        }
        Ok(())
    }
}

fn url_encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn long_name(letter: char) -> Option<&'static str> {
    Some(match letter {
        'v' => "verbose",
        's' => "silent",
        'S' => "show-error",
        'i' => "include",
        'I' => "head",
        'L' => "location",
        'f' => "fail",
        '0' => "http1.0",
        'G' => "get",
        'O' => "remote-name",
        'X' => "request",
        'H' => "header",
        'o' => "output",
        'u' => "user",
        'A' => "user-agent",
        'e' => "referer",
        'b' => "cookie",
        'w' => "write-out",
        'm' => "max-time",
        'd' => "data",
        'k' => "insecure",
        'N' => "no-buffer",
        'g' => "globoff",
        '4' => "ipv4",
        'h' => "help",
        'V' => "version",
        _ => return None,
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text
        .parse()
        .ok()
        .filter(|value| (0.0..=86_400.0).contains(value))
        .ok_or_else(|| format!("curl: option: expected a proper numerical parameter\n{USAGE}"))?;
    Ok(Duration::from_micros((value * 1e6) as u64))
}

/// Text that may stand in one line of a head.
fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
