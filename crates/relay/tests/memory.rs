//! Neither a client nor a target that stops reading makes the relay grow. One test, for it looks at the memory of its own
//! process; the load is made so that the test itself keeps nothing.
#![cfg(target_os = "linux")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Client, Relay};
use futures_util::{SinkExt, StreamExt};
use relay_protocol::{Packet, StreamId, StreamType};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use tokio_websockets::Message;

const GROWTH_BYTES_MAX: u64 = 8 << 20;
const STANDSTILL: Duration = Duration::from_secs(2);

/// Bytes of this process that are in memory (`proc_pid_statm`, in pages of 4 KiB).
fn memory() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/statm").unwrap();
    counts.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// The most that the process grows while time passes.
async fn growth(before: u64) -> u64 {
    let begin = Instant::now();
    let mut peak = 0;
    while begin.elapsed() < STANDSTILL {
        peak = peak.max(memory().saturating_sub(before));
        sleep(Duration::from_millis(20)).await;
    }
    peak
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_reader_and_a_stopped_target_cost_at_most_8_mb() {
    let relay = Relay::local().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();

    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, target).await;
    let (mut socket, _) = listener.accept().await.unwrap();
    let before = memory();
    let sending = tokio::spawn(async move { while socket.write_all(&[1; 16 * 1024]).await.is_ok() {} });
    let grown = growth(before).await;
    assert!(grown <= GROWTH_BYTES_MAX, "{grown} bytes while the client takes nothing");
    sending.abort();

    let mut client = Client::v1(&relay).await;
    client.connect(1, StreamType::Tcp, target).await;
    let _held = listener.accept().await.unwrap();
    let before = memory();
    let mut credit = client.credit;
    let message = Packet::Data { stream: StreamId(1), bytes: Bytes::from(vec![2; 16 * 1024]) }.encode();
    let sending = tokio::spawn(async move {
        loop {
            while credit > 0 {
                client.socket.send(Message::binary(message.clone())).await.unwrap();
                credit -= 1;
            }
            if let Ok(Some(Ok(message))) = timeout(STANDSTILL, client.socket.next()).await
                && let Ok(Packet::Continue { credit: renewed, .. }) = Packet::decode(message.into_payload().into())
            {
                credit = renewed;
            }
        }
    });
    let grown = growth(before).await;
    assert!(grown <= GROWTH_BYTES_MAX, "{grown} bytes while the target takes nothing");
    sending.abort();
}
