//! A webhook as a channel: each letter is posted, signed, and taken when the answer says so.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use engine::setting::ConfigError;
use engine::{EngineError, ErrorKind};
use ring::hmac;
use ureq::Agent;
use ureq::http::{Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::alert::Letter;
use super::channel::{Channel, Untaken};
use super::config::WebhookConfig;
use super::raise::now_seconds;
use crate::running::Around;
use crate::scope::Scope;

/// How long an answer may ask to wait.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// An address that letters are posted to.
pub(super) struct Webhook {
    name: String,
    /// May hold a secret: not to be shown.
    url: String,
    secret: Option<Arc<hmac::Key>>,
    agent: Agent,
    give_up_after: Duration,
}

impl Webhook {
    pub(super) fn new(config: &WebhookConfig, scope: &Scope<'_>) -> Result<Self, ConfigError> {
        let key = |setting: &str| format!("{}.{setting}", scope.key());
        let url = config.url.text(&key("url"), scope.folder)?;
        let is_address = url.parse::<ureq::http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|at| !at.host().is_empty())
        });
        if !is_address {
            let help = "write it as https://host/path, or where it stands: { env = \"NAME\" } or { file = \"path\" }";
            return Err(ConfigError::new(key("url"), "this is not the address of a webhook", help));
        }
        for (setting, seconds) in
            [("timeout_seconds", config.timeout_seconds), ("give_up_seconds", config.give_up_seconds)]
        {
            if seconds == 0 {
                return Err(ConfigError::new(key(setting), "is 0", "write how many seconds, such as 10"));
            }
        }
        let secret = config.secret.as_ref().map(|secret| secret.secret(&key("secret"), scope.folder)).transpose()?;
        if secret.as_deref().is_some_and(str::is_empty) {
            return Err(ConfigError::new(key("secret"), "is empty", "give one, or leave the setting out"));
        }
        let mut tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
        if let Some(path) = &config.ca_file {
            let certificates = certificates(&scope.folder.join(path))
                .map_err(|what| ConfigError::new(key("ca_file"), what, "give a file of certificates in PEM"))?;
            tls = tls.root_certs(certificates);
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(config.timeout_seconds)))
            .http_status_as_error(false)
            // An answer that leads elsewhere is none: a letter goes to the address that was given.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("tieout/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build()
            .new_agent();
        Ok(Webhook {
            name: scope.name.to_owned(),
            url,
            secret: secret.map(|secret| Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))),
            agent,
            give_up_after: Duration::from_secs(config.give_up_seconds),
        })
    }

    /// Posts a letter, on a thread that is left alone if it is time to stop before there is an answer.
    fn post(&self, letter: &Letter, around: &Around) -> Option<Result<Answer, ureq::Error>> {
        let mut request =
            self.agent.post(&self.url).content_type("application/json").header("Idempotency-Key", &letter.id);
        if let Some(secret) = &self.secret {
            request = request.header("X-Tieout-Signature", signature(secret, now_seconds(), &letter.body));
        }
        let body = letter.body.clone();
        let mut stopping = around.stopping.clone();
        around.runtime.block_on(async move {
            let posted = tokio::task::spawn_blocking(move || request.send(body).map(|answer| Answer::of(&answer)));
            tokio::select! {
                () = stopping.stopped() => None,
                posted = posted => posted.ok(),
            }
        })
    }
}

impl Channel for Webhook {
    fn letters_max(&self) -> usize {
        1
    }

    fn give_up_after(&self) -> Option<Duration> {
        Some(self.give_up_after)
    }

    fn open(&mut self, _: &Around) -> Result<Option<u64>, Untaken> {
        Ok(None)
    }

    fn send(&mut self, letters: &[Letter], _: u64, around: &Around) -> Result<(), Untaken> {
        let error = |what: String, help: &str| {
            EngineError::new(ErrorKind::Unavailable, format!("the webhook `{}` {what}", self.name), help)
        };
        for letter in letters {
            let Some(posted) = self.post(letter, around) else {
                return Err(Untaken::Later(EngineError::stopped(), None));
            };
            let answer = posted.map_err(|failure| {
                Untaken::Later(
                    error(format!("cannot be reached: {failure}"), "check its address and the network"),
                    None,
                )
            })?;
            if answer.status.is_success() {
                continue;
            }
            let what = format!("answers {}", answer.status);
            return Err(if is_refusal(answer.status) {
                Untaken::Never(error(what, "it takes no such request: see what it expects"))
            } else {
                Untaken::Later(error(what, "check its address, its secret, and how it fares"), answer.retry_after)
            });
        }
        Ok(())
    }
}

/// Whether an answer says that the letter itself is wrong. That it is not known who sends it, where to, or too often, can be
/// put right elsewhere.
fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 404 | 407 | 408 | 421 | 423 | 425 | 429)
}

/// What matters of an answer.
struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
}

impl Answer {
    fn of<B>(response: &Response<B>) -> Answer {
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        Answer { status: response.status(), retry_after: header.and_then(|text| retry_after(text, SystemTime::now())) }
    }
}

/// How long an answer asks to wait: seconds, or a time.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let wait = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text.trim()).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// What a receiver compares: it shows that the body comes from one who knows the secret, and when it was sent.
fn signature(secret: &hmac::Key, seconds: u64, body: &str) -> String {
    let tag = hmac::sign(secret, format!("{seconds}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={digits}")
}

fn certificates(path: &std::path::Path) -> Result<RootCerts, String> {
    let pem = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| format!("{}: {error}", path.display()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(format!("{} has no certificate", path.display()));
    }
    Ok(RootCerts::new_with_certs(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_hmac_of_the_time_and_the_body() {
        // The value is that of `printf '17.{}' | openssl dgst -sha256 -hmac Jefe`.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        assert_eq!(
            signature(&key, 17, "{}"),
            "t=17,v1=20436aa1b1c2be79262487183b4bde32ab5295b6c1b6708037853fcdd1912c7b"
        );
    }

    #[test]
    fn an_answer_may_say_how_long_to_wait() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999", now), Some(RETRY_AFTER_MAX));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn only_what_is_wrong_with_the_letter_itself_is_a_refusal() {
        for (status, expected) in
            [(400, true), (413, true), (422, true), (401, false), (404, false), (429, false), (500, false)]
        {
            assert_eq!(is_refusal(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }
}
