//! Time-weighted return of a portfolio that is long at times and short at others: a leg for each, which can start again.
//!
//! On a long day one unit of the long leg grows by `1 + r`; on a short day one unit that is owed grows by `1 − r`. The
//! return of both is `long · (2 − short) − 1`. A day is long or short by the sign of its base, and so are the days that
//! follow, until money moves or the legs start again: a portfolio that falls below zero by its losses is still a long one
//! that has lost more than all.
//!
//! Linking makes no sense beyond a total loss, so the legs start again:
//!
//! | rule | when | from |
//! |---|---|---|
//! | [`Reset::LongBelowZero`] (NCTRL 1) | the long leg has lost more than all | the day after |
//! | [`Reset::ShortBelowZero`] (NCTRL 2) | the short leg has gained more than all that was owed | the day after |
//! | [`Reset::ShortAboveTwo`] (NCTRL 3) | the short leg has lost more than all, and there was a long one | the day after |
//! | [`Reset::NewMoney`] (NCTRL 4) | a leg has lost all, or more, and money has moved | that day |
//!
//! The first three wait for the end of a day on which, or right after which, money moves, or for the end of a month. The
//! return of a day on which they come true reads 0: what was before is over. The end of a period that is asked for is no
//! such day, for a day does not know who asks about it; [`State::is_due`] says whether one would be.
//!
//! The rules are those of sgajbi's performance engines (PAS and its successor), whose published tables are among the
//! tests, with three differences that the tables do not show. A leg that has gone below zero stays due until it starts
//! again; there it is missed unless that happens on the very day. A sign is looked at again after a reset, as that code's
//! comments say and its order of steps prevents. And the return of the day of new money counts.
//!
//! # Part by part
//!
//! What days do to the legs depends on how these come in, but in a few ways only. So a stretch of days can be summed up
//! without knowing: by the side that comes in, what the legs are multiplied by, and a short list of what makes them start
//! again within the stretch, with what then comes out. [`Legs::then`] puts two stretches one after the other. The list has
//! an entry or two, and one more for each greater height of the short leg at the end of a month or about a flow.

use model::Date;

use super::daily::{Basis, Day};

/// The sign of what earns a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Owed.
    Short,
    /// Nothing is there.
    Flat,
    /// Owned.
    Long,
}

impl Side {
    const ALL: [Side; 3] = [Side::Short, Side::Flat, Side::Long];
}

/// Why legs start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reset {
    /// NCTRL 1.
    LongBelowZero,
    /// NCTRL 2.
    ShortBelowZero,
    /// NCTRL 3.
    ShortAboveTwo,
    /// NCTRL 4.
    NewMoney,
}

/// The worst that has become of the legs since they started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Both are above zero.
    Whole,
    /// One has come down to exactly zero.
    Lost,
    /// The short one has gone below.
    ShortBelowZero,
    /// The long one has.
    LongBelowZero,
}

/// A day, with what must be known of its neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LegDay {
    /// The return of the day.
    pub rate: f64,
    /// The sign of its base.
    pub side: Side,
    /// Money moved at its start, or at the end of the day before.
    pub money_moved: bool,
    /// Legs that are due start again after it: money moves on it or at the start of the next day, or it ends a month.
    pub may_reset: bool,
}

impl LegDay {
    /// No day, but what comes before one at whose start money moves: legs that are due start again. It says of the day
    /// before what that day cannot know itself. Reset or not, the day after it is of its own side.
    pub const BEFORE_MONEY: LegDay = LegDay { rate: 0.0, side: Side::Flat, money_moved: false, may_reset: true };

    /// A day between its neighbours.
    pub fn new(date: Date, before: Option<&Day>, day: &Day, after: Option<&Day>, basis: Basis) -> LegDay {
        let month = |date: Date| date.ymd().map(|(_, month, _)| month);
        let moves_next = after.is_some_and(|after| after.opening_flow != 0);
        let side = match day.base().signum() {
            -1 => Side::Short,
            0 => Side::Flat,
            _ => Side::Long,
        };
        LegDay {
            rate: day.rate(basis),
            side,
            money_moved: day.opening_flow != 0 || before.is_some_and(|before| before.closing_flow != 0),
            may_reset: day.opening_flow != 0
                || day.closing_flow != 0
                || moves_next
                || month(date) != month(date.add_days(1)),
        }
    }
}

