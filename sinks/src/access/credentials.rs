//! What a caller shows: the header `authorization`.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{EngineError, ErrorKind};

/// How long what is shown may be.
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// What a caller shows. It is a secret, and so neither logged nor put into errors: it cannot be printed.
pub(crate) enum Credentials {
    /// A token.
    Bearer(String),
    /// A name and a secret.
    Basic {
        /// The name of the token.
        name: String,
        /// Its secret.
        secret: String,
    },
}

impl Credentials {
    /// What these headers show, if anything.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, EngineError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (value, more) = (values.next(), values.next());
        let Some(value) = value else { return Ok(None) };
        let text = value.to_str().ok().filter(|text| more.is_none() && text.len() <= SHOWN_BYTES_MAX);
        let (scheme, shown) = text.and_then(|text| text.split_once(' ')).ok_or_else(unreadable)?;
        let shown = shown.trim();
        if scheme.eq_ignore_ascii_case("bearer") && !shown.is_empty() {
            return Ok(Some(Credentials::Bearer(shown.to_owned())));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = STANDARD.decode(shown).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
            let (name, secret) = pair.ok_or_else(unreadable)?;
            return Ok(Some(Credentials::Basic { name: name.to_owned(), secret: secret.to_owned() }));
        }
        Err(unreadable())
    }

    /// As a token: what a client sends from here on that has shown a name and a secret.
    pub(crate) fn into_token(self) -> String {
        match self {
            Credentials::Bearer(token) => token,
            Credentials::Basic { secret, .. } => secret,
        }
    }
}

fn unreadable() -> EngineError {
    EngineError::new(
        ErrorKind::Unauthenticated,
        "the header `authorization` cannot be read",
        "send it once, as `Bearer <token>`, or as `Basic` with the name of the token and its secret",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<Option<Credentials>, EngineError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        Credentials::of(&headers)
    }

    #[test]
    fn a_token_or_a_name_and_a_secret_are_understood() {
        assert!(Credentials::of(&HeaderMap::new()).unwrap().is_none());
        for value in ["Bearer abc", "bearer  abc "] {
            assert_eq!(of(value).unwrap().unwrap().into_token(), "abc");
        }
        let Some(Credentials::Basic { name, secret }) = of("Basic bG9hZGVyOnNlOmNyZXQ=").unwrap() else { panic!() };
        assert_eq!((name.as_str(), secret.as_str()), ("loader", "se:cret"));
    }

    #[test]
    fn anything_else_is_refused_and_not_repeated() {
        for value in ["s3cret", "Bearer ", "Digest s3cret", "Basic s3cret", "Basic czNjcmV0"] {
            let error = of(value).err().unwrap();
            assert!(error.kind == ErrorKind::Unauthenticated && !error.to_string().contains("s3cret"), "{error}");
        }
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(Credentials::of(&headers).is_err());
        assert!(of(&format!("Bearer {}", "a".repeat(SHOWN_BYTES_MAX))).is_err());
    }
}
