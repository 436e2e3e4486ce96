//! `Story`: one trade from its agreement to the last message about it.
//!
//! ```text
//!  agreed terms ──▶ each side's version of them (a difference, if one is planted there) ──▶ what it tells, and when
//! ```
//! A story is a pure function of the market and the number of the trade. So nothing has to be kept of it while its
//! messages wait for their time: whoever needs it draws it again.

use model::{Currency, Date, Side};

use super::faults::{Aspect, Faults, Planted};
use super::ids::COPIES_MAX;
use super::market::{Charges, Instrument, MINUTE, Market, ONE, SECOND};
use super::random::{Random, Stream};

/// Prices that differ by no more than this many basis points are equal.
pub const PRICE_TOLERANCE_BASIS_POINTS: u32 = 1;
/// Fees that differ by no more than this many cents are equal.
pub const FEES_TOLERANCE_CENTS: u32 = 1;

/// How many of a thousand trades are split over two accounts.
const SPLIT_PER_MILLE: u64 = 90;

/// What a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Tells a record for the first time.
    New,
    /// Tells it again: replaces what was told under the same id.
    Amend,
    /// Takes it back.
    Cancel,
}

impl Kind {
    /// How files write it.
    pub fn code(self) -> &'static str {
        match self {
            Kind::New => "NEW",
            Kind::Amend => "AMEND",
            Kind::Cancel => "CANCEL",
        }
    }
}

/// One message of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) side: u8,
    pub(super) what: What,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// The trade: which of its fills or copies, and the first version (0) or the amended one (1).
    Trade { copy: u8, version: u8 },
    /// A part of its allocation.
    Allocation { part: u8 },
}

/// A trade as a side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The instrument that is named.
    pub(super) instrument: usize,
    /// The instrument that was traded: it decides how amounts are computed.
    pub(super) traded: usize,
    pub(super) side: Side,
    pub(super) units: i64,
    /// In units of 10^-8.
    pub(super) price: i64,
    pub(super) currency: Currency,
    pub(super) commission_cents: i64,
    pub(super) fees_cents: i64,
    pub(super) settlement_date: Date,
    pub(super) counterparty: usize,
    pub(super) book: usize,
    pub(super) opens: bool,
    /// The microsecond of the day.
    pub(super) executed: u64,
}

/// One part of an allocation: a book's account, and how many units it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) book: usize,
    pub(super) units: i64,
}

/// A fill of a block.
#[derive(Clone, Copy, Debug)]
struct Fill {
    lots: i64,
    /// How far its price is from that of the block.
    ticks: i64,
}

/// One trade and what becomes of it.
pub(super) struct Story<'a> {
    pub(super) market: &'a Market,
    pub(super) number: u64,
    pub(super) faults: Faults,
}

