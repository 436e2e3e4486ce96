//! How what runs learns that it is to stop.

use tokio::sync::watch;

/// While this is held all goes on; dropping it tells everyone who holds the other end to stop.
pub(crate) struct Running {
    _sender: watch::Sender<()>,
}

/// Learns that it is time to stop.
#[derive(Clone)]
pub struct Stopping(watch::Receiver<()>);

/// Both ends.
pub(crate) fn running() -> (Running, Stopping) {
    let (sender, receiver) = watch::channel(());
    (Running { _sender: sender }, Stopping(receiver))
}

impl Stopping {
    /// Whether it is time to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Waits until it is time to stop.
    pub async fn stopped(&mut self) {
        // Nothing is ever sent: it ends when the other end is gone.
        while self.0.changed().await.is_ok() {}
    }
}
