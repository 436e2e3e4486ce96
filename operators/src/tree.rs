//! A 16-way tree over the whole numbers, each node with a summary of what is below it. No dataflow here.
//!
//! ```text
//!  level 2                 [0x00, 0xff]                    each position holds a summary; a node is there where two
//!                         ╱            ╲                   or more of its 16 parts hold anything. A part with one
//!  level 1         [0x10, 0x1f]     [0x40, 0x4f]           position or node in it *is* that position or node.
//!                   ╱   │   ╲          ╱    ╲
//!  positions     0x10  0x13  0x1c    0x41  0x4f
//! ```
//! Where a node begins and ends is fixed by the numbers, and which nodes there are by the positions that hold something:
//! never by the order in which these came. Summaries are added from left to right, so even those whose sum depends on how
//! it is bracketed (of floats, say) come out the same to the last bit.

use std::ops::RangeInclusive;

/// What can be said of consecutive parts from what is said of each: `then` is associative, or nearly so (floats).
pub trait Summary: Clone + 'static {
    /// The summary of this part followed by a later one.
    fn then(&self, later: &Self) -> Self;

    /// Has a later part follow this one, in its place: for summaries that are costly to copy.
    fn extend(&mut self, later: &Self) {
        *self = self.then(later);
    }
}

/// How many bits of a position decide between the parts of a node.
const LEVEL_BITS: u32 = 4;

/// Summaries by position.
pub(crate) struct Tree<M> {
    root: Option<Part<M>>,
}

enum Part<M> {
    One { position: u64, summary: M },
    Many(Box<Node<M>>),
}

struct Node<M> {
    first: u64,
    level: u32,
    summary: M,
    /// Two or more, from left to right.
    parts: Vec<Part<M>>,
}

/// A summary to be set at a position, or taken away.
pub(crate) type Set<M> = (u64, Option<M>);

