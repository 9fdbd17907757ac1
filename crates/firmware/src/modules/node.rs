//! `node`: the system (`docs/behaviour.md` §6.3; node manual).
//!
//! Deep sleep wakes by itself, as on a board whose D0 is wired to RST. There is no Lua flash store: `node.LFS` has nothing in
//! it, as in the default build.
//!
//! Left out: `osprint`, `startupcounts`, `readrcr`, `writercr`, which are not in the default build, and
//! `setpartitiontable`, which would change nothing here.

use std::rc::Rc;

use lua::native::{Answer, Call};
use lua::piccolo::Value;
use lua::{Function, StashedFunction, Table};
use trace::{BootReason, Duration};

use crate::boot;
use crate::callback::Callback;
use crate::chip::{Chip, Ending};
use crate::flash::Startup;
use crate::limits;
use crate::module::{Member, Module, constant, function, table};
use crate::modules::{self, file, pipe};
use crate::task::Priority;

/// A 4 MB chip of Winbond.
const FLASH_ID: i64 = 0x0016_40ef;
const FLASH_MODE_DIO: i64 = 2;
const FLASH_HERTZ: i64 = 40_000_000;

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "node",
    doc: "The system: restart, memory, tasks, the console.",
    members: &[
        constant("CPU80MHZ", 80, "The processor's usual clock."),
        constant("CPU160MHZ", 160, "The processor's fast clock."),
        function("restart", "()", restart, "Restarts the board once the running Lua has returned."),
        function("restore", "()", restore, "Resets the Wi-Fi settings to their defaults."),
        function("chipid", "(): id", chip_id, "The chip's number, from the lower half of its address."),
        function("flashid", "(): id", flash_id, "The flash chip's number."),
        function("flashsize", "(): bytes", flash_size, "The flash chip's size."),
        function("heap", "(): bytes", heap, "Free memory.").quiet(),
        function("info", "([group]): table", info, "What the board and its firmware are.").parameters(&[(
            "group",
            "hw, sw_version, build_config or lfs; without it eight numbers, which is deprecated",
        )]),
        function("bootreason", "(): raw, extended", boot_reason, "Why the board started."),
        function("getcpufreq", "(): MHz", get_cpu_frequency, "The processor's clock."),
        function("setcpufreq", "(MHz): MHz", set_cpu_frequency, "Changes the processor's clock.")
            .parameters(&[("MHz", "node.CPU80MHZ or node.CPU160MHZ")]),
        function("input", "(text)", input, "Gives text to the interpreter as if it were typed; lines need their end.")
            .parameters(&[("text", "one or more lines")]),
        function("output", "([callback], [serial])", output_function, "Sends what is printed to a function.")
            .parameters(&[
                ("callback", "called with a pipe to read from; without it everything goes to the serial port again"),
                ("serial", "0 to keep it from the serial port"),
            ]),
        function(
            "setonerror",
            "([callback])",
            set_on_error,
            "Replaces what happens after an uncaught error in a callback.",
        )
        .parameters(&[("callback", "called with the text; it should restart the board")]),
        function("random", "([low], [high]): number", random, "A random number: below 1, or whole between bounds.")
            .quiet(),
        function("compile", "(name)", compile, "Compiles a file to bytecode beside it, name.lc.")
            .parameters(&[("name", "ends in .lua")]),
        function(
            "stripdebug",
            "([level], [function]): level",
            strip_debug,
            "How much compiled code says of its source.",
        ),
        function("startup", "([options]): table", startup, "Options for the next starts.")
            .parameters(&[("options", "banner, frequency, delay_mount, command; an empty table for the defaults")]),
        function("startupcommand", "(command): boolean", startup_command, "What runs instead of init.lua.")
            .parameters(&[("command", "@file or =chunk")]),
        function(
            "dsleep",
            "([us], [option], [instant])",
            deep_sleep,
            "Sleeps until the time is up, then starts afresh.",
        )
        .parameters(&[
            ("us", "microseconds; 0 for ever"),
            ("option", "what to do about the radio on waking"),
            ("instant", "whether to sleep at once"),
        ]),
        function("dsleepMax", "(): us", deep_sleep_max, "The longest deep sleep."),
        function("sleep", "(options)", light_sleep, "Light sleep, which the default build lacks."),
        function("getpartitiontable", "(): table", partition_table, "Where flash store and file system lie."),
        function("flashindex", "(name): function", lfs_get, "The old name of node.LFS.get."),
        function("flashreload", "(name): text", lfs_reload, "The old name of node.LFS.reload."),
        table("LFS", LFS, "The Lua flash store, which is empty."),
        table("egc", EGC, "The emergency garbage collector.").lua51(),
        table("task", TASK, "Tasks."),
    ],
    types: &[],
};

