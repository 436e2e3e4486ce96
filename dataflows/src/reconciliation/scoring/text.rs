//! How alike two texts are, as an integer: 10,000 is equal, 0 is nothing in common.
//!
//! The ratios are computed in integers and rounded down, so "at least 9,000" holds exactly where the ratio is at least
//! 0.9. Jaro-Winkler is a float by nature: it is rounded once, at the end. All are symmetric and equal texts are 10,000.
//!
//! `indel_ratio`, `token_sort_ratio` and `token_set_ratio` have the meaning that rapidfuzz gives to its `ratio`,
//! `token_sort_ratio` and `token_set_ratio`, divided by 100.

use std::cmp::Ordering;

/// The likeness of equal texts.
pub const EQUAL: i64 = 10_000;

/// Twice the longest common subsequence over both lengths: one minus the share of characters to insert or delete.
pub fn indel_ratio(a: &str, b: &str) -> i64 {
    if a == b {
        return EQUAL;
    }
    if a.is_ascii() && b.is_ascii() {
        return ratio(common_of_ascii(a.as_bytes(), b.as_bytes()), a.len() + b.len());
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    ratio(common_by_rows(&a, &b), a.len() + b.len())
}

/// [`indel_ratio`] of the texts with their words sorted. Give it texts that [`sorted_words`] wrote.
pub fn token_sort_ratio(a: &str, b: &str) -> i64 {
    indel_ratio(a, b)
}

/// The best [`indel_ratio`] between: the words in common, these with the rest of `a`, and these with the rest of `b`.
/// 10,000 when one text has all words of the other. Give it texts that [`distinct_words`] wrote; an empty one gives 0.
pub fn token_set_ratio(a: &str, b: &str) -> i64 {
    if a.is_empty() || b.is_empty() {
        return 0;
    }
    if a == b {
        return EQUAL;
    }
    let split = split_words(a, b);
    if split.common_characters > 0 && (split.only_a.is_empty() || split.only_b.is_empty()) {
        return EQUAL;
    }
    let space = usize::from(split.common_characters > 0);
    let (rest_a, rest_b) = (characters(&split.only_a), characters(&split.only_b));
    let with_a = split.common_characters + space + rest_a;
    let with_b = split.common_characters + space + rest_b;
    let rests_in_common = common(&split.only_a, &split.only_b);
    let both = ratio(with_a - rest_a + rests_in_common, with_a + with_b);
    if split.common_characters == 0 {
        return both;
    }
    let to_a = ratio(split.common_characters, split.common_characters + with_a);
    let to_b = ratio(split.common_characters, split.common_characters + with_b);
    both.max(to_a).max(to_b)
}

/// The share of words in common among all words (Jaccard). Give it texts that [`distinct_words`] wrote.
pub fn token_overlap(a: &str, b: &str) -> i64 {
    if a == b {
        return EQUAL;
    }
    let (mut common, mut all) = (0, 0);
    for_each_word(a, b, |_, side| {
        common += usize::from(side == Ordering::Equal);
        all += 1;
    });
    share(common, all)
}

/// Jaro-Winkler likeness: made for short names, kind to a shared beginning.
pub fn jaro_winkler(a: &str, b: &str) -> i64 {
    if a == b {
        return EQUAL;
    }
    let (first, second) = if a < b { (a, b) } else { (b, a) };
    let likeness = if first.is_ascii() && second.is_ascii() {
        strsim::generic_jaro_winkler(&Bytes(first.as_bytes()), &Bytes(second.as_bytes()))
    } else {
        strsim::jaro_winkler(first, second)
    };
    (likeness * EQUAL as f64).round() as i64
}

/// Bytes as `strsim` wants to walk through them: for ASCII that is the same as characters, and faster.
struct Bytes<'t>(&'t [u8]);

impl<'t> IntoIterator for &Bytes<'t> {
    type Item = &'t u8;
    type IntoIter = std::slice::Iter<'t, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// How many characters the texts have in common from their beginning.
pub fn prefix_characters(a: &str, b: &str) -> i64 {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count() as i64
}

/// The common beginning as a share of the shorter text: 10,000 when one text is the other cut off.
pub fn prefix_share(a: &str, b: &str) -> i64 {
    let shorter = if a.len() == b.len() && a == b { return EQUAL } else { characters(a).min(characters(b)) };
    share(prefix_characters(a, b) as usize, shorter)
}

/// The words of a text in order, separated by single spaces: what [`token_sort_ratio`] compares.
pub fn sorted_words(text: &str) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words.join(" ")
}

