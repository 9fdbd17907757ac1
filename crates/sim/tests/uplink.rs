//! The way to the real network, against a relay that is a script: packets in, packets and consoles out.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use relay_protocol::ext::{ExtPacket, VERSION, WINDOW_BYTES};
use relay_protocol::{CloseReason, Extension, Info, Packet, StreamId, StreamType};
use sim::view::UplinkState;
use sim::{Lab, Publication, Simulation};
use trace::{Duration, HostId, Instant, Kind, Protocol, UplinkEvent};

/// Says what a socket hears, a line an event.
const CLIENT: &str = "
function client(port, host)
  local s = net.createConnection(net.TCP, 0)
  s:on('dns', function(_, ip) print('dns ' .. tostring(ip)) end)
  s:on('connection', function(c) local p, ip = c:getpeer() print('connected ' .. ip .. ':' .. p) end)
  s:on('receive', function(c, d) print('got ' .. d) end)
  s:on('disconnection', function(c, e) print('gone ' .. e) end)
  s:connect(port, host)
  return s
end
";

/// A lab and the relay's end of its WebSocket.
struct Bench {
    simulation: Simulation,
    console: String,
    /// Packets of the lab that nobody has looked at.
    unheard: VecDeque<Packet>,
}

impl Bench {
    /// A board that runs `program` on a relay that has greeted.
    fn new(program: &str, extensions: Option<Vec<Extension>>) -> Bench {
        let simulation = Simulation::new(Lab::with_program(program)).unwrap();
        let mut bench = Bench { simulation, console: String::new(), unheard: VecDeque::new() };
        bench.greet(extensions);
        bench
    }

    fn greet(&mut self, extensions: Option<Vec<Extension>>) {
        self.simulation.uplink_connected("ws://relay", None);
        let is_v2 = extensions.is_some();
        if let Some(extensions) = extensions {
            self.say(&Packet::Info(Info::v2(extensions)));
            assert!(matches!(self.hear().as_slice(), [Packet::Info(_)]));
        }
        self.say(&Packet::Continue { stream: StreamId::CONNECTION, credit: 4 });
        assert_eq!(self.simulation.uplink().version, if is_v2 { 2 } else { 1 });
        assert_eq!(self.simulation.uplink().state, UplinkState::Up);
    }

    fn say(&mut self, packet: &Packet) {
        self.simulation.uplink_receive(&packet.encode());
    }

    fn say_ext(&mut self, stream: StreamId, packet: ExtPacket) {
        self.say(&Packet::Ext { stream, packet });
    }

    /// Everything the lab has for the relay now.
    fn hear(&mut self) -> Vec<Packet> {
        while let Some(message) = self.simulation.uplink_take() {
            self.unheard.push_back(Packet::decode(Bytes::from(message)).unwrap());
        }
        self.unheard.drain(..).collect()
    }

    fn run(&mut self, millis: u64) {
        let until = self.simulation.now() + Duration::from_millis(millis);
        while self.simulation.advance(until, 10_000) != sim::Progress::Reached {}
        if let Some(text) = self.simulation.take_output().remove(&HostId(0)) {
            self.console.push_str(&String::from_utf8_lossy(&text));
        }
    }

    /// Runs until the lab sends a packet for which `wanted` holds.
    #[track_caller]
    fn until<T>(&mut self, wanted: impl Fn(&Packet) -> Option<T>) -> T {
        for _ in 0..400 {
            self.unheard = self.hear().into();
            while let Some(packet) = self.unheard.pop_front() {
                if let Some(found) = wanted(&packet) {
                    return found;
                }
            }
            self.run(25);
        }
        panic!("no such packet; the console says {}", self.console);
    }

    /// Runs until the lab opens a TCP stream.
    #[track_caller]
    fn connect(&mut self) -> (StreamId, String) {
        self.until(|packet| match packet {
            Packet::Connect { stream, kind: StreamType::Tcp, port, host } => Some((*stream, format!("{host}:{port}"))),
            _ => None,
        })
    }

