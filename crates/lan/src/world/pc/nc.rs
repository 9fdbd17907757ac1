//! `nc` (OpenBSD's) and `telnet`: bytes from the keyboard to a socket and back.

use trace::{Duration, Endpoint, SocketId};

use super::arguments::{Argument, Arguments};
use super::desk::{Desktop, News, Target, Tool, resolve_error};
use crate::event::{CloseReason, Event, IcmpErrorKind, ListenerId};

const USAGE: &str = "usage: nc [-klNnuvz] [-p port] [-q seconds] [-w timeout] [destination] [port]\n";
/// Most ports of one scan.
const PORTS_MAX: usize = 1024;
/// How long a scan waits for one UDP port to complain.
const UDP_SCAN: Duration = Duration::from_secs(1);

/// Timer tokens: the number of the wait is added.
const IDLE: u64 = 1 << 32;
const QUIT: u64 = 2 << 32;
const SCAN: u64 = 3 << 32;

/// Connects, or waits to be connected to.
#[derive(Default)]
pub(super) struct Nc {
    options: Options,
    host: String,
    ip: Option<std::net::Ipv4Addr>,
    /// The ports still to try, the current one first.
    ports: Vec<u16>,
    socket: Option<SocketId>,
    listener: Option<ListenerId>,
    /// With UDP: to whom typed lines go.
    peer: Option<Endpoint>,
    is_connected: bool,
    is_unreachable: bool,
    unsent: Vec<u8>,
    /// The person has typed the end.
    input_ended: bool,
    /// Counts what resets the idle timer, so that an old timer is known by its number.
    activity: u64,
    any_open: bool,
}

#[derive(Default)]
struct Options {
    listens: bool,
    keeps_listening: bool,
    udp: bool,
    verbose: bool,
    scans: bool,
    shuts_down: bool,
    timeout: Option<Duration>,
    quit: Option<Duration>,
    source_port: u16,
    crlf: bool,
    is_telnet: bool,
}

impl Nc {
    /// Reads the arguments; the error is what the program prints.
    pub(super) fn new(words: &[String]) -> Result<Nc, String> {
        let mut nc = Nc::default();
        let mut operands = Vec::new();
        let mut arguments = Arguments::new(words);
        while let Some(argument) = arguments.next() {
            let options = &mut nc.options;
            match argument {
                Argument::Short('l') => options.listens = true,
                Argument::Short('k') => options.keeps_listening = true,
                Argument::Short('u') => options.udp = true,
                Argument::Short('v') => options.verbose = true,
                Argument::Short('z') => options.scans = true,
                Argument::Short('N') => options.shuts_down = true,
                Argument::Short('C' | 'c') => options.crlf = true,
                Argument::Short('n' | '4' | 't' | 'b') => {}
                Argument::Short('w') => options.timeout = Some(seconds(&mut arguments)?),
                Argument::Short('q') => options.quit = Some(seconds(&mut arguments)?),
                Argument::Short('p') => options.source_port = port(&arguments.value().unwrap_or_default())?,
                Argument::Operand(word) => operands.push(word),
                _ => return Err(USAGE.into()),
            }
        }
        nc.take_operands(operands)?;
        Ok(nc)
    }

    /// `telnet host [port]`.
    pub(super) fn telnet(words: &[String]) -> Result<Nc, String> {
        let options = Options { is_telnet: true, crlf: true, ..Options::default() };
        let (host, text) = match words {
            [host] => (host, "23"),
            [host, port] => (host, port.as_str()),
            _ => return Err("usage: telnet host [port]\n".into()),
        };
        Ok(Nc { options, host: host.clone(), ports: vec![port(text)?], ..Nc::default() })
    }

    fn take_operands(&mut self, operands: Vec<String>) -> Result<(), String> {
        if !self.options.listens {
            let [host, ports] = &operands[..] else { return Err(USAGE.into()) };
            self.host.clone_from(host);
            self.ports = port_range(ports)?;
            return Ok(());
        }
        match &operands[..] {
            [] if self.options.source_port > 0 => self.ports = vec![self.options.source_port],
            [text] | [_, text] => self.ports = vec![port(text)?],
            _ => return Err(USAGE.into()),
        }
        Ok(())
    }

    fn port(&self) -> u16 {
        self.ports.first().copied().unwrap_or_default()
    }

