//! What stands beside a payload, as columns and in refusals.

use std::sync::Arc;

use engine::{Batch, Event, Refusal};
use model::{Dictionary, Field, Record, Trade, Value};
use rdkafka::Timestamp;
use rdkafka::message::OwnedMessage;

use super::{Desk, source, with_headers};
use crate::suite;

const COLUMNS: &str = r#"
[columns]
id = "id"
account = { header = "account" }
attributes.note = { message = "key" }
attributes.trace = { header = "trace.id" }
execution_time = { message = "timestamp" }
desk = { message = "topic" }
quantity = { message = "partition" }
price = { message = "offset" }
"#;

type Headers<'a> = &'a [(&'a str, Option<&'a [u8]>)];

fn decode(settings: &str, payload: &str, key: Option<&[u8]>, headers: Headers<'_>) -> Result<Event<Record>, Refusal> {
    let text = format!("brokers = \"kafka:9092\"\ntopics = [\"trades\"]\n{settings}");
    let mut decoder = source(&text, &Dictionary::new()).unwrap().settings.messages.decoder().unwrap();
    let (payload, key) = (Some(payload.as_bytes().to_vec()), key.map(<[u8]>::to_vec));
    let time = Timestamp::CreateTime(1_773_648_000_123);
    let headers = Some(with_headers(headers));
    let message = OwnedMessage::new(payload, key, "trades".to_owned(), time, 3, 7, headers);
    let (events, refusals) = (Vec::new(), Vec::new());
    let mut batch = Batch { partition: Arc::from("trades/3@0"), upper: 7, events, refusals, continues: false };
    decoder.decode(&message, 7, &mut batch);
    batch.events.pop().map_or_else(|| Err(batch.refusals.remove(0)), Ok)
}

