//! `tmr`: timers, clocks and the watchdog (`docs/behaviour.md` §6.1; tmr manual).
//!
//! A timer that is late fires once, not once for each interval it missed.
//!
//! Left out: `suspend` and `resume`, which only an option of the firmware's build adds. The numbered timers 0 to 6, removed
//! from the firmware in 2019, exist unless the release is 3.0.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use lua::native::{Answer, Call};
use lua::piccolo::Value;
use lua::{Object, Stashed, StashedFunction, rom};
use trace::{BootReason, Duration, Instant, Kind, RecordId};

use crate::alarm::AlarmId;
use crate::callback::Callback;
use crate::chip::{Chip, Ending};
use crate::limits;
use crate::module::{Member, Module, ObjectType, constant, function};

const SINGLE: i64 = 0;
const AUTO: i64 = 1;
const SEMI: i64 = 2;

/// Number of the removed static timers.
const STATIC_TIMERS: i64 = 7;

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "tmr",
    doc: "Timers, the system counter, uptime and the watchdog.",
    members: &[
        constant("ALARM_SINGLE", SINGLE, "Mode of a timer that fires once."),
        constant("ALARM_AUTO", AUTO, "Mode of a timer that repeats."),
        constant("ALARM_SEMI", SEMI, "Mode of a timer that fires once and can be started again."),
        function("create", "(): timer", create, "Makes a timer that is neither registered nor running."),
        function("delay", "(us)", delay, "Keeps the processor busy; nothing else happens on the board meanwhile.")
            .parameters(&[("us", "microseconds, above 0")]),
        function("now", "(): us", now, "The system counter in microseconds, back at 0 after 31 bits.").quiet(),
        function("time", "(): s", time, "Seconds since the board started.").quiet(),
        function("ccount", "(): cycles", ccount, "The processor's cycle counter, 32 bits, negative in its upper half.")
            .quiet(),
        function("wdclr", "()", wdclr, "Feeds the system's watchdog.").quiet(),
        function(
            "softwd",
            "(timeout_s)",
            softwd,
            "Restarts the board unless called again in time; a negative value stops that.",
        )
        .parameters(&[("timeout_s", "seconds")]),
        function("alarm", "(id, ms, mode, callback): started", static_alarm, "Registers and starts a numbered timer.")
            .parameters(STATIC_PARAMETERS)
            .removed("tmr.create():alarm()"),
        function("register", "(id, ms, mode, callback)", static_register, "Sets up a numbered timer.")
            .parameters(STATIC_PARAMETERS)
            .removed("tmr.create():register()"),
        function("start", "(id): started", static_start, "Starts a numbered timer.").removed("tmr.create():start()"),
        function("stop", "(id): stopped", static_stop, "Stops a numbered timer.").removed("tmr.create():stop()"),
        function("unregister", "(id)", static_unregister, "Stops and forgets a numbered timer.")
            .removed("tmr.create():unregister()"),
        function("interval", "(id, ms)", static_interval, "Changes the interval of a numbered timer.")
            .removed("tmr.create():interval()"),
        function("state", "(id): running, mode", static_state, "What a numbered timer does.")
            .removed("tmr.create():state()"),
    ],
    types: &[ObjectType {
        name: "tmr.timer",
        manual_name: "timer",
        doc: "A timer made by tmr.create().",
        methods: METHODS,
    }],
};

const STATIC_PARAMETERS: &[(&str, &str)] = &[
    ("id", "0 to 6"),
    ("ms", "milliseconds, 1 to 6870947"),
    ("mode", "tmr.ALARM_SINGLE, tmr.ALARM_AUTO or tmr.ALARM_SEMI"),
    ("callback", "called when the time is up"),
];

