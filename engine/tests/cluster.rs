//! Several processes' worth of engine in one test process: a head and members over loopback, on a graph that knows nothing of
//! finance.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../tests/free_address/mod.rs"]
mod free_address;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use engine::cluster::{ClusterConfig, Hosts, Member, MemberConfig, Secret};
use engine::{
    Batch, Cell, Column, ColumnKind, Decoder, Engine, EngineConfig, EngineError, Event, Graph, Inputs, Kept, Key,
    Program, Request, Row, SourceSpec, Subscription, Texts, Tick, Update, ViewSpec, Views,
};
use free_address::free_address;
use operators::upsert::upsert;
use parking_lot::{Condvar, Mutex, RwLock};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// How many rows a tick takes, and how many may wait for the workers before no more are given.
const TICK_ROWS_MAX: i64 = 131_072;

/// Numbers by key, with their names. In one process it may be held up, or have a defect.
#[derive(Clone, Default)]
struct Numbers {
    names: Names,
    gate: Gate,
    has_defect: bool,
}

impl Graph<i64> for Numbers {
    fn build(&self, inputs: Inputs<'_, i64>, views: &mut Views) -> Kept<i64> {
        let Numbers { names, gate, has_defect } = self.clone();
        let numbers = upsert(inputs.events, "numbers", |_| 0);
        let kept = Kept::of(&numbers);
        let rows = numbers.as_collection(move |_, value| {
            gate.pass();
            assert!(!has_defect, "a defect");
            let name = names.of(*value).unwrap_or_else(|| panic!("{value} has no name here"));
            Row::new([Cell::Int(*value), Cell::text(name)])
        });
        let columns = vec![Column::new("value", ColumnKind::Int), Column::new("name", ColumnKind::Text)];
        views.rows(ViewSpec { name: "numbers".into(), about: String::new(), columns, key: vec![0] }, rows);
        kept
    }
}

/// The names of numbers: each process knows those that it was told.
#[derive(Clone, Default)]
struct Names(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    names: BTreeMap<i64, String>,
    followers: Vec<mpsc::Sender<Arc<str>>>,
}

impl Names {
    fn of(&self, number: i64) -> Option<String> {
        self.0.read().names.get(&number).cloned()
    }
}

impl Texts for Names {
    fn text(&self, _: [u8; 16]) -> Option<Arc<str>> {
        None
    }

    fn follow(&self) -> mpsc::Receiver<Arc<str>> {
        let (follower, texts) = mpsc::channel();
        let mut state = self.0.write();
        state.names.values().for_each(|name| follower.send(Arc::from(name.as_str())).unwrap());
        state.followers.push(follower);
        texts
    }

    fn keep(&self, text: &str) {
        let number = text.rsplit(' ').next().unwrap().parse().unwrap();
        let mut state = self.0.write();
        if state.names.insert(number, text.to_owned()).is_none() {
            state.followers.retain(|follower| follower.send(Arc::from(text)).is_ok());
        }
    }
}

/// Holds up whoever passes while it is closed.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn set_closed(&self, is_closed: bool) {
        *self.0.0.lock() = is_closed;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        self.0.1.wait_while(&mut self.0.0.lock(), |is_closed| *is_closed);
    }
}

/// Payloads are `from to`: the numbers from one to the other, each under its own key, whose names are learned here.
struct Range(Names);

impl Decoder<i64> for Range {
    fn decode(&self, payload: &[u8]) -> Result<Batch<i64>, EngineError> {
        let text = String::from_utf8_lossy(payload);
        let (from, to) =
            text.split_once(' ').map(|(from, to)| (from.parse::<i64>().unwrap(), to.parse().unwrap())).unwrap();
        let event = |(offset, number): (u64, i64)| {
            self.0.keep(&format!("the number {number}"));
            let key = Key::of(&number);
            Event { key, member: 0, offset, record: Some(number) }
        };
        let events: Vec<_> = (0..).zip(from..to).map(event).collect();
        let upper = events.len() as u64;
        Ok(Batch { partition: Arc::from(""), upper, events, refusals: Vec::new(), continues: false })
    }
}

/// A head and its members.
struct Cluster {
    head: Engine,
    members: Vec<Member>,
    _folder: tempfile::TempDir,
}

fn hosts(processes: usize) -> Hosts {
    let lines: String = (0..processes).map(|_| format!("{}\n", free_address())).collect();
    Hosts::parse("hosts", &lines).unwrap()
}

fn place(hosts: &Hosts, process: usize) -> ClusterConfig {
    let secret = Secret::new("a secret that is long enough").unwrap();
    ClusterConfig::new(hosts.clone(), process, Some(secret), "tests", "numbers").unwrap().forming_within(PATIENCE)
}

