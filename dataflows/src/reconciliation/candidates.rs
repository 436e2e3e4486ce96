//! Candidate pairs below the identifiers: found by blocking, ranked by closeness or by a scoring model, and assigned one
//! to one.
//!
//! ```text
//!  trades ──▶ candidates ──▶ blocks ──▶ edges ──▶ assign ──▶ pairs
//!   model ──────┘               └──▶ blocks over the cap
//! ```

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use engine::Key;
use model::{Dictionary, Field, Record, ScoringModel, Symbol, Trade, Value};
use operators::assign::{Edge, Matched, assign};
use operators::blocks::{Blocks, CappedBlock, Side, cap_blocks, pair_within_blocks};
use operators::lookup::lookup;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use super::compare::may_belong_together;
use super::config::Leg;
use super::order::by_content;
use super::outcome::Placed;
use super::scoring::{Features, Model, Scorer, TradeFields};

/// A trade as one end of an edge, shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item(pub Arc<Trade>);

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        by_content(&self.0, &other.0)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Item {}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

/// A scoring model on its way through the dataflow, known by the hash of its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelText {
    hash: [u8; 16],
    text: Arc<str>,
}

impl ModelText {
    fn new(text: &Arc<str>) -> Self {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
        ModelText { hash, text: Arc::clone(text) }
    }
}

impl PartialEq for ModelText {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for ModelText {}

impl PartialOrd for ModelText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ModelText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.hash.cmp(&other.hash)
    }
}

impl Hash for ModelText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

/// The scorers of the models that were seen. A model is parsed once a worker and step.
#[derive(Default)]
pub struct Scorers(Vec<(ModelText, Option<Scorer>)>);

impl Scorers {
    /// The scorer of a model; `None` if its text is no model. The configuration is checked, so that only happens to what
    /// came in another way, and such a model matches nothing.
    pub fn get(&mut self, model: &ModelText) -> Option<&Scorer> {
        let known = self.0.iter().position(|(other, _)| other == model);
        let place = known.unwrap_or_else(|| {
            let scorer = Model::from_json(&model.text).and_then(Scorer::new).ok();
            self.0.push((model.clone(), scorer));
            self.0.len() - 1
        });
        self.0[place].1.as_ref()
    }
}

/// A trade that looks for its counterpart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Candidate {
    item: Item,
    scoring: Option<(Features, ModelText)>,
}

/// Within what edges are compared: one tier of one leg, under one model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TierPart {
    leg: u16,
    tier: u16,
    /// The model that scores, in a scored tier.
    pub model: Option<ModelText>,
}

/// A pair that was assigned.
pub type Pair = Matched<TierPart, Item>;

/// What a tier of candidates finds.
pub struct Found<'scope> {
    /// The pairs.
    pub pairs: Collection<'scope, Pair>,
    /// The blocks that were too large.
    pub capped: Collection<'scope, CappedBlock<Key>>,
}

/// The items of a leg on their sides.
fn item(leg: &Leg, record: Record) -> Option<(Side, Item)> {
    let Record::Trade(trade) = record else { return None };
    Some((leg.side_of(trade.source)?, Item(Arc::new(trade))))
}

/// Pairs that are equal in `by` and within tolerance in all compared fields, the closest first.
pub fn within_tolerance<'scope>(
    placed: &Placed,
    tier: u16,
    by: &[Field],
    side_max: usize,
    trades: Collection<'scope, Record>,
) -> Found<'scope> {
    let (leg, by) = (Arc::clone(&placed.leg), by.to_vec());
    let candidates = trades.flat_map(move |record| {
        let (side, item) = item(&leg, record)?;
        let values: Vec<Value> = by.iter().map(|field| item.0.value(*field)).collect();
        let is_known = values.iter().all(|value| !value.is_none());
        is_known.then(|| (Key::of(&values), (side, Candidate { item, scoring: None })))
    });
    let part = TierPart { leg: placed.index, tier, model: None };
    let leg = Arc::clone(&placed.leg);
    let edge = move |left: &Candidate, right: &Candidate| {
        let (left, right) = (&left.item, &right.item);
        let fits = may_belong_together([&*left.0, &*right.0].into_iter()) && leg.agree(&left.0, &right.0);
        let closeness = || i64::try_from(leg.distance(&left.0, &right.0)).map_or(i64::MIN, |distance| -distance);
        fits.then(|| Edge { part: part.clone(), score: 0, tie: closeness(), left: left.clone(), right: right.clone() })
    };
    find(candidates, side_max, edge)
}

/// Pairs that a scoring model finds likely, the likeliest first. What must never differ is said by the model's own gates.
pub fn scored<'scope>(
    placed: &Placed,
    tier: u16,
    side_max: usize,
    trades: Collection<'scope, Record>,
    model: Collection<'scope, ScoringModel>,
) -> Found<'scope> {
    let candidates = with_blocks(placed, with_model(placed, trades, model));
    let part = TierPart { leg: placed.index, tier, model: None };
    let mut scorers = Scorers::default();
    let edge = move |left: &Candidate, right: &Candidate| {
        let (Some((left_features, model)), Some((right_features, _))) = (&left.scoring, &right.scoring) else {
            return None;
        };
        let score = scorers.get(model)?.score(left_features, right_features)?;
        let part = TierPart { model: Some(model.clone()), ..part.clone() };
        Some(score.edge(part, left.item.clone(), right.item.clone()))
    };
    find(candidates, side_max, edge)
}

