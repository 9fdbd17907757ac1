//! Wi-Fi: access points and who is associated with them.
//!
//! An access point is a switch port that hosts come and go on. Radio itself (beacons, retries, rates) is left out: a
//! join succeeds or fails at once, and whoever simulates the board takes the time it likes to report it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use trace::HostId;

use crate::address::MacAddress;
use crate::fabric::SegmentId;
use crate::link::LinkConfig;

/// Highest association number (IEEE 802.11-2020, section 9.4.1.8).
const AID_MAX: u16 = 2007;

/// An access point as it announces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessPointConfig {
    /// Network name.
    pub ssid: String,
    /// What a station must know.
    pub security: Security,
    /// 1 to 14.
    pub channel: u8,
    /// Its address.
    pub bssid: MacAddress,
    /// Whether a scan leaves it out.
    #[serde(default)]
    pub hidden: bool,
    /// Most stations at a time; `None` for no limit.
    #[serde(default)]
    pub stations_max: Option<u8>,
    /// Strength at which everyone hears it, in dBm.
    pub rssi: i8,
}

/// What an access point asks of a station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Nothing.
    Open,
    /// WPA2; every password is right.
    AnyPassword,
    /// WPA2 with this password.
    Password(String),
}

/// What a station looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinRequest {
    /// Network name.
    pub ssid: String,
    /// Password; empty for an open network.
    pub password: String,
    /// Only this access point.
    pub bssid: Option<MacAddress>,
}

/// What a station is associated with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// Network name.
    pub ssid: String,
    /// The access point.
    pub bssid: MacAddress,
    /// Its channel.
    pub channel: u8,
    /// Its strength in dBm.
    pub rssi: i8,
}

/// Why a join failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The password is not the access point's.
    #[error("wrong password")]
    WrongPassword,
    /// No such network is in the air.
    #[error("access point not found")]
    NotFound,
    /// The access point has as many stations as it takes.
    #[error("too many stations")]
    Full,
}

/// One network that a scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanEntry {
    /// What was heard.
    pub association: Association,
    /// Whether it asks for a password.
    pub secured: bool,
    /// Whether it hides its name.
    pub hidden: bool,
}

/// Something a host's radio notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AirEvent {
    /// The own station lost its access point.
    Disassociated {
        /// The network it was in.
        ssid: String,
        /// Its access point.
        bssid: MacAddress,
    },
    /// A station joined the own access point.
    StationJoined {
        /// Its address.
        mac: MacAddress,
        /// Its association number, from 1.
        aid: u16,
    },
    /// A station left the own access point.
    StationLeft {
        /// Its address.
        mac: MacAddress,
        /// Its association number.
        aid: u16,
    },
}

/// An access point in the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessPointId(pub u32);

/// Where an access point's stations end up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// A segment of the LAN, as with a home router.
    Segment(SegmentId),
    /// An interface of a host that is the access point itself: a board's soft-AP.
    Host(HostId, u8),
}

#[derive(Debug)]
struct AccessPoint {
    config: AccessPointConfig,
    behind: Behind,
    segment: SegmentId,
}

impl AccessPoint {
    fn association(&self) -> Association {
        let AccessPointConfig { ssid, bssid, channel, rssi, .. } = &self.config;
        Association { ssid: ssid.clone(), bssid: *bssid, channel: *channel, rssi: *rssi }
    }

    fn admits(&self, password: &str) -> bool {
        match &self.config.security {
            Security::Open | Security::AnyPassword => true,
            Security::Password(right) => right == password,
        }
    }

    fn host(&self) -> Option<HostId> {
        match self.behind {
            Behind::Host(host, _) => Some(host),
            Behind::Segment(_) => None,
        }
    }
}

#[derive(Debug)]
struct Station {
    access_point: AccessPointId,
    mac: MacAddress,
    aid: u16,
}

/// Who is in the air. Keeps the book; the fabric plugs and unplugs.
#[derive(Debug, Default)]
pub(crate) struct Air {
    access_points: BTreeMap<AccessPointId, AccessPoint>,
    stations: BTreeMap<(HostId, u8), Station>,
    links: BTreeMap<(HostId, u8), LinkConfig>,
    /// Interfaces that hear nobody.
    out_of_range: BTreeSet<(HostId, u8)>,
    events: VecDeque<(HostId, AirEvent)>,
    next: u32,
}

impl Air {
    pub(crate) fn add(&mut self, config: AccessPointConfig, behind: Behind, segment: SegmentId) -> AccessPointId {
        let id = AccessPointId(self.next);
        self.next += 1;
        self.access_points.insert(id, AccessPoint { config, behind, segment });
        id
    }

