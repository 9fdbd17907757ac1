//! Memory: of idle streams, and at its peak while one side stands still.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::servers::{Access, Server};
use crate::speed;
use crate::target::{DEAF, ECHO, SOURCE, Target};
use crate::wire::{Event, Framing, Link, Wisp};

const IDLE_STREAMS: u32 = 1_000;
/// How long one side stands still.
const STANDSTILL: Duration = Duration::from_secs(2);
const SAMPLE_INTERVAL: Duration = Duration::from_millis(20);

fn framing(server: &Server) -> Framing {
    if server.access == Access::Bare { Framing::Bare } else { Framing::WebSocket }
}

fn grown(server: &Server, before: u64) -> f64 {
    server.memory().saturating_sub(before) as f64
}

/// Bytes that an idle stream costs the server; each has echoed one byte, so it is really open.
///
/// # Errors
/// If the server fails.
pub(crate) async fn per_idle_stream(server: &Server, target: &Target) -> io::Result<f64> {
    if !server.is_process() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    if server.access == Access::Wisp {
        return idle_wisp(server, target).await;
    }
    let mut links = Vec::new();
    open_separate(server, &mut links, 10).await?;
    let before = server.memory();
    // Where a stream is a process, a hundred of them say enough.
    let count = if server.access == Access::WebSocket { IDLE_STREAMS / 10 } else { IDLE_STREAMS };
    open_separate(server, &mut links, count).await?;
    Ok(grown(server, before) / f64::from(count))
}

async fn open_separate(server: &Server, links: &mut Vec<Link>, count: u32) -> io::Result<()> {
    for _ in 0..count {
        let mut link = Link::open_small(server.address, framing(server), "/").await?;
        link.send(&[ECHO]).await?;
        link.send(b"x").await?;
        link.next().await?;
        links.push(link);
    }
    Ok(())
}

async fn idle_wisp(server: &Server, target: &Target) -> io::Result<f64> {
    let mut wisp = Wisp::open(server.address).await?;
    open_wisp(&mut wisp, target, 1, 10).await?;
    let before = server.memory();
    open_wisp(&mut wisp, target, 11, IDLE_STREAMS).await?;
    sleep(Duration::from_millis(200)).await;
    Ok(grown(server, before) / f64::from(IDLE_STREAMS))
}

async fn open_wisp(wisp: &mut Wisp, target: &Target, first: u32, count: u32) -> io::Result<()> {
    for stream in first..first + count {
        wisp.connect(stream, target.tcp, false);
        wisp.data(stream, &[ECHO, b'x']);
        while !matches!(wisp.next().await?, Event::Data { .. }) {}
    }
    Ok(())
}

/// Bytes by which the server grows, at the most, while the client takes nothing of a download.
///
/// # Errors
/// If the server fails.
pub(crate) async fn while_the_client_stands_still(server: &Server, target: &Target) -> io::Result<f64> {
    if !server.is_process() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // Kept open and not read from.
    let mut _links = (None, None);
    let before;
    if server.access == Access::Wisp {
        let mut wisp = Wisp::open(server.address).await?;
        wisp.connect(1, target.tcp, false);
        wisp.data(1, &[SOURCE]);
        before = server.memory();
        wisp.flush().await?;
        _links.0 = Some(wisp);
    } else {
        let mut link = Link::open(server.address, framing(server), "/").await?;
        before = server.memory();
        link.send(&[SOURCE]).await?;
        _links.1 = Some(link);
    }
    Ok(peak(server, before).await)
}

/// The same while the target takes nothing of an upload.
///
/// # Errors
/// If the server fails.
pub(crate) async fn while_the_target_stands_still(server: &Server, target: &Target) -> io::Result<f64> {
    if !server.is_process() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    if server.access == Access::Wisp {
        let mut wisp = Wisp::open(server.address).await?;
        wisp.connect(1, target.tcp, false);
        wisp.data(1, &[DEAF]);
        wisp.flush().await?;
        let before = server.memory();
        let until = std::time::Instant::now() + STANDSTILL * 2;
        let sending = speed::upload(&mut wisp, 16 * 1024, until);
        return beside(peak(server, before), sending).await;
    }
    let mut link = Link::open(server.address, framing(server), "/").await?;
    link.send(&[DEAF]).await?;
    let before = server.memory();
    let message = link.packed(&vec![0; 16 * 1024]);
    let sending = async {
        loop {
            link.socket.write_all(&message).await?;
        }
    };
    beside(peak(server, before), sending).await
}

/// The peak, if nothing fails before it is known.
async fn beside(peak: impl Future<Output = f64>, sending: impl Future<Output = io::Result<()>>) -> io::Result<f64> {
    tokio::select! {
        peak = peak => Ok(peak),
        error = sending => Err(error.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())),
    }
}

async fn peak(server: &Server, before: u64) -> f64 {
    let begin = Instant::now();
    let mut peak: f64 = 0.0;
    while begin.elapsed() < STANDSTILL {
        peak = peak.max(grown(server, before));
        sleep(SAMPLE_INTERVAL).await;
    }
    peak
}
