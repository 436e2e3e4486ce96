//! The lineage of each view: a file a domain. A new view gets an entry beside its neighbours.

mod books;
mod operations;
mod reconciliation;

use super::{Lineage, Step, Told};

const STEP: Step = Step { what: "", view: "", on: &[], except: None, unless_known: None, told: Told::Rows, then: &[] };

/// All lineages, domain by domain.
pub const LINEAGES: [&[Lineage]; 3] = [books::LINEAGES, reconciliation::LINEAGES, operations::LINEAGES];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::{ColumnKind, ViewSpec};
    use model::Dictionary;

    use super::super::{Of, lineages};
    use super::*;
    use crate::{DataflowsConfig, Graphs};

    /// The views of books and of reconciliations.
    fn views() -> BTreeMap<String, ViewSpec> {
        let config: DataflowsConfig = toml::from_str("[books]\n").unwrap();
        let no_file = |path: &str| Err(format!("no file {path}"));
        let graphs = Graphs::new(&config, &["books".to_owned()], &Dictionary::new(), &no_file).unwrap();
        engine::catalogue(&graphs).into_iter().map(|view| (view.name.clone(), view)).collect()
    }

    fn kind(views: &BTreeMap<String, ViewSpec>, view: &str, column: &str) -> ColumnKind {
        let spec = views.get(view).unwrap_or_else(|| panic!("there is no view `{view}`"));
        let place = spec.column(column).unwrap_or_else(|| panic!("`{view}` has no column `{column}`"));
        spec.columns[place].kind
    }

    /// Each column that a step names is there, and is compared with one of its own kind.
    fn check(views: &BTreeMap<String, ViewSpec>, from: &str, above: Option<&str>, step: &Step) {
        for (column, of) in step.on {
            let kind_there = kind(views, step.view, column);
            match of {
                Of::Same(own) | Of::SameOrMissing(own) | Of::From(own) | Of::To(own) | Of::LastTo(own) => {
                    assert_eq!(kind(views, from, own), kind_there, "{from}.{own} and {}.{column}", step.view);
                }
                Of::SameAbove(own) | Of::LastToAbove(own) => {
                    let above = above.unwrap_or_else(|| panic!("nothing is above a first step: {}", step.what));
                    assert_eq!(kind(views, above, own), kind_there, "{above}.{own} and {}.{column}", step.view);
                }
                Of::Is(_) => assert_eq!(kind_there, ColumnKind::Text),
                Of::True => assert_eq!(kind_there, ColumnKind::Bool),
                Of::Within(year, month) => {
                    let kinds = (kind(views, from, year), kind(views, from, month), kind_there);
                    assert_eq!(kinds, (ColumnKind::Int, ColumnKind::Int, ColumnKind::Date));
                }
                Of::Last => assert_eq!(kind_there, ColumnKind::Date),
            }
        }
        if let Some(except) = step.except {
            except
                .on
                .iter()
                .for_each(|(there, own)| assert_eq!(kind(views, except.view, there), kind(views, from, own)));
            let agree =
                |(there, own): &(&str, &str)| assert_eq!(kind(views, except.view, there), kind(views, step.view, own));
            except.agree.iter().for_each(agree);
        }
        if let Some(column) = step.unless_known {
            kind(views, from, column);
        }
        step.then.iter().for_each(|then| check(views, step.view, Some(from), then));
    }

    #[test]
    fn every_step_leads_to_columns_that_are_there() {
        let views = views();
        for lineage in lineages() {
            for column in lineage.tells {
                kind(&views, lineage.view, column);
            }
            lineage.steps.iter().for_each(|step| check(&views, lineage.view, None, step));
        }
    }

    /// The views whose rows are not explained yet.
    const UNTOLD: [&str; 9] = [
        "runs",
        "exposures",
        "limit_breaches",
        "limit_usage",
        "refused_limits",
        "risk",
        "risk_rolling",
        "stress",
        "value_at_risk",
    ];

    #[test]
    fn every_other_view_has_a_lineage_and_records_rest_on_nothing() {
        let told: BTreeMap<&str, &Lineage> = lineages().map(|lineage| (lineage.view, lineage)).collect();
        assert_eq!(told.len(), lineages().count());
        let untold: Vec<String> = views().into_keys().filter(|view| !told.contains_key(view.as_str())).collect();
        let mut expected = UNTOLD;
        expected.sort_unstable();
        assert_eq!(untold, expected);
        let row = serde_json::json!({
            "id": "A", "security": "A", "benchmark": "A", "currency": "USD", "from_currency": "EUR", "to_currency": "USD",
            "price_date": "2026-01-06", "rate_date": "2026-01-06", "level_date": "2026-01-06",
        });
        for lineage in lineages().filter(|lineage| lineage.view != "dead_letters") {
            let is_record = super::super::record_of(lineage.view, row.as_object().unwrap()).is_some();
            assert_eq!(lineage.steps.is_empty(), is_record, "{}", lineage.view);
        }
    }
}
