//! A board: power, boot, and the loop that decides what happens next.
//!
//! The rule for whoever drives a board is: give it an input with `now`, call [`Board::run`], take what it has to give
//! ([`Board::take_console`], [`Board::take_frame`], [`Board::take_radio_request`]), and ask [`Board::next_deadline`] when to
//! come back. The board never looks ahead of `now`: Lua costs virtual time, and a board that is busy goes on with its program
//! at later calls. What a program sends leaves when the slice of Lua that sent it is over.
//!
//! Between two pieces of Lua the firmware does one thing at a time, in this order: callbacks that wait, the network event
//! under way, the next network event, the next received frame, timers of the stack, answers of the radio, alarms, tasks by
//! priority, typed characters, lines for the interpreter.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use lan::{Frame, HostConfig, JoinRequest, MacAddress, Netstat, StackProfile};
use lua::{CallLevel, Dialect, Resume, Variable};
use trace::{BootReason, HostId, Instant, Kind, Trace};

use crate::chip::{Chip, ChipParts, Ending};
use crate::console::Console;
use crate::flash::{FileStore, Flash};
use crate::limits;
use crate::machine::Machine;
use crate::modules;
use crate::profile::{Behaviour, Release};
use crate::radio::{RadioReply, RadioRequest};

/// What makes a board.
#[derive(Clone, Debug)]
pub struct BoardConfig {
    /// The board in the trace.
    pub id: HostId,
    /// Its name, for people.
    pub name: String,
    /// Address of the station interface; the access point's differs in the second lowest bit of the first byte.
    pub mac: MacAddress,
    /// Whose word counts where manual and chip disagree.
    pub behaviour: Behaviour,
    /// Which generation of the API exists.
    pub release: Release,
    /// 5.1 or 5.3.
    pub dialect: Dialect,
    /// Whether 5.3's integers have 32 bits, as in the firmware's smaller build.
    pub integers_32_bit: bool,
    /// Whether the libraries that the chip leaves out exist.
    pub full_libraries: bool,
    /// Seeds everything random on the board.
    pub seed: u64,
    /// The processor's clock after boot: 80 or 160.
    pub cpu_mhz: u32,
    /// Free heap after boot.
    pub heap_bytes: usize,
    /// The network stored in flash at the first start, which the station joins at boot.
    pub station: Option<JoinRequest>,
    /// Unix time at the start of the simulation, for whoever sets a clock by it: microseconds since 1970.
    pub unix_time_micros: u64,
}

impl BoardConfig {
    /// A board with the usual settings: manual behaviour, both API generations, Lua 5.1, 80 MHz.
    pub fn new(id: HostId, name: impl Into<String>, mac: MacAddress) -> BoardConfig {
        BoardConfig {
            id,
            name: name.into(),
            mac,
            behaviour: Behaviour::default(),
            release: Release::default(),
            dialect: Dialect::default(),
            integers_32_bit: false,
            full_libraries: false,
            seed: 0,
            cpu_mhz: 80,
            heap_bytes: limits::HEAP_BYTES_DEFAULT,
            station: Some(JoinRequest { ssid: "playground".into(), ..JoinRequest::default() }),
            unix_time_micros: 1_700_000_000_000_000,
        }
    }
}

/// Something a person does to a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Types characters at the serial console.
    Console(Vec<u8>),
    /// Drives an input pin, as a button does.
    Pin {
        /// NodeMCU's pin number, 0 to 12.
        pin: u8,
        /// High or low.
        high: bool,
    },
    /// Sets what the analog input measures: 0 to 1023.
    Analog(u16),
    /// Presses the reset button.
    Reset,
}

/// How a board is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardStatus {
    /// Whether it has power, and what it does with it.
    pub power: PowerState,
    /// Free heap in bytes.
    pub heap_free: usize,
    /// Until when Lua keeps it busy, as far as that is decided.
    pub busy_until: Option<Instant>,
    /// The station interface in words: `associated with playground`.
    pub wifi: String,
    /// The pins that the program or the world outside has used.
    pub pins: Vec<PinStatus>,
    /// Changes whenever a file does.
    pub files_revision: u64,
    /// How often it has booted.
    pub boots: u32,
}

/// A pin as the page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinStatus {
    /// NodeMCU's pin number.
    pub pin: u8,
    /// High or low.
    pub high: bool,
    /// Whether the board drives it.
    pub output: bool,
}

