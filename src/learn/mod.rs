//! `tieout learn`: a scoring model from the trades of two sides.

mod trades;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use dataflows::reconciliation::ReconciliationConfig;
use dataflows::reconciliation::config::{SideConfig, TierConfig};
use dataflows::reconciliation::scoring::learn::{Learned, Settings, from_known_pairs, from_records};
use dataflows::reconciliation::scoring::{self, Model, ModelError, Prepared, Scorer, TradeFields};
use engine::{EngineError, ErrorKind};
use model::Symbol;
use operators::blocks::Side;

use crate::config::Config;
use crate::output;
use crate::process::{Failure, Outcome};

const EXAMPLES: &str = "\
The model says which fields are compared and how; only its weights and thresholds are learned. It is that of the
reconciliation's first tier of kind \"scored\" or, where there is none, the model `trades`. Name the written file as the
`model` of such a tier, and measure it on days that it was not learned from.

Examples:
  tieout learn tieout.toml equities --known confirmed.csv --out models/equities.toml
  tieout learn tieout.toml equities --out models/equities.toml       no pair is known";

/// Learns a scoring model from the trades of a reconciliation
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Learn {
    /// The configuration file, or a folder with a tieout.toml
    config: PathBuf,
    /// The name of the reconciliation
    reconciliation: String,
    /// The side that is reconciled with the first [default: the second]
    #[arg(long)]
    side: Option<String>,
    /// Pairs that are known: CSV with a header, the id of the first side's trade and that of the other
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// The model to write
    #[arg(long, value_name = "MODEL.toml")]
    out: PathBuf,
}

impl Learn {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let mut config = Config::load(&self.config)?;
        let known = self.known.as_deref().map(read_pairs).transpose()?;
        let rules = config.dataflows.reconciliation.get(&self.reconciliation).cloned().ok_or_else(|| {
            let names: Vec<&str> = config.dataflows.reconciliation.keys().map(String::as_str).collect();
            let help = format!("those of the configuration are {}", names.join(", "));
            usage(format!("there is no reconciliation `{}`", self.reconciliation), &help)
        })?;
        let template = template(&config, &self.reconciliation, &rules)?;
        let scorer = Scorer::new(template.clone()).map_err(|error| unfit(&error))?;
        let [left, right] = self.sides(&rules)?;
        let dictionary = config.dictionary.clone();
        let mut prepared = |names: &[String], side| -> Result<Vec<Prepared>, Failure> {
            let trades = trades::of_sources(&mut config, names)?;
            let prepare =
                |trade| Prepared::new(&scorer, id_of(trade), &TradeFields { trade, dictionary: &dictionary }, side);
            Ok(trades.iter().map(prepare).collect())
        };
        let (left, right) = (prepared(&left, Side::Left)?, prepared(&right, Side::Right)?);
        let learned = match &known {
            Some(known) => from_known_pairs(&template, &left, &right, known, Settings::default()),
            None => from_records(&template, &left, &right, Settings::default()),
        };
        let learned = learned.map_err(|error| unfit(&error))?;
        write(&learned.model, &self.out)?;
        output::print(&told(&learned, left.len(), right.len()))?;
        Ok(Outcome::Done)
    }

    /// The sources of the two sides.
    fn sides(&self, rules: &ReconciliationConfig) -> Result<[Vec<String>; 2], Failure> {
        let sides: Vec<(&String, Vec<String>)> = rules.sides.iter().map(side).collect();
        let [left, others @ ..] = &sides[..] else {
            return Err(usage("the reconciliation has no sides".to_owned(), "name at least two"));
        };
        let right = others
            .iter()
            .find(|(name, _)| self.side.as_ref().is_none_or(|wanted| wanted == *name))
            .ok_or_else(|| {
                let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
                usage(
                    format!("no side `{}` is reconciled with `{}`", self.side.as_deref().unwrap_or_default(), left.0),
                    &format!("those are {}", names.join(", ")),
                )
            })?;
        Ok([left.1.clone(), right.1.clone()])
    }
}

fn side(config: &SideConfig) -> (&String, Vec<String>) {
    match config {
        SideConfig::Source(name) => (name, vec![name.clone()]),
        SideConfig::Sources { name, sources } => (name, sources.clone()),
    }
}

fn id_of(trade: &model::Trade) -> Symbol {
    trade.id
}

/// What is compared, and how.
fn template(config: &Config, name: &str, rules: &ReconciliationConfig) -> Result<Model, Failure> {
    let scored = rules.tier.iter().position(|tier| matches!(tier, TierConfig::Scored { .. }));
    let id = scored.map(|tier| Symbol::of(&format!("{name}/{tier}")));
    let given = config.graphs.models().iter().find(|model| Some(model.id) == id);
    let template = given.map_or_else(scoring::trades, |model| Model::from_json(&model.text));
    template.map_err(|error| unfit(&error))
}

/// The pairs of a file.
fn read_pairs(path: &Path) -> Result<Vec<(Symbol, Symbol)>, Failure> {
    let help = "write a header, and a line for each pair: the id of the first side's trade, a comma, that of the other";
    let wrong = |error: csv::Error| usage(format!("cannot read the known pairs in {}: {error}", path.display()), help);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(wrong)?;
    let pair = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(wrong)?;
        let (Some(left), Some(right)) = (row.get(0), row.get(1)) else {
            let line = row.position().map_or(0, csv::Position::line);
            return Err(usage(format!("line {line} of {} is not a pair", path.display()), help));
        };
        Ok((Symbol::of(left), Symbol::of(right)))
    };
    reader.records().map(pair).collect()
}

/// Writes the model: whole, or not at all.
fn write(model: &Model, path: &Path) -> Result<(), Failure> {
    let text = toml::to_string(model).map_err(|error| {
        EngineError::new(
            ErrorKind::Invalid,
            format!("the model cannot be written as TOML: {error}"),
            "please report it",
        )
    })?;
    let failed = |error: std::io::Error| EngineError::io("write", path, &error);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.part"));
    let written =
        File::create(&draft).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&draft, path)).map_err(failed)?;
    Ok(())
}

fn told(learned: &Learned, left: usize, right: usize) -> String {
    let mut text = format!("learned from {left} and {right} trades, {} pairs of which were compared\n", learned.pairs);
    if let Some(quality) = &learned.quality {
        text.push_str(&format!(
            "on these: precision {:.4}, recall {:.4}, clear {:.4}\n",
            quality.precision, quality.recall, quality.clear
        ));
    }
    text
}

fn usage(what: String, help: &str) -> Failure {
    Failure::Usage(EngineError::new(ErrorKind::Invalid, what, help))
}

fn unfit(error: &ModelError) -> Failure {
    usage(format!("the model, at {}: {}", error.at, error.what), &error.help)
}
