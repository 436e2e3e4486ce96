//! What came of a run, for a person: each source's trades, the breaks by type, what was refused.

use std::collections::BTreeMap;
use std::fmt;

use engine::row::Shown;
use engine::{Cell, EngineError, Reader, Request, Row, Tick, ViewSpec};

use crate::output;

/// Rows of a view as of a tick, and their columns by name.
pub(crate) struct ViewRows {
    spec: ViewSpec,
    rows: Vec<Row>,
    reader: Reader,
}

impl ViewRows {
    /// Reads a view; `as_of` a tick, or now.
    pub(crate) async fn read(
        reader: &Reader,
        view: &str,
        as_of: Option<Tick>,
    ) -> Result<(Tick, ViewRows), EngineError> {
        let request = Request { view: view.to_owned(), as_of, ..Request::default() };
        let snapshot = reader.snapshot(&request).await?;
        let rows = snapshot.rows.into_iter().map(|(row, _)| row).collect();
        Ok((snapshot.tick, ViewRows { spec: reader.view(view)?.clone(), rows, reader: reader.clone() }))
    }

    /// Each row's cells in some columns, as texts.
    pub(crate) fn texts<'a, const N: usize>(&'a self, columns: [&'a str; N]) -> impl Iterator<Item = [String; N]> + 'a {
        let places = columns.map(|name| self.spec.column(name));
        self.rows
            .iter()
            .map(move |row| places.map(|place| place.map(|place| self.text(row, place)).unwrap_or_default()))
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The sum of a column of numbers over all rows.
    pub(crate) fn sum(&self, column: &str) -> u64 {
        self.rows.iter().map(|row| self.count(row, column)).sum()
    }

    /// A number of a row.
    fn count(&self, row: &Row, column: &str) -> u64 {
        match self.spec.column(column).map(|place| &row.cells()[place]) {
            Some(Cell::Int(count)) => u64::try_from(*count).unwrap_or(0),
            _ => 0,
        }
    }

    fn text(&self, row: &Row, place: usize) -> String {
        Shown { cell: &row.cells()[place], kind: self.spec.columns[place].kind, texts: self.reader.texts().as_ref() }
            .to_string()
    }
}

/// What came of one source in one reconciliation.
struct Counts {
    /// Reconciliation, the side that is reconciled with the anchor, source.
    names: [String; 3],
    trades: u64,
    matched: u64,
    broken: u64,
    duplicates: u64,
    refused: u64,
}

/// What came of a run, as of one tick.
pub(crate) struct Summary {
    tick: Tick,
    counts: Vec<Counts>,
    breaks: BTreeMap<String, u64>,
    books: Option<BooksSummary>,
    dead_letters: usize,
}

/// What came of portfolios, as of one tick.
struct BooksSummary {
    /// Portfolio, from, to, value, gain after fees, return since inception before fees and after, of which the last are percentages.
    portfolios: Vec<[String; 7]>,
    refused: usize,
    unvalued: usize,
}

impl BooksSummary {
    async fn read(reader: &Reader, tick: Tick) -> Result<Option<BooksSummary>, EngineError> {
        if reader.view("performance").is_err() {
            return Ok(None);
        }
        let (_, performance) = ViewRows::read(reader, "performance", Some(tick)).await?;
        let (_, refused) = ViewRows::read(reader, "refused_transactions", Some(tick)).await?;
        let (_, valuations) = ViewRows::read(reader, "valuations", Some(tick)).await?;
        let columns = [
            "portfolio",
            "period",
            "from",
            "to",
            "closing_value",
            "gain_net",
            "time_weighted_gross",
            "time_weighted_net",
        ];
        let since_inception = performance.texts(columns).filter(|[_, period, ..]| period == "si");
        let mut portfolios: Vec<[String; 7]> = since_inception
            .map(|[portfolio, _, from, to, value, gain, gross, net]| {
                [portfolio, from, to, cents(&value), cents(&gain), percent(&gross), percent(&net)]
            })
            .collect();
        portfolios.sort();
        let unvalued = valuations.texts(["status"]).filter(|[status]| matches!(status.as_str(), "UNVALUED" | "FAILED"));
        Ok(Some(BooksSummary { portfolios, refused: refused.len(), unvalued: unvalued.count() }))
    }
}

impl fmt::Display for BooksSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["portfolio", "from", "to", "value", "gain after fees", "return before fees", "after fees"];
        let is_number = [false, false, false, true, true, true, true];
        let rows = self.portfolios.iter().map(|row| row.to_vec());
        writeln!(f, "{}", output::table(&header, &is_number, rows))?;
        writeln!(f, "refused transactions: {}, positions without a value: {}", self.refused, self.unvalued)
    }
}

