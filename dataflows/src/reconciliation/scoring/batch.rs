//! The whole matching of two lists at once: block, score, choose one to one. The plain account of what the dataflow keeps
//! up to date, and what learning and tests stand on.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use model::Symbol;
use operators::blocks::{BLOCK_SIDE_MAX, Side};

use super::blocking::first_common_key;
use super::fields::Fields;
use super::scorer::{Features, PairScore, Scorer, Verdict};

/// A record ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prepared {
    /// Its id, distinct on its side.
    pub id: Symbol,
    /// The values that are compared.
    pub features: Features,
    /// The keys under which it is compared, in order.
    pub keys: Vec<Symbol>,
}

impl Prepared {
    /// Makes a record ready to be matched.
    pub fn new(scorer: &Scorer, id: Symbol, record: &impl Fields, side: Side) -> Prepared {
        Prepared { id, features: scorer.features(record), keys: scorer.block_keys(record, side) }
    }
}

/// A pair that the one-to-one choice made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chosen {
    /// The index of the left record.
    pub left: usize,
    /// The index of the right record.
    pub right: usize,
    /// How well the two fit.
    pub fit: PairScore,
    /// The best score of the other pairs of its two records.
    pub runner_up: Option<i64>,
    /// What is to be done with it.
    pub verdict: Verdict,
}

/// What matching two lists came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// The chosen pairs, best first: at most one for each record.
    pub chosen: Vec<Chosen>,
    /// How many distinct pairs were scored.
    pub pairs: usize,
    /// The keys that hold too many records on a side; nothing is compared under them.
    pub capped: BTreeSet<Symbol>,
}

/// Matches two lists of records.
pub fn match_lists(scorer: &Scorer, left: &[Prepared], right: &[Prepared]) -> Matching {
    let candidates = candidates(left, right, BLOCK_SIDE_MAX);
    let chosen = choose(scorer, left, right, score_pairs(scorer, left, right, &candidates.pairs));
    Matching { chosen, pairs: candidates.pairs.len(), capped: candidates.capped }
}

/// The pairs that share a key.
pub(super) struct Candidates {
    /// Indexes of left and right records, in order of the left one, each pair once.
    pub(super) pairs: Vec<(usize, usize)>,
    pub(super) capped: BTreeSet<Symbol>,
}

/// The pairs that share a key under which neither side has more than `side_max` records.
pub(super) fn candidates(left: &[Prepared], right: &[Prepared], side_max: usize) -> Candidates {
    let (left_entries, right_entries) = (entries(left), entries(right));
    let (live, capped): (Vec<Block>, Vec<Block>) = shared_blocks(&left_entries, &right_entries)
        .into_iter()
        .partition(|block| block.left.len().max(block.right.len()) <= side_max);
    let capped: BTreeSet<Symbol> = capped.into_iter().map(|block| block.left[0].0).collect();

    let mut pairs = Vec::new();
    for block in live {
        for &(key, a) in block.left {
            let meets_first =
                |b: usize| first_common_key(&left[a].keys, &right[b].keys, |key| !capped.contains(&key)) == Some(key);
            pairs.extend(block.right.iter().filter(|(_, b)| meets_first(*b)).map(|&(_, b)| (a, b)));
        }
    }
    pairs.sort_unstable();
    Candidates { pairs, capped }
}

/// A key of a record and the index of the record.
type Entry = (Symbol, usize);

/// The records of both sides that share a key.
struct Block<'e> {
    left: &'e [Entry],
    right: &'e [Entry],
}

/// Every key of every record, in order.
fn entries(records: &[Prepared]) -> Vec<Entry> {
    let keys =
        |(index, record): (usize, &Prepared)| record.keys.iter().map(move |key| (*key, index)).collect::<Vec<_>>();
    let mut entries: Vec<Entry> = records.iter().enumerate().flat_map(keys).collect();
    entries.sort_unstable();
    entries
}

