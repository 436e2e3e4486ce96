//! The matching of one part, kept as its edges come and go. No dataflow here: this can be read on its own.
//!
//! An edge is matched exactly if no better matched edge touches either of its ends. Decided from the best edge to the
//! worst, that is the greedy matching, and there is only one. So when edges change, it is enough to decide again, best
//! first, the edges whose grounds have changed:
//!
//! - an edge that appeared or went;
//! - an edge whose end was given to a better one;
//! - at an end that its edge has let go, the next worse edge, and the next, until one takes it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// An edge by its rank: the better is the lesser.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked<N> {
    pub(super) score: Reverse<i64>,
    pub(super) tie: Reverse<i64>,
    /// The left and the right end.
    pub(super) ends: [N; 2],
}

/// A matched edge, and the best score either of its ends has with another partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice<N> {
    pub(super) edge: Ranked<N>,
    pub(super) runner_up: Option<i64>,
}

/// An edge as one end sees it, ordered like the edges themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Half<N> {
    score: Reverse<i64>,
    tie: Reverse<i64>,
    partner: N,
}

/// One end: its edges, best first, each with its count, and the edge it is matched by.
struct Node<N> {
    edges: Vec<(Half<N>, isize)>,
    chosen: Option<Half<N>>,
}

/// The nodes of a part, by side.
pub(super) struct Part<N> {
    nodes: [HashMap<N, Node<N>>; 2],
}

/// The edges still to be decided, and for each end whether it is free and waits for its best edge.
type Queue<N> = BTreeMap<Ranked<N>, [bool; 2]>;

/// What each left node was matched by when the tick began, where that may have changed.
type Before<N> = BTreeMap<N, Option<Choice<N>>>;

impl<N: Clone + Ord + Hash> Part<N> {
    pub(super) fn new() -> Self {
        Part { nodes: [HashMap::new(), HashMap::new()] }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.iter().all(HashMap::is_empty)
    }

    /// Applies one tick's net changes, best edge first. Adds the differences in what is matched to `output`; gives the
    /// number of edges that had to be decided.
    pub(super) fn apply(&mut self, changes: &[(Ranked<N>, isize)], output: &mut Vec<(Choice<N>, isize)>) -> usize {
        debug_assert!(changes.is_sorted_by(|a, b| a.0 < b.0), "net changes, best edge first");
        let mut queue = Queue::new();
        let mut before = Before::new();
        for (edge, diff) in changes {
            let count = self.count(edge);
            if (count > 0) != (count + diff > 0) {
                self.remember_around(edge, &mut before);
                queue.insert(edge.clone(), [false, false]);
            }
        }
        for (edge, diff) in changes {
            for side in 0..2 {
                let node = self.nodes[side].entry(edge.ends[side].clone()).or_default();
                node.change(edge.half(side), *diff);
            }
        }
        let mut decided = 0;
        while let Some((edge, waiting)) = queue.pop_first() {
            self.decide(&edge, waiting, &mut queue, &mut before);
            decided += 1;
        }
        for (left, old) in before {
            let new = self.choice(&left);
            if old != new {
                output.extend(old.map(|choice| (choice, -1)));
                output.extend(new.map(|choice| (choice, 1)));
            }
        }
        changes.iter().for_each(|(edge, _)| self.forget_unused(edge));
        decided
    }

    /// Decides one edge, given that all better ones are decided, and queues those that this puts in doubt.
    fn decide(&mut self, edge: &Ranked<N>, waiting: [bool; 2], queue: &mut Queue<N>, before: &mut Before<N>) {
        let halves = [edge.half(0), edge.half(1)];
        let exists = self.count(edge) > 0;
        let chosen = [0, 1].map(|side| self.nodes[side].get(&edge.ends[side]).and_then(|node| node.chosen.as_ref()));
        let taken = [0, 1].map(|side| chosen[side].is_some_and(|chosen| *chosen < halves[side]));
        let was_matched = [0, 1].map(|side| chosen[side] == Some(&halves[side]));
        let is_matched = exists && !taken[0] && !taken[1];

        if is_matched != was_matched[0] {
            self.remember(&edge.ends[0], before);
        }
        for side in 0..2 {
            let end = &edge.ends[side];
            let Some(node) = self.nodes[side].get_mut(end) else { continue };
            if is_matched {
                let displaced = node.chosen.replace(halves[side].clone()).filter(|old| *old != halves[side]);
                queue.extend(displaced.map(|old| (old.ranked(side, end), [false, false])));
            } else if was_matched[side] || (waiting[side] && !taken[side]) {
                node.chosen.take_if(|chosen| *chosen == halves[side]);
                if let Some(next) = node.next_after(&halves[side]) {
                    queue.entry(next.ranked(side, end)).or_default()[side] = true;
                }
            }
        }
    }

