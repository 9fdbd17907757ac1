//! `nslookup`, `dig` and `host`, worded as BIND's tools word it.

use std::net::Ipv4Addr;

use trace::Instant;

use super::arguments::{Argument, Arguments};
use super::desk::{Desktop, News, Target, Tool};
use crate::world::dns::{Answer, Outcome, QueryKind, pointer_name};

/// Which of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Nslookup,
    Dig,
    Host,
}

/// Asks a name server and prints what it says.
pub(super) struct Names {
    style: Style,
    name: String,
    server: Option<String>,
    server_ip: Ipv4Addr,
    kind: QueryKind,
    /// `dig +short`
    is_short: bool,
    started: Instant,
}

impl Names {
    /// Reads the arguments; the error is what the program prints.
    pub(super) fn new(style: Style, words: &[String]) -> Result<Names, String> {
        let mut names = Names {
            style,
            name: String::new(),
            server: None,
            server_ip: Ipv4Addr::UNSPECIFIED,
            kind: QueryKind::Address,
            is_short: false,
            started: Instant::ZERO,
        };
        let mut kind = None;
        let mut reverse = false;
        let mut arguments = Arguments::new(words);
        while let Some(argument) = arguments.next() {
            match argument {
                Argument::Short('x') if style == Style::Dig => reverse = true,
                Argument::Short('t') if style != Style::Nslookup => kind = arguments.value(),
                Argument::Short('t' | 'q') if style == Style::Nslookup => {
                    let value = arguments.value().unwrap_or_default();
                    kind = value.rsplit('=').next().map(str::to_owned);
                }
                Argument::Operand(word) => names.operand(word, &mut kind),
                _ => return Err(names.usage()),
            }
        }
        if names.name.is_empty() {
            return Err(names.usage());
        }
        names.kind = match kind {
            Some(kind) => record_kind(&kind).ok_or_else(|| format!("unknown query type: {kind}\n"))?,
            None => QueryKind::Address,
        };
        if let Some(ip) = names.name.parse().ok().filter(|_| reverse || style != Style::Dig) {
            names.name = pointer_name(ip);
            names.kind = QueryKind::Pointer;
        }
        Ok(names)
    }

    fn operand(&mut self, word: String, kind: &mut Option<String>) {
        let is_dig = self.style == Style::Dig;
        if let Some(server) = word.strip_prefix('@').filter(|_| is_dig) {
            self.server = Some(server.to_owned());
        } else if is_dig && word.starts_with('+') {
            self.is_short |= word == "+short";
        } else if self.name.is_empty() {
            self.name = word;
        } else if is_dig {
            *kind = Some(word);
        } else {
            self.server = Some(word);
        }
    }

    fn usage(&self) -> String {
        match self.style {
            Style::Nslookup => "usage: nslookup [-type=TYPE] name-or-address [server]\n".into(),
            Style::Dig => "usage: dig [@server] [-x address] name [type] [+short]\n".into(),
            Style::Host => "usage: host [-t type] name-or-address [server]\n".into(),
        }
    }

    fn ask(&mut self, desktop: &mut Desktop<'_>, servers: &[Ipv4Addr]) {
        self.started = desktop.now;
        self.server_ip = servers.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let names = match self.style {
            _ if self.kind == QueryKind::Pointer => vec![self.name.clone()],
            // dig asks exactly what it is told to.
            Style::Dig => vec![self.name.trim_end_matches('.').to_ascii_lowercase()],
            _ => desktop.candidates(&self.name),
        };
        desktop.ask(names, self.kind, servers);
    }

    fn print_answer(&self, desktop: &mut Desktop<'_>, server: Ipv4Addr, answer: &Answer) {
        if answer.outcome == Outcome::Silence {
            desktop.print(match self.style {
                Style::Dig => format!(
                    "\n; <<>> DiG 9.18 <<>> {}\n;; global options: +cmd\n;; no servers could be reached\n",
                    self.name
                ),
                _ => ";; connection timed out; no servers could be reached\n\n".into(),
            });
            desktop.finish(if self.style == Style::Dig { 9 } else { 1 });
            return;
        }
        let text = match self.style {
            Style::Nslookup => self.nslookup_text(server, answer),
            Style::Dig if self.is_short => short_text(answer),
            Style::Dig => self.dig_text(desktop, server, answer),
            Style::Host => self.host_text(answer),
        };
        desktop.print(text);
        desktop.finish(u8::from(self.style != Style::Dig && answer.outcome != Outcome::NoError));
    }

    fn nslookup_text(&self, server: Ipv4Addr, answer: &Answer) -> String {
        let mut text = format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n");
        match answer.outcome {
            Outcome::NoError => {}
            failure => {
                text.push_str(&format!("** server can't find {}: {}\n\n", answer.name, failure.text()));
                return text;
            }
        }
        if answer.addresses.is_empty() && answer.pointers.is_empty() {
            text.push_str(&format!("*** Can't find {}: No answer\n\n", self.name));
            return text;
        }
        if !answer.name.ends_with(".lan") && self.kind == QueryKind::Address {
            text.push_str("Non-authoritative answer:\n");
        }
        for (alias, target) in aliases(answer) {
            text.push_str(&format!("{alias}\tcanonical name = {target}.\n"));
        }
        for ip in &answer.addresses {
            text.push_str(&format!("Name:\t{}\nAddress: {ip}\n", answer.name));
        }
        for name in &answer.pointers {
            text.push_str(&format!("{}\tname = {name}.\n", self.name));
        }
        text.push('\n');
        text
    }

