//! Records for tests: written by hand field by field, or at random from a small world in which collisions are frequent.

use model::{
    Allocation, Amount, Confirmation, Currency, Date, NumberFormat, Price, Product, Quantity, Record, Side, SourceId,
    Symbol, Trade, TradeBuilder,
};
use proptest::prelude::*;
use proptest::sample::Index;

use super::{Book, Change, put_all};

/// The sources of the small world, by their place.
pub const SOURCES: [&str; 7] =
    ["internal", "broker_a", "broker_b", "custodian", "internal_allocations", "broker_allocations", "analysts"];
pub const INTERNAL: u8 = 0;
pub const BROKER_A: u8 = 1;
pub const BROKER_B: u8 = 2;
pub const CUSTODIAN: u8 = 3;
pub const INTERNAL_ALLOCATIONS: u8 = 4;
pub const BROKER_ALLOCATIONS: u8 = 5;
pub const ANALYSTS: u8 = 6;

/// A name that is too long for its symbol to carry it.
pub const LONG_NAME: &str = "Counterparty of the Long Name, Limited";

/// What a trade says, as text; empty where nothing is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Says {
    pub execution_id: &'static str,
    pub reference: &'static str,
    pub block_id: &'static str,
    pub instrument: &'static str,
    pub side: &'static str,
    pub product: &'static str,
    pub currency: &'static str,
    pub counterparty: &'static str,
    pub account: &'static str,
    pub desk: &'static str,
    pub trade_date: &'static str,
    pub settlement_date: &'static str,
    pub quantity: &'static str,
    pub price: &'static str,
    pub fees: &'static str,
}

/// A trade about which nothing is unusual.
pub const PLAIN: Says = Says {
    execution_id: "",
    reference: "",
    block_id: "",
    instrument: "ES",
    side: "BUY",
    product: "EQUITY",
    currency: "USD",
    counterparty: "CP1",
    account: "A1",
    desk: "",
    trade_date: "2026-11-20",
    settlement_date: "2026-11-23",
    quantity: "10",
    price: "100",
    fees: "1",
};

/// Only what is unusual: the story of a failure stays short.
impl std::fmt::Debug for Says {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields = |says: &Says| {
            [
                ("execution_id", says.execution_id),
                ("reference", says.reference),
                ("block_id", says.block_id),
                ("instrument", says.instrument),
                ("side", says.side),
                ("product", says.product),
                ("currency", says.currency),
                ("counterparty", says.counterparty),
                ("account", says.account),
                ("desk", says.desk),
                ("trade_date", says.trade_date),
                ("settlement_date", says.settlement_date),
                ("quantity", says.quantity),
                ("price", says.price),
                ("fees", says.fees),
            ]
        };
        let unusual = fields(self).into_iter().zip(fields(&PLAIN)).filter(|(own, plain)| own != plain);
        let texts: Vec<String> = unusual.map(|((name, value), _)| format!("{name}: {value:?}")).collect();
        write!(f, "{{ {} }}", texts.join(", "))
    }
}

/// A number; nothing for an empty text.
macro_rules! number {
    ($type:ident, $text:expr) => {
        if $text.is_empty() { $type::NONE } else { $type::parse($text, &NumberFormat::default()).unwrap() }
    };
}

fn date(text: &str) -> Date {
    if text.is_empty() { Date::NONE } else { Date::parse(text, "%Y-%m-%d").unwrap() }
}

pub fn trade(source: u8, id: &str, says: &Says) -> Trade {
    let mut builder = TradeBuilder::new(SourceId(source));
    let trade = builder.trade_mut();
    trade.id = Symbol::of(id);
    trade.instrument = Symbol::of(says.instrument);
    trade.side = Side::parse(says.side).unwrap_or_default();
    trade.product = Product::parse(says.product).unwrap_or_default();
    trade.currency = Currency::parse(says.currency).unwrap_or(Currency::NONE);
    trade.counterparty = Symbol::of(says.counterparty);
    trade.trade_date = date(says.trade_date);
    trade.settlement_date = date(says.settlement_date);
    trade.quantity = number!(Quantity, says.quantity);
    trade.price = number!(Price, says.price);
    let detail = builder.detail_mut();
    detail.execution_id = Symbol::of(says.execution_id);
    detail.reference = Symbol::of(says.reference);
    detail.block_id = Symbol::of(says.block_id);
    detail.account = Symbol::of(says.account);
    detail.desk = Symbol::of(says.desk);
    detail.fees = number!(Amount, says.fees);
    builder.finish()
}