    /// Forgets an access point; returns what was behind it and the stations that it had.
    pub(crate) fn remove(&mut self, id: AccessPointId) -> Option<(Behind, Vec<(HostId, u8)>)> {
        let gone = self.access_points.remove(&id)?;
        let lost: Vec<_> = (self.stations.iter())
            .filter(|(_, station)| station.access_point == id)
            .map(|(interface, _)| *interface)
            .collect();
        for interface in &lost {
            self.stations.remove(interface);
            let Association { ssid, bssid, .. } = gone.association();
            self.events.push_back((interface.0, AirEvent::Disassociated { ssid, bssid }));
        }
        Some((gone.behind, lost))
    }

    pub(crate) fn set_link(&mut self, host: HostId, interface: u8, link: LinkConfig) {
        self.links.insert((host, interface), link);
    }

    pub(crate) fn join(
        &mut self,
        host: HostId,
        interface: u8,
        mac: MacAddress,
        request: &JoinRequest,
    ) -> Result<(Association, SegmentId, LinkConfig), JoinError> {
        let (id, access_point) = (self.access_points.iter())
            .filter(|(_, access_point)| access_point.config.ssid == request.ssid)
            .filter(|(_, access_point)| request.bssid.is_none_or(|bssid| access_point.config.bssid == bssid))
            .filter(|(_, access_point)| access_point.host() != Some(host))
            .filter(|_| !self.out_of_range.contains(&(host, interface)))
            .max_by_key(|(id, access_point)| (access_point.config.rssi, std::cmp::Reverse(**id)))
            .ok_or(JoinError::NotFound)?;
        if !access_point.admits(&request.password) {
            return Err(JoinError::WrongPassword);
        }
        let taken: BTreeSet<u16> = self.stations.values().filter(|s| s.access_point == *id).map(|s| s.aid).collect();
        if access_point.config.stations_max.is_some_and(|max| taken.len() >= usize::from(max)) {
            return Err(JoinError::Full);
        }
        let aid = (1..=AID_MAX).find(|aid| !taken.contains(aid)).ok_or(JoinError::Full)?;
        let link = self.links.get(&(host, interface)).copied().unwrap_or_default();
        let joined = (access_point.association(), access_point.segment, link);
        if let Some(owner) = access_point.host() {
            self.events.push_back((owner, AirEvent::StationJoined { mac, aid }));
        }
        self.stations.insert((host, interface), Station { access_point: *id, mac, aid });
        Ok(joined)
    }

    /// Ends an association; whether there was one.
    pub(crate) fn leave(&mut self, host: HostId, interface: u8) -> bool {
        let Some(Station { access_point, mac, aid }) = self.stations.remove(&(host, interface)) else { return false };
        if let Some(owner) = self.access_points.get(&access_point).and_then(AccessPoint::host) {
            self.events.push_back((owner, AirEvent::StationLeft { mac, aid }));
        }
        true
    }

    /// Ends an association without the interface's doing, as [`Air::leave`], and tells it.
    pub(crate) fn lose(&mut self, host: HostId, interface: u8) -> bool {
        let Some(Association { ssid, bssid, .. }) = self.association(host, interface) else { return false };
        self.events.push_back((host, AirEvent::Disassociated { ssid, bssid }));
        self.leave(host, interface)
    }

    pub(crate) fn set_in_range(&mut self, host: HostId, interface: u8, in_range: bool) {
        if in_range {
            self.out_of_range.remove(&(host, interface));
        } else {
            self.out_of_range.insert((host, interface));
        }
    }

    pub(crate) fn access_point_host(&self, host: HostId, interface: u8) -> Option<HostId> {
        let station = self.stations.get(&(host, interface))?;
        self.access_points.get(&station.access_point)?.host()
    }

    pub(crate) fn association(&self, host: HostId, interface: u8) -> Option<Association> {
        let station = self.stations.get(&(host, interface))?;
        self.access_points.get(&station.access_point).map(AccessPoint::association)
    }

    pub(crate) fn scan(&self, host: HostId, interface: u8) -> Vec<ScanEntry> {
        let in_range = !self.out_of_range.contains(&(host, interface));
        let heard = self.access_points.values().filter(|access_point| in_range && access_point.host() != Some(host));
        let mut entries: Vec<_> = heard
            .map(|access_point| ScanEntry {
                association: access_point.association(),
                secured: access_point.config.security != Security::Open,
                hidden: access_point.config.hidden,
            })
            .collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.association.rssi));
        entries
    }

    pub(crate) fn take_event(&mut self) -> Option<(HostId, AirEvent)> {
        self.events.pop_front()
    }
}
