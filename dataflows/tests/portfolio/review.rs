//! The review of a portfolio, from the views of an engine.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::portfolio::review::{Reads, SECTIONS, Table, portfolio_column};
use engine::row::Shown;
use engine::{Cell, Column, ColumnKind, NoTexts, Row};
use model::{Date, Instrument, Portfolio, Record, Symbol, TransactionType as T};

use crate::desk;
use crate::kit::{Desk, put_all};
use crate::records::{date, fx_rate, instrument, keep, know, portfolio, price, put, transaction};

/// What the views say of a portfolio, as a client reads it: with texts for symbols.
fn reads(desk: &Desk, of: &str) -> Reads {
    let has_view = |view: &str| desk.reader().view(view).is_ok();
    let views: BTreeSet<&str> = SECTIONS
        .iter()
        .filter(|section| section.is_possible(has_view))
        .flat_map(|section| section.views)
        .copied()
        .collect();
    let texts = desk.reader().texts();
    let told = |cell: &Cell| match cell {
        Cell::Symbol(_) => Cell::text(Shown { cell, kind: ColumnKind::Text, texts: texts.as_ref() }.to_string()),
        cell => cell.clone(),
    };
    let table = |view: &str| {
        let rows = desk.snapshot(view, None).into_iter();
        let rows = rows.map(|(row, count)| (Row::new(row.cells().iter().map(told).collect::<Vec<_>>()), count));
        let all = Table::of(desk.spec(view), &rows.collect());
        all.only(portfolio_column(view), |cell| *cell == Cell::text(of)).unwrap()
    };
    let tables: BTreeMap<String, Table> = views.into_iter().map(|view| (view.to_owned(), table(view))).collect();
    let last_day = desk.column("valuation_day", "date");
    Reads::new(of, last_day.first().map_or(date("2026-12-31"), |day| date(day)), tables)
}

fn section(reads: &Reads, name: &str) -> Table {
    SECTIONS.iter().find(|section| section.name == name).unwrap().make(reads).unwrap()
}

/// The rows in some columns, as people read them; what is missing is `-`.
fn shown(table: &Table, columns: &[&str]) -> Vec<String> {
    let table = table.select(columns).unwrap();
    let text = |(cell, column): (&Cell, &Column)| match cell {
        Cell::Null => "-".to_owned(),
        cell => Shown { cell, kind: column.kind, texts: &NoTexts }.to_string(),
    };
    table.rows.iter().map(|row| row.iter().zip(&table.columns).map(text).collect::<Vec<_>>().join(" ")).collect()
}

fn records() -> Vec<Record> {
    let classed = |id: &str, asset_class: &str, product, of: &str| Instrument {
        asset_class: Symbol::of(asset_class),
        ..instrument(id, product, of)
    };
    let bond = Instrument {
        maturity_date: Date::from_ymd(2030, 1, 15).unwrap(),
        name: Symbol::of("Bond"),
        ..classed("B", "bonds", model::Product::Bond, "EUR")
    };
    vec![
        keep(Portfolio { name: Symbol::of("Growth"), ..portfolio("P", "USD") }),
        keep(portfolio("Q", "USD")),
        know(classed("CASH", "cash", model::Product::Cash, "USD")),
        know(classed("A", "equities", model::Product::Equity, "USD")),
        know(bond),
        put(transaction("D1", T::Deposit, "CASH", "2025-12-01", "10000", "10000")),
        put(transaction("B1", T::Buy, "A", "2025-12-02", "50", "5000")),
        put(transaction("B1-cash", T::Sell, "CASH", "2025-12-02", "5000", "5000")),
        put(transaction("B2", T::Buy, "N", "2025-12-02", "1", "70")),
        put(model::Transaction {
            currency: crate::records::currency("EUR"),
            ..transaction("B3", T::Buy, "B", "2025-12-03", "10", "900")
        }),
        put(transaction("S1", T::Sell, "A", "2026-01-07", "20", "2400")),
        put(transaction("V1", T::Dividend, "A", "2026-01-07", "0", "12.5")),
        put(transaction("S2", T::Sell, "A", "2026-01-08", "500", "1")),
        fx_rate("EUR", "USD", "2025-12-01", "1.25"),
        price("A", "2026-01-08", "110", "USD"),
        price("B", "2026-01-08", "100", "EUR"),
    ]
}

