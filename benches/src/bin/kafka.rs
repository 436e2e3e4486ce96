//! W1 from a real Kafka broker to the closed ticks, as a whole process: compact JSON, a topic for each side.
//!
//! `kafka [trades] [partitions]`: from the root of the repository; needs Java, Python and, the first time, Maven. Measured
//! twice, on new data folders: followed, tick by tick, and replayed as one tick.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use benches::measure::{argument, cpu_of, load};
use benches::w1::{Numbered, RULES, number_at};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sinks::flight::Ticket;
use sinks::flight::client::Client;

const TOPICS: [&str; 2] = ["internal", "broker"];

/// A process that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    let (trades, partitions) = (argument(1, 1_000_000), argument(2, 2));
    let folder = tempfile::tempdir().unwrap();
    let (broker, address) = start_broker(folder.path());
    let records = produce(&address, trades, i32::try_from(partitions).unwrap()).await;
    let java = child_of(broker.0.id()).expect("the broker runs");
    println!("W1 {trades} + {trades} trades from Kafka, {partitions} partitions a topic, load average {}", load());

    configure(folder.path(), &address);
    let mut followed = start(&["run"], &folder.path().join("followed"), folder.path());
    let measured = Measured::begin(java);
    let client = Client::connect(&listening(&mut followed.0)).await.unwrap();
    while shown(&client).await < records {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    measured.tell("followed, to the last closed tick", cpu_of(followed.0.id()), records);
    drop(followed);

    let mut replayed = start(&["replay"], &folder.path().join("replayed"), folder.path());
    let (measured, mut own) = (Measured::begin(java), Duration::ZERO);
    while replayed.0.try_wait().unwrap().is_none() {
        own = own.max(cpu_of(replayed.0.id()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let status = replayed.0.wait().unwrap().code();
    assert!(matches!(status, Some(0 | 3)), "the replay ends well: {status:?}");
    measured.tell("replayed as one tick, to the end of the process", own, records);
}

/// Starts the program on a data folder.
fn start(arguments: &[&str], data: &Path, config: &Path) -> Running {
    let binary = std::env::current_exe().unwrap().with_file_name("tieout");
    let mut command = Command::new(binary);
    command.args(arguments).arg(config).arg("--data").arg(data).stderr(Stdio::piped()).stdout(Stdio::null());
    Running(command.spawn().unwrap())
}

/// What is measured of a process since its start.
struct Measured {
    java: u32,
    java_before: Duration,
    begun: Instant,
}

impl Measured {
    fn begin(java: u32) -> Measured {
        Measured { java, java_before: cpu_of(java), begun: Instant::now() }
    }

    fn tell(&self, what: &str, own: Duration, records: u64) {
        let wall = self.begun.elapsed().as_secs_f64();
        let (own, java) = (own.as_secs_f64(), (cpu_of(self.java) - self.java_before).as_secs_f64());
        println!(
            "{what}: {wall:.3} s wall, {:.0} records/s; CPU {own:.2} s ({:.2} us a record), of the broker {java:.2} s; \
             load average {}",
            records as f64 / wall,
            own * 1e6 / records as f64,
            load()
        );
    }
}

fn start_broker(folder: &Path) -> (Running, String) {
    let data = folder.join("kafka");
    let mut process = Command::new("python3")
        .arg("tests/kafka/broker.py")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut addresses = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut addresses).unwrap();
    let address = addresses.split_whitespace().next().expect("the broker says where it listens").to_owned();
    (Running(process), address)
}

/// Puts both sides into their topics; gives how many messages that are.
async fn produce(address: &str, trades: u64, partitions: i32) -> u64 {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address).set("compression.type", "lz4").set("linger.ms", "20");
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let topics = TOPICS.map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(1)));
    admin.create_topics(&topics, &AdminOptions::new()).await.unwrap();
    let producer: BaseProducer = config.create().unwrap();
    let mut records = 0;
    for (side, topic) in TOPICS.into_iter().enumerate() {
        for number in (0..trades).map(|place| number_at(side, place, trades)) {
            let Some(message) = message(side, number) else { continue };
            let key = number.to_string();
            let mut record = BaseRecord::to(topic).key(&key).payload(&message);
            while let Err((error, unsent)) = producer.send(record) {
                assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{error}");
                producer.poll(Duration::from_millis(10));
                record = unsent;
            }
            records += 1;
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    records
}

fn message(side: usize, number: u64) -> Option<String> {
    let trade = Numbered::new(number);
    let (quantity, price) = (trade.quantity[side]?, trade.price[side]);
    Some(format!(
        r#"{{"id":"{number}","cpty":"{}","inst":"{}","qty":{quantity},"px":{}.{:04}}}"#,
        trade.counterparty,
        trade.instrument,
        price / 10_000,
        price % 10_000
    ))
}

fn configure(folder: &Path, address: &str) {
    let source = |topic: &str| {
        format!(
            "[source.{topic}]\nkind = \"kafka\"\nbrokers = \"{address}\"\ntopics = [\"{topic}\"]\n\
             columns = {{ id = \"id\", counterparty = \"cpty\", instrument = \"inst\", quantity = \"qty\", price = \"px\" }}\n"
        )
    };
    let text = format!("listen = \"127.0.0.1:0\"\n{}{}{RULES}", source(TOPICS[0]), source(TOPICS[1]));
    std::fs::write(folder.join("tieout.toml"), text).unwrap();
}

fn listening(process: &mut Child) -> String {
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
        let (_, rest) = line.split_once("listening on ")?;
        Some(rest.trim().to_owned())
    });
    // The pipe must be read to its end, or the server stops at a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    address.expect("it says where it listens")
}

/// How many records the view of progress shows: of closed ticks only.
async fn shown(client: &Client) -> u64 {
    let (_, batches) = client.snapshot(&Ticket::snapshot("source_progress")).await.unwrap();
    let counts = batches.iter().map(|batch| {
        let records = batch.column_by_name("records").unwrap().as_primitive::<Int64Type>();
        records.iter().flatten().sum::<i64>() as u64
    });
    counts.sum()
}

/// The first process that another has started.
fn child_of(process: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
