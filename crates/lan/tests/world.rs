//! The built-in world as a board and a person meet it: a chip joins, and everything it may talk to answers.

use std::net::Ipv4Addr;

use lan::world::{DnsFailure, FetchEvent, HttpFetch, World, WorldConfig, ZoneAnswer};
use lan::{CloseReason, Direction, Event, Host, HostConfig, JoinRequest, Lan, LinkConfig, MacAddress, StackProfile};
use trace::{Duration, Endpoint, HostId, Instant, Kind, SocketId, Trace};

const BOARD: HostId = HostId(0);

/// A LAN with the world and one chip that has joined its network.
struct Bench {
    lan: Lan,
    world: World,
    board: Host,
    trace: Trace,
    now: Instant,
    events: Vec<Event>,
    /// What the board answers on accepted connections and datagrams, if anything.
    echoes: bool,
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddrV4 = text.parse().unwrap();
    Endpoint { ip: *address.ip(), port: address.port() }
}

impl Bench {
    fn new() -> Bench {
        Bench::with(&WorldConfig::default())
    }

    fn with(config: &WorldConfig) -> Bench {
        let trace = Trace::new(1_000_000);
        let mut lan = Lan::new(7, trace.clone());
        let world = World::install(&mut lan, config, 7, HostId(1));
        let mac = MacAddress([0x5c, 0xcf, 0x7f, 0, 0, 1]);
        let host_config =
            HostConfig { id: BOARD, name: "board".into(), macs: vec![mac], profile: StackProfile::Chip, seed: 3 };
        let mut board = Host::new(host_config, trace.clone());
        let request = JoinRequest { ssid: "playground".into(), password: "anything".into(), bssid: None };
        lan.join(Instant::ZERO, BOARD, 0, mac, &request).unwrap();
        board.set_link(Instant::ZERO, 0, true);
        board.start_dhcp(Instant::ZERO, 0);
        let mut bench = Bench { lan, world, board, trace, now: Instant::ZERO, events: Vec::new(), echoes: false };
        bench.run_ms(2000);
        bench
    }

    /// Runs for a span of virtual time.
    fn run_ms(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        loop {
            self.exchange();
            let next = [self.lan.next_deadline(), self.board.next_deadline()].into_iter().flatten().min();
            match next.filter(|next| *next <= until) {
                Some(next) => self.now = next.max(self.now),
                None => break,
            }
            self.lan.step(self.now);
            self.board.poll(self.now);
        }
        self.now = until;
    }

    fn exchange(&mut self) {
        loop {
            let mut is_idle = true;
            while let Some(delivery) = self.lan.take_delivery() {
                self.board.receive(self.now, delivery.interface, &delivery.frame);
                is_idle = false;
            }
            while let Some((event, cause)) = self.board.take_event() {
                let _scope = self.trace.enter(cause);
                self.react(&event);
                self.board.event_done(self.now);
                self.events.push(event);
                is_idle = false;
            }
            while let Some((interface, frame)) = self.board.take_frame() {
                self.lan.inject(self.now, BOARD, interface, frame);
                is_idle = false;
            }
            if is_idle {
                return;
            }
        }
    }

    fn react(&mut self, event: &Event) {
        match event {
            Event::Received { socket, data } if self.echoes => {
                self.board.tcp_send(self.now, *socket, data).unwrap();
            }
            Event::Datagram { socket, data, from, .. } if self.echoes => {
                let reply = [b"echo: ".as_slice(), data].concat();
                self.board.udp_send(self.now, *socket, *from, &reply).unwrap();
            }
            _ => {}
        }
    }

    fn pc(&mut self) -> &mut lan::world::pc::Pc {
        self.world.pc(&mut self.lan, self.now).expect("the PC")
    }

