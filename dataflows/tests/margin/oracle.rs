//! The views of margin monitoring computed at once from all records and the time: in nested loops, with none of the code of
//! the pack. Rows are texts, as readers see them.

use std::collections::{BTreeMap, BTreeSet};

use model::{Amount, Date, Dictionary, FundAum, FundPosition, MarginSubmission, Record, SourceId, Symbol, Timestamp};

use super::kit::TextRow;
use super::world::{DAY_MICROSECONDS, LONG_MANAGER, SOURCES};

pub type Views = BTreeMap<&'static str, Vec<TextRow>>;

struct Oracle<'a> {
    records: &'a [Record],
    /// Those of the latest batches.
    latest: Vec<&'a Record>,
    dictionary: &'a Dictionary,
    now: i64,
}

/// All views at a time, rows in the order of their text.
pub fn views(records: &[Record], now: u64, dictionary: &Dictionary) -> Views {
    let mut last: BTreeMap<u16, Timestamp> = BTreeMap::new();
    for record in records {
        if let Some(at) = batch(record) {
            let own = last.entry(record.member()).or_insert(at);
            *own = at.max(*own);
        }
    }
    let latest = records.iter().filter(|record| batch(record).is_some_and(|at| last[&record.member()] == at));
    let oracle = Oracle { records, latest: latest.collect(), dictionary, now: now as i64 };
    let statuses = oracle.statuses();
    let mut views: Views = BTreeMap::from([
        ("asset_types", oracle.asset_types()),
        ("aum_history", oracle.aum_history()),
        ("fund_aum", oracle.fund_aum()),
        ("fund_exposure_origins", oracle.origins()),
        ("fund_exposures", oracle.exposures()),
        ("fund_positions", oracle.positions().into_iter().map(|own| oracle.position_row(own)).collect()),
        ("margin_batches", oracle.batches()),
        ("margin_exceptions", oracle.exceptions()),
        ("margin_kpis", oracle.kpis(&statuses)),
        ("margin_order", oracle.order(&statuses)),
        ("margin_status", statuses.iter().map(|status| oracle.status_row(status)).collect()),
        ("margin_submissions", oracle.submissions()),
        ("margin_validations", oracle.validations()),
        ("offshore_exposure", oracle.offshore()),
    ]);
    views.values_mut().for_each(|rows| rows.sort());
    views
}

fn batch(record: &Record) -> Option<Timestamp> {
    match record {
        Record::FundAum(own) => Some(own.loaded_at),
        Record::MarginSubmission(own) => Some(own.loaded_at),
        Record::FundExposure(own) => Some(own.loaded_at),
        Record::MarginValidation(own) => Some(own.loaded_at),
        _ => None,
    }
}

fn source(source: SourceId) -> String {
    SOURCES[usize::from(source.0)].to_owned()
}

fn amount(amount: Amount) -> String {
    amount.scaled().map_or(String::new(), decimal)
}

