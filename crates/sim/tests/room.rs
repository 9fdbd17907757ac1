//! Rooms: simulations joined by a hub in memory, as a relay or the tabs of a browser join them.

use std::collections::BTreeMap;

use sim::lab::{BoardLab, FileContent, Input};
use sim::view::HostKind;
use sim::{Lab, Membership, Progress, RoomFrameError, RoomHost, Simulation};
use trace::{Duration, Instant, Trace};

/// Members take turns of this length: a frame waits at most so long at the hub.
const TURN: Duration = Duration::from_millis(2);

/// Members of a room and the hub between them; a member that leaves keeps its place, empty.
struct Hub {
    now: Instant,
    members: Vec<Option<Seat>>,
}

/// A member, whose own time began when it came.
struct Seat {
    since: Instant,
    simulation: Simulation,
}

fn member(identity: u32, keeps: bool) -> Membership {
    Membership { identity, keeps, has_pc: true, watches: false }
}

/// A lab with one board called `board` that runs `program`.
fn lab(program: &str) -> Lab {
    let mut board = BoardLab::new("board");
    board.files.insert("init.lua".into(), FileContent::Text(program.into()));
    Lab { boards: vec![board], ..Lab::default() }
}

fn join(program: &str, member: Membership) -> Simulation {
    Simulation::in_room(lab(program), Trace::new(50_000), member).unwrap()
}

impl Hub {
    /// A room of boards that run `programs`; the first member keeps it.
    fn new(programs: &[&str]) -> Hub {
        let mut hub = Hub { now: Instant::ZERO, members: Vec::new() };
        for (program, identity) in programs.iter().zip(1..) {
            hub.add(join(program, member(identity, identity == 1)));
        }
        hub
    }

    /// Lets a member in that begins now; returns its place.
    fn add(&mut self, simulation: Simulation) -> usize {
        self.members.push(Some(Seat { since: self.now, simulation }));
        self.members.len() - 1
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now += TURN;
            for index in 0..self.members.len() {
                self.turn(index);
            }
        }
    }

    fn turn(&mut self, index: usize) {
        let Some(Seat { since, simulation }) = &mut self.members[index] else { return };
        let own_now = Instant::ZERO + (self.now - *since);
        while simulation.advance(own_now, 10_000) == Progress::Unfinished {}
        let frames: Vec<_> = std::iter::from_fn(|| simulation.room_take()).collect();
        for (other, receiver) in self.members.iter_mut().enumerate() {
            let Some(receiver) = receiver.as_mut().filter(|_| other != index) else { continue };
            for frame in &frames {
                receiver.simulation.room_receive(frame).unwrap();
            }
        }
    }

    fn member(&mut self, index: usize) -> &mut Simulation {
        &mut self.members[index].as_mut().expect("the member is in the room").simulation
    }

    fn console(&mut self, index: usize) -> String {
        let member = self.member(index);
        let board = member.board_ids()[0];
        let bytes = member.take_output().remove(&board).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn ip(&mut self, index: usize) -> Option<String> {
        self.member(index).boards()[0].interfaces.iter().find_map(|interface| interface.ip.clone())
    }
}

/// What a member announces, with its owner's name as a hub adds it.
fn announced(member: &Simulation, owner: &str) -> Vec<RoomHost> {
    let hosts = member.room_hosts().into_iter();
    hosts.map(|host| RoomHost { owner: owner.into(), ..host }).collect()
}

const SERVER: &str = r#"
net.createServer(net.TCP):listen(80, function(connection)
  connection:on("receive", function(socket, text) socket:send("you said " .. text) end)
end)
local udp = net.createUDPSocket()
udp:listen(9999)
udp:on("receive", function(socket, text, port, ip) socket:send(port, ip, text:upper()) end)
"#;

