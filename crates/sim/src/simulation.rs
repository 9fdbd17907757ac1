//! The loop: boards, LAN and virtual clock.
//!
//! Rule for callers: give inputs, [`advance`](Simulation::advance), take outputs. One advance does a bounded number of
//! steps, each of which handles what is due at one instant; whoever must stay responsive calls it again.
//!
//! What is due at one instant is handled in this order: the LAN, then boards by their place in the lab, again and again
//! until nothing is due; then inputs. An input therefore meets the same state whether a person gives it now or a recorded
//! lab gives it again. Boards wait in a heap by deadline, so that an idle board costs nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::Ipv4Addr;

use firmware::{Board, BoardConfig, RadioReply, RadioRequest};
use lan::{AccessPointId, Behind, Direction, Frame, Lan, MacAddress};
use trace::{Duration, HostId, Instant, Kind, RecordId, Trace};

use crate::check::Checks;
use crate::inspect::{Inspector, Names};
use crate::lab::{BoardLab, FetchRequest, FileContent, Input, Lab, LabError, LinkLab, TimedInput};
use crate::room::{Membership, Room, RoomFrameError, RoomHost, RoomLease};
use crate::uplink::{Publication, Reach, Uplink};
use crate::view::{BoardStatus, CheckStatus, FetchResult, FileView, NetworkMap, UplinkView};
use crate::wiring::{self, Links};
use crate::world::World;
use crate::{map, millis};

/// Records kept unless asked otherwise; the oldest go first.
pub const RECORDS_MAX: usize = 100_000;

/// How often a board may run at one instant before time moves on by a microsecond. Only a defect of a board reaches it;
/// it keeps the loop from standing still.
const RUNS_AT_ONE_INSTANT_MAX: u32 = 1_000;

/// What the PC's browser requests for checks has ids from here on.
const CHECK_FETCH_FIRST: u32 = 1 << 31;

/// A running lab.
pub struct Simulation {
    lab: Lab,
    trace: Trace,
    now: Instant,
    lan: Lan,
    world: World,
    uplink: Uplink,
    stations: Vec<Station>,
    /// Deadlines of boards; an entry counts only while it is the board's current one.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    /// What will be done to the lab, by time and then in the order in which it was said.
    agenda: BTreeMap<(Instant, u64), Planned>,
    planned: u64,
    /// Inputs of this run, for [`Simulation::recorded_lab`].
    recorded: Vec<TimedInput>,
    links: Links,
    checks: Checks,
    fetches: VecDeque<FetchResult>,
    output: BTreeMap<HostId, Vec<u8>>,
    names: Names,
    /// The board that a debugger has stopped, by its place in the lab.
    paused: Option<usize>,
    /// The LAN shared with other simulations, while there is one.
    room: Option<Room>,
    /// The newest record that the checks and names have seen.
    observed: Option<RecordId>,
}

/// A board and what the loop knows about it.
pub(crate) struct Station {
    pub(crate) lab: BoardLab,
    pub(crate) board: Board,
    pub(crate) access_point: Option<AccessPointId>,
    pub(crate) started: Option<Instant>,
    /// Since when its link is down.
    out_of_range: Option<Instant>,
    /// Its entry in the heap.
    deadline: Option<Instant>,
    /// How often it has run at `ran_at`.
    runs: u32,
    ran_at: Instant,
}

enum Planned {
    Power {
        board: usize,
        on: bool,
    },
    /// The access point has not been heard `since` then.
    BeaconTimeout {
        board: usize,
        since: Instant,
    },
    Input(Input),
    Fetch {
        id: u32,
        request: FetchRequest,
    },
}

/// How far an [`advance`](Simulation::advance) came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The asked time is reached.
    Reached,
    /// The asked number of steps is done; there is more to do before the asked time.
    Unfinished,
    /// A debugger has stopped a program: time stands still until [`Simulation::resume`].
    Paused,
}

/// Why an input was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No board has this name.
    #[error("there is no board '{0}'")]
    NoSuchBoard(String),
    /// No host has this name.
    #[error("there is no host '{0}' with a link")]
    NoSuchHost(String),
    /// The file's content is not valid base64, or flash does not take it.
    #[error("the file '{0}' cannot be written: {1}")]
    File(String, String),
    /// A number is out of its range.
    #[error("{0}")]
    Range(String),
}

impl Simulation {
    /// Builds a lab; nothing has happened yet, and boards are still off.
    ///
    /// # Errors
    /// [`LabError`] if the lab contradicts itself.
    pub fn new(lab: Lab) -> Result<Simulation, LabError> {
        Simulation::with_trace(lab, Trace::new(RECORDS_MAX))
    }

