//! `ping`, worded as iputils word it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use trace::{Duration, Instant, Kind};

use super::arguments::{Argument, Arguments};
use super::desk::{Desktop, News, Target, Tool, resolve_error};
use crate::event::IcmpErrorKind;

const USAGE: &str =
    "usage: ping [-c count] [-i interval] [-W timeout] [-w deadline] [-t ttl] [-s size] [-q] [-n] host\n";
/// Data of one request, as iputils sends it.
const SIZE: usize = 56;
const SIZE_MAX: usize = 1472;
/// Shortest interval of an ordinary user.
const INTERVAL_MIN: f64 = 0.002;
/// How long the last answer is waited for.
const LINGER: Duration = Duration::from_secs(10);

/// Timer tokens.
const NEXT: u64 = 0;
const DEADLINE: u64 = 1;
const LAST: u64 = 2;

/// Sends echo requests and says what came back.
pub(super) struct Ping {
    host: String,
    count: Option<u16>,
    interval: Duration,
    linger: Duration,
    deadline: Option<Duration>,
    ttl: u8,
    size: usize,
    is_quiet: bool,
    ip: Ipv4Addr,
    started: Instant,
    last_sent: u16,
    /// When each request left that has not come back.
    waiting: BTreeMap<u16, Instant>,
    received: u32,
    errors: u32,
    /// Microseconds.
    times: Vec<u64>,
}

impl Ping {
    /// Reads the arguments; the error is what the program prints.
    pub(super) fn new(words: &[String]) -> Result<Ping, String> {
        let mut ping = Ping {
            host: String::new(),
            count: None,
            interval: Duration::from_secs(1),
            linger: LINGER,
            deadline: None,
            ttl: 64,
            size: SIZE,
            is_quiet: false,
            ip: Ipv4Addr::UNSPECIFIED,
            started: Instant::ZERO,
            last_sent: 0,
            waiting: BTreeMap::new(),
            received: 0,
            errors: 0,
            times: Vec::new(),
        };
        let mut arguments = Arguments::new(words);
        while let Some(argument) = arguments.next() {
            match argument {
                Argument::Short('c') => ping.count = Some(number(&mut arguments, "count", 1, 65_535)? as u16),
                Argument::Short('i') => ping.interval = seconds(&mut arguments, INTERVAL_MIN)?,
                Argument::Short('W') => ping.linger = seconds(&mut arguments, 0.001)?,
                Argument::Short('w') => ping.deadline = Some(seconds(&mut arguments, 0.001)?),
                Argument::Short('t') => ping.ttl = number(&mut arguments, "ttl", 1, 255)? as u8,
                Argument::Short('s') => ping.size = number(&mut arguments, "size", 0, SIZE_MAX as u64)? as usize,
                Argument::Short('q') => ping.is_quiet = true,
                Argument::Short('n' | '4') => {}
                Argument::Operand(host) if ping.host.is_empty() => ping.host = host,
                _ => return Err(USAGE.into()),
            }
        }
        if ping.host.is_empty() {
            Err(format!("ping: usage error: Destination address required\n{USAGE}"))
        } else {
            Ok(ping)
        }
    }

    fn begin(&mut self, desktop: &mut Desktop<'_>, ip: Ipv4Addr) {
        self.ip = ip;
        self.started = desktop.now;
        desktop.print(format!("PING {} ({ip}) {}({}) bytes of data.\n", self.host, self.size, self.size + 28));
        if let Some(deadline) = self.deadline {
            desktop.wake(deadline, DEADLINE);
        }
        self.send(desktop);
    }

    fn send(&mut self, desktop: &mut Desktop<'_>) {
        let Some(seq) = self.last_sent.checked_add(1) else { return self.end(desktop) };
        let payload: Vec<u8> = (0..self.size).map(|index| index as u8).collect();
        let sent = desktop.desk.log.record(desktop.now, Kind::PingSent { target: self.ip, seq });
        let _scope = desktop.desk.log.trace.clone().enter(Some(sent));
        let id = desktop.echo_id();
        if desktop.desk.host.echo_send(desktop.now, self.ip, id, seq, self.ttl, &payload).is_err() {
            desktop.complain("ping: connect: Network is unreachable\n");
            desktop.finish(2);
            return;
        }
        self.last_sent = seq;
        self.waiting.insert(seq, desktop.now);
        if self.count.is_none_or(|count| seq < count) {
            desktop.wake(self.interval, NEXT);
        } else {
            desktop.wake(self.linger, LAST);
        }
    }

    fn echo(&mut self, desktop: &mut Desktop<'_>, from: Ipv4Addr, seq: u16, ttl: u8, length: usize) {
        let Some(sent) = self.waiting.remove(&seq) else { return };
        let rtt = desktop.now - sent;
        desktop.desk.log.record(desktop.now, Kind::PingEnd { target: self.ip, seq, rtt: Some(rtt) });
        self.received += 1;
        self.times.push(rtt.as_micros());
        if !self.is_quiet {
            let who = if self.host == from.to_string() { self.host.clone() } else { format!("{} ({from})", self.host) };
            let bytes = length + 8;
            desktop.print(format!("{bytes} bytes from {who}: icmp_seq={seq} ttl={ttl} time={} ms\n", time(rtt)));
        }
        self.end_if_complete(desktop);
    }

