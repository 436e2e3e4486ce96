//! Books: what they are kept from, and what they are.

use super::STEP;
use crate::lineage::Of::{
    self, DayBefore, From, Is, Last, LastBefore, LastTo, LastToAbove, Same, SameAbove, SameOrMissing, To, ToAbove,
    True, Within,
};
use crate::lineage::{Except, Lineage, Step, Told, When};

/// Of records, and of the views of books.
pub(super) const LINEAGES: &[Lineage] = &[
    // What sources tell.
    Lineage {
        view: "transactions",
        tells: &["type", "trade_date", "quantity", "gross_amount", "currency"],
        steps: &[],
    },
    Lineage { view: "instruments", tells: &["name", "product", "currency"], steps: &[] },
    Lineage { view: "limits", tells: &["measure", "dimension", "group", "warning_level", "breach_level"], steps: &[] },
    Lineage { view: "portfolios", tells: &["name", "base_currency"], steps: &[] },
    Lineage { view: "prices", tells: &["price", "currency"], steps: &[] },
    Lineage { view: "fx_rates", tells: &["rate"], steps: &[] },
    Lineage { view: "benchmark_levels", tells: &["level"], steps: &[] },
    Lineage { view: "risk_free_rates", tells: &["annual_rate"], steps: &[] },
    Lineage { view: "sensitivities", tells: &["vega"], steps: &[] },
    // What the books say.
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
        steps: &[
            Step {
                what: "the transaction",
                view: "transactions",
                on: &[("portfolio", Same("portfolio")), ("id", Same("transaction"))],
                then: RATE_OF_TRANSACTION,
                ..STEP
            },
            PORTFOLIO,
            Step { told: Told::RowsAlone, ..POSITION },
        ],
    },
    Lineage {
        view: "refused_transactions",
        tells: &["what"],
        steps: &[
            Step {
                what: "the transaction",
                view: "transactions",
                on: &[("source", Same("source")), ("id", Same("transaction"))],
                then: &[
                    RATE_INTO_BASE,
                    RATE_INTO_CONFIGURED_BASE,
                    Step {
                        what: "the position that would have received",
                        view: "positions",
                        on: &[("portfolio", Same("portfolio")), ("security", Same("other_security"))],
                        ..STEP
                    },
                ],
                ..STEP
            },
            POSITION,
            PORTFOLIO,
        ],
    },
    Lineage {
        view: "income",
        tells: &["income", "expenses"],
        steps: &[
            Step { what: "the income of the month", on: &flows_of_month("income"), ..FLOWS_OF_MONTH },
            Step { what: "the expenses of the month", on: &flows_of_month("expense"), ..FLOWS_OF_MONTH },
            PORTFOLIO,
        ],
    },
    Lineage {
        view: "valuations",
        tells: &["status", "quantity", "price", "vega", "value_base"],
        steps: &[
            Step {
                what: "the position",
                view: "positions",
                on: &[
                    ("portfolio", Same("portfolio")),
                    ("security", Same("security")),
                    ("currency", SameOrMissing("cost_currency")),
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
            Step { except: Some(&INSTRUMENT_SAYS_CURRENCY), ..PRICES_SAY_CURRENCY },
            Step { except: Some(&INSTRUMENT_SAYS_CURRENCY), ..COSTS_SAY_CURRENCY },
            Step { when: &[When::Is("status", &["STALE"])], ..VALUATION_DAY },
            Step {
                what: "the sensitivity that says its vega",
                view: "sensitivities",
                on: &[("security", Same("security")), ("sensitivity_date", Same("vega_date"))],
                ..STEP
            },
            // What is dated later than the last day does not count, and is not what makes that day.
            Step { when: &[When::Known("vega_date"), When::Not("status", &["STALE"])], ..VALUATION_DAY },
        ],
    },
    Lineage {
        view: "valuation_day",
        tells: &[],
        steps: &[
            Step { what: "the prices of the day", view: "prices", on: &[("price_date", Same("date"))], ..COUNTED },
            Step { what: "the rates of the day", view: "fx_rates", on: &[("rate_date", Same("date"))], ..COUNTED },
            Step {
                what: "the transactions of the day that were booked",
                view: "transactions",
                on: &[("effective_date", Same("date"))],
                except: Some(&REFUSED_OF_ALL),
                // A position that comes along is put into the groups that it is in.
                then: &[POSITION, VALUATION],
                ..COUNTED
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
                on: &[("portfolio", Same("portfolio")), ("security", Same("security")), ("effective_date", To("date"))],
                except: Some(&REFUSED),
                then: RATE_OF_TRANSACTION,
                ..STEP
            },
            Step {
                what: "the corporate actions that had given it, and the position that they took from",
                on: &[
                    ("portfolio", Same("portfolio")),
                    ("other_security", Same("security")),
                    ("effective_date", To("date")),
                ],
                ..GIFTS
            },
            Step {
                what: "the last price up to the day",
                view: "prices",
                on: &[("security", Same("security")), ("currency", Same("currency")), ("price_date", LastTo("date"))],
                ..STEP
            },
            Step {
                what: "the last price before it, for what was there when it began",
                view: "prices",
                on: &[
                    ("security", Same("security")),
                    ("currency", Same("currency")),
                    ("price_date", LastBefore("date")),
                ],
                ..STEP
            },
            INSTRUMENT,
            Step { except: Some(&INSTRUMENT_SAYS_CURRENCY), ..PRICES_SAY_CURRENCY },
            Step { except: Some(&INSTRUMENT_SAYS_CURRENCY), ..COSTS_SAY_CURRENCY },
            PORTFOLIO,
            VALUATION_DAY,
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
                then: RATE_OF_DAY,
                ..STEP
            },
            Step {
                what: "what was held on the day",
                view: "position_timeseries",
                on: &[("portfolio", Same("portfolio")), ("date", Same("date"))],
                then: RATE_OF_DAY,
                ..STEP
            },
            Step {
                what: "what was held on the day before",
                view: "position_timeseries",
                on: &[("portfolio", Same("portfolio")), ("date", DayBefore("date"))],
                then: RATE_OF_DAY,
                ..STEP
            },
            Step {
                what: "the positions that the portfolio has had, of which some may not have been valued",
                view: "positions",
                on: &[("portfolio", Same("portfolio"))],
                then: &[INSTRUMENT, PRICES_SAY_CURRENCY, COSTS_SAY_CURRENCY],
                ..COUNTED
            },
            VALUATION_DAY,
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
                on: &[("portfolio", Same("portfolio")), ("effective_date", To("to"))],
                except: Some(&REFUSED_OF_PORTFOLIO),
                told: Told::Count,
                ..STEP
            },
            PORTFOLIO,
            VALUATION_DAY,
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
            Step { on: &[IN_PERIOD[0], IN_PERIOD[1], IN_PERIOD[2], ("security", Same("security"))], ..FLOWS_IN_PERIOD },
            // What no security explains is what all of them leave.
            Step { when: &[When::Unknown("security")], told: Told::Count, ..FLOWS_IN_PERIOD },
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
                what: "the days of the benchmark, which say that it is there",
                view: "portfolio_timeseries",
                on: &[("portfolio", Same("benchmark"))],
                told: Told::Count,
                ..STEP
            },
            Step { told: Told::Count, ..FLOWS_IN_PERIOD },
            Step {
                what: "the cash that came to the benchmark or left it within the period",
                on: &[("portfolio", Same("benchmark")), IN_PERIOD[1], IN_PERIOD[2]],
                told: Told::Count,
                ..FLOWS_IN_PERIOD
            },
            PORTFOLIO,
        ],
    },
    Lineage {
        view: "risk",
        tells: &["from", "to", "returns", "volatility", "max_drawdown", "sharpe", "beta"],
        steps: OF_RETURNS,
    },
    Lineage {
        view: "risk_rolling",
        tells: &["from", "return", "volatility", "max_drawdown", "sharpe", "beta"],
        steps: OF_RETURNS,
    },
    Lineage {
        view: "value_at_risk",
        tells: &["from", "to", "returns", "value_at_risk_historical", "expected_shortfall_historical"],
        steps: OF_RETURNS,
    },
];

