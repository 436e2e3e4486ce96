use std::time::Duration;

use arrow_flight::{Action, Empty, FlightDescriptor};
use engine::ErrorKind;
use tokio::net::TcpStream;
use tonic::Code;

use super::{Served, ask_over, get_request, soon, until};
use crate::flight::client::Client;
use crate::flight::{Kind, OriginsAsked, Security, Ticket, bind, serve};
use crate::toy::{Gate, pushed};

/// What a plain HTTP/1.1 client gets: status and body.
async fn get(address: &str, path: &str, headers: &str) -> (u16, String) {
    ask_over(TcpStream::connect(address).await.unwrap(), &get_request(path, headers)).await
}

#[tokio::test]
async fn metrics_tell_what_was_read_and_pushed() {
    let served = Served::ready().await;
    let client = served.client().await;
    served.push("a", [(1, Some(11)), (2, Some(22))]).await;
    client.put("numbers", Some("a"), &[pushed([(1, Some(11))])]).await.unwrap();
    client.put("nobody", Some("a"), &[pushed([(1, Some(11))])]).await.unwrap_err();
    client.snapshot(&Ticket::snapshot("numbers")).await.unwrap();
    let mut messages = client.read(&Ticket::subscription("numbers")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    let (status, text) = get(&served.address, "/metrics", "").await;
    assert_eq!(status, 200);
    assert!(text.contains("content-type: text/plain"), "{text}");
    for line in [
        "tieout_flight_rows_sent_total{view=\"numbers\"} 4",
        "tieout_flight_subscriptions_total{view=\"numbers\"} 1",
        "tieout_flight_puts_total{result=\"accepted\"} 1",
        "tieout_flight_puts_total{result=\"duplicate\"} 1",
        "tieout_flight_puts_total{result=\"refused\"} 1",
        "tieout_flight_put_duration_seconds_count 2",
        "tieout_subscriptions_active 1",
        "tieout_source_records_total{source=\"numbers\"} 2",
        "tieout_ready 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn nothing_is_served_as_ready_before_the_past_is_replayed() {
    let mut served = Served::ready().await;
    served.push("a", [(1, Some(11))]).await;
    served.stop_serving().await;
    served.engine.take().unwrap().shutdown();
    let gate = Gate::default();
    gate.close(true);
    let served = Served::start_with(served.folder, Duration::from_secs(60), &gate).await;
    let client = served.client().await;
    let (status, text) = get(&served.address, "/readyz", "").await;
    assert!(status == 503 && text.contains("replaying"), "{status} {text}");
    assert_eq!(get(&served.address, "/livez", "").await.0, 200);
    assert!(get(&served.address, "/metrics", "").await.1.contains("\ntieout_ready 0\n"));
    assert_eq!(client.health().await.unwrap().status, "replaying");
    let error = client.read(&Ticket::snapshot("numbers")).await.err().unwrap();
    assert!(error.kind == ErrorKind::Unavailable && error.what.contains("replaying"), "{error}");
    let error = client.put("numbers", Some("b"), &[pushed([])]).await.unwrap_err();
    assert!(error.kind == ErrorKind::Unavailable && error.what.contains("replaying"), "{error}");
    assert!(!client.views().await.unwrap().is_empty(), "the catalogue is known");
    // A subscriber just waits.
    let mut follow = client.follow(Ticket::subscription("numbers"));
    let first = tokio::spawn(async move { follow.next().await });
    gate.close(false);
    served.engine().reader().status().ready().await.unwrap();
    assert_eq!(first.await.unwrap().unwrap().unwrap().batch.num_rows(), 1);
    assert_eq!(get(&served.address, "/readyz", "").await.0, 200);
    assert_eq!(client.health().await.unwrap().status, "ready");
}

#[tokio::test]
async fn a_person_with_a_browser_is_told_what_is_here() {
    let served = Served::ready().await;
    let (status, text) = get(&served.address, "/", "").await;
    assert!(status == 200 && text.contains("Arrow Flight") && text.contains("/metrics"), "{text}");
    assert_eq!(get(&served.address, "/nothing", "").await.0, 404);
    let (status, text) = get(&served.address, "/other.Service/Method", "Content-Type: application/grpc\r\n").await;
    assert!(status == 200 && text.contains("grpc-status: 12"), "{status} {text}");
}

#[tokio::test]
async fn actions_are_listed_and_answered() {
    let served = Served::ready().await;
    let mut service = served.service().await;
    let mut listed = service.list_actions(Empty {}).await.unwrap().into_inner();
    while let Some(action) = listed.message().await.unwrap() {
        if action.r#type == "origins" {
            continue;
        }
        let action = Action { r#type: action.r#type, body: Default::default() };
        let answer = service.do_action(action).await.unwrap().into_inner().message().await.unwrap().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(answer["frontier"].as_u64().unwrap() > 0);
    }
    let client = served.client().await;
    let asked = |key: &str| OriginsAsked { keys: vec![key.to_owned()], as_of: None };
    let error = client.origins(&asked("12")).await.unwrap_err();
    assert!(error.what.contains("`12` is no key") && error.help.contains("32 hexadecimal digits"), "{error}");
    let error = client.origins(&asked(&"0".repeat(32))).await.unwrap_err();
    assert!(error.what.contains("does not read its past again"), "{error}");
    let unknown = Action { r#type: "drop".into(), body: Default::default() };
    let error = service.do_action(unknown).await.unwrap_err();
    assert!(error.code() == Code::NotFound && error.message().contains("health, frontier"), "{error}");
    let error = service.poll_flight_info(FlightDescriptor::default()).await.unwrap_err();
    assert!(error.code() == Code::Unimplemented && error.message().contains("GetFlightInfo"), "{error}");
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_says_what_to_do() {
    let served = Served::ready().await;
    for (listen, words) in [
        (served.address.as_str(), "set another port with `listen ="),
        ("203.0.113.7:8815", "not one of this machine's"),
        ("8815", "an address and a port"),
    ] {
        let error = bind(listen, Security::this_machine()).await.err().unwrap();
        assert!(error.what.contains(listen) && error.help.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let error = Client::connect("127.0.0.1:1").await.unwrap_err();
    assert!(error.what.contains("cannot reach a server at 127.0.0.1:1: Connection refused"), "{error}");
    assert_eq!(Client::connect("not an address").await.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn an_engine_is_served_once_at_a_time() {
    let mut served = Served::ready().await;
    let (reader, ingest) = (served.engine().reader().clone(), served.engine().ingest().clone());
    let listening = bind("127.0.0.1:0", Security::this_machine()).await.unwrap();
    let error = serve(reader, ingest, listening, async {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    served.stop_serving().await;
    served.serve("127.0.0.1:0").await;
    assert_eq!(served.client().await.health().await.unwrap().status, "ready");
}

#[tokio::test]
async fn an_engine_that_stops_ends_its_readers() {
    let mut served = Served::ready().await;
    let mut messages = served.client().await.read(&Ticket::subscription("numbers")).await.unwrap();
    until(&mut messages, Kind::SnapshotEnd).await;
    let engine = served.engine.take().unwrap();
    let stopped = tokio::task::spawn_blocking(move || engine.shutdown());
    let error = loop {
        if let Err(error) = messages.next().await {
            break error;
        }
    };
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_server_stops_even_when_a_client_does_not_read() {
    let mut served = Served::ready().await;
    served.push("a", (0..131_000).map(|key| (key, Some(key)))).await;
    served.push("b", (131_000..262_000).map(|key| (key, Some(key)))).await;
    let messages = served.client().await.read(&Ticket::subscription("numbers")).await.unwrap();
    soon(|| served.subscriptions() == 1).await;
    tokio::time::timeout(Duration::from_secs(30), served.stop_serving()).await.unwrap();
    drop(messages);
}
