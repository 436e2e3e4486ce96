//! The lineage of each view: a file a domain. A new view gets an entry beside its neighbours.

mod books;
mod exposure;
mod margin;
mod operations;
mod reconciliation;

use super::{Lineage, Step, Told};

const STEP: Step =
    Step { what: "", view: "", on: &[], group: None, except: None, when: &[], told: Told::Rows, then: &[] };

/// All lineages, domain by domain.
pub const LINEAGES: [&[Lineage]; 5] =
    [books::LINEAGES, exposure::LINEAGES, margin::LINEAGES, reconciliation::LINEAGES, operations::LINEAGES];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::{ColumnKind, ViewSpec};
    use model::{Dictionary, ExposureDimension};

    use super::super::{Of, When, lineages};
    use super::*;
    use crate::{DataflowsConfig, Graphs};

    /// The views of all domains.
    fn views() -> BTreeMap<String, ViewSpec> {
        let config: DataflowsConfig = toml::from_str("[books]\n[margin]\n").unwrap();
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
                Of::Same(own)
                | Of::SameOrMissing(own)
                | Of::SameIfKnown(own)
                | Of::From(own)
                | Of::To(own)
                | Of::DayBefore(own)
                | Of::InMonth(own)
                | Of::LastTo(own)
                | Of::LastBefore(own) => {
                    assert_eq!(kind(views, from, own), kind_there, "{from}.{own} and {}.{column}", step.view);
                }
                Of::SameAbove(own) | Of::ToAbove(own) | Of::LastToAbove(own) => {
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
                Of::Latest => assert!(matches!(kind_there, ColumnKind::Date | ColumnKind::Time)),
                Of::Missing => {}
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
        for when in step.when {
            let (When::Known(column) | When::Unknown(column) | When::Is(column, _) | When::Not(column, _)) = when;
            kind(views, from, column);
        }
        if let Some(group) = &step.group {
            let dimensions: Vec<&str> = match from {
                "margin_kpis" => MARGIN_DIMENSIONS.to_vec(),
                _ => ExposureDimension::ALL.iter().map(|dimension| dimension.code()).collect(),
            };
            assert_eq!(kind(views, from, group.dimension), ColumnKind::Text);
            for dimension in dimensions.into_iter().filter(|dimension| *dimension != group.all) {
                assert_eq!(kind(views, step.view, dimension), kind(views, from, group.value));
            }
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

    /// The dimensions of `margin_kpis`.
    const MARGIN_DIMENSIONS: [&str; 4] = ["fund_class", "investor_class", "manager", "exposure"];

    /// The views whose rows rest on no records.
    const UNTOLD: [&str; 1] = ["runs"];

    #[test]
    fn every_other_view_has_a_lineage_and_records_rest_on_nothing() {
        let told: BTreeMap<&str, &Lineage> = lineages().map(|lineage| (lineage.view, lineage)).collect();
        assert_eq!(told.len(), lineages().count());
        let untold: Vec<String> = views().into_keys().filter(|view| !told.contains_key(view.as_str())).collect();
        assert_eq!(untold, UNTOLD);
        let row = serde_json::json!({
            "id": "A", "security": "A", "benchmark": "A", "currency": "USD", "from_currency": "EUR", "to_currency": "USD",
            "price_date": "2026-01-06", "rate_date": "2026-01-06", "level_date": "2026-01-06",
            "sensitivity_date": "2026-01-06",
            "asset_type": "A", "fund": "A", "kind": "fund_aum", "record": "0123456789abcdef0123456789abcdef",
        });
        for lineage in lineages().filter(|lineage| lineage.view != "dead_letters") {
            let is_record = super::super::record_of(lineage.view, row.as_object().unwrap()).is_some();
            assert_eq!(lineage.steps.is_empty(), is_record, "{}", lineage.view);
        }
    }
}
