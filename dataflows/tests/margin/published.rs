//! The outputs of ten published transforms (gvanzela/risk-capital-monitoring), every row and column. They are in the words
//! of their origin, which are mapped onto ours here.
//!
//! ```text
//! cargo test -p tieout-dataflows --test margin published -- --nocapture      # a line for each output
//! sh tests/expected-values.sh                                                # and one for each value, of all tests
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dataflows::exposure::margin::deadlines::days_left;
use engine::Tick;
use model::{
    Amount, AssetType, Date, Dictionary, FundAum, FundAumDay, FundExposure, FundPosition, MarginException,
    MarginSubmission, MarginValidation, NumberFormat, Record, Symbol, Timestamp,
};
use serde::Deserialize;
use serde_json::Value;

use super::kit::{Desk, put_all};

const RULES: &str = r#"
    [margin]
    excluded_managers = ["BTG"]
    swap_classifications = ["OTC SWAP"]
    exchange_option_types = ["OPÇÃO BM&F"]

    [[margin.exposure]]
    name = "otc"
    origins = ["OTC OPC", "OTC SWAP"]
    period_days_by_investor_class = { "Não qualificado" = 7, "Qualificado" = 30, "Investidor Profissional" = 90 }

    [[margin.exposure]]
    name = "offshore"
    origins = ["Fundo Offshore"]
    period_days = 30

    [[margin.offshore]]
    classifications = ["Investimento no Exterior", "Fundo Offshore"]

    [[margin.offshore]]
    from = "2025-12-02T15:45:56Z"
    classifications = ["Fundo Offshore"]
"#;

/// What their words are here.
const WORDS: [(&str, &str); 10] = [
    ("not_applicable", "N/A"),
    ("on_time", "Em Dia"),
    ("overdue", "Pendente"),
    ("not_submitted", "Sem Envio"),
    ("received_validated", "Recebido e Validado"),
    ("received_not_validated", "Recebido e N/ Validado"),
    ("not_received", "Não Recebido"),
    ("otc", "OTC"),
    ("offshore", "OFFSHORE"),
    ("", "N/A"),
];

/// The first number that their database gave to a row of the history.
const FIRST_LOAD_ID: usize = 2_311_732;

type Input = BTreeMap<String, Value>;
type OutputRow = Vec<Option<String>>;

#[derive(Deserialize)]
struct Published {
    as_of: String,
    inputs: BTreeMap<String, Vec<Input>>,
    expected: BTreeMap<String, Output>,
}

#[derive(Deserialize)]
struct Output {
    columns: Vec<String>,
    rows: Option<Vec<OutputRow>>,
    row_count: Option<usize>,
}

/// A row of their input, read field by field.
struct Reading<'a>(&'a Input, &'a Dictionary);

impl Reading<'_> {
    fn value(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        }
    }

    fn symbol(&self, name: &str) -> Symbol {
        self.value(name).map_or(Symbol::NONE, |text| self.1.intern(&text))
    }

    fn amount(&self, name: &str) -> Amount {
        self.value(name).map_or(Amount::NONE, |text| Amount::parse(&text, &NumberFormat::default()).unwrap())
    }

    fn date(&self, name: &str) -> Date {
        self.value(name).map_or(Date::NONE, |text| Date::parse(&text, "%Y-%m-%d").unwrap())
    }

    fn time(&self, name: &str) -> Timestamp {
        self.value(name).map_or(Timestamp::NONE, |text| time(&text))
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.value(name).map(|text| text == "1")
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text, "%Y-%m-%d %H:%M:%S").unwrap()
}