    fn host_text(&self, answer: &Answer) -> String {
        if answer.outcome != Outcome::NoError {
            let code = if answer.outcome == Outcome::NameError { 3 } else { 2 };
            return format!("Host {} not found: {code}({})\n", self.name, answer.outcome.text());
        }
        let mut text = String::new();
        for (alias, target) in aliases(answer) {
            text.push_str(&format!("{alias} is an alias for {target}.\n"));
        }
        for ip in &answer.addresses {
            text.push_str(&format!("{} has address {ip}\n", answer.name));
        }
        for name in &answer.pointers {
            text.push_str(&format!("{} domain name pointer {name}.\n", self.name));
        }
        if text.is_empty() {
            text = format!("{} has no such record\n", self.name);
        }
        text
    }

    fn dig_text(&self, desktop: &Desktop<'_>, server: Ipv4Addr, answer: &Answer) -> String {
        let kind = kind_name(self.kind);
        let records = answer.aliases.len() + answer.addresses.len() + answer.pointers.len();
        let mut text = format!(
            "\n; <<>> DiG 9.18 <<>> {}\n;; global options: +cmd\n;; Got answer:\n\
             ;; ->>HEADER<<- opcode: QUERY, status: {}\n\
             ;; flags: qr rd ra; QUERY: 1, ANSWER: {records}, AUTHORITY: 0, ADDITIONAL: 0\n\n\
             ;; QUESTION SECTION:\n;{}.\t\t\tIN\t{kind}\n\n",
            self.name,
            answer.outcome.text(),
            self.name.trim_end_matches('.')
        );
        if records > 0 {
            text.push_str(";; ANSWER SECTION:\n");
        }
        for (alias, target) in aliases(answer) {
            text.push_str(&format!("{alias}.\t60\tIN\tCNAME\t{target}.\n"));
        }
        for ip in &answer.addresses {
            text.push_str(&format!("{}.\t60\tIN\tA\t{ip}\n", answer.name));
        }
        for name in &answer.pointers {
            text.push_str(&format!("{}.\t60\tIN\tPTR\t{name}.\n", self.name));
        }
        if records > 0 {
            text.push('\n');
        }
        let took = desktop.now.saturating_since(self.started).as_millis();
        text.push_str(&format!(";; Query time: {took} msec\n;; SERVER: {server}#53({server}) (UDP)\n\n"));
        text
    }
}

impl Tool for Names {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        let Some(server) = self.server.clone() else {
            let servers = desktop.desk.name_servers.clone();
            return self.ask(desktop, &servers);
        };
        if let Target::Address(ip) = desktop.resolve(&server) {
            self.ask(desktop, &[ip]);
        }
    }

    fn news(&mut self, desktop: &mut Desktop<'_>, news: News) {
        let News::Resolved { server, answer, .. } = news else { return };
        if self.server_ip.is_unspecified() && self.server.is_some() {
            // That was the name of the server.
            match answer.addresses.first() {
                Some(ip) => self.ask(desktop, &[*ip]),
                None => {
                    let server = self.server.clone().unwrap_or_default();
                    desktop.complain(format!("couldn't get address for '{server}': not found\n"));
                    desktop.finish(1);
                }
            }
            return;
        }
        self.print_answer(desktop, server, &answer);
    }
}

/// The chain of aliases, each with what it leads to.
fn aliases(answer: &Answer) -> impl Iterator<Item = (&str, &str)> {
    let targets = answer.aliases.iter().skip(1).chain(std::iter::once(&answer.name));
    answer.aliases.iter().zip(targets).map(|(alias, target)| (alias.as_str(), target.as_str()))
}

fn short_text(answer: &Answer) -> String {
    let mut lines: Vec<String> = aliases(answer).map(|(_, target)| format!("{target}.")).collect();
    lines.extend(answer.addresses.iter().map(Ipv4Addr::to_string));
    lines.extend(answer.pointers.iter().map(|name| format!("{name}.")));
    lines.into_iter().map(|line| line + "\n").collect()
}

fn record_kind(text: &str) -> Option<QueryKind> {
    Some(match text.to_ascii_uppercase().as_str() {
        "A" | "ANY" => QueryKind::Address,
        "PTR" => QueryKind::Pointer,
        "NS" => QueryKind::Other(2),
        "CNAME" => QueryKind::Other(5),
        "SOA" => QueryKind::Other(6),
        "MX" => QueryKind::Other(15),
        "TXT" => QueryKind::Other(16),
        "AAAA" => QueryKind::Other(28),
        "SRV" => QueryKind::Other(33),
        _ => return None,
    })
}

fn kind_name(kind: QueryKind) -> &'static str {
    match kind {
        QueryKind::Address => "A",
        QueryKind::Pointer => "PTR",
        QueryKind::Other(2) => "NS",
        QueryKind::Other(5) => "CNAME",
        QueryKind::Other(6) => "SOA",
        QueryKind::Other(15) => "MX",
        QueryKind::Other(16) => "TXT",
        QueryKind::Other(28) => "AAAA",
        QueryKind::Other(33) => "SRV",
        QueryKind::Other(_) => "TYPE",
    }
}
