//! The tiers of a leg, one after the other, and what all of them together decide.

use std::sync::Arc;

use engine::{Key, Row, Views};
use model::{Field, Record, ScoringModel, Symbol, Trade};
use operators::blocks::{CappedBlock, Side};
use operators::derive::derive;
use operators::derive_each::derive_each;
use operators::sum_by::tally;
use operators::{Arranged, Collection, Sums, arrange};

use super::breaks::{Break, BreakKind};
use super::candidates::{self, Found, Item, Pair, Scorers};
use super::config::{Leg, Tier};
use super::groups::{self, Aggregate, Group};
use super::matches::{self, Scored};
use super::outcome::{CountKey, Decided, Decisions, Flow, Placed, counts};
use super::scoring::{TradeFields, Verdict};

/// What the tiers decide, as it is gathered leg by leg.
pub struct Tiers<'a, 'scope> {
    records: &'a Arranged<'scope, Key, Record>,
    decided: Vec<Collection<'scope, Decided>>,
    counts: Vec<Collection<'scope, CountKey, Sums>>,
    groups: Vec<GroupMatches<'scope>>,
}

/// What all tiers decide.
pub struct Outcome<'scope> {
    /// Breaks under their identities.
    pub breaks: Collection<'scope, (Key, Row)>,
    /// Matches that were assigned.
    pub matches: Collection<'scope, Row>,
    /// How many trades ended where.
    pub counts: Collection<'scope, CountKey, Sums>,
    /// Matches that are derived from groups.
    pub groups: Vec<GroupMatches<'scope>>,
}

/// An arrangement whose groups hold matches.
pub struct GroupMatches<'scope> {
    placed: Placed,
    tier: Tier,
    groups: Arranged<'scope, Key, Record>,
}

impl<'a, 'scope> Tiers<'a, 'scope> {
    /// Nothing decided yet about these records.
    pub fn new(records: &'a Arranged<'scope, Key, Record>) -> Self {
        Tiers { records, decided: Vec::new(), counts: Vec::new(), groups: Vec::new() }
    }

    /// Takes a leg through its tiers.
    pub fn reconcile(&mut self, placed: &Placed) {
        self.count_received(placed);
        let mut left: Option<Collection<'scope, Record>> = None;
        if placed.leg.has_confirmations() {
            let pairs = candidates::confirmed(placed, self.records);
            left = Some(self.take_pairs(placed, "confirmed", pairs, self.trades(placed)));
        }
        for (index, tier) in (0..).zip(&placed.leg.tiers) {
            left = Some(self.tier(placed, index, tier, left));
        }
        let unmatched = left.unwrap_or_else(|| self.trades(placed));
        let own = placed.clone();
        let decided = derive_each(unmatched, "missing", move |record, out| {
            missing(&own.leg, record, &mut Flow { leg: &own.leg, index: own.index, out });
        });
        self.take(decided);
    }

