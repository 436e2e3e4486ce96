//! What is told of books: the review of a portfolio, and where its numbers come from.

use serde_json::Value;

use super::*;

const CONFIG: &str = r#"
[books]
base_currency = "USD"
[source.portfolios]
kind = "files"
path = "portfolios.csv"
record = "portfolio"
[source.instruments]
kind = "files"
path = "instruments.csv"
record = "instrument"
[source.transactions]
kind = "files"
path = "transactions*.csv"
record = "transaction"
[source.prices]
kind = "files"
path = "prices.csv"
record = "market_price"
"#;

const FILES: [(&str, &str); 5] = [
    ("portfolios.csv", "id,name,base_currency\nGROWTH,Growth,USD\nINCOME,Income,USD\n"),
    (
        "instruments.csv",
        "id,product,currency,name,asset_class,maturity_date\n\
         CASH,CASH,USD,Dollars,cash,\nACME,EQUITY,USD,\"Acme,\nInc.\",equities,\nBOND,BOND,USD,A bond,bonds,2031-06-30\n",
    ),
    (
        "transactions.csv",
        "id,transaction_type,portfolio,security,currency,trade_date,quantity,gross_amount\n\
         D1,DEPOSIT,GROWTH,CASH,USD,2026-01-05,10000,10000\n\
         B1,BUY,GROWTH,ACME,USD,2026-01-06,50,5000\n\
         C1,SELL,GROWTH,CASH,USD,2026-01-06,5000,5000\n\
         B2,BUY,GROWTH,BOND,USD,2026-01-07,10,1000\n\
         S1,SELL,GROWTH,ACME,USD,2026-01-08,10,1100\n\
         S2,SELL,GROWTH,ACME,USD,2026-01-08,999,1\n\
         X1,BUY,GROWTH,XYZ,USD,2026-01-08,1,1\n",
    ),
    // It is read after the other, and takes the place of its record.
    (
        "transactions_corrected.csv",
        "id,transaction_type,portfolio,security,currency,trade_date,quantity,gross_amount\n\
         S1,SELL,GROWTH,ACME,USD,2026-01-08,20,2400\n",
    ),
    (
        "prices.csv",
        "security,currency,price_date,price\nACME,USD,2026-01-06,100\nACME,USD,2026-01-08,110\nBOND,USD,2026-01-08,101.5\n",
    ),
];

/// A server that keeps books, once it has read all of them.
fn books() -> (TempDir, Server) {
    let folder = folder_with(CONFIG);
    for (name, content) in FILES {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let server = Server::start(folder.path());
    eventually("the books are not kept", || {
        let held = server.ask(&["query", "valuations", "-o", "csv"]).expect(0).out;
        held.contains("GROWTH,ACME,USD,CURRENT,30,")
            && held.contains("GROWTH,BOND,USD,CURRENT")
            && held.contains("CASH,USD,CURRENT")
    });
    (folder, server)
}

fn section<'a>(report: &'a Value, name: &str) -> &'a Vec<Value> {
    let sections = report["sections"].as_array().unwrap();
    sections.iter().find(|section| section["name"] == name).unwrap()["rows"].as_array().unwrap()
}

#[test]
fn a_view_that_nothing_is_configured_for_is_empty_and_keeps_up_with_the_ticks() {
    let (_folder, server) = books();
    for view in ["stress", "contribution"] {
        let ran = server.ask(&["query", view, "-o", "csv"]).expect(0);
        assert_eq!(ran.out.lines().count(), 1, "no row but the header: {}", ran.out);
        let (_, told) = ran.err.trim().split_once("as of tick ").unwrap();
        let tick: u64 = told.split(',').next().unwrap().parse().unwrap();
        let up_to = (tick + 6_000_000).to_string();
        let ran = server.ask(&["subscribe", view, "--up-to", &up_to, "--progress"]).expect(0);
        let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().all(|line| line["_progress"].is_u64()), "{}", ran.out);
        assert!(lines.last().unwrap()["_progress"].as_u64().unwrap() > tick, "{}", ran.out);
    }
}