/// What a board does with its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerState {
    /// Off.
    Off,
    /// Booting: the SDK and the libraries start.
    Booting,
    /// Running programs.
    On,
    /// Spinning after a panic until the watchdog resets it.
    Halted,
    /// In deep sleep.
    Asleep,
}

/// A simulated ESP8266 with NodeMCU.
pub struct Board {
    config: Rc<BoardConfig>,
    trace: Trace,
    flash: Rc<RefCell<Flash>>,
    console: Rc<RefCell<Console>>,
    power: Power,
    now: Instant,
    boots: u32,
    /// What the world outside puts on the pins, which a reset does not change.
    wiring: Wiring,
    /// Typed characters that the receive buffer has no room for yet.
    typed: VecDeque<u8>,
    requests: VecDeque<RadioRequest>,
    /// Lines to stop at, by file; a reset does not change them.
    breakpoints: BTreeMap<String, Vec<u32>>,
}

/// What the world outside puts on the pins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wiring {
    /// Levels driven from outside, D0 to D12.
    pub(crate) levels: [Option<bool>; 13],
    /// What the analog input measures.
    pub(crate) analog: u16,
}

enum Power {
    Off,
    Booting { until: Instant, reason: BootReason },
    On(Box<Machine>),
    Halted { until: Instant, reason: BootReason },
    Asleep { until: Option<Instant> },
}

impl Board {
    /// A board that is off, with empty flash.
    pub fn new(config: BoardConfig, trace: Trace) -> Board {
        let wifi = modules::wifi::Settings::with_network(config.station.as_ref());
        let flash = Flash { wifi, ..Flash::default() };
        Board {
            config: Rc::new(config),
            trace,
            flash: Rc::new(RefCell::new(flash)),
            console: Rc::new(RefCell::new(Console::new())),
            power: Power::Off,
            now: Instant::ZERO,
            boots: 0,
            wiring: Wiring::default(),
            typed: VecDeque::new(),
            requests: VecDeque::new(),
            breakpoints: BTreeMap::new(),
        }
    }

    /// What the board was made with.
    pub fn config(&self) -> &BoardConfig {
        &self.config
    }

    /// Makes the board another one in these respects, from its next start on.
    pub fn set_profile(&mut self, behaviour: Behaviour, release: Release, dialect: Dialect) {
        let config = Rc::make_mut(&mut self.config);
        config.behaviour = behaviour;
        config.release = release;
        config.dialect = dialect;
    }

    // ---- power ----

    /// Switches the board on; nothing happens if it is.
    pub fn power_on(&mut self, now: Instant) {
        if matches!(self.power, Power::Off) {
            self.boot(now, BootReason::PowerOn);
        }
    }

    /// Cuts the power. Files and settings stay.
    pub fn power_off(&mut self, now: Instant) {
        self.leave_air();
        self.now = now;
        self.power = Power::Off;
        self.console.borrow_mut().reset();
        self.typed.clear();
    }

    /// Stops what runs and starts again, as after any reset.
    fn boot(&mut self, now: Instant, reason: BootReason) {
        self.leave_air();
        self.now = now;
        self.boots += 1;
        self.console.borrow_mut().reset();
        self.trace.record(now, self.config.id, Kind::Boot { reason });
        self.power = Power::Booting { until: now + limits::BOOT_TIME, reason };
    }

    /// Without a running chip there is no association and no access point.
    fn leave_air(&mut self) {
        if matches!(self.power, Power::On(_)) {
            self.requests.clear();
            self.requests.extend([RadioRequest::Leave, RadioRequest::StopAccessPoint]);
        }
    }

    // ---- inputs ----

    /// Takes in a frame. While Lua runs it waits; a full receive ring drops it.
    pub fn receive(&mut self, now: Instant, interface: u8, frame: &Frame) {
        self.now = now;
        if let Power::On(machine) = &mut self.power {
            machine.receive(interface, frame);
        }
    }

    /// Brings the air's answer to a request, or news of it.
    pub fn radio_reply(&mut self, now: Instant, reply: RadioReply) {
        self.now = now;
        if let Power::On(machine) = &mut self.power {
            machine.replies.push_back(reply);
        }
    }

