//! How limits stand: the views `limit_usage`, `limit_breaches` and `refused_limits`.
//!
//! ```text
//!  limits ──▶ checked ──▶ valid on the day ──▶ × scopes ──▶ asked ──┬─▶ of exposures ─────┐
//!                                                │                  ├─▶ of stress ────────┤──▶ × total ──▶ × rate ──▶ judged
//!                                                │                  ├─▶ of concentration ─┤
//!                                                │                  └─▶ of returns ───────┘
//!                                                └─▶ nothing to measure ─────────────────────────────────────────────▶ judged
//! ```
//! A changed group costs the limits that are of it; a changed total costs the limits of shares in its scope. Only groups of
//! dimensions that limits are of are added up.

use std::sync::Arc;

use engine::episode::Remembered;
use engine::{Cell, ColumnKind, Key, Row, Views};
use model::{Currency, ExposureDimension, Limit, LimitMeasure, LimitScope, Rate, Symbol};
use operators::derive::derive_rows;
use operators::distinct::distinct;
use operators::first_seen::{FirstSeen, first_seen};
use operators::lookup::{Counted, lookup, lookup_left};
use operators::{Arranged, Collection, Data, Sums, arrange};
use serde::{Deserialize, Serialize};

use super::breach_history;
use super::components::{Component, Components};
use super::concentration;
use super::exposures::{Exposure, Group, ratio, totals};
use super::limit_rules::{
    Configured, Measured, Status, Why, amount_as_rate, check, concerns, dimension_of, is_amount, judge, needs_total,
    scaled_level, size_of,
};
use super::scope::{Missing, Scope};
use super::stress::{Stressed, StressedGroups};
use crate::portfolio::cost_basis::money::share;
use crate::portfolio::inputs::{CurrencyPair, FxRates};
use crate::portfolio::market::at_rates_now;
use crate::portfolio::return_series::Part;
use crate::portfolio::risk_conventions::RiskConventions;
use crate::portfolio::value_at_risk::limited_loss;
use crate::table::{RATE, Sources, currency_cell, number_cell, spec, symbol_cell};

/// What limits can be of.
pub struct Measurable<'scope> {
    /// The scopes in which there are positions.
    pub scopes: Collection<'scope, Scope>,
    /// What exposures are sums of.
    pub components: Components<'scope>,
    /// What would be lost in each scenario.
    pub stressed: StressedGroups<'scope>,
    /// The returns and the periods of each portfolio.
    pub by_bucket: Arranged<'scope, Symbol, Part>,
    /// How risk is measured.
    pub risk: RiskConventions,
    /// Exchange rates by day.
    pub fx_rates: FxRates<'scope>,
    /// The last day.
    pub valuation_day: Arranged<'scope, (), i32>,
}

/// A limit, applied to one scope.
type Asked = (Arc<Limit>, Scope);

/// What was found for a limit in one group: the amount in units of [`model::Amount`] or the share in those of
/// [`model::Rate`], and which positions are not in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Found {
    group: Symbol,
    number: Result<i128, Why>,
    missing: Missing,
}

impl Found {
    /// Of a portfolio as a whole, which is in no group.
    fn of_whole(number: i128) -> Found {
        Found { group: Symbol::NONE, number: Ok(number), missing: Missing::default() }
    }

    /// Of a group that is not there, there is nothing. Of what may be lost nothing is known without returns.
    fn nothing(limit: &Limit) -> Found {
        let is_of_returns = limit.measure == LimitMeasure::ValueAtRisk;
        let number = if is_of_returns { Err(Why::NoReturns) } else { Ok(0) };
        Found { group: limit.group, number, missing: Missing::default() }
    }
}

/// How a limit stands in one group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Usage {
    limit: Arc<Limit>,
    scope: Option<Scope>,
    group: Symbol,
    measured: Measured,
}

/// The scopes that a limit is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Selector {
    Portfolio(Symbol),
    EachPortfolio,
    EachBaseCurrency,
    All,
}

impl Selector {
    fn of(limit: &Limit) -> Selector {
        match limit.scope {
            LimitScope::BaseCurrency => Selector::EachBaseCurrency,
            LimitScope::All => Selector::All,
            _ if limit.portfolio.is_none() => Selector::EachPortfolio,
            _ => Selector::Portfolio(limit.portfolio),
        }
    }

    /// Those by which a scope is found.
    fn finding(scope: Scope) -> Vec<Selector> {
        match scope {
            Scope::Portfolio(portfolio, _) => vec![Selector::EachPortfolio, Selector::Portfolio(portfolio)],
            Scope::BaseCurrency(_) => vec![Selector::EachBaseCurrency],
            Scope::All(_) => vec![Selector::All],
        }
    }
}

