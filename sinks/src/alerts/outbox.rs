//! The outbox: what is to be sent, what satisfies a condition, and how far each alert has followed its view. One file in the
//! data folder; what belongs together becomes durable in one transaction.

use std::collections::BTreeMap;
use std::path::Path;

use engine::{EngineError, ErrorKind, Tick};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::alert::{Letter, Standing};

/// The name of the file.
const FILE_NAME: &str = "alerts.redb";

/// The format of the file. One of a later one is refused.
const FORMAT: u64 = 1;

/// How many letters may wait before no more ticks are taken.
const WAITING_MAX: u64 = 100_000;

/// How long a letter is kept after it was dealt with, and how many of a channel are.
const KEPT_SECONDS: u64 = 7 * 24 * 3600;
const KEPT_MAX: u64 = 100_000;

/// How many are let go of each time that another is dealt with, at most.
const PRUNED_MAX: usize = 16;

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// By alert: its definition, and every change before which tick is in the outbox.
const FRONTIERS: TableDefinition<&str, (&str, u64)> = TableDefinition::new("frontiers");
/// By alert and key of the row.
const STANDING: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("standing");
/// By channel: the number of its next letter.
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");
/// By channel and number.
const WAITING: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("waiting");
/// By channel: how many that are dead are kept.
const DEAD: TableDefinition<&str, u64> = TableDefinition::new("dead");
/// By channel and number: when it was dealt with, whether it is dead, and the letter.
const DONE: TableDefinition<(&str, u64), (u64, bool, &[u8])> = TableDefinition::new("done");

/// The outbox of a data folder.
pub(super) struct Outbox {
    database: Database,
    changed: watch::Sender<u64>,
    pub(super) waiting_max: u64,
}

/// What one alert makes of some ticks.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What has changed of the rows that satisfy the condition: by key, `None` where none does any more.
    pub(super) standing: BTreeMap<String, Option<Standing>>,
    /// What is to be sent, in order.
    pub(super) letters: Vec<Letter>,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was taken.
    Sent,
    /// It was given up.
    Dead,
}

impl Outbox {
    /// Opens the outbox of a data folder, or makes it.
    pub(super) fn open(data: &Path) -> Result<Outbox, EngineError> {
        let path = data.join(FILE_NAME);
        let database = Database::create(&path).map_err(|error| failed(&error))?;
        let outbox = Outbox { database, changed: watch::channel(0).0, waiting_max: WAITING_MAX };
        let write = outbox.database.begin_write().map_err(|error| failed(&error))?;
        let format = prepare(&write).map_err(|error| failed(&*error))?;
        if format > FORMAT {
            let what = format!("{} is of format {format}, and this version knows format {FORMAT}", path.display());
            return Err(EngineError::new(
                ErrorKind::Damaged,
                what,
                "use the version of tieout that wrote it, or a newer one",
            ));
        }
        write.commit().map_err(|error| failed(&error))?;
        Ok(outbox)
    }

    /// Tells whenever something is put in it.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Every change before which tick is in the outbox, as long as the alert is defined as it was.
    pub(super) fn frontier(&self, alert: &str, definition: &str) -> Result<Option<Tick>, EngineError> {
        let read = || -> Result<_, Failure> {
            let found = self.database.begin_read()?.open_table(FRONTIERS)?.get(alert)?;
            Ok(found.map(|found| (found.value().0.to_owned(), found.value().1)))
        };
        let found = read().map_err(|error| failed(&*error))?;
        Ok(found.filter(|(then, _)| then == definition).map(|(_, frontier)| frontier))
    }

    /// Whether an alert has ever followed its view, however it was defined then.
    pub(super) fn has_begun(&self, alert: &str) -> Result<bool, EngineError> {
        let read =
            || -> Result<_, Failure> { Ok(self.database.begin_read()?.open_table(FRONTIERS)?.get(alert)?.is_some()) };
        read().map_err(|error| failed(&*error))
    }