/// Where the legs are after some days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// They start again with the next day.
    pub starts: bool,
    /// The side of the last day.
    pub side: Side,
    /// What one unit of the long leg has become.
    pub long: f64,
    /// What one unit that is owed has become.
    pub short: f64,
    /// There was a long day.
    pub has_long: bool,
    /// The worst so far.
    pub standing: Standing,
    /// How often they started again.
    pub resets: u32,
}

impl State {
    /// Before the first day.
    pub const START: State = State {
        starts: true,
        side: Side::Flat,
        long: 1.0,
        short: 1.0,
        has_long: false,
        standing: Standing::Whole,
        resets: 0,
    };

    /// The same, after so many more resets.
    fn after_resets(self, resets: u32) -> State {
        State { resets: self.resets.saturating_add(resets), ..self }
    }

    /// The return of the long leg.
    pub fn long_rate(&self) -> f64 {
        self.long - 1.0
    }

    /// The return of the short leg.
    pub fn short_rate(&self) -> f64 {
        1.0 - self.short
    }

    /// The return of both.
    pub fn rate(&self) -> f64 {
        self.long * (2.0 - self.short) - 1.0
    }

    /// Why the legs are to start again, where they may.
    pub fn is_due(&self) -> Option<Reset> {
        match self.standing {
            Standing::LongBelowZero => Some(Reset::LongBelowZero),
            Standing::ShortBelowZero => Some(Reset::ShortBelowZero),
            _ if self.short > 2.0 && self.has_long => Some(Reset::ShortAboveTwo),
            _ => None,
        }
    }

    /// After one more day, and why the legs started again at it or are to start again after it.
    pub fn after(&self, day: &LegDay) -> (State, Option<Reset>) {
        let has_new_money = day.money_moved && self.standing >= Standing::Lost;
        let start = if has_new_money { State::START.after_resets(self.resets.saturating_add(1)) } else { *self };
        let moved = start.moved(day);
        match moved.is_due() {
            Some(reset) if day.may_reset => (State::START.after_resets(moved.resets.saturating_add(1)), Some(reset)),
            _ => (moved, has_new_money.then_some(Reset::NewMoney)),
        }
    }

    /// The side of one more day.
    pub fn side_on(&self, day: &LegDay) -> Side {
        if self.starts || day.money_moved { day.side } else { self.side }
    }

    /// After one more day, the rules aside.
    fn moved(&self, day: &LegDay) -> State {
        let side = self.side_on(day);
        let (long, short) = match side {
            Side::Short => (1.0, 1.0 - day.rate),
            Side::Flat => (1.0, 1.0),
            Side::Long => (1.0 + day.rate, 1.0),
        };
        // By the factor rather than by what it makes: so it does not depend on what came before.
        let standing = match () {
            () if long < 0.0 => Standing::LongBelowZero,
            () if short < 0.0 => Standing::ShortBelowZero,
            () if long == 0.0 || short == 0.0 => Standing::Lost,
            () => Standing::Whole,
        };
        State {
            starts: false,
            side,
            long: self.long * long,
            short: self.short * short,
            has_long: self.has_long || side == Side::Long,
            standing: self.standing.max(standing),
            resets: self.resets,
        }
    }

    /// After a stretch that multiplies and does not start again.
    fn followed_by(&self, later: &State) -> State {
        State {
            starts: false,
            side: later.side,
            long: self.long * later.long,
            short: self.short * later.short,
            has_long: self.has_long || later.has_long,
            standing: self.standing.max(later.standing),
            resets: self.resets.saturating_add(later.resets),
        }
    }
}

/// What a stretch of consecutive days does to legs, however they come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Legs {
    /// What comes of legs that start with the stretch.
    started: State,
    /// What it does to legs that come in on each side.
    by_side: [Stretch; 3],
}

/// What a stretch does to legs that come in on one side.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    /// What becomes of whole legs of one unit if they do not start again: others are multiplied by it.
    unit: State,
    /// What makes them start again, the earliest first.
    resets: Vec<Condition>,
}

/// Legs that come in so start again, and then come out so.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Condition {
    /// They stand like this or worse,
    standing_from: Standing,
    /// or the short one is above this,
    short_above: f64,
    /// with a long day before, if that is needed.
    needs_long: bool,
    outcome: State,
}

impl Condition {
    fn holds(&self, state: &State) -> bool {
        let above = state.short > self.short_above && (state.has_long || !self.needs_long);
        state.standing >= self.standing_from || above
    }