/// The keys that both sides have, with their records.
fn shared_blocks<'e>(left: &'e [Entry], right: &'e [Entry]) -> Vec<Block<'e>> {
    let same_key = |a: &Entry, b: &Entry| a.0 == b.0;
    let mut rights = right.chunk_by(same_key).peekable();
    let mut blocks = Vec::new();
    for left in left.chunk_by(same_key) {
        while rights.next_if(|right| right[0].0 < left[0].0).is_some() {}
        if let Some(right) = rights.next_if(|right| right[0].0 == left[0].0) {
            blocks.push(Block { left, right });
        }
    }
    blocks
}

/// A pair of indexes and how well the two fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoredPair {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) fit: PairScore,
}

/// The pairs that score at least `review`.
pub(super) fn score_pairs(
    scorer: &Scorer,
    left: &[Prepared],
    right: &[Prepared],
    pairs: &[(usize, usize)],
) -> Vec<ScoredPair> {
    let scored = |&(a, b): &(usize, usize)| {
        scorer.score(&left[a].features, &right[b].features).map(|fit| ScoredPair { left: a, right: b, fit })
    };
    pairs.iter().filter_map(scored).collect()
}

/// Takes the best pair of free records, again and again: the greater score, the greater tie, the lesser ids. No two pairs
/// are equal in that order, so the choice is unique.
pub(super) fn choose(
    scorer: &Scorer,
    left: &[Prepared],
    right: &[Prepared],
    mut pairs: Vec<ScoredPair>,
) -> Vec<Chosen> {
    pairs.sort_unstable_by_key(|pair| (Reverse(pair.fit), left[pair.left].id, right[pair.right].id));
    let best_left = two_best(left.len(), pairs.iter().map(|pair| (pair.left, pair.fit.score)));
    let best_right = two_best(right.len(), pairs.iter().map(|pair| (pair.right, pair.fit.score)));
    let (mut is_left_taken, mut is_right_taken) = (vec![false; left.len()], vec![false; right.len()]);
    let mut chosen = Vec::new();
    for ScoredPair { left, right, fit } in pairs {
        if is_left_taken[left] || is_right_taken[right] {
            continue;
        }
        is_left_taken[left] = true;
        is_right_taken[right] = true;
        let runner_up = best_left[left].other_than(fit.score).max(best_right[right].other_than(fit.score));
        let verdict = scorer.verdict(fit.score, runner_up);
        chosen.push(Chosen { left, right, fit, runner_up, verdict });
    }
    chosen
}

/// The two best scores of a record.
#[derive(Clone, Copy, Default)]
struct TwoBest {
    first: Option<i64>,
    second: Option<i64>,
}

impl TwoBest {
    /// The best score of the other pairs of the record, given the score of one of its pairs.
    fn other_than(self, score: i64) -> Option<i64> {
        if self.first == Some(score) { self.second } else { self.first }
    }
}

