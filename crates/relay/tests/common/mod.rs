//! What the tests of the relay share: a relay on port 0 of loopback, a Wisp client, targets.
#![allow(dead_code, reason = "no test file uses all of it")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use relay::{NoAssets, Profile, Settings, run};
use relay_protocol::ext::{self, ExtPacket};
use relay_protocol::{Extension, Info, Packet, SUBPROTOCOL, StreamId, StreamType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

/// A relay that runs until it is dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start(settings: Settings) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(run(listener, settings, NoAssets, async {
            let _ = stopped.await;
        }));
        Relay { address, stop: Some(stop), task }
    }

    pub(crate) async fn local() -> Relay {
        Relay::start(Settings::new(Profile::Local)).await
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        self.raw(&request).await
    }

    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        timeout(Duration::from_secs(6), self.task).await.expect("the relay drains in time").unwrap();
    }
}

/// A Wisp client.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) credit: u32,
}

impl Client {
    pub(crate) async fn open(relay: &Relay, path: &str, version_2: bool) -> Result<Client, tokio_websockets::Error> {
        let uri = format!("ws://{}{path}", relay.address);
        let mut builder = ClientBuilder::new().uri(&uri).unwrap();
        if version_2 {
            let protocol = http::HeaderValue::from_static(SUBPROTOCOL);
            builder = builder.add_header(http::header::SEC_WEBSOCKET_PROTOCOL, protocol).unwrap();
        }
        let (socket, _) = builder.connect().await?;
        Ok(Client { socket, credit: 0 })
    }

    pub(crate) async fn v1(relay: &Relay) -> Client {
        let mut client = Client::open(relay, "/wisp/", false).await.unwrap();
        client.initial_credit().await;
        client
    }

    /// Version 2 with open confirmation and this project's extension, without windows.
    pub(crate) async fn v2(relay: &Relay) -> Client {
        Client::extended(relay, 1).await
    }

    /// The same with a version of the extension.
    pub(crate) async fn extended(relay: &Relay, version: u8) -> Client {
        let mut client = Client::open(relay, "/wisp/", true).await.unwrap();
        let Packet::Info(offered) = client.next().await else { panic!("INFO first") };
        assert!(offered.has(&Extension::OpenConfirmation) && offered.playground_version() == Some(ext::VERSION));
        let wanted = vec![Extension::Udp, Extension::OpenConfirmation, Extension::Playground { version }];
        client.send(Packet::Info(Info::v2(wanted))).await;
        client.initial_credit().await;
        client
    }

    pub(crate) async fn initial_credit(&mut self) {
        match self.next().await {
            Packet::Continue { stream: StreamId::CONNECTION, credit } => self.credit = credit,
            other => panic!("initial credit expected, not {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        self.socket.send(Message::binary(packet.encode())).await.unwrap();
    }

    pub(crate) async fn data(&mut self, stream: u32, bytes: &[u8]) {
        self.send(Packet::Data { stream: StreamId(stream), bytes: Bytes::copy_from_slice(bytes) }).await;
    }

    pub(crate) async fn connect(&mut self, stream: u32, kind: StreamType, target: SocketAddr) {
        let (port, host) = (target.port(), target.ip().to_string());
        self.send(Packet::Connect { stream: StreamId(stream), kind, port, host }).await;
    }

    pub(crate) async fn ext(&mut self, stream: u32, packet: ExtPacket) {
        self.send(Packet::Ext { stream: StreamId(stream), packet }).await;
    }

    pub(crate) async fn next(&mut self) -> Packet {
        loop {
            let message = timeout(Duration::from_secs(10), self.socket.next()).await.expect("a packet in time");
            let message = message.expect("the relay still speaks").unwrap();
            if message.is_binary() {
                return Packet::decode(message.into_payload().into()).unwrap();
            }
            assert!(!message.is_close(), "closed: {:?}", message.as_close());
        }
    }

    /// Bytes of `stream` until `count` have come; credit on the way is passed over.
    pub(crate) async fn read(&mut self, stream: u32, count: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < count {
            match self.next().await {
                Packet::Data { stream: StreamId(id), bytes } if id == stream => read.extend_from_slice(&bytes),
                Packet::Continue { .. } => {}
                other => panic!("data expected, not {other:?}"),
            }
        }
        read
    }

    pub(crate) async fn closed_by_relay(&mut self) -> (u16, String) {
        loop {
            let message = timeout(Duration::from_secs(10), self.socket.next()).await.expect("an end in time");
            match message {
                Some(Ok(message)) => {
                    if let Some((code, text)) = message.as_close() {
                        return (code.into(), text.to_string());
                    }
                }
                _ => panic!("ended without a close message"),
            }
        }
    }
}

pub(crate) async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = socket.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

pub(crate) async fn dead_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
