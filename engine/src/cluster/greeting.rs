//! The greeting with which every link begins.
//!
//! ```text
//!  caller                                       called
//!  Greeting: who it is, what it runs, nonce ──▶
//!                                           ◀── Challenge: nonce, proof of the secret
//!  proof of the secret                      ──▶
//!                                           ◀── Verdict: welcome, or the reason why not
//! ```
//! Both prove that they know the secret before either believes the other. It is JSON, so that versions that differ
//! understand each other well enough to say so.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frame::{self, Within};
use super::secret::{By, Nonce, Proof, Secret, nonce};
use crate::error::{EngineError, ErrorKind};

/// The version of what is said over links.
pub(super) const PROTOCOL: u32 = 1;

/// How long the other may take for all that it has to say.
const GREETING_MAX: Duration = Duration::from_secs(10);

/// The size of the longest frame of a greeting.
const FRAME_BYTES_MAX: usize = 4096;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// From a member to the head: commands one way, reports and answers the other.
    Control,
    /// Between two processes: what their workers exchange.
    Exchange,
}

/// Who calls, whom, for what, and what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Greeting {
    pub(super) protocol: u32,
    pub(super) purpose: Purpose,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) processes: usize,
    pub(super) workers: usize,
    pub(super) program: String,
    pub(super) configuration: String,
    /// Which forming of the cluster this belongs to, once the head has said so: a process that is left over from an earlier
    /// one is no part of it.
    pub(super) formation: Option<Nonce>,
    pub(super) nonce: Nonce,
}

#[derive(Serialize, Deserialize)]
struct Challenge {
    nonce: Nonce,
    proof: Proof,
}

/// The end of a greeting.
#[derive(Serialize, Deserialize)]
enum Verdict {
    Welcome,
    Refused(Refusal),
}

/// Why a process is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) help: String,
    /// Whether it may be otherwise in a while.
    pub(super) may_pass: bool,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Refusal { what: what.into(), help: help.into(), may_pass: false }
    }

    /// One that says to try again.
    pub(super) fn for_now(what: impl Into<String>) -> Self {
        Refusal { what: what.into(), help: "it tries again by itself".into(), may_pass: true }
    }

    fn another_secret() -> Self {
        Refusal::new("the secret of the cluster is another", "give all processes the same secret")
    }
}

/// A greeting that came to nothing.
#[derive(Debug)]
pub(super) enum Unwelcome {
    /// It was refused.
    Refused(Refusal),
    /// The link failed, or something else than a process of a cluster is at its other end.
    Failed(io::Error),
}

impl From<io::Error> for Unwelcome {
    fn from(error: io::Error) -> Self {
        Unwelcome::Failed(error)
    }
}

impl From<EngineError> for Unwelcome {
    fn from(error: EngineError) -> Self {
        Unwelcome::Failed(io::Error::other(error.what))
    }
}

impl Refusal {
    pub(super) fn error(&self, who: &str) -> EngineError {
        EngineError::new(ErrorKind::Invalid, format!("{who} refuses this process: {}", self.what), self.help.clone())
    }
}

/// Greets whoever is at the other end.
pub(super) fn greet(link: &mut TcpStream, greeting: &Greeting, secret: &Secret) -> Result<(), Unwelcome> {
    let until = Instant::now() + GREETING_MAX;
    link.set_write_timeout(Some(GREETING_MAX))?;
    let said = send(link, greeting)?;
    let challenge: Challenge = receive(link, until)?;
    let nonces = [&greeting.nonce, &challenge.nonce];
    let is_known = challenge.proof.is(&secret.proof(By::Called, &said, nonces));
    // Also where the other's proof is wrong: so that it is told on both sides.
    send(link, &secret.proof(By::Caller, &said, nonces))?;
    match receive(link, until)? {
        Verdict::Refused(refusal) => Err(Unwelcome::Refused(refusal)),
        Verdict::Welcome if !is_known => Err(Unwelcome::Refused(Refusal::another_secret())),
        Verdict::Welcome => Ok(()),
    }
}

/// Answers a greeting; `check` is asked once the caller has proved that it knows the secret.
pub(super) fn answer(
    link: &mut TcpStream,
    secret: &Secret,
    check: impl FnOnce(&Greeting) -> Result<(), Refusal>,
) -> Result<Greeting, Unwelcome> {
    let until = Instant::now() + GREETING_MAX;
    link.set_write_timeout(Some(GREETING_MAX))?;
    let said = frame::read(&mut Within { link, until }, FRAME_BYTES_MAX)?;
    let greeting: Greeting = parse(&said)?;
    let nonce = nonce()?;
    let nonces = [&greeting.nonce, &nonce];
    send(link, &Challenge { nonce, proof: secret.proof(By::Called, &said, nonces) })?;
    let proof: Proof = receive(link, until)?;
    let verdict = match proof.is(&secret.proof(By::Caller, &said, nonces)) {
        true => check(&greeting),
        false => Err(Refusal::another_secret()),
    };
    match verdict {
        Ok(()) => {
            send(link, &Verdict::Welcome)?;
            Ok(greeting)
        }
        Err(refusal) => {
            send(link, &Verdict::Refused(refusal.clone()))?;
            Err(Unwelcome::Refused(refusal))
        }
    }
}

