//! `tieout cluster`: all processes of a cluster, on one machine, started together and started again together.

mod group;
pub(crate) mod member;
mod place;
mod restarts;

use std::path::PathBuf;

use clap::Args;
use engine::cluster::Hosts;
use engine::{EngineError, ErrorKind};

use crate::config::Config;
use crate::process::{Failure, LogFormat, Outcome, Stopping, block_on, tell};
use crate::run::Overrides;
use group::{Ended, Group};
use place::SecretFile;
use restarts::Restarts;

pub(crate) use place::Place;

const EXAMPLES: &str = "\
Starts `tieout run` once for each line of the hosts, and puts the number of the process before each line that it logs. When
one of them dies, the others stop too, and all are started again: nothing is lost, and nothing is there twice. When that
happens too often it gives up. When it is stopped (Ctrl-C or SIGTERM) it stops process 0, with which the others end.

On several machines a supervisor of each machine (systemd, Kubernetes) starts `tieout run --hosts --process` instead.

Examples:
  printf '127.0.0.1:7815\n127.0.0.1:7816\n' > hosts.txt
  tieout cluster tieout.toml --hosts hosts.txt --workers 2";

/// Runs all processes of a cluster on this machine, and starts them again when one dies
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Cluster {
    /// The configuration file, or a folder with a tieout.toml
    config: PathBuf,
    /// A file with the address and port of each process, one a line
    #[arg(long, env = "TIEOUT_HOSTS", value_name = "FILE")]
    hosts: PathBuf,
    /// End when every source has been read, with a summary
    #[arg(long)]
    until_complete: bool,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    secret: SecretFile,
}

impl Cluster {
    pub(crate) fn run(self, log_format: LogFormat) -> Result<Outcome, Failure> {
        // What is wrong here is told once, and not by each process.
        Config::load(&self.config)?;
        let hosts = Hosts::read(&self.hosts).map_err(Failure::Usage)?;
        block_on(self.supervise(hosts.len(), log_format))
    }

    async fn supervise(&self, processes: usize, log_format: LogFormat) -> Result<Outcome, Failure> {
        let mut stopping = Stopping::listen()?;
        let mut restarts = Restarts::default();
        loop {
            let mut group = Group::start(processes, log_format, |process| self.arguments(process))?;
            let ended = tokio::select! {
                ended = group.ended() => ended?,
                asked = stopping.asked() => {
                    asked?;
                    group.stop().await?
                }
            };
            let died = match ended {
                Ended::InOrder(outcome) => return Ok(outcome),
                Ended::Misused(process) => return Err(misused(process)),
                Ended::Died(died) => died,
            };
            group.end().await;
            let Some(pause) = restarts.pause_after(group.age()) else { return Err(given_up(&died)) };
            tell(format_args!("{died}; all processes start again in {:.1} seconds", pause.as_secs_f64()));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                asked = stopping.asked() => return Ok(asked.map(|()| Outcome::Done)?),
            }
        }
    }

    /// What process number `process` is started with.
    fn arguments(&self, process: usize) -> Vec<std::ffi::OsString> {
        let mut arguments: Vec<std::ffi::OsString> = vec!["run".into(), self.config.clone().into()];
        let mut add = |name: &str, value: std::ffi::OsString| arguments.extend([name.into(), value]);
        add("--hosts", self.hosts.clone().into());
        add("--process", process.to_string().into());
        let Overrides { data, listen, workers } = &self.overrides;
        data.iter().for_each(|data| add("--data", data.clone().into()));
        listen.iter().for_each(|listen| add("--listen", listen.into()));
        workers.iter().for_each(|workers| add("--workers", workers.to_string().into()));
        self.secret.secret_file.iter().for_each(|file| add("--secret-file", file.clone().into()));
        if self.until_complete && process == 0 {
            arguments.push("--until-complete".into());
        }
        arguments.push("--supervised".into());
        arguments
    }
}

fn misused(process: usize) -> Failure {
    let what = format!("process {process} cannot run as it is configured");
    Failure::Usage(EngineError::new(ErrorKind::Invalid, what, "it says why, above"))
}

fn given_up(died: &str) -> Failure {
    let what = format!("{died}; it has happened {} times, so they are not started again", restarts::DEATHS_MAX);
    EngineError::new(ErrorKind::Unavailable, what, "the log above says why; start it again once that is mended").into()
}
