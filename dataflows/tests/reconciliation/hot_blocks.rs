//! Blocks with too many trades: bounded, shown as a break, and no hindrance to the others.

use model::Record;

use super::kit::records::{BROKER_A, INTERNAL, PLAIN, SOURCES, Says, trade};
use super::kit::{Change, Desk, put_all};
use super::*;

fn capped(kind: &str, side_max: usize) -> String {
    named_reconciliation("r", &format!("{TWO_SIDES}\n{RULES}"), &[&format!("{kind}\nside_max = {side_max}")])
}

const COLD: Says = Says { instrument: "NQ", side: "SELL", ..PLAIN };

fn block(source: u8, says: &Says, ids: std::ops::Range<usize>) -> Vec<Record> {
    ids.map(|number| Record::Trade(trade(source, &format!("H{source}-{number}"), says))).collect()
}

fn assert_is_capped_and_recovers(kind: &str) {
    let mut desk = Desk::start(&capped(kind, 20), &SOURCES, &dictionary(), 1);
    let cold = [trade(INTERNAL, "C1", &COLD), trade(BROKER_A, "C2", &COLD)];
    desk.tick(&put_all(cold));
    desk.tick(&put_all([block(INTERNAL, &PLAIN, 0..20), block(BROKER_A, &PLAIN, 0..20)].concat()));
    assert_eq!(desk.read("matches").len(), 21, "{kind}: at the cap all are matched");
    assert!(desk.read("breaks").is_empty());

    let late = block(INTERNAL, &PLAIN, 20..21);
    let mut breaks = desk.follow("breaks");
    desk.catch_up(&mut breaks);
    desk.tick(&put_all(late.clone()));
    assert_eq!(
        desk.columns("matches", &["trade_id", "other_trade_id"]),
        ["C1 C2"],
        "{kind}: the others are not hindered"
    );
    let types = desk.column("breaks", "type");
    let count = |name: &str| types.iter().filter(|other| *other == name).count();
    let expected_blocks = desk.columns("breaks", &["type", "left_value", "right_value"]);
    assert!(expected_blocks.contains(&"block_capped 21 20".to_owned()), "{kind}: {expected_blocks:?}");
    assert_eq!((count("missing_broker"), count("missing_internal")), (21, 20));
    desk.catch_up(&mut breaks);
    assert_eq!(desk.added_up(&breaks), desk.read("breaks"));
    let ids = |desk: &Desk| -> Vec<String> {
        desk.columns("breaks", &["type", "break_id", "first_seen"])
            .into_iter()
            .filter(|row| row.starts_with("block"))
            .collect()
    };
    let first_ids = ids(&desk);

    desk.tick(&put_all(block(INTERNAL, &PLAIN, 21..22)));
    assert_eq!(ids(&desk), first_ids, "{kind}: the same break with another count");
    assert_eq!(desk.columns("breaks", &["type", "left_value", "right_value"])[0], "block_capped 22 20");
    desk.tick(&block(INTERNAL, &PLAIN, 20..22).iter().map(Change::delete).collect::<Vec<_>>());
    assert!(desk.read("breaks").is_empty(), "{kind}: the block has shrunk");
    assert_eq!(desk.read("matches").len(), 21);
    desk.tick(&put_all(late));
    assert_eq!(ids(&desk), first_ids, "{kind}: it returns as the same");
}

#[test]
fn a_block_over_the_cap_of_the_tolerance_tier_is_shown_and_cleared_when_it_shrinks() {
    assert_is_capped_and_recovers(BY_TOLERANCE);
}

#[test]
fn blocks_over_the_cap_of_a_scored_tier_are_shown_and_cleared_when_they_shrink() {
    // Equal trades are only told apart by the ids: the model must not ask for a margin.
    assert_is_capped_and_recovers(BY_WEIGHTS);
}

#[test]
fn a_block_that_is_too_large_for_two_tiers_is_two_breaks() {
    let tier = format!("{BY_TOLERANCE}\nside_max = 2");
    let toml = named_reconciliation("r", &format!("{TWO_SIDES}\n{RULES}"), &[&tier, &tier]);
    let mut desk = Desk::start(&toml, &SOURCES, &dictionary(), 1);
    desk.tick(&put_all([block(INTERNAL, &PLAIN, 0..3), block(BROKER_A, &PLAIN, 0..1)].concat()));
    let capped = desk.columns("breaks", &["type", "left_value", "right_value"]);
    assert_eq!(capped.iter().filter(|row| *row == "block_capped 3 1").count(), 2);
}

#[test]
fn a_block_with_nothing_on_one_side_is_no_break() {
    let mut desk = Desk::start(&capped(BY_TOLERANCE, 2), &SOURCES, &dictionary(), 1);
    desk.tick(&put_all(block(INTERNAL, &PLAIN, 0..5)));
    assert_eq!(desk.column("breaks", "type"), ["missing_broker"; 5]);
    desk.tick(&put_all(block(BROKER_A, &PLAIN, 0..1)));
    assert_eq!(desk.column("breaks", "type")[0], "block_capped");
}

#[test]
fn other_blocks_are_matched_beside_a_hot_one_and_it_says_how_large_it_is() {
    let mut desk = Desk::start(&capped(BY_SCORE, 512), &SOURCES, &dictionary(), 1);
    let cold: Vec<Record> = (0..200)
        .flat_map(|number: usize| {
            let says = Says { instrument: "NQ", quantity: ["10", "20", "30"][number % 3], ..PLAIN };
            let of = |source, id| {
                let mut trade = trade(source, id, &says);
                trade.price = model::Price::from_scaled(20_000_000_000 + 700_000_000 * number as i64);
                Record::Trade(trade)
            };
            [of(INTERNAL, &format!("C{number}")), of(BROKER_A, &format!("D{number}"))]
        })
        .collect();
    let hot = 3_000;
    let load = [cold, block(INTERNAL, &PLAIN, 0..hot), block(BROKER_A, &PLAIN, 0..hot)].concat();
    desk.tick(&put_all(load));
    let matched: Vec<String> = desk.columns("matches", &["status", "trade_id", "other_trade_id"]);
    let expected: Vec<String> = (0..200).map(|number| format!("matched C{number} D{number}")).collect();
    assert!(expected.iter().all(|pair| matched.contains(pair)), "the other blocks are matched");
    assert_eq!(matched.len(), 200);
    let capped: Vec<String> = desk
        .columns("breaks", &["type", "left_value", "right_value"])
        .into_iter()
        .filter(|row| row.starts_with("block"))
        .collect();
    assert!(!capped.is_empty() && capped.iter().all(|row| *row == format!("block_capped {hot} {hot}")), "{capped:?}");
    desk.tick(&put_all(block(INTERNAL, &PLAIN, hot..hot + 1)));
    let capped = desk.columns("breaks", &["type", "left_value", "right_value"]);
    assert!(capped.contains(&format!("block_capped {} {hot}", hot + 1)), "one more in the block");
}
