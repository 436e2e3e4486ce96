//! Any record is read back from texts and from columns as it was.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use engine::{Batch, Key};
use model::{
    Amount, Date, Dictionary, Field, FieldKind, OpenClose, OptionKind, Price, Product, Quantity, Record, Side,
    SourceId, Symbol, Timestamp, Trade, TradeBuilder, Value,
};
use proptest::prelude::*;

use super::any_record::{Texts, any_kind_and_row, layout_of};
use super::draft::Draft;
use super::{Header, Layout, LayoutConfig, RecordKind, Scope, ValueType};

const ATTRIBUTES: [&str; 2] = ["given_name", "desk_note"];

fn layout() -> (Layout, Dictionary) {
    let dictionary = Dictionary::new();
    let attributes = ATTRIBUTES.map(str::to_owned);
    let scope = Scope {
        name: "test",
        source: SourceId(0),
        attributes: &attributes,
        dictionary: &dictionary,
        folder: Path::new(""),
    };
    (Layout::new(&LayoutConfig::default(), &scope).unwrap(), dictionary)
}

/// Every field and attribute, with the name of its column.
fn fields() -> Vec<(Field, String)> {
    let attributes =
        ATTRIBUTES.iter().enumerate().map(|(index, name)| (Field::Attribute(index as u16), (*name).to_owned()));
    Field::ALL.iter().map(|field| (*field, field.name().to_owned())).chain(attributes).collect()
}

fn any_value(field: Field) -> BoxedStrategy<Value> {
    let code = |codes: Vec<&'static str>| prop::sample::select(codes).prop_map(Value::code).boxed();
    let some = match (field, field.kind()) {
        (Field::Isin, _) => Just(Value::Symbol(Symbol::of("US0378331005"))).boxed(),
        (Field::Venue, _) => Just(Value::Symbol(Symbol::of("XNYS"))).boxed(),
        (Field::Uti, _) => Just(Value::Symbol(Symbol::of("549300DTUYXVMJXZNY75AB12"))).boxed(),
        (_, FieldKind::Symbol) => "[A-Za-z0-9é\"', -]{1,30}".prop_map(|text| Value::Symbol(Symbol::of(&text))).boxed(),
        (_, FieldKind::Quantity) => number(Quantity::SCALE),
        (_, FieldKind::Price) => number(Price::SCALE),
        (_, FieldKind::Amount) => {
            any::<i128>().prop_map(|scaled| Value::Number { scaled: scaled / 2, scale: Amount::SCALE }).boxed()
        }
        (_, FieldKind::Date) => (-100_000..100_000).prop_map(|days| Value::Date(Date::from_days(days))).boxed(),
        (_, FieldKind::Time) => (-1_000_000_000_000_000i64..4_000_000_000_000_000)
            .prop_map(|micros| Value::Time(Timestamp::from_micros(micros)))
            .boxed(),
        (_, FieldKind::Text) => "[a-z\n,\" ]{1,12}".prop_map(|text| Value::Text(text.into())).boxed(),
        (Field::Side, _) => code(Side::ALL.iter().map(|side| side.code()).collect()),
        (Field::Product, _) => code(Product::ALL.iter().map(|product| product.code()).collect()),
        (Field::OptionKind, _) => code(OptionKind::ALL.iter().map(|kind| kind.code()).collect()),
        (Field::OpenClose, _) => code(OpenClose::ALL.iter().map(|kind| kind.code()).collect()),
        (_, FieldKind::Code) => code(vec!["USD", "EUR", "JPY"]),
    };
    if field == Field::Id { some } else { prop_oneof![Just(Value::None), some].boxed() }
}

fn number(scale: u8) -> BoxedStrategy<Value> {
    (-i64::MAX..i64::MAX).prop_map(move |scaled| Value::Number { scaled: scaled.into(), scale }).boxed()
}

