//! What a call leaves in the log: who asked for what, what came of it, and how long it took.

use std::time::Instant;

use engine::EngineError;
use tonic::{Request, Status};
use tracing::Span;

use super::action;
use super::guard::caller_of;
use super::status::to_status;
use crate::access::{Caller, permissions};

/// How much of a name that a client gives is logged.
const NAME_CHARS_MAX: usize = 128;

/// A call that is being answered. What is logged of it is logged in the span of its request: with its correlation id, its
/// caller, its method, and the view or the source that it is about.
#[derive(Clone)]
pub(super) struct Call {
    caller: Caller,
    span: Span,
    started: Instant,
}

impl Call {
    /// The call that a request is.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        Ok(Call { caller: caller_of(request)?, span: Span::current(), started: Instant::now() })
    }

    /// Says which view, of those there are, is read; refuses a caller who may not.
    pub(super) fn read(&self, view: &str) -> Result<(), Status> {
        self.span.record("view", view);
        let permission = permissions::of_view(view);
        self.caller.authorise(permission, &format!("read the view `{view}`")).map_err(refused)
    }

    /// Says which source is pushed to; refuses a caller who may not.
    pub(super) fn push(&self, source: &str) -> Result<(), Status> {
        // It may be anything yet.
        let shown: String = source.chars().take(NAME_CHARS_MAX).collect();
        self.span.record("source", shown);
        self.caller.authorise_source(source).map_err(refused)
    }

    /// Refuses a caller who may not have this done.
    pub(super) fn act(&self, action: &str) -> Result<(), Status> {
        let permission = permissions::of_action(action).ok_or_else(|| to_status(action::unknown(action)))?;
        self.caller.authorise(permission, &format!("do `{action}`")).map_err(refused)
    }

    /// Refuses to go on once what the caller has shown has expired.
    pub(super) fn check_expiry(&self) -> Result<(), EngineError> {
        self.caller.check_expiry()
    }

    /// Where its events belong.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// How long it has taken.
    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

fn refused(error: EngineError) -> Status {
    let status = to_status(error);
    tracing::info!(error = status.message(), "refused");
    status
}
