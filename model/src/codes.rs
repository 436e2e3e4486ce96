//! The closed lists a trade or a transaction is described with: side, product, option kind, open or close, type; and those
//! of limits: scope, dimension, measure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is none of the codes of its list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: use one of {known}, or map it in the configuration")]
pub struct CodeError {
    /// What was read.
    pub text: String,
    /// What was expected, with its article.
    pub what: &'static str,
    /// The codes of the list.
    pub known: &'static str,
}

/// One list of codes: its variants, the code each is written as, and the other texts it is read from.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident, $what:literal, $known:literal {
        $($(#[$variant_meta:meta])* $variant:ident = $code:literal $(| $alias:literal)*;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum $name {
            /// Not known.
            #[default]
            Unknown,
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// Every code but `Unknown`.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The code as it is written; empty when unknown.
            pub const fn code(self) -> &'static str {
                match self {
                    $name::Unknown => "",
                    $($name::$variant => $code,)*
                }
            }

            /// Reads a code or one of its usual spellings, in capitals or not.
            pub fn parse(text: &str) -> Result<$name, CodeError> {
                let text = text.trim_ascii();
                $(if text.eq_ignore_ascii_case($code) $(|| text.eq_ignore_ascii_case($alias))* {
                    return Ok($name::$variant);
                })*
                Err(CodeError { text: text.to_owned(), what: $what, known: $known })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.code())
            }
        }
    };
}

codes! {
    /// Which way a trade goes, seen from the source that tells it.
    /// `1`, `2`, `5` (sell short) and `6` (sell short exempt) are the values of FIX tag 54.
    Side, "a side", "BUY, SELL" {
        /// The teller receives the instrument.
        Buy = "BUY" | "B" | "1" | "LONG" | "BOUGHT" | "BOT" | "BUYER" | "BUYI" | "PURCHASE"
            | "BUY TO OPEN" | "BUY TO CLOSE" | "BUY TO COVER" | "COVER";
        /// The teller delivers the instrument.
        Sell = "SELL" | "S" | "2" | "SHORT" | "SOLD" | "SLD" | "SELLER" | "SALE"
            | "SELL SHORT" | "SHORT SELL" | "SELLSHORT" | "SS" | "5" | "6" | "SELL TO OPEN" | "SELL TO CLOSE";
    }
}

codes! {
    /// What kind of instrument is traded.
    Product, "a product",
    "EQUITY, BOND, FUND, FUTURE, OPTION, FORWARD, SWAP, FX_SPOT, FX_FORWARD, REPO, LOAN, CASH, OTHER" {
        /// Shares and depositary receipts.
        Equity = "EQUITY" | "EQUITIES" | "STOCK" | "SHARE" | "ETF";
        /// Debt securities.
        Bond = "BOND" | "FIXED_INCOME" | "FIXED INCOME";
        /// Units of a fund.
        Fund = "FUND" | "MUTUAL_FUND" | "MUTUAL FUND";
        /// Listed futures.
        Future = "FUTURE" | "FUTURES" | "FUT";
        /// Options.
        Option = "OPTION" | "OPTIONS" | "OPT";
        /// Forwards on anything but currencies.
        Forward = "FORWARD" | "FWD";
        /// Swaps.
        Swap = "SWAP" | "IRS" | "CDS";
        /// Foreign exchange for spot delivery.
        FxSpot = "FX_SPOT" | "FXSPOT" | "FX SPOT" | "SPOT";
        /// Foreign exchange for later delivery.
        FxForward = "FX_FORWARD" | "FXFORWARD" | "FX FORWARD" | "FXFWD" | "NDF";
        /// Repurchase agreements.
        Repo = "REPO";
        /// Loans.
        Loan = "LOAN";
        /// Movements of cash.
        Cash = "CASH";
        /// Anything else.
        Other = "OTHER";
    }
}

