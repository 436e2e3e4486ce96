//! What happens to trades and breaks in the course of a day, one story a test.

use std::sync::Arc;

use engine::Tick;
use model::{Record, ScoringModel};

use dataflows::reconciliation::scoring;

use super::kit::records::{
    BROKER_A, BROKER_ALLOCATIONS, BROKER_B, CUSTODIAN, INTERNAL, INTERNAL_ALLOCATIONS, PLAIN, SOURCES, Says,
    allocation, confirmation, trade,
};
use super::kit::{Change, Desk, TextRow, config, put_all, source_names};
use super::*;

fn desk(tiers: &[&str]) -> Desk {
    let head = format!("{TWO_SIDES}\nconfirmations = [\"analysts\"]");
    Desk::start(&reconciliation(&head, tiers), &SOURCES, &dictionary(), 1)
}

/// Type, trade, values.
fn breaks(desk: &Desk) -> Vec<String> {
    desk.columns("breaks", &["type", "trade_id", "left_value", "right_value"])
}

fn identities(desk: &Desk) -> Vec<String> {
    desk.columns("breaks", &["break_id", "first_seen"])
}

fn pairs(desk: &Desk) -> Vec<String> {
    desk.columns("matches", &["tier", "status", "trade_id", "other_trade_id"])
}

/// Linked by an execution.
const LINKED: Says = Says { execution_id: "E1", ..PLAIN };

#[test]
fn a_break_keeps_its_id_and_its_age_while_its_values_change_and_when_it_returns() {
    let mut desk = desk(&[BY_EXECUTION]);
    let at = |price| Change::put(trade(BROKER_A, "B1", &Says { price, ..LINKED }));
    desk.tick(&[Change::put(trade(INTERNAL, "T1", &LINKED)), at("103")]);
    let first = identities(&desk);
    assert_eq!(breaks(&desk), ["price_mismatch T1 100 103"]);
    desk.tick(&[at("105")]);
    assert_eq!((breaks(&desk), identities(&desk)), (vec!["price_mismatch T1 100 105".to_owned()], first.clone()));
    desk.tick(&[at("100")]);
    assert!(breaks(&desk).is_empty());
    desk.tick(&[at("99")]);
    assert_eq!((breaks(&desk), identities(&desk)), (vec!["price_mismatch T1 100 99".to_owned()], first.clone()));
    // Another counterpart, the same break.
    desk.tick(&[
        Change::delete(&trade(BROKER_A, "B1", &LINKED).into()),
        Change::put(trade(BROKER_B, "B2", &Says { price: "98", ..LINKED })),
    ]);
    assert_eq!((breaks(&desk), identities(&desk)), (vec!["price_mismatch T1 100 98".to_owned()], first));
}

#[test]
fn a_late_counterpart_clears_the_missing_break_in_the_same_tick_and_its_end_brings_it_back() {
    for tier in [BY_EXECUTION, BY_ECONOMICS, BY_TOLERANCE, BY_SCORE, BY_WEIGHTS, BY_BLOCK] {
        let mut desk = desk(&[tier]);
        let says = Says { block_id: "B1", ..LINKED };
        desk.tick(&put_all([trade(INTERNAL, "T1", &says)]));
        let first = identities(&desk);
        assert_eq!(breaks(&desk), ["missing_broker T1  "], "{tier}");
        let mut following = desk.follow("breaks");
        desk.catch_up(&mut following);
        let late = trade(BROKER_A, "B1", &says);
        desk.tick(&put_all([late.clone()]));
        desk.catch_up(&mut following);
        let changes: Vec<(Tick, String, isize)> =
            following.changes.iter().map(|(tick, row, diff)| (*tick, row[3].clone(), *diff)).collect();
        assert_eq!(changes, [(desk.last, "missing_broker".to_owned(), -1)], "{tier}");
        assert!(breaks(&desk).is_empty());
        desk.tick(&[Change::delete(&late.into())]);
        assert_eq!(identities(&desk), first, "{tier}");
    }
}

