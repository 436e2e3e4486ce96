//! `tieout subscribe`: a view and its changes, as they come.

use std::io;

use clap::Args;
use engine::EngineError;
use sinks::client::{Follow, Message, Messages};
use sinks::flight::Kind;

use crate::output::{ChangesFormat, ChangesWriter, Received};
use crate::process::{Failure, Outcome, block_on};
use crate::query::{Asked, Server, tick_of};

const EXAMPLES: &str = r#"Prints the rows of the view, and from then on every change: `_tick` says when, `_diff` how many times the row is added
or, below zero, taken away. Ticks come in order. When the connection is lost it is made again, and printing goes on
after the last whole tick, without a gap or a repetition. To go on later yourself, give the last tick that was printed
whole as --from-tick (--progress says which).

Examples:
  tieout subscribe breaks
  tieout subscribe breaks --filter '{"severity": "critical"}' --from-tick 1763712000000000
  tieout subscribe match_rates --up-to 2026-03-16T17:00:00Z -o csv > rates.csv"#;

/// Prints a view and then its changes, as they come
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Subscribe {
    #[command(flatten)]
    asked: Asked,
    /// Print only the changes after this tick
    #[arg(long, value_name = "TICK", conflicts_with = "as_of")]
    from_tick: Option<String>,
    /// End before this tick
    #[arg(long, value_name = "TICK")]
    up_to: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = ChangesFormat::Ndjson)]
    output: ChangesFormat,
    /// Also print how far the changes are complete: {"_progress": tick} (ndjson only)
    #[arg(long)]
    progress: bool,
    /// End with an error when the connection is lost
    #[arg(long)]
    no_reconnect: bool,
    #[command(flatten)]
    server: Server,
}

impl Subscribe {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        block_on(self.follow())
    }

    async fn follow(&self) -> Result<Outcome, Failure> {
        let tick = |text: &Option<String>| text.as_deref().map(tick_of);
        let more =
            [("subscribe", Some(true.into())), ("from_tick", tick(&self.from_tick)), ("up_to", tick(&self.up_to))];
        let ticket = self.asked.ticket(&more)?;
        let client = self.server.connect().await?;
        let view = client.view(&ticket.view).await.map_err(Failure::of_request)?;
        let received = Received::new(&view.name, &view.schema, &view.key)?;
        let output = io::BufWriter::new(io::stdout());
        let mut writer =
            ChangesWriter::new(self.output, &received.spec, &view.schema, output).map_err(Failure::of_output)?;
        let mut stream = if self.no_reconnect {
            Stream::Once(client.read(&ticket).await.map_err(Failure::of_request)?)
        } else {
            Stream::Lasting(Box::new(client.follow(ticket)))
        };
        while let Some(Message { metadata, batch }) = stream.next().await.map_err(Failure::of_request)? {
            if batch.num_rows() > 0 {
                let rows = received.rows(&batch)?;
                writer.write(&received.spec, metadata.tick, &rows, &batch).map_err(Failure::of_output)?;
            }
            if let Some(frontier) = metadata.frontier.filter(|_| self.progress && metadata.kind != Kind::Changes) {
                writer.progress(frontier).map_err(Failure::of_output)?;
            }
        }
        Ok(Outcome::Done)
    }
}

/// The messages of one connection, or of as many as it takes.
enum Stream {
    Once(Messages),
    Lasting(Box<Follow>),
}

impl Stream {
    async fn next(&mut self) -> Result<Option<Message>, EngineError> {
        match self {
            Stream::Once(messages) => messages.next().await,
            Stream::Lasting(follow) => follow.next().await,
        }
    }
}
