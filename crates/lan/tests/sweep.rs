//! One transfer over links of every quality, in one table: how long 60 kB take, and what it takes to get them across.
//!
//! The table is kept in `snapshots/sweep.txt`; `UPDATE_EXPECT=1` writes it anew, and the difference is reviewed like code.
#![allow(clippy::disallowed_methods, reason = "the snapshot is written back when asked for")]

mod support;

use std::fmt::Write;
use std::net::Ipv4Addr;

use lan::{Direction, Event, Host, Lan, LinkConfig, StackProfile};
use support::{A, B, host, to};
use trace::{Duration, HostId, Instant, Kind, Trace};

const LENGTH: usize = 60_000;
const PATIENCE: Duration = Duration::from_secs(600);

struct Outcome {
    took: Duration,
    frames: usize,
    dropped: usize,
    sent_events: usize,
    receive_events: usize,
}

/// Sends from a host of profile `from` to one of profile `to`, as fast as the send buffer allows.
fn transfer(profiles: [StackProfile; 2], link: LinkConfig) -> Outcome {
    let trace = Trace::new(usize::MAX);
    let mut lan = Lan::new(7, trace.clone());
    let segment = lan.add_segment();
    let mut hosts = [host(0, "a", A, profiles[0], &trace), host(1, "b", B, profiles[1], &trace)];
    for index in 0..2 {
        lan.attach(HostId(index), 0, segment, LinkConfig::default());
        lan.set_link(Instant::ZERO, HostId(index), 0, Direction::Out, link);
    }
    hosts[1].tcp_listen(Instant::ZERO, Ipv4Addr::UNSPECIFIED, 80).unwrap();
    let socket = hosts[0].tcp_open();
    hosts[0].tcp_connect(Instant::ZERO, socket, to(B, 80)).unwrap();
    let data: Vec<u8> = (0..LENGTH as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (mut sent, mut received) = (0, Vec::new());
    let (mut sent_events, mut receive_events) = (0, 0);
    let mut now = Instant::ZERO;
    while received.len() < LENGTH {
        for index in 0..2 {
            if hosts[index].next_deadline().is_some_and(|at| at <= now) {
                hosts[index].poll(now);
            }
            while let Some((event, _)) = hosts[index].take_event() {
                match event {
                    Event::Received { data, .. } => {
                        receive_events += 1;
                        received.extend_from_slice(&data);
                    }
                    Event::Connected(_) | Event::Acknowledged { .. } => {
                        sent_events += 1;
                        let length = hosts[0].tcp_send_space(socket).min(LENGTH - sent);
                        hosts[0].tcp_send(now, socket, &data[sent..sent + length]).unwrap();
                        sent += length;
                    }
                    Event::Closed { reason, .. } => panic!("{reason:?} after {now}, {} bytes", received.len()),
                    _ => {}
                }
                hosts[index].event_done(now);
            }
            while let Some((interface, frame)) = hosts[index].take_frame() {
                lan.inject(now, HostId(index as u32), interface, frame);
            }
        }
        let deadlines = hosts.iter().filter_map(Host::next_deadline).chain(lan.next_deadline());
        now = deadlines.min().expect("something is always under way").max(now);
        assert!(now < Instant::ZERO + PATIENCE, "no progress: {} bytes", received.len());
        lan.step(now);
        while let Some(delivery) = lan.take_delivery() {
            hosts[delivery.host.0 as usize].receive(now, delivery.interface, &delivery.frame);
        }
    }
    assert!(received == data, "the bytes arrive as they were sent");
    let count = |test: fn(&Kind) -> bool| trace.since(None).iter().filter(|record| test(&record.kind)).count();
    Outcome {
        took: now - Instant::ZERO,
        frames: count(|kind| matches!(kind, Kind::FrameSent { .. })),
        dropped: count(|kind| matches!(kind, Kind::FrameDropped { .. })),
        sent_events,
        receive_events,
    }
}

#[test]
fn every_link_carries_everything_in_the_end() {
    use StackProfile::{Chip, Desktop};
    let plain = LinkConfig::default();
    let links = [
        ("plain, 1 ms", plain),
        ("latency 50 ms", LinkConfig { latency: Duration::from_millis(50), ..plain }),
        ("jitter 20 ms", LinkConfig { jitter: Duration::from_millis(20), ..plain }),
        ("rate 1 Mbit/s", LinkConfig { rate: Some(1_000_000), ..plain }),
        ("rate 1 Mbit/s, queue 4 kB", LinkConfig { rate: Some(1_000_000), queue_bytes_max: 4096, ..plain }),
        ("loss 1 %", LinkConfig { loss: 0.01, ..plain }),
        ("loss 5 %", LinkConfig { loss: 0.05, ..plain }),
        ("loss 20 %", LinkConfig { loss: 0.20, ..plain }),
        ("duplication 10 %", LinkConfig { duplication: 0.10, ..plain }),
        ("reordering 10 %", LinkConfig { reordering: 0.10, ..plain }),
        ("corruption 5 %", LinkConfig { corruption: 0.05, ..plain }),
    ];
    let mut table =
        String::from("link                       from    to       seconds  frames  dropped  sent  receive\n");
    for (name, link) in links {
        for (from, to) in [(Chip, Chip), (Chip, Desktop), (Desktop, Chip), (Desktop, Desktop)] {
            let Outcome { took, frames, dropped, sent_events, receive_events } = transfer([from, to], link);
            let (from, to) = (format!("{from:?}"), format!("{to:?}"));
            let seconds = took.as_micros() as f64 / 1e6;
            writeln!(
                table,
                "{name:25}  {from:7} {to:7} {seconds:8.3}  {frames:6}  {dropped:7}  {sent_events:4}  {receive_events:7}"
            )
            .unwrap();
        }
    }
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/sweep.txt"), &table).unwrap();
        return;
    }
    assert!(table == include_str!("snapshots/sweep.txt"), "the table differs; UPDATE_EXPECT=1 writes:\n{table}");
}