const METHODS: &[Member] = &[
    function("alarm", "(ms, mode, callback): started", alarm, "Registers the timer and starts it.").parameters(&[
        ("ms", "milliseconds, 1 to 6870947"),
        ("mode", "tmr.ALARM_SINGLE, tmr.ALARM_AUTO or tmr.ALARM_SEMI"),
        ("callback", "called with the timer when the time is up"),
    ]),
    function("register", "(ms, mode, callback)", register, "Sets the timer up without starting it.").parameters(&[
        ("ms", "milliseconds, 1 to 6870947"),
        ("mode", "tmr.ALARM_SINGLE, tmr.ALARM_AUTO or tmr.ALARM_SEMI"),
        ("callback", "called with the timer when the time is up"),
    ]),
    function("start", "([restart]): started", start, "Starts a registered timer.")
        .parameters(&[("restart", "true to start a running timer afresh")]),
    function("stop", "(): stopped", stop, "Stops the timer; it stays registered."),
    function("unregister", "()", unregister, "Stops the timer and forgets its function."),
    function("interval", "(ms)", interval, "Changes the interval; a running timer starts afresh.")
        .parameters(&[("ms", "milliseconds, 1 to 6870947")]),
    function(
        "state",
        "(): running, mode",
        state,
        "Whether the timer runs, and its mode; nil when it is not registered.",
    ),
];

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {
    timers: BTreeMap<u32, Timer>,
    next: u32,
    /// Timers whose objects were collected.
    dropped: Rc<RefCell<Vec<u32>>>,
    numbered: BTreeMap<i64, u32>,
    software_watchdog: Option<AlarmId>,
}

/// A timer; registered while it has a function.
#[derive(Default)]
struct Timer {
    interval: Duration,
    mode: i64,
    function: Option<StashedFunction>,
    /// What the callback gets: the object, kept alive while the timer runs, or the number of a numbered timer.
    argument: Argument,
    running: Option<Running>,
}

#[derive(Clone, Default)]
enum Argument {
    #[default]
    Nothing,
    Object(Stashed),
    Number(i64),
}

#[derive(Clone, Copy)]
struct Running {
    alarm: AlarmId,
    due: Instant,
    /// The record of the start.
    record: RecordId,
}

/// The payload of a timer object.
struct Handle {
    timer: u32,
    dropped: Rc<RefCell<Vec<u32>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.dropped.borrow_mut().push(self.timer);
    }
}

/// Timers whose objects are gone stop.
pub(crate) fn collected(chip: &Chip) {
    let mut state = chip.modules.tmr.borrow_mut();
    let mut dropped = std::mem::take(&mut *state.dropped.borrow_mut());
    dropped.sort_unstable();
    for timer in dropped {
        if let Some(Timer { running: Some(running), .. }) = state.timers.remove(&timer) {
            chip.cancel(running.alarm);
        }
    }
}

/// Whether `object` is a timer that has not been registered since it was made.
pub(crate) fn is_untouched(chip: &Chip, object: Object<'_>) -> bool {
    let state = chip.modules.tmr.borrow();
    let timer = object.payload::<Handle>().and_then(|handle| state.timers.get(&handle.timer));
    timer.is_some_and(|timer| timer.interval == Duration::ZERO)
}

// ---- functions of the module ----

fn create<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mut state = chip.modules.tmr.borrow_mut();
    let timer = state.new_timer();
    let handle = Handle { timer, dropped: Rc::clone(&state.dropped) };
    Ok(call.one(rom::object(call.ctx(), "tmr.timer", handle)))
}

impl State {
    fn new_timer(&mut self) -> u32 {
        let timer = self.next;
        self.next += 1;
        self.timers.insert(timer, Timer::default());
        timer
    }
}

fn delay<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    match u64::try_from(call.check_integer(1)?) {
        Ok(us @ 1..=0x7fff_ffff) => {
            chip.busy_for(Duration::from_micros(us));
            chip.feed_watchdog();
            Ok(call.none())
        }
        _ => Err(call.argument_error(1, "wrong arg range")),
    }
}

fn now<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let counter = chip.uptime().as_micros() & 0x7fff_ffff;
    Ok(call.one(call.integer(counter as i64)))
}

fn time<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let seconds = (chip.uptime().as_micros() / 1_000_000) & 0x7fff_ffff;
    Ok(call.one(call.integer(seconds as i64)))
}

fn ccount<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let cycles = chip.uptime().as_micros().wrapping_mul(u64::from(chip.cpu_mhz()));
    Ok(call.one(call.integer(i64::from(cycles as i32))))
}

fn wdclr<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    chip.feed_watchdog();
    Ok(call.none())
}

/// The firmware counts down once a second, counted from the start of the board.
fn softwd<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let seconds = call.check_integer(1)?;
    let mut state = chip.modules.tmr.borrow_mut();
    if let Some(alarm) = state.software_watchdog.take() {
        chip.cancel(alarm);
    }
    if let Ok(seconds) = u64::try_from(seconds) {
        let whole = chip.uptime().as_micros() / 1_000_000;
        let due = chip.booted + Duration::from_secs(whole.saturating_add(seconds).saturating_add(1));
        state.software_watchdog = Some(chip.at(due, |chip| {
            chip.record(Kind::Crash { message: "restart by tmr.softwd".to_owned() });
            chip.end(Ending::Reset { at: chip.now(), reason: BootReason::SoftRestart });
        }));
    }
    Ok(call.none())
}

