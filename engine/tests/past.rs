//! Any past tick shows what was shown then, whatever has been retained, restarted or configured since.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod toy;

use std::collections::BTreeMap;

use engine::{ErrorKind, Request, Rows, Tick, Update};
use toy::{Clock, EVERY, Run, VIEWS, manifests};

/// What each view showed at each tick.
#[derive(Default)]
struct Recorded(BTreeMap<(&'static str, Tick), Rows>);

impl Recorded {
    async fn take(&mut self, run: &Run, tick: Tick) {
        for view in VIEWS {
            self.0.insert((view, tick), run.view(view).await);
        }
    }
}

/// Days with restarts, other numbers of workers, snapshots and other configurations: one that goes on from the records of the
/// one before, the first again, and one that reads the past again.
async fn days(folder: &std::path::Path, clock: &Clock) -> Recorded {
    let mut recorded = Recorded::default();
    let days = [("10", 1, "a"), ("03", 2, "b"), ("10", 2, "c"), ("007", 1, "d")];
    for (modulus, workers, day) in days {
        let run = Run::start(folder, clock, workers, modulus, true).await;
        let pushes = ["1 10\n2 20\n3 x", "1 11\n2", "4 44\n1", "2 22\n5 50\n6 y", "4\n7 71", "5\n1 1"];
        for (place, lines) in pushes.iter().enumerate() {
            let id = format!("{day}{place}");
            let tick = if place % 4 == 2 { run.snapshot(&id, lines).await } else { run.push(&id, lines).await };
            recorded.take(&run, tick).await;
        }
        run.engine.shutdown();
    }
    recorded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_past_tick_shows_what_was_shown_then() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    let recorded = days(folder.path(), &clock).await;
    let run = Run::start(folder.path(), &clock, 1, "007", true).await;
    // From the newest to the oldest, and then the other way round: an engine of the past serves many ticks, or none.
    let forth = recorded.0.iter().collect::<Vec<_>>();
    for ((view, tick), rows) in forth.iter().rev().chain(forth.iter()) {
        assert_eq!(run.view_at(view, *tick).await, **rows, "{view} at {tick}");
    }
    run.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_configuration_goes_on_from_the_records_and_keeps_the_age_of_what_was_there() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let run = Run::start(folder.path(), &clock, 1, "10", true).await;
    run.push("a", "1 12\n2 25").await;
    let old = run.view("ages").await;
    run.engine.shutdown();
    let run = Run::start(folder.path(), &clock, 1, "06", true).await;
    // 12 % 10 is 2 and 25 % 10 is 5; 12 % 6 is 0 and 25 % 6 is 1. So these ages are new: that of the change.
    let since = run.view("runs").await.len();
    assert_eq!(since, 2);
    let new = run.view("ages").await;
    assert_ne!(new, old);
    let later = run.push("b", "3 14").await;
    assert_eq!(first_of(&run, 14).await, first_of_rows(&old, 12), "a number with the remainder 2 was there before");
    assert_ne!(first_of(&run, 12).await, first_of_rows(&old, 12));
    assert!(first_of(&run, 12).await < later as i64);
    run.engine.shutdown();
    let run = Run::start(folder.path(), &clock, 2, "06", false).await;
    assert_eq!(run.lines.decoded(), 1, "what it goes on from is read where no more snapshots are taken");
    assert_eq!(first_of(&run, 14).await, first_of_rows(&old, 12));
    run.engine.shutdown();
}

async fn first_of(run: &Run, value: i64) -> i64 {
    first_of_rows(&run.view("ages").await, value)
}

fn first_of_rows(rows: &Rows, value: i64) -> i64 {
    let cells = |row: &engine::Row| match row.cells() {
        [engine::Cell::Int(value), engine::Cell::Int(first)] => (*value, *first),
        other => panic!("{other:?}"),
    };
    rows.iter().map(|(row, _)| cells(row)).find(|(number, _)| *number == value).expect("the number is there").1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_resumes_from_any_past_tick_without_a_gap_across_configurations() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    let recorded = days(folder.path(), &clock).await;
    let run = Run::start(folder.path(), &clock, 1, "007", true).await;
    for ((view, tick), rows) in recorded.0.iter().step_by(5) {
        let request = Request { view: (*view).into(), from_tick: Some(*tick), ..Request::default() };
        let mut following = run.engine.reader().subscribe(&request).await.unwrap();
        let live = run.push(&format!("{view}{tick}"), &format!("9 {tick}")).await;
        let (mut held, mut last): (BTreeMap<_, isize>, Tick) = (rows.iter().cloned().collect(), *tick);
        loop {
            match following.next().await.unwrap().unwrap() {
                Update::Changes(tick, rows) => {
                    assert!(tick > last, "ticks come in order, and once");
                    last = tick;
                    rows.into_iter().for_each(|(row, diff)| *held.entry(row).or_default() += diff);
                }
                Update::Progress(frontier) if frontier > live => break,
                Update::Progress(_) => {}
                Update::Snapshot(_) => panic!("a reader that resumes has its snapshot"),
            }
        }
        held.retain(|_, count| *count != 0);
        let now: BTreeMap<_, _> = run.view(view).await.into_iter().collect();
        assert_eq!(held, now, "{view} from {tick}");
    }
    run.engine.shutdown();
}

/// Puts a snapshot of another data folder where a folder has its own, older than these; gives its manifest.
async fn snapshot_of_another_folder(folder: &std::path::Path) -> std::path::PathBuf {
    let (other, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let run = Run::start(other.path(), &clock, 1, "10", true).await;
    run.snapshot("other", "1 10").await;
    run.engine.shutdown();
    let snapshot = manifests(other.path())[0].parent().unwrap().to_owned();
    let target = folder.join("snapshots").join(snapshot.file_name().unwrap());
    std::fs::create_dir_all(&target).unwrap();
    for entry in std::fs::read_dir(&snapshot).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
    }
    target.join("manifest.json")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_history_is_removed_and_the_rest_shows_what_was_shown_then() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let keeping = (EVERY, Some(EVERY * 2));
    let mut recorded = Recorded::default();
    let mut size = 0;
    let others = snapshot_of_another_folder(folder.path()).await;
    clock.pass(EVERY * 10);
    for day in 0..4 {
        // The configuration changes once: what goes on from records can be gone on from.
        let run = Run::begin(folder.path(), &clock, 1, if day < 2 { "10" } else { "07" }, keeping).unwrap();
        run.engine.reader().status().ready().await.unwrap();
        for place in 0..6 {
            let lines: String = (0..200).map(|key| format!("{key} {}\n", key * 7 + place * day)).collect();
            let tick = run.snapshot(&format!("{day}-{place}"), &lines).await;
            recorded.take(&run, tick).await;
        }
        run.engine.shutdown();
        let segments = std::fs::read_dir(folder.path().join("journal")).unwrap().map(|entry| entry.unwrap().metadata());
        let now: u64 = segments.map(|metadata| metadata.unwrap().len()).sum();
        assert!(day == 0 || now <= size + 1000, "the journal has {now} bytes after day {day}, and had {size}");
        size = now;
        assert!(manifests(folder.path()).len() <= 6, "{:?}", manifests(folder.path()));
        assert!(others.exists(), "what another data folder keeps in the same place stays");
    }
    let run = Run::begin(folder.path(), &clock, 2, "07", keeping).unwrap();
    run.engine.reader().status().ready().await.unwrap();
    let (mut shown, mut refused) = (0, 0);
    for ((view, tick), rows) in &recorded.0 {
        let request = Request { view: (*view).into(), as_of: Some(*tick), ..Request::default() };
        match run.engine.reader().snapshot(&request).await {
            Ok(snapshot) => {
                shown += 1;
                assert_eq!(snapshot.rows, *rows, "{view} at {tick}");
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("has been removed"), "{error}");
            }
        }
    }
    assert!(shown >= 2 * VIEWS.len() && refused >= 10 * VIEWS.len(), "{shown} shown, {refused} refused");
    run.engine.shutdown();

    let run = Run::begin(folder.path(), &clock, 2, "007", keeping).unwrap();
    let error = run.engine.reader().status().ready().await.unwrap_err();
    assert!(error.to_string().contains("reads the source `lines` otherwise than before, but what was read"), "{error}");
    drop(run);
    std::fs::remove_dir_all(folder.path().join("snapshots")).unwrap();
    let run = Run::begin(folder.path(), &clock, 2, "07", keeping).unwrap();
    let error = run.engine.reader().status().ready().await.unwrap_err();
    assert!(error.to_string().contains("restore the snapshots from a backup"), "{error}");
}

/// The workers used to answer for ticks before their configuration held, if a run of it had begun before: with what it made
/// of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_of_a_configuration_that_read_the_past_again_shows_what_was_shown_before_it() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let run = Run::start(folder.path(), &clock, 1, "10", false).await;
    let tick = run.push("a", "1 12\n2 25").await;
    let shown = run.view("totals").await;
    run.engine.shutdown();
    for _ in 0..2 {
        let keeping = (std::time::Duration::ZERO, None);
        let hour = std::time::Duration::from_secs(3600);
        let run = Run::retaining(hour, folder.path(), &clock, 1, "007", keeping).unwrap();
        run.engine.reader().status().ready().await.unwrap();
        assert_ne!(run.view("totals").await, shown);
        assert_eq!(run.view_at("totals", tick).await, shown);
        run.engine.shutdown();
    }
}