/// What must be kept of breaches to go on without their past.
pub struct BreachesKept<'scope> {
    /// When each was first seen.
    pub first_seen: FirstSeen<Key>,
    /// Each time that a limit was breached.
    pub episodes: Arranged<'scope, Key, Remembered>,
}

/// Judges all limits and registers their views. `remembered` are the episodes of breaches that are gone on from.
pub fn build<'scope>(
    limits: Collection<'scope, Arc<Limit>>,
    measurable: Measurable<'scope>,
    configured: Configured,
    remembered: Collection<'scope, Remembered>,
    sources: &[String],
    views: &mut Views,
) -> BreachesKept<'scope> {
    let Measurable { scopes, components, stressed, by_bucket, risk, fx_rates, valuation_day } = measurable;
    register_refusals(limits.clone(), configured.clone(), sources, views);
    let limits = limits.filter(move |limit| check(limit, &configured).is_ok());
    let (asked, unasked) = applied(limits, scopes, &valuation_day);

    let of_exposures = of_exposures(&asked, &components);
    let of_stress = of_stress(&asked, &stressed);
    let of_concentration = of_concentration(&asked, &components);
    let of_returns = of_returns(&asked, by_bucket, risk);
    let found = of_exposures.concat(of_stress).concat(of_concentration).concat(of_returns);
    let found = arrange(found, "found for limits");
    let answered = lookup_left(
        &arrange(asked.clone().map(|asked| (asked, ())), "limits asked"),
        &found,
        "limits answered",
        |asked: &Asked, (), found| (asked.clone(), found.cloned()),
    );
    let answered = answered.map(|((limit, scope), found)| {
        let found = found.unwrap_or_else(|| Found::nothing(&limit));
        ((limit, scope), found)
    });
    let totals = totals(&components, asked.flat_map(|(limit, scope)| needs_total(limit.measure).then_some(scope)));
    let usages = of_totals(answered, totals);
    let usages = in_currency_of_level(usages, &fx_rates, &valuation_day).concat(unasked);
    register(usages, remembered, sources, views)
}

/// The limits that hold on the day, with the scopes that they are of; and those for which there is none.
fn applied<'scope>(
    limits: Collection<'scope, Arc<Limit>>,
    scopes: Collection<'scope, Scope>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> (Collection<'scope, Asked>, Collection<'scope, Usage>) {
    // Before anything has a day, nothing is measured: the limit says so.
    let dated = lookup_left(
        &arrange(limits.map(|limit| ((), limit)), "limits"),
        valuation_day,
        "limits on the day",
        |(), limit: &Arc<Limit>, day: Option<&i32>| {
            day.is_none_or(|day| holds_on(limit, *day)).then(|| (Selector::of(limit), Arc::clone(limit)))
        },
    );
    let scopes = scopes.flat_map(|scope| Selector::finding(scope).into_iter().map(move |by| (by, scope)));
    let applied = lookup_left(
        &arrange(dated.flat_map(|limit| limit), "limits by what they are of"),
        &arrange(scopes, "scopes by selector"),
        "limits of scopes",
        |_selector, limit: &Arc<Limit>, scope: Option<&Scope>| (Arc::clone(limit), scope.copied()),
    );
    let asked = applied.clone().flat_map(|(limit, scope)| scope.map(|scope| (limit, scope)));
    let unasked = applied.filter(|(_, scope)| scope.is_none()).map(|(limit, _)| Usage {
        group: limit.group,
        limit,
        scope: None,
        measured: Measured { value: Err(Why::NoPositions), missing: Missing::default() },
    });
    (asked, unasked)
}

fn holds_on(limit: &Limit, day: i32) -> bool {
    limit.valid_from.days().is_none_or(|from| from <= day) && limit.valid_to.days().is_none_or(|to| day <= to)
}

fn of_exposures<'scope>(
    asked: &Collection<'scope, Asked>,
    components: &Components<'scope>,
) -> Collection<'scope, (Asked, Found)> {
    use LimitMeasure as M;
    let asked = asked.clone().flat_map(|(limit, scope)| {
        let is_of_exposures = !matches!(limit.measure, M::StressLoss | M::Hhi | M::TopWeight | M::ValueAtRisk);
        is_of_exposures.then_some((scope, (limit, scope)))
    });
    of_sums(components, asked, "exposures of limits", Component::group, |limit, sums| {
        let exposure = Exposure::from_sums(sums);
        let amount = match limit.measure {
            M::Gross | M::Leverage => exposure.gross(),
            M::Long => exposure.long,
            M::Short => exposure.short,
            _ => exposure.net(),
        };
        (amount, exposure.missing)
    })
}