/// Their rows as records.
fn records(published: &Published, dictionary: &Dictionary) -> Vec<Record> {
    let rows = |table: &str| published.inputs[table].iter().map(|row| Reading(row, dictionary));
    let mut records: Vec<Record> = Vec::new();
    records.extend(rows("TB_ENQ_DE_PARA_COD_ATIVO").map(|row| {
        let (id, name) = (row.symbol("codTipoAtivo"), row.symbol("descricao"));
        Arc::new(AssetType { id, name, ..AssetType::default() }).into()
    }));
    records.extend(rows("TB_ENQ_PL_SNAPSHOT").map(|row| {
        Arc::new(FundAum {
            fund: row.symbol("cgePortfolio"),
            name: row.symbol("nomeFundo"),
            manager: row.symbol("nomeGestor"),
            investor_class: row.symbol("publicoAlvo"),
            fund_class: row.symbol("descClasseCvm"),
            aum: row.amount("pl"),
            position_date: row.date("dataPosicao"),
            loaded_at: row.time("dt_carga"),
            ..FundAum::default()
        })
        .into()
    }));
    records.extend(rows("TB_ENQ_PL_HISTORICO").enumerate().map(|(number, row)| {
        Arc::new(FundAumDay {
            fund: row.symbol("cgePortfolio"),
            aum_date: row.date("data"),
            opening_aum: row.amount("patrimonio_abertura"),
            closing_aum: row.amount("patrimonio_fechamento"),
            load_id: Symbol::of(&(FIRST_LOAD_ID + number).to_string()),
            loaded_at: row.time("dt_carga"),
            ..FundAumDay::default()
        })
        .into()
    }));
    records.extend(rows("TB_ENQ_MARGEM_GESTOR_SNAPSHOT").map(|row| {
        Arc::new(MarginSubmission {
            fund: row.symbol("CgePortfolio"),
            name: row.symbol("NomePortfolio"),
            status: row.symbol("Status"),
            submitted_at: row.time("DataEnvio"),
            local_margin: row.amount("MargemLocal"),
            offshore_margin: row.amount("MargemOffshore"),
            loaded_at: row.time("dt_carga"),
            ..MarginSubmission::default()
        })
        .into()
    }));
    records.extend(rows("TB_ENQ_POSICOES_FUNDOS_EXPOSTOS").map(|row| {
        Arc::new(FundPosition {
            fund: row.symbol("CgePortfolio"),
            nickname: row.symbol("Nickname"),
            position_date: row.date("DataCarteira"),
            portfolio_date: row.date("dt_carteira"),
            classification: row.symbol("NmClassificacao"),
            asset_type: row.symbol("CodTipoAtivo"),
            notional: row.amount("notional"),
            value: row.amount("valorfinanceiro"),
            received_leg: row.amount("ValorSaldoAtivoSwap"),
            paid_leg: row.amount("ValorSaldoPassivoSwap"),
            loaded_at: row.time("dt_insercao"),
            ..FundPosition::default()
        })
        .into()
    }));
    records.extend(rows("TB_ENQ_EXPOSI_RISCO_SNAPSHOT").map(|row| {
        let (fund, origin) = (row.symbol("CgePortfolio"), row.symbol("origem"));
        Arc::new(FundExposure { fund, origin, loaded_at: row.time("dt_carga"), ..FundExposure::default() }).into()
    }));
    records.extend(rows("TB_ENQ_VALIDACAO_MARGEM").map(|row| {
        Arc::new(MarginValidation {
            fund: row.symbol("cge"),
            validated_at: row.time("data"),
            is_valid: row.flag("status_valid"),
            loaded_at: row.time("dt_carga"),
            ..MarginValidation::default()
        })
        .into()
    }));
    records.extend(rows("TB_ENQ_EXCECOES_MARGEM").map(|row| {
        let is_accepted = row.flag("status").unwrap_or(false);
        Arc::new(MarginException { fund: row.symbol("cge"), is_accepted, ..MarginException::default() }).into()
    }));
    records
}

/// A row of one of our views, read by its columns, as they would write it.
struct Ours<'a> {
    columns: BTreeMap<&'a str, String>,
}

