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

/// A position, and what it is worth in each scope that it counts in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Exposed {
    /// The position.
    pub valuation: Valuation,
    /// The reporting currency, if there is one, and the rate of the base currency into it.
    reported: Option<(Currency, Option<i128>)>,
}

/// What a position is worth in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InScope {
    /// The scope.
    pub scope: Scope,
    /// What it is worth in the currency of the scope, in units of [`model::Amount`].
    pub value: Option<i128>,
    /// Whether it has a value in its base currency, but none in that of the scope.
    pub lacks_rate: bool,
    /// The rates from the currency of the price into the base currency, and from that into the currency of the scope, in units
    /// of [`Rate`]; both known where there is a value.
    pub rates: [i128; 2],
}

impl Exposed {
    /// All scopes that it counts in.
    pub fn in_scopes(&self) -> impl Iterator<Item = InScope> + '_ {
        let Valuation { holding, base_currency, value_base, fx_rate, .. } = self.valuation;
        let fx_rate = fx_rate.unwrap_or_default();
        let own = [Scope::Portfolio(holding.0, base_currency), Scope::BaseCurrency(base_currency)];
        let own = own.map(|scope| InScope {
            scope,
            value: value_base,
            lacks_rate: false,
            rates: [fx_rate, Rate::ONE_SCALED],
        });
        own.into_iter().chain(self.reported.map(|(currency, rate)| {
            let value = value_base.zip(rate).and_then(|(value, rate)| share(value, rate, Rate::ONE_SCALED));
            InScope {
                scope: Scope::All(currency),
                value,
                lacks_rate: value_base.is_some() && value.is_none(),
                rates: [fx_rate, rate.unwrap_or_default()],
            }
        }))
    }
}

/// Each position in all scopes that it counts in. `fx_rates` are wanted for a reporting currency only.
pub fn exposed<'scope>(
    valuations: Collection<'scope, Valuation>,
    reporting_currency: Option<Currency>,
    fx_rates: &Arranged<'scope, CurrencyPair, (i32, i128)>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Collection<'scope, Exposed> {
    let Some(reporting) = reporting_currency else {
        return valuations.map(|valuation| Exposed { valuation, reported: None });
    };
    let pairs = valuations.map(move |valuation| ((valuation.base_currency, reporting), valuation));
    let rates =
        rates_now(distinct(pairs.clone().map(|(pair, _)| pair), "reported currencies"), fx_rates, valuation_day);
    lookup_left(
        &arrange(pairs, "valuations by base currency"),
        &rates,
        "valuations in reporting currency",
        move |_pair, valuation: &Valuation, rate: Option<&i128>| reported(valuation, reporting, rate.copied()),
    )
}

fn reported(valuation: &Valuation, reporting: Currency, rate: Option<i128>) -> Exposed {
    let rate = if valuation.base_currency == reporting { Some(Rate::ONE_SCALED) } else { rate };
    Exposed { valuation: valuation.clone(), reported: Some((reporting, rate)) }
}
