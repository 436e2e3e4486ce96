//! Are the secrets there that the configuration names? They are not read into anything that is shown.
//!
//! A secret stands in a file or in an environment variable: `{ file = "…" }`, `{ env = "…" }`, `secret_file = "…"`,
//! `secret_env = "…"`, the key of `[tls]`, and the private keys of Kafka's properties. They are looked for in the text, so
//! that they are told of also where the configuration is not sound because one of them is missing.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::finding::{Check, Finding};
use crate::config::Config;

/// Whether anyone at all may read a file.
const READABLE_BY_ALL: u32 = 0o004;

/// Where a secret is.
enum Secret {
    File(String),
    Env(String),
}

/// Looks at each that the file at `path` names.
pub(crate) fn check(path: &Path) -> Vec<Finding> {
    let path = Config::file(path);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut secrets = Vec::new();
    collect("", &table, &mut secrets);
    secrets.iter().map(|(key, secret)| look_at(key, secret, folder)).collect()
}

fn collect(path: &str, table: &toml::Table, secrets: &mut Vec<(String, Secret)>) {
    let is_alone = table.len() == 1;
    for (key, value) in table {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            toml::Value::Table(table) => collect(&here, table, secrets),
            toml::Value::Array(list) => {
                let tables = list.iter().enumerate().filter_map(|(at, value)| Some((at, value.as_table()?)));
                tables.for_each(|(at, table)| collect(&format!("{here}[{at}]"), table, secrets));
            }
            toml::Value::String(place) => match key.as_str() {
                "file" if is_alone => secrets.push((path.to_owned(), Secret::File(place.clone()))),
                "env" if is_alone => secrets.push((path.to_owned(), Secret::Env(place.clone()))),
                "secret_file" => secrets.push((here, Secret::File(place.clone()))),
                "secret_env" => secrets.push((here, Secret::Env(place.clone()))),
                "key" if path == "tls" => secrets.push((here, Secret::File(place.clone()))),
                // librdkafka looks for these itself: from where the process was started.
                "ssl.key.location" | "ssl.keystore.location" => {
                    let absolute = std::path::absolute(place).unwrap_or_default();
                    secrets.push((here, Secret::File(absolute.to_string_lossy().into_owned())));
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn look_at(key: &str, secret: &Secret, folder: &Path) -> Finding {
    let check = Check::of("secret", key);
    match secret {
        Secret::Env(name) => match std::env::var_os(name) {
            None => check.problem(
                format!("the environment variable `{name}` is not set"),
                "set it where tieout is started, and where it is examined",
            ),
            Some(value) if value.is_empty() => {
                check.warning(format!("the environment variable `{name}` is empty"), "give it its value")
            }
            Some(_) => check.ok(format!("the environment variable `{name}` is set")),
        },
        Secret::File(file) => {
            let path = folder.join(file);
            let shown = path.display();
            let metadata = File::open(&path).and_then(|file| file.metadata());
            match metadata {
                Err(error) => check.problem(
                    format!("cannot read {shown}: {error}"),
                    "put the secret there, and let the process read it",
                ),
                Ok(metadata) if metadata.permissions().mode() & READABLE_BY_ALL != 0 => {
                    let help = format!("chmod o= {shown}");
                    check.warning(format!("{shown} can be read by everyone on this machine"), help)
                }
                Ok(_) => check.ok(format!("{shown} is there")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_wherever_they_are_named() {
        let text = r#"
            [source.a]
            properties = { "sasl.password" = { env = "A" }, "sasl.username" = "u", "ssl.key.location" = "p" }
            [tls]
            certificate = "c.pem"
            key = "k.pem"
            [access.tokens.desk]
            secret_file = "t"
            [[alert]]
            token = { file = "f" }
            [other]
            file = "no-secret"
            path = "x"
        "#;
        let mut secrets = Vec::new();
        collect("", &text.parse().unwrap(), &mut secrets);
        let found: Vec<&str> = secrets.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            found,
            [
                "access.tokens.desk.secret_file",
                "alert[0].token",
                "source.a.properties.sasl.password",
                "source.a.properties.ssl.key.location",
                "tls.key"
            ]
        );
    }
}
