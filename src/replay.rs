//! `tieout replay`: what there was, as one tick.

use std::cell::Cell;
use std::path::PathBuf;

use clap::Args;
use connectors::kafka::StartAt;
use connectors::{SourceConfig, Span};
use engine::backfill::Ticks;
use engine::{Backfill, EngineError, ErrorKind, Reader, Tick};
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;
use crate::output;
use crate::process::{Failure, Outcome, Service, Stopping, block_on, gathered, tell};
use crate::query::moment_of;
use crate::run::Overrides;
use crate::summary::{Summary, ViewRows};

const EXAMPLES: &str = "\
All that is read becomes one tick. Nothing of it is shown, sent or written before all of it is there: a break that only says
that another topic was still being read is never seen. When it is done, `tieout run` goes on from there.

What is read: the messages of Kafka from --from, up to but not including --to; the files that there are; a generated day.
A replay that is stopped or killed goes on where it was when it is run again, and until then `tieout run` is refused.

--from and --to are `earliest`, `latest`, a date (its beginning in UTC), a time, or offsets by topic/partition. Without --from
it is where the data folder has come to, or where `from` of the source says if the folder is new; without --to it is the end.

With --of it is the ticks of another data folder, up to and including --to, which is then a tick or a time: what was pushed,
files and topics, read as this configuration says. That folder must not be in use.

Examples:
  tieout replay tieout.toml                                         what has come since it was stopped
  tieout replay tieout.toml --from 2026-03-01 --to 2026-03-16
  tieout replay tieout.toml --from trades/0=1000,trades/1=980
  tieout replay mended.toml --of /var/lib/tieout --data /var/lib/mended --to 2026-03-16T17:00:00Z";

/// Replays what sources had, or the ticks of another data folder, as one tick
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Replay {
    /// The configuration file, or a folder with a tieout.toml
    config: PathBuf,
    /// Where it begins
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// Where it ends, itself not included
    #[arg(long, value_name = "WHERE")]
    to: Option<String>,
    /// Replay the ticks of this data folder instead of reading the sources
    #[arg(long, value_name = "FOLDER", conflicts_with = "from")]
    of: Option<PathBuf>,
    /// The folder of the durable state
    #[arg(long, env = "TIEOUT_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How many threads share the work [default: 1]
    #[arg(long, env = "TIEOUT_WORKERS", value_name = "THREADS", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
}

impl Replay {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let (span, backfill) = self.asked()?;
        let mut config = Config::load_part(&self.config, Some(&span))?;
        refuse_in_vain(&config, self.from.is_some() || (self.to.is_some() && self.of.is_none()))?;
        for moment in [&span.from, &span.until].into_iter().flatten() {
            refuse_unread_topics(&config, moment)?;
        }
        Overrides { data: self.data, listen: None, workers: self.workers }.apply(&mut config.settings);
        block_on(replay(config, backfill))
    }

    /// The part of the sources that is read, and what the engine is told of it.
    fn asked(&self) -> Result<(Span, Backfill), Failure> {
        let asked = [("--of", self.of.as_ref().map(|of| of.display().to_string()))]
            .into_iter()
            .chain([("--from", self.from.clone()), ("--to", self.to.clone())])
            .filter_map(|(option, value)| Some(format!("{option} {}", value?)))
            .collect::<Vec<_>>();
        let asked = if asked.is_empty() { "without --from and --to".to_owned() } else { asked.join(" ") };
        let begins = self.from.is_some() || self.of.is_some();
        let Some(data) = self.of.clone() else {
            let from = self.from.as_deref().map(|from| place("--from", from)).transpose()?;
            let until = self.to.as_deref().map(|to| place("--to", to)).transpose()?;
            if until == Some(StartAt::Earliest) {
                return Err(usage("nothing ends before it begins", "--to is `latest`, a date, a time, or offsets"));
            }
            return Ok((Span { from, until }, Backfill { asked, begins, ticks: None }));
        };
        let upto = self.to.as_deref().map(tick).transpose()?;
        let span = Span { from: None, until: None };
        Ok((span, Backfill { asked, begins, ticks: Some(Ticks { data, upto }) }))
    }
}