    /// Does what a person does.
    pub fn input(&mut self, now: Instant, input: Input) {
        self.now = now;
        match input {
            Input::Console(bytes) => self.typed.extend(bytes),
            Input::Pin { pin, high } => {
                if let Some(level) = self.wiring.levels.get_mut(usize::from(pin)) {
                    *level = Some(high);
                }
                if let Power::On(machine) = &mut self.power {
                    machine.chip.advance_to(now);
                    modules::gpio::input_changed(&machine.chip, pin, high);
                }
            }
            Input::Analog(value) => {
                self.wiring.analog = value.min(1024);
                if let Power::On(machine) = &mut self.power {
                    machine.chip.analog.set(self.wiring.analog);
                }
            }
            Input::Reset => {
                // A slice of Lua that has run ahead of `now` is over first.
                let ahead = if let Power::On(machine) = &self.power { machine.chip.now() } else { now };
                if !matches!(self.power, Power::Off) {
                    self.boot(now.max(ahead), BootReason::ExternalReset);
                }
            }
        }
    }

    // ---- running ----

    /// Does everything due at `now`.
    pub fn run(&mut self, now: Instant) {
        self.now = now;
        loop {
            match &mut self.power {
                Power::Booting { until, reason } if *until <= now => {
                    let (until, reason) = (*until, *reason);
                    self.start(until, reason);
                }
                Power::Halted { until, reason } if *until <= now => {
                    let (until, reason) = (*until, *reason);
                    self.boot(until, reason);
                }
                Power::Asleep { until: Some(until) } if *until <= now => {
                    let until = *until;
                    self.boot(until, BootReason::DeepSleepWake);
                }
                Power::On(machine) => {
                    let room = self.console.borrow().room().min(self.typed.len());
                    let typed: Vec<u8> = self.typed.drain(..room).collect();
                    self.console.borrow_mut().receive(&typed);
                    machine.run(now);
                    self.requests.extend(machine.chip.radio.borrow_mut().drain(..));
                    match machine.ended(now) {
                        None if self.typed.is_empty() || machine.is_busy(now) || machine.is_paused() => return,
                        None => {}
                        Some(ending) => self.end(now, ending),
                    }
                }
                _ => return,
            }
        }
    }

    fn start(&mut self, now: Instant, reason: BootReason) {
        let host = lan::Host::new(
            HostConfig {
                id: self.config.id,
                name: self.config.name.clone(),
                macs: vec![self.config.mac, access_point_mac(self.config.mac)],
                profile: StackProfile::Chip,
                seed: self.boot_seed(),
            },
            self.trace.clone(),
        );
        let chip = Chip::new(
            now,
            ChipParts {
                trace: self.trace.clone(),
                config: Rc::clone(&self.config),
                host,
                flash: Rc::clone(&self.flash),
                console: Rc::clone(&self.console),
                boot_reason: reason,
                seed: self.boot_seed(),
                wiring: self.wiring.clone(),
            },
        );
        self.power = Power::On(Box::new(Machine::boot(chip)));
        self.apply_breakpoints();
    }

