//! The review of a portfolio: what it is worth and how it did, as sections that are each a question to the views.
//!
//! ```text
//!  views of the books, of one portfolio, at one tick ──▶ Reads ──▶ SECTIONS: select, group, weigh, sort ──▶ tables
//! ```
//! A section is an entry of [`SECTIONS`]: its name, a sentence about it, the views that it reads, and the function from
//! their rows to its table. Whoever reads the views and writes the tables knows nothing of what is in them.
//!
//! What is not known is told as not known: a position that has no value has no weight, and is counted beside the sums that
//! it is not in.

mod sections;
mod table;

use std::collections::BTreeMap;

use engine::Cell;
use model::Date;

pub use sections::SECTIONS;
pub use table::{MissingColumn, Table};

/// A part of a review.
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// One sentence about it.
    pub about: &'static str,
    /// The views that it reads. Without one of them the section is left out.
    pub views: &'static [&'static str],
    /// Whether it always has one row, and is best read from top to bottom.
    pub is_one_row: bool,
    make: fn(&Reads) -> Result<Table, MissingColumn>,
}

impl Section {
    /// Makes it.
    pub fn make(&self, reads: &Reads) -> Result<Table, MissingColumn> {
        (self.make)(reads)
    }

    /// Whether all the views that it reads are there.
    pub fn is_possible(&self, has_view: impl Fn(&str) -> bool) -> bool {
        self.views.iter().all(|view| has_view(view))
    }
}

/// The column of a view that names the portfolio of a row.
pub fn portfolio_column(view: &str) -> &'static str {
    if view == "portfolios" { "id" } else { "portfolio" }
}

/// What the views say of one portfolio, all at one tick.
pub struct Reads {
    portfolio: String,
    valuation_date: Date,
    tables: BTreeMap<String, Table>,
}

impl Reads {
    /// The rows of a portfolio, by the view that they are of, as of the last day that the books know of.
    pub fn new(portfolio: &str, valuation_date: Date, tables: BTreeMap<String, Table>) -> Reads {
        Reads { portfolio: portfolio.to_owned(), valuation_date, tables }
    }

    /// Whether a view was read.
    pub fn has(&self, view: &str) -> bool {
        self.tables.contains_key(view)
    }

    /// Whether anything is known of the portfolio.
    pub fn is_known(&self) -> bool {
        ["portfolios", "transactions"]
            .iter()
            .any(|view| self.tables.get(*view).is_some_and(|table| !table.rows.is_empty()))
    }

    /// The day as of which the portfolio is told of.
    pub fn valuation_date(&self) -> Date {
        self.valuation_date
    }

    /// The rows of a view. One that was not read has neither rows nor columns.
    fn table(&self, view: &str) -> Table {
        self.tables.get(view).cloned().unwrap_or_else(|| Table::empty(&[]))
    }
}

fn days_of(cell: &Cell) -> Option<i32> {
    if let Cell::Date(days) = cell { Some(*days) } else { None }
}
