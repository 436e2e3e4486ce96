//! Which transactions are cash flows, of what class, at which end of the day, and how large.
//!
//! | type | class | timing | flow of | amount |
//! |---|---|---|---|---|
//! | BUY | investment outflow | begin of day | position | −(gross + fees) |
//! | SELL, REDEMPTION | investment inflow | end of day | position | gross − fees |
//! | DIVIDEND, INTEREST | income | end of day | position | gross − fees |
//! | FEE | expense | end of day | position and portfolio | −(gross + fees) |
//! | TAX | expense | end of day | position | −(gross − fees) |
//! | TRANSFER_IN | transfer | begin of day | position and portfolio | gross − fees |
//! | TRANSFER_OUT | transfer | end of day | position and portfolio | −(gross − fees) |
//! | DEPOSIT | cash flow in | begin of day | position and portfolio | gross − fees |
//! | WITHDRAWAL | cash flow out | end of day | position and portfolio | −(gross − fees) |
//!
//! Amounts are given without a sign, and the direction says it: a gross amount below zero is refused, as is an expense of the
//! portfolio that comes in, so that net returns are never above gross ones.
//!
//! The other types have no flow unless the configuration gives them a rule. It may change any part of a rule:
//!
//! ```toml
//! [BUY]
//! accrued_interest = "added"        # bonds whose gross amount is clean
//! [FX_SPOT]
//! class = "investment_outflow"
//! timing = "begin_of_day"
//! direction = "by_side"
//! fees = "added"
//! position_flow = true
//! portfolio_flow = false
//! [TAX]
//! ignored = true
//! ```

use std::collections::BTreeMap;

use model::{Amount, Currency, Date, Side, Symbol, Transaction, TransactionType};
use serde::{Deserialize, Serialize};

use super::cost_basis::book::gross;
use super::cost_basis::money::is_bounded;
use super::refusal::{Needed, Refusal};
use crate::rule_error::{RuleError, unknown};

/// What kind of flow it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum FlowClass {
    InvestmentOutflow,
    InvestmentInflow,
    Income,
    Expense,
    CashflowIn,
    CashflowOut,
    Transfer,
}

/// Whether the return of the day already earns on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowTiming {
    /// It does.
    BeginOfDay,
    /// It does not.
    EndOfDay,
}

/// Which sign the flow has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowDirection {
    /// Above zero.
    Inflow,
    /// Below zero.
    Outflow,
    /// Below zero where the side is bought, above where it is sold.
    BySide,
}

/// What a charge does to the gross amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Nothing.
    #[default]
    Ignored,
    /// The flow is larger by it.
    Added,
    /// The flow is smaller by it.
    Deducted,
}

/// How a type of transaction flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CashFlowRule {
    /// What kind of flow it is.
    pub class: FlowClass,
    /// At which end of the day.
    pub timing: FlowTiming,
    /// Into which direction.
    pub direction: FlowDirection,
    /// What fees do to it.
    pub fees: Charge,
    /// What accrued interest does to it.
    pub accrued_interest: Charge,
    /// Whether it is a flow of the position, between it and the portfolio's cash.
    pub is_position_flow: bool,
    /// Whether it is a flow of the portfolio, between it and the world.
    pub is_portfolio_flow: bool,
}

/// A rule as it is configured: what is not given stays as it is in the table above.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CashFlowRuleConfig {
    /// The type has no flow.
    pub ignored: bool,
    /// What kind of flow it is.
    pub class: Option<FlowClass>,
    /// At which end of the day.
    pub timing: Option<FlowTiming>,
    /// Into which direction.
    pub direction: Option<FlowDirection>,
    /// What fees do to it.
    pub fees: Option<Charge>,
    /// What accrued interest does to it; nothing unless it is said.
    pub accrued_interest: Option<Charge>,
    /// Whether it is a flow of the position.
    pub position_flow: Option<bool>,
    /// Whether it is a flow of the portfolio.
    pub portfolio_flow: Option<bool>,
}

/// A flow of cash into a portfolio's books, in the currency of the transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CashFlow {
    /// The transaction that flows.
    pub transaction: Symbol,
    /// Its portfolio.
    pub portfolio: Symbol,
    /// Its security.
    pub security: Symbol,
    /// The day it flows, in UTC.
    pub date: Date,
    /// How much: above zero where cash comes in.
    pub amount: Amount,
    /// The currency of the amount.
    pub currency: Currency,
    /// What kind of flow it is.
    pub class: FlowClass,
    /// At which end of the day.
    pub timing: FlowTiming,
    /// Whether it is a flow of the position.
    pub is_position_flow: bool,
    /// Whether it is a flow of the portfolio.
    pub is_portfolio_flow: bool,
}

