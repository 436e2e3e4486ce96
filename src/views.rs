//! `tieout views`: the catalogue.

use clap::Args;
use engine::{Cell, Column, ColumnKind, Row, ViewSpec};

use crate::output::{self, Format};
use crate::process::{Failure, Outcome, block_on};
use crate::query::Server;

const EXAMPLES: &str = "\
Examples:
  tieout views
  tieout views --columns breaks
  tieout views -o json";

/// Lists the views of a server, or the columns of one
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ListViews {
    /// List the columns of this view
    #[arg(long, value_name = "VIEW")]
    columns: Option<String>,
    /// How to print it; a table on a terminal, else ndjson
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    #[command(flatten)]
    server: Server,
}

impl ListViews {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let (columns, rows) = block_on(self.listed())?;
        let columns = columns.iter().map(|name| Column::new(*name, ColumnKind::Text)).collect();
        let spec = ViewSpec { name: "views".to_owned(), about: String::new(), columns, key: vec![0] };
        let rows =
            rows.into_iter().map(|texts| (Row::new(texts.iter().map(Cell::text).collect::<Vec<_>>()), 1)).collect();
        output::print_rows(&spec, &rows, self.output.unwrap_or_else(Format::usual))?;
        Ok(Outcome::Done)
    }

    async fn listed(&self) -> Result<(&[&'static str], Vec<Vec<String>>), Failure> {
        let client = self.server.connect().await?;
        let Some(view) = &self.columns else {
            let views = client.views().await.map_err(Failure::of_request)?;
            let rows = views.into_iter().map(|view| vec![view.name, view.key.join(", "), view.about]);
            return Ok((&["view", "key", "about"], rows.collect()));
        };
        let view = client.view(view).await.map_err(Failure::of_request)?;
        let rows = view.schema.fields().iter().map(|field| vec![field.name().clone(), field.data_type().to_string()]);
        Ok((&["column", "type"], rows.collect()))
    }
}