    fn count(&self, edge: &Ranked<N>) -> isize {
        self.nodes[0].get(&edge.ends[0]).map_or(0, |node| node.count(&edge.half(0)))
    }

    /// Remembers the matches whose runner-up an appearing or going edge can change.
    fn remember_around(&self, edge: &Ranked<N>, before: &mut Before<N>) {
        self.remember(&edge.ends[0], before);
        let right = self.nodes[1].get(&edge.ends[1]);
        if let Some(chosen) = right.and_then(|node| node.chosen.as_ref()) {
            self.remember(&chosen.partner, before);
        }
    }

    /// Remembers what a left node is matched by, if that is not known already. What is remembered late, while edges are
    /// decided, is still what held when the tick began: had an edge come or gone at either end, it would be known.
    fn remember(&self, left: &N, before: &mut Before<N>) {
        if !before.contains_key(left) {
            before.insert(left.clone(), self.choice(left));
        }
    }

    /// What a left node is matched by.
    fn choice(&self, left: &N) -> Option<Choice<N>> {
        let node = self.nodes[0].get(left)?;
        let chosen = node.chosen.as_ref()?;
        let partner = self.nodes[1].get(&chosen.partner)?;
        let runner_up = node.best_without(&chosen.partner).max(partner.best_without(left));
        Some(Choice { edge: chosen.ranked(0, left), runner_up })
    }

    fn forget_unused(&mut self, edge: &Ranked<N>) {
        for side in 0..2 {
            let unused = |node: &Node<N>| node.edges.is_empty() && node.chosen.is_none();
            if self.nodes[side].get(&edge.ends[side]).is_some_and(unused) {
                self.nodes[side].remove(&edge.ends[side]);
            }
        }
    }
}

impl<N: Clone + Ord> Ranked<N> {
    fn half(&self, side: usize) -> Half<N> {
        Half { score: self.score, tie: self.tie, partner: self.ends[1 - side].clone() }
    }
}

impl<N: Clone + Ord> Half<N> {
    /// The edge, seen from `end` on `side`.
    fn ranked(&self, side: usize, end: &N) -> Ranked<N> {
        let ends = if side == 0 { [end.clone(), self.partner.clone()] } else { [self.partner.clone(), end.clone()] };
        Ranked { score: self.score, tie: self.tie, ends }
    }
}

impl<N: Ord + Clone> Node<N> {
    fn change(&mut self, half: Half<N>, diff: isize) {
        match self.find(&half) {
            Ok(at) => {
                self.edges[at].1 += diff;
                if self.edges[at].1 == 0 {
                    self.edges.remove(at);
                }
            }
            Err(at) => self.edges.insert(at, (half, diff)),
        }
    }

    fn count(&self, half: &Half<N>) -> isize {
        self.find(half).map_or(0, |at| self.edges[at].1)
    }

    fn next_after(&self, half: &Half<N>) -> Option<Half<N>> {
        let start = self.find(half).map_or_else(|at| at, |at| at + 1);
        self.edges[start..].iter().find(|(_, count)| *count > 0).map(|(half, _)| half.clone())
    }

    fn best_without(&self, partner: &N) -> Option<i64> {
        let other = self.edges.iter().find(|(half, count)| *count > 0 && half.partner != *partner);
        other.map(|(half, _)| half.score.0)
    }

    fn find(&self, half: &Half<N>) -> Result<usize, usize> {
        self.edges.binary_search_by(|(other, _)| other.cmp(half))
    }
}

impl<N> Default for Node<N> {
    fn default() -> Self {
        Node { edges: Vec::new(), chosen: None }
    }
}

#[cfg(test)]
mod tests {
    use differential_dataflow::consolidation::consolidate;
    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::testing::{Changes, differences};

    type Edge = Ranked<u16>;

    fn edge(score: i64, left: u16, right: u16) -> Edge {
        Ranked { score: Reverse(score), tie: Reverse(0), ends: [left, right] }
    }

    /// Applies one tick; gives its output in order and how many edges were decided.
    fn apply(part: &mut Part<u16>, changes: &[(Edge, isize)]) -> (Vec<(Edge, Option<i64>, isize)>, usize) {
        let mut changes = changes.to_vec();
        consolidate(&mut changes);
        let mut output = Vec::new();
        let decided = part.apply(&changes, &mut output);
        let mut output: Vec<_> =
            output.into_iter().map(|(choice, diff)| (choice.edge, choice.runner_up, diff)).collect();
        output.sort();
        (output, decided)
    }