fn of_stress<'scope>(
    asked: &Collection<'scope, Asked>,
    stressed: &StressedGroups<'scope>,
) -> Collection<'scope, (Asked, Found)> {
    let asked = asked.clone().flat_map(|(limit, scope)| {
        let is_of_stress = limit.measure == LimitMeasure::StressLoss;
        is_of_stress.then(|| ((scope, limit.scenario), (limit, scope)))
    });
    let group = |(own, group): &Group, dimension| (*own == dimension).then_some(*group);
    of_sums(stressed, asked, "stress of limits", group, |_limit, sums| {
        let stressed = Stressed::from_sums(sums);
        (stressed.loss(), stressed.missing)
    })
}

/// What sums come to in the groups that limits are of: `group` says to which group of a dimension a part belongs, `measured`
/// the amount and which positions are not in it.
fn of_sums<'scope, K: operators::Key, V: Data>(
    sums: &Arranged<'scope, K, V, Sums>,
    asked: Collection<'scope, (K, Asked)>,
    name: &str,
    group: impl Fn(&V, ExposureDimension) -> Option<Symbol> + 'static,
    measured: impl Fn(&Limit, &Sums) -> (i128, Missing) + 'static,
) -> Collection<'scope, (Asked, Found)> {
    let parts = lookup(sums, &arrange(asked, name), name, move |_key, part: &V, asked: &Asked| {
        let group = group(part, dimension_of(&asked.0)).filter(|group| concerns(&asked.0, *group))?;
        Some(((asked.clone(), group), ()))
    });
    derive_rows(
        &arrange(parts.flat_map(|part| part), name),
        name,
        move |(asked, group): &(Asked, Symbol), sums, out| {
            for (_, sums) in sums {
                let (amount, missing) = measured(&asked.0, sums);
                out.row((asked.clone(), Found { group: *group, number: Ok(amount), missing }));
            }
        },
    )
}

/// Indexes are worked out only where a limit asks for them.
fn of_concentration<'scope>(
    asked: &Collection<'scope, Asked>,
    components: &Components<'scope>,
) -> Collection<'scope, (Asked, Found)> {
    use LimitMeasure as M;
    let asked = asked.clone().flat_map(|(limit, scope)| {
        let is_asked = matches!(limit.measure, M::Hhi | M::TopWeight);
        is_asked.then(|| ((scope, dimension_of(&limit)), limit))
    });
    let components = only_of(components, asked.clone().map(|((scope, _), _)| scope), "components asked for");
    let indexes = derive_rows(&components, "concentrations of limits", |scope: &Scope, components, out| {
        concentration::indexes(components).for_each(|(dimension, indexes)| out.row(((*scope, dimension), indexes)));
    });
    lookup(
        &arrange(asked, "limits of concentration"),
        &arrange(indexes, "concentrations of limits"),
        "concentrations of limits",
        |(scope, _), limit: &Arc<Limit>, indexes| {
            let number = if limit.measure == M::Hhi { indexes.0 } else { indexes.1 };
            ((Arc::clone(limit), *scope), Found::of_whole(number))
        },
    )
}

/// What is known of the keys that are asked for.
fn only_of<'scope, K: operators::Key, V: Data, R: Counted>(
    known: &Arranged<'scope, K, V, R>,
    keys: Collection<'scope, K>,
    name: &str,
) -> Arranged<'scope, K, V, R> {
    let asked = arrange(distinct(keys, name).map(|key| (key, ())), name);
    arrange(lookup(known, &asked, name, |key, value: &V, ()| (key.clone(), value.clone())), name)
}

/// What a portfolio may lose, which is worked out only where a limit asks for it: from all its returns, when one changes.
fn of_returns<'scope>(
    asked: &Collection<'scope, Asked>,
    by_bucket: Arranged<'scope, Symbol, Part>,
    risk: RiskConventions,
) -> Collection<'scope, (Asked, Found)> {
    let asked = asked.clone().filter(|(limit, _)| limit.measure == LimitMeasure::ValueAtRisk);
    let asked = asked.map(|(limit, scope)| (scope.portfolio(), (limit, scope)));
    let parts = only_of(&by_bucket, asked.clone().map(|(portfolio, _)| portfolio), "returns asked for");
    let losses = derive_rows(&parts, "losses of limits", move |portfolio: &Symbol, parts, out| {
        if let Some(loss) = limited_loss(parts, &risk) {
            out.row((*portfolio, loss));
        }
    });
    lookup(
        &arrange(asked, "limits of losses"),
        &arrange(losses, "losses of limits"),
        "losses of limits",
        |_portfolio, (limit, scope): &Asked, loss| ((Arc::clone(limit), *scope), Found::of_whole(*loss)),
    )
}