    /// Types a line on the PC, waits, and gives what the terminal shows from then on, without the prompts.
    fn pc_run(&mut self, line: &str, millis: u64) -> String {
        self.pc().take_output();
        let now = self.now;
        self.pc().command(now, line);
        self.run_ms(millis);
        let output = self.pc().take_output();
        let output = output.strip_prefix(&format!("{line}\n")).unwrap_or(&output);
        output.strip_suffix("pc:~$ ").unwrap_or(output).to_owned()
    }

    /// Connects the board, sends, and gives what came until the end or the time was up.
    fn board_talk(&mut self, to: &str, request: &str, millis: u64) -> (String, Option<CloseReason>) {
        let socket = self.board.tcp_open();
        let now = self.now;
        self.board.tcp_connect(now, socket, end(to)).unwrap();
        self.events.clear();
        self.run_ms(1000);
        if self.events.contains(&Event::Connected(socket)) {
            let now = self.now;
            // Whoever was rude already takes nothing.
            let _ = self.board.tcp_send(now, socket, request.as_bytes());
        }
        self.run_ms(millis);
        (self.received(socket), self.reason(socket))
    }

    fn received(&self, socket: SocketId) -> String {
        let mut all = Vec::new();
        for event in &self.events {
            if let Event::Received { socket: own, data } = event
                && *own == socket
            {
                all.extend_from_slice(data);
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    fn reason(&self, socket: SocketId) -> Option<CloseReason> {
        self.events.iter().find_map(|event| match event {
            Event::Closed { socket: own, reason } if *own == socket => Some(*reason),
            _ => None,
        })
    }

    fn resolve(&mut self, name: &str, millis: u64) -> Option<Option<Ipv4Addr>> {
        self.events.clear();
        let now = self.now;
        let query = self.board.dns_resolve(now, name.as_bytes()).unwrap();
        self.run_ms(millis);
        self.events.iter().find_map(|event| match event {
            Event::DnsDone { query: own, ip } if *own == query => Some(*ip),
            _ => None,
        })
    }
}

#[track_caller]
fn assert_lines(output: &str, expected: &[&str]) {
    let mut lines = output.lines();
    for pattern in expected {
        assert!(lines.any(|line| matches(line, pattern)), "no line {pattern:?} in order in:\n{output}");
    }
}

/// `*` in a pattern stands for anything.
fn matches(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((head, tail)) => {
            let Some(rest) = text.strip_prefix(head) else { return false };
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(&rest[at..], tail))
        }
    }
}

#[test]
fn a_board_that_joins_gets_an_address_and_everything_beside_it() {
    let bench = Bench::new();
    let lease = bench.board.lease(0).expect("a lease").clone();
    assert_eq!(lease.address.ip, ip("192.168.1.100"));
    assert_eq!(lease.address.gateway, Some(ip("192.168.1.1")));
    assert_eq!(lease.dns_servers, [ip("192.168.1.1")]);
    assert_eq!(lease.ntp_server, Some(ip("192.168.1.1")));
    let leases = bench.world.leases(&bench.lan);
    assert_eq!((leases.len(), leases[0].host_name.as_deref()), (1, Some("board")));
}

#[test]
fn a_board_resolves_and_fetches_from_httpbin() {
    let mut bench = Bench::new();
    let address = bench.resolve("httpbin.org", 1000).expect("an answer").expect("an address");
    assert_eq!(address, ip("54.208.105.16"));
    let request = "GET /get HTTP/1.1\r\nHost: httpbin.org\r\nConnection: close\r\nAccept: */*\r\n\r\n";
    let (answer, reason) = bench.board_talk(&format!("{address}:80"), request, 2000);
    assert_lines(
        &answer,
        &["HTTP/1.1 200 OK", "Connection: close", "*\"Host\": \"httpbin.org\"*", "*\"origin\": \"203.0.113.50\"*"],
    );
    assert_eq!(reason, Some(CloseReason::PeerFin));
}

#[test]
fn the_boards_line_of_lua_is_the_cause_of_the_servers_answer() {
    let mut bench = Bench::new();
    let now = bench.now;
    let call = bench.trace.record(now, BOARD, Kind::Input { text: "the call".into() });
    {
        let trace = bench.trace.clone();
        let _scope = trace.enter(Some(call));
        let socket = bench.board.tcp_open();
        bench.board.tcp_connect(now, socket, end("54.208.105.16:80")).unwrap();
    }
    bench.run_ms(1000);
    let carried = bench
        .trace
        .since(None)
        .into_iter()
        .rev()
        .find(|record| record.host == BOARD && matches!(record.kind, Kind::FrameCarried { .. }));
    let chain = bench.trace.chain(carried.expect("an answer arrived").id);
    let hosts: Vec<u32> = chain.iter().map(|record| record.host.0).collect();
    assert!(chain.last().is_some_and(|record| record.id == call), "{chain:#?}");
    // Out over router and internet to the server and back.
    let server = bench.world.host("httpbin").unwrap().id.0;
    assert!(hosts.contains(&server) && hosts.contains(&bench.world.router.0), "{hosts:?}");
}

#[test]
fn a_board_pings_the_internet_and_the_lan() {
    let mut bench = Bench::new();
    for (target, ttl_max) in [("8.8.8.8", 64), ("192.168.1.1", 255), ("192.168.1.50", 255)] {
        bench.events.clear();
        let now = bench.now;
        bench.board.echo_send(now, ip(target), 0xafaf, 1, 255, &[0; 32]).unwrap();
        bench.run_ms(500);
        let reply = bench.events.iter().find_map(|event| match event {
            Event::EchoReply { from, id: 0xafaf, seq: 1, ttl, length: 32 } => Some((*from, *ttl)),
            _ => None,
        });
        let (from, ttl) = reply.unwrap_or_else(|| panic!("no answer from {target}: {:?}", bench.events));
        assert!(from == ip(target) && ttl <= ttl_max);
    }
}

#[test]
fn names_of_the_lan_lead_to_boards() {
    let mut bench = Bench::new();
    assert_eq!(bench.resolve("router.lan", 500), Some(Some(ip("192.168.1.1"))));
    assert_eq!(bench.resolve("pc.lan", 500), Some(Some(ip("192.168.1.50"))));
    assert_eq!(bench.resolve("board.lan", 500), Some(Some(ip("192.168.1.100"))));
    // docs/behaviour.md §2.7: the chip ignores an error answer and waits.
    assert_eq!(bench.resolve("nobody.example", 5000), None);
}

#[test]
fn the_zone_can_be_edited_while_it_is_asked() {
    let mut bench = Bench::new();
    bench.world.set_name("new.example", Some(ZoneAnswer::Addresses(vec![ip("9.9.9.9")])));
    assert_eq!(bench.resolve("new.example", 500), Some(Some(ip("9.9.9.9"))));
    bench.world.set_name("httpbin.org", Some(ZoneAnswer::Failure(DnsFailure::NoAddress)));
    assert_eq!(bench.resolve("httpbin.org", 500), Some(None));
    bench.world.set_name("httpbin.org", None);
    assert_eq!(bench.resolve("httpbin.org", 500), Some(Some(ip("54.208.105.16"))));
}

#[test]
fn every_public_name_server_answers_the_board_itself() {
    let mut bench = Bench::new();
    for server in ["208.67.222.222", "8.8.8.8", "8.8.4.4"] {
        bench.board.set_dns_server(0, Some(ip(server)));
        assert_eq!(bench.resolve("www.nodemcu.com", 500), Some(Some(ip("104.21.32.10"))), "{server}");
    }
}

#[test]
fn datagrams_of_the_board_reach_the_echo_host_and_come_back() {
    let mut bench = Bench::new();
    let socket = bench.board.udp_open();
    let now = bench.now;
    bench.board.udp_send(now, socket, end("198.51.100.10:7"), b"hello").unwrap();
    bench.run_ms(500);
    let came_back = |event: &Event| matches!(event, Event::Datagram { data, from, .. } if data == b"hello" && *from == end("198.51.100.10:7"));
    assert!(bench.events.iter().any(came_back), "{:?}", bench.events);
    let mappings = bench.world.nat_mappings(&bench.lan, bench.now);
    let known = mappings.iter().find(|mapping| mapping.inside == end("192.168.1.100:4096"));
    assert_eq!(known.expect("a mapping").remote, end("198.51.100.10:7"));
}

#[test]
fn damage_on_the_way_is_never_hidden_by_the_router() {
    let mut bench = Bench::new();
    let socket = bench.board.udp_open();
    let now = bench.now;
    bench.board.udp_send(now, socket, end("198.51.100.10:7"), b"whole").unwrap();
    bench.run_ms(500);
    let damaging = LinkConfig { corruption: 0.5, ..LinkConfig::default() };
    bench.lan.set_link(bench.now, BOARD, 0, Direction::Out, damaging);
    for _ in 0..100 {
        let now = bench.now;
        bench.board.udp_send(now, socket, end("198.51.100.10:7"), b"whole").unwrap();
        bench.run_ms(100);
    }
    let datagrams = bench.events.iter().filter_map(|event| match event {
        Event::Datagram { data, .. } => Some(data.as_slice()),
        _ => None,
    });
    let datagrams: Vec<&[u8]> = datagrams.collect();
    assert!((20..90).contains(&datagrams.len()), "{} came back", datagrams.len());
    assert!(datagrams.iter().all(|data| *data == b"whole"), "{datagrams:?}");
}

#[test]
fn the_pc_listens_on_udp_and_answers_whoever_wrote_first() {
    let mut bench = Bench::new();
    let now = bench.now;
    bench.pc().command(now, "nc -ul 5000");
    let socket = bench.board.udp_open();
    bench.board.udp_send(now, socket, end("192.168.1.50:5000"), b"ping\n").unwrap();
    bench.run_ms(500);
    let now = bench.now;
    bench.pc().command(now, "pong");
    bench.run_ms(500);
    let answered = |event: &Event| matches!(event, Event::Datagram { data, .. } if data == b"pong\n");
    assert!(bench.events.iter().any(answered), "{:?}", bench.events);
    assert_lines(&bench.pc().take_output(), &["ping", "pong"]);
}

#[test]
fn rude_servers_are_rude() {
    let mut bench = Bench::new();
    assert_eq!(bench.board_talk("198.51.100.30:80", "x", 1000).1, Some(CloseReason::Reset));
    assert_eq!(bench.board_talk("198.51.100.30:81", "x", 1000).1, Some(CloseReason::Reset));
    let (half, reason) = bench.board_talk("198.51.100.30:82", "x", 1000);
    assert!(half.ends_with("only the beginning of") && reason == Some(CloseReason::PeerFin));
    assert_eq!(bench.board_talk("198.51.100.30:83", "x", 5000), (String::new(), None));
    assert_eq!(bench.board_talk("198.51.100.30:84", "x", 1000).1, Some(CloseReason::PeerFin));
    // A closed port, and an address that nobody has (docs/behaviour.md §4.1: -8 after about 6.1 s).
    assert_eq!(bench.board_talk("198.51.100.30:99", "x", 1000).1, Some(CloseReason::Reset));
    assert_eq!(bench.board_talk("198.51.100.66:80", "x", 8000).1, Some(CloseReason::Aborted));
}

#[test]
fn the_pc_pings_with_the_real_tools_words() {
    let mut bench = Bench::new();
    let output = bench.pc_run("ping -c 2 board.lan", 4000);
    assert_lines(
        &output,
        &[
            "PING board.lan (192.168.1.100) 56(84) bytes of data.",
            "64 bytes from board.lan (192.168.1.100): icmp_seq=1 ttl=255 time=* ms",
            "64 bytes from board.lan (192.168.1.100): icmp_seq=2 ttl=255 time=* ms",
            "--- board.lan ping statistics ---",
            "2 packets transmitted, 2 received, 0% packet loss, time 100*ms",
            "rtt min/avg/max/mdev = *",
        ],
    );
    let output = bench.pc_run("ping -c1 nosuch.example", 3000);
    assert_eq!(output, "ping: nosuch.example: Name or service not known\n");
    let output = bench.pc_run("ping -c1 192.168.1.77", 8000);
    assert_lines(
        &output,
        &[
            "From 192.168.1.50 icmp_seq=1 Destination Host Unreachable",
            "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time *ms",
        ],
    );
}

#[test]
fn the_pc_asks_name_servers() {
    let mut bench = Bench::new();
    let output = bench.pc_run("nslookup httpbin.org", 2000);
    assert_eq!(
        output,
        "Server:\t\t192.168.1.1\nAddress:\t192.168.1.1#53\n\nNon-authoritative answer:\n\
         Name:\thttpbin.org\nAddress: 54.208.105.16\n\n"
    );
    assert_lines(
        &bench.pc_run("nslookup nosuch.example 8.8.8.8", 2000),
        &["Address:\t8.8.8.8#53", "** server can't find nosuch.example: NXDOMAIN"],
    );
    assert_lines(
        &bench.pc_run("nslookup timeout.playground", 20_000),
        &[";; connection timed out; no servers could be reached"],
    );
    assert_eq!(bench.pc_run("dig +short www.example.com", 2000), "example.com.\n93.184.215.14\n");
    assert_lines(&bench.pc_run("nslookup 192.168.1.100", 2000), &["100.1.168.192.in-addr.arpa\tname = board.lan."]);
}

#[test]
fn the_pc_traces_the_way() {
    let mut bench = Bench::new();
    for line in ["traceroute httpbin.org", "traceroute -I httpbin.org"] {
        let output = bench.pc_run(line, 20_000);
        assert_lines(
            &output,
            &[
                "traceroute to httpbin.org (54.208.105.16), 30 hops max, 60 byte packets",
                " 1  router.lan (192.168.1.1)  * ms  * ms  * ms",
                " 2  gateway.isp.playground (203.0.113.1)  * ms*",
                " 3  core1.transit.playground (198.51.100.1)  *",
                " 4  core2.transit.playground (198.51.100.5)  *",
                " 5  core3.transit.playground (198.51.100.9)  *",
                " 6  httpbin.org (54.208.105.16)  *",
            ],
        );
    }
}

#[test]
fn curl_fetches_shows_and_complains() {
    let mut bench = Bench::new();
    let output = bench.pc_run("curl -v httpbin.org/get?a=1", 3000);
    assert_lines(
        &output,
        &[
            "* Host httpbin.org:80 was resolved.",
            "*   Trying 54.208.105.16:80...",
            "* Connected to httpbin.org (54.208.105.16) port 80",
            "> GET /get?a=1 HTTP/1.1",
            "> Host: httpbin.org",
            "> User-Agent: curl/8.5.0",
            "< HTTP/1.1 200 OK",
            "*\"a\": \"1\"*",
            "* Connection #0 to host httpbin.org left intact",
        ],
    );
    assert_lines(&bench.pc_run("curl -d t=21 -X PUT httpbin.org/put", 3000), &["*\"t\": \"21\"*"]);
    assert_lines(&bench.pc_run("curl -sL -w '%{http_code}\\n' -o x httpbin.org/redirect/2", 5000), &["200"]);
    assert_lines(&bench.pc_run("cat x", 100), &["*\"url\": \"http://httpbin.org/get\"*"]);
    assert_lines(&bench.pc_run("curl httpbin.org/stream/2", 3000), &["{*\"id\":0*", "{*\"id\":1*"]);
    assert_lines(
        &bench.pc_run("curl -v httpbin.org/ip httpbin.org/uuid", 3000),
        &["* Re-using existing connection #0 with host httpbin.org"],
    );
    let complaints = [
        ("curl https://httpbin.org/", "curl: (1) Protocol \"https\" not supported"),
        ("curl nosuch.example", "curl: (6) Could not resolve host: nosuch.example"),
        (
            "curl 192.168.1.100",
            "curl: (7) Failed to connect to 192.168.1.100 port 80 after * ms: Couldn't connect to server",
        ),
        ("curl rude.playground", "curl: (5* *"),
        ("curl rude.playground:82", "*curl: (18) transfer closed with * bytes remaining to read"),
        ("curl rude.playground:84", "curl: (5* *"),
        (
            "curl -m 2 rude.playground:83",
            "curl: (28) Operation timed out after 2000 milliseconds with 0 bytes received",
        ),
    ];
    for (line, complaint) in complaints {
        assert_lines(&bench.pc_run(line, 9000), &[complaint]);
    }
}

#[test]
fn the_manuals_udp_line_is_answered_by_the_board() {
    let mut bench = Bench::new();
    bench.echoes = true;
    let socket = bench.board.udp_open();
    let now = bench.now;
    bench.board.udp_bind(now, socket, Ipv4Addr::UNSPECIFIED, 5000).unwrap();
    let output = bench.pc_run(r#"echo -n "foo" | nc -w1 -u 192.168.1.100 5000"#, 3000);
    assert_eq!(output, "echo: foo\n");
    assert!(!bench.pc().is_busy());
}

#[test]
fn the_pc_listens_and_the_board_calls() {
    let mut bench = Bench::new();
    bench.pc().take_output();
    let now = bench.now;
    bench.pc().command(now, "nc -lv 8080");
    let socket = bench.board.tcp_open();
    bench.board.tcp_connect(now, socket, end("192.168.1.50:8080")).unwrap();
    bench.run_ms(500);
    let now = bench.now;
    bench.board.tcp_send(now, socket, b"hello from the board\n").unwrap();
    bench.run_ms(500);
    let now = bench.now;
    bench.pc().command(now, "typed by the person");
    bench.run_ms(500);
    assert_eq!(bench.received(socket), "typed by the person\n");
    bench.board.tcp_close(bench.now, socket);
    bench.run_ms(500);
    let output = bench.pc().take_output();
    assert_lines(
        &output,
        &[
            "Listening on 0.0.0.0 8080",
            "Connection received on 192.168.1.100 *",
            "hello from the board",
            "typed by the person",
            "pc:~$ ",
        ],
    );
}

#[test]
fn the_pc_talks_to_a_server_on_the_board() {
    let mut bench = Bench::new();
    bench.echoes = true;
    let now = bench.now;
    bench.board.tcp_listen(now, Ipv4Addr::UNSPECIFIED, 23).unwrap();
    bench.pc().take_output();
    bench.pc().command(now, "telnet board.lan");
    bench.run_ms(1000);
    let now = bench.now;
    bench.pc().command(now, "hello");
    bench.run_ms(1000);
    let now = bench.now;
    bench.pc().interrupt(now);
    let output = bench.pc().take_output();
    assert_lines(&output, &["Trying 192.168.1.100...", "Connected to board.lan.", "hello", "hello", "^C"]);
    assert_lines(
        &bench.pc_run("nc -zv 192.168.1.100 22-23", 3000),
        &[
            "nc: connect to 192.168.1.100 port 22 (tcp) failed: Connection refused",
            "Connection to 192.168.1.100 23 port [tcp/telnet] succeeded!",
        ],
    );
}

#[test]
fn the_browser_fetches_and_follows() {
    let mut bench = Bench::new();
    let fetch = |url: &str| HttpFetch { method: "GET".into(), url: url.into(), ..HttpFetch::default() };
    let now = bench.now;
    let ids: Vec<_> =
        ["httpbin.org/absolute-redirect/1", "192.168.1.1", "nosuch.example", "https://x/", "httpbin.org/bytes/50000"]
            .map(|url| bench.pc().http_fetch(now, fetch(url)))
            .into();
    bench.run_ms(5000);
    let mut events = Vec::new();
    while let Some(event) = bench.pc().take_fetch_event() {
        events.push(event);
    }
    let of =
        |index: usize| events.iter().filter(|(id, _)| *id == ids[index]).map(|(_, event)| event).collect::<Vec<_>>();
    let status = |index: usize| {
        of(index).iter().find_map(|event| match event {
            FetchEvent::Response { status, url, .. } => Some((*status, url.clone())),
            _ => None,
        })
    };
    assert_eq!(status(0), Some((200, "http://httpbin.org/get".into())));
    assert_eq!(status(1), Some((200, "http://192.168.1.1/".into())));
    for failed in [2, 3] {
        assert!(matches!(of(failed)[..], [FetchEvent::Failed(_)]), "{:?}", of(failed));
    }
    let length: usize = of(4).iter().map(|event| if let FetchEvent::Body(body) = event { body.len() } else { 0 }).sum();
    assert_eq!((length, of(4).last()), (50_000, Some(&&FetchEvent::Done)));
}

#[test]
fn a_broken_off_ping_shows_its_statistics() {
    let mut bench = Bench::new();
    bench.pc().take_output();
    let now = bench.now;
    bench.pc().command(now, "ping 8.8.8.8");
    bench.run_ms(2500);
    let now = bench.now;
    bench.pc().type_text(now, "\x03");
    let output = bench.pc().take_output();
    assert_lines(
        &output,
        &[
            "64 bytes from 8.8.8.8: icmp_seq=3 ttl=*",
            "^C",
            "3 packets transmitted, 3 received, 0% packet loss, time *ms",
        ],
    );
    assert!(output.ends_with("pc:~$ "));
}

#[test]
fn the_terminal_is_a_shell() {
    let mut bench = Bench::new();
    assert_eq!(bench.pc_run("printf 'a b\\nc\\n' > f; wc < f", 100), "      2       3       6\n");
    assert_eq!(bench.pc_run("false && echo no || echo yes", 100), "yes\n");
    assert_lines(&bench.pc_run("nonsense", 100), &["sh: nonsense: command not found (try help)"]);
    assert_lines(&bench.pc_run("sleep 1 & echo at once", 3000), &["[1] *", "at once"]);
    assert_lines(&bench.pc_run("ip addr", 100), &["*inet 192.168.1.50/24 brd 192.168.1.255 scope global eth0"]);
    bench.pc_run("ping -c1 192.168.1.1", 1000);
    assert_lines(&bench.pc_run("arp -a", 100), &["? (192.168.1.1) at 02:*"]);
    assert_lines(&bench.pc_run("head -n 1 f", 100), &["a b"]);
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let run = || {
        let mut bench = Bench::new();
        bench.pc_run("ping -c 3 httpbin.org; curl -v httpbin.org/uuid; traceroute -n 8.8.8.8", 20_000);
        bench.resolve("www.google.com", 1000);
        let records: Vec<String> = bench.trace.since(None).iter().map(|record| format!("{record:?}")).collect();
        records.join("\n")
    };
    assert!(run() == run());
}

#[test]
fn an_idle_world_asks_for_nothing() {
    let mut bench = Bench::new();
    bench.run_ms(60_000);
    let before = bench.trace.newest();
    bench.run_ms(60_000);
    let since = bench.trace.since(before);
    let from_world =
        since.iter().filter(|record| record.host != BOARD && matches!(record.kind, Kind::FrameSent { .. })).count();
    assert_eq!(from_world, 0, "{since:?}");
}
