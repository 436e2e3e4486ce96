//! The one port, encrypted: for Flight and for plain HTTP.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::{EngineConfig, ErrorKind};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Served, ask_over, get_request, until};
use crate::access::Access;
use crate::flight::client::{Client, Identification};
use crate::flight::{Kind, Security, Ticket};
use crate::tls::{Tls, TlsConfig};
use crate::toy::{self, Gate, pushed};

/// An authority that certifies servers and clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A certificate and its key.
    fn certify(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    }
}

/// Writes the certificate of a server, and its key.
fn certify_server(authority: &Authority, folder: &Path) {
    let (certificate, key) = authority.certify("localhost");
    fs::write(folder.join("server.pem"), certificate).unwrap();
    fs::write(folder.join("server.key"), key).unwrap();
}

fn config(client_ca: Option<&str>) -> TlsConfig {
    let client_ca = client_ca.map(Into::into);
    TlsConfig { certificate: "server.pem".into(), key: "server.key".into(), client_ca }
}

async fn encrypted(folder: TempDir, client_ca: Option<&str>) -> Served {
    let tls = Tls::new(&config(client_ca), folder.path()).unwrap();
    let engine = toy::start_with(EngineConfig::new(folder.path().join("data")), &Gate::default());
    let security = Security { access: Access::this_machine(), tls: Some(tls) };
    let served = Served::secured(folder, engine, security).await;
    served.engine().reader().status().ready().await.unwrap();
    served
}

fn trusts(authority: &Authority) -> Identification {
    Identification { authorities: Some(authority.pem()), ..Identification::default() }
}

impl Served {
    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    fn encrypted_address(&self) -> String {
        format!("grpc+tls://localhost:{}", self.port())
    }

    /// A connection for plain HTTP, with the protocol that was agreed on.
    async fn https(&self, authority: &Authority, protocol: &[u8]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&authority.pem()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let connection = TcpStream::connect(&self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = TlsConnector::from(Arc::new(config)).connect(name, connection).await.unwrap();
        assert_eq!(connection.get_ref().1.alpn_protocol(), Some(protocol));
        connection
    }
}

#[tokio::test]
async fn flight_and_plain_http_are_both_encrypted_on_the_one_port() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    certify_server(&authority, folder.path());
    let served = encrypted(folder, None).await;
    let client = Client::connect_as(&served.encrypted_address(), &trusts(&authority)).await.unwrap();
    client.put("numbers", Some("a"), &[pushed([(1, Some(11))])]).await.unwrap();
    let mut messages = client.read(&Ticket::subscription("numbers")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    let connection = served.https(&authority, b"http/1.1").await;
    let (status, text) = ask_over(connection, &get_request("/metrics", "")).await;
    assert!(status == 200 && text.contains("tieout_flight_puts_total{result=\"accepted\"} 1"), "{text}");
    drop(served.https(&authority, b"h2").await);
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_does_not_connect() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    certify_server(&authority, folder.path());
    let served = encrypted(folder, None).await;
    for identification in [trusts(&Authority::new()), Identification::default()] {
        let error = Client::connect_as(&served.encrypted_address(), &identification).await.unwrap_err();
        assert!(error.kind == ErrorKind::Unavailable && error.help.contains("--ca"), "{error}");
        assert!(error.what.contains("invalid peer certificate"), "{error}");
    }
    let other_name = format!("grpc+tls://127.0.0.1:{}", served.port());
    let error = Client::connect_as(&other_name, &trusts(&authority)).await.unwrap_err();
    assert!(error.what.contains("not valid for name"), "{error}");
    // Without encryption, nothing is answered.
    let plain = match Client::connect(&served.address).await {
        Ok(client) => client.views().await.map(drop),
        Err(error) => Err(error),
    };
    assert_eq!(plain.unwrap_err().kind, ErrorKind::Unavailable);
    let error = Client::connect_as(&served.address, &trusts(&authority)).await.unwrap_err();
    assert!(error.kind == ErrorKind::Invalid && error.help.contains("grpc+tls://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn where_clients_need_a_certificate_only_those_of_the_authority_connect() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, of_clients) = (Authority::new(), Authority::new());
    certify_server(&authority, folder.path());
    fs::write(folder.path().join("clients.pem"), of_clients.pem()).unwrap();
    let served = encrypted(folder, Some("clients.pem")).await;
    let with = |certificate| Identification { certificate, ..trusts(&authority) };
    let known = Client::connect_as(&served.encrypted_address(), &with(Some(of_clients.certify("desk")))).await;
    assert!(!known.unwrap().views().await.unwrap().is_empty());
    for certificate in [None, Some(authority.certify("desk"))] {
        // In TLS 1.3 the client learns of it with its first answer.
        let refused = match Client::connect_as(&served.encrypted_address(), &with(certificate)).await {
            Ok(client) => client.views().await.map(drop),
            Err(error) => Err(error),
        };
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_certificate_that_is_replaced_holds_for_new_connections() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    certify_server(&old, folder.path());
    let served = encrypted(folder, None).await;
    let before = Client::connect_as(&served.encrypted_address(), &trusts(&old)).await.unwrap();
    // Half of it does no harm.
    fs::write(served.folder.path().join("server.pem"), "").unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    Client::connect_as(&served.encrypted_address(), &trusts(&old)).await.unwrap();
    certify_server(&new, served.folder.path());
    tokio::time::sleep(Duration::from_millis(600)).await;
    Client::connect_as(&served.encrypted_address(), &trusts(&new)).await.unwrap();
    assert!(Client::connect_as(&served.encrypted_address(), &trusts(&old)).await.is_err());
    assert!(!before.views().await.unwrap().is_empty(), "connections that there are go on");
}

#[tokio::test]
async fn clients_that_say_nothing_hold_up_nobody_and_a_server_that_stops_lets_go_of_its_port() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    certify_server(&authority, folder.path());
    let mut served = encrypted(folder, None).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(&served.address).await.unwrap());
    }
    let client = Client::connect_as(&served.encrypted_address(), &trusts(&authority)).await.unwrap();
    assert!(!client.views().await.unwrap().is_empty());
    drop(client);
    served.stop_serving().await;
    let address = served.address.clone();
    served.serve(&address).await;
    Client::connect_as(&served.encrypted_address(), &trusts(&authority)).await.unwrap();
}

#[test]
fn files_that_are_of_no_use_are_told_by_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    certify_server(&authority, folder.path());
    let (_, other_key) = authority.certify("localhost");
    fs::write(folder.path().join("other.key"), other_key).unwrap();
    fs::write(folder.path().join("nonsense"), "s3cret").unwrap();
    let with = |certificate: &str, key: &str, client_ca: Option<&str>| TlsConfig {
        certificate: certificate.into(),
        key: key.into(),
        client_ca: client_ca.map(Into::into),
    };
    for (config, key, words) in [
        (with("none", "server.key", None), "tls.certificate", "cannot read"),
        (with("nonsense", "server.key", None), "tls.certificate", "certificates in PEM"),
        (with("server.key", "server.key", None), "tls.certificate", "certificates in PEM"),
        (with("server.pem", "nonsense", None), "tls.key", "a private key in PEM"),
        (with("server.pem", "other.key", None), "tls.certificate", "the key that belongs to it"),
        (with("server.pem", "server.key", Some("nonsense")), "tls.client_ca", "certificates in PEM"),
    ] {
        let error = Tls::new(&config, folder.path()).err().unwrap();
        assert!(error.key == key && format!("{} {}", error.what, error.help).contains(words), "{error:?}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