/// A place in topics.
fn place(option: &str, text: &str) -> Result<StartAt, Failure> {
    match text {
        "earliest" => return Ok(StartAt::Earliest),
        "latest" | "now" => return Ok(StartAt::Latest),
        _ => {}
    }
    if let Some(time) = time(text) {
        return Ok(StartAt::Time(time));
    }
    let offset = |part: &str| {
        let (partition, offset) = part.trim().split_once('=')?;
        let (topic, number) = partition.rsplit_once('/')?;
        number.parse::<i32>().ok().filter(|number| *number >= 0 && !topic.is_empty())?;
        Some((partition.to_owned(), offset.parse().ok()?))
    };
    let offsets = text.split(',').map(offset).collect::<Option<_>>();
    offsets.map(StartAt::Offsets).ok_or_else(|| {
        let help = "write `earliest`, `latest`, a date such as 2026-03-16, a time such as 2026-03-16T09:30:00Z, \
                    or offsets such as trades/0=1000,trades/1=980";
        usage(&format!("{option} `{text}` is no place in a topic"), help)
    })
}

/// A time, or the beginning of a date in UTC.
fn time(text: &str) -> Option<jiff::Timestamp> {
    let of_date =
        |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|midnight| midnight.timestamp());
    text.parse().ok().or_else(|| text.parse().ok().and_then(of_date))
}

/// A tick, as a number or as the time that it is.
fn tick(text: &str) -> Result<Tick, Failure> {
    let of_time = |time: jiff::Timestamp| Tick::try_from(time.as_microsecond()).ok();
    text.parse().ok().or_else(|| time(text).and_then(of_time)).ok_or_else(|| {
        let help = "write a tick, or a time such as 2026-03-16T17:00:00Z";
        usage(&format!("--to `{text}` is no tick"), help)
    })
}

/// Only topics have places to begin and to end.
fn refuse_in_vain(config: &Config, is_place_given: bool) -> Result<(), Failure> {
    let is_kafka = |(_, source): &(_, SourceConfig)| matches!(source, SourceConfig::Kafka(_));
    if !is_place_given || config.source_configs.iter().any(is_kafka) {
        return Ok(());
    }
    let help = "leave out --from and --to: files are read whole, and so is a generated day";
    Err(usage("no source of the configuration has offsets or times to begin or end with", help))
}

/// A topic that no source reads was mistyped.
fn refuse_unread_topics(config: &Config, moment: &StartAt) -> Result<(), Failure> {
    let StartAt::Offsets(offsets) = moment else { return Ok(()) };
    let is_read = |topic: &str| {
        config
            .source_configs
            .iter()
            .any(|(_, source)| matches!(source, SourceConfig::Kafka(kafka) if kafka.reads(topic)))
    };
    let topics = offsets.keys().filter_map(|partition| Some(partition.rsplit_once('/')?.0));
    let Some(unread) = topics.into_iter().find(|topic| !is_read(topic)) else { return Ok(()) };
    Err(usage(&format!("no source reads the topic `{unread}`"), "name a topic of the configuration"))
}

fn usage(what: &str, help: &str) -> Failure {
    Failure::Usage(EngineError::new(ErrorKind::Invalid, what, help))
}

