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
