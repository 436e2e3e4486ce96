//! What a reconciliation is told: its sides, its tiers, its tolerances, as configured and as checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Calendar, Dictionary, Field, FieldKind, ScoringModel, Severity, SourceId, Symbol};
use operators::blocks::{BLOCK_SIDE_MAX, Side};
use serde::Deserialize;

use super::scoring::{self, Scorer};
use super::tolerance::{ToleranceRule, Tolerances};
use crate::rule_error::{RuleError, unknown};

/// A reconciliation as it is configured.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconciliationConfig {
    /// Two sides or more; each of the others is reconciled with the first, the anchor.
    pub sides: Vec<SideConfig>,
    /// The sources of each side's allocations.
    pub allocations: BTreeMap<String, Vec<String>>,
    /// The sources of matches that a person confirmed.
    pub confirmations: Vec<String>,
    /// The calendar for tolerances in business days; weekends only if not given.
    pub calendar: Option<String>,
    /// The fields that must agree in a match.
    pub compare: Vec<String>,
    /// For each field (or `default`) the sides in the order of their authority.
    pub authority: BTreeMap<String, Vec<String>>,
    /// How far values may differ.
    pub tolerance: Vec<ToleranceRule>,
    /// The severity of a break type, where it is not the usual one.
    pub severity: BTreeMap<String, Severity>,
    /// How trades are matched, best way first.
    pub tier: Vec<TierConfig>,
}

/// A side: a source of the same name, or several sources under one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum SideConfig {
    /// A source.
    Source(String),
    /// Several.
    Sources {
        /// What the side is called.
        name: String,
        /// Its sources.
        sources: Vec<String>,
    },
}

/// A way to match. Each takes what those before it left.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TierConfig {
    /// The same identifier on both sides. Differences under it are breaks.
    Identifier {
        /// The field that holds it.
        field: String,
    },
    /// Equal in all these fields.
    Economics {
        /// The fields.
        fields: Vec<String>,
    },
    /// Equal in `by`, and within tolerance in all compared fields; the closest pairs first.
    Tolerance {
        /// The fields that must be equal.
        by: Vec<String>,
        /// How many trades a side may share the fields of `by`.
        #[serde(default = "side_max")]
        side_max: usize,
    },
    /// The pairs that a scoring model finds likely.
    Scored {
        /// `weighted`, `trades`, or the file of a model.
        model: String,
        /// How many trades a side may share a blocking key.
        #[serde(default = "side_max")]
        side_max: usize,
    },
    /// Several trades against several, equal in `by`, whose quantities sum to the same and whose average prices agree.
    Aggregate {
        /// The fields that must be equal.
        by: Vec<String>,
    },
}

fn side_max() -> usize {
    BLOCK_SIDE_MAX
}

/// What the rules refer to.
pub struct Surroundings<'a> {
    /// The names of all sources, by `SourceId`.
    pub sources: &'a [String],
    /// The names of the free attributes, by index.
    pub attributes: &'a [String],
    /// Calendars by name.
    pub calendars: &'a BTreeMap<String, Calendar>,
    /// Where the texts of symbols are found.
    pub dictionary: &'a Dictionary,
    /// Reads the file of a scoring model.
    pub read_model: &'a dyn Fn(&str) -> Result<String, String>,
}

/// A reconciliation, checked.
pub struct Reconciliation {
    /// One leg for each side beside the anchor.
    pub legs: Vec<Arc<Leg>>,
    models: Vec<ScoringModel>,
}

/// Two sides, and all that is needed to reconcile them. The anchor is left.
pub struct Leg {
    /// The reconciliation.
    pub reconciliation: Arc<str>,
    /// The name of the left side, the anchor, and of the right.
    pub sides: [Arc<str>; 2],
    /// The names of all sources.
    source_names: Arc<[Arc<str>]>,
    /// On which side the trades of a source are.
    trades: Vec<Option<Side>>,
    /// On which side the allocations of a source are.
    allocations: Vec<Option<Side>>,
    /// The sources of confirmations.
    confirmations: BTreeSet<SourceId>,
    /// The fields that must agree, and whose value counts where they do not.
    pub compare: Vec<(Field, Side)>,
    /// How far values may differ.
    pub tolerances: Tolerances,
    /// The ways to match.
    pub tiers: Vec<Tier>,
    severity: BTreeMap<String, Severity>,
    /// The names of the attributes.
    pub attributes: Vec<String>,
    /// Where the texts of symbols are found.
    pub dictionary: Dictionary,
}