codes! {
    /// The right an option gives. `1` and `0` are the values of FIX tag 201.
    OptionKind, "an option kind", "CALL, PUT" {
        /// The right to buy.
        Call = "CALL" | "C" | "1";
        /// The right to sell.
        Put = "PUT" | "P" | "0";
    }
}

codes! {
    /// Whether a trade opens or closes a position. `O` and `C` are the values of FIX tag 77.
    OpenClose, "open or close", "OPEN, CLOSE" {
        /// Opens a position.
        Open = "OPEN" | "O";
        /// Closes a position.
        Close = "CLOSE" | "C";
    }
}

codes! {
    /// What a transaction does to a portfolio.
    TransactionType, "a transaction type",
    "BUY, SELL, DIVIDEND, INTEREST, DEPOSIT, WITHDRAWAL, FEE, TAX, TRANSFER_IN, TRANSFER_OUT, SPLIT, REVERSE_SPLIT, \
     STOCK_DIVIDEND, MERGER, SPIN_OFF, RIGHTS_ISSUE, RIGHTS_EXERCISE, RIGHTS_EXPIRY, FX_SPOT, FX_FORWARD, REDEMPTION, \
     OTHER" {
        /// Units are bought, or a short position is covered.
        Buy = "BUY" | "PURCHASE";
        /// Units are sold.
        Sell = "SELL" | "SALE";
        /// A share of profits, in cash.
        Dividend = "DIVIDEND" | "CASH_DIVIDEND" | "CASH DIVIDEND";
        /// Interest on a bond or on cash.
        Interest = "INTEREST" | "COUPON";
        /// Cash comes from outside.
        Deposit = "DEPOSIT";
        /// Cash goes outside.
        Withdrawal = "WITHDRAWAL";
        /// A charge that belongs to no other transaction.
        Fee = "FEE" | "FEES";
        /// A tax that belongs to no other transaction.
        Tax = "TAX" | "WITHHOLDING_TAX";
        /// Units come from another portfolio, with their cost.
        TransferIn = "TRANSFER_IN" | "TRANSFER IN";
        /// Units go to another portfolio, with their cost.
        TransferOut = "TRANSFER_OUT" | "TRANSFER OUT";
        /// More units for those held.
        Split = "SPLIT" | "STOCK_SPLIT" | "STOCK SPLIT";
        /// Fewer units for those held.
        ReverseSplit = "REVERSE_SPLIT" | "REVERSE SPLIT" | "CONSOLIDATION";
        /// Units beside those held.
        StockDividend = "STOCK_DIVIDEND" | "STOCK DIVIDEND" | "BONUS_ISSUE" | "BONUS ISSUE";
        /// Units of another security for all those held.
        Merger = "MERGER";
        /// Units of another security beside those held, with a share of their cost.
        SpinOff = "SPIN_OFF" | "SPIN OFF" | "SPINOFF" | "DEMERGER";
        /// Rights beside the units held, with a share of their cost or none.
        RightsIssue = "RIGHTS_ISSUE" | "RIGHTS ISSUE" | "RIGHTS";
        /// Rights and cash become units of another security.
        RightsExercise = "RIGHTS_EXERCISE" | "RIGHTS EXERCISE" | "EXERCISE";
        /// Rights end worthless.
        RightsExpiry = "RIGHTS_EXPIRY" | "RIGHTS EXPIRY" | "EXPIRY" | "LAPSE";
        /// One currency of two that are exchanged for spot delivery; the side says whether it is bought.
        FxSpot = "FX_SPOT" | "FXSPOT" | "FX SPOT";
        /// One currency of two that are exchanged on a later day; the side says whether it is bought.
        FxForward = "FX_FORWARD" | "FXFORWARD" | "FX FORWARD";
        /// The issuer pays units back.
        Redemption = "REDEMPTION" | "MATURITY" | "CALL_REDEMPTION";
        /// Anything else.
        Other = "OTHER";
    }
}

