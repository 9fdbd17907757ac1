//! Datagrams, names, echoes, neighbours, groups and leases, as docs/behaviour.md says them.

mod support;

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use lan::world::dhcp::{DhcpServer, DhcpServerConfig};
use lan::{BindError, DnsError, Event, MacAddress, UdpSendError};
use support::{A, ANY, B, CHIP, DESKTOP, Pair, at, silences, to};
use trace::{Instant, Silence};

// ---- sockets: docs/behaviour.md §5 ----

#[test]
fn ports_are_given_out_from_4096_upward() {
    let mut pair = Pair::chips();
    let now = pair.now;
    let host = &mut pair.hosts[0];
    let sockets: Vec<_> = (0..3).map(|_| host.udp_open()).collect();
    for socket in &sockets {
        host.udp_bind(now, *socket, ANY, 0).unwrap();
    }
    let ports: Vec<_> = sockets.iter().map(|socket| host.udp_local(*socket).unwrap().port).collect();
    assert_eq!(ports, [4096, 4097, 4098]);
    host.udp_close(now, sockets[1]);
    let next = host.udp_open();
    host.udp_bind(now, next, ANY, 0).unwrap();
    assert_eq!(host.udp_local(next), Some(to(ANY, 4097)));
    assert_eq!(host.udp_bind(now, next, ANY, 5), Err(BindError::AlreadyBound));
    let other = host.udp_open();
    assert_eq!(host.udp_bind(now, other, A, 4096), Err(BindError::AddressInUse), "taken on any address");
}

#[test]
fn a_send_binds_and_a_datagram_arrives_with_its_source() {
    let mut pair = Pair::chips();
    let receiver = pair.hosts[1].udp_open();
    pair.hosts[1].udp_bind(pair.now, receiver, ANY, 9).unwrap();
    let sender = pair.hosts[0].udp_open();
    pair.hosts[0].udp_send(pair.now, sender, to(B, 9), b"hello").unwrap();
    pair.run(10);
    assert_eq!(pair.what_happened(), [format!("b datagram 5 from {A}:4096")]);
    assert_eq!(pair.what_was_sent(), ["a UDP 5"]);
}

#[test]
fn sending_without_a_route_fails_and_from_a_foreign_address_too() {
    let mut pair = Pair::chips();
    let socket = pair.hosts[0].udp_open();
    pair.hosts[0].udp_bind(pair.now, socket, Ipv4Addr::new(10, 0, 0, 1), 5).unwrap();
    assert_eq!(pair.hosts[0].udp_send(pair.now, socket, to(B, 9), b"x"), Err(UdpSendError::IllegalValue));
    pair.hosts[0].set_address(pair.now, 0, None);
    let socket = pair.hosts[0].udp_open();
    assert_eq!(pair.hosts[0].udp_send(pair.now, socket, to(B, 9), b"x"), Err(UdpSendError::NoRoute));
    assert_eq!(UdpSendError::NoRoute.to_string(), "routing problem");
}

#[test]
fn a_closed_port_is_reported_by_icmp_and_a_group_is_not() {
    let mut pair = Pair::new(DESKTOP, CHIP);
    let socket = pair.hosts[0].udp_open();
    pair.hosts[0].udp_send(pair.now, socket, to(B, 9), b"x").unwrap();
    pair.run(10);
    assert_eq!(pair.what_was_sent(), ["a UDP 1", "b ICMP 3"]);
    assert_eq!(pair.what_happened(), ["a icmp PortUnreachable"]);
    assert_eq!(silences(&pair), [Silence::ClosedPort]);
    pair.hosts[0].udp_send(pair.now, socket, to(Ipv4Addr::BROADCAST, 9), b"x").unwrap();
    pair.run(10);
    assert_eq!(pair.what_was_sent().len(), 3);
}

