//! The terminal while it is a board's serial console: the board echoes what is typed and edits the line, so the terminal does
//! neither. Ctrl-C, and line ends on the way out, stay the terminal's.
//!
//! However the command ends, the terminal is as it was: on the way out of a run ([`Terminal`]), after a panic, and where the
//! process exits at once ([`restore`]). Left out: consoles of Windows, which keep their own echo.

#[cfg(unix)]
pub(crate) use unix::{Terminal, restore};

/// What Ctrl-D types: nothing more comes.
pub(crate) const END_OF_INPUT: u8 = 0x04;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::OnceLock;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// How the terminal was before the first [`Terminal::take`].
    static BEFORE: OnceLock<Termios> = OnceLock::new();

    /// Standard input's terminal, given to a board until this is dropped.
    pub(crate) struct Terminal(());

    impl Terminal {
        /// Takes the terminal; `None` where standard input is none, and nothing changes.
        pub(crate) fn take() -> Option<Terminal> {
            let before = tcgetattr(io::stdin()).ok()?;
            let mut modes = BEFORE.get_or_init(|| before).clone();
            modes.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
            let terminal = Terminal(());
            // A release build aborts on a panic, which drops nothing.
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                report(panic);
            }));
            tcsetattr(io::stdin(), OptionalActions::Now, &modes).ok()?;
            Some(terminal)
        }
    }

    impl Drop for Terminal {
        fn drop(&mut self) {
            restore();
        }
    }

    /// Leaves the terminal as it was; changes nothing if it was never taken.
    pub(crate) fn restore() {
        if let Some(modes) = BEFORE.get() {
            // A terminal that is gone needs no modes.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
    }
}

#[cfg(not(unix))]
pub(crate) struct Terminal(());

#[cfg(not(unix))]
impl Terminal {
    /// Takes no terminal: line editing and echo stay the system's.
    pub(crate) fn take() -> Option<Terminal> {
        None
    }
}

#[cfg(not(unix))]
pub(crate) fn restore() {}