#[test]
fn an_identifier_that_one_side_repeats_and_the_other_lacks_is_one_missing_trade_and_duplicates() {
    let mut desk = desk(&[BY_EXECUTION]);
    desk.tick(&put_all([
        trade(INTERNAL, "T1", &LINKED),
        trade(INTERNAL, "T2", &LINKED),
        trade(INTERNAL, "T3", &Says { price: "99", ..LINKED }),
    ]));
    // The lowest price comes first; the ids of equal trades decide last.
    assert_eq!(breaks(&desk), ["duplicate_internal T1  ", "duplicate_internal T2  ", "missing_broker T3  "]);
    assert_eq!(desk.columns("conservation", &["records_in", "broken", "duplicate", "is_conserved"]), ["3 1 2 true"]);
    // The counterpart shows which of them is the real one.
    desk.tick(&put_all([trade(BROKER_A, "B1", &LINKED)]));
    assert_eq!(pairs(&desk), ["identifier matched T1 B1"]);
    assert_eq!(breaks(&desk), ["duplicate_internal T2  ", "duplicate_internal T3  "]);
}

#[test]
fn where_a_side_has_more_equal_economics_the_pairs_that_differ_in_nothing_are_kept() {
    let mut desk = desk(&[BY_ECONOMICS]);
    let settled = |settlement_date| Says { settlement_date, ..PLAIN };
    let ours = [trade(INTERNAL, "T1", &settled("2026-11-23")), trade(INTERNAL, "T2", &settled("2026-11-24"))];
    desk.tick(&put_all([ours[0].clone(), ours[1].clone(), trade(BROKER_A, "B1", &settled("2026-11-24"))]));
    assert_eq!(pairs(&desk), ["economics matched T2 B1"]);
    assert_eq!(breaks(&desk), ["missing_broker T1  "], "and no difference");
}

#[test]
fn a_confirmed_pair_follows_its_trades_as_they_change_and_vanish() {
    let mut desk = desk(&[BY_EXECUTION]);
    let ours = trade(INTERNAL, "T1", &PLAIN);
    let theirs = |price| trade(BROKER_A, "B1", &Says { price, ..PLAIN });
    desk.tick(&put_all([Record::from(ours.clone()), theirs("100").into(), confirmation("C1", "r", "T1", "B1").into()]));
    assert_eq!((pairs(&desk), breaks(&desk)), (vec!["confirmed matched T1 B1".to_owned()], vec![]));
    desk.tick(&put_all([theirs("101")]));
    assert_eq!((pairs(&desk).len(), breaks(&desk)), (1, vec!["price_mismatch T1 100 101".to_owned()]));
    // The source tells of the trade no more: the confirmation waits for it.
    desk.tick(&[Change::delete(&theirs("101").into())]);
    assert_eq!((pairs(&desk), breaks(&desk)), (vec![], vec!["missing_broker T1  ".to_owned()]));
    desk.tick(&put_all([theirs("100")]));
    assert_eq!((pairs(&desk).len(), breaks(&desk)), (1, vec![]));
    // A confirmed trade is out of reach for the tiers, until the confirmation is taken back.
    desk.tick(&put_all([trade(INTERNAL, "T2", &LINKED), trade(BROKER_A, "B1", &LINKED)]));
    assert_eq!(
        (pairs(&desk), breaks(&desk)),
        (vec!["confirmed matched T1 B1".to_owned()], vec!["missing_broker T2  ".to_owned()])
    );
    desk.tick(&[Change::delete(&confirmation("C1", "r", "T1", "B1").into())]);
    assert_eq!(pairs(&desk), ["identifier matched T2 B1"]);
    assert_eq!(breaks(&desk), ["missing_broker T1  "]);
}

#[test]
fn confirmations_of_other_reconciliations_and_other_sources_say_nothing_here() {
    let mut desk = desk(&[BY_EXECUTION]);
    let mut stranger = confirmation("C2", "r", "T1", "B1");
    stranger.source = model::SourceId(BROKER_A);
    desk.tick(&put_all([Record::from(trade(INTERNAL, "T1", &PLAIN)), trade(BROKER_A, "B1", &PLAIN).into()]));
    desk.tick(&put_all([confirmation("C1", "another", "T1", "B1"), stranger]));
    assert!(pairs(&desk).is_empty());
}