    /// The row that satisfies the condition under a key.
    pub(super) fn standing(&self, alert: &str, key: &str) -> Result<Option<Standing>, EngineError> {
        let read = || -> Result<_, Failure> {
            let found = self.database.begin_read()?.open_table(STANDING)?.get((alert, key))?;
            found.map(|found| parsed(found.value())).transpose()
        };
        read().map_err(|error| failed(&*error))
    }

    /// The keys of all rows that satisfy the condition.
    pub(super) fn standing_keys(&self, alert: &str) -> Result<Vec<String>, EngineError> {
        let read = || -> Result<_, Failure> {
            let table = self.database.begin_read()?.open_table(STANDING)?;
            let mut keys = Vec::new();
            for entry in table.range((alert, "")..)? {
                let (place, _) = entry?;
                if place.value().0 != alert {
                    break;
                }
                keys.push(place.value().1.to_owned());
            }
            Ok(keys)
        };
        read().map_err(|error| failed(&*error))
    }

    /// Puts in what an alert makes of some ticks, for each of its channels, and how far that reaches: in one step.
    pub(super) fn put(
        &self,
        alert: &str,
        definition: &str,
        channels: &[String],
        outcome: &Outcome,
        frontier: Tick,
    ) -> Result<(), EngineError> {
        let put = || -> Result<(), Failure> {
            let write = self.database.begin_write()?;
            {
                let mut standing = write.open_table(STANDING)?;
                for (key, row) in &outcome.standing {
                    match row {
                        Some(row) => drop(standing.insert((alert, key.as_str()), bytes(row)?.as_slice())?),
                        None => drop(standing.remove((alert, key.as_str()))?),
                    }
                }
                let mut numbers = write.open_table(NUMBERS)?;
                let mut waiting = write.open_table(WAITING)?;
                for channel in channels.iter().filter(|_| !outcome.letters.is_empty()) {
                    let first = numbers.get(channel.as_str())?.map_or(0, |number| number.value());
                    for (number, letter) in (first..).zip(&outcome.letters) {
                        waiting.insert((channel.as_str(), number), bytes(letter)?.as_slice())?;
                    }
                    numbers.insert(channel.as_str(), first + outcome.letters.len() as u64)?;
                }
                write.open_table(FRONTIERS)?.insert(alert, (definition, frontier))?;
            }
            crash_point!("outbox.unwritten");
            Ok(write.commit()?)
        };
        put().map_err(|error| failed(&*error))?;
        crash_point!("outbox.written");
        self.changed.send_modify(|version| *version += 1);
        Ok(())
    }

    /// How many letters there have been for a channel: the number of the next.
    pub(super) fn next_number(&self, channel: &str) -> Result<u64, EngineError> {
        let read = || -> Result<_, Failure> {
            Ok(self.database.begin_read()?.open_table(NUMBERS)?.get(channel)?.map_or(0, |number| number.value()))
        };
        read().map_err(|error| failed(&*error))
    }

    /// The first letters that wait for a channel, with their numbers.
    pub(super) fn waiting(&self, channel: &str, at_most: usize) -> Result<Vec<(u64, Letter)>, EngineError> {
        let read = || -> Result<_, Failure> {
            let table = self.database.begin_read()?.open_table(WAITING)?;
            let mut letters = Vec::new();
            for entry in table.range((channel, 0)..=(channel, u64::MAX))?.take(at_most) {
                let (place, letter) = entry?;
                letters.push((place.value().1, parsed(letter.value())?));
            }
            Ok(letters)
        };
        read().map_err(|error| failed(&*error))
    }

