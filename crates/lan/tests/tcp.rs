//! TCP between two hosts: what lwIP does that a program can observe, as docs/behaviour.md says it.
//!
//! Host `a` opens, host `b` listens on port 80; they are 1 ms apart and know each other's Ethernet address.

mod support;

use std::net::Ipv4Addr;

use lan::{Address, ConnectError, Event, Frame, ListenError, SendError};
use support::{A, ANY, B, CHIP, DESKTOP, Pair, at, silences, to};
use trace::{Duration, HostId, Kind, Silence, SocketState};

/// The frame that `host` sent last.
fn last_sent(pair: &Pair, host: u32) -> Frame {
    let records = pair.trace.since(None).into_iter().rev();
    let mut sent = records.filter(|record| record.host == HostId(host));
    sent.find_map(|record| match record.kind {
        Kind::FrameSent { bytes, .. } => Some(Frame { bytes, sent: record.id, from: HostId(host), intact: true }),
        _ => None,
    })
    .unwrap()
}

#[test]
fn a_connection_opens_carries_data_and_closes() {
    for (a, b) in [(CHIP, CHIP), (CHIP, DESKTOP), (DESKTOP, CHIP), (DESKTOP, DESKTOP)] {
        let (mut pair, client, server) = Pair::connected(a, b);
        pair.send(0, client, b"hello");
        pair.run(1000);
        pair.send(1, server, b"world!");
        pair.run(1000);
        assert!(pair.hosts[0].tcp_close(pair.now, client));
        pair.run(1000);
        if b == DESKTOP {
            pair.hosts[1].tcp_close(pair.now, server);
        }
        pair.run(1000);
        let expected = ["b received 5", "a acknowledged 5", "a received 6", "b acknowledged 6", "b closed 0"];
        assert_eq!(pair.what_happened(), expected, "{a:?} {b:?} {:#?}", pair.frames);
        pair.run(70_000);
        assert_eq!(pair.hosts[0].netstat().sockets.len(), 0, "{a:?} {b:?}");
        assert_eq!(pair.hosts[1].netstat().sockets.len(), 1, "the listener stays {a:?} {b:?}");
    }
}

// ---- opening: docs/behaviour.md §4.1 ----

#[test]
fn seven_unanswered_syns_end_in_abort_after_six_seconds() {
    let mut pair = Pair::chips();
    pair.filter = Box::new(|from, _| from != 0);
    let start = pair.ms();
    pair.connect();
    pair.run(10_000);
    let syns: Vec<u64> = pair.frames.iter().map(|line| at(line) - start).collect();
    assert_eq!(syns.len(), 7, "{:#?}", pair.frames);
    assert!((750..=1000).contains(&(syns[1] - syns[0])), "{syns:?}");
    assert!(syns[1..].windows(2).all(|pair| pair[1] - pair[0] == 1000), "no backing off: {syns:?}");
    assert_eq!(pair.what_happened(), ["a closed -8"]);
    assert!((6000..=6250).contains(&(at(&pair.events[0]) - start)));
    assert!(pair.hosts[0].netstat().sockets.is_empty());
}

#[test]
fn a_repeated_syn_is_answered_at_once() {
    // lwIP's `tcp_process` in SYN_RCVD: a copy of the SYN means that the answer was lost.
    let mut pair = Pair::chips();
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    let mut answers = 0;
    pair.filter = Box::new(move |from, _| {
        answers += usize::from(from == 1);
        from == 0 || answers > 3
    });
    pair.connect();
    pair.run(6000);
    assert_eq!(pair.what_happened(), ["a connected", "b accepted"], "{:#?}", pair.frames);
}

#[test]
fn a_refused_connection_is_reset_at_once() {
    let mut pair = Pair::chips();
    let start = pair.ms();
    pair.connect();
    pair.run(100);
    assert_eq!(pair.what_was_sent(), ["a SYN", "b RST ACK"]);
    assert_eq!(pair.what_happened(), ["a closed -9"]);
    assert_eq!(at(&pair.events[0]) - start, 2);
    assert!(silences(&pair).contains(&Silence::ClosedPort));
}

#[test]
fn without_a_route_nothing_ever_happens() {
    let mut pair = Pair::chips();
    pair.hosts[0].set_address(pair.now, 0, None);
    pair.run(1);
    pair.events.clear();
    let socket = pair.hosts[0].tcp_open();
    let result = pair.hosts[0].tcp_connect(pair.now, socket, to(B, 80));
    assert_eq!(result, Err(ConnectError::NoRoute));
    pair.run(60_000);
    assert!(pair.events.is_empty() && pair.frames.is_empty());
    // §4.8: the peer is named all the same; §4.4: nothing can be sent.
    assert_eq!(pair.hosts[0].tcp_remote(socket), Some(to(B, 80)));
    assert_eq!(pair.hosts[0].tcp_local(socket), None);
    assert_eq!(pair.hosts[0].tcp_send(pair.now, socket, b"x"), Err(SendError::NotConnected));
    assert!(pair.hosts[0].tcp_close(pair.now, socket));
    assert!(silences(&pair).contains(&Silence::NoRoute));
}

