//! Against what others computed or published: portfolio-analytics-system's cost engine and end-to-end scenarios, and the
//! cases of ghostfolio. The tests say so and pass where those are not there.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use model::Timestamp;
use serde_json::Value;

use super::*;
use crate::portfolio::cash_flow_rules::{CashFlowRules, FlowTiming};
use crate::portfolio::cost_basis::book;

/// A file under the reference folder; `None` when it is not there.
fn read(file: &str) -> Option<Value> {
    let path = crate::reference::path(&format!("portfolio/{file}"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// A number that is written as text or as a number; nothing where it is not there.
fn number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A number with up to twelve decimals, as the reference writes it: `0E-10` is 0.
fn exact(value: &Value) -> Option<i128> {
    let number = number(value)?;
    let plain = number.split(['E', 'e']).next().unwrap();
    assert!(plain == number || plain.bytes().all(|digit| digit == b'0' || digit == b'.'), "{number}");
    Some(rate(plain).scaled().unwrap())
}

/// An amount with twelve decimals.
fn twelve(amount: Amount) -> i128 {
    amount.scaled().unwrap() * 10_000
}

/// The order that a seed gives.
fn shuffled(transactions: &[Transaction], seed: u64) -> Vec<Transaction> {
    let mut shuffled = transactions.to_vec();
    shuffled.sort_by_key(|transaction| {
        let mut hasher = DefaultHasher::new();
        (seed, transaction.id).hash(&mut hasher);
        hasher.finish()
    });
    shuffled
}

fn transaction(row: &Value) -> Transaction {
    let fees = number(&row["trade_fee"]).unwrap_or_else(|| {
        let parts = row["fees"].as_object().into_iter().flat_map(|fees| fees.values());
        let fees = parts.map(|fee| amount(text(fee)).scaled().unwrap()).sum();
        Amount::from_scaled(fees).to_string()
    });
    let time = text(&row["transaction_date"]).trim_end_matches('Z');
    Transaction {
        id: Symbol::of(text(&row["transaction_id"])),
        portfolio: Symbol::of(text(&row["portfolio_id"])),
        security: Symbol::of(text(&row["security_id"])),
        transaction_type: TransactionType::parse(text(&row["transaction_type"])).unwrap(),
        execution_time: Timestamp::parse(time, "%Y-%m-%dT%H:%M:%S").unwrap(),
        quantity: units_of(&number(&row["quantity"]).unwrap()),
        gross_amount: amount(&number(&row["gross_transaction_amount"]).unwrap()),
        fees: amount(&fees),
        currency: Currency::parse(text(&row["trade_currency"])).unwrap(),
        fx_to_base: number(&row["transaction_fx_rate"]).map_or(Rate::NONE, |fx| rate(&fx)),
        ..Transaction::default()
    }
}

type Key = (Symbol, Symbol);

fn by_key(transactions: &[Transaction]) -> BTreeMap<Key, Vec<Transaction>> {
    let mut keys: BTreeMap<Key, Vec<Transaction>> = BTreeMap::new();
    for transaction in transactions {
        keys.entry((transaction.portfolio, transaction.security)).or_default().push(transaction.clone());
    }
    keys
}

/// The largest difference of a run from what the engine gave, in units of 10^-12, and how many numbers were compared.
struct Compared {
    largest: i128,
    numbers: usize,
}

impl Compared {
    fn amount(&mut self, ours: Amount, theirs: &Value, what: &dyn std::fmt::Debug) {
        self.number(twelve(ours), exact(theirs).unwrap(), what);
    }

    fn number(&mut self, ours: i128, theirs: i128, what: &dyn std::fmt::Debug) {
        let difference = (ours - theirs).abs();
        assert!(difference <= TOLERANCE, "{what:?}: {ours}, not {theirs}");
        self.largest = self.largest.max(difference);
        self.numbers += 1;
    }
}

/// One unit of the last decimal here, in 10^-12: the engine's results have ten decimals, those here eight.
const TOLERANCE: i128 = 10_000;

#[test]
fn a_cost_engine_of_others_is_matched_for_every_key_before_and_after_the_late_arrivals() {
    let Some(file) = read("cost_basis/engine_runs.json") else { return };
    let rows = file["transactions"].as_array().unwrap();
    let all: Vec<Transaction> = rows.iter().map(transaction).collect();
    let late: BTreeSet<Symbol> =
        file["arrival_order_late_transaction_ids"].as_array().unwrap().iter().map(|id| Symbol::of(text(id))).collect();
    let without_late: Vec<Transaction> = all.iter().filter(|known| !late.contains(&known.id)).cloned().collect();
    assert_eq!((all.len(), without_late.len(), by_key(&all).len()), (240, 234, 8));
    for (name, method) in [("FIFO", CostMethod::Fifo), ("AVCO", CostMethod::Average)] {
        for (when, transactions) in [("without_late", &without_late), ("all", &all)] {
            let expected = &file[format!("{name}_{when}")];
            let mut compared = Compared { largest: 0, numbers: 0 };
            for seed in 0..8 {
                compare_run(&rules(method), &shuffled(transactions, seed), expected, &mut compared);
            }
            println!("{name} {when}: {} numbers, largest difference {}e-12", compared.numbers, compared.largest);
            assert!(compared.numbers > 8 * 2 * 227);
        }
    }
}

fn compare_run(rules: &BookRules, transactions: &[Transaction], expected: &Value, compared: &mut Compared) {
    let mut effects = BTreeMap::new();
    let mut refused = BTreeSet::new();
    let mut books = BTreeMap::new();
    for (key, transactions) in by_key(transactions) {
        let (book, done) = run(rules, &transactions);
        books.insert(key, book);
        for (id, done) in done {
            match done {
                Ok(done) => _ = effects.insert(id, done),
                Err(refusal) => {
                    assert!(matches!(refusal, Refusal::Oversold { .. }), "{id}: {refusal}");
                    refused.insert(id);
                }
            }
        }
    }
    let errors: BTreeSet<Symbol> =
        expected["errors"].as_array().unwrap().iter().map(|id| Symbol::of(text(id))).collect();
    assert_eq!(refused, errors);
    let results = expected["transactions"].as_array().unwrap();
    assert_eq!(results.len(), effects.len());
    for row in results {
        let id = Symbol::of(text(&row["id"]));
        let done = &effects[&id];
        compared.amount(done.cost_change.base, &row["net_cost"], &id);
        compared.amount(done.cost_change.local, &row["net_cost_local"], &id);
        if row["rgl"].is_null() {
            assert_eq!(done.gain, None, "{id}");
        } else {
            let gain = done.gain.unwrap_or(Money::ZERO);
            compared.amount(gain.base, &row["rgl"], &id);
            compared.amount(gain.local, &row["rgl_local"], &id);
        }
    }
    compare_open(rules, &books, expected["open_state"].as_array().unwrap(), compared);
}

fn compare_open(rules: &BookRules, books: &BTreeMap<Key, Book>, expected: &[Value], compared: &mut Compared) {
    assert_eq!(books.len(), expected.len());
    for row in expected {
        let key = (Symbol::of(text(&row["key"][0])), Symbol::of(text(&row["key"][1])));
        let book = &books[&key];
        if rules.method == CostMethod::Average {
            assert_eq!(book.quantity().scaled().unwrap() * 1_000_000, exact(&row["total_qty"]).unwrap());
            compared.amount(book.cost().local, &row["total_cost_local"], &key);
            compared.amount(book.cost().base, &row["total_cost_base"], &key);
            continue;
        }
        let lots = row["lots"].as_array().unwrap();
        assert_eq!(book.lots().count(), lots.len(), "{key:?}");
        for (lot, expected) in book.lots().zip(lots) {
            assert_eq!(lot.id, Symbol::of(text(&expected["id"])));
            assert_eq!(lot.quantity, units_of(text(&expected["remaining"])));
            // Cost in 10^-8 for units in 10^-6.
            let cost_of_a_unit = lot.opened_cost.base.scaled().unwrap() * 10i128.pow(10) / scaled(lot.opened_quantity);
            compared.number(cost_of_a_unit, exact(&expected["cps_base"]).unwrap(), &lot.id);
        }
    }
}

fn scaled(quantity: Quantity) -> i128 {
    quantity.scaled().unwrap()
}

/// A scenario of portfolio-analytics-system, as it is ingested.
struct Scenario {
    rules: BookRules,
    transactions: Vec<Transaction>,
    /// Security, date, price.
    prices: Vec<(Symbol, Date, Amount)>,
    expected: Value,
}

impl Scenario {
    fn read(name: &str) -> Option<Scenario> {
        let file = read(&format!("pas_e2e/{name}.json"))?;
        let payloads = |list: &str| -> Vec<Value> {
            let steps = file["ingest_in_order"].as_array().unwrap().iter();
            let lists = steps.filter_map(|step| step["payload"][list].as_array());
            lists.flatten().cloned().collect()
        };
        let date = |value: &Value| Date::parse(text(value), "%Y-%m-%d").unwrap();
        let portfolio = &payloads("portfolios")[0];
        let base_currency = Currency::parse(text(&portfolio["baseCurrency"])).unwrap();
        let method = if portfolio["costBasisMethod"] == "AVCO" { CostMethod::Average } else { CostMethod::Fifo };
        // The last rate on or before the day of the transaction.
        let rates = payloads("fx_rates");
        let rate_on = |day: Date| {
            let known = rates.iter().filter(|row| date(&row["rateDate"]) <= day);
            known.max_by_key(|row| date(&row["rateDate"])).map_or(Rate::NONE, |row| rate(text(&row["rate"])))
        };
        let with_rate = |row: &Value| {
            let transaction = transaction(row);
            Transaction { fx_to_base: rate_on(transaction.execution_time.date()), ..transaction }
        };
        let price = |row: &Value| {
            (Symbol::of(text(&row["securityId"])), date(&row["priceDate"]), amount(&number(&row["price"]).unwrap()))
        };
        Some(Scenario {
            rules: BookRules { method, base_currency, ..BookRules::default() },
            transactions: payloads("transactions").iter().map(with_rate).collect(),
            prices: payloads("market_prices").iter().map(price).collect(),
            expected: file["expected"].clone(),
        })
    }

    /// Books and effects of what happened up to a day, in whatever order it arrived.
    fn up_to(&self, day: Date) -> (BTreeMap<Symbol, Book>, BTreeMap<Symbol, Effects>) {
        let until: Vec<Transaction> =
            self.transactions.iter().filter(|known| known.execution_time.date() <= day).cloned().collect();
        let mut books = BTreeMap::new();
        let mut all_effects = BTreeMap::new();
        for ((_, security), transactions) in by_key(&shuffled(&until, 7)) {
            let (book, done) = run(&self.rules, &transactions);
            books.insert(security, book);
            all_effects.extend(done.into_iter().map(|(id, effects)| (id, effects.unwrap())));
        }
        (books, all_effects)
    }

    fn all(&self) -> (BTreeMap<Symbol, Book>, BTreeMap<Symbol, Effects>) {
        self.up_to(Date::from_days(100_000))
    }

    /// Units times the last price on or before the day, over all positions, in local currency.
    fn market_value(&self, day: Date) -> Amount {
        let value = |(security, book): (&Symbol, &Book)| {
            let known = self.prices.iter().filter(|(priced, date, _)| priced == security && *date <= day);
            let price = known.max_by_key(|(_, date, _)| *date).unwrap().2;
            price.scaled().unwrap() * scaled(book.quantity()) / 1_000_000
        };
        Amount::from_scaled(self.up_to(day).0.iter().map(value).sum())
    }

    fn is(&self, ours: Amount, path: &str) {
        let theirs = self.expected.pointer(path).and_then(number).unwrap();
        assert_eq!(ours, amount(&theirs), "{path}");
    }
}

fn day(text: &str) -> Date {
    Date::parse(text, "%Y-%m-%d").unwrap()
}

#[test]
fn five_days_of_a_portfolio() {
    let Some(scenario) = Scenario::read("5_day_workflow") else { return };
    let gain = scenario.all().1[&Symbol::of("TXN_DAY4_SELL_AAPL_01")].gain.unwrap();
    scenario.is(gain.base, "/transactions/0/realized_gain_loss");
    let days = scenario.expected["portfolio_timeseries"].as_array().unwrap().clone();
    assert_eq!(days.len(), 3);
    for (index, row) in days.iter().enumerate() {
        let value = scenario.market_value(day(text(&row["date"])));
        scenario.is(value, &format!("/portfolio_timeseries/{index}/eod_market_value"));
    }
}

#[test]
fn average_cost() {
    let Some(scenario) = Scenario::read("avco_workflow") else { return };
    let gain = scenario.all().1[&Symbol::of("AVCO_SELL_1")].gain.unwrap();
    scenario.is(gain.base, "/transactions/0/realized_gain_loss");
}

#[test]
fn two_currencies() {
    let Some(scenario) = Scenario::read("dual_currency_workflow") else { return };
    let (books, effects) = scenario.all();
    let gain = effects[&Symbol::of("SEC_DAIMLER_DE_SELL")].gain.unwrap();
    scenario.is(gain.local, "/sell/realized_gain_loss_local");
    scenario.is(gain.base, "/sell/realized_gain_loss");
    let book = &books[&Symbol::of("SEC_DAIMLER_DE")];
    scenario.is(amount(&book.quantity().to_string()), "/position/quantity");
    scenario.is(book.cost().local, "/position/cost_basis_local");
    scenario.is(book.cost().base, "/position/cost_basis");
    let value = scenario.market_value(day("2025-08-15"));
    scenario.is(value, "/position/market_value_local");
    let unrealised = Money { local: value, base: value }.minus(book.cost()).unwrap();
    scenario.is(unrealised.local, "/position/unrealized_gain_loss_local");
    let in_base = Money::converted(value.scaled().unwrap(), rate("1.2").scaled().unwrap()).unwrap();
    scenario.is(in_base.base, "/position/market_value");
    scenario.is(in_base.minus(book.cost()).unwrap().base, "/position/unrealized_gain_loss");
}

#[test]
fn a_sale_that_is_booked_late() {
    let Some(scenario) = Scenario::read("reprocessing_workflow") else { return };
    let (books, effects) = scenario.all();
    let gain = effects[&Symbol::of("REPRO_SELL_DAY2")].gain.unwrap();
    scenario.is(gain.base, "/after_backdated_sell/REPRO_SELL_DAY2.realized_gain_loss");
    let book = &books[&Symbol::of("SEC_REPRO_AAPL")];
    scenario.is(amount(&book.quantity().to_string()), "/after_backdated_sell/position/quantity");
    scenario.is(book.cost().base, "/after_backdated_sell/position/cost_basis");
}

#[test]
fn a_position_that_is_valued() {
    let Some(scenario) = Scenario::read("valuation_pipeline") else { return };
    let book = scenario.all().0[&Symbol::of("SEC_E2E_VAL")].clone();
    scenario.is(amount(&book.quantity().to_string()), "/position/quantity");
    scenario.is(book.cost().base, "/position/cost_basis");
    let value = scenario.market_value(day("2025-07-27"));
    scenario.is(value, "/position/market_value");
    let unrealised = value.scaled().unwrap() - book.cost().base.scaled().unwrap();
    scenario.is(Amount::from_scaled(unrealised), "/position/unrealized_gain_loss");
}

#[test]
fn three_positions_sum_to_their_portfolio() {
    let Some(scenario) = Scenario::read("concentration_pipeline") else { return };
    scenario.is(scenario.market_value(day("2025-08-31")), "/portfolio_market_value");
}

#[test]
fn a_purchase_flows() {
    let Some(scenario) = Scenario::read("cashflow_pipeline") else { return };
    let flow = CashFlowRules::default().flow(&scenario.transactions[0]).unwrap().unwrap();
    let expected = &scenario.expected["cashflow"];
    scenario.is(flow.amount, "/cashflow/amount");
    assert_eq!(flow.currency.code(), text(&expected["currency"]));
    let class = serde_json::to_value(flow.class).unwrap();
    assert_eq!(text(&class).to_uppercase(), text(&expected["classification"]));
    assert_eq!(flow.timing == FlowTiming::BeginOfDay, expected["timing"] == "BOD");
    assert_eq!(Value::Bool(flow.is_position_flow), expected["is_position_flow"]);
    assert_eq!(Value::Bool(flow.is_portfolio_flow), expected["is_portfolio_flow"]);
}

#[test]
fn a_deposit_flows_at_the_beginning_of_the_day_and_is_held_from_then_on() {
    let Some(scenario) = Scenario::read("performance_pipeline") else { return };
    let flow = CashFlowRules::default().flow(&scenario.transactions[0]).unwrap().unwrap();
    assert_eq!((flow.timing, flow.is_portfolio_flow), (FlowTiming::BeginOfDay, true));
    let float = |amount: Amount| -> f64 { amount.to_string().parse().unwrap() };
    let mut begin = float(flow.amount);
    let returns = scenario.expected["daily_ror_pct"].as_object().unwrap();
    assert_eq!(returns.len(), 2);
    for (date, expected) in returns {
        let end = float(scenario.market_value(day(date)));
        let expected: f64 = text(expected).parse().unwrap();
        assert!(((end / begin - 1.0) * 100.0 - expected).abs() < 1e-9, "{date}");
        begin = end;
    }
}

/// Realised and unrealised gain at a price, and the book.
fn performance(transactions: &[Transaction], price: &str) -> (Amount, Book) {
    let rules = BookRules { base_currency: Currency::parse("CHF").unwrap(), ..BookRules::default() };
    let (book, effects) = booked(&rules, transactions);
    let realised = sum(effects.iter().filter_map(|effects| effects.gain));
    let value = amount(price).scaled().unwrap() * scaled(book.quantity()) / 1_000_000;
    let unrealised = value - book.cost().base.scaled().unwrap();
    (Amount::from_scaled(realised.base.scaled().unwrap() + unrealised), book)
}

#[test]
fn retail_cases_have_the_same_investment_and_gains_before_and_after_fees() {
    let Some(file) = read("retail/ghostfolio_cases.json") else { return };
    let cases = file.as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let expected = |name: &str| amount(text(&case["expected"][name]));
        let with_fees: Vec<Transaction> = case["activities"].as_array().unwrap().iter().map(activity).collect();
        let before_fees: Vec<Transaction> =
            with_fees.iter().map(|known| Transaction { fees: Amount::NONE, ..known.clone() }).collect();
        let prices = case["market_prices"].as_object().unwrap().values().next().unwrap();
        let price = number(&prices[text(&case["as_of"])]).unwrap();

        let (gross, book) = performance(&before_fees, &price);
        assert_eq!(gross, expected("grossPerformance"));
        assert_eq!(amount(&book.quantity().to_string()), expected("quantity"));
        assert_eq!(book.cost().base, expected("investment"));
        let average = book.cost().base.scaled().unwrap() * 1_000_000 / scaled(book.quantity());
        assert_eq!(Amount::from_scaled(average), expected("averagePrice"));
        let (net, _) = performance(&with_fees, &price);
        assert_eq!(net, expected("netPerformance"));
        let fees = with_fees.iter().map(book::fees).sum();
        assert_eq!(Amount::from_scaled(fees), expected("fee"));
    }
}

fn activity(row: &Value) -> Transaction {
    let quantity = units_of(&number(&row["quantity"]).unwrap());
    let price = amount(&number(&row["unitPrice"]).unwrap());
    let date = &text(&row["date"])[..10];
    Transaction {
        security: Symbol::of("S"),
        id: Symbol::of(date),
        transaction_type: TransactionType::parse(text(&row["type"])).unwrap(),
        trade_date: day(date),
        quantity,
        gross_amount: Amount::from_scaled(price.scaled().unwrap() * scaled(quantity) / 1_000_000),
        fees: amount(&number(&row["fee"]).unwrap()),
        currency: Currency::parse(text(&row["currency"])).unwrap(),
        ..Transaction::default()
    }
}
