//! A start from a snapshot gives what a replay of the whole past gives, and a snapshot that is not whole is left out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod toy;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::snapshot::{Snapshots, Store};
use engine::{Engine, EngineConfig, Request, Rows, SourceSpec, Tick};
use toy::{Ages, Digits, Lines, NoTexts};

/// A microsecond of it passes with each question, and a test moves it on.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

const VIEWS: [&str; 6] = ["numbers", "totals", "ages", "source_progress", "dead_letters", "runs"];

struct Run {
    engine: Engine,
    clock: Clock,
    folder: PathBuf,
    lines: Lines,
}

impl Run {
    async fn start(folder: &Path, clock: &Clock, workers: usize, every: Duration) -> Run {
        let run = Run::begin(folder, clock, workers, every, "configuration");
        run.engine.reader().status().ready().await.unwrap();
        run
    }

    fn begin(folder: &Path, clock: &Clock, workers: usize, every: Duration, configuration: &str) -> Run {
        let ticking = clock.clone();
        let config = EngineConfig {
            workers,
            retention: Duration::ZERO,
            configuration: configuration.into(),
            clock: Arc::new(move || ticking.0.fetch_add(1, Ordering::Relaxed) + 1),
            ..EngineConfig::new(folder)
        };
        let store = Store::local(&folder.join("snapshots")).unwrap();
        let snapshots = (!every.is_zero()).then(|| Snapshots { store, codec: Arc::new(Digits), every });
        let lines = Lines::default();
        let sources = vec![SourceSpec::push("lines", lines.clone())];
        let engine = Engine::start(config, Ages, sources, Arc::new(NoTexts), snapshots).unwrap();
        Run { engine, clock: clock.clone(), folder: folder.to_owned(), lines }
    }

    async fn push(&self, id: &str, lines: &str) -> Tick {
        let receipt = self.engine.ingest().push("lines", id, lines.as_bytes().to_vec()).await.unwrap();
        receipt.tick
    }

    async fn view(&self, view: &str) -> Rows {
        self.engine.reader().snapshot(&Request { view: view.into(), ..Request::default() }).await.unwrap().rows
    }

    async fn all(&self) -> Vec<Rows> {
        let mut views = Vec::new();
        for view in VIEWS {
            views.push(self.view(view).await);
        }
        views
    }

    /// Moves the clock on so far that a snapshot is due, has one taken by a push, and waits for it.
    async fn snapshot(&self, id: &str, lines: &str) -> Tick {
        self.clock.0.fetch_add(SECOND, Ordering::Relaxed);
        let before = manifests(&self.folder);
        let tick = self.push(id, lines).await;
        for _ in 0..500 {
            if manifests(&self.folder).len() > before.len() {
                return tick;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no snapshot was taken");
    }
}

const SECOND: u64 = 1_000_000;
const EVERY: Duration = Duration::from_secs(1);

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut manifests: Vec<PathBuf> = std::fs::read_dir(folder.join("snapshots"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("manifest.json"))
        .filter(|path| path.exists())
        .collect();
    manifests.sort();
    manifests
}

/// A past with everything in it: amendments, deletions, refusals, several parts of a key, rows that came and went.
async fn live(run: &Run) {
    run.push("a", "1 10\n2 20\n3 x\n4 44").await;
    run.push("b", "1 11\n2\n5 50").await;
    run.snapshot("c", "2 22\n4\n6 y").await;
    run.push("d", "4 45\n7 70\n5").await;
}

/// Copies a data folder that nobody writes to.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(std::fs::copy(entry.path(), target).unwrap())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_from_a_snapshot_gives_what_a_whole_replay_gives_with_any_number_of_workers() {
    for workers in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let (data, clock) = (folder.path().join("data"), Clock::default());
        let run = Run::start(&data, &clock, workers, EVERY).await;
        live(&run).await;
        run.engine.shutdown();
        for restarted in [1, 2, 3] {
            let mut seen = Vec::new();
            for (name, every) in [("whole", Duration::ZERO), ("snapshot", EVERY)] {
                let copied = folder.path().join(format!("{name}-{restarted}"));
                copy(&data, &copied);
                let clock = Clock(Arc::new(AtomicU64::new(clock.0.load(Ordering::Relaxed))));
                let run = Run::start(&copied, &clock, restarted, every).await;
                let first = run.all().await;
                run.push("e", "1 12\n4\n5 51\n8 80\n9 z").await;
                seen.push((first, run.all().await));
                run.engine.shutdown();
            }
            assert_eq!(seen[0], seen[1], "{workers} workers, then {restarted}");
            assert!(seen[0].0.iter().all(|rows| !rows.is_empty()), "there is something in each view");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_from_a_snapshot_does_not_read_what_it_holds_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    let run = Run::start(folder.path(), &clock, 1, EVERY).await;
    live(&run).await;
    let before = run.all().await;
    run.engine.shutdown();
    let run = Run::start(folder.path(), &clock, 1, EVERY).await;
    assert_eq!(run.lines.decoded(), 1, "only the push after the snapshot");
    let after = run.all().await;
    assert_eq!(before[..5], after[..5], "all but the runs");
    run.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_damaged_or_incomplete_is_left_out_and_the_one_before_it_used() {
    let folder = tempfile::tempdir().unwrap();
    let (data, clock) = (folder.path().join("data"), Clock::default());
    let run = Run::start(&data, &clock, 1, EVERY).await;
    live(&run).await;
    run.snapshot("e", "8 80").await;
    run.push("f", "9 90").await;
    let expected = run.all().await;
    run.engine.shutdown();
    assert_eq!(manifests(&data).len(), 2);
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("a flipped bit", |newest| flip(&part(newest, "records"))),
        ("a cut part", |newest| std::fs::write(part(newest, "first_seen_0"), b"PAR1").unwrap()),
        ("a part that is gone", |newest| std::fs::remove_file(part(newest, "records")).unwrap()),
        ("a manifest that is cut", |newest| {
            let path = newest.join("manifest.json");
            let text = std::fs::read(&path).unwrap();
            std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        }),
        ("no manifest", |newest| std::fs::remove_file(newest.join("manifest.json")).unwrap()),
        ("a later format", |newest| {
            let path = newest.join("manifest.json");
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text.replace("\"format\":1", "\"format\":99")).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let copied = folder.path().join(name);
        copy(&data, &copied);
        damage(manifests(&copied)[1].parent().unwrap());
        let clock = Clock(Arc::new(AtomicU64::new(clock.0.load(Ordering::Relaxed))));
        let run = Run::start(&copied, &clock, 1, EVERY).await;
        assert_eq!(run.lines.decoded(), 3, "{name}: from the snapshot before: pushes d, e and f");
        assert_eq!(run.all().await[..5], expected[..5], "{name}");
        run.engine.shutdown();
    }
}

fn part(snapshot: &Path, table: &str) -> PathBuf {
    snapshot.join(format!("{table}-000000.parquet"))
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(path, bytes).unwrap();
}