async fn replay(config: Config, backfill: Backfill) -> Result<Outcome, Failure> {
    let mut stopping = Stopping::listen()?;
    let mut service = tokio::select! {
        started = Service::start(config, None, None, Some(backfill)) => started?,
        asked = stopping.asked() => return asked.map_err(Failure::from).and_then(|()| stopped(false)),
    };
    let (reader, sinks) = (service.reader().clone(), service.sinks());
    let is_whole = Cell::new(false);
    let work = async {
        reader.status().ready().await?;
        let tick = with_bar(&reader, complete(&reader)).await?;
        reader.reached(tick).await;
        is_whole.set(true);
        sinks.reached(tick).await?;
        let summary = Summary::read(&reader).await?;
        output::print(&summary.to_string())?;
        let records = records_of(&reader, tick).await?;
        tell(format_args!("{records} records replayed as tick {tick}, {}", moment_of(tick)));
        Ok(if summary.breaks() > 0 { Outcome::BreaksRemain } else { Outcome::Done })
    };
    let result = tokio::select! {
        result = work => result,
        error = service.failed() => {
            service.abandon();
            return Err(error.into());
        }
        asked = stopping.asked() => asked.map_err(Failure::from).and_then(|()| stopped(is_whole.get())),
    };
    service.stop().await?;
    result
}

/// Waits for some work, and meanwhile shows on a terminal how far it is.
async fn with_bar<T>(reader: &Reader, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    // Drawn on standard error, if that is a terminal.
    let bar = ProgressBar::no_length();
    bar.set_style(ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar()));
    tokio::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => {
                bar.finish_and_clear();
                return result;
            }
            () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {
                let (read, left) = (records(reader), gathered(reader, "tieout_source_lag_records"));
                if left > 0 {
                    bar.set_length(read + left);
                }
                bar.set_position(read);
            }
        }
    }
}

const BAR: &str = "{bar:40} {human_pos} of {human_len} records, {per_sec}, {eta} left";

/// How many records came with a tick.
async fn records_of(reader: &Reader, tick: Tick) -> Result<u64, EngineError> {
    let total = async |as_of| Ok(ViewRows::read(reader, "source_progress", Some(as_of)).await?.1.sum("records"));
    let before = match total(tick - 1).await {
        // There is nothing before the first tick.
        Err(EngineError { kind: ErrorKind::Compacted, .. }) => 0,
        total => total?,
    };
    Ok(total(tick).await? - before)
}

/// How many records have come so far, those that were refused among them.
fn records(reader: &Reader) -> u64 {
    gathered(reader, "tieout_source_records_total") + gathered(reader, "tieout_source_refused_total")
}

/// Waits until all of it is there, or a source or a sink has failed.
async fn complete(reader: &Reader) -> Result<Tick, EngineError> {
    tokio::select! {
        complete = reader.status().complete() => complete,
        error = reader.status().part_failed() => Err(error),
    }
}

fn stopped(is_whole: bool) -> Result<Outcome, Failure> {
    let (what, help) = if is_whole {
        ("all of it is there and shown, but sinks had not written all of it", "`tieout run` goes on from there")
    } else {
        (
            "stopped before all of it was there, so nothing of it is shown",
            "run the same replay again: it goes on where it was",
        )
    };
    Err(EngineError::new(ErrorKind::Stopped, what, help).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_words_dates_times_and_offsets() {
        let time = |text: &str| StartAt::Time(text.parse().unwrap());
        for (text, expected) in [
            ("earliest", StartAt::Earliest),
            ("now", StartAt::Latest),
            ("2026-03-16", time("2026-03-16T00:00:00Z")),
            ("2026-03-16T09:30:00+01:00", time("2026-03-16T08:30:00Z")),
            ("trades/0=7, a-b/12=0", StartAt::Offsets([("trades/0".into(), 7), ("a-b/12".into(), 0)].into())),
        ] {
            assert_eq!(place("--from", text).ok(), Some(expected), "{text}");
        }
        for wrong in ["", "yesterday", "2026-13-01", "trades=7", "trades/0", "trades/-1=7", "trades/0=-7", "/0=1"] {
            assert!(place("--from", wrong).is_err(), "{wrong}");
        }
        assert_eq!(tick("1789000000000000").ok(), Some(1_789_000_000_000_000));
        assert_eq!(tick("1970-01-01T00:00:01Z").ok(), Some(1_000_000));
        assert!(tick("trades/0=7").is_err());
    }
}