#[test]
fn the_own_address_and_the_broadcast_address_do_not_answer() {
    for ip in [A, Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST] {
        let mut pair = Pair::chips();
        pair.hosts[0].tcp_listen(pair.now, ANY, 80).unwrap();
        let start = pair.ms();
        let socket = pair.hosts[0].tcp_open();
        pair.hosts[0].tcp_connect(pair.now, socket, to(ip, 80)).unwrap();
        pair.run(10_000);
        assert_eq!(pair.what_happened(), ["a closed -8"], "{ip}");
        assert!((6000..=6250).contains(&(at(&pair.events[0]) - start)), "{ip}");
    }
}

#[test]
fn a_syn_offers_what_lwip_offers() {
    let (pair, ..) = Pair::connected(CHIP, CHIP);
    let sent: Vec<_> = (pair.trace.since(None).into_iter())
        .filter_map(|record| if let Kind::FrameSent { bytes, .. } = record.kind { Some(bytes) } else { None })
        .filter(|bytes| bytes[23] == 6)
        .collect();
    let (syn, syn_ack) = (&sent[0], &sent[1]);
    for segment in [syn, syn_ack] {
        assert_eq!(segment[22], 255, "time to live");
        assert_eq!(segment.len(), 14 + 20 + 24, "one option");
        assert_eq!(segment[48..50], 5840u16.to_be_bytes(), "window");
        assert_eq!(segment[54..58], [2, 4, 0x05, 0xb4], "segment size 1460");
    }
    let local_port = u16::from_be_bytes([syn[34], syn[35]]);
    assert!((1024..=32766).contains(&local_port));
}

#[test]
fn data_sent_while_connecting_leaves_with_the_handshakes_last_segment() {
    let mut pair = Pair::chips();
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    let socket = pair.connect();
    assert_eq!(pair.hosts[0].tcp_send(pair.now, socket, &[0; 2920]), Err(SendError::OutOfMemory));
    pair.send(0, socket, &[1; 2919]);
    pair.run(100);
    let start = at(&pair.frames[0]);
    assert_eq!(pair.what_was_sent()[..4], ["a SYN", "b SYN ACK", "a ACK 1460", "b ACK"], "{:#?}", pair.frames);
    assert_eq!(at(&pair.frames[2]) - start, 2);
    assert_eq!(pair.received[1].len(), 2919);
}

// ---- sending: docs/behaviour.md §4.4 ----

#[test]
fn a_send_outside_the_connections_events_waits_for_a_slow_tick() {
    let mut delays = Vec::new();
    for pause in (0..250).step_by(10) {
        let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
        pair.run(pause);
        let sent = pair.ms();
        pair.send(0, client, b"hello");
        pair.run(300);
        assert_eq!(pair.what_was_sent()[0], "a ACK 5");
        delays.push(at(&pair.frames[0]) - sent);
    }
    assert!(delays.iter().all(|delay| *delay <= 250), "{delays:?}");
    assert!(delays.iter().max().unwrap() - delays.iter().min().unwrap() > 200, "{delays:?}");
}

#[test]
fn a_send_inside_an_event_leaves_at_once_with_the_acknowledgement() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.handlers[1] = Box::new(|host, now, event| {
        if let Event::Received { socket, .. } = event {
            host.tcp_send(now, *socket, b"a").unwrap();
            host.tcp_send(now, *socket, b"bc").unwrap();
        }
    });
    pair.send(0, client, b"hello");
    pair.run(400);
    assert_eq!(pair.what_was_sent()[..2], ["a ACK 5", "b ACK 3"], "the answer carries the acknowledgement");
    assert_eq!(at(&pair.frames[1]) - at(&pair.frames[0]), 1);
    assert_eq!(pair.what_happened()[..3], ["b received 5", "a acknowledged 5", "a received 3"]);
}

#[test]
fn sends_are_joined_up_to_a_segment_and_small_rests_wait() {
    let (mut pair, client, _) = Pair::connected(CHIP, DESKTOP);
    pair.send(0, client, &[1; 1000]);
    pair.send(0, client, &[2; 1000]);
    pair.run(300);
    let sent = pair.what_was_sent();
    assert_eq!(sent, ["a ACK 1460", "b ACK", "a ACK 540", "b ACK"], "{:#?}", pair.frames);
    assert_eq!(pair.what_happened()[..2], ["b received 1460", "a acknowledged 1460"]);
}

