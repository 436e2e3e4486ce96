use std::time::Duration;

use engine::{ErrorKind, Tick};
use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::{Held, Served, changes, rows, soon, until};
use crate::flight::client::Client;
use crate::flight::{Kind, Ticket};
use crate::toy::{self, Gate, pushed};

#[tokio::test]
async fn an_amendment_is_one_retraction_and_one_insertion_in_one_tick() {
    let served = Served::ready().await;
    served.push("a", [(1, Some(11)), (2, Some(21))]).await;
    let mut messages = served.client().await.read(&Ticket::subscription("totals")).await.unwrap();
    let end = until(&mut messages, Kind::SnapshotEnd).await;
    let tick = served.push("b", [(2, Some(31))]).await;
    let message = until(&mut messages, Kind::Changes).await;
    assert!(end.metadata.tick < tick);
    assert_eq!(rows(&message.batch), [(tick, -1, "1".into(), 1, 32), (tick, 1, "1".into(), 1, 42)]);
    let metadata = message.metadata;
    assert_eq!(
        (metadata.tick, metadata.last, metadata.frontier, metadata.resume),
        (tick, true, Some(tick + 1), Some(tick))
    );
}

#[tokio::test]
async fn progress_comes_as_batches_without_rows_also_when_nothing_changes() {
    let served = Served::ready().await;
    let mut messages = served.client().await.read(&Ticket::subscription("numbers")).await.unwrap();
    let mut frontier = until(&mut messages, Kind::SnapshotEnd).await.metadata.frontier.unwrap();
    let started = Instant::now();
    let mut steps = 0;
    while steps < 3 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!((message.metadata.kind, message.batch.num_rows(), message.metadata.last), (Kind::Progress, 0, true));
        let next = message.metadata.frontier.unwrap();
        assert_eq!(message.metadata.resume.unwrap() + 1, next);
        // An engine that is late has the same said again.
        assert!(next >= frontier);
        steps += usize::from(next > frontier);
        frontier = next;
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_reader_hears_of_a_living_server_also_while_a_tick_stays_open() {
    let gate = Gate::default();
    gate.close(true);
    let folder = tempfile::tempdir().unwrap();
    let engine = toy::start_held(folder.path(), &gate);
    let served = Served::of(folder, engine).await;
    served.engine().reader().status().ready().await.unwrap();
    let client = served.client().await;
    let open = client.put("numbers", Some("a"), &[pushed([(1, Some(11))])]).await.unwrap();
    let mut messages = client.read(&Ticket::subscription("numbers")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    for _ in 0..2 {
        let message = timeout(Duration::from_secs(60), messages.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(message.metadata.kind, Kind::Progress);
        assert!(message.metadata.frontier.unwrap() <= open.tick, "the tick is not complete");
    }
    gate.close(false);
    let message = until(&mut messages, Kind::Changes).await;
    assert_eq!((message.metadata.tick, changes(&message.batch)), (open.tick, vec![(1, 1, 11)]));
}

#[tokio::test]
async fn progress_is_not_sent_for_each_of_many_ticks() {
    let served = Served::ready().await;
    let mut messages = served.client().await.read(&Ticket::subscription("dead_letters")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    let started = Instant::now();
    let mut last = 0;
    for number in 0..200 {
        last = served.push(&number.to_string(), [(1, Some(number))]).await;
    }
    let elapsed = started.elapsed();
    let mut count = 0;
    while until(&mut messages, Kind::Progress).await.metadata.tick < last {
        count += 1;
    }
    assert!(count <= 2 + elapsed.as_millis() / 10, "{count} in {elapsed:?}");
}

#[tokio::test]
async fn a_large_tick_can_be_resumed_from_only_once_it_is_whole() {
    let served = Served::ready().await;
    let mut messages = served.client().await.read(&Ticket::subscription("numbers")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    let tick = served.push("a", (0..20_000).map(|key| (key, Some(key)))).await;
    for (count, is_last) in [(8192, false), (8192, false), (3616, true)] {
        let message = until(&mut messages, Kind::Changes).await;
        assert_eq!((message.metadata.tick, message.batch.num_rows(), message.metadata.last), (tick, count, is_last));
        assert_eq!(
            (message.metadata.resume, message.metadata.frontier),
            if is_last { (Some(tick), Some(tick + 1)) } else { (None, None) }
        );
    }
}

#[tokio::test]
async fn a_subscription_goes_on_after_from_tick_without_a_snapshot() {
    let served = Served::ready().await;
    let first = served.push("a", [(1, Some(11))]).await;
    let second = served.push("b", [(1, Some(12))]).await;
    let ticket = Ticket { from_tick: Some(first), ..Ticket::snapshot("numbers") };
    let mut messages = served.client().await.read(&ticket).await.unwrap();
    let message = messages.next().await.unwrap().unwrap();
    assert_eq!((message.metadata.kind, message.metadata.tick), (Kind::Changes, second));
    assert_eq!(changes(&message.batch), [(-1, 1, 11), (1, 1, 12)]);
    assert_eq!(messages.next().await.unwrap().unwrap().metadata.kind, Kind::Progress);
}

#[tokio::test]
async fn a_subscription_can_start_in_the_past_and_end_before_a_tick() {
    let served = Served::ready().await;
    let first = served.push("a", [(1, Some(11))]).await;
    let second = served.push("b", [(1, Some(12))]).await;
    let third = served.push("c", [(1, Some(13))]).await;
    let ticket = Ticket { as_of: Some(first), up_to: Some(third), ..Ticket::subscription("numbers") };
    let mut messages = served.client().await.read(&ticket).await.unwrap();
    let mut seen = Vec::new();
    while let Some(message) = messages.next().await.unwrap() {
        seen.push((message.metadata.kind, message.metadata.tick, changes(&message.batch)));
    }
    let expected = [
        (Kind::Snapshot, first, vec![(1, 1, 11)]),
        (Kind::SnapshotEnd, first, vec![]),
        (Kind::Changes, second, vec![(-1, 1, 11), (1, 1, 12)]),
        (Kind::Progress, third - 1, vec![]),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_client_that_goes_away_is_forgotten() {
    let served = Served::ready().await;
    let client = served.client().await;
    let mut messages = client.read(&Ticket::subscription("numbers")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    assert_eq!(served.subscriptions(), 1);
    drop(messages);
    soon(|| served.subscriptions() == 0).await;
}

#[tokio::test]
async fn a_slow_reader_is_told_where_to_resume() {
    let served = Served::ready().await;
    let mut messages = served.client().await.read(&Ticket::subscription("numbers")).await.unwrap();
    let mut resume = until(&mut messages, Kind::SnapshotEnd).await.metadata.resume;
    for round in 0..14 {
        served.push(&round.to_string(), (0..60_000).map(|key| (key, Some(100 * key + round)))).await;
    }
    let mut held = Held::default();
    let error = loop {
        match messages.next().await {
            Ok(message) => {
                let message = message.unwrap();
                held.add(&message.batch);
                resume = message.metadata.resume;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, ErrorKind::Exhausted);
    assert!(error.help.contains(&format!("from_tick = {},", resume.unwrap())), "{error}");
    let ticket = Ticket { from_tick: resume, ..Ticket::snapshot("numbers") };
    let mut messages = served.client().await.read(&ticket).await.unwrap();
    loop {
        let message = messages.next().await.unwrap().unwrap();
        held.add(&message.batch);
        if message.metadata.kind == Kind::Progress {
            break;
        }
    }
    assert_eq!(held, Held::of((0..60_000).map(|key| (key, 100 * key + 13))));
}

#[tokio::test]
async fn a_server_that_stops_ends_its_subscriptions_and_says_where_to_resume() {
    let mut served = Served::ready().await;
    let mut messages = served.client().await.read(&Ticket::subscription("numbers")).await.unwrap();
    let resume = until(&mut messages, Kind::SnapshotEnd).await.metadata.resume.unwrap();
    let stopping = Instant::now();
    served.stop_serving().await;
    // Sooner than those are cut who do not go, after five seconds.
    assert!(stopping.elapsed() < Duration::from_secs(4), "{:?}", stopping.elapsed());
    let error = messages.next().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.help, format!("connect again, and resume with from_tick = {resume}"));
}

/// Passes connections on to a server, and cuts them.
struct Proxy {
    address: String,
    server: JoinHandle<()>,
}

impl Proxy {
    async fn start(to: String, listen: &str) -> Self {
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let mut server = TcpStream::connect(&to).await.unwrap();
                connections.spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            }
        });
        Proxy { address, server }
    }

    async fn cut(self) -> String {
        self.server.abort();
        let _ = self.server.await;
        self.address
    }
}

#[tokio::test]
async fn a_subscription_outlives_its_connections_without_a_gap_or_a_repetition() {
    let served = Served::ready().await;
    let mut expected = Held::default();
    let mut proxy = Proxy::start(served.address.clone(), "127.0.0.1:0").await;
    let mut follow = Client::connect(&proxy.address).await.unwrap().follow(Ticket::subscription("numbers"));
    let mut held = Held::default();
    for round in 0..5 {
        let values = move |key: i64| 100 * round + key;
        let tick = served.push(&round.to_string(), (0..9_000).map(|key| (key, Some(values(key))))).await;
        expected = Held::of((0..9_000).map(|key| (key, values(key))));
        let mut ticks: Vec<Tick> = Vec::new();
        while follow.resume().is_none_or(|resume| resume < tick) {
            let message = timeout(Duration::from_secs(60), follow.next()).await.unwrap().unwrap().unwrap();
            held.add(&message.batch);
            ticks.push(message.metadata.tick);
        }
        assert!(ticks.is_sorted());
        let address = proxy.cut().await;
        proxy = Proxy::start(served.address.clone(), &address).await;
        if round == 2 {
            // What changes while nobody is connected is not missed.
            served.push("between", [(1, None), (2, Some(-1))]).await;
        }
    }
    while let Ok(message) = timeout(Duration::from_millis(300), follow.next()).await {
        held.add(&message.unwrap().unwrap().batch);
    }
    assert_eq!(held, expected);
}

/// Passes the first connection on until it has carried this many bytes to the client, and the later ones for ever.
async fn start_breaking_proxy(to: String, size_bytes: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut limit = size_bytes;
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&to).await.unwrap();
            let limit = std::mem::replace(&mut limit, u64::MAX);
            tokio::spawn(async move {
                let ((mut asks, mut takes), (answers, mut hears)) = (client.split(), server.split());
                let mut answers = answers.take(limit);
                tokio::select! {
                    _ = tokio::io::copy(&mut asks, &mut hears) => {}
                    _ = tokio::io::copy(&mut answers, &mut takes) => {}
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_tick_that_came_in_part_is_not_seen_until_it_comes_whole() {
    let served = Served::ready().await;
    let proxy = start_breaking_proxy(served.address.clone(), 500_000).await;
    let mut follow = Client::connect(&proxy).await.unwrap().follow(Ticket::subscription("numbers"));
    let before = follow.next().await.unwrap().unwrap().metadata.tick;
    let tick = served.push("a", (0..30_000).map(|key| (key, Some(key)))).await;
    assert!(before < tick);
    let mut counts = Vec::new();
    while follow.resume().is_none_or(|resume| resume < tick) || counts.len() < 4 {
        let message = timeout(Duration::from_secs(60), follow.next()).await.unwrap().unwrap().unwrap();
        counts.extend((message.metadata.kind == Kind::Changes).then(|| message.batch.num_rows()));
    }
    assert_eq!(counts, [8192, 8192, 8192, 5424]);
}

#[tokio::test]
async fn a_subscription_outlives_its_server() {
    let mut served = Served::ready().await;
    let mut follow = served.client().await.follow(Ticket::subscription("totals"));
    let mut held = Held::default();
    let first = served.push("a", [(1, Some(11))]).await;
    while follow.resume().is_none_or(|resume| resume < first) {
        held.add(&follow.next().await.unwrap().unwrap().batch);
    }
    let address = served.address.clone();
    served.stop_serving().await;
    let receipt = served.engine().ingest().push("numbers", "b", payload()).await.unwrap();
    served.serve(&address).await;
    while follow.resume().is_none_or(|resume| resume < receipt.tick) {
        held.add(&follow.next().await.unwrap().unwrap().batch);
    }
    assert_eq!(held, Held::of([(1, 11), (2, 2)]));
}

fn payload() -> Vec<u8> {
    let batch = pushed([(2, Some(2))]);
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test]
async fn a_tick_that_was_compacted_while_nobody_read_is_an_error_and_never_a_gap() {
    let served = Served::start_with(tempfile::tempdir().unwrap(), Duration::ZERO, &Gate::default()).await;
    served.engine().reader().status().ready().await.unwrap();
    let proxy = Proxy::start(served.address.clone(), "127.0.0.1:0").await;
    let mut follow = Client::connect(&proxy.address).await.unwrap().follow(Ticket::subscription("numbers"));
    follow.next().await.unwrap().unwrap();
    let address = proxy.cut().await;
    served.push("a", [(1, Some(1))]).await;
    served.push("b", [(1, Some(2))]).await;
    let _proxy = Proxy::start(served.address.clone(), &address).await;
    let error = loop {
        if let Err(error) = timeout(Duration::from_secs(60), follow.next()).await.unwrap() {
            break error;
        }
    };
    assert_eq!(error.kind, ErrorKind::Compacted, "{error}");
}
