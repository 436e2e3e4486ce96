//! What must hold between the views at every tick of a day of `storm`, computed from their rows alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cells, Held};

/// What a trade of a source has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Matched,
    Broken,
    Duplicate,
}

/// Every trade is matched or broken or there twice, and never two of these; `conservation` says so; and `break_summary` adds
/// up to the breaks.
pub(super) fn check(tick: u64, trades: &Held, matches: &Held, breaks: &Held, summary: &Held, conservation: &Held) {
    let fates = fates(tick, trades, matches, breaks);
    let mut counted = BTreeMap::<(&str, Fate), i64>::new();
    fates.iter().for_each(|((source, _), fate)| *counted.entry((source, *fate)).or_default() += 1);
    let sources: BTreeSet<&str> = fates.keys().map(|(source, _)| *source).collect();
    let told: BTreeSet<&str> = conservation.values().map(|row| &*row["source"]).collect();
    assert_eq!(told, sources, "at {tick}: the sources of `conservation` are not those of `trades`");
    for row in conservation.values() {
        let number = |column: &str| row[column].parse::<i64>().unwrap();
        let told = ["matched", "broken", "duplicate"].map(number);
        let found = [Fate::Matched, Fate::Broken, Fate::Duplicate]
            .map(|fate| counted.get(&(row["source"].as_str(), fate)).copied().unwrap_or(0));
        assert_eq!(told, found, "at {tick}: {row:?}: {fates:#?}");
        let parts = told.iter().sum::<i64>() + number("refused");
        assert_eq!((number("records_in"), &*row["is_conserved"]), (parts, "true"), "at {tick}: {row:?}");
    }
    check_summary(tick, breaks, summary);
}

/// What became of each trade, by its source and id.
fn fates<'v>(tick: u64, trades: &'v Held, matches: &'v Held, breaks: &'v Held) -> BTreeMap<(&'v str, &'v str), Fate> {
    let mut paired = BTreeSet::new();
    for row in matches.values().filter(|row| row["status"] == "matched") {
        for (source, id) in [("source", "trade_id"), ("other_source", "other_trade_id")] {
            assert!(paired.insert((&*row[source], &*row[id])), "at {tick}: a trade is matched twice: {row:?}");
        }
    }
    let (mut differing, mut missing, mut duplicate) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for row in breaks.values() {
        let kind = &*row["type"];
        if kind.starts_with("missing_") {
            assert!(missing.insert(trade(row, "trade_id")), "at {tick}: missing twice: {row:?}");
        } else if kind.starts_with("duplicate_") {
            assert!(duplicate.insert(trade(row, "trade_id")), "at {tick}: twice a duplicate: {row:?}");
        } else {
            assert!(kind.ends_with("_mismatch"), "at {tick}: the day has no such breaks: {row:?}");
            differing.extend([trade(row, "trade_id"), trade(row, "other_trade_id")]);
        }
    }
    let lost: Vec<_> = differing.difference(&paired).collect();
    assert!(lost.is_empty(), "at {tick}: trades differ from what they are not matched with: {lost:?}");
    let mut fates = BTreeMap::new();
    for row in trades.values() {
        let key = (&*row["source"], &*row["id"]);
        let found = (paired.remove(&key), missing.remove(&key), duplicate.remove(&key));
        let fate = match found {
            (true, false, false) if differing.contains(&key) => Fate::Broken,
            (true, false, false) => Fate::Matched,
            (false, true, false) => Fate::Broken,
            (false, false, true) => Fate::Duplicate,
            _ => panic!("at {tick}: {key:?} is (matched, missing, duplicate): {found:?}"),
        };
        assert!(fates.insert(key, fate).is_none(), "at {tick}: a trade is there twice: {key:?}");
    }
    let strangers: Vec<_> = paired.iter().chain(&missing).chain(&duplicate).collect();
    assert!(strangers.is_empty(), "at {tick}: these are no trades: {strangers:?}");
    fates
}

/// The trade that a break names. Its source is how its id begins.
fn trade<'v>(row: &'v Cells, column: &str) -> (&'v str, &'v str) {
    let id = &*row[column];
    let (source, _) = id.split_once('-').unwrap_or_else(|| panic!("no id of the day: {row:?}"));
    (source, id)
}

fn check_summary(tick: u64, breaks: &Held, summary: &Held) {
    const GROUP: [&str; 6] = ["reconciliation", "side", "type", "counterparty", "desk", "trade_date"];
    const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];
    let group = |row: &Cells| GROUP.map(|column| row[column].clone());
    let mut counted = BTreeMap::<_, [i64; 5]>::new();
    for row in breaks.values() {
        let severity = SEVERITIES.iter().position(|name| *name == row["severity"]).expect("one of the four");
        let counts = counted.entry(group(row)).or_default();
        counts[0] += 1;
        counts[1 + severity] += 1;
    }
    let counts = |row: &Cells| ["breaks", "low", "medium", "high", "critical"].map(|name| row[name].parse().unwrap());
    let told: BTreeMap<_, [i64; 5]> = summary.values().map(|row| (group(row), counts(row))).collect();
    assert_eq!(told.len(), summary.len(), "at {tick}: `break_summary` has a group twice");
    assert_eq!(told, counted, "at {tick}: `break_summary` does not add up to `breaks`");
}