const PORTFOLIO: Step = Step {
    what: "the portfolio, whose rules the books follow",
    view: "portfolios",
    on: &[("id", Same("portfolio"))],
    ..STEP
};

const COUNTED: Step = Step { told: Told::Count, ..STEP };

const INSTRUMENT: Step = Step {
    what: "the instrument",
    view: "instruments",
    on: &[("id", Same("security"))],
    then: &[
        Step {
            what: "its prices, as cash without any is worth one",
            view: "prices",
            on: &[("security", Same("id"))],
            when: &[When::Is("product", &["CASH"])],
            ..COUNTED
        },
        Step {
            what: "the transactions in it of all portfolios, on whose days cash is worth one",
            view: "transactions",
            on: &[("security", Same("id"))],
            except: Some(&REFUSED_OF_ALL),
            when: &[When::Is("product", &["CASH"])],
            then: &[POSITION],
            ..COUNTED
        },
    ],
    ..STEP
};

/// Where no instrument says in which currency a security is priced, the greatest of its prices does, else that of its costs.
const PRICES_SAY_CURRENCY: Step = Step {
    what: "its prices, which say in which currency it is priced, as no instrument does",
    view: "prices",
    on: &[("security", Same("security"))],
    ..COUNTED
};

const COSTS_SAY_CURRENCY: Step = Step {
    what: "the positions in it, whose costs say that where no price does",
    view: "positions",
    on: &[("security", Same("security"))],
    ..COUNTED
};

