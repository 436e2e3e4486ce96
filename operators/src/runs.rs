//! Rows that arrive over a while, sorted in runs as they arrive and merged once, group by group.
//!
//! A tick that takes millions of rows costs little more memory than the rows themselves: a run is kept in small pieces,
//! and a piece is freed as soon as the merge has passed it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// How many rows are sorted at once.
const RUN_ROWS: usize = 65_536;

/// How large a piece of a run may be: large enough that an allocator gives each back by itself when it is freed.
const PIECE_BYTES_MAX: usize = 256 << 10;

/// Rows with a key.
pub(crate) trait Keyed {
    type Key: Ord + Clone;
    fn key(&self) -> &Self::Key;
}

/// Rows that wait, in sorted runs.
pub(crate) struct Runs<T: Keyed> {
    fresh: Vec<T>,
    runs: Vec<Run<T>>,
    rows: usize,
}

/// A sorted run in pieces. A piece holds its rows from last to first, so that the next one is at its end.
type Run<T> = VecDeque<Vec<T>>;

impl<T: Keyed> Default for Runs<T> {
    fn default() -> Self {
        Runs { fresh: Vec::new(), runs: Vec::new(), rows: 0 }
    }
}

impl<T: Keyed> Runs<T> {
    /// Takes rows in any order.
    pub(crate) fn append(&mut self, rows: &mut Vec<T>) {
        self.rows += rows.len();
        if self.fresh.is_empty() {
            self.fresh = std::mem::take(rows);
        } else {
            self.fresh.append(rows);
        }
        if self.fresh.len() >= RUN_ROWS {
            self.seal_run();
        }
    }

    /// How many rows were taken.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows a piece of a run has.
    const PIECE_ROWS: usize = if size_of::<T>() < PIECE_BYTES_MAX { PIECE_BYTES_MAX / size_of::<T>() } else { 1 };

    fn seal_run(&mut self) {
        let rows = std::mem::take(&mut self.fresh);
        if !rows.is_empty() {
            self.runs.push(if rows.len() > Self::PIECE_ROWS {
                sorted_pieces(rows, Self::PIECE_ROWS)
            } else {
                sorted_piece(rows)
            });
        }
    }

    /// The rows, key by key.
    pub(crate) fn merge(mut self) -> Merge<T> {
        self.seal_run();
        let next = |(index, run): (usize, &Run<T>)| head(run).map(|row| Reverse((row.key().clone(), index)));
        Merge { heads: self.runs.iter().enumerate().filter_map(next).collect(), runs: self.runs }
    }
}

/// Sorting keys with their places and then moving each row once beats sorting the rows, which are wide.
fn sorted_pieces<T: Keyed>(rows: Vec<T>, piece_rows: usize) -> Run<T> {
    let mut order: Vec<(T::Key, u32)> = (0..).zip(&rows).map(|(place, row)| (row.key().clone(), place)).collect();
    order.sort_unstable();
    let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
    let take = |(_, place): &(T::Key, u32)| rows[*place as usize].take();
    let mut pieces: Run<T> = VecDeque::with_capacity(order.len().div_ceil(piece_rows));
    let mut sorted = order.iter().filter_map(take);
    loop {
        let mut piece: Vec<T> = Vec::with_capacity(piece_rows);
        piece.extend(sorted.by_ref().take(piece_rows));
        if piece.is_empty() {
            return pieces;
        }
        piece.reverse();
        pieces.push_back(piece);
    }
}

fn sorted_piece<T: Keyed>(mut rows: Vec<T>) -> Run<T> {
    rows.sort_by(|a, b| b.key().cmp(a.key()));
    VecDeque::from([rows])
}

fn head<T>(run: &Run<T>) -> Option<&T> {
    run.front().and_then(|piece| piece.last())
}

fn pop<T>(run: &mut Run<T>) -> Option<T> {
    let piece = run.front_mut()?;
    let row = piece.pop();
    if piece.is_empty() {
        run.pop_front();
    }
    row
}

/// A merge under way.
pub(crate) struct Merge<T: Keyed> {
    runs: Vec<Run<T>>,
    heads: BinaryHeap<Reverse<(T::Key, usize)>>,
}

impl<T: Keyed> Merge<T> {
    /// Takes all rows of the least key that is left, in no particular order; `None` when no rows are left.
    pub(crate) fn next_group(&mut self, group: &mut Vec<T>) -> Option<T::Key> {
        group.clear();
        let key = self.heads.peek()?.0.0.clone();
        while let Some(mut least) = self.heads.peek_mut().filter(|least| least.0.0 == key) {
            let run = &mut self.runs[least.0.1];
            while head(run).is_some_and(|row| *row.key() == key) {
                group.extend(pop(run));
            }
            match head(run) {
                Some(row) => least.0.0 = row.key().clone(),
                None => {
                    std::collections::binary_heap::PeekMut::pop(least);
                }
            }
        }
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Keyed for (u64, u32) {
        type Key = u64;
        fn key(&self) -> &u64 {
            &self.0
        }
    }

    #[test]
    fn rows_come_out_by_key_however_they_went_in() {
        for count in [0, 1, 16_383, 16_384, 16_385, 65_536, 200_000u32] {
            let mut runs = Runs::default();
            let rows: Vec<(u64, u32)> = (0..count).map(|i| ((u64::from(i) * 7919) % 5003, i)).collect();
            rows.chunks(1000).for_each(|chunk| runs.append(&mut chunk.to_vec()));
            assert_eq!(runs.rows(), rows.len());
            let mut expected = rows;
            expected.sort_unstable();
            let mut merge = runs.merge();
            let (mut group, mut found, mut last) = (Vec::new(), Vec::new(), None);
            while let Some(key) = merge.next_group(&mut group) {
                assert!(last < Some(key) && group.iter().all(|row| row.0 == key));
                last = Some(key);
                group.sort_unstable();
                found.append(&mut group);
            }
            assert_eq!(found, expected);
        }
    }
}
