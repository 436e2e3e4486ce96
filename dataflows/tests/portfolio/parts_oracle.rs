//! What contributions and attributions must be, worked out by the definitions from all days at once.

use std::collections::{BTreeMap, BTreeSet};

use model::{Amount, Record, Symbol};

use crate::kit::Desk;
use crate::oracle::{Day, Days, PartDay, Parts};
use crate::records::date;

/// A portfolio, or a security, on a day: the base of the portfolio, what was gained, what came less what left, the fees.
#[derive(Clone, Copy, Default)]
pub struct Gained {
    pub base: i128,
    pub gain: i128,
    pub flow: i128,
    pub fee: i128,
}

/// What a security gained on each day of a portfolio; all of it, or what no security explains.
pub fn gains(
    days: &BTreeMap<i32, Day>,
    parts: &BTreeMap<Symbol, BTreeMap<i32, PartDay>>,
) -> [BTreeMap<Symbol, BTreeMap<i32, Gained>>; 2] {
    let [mut whole, mut by_security]: [BTreeMap<Symbol, BTreeMap<i32, Gained>>; 2] = Default::default();
    for (day, [value, comes, goes, _]) in days {
        let base = days.get(&(day - 1)).map_or(0, |day| day[0]) + comes;
        let mut rest = Gained { base, gain: value - base - goes, flow: comes + goes, fee: 0 };
        let fee = parts.values().filter_map(|days| Some(days.get(day)?[2])).sum();
        whole.entry(Symbol::NONE).or_default().insert(*day, Gained { fee, ..rest });
        for (security, days) in parts {
            let [before, now] = [day - 1, *day].map(|day| days.get(&day).copied().unwrap_or_default());
            let own = Gained { base, gain: now[0] - before[0] - now[1], flow: now[1], fee: now[2] };
            by_security.entry(*security).or_default().insert(*day, own);
            (rest.gain, rest.flow) = (rest.gain - own.gain, rest.flow - own.flow);
        }
        by_security.entry(Symbol::NONE).or_default().insert(*day, rest);
    }
    [whole, by_security]
}

pub fn rate(gained: &Gained, is_net: bool) -> f64 {
    let gain = gained.gain - if is_net { gained.fee } else { 0 };
    if gained.base == 0 { 0.0 } else { gain as f64 / gained.base.abs() as f64 }
}

/// Checks a number that is shown; one that is too large to be shown is none.
pub fn near(what: &str, shown: &str, expected: f64, size: f64) {
    match shown.parse::<f64>() {
        Ok(ours) => assert!((ours - expected).abs() <= 1e-9 * (1.0 + size), "{what}: expected {expected}, ours {ours}"),
        Err(_) => assert!(expected.abs() > 1e19, "{what}: expected {expected}, ours {shown:?}"),
    }
}

/// Compares the view `contribution`, linked forward, with all days of all portfolios.
pub fn check_contributions(days: &Days, parts: &Parts, desk: &Desk) {
    let index = |view: &str, name: &str| desk.spec(view).column(name).unwrap();
    let mut rows: BTreeMap<[String; 3], Vec<String>> = BTreeMap::new();
    for row in desk.read("contribution") {
        rows.insert(["portfolio", "period", "security"].map(|name| row[index("contribution", name)].clone()), row);
    }
    for performance in desk.read("performance") {
        let cell = |name: &str| &performance[index("performance", name)];
        let [portfolio, period] = ["portfolio", "period"].map(|name| cell(name).clone());
        let (from, to) = (date(cell("from")).0, date(cell("to")).0);
        let of = Symbol::of(&portfolio);
        let (Some(own_days), none) = (days.get(&of), BTreeMap::new()) else { continue };
        let own_parts = parts.get(&of).unwrap_or(&none);
        let [whole, by_security] = gains(own_days, own_parts);
        let whole = &whole[&Symbol::NONE];
        let value = |security: &Symbol, day: i32| {
            own_parts.get(security).and_then(|days| days.get(&day)).map_or(0, |day| day[0])
        };
        let whole_value = |day: i32| own_days.get(&day).map_or(0, |day| day[0]);
        let securities: BTreeSet<Symbol> = own_parts.keys().copied().chain([Symbol::NONE]).collect();
        let rest = |day: i32| whole_value(day) - own_parts.keys().map(|security| value(security, day)).sum::<i128>();
        let mut sums = [[0.0, 0.0]; 2];
        for security in securities {
            let value = |day: i32| if security.is_none() { rest(day) } else { value(&security, day) };
            let mut added = [0.0, 0.0];
            for (basis, added) in added.iter_mut().enumerate() {
                let (mut growth, is_net) = (1.0, basis == 1);
                for (day, gained) in by_security[&security].range(from..=to) {
                    let term = growth * rate(gained, is_net);
                    *added += term;
                    sums[basis][1] += term.abs();
                    growth *= 1.0 + rate(&whole[day], is_net);
                }
                sums[basis][0] += *added;
            }
            let inside = || by_security[&security].range(from..=to).map(|(_, gained)| gained);
            let flows: i128 = inside().map(|gained| gained.flow).sum();
            let fees: i128 = inside().map(|gained| gained.fee).sum();
            let gain = value(to) - value(from - 1) - flows;
            let shown = |scaled: i128| Amount::from_scaled(scaled).to_string();
            let name = if security.is_none() { String::new() } else { security.to_string() };
            let amounts = [value(from - 1), value(to), flows, gain, fees];
            let what = format!("{portfolio} {period} {name}");
            let Some(row) = rows.remove(&[portfolio.clone(), period.clone(), name]) else {
                assert!(amounts == [0; 5] && added == [0.0; 2], "{what}: {amounts:?} {added:?}");
                continue;
            };
            let columns = ["opening_value", "closing_value", "flows", "gain_gross", "fees"];
            let cells = columns.map(|name| row[index("contribution", name)].clone());
            assert_eq!(cells, amounts.map(shown), "{what}");
            near(&what, &row[index("contribution", "contribution_gross")], added[0], sums[0][1]);
            near(&what, &row[index("contribution", "contribution_net")], added[1], sums[1][1]);
        }
        near(&format!("{portfolio} {period} gross"), cell("time_weighted_gross"), sums[0][0], sums[0][1]);
        near(&format!("{portfolio} {period} net"), cell("time_weighted_net"), sums[1][0], sums[1][1]);
    }
    assert!(rows.is_empty(), "no period asks for {rows:?}");
}

