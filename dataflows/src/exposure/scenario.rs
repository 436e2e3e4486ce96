//! Scenarios of stress: what positions would be worth if prices and currencies moved.
//!
//! A scenario is shifts in per cent. All that concern a position apply one after the other: minus 10 per cent and minus 20 per
//! cent leave 72 per cent. The arithmetic is exact, whatever the shifts, and rounded once, half to even.
//!
//! - A shift of prices concerns the positions that are in one of the named groups of each named dimension. Cash has no price:
//!   it is concerned only where the shift names its product.
//! - A shift of a currency moves what the currency is worth against those that are not shifted. What is worth 100 EUR in a
//!   portfolio in USD is worth 10 per cent less in USD if EUR falls by 10 per cent; what is worth 100 USD in a portfolio in
//!   EUR is worth 100/0.9 there.
//!
//! A position is moved by its own value. What would move it in other ways (volatility, interest rates, the spot price below
//! an option) needs sensitivities, which instruments do not carry: say what it would be as a shift of the price.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Currency, ExposureDimension, Product, Quantity, Symbol};
use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use crate::portfolio::dimension::{group, named};
use crate::portfolio::valuations::Worth;
use crate::rule_error::RuleError;

/// A scenario, as it is configured.
///
/// ```
/// let books: dataflows::BooksConfig = toml::from_str(r#"
///     [stress.equities_and_euro]
///     dimensions = ["sector"]                # also by these; the total is always there
///     fx = { EUR = -10 }                     # in per cent
///     [[stress.equities_and_euro.price]]
///     percent = "-20.5"                      # decimals as text, so that they are exact
///     of = { product = ["EQUITY", "FUND"], country = ["US"] }
/// "#).unwrap();
/// dataflows::Books::new(&books, &Default::default()).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioConfig {
    /// By what the values are added up, beside the total.
    pub dimensions: Vec<ExposureDimension>,
    /// How prices move.
    pub price: Vec<PriceShiftConfig>,
    /// How currencies move, in per cent.
    pub fx: BTreeMap<Currency, Quantity>,
}

/// A shift of prices, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceShiftConfig {
    /// By how many per cent prices move.
    pub percent: Quantity,
    /// Whose: by dimension, any of these groups. All, where none is named.
    #[serde(default)]
    pub of: BTreeMap<ExposureDimension, Vec<String>>,
}

/// A scenario, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name.
    pub name: Arc<str>,
    /// Its name, as limits name it.
    pub id: Symbol,
    /// By what its values are added up.
    pub dimensions: Vec<ExposureDimension>,
    price: Vec<PriceShift>,
    fx: BTreeMap<Currency, i128>,
}

/// What is left of a price, and of whose.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PriceShift {
    left: i128,
    of: BTreeMap<ExposureDimension, BTreeSet<Symbol>>,
}

/// The whole of which `left` is a part.
const WHOLE: i128 = 100 * Quantity::ONE_SCALED;
/// More per cent than this are a mistake.
const PERCENT_MAX: i128 = 100 * WHOLE;

impl Scenario {
    /// Checks a scenario.
    pub fn new(name: &str, config: &ScenarioConfig) -> Result<Scenario, RuleError> {
        let place = format!("books.stress.{name}");
        if config.price.is_empty() && config.fx.is_empty() {
            let help = "give shifts: `fx = { EUR = -10 }`, or `price = [{ percent = -20 }]`";
            return Err(RuleError::new(place, "nothing is shifted in this scenario", help));
        }
        let mut dimensions = vec![ExposureDimension::Total];
        for (index, dimension) in config.dimensions.iter().enumerate() {
            if *dimension == ExposureDimension::Unknown || dimensions.contains(dimension) {
                let what = format!("`{dimension}` adds nothing: the total is always there, and each dimension once");
                return Err(RuleError::new(format!("{place}.dimensions[{index}]"), what, "take it out"));
            }
            dimensions.push(*dimension);
        }
        let shifts = config.price.iter().enumerate();
        let price = shifts.map(|(index, shift)| PriceShift::new(&format!("{place}.price[{index}]"), shift));
        let fx = config.fx.iter().map(|(currency, percent)| {
            let place = format!("{place}.fx.{currency}");
            let left = left(&place, *percent)?;
            if currency.is_none() || left == 0 {
                let help = "name a currency, and give more than -100 per cent";
                return Err(RuleError::new(place, "a currency that is worth nothing measures nothing", help));
            }
            Ok((*currency, left))
        });
        Ok(Scenario {
            name: Arc::from(name),
            id: Symbol::of(name),
            dimensions,
            price: price.collect::<Result<_, _>>()?,
            fx: fx.collect::<Result<_, _>>()?,
        })
    }