impl<'a> Story<'a> {
    pub(super) fn new(market: &'a Market, number: u64) -> Story<'a> {
        Story { market, number, faults: market.faults(number) }
    }

    pub(super) fn random(&self, stream: Stream) -> Random {
        Random::of_trade(self.market.spec.seed, self.number, stream)
    }

    pub(super) fn is_block(&self) -> bool {
        self.faults.main() == Planted::Block
    }

    /// Whether this side tells none of the ids that the others know the trade by.
    pub(super) fn is_unlinked_at(&self, side: u8) -> bool {
        self.faults.acting_at(side) == Planted::Unlinked
    }

    /// Allocations name the execution they are of, so there are none where a side has no execution id.
    fn is_allocated(&self) -> bool {
        !matches!(self.faults.main(), Planted::Block | Planted::Unlinked)
    }

    /// How many records of the trade this side has in the end, cancelled or not.
    pub(super) fn copies(&self, side: u8) -> u8 {
        match self.faults.acting_at(side) {
            Planted::Missing => 0,
            Planted::Duplicate => 2,
            Planted::Block => self.fills().count() as u8,
            _ => 1,
        }
    }

    /// Gives every message of one side with the microsecond of the day at which it is told.
    pub(super) fn tell(&self, side: u8, mut give: impl FnMut(u64, Step)) {
        let planted = self.faults.acting_at(side);
        if planted == Planted::Missing {
            return;
        }
        let mut random = self.random(Stream::Times(side));
        let told = self.executed() + first_delay(side, planted, &mut random);
        match planted {
            Planted::Block => self.tell_fills(side, told, &mut random, &mut give),
            _ => give(told, Step { kind: Kind::New, side, what: What::Trade { copy: 0, version: 0 } }),
        }
        self.tell_allocation(side, Kind::New, told + random.below(3 * SECOND), &mut give);
        match planted {
            Planted::Duplicate => {
                give(
                    told + 1 + random.below(5 * MINUTE),
                    Step { kind: Kind::New, side, what: What::Trade { copy: 1, version: 0 } },
                );
            }
            Planted::Corrected | Planted::Restated | Planted::AmendedByOne => {
                let delay = MINUTE + random.below(120 * MINUTE);
                give(told + delay, Step { kind: Kind::Amend, side, what: What::Trade { copy: 0, version: 1 } });
            }
            Planted::Cancelled | Planted::CancelledByOne => {
                let at = told + 5 * MINUTE + random.below(90 * MINUTE);
                give(at, Step { kind: Kind::Cancel, side, what: What::Trade { copy: 0, version: 0 } });
                self.tell_allocation(side, Kind::Cancel, at, &mut give);
            }
            _ => {}
        }
    }

    /// Fills come one after the other; one block in four waits minutes for its last.
    fn tell_fills(&self, side: u8, told: u64, random: &mut Random, give: &mut impl FnMut(u64, Step)) {
        let last = self.copies(side).saturating_sub(1);
        let wait = if random.below(4) == 0 { MINUTE + random.below(20 * MINUTE) } else { 0 };
        for copy in 0..=last {
            let at = told + u64::from(copy) * random.below(5 * SECOND) + if copy == last { wait } else { 0 };
            give(at, Step { kind: Kind::New, side, what: What::Trade { copy, version: 0 } });
        }
    }

    fn tell_allocation(&self, side: u8, kind: Kind, at: u64, give: &mut impl FnMut(u64, Step)) {
        if self.is_allocated() {
            for part in 0..if self.is_split() { 2 } else { 1 } {
                give(at, Step { kind, side, what: What::Allocation { part } });
            }
        }
    }

    /// The microsecond of the day at which the trade is agreed.
    fn executed(&self) -> u64 {
        let earliest = self.market.earliest(self.number);
        let room = self.market.earliest(self.number + 1) - earliest;
        earliest + self.random(Stream::Agreed).below(room)
    }

    /// The terms as one side tells them, in the version before (0) or after (1) its amendment, for one fill or copy.
    pub(super) fn terms(&self, side: u8, version: u8, copy: u8) -> Terms {
        let agreed = self.agreed();
        match (self.faults.acting_at(side), version) {
            (Planted::Mismatch(aspect), _) => self.differing(agreed, aspect),
            (Planted::Corrected, 0) | (Planted::AmendedByOne, 1) => self.differing(agreed, self.amended_aspect()),
            (Planted::Restated, 0) => self.differing(agreed, Aspect::Price),
            (Planted::WithinTolerance, _) => self.differing_a_little(agreed),
            (Planted::Unlinked, _) if self.is_told_loosely() => self.differing_a_little(agreed),
            (Planted::Block, _) => self.fill_terms(agreed, copy),
            _ => agreed,
        }
    }

    /// What an amendment is about: quantity or price.
    pub(super) fn amended_aspect(&self) -> Aspect {
        if self.random(Stream::Difference).per_mille(500) { Aspect::Quantity } else { Aspect::Price }
    }

    /// Whether an unlinked trade is told with small differences too, and with the counterparty's name written otherwise.
    pub(super) fn is_told_loosely(&self) -> bool {
        self.random(Stream::Difference).per_mille(500)
    }

    /// What was agreed.
    fn agreed(&self) -> Terms {
        let market = self.market;
        let mut random = self.random(Stream::Terms);
        let number = match self.is_block() {
            true => market.instruments.pick_for_block(&mut random),
            false => market.instruments.pick(&mut random),
        };
        let instrument = market.instruments.get(number);
        let executed = self.executed();
        let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let lots = match self.is_block() {
            true => self.fills().map(|fill| fill.lots).sum(),
            // A trade that is split has two lots at least.
            false => 2 + random.skewed_below(instrument.lots_max) as i64 - i64::from(!self.is_split()),
        };
        let ticks = (market.ticks_at(number, instrument, executed) + random.between(-2, 2)).max(10);
        let counterparties = market.parties.trading(instrument.is_over_the_counter());
        let (units, price) = (lots * instrument.lot, ticks * instrument.tick);
        let (commission_cents, fees_cents) = charges(instrument, side, units, price);
        Terms {
            instrument: number,
            traded: number,
            side,
            units,
            price,
            currency: instrument.currency,
            commission_cents,
            fees_cents,
            settlement_date: instrument.settlement_date,
            counterparty: counterparties.start + random.below(counterparties.len() as u64) as usize,
            book: random.below(market.parties.books.len() as u64) as usize,
            opens: random.below(2) == 0,
            executed,
        }
    }

    /// The terms with one of them told wrong.
    fn differing(&self, mut terms: Terms, aspect: Aspect) -> Terms {
        let mut random = self.random(Stream::Difference);
        // The first number decides what an amendment is about.
        random.next();
        let instrument = self.market.instruments.get(terms.traded);
        match aspect {
            Aspect::Quantity => terms.units = wrong_units(terms.units, instrument.lot, &mut random),
            Aspect::Price => terms.price = wrong_price(terms.price, instrument.tick, &mut random),
            Aspect::Side => terms.side = if terms.side == Side::Buy { Side::Sell } else { Side::Buy },
            Aspect::Instrument => terms.instrument = instrument.neighbour,
            Aspect::Currency => terms.currency = wrong_currency(terms.currency),
            Aspect::Fees => terms.fees_cents += random.between(5, 500) + terms.fees_cents / 10,
            Aspect::SettlementDate => terms.settlement_date = instrument.late_settlement_date,
            Aspect::Allocation => {}
        }
        terms
    }

    /// The terms with differences that the tolerances allow: up to half a basis point of the price, a cent of the fees.
    fn differing_a_little(&self, mut terms: Terms) -> Terms {
        let mut random = self.random(Stream::Difference);
        random.next();
        terms.price += random.between(1, (terms.price / 20_000).max(1));
        terms.fees_cents += random.between(0, 1);
        terms
    }

    /// The fills of a block, in pairs that differ from its price by as much, one up and one down: their average is exact.
    fn fills(&self) -> impl Iterator<Item = Fill> {
        let mut random = self.random(Stream::Fills);
        let pairs = 1 + random.below(u64::from(COPIES_MAX) / 2);
        (0..pairs).flat_map(move |_| {
            let (lots, ticks) = (random.between(1, 20), random.between(0, 3));
            [Fill { lots, ticks }, Fill { lots, ticks: -ticks }]
        })
    }

    /// A fill's terms. Charges are shared out by lots, the last fill takes what rounding leaves.
    fn fill_terms(&self, block: Terms, copy: u8) -> Terms {
        let instrument = self.market.instruments.get(block.traded);
        let all: i64 = self.fills().map(|fill| fill.lots).sum();
        let before: i64 = self.fills().take(usize::from(copy)).map(|fill| fill.lots).sum();
        let Some(fill) = self.fills().nth(usize::from(copy)) else { return block };
        let share = |cents: i64| cents * (before + fill.lots) / all - cents * before / all;
        Terms {
            units: fill.lots * instrument.lot,
            price: block.price + fill.ticks * instrument.tick,
            commission_cents: share(block.commission_cents),
            fees_cents: share(block.fees_cents),
            ..block
        }
    }

    fn is_split(&self) -> bool {
        self.random(Stream::Allocation).per_mille(SPLIT_PER_MILLE)
    }

    /// One part of the allocation as a side tells it.
    pub(super) fn part(&self, side: u8, part: u8) -> Part {
        let agreed = self.agreed();
        let lot = self.market.instruments.get(agreed.traded).lot;
        let is_wrong = self.faults.acting_at(side) == Planted::Mismatch(Aspect::Allocation);
        let beside = |distance| self.market.parties.book_beside(agreed.book, distance);
        if !self.is_split() {
            return Part { book: if is_wrong { beside(1) } else { agreed.book }, units: agreed.units };
        }
        let lots = agreed.units / lot;
        let first = (lots * 6 / 10).max(1);
        // Either a lot is on the wrong account, or, where there is none to spare, the second account is wrong.
        let first_told = if is_wrong && first > 1 { first - 1 } else { first };
        let second_book = if is_wrong && first == 1 { beside(2) } else { beside(1) };
        match part {
            0 => Part { book: agreed.book, units: first_told * lot },
            _ => Part { book: second_book, units: agreed.units - first_told * lot },
        }
    }
}

/// How long after the agreement a side tells it.
fn first_delay(side: u8, planted: Planted, random: &mut Random) -> u64 {
    let usual = match side {
        0 => SECOND / 20 + random.below(2 * SECOND),
        1 => SECOND + random.below(15 * SECOND),
        _ => 5 * SECOND + random.below(MINUTE),
    };
    if planted == Planted::Late { usual + 2 * MINUTE + random.below(43 * MINUTE) } else { usual }
}

/// Commission and fees in cents.
fn charges(instrument: &Instrument, side: Side, units: i64, price: i64) -> (i64, i64) {
    match instrument.charges {
        Charges::Nothing => (0, 0),
        Charges::PerUnit { commission_cents, fees_cents } => (units * commission_cents, units * fees_cents),
        Charges::OfAmount { commission, fees, stamp } => {
            let cents = gross_cents(instrument, units, price);
            let share = |millionths: i64| (cents * i128::from(millionths) / 1_000_000) as i64;
            let stamp = if side == Side::Buy { stamp } else { 0 };
            (share(commission).max(100), share(fees + stamp))
        }
    }
}

/// Quantity times price in cents, half a cent rounded up.
pub(super) fn gross_cents(instrument: &Instrument, units: i64, price: i64) -> i128 {
    let product = i128::from(units) * i128::from(instrument.multiplier) * i128::from(price);
    let cent = i128::from(ONE / 100) * i128::from(instrument.divisor);
    (product + cent / 2).div_euclid(cent)
}

/// A few lots more or less, or a zero too many.
fn wrong_units(units: i64, lot: i64, random: &mut Random) -> i64 {
    let difference = random.between(1, 9) * lot;
    match random.below(8) {
        0 => units * 10,
        1..=4 if units > difference => units - difference,
        _ => units + difference,
    }
}

/// At least ten basis points and one tick up or down.
fn wrong_price(price: i64, tick: i64, random: &mut Random) -> i64 {
    let difference = (price / 1000 / tick + 1) * random.between(1, 5) * tick;
    if random.below(2) == 0 && price > 2 * difference { price - difference } else { price + difference }
}

fn wrong_currency(currency: Currency) -> Currency {
    let other = if currency.code() == "USD" { "EUR" } else { "USD" };
    Currency::parse(other).unwrap_or_default()
}