impl Ours<'_> {
    fn text(&self, column: &str) -> Option<String> {
        let text = self.columns.get(column).unwrap_or_else(|| panic!("no column {column}"));
        (!text.is_empty()).then(|| text.clone())
    }

    /// With as many decimals as they keep: none is lost.
    fn number(&self, column: &str, decimals: usize) -> Option<String> {
        let text = self.text(column)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        assert!(fraction.len() <= decimals, "{column}: {text} has more than {decimals} decimals");
        Some(format!("{whole}.{fraction:0<decimals$}"))
    }

    fn time(&self, column: &str) -> Option<String> {
        self.text(column).map(|text| text.replace('T', " ").replace(".000000Z", ""))
    }

    fn day(&self, column: &str) -> Option<String> {
        self.text(column).map(|text| text[..10].to_owned())
    }

    fn flag(&self, column: &str) -> Option<String> {
        self.text(column).map(|text| if text == "true" { "1".to_owned() } else { "0".to_owned() })
    }

    fn word(&self, column: &str) -> Option<String> {
        let text = &self.columns[column];
        WORDS.iter().find(|(ours, _)| ours == text).map(|(_, theirs)| (*theirs).to_owned())
    }
}

struct Comparison {
    desk: Desk,
    today: Date,
    /// The time of the latest batch of each kind.
    batches: BTreeMap<String, String>,
}

