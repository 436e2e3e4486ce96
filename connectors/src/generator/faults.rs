//! Faults: what is planted into a day, how often, and at which side.

use serde::{Deserialize, Serialize};

use super::random::{Random, Stream};

/// How many of a thousand trades have each fault. A trade has at most one at the broker (and, of three sides, one at
/// the custodian); the rest are told alike by every side within seconds. Amounts that follow from a field that is told
/// wrong (gross and net amount, second notional, fixed rate) are wrong with it; the truth names the cause alone. Charges
/// and allocations stay those of the trade that was agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRates {
    /// The broker tells a trade that we never booked.
    pub missing_internal: u16,
    /// We booked a trade that the broker never tells.
    pub missing_broker: u16,
    /// We booked an execution twice, under two trade ids.
    pub duplicate_internal: u16,
    /// The broker booked an execution twice, under two trade ids.
    pub duplicate_broker: u16,
    /// A side tells another quantity.
    pub quantity_mismatch: u16,
    /// A side tells another price, at least ten basis points away.
    pub price_mismatch: u16,
    /// A side tells a buy as a sale or a sale as a buy.
    pub side_mismatch: u16,
    /// A side tells another instrument.
    pub instrument_mismatch: u16,
    /// A side tells another currency.
    pub currency_mismatch: u16,
    /// A side tells other fees.
    pub fees_mismatch: u16,
    /// A side tells a settlement a business day later.
    pub settlement_date_mismatch: u16,
    /// A side gives the trade to other accounts or in other parts.
    pub allocation_mismatch: u16,
    /// A side's price or fees differ by no more than the tolerances allow. No break.
    pub within_tolerance: u16,
    /// A side tells the trade minutes after the other. A break until then.
    pub late: u16,
    /// A side tells a wrong quantity or price first and corrects it later. A break until then.
    pub corrected: u16,
    /// Every side amends the price, each at its own time. A break in between.
    pub restated: u16,
    /// A side amends quantity or price and the other does not. A break from then on.
    pub amended_by_one: u16,
    /// Every side cancels the trade, each at its own time. A break in between, nothing in the end.
    pub cancelled: u16,
    /// A side cancels the trade and the other does not. Missing from then on.
    pub cancelled_by_one: u16,
    /// We booked a block that the broker tells as several fills; they share its block id and order id.
    pub block: u16,
    /// A side tells none of the ids that the other knows the trade by: only its economics can match it, and half of
    /// the time only nearly.
    pub unlinked: u16,
}

impl Default for FaultRates {
    fn default() -> Self {
        FaultRates {
            missing_internal: 3,
            missing_broker: 4,
            duplicate_internal: 1,
            duplicate_broker: 2,
            quantity_mismatch: 3,
            price_mismatch: 4,
            side_mismatch: 1,
            instrument_mismatch: 1,
            currency_mismatch: 1,
            fees_mismatch: 4,
            settlement_date_mismatch: 2,
            allocation_mismatch: 3,
            within_tolerance: 40,
            late: 15,
            corrected: 6,
            restated: 4,
            amended_by_one: 2,
            cancelled: 5,
            cancelled_by_one: 1,
            block: 15,
            unlinked: 10,
        }
    }
}

impl FaultRates {
    /// A day without faults.
    pub fn none() -> FaultRates {
        FaultRates {
            missing_internal: 0,
            missing_broker: 0,
            duplicate_internal: 0,
            duplicate_broker: 0,
            quantity_mismatch: 0,
            price_mismatch: 0,
            side_mismatch: 0,
            instrument_mismatch: 0,
            currency_mismatch: 0,
            fees_mismatch: 0,
            settlement_date_mismatch: 0,
            allocation_mismatch: 0,
            within_tolerance: 0,
            late: 0,
            corrected: 0,
            restated: 0,
            amended_by_one: 0,
            cancelled: 0,
            cancelled_by_one: 0,
            block: 0,
            unlinked: 0,
        }
    }

    /// How many of a thousand trades have a fault.
    pub fn total(&self) -> u32 {
        self.table().iter().map(|(rate, ..)| u32::from(*rate)).sum()
    }

    /// Each rate with what it plants and where.
    fn table(&self) -> [(u16, Planted, At); 21] {
        use Planted::{Duplicate, Mismatch, Missing};
        [
            (self.missing_internal, Missing, At::Internal),
            (self.missing_broker, Missing, At::Other),
            (self.duplicate_internal, Duplicate, At::Internal),
            (self.duplicate_broker, Duplicate, At::Other),
            (self.quantity_mismatch, Mismatch(Aspect::Quantity), At::Either),
            (self.price_mismatch, Mismatch(Aspect::Price), At::Either),
            (self.side_mismatch, Mismatch(Aspect::Side), At::Either),
            (self.instrument_mismatch, Mismatch(Aspect::Instrument), At::Either),
            (self.currency_mismatch, Mismatch(Aspect::Currency), At::Either),
            (self.fees_mismatch, Mismatch(Aspect::Fees), At::Either),
            (self.settlement_date_mismatch, Mismatch(Aspect::SettlementDate), At::Either),
            (self.allocation_mismatch, Mismatch(Aspect::Allocation), At::Either),
            (self.within_tolerance, Planted::WithinTolerance, At::Either),
            (self.late, Planted::Late, At::Either),
            (self.corrected, Planted::Corrected, At::Either),
            (self.restated, Planted::Restated, At::Every),
            (self.amended_by_one, Planted::AmendedByOne, At::Either),
            (self.cancelled, Planted::Cancelled, At::Every),
            (self.cancelled_by_one, Planted::CancelledByOne, At::Either),
            (self.block, Planted::Block, At::Other),
            (self.unlinked, Planted::Unlinked, At::Either),
        ]
    }
}

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aspect {
    Quantity,
    Price,
    Side,
    Instrument,
    Currency,
    Fees,
    SettlementDate,
    Allocation,
}

