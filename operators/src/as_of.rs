//! `as_of`: for each question about a key and a day, the last observation on or before that day.
//!
//! Inputs     two arrangements by the same key: questions `(place, question)` and observations `(place, value)`. A place
//!            is a day, or anything else that is ordered. At most one observation is at a place; if there are more, the
//!            greatest value counts.
//! Output     one row a question, made by a pure function from key, place, question and the observation with its own
//!            place: `None` where nothing was observed on or before.
//! Update     O(log n + answers that change): a changed observation answers again only the questions from it up to the
//!            next observation.
//! Order      independent of arrival order; a question and its observation may come in the same tick.
//! Bounds     no state but the two arrangements, so none on history. The rows of one key are on one worker.
//!
//! # Example
//! ```
//! use operators::{arrange, as_of::as_of, testing};
//! let outputs = testing::run(
//!     vec![
//!         vec![((*b"EURUSD", 'r', 3, 108), 1), ((*b"EURUSD", 'q', 5, 0), 1)], // a rate of day 3; what was it on day 5?
//!         vec![((*b"EURUSD", 'r', 4, 109), 1)],                               // a later one
//!         vec![((*b"EURUSD", 'r', 4, 109), -1)],                              // which was wrong
//!     ],
//!     |input| {
//!         let of = |kind| move |row: ([u8; 6], char, i32, i64)| (row.1 == kind).then_some((row.0, (row.2, row.3)));
//!         let questions = arrange(input.clone().flat_map(of('q')), "questions");
//!         let rates = arrange(input.flat_map(of('r')), "rates");
//!         as_of(&questions, &rates, "rates as of", |_key, day, _question, found| (*day, found.map(|(_day, rate)| *rate)))
//!     },
//! );
//! assert_eq!(outputs[0], vec![((5, Some(108)), 1)]);
//! assert_eq!(outputs[1], vec![((5, Some(108)), -1), ((5, Some(109)), 1)]);
//! assert_eq!(outputs[2], vec![((5, Some(108)), 1), ((5, Some(109)), -1)]);
//! ```

use crate::arrangement::{Arranged, Collection, Data, Key, Tick};
use crate::follow::{Change, Side, follow_both};
use crate::series::Series;

/// Answers each question with `answer(key, place, question, observation)`.
pub fn as_of<'scope, K: Key, P: Data, Q: Data, V: Data, O: Data>(
    questions: &Arranged<'scope, K, (P, Q)>,
    observations: &Arranged<'scope, K, (P, V)>,
    name: &str,
    mut answer: impl FnMut(&K, &P, &Q, Option<&(P, V)>) -> O + 'static,
) -> Collection<'scope, O> {
    follow_both(questions, observations, name, move |key, tick, questions, observations, out| {
        ask(key, tick, questions.changes, observations.rows, &mut answer, out);
        ask_again(key, tick, questions.rows, observations, &mut answer, out);
    })
}

/// Answers the questions that come, and takes back the answers of those that go, as it stands after the tick.
fn ask<K, P: Ord, Q, V: Ord, O>(
    key: &K,
    tick: Tick,
    questions: &[Change<'_, (P, Q)>],
    observations: &Series<'_, (P, V)>,
    answer: &mut impl FnMut(&K, &P, &Q, Option<&(P, V)>) -> O,
    out: &mut Vec<(O, isize)>,
) {
    let mut last = LastObservation { observations, tick, known: None };
    for of_place in questions.chunk_by(|a, b| a.row.0 == b.row.0) {
        let Found { now: observation, .. } = last.upto(&of_place[0].row.0);
        let answers =
            of_place.iter().map(|change| (answer(key, &change.row.0, &change.row.1, observation), change.diff));
        out.extend(answers);
    }
}

/// Answers again the questions that were there before the tick, from each observation that changed up to the next.
fn ask_again<K, P: Ord, Q: Ord, V: Ord, O>(
    key: &K,
    tick: Tick,
    questions: &Series<'_, (P, Q)>,
    observations: Side<'_, '_, (P, V)>,
    answer: &mut impl FnMut(&K, &P, &Q, Option<&(P, V)>) -> O,
    out: &mut Vec<(O, isize)>,
) {
    let mut last = LastObservation { observations: observations.rows, tick, known: None };
    for of_place in observations.changes.chunk_by(|a, b| a.row.0 == b.row.0) {
        let place = &of_place[0].row.0;
        // No observation in between has changed: the next one is there before and after, or has its own turn.
        let next = observations.rows.forwards(tick, |observation| observation.0 <= *place).next();
        let asked = questions.forwards(tick, |question| question.0 < *place);
        let asked = asked.take_while(|asked| next.as_ref().is_none_or(|next| asked.row.0 < next.row.0));
        let mut asked = asked.filter(|asked| asked.before != 0).peekable();
        if asked.peek().is_none() {
            continue;
        }
        let Found { before, now } = last.upto(place);
        for asked in asked {
            let (place, question) = asked.row;
            out.push((answer(key, place, question, before), -asked.before));
            out.push((answer(key, place, question, now), asked.before));
        }
    }
}

/// Finds the last observations on or before places that are asked for in their order.
struct LastObservation<'a, 'b, P, V> {
    observations: &'b Series<'a, (P, V)>,
    tick: Tick,
    /// What was found at the last place. A load that brings all observations in one tick has none before it: without this,
    /// each search would go back to the first.
    known: Option<(&'a P, Found<'a, P, V>)>,
}

/// The last observation on or before a place, just before a tick and at it.
struct Found<'a, P, V> {
    before: Option<&'a (P, V)>,
    now: Option<&'a (P, V)>,
}