#[test]
fn a_review_tells_of_one_portfolio_at_one_tick_and_its_parts_agree() {
    let mut desk = desk("", 2);
    desk.tick(&put_all(records()));
    let reads = reads(&desk, "P");
    assert!(reads.is_known());
    assert_eq!(reads.valuation_date(), date("2026-01-08"));

    let overview = section(&reads, "overview");
    let columns = ["portfolio", "name", "valuation_date", "base_currency", "value", "realised_gain", "unrealised_gain"];
    // 30 A at 110, 10 B at 100 EUR of 1.25 USD, 5000 in cash; N has no price. 20 A that cost 2000 went for 2400.
    assert_eq!(shown(&overview, &columns), ["P Growth 2026-01-08 USD 9550 400 425"]);
    let columns = ["profit_and_loss", "income", "positions", "positions_unvalued", "refused_transactions"];
    assert_eq!(shown(&overview, &columns), ["825 12.5 4 1 1"]);

    let holdings = section(&reads, "holdings");
    assert_eq!(
        shown(&holdings, &["asset_class", "security", "value_base", "status"]),
        ["bonds B 1250 CURRENT", "cash CASH 5000 CURRENT", "equities A 3300 CURRENT", "- N - UNVALUED"]
    );
    assert_eq!(holdings.known("value_base"), overview.known("value"), "the holdings are the value");
    assert_eq!(holdings.known("weight").unwrap(), Some(10_000_000_000), "weights add up to one");

    let allocation = section(&reads, "allocation");
    for dimension in ["asset_class", "product", "currency", "sector", "country", "rating", "issuer", "maturity"] {
        let own = allocation.only("dimension", |cell| *cell == Cell::text(dimension)).unwrap();
        assert_eq!(own.known("weight").unwrap(), Some(10_000_000_000), "{dimension}");
        assert_eq!(own.known("value_base"), overview.known("value"), "{dimension}");
        assert_eq!(own.known("positions").unwrap(), Some(4), "{dimension}");
    }
    let maturities = allocation.only("dimension", |cell| *cell == Cell::text("maturity")).unwrap();
    assert_eq!(shown(&maturities, &["bucket", "value_base", "positions_unvalued"]), ["3-5 years 1250 0", "- 8300 1"]);

    let activity = section(&reads, "activity");
    assert_eq!(
        shown(&activity, &["period", "from", "to", "type", "transactions", "gross_amount"]),
        [
            "month 2026-01-01 2026-01-08 DIVIDEND 1 12.5",
            "month 2026-01-01 2026-01-08 SELL 2 2401",
            "quarter 2026-01-01 2026-01-08 DIVIDEND 1 12.5",
            "quarter 2026-01-01 2026-01-08 SELL 2 2401",
        ]
    );
    let flows = section(&reads, "flows").only("period", |cell| *cell == Cell::text("month")).unwrap();
    // The sale of too much was refused: it moved no cash.
    assert_eq!(shown(&flows, &["class", "amount_base"]), ["income 12.5", "investment_inflow 2400"]);
    assert_eq!(shown(&section(&reads, "income"), &["year", "month", "security", "income_base"]), ["2026 1 A 12.5"]);
    assert_eq!(shown(&section(&reads, "realised_gains"), &["transaction", "gain_base"])[1], "S1 400");
    assert_eq!(section(&reads, "transactions").rows.len(), 8);
    assert_eq!(shown(&section(&reads, "refused_transactions"), &["transaction"]), ["S2"]);
    let periods = section(&reads, "performance");
    assert!(shown(&periods, &["period"]).contains(&"si".to_owned()));
}

#[test]
fn a_portfolio_without_transactions_has_an_empty_review_and_an_unknown_one_is_not_known() {
    let mut desk = desk("", 1);
    desk.tick(&put_all(records()));
    let empty = reads(&desk, "Q");
    assert!(empty.is_known());
    let overview = section(&empty, "overview");
    assert_eq!(shown(&overview, &["value", "return_si", "positions", "base_currency"]), ["0 - 0 USD"]);
    let has_view = |view: &str| desk.reader().view(view).is_ok();
    for section in SECTIONS.iter().filter(|section| section.is_possible(has_view)) {
        let table = section.make(&empty).unwrap();
        assert_eq!(table.rows.len(), usize::from(section.name == "overview"), "{}", section.name);
        assert!(!table.columns.is_empty(), "{}", section.name);
    }
    assert!(!reads(&desk, "X").is_known());
}

#[test]
fn income_in_a_currency_without_a_rate_is_missing_in_base_currency_and_never_taken_for_less() {
    let mut desk = desk("", 1);
    let mut all = records();
    let of_own_rate = model::Transaction {
        currency: crate::records::currency("EUR"),
        fx_to_base: model::Rate::from_scaled(2_000_000_000_000),
        ..transaction("V2", T::Interest, "B", "2026-01-05", "0", "100")
    };
    all.push(put(of_own_rate.clone()));
    desk.tick(&put_all(all));
    let told = |desk: &Desk| shown(&section(&reads(desk, "P"), "income"), &["security", "income", "income_base"]);
    assert_eq!(told(&desk), ["A 12.5 12.5", "B 100 200"]);
    let in_yen =
        model::Transaction { currency: crate::records::currency("JPY"), fx_to_base: model::Rate::NONE, ..of_own_rate };
    desk.tick(&put_all([put(in_yen)]));
    assert_eq!(told(&desk), ["A 12.5 12.5", "B 100 -"]);
    assert_eq!(shown(&section(&reads(&desk, "P"), "overview"), &["income"]), ["-"]);
}
