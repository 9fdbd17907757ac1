//! What a running board shares with its native functions: one [`Chip`] from boot to reset.
//!
//! Everything sits behind its own cell, so that a module can hold its own state and still reach the rest. The rule is the
//! same for all of them: no borrow is held while Lua runs, which is to say across the return of a native function.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Deref;
use std::rc::Rc;

use lua::Dialect;
use trace::{BootReason, Duration, HostId, Instant, Kind, Layer, Position, RecordId, Silence, SocketId, Trace};

use crate::alarm::{Action, AlarmId, Alarms};
use crate::board::{BoardConfig, Wiring};
use crate::callback::Callback;
use crate::console::Console;
use crate::flash::Flash;
use crate::hint::Hints;
use crate::limits;
use crate::modules;
use crate::profile::{Behaviour, Release};
use crate::radio::RadioRequest;
use crate::task::{Priority, QueueFull, TaskQueue};

/// A handle to the running board; clones share it.
#[derive(Clone)]
pub(crate) struct Chip(Rc<Shared>);

/// What the handle leads to.
pub(crate) struct Shared {
    /// The board in the trace.
    pub(crate) id: HostId,
    /// The log.
    pub(crate) trace: Trace,
    /// The board's settings.
    pub(crate) config: Rc<BoardConfig>,
    /// The network stack.
    pub(crate) host: RefCell<lan::Host>,
    /// What survives a reset: files, Wi-Fi settings, start options.
    pub(crate) flash: Rc<RefCell<Flash>>,
    /// The serial port and the interpreter's input.
    pub(crate) console: Rc<RefCell<Console>>,
    /// Seeded randomness.
    pub(crate) random: RefCell<fastrand::Rng>,
    /// State of the modules.
    pub(crate) modules: modules::State,
    /// When the board was reset.
    pub(crate) booted: Instant,
    /// Why it was.
    pub(crate) boot_reason: BootReason,
    /// The record that causes what the Lua under way does.
    pub(crate) lua_cause: Cell<Option<RecordId>>,
    pub(crate) callbacks: RefCell<VecDeque<Callback>>,
    pub(crate) tasks: RefCell<TaskQueue>,
    pub(crate) alarms: RefCell<Alarms>,
    pub(crate) radio: RefCell<VecDeque<RadioRequest>>,
    /// Whether an uncaught error has already set the restart that follows it.
    pub(crate) restart_planned: Cell<bool>,
    /// What ends this run of the board, as soon as Lua has returned.
    pub(crate) ending: Cell<Option<Ending>>,
    /// Bytes left to Lua and everything else, as `node.heap()` reports it; the board keeps it current.
    pub(crate) heap_free: Cell<usize>,
    /// What the libraries would take if they did not stand in flash.
    pub(crate) heap_at_boot: Cell<usize>,
    /// What the analog input measures, 0 to 1024.
    pub(crate) analog: Cell<u16>,
    /// Whether the analog converter is set to measure the supply.
    pub(crate) measures_supply: bool,
    clock: Cell<Instant>,
    /// What the slice of Lua under way has cost so far.
    pub(crate) slice: Cell<Duration>,
    watchdog_fed: Cell<Instant>,
    cpu_mhz: Cell<u32>,
    hints: RefCell<Hints>,
}

/// How a run of the board ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The chip is reset at `at` and boots again.
    Reset {
        /// When.
        at: Instant,
        /// What `node.bootreason()` will say.
        reason: BootReason,
    },
    /// The processor spins after a panic until the watchdog resets it.
    Halt {
        /// When the watchdog does.
        until: Instant,
        /// What `node.bootreason()` will say.
        reason: BootReason,
    },
    /// The chip sleeps, until `until` or until someone resets it.
    Sleep {
        /// When it wakes by itself.
        until: Option<Instant>,
    },
}

/// What a [`Chip`] is made from.
pub(crate) struct ChipParts {
    pub(crate) trace: Trace,
    pub(crate) config: Rc<BoardConfig>,
    pub(crate) host: lan::Host,
    pub(crate) flash: Rc<RefCell<Flash>>,
    pub(crate) console: Rc<RefCell<Console>>,
    pub(crate) boot_reason: BootReason,
    pub(crate) seed: u64,
    pub(crate) wiring: Wiring,
}