#[test]
fn boards_of_two_members_get_addresses_from_one_router_and_talk() {
    let mut hub = Hub::new(&[SERVER]);
    hub.run(3_000);
    let server = hub.ip(0).unwrap();
    let client = r#"
        tmr.create():alarm(3000, tmr.ALARM_SINGLE, function()
          local tcp = net.createConnection(net.TCP)
          tcp:on("connection", function(socket) socket:send("hello") end)
          tcp:on("receive", function(_, text) print("tcp: " .. text) end)
          tcp:connect(80, "SERVER")
          local udp = net.createUDPSocket()
          udp:on("receive", function(_, text) print("udp: " .. text) end)
          udp:send(9999, "SERVER", "quiet")
        end)"#;
    let client = hub.add(join(&client.replace("SERVER", &server), member(2, false)));
    hub.run(6_000);
    let own = hub.ip(client).unwrap();
    assert!(own.starts_with("192.168.1.") && own != server, "{own}");
    let console = hub.console(client);
    assert!(console.contains("tcp: you said hello"), "{console}");
    assert!(console.contains("udp: QUIET"), "{console}");
}

#[test]
fn names_time_and_the_internet_come_from_the_room_s_router() {
    let asks = r#"
        tmr.create():alarm(3000, tmr.ALARM_SINGLE, function()
          net.dns.resolve("example.com", function(_, ip) print("example.com is " .. ip) end)
          http.get("http://example.com/", nil, function(code) print("status " .. code) end)
        end)"#;
    let mut hub = Hub::new(&["", asks]);
    hub.run(8_000);
    let console = hub.console(1);
    assert!(console.contains("example.com is "), "{console}");
    assert!(console.contains("status 200"), "{console}");
}

#[test]
fn every_person_s_pc_has_an_address_of_its_own_and_reaches_all_boards() {
    let mut hub = Hub::new(&[SERVER, ""]);
    hub.run(3_000);
    let board = hub.ip(0).unwrap();
    let pcs: Vec<_> = [0, 1].map(|index| pc_ip(hub.member(index))).into_iter().flatten().collect();
    assert_eq!(pcs.len(), 2);
    assert_ne!(pcs[0], pcs[1]);
    hub.member(1).input(Input::PcCommand { line: format!("ping -c 1 {board}") }).unwrap();
    hub.run(2_000);
    let text: Vec<u8> = hub.member(1).take_output().into_values().flatten().collect();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("1 received"), "{text}");
}

fn pc_ip(member: &Simulation) -> Option<String> {
    let map = member.map();
    let pc = map.hosts.iter().find(|host| host.kind == HostKind::Pc)?;
    pc.interfaces.first()?.ip.clone()
}

#[test]
fn another_member_takes_over_and_everybody_keeps_the_address() {
    let mut hub = Hub::new(&["", SERVER, ""]);
    hub.run(3_000);
    let before = [hub.ip(1).unwrap(), hub.ip(2).unwrap()];
    let leases = hub.member(0).room_leases();
    assert!(leases.len() >= 3, "{leases:?}");
    hub.members[0] = None;
    hub.member(1).room_keep(true, &leases);
    // A board that starts anew gets what it had, a new one something that nobody has.
    hub.member(2).input(Input::Reset { board: "board".into() }).unwrap();
    let newcomer = hub.add(join("", member(9, false)));
    hub.run(12_000);
    assert_eq!([hub.ip(1).unwrap(), hub.ip(2).unwrap()], before);
    let newest = hub.ip(newcomer).expect("the newcomer has an address");
    assert!(!before.contains(&newest) && leases.iter().all(|lease| lease.ip.to_string() != newest));
    // The way out leads through the new router at once.
    hub.member(2).input(Input::PcCommand { line: "ping -c 1 example.com".into() }).unwrap();
    hub.run(3_000);
    let text: Vec<u8> = hub.member(2).take_output().into_values().flatten().collect();
    assert!(String::from_utf8_lossy(&text).contains("1 received"));
    // A router that gives its place up serves no more.
    hub.member(1).room_keep(false, &[]);
    assert!(hub.member(1).room_leases().is_empty());
}

