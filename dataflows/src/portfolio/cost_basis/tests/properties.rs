//! What is true of every story: nothing is lost, arrival does not matter, and a naive oracle agrees.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// A transaction of a random type on a random day, whose id is its number.
fn any_transaction(number: usize) -> impl Strategy<Value = Transaction> {
    let kind = prop_oneof![
        6 => Just(TransactionType::Buy),
        5 => Just(TransactionType::Sell),
        1 => Just(TransactionType::Redemption),
        1 => Just(TransactionType::TransferIn),
        1 => Just(TransactionType::TransferOut),
        1 => Just(TransactionType::Dividend),
        1 => Just(TransactionType::Split),
        1 => Just(TransactionType::ReverseSplit),
        1 => Just(TransactionType::StockDividend),
        1 => Just(TransactionType::SpinOff),
        1 => Just(TransactionType::RightsIssue),
        1 => Just(TransactionType::RightsExercise),
        1 => Just(TransactionType::RightsExpiry),
        1 => Just(TransactionType::Merger),
    ];
    let numbers = (0i32..12, 1i64..200_000_000, 0i128..1_000_000_000_000, 0i128..100_000_000, 1i128..3_000_000_000_000);
    let corporate = (1i64..4_000_000, 1i64..4_000_000, 0i128..=1_000_000_000_000, 0usize..40);
    (kind, numbers, corporate).prop_map(move |(kind, (day, quantity, gross, fees, fx), (new, old, share, lot))| {
        let is_merger = kind == TransactionType::Merger;
        let mut transaction = action("BUY T 0 - -", "1", "1", "-");
        transaction.id = Symbol::of(&format!("T{number}"));
        transaction.transaction_type = kind;
        transaction.trade_date = Date::from_days(day);
        transaction.quantity = Quantity::from_scaled(quantity);
        transaction.gross_amount = if is_merger { Amount::NONE } else { Amount::from_scaled(gross) };
        transaction.fees = Amount::from_scaled(fees);
        transaction.currency = Currency::parse("EUR").unwrap();
        transaction.fx_to_base = Rate::from_scaled(fx);
        let named = LotReference { lot: Symbol::of(&format!("T{lot}")), quantity: Quantity::NONE };
        transaction.with_detail(TransactionDetail {
            other_security: Symbol::of("OTHER"),
            ratio: Ratio { new: Quantity::from_scaled(new), old: Quantity::from_scaled(old) },
            cost_share: Rate::from_scaled(share),
            lots: if lot < 20 { [named].into() } else { Box::default() },
            ..TransactionDetail::default()
        })
    })
}

fn any_story() -> impl Strategy<Value = Vec<Transaction>> {
    prop::collection::vec(any::<u8>(), 0..40)
        .prop_flat_map(|numbers| (0..numbers.len()).map(any_transaction).collect::<Vec<_>>())
}

fn any_rules() -> impl Strategy<Value = BookRules> {
    (prop::sample::select(&CostMethod::ALL[..]), any::<bool>())
        .prop_map(|(method, shorts)| if shorts { with_shorts(method) } else { rules(method) })
}

fn scaled(quantity: Quantity) -> i128 {
    quantity.scaled().unwrap()
}

