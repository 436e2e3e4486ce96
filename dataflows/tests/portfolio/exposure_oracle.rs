//! What exposures, stress and limits must say, worked out plainly from the valuations: position by position, limit by limit.

use std::collections::{BTreeMap, BTreeSet};

use engine::Tick;
use model::{
    Amount, Currency, Date, ExposureDimension as Dimension, Instrument, Limit, LimitMeasure as Measure, LimitScope,
    NumberFormat, Price, Product, Quantity, Rate, Record, Symbol,
};

use crate::kit::{Desk, TextRow, time_text};
use crate::oracle::{last, rounded};
use crate::records;

pub const SCENARIOS: &str = r#"
[books.stress.crash]
dimensions = ["sector", "currency", "counterparty"]
fx = { EUR = -10 }
[[books.stress.crash.price]]
percent = -20
of = { product = ["EQUITY"] }
[[books.stress.crash.price]]
percent = "-12.5"
of = { sector = ["tech", "gold"], issuer = ["I"] }
[[books.stress.crash.price]]
percent = 50
of = { counterparty = ["X"] }
[[books.stress.crash.volatility]]
points = "2.5"
[[books.stress.crash.volatility]]
points = -10
of = { security = ["A", "B"], sector = ["tech"] }
"#;

/// Limits that make sense: scope, portfolio, dimension, group, measure, currency.
pub const LIMITS: [(LimitScope, &str, Dimension, &str, Measure, &str); 16] = [
    (LimitScope::Unknown, "", Dimension::Unknown, "", Measure::Gross, ""),
    (LimitScope::Portfolio, "P", Dimension::Total, "", Measure::Net, "EUR"),
    (LimitScope::Portfolio, "NONE", Dimension::Total, "", Measure::Net, ""),
    (LimitScope::Portfolio, "", Dimension::Sector, "", Measure::Weight, ""),
    (LimitScope::Portfolio, "Q", Dimension::Sector, "tech", Measure::Long, "USD"),
    (LimitScope::Portfolio, "", Dimension::Sector, "gold", Measure::Short, "EUR"),
    (LimitScope::BaseCurrency, "", Dimension::Currency, "", Measure::Gross, ""),
    (LimitScope::All, "", Dimension::Issuer, "I", Measure::Weight, ""),
    (LimitScope::All, "", Dimension::Portfolio, "", Measure::Net, "EUR"),
    (LimitScope::Portfolio, "", Dimension::Total, "", Measure::Leverage, ""),
    (LimitScope::Portfolio, "", Dimension::Issuer, "", Measure::Hhi, ""),
    (LimitScope::Portfolio, "P", Dimension::UltimateParent, "", Measure::TopWeight, ""),
    (LimitScope::All, "", Dimension::Sector, "", Measure::StressLoss, "EUR"),
    (LimitScope::Portfolio, "", Dimension::Counterparty, "", Measure::Long, ""),
    (LimitScope::Portfolio, "", Dimension::Unknown, "", Measure::StressLoss, ""),
    (LimitScope::Portfolio, "", Dimension::Unknown, "", Measure::ValueAtRisk, ""),
];

/// A limit of the table at a level.
pub fn limit(index: usize, level: u32) -> Record {
    let (scope, portfolio, dimension, group, measure, currency) = LIMITS[index];
    let units = match measure {
        Measure::Weight | Measure::Hhi | Measure::TopWeight | Measure::ValueAtRisk => 2,
        Measure::Leverage => 10,
        _ => 100_000,
    };
    let breach = i128::from(level) * units * 1_000_000;
    records::set(Limit {
        scope,
        dimension,
        measure,
        currency: if currency.is_empty() { Currency::NONE } else { records::currency(currency) },
        portfolio: Symbol::of(portfolio),
        group: Symbol::of(group),
        scenario: Symbol::of(if measure == Measure::StressLoss { "crash" } else { "" }),
        warning_level: if level.is_multiple_of(2) { Amount::from_scaled(breach / 2) } else { Amount::NONE },
        breach_level: Amount::from_scaled(breach),
        ..records::limit(&format!("L{index}"), measure, "1")
    })
}