/// A number with two decimals at most.
fn cents(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, decimals)) => format!("{whole}.{}", &decimals[..decimals.len().min(2)]),
        None => number.to_owned(),
    }
}

fn percent(ratio: &str) -> String {
    ratio.parse::<f64>().map_or_else(|_| "-".to_owned(), |ratio| format!("{:.2} %", ratio * 100.0))
}

impl Summary {
    /// Reads it.
    pub(crate) async fn read(reader: &Reader) -> Result<Summary, EngineError> {
        let (tick, conservation) = ViewRows::read(reader, "conservation", None).await?;
        let (_, break_summary) = ViewRows::read(reader, "break_summary", Some(tick)).await?;
        let (_, dead_letters) = ViewRows::read(reader, "dead_letters", Some(tick)).await?;
        let mut breaks = BTreeMap::new();
        for (row, [break_type]) in break_summary.rows.iter().zip(break_summary.texts(["type"])) {
            *breaks.entry(break_type).or_default() += break_summary.count(row, "breaks");
        }
        let names = conservation.texts(["reconciliation", "side", "source"]);
        let counts = conservation.rows.iter().zip(names).map(|(row, names)| {
            let count = |column| conservation.count(row, column);
            Counts {
                names,
                trades: count("records_in") - count("refused"),
                matched: count("matched"),
                broken: count("broken"),
                duplicates: count("duplicate"),
                refused: count("refused"),
            }
        });
        let books = BooksSummary::read(reader, tick).await?;
        Ok(Summary { tick, counts: counts.collect(), breaks, books, dead_letters: dead_letters.len() })
    }

    /// The tick.
    pub(crate) fn tick(&self) -> Tick {
        self.tick
    }

    /// How many breaks there are.
    pub(crate) fn breaks(&self) -> u64 {
        self.breaks.values().sum()
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        let sum = |count: fn(&Counts) -> u64| self.counts.iter().map(count).sum();
        let (trades, matched) = (sum(|counts| counts.trades), sum(|counts| counts.matched));
        if let (true, Some(books)) = (self.counts.is_empty(), &self.books) {
            return format!("{} portfolios, {} refused transactions", books.portfolios.len(), books.refused);
        }
        format!("{trades} trades, {} matched, {} breaks", rate(matched, trades), self.breaks())
    }

    fn counts_table(&self) -> String {
        let header =
            ["reconciliation", "side", "source", "trades", "matched", "broken", "duplicates", "refused", "match rate"];
        let row = |counts: &Counts| {
            let numbers = [counts.trades, counts.matched, counts.broken, counts.duplicates, counts.refused]
                .map(|count| count.to_string());
            let names = counts.names.iter().cloned();
            names.chain(numbers).chain([rate(counts.matched, counts.trades)]).collect()
        };
        let is_number = std::array::from_fn::<bool, 9, _>(|column| column > 2);
        output::table(&header, &is_number, self.counts.iter().map(row))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(books) = &self.books {
            writeln!(f, "{books}")?;
            if self.counts.is_empty() {
                return writeln!(f, "dead letters: {}", self.dead_letters);
            }
        }
        let breaks = self.breaks.iter().map(|(break_type, count)| vec![break_type.clone(), count.to_string()]);
        let breaks = output::table(
            &["breaks", "count"],
            &[false, true],
            breaks.chain([vec!["total".to_owned(), self.breaks().to_string()]]),
        );
        write!(f, "{}\n{breaks}\ndead letters: {}\n", self.counts_table(), self.dead_letters)
    }
}

/// A share in per cent, rounded down: a rate never looks better than it is.
fn rate(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_rounded_down() {
        for (part, whole, expected) in
            [(0, 0, "-"), (1, 3, "33.33 %"), (99_999, 100_000, "99.99 %"), (5, 5, "100.00 %")]
        {
            assert_eq!(rate(part, whole), expected);
        }
    }
}
