//! Bounded, deterministic fuzzing of what a client sends: damaged requests, damaged WebSocket frames, damaged Wisp packets
//! and Ethernet frames and texts in good WebSocket frames. No task may panic, and the relay serves the next client.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::{Client, Relay, echo_server};
use fastrand::Rng;
use relay_protocol::ext::ExtPacket;
use relay_protocol::{Extension, Info, Packet, StreamId, StreamType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connections; each carries up to [`MESSAGES`] messages.
const CONNECTIONS: u64 = 400;
const MESSAGES: usize = 12;

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn damage(numbers: &mut Rng, bytes: &mut Vec<u8>) {
    let at = numbers.usize(..bytes.len().max(1));
    match numbers.usize(..5) {
        0 if !bytes.is_empty() => bytes[at] = numbers.u8(..),
        1 => bytes.insert(at, numbers.u8(..)),
        2 if !bytes.is_empty() => drop(bytes.remove(at)),
        3 => bytes.truncate(at),
        _ => bytes.extend_from_within(at..),
    }
}

/// A client's frame with a mask of zeros.
fn websocket_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(0x80 | short as u8),
        Ok(long) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&long.to_be_bytes());
        }
        Err(_) => unreachable!("messages here are short"),
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// What a Wisp client might say to an echo server at `port`.
fn wisp_messages(port: u16) -> Vec<Vec<u8>> {
    let stream = StreamId(1);
    let info = Info::v2(vec![Extension::Udp, Extension::OpenConfirmation, Extension::Playground { version: 2 }]);
    let ext = |packet| Packet::Ext { stream: StreamId(2), packet };
    let peer = ([127, 0, 0, 1], port).into();
    let packets = [
        Packet::Info(info),
        Packet::Connect { stream, kind: StreamType::Tcp, port, host: "127.0.0.1".into() },
        Packet::Connect { stream: StreamId(3), kind: StreamType::Udp, port, host: "127.0.0.1".into() },
        Packet::Data { stream, bytes: Bytes::from_static(b"hello") },
        ext(ExtPacket::Publish { kind: StreamType::Udp, port: 0 }),
        ext(ExtPacket::Datagram { peer, bytes: Bytes::from_static(b"x") }),
        ext(ExtPacket::Resolve { name: "localhost".into() }),
        ext(ExtPacket::Window { bytes: u32::MAX }),
        Packet::Ext { stream, packet: ExtPacket::Shutdown },
        Packet::Continue { stream, credit: u32::MAX },
    ];
    packets.iter().map(|packet| packet.encode().to_vec()).collect()
}

fn room_messages() -> Vec<Vec<u8>> {
    let frame = |to: u8, from: u8| [&[2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0], [0; 46].as_slice()].concat();
    let hello = br#"{"type":"hello","name":"Mia","seat":"s","token":null,"canKeep":true}"#;
    vec![frame(0xff, 1), frame(1, 2), frame(2, 1), hello.to_vec(), b"{\"type\":\"push\",\"lab\":{}}".to_vec()]
}

/// One connection's bytes: a request, then messages, damaged here or there or not at all.
fn conversation(numbers: &mut Rng, port: u16) -> Vec<u8> {
    let in_room = numbers.usize(..3) == 0;
    let (path, protocol) = match (in_room, numbers.usize(..2)) {
        (true, _) => ("/room/fuzz", ""),
        (false, 0) => ("/wisp/", ""),
        (false, _) => ("/wisp/", "Sec-WebSocket-Protocol: wisp-v2\r\n"),
    };
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{protocol}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    if numbers.usize(..8) == 0 {
        damage(numbers, &mut request);
    }
    let messages = if in_room { room_messages() } else { wisp_messages(port) };
    for index in 0..=numbers.usize(..MESSAGES) {
        // Mostly in the order in which a client would say it.
        let at = if numbers.usize(..3) == 0 { numbers.usize(..messages.len()) } else { index % messages.len() };
        let mut message = messages[at].clone();
        let is_text = message.first() == Some(&b'{');
        if numbers.usize(..4) == 0 {
            damage(numbers, &mut message);
        }
        let opcode = if is_text { 1 } else { [2, 2, 2, 2, 2, 2, 0, 8, 9, 10][numbers.usize(..10)] };
        let mut frame = websocket_frame(opcode, &message[..message.len().min(60_000)]);
        if numbers.usize(..16) == 0 {
            damage(numbers, &mut frame);
        }
        request.extend_from_slice(&frame);
    }
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_conversations_never_panic_and_the_next_client_is_served() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        default(panic);
    }));
    let relay = Relay::local().await;
    let target = echo_server().await;
    for seed in 0..CONNECTIONS {
        let bytes = conversation(&mut Rng::with_seed(seed), target.port());
        let mut socket = TcpStream::connect(relay.address).await.unwrap();
        // The upgrade is answered before anything more is sent, as the protocol wants it.
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let _ = socket.write_all(&bytes[..head]).await;
        let mut answer = [0; 4096];
        let _ = timeout(Duration::from_millis(100), socket.read(&mut answer)).await;
        let _ = socket.write_all(&bytes[head..]).await;
        let _ = timeout(Duration::from_millis(2), socket.read(&mut answer)).await;
        drop(socket);
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "connection of seed {seed}");
    }
    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, target).await;
    client.data(1, b"still served").await;
    assert_eq!(client.read(1, 12).await, b"still served");
    let metrics = relay.get("/metrics").await;
    let malformed = metrics.lines().find_map(|line| line.strip_prefix("relay_malformed_total ")).unwrap();
    assert!(malformed.parse::<u32>().unwrap() > 10, "{malformed} packets refused: the damage no longer arrives");
    relay.stop().await;
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}
