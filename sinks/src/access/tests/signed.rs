use std::fs;
use std::time::Duration;

use engine::ErrorKind;
use ring::hmac;
use serde_json::{Value, json};

use super::{AUDIENCE, ISSUER, Issuer, access, bearer, claims, coded, now, unsigned};
use crate::access::{Access, Permission};

const TABLE: &str = r#"
[jwt]
issuer = "https://login.example.com/"
audience = "tieout"
keys_file = "keys.json"

[jwt.roles]
desk = "analyst"
audit = "auditor"
"#;

/// An issuer, and a server that trusts it.
fn trusted() -> (tempfile::TempDir, Issuer, Access) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::new("first");
    fs::write(folder.path().join("keys.json"), issuer.keys()).unwrap();
    let access = access(folder.path(), TABLE).unwrap();
    (folder, issuer, access)
}

#[tokio::test]
async fn a_genuine_token_makes_a_caller_with_its_roles() {
    let (_folder, issuer, access) = trusted();
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let caller = bearer(&access, &issuer.sign(algorithm, &claims(json!(["desk", "unknown"])))).await.unwrap();
        assert_eq!(caller.name(), "ada");
        assert!(caller.authorise(Permission::Push, "push").is_ok(), "{algorithm}");
        assert!(caller.authorise(Permission::Audit, "audit").is_err(), "{algorithm}");
    }
    for roles in [json!(["desk", "audit"]), json!("desk audit")] {
        let caller = bearer(&access, &issuer.sign("EdDSA", &claims(roles))).await.unwrap();
        assert!(caller.authorise(Permission::Push, "push").is_ok() && caller.authorise(Permission::Audit, "a").is_ok());
    }
    for roles in [json!([]), json!(["other"]), json!(7), json!({"desk": true}), Value::Null] {
        let caller = bearer(&access, &issuer.sign("EdDSA", &claims(roles))).await.unwrap();
        assert!(caller.authorise(Permission::Read, "read").unwrap_err().kind == ErrorKind::Denied);
    }
}

#[tokio::test]
async fn what_a_token_says_has_to_hold_for_this_server_and_now() {
    let (_folder, issuer, access) = trusted();
    let good = claims(json!(["desk"]));
    let but = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        claims
    };
    let without = |key: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(key);
        claims
    };
    for (claims, words) in [
        (but("exp", json!(now() - 90)), "has expired"),
        (but("exp", json!("tomorrow")), "does not say what it has to"),
        (but("nbf", json!(now() + 90)), "does not hold yet"),
        (but("nbf", json!("never")), "does not say what it has to"),
        (but("iss", json!("https://evil.example.com/")), "of another issuer"),
        (but("iss", json!(null)), "does not say what it has to"),
        (but("aud", json!("another")), "for another audience"),
        (but("aud", json!(["another", "third"])), "for another audience"),
        (without("exp"), "does not say what it has to"),
        (without("iss"), "does not say what it has to"),
        (without("aud"), "does not say what it has to"),
        (without("sub"), "does not say what it has to"),
    ] {
        let error = bearer(&access, &issuer.sign("ES256", &claims)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
        assert!(error.what.contains(words), "{claims}: {error}");
    }
    // The clocks may differ by a minute.
    for claims in [but("exp", json!(now() - 30)), but("nbf", json!(now() + 30)), but("aud", json!(["x", AUDIENCE]))] {
        assert!(bearer(&access, &issuer.sign("ES256", &claims)).await.is_ok(), "{claims}");
    }
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let (_folder, issuer, access) = trusted();
    let good = claims(json!(["desk"]));
    let genuine = issuer.sign("ES256", &good);
    let (message, signature) = genuine.rsplit_once('.').unwrap();
    let header = message.split_once('.').unwrap().0;
    let richer = coded(claims(json!(["desk", "audit"])).to_string().as_bytes());
    let none = |algorithm: &str| format!("{}.", unsigned(&json!({"alg": algorithm, "typ": "JWT"}), &good));
    // A public key as if it were a shared secret: in each form in which an attacker may find it.
    let with_hmac = |secret: &[u8]| {
        let message = unsigned(&json!({"alg": "HS256", "kid": "first-RS256"}), &good);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        format!("{message}.{}", coded(hmac::sign(&key, message.as_bytes()).as_ref()))
    };
    let keys: Value = serde_json::from_str(&issuer.keys()).unwrap();
    let modulus = keys["keys"][0]["n"].as_str().unwrap();
    for (what, token) in [
        ("signed by another with the same id", Issuer::new("first").sign("ES256", &good)),
        ("signed by another", Issuer::new("other").sign("ES256", &good)),
        ("changed", format!("{header}.{richer}.{signature}")),
        ("a signature that is cut", format!("{message}.{}", &signature[..40])),
        ("no signature", format!("{message}.")),
        ("none", none("none")),
        ("None", none("None")),
        ("none with a signature", format!("{}{signature}", none("none"))),
        ("hmac with the keys' text", with_hmac(issuer.keys().as_bytes())),
        ("hmac with the modulus", with_hmac(modulus.as_bytes())),
        (
            "a header that says another algorithm",
            issuer.sign_under(&json!({"alg": "ES256", "kid": "first-RS256"}), "RS256", &good),
        ),
        (
            "an algorithm that is not accepted",
            issuer.sign_under(&json!({"alg": "RS512", "kid": "first-RS256"}), "RS256", &good),
        ),
        ("a key of its own", issuer.sign_under(&json!({"alg": "ES256", "jwk": keys["keys"][1]}), "EdDSA", &good)),
        (
            "what must be understood",
            issuer.sign_under(&json!({"alg": "ES256", "kid": "first-ES256", "crit": ["x"]}), "ES256", &good),
        ),
        ("two parts", message.to_owned()),
        ("nonsense", "a.b.c".to_owned()),
        ("empty parts", "..".to_owned()),
    ] {
        let error = bearer(&access, &token).await.expect_err(what);
        assert_eq!(error.kind, ErrorKind::Unauthenticated, "{what}: {error}");
        assert!(!error.to_string().contains(&token) && !error.to_string().contains(ISSUER), "{what}: {error}");
    }
    assert!(bearer(&access, &genuine).await.is_ok());
}

#[tokio::test]
async fn keys_are_rotated_while_the_server_runs() {
    let (folder, old, access) = trusted();
    let new = Issuer::new("second");
    let good = claims(json!(["desk"]));
    assert!(bearer(&access, &new.sign("EdDSA", &good)).await.is_err());
    fs::write(folder.path().join("keys.json"), new.keys()).unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(bearer(&access, &new.sign("EdDSA", &good)).await.is_ok());
    assert!(bearer(&access, &old.sign("EdDSA", &good)).await.is_err());
}

#[tokio::test]
async fn a_caller_is_let_go_when_its_token_has_expired() {
    let (_folder, issuer, access) = trusted();
    let mut soon = claims(json!(["desk"]));
    // The leeway of a minute is added.
    soon["exp"] = json!(now() - 59);
    let caller = bearer(&access, &issuer.sign("EdDSA", &soon)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(caller.check_expiry().unwrap_err().kind, ErrorKind::Unauthenticated);
    let caller = bearer(&access, &issuer.sign("EdDSA", &claims(json!(["desk"])))).await.unwrap();
    assert_eq!(caller.check_expiry(), Ok(()));
    let mut never = claims(json!(["desk"]));
    never["exp"] = json!(u64::MAX);
    assert_eq!(bearer(&access, &issuer.sign("EdDSA", &never)).await.unwrap().check_expiry(), Ok(()));
}
