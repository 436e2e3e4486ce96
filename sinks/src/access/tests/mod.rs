//! Callers: by fixed tokens, and by signed ones, genuine and not.

mod published;
mod signed;
mod tokens;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use engine::EngineError;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::{Access, AccessConfig, Caller};

/// ring makes no RSA keys; so this one was made once. It is of no use but here.
const RSA: &[u8] = include_bytes!("rsa_for_tests_only.pem");

pub(crate) const ISSUER: &str = "https://login.example.com/";
pub(crate) const AUDIENCE: &str = "tieout";

/// An identity provider: it signs tokens without the library that checks them.
pub(crate) struct Issuer {
    id: String,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Issuer {
    /// A provider whose keys have ids that begin with `id`.
    pub(crate) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Issuer {
            id: id.to_owned(),
            rsa: RsaKeyPair::from_pkcs8(PrivatePkcs8KeyDer::from_pem_slice(RSA).unwrap().secret_pkcs8_der()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    /// Its public keys, as it publishes them.
    pub(crate) fn keys(&self) -> String {
        let rsa = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": self.key_id("RS256"), "use": "sig", "alg": "RS256", "n": coded(&rsa.n), "e": coded(&rsa.e)},
            {"kty": "EC", "kid": self.key_id("ES256"), "crv": "P-256", "x": coded(&point[1..33]), "y": coded(&point[33..])},
            {"kty": "OKP", "kid": self.key_id("EdDSA"), "crv": "Ed25519", "x": coded(self.ed.public_key().as_ref())},
        ]})
        .to_string()
    }

    fn key_id(&self, algorithm: &str) -> String {
        format!("{}-{algorithm}", self.id)
    }

    /// A token that says this, signed.
    pub(crate) fn sign(&self, algorithm: &str, claims: &Value) -> String {
        self.sign_under(&json!({"alg": algorithm, "typ": "JWT", "kid": self.key_id(algorithm)}), algorithm, claims)
    }

    /// The same, with a header that may say anything.
    fn sign_under(&self, header: &Value, algorithm: &str, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match algorithm {
            "RS256" => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            "ES256" => self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            _ => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", coded(&signature))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", coded(header.to_string().as_bytes()), coded(claims.to_string().as_bytes()))
}

fn coded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// What a good token says.
pub(crate) fn claims(roles: Value) -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now() + 300, "roles": roles})
}

/// The table `[access]`, in a folder.
pub(crate) fn access(folder: &std::path::Path, table: &str) -> Result<Access, super::SettingError> {
    Access::new(&toml::from_str::<AccessConfig>(table).unwrap(), folder)
}

fn with(authorization: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::AUTHORIZATION, authorization.parse().unwrap())])
}

async fn bearer(access: &Access, token: &str) -> Result<Caller, EngineError> {
    access.authenticate(&with(&format!("Bearer {token}"))).await
}

async fn basic(access: &Access, name: &str, secret: &str) -> Result<Caller, EngineError> {
    access.authenticate(&with(&format!("Basic {}", STANDARD.encode(format!("{name}:{secret}"))))).await
}
