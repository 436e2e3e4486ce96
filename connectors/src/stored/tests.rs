use proptest::prelude::*;

use model::{
    Allocation, Amount, Confirmation, Date, FieldKind, Price, Quantity, ScoringModel, SourceId, Symbol, Timestamp,
    Trade, TradeBuilder, Value,
};

use engine::Key;

use super::*;
use crate::layout::any_record::{any_kind_and_row, record_of};

fn stored(sources: &[&str], attributes: &[&str], dictionary: &Dictionary) -> StoredRecords {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    StoredRecords::new(&owned(sources), &owned(attributes), dictionary)
}

/// A value of a field, from a number.
fn sample(field: Field, seed: i64, dictionary: &Dictionary) -> Value {
    let number = |scale| Value::Number { scaled: i128::from(seed), scale };
    match (field, field.kind()) {
        (Field::Side, _) => Value::code("SELL"),
        (Field::Product, _) => Value::code("FX_FORWARD"),
        (Field::OptionKind, _) => Value::code("PUT"),
        (Field::OpenClose, _) => Value::code("CLOSE"),
        (_, FieldKind::Code) => Value::code(if seed % 2 == 0 { "EUR" } else { "JPY" }),
        (_, FieldKind::Symbol) if seed % 2 == 0 => Value::Symbol(dictionary.intern(&format!("S{}", seed % 1000))),
        (_, FieldKind::Symbol) => Value::Symbol(dictionary.intern(&format!("ein längerer Bezeichner {seed}"))),
        (_, FieldKind::Quantity) => number(Quantity::SCALE),
        (_, FieldKind::Price) => number(Price::SCALE),
        (_, FieldKind::Amount) => number(Amount::SCALE),
        (_, FieldKind::Date) => Value::Date(Date((seed % 40_000) as i32)),
        (_, FieldKind::Time) => Value::Time(Timestamp(seed)),
        (_, FieldKind::Text) => Value::Text(Arc::from(format!("text, \"{seed}\"\n"))),
    }
}

fn fields() -> Vec<Field> {
    Field::ALL.iter().copied().chain([Field::Attribute(0), Field::Attribute(1)]).collect()
}

fn trade(source: u8, fields: &[Field], seed: i64, dictionary: &Dictionary) -> Trade {
    let mut builder = TradeBuilder::new(SourceId(source));
    for field in fields {
        builder.set(*field, sample(*field, seed, dictionary)).unwrap();
    }
    builder.finish()
}

fn others(dictionary: &Dictionary) -> Vec<Record> {
    let symbol = |text: &str| dictionary.intern(text);
    let allocation = Allocation {
        source: SourceId(1),
        id: symbol("A1"),
        trade: symbol("a trade with a long name"),
        account: symbol("ACC"),
        quantity: Quantity::from_scaled(-5),
    };
    let unknown = Allocation { quantity: Quantity::NONE, account: Symbol::NONE, ..allocation.clone() };
    let confirmation = Confirmation {
        source: SourceId(0),
        id: symbol("C1"),
        reconciliation: symbol("equities"),
        left: symbol("L"),
        right: symbol("R"),
        by: Symbol::NONE,
    };
    let model = ScoringModel { id: symbol("equities/broker"), version: 7, text: Arc::from("{\"weights\": []}") };
    vec![allocation.into(), unknown.into(), confirmation.into(), model.into()]
}

fn round_trip(records: &[Record], from: &StoredRecords, to: &StoredRecords) -> Vec<Record> {
    let rows = from.encode(records).unwrap();
    to.decode(&rows).unwrap().into_iter().map(|event| event.record.unwrap()).collect()
}

proptest! {
    #[test]
    fn a_trade_is_stored_whole(
        trades in prop::collection::vec((0..2u8, proptest::sample::subsequence(fields(), 0..=fields().len()), any::<i32>()), 1..20)
    ) {
        let dictionary = Dictionary::new();
        let trades = trades.iter().map(|(source, fields, seed)| trade(*source, fields, i64::from(*seed), &dictionary).into());
        let trades: Vec<Record> = trades.collect();
        let stored = stored(&["own", "broker"], &["desk_note", "id"], &dictionary);
        prop_assert_eq!(round_trip(&trades, &stored, &stored), trades);
    }
}

