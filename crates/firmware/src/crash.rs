//! Uncaught errors and what becomes of the board (`docs/behaviour.md` §1.5 and §6.7).

use lua::RuntimeError;
use lua::piccolo::Value;
use trace::{BootReason, Kind};

use crate::absent;
use crate::callback::Callback;
use crate::chip::{Chip, Ending};
use crate::limits;
use crate::module;
use crate::modules;
use crate::task::Priority;

/// What the boot loader prints after a watchdog reset. On a chip it comes at 74,880 baud; it is shown readable here,
/// because the reason of an unwanted reset is what a person looks for.
pub(crate) const RESET_CAUSE_LINE: &str = "\n ets Jan  8 2013,rst cause:2, boot mode:(3,6)\n\n";

/// The error and its traceback, as the firmware prints them, with a line end.
pub(crate) fn text_with_traceback(error: &RuntimeError) -> String {
    format!("{}\n", message_with_traceback(error))
}

fn message_with_traceback(error: &RuntimeError) -> String {
    if error.traceback.is_empty() {
        error.message.clone()
    } else {
        format!("{}\n{}", error.message, error.traceback.trim_end())
    }
}

/// The same for a callback, which the SDK calls without a function of Lua's beneath it.
fn callback_text(error: &RuntimeError) -> String {
    let text = message_with_traceback(error);
    let base = text.strip_suffix("\n\t[C]: ?").or_else(|| text.strip_suffix("\n\t[C]: in ?"));
    base.map_or_else(|| text.clone(), str::to_owned)
}

/// An error that nothing protects: one line on the serial port, then the processor spins until the watchdog resets it.
pub(crate) fn panic(chip: &Chip, error: &RuntimeError) {
    let line = format!("PANIC: unprotected error in call to Lua API ({})\n", error.message);
    chip.print_raw(line.as_bytes());
    chip.record(Kind::Crash { message: line.trim_end().to_owned() });
    chip.end(Ending::Halt { until: chip.now() + limits::SOFTWARE_WATCHDOG, reason: BootReason::SoftwareWatchdog });
}

/// The manual says that every callback is protected; on a chip those of `net` and `mqtt` are not (`docs/behaviour.md` §8).
pub(crate) fn hint_at_panic(chip: &Chip, error: &RuntimeError) {
    let text = "on a chip: an uncaught error in a network callback is a PANIC and a reset by the watchdog; \
                node.setonerror is not asked";
    chip.hint(text, error.position.clone().map(module::trace_position));
}

/// Lua ran too long without returning: the chip is reset.
pub(crate) fn watchdog(chip: &Chip) {
    chip.record(Kind::Crash { message: "software watchdog: Lua ran for 3 s without returning".to_owned() });
    chip.end(Ending::Reset { at: chip.now(), reason: BootReason::SoftwareWatchdog });
}

/// An error in a protected callback goes to the function of `node.setonerror` in a task of its own; without one it is
/// printed and the board restarts 2 s later, while events keep running.
pub(crate) fn report(chip: &Chip, error: &RuntimeError) {
    let text = callback_text(error);
    let posted = chip.post(Priority::High, move |chip| deliver(chip, text));
    if posted.is_err() {
        deliver(chip, callback_text(error));
    }
}

fn deliver(chip: &Chip, text: String) {
    let handler = modules::node::error_handler(chip);
    match handler {
        Some(function) => chip.enqueue(Callback::new(chip, "node.onerror", function, move |ctx| {
            vec![Value::String(lua::piccolo::String::from_slice(&ctx, &text))]
        })),
        None => {
            chip.print(format!("{text}\n").as_bytes());
            restart_after_error(chip);
        }
    }
}

fn restart_after_error(chip: &Chip) {
    if !chip.restart_planned.replace(true) {
        chip.record(Kind::Crash { message: "restart 2 s after an uncaught error in a callback".to_owned() });
        chip.after(limits::ERROR_RESTART_TIME, |chip| {
            chip.end(Ending::Reset { at: chip.now(), reason: BootReason::SoftRestart });
        });
    }
}

/// Says what is behind an error when the playground knows: a module that does not exist here.
pub(crate) fn explain(chip: &Chip, error: &RuntimeError) {
    if let Some(text) = absent::explain(&error.message) {
        chip.hint(&text, error.position.clone().map(module::trace_position));
    }
}
