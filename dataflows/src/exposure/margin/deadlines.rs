//! Deadlines: whether the next submission is in time. A status turns overdue when the clock passes the end of the day that
//! it was due on, in UTC, with no input.
//!
//! How many days are left is no column: it would change in every row at every midnight. It is `due_date` less today.

use std::sync::Arc;

use engine::{Cell, ColumnKind, Key, Row, ViewSpec, Views};
use model::{Date, Timestamp};
use operators::deadline::deadline;
use operators::{Arranged, Collection, Tick};
use serde::{Deserialize, Serialize};

use super::checks::MarginCheck;
use super::fund_key;
use crate::table::{AMOUNT, amount_cell, bool_cell, date_cell, spec, symbol_cell, time_cell};

/// Whether the next submission is in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DeadlineStatus {
    /// No submission is asked for.
    NotApplicable,
    /// Nothing was ever submitted.
    NotSubmitted,
    /// It is not late yet.
    OnTime,
    /// It is late.
    Overdue,
}

impl DeadlineStatus {
    /// Its name in the views.
    pub fn name(self) -> &'static str {
        match self {
            DeadlineStatus::NotApplicable => "not_applicable",
            DeadlineStatus::NotSubmitted => "not_submitted",
            DeadlineStatus::OnTime => "on_time",
            DeadlineStatus::Overdue => "overdue",
        }
    }

    /// Whether somebody has to ask for a submission.
    pub fn is_pending(self) -> bool {
        matches!(self, DeadlineStatus::NotSubmitted | DeadlineStatus::Overdue)
    }
}

/// A check, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarginStatus {
    /// What is known.
    pub check: Arc<MarginCheck>,
    /// Where it stands now.
    pub deadline: DeadlineStatus,
}

impl MarginStatus {
    /// Where it stands for those who ask managers: a submission that only a validation tells of is not asked for again.
    pub fn adjusted_deadline(&self) -> DeadlineStatus {
        if self.check.is_submitted_by_validation() { DeadlineStatus::NotApplicable } else { self.deadline }
    }
}

/// Where a check stands until its deadline passes. An exposure for which no period is known is late at once: somebody has
/// to say how often it asks.
pub fn until_due(check: &MarginCheck) -> DeadlineStatus {
    if !check.asks_for_submissions() {
        DeadlineStatus::NotApplicable
    } else if check.effective_date().is_none() {
        DeadlineStatus::NotSubmitted
    } else if check.due_date().is_none() {
        DeadlineStatus::Overdue
    } else {
        DeadlineStatus::OnTime
    }
}

/// The tick at which a check that is in time becomes late: the start of the day after, in UTC.
pub fn overdue_from(check: &MarginCheck) -> Option<Tick> {
    let is_waiting = until_due(check) == DeadlineStatus::OnTime;
    let midnight = Timestamp::start_of(check.due_date().add_days(1)).micros().filter(|_| is_waiting)?;
    Some(Tick::try_from(midnight).unwrap_or(0))
}

/// The days that are left until a date, below zero when it has passed.
pub fn days_left(due_date: Date, today: Date) -> Option<i32> {
    today.days_until(due_date)
}

/// Where each check stands, by fund.
pub fn follow<'scope>(checks: Collection<'scope, Arc<MarginCheck>>) -> Collection<'scope, (Key, MarginStatus)> {
    let status = |check: Arc<MarginCheck>, deadline| (fund_key(check.fund), MarginStatus { check, deadline });
    let waiting = checks.clone().flat_map(|check| overdue_from(&check).map(|due| (check, due)));
    let overdue = deadline(waiting, "margin deadlines");
    let until_then = checks.map(move |check| {
        let deadline = until_due(&check);
        status(check, deadline)
    });
    let no_longer = overdue.clone().map(move |check| status(check, DeadlineStatus::OnTime)).negate();
    until_then.concat(no_longer).concat(overdue.map(move |check| status(check, DeadlineStatus::Overdue)))
}

/// Registers `margin_status`.
pub fn register<'scope>(statuses: &Arranged<'scope, Key, MarginStatus>, views: &mut Views) {
    views.derived(view(), statuses, |_fund, group, rows| {
        rows.extend(group.iter().map(|(status, count)| (row(status), *count)));
    });
}

fn row(status: &MarginStatus) -> Row {
    let check = &status.check;
    Row::new([
        symbol_cell(check.fund),
        symbol_cell(check.origin),
        time_cell(check.submitted_at),
        symbol_cell(check.name),
        symbol_cell(check.fund_class),
        symbol_cell(check.manager),
        symbol_cell(check.investor_class),
        amount_cell(check.aum),
        symbol_cell(check.exposure),
        date_cell(check.validated_on),
        date_cell(check.effective_date()),
        amount_cell(check.local_margin),
        amount_cell(check.offshore_margin),
        amount_cell(check.margin()),
        check.period_days.map_or(Cell::Null, |days| Cell::Int(days.into())),
        date_cell(check.due_date()),
        Cell::text(status.deadline.name()),
        Cell::text(status.adjusted_deadline().name()),
        Cell::text(check.receipt().name()),
        Cell::Bool(check.is_exposed()),
        Cell::Bool(check.is_submitted()),
        Cell::Bool(check.is_submitted_by_validation()),
        bool_cell(check.is_valid),
        Cell::Bool(check.is_accepted),
    ])
}

