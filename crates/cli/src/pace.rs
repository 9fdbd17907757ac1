//! Virtual time in step with the wall clock, at its speed, with pauses.

use std::time::{Duration, Instant as WallInstant};

use trace::Instant;

/// A clock that starts at zero.
pub(crate) struct Pace {
    /// Virtual time at `since`.
    base: Instant,
    /// `None` while it stands.
    since: Option<WallInstant>,
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace { base: Instant::ZERO, since: Some(WallInstant::now()) }
    }

    pub(crate) fn now(&self) -> Instant {
        let elapsed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.base + trace::Duration::from_micros(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.base = self.now();
        self.since = (!paused).then(WallInstant::now);
    }

    /// How long to wait for something that is due at `at`, at most `longest`.
    pub(crate) fn wait_for(&self, at: Option<Instant>, longest: Duration) -> Duration {
        let (Some(at), Some(_)) = (at, self.since) else { return longest };
        let now = self.now();
        let wait = if at <= now { Duration::ZERO } else { Duration::from_micros((at - now).as_micros()) };
        wait.min(longest)
    }
}
