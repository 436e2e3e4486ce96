//! Checks: for each fund and each of its exposures, which margin was submitted and by when the next one is due. What
//! depends on the clock is told by [`deadlines`](super::deadlines).

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Key;
use model::{Amount, Date, FundAum, MarginSubmission, Record, Symbol, Timestamp};
use operators::derive::derive_rows;
use operators::group::Group;
use operators::{Arranged, Collection};
use serde::{Deserialize, Serialize};

use super::config::MarginRules;

/// The margin of a fund for one of its exposures.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarginCheck {
    /// The fund.
    pub fund: Symbol,
    /// What people call the fund.
    pub name: Symbol,
    /// Its class with the regulator.
    pub fund_class: Symbol,
    /// Its manager.
    pub manager: Symbol,
    /// Who may invest in it.
    pub investor_class: Symbol,
    /// Its assets under management.
    pub aum: Amount,
    /// Where the exposure comes from, in the words of the source; [`Symbol::NONE`] for a fund without one.
    pub origin: Symbol,
    /// The exposure that the origin makes; [`Symbol::NONE`] where it asks for no submission.
    pub exposure: Symbol,
    /// When the margin was submitted.
    pub submitted_at: Timestamp,
    /// The margin at home.
    pub local_margin: Amount,
    /// The margin abroad.
    pub offshore_margin: Amount,
    /// When the submission was last looked at.
    pub validated_on: Date,
    /// Whether it is right, if anybody said so.
    pub is_valid: Option<bool>,
    /// Whether the margin of the fund is taken as it is.
    pub is_accepted: bool,
    /// Calendar days from one submission to the next, where the exposure asks for them.
    pub period_days: Option<u16>,
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// There is no exposure, so nothing is expected.
    NotApplicable,
    /// Nothing came.
    NotReceived,
    /// It is there, and nobody found it right.
    ReceivedNotValidated,
    /// It is there, and validated or accepted.
    ReceivedValidated,
}

impl Receipt {
    /// Its name in the views.
    pub fn name(self) -> &'static str {
        match self {
            Receipt::NotApplicable => "not_applicable",
            Receipt::NotReceived => "not_received",
            Receipt::ReceivedNotValidated => "received_not_validated",
            Receipt::ReceivedValidated => "received_validated",
        }
    }
}

impl MarginCheck {
    /// Whether the fund is exposed to anything.
    pub fn is_exposed(&self) -> bool {
        !self.origin.is_none()
    }

    /// Whether the exposure asks for submissions.
    pub fn asks_for_submissions(&self) -> bool {
        !self.exposure.is_none()
    }

    /// Whether the margin was submitted.
    pub fn is_submitted(&self) -> bool {
        !self.submitted_at.is_none()
    }

    /// The day from which the period counts: of the submission, else of the validation, which cannot be without one.
    pub fn effective_date(&self) -> Date {
        if self.is_submitted() { self.submitted_at.date() } else { self.validated_on }
    }

    /// Whether only a validation says that something was submitted, where that is asked for.
    pub fn is_submitted_by_validation(&self) -> bool {
        !self.is_submitted() && !self.validated_on.is_none() && self.asks_for_submissions()
    }

    /// The last day on which the next submission is in time; [`Date::NONE`] where none is known.
    pub fn due_date(&self) -> Date {
        self.period_days.map_or(Date::NONE, |days| self.effective_date().add_days(days.into()))
    }

    /// The margin at home and abroad; what is not known counts nothing.
    pub fn margin(&self) -> Amount {
        let known = [self.local_margin, self.offshore_margin].into_iter().filter_map(Amount::scaled);
        Amount::from_scaled(known.fold(0, i128::saturating_add))
    }

    /// What became of the submission. A validation outweighs everything, whatever it found.
    pub fn receipt(&self) -> Receipt {
        let is_received = self.is_submitted() && self.is_exposed();
        if !self.validated_on.is_none() || self.is_accepted || is_received && self.is_valid == Some(true) {
            return Receipt::ReceivedValidated;
        }
        match (self.is_submitted(), self.is_exposed()) {
            (_, false) => Receipt::NotApplicable,
            (true, true) => Receipt::ReceivedNotValidated,
            (false, true) => Receipt::NotReceived,
        }
    }
}

/// The checks of all funds that are not left out.
pub fn of_funds<'scope>(
    by_fund: &Arranged<'scope, Key, Record>,
    rules: &Arc<MarginRules>,
) -> Collection<'scope, Arc<MarginCheck>> {
    let rules = Arc::clone(rules);
    derive_rows(by_fund, "margin checks", move |_fund, group, out| {
        of_fund(&rules, group).into_iter().for_each(|check| out.row(Arc::new(check)));
    })
}

/// The assets under management that count: those of the first source that tells them.
pub fn aum_of<'a>(group: Group<'a, '_, Record, isize>) -> Option<&'a FundAum> {
    group.iter().find_map(|(record, _)| if let Record::FundAum(aum) = record { Some(&**aum) } else { None })
}

/// The checks of one fund, from what is told of it: one for each of its exposures and submissions, and one at least. A
/// fund without assets under management has none.
pub fn of_fund(rules: &MarginRules, group: Group<'_, '_, Record, isize>) -> Vec<MarginCheck> {
    let Some(aum) = aum_of(group).filter(|aum| !rules.excludes(aum.manager)) else { return Vec::new() };
    let mut fund = MarginCheck {
        fund: aum.fund,
        name: aum.name,
        fund_class: aum.fund_class,
        manager: aum.manager,
        investor_class: aum.investor_class,
        aum: aum.aum,
        ..MarginCheck::default()
    };
    let mut exposed = Vec::new();
    let mut submitted: BTreeMap<Timestamp, &MarginSubmission> = BTreeMap::new();
    for (record, _) in group {
        match record {
            Record::FundExposure(exposure) => exposed.push(exposure.origin),
            Record::MarginSubmission(submission) => {
                submitted.entry(submission.submitted_at).or_insert(submission);
            }
            Record::MarginValidation(validation) => {
                fund.validated_on = fund.validated_on.max(validation.validated_at.date());
                fund.is_valid = fund.is_valid.max(validation.is_valid);
            }
            Record::MarginException(exception) => fund.is_accepted |= exception.is_accepted,
            _ => {}
        }
    }
    exposed.sort_unstable();
    exposed.dedup();
    if exposed.is_empty() {
        exposed.push(Symbol::NONE);
    }
    let submitted: Vec<Option<&MarginSubmission>> =
        if submitted.is_empty() { vec![None] } else { submitted.into_values().map(Some).collect() };
    let pairs = exposed.iter().flat_map(|origin| submitted.iter().map(move |submission| (*origin, *submission)));
    pairs.map(|(origin, submission)| check(rules, fund.clone(), origin, submission)).collect()
}

fn check(rules: &MarginRules, fund: MarginCheck, origin: Symbol, submission: Option<&MarginSubmission>) -> MarginCheck {
    let exposure = rules.exposure(origin);
    MarginCheck {
        origin,
        exposure: exposure.map_or(Symbol::NONE, |exposure| exposure.name),
        period_days: exposure.and_then(|exposure| exposure.period_days(fund.investor_class)),
        submitted_at: submission.map_or(Timestamp::NONE, |own| own.submitted_at),
        local_margin: submission.map_or(Amount::NONE, |own| own.local_margin),
        offshore_margin: submission.map_or(Amount::NONE, |own| own.offshore_margin),
        ..fund
    }
}
