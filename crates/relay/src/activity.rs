//! How long a stream or a client has been silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When something last moved.
pub(crate) struct Activity {
    began: Instant,
    /// Milliseconds after `began`.
    moved: AtomicU64,
}

impl Activity {
    /// Something moves now.
    pub(crate) fn new() -> Arc<Activity> {
        Arc::new(Activity { began: Instant::now(), moved: AtomicU64::new(0) })
    }

    /// Something moves again.
    pub(crate) fn note(&self) {
        self.moved.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// How long nothing has moved.
    pub(crate) fn idle(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)))
    }
}
