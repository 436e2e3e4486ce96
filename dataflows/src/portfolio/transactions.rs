//! The views of what the books are kept from: `transactions`, `instruments`, `portfolios` and `limits`, as their sources tell
//! them now.
//!
//! They are derived from the records themselves when somebody looks, so they hold nothing of their own.

use engine::{Cell, ColumnKind, Key, Row, Rows, Views};
use model::{Instrument, Limit, Portfolio, Record, Transaction};
use operators::Arranged;

use crate::table::{
    AMOUNT, PRICE, QUANTITY, RATE, Sources, currency_cell, date_cell, number_cell, spec, symbol_cell, time_cell,
};

/// Registers the views, those of [`observations`](super::observations) with them.
pub fn register<'scope>(records: &Arranged<'scope, Key, Record>, sources: &[String], views: &mut Views) {
    let sources = Sources::new(sources);
    let about = "Every transaction as its source tells it now, whether it could be booked or not.";
    let own = sources.clone();
    register_kind(records, views, ("transactions", about, &TRANSACTION_COLUMNS, 2), move |record| match record {
        Record::Transaction(transaction) => Some(transaction_row(transaction, own.cell(transaction.source))),
        _ => None,
    });
    let about = "Every instrument as its source tells it now.";
    let own = sources.clone();
    register_kind(records, views, ("instruments", about, &INSTRUMENT_COLUMNS, 2), move |record| match record {
        Record::Instrument(instrument) => Some(instrument_row(instrument, own.cell(instrument.source))),
        _ => None,
    });
    let about = "Every portfolio as its source tells it now.";
    let own = sources.clone();
    register_kind(records, views, ("portfolios", about, &PORTFOLIO_COLUMNS, 2), move |record| match record {
        Record::Portfolio(portfolio) => Some(portfolio_row(portfolio, own.cell(portfolio.source))),
        _ => None,
    });
    let about = "Every limit as its source tells it now, whether it makes sense or not.";
    let own = sources.clone();
    register_kind(records, views, ("limits", about, &LIMIT_COLUMNS, 2), move |record| match record {
        Record::Limit(limit) => Some(limit_row(limit, own.cell(limit.source))),
        _ => None,
    });
    super::observations::register(records, &sources, views);
}

/// Registers a view of the records for which there is a row.
pub(super) fn register_kind<'scope>(
    records: &Arranged<'scope, Key, Record>,
    views: &mut Views,
    (name, about, columns, key): (&str, &str, &[(&str, ColumnKind)], usize),
    row: impl Fn(&Record) -> Option<Row> + 'static,
) {
    views.derived(spec(name, about, columns, key), records, move |_id, group, rows: &mut Rows| {
        rows.extend(group.iter().filter_map(|(record, count)| Some((row(record)?, *count))));
    });
}

const TRANSACTION_COLUMNS: [(&str, ColumnKind); 21] = [
    ("source", ColumnKind::Text),
    ("id", ColumnKind::Text),
    ("portfolio", ColumnKind::Text),
    ("security", ColumnKind::Text),
    ("type", ColumnKind::Text),
    ("side", ColumnKind::Text),
    ("trade_date", ColumnKind::Date),
    ("settlement_date", ColumnKind::Date),
    ("execution_time", ColumnKind::Time),
    ("quantity", QUANTITY),
    ("price", PRICE),
    ("currency", ColumnKind::Text),
    ("gross_amount", AMOUNT),
    ("fees", AMOUNT),
    ("accrued_interest", AMOUNT),
    ("fx_to_base", RATE),
    ("other_security", ColumnKind::Text),
    ("ratio_new", QUANTITY),
    ("ratio_old", QUANTITY),
    ("event", ColumnKind::Text),
    ("effective_date", ColumnKind::Date),
];

fn transaction_row(transaction: &Transaction, source: Cell) -> Row {
    let detail = transaction.detail.as_deref();
    let of_detail = |cell: fn(&model::TransactionDetail) -> Cell| detail.map_or(Cell::Null, cell);
    Row::new([
        source,
        symbol_cell(transaction.id),
        symbol_cell(transaction.portfolio),
        symbol_cell(transaction.security),
        Cell::text(transaction.transaction_type.code()),
        match transaction.side {
            model::Side::Unknown => Cell::Null,
            side => Cell::text(side.to_string()),
        },
        date_cell(transaction.trade_date),
        date_cell(transaction.settlement_date),
        time_cell(transaction.execution_time),
        number_cell(transaction.quantity.scaled()),
        number_cell(transaction.price.scaled()),
        currency_cell(transaction.currency),
        number_cell(transaction.gross_amount.scaled()),
        number_cell(transaction.fees.scaled()),
        of_detail(|detail| number_cell(detail.accrued_interest.scaled())),
        number_cell(transaction.fx_to_base.scaled()),
        of_detail(|detail| symbol_cell(detail.other_security)),
        of_detail(|detail| number_cell(detail.ratio.new.scaled())),
        of_detail(|detail| number_cell(detail.ratio.old.scaled())),
        of_detail(|detail| symbol_cell(detail.event)),
        date_cell(transaction.effective_time().date()),
    ])
}

