//! Follows the steps of a lineage from a row to the records that it rests on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::Pin;

use dataflows::lineage::{self, RecordKey, Step, Told};
use dataflows::rule_error::nearest;
use engine::row::Shown;
use engine::{Cell, EngineError, ErrorKind, NoTexts, Tick};
use serde_json::{Map, Value, json};
use sinks::client::{Client, ViewInfo};
use sinks::flight::{OriginTold, OriginsAsked, Ticket};

use super::{Explain, key};
use crate::process::Failure;
use crate::query::{self, moment_of, tick_of};

/// How many rows are told of in all, and of one step.
const NODES_MAX: usize = 5_000;
const ROWS_OF_STEP_MAX: usize = 500;

/// How many origins are asked for at once.
const ORIGINS_AT_ONCE: usize = 5_000;

/// How far it is from a row to its records, at most.
const DEPTH_MAX: usize = 12;

/// A row with all that it rests on.
pub(super) struct Explained {
    /// At which tick.
    pub(super) tick: Tick,
    /// The row.
    pub(super) root: Node,
    /// Whether there were more rows than are told of.
    pub(super) is_cut: bool,
    /// Where the records came from.
    origins: BTreeMap<String, Vec<OriginTold>>,
    /// Whether that was looked for.
    pub(super) has_origins: bool,
}

/// A row.
pub(super) struct Node {
    /// Its view.
    pub(super) view: String,
    /// Its key.
    pub(super) key: String,
    /// Its columns that are known, as people read them.
    pub(super) row: Map<String, Value>,
    /// The record that it is, if it is one.
    pub(super) record: Option<RecordKey>,
    /// Whether what it rests on is told of further up.
    pub(super) is_above: bool,
    /// What it rests on.
    pub(super) steps: Vec<Found>,
}

/// What a step led to.
pub(super) struct Found {
    /// What it is, in words.
    pub(super) what: &'static str,
    /// The view.
    pub(super) view: &'static str,
    /// How many rows there are.
    pub(super) count: usize,
    /// Those that are told of.
    pub(super) rows: Vec<Node>,
}

impl Explained {
    /// Where a record came from: nowhere that is known, if it came before the past that is kept.
    pub(super) fn origin_of(&self, node: &Node) -> Option<&OriginTold> {
        let record = node.record?;
        let source = node.row.get("source").and_then(Value::as_str);
        let origins = self.origins.get(&hexadecimal(&record))?;
        origins.iter().find(|origin| record.is_of_kind(origin.member) && Some(origin.source.as_str()) == source)
    }

    /// How many records it rests on.
    pub(super) fn records(&self) -> usize {
        let mut records = BTreeSet::new();
        self.root.visit(&mut |node| {
            if node.record.is_some() {
                records.insert((node.view.clone(), node.key.clone()));
            }
        });
        records.len()
    }
}

impl Node {
    fn visit(&self, see: &mut impl FnMut(&Node)) {
        see(self);
        self.steps.iter().flat_map(|found| &found.rows).for_each(|node| node.visit(see));
    }
}

fn hexadecimal(record: &RecordKey) -> String {
    format!("{:032x}", u128::from_be_bytes(record.id.bytes()))
}

