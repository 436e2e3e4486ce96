//! `tieout health`: does a server live? For a supervisor that has nothing but this program.

use clap::Args;
use engine::{EngineError, ErrorKind};
use sinks::flight::LISTEN_DEFAULT;

use crate::doctor::server;
use crate::output;
use crate::process::{Failure, Outcome};

const EXAMPLES: &str = "\
Prints what the server answers, and ends with 0 if all is well, else with 1.

Examples:
  tieout health                          whether the server on this machine should live on
  tieout health --ready                  whether it has replayed its past, and can be read
  tieout health --listen 0.0.0.0:8815    the address as it is given to `tieout run`";

/// Asks a server on this machine whether it lives
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Health {
    /// Ask whether its views can be read, not only whether it lives
    #[arg(long)]
    ready: bool,
    /// The address that it listens on
    #[arg(long, env = "TIEOUT_LISTEN", value_name = "ADDRESS", default_value = LISTEN_DEFAULT)]
    listen: String,
}

impl Health {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let answer = server::ask(&self.listen, if self.ready { "/readyz" } else { "/livez" })?;
        if answer.is_success {
            output::print(&answer.text)?;
            return Ok(Outcome::Done);
        }
        let what = format!("the server at {} is not well: {}", self.listen, answer.text.trim());
        Err(EngineError::new(ErrorKind::Unavailable, what, "see its log, or ask `tieout doctor`").into())
    }
}
