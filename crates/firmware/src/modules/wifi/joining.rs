//! What the SDK does with the station: associate, ask for an address, try again (`docs/behaviour.md` §6.2).
//!
//! The air answers a join at once; the times here are those of a chip, shortened to what a person at a simulation likes to
//! wait for.

use lan::{Address, Association, JoinError, JoinRequest, MacAddress};
use trace::{Duration, Instant, Kind};

use super::eventmon::{self, WifiEvent, reason};
use super::{STATION, station};
use crate::alarm::AlarmId;
use crate::chip::Chip;
use crate::radio::RadioRequest;

/// From `connect` to the association: authentication and handshake on a known channel.
const JOIN_TIME: Duration = Duration::from_millis(200);
/// A full scan that finds nothing, or a handshake that gets no answer; the SDK then begins anew.
const RETRY_TIME: Duration = Duration::from_millis(2400);
/// How long the manual profile holds the start-up script back for the network.
const START_HELD_MAX: Duration = Duration::from_secs(5);

/// Where the station stands; the numbers are those of `wifi.sta.status()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Idle = 0,
    Connecting = 1,
    WrongPassword = 2,
    NotFound = 3,
    Failed = 4,
    GotIp = 5,
}

/// The station.
#[derive(Debug, Default)]
pub(super) struct Station {
    pub(super) config: station::Config,
    pub(super) host_name: String,
    pub(super) status: Status,
    pub(super) association: Option<Association>,
    /// Set by `wifi.sta.setip`: no DHCP client runs then.
    pub(super) fixed_address: Option<Address>,
    /// The next attempt to join.
    attempt: Option<AlarmId>,
    /// Whether the program or the SDK wants to be connected.
    wanted: bool,
    /// Until when the start-up script waits for the network, and what it will be told.
    start_held_until: Option<Instant>,
    held_events: Vec<WifiEvent>,
}

impl Station {
    /// The station after a reset.
    pub(super) fn boot(&mut self, config: station::Config, host_name: String) {
        *self = Station { config, host_name, ..Station::default() };
    }

    /// The channel it is on.
    pub(super) fn channel(&self) -> Option<u8> {
        self.association.as_ref().map(|association| association.channel)
    }

    /// For a person.
    pub(super) fn describe(&self) -> String {
        let ssid = String::from_utf8_lossy(&self.config.ssid);
        match (&self.association, self.status) {
            (Some(association), Status::GotIp) => format!("connected to {}", association.ssid),
            (Some(association), _) => format!("associated with {}, waiting for an address", association.ssid),
            (None, Status::Connecting) => format!("connecting to {ssid}"),
            (None, Status::WrongPassword) => format!("wrong password for {ssid}"),
            (None, Status::NotFound) => format!("{ssid} not found"),
            (None, Status::Failed) => format!("{ssid} refuses the station"),
            (None, _) => "not connected".to_owned(),
        }
    }
}

/// Connects at boot. In the manual profile the start-up script waits for it, for the manual's programs assume a network.
pub(super) fn connect_at_boot(chip: &Chip) {
    connect(chip);
    let mut wifi = chip.modules.wifi.borrow_mut();
    if !chip.is_chip() && wifi.station.wanted {
        wifi.station.start_held_until = Some(chip.now() + START_HELD_MAX);
        drop(wifi);
        // Something must be due when the patience ends.
        chip.after(START_HELD_MAX, |_| ());
    }
}

/// Whether the start-up script waits for the network.
pub(crate) fn holds_start(chip: &Chip) -> bool {
    let wifi = chip.modules.wifi.borrow();
    let hopeful = matches!(wifi.station.status, Status::Connecting);
    hopeful && wifi.station.start_held_until.is_some_and(|until| chip.now() < until)
}

/// The start-up script begins: what the station did meanwhile is reported to the handlers that it will register.
pub(crate) fn started(chip: &Chip) {
    let events = {
        let station = &mut chip.modules.wifi.borrow_mut().station;
        station.start_held_until = None;
        std::mem::take(&mut station.held_events)
    };
    for event in events {
        eventmon::enqueue(chip, event);
    }
}

fn report(chip: &Chip, event: WifiEvent) {
    let held = chip.modules.wifi.borrow().station.start_held_until.is_some();
    if held {
        chip.modules.wifi.borrow_mut().station.held_events.push(event);
    } else {
        eventmon::report(chip, event);
    }
}

/// Starts connecting to the configured network; nothing without one.
pub(super) fn connect(chip: &Chip) {
    let ready = {
        let wifi = &mut *chip.modules.wifi.borrow_mut();
        let ready = wifi.mode.has_station() && !wifi.station.config.ssid.is_empty();
        let idle = wifi.station.association.is_none() && wifi.station.attempt.is_none();
        wifi.station.wanted |= ready;
        ready && idle
    };
    if ready {
        schedule(chip, JOIN_TIME);
    }
}