const TASK: &[Member] = &[
    constant("LOW_PRIORITY", 0, "Runs when nothing else does."),
    constant("MEDIUM_PRIORITY", 1, "The usual priority."),
    constant("HIGH_PRIORITY", 2, "Runs before all other tasks."),
    function("post", "([priority], callback)", post, "Calls a function when the running Lua has returned.").parameters(
        &[
            ("priority", "node.task.LOW_PRIORITY, MEDIUM_PRIORITY or HIGH_PRIORITY; medium unless given"),
            ("callback", "called with the priority"),
        ],
    ),
];

const LFS: &[Member] = &[
    function("get", "(name): function", lfs_get, "A function of the flash store; nil when it is not there."),
    function("list", "(): table", lfs_list, "The names in the flash store; nil without one."),
    function(
        "reload",
        "(name): text",
        lfs_reload,
        "Loads an image into the flash store; here the text says that there is none.",
    ),
    table(
        "config",
        &[
            constant("lfs_base", 0, "Offset in flash."),
            constant("lfs_mapped", 0, "Address in memory."),
            constant("lfs_size", 0, "Bytes reserved."),
            constant("lfs_used", 0, "Bytes used."),
        ],
        "The flash store's place.",
    ),
];

const EGC: &[Member] = &[
    constant("NOT_ACTIVE", 0, "Collects as plain Lua does."),
    constant("ON_ALLOC_FAILURE", 1, "Collects when memory runs out."),
    constant("ON_MEM_LIMIT", 2, "Collects above a limit."),
    constant("ALWAYS", 4, "Collects at every allocation; the default."),
    function(
        "setmode",
        "(mode, [limit])",
        egc_set_mode,
        "Says when to collect; here garbage is always collected in time.",
    )
    .parameters(&[("mode", "one of the constants"), ("limit", "bytes, for ON_MEM_LIMIT")]),
    function("meminfo", "(): allocated, used", egc_memory, "Bytes that Lua has and uses."),
];

/// What the module keeps.
#[derive(Default)]
pub(crate) struct State {
    error_handler: Option<StashedFunction>,
    output: Option<Output>,
}

/// Where printed text goes.
struct Output {
    reader: pipe::Reader,
    /// Whether the serial port gets it too.
    serial: bool,
}

/// The function of `node.setonerror`.
pub(crate) fn error_handler(chip: &Chip) -> Option<StashedFunction> {
    chip.modules.node.borrow().error_handler.clone()
}

/// Gives printed text to the function of `node.output`. Returns whether the serial port gets it too.
pub(crate) fn output(chip: &Chip, bytes: &[u8]) -> bool {
    let state = chip.modules.node.borrow();
    let Some(output) = &state.output else { return true };
    output.reader.pipe.push(bytes);
    pipe::wake(chip, &output.reader);
    output.serial
}

fn restart<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    chip.end(Ending::Reset { at: chip.now() + limits::RESTART_TIME, reason: BootReason::SoftRestart });
    Ok(call.none())
}

fn restore<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    chip.flash.borrow_mut().wifi = modules::wifi::Settings::default();
    Ok(call.none())
}