fn find<'scope>(
    candidates: Collection<'scope, (Key, (Side, Candidate))>,
    side_max: usize,
    mut edge: impl FnMut(&Candidate, &Candidate) -> Option<Edge<TierPart, Item>> + 'static,
) -> Found<'scope> {
    let blocks: Blocks<'scope, Key, Candidate> = cap_blocks(candidates, side_max, "candidates by block");
    let edges = pair_within_blocks(&blocks, "candidate pairs", move |_key, left, right| edge(left, right));
    Found { pairs: assign(edges, "assignment"), capped: blocks.capped }
}

/// In how many parts a model is given to the trades, so that all workers share them.
const MODEL_SHARES: u64 = 64;

/// Each trade with the model that is valid now: a new model replaces every candidate, in one tick.
fn with_model<'scope>(
    placed: &Placed,
    trades: Collection<'scope, Record>,
    model: Collection<'scope, ScoringModel>,
) -> Collection<'scope, (Side, Item, ModelText)> {
    let leg = Arc::clone(&placed.leg);
    let trades = trades.flat_map(move |record| {
        let (side, item) = item(&leg, record)?;
        let share = u64::from_le_bytes(Key::of(&item.0.id).bytes()[..8].try_into().ok()?) % MODEL_SHARES;
        Some((share, (side, item)))
    });
    let models = model.flat_map(|model| {
        let model = ModelText::new(&model.text);
        (0..MODEL_SHARES).map(move |share| (share, model.clone()))
    });
    lookup(
        &arrange(trades, "trades to score"),
        &arrange(models, "scoring model"),
        "trades with their model",
        |_, (side, item), model| (*side, item.clone(), model.clone()),
    )
}

/// Each trade under each of its blocking keys. A key of one model is none of another.
fn with_blocks<'scope>(
    placed: &Placed,
    trades: Collection<'scope, (Side, Item, ModelText)>,
) -> Collection<'scope, (Key, (Side, Candidate))> {
    let dictionary: Dictionary = placed.leg.dictionary.clone();
    let mut scorers = Scorers::default();
    trades.flat_map(move |(side, item, model)| {
        let mut candidates = Vec::new();
        if let Some(scorer) = scorers.get(&model) {
            let fields = TradeFields { trade: &item.0, dictionary: &dictionary };
            let features = scorer.features(&fields);
            let keys: Vec<Symbol> = scorer.block_keys(&fields, side);
            let candidate = Candidate { item: item.clone(), scoring: Some((features, model.clone())) };
            candidates.extend(keys.into_iter().map(|key| (Key::of(&(key, model.hash)), (side, candidate.clone()))));
        }
        candidates
    })
}

/// The tier of matches that a person confirmed.
pub const CONFIRMED_TIER: u16 = u16::MAX;

/// Pairs that a person confirmed and whose trades are both there. If a trade is confirmed twice, one pair stands.
pub fn confirmed<'scope>(placed: &Placed, records: &Arranged<'scope, Key, Record>) -> Collection<'scope, Pair> {
    let leg = Arc::clone(&placed.leg);
    let name = Symbol::of(&leg.reconciliation);
    let confirmations = records.clone().flat_map_ref(move |_id, record| match record {
        Record::Confirmation(confirmation)
            if leg.confirms(confirmation.source) && confirmation.reconciliation == name =>
        {
            Some((Key::from_bytes(confirmation.left.bytes()), Key::from_bytes(confirmation.right.bytes())))
        }
        _ => None,
    });
    let lefts = with_trade(placed, Side::Left, &arrange(confirmations, "confirmations by left"), records);
    let by_right = arrange(lefts, "confirmations by right");
    let (leg, part) = (Arc::clone(&placed.leg), TierPart { leg: placed.index, tier: CONFIRMED_TIER, model: None });
    let edges = lookup(&by_right, records, "confirmed pairs", move |_, left: &Item, record| {
        let right = item(&leg, record.clone()).filter(|(side, _)| *side == Side::Right)?.1;
        Some(Edge { part: part.clone(), score: 0, tie: 0, left: left.clone(), right })
    });
    assign(edges.flat_map(|edge| edge), "confirmations")
}

fn with_trade<'scope>(
    placed: &Placed,
    wanted: Side,
    confirmations: &Arranged<'scope, Key, Key>,
    records: &Arranged<'scope, Key, Record>,
) -> Collection<'scope, (Key, Item)> {
    let leg = Arc::clone(&placed.leg);
    let found = lookup(confirmations, records, "confirmed trades", move |_, other: &Key, record| {
        let (side, item) = item(&leg, record.clone())?;
        (side == wanted).then_some((*other, item))
    });
    found.flat_map(|found| found)
}
