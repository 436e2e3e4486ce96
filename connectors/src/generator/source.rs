//! The source that plays a generated day: as fast as the market was, some times faster, or as fast as it is read.
//!
//! The name of its only partition is everything that the records depend on, as JSON. So whoever knows the name can make
//! the records again, from any offset, and nothing has to be kept of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::source::BATCH_ROWS_MAX;
use engine::{Archive, Batch, EngineError, ErrorKind, Event, Key, Source, SourceContext, SourceReader};
use model::{Dictionary, Record, SourceId};
use serde::{Deserialize, Serialize};

use super::day::{Day, Message};
use super::market::OPEN;
use super::spec::{DaySpec, SIDE_NAMES};
use super::story::Kind;
use crate::ConfigError;
use crate::layout::{RecordKind, Scope};

/// Which rules turn a specification into records. Another number must be used when equal specifications would give
/// other records than before, so that a partition that was read under older rules is not replayed under newer ones.
pub const GENERATION: u32 = 1;

const WAIT_MIN: Duration = Duration::from_millis(1);
/// How many records are read at a time when they are read again.
const REPLAY_ROWS: usize = 8192;

/// The configuration of a source that is generated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorConfig {
    /// Whose records: `internal`, `broker` or `custodian`.
    pub side: String,
    /// Trades or allocations.
    #[serde(default)]
    pub record: RecordKind,
    /// How many times faster than the market; 0 for no waiting at all.
    #[serde(default = "real_time")]
    pub speed: u32,
    /// The day. Sources of one day must have the same.
    #[serde(default)]
    pub day: DaySpec,
}

fn real_time() -> u32 {
    1
}

/// What the records of a partition depend on. Its JSON is the name of the partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recipe {
    generation: u32,
    side: u8,
    record: RecordKind,
    day: DaySpec,
}

/// Plays one kind of record of one side of a generated day.
pub struct GeneratorSource {
    name: String,
    source: SourceId,
    dictionary: Dictionary,
    recipe: Recipe,
    partition: Arc<str>,
    speed: u32,
}

impl GeneratorSource {
    /// A source that is generated as `config` says.
    pub fn new(config: &GeneratorConfig, scope: &Scope<'_>) -> Result<GeneratorSource, ConfigError> {
        let key = |setting: &str| format!("source.{}.{setting}", scope.name);
        config.day.check().map_err(|error| ConfigError::new(key("day"), error.what, error.help))?;
        let sides = SIDE_NAMES.into_iter().take(config.day.sides.into());
        let Some(side) = sides.clone().position(|name| name == config.side) else {
            return Err(ConfigError::unknown(key("side"), "side", &config.side, sides));
        };
        if !matches!(config.record, RecordKind::Trade | RecordKind::Allocation) {
            let what = format!("no records of the kind `{}` are generated", config.record.name());
            return Err(ConfigError::new(key("record"), what, "use `trade` or `allocation`"));
        }
        let recipe =
            Recipe { generation: GENERATION, side: side as u8, record: config.record, day: config.day.clone() };
        let partition =
            serde_json::to_string(&recipe).map_err(|error| ConfigError::new(key("day"), error.to_string(), ""))?;
        Ok(GeneratorSource {
            name: scope.name.to_owned(),
            source: scope.source,
            dictionary: scope.dictionary.clone(),
            recipe,
            partition: partition.into(),
            speed: config.speed,
        })
    }

    /// The only partition that it gives.
    pub fn partition(&self) -> &Arc<str> {
        &self.partition
    }

    fn reader(&self, recipe: &Recipe, partition: Arc<str>, from: u64) -> Result<GeneratorReader, EngineError> {
        let day = Day::new(&recipe.day, &self.dictionary)?;
        let mut day = day.of_side(recipe.side, recipe.record, self.source);
        day.skip_messages(from);
        Ok(GeneratorReader { day, partition, offset: from })
    }
}

impl Source<Record> for GeneratorSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(
        &self,
        partition: &str,
        from: u64,
        _archive: &Archive,
    ) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        let recipe = read_recipe(partition)?;
        Ok(Box::new(self.reader(&recipe, partition.into(), from)?))
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        let from = context.positions.get(&self.partition).copied().unwrap_or(0);
        let mut reader = self.reader(&self.recipe, self.partition.clone(), from)?;
        let Some(next_at) = reader.day.next_at() else { return Ok(()) };
        let clock = MarketClock::start(if from == 0 { OPEN } else { next_at }, self.speed);
        while let Some(next_at) = reader.day.next_at() {
            let now = clock.micros_of_day();
            let rest = if next_at > now { clock.time_until(next_at).max(WAIT_MIN) } else { Duration::ZERO };
            if context.stop.wait(rest) {
                return Ok(());
            }
            if !rest.is_zero() {
                continue;
            }
            match context.outlet.send(reader.read_until(now, BATCH_ROWS_MAX)) {
                Err(error) if error.kind == ErrorKind::Stopped => return Ok(()),
                sent => sent?,
            }
        }
        Ok(())
    }
}

fn read_recipe(partition: &str) -> Result<Recipe, EngineError> {
    let refused = |what: String| {
        EngineError::new(ErrorKind::Invalid, what, "restore the configuration and program that wrote it")
    };
    let recipe: Recipe = serde_json::from_str(partition)
        .map_err(|error| refused(format!("the partition `{partition}` is not that of a generated day: {error}")))?;
    if recipe.generation != GENERATION {
        let what =
            format!("a generated day was read under rules {}, this program has rules {GENERATION}", recipe.generation);
        return Err(refused(what));
    }
    Ok(recipe)
}

/// The time of day in the market.
struct MarketClock {
    from: u64,
    started: Instant,
    speed: u32,
}

impl MarketClock {
    fn start(from: u64, speed: u32) -> MarketClock {
        MarketClock { from, started: Instant::now(), speed }
    }

    fn micros_of_day(&self) -> u64 {
        match self.speed {
            0 => u64::MAX,
            speed => self.from + self.started.elapsed().as_micros() as u64 * u64::from(speed),
        }
    }

    fn time_until(&self, at: u64) -> Duration {
        let market_micros = at.saturating_sub(self.micros_of_day());
        Duration::from_micros(market_micros / u64::from(self.speed.max(1)))
    }
}

/// Makes the records of a partition.
struct GeneratorReader {
    day: Day,
    partition: Arc<str>,
    /// The offset of the next record.
    offset: u64,
}

impl GeneratorReader {
    /// The records that arrive up to a microsecond of the day.
    fn read_until(&mut self, micros_of_day: u64, rows_max: usize) -> Batch<Record> {
        let mut events = Vec::new();
        while events.len() < rows_max && self.day.next_at().is_some_and(|at| at <= micros_of_day) {
            let Some(message) = self.day.next() else { break };
            events.push(event(message, self.offset));
            self.offset += 1;
        }
        Batch { partition: self.partition.clone(), upper: self.offset, events, refusals: Vec::new(), continues: false }
    }
}

impl SourceReader<Record> for GeneratorReader {
    fn next(&mut self) -> Result<Option<Batch<Record>>, EngineError> {
        let batch = self.read_until(u64::MAX, REPLAY_ROWS);
        Ok((!batch.events.is_empty()).then_some(batch))
    }
}

fn event(message: Message, offset: u64) -> Event<Record> {
    let Message { kind, record, .. } = message;
    let (key, member) = (Key::from_bytes(record.key().bytes()), record.member());
    Event { key, member, offset, record: (kind != Kind::Cancel).then_some(record) }
}