struct Position {
    portfolio: Symbol,
    security: Symbol,
    currency: Currency,
    base: Currency,
    value: Option<i128>,
    instrument: Option<Instrument>,
    quantity: i128,
    /// The last vega up to the last day, and its day.
    vega: Option<(i128, i32)>,
    /// Into the base currency, and from that into dollars.
    rates: [i128; 2],
}

impl Position {
    fn group(&self, dimension: Dimension) -> String {
        let known = self.instrument.clone().unwrap_or_default();
        match dimension {
            Dimension::Unknown | Dimension::Total => String::new(),
            Dimension::Portfolio => self.portfolio.to_string(),
            Dimension::Security => self.security.to_string(),
            Dimension::Issuer => known.issuer.to_string(),
            Dimension::UltimateParent if known.ultimate_parent.is_none() => known.issuer.to_string(),
            Dimension::UltimateParent => known.ultimate_parent.to_string(),
            Dimension::Counterparty => known.counterparty.to_string(),
            Dimension::Currency => self.currency.code().to_owned(),
            Dimension::Sector => known.sector.to_string(),
            Dimension::Country => known.country.to_string(),
            Dimension::Rating => known.rating.to_string(),
            Dimension::AssetClass => known.asset_class.to_string(),
            Dimension::Product => known.product.code().to_owned(),
        }
    }

    fn told_of_vega(&self) -> String {
        let vega = self.vega.map(|(vega, day)| {
            format!("{} {}", Price::from_scaled(i64::try_from(vega).unwrap()), Date::from_days(day))
        });
        format!("{} {} {}", self.portfolio, self.security, vega.unwrap_or_else(|| " ".to_owned()))
    }

    /// What volatility adds in the crash, in the currency of the price and half millionths of an amount's units.
    fn gained(&self) -> i128 {
        let known = self.instrument.clone().unwrap_or_default();
        if known.product == Product::Cash {
            return 0;
        }
        let is_of_tech =
            [Symbol::of("A"), Symbol::of("B")].contains(&self.security) && known.sector == Symbol::of("tech");
        let half_points = if is_of_tech { -15 } else { 5 };
        let million = 1_000_000;
        let units = rounded(self.quantity * known.multiplier.scaled().unwrap_or(million), million);
        units * self.vega.map_or(0, |(vega, _)| vega) * half_points
    }

    /// After the crash, in a currency; at both rates, or at the first alone.
    fn crashed(&self, value: i128, into: Currency, rates: &[i128]) -> i128 {
        let known = self.instrument.clone().unwrap_or_default();
        let (mut numerator, mut denominator) = (value, 1);
        let mut apply = |left: i128, whole: i128| (numerator, denominator) = (numerator * left, denominator * whole);
        if known.product == Product::Equity {
            apply(80, 100);
        }
        if known.product != Product::Cash && known.sector == Symbol::of("tech") && known.issuer == Symbol::of("I") {
            apply(875, 1000);
        }
        if known.product != Product::Cash && known.counterparty == Symbol::of("X") {
            apply(150, 100);
        }
        // Rates have three decimals here, of twelve.
        assert!(rates.iter().all(|rate| rate % 10i128.pow(9) == 0), "{rates:?}");
        let gained = rates.iter().fold(self.gained(), |gained, rate| gained * (rate / 10i128.pow(9)));
        let unit = rates.iter().fold(2_000_000, |unit, _| unit * 1000);
        (numerator, denominator) = (numerator * unit + gained * denominator, denominator * unit);
        let mut apply = |left: i128, whole: i128| (numerator, denominator) = (numerator * left, denominator * whole);
        let euro = records::currency("EUR");
        if self.currency == euro && into != euro {
            apply(90, 100);
        }
        if into == euro && self.currency != euro {
            apply(100, 90);
        }
        rounded(numerator, denominator)
    }
}

/// The name of a scope, the portfolio and the currency.
type Scope = (&'static str, String, String);

/// Of a scope, each position with its value in the currency of the scope and whether only a rate is missing.
type Scopes<'a> = BTreeMap<Scope, Vec<(&'a Position, Option<i128>, bool)>>;

