//! The cost basis against tables of examples, invariants, a naive oracle, and what other systems computed.

mod corporate_actions;
mod methods;
mod properties;
mod reference;
mod refusals;

use model::{
    Amount, CostMethod, Currency, Date, LotReference, NumberFormat, OversellPolicy, Quantity, Rate, Ratio, Symbol,
    Transaction, TransactionDetail, TransactionType,
};

use super::{Book, BookRules, Effects, Lot, Money, ProcessingOrder};
use crate::portfolio::refusal::Refusal;

fn amount(text: &str) -> Amount {
    Amount::parse(text, &NumberFormat::default()).unwrap()
}

fn units_of(text: &str) -> Quantity {
    Quantity::parse(text, &NumberFormat::default()).unwrap()
}

fn rate(text: &str) -> Rate {
    Rate::parse(text, &NumberFormat::default()).unwrap()
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn rules(method: CostMethod) -> BookRules {
    BookRules { method, base_currency: usd(), ..BookRules::default() }
}

fn with_shorts(method: CostMethod) -> BookRules {
    BookRules { oversell: OversellPolicy::Short, ..rules(method) }
}

/// A transaction in base currency: `BUY B1 1 100 20000` is B1, on day 1, of 100 units for 20,000; `-` is not known.
fn told(text: &str) -> Transaction {
    let words: Vec<&str> = text.split(' ').collect();
    let [kind, id, day, quantity, gross, ..] = words[..] else { panic!("{text}") };
    Transaction {
        id: Symbol::of(id),
        transaction_type: TransactionType::parse(kind).unwrap(),
        portfolio: Symbol::of("P"),
        security: Symbol::of("S"),
        currency: usd(),
        trade_date: Date::from_days(day.parse().unwrap()),
        quantity: if quantity == "-" { Quantity::NONE } else { units_of(quantity) },
        gross_amount: if gross == "-" { Amount::NONE } else { amount(gross) },
        ..Transaction::default()
    }
}

/// A corporate action that gives `new` units for `old`, and takes a share of the cost to another security.
fn action(text: &str, new: &str, old: &str, cost_share: &str) -> Transaction {
    told(text).with_detail(TransactionDetail {
        other_security: Symbol::of("OTHER"),
        ratio: Ratio { new: units_of(new), old: units_of(old) },
        cost_share: if cost_share == "-" { Rate::NONE } else { rate(cost_share) },
        ..TransactionDetail::default()
    })
}

/// A transaction that names the lots to relieve, each with the quantity or `-`.
fn naming(text: &str, lots: &[(&str, &str)]) -> Transaction {
    let reference = |(lot, quantity): &(&str, &str)| LotReference {
        lot: Symbol::of(lot),
        quantity: if *quantity == "-" { Quantity::NONE } else { units_of(quantity) },
    };
    let lots = lots.iter().map(reference).collect();
    told(text).with_detail(TransactionDetail { lots, ..TransactionDetail::default() })
}

/// What transactions did, each with its id.
type Done = Vec<(Symbol, Result<Effects, Refusal>)>;

/// Books transactions in their order.
fn run(rules: &BookRules, transactions: &[Transaction]) -> (Book, Done) {
    let mut sorted: Vec<&Transaction> = transactions.iter().collect();
    sorted.sort_by_key(|transaction| ProcessingOrder::of(transaction));
    let mut book = Book::default();
    let mut done = Vec::new();
    for transaction in sorted {
        let (after, effects) = book.apply(rules, transaction);
        check(&after, rules);
        book = after;
        done.push((transaction.id, effects));
    }
    (book, done)
}

/// Books transactions none of which is refused.
fn booked(rules: &BookRules, transactions: &[Transaction]) -> (Book, Vec<Effects>) {
    let (book, done) = run(rules, transactions);
    (book, done.into_iter().map(|(id, effects)| effects.unwrap_or_else(|refusal| panic!("{id}: {refusal}"))).collect())
}

/// The lots of a book as `id quantity cost` in base currency.
fn lots(book: &Book) -> Vec<String> {
    lots_of(book.lots())
}

fn lots_of<'a>(lots: impl IntoIterator<Item = &'a Lot>) -> Vec<String> {
    lots.into_iter().map(|lot| format!("{} {} {}", lot.id, lot.quantity, lot.cost().base)).collect()
}

/// The gain in base currency.
fn gain(effects: &Effects) -> String {
    effects.gain.map_or_else(|| "none".to_owned(), |gain| gain.base.to_string())
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(Money::ZERO, |sum, money| sum.plus(money).unwrap())
}

/// What must be true of any book.
fn check(book: &Book, rules: &BookRules) {
    let quantities: Vec<i128> = book.lots().map(|lot| lot.quantity.scaled().unwrap()).collect();
    assert_eq!(quantities.iter().sum::<i128>(), book.quantity().scaled().unwrap(), "{book:?}");
    assert_eq!(sum(book.lots().map(Lot::cost)), book.cost(), "{book:?}");
    assert!(quantities.iter().all(|quantity| *quantity > 0) || quantities.iter().all(|quantity| *quantity < 0));
    assert_eq!(book.currency().is_none(), quantities.is_empty());
    assert!(rules.method != CostMethod::Average || quantities.len() <= 1);
    let ordered = book.lots().zip(book.lots().skip(1)).all(|(a, b)| a.relieved_before(b, rules.method).is_le());
    assert!(ordered, "{book:?}");
    if quantities.is_empty() {
        assert_eq!(book, &Book::default());
    }
}
