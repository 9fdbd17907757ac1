//! Snapshots of a host's tables, for the page, the command line and tests.

use std::net::Ipv4Addr;

use serde::Serialize;
use trace::{Endpoint, Protocol, SocketId, SocketState};

use crate::address::{Address, MacAddress};

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct SocketRow {
    /// Which.
    pub socket: SocketId,
    /// Its transport.
    pub protocol: Protocol,
    /// Its own end.
    pub local: Endpoint,
    /// The other end; 0.0.0.0:0 for a listener and for UDP.
    pub remote: Endpoint,
    /// Its state.
    pub state: SocketState,
    /// Bytes queued or not yet acknowledged.
    pub send_queue: u32,
    /// Bytes that the window has not been reopened for.
    pub receive_queue: u32,
    /// Whether the program holds the receive window.
    pub held: bool,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct InterfaceRow {
    /// Its number.
    pub interface: u8,
    /// Its Ethernet address.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub mac: MacAddress,
    /// Whether it has a link.
    pub up: bool,
    /// Its address.
    #[cfg_attr(feature = "typescript", ts(type = "{ ip: string, prefix_len: number, gateway: string | null } | null"))]
    pub address: Option<Address>,
    /// Groups it is a member of.
    #[cfg_attr(feature = "typescript", ts(type = "Array<string>"))]
    pub groups: Vec<Ipv4Addr>,
}

/// One neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct NeighbourRow {
    /// The interface it is on.
    pub interface: u8,
    /// Its address.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub ip: Ipv4Addr,
    /// Its Ethernet address; `None` while nobody has answered.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub mac: Option<MacAddress>,
}

/// Everything at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(export))]
pub struct Netstat {
    /// Sockets in the order of their creation.
    pub sockets: Vec<SocketRow>,
    /// Interfaces.
    pub interfaces: Vec<InterfaceRow>,
    /// The ARP table.
    pub neighbours: Vec<NeighbourRow>,
    /// Name servers.
    #[cfg_attr(feature = "typescript", ts(type = "Array<string>"))]
    pub dns_servers: Vec<Ipv4Addr>,
}
