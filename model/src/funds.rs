//! What a fund's administrator is told about it: its assets under management, its positions and exposures, and the margin
//! that its manager submits.
//!
//! Most of it comes in batches: all rows that were loaded together have the same `loaded_at`, which is part of their
//! identity. So a batch that is read twice changes nothing, and the next one stands beside it.

use serde::{Deserialize, Serialize};

use crate::{Amount, Date, SourceId, Symbol, Timestamp};

/// What kind of asset a code stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AssetType {
    /// Where it came from.
    pub source: SourceId,
    /// The code.
    pub id: Symbol,
    /// What it stands for.
    pub name: Symbol,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// A fund, and its assets under management, as one batch has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FundAum {
    /// Where it came from.
    pub source: SourceId,
    /// The fund.
    pub fund: Symbol,
    /// What people call the fund.
    pub name: Symbol,
    /// The number of the fund with the tax authority.
    pub tax_id: Symbol,
    /// The manager's id.
    pub manager_id: Symbol,
    /// What people call the manager.
    pub manager: Symbol,
    /// Who may invest in it, in the words of the source.
    pub investor_class: Symbol,
    /// What kind of portfolio it is.
    pub portfolio_type: Symbol,
    /// Its class with the association of managers.
    pub association_class: Symbol,
    /// The code of its class with the regulator.
    pub fund_class_id: Symbol,
    /// Its class with the regulator.
    pub fund_class: Symbol,
    /// What it may not invest in.
    pub restriction: Symbol,
    /// How much attention it asks for.
    pub criticality: Symbol,
    /// Whether nobody can redeem before its end.
    pub is_closed: Option<bool>,
    /// The day that its figures are of.
    pub position_date: Date,
    /// Its assets under management, net of what it owes.
    pub aum: Amount,
    /// What its administrator has computed of it; absent when nothing is known.
    pub figures: Option<Box<FundFigures>>,
    /// When the batch was loaded.
    pub loaded_at: Timestamp,
}

/// Figures that are taken over as they come: a table of their names.
macro_rules! figures {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// What the administrator of a fund has computed of it.
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct FundFigures {
            $($(#[$meta])* pub $name: Amount,)*
        }

        impl FundFigures {
            /// The names of the figures, in their order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The figures, in the order of their names.
            pub fn values(&self) -> impl Iterator<Item = Amount> {
                [$(self.$name),*].into_iter()
            }

            /// The figure of a name, to be set.
            pub fn value_mut(&mut self, name: &str) -> Option<&mut Amount> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

figures! {
    /// Margin as a share of the assets under management.
    margin_to_aum,
    /// The number of the current account.
    current_account,
    /// What is on it.
    current_account_balance,
    /// The exposure through derivatives.
    derivatives,
    /// The same, for risk.
    derivatives_risk,
    /// The exposure through derivatives as a share of the assets under management.
    derivatives_to_aum,
    /// The same, for risk.
    derivatives_risk_to_aum,
    /// What can be sold at once, as a share of the assets under management.
    liquidity_to_aum,
    /// The return of the day.
    return_day,
    /// The return of the month.
    return_month,
    /// The return of the year.
    return_year,
    /// Value at risk at 95 %.
    value_at_risk_95,
    /// Value at risk at 99 %.
    value_at_risk_99,
    /// The result in a rising market.
    bull,
    /// The result in a falling market.
    bear,
    /// The result in a rising market, by the second model.
    bull_second,
    /// The result in a falling market, by the second model.
    bear_second,
    /// Value at risk at 95 %, by the second model, over three months.
    value_at_risk_95_3m,
    /// The same, over a year.
    value_at_risk_95_1y,
    /// The same, over two years.
    value_at_risk_95_2y,
    /// Value at risk at 99 %, by the second model, over three months.
    value_at_risk_99_3m,
    /// The same, over a year.
    value_at_risk_99_1y,
    /// The same, over two years.
    value_at_risk_99_2y,
    /// What is held in other funds.
    funds_held,
}

/// What a fund's assets under management were on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FundAumDay {
    /// Where it came from.
    pub source: SourceId,
    /// The fund.
    pub fund: Symbol,
    /// The day.
    pub aum_date: Date,
    /// At the start of the day.
    pub opening_aum: Amount,
    /// At the end of the day.
    pub closing_aum: Amount,
    /// The number that the source has given to the row; it decides nothing.
    pub load_id: Symbol,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// The margin that the manager of a fund submitted, as one batch has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarginSubmission {
    /// Where it came from.
    pub source: SourceId,
    /// The fund.
    pub fund: Symbol,
    /// What the manager calls the fund.
    pub name: Symbol,
    /// The number of the fund with the tax authority.
    pub tax_id: Symbol,
    /// The manager's id.
    pub manager_id: Symbol,
    /// The state of the submission, in the words of the source.
    pub status: Symbol,
    /// How the margin was computed.
    pub methodology: Symbol,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// The margin that is asked for at home.
    pub local_margin: Amount,
    /// The margin that is asked for abroad.
    pub offshore_margin: Amount,
    /// When the batch was loaded.
    pub loaded_at: Timestamp,
}

/// What an exposed fund holds of something, as one batch has it: a contract, a swap, a fund abroad.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FundPosition {
    /// Where it came from.
    pub source: SourceId,
    /// The fund.
    pub fund: Symbol,
    /// What the asset is called for short.
    pub nickname: Symbol,
    /// The day that the position is of.
    pub position_date: Date,
    /// The day of the portfolio that it is part of.
    pub portfolio_date: Date,
    /// How it is classified, in the words of the source.
    pub classification: Symbol,
    /// The code of its classification.
    pub classification_id: Symbol,
    /// The code of the asset.
    pub asset: Symbol,
    /// The code of the [`AssetType`].
    pub asset_type: Symbol,
    /// The ISIN.
    pub isin: Symbol,
    /// The amount that it is a contract on.
    pub notional: Amount,
    /// What one unit is worth.
    pub price: Amount,
    /// How many units.
    pub quantity: Amount,
    /// What it is worth.
    pub value: Amount,
    /// What a swap's leg that is received is worth.
    pub received_leg: Amount,
    /// What a swap's leg that is paid is worth.
    pub paid_leg: Amount,
    /// When the batch was loaded.
    pub loaded_at: Timestamp,
}

/// A fund is exposed to something, as one batch has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FundExposure {
    /// Where it came from.
    pub source: SourceId,
    /// The fund.
    pub fund: Symbol,
    /// What it is exposed to, in the words of the source.
    pub origin: Symbol,
    /// When the batch was loaded.
    pub loaded_at: Timestamp,
}

/// Somebody looked at the margin that was submitted for a fund.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarginValidation {
    /// Where it came from.
    pub source: SourceId,
    /// The fund.
    pub fund: Symbol,
    /// What people call the fund.
    pub name: Symbol,
    /// What people call the manager.
    pub manager: Symbol,
    /// What was found, in the words of the source.
    pub finding: Symbol,
    /// When it was looked at.
    pub validated_at: Timestamp,
    /// Whether it is right; absent when nothing is known.
    pub is_valid: Option<bool>,
    /// When the batch was loaded.
    pub loaded_at: Timestamp,
}

