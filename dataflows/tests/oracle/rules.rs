//! What the configuration says, read once more.

use std::collections::BTreeMap;

use dataflows::ReconciliationConfig;
use dataflows::reconciliation::config::{SideConfig, TierConfig};
use dataflows::reconciliation::tolerance::ToleranceRule;
use model::{Field, Record, Severity, SourceId, Trade};

/// Two sides of a reconciliation.
pub struct Leg {
    pub reconciliation: String,
    pub sides: [String; 2],
    /// The sources of each side.
    pub trades: [Vec<u8>; 2],
    pub allocations: [Vec<u8>; 2],
    pub confirmations: Vec<u8>,
    /// Each compared field, and the side (0 or 1) whose value counts.
    pub compare: Vec<(Field, usize)>,
    pub tolerances: Vec<ToleranceRule>,
    pub severities: BTreeMap<String, Severity>,
    pub tiers: Vec<TierConfig>,
}

impl Leg {
    pub fn side_of(&self, trade: &Trade) -> Option<usize> {
        self.trades.iter().position(|sources| sources.contains(&trade.source.0))
    }

    /// The trades of each side.
    pub fn trades_in(&self, records: &[Record]) -> [Vec<Trade>; 2] {
        let mut sides = [Vec::new(), Vec::new()];
        for record in records {
            if let Record::Trade(trade) = record
                && let Some(side) = self.side_of(trade)
            {
                sides[side].push(trade.clone());
            }
        }
        sides
    }

    pub fn authority(&self, field: Field) -> usize {
        self.compare.iter().find(|(compared, _)| *compared == field).map_or(0, |(_, side)| *side)
    }
}

pub fn legs(name: &str, config: &ReconciliationConfig, sources: &[String]) -> Vec<Leg> {
    let id = |name: &String| sources.iter().position(|source| source == name).unwrap() as u8;
    let ids = |names: &[String]| names.iter().map(id).collect::<Vec<u8>>();
    let sides: Vec<(String, Vec<u8>)> = config
        .sides
        .iter()
        .map(|side| match side {
            SideConfig::Source(name) => (name.clone(), vec![id(name)]),
            SideConfig::Sources { name, sources } => (name.clone(), ids(sources)),
        })
        .collect();
    let leg = |right: &(String, Vec<u8>)| {
        let names = [sides[0].0.clone(), right.0.clone()];
        let allocations =
            names.each_ref().map(|name| config.allocations.get(name).map(|names| ids(names)).unwrap_or_default());
        let authority = |field: &String| {
            let order = config.authority.get(field).or_else(|| config.authority.get("default"));
            let place =
                |side: &String| order.and_then(|order| order.iter().position(|name| name == side)).unwrap_or(99);
            usize::from(place(&names[1]) < place(&names[0]))
        };
        Leg {
            reconciliation: name.to_owned(),
            trades: [sides[0].1.clone(), right.1.clone()],
            allocations,
            confirmations: ids(&config.confirmations),
            compare: config.compare.iter().map(|field| (self::field(field), authority(field))).collect(),
            tolerances: config.tolerance.clone(),
            severities: config.severity.clone(),
            tiers: config.tier.clone(),
            sides: names,
        }
    };
    sides[1..].iter().map(leg).collect()
}

pub fn field(name: &str) -> Field {
    Field::parse_name(name).unwrap()
}

pub fn is_from(source: SourceId, sources: &[u8]) -> bool {
    sources.contains(&source.0)
}
