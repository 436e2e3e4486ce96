//! What is traded: shares, bonds, listed derivatives and over-the-counter contracts, all invented but for the names of
//! currencies, venues and the terms (root, multiplier, tick) of well-known futures.

use std::ops::Range;

use model::{Calendar, Currency, Date, OptionKind, Price, Product, Symbol};

use super::codes;
use crate::generator::random::Random;

/// `Price` and `Amount` hold this many units in one.
pub(in crate::generator) const ONE: i64 = 10_i64.pow(Price::SCALE as u32);

/// What a trade in an instrument costs.
#[derive(Clone, Copy, Debug)]
pub(in crate::generator) enum Charges {
    /// Commission and fees in hundredths of a basis point of the gross amount, and stamp duty on what is bought.
    OfAmount { commission: i64, fees: i64, stamp: i64 },
    /// Cents for each unit.
    PerUnit { commission_cents: i64, fees_cents: i64 },
    /// Nothing beside the price.
    Nothing,
}

/// The terms that only some contracts have.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::generator) struct Contract {
    pub(in crate::generator) expiry: Date,
    pub(in crate::generator) strike: Price,
    pub(in crate::generator) option_kind: OptionKind,
    pub(in crate::generator) effective_date: Date,
    pub(in crate::generator) maturity_date: Date,
    /// The currency of the quantity, where the quantity is an amount of money.
    pub(in crate::generator) notional_currency: Currency,
    /// Interest accrued since the last coupon, in hundredths of a basis point of the face amount.
    pub(in crate::generator) accrued: i64,
}

/// Something that is traded. Quantities are whole units; prices are in units of 10^-8, on the tick grid.
#[derive(Clone, Debug)]
pub(in crate::generator) struct Instrument {
    pub(in crate::generator) name: Symbol,
    pub(in crate::generator) isin: Symbol,
    pub(in crate::generator) venue: Symbol,
    pub(in crate::generator) product: Product,
    pub(in crate::generator) currency: Currency,
    pub(in crate::generator) tick: i64,
    /// The price at the start of the day.
    pub(in crate::generator) ticks: i64,
    /// How many units a lot has.
    pub(in crate::generator) lot: i64,
    pub(in crate::generator) lots_max: u64,
    pub(in crate::generator) multiplier: i64,
    /// 100 where the price is in percent, else 1.
    pub(in crate::generator) divisor: i64,
    pub(in crate::generator) charges: Charges,
    pub(in crate::generator) settlement_date: Date,
    /// One business day after the right one.
    pub(in crate::generator) late_settlement_date: Date,
    pub(in crate::generator) contract: Contract,
    /// Another one of the same kind and currency, for who mistakes the one for the other.
    pub(in crate::generator) neighbour: usize,
}

impl Instrument {
    /// Whether it is traded bilaterally, and so has a unique transaction identifier.
    pub(in crate::generator) fn is_over_the_counter(&self) -> bool {
        matches!(self.product, Product::Swap | Product::FxSpot | Product::FxForward)
    }
}

/// Everything that is traded, kind by kind.
#[derive(Clone, Debug)]
pub(in crate::generator) struct Instruments {
    all: Vec<Instrument>,
    kinds: Vec<Kind>,
}

#[derive(Clone, Debug)]
struct Kind {
    members: Range<usize>,
    /// How many of a thousand trades.
    weight: u64,
}

/// How many of a thousand trades are in shares, bonds, futures, options, swaps, currency forwards and spot.
const WEIGHTS: [u64; 7] = [480, 80, 230, 70, 50, 60, 30];

impl Instruments {
    /// The instruments as they are on a day.
    pub(in crate::generator) fn on(date: Date, calendar: &Calendar) -> Instruments {
        let mut making = Making { date, calendar, random: Random::new(0x15_1e), all: Vec::new(), names: tickers() };
        let makers = [
            Making::shares,
            Making::bonds,
            Making::futures,
            Making::options,
            Making::swaps,
            Making::currency_forwards,
            Making::currency_spot,
        ];
        let mut kinds = Vec::new();
        for (make, weight) in makers.into_iter().zip(WEIGHTS) {
            let first = making.all.len();
            make(&mut making);
            kinds.push(Kind { members: first..making.all.len(), weight });
        }
        let mut instruments = Instruments { all: making.all, kinds };
        instruments.find_neighbours();
        instruments
    }

