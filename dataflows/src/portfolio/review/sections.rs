//! The sections of a review, in their order. A new one is a new entry.

use engine::{Cell, ColumnKind};
use model::Date;

use super::table::{Measure, MissingColumn, Order, Table};
use super::{Reads, Section, days_of};
use crate::portfolio::performance::periods::Period;
use crate::table::{AMOUNT, RATIO, date_cell, number_cell};

/// All sections.
#[rustfmt::skip]
pub const SECTIONS: [Section; 13] = [
    Section { name: "overview", make: overview, is_one_row: true,
        views: &["valuations", "positions", "performance", "income", "portfolios", "refused_transactions"],
        about: "What the portfolio is worth and what it gained, in base currency; returns after fees." },
    Section { name: "allocation", make: allocation, is_one_row: false, views: &["valuations"],
        about: "What it is invested in. The weights of a dimension add up to one; what is not valued has none." },
    Section { name: "performance", make: performance, is_one_row: false, views: &["performance"],
        about: "What it returned over each period, weighted by time, before and after fees, and by money." },
    Section { name: "risk", make: risk, is_one_row: false, views: &["risk"],
        about: "How far its returns swing, and what it may lose." },
    Section { name: "concentration", make: concentration, is_one_row: false, views: &["concentration"],
        about: "How much of it is in one security, issuer or ultimate parent; weights of the gross value." },
    Section { name: "income", make: income, is_one_row: false, views: &["income"],
        about: "Dividends and interest by month and security, and below zero the fees and taxes beside them." },
    Section { name: "activity", make: activity, is_one_row: false, views: &["transactions"],
        about: "How many transactions of each type there were in the month and in the quarter so far." },
    Section { name: "flows", make: flows, is_one_row: false, views: &["cashflows"],
        about: "The cash that moved in the month and in the quarter so far, by class." },
    Section { name: "holdings", make: holdings, is_one_row: false, views: &["valuations"],
        about: "Every open position, by asset class; its weight is its share in the value of all." },
    Section { name: "cost", make: cost, is_one_row: false, views: &["positions"],
        about: "What every position holds and cost, and what was gained with it; those that are closed, too." },
    Section { name: "realised_gains", make: realised_gains, is_one_row: false, views: &["disposals"],
        about: "The lots, and parts of lots, that were relieved, and what was gained." },
    Section { name: "transactions", make: transactions, is_one_row: false, views: &["transactions"],
        about: "Every transaction, as its source tells it." },
    Section { name: "refused_transactions", make: refused, is_one_row: false, views: &["refused_transactions"],
        about: "The transactions that could not be booked, why, and what to do." },
];

/// The periods whose returns the overview shows, as the view `performance` names them.
const OVERVIEW_PERIODS: [(&str, &str); 3] = [("mtd", "return_mtd"), ("ytd", "return_ytd"), ("si", "return_si")];

fn overview(reads: &Reads) -> Result<Table, MissingColumn> {
    let [valuations, positions, income, portfolios, refused] =
        ["valuations", "positions", "income", "portfolios", "refused_transactions"].map(|view| reads.table(view));
    let base_currency = match valuations.first("base_currency")? {
        Cell::Null => portfolios.first("base_currency")?,
        known => known,
    };
    let value = valuations.known("value_base")?;
    let unrealised = valuations.known("unrealised_gain_base")?;
    let realised = positions.total("realised_gain_base")?;
    let mut row = vec![
        ("portfolio", ColumnKind::Text, Cell::text(&reads.portfolio)),
        ("name", ColumnKind::Text, portfolios.first("name")?),
        ("mandate", ColumnKind::Text, portfolios.first("mandate")?),
        ("manager", ColumnKind::Text, portfolios.first("manager")?),
        ("benchmark", ColumnKind::Text, portfolios.first("benchmark")?),
        ("valuation_date", ColumnKind::Date, date_cell(reads.valuation_date)),
        ("base_currency", ColumnKind::Text, base_currency),
        ("value", AMOUNT, number_cell(value)),
        ("cost", AMOUNT, number_cell(valuations.total("cost_base")?)),
        ("realised_gain", AMOUNT, number_cell(realised)),
        ("unrealised_gain", AMOUNT, number_cell(unrealised)),
        (
            "profit_and_loss",
            AMOUNT,
            number_cell(realised.zip(unrealised).and_then(|(one, other)| one.checked_add(other))),
        ),
        ("income", AMOUNT, number_cell(income.total("income_base")?)),
        ("expenses", AMOUNT, number_cell(income.total("expenses_base")?)),
    ];
    let returns = reads.table("performance");
    for (period, name) in OVERVIEW_PERIODS {
        let of_period = returns.only("period", |cell| *cell == Cell::text(period))?;
        row.push((name, RATIO, of_period.first("time_weighted_net")?));
    }
    let count = |rows: usize| Cell::Int(rows as i64);
    row.extend([
        ("positions", ColumnKind::Int, count(valuations.rows.len())),
        ("positions_unvalued", ColumnKind::Int, count(valuations.missing("value_base")?)),
        ("refused_transactions", ColumnKind::Int, count(refused.rows.len())),
    ]);
    let columns: Vec<_> = row.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    let cells = row.into_iter().map(|(.., cell)| cell).collect();
    Ok(Table { rows: vec![cells], ..Table::empty(&columns) })
}

