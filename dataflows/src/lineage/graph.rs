//! The lineage of each view. A new view gets an entry here.

use super::Of::{From, Is, Last, LastTo, LastToAbove, Same, SameAbove, SameOrMissing, To, True, Within};
use super::{Except, Lineage, Step, Told};

const STEP: Step = Step { what: "", view: "", on: &[], except: None, unless_known: None, told: Told::Rows, then: &[] };

/// All lineages.
pub const LINEAGES: [Lineage; 28] = [
    // What sources tell.
    Lineage {
        view: "transactions",
        tells: &["type", "trade_date", "quantity", "gross_amount", "currency"],
        steps: &[],
    },
    Lineage { view: "instruments", tells: &["name", "product", "currency"], steps: &[] },
    Lineage { view: "portfolios", tells: &["name", "base_currency"], steps: &[] },
    Lineage { view: "prices", tells: &["price", "currency"], steps: &[] },
    Lineage { view: "fx_rates", tells: &["rate"], steps: &[] },
    Lineage { view: "benchmark_levels", tells: &["level"], steps: &[] },
    Lineage { view: "risk_free_rates", tells: &["annual_rate"], steps: &[] },
    Lineage { view: "trades", tells: &["side", "trade_date", "quantity", "price"], steps: &[] },
    // Books.
    Lineage {
        view: "positions",
        tells: &["quantity", "cost_base", "realised_gain_base"],
        steps: &[
            Step {
                what: "the transactions of the security that were booked",
                view: "transactions",
                on: &[("portfolio", Same("portfolio")), ("security", Same("security"))],
                except: Some(&REFUSED),
                then: RATE_OF_TRANSACTION,
                ..STEP
            },
            GIFTS,
            PORTFOLIO,
        ],
    },
    Lineage {
        view: "lots",
        tells: &["quantity", "cost_base"],
        steps: &[
            Step {
                what: "the transaction that opened it",
                view: "transactions",
                on: &[("portfolio", Same("portfolio")), ("id", Same("lot"))],
                ..STEP
            },
            POSITION,
        ],
    },
    Lineage {
        view: "disposals",
        tells: &["quantity", "gain_base"],
        steps: &[
            Step {
                what: "the transaction that relieved it",
                view: "transactions",
                on: &[("portfolio", Same("portfolio")), ("id", Same("transaction"))],
                ..STEP
            },
            Step {
                what: "the transaction that opened it",
                view: "transactions",
                on: &[("portfolio", Same("portfolio")), ("id", Same("lot"))],
                ..STEP
            },
            POSITION,
        ],
    },
    Lineage {
        view: "cashflows",
        tells: &["class", "date", "amount", "currency"],
        steps: &[Step {
            what: "the transaction",
            view: "transactions",
            on: &[("portfolio", Same("portfolio")), ("id", Same("transaction"))],
            then: RATE_OF_TRANSACTION,
            ..STEP
        }],
    },
    Lineage {
        view: "refused_transactions",
        tells: &["what"],
        steps: &[
            Step {
                what: "the transaction",
                view: "transactions",
                on: &[("source", Same("source")), ("id", Same("transaction"))],
                ..STEP
            },
            POSITION,
        ],
    },
    Lineage {
        view: "income",
        tells: &["income", "expenses"],
        steps: &[
            Step { what: "the income of the month", on: &flows_of_month("income"), ..FLOWS_OF_MONTH },
            Step { what: "the expenses of the month", on: &flows_of_month("expense"), ..FLOWS_OF_MONTH },
        ],
    },
    Lineage {
        view: "valuations",
        tells: &["status", "quantity", "price", "value_base"],
        steps: &[
            Step {
                what: "the position",
                view: "positions",
                on: &[
                    ("portfolio", Same("portfolio")),
                    ("security", Same("security")),
                    ("currency", Same("cost_currency")),
                ],
                ..STEP
            },
            INSTRUMENT,
            Step {
                what: "the price",
                view: "prices",
                on: &[
                    ("security", Same("security")),
                    ("currency", Same("currency")),
                    ("price_date", Same("price_date")),
                ],
                ..STEP
            },
            Step {
                what: "the rate into base currency",
                view: "fx_rates",
                on: &[("from_currency", Same("currency")), ("to_currency", Same("base_currency")), ("rate_date", Last)],
                ..STEP
            },
        ],
    },
    Lineage {
        view: "concentration",
        tells: &["largest", "largest_weight"],
        steps: &[Step {
            what: "the positions with their values",
            view: "valuations",
            on: &[("portfolio", Same("portfolio"))],
            ..STEP
        }],
    },
    Lineage {
        view: "position_timeseries",
        tells: &["quantity", "price", "closing_value"],
        steps: &[
            Step {
                what: "the transactions of the security up to the day that were booked",
                view: "transactions",
                on: &[("portfolio", Same("portfolio")), ("security", Same("security")), ("trade_date", To("date"))],
                except: Some(&REFUSED),
                ..STEP
            },
            Step {
                what: "the corporate actions that had given it, and the position that they took from",
                on: &[
                    ("portfolio", Same("portfolio")),
                    ("other_security", Same("security")),
                    ("trade_date", To("date")),
                ],
                ..GIFTS
            },
            Step {
                what: "the last price up to the day",
                view: "prices",
                on: &[("security", Same("security")), ("currency", Same("currency")), ("price_date", LastTo("date"))],
                ..STEP
            },
            INSTRUMENT,
        ],
    },
    Lineage {
        view: "portfolio_timeseries",
        tells: &["opening_value", "opening_flow", "closing_flow", "closing_value"],
        steps: &[
            Step {
                what: "the flows of the day between the portfolio and the world",
                view: "cashflows",
                on: &[("portfolio", Same("portfolio")), ("date", Same("date")), ("is_portfolio_flow", True)],
                ..STEP
            },
            Step {
                what: "what was held on the day",
                view: "position_timeseries",
                on: &[("portfolio", Same("portfolio")), ("date", Same("date"))],
                then: RATE_OF_DAY,
                ..STEP
            },
        ],
    },
    Lineage {
        view: "performance",
        tells: &["from", "to", "opening_value", "closing_value", "time_weighted_net"],
        steps: &[
            Step {
                what: "the days of the period",
                view: "portfolio_timeseries",
                on: &[("portfolio", Same("portfolio")), ("date", From("from")), ("date", To("to"))],
                told: Told::Count,
                ..STEP
            },
            Step {
                what: "the flows of the period between the portfolio and the world",
                view: "cashflows",
                on: &[
                    ("portfolio", Same("portfolio")),
                    ("date", From("from")),
                    ("date", To("to")),
                    ("is_portfolio_flow", True),
                ],
                ..STEP
            },
            Step {
                what: "the transactions up to its end, which say what was held",
                view: "transactions",
                on: &[("portfolio", Same("portfolio")), ("trade_date", To("to"))],
                except: Some(&REFUSED_OF_PORTFOLIO),
                told: Told::Count,
                ..STEP
            },
            PORTFOLIO,
        ],
    },
    Lineage {
        view: "contribution",
        tells: &["from", "to", "opening_value", "closing_value", "flows", "contribution_gross"],
        steps: &[
            Step {
                what: "the return of the portfolio that it is a part of",
                view: "performance",
                on: &[("portfolio", Same("portfolio")), ("period", Same("period"))],
                ..STEP
            },
            POSITION_IN_PERIOD,
            FLOWS_IN_PERIOD,
        ],
    },
    Lineage {
        view: "attribution",
        tells: &["from", "to", "weight", "benchmark_weight", "allocation", "selection", "interaction"],
        steps: &[
            Step {
                what: "the return of the portfolio",
                view: "performance",
                on: &[("portfolio", Same("portfolio")), ("period", Same("period"))],
                ..STEP
            },
            Step {
                what: "the days of the portfolio",
                view: "portfolio_timeseries",
                on: &[("portfolio", Same("portfolio")), ("date", From("from")), ("date", To("to"))],
                told: Told::Count,
                ..STEP
            },
            Step {
                what: "the days of the benchmark",
                view: "portfolio_timeseries",
                on: &[("portfolio", Same("benchmark")), ("date", From("from")), ("date", To("to"))],
                told: Told::Count,
                ..STEP
            },
            PORTFOLIO,
        ],
    },
    // Reconciliations.
    Lineage {
        view: "matches",
        tells: &["tier", "status", "score"],
        steps: &[
            Step {
                what: "the trade of the anchor",
                view: "trades",
                on: &[("source", Same("source")), ("id", Same("trade_id"))],
                ..STEP
            },
            Step {
                what: "its counterpart",
                view: "trades",
                on: &[("source", Same("other_source")), ("id", Same("other_trade_id"))],
                ..STEP
            },
        ],
    },
    Lineage {
        view: "breaks",
        tells: &["type", "field", "severity", "left_value", "right_value"],
        steps: &[
            Step {
                what: "the trade that it is about, on every source that tells of it",
                view: "trades",
                on: &[("id", Same("trade_id"))],
                ..STEP
            },
            Step {
                what: "the other trade, on every source that tells of it",
                view: "trades",
                on: &[("id", Same("other_trade_id"))],
                ..STEP
            },
            Step {
                what: "the match",
                view: "matches",
                on: &[
                    ("reconciliation", Same("reconciliation")),
                    ("side", Same("side")),
                    ("trade_id", Same("trade_id")),
                    ("other_trade_id", Same("other_trade_id")),
                ],
                ..STEP
            },
        ],
    },
    Lineage {
        view: "break_summary",
        tells: &["breaks"],
        steps: &[Step {
            what: "the breaks",
            view: "breaks",
            on: &[
                ("reconciliation", Same("reconciliation")),
                ("side", Same("side")),
                ("type", Same("type")),
                ("counterparty", SameOrMissing("counterparty")),
                ("desk", SameOrMissing("desk")),
                ("trade_date", SameOrMissing("trade_date")),
            ],
            ..STEP
        }],
    },
    Lineage {
        view: "match_rates",
        tells: &["trades", "paired", "matched"],
        steps: &[Step {
            what: "the trades",
            view: "trades",
            on: &[("source", Same("source")), ("trade_date", SameOrMissing("trade_date"))],
            told: Told::RowsAlone,
            ..STEP
        }],
    },
    Lineage {
        view: "conservation",
        tells: &["records_in", "matched", "broken"],
        steps: &[
            Step { what: "the trades", view: "trades", on: &[("source", Same("source"))], told: Told::Count, ..STEP },
            Step {
                what: "the records that were refused",
                view: "dead_letters",
                on: &[("source", Same("source"))],
                told: Told::RowsAlone,
                ..STEP
            },
        ],
    },
    // The engine's own.
    Lineage { view: "dead_letters", tells: &["line", "field", "what"], steps: &[] },
    Lineage {
        view: "source_progress",
        tells: &["records", "refused"],
        steps: &[Step {
            what: "the records that were refused",
            view: "dead_letters",
            on: &[("source", Same("source")), ("partition", Same("partition"))],
            told: Told::RowsAlone,
            ..STEP
        }],
    },
];