/// The rules of all types of transaction that flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashFlowRules(BTreeMap<TransactionType, CashFlowRule>);

#[rustfmt::skip]
const USUAL: [(TransactionType, FlowClass, FlowTiming, FlowDirection, Charge, bool, bool); 11] = {
    use {Charge::*, FlowClass::*, FlowDirection::*, FlowTiming::*, TransactionType as T};
    // type, class, timing, direction, fees, flow of the position, flow of the portfolio
    [
        (T::Buy,         InvestmentOutflow, BeginOfDay, Outflow, Added,    true, false),
        (T::Sell,        InvestmentInflow,  EndOfDay,   Inflow,  Deducted, true, false),
        (T::Redemption,  InvestmentInflow,  EndOfDay,   Inflow,  Deducted, true, false),
        (T::Dividend,    Income,            EndOfDay,   Inflow,  Deducted, true, false),
        (T::Interest,    Income,            EndOfDay,   Inflow,  Deducted, true, false),
        (T::Fee,         Expense,           EndOfDay,   Outflow, Added,    true, true),
        (T::Tax,         Expense,           EndOfDay,   Outflow, Deducted, true, false),
        (T::TransferIn,  Transfer,          BeginOfDay, Inflow,  Deducted, true, true),
        (T::TransferOut, Transfer,          EndOfDay,   Outflow, Deducted, true, true),
        (T::Deposit,     CashflowIn,        BeginOfDay, Inflow,  Deducted, true, true),
        (T::Withdrawal,  CashflowOut,       EndOfDay,   Outflow, Deducted, true, true),
    ]
};

impl Default for CashFlowRules {
    /// The table above.
    fn default() -> CashFlowRules {
        let rule = |(kind, class, timing, direction, fees, is_position_flow, is_portfolio_flow)| {
            let accrued_interest = Charge::Ignored;
            let rule =
                CashFlowRule { class, timing, direction, fees, accrued_interest, is_position_flow, is_portfolio_flow };
            (kind, rule)
        };
        CashFlowRules(USUAL.into_iter().map(rule).collect())
    }
}

impl CashFlowRules {
    /// The usual rules, changed as configured. `place` is where the configuration stands.
    pub fn new(configured: &BTreeMap<String, CashFlowRuleConfig>, place: &str) -> Result<CashFlowRules, RuleError> {
        let mut rules = CashFlowRules::default();
        for (name, config) in configured {
            let place = format!("{place}.{name}");
            let kind = TransactionType::parse(name).map_err(|_| {
                let known = TransactionType::ALL.iter().map(|kind| kind.code());
                unknown(&place, "transaction type", name, known)
            })?;
            if config.ignored {
                config.check_ignored(&place)?;
                rules.0.remove(&kind);
            } else {
                let rule = config.rule(rules.0.get(&kind).copied(), &place)?;
                rules.0.insert(kind, rule);
            }
        }
        Ok(rules)
    }

    /// The rule of a type; `None` where it does not flow.
    pub fn of(&self, kind: TransactionType) -> Option<&CashFlowRule> {
        self.0.get(&kind)
    }

    /// How a transaction flows; `None` where its type does not.
    pub fn flow(&self, transaction: &Transaction) -> Result<Option<CashFlow>, Refusal> {
        if transaction.transaction_type == TransactionType::Unknown {
            return Err(Refusal::UnknownType);
        }
        let Some(rule) = self.of(transaction.transaction_type) else { return Ok(None) };
        let date = transaction.effective_time().date();
        if date.is_none() {
            return Err(Refusal::Missing(Needed::TradeDate));
        }
        Ok(Some(CashFlow {
            transaction: transaction.id,
            portfolio: transaction.portfolio,
            security: transaction.security,
            date,
            amount: rule.amount(transaction)?,
            currency: transaction.currency,
            class: rule.class,
            timing: rule.timing,
            is_position_flow: rule.is_position_flow,
            is_portfolio_flow: rule.is_portfolio_flow,
        }))
    }
}

impl CashFlowRule {
    /// The amount with its sign.
    fn amount(&self, transaction: &Transaction) -> Result<Amount, Refusal> {
        let accrued = transaction.detail.as_ref().map_or(Amount::NONE, |detail| detail.accrued_interest);
        let charges = [(self.fees, transaction.fees), (self.accrued_interest, accrued)];
        let amount = charges.into_iter().try_fold(gross(transaction)?, |amount, (charge, by)| {
            let by = by.scaled().unwrap_or(0);
            match charge {
                Charge::Ignored => Some(amount),
                Charge::Added => amount.checked_add(by),
                Charge::Deducted => amount.checked_sub(by),
            }
        });
        let amount = amount.filter(|amount| is_bounded(*amount)).ok_or(Refusal::TooLarge)?;
        let amount = if self.is_outflow(transaction.side)? { -amount } else { amount };
        if self.is_portfolio_flow && self.class == FlowClass::Expense && amount > 0 {
            return Err(Refusal::ExpenseComesIn);
        }
        Ok(Amount::from_scaled(amount))
    }

