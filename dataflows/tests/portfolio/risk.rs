//! Risk through the engine: values that others published, and what users would ask for first.

use std::collections::BTreeMap;

use model::{Date, Portfolio, Product, Record, Symbol, Transaction, TransactionType as T};
use serde_json::Value;

use crate::kit::{Desk, put_all};
use crate::records::{date, instrument, keep, know, level, portfolio, price, put, risk_free, transaction};
use crate::{desk, reference};

/// A unit of a security, in a portfolio of the same name. It comes at the end of its day, which so earns nothing.
fn unit(name: &str, day: &str, worth: &str) -> Vec<Record> {
    let held = transaction(&format!("{name}-1"), T::TransferIn, name, day, "1", worth);
    let held = Transaction { portfolio: Symbol::of(name), ..held };
    vec![keep(portfolio(name, "USD")), know(instrument(name, Product::Equity, "USD")), put(held)]
}

pub const AT_THE_END: &str = "[books.cash_flow.TRANSFER_IN]\ntiming = \"end_of_day\"\n";

/// A cell as a number; `None` where it is null.
pub fn cell(desk: &Desk, view: &str, given: &[(&str, &str)], column: &str) -> Option<f64> {
    let index = |name: &str| desk.spec(view).column(name).unwrap_or_else(|| panic!("{view} has no column {name}"));
    let rows = desk.read(view);
    let found: Vec<_> = rows.iter().filter(|row| given.iter().all(|(name, text)| row[index(name)] == *text)).collect();
    assert_eq!(found.len(), 1, "{view} {given:?}: {rows:?}");
    found[0][index(column)].parse().ok()
}

pub fn near(what: &str, ours: Option<f64>, expected: f64, tolerance: f64) {
    let is_near = ours.is_some_and(|ours| (ours - expected).abs() <= tolerance);
    assert!(is_near, "{what}: expected {expected}, ours {ours:?}");
}