    pub(in crate::generator) fn get(&self, number: usize) -> &Instrument {
        &self.all[number]
    }

    /// Draws an instrument; some are traded far more than others.
    pub(in crate::generator) fn pick(&self, random: &mut Random) -> usize {
        let mut drawn = random.below(WEIGHTS.iter().sum());
        let chosen = self.kinds.iter().find(|kind| {
            let found = drawn < kind.weight;
            drawn = drawn.wrapping_sub(kind.weight);
            found
        });
        pick_of(chosen.unwrap_or(&self.kinds[0]), random)
    }

    /// Draws an instrument that is traded in blocks: a share or a future.
    pub(in crate::generator) fn pick_for_block(&self, random: &mut Random) -> usize {
        let kind = if random.below(2) == 0 { &self.kinds[0] } else { &self.kinds[2] };
        pick_of(kind, random)
    }

    fn find_neighbours(&mut self) {
        for kind in &self.kinds {
            for number in kind.members.clone() {
                let currency = self.all[number].currency;
                let mut others = (number + 1..kind.members.end).chain(kind.members.start..number);
                self.all[number].neighbour =
                    others.find(|other| self.all[*other].currency == currency).unwrap_or(number);
            }
        }
    }
}

fn pick_of(kind: &Kind, random: &mut Random) -> usize {
    kind.members.start + random.skewed_below(kind.members.len() as u64) as usize
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap_or_default()
}

/// Invented names of five letters, in a fixed but mixed order, none twice.
fn tickers() -> Vec<String> {
    const STARTS: [&str; 12] = ["VA", "KE", "LO", "MI", "TU", "RA", "SO", "BE", "NI", "DU", "PO", "ZE"];
    const MIDDLES: [&str; 10] = ["L", "R", "N", "M", "S", "T", "V", "D", "K", "X"];
    const ENDS: [&str; 5] = ["TO", "MA", "RI", "NE", "CO"];
    let count = STARTS.len() * MIDDLES.len() * ENDS.len();
    // 241 and the count have no common factor, so each combination comes once.
    let name = |step: usize| {
        let place = step * 241 % count;
        let (start, rest) = (place % STARTS.len(), place / STARTS.len());
        format!("{}{}{}", STARTS[start], MIDDLES[rest % MIDDLES.len()], ENDS[rest / MIDDLES.len()])
    };
    (0..count).map(name).collect()
}

/// Instruments in the making.
struct Making<'a> {
    date: Date,
    calendar: &'a Calendar,
    random: Random,
    all: Vec<Instrument>,
    names: Vec<String>,
}