#[test]
fn the_send_buffer_takes_2920_unacknowledged_bytes_or_nothing() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.filter = Box::new(|from, _| from == 0);
    assert_eq!(pair.hosts[0].tcp_send(pair.now, client, &[0; 2921]), Err(SendError::OutOfMemory));
    pair.send(0, client, &[0; 2000]);
    pair.run(500);
    assert_eq!(pair.hosts[0].tcp_send_space(client), 920);
    assert_eq!(pair.hosts[0].tcp_send(pair.now, client, &[0; 921]), Err(SendError::OutOfMemory));
    pair.send(0, client, &[0; 920]);
    pair.filter = Box::new(|_, _| true);
    pair.run(10_000);
    assert_eq!(pair.received[1].len(), 2920);
    assert_eq!(pair.hosts[0].tcp_send_space(client), 2920);
}

#[test]
fn the_accept_event_has_room_for_2919_bytes_and_closes_with_them() {
    // §3.1
    let mut pair = Pair::chips();
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    pair.handlers[1] = Box::new(|host, now, event| {
        if let Event::Accepted { socket, .. } = event {
            assert_eq!(host.tcp_send(now, *socket, &[0; 2920]), Err(SendError::OutOfMemory));
            host.tcp_send(now, *socket, b"hello").unwrap();
            assert!(host.tcp_close(now, *socket));
        }
    });
    pair.connect();
    pair.run(100);
    assert_eq!(pair.what_was_sent()[3], "b FIN ACK 5", "data and FIN in one segment: {:#?}", pair.frames);
    assert_eq!(pair.what_happened(), ["a connected", "b accepted", "a received 5", "a closed 0"]);
}

#[test]
fn an_acknowledgement_is_delayed_to_a_fast_tick_except_for_full_segments() {
    // §4.10
    let (mut pair, client, _) = Pair::connected(DESKTOP, CHIP);
    pair.send(0, client, &[0; 100]);
    pair.run(300);
    let delay = at(&pair.frames[1]) - at(&pair.frames[0]) - 1;
    assert!(delay <= 125, "{delay}");
    pair.frames.clear();
    pair.send(0, client, &[0; 1460]);
    pair.run(300);
    assert_eq!(at(&pair.frames[1]) - at(&pair.frames[0]), 1, "a full segment reopens a quarter of the window");
}

#[test]
fn the_second_small_segment_in_a_row_is_acknowledged_at_once() {
    let mut fastest = u64::MAX;
    for pause in (0..125).step_by(25) {
        let (mut pair, client, _) = Pair::connected(DESKTOP, CHIP);
        pair.run(pause);
        pair.send(0, client, &[0; 100]);
        pair.run(5);
        // Nagle holds this one back until the first is acknowledged, so send a full segment's rest beside it.
        pair.send(0, client, &[0; 1460]);
        pair.run(300);
        fastest =
            fastest.min(at(pair.frames.iter().find(|line| line.ends_with("b ACK")).unwrap()) - at(&pair.frames[0]));
    }
    assert!(fastest <= 7, "{fastest}");
}

// ---- receiving: docs/behaviour.md §4.3 ----

#[test]
fn every_segment_is_received_by_itself() {
    let (mut pair, client, _) = Pair::connected(DESKTOP, CHIP);
    let data: Vec<u8> = (0..4000).map(|i| i as u8).collect();
    pair.send(0, client, &data);
    pair.run(300);
    let received: Vec<_> = pair.what_happened().into_iter().filter(|event| event.starts_with('b')).collect();
    assert_eq!(received, ["b received 1460", "b received 1460", "b received 1080"]);
    assert_eq!(pair.received[1], data);
}

#[test]
fn early_segments_are_received_one_by_one_when_the_gap_fills() {
    let (mut pair, client, _) = Pair::connected(DESKTOP, CHIP);
    // The sender's congestion window opens first.
    pair.send(0, client, &[0; 5840]);
    pair.run(1000);
    pair.events.clear();
    pair.received[1].clear();
    let data: Vec<u8> = (0..4380).map(|i| (i / 7) as u8).collect();
    let mut sent = 0;
    pair.filter = Box::new(move |from, frame| {
        sent += usize::from(from == 0 && frame.len() > 1000);
        sent != 1
    });
    pair.send(0, client, &data);
    pair.run(20);
    assert!(pair.what_happened().is_empty(), "the first is missing");
    pair.run(5000);
    let received: Vec<_> = pair.events.iter().filter(|line| line.contains("received")).collect();
    assert_eq!(received.len(), 3, "{:#?}", pair.events);
    assert_eq!(at(received[0]), at(received[2]), "all at once {:#?} {:#?}", pair.events, pair.frames);
    assert!(received[0].ends_with("1460") && received[1].ends_with("1460") && received[2].ends_with("1460"));
    assert_eq!(pair.received[1], data);
}

#[test]
fn one_segment_tells_sent_then_receive_then_disconnection() {
    let (mut pair, client, _) = Pair::connected(CHIP, DESKTOP);
    pair.handlers[1] = Box::new(|host, now, event| {
        if let Event::Received { socket, .. } = event {
            host.tcp_send(now, *socket, b"bye").unwrap();
            host.tcp_close(now, *socket);
        }
    });
    pair.send(0, client, b"hello");
    pair.run(400);
    assert_eq!(pair.what_was_sent()[..2], ["a ACK 5", "b FIN ACK 3"]);
    assert_eq!(pair.what_happened(), ["b received 5", "a acknowledged 5", "a received 3", "a closed 0"]);
    let times: Vec<_> = pair.events[1..].iter().map(|line| at(line)).collect();
    assert!(times.iter().all(|time| *time == times[0]));
}