    fn transport(&self) -> &'static str {
        if self.options.udp { "udp" } else { "tcp" }
    }

    // ---- waiting for others ----

    fn listen(&mut self, desktop: &mut Desktop<'_>) {
        let port = self.port();
        if self.options.udp {
            self.socket = desktop.bind(port);
        } else {
            self.listener = desktop.listen(port);
        }
        if self.socket.is_none() && self.listener.is_none() {
            desktop.complain("nc: Address already in use\n");
            desktop.finish(1);
        } else if self.options.verbose {
            let word = if self.options.udp { "Bound" } else { "Listening" };
            desktop.complain(format!("{word} on 0.0.0.0 {port}\n"));
        }
    }

    fn accept(&mut self, desktop: &mut Desktop<'_>, socket: SocketId) {
        if self.socket.is_some() {
            // One conversation at a time; the next has to wait for the end of this one, which here means a refusal.
            desktop.close(socket);
            return;
        }
        self.socket = Some(socket);
        self.is_connected = true;
        if !self.options.keeps_listening
            && let Some(listener) = self.listener.take()
        {
            desktop.close(listener.0);
        }
        if self.options.verbose
            && let Some(remote) = desktop.desk.host.tcp_remote(socket)
        {
            desktop.complain(format!("Connection received on {} {}\n", remote.ip, remote.port));
        }
        self.note_activity(desktop);
        self.flush(desktop);
    }

    // ---- going to others ----

    fn reach(&mut self, desktop: &mut Desktop<'_>) {
        let Some(ip) = self.ip else { return };
        let to = Endpoint { ip, port: self.port() };
        self.is_connected = false;
        self.is_unreachable = false;
        if self.options.udp {
            self.socket = desktop.bind(self.options.source_port);
            self.peer = Some(to);
            if self.socket.is_none() {
                desktop.complain("nc: bind failed: Address already in use\n");
                desktop.finish(1);
                return;
            }
            self.begin_udp(desktop);
            return;
        }
        if self.options.is_telnet {
            desktop.print(format!("Trying {ip}...\n"));
        }
        self.socket = desktop.connect(to);
        if self.socket.is_none() {
            self.refused(desktop, "Network is unreachable");
            return;
        }
        self.note_activity(desktop);
    }

    fn begin_udp(&mut self, desktop: &mut Desktop<'_>) {
        self.is_connected = true;
        if self.options.scans {
            // An open port says nothing, a closed one complains.
            self.send_datagram(desktop, b"X".to_vec());
            self.activity += 1;
            desktop.wake(UDP_SCAN, SCAN | self.activity);
            return;
        }
        if self.options.verbose {
            self.say_connected(desktop);
        }
        self.note_activity(desktop);
        self.flush(desktop);
    }

    fn say_connected(&self, desktop: &mut Desktop<'_>) {
        let (transport, port) = (self.transport(), self.port());
        let service = service_name(port, self.options.udp);
        desktop.complain(format!("Connection to {} {port} port [{transport}/{service}] succeeded!\n", self.host));
    }

    fn connected(&mut self, desktop: &mut Desktop<'_>) {
        self.is_connected = true;
        self.any_open = true;
        if self.options.is_telnet {
            desktop.print(format!("Connected to {}.\nEscape character is '^]'.\n", self.host));
        } else if self.options.verbose || self.options.scans {
            self.say_connected(desktop);
        }
        if self.options.scans {
            self.next_port(desktop);
            return;
        }
        self.note_activity(desktop);
        self.flush(desktop);
    }

    fn refused(&mut self, desktop: &mut Desktop<'_>, why: &str) {
        let (transport, port) = (self.transport(), self.port());
        if self.options.is_telnet {
            desktop.complain(format!("telnet: Unable to connect to remote host: {why}\n"));
        } else if self.options.verbose {
            desktop.complain(format!("nc: connect to {} port {port} ({transport}) failed: {why}\n", self.host));
        }
        self.next_port(desktop);
    }

    /// Goes on with the next port of a range, or ends.
    fn next_port(&mut self, desktop: &mut Desktop<'_>) {
        if let Some(socket) = self.socket.take() {
            desktop.close(socket);
        }
        self.activity += 1;
        if !self.ports.is_empty() {
            self.ports.remove(0);
        }
        if self.ports.is_empty() {
            desktop.finish(u8::from(!self.any_open));
        } else {
            self.reach(desktop);
        }
    }

    // ---- the conversation ----

    fn input(&mut self, desktop: &mut Desktop<'_>, bytes: &[u8]) {
        let bytes = if self.options.crlf { with_crlf(bytes) } else { bytes.to_vec() };
        if self.options.udp && self.is_connected && self.peer.is_some() {
            self.send_datagram(desktop, bytes);
        } else {
            self.unsent.extend(bytes);
            self.flush(desktop);
        }
        self.note_activity(desktop);
    }

    fn input_end(&mut self, desktop: &mut Desktop<'_>) {
        self.input_ended = true;
        self.note_activity(desktop);
        if let Some(span) = self.options.quit {
            desktop.wake(span, QUIT);
        }
        self.flush(desktop);
    }

    fn send_datagram(&mut self, desktop: &mut Desktop<'_>, bytes: Vec<u8>) {
        if let (Some(socket), Some(peer)) = (self.socket, self.peer)
            && desktop.desk.host.udp_send(desktop.now, socket, peer, &bytes).is_err()
        {
            desktop.complain("nc: write failed: Network is unreachable\n");
            desktop.finish(1);
        }
    }

    /// Sends what waits, and the end after it.
    fn flush(&mut self, desktop: &mut Desktop<'_>) {
        let Some(socket) = self.socket.filter(|_| self.is_connected) else { return };
        if self.options.udp {
            if self.peer.is_some() && !self.unsent.is_empty() {
                let bytes = std::mem::take(&mut self.unsent);
                self.send_datagram(desktop, bytes);
            }
            return;
        }
        desktop.pump(socket, &mut self.unsent);
        if self.input_ended && self.unsent.is_empty() && self.options.shuts_down {
            // The stack closes both ways at once; whoever wants the answer leaves -N out.
            self.over(desktop, None);
        }
    }

    fn datagram(&mut self, desktop: &mut Desktop<'_>, from: Endpoint, data: &[u8]) {
        if self.peer.is_none() || (self.options.keeps_listening && self.options.listens) {
            if self.options.verbose && self.peer != Some(from) {
                desktop.complain(format!("Connection received on {} {}\n", from.ip, from.port));
            }
            self.peer = Some(from);
            self.is_connected = true;
            self.flush(desktop);
        }
        if self.peer == Some(from) {
            desktop.print_bytes(data);
            self.note_activity(desktop);
        }
    }

    /// The conversation has ended.
    fn over(&mut self, desktop: &mut Desktop<'_>, reason: Option<CloseReason>) {
        if let Some(socket) = self.socket.take() {
            desktop.desk.host.tcp_close(desktop.now, socket);
            desktop.close(socket);
        }
        self.is_connected = false;
        self.activity += 1;
        if self.options.is_telnet && reason.is_some() {
            desktop.print("Connection closed by foreign host.\n");
        } else if matches!(reason, Some(CloseReason::Reset | CloseReason::Aborted)) {
            desktop.complain("nc: read failed: Connection reset by peer\n");
        }
        if self.options.keeps_listening && self.listener.is_some() {
            self.unsent.clear();
        } else {
            desktop.finish(0);
        }
    }

    fn closed(&mut self, desktop: &mut Desktop<'_>, reason: CloseReason) {
        if self.is_connected {
            self.over(desktop, Some(reason));
            return;
        }
        let why = match reason {
            CloseReason::Reset => "Connection refused",
            _ if self.is_unreachable => "No route to host",
            _ => "Connection timed out",
        };
        self.refused(desktop, why);
    }

    /// Begins the idle time anew.
    fn note_activity(&mut self, desktop: &mut Desktop<'_>) {
        self.activity += 1;
        let Some(timeout) = self.options.timeout else { return };
        // A conversation may idle as long as there may be more to type; one that has not begun may not.
        let waits_for_peer = !self.is_connected && !self.options.listens;
        if self.input_ended || waits_for_peer || self.is_connected {
            desktop.wake(timeout, IDLE | self.activity);
        }
    }

    fn timer(&mut self, desktop: &mut Desktop<'_>, token: u64) {
        let number = token & u64::from(u32::MAX);
        match token & !u64::from(u32::MAX) {
            QUIT => self.over(desktop, None),
            SCAN if number == self.activity => {
                self.any_open = true;
                self.say_connected(desktop);
                self.next_port(desktop);
            }
            IDLE if number == self.activity && self.is_connected => self.over(desktop, None),
            IDLE if number == self.activity => self.refused(desktop, "Connection timed out"),
            _ => {}
        }
    }
}

