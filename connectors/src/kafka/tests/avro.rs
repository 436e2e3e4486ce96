//! Values of Avro as columns: every type, what is no value, and a schema that has changed.

use std::fs;
use std::sync::Arc;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{BigDecimal, Days, Decimal, Duration, Millis, Months, Schema, Uuid};
use engine::{Batch, Event, Refusal};
use model::{Dictionary, Record};
use proptest::prelude::*;
use rdkafka::Timestamp;
use rdkafka::message::OwnedMessage;
use serde_json::json;

use super::source_in;
use crate::ConfigError;
use crate::kafka::decode::MessageDecoder;

/// What is read of messages by a schema in a file.
pub(super) fn decoder(schema: &str, settings: &str) -> Result<MessageDecoder, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trade.avsc"), schema).unwrap();
    let text = format!("brokers = \"kafka:9092\"\ntopics = [\"trades\"]\nformat = \"avro\"\n{settings}");
    Ok(source_in(folder.path(), &text, &Dictionary::new())?.settings.messages.decoder().unwrap())
}

const BY_FILE: &str = "avro = { schema = \"trade.avsc\" }\n";

/// A schema of a record with an id and one other field.
fn schema_with(field: &str) -> String {
    format!(
        r#"{{"type": "record", "name": "Trade", "namespace": "desk", "fields": [{{"name": "id", "type": "string"}}, {field}]}}"#
    )
}

fn written(schema: &str, value: Value) -> Vec<u8> {
    let schema = Schema::parse_str(schema).unwrap();
    GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value).unwrap()
}

fn trade(value: Value) -> Value {
    record(&[("id", "T1".into()), ("v", value)])
}

