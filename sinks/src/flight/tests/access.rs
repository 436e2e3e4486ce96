//! Who is let in, and where: the whole table of permissions, over the wire.

use std::fs;
use std::time::Duration;

use arrow_flight::{Action, Empty, FlightDescriptor, HandshakeRequest};
use engine::{EngineConfig, ErrorKind};
use futures::stream;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use super::{Served, ask_over, get_request, until};
use crate::access::permissions::{ACTIONS, FLIGHT, PATHS, VIEWS};
use crate::access::tests::{Issuer, access, claims, now};
use crate::flight::client::{Client, Identification};
use crate::flight::{Kind, Security, Ticket, action};
use crate::toy::{self, Gate, pushed, pushed_schema};

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    /// Let through, whatever comes of it.
    In,
    /// Asked who it is.
    Who,
    /// Told that it may not.
    No,
}
use Gets::{In, No, Who};

/// Callers, by their tokens. The last shows a token that nobody has.
const CALLERS: [&str; 7] = ["", "viewer", "analyst", "approver", "auditor", "admin", "stranger"];

/// What each of the callers gets, of all that is served.
const MATRIX: [(&str, [Gets; 7]); 19] = [
    //                       nothing viewer analyst approver auditor admin stranger
    ("/", /*             */ [In, In, In, In, In, In, In]),
    ("/livez", /*        */ [In, In, In, In, In, In, In]),
    ("/readyz", /*       */ [In, In, In, In, In, In, In]),
    ("/metrics", /*      */ [Who, In, In, In, In, In, Who]),
    ("Handshake", /*     */ [Who, In, In, In, In, In, Who]),
    ("ListFlights", /*   */ [Who, In, In, In, In, In, Who]),
    ("GetFlightInfo", /* */ [Who, In, In, In, In, In, Who]),
    ("PollFlightInfo", /**/ [Who, In, In, In, In, In, Who]),
    ("GetSchema", /*     */ [Who, In, In, In, In, In, Who]),
    ("DoGet", /*         */ [Who, In, In, In, In, In, Who]),
    ("DoGet runs", /*    */ [Who, No, No, No, In, In, Who]),
    ("DoGet numbers", /* */ [Who, In, In, In, In, In, Who]),
    ("DoPut", /*         */ [Who, No, In, In, No, In, Who]),
    ("DoExchange", /*    */ [Who, No, In, In, No, In, Who]),
    ("DoAction", /*      */ [Who, In, In, In, In, In, Who]),
    ("DoAction health", /* */ [Who, In, In, In, In, In, Who]),
    ("DoAction frontier", /**/ [Who, In, In, In, In, In, Who]),
    ("DoAction origins", /* */ [Who, In, In, In, In, In, Who]),
    ("ListActions", /*   */ [Who, In, In, In, In, In, Who]),
];

fn secret(caller: &str) -> String {
    format!("the-secret-of-{caller}-is-this")
}

/// A server for which each role has a token, and `narrow` one for another source than there is.
async fn guarded() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let mut table = String::new();
    for role in CALLERS.iter().filter(|caller| !["", "stranger"].contains(caller)) {
        fs::write(folder.path().join(format!("{role}.secret")), secret(role)).unwrap();
        table += &format!("tokens.{role} = {{ role = \"{role}\", secret_file = \"{role}.secret\" }}\n");
    }
    fs::write(folder.path().join("narrow.secret"), secret("narrow")).unwrap();
    table += "tokens.narrow = { role = \"analyst\", secret_file = \"narrow.secret\", sources = [\"broker\"] }\n";
    served_with(folder, &table).await
}

async fn served_with(folder: TempDir, table: &str) -> Served {
    let security = Security { access: access(folder.path(), table).unwrap(), tls: None };
    let data = folder.path().join("data");
    let engine = toy::start_with(EngineConfig::new(&data), &Gate::default());
    let served = Served::secured(folder, engine, security).await;
    served.engine().reader().status().ready().await.unwrap();
    served
}