impl Making<'_> {
    /// An instrument of which little is known yet, settling so many business days after the trade.
    fn plain(&self, name: &str, product: Product, currency: Currency, settlement_days: i32) -> Instrument {
        let settlement_date = self.calendar.add_business_days(self.date, settlement_days);
        Instrument {
            name: Symbol::of(name),
            isin: Symbol::NONE,
            venue: Symbol::NONE,
            product,
            currency,
            tick: ONE / 100,
            ticks: 100,
            lot: 1,
            lots_max: 100,
            multiplier: 1,
            divisor: 1,
            charges: Charges::Nothing,
            settlement_date,
            late_settlement_date: self.calendar.next_business_day(settlement_date),
            contract: Contract::default(),
            neighbour: 0,
        }
    }

    fn shares(&mut self) {
        const MARKETS: [(&str, &str, i32, i64); 6] = [
            ("USD", "XNYS", 1, 0),
            ("USD", "XNAS", 1, 0),
            ("GBP", "XLON", 2, 5000),
            ("USD", "XNYS", 1, 0),
            ("EUR", "XDUB", 2, 10_000),
            ("USD", "XNAS", 1, 0),
        ];
        for ordinal in 0..180_u32 {
            let (code, venue, days, stamp) = MARKETS[ordinal as usize % MARKETS.len()];
            let isin = match code {
                "GBP" => codes::british_or_irish_isin("GB", ordinal),
                "EUR" => codes::british_or_irish_isin("IE", ordinal),
                _ => codes::american_isin(ordinal),
            };
            let share = self.plain(&self.names[ordinal as usize], Product::Equity, currency(code), days);
            self.all.push(Instrument {
                isin: Symbol::of(&isin),
                venue: Symbol::of(venue),
                ticks: 800 + self.random.skewed_below(40_000) as i64,
                lot: 100,
                lots_max: 200,
                charges: Charges::OfAmount { commission: 200, fees: 20, stamp },
                ..share
            });
        }
    }

    fn bonds(&mut self) {
        for ordinal in 0..60_u32 {
            let code = ["USD", "USD", "EUR", "GBP"][ordinal as usize % 4];
            let isin = match code {
                "GBP" => codes::british_or_irish_isin("GB", 50_000 + ordinal),
                "EUR" => codes::british_or_irish_isin("IE", 50_000 + ordinal),
                _ => codes::american_isin(5000 + ordinal),
            };
            let quarters = 4 + self.random.below(20) as i64;
            let year = self.date.ymd().map_or(2030, |(year, ..)| year) + 2 + self.random.below(9) as i32;
            let maturity_date = Date::from_ymd(year, 1 + self.random.below(12) as u8, 15).unwrap_or_default();
            let issuer = &self.names[200 + ordinal as usize];
            let name = format!("{issuer} {}.{:02} {year}", quarters / 4, quarters % 4 * 25);
            let bond = self.plain(&name, Product::Bond, currency(code), if code == "USD" { 1 } else { 2 });
            // A quarter percent is 2,500 hundredths of a basis point a year of 360 days.
            let accrued = quarters * 2500 * self.random.below(180) as i64 / 360;
            self.all.push(Instrument {
                isin: Symbol::of(&isin),
                venue: Symbol::of("XOFF"),
                tick: ONE / 1000,
                ticks: 95_000 + self.random.below(10_000) as i64,
                lot: 10_000,
                lots_max: 500,
                divisor: 100,
                contract: Contract { maturity_date, accrued, ..Contract::default() },
                ..bond
            });
        }
    }

    fn futures(&mut self) {
        // Root, venue, currency, multiplier, tick in 10^-8, price in ticks.
        const ROOTS: [(&str, &str, &str, i64, i64, i64); 12] = [
            ("ES", "XCME", "USD", 50, 25_000_000, 22_400),
            ("ZN", "XCBT", "USD", 1000, 1_562_500, 7_180),
            ("FGBL", "XEUR", "EUR", 1000, 1_000_000, 13_150),
            ("CL", "XNYM", "USD", 1000, 1_000_000, 7_240),
            ("FESX", "XEUR", "EUR", 10, 100_000_000, 5_310),
            ("NQ", "XCME", "USD", 20, 25_000_000, 80_600),
            ("SR3", "XCME", "USD", 2500, 500_000, 19_260),
            ("BRN", "IFEU", "USD", 1000, 1_000_000, 7_610),
            ("Z", "IFLL", "GBP", 10, 50_000_000, 17_450),
            ("GC", "XCEC", "USD", 100, 10_000_000, 29_300),
            ("6E", "XCME", "USD", 125_000, 5_000, 21_700),
            ("R", "IFLL", "GBP", 1000, 1_000_000, 9_270),
        ];
        let expiries = self.third_fridays(3, 2);
        for (root, venue, code, multiplier, tick, ticks) in ROOTS {
            for (month, expiry) in expiries.iter().enumerate() {
                let future = self.plain(&format!("{root}{}", month_code(*expiry)), Product::Future, currency(code), 1);
                self.all.push(Instrument {
                    venue: Symbol::of(venue),
                    tick,
                    ticks: ticks + ticks * month as i64 / 200,
                    lots_max: 150,
                    multiplier,
                    charges: Charges::PerUnit { commission_cents: 110, fees_cents: 138 },
                    contract: Contract { expiry: *expiry, ..Contract::default() },
                    ..future
                });
            }
        }
    }

    /// Calls and puts near the money on some of the shares.
    fn options(&mut self) {
        let dollar = currency("USD");
        let shares: Vec<(usize, i64)> = self.all.iter().map(|share| share.ticks).enumerate().take(60).collect();
        let Some(expiry) = self.third_fridays(1, 1).first().copied() else { return };
        let Some((year, month, day)) = expiry.ymd() else { return };
        for (number, spot) in shares {
            if self.all[number].currency != dollar || spot < 2000 {
                continue;
            }
            for (option_kind, letter, percent) in [(OptionKind::Call, 'C', 105), (OptionKind::Put, 'P', 95)] {
                let strike = spot * percent / 10_000 / 5 * 5;
                let ticker = &self.names[number];
                let name = format!("{ticker}{:02}{month:02}{day:02}{letter}{strike}", year % 100);
                let option = self.plain(&name, Product::Option, dollar, 1);
                self.all.push(Instrument {
                    venue: Symbol::of("XCBO"),
                    ticks: 60 + spot * 3 / 100,
                    multiplier: 100,
                    charges: Charges::PerUnit { commission_cents: 65, fees_cents: 7 },
                    contract: Contract {
                        expiry,
                        strike: Price::from_scaled(strike * ONE),
                        option_kind,
                        ..Contract::default()
                    },
                    ..option
                });
            }
        }
    }

    /// Swaps of a fixed rate, which is their price in percent, against a floating one.
    fn swaps(&mut self) {
        for (code, ticks) in [("USD", 7400), ("EUR", 4900), ("GBP", 7900)] {
            for years in [2, 5, 10, 30] {
                let swap = self.plain(&format!("IRS {code} {years}Y"), Product::Swap, currency(code), 2);
                let effective_date = swap.settlement_date;
                let contract = Contract {
                    effective_date,
                    maturity_date: self.calendar.next_business_day(effective_date.add_days(years * 36_525 / 100 - 1)),
                    notional_currency: currency(code),
                    ..Contract::default()
                };
                let venue = Symbol::of("XXXX");
                self.all.push(Instrument {
                    venue,
                    tick: 50_000,
                    ticks: ticks + i64::from(years) * 15,
                    lot: 1_000_000,
                    lots_max: 250,
                    contract,
                    ..swap
                });
            }
        }
    }

    fn currency_forwards(&mut self) {
        for (tenor, days) in [("1M", 30), ("3M", 91), ("6M", 182)] {
            self.currency_pairs(&format!(" {tenor}"), Product::FxForward, days);
        }
    }

    fn currency_spot(&mut self) {
        self.currency_pairs("", Product::FxSpot, 0);
    }

    /// Currency pairs for delivery so many days after the spot date, moved to the next business day.
    fn currency_pairs(&mut self, tenor: &str, product: Product, days: i32) {
        const PAIRS: [(&str, &str, i64, i64); 8] = [
            ("EUR", "USD", 1000, 108_500),
            ("USD", "JPY", 100_000, 148_250),
            ("GBP", "USD", 1000, 129_400),
            ("USD", "CHF", 1000, 88_100),
            ("AUD", "USD", 1000, 66_200),
            ("EUR", "JPY", 100_000, 160_850),
            ("EUR", "CHF", 1000, 95_600),
            ("NZD", "USD", 1000, 60_100),
        ];
        let spot = self.calendar.add_business_days(self.date, 2);
        let delivery = self.calendar.next_business_day(spot.add_days(days - 1));
        for (base, quote, tick, ticks) in PAIRS {
            let pair = self.plain(&format!("{base}{quote}{tenor}"), product, currency(quote), 2);
            let notional_currency = currency(base);
            self.all.push(Instrument {
                venue: Symbol::of("XXXX"),
                tick,
                ticks: ticks + i64::from(days) * 3,
                lot: 100_000,
                lots_max: 500,
                settlement_date: delivery,
                late_settlement_date: self.calendar.next_business_day(delivery),
                contract: Contract { maturity_date: delivery, notional_currency, ..Contract::default() },
                ..pair
            });
        }
    }

    /// The next third Fridays of the months whose number a step divides, more than five days ahead.
    fn third_fridays(&self, month_step: u8, count: usize) -> Vec<Date> {
        let (year, ..) = self.date.ymd().unwrap_or((1970, 1, 1));
        let months = (year..year + 3).flat_map(|year| (1..=12).map(move |month| (year, month)));
        let fridays =
            months.filter(|(_, month)| month % month_step == 0).filter_map(|(year, month)| third_friday(year, month));
        fridays.filter(|friday| *friday > self.date.add_days(5)).take(count).collect()
    }
}