    fn is_outflow(&self, side: Side) -> Result<bool, Refusal> {
        match (self.direction, side) {
            (FlowDirection::BySide, Side::Unknown) => Err(Refusal::Missing(Needed::Side)),
            (FlowDirection::BySide, side) => Ok(side == Side::Buy),
            (direction, _) => Ok(direction == FlowDirection::Outflow),
        }
    }
}

impl CashFlowRuleConfig {
    fn check_ignored(&self, place: &str) -> Result<(), RuleError> {
        if *self == (CashFlowRuleConfig { ignored: true, ..CashFlowRuleConfig::default() }) {
            return Ok(());
        }
        let what = "a type that is ignored has further settings";
        Err(RuleError::new(place, what, "leave out `ignored`, or all others"))
    }

    /// The rule: what is configured, else what `usual` says.
    fn rule(&self, usual: Option<CashFlowRule>, place: &str) -> Result<CashFlowRule, RuleError> {
        let missing = |key: &str| {
            let what = format!("`{key}` is not given, and the type has no usual rule to take it from");
            RuleError::new(place, what, "give class, timing, direction, fees, position_flow and portfolio_flow")
        };
        let or = |usual: Option<bool>, key| usual.ok_or_else(|| missing(key));
        Ok(CashFlowRule {
            class: self.class.or(usual.map(|rule| rule.class)).ok_or_else(|| missing("class"))?,
            timing: self.timing.or(usual.map(|rule| rule.timing)).ok_or_else(|| missing("timing"))?,
            direction: self.direction.or(usual.map(|rule| rule.direction)).ok_or_else(|| missing("direction"))?,
            fees: self.fees.or(usual.map(|rule| rule.fees)).ok_or_else(|| missing("fees"))?,
            accrued_interest: self.accrued_interest.or(usual.map(|rule| rule.accrued_interest)).unwrap_or_default(),
            is_position_flow: or(self.position_flow.or(usual.map(|rule| rule.is_position_flow)), "position_flow")?,
            is_portfolio_flow: or(self.portfolio_flow.or(usual.map(|rule| rule.is_portfolio_flow)), "portfolio_flow")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{NumberFormat, TransactionDetail};

    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text, &NumberFormat::default()).unwrap()
    }

    fn transaction(kind: TransactionType) -> Transaction {
        Transaction {
            transaction_type: kind,
            trade_date: Date::from_days(20_000),
            gross_amount: amount("1000"),
            fees: amount("5.5"),
            detail: Some(Arc::new(TransactionDetail { accrued_interest: amount("7"), ..TransactionDetail::default() })),
            ..Transaction::default()
        }
    }

    fn configured(text: &str) -> Result<CashFlowRules, RuleError> {
        CashFlowRules::new(&toml::from_str(text).unwrap(), "portfolio.cash_flow")
    }

    #[test]
    fn every_type_flows_as_the_table_says() {
        // The rules table and the formula of portfolio-analytics-system; a redemption is as a sale.
        let cases = [
            ("BUY", "investment_outflow", "begin_of_day", true, false, "-1005.5"),
            ("SELL", "investment_inflow", "end_of_day", true, false, "994.5"),
            ("REDEMPTION", "investment_inflow", "end_of_day", true, false, "994.5"),
            ("DIVIDEND", "income", "end_of_day", true, false, "994.5"),
            ("INTEREST", "income", "end_of_day", true, false, "994.5"),
            ("FEE", "expense", "end_of_day", true, true, "-1005.5"),
            ("TAX", "expense", "end_of_day", true, false, "-994.5"),
            ("TRANSFER_IN", "transfer", "begin_of_day", true, true, "994.5"),
            ("DEPOSIT", "cashflow_in", "begin_of_day", true, true, "994.5"),
            ("TRANSFER_OUT", "transfer", "end_of_day", true, true, "-994.5"),
            ("WITHDRAWAL", "cashflow_out", "end_of_day", true, true, "-994.5"),
        ];
        let rules = CashFlowRules::default();
        let name = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for (kind, class, timing, position, portfolio, value) in cases {
            let flow = rules.flow(&transaction(TransactionType::parse(kind).unwrap())).unwrap().unwrap();
            assert_eq!(name(serde_json::to_value(flow.class).unwrap()), class, "{kind}");
            assert_eq!(name(serde_json::to_value(flow.timing).unwrap()), timing, "{kind}");
            assert_eq!((flow.is_position_flow, flow.is_portfolio_flow), (position, portfolio), "{kind}");
            assert_eq!(flow.amount, amount(value), "{kind}");
            assert_eq!(flow.date, Date::from_days(20_000));
        }
        let flowing: Vec<&str> = cases.iter().map(|case| case.0).collect();
        for kind in TransactionType::ALL.iter().filter(|kind| !flowing.contains(&kind.code())) {
            assert_eq!(rules.flow(&transaction(*kind)), Ok(None), "{kind}");
        }
    }

    #[test]
    fn a_configured_rule_changes_what_it_names_and_nothing_else() {
        let rules = configured("[BUY]\naccrued_interest = \"added\"\n[TAX]\nignored = true").unwrap();
        let flow = rules.flow(&transaction(TransactionType::Buy)).unwrap().unwrap();
        assert_eq!((flow.amount, flow.timing), (amount("-1012.5"), FlowTiming::BeginOfDay));
        assert_eq!(rules.flow(&transaction(TransactionType::Tax)), Ok(None));
        assert_eq!(rules.of(TransactionType::Sell), CashFlowRules::default().of(TransactionType::Sell));
    }

    #[test]
    fn a_type_without_a_usual_rule_gets_one_and_goes_by_its_side() {
        let text = "[FX_SPOT]\nclass = \"investment_outflow\"\ntiming = \"begin_of_day\"\ndirection = \"by_side\"\n\
                    fees = \"ignored\"\nposition_flow = true\nportfolio_flow = false";
        let rules = configured(text).unwrap();
        let mut exchange = transaction(TransactionType::FxSpot);
        assert_eq!(rules.flow(&exchange), Err(Refusal::Missing(Needed::Side)));
        for (side, value) in [(Side::Buy, "-1000"), (Side::Sell, "1000")] {
            exchange.side = side;
            assert_eq!(rules.flow(&exchange).unwrap().unwrap().amount, amount(value));
        }
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_with_their_place() {
        let cases = [
            ("[DIVIDENT]\nignored = true", "portfolio.cash_flow.DIVIDENT", "did you mean `DIVIDEND`?"),
            ("[OTHER]\nclass = \"income\"", "portfolio.cash_flow.OTHER", "`timing` is not given"),
            ("[TAX]\nignored = true\nclass = \"income\"", "portfolio.cash_flow.TAX", "further settings"),
        ];
        for (text, place, part) in cases {
            let error = configured(text).unwrap_err();
            assert_eq!(error.place, place);
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(toml::from_str::<BTreeMap<String, CashFlowRuleConfig>>("[TAX]\nclass = \"incme\"").is_err());
    }

    #[test]
    fn a_sign_is_refused_because_the_type_says_the_direction() {
        let rules = CashFlowRules::default();
        for kind in USUAL.map(|rule| rule.0) {
            let signed = Transaction { gross_amount: amount("-1"), ..transaction(kind) };
            assert_eq!(rules.flow(&signed), Err(Refusal::Negative(Needed::GrossAmount)), "{kind}");
        }
    }

    #[test]
    fn an_expense_of_the_portfolio_never_comes_in() {
        let rules = CashFlowRules::default();
        let paid_back = |kind| Transaction { fees: amount("-2000"), ..transaction(kind) };
        assert_eq!(rules.flow(&paid_back(TransactionType::Fee)), Err(Refusal::ExpenseComesIn));
        // A tax is between a position and the cash of the portfolio, so it may be one that is paid back.
        let reclaimed = Transaction { fees: amount("2000"), ..transaction(TransactionType::Tax) };
        assert_eq!(rules.flow(&reclaimed).unwrap().unwrap().amount, amount("1000"));
    }

    #[test]
    fn what_a_flow_needs_is_refused_where_it_is_not_known() {
        let rules = CashFlowRules::default();
        let refusal = |change: fn(&mut Transaction)| {
            let mut buy = transaction(TransactionType::Buy);
            change(&mut buy);
            rules.flow(&buy).unwrap_err()
        };
        assert_eq!(refusal(|buy| buy.gross_amount = Amount::NONE), Refusal::Missing(Needed::GrossAmount));
        assert_eq!(refusal(|buy| buy.trade_date = Date::NONE), Refusal::Missing(Needed::TradeDate));
        assert_eq!(refusal(|buy| buy.gross_amount = Amount::MAX), Refusal::TooLarge);
        assert_eq!(refusal(|buy| buy.fees = Amount::from_scaled(i128::MAX >> 8)), Refusal::TooLarge);
        assert_eq!(refusal(|buy| buy.transaction_type = TransactionType::Unknown), Refusal::UnknownType);
    }
}
