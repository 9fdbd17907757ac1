//! Slow, silent, flooding and malformed peers: each costs the relay little, and nobody else anything.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use common::{Client, Relay, echo_server};
use futures_util::SinkExt;
use relay::{Profile, Settings};
use relay_protocol::ext::{ExtPacket, WINDOW_BYTES};
use relay_protocol::{CloseReason, Packet, StreamId, StreamType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout};
use tokio_websockets::Message;

/// A target that sends without end.
async fn source() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move { while socket.write_all(&[7; 32 * 1024]).await.is_ok() {} });
        }
    });
    address
}

/// A target that accepts and reads nothing.
async fn deaf() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    address
}

fn quick() -> Settings {
    let mut settings = Settings::new(Profile::Local);
    settings.limits.sweep_interval = Duration::from_millis(50);
    settings
}

/// What a raw socket gets after an upgrade at `path`, once `bytes` are sent.
async fn after_upgrade(relay: &Relay, path: &str, bytes: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(relay.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    // The relay may be done with us before all of it is written.
    let _ = socket.write_all(bytes).await;
    socket
}

/// Whether the other side ends the connection within two seconds.
async fn ends(socket: &mut TcpStream) -> bool {
    let mut buffer = vec![0; 4096];
    timeout(Duration::from_secs(2), async { while matches!(socket.read(&mut buffer).await, Ok(1..)) {} }).await.is_ok()
}

/// Whether the relay comes to have so many Wisp clients.
async fn clients_become(relay: &Relay, count: usize) -> bool {
    for _ in 0..60 {
        if relay.get("/metrics").await.contains(&format!("relay_clients {count}\n")) {
            return true;
        }
        sleep(Duration::from_millis(100)).await;
    }
    false
}

#[tokio::test]
async fn a_window_bounds_what_is_sent_and_other_streams_go_on() {
    let relay = Relay::local().await;
    let mut client = Client::extended(&relay, 2).await;
    client.connect(1, StreamType::Tcp, source().await).await;
    let mut received = 0;
    let until = Instant::now() + Duration::from_millis(400);
    while let Ok(packet) = tokio::time::timeout_at(until, client.next()).await {
        if let Packet::Data { bytes, .. } = packet {
            received += bytes.len();
        }
    }
    assert_eq!(received, WINDOW_BYTES as usize);
    client.connect(2, StreamType::Tcp, echo_server().await).await;
    while !matches!(client.next().await, Packet::Continue { stream: StreamId(2), .. }) {}
    client.data(2, b"still here").await;
    assert_eq!(client.read(2, 10).await, b"still here");
    client.ext(1, ExtPacket::Window { bytes: 1_000 }).await;
    assert_eq!(client.read(1, 1_000).await.len(), 1_000);
    assert!(timeout(Duration::from_millis(200), client.next()).await.is_err(), "nothing beyond the window");
}

#[tokio::test]
async fn refusals_are_explained_to_who_understands_it() {
    let relay = Relay::local().await;
    let mut client = Client::extended(&relay, 2).await;
    client.connect(1, StreamType::Tcp, "169.254.169.254:80".parse().unwrap()).await;
    let text = "the relay's policy forbids 169.254.169.254".to_string();
    assert_eq!(client.next().await, Packet::Ext { stream: StreamId(1), packet: ExtPacket::Why { text } });
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(1), reason: CloseReason::Blocked });
}

/// A client may have sent its whole credit again before the message that renews it has come: the relay holds both, and its
/// other streams do not wait.
#[tokio::test]
async fn twice_the_credit_is_held_for_a_deaf_target_while_others_go_on() {
    let relay = Relay::local().await;
    for packet_bytes in [1_460, 16 * 1024] {
        let mut client = Client::v1(&relay).await;
        client.connect(1, StreamType::Tcp, deaf().await).await;
        for _ in 0..2 * client.credit {
            client.data(1, &vec![0; packet_bytes]).await;
        }
        client.connect(2, StreamType::Tcp, echo_server().await).await;
        client.data(2, b"not held up").await;
        assert_eq!(client.read(2, 11).await, b"not held up", "behind packets of {packet_bytes} bytes");
    }
}