pub(super) fn chip_number(chip: &Chip) -> i64 {
    let [_, _, _, a, b, c] = chip.config.mac.0;
    i64::from(u32::from_be_bytes([0, a, b, c]))
}

fn chip_id<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer(chip_number(chip))))
}

fn flash_id<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer(FLASH_ID)))
}

fn flash_size<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer(i64::from(limits::FLASH_BYTES))))
}

fn heap<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer(chip.measure_heap(call.chip_bytes()) as i64)))
}

fn info<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let groups = ["lfs", "hw", "sw_version", "build_config", "legacy"];
    let (major, minor, revision) = boot::version(chip);
    let text = |text: &str| call.string(text.as_bytes());
    match call.check_option(1, Some("legacy"), &groups)? {
        0 => {
            let fields = ["lfs_mapped", "lfs_base", "lfs_size", "lfs_used"].map(|name| (name, call.integer(0)));
            Ok(call.one(fields_table(&call, &fields)))
        }
        1 => Ok(call.one(fields_table(
            &call,
            &[
                ("chip_id", call.integer(chip_number(chip))),
                ("flash_id", call.integer(FLASH_ID)),
                ("flash_size", call.integer(i64::from(limits::FLASH_BYTES / 1024))),
                ("flash_mode", call.integer(FLASH_MODE_DIO)),
                ("flash_speed", call.integer(FLASH_HERTZ)),
            ],
        ))),
        2 => Ok(call.one(fields_table(
            &call,
            &[
                ("node_version_major", call.integer(major)),
                ("node_version_minor", call.integer(minor)),
                ("node_version_revision", call.integer(revision)),
                ("git_branch", text(boot::build::BRANCH)),
                ("git_commit_id", text(boot::build::COMMIT)),
                ("git_release", text(boot::build::RELEASE)),
                ("git_commit_dts", text(boot::build::RELEASE_DTS)),
            ],
        ))),
        3 => Ok(call.one(fields_table(
            &call,
            &[
                ("ssl", Value::Boolean(false)),
                ("lfs_size", call.integer(0)),
                ("modules", text(&modules::names())),
                ("number_type", text(boot::build::NUMBER_TYPE)),
            ],
        ))),
        _ => {
            chip.print(
                b"Warning, deprecated API! node.info() without parameter. It will be removed in the next version. See \
                  documentation for details.\n",
            );
            let mut call = call;
            let numbers = [
                major,
                minor,
                revision,
                chip_number(chip),
                FLASH_ID,
                i64::from(limits::FLASH_BYTES / 1024),
                FLASH_MODE_DIO,
                FLASH_HERTZ,
            ];
            let numbers = numbers.map(|number| call.integer(number));
            Ok(call.many(numbers))
        }
    }
}

fn fields_table<'gc>(call: &Call<'gc, '_>, fields: &[(&'static str, Value<'gc>)]) -> Table<'gc> {
    let table = Table::new(&call.ctx());
    for (name, value) in fields {
        table.set_field(call.ctx(), name, *value);
    }
    table
}

fn boot_reason<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (raw, extended) = match chip.boot_reason {
        BootReason::PowerOn => (1, 0),
        BootReason::HardwareWatchdog => (4, 1),
        BootReason::Exception => (2, 2),
        BootReason::SoftwareWatchdog => (4, 3),
        BootReason::SoftRestart => (2, 4),
        BootReason::DeepSleepWake => (2, 5),
        BootReason::ExternalReset => (3, 6),
    };
    Ok(call.two(call.integer(raw), call.integer(extended)))
}

fn get_cpu_frequency<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer(i64::from(chip.cpu_mhz()))))
}

fn set_cpu_frequency<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    chip.set_cpu_mhz(if call.check_integer(1)? == 160 { 160 } else { 80 });
    get_cpu_frequency(chip, call)
}

fn input<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let text = call.check_string(1)?;
    let mut console = chip.console.borrow_mut();
    if console.waiting_bytes() + text.as_bytes().len() > chip.heap_free.get() {
        return Err(call.plain_error("not enough memory"));
    }
    console.push_input(text.as_bytes());
    Ok(call.none())
}

