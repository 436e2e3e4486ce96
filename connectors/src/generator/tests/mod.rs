//! What a generated day promises.

mod files;
mod oracle;
mod source;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use model::{Dictionary, Record, SourceId, Symbol};

use super::*;
use crate::layout::RecordKind;
use oracle::{Books, Finding, Oracle, detail};

fn spec(trades: u64, sides: u8, seed: u64) -> DaySpec {
    DaySpec { seed, trades, sides, ..DaySpec::default() }
}

fn messages(spec: &DaySpec) -> Vec<Message> {
    Day::new(spec, &Dictionary::new()).unwrap().collect()
}

#[test]
fn the_truth_is_what_a_naive_reconciliation_of_the_whole_day_finds() {
    for (trades, sides, seed) in [(6000, 2, 1), (6000, 2, 2), (4000, 3, 3), (1, 2, 4)] {
        let spec = spec(trades, sides, seed);
        let books = Books::of(&messages(&spec), sides);
        let found = (1..sides).flat_map(|side| Oracle::reconcile(&books[0], &books[usize::from(side)], side));
        let found: BTreeSet<Finding> = found.collect();
        let rows: Vec<Truth> = truth(&spec).unwrap().collect();
        for row in &rows {
            let of_field = row.break_type.strip_suffix("_mismatch").unwrap_or_default();
            assert_eq!((row.field, row.outcome == Outcome::Broken), (of_field, !of_field.is_empty()), "{row:?}");
        }
        let told = rows
            .into_iter()
            .map(|row| (row.internal_trade_id, row.other_side, row.other_trade_id, row.outcome, row.break_type));
        let told: BTreeSet<Finding> = told.collect();
        assert_eq!(told.difference(&found).collect::<Vec<_>>(), found.difference(&told).collect::<Vec<_>>());
    }
}

#[test]
fn messages_arrive_in_order_within_the_day() {
    let messages = messages(&spec(3000, 3, 5));
    assert!(messages.is_sorted_by_key(|message| message.at_micros_of_day));
    let (first, last) = (messages[0].at_micros_of_day, messages[messages.len() - 1].at_micros_of_day);
    assert!(first >= 8 * 3_600_000_000 && last < 86_400_000_000, "{first} to {last}");
}

#[test]
fn equal_specifications_give_equal_days_and_other_seeds_other_days() {
    let one = messages(&spec(2000, 3, 11));
    assert_eq!(one, messages(&spec(2000, 3, 11)));
    assert_ne!(one, messages(&spec(2000, 3, 12)));
}

#[test]
fn a_side_alone_gives_what_it_gives_among_all() {
    let spec = spec(2000, 3, 6);
    let all = messages(&spec);
    for side in 0..3 {
        for record in [RecordKind::Trade, RecordKind::Allocation] {
            let day = Day::new(&spec, &Dictionary::new()).unwrap();
            let alone: Vec<Message> = day.of_side(side, record, SourceId(side)).collect();
            let is_of = |message: &&Message| {
                message.side == side && matches!(message.record, Record::Trade(_)) == (record == RecordKind::Trade)
            };
            assert!(alone.iter().eq(all.iter().filter(is_of)));
        }
    }
    let nobody = Day::new(&spec, &Dictionary::new()).unwrap().of_side(3, RecordKind::Trade, SourceId(3));
    assert_eq!(nobody.count(), 0);
}

#[test]
fn faults_come_as_often_as_their_rates_say() {
    const TRADES: u64 = 50_000;
    let spec = spec(TRADES, 3, 7);
    let mut planted = BTreeMap::<(u8, String), u64>::new();
    for row in truth(&spec).unwrap() {
        let name = if row.break_type.is_empty() { row.planted } else { &row.break_type };
        *planted.entry((row.other_side, name.to_owned())).or_default() += 1;
    }
    let rates = &spec.faults;
    let expected = [
        ("missing_internal", rates.missing_internal),
        ("duplicate_broker", rates.duplicate_broker),
        ("price_mismatch", rates.price_mismatch + rates.amended_by_one / 2),
        ("fees_mismatch", rates.fees_mismatch),
        ("allocation_mismatch", rates.allocation_mismatch),
        ("within_tolerance", rates.within_tolerance),
        ("late", rates.late),
        ("unlinked", rates.unlinked),
    ];
    for (name, per_mille) in expected {
        let expected = TRADES * u64::from(per_mille) / 1000;
        let found = planted[&(1, name.to_owned())];
        // Five standard deviations of a rare event.
        let deviation = 5 * (expected as f64).sqrt() as u64;
        assert!(found.abs_diff(expected) <= deviation, "{name}: {found}, expected {expected}");
    }
    assert!(planted[&(2, "missing_custodian".to_owned())] > 50 && planted[&(2, "late".to_owned())] > 100);
}

