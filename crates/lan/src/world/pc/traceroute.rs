//! `traceroute`: UDP datagrams (or echoes, with `-I`) that may go one hop further each time.

use std::net::Ipv4Addr;

use trace::{Duration, Endpoint, Instant, SocketId};

use super::arguments::{Argument, Arguments};
use super::desk::{Desktop, News, Target, Tool, resolve_error};
use crate::event::IcmpErrorKind;
use crate::world::dns::{QueryKind, pointer_name};

const USAGE: &str = "usage: traceroute [-In] [-m max_ttl] [-q nqueries] [-w wait] host\n";
/// First destination port; nobody listens there.
const PORT_FIRST: u16 = 33_434;
/// Data of one probe: 60 bytes with the headers of IP and UDP.
const PAYLOAD: [u8; 32] = *b"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_";

/// Shows the routers on the way.
pub(super) struct Traceroute {
    host: String,
    uses_echo: bool,
    is_numeric: bool,
    hops_max: u8,
    probes: u16,
    wait: Duration,
    ip: Ipv4Addr,
    socket: Option<SocketId>,
    ttl: u8,
    /// Number of the first probe of this hop.
    first: u16,
    sent: Instant,
    results: Vec<Option<(Ipv4Addr, Duration, bool)>>,
    /// Names of the routers of this hop, once asked.
    names: Vec<(Ipv4Addr, String)>,
    asking: Option<Ipv4Addr>,
}

impl Traceroute {
    /// Reads the arguments; the error is what the program prints.
    pub(super) fn new(words: &[String]) -> Result<Traceroute, String> {
        let mut tool = Traceroute {
            host: String::new(),
            uses_echo: false,
            is_numeric: false,
            hops_max: 30,
            probes: 3,
            wait: Duration::from_secs(5),
            ip: Ipv4Addr::UNSPECIFIED,
            socket: None,
            ttl: 0,
            first: 0,
            sent: Instant::ZERO,
            results: Vec::new(),
            names: Vec::new(),
            asking: None,
        };
        let mut arguments = Arguments::new(words);
        while let Some(argument) = arguments.next() {
            let mut number = |most: u64| -> Result<u64, String> {
                let value = arguments.value().and_then(|text| text.parse().ok());
                value.filter(|value| (1..=most).contains(value)).ok_or_else(|| USAGE.to_owned())
            };
            match argument {
                Argument::Short('I') => tool.uses_echo = true,
                Argument::Short('n') => tool.is_numeric = true,
                Argument::Short('4' | 'U') => {}
                Argument::Short('m') => tool.hops_max = number(255)? as u8,
                Argument::Short('q') => tool.probes = number(10)? as u16,
                Argument::Short('w') => tool.wait = Duration::from_secs(number(60)?),
                Argument::Operand(host) if tool.host.is_empty() => tool.host = host,
                Argument::Operand(_) => {}
                _ => return Err(USAGE.into()),
            }
        }
        if tool.host.is_empty() { Err(USAGE.into()) } else { Ok(tool) }
    }

    fn begin(&mut self, desktop: &mut Desktop<'_>, ip: Ipv4Addr) {
        self.ip = ip;
        if !self.uses_echo {
            self.socket = desktop.bind(0);
        }
        let host = &self.host;
        desktop.print(format!("traceroute to {host} ({ip}), {} hops max, 60 byte packets\n", self.hops_max));
        self.next_hop(desktop);
    }

    fn next_hop(&mut self, desktop: &mut Desktop<'_>) {
        self.first += self.results.len() as u16;
        self.ttl += 1;
        self.sent = desktop.now;
        self.results = vec![None; usize::from(self.probes)];
        self.names.clear();
        for probe in self.first..self.first + self.probes {
            if !self.send(desktop, probe) {
                desktop.complain("connect: Network is unreachable\n");
                desktop.finish(1);
                return;
            }
        }
        desktop.wake(self.wait, u64::from(self.ttl));
    }

