//! Nothing lost, nothing twice: the binary is killed at random moments of a live run, more than fifty times, and what it
//! shows in the end is what a run shows that was never killed. Observers follow it meanwhile, and at every tick everything ties
//! out. `TIEOUT_KILLS` asks for another number of kills.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;
mod storm;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use sinks::flight::Ticket;

use live::{Random, Server, changes, seed, views};
use storm::{assert_same, calm, day, folder, settle};
use watch::Watch;

const KILLS: usize = 60;
const BATCHES: u64 = 240;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_it_shows_what_a_run_shows_that_was_never_killed() {
    let kill_count = std::env::var("TIEOUT_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let day = day(BATCHES.max(2 * kill_count as u64));
    let expected = calm(&day).await;

    let stormy = folder();
    let mut random = Random(seed());
    let mut server = Server::start(stormy.path());
    let mut client = server.client().await;
    let mut watch = Watch::begun(&server).await;
    let (mut kills, mut receipts) = (0, BTreeMap::new());
    for (place, (source, id, batch)) in day.iter().enumerate() {
        loop {
            let put = client.put(source, Some(id), std::slice::from_ref(batch));
            let is_due = kills * day.len() < (place + 1) * kill_count;
            let moment = Duration::from_micros(random.below(6000));
            let result = if is_due && kills < kill_count {
                let (result, ()) = tokio::join!(put, async {
                    tokio::time::sleep(moment).await;
                    server.kill();
                });
                kills += 1;
                server = Server::start(stormy.path());
                client = server.client().await;
                watch.moved(&server);
                result
            } else {
                put.await
            };
            // Without a receipt nobody knows: so it is pushed again, under the same id.
            if let Ok(receipt) = result {
                receipts.insert(id.clone(), receipt.tick);
                // The past is computed again for who resumes: of some lives, there are to be witnesses.
                if place % 12 == 0 {
                    watch.saw(receipt.tick).await;
                }
                break;
            }
        }
    }
    assert_eq!(kills, kill_count);
    settle(&client, &day).await;
    assert_same(&views(&client, false).await, &expected, "after the kills");
    let last = client.snapshot(&Ticket::snapshot("breaks")).await.unwrap().0;
    let seen = watch.end(last).await;
    println!("{kills} kills, {} batches; the observers: {seen:?}", day.len());
    for seen in seen {
        assert!(seen.ticks > 50 && seen.resumed > kills / 10 && seen.compared > 0 && seen.anew == 0, "{seen:?}");
    }

    for (source, id, batch) in &day {
        let again = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
        assert!(again.duplicate, "{id} was acknowledged, so it must not be taken again");
        assert_eq!(again.tick, receipts[id], "and it keeps its tick");
    }
    let before = views(&client, true).await;
    server.kill();
    let server = Server::start(stormy.path());
    let client = server.client().await;
    settle(&client, &day).await;
    assert_eq!(views(&client, true).await, before, "a restart gives the very same ticks and rows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_gives_the_very_same_changes_tick_by_tick() {
    let (day, folder) = (day(BATCHES), folder());
    let mut server = Server::start(folder.path());
    let client = server.client().await;
    let mut ticks = Vec::new();
    for (source, id, batch) in &day {
        ticks.push(client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick);
    }
    settle(&client, &day).await;
    let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
    let before = changes(&client, "breaks", first, last).await;
    assert!(before.len() > 50 && before.keys().all(|tick| ticks.contains(tick)), "{before:?}");
    server.kill();
    let server = Server::start(folder.path());
    let after = changes(&server.client().await, "breaks", first, last).await;
    assert_eq!(after, before);
}