#[test]
fn allocations_are_compared_under_whichever_identifier_they_name() {
    let linked = Says { execution_id: "E1", reference: "X1", ..PLAIN };
    let allocated = |source, account, quantity| allocation(source, "L1", "E1", account, quantity);
    for tiers in [&[BY_EXECUTION][..], &[BY_REFERENCE, BY_EXECUTION], &[BY_ECONOMICS, BY_EXECUTION]] {
        let mut desk = desk(tiers);
        // Neither the reference nor the economics match, so it is the last tier that does.
        let theirs = Says { reference: "X2", price: "101", ..linked.clone() };
        desk.tick(&put_all([trade(INTERNAL, "T1", &linked), trade(BROKER_A, "B1", &theirs)]));
        desk.tick(&put_all([allocated(INTERNAL_ALLOCATIONS, "A1", "10")]));
        assert_eq!(breaks(&desk), ["price_mismatch T1 100 101"], "the broker has not allocated yet");
        desk.tick(&put_all([allocated(BROKER_ALLOCATIONS, "A2", "10")]));
        assert_eq!(
            breaks(&desk),
            ["allocation_account_mismatch T1 A1=10 A2=10", "price_mismatch T1 100 101"],
            "{tiers:?}"
        );
        desk.tick(&put_all([allocated(BROKER_ALLOCATIONS, "A1", "9")]));
        assert_eq!(breaks(&desk)[0], "allocation_quantity_mismatch T1 A1=10 A1=9");
        desk.tick(&put_all([allocated(BROKER_ALLOCATIONS, "A1", "10")]));
        assert_eq!(breaks(&desk), ["price_mismatch T1 100 101"]);
    }
}

#[test]
fn allocations_that_name_the_trade_by_its_own_id_are_compared() {
    let mut desk = desk(&[BY_ID]);
    desk.tick(&put_all([trade(INTERNAL, "T1", &PLAIN), trade(BROKER_A, "T1", &PLAIN)]));
    desk.tick(&put_all([
        allocation(INTERNAL_ALLOCATIONS, "L1", "T1", "A1", "10"),
        allocation(BROKER_ALLOCATIONS, "T1", "another", "A9", "10"), // its own id looks like the trade's
        allocation(BROKER_ALLOCATIONS, "L2", "T1", "A2", "10"),
    ]));
    assert_eq!(breaks(&desk), ["allocation_account_mismatch T1 A1=10 A2=10"]);
}

#[test]
fn fills_are_matched_as_a_whole_whatever_is_unknown_in_the_first_of_them() {
    let mut desk = desk(&[BY_BLOCK]);
    let of = |quantity, side| Says { quantity, side, block_id: "B1", ..PLAIN };
    // The trade that comes first says no side, and so cannot speak for those that do.
    desk.tick(&put_all([
        trade(INTERNAL, "T1", &of("10", "")),
        trade(INTERNAL, "T2", &of("20", "BUY")),
        trade(BROKER_A, "B1", &of("30", "SELL")),
    ]));
    assert!(pairs(&desk).is_empty());
    desk.tick(&put_all([trade(BROKER_A, "B1", &of("30", "BUY"))]));
    assert_eq!(pairs(&desk), ["aggregate matched T1 B1", "aggregate matched T2 B1"]);
    assert_eq!(desk.columns("conservation", &["source", "matched", "broken"]), ["broker_a 1 0", "internal 2 0"]);
}

#[test]
fn the_tolerance_of_an_average_price_refers_to_the_side_with_authority() {
    // Of 100 half a per cent is 0.5, of 100.502 a little more.
    let with = |authority: &str| {
        let head = format!(
            "{TWO_SIDES}\ncompare = [\"price\"]\nauthority = {{ price = [\"{authority}\"] }}\ntolerance = [{{ field = \"price\", percent = \"0.5\" }}]"
        );
        let mut desk = Desk::start(&named_reconciliation("r", &head, &[BY_BLOCK]), &SOURCES, &dictionary(), 1);
        let of = |price| Says { block_id: "B1", price, ..PLAIN };
        desk.tick(&put_all([trade(INTERNAL, "T1", &of("100")), trade(BROKER_A, "B1", &of("100.502"))]));
        pairs(&desk).len()
    };
    assert_eq!((with("internal"), with("broker")), (0, 1));
}