#[test]
fn the_latest_bound_socket_gets_a_datagram_and_broadcasts_reach_specific_addresses() {
    let mut pair = Pair::chips();
    let (first, second) = (pair.hosts[1].udp_open(), pair.hosts[1].udp_open());
    pair.hosts[1].udp_bind(pair.now, first, B, 9).unwrap();
    let other = Ipv4Addr::new(192, 168, 1, 51);
    pair.hosts[1].udp_bind(pair.now, second, other, 9).unwrap();
    let got = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&got);
    pair.handlers[1] = Box::new(move |_, _, event| {
        if let Event::Datagram { socket, .. } = event {
            seen.borrow_mut().push(*socket);
        }
    });
    let group = Ipv4Addr::new(224, 0, 0, 251);
    pair.hosts[1].join_group(pair.now, ANY, group).unwrap();
    let sender = pair.hosts[0].udp_open();
    for ip in [B, Ipv4Addr::BROADCAST, Ipv4Addr::new(192, 168, 1, 255), group] {
        pair.hosts[0].udp_send(pair.now, sender, to(ip, 9), b"x").unwrap();
    }
    pair.run(10);
    assert_eq!(*got.borrow(), [first, second, second, second]);
}

#[test]
fn a_datagram_longer_than_a_frame_is_lost() {
    let mut pair = Pair::chips();
    let socket = pair.hosts[0].udp_open();
    pair.hosts[0].udp_send(pair.now, socket, to(B, 9), &[0; 1472]).unwrap();
    assert_eq!(pair.hosts[0].udp_send(pair.now, socket, to(B, 9), &[0; 1473]), Ok(()));
    pair.run(10);
    assert_eq!(pair.what_was_sent(), ["a UDP 1472", "b ICMP 3"]);
}

// ---- neighbours ----

#[test]
fn many_absent_neighbours_do_not_hinder_a_present_one() {
    let mut pair = Pair::chips();
    let receiver = pair.hosts[1].udp_open();
    pair.hosts[1].udp_bind(pair.now, receiver, ANY, 9).unwrap();
    let sender = pair.hosts[0].udp_open();
    for last in 60..90 {
        pair.hosts[0].udp_send(pair.now, sender, to(Ipv4Addr::new(192, 168, 1, last), 9), b"x").unwrap();
    }
    pair.hosts[0].udp_send(pair.now, sender, to(B, 9), b"here").unwrap();
    let start = pair.ms();
    pair.run(10_000);
    assert_eq!(pair.what_happened(), [format!("b datagram 4 from {A}:4096")]);
    assert!(at(&pair.events[0]) - start <= 4, "at most one question and answer later");
}

#[test]
fn a_neighbour_that_appears_late_gets_what_waited_for_it() {
    let mut pair = Pair::chips();
    pair.hosts[0].set_link(pair.now, 0, false);
    pair.hosts[0].set_link(pair.now, 0, true);
    let receiver = pair.hosts[1].udp_open();
    pair.hosts[1].udp_bind(pair.now, receiver, ANY, 9).unwrap();
    pair.hosts[1].set_link(pair.now, 0, false);
    let sender = pair.hosts[0].udp_open();
    pair.hosts[0].udp_send(pair.now, sender, to(B, 9), b"patience").unwrap();
    pair.run(1500);
    pair.hosts[1].set_link(pair.now, 0, true);
    pair.run(1000);
    assert_eq!(pair.what_happened(), [format!("b datagram 8 from {A}:4096")]);
}

#[test]
fn ten_neighbours_are_remembered_and_the_oldest_goes() {
    // docs/behaviour.md §7
    let mut pair = Pair::chips();
    let known = |pair: &Pair| -> Vec<_> { pair.hosts[0].netstat().neighbours.iter().map(|row| row.ip).collect() };
    assert_eq!(known(&pair), [B]);
    let sender = pair.hosts[0].udp_open();
    let absent = |last| Ipv4Addr::new(192, 168, 1, last);
    for last in 60..69 {
        pair.hosts[0].udp_send(pair.now, sender, to(absent(last), 9), b"x").unwrap();
    }
    assert_eq!(known(&pair).len(), 10);
    assert!(known(&pair).contains(&B));
    pair.hosts[0].udp_send(pair.now, sender, to(absent(69), 9), b"x").unwrap();
    assert_eq!(known(&pair), (60..70).map(absent).collect::<Vec<_>>());
}

