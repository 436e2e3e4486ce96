//! What happens in one portfolio: its cash, its trades, and what corporate actions give it.
//!
//! Every change of cash is a transaction of its own, on the cash of the currency, linked to what it pays for; a deposit
//! is of the cash itself. Nothing is sold that is not held, and no cash is spent that is not there.

use model::{
    Amount, LotReference, Price, Quantity, Rate, Ratio, Side, SourceId, Symbol, Timestamp, Transaction,
    TransactionDetail, TransactionType as T,
};

use super::market::{
    ALDER, BIRCH, BIRCH_CLOUD, CALL, CEDAR, CURRENCIES, DOGWOOD, FERN, FUND, FUTURE, LISTINGS, MERGER, Market, NOTE,
    ONE, REDEMPTION, SPIN_OFF, SPLIT, STOCK_DIVIDEND, SWAP, TRADED, cash, currency,
};
use super::spec::BooksSpec;
use crate::generator::random::{Random, mix};

const QUANTITY_ONE: i64 = 1_000_000;
/// What is paid in at first, in units of the base currency, for each number of the portfolio's size.
const PAID_IN: i128 = 400_000;
/// How much of what was paid in stays as cash, as one part of so many.
const RESERVE: i128 = 20;
const DIVIDEND_EVERY: usize = 63;
const FEE_EVERY: usize = 21;
const COUPONS: [usize; 2] = [100, 229];
const SECOND_DEPOSIT: usize = 130;
const TRANSFER: usize = 150;
const WITHDRAWAL: usize = 180;
/// What the first portfolio is given, on which day, and how many units.
const GIVEN: [(usize, usize, i64); 2] = [(15, SWAP, 2), (20, CALL, 10)];
/// The day that the late trade was agreed on.
const LATE: usize = 30;
const MICROS_A_MINUTE: i64 = 60_000_000;

