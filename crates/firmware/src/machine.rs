//! A running chip: the engine, the Lua under way, and what happens next when none is.

use std::collections::VecDeque;
use std::rc::Rc;

use lan::Frame;
use lua::{CallLevel, Engine, IntegerBits, Options, Resume, Run, RuntimeError, Step, Variable};
use trace::{CallbackEvent, Duration, Instant, Kind, RecordId};

use crate::boot;
use crate::callback::{Afterwards, Callback, Protection, Results};
use crate::chip::{Chip, Ending};
use crate::crash;
use crate::interpreter;
use crate::limits;
use crate::module;
use crate::modules;
use crate::radio::RadioReply;

/// A running chip.
pub(crate) struct Machine {
    pub(crate) chip: Chip,
    pub(crate) engine: Engine,
    /// Answers of the radio that wait.
    pub(crate) replies: VecDeque<RadioReply>,
    job: Option<Job>,
    /// Whether an event of the stack is being handled.
    in_event: bool,
    ring: VecDeque<(u8, Frame)>,
    /// Whether the start-up script has been run.
    has_started: bool,
    /// Whether Lua has run since objects were last collected.
    has_run: bool,
    next_collection: Instant,
    /// The slice that the debugger interrupted; it goes on later as if it had not been.
    held: Option<HeldSlice>,
    is_paused: bool,
}

/// What is left of a slice, and how much time it has told Lua to have passed.
struct HeldSlice {
    fuel: u32,
    told: Duration,
}

/// Lua under way.
struct Job {
    run: Run,
    /// Its record, which causes what it does.
    record: Option<RecordId>,
    started: Instant,
    purpose: Purpose,
}

/// What the Lua under way is for.
pub(crate) enum Purpose {
    /// A callback.
    Callback {
        /// What an uncaught error does.
        protection: Protection,
        /// Native work after it.
        then: Option<Afterwards>,
        /// Looks at what it returned.
        results: Option<Results>,
    },
    /// The start-up script.
    Start,
    /// A chunk typed at the console.
    Chunk,
    /// `print` of what a typed chunk returned.
    Results,
}

impl Machine {
    /// Starts the libraries and queues the start-up script.
    pub(crate) fn boot(chip: Chip) -> Machine {
        let engine = Engine::new(options(&chip));
        let mut machine = Machine {
            next_collection: chip.now(),
            chip,
            engine,
            replies: VecDeque::new(),
            job: None,
            in_event: false,
            ring: VecDeque::new(),
            has_started: false,
            has_run: false,
            held: None,
            is_paused: false,
        };
        let chip = machine.chip.clone();
        machine.engine.enter(|ctx| modules::install(ctx, &chip));
        machine.chip.heap_at_boot.set(machine.engine.chip_bytes());
        boot::start(&mut machine);
        machine
    }

    /// Takes in a frame, unless too many wait.
    pub(crate) fn receive(&mut self, interface: u8, frame: &Frame) {
        if self.ring.len() < limits::RECEIVE_RING_FRAMES {
            self.ring.push_back((interface, frame.clone()));
        } else {
            self.chip.record(Kind::FrameDropped { frame: frame.sent, reason: trace::DropReason::QueueFull });
        }
    }

    /// Whether the processor is busy beyond `now`.
    pub(crate) fn is_busy(&self, now: Instant) -> bool {
        self.chip.now() > now
    }

    /// Does everything due at `now`, until Lua has used up the time.
    pub(crate) fn run(&mut self, now: Instant) {
        self.chip.advance_to(now);
        while !self.is_paused && !self.is_busy(now) && self.step() {}
    }

    /// Whether the debugger has stopped the Lua under way; nothing happens then.
    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Lets the Lua that the debugger has stopped go on.
    pub(crate) fn resume(&mut self, how: Resume) {
        self.engine.resume(how);
        self.is_paused = false;
    }

    /// The calls under way, the innermost first.
    pub(crate) fn call_levels(&mut self) -> Vec<CallLevel> {
        self.job.as_ref().map_or_else(Vec::new, |job| self.engine.call_levels(&job.run))
    }

    /// The global variables that programs have set.
    pub(crate) fn globals(&mut self) -> Vec<Variable> {
        self.engine.globals()
    }

    /// How this run of the chip ends, if that is due.
    pub(crate) fn ended(&self, now: Instant) -> Option<Ending> {
        let ending = self.chip.ending.get()?;
        let is_due = match ending {
            Ending::Reset { at, .. } => at <= now,
            Ending::Halt { .. } => true,
            Ending::Sleep { .. } => !self.is_busy(now),
        };
        (is_due && self.job.is_none()).then_some(ending)
    }

