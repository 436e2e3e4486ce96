//! `Lots`: the open lots of a book, in the order they are relieved.
//!
//! They lie in chunks that copies share until one of them changes: a fold that keeps its state every so often keeps what
//! changed between, not all lots each time. A copy is O(chunks), a change O([`CHUNK_LOTS_MAX`]).

use std::collections::VecDeque;
use std::sync::Arc;

use model::{CostMethod, Quantity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lot::Lot;

/// How many lots a chunk has at most.
const CHUNK_LOTS_MAX: usize = 64;

/// Open lots. No chunk is empty; where one chunk ends and the next begins says nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Lots {
    chunks: VecDeque<Arc<Vec<Lot>>>,
}

/// Where a lot lies, until one is inserted or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    chunk: usize,
    lot: usize,
}

impl Lots {
    pub(super) const NONE: Lots = Lots { chunks: VecDeque::new() };

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Lot> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The lots with their places.
    pub(super) fn placed(&self) -> impl Iterator<Item = (Place, &Lot)> + Clone {
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(|(chunk, lots)| lots.iter().enumerate().map(move |(lot, open)| (Place { chunk, lot }, open)))
    }

    pub(super) fn at(&self, place: Place) -> &Lot {
        &self.chunks[place.chunk][place.lot]
    }

    /// The first lot, to be changed.
    pub(super) fn first_mut(&mut self) -> Option<&mut Lot> {
        Arc::make_mut(self.chunks.front_mut()?).first_mut()
    }

    /// Puts a lot at its place by the method. Among equal ones the last to come is the last, or by LIFO the first.
    pub(super) fn insert(&mut self, lot: Lot, method: CostMethod) {
        let is_before = |other: &Lot| match other.relieved_before(&lot, method) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => method != CostMethod::Lifo,
            std::cmp::Ordering::Greater => false,
        };
        // The first chunk whose last lot comes after, else the last one.
        let after = self.chunks.partition_point(|chunk| chunk.last().is_some_and(is_before));
        let index = after.min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(index) else {
            self.chunks.push_back(Arc::new(vec![lot]));
            return;
        };
        let chunk = Arc::make_mut(chunk);
        let place = chunk.partition_point(is_before);
        chunk.insert(place, lot);
        if chunk.len() > CHUNK_LOTS_MAX {
            // What only grows at one end fills its chunks; what grows within is cut in half.
            let cut = if place + 1 == chunk.len() { place } else { chunk.len() / 2 };
            let rest = chunk.split_off(cut);
            self.chunks.insert(index + 1, Arc::new(rest));
        }
    }

    /// Sets what is left of some lots, and removes those of which nothing is.
    pub(super) fn set_left(&mut self, left: impl Iterator<Item = (Place, Quantity)> + Clone) {
        for (place, quantity) in left.clone() {
            Arc::make_mut(&mut self.chunks[place.chunk])[place.lot].quantity = quantity;
        }
        for (place, _) in left {
            let chunk = &mut self.chunks[place.chunk];
            if chunk.iter().any(|lot| lot.quantity == Quantity::ZERO) {
                Arc::make_mut(chunk).retain(|lot| lot.quantity != Quantity::ZERO);
            }
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
    }
}

impl From<Vec<Lot>> for Lots {
    /// The lots, which are in their order.
    fn from(lots: Vec<Lot>) -> Lots {
        Lots { chunks: lots.chunks(CHUNK_LOTS_MAX).map(|chunk| Arc::new(chunk.to_vec())).collect() }
    }
}

impl PartialEq for Lots {
    fn eq(&self, other: &Lots) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Lots {}

impl PartialOrd for Lots {
    fn partial_cmp(&self, other: &Lots) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Lots {
    fn cmp(&self, other: &Lots) -> std::cmp::Ordering {
        self.iter().cmp(other.iter())
    }
}

impl std::hash::Hash for Lots {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.iter().for_each(|lot| lot.hash(state));
    }
}

impl Serialize for Lots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.iter().collect::<Vec<&Lot>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Lots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lots, D::Error> {
        Vec::<Lot>::deserialize(deserializer).map(Lots::from)
    }
}

#[cfg(test)]
mod tests {
    use model::{Symbol, Timestamp};
    use proptest::prelude::*;

    use super::super::money::Money;
    use super::*;

    fn lot(id: usize, opened: i64) -> Lot {
        let id = Symbol::of(&id.to_string());
        Lot::new(id, Timestamp::from_micros(opened), Quantity::from_scaled(5), Money::ZERO)
    }

    proptest! {
        #[test]
        fn chunks_are_as_one_vector(
            steps in prop::collection::vec((0u8..6, 0i64..50, any::<prop::sample::Index>()), 0..400),
            method in prop::sample::select(&[CostMethod::Fifo, CostMethod::Lifo][..]),
        ) {
            let mut lots = Lots::default();
            let mut oracle: Vec<Lot> = Vec::new();
            for (number, (dice, opened, index)) in steps.into_iter().enumerate() {
                let before = (lots.clone(), oracle.clone());
                if dice == 0 && !oracle.is_empty() {
                    let index = index.index(oracle.len());
                    let (place, _) = lots.placed().nth(index).unwrap();
                    prop_assert_eq!(lots.at(place), &oracle[index]);
                    lots.set_left(std::iter::once((place, Quantity::ZERO)));
                    oracle.remove(index);
                } else {
                    lots.insert(lot(number, opened), method);
                    oracle.insert(if method == CostMethod::Lifo { 0 } else { oracle.len() }, lot(number, opened));
                    oracle.sort_by(|a, b| a.relieved_before(b, method));
                }
                prop_assert!(lots.iter().eq(&oracle));
                prop_assert_eq!(&lots, &Lots::from(oracle.clone()));
                prop_assert!(lots.chunks.iter().all(|chunk| (1..=CHUNK_LOTS_MAX).contains(&chunk.len())));
                // A copy stays as it was.
                prop_assert!(before.0.iter().eq(&before.1));
            }
        }
    }

    #[test]
    fn a_copy_shares_all_chunks_but_those_that_change() {
        let mut lots = Lots::from((0..640).map(|number| lot(number, number as i64)).collect::<Vec<_>>());
        let copy = lots.clone();
        lots.insert(lot(1000, 1000), CostMethod::Fifo);
        let first = lots.placed().next().unwrap().0;
        lots.set_left(std::iter::once((first, Quantity::ZERO)));
        let shared = lots.chunks.iter().filter(|chunk| copy.chunks.iter().any(|other| Arc::ptr_eq(chunk, other)));
        assert_eq!((shared.count(), lots.chunks.len(), copy.iter().count()), (8, 11, 640));
    }
}