/// By what the allocation is told, and the column of `valuations` that says it.
const DIMENSIONS: [(&str, &str); 8] = [
    ("asset_class", "asset_class"),
    ("product", "product"),
    ("currency", "currency"),
    ("sector", "sector"),
    ("country", "country"),
    ("rating", "rating"),
    ("issuer", "issuer"),
    ("maturity", MATURITY),
];

const MATURITY: &str = "maturity";

fn allocation(reads: &Reads) -> Result<Table, MissingColumn> {
    let as_of = reads.valuation_date;
    let valuations = reads.table("valuations").with(MATURITY, ColumnKind::Text, "maturity_date", |cell| {
        days_of(cell).map_or(Cell::Null, |day| Cell::text(maturity_bucket(as_of, day)))
    })?;
    let measures = [
        ("value_base", Measure::Sum("value_base")),
        ("positions", Measure::Count),
        ("positions_unvalued", Measure::CountMissing("value_base")),
    ];
    let mut allocation: Option<Table> = None;
    for (dimension, column) in DIMENSIONS {
        let order = if column == MATURITY { Order::Up(column) } else { Order::Down("value_base") };
        let mut table = valuations
            .group(&[column], &measures)?
            .weighed("value_base", "weight")?
            .sorted(&[order])?
            .with("dimension", ColumnKind::Text, column, |_| Cell::text(dimension))?;
        let bucket = table.place(column)?;
        table.columns[bucket].name = "bucket".to_owned();
        let table =
            table.select(&["dimension", "bucket", "value_base", "weight", "positions", "positions_unvalued"])?;
        allocation = Some(match allocation {
            Some(before) => before.and(table),
            None => table,
        });
    }
    Ok(allocation.unwrap_or_else(|| Table::empty(&[])))
}

/// How long it is until a day, as a bucket: in its order as a text. A year has 365.25 days here.
fn maturity_bucket(as_of: Date, day: i32) -> &'static str {
    const BUCKETS: [(i64, &str); 5] =
        [(1, "0-1 years"), (3, "1-3 years"), (5, "3-5 years"), (7, "5-7 years"), (10, "7-10 years")];
    let days = i64::from(day) - i64::from(as_of.0);
    if days < 0 {
        return "past";
    }
    let bucket = BUCKETS.iter().find(|(years, _)| days * 4 <= years * 1461);
    bucket.map_or("over 10 years", |(_, name)| name)
}

fn performance(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("performance").without("portfolio")?.sorted(&[Order::Down("from")])
}

fn risk(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("risk").without("portfolio")
}

fn concentration(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("concentration").without("portfolio")
}

fn income(reads: &Reads) -> Result<Table, MissingColumn> {
    let months = reads.table("income").without("portfolio")?;
    months
        .select(&[
            "year",
            "month",
            "security",
            "currency",
            "income",
            "expenses",
            "income_base",
            "expenses_base",
            "transactions",
        ])?
        .sorted(&[Order::Up("year"), Order::Up("month"), Order::Up("security")])
}

/// The periods of which activity is told.
const ACTIVE_PERIODS: [(&str, Period); 2] = [("month", Period::MonthToDate), ("quarter", Period::QuarterToDate)];

