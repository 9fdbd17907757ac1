//! Bounded, deterministic fuzzing of every decoder: packets of the protocol and of the extension, the handshake, the text
//! messages of rooms. Valid messages are damaged, so that the bytes behind the first field are reached. Nothing may panic;
//! what is decoded is encoded to something that decodes to the same.

use bytes::Bytes;
use fastrand::Rng;
use relay_protocol::ext::ExtPacket;
use relay_protocol::room::{FromHub, ToHub};
use relay_protocol::{CloseReason, Extension, Info, Packet, StreamId, StreamType};

const ROUNDS: u32 = 150_000;

/// Changes, inserts, removes, repeats or cuts, once to four times.
fn damage(numbers: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=numbers.usize(..4) {
        let at = numbers.usize(..bytes.len().max(1));
        match numbers.usize(..6) {
            0 if !bytes.is_empty() => bytes[at] = numbers.u8(..),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.usize(..8),
            2 => bytes.insert(at, numbers.u8(..)),
            3 if !bytes.is_empty() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            _ => bytes.extend_from_within(at..),
        }
        bytes.truncate(2_000);
    }
}

fn packets() -> Vec<Bytes> {
    let stream = StreamId(7);
    let peer = "192.0.2.7:5000".parse().unwrap();
    let peer6 = "[2001:db8::1]:53".parse().unwrap();
    let extension = [
        ExtPacket::Publish { kind: StreamType::Udp, port: 8080 },
        ExtPacket::Published { address: peer },
        ExtPacket::Accepted { listener: 9, peer: peer6 },
        ExtPacket::Datagram { peer: peer6, bytes: Bytes::from_static(b"foo") },
        ExtPacket::Resolve { name: "redis.lan".into() },
        ExtPacket::Resolved { address: [192, 0, 2, 1].into() },
        ExtPacket::Echo { host: "münchen.example".into() },
        ExtPacket::EchoEnd { rtt_us: 250, address: [127, 0, 0, 1].into() },
        ExtPacket::Shutdown,
        ExtPacket::Window { bytes: 1 << 16 },
        ExtPacket::Why { text: "no".into() },
    ];
    let plain = [
        Packet::Connect { stream, kind: StreamType::Tcp, port: 6379, host: "example.com".into() },
        Packet::Data { stream, bytes: Bytes::from_static(b"PING\r\n") },
        Packet::Continue { stream, credit: 128 },
        Packet::Close { stream, reason: CloseReason::Refused },
        Packet::Info(Info::v2(vec![
            Extension::Udp,
            Extension::PasswordWanted { required: true },
            Extension::Password { user: "pairing".into(), password: "123-456".into() },
            Extension::Motd("welcome".into()),
            Extension::OpenConfirmation,
            Extension::Playground { version: 2 },
            Extension::Unknown { id: 0x77, payload: Bytes::from_static(&[1, 2, 3]) },
        ])),
    ];
    let extension = extension.into_iter().map(|packet| Packet::Ext { stream, packet });
    plain.into_iter().chain(extension).map(|packet| packet.encode()).collect()
}

#[test]
fn damaged_packets_never_panic_and_decoding_is_stable() {
    let packets = packets();
    let mut numbers = Rng::with_seed(8266);
    let (mut decoded, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let mut bytes = packets[numbers.usize(..packets.len())].to_vec();
        damage(&mut numbers, &mut bytes);
        match Packet::decode(bytes.into()) {
            Ok(packet) => {
                decoded += 1;
                assert_eq!(Packet::decode(packet.encode()), Ok(packet));
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(decoded > ROUNDS / 10 && refused > ROUNDS / 10, "{decoded} decoded, {refused} refused: one side unreached");
}

#[test]
fn damaged_room_messages_never_panic_and_decoding_is_stable() {
    let to_hub = [
        ToHub::Hello { name: "Mia".into(), seat: "s".into(), token: None, can_keep: true }.encode(),
        ToHub::Push { lab: serde_json::json!({ "version": 1, "boards": [{ "name": "é" }] }) }.encode(),
    ];
    let from_hub = [
        FromHub::Paused { paused: true }.encode(),
        FromHub::Refused { reason: "no \"room\" \u{1f600}".into() }.encode(),
    ];
    let mut numbers = Rng::with_seed(5);
    let mut decoded = 0;
    for _ in 0..ROUNDS / 3 {
        let texts = if numbers.usize(..2) == 0 { &to_hub } else { &from_hub };
        let mut bytes = texts[numbers.usize(..texts.len())].clone().into_bytes();
        damage(&mut numbers, &mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(message) = ToHub::decode(&text) {
            decoded += 1;
            assert_eq!(ToHub::decode(&message.encode()), Ok(message));
        }
        if let Ok(message) = FromHub::decode(&text) {
            decoded += 1;
            assert_eq!(FromHub::decode(&message.encode()), Ok(message));
        }
    }
    assert!(decoded > ROUNDS / 100, "{decoded} decoded: the damage leaves nothing whole");
}