    /// What a position would be worth that is worth `value` in a currency; `None` if that is too much.
    pub fn shifted(&self, value: i128, currency: Currency, position: &Worth) -> Option<i128> {
        let prices = self.price.iter().filter(|shift| shift.concerns(position)).map(|shift| shift.left);
        let fx_left = |currency: &Currency| self.fx.get(currency).copied().unwrap_or(WHOLE);
        let (mut numerator, mut denominator) = (BigInt::from(value), BigInt::from(1));
        let own = (fx_left(&position.currency), fx_left(&currency));
        // The two sides of the exchange rate have the same whole.
        let rate = [own].into_iter().filter(|(of, into)| of != into);
        for (left, whole) in prices.map(|left| (left, WHOLE)).chain(rate) {
            numerator *= left;
            denominator *= whole;
        }
        rounded(&numerator, &denominator)
    }
}

impl PriceShift {
    fn new(place: &str, config: &PriceShiftConfig) -> Result<PriceShift, RuleError> {
        let mut of = BTreeMap::new();
        for (dimension, names) in &config.of {
            let place = format!("{place}.of.{dimension}");
            if names.is_empty() {
                return Err(RuleError::new(place, "no group is named", "name groups, or take the dimension out"));
            }
            let groups = names.iter().enumerate().map(|(index, name)| {
                named(*dimension, name).ok_or_else(|| {
                    let place = format!("{place}[{index}]");
                    let help = "give a name as instruments have it, or a code of the list";
                    RuleError::new(place, format!("`{dimension}` has no group `{name}`"), help)
                })
            });
            of.insert(*dimension, groups.collect::<Result<_, _>>()?);
        }
        Ok(PriceShift { left: left(&format!("{place}.percent"), config.percent)?, of })
    }

    fn concerns(&self, position: &Worth) -> bool {
        let is_cash = position.instrument.as_ref().is_some_and(|instrument| instrument.product == Product::Cash);
        if is_cash && !self.of.contains_key(&ExposureDimension::Product) {
            return false;
        }
        self.of.iter().all(|(dimension, groups)| groups.contains(&group(*dimension, position)))
    }
}

/// What is left after a shift, of [`WHOLE`].
fn left(place: &str, percent: Quantity) -> Result<i128, RuleError> {
    let scaled = percent.scaled().ok_or_else(|| {
        RuleError::new(place, "by how much it is shifted is not known", "give per cent, such as -20 or \"-0.5\"")
    })?;
    if scaled < -WHOLE {
        let what = format!("a shift of {percent} per cent leaves less than nothing");
        return Err(RuleError::new(place, what, "shifts are in per cent: -20 takes a fifth; give -100 or more"));
    }
    if scaled > PERCENT_MAX {
        let what = format!("a shift of {percent} per cent is beyond all measure");
        return Err(RuleError::new(place, what, "shifts are in per cent: 20 adds a fifth; give at most 10000"));
    }
    Ok(WHOLE + scaled)
}

/// `numerator / denominator`, rounded half to even; the denominator is above zero.
fn rounded(numerator: &BigInt, denominator: &BigInt) -> Option<i128> {
    let (quotient, remainder) = (numerator / denominator, numerator % denominator);
    let twice = remainder.magnitude() * 2u8;
    let is_odd = quotient.bit(0);
    let away = match twice.cmp(denominator.magnitude()) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => is_odd,
        std::cmp::Ordering::Greater => true,
    };
    let step = i8::from(away) * if remainder < BigInt::ZERO { -1 } else { 1 };
    i128::try_from(quotient + step).ok()
}

#[cfg(test)]
mod tests {
    use model::{Instrument, Product};

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn position(product: Product, sector: &str, of: &str) -> Worth {
        Worth {
            holding: (Symbol::of("P"), Symbol::of("A")),
            currency: currency(of),
            base_currency: currency("USD"),
            value: None,
            value_reported: None,
            instrument: Some(Arc::new(Instrument { product, sector: Symbol::of(sector), ..Instrument::default() })),
        }
    }

