//! What a board asks of the air, and what the air answers.
//!
//! The board does not know the air: whoever drives it takes its requests, asks `lan`, and brings the replies back. The
//! policy (modes, retries, what to report when) is the `wifi` module's.

use lan::{AccessPointConfig, AirEvent, Association, JoinError, JoinRequest, ScanEntry};

/// Something a board's radio wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadioRequest {
    /// Associate the station; answered with [`RadioReply::Joined`].
    Join(JoinRequest),
    /// End the station's association; not answered.
    Leave,
    /// Listen for networks; answered with [`RadioReply::Scanned`].
    Scan,
    /// Put the own access point on the air, replacing an earlier one; not answered.
    StartAccessPoint(AccessPointConfig),
    /// Take the own access point off the air; not answered.
    StopAccessPoint,
}

/// Something a board's radio learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadioReply {
    /// The outcome of [`RadioRequest::Join`].
    Joined(Result<Association, JoinError>),
    /// The outcome of [`RadioRequest::Scan`].
    Scanned(Vec<ScanEntry>),
    /// Something happened unasked.
    Air(AirEvent),
}
