//! A run on a LAN that others share: frames over a WebSocket, everything in real time.
//!
//! The WebSocket lives on a thread of its own; the run takes what came and gives what goes through channels. A relay that
//! goes away ends the run with an error, for the boards could reach nobody any more.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufWriter};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant as WallInstant};

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use relay_protocol::room::{BoardNews, FromHub, MemberHost, MemberLease, TEXT_BYTES_MAX, ToHub};
use sim::view::BoardPower;
use sim::{Membership, Progress, RoomHost, RoomLease, Simulation};
use tokio::sync::mpsc;
use tokio_websockets::Message;
use trace::{HostId, Instant};

use crate::interrupt::Interrupt;
use crate::message::say;
use crate::output::Output;
use crate::pace::Pace;
use crate::run::Files;
use crate::websocket::{self, Socket, Trust};

/// Messages waiting for the run, or for the WebSocket.
const QUEUE_MAX: usize = 4_096;
/// Steps between two looks at the queue.
const STEPS_MAX: u32 = 1_000;
/// Longest sleep of the run, shortest time between two reports to a teacher, and what such a report holds of a console.
const SLEEP_MAX: Duration = Duration::from_millis(200);
const STATUS_INTERVAL: Duration = Duration::from_millis(500);
const CONSOLE_TAIL_BYTES: usize = 2_000;

/// Where a room is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// With the pairing code in it.
    url: String,
    /// Without.
    name: String,
}

impl Address {
    /// Reads `ws://host:port/room/CODE/NAME`, or the address with which `playground serve --workshop` invites browsers.
    ///
    /// # Errors
    /// For what is neither.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        let link = websocket::Link::parse(text)?;
        let (path, room) = match (link.parameter("room"), link.parameter("pair")) {
            (Some(room), Some(code)) => (format!("room/{code}/{room}"), room),
            (Some(room), None) => (format!("room/{room}"), room),
            (None, _) => (link.path.to_owned(), link.path.rsplit('/').next().unwrap_or_default()),
        };
        if !path.starts_with("room/") || room.is_empty() {
            return Err(
                "a room's address is as in ws://192.168.0.7:8266/room/CODE/NAME, or the one that `playground serve \
                        --workshop` prints for pupils"
                    .into(),
            );
        }
        let host = format!("{}://{}", link.scheme, link.host);
        Ok(Address { url: format!("{host}/{path}"), name: format!("{room} at {host}") })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Who wants to join which room.
pub(crate) struct Applicant<'a> {
    pub(crate) address: &'a Address,
    pub(crate) trust: Trust,
    /// What the others call this run.
    pub(crate) name: &'a str,
    pub(crate) seat: &'a Seat,
}

/// Who this run is in the room.
pub(crate) struct Seat {
    text: String,
    identity: u32,
}

impl Seat {
    /// The seat that `text` names, or a random one.
    pub(crate) fn new(text: Option<&str>) -> Result<Seat> {
        let text = match text {
            Some(text) => text.to_owned(),
            None => {
                let mut bytes = [0; 8];
                getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness for a seat: {error}"))?;
                format!("{:016x}", u64::from_le_bytes(bytes))
            }
        };
        // FNV-1a, as good as any for telling a few dozen members apart.
        let identity =
            text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Ok(Seat { text, identity })
    }

    pub(crate) fn membership(&self) -> Membership {
        Membership { identity: self.identity, keeps: false, has_pc: false, watches: false }
    }
}

/// From the WebSocket.
enum News {
    Frame(Bytes),
    Text(FromHub),
    Gone(String),
}

/// To the WebSocket.
enum Post {
    Frame(Bytes),
    Text(ToHub),
}

