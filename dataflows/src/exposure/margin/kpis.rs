//! How many funds are exposed, have submitted, are validated, are pending: over all, and by what funds have in common.
//!
//! A fund counts once in each group, however many exposures it has: it is pending there if any of them is.

use std::collections::BTreeMap;

use engine::{Cell, ColumnKind, Key, Row, ViewSpec, Views};
use model::Symbol;
use operators::derive::derive_sums;
use operators::sum_by::arrange_sums;
use operators::{Arranged, Sums};
use serde::{Deserialize, Serialize};

use super::checks::Receipt;
use super::deadlines::{DeadlineStatus, MarginStatus};
use crate::table::{spec, symbol_cell};

/// By what funds are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dimension {
    /// All of them.
    All,
    /// By the class with the regulator.
    FundClass,
    /// By who may invest.
    InvestorClass,
    /// By the manager.
    Manager,
    /// By the exposure that asks for submissions.
    Exposure,
}

impl Dimension {
    const ALL: [Dimension; 5] =
        [Dimension::All, Dimension::FundClass, Dimension::InvestorClass, Dimension::Manager, Dimension::Exposure];

    fn name(self) -> &'static str {
        match self {
            Dimension::All => "all",
            Dimension::FundClass => "fund_class",
            Dimension::InvestorClass => "investor_class",
            Dimension::Manager => "manager",
            Dimension::Exposure => "exposure",
        }
    }

    fn value(self, status: &MarginStatus) -> Symbol {
        match self {
            Dimension::All => Symbol::NONE,
            Dimension::FundClass => status.check.fund_class,
            Dimension::InvestorClass => status.check.investor_class,
            Dimension::Manager => status.check.manager,
            Dimension::Exposure => status.check.exposure,
        }
    }
}

/// What is counted, by its place in the sums.
mod counts {
    pub(super) const FUNDS: usize = 0;
    pub(super) const EXPOSED: usize = 1;
    pub(super) const RECEIVED: usize = 2;
    pub(super) const VALIDATED: usize = 3;
    pub(super) const PENDING: usize = 4;
    pub(super) const ON_TIME: usize = 5;
}

/// What is true of a fund in a group: a count is one where it is.
#[derive(Default)]
struct Facts([bool; 6]);

impl Facts {
    fn add(&mut self, status: &MarginStatus) {
        let receipt = status.check.receipt();
        let is_validated = receipt == Receipt::ReceivedValidated;
        let facts = [
            (counts::FUNDS, true),
            (counts::EXPOSED, status.check.is_exposed()),
            (counts::RECEIVED, is_validated || receipt == Receipt::ReceivedNotValidated),
            (counts::VALIDATED, is_validated),
            (counts::PENDING, status.deadline.is_pending()),
            (counts::ON_TIME, status.deadline == DeadlineStatus::OnTime),
        ];
        facts.into_iter().for_each(|(count, is_true)| self.0[count] |= is_true);
    }

    /// A fund that is late for one exposure is not in time.
    fn counted(&self) -> impl Iterator<Item = usize> + '_ {
        let is_counted = |count: &usize| self.0[*count] && !(*count == counts::ON_TIME && self.0[counts::PENDING]);
        (0..self.0.len()).filter(is_counted)
    }
}

/// Registers `margin_kpis`.
pub fn register<'scope>(statuses: &Arranged<'scope, Key, MarginStatus>, views: &mut Views) {
    let counted = derive_sums(statuses, "margin counted", |_fund, group, out| {
        let mut facts: BTreeMap<(Dimension, Symbol), Facts> = BTreeMap::new();
        for (status, _) in group {
            for dimension in Dimension::ALL {
                facts.entry((dimension, dimension.value(status))).or_default().add(status);
            }
        }
        for (name, facts) in &facts {
            facts.counted().for_each(|count| out.add(*name, count, 1));
        }
    });
    let sums = arrange_sums(counted, "margin kpis", |name: &(Dimension, Symbol)| *name);
    views.sums(view(), &sums, |(dimension, value), sums| row(*dimension, *value, sums));
}

fn row(dimension: Dimension, value: Symbol, sums: &Sums) -> Row {
    let count = |index: usize| Cell::Int(i64::try_from(sums.0[index]).unwrap_or(i64::MAX));
    // In millionths, rounded down: a share never looks better than it is.
    let share = |part: usize, of: usize| {
        if sums.0[of] > 0 { Cell::fixed(sums.0[part] * 1_000_000 / sums.0[of]) } else { Cell::Null }
    };
    Row::new([
        Cell::text(dimension.name()),
        symbol_cell(value),
        count(counts::FUNDS),
        count(counts::EXPOSED),
        count(counts::RECEIVED),
        count(counts::VALIDATED),
        count(counts::PENDING),
        count(counts::ON_TIME),
        share(counts::VALIDATED, counts::RECEIVED),
    ])
}

fn view() -> ViewSpec {
    use ColumnKind::{Fixed, Int, Text};
    let columns = [
        ("dimension", Text),
        ("value", Text),
        ("funds", Int),
        ("exposed", Int),
        ("received", Int),
        ("validated", Int),
        ("pending", Int),
        ("on_time", Int),
        ("validated_share", Fixed(6)),
    ];
    spec("margin_kpis", "How many funds are exposed, have submitted, are validated, are pending.", &columns, 2)
}
