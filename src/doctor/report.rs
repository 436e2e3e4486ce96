//! What was found, for people or for programs.

use clap::ValueEnum;
use engine::{EngineError, ErrorKind};

use super::amounts::count;
use super::finding::{Finding, Status};

/// How it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Lines for people, with what to do under what is not as it should be.
    #[default]
    Table,
    /// One JSON list of objects.
    Json,
}

/// The report of these findings.
pub(crate) fn report(findings: &[Finding], format: ReportFormat) -> Result<String, EngineError> {
    match format {
        ReportFormat::Table => Ok(table(findings)),
        ReportFormat::Json => match serde_json::to_string_pretty(findings) {
            Ok(text) => Ok(text + "\n"),
            Err(error) => Err(EngineError::new(ErrorKind::Invalid, format!("cannot write JSON: {error}"), "")),
        },
    }
}

fn table(findings: &[Finding]) -> String {
    let width = |of: fn(&Finding) -> &str| findings.iter().map(|finding| of(finding).chars().count()).max();
    let checks = width(|finding| finding.check).unwrap_or(0);
    let mut text = String::new();
    for Finding { status, check, about, what, help } in findings {
        let about = if about.is_empty() { String::new() } else { format!("{about}: ") };
        text.push_str(&format!("{:<7}  {check:<checks$}  {about}{what}\n", status.name()));
        if !help.is_empty() {
            text.push_str(&format!("{:<7}  {:<checks$}  help: {help}\n", "", ""));
        }
    }
    let number = |status| findings.iter().filter(|finding| finding.status == status).count() as u64;
    let (problems, warnings) = (number(Status::Problem), number(Status::Warning));
    text.push_str(&format!("\n{}, {}\n", count(problems, "problem"), count(warnings, "warning")));
    text
}
