//! What contributions must be, worked out by the definitions from all days at once.

use std::collections::{BTreeMap, BTreeSet};

use model::{Amount, Symbol};

use crate::kit::Desk;
use crate::oracle::{Day, Days, Parts};
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
    parts: &BTreeMap<Symbol, BTreeMap<i32, [i128; 3]>>,
) -> [BTreeMap<Symbol, BTreeMap<i32, Gained>>; 2] {
    let [mut whole, mut by_security]: [BTreeMap<Symbol, BTreeMap<i32, Gained>>; 2] = Default::default();
    for (day, [value, comes, goes]) in days {
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
            let columns = ["opening_value", "closing_value", "flows", "gain", "fees"];
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