    fn error(&mut self, desktop: &mut Desktop<'_>, from: Ipv4Addr, kind: IcmpErrorKind, seq: u16) {
        if self.waiting.remove(&seq).is_none() {
            return;
        }
        desktop.desk.log.record(desktop.now, Kind::PingEnd { target: self.ip, seq, rtt: None });
        self.errors += 1;
        let what = match kind {
            IcmpErrorKind::TimeExceeded => "Time to live exceeded",
            IcmpErrorKind::PortUnreachable => "Destination Port Unreachable",
            IcmpErrorKind::HostUnreachable => "Destination Host Unreachable",
        };
        desktop.print(format!("From {from} icmp_seq={seq} {what}\n"));
        self.end_if_complete(desktop);
    }

    fn end_if_complete(&mut self, desktop: &mut Desktop<'_>) {
        if self.waiting.is_empty() && self.count == Some(self.last_sent) {
            self.end(desktop);
        }
    }

    fn end(&mut self, desktop: &mut Desktop<'_>) {
        for seq in std::mem::take(&mut self.waiting).into_keys() {
            desktop.desk.log.record(desktop.now, Kind::PingEnd { target: self.ip, seq, rtt: None });
        }
        let statistics = self.statistics(desktop.now);
        desktop.print(statistics);
        desktop.finish(u8::from(self.received == 0));
    }

    fn statistics(&self, now: Instant) -> String {
        let sent = u32::from(self.last_sent);
        let errors = if self.errors > 0 { format!(", +{} errors", self.errors) } else { String::new() };
        let loss = (sent - self.received.min(sent)) * 100 / sent.max(1);
        let total = now.saturating_since(self.started).as_millis();
        let mut text = format!(
            "\n--- {} ping statistics ---\n{sent} packets transmitted, {} received{errors}, {loss}% packet loss, time {total}ms\n",
            self.host, self.received
        );
        if let (Some(least), Some(most)) = (self.times.iter().min(), self.times.iter().max()) {
            let count = self.times.len() as f64;
            let mean = self.times.iter().sum::<u64>() as f64 / count;
            let variance = self.times.iter().map(|time| (*time as f64 - mean).powi(2)).sum::<f64>() / count;
            let millis = |micros: f64| micros / 1000.0;
            text.push_str(&format!(
                "rtt min/avg/max/mdev = {:.3}/{:.3}/{:.3}/{:.3} ms\n",
                millis(*least as f64),
                millis(mean),
                millis(*most as f64),
                millis(variance.sqrt())
            ));
        }
        text
    }
}

impl Tool for Ping {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        if let Target::Address(ip) = desktop.resolve(&self.host) {
            self.begin(desktop, ip);
        }
    }

    fn news(&mut self, desktop: &mut Desktop<'_>, news: News) {
        match news {
            News::Resolved { answer, .. } => match answer.addresses.first() {
                Some(ip) => self.begin(desktop, *ip),
                None => {
                    desktop.complain(format!("ping: {}: {}\n", self.host, resolve_error(&answer)));
                    desktop.finish(2);
                }
            },
            News::Echo { from, seq, ttl, length } => self.echo(desktop, from, seq, ttl, length),
            News::Icmp { from, kind, remote } => self.error(desktop, from, kind, remote.port),
            News::Timer(NEXT) => self.send(desktop),
            News::Timer(_) => self.end(desktop),
            _ => {}
        }
    }

    fn interrupt(&mut self, desktop: &mut Desktop<'_>) {
        if self.last_sent > 0 {
            let statistics = self.statistics(desktop.now);
            desktop.print(statistics);
        }
    }
}

/// A round trip in milliseconds with as many digits as iputils gives it.
pub(super) fn time(rtt: Duration) -> String {
    let micros = rtt.as_micros();
    let millis = micros as f64 / 1000.0;
    match micros {
        100_000.. => format!("{}", micros / 1000),
        10_000.. => format!("{millis:.1}"),
        1000.. => format!("{millis:.2}"),
        _ => format!("{millis:.3}"),
    }
}

fn number(arguments: &mut Arguments, what: &str, least: u64, most: u64) -> Result<u64, String> {
    let text = arguments.value().ok_or(USAGE)?;
    text.parse()
        .ok()
        .filter(|value| (least..=most).contains(value))
        .ok_or_else(|| format!("ping: invalid argument: '{text}': {what} out of range: {least} <= value <= {most}\n"))
}

fn seconds(arguments: &mut Arguments, least: f64) -> Result<Duration, String> {
    let text = arguments.value().ok_or(USAGE)?;
    let value: f64 = text
        .parse()
        .ok()
        .filter(|value| (least..=86_400.0).contains(value))
        .ok_or_else(|| format!("ping: invalid argument: '{text}': out of range: {least} <= value <= 86400\n"))?;
    Ok(Duration::from_micros((value * 1e6) as u64))
}
