//! How the engine fares, for those outside: readiness, which sources have ended, and why it failed.

use operators::Tick;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::EngineError;

/// How the engine fares.
pub struct Status {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    is_ready: bool,
    running: Vec<u16>,
    complete_at: Tick,
    errors: Vec<EngineError>,
    failure: Option<EngineError>,
}

impl Status {
    /// The status of an engine whose sources with these indices read by themselves.
    pub fn new(pulling: Vec<u16>) -> Self {
        Status { state: Mutex::new(State { running: pulling, ..State::default() }), changed: Notify::new() }
    }

    /// Replay is done and the sources run.
    pub fn set_ready(&self) {
        self.state.lock().is_ready = true;
        self.changed.notify_waiters();
    }

    /// Whether replay is done and nothing has failed.
    pub fn is_ready(&self) -> bool {
        let state = self.state.lock();
        state.is_ready && state.failure.is_none()
    }

    /// A source has ended; all that it gave was released by `tick`.
    pub fn source_ended(&self, source: u16, tick: Tick, result: Result<(), EngineError>) {
        let mut state = self.state.lock();
        state.running.retain(|running| *running != source);
        state.complete_at = state.complete_at.max(tick);
        if let Err(error) = result {
            tracing::error!(%error, "a source has failed");
            state.errors.push(error);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The engine cannot go on.
    pub fn fail(&self, error: EngineError) {
        let mut state = self.state.lock();
        match &state.failure {
            None => tracing::error!(%error, "the engine has failed"),
            // A consequence, as a rule.
            Some(_) => tracing::debug!(%error, "the engine has failed already"),
        }
        state.failure.get_or_insert(error);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Why the engine cannot go on, if it cannot.
    pub fn failure(&self) -> Option<EngineError> {
        self.state.lock().failure.clone()
    }

    /// Whether it cannot go on.
    pub fn has_failed(&self) -> bool {
        self.state.lock().failure.is_some()
    }

    /// Waits until the sources run, or the engine has failed.
    pub async fn ready(&self) -> Result<(), EngineError> {
        self.wait(|state| state.is_ready.then_some(Ok(()))).await
    }

    /// Waits until every source that reads by itself has ended; gives the tick by which all of it was released, or the
    /// first error of a source or a sink.
    pub async fn complete(&self) -> Result<Tick, EngineError> {
        let finished = |state: &State| {
            let error = state.errors.first().cloned();
            (state.is_ready && state.running.is_empty()).then(|| error.map_or(Ok(state.complete_at), Err))
        };
        self.wait(finished).await
    }

    /// A sink cannot go on.
    pub fn sink_failed(&self, error: EngineError) {
        tracing::error!(%error, "a sink has failed");
        self.state.lock().errors.push(error);
        self.changed.notify_waiters();
    }

    /// Waits until a source or a sink has failed, and says why: what a source would have given is missing in every view
    /// from then on, and what a sink would have written is missing where it writes.
    pub async fn part_failed(&self) -> EngineError {
        let failed = |state: &State| state.errors.first().cloned().map(Err::<(), _>);
        self.wait(failed).await.err().unwrap_or_else(EngineError::stopped)
    }

    /// Waits until the engine has failed.
    pub async fn failed(&self) -> EngineError {
        match self.wait(|_| None::<Result<(), EngineError>>).await {
            Err(error) => error,
            Ok(()) => EngineError::stopped(),
        }
    }

    async fn wait<T>(&self, finished: impl Fn(&State) -> Option<Result<T, EngineError>>) -> Result<T, EngineError> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let state = self.state.lock();
                if let Some(error) = &state.failure {
                    return Err(error.clone());
                }
                if let Some(result) = finished(&state) {
                    return result;
                }
            }
            changed.await;
        }
    }
}