fn output_function<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let ctx = call.ctx();
    let silent = matches!(call.arg(2), Value::Integer(_) | Value::Number(_)) && call.check_integer(2)? == 0;
    let output = Function::from_value(call.arg(1)).map(|function| {
        let (object, pipe) = pipe::new(ctx, Some(function), Priority::Medium);
        let reader = pipe::Reader {
            pipe: Rc::clone(&pipe),
            object: lua::stash(ctx, object),
            function: StashedFunction::new(ctx, function),
        };
        Output { reader, serial: !silent }
    });
    chip.modules.node.borrow_mut().output = output;
    Ok(call.none())
}

fn set_on_error<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let handler = Function::from_value(call.arg(1)).map(|function| StashedFunction::new(call.ctx(), function));
    chip.modules.node.borrow_mut().error_handler = handler;
    Ok(call.none())
}

fn random<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (low, high) = match call.len() {
        0 => {
            let number = chip.random.borrow_mut().f64();
            return Ok(call.one(Value::Number(number)));
        }
        1 => (1, call.check_integer(1)?),
        2 => (call.check_integer(1)?, call.check_integer(2)?),
        _ => return Err(call.error("wrong number of arguments")),
    };
    if low > high {
        return Err(call.argument_error(2, "interval is empty"));
    }
    let number = chip.random.borrow_mut().i64(low..=high);
    Ok(call.one(call.integer(number)))
}

fn strip_debug<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if !call.is_none_or_nil(1) && !(1..=3).contains(&call.check_integer(1)?) {
        return Err(call.argument_error(1, "Invalid strip level"));
    }
    if call.len() >= 2 && Function::from_value(call.arg(2)).is_none() {
        return Err(call.argument_error(2, "not a valid function"));
    }
    // Names of locals are dropped, lines are kept: level 2, the firmware's default.
    Ok(call.one(call.integer(2)))
}

fn startup<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    if !call.is_empty() {
        let options = call.check_table(1)?;
        let changed = changed_startup(chip, &call, options)?;
        chip.flash.borrow_mut().startup = changed;
    }
    let startup = chip.flash.borrow().startup.clone();
    let table = fields_table(
        &call,
        &[
            ("banner", Value::Boolean(startup.banner)),
            ("delay_mount", Value::Boolean(startup.delay_mount)),
            ("frequency", call.integer(i64::from(startup.cpu_mhz.unwrap_or(80)))),
        ],
    );
    if let Some(command) = &startup.command {
        table.set_field(call.ctx(), "command", call.string(command));
    }
    Ok(call.one(table))
}

fn changed_startup<'gc>(chip: &Chip, call: &Call<'gc, '_>, options: Table<'gc>) -> Result<Startup, lua::Error<'gc>> {
    let pairs = options.pairs(&call.ctx());
    if pairs.is_empty() {
        return Ok(Startup::default());
    }
    let mut startup = chip.flash.borrow().startup.clone();
    for (key, value) in pairs {
        let Value::String(key) = key else { continue };
        match key.as_bytes() {
            b"command" => match call.to_string(value) {
                Some(command) => startup.command = Some(command.as_bytes().to_vec()),
                None => return Err(call.error("failed to set command")),
            },
            b"banner" => startup.banner = value.to_bool(),
            b"delay_mount" => startup.delay_mount = value.to_bool(),
            b"frequency" => startup.cpu_mhz = Some(if value.to_number() == Some(160.0) { 160 } else { 80 }),
            _ => {}
        }
    }
    Ok(startup)
}

fn startup_command<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let command = call.check_string(1)?;
    chip.flash.borrow_mut().startup.command = Some(command.as_bytes().to_vec());
    Ok(call.one(Value::Boolean(true)))
}