codes! {
    /// Of what a limit is set: of portfolios, or of what several of them come to.
    LimitScope, "a scope of limits", "portfolio, base_currency, all" {
        /// One portfolio; each by itself where none is named.
        Portfolio = "portfolio";
        /// All portfolios of one base currency together, for each base currency.
        BaseCurrency = "base_currency";
        /// All portfolios together, in the reporting currency.
        All = "all";
    }
}

codes! {
    /// By what exposures are added up. `Unknown` where nothing is said.
    ExposureDimension, "a dimension of exposures",
    "total, portfolio, security, issuer, ultimate_parent, counterparty, currency, sector, country, rating, asset_class, product" {
        /// All in one.
        Total = "total";
        /// The portfolio.
        Portfolio = "portfolio";
        /// The security.
        Security = "security";
        /// Who issued it.
        Issuer = "issuer";
        /// Who stands behind the issuer in the end; the issuer, where nobody is known to.
        UltimateParent = "ultimate_parent" | "parent";
        /// The other side of a contract over the counter.
        Counterparty = "counterparty";
        /// The currency that it is priced in.
        Currency = "currency";
        /// Its sector.
        Sector = "sector";
        /// The country of its risk.
        Country = "country";
        /// Its rating.
        Rating = "rating";
        /// Its asset class.
        AssetClass = "asset_class";
        /// What kind of instrument it is.
        Product = "product";
    }
}

codes! {
    /// What a limit is a limit of.
    LimitMeasure, "a measure of limits", "gross, net, long, short, weight, leverage, hhi, top_weight, stress_loss, value_at_risk" {
        /// The sum of values without their sign.
        Gross = "gross";
        /// The sum of values.
        Net = "net";
        /// The sum of values above zero.
        Long = "long";
        /// The sum of values below zero, without their sign.
        Short = "short";
        /// The net value as a share of the net asset value.
        Weight = "weight";
        /// The gross value as a multiple of the net asset value.
        Leverage = "leverage";
        /// The Herfindahl-Hirschman index.
        Hhi = "hhi" | "herfindahl_hirschman_index";
        /// The weight of the largest of the dimension, of the gross value.
        TopWeight = "top_weight" | "largest_weight";
        /// What is lost in a scenario of stress.
        StressLoss = "stress_loss";
        /// What a portfolio may lose, as a share of its value, by its returns.
        ValueAtRisk = "value_at_risk" | "var";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_read_as_the_trade_writes_them() {
        let cases = [
            (Side::Buy, ["BUY", "buy", "B", "b", "1", "Long", " BUY ", "Bought"]),
            (Side::Sell, ["SELL", "Sell", "S", "s", "2", "SELL SHORT", "sell short", "5"]),
        ];
        for (side, texts) in cases {
            for text in texts {
                assert_eq!(Side::parse(text).unwrap(), side, "{text}");
            }
        }
    }

    #[test]
    fn a_text_that_is_no_code_is_refused_with_what_to_do() {
        let message = Side::parse("X").unwrap_err().to_string();
        assert_eq!(message, "`X` is not a side: use one of BUY, SELL, or map it in the configuration");
        assert!(Side::parse("").is_err());
    }

    #[test]
    fn every_code_is_read_back_and_is_named_in_the_error() {
        macro_rules! check {
            ($($name:ident),*) => {$({
                let known = $name::parse("?").unwrap_err().known;
                let codes: Vec<&str> = $name::ALL.iter().map(|code| code.code()).collect();
                assert_eq!(known, codes.join(", "));
                for code in $name::ALL {
                    assert_eq!($name::parse(code.code()).unwrap(), *code);
                    assert_eq!($name::parse(&code.to_string().to_lowercase()).unwrap(), *code);
                    assert!(code.code().len() <= 16);
                }
                assert_eq!($name::default(), $name::Unknown);
                assert_eq!($name::Unknown.code(), "");
            })*};
        }
        check!(Side, Product, OptionKind, OpenClose, TransactionType);
    }
}