const PORTFOLIO: Step = Step {
    what: "the portfolio, whose rules the books follow",
    view: "portfolios",
    on: &[("id", Same("portfolio"))],
    ..STEP
};

const INSTRUMENT: Step = Step { what: "the instrument", view: "instruments", on: &[("id", Same("security"))], ..STEP };

const GIFTS: Step = Step {
    what: "the corporate actions that gave it, and the position that they took from",
    view: "transactions",
    on: &[("portfolio", Same("portfolio")), ("other_security", Same("security"))],
    except: Some(&REFUSED_GIFTS),
    then: &[Step {
        what: "the position that it took from",
        view: "positions",
        on: &[("portfolio", Same("portfolio")), ("security", Same("security"))],
        ..STEP
    }],
    ..STEP
};

const POSITION: Step = Step {
    what: "the position that it belongs to",
    view: "positions",
    on: &[("portfolio", Same("portfolio")), ("security", Same("security"))],
    ..STEP
};

/// Where a transaction does not say its rate, it is the last one on or before its day into the base currency.
const RATE_OF_TRANSACTION: &[Step] = &[Step {
    what: "its portfolio, for the base currency",
    view: "portfolios",
    on: &[("id", Same("portfolio"))],
    unless_known: Some("fx_to_base"),
    told: Told::Through,
    then: &[Step {
        what: "the rate of its day, as it says none",
        view: "fx_rates",
        on: &[
            ("from_currency", SameAbove("currency")),
            ("to_currency", Same("base_currency")),
            ("rate_date", LastToAbove("trade_date")),
        ],
        ..STEP
    }],
    ..STEP
}];