#[test]
fn frames_that_no_other_member_can_have_sent_are_refused() {
    let mut member = join("", member(1, true));
    let own: [u8; 6] = own_mac(&member);
    let frame = |sender: [u8; 6]| [&[0xff; 6][..], &sender, &[0x08, 0x06], &[0; 46]].concat();
    assert!(matches!(member.room_receive(&frame(own)), Err(RoomFrameError::OwnSender(_))));
    let router = [0x02, 0x57, 0x4c, 0, 0, 1];
    assert!(matches!(member.room_receive(&frame(router)), Err(RoomFrameError::OwnSender(_))));
    assert_eq!(member.room_receive(&frame([0xff; 6])), Err(RoomFrameError::GroupSender));
    assert_eq!(member.room_receive(&[0; 13]), Err(RoomFrameError::Length(13)));
    assert_eq!(member.room_receive(&[0; 1519]), Err(RoomFrameError::Length(1519)));
    assert_eq!(member.room_receive(&frame([2, 0, 0, 0, 0, 7])), Ok(()));
    assert_eq!(Simulation::new(lab("")).unwrap().room_receive(&frame(own)), Err(RoomFrameError::NoRoom));
}

fn own_mac(member: &Simulation) -> [u8; 6] {
    let mac = member.room_hosts()[0].mac.clone();
    let bytes: Vec<u8> = mac.split(':').map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

#[test]
fn damaged_frames_of_others_do_no_harm() {
    let mut source = join("", member(2, false));
    source.advance(Instant::from_micros(4_000_000), 100_000);
    let frames: Vec<_> = std::iter::from_fn(|| source.room_take()).collect();
    assert!(!frames.is_empty());
    let mut target = join("", member(1, true));
    for frame in &frames {
        for length in 0..frame.len() {
            let _ = target.room_receive(&frame[..length]);
        }
        for at in 0..frame.len() {
            let mut damaged = frame.to_vec();
            damaged[at] ^= 0x55;
            let _ = target.room_receive(&damaged);
        }
    }
    while target.advance(Instant::from_micros(10_000_000), 10_000) == Progress::Unfinished {}
    assert!(!target.crashed());
}

#[test]
fn the_map_shows_whose_boards_they_are() {
    let mut hub = Hub::new(&["", ""]);
    hub.run(3_000);
    let hosts = announced(hub.member(1), "Mia");
    assert_eq!(hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["board", "pc"]);
    hub.member(0).room_known(&hosts);
    let ip = hub.ip(1);
    let map = hub.member(0).map();
    let shown: BTreeMap<_, _> = map.hosts.iter().map(|host| (host.name.clone(), host)).collect();
    let board = shown["board (Mia)"];
    assert_eq!((board.kind, board.owner.as_deref()), (HostKind::Outside, Some("Mia")));
    assert_eq!(board.interfaces[0].ip, ip);
    assert!(map.links.iter().any(|link| link.host == board.id));
    // Whoever has left is no longer on the map.
    hub.member(0).room_known(&[]);
    assert!(hub.member(0).map().hosts.iter().all(|host| host.kind != HostKind::Outside));
}

#[test]
fn a_watcher_records_what_others_say_and_its_boards_hear_nothing() {
    let talk = "tmr.create():alarm(3000, tmr.ALARM_SINGLE, function()
      net.createUDPSocket():send(7, '192.168.1.1', 'not for you')
    end)";
    let mut hub = Hub::new(&["", talk]);
    let watcher = Membership { watches: true, ..member(3, false) };
    let watcher = hub.add(join("", watcher));
    hub.run(6_000);
    let watching = hub.member(watcher);
    let frames = watching.inspect().summaries(&watching.trace().since(None));
    let overheard: Vec<_> = frames.iter().filter(|frame| frame.summary.contains("Len=11")).collect();
    assert_eq!(overheard.len(), 1, "{frames:#?}");
    let board = watching.board_ids()[0];
    let chain = watching.trace().since(Some(overheard[0].frame));
    let carried =
        chain.iter().find(|record| record.cause == Some(overheard[0].frame)).expect("it is said where it went");
    assert_ne!(carried.host, board);
}

#[test]
fn without_a_room_a_run_is_what_it_was() {
    let run = |simulation: &mut Simulation| {
        while simulation.advance(Instant::from_micros(5_000_000), 10_000) == Progress::Unfinished {}
        (simulation.inspect().json_lines(), simulation.room_take().is_none())
    };
    let once = run(&mut Simulation::new(lab(SERVER)).unwrap());
    let again = run(&mut Simulation::with_trace(lab(SERVER), Trace::new(100_000)).unwrap());
    assert!(once == again);
    assert!(once.1 && !once.0.contains("room"));
}
