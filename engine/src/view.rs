//! Views as a worker holds them: read from the arrangements that the graph keeps anyway.
//!
//! A view has parts. Each part is an arrangement and a pure function from one key's contents to rows; so a view of rows
//! that are arranged as such, a view of sums, and a view that is derived from the trades themselves on demand are all
//! read the same way: whole at a tick, or tick by tick.

use std::collections::BTreeSet;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::trace::{BatchReader, TraceReader};
use operators::arrangement::{Batch, Difference};
use operators::group::{Group, History, keys_of, ticks_of, visit_all, visit_both, visit_changed};
use operators::{Arranged, Collection, Data, Key as IndexKey, Sums, Tick, Trace, arrange};
use serde::{Deserialize, Serialize};
use timely::progress::Antichain;

use crate::row::{Key, Row, ViewSpec};

/// Rows and how many times each is there, or is added or taken away.
pub type Rows = Vec<(Row, isize)>;

/// A change of a view, ready to be sent to those who follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The view, by its place in the catalogue.
    pub view: usize,
    /// When.
    pub tick: Tick,
    /// The row.
    pub row: Row,
    /// How many times it is added (or, below zero, taken away).
    pub diff: isize,
}

/// The views of one worker. A graph registers its views here while it is built.
#[derive(Default)]
pub struct Views {
    views: Vec<View>,
    next_to_compact: usize,
}

struct View {
    spec: ViewSpec,
    parts: Vec<Box<dyn Part>>,
}