#[test]
fn a_neighbour_is_believed_for_twenty_minutes() {
    // docs/behaviour.md §7: 240 ticks of 5 s.
    for (silent_ms, sent) in [(1_190_000, &["a UDP 1"][..]), (1_201_000, &["a ARP", "b ARP", "a UDP 1"])] {
        let mut pair = Pair::chips();
        let receiver = pair.hosts[1].udp_open();
        pair.hosts[1].udp_bind(pair.now, receiver, ANY, 9).unwrap();
        let sender = pair.hosts[0].udp_open();
        pair.run(silent_ms);
        pair.hosts[0].udp_send(pair.now, sender, to(B, 9), b"x").unwrap();
        pair.run(100);
        assert_eq!(pair.what_was_sent(), sent, "after {silent_ms} ms");
    }
}

// ---- echoes: docs/behaviour.md §2.10 ----

#[test]
fn unicast_echoes_are_answered_and_broadcast_ones_are_not() {
    let mut pair = Pair::chips();
    pair.hosts[0].echo_send(pair.now, B, 0xafaf, 7, 255, &[0; 32]).unwrap();
    pair.hosts[0].echo_send(pair.now, Ipv4Addr::new(192, 168, 1, 255), 0xafaf, 8, 255, &[0; 32]).unwrap();
    pair.hosts[0].echo_send(pair.now, A, 0xafaf, 9, 255, &[0; 32]).unwrap();
    pair.run(5000);
    assert_eq!(pair.what_happened(), [format!("a echo {B} 7")], "no broadcast, no loopback");
}

// ---- names: docs/behaviour.md §2.7 ----

/// `b` is the name server of `a`; `answer` makes an answer's flags and addresses from the name, or none.
fn with_name_server(answer: impl Fn(&str) -> Option<(u16, Vec<Ipv4Addr>)> + 'static) -> Pair {
    let mut pair = Pair::chips();
    pair.hosts[0].set_dns_server(0, Some(B));
    let server = pair.hosts[1].udp_open();
    pair.hosts[1].udp_bind(pair.now, server, ANY, 53).unwrap();
    pair.handlers[1] = Box::new(move |host, now, event| {
        let Event::Datagram { socket, data, from, .. } = event else { return };
        let name = question_name(data);
        let Some((flags, addresses)) = answer(&name) else { return };
        let mut reply = data.clone();
        reply[2..4].copy_from_slice(&flags.to_be_bytes());
        reply[6..8].copy_from_slice(&(addresses.len() as u16).to_be_bytes());
        for ip in addresses {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            reply.extend(ip.octets());
        }
        host.udp_send(now, *socket, *from, &reply).unwrap();
    });
    pair
}

