//! The target of an alert: ticks become letters in the outbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::row::Shown;
use engine::{EngineError, ErrorKind, Row, Texts, Tick, ViewSpec};

use super::alert::{Event, Letter, Standing, Told};
use super::config::{AlertConfig, Severity};
use super::outbox::{Outbox, Outcome};
use super::template::{Template, Wrong, column};
use crate::json::members;
use crate::running::{Around, Portion, SinkMetrics, Start, Target, Trouble};
use crate::stopping::Stopping;

/// An alert, checked against the columns of its view.
#[derive(Clone)]
pub(super) struct Wording {
    severity: SeverityOf,
    text: Template,
}

/// Where the severity comes from.
#[derive(Clone)]
enum SeverityOf {
    Alert(String),
    Column(usize),
}

impl Wording {
    /// Checks what is told; gives the setting that is wrong, and how.
    pub(super) fn new(config: &AlertConfig, view: &ViewSpec) -> Result<Wording, (&'static str, Wrong)> {
        let severity = match &config.severity {
            Severity::Text(text) => SeverityOf::Alert(text.clone()),
            Severity::Column { column: name } => {
                SeverityOf::Column(column(name, view).map_err(|wrong| ("severity", wrong))?)
            }
        };
        let text = Template::parse(&config.text, view).map_err(|wrong| ("text", wrong))?;
        Ok(Wording { severity, text })
    }
}

/// Where an alert is put.
pub(super) struct Raise {
    pub(super) name: String,
    pub(super) config: AlertConfig,
    pub(super) outbox: Arc<Outbox>,
    pub(super) begun: Option<Begun>,
}

/// What is known once it runs.
pub(super) struct Begun {
    view: ViewSpec,
    texts: Arc<dyn Texts>,
    wording: Wording,
    metrics: SinkMetrics,
}

impl Raise {
    /// What the rows that satisfy the condition depend on. When it is another one, they are looked at anew.
    fn definition(&self) -> String {
        let when = self.config.when.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{}|{when}", self.config.view)
    }

    fn begun(&self) -> Result<&Begun, Trouble> {
        let what = format!("alert `{}` has not begun", self.name);
        self.begun.as_ref().ok_or_else(|| Trouble::Fatal(EngineError::new(ErrorKind::Invalid, what, "")))
    }
}

impl Target for Raise {
    fn begin(&mut self, view: &ViewSpec, around: &Around) -> Result<(), EngineError> {
        let wording = Wording::new(&self.config, view).map_err(|(setting, (what, help))| {
            EngineError::new(ErrorKind::Invalid, format!("{setting} of alert `{}`: {what}", self.name), help)
        })?;
        let (texts, metrics) = (Arc::clone(around.reader.texts()), around.metrics.clone());
        self.begun = Some(Begun { view: view.clone(), texts, wording, metrics });
        Ok(())
    }

    fn open(&mut self, _: &Stopping) -> Result<Option<Tick>, Trouble> {
        self.outbox.frontier(&self.name, &self.definition()).map_err(Trouble::Fatal)
    }

    fn write(&mut self, portion: &Portion, _: &Stopping) -> Result<(), Trouble> {
        let waiting = self.outbox.waiting_count().map_err(Trouble::Fatal)?;
        if waiting >= self.outbox.waiting_max && !portion.ticks.is_empty() {
            let what = format!("the outbox is full: {waiting} alerts wait to be sent");
            return Err(Trouble::Passes(EngineError::new(
                ErrorKind::Exhausted,
                what,
                "see that their channels take them",
            )));
        }
        let begun = self.begun()?;
        let mut work = Work { raise: self, begun, outcome: Outcome::default(), told: Vec::new() };
        if portion.is_snapshot {
            work.look_anew(portion).map_err(Trouble::Fatal)?;
        } else {
            for (tick, rows) in &portion.ticks {
                work.tick(*tick, rows, true).map_err(Trouble::Fatal)?;
            }
        }
        let Work { outcome, told, .. } = work;
        let put = self.outbox.put(&self.name, &self.definition(), &self.config.to, &outcome, portion.frontier);
        put.map_err(Trouble::Fatal)?;
        for (event, key, severity, text) in told {
            begun.metrics.alerts.with_label_values(&[self.name.as_str(), event.name()]).inc();
            tracing::info!(alert = self.name, event = event.name(), severity, key, "{text}");
        }
        Ok(())
    }
}

/// What some ticks come to.
struct Work<'a> {
    raise: &'a Raise,
    begun: &'a Begun,
    outcome: Outcome,
    /// For the log.
    told: Vec<(Event, String, String, String)>,
}