proptest! {
    #[test]
    fn records_of_any_kinds_are_stored_whole(
        rows in prop::collection::vec((0..2u8, any_kind_and_row()), 1..12)
    ) {
        let dictionary = Dictionary::new();
        let mut records: Vec<Record> =
            rows.iter().map(|(source, (kind, row))| record_of(*kind, row, SourceId(*source), &dictionary)).collect();
        records.extend(others(&dictionary));
        let stored = stored(&["own", "broker"], &[], &dictionary);
        let events = stored.decode(&stored.encode(&records).unwrap()).unwrap();
        for (event, record) in events.iter().zip(&records) {
            prop_assert_eq!((event.key, event.member), (Key::from_bytes(record.key().bytes()), record.member()));
        }
        let read: Vec<Record> = events.into_iter().map(|event| event.record.unwrap()).collect();
        prop_assert_eq!(read, records);
    }
}

#[test]
fn snapshots_from_before_a_field_or_a_kind_are_read() {
    let dictionary = Dictionary::new();
    let stored = stored(&["own", "broker"], &[], &dictionary);
    let records = others(&dictionary);
    let rows = stored.encode(&records).unwrap();
    // The columns that there were when trades, allocations, confirmations and models were all.
    let old = ["kind", "source", "trade", "reconciliation", "left", "right", "by", "version", "text"];
    let kept: Vec<usize> = (0..rows.num_columns())
        .filter(|column| {
            let name = rows.schema().field(*column).name().clone();
            old.contains(&name.as_str()) || Field::parse_name(&name).is_some()
        })
        .collect();
    let events = stored.decode(&rows.project(&kept).unwrap()).unwrap();
    assert!(kept.len() < rows.num_columns());
    assert_eq!(events.into_iter().map(|event| event.record.unwrap()).collect::<Vec<_>>(), records);
}

#[test]
fn a_column_of_another_type_is_no_column_of_ours() {
    let dictionary = Dictionary::new();
    let stored = stored(&["own", "broker"], &[], &dictionary);
    let rows = stored.encode(&others(&dictionary)).unwrap();
    let schema = rows.schema();
    let columns = schema.fields().iter().map(|field| field.name().clone()).zip(rows.columns().to_vec());
    let columns = columns.map(|(name, array)| match name.as_str() {
        "account" => {
            (name, Arc::new(arrow::array::UInt32Array::from(vec![1; rows.num_rows()])) as arrow::array::ArrayRef)
        }
        _ => (name, array),
    });
    let error = stored.decode(&RecordBatch::try_from_iter(columns).unwrap()).unwrap_err();
    assert!(error.contains("column `account` holds UInt32, not Utf8"), "{error}");
}

#[test]
fn every_kind_of_record_is_stored_whole_under_its_own_key() {
    let dictionary = Dictionary::new();
    let stored = stored(&["own", "broker"], &[], &dictionary);
    let records = others(&dictionary);
    assert_eq!(round_trip(&records, &stored, &stored), records);
    let events = stored.decode(&stored.encode(&records).unwrap()).unwrap();
    for (event, record) in events.iter().zip(&records) {
        assert_eq!((event.key, event.member), (Key::from_bytes(record.key().bytes()), record.member()));
    }
}

#[test]
fn texts_come_back_where_no_dictionary_was_kept() {
    let dictionary = Dictionary::new();
    let trade = trade(0, &fields(), 1, &dictionary);
    let elsewhere = Dictionary::new();
    let [from, to] = [&dictionary, &elsewhere].map(|dictionary| stored(&["own"], &["a", "b"], dictionary));
    let read = round_trip(&[trade.clone().into()], &from, &to);
    assert_eq!(read, [trade.clone().into()]);
    assert_eq!(elsewhere.text(trade.id), dictionary.text(trade.id));
    assert!(elsewhere.text(trade.id).is_some());
}

#[test]
fn sources_and_attributes_may_change_their_places() {
    let dictionary = Dictionary::new();
    let from = stored(&["own", "broker"], &["a", "b"], &dictionary);
    let to = stored(&["custodian", "broker", "own"], &["b", "new", "a"], &dictionary);
    let given = trade(0, &[Field::Id, Field::Attribute(0), Field::Attribute(1)], 4, &dictionary);
    let read = round_trip(&[given.clone().into()], &from, &to);
    let [Record::Trade(read)] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(read.source, SourceId(2));
    assert_eq!(
        (read.attribute(2), read.attribute(0), read.attribute(1)),
        (given.attribute(0), given.attribute(1), None)
    );
}

#[test]
fn a_row_of_a_source_that_is_gone_is_no_record() {
    let dictionary = Dictionary::new();
    let rows = stored(&["own", "broker"], &[], &dictionary).encode(&others(&dictionary)).unwrap();
    let error = stored(&["own"], &[], &dictionary).decode(&rows).unwrap_err();
    assert_eq!(error, "row 0 is of a source `broker`, which the configuration has not");
}