/// A way to match, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tier {
    /// See [`TierConfig::Identifier`].
    Identifier(Field),
    /// See [`TierConfig::Economics`].
    Economics(Vec<Field>),
    /// See [`TierConfig::Tolerance`].
    Tolerance {
        /// The fields that must be equal.
        by: Vec<Field>,
        /// The bound of a block.
        side_max: usize,
    },
    /// See [`TierConfig::Scored`].
    Scored {
        /// The id under which the model is given as a record.
        model: Symbol,
        /// The bound of a block.
        side_max: usize,
    },
    /// See [`TierConfig::Aggregate`].
    Aggregate(Vec<Field>),
}

impl Tier {
    /// What the tier is called in the view `matches`.
    pub fn name(&self) -> &'static str {
        match self {
            Tier::Identifier(_) => "identifier",
            Tier::Economics(_) => "economics",
            Tier::Tolerance { .. } => "tolerance",
            Tier::Scored { .. } => "scored",
            Tier::Aggregate(_) => "aggregate",
        }
    }
}

impl Leg {
    /// On which side the trades of a source are; `None` if they are on neither.
    pub fn side_of(&self, source: SourceId) -> Option<Side> {
        self.trades.get(usize::from(source.0)).copied().flatten()
    }

    /// On which side the allocations of a source are.
    pub fn allocation_side_of(&self, source: SourceId) -> Option<Side> {
        self.allocations.get(usize::from(source.0)).copied().flatten()
    }

    /// Whether a source gives confirmations for this reconciliation.
    pub fn confirms(&self, source: SourceId) -> bool {
        self.confirmations.contains(&source)
    }

    /// Whether there are any sources of confirmations.
    pub fn has_confirmations(&self) -> bool {
        !self.confirmations.is_empty()
    }

    /// Whether there are any allocations.
    pub fn has_allocations(&self) -> bool {
        self.allocations.iter().any(Option::is_some)
    }

    /// The sources whose trades are reconciled.
    pub fn sources(&self) -> impl Iterator<Item = SourceId> + '_ {
        (0..=u8::MAX).map(SourceId).filter(|source| self.side_of(*source).is_some())
    }

    /// The name of a source.
    pub fn source_name(&self, source: SourceId) -> Option<&Arc<str>> {
        self.source_names.get(usize::from(source.0))
    }

    /// The name of a side.
    pub fn side_name(&self, side: Side) -> &Arc<str> {
        &self.sides[side as usize]
    }

    /// The severity that was configured for a break type.
    pub fn severity_of(&self, break_type: &str) -> Option<Severity> {
        self.severity.get(break_type).copied()
    }
}

impl Reconciliation {
    /// Checks a reconciliation.
    pub fn new(name: &str, config: &ReconciliationConfig, around: &Surroundings<'_>) -> Result<Self, RuleError> {
        let place = format!("reconciliation.{name}");
        let sides = sides(config, around, &place)?;
        let mut models = Vec::new();
        let tiers = config.tier.iter().enumerate().map(|(index, tier)| {
            let place = format!("{place}.tier[{index}]");
            check_tier(name, index, tier, around, &place, &mut models)
        });
        let tiers = tiers.collect::<Result<Vec<_>, _>>()?;
        if tiers.is_empty() {
            return Err(RuleError::new(
                &place,
                "it has no tiers",
                "say how trades are matched, with at least one [[tier]]",
            ));
        }
        let calendar = match &config.calendar {
            None => Calendar::weekdays_only(),
            Some(name) => around.calendars.get(name).cloned().ok_or_else(|| {
                unknown(format!("{place}.calendar"), "calendar", name, around.calendars.keys().map(String::as_str))
            })?,
        };
        let tolerances = Tolerances::new(&config.tolerance, calendar, &place)?;
        let confirmations = source_ids(&config.confirmations, around, &format!("{place}.confirmations"))?;
        let source_names: Arc<[Arc<str>]> = around.sources.iter().map(|name| Arc::from(name.as_str())).collect();
        let mut legs = Vec::new();
        for right in 1..sides.len() {
            let pair = [&sides[0], &sides[right]];
            legs.push(Arc::new(Leg {
                reconciliation: Arc::from(name),
                sides: pair.map(|side| Arc::clone(&side.0)),
                source_names: Arc::clone(&source_names),
                trades: by_side(pair.map(|side| side.1.iter().copied())),
                allocations: allocations(config, &sides, pair, around, &place)?,
                confirmations: confirmations.iter().copied().collect(),
                compare: compare(config, &sides, pair, around, &place)?,
                tolerances: tolerances.clone(),
                tiers: tiers.clone(),
                severity: config.severity.clone(),
                attributes: around.attributes.to_vec(),
                dictionary: around.dictionary.clone(),
            }));
        }
        Ok(Reconciliation { legs, models })
    }

