//! Files from time to time, by a clock that the test moves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use engine::{EngineConfig, Tick};

use crate::running::suite::{Desk, PATIENCE, reached};
use crate::{Runs, Scope, SinkConfig, Sinks};

/// Ticks of a second.
const SECOND: Tick = 1_000_000;

/// An engine whose clock is moved by hand.
struct Clocked {
    desk: Desk,
    now: Arc<AtomicU64>,
}

impl Clocked {
    fn new(retention: Duration) -> Clocked {
        let now = Arc::new(AtomicU64::new(1000 * SECOND + 1));
        let clock = Arc::clone(&now);
        let configured = move |config: EngineConfig| EngineConfig {
            clock: Arc::new(move || clock.load(Ordering::SeqCst)),
            retention,
            ..config
        };
        Clocked { desk: Desk::with(configured), now }
    }

    /// Moves the clock, and waits until the engine has seen it.
    async fn at(&self, second: Tick) {
        self.now.store(second * SECOND + 1, Ordering::SeqCst);
        self.desk.engine.reader().reached(second * SECOND).await;
    }

    async fn start(&self, settings: &str) -> Sinks {
        let sinks = self.desk.start(vec![sink(self.desk.folder.path(), settings).unwrap()]);
        // Until it knows what comes first, which depends on when it began.
        tokio::time::timeout(PATIENCE, sinks.watched().reached(1)).await.unwrap().unwrap();
        sinks
    }

    /// The files there are, and when they were written.
    fn files(&self) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
        let entries = fs::read_dir(self.desk.folder.path().join("out")).unwrap().map(Result::unwrap);
        let file = |entry: fs::DirEntry| {
            let written = entry.metadata().unwrap().modified().unwrap();
            (entry.file_name().into_string().unwrap(), (fs::read(entry.path()).unwrap(), written))
        };
        entries.map(file).filter(|(name, _)| !name.starts_with('.')).collect()
    }

    fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }
}

fn sink(folder: &Path, settings: &str) -> Result<Box<dyn Runs>, engine::setting::ConfigError> {
    let text = format!("kind = \"files\"\nview = \"facts\"\nfolder = \"out\"\n{settings}");
    let config: SinkConfig = toml::from_str(&text).unwrap();
    config.sink(&Scope { kind: "sink", name: "facts", folder })
}

fn names(seconds: &[Tick]) -> Vec<String> {
    seconds.iter().map(|second| format!("facts-{}.csv", second * SECOND)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_moment_has_a_file_of_the_view_as_of_then_and_a_restart_rewrites_none() {
    let clocked = Clocked::new(Duration::from_secs(3600));
    let sinks = clocked.start("every_seconds = 60").await;
    clocked.desk.push("a", [(1, Some(11))]).await;
    clocked.at(1020).await;
    reached(&sinks, 1020 * SECOND).await;
    clocked.desk.push("b", [(2, Some(22))]).await;
    assert_eq!(clocked.names(), names(&[1020]));
    clocked.at(1100).await;
    reached(&sinks, 1100 * SECOND).await;
    let before = clocked.files();
    assert_eq!(clocked.names(), names(&[1020, 1080]));
    let rows = |name: &String| before[name].0.iter().filter(|byte| **byte == b'\n').count() - 1;
    assert_eq!(names(&[1020, 1080]).iter().map(rows).collect::<Vec<_>>(), [1, 2], "what came later is not in it");
    sinks.stop().await;

    // While none runs, moments pass.
    clocked.at(1150).await;
    clocked.desk.push("c", [(3, Some(33))]).await;
    clocked.at(1210).await;
    clocked.desk.push("d", [(1, None), (2, None)]).await;
    let sinks = clocked.start("every_seconds = 60").await;
    clocked.at(1261).await;
    reached(&sinks, 1260 * SECOND).await;
    let after = clocked.files();
    assert_eq!(clocked.names(), names(&[1020, 1080, 1140, 1200, 1260]));
    assert!(before.iter().all(|(name, file)| after[name] == *file), "no file is touched again");
    let rows = |name: &String| after[name].0.iter().filter(|byte| **byte == b'\n').count() - 1;
    assert_eq!(names(&[1140, 1200, 1260]).iter().map(rows).collect::<Vec<_>>(), [2, 3, 1]);
    sinks.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_file_is_not_lost_when_it_is_due_while_none_runs() {
    let clocked = Clocked::new(Duration::from_secs(3600));
    clocked.start("every_seconds = 60").await.stop().await;
    clocked.at(1100).await;
    let sinks = clocked.start("every_seconds = 60").await;
    reached(&sinks, 1100 * SECOND).await;
    assert_eq!(clocked.names(), names(&[1020, 1080]));
    sinks.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_that_the_engine_does_not_remember_are_left_out() {
    let clocked = Clocked::new(Duration::from_secs(100));
    clocked.start("every_seconds = 60").await.stop().await;
    clocked.desk.push("a", [(1, Some(11))]).await;
    for second in (1000..2000).step_by(200) {
        clocked.at(second).await;
    }
    let sinks = clocked.start("every_seconds = 60").await;
    clocked.at(2050).await;
    reached(&sinks, 2050 * SECOND).await;
    let found = clocked.names();
    assert!(found.len() < 5 && found.contains(&names(&[2040])[0]), "{found:?}");
    sinks.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_to_is_tried_again() {
    let clocked = Clocked::new(Duration::from_secs(3600));
    let sinks = clocked.start("every_seconds = 60\nformat = \"parquet\"").await;
    let out = clocked.desk.folder.path().join("out");
    fs::remove_dir_all(&out).unwrap();
    clocked.at(1100).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    fs::create_dir(&out).unwrap();
    reached(&sinks, 1100 * SECOND).await;
    assert_eq!(clocked.names(), ["facts-1020000000.parquet", "facts-1080000000.parquet"]);
    sinks.stop().await;
}

#[test]
fn what_cannot_work_is_told_before_anything_starts() {
    for (settings, key) in [
        ("every_seconds = 0", "sink.facts.every_seconds"),
        ("every_seconds = 1\nformat = \"parquet\"\ncompression = \"gzip\"", "sink.facts.compression"),
    ] {
        assert_eq!(sink(Path::new(""), settings).err().unwrap().key, key);
    }
    let config: SinkConfig =
        toml::from_str("kind = \"files\"\nview = \"v\"\nfolder = \"\"\nevery_seconds = 1").unwrap();
    let error = config.sink(&Scope { kind: "sink", name: "a/b", folder: Path::new("") }).err().unwrap();
    assert!(error.what.contains("name of a file"), "{error}");
}