#[test]
fn a_portfolio_is_reviewed_as_json_as_files_and_as_a_workbook() {
    let (folder, server) = books();
    let review = |more: &[&str]| server.ask(&[&["report", "review", "--portfolio", "GROWTH"], more].concat());

    let ran = review(&[]).expect(0);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let overview = &section(&report, "overview")[0];
    // 30 ACME at 110, 10 BOND at 101.50, 5000 in cash; XYZ has no price, and 20 ACME that cost 2000 went for 2400.
    assert_eq!((&overview["value"], &overview["realised_gain"]), (&9315.into(), &400.into()), "{overview}");
    assert_eq!((&overview["positions_unvalued"], &overview["refused_transactions"]), (&1.into(), &1.into()));
    assert_eq!(report["valuation_date"], "2026-01-08");
    let weights: f64 = section(&report, "holdings").iter().filter_map(|row| row["weight"].as_f64()).sum();
    assert!((weights - 1.0).abs() < 1e-12, "{weights}");
    let tick = report["tick"].to_string();
    assert!(ran.err.contains(&format!("as of tick {tick}, ")), "{}", ran.err);
    assert!(!section(&report, "risk").is_empty());

    let again = review(&["--as-of", &tick]).expect(0);
    assert_eq!(again.out, ran.out, "the same tick is the same report");

    let out = folder.path().join("report");
    review(&["--format", "csv", "--as-of", &tick, "--out", out.to_str().unwrap()]).expect(0);
    let holdings = fs::read_to_string(out.join("holdings.csv")).unwrap();
    let sections = report["sections"].as_array().unwrap();
    assert_eq!(fs::read_dir(&out).unwrap().count(), sections.len(), "a file for each section");
    assert_eq!(
        holdings.lines().next().unwrap().split(',').take(3).collect::<Vec<_>>(),
        ["asset_class", "security", "name"]
    );

    let book = folder.path().join("growth.xlsx");
    review(&["--out", book.to_str().unwrap(), "--as-of", &tick]).expect(0);
    assert!(fs::read(&book).unwrap().starts_with(b"PK"));
}

#[test]
fn a_review_that_cannot_be_made_says_why() {
    let (folder, server) = books();
    let review = |more: &[&str]| server.ask(&[&["report", "review", "--portfolio"], more].concat());
    let ran = review(&["GROWHT"]).expect(1);
    assert!(ran.err.contains("no portfolio `GROWHT`") && ran.err.contains("did you mean `GROWTH`?"), "{}", ran.err);
    assert!(ran.out.is_empty());
    let ran = review(&["Q"]).expect(1);
    assert!(ran.err.contains("known: GROWTH, INCOME"), "{}", ran.err);
    assert!(review(&["GROWTH", "--format", "csv"]).expect(2).err.contains("give --out"));
    let out = folder.path().join("report.pdf");
    assert!(review(&["GROWTH", "--out", out.to_str().unwrap()]).expect(2).err.contains("does not say the format"));
    assert!(review(&["GROWTH", "--as-of", "9999999999999999"]).expect(2).err.contains("has not come yet"));
    assert!(!out.exists());
    // A portfolio that has no transactions yet is there all the same.
    let ran = review(&["INCOME"]).expect(0);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(section(&report, "overview")[0]["positions"], 0);
}

/// All nodes of a lineage, each with the view, the key and the origin.
fn nodes(row: &Value, into: &mut Vec<Value>) {
    into.push(row.clone());
    for step in row["rests_on"].as_array().into_iter().flatten() {
        step["rows"].as_array().unwrap().iter().for_each(|row| nodes(row, into));
    }
}

