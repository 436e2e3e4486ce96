//! What is held, and what it was worth from day to day: random walks in integers, the same on every machine.

use model::{
    BenchmarkLevel, Currency, Date, Dictionary, FxRate, Instrument, MarketPrice, Price, Product, Quantity, Rate,
    Record, RiskFreeRate, Sensitivity, SourceId, Symbol,
};

use super::spec::BooksSpec;
use crate::generator::random::{Random, mix};

/// `Price` and `Amount` hold this many units in one.
pub(super) const ONE: i64 = 100_000_000;
const QUANTITY_ONE: i64 = 1_000_000;
/// Which day of the books something happens.
pub(super) const STOCK_DIVIDEND: usize = 90;
pub(super) const SPLIT: usize = 100;
pub(super) const SPIN_OFF: usize = 160;
pub(super) const MERGER: usize = 200;
pub(super) const REDEMPTION: usize = 230;
/// The price that is wrong until it is corrected: of the first listing, on this day.
pub(super) const MISPRICED: usize = 120;

/// The currencies that are traded in; each has a kind of cash of its name.
pub(super) const CURRENCIES: [&str; 3] = ["USD", "EUR", "GBP"];
/// What a unit of each is worth in US dollars at first, in ten-thousandths.
const DOLLARS: [i128; 3] = [10_000, 10_350, 12_520];
/// What money earns in each without risk at first, in basis points.
const RISK_FREE_BASIS_POINTS: [i64; 3] = [425, 275, 450];

/// Something that is held other than cash.
pub(super) struct Listing {
    pub(super) id: &'static str,
    name: &'static str,
    pub(super) product: Product,
    /// By its place in [`CURRENCIES`].
    pub(super) currency: usize,
    asset_class: &'static str,
    sector: &'static str,
    country: &'static str,
    rating: &'static str,
    issuer: &'static str,
    parent: &'static str,
    /// Of a contract over the counter.
    counterparty: &'static str,
    /// What one unit is worth at a price of one, in millionths.
    pub(super) multiplier: i64,
    /// The step of its price, in units of 10^-8.
    tick: i64,
    /// Its first price, in ticks.
    ticks: i64,
    /// How far its price goes in a day at most, in basis points.
    daily_move: i64,
}

pub(super) const ALDER: usize = 0;
pub(super) const BIRCH: usize = 1;
pub(super) const BIRCH_CLOUD: usize = 2;
pub(super) const CEDAR: usize = 3;
pub(super) const DOGWOOD: usize = 4;
pub(super) const FERN: usize = 5;
pub(super) const NOTE: usize = 6;
pub(super) const FUND: usize = 7;
pub(super) const FUTURE: usize = 8;
/// The first of them are traded: those up to here. The others the first portfolio is given.
pub(super) const TRADED: usize = 9;
pub(super) const SWAP: usize = 9;
pub(super) const CALL: usize = 10;

