//! What a check has found.

use engine::EngineError;
use serde::Serialize;

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// It is as it should be.
    Ok,
    /// It works, and may not for long, or not as it is meant to.
    Warning,
    /// It does not work.
    Problem,
}

impl Status {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Problem => "problem",
        }
    }
}

/// What a check has found: what it looked at, how that is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// How serious it is.
    pub(crate) status: Status,
    /// The check.
    pub(crate) check: &'static str,
    /// What it looked at: a path, a source, an address.
    pub(crate) about: String,
    /// What it found.
    pub(crate) what: String,
    /// What to do; empty if there is nothing to do.
    pub(crate) help: String,
}

/// A check and what it looks at.
pub(crate) struct Check {
    name: &'static str,
    about: String,
}

impl Check {
    /// The check of this name, of something.
    pub(crate) fn of(name: &'static str, about: impl ToString) -> Self {
        Check { name, about: about.to_string() }
    }

    /// It is as it should be.
    pub(crate) fn ok(&self, what: impl Into<String>) -> Finding {
        self.finding(Status::Ok, what, "")
    }

    /// It may not go well for long.
    pub(crate) fn warning(&self, what: impl Into<String>, help: impl Into<String>) -> Finding {
        self.finding(Status::Warning, what, help)
    }

    /// It does not work.
    pub(crate) fn problem(&self, what: impl Into<String>, help: impl Into<String>) -> Finding {
        self.finding(Status::Problem, what, help)
    }

    /// What a start would say.
    pub(crate) fn failed(&self, error: EngineError) -> Finding {
        self.problem(error.what, error.help)
    }

    fn finding(&self, status: Status, what: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding { status, check: self.name, about: self.about.clone(), what: what.into(), help: help.into() }
    }
}
