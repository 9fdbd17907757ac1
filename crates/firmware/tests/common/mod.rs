//! Boards on the built-in LAN: Lua text in, console and trace out.
//!
//! A [`Lab`] puts boards next to the router and the internet of `lan::world`, runs them in virtual time, and hands out what
//! they printed. Boards join `playground` at boot and get 192.168.1.100 and upward in the order in which they were added.
//! The programs begin at [`START_MS`], when every board has its address: in the chip's profile nothing else would hold
//! them back (`docs/behaviour.md` §6.2).

#![allow(dead_code, reason = "each test file uses its own part")]

use firmware::{Behaviour, Board, BoardConfig, Input, RadioReply, RadioRequest, Release};
use lan::world::{World, WorldConfig};
use lan::{AccessPointId, AirEvent, Behind, Direction, Lan, LinkConfig, MacAddress};
use lua::Dialect;
use trace::{Duration, HostId, Instant, Kind, Record, Trace};

/// How long after the start of the interpreter a board's program begins, in milliseconds.
pub(crate) const START_MS: u64 = 4000;
/// What a board takes from power on to its start-up script, by the manual with the network up; and a little more.
const BOOT_MS: u64 = 1000;
/// Records that a test can look at.
const RECORDS_MAX: usize = 200_000;
/// The first id of the world's own hosts.
const WORLD_FIRST: HostId = HostId(100);

/// Boards on a LAN.
pub(crate) struct Lab {
    pub(crate) trace: Trace,
    pub(crate) lan: Lan,
    pub(crate) world: World,
    boards: Vec<Slot>,
    now: Instant,
    behaviour: Behaviour,
    release: Release,
    dialect: Dialect,
    heap_bytes: Option<usize>,
}

struct Slot {
    board: Board,
    console: String,
    access_point: Option<AccessPointId>,
}

impl Lab {
    /// Boards that do as a chip with release 3.0 does.
    pub(crate) fn chip() -> Lab {
        Lab::new(Behaviour::Chip, Release::V3)
    }

    /// Boards that do as the manual says, with both generations of the API.
    pub(crate) fn manual() -> Lab {
        Lab::new(Behaviour::Manual, Release::Any)
    }

    pub(crate) fn new(behaviour: Behaviour, release: Release) -> Lab {
        let trace = Trace::new(RECORDS_MAX);
        let mut lan = Lan::new(1, trace.clone());
        let world = World::install(&mut lan, &WorldConfig::default(), 1, WORLD_FIRST);
        let (boards, now, dialect) = (Vec::new(), Instant::ZERO, Dialect::Lua51);
        Lab { trace, lan, world, boards, now, behaviour, release, dialect, heap_bytes: None }
    }

    /// Further boards speak this dialect.
    pub(crate) fn dialect(mut self, dialect: Dialect) -> Lab {
        self.dialect = dialect;
        self
    }

    /// Further boards have this much heap.
    pub(crate) fn heap_bytes(mut self, bytes: usize) -> Lab {
        self.heap_bytes = Some(bytes);
        self
    }

    /// Adds a board whose program begins at [`START_MS`].
    pub(crate) fn board(self, program: &str) -> Lab {
        let start = format!("tmr.create():alarm({START_MS}, tmr.ALARM_SINGLE, function() dofile('test.lua') end)\n");
        self.board_with(&[("init.lua", &start), ("test.lua", program)])
    }

    /// Adds a board with these files.
    pub(crate) fn board_with(mut self, files: &[(&str, &str)]) -> Lab {
        let index = self.boards.len() as u8;
        let id = HostId(u32::from(index) + 1);
        let mac = MacAddress([0x5c, 0xcf, 0x7f, 0, 0, index + 1]);
        let mut config = BoardConfig::new(id, format!("board{}", index + 1), mac);
        config.behaviour = self.behaviour;
        config.release = self.release;
        config.dialect = self.dialect;
        config.seed = u64::from(index) + 7;
        config.heap_bytes = self.heap_bytes.unwrap_or(config.heap_bytes);
        let mut board = Board::new(config, self.trace.clone());
        board.files_mut(|store| {
            for (name, content) in files {
                store.write(name.as_bytes(), content.as_bytes()).unwrap();
            }
        });
        board.power_on(self.now);
        self.boards.push(Slot { board, console: String::new(), access_point: None });
        // Leases are given in the order of joining.
        let settled = Instant::from_micros(u64::from(index + 1) * 1_000);
        self.run_until(settled);
        self
    }

