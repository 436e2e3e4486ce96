//! The configuration of the server.

use serde::Deserialize;

/// The address that is listened on when none is configured: this machine only.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8815";

/// The table `[flight]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlightConfig {
    /// Where to listen: an address and a port. Port 0 takes any free one.
    #[serde(default = "listen_default")]
    pub listen: String,
}

impl Default for FlightConfig {
    fn default() -> Self {
        FlightConfig { listen: listen_default() }
    }
}

fn listen_default() -> String {
    LISTEN_DEFAULT.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_configuration_only_this_machine_is_served() {
        let configured: FlightConfig = toml::from_str("").unwrap();
        assert_eq!(configured, FlightConfig::default());
        assert_eq!(configured.listen, "127.0.0.1:8815");
        let error = toml::from_str::<FlightConfig>("lisen = \"0.0.0.0:1\"").unwrap_err();
        assert!(error.to_string().contains("unknown field `lisen`, expected `listen`"), "{error}");
    }
}
