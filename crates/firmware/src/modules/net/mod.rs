//! Lua module `net`: TCP clients and servers, UDP, names and pings (manual, net module; `docs/behaviour.md` §1 to §5).
//!
//! [`object`] holds what a program's sockets are, [`create`], [`server`], [`socket`] and [`udp`] are the functions that a
//! program calls on them, and [`callbacks`] is the way back: from events of the stack to the program's handlers. [`dns`],
//! [`ping`], [`ifinfo`] and [`multicast`] stand beside them. Checks stand in the order of the firmware's `net.c`, for a
//! program can see which fails first.
//!
//! Where manual and chip disagree (`docs/behaviour.md` §8), the board's behaviour profile decides, in the function
//! concerned; the manual profile then hints at what a chip does. Left out: `net.cert`, which no build of the firmware has
//! (the manual keeps only a link to `tls`).

mod callbacks;
mod create;
mod dns;
mod ifinfo;
mod multicast;
mod object;
mod ping;
mod server;
mod socket;
mod this;
mod udp;

use std::collections::BTreeMap;

use lan::QueryId;
use lua::Object as Userdata;
use lua::native::Call;
use trace::SocketId;

use self::object::{Handle, Objects};
use crate::alarm::AlarmId;
use crate::chip::Chip;
use crate::module::{Member, Module, ObjectType, constant, function, table};

pub(crate) use callbacks::{collected, handle_event};

/// `net.TCP`.
const TYPE_TCP: i64 = 1;
/// `net.UDP`.
const TYPE_UDP: i64 = 2;

/// The module's state on a running board.
#[derive(Debug, Default)]
pub(crate) struct State {
    objects: Objects,
    lookups: BTreeMap<QueryId, dns::Lookup>,
    pings: ping::Pings<ping::Handlers>,
    ping_alarm: Option<AlarmId>,
}

/// The module's declaration.
pub(crate) const MODULE: Module = Module {
    name: "net",
    doc: "TCP and UDP sockets, name resolution and ping.",
    members: &[
        constant("TCP", TYPE_TCP, "A type argument of old programs; nothing interprets it any more."),
        constant("UDP", TYPE_UDP, "A type argument of old programs; nothing interprets it any more."),
        function("createConnection", "(): net.socket", create::create_connection, "Creates a TCP client."),
        function("createServer", "([timeout]): net.server", create::create_server, "Creates a TCP server.")
            .parameters(&[("timeout", "seconds until an inactive client is disconnected, 1 to 28800; 30 by default")]),
        function("createUDPSocket", "(): net.udpsocket", create::create_udp_socket, "Creates a UDP socket."),
        function("ifinfo", "([if_index]): table", ifinfo::ifinfo, "Tells how a network interface is configured.")
            .parameters(&[("if_index", "0 for the station (default), 1 for the access point")]),
        function("multicastJoin", "(if_ip, multicast_ip)", multicast::join, "Joins a multicast group.")
            .parameters(MULTICAST_PARAMETERS),
        function("multicastLeave", "(if_ip, multicast_ip)", multicast::leave, "Leaves a multicast group.")
            .parameters(MULTICAST_PARAMETERS),
        function(
            "ping",
            "(target, [count], received, [summary])",
            ping::ping,
            "Pings a host and calls back for each request.",
        )
        .parameters(&[
            ("target", "domain name or IP address"),
            ("count", "how many requests; 4 by default"),
            ("received", "function(bytes, ip, sequence, time_ms), called for each request; bytes 0 for no reply"),
            ("summary", "function(ip, sent, lost, bytes, time_ms), called once at the end"),
        ]),
        table(
            "dns",
            &[
                function("getdnsserver", "([index]): string", dns::getdnsserver, "Tells the address of a DNS server.")
                    .parameters(&[("index", "0 (default) or 1")]),
                function("resolve", "(host, callback)", dns::resolve, "Resolves a host name.").parameters(&[
                    ("host", "domain name or IP address"),
                    ("callback", "function(nil, ip), called with the answer; ip is nil when there is none"),
                ]),
                function("setdnsserver", "(ip, [index])", dns::setdnsserver, "Sets a DNS server.")
                    .parameters(&[("ip", "IP address of the server"), ("index", "0 (default) or 1")]),
            ],
            "Name resolution.",
        ),
    ],
    types: &[SERVER, SOCKET, UDP_SOCKET],
};