#[test]
fn sent_counts_acknowledgements_not_sends() {
    let (mut pair, client, _) = Pair::connected(CHIP, DESKTOP);
    pair.send(0, client, b"one");
    pair.send(0, client, b"two");
    pair.run(500);
    assert_eq!(pair.what_happened(), ["b received 6", "a acknowledged 6"]);
}

#[test]
fn data_that_nobody_acknowledges_is_given_up_after_twelve_repetitions() {
    // §4.9: about 9.6 minutes once a round trip has been measured, 12.8 minutes before; §7: twelve repetitions.
    for (is_measured, seconds) in [(true, 576), (false, 768)] {
        let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
        if is_measured {
            pair.send(0, client, b"first");
            pair.run(1000);
        }
        pair.events.clear();
        pair.filter = Box::new(|_, _| false);
        let start = pair.ms();
        pair.send(0, client, b"nobody hears this");
        pair.run(1000 * 1000);
        assert_eq!(pair.what_happened(), ["a closed -8"]);
        let lasted = at(&pair.events[0]) - start;
        assert!((seconds * 1000..=seconds * 1000 + 500).contains(&lasted), "{lasted} ms");
        assert!(pair.hosts[0].netstat().sockets.is_empty());
    }
}

// ---- closing: docs/behaviour.md §4.2 ----

#[test]
fn close_inside_receive_resets_and_drops_the_answer() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.handlers[1] = Box::new(|host, now, event| {
        if let Event::Received { socket, .. } = event {
            host.tcp_send(now, *socket, b"reply").unwrap();
            assert!(host.tcp_close_resets(*socket));
            assert!(host.tcp_close(now, *socket));
            assert!(!host.tcp_close(now, *socket), "the second close finds nothing");
        }
    });
    pair.send(0, client, b"hello");
    pair.run(400);
    assert_eq!(pair.what_was_sent(), ["a ACK 5", "b RST ACK"]);
    assert_eq!(pair.what_happened(), ["b received 5", "a closed -9"]);
}

#[test]
fn a_graceful_close_inside_receive_delivers_the_answer() {
    // §8, the manual's example
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.handlers[1] = Box::new(|host, now, event| {
        if let Event::Received { socket, .. } = event {
            host.tcp_send(now, *socket, b"reply").unwrap();
            assert!(host.tcp_close_graceful(now, *socket));
        }
    });
    pair.send(0, client, b"hello");
    pair.run(400);
    assert_eq!(pair.what_was_sent()[..2], ["a ACK 5", "b FIN ACK 5"]);
    assert_eq!(pair.what_happened(), ["b received 5", "a acknowledged 5", "a received 5", "a closed 0"]);
}

#[test]
fn close_inside_sent_suppresses_the_data_of_the_same_segment_and_resets() {
    let (mut pair, client, _) = Pair::connected(CHIP, DESKTOP);
    pair.handlers[1] = Box::new(|host, now, event| {
        if let Event::Received { socket, .. } = event {
            host.tcp_send(now, *socket, b"answer").unwrap();
        }
    });
    pair.handlers[0] = Box::new(|host, now, event| {
        if let Event::Acknowledged { socket, .. } = event {
            assert!(host.tcp_close(now, *socket));
        }
    });
    pair.send(0, client, b"hello");
    pair.run(400);
    assert_eq!(pair.what_happened(), ["b received 5", "a acknowledged 5", "b closed -9"]);
}

#[test]
fn close_elsewhere_sends_what_is_queued_at_once_and_then_fin() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.send(0, client, b"last words");
    pair.hosts[0].tcp_close(pair.now, client);
    let now = pair.ms();
    pair.run(400);
    assert_eq!(at(&pair.frames[0]), now);
    assert_eq!(pair.what_was_sent()[0], "a FIN ACK 10");
    assert_eq!(pair.what_happened(), ["b received 10", "b closed 0"], "no event for the closer");
    // §7: TIME_WAIT lasts 10 s.
    pair.run(9_000);
    assert_eq!(pair.hosts[0].netstat().sockets[0].state, SocketState::TimeWait);
    pair.run(1_000);
    assert!(pair.hosts[0].netstat().sockets.is_empty());
}

#[test]
fn close_with_a_full_buffer_in_flight_resets() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.filter = Box::new(|from, _| from == 0);
    pair.send(0, client, &[0; 2920]);
    pair.run(300);
    assert!(pair.hosts[0].tcp_close_resets(client));
    pair.hosts[0].tcp_close(pair.now, client);
    pair.run(10);
    assert_eq!(*pair.what_was_sent().last().unwrap(), "a RST ACK");
}

