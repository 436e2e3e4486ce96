//! Assets under management month by month: the last day that is known of each month, beside the last margin that was
//! submitted in it.

use engine::{ColumnKind, Key, Row, ViewSpec, Views};
use model::{Amount, Date, FundAumDay, MarginSubmission, Record, Symbol, Timestamp};
use operators::derive::derive_rows;
use operators::group::Group;
use operators::lookup::lookup_left;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use super::checks::aum_of;
use super::fund_key;
use super::tables::month_of;
use crate::table::{AMOUNT, amount_cell, date_cell, spec, symbol_cell, time_cell};

/// What a fund was worth at the end of a month.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MonthEnd {
    /// The fund.
    pub fund: Symbol,
    /// The last day of the month that is known.
    pub aum_date: Date,
    /// At the start of that day.
    pub opening_aum: Amount,
    /// At the end of that day.
    pub closing_aum: Amount,
    /// The number that the source gave to the row.
    pub load_id: Symbol,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// The margin that was last submitted in the month, at home and abroad, each without its sign; not known where none
    /// was submitted.
    pub margin: Amount,
}

/// A fund as it is called now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Fund {
    id: Symbol,
    name: Symbol,
    fund_class: Symbol,
}

/// The end of a month, from all days and submissions of a fund in it. The last day counts as it was last loaded; so does the
/// last submission, in whichever batch it is.
pub fn month_end<'a>(records: impl Iterator<Item = &'a Record>) -> Option<MonthEnd> {
    let mut day: Option<&FundAumDay> = None;
    let mut submission: Option<&MarginSubmission> = None;
    let order = |own: &FundAumDay| (own.aum_date, own.loaded_at, own.source);
    let order_of_submission = |own: &MarginSubmission| (own.submitted_at, own.loaded_at, own.source);
    for record in records {
        match record {
            Record::FundAumDay(own) if day.is_none_or(|last| order(own) > order(last)) => day = Some(own),
            Record::MarginSubmission(own)
                if submission.is_none_or(|last| order_of_submission(own) > order_of_submission(last)) =>
            {
                submission = Some(own);
            }
            _ => {}
        }
    }
    let day = day?;
    Some(MonthEnd {
        fund: day.fund,
        aum_date: day.aum_date,
        opening_aum: day.opening_aum,
        closing_aum: day.closing_aum,
        load_id: day.load_id,
        loaded_at: day.loaded_at,
        margin: submission.map_or(Amount::NONE, size),
    })
}

/// The margin at home and abroad, each without its sign; what is not known counts nothing.
fn size(submission: &MarginSubmission) -> Amount {
    let known = [submission.local_margin, submission.offshore_margin].into_iter().filter_map(Amount::scaled);
    Amount::from_scaled(known.map(i128::saturating_abs).fold(0, i128::saturating_add))
}

/// The fund and the month that a day or a submission belongs to.
fn month_key(record: &Record) -> Option<Key> {
    let (fund, date) = match record {
        Record::FundAumDay(day) => (day.fund, day.aum_date),
        Record::MarginSubmission(submission) => (submission.fund, submission.submitted_at.date()),
        _ => return None,
    };
    (!date.is_none()).then(|| Key::of(&(fund, month_of(date))))
}

/// Registers `aum_history`: the months of the funds of the latest batch, and one row without a month for a fund that has
/// none.
pub fn register<'scope>(
    by_fund: &Arranged<'scope, Key, Record>,
    records: &Arranged<'scope, Key, Record>,
    views: &mut Views,
) {
    let by_month = records.clone().flat_map_ref(|_id, record| month_key(record).map(|month| (month, record.clone())));
    let by_month = arrange(by_month, "months of funds");
    let ends = derive_rows(&by_month, "month ends", |_month, group, out| {
        if let Some(end) = month_end(group.iter().map(|(record, _)| *record)) {
            out.row((fund_key(end.fund), end));
        }
    });
    let rows = lookup_left(
        &arrange(funds(by_fund), "funds by name"),
        &arrange(ends, "month ends"),
        "months of the funds",
        |_key, fund, end| row(fund, end),
    );
    views.rows(view(), rows);
}

fn funds<'scope>(by_fund: &Arranged<'scope, Key, Record>) -> Collection<'scope, (Key, Fund)> {
    derive_rows(by_fund, "names of funds", |key, group: Group<'_, '_, _, _>, out| {
        if let Some(aum) = aum_of(group) {
            out.row((*key, Fund { id: aum.fund, name: aum.name, fund_class: aum.fund_class }));
        }
    })
}

fn row(fund: &Fund, end: Option<&MonthEnd>) -> Row {
    let amount = |of: fn(&MonthEnd) -> Amount| amount_cell(end.map_or(Amount::NONE, of));
    let date = end.map_or(Date::NONE, |end| end.aum_date);
    Row::new([
        symbol_cell(fund.id),
        date_cell(month_of(date)),
        symbol_cell(fund.name),
        symbol_cell(fund.fund_class),
        date_cell(date),
        amount(|end| end.opening_aum),
        amount(|end| end.closing_aum),
        amount(|end| end.margin),
        symbol_cell(end.map_or(Symbol::NONE, |end| end.load_id)),
        time_cell(end.map_or(Timestamp::NONE, |end| end.loaded_at)),
    ])
}

fn view() -> ViewSpec {
    use ColumnKind::{Date, Text, Time};
    let columns = [
        ("fund", Text),
        ("month", Date),
        ("name", Text),
        ("fund_class", Text),
        ("aum_date", Date),
        ("opening_aum", AMOUNT),
        ("closing_aum", AMOUNT),
        ("margin", AMOUNT),
        ("load_id", Text),
        ("loaded_at", Time),
    ];
    spec(
        "aum_history",
        "Assets under management at the end of each month, beside the last margin of the month.",
        &columns,
        2,
    )
}
