//! Scenarios of stress: what positions would be worth if prices, volatilities and currencies moved.
//!
//! ```text
//!  after = (value · what shifts of prices leave + units · multiplier · vega · points · rates) · what shifts of currencies leave
//! ```
//! Shifts of prices and currencies are in per cent, those of volatility in points. All that concern a position apply: minus 10
//! per cent and minus 20 per cent leave 72 per cent, 5 points and 3 points are 8. The arithmetic is exact, whatever the shifts,
//! and rounded once, half to even.
//!
//! - A shift of prices concerns the positions that are in one of the named groups of each named dimension. Cash has no price:
//!   it is concerned only where the shift names its product.
//! - A shift of volatility concerns the same ones. A point is a hundredth: from 20 to 21 per cent. What a point adds is the last
//!   known vega, in the currency of the price, as it was before prices were shifted; rates are those that values are turned by.
//!   What has no known vega is not moved by volatility.
//! - A shift of a currency moves what the currency is worth against those that are not shifted. What is worth 100 EUR in a
//!   portfolio in USD is worth 10 per cent less in USD if EUR falls by 10 per cent; what is worth 100 USD in a portfolio in
//!   EUR is worth 100/0.9 there.
//!
//! Vega is told per point, as those who quote options do: "a 1% (100 basis points) change in the implied volatility" (The
//! Options Industry Council, Advanced concepts, Vega). The derivative of a model by volatility is for a hundred points.
//!
//! Other than by volatility a position is moved by its own value. What would move it in other ways (interest rates, the spot
//! price below an option) needs sensitivities that no record carries: say what it would be as a shift of the price.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use model::{Currency, ExposureDimension, Product, Quantity, Rate, Symbol};
use num_bigint::BigInt;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::portfolio::cost_basis::money::is_bounded;
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
///     volatility = 5                         # in points: from 20 to 25 per cent, say
///     [[stress.equities_and_euro.price]]
///     percent = "-20.5"                      # decimals as text, so that they are exact
///     of = { product = ["EQUITY", "FUND"], country = ["US"] }
///     [[stress.options_of_two_kinds.volatility]]
///     points = "7.5"
///     of = { product = ["OPTION"], sector = ["technology"] }
///     [[stress.options_of_two_kinds.volatility]]
///     points = -2
///     of = { sector = ["energy"] }
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
    /// How implied volatilities move.
    pub volatility: VolatilityConfig,
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

/// How implied volatilities move, as it is configured: all by so many points, or some by these and some by those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum VolatilityConfig {
    /// Of all.
    OfAll(Quantity),
    /// Of some.
    Shifts(Vec<VolatilityShiftConfig>),
}

impl Default for VolatilityConfig {
    /// Of none.
    fn default() -> Self {
        VolatilityConfig::Shifts(Vec::new())
    }
}

/// A list is read as one, and all else as a number: so that what is wrong in either is told.
impl<'de> Deserialize<'de> for VolatilityConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<VolatilityConfig, D::Error> {
        deserializer.deserialize_any(PointsOrList)
    }
}

struct PointsOrList;

impl<'de> Visitor<'de> for PointsOrList {
    type Value = VolatilityConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "points of volatility, such as 5 or \"2.5\", or a list such as [{ points = 5, of = { product = [\"OPTION\"] } }]",
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, shifts: A) -> Result<VolatilityConfig, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(shifts)).map(VolatilityConfig::Shifts)
    }

    fn visit_str<E: de::Error>(self, points: &str) -> Result<VolatilityConfig, E> {
        Deserialize::deserialize(points.into_deserializer()).map(VolatilityConfig::OfAll)
    }

    fn visit_i64<E: de::Error>(self, points: i64) -> Result<VolatilityConfig, E> {
        Deserialize::deserialize(points.into_deserializer()).map(VolatilityConfig::OfAll)
    }

    fn visit_u64<E: de::Error>(self, points: u64) -> Result<VolatilityConfig, E> {
        Deserialize::deserialize(points.into_deserializer()).map(VolatilityConfig::OfAll)
    }

    fn visit_f64<E: de::Error>(self, points: f64) -> Result<VolatilityConfig, E> {
        Deserialize::deserialize(points.into_deserializer()).map(VolatilityConfig::OfAll)
    }
}

/// A shift of implied volatilities, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatilityShiftConfig {
    /// By how many points they move.
    pub points: Quantity,
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
    /// What is left of prices, and whose.
    price: Vec<(i128, Whose)>,
    /// By how many points volatilities move, in units of [`Quantity`], and whose.
    volatility: Vec<(i128, Whose)>,
    fx: BTreeMap<Currency, i128>,
}

/// Whose prices or volatilities a shift concerns: by dimension, any of these groups.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Whose(BTreeMap<ExposureDimension, BTreeSet<Symbol>>);