    /// Every change before which tick has been sent to a channel by all of these alerts, if nothing waits for it: without
    /// alerts, before any.
    pub(super) fn sent_before(&self, channel: &str, alerts: &[String]) -> Result<Option<Tick>, EngineError> {
        let read = || -> Result<_, Failure> {
            let read = self.database.begin_read()?;
            let waits = read.open_table(WAITING)?.range((channel, 0)..=(channel, u64::MAX))?.next().is_some();
            let frontiers = read.open_table(FRONTIERS)?;
            let mut sent = Tick::MAX;
            for alert in alerts {
                sent = sent.min(frontiers.get(alert.as_str())?.map_or(0, |found| found.value().1));
            }
            Ok((!waits).then_some(sent))
        };
        read().map_err(|error| failed(&*error))
    }

    /// Says what became of letters, and lets go of old ones.
    pub(super) fn done(&self, channel: &str, fates: &[(u64, Fate)], now_seconds: u64) -> Result<(), EngineError> {
        let done = || -> Result<(), Failure> {
            let write = self.database.begin_write()?;
            {
                let (mut waiting, mut done) = (write.open_table(WAITING)?, write.open_table(DONE)?);
                let mut dead = 0;
                for (number, fate) in fates {
                    let Some(letter) = waiting.remove((channel, *number))? else { continue };
                    dead += u64::from(*fate == Fate::Dead);
                    done.insert((channel, *number), (now_seconds, *fate == Fate::Dead, letter.value()))?;
                }
                let last = fates.last().map_or(0, |(number, _)| *number);
                let gone = prune(&mut done, channel, last, now_seconds, fates.len() + PRUNED_MAX)?;
                let mut counts = write.open_table(DEAD)?;
                let count = counts.get(channel)?.map_or(0, |count| count.value()) + dead;
                counts.insert(channel, count.saturating_sub(gone))?;
            }
            Ok(write.commit()?)
        };
        done().map_err(|error| failed(&*error))
    }

    /// By channel: how many letters wait for it, and how many that are dead are kept.
    pub(super) fn counts(&self) -> Result<BTreeMap<String, (u64, u64)>, EngineError> {
        let read = || -> Result<_, Failure> {
            let read = self.database.begin_read()?;
            let (waiting, dead) = (read.open_table(WAITING)?, read.open_table(DEAD)?);
            let mut counts = BTreeMap::new();
            for entry in read.open_table(NUMBERS)?.iter()? {
                let (channel, next) = entry?;
                let channel = channel.value();
                // They are dealt with in order, so what waits has the last numbers.
                let first = waiting.range((channel, 0)..=(channel, u64::MAX))?.next().transpose()?;
                let waiting = first.map_or(0, |(place, _)| next.value() - place.value().1);
                let dead = dead.get(channel)?.map_or(0, |count| count.value());
                counts.insert(channel.to_owned(), (waiting, dead));
            }
            Ok(counts)
        };
        read().map_err(|error| failed(&*error))
    }

    /// How many letters wait.
    pub(super) fn waiting_count(&self) -> Result<u64, EngineError> {
        use redb::ReadableTableMetadata;
        let read = || -> Result<_, Failure> { Ok(self.database.begin_read()?.open_table(WAITING)?.len()?) };
        read().map_err(|error| failed(&*error))
    }
}

/// Makes the tables, and gives the format of the file.
fn prepare(write: &redb::WriteTransaction) -> Result<u64, Failure> {
    write.open_table(FRONTIERS)?;
    write.open_table(STANDING)?;
    write.open_table(NUMBERS)?;
    write.open_table(WAITING)?;
    write.open_table(DONE)?;
    write.open_table(DEAD)?;
    let mut meta = write.open_table(META)?;
    let format = meta.get("format")?.map(|format| format.value());
    if format.is_none() {
        meta.insert("format", FORMAT)?;
    }
    Ok(format.unwrap_or(FORMAT))
}