/// Runs in real time until `until`, or until it is told to stop.
///
/// # Errors
/// If the room cannot be joined, or goes away.
pub(crate) fn run(
    simulation: &mut Simulation,
    applicant: Applicant<'_>,
    until: Instant,
    interrupt: &Interrupt,
    files: &mut Files,
) -> Result<()> {
    let name = applicant.name.to_owned();
    let seat = applicant.seat.text.clone();
    let (news, post) = connect(applicant.address, applicant.trust)?;
    let hosts = simulation.room_hosts().into_iter().map(|host| MemberHost { mac: host.mac, name: host.name }).collect();
    let names: BTreeMap<HostId, String> =
        simulation.board_ids().into_iter().map(|id| (id, simulation.names().of(id))).collect();
    let mut output = Output::new(BufWriter::new(io::stdout().lock()), names.clone());
    let mut run = Run {
        post,
        pace: Pace::new(),
        member: None,
        keeps: false,
        tails: BTreeMap::new(),
        told: Vec::new(),
        told_at: WallInstant::now(),
    };
    run.post(Post::Text(ToHub::Hello { name, seat, token: None, can_keep: true }));
    run.post(Post::Text(ToHub::Hosts { hosts }));
    loop {
        let now = run.pace.now().min(until);
        let progress = simulation.advance(now, STEPS_MAX);
        for (host, bytes) in simulation.take_output() {
            if names.contains_key(&host) {
                run.remember(host, &bytes);
                output.write(host, &bytes)?;
            }
        }
        output.flush()?;
        files.trace(simulation)?;
        run.send(simulation);
        if (progress == Progress::Reached && now >= until) || interrupt.is_set() {
            return Ok(output.finish()?);
        }
        let wait = if progress == Progress::Reached {
            run.pace.wait_for(simulation.next_due(), SLEEP_MAX)
        } else {
            Duration::ZERO
        };
        run.take(simulation, &news, wait)?;
    }
}

/// What a run knows of its room.
struct Run {
    post: mpsc::Sender<Post>,
    pace: Pace,
    member: Option<u32>,
    keeps: bool,
    /// Ends of consoles.
    tails: BTreeMap<HostId, Vec<u8>>,
    told: Vec<BoardNews>,
    told_at: WallInstant,
}

impl Run {
    /// Sends a message. Once the WebSocket is gone it is lost: [`News::Gone`] says why and ends the run.
    fn post(&self, message: Post) {
        let _ = self.post.blocking_send(message);
    }

    fn take(&mut self, simulation: &mut Simulation, news: &Receiver<News>, wait: Duration) -> Result<()> {
        let mut next = match news.recv_timeout(wait) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => bail!("the room has gone"),
        };
        while let Some(message) = next {
            match message {
                News::Frame(frame) => {
                    // One that nobody can have sent is not worth more than silence.
                    let _ = simulation.room_receive(&frame);
                }
                News::Text(text) => self.follow(simulation, text),
                News::Gone(why) => bail!("the room has gone: {why}"),
            }
            next = news.try_recv().ok();
        }
        Ok(())
    }

    fn follow(&mut self, simulation: &mut Simulation, message: FromHub) {
        match message {
            FromHub::Welcome { member, paused, .. } => {
                self.member = Some(member);
                self.pace.set_paused(paused);
            }
            FromHub::Paused { paused } => self.pace.set_paused(paused),
            FromHub::Keep { leases } => {
                self.keeps = true;
                simulation.room_keep(true, &leases.into_iter().filter_map(lease).collect::<Vec<_>>());
            }
            FromHub::Roster { members, .. } => {
                let others = members.into_iter().filter(|member| Some(member.id) != self.member);
                let hosts = others.flat_map(|member| {
                    let owner = member.name;
                    member.hosts.into_iter().map(move |host| RoomHost {
                        mac: host.mac,
                        name: host.name,
                        owner: owner.clone(),
                    })
                });
                simulation.room_known(&hosts.collect::<Vec<_>>());
            }
            FromHub::Refused { reason } => say(format_args!("room: a message was refused: {reason}")),
            FromHub::Lab { .. } => say(format_args!("room: the teacher hands out a lab; this run keeps its own")),
            // Looks at boards are for pages.
            _ => {}
        }
    }

    /// Sends what the boards sent, and now and then how they are.
    fn send(&mut self, simulation: &mut Simulation) {
        while let Some(frame) = simulation.room_take() {
            self.post(Post::Frame(Bytes::copy_from_slice(&frame)));
        }
        if self.told_at.elapsed() < STATUS_INTERVAL {
            return;
        }
        self.told_at = WallInstant::now();
        let boards: Vec<BoardNews> = simulation.boards().into_iter().map(|board| self.news(board)).collect();
        if boards != self.told {
            self.told.clone_from(&boards);
            self.post(Post::Text(ToHub::Status { boards }));
        }
        if self.keeps {
            let leases = simulation.room_leases().into_iter();
            let leases = leases.map(|lease| MemberLease {
                mac: lease.mac,
                ip: lease.ip.to_string(),
                host_name: lease.host_name,
            });
            self.post(Post::Text(ToHub::Leases { leases: leases.collect() }));
        }
    }

    fn news(&self, board: sim::view::BoardStatus) -> BoardNews {
        let power = match board.power {
            BoardPower::Off => "off",
            BoardPower::Booting => "booting",
            BoardPower::Idle => "idle",
            BoardPower::Busy => "busy",
            BoardPower::Crashed => "crashed",
            BoardPower::Asleep => "asleep",
        };
        BoardNews {
            power: power.into(),
            ip: board.interfaces.iter().find_map(|interface| interface.ip.clone()),
            error: None,
            console: self
                .tails
                .get(&board.host)
                .map(|tail| String::from_utf8_lossy(tail).into_owned())
                .unwrap_or_default(),
            name: board.name,
        }
    }

    fn remember(&mut self, host: HostId, bytes: &[u8]) {
        let tail = self.tails.entry(host).or_default();
        tail.extend_from_slice(bytes);
        let surplus = tail.len().saturating_sub(CONSOLE_TAIL_BYTES);
        tail.drain(..surplus);
    }
}