/// How a value is written in a file.
fn written(value: &Value, texts: &std::collections::HashMap<Symbol, String>) -> String {
    match value {
        Value::None => String::new(),
        Value::Symbol(symbol) => texts[symbol].clone(),
        Value::Code(_) => {
            value.code_text().unwrap().to_lowercase().replace("usd", "USD").replace("eur", "EUR").replace("jpy", "JPY")
        }
        Value::Number { scaled, scale } => {
            super::decimal::Decimal { mantissa: *scaled, scale: (*scale).into() }.to_string()
        }
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Text(text) => text.to_string(),
    }
}

/// A trade with any values, and how each of them is written.
fn any_trade() -> impl Strategy<Value = (Trade, Vec<String>)> {
    let texts = prop::collection::vec("[A-Za-z0-9é\"', -]{1,30}", fields().len());
    let values: Vec<BoxedStrategy<Value>> = fields().into_iter().map(|(field, _)| any_value(field)).collect();
    (values, texts).prop_map(|(values, texts)| {
        let mut builder = TradeBuilder::new(SourceId(0));
        let mut row = Vec::new();
        for (((field, _), value), text) in fields().into_iter().zip(values).zip(texts) {
            let (value, text) = match (field, &value) {
                (Field::Isin, Value::Symbol(_)) => (value, "US0378331005".to_owned()),
                (Field::Venue, Value::Symbol(_)) => (value, "XNYS".to_owned()),
                (Field::Uti, Value::Symbol(_)) => (value, "549300DTUYXVMJXZNY75AB12".to_owned()),
                (_, Value::Symbol(_)) => (Value::Symbol(Symbol::of(&text)), text),
                _ => {
                    let text = written(&value, &Default::default());
                    (value, text)
                }
            };
            builder.set(field, value).unwrap();
            row.push(text);
        }
        (TradeBuilder::finish(builder), row)
    })
}

