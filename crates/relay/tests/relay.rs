//! Real WebSockets against a relay on port 0 of loopback, real sockets behind it.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Client, Relay, dead_port, echo_server};
use futures_util::{SinkExt, StreamExt};
use relay::{PairingCode, Profile, Settings};
use relay_protocol::ext::ExtPacket;
use relay_protocol::{CloseReason, Extension, Info, Packet, StreamId, StreamType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_websockets::Message;

#[tokio::test]
async fn v1_streams_echo_beside_each_other() {
    let (relay, target) = (Relay::local().await, echo_server().await);
    let mut client = Client::v1(&relay).await;
    for stream in 1..=3 {
        client.connect(stream, StreamType::Tcp, target).await;
    }
    for stream in [2, 3, 1] {
        client.data(stream, format!("hello {stream}").as_bytes()).await;
        assert_eq!(client.read(stream, 7).await, format!("hello {stream}").as_bytes());
    }
}

#[tokio::test]
async fn v2_confirms_an_open_stream_and_names_its_address() {
    let (relay, target) = (Relay::local().await, echo_server().await);
    let mut client = Client::v2(&relay).await;
    let packet =
        Packet::Connect { stream: StreamId(9), kind: StreamType::Tcp, port: target.port(), host: "localhost".into() };
    client.send(packet).await;
    let resolved = ExtPacket::Resolved { address: [127, 0, 0, 1].into() };
    assert_eq!(client.next().await, Packet::Ext { stream: StreamId(9), packet: resolved });
    assert!(matches!(client.next().await, Packet::Continue { stream: StreamId(9), .. }));
    client.data(9, b"x").await;
    assert_eq!(client.read(9, 1).await, b"x");
}

#[tokio::test]
async fn refusals_carry_their_reason() {
    let relay = Relay::local().await;
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, dead_port().await).await;
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(1), reason: CloseReason::Refused });
    client.connect(2, StreamType::Tcp, "169.254.169.254:80".parse().unwrap()).await;
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(2), reason: CloseReason::Blocked });
    let bad = Packet::Connect { stream: StreamId(3), kind: StreamType::Tcp, port: 80, host: "no host".into() };
    client.send(bad).await;
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(3), reason: CloseReason::InvalidInfo });
}

#[tokio::test]
async fn a_workshop_relay_does_not_reach_its_own_machine() {
    let relay = Relay::start(Settings::new(Profile::Workshop)).await;
    let target = echo_server().await;
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, target).await;
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(1), reason: CloseReason::Blocked });
    let mapped = format!("::ffff:{}", target.ip());
    let packet = Packet::Connect { stream: StreamId(2), kind: StreamType::Udp, port: target.port(), host: mapped };
    client.send(packet).await;
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(2), reason: CloseReason::Blocked });
}

/// The trap of the protocol: CONTINUE sets the credit without counting what is in flight.
#[tokio::test]
async fn no_upload_is_lost_when_the_target_stands_still() {
    let relay = Relay::local().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let reader = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        let mut buffer = vec![0; 100_000];
        loop {
            let count = socket.read(&mut buffer).await.unwrap();
            if count == 0 {
                return received;
            }
            let first = received.is_empty();
            received.extend_from_slice(&buffer[..count]);
            if first || received.len() % 7 == 0 {
                tokio::time::sleep(Duration::from_millis(if first { 700 } else { 1 })).await;
            }
        }
    });
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, target).await;
    let mut credit = client.credit;
    let mut expected = Vec::new();
    for number in 0..4_000_u32 {
        while credit == 0 {
            match client.next().await {
                Packet::Continue { stream: StreamId(1), credit: renewed } => credit = renewed,
                other => panic!("{other:?}"),
            }
        }
        let piece: Vec<u8> = (0..1460_u32).map(|index| (number.wrapping_mul(31) ^ index) as u8).collect();
        client.data(1, &piece).await;
        expected.extend_from_slice(&piece);
        credit -= 1;
    }
    client.send(Packet::Close { stream: StreamId(1), reason: CloseReason::Voluntary }).await;
    let received = timeout(Duration::from_secs(20), reader).await.unwrap().unwrap();
    assert_eq!(received.len(), expected.len());
    assert!(received == expected, "bytes in order");
}