fn decimal(scaled: i128) -> String {
    let sign = if scaled < 0 { "-" } else { "" };
    let (whole, rest) = (scaled.abs() / 100_000_000, scaled.abs() % 100_000_000);
    format!("{sign}{whole}.{rest:08}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn time(time: Timestamp) -> String {
    // With all six digits of a second.
    let text = time.to_string();
    if text.is_empty() || text.contains('.') { text } else { text.replace('Z', ".000000Z") }
}

fn flag(flag: Option<bool>) -> String {
    flag.map_or(String::new(), |flag| flag.to_string())
}

fn month(date: Date) -> String {
    let text = date.to_string();
    if text.is_empty() { text } else { format!("{}-01", &text[..7]) }
}

/// A fund with one of its exposures and one of its submissions.
#[derive(Clone)]
struct Status {
    aum: FundAum,
    origin: Symbol,
    exposure: &'static str,
    submission: Option<MarginSubmission>,
    validated: Date,
    is_valid: Option<bool>,
    is_accepted: bool,
}

impl Status {
    fn submitted_at(&self) -> Timestamp {
        self.submission.as_ref().map_or(Timestamp::NONE, |own| own.submitted_at)
    }

    fn effective(&self) -> Date {
        let submitted = self.submitted_at().date();
        if submitted.is_none() { self.validated } else { submitted }
    }

    fn days(&self, dictionary: &Dictionary) -> Option<i32> {
        let class = dictionary.text(self.aum.investor_class);
        match (self.exposure, class.as_deref()) {
            ("otc", Some("Retail")) => Some(1),
            ("otc", Some("Qualified")) => Some(3),
            ("funds abroad, and more", _) => Some(2),
            _ => None,
        }
    }

    fn due(&self, dictionary: &Dictionary) -> Date {
        match self.days(dictionary) {
            Some(days) if !self.effective().is_none() => Date(self.effective().0 + days),
            _ => Date::NONE,
        }
    }

    fn deadline(&self, now: i64, dictionary: &Dictionary) -> &'static str {
        if self.exposure.is_empty() {
            return "not_applicable";
        }
        if self.effective().is_none() {
            return "not_submitted";
        }
        let due = self.due(dictionary);
        let today = now.div_euclid(DAY_MICROSECONDS);
        if !due.is_none() && today <= i64::from(due.0) { "on_time" } else { "overdue" }
    }

    fn receipt(&self) -> &'static str {
        let (is_sent, is_exposed) = (!self.submitted_at().is_none(), !self.origin.is_none());
        let is_found_right = is_sent && is_exposed && self.is_valid == Some(true);
        if !self.validated.is_none() || self.is_accepted || is_found_right {
            "received_validated"
        } else if is_sent && is_exposed {
            "received_not_validated"
        } else if is_exposed {
            "not_received"
        } else {
            "not_applicable"
        }
    }
}