/// Whose trades are drawn, and what it holds so far.
pub(super) struct Ledger<'a> {
    market: &'a Market,
    source: SourceId,
    /// Its number, from 0.
    number: u32,
    portfolio: Symbol,
    /// The place of its base currency.
    base: usize,
    names_lots: bool,
    random: Random,
    day: usize,
    /// By currency, in units of 10^-8.
    cash: [i128; 3],
    /// By listing, whole units.
    held: [i64; LISTINGS.len()],
    /// The last purchase of each that was not sold from: its transaction and its units.
    bought: [Option<(Symbol, i64)>; LISTINGS.len()],
    count: u32,
    told: Vec<Transaction>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(spec: &BooksSpec, market: &'a Market, source: SourceId, number: u32) -> Ledger<'a> {
        Ledger {
            market,
            source,
            number,
            portfolio: super::portfolio_id(number),
            base: super::base_of(number),
            names_lots: super::names_lots(number),
            random: Random::new(spec.seed ^ mix(1000 + u64::from(number))),
            day: 0,
            cash: [0; 3],
            held: [0; LISTINGS.len()],
            bought: [None; LISTINGS.len()],
            count: 0,
            told: Vec::new(),
        }
    }

    /// All that happens, day by day.
    pub(super) fn transactions(mut self) -> Vec<Transaction> {
        for day in 0..self.market.count {
            self.day = day;
            self.pay_in_and_out();
            self.act();
            self.earn();
            self.trade();
        }
        self.receive();
        self.told
    }

    /// The first portfolio is given contracts.
    fn receive(&mut self) {
        let (market, number) = (self.market, self.number);
        for (day, listing, units) in GIVEN.into_iter().filter(|(day, ..)| number == 0 && *day < market.count) {
            self.day = day;
            if let Some(price) = market.price(listing, day) {
                let transaction = self.of_listing(T::TransferIn, listing, units, price);
                self.tell(transaction);
            }
        }
    }

    /// A purchase of the first listing that is told when all else was.
    pub(super) fn late(mut self) -> Vec<Transaction> {
        if LATE < self.market.count {
            (self.day, self.count) = (LATE, 90_000);
            self.cash = [i128::MAX / 4; 3];
            self.buy(ALDER, 40);
        }
        self.told
    }

    fn paid_in(&self) -> i128 {
        PAID_IN * i128::from(1 + self.number % 3) * i128::from(ONE)
    }

    fn pay_in_and_out(&mut self) {
        match self.day {
            0 => {
                self.move_cash(T::Deposit, self.base, self.paid_in());
                for other in 0..CURRENCIES.len() {
                    if other != self.base {
                        self.exchange(other, self.paid_in() / 4);
                    }
                }
            }
            SECOND_DEPOSIT => self.move_cash(T::Deposit, self.base, self.paid_in() / 5),
            WITHDRAWAL => self.move_cash(T::Withdrawal, self.base, self.paid_in() / 50),
            day if day % FEE_EVERY == FEE_EVERY - 1 => {
                let amount = on_cent(self.paid_in() / 12_000);
                let id = self.tell(Transaction {
                    gross_amount: Amount::from_scaled(amount),
                    ..self.plain(T::Fee, cash(self.base), self.base)
                });
                self.settle(self.base, -amount, id);
            }
            _ => {}
        }
    }

    /// Cash comes from outside or goes there.
    fn move_cash(&mut self, transaction_type: T, of: usize, amount: i128) {
        self.cash[of] += if transaction_type == T::Deposit { amount } else { -amount };
        let transaction = self.of_cash(transaction_type, of, amount);
        self.tell(transaction);
    }

    /// Base currency is given for another.
    fn exchange(&mut self, bought: usize, given: i128) {
        let rate = self.market.rate(self.base, bought, self.day).scaled().unwrap_or(0);
        let received = on_cent(given / 10_000 * rate / 100_000_000);
        self.cash[self.base] -= given;
        self.cash[bought] += received;
        let event = Symbol::of(&format!("FX {}-{}", self.number + 1, CURRENCIES[bought]));
        let detail = || TransactionDetail { event, ..TransactionDetail::default() };
        let sold = Transaction { side: Side::Sell, ..self.of_cash(T::FxSpot, self.base, given) };
        self.tell(sold.with_detail(detail()));
        let bought = Transaction { side: Side::Buy, ..self.of_cash(T::FxSpot, bought, received) };
        self.tell(bought.with_detail(detail()));
    }

    /// What corporate actions give for what is held.
    fn act(&mut self) {
        let given = |listing: Option<usize>, new: i64, old: i64, cost_share: &str, event: &str| TransactionDetail {
            other_security: listing.map_or(Symbol::NONE, |listing| Symbol::of(LISTINGS[listing].id)),
            ratio: Ratio { new: units(new), old: units(old) },
            cost_share: Rate::parse(cost_share, &Default::default()).unwrap_or_default(),
            event: Symbol::of(event),
            ..TransactionDetail::default()
        };
        match self.day {
            STOCK_DIVIDEND => {
                self.act_on(FERN, T::StockDividend, given(None, 1, 20, "", "CA-1"), |held| (0, held / 20))
            }
            SPLIT => self.act_on(BIRCH, T::Split, given(None, 4, 1, "", "CA-2"), |held| (0, held * 3)),
            SPIN_OFF => {
                let detail = given(Some(BIRCH_CLOUD), 1, 4, "0.2", "CA-3");
                self.act_on(BIRCH, T::SpinOff, detail, |_| (0, 0));
                self.held[BIRCH_CLOUD] = self.held[BIRCH] / 4;
            }
            MERGER => {
                let held = self.held[DOGWOOD];
                self.act_on(DOGWOOD, T::Merger, given(Some(CEDAR), 3, 2, "", "CA-4"), |held| (held, 0));
                self.held[CEDAR] += held * 3 / 2;
                self.bought[CEDAR] = None;
            }
            TRANSFER if self.number < 2 => self.transfer(),
            REDEMPTION => self.redeem(),
            _ => {}
        }
    }

    fn act_on(&mut self, listing: usize, kind: T, detail: TransactionDetail, change: impl Fn(i64) -> (i64, i64)) {
        let held = self.held[listing];
        if held == 0 {
            return;
        }
        let (gone, come) = change(held);
        self.held[listing] = held - gone + come;
        self.bought[listing] = None;
        let of = LISTINGS[listing].currency;
        let transaction = self.plain(kind, Symbol::of(LISTINGS[listing].id), of);
        self.tell(Transaction { settlement_date: transaction.trade_date, ..transaction }.with_detail(detail));
    }

    /// The first portfolio gives units of its fund to the second.
    fn transfer(&mut self) {
        const UNITS: i64 = 20;
        let Some(price) = self.market.price(FUND, self.day) else { return };
        let (kind, change) = if self.number == 0 { (T::TransferOut, -UNITS) } else { (T::TransferIn, UNITS) };
        self.held[FUND] += change;
        self.bought[FUND] = None;
        let transaction = self.of_listing(kind, FUND, UNITS, price);
        let event = Symbol::of("TRANSFER 1");
        self.tell(transaction.with_detail(TransactionDetail { event, ..TransactionDetail::default() }));
    }

    fn redeem(&mut self) {
        let held = std::mem::take(&mut self.held[NOTE]);
        if held > 0 {
            let redemption = self.of_listing(T::Redemption, NOTE, held, 100 * ONE);
            let received = redemption.gross_amount.scaled().unwrap_or(0);
            let id = self.tell(redemption);
            self.settle(LISTINGS[NOTE].currency, received, id);
        }
    }

    /// Dividends, the tax on them, and coupons.
    fn earn(&mut self) {
        for listing in [ALDER, BIRCH, CEDAR, FERN] {
            if self.day % DIVIDEND_EVERY != 40 + 3 * listing || self.held[listing] == 0 {
                continue;
            }
            let a_unit = self.market.price(listing, self.day).unwrap_or(0) / 150;
            let amount = on_cent(i128::from(a_unit) * i128::from(self.held[listing]));
            let (security, of) = (Symbol::of(LISTINGS[listing].id), LISTINGS[listing].currency);
            self.income(T::Dividend, security, of, amount);
            if of != self.base {
                let tax = on_cent(amount * 15 / 100);
                let transaction =
                    Transaction { gross_amount: Amount::from_scaled(tax), ..self.plain(T::Tax, security, of) };
                let id = self.tell(transaction);
                self.settle(of, -tax, id);
            }
        }
        if COUPONS.contains(&self.day) && self.held[NOTE] > 0 {
            let coupon = on_cent(i128::from(self.held[NOTE]) * i128::from(ONE) * 175 / 10_000);
            self.income(T::Interest, Symbol::of(LISTINGS[NOTE].id), LISTINGS[NOTE].currency, coupon);
        }
    }

    fn income(&mut self, kind: T, security: Symbol, of: usize, amount: i128) {
        let id = self.tell(Transaction { gross_amount: Amount::from_scaled(amount), ..self.plain(kind, security, of) });
        self.settle(of, amount, id);
    }

    /// A few purchases at first; later now and then a purchase or a sale.
    fn trade(&mut self) {
        let now_and_then = self.random.per_mille(70);
        if self.day >= TRADED && !now_and_then {
            return;
        }
        let drawn = self.random.below(TRADED as u64) as usize;
        // First one of each, as far as it goes.
        let listing = if self.day < TRADED { self.day } else { drawn };
        let ends_soon = matches!(listing, NOTE if self.day + 5 > REDEMPTION);
        let Some(price) = self.market.price(listing, self.day).filter(|_| !ends_soon) else { return };
        // The first portfolio keeps its fund, of which it is to give.
        let may_sell = self.day >= TRADED && self.held[listing] > 0 && (listing, self.number) != (FUND, 0);
        if may_sell && self.random.per_mille(450) {
            self.sell(listing, price);
            return;
        }
        let a_unit = worth(listing, 1, price);
        let wanted = self.paid_in() / (20 + i128::from(self.random.below(20) as u32));
        let wanted = i64::try_from(wanted / a_unit.max(1)).unwrap_or(0);
        // Bonds come in thousands, shares in tens; a ratio of a corporate action leaves no fractions of these.
        let lot = match listing {
            NOTE => 1000,
            FUTURE => 1,
            _ => 20,
        };
        let wanted = if listing == FUTURE { 1 } else { wanted / lot * lot };
        let left = self.cash[LISTINGS[listing].currency] - worth(listing, wanted, price);
        if wanted > 0 && left > self.paid_in() / RESERVE {
            self.buy(listing, wanted);
        }
    }

    fn buy(&mut self, listing: usize, quantity: i64) {
        let Some(price) = self.market.price(listing, self.day) else { return };
        let time = self.some_time();
        let mut transaction = Transaction {
            execution_time: time,
            fees: self.charge(listing, quantity),
            ..self.of_listing(T::Buy, listing, quantity, price)
        };
        let mut paid = transaction.gross_amount.scaled().unwrap_or(0) + transaction.fees.scaled().unwrap_or(0);
        if listing == NOTE {
            let accrued =
                on_cent(i128::from(quantity) * i128::from(ONE) * 350 * (self.day as i128 % 130) / 10_000 / 260);
            paid += accrued;
            let accrued_interest = Amount::from_scaled(accrued);
            transaction = transaction.with_detail(TransactionDetail { accrued_interest, ..Default::default() });
        }
        self.held[listing] += quantity;
        let id = self.tell(transaction);
        self.bought[listing] = Some((id, quantity));
        self.settle_at(LISTINGS[listing].currency, -paid, id, time);
    }

    fn sell(&mut self, listing: usize, price: i64) {
        let (held, time) = (self.held[listing], self.some_time());
        let lot = self.bought[listing].take().filter(|_| self.names_lots);
        let quantity = match lot {
            Some((_, units)) => units.min(held),
            None if held >= 40 => held / 40 * 20,
            None => held,
        };
        let transaction = Transaction {
            execution_time: time,
            fees: self.charge(listing, quantity),
            ..self.of_listing(T::Sell, listing, quantity, price)
        };
        let received = transaction.gross_amount.scaled().unwrap_or(0) - transaction.fees.scaled().unwrap_or(0);
        let lots = lot.map(|(lot, _)| LotReference { lot, quantity: units(quantity) }).into_iter().collect();
        self.held[listing] -= quantity;
        let id = self.tell(transaction.with_detail(TransactionDetail { lots, ..TransactionDetail::default() }));
        self.settle_at(LISTINGS[listing].currency, received, id, time);
    }

    fn charge(&mut self, listing: usize, quantity: i64) -> Amount {
        let cents = if listing == FUTURE { 250 * quantity } else { 500 + self.random.between(0, 900) };
        Amount::from_scaled(i128::from(cents) * i128::from(ONE) / 100)
    }

    fn some_time(&mut self) -> Timestamp {
        let midnight = Timestamp::start_of(self.market.days[self.day]).micros().unwrap_or(0);
        Timestamp::from_micros(midnight + self.random.between(8 * 60, 20 * 60) * MICROS_A_MINUTE)
    }

    /// Cash comes in, or leaves, for what a transaction was.
    fn settle(&mut self, of: usize, amount: i128, linked: Symbol) {
        self.settle_at(of, amount, linked, Timestamp::NONE);
    }

    fn settle_at(&mut self, of: usize, amount: i128, linked: Symbol, execution_time: Timestamp) {
        if amount == 0 {
            return;
        }
        self.cash[of] += amount;
        let kind = if amount > 0 { T::Buy } else { T::Sell };
        let leg = Transaction { execution_time, ..self.of_cash(kind, of, amount.abs()) };
        self.tell(leg.with_detail(TransactionDetail { linked: [linked].into(), ..TransactionDetail::default() }));
    }

    fn of_cash(&self, kind: T, of: usize, amount: i128) -> Transaction {
        let quantity = i64::try_from(amount / i128::from(ONE / QUANTITY_ONE)).unwrap_or(i64::MAX);
        Transaction {
            quantity: Quantity::from_scaled(quantity),
            price: Price::from_scaled(ONE),
            gross_amount: Amount::from_scaled(amount),
            ..self.plain(kind, cash(of), of)
        }
    }

    fn of_listing(&self, kind: T, listing: usize, quantity: i64, price: i64) -> Transaction {
        Transaction {
            quantity: units(quantity),
            price: Price::from_scaled(price),
            gross_amount: Amount::from_scaled(worth(listing, quantity, price)),
            ..self.plain(kind, Symbol::of(LISTINGS[listing].id), LISTINGS[listing].currency)
        }
    }

    fn plain(&self, transaction_type: T, security: Symbol, of: usize) -> Transaction {
        Transaction {
            source: self.source,
            transaction_type,
            currency: currency(of),
            portfolio: self.portfolio,
            security,
            trade_date: self.market.days[self.day],
            settlement_date: self.market.days
                [self.day + if matches!(transaction_type, T::Buy | T::Sell) { 2 } else { 0 }],
            fx_to_base: self.market.rate(of, self.base, self.day),
            ..Transaction::default()
        }
    }

    /// Gives it the next id.
    fn tell(&mut self, transaction: Transaction) -> Symbol {
        self.count += 1;
        let id = Symbol::of(&format!("P{}-{:05}", self.number + 1, self.count));
        self.told.push(Transaction { id, ..transaction });
        id
    }
}

fn units(quantity: i64) -> Quantity {
    Quantity::from_scaled(quantity * QUANTITY_ONE)
}

/// What units are worth at a price, in units of 10^-8.
fn worth(listing: usize, quantity: i64, price: i64) -> i128 {
    i128::from(price) * i128::from(quantity) * i128::from(LISTINGS[listing].multiplier) / i128::from(QUANTITY_ONE)
}

/// Cents and no less.
fn on_cent(amount: i128) -> i128 {
    amount / 1_000_000 * 1_000_000
}
