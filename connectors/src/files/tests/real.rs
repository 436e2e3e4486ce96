//! Real files that nobody here wrote.

use super::*;
use crate::reference;

fn read_real(path: &str, settings: &str) -> Option<Read> {
    let path = reference::path(path)?;
    let read = Desk::new().read(&format!("path = {path:?}\n{settings}"));
    assert_eq!(read.refusals(), Vec::<&Refusal>::new());
    Some(read)
}

const TRADES: &str = r#"
    constants = { product = "equity" }
    [columns]
    execution_id = "execution_id"
    instrument = "symbol"
    side = "side"
    quantity = "quantity"
    price = "price"
    gross_amount = "gross_amount"
    commission = "commission"
    fees = "fees"
    currency = "currency"
    account = "account_id"
    broker = "broker"
    trade_date = "trade_date"
    settlement_date = "settle_date"
"#;

const ALLOCATIONS: &str = r#"
    record = "allocation"
    columns = { id = "allocation_id", trade = "execution_id", account = "account_id", quantity = "allocation_quantity" }
"#;

#[test]
fn trades_of_a_fund_and_its_brokers_are_read_without_a_refusal() {
    let folder = "matching/trades_internal_vs_broker";
    let internal =
        format!("{TRADES}\nid = \"internal_trade_id\"\norder_id = \"order_id\"\nexecution_time = \"created_at\"");
    let broker = format!("{TRADES}\nid = \"broker_trade_id\"\nexecution_time = \"received_at\"");
    for (file, settings, rows) in [
        ("internal_trades.csv", &*internal, 501),
        ("broker_trades.csv", &*broker, 501),
        ("internal_allocations.csv", ALLOCATIONS, 546),
        ("broker_allocations.csv", ALLOCATIONS, 546),
    ] {
        let Some(read) = read_real(&format!("{folder}/{file}"), settings) else { return };
        assert_eq!(read.records().len(), rows, "{file}");
    }
}

#[test]
fn payments_seen_by_two_banks_are_read_without_a_refusal() {
    for side in ["origin", "destination"] {
        let settings = format!(
            "[columns]\nid = \"{side}_id\"\ntrade_date = \"transaction_date\"\nnet_amount = \"amount\"\nreference = \"memo\""
        );
        let Some(read) = read_real(&format!("matching/transactions_dev_{side}.csv"), &settings) else { return };
        assert_eq!(read.records().len(), 14_779);
    }
}
