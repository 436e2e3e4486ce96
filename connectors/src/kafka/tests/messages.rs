//! Messages as they are sent: JSON, CSV, deletions, and what is none of these.

use std::sync::Arc;

use engine::{Batch, Key};
use model::{Dictionary, Price, Record, Symbol};
use proptest::prelude::*;
use rdkafka::Timestamp;
use rdkafka::message::OwnedMessage;

use super::{Desk, source, trade};

#[test]
fn a_message_without_a_payload_deletes_the_record_of_its_key() {
    let desk = Desk::new(&[("trades", 1)]);
    desk.send(("trades", 0), None, Some(trade(1).as_bytes()));
    desk.send(("trades", 0), Some("T1"), None);
    desk.send(("trades", 0), None, None);
    desk.send(("trades", 0), None, Some(b"{\"id\": \"T1\", \"status\": \"X\"}"));
    let settings = "topics = [\"trades\"]\ntombstone = { column = \"status\", values = [\"X\"] }";
    let running = desk.start(settings, &[]);
    let batches = running.next_records(4);
    running.stop();
    let events: Vec<_> = batches.iter().flat_map(|batch| &batch.events).collect();
    let (told, by_key, by_status) = (events[0], events[1], events[2]);
    assert_eq!(told.key, Key::from_bytes(Symbol::of("T1").bytes()));
    assert!(by_key.record.is_none());
    assert_eq!((by_key.key, by_key.member), (told.key, told.member));
    assert_eq!((by_status.key, by_status.member, &by_status.record), (told.key, told.member, &None));
    let refused: Vec<_> = batches.iter().flat_map(|batch| &batch.refusals).collect();
    assert_eq!((refused.len(), refused[0].offset), (1, 2));
    assert!(refused[0].what.contains("no key"), "{}", refused[0].what);
}

/// What comes of one message, of prices.
fn price_of(key: Option<&str>, payload: Option<&str>) -> Batch<Record> {
    let text = "brokers = \"kafka:9092\"\ntopics = [\"prices\"]\nrecord = \"market_price\"\n\
        columns = { security = \"security\", price_date = \"day\", price = \"close\" }";
    let mut decoder = source(text, &Dictionary::new()).unwrap().settings.messages.decoder().unwrap();
    let (events, refusals) = (Vec::new(), Vec::new());
    let mut batch = Batch { partition: Arc::from("prices/0@0"), upper: 0, events, refusals, continues: false };
    let (key, payload) = (key.map(|key| key.as_bytes().to_vec()), payload.map(|payload| payload.as_bytes().to_vec()));
    let message = OwnedMessage::new(payload, key, "prices".to_owned(), Timestamp::NotAvailable, 0, 9, None);
    decoder.decode(&message, 9, &mut batch);
    batch
}