#[test]
fn a_row_is_explained_down_to_the_lines_of_the_files_that_it_came_from() {
    let (folder, server) = books();
    let ran = server.ask(&["explain", "valuations", "GROWTH|ACME|USD", "--format", "json"]).expect(0);
    let explained: Value = serde_json::from_str(&ran.out).unwrap();
    let mut all = Vec::new();
    nodes(&explained["row"], &mut all);
    let mut records: Vec<(String, String, u64)> = all
        .iter()
        .filter(|node| node["record"].is_object())
        .map(|node| {
            let file =
                Path::new(node["origin"]["file"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned();
            (node["key"].as_str().unwrap().to_owned(), file, node["origin"]["line"].as_u64().unwrap())
        })
        .collect();
    records.sort();
    let expected = [
        // The name of Acme takes two lines.
        ("instruments|ACME", "instruments.csv", 3),
        ("portfolios|GROWTH", "portfolios.csv", 2),
        ("prices|ACME|2026-01-08", "prices.csv", 3),
        ("transactions|B1", "transactions.csv", 3),
        // The correction, and not what it corrects; and not the sale that was refused.
        ("transactions|S1", "transactions_corrected.csv", 2),
    ];
    assert_eq!(records, expected.map(|(key, file, line)| (key.to_owned(), file.to_owned(), line)));
    for (key, file, line) in records {
        let text = fs::read_to_string(folder.path().join(&file)).unwrap();
        let id = key.split('|').nth(1).unwrap();
        assert!(text.lines().nth(line as usize - 1).unwrap().contains(id), "{key} is on line {line} of {file}");
    }
    assert!(ran.err.contains("rests on 5 records"), "{}", ran.err);
    let bond = all_records(&server, "BOND|");
    assert!(bond.contains(&"instruments|BOND".to_owned()) && !bond.iter().any(|key| key.contains("ACME")), "{bond:?}");

    let tree = server.ask(&["explain", "valuations", "GROWTH|ACME|USD"]).expect(0).out;
    assert!(tree.starts_with("valuations GROWTH|ACME|USD  (status CURRENT, quantity 30, price 110, "), "{tree}");
    assert!(tree.contains("transactions_corrected.csv line 2"), "{tree}");
}

fn all_records(server: &Server, key: &str) -> Vec<String> {
    let ran = server
        .ask(&["explain", "valuations", &format!("GROWTH|{}", key.trim_end_matches('|')), "--format", "json"])
        .expect(0);
    let explained: Value = serde_json::from_str(&ran.out).unwrap();
    let mut all = Vec::new();
    nodes(&explained["row"], &mut all);
    let is_record = |node: &&Value| node["record"].is_object();
    all.iter().filter(is_record).map(|node| node["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_row_that_is_not_there_is_told_with_one_that_is_near() {
    let (_folder, server) = books();
    let ran = server.ask(&["explain", "positions", "GROWTH|ACNE|USD"]).expect(1);
    assert!(ran.err.contains("did you mean `GROWTH|ACME|USD`?"), "{}", ran.err);
    let ran = server.ask(&["explain", "positions", "GROWTH"]).expect(2);
    assert!(ran.err.contains("rows of `positions` have a key that begins with"), "{}", ran.err);
    let ran = server.ask(&["explain", "positions", "A|B|C|D"]).expect(2);
    assert!(ran.err.contains("its key columns are portfolio, security, currency"), "{}", ran.err);
    assert!(server.ask(&["explain", "postions", "A"]).expect(2).err.contains("there is no view `postions`"));
    let ran = server.ask(&["explain", "performance", "GROWTH|si", "--no-origins"]).expect(0);
    assert!(ran.out.contains("the days of the period: 4 in `portfolio_timeseries`"), "{}", ran.out);
    assert!(!ran.out.contains('◀'), "{}", ran.out);
}

#[test]
fn a_break_is_explained_by_the_trades_that_it_is_about() {
    let folder = two_sides();
    let server = Server::start(folder.path());
    server.wait_for_breaks(13);
    let breaks = server.ask(&["query", "breaks", "--filter", r#"{"type": "price_mismatch"}"#]).expect(0).out;
    let id = serde_json::from_str::<Value>(&breaks).unwrap()["break_id"].as_str().unwrap().to_owned();
    let tree = server.ask(&["explain", "breaks", &id]).expect(0).out;
    for told in ["trades internal|I-103", "trades broker|", "matches ", "line "] {
        assert!(tree.contains(told), "{told}: {tree}");
    }
}

/// What limits, scenarios and margin need beside the books.
const LIMITS_AND_MARGIN: &str = r#"
[books.stress.crash]
dimensions = ["asset_class"]
price = [{ percent = -20 }]
[margin]
[[margin.exposure]]
name = "otc"
origins = ["Swap"]
period_days = 7
[source.limits]
kind = "files"
path = "limits.csv"
record = "limit"
[source.funds]
kind = "files"
path = "funds*.csv"
record = "fund_aum"
[source.exposed]
kind = "files"
path = "exposed.csv"
record = "fund_exposure"
[source.submitted]
kind = "files"
path = "submitted.csv"
record = "margin_submission"
"#;

const OF_LIMITS_AND_MARGIN: [(&str, &str); 5] = [
    ("limits.csv", "id,dimension,group,measure,breach_level\nL1,asset_class,equities,gross,3000\n"),
    ("funds.csv", "fund,name,loaded_at\nF1,Fund one,2026-01-05T00:00:00Z\nF2,Fund two,2026-01-05T00:00:00Z\n"),
    ("funds_later.csv", "fund,name,loaded_at\nF2,Fund two,2026-01-06T00:00:00Z\nF1,Fund 1,2026-01-06T00:00:00Z\n"),
    ("exposed.csv", "fund,origin,loaded_at\nF2,Swap,2026-01-06T00:00:00Z\nF1,Swap,2026-01-06T00:00:00Z\n"),
    ("submitted.csv", "fund,submitted_at,local_margin,loaded_at\nF1,2026-01-05T10:00:00Z,100,2026-01-06T00:00:00Z\n"),
];

/// The records that the one row of a view rests on: each with its file and line.
fn lines_of(server: &Server, view: &str, key: &str) -> Vec<String> {
    let ran = server.ask(&["explain", view, key, "--format", "json"]).expect(0);
    let mut all = Vec::new();
    nodes(&serde_json::from_str::<Value>(&ran.out).unwrap()["row"], &mut all);
    let line = |node: &Value| {
        let file = Path::new(node["origin"]["file"].as_str().unwrap()).file_name().unwrap().to_str().unwrap();
        format!("{file} {}", node["origin"]["line"])
    };
    let lines: std::collections::BTreeSet<String> =
        all.iter().filter(|node| node["record"].is_object()).map(line).collect();
    lines.into_iter().collect()
}

#[test]
fn risk_limits_stress_and_margin_are_explained_down_to_lines() {
    let folder = folder_with(&format!("{CONFIG}{LIMITS_AND_MARGIN}"));
    for (name, content) in FILES.into_iter().chain(OF_LIMITS_AND_MARGIN) {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let server = Server::start(folder.path());
    let has = |view: &str, text: &str| server.ask(&["query", view, "-o", "csv"]).expect(0).out.contains(text);
    eventually("not all is read", || {
        has("valuations", "GROWTH,ACME,USD,CURRENT,30,")
            && has("limit_breaches", "L1")
            && has("margin_status", "Fund 1")
            && has("margin_status", "Swap,2026-01-05")
    });

    // The position in equities, of which 20 were sold as the correction says; not the bond.
    let acme =
        ["instruments.csv 3", "portfolios.csv 2", "prices.csv 3", "transactions.csv 3", "transactions_corrected.csv 2"];
    assert_eq!(lines_of(&server, "exposures", "portfolio|GROWTH|USD|asset_class|equities"), acme);
    assert_eq!(lines_of(&server, "stress", "crash|portfolio|GROWTH|USD|asset_class|equities"), acme);
    let breach = server.ask(&["query", "limit_breaches"]).expect(0).out;
    let id = serde_json::from_str::<Value>(&breach).unwrap()["breach_id"].as_str().unwrap().to_owned();
    let breached = [&acme[..1], &["limits.csv 2"], &acme[1..]].concat();
    assert_eq!(lines_of(&server, "limit_breaches", &id), breached);
    assert_eq!(lines_of(&server, "limit_usage", "limits|L1|portfolio|GROWTH|USD|equities"), breached);

    let past: Value = serde_json::from_str(&server.ask(&["query", "limit_breach_history"]).expect(0).out).unwrap();
    let key = format!("{id}|{}", past["began"].as_str().unwrap());
    assert_eq!(lines_of(&server, "limit_breach_history", &key), breached);

    let risk = server.ask(&["explain", "risk", "GROWTH|si"]).expect(0).out;
    for told in
        ["the days up to its end: 4 in `portfolio_timeseries`", "portfolios.csv line 2", "valuation_day 2026-01-08"]
    {
        assert!(risk.contains(told), "{told}: {risk}");
    }

    // What the latest batches say, and not the ones before.
    let status = lines_of(&server, "margin_status", "F1|Swap");
    assert_eq!(status, ["exposed.csv 3", "funds_later.csv 3", "submitted.csv 2"]);
    assert_eq!(lines_of(&server, "margin_order", "F2|Swap"), ["exposed.csv 2", "funds_later.csv 2"]);
}