/// All invented.
#[rustfmt::skip]
pub(super) const LISTINGS: [Listing; 11] = [
    Listing { id: "ALDER", name: "Alder Machines", product: Product::Equity, currency: 0, asset_class: "equities", sector: "industry",
        country: "US", rating: "", issuer: "Alder", parent: "Alder", counterparty: "", multiplier: QUANTITY_ONE, tick: ONE / 100, ticks: 5_240, daily_move: 220 },
    Listing { id: "BIRCH", name: "Birch Software", product: Product::Equity, currency: 0, asset_class: "equities", sector: "technology",
        country: "US", rating: "", issuer: "Birch", parent: "Birch", counterparty: "", multiplier: QUANTITY_ONE, tick: ONE / 100, ticks: 41_800, daily_move: 300 },
    Listing { id: "BIRCH CLOUD", name: "Birch Cloud", product: Product::Equity, currency: 0, asset_class: "equities", sector: "technology",
        country: "US", rating: "", issuer: "Birch Cloud", parent: "Birch", counterparty: "", multiplier: QUANTITY_ONE, tick: ONE / 100, ticks: 0, daily_move: 380 },
    Listing { id: "CEDAR", name: "Cedar Pharma", product: Product::Equity, currency: 1, asset_class: "equities", sector: "health",
        country: "DE", rating: "", issuer: "Cedar", parent: "Cedar", counterparty: "", multiplier: QUANTITY_ONE, tick: ONE / 100, ticks: 7_710, daily_move: 200 },
    Listing { id: "DOGWOOD", name: "Dogwood Labs", product: Product::Equity, currency: 1, asset_class: "equities", sector: "health",
        country: "FR", rating: "", issuer: "Dogwood", parent: "Dogwood", counterparty: "", multiplier: QUANTITY_ONE, tick: ONE / 100, ticks: 0, daily_move: 0 },
    Listing { id: "FERN", name: "Fern Energy", product: Product::Equity, currency: 2, asset_class: "equities", sector: "energy",
        country: "GB", rating: "", issuer: "Fern", parent: "Fern", counterparty: "", multiplier: QUANTITY_ONE, tick: ONE / 100, ticks: 1_865, daily_move: 240 },
    Listing { id: "NOTE 3.5 2025", name: "Federal note 3.5%", product: Product::Bond, currency: 0, asset_class: "bonds", sector: "government",
        country: "US", rating: "AA+", issuer: "Federal", parent: "Federal", counterparty: "", multiplier: QUANTITY_ONE / 100, tick: ONE / 1000, ticks: 99_350, daily_move: 12 },
    Listing { id: "WORLD FUND", name: "World equity fund", product: Product::Fund, currency: 1, asset_class: "funds", sector: "",
        country: "LU", rating: "", issuer: "Grove", parent: "Grove", counterparty: "", multiplier: QUANTITY_ONE, tick: ONE / 10_000, ticks: 1_427_500, daily_move: 130 },
    Listing { id: "INDEX FUTURE", name: "Index future", product: Product::Future, currency: 0, asset_class: "derivatives", sector: "",
        country: "US", rating: "", issuer: "Exchange", parent: "Exchange", counterparty: "", multiplier: 50 * QUANTITY_ONE, tick: ONE / 4, ticks: 2_310, daily_move: 160 },
    Listing { id: "SWAP 2030", name: "Swap of 3.9% into overnight 2030", product: Product::Swap, currency: 0, asset_class: "derivatives", sector: "",
        country: "", rating: "", issuer: "", parent: "", counterparty: "Harbour Bank", multiplier: QUANTITY_ONE, tick: ONE, ticks: 12_500, daily_move: 350 },
    Listing { id: "ALDER CALL 55", name: "Alder Machines call 55", product: Product::Option, currency: 0, asset_class: "derivatives", sector: "industry",
        country: "US", rating: "", issuer: "Alder", parent: "Alder", counterparty: "", multiplier: 100 * QUANTITY_ONE, tick: ONE / 100, ticks: 310, daily_move: 500 },
];

/// What a point of implied volatility adds to the price of the option at first, in ten-thousandths.
const VEGA: i64 = 1_620;

/// What each benchmark stands at first, in hundredths, and how far it goes in a day at most, in basis points.
const BENCHMARKS: [(&str, i64, i64); 2] = [("WORLD", 312_045, 130), ("MIXED", 184_310, 70)];

/// What everything was worth on each business day.
pub(super) struct Market {
    /// The business days, and two more.
    pub(super) days: Vec<Date>,
    /// How many of the days have prices.
    pub(super) count: usize,
    /// By listing and day, in units of 10^-8; none where there is none.
    prices: Vec<Vec<Option<i64>>>,
    /// By currency and day: what a unit is worth in US dollars, in units of 10^-12.
    dollars: Vec<Vec<i128>>,
    levels: Vec<Vec<i64>>,
    risk_free: Vec<Vec<i64>>,
    /// What a point of implied volatility adds to the price of the option, in ten-thousandths.
    vegas: Vec<i64>,
}

impl Market {
    pub(super) fn new(spec: &BooksSpec) -> Market {
        let count = spec.days as usize;
        let walk = |stream: u64, first: i64, daily_move: i64| {
            walked(Random::new(spec.seed ^ mix(stream)), first, daily_move, count)
        };
        let prices = (0..).zip(&LISTINGS).map(|(stream, listing)| {
            let ticks = walk(stream, listing.ticks, listing.daily_move).into_iter();
            ticks.map(|ticks| Some(ticks * listing.tick)).collect()
        });
        let dollars = (100..).zip(DOLLARS).map(|(stream, first)| {
            let daily_move = if stream == 100 { 0 } else { 60 };
            walk(stream, first as i64, daily_move)
                .into_iter()
                .map(|rate| i128::from(rate) * Rate::ONE_SCALED / 10_000)
                .collect()
        });
        let levels = (200..).zip(BENCHMARKS).map(|(stream, (_, first, daily_move))| walk(stream, first, daily_move));
        let risk_free = (300..).zip(RISK_FREE_BASIS_POINTS).map(|(stream, first)| walk(stream, first, 40));
        let mut market = Market {
            days: spec.calendar(),
            count,
            prices: prices.collect(),
            dollars: dollars.collect(),
            levels: levels.collect(),
            risk_free: risk_free.collect(),
            vegas: walk(400, VEGA, 100),
        };
        market.act();
        market
    }

