//! How two trades differ, in exact decimals.

use model::{Date, Field, Severity, Trade, Value, Weekday};

use super::rules::{self, Leg};

const UNIT: i128 = 100_000_000;

/// A difference in a compared field.
pub struct Difference {
    pub field: Field,
    pub values: [Value; 2],
    pub authority: usize,
}

/// A decimal as an integer of 10^-8.
pub fn decimal(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    assert!(part.len() <= 8 && !text.starts_with('-'), "{text}");
    whole.parse::<i128>().unwrap() * UNIT + format!("{part:0<8}").parse::<i128>().unwrap()
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Number { scaled, scale } => Some(scaled * 10_i128.pow(8 - u32::from(*scale))),
        _ => None,
    }
}

impl Leg {
    pub fn differences(&self, left: &Trade, right: &Trade) -> Vec<Difference> {
        let difference = |(field, authority): &(Field, usize)| {
            let values = [left.value(*field), right.value(*field)];
            let agree = self.agree(*field, *authority, left, &values);
            (!agree).then_some(Difference { field: *field, values, authority: *authority })
        };
        self.compare.iter().filter_map(difference).collect()
    }

    /// Whether two values of a field are the same, or near enough.
    pub fn agree(&self, field: Field, authority: usize, left: &Trade, values: &[Value; 2]) -> bool {
        let [reference, other] = [&values[authority], &values[1 - authority]];
        if reference == other {
            return true;
        }
        let product = left.product.code().to_lowercase();
        let rules: Vec<_> = self.tolerances.iter().filter(|rule| rules::field(&rule.field) == field).collect();
        let is_for = |name: &str| name.eq_ignore_ascii_case(&product);
        let own = rules.iter().find(|rule| rule.product.as_deref().is_some_and(is_for));
        let Some(rule) = own.or_else(|| rules.iter().find(|rule| rule.product.is_none())) else { return false };
        if let (Some(reference), Some(other)) = (number(reference), number(other)) {
            let distance = (reference - other).abs();
            let share = |text: &String, whole: i128| distance * whole * UNIT <= decimal(text) * reference.abs();
            return rule.absolute.as_ref().is_some_and(|text| distance <= decimal(text))
                || rule.percent.as_ref().is_some_and(|text| share(text, 100))
                || rule.basis_points.as_ref().is_some_and(|text| share(text, 10_000))
                || rule
                    .ticks
                    .is_some_and(|ticks| distance <= i128::from(ticks) * decimal(rule.tick_size.as_ref().unwrap()));
        }
        match (reference, other, rule.business_days) {
            (Value::Date(a), Value::Date(b), Some(most)) => business_days_apart(*a, *b) <= most,
            _ => false,
        }
    }

    /// How far two trades are apart in all compared fields: millionths of the larger number, days, or one.
    pub fn distance(&self, left: &Trade, right: &Trade) -> i128 {
        let apart = |(field, _): &(Field, usize)| {
            let (left, right) = (left.value(*field), right.value(*field));
            match (&left, &right) {
                (Value::Number { scaled: a, .. }, Value::Number { scaled: b, .. }) => {
                    (a - b).abs() * 1_000_000 / a.abs().max(b.abs()).max(1)
                }
                (Value::Date(a), Value::Date(b)) => i128::from((a.0 - b.0).abs()),
                _ => i128::from(left != right),
            }
        };
        self.compare.iter().map(apart).sum()
    }
}

/// How many business days the later date is after the earlier one; both are business days.
fn business_days_apart(a: Date, b: Date) -> u32 {
    let is_business_day = |day: &i32| !matches!(Date(*day).weekday(), Some(Weekday::Saturday | Weekday::Sunday));
    let (first, last) = (a.0.min(b.0), a.0.max(b.0));
    assert!([first, last].iter().all(is_business_day));
    (first + 1..=last).filter(is_business_day).count() as u32
}

impl Difference {
    /// The other value less the one that counts, in units of the field or in days.
    pub fn amount(&self) -> Option<i128> {
        let [reference, other] = [&self.values[self.authority], &self.values[1 - self.authority]];
        match (reference, other) {
            (Value::Date(a), Value::Date(b)) => Some(i128::from(b.0 - a.0) * UNIT),
            _ => Some(number(other)? - number(reference)?),
        }
    }

    pub fn severity(&self) -> Severity {
        match self.field.name() {
            "quantity" | "side" | "instrument" | "isin" | "currency" | "notional" => Severity::Critical,
            "price" => {
                let [reference, other] =
                    [number(&self.values[self.authority]), number(&self.values[1 - self.authority])];
                match (reference, other) {
                    (Some(reference), Some(other)) if (reference - other).abs() * 100 <= reference.abs() => {
                        Severity::Medium
                    }
                    _ => Severity::High,
                }
            }
            _ => Severity::Low,
        }
    }
}

/// Whether nothing is known to differ that must never differ.
pub fn are_compatible(trades: &[&Trade]) -> bool {
    let known = |field: Field| {
        trades.iter().map(|trade| trade.value(field)).filter(|value| !value.is_none()).collect::<Vec<_>>()
    };
    [Field::Instrument, Field::Side, Field::Currency]
        .into_iter()
        .all(|field| known(field).windows(2).all(|pair| pair[0] == pair[1]))
}