/// What is a share of the total, with the total.
fn of_totals<'scope>(
    answered: Collection<'scope, (Asked, Found)>,
    totals: Collection<'scope, (Scope, Exposure)>,
) -> Collection<'scope, Usage> {
    let by_itself = answered.clone().filter(|((limit, _), _)| !needs_total(limit.measure));
    let by_itself = by_itself.map(|((limit, scope), found)| {
        let value = found.number.and_then(|number| amount_as_rate(number).ok_or(Why::TooLarge));
        usage(limit, scope, &found, Measured { value, missing: found.missing })
    });
    let shares =
        answered.flat_map(|((limit, scope), found)| needs_total(limit.measure).then_some((scope, (limit, found))));
    let shares = lookup(
        &arrange(shares, "shares of limits"),
        &arrange(totals, "totals of limits"),
        "limits of shares",
        |scope, (limit, found): &(Arc<Limit>, Found), total: &Exposure| {
            let value = match limit.measure {
                LimitMeasure::Weight | LimitMeasure::Leverage => {
                    found.number.and_then(|number| ratio(number, total.net()).ok_or(Why::NoWhole))
                }
                _ => found.number,
            };
            usage(Arc::clone(limit), *scope, found, Measured { value, missing: total.missing })
        },
    );
    by_itself.concat(shares)
}

fn usage(limit: Arc<Limit>, scope: Scope, found: &Found, measured: Measured) -> Usage {
    Usage { limit, scope: Some(scope), group: found.group, measured }
}

/// Amounts in the currency of their level.
fn in_currency_of_level<'scope>(
    usages: Collection<'scope, Usage>,
    fx_rates: &FxRates<'scope>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Collection<'scope, Usage> {
    let foreign = usages.clone().flat_map(|usage| usage.foreign().map(|pair| (pair, usage)));
    let foreign = at_rates_now(foreign, fx_rates, valuation_day, "limits in the currency of their level");
    let own = usages.filter(|usage| usage.foreign().is_none());
    own.concat(foreign.map(|(_pair, usage, rate)| {
        let convert = |value| match rate {
            Some(rate) => share(value, rate, Rate::ONE_SCALED).ok_or(Why::TooLarge),
            None => Err(Why::NoRate),
        };
        let measured = Measured { value: usage.measured.value.and_then(convert), ..usage.measured };
        Usage { measured, ..usage }
    }))
}

impl Usage {
    /// From which currency into which its amount is to be turned.
    fn foreign(&self) -> Option<CurrencyPair> {
        let from = self.scope?.currency();
        let into = self.limit.currency;
        (!into.is_none() && into != from).then_some((from, into))
    }

    /// The currency of the level.
    fn currency(&self) -> Currency {
        if !is_amount(self.limit.measure) {
            return Currency::NONE;
        }
        let own = self.limit.currency;
        if own.is_none() { self.scope.map_or(Currency::NONE, Scope::currency) } else { own }
    }

    fn cells(&self, sources: &Sources) -> Vec<Cell> {
        let limit = &self.limit;
        let (_, why) = judge(limit, &self.measured);
        let [scope, portfolio, base_currency] = match self.scope {
            Some(scope) => scope.cells(),
            None if limit.scope == LimitScope::Unknown => {
                [Cell::text(LimitScope::Portfolio.code()), symbol_cell(limit.portfolio), Cell::Null]
            }
            None => [Cell::text(limit.scope.code()), symbol_cell(limit.portfolio), Cell::Null],
        };
        let value = self.measured.value.ok();
        let breach_level = scaled_level(limit.breach_level);
        let size = value.map(|value| size_of(limit.measure, value));
        vec![
            sources.cell(limit.source),
            symbol_cell(limit.id),
            scope,
            portfolio,
            base_currency,
            symbol_cell(self.group),
            symbol_cell(limit.name),
            Cell::text(dimension_of(limit).code()),
            Cell::text(limit.measure.code()),
            symbol_cell(limit.scenario),
            Cell::text(self.status().name()),
            number_cell(value),
            currency_cell(self.currency()),
            number_cell(scaled_level(limit.warning_level)),
            number_cell(breach_level),
            number_cell(size.zip(breach_level).and_then(|(size, level)| ratio(size, level))),
            Cell::Int(self.measured.missing.unvalued),
            why.map_or(Cell::Null, |why| Cell::text(why.to_string())),
        ]
    }