#[tokio::test]
async fn half_close_end_and_reset_are_told_apart() {
    let relay = Relay::local().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let mut client = Client::v2(&relay).await;
    client.connect(1, StreamType::Tcp, target).await;
    let (mut socket, _) = listener.accept().await.unwrap();
    for _ in 0..2 {
        client.next().await;
    }
    // The board's FIN reaches the target, which can still answer.
    client.data(1, b"question").await;
    client.ext(1, ExtPacket::Shutdown).await;
    let mut question = String::new();
    socket.read_to_string(&mut question).await.unwrap();
    assert_eq!(question, "question");
    socket.write_all(b"answer").await.unwrap();
    assert_eq!(client.read(1, 6).await, b"answer");
    drop(socket);
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(1), reason: CloseReason::Voluntary });
    // The target's FIN reaches the board, which can still send.
    client.connect(2, StreamType::Tcp, target).await;
    let (mut socket, _) = listener.accept().await.unwrap();
    for _ in 0..2 {
        client.next().await;
    }
    socket.shutdown().await.unwrap();
    assert_eq!(client.next().await, Packet::Ext { stream: StreamId(2), packet: ExtPacket::Shutdown });
    client.data(2, b"late").await;
    let mut late = [0; 4];
    socket.read_exact(&mut late).await.unwrap();
    assert_eq!(&late, b"late");
    // A reset in either direction is one in the other.
    socket.set_zero_linger().unwrap();
    drop(socket);
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(2), reason: CloseReason::NetworkError });
    client.connect(3, StreamType::Tcp, target).await;
    let (mut socket, _) = listener.accept().await.unwrap();
    client.send(Packet::Close { stream: StreamId(3), reason: CloseReason::NetworkError }).await;
    let error = socket.read(&mut late).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_published_tcp_port_reaches_the_board() {
    let relay = Relay::local().await;
    let mut client = Client::v2(&relay).await;
    client.ext(5, ExtPacket::Publish { kind: StreamType::Tcp, port: 0 }).await;
    let Packet::Ext { stream: StreamId(5), packet: ExtPacket::Published { address } } = client.next().await else {
        panic!("an address")
    };
    let mut peer = TcpStream::connect(address).await.unwrap();
    let Packet::Ext { stream, packet: ExtPacket::Accepted { listener: 5, .. } } = client.next().await else {
        panic!("a connection")
    };
    peer.write_all(b"GET /").await.unwrap();
    assert_eq!(client.read(stream.0, 5).await, b"GET /");
    client.data(stream.0, b"hello").await;
    client.send(Packet::Close { stream, reason: CloseReason::Voluntary }).await;
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "hello");
    client.send(Packet::Close { stream: StreamId(5), reason: CloseReason::Voluntary }).await;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if TcpStream::connect(address).await.is_err() {
            return;
        }
    }
    panic!("the port is still open");
}

#[tokio::test]
async fn udp_goes_both_ways_from_streams_and_published_ports() {
    let relay = Relay::local().await;
    let mut client = Client::v2(&relay).await;
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(1, StreamType::Udp, server.local_addr().unwrap()).await;
    client.data(1, b"ping").await;
    let mut buffer = [0; 64];
    let (count, peer) = server.recv_from(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..count], b"ping");
    server.send_to(b"pong", peer).await.unwrap();
    assert!(matches!(client.next().await, Packet::Ext { packet: ExtPacket::Resolved { .. }, .. }));
    assert_eq!(client.read(1, 4).await, b"pong");
    client.ext(2, ExtPacket::Publish { kind: StreamType::Udp, port: 0 }).await;
    let Packet::Ext { packet: ExtPacket::Published { address }, .. } = client.next().await else { panic!() };
    server.send_to(b"foo", address).await.unwrap();
    let Packet::Ext { packet: ExtPacket::Datagram { peer, bytes }, .. } = client.next().await else { panic!() };
    assert_eq!((peer, bytes.as_ref()), (server.local_addr().unwrap(), b"foo".as_slice()));
    client.ext(2, ExtPacket::Datagram { peer, bytes: Bytes::from_static(b"echo: foo") }).await;
    let (count, from) = server.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..count], from), (b"echo: foo".as_slice(), address));
}