impl Oracle<'_> {
    fn text(&self, symbol: Symbol) -> String {
        self.dictionary.text(symbol).map_or(String::new(), |text| text.to_string())
    }

    fn asset_types(&self) -> Vec<TextRow> {
        let row = |record: &Record| match record {
            Record::AssetType(own) => {
                Some(vec![source(own.source), self.text(own.id), self.text(own.name), time(own.loaded_at)])
            }
            _ => None,
        };
        self.records.iter().filter_map(row).collect()
    }

    fn fund_aum(&self) -> Vec<TextRow> {
        let row = |record: &&Record| match record {
            Record::FundAum(own) => {
                let mut row =
                    vec![source(own.source), self.text(own.fund), String::new(), String::new(), String::new()];
                row.push(self.text(own.manager));
                row.push(self.text(own.investor_class));
                row.extend(vec![String::new(); 3]);
                row.push(self.text(own.fund_class));
                row.extend(vec![String::new(); 4]);
                row.push(amount(own.aum));
                row.extend(vec![String::new(); 24]);
                Some(row)
            }
            _ => None,
        };
        self.latest.iter().filter_map(row).collect()
    }

    fn origins(&self) -> Vec<TextRow> {
        let row = |record: &&Record| match record {
            Record::FundExposure(own) => Some(vec![source(own.source), self.text(own.fund), self.text(own.origin)]),
            _ => None,
        };
        self.latest.iter().filter_map(row).collect()
    }

    fn submissions(&self) -> Vec<TextRow> {
        let row = |record: &&Record| match record {
            Record::MarginSubmission(own) => {
                let mut row = vec![source(own.source), self.text(own.fund), time(own.submitted_at)];
                row.extend(vec![String::new(); 5]);
                row.extend([amount(own.local_margin), amount(own.offshore_margin)]);
                Some(row)
            }
            _ => None,
        };
        self.latest.iter().filter_map(row).collect()
    }

    fn validations(&self) -> Vec<TextRow> {
        let row = |record: &&Record| match record {
            Record::MarginValidation(own) => {
                let mut row = vec![source(own.source), self.text(own.fund), time(own.validated_at)];
                row.extend(vec![String::new(); 3]);
                row.push(flag(own.is_valid));
                Some(row)
            }
            _ => None,
        };
        self.latest.iter().filter_map(row).collect()
    }

    fn exceptions(&self) -> Vec<TextRow> {
        let row = |record: &Record| match record {
            Record::MarginException(own) => {
                Some(vec![source(own.source), self.text(own.fund), own.is_accepted.to_string()])
            }
            _ => None,
        };
        self.records.iter().filter_map(row).collect()
    }

    fn batches(&self) -> Vec<TextRow> {
        let mut counts: BTreeMap<[String; 3], usize> = BTreeMap::new();
        for record in self.records {
            if let Some(at) = batch(record) {
                let name = [record.kind().to_owned(), source(record.source().unwrap()), time(at)];
                *counts.entry(name).or_default() += 1;
            }
        }
        counts.into_iter().map(|(name, count)| [name.to_vec(), vec![count.to_string()]].concat()).collect()
    }

    /// The funds of the latest batches, as their first source has them.
    fn funds(&self) -> Vec<FundAum> {
        let mut funds: BTreeMap<Symbol, FundAum> = BTreeMap::new();
        for record in &self.latest {
            if let Record::FundAum(own) = record {
                let first = funds.entry(own.fund).or_insert_with(|| (**own).clone());
                if own.source < first.source {
                    *first = (**own).clone();
                }
            }
        }
        funds.into_values().collect()
    }

    fn statuses(&self) -> Vec<Status> {
        let mut statuses = Vec::new();
        for aum in self.funds() {
            if self.text(aum.manager) == LONG_MANAGER {
                continue;
            }
            let mut origins = BTreeSet::new();
            let mut submissions: BTreeMap<Timestamp, MarginSubmission> = BTreeMap::new();
            let (mut validated, mut is_valid, mut is_accepted) = (Date::NONE, None, false);
            for record in self.latest.iter().copied().chain(self.records) {
                match record {
                    Record::FundExposure(own) if own.fund == aum.fund && self.latest.contains(&record) => {
                        origins.insert(own.origin);
                    }
                    Record::MarginSubmission(own) if own.fund == aum.fund && self.latest.contains(&record) => {
                        let first = submissions.entry(own.submitted_at).or_insert_with(|| (**own).clone());
                        if own.source < first.source {
                            *first = (**own).clone();
                        }
                    }
                    Record::MarginValidation(own) if own.fund == aum.fund && self.latest.contains(&record) => {
                        validated = validated.max(own.validated_at.date());
                        is_valid = is_valid.max(own.is_valid);
                    }
                    Record::MarginException(own) if own.fund == aum.fund => is_accepted |= own.is_accepted,
                    _ => {}
                }
            }
            let origins = if origins.is_empty() { vec![Symbol::NONE] } else { origins.into_iter().collect() };
            let submissions: Vec<Option<MarginSubmission>> =
                if submissions.is_empty() { vec![None] } else { submissions.into_values().map(Some).collect() };
            for origin in origins {
                for submission in &submissions {
                    let exposure = match self.text(origin).as_str() {
                        "Forward" | "Swap" => "otc",
                        "Fund abroad" => "funds abroad, and more",
                        _ => "",
                    };
                    let (aum, submission) = (aum.clone(), submission.clone());
                    statuses.push(Status { aum, origin, exposure, submission, validated, is_valid, is_accepted });
                }
            }
        }
        statuses
    }

    fn status_row(&self, own: &Status) -> TextRow {
        let deadline = own.deadline(self.now, self.dictionary);
        let is_submitted = !own.submitted_at().is_none();
        let by_validation = !is_submitted && !own.validated.is_none() && !own.exposure.is_empty();
        let adjusted = if by_validation { "not_applicable" } else { deadline };
        let margins = own.submission.as_ref().map_or([Amount::NONE; 2], |own| [own.local_margin, own.offshore_margin]);
        let total: i128 = margins.iter().filter_map(|margin| margin.scaled()).sum();
        vec![
            self.text(own.aum.fund),
            self.text(own.origin),
            time(own.submitted_at()),
            String::new(),
            self.text(own.aum.fund_class),
            self.text(own.aum.manager),
            self.text(own.aum.investor_class),
            amount(own.aum.aum),
            own.exposure.to_owned(),
            own.validated.to_string(),
            own.effective().to_string(),
            amount(margins[0]),
            amount(margins[1]),
            decimal(total),
            own.days(self.dictionary).map_or(String::new(), |days| days.to_string()),
            own.due(self.dictionary).to_string(),
            deadline.to_owned(),
            adjusted.to_owned(),
            own.receipt().to_owned(),
            (!own.origin.is_none()).to_string(),
            is_submitted.to_string(),
            by_validation.to_string(),
            flag(own.is_valid),
            own.is_accepted.to_string(),
        ]
    }

    fn order(&self, statuses: &[Status]) -> Vec<TextRow> {
        let number = |status: &Status| self.text(status.aum.fund).parse().unwrap_or(u64::MAX);
        let mut ordered: Vec<&Status> = statuses.iter().collect();
        ordered
            .sort_by_key(|own| (own.effective(), number(own), self.text(own.aum.fund), own.origin, own.submitted_at()));
        let row = |(rank, own): (usize, &&Status)| {
            vec![
                self.text(own.aum.fund),
                self.text(own.origin),
                time(own.submitted_at()),
                (rank + 1).to_string(),
                own.effective().to_string(),
            ]
        };
        ordered.iter().enumerate().map(row).collect()
    }

    fn kpis(&self, statuses: &[Status]) -> Vec<TextRow> {
        // By group, then by fund.
        let mut groups: BTreeMap<[String; 2], BTreeMap<Symbol, Vec<&Status>>> = BTreeMap::new();
        for status in statuses {
            let values = [
                ("all", String::new()),
                ("fund_class", self.text(status.aum.fund_class)),
                ("investor_class", self.text(status.aum.investor_class)),
                ("manager", self.text(status.aum.manager)),
                ("exposure", status.exposure.to_owned()),
            ];
            for (dimension, value) in values {
                let funds = groups.entry([dimension.to_owned(), value]).or_default();
                funds.entry(status.aum.fund).or_default().push(status);
            }
        }
        let row = |(group, funds): ([String; 2], BTreeMap<Symbol, Vec<&Status>>)| {
            let count = |is: &dyn Fn(&Status) -> bool| {
                funds.values().filter(|statuses| statuses.iter().any(|status| is(status))).count()
            };
            let late = |own: &Status| matches!(own.deadline(self.now, self.dictionary), "overdue" | "not_submitted");
            let is_on_time = |statuses: &&Vec<&Status>| {
                !statuses.iter().any(|own| late(own))
                    && statuses.iter().any(|own| own.deadline(self.now, self.dictionary) == "on_time")
            };
            let received = count(&|own| own.receipt().starts_with("received"));
            let validated = count(&|own| own.receipt() == "received_validated");
            let share = (validated * 1_000_000).checked_div(received).map_or(String::new(), |millionths| {
                let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            });
            let counts = [
                funds.len(),
                count(&|own| !own.origin.is_none()),
                received,
                validated,
                count(&late),
                funds.values().filter(is_on_time).count(),
            ];
            [group.to_vec(), counts.map(|count| count.to_string()).to_vec(), vec![share]].concat()
        };
        groups.into_iter().map(row).collect()
    }

    fn aum_history(&self) -> Vec<TextRow> {
        let mut rows = Vec::new();
        for fund in self.funds() {
            let days = self.records.iter().filter_map(|record| match record {
                Record::FundAumDay(own) if own.fund == fund.fund && !own.aum_date.is_none() => Some(own),
                _ => None,
            });
            let months: BTreeSet<String> = days.clone().map(|own| month(own.aum_date)).collect();
            let name = [String::new(), self.text(fund.fund_class)];
            if months.is_empty() {
                let head = vec![self.text(fund.fund), String::new()];
                rows.push([head, name.to_vec(), vec![String::new(); 6]].concat());
            }
            for own_month in months {
                let last = days
                    .clone()
                    .filter(|own| month(own.aum_date) == own_month)
                    .max_by_key(|own| (own.aum_date, own.loaded_at, own.source))
                    .unwrap();
                let submitted = self.records.iter().filter_map(|record| match record {
                    Record::MarginSubmission(own)
                        if own.fund == fund.fund && month(own.submitted_at.date()) == own_month =>
                    {
                        Some(own)
                    }
                    _ => None,
                });
                let margin = submitted.max_by_key(|own| (own.submitted_at, own.loaded_at, own.source)).map(|own| {
                    let size = |margin: Amount| margin.scaled().unwrap_or(0).abs();
                    decimal(size(own.local_margin) + size(own.offshore_margin))
                });
                rows.push(
                    [
                        vec![self.text(fund.fund), own_month],
                        name.to_vec(),
                        vec![last.aum_date.to_string(), amount(last.opening_aum), amount(last.closing_aum)],
                        vec![margin.unwrap_or_default(), String::new(), time(last.loaded_at)],
                    ]
                    .concat(),
                );
            }
        }
        rows
    }

    fn all_positions(&self) -> Vec<&FundPosition> {
        fn position(record: &Record) -> Option<&FundPosition> {
            match record {
                Record::FundPosition(own) => Some(own.as_ref()),
                _ => None,
            }
        }
        self.records.iter().filter_map(position).collect()
    }

    fn positions(&self) -> Vec<&FundPosition> {
        let all = self.all_positions();
        let swap = self.dictionary.intern("Swap");
        let identity = |own: &FundPosition| {
            let figures = [own.notional, own.received_leg, own.paid_leg];
            let known = figures.iter().all(|figure| !figure.is_none()).then_some(figures);
            (own.fund, own.portfolio_date, own.nickname, (own.classification == swap).then_some(known))
        };
        let is_last_day = |own: &FundPosition| {
            !all.iter().any(|other| other.fund == own.fund && other.portfolio_date > own.portfolio_date)
        };
        let order = |own: &FundPosition| (own.loaded_at, own.source, own.clone());
        let is_newest =
            |own: &FundPosition| !all.iter().any(|other| identity(other) == identity(own) && order(other) > order(own));
        all.iter().copied().filter(|own| is_last_day(own) && is_newest(own)).collect()
    }

    fn position_row(&self, own: &FundPosition) -> TextRow {
        vec![
            self.text(own.fund),
            self.text(own.nickname),
            self.text(own.classification),
            amount(own.notional),
            amount(own.received_leg),
            amount(own.paid_leg),
            source(own.source),
            own.position_date.to_string(),
            own.portfolio_date.to_string(),
            String::new(),
            String::new(),
            self.text(own.asset_type),
            String::new(),
            String::new(),
            String::new(),
            amount(own.value),
            time(own.loaded_at),
        ]
    }

    fn exposures(&self) -> Vec<TextRow> {
        let mut groups: BTreeMap<[String; 2], [i128; 5]> = BTreeMap::new();
        for own in self.positions() {
            let sums = groups.entry([self.text(own.fund), self.text(own.classification)]).or_default();
            sums[0] += 1;
            for (sum, amount) in sums[1..].iter_mut().zip([own.notional, own.value, own.received_leg, own.paid_leg]) {
                *sum += amount.scaled().unwrap_or(0);
            }
        }
        let row = |(group, sums): ([String; 2], [i128; 5])| {
            [group.to_vec(), vec![sums[0].to_string()], sums[1..].iter().map(|sum| decimal(*sum)).collect()].concat()
        };
        groups.into_iter().map(row).collect()
    }

    fn offshore(&self) -> Vec<TextRow> {
        let all = self.all_positions();
        let order = |own: &FundPosition| (own.loaded_at, own.source, own.clone());
        let is_newest = |own: &FundPosition| {
            let is_same = |other: &FundPosition| {
                (other.fund, other.nickname, other.portfolio_date) == (own.fund, own.nickname, own.portfolio_date)
            };
            !all.iter().any(|other| is_same(other) && order(other) > order(own))
        };
        let is_option = |own: &FundPosition| {
            self.records.iter().any(|record| match record {
                Record::AssetType(asset) => asset.id == own.asset_type && self.text(asset.name) == "Option",
                _ => false,
            })
        };
        let counts = |own: &FundPosition| {
            let is_old = own.loaded_at < Timestamp(DAY_MICROSECONDS);
            let classification = self.text(own.classification);
            !is_option(own) && (classification == "Fund abroad" || classification == "Abroad" && is_old)
        };
        let mut months: BTreeMap<[String; 2], Vec<&FundPosition>> = BTreeMap::new();
        for own in all.iter().copied().filter(|own| is_newest(own) && counts(own)) {
            months.entry([self.text(own.fund), month(own.position_date)]).or_default().push(own);
        }
        let row = |(group, positions): ([String; 2], Vec<&FundPosition>)| {
            let last = positions.iter().map(|own| (own.position_date, own.loaded_at)).max().unwrap();
            let of_last = positions.iter().filter(|own| (own.position_date, own.loaded_at) == last);
            let known: Vec<i128> = of_last.filter_map(|own| own.value.scaled()).collect();
            let value = if known.is_empty() { String::new() } else { decimal(known.iter().sum()) };
            [group.to_vec(), vec![last.0.to_string(), value]].concat()
        };
        months.into_iter().map(row).collect()
    }
}