    #[track_caller]
    fn check_console(&self, wanted: &str) {
        assert!(self.console.contains(wanted), "no {wanted:?} in {}", self.console);
    }

    fn events(&self, wanted: UplinkEvent) -> Vec<String> {
        let records = self.simulation.trace().since(None).into_iter();
        let texts = records.filter_map(|record| match record.kind {
            Kind::Uplink { event, text } if event == wanted => Some(text),
            _ => None,
        });
        texts.collect()
    }
}

/// What this project's relay can do.
fn everything() -> Option<Vec<Extension>> {
    Some(vec![Extension::Udp, Extension::OpenConfirmation, Extension::Playground { version: VERSION }])
}

fn data(packet: &Packet) -> Option<Bytes> {
    match packet {
        Packet::Data { bytes, .. } => Some(bytes.clone()),
        _ => None,
    }
}

#[test]
fn a_connection_is_told_only_when_the_far_side_is_connected() {
    let mut bench = Bench::new(&format!("{CLIENT} client(80, '93.184.216.34')"), everything());
    let (stream, target) = bench.connect();
    assert_eq!(target, "93.184.216.34:80");
    bench.run(1_000);
    assert!(!bench.console.contains("connected"), "{}", bench.console);
    bench.say(&Packet::Continue { stream, credit: 4 });
    bench.run(500);
    bench.check_console("connected 93.184.216.34:80");
    bench.say(&Packet::Data { stream, bytes: Bytes::from_static(b"hello") });
    bench.run(500);
    bench.check_console("got hello");
    bench.say(&Packet::Close { stream, reason: CloseReason::Voluntary });
    bench.run(500);
    bench.check_console("gone 0");
}

#[test]
fn without_confirmation_it_is_assumed_and_marked() {
    let mut bench = Bench::new(&format!("{CLIENT} client(80, '93.184.216.34')"), None);
    let (stream, _) = bench.connect();
    bench.run(500);
    bench.check_console("connected 93.184.216.34:80");
    assert_eq!(bench.events(UplinkEvent::Assumed).len(), 1);
    bench.say(&Packet::Close { stream, reason: CloseReason::Refused });
    bench.run(500);
    bench.check_console("gone -9");
}

#[test]
fn refusals_and_resets_are_what_a_chip_sees_and_say_why() {
    for (reason, code, why) in [
        (CloseReason::Refused, Some(-9), "the far side refused it"),
        (CloseReason::Blocked, Some(-9), "because of this"),
        (CloseReason::Unreachable, None, "the far side is out of reach"),
    ] {
        let mut bench = Bench::new(&format!("{CLIENT} client(80, '93.184.216.34')"), everything());
        let (stream, _) = bench.connect();
        bench.say_ext(stream, ExtPacket::Why { text: "because of this".into() });
        bench.say(&Packet::Close { stream, reason });
        bench.run(500);
        match code {
            Some(code) => bench.check_console(&format!("gone {code}")),
            None => assert!(!bench.console.contains("gone"), "{}", bench.console),
        }
        assert_eq!(bench.events(UplinkEvent::Refused), [format!("93.184.216.34:80: {why}")]);
    }
    let mut bench = Bench::new(&format!("{CLIENT} client(80, '93.184.216.34')"), everything());
    let (stream, _) = bench.connect();
    bench.say(&Packet::Continue { stream, credit: 4 });
    bench.run(500);
    bench.say(&Packet::Close { stream, reason: CloseReason::NetworkError });
    bench.run(500);
    bench.check_console("gone -9");
}