/// The words of a text in order, each once: what [`token_set_ratio`] and [`token_overlap`] compare.
pub fn distinct_words(text: &str) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// Two sets of words taken apart.
struct SplitWords {
    /// How many characters the words in common have, written with spaces.
    common_characters: usize,
    only_a: String,
    only_b: String,
}

fn split_words(a: &str, b: &str) -> SplitWords {
    let mut split = SplitWords { common_characters: 0, only_a: String::new(), only_b: String::new() };
    for_each_word(a, b, |word, side| match side {
        Ordering::Less => push_word(&mut split.only_a, word),
        Ordering::Greater => push_word(&mut split.only_b, word),
        Ordering::Equal => split.common_characters += characters(word) + usize::from(split.common_characters > 0),
    });
    split
}

fn push_word(text: &mut String, word: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}

/// Every distinct word of two texts of sorted words: `Less` when only `a` has it, `Greater` when only `b`, else `Equal`.
fn for_each_word<'t>(a: &'t str, b: &'t str, mut visit: impl FnMut(&'t str, Ordering)) {
    let mut left = a.split_whitespace().peekable();
    let mut right = b.split_whitespace().peekable();
    loop {
        let side = match (left.peek(), right.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        let word = if side == Ordering::Greater { None } else { left.next() };
        let other = if side == Ordering::Less { None } else { right.next() };
        if let Some(word) = word.or(other) {
            visit(word, side);
        }
    }
}

fn characters(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Twice the part over the whole; two empty texts are equal.
fn ratio(common: usize, both_lengths: usize) -> i64 {
    (2 * common * EQUAL as usize).checked_div(both_lengths).map_or(EQUAL, |ratio| ratio as i64)
}

fn share(part: usize, whole: usize) -> i64 {
    (part * EQUAL as usize).checked_div(whole).map_or(0, |share| share as i64)
}

/// The length of the longest common subsequence.
fn common(a: &str, b: &str) -> usize {
    if a.is_ascii() && b.is_ascii() {
        return common_of_ascii(a.as_bytes(), b.as_bytes());
    }
    common_by_rows(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
}

fn common_of_ascii(a: &[u8], b: &[u8]) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() <= 64 { common_by_bits(short, long) } else { common_by_words(short, long) }
}

/// The longest common subsequence with a whole row of the table in one word: a zero bit is a step of the row (Hyyrö 2004).
fn common_by_bits(short: &[u8], long: &[u8]) -> usize {
    let mut places = [0_u64; 128];
    mark(&mut places, short);
    let mut row = u64::MAX;
    for character in long {
        let equal = row & places[usize::from(character & 127)];
        row = row.wrapping_add(equal) | (row - equal);
    }
    row.count_zeros() as usize
}

/// The same with a row of several words: what a word's sum carries goes into the next.
fn common_by_words(short: &[u8], long: &[u8]) -> usize {
    let mut places = vec![[0_u64; 128]; short.len().div_ceil(64)];
    places.iter_mut().zip(short.chunks(64)).for_each(|(places, chunk)| mark(places, chunk));
    let mut row = vec![u64::MAX; places.len()];
    for character in long {
        let mut carry = false;
        for (word, places) in row.iter_mut().zip(&places) {
            let equal = *word & places[usize::from(character & 127)];
            let (sum, first) = word.overflowing_add(equal);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            *word = sum | (*word - equal);
        }
    }
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

/// Sets a bit for each place where a character stands, at most 64 of them.
fn mark(places: &mut [u64; 128], text: &[u8]) {
    for (place, character) in text.iter().enumerate() {
        places[usize::from(character & 127)] |= 1 << place;
    }
}

/// The longest common subsequence by the plain table, one row at a time.
fn common_by_rows<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for character in a {
        let mut diagonal = 0;
        for (column, other) in b.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = if character == other { diagonal + 1 } else { above.max(row[column]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn jaro_winkler_gives_winklers_published_values() {
        for (a, b, expected) in [
            ("MARTHA", "MARHTA", 9_611),
            ("DWAYNE", "DUANE", 8_400),
            ("DIXON", "DICKSONX", 8_133),
            ("SAME", "SAME", 10_000),
            ("ABC", "XYZ", 0),
            ("", "X", 0),
        ] {
            assert_eq!(jaro_winkler(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn indel_ratio_counts_what_is_inserted_or_deleted() {
        // `this is a test` has 14 characters, one more with `!`: 28 of 29.
        for (a, b, expected) in [
            ("this is a test", "this is a test!", 9_655),
            ("kitten", "sitting", 6_153), // ittn: 8 of 13
            ("abc", "", 0),
            ("", "", 10_000),
            ("é", "e", 0),
            ("café", "cafe", 7_500),
        ] {
            assert_eq!(indel_ratio(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn sorted_words_make_the_order_of_words_indifferent() {
        let sort = |a, b| token_sort_ratio(&sorted_words(a), &sorted_words(b));
        assert_eq!(sort("fuzzy wuzzy was a bear", "wuzzy fuzzy was a bear"), 10_000);
        // Published as 84.2: `a bear fuzzy was` is all of 16 and of 22 characters.
        assert_eq!(sort("fuzzy was a bear", "fuzzy fuzzy was a bear"), 8_421);
    }

    #[test]
    fn token_set_ratio_forgives_words_that_one_side_adds() {
        let set = |a, b| token_set_ratio(&distinct_words(a), &distinct_words(b));
        for (a, b, expected) in [
            ("fuzzy was a bear", "fuzzy fuzzy was a bear", 10_000),
            ("goldman sachs", "goldman sachs international", 10_000),
            // Nothing in common: `bar` and `baz` share `ba`, 4 of 6.
            ("bar", "baz", 6_666),
            // `acme` with ` bank` and with ` fund`: `acme ` and `n` of 9 and 9 (12 of 18); `acme` to `acme bank` is 8 of 13.
            ("acme bank", "acme fund", 6_666),
            ("a longest", "a brief", 3_750),
            ("", "acme", 0),
            ("", "", 0),
        ] {
            assert_eq!(set(a, b), expected, "{a} / {b}");
        }
    }

    #[test]
    fn words_in_common_are_a_share_of_all_words() {
        let overlap = |a, b| token_overlap(&distinct_words(a), &distinct_words(b));
        assert_eq!(overlap("query by example", "query by form"), 5_000);
        assert_eq!(overlap("one", "two"), 0);
    }

    #[test]
    fn a_text_cut_off_shares_its_whole_beginning() {
        assert_eq!(prefix_share("ALEXANDER GARDEN payment", "ALEXANDER GARDE"), 10_000);
        assert_eq!(prefix_share("J B money", "J B BGC"), 5_714);
        assert_eq!(prefix_characters("J B money", "J B BGC"), 4);
        assert_eq!(prefix_share("", "J"), 0);
    }

    type Metric = fn(&str, &str) -> i64;

    const METRICS: [(&str, Metric); 6] = [
        ("indel_ratio", indel_ratio),
        ("token_sort_ratio", token_sort_ratio),
        ("token_set_ratio", token_set_ratio),
        ("token_overlap", token_overlap),
        ("jaro_winkler", jaro_winkler),
        ("prefix_share", prefix_share),
    ];

    proptest! {
        #[test]
        fn likeness_is_symmetric_bounded_and_full_for_equal_texts(a in "[ab é]{0,12}", b in "[ab é]{0,12}") {
            let (a, b) = (distinct_words(&a), distinct_words(&b));
            for (name, metric) in METRICS {
                prop_assert_eq!(metric(&a, &b), metric(&b, &a), "{}", name);
                prop_assert!((0..=EQUAL).contains(&metric(&a, &b)), "{}", name);
                if !a.is_empty() {
                    prop_assert_eq!(metric(&a, &a), EQUAL, "{}", name);
                }
            }
        }

        #[test]
        fn the_bits_and_the_table_find_the_same_common_subsequence(a in "[a-d]{0,200}", b in "[a-d]{0,140}") {
            let expected = common_by_rows(a.as_bytes(), b.as_bytes());
            prop_assert_eq!(common_of_ascii(a.as_bytes(), b.as_bytes()), expected);
        }
    }
}
