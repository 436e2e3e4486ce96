//! `Component`: what exposures are sums of.
//!
//! ```text
//!  worths ──▶ in each scope ──▶ sums by portfolio, and by security ──▶ exposures, concentration, limits
//! ```
//! A position is in a dozen groups of each scope, and a price changes most of them. So only what all groups are sums of is
//! kept: in each scope its portfolios and its securities. Groups are added up for those who read them, and for limits. Sums
//! travel in the difference: a changed position costs two of them in each scope.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use model::{Currency, ExposureDimension, Instrument, Symbol};
use operators::shared::Shared;
use operators::sum_by::sum_by_each;
use operators::{Arranged, Sums};
use serde::{Deserialize, Serialize};

use super::exposures::Exposure;
use super::scope::{Scope, in_scopes};
use crate::portfolio::dimension::group_of;
use crate::portfolio::inputs::Priced;
use crate::portfolio::valuations::Worth;

/// What exposures of a scope are sums of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Component {
    /// All that a portfolio holds.
    Portfolio(Symbol),
    /// All that is held of a security, with the currency that it is priced in and what is known of it.
    Security(Priced, Option<Arc<Instrument>>),
}

/// The exposures of components, by scope.
pub type Components<'scope> = Arranged<'scope, Scope, Component, Sums>;

impl Component {
    /// The group of a dimension that it is a part of: none, where the dimension is a sum of the others.
    pub fn group(&self, dimension: ExposureDimension) -> Option<Symbol> {
        use ExposureDimension as D;
        match (self, dimension) {
            (_, D::Unknown) => None,
            (Component::Portfolio(_), D::Total) => Some(Symbol::NONE),
            (Component::Portfolio(portfolio), D::Portfolio) => Some(*portfolio),
            (Component::Portfolio(_), _) | (Component::Security(..), D::Total | D::Portfolio) => None,
            (Component::Security((security, currency), instrument), _) => {
                Some(group_of(dimension, (Symbol::NONE, *security), *currency, instrument.as_deref()))
            }
        }
    }
}

/// By its name alone: there is hardly ever more than one of it, and an instrument is large.
impl Hash for Component {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        let (Component::Portfolio(name) | Component::Security((name, _), _)) = self;
        name.hash(state);
    }
}

/// Adds up the components of each scope.
pub fn add_up<'scope>(worths: &Shared<'scope, Worth>, reporting_currency: Option<Currency>) -> Components<'scope> {
    sum_by_each(worths, "components of exposures", move |position, add| {
        let (portfolio, security) = position.holding;
        for at in in_scopes(position, reporting_currency) {
            let sums = Exposure::of(at);
            add((at.scope, Component::Portfolio(portfolio)), sums);
            let priced = (security, position.currency);
            add((at.scope, Component::Security(priced, position.instrument.clone())), sums);
        }
    })
}
