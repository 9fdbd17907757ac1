//! Rooms with people in them: text messages, a keeper, a teacher, over real WebSockets.

use std::net::SocketAddr;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use relay::{KeeperInput, KeeperOutput, NoAssets, PairingCode, Profile, RoomKeeper, Settings, run};
use relay_protocol::room::{BoardNews, FromHub, MemberHost, Role, ToHub};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

/// Answers every frame with one of its own and remembers what it was told.
#[derive(Clone, Debug, Default)]
struct Echo {
    heard: Arc<Mutex<Vec<KeeperInput>>>,
}

const KEEPER: u8 = 0xee;

impl RoomKeeper for Echo {
    fn open(&self, _room: &str, output: KeeperOutput) -> Option<SyncSender<KeeperInput>> {
        let (sender, input) = sync_channel(64);
        let heard = Arc::clone(&self.heard);
        std::thread::spawn(move || {
            for message in input {
                if let KeeperInput::Frame(frame) = &message {
                    let answer = [&frame[6..12], &[2, 0, 0, 0, 0, KEEPER], &frame[12..]].concat();
                    let _ = output.blocking_send(Bytes::from(answer));
                }
                heard.lock().unwrap().push(message);
            }
        });
        Some(sender)
    }
}

struct Person {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

enum Heard {
    Frame(Vec<u8>),
    Text(FromHub),
}

impl Person {
    async fn come(address: SocketAddr, name: &str, token: Option<&str>) -> Person {
        let mut person = Person::silent(address).await;
        let token = token.map(Into::into);
        person.say(ToHub::Hello { name: name.into(), seat: name.into(), token, can_keep: false }).await;
        person
    }

    /// As a client of raw frames alone.
    async fn silent(address: SocketAddr) -> Person {
        let uri = format!("ws://{address}/room/class");
        let (socket, _) = ClientBuilder::new().uri(&uri).unwrap().connect().await.unwrap();
        Person { socket }
    }

    async fn say(&mut self, message: ToHub) {
        self.socket.send(Message::text(message.encode())).await.unwrap();
    }

    async fn send(&mut self, to: u8, from: u8, text: &str) {
        self.socket.send(Message::binary(Bytes::from(frame(to, from, text)))).await.unwrap();
    }

    /// The next message; `None` when the connection has ended or nothing comes.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            let message = timeout(Duration::from_secs(3), self.socket.next()).await.ok()??.ok()?;
            if message.is_binary() {
                return Some(Heard::Frame(message.into_payload().to_vec()));
            }
            if message.is_close() {
                return None;
            }
            if let Some(text) = message.as_text() {
                return Some(Heard::Text(FromHub::decode(text).unwrap()));
            }
        }
    }

    /// Waits for a text for which `wanted` holds.
    async fn text(&mut self, wanted: impl Fn(&FromHub) -> bool) -> FromHub {
        loop {
            match self.next().await.expect("the text comes") {
                Heard::Text(text) if wanted(&text) => return text,
                _ => {}
            }
        }
    }

    async fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Heard::Frame(frame) = self.next().await.expect("the frame comes") {
                return frame;
            }
        }
    }

    async fn roster_of(&mut self, count: usize) -> FromHub {
        self.text(|text| matches!(text, FromHub::Roster { members, .. } if members.len() == count)).await
    }
}

/// A frame between hosts that are named by their last byte; 0xff is everybody.
fn frame(to: u8, from: u8, text: &str) -> Vec<u8> {
    let address = |last: u8| if last == 0xff { [0xff; 6] } else { [2, 0, 0, 0, 0, last] };
    [&address(to)[..], &address(from), &[0x88, 0xb5], text.as_bytes()].concat()
}

async fn relay(keeper: Option<Echo>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut settings = Settings::new(Profile::Local);
    settings.teacher = PairingCode::new("chalk");
    settings.keeper = keeper.map(|keeper| Arc::new(keeper) as Arc<dyn RoomKeeper>);
    // Ends with the test's runtime.
    tokio::spawn(run(listener, settings, NoAssets, std::future::pending()));
    address
}

#[tokio::test]
async fn members_learn_whose_hosts_are_in_the_room_and_a_silent_client_is_told_nothing() {
    let address = relay(None).await;
    let mut silent = Person::silent(address).await;
    let mut mia = Person::come(address, "Mia", None).await;
    mia.roster_of(1).await;
    let mut ben = Person::come(address, "Ben", None).await;
    let led = MemberHost { mac: "02:00:00:00:00:02".into(), name: "led".into() };
    ben.say(ToHub::Hosts { hosts: vec![led.clone()] }).await;
    let known = mia.text(|text| matches!(text, FromHub::Roster { members, .. } if members.iter().any(|member| !member.hosts.is_empty()))).await;
    let FromHub::Roster { members, .. } = known else { unreachable!() };
    assert_eq!((members[1].name.as_str(), &members[1].hosts[..]), ("Ben", &[led][..]));
    ben.send(0xff, 2, "to all").await;
    let Some(Heard::Frame(frame)) = silent.next().await else { panic!("a text for a client of raw frames") };
    assert!(frame.ends_with(b"to all"));
}

