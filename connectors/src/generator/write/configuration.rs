//! The configuration that reads the files of a generated day and reconciles them.

use super::columns::{self, Column, Dialect};
use super::table::extension;
use crate::files::Format;
use crate::generator::{DaySpec, FEES_TOLERANCE_CENTS, PRICE_TOLERANCE_BASIS_POINTS, SIDE_NAMES};

/// The fields in which faults are planted. Amounts that follow from them are left out: they would be broken twice.
const COMPARED: &str = r#"compare = ["quantity", "price", "side", "instrument", "currency", "fees", "settlement_date"]
"#;

/// How trades are matched: by the id they share, then blocks with their fills, then what one side tells without ids.
const TIERS: &str = r#"
[[reconciliation.trades.tier]]
kind = "identifier"
field = "execution_id"

[[reconciliation.trades.tier]]
kind = "aggregate"
by = ["block_id"]

[[reconciliation.trades.tier]]
kind = "economics"
fields = ["instrument", "side", "quantity", "price", "currency", "account", "settlement_date"]

[[reconciliation.trades.tier]]
kind = "tolerance"
by = ["instrument", "side", "quantity", "currency", "account", "settlement_date"]
"#;

/// The text of `tieout.toml`: one source for each file, relative to the folder it is in, and one reconciliation.
pub(super) fn text(spec: &DaySpec, format: Format) -> String {
    let mut text = format!("# A generated market day: {} trades on {}, seed {}.\n", spec.trades, spec.date, spec.seed);
    text.push_str("# The truth about them is in truth.csv.\n");
    for (side, number) in SIDE_NAMES.iter().zip(0..spec.sides) {
        let dialect = Dialect::of_side(number);
        push_source(&mut text, side, ("trade", columns::of_trades(dialect)), dialect, format);
        push_source(&mut text, side, ("allocation", columns::of_allocations(dialect)), dialect, format);
    }
    push_reconciliation(&mut text, &SIDE_NAMES[..usize::from(spec.sides)]);
    text
}

fn push_source(
    text: &mut String,
    side: &str,
    (record, columns): (&str, Vec<Column>),
    dialect: Dialect,
    format: Format,
) {
    let (name, extension) = (format!("{side}_{record}s"), extension(format));
    text.push_str(&format!(
        "\n[source.{name}]\nkind = \"files\"\npath = \"{name}.{extension}\"\nrecord = \"{record}\"\n"
    ));
    // Parquet has dates and times of its own.
    if format != Format::Parquet {
        if dialect == Dialect::Theirs {
            text.push_str("dates = [\"%Y%m%d\"]\n");
        }
        text.push_str("times = [\"%Y-%m-%dT%H:%M:%S%.fZ\"]\n");
    }
    let action = columns::action_name(dialect);
    text.push_str(&format!(
        "tombstone = {{ column = \"{action}\", values = [\"CANCEL\"] }}\n\n[source.{name}.columns]\n"
    ));
    for column in columns {
        if let Some(field) = column.source.field_name() {
            text.push_str(&format!("{field} = \"{}\"\n", column.name));
        }
    }
}

fn push_reconciliation(text: &mut String, sides: &[&str]) {
    text.push_str("\n[reconciliation.trades]\nsides = [\n");
    for side in sides {
        text.push_str(&format!("    {{ name = \"{side}\", sources = [\"{side}_trades\"] }},\n"));
    }
    text.push_str("]\n");
    text.push_str(COMPARED);
    text.push_str("\n[reconciliation.trades.allocations]\n");
    for side in sides {
        text.push_str(&format!("{side} = [\"{side}_allocations\"]\n"));
    }
    let price = PRICE_TOLERANCE_BASIS_POINTS.to_string();
    let fees = format!("{}.{:02}", FEES_TOLERANCE_CENTS / 100, FEES_TOLERANCE_CENTS % 100);
    for (field, measure, size) in [("price", "basis_points", price), ("fees", "absolute", fees)] {
        text.push_str(&format!("\n[[reconciliation.trades.tolerance]]\nfield = \"{field}\"\n{measure} = \"{size}\"\n"));
    }
    text.push_str(TIERS);
}
