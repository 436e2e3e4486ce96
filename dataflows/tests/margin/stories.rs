//! What becomes of a fund, step by step.

use std::sync::Arc;

use engine::Tick;
use model::{Amount, Date, FundAum, FundExposure, MarginSubmission, Record, Symbol, Timestamp};

use super::VIEWS;
use super::kit::{Change, Desk, put_all};
use super::world::{DAY_MICROSECONDS, RULES, SOURCES, dictionary, in_batch};

fn desk() -> Desk {
    Desk::start(RULES, &SOURCES, &dictionary(), 1)
}

fn aum(fund: &str, units: i128) -> Record {
    let (investor_class, aum) = (Symbol::of("Retail"), Amount::from_scaled(units));
    Arc::new(FundAum { fund: Symbol::of(fund), investor_class, aum, ..FundAum::default() }).into()
}

/// Exposed to forwards, for which the fund's investors ask for a submission every day.
fn exposure(fund: &str) -> Record {
    Arc::new(FundExposure { fund: Symbol::of(fund), origin: Symbol::of("Forward"), ..FundExposure::default() }).into()
}

fn submission(fund: &str, day: i32) -> Record {
    let submitted_at = Timestamp::start_of(Date(day));
    Arc::new(MarginSubmission { fund: Symbol::of(fund), submitted_at, ..MarginSubmission::default() }).into()
}

/// All rows as one batch has them.
fn batch(number: i64, records: &[Record]) -> Vec<Change> {
    put_all(records.iter().filter_map(|record| in_batch(record, Timestamp(number))))
}

fn statuses(desk: &Desk) -> Vec<String> {
    desk.columns("margin_status", &["fund", "deadline_status", "due_date"])
}

#[test]
fn a_submission_becomes_late_when_its_day_has_passed_and_nothing_comes() {
    let mut desk = desk();
    desk.tick(&batch(1, &[aum("2", 1), exposure("2"), submission("2", 0)]));
    let mut followed = desk.follow("margin_status");
    desk.catch_up(&mut followed);
    assert_eq!(statuses(&desk), ["2 on_time 1970-01-02"]);

    let midnight = 2 * DAY_MICROSECONDS as Tick;
    desk.pass_to(midnight - 1);
    assert_eq!(statuses(&desk), ["2 on_time 1970-01-02"], "the last moment of the day it is due");
    desk.pass_to(midnight);
    assert_eq!(statuses(&desk), ["2 overdue 1970-01-02"], "with no input");
    assert_eq!(desk.columns("margin_kpis", &["dimension", "pending", "on_time"])[0], "all 1 0");
    // At the tick it was due, and no other.
    let status = desk.spec("margin_status").column("deadline_status").unwrap();
    let at = |tick| desk.read_at("margin_status", Some(tick))[0][status].clone();
    assert_eq!([at(midnight - 1), at(midnight)], ["on_time", "overdue"]);

    desk.tick(&batch(1, &[submission("2", 2)]));
    assert_eq!(statuses(&desk), ["2 on_time 1970-01-04", "2 overdue 1970-01-02"], "each submission of the batch");
    desk.tick(&batch(2, &[submission("2", 2)]));
    assert_eq!(statuses(&desk), ["2 on_time 1970-01-04"], "the next batch has the last one only");
}

#[test]
fn what_is_read_twice_changes_nothing() {
    let mut desk = desk();
    let changes = batch(1, &[aum("2", 1), aum("10", 2), exposure("2"), submission("2", 0)]);
    desk.tick(&changes);
    let before: Vec<_> = VIEWS.iter().map(|view| desk.read(view)).collect();
    let mut followed: Vec<_> = VIEWS.iter().map(|view| desk.follow(view)).collect();
    followed.iter_mut().for_each(|following| desk.catch_up(following));
    desk.tick(&changes);
    assert_eq!(VIEWS.iter().map(|view| desk.read(view)).collect::<Vec<_>>(), before);
    for following in &mut followed {
        desk.catch_up(following);
        assert!(following.changes.is_empty(), "{}: {:?}", following.view, following.changes);
    }
}

#[test]
fn a_batch_that_repeats_the_last_one_moves_only_the_funds_that_changed() {
    let mut desk = desk();
    let funds = [aum("2", 1), aum("10", 2), exposure("2"), exposure("10"), submission("2", 0)];
    desk.tick(&batch(1, &funds));
    let mut followed: Vec<_> = VIEWS.iter().map(|view| desk.follow(view)).collect();
    followed.iter_mut().for_each(|following| desk.catch_up(following));

    desk.tick(&batch(2, &funds));
    for following in &mut followed {
        desk.catch_up(following);
        let is_moved = !following.changes.is_empty();
        assert_eq!(is_moved, following.view == "margin_batches", "{}: {:?}", following.view, following.changes);
    }

    let [_, _, exposures @ ..] = funds;
    let changed = [vec![aum("2", 1), aum("10", 3)], exposures.to_vec()].concat();
    desk.tick(&batch(3, &changed));
    for following in &mut followed {
        desk.catch_up(following);
        let funds = |(_, row, _): &(Tick, Vec<String>, isize)| row.iter().any(|cell| cell == "2");
        let is_unmoved = following.view == "margin_batches" || !following.changes.iter().any(funds);
        assert!(is_unmoved, "{}: {:?}", following.view, following.changes);
    }
    assert_eq!(desk.columns("margin_status", &["fund", "aum"]), ["10 0.00000003", "2 0.00000001"]);
}

#[test]
fn the_batch_before_counts_again_when_the_latest_is_taken_back() {
    let mut desk = desk();
    desk.tick(&batch(1, &[aum("2", 1), aum("10", 1)]));
    let latest = batch(2, &[aum("2", 5)]);
    desk.tick(&latest);
    assert_eq!(desk.column("fund_aum", "fund"), ["2"], "a fund that is not in the batch is gone");
    let taken_back: Vec<Change> = latest.iter().filter_map(|put| put.record.as_ref().map(Change::delete)).collect();
    desk.tick(&taken_back);
    assert_eq!(desk.columns("fund_aum", &["fund", "aum"]), ["10 0.00000001", "2 0.00000001"]);
}

#[test]
fn without_its_table_there_is_no_monitoring() {
    let desk = Desk::start("", &SOURCES, &dictionary(), 1);
    assert!(VIEWS.iter().all(|view| desk.reader().view(view).is_err()));
}
