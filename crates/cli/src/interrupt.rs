//! Ctrl-C, and the request with which a supervisor ends a service: both let a run end in order, with its files written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Result;

use crate::terminal;

/// Exit status of a run that was told to stop before its end, as shells have it for Ctrl-C (128 + SIGINT).
pub(crate) const INTERRUPTED: u8 = 130;

/// Whether the run was told to stop. Clones share it.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes note from now on. Told twice, the process ends at once.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn watch() -> Result<Interrupt> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let interrupt = Interrupt(Arc::default());
        let told = interrupt.clone();
        thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(told_to_stop());
            told.0.store(true, Ordering::Relaxed);
            runtime.block_on(told_to_stop());
            terminal::restore();
            std::process::exit(INTERRUPTED.into());
        })?;
        Ok(interrupt)
    }

    /// Whether it was told.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Resolves on Ctrl-C, and on SIGTERM where there is such a thing.
pub(crate) async fn told_to_stop() {
    let interrupted = async {
        // Without a signal handler the command simply runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            () = interrupted => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    interrupted.await;
}