impl Views {
    /// Registers a view of rows.
    pub fn rows<'scope>(&mut self, spec: ViewSpec, rows: Collection<'scope, Row>) -> usize {
        let keyed = spec.clone();
        self.keyed_rows(spec, rows.map(move |row| (keyed.key_of(&row), row)))
    }

    /// Registers a view of rows that are under keys already: rows with the same key columns under the same key.
    pub fn keyed_rows<'scope>(&mut self, spec: ViewSpec, rows: Collection<'scope, (Key, Row)>) -> usize {
        let arranged = arrange(rows, &spec.name);
        let keyed = spec.clone();
        self.derived(spec, &arranged, move |_key, group, rows| {
            debug_assert!(
                group.windows(2).all(|pair| keyed.key_of(pair[0].0) == keyed.key_of(pair[1].0)),
                "rows under one key share their key columns"
            );
            rows.extend(group.iter().map(|(row, count)| ((*row).clone(), *count)))
        })
    }

    /// Registers a view of sums: one row a group.
    pub fn sums<'scope, G: IndexKey>(
        &mut self,
        spec: ViewSpec,
        sums: &Arranged<'scope, G, (), Sums>,
        row: impl Fn(&G, &Sums) -> Row + 'static,
    ) -> usize {
        self.derived(spec, sums, move |group, contents, rows| {
            rows.extend(contents.iter().map(|(_, sums)| (row(group, sums), 1)));
        })
    }

    /// Registers a view whose rows are a pure function of each group of an arrangement.
    pub fn derived<'scope, K: IndexKey, V: Data, R: Difference>(
        &mut self,
        spec: ViewSpec,
        arranged: &Arranged<'scope, K, V, R>,
        rows: impl Fn(&K, Group<'_, '_, V, R>, &mut Rows) + 'static,
    ) -> usize {
        self.views.push(View { spec, parts: Vec::new() });
        let view = self.views.len() - 1;
        self.add_part(view, arranged, rows);
        view
    }

    /// Registers a view whose rows are a pure function of what two arrangements by the same key say of each key that the
    /// left one has. They are joined when somebody looks, and kept nowhere: for views that are far larger than what they
    /// are made from. To follow one costs, at each tick, all rows of the keys that change.
    pub fn joined<'scope, K: IndexKey, V: Data, R: Difference, W: Data, S: Difference>(
        &mut self,
        spec: ViewSpec,
        left: &Arranged<'scope, K, V, R>,
        right: &Arranged<'scope, K, W, S>,
        rows: impl Fn(&K, Group<'_, '_, V, R>, Group<'_, '_, W, S>, &mut Rows) + 'static,
    ) -> usize {
        let part = JoinedPart {
            left: left.trace.clone(),
            right: right.trace.clone(),
            rows: Box::new(rows),
            published: None,
            compacted: [0; 2],
        };
        self.views.push(View { spec, parts: vec![Box::new(part)] });
        self.views.len() - 1
    }

    /// Adds the rows of another arrangement to a view that is registered already.
    pub fn add_part<'scope, K: IndexKey, V: Data, R: Difference>(
        &mut self,
        view: usize,
        arranged: &Arranged<'scope, K, V, R>,
        rows: impl Fn(&K, Group<'_, '_, V, R>, &mut Rows) + 'static,
    ) {
        let part = GroupPart {
            trace: arranged.trace.clone(),
            rows: Box::new(rows),
            upper: Antichain::from_elem(0),
            published: None,
            compacted: 0,
        };
        self.views[view].parts.push(Box::new(part));
    }

    /// Every tick before this has been dealt with by all views. Read from the arrangements themselves: an operator and a
    /// probe for each view would cost a small tick as much again.
    pub fn frontier(&mut self) -> Tick {
        let parts = self.views.iter_mut().flat_map(|view| &mut view.parts);
        parts.map(|part| part.frontier()).min().unwrap_or(Tick::MAX)
    }

    /// The catalogue.
    pub fn specs(&self) -> Vec<ViewSpec> {
        self.views.iter().map(|view| view.spec.clone()).collect()
    }

    /// Says whether anyone follows a view. Its changes are published from here on.
    pub fn follow(&mut self, view: usize, is_followed: bool) {
        self.views[view].parts.iter_mut().for_each(|part| part.follow(is_followed));
    }

    /// The changes of the followed views since the last call. Those of ticks that other views have not dealt with yet may
    /// be among them.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (index, view) in self.views.iter_mut().enumerate() {
            let emit = &mut |tick, row, diff| changes.push(Change { view: index, tick, row, diff });
            view.parts.iter_mut().for_each(|part| part.publish(emit));
        }
        changes
    }

    /// This worker's rows of a view at a tick.
    pub fn snapshot(&mut self, view: usize, at: Tick, emit: &mut dyn FnMut(Row, isize)) {
        self.views[view].parts.iter_mut().for_each(|part| part.snapshot(at, emit));
    }

    /// This worker's changes of a view within `(after, upto]`.
    pub fn changes(&mut self, view: usize, after: Tick, upto: Tick, emit: &mut dyn FnMut(Tick, Row, isize)) {
        self.views[view].parts.iter_mut().for_each(|part| part.changes(after, upto, emit));
    }

    /// Lets one arrangement go of the differences before `since`, and merge what is complete before `frontier`, which is no
    /// later than that of the last [`Views::take_changes`]; says whether there was one left for which that has not been
    /// done.
    pub fn compact_next(&mut self, since: Tick, frontier: Tick) -> bool {
        let mut parts: Vec<_> = self.views.iter_mut().flat_map(|view| &mut view.parts).collect();
        // In turn, so that each has its turn also where there is time for one only.
        let count = parts.len();
        for place in (self.next_to_compact..count).chain(0..self.next_to_compact.min(count)) {
            if parts[place].compact(since, frontier) {
                self.next_to_compact = place + 1;
                return true;
            }
        }
        false
    }
}

trait Part {
    /// Every tick before this is in the arrangement.
    fn frontier(&mut self) -> Tick;
    /// Says whether changes are to be published, from here on.
    fn follow(&mut self, is_followed: bool);
    /// The changes of the batches that have not been published, if any are to be.
    fn publish(&mut self, emit: &mut dyn FnMut(Tick, Row, isize));
    fn snapshot(&mut self, at: Tick, emit: &mut dyn FnMut(Row, isize));
    fn changes(&mut self, after: Tick, upto: Tick, emit: &mut dyn FnMut(Tick, Row, isize));
    /// Whether there was anything to be done.
    fn compact(&mut self, since: Tick, frontier: Tick) -> bool;
}

type RowsOf<K, V, R> = dyn Fn(&K, Group<'_, '_, V, R>, &mut Rows);

struct GroupPart<K: IndexKey, V: Data, R: Difference> {
    trace: Trace<K, V, R>,
    rows: Box<RowsOf<K, V, R>>,
    upper: Antichain<Tick>,
    /// If it is followed: the batches before this tick have been published.
    published: Option<Tick>,
    compacted: Tick,
}

