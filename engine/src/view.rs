//! Views as a worker holds them: read from the arrangements that the graph keeps anyway.
//!
//! A view has parts. Each part is an arrangement and a pure function from one key's contents to rows; so a view of rows
//! that are arranged as such, a view of sums, and a view that is derived from the trades themselves on demand are all
//! read the same way: whole at a tick, or tick by tick.

use std::cell::{Cell as StdCell, RefCell};
use std::rc::Rc;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::trace::TraceReader;
use operators::arrangement::{Difference, compact};
use operators::group::{Group, History, ticks_of, visit_all, visit_changed};
use operators::{Arranged, Collection, Data, Key as IndexKey, Sums, Tick, Trace, arrange};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::progress::Antichain;

use crate::row::{Key, Row, ViewSpec};

/// Rows and how many times each is there, or is added or taken away.
pub type Rows = Vec<(Row, isize)>;

/// A change of a view, ready to be sent to those who follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    live: Rc<RefCell<Vec<Change>>>,
    dealt_with: Rc<RefCell<Vec<Tick>>>,
}

struct View {
    spec: ViewSpec,
    followed: Rc<StdCell<bool>>,
    parts: Vec<Box<dyn Part>>,
}

impl Views {
    /// Registers a view of rows.
    pub fn rows<'scope>(&mut self, spec: ViewSpec, rows: Collection<'scope, Row>) -> usize {
        let key = spec.key.clone();
        let keyed = rows.map(move |row| {
            let key: Vec<_> = key.iter().map(|column| &row.cells()[*column]).collect();
            (Key::of(&key), row)
        });
        let arranged = arrange(keyed, &spec.name);
        self.derived(spec, &arranged, |_key, group, rows| {
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
        self.views.push(View { spec, followed: Rc::default(), parts: Vec::new() });
        let view = self.views.len() - 1;
        self.add_part(view, arranged, rows);
        view
    }

    /// Adds the rows of another arrangement to a view that is registered already.
    pub fn add_part<'scope, K: IndexKey, V: Data, R: Difference>(
        &mut self,
        view: usize,
        arranged: &Arranged<'scope, K, V, R>,
        rows: impl Fn(&K, Group<'_, '_, V, R>, &mut Rows) + 'static,
    ) {
        let part = GroupPart { trace: arranged.trace.clone(), rows: Rc::new(rows) };
        self.publish(view, arranged, &part);
        self.views[view].parts.push(Box::new(part));
    }

    /// Follows an arrangement's changes, while anyone follows the view.
    fn publish<K: IndexKey, V: Data, R: Difference>(
        &self,
        view: usize,
        arranged: &Arranged<'_, K, V, R>,
        part: &GroupPart<K, V, R>,
    ) {
        let followed = Rc::clone(&self.views[view].followed);
        let live = Rc::clone(&self.live);
        let mut part = part.clone();
        let place = self.dealt_with.borrow().len();
        self.dealt_with.borrow_mut().push(0);
        let dealt_with = Rc::clone(&self.dealt_with);
        arranged.stream.clone().sink(
            Pipeline,
            &format!("publish {}", self.views[view].spec.name),
            move |(input, frontier)| {
                input.for_each(|_capability, batches| {
                    for batch in batches.drain(..).filter(|_| followed.get()) {
                        let mut live = live.borrow_mut();
                        let (first, last) = ticks_of(&batch);
                        visit_changed(&mut part.trace, &batch, |key, history| {
                            let emit = &mut |tick, row, diff| live.push(Change { view, tick, row, diff });
                            changes_of(&part.rows, key, history, first.checked_sub(1), last, emit);
                        });
                    }
                });
                compact(&mut part.trace, frontier.frontier());
                dealt_with.borrow_mut()[place] = frontier.frontier().first().copied().unwrap_or(Tick::MAX);
            },
        );
    }

    /// Every tick before this has been dealt with by all views. Told by the views themselves, since a probe of each would
    /// cost a tick as much again.
    pub fn frontier(&self) -> Tick {
        self.dealt_with.borrow().iter().copied().min().unwrap_or(Tick::MAX)
    }

    /// The catalogue.
    pub fn specs(&self) -> Vec<ViewSpec> {
        self.views.iter().map(|view| view.spec.clone()).collect()
    }

    /// Says whether anyone follows a view.
    pub fn follow(&self, view: usize, followed: bool) {
        self.views[view].followed.set(followed);
    }

    /// Takes the changes of the followed views since the last call.
    pub fn take_live(&self) -> Vec<Change> {
        std::mem::take(&mut *self.live.borrow_mut())
    }

    /// This worker's rows of a view at a tick.
    pub fn snapshot(&mut self, view: usize, at: Tick, emit: &mut dyn FnMut(Row, isize)) {
        self.views[view].parts.iter_mut().for_each(|part| part.snapshot(at, emit));
    }

    /// This worker's changes of a view within `(after, upto]`.
    pub fn changes(&mut self, view: usize, after: Tick, upto: Tick, emit: &mut dyn FnMut(Tick, Row, isize)) {
        self.views[view].parts.iter_mut().for_each(|part| part.changes(after, upto, emit));
    }

    /// Lets go of the differences before `since`; merges what is complete before `frontier`.
    pub fn compact(&mut self, since: Tick, frontier: Tick) {
        for part in self.views.iter_mut().flat_map(|view| &mut view.parts) {
            part.compact(since, frontier);
        }
    }
}

trait Part {
    fn snapshot(&mut self, at: Tick, emit: &mut dyn FnMut(Row, isize));
    fn changes(&mut self, after: Tick, upto: Tick, emit: &mut dyn FnMut(Tick, Row, isize));
    fn compact(&mut self, since: Tick, frontier: Tick);
}

type RowsOf<K, V, R> = Rc<dyn Fn(&K, Group<'_, '_, V, R>, &mut Rows)>;

struct GroupPart<K: IndexKey, V: Data, R: Difference> {
    trace: Trace<K, V, R>,
    rows: RowsOf<K, V, R>,
}

impl<K: IndexKey, V: Data, R: Difference> Clone for GroupPart<K, V, R> {
    fn clone(&self) -> Self {
        GroupPart { trace: self.trace.clone(), rows: Rc::clone(&self.rows) }
    }
}

impl<K: IndexKey, V: Data, R: Difference> Part for GroupPart<K, V, R> {
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

    fn compact(&mut self, since: Tick, frontier: Tick) {
        self.trace.set_logical_compaction(Antichain::from_elem(since).borrow());
        self.trace.set_physical_compaction(Antichain::from_elem(frontier).borrow());
    }
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
