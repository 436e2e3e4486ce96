//! Whatever the order in which records come, change and go, and on however many workers: the views are those of one load.

use std::collections::BTreeMap;

use model::{Portfolio, Product, Record, SourceId, Symbol, TransactionType};
use proptest::prelude::*;

use crate::kit::{Book, Change, Desk, TextRow, put_all};
use crate::records::{
    currency, fx_rate, instrument, keep, know, level, portfolio, price, put, risk_free, said_by, transaction, vega,
    with_other,
};
use crate::{VIEWS, desk, exposure_oracle, oracle, parts};

/// Few cases, as all tests share two cores; `PROPTEST_CASES` asks for more.
pub fn cases(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

const RULES: &str = "oversell = \"refuse\"\nlong_and_short = \"gross\"\nreporting_currency = \"USD\"\n[books.contribution]\nportfolios = \"all\"\n[books.risk]\nrolling_windows = [2, 20]\n\
    [[books.attribution]]\nportfolio = \"P\"\nbenchmark = \"Q\"\nby = \"sector\"\n\
    [[books.attribution]]\nportfolio = \"Q\"\nbenchmark = \"P\"\nby = \"security\"\nallocation = \"brinson_hood_beebower\"\n\
    interaction = \"with_selection\"\n";

pub fn rules() -> String {
    format!("{RULES}{}", exposure_oracle::SCENARIOS)
}

pub fn read_all(desk: &Desk) -> BTreeMap<&'static str, Vec<TextRow>> {
    let mut views: BTreeMap<_, _> = VIEWS.into_iter().map(|view| (view, desk.read(view))).collect();
    // When a breach was first seen, and which there have been, does depend on when their records came.
    views.remove("limit_breach_history");
    views.get_mut("limit_breaches").unwrap().iter_mut().for_each(|row| drop(row.pop()));
    views
}