    /// All legs that this holds for start again earlier.
    fn is_needless_after(&self, earlier: &[Condition]) -> bool {
        let by_standing = earlier.iter().any(|other| other.standing_from <= self.standing_from);
        let above = |other: &Condition| other.short_above <= self.short_above && (!other.needs_long || self.needs_long);
        by_standing && (self.short_above == f64::INFINITY || earlier.iter().any(above))
    }
}

impl Stretch {
    fn none(side: Side) -> Stretch {
        Stretch { unit: State { starts: false, side, ..State::START }, resets: Vec::new() }
    }

    fn of(day: &LegDay, side: Side) -> Stretch {
        let unit = Stretch::none(side).unit.moved(day);
        let mut resets = Vec::new();
        if day.money_moved {
            let outcome = State::START.after(day).0.after_resets(1);
            let standing_from = Standing::Lost;
            resets.push(Condition { standing_from, short_above: f64::INFINITY, needs_long: false, outcome });
        }
        if day.may_reset {
            let is_below = unit.standing >= Standing::ShortBelowZero;
            resets.push(Condition {
                standing_from: if is_below { Standing::Whole } else { Standing::ShortBelowZero },
                short_above: if unit.short > 0.0 { 2.0 / unit.short } else { f64::INFINITY },
                needs_long: !unit.has_long,
                outcome: State::START.after_resets(1),
            });
        }
        Stretch { unit, resets }
    }

    fn then(&self, later: &Legs) -> Stretch {
        let next = later.of(self.unit.side);
        let mut resets: Vec<Condition> = Vec::new();
        let own = self.resets.iter().map(|reset| Condition { outcome: later.after(&reset.outcome), ..*reset });
        let theirs = next.resets.iter().map(|reset| reset.seen_from_before(&self.unit));
        for reset in own.chain(theirs) {
            if !reset.is_needless_after(&resets) {
                resets.push(reset);
            }
        }
        Stretch { unit: self.unit.followed_by(&next.unit), resets }
    }
}

impl Condition {
    /// The same condition on legs that come in earlier, before a stretch that does this to those of one unit.
    fn seen_from_before(&self, unit: &State) -> Condition {
        let holds_always = unit.standing >= self.standing_from;
        Condition {
            standing_from: if holds_always { Standing::Whole } else { self.standing_from },
            // A leg at or below zero is due, or starts again with new money: its height does not matter.
            short_above: if unit.short > 0.0 { self.short_above / unit.short } else { f64::INFINITY },
            needs_long: self.needs_long && !unit.has_long,
            outcome: self.outcome,
        }
    }
}

impl Legs {
    /// No days.
    pub fn none() -> Legs {
        Legs { started: State::START, by_side: Side::ALL.map(Stretch::none) }
    }

    /// One day.
    pub fn day(day: &LegDay) -> Legs {
        Legs { started: State::START.after(day).0, by_side: Side::ALL.map(|side| Stretch::of(day, side)) }
    }

    /// These days followed by later ones.
    pub fn then(&self, later: &Legs) -> Legs {
        Legs { started: later.after(&self.started), by_side: Side::ALL.map(|side| self.of(side).then(later)) }
    }

    /// Where legs are after these days.
    pub fn after(&self, state: &State) -> State {
        if state.starts {
            return self.started.after_resets(state.resets);
        }
        let stretch = self.of(state.side);
        let reset = stretch.resets.iter().find(|reset| reset.holds(state));
        reset.map_or_else(|| state.followed_by(&stretch.unit), |reset| reset.outcome.after_resets(state.resets))
    }

    /// Where legs that start with the first of these days are after the last.
    pub fn state(&self) -> State {
        self.started
    }

