//! How two trades that belong together differ, and how bad that is. Pure functions on plain values.

use std::sync::Arc;

use model::{Amount, Field, Product, Severity, Trade, Value};
use operators::blocks::Side;

use super::config::Leg;
use super::tolerance::{Tolerance, is_inside};

/// A field in which two trades differ by more than is tolerated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub field: Field,
    /// The value on the left and on the right.
    pub values: [Value; 2],
    /// The side whose value counts.
    pub authority: Side,
}

impl Difference {
    /// The other value less the one that counts, scaled by 10^8; `None` where that makes no sense.
    pub fn amount(&self) -> Option<i128> {
        let [reference, other] = self.ordered();
        match (reference, other) {
            (Value::Number { scaled: a, scale }, Value::Number { scaled: b, .. }) => {
                b.checked_sub(*a)?.checked_mul(10i128.checked_pow(u32::from(Amount::SCALE.checked_sub(*scale)?))?)
            }
            (Value::Date(a), Value::Date(b)) => Some(i128::from(b.0 - a.0) * Amount::ONE_SCALED),
            _ => None,
        }
    }

    /// The value that counts, then the other.
    pub fn ordered(&self) -> [&Value; 2] {
        let [left, right] = &self.values;
        if self.authority == Side::Left { [left, right] } else { [right, left] }
    }

    /// The severity unless another is configured: quantity, side, instrument and currency are critical; a price that is
    /// off by more than 1 % is high and any other medium; what is left is low.
    pub fn usual_severity(&self) -> Severity {
        match self.field {
            Field::Quantity | Field::Side | Field::Instrument | Field::Isin | Field::Currency | Field::Notional => {
                Severity::Critical
            }
            Field::Price if self.is_within_one_percent() => Severity::Medium,
            Field::Price => Severity::High,
            _ => Severity::Low,
        }
    }

    fn is_within_one_percent(&self) -> bool {
        let one_percent = Tolerance::Share { share: 10i128.pow(8), whole: 100 };
        match self.ordered() {
            [Value::Number { scaled: a, scale }, Value::Number { scaled: b, .. }] => {
                is_inside(one_percent, *a, *b, *scale)
            }
            _ => false,
        }
    }
}

impl Leg {
    /// Whether two trades agree in everything that is compared. Says the same as [`Leg::differences`], but sooner.
    pub fn agree(&self, left: &Trade, right: &Trade) -> bool {
        self.compare.iter().all(|(field, authority)| self.agree_in(*field, *authority, left, right))
    }

    /// The fields in which two trades differ by more than is tolerated.
    pub fn differences(&self, left: &Trade, right: &Trade) -> Vec<Difference> {
        let differing =
            self.compare.iter().filter(|(field, authority)| !self.agree_in(*field, *authority, left, right));
        let difference = |(field, authority): &(Field, Side)| {
            let values = [left.value(*field), right.value(*field)];
            Difference { field: *field, values, authority: *authority }
        };
        differing.map(difference).collect()
    }

    /// What a trade says in the compared fields.
    pub fn compared_values(&self, trade: &Trade) -> Vec<Value> {
        self.compare.iter().map(|(field, _)| trade.value(*field)).collect()
    }

    fn agree_in(&self, field: Field, authority: Side, left: &Trade, right: &Trade) -> bool {
        // The fields that every trade has, without a detour over a value of any kind.
        let same = match field {
            Field::Quantity => left.quantity == right.quantity,
            Field::Price => left.price == right.price,
            Field::Instrument => left.instrument == right.instrument,
            Field::Side => left.side == right.side,
            Field::Currency => left.currency == right.currency,
            Field::Counterparty => left.counterparty == right.counterparty,
            _ => false,
        };
        if same {
            return true;
        }
        let (left_value, right_value) = (left.value(field), right.value(field));
        let (reference, other) =
            if authority == Side::Left { (&left_value, &right_value) } else { (&right_value, &left_value) };
        self.tolerances.agree(field, left.product, reference, other)
    }

    /// Whether two values of a field agree, where the field may be one that is not compared.
    pub fn values_agree(&self, field: Field, product: Product, left: &Value, right: &Value) -> bool {
        let compared = self.compare.iter().find(|(compared, _)| *compared == field);
        let (reference, other) =
            if compared.is_some_and(|(_, side)| *side == Side::Right) { (right, left) } else { (left, right) };
        self.tolerances.agree(field, product, reference, other)
    }

    /// How far two trades are apart in the compared numbers and dates, in millionths and days: the smaller fits better.
    pub fn distance(&self, left: &Trade, right: &Trade) -> u64 {
        let apart = |(field, _): &(Field, Side)| match (left.value(*field), right.value(*field)) {
            (Value::Number { scaled: a, .. }, Value::Number { scaled: b, .. }) => {
                let larger = a.unsigned_abs().max(b.unsigned_abs()).max(1);
                let share = a.abs_diff(b).saturating_mul(1_000_000) / larger;
                u64::try_from(share).unwrap_or(u64::MAX >> 16)
            }
            (Value::Date(a), Value::Date(b)) => u64::from(a.0.abs_diff(b.0)),
            (a, b) => u64::from(a != b),
        };
        self.compare.iter().map(apart).fold(0, u64::saturating_add)
    }

    /// The name of a field, or of an attribute.
    pub fn field_name(&self, field: Field) -> &str {
        match field {
            Field::Attribute(index) => self.attributes.get(usize::from(index)).map_or("attribute", String::as_str),
            field => field.name(),
        }
    }

    /// A value as people read it.
    pub fn text(&self, value: &Value) -> Option<Arc<str>> {
        match value {
            Value::None => None,
            Value::Symbol(symbol) => {
                Some(self.dictionary.text(*symbol).unwrap_or_else(|| Arc::from(symbol.to_string())))
            }
            Value::Text(text) => Some(Arc::clone(text)),
            value => Some(Arc::from(value.to_string())),
        }
    }
}

/// Whether trades may be matched on their economics alone: never opposite sides, other instruments or other currencies.
/// What is unknown does not stand in the way.
pub fn may_belong_together<'t>(trades: impl Iterator<Item = &'t Trade> + Clone) -> bool {
    [Field::Instrument, Field::Side, Field::Currency].into_iter().all(|field| {
        let mut known = trades.clone().map(|trade| trade.value(field)).filter(|value| !value.is_none());
        known.next().is_none_or(|first| known.all(|other| other == first))
    })
}