    /// The greedy matching, as it is defined.
    fn greedy(edges: &[(Edge, isize)]) -> Changes<(Edge, Option<i64>)> {
        let mut matched: Vec<&Edge> = Vec::new();
        for (edge, _) in edges {
            let free = |side: usize| matched.iter().all(|other| other.ends[side] != edge.ends[side]);
            if free(0) && free(1) {
                matched.push(edge);
            }
        }
        let rival = |edge: &Edge, other: &Edge| (edge.ends[0] == other.ends[0]) != (edge.ends[1] == other.ends[1]);
        let runner_up =
            |edge| edges.iter().filter(|(other, _)| rival(edge, other)).map(|(other, _)| other.score.0).max();
        matched.into_iter().map(|edge| ((edge.clone(), runner_up(edge)), 1)).collect()
    }

    fn few_edges() -> impl Strategy<Value = Edge> {
        let ranked =
            |(score, tie, left, right)| Ranked { score: Reverse(score), tie: Reverse(tie), ends: [left, right] };
        (0..4i64, 0..2i64, 0..5u16, 0..5u16).prop_map(ranked)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..churn::config() })]

        #[test]
        fn the_matching_is_the_greedy_one_at_every_tick(ticks in churn::churn(few_edges())) {
            let mut part = Part::new();
            let expected = differences(&ticks, |_, edges| greedy(edges));
            for (tick, expected) in ticks.iter().zip(expected) {
                let expected: Vec<_> = expected.into_iter().map(|((edge, runner_up), diff)| (edge, runner_up, diff)).collect();
                prop_assert_eq!(apply(&mut part, tick).0, expected);
            }
            prop_assert!(part.is_empty(), "nothing is kept once all edges are gone");
        }
    }

    #[test]
    fn a_late_edge_is_decided_alone_when_it_changes_no_match() {
        let mut part = Part::new();
        let block: Vec<_> = (0..50u16)
            .flat_map(|left| (0..50u16).map(move |right| (edge(100 - left.abs_diff(right) as i64, left, right), 1)))
            .collect();
        apply(&mut part, &block);
        let (output, decided) = apply(&mut part, &[(edge(10, 7, 30), 1)]);
        assert_eq!((output, decided), (vec![], 1));
        let (output, decided) = apply(&mut part, &[(edge(100, 60, 60), 1)]);
        assert_eq!((output, decided), (vec![(edge(100, 60, 60), None, 1)], 1));
    }

    #[test]
    fn a_match_that_goes_is_replaced_from_its_neighbourhood() {
        let mut part = Part::new();
        // A thousand pairs, each with a second choice that has no better offer.
        let pair = |number: u16| [(edge(90, number, number), 1), (edge(50, number, number + 5000), 1)];
        apply(&mut part, &(0..1000).flat_map(pair).collect::<Vec<_>>());
        let (output, decided) = apply(&mut part, &[(edge(90, 7, 7), -1)]);
        assert_eq!(output, vec![(edge(90, 7, 7), Some(50), -1), (edge(50, 7, 5007), None, 1)]);
        assert_eq!(decided, 2);
    }

    #[test]
    fn displaced_ends_find_their_next_best_along_the_chain() {
        let mut part = Part::new();
        // 0-0, 1-1, 2-2, ... are matched; each left would next best take the right after its own, from its left.
        let links = (0..100u16).flat_map(|number| {
            let score = 1000 - 2 * number as i64;
            [(edge(score, number, number), 1), (edge(score - 1, number, number + 1), 1)]
        });
        apply(&mut part, &links.collect::<Vec<_>>());
        let (output, decided) = apply(&mut part, &[(edge(2000, 200, 98), 1)]);
        let matched: Vec<_> = output.iter().filter(|(.., diff)| *diff > 0).map(|(edge, ..)| edge.ends).collect();
        assert_eq!(matched, vec![[200, 98], [98, 99], [99, 100]]);
        assert_eq!(decided, 5, "the end of the chain and not its beginning");
    }

    #[test]
    fn an_edge_found_twice_counts_once() {
        let mut part = Part::new();
        assert_eq!(apply(&mut part, &[(edge(9, 1, 1), 2)]).0, vec![(edge(9, 1, 1), None, 1)]);
        assert_eq!(apply(&mut part, &[(edge(9, 1, 1), -1)]), (vec![], 0));
        assert_eq!(apply(&mut part, &[(edge(9, 1, 1), -1)]).0, vec![(edge(9, 1, 1), None, -1)]);
    }
}