fn record(fields: &[(&str, Value)]) -> Value {
    Value::Record(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn decode(decoder: &mut MessageDecoder, payload: &[u8]) -> Result<Event<Record>, Refusal> {
    let message =
        OwnedMessage::new(Some(payload.to_vec()), None, "trades".to_owned(), Timestamp::NotAvailable, 0, 9, None);
    let (events, refusals) = (Vec::new(), Vec::new());
    let mut batch = Batch { partition: Arc::from("trades/0@0"), upper: 9, events, refusals, continues: false };
    decoder.decode(&message, 9, &mut batch);
    assert_eq!((batch.events.len() + batch.refusals.len(), batch.upper), (1, 10));
    batch.events.pop().map_or_else(|| Err(batch.refusals.remove(0)), Ok)
}

/// What a JSON message with the same column gives.
fn as_json(field: &str, value: serde_json::Value) -> Event<Record> {
    let text = format!("brokers = \"b\"\ntopics = [\"t\"]\n[columns]\nid = \"id\"\n{field} = \"v\"");
    let mut decoder = super::source(&text, &Dictionary::new()).unwrap().settings.messages.decoder().unwrap();
    decode(&mut decoder, json!({ "id": "T1", "v": value }).to_string().as_bytes()).unwrap()
}

fn decimal(digits: &[u8]) -> Value {
    Value::Decimal(Decimal::from(digits))
}

#[test]
fn every_type_is_read_exactly() {
    let uuid = Uuid::parse_str("67e55044-10b1-426f-9247-bb680e5fe0c8").unwrap();
    let moment = 1_773_648_000_123_456i64;
    let big: BigDecimal = "-12.3400000".parse().unwrap();
    let string = |text: &str| Value::String(text.to_owned());
    let cases: Vec<(&str, Value, &str, serde_json::Value)> = vec![
        (r#""boolean""#, Value::Boolean(true), "attributes.note", json!("true")),
        (r#""int""#, Value::Int(-7), "quantity", json!(-7)),
        (r#""long""#, Value::Long(9_000_000_000), "quantity", json!(9_000_000_000u64)),
        (r#""long""#, Value::Long(42), "account", json!("42")),
        (r#""float""#, Value::Float(1.1), "price", json!(1.1)),
        (r#""double""#, Value::Double(12.345), "price", json!(12.345)),
        (r#""string""#, string("A-1"), "account", json!("A-1")),
        (r#""bytes""#, Value::Bytes(b"XNYS".to_vec()), "venue", json!("XNYS")),
        (
            r#"{"type": "fixed", "name": "Isin", "size": 12}"#,
            Value::Fixed(12, b"US0378331005".to_vec()),
            "isin",
            json!("US0378331005"),
        ),
        (
            r#"{"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}"#,
            Value::Enum(1, "SELL".to_owned()),
            "side",
            json!("SELL"),
        ),
        // Of as few bytes as it needs, as Java writes it.
        (
            r#"{"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}"#,
            decimal(&[0xfe, 0x1d, 0xc0]),
            "price",
            serde_json::from_str("-12.3456").unwrap(),
        ),
        (
            r#"{"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}"#,
            decimal(&[0]),
            "price",
            json!(0),
        ),
        (
            r#"{"type": {"type": "fixed", "name": "Money", "size": 16}, "logicalType": "decimal", "precision": 38, "scale": 2}"#,
            decimal(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x86, 0xa1]),
            "net_amount",
            serde_json::from_str("1000.01").unwrap(),
        ),
        (
            r#"{"type": "bytes", "logicalType": "big-decimal"}"#,
            Value::BigDecimal(big),
            "price",
            serde_json::from_str("-12.34").unwrap(),
        ),
        (r#"{"type": "int", "logicalType": "date"}"#, Value::Date(20_528), "trade_date", json!("2026-03-16")),
        (r#"{"type": "int", "logicalType": "date"}"#, Value::Date(-1), "attributes.note", json!("1969-12-31")),
        (
            r#"{"type": "int", "logicalType": "time-millis"}"#,
            Value::TimeMillis(30_600_125),
            "attributes.note",
            json!("08:30:00.125"),
        ),
        (
            r#"{"type": "long", "logicalType": "time-micros"}"#,
            Value::TimeMicros(86_399_000_000),
            "attributes.note",
            json!("23:59:59"),
        ),
        (
            r#"{"type": "long", "logicalType": "timestamp-millis"}"#,
            Value::TimestampMillis(moment / 1000),
            "execution_time",
            json!("2026-03-16T08:00:00.123"),
        ),
        (
            r#"{"type": "long", "logicalType": "timestamp-micros"}"#,
            Value::TimestampMicros(moment),
            "execution_time",
            json!("2026-03-16T08:00:00.123456"),
        ),
        (
            r#"{"type": "long", "logicalType": "timestamp-nanos"}"#,
            Value::TimestampNanos(moment * 1000),
            "execution_time",
            json!("2026-03-16T08:00:00.123456"),
        ),
        (
            r#"{"type": "long", "logicalType": "local-timestamp-millis"}"#,
            Value::LocalTimestampMillis(1_773_619_200_000),
            "trade_date",
            json!("2026-03-16"),
        ),
        (r#"{"type": "string", "logicalType": "uuid"}"#, Value::Uuid(uuid), "attributes.note", json!(uuid.to_string())),
        (
            r#"{"type": {"type": "fixed", "name": "Id", "size": 16}, "logicalType": "uuid"}"#,
            Value::Uuid(uuid),
            "attributes.note",
            json!(uuid.to_string()),
        ),
    ];
    for (kind, value, field, expected) in cases {
        let nothing = as_json(field, serde_json::Value::Null);
        let expected = as_json(field, expected);
        assert_ne!(expected, nothing, "{kind}");
        let columns = format!("{BY_FILE}[columns]\nid = \"id\"\n{field} = \"v\"");
        let schema = schema_with(&format!(r#"{{"name": "v", "type": {kind}}}"#));
        let bytes = written(&schema, trade(value.clone()));
        assert_eq!(decode(&mut decoder(&schema, &columns).unwrap(), &bytes), Ok(expected.clone()), "{kind}");
        // The same beside null.
        let schema = schema_with(&format!(r#"{{"name": "v", "type": ["null", {kind}]}}"#));
        let mut decoder = decoder(&schema, &columns).unwrap();
        let some = written(&schema, trade(Value::Union(1, Box::new(value))));
        assert_eq!(decode(&mut decoder, &some), Ok(expected), "{kind}");
        let none = written(&schema, trade(Value::Union(0, Box::new(Value::Null))));
        assert_eq!(decode(&mut decoder, &none), Ok(nothing), "{kind}");
    }
}

#[test]
fn other_kinds_than_trades_are_read_too() {
    let schema = r#"{"type": "record", "name": "Rate", "fields": [
        {"name": "from_currency", "type": "string"}, {"name": "to_currency", "type": "string"},
        {"name": "rate_date", "type": {"type": "int", "logicalType": "date"}},
        {"name": "rate", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 6}}]}"#;
    let mut decoder = decoder(schema, &format!("{BY_FILE}record = \"fx_rate\"")).unwrap();
    let rate = |digits: &[u8]| {
        let fields = [
            ("from_currency", "EUR".into()),
            ("to_currency", "USD".into()),
            ("rate_date", Value::Date(20_000)),
            ("rate", decimal(digits)),
        ];
        written(schema, record(&fields))
    };
    let Some(Record::FxRate(read)) = decode(&mut decoder, &rate(&[0x10, 0x8c, 0x54])).unwrap().record else {
        panic!("a rate was expected")
    };
    assert_eq!((read.rate.to_string(), read.rate_date.to_string()), ("1.0845".to_owned(), "2024-10-04".to_owned()));
    let refused = decode(&mut decoder, &rate(&[0])).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("rate"));
    assert!(refused.what.contains("not above zero"), "{}", refused.what);
}

#[test]
fn a_path_leads_into_records_maps_and_any_branch_of_a_union() {
    let instrument = r#"{"type": "record", "name": "Instrument", "fields": [{"name": "isin", "type": "string"}]}"#;
    let fund = r#"{"type": "record", "name": "Fund", "fields": [{"name": "code", "type": "string"}]}"#;
    let isin = record(&[("isin", "US0378331005".into())]);
    let map = |value: Value| Value::Map([("a.b".to_owned(), value)].into());
    let union = |branch, value| Value::Union(branch, Box::new(value));
    let nothing = || as_json("isin", serde_json::Value::Null);
    let found = || as_json("isin", json!("US0378331005"));
    let cases = [
        (instrument.to_owned(), "v.isin", isin.clone(), found()),
        (format!(r#"["null", {instrument}]"#), "v.isin", union(1, isin.clone()), found()),
        (format!(r#"["null", {instrument}]"#), "v.isin", union(0, Value::Null), nothing()),
        (format!(r#"[{fund}, {instrument}]"#), "v.isin", union(1, isin.clone()), found()),
        (format!(r#"[{fund}, {instrument}]"#), "v.isin", union(0, record(&[("code", "F".into())])), nothing()),
        (r#"{"type": "map", "values": "string"}"#.to_owned(), "v.a.b", map("US0378331005".into()), found()),
        (r#"{"type": "map", "values": "string"}"#.to_owned(), "v.other", map("x".into()), nothing()),
    ];
    for (kind, path, value, expected) in cases {
        let schema = schema_with(&format!(r#"{{"name": "v", "type": {kind}}}"#));
        let columns = format!("{BY_FILE}columns = {{ id = \"id\", isin = \"{path}\" }}");
        let bytes = written(&schema, trade(value));
        assert_eq!(decode(&mut decoder(&schema, &columns).unwrap(), &bytes), Ok(expected), "{kind} {path}");
    }
    // A record that is defined once and used twice, by its name.
    let schema = format!(
        r#"{{"type": "record", "name": "Trade", "namespace": "desk", "fields": [
            {{"name": "id", "type": "string"}}, {{"name": "v", "type": {instrument}}}, {{"name": "w", "type": ["null", "Instrument"]}}]}}"#
    );
    let columns = format!("{BY_FILE}columns = {{ id = \"id\", isin = \"w.isin\" }}");
    let value = record(&[("id", "T1".into()), ("v", record(&[("isin", "x".into())])), ("w", union(1, isin))]);
    assert_eq!(decode(&mut decoder(&schema, &columns).unwrap(), &written(&schema, value)), Ok(found()));
}

#[test]
fn what_can_be_no_column_is_told_before_there_is_a_message() {
    let cases = [
        (r#"{"name": "v", "type": {"type": "array", "items": "string"}}"#, "source.orders.columns.isin", "is an array"),
        (
            r#"{"name": "v", "type": {"type": "record", "name": "R", "fields": []}}"#,
            "source.orders.columns.isin",
            "is the record `R`",
        ),
        (
            r#"{"name": "v", "type": {"type": {"type": "fixed", "name": "D", "size": 12}, "logicalType": "duration"}}"#,
            "source.orders.columns.isin",
            "is a duration",
        ),
        (r#"{"name": "vv", "type": "string"}"#, "source.orders.columns.isin", "there is no field `v`"),
        (r#"{"name": "v", "type": "strin"}"#, "source.orders.avro.schema", "trade.avsc: this is not an Avro schema"),
        (r#"{"name": "v", "type": "string}"#, "source.orders.avro.schema", "line 1 column"),
        (
            r#"{"name": "v", "type": {"type": "array", "items": "Trade"}}"#,
            "source.orders.avro.schema",
            "a `Trade` holds another `Trade`",
        ),
        (
            r#"{"name": "v", "type": {"type": "fixed", "name": "F", "size": 1000000000000}}"#,
            "source.orders.avro.schema",
            "more than 1048576 bytes",
        ),
    ];
    for (field, key, what) in cases {
        let error =
            decoder(&schema_with(field), &format!("{BY_FILE}columns = {{ id = \"id\", isin = \"v\" }}")).err().unwrap();
        assert!(error.key == key && error.what.contains(what) && !error.help.is_empty(), "{field}: {error}");
    }
    let near = decoder(
        &schema_with(r#"{"name": "isin", "type": "string"}"#),
        &format!("{BY_FILE}columns = {{ id = \"id\", isin = \"isn\" }}"),
    );
    assert_eq!(near.err().unwrap().help, "did you mean `isin`?");
}

#[test]
fn a_schema_without_a_limit_on_depth_is_refused() {
    let chain = |length: usize| {
        let record = |at: usize| {
            let next = if at + 1 < length { format!("\"R{}\"", at + 1) } else { "\"long\"".to_owned() };
            format!(r#"{{"type": "record", "name": "R{at}", "fields": [{{"name": "id", "type": {next}}}]}}"#)
        };
        // The innermost first: each is defined before it is named.
        let records: Vec<String> = (0..length).rev().map(record).collect();
        decoder(&format!("[{}]", records.join(",")), BY_FILE)
    };
    chain(40).map(drop).unwrap();
    let error = chain(400).err().unwrap();
    assert!(error.what.contains("nested more than 64 times"), "{error}");
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let cases = [
        ("", "source.orders.avro", "trade.avsc"),
        ("avro = {}", "source.orders.avro", "registry"),
        ("avro = { schema = \"none.avsc\" }", "source.orders.avro.schema", "path of a text file"),
        ("avro = { registry = \"schemas:8081\" }", "source.orders.avro.registry", "http://host:8081"),
        ("avro = { registry = \"http://u:p@schemas\" }", "source.orders.avro.registry", "avro.password"),
        ("avro = { schema = \"trade.avsc\", token = { env = \"T\" } }", "source.orders.avro.token", "avro.registry"),
        ("avro = { registry = \"http://s\", token = \"t\" }", "source.orders.avro.token", "env"),
        ("avro = { registry = \"http://s\", username = \"u\" }", "source.orders.avro.username", "avro.password"),
        (
            "avro = { registry = \"http://s\", password = { env = \"T\" } }",
            "source.orders.avro.password",
            "avro.username",
        ),
        ("avro = { registry = \"http://s\", ca_file = \"trade.avsc\" }", "source.orders.avro.ca_file", "PEM"),
        ("avro = { schema = \"trade.avsc\" }\ncolumns = { id = 0 }", "source.orders.columns", "name of the field"),
        ("format = \"json\"\navro = { schema = \"trade.avsc\" }", "source.orders.avro", "format = \"avro\""),
    ];
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("trade.avsc"),
        r#"{"type": "record", "name": "T", "fields": [{"name": "id", "type": "string"}]}"#,
    )
    .unwrap();
    for (settings, key, help) in cases {
        let format = if settings.contains("format") { "" } else { "format = \"avro\"\n" };
        let text = format!("brokers = \"kafka:9092\"\ntopics = [\"trades\"]\n{format}{settings}");
        let error = source_in(folder.path(), &text, &Dictionary::new()).err().unwrap();
        assert!(error.key == key && error.help.contains(help), "{settings}: {error}");
    }
}

#[test]
fn what_is_no_whole_value_is_refused_and_never_read_as_null() {
    let schema = r#"{"type": "record", "name": "Trade", "fields": [
        {"name": "id", "type": "string"}, {"name": "flag", "type": "boolean"}, {"name": "isin", "type": ["null", "string"]},
        {"name": "note", "type": "string"}]}"#;
    let mut decoder =
        decoder(schema, &format!("{BY_FILE}columns = {{ id = \"id\", attributes.note = \"note\" }}")).unwrap();
    let isin = Value::Union(1, Box::new("US0378331005".into()));
    let value = record(&[("id", "T1".into()), ("flag", Value::Boolean(true)), ("isin", isin), ("note", "late".into())]);
    let whole = written(schema, value);
    assert!(decode(&mut decoder, &whole).is_ok());
    for length in 0..whole.len() {
        let refusal = decode(&mut decoder, &whole[..length]).unwrap_err();
        assert!(refusal.what.starts_with("the message is not a value of its schema"), "{length}: {}", refusal.what);
        assert_eq!(refusal.raw, &whole[..length]);
    }
    let longer = [&whole[..], b"xy"].concat();
    assert!(decode(&mut decoder, &longer).unwrap_err().what.contains("2 bytes are left"));
    let registered = [b"\0\0\0\0\x07", &whole[..]].concat();
    assert!(decode(&mut decoder, &registered).unwrap_err().help.contains("avro.registry"));
}

#[test]
fn values_that_cannot_be_exact_are_refused_with_their_field() {
    let long = Value::Decimal(Decimal::from([0x7f; 20]));
    let duration = Value::Duration(Duration::new(Months::new(1), Days::new(2), Millis::new(3)));
    let cases = [
        (
            r#"{"type": "bytes", "logicalType": "decimal", "precision": 50, "scale": 2}"#,
            long,
            "price",
            "more than 38 digits",
        ),
        (
            r#"{"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 12}"#,
            decimal(&[1]),
            "price",
            "0.000000000001",
        ),
        (r#""bytes""#, Value::Bytes(vec![0xff, 0xfe]), "account", "byte 0 of them is not text"),
        (r#""double""#, Value::Double(f64::NAN), "price", "NaN"),
        (
            r#"{"type": "long", "logicalType": "timestamp-micros"}"#,
            Value::TimestampMicros(i64::MAX),
            "execution_time",
            "not a date",
        ),
        (
            r#"{"type": "long", "logicalType": "timestamp-millis"}"#,
            Value::TimestampMillis(i64::MAX),
            "execution_time",
            "not a date",
        ),
        (
            r#"{"type": "int", "logicalType": "time-millis"}"#,
            Value::TimeMillis(-1),
            "attributes.note",
            "not a time of day",
        ),
        (r#""string""#, "US0378331006".into(), "isin", "US0378331006"),
        (
            r#"["string", {"type": {"type": "fixed", "name": "D", "size": 12}, "logicalType": "duration"}]"#,
            Value::Union(1, Box::new(duration)),
            "attributes.note",
            "is a duration",
        ),
    ];
    for (kind, value, field, what) in cases {
        let schema = schema_with(&format!(r#"{{"name": "v", "type": {kind}}}"#));
        let mut decoder = decoder(&schema, &format!("{BY_FILE}[columns]\nid = \"id\"\n{field} = \"v\"")).unwrap();
        let refusal = decode(&mut decoder, &written(&schema, trade(value))).unwrap_err();
        assert!(refusal.what.contains(what) && !refusal.help.is_empty(), "{kind}: {}", refusal.what);
        assert_eq!(refusal.field.as_deref(), Some("v"), "{kind}");
    }
}

#[test]
fn a_decimal_without_a_digit_is_not_zero() {
    let schema = schema_with(
        r#"{"name": "v", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}"#,
    );
    let mut decoder = decoder(&schema, &format!("{BY_FILE}columns = {{ id = \"id\", price = \"v\" }}")).unwrap();
    assert!(decode(&mut decoder, b"\x04T1\x00").unwrap_err().what.contains("no digits"));
}

/// A decoder of messages whose schemas were learnt, each by its id.
fn registered(reader: Option<&str>, settings: &str, schemas: &[(u32, &str)]) -> MessageDecoder {
    let file = if reader.is_some() { ", schema = \"trade.avsc\"" } else { "" };
    let settings = format!("avro = {{ registry = \"http://schemas:8081\"{file} }}\n{settings}");
    let mut decoder = decoder(reader.unwrap_or(""), &settings).unwrap();
    for (id, schema) in schemas {
        decoder.learn(*id, serde_json::from_value(json!({ "schema": { "text": schema } })).unwrap());
    }
    decoder
}

fn under(id: u32, datum: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), datum].concat()
}

#[test]
fn a_message_begins_with_a_zero_byte_and_the_id_of_its_schema() {
    let schema = schema_with(r#"{"name": "v", "type": "string"}"#);
    let columns = "columns = { id = \"id\", account = \"v\" }";
    let mut decoder = registered(None, columns, &[(0x0102_0304, &schema), (8, "nonsense")]);
    let datum = written(&schema, trade("A-1".into()));
    assert_eq!(decode(&mut decoder, &under(0x0102_0304, &datum)), Ok(as_json("account", json!("A-1"))));
    assert_eq!(decoder.needs(Some(&under(0x0102_0304, &datum)), None), None);
    assert_eq!(decoder.needs(Some(&under(9, &datum)), None), Some(9));
    for (payload, what) in [
        (under(0x0102_0304, b"\x02"), "not a value of its schema"),
        (under(8, &datum), "written by schema 8 of the registry: this is not an Avro schema"),
        (datum.clone(), "does not begin with a zero byte"),
        (b"\0\0\0".to_vec(), "does not begin with a zero byte"),
        (Vec::new(), "does not begin with a zero byte"),
    ] {
        let refusal = decode(&mut decoder, &payload).unwrap_err();
        assert!(refusal.what.contains(what), "{}", refusal.what);
    }
    let protobuf = json!({ "schema": { "kind": "PROTOBUF", "text": "message A {}" } });
    decoder.learn(10, serde_json::from_value(protobuf).unwrap());
    assert!(decode(&mut decoder, &under(10, &datum)).unwrap_err().what.contains("one of PROTOBUF"));
}

#[test]
fn without_a_schema_to_read_by_a_column_that_was_not_written_is_told() {
    let schema = schema_with(r#"{"name": "account", "type": "string"}"#);
    let datum = written(&schema, record(&[("id", "T1".into()), ("account", "A".into())]));
    let mut named = registered(None, "columns = { id = \"id\", account = \"acount\" }", &[(1, &schema)]);
    let refusal = decode(&mut named, &under(1, &datum)).unwrap_err();
    assert!(refusal.what.contains("there is no field `acount`") && refusal.help.contains("`account`"), "{refusal:?}");
    // Where no column is named, those are read that there are.
    let mut by_name = registered(None, "", &[(1, &schema)]);
    assert_eq!(decode(&mut by_name, &under(1, &datum)), Ok(as_json("account", json!("A"))));
}

#[test]
fn what_was_written_by_another_schema_is_read_by_names_aliases_and_defaults() {
    let money =
        |scale: u8| format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": {scale}}}"#);
    let old = format!(
        r#"{{"type": "record", "name": "Trade", "fields": [
            {{"name": "px", "type": {}}}, {{"name": "id", "type": "string"}}, {{"name": "dropped", "type": "long"}},
            {{"name": "side", "type": {{"type": "enum", "name": "Side", "symbols": ["BUY", "SHORT"]}}}},
            {{"name": "at", "type": "long"}}, {{"name": "instrument", "type": {{"type": "record", "name": "Old", "fields": [
                {{"name": "code", "type": "string"}}]}}}}]}}"#,
        money(2)
    );
    let new = format!(
        r#"{{"type": "record", "name": "Trade", "fields": [
            {{"name": "id", "type": "string"}}, {{"name": "price", "aliases": ["px"], "type": ["null", {}]}},
            {{"name": "side", "type": {{"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"], "default": "SELL"}}}},
            {{"name": "at", "type": {{"type": "long", "logicalType": "timestamp-millis"}}}},
            {{"name": "account", "type": "string", "default": "HOUSE"}},
            {{"name": "fees", "type": {}, "default": "\u0001"}},
            {{"name": "note", "type": ["null", "string"], "default": null}},
            {{"name": "instrument", "type": {{"type": "record", "name": "New", "fields": [
                {{"name": "isin", "aliases": ["code"], "type": "string"}}]}}}}]}}"#,
        money(4),
        money(2)
    );
    let columns = r#"
        [columns]
        id = "id"
        price = "price"
        side = "side"
        execution_time = "at"
        account = "account"
        fees = "fees"
        isin = "instrument.isin"
        attributes.note = "note""#;
    let value = |side: u32, symbol: &str| {
        record(&[
            ("px", decimal(&[0x04, 0xd2])),
            ("id", "T1".into()),
            ("dropped", Value::Long(1)),
            ("side", Value::Enum(side, symbol.to_owned())),
            ("at", Value::Long(1_773_648_000_000)),
            ("instrument", record(&[("code", "US0378331005".into())])),
        ])
    };
    let json = |side: &str| {
        let text = format!("brokers = \"b\"\ntopics = [\"t\"]\n{columns}");
        let mut decoder = super::source(&text, &Dictionary::new()).unwrap().settings.messages.decoder().unwrap();
        let message = format!(
            r#"{{"id": "T1", "price": 12.34, "side": "{side}", "at": "2026-03-16T08:00:00", "account": "HOUSE",
                "fees": 0.01, "instrument": {{"isin": "US0378331005"}}}}"#
        );
        decode(&mut decoder, message.as_bytes()).unwrap()
    };
    let mut decoder = registered(Some(&new), columns, &[(1, &old)]);
    assert_eq!(decode(&mut decoder, &under(1, &written(&old, value(0, "BUY")))), Ok(json("BUY")));
    assert_eq!(decode(&mut decoder, &under(1, &written(&old, value(1, "SHORT")))), Ok(json("SELL")));

    let strict = new.replace(", \"default\": \"SELL\"", "").replace(", \"default\": \"HOUSE\"", "");
    let mut decoder = registered(Some(&strict), columns, &[(1, &old)]);
    let refusal = decode(&mut decoder, &under(1, &written(&old, value(0, "BUY")))).unwrap_err();
    assert!(refusal.what.contains("`account` was not written, and has no default"), "{}", refusal.what);
    let without = columns.replace("account = \"account\"", "");
    let mut decoder = registered(Some(&strict), &without, &[(1, &old)]);
    let refusal = decode(&mut decoder, &under(1, &written(&old, value(1, "SHORT")))).unwrap_err();
    assert!(refusal.what.contains("`SHORT` is none of the symbols"), "{}", refusal.what);
}

#[test]
fn schemas_that_refer_to_others_are_read() {
    let answer = json!({ "schema": {
        "text": r#"{"type": "record", "name": "Trade", "namespace": "desk", "fields": [
            {"name": "id", "type": "string"}, {"name": "v", "type": "desk.Instrument"}]}"#,
        "references": [
            r#"{"type": "fixed", "name": "Isin", "namespace": "desk", "size": 12}"#,
            r#"{"type": "record", "name": "Instrument", "namespace": "desk", "fields": [{"name": "isin", "type": "Isin"}]}"#,
        ],
    }});
    let mut decoder = registered(None, "columns = { id = \"id\", isin = \"v.isin\" }", &[]);
    decoder.learn(3, serde_json::from_value(answer).unwrap());
    let event = decode(&mut decoder, &under(3, b"\x04T1US0378331005"));
    assert_eq!(event, Ok(as_json("isin", json!("US0378331005"))));
}

proptest! {
    /// Whatever a message holds becomes one event or one refusal, and nothing panics.
    #[test]
    fn any_bytes_are_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..60), zeros in 0usize..6) {
        let schema = r#"{"type": "record", "name": "T", "fields": [
            {"name": "id", "type": "string"}, {"name": "a", "type": {"type": "array", "items": ["null", "long"]}},
            {"name": "m", "type": {"type": "map", "values": "bytes"}},
            {"name": "d", "type": {"type": "bytes", "logicalType": "big-decimal"}},
            {"name": "u", "type": ["null", {"type": "string", "logicalType": "uuid"}]}]}"#;
        let columns = "columns = { id = \"id\", price = \"d\", account = \"u\", attributes.note = \"m.x\" }";
        let mut plain = decoder(schema, &format!("{BY_FILE}{columns}")).unwrap();
        let mut registered = registered(None, columns, &[(0, schema)]);
        let payload = [&vec![0; zeros][..], &payload].concat();
        let _ = decode(&mut plain, &payload);
        let _ = decode(&mut registered, &payload);
    }
}