/// Compares exposures, stress and limits, all columns that say something of their own.
pub fn check(records: &[Record], last_day: i32, desk: &Desk) {
    let mut positions = positions(records, last_day, desk);
    let mut rates: BTreeMap<(Currency, Currency), BTreeMap<i32, i128>> = BTreeMap::new();
    for record in records {
        if let Record::FxRate(rate) = record {
            let series = rates.entry((rate.from_currency, rate.to_currency)).or_default();
            series.insert(rate.rate_date.0, rate.rate.scaled().unwrap());
        }
    }
    let rate_of = |from: Currency, into: Currency| {
        if from == into { Some(10i128.pow(12)) } else { last(rates.get(&(from, into)), last_day) }
    };
    let convert = |value: i128, from: Currency, into: Currency| {
        rate_of(from, into).map(|rate| rounded(value * rate, 10i128.pow(12)))
    };
    let dollar = records::currency("USD");
    for position in &mut positions {
        let ways = [(position.currency, position.base), (position.base, dollar)];
        position.rates = ways.map(|(from, into)| rate_of(from, into).unwrap_or(0));
    }
    let mut shown: Vec<String> = positions.iter().map(Position::told_of_vega).collect();
    shown.sort();
    assert_eq!(desk.columns("valuations", &["portfolio", "security", "vega", "vega_date"]), shown);
    let mut scopes = Scopes::new();
    for position in &positions {
        let base = if position.base.is_none() { String::new() } else { position.base.code().to_owned() };
        let own = [("portfolio", position.portfolio.to_string(), base.clone()), ("base_currency", String::new(), base)];
        for scope in own {
            scopes.entry(scope).or_default().push((position, position.value, false));
        }
        let value = position.value.and_then(|value| convert(value, position.base, dollar));
        let all = scopes.entry(("all", String::new(), "USD".into())).or_default();
        all.push((position, value, position.value.is_some() && value.is_none()));
    }
    check_exposures(&scopes, desk);
    check_stress(&scopes, desk);
    check_limits(records, &scopes, &convert, desk);
}

fn positions(records: &[Record], last_day: i32, desk: &Desk) -> Vec<Position> {
    let column = |name: &str| desk.spec("valuations").column(name).unwrap();
    let code = |text: &str| if text.is_empty() { Currency::NONE } else { records::currency(text) };
    let instrument = |id: Symbol| {
        // Of several sources the one that is defined last counts, and records come in their order.
        records.iter().rev().find_map(|record| match record {
            Record::Instrument(instrument) if instrument.id == id => Some((**instrument).clone()),
            _ => None,
        })
    };
    let vega = |id: Symbol| {
        let vegas = records.iter().filter_map(|record| match record {
            Record::Sensitivity(known) if known.security == id && known.sensitivity_date.0 <= last_day => {
                Some((known.sensitivity_date.0, known.source, known.vega.scaled().unwrap()))
            }
            _ => None,
        });
        // Of several on one day that of the source counts which is defined last.
        vegas.max().map(|(day, _source, vega)| (vega, day))
    };
    let rows = desk.read("valuations").into_iter().map(|row| Position {
        portfolio: Symbol::of(&row[column("portfolio")]),
        security: Symbol::of(&row[column("security")]),
        currency: code(&row[column("currency")]),
        base: code(&row[column("base_currency")]),
        value: Amount::parse(&row[column("value_base")], &NumberFormat::default()).ok().and_then(Amount::scaled),
        instrument: instrument(Symbol::of(&row[column("security")])),
        quantity: Quantity::parse(&row[column("quantity")], &NumberFormat::default()).unwrap().scaled().unwrap(),
        vega: vega(Symbol::of(&row[column("security")])),
        rates: [0; 2],
    });
    rows.collect()
}

fn amount(scaled: i128) -> String {
    Amount::from_scaled(scaled).to_string()
}

fn share(part: i128, whole: i128) -> Option<i128> {
    (whole > 0).then(|| rounded(part * 10i128.pow(12), whole))
}

fn rate(scaled: Option<i128>) -> String {
    scaled.map_or(String::new(), |scaled| Rate::from_scaled(scaled).to_string())
}

/// Values, positions without one, and those that only lack a rate.
type Group = (Vec<i128>, usize, usize);