impl<M: Summary> Tree<M> {
    pub(crate) fn new() -> Self {
        Tree { root: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Sets the summaries of positions, each once and in their order. Each node is summed up once, however many of its
    /// positions are set.
    pub(crate) fn set(&mut self, sets: &[Set<M>]) {
        debug_assert!(sets.is_sorted_by(|a, b| a.0 < b.0), "each position once, in order");
        self.root = set(self.root.take(), sets);
    }

    /// The summary of all positions.
    pub(crate) fn total(&self) -> Option<&M> {
        self.root.as_ref().map(Part::summary)
    }

    /// The summary of all positions within a range.
    pub(crate) fn sum(&self, within: RangeInclusive<u64>) -> Option<M> {
        let mut sum = None;
        if let Some(root) = &self.root {
            root.add_within(&within, &mut sum);
        }
        sum
    }

    /// The positions within a range whose summaries `may_hold` what is sought: it must say so of a part if it does of any
    /// position in the part.
    pub(crate) fn search(
        &self,
        within: RangeInclusive<u64>,
        may_hold: impl Fn(&M) -> bool,
        found: &mut impl FnMut(u64),
    ) {
        if let Some(root) = &self.root {
            root.search(&within, &may_hold, found);
        }
    }

    /// Goes from left to right and passes what `passes` says to pass, part by part; gives the first position that it does
    /// not.
    pub(crate) fn descend(&self, mut passes: impl FnMut(&M) -> bool) -> Option<(u64, &M)> {
        let mut passes = |part: &Part<M>| {
            #[cfg(test)]
            crate::group::cost::read(1);
            passes(part.summary())
        };
        let mut part = self.root.as_ref().filter(|root| !passes(root))?;
        while let Part::Many(node) = part {
            part = node.parts.iter().find(|part| !passes(part))?;
        }
        Some((*part.span().start(), part.summary()))
    }
}

/// Sets summaries in what may already be there.
fn set<M: Summary>(there: Option<Part<M>>, sets: &[Set<M>]) -> Option<Part<M>> {
    if sets.is_empty() {
        return there;
    }
    let mut ends = there.as_ref().map(|part| part.span()).into_iter().chain(live_span(sets));
    let span = ends.next()?;
    let span = ends.fold(span, |span, other| *span.start().min(other.start())..=*span.end().max(other.end()));
    let level = level_of(&span);
    if level == 0 {
        let position = *span.start();
        return match sets.binary_search_by_key(&position, |(position, _)| *position) {
            Ok(place) => sets[place].1.clone().map(|summary| Part::One { position, summary }),
            Err(_) => there,
        };
    }
    let mut olds = match there {
        Some(Part::Many(node)) if node.level == level => node.parts,
        other => other.into_iter().collect(),
    }
    .into_iter()
    .peekable();
    let bits = LEVEL_BITS * (level - 1);
    let first = (*span.start() >> bits) & !0xf;
    let mut parts = Vec::with_capacity(olds.len().max(2));
    let mut rest = &sets[sets.partition_point(|(position, _)| position >> bits < first)..];
    for number in first..=first | 0xf {
        let (of_part, others) = rest.split_at(rest.partition_point(|(position, _)| position >> bits <= number));
        rest = others;
        let old = olds.next_if(|old| *old.span().start() >> bits == number);
        parts.extend(set(old, of_part));
    }
    Part::of(first << bits, level, parts)
}

/// From the first to the last position that is set and not taken away.
fn live_span<M>(sets: &[Set<M>]) -> Option<RangeInclusive<u64>> {
    let mut live = sets.iter().filter(|(_, summary)| summary.is_some()).map(|(position, _)| *position);
    let first = live.next()?;
    Some(first..=live.next_back().unwrap_or(first))
}

/// The level of the least node that covers a span: 0 if it is one position.
fn level_of(span: &RangeInclusive<u64>) -> u32 {
    (u64::BITS - (span.start() ^ span.end()).leading_zeros()).div_ceil(LEVEL_BITS)
}

impl<M: Summary> Part<M> {
    /// What is there of a node with these parts.
    fn of(first: u64, level: u32, mut parts: Vec<Part<M>>) -> Option<Self> {
        if parts.len() < 2 {
            return parts.pop();
        }
        #[cfg(test)]
        crate::group::cost::read(parts.len());
        let mut summary = parts[0].summary().clone();
        parts[1..].iter().for_each(|part| summary.extend(part.summary()));
        Some(Part::Many(Box::new(Node { first, level, summary, parts })))
    }

    fn span(&self) -> RangeInclusive<u64> {
        match self {
            Part::One { position, .. } => *position..=*position,
            Part::Many(node) => node.first..=node.first | (u64::MAX >> (u64::BITS - LEVEL_BITS * node.level)),
        }
    }

    fn summary(&self) -> &M {
        match self {
            Part::One { summary, .. } => summary,
            Part::Many(node) => &node.summary,
        }
    }

    fn add_within(&self, within: &RangeInclusive<u64>, sum: &mut Option<M>) {
        #[cfg(test)]
        crate::group::cost::read(1);
        let span = self.span();
        if span.end() < within.start() || within.end() < span.start() {
            return;
        }
        match self {
            Part::Many(node) if span.start() < within.start() || within.end() < span.end() => {
                node.parts.iter().for_each(|part| part.add_within(within, sum));
            }
            _ => match sum {
                Some(sum) => sum.extend(self.summary()),
                None => *sum = Some(self.summary().clone()),
            },
        }
    }

    fn search(&self, within: &RangeInclusive<u64>, may_hold: &impl Fn(&M) -> bool, found: &mut impl FnMut(u64)) {
        #[cfg(test)]
        crate::group::cost::read(1);
        let span = self.span();
        if span.end() < within.start() || within.end() < span.start() || !may_hold(self.summary()) {
            return;
        }
        match self {
            Part::One { position, .. } => found(*position),
            Part::Many(node) => node.parts.iter().for_each(|part| part.search(within, may_hold, found)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::group::cost;

    /// Says how it was bracketed: whatever differs in that differs here.
    impl Summary for String {
        fn then(&self, later: &Self) -> Self {
            format!("({self} {later})")
        }
    }

    impl Summary for u64 {
        fn then(&self, later: &Self) -> Self {
            *self.max(later)
        }
    }

    fn positions() -> impl Strategy<Value = u64> {
        prop_oneof![0..40u64, 0..2000u64, any::<u64>(), Just(u64::MAX), (0..16u32).prop_map(|level| 1 << (4 * level))]
    }

    /// The expected contents of a tree, rebuilt at once from what is there.
    fn fresh<M: Summary>(there: &BTreeMap<u64, M>) -> Tree<M> {
        let mut tree = Tree::new();
        tree.set(&there.iter().map(|(position, summary)| (*position, Some(summary.clone()))).collect::<Vec<_>>());
        tree
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..churn::config() })]

        #[test]
        fn a_tree_depends_on_what_is_there_and_not_on_how_it_came(
            rounds in prop::collection::vec(prop::collection::btree_map(positions(), any::<bool>(), 0..30), 1..8),
            (start, end) in (positions(), positions()),
        ) {
            let (mut tree, mut there) = (Tree::new(), BTreeMap::new());
            for round in rounds {
                let sets: Vec<Set<String>> = round.iter().map(|(position, is_set)| (*position, is_set.then(|| position.to_string()))).collect();
                tree.set(&sets);
                for (position, summary) in sets {
                    there.remove(&position);
                    there.extend(summary.map(|summary| (position, summary)));
                }
                prop_assert_eq!(tree.total().cloned(), fresh(&there).total().cloned());
                prop_assert_eq!(tree.sum(0..=u64::MAX), tree.total().cloned());
                let inside: BTreeMap<u64, String> = there.iter().filter(|(position, _)| (start..=end).contains(position)).map(|(position, summary)| (*position, summary.clone())).collect();
                let sum = tree.sum(start..=end);
                prop_assert_eq!(&sum, &fresh(&inside).sum(start..=end), "what is outside does not matter");
                let plain: Vec<String> = inside.into_values().collect();
                prop_assert_eq!(sum.map(|sum| sum.replace(['(', ')'], "")).unwrap_or_default(), plain.join(" "));
            }
            tree.set(&there.keys().map(|position| (*position, None)).collect::<Vec<_>>());
            prop_assert!(tree.is_empty());
        }

        #[test]
        fn a_search_finds_each_position_that_holds_enough(
            there in prop::collection::btree_map(positions(), 0..9u64, 0..40),
            (start, end) in (positions(), positions()),
            least in 0..10u64,
        ) {
            let mut found = Vec::new();
            fresh(&there).search(start..=end, |summary| *summary >= least, &mut |position| found.push(position));
            let within = there.iter().filter(|(position, summary)| (start..=end).contains(position) && **summary >= least);
            prop_assert_eq!(found, within.map(|(position, _)| *position).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_set_and_a_sum_touch_a_few_parts_a_level() {
        for count in [1_000, 10_000, 100_000u64] {
            let mut tree = fresh(&(0..count).map(|position| (position, 0)).collect());
            cost::updates_read();
            tree.set(&[(count / 2, Some(1))]);
            let levels = level_of(&(0..=count)) as usize;
            assert!(cost::updates_read() <= 16 * levels);
            tree.sum(3..=count - 3);
            assert!(cost::updates_read() <= 2 * 16 * levels);
        }
    }
}