type OfSecurities = BTreeMap<Symbol, BTreeMap<i32, PartDay>>;

/// One side of an attribution.
struct Side<'a> {
    days: &'a BTreeMap<i32, Day>,
    parts: &'a OfSecurities,
}

/// A group on a day: its weight, what it added, its return.
type Holding = (f64, f64, Option<f64>);

impl Side<'_> {
    fn rate(&self, day: i32) -> f64 {
        let before = self.days.get(&(day - 1)).map_or(0, |day| day[0]);
        let Some([value, comes, goes, _]) = self.days.get(&day) else { return 0.0 };
        let base = before + comes;
        if base == 0 { 0.0 } else { (value - base - goes) as f64 / base.abs() as f64 }
    }

    fn holding(&self, day: i32, group: Symbol, group_of: &dyn Fn(Symbol) -> Symbol) -> Holding {
        let before = self.days.get(&(day - 1)).map_or(0, |day| day[0]);
        let [value, comes, goes, _] = self.days.get(&day).copied().unwrap_or_default();
        let base = if self.days.contains_key(&day) { before + comes } else { 0 };
        if base == 0 {
            return if group.is_none() { (1.0, 0.0, Some(0.0)) } else { (0.0, 0.0, None) };
        }
        // Base, gain and what is traded, of the group and of all.
        let (mut own, mut all) = ([0; 3], [0; 3]);
        for (security, days) in self.parts {
            let [before, now] = [day - 1, day].map(|day| days.get(&day).copied().unwrap_or_default());
            let of_security = [before[0] + now[3], now[0] - before[0] - now[1], now[1] - now[3]];
            for (sums, counts) in [(&mut own, group_of(*security) == group), (&mut all, true)] {
                sums.iter_mut().zip(of_security).for_each(|(sum, more)| *sum += if counts { more } else { 0 });
            }
        }
        if group.is_none() {
            let whole = [base.abs(), value - base - goes, goes];
            own.iter_mut().zip(whole).zip(all).for_each(|((sum, whole), all)| *sum += whole - all);
        }
        let [own_base, gain, traded] = own;
        let has_rate = own_base != 0 && traded.abs() <= 2 * own_base.abs();
        let share = |amount: i128| amount as f64 / base.abs() as f64;
        (share(own_base), share(gain), has_rate.then(|| gain as f64 / own_base as f64))
    }
}

/// Allocation, selection and interaction of a day.
fn brinson(own: Holding, benchmark: Holding, benchmark_rate: f64, is_fachler: bool) -> [f64; 3] {
    let rate = own.2.or(benchmark.2).unwrap_or(0.0);
    let other = benchmark.2.or(own.2).unwrap_or(0.0);
    let traded = (own.1 - own.0 * rate) - (benchmark.1 - benchmark.0 * other);
    let over = own.0 - benchmark.0;
    if is_fachler {
        [over * (other - benchmark_rate), benchmark.0 * (rate - other) + traded, over * (rate - other)]
    } else {
        [over * other, own.0 * (rate - other) + traded, 0.0]
    }
}

fn logarithmic(rate: f64, other: f64) -> f64 {
    let difference = rate - other;
    if difference == 0.0 { 1.0 / (1.0 + rate) } else { (difference / (1.0 + other)).ln_1p() / difference }
}