fn view() -> ViewSpec {
    use ColumnKind::{Bool, Date, Int, Text, Time};
    let columns = [
        ("fund", Text),
        ("origin", Text),
        ("submitted_at", Time),
        ("name", Text),
        ("fund_class", Text),
        ("manager", Text),
        ("investor_class", Text),
        ("aum", AMOUNT),
        ("exposure", Text),
        ("validated_on", Date),
        ("effective_date", Date),
        ("local_margin", AMOUNT),
        ("offshore_margin", AMOUNT),
        ("margin", AMOUNT),
        ("period_days", Int),
        ("due_date", Date),
        ("deadline_status", Text),
        ("adjusted_deadline_status", Text),
        ("receipt_status", Text),
        ("is_exposed", Bool),
        ("is_submitted", Bool),
        ("is_submitted_by_validation", Bool),
        ("is_valid", Bool),
        ("is_accepted", Bool),
    ];
    spec("margin_status", "For each fund and exposure: the margin that is there, and whether it is late.", &columns, 3)
}

#[cfg(test)]
mod tests {
    use model::Symbol;

    use super::super::checks::Receipt;
    use super::*;

    fn date(text: &str) -> Date {
        if text.is_empty() { Date::NONE } else { Date::parse(text, "%Y-%m-%d").unwrap() }
    }

    /// A check of an exposure that asks for submissions.
    fn check(submitted: &str, validated: &str, period_days: Option<u16>) -> MarginCheck {
        MarginCheck {
            origin: Symbol::of("OTC SWAP"),
            exposure: Symbol::of("otc"),
            submitted_at: Timestamp::start_of(date(submitted)),
            validated_on: date(validated),
            period_days,
            ..MarginCheck::default()
        }
    }

    #[test]
    fn a_submission_is_due_a_period_after_the_last_and_late_the_day_after() {
        // Submitted, validated, period; due, status until then.
        let cases = [
            ("2025-12-03", "", Some(7), "2025-12-10", DeadlineStatus::OnTime),
            ("2025-12-03", "2025-12-05", Some(7), "2025-12-10", DeadlineStatus::OnTime),
            ("", "2025-12-05", Some(30), "2026-01-04", DeadlineStatus::OnTime),
            ("2025-12-03", "", None, "", DeadlineStatus::Overdue),
            ("", "", Some(7), "", DeadlineStatus::NotSubmitted),
        ];
        for (submitted, validated, period_days, due, status) in cases {
            let check = check(submitted, validated, period_days);
            assert_eq!((check.due_date(), until_due(&check)), (date(due), status), "{check:?}");
            let midnight = (!due.is_empty()).then(|| Timestamp::start_of(date(due).add_days(1)).0 as Tick);
            assert_eq!(overdue_from(&check), midnight, "{check:?}");
        }
        let other = MarginCheck { exposure: Symbol::NONE, ..check("2025-12-03", "", Some(7)) };
        assert_eq!((until_due(&other), overdue_from(&other)), (DeadlineStatus::NotApplicable, None));
        assert_eq!(days_left(date("2025-12-10"), date("2025-12-12")), Some(-2));
    }

    #[test]
    fn what_only_a_validation_tells_of_is_not_asked_for_again() {
        let status = |check| MarginStatus { check: Arc::new(check), deadline: DeadlineStatus::Overdue };
        assert_eq!(status(check("", "2025-01-01", Some(7))).adjusted_deadline(), DeadlineStatus::NotApplicable);
        assert_eq!(status(check("2025-01-01", "", Some(7))).adjusted_deadline(), DeadlineStatus::Overdue);
    }

    #[test]
    fn a_submission_is_received_and_validated_or_not() {
        let exposed = check("2025-12-03", "", Some(7));
        let unexposed = MarginCheck { origin: Symbol::NONE, exposure: Symbol::NONE, ..exposed.clone() };
        let cases = [
            (exposed.clone(), Receipt::ReceivedNotValidated),
            (MarginCheck { is_valid: Some(false), ..exposed.clone() }, Receipt::ReceivedNotValidated),
            (MarginCheck { is_valid: Some(true), ..exposed.clone() }, Receipt::ReceivedValidated),
            (MarginCheck { is_accepted: true, ..exposed }, Receipt::ReceivedValidated),
            (check("", "", Some(7)), Receipt::NotReceived),
            (check("", "2025-12-03", Some(7)), Receipt::ReceivedValidated),
            (MarginCheck { is_valid: Some(true), ..unexposed.clone() }, Receipt::NotApplicable),
            (MarginCheck { validated_on: date("2025-12-03"), ..unexposed }, Receipt::ReceivedValidated),
        ];
        for (check, receipt) in cases {
            assert_eq!(check.receipt(), receipt, "{check:?}");
        }
    }
}
