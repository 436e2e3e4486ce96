//! What a server says of one portfolio, at one tick.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::portfolio::review::{Reads, SECTIONS, Table, portfolio_column};
use dataflows::rule_error::nearest;
use engine::row::Shown;
use engine::{Cell, ColumnKind, ErrorKind, NoTexts, Tick};
use model::Date;
use sinks::client::{Client, ViewInfo};
use sinks::flight::Ticket;

use super::review::foreign;
use super::write::failed;
use crate::process::{Failure, tell};
use crate::query::{self, Server, moment_of, tick_of};

/// How many portfolios are named where one is asked for that is not there.
const NAMED_MAX: usize = 10;

/// Reads all that the sections need. Views that the server does not have are left out, and that is told.
pub(super) async fn read(server: &Server, portfolio: &str, as_of: Option<&str>) -> Result<(Reads, Tick), Failure> {
    let client = server.connect().await?;
    let catalogue = client.views().await.map_err(Failure::of_request)?;
    let catalogue: BTreeMap<&str, &ViewInfo> = catalogue.iter().map(|view| (view.name.as_str(), view)).collect();
    let has_view = |view: &str| catalogue.contains_key(view);
    if !has_view("portfolios") {
        let help = "add a table [books] to its configuration, and sources of transactions";
        return Err(failed(ErrorKind::NotFound, "the server keeps no books of portfolios".to_owned(), help));
    }
    for section in SECTIONS.iter().filter(|section| !section.is_possible(has_view)) {
        tell(format_args!("the section `{}` is left out: the server has no view for it", section.name));
    }
    let possible = SECTIONS.iter().filter(|section| section.is_possible(has_view));
    let views: BTreeSet<&str> = possible.flat_map(|section| section.views).copied().collect();
    let mut at = as_of.map(tick_of);
    let (mut tables, mut tick) = (BTreeMap::new(), 0);
    for view in views.iter().filter_map(|view| catalogue.get(view)) {
        let filter = serde_json::json!({ portfolio_column(&view.name): portfolio });
        let table;
        (table, tick) = read_view(&client, view, at.as_ref(), Some(filter)).await?;
        // The first says which tick it is, and the others are read at the same.
        at = Some(tick.into());
        tables.insert(view.name.clone(), table);
    }
    let today = moment_of(tick).date();
    let last_day = last_day(&client, &catalogue, tick).await?;
    // Where nothing is dated yet, nothing is told of any day.
    let reads = Reads::new(portfolio, last_day.unwrap_or(today), tables);
    if !reads.is_known() {
        let known = portfolios(&client, &catalogue, tick).await?;
        return Err(unknown(portfolio, &known, today));
    }
    Ok((reads, tick))
}

/// The last day that the books know of.
async fn last_day(client: &Client, catalogue: &BTreeMap<&str, &ViewInfo>, tick: Tick) -> Result<Option<Date>, Failure> {
    let Some(view) = catalogue.get("valuation_day") else { return Ok(None) };
    let (table, _) = read_view(client, view, Some(&tick.into()), None).await?;
    let mut days = table.cells("date").map_err(|missing| foreign("overview", &missing))?;
    Ok(days.find_map(|cell| if let Cell::Date(days) = cell { Some(Date::from_days(*days)) } else { None }))
}

async fn read_view(
    client: &Client,
    view: &ViewInfo,
    at: Option<&serde_json::Value>,
    filter: Option<serde_json::Value>,
) -> Result<(Table, Tick), Failure> {
    let mut keys = serde_json::json!({ "view": view.name });
    if let Some(at) = at {
        keys["as_of"] = at.clone();
    }
    if let Some(filter) = filter {
        keys["filter"] = filter;
    }
    let ticket = Ticket::parse(keys.to_string().as_bytes()).map_err(Failure::of_request)?;
    let (received, tick, rows) = query::read_view(client, view, &ticket).await?;
    Ok((Table::of(&received.spec, &rows), tick))
}

/// The names of all portfolios: those that a source tells of, and those that only have transactions.
async fn portfolios(
    client: &Client,
    catalogue: &BTreeMap<&str, &ViewInfo>,
    tick: Tick,
) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    for view in ["portfolios", "performance"].iter().filter_map(|view| catalogue.get(view)) {
        let (table, _) = read_view(client, view, Some(&tick.into()), None).await?;
        let cells = table.cells(portfolio_column(&view.name)).map_err(|missing| foreign("overview", &missing))?;
        names.extend(cells.map(|cell| Shown { cell, kind: ColumnKind::Text, texts: &NoTexts }.to_string()));
    }
    Ok(names)
}

fn unknown(portfolio: &str, known: &BTreeSet<String>, today: Date) -> Failure {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = match nearest(portfolio, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "the server knows no portfolio yet".to_owned(),
        None => {
            let more =
                if names.len() > NAMED_MAX { format!(" and {} more", names.len() - NAMED_MAX) } else { String::new() };
            format!("known: {}{more}", names[..names.len().min(NAMED_MAX)].join(", "))
        }
    };
    failed(ErrorKind::NotFound, format!("there is no portfolio `{portfolio}` as of {today}"), &help)
}