/// Starts a head, and one member for each of these graphs.
fn start(workers: usize, members: &[Numbers]) -> Cluster {
    let hosts = hosts(members.len() + 1);
    let folder = tempfile::tempdir().unwrap();
    let start_member = |(process, graph): (usize, &Numbers)| {
        let config = MemberConfig { cluster: place(&hosts, process), workers, retention: PATIENCE };
        let graph = graph.clone();
        std::thread::spawn(move || Member::start(config, graph.clone(), Arc::new(graph.names)).unwrap())
    };
    let starting: Vec<_> = (1..).zip(members).map(start_member).collect();
    let names = Names::default();
    let config = EngineConfig { workers, cluster: Some(place(&hosts, 0)), ..EngineConfig::new(folder.path()) };
    let sources = vec![SourceSpec::push("ranges", Range(names.clone()))];
    let graph = Numbers { names: names.clone(), ..Numbers::default() };
    let head = Engine::start(config, Program::new(graph, sources, Arc::new(names))).unwrap();
    let members = starting.into_iter().map(|member| member.join().unwrap()).collect();
    Cluster { head, members, _folder: folder }
}

async fn push(engine: &Engine, from: i64, to: i64) -> Tick {
    let receipt = engine.ingest().push("ranges", &from.to_string(), format!("{from} {to}").into_bytes()).await.unwrap();
    receipt.tick
}

fn numbers() -> Request {
    Request { view: "numbers".into(), ..Request::default() }
}

fn expected(count: i64) -> Vec<(Row, isize)> {
    let row = |number| (Row::new([Cell::Int(number), Cell::text(format!("the number {number}"))]), 1);
    let mut rows: Vec<_> = (0..count).map(row).collect();
    // By their keys, as people read them.
    rows.sort_by_key(
        |(row, _)| if let Cell::Int(number) = row.cells()[0] { number.to_string() } else { String::new() },
    );
    rows
}

/// The changes of a tick.
async fn changes_at(following: &mut Subscription, tick: Tick) -> Vec<(Row, isize)> {
    loop {
        match timeout(PATIENCE, following.next()).await.unwrap().unwrap().unwrap() {
            Update::Changes(at, rows) if at == tick => return rows,
            Update::Progress(at) => assert!(at <= tick, "the changes come first"),
            _ => {}
        }
    }
}

