//! Being asked to stop.

use std::convert::Infallible;

use engine::{EngineError, ErrorKind};
use tokio::signal;
use tokio::sync::oneshot;

/// Learns that the process is asked to stop: by Ctrl-C, or by a supervisor (SIGTERM). A second Ctrl-C ends it at once.
pub(crate) struct Stopping {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    /// Closed when standard input ends, where that is looked at.
    input: Option<oneshot::Receiver<Infallible>>,
}

/// The exit code of a process that was interrupted.
const INTERRUPTED: i32 = 130;

impl Stopping {
    /// From here on, signals are waited for and do not end the process by themselves.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, EngineError> {
        let terminate = signal::unix::signal(signal::unix::SignalKind::terminate()).map_err(|error| deaf(&error))?;
        Ok(Stopping { terminate, input: None })
    }

    /// From here on, signals are waited for and do not end the process by themselves.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, EngineError> {
        Ok(Stopping { input: None })
    }

    /// Is asked by the end of standard input, too.
    pub(crate) fn or_end_of_input(mut self) -> Result<Self, EngineError> {
        let (end, ended) = oneshot::channel();
        let read = move || {
            // What comes means nothing, nor does it matter how it ends.
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            drop(end);
        };
        std::thread::Builder::new().name("input".into()).spawn(read).map_err(|error| deaf(&error))?;
        self.input = Some(ended);
        Ok(self)
    }

    /// Waits until the process is asked to stop.
    pub(crate) async fn asked(&mut self) -> Result<(), EngineError> {
        let input = async {
            match &mut self.input {
                Some(input) => drop(input.await),
                None => std::future::pending().await,
            }
        };
        #[cfg(unix)]
        tokio::select! {
            interrupted = signal::ctrl_c() => interrupted.map_err(|error| deaf(&error))?,
            _ = self.terminate.recv() => {}
            () = input => {}
        }
        #[cfg(not(unix))]
        tokio::select! {
            interrupted = signal::ctrl_c() => interrupted.map_err(|error| deaf(&error))?,
            () = input => {}
        }
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