#[test]
fn a_trade_that_moves_to_another_date_side_or_identifier_is_counted_where_it_is() {
    let mut desk = desk(&[BY_EXECUTION]);
    let rates = |desk: &Desk| {
        desk.columns(
            "match_rates",
            &["source", "trade_date", "trades", "paired", "matched", "paired_rate", "matched_rate"],
        )
    };
    desk.tick(&put_all([
        trade(INTERNAL, "T1", &LINKED),
        trade(BROKER_A, "B1", &LINKED),
        trade(INTERNAL, "T2", &PLAIN),
    ]));
    assert_eq!(rates(&desk), ["broker_a 2026-11-20 1 1 1 1 1", "internal 2026-11-20 2 1 1 0.5 0.5"]);
    let moved = Says { trade_date: "2026-11-23", price: "104", ..LINKED };
    desk.tick(&put_all([trade(INTERNAL, "T1", &moved)]));
    let expected = ["broker_a 2026-11-20 1 1 0 1 0", "internal 2026-11-20 1 0 0 0 0", "internal 2026-11-23 1 1 0 1 0"];
    assert_eq!(rates(&desk), expected);
    desk.tick(&put_all([trade(INTERNAL, "T1", &Says { execution_id: "E2", ..moved })]));
    let expected = ["broker_a 2026-11-20 1 0 0 0 0", "internal 2026-11-20 1 0 0 0 0", "internal 2026-11-23 1 0 0 0 0"];
    assert_eq!(rates(&desk), expected);
}

#[test]
fn a_trade_without_a_date_is_counted_too() {
    let mut desk = desk(&[BY_EXECUTION]);
    desk.tick(&put_all([trade(INTERNAL, "T1", &Says { trade_date: "", ..PLAIN })]));
    assert_eq!(desk.columns("match_rates", &["source", "trade_date", "trades"]), ["internal  1"]);
}

#[test]
fn each_leg_is_conserved_by_itself_and_refused_records_count() {
    let mut desk = Desk::start(&reconciliation(THREE_SIDES, &[BY_EXECUTION]), &SOURCES, &dictionary(), 1);
    desk.tick(&put_all([
        trade(INTERNAL, "T1", &LINKED),
        trade(BROKER_A, "B1", &LINKED),
        trade(CUSTODIAN, "C1", &PLAIN),
    ]));
    desk.refuse(2);
    let conservation =
        desk.columns("conservation", &["side", "source", "records_in", "matched", "broken", "refused", "is_conserved"]);
    let expected = [
        "broker broker_a 1 1 0 0 true",
        "broker internal 3 1 0 2 true",
        "custodian custodian 1 0 1 0 true",
        "custodian internal 3 0 1 2 true",
    ];
    assert_eq!(conservation, expected);
    assert_eq!(
        desk.columns("breaks", &["side", "type", "trade_id"]),
        ["custodian missing_custodian T1", "custodian missing_internal C1"]
    );
}

#[test]
fn trades_of_one_id_from_two_sources_of_a_side_are_two_trades() {
    let mut desk = desk(&[BY_ECONOMICS]);
    desk.tick(&put_all([
        trade(INTERNAL, "T1", &PLAIN),
        trade(INTERNAL, "T2", &PLAIN),
        trade(BROKER_A, "B1", &PLAIN),
        trade(BROKER_B, "B1", &PLAIN),
        trade(BROKER_B, "B2", &Says { price: "7", ..PLAIN }),
    ]));
    assert_eq!(
        desk.columns("matches", &["trade_id", "other_source", "other_trade_id"]),
        ["T1 broker_a B1", "T2 broker_b B1"]
    );
    assert_eq!(breaks(&desk), ["missing_internal B2  "]);
}

