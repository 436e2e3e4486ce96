//! Mailboxes: what waits for those who follow a view. Bounded: a slow reader first gets coarser ticks, then an end.
//!
//! Delivery is done by the workers, so it does no more than put a tick in line, for any number of readers. Merging is done
//! by the reader, when it reads. What waits is shared by all who wait for it.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use differential_dataflow::consolidation::consolidate;
use operators::Tick;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

use crate::error::{EngineError, ErrorKind};
use crate::row::Row;
use crate::view::Rows;

/// Which rows a reader wants.
#[derive(Clone)]
pub struct RowFilter {
    /// As it was written: another process reads it again.
    pub(crate) written: Value,
    pub(crate) wants: Arc<dyn Fn(&Row) -> bool + Send + Sync>,
}

impl RowFilter {
    /// Whether it lets a row through.
    pub(crate) fn wants(&self, row: &Row) -> bool {
        (self.wants)(row)
    }
}

/// Beyond so many rows over several ticks, a reader is given what waits for it as one tick.
pub const MERGED_ROWS_MIN: usize = 200_000;

/// Beyond so many rows over several ticks, a reader is ended, and told to resume.
pub const PENDING_ROWS_MAX: usize = 1_000_000;

/// What changed in a view at a tick: one for all who follow it.
#[derive(Debug, Default)]
pub struct Published {
    rows: Rows,
    sorted: OnceLock<Rows>,
}

impl Published {
    /// Rows, in no particular order.
    pub(crate) fn new(rows: Rows) -> Self {
        Published { rows, sorted: OnceLock::new() }
    }

    /// The rows as `sort` gives them, which the first who asks does for all, and of them those that are wanted.
    pub(crate) fn wanted(&self, filter: Option<&RowFilter>, sort: impl FnOnce(Rows) -> Rows) -> Rows {
        let sorted = self.sorted.get_or_init(|| sort(self.rows.clone()));
        sorted.iter().filter(|(row, _)| filter.is_none_or(|filter| filter.wants(row))).cloned().collect()
    }
}

/// What waits for one reader.
pub struct Mailbox {
    pub(crate) view: usize,
    pub(crate) filter: Option<RowFilter>,
    /// Whether ticks that wait may be given as one.
    merges: bool,
    state: Mutex<Pending>,
    arrived: Notify,
}

#[derive(Default)]
struct Pending {
    ticks: VecDeque<(Tick, Arc<Published>)>,
    rows: usize,
    frontier: Tick,
    taken: Tick,
    failed: Option<EngineError>,
}

/// What a reader finds in its mailbox.
#[derive(Debug)]
pub enum Mail {
    /// What changed at a tick, whether it is wanted or not.
    Changes(Tick, Arc<Published>),
    /// Every tick before this has been given.
    Frontier(Tick),
}

impl Mailbox {
    /// An empty mailbox for the rows of `view` that pass the filter.
    pub fn new(view: usize, filter: Option<RowFilter>) -> Self {
        Mailbox { view, filter, merges: true, state: Mutex::default(), arrived: Notify::new() }
    }

    /// One that gives every tick by itself.
    pub(crate) fn unmerged(self) -> Self {
        Mailbox { merges: false, ..self }
    }

    /// Says that the reader has everything before `frontier` already.
    pub fn start_at(&self, frontier: Tick) {
        let mut state = self.state.lock();
        state.taken = state.taken.max(frontier);
        while state.ticks.front().is_some_and(|(tick, _)| *tick < frontier) {
            let dropped = state.ticks.pop_front().map_or(0, |(_, published)| published.rows.len());
            state.rows -= dropped;
        }
    }

