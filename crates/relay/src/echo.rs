//! ICMP echo through an unprivileged socket (Linux: `net.ipv4.ping_group_range`; macOS: always), where the system lets us.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

/// How long an echo may take.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// The chip's payload (32 bytes), which the system returns unchanged.
const PAYLOAD: [u8; 32] = *b"abcdefghijklmnopqrstuvwabcdefghi";

/// Sends one echo request and waits for its answer. `None` if none came in time.
///
/// # Errors
/// If the system does not let this process send echo requests.
pub(crate) async fn echo(target: Ipv4Addr) -> std::io::Result<Option<Duration>> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4))?;
    socket.set_nonblocking(true)?;
    // A datagram socket like any other to the runtime: it only waits for readiness and passes bytes.
    let socket = UdpSocket::from_std(std::net::UdpSocket::from(socket))?;
    socket.connect(SocketAddr::V4(SocketAddrV4::new(target, 0))).await?;
    // Type 8, code 0; checksum and id are the system's work on such a socket; sequence number 1 (RFC 792).
    let mut request = vec![8, 0, 0, 0, 0, 0, 0, 1];
    request.extend_from_slice(&PAYLOAD);
    let begin = Instant::now();
    socket.send(&request).await?;
    let mut answer = [0; 128];
    let waited = timeout(ANSWER_MAX, async {
        loop {
            let count = socket.recv(&mut answer).await?;
            // Type 0 is the echo reply; macOS puts the IP header in front.
            let body = if answer[0] >> 4 == 4 && count > 28 { &answer[20..count] } else { &answer[..count] };
            if body.first() == Some(&0) && body.ends_with(&PAYLOAD) {
                return Ok::<_, std::io::Error>(begin.elapsed());
            }
        }
    })
    .await;
    match waited {
        Ok(Ok(rtt)) => Ok(Some(rtt)),
        // Unreachable: as silent for a board as no answer.
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}