fn names() -> Vec<String> {
    fields().into_iter().map(|(_, name)| name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_trade_is_read_back_from_its_texts((trade, row) in any_trade()) {
        let (layout, _) = layout();
        let decoder = layout.rows(&Header::of(names())).unwrap();
        let event = decoder.decode(&Texts(row), 9).unwrap();
        prop_assert_eq!(event.offset, 9);
        prop_assert_eq!(event.record, Some(Record::Trade(trade)));
    }

    #[test]
    fn trades_are_read_back_from_columns_of_texts(trades in prop::collection::vec(any_trade(), 1..5)) {
        let (layout, _) = layout();
        let column = |column: usize| -> ArrayRef {
            Arc::new(trades.iter().map(|(_, row)| Some(row[column].clone())).collect::<StringArray>())
        };
        let columns = names().into_iter().enumerate().map(|(index, name)| (name, column(index)));
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let decoder = layout.columns(&rows.schema()).unwrap();
        let mut batch =
            Batch { partition: Arc::from("p"), upper: 5, events: Vec::new(), refusals: Vec::new(), continues: false };
        decoder.decode(&rows, &mut batch);
        prop_assert_eq!(&batch.refusals, &Vec::new());
        prop_assert_eq!(batch.upper, 5 + trades.len() as u64);
        for (event, (trade, _)) in batch.events.into_iter().zip(trades) {
            prop_assert_eq!(event.record, Some(Record::Trade(trade)));
        }
    }
}

proptest! {
    #[test]
    fn a_record_of_any_kind_is_read_back_from_its_texts((kind, row) in any_kind_and_row()) {
        let dictionary = Dictionary::new();
        let fields = kind.fields();
        let header = Header::of(fields.iter().map(|field| field.name.to_owned()).collect());
        let decoder = layout_of(kind, SourceId(3), &dictionary).rows(&header).unwrap();
        let texts = row.iter().map(|(text, _)| text.clone()).collect();
        let event = decoder.decode(&Texts(texts), 0).unwrap();
        let record = event.record.unwrap();
        prop_assert_eq!((record.kind(), record.source()), (kind.name(), Some(SourceId(3))));
        prop_assert_eq!((event.key, event.member), (Key::from_bytes(record.key().bytes()), record.member()));
        for (field, (text, value)) in fields.iter().zip(row) {
            prop_assert_eq!((field.read)(&record, &dictionary), value, "{} {}", field.name, text);
        }
    }

    #[test]
    fn records_of_any_kind_are_read_from_columns_as_from_rows((kind, row) in any_kind_and_row()) {
        let dictionary = Dictionary::new();
        let fields = kind.fields();
        let names: Vec<String> = fields.iter().map(|field| field.name.to_owned()).collect();
        let texts: Vec<String> = row.iter().map(|(text, _)| text.clone()).collect();
        let layout = layout_of(kind, SourceId(3), &dictionary);
        let by_row = layout.rows(&Header::of(names.clone())).unwrap().decode(&Texts(texts.clone()), 0).unwrap();
        let arrays = texts.into_iter().map(|text| Arc::new(StringArray::from(vec![text])) as ArrayRef);
        let rows = RecordBatch::try_from_iter(names.into_iter().zip(arrays)).unwrap();
        let mut batch =
            Batch { partition: Arc::from("p"), upper: 0, events: Vec::new(), refusals: Vec::new(), continues: false };
        layout.columns(&rows.schema()).unwrap().decode(&rows, &mut batch);
        prop_assert_eq!(batch.refusals, Vec::new());
        prop_assert_eq!(batch.events, vec![by_row]);
    }
}

#[test]
fn all_kinds_of_records_but_models_can_be_read_under_their_names() {
    let known: Vec<&str> = RecordKind::ALL.iter().map(|kind| kind.name()).collect();
    let expected: Vec<&str> = Record::KINDS.iter().copied().filter(|name| *name != "model").collect();
    assert_eq!(known, expected, "a kind of record is missing in the table of `kinds`");
    for kind in RecordKind::ALL {
        let empty = (kind.drafting().empty)(SourceId(7));
        assert_eq!((empty.kind(), empty.source()), (kind.name(), Some(SourceId(7))));
        assert_eq!(RecordKind::named(kind.name()), Some(*kind));
    }
}

#[test]
fn what_says_which_record_it_is_are_the_fields_of_its_key() {
    for kind in RecordKind::ALL {
        let identity: Vec<&str> =
            kind.fields().iter().filter(|field| field.need.is_identity()).map(|field| field.name).collect();
        let expected: &[&str] = match kind.name() {
            "market_price" => &["security", "price_date"],
            "sensitivity" => &["security", "sensitivity_date"],
            "fx_rate" => &["from_currency", "to_currency", "rate_date"],
            "benchmark_level" => &["benchmark", "level_date"],
            "risk_free_rate" => &["currency", "rate_date"],
            "fund_aum" => &["fund", "loaded_at"],
            "fund_aum_day" => &["fund", "aum_date", "loaded_at"],
            "margin_submission" => &["fund", "submitted_at", "loaded_at"],
            "fund_position" => {
                &["fund", "nickname", "portfolio_date", "loaded_at", "notional", "received_leg", "paid_leg"]
            }
            "fund_exposure" => &["fund", "origin", "loaded_at"],
            "margin_validation" => &["fund", "validated_at", "loaded_at"],
            "margin_exception" => &["fund"],
            _ => &["id"],
        };
        assert_eq!(identity, expected, "{}", kind.name());
    }
}

#[test]
fn every_field_of_a_trade_has_its_place() {
    for field in Field::ALL {
        let entry = TradeBuilder::field(field.name()).unwrap_or_else(|| panic!("{field} has no place"));
        let is_right = matches!(
            (field.kind(), entry.place.value_type()),
            (FieldKind::Symbol, ValueType::Symbol)
                | (FieldKind::Quantity, ValueType::Quantity)
                | (FieldKind::Price, ValueType::Price)
                | (FieldKind::Amount, ValueType::Amount)
                | (FieldKind::Date, ValueType::Date)
                | (FieldKind::Time, ValueType::Time)
                | (FieldKind::Code, ValueType::Code(_) | ValueType::Currency)
        );
        assert!(is_right, "{field}");
        assert_eq!(entry.meaning, field.meaning());
        assert_eq!(Trade::field(field.name()).is_some(), field.is_hot(), "{field}");
    }
    assert_eq!(TradeBuilder::fields().count(), Field::ALL.len());
}
