//! The driver's end of a connection: bare TCP, a WebSocket, or Wisp over one.
//!
//! One client for all servers, and a cheap one, so that what is measured is the server: it reads into one buffer, looks at
//! the head of each message and counts the rest, and it writes frames that were made beforehand where it can. Whether the
//! bytes are the right ones is for the tests to say.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Bytes of a message that its reader sees.
const HEAD_BYTES: usize = 16;
/// A message up to this length is handed over when all of it has come; of a longer one the rest is skipped as it comes.
const WHOLE_BYTES_MAX: usize = 2048;
const BUFFER_BYTES: usize = 256 * 1024;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const CONNECT: u8 = 0x01;
const DATA: u8 = 0x02;
const CONTINUE: u8 = 0x03;
const CLOSE: u8 = 0x04;
const VOLUNTARY: u8 = 0x02;

/// How bytes are packed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Not at all.
    Bare,
    /// Binary messages of a WebSocket.
    WebSocket,
}

/// One message, or what a bare connection had to read.
pub(crate) struct Message {
    pub(crate) head: [u8; HEAD_BYTES],
    pub(crate) length: usize,
}

/// A connection to a server.
pub(crate) struct Link {
    pub(crate) socket: TcpStream,
    framing: Framing,
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the last message that have not come yet.
    skip: usize,
}

fn ended() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

impl Link {
    /// Connects and, for a WebSocket, upgrades at `path`.
    pub(crate) async fn open(address: SocketAddr, framing: Framing, path: &str) -> io::Result<Link> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let mut link = Link { socket, framing, input: vec![0; BUFFER_BYTES], start: 0, end: 0, skip: 0 };
        if framing == Framing::WebSocket {
            link.upgrade(address, path).await?;
        }
        Ok(link)
    }

    /// A link whose buffer is small: for a thousand of them.
    pub(crate) async fn open_small(address: SocketAddr, framing: Framing, path: &str) -> io::Result<Link> {
        let mut link = Link::open(address, framing, path).await?;
        link.input = vec![0; WHOLE_BYTES_MAX * 2];
        Ok(link)
    }

    async fn upgrade(&mut self, address: SocketAddr, path: &str) -> io::Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.socket.write_all(request.as_bytes()).await?;
        loop {
            let read = self.socket.read(&mut self.input[self.end..]).await?;
            if read == 0 {
                return Err(ended());
            }
            self.end += read;
            if let Some(at) = self.input[..self.end].windows(4).position(|window| window == b"\r\n\r\n") {
                if !self.input.starts_with(b"HTTP/1.1 101") {
                    return Err(io::Error::other("the server does not upgrade"));
                }
                self.start = at + 4;
                return Ok(());
            }
        }
    }

    /// The next message with a payload; the server's pings go unanswered, for no measurement lasts that long.
    pub(crate) async fn next(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.parse()? {
                return Ok(message);
            }
            self.fill().await?;
        }
    }

    /// A message that has already come.
    pub(crate) fn parse(&mut self) -> io::Result<Option<Message>> {
        loop {
            let skipped = self.skip.min(self.end - self.start);
            self.start += skipped;
            self.skip -= skipped;
            if self.skip > 0 || self.start == self.end {
                return Ok(None);
            }
            if self.framing == Framing::Bare {
                let length = self.end - self.start;
                self.start = self.end;
                return Ok(Some(Message { head: [0; HEAD_BYTES], length }));
            }
            let waiting = &self.input[self.start..self.end];
            let Some((header, length)) = frame_header(waiting) else { return Ok(None) };
            let body = &waiting[header..];
            if body.len() < length.min(WHOLE_BYTES_MAX) {
                return Ok(None);
            }
            let mut head = [0; HEAD_BYTES];
            let seen = length.min(HEAD_BYTES);
            head[..seen].copy_from_slice(&body[..seen]);
            let opcode = waiting[0] & 0x0f;
            self.start += header;
            self.skip = length;
            match opcode {
                8 => return Err(ended()),
                0 | 2 => return Ok(Some(Message { head, length })),
                _ => {}
            }
        }
    }

    /// Reads what there is.
    async fn fill(&mut self) -> io::Result<()> {
        self.make_room();
        match self.socket.read(&mut self.input[self.end..]).await? {
            0 => Err(ended()),
            read => {
                self.end += read;
                Ok(())
            }
        }
    }

    /// Reads what there is without waiting; `false` if there is nothing.
    pub(crate) fn try_fill(&mut self) -> io::Result<bool> {
        self.make_room();
        match self.socket.try_read(&mut self.input[self.end..]) {
            Ok(0) => Err(ended()),
            Ok(read) => {
                self.end += read;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 && self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    /// Sends one message.
    pub(crate) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        match self.framing {
            Framing::Bare => self.socket.write_all(payload).await,
            Framing::WebSocket => self.socket.write_all(&frame(&[], payload)).await,
        }
    }

    /// Bytes that carry `payload` as one message.
    pub(crate) fn packed(&self, payload: &[u8]) -> Vec<u8> {
        match self.framing {
            Framing::Bare => payload.to_vec(),
            Framing::WebSocket => frame(&[], payload),
        }
    }

    /// Ends with a reset, so that thousands of measured connections leave no ports behind in TIME-WAIT.
    pub(crate) fn reset(self) {
        let _ = self.socket.set_zero_linger();
    }
}

/// Length of a server's frame header and of its payload, once the header has come.
fn frame_header(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? & 0x7f {
        126 => Some((4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])))),
        127 => {
            let length: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            Some((10, usize::try_from(u64::from_be_bytes(length)).ok()?))
        }
        short => Some((2, usize::from(short))),
    }
}

