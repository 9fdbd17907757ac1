//! From a lab's words to those of boards and LAN.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lan::{Direction, JoinRequest, Lan, LinkConfig};
use trace::{Duration, HostId, Instant};

use crate::lab::{Behaviour, Faults, LinkLab, LuaVersion, Network, Release};

/// The station interface of a board.
pub(crate) const STATION: u8 = 0;
/// The access point interface of a board.
pub(crate) const ACCESS_POINT: u8 = 1;
/// How long a station stays associated without hearing its access point: the default of Espressif's SDKs
/// (`esp_wifi_set_inactive_time`).
pub(crate) const BEACONS_MISSED_MAX: Duration = Duration::from_secs(6);
/// NodeMCU's highest pin number.
pub(crate) const PIN_MAX: u8 = 12;

/// The address of the board at place `index`, in a block that Espressif owns.
pub(crate) fn default_mac(index: usize) -> [u8; 6] {
    let [.., high, low] = (index + 1).to_be_bytes();
    [0x5c, 0xcf, 0x7f, 0x00, high, low]
}

/// A seed for one part of the simulation: FNV-1a over the lab's seed and the part's name, so that parts do not share
/// their random sequences and adding one does not change another's.
pub(crate) fn derived_seed(seed: u64, part: &str) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(part.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Virtual time from a lab's milliseconds; what lies before the start counts as the start.
pub(crate) fn instant(millis: f64) -> Instant {
    Instant::from_micros((millis * 1000.0).round() as u64)
}

fn duration(millis: f64) -> Duration {
    Duration::from_micros((millis * 1000.0).round() as u64)
}

pub(crate) fn behaviour(behaviour: Behaviour) -> firmware::Behaviour {
    match behaviour {
        Behaviour::Manual => firmware::Behaviour::Manual,
        Behaviour::Chip => firmware::Behaviour::Chip,
    }
}

pub(crate) fn release(release: Release) -> firmware::Release {
    match release {
        Release::Any => firmware::Release::Any,
        Release::V3 => firmware::Release::V3,
        Release::V2 => firmware::Release::V2,
    }
}

pub(crate) fn dialect(lua: LuaVersion) -> lua::Dialect {
    match lua {
        LuaVersion::Lua51 => lua::Dialect::Lua51,
        LuaVersion::Lua53 => lua::Dialect::Lua53,
    }
}

pub(crate) fn join_request(network: &Network) -> JoinRequest {
    JoinRequest { ssid: network.ssid.clone(), password: network.password.clone(), bssid: None }
}

/// An interface of a host.
pub(crate) type LinkEnd = (HostId, u8);

/// What the lab says of links, and what they were before.
#[derive(Debug, Default)]
pub(crate) struct Links {
    settings: BTreeMap<LinkEnd, LinkLab>,
    /// The links as the LAN made them; index 0 towards the host, 1 from it.
    baselines: BTreeMap<LinkEnd, [LinkConfig; 2]>,
}

impl Links {
    pub(crate) fn set(&mut self, end: LinkEnd, link: LinkLab) {
        self.settings.insert(end, link);
    }

    /// What the lab says of a link.
    pub(crate) fn setting(&self, end: LinkEnd) -> Option<&LinkLab> {
        self.settings.get(&end)
    }

    /// Forgets what the link was, because the LAN is about to make it anew.
    pub(crate) fn forget_baseline(&mut self, end: LinkEnd) {
        self.baselines.remove(&end);
    }

    /// How a direction of a link should be; `None` when the lab says nothing of it or there is no link.
    pub(crate) fn config(&mut self, lan: &Lan, end: LinkEnd, direction: Direction) -> Option<LinkConfig> {
        let setting = self.settings.get(&end)?;
        let [to_host, from_host] = match self.baselines.entry(end) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let now = |direction| lan.link(end.0, end.1, direction).copied();
                unknown.insert([now(Direction::In)?, now(Direction::Out)?])
            }
        };
        let (baseline, faults) = match direction {
            Direction::In => (to_host, &setting.to_host),
            Direction::Out => (from_host, &setting.from_host),
        };
        Some(LinkConfig { up: baseline.up && !setting.down, ..faulty(baseline, faults) })
    }
}

/// `baseline` with what `faults` says.
fn faulty(baseline: &LinkConfig, faults: &Faults) -> LinkConfig {
    LinkConfig {
        latency: faults.latency_ms.map_or(baseline.latency, duration),
        jitter: faults.jitter_ms.map_or(baseline.jitter, duration),
        rate: match faults.rate_kbps {
            None => baseline.rate,
            Some(rate) if rate <= 0.0 => None,
            Some(rate) => Some(((rate * 1000.0) as u64).max(1)),
        },
        queue_bytes_max: faults.queue_bytes_max.unwrap_or(baseline.queue_bytes_max),
        loss: faults.loss.unwrap_or(baseline.loss),
        duplication: faults.duplication.unwrap_or(baseline.duplication),
        reordering: faults.reordering.unwrap_or(baseline.reordering),
        corruption: faults.corruption.unwrap_or(baseline.corruption),
        up: baseline.up,
    }
}

/// A link as the lab would write it, every value filled in.
pub(crate) fn described(to_host: &LinkConfig, from_host: &LinkConfig) -> LinkLab {
    LinkLab {
        down: !to_host.up && !from_host.up,
        to_host: described_faults(to_host),
        from_host: described_faults(from_host),
    }
}

fn described_faults(link: &LinkConfig) -> Faults {
    let millis = |span: Duration| Some(span.as_micros() as f64 / 1000.0);
    Faults {
        latency_ms: millis(link.latency),
        jitter_ms: millis(link.jitter),
        rate_kbps: Some(link.rate.map_or(0.0, |rate| rate as f64 / 1000.0)),
        queue_bytes_max: Some(link.queue_bytes_max),
        loss: Some(link.loss),
        duplication: Some(link.duplication),
        reordering: Some(link.reordering),
        corruption: Some(link.corruption),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_override_only_what_they_say() {
        let baseline = LinkConfig { rate: Some(5_000_000), ..LinkConfig::default() };
        let faults = Faults { loss: Some(0.5), latency_ms: Some(2.5), ..Faults::default() };
        let link = faulty(&baseline, &faults);
        assert_eq!((link.loss, link.latency.as_micros(), link.rate), (0.5, 2_500, Some(5_000_000)));
    }

    #[test]
    fn parts_have_seeds_of_their_own() {
        assert_ne!(derived_seed(1, "a"), derived_seed(1, "b"));
        assert_ne!(derived_seed(1, "a"), derived_seed(2, "a"));
    }
}