#[tokio::test]
async fn a_silent_client_is_let_go_and_its_target_learns_it() {
    let mut settings = quick();
    settings.limits.ping_interval = Duration::from_millis(100);
    settings.limits.silence_max = Duration::from_millis(400);
    let relay = Relay::start(settings).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut living = Client::v1(&relay).await;
    living.connect(1, StreamType::Tcp, echo_server().await).await;
    let mut half_open = Client::v1(&relay).await;
    half_open.connect(1, StreamType::Tcp, listener.local_addr().unwrap()).await;
    let (mut target, _) = listener.accept().await.unwrap();
    // Not polled, the half-open client answers no ping; the living one does while it reads.
    let reading = async { timeout(Duration::from_millis(1_500), living.next()).await };
    let (silence, end) = tokio::join!(reading, timeout(Duration::from_secs(2), target.read_u8()));
    assert!(silence.is_err(), "nothing was sent to the living client");
    assert!(end.expect("an end in time").is_err());
    living.data(1, b"alive").await;
    assert_eq!(living.read(1, 5).await, b"alive");
    assert!(clients_become(&relay, 1).await);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_when_it_falls_silent() {
    let mut settings = quick();
    settings.limits.ping_interval = Duration::from_millis(100);
    settings.limits.silence_max = Duration::from_millis(400);
    let relay = Relay::start(settings).await;
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, source().await).await;
    // The download fills every buffer on the way; then what the relay wants to say waits for room.
    for stream in 2..200 {
        client.connect(stream, StreamType::Tcp, "169.254.169.254:80".parse().unwrap()).await;
    }
    assert!(clients_become(&relay, 0).await);
}

#[tokio::test]
async fn idle_streams_of_either_kind_are_closed() {
    let mut settings = quick();
    settings.limits.tcp_idle_max = Duration::from_millis(300);
    settings.limits.udp_idle_max = Duration::from_millis(300);
    let relay = Relay::start(settings).await;
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::v1(&relay).await;
    for (stream, kind, target) in
        [(1, StreamType::Tcp, echo_server().await), (2, StreamType::Udp, server.local_addr().unwrap())]
    {
        client.connect(stream, kind, target).await;
        let begin = Instant::now();
        let closed = Packet::Close { stream: StreamId(stream), reason: CloseReason::DataTimedOut };
        assert_eq!(client.next().await, closed);
        assert!(begin.elapsed() > Duration::from_millis(250), "not before its time");
    }
}

#[tokio::test]
async fn a_udp_target_that_answers_too_much_is_closed() {
    let mut settings = quick();
    settings.limits.udp_amplification_max = 4;
    settings.limits.udp_answer_bytes_free = 2_000;
    let relay = Relay::start(settings).await;
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Udp, server.local_addr().unwrap()).await;
    client.data(1, &[1; 100]).await;
    let mut buffer = [0; 200];
    let (_, peer) = server.recv_from(&mut buffer).await.unwrap();
    for _ in 0..10 {
        server.send_to(&[2; 400], peer).await.unwrap();
    }
    // 2,000 bytes are free, 4 times 100 earned: six datagrams of 400.
    for _ in 0..6 {
        assert_eq!(client.read(1, 400).await, [2; 400]);
    }
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(1), reason: CloseReason::Throttled });
}

