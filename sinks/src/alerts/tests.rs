//! Alerts, sent to a webhook that is a thread of the test, and to a mock of a Kafka cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use ring::hmac;
use serde_json::Value;

use super::outbox::Outbox;
use super::{AlertConfig, Alerts, ChannelConfig};
use crate::kafka::tests::messages;
use crate::running::suite::{self, BATCHES, Desk, Place, reached};
use crate::webhook::{Hook, Received};
use crate::{Runs, Scope};

#[derive(serde::Deserialize)]
struct Configuration {
    alert: BTreeMap<String, AlertConfig>,
    alert_channel: BTreeMap<String, ChannelConfig>,
}

/// What runs for a configuration.
fn sinks(desk: &Desk, text: &str) -> Vec<Box<dyn Runs>> {
    alerts(desk, text).runs(desk.folder.path()).unwrap()
}

fn alerts(desk: &Desk, text: &str) -> Alerts {
    let configuration: Configuration = toml::from_str(text).unwrap();
    let folder = desk.folder.path();
    let names: Vec<String> = configuration.alert_channel.keys().cloned().collect();
    let mut alerts = Alerts::default();
    for (name, alert) in &configuration.alert {
        let view = desk.engine.reader().view(&alert.view).unwrap();
        alerts.alerts.push(alert.alert(&Scope { kind: "alert", name, folder }, view, &names).unwrap());
    }
    for (name, channel) in &configuration.alert_channel {
        alerts.channels.push(channel.channel(&Scope { kind: "alert_channel", name, folder }).unwrap());
    }
    alerts
}

const ODD: &str = r#"
[alert.odd]
view = "facts"
when = { is_odd = true }
severity = { column = "name" }
text = "{key} is {amount}"
to = ["ops"]
"#;

fn webhook(url: &str, more: &str) -> String {
    format!("{ODD}{more}\n[alert_channel.ops]\nkind = \"webhook\"\nurl = \"{url}\"\n")
}

/// Each letter once, however often it was sent, without what depends on the clock.
fn letters(received: Vec<Value>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let fresh = received.into_iter().filter(|body| seen.insert(body["id"].to_string()));
    fresh.map(|body| without_clock(body).to_string()).collect()
}

fn without_clock(mut body: Value) -> Value {
    for key in ["id", "tick", "raised_tick"] {
        body.as_object_mut().unwrap().remove(key).unwrap();
    }
    body
}

fn bodies(received: &[Received]) -> Vec<Value> {
    received.iter().map(Received::json).collect()
}

struct Told(Hook);

impl Place for Told {
    fn sinks(&self, desk: &Desk) -> Vec<Box<dyn Runs>> {
        sinks(desk, &webhook(&self.0.url, ""))
    }