fn shown(event: &Event<Record>, field: Field) -> String {
    let Some(Record::Trade(trade)) = &event.record else { panic!("a trade was expected") };
    match Trade::value(trade, field) {
        Value::None => String::new(),
        Value::Symbol(symbol) => symbol.inline_text().unwrap().to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Time(time) => time.micros().unwrap().to_string(),
        Value::Number { scaled, scale } => (scaled / 10i128.pow(scale.into())).to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_message_gives_its_headers_its_key_and_where_it_stands() {
    let json = (COLUMNS.to_owned(), "{\"id\": \"T1\", \"header account\": \"x\"}");
    let csv = (format!("format = \"csv\"\ncsv = {{ header = [\"other\", \"id\"] }}\n{COLUMNS}"), "x,T1");
    let numbered = (format!("format = \"csv\"\n{}", COLUMNS.replace("\"id\"", "1")), "x,T1");
    for (settings, payload) in [json, csv, numbered] {
        let headers: Headers<'_> =
            &[("account", Some(b"first")), ("trace.id", Some("ä-7".as_bytes())), ("account", Some(b"ACC"))];
        let event = decode(&settings, payload, Some(b"K1"), headers).unwrap();
        let found = [
            (Field::Account, "ACC"),
            (Field::Attribute(0), "K1"),
            (Field::Attribute(1), "ä-7"),
            (Field::ExecutionTime, "1773648000123000"),
            (Field::Desk, "trades"),
            (Field::Quantity, "3"),
            (Field::Price, "7"),
        ];
        for (field, expected) in found {
            assert_eq!(shown(&event, field), expected, "{field}");
        }
        // What is not there is not known.
        let event = decode(&settings, payload, None, &[("account", None)]).unwrap();
        for field in [Field::Account, Field::Attribute(0), Field::Attribute(1)] {
            assert_eq!(shown(&event, field), "", "{field}");
        }
    }
}

#[test]
fn what_is_not_text_is_refused_with_its_place() {
    let bad = decode(COLUMNS, "{\"id\": \"T1\"}", None, &[("account", Some(b"\xff"))]).unwrap_err();
    assert_eq!(bad.field.as_deref(), Some("header account"));
    assert!(bad.what.starts_with("byte 0 is not text") && bad.help.contains("send it as text"), "{bad:?}");
    let bad = decode(COLUMNS, "{\"id\": \"T1\"}", Some(b"a\xff"), &[]).unwrap_err();
    assert_eq!((bad.field.as_deref(), bad.what.contains("byte 1")), (Some("message key"), true));
    let bad = decode(COLUMNS, "{\"id\": \"T1\"}", Some(b"\0\0\0\0\x07\x04K1"), &[]).unwrap_err();
    assert!(bad.what.contains("begins with a zero byte") && bad.help.contains("plain text"), "{bad:?}");
}

#[test]
fn a_header_can_delete_or_be_too_new() {
    let settings = "tombstone = { column = { header = \"op\" }, values = [\"D\"] }\nschema_version = { column = { header = \"v\" }, max = 2 }";
    let event = decode(settings, "{\"id\": \"T1\"}", None, &[("op", Some(b"D")), ("v", Some(b"2"))]).unwrap();
    assert!(event.record.is_none());
    let refusal = decode(settings, "{\"id\": \"T1\"}", None, &[("op", Some(b"U")), ("v", Some(b"3"))]).unwrap_err();
    assert!(refusal.what.contains("future schema"), "{}", refusal.what);
}

#[test]
fn a_refusal_tells_the_headers_and_no_more_of_them_than_it_should() {
    let refused = |headers: Headers<'_>| decode("", "nonsense", None, headers).unwrap_err().what;
    assert!(!refused(&[]).contains("headers"));
    let told = refused(&[("source-system", Some(b"FIX")), ("none", None), ("odd", Some(b"\xff"))]);
    assert!(told.ends_with(" (headers: source-system=FIX, none, odd=\u{fffd})"), "{told}");
    let long = "ä".repeat(10_000);
    let told = refused(&[("a", Some(long.as_bytes())), ("b", Some(long.as_bytes()))]);
    assert!(told.ends_with("…)") && told.chars().count() < 700, "{}", told.len());
}

#[test]
fn only_messages_have_something_beside_them() {
    let dictionary = Dictionary::new();
    let scope = crate::Scope {
        name: "own",
        source: model::SourceId(0),
        attributes: &[],
        dictionary: &dictionary,
        folder: std::path::Path::new(""),
    };
    let config: crate::FlightConfig =
        toml::from_str("columns = { id = \"id\", account = { header = \"a\" } }").unwrap();
    let error = crate::FlightSource::new(&config, &scope).err().unwrap();
    assert!(error.key == "source.own.columns" && error.what.contains("header a"), "{error}");
    for wrong in [
        "{ header = 1 }",
        "{ message = \"value\" }",
        "{ headers = \"a\" }",
        "{ header = \"a\", message = \"key\" }",
        "{}",
    ] {
        let wrong: Result<crate::KafkaConfig, _> =
            toml::from_str(&format!("brokers = \"b\"\ncolumns = {{ id = {wrong} }}"));
        assert!(wrong.unwrap_err().message().contains("{ header = \"name\" }"));
    }
}

#[test]
fn a_replay_gives_the_same() {
    let desk = Desk::new(&[("trades", 2)]);
    for id in 0..20 {
        let (name, value) = (format!("N{id}"), if id % 5 == 0 { &b"\xff"[..] } else { b"ACC" });
        let headers: Headers<'_> =
            if id % 3 == 0 { &[] } else { &[("account", Some(value)), ("trace.id", Some(b"t"))] };
        let payload = format!("{{\"id\": \"T{id}\"}}");
        desk.send_with(("trades", id % 2), Some(&name), Some(payload.as_bytes()), headers);
    }
    let settings = format!("topics = [\"trades\"]\n{COLUMNS}");
    suite::endless_satisfies_the_specification(|| desk.source(&settings), &desk.archive, 20);
}