#[test]
fn nothing_is_sent_without_credit_and_nothing_is_lost() {
    let program = format!(
        "{CLIENT} local s = client(80, '93.184.216.34') local n = 0
         local function more(c) n = n + 1 if n <= 12 then c:send(string.char(64 + n):rep(1000)) end end
         s:on('connection', more) s:on('sent', more)"
    );
    let mut bench = Bench::new(&program, everything());
    let (stream, _) = bench.connect();
    bench.say(&Packet::Continue { stream, credit: 2 });
    let mut all = Vec::new();
    for _ in 0..20 {
        let before = all.len();
        for _ in 0..60 {
            bench.run(50);
            all.extend(bench.hear().iter().filter_map(data));
        }
        assert!(all.len() - before <= 2, "{} packets for a credit of two", all.len() - before);
        if all.iter().map(Bytes::len).sum::<usize>() == 12_000 {
            break;
        }
        bench.say(&Packet::Continue { stream, credit: 2 });
    }
    let expected: Vec<u8> = (1..=12_u8).flat_map(|n| vec![64 + n; 1000]).collect();
    assert_eq!(all.concat(), expected);
}

#[test]
fn a_board_that_stops_reading_stops_the_relay() {
    let program =
        format!("{CLIENT} local s = client(80, '93.184.216.34') s:on('receive', function(c, d) c:hold() held = c end)");
    let mut bench = Bench::new(&program, everything());
    let (stream, _) = bench.connect();
    bench.say(&Packet::Continue { stream, credit: 4 });
    let mut allowed = u64::from(WINDOW_BYTES);
    let mut sent = 0;
    for _ in 0..60 {
        while sent + 8_192 <= allowed {
            bench.say(&Packet::Data { stream, bytes: vec![b'x'; 8_192].into() });
            sent += 8_192;
        }
        bench.run(200);
        for packet in bench.hear() {
            if let Packet::Ext { packet: ExtPacket::Window { bytes }, .. } = packet {
                allowed += u64::from(bytes);
            }
        }
    }
    // The gateway's send buffer, the board's window, and what was allowed at the start.
    assert!(sent <= 256 * 1024, "{sent} bytes were let in");
}

#[test]
fn a_half_close_goes_both_ways() {
    let program = format!(
        "{CLIENT} local s = client(80, '93.184.216.34') s:on('connection', function(c) c:send('last words') end) s:on('sent', function(c) c:close() end)"
    );
    let mut bench = Bench::new(&program, everything());
    let (stream, _) = bench.connect();
    bench.say(&Packet::Continue { stream, credit: 4 });
    assert_eq!(bench.until(data), "last words");
    bench.until(|packet| matches!(packet, Packet::Ext { packet: ExtPacket::Shutdown, .. }).then_some(()));

    let mut bench = Bench::new(&format!("{CLIENT} client(80, '93.184.216.34')"), everything());
    let (stream, _) = bench.connect();
    bench.say(&Packet::Continue { stream, credit: 4 });
    bench.run(500);
    bench.say_ext(stream, ExtPacket::Shutdown);
    bench.run(500);
    bench.check_console("gone 0");
    bench.until(|packet| matches!(packet, Packet::Ext { packet: ExtPacket::Shutdown, .. }).then_some(()));
}

#[test]
fn one_udp_socket_speaks_to_many_peers() {
    let program =
        "u = net.createUDPSocket() u:on('receive', function(_, d, p, ip) print(d .. ' from ' .. ip .. ':' .. p) end)
        u:send(1000, '203.0.114.1', 'one') u:send(2000, '203.0.114.2', 'two') u:send(1000, '203.0.114.1', 'three')";
    let mut bench = Bench::new(program, everything());
    let mut streams = Vec::new();
    let mut heard = Vec::new();
    for _ in 0..40 {
        bench.run(100);
        for packet in bench.hear() {
            match packet {
                Packet::Connect { stream, kind: StreamType::Udp, host, .. } => streams.push((stream, host)),
                Packet::Data { stream, bytes } => heard.push((stream, bytes)),
                other => panic!("{other:?}"),
            }
        }
    }
    let [(first, one), (second, two)] = streams.as_slice() else { panic!("{streams:?}") };
    assert_eq!((one.as_str(), two.as_str()), ("203.0.114.1", "203.0.114.2"));
    assert_eq!(heard, [(*first, Bytes::from("one")), (*second, "two".into()), (*first, "three".into())]);
    bench.say(&Packet::Data { stream: *second, bytes: "answer".into() });
    bench.run(200);
    bench.check_console("answer from 203.0.114.2:2000");
}

