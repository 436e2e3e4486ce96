//! The views of what is held and what came of it: positions, lots, disposals, and what could not be booked.

use engine::{Cell, ColumnKind, Row, Views};
use model::Amount;
use operators::shared::Shared;
use operators::sum_by::sum_by;
use operators::{Arranged, Collection, Sums, arrange};

use super::cost_basis::{Disposal, Money};
use super::ledger::{BookedFlow, Change, Disposed, Holding, LotChange, Refused};
use crate::table::{
    AMOUNT, QUANTITY, Sources, currency_cell, date_cell, name_cell, number_cell, spec, symbol_cell, time_cell,
};
use model::{Currency, Symbol, Timestamp};

/// A position: a security in a portfolio, the currency of its cost, and the base currency of the portfolio.
pub type Position = (Holding, Currency, Currency);

/// What the sums of a position count.
pub mod part {
    /// Units.
    pub const QUANTITY: usize = 0;
    /// Cost in local currency.
    pub const COST_LOCAL: usize = 1;
    /// Cost in base currency.
    pub const COST_BASE: usize = 2;
    /// Gains in local currency.
    pub const GAIN_LOCAL: usize = 3;
    /// Gains in base currency.
    pub const GAIN_BASE: usize = 4;
    /// Transactions that changed it.
    pub const TRANSACTIONS: usize = 5;
}

/// What each position holds, what it cost, and what was gained: sums of the changes.
pub fn positions<'scope>(changes: &Shared<'scope, Change>) -> Arranged<'scope, Position, (), Sums> {
    let sums = changes.weigh(|change| {
        let units = |quantity: model::Quantity| quantity.scaled().unwrap_or(0);
        let gain = change.gain.unwrap_or(Money::ZERO);
        let mut sums = Sums::of(part::QUANTITY, units(change.quantity) - units(change.quantity_before));
        sums.0[part::COST_LOCAL] = scaled(change.cost_change.local);
        sums.0[part::COST_BASE] = scaled(change.cost_change.base);
        sums.0[part::GAIN_LOCAL] = scaled(gain.local);
        sums.0[part::GAIN_BASE] = scaled(gain.base);
        sums.0[part::TRANSACTIONS] = 1;
        (((change.holding, change.currency, change.base_currency), ()), sums)
    });
    arrange(sums, "positions")
}

fn scaled(amount: Amount) -> i128 {
    amount.scaled().unwrap_or(0)
}

/// Registers the view `positions`.
pub fn register_positions<'scope>(positions: &Arranged<'scope, Position, (), Sums>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("currency", ColumnKind::Text),
        ("quantity", QUANTITY),
        ("cost_local", AMOUNT),
        ("cost_base", AMOUNT),
        ("realised_gain_local", AMOUNT),
        ("realised_gain_base", AMOUNT),
        ("transactions", ColumnKind::Int),
    ];
    let about =
        "What each portfolio holds, what it cost, and what was gained with it. A closed position stays, with no units.";
    views.sums(spec("positions", about, &columns, 3), positions, |((portfolio, security), currency, _base), sums| {
        Row::new([
            symbol_cell(*portfolio),
            symbol_cell(*security),
            currency_cell(*currency),
            Cell::fixed(sums.0[part::QUANTITY]),
            Cell::fixed(sums.0[part::COST_LOCAL]),
            Cell::fixed(sums.0[part::COST_BASE]),
            Cell::fixed(sums.0[part::GAIN_LOCAL]),
            Cell::fixed(sums.0[part::GAIN_BASE]),
            Cell::Int(sums.0[part::TRANSACTIONS] as i64),
        ])
    });
}

/// A lot: its holding, its currency, the transaction that opened it and when.
type LotOf = (Holding, Currency, Symbol, Timestamp);

/// Registers the view `lots`: those that are open.
pub fn register_lots<'scope>(changes: Collection<'scope, LotChange>, views: &mut Views) {
    let lots: Arranged<'scope, LotOf, (), Sums> = sum_by(changes, "lots", |change| {
        let mut sums = Sums::of(part::QUANTITY, change.quantity);
        (sums.0[part::COST_LOCAL], sums.0[part::COST_BASE]) = change.cost;
        ((change.holding, change.currency, change.lot, change.opened), sums)
    });
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("lot", ColumnKind::Text),
        ("opened", ColumnKind::Time),
        ("currency", ColumnKind::Text),
        ("quantity", QUANTITY),
        ("cost_local", AMOUNT),
        ("cost_base", AMOUNT),
    ];
    let about = "The open lots, each by the transaction that opened it. Below zero: units that are owed.";
    views.sums(spec("lots", about, &columns, 4), &lots, |((portfolio, security), currency, lot, opened), sums| {
        Row::new([
            symbol_cell(*portfolio),
            symbol_cell(*security),
            symbol_cell(*lot),
            time_cell(*opened),
            currency_cell(*currency),
            Cell::fixed(sums.0[part::QUANTITY]),
            Cell::fixed(sums.0[part::COST_LOCAL]),
            Cell::fixed(sums.0[part::COST_BASE]),
        ])
    });
}