    fn status(&self) -> Status {
        judge(&self.limit, &self.measured).0
    }

    /// What a breach is known by: the limit, and where it is breached. Not by how much: so it stays the same while the value
    /// moves, and when it returns. The source goes by its name: its place may change with the configuration.
    fn identity(&self, sources: &[String]) -> Key {
        let source = sources.get(usize::from(self.limit.source.0)).map_or("", String::as_str);
        let scope = self.scope.map_or("", Scope::name);
        let currency = self.scope.map_or(Currency::NONE, Scope::currency);
        let portfolio = self.scope.map_or(Symbol::NONE, Scope::portfolio);
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{source}\0{scope}\0{}\0", currency.code()).as_bytes());
        for symbol in [self.limit.id, portfolio, self.group] {
            hasher.update(&symbol.bytes());
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Key::from_bytes(bytes)
    }
}

/// The column of what a breach is known by.
pub const BREACH_ID: (&str, ColumnKind) = ("breach_id", ColumnKind::Text);

/// The columns of `limit_usage`.
pub const USAGE_COLUMNS: [(&str, ColumnKind); 18] = [
    ("source", ColumnKind::Text),
    ("limit", ColumnKind::Text),
    ("scope", ColumnKind::Text),
    ("portfolio", ColumnKind::Text),
    ("base_currency", ColumnKind::Text),
    ("group", ColumnKind::Text),
    ("name", ColumnKind::Text),
    ("dimension", ColumnKind::Text),
    ("measure", ColumnKind::Text),
    ("scenario", ColumnKind::Text),
    ("status", ColumnKind::Text),
    ("value", RATE),
    ("currency", ColumnKind::Text),
    ("warning_level", RATE),
    ("breach_level", RATE),
    ("usage", RATE),
    ("positions_unvalued", ColumnKind::Int),
    ("why", ColumnKind::Text),
];

fn register<'scope>(
    usages: Collection<'scope, Usage>,
    remembered: Collection<'scope, Remembered>,
    sources: &[String],
    views: &mut Views,
) -> BreachesKept<'scope> {
    let (names, cells) = (sources.to_vec(), Sources::new(sources));
    let judged = usages.clone().flat_map(move |usage| {
        let status = usage.status();
        let is_breach = status == Status::Breach;
        let of_history = is_breach || status == Status::Unknown;
        of_history.then(|| (usage.identity(&names), (Row::new(usage.cells(&cells)), is_breach)))
    });
    let breaches = judged.clone().flat_map(|(identity, (row, is_breach))| is_breach.then_some((identity, row)));
    let episodes = breach_history::register(judged, remembered, views);
    let seen = FirstSeen::default();
    let breaches = first_seen(breaches, "breaches first seen", &seen, |identity, row: &Row, first| {
        let cells = [Cell::Hash(identity.bytes())].into_iter().chain(row.cells().iter().cloned());
        (*identity, Row::new(cells.chain([Cell::tick(first)]).collect::<Vec<_>>()))
    });
    let columns: Vec<_> =
        [BREACH_ID].into_iter().chain(USAGE_COLUMNS).chain([("first_seen", ColumnKind::Time)]).collect();
    let about = "The limits that are breached now. A breach keeps its id while it changes, and when it returns.";
    views.keyed_rows(spec("limit_breaches", about, &columns, 1), breaches);

    let cells = Sources::new(sources);
    let about = "What each limit measures, in each portfolio and group that it is of, and how it stands: OK, WARNING, BREACH, UNKNOWN.";
    let rows = usages.map(move |usage| Row::new(usage.cells(&cells)));
    views.rows(spec("limit_usage", about, &USAGE_COLUMNS, 6), rows);
    BreachesKept { first_seen: seen, episodes }
}

fn register_refusals<'scope>(
    limits: Collection<'scope, Arc<Limit>>,
    configured: Configured,
    sources: &[String],
    views: &mut Views,
) {
    let columns = [
        ("source", ColumnKind::Text),
        ("limit", ColumnKind::Text),
        ("what", ColumnKind::Text),
        ("help", ColumnKind::Text),
    ];
    let about = "The limits that make no sense and are not measured, why, and what to do.";
    let sources = Sources::new(sources);
    let rows = limits.flat_map(move |limit| {
        let refused = check(&limit, &configured).err()?;
        Some(Row::new([
            sources.cell(limit.source),
            symbol_cell(limit.id),
            Cell::text(refused.what),
            Cell::text(refused.help),
        ]))
    });
    views.rows(spec("refused_limits", about, &columns, 2), rows);
}
