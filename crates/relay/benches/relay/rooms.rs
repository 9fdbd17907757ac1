//! Rooms: one client sends, every other one hears it; beside a hub of forty lines on Node.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

use crate::servers::Server;
use crate::wire::{Framing, Link, frame};

const WARM_UP: Duration = Duration::from_millis(200);
const WINDOW: Duration = Duration::from_millis(500);
/// Frames that the sender may be ahead of the slowest hearer: fewer than a room keeps for one, so that none is lost.
const AHEAD_MAX: u64 = 256;
/// Frames in one write.
const BATCH: u64 = 16;
/// A full Ethernet frame: what a board's or an emulator's download is made of.
const FRAME_BYTES: usize = 1514;

/// Frames per second that all hearers together get in a room of `clients`, with another one that has stopped reading if
/// `stalled`.
///
/// # Errors
/// If the server fails.
pub(crate) async fn frames_per_second(server: &Server, clients: usize, stalled: bool) -> io::Result<f64> {
    let mut sender = join(server).await?;
    let _deaf = if stalled { Some(join(server).await?) } else { None };
    let mut hearers = Vec::new();
    for _ in 1..clients {
        hearers.push(join(server).await?);
    }
    let message = broadcast();
    // Whoever has heard one frame has joined.
    sender.socket.write_all(&message).await?;
    sleep(Duration::from_millis(50)).await;
    for hearer in &mut hearers {
        let mut heard = hearer.parse()?.is_some();
        while !heard {
            sender.socket.write_all(&message).await?;
            sleep(Duration::from_millis(10)).await;
            heard = hearer.try_fill()? && hearer.parse()?.is_some();
        }
    }
    sleep(Duration::from_millis(100)).await;
    for hearer in &mut hearers {
        while hearer.try_fill()? {
            while hearer.parse()?.is_some() {}
        }
    }
    LocalSet::new().run_until(measure(sender, hearers, message.repeat(BATCH as usize))).await
}

async fn join(server: &Server) -> io::Result<Link> {
    Link::open(server.address, Framing::WebSocket, "/room/bench").await
}

fn broadcast() -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend_from_slice(&[2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    bytes.resize(FRAME_BYTES, 0);
    frame(&[], &bytes)
}

async fn measure(mut sender: Link, hearers: Vec<Link>, batch: Vec<u8>) -> io::Result<f64> {
    let mut tasks = JoinSet::new();
    let heard: Vec<watch::Receiver<u64>> = hearers
        .into_iter()
        .map(|mut hearer| {
            let (count, heard) = watch::channel(0);
            tasks.spawn_local(async move {
                loop {
                    hearer.next().await?;
                    let mut more = 1;
                    while hearer.parse()?.is_some() {
                        more += 1;
                    }
                    count.send_modify(|count| *count += more);
                }
                #[allow(unreachable_code, reason = "names the error's type")]
                Ok::<(), io::Error>(())
            });
            heard
        })
        .collect();
    let heard = Rc::new(heard);
    let watched = Rc::clone(&heard);
    tasks.spawn_local(async move {
        let mut sent = 0;
        loop {
            sender.socket.write_all(&batch).await?;
            sent += BATCH;
            for hearer in watched.iter() {
                let _ = hearer.clone().wait_for(|heard| sent - heard.min(&sent) + BATCH <= AHEAD_MAX).await;
            }
        }
    });
    let total = || heard.iter().map(|heard| *heard.borrow()).sum::<u64>();
    sleep(WARM_UP).await;
    let (before, begin) = (total(), Instant::now());
    sleep(WINDOW).await;
    let rate = (total() - before) as f64 / begin.elapsed().as_secs_f64();
    match tasks.try_join_next() {
        Some(Ok(Err(error))) => Err(error),
        _ => Ok(rate),
    }
}