fn groups(positions: &[(&Position, Option<i128>, bool)], dimension: Dimension) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (position, value, lacks_rate) in positions {
        let group = groups.entry(position.group(dimension)).or_default();
        group.0.extend(value);
        group.1 += usize::from(value.is_none());
        group.2 += usize::from(*lacks_rate);
    }
    groups
}

fn long(values: &[i128]) -> i128 {
    values.iter().filter(|value| **value > 0).sum()
}

fn short(values: &[i128]) -> i128 {
    -values.iter().filter(|value| **value < 0).sum::<i128>()
}

fn check_exposures(scopes: &Scopes<'_>, desk: &Desk) {
    let mut expected = Vec::new();
    for (scope, positions) in scopes {
        let (values, _, without_rate) = &groups(positions, Dimension::Total)[""];
        let whole: i128 = values.iter().sum();
        let knows_whole = *without_rate == 0;
        for dimension in Dimension::ALL {
            for (group, (values, unvalued, without_rate)) in groups(positions, *dimension) {
                let (long, short) = (long(&values), short(&values));
                let amounts = [long + short, long - short, long, short];
                let shown = amounts.map(|value| if without_rate == 0 { amount(value) } else { String::new() });
                let weight = share(long - short, whole).filter(|_| knows_whole);
                let mut row = vec![scope.0.to_owned(), scope.1.clone(), scope.2.clone(), dimension.to_string(), group];
                row.extend(shown);
                row.extend([rate(weight), (values.len() + unvalued).to_string(), unvalued.to_string()]);
                expected.push(row);
            }
        }
    }
    expected.sort();
    assert_eq!(desk.read("exposures"), expected);
}

fn check_stress(scopes: &Scopes<'_>, desk: &Desk) {
    let mut expected = Vec::new();
    for (scope, positions) in scopes {
        for dimension in [Dimension::Total, Dimension::Sector, Dimension::Currency, Dimension::Counterparty] {
            for (group, (before, after, unvalued, without_rate)) in crashed(scope, positions, dimension) {
                let known = |value| if without_rate == 0 { amount(value) } else { String::new() };
                let percent = share(100 * (after - before), before.abs());
                let mut row = vec!["crash".to_owned(), scope.0.to_owned(), scope.1.clone(), scope.2.clone()];
                row.extend([dimension.to_string(), group.clone(), known(before), known(after), known(after - before)]);
                row.push(rate(percent.filter(|_| without_rate == 0)));
                let count = positions.iter().filter(|(position, ..)| position.group(dimension) == group).count();
                row.extend([count.to_string(), unvalued.to_string()]);
                expected.push(row);
            }
        }
    }
    expected.sort();
    assert_eq!(desk.read("stress"), expected);
}

fn crashed(
    scope: &Scope,
    positions: &[(&Position, Option<i128>, bool)],
    dimension: Dimension,
) -> BTreeMap<String, (i128, i128, usize, usize)> {
    let currency = if scope.2.is_empty() { Currency::NONE } else { records::currency(&scope.2) };
    let ways = if scope.0 == "all" { 2 } else { 1 };
    let mut groups: BTreeMap<String, (i128, i128, usize, usize)> = BTreeMap::new();
    for (position, value, lacks_rate) in positions {
        let group = groups.entry(position.group(dimension)).or_default();
        match value {
            Some(value) => {
                let after = position.crashed(*value, currency, &position.rates[..ways]);
                (group.0, group.1) = (group.0 + value, group.1 + after);
            }
            None => group.2 += 1,
        }
        group.3 += usize::from(*lacks_rate);
    }
    groups
}

/// What the history of breaches must be, from the breaches and what was not known after each tick.
#[derive(Default)]
pub struct BreachHistory {
    over: Vec<TextRow>,
    /// By what is limited: the breach, since when, and the worst row.
    going_on: BTreeMap<TextRow, (String, Tick, TextRow)>,
}

