//! Ports of the relay on which a board's server or UDP socket is reached from the real network.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use relay_protocol::ext::ExtPacket;
use relay_protocol::{Packet, StreamId, StreamType};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::outbound::Outbound;

/// Peers of a published UDP port that are remembered.
const PEERS_MAX: usize = 256;

/// A peer that connected to a published port.
pub(crate) struct Accepted {
    pub(crate) listener: StreamId,
    pub(crate) socket: TcpStream,
    pub(crate) peer: SocketAddr,
}

/// A published port; closed when dropped.
pub(crate) struct Published {
    task: JoinHandle<()>,
    /// Set for UDP: the way out.
    socket: Option<Arc<Datagrams>>,
}

/// A published UDP port.
struct Datagrams {
    socket: UdpSocket,
    /// Who has sent something here, the latest last: these may be answered wherever they are.
    peers: Mutex<VecDeque<SocketAddr>>,
}

impl Datagrams {
    fn note(&self, peer: SocketAddr) {
        let Ok(mut peers) = self.peers.lock() else { return };
        if peers.back() == Some(&peer) {
            return;
        }
        peers.retain(|known| *known != peer);
        if peers.len() >= PEERS_MAX {
            peers.pop_front();
        }
        peers.push_back(peer);
    }

    fn knows(&self, peer: SocketAddr) -> bool {
        self.peers.lock().is_ok_and(|peers| peers.contains(&peer))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Published {
    /// Opens `port` (0 for any) on `local`'s address and hands what comes in to the client.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub(crate) async fn open(
        id: StreamId,
        kind: StreamType,
        local: SocketAddr,
        accepted: mpsc::Sender<Accepted>,
        out: Outbound,
    ) -> std::io::Result<(Published, SocketAddr)> {
        match kind {
            StreamType::Tcp => {
                let listener = TcpListener::bind(local).await?;
                let address = listener.local_addr()?;
                let task = tokio::spawn(accept(id, listener, accepted));
                Ok((Published { task, socket: None }, address))
            }
            StreamType::Udp => {
                let socket = UdpSocket::bind(local).await?;
                let address = socket.local_addr()?;
                let datagrams = Arc::new(Datagrams { socket, peers: Mutex::default() });
                let task = tokio::spawn(receive(id, Arc::clone(&datagrams), out));
                Ok((Published { task, socket: Some(datagrams) }, address))
            }
        }
    }

    /// Sends a datagram from a published UDP port, if `peer` has sent one to it or `may_reach` lets it; else it is lost.
    pub(crate) async fn send(&self, peer: SocketAddr, bytes: &[u8], may_reach: impl FnOnce(IpAddr, u16) -> bool) {
        if let Some(datagrams) = &self.socket
            && (datagrams.knows(peer) || may_reach(peer.ip(), peer.port()))
        {
            let _ = datagrams.socket.send_to(bytes, peer).await;
        }
    }
}

async fn accept(id: StreamId, listener: TcpListener, accepted: mpsc::Sender<Accepted>) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                if accepted.send(Accepted { listener: id, socket, peer }).await.is_err() {
                    return;
                }
            }
            // Out of file descriptors, or a peer that has already gone: neither ends the port.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

async fn receive(id: StreamId, datagrams: Arc<Datagrams>, out: Outbound) {
    let mut buffer = vec![0; 65_535];
    loop {
        match datagrams.socket.recv_from(&mut buffer).await {
            Ok((count, peer)) => {
                datagrams.note(peer);
                let bytes = Bytes::copy_from_slice(&buffer[..count]);
                let packet = Packet::Ext { stream: id, packet: ExtPacket::Datagram { peer, bytes } };
                if out.packet(packet).await.is_err() {
                    return;
                }
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}