const MULTICAST_PARAMETERS: &[(&str, &str)] =
    &[("if_ip", "address of the interface; \"any\" or \"\" for all"), ("multicast_ip", "address of the group")];

const SERVER: ObjectType = ObjectType {
    name: "net.tcpserver",
    manual_name: "net.server",
    doc: "A TCP server.",
    methods: &[
        function("listen", "([port], [ip], callback)", server::listen, "Listens, and calls back for each client.")
            .parameters(&[
                ("port", "port number; a random one when left out"),
                ("ip", "own address to listen on; all when left out"),
                ("callback", "function(net.socket), called when a client has connected"),
            ])
            .socket(socket_of),
        GETADDR,
        function("close", "()", socket::close, "Stops listening; connected clients stay.").socket(socket_of),
    ],
};

const SOCKET: ObjectType = ObjectType {
    name: "net.tcpsocket",
    manual_name: "net.socket",
    doc: "A TCP connection.",
    methods: &[
        function("connect", "(port, host, [connection])", socket::connect, "Connects to a server.")
            .parameters(&[
                ("port", "port number"),
                ("host", "IP address or domain name"),
                ("connection", "function(net.socket), as on(\"connection\")"),
            ])
            .socket(socket_of),
        function("close", "()", socket::close, "Closes the connection.").socket(socket_of),
        function("on", "(event, handler)", socket::on, "Registers a handler for an event, or removes it with nil.")
            .parameters(&[
                ("event", "\"connection\", \"reconnection\", \"disconnection\", \"receive\", \"sent\" or \"dns\""),
                ("handler", "function(net.socket, [data | code | ip]) or nil"),
            ])
            .socket(socket_of),
        function("send", "(data, [sent])", socket::send, "Sends data: at most 2920 bytes until they are acknowledged.")
            .parameters(&[("data", "string to send"), ("sent", "function(net.socket), as on(\"sent\")")])
            .socket(socket_of),
        function("hold", "()", socket::hold, "Stops reopening the receive window.").socket(socket_of),
        function("unhold", "()", socket::unhold, "Reopens the receive window.").socket(socket_of),
        DNS,
        TTL,
        function("getpeer", "(): port, ip", socket::getpeer, "Tells the other end; nil, nil if not connected.")
            .socket(socket_of),
        GETADDR,
    ],
};

const UDP_SOCKET: ObjectType = ObjectType {
    name: "net.udpsocket",
    manual_name: "net.udpsocket",
    doc: "A UDP socket.",
    methods: &[
        function("listen", "([port], [ip])", server::listen, "Receives on a port.")
            .parameters(&[
                ("port", "port number; the first free one from 4096 when left out"),
                ("ip", "own address to receive on; all when left out"),
            ])
            .socket(socket_of),
        function("close", "()", socket::close, "Gives the port up.").socket(socket_of),
        function("on", "(event, handler)", socket::on, "Registers a handler for an event, or removes it with nil.")
            .parameters(&[
                ("event", "\"receive\", \"sent\" or \"dns\""),
                ("handler", "function(net.udpsocket, [data, port, ip | ip]) or nil"),
            ])
            .socket(socket_of),
        function("send", "(port, ip, data, [sent])", socket::send, "Sends a datagram.")
            .parameters(&[
                ("port", "remote port"),
                ("ip", "remote IP address"),
                ("data", "payload"),
                ("sent", "function(net.udpsocket), as on(\"sent\")"),
            ])
            .socket(socket_of),
        DNS,
        TTL,
        GETADDR,
    ],
};

const GETADDR: Member =
    function("getaddr", "(): port, ip", socket::getaddr, "Tells the own end; nil, nil if there is none yet.")
        .socket(socket_of);

const DNS: Member = function("dns", "(domain, [callback])", socket::dns, "Resolves a host name.")
    .parameters(&[("domain", "domain name or IP address"), ("callback", "function(socket, ip), as on(\"dns\")")])
    .socket(socket_of);

const TTL: Member = function("ttl", "([ttl]): number", socket::ttl, "Reads or sets the time to live of packets.")
    .parameters(&[("ttl", "new value")])
    .socket(socket_of);

/// The socket that a method is called on, for the call's record.
fn socket_of(chip: &Chip, call: &Call<'_, '_>) -> Option<SocketId> {
    let handle = Userdata::from_value(call.arg(1)).and_then(|object| object.payload::<Handle>())?;
    chip.modules.net.borrow().objects.get(handle.id)?.socket()
}
