//! The fields of funds: their own, and the figures that are taken over as they come.

use std::sync::{Arc, LazyLock};

use model::{FundAum, FundFigures, Record, SourceId};

use super::draft::{Draft, FieldEntry, fields};

/// A fund while it is put together: its figures are only kept if anything is known in them.
#[derive(Clone, Default)]
pub(crate) struct FundAumDraft {
    fund: FundAum,
    figures: FundFigures,
}

impl Draft for FundAumDraft {
    const FIELDS: &'static [&'static [FieldEntry<Self>]] = &[
        fields! { FundAum, draft => draft.fund, aum => aum;
            fund: Symbol Identity ["1000", "1001"] "The fund.";
            loaded_at: Time Identity ["2026-03-16T08:00:00Z", "2026-03-16T08:00:00Z"] "When the batch was loaded.";
            name: Symbol Optional ["Atlantic macro", "Harbour credit"] "What people call the fund.";
            tax_id: Symbol Optional ["12.345.678/0001-90", ""] "The number of the fund with the tax authority.";
            manager_id: Symbol Optional ["M-1", "M-2"] "The manager's id.";
            manager: Symbol Optional ["Atlantic", "Harbour"] "What people call the manager.";
            investor_class: Symbol Optional ["qualified", "retail"] "Who may invest in it, in the words of the source.";
            portfolio_type: Symbol Optional ["macro", "credit"] "What kind of portfolio it is.";
            association_class: Symbol Optional ["multi-market", ""] "Its class with the association of managers.";
            fund_class_id: Symbol Optional ["4", "2"] "The code of its class with the regulator.";
            fund_class: Symbol Optional ["multi-market", "fixed income"] "Its class with the regulator.";
            restriction: Symbol Optional ["", "no leverage"] "What it may not invest in.";
            criticality: Symbol Optional ["high", "low"] "How much attention it asks for.";
            is_closed: Truth Optional ["false", "true"] "Whether nobody can redeem before its end.";
            position_date: Date Optional ["2026-03-13", "2026-03-13"] "The day that its figures are of.";
            aum: Amount Optional ["152000000", "48000000"] "Its assets under management, net of what it owes.";
        },
        fields! { FundAum, draft => draft.figures, aum => figures(aum);
            margin_to_aum: Amount Optional ["0.12", "0.03"] "Margin as a share of the assets under management.";
            current_account: Amount Optional ["", "1004711"] "The number of the current account.";
            current_account_balance: Amount Optional ["250000", "91000.5"] "What is on it.";
            derivatives: Amount Optional ["4100000", ""] "The exposure through derivatives.";
            derivatives_risk: Amount Optional ["3900000", ""] "The exposure through derivatives, for risk.";
            derivatives_to_aum: Amount Optional ["0.027", ""]
                "The exposure through derivatives as a share of the assets under management.";
            derivatives_risk_to_aum: Amount Optional ["0.0257", ""]
                "The exposure through derivatives, for risk, as a share of the assets under management.";
            liquidity_to_aum: Amount Optional ["0.4", "0.15"]
                "What can be sold at once, as a share of the assets under management.";
            return_day: Amount Optional ["0.0012", "-0.0003"] "The return of the day.";
            return_month: Amount Optional ["0.011", "0.004"] "The return of the month.";
            return_year: Amount Optional ["0.034", "0.021"] "The return of the year.";
            value_at_risk_95: Amount Optional ["0.012", "0.004"] "Value at risk at 95 %.";
            value_at_risk_99: Amount Optional ["0.019", "0.006"] "Value at risk at 99 %.";
            bull: Amount Optional ["", ""] "The result in a rising market.";
            bear: Amount Optional ["", ""] "The result in a falling market.";
            bull_second: Amount Optional ["", ""] "The result in a rising market, by the second model.";
            bear_second: Amount Optional ["", ""] "The result in a falling market, by the second model.";
            value_at_risk_95_3m: Amount Optional ["", ""]
                "Value at risk at 95 %, by the second model, over three months.";
            value_at_risk_95_1y: Amount Optional ["", ""] "Value at risk at 95 %, by the second model, over a year.";
            value_at_risk_95_2y: Amount Optional ["", ""] "Value at risk at 95 %, by the second model, over two years.";
            value_at_risk_99_3m: Amount Optional ["", ""]
                "Value at risk at 99 %, by the second model, over three months.";
            value_at_risk_99_1y: Amount Optional ["", ""] "Value at risk at 99 %, by the second model, over a year.";
            value_at_risk_99_2y: Amount Optional ["", ""] "Value at risk at 99 %, by the second model, over two years.";
            funds_held: Amount Optional ["0", "1200000"] "What is held in other funds.";
        },
    ];

    fn new(source: SourceId) -> Self {
        FundAumDraft { fund: FundAum { source, ..FundAum::default() }, ..FundAumDraft::default() }
    }

    fn finish(self) -> Record {
        let figures = (self.figures != FundFigures::default()).then(|| Box::new(self.figures));
        Arc::new(FundAum { figures, ..self.fund }).into()
    }
}

/// The figures of a fund; such that nothing is known of if it has none.
fn figures(fund: &FundAum) -> &FundFigures {
    static NOTHING: LazyLock<FundFigures> = LazyLock::new(FundFigures::default);
    fund.figures.as_deref().unwrap_or(&NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_of_the_record_is_a_field() {
        let names: Vec<&str> = FundAumDraft::FIELDS[1].iter().map(|field| field.name).collect();
        assert_eq!(names, FundFigures::NAMES);
    }
}
