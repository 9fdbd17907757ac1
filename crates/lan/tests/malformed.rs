//! Bytes from outside: frames cut short, with bytes turned over, or wholly random never make a host panic.

mod support;

use std::net::Ipv4Addr;

use lan::{Frame, StackProfile, Transit};
use support::{B, Pair, to};
use trace::{Duration, FrameBytes, HostId, Instant, Kind, RecordId};

/// One frame of every kind that hosts send, from a busy second.
fn samples(profile: StackProfile) -> (Pair, Vec<FrameBytes>) {
    let (mut pair, client, server) = Pair::connected(profile, profile);
    let now = pair.now;
    pair.hosts[0].set_dns_server(0, Some(B));
    pair.hosts[0].dns_resolve(now, b"example.com").unwrap();
    let socket = pair.hosts[0].udp_open();
    pair.hosts[0].udp_send(now, socket, to(B, 9), b"datagram").unwrap();
    pair.hosts[0].join_group(now, Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(239, 1, 1, 1)).unwrap();
    pair.hosts[0].start_dhcp(now, 0);
    pair.send(0, client, &[1; 2000]);
    pair.send(1, server, b"answer");
    pair.run(1000);
    let records = pair.trace.since(None).into_iter();
    let frames = records.filter_map(|r| if let Kind::FrameSent { bytes, .. } = r.kind { Some(bytes) } else { None });
    let frames = frames.collect();
    (pair, frames)
}

/// Gives `bytes` to host `index` and lets it react.
fn give(pair: &mut Pair, index: usize, mut bytes: Vec<u8>) {
    if bytes.len() >= 6 && bytes[0] & 1 == 0 {
        bytes[..6].copy_from_slice(&pair.hosts[index].mac(0).0);
    }
    let sent = RecordId::new(1).unwrap();
    // Checksums count as right, so that damage gets past them.
    let frame = Frame { bytes: bytes.into(), sent, from: HostId(9), intact: true };
    pair.hosts[index].receive(pair.now, 0, &frame);
    while pair.hosts[index].take_event().is_some() {}
    while pair.hosts[index].take_frame().is_some() {}
}

#[test]
fn frames_cut_short_are_survived() {
    for profile in [StackProfile::Chip, StackProfile::Desktop] {
        let (mut pair, frames) = samples(profile);
        assert!(frames.len() > 10);
        for frame in &frames {
            for length in (0..frame.len()).filter(|length| *length < 100 || length % 97 == 0) {
                give(&mut pair, 0, frame[..length].to_vec());
                give(&mut pair, 1, frame[..length].to_vec());
            }
        }
    }
}

#[test]
fn damaged_frames_are_survived() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let profile = if seed % 2 == 0 { StackProfile::Chip } else { StackProfile::Desktop };
        let (mut pair, frames) = samples(profile);
        let transit = [Transit::Ignore, Transit::Forward, Transit::Terminate];
        pair.hosts[0].set_transit(transit[random.usize(..3)]);
        for _ in 0..500 {
            let mut bytes = frames[random.usize(..frames.len())].to_vec();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len().min(90));
                bytes[at] = random.u8(..);
            }
            give(&mut pair, random.usize(..2), bytes);
            pair.now += Duration::from_micros(random.u64(..20_000));
            for host in &mut pair.hosts {
                host.poll(pair.now);
            }
        }
        pair.run(30_000);
        assert!(pair.now > Instant::ZERO);
    }
}

#[test]
fn noise_is_survived() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut pair = Pair::chips();
    for _ in 0..5000 {
        let length = random.usize(..200);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
        if length > 40 {
            bytes[12..15].copy_from_slice(&[8, 0, 0x45]);
            bytes[23] = [1, 2, 6, 17][random.usize(..4)];
            bytes[30..34].copy_from_slice(&B.octets());
        }
        give(&mut pair, 1, bytes);
    }
}
