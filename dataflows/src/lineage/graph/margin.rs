//! Margin: funds, what is told of them, and where their margin stands.
//!
//! What comes in batches is told of as its latest batch has it, without saying which that is: so its rows lead to the last
//! record of the kind, the source and the fund.

use super::STEP;
use crate::lineage::Of::{InMonth, Is, Latest, Same, SameOrMissing, To};
use crate::lineage::{Group, Lineage, Of, Step, Told};

/// Of margin monitoring.
pub(super) const LINEAGES: &[Lineage] = &[
    // What sources tell.
    Lineage { view: "fund_records", tells: &["about", "date", "loaded_at"], steps: &[] },
    Lineage { view: "asset_types", tells: &["name"], steps: &[] },
    Lineage { view: "margin_exceptions", tells: &["is_accepted"], steps: &[] },
    Lineage {
        view: "fund_aum",
        tells: &["name", "manager", "investor_class", "aum"],
        steps: &[Step {
            on: &[OF_SOURCE, OF_FUND, ("kind", Is("fund_aum")), ("loaded_at", Latest)],
            ..RECORD_OF_BATCH
        }],
    },
    Lineage {
        view: "fund_exposure_origins",
        tells: &[],
        steps: &[Step {
            on: &[
                OF_SOURCE,
                OF_FUND,
                ("kind", Is("fund_exposure")),
                ("about", SameOrMissing("origin")),
                ("loaded_at", Latest),
            ],
            ..RECORD_OF_BATCH
        }],
    },
    Lineage {
        view: "margin_submissions",
        tells: &["status", "local_margin", "offshore_margin"],
        steps: &[Step {
            on: &[
                OF_SOURCE,
                OF_FUND,
                ("kind", Is("margin_submission")),
                ("time", SameOrMissing("submitted_at")),
                ("loaded_at", Latest),
            ],
            ..RECORD_OF_BATCH
        }],
    },
    Lineage {
        view: "margin_validations",
        tells: &["finding", "is_valid"],
        steps: &[Step {
            on: &[
                OF_SOURCE,
                OF_FUND,
                ("kind", Is("margin_validation")),
                ("time", SameOrMissing("validated_at")),
                ("loaded_at", Latest),
            ],
            ..RECORD_OF_BATCH
        }],
    },
    Lineage {
        view: "margin_batches",
        tells: &["rows"],
        steps: &[Step {
            what: "its records",
            view: "fund_records",
            on: &[OF_SOURCE, ("kind", Same("kind")), ("loaded_at", SameOrMissing("loaded_at"))],
            ..STEP
        }],
    },
    // Whether margin is there, and in time.
    Lineage {
        view: "margin_status",
        tells: &["deadline_status", "receipt_status", "due_date", "margin"],
        steps: &[
            FUND,
            Step {
                what: "what it is exposed to",
                view: "fund_exposure_origins",
                on: &[OF_FUND, ("origin", SameOrMissing("origin"))],
                ..STEP
            },
            Step {
                what: "the submission",
                view: "margin_submissions",
                on: &[OF_FUND, ("submitted_at", SameOrMissing("submitted_at"))],
                ..STEP
            },
            Step { what: "the validations of the fund", view: "margin_validations", on: &[OF_FUND], ..STEP },
            Step { what: "whether its margin is taken as it is", view: "margin_exceptions", on: &[OF_FUND], ..STEP },
        ],
    },
    Lineage {
        view: "margin_order",
        tells: &["rank", "effective_date"],
        steps: &[
            Step {
                what: "the submission, or that there is none",
                view: "margin_status",
                on: &[OF_FUND, ("origin", SameOrMissing("origin")), ("submitted_at", SameOrMissing("submitted_at"))],
                ..STEP
            },
            Step {
                what: "itself and all that come before it",
                view: "margin_order",
                on: &[("rank", To("rank"))],
                told: Told::Count,
                ..STEP
            },
        ],
    },
    Lineage {
        view: "margin_kpis",
        tells: &["funds", "exposed", "received", "validated", "pending"],
        steps: &[Step {
            what: "the funds and exposures that are counted",
            view: "margin_status",
            on: &[],
            group: Some(Group { dimension: "dimension", value: "value", all: "all" }),
            told: Told::RowsAlone,
            ..STEP
        }],
    },
    // What funds are worth and hold.
    Lineage {
        view: "aum_history",
        tells: &["aum_date", "closing_aum", "margin"],
        steps: &[
            FUND,
            Step {
                what: "the last day of the month, as it was last loaded",
                view: "fund_records",
                on: &[
                    OF_FUND,
                    ("kind", Is("fund_aum_day")),
                    ("date", Same("aum_date")),
                    ("loaded_at", SameOrMissing("loaded_at")),
                ],
                ..STEP
            },
            Step {
                what: "the last submission of the month, in each batch that has it",
                view: "fund_records",
                on: &[OF_FUND, ("kind", Is("margin_submission")), ("date", InMonth("month")), ("time", Latest)],
                ..STEP
            },
        ],
    },
    Lineage {
        view: "offshore_exposure",
        tells: &["position_date", "value"],
        steps: &[
            Step {
                what: "the positions of the day",
                view: "fund_records",
                on: &[OF_FUND, ("kind", Is("fund_position")), ("date", Same("position_date"))],
                ..STEP
            },
            Step {
                what: "all positions of the fund, as later loads take the place of earlier ones",
                view: "fund_records",
                on: &[OF_FUND, ("kind", Is("fund_position"))],
                told: Told::Count,
                ..STEP
            },
            Step {
                what: "the asset types, of which options on an exchange do not count",
                view: "asset_types",
                on: &[],
                told: Told::Count,
                ..STEP
            },
        ],
    },
    Lineage {
        view: "fund_positions",
        tells: &["portfolio_date", "quantity", "value"],
        steps: &[Step {
            what: "its record",
            view: "fund_records",
            on: &[
                OF_SOURCE,
                OF_FUND,
                ("kind", Is("fund_position")),
                ("about", SameOrMissing("nickname")),
                ("date", SameOrMissing("position_date")),
                ("loaded_at", SameOrMissing("loaded_at")),
            ],
            ..STEP
        }],
    },
    Lineage {
        view: "fund_exposures",
        tells: &["positions", "notional", "value"],
        steps: &[Step {
            what: "the positions that are added up",
            view: "fund_positions",
            on: &[OF_FUND, ("classification", SameOrMissing("classification"))],
            ..STEP
        }],
    },
];

const OF_FUND: (&str, Of) = ("fund", Same("fund"));
const OF_SOURCE: (&str, Of) = ("source", Same("source"));

const FUND: Step = Step { what: "the fund", view: "fund_aum", on: &[OF_FUND], ..STEP };

const RECORD_OF_BATCH: Step = Step { what: "its record in the latest batch", view: "fund_records", ..STEP };