    /// As [`Simulation::new`], writing to `trace`: for other limits, or none.
    ///
    /// # Errors
    /// As [`Simulation::new`].
    pub fn with_trace(lab: Lab, trace: Trace) -> Result<Simulation, LabError> {
        Simulation::build(lab, trace, None)
    }

    /// As [`Simulation::with_trace`], with a LAN that other simulations share: see [`crate::room`].
    ///
    /// # Errors
    /// As [`Simulation::new`].
    pub fn in_room(lab: Lab, trace: Trace, member: Membership) -> Result<Simulation, LabError> {
        Simulation::build(lab, trace, Some(member))
    }

    fn build(lab: Lab, trace: Trace, member: Option<Membership>) -> Result<Simulation, LabError> {
        lab.validate()?;
        let mut lan = Lan::new(wiring::derived_seed(lab.seed, "lan"), trace.clone());
        let first = HostId(u32::try_from(lab.boards.len()).unwrap_or(u32::MAX));
        let world =
            World::install(&mut lan, &lab.world, wiring::derived_seed(lab.seed, "world"), first, member.as_ref())?;
        let mut names = Names::default();
        let mut stations = Vec::new();
        for (index, board) in lab.boards.iter().enumerate() {
            let station = Station::new(board, index, lab.seed, &trace, member.as_ref())?;
            names.hosts.insert(station.board.id(), board.name.clone());
            stations.push(station);
        }
        names.hosts.extend(world.hosts().into_iter().map(|host| (host.id, host.name)));
        let mut simulation = Simulation {
            checks: Checks::new(&lab),
            links: Links::default(),
            trace,
            now: Instant::ZERO,
            lan,
            world,
            uplink: Uplink::default(),
            stations,
            due: BinaryHeap::new(),
            paused: None,
            agenda: BTreeMap::new(),
            planned: 0,
            recorded: lab.inputs.clone(),
            fetches: VecDeque::new(),
            output: BTreeMap::new(),
            names,
            room: None,
            observed: None,
            lab,
        };
        simulation.enter_room(member);
        simulation.wire()?;
        simulation.plan_lab();
        Ok(simulation)
    }

    /// Gives all links of the lab their state.
    fn wire(&mut self) -> Result<(), LabError> {
        for (host, link) in self.lab.links.clone() {
            self.set_link(&host, &link).map_err(|error| LabError::form(format!("links.{host}"), error.to_string()))?;
        }
        Ok(())
    }

    /// Plans what the lab says will happen: power, recorded inputs, the fetches of checks.
    fn plan_lab(&mut self) {
        for board in 0..self.stations.len() {
            if let Some(at) = self.stations[board].lab.power_on_ms {
                self.plan(wiring::instant(at), Planned::Power { board, on: true });
            }
        }
        for timed in self.lab.inputs.clone() {
            self.plan(wiring::instant(timed.at_ms), Planned::Input(timed.input));
        }
        for (index, at_ms, url) in self.checks.fetches() {
            let request = FetchRequest { url, method: None, headers: Vec::new(), body: None };
            self.plan(wiring::instant(at_ms), Planned::Fetch { id: CHECK_FETCH_FIRST + index, request });
        }
    }

    fn plan(&mut self, at: Instant, what: Planned) {
        self.agenda.insert((at, self.planned), what);
        self.planned += 1;
    }

    // ---- time ----

    /// Virtual time now.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Goes on until `until`, or until `steps_max` steps are done.
    pub fn advance(&mut self, until: Instant, steps_max: u32) -> Progress {
        for _ in 0..steps_max {
            if self.paused.is_some() {
                return Progress::Paused;
            }
            match self.next_due() {
                Some(at) if at <= until => self.step(at),
                _ => {
                    self.now = self.now.max(until);
                    return Progress::Reached;
                }
            }
        }
        Progress::Unfinished
    }

    /// Goes on until a record for which `stop` holds was written, at most until `until` or for `steps_max` steps.
    /// Returns that record; everything of its instant has then happened too.
    pub fn advance_to(
        &mut self,
        until: Instant,
        steps_max: u32,
        stop: impl Fn(&Kind) -> bool,
    ) -> (Progress, Option<RecordId>) {
        let mut seen = self.trace.newest();
        for _ in 0..steps_max {
            let progress = self.advance(until, 1);
            if progress != Progress::Unfinished {
                return (progress, None);
            }
            let found = self.trace.since(seen).into_iter().find(|record| stop(&record.kind));
            if let Some(record) = found {
                self.settle();
                return (Progress::Unfinished, Some(record.id));
            }
            seen = self.trace.newest();
        }
        (Progress::Unfinished, None)
    }