impl Comparison {
    fn rows(&self, view: &str, row: impl Fn(&Ours<'_>) -> OutputRow) -> Vec<OutputRow> {
        let spec = self.desk.spec(view);
        let ours = |cells: Vec<String>| Ours {
            columns: spec.columns.iter().map(|column| column.name.as_str()).zip(cells).collect(),
        };
        self.desk.read(view).into_iter().map(|cells| row(&ours(cells))).collect()
    }

    fn batch(&self, kind: &str) -> Option<String> {
        Some(self.batches[kind].clone())
    }

    /// What one of their transforms gives, from our views: in the order of their columns. Columns that none of their inputs
    /// fills, and the number of a row in its load, are left out: they are given as null.
    fn output(&self, name: &str) -> Vec<OutputRow> {
        match name {
            "aum_consolidated_history.sql" => self.rows("aum_history", |own| {
                vec![
                    own.text("name"),
                    own.text("fund_class"),
                    own.text("load_id"),
                    own.text("fund"),
                    own.text("aum_date"),
                    own.number("opening_aum", 2),
                    own.number("closing_aum", 2),
                    own.time("loaded_at"),
                    Some("1".into()),
                    own.number("margin", 6),
                ]
            }),
            "margin_consolidated.sql" => self.margin_consolidated(),
            "positions_exterior_aggregation.sql" => self.rows("offshore_exposure", |own| {
                vec![own.text("fund"), own.text("position_date"), own.number("value", 6)]
            }),
            "positions_latest.sql" => self.rows("fund_positions", |own| {
                vec![
                    own.text("nickname"),
                    own.text("position_date"),
                    own.number("notional", 6),
                    own.text("fund"),
                    own.number("price", 6),
                    own.text("classification"),
                    own.number("quantity", 6),
                    own.text("classification_id"),
                    own.number("value", 6),
                    own.text("asset"),
                    own.text("isin"),
                    own.text("asset_type"),
                    own.text("portfolio_date"),
                    own.time("loaded_at"),
                    own.number("received_leg", 6),
                    own.number("paid_leg", 6),
                    Some("1".into()),
                ]
            }),
            "dim_asset_mapping.sql" => {
                self.rows("asset_types", |own| vec![own.text("asset_type"), own.text("name"), own.time("loaded_at")])
            }
            "fact_funds_aum_snapshot.sql" => self.rows("fund_aum", |own| self.fund_aum(own)),
            "fact_funds_exposure_snapshot.sql" => self.rows("fund_exposure_origins", |own| {
                vec![own.text("fund"), own.text("origin"), self.batch("fund_exposure")]
            }),
            "fact_manager_margin_snapshot.sql" => self.rows("margin_submissions", |own| {
                vec![
                    None,
                    self.batch("margin_submission"),
                    own.text("manager_id"),
                    own.time("submitted_at"),
                    own.text("status"),
                    own.text("tax_id"),
                    own.text("fund"),
                    own.text("name"),
                    own.number("local_margin", 6),
                    own.number("offshore_margin", 6),
                    own.text("methodology"),
                ]
            }),
            "fact_margin_exceptions.sql" => {
                self.rows("margin_exceptions", |own| vec![own.text("fund"), own.flag("is_accepted")])
            }
            "fact_margin_validation.sql" => self.rows("margin_validations", |own| {
                vec![
                    own.text("fund"),
                    own.text("name"),
                    own.text("manager"),
                    own.text("finding"),
                    own.time("validated_at"),
                    own.flag("is_valid"),
                    self.batch("margin_validation"),
                ]
            }),
            other => panic!("nothing is known of {other}"),
        }
    }

    fn margin_consolidated(&self) -> Vec<OutputRow> {
        let ranks = self.rows("margin_order", |own| vec![own.text("fund"), own.text("origin"), own.text("rank")]);
        let ranks: BTreeMap<_, _> =
            ranks.into_iter().map(|row| ((row[0].clone(), row[1].clone()), row[2].clone())).collect();
        self.rows("margin_status", |own| {
            let date = |column: &str| own.text(column).map(|text| Date::parse(&text, "%Y-%m-%d").unwrap());
            let left = date("due_date").and_then(|due| days_left(due, self.today));
            let effective = own.text("effective_date");
            let is = |column: &str| own.flag(column).as_deref() == Some("1");
            let written = |date: &String| format!("{}/{}/{}", &date[8..], &date[5..7], &date[..4]);
            vec![
                own.text("fund"),
                own.text("name"),
                own.text("fund_class"),
                own.text("manager"),
                own.text("investor_class"),
                own.number("aum", 2),
                own.text("origin"),
                effective.clone(),
                own.day("submitted_at"),
                own.text("validated_on"),
                own.number("local_margin", 2),
                own.number("offshore_margin", 2),
                own.text("period_days"),
                own.text("due_date"),
                left.map(|days| days.to_string()),
                own.word("deadline_status"),
                own.flag("is_submitted_by_validation"),
                own.flag("is_submitted"),
                own.flag("is_exposed"),
                own.number("margin", 2),
                own.word("exposure"),
                own.flag("is_valid"),
                own.flag("is_accepted"),
                own.word("receipt_status"),
                effective.as_ref().map(written),
                own.word("adjusted_deadline_status"),
                ranks[&(own.text("fund"), own.text("origin"))].clone(),
                self.batch("fund_aum"),
                self.batch("fund_exposure").filter(|_| is("is_exposed")),
                self.batch("margin_submission").filter(|_| is("is_submitted")),
            ]
        })
    }

    fn fund_aum(&self, own: &Ours<'_>) -> OutputRow {
        let mut cells = vec![None, self.batch("fund_aum"), None, None, own.text("fund"), None];
        cells.extend([own.text("position_date"), own.text("name"), own.text("tax_id"), own.text("manager_id")]);
        cells.extend(["manager", "investor_class", "portfolio_type", "association_class"].map(|name| own.text(name)));
        cells.push(own.flag("is_closed"));
        cells.extend(["restriction", "fund_class_id", "fund_class"].map(|name| own.text(name)));
        cells.push(own.number("aum", 2));
        let (ratios, risks) = model::FundFigures::NAMES.split_at(11);
        cells.extend(ratios.iter().map(|name| own.number(name, 6)));
        cells.push(own.text("criticality"));
        cells.extend(risks.iter().map(|name| own.number(name, 6)));
        cells
    }
}

/// The rows of a table of theirs that a `SELECT *` of its latest batch gives, in the columns of the output.
fn latest_of(published: &Published, table: &str, columns: &[String]) -> Vec<OutputRow> {
    let rows = &published.inputs[table];
    let loaded = |row: &Input| row.get("dt_carga").and_then(Value::as_str).map(str::to_owned);
    let last = rows.iter().filter_map(loaded).max();
    let known: BTreeSet<&String> = rows.iter().flat_map(BTreeMap::keys).collect();
    assert!(known.iter().all(|column| columns.contains(column)), "{table}: {known:?}");
    let cell = |row: &Input, column: &String| {
        let text = match row.get(column)? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_f64() => {
                // As many decimals as their table has for it.
                let decimals = if column == "pl" { 2 } else { 6 };
                let (whole, fraction) =
                    number.to_string().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
                format!("{whole}.{fraction:0<decimals$}")
            }
            other => other.to_string(),
        };
        Some(text)
    };
    let row = |row: &Input| columns.iter().map(|column| cell(row, column)).collect();
    rows.iter().filter(|row| loaded(row) == last).map(row).collect()
}