    /// The scoring models that its tiers use.
    pub fn models(&self) -> impl Iterator<Item = &ScoringModel> {
        self.models.iter()
    }
}

/// A field by its name, or the attribute of that name.
pub fn field(name: &str, attributes: &[String], place: &str) -> Result<Field, RuleError> {
    let attribute = attributes.iter().position(|attribute| attribute == name);
    let found = attribute.map(|index| Field::Attribute(index as u16)).or_else(|| Field::parse_name(name));
    let names = Field::ALL.iter().map(|field| field.name()).chain(attributes.iter().map(String::as_str));
    found.ok_or_else(|| unknown(place, "field", name, names))
}

type CheckedSide = (Arc<str>, Vec<SourceId>);

fn sides(config: &ReconciliationConfig, around: &Surroundings<'_>, place: &str) -> Result<Vec<CheckedSide>, RuleError> {
    let place = format!("{place}.sides");
    if config.sides.len() < 2 {
        let what = format!("{} side is given", config.sides.len());
        return Err(RuleError::new(
            place,
            what,
            "give at least two: the first is the anchor, the others are reconciled with it",
        ));
    }
    let mut sides: Vec<CheckedSide> = Vec::new();
    for side in &config.sides {
        let (name, sources) = match side {
            SideConfig::Source(name) => (name, std::slice::from_ref(name)),
            SideConfig::Sources { name, sources } => (name, sources.as_slice()),
        };
        let ids = source_ids(sources, around, &place)?;
        let taken = sides.iter().any(|(other, others)| **other == **name || others.iter().any(|id| ids.contains(id)));
        if taken {
            return Err(RuleError::new(
                place,
                format!("side `{name}` shares its name or a source with another"),
                "give each source to one side",
            ));
        }
        sides.push((Arc::from(name.as_str()), ids));
    }
    Ok(sides)
}

fn source_ids(names: &[String], around: &Surroundings<'_>, place: &str) -> Result<Vec<SourceId>, RuleError> {
    let id = |name: &String| {
        let found = around.sources.iter().position(|source| source == name);
        let known = around.sources.iter().map(String::as_str);
        found.map(|index| SourceId(index as u8)).ok_or_else(|| unknown(place, "source", name, known))
    };
    names.iter().map(id).collect()
}

fn by_side(sources: [impl Iterator<Item = SourceId>; 2]) -> Vec<Option<Side>> {
    let mut sides = vec![None; 1 + usize::from(u8::MAX)];
    for (sources, side) in sources.into_iter().zip([Side::Left, Side::Right]) {
        sources.for_each(|source| sides[usize::from(source.0)] = Some(side));
    }
    sides
}

fn allocations(
    config: &ReconciliationConfig,
    sides: &[CheckedSide],
    pair: [&CheckedSide; 2],
    around: &Surroundings<'_>,
    place: &str,
) -> Result<Vec<Option<Side>>, RuleError> {
    for side in config.allocations.keys() {
        check_side(side, sides, &format!("{place}.allocations"))?;
    }
    let of = |side: &CheckedSide| {
        let names = config.allocations.get(&*side.0).map_or(&[][..], Vec::as_slice);
        source_ids(names, around, &format!("{place}.allocations.{}", side.0))
    };
    Ok(by_side([of(pair[0])?.into_iter(), of(pair[1])?.into_iter()]))
}

fn check_side(name: &str, sides: &[CheckedSide], place: &str) -> Result<(), RuleError> {
    if sides.iter().any(|side| *side.0 == *name) {
        return Ok(());
    }
    Err(unknown(place, "side", name, sides.iter().map(|side| &*side.0)))
}