pub fn read_json(file: &str) -> Option<Value> {
    let path = reference::path(&format!("portfolio/{file}"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn read_csv(file: &str) -> Option<Vec<Vec<String>>> {
    let path = reference::path(&format!("portfolio/{file}"))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    Some(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
}

/// A calendar whose business days are those of a series.
fn calendar(days: &[Date]) -> String {
    let between = (days[0].0..=days[days.len() - 1].0).map(Date).filter(|day| days.binary_search(day).is_err());
    let holidays: Vec<String> = between.map(|day| format!("\"{day}\"")).collect();
    format!("[calendar.trading]\nholidays = [{}]\n", holidays.join(", "))
}

/// Columns of ours by the names of empyrical: the view, the confidence if that is part of its key, the column.
const METRICS: [(&str, &str, &str, &str); 11] = [
    ("cum_return", "risk", "", "return"),
    ("annual_volatility", "risk", "", "volatility"),
    ("sharpe", "risk", "", "sharpe"),
    ("sortino", "risk", "", "sortino"),
    ("downside_risk", "risk", "", "downside_deviation"),
    ("max_drawdown", "risk", "", "max_drawdown"),
    ("calmar", "risk", "", "calmar"),
    ("omega", "risk", "", "omega"),
    ("var_95_hist", "value_at_risk", "0.95", "value_at_risk_historical"),
    ("var_99_hist", "value_at_risk", "0.99", "value_at_risk_historical"),
    ("cvar_95", "value_at_risk", "0.95", "expected_shortfall_historical"),
];

fn compare_metrics(desk: &Desk, series: &str, period: &str, expected: &Value) -> usize {
    for (name, view, confidence, column) in METRICS {
        let mut given = vec![("portfolio", series), ("period", period)];
        if !confidence.is_empty() {
            given.push(("confidence", confidence));
        }
        let ours = cell(desk, view, &given, column);
        near(&format!("{series} {period} {name}"), ours, expected[name].as_f64().unwrap(), 1e-8);
    }
    METRICS.len()
}

#[test]
fn ten_years_of_prices_have_the_metrics_of_empyrical_in_windows_and_after_each_correction() {
    let Some(prices) = read_csv("prices/aapl_msft_c_daily.csv") else { return };
    let Some(expected) = read_json("prices/expected_aapl_msft_c.json") else { return };
    let days: Vec<Date> = prices[1..].iter().map(|row| date(&row[0])).collect();
    let windows = expected["windows"].as_array().unwrap();
    // Returns are of the days after the first price.
    let period = |window: &Value| {
        let first = date(window["first_price_date"].as_str().unwrap()).add_days(1);
        (first.to_string(), window["last_price_date"].as_str().unwrap().to_owned())
    };
    let mut periods: Vec<_> = windows.iter().map(period).collect();
    periods.sort();
    periods.dedup();
    let explicit: Vec<String> =
        periods.iter().map(|(from, to)| format!("{{ explicit = {{ from = \"{from}\", to = \"{to}\" }} }}")).collect();
    let books = format!(
        "by_year = false\nperiods = [\"si\", {}]\n[books.risk]\ncalendar = \"trading\"\nrisk_free_annual = 0.0\n\
         losses = \"negative\"\nshortfall = \"lowest_returns\"\n{AT_THE_END}{}",
        explicit.join(", "),
        calendar(&days)
    );

    let mut desk = desk(&books, 1);
    let series = || prices[0].iter().enumerate().skip(1);
    let mut records: Vec<Record> =
        series().flat_map(|(column, name)| unit(name, &prices[1][0], &prices[1][column])).collect();
    records.extend(
        prices[1..].iter().flat_map(|row| series().map(|(column, name)| price(name, &row[0], &row[column], "USD"))),
    );
    desk.tick(&put_all(records));

    let mut compared = 0;
    for window in windows {
        let (from, to) = period(window);
        let name = window["series"].as_str().unwrap();
        let period = format!("{from}..{to}");
        compared += compare_metrics(&desk, name, &period, window);
        let returns = cell(&desk, "risk", &[("portfolio", name), ("period", &period)], "returns");
        assert_eq!(returns, window["n_returns"].as_f64(), "{name} {period}");
    }
    for correction in expected["price_corrections_applied_cumulatively"].as_array().unwrap() {
        let (name, day) = (correction["series"].as_str().unwrap(), correction["date"].as_str().unwrap());
        desk.tick(&put_all([price(name, day, &correction["new_price"].to_string(), "USD")]));
        compared += compare_metrics(&desk, name, "si", &correction["after_full_period"]);
    }
    assert_eq!(compared, 11 * (15 + 20));
}

/// The monthly returns of six managers, as portfolios of one unit beside the level of an index, and the rates of bills.
fn managers() -> Option<Vec<Record>> {
    let rows = read_csv("performanceanalytics/managers.csv")?;
    let column = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
    let month_before = |row: &[String]| date(&format!("{}-01", &row[0][..7])).add_days(-1).to_string();
    let mut records = Vec::new();
    for name in MANAGERS {
        let dated: Vec<_> = rows[1..].iter().filter(|row| !row[column(name)].is_empty()).collect();
        let start = month_before(dated[0]);
        records.extend(unit(name, &start, "1000"));
        records.push(keep(Portfolio { benchmark: Symbol::of("SP500"), ..portfolio(name, "USD") }));
        records.push(price(name, &start, "1000", "USD"));
        let mut worth = 1000.0;
        for row in dated {
            worth *= 1.0 + row[column(name)].parse::<f64>().unwrap();
            records.push(price(name, &row[0], &format!("{worth:.8}"), "USD"));
        }
    }
    let mut index = 1000.0;
    records.push(level("SP500", &month_before(&rows[1]), "1000"));
    for row in &rows[1..] {
        index *= 1.0 + row[column("SP500 TR")].parse::<f64>().unwrap();
        records.push(level("SP500", &row[0], &format!("{index:.8}")));
        let annual = (1.0 + row[column("US 3m TR")].parse::<f64>().unwrap()).powi(12) - 1.0;
        records.push(risk_free("USD", &format!("{}-01", &row[0][..7]), &format!("{annual:.12}")));
    }
    Some(records)
}

const MANAGERS: [&str; 6] = ["HAM1", "HAM2", "HAM3", "HAM4", "HAM5", "HAM6"];

/// The numbers that were published in a row of what a call prints. Those of a table with a heading for each part are in its
/// first part.
fn published(file: &Value, call: &str, label: &str) -> Vec<f64> {
    let examples = file.as_array().unwrap().iter();
    let text =
        |example: &Value, key: &str| example[key].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let found = examples.filter(|example| text(example, "call") == call).collect::<Vec<_>>();
    assert_eq!(found.len(), 1, "{call}");
    let printed = found[0]["out"].as_str().unwrap();
    let line = printed.lines().find_map(|line| line.trim_start().strip_prefix(label)).unwrap();
    line.split_whitespace().map(|number| number.parse().unwrap_or(f64::NAN)).collect()
}

#[test]
fn managers_beside_an_index_are_measured_as_performance_analytics_does() {
    let Some(records) = managers() else { return };
    let Some(file) = read_json("performanceanalytics/expected_managers.json") else { return };
    // What is printed is cut.
    const TOLERANCE: f64 = 1.000_01e-4;
    let mut compared = 0;
    let mut compare = |desk: &Desk, period: &str, column: &str, scale: f64, expected: &[f64]| {
        for (name, expected) in MANAGERS.iter().zip(expected).filter(|(_, expected)| expected.is_finite()) {
            let ours = cell(desk, "risk", &[("portfolio", name), ("period", period)], column);
            near(&format!("{name} {period} {column}"), ours.map(|ours| ours * scale), *expected, TOLERANCE);
            compared += 1;
        }
    };

    let mut plain = desk(
        &format!(
            "periods = [\"si\"]\n[books.risk]\nfrequency = \"monthly\"\nrisk_free_annual = 0.0\nsharpe = \"geometric\"\n\
             information_ratio = \"geometric\"\ncapture = \"cumulative\"\nestimator = \"population\"\n{AT_THE_END}"
        ),
        1,
    );
    let without_rates = records.iter().filter(|record| !matches!(record, Record::RiskFreeRate(_))).cloned();
    plain.tick(&put_all(without_rates.collect::<Vec<_>>()));
    let tables = [
        ("table.AnnualizedReturns(managers[, 1:8])", "Annualized Std Dev", "volatility", 1.0),
        ("table.AnnualizedReturns(managers[, 1:8])", "Annualized Sharpe (Rf=0%)", "sharpe", 1.0),
        ("table.Distributions(managers[, 1:8])", "Skewness", "skewness", 1.0),
        ("table.Distributions(managers[, 1:8])", "Excess kurtosis", "excess_kurtosis", 1.0),
        ("table.DownsideRiskRatio(managers[, 1:8])", "Annualised downside risk", "downside_deviation", 1.0),
        ("table.DownsideRiskRatio(managers[, 1:8])", "Omega", "omega", 1.0),
        ("table.DownsideRiskRatio(managers[, 1:8])", "Sortino ratio", "sortino", 1.0 / 12f64.sqrt()),
        ("table.DrawdownsRatio(managers[, 1:8])", "Calmar ratio", "calmar", 1.0),
        ("table.InformationRatio(managers[, 1:8], managers[, 8])", "Annualised Tracking Error", "tracking_error", 1.0),
        ("table.InformationRatio(managers[, 1:8], managers[, 8])", "Information Ratio", "information_ratio", 1.0),
        (
            "UpDownRatios(managers[, 1:6, drop = FALSE], managers[, 8, drop = FALSE])",
            "SP500 TR Up Capture",
            "up_capture",
            1.0,
        ),
        (
            "UpDownRatios(managers[, 1:6, drop = FALSE], managers[, 8, drop = FALSE])",
            "SP500 TR Down Capture",
            "down_capture",
            1.0,
        ),
    ];
    for (call, label, column, scale) in tables {
        compare(&plain, "si", column, scale, &published(&file, call, label));
    }
    let depths: Vec<f64> =
        MANAGERS.iter().map(|name| published(&file, "t(round(maxDrawdown(managers), 4))", name)[0]).collect();
    compare(&plain, "si", "max_drawdown", -1.0, &depths);
    let alphas = published(
        &file,
        "print(SFM.jensenAlpha(managers[\"1996\", 1:5], managers[\"1996\", 8]))",
        "Jensen's Alpha (Risk free = 0%)",
    );
    // The second began in that August: R fills what is not there, we do not.
    compare(&plain, "1996", "alpha", 1.0, &[alphas[0], f64::NAN, alphas[2], alphas[3]]);

    let mut with_rates = desk(
        &format!("periods = [\"si\"]\n[books.risk]\nfrequency = \"monthly\"\nalpha = \"of_period\"\n{AT_THE_END}"),
        1,
    );
    with_rates.tick(&put_all(records));
    let call = "table.SFM(managers[, 1:3], managers[, 8], Rf = managers[, 10])";
    compare(&with_rates, "si", "alpha", 1.0, &published(&file, call, "Alpha "));
    compare(&with_rates, "si", "beta", 1.0, &published(&file, call, "Beta "));
    let call = "SharpeRatio.annualized(managers[, 1:6], Rf = managers[, 10, drop = FALSE])";
    compare(&with_rates, "si", "sharpe", 1.0, &published(&file, call, "Annualized Sharpe Ratio (Rf=3.9%, p=95%):"));
    // The captures of the sixth are printed in a second part, two of the Sharpe ratios too.
    assert_eq!(compared, 6 * 11 + 2 * 5 + 3 + 3 + 3 + 4);
}

/// A portfolio of one unit with a price for each day from a Monday on; none on the days without one.
fn priced(name: &str, prices: &[&str]) -> Vec<Record> {
    let monday = date("2026-01-05");
    let mut records = unit(name, &monday.to_string(), prices[0]);
    let dated = prices.iter().zip(0..).filter(|(price, _)| !price.is_empty());
    records.extend(dated.map(|(text, day)| price(name, &monday.add_days(day).to_string(), text, "USD")));
    records
}

const WEEKS: [&str; 15] =
    ["100", "101", "103", "102", "104", "105", "", "103", "102", "106", "107", "105", "", "", "108"];

fn started(books: &str, records: Vec<Record>) -> Desk {
    let mut desk = desk(&format!("periods = [\"si\"]\nby_year = false\n{books}\n{AT_THE_END}"), 1);
    desk.tick(&put_all(records));
    desk
}

#[test]
fn tracking_error_and_volatility_are_in_the_same_unit() {
    let mut records = priced("P", &WEEKS);
    records.push(keep(Portfolio { benchmark: Symbol::of("FLAT"), ..portfolio("P", "USD") }));
    records.push(level("FLAT", "2026-01-01", "100"));
    let desk = started("", records);
    let of = |column| cell(&desk, "risk", &[], column);
    assert!(of("volatility").unwrap() > 0.1);
    assert_eq!(of("tracking_error"), of("volatility"), "a benchmark that does not move leaves all there is");
    assert_eq!((of("benchmark_return"), of("beta"), of("correlation")), (Some(0.0), None, None));
}

#[test]
fn what_is_not_known_is_null_and_never_zero_or_one() {
    let mut records = priced("P", &WEEKS);
    let desk = started("", records.clone());
    let of = |desk: &Desk, column| cell(desk, "risk", &[], column);
    let benchmark =
        ["benchmark_return", "beta", "alpha", "correlation", "tracking_error", "information_ratio", "up_capture"];
    for column in benchmark.into_iter().chain(["sharpe", "down_capture", "up_down_capture"]) {
        assert_eq!(of(&desk, column), None, "{column}");
    }
    assert_eq!(["returns_with_risk_free", "returns_with_benchmark"].map(|count| of(&desk, count)), [Some(0.0); 2]);
    assert!(of(&desk, "sortino").is_some(), "nothing is required but not to lose");

    // A rate from the second week on: returns before it have none, so there is no Sharpe ratio of all of them.
    records.push(risk_free("USD", "2026-01-12", "0.05"));
    let desk = started("[books.risk]\nrequired = \"risk_free\"", records.clone());
    assert_eq!((of(&desk, "returns"), of(&desk, "returns_with_risk_free")), (Some(10.0), Some(5.0)));
    assert_eq!((of(&desk, "sharpe"), of(&desk, "sortino")), (None, None));
    records.push(risk_free("USD", "2026-01-01", "0.04"));
    let desk = started("[books.risk]\nrequired = \"risk_free\"", records);
    assert!(of(&desk, "sharpe").is_some() && of(&desk, "sortino").is_some());

    // Of one day there is nothing that varies.
    let desk = started("", priced("P", &WEEKS[..2]));
    let measured = ["returns", "return", "volatility", "max_drawdown", "skewness"].map(|column| of(&desk, column));
    assert_eq!(measured, [Some(1.0), Some(0.01), None, Some(0.0), None]);
    let of_losses = |column| cell(&desk, "value_at_risk", &[("confidence", "0.95")], column);
    assert_eq!(of_losses("value_at_risk_historical"), Some(-0.01), "a gain is no loss");
    assert_eq!(of_losses("value_at_risk_gaussian"), None);
    let desk = started("", priced("P", &WEEKS[..1]));
    assert_eq!((of(&desk, "returns"), of(&desk, "return")), (Some(0.0), None));
}

#[test]
fn a_weekend_is_part_of_the_monday_after_it() {
    // 104 on Friday, 105 on Saturday, 103 on Monday.
    let desk = started("", priced("P", &WEEKS[..8]));
    let of = |column| cell(&desk, "risk", &[], column);
    assert_eq!(of("returns"), Some(5.0));
    near("the deepest fall", of("max_drawdown"), 102.0 / 103.0 - 1.0, 1e-10);
    // On Saturday its bucket is not over.
    let desk = started("", priced("P", &WEEKS[..6]));
    let of = |column| cell(&desk, "risk", &[], column);
    assert_eq!((of("returns"), of("return")), (Some(4.0), Some(0.04)));
}

#[test]
fn weeks_are_told_when_they_are_over() {
    let desk = started("[books.risk]\nfrequency = \"weekly\"\nrolling_windows = []", priced("P", &WEEKS));
    let of = |column| cell(&desk, "risk", &[], column);
    assert_eq!((of("returns"), of("return")), (Some(2.0), Some(0.05)));
    let deviation = |a: f64, b: f64| (a - b).abs() / 2f64.sqrt() * 52f64.sqrt();
    near("volatility", of("volatility"), deviation(0.05, 0.0), 1e-10);
    assert_eq!(desk.read("risk_rolling"), Vec::<Vec<String>>::new());
}

#[test]
fn a_corrected_day_changes_its_own_portfolio_alone() {
    let mut desk = started("", [priced("P", &WEEKS), priced("Q", &WEEKS)].concat());
    let mut following = desk.follow("risk");
    desk.catch_up(&mut following);
    let before = cell(&desk, "risk", &[("portfolio", "P")], "volatility");
    desk.tick(&put_all([price("P", "2026-01-08", "99", "USD")]));
    desk.catch_up(&mut following);
    let portfolios: Vec<&str> = following.changes.iter().map(|(_, row, _)| row[0].as_str()).collect();
    assert_eq!(portfolios, ["P", "P"]);
    assert_ne!(cell(&desk, "risk", &[("portfolio", "P")], "volatility"), before);
    assert_eq!(cell(&desk, "risk", &[("portfolio", "Q")], "volatility"), before);
}

#[test]
fn a_window_is_the_period_of_its_returns() {
    let prices: Vec<String> = (0..80).map(|day| (100 + day * 37 % 11).to_string()).collect();
    let mut records = priced("P", &prices.iter().map(String::as_str).collect::<Vec<_>>());
    records.push(keep(Portfolio { benchmark: Symbol::of("INDEX"), ..portfolio("P", "USD") }));
    records.extend(
        (0..80).map(|day| level("INDEX", &date("2026-01-05").add_days(day).to_string(), &(50 + day % 7).to_string())),
    );
    let books = "[books.risk]\nrolling_windows = [2, 20]\nrisk_free_annual = 0.01";
    let mut desk = desk(
        &format!(
            "by_year = false\nperiods = [{{ explicit = {{ from = \"2026-02-02\", to = \"2026-02-27\" }} }}]\n{books}\n{AT_THE_END}"
        ),
        1,
    );
    desk.tick(&put_all(records));
    // January has 19 returns after its first day, which earned none.
    assert_eq!(
        desk.columns("risk_rolling", &["window", "from", "to"]),
        ["2 2026-01-29 2026-01-30", "2 2026-02-26 2026-02-27", "20 2026-02-02 2026-02-27"]
    );
    for column in ["return", "volatility", "sharpe", "max_drawdown", "beta"] {
        let window = cell(&desk, "risk_rolling", &[("window", "20")], column);
        assert!(window.is_some(), "{column}");
        assert_eq!(window, cell(&desk, "risk", &[], column), "{column}");
    }
}

#[test]
fn losses_are_told_as_configured() {
    let told = |books: &str| {
        let desk = started(books, priced("P", &WEEKS));
        let rows = desk.read("value_at_risk");
        let index = desk.spec("value_at_risk").column("value_at_risk_historical").unwrap();
        let losses = rows.iter().map(|row| (row[2].clone(), row[index].parse::<f64>().unwrap()));
        losses.collect::<BTreeMap<String, f64>>()
    };
    let usual = told("");
    assert_eq!(usual.keys().collect::<Vec<_>>(), ["0.95", "0.99"]);
    assert!(usual["0.99"] > usual["0.95"] && usual["0.95"] > 0.0, "{usual:?}");
    let other = told("[books.risk]\nconfidences = [0.95]\nhorizon = 4\nlosses = \"negative\"");
    assert_eq!(other.len(), 1);
    near("over four returns", Some(other["0.95"]), -2.0 * usual["0.95"], 2e-10);
}
