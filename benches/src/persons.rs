//! Two lists of invented persons. The second has each person of the first, with typing errors, missing and swapped fields.

use std::sync::Arc;

use model::{Record, SourceId, Symbol, Trade, TradeDetail};

use crate::w1::Random;

/// The scoring model.
pub const MODEL: &str = include_str!("persons.toml");

/// The names of its attributes.
pub const ATTRIBUTES: &str = r#"attributes = ["given_name", "surname", "address", "suburb", "postcode", "date_of_birth", "social_security_number"]"#;

const FIELDS: usize = 7;
const BEGINNINGS: [&str; 16] = ["b", "br", "c", "ch", "d", "f", "g", "h", "j", "k", "l", "m", "n", "r", "s", "t"];
const MIDDLES: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ee", "ou"];
const ENDINGS: [&str; 12] = ["n", "r", "s", "l", "ck", "th", "ll", "nd", "rt", "m", "y", "x"];

/// A person as one side has it.
pub fn record(side: usize, number: u64) -> Record {
    let mut fields = person(number);
    if side == 1 {
        spoil(&mut fields, &mut Random(number ^ 0x5eed));
    }
    let texts = fields.map(|text| (!text.is_empty()).then(|| Arc::from(text)));
    Record::Trade(Trade {
        source: SourceId(side as u8),
        id: Symbol::of(&format!("{}{number}", ["L", "R"][side])),
        detail: Some(Arc::new(TradeDetail { texts: texts.into(), ..TradeDetail::default() })),
        ..Trade::default()
    })
}

fn person(number: u64) -> [String; FIELDS] {
    let mut random = Random(number);
    let digits = |random: &mut Random, range: u64, width: usize| format!("{:0width$}", random.number() % range);
    let (given, surname) = (popular(&mut random, 400), popular(&mut random, 2000));
    let street = format!("{} {} street", random.number() % 300 + 1, name(random.number() % 3000));
    let suburb = format!("{} {}", name(random.number() % 500), name(random.number() % 40));
    let birth =
        format!("19{}{:02}{:02}", digits(&mut random, 100, 2), random.number() % 12 + 1, random.number() % 28 + 1);
    [given, surname, street, suburb, digits(&mut random, 3000, 4), birth, digits(&mut random, 10_000_000, 7)]
}

/// Some names are much more frequent than others.
fn popular(random: &mut Random, names: u64) -> String {
    let (a, b) = (random.number() % names, random.number() % names);
    name(a * b / names)
}

fn name(number: u64) -> String {
    let mut random = Random(number.wrapping_mul(31));
    let mut of = |parts: &[&'static str]| parts[random.number() as usize % parts.len()];
    [of(&BEGINNINGS), of(&MIDDLES), of(&ENDINGS), of(&MIDDLES), of(&ENDINGS)].concat()
}

/// One to three errors.
fn spoil(fields: &mut [String; FIELDS], random: &mut Random) {
    for _ in 0..=random.number() % 3 {
        let field = random.number() as usize % FIELDS;
        match random.number() % 10 {
            0 => fields[field].clear(),
            1 => fields.swap(0, 1),
            _ => mistype(&mut fields[field], random),
        }
    }
}

/// Leaves out a letter, writes another one, one more, or two the other way round.
fn mistype(text: &mut String, random: &mut Random) {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() < 2 {
        return;
    }
    let place = random.number() as usize % (letters.len() - 1);
    let letter = char::from(b'a' + (random.number() % 26) as u8);
    match random.number() % 4 {
        0 => drop(letters.remove(place)),
        1 => letters[place] = letter,
        2 => letters.insert(place, letter),
        _ => letters.swap(place, place + 1),
    }
    *text = letters.into_iter().collect();
}