/// Registers the view `disposals`.
pub fn register_disposals<'scope>(disposals: Collection<'scope, Disposed>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("transaction", ColumnKind::Text),
        ("lot", ColumnKind::Text),
        ("opened", ColumnKind::Time),
        ("date", ColumnKind::Date),
        ("currency", ColumnKind::Text),
        ("quantity", QUANTITY),
        ("cost_local", AMOUNT),
        ("cost_base", AMOUNT),
        ("proceeds_local", AMOUNT),
        ("proceeds_base", AMOUNT),
        ("gain_local", AMOUNT),
        ("gain_base", AMOUNT),
    ];
    let about = "The lots, and parts of lots, that were relieved, and what was gained.";
    let rows = disposals.map(|Disposed { holding, transaction, date, currency, disposal }| {
        let Disposal { lot, opened, quantity, cost, proceeds, gain } = disposal;
        let money = |money: Option<Money>| [money.map(|money| money.local), money.map(|money| money.base)];
        let mut cells = vec![
            symbol_cell(holding.0),
            symbol_cell(holding.1),
            symbol_cell(transaction),
            symbol_cell(lot),
            time_cell(opened),
            date_cell(date),
            currency_cell(currency),
            number_cell(quantity.scaled()),
        ];
        let amounts = [money(Some(cost)), money(proceeds), money(gain)].concat();
        cells.extend(amounts.into_iter().map(|amount| number_cell(amount.and_then(Amount::scaled))));
        Row::new(cells)
    });
    views.rows(spec("disposals", about, &columns, 5), rows);
}

/// Registers the view `refused_transactions`.
pub fn register_refusals<'scope>(refusals: Collection<'scope, Refused>, sources: &[String], views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("source", ColumnKind::Text),
        ("transaction", ColumnKind::Text),
        ("transaction_type", ColumnKind::Text),
        ("trade_date", ColumnKind::Date),
        ("quantity", QUANTITY),
        ("what", ColumnKind::Text),
        ("help", ColumnKind::Text),
    ];
    let about = "The transactions that could not be booked, why, and what to do. One goes when what was missing comes.";
    let sources = Sources::new(sources);
    let rows = refusals.map(move |Refused { transaction, refusal }| {
        Row::new([
            symbol_cell(transaction.portfolio),
            symbol_cell(transaction.security),
            sources.cell(transaction.source),
            symbol_cell(transaction.id),
            Cell::text(transaction.transaction_type.code()),
            date_cell(transaction.trade_date),
            number_cell(transaction.quantity.scaled()),
            Cell::text(refusal.to_string()),
            Cell::text(refusal.help()),
        ])
    });
    views.rows(spec("refused_transactions", about, &columns, 4), rows);
}

/// Registers the view `cashflows`.
pub fn register_cash_flows<'scope>(flows: &Shared<'scope, BookedFlow>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("transaction", ColumnKind::Text),
        ("date", ColumnKind::Date),
        ("class", ColumnKind::Text),
        ("timing", ColumnKind::Text),
        ("currency", ColumnKind::Text),
        ("amount", AMOUNT),
        ("amount_base", AMOUNT),
        ("is_position_flow", ColumnKind::Bool),
        ("is_portfolio_flow", ColumnKind::Bool),
    ];
    let about = "The cash that each transaction moved: above zero where it came in.";
    let rows = flows.map(|BookedFlow { flow, amount_base, .. }| {
        Row::new([
            symbol_cell(flow.portfolio),
            symbol_cell(flow.security),
            symbol_cell(flow.transaction),
            date_cell(flow.date),
            name_cell(&flow.class),
            name_cell(&flow.timing),
            currency_cell(flow.currency),
            number_cell(flow.amount.scaled()),
            number_cell(*amount_base),
            Cell::Bool(flow.is_position_flow),
            Cell::Bool(flow.is_portfolio_flow),
        ])
    });
    views.rows(spec("cashflows", about, &columns, 3), rows);
}
