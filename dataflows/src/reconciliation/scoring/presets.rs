//! Models that come with the program: start here, and learn better weights from your own matches.

use super::model::{Model, ModelError};

/// The profile `weighted`: fixed weights that a person can reason about, where a full score is 10,000.
///
/// | field | worth | how |
/// |---|---|---|
/// | instrument | 2,500 | its likeness; below 0.9 no pair |
/// | trade date | 1,500 | equal or not |
/// | side | 1,500 | equal; opposite sides are no pair |
/// | quantity | 2,000 | one minus the relative difference |
/// | price | 1,500 | within 1 % or not |
/// | counterparty | 1,000 | 0.4 sorted words, 0.4 sets of words, 0.2 Jaro-Winkler; half when missing |
///
/// From 9,500 it is a match, from 7,500 worth a look. Instrument and side are gates: by the weights alone, an opposite side
/// (8,500) or another instrument (7,500) would still be worth a look.
pub fn weighted() -> Result<Model, ModelError> {
    Model::from_toml(include_str!("presets/weighted.toml"))
}

/// Trades without an identifier in common, with weights in thousandths of a bit set by hand. Any one field may differ and the
/// rest still make a match, so that the difference is found as a break.
pub fn trades() -> Result<Model, ModelError> {
    Model::from_toml(include_str!("presets/trades.toml"))
}

#[cfg(test)]
mod tests {
    use model::{Date, Dictionary, Field, Price, Quantity, SourceId, Symbol, Trade, TradeBuilder};
    use operators::blocks::Side;

    use super::super::{Features, PairScore, Scorer, TradeFields, Verdict};
    use super::*;

    fn trade(dictionary: &Dictionary) -> Trade {
        let mut trade = TradeBuilder::new(SourceId(1)).finish();
        trade.id = Symbol::of("T1");
        trade.instrument = Symbol::of("VOD.LN");
        trade.counterparty = dictionary.intern("Goldman Sachs International Ltd");
        trade.side = model::Side::Buy;
        trade.trade_date = Date(20_000);
        trade.quantity = Quantity::from_scaled(1_000_000_000);
        trade.price = Price::from_scaled(7_250_000_000);
        trade
    }

    fn features(scorer: &Scorer, trade: &Trade, dictionary: &Dictionary) -> Features {
        scorer.features(&TradeFields { trade, dictionary })
    }

    /// How well a trade fits the same trade changed.
    fn score_after(change: impl Fn(&mut Trade)) -> Option<PairScore> {
        let (scorer, dictionary) = (Scorer::new(weighted().unwrap()).unwrap(), Dictionary::new());
        let left = trade(&dictionary);
        let mut right = left.clone();
        change(&mut right);
        scorer.score(&features(&scorer, &left, &dictionary), &features(&scorer, &right, &dictionary))
    }

    #[test]
    fn the_weighted_profile_scores_as_its_table_says() {
        type Change = fn(&mut Trade);
        let cases: [(&str, Change, Option<i64>); 9] = [
            ("equal", |_| {}, Some(10_000)),
            ("a market suffix", |trade| trade.instrument = Symbol::of("vod"), Some(10_000)),
            ("another day", |trade| trade.trade_date = Date(20_001), Some(8_500)),
            ("half the quantity", |trade| trade.quantity = Quantity::from_scaled(500_000_000), Some(9_000)),
            ("1 % off the price", |trade| trade.price = Price::from_scaled(7_177_500_000), Some(10_000)),
            ("ten times the price", |trade| trade.price = Price::from_scaled(72_500_000_000), Some(8_500)),
            ("no counterparty", |trade| trade.counterparty = Symbol::NONE, Some(9_500)),
            ("the opposite side", |trade| trade.side = model::Side::Sell, None),
            ("another instrument", |trade| trade.instrument = Symbol::of("BARC"), None),
        ];
        for (name, change, expected) in cases {
            assert_eq!(score_after(change).map(|pair| pair.score), expected, "{name}");
        }
    }

    #[test]
    fn the_evidence_sums_to_the_score() {
        let (scorer, dictionary) = (Scorer::new(weighted().unwrap()).unwrap(), Dictionary::new());
        let left = trade(&dictionary);
        let mut right = left.clone();
        right.counterparty = dictionary.intern("Goldman Sachs & Co. LLC");
        right.trade_date = Date(20_002);
        let (left, right) = (features(&scorer, &left, &dictionary), features(&scorer, &right, &dictionary));
        let evidence = scorer.explain(&left, &right);
        assert_eq!(
            evidence.iter().map(|one| i64::from(one.weight)).sum::<i64>(),
            scorer.score(&left, &right).unwrap().score
        );
        assert_eq!(evidence.len(), scorer.model().comparisons.len());
        assert_eq!(evidence[1].field, Field::TradeDate);
        assert_eq!(evidence[1].weight, 0);
    }

    #[test]
    fn verdicts_follow_score_and_rival() {
        let scorer = Scorer::new(trades().unwrap()).unwrap();
        for (score, runner_up, expected) in [
            (20_000, None, Verdict::Match),
            (20_000, Some(17_000), Verdict::Match),
            (20_000, Some(17_001), Verdict::Ambiguous),
            (9_999, None, Verdict::Review),
            (5_999, None, Verdict::None),
        ] {
            assert_eq!(scorer.verdict(score, runner_up), expected, "{score} {runner_up:?}");
        }
    }

    #[test]
    fn equal_trades_share_keys_in_every_preset() {
        let dictionary = Dictionary::new();
        let trade = trade(&dictionary);
        for model in [weighted().unwrap(), trades().unwrap()] {
            let scorer = Scorer::new(model).unwrap();
            let fields = TradeFields { trade: &trade, dictionary: &dictionary };
            let (left, right) = (scorer.block_keys(&fields, Side::Left), scorer.block_keys(&fields, Side::Right));
            assert!(right.iter().all(|key| left.contains(key)), "{}", scorer.model().name);
            assert!(!right.is_empty() && left.is_sorted() && right.is_sorted());
        }
    }
}
