//! Messages whose schemas are in a registry, which is there, away, or of another mind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::{Batch, ErrorKind, Refusal, SourceReader};
use model::{Record, Symbol};
use serde_json::json;

use super::{Desk, eventually, offsets, pause};
use crate::registry::Registry;
use crate::suite;

const SCHEMA: &str = r#"{"type": "record", "name": "Trade", "fields": [{"name": "id", "type": "string"}]}"#;

/// A message that holds an id of two letters.
fn message(schema: u32, id: &str) -> Vec<u8> {
    assert_eq!(id.len(), 2);
    [&[0][..], &schema.to_be_bytes(), &[4], id.as_bytes()].concat()
}

fn send(desk: &Desk, schema: u32, ids: &[&str]) {
    ids.iter().for_each(|id| desk.send(("trades", 0), None, Some(&message(schema, id))));
}

fn settings(registry: &Registry, more: &str) -> String {
    format!("topics = [\"trades\"]\nformat = \"avro\"\navro = {{ registry = \"{}\"{more} }}", registry.url())
}

fn refusals(batches: &[Batch<Record>]) -> Vec<&Refusal> {
    batches.iter().flat_map(|batch| &batch.refusals).collect()
}

fn read(reader: &mut dyn SourceReader<Record>) -> Vec<Batch<Record>> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

#[test]
fn satisfies_the_specification() {
    let desk = Desk::new(&[("trades", 1)]);
    let registry = Registry::start();
    registry.known.register(1, SCHEMA);
    for round in 0..10 {
        send(&desk, 1, &["T1", "T2"]);
        send(&desk, 1 + round % 3, &["T3"]);
        desk.send(("trades", 0), None, Some(b"nonsense"));
    }
    suite::endless_satisfies_the_specification(|| desk.source(&settings(&registry, "")), &desk.archive, 40);
}

#[test]
fn a_registry_that_is_away_is_waited_for_and_makes_no_message_bad() {
    let desk = Desk::new(&[("trades", 1)]);
    let mut registry = Registry::away();
    registry.known.register(1, SCHEMA);
    registry.known.register(2, SCHEMA);
    send(&desk, 1, &["T1"]);
    let running = desk.start(&settings(&registry, ""), &[]);
    assert_eq!(running.next().events.len(), 0, "the start of the partition");
    assert!(running.is_quiet_for(Duration::from_secs(1)));
    registry.come_back();
    assert_eq!(offsets(&running.next_records(1)), BTreeMap::from([("trades/0@0", vec![0])]));

    // What is known needs no registry, and what stands before a message that waits does not wait with it.
    registry.go_away();
    send(&desk, 1, &["T2"]);
    send(&desk, 2, &["T3"]);
    assert_eq!(offsets(&running.next_records(1)), BTreeMap::from([("trades/0@0", vec![1])]));
    assert!(running.is_quiet_for(Duration::from_millis(700)));
    registry.known.answer("/schemas/ids/2", 503, json!({}));
    registry.come_back();
    assert!(running.is_quiet_for(Duration::from_millis(700)));
    registry.known.answer("/schemas/ids/2", 404, json!({ "message": "no such page" }));
    assert!(running.is_quiet_for(Duration::from_millis(700)), "an address that leads nowhere makes no message bad");
    registry.known.register(2, SCHEMA);
    let last = running.next_records(1);
    assert_eq!((offsets(&last), refusals(&last).len()), (BTreeMap::from([("trades/0@0", vec![2])]), 0));
    running.stop();
}

#[test]
fn a_stop_is_heeded_while_a_registry_is_waited_for() {
    let desk = Desk::new(&[("trades", 1)]);
    let registry = Registry::away();
    send(&desk, 1, &["T1"]);
    let running = desk.start(&settings(&registry, ""), &[]);
    running.next();
    pause(300);
    running.stop();

    // One that takes a question and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let settings = format!("topics = [\"trades\"]\nformat = \"avro\"\navro = {{ registry = \"http://{address}\" }}");
    let running = desk.start(&settings, &[]);
    let asked = silent.accept().unwrap();
    let stopped = Instant::now();
    running.stop();
    assert!(stopped.elapsed() < Duration::from_secs(8), "the answer is not waited for: {:?}", stopped.elapsed());
    drop(asked);
}

#[test]
fn a_replay_needs_no_registry() {
    let desk = Desk::new(&[("trades", 1)]);
    let mut registry = Registry::start();
    registry.known.register(1, SCHEMA);
    send(&desk, 1, &["T1", "T2"]);
    send(&desk, 7, &["T3"]);
    let running = desk.start(&settings(&registry, ""), &[]);
    let told = running.next_records(3);
    running.stop();
    registry.go_away();
    // Somebody has sent more, by a schema of which nothing is known here.
    send(&desk, 2, &["T4"]);
    let source = desk.source(&settings(&registry, ""));
    let mut reader = source.open("trades/0@0", 0, &desk.archive).unwrap();
    let mut again = Vec::new();
    while again.last().is_none_or(|batch: &Batch<Record>| batch.upper < 3) {
        again.push(reader.next().unwrap().unwrap());
    }
    assert_eq!(suite::outcomes(&again, &Default::default()), suite::outcomes(&told, &Default::default()));
    // It is asked only for what somebody wants.
    registry.known.register(2, SCHEMA);
    registry.come_back();
    let rest = read(&mut *reader);
    assert_eq!(offsets(&rest), BTreeMap::from([("trades/0@0", vec![3])]));
    assert_eq!(registry.known.take_asked().last().map(String::as_str), Some("/schemas/ids/2"));
}