/// The whole of which `left` is a part.
const WHOLE: i128 = 100 * Quantity::ONE_SCALED;
/// More per cent than this are a mistake.
const PERCENT_MAX: i128 = 100 * WHOLE;
/// More points than this, either way, are a mistake.
const POINTS_MAX: i128 = 1000 * Quantity::ONE_SCALED;

impl Scenario {
    /// Checks a scenario.
    pub fn new(name: &str, config: &ScenarioConfig) -> Result<Scenario, RuleError> {
        let place = format!("books.stress.{name}");
        if config.price.is_empty() && config.fx.is_empty() && config.volatility == VolatilityConfig::default() {
            let help = "give shifts: `fx = { EUR = -10 }`, `price = [{ percent = -20 }]`, or `volatility = 5`";
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
        let price = config.price.iter().enumerate().map(|(index, shift)| {
            let place = format!("{place}.price[{index}]");
            Ok((left(&format!("{place}.percent"), shift.percent)?, Whose::new(&place, &shift.of)?))
        });
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
            volatility: volatility(&place, &config.volatility)?,
            fx: fx.collect::<Result<_, _>>()?,
        })
    }

    /// What a position would be worth that is worth `value` in a currency; `None` if that is too much. The `rates` are those
    /// from the currency of the price to that one, in units of [`Rate`].
    pub fn shifted(&self, value: i128, currency: Currency, rates: [i128; 2], position: &Worth) -> Option<i128> {
        let (mut numerator, mut denominator) = (BigInt::from(value), BigInt::from(1));
        for (left, _) in self.price.iter().filter(|(_, whose)| whose.concerns(position)) {
            numerator *= *left;
            denominator *= WHOLE;
        }
        let points = self.volatility.iter().filter(|(_, whose)| whose.concerns(position));
        let points: i128 = points.map(|(points, _)| points).sum();
        if points != 0 && position.position_vega != 0 {
            // Six decimals more than an amount, those of the points, and those of the rates.
            let unit = BigInt::from(Quantity::ONE_SCALED).pow(2) * BigInt::from(Rate::ONE_SCALED).pow(2);
            let gained = BigInt::from(position.position_vega) * points * rates[0] * rates[1];
            numerator = numerator * &unit + gained * &denominator;
            denominator *= unit;
        }
        let fx_left = |currency: &Currency| self.fx.get(currency).copied().unwrap_or(WHOLE);
        let (left, whole) = (fx_left(&position.currency), fx_left(&currency));
        // The two sides of the exchange rate have the same whole.
        if left != whole {
            numerator *= left;
            denominator *= whole;
        }
        rounded(&numerator, &denominator).filter(|after| is_bounded(*after))
    }
}

impl Whose {
    fn new(place: &str, of: &BTreeMap<ExposureDimension, Vec<String>>) -> Result<Whose, RuleError> {
        let mut groups_of = BTreeMap::new();
        for (dimension, names) in of {
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
            groups_of.insert(*dimension, groups.collect::<Result<_, _>>()?);
        }
        Ok(Whose(groups_of))
    }

    fn concerns(&self, position: &Worth) -> bool {
        let is_cash = position.instrument.as_ref().is_some_and(|instrument| instrument.product == Product::Cash);
        if is_cash && !self.0.contains_key(&ExposureDimension::Product) {
            return false;
        }
        self.0.iter().all(|(dimension, groups)| groups.contains(&group(*dimension, position)))
    }
}

/// The shifts of volatility: points in units of [`Quantity`], and whose.
fn volatility(place: &str, config: &VolatilityConfig) -> Result<Vec<(i128, Whose)>, RuleError> {
    let place = format!("{place}.volatility");
    let shifts = match config {
        VolatilityConfig::OfAll(moved) => vec![(points(&place, *moved)?, Whose(BTreeMap::new()))],
        VolatilityConfig::Shifts(shifts) => {
            let shifts = shifts.iter().enumerate().map(|(index, shift)| {
                let place = format!("{place}[{index}]");
                Ok((points(&format!("{place}.points"), shift.points)?, Whose::new(&place, &shift.of)?))
            });
            shifts.collect::<Result<Vec<_>, _>>()?
        }
    };
    // A position may be concerned by all of them.
    if shifts.iter().map(|(points, _)| points.abs()).sum::<i128>() > POINTS_MAX {
        let what = "together these shifts are more than 1000 points of volatility, which is beyond all measure";
        return Err(RuleError::new(place, what, "points add up where several shifts concern a position: give less"));
    }
    Ok(shifts)
}

