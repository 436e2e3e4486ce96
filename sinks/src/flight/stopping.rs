//! How the open streams of a server learn that it stops.

use tokio::sync::watch;

/// While this is held the server runs; dropping it tells everyone who holds the other end that it stops.
pub(super) struct Running {
    _sender: watch::Sender<()>,
}

/// Learns that the server stops.
#[derive(Clone)]
pub(super) struct Stopping(watch::Receiver<()>);

/// Both ends.
pub(super) fn running() -> (Running, Stopping) {
    let (sender, receiver) = watch::channel(());
    (Running { _sender: sender }, Stopping(receiver))
}

impl Stopping {
    /// Whether the server stops.
    pub(super) fn is_stopping(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Waits until the server stops.
    pub(super) async fn stopped(&mut self) {
        // Nothing is ever sent: it ends when the other end is gone.
        while self.0.changed().await.is_ok() {}
    }
}
