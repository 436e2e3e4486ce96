//! Blocking keys: which records are compared at all. Two records are when they share a key.
//!
//! A rule lists parts; a key of the rule is one value of each part. Windows of dates and amounts are cut into buckets: the
//! right record gives the bucket it lies in, the left one every bucket its window touches. So a pair within the window
//! always shares a key, shares it once for each rule, and a late record on either side asks for a few keys only.

use std::cmp::Ordering;

use model::{Field, Symbol};
use operators::blocks::Side;
use serde::{Deserialize, Serialize};

use super::fields::Fields;
use super::model::ModelError;
use super::normalise::Normalise;

/// The most keys that one rule may give a record.
pub const RULE_KEYS_MAX: u64 = 64;
/// The most parts of a rule.
const PARTS_MAX: usize = 8;
/// A reference is a word with a digit and at least this many characters.
const REFERENCE_CHARACTERS_MIN: usize = 4;
/// How many references of a text count.
const REFERENCES_MAX: usize = 3;
/// Numbers are brought to this many decimals, so that both sides fall into the same buckets.
const SCALE: u8 = 8;
/// Millionths in a whole.
const MILLION: u128 = 1_000_000;
/// Amounts are made larger by this factor, so that a step of the smallest amount is still many units wide.
const FINER: u128 = 1 << 24;

/// A rule: records that agree on every part are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockRule {
    /// The parts of its keys.
    pub parts: Vec<Part>,
}

/// What a key takes from one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The field.
    pub field: Field,
    /// Which differences of spelling do not matter.
    #[serde(default)]
    pub normalise: Normalise,
    /// What is taken of it.
    pub take: Take,
}

/// What is taken of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Take {
    /// The whole value.
    Whole,
    /// The first letters of the text.
    FirstLetters(u8),
    /// How the first word sounds (Soundex).
    Sound,
    /// The word at this place, counted from 0.
    Word(u8),
    /// The longest words: each gives a key.
    LongestWords(u8),
    /// The words that look like a reference (four or more characters, a digit among them): each of the first three gives a key.
    References,
    /// A window of days from the left date to the right one.
    DaysApart {
        /// The least number of days.
        at_least: i32,
        /// The largest number of days.
        at_most: i32,
        /// How many days a bucket holds: few make small blocks, many make few keys.
        bucket_days: u16,
    },
    /// A window of the difference of two numbers as a share of the larger one.
    RelativeDifference {
        /// The largest difference, in millionths.
        at_most: u32,
    },
}

impl BlockRule {
    pub(super) fn check(&self, at: &str) -> Result<(), ModelError> {
        if !(1..=PARTS_MAX).contains(&self.parts.len()) {
            let help = format!("give 1 to {PARTS_MAX}");
            return Err(ModelError::new(format!("{at}.parts"), format!("there are {}", self.parts.len()), help));
        }
        for (index, part) in self.parts.iter().enumerate() {
            part.take.check(&format!("{at}.parts[{index}] ({})", part.field))?;
        }
        let keys = self.parts.iter().map(|part| part.take.keys_max()).fold(1, u64::saturating_mul);
        if keys > RULE_KEYS_MAX {
            let what = format!("a record may have up to {keys} keys, more than {RULE_KEYS_MAX}");
            return Err(ModelError::new(at, what, "take larger buckets, narrower windows or fewer words"));
        }
        Ok(())
    }

    /// Adds the rule's keys of a record: one for each choice of a text from every part.
    fn keys(&self, number: usize, record: &impl Fields, side: Side, keys: &mut Vec<Symbol>) {
        let taken: Vec<Vec<String>> = self.parts.iter().map(|part| part.take(record, side)).collect();
        add_keys(&mut number.to_string(), &taken, keys);
    }
}

/// Adds the key of every way to go on from the beginning of a key.
fn add_keys(beginning: &mut String, parts: &[Vec<String>], keys: &mut Vec<Symbol>) {
    let Some((texts, rest)) = parts.split_first() else {
        keys.push(Symbol::of(beginning));
        return;
    };
    let length = beginning.len();
    for text in texts {
        beginning.push('|');
        beginning.push_str(text);
        add_keys(beginning, rest, keys);
        beginning.truncate(length);
    }
}