/// An engine of the past used to go on over the bindings that had been removed since it was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_while_the_past_is_read_is_refused_and_never_passed_over() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let run = Run::begin(folder.path(), &clock, 1, "10", (EVERY, Some(EVERY * 2))).unwrap();
    run.engine.reader().status().ready().await.unwrap();
    let (mut recorded, mut ticks) = (Recorded::default(), Vec::new());
    let (mut shown, mut refused) = (0, 0);
    for place in 0..30 {
        let lines = format!("{place} {place}\n1 {place}\n{} {}", place % 7, place * 3);
        let id = place.to_string();
        ticks.push(if place % 3 == 0 { run.snapshot(&id, &lines).await } else { run.push(&id, &lines).await });
        recorded.take(&run, ticks[place]).await;
        for back in [12, 9, 7, 5, 2] {
            let Some(tick) = place.checked_sub(back).map(|place| ticks[place]) else { continue };
            let request = Request { view: "numbers".into(), as_of: Some(tick), ..Request::default() };
            match run.engine.reader().snapshot(&request).await {
                Ok(snapshot) => {
                    shown += 1;
                    assert_eq!(snapshot.rows, recorded.0[&("numbers", tick)], "push {place}, {back} back");
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.kind, ErrorKind::Compacted, "{error}");
                    assert!(error.to_string().contains("has been removed"), "{error}");
                }
            }
        }
    }
    // What is before the snapshot that was kept at the last snapshot but one has been removed for sure: twelve ticks back.
    assert!(shown > 20 && refused >= 18, "{shown} shown, {refused} refused");
    run.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_before_all_that_was_recorded_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::start(folder.path(), &Clock::default(), 1, "10", false).await;
    run.push("a", "1 10").await;
    let request = Request { view: "numbers".into(), as_of: Some(0), ..Request::default() };
    let error = run.engine.reader().snapshot(&request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Compacted);
    assert!(error.to_string().contains("before the first"), "{error}");
    let request = Request { view: "never".into(), as_of: Some(1), ..Request::default() };
    let error = run.engine.reader().snapshot(&request).await.unwrap_err();
    assert!(error.to_string().contains("the views are"), "{error}");
    run.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_of_the_format_before_goes_on_and_one_of_a_later_format_is_refused() {
    const META: redb::TableDefinition<&str, u64> = redb::TableDefinition::new("meta");
    const CONFIGURATIONS: redb::TableDefinition<&str, &str> = redb::TableDefinition::new("configurations");
    const CONFIGURED: redb::TableDefinition<u64, &str> = redb::TableDefinition::new("configured");
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let run = Run::start(folder.path(), &clock, 1, "10", false).await;
    let first = run.push("a", "1 10").await;
    let before = run.all().await;
    run.engine.shutdown();
    let set_format = |format: u64, removes: bool| {
        let database = redb::Database::open(folder.path().join("bindings.redb")).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(META).unwrap().insert("format", format).unwrap();
        if removes {
            write.delete_table(CONFIGURATIONS).unwrap();
            write.delete_table(CONFIGURED).unwrap();
        }
        write.commit().unwrap();
    };
    set_format(1, true);
    let run = Run::start(folder.path(), &clock, 1, "10", false).await;
    assert_eq!(run.all().await[..5], before[..5]);
    let request = Request { view: "numbers".into(), as_of: Some(first), ..Request::default() };
    let error = run.engine.reader().snapshot(&request).await.unwrap_err();
    assert!(error.to_string().contains("before the first of which the configuration was recorded"), "{error}");
    let second = run.push("b", "1 11").await;
    let recorded = run.view("numbers").await;
    run.push("c", "1 12").await;
    assert_eq!(run.view_at("numbers", second).await, recorded);
    run.engine.shutdown();
    set_format(3, false);
    let opened = engine::bindings::Bindings::open(&folder.path().join("bindings.redb"));
    assert!(opened.err().unwrap().to_string().contains("has format 3; this version reads up to 2"));
}

/// Lost bindings used to be taken for a folder that is new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_whose_bindings_are_gone_is_refused() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let run = Run::start(folder.path(), &clock, 1, "10", false).await;
    run.push("a", "1 10").await;
    run.engine.shutdown();
    std::fs::remove_file(folder.path().join("bindings.redb")).unwrap();
    let error = Run::begin(folder.path(), &clock, 1, "10", (EVERY, None)).err().unwrap();
    assert!(error.to_string().contains("nothing is bound in its bindings.redb"), "{error}");
}