    fn send(&mut self, desktop: &mut Desktop<'_>, probe: u16) -> bool {
        let (now, id) = (desktop.now, desktop.echo_id());
        let host = &mut desktop.desk.host;
        let Some(socket) = self.socket else {
            return host.echo_send(now, self.ip, id, probe, self.ttl, &PAYLOAD).is_ok();
        };
        host.udp_set_ttl(socket, self.ttl);
        let to = Endpoint { ip: self.ip, port: PORT_FIRST + probe };
        host.udp_send(now, socket, to, &PAYLOAD).is_ok()
    }

    fn answered(&mut self, desktop: &mut Desktop<'_>, probe: u16, from: Ipv4Addr, is_end: bool) {
        let Some(index) = probe.checked_sub(self.first).map(usize::from) else { return };
        if let Some(result @ None) = self.results.get_mut(index) {
            *result = Some((from, desktop.now - self.sent, is_end));
            if self.results.iter().all(Option::is_some) {
                self.find_names(desktop);
            }
        }
    }

    /// Asks for the names of the routers one after the other, then prints the line.
    fn find_names(&mut self, desktop: &mut Desktop<'_>) {
        let is_new = |ip: &Ipv4Addr| !self.names.iter().any(|(known, _)| known == ip);
        let unknown = self.results.iter().flatten().map(|(ip, ..)| *ip).find(is_new);
        match unknown {
            Some(ip) if !self.is_numeric => {
                self.asking = Some(ip);
                let servers = desktop.desk.name_servers.clone();
                desktop.ask(vec![pointer_name(ip)], QueryKind::Pointer, &servers);
            }
            _ => self.print_hop(desktop),
        }
    }

    fn print_hop(&mut self, desktop: &mut Desktop<'_>) {
        self.asking = None;
        let mut line = format!("{:2} ", self.ttl);
        let mut last = None;
        for result in &self.results {
            let Some((ip, rtt, _)) = result else {
                line.push_str(" *");
                continue;
            };
            if last != Some(*ip) {
                line.push_str(&match self.names.iter().find(|(known, _)| known == ip) {
                    Some((_, name)) => format!(" {name} ({ip})"),
                    None => format!(" {ip}"),
                });
                last = Some(*ip);
            }
            line.push_str(&format!("  {:.3} ms", rtt.as_micros() as f64 / 1000.0));
        }
        desktop.print(line + "\n");
        let is_end = self.results.iter().flatten().any(|(.., is_end)| *is_end);
        if is_end || self.ttl >= self.hops_max {
            desktop.finish(0);
        } else {
            self.next_hop(desktop);
        }
    }
}

impl Tool for Traceroute {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        if let Target::Address(ip) = desktop.resolve(&self.host) {
            self.begin(desktop, ip);
        }
    }

    fn news(&mut self, desktop: &mut Desktop<'_>, news: News) {
        match news {
            News::Resolved { answer, .. } => match self.asking.take() {
                Some(ip) => {
                    let name = answer.pointers.first().cloned().unwrap_or_else(|| ip.to_string());
                    self.names.push((ip, name));
                    self.find_names(desktop);
                }
                None => match answer.addresses.first() {
                    Some(ip) => self.begin(desktop, *ip),
                    None => {
                        desktop.complain(format!(
                            "{}: {}\nCannot handle \"host\" cmdline arg `{}' on position 1\n",
                            self.host,
                            resolve_error(&answer),
                            self.host
                        ));
                        desktop.finish(2);
                    }
                },
            },
            News::Icmp { from, kind, remote } => {
                let probe = if self.uses_echo { Some(remote.port) } else { remote.port.checked_sub(PORT_FIRST) };
                let is_end = kind != IcmpErrorKind::TimeExceeded;
                if let Some(probe) = probe {
                    self.answered(desktop, probe, from, is_end);
                }
            }
            News::Echo { from, seq, .. } => self.answered(desktop, seq, from, true),
            News::Timer(ttl) if ttl == u64::from(self.ttl) && self.asking.is_none() => self.find_names(desktop),
            _ => {}
        }
    }
}
