//! Reading views: whole at a tick, or followed from a tick on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;
use differential_dataflow::consolidation::consolidate;
use operators::Tick;
use serde_json::Value;

use crate::error::{EngineError, ErrorKind};
use crate::filter;
use crate::frontier::Frontier;
use crate::mailbox::{Mail, Mailbox, Mailboxes, RowFilter};
use crate::metrics::Metrics;
use crate::origins::Origin;
use crate::past::{PastReads, TickChanges};
use crate::releaser::{Asked, Question, Releaser, Wanted};
use crate::row::{Key, Texts, ViewSpec};
use crate::status::Status;
use crate::view::Rows;
use crate::worker::Answer;

/// How many readers may follow views at once.
pub const SUBSCRIPTIONS_MAX: usize = 1024;

/// How often a reader that waits for the workers looks whether they live.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(200);

/// Reads an engine's views. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

struct Inner {
    specs: Vec<Arc<ViewSpec>>,
    workers: usize,
    ask: Box<dyn Asks>,
    sight: Sight,
}

/// What a reader sees beside the views.
pub(crate) struct Sight {
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) frontier: Arc<Frontier>,
    pub(crate) status: Arc<Status>,
    pub(crate) texts: Arc<dyn Texts>,
    pub(crate) metrics: Metrics,
    /// Where what is not retained is read, if anywhere.
    pub(crate) past: Option<Arc<dyn PastReads>>,
}

/// Hides what the records are from those who only read views.
trait Asks: Send + Sync {
    fn ask(&self, question: &Question) -> Asked;
    fn unfollow(&self, view: usize);
    fn released(&self) -> Tick;
}

impl<R: Send + 'static> Asks for Arc<Releaser<R>> {
    fn ask(&self, question: &Question) -> Asked {
        Releaser::ask(self, question)
    }
    fn unfollow(&self, view: usize) {
        Releaser::unfollow(self, view);
    }
    fn released(&self) -> Tick {
        Releaser::released(self)
    }
}

/// What a reader wants of a view.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The view's name.
    pub view: String,
    /// Read it as of this tick (inclusive); now if not given.
    pub as_of: Option<Tick>,
    /// End before this tick (exclusive).
    pub up_to: Option<Tick>,
    /// Go on with the changes after this tick, which the reader has already.
    pub from_tick: Option<Tick>,
    /// Which rows; see [`filter`].
    pub filter: Option<Value>,
    /// Follow every tick by itself: one who is slow is ended sooner, but is never given several ticks as one.
    pub each_tick: bool,
}

/// All rows of a view at a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The view, with the columns that it had then.
    pub spec: Arc<ViewSpec>,
    /// The tick.
    pub tick: Tick,
    /// The rows, in the order of their keys, and how many times each is there.
    pub rows: Rows,
}

/// What a follower of a view is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The rows as of a tick: always first, unless the follower goes on from a tick.
    Snapshot(Snapshot),
    /// What changed at a tick; ticks come in order and are never split.
    Changes(Tick, Rows),
    /// Every change before this tick has been given.
    Progress(Tick),
}

