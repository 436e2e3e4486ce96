//! `tieout demo`: a market day, invented and reconciled live, with nothing to install or configure.

mod books;
mod truth;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use connectors::generator::DaySpec;
use engine::{EngineError, ErrorKind, Reader};
use sinks::flight::LISTEN_DEFAULT;

use crate::config::Config;
use crate::output;
use crate::process::{Failure, Outcome, Service, Stopping, block_on, tell, with_status_line};
use crate::summary::Summary;

/// The configuration of the demo.
const DEMO: &str = include_str!("../../examples/demo.toml");

/// How many times faster than the market the demo runs: a day takes nine minutes.
const SPEED_DEFAULT: u32 = 60;

const EXAMPLES: &str = "\
Two sides tell the same day: late, corrected, cancelled, duplicated and one-sided trades among ten thousand clean ones.
Watch breaks come and go; then see that what remains is what was planted. Nothing is left behind.

Examples:
  tieout demo                    live, 60 times faster than the market
  tieout demo --speed 600 --trades 100000
  tieout demo --once             the whole day at once, checked against the truth
  tieout demo --pack books       portfolios over a year and a half, and what is told late about them";

/// Invents a market day and reconciles it live
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Demo {
    /// What is shown
    #[arg(long, value_enum, default_value_t = Pack::Day)]
    pack: Pack,
    /// Take the whole day as fast as it goes, check the result against the truth, and end
    #[arg(long)]
    once: bool,
    /// Another seed gives other trades
    #[arg(long, default_value_t = DaySpec::default().seed)]
    seed: u64,
    /// How many trades are agreed, of the pack `day` [default: 10000]
    #[arg(long)]
    trades: Option<u64>,
    /// How many times faster than the market, of the pack `day`; 0 for no waiting at all [default: 60; with --once 0]
    #[arg(long, value_name = "TIMES")]
    speed: Option<u32>,
    /// The address and port to listen on [default: 127.0.0.1:8815; with --once none]
    #[arg(long, env = "TIEOUT_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// The folder of the durable state; a temporary one if not given
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// What a demo shows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pack {
    /// A market day, told by two sides and reconciled
    Day,
    /// Portfolios over many days: positions, valuations, performance
    Books,
}

impl Demo {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        if self.pack == Pack::Books {
            return self.books();
        }
        let temporary =
            tempfile::tempdir().map_err(|error| EngineError::io("make a folder in", &std::env::temp_dir(), &error))?;
        let day =
            DaySpec { seed: self.seed, trades: self.trades.unwrap_or(DaySpec::default().trades), ..DaySpec::default() };
        let speed = self.speed.unwrap_or(if self.once { 0 } else { SPEED_DEFAULT });
        let mut config = Config::parse("examples/demo.toml", &configuration(&day, speed)?, Path::new(""))?;
        config.settings.data = self.data.unwrap_or_else(|| temporary.path().to_owned());
        let default = (!self.once).then(|| LISTEN_DEFAULT.to_owned());
        let listen = self.listen.or(default);
        block_on(serve(config, listen, self.once.then_some(day)))
    }

    fn books(self) -> Result<Outcome, Failure> {
        if self.trades.is_some() || self.speed.is_some() {
            let what = "the pack `books` has neither --trades nor --speed";
            return Err(Failure::of_request(EngineError::new(ErrorKind::Invalid, what, "leave them out")));
        }
        let default = (!self.once).then(|| LISTEN_DEFAULT.to_owned());
        books::show(self.seed, self.listen.or(default), self.data)
    }
}

/// The configuration of the demo for this day.
fn configuration(day: &DaySpec, speed: u32) -> Result<String, EngineError> {
    let unfit =
        |what: String| EngineError::new(ErrorKind::Invalid, format!("the demo cannot be configured: {what}"), "");
    let mut config: toml::Table = DEMO.parse().map_err(|error: toml::de::Error| unfit(error.to_string()))?;
    let day = toml::Table::try_from(day).map_err(|error| unfit(error.to_string()))?;
    let sources =
        config.get_mut("source").and_then(toml::Value::as_table_mut).into_iter().flat_map(|sources| sources.iter_mut());
    for source in sources.filter_map(|(_, source)| source.as_table_mut()) {
        source.insert("day".to_owned(), day.clone().into());
        source.insert("speed".to_owned(), i64::from(speed).into());
    }
    Ok(config.to_string())
}

/// Runs until the day is over and checked (`once`), or until it is stopped.
async fn serve(config: Config, listen: Option<String>, once: Option<DaySpec>) -> Result<Outcome, Failure> {
    let mut stopping = Stopping::listen()?;
    let mut service = Service::start(config, listen.as_deref(), None, None).await?;
    let reader = service.reader().clone();
    let address = service.address().map(|address| address.to_string());
    let work = async {
        reader.status().ready().await?;
        if let Some(address) = address {
            tell(format_args!("listening on {address}\n{}", what_to_try(&address)));
        }
        watch(&reader).await?;
        let summary = Summary::read(&reader).await?;
        output::print(&summary.to_string())?;
        match &once {
            Some(day) => truth::check(&reader, day, summary.tick()).await,
            None => {
                tell("the day is over; the views are served until you press Ctrl-C");
                std::future::pending().await
            }
        }
    };
    let result = tokio::select! {
        result = work => result,
        error = service.failed() => {
            service.abandon();
            return Err(error.into());
        }
        asked = stopping.asked() => asked.map(|()| Outcome::Done).map_err(Failure::from),
    };
    service.stop().await?;
    result
}

/// Shows how the day goes until it is over.
async fn watch(reader: &Reader) -> Result<(), EngineError> {
    let over = async {
        let tick = reader.status().complete().await?;
        reader.reached(tick).await;
        Ok(())
    };
    with_status_line(over, async || Summary::read(reader).await.map(|summary| summary.line()).unwrap_or_default()).await
}

fn what_to_try(address: &str) -> String {
    format!(
        r#"
In another terminal:

  tieout subscribe breaks --address {address}
  tieout query break_summary --address {address}
  curl http://{address}/metrics

Or from Python (pip install pyarrow):

  import json
  import pyarrow.flight as flight

  client = flight.connect("grpc://{address}")
  print(client.do_get(flight.Ticket(b"match_rates")).read_all().to_pandas())

  ticket = flight.Ticket(json.dumps({{"view": "breaks", "subscribe": True}}))
  for message in client.do_get(ticket):
      for row in message.data.to_pylist():
          print(row["_diff"], row["type"], row["trade_id"], row["left_value"], row["right_value"])
"#
    )
}