/// What a purchase, a sale or a transfer gives for its units, with the sign of the units; nothing for all else.
fn given(transaction: &Transaction) -> Money {
    let fees = transaction.fees.scaled().unwrap();
    let charged = match transaction.transaction_type {
        TransactionType::Buy => fees,
        TransactionType::Sell | TransactionType::Redemption => -fees,
        TransactionType::TransferIn => 0,
        _ => return Money::ZERO,
    };
    let local = transaction.gross_amount.scaled().unwrap() + charged;
    let value = Money::converted(local, transaction.fx_to_base.scaled().unwrap()).unwrap();
    let leaves = matches!(transaction.transaction_type, TransactionType::Sell | TransactionType::Redemption);
    if leaves { Money::ZERO.minus(value).unwrap() } else { value }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(story in any_story(), rules in any_rules()) {
        let mut sorted = story;
        sorted.sort_by_key(ProcessingOrder::of);
        let mut book = Book::default();
        for transaction in &sorted {
            let before = book.clone();
            let (after, effects) = book.apply(&rules, transaction);
            check(&after, &rules);
            let Ok(effects) = effects else {
                prop_assert_eq!(&after, &before);
                book = after;
                continue;
            };
            prop_assert_eq!(scaled(after.quantity()), scaled(before.quantity()) + scaled(effects.quantity_change));
            prop_assert_eq!(after.cost(), before.cost().plus(effects.cost_change).unwrap());
            prop_assert_eq!(after.quantity() == Quantity::ZERO && after.cost() != Money::ZERO, false);

            // Cost in = cost relieved + cost carried away + change of what is left.
            let relieved = sum(effects.disposals.iter().map(|disposal| disposal.cost));
            let carried = effects.carried.iter().flat_map(|carried| &carried.lots);
            let carried_cost = sum(carried.clone().map(Lot::cost));
            let proceeds = sum(effects.disposals.iter().filter_map(|disposal| disposal.proceeds));
            match transaction.transaction_type {
                TransactionType::Merger | TransactionType::SpinOff | TransactionType::RightsIssue => {
                    prop_assert_eq!(effects.cost_change, Money::ZERO.minus(carried_cost).unwrap());
                }
                TransactionType::RightsExercise => {
                    let fees = transaction.fees.scaled().unwrap() + transaction.gross_amount.scaled().unwrap();
                    let paid = Money::converted(fees, transaction.fx_to_base.scaled().unwrap()).unwrap();
                    prop_assert_eq!(carried_cost, paid.plus(relieved).unwrap());
                    prop_assert_eq!(effects.cost_change, Money::ZERO.minus(relieved).unwrap());
                }
                // What is given is the proceeds of what is relieved, and the cost of what is opened.
                _ => {
                    let opened = given(transaction).plus(proceeds).unwrap();
                    prop_assert_eq!(effects.cost_change, opened.minus(relieved).unwrap());
                }
            }
            for disposal in &effects.disposals {
                let gain = disposal.proceeds.map(|proceeds| proceeds.minus(disposal.cost).unwrap());
                prop_assert_eq!(disposal.gain, gain);
            }
            let gains = effects.disposals.iter().filter_map(|disposal| disposal.gain);
            prop_assert_eq!(effects.gain.unwrap_or(Money::ZERO), sum(gains));
            book = after;
        }
    }

    #[test]
    fn arrival_does_not_matter(
        (story, shuffled) in any_story().prop_flat_map(|story| (Just(story.clone()), Just(story).prop_shuffle())),
        rules in any_rules(),
    ) {
        prop_assert_eq!(run(&rules, &story), run(&rules, &shuffled));
    }

    #[test]
    fn a_fold_goes_on_from_any_checkpoint(story in any_story(), rules in any_rules(), at in any::<prop::sample::Index>()) {
        let mut sorted = story;
        sorted.sort_by_key(ProcessingOrder::of);
        let (before, after) = sorted.split_at(if sorted.is_empty() { 0 } else { at.index(sorted.len()) });
        let checkpoint = run(&rules, before).0;
        let kept: Book = serde_json::from_str(&serde_json::to_string(&checkpoint).unwrap()).unwrap();
        let go_on = |book: Book| after.iter().fold(book, |book, transaction| book.apply(&rules, transaction).0);
        let whole = run(&rules, &sorted).0;
        prop_assert_eq!(&go_on(checkpoint.clone()), &whole);
        prop_assert_eq!(&kept, &checkpoint);
        prop_assert_eq!(&go_on(kept), &whole);
    }

    #[test]
    fn lots_carried_to_another_security_arrive_whole(story in any_story(), rules in any_rules()) {
        let (_, done) = run(&rules, &story);
        let mut other = Book::default();
        for carried in done.into_iter().filter_map(|(_, effects)| effects.ok()?.carried) {
            let (quantity, cost) = (scaled(other.quantity()), other.cost());
            let (after, effects) = other.receive(&rules, &carried);
            check(&after, &rules);
            let effects = effects.unwrap();
            let came: i128 = carried.lots.iter().map(|lot| scaled(lot.quantity)).sum();
            prop_assert_eq!(scaled(after.quantity()), quantity + came);
            // What came is in the cost, but for what covered units on the other side of zero.
            let gained = effects.gain.unwrap_or(Money::ZERO);
            let came = sum(carried.lots.iter().map(Lot::cost));
            prop_assert_eq!(after.cost(), cost.plus(came).unwrap().plus(gained).unwrap());
            other = after;
        }
    }

    #[test]
    fn a_naive_oracle_agrees(
        trades in prop::collection::vec((any::<bool>(), 1usize..15, 1i32..100), 0..30),
        method in prop::sample::select(&CostMethod::ALL[..]),
    ) {
        let mut oracle: VecDeque<f64> = VecDeque::new();
        let mut book = Book::default();
        for (day, (is_sale, quantity, price)) in trades.into_iter().enumerate() {
            let kind = if is_sale { "SELL" } else { "BUY" };
            let gross = quantity as i32 * price;
            let (after, effects) =
                book.apply(&rules(method), &told(&format!("{kind} T{day} {day} {quantity} {gross}")));
            book = after;
            if is_sale && quantity > oracle.len() {
                prop_assert!(effects.is_err());
                continue;
            }
            let realised = if is_sale {
                let cost: f64 = (0..quantity).map(|_| one_unit_leaves(&mut oracle, method)).sum();
                f64::from(gross) - cost
            } else {
                oracle.extend(std::iter::repeat_n(f64::from(price), quantity));
                0.0
            };
            let gain = effects.unwrap().gain.unwrap_or(Money::ZERO).base;
            let gain: f64 = gain.to_string().parse().unwrap();
            prop_assert!((gain - realised).abs() < 1e-6, "{method}: {gain}, not {realised}");
        }
    }
}

/// Takes one unit out of a queue of what units cost, and gives its cost.
fn one_unit_leaves(units: &mut VecDeque<f64>, method: CostMethod) -> f64 {
    match method {
        CostMethod::Fifo | CostMethod::SpecificLot => units.pop_front().unwrap(),
        CostMethod::Lifo => units.pop_back().unwrap(),
        CostMethod::Hifo => {
            let highest = units.iter().copied().fold(f64::MIN, f64::max);
            let place = units.iter().position(|cost| *cost == highest).unwrap();
            units.remove(place).unwrap()
        }
        CostMethod::Average => {
            let average = units.iter().sum::<f64>() / units.len() as f64;
            units.pop_front();
            units.iter_mut().for_each(|cost| *cost = average);
            average
        }
    }
}