fn compare(
    config: &ReconciliationConfig,
    sides: &[CheckedSide],
    pair: [&CheckedSide; 2],
    around: &Surroundings<'_>,
    place: &str,
) -> Result<Vec<(Field, Side)>, RuleError> {
    for (name, order) in &config.authority {
        let place = format!("{place}.authority.{name}");
        if name != "default" {
            field(name, around.attributes, &place)?;
        }
        order.iter().try_for_each(|side| check_side(side, sides, &place))?;
    }
    let authority = |name: &str| {
        let order = config.authority.get(name).or_else(|| config.authority.get("default"));
        let rank = |side: &CheckedSide| {
            order.and_then(|order| order.iter().position(|other| **other == *side.0)).unwrap_or(usize::MAX)
        };
        if rank(pair[1]) < rank(pair[0]) { Side::Right } else { Side::Left }
    };
    let check = |(index, name): (usize, &String)| {
        let place = format!("{place}.compare[{index}]");
        if config.compare[..index].contains(name) {
            return Err(RuleError::new(place, format!("`{name}` is compared twice"), "leave one of them out"));
        }
        Ok((field(name, around.attributes, &place)?, authority(name)))
    };
    config.compare.iter().enumerate().map(check).collect()
}

fn check_tier(
    reconciliation: &str,
    index: usize,
    tier: &TierConfig,
    around: &Surroundings<'_>,
    place: &str,
    models: &mut Vec<ScoringModel>,
) -> Result<Tier, RuleError> {
    let fields = |names: &[String], key: &str| -> Result<Vec<Field>, RuleError> {
        if names.is_empty() {
            return Err(RuleError::new(
                format!("{place}.{key}"),
                "no field is given",
                "name the fields that must be equal",
            ));
        }
        let check =
            |(index, name): (usize, &String)| field(name, around.attributes, &format!("{place}.{key}[{index}]"));
        names.iter().enumerate().map(check).collect()
    };
    let bound = |side_max: usize| {
        let fits = (1..=SIDE_MAX_MAX).contains(&side_max);
        fits.then_some(side_max).ok_or_else(|| {
            RuleError::new(
                format!("{place}.side_max"),
                format!("{side_max} is out of bounds"),
                format!("use 1 to {SIDE_MAX_MAX}"),
            )
        })
    };
    Ok(match tier {
        TierConfig::Identifier { field: name } => {
            let place = format!("{place}.field");
            let field = field(name, around.attributes, &place)?;
            if field.kind() != FieldKind::Symbol {
                let what = format!("`{name}` is no identifier");
                return Err(RuleError::new(place, what, "use a field such as execution_id, uti or id"));
            }
            Tier::Identifier(field)
        }
        TierConfig::Economics { fields: names } => Tier::Economics(fields(names, "fields")?),
        TierConfig::Tolerance { by, side_max } => {
            Tier::Tolerance { by: fields(by, "by")?, side_max: bound(*side_max)? }
        }
        TierConfig::Scored { model, side_max } => {
            let id = Symbol::of(&format!("{reconciliation}/{index}"));
            models.push(scoring_model(id, model, around, &format!("{place}.model"))?);
            Tier::Scored { model: id, side_max: bound(*side_max)? }
        }
        TierConfig::Aggregate { by } => Tier::Aggregate(fields(by, "by")?),
    })
}

/// The largest bound of a block: pairs grow with its square.
const SIDE_MAX_MAX: usize = 10_000;

fn scoring_model(id: Symbol, name: &str, around: &Surroundings<'_>, place: &str) -> Result<ScoringModel, RuleError> {
    let help = "use `weighted`, `trades`, or the file of a model";
    let wrong = |what: String| RuleError::new(place, what, help);
    let model = match name {
        "weighted" => scoring::weighted(),
        "trades" => scoring::trades(),
        path => scoring::Model::from_toml(&(around.read_model)(path).map_err(wrong)?),
    };
    let model = model.map_err(|error| wrong(error.to_string()))?;
    Scorer::new(model.clone()).map_err(|error| wrong(error.to_string()))?;
    let text = model.to_json().map_err(|error| wrong(error.to_string()))?;
    Ok(ScoringModel { id, version: model.version, text: Arc::from(text) })
}
