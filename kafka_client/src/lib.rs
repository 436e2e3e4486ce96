//! What a Kafka source and a Kafka sink share: the properties that clients are made with.
//!
//! Properties are those of librdkafka. Passwords and keys come from the environment or from files, never from the
//! configuration itself, and are never shown: not in an error, not in a log.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::Path;

use engine::setting::{ConfigError, Setting};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

/// Properties by their names.
pub type Properties = BTreeMap<String, Setting>;

/// Properties whose value must not stand in the configuration.
const SECRET: &[&str] = &[
    "sasl.password",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
];

/// What says where certificates of authorities are.
const AUTHORITIES: &[&str] = &["ssl.ca.location", "ssl.ca.pem", "ssl.ca.certificate.stores"];

/// Properties that are not to be set, whoever connects, and why.
const OWNED: &[(&str, &str)] = &[
    ("bootstrap.servers", "set `brokers`"),
    ("metadata.broker.list", "set `brokers`"),
    ("test.mock.num.brokers", "set `brokers`"),
];

/// Where a configuration says how to connect.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The path of its table, such as `source.orders`.
    pub key: &'a str,
    /// Where relative paths start.
    pub folder: &'a Path,
}

/// The properties of a client: those of the configuration, checked and with the values of those that stand elsewhere, upon
/// `ours`, which it may change. `owned` are those that it may not, and why. The result holds secrets.
pub fn client(
    brokers: &str,
    properties: &Properties,
    ours: &[(&str, &str)],
    owned: &[(&str, &str)],
    place: Place<'_>,
) -> Result<ClientConfig, ConfigError> {
    let mut client = ClientConfig::new();
    client.set("client.id", "tieout");
    for (name, value) in ours {
        client.set(*name, *value);
    }
    for (name, property) in properties {
        let key = format!("{}.properties.{name}", place.key);
        if let Some((_, reason)) = OWNED.iter().chain(owned).find(|(owned, _)| owned == name) {
            return Err(ConfigError::new(key, "this property cannot be set", *reason));
        }
        let is_secret = SECRET.contains(&name.as_str());
        let value = if is_secret { property.secret(&key, place.folder) } else { property.text(&key, place.folder) };
        client.set(name, value?);
        check(&client).map_err(|error| refused(&key, name, &error))?;
    }
    let protocol = client.get("security.protocol").unwrap_or_default().to_ascii_lowercase();
    let mechanism = client.get("sasl.mechanism").or(client.get("sasl.mechanisms"));
    if protocol.starts_with("sasl") && mechanism.is_none_or(|mechanism| mechanism.eq_ignore_ascii_case("GSSAPI")) {
        let key = format!("{}.properties.security.protocol", place.key);
        let what = "says to log in, and there is no mechanism for it that can be used";
        let help = "set \"sasl.mechanism\" to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";
        return Err(ConfigError::new(key, what, help));
    }
    if protocol.contains("ssl") && !AUTHORITIES.iter().any(|name| properties.contains_key(*name)) {
        client.set("ssl.ca.location", "probe");
    }
    client.set("bootstrap.servers", brokers);
    check(&client).map_err(|error| refused(&format!("{}.brokers", place.key), "bootstrap.servers", &error))?;
    Ok(client)
}

/// Checks the list of brokers of a configuration.
pub fn check_brokers(brokers: &str, place: Place<'_>) -> Result<(), ConfigError> {
    if brokers.trim().is_empty() {
        let help = "write host and port of some of them, such as \"kafka:9092\"";
        return Err(ConfigError::new(format!("{}.brokers", place.key), "names no broker", help));
    }
    Ok(())
}

/// Whether a topic may have this name.
pub fn is_topic(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(is_allowed) && name != "." && name != ".."
}

/// Why a client cannot be made. The error of a property shows its value, which may be a secret: so that is left out.
pub fn reason(error: KafkaError) -> String {
    match error {
        KafkaError::ClientCreation(reason) => reason,
        KafkaError::ClientConfig(_, reason, property, _) => format!("{property}: {reason}"),
        error => error.to_string(),
    }
}

fn check(client: &ClientConfig) -> Result<(), KafkaError> {
    client.create_native_config().map(drop)
}

/// What librdkafka says of a property. Its value is not told: it may be a secret.
fn refused(key: &str, name: &str, error: &KafkaError) -> ConfigError {
    let help = "see the list of librdkafka: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md";
    match error {
        KafkaError::ClientConfig(_, reason, _, _) if !SECRET.contains(&name) => {
            ConfigError::new(key, format!("librdkafka does not take this property: {reason}"), help)
        }
        _ => ConfigError::new(key, "librdkafka does not take this property", help),
    }
}