/// A fund whose margin is taken as it is, or no longer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarginException {
    /// Where it came from.
    pub source: SourceId,
    /// The fund.
    pub fund: Symbol,
    /// Whether its margin counts as validated.
    pub is_accepted: bool,
}

fn date_bytes(date: Date) -> [u8; 4] {
    date.0.to_be_bytes()
}

fn time_bytes(time: Timestamp) -> [u8; 8] {
    time.0.to_be_bytes()
}

fn amount_bytes(amount: Amount) -> [u8; 16] {
    amount.scaled().unwrap_or(i128::MIN).to_be_bytes()
}

impl FundAum {
    /// What it is about: its fund and its batch.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.fund.bytes(), &time_bytes(self.loaded_at)])
    }
}

impl FundAumDay {
    /// What it is about: its fund and its day, as of when it was loaded.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.fund.bytes(), &date_bytes(self.aum_date), &time_bytes(self.loaded_at)])
    }
}

impl MarginSubmission {
    /// What it is about: its fund, when it was submitted, and its batch.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.fund.bytes(), &time_bytes(self.submitted_at), &time_bytes(self.loaded_at)])
    }
}

impl FundPosition {
    /// What it is about: its fund, its asset, the day of its portfolio and its batch. Swaps share a nickname, and are told
    /// apart by their notional and their legs.
    pub fn id(&self) -> Symbol {
        let is_swap = !self.received_leg.is_none() || !self.paid_leg.is_none();
        let of_swap = [self.notional, self.received_leg, self.paid_leg]
            .map(|amount| amount_bytes(if is_swap { amount } else { Amount::NONE }));
        let [notional, received, paid] = &of_swap;
        let (date, batch) = (date_bytes(self.portfolio_date), time_bytes(self.loaded_at));
        Symbol::of_parts(&[&self.fund.bytes(), &self.nickname.bytes(), &date, &batch, notional, received, paid])
    }
}

impl FundExposure {
    /// What it is about: its fund, its origin and its batch.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.fund.bytes(), &self.origin.bytes(), &time_bytes(self.loaded_at)])
    }
}

impl MarginValidation {
    /// What it is about: its fund, when it was looked at, and its batch.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.fund.bytes(), &time_bytes(self.validated_at), &time_bytes(self.loaded_at)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_batch_is_a_new_row_and_the_same_one_is_not() {
        let aum = |loaded_at, aum| FundAum {
            fund: Symbol::of("1000"),
            aum: Amount::from_scaled(aum),
            loaded_at: Timestamp(loaded_at),
            ..FundAum::default()
        };
        assert_eq!(aum(1, 5).id(), aum(1, 6).id());
        assert_ne!(aum(1, 5).id(), aum(2, 5).id());
    }

    #[test]
    fn swaps_are_told_apart_by_their_legs_and_others_are_not() {
        let position = |notional, leg| FundPosition {
            notional: Amount::from_scaled(notional),
            received_leg: leg,
            ..FundPosition::default()
        };
        assert_eq!(position(1, Amount::NONE).id(), position(2, Amount::NONE).id());
        assert_ne!(position(1, Amount::ZERO).id(), position(2, Amount::ZERO).id());
        assert_ne!(position(1, Amount::ZERO).id(), position(1, Amount::NONE).id());
    }

    #[test]
    fn figures_are_found_by_their_names() {
        let mut figures = FundFigures::default();
        for (number, name) in (1..).zip(FundFigures::NAMES) {
            *figures.value_mut(name).unwrap() = Amount::from_scaled(number);
        }
        assert!(figures.value_mut("unheard_of").is_none());
        let values: Vec<i128> = figures.values().filter_map(Amount::scaled).collect();
        assert_eq!(values, (1..=FundFigures::NAMES.len() as i128).collect::<Vec<_>>());
    }
}
