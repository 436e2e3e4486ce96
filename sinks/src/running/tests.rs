//! The following of a view, with a target that fails when it is told to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{EngineError, ErrorKind, Request, Rows, Tick, ViewSpec};
use parking_lot::Mutex;

use super::suite::{self, BATCHES, Desk, PATIENCE, Place, reached};
use super::{Around, Follow, Portion, Runs, Start, Target, Trouble};
use crate::stopping::Stopping;

/// What is kept in memory: rows, and how far they reach.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    ticks: Vec<(Tick, Rows)>,
    frontier: Option<Tick>,
    /// What happens at the next writes.
    faults: Vec<Fault>,
    writes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It is not written, and that is said.
    Before,
    /// It is written, and that is not heard.
    After,
    /// It is not written, and never will be.
    Fatal,
}

impl Target for Kept {
    fn begin(&mut self, _: &ViewSpec, _: &Around) -> Result<(), EngineError> {
        Ok(())
    }

    fn open(&mut self, _: &Stopping) -> Result<Option<Tick>, Trouble> {
        Ok(self.0.lock().frontier)
    }

    fn write(&mut self, portion: &Portion, _: &Stopping) -> Result<(), Trouble> {
        let mut state = self.0.lock();
        state.writes += 1;
        let fault = state.faults.pop();
        if !matches!(fault, Some(Fault::Before | Fault::Fatal)) {
            state.ticks.extend(portion.ticks.iter().cloned());
            state.frontier = Some(portion.frontier);
        }
        let error = EngineError::new(ErrorKind::Unavailable, "it rains", "wait");
        match fault {
            None => Ok(()),
            Some(Fault::Fatal) => Err(Trouble::Fatal(error)),
            Some(Fault::Before | Fault::After) => Err(Trouble::Passes(error)),
        }
    }
}

impl Kept {
    fn sink(&self, start: Start) -> Vec<Box<dyn Runs>> {
        let request = Request { view: "facts".into(), ..Request::default() };
        vec![Box::new(Follow { name: "kept".into(), request, start, target: Box::new(self.clone()) })]
    }

    fn changes(&self) -> Vec<(Tick, Rows)> {
        self.0.lock().ticks.iter().filter(|(_, rows)| !rows.is_empty()).cloned().collect()
    }
}

impl Place for Kept {
    fn sinks(&self, _: &Desk) -> Vec<Box<dyn Runs>> {
        self.sink(Start::Snapshot)
    }

    fn found(&self) -> Vec<String> {
        let ticks = self.changes().into_iter();
        ticks.flat_map(|(_, rows)| rows).map(|(row, diff)| format!("{diff} {row:?}")).collect()
    }
}

/// What the engine says has changed at each tick after one, up to another.
async fn changed(desk: &Desk, after: Tick, up_to: Tick) -> Vec<(Tick, Rows)> {
    let request =
        Request { view: "facts".into(), from_tick: Some(after), up_to: Some(up_to + 1), ..Request::default() };
    let mut subscription = desk.engine.reader().subscribe(&request).await.unwrap();
    let mut ticks = Vec::new();
    while let Some(update) = subscription.next().await.unwrap() {
        if let engine::Update::Changes(tick, rows) = update {
            ticks.push((tick, rows));
        }
    }
    ticks
}

#[tokio::test]
async fn what_is_kept_in_memory_satisfies_the_specification() {
    suite::satisfies_the_specification(Kept::default).await;
}

#[tokio::test]
async fn a_target_that_fails_has_each_tick_once_whether_it_was_written_or_not() {
    let desk = Desk::new();
    let kept = Kept::default();
    let first = desk.push_all(0..1).await;
    let sinks = desk.start(kept.sink(Start::Snapshot));
    reached(&sinks, first).await;
    kept.0.lock().faults = vec![Fault::After, Fault::Before, Fault::Before, Fault::After, Fault::Before];
    for number in 1..BATCHES {
        let tick = desk.push_all(number..number + 1).await;
        reached(&sinks, tick).await;
    }
    sinks.stop().await;
    let last = desk.push("more", [(1, Some(1))]).await;
    let sinks = desk.start(kept.sink(Start::Snapshot));
    reached(&sinks, last).await;
    assert!(kept.0.lock().faults.is_empty(), "all faults have happened");
    // What came first is the snapshot.
    assert_eq!(kept.changes()[1..], changed(&desk, first, last).await);
    sinks.stop().await;
}