impl Explain {
    /// Reads the row, and all that it rests on.
    pub(super) async fn follow(&self) -> Result<Explained, Failure> {
        let client = self.server.connect().await?;
        let catalogue = client.views().await.map_err(Failure::of_request)?;
        let catalogue: HashMap<String, ViewInfo> =
            catalogue.into_iter().map(|view| (view.name.clone(), view)).collect();
        let view = match catalogue.get(&self.view) {
            Some(view) => view.clone(),
            // The server says which there are.
            None => client.view(&self.view).await.map_err(Failure::of_request)?,
        };
        let lineage = lineage::of_view(&self.view).ok_or_else(|| untold(&self.view))?;
        let filter = Value::Object(key::filter(&view, &self.key)?);
        let at = self.as_of.as_deref().map(tick_of);
        let mut follower = Follower {
            client,
            catalogue,
            at,
            tick: 0,
            today: String::new(),
            read: HashMap::new(),
            told: BTreeSet::new(),
            nodes: 0,
            is_cut: false,
        };
        let rows = follower.read(&self.view, filter).await?;
        let tick = follower.tick;
        let [row] = rows.as_slice() else { return Err(follower.not_one(&view, &self.key, &rows).await) };
        follower.today = moment_of(tick).date().to_string();
        let root = follower.node(row, lineage.view, true, &[], 0).await?;
        let mut explained =
            Explained { tick, root, is_cut: follower.is_cut, origins: BTreeMap::new(), has_origins: !self.no_origins };
        if !self.no_origins {
            explained.origins = follower.origins(&explained.root, tick).await?;
        }
        Ok(explained)
    }
}

fn untold(view: &str) -> Failure {
    let told: Vec<&str> = lineage::lineages().map(|lineage| lineage.view).collect();
    let what = format!("on what the rows of `{view}` rest is not told");
    Failure::Usage(EngineError::new(ErrorKind::Invalid, what, format!("it is told of {}", told.join(", "))))
}

/// A row that was read: its key, and its columns that are known.
#[derive(Clone)]
struct ReadRow {
    key: String,
    columns: Map<String, Value>,
}

/// What is read, and has been.
struct Follower {
    client: Client,
    catalogue: HashMap<String, ViewInfo>,
    /// The tick of all reads, once it is known.
    at: Option<Value>,
    tick: Tick,
    today: String,
    read: HashMap<(String, String), Vec<ReadRow>>,
    told: BTreeSet<(String, String)>,
    nodes: usize,
    is_cut: bool,
}

type Coming<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

impl Follower {
    /// The rows of a view that a filter finds, at the one tick.
    async fn read(&mut self, view: &str, filter: Value) -> Result<Vec<ReadRow>, Failure> {
        let place = (view.to_owned(), filter.to_string());
        if let Some(rows) = self.read.get(&place) {
            return Ok(rows.clone());
        }
        let Some(info) = self.catalogue.get(view) else { return Ok(Vec::new()) };
        let mut keys = json!({ "view": view, "filter": filter });
        if let Some(at) = &self.at {
            keys["as_of"] = at.clone();
        }
        let ticket = Ticket::parse(keys.to_string().as_bytes()).map_err(Failure::of_request)?;
        let (received, tick, rows) = query::read_view(&self.client, info, &ticket).await?;
        (self.at, self.tick) = (Some(tick.into()), tick);
        let columns = &received.spec.columns;
        let rows: Vec<ReadRow> = rows
            .iter()
            .map(|(row, _)| ReadRow {
                key: received.spec.key_text(row, &NoTexts),
                columns: columns
                    .iter()
                    .zip(row.cells())
                    .map(|(column, cell)| (column.name.clone(), value(cell, column)))
                    .collect(),
            })
            .collect();
        self.read.insert(place, rows.clone());
        Ok(rows)
    }

