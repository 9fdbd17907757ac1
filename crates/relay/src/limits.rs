//! Every bound of the relay, named, with its default.

use std::time::Duration;

/// What one client, and all together, may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// TCP connections open at once, whatever they are for; one more is closed at once.
    pub connections_max: usize,
    /// WebSockets open at once.
    pub clients_max: usize,
    /// Streams of one client.
    pub client_streams_max: usize,
    /// Ports that one client may publish.
    pub client_published_max: usize,
    /// Streams that one client may open in a second.
    pub opens_per_second_max: u32,
    /// Bytes a second that one client may send and receive together; 0 for no limit.
    pub client_bytes_per_second_max: u64,
    /// Credit of an upload, in packets. A server must hold twice as many (see [`relay_protocol::credit`]).
    pub credit_packets: u32,
    /// A longer upload packet waits in pieces of this size, so that twice the credit is a bound in bytes.
    pub piece_bytes_max: usize,
    /// Bytes read from a target at once.
    pub read_bytes_max: usize,
    /// Buffers of that size that are kept for all clients while none is needed.
    pub buffers_kept_max: usize,
    /// Messages waiting for one client's WebSocket.
    pub outbound_messages_max: usize,
    /// How long a target may take to accept a connection.
    pub connect_timeout: Duration,
    /// A stream without traffic for so long is closed.
    pub tcp_idle_max: Duration,
    /// The same for UDP.
    pub udp_idle_max: Duration,
    /// How often idle streams are looked for.
    pub sweep_interval: Duration,
    /// Pings and pongs that a client may send in a second.
    pub controls_per_second_max: u32,
    /// How often a client is asked whether it is still there.
    pub ping_interval: Duration,
    /// A client that is silent for so long is gone.
    pub silence_max: Duration,
    /// Bytes that a UDP target may answer for each byte sent to it, above [`Limits::udp_answer_bytes_free`]; 0 for no limit.
    pub udp_amplification_max: u64,
    /// Bytes that a UDP target may answer in any case.
    pub udp_answer_bytes_free: u64,
    /// Clients in one room.
    pub room_clients_max: usize,
    /// Rooms.
    pub rooms_max: usize,
    /// MAC addresses that one client may use in a room.
    pub room_macs_max: usize,
    /// Frames waiting for one client of a room; more are lost, as on a full switch port.
    pub room_frames_max: usize,
    /// Text messages waiting for one client of a room; a client that lets more wait is dropped.
    pub room_texts_max: usize,
    /// Text messages that one client of a room may send in a second; one that sends more is dropped.
    pub room_texts_per_second_max: u32,
    /// A room's client that takes no frame for so long is dropped.
    pub room_stall_max: Duration,
    /// Time for open connections to end when the relay stops.
    pub drain_max: Duration,
    /// Time for a client to send its request.
    pub request_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 2_048,
            clients_max: 512,
            client_streams_max: 4_096,
            client_published_max: 64,
            opens_per_second_max: 20_000,
            client_bytes_per_second_max: 0,
            credit_packets: 96,
            piece_bytes_max: 32 * 1024,
            read_bytes_max: 64 * 1024,
            buffers_kept_max: 64,
            outbound_messages_max: 32,
            connect_timeout: Duration::from_secs(10),
            tcp_idle_max: Duration::from_secs(30 * 60),
            udp_idle_max: Duration::from_secs(120),
            sweep_interval: Duration::from_secs(5),
            controls_per_second_max: 20,
            ping_interval: Duration::from_secs(20),
            silence_max: Duration::from_secs(60),
            udp_amplification_max: 0,
            udp_answer_bytes_free: 64 * 1024,
            room_clients_max: 128,
            rooms_max: 64,
            room_macs_max: 64,
            room_frames_max: 1_024,
            room_texts_max: 256,
            room_texts_per_second_max: 50,
            room_stall_max: Duration::from_secs(10),
            drain_max: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        }
    }
}
