//! A day of pushes, and what the views show of it: for tests in which the server dies.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use sinks::flight::Ticket;
use sinks::flight::client::Client;

use crate::live::{Random, Server, views};

/// Nothing is retained and snapshots are taken all the time: so each start goes on from one, and each read of a past tick
/// computes it again.
pub(crate) const CONFIG: &str = r#"
listen = "127.0.0.1:0"
retention_seconds = 0

[snapshots]
every_seconds = 0.03

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

/// A batch of a source under its id.
pub(crate) type Push = (&'static str, String, RecordBatch);

/// The batches of a day: new trades, corrections and cancellations, of both sides, some of them never matched.
pub(crate) fn day(batches: u64) -> Vec<Push> {
    let mut random = Random(7);
    (0..batches)
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

pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tieout.toml"), CONFIG).unwrap();
    folder
}

/// What all views show after a day on which nothing happened to the server.
pub(crate) async fn calm(day: &[Push]) -> BTreeMap<String, Vec<String>> {
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client().await;
    for (source, id, batch) in day {
        client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
    }
    settle(&client, day).await;
    let views = views(&client, false).await;
    assert!(views["breaks"].len() > 5 && views["matches"].len() > 5, "the day has matches and breaks: {views:?}");
    views
}

/// Waits until everything that was acknowledged is shown.
pub(crate) async fn settle(client: &Client, day: &[Push]) {
    let (source, id, batch) = &day[day.len() - 1];
    let last = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick;
    while client.snapshot(&Ticket::snapshot("conservation")).await.unwrap().0 < last {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
