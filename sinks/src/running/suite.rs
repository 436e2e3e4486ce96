//! What every running sink is put through: the specification of `sinks/README.md` as tests.

use std::time::{Duration, Instant};

use engine::{Engine, EngineConfig, Tick};
use tempfile::TempDir;

use super::{Runs, Sinks};
use crate::toy::{self, Gate, pushed};

/// How long anything here may take before it counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Somewhere to write to.
pub(crate) trait Place {
    /// A sink that writes the view `facts` there, as if it was started by a new process.
    fn sinks(&self, desk: &Desk) -> Vec<Box<dyn Runs>>;

    /// What somebody finds there, in its order, without ticks.
    fn found(&self) -> Vec<String>;
}

/// An engine, and what is around it.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk::with(|config| config)
    }

    pub(crate) fn with(configured: impl FnOnce(EngineConfig) -> EngineConfig) -> Desk {
        Desk::on(tempfile::tempdir().unwrap(), configured)
    }

    /// The engine of another process on the same data.
    pub(crate) fn restarted(self, configured: impl FnOnce(EngineConfig) -> EngineConfig) -> Desk {
        self.engine.shutdown();
        Desk::on(self.folder, configured)
    }

    fn on(folder: TempDir, configured: impl FnOnce(EngineConfig) -> EngineConfig) -> Desk {
        let config = EngineConfig { retention: Duration::from_secs(3600), ..EngineConfig::new(folder.path()) };
        Desk { engine: toy::start_with(configured(config), &Gate::default()), folder }
    }

    pub(crate) fn start(&self, sinks: Vec<Box<dyn Runs>>) -> Sinks {
        Sinks::start(sinks, self.engine.reader(), self.folder.path()).unwrap()
    }

    /// Pushes one batch, which is a tick.
    pub(crate) async fn push(&self, batch_id: &str, rows: impl IntoIterator<Item = (i64, Option<i64>)>) -> Tick {
        let batch = pushed(rows);
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        let receipt = self.engine.ingest().push("numbers", batch_id, writer.into_inner().unwrap()).await.unwrap();
        self.engine.reader().reached(receipt.tick).await;
        receipt.tick
    }

    /// Pushes part of the day, each batch by itself.
    pub(crate) async fn push_all(&self, batches: std::ops::Range<usize>) -> Tick {
        let mut last = 0;
        for number in batches {
            last = self.push(&format!("batch-{number}"), batch(number)).await;
        }
        last
    }
}

/// The batches of the day.
pub(crate) const BATCHES: usize = 12;

/// Values that come, change and go; odd ones and even ones.
fn batch(number: usize) -> Vec<(i64, Option<i64>)> {
    let number = number as i64;
    let value = |key: i64| if (key + number) % 4 == 0 { None } else { Some(key * 3 + number * 7) };
    (0..5).map(|key| (key + number % 3, value(key))).collect()
}

pub(crate) async fn reached(sinks: &Sinks, tick: Tick) {
    tokio::time::timeout(PATIENCE, sinks.watched().reached(tick)).await.expect("it is written soon").unwrap();
}

/// Runs sinks of a kind through all that a running sink must do. `place` makes somewhere new to write to.
pub(crate) async fn satisfies_the_specification<P: Place>(place: impl Fn() -> P) {
    let expected = undisturbed(&place()).await;
    assert!(expected.len() > BATCHES, "a sink under test must have something to write: {expected:?}");
    assert_eq!(stopped_all_the_time(&place()).await, expected, "whoever is stopped goes on where it was");
    stops_at_once(&place()).await;
}

async fn undisturbed(place: &impl Place) -> Vec<String> {
    let desk = Desk::new();
    let sinks = desk.start(place.sinks(&desk));
    let begun = desk.engine.reader().frontier();
    reached(&sinks, begun.saturating_sub(1)).await;
    let last = desk.push_all(0..BATCHES).await;
    reached(&sinks, last).await;
    let metrics = shown(&desk);
    for metric in ["rows_total", "failures_total", "frontier_seconds", "lag_seconds"] {
        assert!(metrics.iter().any(|name| name == &format!("tieout_sink_{metric}")), "{metric}: {metrics:?}");
    }
    sinks.stop().await;
    assert!(!shown(&desk).iter().any(|name| name.starts_with("tieout_sink_")), "what has stopped is not measured");
    place.found()
}

fn shown(desk: &Desk) -> Vec<String> {
    desk.engine.reader().metrics().registry().gather().iter().map(|family| family.name().to_owned()).collect()
}

/// A new process for every other batch, which comes while none runs.
async fn stopped_all_the_time(place: &impl Place) -> Vec<String> {
    let desk = Desk::new();
    let sinks = desk.start(place.sinks(&desk));
    let begun = desk.engine.reader().frontier();
    reached(&sinks, begun.saturating_sub(1)).await;
    sinks.stop().await;
    for number in (0..BATCHES).step_by(2) {
        desk.push_all(number..number + 1).await;
        let sinks = desk.start(place.sinks(&desk));
        let tick = desk.push_all(number + 1..number + 2).await;
        // One is stopped at whatever it does.
        if number % 4 == 0 {
            reached(&sinks, tick).await;
        }
        sinks.stop().await;
    }
    let sinks = desk.start(place.sinks(&desk));
    let last = desk.push("the last", []).await;
    reached(&sinks, last).await;
    sinks.stop().await;
    place.found()
}

async fn stops_at_once(place: &impl Place) {
    let desk = Desk::new();
    let sinks = desk.start(place.sinks(&desk));
    let begun = Instant::now();
    sinks.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