/// What a tick does to one key.
#[derive(Default)]
struct Net<'a> {
    count: i64,
    row: Option<&'a Row>,
}

impl Work<'_> {
    /// All rows there are: those that were not known are new, and those that are not among them are gone.
    fn look_anew(&mut self, portion: &Portion) -> Result<(), EngineError> {
        let Some((tick, rows)) = portion.ticks.first() else { return Ok(()) };
        let known = self.raise.outbox.standing_keys(&self.raise.name)?;
        let has_begun = self.raise.outbox.has_begun(&self.raise.name)?;
        for key in &known {
            if let Some(standing) = self.standing(key)? {
                self.outcome.standing.insert(key.clone(), Some(Standing { count: 0, ..standing }));
            }
        }
        // At the first start it may be wished that nobody is told.
        self.tick(*tick, rows, has_begun || self.raise.config.start == Start::Snapshot)?;
        for key in known {
            let gone = self.standing(&key)?.filter(|standing| standing.count == 0);
            if let Some(standing) = gone {
                self.resolve(*tick, key, &standing);
            }
        }
        Ok(())
    }

    fn tick(&mut self, tick: Tick, rows: &engine::Rows, is_told: bool) -> Result<(), EngineError> {
        let mut keys: BTreeMap<String, Net<'_>> = BTreeMap::new();
        for (row, diff) in rows {
            let net = keys.entry(self.begun.view.key_text(row, self.begun.texts.as_ref())).or_default();
            net.count += *diff as i64;
            if *diff > 0 {
                net.row = Some(row);
            }
        }
        for (key, net) in keys {
            self.apply(tick, key, &net, is_told)?;
        }
        Ok(())
    }

    fn apply(&mut self, tick: Tick, key: String, net: &Net<'_>, is_told: bool) -> Result<(), EngineError> {
        let standing = self.standing(&key)?;
        let count = standing.as_ref().map_or(0, |standing| standing.count) + net.count;
        match (standing, net.row) {
            _ if count < 0 => {
                let what = format!("alert `{}` follows a row that is there {count} times: `{key}`", self.raise.name);
                return Err(EngineError::new(
                    ErrorKind::Damaged,
                    what,
                    "the view is computed wrongly: please report it",
                ));
            }
            (Some(standing), _) if count == 0 => self.resolve(tick, key, &standing),
            (Some(standing), Some(row)) => {
                let standing = Standing { count, ..self.worded(row, standing.raised, standing.is_told) };
                self.outcome.standing.insert(key, Some(standing));
            }
            (Some(standing), None) => drop(self.outcome.standing.insert(key, Some(Standing { count, ..standing }))),
            (None, Some(row)) if count > 0 => {
                let standing = Standing { count, ..self.worded(row, tick, is_told) };
                if is_told {
                    self.tell(Event::Raised, tick, &key, &standing);
                }
                self.outcome.standing.insert(key, Some(standing));
            }
            // It came and went within the tick.
            (None, _) => {}
        }
        Ok(())
    }

    fn resolve(&mut self, tick: Tick, key: String, standing: &Standing) {
        if standing.is_told {
            self.tell(Event::Resolved, tick, &key, standing);
        }
        self.outcome.standing.insert(key, None);
    }

    fn tell(&mut self, event: Event, tick: Tick, key: &str, standing: &Standing) {
        let (alert, view) = (self.raise.name.as_str(), self.begun.view.name.as_str());
        let letter: Letter = Told { alert, view, key, event, tick, standing }.letter(now_seconds());
        self.outcome.letters.push(letter);
        self.told.push((event, key.to_owned(), standing.severity.clone(), standing.text.clone()));
    }

    /// The row under a key that satisfies the condition, as far as the work has come.
    fn standing(&self, key: &str) -> Result<Option<Standing>, EngineError> {
        match self.outcome.standing.get(key) {
            Some(standing) => Ok(standing.clone()),
            None => self.raise.outbox.standing(&self.raise.name, key),
        }
    }

    fn worded(&self, row: &Row, raised: Tick, is_told: bool) -> Standing {
        let Begun { view, texts, wording, .. } = self.begun;
        let texts = texts.as_ref();
        let severity = match &wording.severity {
            SeverityOf::Alert(text) => text.clone(),
            SeverityOf::Column(column) => {
                Shown { cell: &row.cells()[*column], kind: view.columns[*column].kind, texts }.to_string()
            }
        };
        let (text, row) = (wording.text.of(row, view, texts), members(view, row, texts));
        Standing { raised, count: 0, is_told, severity, text, row }
    }
}

/// What the clock says: how old a letter is. No alert depends on it.
pub(super) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