#[tokio::test]
async fn one_that_begins_now_is_given_no_snapshot() {
    let desk = Desk::new();
    let before = desk.push_all(0..4).await;
    let kept = Kept::default();
    let sinks = desk.start(kept.sink(Start::Now));
    reached(&sinks, before).await;
    let last = desk.push_all(4..BATCHES).await;
    reached(&sinks, last).await;
    assert_eq!(kept.changes(), changed(&desk, before, last).await);
    sinks.stop().await;
}

#[tokio::test]
async fn one_that_cannot_go_on_is_told_to_the_engine_with_what_to_do() {
    let desk = Desk::new();
    let kept = Kept::default();
    kept.0.lock().faults = vec![Fault::Fatal];
    let sinks = desk.start(kept.sink(Start::Snapshot));
    let failed = desk.engine.reader().status().part_failed();
    let error = tokio::time::timeout(PATIENCE, failed).await.unwrap();
    assert_eq!(error.what, "sink `kept` cannot go on: it rains");
    assert_eq!(error.help, "wait");
    assert_eq!(sinks.watched().reached(Tick::MAX - 1).await.unwrap_err(), error, "whoever waits for it is told too");
    sinks.stop().await;
}

#[tokio::test]
async fn one_that_is_further_behind_than_the_engine_remembers_stops_and_leaves_no_gap() {
    let desk = Desk::with(|config| engine::EngineConfig { retention: Duration::ZERO, ..config });
    let kept = Kept::default();
    let sinks = desk.start(kept.sink(Start::Snapshot));
    let first = desk.push_all(0..1).await;
    reached(&sinks, first).await;
    sinks.stop().await;
    desk.push_all(1..BATCHES).await;
    // What is older is let go of when there is time for it.
    let request = Request { view: "facts".into(), from_tick: Some(first), ..Request::default() };
    while desk.engine.reader().subscribe(&request).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = kept.changes();
    let sinks = desk.start(kept.sink(Start::Snapshot));
    let error = tokio::time::timeout(PATIENCE, desk.engine.reader().status().part_failed()).await.unwrap();
    assert_eq!(error.kind, ErrorKind::Compacted);
    assert!(error.help.contains("set `retention_seconds` to 36"), "{error}");
    assert_eq!(kept.changes(), before);
    sinks.stop().await;

    // What it says helps: a start remembers as much of the past as it is told to.
    let desk = desk.restarted(|config| config);
    let sinks = desk.start(kept.sink(Start::Snapshot));
    let last = desk.push("more", [(1, Some(1))]).await;
    reached(&sinks, last).await;
    assert_eq!(kept.changes()[before.len()..], changed(&desk, first, last).await);
    sinks.stop().await;
}

#[tokio::test]
async fn one_that_is_written_further_than_the_engine_has_come_is_not_gone_on_with() {
    let desk = Desk::new();
    let kept = Kept::default();
    let last = desk.push_all(0..1).await;
    kept.0.lock().frontier = Some(last + 3_600_000_000);
    let sinks = desk.start(kept.sink(Start::Snapshot));
    let error = tokio::time::timeout(PATIENCE, desk.engine.reader().status().part_failed()).await.unwrap();
    assert!(error.help.contains("the data folder is older than what was written"), "{error}");
    assert_eq!(kept.0.lock().writes, 0);
    sinks.stop().await;
}

#[tokio::test]
async fn progress_is_written_from_time_to_time_only() {
    let desk = Desk::new();
    let kept = Kept::default();
    let sinks = desk.start(kept.sink(Start::Snapshot));
    let last = desk.push_all(0..1).await;
    reached(&sinks, last).await;
    let writes = kept.0.lock().writes;
    let frontier = kept.0.lock().frontier;
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let more = kept.0.lock().writes - writes;
    assert!((1..=1 + begun.elapsed().as_secs() as usize).contains(&more), "{more} writes");
    assert!(kept.0.lock().frontier > frontier, "how far it is, is written though nothing has changed");
    sinks.stop().await;
}
