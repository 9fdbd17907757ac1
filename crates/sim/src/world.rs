//! The built-in world as the simulation uses it: an adapter over `lan`'s router, internet and PC.

use std::collections::BTreeMap;

use lan::{AccessPointConfig, Behind, Lan, LinkConfig, MacAddress, Netstat, Security};
use trace::{HostId, Instant};

use crate::lab::{FetchRequest, WorldLab, ZoneAnswer};
use crate::view::{FetchResult, HostKind, LeaseView, ZoneView};

/// A built-in host.
pub(crate) struct WorldHost {
    pub(crate) id: HostId,
    pub(crate) name: String,
    pub(crate) kind: HostKind,
    pub(crate) links: Vec<WorldLink>,
}

/// A link of a built-in host.
pub(crate) struct WorldLink {
    pub(crate) interface: u8,
    /// The host at its other end; `None` for the internet.
    pub(crate) to: Option<HostId>,
}

/// The built-in world of one simulation.
pub(crate) struct World {
    first: HostId,
    zone: BTreeMap<String, ZoneAnswer>,
}

impl World {
    pub(crate) fn install(lan: &mut Lan, lab: &WorldLab, seed: u64, first: HostId) -> World {
        let _ = (seed, LinkConfig::default());
        let segment = lan.add_segment();
        let access_point = AccessPointConfig {
            ssid: "playground".into(),
            security: Security::AnyPassword,
            channel: 6,
            bssid: MacAddress([0x02, 0x00, 0xc0, 0xa8, 0x01, 0x01]),
            hidden: false,
            stations_max: None,
            rssi: -55,
        };
        lan.add_access_point(Instant::ZERO, access_point, Behind::Segment(segment));
        World { first, zone: lab.zone.clone() }
    }

    pub(crate) fn hosts(&self) -> Vec<WorldHost> {
        Vec::new()
    }

    pub(crate) fn router(&self) -> HostId {
        self.first
    }

    pub(crate) fn pc(&self) -> HostId {
        HostId(self.first.0 + 1)
    }

    pub(crate) fn link_of(&self, _name: &str) -> Option<(HostId, u8)> {
        None
    }

    pub(crate) fn netstat(&self, _lan: &Lan, _host: HostId) -> Netstat {
        Netstat::default()
    }

    pub(crate) fn leases(&self, _lan: &Lan) -> Vec<LeaseView> {
        Vec::new()
    }

    pub(crate) fn zone(&self, _lan: &Lan) -> Vec<ZoneView> {
        let edited = self.zone.iter();
        edited.map(|(name, answer)| ZoneView { name: name.clone(), answer: answer.clone(), edited: true }).collect()
    }

    pub(crate) fn set_zone(&mut self, _lan: &mut Lan, _now: Instant, name: &str, answer: Option<&ZoneAnswer>) {
        match answer {
            Some(answer) => drop(self.zone.insert(name.to_owned(), answer.clone())),
            None => drop(self.zone.remove(name)),
        }
    }

    pub(crate) fn command(&mut self, _lan: &mut Lan, _now: Instant, _line: &str) -> Result<(), String> {
        Err("the PC is not there yet".into())
    }

    pub(crate) fn type_text(&mut self, _lan: &mut Lan, _now: Instant, _text: &str) {}

    pub(crate) fn interrupt(&mut self, _lan: &mut Lan, _now: Instant) {}

    pub(crate) fn take_output(&mut self, _lan: &mut Lan) -> Vec<u8> {
        Vec::new()
    }

    pub(crate) fn fetch(
        &mut self,
        _lan: &mut Lan,
        _now: Instant,
        _id: u32,
        _request: &FetchRequest,
    ) -> Result<(), String> {
        Err("the PC is not there yet".into())
    }

    pub(crate) fn take_fetch(&mut self, _lan: &mut Lan) -> Option<FetchResult> {
        None
    }
}