// ---- methods and numbered timers: the same with another way to name the timer ----

/// Which timer a call is about.
#[derive(Clone, Copy)]
struct Target {
    timer: u32,
    /// `None` for an object, which is argument 1.
    number: Option<i64>,
}

fn of_object<'gc>(call: &Call<'gc, '_>) -> Result<Target, lua::Error<'gc>> {
    let handle = call.check_userdata::<Handle>(1, "tmr.timer")?;
    Ok(Target { timer: handle.timer, number: None })
}

fn of_number<'gc>(chip: &Chip, call: &Call<'gc, '_>) -> Result<Target, lua::Error<'gc>> {
    if let Some(handle) = Object::from_value(call.arg(1)).and_then(|object| object.payload::<Handle>()) {
        return Ok(Target { timer: handle.timer, number: None });
    }
    let number = call.check_integer(1)?;
    if !(0..STATIC_TIMERS).contains(&number) {
        return Err(call.argument_error(1, format!("timer {number} does not exist")));
    }
    let mut state = chip.modules.tmr.borrow_mut();
    let timer = match state.numbered.get(&number) {
        Some(timer) => *timer,
        None => {
            let timer = state.new_timer();
            state.numbered.insert(number, timer);
            timer
        }
    };
    Ok(Target { timer, number: Some(number) })
}

fn do_register<'gc>(chip: &Chip, call: &Call<'gc, '_>, target: Target) -> Result<(), lua::Error<'gc>> {
    let interval = check_interval(call)?;
    let mode = call.check_integer(3)? & 0xff;
    if ![SINGLE, AUTO, SEMI].contains(&mode) {
        return Err(call.argument_error(3, "Invalid mode"));
    }
    let Some(function) = lua::Function::from_value(call.arg(4)) else {
        return Err(call.argument_error(4, "Must be function"));
    };
    let function = StashedFunction::new(call.ctx(), function);
    with_timer(chip, target, |timer| {
        if let Some(running) = timer.running.take() {
            chip.cancel(running.alarm);
        }
        timer.interval = interval;
        timer.mode = mode;
        timer.function = Some(function);
    });
    Ok(())
}

fn check_interval<'gc>(call: &Call<'gc, '_>) -> Result<Duration, lua::Error<'gc>> {
    let interval = call.check_integer(2)?;
    if interval < 1 || interval > i64::from(limits::TIMER_MS_MAX) {
        return Err(call.argument_error(2, "Range: 1-0x68D7A3"));
    }
    Ok(Duration::from_millis(interval as u64))
}

/// Starts the timer unless it is not registered, or runs and is not to be restarted.
fn do_start(chip: &Chip, call: &Call<'_, '_>, target: Target, restart: bool) -> bool {
    let argument = match target.number {
        Some(number) => Argument::Number(number),
        None => Argument::Object(lua::stash(call.ctx(), call.arg(1))),
    };
    with_timer(chip, target, |timer| {
        if timer.function.is_none() || (timer.running.is_some() && !restart) {
            return false;
        }
        timer.argument = argument;
        arm(chip, target.timer, timer);
        true
    })
}

fn arm(chip: &Chip, id: u32, timer: &mut Timer) {
    if let Some(running) = timer.running.take() {
        chip.cancel(running.alarm);
    }
    let due = chip.now() + timer.interval;
    let record = chip.record(Kind::TimerSet { timer: id, due, repeats: timer.mode == AUTO });
    let alarm = chip.at_caused(due, Some(record), move |chip| fire(chip, id));
    timer.running = Some(Running { alarm, due, record });
}

