//! Being asked to stop.

use engine::{EngineError, ErrorKind};
use tokio::signal;

/// Learns that the process is asked to stop: by Ctrl-C, or by a supervisor (SIGTERM). A second Ctrl-C ends it at once.
pub(crate) struct Stopping {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
}

/// The exit code of a process that was interrupted.
const INTERRUPTED: i32 = 130;

impl Stopping {
    /// From here on, signals are waited for and do not end the process by themselves.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, EngineError> {
        let terminate = signal::unix::signal(signal::unix::SignalKind::terminate()).map_err(|error| deaf(&error))?;
        Ok(Stopping { terminate })
    }

    /// From here on, signals are waited for and do not end the process by themselves.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, EngineError> {
        Ok(Stopping {})
    }

    /// Waits until the process is asked to stop.
    pub(crate) async fn asked(&mut self) -> Result<(), EngineError> {
        #[cfg(unix)]
        tokio::select! {
            interrupted = signal::ctrl_c() => interrupted.map_err(|error| deaf(&error))?,
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        signal::ctrl_c().await.map_err(|error| deaf(&error))?;
        tracing::info!("stopping; press Ctrl-C to end at once, which loses nothing that was acknowledged");
        tokio::spawn(async {
            if signal::ctrl_c().await.is_ok() {
                std::process::exit(INTERRUPTED);
            }
        });
        Ok(())
    }
}

fn deaf(error: &std::io::Error) -> EngineError {
    EngineError::new(ErrorKind::Unavailable, format!("cannot wait for signals: {error}"), "")
}