/// Compares the view `attribution` with all days of both portfolios: P by sector as Brinson and Fachler, Q by security as
/// Brinson, Hood and Beebower.
pub fn check_attributions(records: &[Record], days: &Days, parts: &Parts, desk: &Desk) {
    let mut sectors: BTreeMap<Symbol, Symbol> = BTreeMap::new();
    for record in records {
        if let Record::Instrument(instrument) = record {
            sectors.insert(instrument.id, instrument.sector);
        }
    }
    let sector_of = |security: Symbol| sectors.get(&security).copied().unwrap_or(Symbol::NONE);
    let index = |view: &str, name: &str| desk.spec(view).column(name).unwrap();
    let mut rows: BTreeMap<[String; 4], Vec<String>> = BTreeMap::new();
    for row in desk.read("attribution") {
        rows.insert(["portfolio", "by", "period", "group"].map(|name| row[index("attribution", name)].clone()), row);
    }
    let (no_days, no_parts) = (BTreeMap::new(), OfSecurities::new());
    for performance in desk.read("performance") {
        let cell = |name: &str| performance[index("performance", name)].clone();
        let (portfolio, period, from, to) =
            (cell("portfolio"), cell("period"), date(&cell("from")).0, date(&cell("to")).0);
        let (benchmark, by, is_fachler) =
            if portfolio == "P" { ("Q", "sector", true) } else { ("P", "security", false) };
        let group_of: &dyn Fn(Symbol) -> Symbol = if is_fachler { &sector_of } else { &|security| security };
        let side = |name: &str| Side {
            days: days.get(&Symbol::of(name)).unwrap_or(&no_days),
            parts: parts.get(&Symbol::of(name)).unwrap_or(&no_parts),
        };
        let sides = [side(&portfolio), side(benchmark)];
        if sides[1].days.is_empty() {
            continue;
        }
        let dates: BTreeSet<i32> =
            sides.iter().flat_map(|side| side.days.range(from..=to).map(|(day, _)| *day)).collect();
        let growth = |side: &Side<'_>| dates.iter().map(|day| 1.0 + side.rate(*day)).product::<f64>();
        let [growth, other_growth] = [growth(&sides[0]), growth(&sides[1])];
        let scale = logarithmic(growth - 1.0, other_growth - 1.0);
        let securities = sides.iter().flat_map(|side| side.parts.keys());
        let groups: BTreeSet<Symbol> = securities.map(|security| group_of(*security)).chain([Symbol::NONE]).collect();
        let (mut totals, mut size_of_all, mut is_known) = (0.0, 0.0, true);
        for group in groups {
            let (mut weights, mut effects, mut size) = ([0.0; 2], [0.0; 3], 0.0);
            for day in &dates {
                let [own, other] = [0, 1].map(|side| sides[side].holding(*day, group, group_of));
                weights = [weights[0] + own.0, weights[1] + other.0];
                let rates = [sides[0].rate(*day), sides[1].rate(*day)];
                let linking = logarithmic(rates[0], rates[1]) / scale;
                let of_day = brinson(own, other, rates[1], is_fachler);
                effects.iter_mut().zip(of_day).for_each(|(sum, effect)| *sum += effect * linking);
                // Returns of what was there are told apart from weights, however large they are.
                let terms = [own.2.unwrap_or(0.0), other.2.unwrap_or(0.0), rates[0], rates[1], own.1, other.1];
                size += terms.iter().map(|term| term.abs()).sum::<f64>()
                    * linking.abs()
                    * (1.0 + own.0.abs() + other.0.abs());
            }
            let name = if group.is_none() { String::new() } else { group.to_string() };
            let what = format!("{portfolio} {by} {period} {name}");
            is_known &= effects.iter().sum::<f64>().is_finite();
            let Some(row) = rows.remove(&[portfolio.clone(), by.to_owned(), period.clone(), name]) else {
                assert!(
                    weights == [0.0; 2] && effects.iter().all(|effect| *effect == 0.0 || effect.is_nan()),
                    "{what}: {weights:?} {effects:?}"
                );
                continue;
            };
            let shown = |column: &str| &row[index("attribution", column)];
            let count = dates.len().max(1) as f64;
            near(&what, shown("weight"), weights[0] / count, weights[0].abs());
            near(&what, shown("benchmark_weight"), weights[1] / count, weights[1].abs());
            for (column, effect) in ["allocation", "selection", "interaction"].into_iter().zip(effects) {
                if effects.iter().sum::<f64>().is_finite() {
                    near(&format!("{what} {column}"), shown(column), effect, size);
                } else {
                    assert_eq!(shown(column), "", "{what} {column}");
                }
            }
            near(
                &format!("{what} excess"),
                shown("excess_return"),
                growth - other_growth,
                growth.abs() + other_growth.abs(),
            );
            totals += effects.iter().sum::<f64>();
            size_of_all += size;
        }
        if is_known {
            near(&format!("{portfolio} {period} total"), &totals.to_string(), growth - other_growth, size_of_all);
        }
    }
    assert!(rows.is_empty(), "no period asks for {rows:?}");
}
