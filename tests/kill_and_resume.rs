//! Nothing lost, nothing twice: the binary is killed at random moments of a live run, more than fifty times, and what it
//! shows in the end is what a run shows that was never killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use sinks::flight::Ticket;
use sinks::flight::client::Client;

use live::{Random, Server, views};

const KILLS: usize = 60;
const BATCHES: u64 = 240;

const CONFIG: &str = r#"
listen = "127.0.0.1:0"
retention_seconds = 3600

[source.internal]
kind = "flight"
record = "trade"
tombstone = { column = "status", values = ["cancelled"] }

[source.broker]
kind = "flight"
record = "trade"
tombstone = { column = "status", values = ["cancelled"] }

[reconciliation.equities]
sides = ["internal", "broker"]
compare = ["instrument", "side", "quantity", "price"]
tolerance = [{ field = "price", absolute = "0.01" }]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "execution_id"
[[reconciliation.equities.tier]]
kind = "economics"
fields = ["instrument", "side", "quantity", "price"]
"#;

/// The batches of a day: new trades, corrections and cancellations, of both sides, some of them never matched.
fn day() -> Vec<(&'static str, String, RecordBatch)> {
    let mut random = Random(7);
    (0..BATCHES)
        .map(|number| {
            let source = if number % 2 == 0 { "internal" } else { "broker" };
            let rows: Vec<[String; 7]> = (0..1 + random.below(5))
                .map(|_| {
                    let trade = random.below(60);
                    let status = if random.below(8) == 0 { "cancelled" } else { "" };
                    [
                        format!("{source}-{trade}"),
                        format!("EXECUTION-{}", trade % 50),
                        ["ES", "NQ", "CL"][random.below(3) as usize / 2].to_owned(),
                        ["BUY", "SELL"][trade as usize % 2].to_owned(),
                        (100 * (1 + random.below(3) / 2)).to_string(),
                        format!("10.0{}", random.below(4) / 2 * 2),
                        status.to_owned(),
                    ]
                })
                .collect();
            (source, format!("batch-{number}"), batch(&rows))
        })
        .collect()
}

fn batch(rows: &[[String; 7]]) -> RecordBatch {
    let names = ["id", "execution_id", "instrument", "side", "quantity", "price", "status"];
    let column = |index: usize| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[index]))) as ArrayRef;
    RecordBatch::try_from_iter(names.iter().enumerate().map(|(index, name)| (*name, column(index)))).unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tieout.toml"), CONFIG).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_it_shows_what_a_run_shows_that_was_never_killed() {
    let day = day();

    let calm = folder();
    let server = Server::start(calm.path());
    let client = server.client().await;
    for (source, id, batch) in &day {
        client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
    }
    settle(&client, &day).await;
    let expected = views(&client, false).await;
    assert!(
        expected["breaks"].len() > 5 && expected["matches"].len() > 5,
        "the day has matches and breaks: {expected:?}"
    );
    drop(server);

    let stormy = folder();
    let mut random = Random(std::process::id().into());
    let mut server = Server::start(stormy.path());
    let mut client = server.client().await;
    let (mut kills, mut receipts) = (0, BTreeMap::new());
    for (place, (source, id, batch)) in day.iter().enumerate() {
        loop {
            let put = client.put(source, Some(id), std::slice::from_ref(batch));
            let is_due = kills * day.len() < place * KILLS + KILLS;
            let moment = Duration::from_micros(random.below(6000));
            let result = if is_due && kills < KILLS {
                let (result, ()) = tokio::join!(put, async {
                    tokio::time::sleep(moment).await;
                    server.kill();
                });
                kills += 1;
                server = Server::start(stormy.path());
                client = server.client().await;
                result
            } else {
                put.await
            };
            // Without a receipt nobody knows: so it is pushed again, under the same id.
            if let Ok(receipt) = result {
                receipts.insert(id.clone(), receipt.tick);
                break;
            }
        }
    }
    assert!(kills >= 50, "{kills} kills");
    settle(&client, &day).await;
    let found = views(&client, false).await;
    assert_eq!(found, expected);

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

/// Waits until everything that was acknowledged is shown.
async fn settle(client: &Client, day: &[(&'static str, String, RecordBatch)]) {
    let (source, id, batch) = &day[day.len() - 1];
    let last = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick;
    while client.snapshot(&Ticket::snapshot("conservation")).await.unwrap().0 < last {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
