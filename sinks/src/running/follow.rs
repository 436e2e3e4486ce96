//! The following of one view: what changes is taken whole tick by whole tick, written, and then counted as written.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use engine::{EngineError, ErrorKind, Request, Subscription, Tick, Update};
use futures::FutureExt;
use serde::Deserialize;

use super::backoff::Backoff;
use super::target::{Portion, Target, Trouble};
use super::{Around, Runs};

/// Beyond so many rows, a portion takes no further tick.
const PORTION_ROWS_MAX: usize = 10_000;

/// How many ticks a portion takes at most.
const PORTION_TICKS_MAX: usize = 1_000;

/// How often it is written that nothing has changed.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait at most before trouble is tried again.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// How much longer than a sink is behind the past must be remembered, so that there is time to mend what held it up.
const RETENTION_MARGIN_SECONDS: u64 = 3600;

/// With what a sink begins that has never written anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// With all rows there are.
    #[default]
    Snapshot,
    /// With what changes from then on.
    Now,
}

/// A view that is followed, and where it is written.
pub struct Follow {
    /// The name of the sink.
    pub name: String,
    /// The view, and which of its rows.
    pub request: Request,
    /// With what it begins.
    pub start: Start,
    /// Where it is written.
    pub target: Box<dyn Target>,
}

impl Runs for Follow {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(mut self: Box<Self>, around: Around) -> Result<(), EngineError> {
        let spec = around.reader.view(&self.request.view)?.clone();
        self.target.begin(&spec, &around)?;
        let written = Instant::now();
        Following { follow: *self, around, at: None, subscription: None, pending: None, written }.run()
    }
}

struct Following {
    follow: Follow,
    around: Around,
    /// Every change before this is written; `None` if nothing ever was.
    at: Option<Tick>,
    subscription: Option<Subscription>,
    /// What was taken and may not be written yet. It outlives trouble: so that while a target is away, what changes waits
    /// with the engine, and the past need not be asked for again.
    pending: Option<Portion>,
    /// When it was last written how far it is.
    written: Instant,
}

/// Why the following came to an end.
enum End {
    Stopped,
    Trouble(Trouble),
}

impl From<Trouble> for End {
    fn from(trouble: Trouble) -> Self {
        End::Trouble(trouble)
    }
}

impl Following {
    fn run(&mut self) -> Result<(), EngineError> {
        let mut backoff = Backoff::new(BACKOFF_MAX);
        loop {
            let error = match self.follow(&mut backoff) {
                Ok(never) => match never {},
                Err(End::Stopped) => return Ok(()),
                Err(End::Trouble(Trouble::Fatal(error))) => return Err(self.told_of(error)),
                Err(End::Trouble(Trouble::Passes(error))) => error,
            };
            // One that gave up because it is to stop has not failed.
            if self.around.stopping.is_stopping() {
                return Ok(());
            }
            self.around.failed(&self.follow.name, &error);
            if self.around.wait(backoff.next()) {
                return Ok(());
            }
        }
    }

    /// Opens the target and writes, until it is time to stop or there is trouble.
    fn follow(&mut self, backoff: &mut Backoff) -> Result<Infallible, End> {
        let frontier = self.follow.target.open(&self.around.stopping)?;
        self.go_on_from(frontier);
        loop {
            if self.around.stopping.is_stopping() {
                return Err(End::Stopped);
            }
            if let Some(portion) = self.pending.take() {
                self.write(portion)?;
                backoff.reset();
            }
            if self.subscription.is_none() {
                self.subscribe()?;
            }
            self.pending = self.take()?;
        }
    }

    /// Compares how far the target is written with what is held here.
    fn go_on_from(&mut self, frontier: Option<Tick>) {
        let has_pending = self.pending.as_ref().is_some_and(|pending| frontier == Some(pending.frontier));
        if has_pending {
            // It was written, and only that was not heard.
            self.pending = None;
        } else if self.subscription.is_none() || frontier != self.at {
            self.pending = None;
            self.subscription = None;
        }
        self.at = frontier;
        self.around.complete_before(frontier.unwrap_or(0));
    }

    fn subscribe(&mut self) -> Result<(), End> {
        let mut request = Request { each_tick: true, ..self.follow.request.clone() };
        if self.at.is_none() && self.follow.start == Start::Now {
            // Where it begins is written first: what comes after it is not left out, whatever happens.
            let frontier = self.around.reader.frontier();
            self.write(Portion { ticks: Vec::new(), is_snapshot: false, frontier })?;
        }
        request.from_tick = self.at.map(|frontier| frontier.saturating_sub(1));
        if request.from_tick.is_some_and(|from_tick| from_tick >= self.around.reader.frontier()) {
            return Err(End::Trouble(Trouble::Fatal(self.is_ahead())));
        }
        let mut stopping = self.around.stopping.clone();
        // What is not retained is computed again, which may take longer than a stop can wait.
        let subscription = self.around.runtime.block_on(async {
            tokio::select! {
                () = stopping.stopped() => Err(EngineError::stopped()),
                subscription = self.around.reader.subscribe(&request) => subscription,
            }
        });
        self.subscription = Some(subscription.map_err(|error| self.end_of(error))?);
        Ok(())
    }