/// A client's binary frame of `head` and `payload`.
pub(crate) fn frame(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = head.len() + payload.len();
    let mut frame = Vec::with_capacity(length + 14);
    frame.push(0x82);
    match length {
        0..126 => frame.push(0x80 | length as u8),
        126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(head.iter().chain(payload).zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// What a Wisp server says.
pub(crate) enum Event {
    /// So many bytes of a stream.
    Data { stream: u32, bytes: usize },
    /// The stream may send so many packets.
    Credit { stream: u32, packets: u32 },
    /// A stream is over.
    Closed,
}

/// A Wisp connection, version 1. Frames are queued with [`Wisp::data`] and others, and leave with [`Wisp::flush`].
pub(crate) struct Wisp {
    pub(crate) link: Link,
    /// Packets that a new stream may send.
    pub(crate) credit: u32,
    output: Vec<u8>,
}

impl Wisp {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Wisp> {
        let link = Link::open(address, Framing::WebSocket, "/wisp/").await?;
        let mut wisp = Wisp { link, credit: 0, output: Vec::new() };
        while wisp.credit == 0 {
            if let Event::Credit { stream: 0, packets } = wisp.next().await? {
                wisp.credit = packets;
            }
        }
        Ok(wisp)
    }

    /// Opens a stream to `target` by TCP or UDP.
    pub(crate) fn connect(&mut self, stream: u32, target: SocketAddr, is_udp: bool) {
        let [a, b] = target.port().to_le_bytes();
        let mut head = packet_head(CONNECT, stream).to_vec();
        head.extend_from_slice(&[if is_udp { 2 } else { 1 }, a, b]);
        self.output.extend_from_slice(&frame(&head, target.ip().to_string().as_bytes()));
    }

    pub(crate) fn data(&mut self, stream: u32, payload: &[u8]) {
        self.output.extend_from_slice(&data_frame(stream, payload));
    }

    pub(crate) fn close(&mut self, stream: u32) {
        self.output.extend_from_slice(&frame(&packet_head(CLOSE, stream), &[VOLUNTARY]));
    }

    /// Ends streams 1 to `streams` and the connection in good order: a server that is left in the middle of a download may
    /// go on with it, at the cost of the next measurement.
    pub(crate) async fn end(mut self, streams: u32) -> io::Result<()> {
        (1..=streams).for_each(|stream| self.close(stream));
        self.flush().await?;
        // An empty close frame (RFC 6455, 5.5.1), masked; then whatever comes until the server closes too.
        self.link.socket.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await?;
        let _ = timeout(Duration::from_millis(300), async { while self.next().await.is_ok() {} }).await;
        Ok(())
    }

    /// Writes what is queued.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.link.socket.write_all(&self.output).await?;
            self.output.clear();
        }
        Ok(())
    }

    /// An event that has come, without waiting.
    pub(crate) fn try_next(&mut self) -> io::Result<Option<Event>> {
        loop {
            match self.link.parse()? {
                Some(message) => {
                    if let Some(event) = event(&message) {
                        return Ok(Some(event));
                    }
                }
                None => {
                    if !self.link.try_fill()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Flushes, unless another event is at hand, and waits for the next event.
    pub(crate) async fn next(&mut self) -> io::Result<Event> {
        loop {
            let message = match self.link.parse()? {
                Some(message) => message,
                None => {
                    self.flush().await?;
                    self.link.next().await?
                }
            };
            if let Some(event) = event(&message) {
                return Ok(event);
            }
        }
    }
}

fn event(message: &Message) -> Option<Event> {
    let [packet_type, a, b, c, d, e, f, g, h, ..] = message.head;
    let stream = u32::from_le_bytes([a, b, c, d]);
    match packet_type {
        DATA => Some(Event::Data { stream, bytes: message.length - 5 }),
        CONTINUE => Some(Event::Credit { stream, packets: u32::from_le_bytes([e, f, g, h]) }),
        CLOSE => Some(Event::Closed),
        _ => None,
    }
}

fn packet_head(packet_type: u8, stream: u32) -> [u8; 5] {
    let [a, b, c, d] = stream.to_le_bytes();
    [packet_type, a, b, c, d]
}

/// A `Data` packet as the client's frame.
pub(crate) fn data_frame(stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(&packet_head(DATA, stream), payload)
}
