use std::time::Duration;

use engine::{ErrorKind, Tick};
use serde_json::json;

use super::{Held, Served, changes, rows};
use crate::flight::client::Message;
use crate::flight::{Kind, Ticket};
use crate::toy::Gate;

async fn read(served: &Served, ticket: &Ticket) -> Vec<Message> {
    let mut messages = served.client().await.read(ticket).await.unwrap();
    let mut all = Vec::new();
    while let Some(message) = messages.next().await.unwrap() {
        all.push(message);
    }
    all
}

#[tokio::test]
async fn a_snapshot_is_one_tick_and_its_end_is_marked() {
    let served = Served::ready().await;
    let tick = served.push("a", [(1, Some(11)), (2, Some(22)), (3, Some(31))]).await;
    let messages = read(&served, &Ticket::snapshot("totals")).await;
    let [snapshot, end] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(snapshot.metadata.tick >= tick);
    assert_eq!(
        (snapshot.metadata.kind, snapshot.metadata.last, snapshot.metadata.resume),
        (Kind::Snapshot, false, None)
    );
    let at = snapshot.metadata.tick;
    assert_eq!(rows(&snapshot.batch), [(at, 1, "1".into(), 1, 42), (at, 1, "2".into(), 2, 22)]);
    assert_eq!((end.metadata.kind, end.metadata.last, end.batch.num_rows()), (Kind::SnapshotEnd, true, 0));
    assert_eq!((end.metadata.tick, end.metadata.frontier, end.metadata.resume), (at, Some(at + 1), Some(at)));
}

#[tokio::test]
async fn an_empty_view_is_a_batch_without_rows() {
    let served = Served::ready().await;
    let messages = read(&served, &Ticket::snapshot("totals")).await;
    assert_eq!(
        messages.iter().map(|message| (message.metadata.kind, message.batch.num_rows())).collect::<Vec<_>>(),
        [(Kind::SnapshotEnd, 0)]
    );
    let (_, batches) = served.client().await.snapshot(&Ticket::snapshot("totals")).await.unwrap();
    assert!(batches.is_empty());
}

#[tokio::test]
async fn a_large_snapshot_comes_in_messages_of_bounded_size() {
    let served = Served::ready().await;
    served.push("a", (0..20_000).map(|key| (key, Some(key)))).await;
    let messages = read(&served, &Ticket::snapshot("numbers")).await;
    let counts: Vec<_> = messages.iter().map(|message| message.batch.num_rows()).collect();
    assert_eq!(counts, [8192, 8192, 3616, 0]);
    assert!(messages.iter().all(|message| message.metadata.tick == messages[0].metadata.tick));
    let mut held = Held::default();
    messages.iter().for_each(|message| held.add(&message.batch));
    assert_eq!(held, Held::of((0..20_000).map(|key| (key, key))));
}

#[tokio::test]
async fn the_past_is_read_as_it_was_then() {
    let served = Served::ready().await;
    let first = served.push("a", [(1, Some(11))]).await;
    let second = served.push("b", [(1, Some(12)), (2, Some(2))]).await;
    for (as_of, expected) in
        [(first, vec![(1, 1, 11)]), (second - 1, vec![(1, 1, 11)]), (second, vec![(1, 1, 12), (1, 2, 2)])]
    {
        let ticket = Ticket { as_of: Some(as_of), ..Ticket::snapshot("numbers") };
        let (tick, batches) = served.client().await.snapshot(&ticket).await.unwrap();
        assert_eq!((tick, changes(&batches[0])), (as_of, expected));
    }
}

#[tokio::test]
async fn a_filter_keeps_the_rows_that_agree_with_it() {
    let served = Served::ready().await;
    served.push("a", [(1, Some(11)), (2, Some(22)), (3, Some(31))]).await;
    let ticket = Ticket { filter: Some(json!({"value": {"gt": 20}, "key": [1, 2]})), ..Ticket::snapshot("numbers") };
    let (_, batches) = served.client().await.snapshot(&ticket).await.unwrap();
    assert_eq!(changes(&batches[0]), [(1, 2, 22)]);
}

#[tokio::test]
async fn a_row_that_is_there_twice_says_so() {
    let served = Served::ready().await;
    served.push("a", [(1, Some(11)), (2, Some(21))]).await;
    let (_, batches) = served.client().await.snapshot(&Ticket::snapshot("digits")).await.unwrap();
    let diffs = batches[0].column_by_name("_diff").unwrap();
    assert_eq!(format!("{diffs:?}"), "PrimitiveArray<Int64>\n[\n  2,\n]");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_reason() {
    let served = Served::start_with(tempfile::tempdir().unwrap(), Duration::ZERO, &Gate::default()).await;
    served.engine().reader().status().ready().await.unwrap();
    let first = served.push("a", [(1, Some(11))]).await;
    served.push("b", [(1, Some(12))]).await;
    let numbers = || Ticket::snapshot("numbers");
    let cases = [
        (Ticket::snapshot("number"), ErrorKind::NotFound, "no view `number`"),
        (Ticket { filter: Some(json!({"valeu": 1})), ..numbers() }, ErrorKind::Invalid, "no column `valeu`"),
        (Ticket { as_of: Some(Tick::MAX), ..numbers() }, ErrorKind::Invalid, "has not come yet"),
        (Ticket { from_tick: Some(Tick::MAX), ..numbers() }, ErrorKind::Invalid, "has not come yet"),
        (Ticket { as_of: Some(first), ..numbers() }, ErrorKind::Compacted, "take a snapshot again"),
        (Ticket { from_tick: Some(first), ..numbers() }, ErrorKind::Compacted, "take a snapshot again"),
        (Ticket { up_to: Some(first), subscribe: true, ..numbers() }, ErrorKind::Invalid, "not after the start"),
    ];
    for (ticket, kind, words) in cases {
        let error = served.client().await.read(&ticket).await.err().unwrap();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(served.subscriptions(), 0);
}
