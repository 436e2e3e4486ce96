//! A clock that is set back: ticks go on all the same, and what was shown at each is found again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod toy;

use std::time::Duration;

use toy::{Clock, Run, VIEWS};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_never_takes_a_tick_back() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    clock.pass(HOUR * 24);
    let (mut last, mut recorded) = (0, Vec::new());
    // Live, and from one life to the next; with another number of workers each.
    for workers in [1, 2] {
        let run = Run::start(folder.path(), &clock, workers, "10", true).await;
        for (place, lines) in ["1 10\n2 20\n3 x", "1 11\n2", "4 44\n1", "2 22\n5 50"].iter().enumerate() {
            if place == 2 {
                clock.set_back(HOUR);
            }
            let tick = run.push(&format!("{workers} {place}"), lines).await;
            assert!(tick > last, "{tick} comes after {last}");
            let is_ahead = place >= 2 || workers == 2;
            assert!(!is_ahead || tick < last + 1000, "behind the last tick, the clock has no say: {last}, {tick}");
            last = tick;
            for view in VIEWS {
                recorded.push((view, tick, run.view(view).await));
            }
        }
        run.engine.shutdown();
        clock.set_back(HOUR);
    }
    let run = Run::start(folder.path(), &clock, 1, "10", true).await;
    for (view, tick, rows) in &recorded {
        assert_eq!(run.view_at(view, *tick).await, *rows, "{view} at {tick}");
    }
    // Once the clock has come round again it is followed, and a snapshot is due.
    clock.pass(HOUR * 5);
    let tick = run.snapshot("later", "7 70").await;
    assert!(tick > last + HOUR.as_micros() as u64, "{tick} is after {last}");
    run.engine.shutdown();
}
