//! What the servers relay to: one port whose first byte says what a connection is for, and a UDP echo. Runs on a thread of
//! its own beside the driver.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::Instant;

/// Sends without end.
pub(crate) const SOURCE: u8 = b'd';
/// Sends [`PACED_BYTES_PER_SECOND`].
pub(crate) const PACED: u8 = b'p';
/// Reads without end; [`Target::received`] counts.
pub(crate) const SINK: u8 = b'u';
/// Sends back what comes.
pub(crate) const ECHO: u8 = b'e';
/// Reads nothing.
pub(crate) const DEAF: u8 = b's';

pub(crate) const PACED_BYTES_PER_SECOND: usize = 64_000_000;
const CHUNK_BYTES: usize = 256 * 1024;

/// The running targets.
pub(crate) struct Target {
    pub(crate) tcp: SocketAddr,
    pub(crate) udp: SocketAddr,
    received: Arc<AtomicU64>,
}

impl Target {
    /// Starts the thread.
    pub(crate) fn start() -> Target {
        let (sender, addresses) = std::sync::mpsc::channel();
        let received: Arc<AtomicU64> = Arc::default();
        let counter = Arc::clone(&received);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
                let addresses = (listener.local_addr().expect("bound"), udp.local_addr().expect("bound"));
                let _ = sender.send(addresses);
                tokio::spawn(echo_datagrams(udp));
                loop {
                    if let Ok((socket, _)) = listener.accept().await {
                        tokio::spawn(serve(socket, Arc::clone(&counter)));
                    }
                }
            });
        });
        let (tcp, udp) = addresses.recv().expect("the target's thread lives");
        Target { tcp, udp, received }
    }

    /// Bytes that all sinks have read so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

async fn serve(mut socket: TcpStream, received: Arc<AtomicU64>) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    match socket.read_u8().await? {
        SOURCE => {
            let chunk = vec![0; CHUNK_BYTES];
            loop {
                socket.write_all(&chunk).await?;
                // The runtime would let one connection write for long before the others have their turn.
                tokio::task::yield_now().await;
            }
        }
        PACED => pace(socket).await,
        SINK => {
            let mut buffer = vec![0; CHUNK_BYTES];
            loop {
                match socket.read(&mut buffer).await? {
                    0 => return Ok(()),
                    count => received.fetch_add(count as u64, Ordering::Relaxed),
                };
            }
        }
        DEAF => {
            // Until the other side goes; an hour is more than any measurement.
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(())
        }
        _ => {
            let mut buffer = vec![0; 4096];
            loop {
                match socket.read(&mut buffer).await? {
                    0 => return Ok(()),
                    count => socket.write_all(&buffer[..count]).await?,
                }
            }
        }
    }
}

async fn pace(mut socket: TcpStream) -> std::io::Result<()> {
    let begin = Instant::now();
    let chunk = vec![0; 16 * 1024];
    let mut sent = 0;
    loop {
        let due = (begin.elapsed().as_secs_f64() * PACED_BYTES_PER_SECOND as f64) as usize;
        while sent < due {
            socket.write_all(&chunk).await?;
            sent += chunk.len();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn echo_datagrams(socket: UdpSocket) {
    let mut buffer = vec![0; 65_536];
    loop {
        if let Ok((count, peer)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..count], peer).await;
        }
    }
}