#[test]
fn close_while_connecting_is_silent() {
    let mut pair = Pair::chips();
    pair.filter = Box::new(|_, _| false);
    let socket = pair.connect();
    pair.run(10);
    pair.hosts[0].tcp_close(pair.now, socket);
    pair.run(10_000);
    assert_eq!(pair.what_was_sent(), ["a SYN (lost)"]);
    assert!(pair.events.is_empty());
}

#[test]
fn a_lost_fin_is_repeated_though_acknowledgements_repeat_too() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.send(0, client, b"last words");
    pair.run(400);
    let acknowledgement = last_sent(&pair, 1);
    pair.filter = Box::new(|from, _| from != 0);
    pair.hosts[0].tcp_close(pair.now, client);
    for _ in 0..4 {
        pair.hosts[0].receive(pair.now, 0, &acknowledgement);
        pair.drain();
    }
    pair.filter = Box::new(|_, _| true);
    pair.run(5000);
    assert_eq!(pair.what_happened(), ["b received 10", "a acknowledged 10", "b closed 0"], "{:#?}", pair.frames);
}

#[test]
fn an_overtaken_segment_does_not_open_the_window_again() {
    let (mut pair, client, server) = Pair::connected(DESKTOP, CHIP);
    let data: Vec<u8> = (0..6000).map(|i| (i / 7) as u8).collect();
    // The server's answer stays on the way, with an acknowledgement and a window that are soon old.
    pair.filter = Box::new(|from, frame| from == 0 || frame.len() == 54);
    pair.hosts[1].tcp_hold(server);
    pair.send(1, server, b"slow");
    pair.run(300);
    let overtaken = last_sent(&pair, 1);
    pair.send(0, client, &data[..4000]);
    pair.run(300);
    pair.hosts[0].receive(pair.now, 0, &overtaken);
    pair.drain();
    pair.send(0, client, &data[4000..]);
    pair.hosts[0].tcp_close_graceful(pair.now, client);
    pair.run(300);
    assert!(pair.received[1].len() <= 5840, "the window is 5840 bytes and held");
    assert!(!pair.what_happened().contains(&"b closed 0"), "{:#?}", pair.frames);
    pair.filter = Box::new(|_, _| true);
    pair.hosts[1].tcp_unhold(pair.now, server);
    pair.run(10_000);
    assert!(pair.received[1] == data, "{} of {} bytes arrived", pair.received[1].len(), data.len());
    assert_eq!(*pair.what_happened().last().unwrap(), "b closed 0");
}

#[test]
fn data_after_our_fin_is_answered_with_reset() {
    let (mut pair, client, server) = Pair::connected(CHIP, DESKTOP);
    pair.hosts[0].tcp_close(pair.now, client);
    pair.run(100);
    pair.send(1, server, b"too late");
    pair.run(100);
    assert_eq!(*pair.what_was_sent().last().unwrap(), "a RST ACK");
    assert_eq!(pair.what_happened(), ["b closed 0", "b closed -9"]);
}

#[test]
fn what_is_queued_still_leaves_after_the_others_fin() {
    // §4.3: no half-close, but data already queued is transmitted, followed by our FIN.
    let (mut pair, client, server) = Pair::connected(CHIP, DESKTOP);
    pair.run(50);
    pair.send(0, client, b"queued");
    pair.hosts[1].tcp_close_graceful(pair.now, server);
    pair.run(400);
    assert!(pair.what_was_sent().contains(&"a FIN ACK 6"), "{:#?}", pair.frames);
    assert_eq!(pair.what_happened(), ["a closed 0"]);
    assert!(!pair.hosts[0].tcp_close(pair.now, client), "the socket is gone");
}

// ---- hold: docs/behaviour.md §4.5 ----

#[test]
fn hold_still_delivers_a_window_and_unhold_reopens_it() {
    let (mut pair, client, server) = Pair::connected(DESKTOP, CHIP);
    pair.hosts[1].tcp_hold(server);
    pair.send(0, client, &[7; 10_000]);
    pair.run(3000);
    assert_eq!(pair.received[1].len(), 5840);
    pair.frames.clear();
    pair.hosts[1].tcp_unhold(pair.now, server);
    let now = pair.ms();
    pair.run(5000);
    let update = pair.frames.iter().find(|line| line.contains(" b ")).unwrap();
    assert_eq!(at(update), now, "the window is announced at once");
    assert_eq!(pair.received[1].len(), 10_000);
}

#[test]
fn unhold_after_one_segment_announces_the_window_at_once() {
    let (mut pair, client, server) = Pair::connected(DESKTOP, CHIP);
    pair.hosts[1].tcp_hold(server);
    pair.send(0, client, &[7; 1000]);
    pair.run(1000);
    pair.frames.clear();
    pair.hosts[1].tcp_unhold(pair.now, server);
    pair.run(100);
    assert_eq!(pair.what_was_sent(), ["b ACK"]);
    pair.send(0, client, &[7; 5840]);
    pair.run(1000);
    assert_eq!(pair.received[1].len(), 6840);
}

