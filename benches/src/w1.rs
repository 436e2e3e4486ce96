//! W1: a million trades on each side. 95 % agree on everything within tolerance, 2 % differ in quantity, 2 % in price beyond
//! one basis point, and half a per cent is missing on each side.

use std::sync::Arc;

use engine::{Archive, Batch, EngineError, Event, Key, Source, SourceContext, SourceReader};
use model::{Price, Quantity, Record, SourceId, Symbol, Trade};

/// The configuration of the reconciliation.
pub const RULES: &str = r#"
[reconciliation.w1]
sides = ["internal", "broker"]
compare = ["quantity", "price"]
tolerance = [{ field = "price", basis_points = "1" }]
[[reconciliation.w1.tier]]
kind = "identifier"
field = "id"
"#;

/// The same, with some of the broker's trades late: they come under a source of their own.
pub const LATE_RULES: &str = r#"
[reconciliation.w1]
sides = ["internal", { name = "broker", sources = ["broker", "late"] }]
compare = ["quantity", "price"]
tolerance = [{ field = "price", basis_points = "1" }]
[[reconciliation.w1.tier]]
kind = "identifier"
field = "id"
"#;

/// A small generator of random numbers (SplitMix64), so that the data need no dependency.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A trade of W1: everything about it follows from its number.
pub struct Numbered {
    /// Counterparty, one of 200.
    pub counterparty: u64,
    /// Instrument, one of 10,000.
    pub instrument: u64,
    /// Quantity of each side; `None` where it is missing there.
    pub quantity: [Option<i64>; 2],
    /// Price of each side, in 1/10,000.
    pub price: [i64; 2],
}

impl Numbered {
    /// The trade with this number.
    pub fn new(number: u64) -> Self {
        let mut random = Random(number);
        let (counterparty, instrument) = (random.number() % 200, random.number() % 10_000);
        let quantity = (1 + random.number() % 9_999) as i64 * 10;
        let price = (100_000 + random.number() % 4_900_000) as i64;
        let (fate, more) = (random.number() % 1000, random.number());
        let mut quantities = [Some(quantity), Some(quantity)];
        let mut prices = [price, price];
        match fate {
            0..475 => prices[1] += price * (more % 90) as i64 / 1_000_000,
            950..970 => quantities[1] = Some(quantity + (1 + more % 49) as i64 * 10),
            970..990 => prices[1] += price * (5 + more % 45) as i64 / 10_000 + 1,
            990..995 => quantities[1] = None,
            995.. => quantities[0] = None,
            _ => {}
        }
        Numbered { counterparty, instrument, quantity: quantities, price: prices }
    }

    /// Its record on a side.
    pub fn record(&self, number: u64, side: usize) -> Option<Record> {
        Some(Record::Trade(Trade {
            source: SourceId(side as u8),
            id: decimal(number),
            instrument: decimal(self.instrument),
            counterparty: decimal(self.counterparty),
            quantity: Quantity::from_scaled(self.quantity[side]? * 1_000_000),
            price: Price::from_scaled(self.price[side] * 10_000),
            ..Trade::default()
        }))
    }
}

/// A number as an identifier.
pub fn decimal(number: u64) -> Symbol {
    Symbol::of(&number.to_string())
}

/// One side of W1, made as it is read: so that memory holds what the engine holds.
pub struct Side {
    /// 0 for our books, 1 for the broker.
    pub side: usize,
    /// How many trades.
    pub trades: u64,
    /// How many of them, the first by number, the broker has not told of yet.
    pub late: u64,
}

/// The number of the trade at a place of a side: each side has an order of its own.
pub fn number_at(side: usize, place: u64, trades: u64) -> u64 {
    // A multiplier prime to the count visits every number once.
    place.wrapping_mul([6_700_417, 7_368_787][side]) % trades
}

/// How many breaks of each type W1 has, as the data are made and not as anybody finds them.
pub fn expected_breaks(trades: u64) -> std::collections::BTreeMap<String, i64> {
    let mut breaks = std::collections::BTreeMap::new();
    for trade in (0..trades).map(Numbered::new) {
        let kind = match trade.quantity {
            [None, _] => "missing_internal",
            [_, None] => "missing_broker",
            [ours, theirs] if ours != theirs => "quantity_mismatch",
            // Beyond one basis point of the broker's price.
            _ if trade.price[0].abs_diff(trade.price[1]) * 10_000 > trade.price[1].unsigned_abs() => "price_mismatch",
            _ => continue,
        };
        *breaks.entry(kind.to_owned()).or_default() += 1;
    }
    breaks
}

impl Source<Record> for Side {
    fn name(&self) -> &str {
        ["internal", "broker"][self.side]
    }

    fn is_one_shot(&self) -> bool {
        true
    }

    fn open(&self, _: &str, _: u64, _: &Archive) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        Err(EngineError::stopped())
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        let partition: Arc<str> = Arc::from("w1");
        let mut place = 0;
        while place < self.trades {
            let upper = (place + engine::source::BATCH_ROWS_MAX as u64).min(self.trades);
            let mut events = Vec::with_capacity((upper - place) as usize);
            for place in place..upper {
                let number = number_at(self.side, place, self.trades);
                if self.side == 1 && number < self.late {
                    continue;
                }
                let record = Numbered::new(number).record(number, self.side);
                events.extend(record.map(|record| event(record, place)));
            }
            place = upper;
            context.outlet.send(Batch {
                partition: partition.clone(),
                upper,
                events,
                refusals: Vec::new(),
                continues: false,
            })?;
        }
        Ok(())
    }
}

/// A record as an event.
pub fn event(record: Record, offset: u64) -> Event<Record> {
    Event { key: Key::from_bytes(record.key().bytes()), member: record.member(), offset, record: Some(record) }
}