impl BreachHistory {
    /// Takes note of what there is after a tick.
    pub fn note(&mut self, desk: &Desk, tick: Tick) {
        let place = |column| desk.spec("limit_usage").column(column).unwrap();
        let (usage, status) = (place("usage"), place("status"));
        let where_it_is = ["source", "limit", "scope", "portfolio", "base_currency", "group"];
        let terms = ["dimension", "measure", "scenario", "currency", "breach_level"];
        let limited: Vec<usize> = where_it_is.into_iter().chain(terms).map(place).collect();
        let limited = |row: &[String]| -> TextRow { limited.iter().map(|place| row[*place].clone()).collect() };
        // Without the id, which comes first, and the tick, which comes last.
        let breaches = desk.read("limit_breaches").into_iter();
        let breaches = breaches.map(|row| (row[0].clone(), row[1..row.len() - 1].to_vec()));
        let mut there: BTreeMap<_, _> = breaches.map(|(id, row)| (limited(&row), (id, row))).collect();
        let unknown = desk.read("limit_usage").into_iter().filter(|row| row[status] == "UNKNOWN");
        let unknown: BTreeSet<TextRow> = unknown.map(|row| limited(&row)).collect();
        for (of, (id, began, worst)) in std::mem::take(&mut self.going_on) {
            match there.remove(&of) {
                Some((_, row)) => {
                    let worst = if size(&row[usage]) > size(&worst[usage]) { row } else { worst };
                    self.going_on.insert(of, (id, began, worst));
                }
                None if unknown.contains(&of) => drop(self.going_on.insert(of, (id, began, worst))),
                None => self.over.push(episode(&id, began, Some(tick), &worst)),
            }
        }
        self.going_on.extend(there.into_iter().map(|(of, (id, row))| (of, (id, tick, row))));
    }

    /// Compares it with what the view says.
    pub fn check(&self, desk: &Desk) {
        let going_on = self.going_on.values().map(|(id, began, worst)| episode(id, *began, None, worst));
        let mut expected: Vec<TextRow> = self.over.iter().cloned().chain(going_on).collect();
        expected.sort();
        assert_eq!(desk.read("limit_breach_history"), expected);
    }
}

/// A number that is not below zero, to be compared.
fn size(number: &str) -> (usize, &str, &str) {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    (whole.len(), whole, decimals)
}

fn episode(id: &str, began: Tick, ended: Option<Tick>, worst: &[String]) -> TextRow {
    let own = [id.to_owned(), time_text(began), ended.map(time_text).unwrap_or_default()];
    own.into_iter().chain(worst.iter().cloned()).collect()
}

fn check_limits(
    records: &[Record],
    scopes: &Scopes<'_>,
    convert: &dyn Fn(i128, Currency, Currency) -> Option<i128>,
    desk: &Desk,
) {
    let mut expected = Vec::new();
    for record in records {
        let Record::Limit(limit) = record else { continue };
        let name = if limit.scope == LimitScope::Unknown { "portfolio" } else { limit.scope.code() };
        let named = |portfolio: &str| limit.portfolio.is_none() || limit.portfolio == Symbol::of(portfolio);
        let of_limit = scopes.iter().filter(|(scope, _)| scope.0 == name && named(&scope.1));
        let mut is_asked = false;
        for (scope, positions) in of_limit {
            is_asked = true;
            for (group, value, unvalued) in measured(limit, scope, positions, desk) {
                let into = if limit.currency.is_none() { scope.2.clone() } else { limit.currency.code().to_owned() };
                let is_foreign = is_amount(limit.measure) && into != scope.2;
                let value = value.and_then(|value| match is_foreign {
                    false => Some(value),
                    true if scope.2.is_empty() => None,
                    true => convert(value, records::currency(&scope.2), records::currency(&into)),
                });
                let status = status(limit, value, unvalued);
                expected.push(row(limit, [scope.0, &scope.1, &scope.2, &group], value, status, unvalued));
            }
        }
        if !is_asked {
            let group = limit.group.to_string();
            expected.push(row(limit, [name, &limit.portfolio.to_string(), "", &group], None, "UNKNOWN", 0));
        }
    }
    expected.sort();
    let columns = ["limit", "scope", "portfolio", "base_currency", "group", "value", "status", "positions_unvalued"];
    assert_eq!(desk.columns("limit_usage", &columns), expected);
    assert_eq!(desk.read("refused_limits"), Vec::<Vec<String>>::new());
    let breached = expected.iter().filter(|row| row.contains(" BREACH ")).cloned().collect::<Vec<_>>();
    assert_eq!(desk.columns("limit_breaches", &columns), breached);
    let identities: BTreeSet<String> = desk.column("limit_breaches", "breach_id").into_iter().collect();
    assert_eq!(identities.len(), breached.len());
}