#[test]
fn closing_while_held_with_data_outstanding_resets() {
    let (mut pair, client, server) = Pair::connected(DESKTOP, CHIP);
    pair.hosts[1].tcp_hold(server);
    pair.send(0, client, b"data");
    pair.run(500);
    pair.hosts[1].tcp_close(pair.now, server);
    pair.run(10);
    assert_eq!(pair.what_happened(), ["b received 4", "a acknowledged 4", "a closed -9"]);
}

#[test]
fn the_others_fin_while_held_with_data_outstanding_is_answered_with_reset() {
    // §4.3
    let (mut pair, client, server) = Pair::connected(DESKTOP, CHIP);
    pair.hosts[1].tcp_hold(server);
    pair.send(0, client, b"data");
    pair.hosts[0].tcp_close(pair.now, client);
    pair.run(500);
    assert_eq!(pair.what_happened(), ["b received 4", "b closed 0"]);
    assert_eq!(*pair.what_was_sent().last().unwrap(), "b RST ACK");
}

// ---- listeners: docs/behaviour.md §3 ----

#[test]
fn a_port_is_listened_on_once_per_address() {
    let mut pair = Pair::chips();
    let now = pair.now;
    let host = &mut pair.hosts[1];
    let first = host.tcp_listen(now, ANY, 80).unwrap();
    assert_eq!(host.tcp_listen(now, ANY, 80), Err(ListenError::Duplicate));
    assert_eq!(ListenError::Duplicate.to_string(), "out of memory");
    host.tcp_listen(now, B, 80).unwrap();
    host.tcp_unlisten(now, first);
    host.tcp_listen(now, ANY, 80).unwrap();
    let free = host.tcp_listen(now, ANY, 0).unwrap();
    assert!((1024..=32766).contains(&host.listener_local(free).unwrap().port));
}

#[test]
fn the_port_of_an_opened_connection_is_in_use_and_that_of_an_accepted_one_is_not() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    let port = pair.hosts[0].tcp_local(client).unwrap().port;
    assert_eq!(pair.hosts[0].tcp_listen(pair.now, ANY, port), Err(ListenError::AddressInUse));
    let listener = pair.hosts[1].netstat().sockets.iter().find(|row| row.state == SocketState::Listen).unwrap().socket;
    pair.hosts[1].tcp_unlisten(pair.now, lan::ListenerId(listener));
    assert!(pair.hosts[1].tcp_listen(pair.now, ANY, 80).is_ok());
}

#[test]
fn a_specific_listener_wins() {
    let mut pair = Pair::chips();
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    let specific = pair.hosts[1].tcp_listen(pair.now, B, 80).unwrap();
    pair.handlers[1] = Box::new(move |_, _, event| {
        if let Event::Accepted { listener, .. } = event {
            assert_eq!(*listener, specific);
        }
    });
    pair.connect();
    pair.run(100);
    assert_eq!(pair.accepted[1].len(), 1);
}

#[test]
fn a_syn_is_dropped_when_exactly_five_connections_are_established() {
    // §3.5
    let mut pair = Pair::new(DESKTOP, CHIP);
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    for _ in 0..5 {
        pair.connect();
        pair.run(50);
    }
    assert_eq!(pair.accepted[1].len(), 5);
    pair.frames.clear();
    pair.connect();
    pair.run(500);
    assert_eq!(pair.what_was_sent(), ["a SYN"], "no answer");
    assert!(silences(&pair).contains(&Silence::ConnectionLimit));
    let first = pair.accepted[1][0];
    pair.hosts[1].tcp_close(pair.now, first);
    pair.run(3000);
    assert_eq!(pair.accepted[1].len(), 6, "the repeated SYN finds room");
}

#[test]
fn simultaneous_handshakes_pass_the_limit() {
    // §3.5: the test is for exactly five established ones.
    let mut pair = Pair::new(DESKTOP, CHIP);
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    for _ in 0..7 {
        pair.connect();
    }
    pair.run(100);
    assert_eq!(pair.accepted[1].len(), 7);
    pair.connect();
    pair.run(100);
    assert_eq!(pair.accepted[1].len(), 8, "and it does not bite above five");
}

#[test]
fn without_memory_the_longest_over_then_the_longest_silent_connection_makes_room() {
    // §3.5
    let mut pair = Pair::new(DESKTOP, CHIP);
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let client = pair.connect();
            pair.run(500);
            client
        })
        .collect();
    pair.send(0, clients[0], b"not silent");
    pair.run(500);
    pair.hosts[1].tcp_close(pair.now, pair.accepted[1][2]);
    pair.run(100);
    pair.hosts[0].tcp_close(pair.now, clients[2]);
    pair.run(500);
    let states = |pair: &Pair| -> Vec<_> { pair.hosts[1].netstat().sockets.iter().map(|row| row.state).collect() };
    use SocketState::{Established, Listen, TimeWait};
    assert_eq!(states(&pair), [Listen, Established, Established, TimeWait]);
    pair.events.clear();
    pair.hosts[1].set_short_of_memory(true);

    pair.connect();
    pair.run(100);
    assert_eq!(pair.what_happened(), ["a connected", "b accepted"], "what was over is forgotten");
    assert_eq!(states(&pair), [Listen, Established, Established, Established]);
    pair.events.clear();
    pair.connect();
    pair.run(100);
    assert_eq!(pair.what_happened(), ["b closed -8", "a closed -9", "a connected", "b accepted"]);
    assert_eq!(pair.hosts[0].tcp_state(clients[1]), None, "the second was silent for longest");
}

