//! A start from a snapshot gives what a replay of the whole past gives, and a snapshot that is not whole is left out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod toy;

use std::path::{Path, PathBuf};

use toy::{Clock, Run, manifests};

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
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_from_a_snapshot_gives_what_a_whole_replay_gives_with_any_number_of_workers() {
    for workers in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let (data, clock) = (folder.path().join("data"), Clock::default());
        let run = Run::start(&data, &clock, workers, "10", true).await;
        live(&run).await;
        run.engine.shutdown();
        for restarted in [1, 2, 3] {
            let mut seen = Vec::new();
            for (name, takes_snapshots) in [("whole", false), ("snapshot", true)] {
                let copied = folder.path().join(format!("{name}-{restarted}"));
                copy(&data, &copied);
                let clock = clock.copy();
                let run = Run::start(&copied, &clock, restarted, "10", takes_snapshots).await;
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
    let run = Run::start(folder.path(), &clock, 1, "10", true).await;
    live(&run).await;
    let before = run.all().await;
    run.engine.shutdown();
    let run = Run::start(folder.path(), &clock, 1, "10", true).await;
    assert_eq!(run.lines.decoded(), 1, "only the push after the snapshot");
    let after = run.all().await;
    assert_eq!(before[..5], after[..5], "all but the runs");
    run.engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_damaged_or_incomplete_is_left_out_and_the_one_before_it_used() {
    let folder = tempfile::tempdir().unwrap();
    let (data, clock) = (folder.path().join("data"), Clock::default());
    let run = Run::start(&data, &clock, 1, "10", true).await;
    live(&run).await;
    run.snapshot("e", "8 80").await;
    run.push("f", "9 90").await;
    let expected = run.all().await;
    run.engine.shutdown();
    assert_eq!(manifests(&data).len(), 2);
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 7] = [
        ("a flipped bit", |newest| flip(&part(newest, "records"))),
        ("a cut part", |newest| std::fs::write(part(newest, "first_seen_0"), b"PAR1").unwrap()),
        ("a part that is gone", |newest| std::fs::remove_file(part(newest, "records")).unwrap()),
        ("a manifest that is cut", |newest| {
            let path = newest.join("manifest.json");
            let text = std::fs::read(&path).unwrap();
            std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        }),
        // Where a partition is read on from would be another one.
        ("a manifest of which a digit is another", |newest| {
            let path = newest.join("manifest.json");
            let text = std::fs::read_to_string(&path).unwrap();
            let place = text.find("\"upper\":").unwrap() + 8;
            let digit = if &text[place..=place] == "1" { "2" } else { "1" };
            std::fs::write(&path, format!("{}{digit}{}", &text[..place], &text[place + 1..])).unwrap();
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
        let clock = clock.copy();
        let run = Run::start(&copied, &clock, 1, "10", true).await;
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

/// A snapshot used to hold its tick only once its own thread had come round to it, when later ticks had been released and,
/// with nothing retained, the tick was gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_a_tick_that_others_follow_at_once_is_of_that_tick() {
    let folder = tempfile::tempdir().unwrap();
    let (data, clock) = (folder.path().join("data"), Clock::default());
    let run = Run::start(&data, &clock, 1, "10", true).await;
    for round in 0..60 {
        clock.pass(toy::EVERY);
        let lines: String = (0..50).map(|key| format!("{key} {}\n", key + round)).collect();
        let submitted: Vec<_> = (0..8)
            .map(|place| {
                let lines = format!("{lines}{} {round}", 1000 + place);
                run.engine.ingest().submit("lines", &format!("{round}-{place}"), lines.into_bytes()).unwrap()
            })
            .collect();
        for submitted in submitted {
            submitted.receipt().await.unwrap();
        }
    }
    let expected = run.all().await;
    run.engine.shutdown();
    assert!(manifests(&data).len() > 5);
    // Each of them, as if it were the newest.
    while let Some(newest) = manifests(&data).pop() {
        let copied = folder.path().join("copied");
        copy(&data, &copied);
        let run = Run::start(&copied, &clock.copy(), 1, "10", true).await;
        assert_eq!(run.all().await[..5], expected[..5], "from {}", newest.display());
        run.engine.shutdown();
        std::fs::remove_dir_all(copied).unwrap();
        std::fs::remove_dir_all(newest.parent().unwrap()).unwrap();
    }
}