    fn scenario(toml: &str) -> Result<Scenario, RuleError> {
        Scenario::new("s", &toml::from_str(toml).unwrap())
    }

    #[test]
    fn shifts_of_a_position_apply_one_after_the_other_and_are_rounded_once() {
        let scenario = scenario(
            "price = [{ percent = -20, of = { product = ['equity'] } }, { percent = '-33.333333', of = { sector = ['steel'] } }]\nfx = { EUR = -10, CHF = 25 }",
        )
        .unwrap();
        let shifted = |value, position: &Worth, into: &str| scenario.shifted(value, currency(into), position);
        let steel = position(Product::Equity, "steel", "USD");
        assert_eq!(shifted(1_000_000_000, &position(Product::Equity, "oil", "USD"), "USD"), Some(800_000_000));
        assert_eq!(shifted(1_000_000_000, &position(Product::Bond, "steel", "USD"), "USD"), Some(666_666_670));
        assert_eq!(shifted(1_000_000_000, &steel, "USD"), Some(533_333_336));
        assert_eq!(shifted(-1_000_000_000, &steel, "USD"), Some(-533_333_336));
        // 0.8 of 3 is 2.4, and 0.666_666_67 of that 1.6: rounded twice it would be 1.
        assert_eq!(shifted(3, &steel, "USD"), Some(2));
        let bond = |of| position(Product::Bond, "", of);
        assert_eq!(shifted(1000, &bond("EUR"), "USD"), Some(900));
        assert_eq!(shifted(900, &bond("USD"), "EUR"), Some(1000));
        assert_eq!(shifted(900, &bond("CHF"), "EUR"), Some(1250));
        assert_eq!(shifted(1000, &bond("EUR"), "EUR"), Some(1000));
        assert_eq!(shifted(i128::MAX, &bond("CHF"), "USD"), None);
    }

    #[test]
    fn halves_go_to_the_even_side() {
        let half = scenario("price = [{ percent = -50 }]").unwrap();
        let bond = position(Product::Bond, "", "USD");
        let halved = [-5, -3, -1, 1, 3, 5].map(|value| half.shifted(value, currency("USD"), &bond).unwrap());
        assert_eq!(halved, [-2, -2, 0, 0, 2, 2]);
    }

    #[test]
    fn cash_has_no_price_unless_it_is_named() {
        let cash = position(Product::Cash, "", "USD");
        let after = |toml| scenario(toml).unwrap().shifted(100, currency("USD"), &cash);
        assert_eq!(after("price = [{ percent = -20 }]"), Some(100));
        assert_eq!(after("price = [{ percent = -20, of = { product = ['CASH'] } }]"), Some(80));
        assert_eq!(after("fx = { EUR = 25 }"), Some(100));
        let mut in_euro = cash.clone();
        in_euro.currency = currency("EUR");
        assert_eq!(scenario("fx = { EUR = 25 }").unwrap().shifted(100, currency("USD"), &in_euro), Some(125));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place_and_help() {
        let refused = |toml: &str| scenario(toml).unwrap_err();
        let error = refused("price = [{ percent = -2000 }]");
        assert_eq!(error.place, "books.stress.s.price[0].percent");
        assert!(error.what.contains("less than nothing") && error.help.contains("per cent"), "{error}");
        assert_eq!(refused("fx = { EUR = -100 }").place, "books.stress.s.fx.EUR");
        assert_eq!(refused("").place, "books.stress.s");
        assert_eq!(
            refused("price = [{ percent = 1, of = { product = ['SHOES'] } }]").place,
            "books.stress.s.price[0].of.product[0]"
        );
        assert_eq!(
            refused("price = [{ percent = 1, of = { sector = [] } }]").place,
            "books.stress.s.price[0].of.sector"
        );
        assert_eq!(refused("dimensions = ['total']\nfx = { EUR = 1 }").place, "books.stress.s.dimensions[0]");
        assert!(toml::from_str::<ScenarioConfig>("fx = { EUR = -0.5 }").is_err(), "a float is not exact");
    }
}