#[test]
fn names_are_real_unless_they_were_edited() {
    let mut lab = Lab::with_program(
        "net.dns.resolve('real.example', function(_, ip) print('real ' .. tostring(ip))
           net.dns.resolve('edited.example', function(_, ip) print('edited ' .. tostring(ip))
             net.dns.resolve('alias.example', function(_, ip) print('alias ' .. tostring(ip))
               net.dns.resolve('relay.lan', function(_, ip) print('relay ' .. tostring(ip)) end) end) end) end)",
    );
    lab.world.zone.insert("edited.example".into(), sim::lab::ZoneAnswer::Addresses(vec!["10.9.8.7".parse().unwrap()]));
    lab.world.zone.insert("alias.example".into(), sim::lab::ZoneAnswer::Alias("other.example".into()));
    let mut bench =
        Bench { simulation: Simulation::new(lab).unwrap(), console: String::new(), unheard: VecDeque::new() };
    bench.greet(everything());
    for (name, address) in [("real.example", "192.168.1.9"), ("other.example", "10.1.1.1")] {
        let stream = bench.until(|packet| match packet {
            Packet::Ext { stream, packet: ExtPacket::Resolve { name: asked } } => {
                assert_eq!(asked, name);
                Some(*stream)
            }
            _ => None,
        });
        bench.say_ext(stream, ExtPacket::Resolved { address: address.parse().unwrap() });
    }
    bench.run(2_000);
    // An address that the lab uses itself has a stand-in, which leads back to it.
    for line in ["real 198.18.0.1", "edited 10.9.8.7", "alias 10.1.1.1", "relay 192.0.2.2"] {
        bench.check_console(line);
    }
}

#[test]
fn a_published_port_leads_to_the_board() {
    let program = "net.createServer(net.TCP, 30):listen(80, function(c)
        local p, ip = c:getpeer() print('peer ' .. ip .. ':' .. p)
        c:on('receive', function(c, d) c:send('you said ' .. d) end) end)";
    let mut bench = Bench::new(program, everything());
    bench.run(3_000);
    let wanted = Publication { board: "board".into(), protocol: Protocol::Tcp, port: 80 };
    bench.simulation.publish(wanted.clone()).unwrap();
    let first = bench.until(|packet| match packet {
        Packet::Ext { stream, packet: ExtPacket::Publish { kind: StreamType::Tcp, port: 80 } } => Some(*stream),
        _ => None,
    });
    // A port that the relay does not give: any other will do.
    bench.say(&Packet::Close { stream: first, reason: CloseReason::Refused });
    let listener = bench.until(|packet| match packet {
        Packet::Ext { stream, packet: ExtPacket::Publish { kind: StreamType::Tcp, port: 0 } } => Some(*stream),
        _ => None,
    });
    let address: SocketAddr = "127.0.0.1:41000".parse().unwrap();
    bench.say_ext(listener, ExtPacket::Published { address });
    assert_eq!(bench.simulation.uplink().ports[0].address.as_deref(), Some("127.0.0.1:41000"));
    let stream = StreamId(1 << 31);
    bench.say_ext(stream, ExtPacket::Accepted { listener: listener.0, peer: "[2001:db8::7]:50000".parse().unwrap() });
    bench.say(&Packet::Data { stream, bytes: "hello".into() });
    assert_eq!(bench.until(data), "you said hello");
    bench.check_console("peer 198.18.0.1:50000");
    bench.simulation.unpublish(&wanted);
    assert!(bench.hear().contains(&Packet::Close { stream: listener, reason: CloseReason::Voluntary }));
    assert!(bench.simulation.uplink().ports.is_empty());
}