pub fn allocation(source: u8, id: &str, trade: &str, account: &str, quantity: &str) -> Allocation {
    let [id, trade, account] = [id, trade, account].map(Symbol::of);
    Allocation { source: SourceId(source), id, trade, account, quantity: number!(Quantity, quantity) }
}

pub fn confirmation(id: &str, reconciliation: &str, left: &str, right: &str) -> Confirmation {
    let [id, reconciliation, left, right] = [id, reconciliation, left, right].map(Symbol::of);
    Confirmation { source: SourceId(ANALYSTS), id, reconciliation, left, right, by: Symbol::of("me") }
}

/// One thing that happens in the small world.
#[derive(Clone, Debug)]
pub enum Happening {
    Trade(u8, &'static str, Says),
    /// Ours, and that of another source, which may say something else.
    Pair(&'static str, Says, u8, &'static str, Box<Says>),
    /// One of ours, and its two fills at a broker.
    Fills(&'static str, &'static str, &'static str, Says),
    Allocation(u8, &'static str, &'static str, &'static str, &'static str),
    /// Both sides' allocations of a trade to two accounts each, and the quantity of one of them.
    Allocations(&'static str, &'static str, &'static str),
    Confirmation(&'static str, &'static str, &'static str),
    /// One of the records that are there is deleted.
    Deletion(Index),
}

pub const IDS: [&str; 5] = ["T1", "T2", "T3", "T4", "T5"];

/// A trade that is one of a few, up to one or two fields.
fn says() -> impl Strategy<Value = Says> {
    let base = prop::sample::select(vec![
        PLAIN,
        Says { execution_id: "E1", ..PLAIN },
        Says { execution_id: "E2", reference: "X1", quantity: "20", block_id: "B1", ..PLAIN },
        Says { execution_id: "E2", reference: "X2", quantity: "30", block_id: "B1", ..PLAIN },
        Says { reference: "X1", instrument: "NQ", side: "SELL", product: "BOND", block_id: "B2", desk: "D1", ..PLAIN },
    ]);
    (base, twists()).prop_map(twisted)
}

fn twists() -> impl Strategy<Value = Vec<Twist>> {
    prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(twist(), 1), 1 => prop::collection::vec(twist(), 2)]
}

fn twisted((says, twists): (Says, Vec<Twist>)) -> Says {
    twists.into_iter().fold(says, |says, twist| twist(says))
}

fn pair() -> impl Strategy<Value = Happening> {
    let other = prop::sample::select(vec![BROKER_A, BROKER_A, BROKER_B, CUSTODIAN]);
    (prop::sample::select(IDS.to_vec()), says(), other, prop::sample::select(IDS.to_vec()), twists()).prop_map(
        |(ours, says, source, theirs, twists)| {
            Happening::Pair(ours, says.clone(), source, theirs, Box::new(twisted((says, twists))))
        },
    )
}

type Twist = fn(Says) -> Says;

fn twist() -> impl Strategy<Value = Twist> {
    let twists: Vec<Twist> = vec![
        |says| Says { execution_id: "", ..says },
        |says| Says { execution_id: "E1", ..says },
        |says| Says { execution_id: "E3", ..says },
        |says| Says { execution_id: "T1", ..says },
        |says| Says { reference: "X1", ..says },
        |says| Says { reference: "", ..says },
        |says| Says { block_id: "B1", ..says },
        |says| Says { block_id: "", ..says },
        |says| Says { instrument: "NQ", ..says },
        |says| Says { side: "SELL", ..says },
        |says| Says { side: "", ..says },
        |says| Says { product: "BOND", ..says },
        |says| Says { product: "", ..says },
        |says| Says { currency: "EUR", ..says },
        |says| Says { currency: "", ..says },
        |says| Says { counterparty: LONG_NAME, ..says },
        |says| Says { counterparty: "", ..says },
        |says| Says { account: "A2", ..says },
        |says| Says { desk: "D1", ..says },
        |says| Says { trade_date: "2026-11-23", ..says },
        |says| Says { settlement_date: "2026-11-24", ..says },
        |says| Says { settlement_date: "", ..says },
        |says| Says { quantity: "20", ..says },
        |says| Says { quantity: "10.000001", ..says },
        |says| Says { quantity: "", ..says },
        |says| Says { price: "100.01", ..says },
        |says| Says { price: "100.02", ..says },
        |says| Says { price: "102", ..says },
        |says| Says { price: "", ..says },
        |says| Says { fees: "1.5", ..says },
        |says| Says { fees: "", ..says },
    ];
    prop::sample::select(twists)
}

fn happening() -> impl Strategy<Value = Happening> {
    let id = || prop::sample::select(IDS.to_vec());
    let source = prop::sample::select(vec![INTERNAL, INTERNAL, BROKER_A, BROKER_A, BROKER_B, CUSTODIAN]);
    let allocations = prop::sample::select(vec![INTERNAL_ALLOCATIONS, BROKER_ALLOCATIONS]);
    let linked = prop::sample::select(vec!["E1", "E2", "T1", "X1", ""]);
    let (account, quantity) = (prop::sample::select(vec!["A1", "A2"]), prop::sample::select(vec!["5", "10"]));
    prop_oneof![
        8 => pair(),
        2 => (id(), id(), id(), says()).prop_map(|(ours, first, second, says)| Happening::Fills(ours, first, second, says)),
        2 => (prop::sample::select(vec!["E1", "E2", "T1", "X1"]), account.clone(), quantity.clone())
            .prop_map(|(trade, account, quantity)| Happening::Allocations(trade, account, quantity)),
        8 => (source, id(), says()).prop_map(|(source, id, says)| Happening::Trade(source, id, says)),
        2 => (allocations, prop::sample::select(vec!["L1", "L2", "T1"]), linked, account, quantity)
            .prop_map(|(source, id, trade, account, quantity)| Happening::Allocation(source, id, trade, account, quantity)),
        1 => (prop::sample::select(vec!["C1", "C2"]), id(), id()).prop_map(|(id, left, right)| Happening::Confirmation(id, left, right)),
        4 => any::<Index>().prop_map(Happening::Deletion),
    ]
}

/// Ticks of happenings.
pub fn happenings() -> impl Strategy<Value = Vec<Vec<Happening>>> {
    prop::collection::vec(prop::collection::vec(happening(), 1..8), 1..7)
}

/// The happenings as changes of the input, and at last everything is taken away. Confirmations are of the reconciliation
/// of this name.
pub fn play(ticks: &[Vec<Happening>], reconciliation: &str) -> Vec<Vec<Change>> {
    let mut book = Book::default();
    let mut history = Vec::new();
    for happenings in ticks {
        let mut changes = Vec::new();
        for happening in happenings {
            let happened = happening.changes(&book, reconciliation);
            book.apply(&happened);
            changes.extend(happened);
        }
        history.push(changes);
    }
    history.push(book.clear());
    history
}

impl Happening {
    fn changes(&self, book: &Book, reconciliation: &str) -> Vec<Change> {
        match self {
            Happening::Trade(source, id, says) => put_all([trade(*source, id, says)]),
            Happening::Pair(ours, says, source, theirs, other) => {
                put_all([trade(INTERNAL, ours, says), trade(*source, theirs, other)])
            }
            Happening::Fills(ours, first, second, says) => {
                let of = |quantity| Says { quantity, block_id: "B3", execution_id: "", ..says.clone() };
                let fills = [trade(BROKER_A, first, &of("10")), trade(BROKER_A, second, &of("20"))];
                put_all([[trade(INTERNAL, ours, &of("30"))].as_slice(), &fills].concat())
            }
            Happening::Allocation(source, id, trade, account, quantity) => {
                put_all([allocation(*source, id, trade, account, quantity)])
            }
            Happening::Allocations(trade, account, quantity) => put_all([
                allocation(INTERNAL_ALLOCATIONS, "L1", trade, "A1", "5"),
                allocation(INTERNAL_ALLOCATIONS, "L2", trade, "A2", "10"),
                allocation(BROKER_ALLOCATIONS, "L1", trade, account, "5"),
                allocation(BROKER_ALLOCATIONS, "L2", trade, "A2", quantity),
            ]),
            Happening::Confirmation(id, left, right) => put_all([confirmation(id, reconciliation, left, right)]),
            Happening::Deletion(index) => {
                let records: Vec<&Record> = book.0.values().collect();
                let chosen = (!records.is_empty()).then(|| records[index.index(records.len())]);
                chosen.map(Change::delete).into_iter().collect()
            }
        }
    }
}
