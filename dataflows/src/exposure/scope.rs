//! `Scope`: whose exposures are added up, and in which currency.

use engine::Cell;
use model::{Currency, Rate, Symbol};
use operators::distinct::distinct;
use operators::lookup::lookup_left;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use crate::portfolio::cost_basis::money::share;
use crate::portfolio::inputs::CurrencyPair;
use crate::portfolio::valuations::{Valuation, rates_now};
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

/// A position as it counts in one scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Exposed {
    /// The scope.
    pub scope: Scope,
    /// What it is worth in the currency of the scope, in units of [`model::Amount`].
    pub value: Option<i128>,
    /// Whether it has a value in its base currency, but none in that of the scope.
    pub lacks_rate: bool,
    /// The position.
    pub valuation: Valuation,
}

/// Each position in all scopes that it counts in. `fx_rates` are wanted for a reporting currency only.
pub fn exposed<'scope>(
    valuations: Collection<'scope, Valuation>,
    reporting_currency: Option<Currency>,
    fx_rates: &Arranged<'scope, CurrencyPair, (i32, i128)>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Collection<'scope, Exposed> {
    let own = valuations.clone().flat_map(|valuation| {
        let base = valuation.base_currency;
        [Scope::Portfolio(valuation.holding.0, base), Scope::BaseCurrency(base)].map(|scope| Exposed {
            scope,
            value: valuation.value_base,
            lacks_rate: false,
            valuation: valuation.clone(),
        })
    });
    let Some(reporting) = reporting_currency else { return own };
    let pairs = valuations.map(move |valuation| ((valuation.base_currency, reporting), valuation));
    let rates =
        rates_now(distinct(pairs.clone().map(|(pair, _)| pair), "reported currencies"), fx_rates, valuation_day);
    let reported = lookup_left(
        &arrange(pairs, "valuations by base currency"),
        &rates,
        "valuations in reporting currency",
        move |_pair, valuation: &Valuation, rate: Option<&i128>| reported(valuation, reporting, rate.copied()),
    );
    own.concat(reported)
}

fn reported(valuation: &Valuation, reporting: Currency, rate: Option<i128>) -> Exposed {
    let rate = if valuation.base_currency == reporting { Some(Rate::ONE_SCALED) } else { rate };
    let value = valuation.value_base.zip(rate).and_then(|(value, rate)| share(value, rate, Rate::ONE_SCALED));
    Exposed {
        scope: Scope::All(reporting),
        value,
        lacks_rate: valuation.value_base.is_some() && value.is_none(),
        valuation: valuation.clone(),
    }
}
