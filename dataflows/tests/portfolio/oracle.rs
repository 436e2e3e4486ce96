//! What the views must say, worked out plainly from all records: day by day, position by position.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::portfolio::cash_flow_rules::{CashFlowRules, FlowTiming};
use dataflows::portfolio::cost_basis::{Book, BookRules, ProcessingOrder};
use model::{Amount, Currency, Date, Product, Record, Symbol, Transaction, TransactionType};

use crate::kit::Desk;
use crate::{parts_oracle, risk_oracle};

/// What there is on a day of a portfolio: value, flows at its start and end, how many flows have no rate.
pub type Day = [i128; 4];

/// What there is of a security on a day of its portfolio: value, what came to it less what left, fees, and what of the
/// flows came at the start.
pub type PartDay = [i128; 4];

/// Of each portfolio, each security on each day.
pub type Parts = BTreeMap<Symbol, BTreeMap<Symbol, BTreeMap<i32, PartDay>>>;

/// Half to even.
pub fn rounded(numerator: i128, denominator: i128) -> i128 {
    let floor = numerator.div_euclid(denominator);
    let twice = 2 * numerator.rem_euclid(denominator);
    floor + i128::from(twice > denominator || (twice == denominator && floor % 2 != 0))
}

struct Market {
    prices: BTreeMap<(Symbol, Currency), BTreeMap<i32, i128>>,
    rates: BTreeMap<(Currency, Currency), BTreeMap<i32, i128>>,
}

pub fn last(series: Option<&BTreeMap<i32, i128>>, day: i32) -> Option<i128> {
    series?.range(..=day).next_back().map(|(_, value)| *value)
}

impl Market {
    fn rate(&self, from: Currency, to: Currency, day: i32) -> Option<i128> {
        if from == to && !to.is_none() { Some(10i128.pow(12)) } else { last(self.rates.get(&(from, to)), day) }
    }
}

/// Compares the positions, the days and the risk of all portfolios.
pub fn check(records: &[Record], desk: &Desk) {
    let (positions, days, parts, last_day) = expected(records);
    crate::exposure_oracle::check(records, last_day, desk);
    let text = |scaled: i128| Amount::from_scaled(scaled).to_string();
    let shown: Vec<String> = positions
        .iter()
        .map(|((portfolio, security, currency), [quantity, local, base])| {
            let quantity = model::Quantity::from_scaled(*quantity as i64).to_string();
            format!("{portfolio} {security} {} {quantity} {} {}", currency.code(), text(*local), text(*base))
        })
        .collect();
    let columns = ["portfolio", "security", "currency", "quantity", "cost_local", "cost_base"];
    let mut open = desk.columns("positions", &columns);
    open.retain(|row| row.split(' ').nth(3) != Some("0"));
    assert_eq!(open, shown);

    let mut shown: Vec<String> = days
        .iter()
        .flat_map(|(portfolio, days)| {
            let row = move |(day, [value, opening, closing, without_rate]): (&i32, &Day)| {
                let [value, opening, closing] = [value, opening, closing].map(|amount| text(*amount));
                format!("{portfolio} {} {opening} {closing} {value} {without_rate}", Date::from_days(*day))
            };
            days.iter().map(row)
        })
        .collect();
    shown.sort();
    let columns = ["portfolio", "date", "opening_flow", "closing_flow", "closing_value", "flows_without_rate"];
    assert_eq!(desk.columns("portfolio_timeseries", &columns), shown);
    risk_oracle::check(records, &days, desk);
    parts_oracle::check_contributions(&days, &parts, desk);
    parts_oracle::check_attributions(records, &days, &parts, desk);
}

type Positions = BTreeMap<(Symbol, Symbol, Currency), [i128; 3]>;

/// The days of each portfolio.
pub type Days = BTreeMap<Symbol, BTreeMap<i32, Day>>;

