//! How a subcommand ends: its exit code, and what it tells a person.

use std::fmt;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use engine::{EngineError, ErrorKind};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::config::Problems;

/// A subcommand that has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Done,
    /// It ran, and breaks remain.
    BreaksRemain,
    /// It looked, and told of problems.
    ProblemsFound,
}

/// A subcommand that could not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration has these problems.
    Configuration(Problems),
    /// What was asked for does not exist or makes no sense.
    Usage(EngineError),
    /// It failed.
    Failed(EngineError),
    /// Whoever read the output has seen enough.
    ReaderGone,
}

impl Failure {
    /// The failure of a request: one that makes no sense is not a failure of the one who answers.
    pub(crate) fn of_request(error: EngineError) -> Self {
        match error.kind {
            ErrorKind::Invalid | ErrorKind::NotFound => Failure::Usage(error),
            _ => Failure::Failed(error),
        }
    }

    /// A failure to write to standard output.
    pub(crate) fn of_output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::ReaderGone;
        }
        Failure::Failed(EngineError::new(
            ErrorKind::Unavailable,
            format!("cannot write to standard output: {error}"),
            "",
        ))
    }

    fn show(&self) {
        match self {
            Failure::Configuration(problems) => {
                let problems: Vec<String> = problems.iter().map(shown).collect();
                super::tell(problems.join("\n").trim_end());
            }
            Failure::Usage(error) | Failure::Failed(error) => super::tell(shown(&Plain(error)).trim_end()),
            Failure::ReaderGone => {}
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Failure::Configuration(problems)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::Failed(error)
    }
}

/// Tells of a failure on standard error, and gives the exit code.
pub(crate) fn exit_code(result: &Result<Outcome, Failure>) -> ExitCode {
    if let Err(failure) = result {
        failure.show();
    }
    ExitCode::from(match result {
        Ok(Outcome::Done) | Err(Failure::ReaderGone) => 0,
        Err(Failure::Failed(_)) | Ok(Outcome::ProblemsFound) => 1,
        Err(Failure::Configuration(_) | Failure::Usage(_)) => 2,
        Ok(Outcome::BreaksRemain) => 3,
    })
}

fn shown(diagnostic: &dyn Diagnostic) -> String {
    let theme = if is_colored() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(120);
    if handler.render_report(&mut text, diagnostic).is_err() {
        text = diagnostic.to_string();
    }
    format!("{}\n", text.trim_end())
}

/// Whether standard error is a terminal that wants colors.
pub(crate) fn is_colored() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An error that has no place in a file.
#[derive(Debug)]
struct Plain<'a>(&'a EngineError);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)
    }
}

impl std::error::Error for Plain<'_> {}

impl Diagnostic for Plain<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.0.help.is_empty()).then(|| Box::new(&self.0.help) as Box<dyn fmt::Display + 'a>)
    }
}