    /// When there is something to do next; `None` when only an input can make something happen.
    pub fn next_due(&self) -> Option<Instant> {
        let agenda = self.agenda.keys().next().map(|(at, _)| *at);
        [self.next_board(), self.lan.next_deadline(), agenda, self.uplink.next_deadline()]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.max(self.now))
    }

    /// When the next board is due.
    fn next_board(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Removes entries that no longer count, so that the first one always does.
    fn prune(&mut self) {
        while let Some(Reverse((at, board))) = self.due.peek()
            && self.stations[*board].deadline != Some(*at)
        {
            self.due.pop();
        }
    }

    /// Does one thing that is due at `at`: a step of the LAN, or all boards that are due, or else the next input.
    fn step(&mut self, at: Instant) {
        self.now = at;
        if self.lan.next_deadline().is_some_and(|due| due <= at) {
            self.lan.step(at);
            self.deliver();
        } else if self.run_boards() {
            // Their frames are the LAN's turn.
        } else if let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= at
        {
            let planned = entry.remove();
            self.carry_out(planned);
        }
        if self.uplink_is_due() {
            self.reach_out(Uplink::pump);
        }
        self.drain_world();
        self.observe();
    }

    /// Does everything that is due now, so that an input meets the state it will meet when it is given again.
    fn settle(&mut self) {
        while let Some(at) = self.next_due().filter(|at| *at <= self.now && self.paused.is_none()) {
            if self.agenda.keys().next().is_some_and(|(planned, _)| *planned <= self.now) && !self.anything_runs() {
                return;
            }
            self.step(at);
        }
    }

    fn anything_runs(&self) -> bool {
        let due = |at: Instant| at <= self.now;
        self.lan.next_deadline().is_some_and(due) || self.next_board().is_some_and(due)
    }

    /// Runs every board that is due, in the lab's order. Returns whether there was one.
    fn run_boards(&mut self) -> bool {
        let mut boards = Vec::new();
        while let Some(Reverse((at, board))) = self.due.peek().copied()
            && at <= self.now
        {
            self.due.pop();
            if self.stations[board].deadline == Some(at) {
                self.stations[board].deadline = None;
                boards.push(board);
            }
            self.prune();
        }
        boards.sort_unstable();
        for board in &boards {
            if self.paused.is_some() {
                // Their turn comes when the program that the debugger has stopped goes on, right after it.
                self.wake(*board);
            } else {
                self.run_board(*board);
            }
        }
        !boards.is_empty()
    }

    fn run_board(&mut self, index: usize) {
        let now = self.now;
        self.stations[index].board.run(now);
        if self.stations[index].board.is_paused() {
            self.paused = Some(index);
        }
        self.drain_board(index);
        self.schedule(index);
    }

    /// Takes everything a board has to give.
    fn drain_board(&mut self, index: usize) {
        let now = self.now;
        let id = self.stations[index].board.id();
        let text = self.stations[index].board.take_console();
        if !text.is_empty() {
            self.checks.console(&self.stations[index].lab.name, &text, now);
            self.output.entry(id).or_default().extend(text);
        }
        while let Some(request) = self.stations[index].board.take_radio_request() {
            self.radio(index, request);
        }
        while let Some((interface, frame)) = self.stations[index].board.take_frame() {
            self.lan.inject(now, id, interface, frame);
        }
        self.air();
    }

    /// Puts a board's deadline into the heap.
    fn schedule(&mut self, index: usize) {
        let now = self.now;
        let station = &mut self.stations[index];
        // A board that the debugger holds is woken when it goes on.
        let deadline = station.board.next_deadline().filter(|_| self.paused != Some(index));
        let Some(mut at) = deadline else {
            station.deadline = None;
            self.prune();
            return;
        };
        station.runs = if station.ran_at == now { station.runs + 1 } else { 0 };
        station.ran_at = now;
        at = at.max(now);
        if at == now && station.runs > RUNS_AT_ONE_INSTANT_MAX {
            at = now + Duration::from_micros(1);
        }
        if station.deadline != Some(at) {
            station.deadline = Some(at);
            self.due.push(Reverse((at, index)));
            self.prune();
        }
    }

    /// Makes a board run at this instant.
    fn wake(&mut self, index: usize) {
        if self.stations[index].deadline != Some(self.now) {
            self.stations[index].deadline = Some(self.now);
            self.due.push(Reverse((self.now, index)));
            self.prune();
        }
    }

    /// Brings the frames that arrived to their boards.
    fn deliver(&mut self) {
        while let Some(delivery) = self.lan.take_delivery() {
            let index = delivery.host.0 as usize;
            if index < self.stations.len() {
                self.receive(index, delivery.interface, &delivery.frame);
            } else if let Some(room) = &mut self.room {
                room.send(&self.trace, self.now, &delivery.frame);
            }
        }
        self.air();
    }

    fn receive(&mut self, index: usize, interface: u8, frame: &Frame) {
        self.stations[index].board.receive(self.now, interface, frame);
        self.wake(index);
    }

    // ---- radio ----

    fn radio(&mut self, index: usize, request: RadioRequest) {
        let now = self.now;
        let id = self.stations[index].board.id();
        match request {
            RadioRequest::Join(request) => {
                let mac = self.stations[index].mac();
                let reply = self.lan.join(now, id, wiring::STATION, mac, &request);
                if reply.is_ok() {
                    self.apply_station_link(index);
                }
                self.reply(index, RadioReply::Joined(reply));
            }
            RadioRequest::Leave => self.lan.leave(now, id, wiring::STATION),
            RadioRequest::Scan => {
                let found = self.lan.scan(id, wiring::STATION);
                self.reply(index, RadioReply::Scanned(found));
            }
            RadioRequest::StartAccessPoint(config) => {
                self.stop_access_point(index);
                let behind = Behind::Host(id, wiring::ACCESS_POINT);
                self.stations[index].access_point = Some(self.lan.add_access_point(now, config, behind));
            }
            RadioRequest::StopAccessPoint => self.stop_access_point(index),
        }
    }

    fn stop_access_point(&mut self, index: usize) {
        if let Some(access_point) = self.stations[index].access_point.take() {
            self.lan.remove_access_point(self.now, access_point);
        }
    }

    fn reply(&mut self, index: usize, reply: RadioReply) {
        self.stations[index].board.radio_reply(self.now, reply);
        self.wake(index);
    }

    /// Tells boards what their radios noticed.
    fn air(&mut self) {
        while let Some((host, event)) = self.lan.take_air_event() {
            let index = host.0 as usize;
            if index < self.stations.len() {
                self.reply(index, RadioReply::Air(event));
            }
        }
    }

    // ---- inputs ----

    /// Does what a person does, now, or as soon as a stopped program goes on, and remembers it for [`Simulation::recorded_lab`].
    ///
    /// # Errors
    /// [`InputError`]; nothing has happened then.
    pub fn input(&mut self, input: Input) -> Result<(), InputError> {
        self.settle();
        if self.paused.is_none() {
            self.apply(&input)?;
        } else {
            self.describe(&input)?;
            self.plan(self.now, Planned::Input(input.clone()));
        }
        self.recorded.push(TimedInput { at_ms: millis(self.now), input });
        self.drain_world();
        self.observe();
        Ok(())
    }

    fn carry_out(&mut self, planned: Planned) {
        let failed = match planned {
            Planned::Power { board, on } => {
                self.power(board, on);
                None
            }
            Planned::BeaconTimeout { board, since } => {
                self.beacon_timeout(board, since);
                None
            }
            Planned::Input(input) => self.apply(&input).err(),
            Planned::Fetch { id, request } => {
                self.world.fetch(&mut self.lan, self.now, id, &request);
                None
            }
        };
        if let Some(error) = failed {
            // A recorded input that this lab does not take: said once, where a person looks.
            let text = format!("an input was refused: {error}");
            self.trace.record_caused(self.now, self.world.pc(), None, Kind::Input { text });
        }
    }

    fn apply(&mut self, input: &Input) -> Result<(), InputError> {
        let now = self.now;
        let trace = self.trace.clone();
        // The PC writes down itself what a person does at it.
        let record =
            self.describe(input)?.map(|(host, text)| trace.record_caused(now, host, None, Kind::Input { text }));
        let _scope = trace.enter(record);
        match input {
            Input::Console { board, text } => {
                let index = self.index(board)?;
                self.board_input(index, firmware::Input::Console(text.clone().into_bytes()));
            }
            Input::Pin { board, pin, high } => {
                let index = self.index(board)?;
                self.board_input(index, firmware::Input::Pin { pin: *pin, high: *high });
            }
            Input::Analog { board, value } => {
                let index = self.index(board)?;
                self.board_input(index, firmware::Input::Analog(*value));
            }
            Input::Power { board, on } => {
                let index = self.index(board)?;
                self.power(index, *on);
            }
            Input::Reset { board } => {
                let index = self.index(board)?;
                self.refit(index);
                self.board_input(index, firmware::Input::Reset);
            }
            Input::Link { host, link } => self.set_link(host, link)?,
            Input::Zone { name, answer } => self.world.set_zone(name, answer.as_ref()),
            Input::File { board, name, content } => self.write_file(board, name, content.as_ref())?,
            Input::Profile { board, behaviour, release, lua } => {
                let index = self.index(board)?;
                let lab = &mut self.stations[index].lab;
                lab.behaviour = behaviour.unwrap_or(lab.behaviour);
                lab.release = release.unwrap_or(lab.release);
                lab.lua = lua.unwrap_or(lab.lua);
            }
            Input::PcCommand { line } => self.world.command(&mut self.lan, now, line),
            Input::PcType { text } => self.world.type_text(&mut self.lan, now, text),
            Input::PcInterrupt => self.world.interrupt(&mut self.lan, now),
            Input::PcFetch { id, request } => {
                if *id >= CHECK_FETCH_FIRST {
                    return Err(InputError::Range(format!("ids of requests lie below {CHECK_FETCH_FIRST}")));
                }
                self.world.fetch(&mut self.lan, now, *id, request);
            }
        }
        Ok(())
    }

    /// The host an input is for, and the input in words; `None` for one at the PC.
    fn describe(&self, input: &Input) -> Result<Option<(HostId, String)>, InputError> {
        let board = |name: &String| self.index(name).map(|index| self.stations[index].board.id());
        Ok(Some(match input {
            Input::Console { board: name, text } => (board(name)?, format!("types {text:?}")),
            Input::Pin { board: name, pin, high } => {
                if *pin > wiring::PIN_MAX {
                    return Err(InputError::Range(format!("there is no pin {pin}")));
                }
                (board(name)?, format!("drives pin {pin} {}", if *high { "high" } else { "low" }))
            }
            Input::Analog { board: name, value } => (board(name)?, format!("sets the analog input to {value}")),
            Input::Power { board: name, on } => {
                (board(name)?, format!("switches it {}", if *on { "on" } else { "off" }))
            }
            Input::Reset { board: name } => (board(name)?, "presses reset".into()),
            Input::Link { host, link } => {
                let (id, _) = self.link_of(host)?;
                (id, if link.down { "cuts the link".into() } else { "sets the link".into() })
            }
            Input::Zone { name, .. } => (self.world.router(), format!("edits the name {name}")),
            Input::File { board: host, name, .. } => (board(host)?, format!("changes the file {name}")),
            Input::Profile { board: name, .. } => (board(name)?, "changes the profile".into()),
            Input::PcCommand { .. } | Input::PcType { .. } | Input::PcInterrupt | Input::PcFetch { .. } => {
                return Ok(None);
            }
        }))
    }

    fn index(&self, board: &str) -> Result<usize, InputError> {
        let found = self.stations.iter().position(|station| station.lab.name == board);
        found.ok_or_else(|| InputError::NoSuchBoard(board.to_owned()))
    }

    /// A board by its name.
    pub(crate) fn board_mut(&mut self, name: &str) -> Result<&mut Board, InputError> {
        let index = self.index(name)?;
        Ok(&mut self.stations[index].board)
    }

    /// The board that a debugger has stopped.
    pub(crate) fn paused_board_mut(&mut self) -> Option<&mut Board> {
        let index = self.paused?;
        Some(&mut self.stations[index].board)
    }

    /// The board that a debugger had stopped goes on.
    pub(crate) fn forget_pause(&mut self) {
        if let Some(index) = self.paused.take() {
            self.wake(index);
        }
    }

    fn board_input(&mut self, index: usize, input: firmware::Input) {
        self.stations[index].board.input(self.now, input);
        self.drain_board(index);
        self.wake(index);
    }

    fn power(&mut self, index: usize, on: bool) {
        let now = self.now;
        if on {
            self.refit(index);
            self.stations[index].started.get_or_insert(now);
            self.stations[index].board.power_on(now);
        } else {
            self.stations[index].started = None;
            self.stations[index].board.power_off(now);
        }
        self.drain_board(index);
        self.wake(index);
    }

    /// Gives a board the settings that its lab has now; they count from its next start.
    fn refit(&mut self, index: usize) {
        let station = &mut self.stations[index];
        station.board.set_profile(
            wiring::behaviour(station.lab.behaviour),
            wiring::release(station.lab.release),
            wiring::dialect(station.lab.lua),
        );
    }

    fn write_file(&mut self, board: &str, name: &str, content: Option<&FileContent>) -> Result<(), InputError> {
        let refused = |why: String| InputError::File(name.to_owned(), why);
        let index = self.index(board)?;
        let bytes = match content {
            Some(content) => Some(content.bytes().ok_or_else(|| refused("not valid base64".into()))?),
            None => None,
        };
        self.stations[index].board.files_mut(|files| match bytes {
            Some(bytes) => files.write(name.as_bytes(), bytes).map_err(|error| refused(error.to_string())),
            None => {
                files.remove(name.as_bytes());
                Ok(())
            }
        })
    }

    // ---- the way to the real network ----

    /// A relay is wanted, and its WebSocket is being opened: from now on nothing reaches the built-in internet.
    pub fn uplink_connecting(&mut self, relay: &str) {
        self.outside(|uplink, reach| uplink.connecting(reach, relay));
    }

    /// The WebSocket to a relay is open; `relay` is its address in words, `password` the pairing code, if there is one.
    /// What the relay sends goes to [`Simulation::uplink_receive`], what [`Simulation::uplink_take`] gives goes to the
    /// relay. From the end of the handshake on, what is neither of the LAN nor an edited name is real.
    pub fn uplink_connected(&mut self, relay: &str, password: Option<&str>) {
        self.outside(|uplink, reach| uplink.connected(reach, relay, password));
    }

    /// One message of the WebSocket.
    pub fn uplink_receive(&mut self, message: &[u8]) {
        self.outside(|uplink, reach| uplink.receive(reach, message));
    }

    /// The next message for the WebSocket. Data of boards stays in their windows until it is asked for here, so whoever
    /// cannot send stops asking.
    pub fn uplink_take(&mut self) -> Option<Vec<u8>> {
        if !self.uplink.is_on() {
            return None;
        }
        self.reach_out(|uplink, reach| uplink.take(reach)).map(Vec::from)
    }

    /// The WebSocket is gone, or could not be opened: connections through it are reset, and new ones find no answer until
    /// it is back.
    pub fn uplink_lost(&mut self, relay: &str, why: &str) {
        self.outside(|uplink, reach| uplink.lost(reach, relay, why));
    }

    /// The relay is given up: the built-in internet is back.
    pub fn uplink_left(&mut self) {
        self.outside(Uplink::left);
    }

    /// Makes a board's port reachable from outside, now or as soon as there is a relay that publishes ports.
    ///
    /// # Errors
    /// [`InputError::NoSuchBoard`]; [`InputError::Range`] for port 0.
    pub fn publish(&mut self, publication: Publication) -> Result<(), InputError> {
        self.index(&publication.board)?;
        if publication.port == 0 {
            return Err(InputError::Range("ports begin at 1".into()));
        }
        self.uplink.publish(publication);
        Ok(())
    }

    /// Closes a published port; connections through it go on.
    pub fn unpublish(&mut self, publication: &Publication) {
        self.outside(|uplink, reach| uplink.unpublish(reach, publication));
    }

    /// How the way to the real network stands.
    pub fn uplink(&self) -> UplinkView {
        self.uplink.view()
    }

    /// Lets something come in from outside, after everything that is due.
    fn outside<T>(&mut self, act: impl FnOnce(&mut Uplink, &mut Reach<'_>) -> T) -> T {
        self.settle();
        let result = self.reach_out(act);
        self.observe();
        result
    }

    fn reach_out<T>(&mut self, act: impl FnOnce(&mut Uplink, &mut Reach<'_>) -> T) -> T {
        // The LAN's clock shows its latest event; what comes in from outside happens now.
        self.lan.step(self.now);
        self.deliver();
        let mut reach = Reach {
            now: self.now,
            trace: &self.trace,
            lan: &mut self.lan,
            world: &self.world,
            stations: &self.stations,
        };
        act(&mut self.uplink, &mut reach)
    }

    fn uplink_is_due(&self) -> bool {
        self.uplink.is_on()
            && (self.world.gateway_has_event(&self.lan) || self.uplink.next_deadline().is_some_and(|at| at <= self.now))
    }

    // ---- links ----

    fn link_of(&self, host: &str) -> Result<(HostId, u8), InputError> {
        if let Ok(index) = self.index(host) {
            return Ok((self.stations[index].board.id(), wiring::STATION));
        }
        self.world.link_of(host).ok_or_else(|| InputError::NoSuchHost(host.to_owned()))
    }

    fn set_link(&mut self, host: &str, link: &LinkLab) -> Result<(), InputError> {
        let (id, interface) = self.link_of(host)?;
        self.links.set((id, interface), link.clone());
        self.apply_link(id, interface);
        if let Ok(board) = self.index(host) {
            self.set_in_range(board, !link.down);
        }
        Ok(())
    }

    /// A board without its link is out of the access point's range, and loses it when it has missed enough beacons.
    fn set_in_range(&mut self, board: usize, in_range: bool) {
        let now = self.now;
        let station = &mut self.stations[board];
        self.lan.set_in_range(station.board.id(), wiring::STATION, in_range);
        let since = (!in_range).then(|| station.out_of_range.unwrap_or(now));
        if std::mem::replace(&mut station.out_of_range, since) != since
            && let Some(since) = since
        {
            self.plan(now + wiring::BEACONS_MISSED_MAX, Planned::BeaconTimeout { board, since });
        }
    }

    fn beacon_timeout(&mut self, board: usize, since: Instant) {
        let station = &self.stations[board];
        if station.out_of_range == Some(since) {
            self.lan.lose_beacons(self.now, station.board.id(), wiring::STATION);
            self.air();
        }
    }

    fn apply_link(&mut self, host: HostId, interface: u8) {
        for direction in [Direction::In, Direction::Out] {
            if let Some(link) = self.links.config(&self.lan, (host, interface), direction) {
                self.lan.set_link(self.now, host, interface, direction, link);
            }
        }
    }

    /// A station's link begins anew with each association.
    fn apply_station_link(&mut self, index: usize) {
        let id = self.stations[index].board.id();
        self.links.forget_baseline((id, wiring::STATION));
        self.apply_link(id, wiring::STATION);
    }

    // ---- the room ----

    fn enter_room(&mut self, member: Option<Membership>) {
        let Some(member) = member else { return };
        let boards = self.stations.iter().map(|station| (station.lab.name.clone(), station.mac()));
        let pc = self.world.pc_mac(&self.lan).filter(|_| member.has_pc).map(|mac| ("pc".to_owned(), mac));
        let room = Room::new(&mut self.lan, &self.world, member, boards.chain(pc).collect());
        self.names.hosts.insert(room.id(), "room".into());
        self.room = Some(room);
    }

    /// Takes a frame from the room; it arrives at the LAN's switch now.
    ///
    /// # Errors
    /// [`RoomFrameError`] for a frame that no other member can have sent; it is ignored.
    pub fn room_receive(&mut self, frame: &[u8]) -> Result<(), RoomFrameError> {
        let Some(room) = &mut self.room else { return Err(RoomFrameError::NoRoom) };
        room.receive(&mut self.lan, &self.trace, &mut self.names, self.now, frame)
    }

    /// The next frame for the room.
    pub fn room_take(&mut self) -> Option<trace::FrameBytes> {
        self.room.as_mut()?.take()
    }

    /// The own hosts that the room can reach, for the other members' maps.
    pub fn room_hosts(&self) -> Vec<RoomHost> {
        self.room.as_ref().map(Room::hosts).unwrap_or_default()
    }

    /// Learns whose the hosts of the room are; those that are left out lose their names.
    pub fn room_known(&mut self, hosts: &[RoomHost]) {
        if let Some(room) = &mut self.room {
            room.know(&mut self.names, hosts);
        }
    }

    /// Makes this simulation's router serve the room, or another's. `leases` are those given so far: whoever has an
    /// address keeps it.
    pub fn room_keep(&mut self, keeps: bool, leases: &[RoomLease]) {
        if let Some(room) = &mut self.room {
            room.keep(&mut self.lan, &self.world, keeps, leases);
        }
    }

    /// What the router has given, for the member that will take its place; empty while another router serves.
    pub fn room_leases(&self) -> Vec<RoomLease> {
        self.room.as_ref().map(|room| room.leases(&self.lan, &self.world)).unwrap_or_default()
    }

    // ---- outputs ----

    /// What consoles have printed since the last call: boards, and the PC's terminal.
    pub fn take_output(&mut self) -> BTreeMap<HostId, Vec<u8>> {
        for index in 0..self.stations.len() {
            self.drain_board(index);
        }
        std::mem::take(&mut self.output)
    }

    /// Requests of the PC's browser that have ended since the last call, those of checks left out.
    pub fn take_fetches(&mut self) -> Vec<FetchResult> {
        self.fetches.drain(..).collect()
    }

    fn drain_world(&mut self) {
        let (text, ended) = self.world.take_news(&mut self.lan, self.now);
        if !text.is_empty() {
            self.output.entry(self.world.pc()).or_default().extend(text.into_bytes());
        }
        for result in ended {
            match result.id.checked_sub(CHECK_FETCH_FIRST) {
                Some(index) => self.checks.fetched(index, &result),
                None => self.fetches.push_back(result),
            }
        }
    }

    /// Shows new records to whoever watches them.
    fn observe(&mut self) {
        let newest = self.trace.newest();
        if newest == self.observed {
            return;
        }
        for record in self.trace.since(self.observed) {
            if let Kind::Address { address, .. } = &record.kind {
                let name = self.names.of(record.host);
                match address {
                    Some(address) => drop(self.names.addresses.insert(*address, name)),
                    None => self.names.addresses.retain(|_, known| *known != name),
                }
            }
            self.checks.record(&record, &self.names, self.now);
        }
        self.observed = newest;
    }

    // ---- looking ----

    /// The log.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Answers questions about what has happened.
    pub fn inspect(&self) -> Inspector<'_> {
        Inspector::new(&self.trace, &self.names)
    }

    /// Names of hosts and addresses.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The lab this run began with.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The lab together with everything that a person has done: running it gives this run again.
    pub fn recorded_lab(&self) -> Lab {
        Lab { inputs: self.recorded.clone(), ..self.lab.clone() }
    }

    /// Every board at a glance, in the lab's order.
    pub fn boards(&self) -> Vec<BoardStatus> {
        self.stations.iter().map(|station| map::board_status(station, &self.lan, self.now)).collect()
    }

    /// The boards' ids, in the lab's order.
    pub fn board_ids(&self) -> Vec<HostId> {
        self.stations.iter().map(|station| station.board.id()).collect()
    }

    /// A number for each board that changes whenever one of its files does.
    pub fn file_revisions(&self) -> Vec<(HostId, u64)> {
        self.stations
            .iter()
            .map(|station| (station.board.id(), station.board.files(|files| files.revision())))
            .collect()
    }

    /// A board's files; none for a host that is not a board.
    pub fn files(&self, host: HostId) -> Vec<FileView> {
        let Some(station) = self.stations.get(host.0 as usize) else { return Vec::new() };
        station.board.files(|files| {
            let view = |(name, bytes): (&[u8], &[u8])| FileView {
                name: String::from_utf8_lossy(name).into_owned(),
                bytes: bytes.to_vec(),
            };
            files.iter().map(view).collect()
        })
    }

    /// Everything the network map shows.
    pub fn map(&self) -> NetworkMap {
        let mut map = map::network_map(&self.stations, &self.lan, &self.world, &self.links, self.now);
        if let Some(room) = &self.room {
            room.show(&mut map, self.world.router());
        }
        map
    }

    /// How the lab's checks stand.
    pub fn checks(&self) -> Vec<CheckStatus> {
        self.checks.status()
    }

    /// How the lab's checks stand when nothing more will happen: what is still open has failed.
    pub fn final_checks(&self) -> Vec<CheckStatus> {
        self.checks.final_status()
    }

    /// Whether a board has crashed.
    pub fn crashed(&self) -> bool {
        self.checks.crashed()
    }
}

impl Station {
    fn new(
        lab: &BoardLab,
        index: usize,
        seed: u64,
        trace: &Trace,
        member: Option<&Membership>,
    ) -> Result<Station, LabError> {
        let id = HostId(u32::try_from(index).unwrap_or(u32::MAX));
        let own = || MacAddress(lab.mac_bytes().unwrap_or_else(|| wiring::default_mac(index)));
        let mac = member.map_or_else(own, |member| member.mac(&lab.name));
        let mut config = BoardConfig::new(id, lab.name.clone(), mac);
        config.behaviour = wiring::behaviour(lab.behaviour);
        config.release = wiring::release(lab.release);
        config.dialect = wiring::dialect(lab.lua);
        config.full_libraries = lab.full_libraries;
        config.seed = wiring::derived_seed(seed, &lab.name);
        config.cpu_mhz = lab.cpu_mhz.get();
        config.station = lab.network.as_ref().map(wiring::join_request);
        if let Some(bytes) = lab.heap_bytes {
            config.heap_bytes = bytes as usize;
        }
        let mut board = Board::new(config, trace.clone());
        for (name, content) in &lab.files {
            let path = || format!("boards[{index}].files.{name}");
            let bytes = content.bytes().ok_or_else(|| LabError::form(path(), "not valid base64"))?;
            board
                .files_mut(|files| files.write(name.as_bytes(), bytes))
                .map_err(|error| LabError::form(path(), error.to_string()))?;
        }
        Ok(Station {
            lab: lab.clone(),
            board,
            access_point: None,
            started: None,
            out_of_range: None,
            deadline: None,
            runs: 0,
            ran_at: Instant::ZERO,
        })
    }

    /// The address of its station.
    pub(crate) fn ip(&self) -> Option<Ipv4Addr> {
        let netstat = self.board.netstat()?;
        let station = netstat.interfaces.iter().find(|row| row.interface == wiring::STATION)?;
        station.address.map(|address| address.ip)
    }

    fn mac(&self) -> MacAddress {
        self.board.config().mac
    }
}