/// The rows within each period, by a column of dates, grouped.
fn by_period(
    table: &Table,
    date: &str,
    as_of: Date,
    by: &[&str],
    measures: &[(&str, Measure)],
) -> Result<Table, MissingColumn> {
    let mut all: Option<Table> = None;
    for (name, period) in ACTIVE_PERIODS {
        let Some(range) = Date::from_ymd(1, 1, 1).and_then(|first| period.range(as_of, first)) else { continue };
        let is_within = |cell: &Cell| days_of(cell).is_some_and(|day| (range.from.0..=range.to.0).contains(&day));
        let within = table
            .only(date, is_within)?
            .with("period", ColumnKind::Text, date, |_| Cell::text(name))?
            .with("from", ColumnKind::Date, date, |_| date_cell(range.from))?
            .with("to", ColumnKind::Date, date, |_| date_cell(range.to))?
            .group(&[&["period", "from", "to"], by].concat(), measures)?;
        all = Some(match all {
            Some(before) => before.and(within),
            None => within,
        });
    }
    Ok(all.unwrap_or_else(|| Table::empty(&[])))
}

fn activity(reads: &Reads) -> Result<Table, MissingColumn> {
    let measures = [
        ("transactions", Measure::Count),
        ("gross_amount", Measure::Sum("gross_amount")),
        ("fees", Measure::Sum("fees")),
    ];
    by_period(&reads.table("transactions"), "trade_date", reads.valuation_date, &["type", "currency"], &measures)
}

fn flows(reads: &Reads) -> Result<Table, MissingColumn> {
    let measures = [
        ("flows", Measure::Count),
        ("amount", Measure::Sum("amount")),
        ("amount_base", Measure::Sum("amount_base")),
        ("flows_without_rate", Measure::CountMissing("amount_base")),
    ];
    let by = ["class", "is_portfolio_flow", "currency"];
    by_period(&reads.table("cashflows"), "date", reads.valuation_date, &by, &measures)
}

#[rustfmt::skip]
const HOLDING_COLUMNS: [&str; 22] = [
    "asset_class", "security", "name", "product", "status", "quantity", "currency", "price", "price_date", "value_local",
    "fx_rate", "value_base", "weight", "cost_base", "unrealised_gain_base", "sector", "country", "rating", "issuer",
    "ultimate_parent", "counterparty", "maturity_date",
];

fn holdings(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("valuations").weighed("value_base", "weight")?.select(&HOLDING_COLUMNS)?.sorted(&[
        Order::Up("asset_class"),
        Order::Down("value_base"),
        Order::Up("security"),
    ])
}

fn cost(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("positions").without("portfolio")?.sorted(&[Order::Up("security")])
}

fn realised_gains(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("disposals").without("portfolio")?.sorted(&[Order::Up("date"), Order::Up("security")])
}

fn transactions(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("transactions").without("portfolio")?.sorted(&[Order::Up("trade_date"), Order::Up("id")])
}

fn refused(reads: &Reads) -> Result<Table, MissingColumn> {
    reads.table("refused_transactions").without("portfolio")?.sorted(&[Order::Up("trade_date")])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_section_has_its_own_name_and_reads_something() {
        let names: BTreeSet<&str> = SECTIONS.iter().map(|section| section.name).collect();
        assert_eq!(names.len(), SECTIONS.len());
        // Excel takes no longer names of sheets.
        assert!(SECTIONS.iter().all(|section| !section.views.is_empty() && section.name.len() <= 31));
    }

    #[test]
    fn maturities_are_in_buckets_that_sort_by_their_names() {
        let as_of = Date::from_ymd(2026, 11, 26).unwrap();
        let bucket = |days: i32| maturity_bucket(as_of, as_of.0 + days);
        let cases = [
            (-1, "past"),
            (0, "0-1 years"),
            (365, "0-1 years"),
            (366, "1-3 years"),
            (1095, "1-3 years"),
            (1096, "3-5 years"),
            (1826, "3-5 years"),
            (1827, "5-7 years"),
            (3652, "7-10 years"),
            (3653, "over 10 years"),
        ];
        for (days, expected) in cases {
            assert_eq!(bucket(days), expected, "{days}");
        }
        let names: Vec<&str> = cases[1..].iter().map(|case| case.1).collect();
        assert!(names.is_sorted());
    }
}
