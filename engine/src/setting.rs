//! Settings of a configuration: where their values come from, and what is wrong with them, told to the person who wrote
//! them.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The path of the setting, such as `source.internal.columns.price`.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do about it. Empty when there is nothing to add.
    pub help: String,
}

impl ConfigError {
    /// An error about the setting at `key`.
    pub fn new(key: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Self {
        ConfigError { key: key.into(), what: what.into(), help: help.into() }
    }

    /// A name that is none of `known`.
    pub fn unknown<'a>(
        key: impl Into<String>,
        noun: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of {}", listed(known)),
        };
        ConfigError::new(key, format!("there is no {noun} `{name}`"), help)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)?;
        if !self.help.is_empty() {
            write!(f, " (help: {})", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The known name that a mistyped one was most likely meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(name);
    let distance = |candidate: &str| strsim::damerau_levenshtein(&plain, &self::plain(candidate));
    let (distance, near) = known.into_iter().map(|candidate| (distance(candidate), candidate)).min()?;
    (distance <= plain.chars().count().div_ceil(3)).then_some(near)
}

/// Capitals, blanks, hyphens and underscores make no difference to a reader.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Names for a message, at most a few dozen of them.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const NAMES_MAX: usize = 50;
    let mut names = names.into_iter();
    let mut list = names.by_ref().take(NAMES_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = names.count();
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}

/// The value of a setting, or where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// As it is written.
    Text(String),
    /// The value of this environment variable.
    Env(String),
    /// The content of this file, without the end of its last line.
    File(String),
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Setting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false, { env = \"NAME\" } or { file = \"path\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting::Text(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Setting, E> {
                Ok(Setting::Text(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Setting, E> {
                Ok(Setting::Text(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Setting, E> {
                Ok(Setting::Text(truth.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
                let entry: Option<(String, String)> = map.next_entry()?;
                let property = match entry {
                    Some((key, name)) if key == "env" => Setting::Env(name),
                    Some((key, path)) if key == "file" => Setting::File(path),
                    _ => return Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                };
                match map.next_key::<String>()? {
                    None => Ok(property),
                    Some(_) => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl Setting {
    /// The value. `key` is where the setting stands; relative paths start in `folder`.
    pub fn text(&self, key: &str, folder: &Path) -> Result<String, ConfigError> {
        match self {
            Setting::Text(text) => Ok(text.clone()),
            Setting::Env(variable) => std::env::var(variable).map_err(|_| {
                let what = format!("the environment variable `{variable}` is not set, or is not text");
                ConfigError::new(key, what, "set it where tieout is started")
            }),
            Setting::File(path) => match std::fs::read_to_string(folder.join(path)) {
                Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => {
                    let help = "give the path of a text file that the process may read";
                    Err(ConfigError::new(key, format!("cannot read {path}: {error}"), help))
                }
            },
        }
    }

    /// The value, which must not stand in the configuration itself.
    pub fn secret(&self, key: &str, folder: &Path) -> Result<String, ConfigError> {
        if let Setting::Text(_) = self {
            let help = "write where it is: { env = \"NAME\" } or { file = \"path\" }";
            return Err(ConfigError::new(key, "a secret does not belong in a configuration", help));
        }
        self.text(key, folder)
    }
}