fn is_amount(measure: Measure) -> bool {
    [Measure::Gross, Measure::Net, Measure::Long, Measure::Short, Measure::StressLoss].contains(&measure)
}

fn row(limit: &Limit, place: [&str; 4], value: Option<i128>, status: &str, unvalued: usize) -> String {
    let [scope, portfolio, base, group] = place;
    format!("{} {scope} {portfolio} {base} {group} {} {status} {unvalued}", limit.id, rate(value))
}

/// By group: the value with twelve decimals, and the positions without one.
fn measured(
    limit: &Limit,
    scope: &Scope,
    positions: &[(&Position, Option<i128>, bool)],
    desk: &Desk,
) -> Vec<(String, Option<i128>, usize)> {
    let all = &groups(positions, Dimension::Total)[""];
    let whole: i128 = all.0.iter().sum();
    if limit.measure == Measure::ValueAtRisk {
        // The view itself is compared with all returns elsewhere.
        let rows = desk.columns("value_at_risk", &["portfolio", "period", "confidence", "value_at_risk_historical"]);
        let start = format!("{} si 0.95 ", scope.1);
        let value = rows.iter().find_map(|row| row.strip_prefix(&start)).filter(|value| !value.is_empty());
        let value = value.and_then(|value| Rate::parse(value, &NumberFormat::default()).unwrap().scaled());
        return vec![(String::new(), value, all.1)];
    }
    let column = match limit.measure {
        Measure::Hhi => "herfindahl_hirschman_index",
        Measure::TopWeight => "largest_weight",
        _ => "",
    };
    if !column.is_empty() {
        let rows = desk.columns("concentration", &["portfolio", "dimension", column]);
        let start = format!("{} {} ", scope.1, limit.dimension);
        let value = rows.iter().find_map(|row| row.strip_prefix(&start));
        let value = value.map_or(Rate::ZERO, |value| Rate::parse(value, &NumberFormat::default()).unwrap());
        return vec![(String::new(), value.scaled(), all.1)];
    }
    let mut measured = Vec::new();
    if limit.measure == Measure::StressLoss {
        for (group, (before, after, unvalued, _)) in crashed(scope, positions, limit.dimension) {
            measured.push((group, Some((before - after) * 10_000), unvalued));
        }
    } else {
        for (group, (values, unvalued, _)) in groups(positions, limit.dimension) {
            let (long, short) = (long(&values), short(&values));
            let value = match limit.measure {
                Measure::Gross => Some((long + short) * 10_000),
                Measure::Long => Some(long * 10_000),
                Measure::Short => Some(short * 10_000),
                Measure::Weight => share(long - short, whole),
                Measure::Leverage => share(long + short, whole),
                _ => Some((long - short) * 10_000),
            };
            let unvalued = if is_amount(limit.measure) { unvalued } else { all.1 };
            measured.push((group, value, unvalued));
        }
    }
    if !limit.group.is_none() {
        let group = limit.group.to_string();
        measured.retain(|(name, ..)| *name == group);
        if measured.is_empty() {
            let is_share = !is_amount(limit.measure);
            let value = if is_share { share(0, whole) } else { Some(0) };
            measured.push((group, value, if is_share { all.1 } else { 0 }));
        }
    }
    measured
}

fn status(limit: &Limit, value: Option<i128>, unvalued: usize) -> &'static str {
    let Some(value) = value else { return "UNKNOWN" };
    let size =
        if matches!(limit.measure, Measure::StressLoss | Measure::ValueAtRisk) { value.max(0) } else { value.abs() };
    let is_above = |level: Amount| level.scaled().is_some_and(|level| size > level * 10_000);
    let only_grows = matches!(limit.measure, Measure::Gross | Measure::Long | Measure::Short);
    match unvalued {
        0 if is_above(limit.breach_level) => "BREACH",
        0 if is_above(limit.warning_level) => "WARNING",
        0 => "OK",
        _ if only_grows && is_above(limit.breach_level) => "BREACH",
        _ => "UNKNOWN",
    }
}