/// Sends something, and gives it as it was sent.
pub(super) fn send(link: &mut TcpStream, what: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(what)?;
    frame::write(link, &body, FRAME_BYTES_MAX)?;
    Ok(body)
}

/// Waits for something, but no longer than until a moment.
pub(super) fn receive<T: DeserializeOwned>(link: &TcpStream, until: Instant) -> io::Result<T> {
    parse(&frame::read(&mut Within { link, until }, FRAME_BYTES_MAX)?)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body)
        .map_err(|_| io::Error::other("what is there speaks otherwise than a process of Tieout"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn greeting() -> Greeting {
        Greeting {
            protocol: PROTOCOL,
            purpose: Purpose::Control,
            from: 1,
            to: 0,
            processes: 2,
            workers: 1,
            program: "a program".into(),
            configuration: "a configuration".into(),
            formation: None,
            nonce: nonce().unwrap(),
        }
    }

    /// What both sides hear when one greets the other.
    fn meet(secrets: [&str; 2], refusal: Option<Refusal>) -> [Result<(), String>; 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let [own, other] = secrets.map(|text| Secret::new(text).unwrap());
        let called = std::thread::spawn(move || {
            let (mut link, _) = listener.accept().unwrap();
            answer(&mut link, &other, |_| refusal.map_or(Ok(()), Err)).map(|greeting| assert_eq!(greeting.from, 1))
        });
        let told = |result: Result<(), Unwelcome>| {
            result.map_err(|unwelcome| match unwelcome {
                Unwelcome::Refused(refusal) => refusal.what,
                Unwelcome::Failed(error) => format!("failed: {error}"),
            })
        };
        [told(greet(&mut caller, &greeting(), &own)), told(called.join().unwrap())]
    }

    const SECRET: &str = "a secret that is long enough";

    #[test]
    fn those_who_know_the_secret_are_welcome() {
        assert_eq!(meet([SECRET, SECRET], None), [Ok(()), Ok(())]);
    }

    #[test]
    fn another_secret_is_refused_and_both_sides_are_told() {
        let refused = Err("the secret of the cluster is another".to_owned());
        assert_eq!(meet([SECRET, "another secret, as long"], None), [refused.clone(), refused]);
    }

    #[test]
    fn a_refusal_is_told_on_both_sides() {
        let refused = Err("it rains".to_owned());
        assert_eq!(meet([SECRET, SECRET], Some(Refusal::new("it rains", ""))), [refused.clone(), refused]);
    }

    #[test]
    fn one_who_does_not_know_the_secret_but_says_welcome_is_not_believed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let impostor = std::thread::spawn(move || {
            let (mut link, _) = listener.accept().unwrap();
            let said = frame::read(&mut link, FRAME_BYTES_MAX).unwrap();
            let greeting: Greeting = parse(&said).unwrap();
            let secret = Secret::new("a guess that is wrong, alas").unwrap();
            let proof = secret.proof(By::Called, &said, [&greeting.nonce, &[7; 16]]);
            send(&mut link, &Challenge { nonce: [7; 16], proof }).unwrap();
            let overheard: Proof = receive(&link, Instant::now() + GREETING_MAX).unwrap();
            send(&mut link, &Verdict::Welcome).unwrap();
            (said, greeting, overheard)
        });
        let secret = Secret::new(SECRET).unwrap();
        let heard = greet(&mut caller, &greeting(), &secret);
        assert!(matches!(heard, Err(Unwelcome::Refused(_))), "{heard:?}");
        // What it overheard is no proof for the next one who asks, and none that it could give as the one that is called.
        let (said, greeting, overheard) = impostor.join().unwrap();
        assert!(!overheard.is(&secret.proof(By::Caller, &said, [&greeting.nonce, &[8; 16]])));
        assert!(!overheard.is(&secret.proof(By::Called, &said, [&greeting.nonce, &[7; 16]])));
    }

    #[test]
    fn a_secret_is_long_and_another_text_is_another_secret() {
        assert!(Secret::new("   short   ").is_err());
        let proof = |text: &str| Secret::new(text).unwrap().proof(By::Caller, b"", [&[0; 16], &[1; 16]]);
        assert!(proof(SECRET).is(&proof(&format!("{SECRET}\n"))));
        assert!(!proof(SECRET).is(&proof("a secret that is long enougH")));
    }
}