impl<K: IndexKey, V: Data, R: Difference> Part for GroupPart<K, V, R> {
    fn frontier(&mut self) -> Tick {
        self.trace.read_upper(&mut self.upper);
        self.upper.first().copied().unwrap_or(Tick::MAX)
    }

    fn follow(&mut self, is_followed: bool) {
        let published = self.published.take();
        self.published = is_followed.then(|| published.unwrap_or_else(|| self.frontier()));
    }

    fn publish(&mut self, emit: &mut dyn FnMut(Tick, Row, isize)) {
        let Some(published) = self.published else { return };
        // They are still whole: of a view that is followed, batches are merged only after they are published.
        let mut fresh: Vec<Batch<K, V, R>> = Vec::new();
        self.trace.map_batches(|batch| {
            if !batch.is_empty() && !batch.lower().less_than(&published) {
                fresh.push(batch.clone());
            }
        });
        for batch in fresh {
            let (first, last) = ticks_of(&batch);
            visit_changed(&mut self.trace, &batch, |key, history| {
                changes_of(&self.rows, key, history, first.checked_sub(1), last, emit);
            });
        }
        self.published = Some(self.frontier());
    }

    fn snapshot(&mut self, at: Tick, emit: &mut dyn FnMut(Row, isize)) {
        let mut rows = Rows::new();
        visit_all(&mut self.trace, |key, history| {
            let group = history.at(at);
            if !group.is_empty() {
                (self.rows)(key, group, &mut rows);
                rows.drain(..).for_each(|(row, count)| emit(row, count));
            }
        });
    }

    fn changes(&mut self, after: Tick, upto: Tick, emit: &mut dyn FnMut(Tick, Row, isize)) {
        visit_all(&mut self.trace, |key, history| changes_of(&self.rows, key, history, Some(after), upto, emit));
    }

    fn compact(&mut self, since: Tick, frontier: Tick) -> bool {
        debug_assert!(
            self.compacted >= frontier || self.published.is_none_or(|published| frontier <= published),
            "what is merged can no longer be published"
        );
        let_go(&mut self.trace, &mut self.compacted, since, frontier)
    }
}

type JoinedRowsOf<K, V, R, W, S> = dyn Fn(&K, Group<'_, '_, V, R>, Group<'_, '_, W, S>, &mut Rows);

/// See [`Views::joined`].
struct JoinedPart<K: IndexKey, V: Data, R: Difference, W: Data, S: Difference> {
    left: Trace<K, V, R>,
    right: Trace<K, W, S>,
    rows: Box<JoinedRowsOf<K, V, R, W, S>>,
    /// If it is followed: the batches before this tick have been published.
    published: Option<Tick>,
    compacted: [Tick; 2],
}

impl<K: IndexKey, V: Data, R: Difference, W: Data, S: Difference> JoinedPart<K, V, R, W, S> {
    /// The changes of some keys, or of all, within `(after, upto]`.
    fn changes_of(
        &mut self,
        keys: Option<&BTreeSet<K>>,
        (after, upto): (Option<Tick>, Tick),
        emit: &mut dyn FnMut(Tick, Row, isize),
    ) {
        let (rows_of, mut rows) = (&self.rows, Rows::new());
        visit_both(&mut self.left, &mut self.right, keys, |key, left, right| {
            let mut ticks = [left.ticks_within(after, upto), right.ticks_within(after, upto)].concat();
            ticks.sort_unstable();
            ticks.dedup();
            for tick in ticks {
                add_rows(rows_of, key, left.before(tick), right.before(tick), &mut rows);
                rows.iter_mut().for_each(|(_, count)| *count = -*count);
                add_rows(rows_of, key, left.at(tick), right.at(tick), &mut rows);
                consolidate(&mut rows);
                rows.drain(..).for_each(|(row, diff)| emit(tick, row, diff));
            }
        });
    }
}

fn add_rows<K, V: Data, R: Difference, W: Data, S: Difference>(
    rows_of: &JoinedRowsOf<K, V, R, W, S>,
    key: &K,
    left: Group<'_, '_, V, R>,
    right: Group<'_, '_, W, S>,
    rows: &mut Rows,
) {
    if !left.is_empty() {
        rows_of(key, left, right, rows);
    }
}