    /// Every boot has randomness of its own, the same in every run of a lab.
    fn boot_seed(&self) -> u64 {
        self.config.seed ^ u64::from(self.boots).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn end(&mut self, now: Instant, ending: Ending) {
        match ending {
            Ending::Reset { at, reason } => self.boot(at.max(self.now), reason),
            Ending::Halt { until, reason } => {
                self.leave_air();
                self.power = Power::Halted { until, reason };
            }
            Ending::Sleep { until } => {
                self.leave_air();
                self.power = Power::Asleep { until };
            }
        }
        self.now = now;
    }

    /// When [`Board::run`] has something to do next; in the past or present means at once.
    pub fn next_deadline(&self) -> Option<Instant> {
        let output = self.console.borrow().next_output().filter(|at| *at > self.now);
        let power = match &self.power {
            Power::Off => None,
            Power::Booting { until, .. } | Power::Halted { until, .. } => Some(*until),
            Power::Asleep { until } => *until,
            Power::On(machine) if machine.is_busy(self.now) => Some(machine.chip.now()),
            Power::On(_) if !self.typed.is_empty() => Some(self.now),
            Power::On(machine) => machine.next_deadline(),
        };
        [output, power].into_iter().flatten().min()
    }

    // ---- outputs ----

    /// What the board has printed up to now and nobody has taken: lines end with LF.
    pub fn take_console(&mut self) -> Vec<u8> {
        self.console.borrow_mut().take_output(self.now)
    }

    /// The next frame to put on the link of an interface (0 station, 1 access point).
    pub fn take_frame(&mut self) -> Option<(u8, Frame)> {
        match &self.power {
            Power::On(machine) if !machine.is_busy(self.now) && !machine.is_paused() => {
                machine.chip.host.borrow_mut().take_frame()
            }
            _ => None,
        }
    }

    /// The next thing the radio wants.
    pub fn take_radio_request(&mut self) -> Option<RadioRequest> {
        self.requests.pop_front()
    }

    // ---- the debugger ----

    /// Makes programs stop before these lines (from 1) of `file`, and no longer before other lines of it. Resets keep them.
    pub fn set_breakpoints(&mut self, file: &str, lines: &[u32]) {
        if lines.is_empty() {
            self.breakpoints.remove(file);
        } else {
            self.breakpoints.insert(file.to_owned(), lines.to_vec());
        }
        self.apply_breakpoints();
    }

    fn apply_breakpoints(&mut self) {
        if let Power::On(machine) = &mut self.power {
            let all = self.breakpoints.iter();
            let all = all.flat_map(|(file, lines)| lines.iter().map(|line| (file.clone(), *line)));
            machine.engine.set_breakpoints(all);
        }
    }

    /// Makes the Lua under way, or else the next callback, stop before its next instruction.
    pub fn pause(&mut self) {
        if let Power::On(machine) = &mut self.power {
            machine.engine.pause();
        }
    }

    /// Whether the debugger has stopped the Lua under way. [`Board::run`] does nothing then; its caller holds the clock.
    pub fn is_paused(&self) -> bool {
        matches!(&self.power, Power::On(machine) if machine.is_paused())
    }

    /// Lets the Lua that the debugger has stopped go on with the next [`Board::run`].
    pub fn resume(&mut self, how: Resume) {
        if let Power::On(machine) = &mut self.power {
            machine.resume(how);
        }
    }

    /// The calls under way of the Lua that the debugger has stopped, the innermost first.
    pub fn call_levels(&mut self) -> Vec<CallLevel> {
        match &mut self.power {
            Power::On(machine) => machine.call_levels(),
            _ => Vec::new(),
        }
    }

    /// The global variables that the board's programs have set, for a debugger.
    pub fn globals(&mut self) -> Vec<Variable> {
        match &mut self.power {
            Power::On(machine) => machine.globals(),
            _ => Vec::new(),
        }
    }

    // ---- looking ----

    /// The board's id in the trace.
    pub fn id(&self) -> HostId {
        self.config.id
    }

    /// Looks at the files, also of a board that is off.
    pub fn files<R>(&self, look: impl FnOnce(&FileStore) -> R) -> R {
        look(&self.flash.borrow().files)
    }

    /// Changes the files, as an upload tool does; a running program keeps running.
    pub fn files_mut<R>(&mut self, change: impl FnOnce(&mut FileStore) -> R) -> R {
        change(&mut self.flash.borrow_mut().files)
    }

    /// A snapshot of the network stack's tables; `None` while no program runs.
    pub fn netstat(&self) -> Option<Netstat> {
        match &self.power {
            Power::On(machine) => Some(machine.chip.host.borrow().netstat()),
            _ => None,
        }
    }

    /// How the board is doing.
    pub fn status(&self) -> BoardStatus {
        let machine = match &self.power {
            Power::On(machine) => Some(machine),
            _ => None,
        };
        BoardStatus {
            power: match &self.power {
                Power::Off => PowerState::Off,
                Power::Booting { .. } => PowerState::Booting,
                Power::On(_) => PowerState::On,
                Power::Halted { .. } => PowerState::Halted,
                Power::Asleep { .. } => PowerState::Asleep,
            },
            heap_free: machine.map_or(0, |machine| machine.chip.heap_free.get()),
            busy_until: machine.map(|machine| machine.chip.now()).filter(|until| *until > self.now),
            wifi: machine.map_or_else(String::new, |machine| modules::wifi::status_text(&machine.chip)),
            pins: machine.map_or_else(Vec::new, |machine| modules::gpio::status(&machine.chip)),
            files_revision: self.flash.borrow().files.revision(),
            boots: self.boots,
        }
    }
}

/// The SDK gives the access point the station's address with the second lowest bit of the first byte turned.
fn access_point_mac(station: MacAddress) -> MacAddress {
    let mut bytes = station.0;
    bytes[0] ^= 2;
    MacAddress(bytes)
}