    fn found(&self) -> Vec<String> {
        letters(bodies(&self.0.take()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_to_a_webhook_satisfy_the_specification() {
    suite::satisfies_the_specification(|| Told(Hook::start())).await;
}

struct Written(MockCluster<'static, DefaultProducerContext>);

impl Written {
    fn new() -> Written {
        let mock = MockCluster::new(1).unwrap();
        for topic in ["alerts", "alerts.frontier"] {
            mock.create_topic(topic, 1, 1).unwrap();
        }
        Written(mock)
    }
}

impl Place for Written {
    fn sinks(&self, desk: &Desk) -> Vec<Box<dyn Runs>> {
        let brokers = self.0.bootstrap_servers();
        sinks(desk, &format!("{ODD}[alert_channel.ops]\nkind = \"kafka\"\nbrokers = \"{brokers}\"\ntopic = \"alerts\""))
    }

    fn found(&self) -> Vec<String> {
        let found: Vec<Value> = messages(&self.0, "alerts").into_iter().map(|(_, value)| value.unwrap()).collect();
        let count = found.len();
        let letters = letters(found);
        assert_eq!(letters.len(), count, "no letter is written twice");
        letters
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_to_a_topic_satisfy_the_specification() {
    suite::satisfies_the_specification(Written::new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_told_when_a_row_comes_to_satisfy_a_condition_and_when_it_no_longer_does() {
    let (desk, hook) = (Desk::new(), Hook::start());
    let before = desk.push("before", [(1, Some(11)), (2, Some(20))]).await;
    let sinks = desk.start(sinks(&desk, &webhook(&hook.url, "")));
    reached(&sinks, before).await;
    let steps = [vec![(2, Some(21)), (3, Some(31))], vec![(1, Some(10)), (2, None)], vec![(3, Some(31)), (4, None)]];
    let mut last = 0;
    for (number, rows) in steps.into_iter().enumerate() {
        last = desk.push(&number.to_string(), rows).await;
    }
    reached(&sinks, last).await;
    let received = hook.take();
    let told: Vec<String> = bodies(&received)
        .iter()
        .map(|body| {
            format!("{} {} {} {}", body["event"], body["severity"], body["text"], body["row"]["key"]).replace('"', "")
        })
        .collect();
    let expected = [
        "raised n|11 1 is 0.00000011 1",
        "raised n|21 2 is 0.00000021 2",
        "raised n|31 3 is 0.00000031 3",
        "resolved n|11 1 is 0.00000011 1",
        "resolved n|21 2 is 0.00000021 2",
    ];
    assert_eq!(told, expected);
    for letter in &received {
        let body = letter.json();
        assert_eq!(letter.headers["idempotency-key"], body["id"].as_str().unwrap());
        assert_eq!(letter.headers["content-type"], "application/json");
        assert!(!letter.headers.contains_key("x-tieout-signature"), "there is no secret");
        assert!(body["raised_tick"].as_u64() <= body["tick"].as_u64());
    }
    sinks.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_begins_now_says_nothing_of_what_was_there() {
    let (desk, hook) = (Desk::new(), Hook::start());
    let before = desk.push("before", [(1, Some(11)), (2, Some(21))]).await;
    let text = webhook(&hook.url, "start = \"now\"");
    let running = desk.start(sinks(&desk, &text));
    reached(&running, before).await;
    let mut last = desk.push("a", [(1, None), (3, Some(31))]).await;
    reached(&running, last).await;
    running.stop().await;
    // Another condition: what there is, is looked at anew, and told.
    let running = desk.start(sinks(&desk, &text.replace("{ is_odd = true }", "{ key = { gt = 3 } }")));
    last = desk.push("b", [(4, Some(40))]).await.max(last);
    reached(&running, last).await;
    let told: Vec<String> =
        bodies(&hook.take()).iter().map(|body| format!("{} {}", body["event"], body["row"]["key"])).collect();
    let resolved = told.iter().filter(|told| told.starts_with("\"resolved")).count();
    assert_eq!(told[0], "\"raised\" 3");
    assert!(told.contains(&"\"raised\" 4".to_owned()), "{told:?}");
    assert_eq!((told.len(), resolved), (3, 1), "only 3 was told of, so only 3 is told to be resolved: {told:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_not_taken_is_sent_again_under_the_same_key_and_in_order() {
    let answer = |number| match number {
        0 => "503 Busy\r\nretry-after: 1\r\n".to_owned(),
        1 | 4 => "500 Oh\r\n".to_owned(),
        2 => "302 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\n".to_owned(),
        _ => "204 Done\r\n".to_owned(),
    };
    let (desk, hook) = (Desk::new(), Hook::answering(answer));
    std::fs::write(desk.folder.path().join("secret"), "between us\n").unwrap();
    let text = webhook(&hook.url, "") + "secret = { file = \"secret\" }";
    let begun = std::time::Instant::now();
    let running = desk.start(sinks(&desk, &text));
    let last = desk.push("a", [(1, Some(1)), (2, Some(3))]).await;
    reached(&running, last).await;
    let received = hook.take();
    let keys: Vec<&String> = received.iter().map(|letter| &letter.headers["idempotency-key"]).collect();
    assert_eq!(keys.len(), 6, "{received:?}");
    assert!(keys[..4].iter().all(|key| *key == keys[0]) && keys[4] == keys[5] && keys[3] != keys[4], "{keys:?}");
    assert!(begun.elapsed() > Duration::from_secs(1), "it waits for as long as it is asked to");
    for letter in &received {
        let (time, tag) = letter.headers["x-tieout-signature"].split_once(",v1=").unwrap();
        let signed = format!("{}.{}", time.strip_prefix("t=").unwrap(), letter.body);
        let tag: Vec<u8> = (0..64).step_by(2).map(|at| u8::from_str_radix(&tag[at..at + 2], 16).unwrap()).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"between us");
        hmac::verify(&key, signed.as_bytes(), &tag).expect("who knows the secret can see that it is from us");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_or_too_old_is_dead_and_those_after_it_are_sent() {
    let answer = |number| match number {
        0 => "422 What\r\n".to_owned(),
        1..=3 => "500 Oh\r\n".to_owned(),
        _ => "200 OK\r\n".to_owned(),
    };
    let (desk, hook) = (Desk::new(), Hook::answering(answer));
    let text = webhook(&hook.url, "") + "give_up_seconds = 1";
    let running = desk.start(sinks(&desk, &text));
    // The second is a second old before it has been tried three times, or is tried a few times more.
    let last = desk.push("a", [(1, Some(1))]).await;
    reached(&running, last).await;
    let shown = || {
        let families = desk.engine.reader().metrics().registry().gather();
        let family = families.iter().find(|family| family.name() == "tieout_alerts_dead").cloned();
        family.map_or(0.0, |family| family.get_metric()[0].get_gauge().get_value())
    };
    assert_eq!(shown(), 1.0, "what was refused is dead at once");
    assert_eq!(hook.take().len(), 1);
    let last = desk.push("b", [(3, Some(3)), (5, Some(5))]).await;
    reached(&running, last).await;
    let received = hook.take();
    let keys: Vec<&String> = received.iter().map(|letter| &letter.headers["idempotency-key"]).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 2, "each is tried: {received:?}");
    assert!(keys.len() >= 5 || shown() == 2.0, "{received:?}");
    running.stop().await;
}

/// A webhook behind TLS, with a certificate that an authority of its own has made; gives its address.
fn behind_tls(hook: &Hook, certificate_file: &Path) -> String {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(certificate_file, cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = std::sync::Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    let sender = hook.sender();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            // One who does not trust the certificate goes away.
            let Some(received) = crate::webhook::read_request(&mut std::io::BufReader::new(&mut tls)) else { continue };
            sender.send(received).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            std::io::Write::write_all(&mut tls, answer).unwrap();
            tls.conn.send_close_notify();
            let _ = std::io::Write::flush(&mut tls);
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_behind_tls_is_trusted_if_its_authority_is() {
    let (desk, hook) = (Desk::new(), Hook::start());
    let url = behind_tls(&hook, &desk.folder.path().join("authority.pem"));
    // Without the authority it is as if it was not there.
    let running = desk.start(sinks(&desk, &webhook(&url, "")));
    let last = desk.push("a", [(1, Some(1))]).await;
    let waiting = tokio::time::timeout(Duration::from_secs(1), running.watched().reached(last)).await;
    assert!(waiting.is_err() && hook.take().is_empty(), "nothing is sent to one who may be anybody");
    running.stop().await;
    let running = desk.start(sinks(&desk, &(webhook(&url, "") + "ca_file = \"authority.pem\"")));
    reached(&running, last).await;
    assert_eq!(hook.take().len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_outbox_is_full_no_more_ticks_are_taken_and_none_is_lost() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let takes = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&takes);
    let hook =
        Hook::answering(move |_| if answer.load(Ordering::SeqCst) { "200 OK\r\n" } else { "500 Oh\r\n" }.to_owned());
    let desk = Desk::new();
    let mut outbox = Outbox::open(desk.folder.path()).unwrap();
    outbox.waiting_max = 2;
    let outbox = Arc::new(outbox);
    let running = desk.start(alerts(&desk, &webhook(&hook.url, "")).with(Arc::clone(&outbox)));
    let begun = desk.push("begun", [(0, Some(0))]).await;
    reached(&running, begun).await;
    let waiting = || outbox.waiting("ops", 9).unwrap().len();
    let mut last = 0;
    for key in 1..=6 {
        last = desk.push(&key.to_string(), [(key, Some(2 * key + 1))]).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        // Those that come before it is full are taken one by one.
        while key <= 2 && waiting() < key as usize {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(waiting(), 2);
    takes.store(true, Ordering::SeqCst);
    reached(&running, last).await;
    assert_eq!(letters(bodies(&hook.take())).len(), 6);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_is_older_than_what_was_sent_is_not_gone_on_with() {
    let (desk, topic) = (Desk::new(), Written::new());
    let running = desk.start(topic.sinks(&desk));
    let last = desk.push("a", [(1, Some(1)), (3, Some(3))]).await;
    reached(&running, last).await;
    running.stop().await;
    std::fs::remove_file(desk.folder.path().join("alerts.redb")).unwrap();
    // Everything would have been told, and be told again under numbers that the topic has already.
    desk.push("b", [(3, None)]).await;
    let running = desk.start(topic.sinks(&desk));
    let error = tokio::time::timeout(suite::PATIENCE, desk.engine.reader().status().part_failed()).await.unwrap();
    assert!(error.what.contains("has taken 2 alerts") && error.help.contains("a new topic"), "{error}");
    running.stop().await;
}

#[test]
fn what_cannot_work_is_told_before_anything_starts() {
    let channel = |text: &str| {
        let config: ChannelConfig = toml::from_str(text).unwrap();
        config.channel(&Scope { kind: "alert_channel", name: "ops", folder: Path::new("") }).err().unwrap()
    };
    for (text, key, help) in [
        ("url = \"hooks.example.com\"", "alert_channel.ops.url", "https://host/path"),
        ("url = { env = \"TIEOUT_NOT_SET\" }", "alert_channel.ops.url", "set it where tieout is started"),
        ("url = \"https://h/\"\nsecret = \"hidden\"", "alert_channel.ops.secret", "{ env = \"NAME\" }"),
        ("url = \"https://h/\"\ntimeout_seconds = 0", "alert_channel.ops.timeout_seconds", "how many seconds"),
        ("url = \"https://h/\"\nca_file = \"no.pem\"", "alert_channel.ops.ca_file", "PEM"),
    ] {
        let error = channel(&format!("kind = \"webhook\"\n{text}"));
        assert_eq!(error.key, key, "{error}");
        assert!(error.help.contains(help) && !error.to_string().contains("hidden"), "{error}");
    }
    let desk_view = crate::toy::specs().into_iter().find(|spec| spec.name == "facts").unwrap();
    let alert = |text: &str| {
        let config: AlertConfig = toml::from_str(text).unwrap();
        let scope = Scope { kind: "alert", name: "odd", folder: Path::new("") };
        config.alert(&scope, &desk_view, &["ops".to_owned()]).err().unwrap()
    };
    for (text, key) in [
        ("text = \"{nme}\"\nto = [\"ops\"]", "alert.odd.text"),
        ("text = \"x\"\nseverity = { column = \"nme\" }\nto = [\"ops\"]", "alert.odd.severity"),
        ("text = \"x\"\nto = []", "alert.odd.to"),
        ("text = \"x\"\nto = [\"opps\"]", "alert.odd.to"),
        ("text = \"x\"\nto = [\"ops\", \"ops\"]", "alert.odd.to"),
    ] {
        assert_eq!(alert(&format!("view = \"facts\"\n{text}")).key, key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_answers_nothing_holds_up_no_stop() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let desk = Desk::new();
    let running = desk.start(sinks(&desk, &webhook(&url, "")));
    desk.push_all(0..BATCHES).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopped = std::time::Instant::now();
    running.stop().await;
    // Sooner than it gives up waiting for an answer, after ten seconds.
    assert!(stopped.elapsed() < Duration::from_secs(8), "{:?}", stopped.elapsed());
}