impl Chip {
    /// A chip that has just been reset.
    pub(crate) fn new(now: Instant, parts: ChipParts) -> Chip {
        let cpu_mhz = parts.flash.borrow().startup.cpu_mhz.unwrap_or(parts.config.cpu_mhz);
        let measures_supply = parts.flash.borrow().startup.measures_supply;
        let clock =
            parts.flash.borrow_mut().clock_over_sleep.take().filter(|_| parts.boot_reason == BootReason::DeepSleepWake);
        Chip(Rc::new(Shared {
            id: parts.config.id,
            trace: parts.trace,
            host: RefCell::new(parts.host),
            flash: parts.flash,
            console: parts.console,
            random: RefCell::new(fastrand::Rng::with_seed(parts.seed)),
            modules: modules::State::new(&parts.wiring, clock.unwrap_or_default()),
            booted: now,
            boot_reason: parts.boot_reason,
            lua_cause: Cell::new(None),
            callbacks: RefCell::default(),
            tasks: RefCell::default(),
            alarms: RefCell::default(),
            radio: RefCell::default(),
            restart_planned: Cell::new(false),
            ending: Cell::new(None),
            heap_free: Cell::new(parts.config.heap_bytes),
            heap_at_boot: Cell::new(0),
            measures_supply,
            analog: Cell::new(parts.wiring.analog),
            clock: Cell::new(now),
            slice: Cell::new(Duration::ZERO),
            watchdog_fed: Cell::new(now),
            cpu_mhz: Cell::new(cpu_mhz),
            hints: RefCell::default(),
            config: parts.config,
        }))
    }

    // ---- settings ----

    /// Whether the board does as the chip does where the manual says otherwise.
    pub(crate) fn is_chip(&self) -> bool {
        self.config.behaviour == Behaviour::Chip
    }

    /// Which generation of the API exists.
    pub(crate) fn release(&self) -> Release {
        self.config.release
    }

    /// The dialect of Lua.
    pub(crate) fn dialect(&self) -> Dialect {
        self.config.dialect
    }

    // ---- time ----

    /// The time now, including what the running Lua has cost so far.
    pub(crate) fn now(&self) -> Instant {
        self.clock.get() + self.slice.get()
    }

    /// Says how many instructions the slice of Lua under way has used.
    pub(crate) fn set_slice(&self, instructions: u32) {
        self.slice.set(self.slice.get().max(self.cost_of(instructions)));
    }

    /// Ends the slice of Lua under way, which used so many instructions: at least as many as natives were told, for one long
    /// piece of native work may use more than a slice has.
    pub(crate) fn end_slice(&self, instructions: u32) {
        let told = self.slice.replace(Duration::ZERO);
        self.busy_for(told.max(self.cost_of(instructions)));
    }

    /// Moves the clock forward to `now`; it never goes back.
    pub(crate) fn advance_to(&self, now: Instant) {
        self.clock.set(self.clock.get().max(now));
    }

    /// Keeps the processor busy for `span`: nothing else happens on the board meanwhile.
    pub(crate) fn busy_for(&self, span: Duration) {
        self.clock.set(self.clock.get() + span);
    }

    /// Time since the reset.
    pub(crate) fn uptime(&self) -> Duration {
        self.now().saturating_since(self.booted)
    }

    /// The processor's clock, 80 or 160 MHz.
    pub(crate) fn cpu_mhz(&self) -> u32 {
        self.cpu_mhz.get()
    }

    /// Changes the processor's clock.
    pub(crate) fn set_cpu_mhz(&self, mhz: u32) {
        self.cpu_mhz.set(mhz);
    }

    /// What `instructions` of the VM take.
    pub(crate) fn cost_of(&self, instructions: u32) -> Duration {
        let per_instruction =
            if self.cpu_mhz() == 160 { limits::INSTRUCTION_NS_AT_160_MHZ } else { limits::INSTRUCTION_NS_AT_80_MHZ };
        Duration::from_micros((u64::from(instructions) * per_instruction).div_ceil(1000))
    }

    /// Keeps in mind what is left of the heap when all values take `bytes`, and returns it.
    pub(crate) fn measure_heap(&self, bytes: usize) -> usize {
        let used = bytes.saturating_sub(self.heap_at_boot.get());
        self.heap_free.set(self.config.heap_bytes.saturating_sub(used));
        self.heap_free.get()
    }