    /// Runs until `millis` after the programs began.
    pub(crate) fn run(&mut self, millis: u64) -> &mut Lab {
        self.run_until(Instant::ZERO + Duration::from_millis(BOOT_MS + START_MS + millis));
        self
    }

    fn run_until(&mut self, until: Instant) {
        loop {
            self.settle();
            let boards = self.boards.iter().filter_map(|slot| slot.board.next_deadline());
            let next = boards.chain(self.lan.next_deadline()).min();
            match next {
                Some(next) if next <= until => self.now = self.now.max(next),
                _ => break,
            }
        }
        self.now = self.now.max(until);
        self.settle();
    }

    /// Lets everything due now happen and carries what came out of it.
    fn settle(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            self.lan.step(self.now);
            while let Some(delivery) = self.lan.take_delivery() {
                moved = true;
                let slot = &mut self.boards[delivery.host.0 as usize - 1];
                slot.board.receive(self.now, delivery.interface, &delivery.frame);
            }
            while let Some((host, event)) = self.lan.take_air_event() {
                moved = true;
                self.boards[host.0 as usize - 1].board.radio_reply(self.now, RadioReply::Air(event));
            }
            for index in 0..self.boards.len() {
                moved |= self.serve(index);
            }
        }
    }

    fn serve(&mut self, index: usize) -> bool {
        let mut moved = false;
        let slot = &mut self.boards[index];
        slot.board.run(self.now);
        let id = slot.board.id();
        while let Some(request) = slot.board.take_radio_request() {
            moved = true;
            match request {
                RadioRequest::Join(request) => {
                    let mac = slot.board.config().mac;
                    let outcome = self.lan.join(self.now, id, 0, mac, &request);
                    slot.board.radio_reply(self.now, RadioReply::Joined(outcome));
                }
                RadioRequest::Leave => self.lan.leave(self.now, id, 0),
                RadioRequest::Scan => {
                    let found = self.lan.scan(id, 0);
                    slot.board.radio_reply(self.now, RadioReply::Scanned(found));
                }
                RadioRequest::StartAccessPoint(config) => {
                    if let Some(old) = slot.access_point.take() {
                        self.lan.remove_access_point(self.now, old);
                    }
                    slot.access_point = Some(self.lan.add_access_point(self.now, config, Behind::Host(id, 1)));
                }
                RadioRequest::StopAccessPoint => {
                    if let Some(old) = slot.access_point.take() {
                        self.lan.remove_access_point(self.now, old);
                    }
                }
            }
        }
        while let Some((interface, frame)) = slot.board.take_frame() {
            moved = true;
            self.lan.inject(self.now, id, interface, frame);
        }
        slot.console.push_str(&String::from_utf8_lossy(&slot.board.take_console()));
        moved
    }

    // ---- what a person does ----

    pub(crate) fn power_off(&mut self, board: usize) -> &mut Lab {
        self.boards[board].board.power_off(self.now);
        self
    }

    pub(crate) fn power_on(&mut self, board: usize) -> &mut Lab {
        self.boards[board].board.power_on(self.now);
        self
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, board: usize, line: &str) -> &mut Lab {
        self.boards[board].board.input(self.now, Input::Console(format!("{line}\n").into_bytes()));
        self
    }

    /// Cuts or mends a board's link, without the board's radio noticing.
    pub(crate) fn set_link(&mut self, board: usize, up: bool) -> &mut Lab {
        let id = self.boards[board].board.id();
        for direction in [Direction::In, Direction::Out] {
            if let Some(link) = self.lan.link(id, 0, direction).copied() {
                self.lan.set_link(self.now, id, 0, direction, LinkConfig { up, ..link });
            }
        }
        self
    }

    /// Makes a board's link slower, in each direction.
    pub(crate) fn set_latency(&mut self, board: usize, millis: u64) -> &mut Lab {
        let id = self.boards[board].board.id();
        for direction in [Direction::In, Direction::Out] {
            if let Some(link) = self.lan.link(id, 0, direction).copied() {
                self.lan.set_link(
                    self.now,
                    id,
                    0,
                    direction,
                    LinkConfig { latency: Duration::from_millis(millis), ..link },
                );
            }
        }
        self
    }

    /// The access point throws the board out.
    pub(crate) fn disassociate(&mut self, board: usize) -> &mut Lab {
        let id = self.boards[board].board.id();
        if let Some(association) = self.lan.association(id, 0) {
            self.lan.leave(self.now, id, 0);
            let event = AirEvent::Disassociated { ssid: association.ssid, bssid: association.bssid };
            self.boards[board].board.radio_reply(self.now, RadioReply::Air(event));
        }
        self
    }

    // ---- what can be seen ----

    /// What a board printed, line by line, without the banner and the prompts.
    pub(crate) fn console(&self, board: usize) -> Vec<String> {
        let text = self.boards[board].console.replace('\r', "");
        let text = text.split_once("powered by Lua").map_or("", |(_, rest)| rest);
        let lines = text.split('\n').skip(1);
        let lines = lines.map(|line| line.trim_start_matches("> ").to_owned());
        lines.filter(|line| !line.is_empty() && line != ">" && line != " ").collect()
    }

    /// Everything a board printed.
    pub(crate) fn raw_console(&self, board: usize) -> &str {
        &self.boards[board].console
    }

    /// Whether a board's flash has the file.
    pub(crate) fn has_file(&self, board: usize, name: &str) -> bool {
        self.boards[board].board.files(|store| store.read(name.as_bytes()).is_some())
    }

    /// What a board's stack has open, the station's DHCP client aside.
    pub(crate) fn sockets(&self, board: usize) -> Vec<lan::SocketRow> {
        self.boards[board].board.netstat().map_or_else(Vec::new, |netstat| netstat.sockets)
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.trace.since(None)
    }

    /// Hints that were given, in order.
    pub(crate) fn hints(&self) -> Vec<String> {
        let texts = self.records().into_iter().filter_map(|record| match record.kind {
            Kind::Hint { text, .. } => Some(text),
            _ => None,
        });
        texts.collect()
    }

    /// Reasons and details of what did not happen on a board.
    pub(crate) fn silences(&self, board: usize) -> Vec<(trace::Silence, String)> {
        let id = self.boards[board].board.id();
        let records = self.records().into_iter().filter(|record| record.host == id);
        let silences = records.filter_map(|record| match record.kind {
            Kind::Nothing { reason, detail, .. } => Some((reason, detail)),
            _ => None,
        });
        silences.collect()
    }

    /// Names of a board's callbacks, in order.
    pub(crate) fn callbacks(&self, board: usize) -> Vec<String> {
        let id = self.boards[board].board.id();
        let records = self.records().into_iter().filter(|record| record.host == id);
        let events = records.filter_map(|record| match record.kind {
            Kind::Callback { event, .. } => Some(event.0.to_string()),
            _ => None,
        });
        events.collect()
    }
}

/// Runs `program` on one chip for `millis` and compares what it prints.
#[track_caller]
pub(crate) fn check_chip(program: &str, millis: u64, expected: &str) {
    check(Lab::chip().board(program), millis, expected);
}

/// Runs `program` on one board in the manual's profile for `millis` and compares what it prints.
#[track_caller]
pub(crate) fn check_manual(program: &str, millis: u64, expected: &str) {
    check(Lab::manual().board(program), millis, expected);
}

#[track_caller]
fn check(mut lab: Lab, millis: u64, expected: &str) {
    lab.run(millis);
    assert_console(&lab, 0, expected);
}

/// Compares a board's console with lines that may be indented.
#[track_caller]
pub(crate) fn assert_console(lab: &Lab, board: usize, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let printed = lab.console(board);
    let printed: Vec<&str> = printed.iter().map(|line| line.trim()).collect();
    assert_eq!(printed, expected, "console of board {board}:\n{}", lab.raw_console(board));
}