fn question_name(data: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut at = 12;
    while data[at] > 0 {
        let end = at + 1 + usize::from(data[at]);
        labels.push(String::from_utf8(data[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    labels.join(".")
}

const ANSWER: u16 = 0x8180;
const NXDOMAIN: u16 = 0x8183;

#[test]
fn a_name_is_resolved_and_never_remembered() {
    let mut pair = with_name_server(|name| Some((ANSWER, vec![Ipv4Addr::new(1, 2, 3, name.len() as u8)])));
    for _ in 0..2 {
        pair.frames.clear();
        pair.hosts[0].dns_resolve(pair.now, b"example.com").unwrap();
        pair.run(100);
        assert_eq!(pair.what_was_sent().len(), 2);
    }
    let resolved: Vec<_> = pair.what_happened().into_iter().filter(|event| event.contains("resolved")).collect();
    assert_eq!(resolved, ["a resolved Some(1.2.3.11)"; 2]);
}

#[test]
fn a_dead_server_takes_six_to_seven_seconds_and_two_take_thirteen_to_fourteen() {
    for (servers, questions, range) in [(1, 4, 6000..=7000), (2, 7, 13_000..=14_000)] {
        let mut pair = with_name_server(|_| None);
        if servers == 2 {
            pair.hosts[0].set_dns_server(1, Some(B));
        }
        let start = pair.ms();
        pair.hosts[0].dns_resolve(pair.now, b"example.com").unwrap();
        pair.run(20_000);
        assert_eq!(pair.frames.len(), questions, "{:#?}", pair.frames);
        let times: Vec<_> = pair.frames.iter().map(|line| at(line) - start).collect();
        assert_eq!(times[0], 0);
        let first_tick = times[1];
        let ticks: Vec<_> = times[1..].iter().map(|time| (time - first_tick) / 1000 + 1).collect();
        assert_eq!(ticks, [1, 2, 4, 8, 9, 11][..questions - 1]);
        let end = pair.events.iter().find(|line| line.ends_with("a resolved None")).unwrap();
        assert!(range.contains(&(at(end) - start)), "{end}");
    }
}

#[test]
fn an_error_answer_is_ignored_unless_told_otherwise() {
    for (believes, range) in [(false, 6000..=7000), (true, 2..=2)] {
        let mut pair = with_name_server(|_| Some((NXDOMAIN, Vec::new())));
        pair.hosts[0].set_dns_errors_end_lookups(believes);
        let start = pair.ms();
        pair.hosts[0].dns_resolve(pair.now, b"no.such.name").unwrap();
        pair.run(10_000);
        let end = pair.events.iter().find(|line| line.ends_with("a resolved None")).unwrap();
        assert!(range.contains(&(at(end) - start)), "{end}");
        assert_eq!(silences(&pair).contains(&Silence::DnsErrorIgnored), !believes);
    }
}

#[test]
fn a_good_answer_without_an_address_fails_at_once() {
    let mut pair = with_name_server(|_| Some((ANSWER, Vec::new())));
    pair.hosts[0].dns_resolve(pair.now, b"example.com").unwrap();
    pair.run(10);
    assert_eq!(*pair.what_happened().last().unwrap(), "a resolved None");
}

#[test]
fn of_two_lookups_the_later_question_is_recognised_first() {
    let mut pair = with_name_server(|name| Some((ANSWER, vec![Ipv4Addr::new(1, 1, 1, name.len() as u8)])));
    let start = pair.ms();
    pair.hosts[0].dns_resolve(pair.now, b"a").unwrap();
    pair.hosts[0].dns_resolve(pair.now, b"bb").unwrap();
    pair.run(3000);
    let resolved: Vec<_> = pair.events.iter().filter(|line| line.contains("resolved")).collect();
    assert!(resolved[0].ends_with("1.1.1.2)") && at(resolved[0]) - start == 2, "{resolved:?}");
    assert!(resolved[1].ends_with("1.1.1.1)") && at(resolved[1]) - start <= 1010, "{resolved:?}");
}

#[test]
fn a_lookup_that_nobody_answers_starves_the_one_before_it_in_the_table() {
    // `dns_check_entries` asks in the order of the table, and only the question sent last is recognised.
    let answer = |name: &str| Some(if name == "a" { (ANSWER, vec![B]) } else { (NXDOMAIN, Vec::new()) });
    for (names, answered) in [(["a", "bb"], false), (["bb", "a"], true)] {
        let mut pair = with_name_server(answer);
        for name in names {
            pair.hosts[0].dns_resolve(pair.now, name.as_bytes()).unwrap();
        }
        pair.run(10_000);
        let resolved = pair.what_happened().into_iter().filter(|event| event.contains("resolved Some")).count();
        assert_eq!(resolved, usize::from(answered), "{names:?}");
    }
}

#[test]
fn an_answered_lookup_keeps_its_place_in_the_table() {
    // The answers are good for 60 s: after three of them "bb" gets the last place and "a", though asked later, the first.
    for (answered_before, is_answered) in [(0, true), (3, false)] {
        let mut pair =
            with_name_server(|name| Some(if name == "a" { (ANSWER, vec![B]) } else { (NXDOMAIN, Vec::new()) }));
        for _ in 0..answered_before {
            pair.hosts[0].dns_resolve(pair.now, b"a").unwrap();
            pair.run(100);
        }
        pair.filter = Box::new(|from, _| from == 0);
        pair.hosts[0].dns_resolve(pair.now, b"bb").unwrap();
        pair.hosts[0].dns_resolve(pair.now, b"a").unwrap();
        pair.run(50);
        pair.filter = Box::new(|_, _| true);
        pair.events.clear();
        pair.run(10_000);
        let answers = pair.what_happened().into_iter().filter(|event| event.contains("resolved Some")).count();
        assert_eq!(answers, usize::from(is_answered), "after {answered_before}");
    }
}

#[test]
fn four_lookups_fill_the_table() {
    let mut pair = with_name_server(|_| None);
    for name in ["a", "b", "c", "d"] {
        pair.hosts[0].dns_resolve(pair.now, name.as_bytes()).unwrap();
    }
    assert_eq!(pair.hosts[0].dns_resolve(pair.now, b"e"), Err(DnsError::OutOfMemory));
    assert_eq!(pair.hosts[0].dns_resolve(pair.now, b""), Err(DnsError::IllegalArgument));
    assert_eq!(pair.hosts[0].dns_resolve(pair.now, &[b'x'; 256]), Err(DnsError::IllegalArgument));
}

#[test]
fn a_failed_lookup_keeps_its_place_until_its_owner_has_heard_of_it() {
    let mut pair = with_name_server(|_| None);
    for name in ["a", "b", "c", "d"] {
        pair.hosts[0].dns_resolve(pair.now, name.as_bytes()).unwrap();
    }
    let inside = Rc::new(RefCell::new(Vec::new()));
    let results = Rc::clone(&inside);
    pair.handlers[0] = Box::new(move |host, now, event| {
        if let Event::DnsDone { .. } = event {
            results.borrow_mut().push(host.dns_resolve(now, b"again").map(|_| ()));
        }
    });
    pair.run(7_500);
    // All four time out at one tick; the first owner finds its own place and three others taken, the second the first's.
    assert_eq!(*inside.borrow(), [Err(DnsError::OutOfMemory), Ok(()), Ok(()), Ok(())]);
    assert_eq!(pair.hosts[0].dns_resolve(pair.now, b"e").map(|_| ()), Ok(()), "the last one's");
}

#[test]
fn questions_come_from_a_port_that_programs_do_not_get() {
    // docs/behaviour.md §5.1, §7: theirs begin at 4096.
    let mut pair = with_name_server(|_| None);
    pair.hosts[0].dns_resolve(pair.now, b"a").unwrap();
    pair.run(10);
    assert_eq!(pair.what_happened(), [format!("b datagram 19 from {A}:4095")]);
}

#[test]
fn without_a_network_a_lookup_fails_in_its_time() {
    let mut pair = Pair::chips();
    pair.hosts[0].set_address(pair.now, 0, None);
    pair.events.clear();
    let start = pair.ms();
    pair.hosts[0].dns_resolve(pair.now, b"example.com").unwrap();
    pair.run(10_000);
    let end = pair.events.iter().find(|line| line.ends_with("a resolved None")).unwrap();
    assert!((6000..=7000).contains(&(at(end) - start)));
    assert_eq!(pair.hosts[0].dns_servers(), [Some(Ipv4Addr::new(208, 67, 222, 222)), None]);
}

// ---- groups: docs/behaviour.md §2.6 ----

#[test]
fn groups_are_reported_counted_and_left() {
    let mut pair = Pair::chips();
    let group = Ipv4Addr::new(239, 1, 2, 3);
    pair.hosts[0].join_group(pair.now, A, group).unwrap();
    pair.hosts[0].join_group(pair.now, ANY, group).unwrap();
    pair.run(1000);
    assert_eq!(pair.what_was_sent(), ["a IGMP"; 2], "a report, and once more in case it was lost");
    assert_eq!(pair.hosts[0].netstat().interfaces[0].groups, [group]);
    pair.hosts[0].leave_group(pair.now, A, group).unwrap();
    pair.run(10);
    assert_eq!(pair.what_was_sent().len(), 2);
    pair.hosts[0].leave_group(pair.now, A, group).unwrap();
    pair.run(10);
    assert_eq!(pair.what_was_sent().len(), 3);
    assert!(pair.hosts[0].leave_group(pair.now, A, group).is_err());
    assert!(pair.hosts[0].join_group(pair.now, A, B).is_err());
    assert!(pair.hosts[0].join_group(pair.now, B, group).is_err());
}

#[test]
fn only_members_hear_a_group() {
    let mut pair = Pair::chips();
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let receiver = pair.hosts[1].udp_open();
    pair.hosts[1].udp_bind(pair.now, receiver, ANY, 9).unwrap();
    let sender = pair.hosts[0].udp_open();
    for is_member in [false, true, false] {
        if is_member {
            pair.hosts[1].join_group(pair.now, ANY, group).unwrap();
        } else {
            let _ = pair.hosts[1].leave_group(pair.now, ANY, group);
        }
        pair.events.clear();
        pair.hosts[0].udp_send(pair.now, sender, to(group, 9), b"hello").unwrap();
        pair.run(1000);
        assert_eq!(pair.what_happened().iter().any(|line| line.contains("datagram 5")), is_member);
    }
}

// ---- leases ----

#[test]
fn a_lease_is_asked_for_kept_and_given_back() {
    let mut pair = Pair::chips();
    pair.hosts[0].set_address(pair.now, 0, None);
    pair.hosts[1].set_address(pair.now, 0, None);
    pair.run(1);
    pair.events.clear();
    let server_mac = MacAddress([2, 0, 0, 0, 0, 2]);
    let server =
        Rc::new(RefCell::new(DhcpServer::new(DhcpServerConfig::soft_ap(Ipv4Addr::new(192, 168, 4, 1), server_mac))));
    // The server sits beside the stack of `b`: what `a` sends is shown to it.
    let answers = Rc::new(RefCell::new(Vec::new()));
    let (box_server, box_answers) = (Rc::clone(&server), Rc::clone(&answers));
    pair.filter = Box::new(move |from, frame| {
        if from == 0
            && let Some(exchange) = box_server.borrow_mut().handle_frame(Instant::ZERO, frame)
        {
            box_answers.borrow_mut().extend(exchange.reply.map(|reply| reply.frame));
        }
        true
    });
    pair.hosts[0].start_dhcp(pair.now, 0);
    for _ in 0..6 {
        pair.run(2);
        for answer in std::mem::take(&mut *answers.borrow_mut()) {
            pair.hosts[1].send_frame(pair.now, 0, answer);
        }
    }
    pair.run(50);
    let lease = pair.hosts[0].lease(0).cloned().unwrap_or_else(|| panic!("no lease: {:#?}", pair.frames));
    assert_eq!(lease.server, Ipv4Addr::new(192, 168, 4, 1));
    assert_eq!(pair.hosts[0].address(0).unwrap(), lease.address);
    assert_eq!(lease.address.gateway, Some(Ipv4Addr::new(192, 168, 4, 1)));
    assert!(pair.what_happened().iter().any(|event| event.starts_with("a address Some(192.168.4.")));
    pair.hosts[0].stop_dhcp(pair.now, 0, true);
    pair.run(10);
    assert_eq!(pair.hosts[0].address(0), None);
}

#[test]
fn without_a_server_the_client_goes_on_and_says_so_once() {
    let mut pair = Pair::chips();
    pair.hosts[0].set_address(pair.now, 0, None);
    pair.run(1);
    pair.events.clear();
    pair.hosts[0].start_dhcp(pair.now, 0);
    pair.run(120_000);
    assert_eq!(pair.what_happened(), ["a dhcp timeout"]);
    assert!(pair.frames.len() >= 6, "{:#?}", pair.frames);
    assert!(pair.hosts[0].dhcp_active(0));
}