fn lease(lease: MemberLease) -> Option<RoomLease> {
    Some(RoomLease { ip: lease.ip.parse().ok()?, mac: lease.mac, host_name: lease.host_name })
}

/// Opens the WebSocket on a thread of its own; returns once it is open.
fn connect(address: &Address, trust: Trust) -> Result<(Receiver<News>, mpsc::Sender<Post>)> {
    let (news, run_news) = sync_channel(QUEUE_MAX);
    let (post, run_post) = mpsc::channel(QUEUE_MAX);
    let (opened, outcome) = sync_channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let url = address.url.clone();
    thread::Builder::new().name("room".into()).spawn(move || {
        runtime.block_on(async move {
            match websocket::connect(&url, &trust, None, TEXT_BYTES_MAX).await {
                Ok(socket) => {
                    let _ = opened.send(Ok(()));
                    let why = carry(socket, &news, run_post).await;
                    // Behind what came before it, however long the run takes for that.
                    let _ = news.send(News::Gone(why));
                }
                Err(why) => drop(opened.send(Err(why))),
            }
        });
    })?;
    match outcome.recv()? {
        Ok(()) => Ok((run_news, post)),
        Err(why) => bail!("cannot join the room {address}: {why}"),
    }
}

/// Carries messages both ways until one side ends; returns why.
async fn carry(socket: Socket, news: &SyncSender<News>, mut post: mpsc::Receiver<Post>) -> String {
    let (mut sink, mut source) = socket.split();
    loop {
        tokio::select! {
            message = source.next() => match message {
                Some(Ok(message)) if message.is_binary() => {
                    // A run that does not keep up loses frames, as a switch's port does.
                    let _ = news.try_send(News::Frame(Bytes::from(message.into_payload())));
                }
                Some(Ok(message)) => {
                    if let Some((_, reason)) = message.as_close() {
                        return if reason.is_empty() { "it closed the connection".into() } else { reason.to_owned() };
                    }
                    if let Some(Ok(text)) = message.as_text().map(FromHub::decode) {
                        let _ = news.try_send(News::Text(text));
                    }
                }
                Some(Err(error)) => return error.to_string(),
                None => return "it ended".into(),
            },
            message = post.recv() => {
                let message = match message {
                    Some(Post::Frame(frame)) => Message::binary(frame),
                    Some(Post::Text(text)) => Message::text(text.encode()),
                    None => return "the run ended".into(),
                };
                if let Err(error) = sink.send(message).await {
                    return error.to_string();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, url: &str, name: &str) {
        let address = Address::parse(text).unwrap();
        assert_eq!((address.url.as_str(), address.to_string().as_str()), (url, name));
    }

    #[test]
    fn rooms_are_found_by_their_own_address_and_by_the_invitation_for_pages() {
        check("ws://h:1/room/class", "ws://h:1/room/class", "class at ws://h:1");
        check("wss://h/room/abcd/class", "wss://h/room/abcd/class", "class at wss://h");
        check("http://h:1/#pair=abcd&room=class", "ws://h:1/room/abcd/class", "class at ws://h:1");
        check("https://h/#room=class", "wss://h/room/class", "class at wss://h");
        for wrong in ["foo", "ws://h", "ws://h/room/", "http://h/#pair=abcd", "ws://h/wisp/"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