    /// What is decided, of all legs together.
    pub fn finish(self) -> Outcome<'scope> {
        let scope = self.records.stream.scope();
        let decided = differential_dataflow::collection::concatenate(scope, self.decided);
        let breaks = |row| if let Decided::Break(key, row) = row { Some((key, row)) } else { None };
        let matches = |row| if let Decided::Match(row) = row { Some(row) } else { None };
        Outcome {
            breaks: decided.clone().flat_map(breaks),
            matches: decided.flat_map(matches),
            counts: differential_dataflow::collection::concatenate(scope, self.counts),
            groups: self.groups,
        }
    }

    /// One tier: decides what it can, and gives what it leaves.
    fn tier(
        &mut self,
        placed: &Placed,
        index: u16,
        tier: &Tier,
        left: Option<Collection<'scope, Record>>,
    ) -> Collection<'scope, Record> {
        // The records are indexed by their own id already: no need to do it again for trades that are looked for by just
        // that. Allocations are looked for by the id of their trade.
        if left.is_none() && *tier == Tier::Identifier(Field::Id) && !placed.leg.has_allocations() {
            return self.group_tier(placed, tier, self.records.clone());
        }
        let left = left.unwrap_or_else(|| self.trades(placed));
        match tier {
            Tier::Identifier(field) => {
                let field = *field;
                let with_allocations =
                    if placed.leg.has_allocations() { left.concat(self.allocations(placed)) } else { left };
                self.keyed_tier(placed, tier, with_allocations, move |record| groups::identifier_key(field, record))
            }
            Tier::Economics(fields) | Tier::Aggregate(fields) => {
                let fields = fields.clone();
                self.keyed_tier(placed, tier, left, move |record| groups::economics_key(&fields, record))
            }
            Tier::Tolerance { by, side_max } => {
                let found = candidates::within_tolerance(placed, index, by, *side_max, left.clone());
                self.candidate_tier(placed, index, tier, found, left)
            }
            Tier::Scored { model, side_max } => {
                let found = candidates::scored(placed, index, *side_max, left.clone(), models(self.records, *model));
                self.candidate_tier(placed, index, tier, found, left)
            }
        }
    }

    /// The trades of a leg.
    fn trades(&self, placed: &Placed) -> Collection<'scope, Record> {
        let leg = Arc::clone(&placed.leg);
        self.select(move |record| matches!(record, Record::Trade(trade) if leg.side_of(trade.source).is_some()))
    }

    /// The allocations of a leg. No tier takes them: they are compared under whichever identifier they name.
    fn allocations(&self, placed: &Placed) -> Collection<'scope, Record> {
        let leg = Arc::clone(&placed.leg);
        self.select(
            move |record| matches!(record, Record::Allocation(own) if leg.allocation_side_of(own.source).is_some()),
        )
    }

    fn select(&self, is_wanted: impl Fn(&Record) -> bool + 'static) -> Collection<'scope, Record> {
        self.records.clone().flat_map_ref(move |_id, record| is_wanted(record).then(|| record.clone()))
    }

    fn keyed_tier(
        &mut self,
        placed: &Placed,
        tier: &Tier,
        left: Collection<'scope, Record>,
        key: impl Fn(&Record) -> Option<Key> + 'static,
    ) -> Collection<'scope, Record> {
        let keyed = left.flat_map(move |record| key(&record).map(|key| (key, record)));
        self.group_tier(placed, tier, arrange(keyed, tier.name()))
    }

    fn group_tier(
        &mut self,
        placed: &Placed,
        tier: &Tier,
        arranged: Arranged<'scope, Key, Record>,
    ) -> Collection<'scope, Record> {
        let (own, own_tier) = (placed.clone(), tier.clone());
        let (decided, counted) = derive(&arranged, tier.name(), move |_key, group, out| {
            let flow = &mut Flow { leg: &own.leg, index: own.index, out };
            match own_tier {
                Tier::Identifier(_) => groups::by_identifier(&own, group, flow),
                Tier::Economics(_) => groups::by_economics(&own, group, flow),
                _ => groups::by_aggregate(&own, group, flow),
            }
        });
        self.take((decided.clone(), counted));
        self.groups.push(GroupMatches { placed: placed.clone(), tier: tier.clone(), groups: arranged });
        decided.flat_map(|row| if let Decided::Left(trade) = row { Some(Record::Trade(trade)) } else { None })
    }

    fn candidate_tier(
        &mut self,
        placed: &Placed,
        index: u16,
        tier: &Tier,
        found: Found<'scope>,
        left: Collection<'scope, Record>,
    ) -> Collection<'scope, Record> {
        let own = placed.clone();
        // Where one side has nothing, nothing is left unpaired.
        let capped = found.capped.filter(|block| block.left > 0 && block.right > 0);
        self.decided.push(capped.map(move |block| block_capped(&own, index, &block)));
        self.take_pairs(placed, tier.name(), found.pairs, left)
    }

    /// Settles the pairs that are good enough, and gives what is left without them.
    fn take_pairs(
        &mut self,
        placed: &Placed,
        tier: &'static str,
        pairs: Collection<'scope, Pair>,
        left: Collection<'scope, Record>,
    ) -> Collection<'scope, Record> {
        let mut scorers = Scorers::default();
        let judged = pairs.map(move |pair| {
            let verdict = judge(&mut scorers, &pair);
            (pair, verdict)
        });
        let mut scorers = Scorers::default();
        let own = placed.clone();
        self.decided.push(
            judged
                .clone()
                .map(move |(pair, verdict)| Decided::Match(match_row(&own, tier, &mut scorers, &pair, verdict))),
        );
        let accepted = judged.flat_map(|(pair, verdict)| (verdict == Verdict::Match).then_some(pair));
        let own = placed.clone();
        let settled = derive_each(accepted.clone(), "settled", move |pair: &Pair, out| {
            own.settle(&pair.edge.left.0, &pair.edge.right.0, &mut Flow { leg: &own.leg, index: own.index, out });
        });
        self.take(settled);
        let record = |item: Item| Record::Trade((*item.0).clone());
        let taken = accepted.flat_map(move |pair| [record(pair.edge.left), record(pair.edge.right)]);
        left.concat(taken.negate())
    }

    fn take(&mut self, (decided, counted): (Collection<'scope, Decided>, Collection<'scope, CountKey, Sums>)) {
        self.decided.push(decided);
        self.counts.push(counted);
    }

    /// Counts what came in, apart from what becomes of it: so that a trade that gets lost on the way is noticed.
    fn count_received(&mut self, placed: &Placed) {
        let own = placed.clone();
        let received = tally(self.records, "received", move |record| match record {
            Record::Trade(trade) if own.leg.side_of(trade.source).is_some() => {
                let key = CountKey { leg: own.index, source: trade.source, date: trade.trade_date };
                Some((key, counts::RECEIVED))
            }
            _ => None,
        });
        self.counts.push(received);
    }
}