fn third_friday(year: i32, month: u8) -> Option<Date> {
    let first = Date::from_ymd(year, month, 1)?;
    let friday = model::Weekday::Friday as i32;
    let until_friday = (friday - first.weekday()? as i32).rem_euclid(7);
    Some(first.add_days(until_friday + 14))
}

/// The letter of the month and the last digit of the year, as exchanges write them.
fn month_code(expiry: Date) -> String {
    let Some((year, month, _)) = expiry.ymd() else { return String::new() };
    let letter = char::from(b"FGHJKMNQUVXZ"[usize::from(month - 1)]);
    format!("{letter}{}", year % 10)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use model::identifiers::{Isin, Mic};

    use super::*;
    use crate::generator::spec::{DaySpec, business_calendar};

    fn instruments() -> Instruments {
        Instruments::on(DaySpec::default().date, &business_calendar(2026))
    }

    #[test]
    fn every_instrument_has_a_name_of_its_own_a_venue_and_a_valid_isin_or_none() {
        let mut names = HashSet::new();
        for instrument in instruments().all {
            let name = instrument.name.inline_text().unwrap().to_owned();
            Mic::parse(instrument.venue.inline_text().unwrap()).unwrap();
            let listed = matches!(instrument.product, Product::Equity | Product::Bond);
            assert_eq!(Isin::parse(instrument.isin.inline_text().unwrap()).is_ok(), listed, "{name}");
            assert!(!instrument.currency.is_none() && instrument.ticks >= 10, "{name}");
            assert!(names.insert(name.clone()), "{name} twice");
        }
        assert!(names.len() > 300);
        assert!(names.contains("ESM6") && names.contains("IRS EUR 5Y") && names.contains("EURUSD 3M"), "{names:?}");
    }

    #[test]
    fn every_instrument_can_be_mistaken_for_another() {
        let instruments = instruments();
        for (number, instrument) in instruments.all.iter().enumerate() {
            let neighbour = instruments.get(instrument.neighbour);
            assert_ne!(instrument.neighbour, number, "{}", instrument.name);
            assert_eq!((neighbour.product, neighbour.currency), (instrument.product, instrument.currency));
        }
    }

    #[test]
    fn settlement_follows_the_calendar() {
        // 2026-03-16 is a Monday; spot is two business days later.
        let instruments = instruments();
        let of = |name: &str| instruments.all.iter().find(|one| one.name == Symbol::of(name)).unwrap();
        assert_eq!(of("ESM6").settlement_date.to_string(), "2026-03-17");
        assert_eq!(of("ESM6").contract.expiry.to_string(), "2026-06-19");
        assert_eq!(of("EURUSD").settlement_date.to_string(), "2026-03-18");
        assert_eq!(of("EURUSD 1M").settlement_date.to_string(), "2026-04-17");
    }
}
