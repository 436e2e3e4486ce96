//! After every moment of random loads, corrections, deletions, replays and waiting, every view says what the oracle says, on
//! any number of workers, and what its changes add up to.

use engine::Tick;
use proptest::prelude::*;

use super::VIEWS;
use super::kit::{Book, Desk, Following};
use super::oracle;
use super::world::{Moment, RULES, SOURCES, changes, dictionary, moments};

pub const HOUR: Tick = 3_600_000_000;

/// Few cases, as all tests share two cores; `PROPTEST_CASES` asks for more.
pub fn cases(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() }
}

fn assert_follows_the_oracle(moments: &[Moment], workers: usize) {
    let dictionary = dictionary();
    let mut desk = Desk::start(RULES, &SOURCES, &dictionary, workers);
    let mut followed: Vec<Following> = VIEWS.iter().map(|view| desk.follow(view)).collect();
    let mut book = Book::default();
    for (number, moment) in moments.iter().enumerate() {
        if moment.hours > 0 {
            desk.pass_to(desk.last + moment.hours * HOUR);
            let expected = oracle::views(&book.records(), desk.last, &dictionary);
            VIEWS.iter().for_each(|view| assert_eq!(desk.read(view), expected[view], "{view} after waiting, {number}"));
        }
        let changes = changes(&moment.happenings, &book);
        book.apply(&changes);
        desk.tick(&changes);
        let expected = oracle::views(&book.records(), desk.last, &dictionary);
        for following in &mut followed {
            let view = following.view.clone();
            assert_eq!(desk.read(&view), expected[view.as_str()], "{view} at moment {number}");
            desk.catch_up(following);
            assert_eq!(desk.added_up(following), expected[view.as_str()], "{view}: changes add up, moment {number}");
        }
    }
    desk.tick(&book.clear());
    for view in VIEWS {
        assert!(desk.read(view).is_empty(), "{view} is empty when everything is taken away");
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn one_worker_follows_the_oracle(moments in moments()) {
        assert_follows_the_oracle(&moments, 1);
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn two_workers_follow_the_oracle(moments in moments()) {
        assert_follows_the_oracle(&moments, 2);
    }

    #[test]
    fn four_workers_follow_the_oracle(moments in moments()) {
        assert_follows_the_oracle(&moments, 4);
    }
}