#[test]
fn identifiers_are_valid_and_nine_in_a_hundred_trades_are_split() {
    use model::identifiers::{Isin, Mic, Uti};
    let dictionary = Dictionary::new();
    let (mut utis, mut parts) = (0, HashMap::<Symbol, u32>::new());
    for message in Day::new(&spec(5000, 2, 8), &dictionary).unwrap() {
        match message.record {
            Record::Trade(trade) => {
                let text = |symbol: Symbol| dictionary.text(symbol);
                let detail = detail(&trade);
                assert!(text(trade.counterparty).is_some() && text(trade.instrument).is_some());
                Mic::parse(&text(detail.venue).unwrap()).unwrap();
                if let Some(isin) = text(detail.isin) {
                    Isin::parse(&isin).unwrap();
                }
                if let Some(uti) = text(detail.uti) {
                    Uti::parse(&uti).unwrap();
                    utis += 1;
                }
                assert!(trade.settlement_date > trade.trade_date);
            }
            Record::Allocation(allocation) if message.side == 0 && message.kind == Kind::New => {
                *parts.entry(allocation.trade).or_default() += 1;
            }
            _ => {}
        }
    }
    assert!(utis > 1000, "{utis}");
    let split = parts.values().filter(|parts| **parts == 2).count() * 1000 / parts.len();
    assert!((75..105).contains(&split), "{split} in a thousand");
}

#[test]
fn what_is_right_in_the_end_was_wrong_on_the_way() {
    const TWO_MINUTES: u64 = 120_000_000;
    let spec = spec(5000, 2, 14);
    let (mut told, mut amended) = (HashMap::<Symbol, u64>::new(), BTreeSet::<Symbol>::new());
    for message in messages(&spec) {
        let Record::Trade(trade) = message.record else { continue };
        match message.kind {
            Kind::New => assert!(told.insert(trade.id, message.at_micros_of_day).is_none()),
            Kind::Amend => assert!(amended.insert(trade.id)),
            Kind::Cancel => assert!(told.contains_key(&trade.id)),
        }
    }
    let mut seen = BTreeMap::<&str, u64>::new();
    for row in truth(&spec).unwrap() {
        let (ours, theirs) = (row.internal_trade_id, row.other_trade_id);
        let amendments = [ours, theirs].iter().filter(|id| amended.contains(id)).count();
        match row.planted {
            "late" => assert!(told[&ours].abs_diff(told[&theirs]) > TWO_MINUTES - 20_000_000, "{row:?}"),
            "corrected" | "amended_by_one" => assert_eq!(amendments, 1, "{row:?}"),
            "restated" => assert_eq!(amendments, 2, "{row:?}"),
            _ => assert_eq!(amendments, 0, "{row:?}"),
        }
        *seen.entry(row.planted).or_default() += 1;
    }
    assert!(
        ["late", "corrected", "amended_by_one", "restated", "block", "cancelled_by_one"]
            .iter()
            .all(|name| seen.contains_key(name))
    );
}

#[test]
fn a_day_without_faults_is_told_alike_by_every_side() {
    let spec = DaySpec { faults: FaultRates::none(), ..spec(1000, 3, 9) };
    assert!(truth(&spec).unwrap().all(|row| row.outcome == Outcome::Matched));
    assert_eq!(truth(&spec).unwrap().count(), 2000);
}

#[test]
fn what_waits_is_bounded_by_open_messages_not_by_the_day() {
    let mut most = 0;
    let mut day = Day::new(&spec(100_000, 2, 10), &Dictionary::new()).unwrap();
    while day.skip_messages(1000) == 1000 {
        most = most.max(day.waiting());
    }
    // About 15 % of the day passes while an amendment or a cancellation waits on average, and few trades have one.
    assert!(most < 3000, "{most} messages waiting");
}

#[test]
fn generating_is_fast() {
    let started = Instant::now();
    let spec = spec(50_000, 2, 13);
    let (mut told, mut day) = (0_u64, Day::new(&spec, &Dictionary::new()).unwrap());
    while day.next().is_some() {
        told += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} trades, {told} messages in {seconds:.3} s: {:.0} trades a second",
        spec.trades,
        spec.trades as f64 / seconds
    );
}
