//! The one table of what is served, and what each caller needs for it.
//!
//! It is closed: a path that is not here is answered with "not found" before anything else sees it, and an action that is
//! not here does not exist. So a new endpoint cannot be open by oversight; it cannot be reached at all.

use super::role::Permission;

/// What a path needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: anyone may ask.
    Nothing,
    /// A caller who may do this.
    Permission(Permission),
    /// A caller who may do what the named action needs: see [`ACTIONS`].
    Action,
}

const READ: Needs = Needs::Permission(Permission::Read);
const PUSH: Needs = Needs::Permission(Permission::Push);

/// How the paths of Flight's methods begin.
pub(crate) const FLIGHT: &str = "/arrow.flight.protocol.FlightService/";

/// The paths: plain ones, and the methods of Flight.
pub(crate) const PATHS: [(&str, Needs); 14] = [
    ("/", Needs::Nothing),
    ("/livez", Needs::Nothing),
    ("/readyz", Needs::Nothing),
    ("/metrics", READ),
    ("/arrow.flight.protocol.FlightService/Handshake", READ),
    ("/arrow.flight.protocol.FlightService/ListFlights", READ),
    ("/arrow.flight.protocol.FlightService/GetFlightInfo", READ),
    ("/arrow.flight.protocol.FlightService/PollFlightInfo", READ),
    ("/arrow.flight.protocol.FlightService/GetSchema", READ),
    // And what its view needs: see `VIEWS`.
    ("/arrow.flight.protocol.FlightService/DoGet", READ),
    // And a source that the caller may push to.
    ("/arrow.flight.protocol.FlightService/DoPut", PUSH),
    ("/arrow.flight.protocol.FlightService/DoExchange", PUSH),
    ("/arrow.flight.protocol.FlightService/DoAction", Needs::Action),
    ("/arrow.flight.protocol.FlightService/ListActions", READ),
];

/// The actions of `DoAction`.
pub(crate) const ACTIONS: [(&str, Permission); 3] =
    [("health", Permission::Read), ("frontier", Permission::Read), ("origins", Permission::Read)];

/// The views that need more than to be read.
pub(crate) const VIEWS: [(&str, Permission); 1] = [("runs", Permission::Audit)];

/// What a path needs; `None` if it is not served.
pub(crate) fn of_path(path: &str) -> Option<Needs> {
    find(&PATHS, path)
}

/// What an action needs; `None` if there is no such action.
pub(crate) fn of_action(action: &str) -> Option<Permission> {
    find(&ACTIONS, action)
}

/// What reading a view needs.
pub(crate) fn of_view(view: &str) -> Permission {
    find(&VIEWS, view).unwrap_or(Permission::Read)
}

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, needs)| *needs)
}