impl Tool for Nc {
    fn start(&mut self, desktop: &mut Desktop<'_>) {
        if self.options.listens {
            self.listen(desktop);
        } else if let Target::Address(ip) = desktop.resolve(&self.host) {
            self.ip = Some(ip);
            self.reach(desktop);
        }
    }

    fn news(&mut self, desktop: &mut Desktop<'_>, news: News) {
        match news {
            News::Resolved { answer, .. } => match answer.addresses.first() {
                Some(ip) => {
                    self.ip = Some(*ip);
                    self.reach(desktop);
                }
                None => {
                    let why = resolve_error(&answer);
                    desktop.complain(match self.options.is_telnet {
                        true => format!("telnet: could not resolve {}: {why}\n", self.host),
                        false => format!("nc: getaddrinfo for host \"{}\" port {}: {why}\n", self.host, self.port()),
                    });
                    desktop.finish(1);
                }
            },
            News::Socket(Event::Accepted { socket, .. }) => self.accept(desktop, socket),
            News::Socket(Event::Connected(_)) => self.connected(desktop),
            News::Socket(Event::Acknowledged { .. }) => self.flush(desktop),
            News::Socket(Event::Received { socket, data }) if self.socket == Some(socket) => {
                desktop.print_bytes(&data);
                self.note_activity(desktop);
            }
            News::Socket(Event::Datagram { data, from, .. }) => self.datagram(desktop, from, &data),
            News::Socket(Event::Closed { socket, reason }) if self.socket == Some(socket) => {
                self.closed(desktop, reason)
            }
            News::Icmp { kind, .. } => self.icmp(desktop, kind),
            News::Timer(token) => self.timer(desktop, token),
            News::Input(bytes) => self.input(desktop, &bytes),
            News::InputEnd => self.input_end(desktop),
            _ => {}
        }
    }
}

