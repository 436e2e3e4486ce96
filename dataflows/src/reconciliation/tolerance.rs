//! Tolerances: when is a difference small enough to be none?
//!
//! All arithmetic is exact and every boundary is inclusive: a difference that equals the tolerance is inside it.
//!
//! | tolerance | inside when |
//! |---|---|
//! | `absolute = "0.05"` | \|a − b\| ≤ 0.05 |
//! | `percent = "0.1"` | \|a − b\| · 100 ≤ 0.1 · \|reference\| |
//! | `basis_points = "1"` | \|a − b\| · 10 000 ≤ 1 · \|reference\| |
//! | `ticks = 2, tick_size = "0.25"` | \|a − b\| ≤ 2 · 0.25 |
//! | `business_days = 1` | at most one business day lies between the dates |
//!
//! The reference is the value of the side with authority over the field.

use model::{Calendar, Field, FieldKind, NumberFormat, Price, Product, Value};
use serde::{Deserialize, Serialize};

use crate::rule_error::RuleError;

/// How many decimals a tolerance may have.
const SCALE: u8 = Price::SCALE;

/// One tolerance as it is configured: for a field, maybe of one product only, with exactly one measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToleranceRule {
    /// The field, by name.
    pub field: String,
    /// For this product only; a tolerance for the product wins over one for all.
    #[serde(default)]
    pub product: Option<String>,
    /// In the unit of the field.
    #[serde(default)]
    pub absolute: Option<String>,
    /// In per cent of the reference.
    #[serde(default)]
    pub percent: Option<String>,
    /// In basis points (1/100 per cent) of the reference.
    #[serde(default)]
    pub basis_points: Option<String>,
    /// In ticks of `tick_size`.
    #[serde(default)]
    pub ticks: Option<u32>,
    /// The size of a tick, in the unit of the field.
    #[serde(default)]
    pub tick_size: Option<String>,
    /// In business days of the calendar.
    #[serde(default)]
    pub business_days: Option<u32>,
}

/// A checked tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// A distance, scaled by 10^8.
    Absolute(i128),
    /// A share of the reference: `share / (10^8 · whole)`.
    Share {
        /// Scaled by 10^8.
        share: i128,
        /// 100 for per cent, 10 000 for basis points.
        whole: i128,
    },
    /// A number of business days.
    BusinessDays(u32),
}

/// The tolerances of a reconciliation.
#[derive(Clone, Debug)]
pub struct Tolerances {
    rules: Vec<(Field, Option<Product>, Tolerance)>,
    calendar: Calendar,
}

impl Tolerances {
    /// Checks the configured tolerances.
    pub fn new(rules: &[ToleranceRule], calendar: Calendar, place: &str) -> Result<Self, RuleError> {
        let check = |(index, rule): (usize, &ToleranceRule)| rule.check(&format!("{place}.tolerance[{index}]"));
        Ok(Tolerances { rules: rules.iter().enumerate().map(check).collect::<Result<_, _>>()?, calendar })
    }

    /// The tolerance of a field for a product.
    pub fn of(&self, field: Field, product: Product) -> Option<Tolerance> {
        let find = |wanted: Option<Product>| self.rules.iter().find(|rule| rule.0 == field && rule.1 == wanted);
        find(Some(product)).or_else(|| find(None)).map(|rule| rule.2)
    }

    /// Whether `value` is as good as `reference`, for a field of a product.
    pub fn agree(&self, field: Field, product: Product, reference: &Value, value: &Value) -> bool {
        if reference == value {
            return true;
        }
        match (reference, value, self.of(field, product)) {
            (Value::Number { scaled: a, scale }, Value::Number { scaled: b, .. }, Some(tolerance)) => {
                is_inside(tolerance, *a, *b, *scale)
            }
            (Value::Date(a), Value::Date(b), Some(Tolerance::BusinessDays(days))) => {
                self.calendar.business_days_between(*a, *b).is_some_and(|between| between.unsigned_abs() <= days)
            }
            _ => false,
        }
    }
}

