//! Who trades: invented counterparties, and the books of an invented asset manager.

use model::{Dictionary, Product, Symbol};

use super::codes;
use crate::generator::random::Random;

/// Someone we trade with.
#[derive(Clone, Debug)]
pub(in crate::generator) struct Counterparty {
    /// The name as we write it.
    pub(in crate::generator) name: Symbol,
    /// The name with its legal form and in capitals, as others may write it.
    pub(in crate::generator) legal_name: Symbol,
    /// The short code of an executing broker.
    pub(in crate::generator) code: Symbol,
    /// The legal entity identifier.
    pub(in crate::generator) lei: String,
}

/// Where a trade is booked.
#[derive(Clone, Copy, Debug)]
pub(in crate::generator) struct Book {
    pub(in crate::generator) account: Symbol,
    pub(in crate::generator) portfolio: Symbol,
    pub(in crate::generator) strategy: Symbol,
    pub(in crate::generator) trader: Symbol,
}

/// Everyone in the market.
#[derive(Clone, Debug)]
pub(in crate::generator) struct Parties {
    pub(in crate::generator) counterparties: Vec<Counterparty>,
    pub(in crate::generator) books: Vec<Book>,
}

/// Executing brokers come first, banks after them.
const BROKERS: usize = 6;

const NAMES: [(&str, &str); 12] = [
    ("Harrowgate Securities", "Ltd."),
    ("Tamberline Execution", "LLC"),
    ("Castelwright Brokers", "plc"),
    ("Northquay Clearing", "Inc."),
    ("Brightmere Markets", "GmbH"),
    ("Ostelle & Marsh", "S.A."),
    ("Aldermoor Bank", "plc"),
    ("Crownfell Bank", "AG"),
    ("Velmora Bank", "N.V."),
    ("Sundmark Banken", "AB"),
    ("Kestrelli Banca", "S.p.A."),
    ("Rosshaven Bank", "Corp."),
];

impl Parties {
    pub(in crate::generator) fn new(dictionary: &Dictionary) -> Parties {
        let mut random = Random::new(0x1e1);
        let counterparties = NAMES.map(|(name, form)| Counterparty {
            name: dictionary.intern(name),
            legal_name: dictionary.intern(&format!("{} {}", name.to_uppercase(), form.to_uppercase())),
            code: Symbol::of(&name[..4].to_uppercase()),
            lei: codes::lei(&mut random),
        });
        Parties { counterparties: counterparties.to_vec(), books: books() }
    }

    /// The numbers of those who trade a product: banks over the counter, brokers otherwise.
    pub(in crate::generator) fn trading(&self, over_the_counter: bool) -> std::ops::Range<usize> {
        if over_the_counter { BROKERS..self.counterparties.len() } else { 0..BROKERS }
    }

    /// The book whose account takes the rest of a split trade, or takes it by mistake.
    pub(in crate::generator) fn book_beside(&self, book: usize, distance: usize) -> usize {
        (book + distance) % self.books.len()
    }
}

fn books() -> Vec<Book> {
    const PORTFOLIOS: [&str; 6] =
        ["FUND-ALPHA", "FUND-BETA", "FUND-GAMMA", "GLOBAL-MACRO", "PENSION-CORE", "INCOME-PLUS"];
    const STRATEGIES: [&str; 5] = ["STAT-ARB", "MOMENTUM", "RELATIVE-VALUE", "CARRY", "HEDGE"];
    const TRADERS: [&str; 7] = ["a.hale", "b.okoro", "c.lindqvist", "d.ferrand", "e.matsuda", "f.rossi", "g.whitlock"];
    let book = |number: usize| Book {
        account: Symbol::of(&format!("PA-{}", 1001 + number)),
        portfolio: Symbol::of(PORTFOLIOS[number % PORTFOLIOS.len()]),
        strategy: Symbol::of(STRATEGIES[number % STRATEGIES.len()]),
        trader: Symbol::of(TRADERS[number % TRADERS.len()]),
    };
    (0..24).map(book).collect()
}

/// The desk that trades a product.
pub(in crate::generator) fn desk(product: Product) -> Symbol {
    Symbol::of(match product {
        Product::Equity | Product::Fund => "EQUITY-CASH",
        Product::Bond => "CREDIT",
        Product::Future | Product::Option => "LISTED-DERIVS",
        Product::FxSpot | Product::FxForward => "FX",
        _ => "RATES",
    })
}
