//! The firmware's modules, each in a file of its own, and the places where the board meets them.
//!
//! A new module is a file with a [`Module`] constant, a line in [`ALL`], and, if it keeps anything, a cell in [`State`].

pub(crate) mod adc;
pub(crate) mod bit;
pub(crate) mod client;
pub(crate) mod crypto;
pub(crate) mod encoder;
pub(crate) mod file;
pub(crate) mod gpio;
pub(crate) mod http;
pub(crate) mod mqtt;
pub(crate) mod net;
pub(crate) mod node;
pub(crate) mod pipe;
pub(crate) mod rtctime;
pub(crate) mod sjson;
pub(crate) mod sntp;
pub(crate) mod structure;
pub(crate) mod tmr;
pub(crate) mod uart;
pub(crate) mod wifi;

use std::cell::{Cell, RefCell};

use lan::Event;
use lua::piccolo::Context;

use crate::board::Wiring;
use crate::chip::Chip;
use crate::module::{self, Module};

/// Every module, by name.
pub(crate) const ALL: &[&Module] = &[
    &adc::MODULE,
    &bit::MODULE,
    &crypto::MODULE,
    &encoder::MODULE,
    &file::MODULE,
    &gpio::MODULE,
    &http::MODULE,
    &mqtt::MODULE,
    &net::MODULE,
    &node::MODULE,
    &pipe::MODULE,
    &rtctime::MODULE,
    &sjson::MODULE,
    &sntp::MODULE,
    &structure::MODULE,
    &tmr::MODULE,
    &uart::MODULE,
    &wifi::MODULE,
];

/// What the modules keep from boot to reset.
pub(crate) struct State {
    /// The time of day, for `rtctime` and whoever sets it.
    pub(crate) clock: Cell<rtctime::Clock>,
    pub(crate) client: RefCell<client::State>,
    pub(crate) file: RefCell<file::State>,
    pub(crate) gpio: RefCell<gpio::State>,
    pub(crate) http: RefCell<http::State>,
    pub(crate) mqtt: RefCell<mqtt::State>,
    pub(crate) net: RefCell<net::State>,
    pub(crate) node: RefCell<node::State>,
    pub(crate) sntp: RefCell<sntp::State>,
    pub(crate) tmr: RefCell<tmr::State>,
    pub(crate) uart: RefCell<uart::State>,
    pub(crate) wifi: RefCell<wifi::State>,
}

impl State {
    /// The state after a reset.
    pub(crate) fn new(wiring: &Wiring, clock: rtctime::Clock) -> State {
        State {
            clock: Cell::new(clock),
            client: RefCell::default(),
            file: RefCell::default(),
            gpio: RefCell::new(gpio::State::new(wiring)),
            http: RefCell::default(),
            mqtt: RefCell::default(),
            net: RefCell::default(),
            node: RefCell::default(),
            sntp: RefCell::default(),
            tmr: RefCell::default(),
            uart: RefCell::default(),
            wifi: RefCell::default(),
        }
    }
}

/// Makes every module's tables.
pub(crate) fn install(ctx: Context<'_>, chip: &Chip) {
    for module in ALL {
        module::install(ctx, chip, module);
    }
}

/// The modules' names, as the banner lists them.
pub(crate) fn names() -> String {
    ALL.iter().map(|module| module.name).collect::<Vec<_>>().join(",")
}

/// After a reset, before the first Lua runs.
pub(crate) fn boot(chip: &Chip) {
    wifi::boot(chip);
}

/// Something happened in the network stack. The current cause is what made it happen; callbacks that are enqueued now run
/// before the stack goes on.
pub(crate) fn handle_event(chip: &Chip, event: Event) {
    wifi::handle_event(chip, &event);
    let unclaimed = client::handle_event(chip, event).and_then(|event| sntp::handle_event(chip, event));
    if let Some(event) = unclaimed {
        net::handle_event(chip, event);
    }
}

/// Whether the C structure behind a userdata begins with a zero: that of a timer that was never registered, and of a closed
/// file.
fn begins_with_zero(chip: &Chip, object: lua::Object<'_>) -> bool {
    tmr::is_untouched(chip, object) || file::is_closed(chip, object)
}

/// Unreachable objects were collected; their payloads have been dropped.
pub(crate) fn collected(chip: &Chip) {
    net::collected(chip);
    tmr::collected(chip);
    file::collected(chip);
    mqtt::collected(chip);
}