/// Leaves the network and stops trying.
pub(super) fn disconnect(chip: &Chip) {
    let (attempt, association) = {
        let station = &mut chip.modules.wifi.borrow_mut().station;
        station.wanted = false;
        station.status = Status::Idle;
        (station.attempt.take(), station.association.take())
    };
    if let Some(attempt) = attempt {
        chip.cancel(attempt);
    }
    let Some(association) = association else { return };
    chip.request_radio(RadioRequest::Leave);
    link_down(chip);
    chip.record(Kind::Wifi { text: format!("left {}", association.ssid) });
    let Association { ssid, bssid, .. } = association;
    report(chip, WifiEvent::Disconnected { ssid, bssid, reason: reason::ASSOC_LEAVE });
}

fn schedule(chip: &Chip, delay: Duration) {
    chip.modules.wifi.borrow_mut().station.status = Status::Connecting;
    let alarm = chip.after(delay, attempt);
    chip.modules.wifi.borrow_mut().station.attempt = Some(alarm);
}

fn attempt(chip: &Chip) {
    let request = {
        let station = &mut chip.modules.wifi.borrow_mut().station;
        station.attempt = None;
        let config = &station.config;
        JoinRequest {
            ssid: String::from_utf8_lossy(&config.ssid).into_owned(),
            password: String::from_utf8_lossy(&config.password).into_owned(),
            bssid: config.bssid,
        }
    };
    chip.request_radio(RadioRequest::Join(request));
}

/// The air's answer to a join.
pub(super) fn joined(chip: &Chip, outcome: Result<Association, JoinError>) {
    if !chip.modules.wifi.borrow().station.wanted {
        // The program changed its mind meanwhile.
        if outcome.is_ok() {
            chip.request_radio(RadioRequest::Leave);
        }
        return;
    }
    match outcome {
        Ok(association) => associated(chip, association),
        Err(error) => refused(chip, error),
    }
}

fn associated(chip: &Chip, association: Association) {
    let Association { ssid, bssid, channel, .. } = association.clone();
    chip.record(Kind::Wifi { text: format!("associated with {ssid}") });
    let fixed_address = {
        let station = &mut chip.modules.wifi.borrow_mut().station;
        station.association = Some(association);
        station.status = Status::Connecting;
        station.fixed_address
    };
    report(chip, WifiEvent::Connected { ssid, bssid, channel });
    let mut host = chip.host.borrow_mut();
    host.set_link(chip.now(), STATION, true);
    match fixed_address {
        Some(address) => host.set_address(chip.now(), STATION, Some(address)),
        None => host.start_dhcp(chip.now(), STATION),
    }
}

fn refused(chip: &Chip, error: JoinError) {
    let (status, reason) = match error {
        JoinError::WrongPassword => (Status::WrongPassword, reason::HANDSHAKE_4WAY_TIMEOUT),
        JoinError::NotFound => (Status::NotFound, reason::NO_AP_FOUND),
        JoinError::Full => (Status::Failed, reason::ASSOC_TOOMANY),
    };
    let ssid = {
        let station = &mut chip.modules.wifi.borrow_mut().station;
        station.status = status;
        String::from_utf8_lossy(&station.config.ssid).into_owned()
    };
    chip.record(Kind::Wifi { text: format!("{ssid}: {error}") });
    report(chip, WifiEvent::Disconnected { ssid, bssid: MacAddress::default(), reason });
    let alarm = chip.after(RETRY_TIME, attempt);
    chip.modules.wifi.borrow_mut().station.attempt = Some(alarm);
}

/// The access point is gone: the SDK takes the address away and tries to get back.
pub(super) fn lost(chip: &Chip, ssid: String, bssid: MacAddress) {
    if chip.modules.wifi.borrow_mut().station.association.take().is_none() {
        return;
    }
    chip.record(Kind::Wifi { text: format!("lost {ssid}") });
    link_down(chip);
    report(chip, WifiEvent::Disconnected { ssid, bssid, reason: reason::BEACON_TIMEOUT });
    schedule(chip, RETRY_TIME);
}

/// Without a link the station has no address, and connections from that address are over (`docs/behaviour.md` §4.9).
fn link_down(chip: &Chip) {
    let mut host = chip.host.borrow_mut();
    host.stop_dhcp(chip.now(), STATION, false);
    host.set_address(chip.now(), STATION, None);
    host.set_link(chip.now(), STATION, false);
}

/// The stack has another address for the station.
pub(super) fn address_changed(chip: &Chip, address: Option<Address>) {
    let associated = {
        let station = &mut chip.modules.wifi.borrow_mut().station;
        let associated = station.association.is_some();
        if associated {
            station.status = if address.is_some() { Status::GotIp } else { Status::Connecting };
        }
        associated
    };
    if let (true, Some(address)) = (associated, address) {
        report(chip, WifiEvent::GotIp { address });
    }
}