    /// When there is something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.job.is_some() {
            return Some(self.chip.now());
        }
        if let Some(ending) = self.chip.ending.get() {
            return match ending {
                Ending::Reset { at, .. } => Some(at),
                Ending::Halt { .. } | Ending::Sleep { .. } => Some(self.chip.now()),
            };
        }
        if self.has_work() {
            return Some(self.chip.now());
        }
        let stack = self.chip.host.borrow().next_deadline();
        let alarms = self.chip.alarms.borrow().next_deadline();
        let collection = self.has_run.then_some(self.next_collection);
        [stack, alarms, collection].into_iter().flatten().min()
    }

    fn has_work(&self) -> bool {
        let console = self.chip.console.borrow();
        self.in_event
            || !self.chip.callbacks.borrow().is_empty()
            || !self.ring.is_empty()
            || !self.replies.is_empty()
            || !self.chip.tasks.borrow().is_empty()
            || (self.has_started && (console.has_received() || !console.lines.is_empty()))
            || (!self.has_started && !modules::wifi::holds_start(&self.chip))
    }

    /// Does the next thing. Returns whether there was one.
    fn step(&mut self) -> bool {
        if self.job.is_some() {
            self.slice();
            return true;
        }
        if self.chip.ending.get().is_some() {
            return false;
        }
        self.start_callback()
            || self.finish_event()
            || self.handle_event()
            || self.handle_frame()
            || self.poll_stack()
            || self.handle_reply()
            || self.ring_alarm()
            || self.run_task()
            || self.run_startup()
            || (self.has_started && (interpreter::read_typed(self) || interpreter::read_line(self)))
            || self.collect()
    }

    // ---- what may happen, in the order in which it is looked for ----

    fn start_callback(&mut self) -> bool {
        let callback = self.chip.callbacks.borrow_mut().pop_front();
        match callback {
            Some(callback) => {
                self.call(callback);
                true
            }
            None => false,
        }
    }

    fn finish_event(&mut self) -> bool {
        let was_in_event = std::mem::take(&mut self.in_event);
        if was_in_event {
            self.chip.host.borrow_mut().event_done(self.chip.now());
        }
        was_in_event
    }

    fn handle_event(&mut self) -> bool {
        let taken = self.chip.host.borrow_mut().take_event();
        let Some((event, cause)) = taken else { return false };
        self.in_event = true;
        let _scope = self.chip.trace.enter(cause);
        modules::handle_event(&self.chip, event);
        true
    }

    fn handle_frame(&mut self) -> bool {
        let Some((interface, frame)) = self.ring.pop_front() else { return false };
        if !modules::wifi::handle_frame(&self.chip, interface, &frame) {
            self.chip.host.borrow_mut().receive(self.chip.now(), interface, &frame);
        }
        true
    }

    fn poll_stack(&mut self) -> bool {
        let now = self.chip.now();
        let mut host = self.chip.host.borrow_mut();
        let is_due = host.next_deadline().is_some_and(|deadline| deadline <= now);
        if is_due {
            host.poll(now);
        }
        is_due
    }

    fn handle_reply(&mut self) -> bool {
        let Some(reply) = self.replies.pop_front() else { return false };
        modules::wifi::handle_reply(&self.chip, reply);
        true
    }

    fn ring_alarm(&mut self) -> bool {
        let due = self.chip.alarms.borrow_mut().take_due(self.chip.now());
        let Some((cause, action)) = due else { return false };
        let _scope = self.chip.trace.enter(cause);
        action(&self.chip);
        true
    }

    fn run_task(&mut self) -> bool {
        let task = self.chip.tasks.borrow_mut().take();
        let Some((cause, action)) = task else { return false };
        let _scope = self.chip.trace.enter(cause);
        action(&self.chip);
        true
    }

    /// Runs the start-up script once nothing holds it.
    fn run_startup(&mut self) -> bool {
        if self.has_started || modules::wifi::holds_start(&self.chip) {
            return false;
        }
        self.has_started = true;
        modules::wifi::started(&self.chip);
        boot::run_startup(self);
        true
    }

    /// Unreachable objects vanish at fixed points of virtual time, and modules learn of it (`docs/behaviour.md` §1.8).
    fn collect(&mut self) -> bool {
        if !self.has_run || self.chip.now() < self.next_collection {
            return false;
        }
        self.has_run = false;
        self.next_collection = self.chip.now() + limits::COLLECTION_INTERVAL;
        self.engine.collect();
        self.measure_heap();
        modules::collected(&self.chip);
        true
    }

    // ---- Lua ----

    fn call(&mut self, callback: Callback) {
        let chip = self.chip.clone();
        let Callback { function, arguments, protection, event, socket, cause, due, then, results } = callback;
        let mut shown = String::new();
        let mut position = None;
        let run = self.engine.start(&function, |ctx| {
            let values = arguments(ctx);
            if chip.trace.keeps_records() {
                position = lua::native::function_position(ctx, function.fetch(ctx)).map(module::trace_position);
                shown = module::values_in_short(ctx, values.iter().copied());
            }
            values
        });
        let record = Kind::Callback { event: CallbackEvent(event), position, arguments: shown, socket, due };
        let record = chip.trace.record_caused(chip.now(), chip.id, cause, record);
        self.begin(run, Some(record), Purpose::Callback { protection, then, results });
    }

    /// Begins a piece of Lua; there must be none.
    pub(crate) fn begin(&mut self, run: Run, record: Option<RecordId>, purpose: Purpose) {
        debug_assert!(self.job.is_none(), "Lua runs one piece at a time");
        self.chip.feed_watchdog();
        let started = self.chip.now();
        self.chip.busy_for(limits::CALLBACK_TIME);
        self.has_run = true;
        self.chip.lua_cause.set(record);
        self.job = Some(Job { run, record, started, purpose });
    }

    /// Carries the Lua under way on for one slice.
    fn slice(&mut self) {
        let Some(job) = self.job.take() else { return };
        let _scope = self.chip.trace.enter(self.chip.lua_cause.get());
        let HeldSlice { mut fuel, told } =
            self.held.take().unwrap_or(HeldSlice { fuel: limits::INSTRUCTIONS_PER_SLICE, told: Duration::ZERO });
        self.chip.slice.set(told);
        let step = self.engine.step(&job.run, &mut fuel);
        if self.engine.is_paused() {
            self.held = Some(HeldSlice { fuel, told: self.chip.slice.take() });
            self.is_paused = true;
            self.job = Some(job);
            return;
        }
        self.chip.end_slice(limits::INSTRUCTIONS_PER_SLICE.saturating_sub(fuel));
        self.measure_heap();
        for hint in self.engine.take_hints() {
            self.chip.hint(&hint.text, hint.position.map(module::trace_position));
        }
        match step {
            Step::OutOfFuel if self.chip.watchdog_barks() => {
                self.record_end(&job, Some("reset by the software watchdog".to_owned()));
                crash::watchdog(&self.chip);
            }
            Step::OutOfFuel => self.job = Some(job),
            Step::Finished => self.finish(job),
            Step::Failed(error) => self.fail(job, &error),
        }
    }

    fn finish(&mut self, job: Job) {
        self.record_end(&job, None);
        match job.purpose {
            Purpose::Callback { then, results, .. } => {
                let chip = &self.chip;
                if let Some(look) = results {
                    self.engine.results(&job.run, |ctx, values| look(chip, ctx, values));
                }
                if let Some(then) = then {
                    then(chip);
                }
            }
            Purpose::Start => {}
            Purpose::Chunk => interpreter::print_results(self, &job.run),
            Purpose::Results => interpreter::prompt(self),
        }
    }

    fn fail(&mut self, job: Job, error: &RuntimeError) {
        self.record_end(&job, Some(error.message.clone()));
        crash::explain(&self.chip, error);
        match job.purpose {
            Purpose::Callback { protection: Protection::Unprotected, .. } if self.chip.is_chip() => {
                crash::panic(&self.chip, error);
            }
            Purpose::Callback { protection: Protection::Unprotected, .. } => {
                crash::hint_at_panic(&self.chip, error);
                crash::report(&self.chip, error);
            }
            Purpose::Callback { protection: Protection::Protected, .. } => crash::report(&self.chip, error),
            Purpose::Start => self.chip.print(crash::text_with_traceback(error).as_bytes()),
            Purpose::Chunk => interpreter::print_error(self, error),
            Purpose::Results => interpreter::results_failed(self, error),
        }
    }

    fn record_end(&self, job: &Job, error: Option<String>) {
        if let (Some(callback), Purpose::Callback { .. }) = (job.record, &job.purpose) {
            let ran = self.chip.now().saturating_since(job.started);
            self.chip.record(Kind::CallbackEnd { callback, ran, error });
        }
    }

    /// Brings the free heap up to date, and with it what Lua may still allocate.
    fn measure_heap(&mut self) {
        let free = self.chip.measure_heap(self.engine.chip_bytes());
        let left = free.max(limits::HEAP_BYTES_LEFT_MIN) * limits::ENGINE_BYTES_PER_CHIP_BYTE;
        self.engine.set_memory_max(self.engine.memory_in_use() + left);
        self.chip.host.borrow_mut().set_short_of_memory(free < limits::TCP_BLOCK_BYTES);
    }
}

fn options(chip: &Chip) -> Options {
    let printer = chip.clone();
    let reader = chip.clone();
    let config = &chip.config;
    Options {
        dialect: config.dialect,
        integer_bits: if config.integers_32_bit { IntegerBits::Bits32 } else { IntegerBits::Bits64 },
        full_libraries: config.full_libraries,
        strip_local_names: chip.is_chip(),
        memory_max: Some(config.heap_bytes * limits::ENGINE_BYTES_PER_CHIP_BYTE),
        print: Some(Rc::new(move |bytes: &[u8]| printer.print(bytes))),
        read_file: Some(Rc::new(move |name: &str| modules::file::read_whole(&reader, name.as_bytes()))),
        wall_clock: None,
        seed: chip.random.borrow_mut().u64(..),
    }
}
