//! Where records came from: told exactly, for any tick, whatever has been restarted, reconfigured or removed since.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod toy;

use std::collections::{BTreeMap, BTreeSet};

use engine::{Key, Origin, Tick};
use toy::{Clock, EVERY, Run};

fn key(number: u64) -> Key {
    Key::from_bytes(u128::from(number).to_be_bytes())
}

/// Where the record under each number was said last: offset and tick.
type Said = BTreeMap<u64, (u64, Tick)>;

/// What has been pushed, and what follows from it.
#[derive(Default)]
struct Oracle {
    offset: u64,
    said: Said,
    recorded: BTreeMap<Tick, Said>,
}

impl Oracle {
    fn take(&mut self, lines: &str, tick: Tick) {
        for line in lines.lines() {
            let (number, value) = line.split_once(' ').unwrap_or((line, ""));
            let number = number.parse().unwrap();
            match value.parse::<i64>() {
                Ok(_) => drop(self.said.insert(number, (self.offset, tick))),
                Err(_) if value.is_empty() => drop(self.said.remove(&number)),
                // A refused record changes nothing, and has its offset.
                Err(_) => {}
            }
            self.offset += 1;
        }
        self.recorded.insert(tick, self.said.clone());
    }
}

fn as_said(origins: Vec<Origin>) -> Said {
    let number = |key: Key| u128::from_be_bytes(key.bytes()) as u64;
    let said = |origin: Origin| {
        assert_eq!((origin.source.as_str(), &*origin.partition, origin.member), ("lines", "pushed", 0));
        (number(origin.key), (origin.offset, origin.tick))
    };
    origins.into_iter().map(said).collect()
}

async fn origins(run: &Run, at: Option<Tick>) -> Said {
    let keys: BTreeSet<Key> = (0..12).map(key).collect();
    as_said(run.engine.reader().origins(keys, at).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_is_where_the_record_was_said_last_as_of_any_tick() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let mut oracle = Oracle::default();
    let days = [("10", 1, "a"), ("03", 2, "b"), ("007", 1, "c")];
    for (modulus, workers, day) in days {
        let run = Run::start(folder.path(), &clock, workers, modulus, true).await;
        // A number that is said twice in a push counts where it is said later, also with the same value.
        let pushes = ["1 10\n2 20\n3 x\n2 21", "1 10\n2", "4 44\n1\n4 44", "2 22\n5 50\n6 y", "4\n7 71", "5\n1 1"];
        for (place, lines) in pushes.iter().enumerate() {
            let id = format!("{day}{place}");
            let tick = if place == 2 { run.snapshot(&id, lines).await } else { run.push(&id, lines).await };
            oracle.take(lines, tick);
        }
        assert_eq!(origins(&run, None).await, oracle.said);
        run.engine.shutdown();
    }
    let run = Run::start(folder.path(), &clock, 1, "007", true).await;
    for (tick, said) in &oracle.recorded {
        assert_eq!(origins(&run, Some(*tick)).await, *said, "at {tick}");
    }
    let few = run.engine.reader().origins(BTreeSet::from([key(2), key(99)]), None).await.unwrap();
    assert_eq!(as_said(few).into_keys().collect::<Vec<_>>(), [2], "of others nothing is told");
    let many: BTreeSet<Key> = (0..=engine::origins::KEYS_MAX as u64).map(key).collect();
    let error = run.engine.reader().origins(many, None).await.unwrap_err();
    assert!(error.help.contains("10000 at most"), "{error}");
    run.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_came_before_the_past_that_is_kept_no_origin_is_told_and_of_the_rest_the_same() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let mut oracle = Oracle::default();
    let run = Run::begin(folder.path(), &clock, 1, "10", (EVERY, Some(EVERY * 2))).unwrap();
    run.engine.reader().status().ready().await.unwrap();
    for place in 0..8 {
        // Eleven is said once, at the beginning; the others again and again.
        let lines = if place == 0 { "11 1\n1 1\n2 2".to_owned() } else { format!("1 {place}\n{} 5", place % 4 + 2) };
        let tick = run.snapshot(&place.to_string(), &lines).await;
        oracle.take(&lines, tick);
    }
    let told = origins(&run, None).await;
    assert!(!told.contains_key(&11), "its tick has been removed");
    assert_eq!(told.get(&1), oracle.said.get(&1));
    assert!(told.iter().all(|(number, said)| oracle.said[number] == *said), "{told:?} {:?}", oracle.said);
    run.engine.shutdown();
}