fn expected(records: &[Record]) -> (Positions, Days, Parts, i32) {
    let mut market = Market { prices: BTreeMap::new(), rates: BTreeMap::new() };
    let mut base_currencies = BTreeMap::new();
    let (mut cash, mut instrument_currency) = (Vec::new(), BTreeMap::new());
    let mut transactions: Vec<Transaction> = Vec::new();
    let mut last_day = i32::MIN;
    for record in records {
        match record {
            Record::MarketPrice(price) => {
                let (day, scaled) = (price.price_date.0, price.price.scaled().unwrap());
                let series = market.prices.entry((price.security, price.currency)).or_default();
                series.insert(day, scaled);
                last_day = last_day.max(day);
            }
            Record::FxRate(rate) => {
                let series = market.rates.entry((rate.from_currency, rate.to_currency)).or_default();
                series.insert(rate.rate_date.0, rate.rate.scaled().unwrap());
                last_day = last_day.max(rate.rate_date.0);
            }
            // Records come in the order of their sources, so the one that is defined last counts.
            Record::Portfolio(portfolio) => drop(base_currencies.insert(portfolio.id, portfolio.base_currency)),
            Record::Instrument(instrument) => {
                instrument_currency.insert(instrument.id, instrument.currency);
                if instrument.product == Product::Cash {
                    cash.push(instrument.id);
                }
            }
            Record::Transaction(transaction) => transactions.push((**transaction).clone()),
            _ => {}
        }
    }
    transactions.sort_by_key(ProcessingOrder::of);

    // Units by portfolio and security, day by day, as the books have them.
    let mut books: BTreeMap<(Symbol, Symbol), Book> = BTreeMap::new();
    let mut units: BTreeMap<(Symbol, Symbol), BTreeMap<i32, i128>> = BTreeMap::new();
    let mut costs_in: BTreeMap<Symbol, Vec<Currency>> = BTreeMap::new();
    let mut flows: BTreeMap<Symbol, BTreeMap<i32, [i128; 3]>> = BTreeMap::new();
    let mut days_of_changes: BTreeSet<(Symbol, i32)> = BTreeSet::new();
    let mut parts = Parts::new();
    let cash_flow_rules = CashFlowRules::default();
    for transaction in &transactions {
        let (portfolio, security) = (transaction.portfolio, transaction.security);
        let base_currency = base_currencies.get(&portfolio).copied().unwrap_or(Currency::NONE);
        let rules = BookRules { base_currency, ..BookRules::default() };
        let day = transaction.effective_time().date().0;
        let mut rated = transaction.clone();
        if !base_currency.is_none() && transaction.currency != base_currency {
            let rate = market.rate(transaction.currency, base_currency, day);
            rated.fx_to_base = rate.map_or(model::Rate::NONE, model::Rate::from_scaled);
        }
        let book = books.get(&(portfolio, security)).cloned().unwrap_or_default();
        let (after, Ok(effects)) = book.apply(&rules, &rated) else { continue };
        let mut changed = vec![(security, after)];
        if let Some(carried) = &effects.carried {
            let book = books.get(&(portfolio, carried.security)).cloned().unwrap_or_default();
            let (received, Ok(_)) = book.receive(&rules, carried) else { continue };
            changed.push((carried.security, received));
        }
        let Ok(flow) = cash_flow_rules.flow(&rated) else { continue };
        for (security, book) in changed {
            let before = books.insert((portfolio, security), book.clone());
            if before.unwrap_or_default() != book {
                let own = if book.currency().is_none() { transaction.currency } else { book.currency() };
                costs_in.entry(security).or_default().push(own);
                days_of_changes.insert((portfolio, day));
                last_day = last_day.max(day);
            }
            units.entry((portfolio, security)).or_default().insert(day, book.quantity().scaled().unwrap());
        }
        if flow.is_some() {
            last_day = last_day.max(day);
        }
        let Some(flow) = flow else { continue };
        let rate = market.rate(flow.currency, base_currency, day);
        let amount = rate.map(|rate| rounded_product(flow.amount.scaled().unwrap(), rate));
        let end = usize::from(flow.timing == FlowTiming::EndOfDay);
        if flow.is_portfolio_flow {
            let of_day = flows.entry(portfolio).or_default().entry(day).or_default();
            match amount {
                Some(amount) => of_day[end] += amount,
                None => of_day[2] += 1,
            }
        }
        if let Some(amount) = amount {
            let part = parts.entry(portfolio).or_default().entry(security).or_default().entry(day).or_default();
            match transaction.transaction_type {
                TransactionType::Fee => part[2] -= amount,
                TransactionType::Deposit
                | TransactionType::Withdrawal
                | TransactionType::TransferIn
                | TransactionType::TransferOut => {
                    part[1] += amount;
                    part[3] += if end == 0 { amount } else { 0 };
                }
                _ => part[1] -= amount,
            }
        }
    }

    let mut positions = Positions::new();
    for ((portfolio, security), book) in &books {
        if book.quantity().scaled() != Some(0) {
            let scaled = |amount: Amount| amount.scaled().unwrap();
            let sums = [book.quantity().scaled().unwrap(), scaled(book.cost().local), scaled(book.cost().base)];
            positions.insert((*portfolio, *security, book.currency()), sums);
        }
    }

    let mut days: BTreeMap<Symbol, BTreeMap<i32, Day>> = BTreeMap::new();
    for portfolio in books.keys().map(|(portfolio, _)| *portfolio) {
        let base_currency = base_currencies.get(&portfolio).copied().unwrap_or(Currency::NONE);
        let of_portfolio = || units.iter().filter(|((owner, _), _)| *owner == portfolio);
        let first = of_portfolio().filter_map(|(_, days)| days.keys().next()).min().copied().unwrap_or(i32::MAX);
        let own_flows = flows.get(&portfolio);
        for day in first..=last_day {
            let mut by_currency: BTreeMap<Currency, i128> = BTreeMap::new();
            let mut held = 0;
            for ((_, security), series) in of_portfolio() {
                let quantity = last(Some(series), day).unwrap_or(0);
                held += u32::from(quantity != 0);
                let priced_in: Vec<Currency> =
                    market.prices.keys().filter(|(priced, _)| priced == security).map(|(_, of)| *of).collect();
                let costs = costs_in.get(security).and_then(|all| all.iter().max()).copied();
                let usual = priced_in.iter().max().copied().or(costs).unwrap_or(Currency::NONE);
                let currency = instrument_currency.get(security).copied().unwrap_or(usual);
                let is_at_par = cash.contains(security) && priced_in.is_empty();
                let price = last(market.prices.get(&(*security, currency)), day);
                if let Some(price) = price.or(is_at_par.then_some(10i128.pow(8))) {
                    *by_currency.entry(currency).or_default() += quantity * price;
                    if let Some(rate) = market.rate(currency, base_currency, day) {
                        let days = parts.entry(portfolio).or_default().entry(*security).or_default();
                        days.entry(day).or_default()[0] = rounded_ratio(quantity * price, rate);
                    }
                }
            }
            let in_base = by_currency.iter().filter_map(|(currency, value)| {
                let rate = market.rate(*currency, base_currency, day)?;
                Some(rounded_ratio(*value, rate))
            });
            let [opening, closing, without_rate] =
                own_flows.and_then(|flows| flows.get(&day)).copied().unwrap_or_default();
            let has_flow = own_flows.is_some_and(|flows| flows.contains_key(&day));
            if held > 0 || has_flow || days_of_changes.contains(&(portfolio, day)) {
                days.entry(portfolio).or_default().insert(day, [in_base.sum(), opening, closing, without_rate]);
            }
        }
    }

    (positions, days, parts, last_day)
}

/// An amount times a rate of 12 decimals.
fn rounded_product(amount: i128, rate: i128) -> i128 {
    rounded(amount * rate, 10i128.pow(12))
}

/// A value of 14 decimals times a rate of 12, with 8 decimals.
fn rounded_ratio(value: i128, rate: i128) -> i128 {
    rounded(value * rate, 10i128.pow(18))
}