#[test]
fn an_id_that_is_not_known_is_refused_until_it_is_and_a_replay_gives_the_same() {
    let desk = Desk::new(&[("trades", 1)]);
    let mut registry = Registry::start();
    send(&desk, 5, &["T1", "T2"]);
    let running = desk.start(&settings(&registry, ""), &[]);
    let mut told = running.next_records(2);
    for refusal in refusals(&told) {
        assert!(refusal.what.contains("does not know schema 5") && refusal.help.contains("register"), "{refusal:?}");
        assert_eq!(refusal.raw[..5], [0, 0, 0, 0, 5]);
    }
    assert_eq!(refusals(&told).len(), 2);
    registry.known.register(5, SCHEMA);
    let mut sent = 2;
    eventually("it is asked again", || {
        send(&desk, 5, &["T3"]);
        sent += 1;
        told.extend(running.next_records(1));
        told.last().is_some_and(|batch| batch.refusals.is_empty())
    });
    running.stop();
    registry.go_away();
    let expected = suite::outcomes(&told, &Default::default());
    assert_eq!(expected[&Arc::from("trades/0@0")].len(), sent);
    let source = desk.source(&settings(&registry, ""));
    let mut reader = source.open("trades/0@0", 0, &desk.archive).unwrap();
    let again = suite::outcomes(&read(&mut *reader), &Default::default());
    assert_eq!(again, expected);
    // And going on from any of them gives the same too.
    let running = desk.start(&settings(&registry, ""), &[("trades/0@0", 1), ("(all begun)", 1)]);
    let first = running.next_records(sent - 1);
    running.stop();
    let begun = [(Arc::from("trades/0@0"), 1)].into();
    let mut rest = expected;
    rest.get_mut("trades/0@0").unwrap().remove(&0);
    assert_eq!(suite::outcomes(&first, &begun), rest);
}

#[test]
fn whoever_asks_says_who_it_is() {
    let desk = Desk::new(&[("trades", 1)]);
    send(&desk, 1, &["T1"]);
    let registry = Registry::start();
    registry.known.register(1, SCHEMA);
    std::fs::write(desk._folder.path().join("secret"), "tied-out\n").unwrap();
    let file = desk._folder.path().join("secret");
    let secret = format!("{{ file = \"{}\" }}", file.display());
    let shown = [
        // printf 'desk:tied-out' | base64
        (format!(", username = \"desk\", password = {secret}"), "Basic ZGVzazp0aWVkLW91dA=="),
        (format!(", token = {secret}"), "Bearer tied-out"),
    ];
    for (more, authorization) in shown {
        registry.known.demand(authorization);
        let folder = tempfile::tempdir().unwrap();
        let archive = engine::Archive::open(folder.path()).unwrap();
        let running = suite::Running::start(desk.source(&settings(&registry, &more)), Default::default(), &archive);
        assert_eq!(offsets(&running.next_records(1)), BTreeMap::from([("trades/0@0", vec![0])]));
        running.stop();
    }
    registry.known.demand("Bearer another");
    let error = desk.start(&settings(&registry, &format!(", token = {secret}")), &[]).error();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.what.contains("refuses to answer: 401") && !error.to_string().contains("tied-out"), "{error}");
}

#[test]
fn schemas_that_a_schema_refers_to_are_fetched_before_it() {
    let desk = Desk::new(&[("trades", 1)]);
    let registry = Registry::start();
    let trade = r#"{"type": "record", "name": "Trade", "fields": [{"name": "id", "type": "desk.Id"}, {"name": "other", "type": "desk.Other"}]}"#;
    let refer = |subject: &str| json!({ "name": subject, "subject": subject, "version": 3 });
    registry.known.answer(
        "/schemas/ids/1",
        200,
        json!({ "schema": trade, "references": [refer("a b/other"), refer("id")] }),
    );
    let other = r#"{"type": "record", "name": "desk.Other", "fields": [{"name": "id", "type": "desk.Id"}]}"#;
    registry.known.answer(
        "/subjects/a%20b%2Fother/versions/3",
        200,
        json!({ "schema": other, "references": [refer("id")] }),
    );
    let id = r#"{"type": "fixed", "name": "desk.Id", "size": 2}"#;
    registry.known.answer("/subjects/id/versions/3", 200, json!({ "schema": id }));
    desk.send(("trades", 0), None, Some(b"\0\0\0\0\x01T1T2"));
    let running = desk.start(&settings(&registry, ""), &[]);
    let batches = running.next_records(1);
    running.stop();
    let Some(Record::Trade(trade)) = batches.iter().find_map(|batch| batch.events.first()?.record.clone()) else {
        panic!("a trade was expected: {batches:?}")
    };
    assert_eq!(trade.id, Symbol::of("T1"));
    assert_eq!(registry.known.take_asked().len(), 3, "each once");
}

#[test]
fn an_encrypted_registry_must_show_a_certificate_that_is_trusted() {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let known = crate::registry::Known::default();
    known.register(1, SCHEMA);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (config, serving) = (Arc::new(config), known.clone());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            serving.converse(rustls::Stream::new(&mut connection, &mut stream));
        }
    });
    let desk = Desk::new(&[("trades", 1)]);
    send(&desk, 1, &["T1"]);
    let settings =
        |more: &str| format!("topics = [\"trades\"]\nformat = \"avro\"\navro = {{ registry = \"{address}\"{more} }}");
    let running = desk.start(&settings(""), &[]);
    running.next();
    assert!(running.is_quiet_for(Duration::from_secs(1)), "nobody vouches for it");
    running.stop();
    let ca = desk._folder.path().join("ca.pem");
    std::fs::write(&ca, signed.cert.pem()).unwrap();
    let running = desk.start(&settings(&format!(", ca_file = \"{}\"", ca.display())), &[]);
    assert_eq!(offsets(&running.next_records(1)), BTreeMap::from([("trades/0@0", vec![0])]));
    running.stop();
}