/// The keys of a record under every rule, in order, each once.
pub fn block_keys(rules: &[BlockRule], record: &impl Fields, side: Side) -> Vec<Symbol> {
    let mut keys = Vec::with_capacity(rules.len() * 2);
    for (number, rule) in rules.iter().enumerate() {
        rule.keys(number, record, side, &mut keys);
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The first live key that two records share, given the keys of both in order. A pair that meets under several keys is
/// counted once by counting it only where it meets first.
pub fn first_common_key(left: &[Symbol], right: &[Symbol], is_live: impl Fn(Symbol) -> bool) -> Option<Symbol> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.cmp(b) {
            Ordering::Less => left.next(),
            Ordering::Greater => right.next(),
            Ordering::Equal if is_live(**a) => return Some(**a),
            Ordering::Equal => left.next(),
        };
    }
    None
}

impl Part {
    /// What the part takes of a record: any number of texts.
    fn take(&self, record: &impl Fields, side: Side) -> Vec<String> {
        let text = || record.text(self.field).map(|text| self.normalise.apply(&text)).filter(|text| !text.is_empty());
        match self.take {
            Take::Whole => text().or_else(|| whole_value(record, self.field)).into_iter().collect(),
            Take::FirstLetters(count) => text().map(|text| first_letters(&text, count)).into_iter().collect(),
            Take::Sound => text().and_then(|text| sound(&text)).into_iter().collect(),
            Take::Word(place) => text().and_then(|text| word(&text, place)).into_iter().collect(),
            Take::LongestWords(count) => text().map(|text| longest_words(&text, count)).unwrap_or_default(),
            Take::References => text().map(|text| references(&text)).unwrap_or_default(),
            Take::DaysApart { at_least, at_most, bucket_days } => {
                let bucket = |days: i64| days.div_euclid(i64::from(bucket_days));
                let Some(date) = record.date(self.field).map(i64::from) else { return Vec::new() };
                match side {
                    Side::Right => vec![bucket(date).to_string()],
                    Side::Left => spread(bucket(date + i64::from(at_least)), bucket(date + i64::from(at_most))),
                }
            }
            Take::RelativeDifference { at_most } => {
                let Some((scaled, scale)) = record.number(self.field) else { return Vec::new() };
                amount_buckets(to_scale(scaled, scale), at_most, side)
            }
        }
    }
}

impl Take {
    fn check(self, at: &str) -> Result<(), ModelError> {
        match self {
            Take::FirstLetters(0) | Take::LongestWords(0) => Err(ModelError::new(at, "takes none", "take 1 or more")),
            Take::DaysApart { bucket_days: 0, .. } => Err(ModelError::new(at, "a bucket of 0 days", "give 1 or more")),
            Take::DaysApart { at_least, at_most, .. } if at_least > at_most => {
                let what = format!("at_least ({at_least}) is above at_most ({at_most})");
                Err(ModelError::new(at, what, "no date lies between them: swap the two"))
            }
            Take::RelativeDifference { at_most } if at_most >= 1_000_000 => Err(ModelError::new(
                at,
                format!("at_most is {at_most} millionths"),
                "give less than 1000000: a number is no key beyond",
            )),
            _ => Ok(()),
        }
    }

    /// The most texts that are taken of one record.
    fn keys_max(self) -> u64 {
        match self {
            Take::LongestWords(count) => u64::from(count),
            Take::References => REFERENCES_MAX as u64,
            Take::DaysApart { at_least, at_most, bucket_days } => {
                (i64::from(at_most) - i64::from(at_least)).unsigned_abs() / u64::from(bucket_days.max(1)) + 2
            }
            Take::RelativeDifference { at_most } => {
                // Steps are narrowest, for their amounts, at the end of an octave: the window that ends there touches the most.
                let (high, steps) = (1_u128 << 60, steps_in_octave(at_most));
                let (low, _) = amount_window(amount_window(high, at_most).0, at_most);
                octave_step(high, steps).abs_diff(octave_step(low, steps)) + 2
            }
            Take::Whole | Take::FirstLetters(_) | Take::Sound | Take::Word(_) => 1,
        }
    }
}

fn whole_value(record: &impl Fields, field: Field) -> Option<String> {
    let number = record.number(field).map(|(scaled, scale)| to_scale(scaled, scale).to_string());
    number.or_else(|| record.date(field).map(|days| days.to_string()))
}

fn first_letters(text: &str, count: u8) -> String {
    text.chars().take(usize::from(count)).collect()
}

fn word(text: &str, place: u8) -> Option<String> {
    text.split_whitespace().nth(usize::from(place)).map(str::to_owned)
}

fn longest_words(text: &str, count: u8) -> Vec<String> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    words.dedup();
    words.into_iter().take(usize::from(count)).map(str::to_owned).collect()
}

