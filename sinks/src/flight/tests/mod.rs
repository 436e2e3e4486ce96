//! The server and the client together, over real connections, on an engine that knows nothing of finance.

mod access;
mod catalogue;
mod encrypted;
mod following;
mod pushing;
mod reading;
mod serving;

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow_flight::flight_service_client::FlightServiceClient;
use engine::{Engine, EngineConfig, EngineError, Tick};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use super::client::{Client, Message, Messages};
use super::{Kind, Security, bind, serve};
use crate::toy::{self, Gate, pushed};

/// An engine that is served.
struct Served {
    folder: TempDir,
    security: Security,
    engine: Option<Engine>,
    address: String,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<Result<(), EngineError>>>,
}

impl Served {
    async fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), Duration::from_secs(60), &Gate::default()).await
    }

    async fn start_with(folder: TempDir, retention: Duration, gate: &Gate) -> Self {
        let config = EngineConfig { retention, ..EngineConfig::new(folder.path()) };
        let engine = toy::start_with(config, gate);
        Self::of(folder, engine).await
    }

    async fn of(folder: TempDir, engine: Engine) -> Self {
        Self::secured(folder, engine, Security::this_machine()).await
    }

    async fn secured(folder: TempDir, engine: Engine, security: Security) -> Self {
        let (engine, address) = (Some(engine), String::new());
        let mut served = Served { folder, security, engine, address, stop: None, server: None };
        served.serve("127.0.0.1:0").await;
        served
    }

    async fn ready() -> Self {
        let served = Self::start().await;
        served.engine().reader().status().ready().await.unwrap();
        served
    }

    async fn serve(&mut self, listen: &str) {
        let listening = bind(listen, self.security.clone()).await.unwrap();
        self.address = listening.address().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let (reader, ingest) = (self.engine().reader().clone(), self.engine().ingest().clone());
        self.stop = Some(stop);
        self.server = Some(tokio::spawn(serve(reader, ingest, listening, shutdown)));
    }

    /// Stops the server, and leaves the engine running.
    async fn stop_serving(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.server.take().unwrap().await.unwrap().unwrap();
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    async fn client(&self) -> Client {
        Client::connect(&self.address).await.unwrap()
    }

    /// Calls the protocol's methods as they are.
    async fn service(&self) -> FlightServiceClient<Channel> {
        FlightServiceClient::new(
            Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap(),
        )
    }

    /// Pushes values by key, and waits until they are seen.
    async fn push(&self, batch_id: &str, rows: impl IntoIterator<Item = (i64, Option<i64>)>) -> Tick {
        let receipt = self.client().await.put("numbers", Some(batch_id), &[pushed(rows)]).await.unwrap();
        assert!(!receipt.duplicate);
        self.engine().reader().reached(receipt.tick).await;
        receipt.tick
    }

    /// How many readers the engine keeps changes for.
    fn subscriptions(&self) -> i64 {
        self.engine().reader().metrics().subscriptions.get()
    }
}

/// What a plain HTTP/1.1 client gets over a connection: the status, and the body with the head.
async fn ask_over(mut connection: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> (u16, String) {
    connection.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // Some that end an encrypted connection do not say goodbye.
    let _ = connection.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), format!("{body}\n{head}"))
}

/// A request with GET.
fn get_request(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: tieout\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

/// The rows of a batch of the view `numbers` or `totals`: tick, diff, key, and the two numbers.
fn rows(batch: &RecordBatch) -> Vec<(Tick, i64, String, i64, i64)> {
    let ints = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>();
    let (ticks, diffs) = (batch.column(0).as_primitive::<TimestampMicrosecondType>(), ints("_diff"));
    let keys = batch.column_by_name("_key").unwrap().as_string::<i32>();
    let (first, second) = (batch.column(3).as_primitive::<Int64Type>(), batch.column(4).as_primitive::<Int64Type>());
    let row = |row| {
        (ticks.value(row) as Tick, diffs.value(row), keys.value(row).to_owned(), first.value(row), second.value(row))
    };
    assert_eq!(ticks.null_count() + diffs.null_count() + keys.null_count(), 0);
    (0..batch.num_rows()).map(row).collect()
}

/// The same without ticks and keys.
fn changes(batch: &RecordBatch) -> Vec<(i64, i64, i64)> {
    rows(batch).into_iter().map(|(_, diff, _, first, second)| (diff, first, second)).collect()
}

/// What a reader holds when it adds up all that it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held(BTreeMap<(i64, i64), i64>);

impl Held {
    fn add(&mut self, batch: &RecordBatch) {
        for (diff, first, second) in changes(batch) {
            *self.0.entry((first, second)).or_default() += diff;
        }
        self.0.retain(|_, count| *count != 0);
    }

    fn of(pairs: impl IntoIterator<Item = (i64, i64)>) -> Self {
        Held(pairs.into_iter().map(|pair| (pair, 1)).collect())
    }
}

/// Reads on until a message of this kind comes.
async fn until(messages: &mut Messages, kind: Kind) -> Message {
    loop {
        let message = messages.next().await.unwrap().expect("the stream goes on");
        if message.metadata.kind == kind {
            return message;
        }
    }
}

/// Waits for something that happens soon.
async fn soon(mut has_happened: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if has_happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within half a minute");
}