impl Reader {
    pub(crate) fn new<R: Send + 'static>(
        specs: Vec<ViewSpec>,
        workers: usize,
        releaser: Arc<Releaser<R>>,
        sight: Sight,
    ) -> Self {
        let specs = specs.into_iter().map(Arc::new).collect();
        Reader(Arc::new(Inner { specs, workers, ask: Box::new(releaser), sight }))
    }

    /// The catalogue.
    pub fn views(&self) -> impl ExactSizeIterator<Item = &ViewSpec> {
        self.0.specs.iter().map(Arc::as_ref)
    }

    /// A view of the catalogue, by name.
    pub fn view(&self, name: &str) -> Result<&ViewSpec, EngineError> {
        Ok(&self.0.specs[self.index(name)?])
    }

    /// Where the texts of symbols are found.
    pub fn texts(&self) -> &Arc<dyn Texts> {
        &self.0.sight.texts
    }

    /// How the engine fares.
    pub fn status(&self) -> &Status {
        &self.0.sight.status
    }

    /// What it measures.
    pub fn metrics(&self) -> &Metrics {
        let seconds = self.frontier() / 1_000_000;
        self.0.sight.metrics.frontier.set(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.0.sight.metrics.subscriptions.set(self.0.sight.mailboxes.len() as i64);
        &self.0.sight.metrics
    }

    /// Every tick before this is complete.
    pub fn frontier(&self) -> Tick {
        self.0.sight.frontier.get()
    }

    /// Waits until every tick up to and including `tick` is complete.
    pub async fn reached(&self, tick: Tick) {
        self.0.sight.frontier.reached(tick + 1).await;
    }

    /// Reads a view whole. A tick that is no longer retained is computed again, which takes a while.
    pub async fn snapshot(&self, request: &Request) -> Result<Snapshot, EngineError> {
        let retained = self.retained(request).await;
        match (&self.0.sight.past, request.as_of, &retained) {
            (Some(past), Some(at), Err(error)) if is_of_the_past(error) => {
                // Of a view that never was, it is said which there are now.
                match past.snapshot(request.clone(), at).await {
                    Err(missing) if missing.kind == ErrorKind::NotFound => retained,
                    read => read,
                }
            }
            _ => retained,
        }
    }

    /// Where the records came from that stand under these keys as of a tick, in the order of their keys. All that was bound up
    /// to it is read again, which takes a while.
    pub async fn origins(&self, keys: BTreeSet<Key>, as_of: Option<Tick>) -> Result<Vec<Origin>, EngineError> {
        self.check_tick(as_of)?;
        let at = as_of.unwrap_or_else(|| self.0.ask.released());
        let Some(past) = &self.0.sight.past else {
            let what = "this engine does not read its past again, and cannot tell where records came from";
            return Err(EngineError::new(ErrorKind::Invalid, what, "ask the engine whose data folder it is"));
        };
        past.origins(keys, at).await
    }

    async fn retained(&self, request: &Request) -> Result<Snapshot, EngineError> {
        let view = self.index(&request.view)?;
        let filter = self.filter(view, request)?;
        let what = request.as_of.map_or(Wanted::Now, Wanted::AsOf);
        self.check_tick(request.as_of)?;
        let asked = self.0.ask.ask(&Question { view, what, follow: false, filter });
        let at = asked.at;
        let answers = self.answers(asked).await?;
        let reader = self.clone();
        let rows = in_background(move || reader.sorted(view, rows_of(answers))).await?;
        Ok(Snapshot { spec: Arc::clone(&self.0.specs[view]), tick: at, rows })
    }

    /// The changes of a view within `(after, upto]`, which are retained.
    pub(crate) async fn changes(&self, request: &Request, after: Tick, upto: Tick) -> Result<TickChanges, EngineError> {
        let view = self.index(&request.view)?;
        let filter = self.filter(view, request)?;
        let asked = self.0.ask.ask(&Question { view, what: Wanted::ChangesAfter(after), follow: false, filter });
        let answers = self.answers(asked).await?;
        let reader = self.clone();
        let mut changes = in_background(move || reader.changes_by_tick(view, answers)).await?;
        changes.retain(|tick, _| *tick <= upto);
        Ok(changes)
    }

    /// Follows a view: a snapshot and then its changes, or only the changes after `from_tick`.
    pub async fn subscribe(&self, request: &Request) -> Result<Subscription, EngineError> {
        let view = self.index(&request.view)?;
        let filter = self.filter(view, request)?;
        self.check_tick(request.as_of.or(request.from_tick))?;
        if self.0.sight.mailboxes.len() >= SUBSCRIPTIONS_MAX {
            let what = format!("{SUBSCRIPTIONS_MAX} readers follow views already");
            return Err(EngineError::new(ErrorKind::Exhausted, what, "end some of them, or try again later"));
        }
        let mut after = request.from_tick;
        let mut first = VecDeque::new();
        if let Some(as_of) = request.as_of.filter(|_| after.is_none()) {
            first.push_back(Update::Snapshot(self.snapshot(request).await?));
            after = Some(as_of);
        }
        let what = after.map_or(Wanted::Now, Wanted::ChangesAfter);
        let (mut subscription, asked) = self.follow(view, what, filter.clone(), request);
        let at = asked.at;
        check_end(after.unwrap_or(at), request.up_to)?;
        match (self.answers(asked).await, after, &self.0.sight.past) {
            (Err(error), Some(after), Some(past)) if error.kind == ErrorKind::Compacted => {
                // Followed from now on; what was before is computed again meanwhile.
                let (followed, asked) = self.follow(view, Wanted::ChangesFromNow, filter, request);
                let at = asked.at;
                self.answers(asked).await?;
                let spec = (*self.0.specs[view]).clone();
                let upto = request.up_to.map_or(at, |up_to| at.min(up_to.saturating_sub(1)));
                let changes = past.changes(request.clone(), spec, after, upto).await?;
                let reader = self.clone();
                let sorted = move |(tick, rows)| Update::Changes(tick, reader.sorted(view, rows));
                first.extend(in_background(move || changes.into_iter().map(sorted).collect::<Vec<_>>()).await?);
                first.push_back(Update::Progress(at + 1));
                subscription = followed;
            }
            (answers, after, _) => first.extend(self.first_updates(view, at, after, answers?).await?),
        }
        subscription.first = first;
        Ok(subscription)
    }

    /// Asks for what comes first, and has what comes after it kept in a mailbox from here on.
    fn follow(&self, view: usize, what: Wanted, filter: Option<RowFilter>, request: &Request) -> (Subscription, Asked) {
        let (up_to, mailbox) = (request.up_to, Mailbox::new(view, filter.clone()));
        let mailbox = Arc::new(if request.each_tick { mailbox.unmerged() } else { mailbox });
        self.0.sight.mailboxes.add(Arc::clone(&mailbox));
        let asked = self.0.ask.ask(&Question { view, what, follow: true, filter });
        mailbox.start_at(asked.at + 1);
        // From here on: dropping it takes back the question's `follow`, which must not happen to another reader's.
        (Subscription { reader: self.clone(), mailbox, first: VecDeque::new(), up_to, is_done: false }, asked)
    }

    async fn first_updates(
        &self,
        view: usize,
        at: Tick,
        after: Option<Tick>,
        answers: Vec<Answer>,
    ) -> Result<Vec<Update>, EngineError> {
        let reader = self.clone();
        in_background(move || {
            let mut first: Vec<Update> = match after {
                None => {
                    let (spec, rows) = (Arc::clone(&reader.0.specs[view]), reader.sorted(view, rows_of(answers)));
                    vec![Update::Snapshot(Snapshot { spec, tick: at, rows })]
                }
                Some(_) => {
                    let changes = reader.changes_by_tick(view, answers).into_iter();
                    changes.map(|(tick, rows)| Update::Changes(tick, rows)).collect()
                }
            };
            first.push(Update::Progress(at + 1));
            first
        })
        .await
    }

    async fn answers(&self, asked: Asked) -> Result<Vec<Answer>, EngineError> {
        let reader = self.clone();
        in_background(move || (0..reader.0.workers).map(|_| reader.answer(&asked)).collect()).await?
    }

    /// One worker's answer. A worker that has died gives none, but the engine has failed then.
    fn answer(&self, asked: &Asked) -> Result<Answer, EngineError> {
        loop {
            match asked.answers.recv_timeout(LIVENESS_INTERVAL) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(EngineError::stopped()),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(failure) = self.0.sight.status.failure() {
                        return Err(failure);
                    }
                }
            }
        }
    }

    fn changes_by_tick(&self, view: usize, answers: Vec<Answer>) -> TickChanges {
        let mut ticks = TickChanges::new();
        for answer in answers {
            let Answer::Changes(changes) = answer else { continue };
            for (tick, row, diff) in changes {
                ticks.entry(tick).or_default().push((row, diff));
            }
        }
        ticks
            .into_iter()
            .map(|(tick, rows)| (tick, self.sorted(view, rows)))
            .filter(|(_, rows)| !rows.is_empty())
            .collect()
    }

    /// Rows in the order of their keys as people read them, so that the same rows are the same bytes.
    pub(crate) fn sorted(&self, view: usize, mut rows: Rows) -> Rows {
        consolidate(&mut rows);
        let spec = &self.0.specs[view];
        rows.sort_by_cached_key(|(row, diff)| (spec.key_text(row, self.0.sight.texts.as_ref()), *diff));
        rows
    }

    fn filter(&self, view: usize, request: &Request) -> Result<Option<RowFilter>, EngineError> {
        let parse = |filter: &Value| filter::parse(filter, &self.0.specs[view], &self.0.sight.texts);
        request.filter.as_ref().map(parse).transpose()
    }

    fn check_tick(&self, tick: Option<Tick>) -> Result<(), EngineError> {
        let released = self.0.ask.released();
        match tick {
            Some(tick) if tick > released => {
                let what = format!("tick {tick} has not come yet; the last one is {released}");
                Err(EngineError::new(ErrorKind::Invalid, what, "leave `as_of` and `from_tick` out to read from now on"))
            }
            _ => Ok(()),
        }
    }

    fn index(&self, name: &str) -> Result<usize, EngineError> {
        self.0.specs.iter().position(|spec| spec.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.0.specs.iter().map(|spec| spec.name.as_str()).collect();
            let help = format!("the views are {}", names.join(", "));
            EngineError::new(ErrorKind::NotFound, format!("there is no view `{name}`"), help)
        })
    }
}