    /// Takes what there is to be written next, if that is worth it.
    fn take(&mut self) -> Result<Option<Portion>, End> {
        let Some(subscription) = &mut self.subscription else { return Ok(None) };
        let mut stopping = self.around.stopping.clone();
        let taken = self.around.runtime.block_on(async {
            tokio::select! {
                () = stopping.stopped() => None,
                taken = Taken::from(subscription) => Some(taken),
            }
        });
        let portion = match taken {
            None => return Err(End::Stopped),
            Some(Ok(taken)) => taken.portion(),
            Some(Err(error)) => {
                self.subscription = None;
                return Err(self.end_of(error));
            }
        };
        if !portion.ticks.is_empty() {
            return Ok(Some(portion));
        }
        // How far it is, is known at once, but written from time to time, unless something has changed.
        self.around.complete_before(portion.frontier);
        Ok((self.written.elapsed() >= PROGRESS_INTERVAL).then_some(portion))
    }

    fn write(&mut self, portion: Portion) -> Result<(), End> {
        match self.follow.target.write(&portion, &self.around.stopping) {
            Ok(()) => {
                let rows = self.around.metrics.rows.with_label_values(&[self.follow.name.as_str()]);
                rows.inc_by(portion.rows() as u64);
                self.around.complete_before(portion.frontier);
                self.at = Some(portion.frontier);
                self.written = Instant::now();
                Ok(())
            }
            Err(trouble) => {
                self.pending = Some(portion);
                Err(trouble.into())
            }
        }
    }

    /// What it means that the engine gives no more.
    fn end_of(&self, error: EngineError) -> End {
        // An engine that has failed says so itself.
        if error.kind == ErrorKind::Stopped || self.around.reader.status().has_failed() {
            return End::Stopped;
        }
        match error.kind {
            ErrorKind::Exhausted | ErrorKind::Unavailable => End::Trouble(Trouble::Passes(error)),
            _ => End::Trouble(Trouble::Fatal(error)),
        }
    }

    /// What was written is of a later moment than the engine has come to.
    fn is_ahead(&self) -> EngineError {
        let (at, engine) = (self.at.unwrap_or(0), self.around.reader.frontier());
        let what = format!("it is written up to tick {at}, and the engine has come to tick {engine} only");
        let help = "the data folder is older than what was written: use the one that wrote it, or begin a new topic under \
                    a new name";
        EngineError::new(ErrorKind::Damaged, what, help)
    }

    /// How far it is behind the engine.
    fn behind_seconds(&self) -> u64 {
        self.around.reader.frontier().saturating_sub(self.at.unwrap_or(0)) / 1_000_000
    }

    fn told_of(&self, error: EngineError) -> EngineError {
        let what = format!("sink `{}` cannot go on: {}", self.follow.name, error.what);
        let help = match error.kind {
            // What is not retained is computed again, if the past is there.
            ErrorKind::Compacted => format!(
                "what has changed since it was last written is not remembered any more: set `retention_seconds` to {} or \
                 more, and start again; if that part of the past has been removed, begin anew under another name",
                self.behind_seconds() + RETENTION_MARGIN_SECONDS
            ),
            _ => error.help,
        };
        EngineError::new(error.kind, what, help)
    }
}

/// Updates, put together.
#[derive(Default)]
struct Taken {
    ticks: Vec<(Tick, engine::Rows)>,
    rows: usize,
    is_snapshot: bool,
    frontier: Tick,
}

impl Taken {
    /// Waits for an update, and takes with it what is there already.
    async fn from(subscription: &mut Subscription) -> Result<Taken, EngineError> {
        let mut taken = Taken::default();
        let mut next = Some(subscription.next().await);
        while let Some(update) = next {
            match update {
                Ok(Some(update)) => taken.add(update),
                // Told the next time too, and then there is nothing left that is to be written before it.
                Err(_) if taken.frontier > 0 => break,
                Err(error) => return Err(error),
                Ok(None) => break,
            }
            next = if taken.is_full() { None } else { subscription.next().now_or_never() };
        }
        Ok(taken)
    }

    fn add(&mut self, update: Update) {
        match update {
            Update::Snapshot(snapshot) => {
                self.is_snapshot = true;
                self.frontier = snapshot.tick + 1;
                self.rows += snapshot.rows.len();
                self.ticks.push((snapshot.tick, snapshot.rows));
            }
            Update::Changes(tick, rows) => {
                self.frontier = tick + 1;
                self.rows += rows.len();
                self.ticks.push((tick, rows));
            }
            Update::Progress(frontier) => self.frontier = self.frontier.max(frontier),
        }
    }

    /// Whether no more is to be added. A snapshot is written by itself.
    fn is_full(&self) -> bool {
        self.is_snapshot || self.rows >= PORTION_ROWS_MAX || self.ticks.len() >= PORTION_TICKS_MAX
    }

    fn portion(self) -> Portion {
        Portion { ticks: self.ticks, is_snapshot: self.is_snapshot, frontier: self.frontier }
    }
}