/// The two best scores of each record, from scores in falling order.
fn two_best(records: usize, scores: impl Iterator<Item = (usize, i64)>) -> Vec<TwoBest> {
    let mut best = vec![TwoBest::default(); records];
    for (record, score) in scores {
        let best = &mut best[record];
        if best.first.is_none() {
            best.first = Some(score);
        } else if best.second.is_none() {
            best.second = Some(score);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use model::Field;
    use proptest::prelude::*;

    use super::super::presets::trades;
    use super::*;

    struct Nothing;

    impl Fields for Nothing {
        fn text(&self, _: Field) -> Option<Cow<'_, str>> {
            None
        }

        fn number(&self, _: Field) -> Option<(i128, u8)> {
            None
        }

        fn date(&self, _: Field) -> Option<i32> {
            None
        }
    }

    /// Records of which only the ids and the keys matter.
    fn records(side: &str, keys: &[Vec<u8>]) -> Vec<Prepared> {
        let scorer = Scorer::new(trades().unwrap()).unwrap();
        let record = |(index, keys): (usize, &Vec<u8>)| {
            let mut keys: Vec<Symbol> = keys.iter().map(|key| Symbol::of(&key.to_string())).collect();
            keys.sort_unstable();
            keys.dedup();
            Prepared { id: Symbol::of(&format!("{side}{index}")), features: scorer.features(&Nothing), keys }
        };
        keys.iter().enumerate().map(record).collect()
    }

    fn pair((left, right, score, tie): (usize, usize, i64, i64)) -> ScoredPair {
        ScoredPair { left, right, fit: PairScore { score, tie } }
    }

    /// Pairs that are the best of both their records, taken out with all their rivals, again and again.
    fn mutually_best(left: &[Prepared], right: &[Prepared], mut edges: Vec<ScoredPair>) -> BTreeSet<(usize, usize)> {
        let rank = |pair: &ScoredPair| (Reverse(pair.fit), left[pair.left].id, right[pair.right].id);
        let mut chosen = BTreeSet::new();
        while !edges.is_empty() {
            let is_best = |pair: &&ScoredPair| {
                edges
                    .iter()
                    .all(|other| (other.left != pair.left && other.right != pair.right) || rank(pair) <= rank(other))
            };
            let best: Vec<(usize, usize)> = edges.iter().filter(is_best).map(|pair| (pair.left, pair.right)).collect();
            edges.retain(|pair| best.iter().all(|(a, b)| pair.left != *a && pair.right != *b));
            chosen.extend(best);
        }
        chosen
    }

    #[test]
    fn the_rival_is_the_best_other_pair_of_either_record() {
        let scorer = Scorer::new(trades().unwrap()).unwrap();
        let (left, right) = (records("L", &vec![vec![]; 3]), records("R", &vec![vec![]; 3]));
        let edges = [(0, 0, 30_000, 0), (0, 1, 20_000, 0), (1, 0, 25_000, 0), (1, 1, 24_000, 0), (2, 2, 12_000, 0)];
        let chosen = choose(&scorer, &left, &right, edges.map(pair).to_vec());
        let found: Vec<_> = chosen.iter().map(|pair| (pair.left, pair.right, pair.runner_up, pair.verdict)).collect();
        assert_eq!(
            found,
            [
                (0, 0, Some(25_000), Verdict::Match),
                (1, 1, Some(25_000), Verdict::Ambiguous),
                (2, 2, None, Verdict::Match),
            ]
        );
    }

    #[test]
    fn a_hot_key_is_reported_and_only_its_pairs_are_left_out() {
        let (left, right) = (records("L", &[vec![1, 2], vec![1], vec![1]]), records("R", &[vec![1, 2], vec![3]]));
        let found = candidates(&left, &right, 2);
        assert_eq!(found.pairs, [(0, 0)]);
        assert_eq!(found.capped, BTreeSet::from([Symbol::of("1")]));
    }

    proptest! {
        #[test]
        fn the_one_to_one_choice_is_that_of_mutually_best_pairs_in_any_order(
            edges in prop::collection::btree_map((0_usize..6, 0_usize..6), (0_i64..4, 0_i64..2), 0..24), turn in 0_usize..24,
        ) {
            let scorer = Scorer::new(trades().unwrap()).unwrap();
            let (left, right) = (records("L", &vec![vec![]; 6]), records("R", &vec![vec![]; 6]));
            let mut edges: Vec<ScoredPair> = edges.into_iter().map(|((a, b), (score, tie))| pair((a, b, score, tie))).collect();
            let expected = mutually_best(&left, &right, edges.clone());
            let first = choose(&scorer, &left, &right, edges.clone());
            prop_assert_eq!(first.iter().map(|pair| (pair.left, pair.right)).collect::<BTreeSet<_>>(), expected);
            let places = edges.len().max(1);
            edges.rotate_left(turn % places);
            prop_assert_eq!(choose(&scorer, &left, &right, edges), first);
        }

        #[test]
        fn candidates_are_the_pairs_that_share_a_key_each_once(
            left in prop::collection::vec(prop::collection::vec(0_u8..8, 0..4), 0..8),
            right in prop::collection::vec(prop::collection::vec(0_u8..8, 0..4), 0..8),
        ) {
            let (left, right) = (records("L", &left), records("R", &right));
            let found = candidates(&left, &right, 100).pairs;
            let shares = |a: usize, b: usize| left[a].keys.iter().any(|key| right[b].keys.contains(key));
            let expected: BTreeSet<(usize, usize)> =
                (0..left.len()).flat_map(|a| (0..right.len()).map(move |b| (a, b))).filter(|&(a, b)| shares(a, b)).collect();
            prop_assert_eq!(found.len(), expected.len());
            prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}