async fn stop(cluster: Cluster) {
    let Cluster { head, mut members, _folder } = cluster;
    timeout(PATIENCE, tokio::task::spawn_blocking(move || head.shutdown())).await.expect("the head ends").unwrap();
    for member in &mut members {
        timeout(PATIENCE, member.ended()).await.expect("a member ends").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_larger_than_a_message_arrives_whole_and_every_process_knows_the_names() {
    const COUNT: i64 = 20_000;
    for (workers, members) in [(1, 1), (2, 2)] {
        let graphs: Vec<_> = (0..members).map(|_| Numbers::default()).collect();
        let cluster = start(workers, &graphs);
        let engine = &cluster.head;
        let mut following = engine.reader().subscribe(&numbers()).await.unwrap();
        let tick = push(engine, 0, COUNT).await;
        assert_eq!(changes_at(&mut following, tick).await, expected(COUNT), "changes, as they happen");
        let snapshot = engine.reader().snapshot(&numbers()).await.unwrap();
        assert_eq!(snapshot.rows, expected(COUNT), "a snapshot");
        let past = Request { from_tick: Some(tick - 1), ..numbers() };
        let mut resumed = engine.reader().subscribe(&past).await.unwrap();
        assert_eq!(changes_at(&mut resumed, tick).await, expected(COUNT), "changes of the past");
        let one = Request { filter: Some(serde_json::json!({"name": "the number 17"})), ..numbers() };
        assert_eq!(
            engine.reader().snapshot(&one).await.unwrap().rows,
            [expected(18).into_iter().find(|(row, _)| row.cells()[0] == Cell::Int(17)).unwrap()]
        );
        let runs = engine.reader().snapshot(&Request { view: "runs".into(), ..Request::default() }).await.unwrap();
        let all = (workers * (members + 1)) as i64;
        assert_eq!(runs.rows[0].0.cells()[4], Cell::Int(all), "the workers of all processes are counted");
        drop((following, resumed));
        stop(cluster).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_stands_still_holds_up_the_sources_within_a_bound_and_loses_nothing() {
    const BATCH: i64 = 20_000;
    const BATCHES: i64 = 40;
    let gate = Gate::default();
    let cluster = start(1, &[Numbers { gate: gate.clone(), ..Numbers::default() }]);
    let engine = &cluster.head;
    push(engine, -1, 0).await;
    gate.set_closed(true);
    let mut taken = 0;
    // A push that is not acknowledged is one that the binder waits with.
    let waiting = loop {
        let (from, ingest) = (taken * BATCH, engine.ingest().clone());
        let payload = format!("{from} {}", from + BATCH).into_bytes();
        let mut pushing = tokio::spawn(async move { ingest.push("ranges", &from.to_string(), payload).await.unwrap() });
        match timeout(Duration::from_secs(8), &mut pushing).await {
            Ok(_) => taken += 1,
            Err(_) => break pushing,
        }
        if taken == BATCHES {
            gate.set_closed(false);
            panic!("{taken} batches are taken, and the member takes none");
        }
    };
    gate.set_closed(false);
    // Half of each batch is the member's, and may wait until there is more than a tick of it.
    let bound = TICK_ROWS_MAX / (BATCH / 2) + 2;
    assert!((1..=bound).contains(&taken), "{taken} batches are taken before the binder waits, {bound} at most");
    let tick = timeout(PATIENCE, waiting).await.unwrap().unwrap().tick;
    engine.reader().reached(tick).await;
    let snapshot = engine.reader().snapshot(&numbers()).await.unwrap();
    assert_eq!(snapshot.rows.len() as i64, (taken + 1) * BATCH + 1);
    stop(cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_worker_dies_ends_the_cluster_and_the_head_says_why() {
    let cluster = start(1, &[Numbers { has_defect: true, ..Numbers::default() }]);
    let Cluster { head, mut members, _folder } = cluster;
    let dying = tokio::spawn(async move {
        let error = members[0].ended().await.unwrap_err();
        assert!(error.what.contains("a worker has died"), "{error}");
    });
    // Enough of them for each worker to have some.
    push(&head, 0, 100).await;
    let failure = timeout(PATIENCE, head.reader().status().failed()).await.expect("the head is told");
    assert!(failure.what.starts_with("process 1 (127.0.0.1:"), "{failure}");
    assert!(failure.what.ends_with("has failed: a worker has died; the log says why"), "{failure}");
    timeout(PATIENCE, dying).await.expect("the member tells").unwrap();
    let read = timeout(PATIENCE, head.reader().snapshot(&numbers())).await.expect("a reader is answered");
    assert!(read.is_err());
    timeout(PATIENCE, tokio::task::spawn_blocking(move || head.shutdown())).await.expect("the head ends").unwrap();
}

fn start_member(hosts: &Hosts, process: usize, forming_max: Duration) -> Result<Member, EngineError> {
    let cluster = place(hosts, process).forming_within(forming_max);
    let graph = Numbers::default();
    Member::start(MemberConfig { cluster, workers: 1, retention: PATIENCE }, graph.clone(), Arc::new(graph.names))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_a_process_is_taken_until_that_process_goes() {
    let taken = hosts(4);
    let list = |places: [usize; 3]| Hosts::parse("hosts", &places.map(|place| taken.get(place)).join("\n")).unwrap();
    let (hosts, rivals) = (list([0, 1, 2]), list([0, 3, 2]));
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { cluster: Some(place(&hosts, 0)), ..EngineConfig::new(folder.path()) };
    let head = std::thread::spawn(move || {
        let names = Names::default();
        let sources = vec![SourceSpec::push("ranges", Range(names.clone()))];
        let graph = Numbers { names: names.clone(), ..Numbers::default() };
        Engine::start(config, Program::new(graph, sources, Arc::new(names))).unwrap()
    });
    let early = std::thread::spawn({
        let hosts = hosts.clone();
        move || start_member(&hosts, 1, Duration::from_secs(6)).err().unwrap()
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let rival = start_member(&rivals, 1, Duration::from_secs(2)).err().unwrap();
    assert!(rival.what.contains("process 1 is there already"), "{rival}");
    let early = early.join().unwrap();
    assert!(early.what.starts_with("all other processes did not come"), "{early}");

    // Both have gone: others may take their place.
    let others = [1, 2].map(|process| {
        let hosts = hosts.clone();
        std::thread::spawn(move || start_member(&hosts, process, PATIENCE).unwrap())
    });
    let cluster = Cluster {
        head: head.join().unwrap(),
        members: others.map(|member| member.join().unwrap()).into(),
        _folder: folder,
    };
    let tick = push(&cluster.head, 0, 10).await;
    cluster.head.reader().reached(tick).await;
    assert_eq!(cluster.head.reader().snapshot(&numbers()).await.unwrap().rows, expected(10));
    stop(cluster).await;
}

#[test]
fn a_member_that_nobody_answers_gives_up_and_says_whom_it_waited_for() {
    let hosts = hosts(2);
    let error = start_member(&hosts, 1, Duration::from_secs(1)).err().unwrap();
    assert!(error.what.contains("process 0") && error.what.contains("did not come within 1 seconds"), "{error}");
}