fn references(text: &str) -> Vec<String> {
    let looks_like_one =
        |word: &&str| word.len() >= REFERENCE_CHARACTERS_MIN && word.bytes().any(|byte| byte.is_ascii_digit());
    text.split_whitespace().filter(looks_like_one).take(REFERENCES_MAX).map(str::to_owned).collect()
}

/// The Soundex code of the first word: its first letter and three digits for the sounds that follow. `None` without a letter.
fn sound(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    let mut letters = word.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase());
    let first = letters.next()?;
    let mut code = String::from(first);
    let mut last = sound_digit(first);
    for letter in letters {
        let digit = sound_digit(letter);
        if let Some(digit) = digit.filter(|_| digit != last) {
            code.push(digit);
        }
        // H and W do not part two equal sounds; a vowel does.
        if !matches!(letter, 'H' | 'W') {
            last = digit;
        }
        if code.len() == 4 {
            break;
        }
    }
    while code.len() < 4 {
        code.push('0');
    }
    Some(code)
}

fn sound_digit(letter: char) -> Option<char> {
    Some(match letter {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        _ => return None,
    })
}

fn spread(first: i64, last: i64) -> Vec<String> {
    (first..=last).map(|bucket| bucket.to_string()).collect()
}

fn to_scale(scaled: i128, scale: u8) -> i128 {
    scaled.saturating_mul(10_i128.saturating_pow(u32::from(SCALE.saturating_sub(scale))))
}

/// The buckets of an amount: every octave is cut into as many equal steps as make a window touch only a few.
fn amount_buckets(amount: i128, at_most: u32, side: Side) -> Vec<String> {
    let sign = if amount < 0 { '-' } else { '+' };
    let steps = steps_in_octave(at_most);
    let magnitude = amount.unsigned_abs().saturating_mul(FINER);
    let (low, high) = match side {
        Side::Right => (magnitude, magnitude),
        Side::Left => amount_window(magnitude, at_most),
    };
    (octave_step(low, steps)..=octave_step(high, steps)).map(|bucket| format!("{sign}{bucket}")).collect()
}

/// The magnitudes whose difference from this one is at most the given share of the larger.
fn amount_window(magnitude: u128, at_most: u32) -> (u128, u128) {
    let kept = MILLION - u128::from(at_most);
    if let (Some(low), Some(high)) = (magnitude.checked_mul(kept), magnitude.checked_mul(MILLION)) {
        return (low / MILLION, high.div_ceil(kept));
    }
    (magnitude / MILLION * kept, (magnitude / kept + 1).saturating_mul(MILLION))
}

/// The largest power of two whose steps are at least as wide as the window.
fn steps_in_octave(at_most: u32) -> u32 {
    (1_000_000 / at_most.max(1)).ilog2()
}