/// The points of a shift, in units of [`Quantity`].
fn points(place: &str, points: Quantity) -> Result<i128, RuleError> {
    let scaled = points.scaled().ok_or_else(|| {
        RuleError::new(place, "by how much it is shifted is not known", "give points, such as 5 or \"-2.5\"")
    })?;
    if scaled.abs() > POINTS_MAX {
        let what = format!("a shift of {points} points of volatility is beyond all measure");
        let help = "a point is a hundredth: 5 takes a volatility of 20 per cent to 25; give -1000 to 1000";
        return Err(RuleError::new(place, what, help));
    }
    is_shift(place, scaled)
}

/// A shift by something: one by nothing is a mistake.
fn is_shift(place: &str, shift: i128) -> Result<i128, RuleError> {
    match shift {
        0 => Err(RuleError::new(place, "a shift by 0 shifts nothing", "say by how much, or take it out")),
        shift => Ok(shift),
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
    is_shift(place, scaled).map(|scaled| WHOLE + scaled)
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
            reporting_rate: None,
            instrument: Some(Arc::new(Instrument { product, sector: Symbol::of(sector), ..Instrument::default() })),
            position_vega: 0,
            fx_rate: None,
        }
    }

    const ONES: [i128; 2] = [Rate::ONE_SCALED; 2];

    /// What a cent is, and what it is of a `position_vega`.
    const CENT: i128 = 1_000_000;
    const CENT_OF_POINT: i128 = CENT * Quantity::ONE_SCALED;

    fn scenario(toml: &str) -> Result<Scenario, RuleError> {
        Scenario::new("s", &toml::from_str(toml).unwrap())
    }

    #[test]
    fn shifts_of_a_position_apply_one_after_the_other_and_are_rounded_once() {
        let scenario = scenario(
            "price = [{ percent = -20, of = { product = ['equity'] } }, { percent = '-33.333333', of = { sector = ['steel'] } }]\nfx = { EUR = -10, CHF = 25 }",
        )
        .unwrap();
        let shifted = |value, position: &Worth, into: &str| scenario.shifted(value, currency(into), ONES, position);
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
        let halved = [-5, -3, -1, 1, 3, 5].map(|value| half.shifted(value, currency("USD"), ONES, &bond).unwrap());
        assert_eq!(halved, [-2, -2, 0, 0, 2, 2]);
    }

    #[test]
    fn cash_has_no_price_unless_it_is_named() {
        let cash = position(Product::Cash, "", "USD");
        let after = |toml| scenario(toml).unwrap().shifted(100, currency("USD"), ONES, &cash);
        assert_eq!(after("price = [{ percent = -20 }]"), Some(100));
        assert_eq!(after("price = [{ percent = -20, of = { product = ['CASH'] } }]"), Some(80));
        assert_eq!(after("fx = { EUR = 25 }"), Some(100));
        let mut in_euro = cash.clone();
        in_euro.currency = currency("EUR");
        assert_eq!(scenario("fx = { EUR = 25 }").unwrap().shifted(100, currency("USD"), ONES, &in_euro), Some(125));
    }

    #[test]
    fn a_position_gains_its_vega_for_each_point_of_volatility() {
        let option = |position_vega| Worth { position_vega, ..position(Product::Option, "tech", "USD") };
        let after = |toml: &str, value, position: &Worth| {
            scenario(toml).unwrap().shifted(value, currency("USD"), ONES, position)
        };
        // 10 contracts of 100 units with a vega of 0.25: 250 for a point.
        let held = option(250 * 100 * CENT_OF_POINT);
        let value = 500_000 * CENT;
        assert_eq!(after("volatility = 5", value, &held), Some(625_000 * CENT));
        assert_eq!(after("volatility = '-0.5'", value, &held), Some(487_500 * CENT));
        // Short, and with a vega that is not known.
        assert_eq!(after("volatility = 5", -value, &option(-250 * 100 * CENT_OF_POINT)), Some(-625_000 * CENT));
        assert_eq!(after("volatility = 5", value, &option(0)), Some(value));
        // Points add up: those of options, and those of technology.
        let both = "volatility = [{ points = 5, of = { product = ['OPTION'] } }, { points = 3, of = { sector = ['tech'] } }, { points = 90, of = { sector = ['oil'] } }]";
        assert_eq!(after(both, value, &held), Some(700_000 * CENT));
        // The most that fits is too much to be worth.
        assert_eq!(after("volatility = 1000", value, &option(i128::MAX)), None);
        // A glossary's example: 5 with a vega of 0.20, from 25 to 30 per cent, is 6 (options.marketglossary.com, Vega).
        assert_eq!(after("volatility = 5", 500 * CENT, &option(20 * CENT_OF_POINT)), Some(600 * CENT));
    }

    #[test]
    fn prices_go_first_then_volatility_and_currencies_move_both() {
        let toml = "price = [{ percent = -20 }]\nvolatility = 5\nfx = { EUR = -10 }";
        let scenario = scenario(toml).unwrap();
        let option = Worth { position_vega: 250 * 100 * CENT_OF_POINT, ..position(Product::Option, "", "EUR") };
        let shifted = |value, into: &str, rates| scenario.shifted(value, currency(into), rates, &option);
        // 5000 EUR: (5000 · 0.8 + 1250), and in dollars at 1.2 of that nine tenths.
        assert_eq!(shifted(500_000 * CENT, "EUR", ONES), Some(525_000 * CENT));
        let rate = Rate::ONE_SCALED * 12 / 10;
        assert_eq!(shifted(600_000 * CENT, "USD", [rate, Rate::ONE_SCALED]), Some(567_000 * CENT));
        // Through dollars into pounds at a half: of 3000.
        assert_eq!(shifted(300_000 * CENT, "GBP", [rate, Rate::ONE_SCALED / 2]), Some(283_500 * CENT));
    }

    #[test]
    fn what_is_gained_is_rounded_once_with_the_rest() {
        let after = |toml: &str, value, position_vega| {
            let option = Worth { position_vega, ..position(Product::Option, "", "USD") };
            scenario(toml).unwrap().shifted(value, currency("USD"), ONES, &option)
        };
        let half = Quantity::ONE_SCALED / 2;
        // 0.5 and 0.5 are one; each rounded half to even they would be none.
        assert_eq!(after("price = [{ percent = -50 }]\nvolatility = 1", 1, half), Some(1));
        // Halves go to the even side.
        assert_eq!([1, 3, 5].map(|halves| after("volatility = 1", 0, halves * half).unwrap()), [0, 2, 2]);
        assert_eq!([-1, -3, -5].map(|halves| after("volatility = 1", 0, halves * half).unwrap()), [0, -2, -2]);
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

    #[test]
    fn so_is_what_makes_no_sense_of_volatility() {
        let refused = |toml: &str| scenario(toml).unwrap_err();
        for (toml, place) in [
            ("volatility = 1001", "books.stress.s.volatility"),
            ("volatility = '-1000.000001'", "books.stress.s.volatility"),
            ("volatility = [{ points = 1 }, { points = 100000 }]", "books.stress.s.volatility[1].points"),
        ] {
            let error = refused(toml);
            assert_eq!(error.place, place);
            assert!(error.what.contains("beyond all measure") && error.help.contains("a hundredth"), "{error}");
        }
        assert!(scenario("volatility = 1000").is_ok() && scenario("volatility = -1000").is_ok());
        let unknown = ScenarioConfig { volatility: VolatilityConfig::OfAll(Quantity::NONE), ..Default::default() };
        let unknown = Scenario::new("s", &unknown).unwrap_err();
        assert_eq!((unknown.place.as_str(), unknown.what.contains("not known")), ("books.stress.s.volatility", true));
        let unknown = refused("volatility = [{ points = 5, of = { product = ['OPTION', 'SHOES'] } }]");
        assert_eq!(unknown.place, "books.stress.s.volatility[0].of.product[1]");
        assert_eq!(unknown.what, "`product` has no group `SHOES`");
        let unnamed = refused("volatility = [{ points = 5, of = { sector = [] } }]");
        assert_eq!(unnamed.place, "books.stress.s.volatility[0].of.sector");
        assert_eq!(refused("volatility = []").place, "books.stress.s");
        let together = refused("volatility = [{ points = 600 }, { points = -600, of = { country = ['US'] } }]");
        assert_eq!(together.place, "books.stress.s.volatility");
        assert!(together.what.contains("together") && together.help.contains("add up"), "{together}");
        for (toml, told) in [
            ("volatility = { points = 5 }", "expected points of volatility, such as 5"),
            ("volatility = 0.5", "expected a number as text"),
            ("volatility = [{ percent = 5 }]", "unknown field `percent`"),
            ("volatility = [{ points = 5, of = { bogus = ['x'] } }]", "bogus"),
            ("volatility = [{ points = 5, of = { product = 'OPTION' } }]", "expected a sequence"),
        ] {
            let error = toml::from_str::<ScenarioConfig>(toml).unwrap_err().to_string();
            assert!(error.contains(told), "{toml}: {error}");
        }
    }

    #[test]
    fn a_shift_by_nothing_is_a_mistake() {
        for (toml, place) in [
            ("volatility = '0.0'", "volatility"),
            ("volatility = [{ points = 5 }, { points = 0 }]", "volatility[1].points"),
            ("fx = { EUR = 0 }", "fx.EUR"),
            ("price = [{ percent = 0 }]", "price[0].percent"),
        ] {
            let error = scenario(toml).unwrap_err();
            assert_eq!(error.place, format!("books.stress.s.{place}"));
            assert!(error.what.contains("shifts nothing"), "{error}");
        }
    }
}