fn day() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..29u8).prop_map(|day| format!("2026-01-{day:02}")),
        (1..13u8).prop_map(|month| format!("2025-{month:02}-11")),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    use TransactionType as T;
    let kind = prop_oneof![
        4 => Just(T::Buy), 3 => Just(T::Sell), 1 => Just(T::Deposit), 1 => Just(T::Withdrawal), 1 => Just(T::Dividend),
        1 => Just(T::Fee), 1 => Just(T::TransferIn), 1 => Just(T::TransferOut), 1 => Just(T::Split),
        1 => Just(T::Merger), 1 => Just(T::SpinOff),
    ];
    let security = prop_oneof![Just("A"), Just("B"), Just("C"), Just("CASH")];
    let of = prop_oneof![3 => Just("USD"), 1 => Just("EUR")];
    let in_portfolio = prop_oneof![Just("P"), Just("Q")];
    let transactions = (0..40u8, kind, security.clone(), day(), 1..50u32, 1..5000u32, of.clone(), in_portfolio)
        .prop_map(|(id, kind, security, day, units, gross, of, portfolio)| {
            let (units, gross) = (units.to_string(), format!("{gross}.{units}"));
            let made = transaction(&format!("T{id}"), kind, security, &day, &units, &gross);
            let made = model::Transaction { currency: currency(of), portfolio: Symbol::of(portfolio), ..made };
            put(match kind {
                T::Split => with_other(made, "", "2", "1"),
                T::Merger => with_other(made, if security == "A" { "B" } else { "C" }, "3", "2"),
                T::SpinOff => {
                    let made = with_other(made, if security == "B" { "C" } else { "B" }, "1", "4");
                    let detail = made.detail.as_deref().cloned().unwrap();
                    let cost_share = model::Rate::from_scaled(250_000_000_000);
                    made.with_detail(model::TransactionDetail { cost_share, ..detail })
                }
                _ => made,
            })
        });
    let prices = (security, day(), 1..300u32, of)
        .prop_map(|(security, day, cents, of)| price(security, &day, &format!("{cents}.25"), of));
    let rates = (day(), 80..130u32).prop_map(|(day, cents)| fx_rate("EUR", "USD", &day, &format!("1.{cents:03}")));
    let back = (day(), 80..99u32).prop_map(|(day, cents)| fx_rate("USD", "EUR", &day, &format!("0.{cents}")));
    let levels = (prop_oneof![Just("IX"), Just("IY")], day(), 80..130u32)
        .prop_map(|(benchmark, day, points)| level(benchmark, &day, &points.to_string()));
    let risk_free = (prop_oneof![Just("USD"), Just("EUR")], day(), 0..900u32)
        .prop_map(|(of, day, points)| risk_free(of, &day, &format!("0.0{points:03}")));
    let vegas = (prop::sample::select(vec!["A", "B", "C", "CASH"]), day(), -20..80i32)
        .prop_map(|(security, day, cents)| vega(security, &day, &format!("{}", f64::from(cents) / 100.0)));
    let of_days = prop_oneof![4 => prices, 2 => rates, 1 => back, 2 => levels, 1 => risk_free, 2 => vegas];
    let of_days = (of_days, 0..2u8).prop_map(|(record, source)| said_by(SourceId(source), record));
    let others = prop_oneof![
        (prop_oneof![Just("USD"), Just("EUR")], prop_oneof![Just(""), Just("IX"), Just("IY")])
            .prop_map(|(of, benchmark)| keep(Portfolio { benchmark: Symbol::of(benchmark), ..portfolio("P", of) })),
        Just(keep(portfolio("Q", "USD"))),
        prop_oneof![Just("USD"), Just("EUR")]
            .prop_map(|of| keep(Portfolio { source: SourceId(1), ..portfolio("Q", of) })),
        Just(know(model::Instrument { source: SourceId(1), ..instrument("A", Product::Equity, "EUR") })),
        Just(know(instrument("CASH", Product::Cash, "USD"))),
        Just(know(instrument("A", Product::Equity, "USD"))),
    ];
    let named = |names: &'static [&'static str]| prop::sample::select(names).prop_map(model::Symbol::of);
    let instruments = (
        named(&["A", "B", "C"]),
        named(&["", "tech", "oil"]),
        named(&["", "I", "J"]),
        named(&["", "UP"]),
        named(&["", "X", "Y"]),
    );
    let instruments = instruments.prop_map(|(id, sector, issuer, ultimate_parent, counterparty)| {
        let known = instrument("", Product::Equity, "USD");
        know(model::Instrument { id, sector, issuer, ultimate_parent, counterparty, ..known })
    });
    let limits =
        (0..exposure_oracle::LIMITS.len(), 1..40u32).prop_map(|(index, level)| exposure_oracle::limit(index, level));
    prop_oneof![
        8 => transactions, 12 => of_days, 2 => others, 2 => instruments, 3 => limits,
    ]
}

pub fn ticks() -> impl Strategy<Value = Vec<Vec<(Record, bool)>>> {
    prop::collection::vec(prop::collection::vec((record(), prop::bool::weighted(0.8)), 1..25), 1..6)
}

/// Records that come, or go where they are there.
pub fn changes(tick: Vec<(Record, bool)>) -> Vec<Change> {
    tick.into_iter().map(|(record, comes)| if comes { Change::put(record) } else { Change::delete(&record) }).collect()
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn views_are_those_of_one_load_and_all_is_gone_in_the_end(ticks in ticks(), workers in prop::sample::select(vec![1usize, 2, 4])) {
        check(ticks, workers)?;
    }

    #[test]
    fn so_are_those_of_books_in_which_cash_pays_for_everything(ticks in paid_ticks(), workers in prop::sample::select(vec![1usize, 2, 4])) {
        check(ticks, workers)?;
    }
}

fn check(ticks: Vec<Vec<(Record, bool)>>, workers: usize) -> Result<(), TestCaseError> {
    let mut book = Book::default();
    let mut lived = desk(&rules(), workers);
    let mut history = exposure_oracle::BreachHistory::default();
    for tick in ticks {
        let tick = changes(tick);
        let at = lived.tick(&tick);
        history.note(&lived, at);
        book.apply(&tick);
    }
    let mut loaded = desk(&rules(), 1);
    loaded.tick(&put_all(book.records()));
    let now = read_all(&lived);
    for (view, rows) in read_all(&loaded) {
        prop_assert_eq!(&now[view], &rows, "{}", view);
    }
    oracle::check(&book.records(), &lived);

    lived.tick(&put_all(book.records()));
    prop_assert_eq!(&read_all(&lived), &now, "what comes again changes nothing");
    let at = lived.tick(&book.clear());
    history.note(&lived, at);
    history.check(&lived);
    for (view, rows) in read_all(&lived) {
        prop_assert_eq!(rows, Vec::<TextRow>::new(), "{}", view);
    }
    Ok(())
}

