//! Correlation ids: one name for a request, in the client's log and in ours.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::identity::made_up;

/// The header, in the request and in the answer.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// How long an id may be.
const ID_BYTES_MAX: usize = 128;

/// The id of a request: the client's own if it is sane, else made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CorrelationId(String);

impl CorrelationId {
    /// The id of a request with these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_sane(id));
        CorrelationId(given.map_or_else(made_up, str::to_owned))
    }

    /// As text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As the value of a header.
    pub(super) fn to_header(&self) -> Option<HeaderValue> {
        // Its letters are those that a header can have.
        HeaderValue::from_str(&self.0).ok()
    }
}

fn is_sane(id: &str) -> bool {
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_sane)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> CorrelationId {
        CorrelationId::of(&HeaderMap::from_iter([(HEADER, HeaderValue::from_str(id).unwrap())]))
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_is_replaced() {
        for id in ["7", "order-17/3", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &"x".repeat(128)] {
            assert_eq!(of(id).as_str(), id);
        }
        for id in ["", "two words", "a\tb", "{\"a\"}", &"x".repeat(129)] {
            let made_up = of(id);
            assert!(made_up.as_str() != id && made_up.as_str().len() == 32, "{made_up:?}");
        }
        assert_ne!(CorrelationId::of(&HeaderMap::new()), CorrelationId::of(&HeaderMap::new()));
    }
}