/// Whether `b` lies within the tolerance of the reference `a`; both are scaled by 10^`scale`.
pub fn is_inside(tolerance: Tolerance, a: i128, b: i128, scale: u8) -> bool {
    let Some(difference) = a.checked_sub(b).map(i128::unsigned_abs) else { return false };
    let unit = |digits: u8| 10u128.pow(u32::from(digits));
    match tolerance {
        // |a − b| / 10^scale ≤ distance / 10^8
        Tolerance::Absolute(distance) => compare(difference, unit(SCALE), distance.unsigned_abs(), unit(scale)),
        // |a − b| · whole · 10^8 ≤ share · |a|
        Tolerance::Share { share, whole } => {
            compare(difference, whole.unsigned_abs() * unit(SCALE), share.unsigned_abs(), a.unsigned_abs())
        }
        Tolerance::BusinessDays(_) => false,
    }
}

/// Whether a · b ≤ c · d, exactly, whatever their size.
fn compare(a: u128, b: u128, c: u128, d: u128) -> bool {
    match (a.checked_mul(b), c.checked_mul(d)) {
        (Some(left), Some(right)) => left <= right,
        _ => wide(a, b) <= wide(c, d),
    }
}

/// a · b as its high and low 128 bits.
fn wide(a: u128, b: u128) -> (u128, u128) {
    let half = u128::from(u64::MAX);
    let (a1, a0, b1, b0) = (a >> 64, a & half, b >> 64, b & half);
    let low = a0 * b0;
    let (middle, carry) = (a1 * b0).overflowing_add(a0 * b1);
    let (low, overflow) = low.overflowing_add(middle << 64);
    (a1 * b1 + (middle >> 64) + (u128::from(carry) << 64) + u128::from(overflow), low)
}

impl ToleranceRule {
    fn check(&self, place: &str) -> Result<(Field, Option<Product>, Tolerance), RuleError> {
        let field = super::config::field(&self.field, &[], &format!("{place}.field"))?;
        let product = self.product.as_deref().map(|name| {
            Product::parse(name).map_err(|error| {
                RuleError::new(format!("{place}.product"), error.to_string(), "see the list of products")
            })
        });
        Ok((field, product.transpose()?, self.measure(field, place)?))
    }

    fn measure(&self, field: Field, place: &str) -> Result<Tolerance, RuleError> {
        let number = |key: &str, text: &str| distance(text, &format!("{place}.{key}"));
        let mut measures = Vec::new();
        if let Some(text) = &self.absolute {
            measures.push(Tolerance::Absolute(number("absolute", text)?));
        }
        if let Some(text) = &self.percent {
            measures.push(Tolerance::Share { share: number("percent", text)?, whole: 100 });
        }
        if let Some(text) = &self.basis_points {
            measures.push(Tolerance::Share { share: number("basis_points", text)?, whole: 10_000 });
        }
        if let Some(ticks) = self.ticks {
            let Some(size) = &self.tick_size else {
                return Err(RuleError::new(
                    place,
                    "`ticks` needs a `tick_size`",
                    "say how large a tick is, such as \"0.25\"",
                ));
            };
            measures.push(Tolerance::Absolute(number("tick_size", size)?.saturating_mul(i128::from(ticks))));
        }
        measures.extend(self.business_days.map(Tolerance::BusinessDays));
        let [measure] = measures[..] else {
            let what = format!("the tolerance of `{}` has {} measures", self.field, measures.len());
            let help = "give exactly one of absolute, percent, basis_points, ticks (with tick_size) or business_days";
            return Err(RuleError::new(place, what, help));
        };
        let is_date = matches!(field.kind(), FieldKind::Date);
        let is_number = matches!(field.kind(), FieldKind::Quantity | FieldKind::Price | FieldKind::Amount);
        let fits = if matches!(measure, Tolerance::BusinessDays(_)) { is_date } else { is_number };
        if fits {
            return Ok(measure);
        }
        let what = format!("`{}` is a {:?}, which has no such tolerance", self.field, field.kind());
        Err(RuleError::new(
            place,
            what,
            "numbers take absolute, percent, basis_points or ticks; dates take business_days",
        ))
    }
}

