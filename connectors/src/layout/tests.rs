//! Any record is read back from texts and from columns as it was.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use engine::Batch;
use model::{
    Amount, Date, Dictionary, Field, FieldKind, OpenClose, OptionKind, Price, Product, Quantity, Record, Side,
    SourceId, Symbol, Timestamp, Trade, TradeBuilder, Value,
};
use proptest::prelude::*;

use super::draft::{Draft, Place};
use super::{Fault, Given, Header, Layout, LayoutConfig, Scope, TextRow};

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

struct Texts(Vec<String>);

impl TextRow for Texts {
    fn value(&self, column: usize) -> Result<Given<'_>, Fault> {
        Ok(Given::Text(Cow::Borrowed(&self.0[column])))
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

#[test]
fn every_field_of_a_trade_has_its_place() {
    for field in Field::ALL {
        let place = TradeBuilder::place(field.name()).unwrap_or_else(|| panic!("{field} has no place"));
        let is_right = match (field.kind(), place) {
            (FieldKind::Symbol, Place::Symbol(_))
            | (FieldKind::Quantity, Place::Quantity(_))
            | (FieldKind::Price, Place::Price(_))
            | (FieldKind::Amount, Place::Amount(_))
            | (FieldKind::Date, Place::Date(_))
            | (FieldKind::Time, Place::Time(_)) => true,
            (FieldKind::Code, place) => {
                matches!(
                    place,
                    Place::Side(_)
                        | Place::Product(_)
                        | Place::Currency(_)
                        | Place::OptionKind(_)
                        | Place::OpenClose(_)
                )
            }
            _ => false,
        };
        assert!(is_right, "{field}");
        assert_eq!(Trade::place(field.name()).is_some(), field.is_hot(), "{field}");
    }
    assert_eq!(TradeBuilder::names().count(), Field::ALL.len());
}