const INSTRUMENT_COLUMNS: [(&str, ColumnKind); 16] = [
    ("source", ColumnKind::Text),
    ("id", ColumnKind::Text),
    ("name", ColumnKind::Text),
    ("product", ColumnKind::Text),
    ("currency", ColumnKind::Text),
    ("asset_class", ColumnKind::Text),
    ("sector", ColumnKind::Text),
    ("country", ColumnKind::Text),
    ("rating", ColumnKind::Text),
    ("issuer", ColumnKind::Text),
    ("ultimate_parent", ColumnKind::Text),
    ("counterparty", ColumnKind::Text),
    ("isin", ColumnKind::Text),
    ("multiplier", QUANTITY),
    ("tick_size", PRICE),
    ("maturity_date", ColumnKind::Date),
];

fn instrument_row(instrument: &Instrument, source: Cell) -> Row {
    let mut cells = vec![source, symbol_cell(instrument.id)];
    cells.extend([symbol_cell(instrument.name), product_cell(instrument), currency_cell(instrument.currency)]);
    cells.extend(classes(Some(instrument)));
    cells.extend([
        symbol_cell(instrument.isin),
        number_cell(instrument.multiplier.scaled()),
        number_cell(instrument.tick_size.scaled()),
        date_cell(instrument.maturity_date),
    ]);
    Row::new(cells)
}

/// The columns by which instruments are classed, in the order of [`classes`].
pub const CLASS_COLUMNS: [&str; 7] =
    ["asset_class", "sector", "country", "rating", "issuer", "ultimate_parent", "counterparty"];

/// How an instrument is classed.
pub fn classes(instrument: Option<&Instrument>) -> [Cell; CLASS_COLUMNS.len()] {
    let Some(instrument) = instrument else { return [const { Cell::Null }; CLASS_COLUMNS.len()] };
    let Instrument { asset_class, sector, country, rating, issuer, ultimate_parent, counterparty, .. } = *instrument;
    [asset_class, sector, country, rating, issuer, ultimate_parent, counterparty].map(symbol_cell)
}

/// What kind of instrument it is.
pub fn product_cell(instrument: &Instrument) -> Cell {
    match instrument.product {
        model::Product::Unknown => Cell::Null,
        product => Cell::text(product.code()),
    }
}

const PORTFOLIO_COLUMNS: [(&str, ColumnKind); 11] = [
    ("source", ColumnKind::Text),
    ("id", ColumnKind::Text),
    ("name", ColumnKind::Text),
    ("base_currency", ColumnKind::Text),
    ("mandate", ColumnKind::Text),
    ("manager", ColumnKind::Text),
    ("fund", ColumnKind::Text),
    ("benchmark", ColumnKind::Text),
    ("cost_method", ColumnKind::Text),
    ("oversell", ColumnKind::Text),
    ("inception_date", ColumnKind::Date),
];

fn portfolio_row(portfolio: &Portfolio, source: Cell) -> Row {
    Row::new([
        source,
        symbol_cell(portfolio.id),
        symbol_cell(portfolio.name),
        currency_cell(portfolio.base_currency),
        symbol_cell(portfolio.mandate),
        symbol_cell(portfolio.manager),
        symbol_cell(portfolio.fund),
        symbol_cell(portfolio.benchmark),
        portfolio.cost_method.map_or(Cell::Null, |method| Cell::text(method.name())),
        portfolio.oversell.map_or(Cell::Null, |policy| Cell::text(policy.name())),
        date_cell(portfolio.inception_date),
    ])
}

const LIMIT_COLUMNS: [(&str, ColumnKind); 14] = [
    ("source", ColumnKind::Text),
    ("id", ColumnKind::Text),
    ("name", ColumnKind::Text),
    ("scope", ColumnKind::Text),
    ("portfolio", ColumnKind::Text),
    ("dimension", ColumnKind::Text),
    ("group", ColumnKind::Text),
    ("measure", ColumnKind::Text),
    ("scenario", ColumnKind::Text),
    ("currency", ColumnKind::Text),
    ("warning_level", AMOUNT),
    ("breach_level", AMOUNT),
    ("valid_from", ColumnKind::Date),
    ("valid_to", ColumnKind::Date),
];

fn limit_row(limit: &Limit, source: Cell) -> Row {
    let code_cell = |code: &'static str| if code.is_empty() { Cell::Null } else { Cell::text(code) };
    Row::new([
        source,
        symbol_cell(limit.id),
        symbol_cell(limit.name),
        code_cell(limit.scope.code()),
        symbol_cell(limit.portfolio),
        code_cell(limit.dimension.code()),
        symbol_cell(limit.group),
        code_cell(limit.measure.code()),
        symbol_cell(limit.scenario),
        currency_cell(limit.currency),
        number_cell(limit.warning_level.scaled()),
        number_cell(limit.breach_level.scaled()),
        date_cell(limit.valid_from),
        date_cell(limit.valid_to),
    ])
}