fn distance(text: &str, place: &str) -> Result<i128, RuleError> {
    let parsed = Price::parse(text, &NumberFormat::default()).map_err(|error| error.to_string());
    match parsed.map(|price| price.scaled().unwrap_or(0)) {
        Ok(distance) if distance >= 0 => Ok(distance),
        Ok(_) => Err(RuleError::new(
            place,
            format!("`{text}` is negative"),
            "a tolerance is a distance; use 0 for an exact match",
        )),
        Err(what) => Err(RuleError::new(place, what, "write it as a decimal in quotes, such as \"0.05\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> i128 {
        Price::parse(text, &NumberFormat::default()).unwrap().scaled().unwrap()
    }

    #[test]
    fn the_boundary_is_inside() {
        let cases = [
            // tolerance, reference, value, inside
            (Tolerance::Absolute(price("0.05")), "100", "100.05", true),
            (Tolerance::Absolute(price("0.05")), "100", "100.05000001", false),
            (Tolerance::Absolute(0), "100", "100", true),
            (Tolerance::Share { share: price("1"), whole: 10_000 }, "100", "100.01", true),
            (Tolerance::Share { share: price("1"), whole: 10_000 }, "100", "100.01000001", false),
            (Tolerance::Share { share: price("0.1"), whole: 100 }, "-200", "-200.2", true),
            (Tolerance::Share { share: price("0.1"), whole: 100 }, "-200", "-200.20000001", false),
            (Tolerance::Share { share: price("100"), whole: 100 }, "0", "0.00000001", false),
        ];
        for (tolerance, a, b, inside) in cases {
            assert_eq!(is_inside(tolerance, price(a), price(b), Price::SCALE), inside, "{tolerance:?} {a} {b}");
        }
    }

    #[test]
    fn large_amounts_do_not_overflow() {
        let tolerance = Tolerance::Share { share: price("1"), whole: 10_000 };
        let reference = 10i128.pow(37);
        assert!(is_inside(tolerance, reference, reference + reference / 10_000, 8));
        assert!(!is_inside(tolerance, reference, reference + reference / 10_000 + 1, 8));
        assert_eq!(wide(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
    }

    #[test]
    fn a_tolerance_for_the_product_wins_and_business_days_skip_weekends() {
        let rule = |product: Option<&str>, absolute: &str| ToleranceRule {
            field: "price".into(),
            product: product.map(Into::into),
            absolute: Some(absolute.into()),
            ..ToleranceRule::default()
        };
        let days =
            ToleranceRule { field: "settlement_date".into(), business_days: Some(1), ..ToleranceRule::default() };
        let rules = [rule(None, "1"), rule(Some("future"), "0.25"), days];
        let tolerances = Tolerances::new(&rules, Calendar::weekdays_only(), "x").unwrap();
        let value = |text: &str| Value::Number { scaled: price(text), scale: Price::SCALE };
        assert!(tolerances.agree(Field::Price, Product::Equity, &value("10"), &value("10.5")));
        assert!(!tolerances.agree(Field::Price, Product::Future, &value("10"), &value("10.5")));
        let date = |text: &str| Value::Date(model::Date::parse(text, "%Y-%m-%d").unwrap());
        let agree = |a, b| tolerances.agree(Field::SettlementDate, Product::Equity, &date(a), &date(b));
        assert!(agree("2026-11-20", "2026-11-23")); // Friday and Monday
        assert!(!agree("2026-11-20", "2026-11-24"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let wrong = [
            ToleranceRule { field: "price".into(), ..ToleranceRule::default() },
            ToleranceRule { field: "price".into(), business_days: Some(1), ..ToleranceRule::default() },
            ToleranceRule { field: "price".into(), ticks: Some(1), ..ToleranceRule::default() },
            ToleranceRule { field: "price".into(), absolute: Some("-1".into()), ..ToleranceRule::default() },
            ToleranceRule { field: "prise".into(), absolute: Some("1".into()), ..ToleranceRule::default() },
        ];
        for rule in wrong {
            let error = Tolerances::new(std::slice::from_ref(&rule), Calendar::weekdays_only(), "reconciliation.etd")
                .err()
                .unwrap();
            assert!(error.place.starts_with("reconciliation.etd.tolerance[0]"), "{error}");
        }
    }
}
