//! By what positions are put into groups, to be added up: the group of a position in each dimension.

use model::{Currency, ExposureDimension, Instrument, Product, Symbol};

use super::ledger::Holding;
use super::valuations::Worth;

/// The group of a position in a dimension; [`Symbol::NONE`] where it is not known, which is a group too.
pub fn group(dimension: ExposureDimension, worth: &Worth) -> Symbol {
    group_of(dimension, worth.holding, worth.currency, worth.instrument.as_deref())
}

/// Like [`group`], of a security in a portfolio, the currency that it is priced in, and what is known of it.
pub fn group_of(
    dimension: ExposureDimension,
    holding: Holding,
    currency: Currency,
    instrument: Option<&Instrument>,
) -> Symbol {
    use ExposureDimension as D;
    let of = |field: fn(&Instrument) -> Symbol| instrument.map_or(Symbol::NONE, field);
    match dimension {
        D::Unknown | D::Total => Symbol::NONE,
        D::Portfolio => holding.0,
        D::Security => holding.1,
        D::Issuer => of(|instrument| instrument.issuer),
        D::UltimateParent => of(|instrument| match instrument.ultimate_parent {
            parent if parent.is_none() => instrument.issuer,
            parent => parent,
        }),
        D::Counterparty => of(|instrument| instrument.counterparty),
        D::Currency => currency_group(currency),
        D::Sector => of(|instrument| instrument.sector),
        D::Country => of(|instrument| instrument.country),
        D::Rating => of(|instrument| instrument.rating),
        D::AssetClass => of(|instrument| instrument.asset_class),
        D::Product => of(|instrument| Symbol::of(instrument.product.code())),
    }
}

fn currency_group(currency: Currency) -> Symbol {
    if currency.is_none() { Symbol::NONE } else { Symbol::of(currency.code()) }
}

/// The group that a text names; `None` if the dimension has none of this name.
pub fn named(dimension: ExposureDimension, text: &str) -> Option<Symbol> {
    use ExposureDimension as D;
    match dimension {
        D::Unknown | D::Total => None,
        D::Currency => Currency::parse(text).ok().map(currency_group),
        D::Product => Product::parse(text).ok().map(|product| Symbol::of(product.code())),
        _ => Some(Symbol::of(text)).filter(|symbol| !symbol.is_none()),
    }
}