    fn deliver(&self, tick: Tick, published: Arc<Published>) {
        let mut state = self.state.lock();
        if tick < state.taken || state.failed.is_some() {
            return;
        }
        state.rows += published.rows.len();
        state.ticks.push_back((tick, published));
        // One large tick that waits alone says nothing about the reader; and before it is known what the reader has
        // already, nothing can be said about where to resume.
        if state.rows > PENDING_ROWS_MAX && state.ticks.len() > 1 && state.taken > 0 {
            state.end();
            self.arrived.notify_one();
        }
    }

    fn progress(&self, frontier: Tick) {
        self.state.lock().frontier = frontier;
        self.arrived.notify_one();
    }

    /// Ends the mailbox: what waits is still given, then the error.
    pub fn fail(&self, error: EngineError) {
        self.state.lock().failed.get_or_insert(error);
        self.arrived.notify_one();
    }

    /// Waits for the next mail.
    pub async fn next(&self) -> Result<Mail, EngineError> {
        loop {
            if let Some(mail) = self.try_next()? {
                return Ok(mail);
            }
            self.arrived.notified().await;
        }
    }

    fn try_next(&self) -> Result<Option<Mail>, EngineError> {
        let mut state = self.state.lock();
        // Before it is known what the reader has already, ticks that it has must not be merged with ticks that it has not.
        if self.merges && state.rows > MERGED_ROWS_MIN && state.taken > 0 && state.ticks.len() > 1 {
            let waiting = std::mem::take(&mut state.ticks);
            let last = waiting.back().map_or(0, |(tick, _)| *tick);
            (state.rows, state.taken) = (0, last + 1);
            // Merging takes a while: meanwhile the workers must be able to put more in line.
            drop(state);
            return Ok(Some(Mail::Changes(last, Arc::new(self.merged(waiting)))));
        }
        if let Some((tick, published)) = state.ticks.pop_front() {
            state.rows -= published.rows.len();
            state.taken = tick + 1;
            return Ok(Some(Mail::Changes(tick, published)));
        }
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        if state.frontier > state.taken {
            state.taken = state.frontier;
            return Ok(Some(Mail::Frontier(state.frontier)));
        }
        Ok(None)
    }

    /// The net change of all that waits.
    fn merged(&self, waiting: VecDeque<(Tick, Arc<Published>)>) -> Published {
        let wanted = |(row, _): &&(Row, isize)| self.filter.as_ref().is_none_or(|filter| filter.wants(row));
        let mut rows = Rows::new();
        for (_, published) in waiting {
            rows.extend(published.rows.iter().filter(wanted).cloned());
        }
        consolidate(&mut rows);
        Published::new(rows)
    }
}

impl Pending {
    /// The reader is too slow: it is told where to resume.
    fn end(&mut self) {
        self.ticks.clear();
        self.rows = 0;
        let resume = self.taken.saturating_sub(1);
        let what = format!("the reader is too slow: more than {PENDING_ROWS_MAX} changed rows wait for it");
        let help = format!("resume with from_tick = {resume}, read faster, or set a filter");
        self.failed = Some(EngineError::new(ErrorKind::Exhausted, what, help));
    }
}

/// The mailboxes of all readers, by view.
#[derive(Default)]
pub struct Mailboxes(Mutex<Vec<Arc<Mailbox>>>);

impl Mailboxes {
    /// Adds one.
    pub fn add(&self, mailbox: Arc<Mailbox>) {
        self.0.lock().push(mailbox);
    }