/// A server that trusts an issuer, to the second.
async fn trusting(folder: TempDir) -> (Served, Issuer) {
    let issuer = Issuer::new("first");
    fs::write(folder.path().join("keys.json"), issuer.keys()).unwrap();
    let table = r#"
        [jwt]
        issuer = "https://login.example.com/"
        audience = "tieout"
        keys_file = "keys.json"
        leeway_seconds = 0
        roles = { desk = "analyst" }
    "#;
    (served_with(folder, table).await, issuer)
}

/// An analyst's token that holds for so long.
fn token(issuer: &Issuer, lifetime_seconds: i64) -> String {
    let mut claims = claims(json!(["desk"]));
    claims["exp"] = json!(now() + lifetime_seconds);
    issuer.sign("ES256", &claims)
}

impl Served {
    async fn client_as(&self, caller: &str) -> Client {
        let token = Some(secret(caller)).filter(|_| !caller.is_empty());
        self.client_with(token).await
    }

    async fn client_with(&self, token: Option<String>) -> Client {
        let identification = Identification { token, ..Identification::default() };
        Client::connect_as(&self.address, &identification).await.unwrap()
    }

    async fn ask(&self, request: &[u8]) -> (u16, String) {
        ask_over(TcpStream::connect(&self.address).await.unwrap(), request).await
    }
}

/// A request for an endpoint of the matrix: a path, or a method of Flight and what it is asked for.
fn request(endpoint: &str, caller: &str) -> Vec<u8> {
    let authorization = match caller {
        "" => String::new(),
        caller => format!("Authorization: Bearer {}\r\n", secret(caller)),
    };
    if endpoint.starts_with('/') {
        return get_request(endpoint, &authorization);
    }
    let (method, asked) = endpoint.split_once(' ').unwrap_or((endpoint, ""));
    // A message of gRPC: not compressed, its length, and the first field of the protocol's message, a text.
    let mut field = vec![0x0a, asked.len() as u8];
    field.extend(asked.bytes());
    let field = if asked.is_empty() { Vec::new() } else { field };
    let mut message = vec![0];
    message.extend((field.len() as u32).to_be_bytes());
    message.extend(field);
    let head = format!(
        "POST /arrow.flight.protocol.FlightService/{method} HTTP/1.1\r\nHost: tieout\r\nConnection: close\r\n\
         Content-Type: application/grpc\r\nTE: trailers\r\nContent-Length: {}\r\n{authorization}\r\n",
        message.len()
    );
    [head.into_bytes(), message].concat()
}

fn got(status: u16, answer: &str) -> Gets {
    match status {
        401 => Who,
        403 => No,
        _ if answer.contains("grpc-status: 16") => Who,
        _ if answer.contains("grpc-status: 7\r") || answer.ends_with("grpc-status: 7") => No,
        _ => In,
    }
}

#[tokio::test]
async fn every_role_reaches_what_it_may_and_nothing_else() {
    let served = guarded().await;
    for (endpoint, expected) in MATRIX {
        for (caller, expected) in CALLERS.iter().zip(expected) {
            let (status, answer) = served.ask(&request(endpoint, caller)).await;
            assert_eq!(got(status, &answer), expected, "{endpoint} as {caller:?}: {status} {answer}");
            let is_given_back = endpoint == "Handshake" && expected == In;
            assert!(is_given_back || !answer.contains("the-secret-of-"), "{endpoint} as {caller:?}: {answer}");
            if expected == In {
                assert!([200, 503].contains(&status), "{endpoint}: {status}");
                assert!(!answer.contains("grpc-status: 12") || ["PollFlightInfo", "DoExchange"].contains(&endpoint));
            }
        }
    }
}