/// The last rate up to the day of a position, into the base currency of its portfolio.
const RATE_OF_DAY: &[Step] = &[Step {
    what: "its portfolio, for the base currency",
    view: "portfolios",
    on: &[("id", Same("portfolio"))],
    told: Told::Through,
    then: &[Step {
        what: "the last rate up to the day",
        view: "fx_rates",
        on: &[
            ("from_currency", SameAbove("currency")),
            ("to_currency", Same("base_currency")),
            ("rate_date", LastToAbove("date")),
        ],
        ..STEP
    }],
    ..STEP
}];

/// Transactions that could not be booked, of a security.
const REFUSED: Except = Except {
    view: "refused_transactions",
    on: &[("portfolio", "portfolio"), ("security", "security")],
    agree: &[("source", "source"), ("transaction", "id")],
};

/// Those that would have given the security: they stand under the one that they take from.
const REFUSED_GIFTS: Except = REFUSED_OF_PORTFOLIO;

const REFUSED_OF_PORTFOLIO: Except = Except { on: &[("portfolio", "portfolio")], ..REFUSED };

const POSITION_IN_PERIOD: Step = Step {
    what: "the position on the days of the period",
    view: "position_timeseries",
    on: &[("portfolio", Same("portfolio")), ("security", Same("security")), ("date", From("from")), ("date", To("to"))],
    told: Told::Count,
    ..STEP
};