/// Every tick before this is in the arrangement.
fn frontier_of<K: IndexKey, V: Data, R: Difference>(trace: &mut Trace<K, V, R>) -> Tick {
    let mut upper = Antichain::new();
    trace.read_upper(&mut upper);
    upper.first().copied().unwrap_or(Tick::MAX)
}

/// The keys of the batches that reach beyond a tick.
fn keys_since<K: IndexKey, V: Data, R: Difference>(trace: &Trace<K, V, R>, published: Tick, keys: &mut BTreeSet<K>) {
    trace.map_batches(|batch| {
        if !batch.is_empty() && !batch.upper().less_equal(&published) {
            keys.extend(keys_of(batch));
        }
    });
}

impl<K: IndexKey, V: Data, R: Difference, W: Data, S: Difference> Part for JoinedPart<K, V, R, W, S> {
    fn frontier(&mut self) -> Tick {
        frontier_of(&mut self.left).min(frontier_of(&mut self.right))
    }

    fn follow(&mut self, is_followed: bool) {
        let published = self.published.take();
        self.published = is_followed.then(|| published.unwrap_or_else(|| self.frontier()));
    }

    fn publish(&mut self, emit: &mut dyn FnMut(Tick, Row, isize)) {
        let Some(published) = self.published else { return };
        let frontier = self.frontier();
        if frontier <= published {
            return;
        }
        // One side may be ahead of the other: what is past the frontier of both is for later.
        let mut keys = BTreeSet::new();
        keys_since(&self.left, published, &mut keys);
        keys_since(&self.right, published, &mut keys);
        self.changes_of(Some(&keys), (published.checked_sub(1), frontier - 1), emit);
        self.published = Some(frontier);
    }

    fn snapshot(&mut self, at: Tick, emit: &mut dyn FnMut(Row, isize)) {
        let (rows_of, mut rows) = (&self.rows, Rows::new());
        visit_both(&mut self.left, &mut self.right, None, |key, left, right| {
            add_rows(rows_of, key, left.at(at), right.at(at), &mut rows);
            rows.drain(..).for_each(|(row, count)| emit(row, count));
        });
    }

    fn changes(&mut self, after: Tick, upto: Tick, emit: &mut dyn FnMut(Tick, Row, isize)) {
        self.changes_of(None, (Some(after), upto), emit);
    }

    fn compact(&mut self, since: Tick, frontier: Tick) -> bool {
        let [left, right] = &mut self.compacted;
        let_go(&mut self.left, left, since, frontier) | let_go(&mut self.right, right, since, frontier)
    }
}

/// Lets a trace go of the differences before `since`, and merge what is complete before `frontier`, unless that has been done
/// (`compacted`); says whether it had not.
pub(crate) fn let_go<K: IndexKey, V: Data, R: Difference>(
    trace: &mut Trace<K, V, R>,
    compacted: &mut Tick,
    since: Tick,
    frontier: Tick,
) -> bool {
    if *compacted >= frontier {
        return false;
    }
    *compacted = frontier;
    trace.set_logical_compaction(Antichain::from_elem(since).borrow());
    trace.set_physical_compaction(Antichain::from_elem(frontier).borrow());
    true
}

/// The rows by which one key's part of a view changed, tick by tick.
fn changes_of<K, V: Data, R: Difference>(
    rows_of: &RowsOf<K, V, R>,
    key: &K,
    history: &mut History<'_, V, R>,
    after: Option<Tick>,
    upto: Tick,
    emit: &mut dyn FnMut(Tick, Row, isize),
) {
    let mut rows = Rows::new();
    for tick in history.ticks_within(after, upto).to_vec() {
        let before = history.before(tick);
        if !before.is_empty() {
            rows_of(key, before, &mut rows);
        }
        rows.iter_mut().for_each(|(_, count)| *count = -*count);
        let now = history.at(tick);
        if !now.is_empty() {
            rows_of(key, now, &mut rows);
        }
        consolidate(&mut rows);
        rows.drain(..).for_each(|(row, diff)| emit(tick, row, diff));
    }
}