impl Nc {
    fn icmp(&mut self, desktop: &mut Desktop<'_>, kind: IcmpErrorKind) {
        if !self.options.udp {
            self.is_unreachable |= kind == IcmpErrorKind::HostUnreachable;
        } else if self.options.scans {
            self.next_port(desktop);
        } else if !self.options.listens && kind == IcmpErrorKind::PortUnreachable {
            // A connected UDP socket learns of it at its next use; the real one prints this and ends.
            desktop.complain("nc: read failed: Connection refused\n");
            desktop.finish(1);
        }
    }
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for byte in bytes {
        if *byte == b'\n' && all.last() != Some(&b'\r') {
            all.push(b'\r');
        }
        all.push(*byte);
    }
    all
}

fn port(text: &str) -> Result<u16, String> {
    let named = [("http", 80), ("telnet", 23), ("echo", 7), ("daytime", 13), ("domain", 53), ("mqtt", 1883)];
    if let Some((_, port)) = named.iter().find(|(name, _)| *name == text) {
        return Ok(*port);
    }
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("nc: port number invalid: {text}\n"))
}

fn port_range(text: &str) -> Result<Vec<u16>, String> {
    match text.split_once('-') {
        Some((first, last)) => Ok((port(first)?..=port(last)?).take(PORTS_MAX).collect()),
        None => Ok(vec![port(text)?]),
    }
}

fn seconds(arguments: &mut Arguments) -> Result<Duration, String> {
    let text = arguments.value().unwrap_or_default();
    let value: u64 =
        text.parse().ok().filter(|value| *value <= 86_400).ok_or_else(|| format!("nc: timeout invalid: {text}\n"))?;
    Ok(Duration::from_secs(value))
}

fn service_name(port: u16, is_udp: bool) -> &'static str {
    match (port, is_udp) {
        (7, _) => "echo",
        (9, _) => "discard",
        (13, _) => "daytime",
        (19, _) => "chargen",
        (23, false) => "telnet",
        (53, _) => "domain",
        (80, false) => "http",
        (123, true) => "ntp",
        (1883, false) => "mqtt",
        _ => "*",
    }
}