#[tokio::test]
async fn the_keeper_serves_and_nobody_poses_as_it() {
    let keeper = Echo::default();
    let address = relay(Some(keeper.clone())).await;
    let mut mia = Person::come(address, "Mia", None).await;
    mia.roster_of(1).await;
    mia.send(0xff, 1, "who is there").await;
    assert_eq!(mia.frame().await, frame(1, KEEPER, "who is there"));
    let mut eve = Person::come(address, "Eve", None).await;
    eve.send(1, KEEPER, "I am the router").await;
    eve.send(1, 9, "I am Eve").await;
    assert_eq!(mia.frame().await, frame(1, 9, "I am Eve"));
    // What is for one member alone does not reach the keeper.
    assert!(
        keeper.heard.lock().unwrap().iter().all(|input| *input != KeeperInput::Frame(frame(1, 9, "I am Eve").into()))
    );
}

#[tokio::test]
async fn a_teacher_sees_all_frames_hands_out_and_pauses() {
    let keeper = Echo::default();
    let address = relay(Some(keeper.clone())).await;
    let mut teacher = Person::come(address, "Ada", Some("chalk")).await;
    let welcome = teacher.text(|text| matches!(text, FromHub::Welcome { .. })).await;
    assert!(matches!(welcome, FromHub::Welcome { role: Role::Teacher, paused: false, lab: None, .. }));
    let mut mia = Person::come(address, "Mia", None).await;
    let mut ben = Person::come(address, "Ben", None).await;
    ben.roster_of(3).await;
    ben.send(1, 2, "ben is here").await;
    assert_eq!(mia.frame().await, frame(1, 2, "ben is here"));
    mia.send(2, 1, "between us").await;
    assert_eq!(ben.frame().await, frame(2, 1, "between us"));
    assert_eq!(teacher.frame().await, frame(1, 2, "ben is here"));
    assert_eq!(teacher.frame().await, frame(2, 1, "between us"));

    let board = BoardNews { name: "led".into(), power: "idle".into(), ip: None, error: None, console: "> ".into() };
    mia.say(ToHub::Status { boards: vec![board.clone()] }).await;
    let status = teacher.text(|text| matches!(text, FromHub::Status { .. })).await;
    assert!(matches!(&status, FromHub::Status { boards, .. } if boards == &[board]));

    let lab = serde_json::json!({ "version": 1, "title": "Lamps" });
    teacher.say(ToHub::Push { lab: lab.clone() }).await;
    assert_eq!(ben.text(|text| matches!(text, FromHub::Lab { .. })).await, FromHub::Lab { lab });
    mia.say(ToHub::Pause { paused: true }).await;
    mia.text(|text| matches!(text, FromHub::Refused { .. })).await;
    teacher.say(ToHub::Pause { paused: true }).await;
    ben.text(|text| *text == FromHub::Paused { paused: true }).await;
    mia.send(2, 1, "while it stands").await;
    mia.say(ToHub::Status { boards: Vec::new() }).await;
    teacher.text(|text| matches!(text, FromHub::Status { .. })).await;
    teacher.say(ToHub::Pause { paused: false }).await;
    mia.text(|text| *text == FromHub::Paused { paused: false }).await;
    mia.send(2, 1, "and goes on").await;
    assert_eq!(ben.frame().await, frame(2, 1, "and goes on"));
    // The keeper's thread takes its time on a busy machine.
    let pauses = [KeeperInput::Paused(true), KeeperInput::Paused(false)];
    let told = async {
        while !keeper.heard.lock().unwrap().ends_with(&pauses) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(3), told).await.expect("the keeper is told of the pause");
}

#[tokio::test]
async fn whoever_comes_back_takes_the_old_place_at_once() {
    let address = relay(None).await;
    let mut before = Person::come(address, "Mia", None).await;
    before.send(0xff, 1, "my address").await;
    before.roster_of(1).await;
    let mut again = Person::come(address, "Mia", None).await;
    again.roster_of(1).await;
    while let Some(heard) = before.next().await {
        assert!(matches!(heard, Heard::Text(_)));
    }
    let mut ben = Person::come(address, "Ben", None).await;
    ben.roster_of(2).await;
    again.send(0xff, 1, "still mine").await;
    assert_eq!(ben.frame().await, frame(0xff, 1, "still mine"));
}

#[tokio::test]
async fn floods_and_nonsense_end_one_connection_and_no_other() {
    let address = relay(None).await;
    let mut mia = Person::come(address, "Mia", None).await;
    let mut eve = Person::come(address, "Eve", None).await;
    eve.roster_of(2).await;
    eve.socket.send(Message::text("{\"type\":\"shout\"}".to_owned())).await.unwrap();
    eve.text(|text| matches!(text, FromHub::Refused { .. })).await;
    for _ in 0..200 {
        if eve.socket.send(Message::text("nonsense".to_owned())).await.is_err() {
            break;
        }
    }
    while eve.next().await.is_some() {}
    mia.roster_of(1).await;
}