/// What happens in portfolios that have a million in cash, which pays for what they buy; and what else changes.
fn paid() -> impl Strategy<Value = Vec<Record>> {
    use TransactionType as T;
    let day = || (5..29u8).prop_map(|day| format!("2026-01-{day:02}"));
    let of = || prop::sample::select(vec!["P", "Q"]);
    let security = || prop::sample::select(vec!["A", "B", "C"]);
    let exchanges = (0..30u8, of(), any::<bool>(), security(), day(), (1..200u32, 80..120u32)).prop_map(
        |(id, of, is_purchase, security, day, (units, paid))| {
            let (kind, gross) = (if is_purchase { T::Buy } else { T::Sell }, (units * paid).to_string());
            parts::exchange(of, &format!("X{id}"), kind, security, &day, &units.to_string(), &gross).to_vec()
        },
    );
    // With what moves the cash, where something does.
    let kinds = prop::sample::select(vec![
        (T::Dividend, "A", Some(T::Buy)),
        (T::Fee, "CASH", Some(T::Sell)),
        (T::Tax, "B", Some(T::Sell)),
        (T::Deposit, "CASH", None),
        (T::Withdrawal, "CASH", None),
    ]);
    let moved = (0..10u8, of(), kinds, day(), 1..50_000u32).prop_map(|(id, of, (kind, security, cash), day, gross)| {
        let gross = gross.to_string();
        let moved = transaction(&format!("M{id}"), kind, security, &day, &gross, &gross);
        let cash = cash.map(|cash| transaction(&format!("M{id}-cash"), cash, "CASH", &day, &gross, &gross));
        std::iter::once(moved).chain(cash).map(|transaction| parts::of(of, transaction)).collect()
    });
    let prices = (security(), day(), 8_000..12_000u32).prop_map(|(security, day, cents)| {
        let of = if security == "C" { "EUR" } else { "USD" };
        vec![price(security, &day, &format!("{}.{:02}", cents / 100, cents % 100), of)]
    });
    let rates =
        (day(), 80..130u32).prop_map(|(day, cents)| vec![fx_rate("EUR", "USD", &day, &format!("1.{cents:03}"))]);
    let sectors = (security(), prop::sample::select(vec!["tech", "oil", ""])).prop_map(|(security, sector)| {
        let known = instrument(security, Product::Equity, if security == "C" { "EUR" } else { "USD" });
        vec![know(model::Instrument { sector: Symbol::of(sector), ..known })]
    });
    prop_oneof![6 => exchanges, 3 => moved, 4 => prices, 1 => rates, 1 => sectors]
}

/// They begin with their cash; records come, or go where they are there.
fn paid_ticks() -> impl Strategy<Value = Vec<Vec<(Record, bool)>>> {
    let begins = ["P", "Q"].into_iter().flat_map(|name| {
        let cash = transaction("D0", TransactionType::Deposit, "CASH", "2026-01-02", "1000000", "1000000");
        [keep(portfolio(name, "USD")), parts::of(name, cash)]
    });
    let begins: Vec<(Record, bool)> = parts::market().into_iter().chain(begins).map(|record| (record, true)).collect();
    let tick = prop::collection::vec((paid(), prop::bool::weighted(0.9)), 1..20).prop_map(|happened| {
        happened
            .into_iter()
            .flat_map(|(records, comes)| records.into_iter().map(move |record| (record, comes)))
            .collect()
    });
    prop::collection::vec(tick, 1..4)
        .prop_map(move |ticks: Vec<Vec<(Record, bool)>>| std::iter::once(begins.clone()).chain(ticks).collect())
}
