//! Names that change their address between two lookups (DNS rebinding): what was checked is what is dialled.

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Client, Relay};
use relay::{Lookup, Profile, Resolver, Settings};
use relay_protocol::ext::ExtPacket;
use relay_protocol::{CloseReason, Packet, StreamId, StreamType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

const GOOD: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Refused by the test's policy.
const BAD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A name server in an attacker's hands: a good address for the first question, a bad one from then on.
#[derive(Debug, Default)]
struct Rebinding {
    asked: AtomicUsize,
}

impl Resolver for Rebinding {
    fn lookup<'a>(&'a self, _host: &'a str) -> Lookup<'a> {
        let address = if self.asked.fetch_add(1, Ordering::Relaxed) == 0 { GOOD } else { BAD };
        Box::pin(async move { Ok(vec![IpAddr::V4(address)]) })
    }
}

/// A relay that asks `names` and may not reach [`BAD`].
async fn relay_with(names: Arc<dyn Resolver>) -> Relay {
    let mut settings = Settings::new(Profile::Local);
    settings.policy.resolver = names;
    settings.policy.deny = vec![IpAddr::V4(BAD).into()];
    Relay::start(settings).await
}

/// Opens a stream by name.
async fn open(client: &mut Client, stream: u32, kind: StreamType, port: u16) {
    let host = "rebind.test".to_string();
    client.send(Packet::Connect { stream: StreamId(stream), kind, port, host }).await;
}

#[tokio::test]
async fn a_stream_is_dialled_to_the_address_that_was_checked() {
    let target = TcpListener::bind((GOOD, 0)).await.unwrap();
    let port = target.local_addr().unwrap().port();
    let trap = TcpListener::bind((BAD, port)).await.unwrap();
    let names = Arc::new(Rebinding::default());
    let relay = relay_with(names.clone()).await;
    let mut client = Client::v1(&relay).await;
    open(&mut client, 1, StreamType::Tcp, port).await;
    let (mut reached, _) = timeout(Duration::from_secs(5), target.accept()).await.expect("the good address").unwrap();
    reached.write_all(b"here").await.unwrap();
    assert_eq!(client.read(1, 4).await, b"here");
    assert_eq!(names.asked.load(Ordering::Relaxed), 1, "a second lookup could answer otherwise");
    open(&mut client, 2, StreamType::Tcp, port).await;
    assert_eq!(client.next().await, Packet::Close { stream: StreamId(2), reason: CloseReason::Blocked });
    assert!(timeout(Duration::from_millis(100), trap.accept()).await.is_err(), "the bad address was dialled");
    client.data(1, b"still").await;
    let mut bytes = [0; 5];
    reached.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"still");
}

#[tokio::test]
async fn datagrams_and_echoes_go_to_the_address_that_was_checked_too() {
    let target = UdpSocket::bind((GOOD, 0)).await.unwrap();
    let port = target.local_addr().unwrap().port();
    let names = Arc::new(Rebinding::default());
    let relay = relay_with(names.clone()).await;
    let mut client = Client::extended(&relay, 2).await;
    open(&mut client, 1, StreamType::Udp, port).await;
    client.data(1, b"question").await;
    let mut bytes = [0; 16];
    let (count, _): (usize, SocketAddr) =
        timeout(Duration::from_secs(5), target.recv_from(&mut bytes)).await.unwrap().unwrap();
    assert_eq!((&bytes[..count], names.asked.load(Ordering::Relaxed)), (&b"question"[..], 1));
    client.ext(2, ExtPacket::Echo { host: "rebind.test".into() }).await;
    loop {
        match client.next().await {
            Packet::Close { stream, reason } => {
                assert_eq!((stream, reason), (StreamId(2), CloseReason::Blocked));
                break;
            }
            Packet::Ext { stream: StreamId(2), packet } => {
                assert!(matches!(packet, ExtPacket::Why { .. }), "no echo to the bad address: {packet:?}");
            }
            _ => {}
        }
    }
}