/// The time is up: single timers forget themselves before their callback, semi-automatic ones are idle in it.
fn fire(chip: &Chip, id: u32) {
    let mut state = chip.modules.tmr.borrow_mut();
    let Some(timer) = state.timers.get_mut(&id) else { return };
    let Some(running) = timer.running.take() else { return };
    let argument = timer.argument.clone();
    let function = match timer.mode {
        AUTO => {
            let due = next_multiple(running.due, timer.interval, chip.now());
            let alarm = chip.at_caused(due, Some(running.record), move |chip| fire(chip, id));
            timer.running = Some(Running { alarm, due, ..running });
            timer.function.clone()
        }
        SEMI => {
            timer.argument = Argument::Nothing;
            timer.function.clone()
        }
        _ => {
            timer.argument = Argument::Nothing;
            timer.function.take()
        }
    };
    drop(state);
    let Some(function) = function else { return };
    let dialect = chip.dialect();
    let callback = Callback::new(chip, "timer", function, move |ctx| match argument {
        Argument::Nothing => Vec::new(),
        Argument::Object(object) => vec![lua::fetch(ctx, &object)],
        Argument::Number(number) => vec![dialect.integer(number)],
    });
    chip.enqueue(callback.caused(Some(running.record), running.due));
}

/// The first instant after `now` that is a whole number of intervals after `due`.
fn next_multiple(due: Instant, interval: Duration, now: Instant) -> Instant {
    let interval = interval.as_micros();
    let missed = now.saturating_since(due).as_micros() / interval;
    due + Duration::from_micros((missed + 1).saturating_mul(interval))
}

fn do_stop(chip: &Chip, target: Target) -> bool {
    with_timer(chip, target, |timer| {
        timer.argument = Argument::Nothing;
        match timer.running.take() {
            Some(running) => chip.cancel(running.alarm),
            None => false,
        }
    })
}

fn do_unregister(chip: &Chip, target: Target) {
    do_stop(chip, target);
    with_timer(chip, target, |timer| timer.function = None);
}

fn do_interval<'gc>(chip: &Chip, call: &Call<'gc, '_>, target: Target) -> Result<(), lua::Error<'gc>> {
    let interval = check_interval(call)?;
    with_timer(chip, target, |timer| {
        if timer.function.is_some() {
            timer.interval = interval;
            if timer.running.is_some() {
                arm(chip, target.timer, timer);
            }
        }
    });
    Ok(())
}

fn do_state<'gc>(chip: &Chip, call: &Call<'gc, '_>, target: Target) -> lua::native::Outcome<'gc> {
    with_timer(chip, target, |timer| {
        if timer.function.is_none() {
            call.one(Value::Nil)
        } else {
            call.two(Value::Boolean(timer.running.is_some()), call.integer(timer.mode))
        }
    })
}

fn with_timer<R>(chip: &Chip, target: Target, change: impl FnOnce(&mut Timer) -> R) -> R {
    let mut state = chip.modules.tmr.borrow_mut();
    change(state.timers.entry(target.timer).or_default())
}

fn register<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_object(&call)?;
    do_register(chip, &call, target)?;
    Ok(call.none())
}

fn alarm<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_object(&call)?;
    do_register(chip, &call, target)?;
    Ok(call.one(Value::Boolean(do_start(chip, &call, target, false))))
}

fn start<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_object(&call)?;
    let restart = match call.arg(2) {
        Value::Nil => false,
        Value::Boolean(restart) => restart,
        _ => return Err(call.argument_error(2, "boolean expected")),
    };
    Ok(call.one(Value::Boolean(do_start(chip, &call, target, restart))))
}

fn stop<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_object(&call)?;
    Ok(call.one(Value::Boolean(do_stop(chip, target))))
}

fn unregister<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    do_unregister(chip, of_object(&call)?);
    Ok(call.none())
}

fn interval<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_object(&call)?;
    do_interval(chip, &call, target)?;
    Ok(call.none())
}

fn state<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_object(&call)?;
    Ok(do_state(chip, &call, target))
}

fn static_register<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_number(chip, &call)?;
    do_register(chip, &call, target)?;
    Ok(call.none())
}

fn static_alarm<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_number(chip, &call)?;
    do_register(chip, &call, target)?;
    Ok(call.one(Value::Boolean(do_start(chip, &call, target, false))))
}

fn static_start<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_number(chip, &call)?;
    Ok(call.one(Value::Boolean(do_start(chip, &call, target, false))))
}

fn static_stop<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_number(chip, &call)?;
    Ok(call.one(Value::Boolean(do_stop(chip, target))))
}

fn static_unregister<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    do_unregister(chip, of_number(chip, &call)?);
    Ok(call.none())
}

fn static_interval<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_number(chip, &call)?;
    do_interval(chip, &call, target)?;
    Ok(call.none())
}

fn static_state<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let target = of_number(chip, &call)?;
    Ok(do_state(chip, &call, target))
}