    /// Removes one.
    pub fn remove(&self, mailbox: &Arc<Mailbox>) {
        self.0.lock().retain(|other| !Arc::ptr_eq(other, mailbox));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends all of them.
    pub fn fail_all(&self, error: &EngineError) {
        self.0.lock().iter().for_each(|mailbox| mailbox.fail(error.clone()));
    }

    pub(crate) fn deliver(&self, view: usize, tick: Tick, rows: Rows) {
        let published = Arc::new(Published::new(rows));
        for mailbox in self.0.lock().iter().filter(|mailbox| mailbox.view == view) {
            mailbox.deliver(tick, Arc::clone(&published));
        }
    }

    pub(crate) fn progress(&self, frontier: Tick) {
        self.0.lock().iter().for_each(|mailbox| mailbox.progress(frontier));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Cell;

    fn published(rows: Rows) -> Arc<Published> {
        Arc::new(Published::new(rows))
    }

    fn next(mailbox: &Mailbox) -> (Tick, Rows) {
        match mailbox.try_next().unwrap() {
            Some(Mail::Changes(tick, published)) => (tick, published.wanted(mailbox.filter.as_ref(), |rows| rows)),
            other => panic!("{other:?}"),
        }
    }

    /// Two of these are merged.
    fn rows(of: i64) -> Rows {
        (0..MERGED_ROWS_MIN as i64 / 2 + 1).map(|key| (Row::new([Cell::Int(key), Cell::Int(of)]), 1)).collect()
    }

    #[test]
    fn ticks_that_a_new_reader_has_are_not_merged_with_those_it_has_not() {
        let mailbox = Mailbox::new(0, None);
        mailbox.deliver(1, published(rows(1)));
        mailbox.deliver(2, published(rows(2)));
        mailbox.start_at(2);
        assert_eq!(next(&mailbox), (2, rows(2)));
    }

    #[test]
    fn ticks_that_wait_for_a_slow_reader_are_merged_when_it_reads() {
        let mailbox = Mailbox::new(0, None);
        mailbox.start_at(1);
        let back: Rows = rows(1).into_iter().map(|(row, count)| (row, -count)).collect();
        mailbox.deliver(1, published(rows(1)));
        mailbox.deliver(2, published(back));
        assert_eq!(next(&mailbox), (2, Rows::new()));
        mailbox.deliver(3, published(rows(3)));
        assert_eq!(next(&mailbox), (3, rows(3)));
    }

    #[test]
    fn one_who_follows_every_tick_is_given_every_tick_however_slow_it_is() {
        let mailbox = Mailbox::new(0, None).unmerged();
        mailbox.start_at(1);
        (1..=3).for_each(|tick| mailbox.deliver(tick, published(rows(tick as i64))));
        assert_eq!([1, 2, 3].map(|_| next(&mailbox).0), [1, 2, 3]);
    }

    #[test]
    fn a_reader_for_whom_too_much_waits_is_told_where_to_resume() {
        let mailbox = Mailbox::new(0, None);
        mailbox.start_at(3);
        let (tick, rows) = (3, published(rows(3)));
        for place in 0..=2 * (PENDING_ROWS_MAX / MERGED_ROWS_MIN) as Tick {
            mailbox.deliver(tick + place, Arc::clone(&rows));
        }
        let error = mailbox.try_next().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Exhausted);
        assert!(error.help.contains("from_tick = 2,"), "{error}");
    }

    #[test]
    fn readers_of_one_view_share_what_was_published_and_each_takes_what_it_wants() {
        let mailboxes = Mailboxes::default();
        let is_even = |row: &Row| matches!(row.cells()[0], Cell::Int(key) if key % 2 == 0);
        let even = RowFilter { written: Value::Null, wants: Arc::new(is_even) };
        let readers = [None, Some(even)].map(|filter| Arc::new(Mailbox::new(0, filter)));
        for reader in &readers {
            reader.start_at(1);
            mailboxes.add(Arc::clone(reader));
        }
        mailboxes.deliver(0, 1, rows(1));
        mailboxes.deliver(1, 1, rows(2));
        let sorts = std::cell::Cell::new(0);
        let taken = readers.map(|reader| match reader.try_next().unwrap() {
            Some(Mail::Changes(1, published)) => published.wanted(reader.filter.as_ref(), |rows| {
                sorts.set(sorts.get() + 1);
                rows
            }),
            other => panic!("{other:?}"),
        });
        assert_eq!((taken[0].len(), taken[1].len(), sorts.get()), (rows(1).len(), rows(1).len().div_ceil(2), 1));
    }
}