    /// A row with what it rests on.
    fn node<'a>(
        &'a mut self,
        row: &'a ReadRow,
        view: &'static str,
        goes_on: bool,
        then: &'static [Step],
        depth: usize,
    ) -> Coming<'a, Node> {
        Box::pin(async move {
            self.nodes += 1;
            let own = lineage::of_view(view).filter(|_| goes_on).map_or(&[][..], |lineage| lineage.steps);
            let has_steps = !own.is_empty() || !then.is_empty();
            let is_too_deep = has_steps && depth >= DEPTH_MAX;
            self.is_cut |= is_too_deep;
            // What is too deep here may be told whole where it is met again.
            let is_above = has_steps && !is_too_deep && !self.told.insert((view.to_owned(), row.key.clone()));
            let mut steps = Vec::new();
            if !is_above && !is_too_deep {
                for step in own {
                    steps.extend(self.step(step, &row.columns, &Map::new(), depth).await?);
                }
            }
            Ok(Node {
                view: view.to_owned(),
                key: row.key.clone(),
                record: lineage::record_of(view, &row.columns),
                row: row
                    .columns
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
                is_above,
                steps,
            })
        })
    }

    /// What a step leads to; nothing where there are no rows.
    fn step<'a>(
        &'a mut self,
        step: &'static Step,
        row: &'a Map<String, Value>,
        above: &'a Map<String, Value>,
        depth: usize,
    ) -> Coming<'a, Vec<Found>> {
        Box::pin(async move {
            let Some(filter) = step.filter(row, above, &self.today) else { return Ok(Vec::new()) };
            let mut rows = self.read(step.view, filter).await?;
            let because = match step.except {
                Some(except) => self.read(except.view, except.filter(row)).await?,
                None => Vec::new(),
            };
            step.keep(&mut rows, &because, |row| &row.columns);
            if step.told == Told::Through {
                let mut found = Vec::new();
                for through in &rows {
                    for next in step.then {
                        found.extend(self.step(next, &through.columns, row, depth + 1).await?);
                    }
                }
                return Ok(found);
            }
            let mut found = Found { what: step.what, view: step.view, count: rows.len(), rows: Vec::new() };
            if step.told != Told::Count {
                let room = NODES_MAX.saturating_sub(self.nodes).min(ROWS_OF_STEP_MAX);
                self.is_cut |= rows.len() > room;
                for own in rows.iter().take(room) {
                    let mut node = self.node(own, step.view, step.told == Told::Rows, step.then, depth + 1).await?;
                    if !node.is_above {
                        for next in step.then {
                            node.steps.extend(self.step(next, &own.columns, row, depth + 1).await?);
                        }
                    }
                    found.rows.push(node);
                }
            }
            Ok(if found.count == 0 { Vec::new() } else { vec![found] })
        })
    }

    /// Asks where all records came from.
    async fn origins(&self, root: &Node, tick: Tick) -> Result<BTreeMap<String, Vec<OriginTold>>, Failure> {
        let mut keys = BTreeSet::new();
        root.visit(&mut |node| keys.extend(node.record.as_ref().map(hexadecimal)));
        let keys: Vec<String> = keys.into_iter().collect();
        let mut origins: BTreeMap<String, Vec<OriginTold>> = BTreeMap::new();
        for keys in keys.chunks(ORIGINS_AT_ONCE) {
            let asked = OriginsAsked { keys: keys.to_vec(), as_of: Some(tick) };
            for origin in self.client.origins(&asked).await.map_err(Failure::of_request)? {
                origins.entry(origin.key.clone()).or_default().push(origin);
            }
        }
        Ok(origins)
    }

    /// Says that no row has the key, or that more than one begins with it.
    async fn not_one(&mut self, view: &ViewInfo, key: &str, rows: &[ReadRow]) -> Failure {
        if rows.len() > 1 {
            let keys: Vec<&str> = rows.iter().take(5).map(|row| row.key.as_str()).collect();
            let what = format!("{} rows of `{}` have a key that begins with `{key}`", rows.len(), view.name);
            let help = format!("give one of them in full, such as {}", keys.join(", "));
            return Failure::Usage(EngineError::new(ErrorKind::Invalid, what, help));
        }
        let what = format!("no row of `{}` has the key `{key}` as of {}", view.name, moment_of(self.tick));
        let known = self.read(&view.name, json!({})).await.unwrap_or_default();
        let help = match nearest(key, known.iter().map(|row| row.key.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its key columns are {}, joined by `|`", view.key.join(", ")),
        };
        Failure::Failed(EngineError::new(ErrorKind::NotFound, what, help))
    }
}

/// A cell as a filter and a reader want it: texts but for counts and truths.
fn value(cell: &Cell, column: &engine::Column) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Bool(value) => (*value).into(),
        Cell::Int(value) => (*value).into(),
        cell => Shown { cell, kind: column.kind, texts: &NoTexts }.to_string().into(),
    }
}