/// The place of a number on a scale with `2^steps` equal steps an octave; it grows with the number. What is below the first
/// octave with room for that many steps is 0.
fn octave_step(magnitude: u128, steps: u32) -> u64 {
    match magnitude.checked_ilog2() {
        Some(octave) if octave >= steps => (u64::from(octave) << steps) + (magnitude >> (octave - steps)) as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    struct Payment {
        memo: &'static str,
        amount: i128,
        date: i32,
    }

    impl Fields for Payment {
        fn text(&self, field: Field) -> Option<Cow<'_, str>> {
            (field == Field::Reference).then_some(Cow::Borrowed(self.memo))
        }

        fn number(&self, field: Field) -> Option<(i128, u8)> {
            (field == Field::NetAmount).then_some((self.amount, 2))
        }

        fn date(&self, field: Field) -> Option<i32> {
            (field == Field::TradeDate).then_some(self.date)
        }
    }

    fn rule(parts: &[(Field, Take)]) -> BlockRule {
        let part = |&(field, take): &(Field, Take)| Part { field, normalise: Normalise::Words, take };
        BlockRule { parts: parts.iter().map(part).collect() }
    }

    fn taken(memo: &'static str, take: Take) -> Vec<String> {
        let part = Part { field: Field::Reference, normalise: Normalise::Words, take };
        part.take(&Payment { memo, amount: 0, date: 0 }, Side::Left)
    }

    #[test]
    fn sounds_are_the_published_soundex_codes() {
        for (name, expected) in [
            ("Robert", "R163"),
            ("Rupert", "R163"),
            ("Rubin", "R150"),
            ("Ashcraft", "A261"),
            ("Ashcroft", "A261"),
            ("Tymczak", "T522"),
            ("Pfister", "P236"),
            ("Honeyman", "H555"),
            ("Lee", "L000"),
        ] {
            assert_eq!(sound(name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(sound("123"), None);
    }

    #[test]
    fn each_take_gives_its_part_of_a_text() {
        for (memo, take, expected) in [
            ("G W Slocum 46edeb82 BGC", Take::References, vec!["46EDEB82"]),
            ("G W Slocum", Take::References, vec![]),
            ("g w slocum", Take::FirstLetters(3), vec!["G W"]),
            ("g w slocum", Take::Word(2), vec!["SLOCUM"]),
            ("g w slocum", Take::Word(3), vec![]),
            ("an index of trees and of forests", Take::LongestWords(2), vec!["FORESTS", "INDEX"]),
            ("Slocum, G.", Take::Sound, vec!["S425"]),
            ("  ", Take::Whole, vec![]),
        ] {
            assert_eq!(taken(memo, take), expected, "{memo} {take:?}");
        }
    }

    #[test]
    fn a_rule_with_nothing_to_take_gives_no_key() {
        let rules = [rule(&[(Field::Reference, Take::References), (Field::TradeDate, Take::Whole)])];
        assert!(block_keys(&rules, &Payment { memo: "no reference", amount: 0, date: 0 }, Side::Left).is_empty());
        assert_eq!(block_keys(&rules, &Payment { memo: "AB12 CD34", amount: 0, date: 0 }, Side::Left).len(), 2);
    }

    #[test]
    fn keys_of_different_rules_differ() {
        let rules = [rule(&[(Field::TradeDate, Take::Whole)]), rule(&[(Field::NetAmount, Take::Whole)])];
        let record = Payment { memo: "", amount: 0, date: 0 };
        assert_eq!(block_keys(&rules, &record, Side::Left).len(), 2);
    }

    #[test]
    fn a_rule_that_makes_too_many_keys_is_refused() {
        let days = Take::DaysApart { at_least: -30, at_most: 30, bucket_days: 1 };
        let error =
            rule(&[(Field::TradeDate, days), (Field::Reference, Take::References)]).check("blocking[0]").unwrap_err();
        assert_eq!(error.what, "a record may have up to 186 keys, more than 64");
    }

    proptest! {
        #[test]
        fn a_pair_within_the_windows_shares_exactly_one_key_of_the_rule(
            amount in prop_oneof![Just(0_i128), -100_000_000_i128..100_000_000, 1_i128..50],
            millionths in -140_000_i128..140_000, start in -1_000_i32..1_000, days in 1_i32..=21,
            bucket_days in 1_u16..30, at_most in prop_oneof![Just(140_000_u32), Just(250_000), Just(500_000)],
        ) {
            let window = Take::DaysApart { at_least: 1, at_most: 21, bucket_days };
            let rules = [rule(&[(Field::TradeDate, window), (Field::NetAmount, Take::RelativeDifference { at_most })])];
            let left = Payment { memo: "", amount, date: start };
            let right = Payment { memo: "", amount: amount - amount * millionths.abs() / 1_000_000, date: start + days };
            let (left_keys, right_keys) = (block_keys(&rules, &left, Side::Left), block_keys(&rules, &right, Side::Right));
            prop_assert_eq!(right_keys.len(), 1);
            prop_assert!(right.amount == 0 || left_keys.contains(&right_keys[0]));
            prop_assert!(right.amount == 0 || first_common_key(&left_keys, &right_keys, |_| true) == Some(right_keys[0]));
            let mirrored = block_keys(&rules, &Payment { amount: right.amount, ..left }, Side::Left);
            let target = block_keys(&rules, &Payment { amount, ..right }, Side::Right);
            prop_assert!(right.amount == 0 || mirrored.contains(&target[0]));
        }

        #[test]
        fn a_larger_amount_is_never_in_a_lower_bucket(amount: u128, more in 0_u128..1_000_000, steps in 0_u32..20) {
            prop_assert!(octave_step(amount, steps) <= octave_step(amount.saturating_add(more), steps));
        }

        #[test]
        fn no_window_has_more_buckets_than_a_rule_is_checked_for(amount: i64, at_most in 0_u32..1_000_000) {
            let take = Take::RelativeDifference { at_most };
            let buckets = amount_buckets(i128::from(amount), at_most, Side::Left);
            prop_assert!(buckets.len() as u64 <= take.keys_max(), "{} {}", buckets.len(), take.keys_max());
        }
    }
}