/// Without a time nothing but the option is set.
fn deep_sleep<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    const MICROSECONDS_MAX: f64 = 36_000_000_000.0;
    if !call.is_none_or_nil(2) && !(0..=4).contains(&call.check_integer(2)?) {
        return Err(call.argument_error(2, "wrong option value"));
    }
    if call.is_none_or_nil(1) {
        return Ok(call.none());
    }
    let us = call.check_number(1)?;
    if !(0.0..MICROSECONDS_MAX).contains(&us) {
        return Err(call.argument_error(1, "invalid time value"));
    }
    let us = us as u64;
    let until = (us > 0).then(|| chip.now() + Duration::from_micros(us));
    chip.end(Ending::Sleep { until });
    Ok(call.none())
}

fn deep_sleep_max<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.integer(12_884_901_882)))
}

fn light_sleep<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    chip.print_raw(
        b"\n The options \"TIMER_SUSPEND_ENABLE\" and \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" were disabled \
          during FW build!\n",
    );
    Err(call.error("node.sleep() is unavailable"))
}

fn partition_table<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let table = fields_table(
        &call,
        &[
            ("lfs_addr", call.integer(0)),
            ("lfs_size", call.integer(0)),
            ("spiffs_addr", call.integer(i64::from(file::FILE_SYSTEM_ADDRESS))),
            ("spiffs_size", call.integer(i64::from(file::FILE_SYSTEM_SIZE))),
        ],
    );
    Ok(call.one(table))
}

fn lfs_get<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Nil))
}

fn lfs_list<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(Value::Nil))
}

fn lfs_reload<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    Ok(call.one(call.string(b"No LFS partition allocated")))
}

fn egc_set_mode<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mode = call.check_integer(1)?;
    let limit = call.opt_integer(2, 0)?;
    if !(0..=7).contains(&mode) {
        return Err(call.argument_error(1, "invalid mode"));
    }
    if mode & 2 != 0 && limit == 0 {
        return Err(call.argument_error(1, "limit must be non-zero"));
    }
    Ok(call.none())
}

fn egc_memory<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let used = (chip.config.heap_bytes - chip.measure_heap(call.chip_bytes())) as i64;
    Ok(call.two(call.integer(used), call.integer(used)))
}

fn post<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let (priority, next) = match call.arg(1) {
        Value::Integer(_) | Value::Number(_) => {
            let priority = Priority::from_number(call.check_integer(1)?);
            (priority.ok_or_else(|| call.argument_error(1, "invalid  priority"))?, 2)
        }
        _ => (Priority::Medium, 1),
    };
    let function = StashedFunction::new(call.ctx(), call.check_function(next)?);
    let due = chip.now();
    let posted = chip.post(priority, move |chip| {
        let dialect = chip.dialect();
        let callback = Callback::new(chip, "node.task", function, move |_| vec![dialect.integer(priority as i64)]);
        chip.enqueue(callback.caused(chip.trace.current(), due));
    });
    match posted {
        Ok(()) => Ok(call.none()),
        Err(_) => Err(call.error("Task queue overflow. Task not posted")),
    }
}

/// In 5.1 the bytecode says nothing of its source, in 5.3 it keeps the lines (`docs/behaviour.md` §6.8).
fn compile<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let name = call.check_string(1)?.to_str_lossy().into_owned();
    if name.len() > limits::FILE_NAME_BYTES_MAX || name.contains('\0') {
        return Err(call.argument_error(1, "filename invalid"));
    }
    let Some(base) = name.strip_suffix(".lua") else { return Err(call.error("not a .lua file")) };
    let Some(source) = file::read_whole(chip, name.as_bytes()) else {
        return Err(call.error(format!("cannot open {name}: ")));
    };
    let function = call.compile(&format!("@{name}"), &source).map_err(|error| call.error(error.message))?;
    let strip = !chip.dialect().is_53();
    let written = call.dump(function, strip).is_some_and(|bytecode| {
        let compiled = format!("{base}.lc");
        chip.flash.borrow_mut().files.write(compiled.as_bytes(), bytecode).is_ok()
    });
    if written { Ok(call.none()) } else { Err(call.error("writing to file failed")) }
}
