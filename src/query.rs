//! `tieout query`: a view as of a tick.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::Rows;
use model::Timestamp;
use sinks::client::{Client, Identification, ViewInfo};
use sinks::flight::Ticket;

use crate::output::{self, Format, Received};
use crate::process::{Failure, Outcome, block_on, tell};

const EXAMPLES: &str = r#"A row that the view holds twice is printed twice. Numbers are exact in every format.

Examples:
  tieout query breaks
  tieout query breaks --filter '{"severity": ["high", "critical"], "trade_date": {"ge": "2026-03-16"}}'
  tieout query break_summary --as-of 2026-03-16T09:31:00Z -o csv
  tieout query trades -o arrow | python -c 'import pyarrow as pa, sys; print(pa.ipc.open_stream(sys.stdin.buffer).read_all())'"#;

/// Which server is asked.
#[derive(Args)]
pub(crate) struct Server {
    /// The address of the server
    #[arg(long, env = "TIEOUT_ADDRESS", default_value = "grpc://127.0.0.1:8815")]
    address: String,
    /// The file with the token to show; else the environment variable TIEOUT_TOKEN is the token
    #[arg(long, env = "TIEOUT_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The certificates of the authorities to trust, in PEM; without it those of the system
    #[arg(long, env = "TIEOUT_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The certificate to show, in PEM, where the server wants one
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
}

impl Server {
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let identification = self.identification()?;
        Client::connect_as(&self.address, &identification).await.map_err(Failure::of_request)
    }

    fn identification(&self) -> Result<Identification, Failure> {
        let token = match &self.token_file {
            Some(path) => Some(String::from_utf8_lossy(&read(path)?).trim_end().to_owned()),
            // No option of its own: others on this machine could see it there.
            None => std::env::var("TIEOUT_TOKEN").ok().filter(|token| !token.is_empty()),
        };
        let certificate = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
            _ => None,
        };
        Ok(Identification { token, authorities: self.ca.as_deref().map(read).transpose()?, certificate })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        let what = format!("cannot read {}: {error}", path.display());
        let help = "give the path of a file that you may read";
        Failure::Usage(engine::EngineError::new(engine::ErrorKind::Invalid, what, help))
    })
}

/// Which rows of which view are asked for.
#[derive(Args)]
pub(crate) struct Asked {
    /// The view; `tieout views` lists them
    pub(crate) view: String,
    /// Read it as of this tick: a number, or a time such as 2026-03-16T09:31:00Z
    #[arg(long, value_name = "TICK")]
    as_of: Option<String>,
    /// Only these rows: a JSON object of column and value, list of values, or comparison (eq, ne, lt, le, gt, ge)
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
}

impl Asked {
    /// The ticket, with further keys of its own.
    pub(crate) fn ticket(&self, more: &[(&str, Option<serde_json::Value>)]) -> Result<Ticket, Failure> {
        let mut keys = serde_json::Map::new();
        keys.insert("view".to_owned(), self.view.as_str().into());
        keys.extend(self.as_of.as_deref().map(|tick| ("as_of".to_owned(), tick_of(tick))));
        if let Some(filter) = &self.filter {
            let filter = serde_json::from_str(filter).map_err(|error| not_a_filter(&error))?;
            keys.insert("filter".to_owned(), filter);
        }
        keys.extend(more.iter().filter_map(|(key, value)| Some(((*key).to_owned(), value.clone()?))));
        Ticket::parse(serde_json::Value::Object(keys).to_string().as_bytes()).map_err(Failure::of_request)
    }
}

/// A tick as a ticket has it: a number, or else a time.
pub(crate) fn tick_of(text: &str) -> serde_json::Value {
    text.parse::<u64>().map_or_else(|_| text.into(), Into::into)
}

/// The moment that a tick is.
pub(crate) fn moment_of(tick: engine::Tick) -> Timestamp {
    Timestamp::from_micros(i64::try_from(tick).unwrap_or(i64::MAX))
}

fn not_a_filter(error: &serde_json::Error) -> Failure {
    let help = r#"write JSON such as {"severity": "high"}, in single quotes for the shell"#;
    Failure::Usage(engine::EngineError::new(
        engine::ErrorKind::Invalid,
        format!("the filter is not JSON: {error}"),
        help,
    ))
}

/// Prints a view as of a tick
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Query {
    #[command(flatten)]
    asked: Asked,
    /// How to print it; a table on a terminal, else ndjson
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    /// Print at most this many rows
    #[arg(long, value_name = "ROWS")]
    limit: Option<usize>,
    #[command(flatten)]
    server: Server,
}

impl Query {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let ticket = self.asked.ticket(&[])?;
        let (received, tick, rows) = block_on(snapshot(&self.server, &ticket))?;
        let shown: Rows = rows.iter().take(self.limit.unwrap_or(usize::MAX)).cloned().collect();
        output::print_rows(&received.spec, &shown, self.output.unwrap_or_else(Format::usual))?;
        let of_all = if shown.len() < rows.len() { format!(" of {}", rows.len()) } else { String::new() };
        tell(format_args!("{}{of_all} rows as of tick {tick}, {}", shown.len(), moment_of(tick)));
        Ok(Outcome::Done)
    }
}

/// A view as of a tick, from a server.
pub(crate) async fn snapshot(server: &Server, ticket: &Ticket) -> Result<(Received, engine::Tick, Rows), Failure> {
    let client = server.connect().await?;
    let view = client.view(&ticket.view).await.map_err(Failure::of_request)?;
    read_view(&client, &view, ticket).await
}

/// A view of a server's catalogue as of a tick.
pub(crate) async fn read_view(
    client: &Client,
    view: &ViewInfo,
    ticket: &Ticket,
) -> Result<(Received, engine::Tick, Rows), Failure> {
    let (tick, batches) = client.snapshot(ticket).await.map_err(Failure::of_request)?;
    // At an earlier tick the view may have had other columns.
    let sent = batches.first().map_or_else(|| view.schema.clone(), |batch| batch.schema());
    let received = Received::new(&view.name, &sent, &view.key)?;
    let rows = batches.iter().map(|batch| received.rows(batch)).collect::<Result<Vec<_>, _>>()?;
    Ok((received, tick, rows.into_iter().flatten().collect()))
}
