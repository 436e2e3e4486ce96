//! What portfolios earned without selling: the view `income`.

use engine::{Cell, ColumnKind, Row, Views};
use model::{Currency, Symbol};
use operators::sum_by::sum_by;
use operators::{Arranged, Collection, Sums};

use super::cash_flow_rules::FlowClass;
use super::ledger::Booked;
use super::table::{AMOUNT, currency_cell, spec, symbol_cell};

/// A portfolio, a security, a year and a month, and a currency.
type Month = ((Symbol, Symbol), (i32, u8), Currency);

/// Registers the view `income`: dividends and interest by month, and the expenses beside them.
pub fn register<'scope>(booked: Collection<'scope, Booked>, views: &mut Views) {
    let flows = booked.flat_map(|booked| match booked {
        Booked::Flow { flow, .. } => {
            let (year, month, _) = flow.date.ymd()?;
            let part = match flow.class {
                FlowClass::Income => 0,
                FlowClass::Expense => 1,
                _ => return None,
            };
            Some((((flow.portfolio, flow.security), (year, month), flow.currency), part, flow.amount.scaled()?))
        }
        _ => None,
    });
    let months: Arranged<'scope, Month, (), Sums> = sum_by(flows, "income", |(month, part, amount)| {
        let mut sums = Sums::of(*part, *amount);
        sums.0[2] = 1;
        (*month, sums)
    });
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("year", ColumnKind::Int),
        ("month", ColumnKind::Int),
        ("currency", ColumnKind::Text),
        ("income", AMOUNT),
        ("expenses", AMOUNT),
        ("transactions", ColumnKind::Int),
    ];
    let about = "Dividends and interest by month, as they were paid, and below zero the fees and taxes beside them.";
    views.sums(
        spec("income", about, &columns, 5),
        &months,
        |((portfolio, security), (year, month), currency), sums| {
            Row::new([
                symbol_cell(*portfolio),
                symbol_cell(*security),
                Cell::Int((*year).into()),
                Cell::Int((*month).into()),
                currency_cell(*currency),
                Cell::fixed(sums.0[0]),
                Cell::fixed(sums.0[1]),
                Cell::Int(sums.0[2] as i64),
            ])
        },
    );
}