const FLOWS_IN_PERIOD: Step = Step {
    what: "the cash that came to it or left it within the period",
    view: "cashflows",
    on: &[("portfolio", Same("portfolio")), ("security", Same("security")), ("date", From("from")), ("date", To("to"))],
    ..STEP
};

const FLOWS_OF_MONTH: Step = Step { view: "cashflows", ..STEP };

const fn flows_of_month(class: &'static str) -> [(&'static str, super::Of); 5] {
    [
        ("portfolio", Same("portfolio")),
        ("security", Same("security")),
        ("currency", Same("currency")),
        ("class", Is(class)),
        ("date", Within("year", "month")),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::{ColumnKind, ViewSpec};
    use model::Dictionary;

    use super::super::Of;
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
        for lineage in &LINEAGES {
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
        let told: BTreeMap<&str, &Lineage> = LINEAGES.iter().map(|lineage| (lineage.view, lineage)).collect();
        assert_eq!(told.len(), LINEAGES.len());
        let untold: Vec<String> = views().into_keys().filter(|view| !told.contains_key(view.as_str())).collect();
        let mut expected = UNTOLD;
        expected.sort_unstable();
        assert_eq!(untold, expected);
        let row = serde_json::json!({
            "id": "A", "security": "A", "benchmark": "A", "currency": "USD", "from_currency": "EUR", "to_currency": "USD",
            "price_date": "2026-01-06", "rate_date": "2026-01-06", "level_date": "2026-01-06",
        });
        for lineage in LINEAGES.iter().filter(|lineage| lineage.view != "dead_letters") {
            let is_record = super::super::record_of(lineage.view, row.as_object().unwrap()).is_some();
            assert_eq!(lineage.steps.is_empty(), is_record, "{}", lineage.view);
        }
    }
}