    /// Tells the software watchdog that all is well.
    pub(crate) fn feed_watchdog(&self) {
        self.watchdog_fed.set(self.now());
    }

    /// Whether the watchdog has waited too long.
    pub(crate) fn watchdog_barks(&self) -> bool {
        self.now().saturating_since(self.watchdog_fed.get()) >= limits::SOFTWARE_WATCHDOG
    }

    // ---- things that happen later ----

    /// Queues a callback behind those that wait; it runs as soon as no Lua does.
    pub(crate) fn enqueue(&self, callback: Callback) {
        self.callbacks.borrow_mut().push_back(callback);
    }

    /// Runs `action` at `due`, or as soon afterwards as no Lua runs; caused by what is the cause now.
    pub(crate) fn at(&self, due: Instant, action: impl FnOnce(&Chip) + 'static) -> AlarmId {
        self.at_caused(due, self.trace.current(), action)
    }

    /// The same after `delay`.
    pub(crate) fn after(&self, delay: Duration, action: impl FnOnce(&Chip) + 'static) -> AlarmId {
        self.at(self.now() + delay, action)
    }

    /// The same with a cause of its own.
    pub(crate) fn at_caused(
        &self,
        due: Instant,
        cause: Option<RecordId>,
        action: impl FnOnce(&Chip) + 'static,
    ) -> AlarmId {
        self.alarms.borrow_mut().set(due, cause, Box::new(action) as Action)
    }

    /// Takes an alarm back. Returns whether it was still waiting.
    pub(crate) fn cancel(&self, alarm: AlarmId) -> bool {
        self.alarms.borrow_mut().cancel(alarm)
    }

    /// Posts a task, caused by what is the cause now.
    pub(crate) fn post(&self, priority: Priority, action: impl FnOnce(&Chip) + 'static) -> Result<(), QueueFull> {
        self.tasks.borrow_mut().post(priority, self.trace.current(), Box::new(action))
    }

    /// Asks the air for something.
    pub(crate) fn request_radio(&self, request: RadioRequest) {
        self.radio.borrow_mut().push_back(request);
    }

    /// Ends this run of the board once Lua has returned. The first one counts.
    pub(crate) fn end(&self, ending: Ending) {
        if self.ending.get().is_none() {
            self.ending.set(Some(ending));
        }
    }

    // ---- saying things ----

    /// Says which socket the call under way concerns, when that shows only in its course.
    pub(crate) fn call_socket(&self, socket: SocketId) {
        if let Some(call) = self.trace.current() {
            self.trace.amend(call, |kind| {
                if let Kind::Call { socket: of_call, .. } = kind {
                    *of_call = Some(socket);
                }
            });
        }
    }

    /// Records something on this board, caused by the current cause.
    pub(crate) fn record(&self, kind: Kind) -> RecordId {
        self.trace.record(self.now(), self.id, kind)
    }

    /// Records that something a person may have expected did not happen.
    pub(crate) fn record_nothing(
        &self,
        reason: Silence,
        layer: Layer,
        socket: Option<SocketId>,
        detail: impl Into<String>,
    ) {
        self.record(Kind::Nothing { reason, layer, detail: detail.into(), socket });
    }

    /// Writes text to the serial port as the system does: whatever `node.output` says.
    pub(crate) fn print_raw(&self, bytes: &[u8]) {
        self.console.borrow_mut().write_serial(self.now(), bytes);
        self.record_console(bytes);
    }

    /// Writes text as `print` does: to the serial port and to the function of `node.output`.
    pub(crate) fn print(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if modules::node::output(self, bytes) {
            self.print_raw(bytes);
        }
    }

    fn record_console(&self, bytes: &[u8]) {
        if self.trace.keeps_records() {
            self.record(Kind::Console { text: String::from_utf8_lossy(bytes).into_owned() });
        }
    }

    /// Gives a hint, once per line of the program. `position` is the line concerned.
    ///
    /// Hints are records, not serial output: a program that compares its own output must not see them.
    pub(crate) fn hint(&self, text: &str, position: Option<Position>) {
        if self.hints.borrow_mut().is_new(text, position.as_ref()) {
            self.record(Kind::Hint { text: text.to_owned(), position });
        }
    }
}

impl Deref for Chip {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