/// Lets go of letters that were dealt with long ago; gives how many of them were dead.
fn prune(
    done: &mut redb::Table<'_, (&'static str, u64), (u64, bool, &'static [u8])>,
    channel: &str,
    last: u64,
    now_seconds: u64,
    at_most: usize,
) -> Result<u64, Failure> {
    let (mut old, mut dead) = (Vec::new(), 0);
    for entry in done.range((channel, 0)..=(channel, last))?.take(at_most) {
        let (place, kept) = entry?;
        let number = place.value().1;
        if kept.value().0 + KEPT_SECONDS > now_seconds && number + KEPT_MAX > last {
            break;
        }
        old.push(number);
        dead += u64::from(kept.value().1);
    }
    for number in old {
        done.remove((channel, number))?;
    }
    Ok(dead)
}

/// What the file may do wrong.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    Ok(serde_json::to_vec(value)?)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    Ok(serde_json::from_slice(bytes)?)
}

fn failed(error: &(dyn std::error::Error + 'static)) -> EngineError {
    let what = format!("the outbox of alerts ({FILE_NAME} in the data folder) fails: {error}");
    EngineError::new(ErrorKind::Unavailable, what, "look after the disk, then start again: nothing is lost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(range: std::ops::Range<u64>) -> Vec<Letter> {
        range.map(|n| Letter { id: n.to_string(), key: String::new(), body: "{}".into(), put_seconds: 1 }).collect()
    }

    fn ids(waiting: Vec<(u64, Letter)>) -> Vec<String> {
        waiting.into_iter().map(|(_, letter)| letter.id).collect()
    }

    #[test]
    fn letters_wait_for_each_channel_in_order_until_they_are_dealt_with() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path()).unwrap();
        let channels = ["one".to_owned(), "other".to_owned()];
        let outcome = |range| Outcome { letters: letters(range), ..Outcome::default() };
        outbox.put("alert", "as it is", &channels, &outcome(0..2), 10).unwrap();
        outbox.put("alert", "as it is", &channels[..1], &outcome(2..3), 20).unwrap();
        assert_eq!(ids(outbox.waiting("one", 9).unwrap()), ["0", "1", "2"]);
        assert_eq!(ids(outbox.waiting("other", 9).unwrap()), ["0", "1"]);
        outbox.done("one", &[(0, Fate::Sent), (1, Fate::Dead)], 1).unwrap();
        drop(outbox);
        let outbox = Outbox::open(folder.path()).unwrap();
        assert_eq!(ids(outbox.waiting("one", 9).unwrap()), ["2"]);
        let counts = outbox.counts().unwrap();
        assert_eq!((counts["one"], counts["other"]), ((1, 1), (2, 0)));
        assert_eq!(outbox.sent_before("one", &["alert".into()]).unwrap(), None);
        outbox.done("one", &[(2, Fate::Sent)], 1).unwrap();
        assert_eq!(outbox.sent_before("one", &["alert".into()]).unwrap(), Some(20));
        assert_eq!(outbox.sent_before("one", &["alert".into(), "new".into()]).unwrap(), Some(0));
        assert_eq!(outbox.frontier("alert", "as it is").unwrap(), Some(20));
        assert_eq!(outbox.frontier("alert", "otherwise").unwrap(), None);
    }

    #[test]
    fn what_was_dealt_with_long_ago_is_let_go_of() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path()).unwrap();
        let outcome = Outcome { letters: letters(0..3), ..Outcome::default() };
        outbox.put("alert", "", &["one".into()], &outcome, 10).unwrap();
        let kept = || outbox.counts().unwrap().get("one").map_or(0, |(_, dead)| *dead);
        outbox.done("one", &[(0, Fate::Dead)], 1000).unwrap();
        outbox.done("one", &[(1, Fate::Dead)], 1000 + KEPT_SECONDS - 1).unwrap();
        assert_eq!(kept(), 2);
        outbox.done("one", &[(2, Fate::Dead)], 1000 + KEPT_SECONDS).unwrap();
        assert_eq!(kept(), 2, "the first is gone");
    }
}
