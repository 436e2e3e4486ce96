//! The history of breaches follows from no later record: it is kept when the past is removed, over kills and changes of the
//! configuration.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use live::{Server, changes, lines};
use sinks::flight::Ticket;
use sinks::flight::client::Client;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(120);

/// Nothing is retained, and of the past next to nothing is kept: a start can only go on from a snapshot.
const CONFIG: &str = r#"
listen = "127.0.0.1:0"
retention_seconds = 0
[snapshots]
every_seconds = 0.03
history_seconds = 0.05
[books]
[source.portfolios]
kind = "files"
path = "portfolios.csv"
record = "portfolio"
[source.transactions]
kind = "files"
path = "transactions.csv"
record = "transaction"
[source.limits]
kind = "files"
path = "limits.csv"
record = "limit"
[source.prices]
kind = "flight"
record = "market_price"
"#;

const CRASH: &str = "[books.stress.crash]\nprice = [{ percent = -20 }]\n";

/// A hundred of a security whose name is longer than a symbol, with a limit of 12,000 on each security.
const FILES: [(&str, &str); 3] = [
    ("portfolios.csv", "id,base_currency\nGROWTH,USD\n"),
    (
        "transactions.csv",
        "id,transaction_type,portfolio,security,currency,trade_date,quantity,gross_amount\n\
         B1,BUY,GROWTH,ACME INCORPORATED OF NEW JERSEY,USD,2026-01-06,100,10000\n",
    ),
    ("limits.csv", "id,dimension,measure,breach_level\nL1,security,gross,12000\n"),
];

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in FILES.into_iter().chain([("tieout.toml", config)]) {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// Tells a price, under an id of its own; gives the tick.
async fn at_price(client: &Client, price: &str) -> u64 {
    let cells = ["ACME INCORPORATED OF NEW JERSEY", "USD", "2026-01-07", price];
    let column = |cell: &str| Arc::new(StringArray::from(vec![cell])) as ArrayRef;
    let names = ["security", "currency", "price_date", "price"];
    let batch = RecordBatch::try_from_iter(names.into_iter().zip(cells.map(column))).unwrap();
    client.put("prices", None, &[batch]).await.unwrap().tick
}

/// The history as of a tick or later.
async fn history(client: &Client, tick: u64) -> Vec<String> {
    let shown = ["limit", "group", "value", "began", "ended"];
    let begun = Instant::now();
    loop {
        let (at, batches) = client.snapshot(&Ticket::snapshot("limit_breach_history")).await.unwrap();
        if at >= tick {
            let mut rows: Vec<String> =
                batches.iter().flat_map(|batch| lines(batch, |name| shown.contains(&name))).collect();
            rows.sort();
            return rows;
        }
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lets prices come and go until all that was before a tick is removed.
async fn forgotten(folder: &Path, client: &Client, tick: u64) {
    let oldest = || {
        let names = fs::read_dir(folder.join("tieout-data/snapshots")).ok()?;
        names.filter_map(|name| name.ok()?.file_name().into_string().ok()?.parse::<u64>().ok()).min()
    };
    let begun = Instant::now();
    while oldest().is_none_or(|oldest| oldest <= tick) {
        assert!(begun.elapsed() < PATIENCE, "the past is not removed: {:?}", oldest());
        at_price(client, "100").await;
        at_price(client, "101").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_of_breaches_outlives_the_past_a_kill_and_another_configuration() {
    let folder = folder(CONFIG);
    let mut server = Server::start(folder.path());
    let client = server.client().await;
    let began = at_price(&client, "130").await;
    // The first tick, in which the files are read, stays open for a moment: what comes meanwhile is part of it.
    history(&client, began).await;
    at_price(&client, "150").await;
    let ended = at_price(&client, "100").await;
    let first =
        format!("began={began} ended={ended} limit=L1 group=ACME INCORPORATED OF NEW JERSEY value=15000.000000000000 ");
    assert_eq!(history(&client, ended).await, [first], "with its worst");
    forgotten(folder.path(), &client, ended).await;
    let again = at_price(&client, "140").await;
    let both = history(&client, again).await;
    assert_eq!(both.len(), 2, "{both:?}");

    server.kill();
    let server = Server::start(folder.path());
    let client = server.client().await;
    assert_eq!(history(&client, again).await, both, "after a kill");
    drop(server);

    fs::write(
        folder.path().join("tieout.toml"),
        format!("{CONFIG}[books.stress.crash]\nprice = [{{ percent = -20 }}]\n"),
    )
    .unwrap();
    let server = Server::start(folder.path());
    let client = server.client().await;
    assert_eq!(history(&client, again).await, both, "under another configuration");
    let over = at_price(&client, "90").await;
    let ended = both.iter().map(|row| row.replace("ended= ", &format!("ended={over} ")));
    assert_eq!(history(&client, over).await, ended.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_the_history_over_a_change_of_the_configuration_is_told_of_nothing_that_did_not_happen() {
    let config = CONFIG.replace("history_seconds = 0.05\n", "").replace("every_seconds = 0.03", "every_seconds = 3600");
    let folder = folder(&config);
    let server = Server::start(folder.path());
    let client = server.client().await;
    let first = at_price(&client, "100").await;
    history(&client, first).await;
    at_price(&client, "130").await;
    at_price(&client, "100").await;
    let seen = at_price(&client, "140").await;
    assert_eq!(history(&client, seen).await.len(), 2);
    drop(server);

    fs::write(folder.path().join("tieout.toml"), format!("{config}{CRASH}")).unwrap();
    let server = Server::start(folder.path());
    let client = server.client().await;
    let over = at_price(&client, "100").await;
    history(&client, over).await;
    let changes = changes(&client, "limit_breach_history", seen, over).await;
    assert_eq!(changes.keys().collect::<Vec<_>>(), [&over], "{changes:?}");
}