/// The table that a transform shows the latest batch of.
fn table_of(output: &str) -> Option<&'static str> {
    let tables = [
        ("dim_asset_mapping.sql", "TB_ENQ_DE_PARA_COD_ATIVO"),
        ("fact_funds_aum_snapshot.sql", "TB_ENQ_PL_SNAPSHOT"),
        ("fact_funds_exposure_snapshot.sql", "TB_ENQ_EXPOSI_RISCO_SNAPSHOT"),
        ("fact_manager_margin_snapshot.sql", "TB_ENQ_MARGEM_GESTOR_SNAPSHOT"),
        ("fact_margin_exceptions.sql", "TB_ENQ_EXCECOES_MARGEM"),
        ("fact_margin_validation.sql", "TB_ENQ_VALIDACAO_MARGEM"),
    ];
    tables.iter().find(|(name, _)| *name == output).map(|(_, table)| *table)
}

fn compare(name: &str, output: &Output, expected: &[OutputRow], ours: &[OutputRow]) -> usize {
    let sorted = |rows: &[OutputRow]| {
        let mut rows = rows.to_vec();
        rows.sort();
        rows
    };
    let (expected, ours) = (sorted(expected), sorted(ours));
    assert_eq!(ours.len(), expected.len(), "{name}: how many rows");
    let (mut values, mut apart) = (0, Vec::new());
    for (number, (expected, ours)) in expected.iter().zip(&ours).enumerate() {
        assert_eq!((expected.len(), ours.len()), (output.columns.len(), output.columns.len()), "{name}: columns");
        for (column, (expected, ours)) in output.columns.iter().zip(expected.iter().zip(ours)) {
            let difference = if expected == ours { "none" } else { "different" };
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            let (theirs, own) = (shown(expected), shown(ours));
            let line = format!("{name} row {} {column} | {theirs} | {own} | {difference}", number + 1);
            if std::env::var_os("TIEOUT_ROWS").is_some() {
                println!("{line}");
            }
            values += 1;
            if expected != ours {
                apart.push(line);
            }
        }
    }
    println!("{name}: {} rows, {} of {values} values agree", ours.len(), values - apart.len());
    assert!(apart.is_empty(), "{}", apart.join("\n"));
    values
}

#[test]
fn every_row_and_column_of_ten_transforms_comes_out() {
    let Some(path) = super::reference::path("portfolio/risk_capital/small.json") else { return };
    let published: Published = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let dictionary = Dictionary::new();
    let records = records(&published, &dictionary);
    let mut desk = Desk::start(RULES, &["administrator"], &dictionary, 2);
    desk.pass_to(time(&published.as_of).0 as Tick);
    desk.tick(&put_all(records));

    let mut batches = BTreeMap::new();
    for row in desk.read("margin_batches") {
        let [kind, _source, loaded_at, _rows] = row.as_slice() else { panic!("{row:?}") };
        // In the order of their time.
        batches.insert(kind.clone(), loaded_at.replace('T', " ").replace(".000000Z", ""));
    }
    let comparison = Comparison { desk, today: time(&published.as_of).date(), batches };
    let mut values = 0;
    for (name, output) in &published.expected {
        let expected = match (&output.rows, table_of(name)) {
            (Some(rows), _) => rows.clone(),
            (None, Some(table)) => latest_of(&published, table, &output.columns),
            (None, None) => panic!("{name} has no rows"),
        };
        assert_eq!(expected.len(), output.row_count.unwrap_or(expected.len()), "{name}");
        values += compare(name, output, &expected, &comparison.output(name));
    }
    assert_eq!((published.expected.len(), values), (10, 4056), "how many outputs and values are compared");
}
