//! `assign`: one-to-one matching of scored candidate edges, kept as the edges change.
//!
//! Input      [`Edge`]s: candidate pairs of a left and a right, with a score. An edge that is there several times, say
//!            from two blocking keys, counts once.
//! Output     [`Matched`]: the edges chosen, no two of a part with the same left or the same right, each with the best
//!            score that either end has with another partner. `score - runner_up` says how clear the choice was.
//! Choice     the best edge of all is chosen, then the best of those that touch no chosen edge, and so on: at each step
//!            the two ends are each other's best. Edges are in a strict total order, so the result is unique.
//! Update     O(edges touched · log): a change decides again its own edge and, where that sets an end free or takes one,
//!            the edges that want that end. Only what changed in the output is given.
//! Order      independent of arrival order, of batching and of the number of workers.
//! Bounds     a node holds its edges in a sorted list, right for up to a few thousand edges a node; the caller bounds
//!            them, as [`cap_blocks`](crate::blocks::cap_blocks) does. Each edge is kept twice, once at each end.
//!
//! # Example
//! ```
//! use operators::{assign::{Edge, assign}, testing};
//! let edge = |score, left, right| Edge { part: *b"ES", score, tie: 0, left, right };
//! let outputs = testing::run(
//!     vec![
//!         vec![(edge(90, 'a', 'x'), 1), (edge(80, 'b', 'x'), 1)],
//!         vec![(edge(95, 'b', 'x'), 1), (edge(70, 'a', 'y'), 1)], // b takes x, and a makes do with y
//!     ],
//!     |input| {
//!         let row = |matched: operators::assign::Matched<_, _>| (matched.edge.left, matched.edge.right, matched.runner_up);
//!         assign(input, "trades").map(row)
//!     },
//! );
//! assert_eq!(outputs[0], vec![(('a', 'x', Some(80)), 1)]);
//! assert_eq!(outputs[1], vec![(('a', 'x', Some(80)), -1), (('a', 'y', Some(90)), 1), (('b', 'x', Some(90)), 1)]);
//! ```

mod part;

use std::cmp::Reverse;
use std::collections::HashMap;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use serde::{Deserialize, Serialize};
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;

use self::part::{Choice, Part, Ranked};
use crate::arrangement::{Collection, Data, Key, Tick};
use crate::pending::Pending;

/// A candidate: `left` and `right` might belong together. Better is the greater `score`, then the greater `tie`, then
/// the lesser `left`, then the lesser `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge<P, N> {
    /// Edges are compared within a part only; a part is kept on one worker.
    pub part: P,
    /// How well the two fit.
    pub score: i64,
    /// What decides between equal scores.
    pub tie: i64,
    /// One end; lefts and rights are apart even where they look the same.
    pub left: N,
    /// The other end.
    pub right: N,
}

/// An edge that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Matched<P, N> {
    /// The edge.
    pub edge: Edge<P, N>,
    /// The best score by which either end might have gone with another partner, whether or not that edge is matched.
    pub runner_up: Option<i64>,
}

/// Chooses edges: the best of all, then the best of those that touch no chosen edge, and so on.
pub fn assign<'scope, P: Key, N: Data>(
    edges: Collection<'scope, Edge<P, N>>,
    name: &str,
) -> Collection<'scope, Matched<P, N>> {
    let by_part = Exchange::new(|update: &(Edge<P, N>, Tick, isize)| update.0.part.hashed());
    edges
        .inner
        .unary_frontier(by_part, name, |_capability, _info| {
            let mut pending = Pending::<Vec<_>>::new();
            let mut parts: HashMap<P, Part<N>> = HashMap::new();
            move |(input, frontier), output| {
                input.for_each(|capability, updates| pending.add(&capability, updates));
                while let Some((tick, capability, edges)) = pending.next_closed(frontier) {
                    let mut session = output.session(&capability);
                    update_parts(&mut parts, edges, |matched, diff| session.give((matched, tick, diff)));
                }
            }
        })
        .as_collection()
}

/// Applies one tick to the parts that it touches.
fn update_parts<P: Key, N: Data>(
    parts: &mut HashMap<P, Part<N>>,
    mut edges: Vec<(Edge<P, N>, isize)>,
    mut give: impl FnMut(Matched<P, N>, isize),
) {
    consolidate(&mut edges); // which sorts them, by part first
    let mut choices = Vec::new();
    for of_part in edges.chunk_by(|a, b| a.0.part == b.0.part) {
        let key = &of_part[0].0.part;
        let mut changes: Vec<_> = of_part.iter().map(|(edge, diff)| (edge.ranked(), *diff)).collect();
        changes.sort_unstable();
        let part = parts.entry(key.clone()).or_insert_with(Part::new);
        part.apply(&changes, &mut choices);
        if part.is_empty() {
            parts.remove(key);
        }
        for (choice, diff) in choices.drain(..) {
            give(choice.matched(key), diff);
        }
    }
}

impl<P, N: Clone> Edge<P, N> {
    fn ranked(&self) -> Ranked<N> {
        let ends = [self.left.clone(), self.right.clone()];
        Ranked { score: Reverse(self.score), tie: Reverse(self.tie), ends }
    }
}

impl<N> Choice<N> {
    fn matched<P: Clone>(self, part: &P) -> Matched<P, N> {
        let Ranked { score, tie, ends: [left, right] } = self.edge;
        let edge = Edge { part: part.clone(), score: score.0, tie: tie.0, left, right };
        Matched { edge, runner_up: self.runner_up }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::testing::{Changes, assert_incremental};

    type Candidate = Edge<u8, u8>;

    fn assigned<'s>(edges: Collection<'s, Candidate>) -> Collection<'s, Matched<u8, u8>> {
        assign(edges, "edges")
    }

    /// The greedy matching of all parts, as it is defined.
    fn greedy(edges: &[(Candidate, isize)]) -> Changes<Matched<u8, u8>> {
        let mut ranked: Vec<Candidate> = edges.iter().map(|(edge, _)| *edge).collect();
        ranked.sort_by_key(|edge| (Reverse(edge.score), Reverse(edge.tie), edge.left, edge.right));
        let (mut lefts, mut rights) = (BTreeSet::new(), BTreeSet::new());
        ranked.retain(|edge| {
            let free = !lefts.contains(&(edge.part, edge.left)) && !rights.contains(&(edge.part, edge.right));
            free && lefts.insert((edge.part, edge.left)) && rights.insert((edge.part, edge.right))
        });
        let runner_up = |edge: &Candidate| {
            let others = edges.iter().map(|(other, _)| other).filter(|other| other.part == edge.part);
            others
                .filter(|other| (other.left == edge.left) != (other.right == edge.right))
                .map(|other| other.score)
                .max()
        };
        ranked.into_iter().map(|edge| (Matched { edge, runner_up: runner_up(&edge) }, 1)).collect()
    }

    fn edges() -> impl Strategy<Value = Candidate> {
        let edge = |(part, score, tie, left, right)| Edge { part, score, tie, left, right };
        (0..3u8, 0..4i64, 0..2i64, 0..4u8, 0..4u8).prop_map(edge)
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn the_matching_is_the_greedy_one(ticks in churn::churn(edges())) {
            assert_incremental(ticks, assigned, |_, edges| sorted(greedy(edges)));
        }
    }

    fn sorted<D: Ord>(mut rows: Changes<D>) -> Changes<D> {
        rows.sort();
        rows
    }
}
