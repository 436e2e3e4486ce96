//! Exposure: groups of positions, what they would lose, and the limits of both.

use super::STEP;
use super::books::VALUATION_DAY;
use crate::lineage::Of::{Is, Last, Missing, Same, SameAbove, SameIfKnown, SameOrMissing};
use crate::lineage::{Group, Lineage, Of, Step, Told, When};

/// Of exposures, stress and limits.
pub(super) const LINEAGES: &[Lineage] = &[
    Lineage {
        view: "exposures",
        tells: &["net", "gross", "weight", "positions", "positions_unvalued"],
        steps: &[
            IN_SCOPE[0],
            IN_SCOPE[1],
            IN_SCOPE[2],
            IN_SCOPE[3],
            Step {
                what: "all positions together, of which it is a part",
                view: "exposures",
                on: &[
                    ("scope", Same("scope")),
                    ("portfolio", SameOrMissing("portfolio")),
                    ("currency", SameOrMissing("currency")),
                    ("dimension", Is("total")),
                ],
                when: &[When::Not("dimension", &["total"])],
                told: Told::RowsAlone,
                ..STEP
            },
        ],
    },
    Lineage {
        view: "stress",
        tells: &["value_before", "value_after", "change", "positions", "positions_unvalued"],
        steps: &IN_SCOPE,
    },
    Lineage { view: "limit_usage", tells: &["status", "measure", "value", "breach_level", "why"], steps: OF_LIMIT },
    Lineage {
        view: "limit_breaches",
        tells: &["limit", "portfolio", "group", "measure", "value", "breach_level"],
        steps: OF_LIMIT,
    },
    Lineage {
        view: "limit_breach_history",
        tells: &["limit", "portfolio", "group", "measure", "value", "breach_level", "began", "ended"],
        steps: &[LIMIT, BREACH_NOW],
    },
    Lineage { view: "refused_limits", tells: &["what"], steps: &[LIMIT] },
];

/// The positions of a group, in the scope that the row is of.
const IN_SCOPE: [Step; 4] = [
    Step { when: &[IN_ONE_CURRENCY], ..OF_GROUP },
    Step { when: &[IN_ONE_CURRENCY, OF_PARENTS], group: None, on: &OF_ISSUER, ..OF_GROUP },
    Step { when: &[IN_ALL], on: &[], then: REPORTED, ..OF_GROUP },
    Step { when: &[IN_ALL, OF_PARENTS], group: None, on: &[OF_ISSUER[2], OF_ISSUER[3]], then: REPORTED, ..OF_GROUP },
];

const IN_ONE_CURRENCY: When = When::Not("scope", &["all"]);
const IN_ALL: When = When::Is("scope", &["all"]);
const OF_PARENTS: When = When::Is("dimension", &["ultimate_parent"]);

const OF_GROUP: Step = Step {
    what: "the positions of the group",
    view: "valuations",
    on: &[("portfolio", SameIfKnown("portfolio")), ("base_currency", SameOrMissing("currency"))],
    group: Some(Group { dimension: "dimension", value: "group", all: "total" }),
    ..STEP
};

/// An issuer behind which nobody is known to stand stands for itself.
const OF_ISSUER: [(&str, Of); 4] = [
    ("portfolio", SameIfKnown("portfolio")),
    ("base_currency", SameOrMissing("currency")),
    ("ultimate_parent", Missing),
    ("issuer", SameOrMissing("group")),
];

const REPORTED: &[Step] = &[Step {
    what: "the rate into the reporting currency",
    view: "fx_rates",
    on: &[("from_currency", Same("base_currency")), ("to_currency", SameAbove("currency")), ("rate_date", Last)],
    ..STEP
}];

const LIMIT: Step = Step {
    what: "the limit",
    view: "limits",
    on: &[("source", Same("source")), ("id", Same("limit"))],
    then: &[Step { when: &[When::Known("valid_from")], ..VALUATION_DAY }],
    ..STEP
};

/// Of what was: how it stands, if it is breached now. What it was made of then is read as of that tick.
const BREACH_NOW: Step = Step {
    what: "the breach, if it goes on",
    view: "limit_breaches",
    on: &[("breach_id", Same("breach_id"))],
    when: &[When::Unknown("ended")],
    ..STEP
};

/// Of how a limit stands: what it measures, and the whole that it is a share of.
const OF_LIMIT: &[Step] = &[
    LIMIT,
    Step {
        what: "what it measures",
        view: "exposures",
        on: &[
            ("scope", Same("scope")),
            ("portfolio", SameOrMissing("portfolio")),
            ("currency", SameOrMissing("base_currency")),
            ("dimension", Same("dimension")),
            ("group", SameOrMissing("group")),
        ],
        when: &[When::Not("measure", &["stress_loss", "value_at_risk", "hhi", "top_weight"])],
        ..STEP
    },
    Step {
        what: "what it measures",
        view: "stress",
        on: &[
            ("scenario", Same("scenario")),
            ("scope", Same("scope")),
            ("portfolio", SameOrMissing("portfolio")),
            ("currency", SameOrMissing("base_currency")),
            ("dimension", Same("dimension")),
            ("group", SameOrMissing("group")),
        ],
        when: &[When::Is("measure", &["stress_loss"])],
        ..STEP
    },
    Step {
        what: "what it measures, of which it takes the longest period",
        view: "value_at_risk",
        on: &[("portfolio", Same("portfolio"))],
        when: &[When::Is("measure", &["value_at_risk"])],
        ..STEP
    },
    Step {
        what: "what it measures",
        view: "concentration",
        on: &[("portfolio", Same("portfolio")), ("dimension", Same("dimension"))],
        when: &[When::Is("measure", &["hhi", "top_weight"])],
        ..STEP
    },
    Step {
        what: "all positions together",
        view: "exposures",
        on: &[
            ("scope", Same("scope")),
            ("portfolio", SameOrMissing("portfolio")),
            ("currency", SameOrMissing("base_currency")),
            ("dimension", Is("total")),
        ],
        told: Told::RowsAlone,
        ..STEP
    },
    Step {
        what: "the rate into the currency of its level",
        view: "fx_rates",
        on: &[("from_currency", Same("base_currency")), ("to_currency", Same("currency")), ("rate_date", Last)],
        ..STEP
    },
];