/// Otherwise a published port would be a way around the policy.
#[tokio::test]
async fn a_published_udp_port_answers_peers_and_reaches_nobody_whom_the_policy_forbids() {
    let relay = Relay::start(Settings::new(Profile::Workshop)).await;
    let mut client = Client::v2(&relay).await;
    client.ext(1, ExtPacket::Publish { kind: StreamType::Udp, port: 0 }).await;
    let Packet::Ext { packet: ExtPacket::Published { address }, .. } = client.next().await else { panic!("a port") };
    let (asker, stranger) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    asker.send_to(b"question", address).await.unwrap();
    let Packet::Ext { packet: ExtPacket::Datagram { peer, .. }, .. } = client.next().await else {
        panic!("a datagram")
    };
    for peer in [stranger.local_addr().unwrap(), peer] {
        client.ext(1, ExtPacket::Datagram { peer, bytes: Bytes::from_static(b"answer") }).await;
    }
    let mut buffer = [0; 16];
    let (count, _) = asker.recv_from(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..count], b"answer");
    assert!(timeout(Duration::from_millis(200), stranger.recv_from(&mut buffer)).await.is_err());
    client.ext(2, ExtPacket::Publish { kind: StreamType::Tcp, port: 80 }).await;
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(2), reason: CloseReason::Blocked });
}

#[tokio::test]
async fn floods_end_or_slow_the_flooder_alone() {
    let mut settings = quick();
    settings.limits.opens_per_second_max = 50;
    let relay = Relay::start(settings).await;
    let target = echo_server().await;
    let mut bystander = Client::v1(&relay).await;
    bystander.connect(1, StreamType::Tcp, target).await;
    // Streams.
    let mut opener = Client::v1(&relay).await;
    for stream in 1..=60 {
        opener.connect(stream, StreamType::Tcp, target).await;
    }
    assert!(matches!(opener.next().await, Packet::Close { stream: StreamId(51..), reason: CloseReason::Throttled }));
    // Pings, each of which wants an answer.
    let mut pinger = Client::v1(&relay).await;
    for _ in 0..1_000 {
        if pinger.socket.send(Message::ping(Bytes::from_static(&[0; 125]))).await.is_err() {
            break;
        }
    }
    assert_eq!(pinger.closed_by_relay().await, (1008, "too many pings".into()));
    bystander.data(1, b"quiet here").await;
    assert_eq!(bystander.read(1, 10).await, b"quiet here");
}

#[tokio::test]
async fn connections_that_ask_for_nothing_are_ended_and_bounded() {
    let mut settings = quick();
    settings.limits.request_timeout = Duration::from_millis(200);
    settings.limits.connections_max = 3;
    let relay = Relay::start(settings).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(TcpStream::connect(relay.address).await.unwrap());
    }
    sleep(Duration::from_millis(50)).await;
    let mut fourth = TcpStream::connect(relay.address).await.unwrap();
    let begin = Instant::now();
    assert!(ends(&mut fourth).await && begin.elapsed() < Duration::from_millis(100), "one too many");
    for socket in &mut idle {
        assert!(ends(socket).await, "a client has to say what it wants");
    }
    assert!(relay.get("/healthz").await.ends_with("ok\n"));
}

#[tokio::test]
async fn malformed_frames_end_their_connection_in_rooms_and_in_wisp() {
    let relay = Relay::local().await;
    let frames: &[(&str, &[u8])] = &[
        ("not masked", &[0x82, 0x01, 0x00]),
        ("reserved bits", &[0xf2, 0x80, 0, 0, 0, 0]),
        ("reserved opcode", &[0x83, 0x80, 0, 0, 0, 0]),
        ("a continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0]),
        ("a ping in fragments", &[0x09, 0x80, 0, 0, 0, 0]),
        ("a long ping", &[0x89, 0xfe, 0, 126, 0, 0, 0, 0]),
        ("16 exabytes", &[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        ("2 MiB", &[0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0]),
        ("a close of one byte", &[0x88, 0x81, 0, 0, 0, 0, 0]),
    ];
    for path in ["/wisp/", "/room/class"] {
        for (what, bytes) in frames {
            let mut socket = after_upgrade(&relay, path, bytes).await;
            assert!(ends(&mut socket).await, "{what} at {path}");
        }
    }
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, echo_server().await).await;
    client.data(1, b"x").await;
    assert_eq!(client.read(1, 1).await, b"x");
}