#[test]
fn the_matrix_says_of_all_that_is_served_who_may() {
    let expected: Vec<String> = MATRIX.iter().map(|(endpoint, _)| (*endpoint).to_owned()).collect();
    let method = |path: &str| path.replace(FLIGHT, "");
    let served = PATHS.iter().map(|(path, _)| method(path));
    let served = served.chain(ACTIONS.iter().map(|(action, _)| format!("DoAction {action}")));
    let served: Vec<String> = served.chain(VIEWS.iter().map(|(view, _)| format!("DoGet {view}"))).collect();
    for endpoint in &served {
        assert!(expected.contains(endpoint), "the matrix does not say who may use {endpoint}");
    }
    assert_eq!(served.len() + 1, expected.len(), "the matrix also has a view that everybody may read");
    let listed: Vec<String> = action::list().map(|action| action.r#type).collect();
    assert_eq!(listed, ACTIONS.map(|(action, _)| action), "each action is in the table, and each of the table exists");
}

#[tokio::test]
async fn what_is_not_in_the_table_is_not_served() {
    let served = guarded().await;
    for path in ["/nothing", "/metrics/", "//metrics", "/METRICS", "/livez/../metrics", "/metrics%2f"] {
        assert_eq!(served.ask(&get_request(path, "")).await.0, 404, "{path}");
    }
    let (_, answer) = served.ask(&request("DoMischief", "admin")).await;
    assert!(answer.contains("grpc-status: 12"), "{answer}");
}

#[tokio::test]
async fn a_refusal_says_what_to_do_over_http_and_over_flight() {
    let served = guarded().await;
    let (_, answer) = served.ask(&get_request("/metrics", "")).await;
    assert!(
        answer.contains("authorization: Bearer <token>") && answer.contains("www-authenticate: Bearer"),
        "{answer}"
    );
    let error = served.client_as("").await.views().await.unwrap_err();
    assert!(error.kind == ErrorKind::Unauthenticated && error.help.contains("send a token"), "{error}");
    let error = served.client_as("stranger").await.views().await.unwrap_err();
    assert!(error.kind == ErrorKind::Unauthenticated && error.what.contains("not known here"), "{error}");
    let viewer = served.client_as("viewer").await;
    let error = viewer.put("numbers", Some("a"), &[pushed([(1, Some(1))])]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(error.what, "`viewer` (viewer) may not use DoPut");
    assert_eq!(error.help, "this takes the role analyst, approver or admin");
    let error = viewer.read(&Ticket::snapshot("runs")).await.err().unwrap();
    assert_eq!(error.what, "`viewer` (viewer) may not read the view `runs`");
    let (_, text) = served.ask(&request("/metrics", "viewer")).await;
    for line in [
        "tieout_access_refused_total{reason=\"denied\"} 2",
        "tieout_access_refused_total{reason=\"unauthenticated\"} 3",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_narrowed_token_pushes_to_its_own_sources_only() {
    let served = guarded().await;
    let batch = [pushed([(1, Some(11))])];
    let error = served.client_as("narrow").await.put("numbers", Some("a"), &batch).await.unwrap_err();
    assert!(error.kind == ErrorKind::Denied && error.help.contains("broker only"), "{error}");
    let receipt = served.client_as("analyst").await.put("numbers", Some("a"), &batch).await.unwrap();
    assert!(!receipt.duplicate, "nothing of what was refused was taken");
}

#[tokio::test]
async fn a_name_and_a_secret_are_exchanged_for_a_token() {
    let served = guarded().await;
    let mut service = served.service().await;
    let shake = |authorization: &str| {
        let mut request = Request::new(stream::iter([HandshakeRequest::default()]));
        request.metadata_mut().insert("authorization", authorization.parse::<MetadataValue<_>>().unwrap());
        request
    };
    // viewer:the-secret-of-viewer-is-this
    let basic = "Basic dmlld2VyOnRoZS1zZWNyZXQtb2Ytdmlld2VyLWlzLXRoaXM=";
    let answer = service.handshake(shake(basic)).await.unwrap();
    let token = answer.metadata().get("authorization").unwrap().to_str().unwrap().to_owned();
    assert_eq!(token, format!("Bearer {}", secret("viewer")));
    let payload = answer.into_inner().message().await.unwrap().unwrap().payload;
    assert_eq!(payload, secret("viewer"));
    let mut request = Request::new(Empty {});
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    assert!(service.list_actions(request).await.is_ok());
    let error = service.handshake(shake("Basic dmlld2VyOndyb25n")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_subscription_ends_when_its_token_expires_and_is_resumed_with_a_new_one() {
    let (served, issuer) = trusting(tempfile::tempdir().unwrap()).await;
    let token = |lifetime_seconds| token(&issuer, lifetime_seconds);
    let client = served.client_with(Some(token(300))).await;
    client.put("numbers", Some("a"), &[pushed([(1, Some(11))])]).await.unwrap();
    let short = served.client_with(Some(token(6))).await;
    let mut messages = short.read(&Ticket::subscription("numbers")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    let ended = async {
        loop {
            if let Err(error) = messages.next().await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    assert_eq!((error.kind, error.what.as_str()), (ErrorKind::Unauthenticated, "the token has expired"));
    let resume = error.help.rsplit_once("from_tick = ").unwrap().1.parse().unwrap();
    let ticket = Ticket { from_tick: Some(resume), ..Ticket::subscription("numbers") };
    assert!(short.read(&ticket).await.is_err());
    let mut messages = served.client_with(Some(token(300))).await.read(&ticket).await.unwrap();
    assert_ne!(messages.next().await.unwrap().unwrap().metadata.kind, Kind::Snapshot);
}

#[tokio::test]
async fn a_stream_of_pushes_ends_when_its_token_expires_and_what_was_acknowledged_stands() {
    let (served, issuer) = trusting(tempfile::tempdir().unwrap()).await;
    let client = served.client_with(Some(token(&issuer, 6))).await;
    let (mut pusher, mut receipts) = client.pusher("numbers", &pushed_schema()).await.unwrap();
    pusher.send("a", &pushed([(1, Some(11))])).await.unwrap();
    assert_eq!(receipts.next().await.unwrap().unwrap().batch_id, "a");
    tokio::time::sleep(Duration::from_millis(6100)).await;
    pusher.send("b", &pushed([(1, Some(12))])).await.unwrap();
    let error = receipts.next().await.unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (ErrorKind::Unauthenticated, "the token has expired"));
    let client = served.client_with(Some(token(&issuer, 300))).await;
    for (batch_id, expected) in [("a", true), ("b", false)] {
        let receipt = client.put("numbers", Some(batch_id), &[pushed([(1, Some(13))])]).await.unwrap();
        assert_eq!(receipt.duplicate, expected, "{batch_id}");
    }
}

#[tokio::test]
async fn every_answer_has_the_correlation_id_of_its_request() {
    let served = guarded().await;
    let (_, answer) = served.ask(&get_request("/livez", "x-correlation-id: order-17\r\n")).await;
    assert!(answer.contains("x-correlation-id: order-17"), "{answer}");
    let (_, answer) = served.ask(&get_request("/nothing", "x-correlation-id: two words\r\n")).await;
    let id = answer.split_once("x-correlation-id: ").unwrap().1.lines().next().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{answer}");
    let mut service = served.service().await;
    let mut request = Request::new(FlightDescriptor::new_path(vec!["numbers".into()]));
    request.metadata_mut().insert("x-correlation-id", "query-1".parse().unwrap());
    let error = service.get_flight_info(request).await.unwrap_err();
    assert_eq!(error.metadata().get("x-correlation-id").unwrap(), "query-1");
    let mut request = Request::new(Action { r#type: "health".into(), body: Default::default() });
    request.metadata_mut().insert("x-correlation-id", "query-2".parse().unwrap());
    request.metadata_mut().insert("authorization", format!("Bearer {}", secret("viewer")).parse().unwrap());
    let answer = service.do_action(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-correlation-id").unwrap(), "query-2");
}
