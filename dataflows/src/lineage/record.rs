//! Rows that are records: under which business key each stands.

use model::{BenchmarkLevel, Currency, Date, FxRate, MarketPrice, Record, RiskFreeRate, Sensitivity, Symbol};
use serde_json::{Map, Value};

/// The business key of a record, but for its source: its kind, and its id there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    /// The name of the kind, as in configuration.
    pub kind: &'static str,
    /// The id.
    pub id: Symbol,
}

/// The record that a row of a view is; `None` where it is none. The row's source is in its column `source`.
pub fn record_of(view: &str, row: &Map<String, Value>) -> Option<RecordKey> {
    let text = |column: &str| row.get(column).and_then(Value::as_str);
    let date = |column: &str| Date::parse(text(column)?, "%Y-%m-%d").ok();
    let currency = |column: &str| Currency::parse(text(column)?).ok();
    let by_id = |kind| Some(RecordKey { kind, id: Symbol::of(text("id")?) });
    match view {
        "trades" => by_id("trade"),
        "transactions" => by_id("transaction"),
        "instruments" => by_id("instrument"),
        "portfolios" => by_id("portfolio"),
        "limits" => by_id("limit"),
        "asset_types" => Some(RecordKey { kind: "asset_type", id: Symbol::of(text("asset_type")?) }),
        "margin_exceptions" => Some(RecordKey { kind: "margin_exception", id: Symbol::of(text("fund")?) }),
        "fund_records" => {
            let id = u128::from_str_radix(text("record")?, 16).ok()?;
            let kind = Record::KINDS.iter().find(|kind| Some(**kind) == text("kind"))?;
            Some(RecordKey { kind, id: Symbol::from_bytes(id.to_be_bytes()) })
        }
        "prices" => {
            let (security, price_date) = (Symbol::of(text("security")?), date("price_date")?);
            let id = MarketPrice { security, price_date, ..MarketPrice::default() }.id();
            Some(RecordKey { kind: "market_price", id })
        }
        "fx_rates" => {
            let (from_currency, to_currency) = (currency("from_currency")?, currency("to_currency")?);
            let id = FxRate { from_currency, to_currency, rate_date: date("rate_date")?, ..FxRate::default() }.id();
            Some(RecordKey { kind: "fx_rate", id })
        }
        "benchmark_levels" => {
            let (benchmark, level_date) = (Symbol::of(text("benchmark")?), date("level_date")?);
            let id = BenchmarkLevel { benchmark, level_date, ..BenchmarkLevel::default() }.id();
            Some(RecordKey { kind: "benchmark_level", id })
        }
        "risk_free_rates" => {
            let (currency, rate_date) = (currency("currency")?, date("rate_date")?);
            let id = RiskFreeRate { currency, rate_date, ..RiskFreeRate::default() }.id();
            Some(RecordKey { kind: "risk_free_rate", id })
        }
        "sensitivities" => {
            let (security, sensitivity_date) = (Symbol::of(text("security")?), date("sensitivity_date")?);
            let id = Sensitivity { security, sensitivity_date, ..Sensitivity::default() }.id();
            Some(RecordKey { kind: "sensitivity", id })
        }
        _ => None,
    }
}

impl RecordKey {
    /// Whether a record with this member is of its kind.
    pub fn is_of_kind(&self, member: u16) -> bool {
        Record::kind_of(member) == Some(self.kind)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(view: &str, row: Value) -> Option<RecordKey> {
        record_of(view, row.as_object().unwrap())
    }

    #[test]
    fn a_row_leads_to_the_record_that_it_is() {
        let transaction = record("transactions", json!({"source": "books", "id": "T1"})).unwrap();
        assert_eq!(transaction, RecordKey { kind: "transaction", id: Symbol::of("T1") });
        assert!(transaction.is_of_kind(4 * 256 + 7) && !transaction.is_of_kind(5 * 256 + 7));
        let price = record("prices", json!({"security": "A", "price_date": "2026-01-06", "currency": "USD"})).unwrap();
        let security = Symbol::of("A");
        let price_date = Date::from_ymd(2026, 1, 6).unwrap();
        assert_eq!(price.id, MarketPrice { security, price_date, ..MarketPrice::default() }.id());
        assert_eq!(record("positions", json!({"id": "T1"})), None);
        assert_eq!(record("transactions", json!({"id": null})), None);
    }
}