#[test]
fn without_memory_and_connections_a_syn_is_dropped() {
    // §3.5
    let mut pair = Pair::new(DESKTOP, CHIP);
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    pair.hosts[1].set_short_of_memory(true);
    assert!(!pair.hosts[1].tcp_make_room(pair.now));
    pair.connect();
    pair.run(500);
    assert_eq!(pair.what_was_sent(), ["a SYN"]);
    pair.hosts[1].set_short_of_memory(false);
    pair.run(3000);
    assert_eq!(pair.accepted[1].len(), 1, "the repeated SYN finds room");
}

#[test]
fn closing_the_listener_leaves_accepted_connections_open() {
    // §3.2
    let (mut pair, client, server) = Pair::connected(CHIP, CHIP);
    let listener = pair.hosts[1].netstat().sockets[0].socket;
    pair.hosts[1].tcp_unlisten(pair.now, lan::ListenerId(listener));
    pair.send(0, client, b"still here");
    pair.run(500);
    assert_eq!(pair.received[1], b"still here");
    assert_eq!(pair.hosts[1].tcp_state(server), Some(SocketState::Established));
    pair.connect();
    pair.run(100);
    assert_eq!(*pair.what_happened().last().unwrap(), "a closed -9");
}

// ---- keep-alive: docs/behaviour.md §3.4 ----

fn with_keepalive(timeout_secs: u64) -> (Pair, trace::SocketId, trace::SocketId) {
    let (mut pair, client, server) = Pair::connected(CHIP, CHIP);
    let (idle, interval) = (Duration::from_secs(timeout_secs), Duration::from_secs(10));
    pair.hosts[1].tcp_set_keepalive(pair.now, server, idle, interval, 1);
    (pair, client, server)
}

#[test]
fn a_silent_client_that_lives_is_never_disconnected() {
    let (mut pair, _, server) = with_keepalive(1);
    pair.run(60_000);
    assert!(pair.events.is_empty(), "{:#?}", pair.events);
    assert!(pair.frames.len() > 40, "probes and answers: {}", pair.frames.len());
    assert_eq!(pair.hosts[1].tcp_state(server), Some(SocketState::Established));
}

#[test]
fn a_dead_client_is_given_up_ten_seconds_after_the_timeout() {
    let (mut pair, ..) = with_keepalive(1);
    let heard = pair.ms() - 200;
    pair.filter = Box::new(|from, _| from != 0);
    pair.run(20_000);
    let probe = at(&pair.frames[0]) - heard;
    assert!((1000..=1250).contains(&probe), "{probe}");
    assert_eq!(pair.what_happened(), ["b closed -8", "a closed -9"]);
    let end = at(&pair.events[0]) - heard;
    assert!((11_000..=11_250).contains(&end), "{end}");
    assert_eq!(pair.what_was_sent().last().unwrap(), &"b RST ACK");
}

#[test]
fn a_client_that_has_forgotten_the_connection_resets_it() {
    let (mut pair, client, _) = with_keepalive(1);
    pair.filter = Box::new(|_, _| false);
    pair.hosts[0].tcp_abort(pair.now, client);
    pair.run(1);
    pair.filter = Box::new(|_, _| true);
    pair.run(3000);
    assert_eq!(pair.what_happened(), ["b closed -9"]);
}

// ---- endings: docs/behaviour.md §4.9 ----

#[test]
fn losing_the_address_ends_connections_and_leaves_listeners() {
    let (mut pair, client, server) = Pair::connected(CHIP, CHIP);
    let other = Address::new(Ipv4Addr::new(192, 168, 1, 77), 24);
    pair.hosts[1].set_address(pair.now, 0, Some(other));
    pair.run(1);
    assert_eq!(pair.what_happened()[0], "b closed -8");
    assert_eq!(pair.hosts[1].tcp_state(server), None);
    assert_eq!(pair.hosts[1].netstat().sockets.len(), 1, "the listener");
    pair.run(1000);
    assert_eq!(pair.hosts[0].tcp_state(client), None, "the other end was reset");
}

#[test]
fn unacknowledged_data_is_given_up_after_about_ten_minutes() {
    let (mut pair, client, _) = Pair::connected(CHIP, CHIP);
    pair.send(0, client, b"measured");
    pair.run(1000);
    pair.events.clear();
    pair.filter = Box::new(|_, _| false);
    let start = pair.ms();
    pair.send(0, client, b"lost");
    pair.run(900_000);
    assert_eq!(pair.what_happened(), ["a closed -8"]);
    let minutes = (at(&pair.events[0]) - start) as f64 / 60_000.0;
    assert!((9.5..9.8).contains(&minutes), "{minutes}");
}