const INSTRUMENT_SAYS_CURRENCY: Except =
    Except { view: "instruments", on: &[("id", "security"), ("currency", "currency")], agree: &[] };

/// It is the day of whatever is dated last: so one record more may move it.
pub(super) const VALUATION_DAY: Step =
    Step { what: "the last day, up to which everything runs", view: "valuation_day", on: &[], ..STEP };

const RISK_FREE_OF_ANY: Step = Step {
    what: "the rates without risk up to its end, as the base currency is one of the configuration",
    view: "risk_free_rates",
    ..COUNTED
};

/// Of returns, and what they are compared with. A return of several days may begin before the first day that is asked for.
const OF_RETURNS: &[Step] = &[
    Step {
        what: "the days up to its end",
        view: "portfolio_timeseries",
        on: &[("portfolio", Same("portfolio")), ("date", To("to"))],
        ..COUNTED
    },
    Step {
        what: "the portfolio, which says its currency and its benchmark",
        then: &[
            Step {
                what: "the levels of the benchmark up to its end",
                view: "benchmark_levels",
                on: &[("benchmark", Same("benchmark")), ("level_date", ToAbove("to"))],
                ..COUNTED
            },
            Step {
                what: "the rates without risk up to its end",
                view: "risk_free_rates",
                on: &[("currency", Same("base_currency")), ("rate_date", ToAbove("to"))],
                ..COUNTED
            },
            Step { on: &[("rate_date", ToAbove("to"))], when: &[When::Unknown("base_currency")], ..RISK_FREE_OF_ANY },
        ],
        ..PORTFOLIO
    },
    Step { on: &[("rate_date", To("to"))], except: Some(&KNOWN_PORTFOLIO), ..RISK_FREE_OF_ANY },
    VALUATION_DAY,
];

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

const VALUATION: Step = Step { what: "what it is worth", view: "valuations", ..POSITION };

/// Where a transaction does not say its rate, it is the last one on or before its day into the base currency.
const RATE_OF_TRANSACTION: &[Step] = &[RATE_INTO_BASE, RATE_INTO_CONFIGURED_BASE];

