//! Any record of any kind, as texts and as what they say: for tests.

use std::borrow::Cow;
use std::path::Path;

use model::{Date, Dictionary, Record, SourceId, Symbol, Timestamp, Value};
use proptest::prelude::*;

use super::{
    Fault, FieldDescription, Given, Header, Layout, LayoutConfig, Need, RecordKind, Scope, TextRow, ValueType,
};

/// A field as it is written, and its value.
pub(crate) type Cell = (String, Value);

/// A layout of this kind that finds columns by the names of the fields.
pub(crate) fn layout_of(kind: RecordKind, source: SourceId, dictionary: &Dictionary) -> Layout {
    let scope = Scope { name: "test", source, attributes: &[], dictionary, folder: Path::new("") };
    Layout::new(&LayoutConfig { record: kind, ..LayoutConfig::default() }, &scope).unwrap()
}

/// The cells of a record, in the order of the fields of its kind.
pub(crate) fn any_row(kind: RecordKind) -> BoxedStrategy<Vec<Cell>> {
    kind.fields().iter().map(any_cell).collect::<Vec<_>>().boxed()
}

/// A row of any kind.
pub(crate) fn any_kind_and_row() -> impl Strategy<Value = (RecordKind, Vec<Cell>)> {
    prop::sample::select(RecordKind::ALL).prop_flat_map(|kind| (Just(kind), any_row(kind)))
}

/// The record that such cells are read as.
pub(crate) fn record_of(kind: RecordKind, row: &[Cell], source: SourceId, dictionary: &Dictionary) -> Record {
    let names = kind.fields().iter().map(|field| field.name.to_owned()).collect();
    let decoder = layout_of(kind, source, dictionary).rows(&Header::of(names)).unwrap();
    let texts = row.iter().map(|(text, _)| text.clone()).collect();
    decoder.decode(&Texts(texts), 0).unwrap().record.unwrap()
}

/// A row of texts.
pub(crate) struct Texts(pub(crate) Vec<String>);

impl TextRow for Texts {
    fn value(&self, column: usize) -> Result<Given<'_>, Fault> {
        Ok(Given::Text(Cow::Borrowed(&self.0[column])))
    }
}

fn any_cell(field: &FieldDescription) -> BoxedStrategy<Cell> {
    let some = match (field.name, field.value_type) {
        ("isin", _) => Just(symbol("US0378331005")).boxed(),
        ("venue", _) => Just(symbol("XNYS")).boxed(),
        ("uti", _) => Just(symbol("549300DTUYXVMJXZNY75AB12")).boxed(),
        (_, ValueType::Symbol | ValueType::Text) => "[A-Za-z0-9é\"';:, -]{1,30}".prop_map(|text| symbol(&text)).boxed(),
        (_, ValueType::Amount | ValueType::Rate) => number(i128::MAX / 2, field),
        (_, ValueType::Quantity | ValueType::Price) => number(i64::MAX.into(), field),
        (_, ValueType::Date) => (if field.need.is_identity() { -20_000..80_000 } else { -100_000..100_000 })
            .prop_map(|days| (Date::from_days(days).to_string(), Value::Date(Date::from_days(days))))
            .boxed(),
        (_, ValueType::Time) => (-1_000_000_000_000_000i64..4_000_000_000_000_000)
            .prop_map(Timestamp::from_micros)
            .prop_map(|time| (time.to_string(), Value::Time(time)))
            .boxed(),
        // False where nothing is known: that is told as nothing.
        ("is_accepted", _) => {
            prop_oneof![Just(("true".to_owned(), Value::code("true"))), Just(("false".to_owned(), Value::None))].boxed()
        }
        (_, ValueType::Truth) => code(&["true", "false"]),
        (_, ValueType::Currency) => code(&["USD", "EUR", "JPY"]),
        (_, ValueType::Code(codes)) => code(codes),
        (_, ValueType::Lots) => {
            prop::collection::vec((id(), prop::option::of(1..i64::MAX)), 1..4).prop_map(lots).boxed()
        }
        (_, ValueType::Symbols) => prop::collection::vec(id(), 1..4)
            .prop_map(|ids| (ids.join(";"), Value::Text(serde_json::to_string(&ids).unwrap().into())))
            .boxed(),
    };
    let nothing = (String::new(), Value::None);
    if !field.need.is_needed() { prop_oneof![Just(nothing), some].boxed() } else { some }
}

fn symbol(text: &str) -> Cell {
    (text.to_owned(), Value::Symbol(Symbol::of(text)))
}

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9é\"-]{1,20}"
}

fn code(codes: &'static [&'static str]) -> BoxedStrategy<Cell> {
    prop::sample::select(codes).prop_map(|code| (code.to_owned(), Value::code(code))).boxed()
}

fn number(largest: i128, field: &FieldDescription) -> BoxedStrategy<Cell> {
    let least = if matches!(field.need, Need::AboveZero | Need::AboveZeroIfKnown) { 1 } else { -largest };
    let scale = field.value_type.decimals().unwrap();
    (least..largest).prop_map(move |scaled| (written(scaled, scale), Value::Number { scaled, scale })).boxed()
}

/// Not by the types that are tested.
fn written(scaled: i128, scale: u8) -> String {
    super::Decimal { mantissa: scaled, scale: scale.into() }.to_string()
}

fn lots(lots: Vec<(String, Option<i64>)>) -> Cell {
    let quantity = |quantity: &Option<i64>| quantity.map(|scaled| written(scaled.into(), 6));
    let texts = lots.iter().map(|(lot, given)| match quantity(given) {
        Some(quantity) => format!("{lot}:{quantity}"),
        None => lot.clone(),
    });
    let json = lots.iter().map(|(lot, given)| {
        let lot = serde_json::Value::from(lot.as_str());
        match quantity(given).map(|quantity| trimmed(&quantity)) {
            Some(quantity) => format!("{{\"lot\":{lot},\"quantity\":{quantity}}}"),
            None => format!("{{\"lot\":{lot}}}"),
        }
    });
    let (texts, json): (Vec<_>, Vec<_>) = (texts.collect(), json.collect());
    (texts.join(";"), Value::Text(format!("[{}]", json.join(",")).into()))
}

/// Without zeros at the end of the decimals.
fn trimmed(number: &str) -> String {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => number.to_owned(),
    }
}