    fn of(&self, side: Side) -> &Stretch {
        &self.by_side[side as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    fn leg_day(rate: f64, side: Side, money_moved: bool, may_reset: bool) -> LegDay {
        LegDay { rate, side, money_moved, may_reset }
    }

    #[test]
    fn money_after_a_total_loss_starts_again() {
        let days = [
            leg_day(-1.0, Side::Long, false, true),
            leg_day(0.0, Side::Flat, false, true),
            leg_day(0.1, Side::Long, true, true),
        ];
        let (lost, reset) = State::START.after(&days[0]);
        assert_eq!((lost.rate(), reset), (-1.0, None));
        let (still, reset) = lost.after(&days[1]);
        assert_eq!((still.rate(), reset), (-1.0, None));
        let (again, reset) = still.after(&days[2]);
        assert!((again.rate() - 0.1).abs() < 1e-15);
        assert_eq!(reset, Some(Reset::NewMoney));
    }

    #[test]
    fn a_short_leg_that_lost_more_than_all_starts_again_only_beside_a_long_one() {
        let short = [leg_day(-0.6, Side::Short, true, false), leg_day(-0.5, Side::Short, false, true)];
        let after = |first: State| first.after(&short[0]).0.after(&short[1]);
        let (alone, reset) = after(State::START);
        assert!(alone.short > 2.0 && reset.is_none());
        assert!((alone.rate() + 1.4).abs() < 1e-15);
        let (beside, reset) = after(State::START.after(&leg_day(0.1, Side::Long, false, false)).0);
        assert_eq!((beside, reset), (State::START.after_resets(1), Some(Reset::ShortAboveTwo)));
    }

    #[test]
    fn a_leg_below_zero_waits_for_a_day_on_which_it_may_start_again() {
        let days = [
            leg_day(-1.5, Side::Long, false, false),
            leg_day(-0.1, Side::Short, false, false),
            leg_day(0.0, Side::Short, false, true),
        ];
        let fallen = State::START.after(&days[0]).0;
        let waiting = fallen.after(&days[1]).0;
        assert_eq!((waiting.side, waiting.is_due()), (Side::Long, Some(Reset::LongBelowZero)));
        assert_eq!(waiting.after(&days[2]), (State::START.after_resets(1), Some(Reset::LongBelowZero)));
    }

    fn day() -> impl Strategy<Value = LegDay> {
        let rate = prop_oneof![4 => -0.9..0.9f64, 1 => -3.0..3.0f64, 1 => Just(-1.0), 1 => Just(1.0)];
        let side = prop_oneof![Just(Side::Short), Just(Side::Flat), Just(Side::Long)];
        let flag = || prop::bool::weighted(0.25);
        (rate, side, flag(), flag()).prop_map(|(rate, side, moved, may)| leg_day(rate, side, moved, may))
    }

    fn numbers(state: &State) -> Vec<f64> {
        let flags = [f64::from(state.starts), f64::from(state.has_long), f64::from(state.side as u8)];
        let standing = [f64::from(state.standing as u8), f64::from(state.resets)];
        [vec![state.long, state.short], standing.to_vec(), flags.to_vec()].concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn part_by_part_is_day_by_day(
            days in prop::collection::vec(day(), 0..60),
            before in prop::collection::vec(day(), 0..8),
            cuts in shape::cuts(),
        ) {
            let follow = |state: State, days: &[LegDay]| days.iter().fold(state, |state, day| state.after(day).0);
            let points: Vec<_> = days.iter().map(Legs::day).collect();
            for state in [State::START, follow(State::START, &before)] {
                let expected = numbers(&follow(state, &days));
                let read = |legs: &Legs| numbers(&legs.after(&state));
                shape::check(&points, Legs::none(), &cuts, |a, b| a.then(b), read)?;
                shape::assert_near(&expected, &read(&shape::sixteen(&points, &Legs::none(), &|a, b| a.then(b))))?;
            }
        }

        #[test]
        fn what_comes_before_money_is_what_the_day_before_is_told_of_it(days in prop::collection::vec((day(), any::<bool>()), 1..60)) {
            let mut told: Vec<LegDay> = days.iter().map(|(day, flows)| LegDay { money_moved: *flows || day.money_moved, ..*day }).collect();
            let mut between = Vec::new();
            for (number, (_, flows)) in days.iter().enumerate() {
                if *flows {
                    between.push(LegDay::BEFORE_MONEY);
                }
                between.push(told[number]);
                if *flows && number > 0 {
                    told[number - 1].may_reset = true;
                }
            }
            let follow = |days: &[LegDay]| days.iter().fold(State::START, |state, day| state.after(day).0);
            prop_assert_eq!(numbers(&follow(&told)), numbers(&follow(&between)));
        }

        #[test]
        fn a_long_portfolio_is_summed_up_in_little(rates in prop::collection::vec(-0.2..0.2f64, 1..600)) {
            let days = rates.iter().enumerate().map(|(number, rate)| leg_day(*rate, Side::Long, number % 7 == 0, number % 3 == 0));
            let legs = days.fold(Legs::none(), |sum, day| sum.then(&Legs::day(&day)));
            prop_assert!(legs.by_side.iter().all(|stretch| stretch.resets.len() <= 3));
        }
    }
}
