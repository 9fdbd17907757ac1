//! Wi-Fi: access points and who is associated with them.
//!
//! An access point is a switch port that hosts come and go on. Radio itself (beacons, retries, rates) is left out: a
//! join succeeds or fails at once, and whoever simulates the board takes the time it likes to report it.

use serde::{Deserialize, Serialize};
use trace::HostId;

use crate::address::MacAddress;
use crate::fabric::SegmentId;

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
        aid: u8,
    },
    /// A station left the own access point.
    StationLeft {
        /// Its address.
        mac: MacAddress,
        /// Its association number.
        aid: u8,
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
