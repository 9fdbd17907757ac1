//! Tools that only look: `arp`, `ip`, `ifconfig`, `route`, `netstat`, `ss`.

use std::net::Ipv4Addr;

use trace::{Endpoint, Protocol, SocketState};

use crate::host::Host;
use crate::netstat::SocketRow;

/// What `words` print; `None` if they are none of these tools, or not in a way we know.
pub(super) fn run(words: &[String], host: &Host) -> Option<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["arp", ..] => Some(arp(host)),
        ["ifconfig", ..] => Some(ifconfig(host)),
        ["ip", "a" | "addr" | "address", ..] => Some(ip_address(host)),
        ["ip", "r" | "route", ..] => Some(ip_route(host)),
        ["ip", "n" | "neigh" | "neighbour" | "neighbor", ..] => Some(ip_neighbours(host)),
        ["ip", ..] => Some("Usage: ip { address | route | neighbour }\n".into()),
        ["route", ..] => Some(route(host)),
        ["netstat" | "ss", ..] => Some(sockets(host)),
        _ => None,
    }
}

fn arp(host: &Host) -> String {
    let mut text = String::new();
    for row in host.netstat().neighbours {
        text.push_str(&match row.mac {
            Some(mac) => format!("? ({}) at {mac} [ether] on eth0\n", row.ip),
            None => format!("? ({}) at <incomplete> on eth0\n", row.ip),
        });
    }
    text
}

fn ip_neighbours(host: &Host) -> String {
    let mut text = String::new();
    for row in host.netstat().neighbours {
        text.push_str(&match row.mac {
            Some(mac) => format!("{} dev eth0 lladdr {mac} REACHABLE\n", row.ip),
            None => format!("{} dev eth0 INCOMPLETE\n", row.ip),
        });
    }
    text
}

fn ifconfig(host: &Host) -> String {
    let mut text = String::new();
    for row in host.netstat().interfaces {
        let state = if row.up { "UP,BROADCAST,RUNNING,MULTICAST" } else { "BROADCAST,MULTICAST" };
        text.push_str(&format!("eth{}: flags=<{state}>  mtu 1500\n", row.interface));
        if let Some(address) = row.address {
            let (ip, netmask, broadcast) = (address.ip, address.netmask(), address.broadcast());
            text.push_str(&format!("        inet {ip}  netmask {netmask}  broadcast {broadcast}\n"));
        }
        text.push_str(&format!("        ether {}  txqueuelen 1000  (Ethernet)\n\n", row.mac));
    }
    text.push_str("lo: flags=<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n");
    text
}

fn ip_address(host: &Host) -> String {
    let mut text = String::from(
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\n    link/loopback 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n",
    );
    for (row, number) in host.netstat().interfaces.iter().zip(2..) {
        let state = if row.up { "BROADCAST,MULTICAST,UP,LOWER_UP" } else { "NO-CARRIER,BROADCAST,MULTICAST,UP" };
        let name = row.interface;
        text.push_str(&format!(
            "{number}: eth{name}: <{state}> mtu 1500\n    link/ether {} brd ff:ff:ff:ff:ff:ff\n",
            row.mac
        ));
        if let Some(address) = row.address {
            let (ip, length, broadcast) = (address.ip, address.prefix_len, address.broadcast());
            text.push_str(&format!("    inet {ip}/{length} brd {broadcast} scope global eth{name}\n"));
        }
    }
    text
}

fn ip_route(host: &Host) -> String {
    let Some(address) = host.address(0) else { return String::new() };
    let network = Ipv4Addr::from_bits(address.ip.to_bits() & address.netmask().to_bits());
    let mut text = String::new();
    if let Some(gateway) = address.gateway {
        text.push_str(&format!("default via {gateway} dev eth0\n"));
    }
    text.push_str(&format!("{network}/{} dev eth0 scope link src {}\n", address.prefix_len, address.ip));
    text
}

fn route(host: &Host) -> String {
    let mut text =
        String::from("Kernel IP routing table\nDestination     Gateway         Genmask         Flags Iface\n");
    let Some(address) = host.address(0) else { return text };
    let mut row = |destination: Ipv4Addr, gateway: Ipv4Addr, mask: Ipv4Addr, flags: &str| {
        let (destination, gateway, mask) = (destination.to_string(), gateway.to_string(), mask.to_string());
        text.push_str(&format!("{destination:<15} {gateway:<15} {mask:<15} {flags:<5} eth0\n"));
    };
    if let Some(gateway) = address.gateway {
        row(Ipv4Addr::UNSPECIFIED, gateway, Ipv4Addr::UNSPECIFIED, "UG");
    }
    let network = Ipv4Addr::from_bits(address.ip.to_bits() & address.netmask().to_bits());
    row(network, Ipv4Addr::UNSPECIFIED, address.netmask(), "U");
    text
}

fn sockets(host: &Host) -> String {
    let mut text = format!(
        "{:<5} {:>6} {:>6} {:<22} {:<22} State\n",
        "Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address"
    );
    for row in host.netstat().sockets {
        let protocol = match row.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        let (local, remote) = (end(row.local), end(row.remote));
        let (received, sent, state) = (row.receive_queue, row.send_queue, state_name(&row));
        text.push_str(&format!("{protocol:<5} {received:>6} {sent:>6} {local:<22} {remote:<22} {state}\n"));
    }
    text
}

fn end(end: Endpoint) -> String {
    if end.port == 0 { format!("{}:*", end.ip) } else { format!("{}:{}", end.ip, end.port) }
}

fn state_name(row: &SocketRow) -> &'static str {
    match row.state {
        _ if row.protocol == Protocol::Udp => "",
        SocketState::Closed | SocketState::Bound | SocketState::Resolving => "CLOSED",
        SocketState::Listen => "LISTEN",
        SocketState::SynSent => "SYN_SENT",
        SocketState::SynReceived => "SYN_RECV",
        SocketState::Established => "ESTABLISHED",
        SocketState::FinWait1 => "FIN_WAIT1",
        SocketState::FinWait2 => "FIN_WAIT2",
        SocketState::CloseWait => "CLOSE_WAIT",
        SocketState::Closing => "CLOSING",
        SocketState::LastAck => "LAST_ACK",
        SocketState::TimeWait => "TIME_WAIT",
    }
}