#[test]
fn a_ping_comes_back_when_the_relay_has_it_back() {
    let mut bench = Bench::new(
        "net.ping('203.0.114.1', 1, function(b, ip, sq, tm) print('ping ' .. b .. ' ' .. tostring(ip)) end)",
        everything(),
    );
    let stream = bench.until(|packet| match packet {
        Packet::Ext { stream, packet: ExtPacket::Echo { host } } => {
            assert_eq!(host, "203.0.114.1");
            Some(*stream)
        }
        _ => None,
    });
    bench.say_ext(stream, ExtPacket::EchoEnd { rtt_us: 1_500, address: "203.0.114.1".parse().unwrap() });
    bench.run(3_000);
    bench.check_console("ping 32 203.0.114.1");
}

#[test]
fn a_lost_relay_resets_and_a_given_up_one_brings_the_built_in_internet_back() {
    let mut bench = Bench::new(&format!("{CLIENT} client(80, '93.184.215.14')"), everything());
    let (stream, _) = bench.connect();
    bench.say(&Packet::Continue { stream, credit: 4 });
    bench.run(500);
    bench.simulation.uplink_lost("ws://relay", "it went away");
    bench.run(500);
    bench.check_console("gone -9");
    assert_eq!(bench.simulation.uplink().state, UplinkState::Lost);
    bench.simulation.uplink_left();
    let board = bench.simulation.lab().boards[0].name.clone();
    let text = "client(80, '93.184.215.14')\n".into();
    bench.console.clear();
    bench.simulation.input(sim::lab::Input::Console { board, text }).unwrap();
    bench.run(2_000);
    bench.check_console("connected 93.184.215.14:80");
    assert!(bench.hear().is_empty());
}

#[test]
fn whatever_a_relay_says_the_lab_goes_on() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut bench = Bench::new(&format!("{CLIENT} client(80, '93.184.216.34') print('still here')"), everything());
    let (stream, _) = bench.connect();
    let peer: SocketAddr = "[::1]:9".parse().unwrap();
    let address = std::net::Ipv4Addr::LOCALHOST;
    for _ in 0..3_000 {
        let stream = StreamId(if random.bool() { stream.0 + random.u32(0..3) } else { random.u32(..) });
        let packet = match random.u8(0..11) {
            0 => Packet::Continue { stream, credit: random.u32(..) },
            1 => Packet::Data { stream, bytes: vec![1; random.usize(0..4000)].into() },
            2 => Packet::Close { stream, reason: random.u8(2..).into() },
            3 => Packet::Ext { stream, packet: ExtPacket::Published { address: peer } },
            4 => Packet::Ext { stream, packet: ExtPacket::Accepted { listener: random.u32(0..4), peer } },
            5 => Packet::Ext { stream, packet: ExtPacket::Datagram { peer, bytes: "x".into() } },
            6 => Packet::Ext { stream, packet: ExtPacket::Resolved { address } },
            7 => Packet::Ext { stream, packet: ExtPacket::EchoEnd { rtt_us: random.u32(..), address } },
            8 => Packet::Ext { stream, packet: ExtPacket::Shutdown },
            9 => Packet::Info(Info::v2(Vec::new())),
            _ => Packet::Ext { stream, packet: ExtPacket::Why { text: "x".into() } },
        };
        let mut bytes = packet.encode().to_vec();
        if random.u8(0..4) == 0 && !bytes.is_empty() {
            let at = random.usize(0..bytes.len());
            bytes[at] = random.u8(..);
            bytes.truncate(random.usize(0..=bytes.len()));
        }
        // Not the connection's own end, which is another test.
        if bytes.first() == Some(&4) && bytes.get(1..5) == Some(&[0; 4]) {
            continue;
        }
        bench.simulation.uplink_receive(&bytes);
        if random.u8(0..8) == 0 {
            bench.run(20);
            bench.hear();
        }
    }
    bench.run(1_000);
    bench.check_console("still here");
    assert!(bench.simulation.now() > Instant::ZERO);
}
