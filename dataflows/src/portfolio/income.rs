//! What portfolios earned without selling: the view `income`.

use engine::{Cell, ColumnKind, Row, Views};
use model::{Currency, Symbol};
use operators::shared::Shared;
use operators::sum_by::sum_by;
use operators::{Arranged, Sums};

use super::cash_flow_rules::FlowClass;
use super::ledger::BookedFlow;
use crate::table::{AMOUNT, currency_cell, number_cell, spec, symbol_cell};

/// A portfolio, a security, a year and a month, and a currency.
type Month = ((Symbol, Symbol), (i32, u8), Currency);

/// What the sums of a month count.
const INCOME: usize = 0;
const EXPENSES: usize = 1;
const BASE: usize = 2;
const TRANSACTIONS: usize = 4;
const WITHOUT_RATE: usize = 5;

/// A sum in base currency: nothing where a rate is not known, for it would be too small.
fn in_base_currency(sums: &Sums, part: usize) -> Cell {
    number_cell(Some(sums.0[BASE + part]).filter(|_| sums.0[WITHOUT_RATE] == 0))
}

/// Registers the view `income`: dividends and interest by month, and the expenses beside them.
pub fn register<'scope>(flows: &Shared<'scope, BookedFlow>, views: &mut Views) {
    let flows = flows.flat_map(|BookedFlow { flow, amount_base, .. }| {
        let (year, month, _) = flow.date.ymd()?;
        let part = match flow.class {
            FlowClass::Income => INCOME,
            FlowClass::Expense => EXPENSES,
            _ => return None,
        };
        let month = ((flow.portfolio, flow.security), (year, month), flow.currency);
        Some((month, part, flow.amount.scaled()?, *amount_base))
    });
    let months: Arranged<'scope, Month, (), Sums> = sum_by(flows, "income", |(month, part, amount, amount_base)| {
        let mut sums = Sums::of(*part, *amount);
        sums.0[BASE + *part] = amount_base.unwrap_or(0);
        sums.0[TRANSACTIONS] = 1;
        sums.0[WITHOUT_RATE] = i128::from(amount_base.is_none());
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
        ("income_base", AMOUNT),
        ("expenses_base", AMOUNT),
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
                Cell::fixed(sums.0[INCOME]),
                Cell::fixed(sums.0[EXPENSES]),
                in_base_currency(sums, INCOME),
                in_base_currency(sums, EXPENSES),
                Cell::Int(sums.0[TRANSACTIONS] as i64),
            ])
        },
    );
}
