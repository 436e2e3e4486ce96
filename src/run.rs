//! `tieout run`: the engine, served.

use std::path::PathBuf;

use clap::Args;
use engine::cluster::ClusterConfig;
use engine::{EngineError, ErrorKind, Reader};
use sinks::flight::LISTEN_DEFAULT;
use sinks::running::Reached;

use crate::cluster::{Place, member};
use crate::config::{Config, Settings};
use crate::output;
use crate::process::{Failure, Outcome, Service, block_on, gathered, tell, with_status_line};
use crate::summary::Summary;

const EXAMPLES: &str = "\
Serves Arrow Flight, /metrics, /livez and /readyz on one port until it is stopped (Ctrl-C or SIGTERM) or a source or sink fails,
then finishes what it has taken. A second Ctrl-C ends it at once; nothing that was acknowledged is lost. Settings are taken from the command
line, else from the environment, else from the file.

With --until-complete it ends when every source has been read and every sink has written it, prints a summary, and tells by its exit code (3) whether
breaks remain; it is served then only if an address to listen on is set.

With --hosts and --process it is one process of several that share the work: process 0 has the data folder and serves, the
others have workers only. `tieout cluster` runs all of them on one machine.

Examples:
  tieout run tieout.toml
  tieout run examples/two-sides --until-complete
  tieout run tieout.toml --data /var/lib/tieout --workers 4
  tieout run tieout.toml --listen 0.0.0.0:8815       [access] must say who may do what
  tieout run tieout.toml --hosts hosts.txt --process 1 --workers 4";

/// Runs a configuration, and serves its views
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Run {
    /// The configuration file, or a folder with a tieout.toml
    config: PathBuf,
    /// End when every source has been read, with a summary
    #[arg(long)]
    until_complete: bool,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    place: Place,
}

/// Settings that win over those of the file.
#[derive(Args)]
pub(crate) struct Overrides {
    /// The folder of the durable state
    #[arg(long, env = "TIEOUT_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// The address and port to listen on; port 0 takes any free one [default: 127.0.0.1:8815]
    #[arg(long, env = "TIEOUT_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// How many threads share the work [default: 1]
    #[arg(long, env = "TIEOUT_WORKERS", value_name = "THREADS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,
}

impl Overrides {
    pub(crate) fn apply(self, settings: &mut Settings) {
        if let Some(data) = self.data {
            settings.data = data;
        }
        if let Some(workers) = self.workers {
            settings.workers = workers.into();
        }
        settings.listen = self.listen.or(settings.listen.take());
    }
}

impl Run {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let mut config = Config::load(&self.config)?;
        self.overrides.apply(&mut config.settings);
        let cluster = self.place.cluster(&config)?;
        if let Some(cluster) = cluster.clone().filter(|_| self.place.is_member()) {
            return block_on(member::serve(config, cluster, self.place));
        }
        if self.until_complete {
            refuse_endless(&config)?;
        } else {
            config.settings.listen.get_or_insert_with(|| LISTEN_DEFAULT.to_owned());
        }
        block_on(serve(config, self.until_complete, cluster, self.place))
    }
}

fn refuse_endless(config: &Config) -> Result<(), Failure> {
    let Some(source) = config.endless.first() else { return Ok(()) };
    let what = format!("source `{source}` goes on until it is stopped: the run would never be complete");
    let help =
        format!("run without --until-complete; or, if [source.{source}] is of files, leave out its `follow = true`");
    Err(Failure::Usage(EngineError::new(ErrorKind::Invalid, what, help)))
}

async fn serve(
    config: Config,
    until_complete: bool,
    cluster: Option<ClusterConfig>,
    place: Place,
) -> Result<Outcome, Failure> {
    let mut stopping = place.stopping()?;
    let listen = config.settings.listen.clone();
    let mut service = tokio::select! {
        started = Service::start(config, listen.as_deref(), cluster, None) => started?,
        asked = stopping.asked() => return asked.map_err(Failure::from).and_then(|()| stopped(until_complete)),
    };
    let (reader, sinks) = (service.reader().clone(), service.sinks());
    let address = service.address();
    let work = async {
        reader.status().ready().await?;
        if let Some(address) = address {
            tell(format_args!("listening on {address}"));
        }
        if until_complete { complete(&reader, &sinks).await } else { Err(reader.status().part_failed().await.into()) }
    };
    let result = tokio::select! {
        result = work => result,
        error = service.failed() => {
            service.abandon();
            return Err(error.into());
        }
        asked = stopping.asked() => asked.map_err(Failure::from).and_then(|()| stopped(until_complete)),
    };
    service.stop().await?;
    result
}

async fn complete(reader: &Reader, sinks: &Reached) -> Result<Outcome, Failure> {
    let read = with_status_line(reader.status().complete(), async || format!("{} records read", records_read(reader)));
    let tick = read.await?;
    reader.reached(tick).await;
    sinks.reached(tick).await?;
    let summary = Summary::read(reader).await?;
    output::print(&summary.to_string())?;
    Ok(if summary.breaks() > 0 { Outcome::BreaksRemain } else { Outcome::Done })
}

/// How many records have come so far; views show them once all that belongs to their tick is there.
fn records_read(reader: &Reader) -> u64 {
    gathered(reader, "tieout_source_records_total")
}

fn stopped(until_complete: bool) -> Result<Outcome, Failure> {
    if !until_complete {
        return Ok(Outcome::Done);
    }
    let what = "stopped before every source was read";
    Err(EngineError::new(ErrorKind::Stopped, what, "run it again: it goes on where it was stopped").into())
}
