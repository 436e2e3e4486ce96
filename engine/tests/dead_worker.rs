//! A worker that dies takes the engine with it: it is told at once, nobody waits for ever, and the engine can be stopped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use engine::{
    Batch, Column, ColumnKind, Decoder, Engine, EngineConfig, EngineError, Event, Graph, Inputs, Kept, Key, NoTexts,
    Program, Request, Row, SourceSpec, ViewSpec, Views,
};
use operators::upsert::upsert;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// A graph with a defect: one number kills the worker that meets it.
struct Defect;

impl Graph<i64> for Defect {
    fn build(&self, inputs: Inputs<'_, i64>, views: &mut Views) -> Kept<i64> {
        let numbers = upsert(inputs.events, "numbers", |_| 0);
        let kept = Kept::of(&numbers);
        let rows = numbers.as_collection(|_, value| {
            assert_ne!(*value, 13, "a defect");
            Row::new([engine::Cell::Int(*value)])
        });
        let columns = vec![Column::new("value", ColumnKind::Int)];
        views.rows(ViewSpec { name: "numbers".into(), about: String::new(), columns, key: vec![0] }, rows);
        kept
    }
}

struct One;

impl Decoder<i64> for One {
    fn decode(&self, payload: &[u8]) -> Result<Batch<i64>, EngineError> {
        let number: i64 = String::from_utf8_lossy(payload).parse().unwrap();
        let key = Key::from_bytes((number as u128).to_be_bytes());
        let events = vec![Event { key, member: 0, offset: 0, record: Some(number) }];
        Ok(Batch { partition: Arc::from(""), upper: 1, events, refusals: Vec::new(), continues: false })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_is_told_and_nobody_waits_for_ever() {
    for workers in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let config = EngineConfig { workers, ..EngineConfig::new(folder.path()) };
        let engine =
            Engine::start(config, Program::new(Defect, vec![SourceSpec::push("numbers", One)], Arc::new(NoTexts)))
                .unwrap();
        engine.reader().status().ready().await.unwrap();
        engine.ingest().push("numbers", "a", b"13".to_vec()).await.unwrap();
        let failure = timeout(PATIENCE, engine.reader().status().failed()).await.expect("it is told");
        assert!(failure.to_string().contains("a worker has died"), "{failure}");
        let request = Request { view: "numbers".into(), ..Request::default() };
        let read = timeout(PATIENCE, engine.reader().snapshot(&request)).await.expect("a reader is answered");
        assert!(read.is_err());
        timeout(PATIENCE, tokio::task::spawn_blocking(move || engine.shutdown())).await.expect("it ends").unwrap();
    }
}