#[tokio::test]
async fn names_are_looked_up_and_echoes_answered_or_refused() {
    let relay = Relay::local().await;
    let mut client = Client::v2(&relay).await;
    client.ext(1, ExtPacket::Resolve { name: "localhost".into() }).await;
    let found = ExtPacket::Resolved { address: [127, 0, 0, 1].into() };
    assert_eq!(client.next().await, Packet::Ext { stream: StreamId(1), packet: found });
    client.ext(2, ExtPacket::Echo { host: "127.0.0.1".into() }).await;
    match client.next().await {
        Packet::Ext { packet: ExtPacket::EchoEnd { rtt_us, .. }, .. } => assert!(rtt_us < 1_000_000),
        // Where the system does not let an ordinary process send echoes.
        Packet::Close { reason: CloseReason::Blocked, .. } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pairing_code_is_asked_of_every_client() {
    let mut settings = Settings::new(Profile::Local);
    settings.pairing = PairingCode::new("abcd-1234");
    let relay = Relay::start(settings).await;
    assert!(Client::open(&relay, "/wisp/", false).await.is_err());
    assert!(Client::open(&relay, "/wisp/abcd-1235/", false).await.is_err());
    assert!(Client::open(&relay, "/room/class", false).await.is_err());
    Client::open(&relay, "/wisp/abcd-1234/", false).await.unwrap().initial_credit().await;
    for (password, accepted) in [("abcd-1234", true), ("wrong", false)] {
        let mut client = Client::open(&relay, "/wisp/", true).await.unwrap();
        let Packet::Info(offered) = client.next().await else { panic!("INFO first") };
        assert!(offered.has(&Extension::PasswordWanted { required: true }));
        let credentials = Extension::Password { user: "pairing".into(), password: password.into() };
        client.send(Packet::Info(Info::v2(vec![credentials]))).await;
        if accepted {
            client.initial_credit().await;
        } else {
            let refused = Packet::Close { stream: StreamId::CONNECTION, reason: CloseReason::WrongPassword };
            assert_eq!(client.next().await, refused);
        }
    }
}

#[tokio::test]
async fn foreign_pages_and_foreign_names_are_refused() {
    let mut settings = Settings::new(Profile::Local);
    settings.origins = vec!["https://docs.example.org".into()];
    let relay = Relay::start(settings).await;
    let upgrade = |origin: &str, host: &str| {
        format!(
            "GET /wisp/ HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close, Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    let own = relay.address.to_string();
    let answer = relay.raw(&upgrade("https://evil.example", &own)).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let answer = relay.raw(&upgrade("http://rebound.example", "rebound.example")).await;
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    for origin in [format!("http://{own}"), "https://docs.example.org".into()] {
        let mut socket = TcpStream::connect(relay.address).await.unwrap();
        socket.write_all(upgrade(&origin, &own).as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101", "{origin}");
    }
}

#[tokio::test]
async fn malformed_messages_end_one_client_alone() {
    let (relay, target) = (Relay::local().await, echo_server().await);
    let mut good = Client::v1(&relay).await;
    good.connect(1, StreamType::Tcp, target).await;
    let mut bad = Client::v1(&relay).await;
    bad.socket.send(Message::binary(Bytes::from_static(&[0x99, 1]))).await.unwrap();
    assert_eq!(bad.closed_by_relay().await, (1002, "a message was no Wisp packet".into()));
    let mut worse = Client::v1(&relay).await;
    worse.socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(worse.closed_by_relay().await.0, 1003);
    good.data(1, b"still here").await;
    assert_eq!(good.read(1, 10).await, b"still here");
    let metrics = relay.get("/metrics").await;
    assert!(metrics.contains("relay_malformed_total 1\n"), "{metrics}");
    assert!(metrics.contains("relay_streams 1\n"), "{metrics}");
}

#[tokio::test]
async fn streams_and_opens_are_limited() {
    let mut settings = Settings::new(Profile::Local);
    settings.limits.client_streams_max = 2;
    let (relay, target) = (Relay::start(settings).await, echo_server().await);
    let mut client = Client::v1(&relay).await;
    for stream in 1..=3 {
        client.connect(stream, StreamType::Tcp, target).await;
    }
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(3), reason: CloseReason::Throttled });
    client.send(Packet::Close { stream: StreamId(1), reason: CloseReason::Voluntary }).await;
    client.connect(4, StreamType::Tcp, target).await;
    client.data(4, b"free again").await;
    assert_eq!(client.read(4, 10).await, b"free again");
}

fn frame(to: [u8; 6], from: [u8; 6], text: &str) -> Bytes {
    let mut frame = [to, from].concat();
    frame.extend_from_slice(&[0x08, 0x00]);
    frame.extend_from_slice(text.as_bytes());
    frame.into()
}

async fn room_client(relay: &Relay, room: &str) -> Client {
    Client::open(relay, &format!("/room/{room}"), false).await.unwrap()
}

impl Client {
    async fn send_frame(&mut self, frame: Bytes) {
        self.socket.send(Message::binary(frame)).await.unwrap();
    }

    async fn frame(&mut self) -> Option<Bytes> {
        loop {
            let message = timeout(Duration::from_millis(300), self.socket.next()).await.ok()??.unwrap();
            if message.is_binary() {
                return Some(message.into_payload().into());
            }
        }
    }
}

#[tokio::test]
async fn a_room_is_a_switch_in_which_nobody_poses_as_another() {
    let relay = Relay::local().await;
    let (mac_a, mac_b, all) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [0xff; 6]);
    let mut a = room_client(&relay, "class").await;
    let mut b = room_client(&relay, "class").await;
    let mut c = room_client(&relay, "class").await;
    let mut elsewhere = room_client(&relay, "other").await;
    // All four have joined once a frame of each has gone round.
    a.send_frame(frame(all, mac_a, "hello")).await;
    assert_eq!(b.frame().await, Some(frame(all, mac_a, "hello")));
    assert_eq!(c.frame().await, Some(frame(all, mac_a, "hello")));
    b.send_frame(frame(mac_a, mac_b, "to a alone")).await;
    assert_eq!(a.frame().await, Some(frame(mac_a, mac_b, "to a alone")));
    c.send_frame(frame(mac_a, mac_b, "posing as b")).await;
    c.send_frame(Bytes::from_static(b"short")).await;
    assert_eq!(a.frame().await, None);
    assert_eq!(elsewhere.frame().await, None);
    drop(b);
    tokio::time::sleep(Duration::from_millis(200)).await;
    c.send_frame(frame(mac_a, mac_b, "b is gone")).await;
    assert_eq!(a.frame().await, Some(frame(mac_a, mac_b, "b is gone")));
}

#[tokio::test]
async fn a_stopping_relay_says_so_and_drains() {
    let (relay, target) = (Relay::local().await, echo_server().await);
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, target).await;
    client.data(1, b"x").await;
    assert_eq!(client.read(1, 1).await, b"x");
    let address = relay.address;
    let (_, ended) = tokio::join!(relay.stop(), client.closed_by_relay());
    assert_eq!(ended, (1001, "the relay is stopping".into()));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_front_answers_what_it_has() {
    let relay = Relay::local().await;
    assert!(relay.get("/healthz").await.ends_with("\r\n\r\nok\n"));
    assert!(relay.get("/relay.json").await.contains(r#""wisp":"wisp/""#));
    assert!(relay.get("/../Cargo.toml").await.starts_with("HTTP/1.1 404"));
    let answer =
        relay.raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}