impl Aspect {
    /// The field, as the truth names it.
    pub(super) fn field(self) -> &'static str {
        match self {
            Aspect::Quantity => "quantity",
            Aspect::Price => "price",
            Aspect::Side => "side",
            Aspect::Instrument => "instrument",
            Aspect::Currency => "currency",
            Aspect::Fees => "fees",
            Aspect::SettlementDate => "settlement_date",
            Aspect::Allocation => "allocation",
        }
    }
}

/// What happens to a trade on its way into the books. See [`FaultRates`] for what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    Clean,
    Missing,
    Duplicate,
    Mismatch(Aspect),
    WithinTolerance,
    Late,
    Corrected,
    Restated,
    AmendedByOne,
    Cancelled,
    CancelledByOne,
    Block,
    Unlinked,
}

impl Planted {
    /// The name in the truth.
    pub(super) fn name(self) -> &'static str {
        match self {
            Planted::Clean => "clean",
            Planted::Missing => "missing",
            Planted::Duplicate => "duplicate",
            Planted::Mismatch(_) => "mismatch",
            Planted::WithinTolerance => "within_tolerance",
            Planted::Late => "late",
            Planted::Corrected => "corrected",
            Planted::Restated => "restated",
            Planted::AmendedByOne => "amended_by_one",
            Planted::Cancelled => "cancelled",
            Planted::CancelledByOne => "cancelled_by_one",
            Planted::Block => "block",
            Planted::Unlinked => "unlinked",
        }
    }

    /// Whether a custodian may have a fault of its own beside this one at the broker. Not where the fault shapes how
    /// every side tells the trade.
    fn leaves_custodian_free(self) -> bool {
        !matches!(self, Planted::Block | Planted::Unlinked)
    }

    /// Whether a custodian may have this fault on its own.
    fn fits_custodian(self) -> bool {
        !matches!(self, Planted::Restated | Planted::Cancelled | Planted::Block | Planted::Unlinked)
    }
}

/// Where a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In our books.
    Internal,
    /// At the other side.
    Other,
    /// Drawn: one in four in our books, else at the other side.
    Either,
    /// At every side.
    Every,
}

/// The faults of one trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Faults {
    /// The fault between us and the broker.
    main: Planted,
    /// Where it is; never `Either`.
    at: At,
    /// The custodian's own fault.
    custodian: Planted,
}

impl Faults {
    /// The fault between us and the broker.
    pub(super) fn main(&self) -> Planted {
        self.main
    }

    /// What goes wrong at one side.
    pub(super) fn acting_at(&self, side: u8) -> Planted {
        let acts = match self.at {
            At::Every => true,
            At::Internal => side == 0,
            At::Other | At::Either => side == 1,
        };
        match side {
            _ if acts => self.main,
            2 => self.custodian,
            _ => Planted::Clean,
        }
    }

    /// What goes wrong between us and another side. At most one thing does.
    pub(super) fn between_us_and(&self, side: u8) -> Planted {
        match self.acting_at(side) {
            Planted::Clean => self.acting_at(0),
            planted => planted,
        }
    }
}

/// The rates, ready to be drawn from.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    seed: u64,
    has_custodian: bool,
    /// The sum of the rates up to each fault.
    thresholds: Vec<(u64, Planted, At)>,
}

impl Draws {
    pub(super) fn new(seed: u64, sides: u8, rates: &FaultRates) -> Draws {
        let mut sum = 0;
        let thresholds = rates.table().map(|(rate, planted, at)| {
            sum += u64::from(rate);
            (sum, planted, at)
        });
        Draws { seed, has_custodian: sides > 2, thresholds: thresholds.to_vec() }
    }

    /// The faults of one trade.
    pub(super) fn faults(&self, number: u64) -> Faults {
        let (main, at) = self.draw(number, Stream::Fault);
        let free = self.has_custodian && at == At::Other && main.leaves_custodian_free();
        let custodian = match free.then(|| self.draw(number, Stream::CustodianFault)) {
            Some((planted, At::Other)) if planted.fits_custodian() => planted,
            _ => Planted::Clean,
        };
        Faults { main, at, custodian }
    }

    fn draw(&self, number: u64, stream: Stream) -> (Planted, At) {
        let mut random = Random::of_trade(self.seed, number, stream);
        let drawn = random.below(1000);
        let all = self.thresholds.last().map_or(0, |(sum, ..)| *sum);
        if drawn >= all {
            return (Planted::Clean, At::Other);
        }
        match self.thresholds.iter().find(|(sum, ..)| drawn < *sum) {
            Some((_, planted, At::Either)) => (*planted, if random.below(4) == 0 { At::Internal } else { At::Other }),
            Some((_, planted, at)) => (*planted, *at),
            None => (Planted::Clean, At::Other),
        }
    }
}