const RATE_INTO_BASE: Step = Step {
    what: "its portfolio, for the base currency",
    view: "portfolios",
    on: &[("id", Same("portfolio"))],
    when: &[When::Unknown("fx_to_base")],
    told: Told::Through,
    then: &[
        Step {
            what: "the rate of its day, as it says none",
            view: "fx_rates",
            on: &[
                ("from_currency", SameAbove("currency")),
                ("to_currency", Same("base_currency")),
                ("rate_date", LastToAbove("effective_date")),
            ],
            ..STEP
        },
        Step {
            when: &[When::Unknown("base_currency")],
            on: &[("from_currency", SameAbove("currency")), ("rate_date", ToAbove("effective_date"))],
            ..RATES_INTO_ANY
        },
    ],
    ..STEP
};

/// Of a portfolio that is not known.
const RATE_INTO_CONFIGURED_BASE: Step = Step {
    on: &[("from_currency", Same("currency")), ("rate_date", To("effective_date"))],
    except: Some(&KNOWN_PORTFOLIO),
    when: &[When::Unknown("fx_to_base")],
    ..RATES_INTO_ANY
};

/// The last rate up to the day of a position, into the base currency of its portfolio.
const RATE_OF_DAY: &[Step] = &[
    Step {
        what: "its portfolio, for the base currency",
        view: "portfolios",
        on: &[("id", Same("portfolio"))],
        told: Told::Through,
        then: &[
            Step {
                what: "the last rate up to the day",
                view: "fx_rates",
                on: &[
                    ("from_currency", SameAbove("currency")),
                    ("to_currency", Same("base_currency")),
                    ("rate_date", LastToAbove("date")),
                ],
                ..STEP
            },
            Step {
                when: &[When::Unknown("base_currency")],
                on: &[("from_currency", SameAbove("currency")), ("rate_date", ToAbove("date"))],
                ..RATES_INTO_ANY
            },
        ],
        ..STEP
    },
    Step {
        on: &[("from_currency", Same("currency")), ("rate_date", To("date"))],
        except: Some(&KNOWN_PORTFOLIO),
        ..RATES_INTO_ANY
    },
];

/// Where no portfolio says its base currency, it is that of the configuration.
const RATES_INTO_ANY: Step = Step {
    what: "the rates of its currency up to its day, as the base currency is one of the configuration",
    view: "fx_rates",
    ..COUNTED
};

const KNOWN_PORTFOLIO: Except = Except { view: "portfolios", on: &[("id", "portfolio")], agree: &[] };

/// Transactions that could not be booked, of a security.
const REFUSED: Except = Except {
    view: "refused_transactions",
    on: &[("portfolio", "portfolio"), ("security", "security")],
    agree: &[("source", "source"), ("transaction", "id")],
};

/// Those that would have given the security: they stand under the one that they take from.
const REFUSED_GIFTS: Except = REFUSED_OF_PORTFOLIO;

const REFUSED_OF_PORTFOLIO: Except = Except { on: &[("portfolio", "portfolio")], ..REFUSED };

const REFUSED_OF_ALL: Except = Except { on: &[], ..REFUSED };

const POSITION_IN_PERIOD: Step = Step {
    what: "the position on the days of the period",
    view: "position_timeseries",
    on: &[("portfolio", Same("portfolio")), ("security", Same("security")), ("date", From("from")), ("date", To("to"))],
    told: Told::Count,
    ..STEP
};

const IN_PERIOD: [(&str, Of); 3] = [("portfolio", Same("portfolio")), ("date", From("from")), ("date", To("to"))];

const FLOWS_IN_PERIOD: Step = Step {
    what: "the cash that came to it or left it within the period",
    view: "cashflows",
    on: &IN_PERIOD,
    then: RATE_OF_DAY,
    ..STEP
};

const FLOWS_OF_MONTH: Step = Step { view: "cashflows", ..STEP };

const fn flows_of_month(class: &'static str) -> [(&'static str, Of); 5] {
    [
        ("portfolio", Same("portfolio")),
        ("security", Same("security")),
        ("currency", Same("currency")),
        ("class", Is(class)),
        ("date", Within("year", "month")),
    ]
}