/// The model of the scored tier, changed.
fn changed_model(change: impl Fn(&mut scoring::Model)) -> Change {
    let mut model = scoring::trades().unwrap();
    change(&mut model);
    let text = Arc::from(model.to_json().unwrap());
    Change::put(ScoringModel { id: model::Symbol::of("r/0"), version: 2, text })
}

#[test]
fn a_changed_model_changes_the_matches_as_one_tick_and_back() {
    let mut desk = desk(&[BY_SCORE]);
    let says = |price| Says { price, ..PLAIN };
    desk.tick(&put_all([trade(INTERNAL, "T1", &says("100")), trade(BROKER_A, "B1", &says("100.05"))]));
    desk.tick(&put_all([
        trade(INTERNAL, "T2", &Says { instrument: "NQ", ..PLAIN }),
        trade(BROKER_A, "B2", &Says { instrument: "NQ", ..PLAIN }),
    ]));
    let views = |desk: &Desk| -> Vec<Vec<TextRow>> {
        ["matches", "breaks", "match_rates", "conservation"].map(|view| desk.read(view)).to_vec()
    };
    let before = views(&desk);
    assert_eq!(pairs(&desk), ["scored matched T1 B1", "scored matched T2 B2"]);
    let mut following = desk.follow("matches");
    desk.catch_up(&mut following);

    desk.tick(&[changed_model(|model| {
        model.thresholds.accept = 30_500;
        model.thresholds.review = 30_000;
        model.thresholds.margin = 0;
    })]);
    desk.catch_up(&mut following);
    assert!(following.changes.iter().all(|(tick, _, _)| *tick == desk.last), "one tick");
    assert_eq!(pairs(&desk), ["scored matched T2 B2"]);
    assert_eq!(breaks(&desk), ["missing_broker T1  ", "missing_internal B1  "]);

    desk.tick(&[changed_model(|_| {})]);
    desk.catch_up(&mut following);
    assert_eq!(desk.added_up(&following), desk.read("matches"));
    assert_eq!(views(&desk), before, "the model that was there before");

    desk.tick(&[Change::put(ScoringModel { id: model::Symbol::of("r/0"), version: 3, text: Arc::from("no model") })]);
    assert!(pairs(&desk).is_empty(), "what is no model matches nothing, and harms nothing");
    desk.tick(&[changed_model(|_| {})]);
    assert_eq!(views(&desk), before);
}

#[test]
fn a_scored_tier_matches_what_its_model_lets_through() {
    let mut desk = desk(&[BY_SCORE]);
    desk.tick(&put_all([trade(INTERNAL, "T1", &PLAIN), trade(BROKER_A, "B1", &Says { instrument: "ES.LN", ..PLAIN })]));
    assert_eq!(pairs(&desk), ["scored matched T1 B1"], "a symbol that is spelt otherwise");
    assert_eq!(breaks(&desk), ["instrument_mismatch T1 ES ES.LN"]);
    desk.tick(&put_all([trade(BROKER_A, "B1", &Says { side: "SELL", ..PLAIN })]));
    assert_eq!(breaks(&desk), ["side_mismatch T1 BUY SELL"], "one break and not two missing trades");
    desk.tick(&put_all([trade(BROKER_A, "B1", &Says { currency: "EUR", ..PLAIN })]));
    assert_eq!(
        breaks(&desk),
        ["missing_broker T1  ", "missing_internal B1  "],
        "the model has a gate for the currency"
    );
}

#[test]
fn a_field_that_is_compared_twice_is_refused() {
    let refused = |rules: &str| {
        let toml = named_reconciliation("r", &format!("{TWO_SIDES}\n{rules}"), &[BY_ID]);
        let graphs =
            dataflows::Graphs::new(&config(&toml), &source_names(&SOURCES), &dictionary(), &|_| Err(String::new()));
        graphs.err().map(|error| error.place)
    };
    assert_eq!(refused(r#"compare = ["price", "fees"]"#), None);
    assert_eq!(refused(r#"compare = ["price", "fees", "price"]"#).as_deref(), Some("reconciliation.r.compare[2]"));
}