    /// What corporate actions do to prices.
    fn act(&mut self) {
        for day in 0..self.count {
            let birch = self.prices[BIRCH][day].unwrap_or(0) / if day < SPLIT { 1 } else { 4 };
            let kept = if day < SPIN_OFF { birch } else { birch * 4 / 5 };
            self.prices[BIRCH][day] = Some(on_tick(BIRCH, kept));
            let fern = self.prices[FERN][day].unwrap_or(0);
            let fern = if day < STOCK_DIVIDEND { fern } else { fern * 20 / 21 };
            self.prices[FERN][day] = Some(on_tick(FERN, fern));
            // One unit for four, that take a fifth of the value.
            self.prices[BIRCH_CLOUD][day] = (day >= SPIN_OFF).then(|| on_tick(BIRCH_CLOUD, birch * 4 / 5));
            // Three units for two.
            let cedar = self.prices[CEDAR][day].unwrap_or(0);
            self.prices[DOGWOOD][day] = (day < MERGER).then(|| on_tick(DOGWOOD, cedar * 3 / 2));
            if day >= REDEMPTION {
                self.prices[NOTE][day] = None;
            }
        }
    }

    /// The price of a listing on a day, in units of 10^-8.
    pub(super) fn price(&self, listing: usize, day: usize) -> Option<i64> {
        self.prices[listing][day]
    }

    /// What a unit of a currency is worth in another on a day.
    pub(super) fn rate(&self, from: usize, to: usize, day: usize) -> Rate {
        Rate::from_scaled(self.dollars[from][day] * Rate::ONE_SCALED / self.dollars[to][day])
    }

    /// The prices of a day. One of them is wrong.
    pub(super) fn prices_of(&self, source: SourceId, day: usize) -> impl Iterator<Item = Record> {
        (0..LISTINGS.len()).filter_map(move |listing| {
            let told = if (listing, day) == (ALDER, MISPRICED) { 10 } else { 1 };
            self.price(listing, day).map(|price| self.price_record(source, listing, day, price * told))
        })
    }

    /// The price that was wrong, as it is.
    pub(super) fn correction(&self, source: SourceId) -> Option<Record> {
        let price = (MISPRICED < self.count).then(|| self.price(ALDER, MISPRICED)).flatten()?;
        Some(self.price_record(source, ALDER, MISPRICED, price))
    }

    fn price_record(&self, source: SourceId, listing: usize, day: usize, price: i64) -> Record {
        let security = Symbol::of(LISTINGS[listing].id);
        let (currency, price) = (currency(LISTINGS[listing].currency), Price::from_scaled(price));
        MarketPrice { source, currency, security, price_date: self.days[day], price }.into()
    }

    /// The exchange rates of a day: of every currency into those that portfolios are kept in.
    pub(super) fn rates_of(&self, source: SourceId, day: usize) -> impl Iterator<Item = Record> {
        let pairs = [(1, 0), (2, 0), (0, 1), (2, 1)];
        pairs.into_iter().map(move |(from, to)| {
            let (from_currency, to_currency) = (currency(from), currency(to));
            let rate = FxRate {
                source,
                from_currency,
                to_currency,
                rate_date: self.days[day],
                rate: self.rate(from, to, day),
            };
            Record::FxRate(rate.into())
        })
    }

    /// The levels of the benchmarks on a day.
    pub(super) fn levels_of(&self, source: SourceId, day: usize) -> impl Iterator<Item = Record> {
        BENCHMARKS.iter().zip(&self.levels).map(move |((benchmark, ..), levels)| {
            let (benchmark, level_date) = (Symbol::of(benchmark), self.days[day]);
            BenchmarkLevel { source, benchmark, level_date, level: Price::from_scaled(levels[day] * ONE / 100) }.into()
        })
    }

    fn is_first_of_month(&self, day: usize) -> bool {
        let month = |day: usize| self.days[day].ymd().map(|(_, month, _)| month);
        day == 0 || month(day) != month(day - 1)
    }

    /// What a point of implied volatility adds to the price of the option, if the day is the first of its month.
    pub(super) fn sensitivities_of(&self, source: SourceId, day: usize) -> impl Iterator<Item = Record> {
        let vega = self.is_first_of_month(day).then(|| Price::from_scaled(self.vegas[day] * ONE / 10_000));
        let security = Symbol::of(LISTINGS[CALL].id);
        let told = vega.map(|vega| Sensitivity { source, security, sensitivity_date: self.days[day], vega });
        told.map(Record::from).into_iter()
    }