impl<'a, P: Ord, V: Ord> LastObservation<'a, '_, P, V> {
    fn upto(&mut self, place: &'a P) -> Found<'a, P, V> {
        let (mut before, mut now) = (None, None);
        for passed in self.observations.backwards(self.tick, |observation| observation.0 <= *place) {
            if let Some((_, known)) = self.known.as_ref().filter(|(known, _)| passed.row.0 <= **known) {
                before = before.or(known.before);
                now = now.or(known.now);
                break;
            }
            before = before.or((passed.before > 0).then_some(passed.row));
            now = now.or((passed.now > 0).then_some(passed.row));
            if before.is_some() && now.is_some() {
                break;
            }
        }
        self.known = Some((place, Found { before, now }));
        Found { before, now }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, differences, run, run_apart};

    /// (key, whether it is an observation, day, question or value)
    type Input = (u8, bool, i32, u8);
    type Answer = (u8, i32, u8, Option<(i32, u8)>);

    fn sides<'s>(input: Collection<'s, Input>) -> [Arranged<'s, u8, (i32, u8)>; 2] {
        [false, true].map(|wanted| {
            let of = move |(key, is_observation, day, row)| (is_observation == wanted).then_some((key, (day, row)));
            arrange(input.clone().flat_map(of), "side")
        })
    }

    fn answers<'s>(input: Collection<'s, Input>) -> Collection<'s, Answer> {
        let [questions, observations] = sides(input);
        as_of(&questions, &observations, "as of", |key, day, question, found| (*key, *day, *question, found.copied()))
    }

    fn answers_of(input: &[(Input, isize)]) -> Changes<Answer> {
        let questions = input.iter().filter(|((_, is_observation, ..), _)| !is_observation);
        let answer = |(key, _, day, question): Input| {
            let observations = input.iter().map(|(row, _)| row).filter(|row| row.1 && row.0 == key && row.2 <= day);
            (key, day, question, observations.map(|row| (row.2, row.3)).max())
        };
        questions.map(|(row, count)| (answer(*row), *count)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn answers_are_the_last_observations(ticks in churn::churn((0..2u8, any::<bool>(), 0..9i32, 0..2u8))) {
            assert_incremental(ticks, answers, |_, input| answers_of(input));
        }

        #[test]
        fn a_crowded_key_is_answered_the_same(ticks in churn::churn((Just(0u8), prop::bool::weighted(0.3), 0..30i32, 0..2u8))) {
            assert_incremental(ticks, answers, |_, input| answers_of(input));
        }

        #[test]
        fn the_two_sides_may_close_their_ticks_apart(ticks in churn::churn((0..2u8, any::<bool>(), 0..9i32, 0..2u8))) {
            let side = |wanted| {
                let of = move |(row, diff): &(Input, isize)| (row.1 == wanted).then_some(((row.0, (row.2, row.3)), *diff));
                ticks.iter().map(|changes| changes.iter().filter_map(of).collect()).collect()
            };
            let outputs = run_apart(side(false), side(true), |questions: Collection<'_, (u8, (i32, u8))>, observations| {
                let (questions, observations) = (arrange(questions, "questions"), arrange(observations, "observations"));
                as_of(&questions, &observations, "as of", |key, day, question, found| (*key, *day, *question, found.copied()))
            });
            assert_eq!(outputs, differences(&ticks, |_, input| answers_of(input)));
        }
    }

    #[test]
    fn a_retracted_observation_uncovers_the_one_before() {
        let ticks = vec![
            vec![((1, true, 10, 1), 1), ((1, true, 20, 2), 1), ((1, false, 25, 0), 1)],
            vec![((1, true, 20, 2), -1)],
            vec![((1, true, 10, 1), -1)],
        ];
        let answer = |found| (1, 25, 0, found);
        let outputs = run(ticks, answers);
        assert_eq!(outputs[1], vec![(answer(Some((10, 1))), 1), (answer(Some((20, 2))), -1)]);
        assert_eq!(outputs[2], vec![(answer(None), 1), (answer(Some((10, 1))), -1)]);
    }

    #[test]
    fn rows_that_come_or_go_together_are_each_read_a_few_times() {
        let rows =
            |diff| (0..5_000).flat_map(move |day| [((1, true, day, 0), diff), ((1, false, day, 0), diff)]).collect();
        for (changes, read) in cost::by_tick_of(vec![rows(1), rows(-1)], answers) {
            assert_eq!(changes.len(), 5_000);
            assert!(read <= 8 * 10_000, "{read} rows read");
        }
    }

    #[test]
    fn a_corrected_observation_answers_its_own_questions_only() {
        for observed in [1_000, 10_000, 100_000] {
            // An observation each ten days; questions on each of a thousand days in the middle.
            let observations = (0..observed).map(|number| ((1, true, 10 * number, 0), 1));
            let questions = (0..1_000).map(|number| ((1, false, 5 * observed + number, 0), 1));
            let corrected = vec![((1, true, 5 * observed, 0), -1), ((1, true, 5 * observed, 1), 1)];
            let unasked = vec![((1, true, 3, 1), 1)];
            let asked = vec![((1, false, 5 * observed + 5, 1), 1)];
            let ticks = vec![observations.chain(questions).collect(), corrected, unasked, asked];
            let changed: Vec<_> =
                cost::by_tick_of(ticks, answers).iter().map(|(rows, read)| (rows.len(), *read)).collect();
            assert_eq!(changed[0].0, 1_000);
            assert_eq!(changed[1], (2 * 10, 1 + 1 + 10 + 1 + 2), "the questions, and both ends of each range");
            assert_eq!(changed[2], (0, 1 + 1));
            assert_eq!(changed[3], (1, 1));
        }
    }
}