impl GroupMatches<'_> {
    /// Adds the matches of the groups to the view.
    pub fn add_matches(&self, view: usize, views: &mut Views) {
        let (placed, tier) = (self.placed.clone(), self.tier.clone());
        views.add_part(view, &self.groups, move |_key, group, rows| {
            for pair in pairs_of(&placed, &tier, group) {
                rows.push((matches::row(&placed.leg, tier.name(), pair, None), 1));
            }
        });
    }
}

fn pairs_of<'t>(placed: &Placed, tier: &Tier, group: Group<'t, '_>) -> Vec<[&'t Trade; 2]> {
    match tier {
        Tier::Identifier(_) => groups::identified_pair(&placed.leg, group).into_iter().collect(),
        Tier::Economics(_) => groups::economic_pairs(&placed.leg, group),
        _ => match groups::aggregate(&placed.leg, group) {
            Aggregate::Matched([lefts, rights]) => linked(&lefts, &rights),
            Aggregate::Apart(_) => Vec::new(),
        },
    }
}

/// The links of a match of many with many: each of one side with the first of the other.
fn linked<'t>(lefts: &[&'t Trade], rights: &[&'t Trade]) -> Vec<[&'t Trade; 2]> {
    let firsts = rights.iter().map(|right| [lefts[0], *right]);
    firsts.chain(lefts.iter().skip(1).map(|left| [*left, rights[0]])).collect()
}

/// A trade that no tier has matched is missing on the other side.
fn missing(leg: &Leg, record: &Record, out: &mut impl Decisions) {
    if let Record::Trade(trade) = record
        && let Some(side) = leg.side_of(trade.source)
    {
        let other = if side == Side::Left { Side::Right } else { Side::Left };
        out.broken(Break { kind: BreakKind::Missing(other), trade, other: None });
        out.count(trade, counts::BROKEN);
    }
}

fn block_capped(placed: &Placed, tier: u16, block: &CappedBlock<Key>) -> Decided {
    let trade = Trade {
        id: Symbol::of(&format!("block {:08x}", u128::from_be_bytes(block.key.bytes()) >> 96)),
        ..Trade::default()
    };
    let kind = BreakKind::BlockCapped { tier, block };
    let (key, row) = Break { kind, trade: &trade, other: None }.row(&placed.leg);
    Decided::Break(key, row)
}

fn judge(scorers: &mut Scorers, pair: &Pair) -> Verdict {
    match &pair.edge.part.model {
        None => Verdict::Match,
        Some(model) => {
            scorers.get(model).map_or(Verdict::None, |scorer| scorer.verdict(pair.edge.score, pair.runner_up))
        }
    }
}

fn match_row(placed: &Placed, tier: &str, scorers: &mut Scorers, pair: &Pair, verdict: Verdict) -> Row {
    let trades = [&*pair.edge.left.0, &*pair.edge.right.0];
    let Some(scorer) = pair.edge.part.model.as_ref().and_then(|model| scorers.get(model)) else {
        return matches::row(&placed.leg, tier, trades, None);
    };
    let features = trades.map(|trade| scorer.features(&TradeFields { trade, dictionary: &placed.leg.dictionary }));
    let scored = Scored {
        score: pair.edge.score,
        margin: scorer.margin(pair.edge.score, pair.runner_up),
        evidence: &scorer.explain(&features[0], &features[1]),
        status: if verdict == Verdict::Match { "matched" } else { "review" },
    };
    matches::row(&placed.leg, tier, trades, Some(&scored))
}

/// The scoring model with this id, as it is now.
fn models<'scope>(records: &Arranged<'scope, Key, Record>, id: Symbol) -> Collection<'scope, ScoringModel> {
    records.clone().flat_map_ref(move |_id, record| match record {
        Record::Model(model) if model.id == id => Some(model.clone()),
        _ => None,
    })
}
