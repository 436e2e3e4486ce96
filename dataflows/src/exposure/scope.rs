//! `Scope`: whose exposures are added up, and in which currency.

use engine::Cell;
use model::{Currency, Rate, Symbol};
use operators::Collection;
use operators::distinct::distinct;
use serde::{Deserialize, Serialize};

use crate::portfolio::cost_basis::money::{is_bounded, share};
use crate::portfolio::valuations::Worth;
use crate::table::{currency_cell, symbol_cell};

/// Whose exposures are added up, and the currency of the amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// A portfolio, in its base currency.
    Portfolio(Symbol, Currency),
    /// All portfolios of one base currency.
    BaseCurrency(Currency),
    /// All portfolios, in the reporting currency.
    All(Currency),
}

impl Scope {
    /// Its name in views.
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Portfolio(..) => "portfolio",
            Scope::BaseCurrency(_) => "base_currency",
            Scope::All(_) => "all",
        }
    }

    /// The currency of the amounts.
    pub const fn currency(self) -> Currency {
        match self {
            Scope::Portfolio(_, currency) | Scope::BaseCurrency(currency) | Scope::All(currency) => currency,
        }
    }

    /// The portfolio, if it is one.
    pub const fn portfolio(self) -> Symbol {
        if let Scope::Portfolio(portfolio, _) = self { portfolio } else { Symbol::NONE }
    }

    /// Its cells in views: scope, portfolio, currency.
    pub fn cells(self) -> [Cell; 3] {
        [Cell::text(self.name()), symbol_cell(self.portfolio()), currency_cell(self.currency())]
    }
}

/// The scopes of a position, by its portfolio and its base currency.
fn scopes_of(portfolio: Symbol, base: Currency, reporting: Option<Currency>) -> impl Iterator<Item = Scope> + use<> {
    let own = [Scope::Portfolio(portfolio, base), Scope::BaseCurrency(base)];
    own.into_iter().chain(reporting.map(Scope::All))
}

/// All scopes in which there are positions, each once: of the portfolios of open positions, with their base currencies. Each
/// of them has a total, because each open position counts as one in its scopes, whatever it is worth.
pub fn scopes<'scope>(
    portfolios: Collection<'scope, (Symbol, Currency)>,
    reporting_currency: Option<Currency>,
) -> Collection<'scope, Scope> {
    let scopes = portfolios.flat_map(move |(portfolio, base)| scopes_of(portfolio, base, reporting_currency));
    distinct(scopes, "scopes")
}

/// What a position is worth in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InScope {
    /// The scope.
    pub scope: Scope,
    /// What it is worth in the currency of the scope, in units of [`model::Amount`].
    pub value: Option<i128>,
    /// Whether it has a value in its base currency, but none in that of the scope: there is no rate, or it is too large.
    pub lacks_rate: bool,
    /// The rates from the currency of the price into the base currency, and from that into the currency of the scope, in units
    /// of [`Rate`]; both known where there is a value.
    pub rates: [i128; 2],
}

/// The positions that are in no amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Missing {
    /// How many have no value, before or after a shift.
    pub unvalued: i64,
    /// How many of them have one, but not in the reporting currency.
    pub unreported: i64,
}

/// All scopes that a position counts in.
pub fn in_scopes(position: &Worth, reporting_currency: Option<Currency>) -> impl Iterator<Item = InScope> + use<> {
    let Worth { holding, base_currency, value, fx_rate, reporting_rate, .. } = *position;
    let fx_rate = fx_rate.unwrap_or_default();
    scopes_of(holding.0, base_currency, reporting_currency).map(move |scope| {
        if !matches!(scope, Scope::All(_)) {
            return InScope { scope, value, lacks_rate: false, rates: [fx_rate, Rate::ONE_SCALED] };
        }
        let reported = value.zip(reporting_rate).and_then(|(value, rate)| share(value, rate, Rate::ONE_SCALED));
        let reported = reported.filter(|value| is_bounded(*value));
        InScope {
            scope,
            value: reported,
            lacks_rate: value.is_some() && reported.is_none(),
            rates: [fx_rate, reporting_rate.unwrap_or_default()],
        }
    })
}