fn check_end(start: Tick, up_to: Option<Tick>) -> Result<(), EngineError> {
    match up_to {
        Some(up_to) if up_to <= start => {
            let what = format!("`up_to` is tick {up_to}, which is not after the start, tick {start}");
            Err(EngineError::new(
                ErrorKind::Invalid,
                what,
                "give a later `up_to`, or start earlier with `as_of` or `from_tick`",
            ))
        }
        _ => Ok(()),
    }
}

/// Whether the past may know better: it is no longer retained, or the view is of an earlier configuration.
fn is_of_the_past(error: &EngineError) -> bool {
    matches!(error.kind, ErrorKind::Compacted | ErrorKind::NotFound)
}

/// Waiting and sorting hold a thread: not one of those that serve all readers.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::stopped())
}

fn rows_of(answers: Vec<Answer>) -> Rows {
    let rows = |answer| if let Answer::Rows(rows) = answer { rows } else { Rows::new() };
    answers.into_iter().flat_map(rows).collect()
}

/// A view that is followed. Dropping it ends it.
pub struct Subscription {
    reader: Reader,
    mailbox: Arc<Mailbox>,
    first: VecDeque<Update>,
    up_to: Option<Tick>,
    is_done: bool,
}

impl Subscription {
    /// The next update; `None` once `up_to` is reached. An error is the end, and says from which tick to resume.
    pub async fn next(&mut self) -> Result<Option<Update>, EngineError> {
        if self.is_done {
            return Ok(None);
        }
        let update = match self.first.pop_front() {
            Some(update) => update,
            None => self.next_of_mailbox().await?,
        };
        let Some(up_to) = self.up_to else { return Ok(Some(update)) };
        match update {
            Update::Changes(tick, _) if tick >= up_to => self.is_done = true,
            Update::Progress(tick) if tick >= up_to => self.is_done = true,
            update => return Ok(Some(update)),
        }
        Ok(Some(Update::Progress(up_to)))
    }
}

impl Subscription {
    async fn next_of_mailbox(&self) -> Result<Update, EngineError> {
        loop {
            match self.mailbox.next().await? {
                Mail::Frontier(tick) => return Ok(Update::Progress(tick)),
                Mail::Changes(tick, published) => {
                    let sort = |rows| self.reader.sorted(self.mailbox.view, rows);
                    let rows = published.wanted(self.mailbox.filter.as_ref(), sort);
                    if !rows.is_empty() {
                        return Ok(Update::Changes(tick, rows));
                    }
                }
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.reader.0.sight.mailboxes.remove(&self.mailbox);
        self.reader.0.ask.unfollow(self.mailbox.view);
    }
}
