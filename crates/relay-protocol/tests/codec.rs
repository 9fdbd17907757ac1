//! Every packet survives its way through bytes, no bytes upset the decoder, and the layouts are the protocol's.

use bytes::Bytes;
use relay_protocol::ext::ExtPacket;
use relay_protocol::{
    CloseReason, Credit, DecodeError, Extension, Info, MESSAGE_BYTES_MAX, Packet, StreamId, StreamType,
};

fn samples() -> Vec<Packet> {
    let stream = StreamId(0x0403_0201);
    let peer = "192.0.2.7:5000".parse().unwrap();
    let peer6 = "[2001:db8::1]:53".parse().unwrap();
    let ext = |packet| Packet::Ext { stream, packet };
    vec![
        Packet::Connect { stream, kind: StreamType::Tcp, port: 6379, host: "example.com".into() },
        Packet::Connect { stream, kind: StreamType::Udp, port: 53, host: "8.8.8.8".into() },
        Packet::Data { stream, bytes: Bytes::from_static(b"PING\r\n") },
        Packet::Data { stream, bytes: Bytes::new() },
        Packet::Continue { stream, credit: 128 },
        Packet::Close { stream, reason: CloseReason::Refused },
        Packet::Close { stream, reason: CloseReason::Other(0x99) },
        Packet::Info(Info::v2(vec![
            Extension::Udp,
            Extension::PasswordWanted { required: true },
            Extension::Password { user: "pairing".into(), password: "123-456".into() },
            Extension::Motd("welcome".into()),
            Extension::OpenConfirmation,
            Extension::Playground { version: 1 },
            Extension::Unknown { id: 0x77, payload: Bytes::from_static(&[1, 2, 3]) },
        ])),
        ext(ExtPacket::Publish { kind: StreamType::Tcp, port: 8080 }),
        ext(ExtPacket::Published { address: peer }),
        ext(ExtPacket::Accepted { listener: 9, peer: peer6 }),
        ext(ExtPacket::Datagram { peer, bytes: Bytes::from_static(b"foo") }),
        ext(ExtPacket::Resolve { name: "redis.lan".into() }),
        ext(ExtPacket::Resolved { address: [192, 0, 2, 1].into() }),
        ext(ExtPacket::Echo { host: "127.0.0.1".into() }),
        ext(ExtPacket::EchoEnd { rtt_us: 250, address: [127, 0, 0, 1].into() }),
        ext(ExtPacket::Shutdown),
        ext(ExtPacket::Window { bytes: 65_536 }),
        ext(ExtPacket::Why { text: "the relay's policy forbids port 25".into() }),
    ]
}

#[test]
fn every_packet_survives_its_way_through_bytes() {
    for packet in samples() {
        assert_eq!(Packet::decode(packet.encode()), Ok(packet));
    }
}

#[test]
fn layouts_are_the_protocols() {
    let connect =
        Packet::Connect { stream: StreamId(0x0403_0201), kind: StreamType::Tcp, port: 0x1234, host: "ab".into() };
    assert_eq!(connect.encode().as_ref(), [0x01, 1, 2, 3, 4, 0x01, 0x34, 0x12, b'a', b'b']);
    let credit = Packet::Continue { stream: StreamId::CONNECTION, credit: 0x80 };
    assert_eq!(credit.encode().as_ref(), [0x03, 0, 0, 0, 0, 0x80, 0, 0, 0]);
    let close = Packet::Close { stream: StreamId(5), reason: CloseReason::Blocked };
    assert_eq!(close.encode().as_ref(), [0x04, 5, 0, 0, 0, 0x48]);
    let info = Packet::Info(Info::v2(vec![Extension::Udp]));
    assert_eq!(info.encode().as_ref(), [0x05, 0, 0, 0, 0, 2, 0, 0x01, 0, 0, 0, 0]);
}

#[test]
fn truncated_packets_are_refused_and_never_panic() {
    for packet in samples() {
        let whole = packet.encode();
        for length in 0..whole.len() {
            // Some prefixes are packets of their own (a shorter host name); what counts is an answer without a panic.
            let _ = Packet::decode(whole.slice(..length));
        }
        assert!(matches!(Packet::decode(whole.slice(..4)), Err(DecodeError::Truncated { .. })));
    }
}

#[test]
fn arbitrary_bytes_never_panic_and_decoding_is_stable() {
    // A multiplicative generator (Knuth, TAOCP 3.3.4): the same bytes on every run.
    let mut state: u64 = 8266;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    let mut decoded = 0;
    for round in 0..200_000_u32 {
        let length = usize::from(next()) % 40;
        let mut message: Vec<u8> = (0..length).map(|_| next()).collect();
        if let Some(first) = message.first_mut() {
            // Mostly known types, so that the fields behind are reached.
            *first = [1, 2, 3, 4, 5, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, *first]
                [round as usize % 17];
        }
        if let Ok(packet) = Packet::decode(message.into()) {
            decoded += 1;
            assert_eq!(Packet::decode(packet.encode()), Ok(packet));
        }
    }
    assert!(decoded > 50_000, "{decoded} packets decoded: the generator no longer reaches the fields");
}

#[test]
fn oversized_messages_and_unknown_types_are_named() {
    let long = Bytes::from(vec![2; MESSAGE_BYTES_MAX + 1]);
    assert_eq!(Packet::decode(long), Err(DecodeError::TooLong(MESSAGE_BYTES_MAX + 1)));
    let error = Packet::decode(Bytes::from_static(&[0x99, 0, 0, 0, 0])).unwrap_err();
    assert_eq!(error.to_string(), "unknown packet type 0x99");
    let error = Packet::decode(Bytes::from_static(&[0x01, 1, 0, 0, 0, 0x01, 80])).unwrap_err();
    assert_eq!(error.to_string(), "a packet of type 0x01 ends in the middle of its port");
}

#[test]
fn passwords_come_in_the_drafts_form_and_in_that_of_wisp_js() {
    let message = |payload: &[u8]| {
        let mut bytes = vec![0x05, 0, 0, 0, 0, 2, 0, 0x02];
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(payload);
        Packet::decode(bytes.into())
    };
    let wanted = Ok(Packet::Info(Info::v2(vec![Extension::Password { user: "me".into(), password: "code".into() }])));
    assert_eq!(message(b"\x02mecode"), wanted);
    assert_eq!(message(b"\x02\x04\x00mecode"), wanted);
    assert!(message(b"\xffme").is_err());
}

#[test]
fn credit_is_renewed_at_half_and_withheld_from_a_slow_target() {
    let mut credit = Credit::new(8);
    assert_eq!(credit.held_max(), 16);
    assert_eq!((1..=3).filter_map(|_| credit.receive(1)).next(), None);
    assert_eq!(credit.receive(1), Some(8));
    for waiting in 1..=8 {
        let renewed = credit.receive(waiting);
        assert_eq!(renewed, (waiting == 4).then_some(8), "with {waiting} waiting");
    }
    assert_eq!(credit.renew(5), None);
    assert_eq!(credit.renew(4), Some(8));
}