#[test]
fn a_key_of_several_fields_deletes_as_a_json_object() {
    let told = price_of(None, Some("{\"security\": \"ACME\", \"day\": \"2026-03-16\", \"close\": 52.25}"));
    let gone = price_of(Some("{\"day\": \"2026-03-16\", \"security\": \"ACME\"}"), None);
    let (told, gone) = (&told.events[0], &gone.events[0]);
    assert_eq!((told.key, told.member), (gone.key, gone.member));
    assert!(told.record.is_some() && gone.record.is_none());
    for (key, what) in [
        ("ACME", "does not say which record it is"),
        ("[1]", "does not say which record it is: it takes `day`, `security`"),
        ("{\"security\": \"ACME\"}", "`price_date` is empty"),
        ("{\"security\": \"ACME\", \"day\": \"Monday\"}", "`Monday` is not a date"),
        ("{\"security\": \"ACME\", \"day\": null}", "`price_date` is empty"),
    ] {
        let refused = price_of(Some(key), None);
        assert_eq!((refused.events.len(), refused.refusals.len()), (0, 1), "{key}");
        assert!(refused.refusals[0].what.contains(what), "{key}: {}", refused.refusals[0].what);
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_reading_goes_on() {
    let desk = Desk::new(&[("trades", 1)]);
    let large = format!("{{\"id\": \"{}\"}}", "x".repeat(1 << 20));
    let cases: [(&[u8], &str); 6] = [
        (b"", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"{\"id\": \"T1\"} {}", "not a JSON object"),
        (b"\xff\xfe", "byte 0 is not text"),
        (b"{\"id\": \"T1\", \"price\": \"dear\"}", "dear"),
        (large.as_bytes(), "at most 1048576"),
    ];
    cases.iter().for_each(|(payload, _)| desk.send(("trades", 0), None, Some(payload)));
    desk.send_trades(("trades", 0), 1..2);
    let running = desk.start("topics = [\"trades\"]", &[]);
    let batches = running.next_records(cases.len() + 1);
    running.stop();
    let refused: Vec<_> = batches.iter().flat_map(|batch| &batch.refusals).collect();
    assert_eq!(refused.len(), cases.len());
    for ((offset, (payload, what)), refusal) in (0..).zip(cases).zip(refused) {
        assert!(refusal.what.contains(what), "`{what}` was expected in: {}", refusal.what);
        assert_eq!(refusal.offset, offset);
        assert_eq!(refusal.raw, &payload[..payload.len().min(engine::source::RAW_BYTES_MAX)]);
        assert!(!refusal.help.is_empty());
    }
    assert_eq!(batches.iter().map(|batch| batch.events.len()).sum::<usize>(), 1);
}

#[test]
fn lines_of_csv_are_read_by_names_or_by_numbers() {
    let desk = Desk::new(&[("trades", 1)]);
    for line in ["T1;\"12,5\"\r\n", "T2;1;2", "T3;1\nT4;2", "T5", "T6 ; 7"] {
        desk.send(("trades", 0), None, Some(line.as_bytes()));
    }
    let common = "topics = [\"trades\"]\nformat = \"csv\"\nnumbers = { decimal = \",\" }";
    let named = format!(
        "{common}\ncsv = {{ delimiter = \";\", header = [\"id\", \"px\"] }}\ncolumns = {{ id = \"id\", price = \"px\" }}"
    );
    let numbered = format!("{common}\ncsv = {{ delimiter = \";\" }}\ncolumns = {{ id = 0, price = 1 }}");
    for (settings, expected) in [(named, [0, 4].as_slice()), (numbered, &[0, 1, 4])] {
        let running = desk.start(&settings, &[]);
        let batches = running.next_records(5);
        running.stop();
        let events: Vec<_> = batches.iter().flat_map(|batch| &batch.events).collect();
        assert_eq!(events.iter().map(|event| event.offset).collect::<Vec<_>>(), expected);
        let Some(Record::Trade(trade)) = &events[0].record else { panic!("a trade was expected") };
        assert_eq!((trade.id, trade.price), (Symbol::of("T1"), Price::from_scaled(1_250_000_000)));
    }
}

proptest! {
    /// Whatever a message holds becomes one event or one refusal, and nothing panics.
    #[test]
    fn any_message_is_read_or_refused(
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
        payload in prop::option::of(prop::collection::vec(prop::sample::select(b"{}[]\":,;\\\r\nid1-.e \xff\xc3\xa4".to_vec()), 0..40)),
        format in prop::sample::select(vec!["", "format = \"csv\"\ncolumns = { id = 0 }"]),
    ) {
        let text = format!("brokers = \"kafka:9092\"\ntopics = [\"trades\"]\n{format}");
        let mut decoder = source(&text, &Dictionary::new()).unwrap().settings.messages.decoder().unwrap();
        let (events, refusals) = (Vec::new(), Vec::new());
        let mut batch = Batch { partition: Arc::from("trades/0@0"), upper: 7, events, refusals, continues: false };
        let message = OwnedMessage::new(payload, key, "trades".to_owned(), Timestamp::NotAvailable, 0, 9, None);
        decoder.decode(&message, 9, &mut batch);
        let found = batch.events.iter().map(|event| event.offset).chain(batch.refusals.iter().map(|refusal| refusal.offset));
        prop_assert_eq!((found.collect::<Vec<_>>(), batch.upper), (vec![9], 10));
    }
}