#[test]
fn a_reset_ends_the_connection_with_nothing_else() {
    let (mut pair, client, server) = Pair::connected(CHIP, CHIP);
    pair.hosts[1].tcp_abort(pair.now, server);
    pair.run(10);
    assert_eq!(pair.what_happened(), ["a closed -9"]);
    assert_eq!(pair.hosts[0].tcp_send(pair.now, client, b"x"), Err(SendError::NotConnected));
}

#[test]
fn a_fin_that_is_never_answered_is_forgotten() {
    // §4.2: FIN_WAIT_2 is cut after 20 s.
    let (mut pair, client, _) = Pair::connected(CHIP, DESKTOP);
    pair.hosts[0].tcp_close(pair.now, client);
    pair.run(19_000);
    assert_eq!(pair.hosts[0].netstat().sockets[0].state, SocketState::FinWait2);
    pair.run(2000);
    assert!(pair.hosts[0].netstat().sockets.is_empty());
}

#[test]
fn handshakes_and_closes_that_the_other_end_leaves_unfinished_are_cut() {
    // §7: SYN_RCVD after 20 s, LAST_ACK after 10 s.
    let states = |pair: &Pair| -> Vec<_> { pair.hosts[1].netstat().sockets.iter().map(|row| row.state).collect() };
    let mut pair = Pair::new(DESKTOP, CHIP);
    pair.hosts[1].tcp_listen(pair.now, ANY, 80).unwrap();
    pair.connect();
    let mut syns = 0;
    pair.filter = Box::new(move |from, _| {
        syns += usize::from(from == 0);
        from == 1 || syns == 1
    });
    pair.run(19_000);
    assert_eq!(states(&pair), [SocketState::Listen, SocketState::SynReceived]);
    pair.run(2_000);
    assert_eq!(states(&pair), [SocketState::Listen]);

    let (mut pair, client, _) = Pair::connected(DESKTOP, CHIP);
    pair.hosts[0].tcp_close(pair.now, client);
    let mut sent = 0;
    pair.filter = Box::new(move |from, _| {
        sent += usize::from(from == 0);
        from == 1 || sent == 1
    });
    pair.run(9_000);
    assert_eq!(states(&pair), [SocketState::Listen, SocketState::LastAck]);
    pair.run(2_000);
    assert_eq!(states(&pair), [SocketState::Listen]);
}

// ---- desktops ----

#[test]
fn a_desktop_talks_to_itself_and_hears_of_absent_hosts() {
    let mut pair = Pair::new(DESKTOP, DESKTOP);
    pair.hosts[0].tcp_listen(pair.now, ANY, 8080).unwrap();
    let socket = pair.hosts[0].tcp_open();
    pair.hosts[0].tcp_connect(pair.now, socket, to(Ipv4Addr::LOCALHOST, 8080)).unwrap();
    pair.run(100);
    assert_eq!(pair.what_happened(), ["a connected", "a accepted"]);
    pair.events.clear();
    let socket = pair.hosts[0].tcp_open();
    pair.hosts[0].tcp_connect(pair.now, socket, to(Ipv4Addr::new(192, 168, 1, 99), 80)).unwrap();
    let start = pair.ms();
    pair.run(10_000);
    assert_eq!(pair.what_happened(), ["a closed -8"]);
    assert!(at(&pair.events[0]) - start < 5000);
}

#[test]
fn a_desktop_may_send_after_the_others_fin() {
    let (mut pair, client, server) = Pair::connected(DESKTOP, DESKTOP);
    pair.hosts[0].tcp_close_graceful(pair.now, client);
    pair.run(50);
    assert_eq!(pair.what_happened(), ["b closed 0"]);
    pair.send(1, server, b"late answer");
    pair.hosts[1].tcp_close(pair.now, server);
    pair.run(100);
    assert_eq!(pair.what_was_sent()[2..4], ["b FIN ACK 11", "a ACK"]);
}

#[test]
fn large_transfers_arrive_whole_in_both_directions() {
    for (a, b) in [(CHIP, CHIP), (CHIP, DESKTOP), (DESKTOP, CHIP), (DESKTOP, DESKTOP)] {
        let (mut pair, client, _) = Pair::connected(a, b);
        let data: Vec<u8> = (0..100_000u32).map(|i| (i * 7 / 3) as u8).collect();
        let mut sent = 0;
        while sent < data.len() {
            let length = pair.hosts[0].tcp_send_space(client).min(data.len() - sent);
            pair.send(0, client, &data[sent..sent + length]);
            sent += length;
            pair.run(300);
        }
        pair.run(1000);
        assert_eq!(pair.received[1], data, "{a:?} {b:?}");
    }
}