    /// What money earned without risk, if the day is the first of its month.
    pub(super) fn risk_free_of(&self, source: SourceId, day: usize) -> impl Iterator<Item = Record> {
        (0..if self.is_first_of_month(day) { CURRENCIES.len() } else { 0 }).map(move |of| {
            let annual_rate = Rate::from_scaled(i128::from(self.risk_free[of][day]) * Rate::ONE_SCALED / 10_000);
            Record::RiskFreeRate(
                RiskFreeRate { source, currency: currency(of), rate_date: self.days[day], annual_rate }.into(),
            )
        })
    }

    /// What is held, cash last.
    pub(super) fn instruments(&self, source: SourceId, dictionary: &Dictionary) -> impl Iterator<Item = Record> {
        let ends = |listing: &Listing| match listing.product {
            Product::Bond => self.days.get(REDEMPTION).copied().unwrap_or_default(),
            Product::Future | Product::Option => Date::from_ymd(2026, 6, 19).unwrap_or_default(),
            Product::Swap => Date::from_ymd(2030, 3, 15).unwrap_or_default(),
            _ => Date::NONE,
        };
        let listed = LISTINGS.iter().map(move |listing| Instrument {
            source,
            product: listing.product,
            currency: currency(listing.currency),
            id: dictionary.intern(listing.id),
            name: dictionary.intern(listing.name),
            asset_class: dictionary.intern(listing.asset_class),
            sector: dictionary.intern(listing.sector),
            country: dictionary.intern(listing.country),
            rating: dictionary.intern(listing.rating),
            issuer: dictionary.intern(listing.issuer),
            ultimate_parent: dictionary.intern(listing.parent),
            counterparty: dictionary.intern(listing.counterparty),
            isin: Symbol::NONE,
            multiplier: Quantity::from_scaled(listing.multiplier),
            tick_size: Price::from_scaled(listing.tick),
            maturity_date: ends(listing),
        });
        let cash = (0..CURRENCIES.len()).map(move |of| Instrument {
            source,
            product: Product::Cash,
            currency: currency(of),
            id: cash(of),
            name: Symbol::of(CURRENCIES[of]),
            asset_class: Symbol::of("cash"),
            multiplier: Quantity::from_scaled(QUANTITY_ONE),
            ..Instrument::default()
        });
        listed.chain(cash).map(|instrument| Record::Instrument(instrument.into()))
    }
}

/// A currency by its place.
pub(super) fn currency(of: usize) -> Currency {
    Currency::parse(CURRENCIES[of]).unwrap_or_default()
}

/// The cash of a currency, as a security.
pub(super) fn cash(of: usize) -> Symbol {
    Symbol::of(&format!("CASH {}", CURRENCIES[of]))
}

fn on_tick(listing: usize, price: i64) -> i64 {
    let tick = LISTINGS[listing].tick;
    (price / tick).max(1) * tick
}

/// A walk from `first` on, each step drawn from a triangle as wide as `daily_move` basis points to either side.
fn walked(mut random: Random, first: i64, daily_move: i64, count: usize) -> Vec<i64> {
    // Two basis points a day upwards, as shares do in the long run.
    let drift = if daily_move > 100 { 4 } else { 0 };
    let next = |value: &i64| {
        let step = random.between(-daily_move, daily_move) + random.between(-daily_move, daily_move);
        Some((value + value * (step + drift) / 20_000).max(i64::from(first > 0)))
    };
    std::iter::successors(Some(first), next).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_keep_the_worth_of_what_is_held_but_for_the_walk() {
        let market = Market::new(&BooksSpec::default());
        let price = |listing, day| market.price(listing, day);
        let near = |left: i64, right: i64| (left - right).abs() * 10 < left;
        assert!(near(price(BIRCH, SPLIT - 1).unwrap(), price(BIRCH, SPLIT).unwrap() * 4));
        let after = price(BIRCH, SPIN_OFF).unwrap() + price(BIRCH_CLOUD, SPIN_OFF).unwrap() / 4;
        assert!(near(price(BIRCH, SPIN_OFF - 1).unwrap(), after));
        assert!(near(price(DOGWOOD, MERGER - 1).unwrap() * 2, price(CEDAR, MERGER).unwrap() * 3));
        assert_eq!(
            (price(BIRCH_CLOUD, SPIN_OFF - 1), price(DOGWOOD, MERGER), price(NOTE, REDEMPTION)),
            (None, None, None)
        );
    }
}
