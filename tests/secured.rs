//! A server that is encrypted and guarded, end to end: the binary, its command line, its log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parking_lot::{Condvar, Mutex};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use sinks::client::{Client, Identification};
use tempfile::TempDir;

const LOADER: &str = "0f3b-loader-secret-5d1c";
const VIEWER: &str = "7a2e-viewer-secret-9b8f";
const AUDITOR: &str = "c4d6-auditor-secret-1e3a";
const SECRETS: [&str; 3] = [LOADER, VIEWER, AUDITOR];

const CONFIGURATION: &str = r#"
listen = "127.0.0.1:0"

[tls]
certificate = "server.pem"
key = "server.key"

[access.tokens.loader]
role = "analyst"
secret_file = "loader.secret"
sources = ["broker"]

[access.tokens.dashboard]
role = "viewer"
secret_env = "TEST_VIEWER_SECRET"

[access.tokens.examiner]
role = "auditor"
secret_file = "auditor.secret"

[source.internal]
kind = "flight"

[source.broker]
kind = "flight"

[reconciliation.trades]
sides = ["internal", "broker"]
compare = ["quantity"]

[[reconciliation.trades.tier]]
kind = "identifier"
field = "execution_id"
"#;

/// A folder with a configuration, secrets and certificates.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    write("ca.pem", &authority.pem());
    write("server.pem", &certificate.pem());
    write("server.key", &key.serialize_pem());
    write("tieout.toml", CONFIGURATION);
    write("loader.secret", &format!("{LOADER}\n"));
    write("viewer.secret", VIEWER);
    write("auditor.secret", AUDITOR);
    write("wrong.secret", "nobody-has-this-secret-at-all");
    folder
}

/// The binary, in a folder, without the settings of whoever runs the tests.
fn tieout(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
    for (setting, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIEOUT_")) {
        command.env_remove(setting);
    }
    command.env("NO_COLOR", "1").env_remove("RUST_LOG").current_dir(folder).args(args);
    command
}

/// A server of the binary, and all that it has logged.
struct Server {
    process: Child,
    folder: TempDir,
    port: String,
    log: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Server {
    fn start() -> Server {
        let folder = folder();
        let mut process = tieout(folder.path(), &["--log-format", "json", "run", "."])
            .env("TEST_VIEWER_SECRET", VIEWER)
            .env("RUST_LOG", "info,tieout=trace,sinks=trace,engine=trace,connectors=trace")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let log = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let mut port = None;
        while port.is_none() {
            let line = lines.next().expect("it says where it listens");
            port = line.strip_prefix("listening on 127.0.0.1:").map(str::to_owned);
            log.0.lock().push(line);
        }
        let logged = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines {
                logged.0.lock().push(line);
                logged.1.notify_all();
            }
        });
        Server { process, folder, port: port.unwrap(), log }
    }

    fn address(&self) -> String {
        format!("grpc+tls://localhost:{}", self.port)
    }

    /// Runs a command against it, as whoever has the secret in this file.
    fn ask(&self, args: &[&str], secret: &str) -> Output {
        let address = self.address();
        let with = ["--address", &address, "--ca", "ca.pem", "--token-file", secret];
        tieout(self.folder.path(), &[args, &with].concat()).output().unwrap()
    }

    /// The first event of the log that is like this, once it is there.
    fn event(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let (lines, more) = &*self.log;
        let mut lines = lines.lock();
        let mut found = None;
        let mut read = 0;
        while found.is_none() {
            let events = lines[read..].iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            found = events.into_iter().find(&is_it);
            read = lines.len();
            if found.is_none() {
                let late = more.wait_for(&mut lines, std::time::Duration::from_secs(60));
                assert!(!late.timed_out(), "it was not logged:\n{}", lines.join("\n"));
            }
        }
        found.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn expect(output: &Output, code: i32, words: &str) {
    let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
    // A terminal's lines are broken: compare without the breaks.
    let flat = all.replace("\n  │", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.status.code() == Some(code) && flat.contains(words), "{:?} {all}", output.status);
    for secret in SECRETS {
        assert!(!all.contains(secret), "{all}");
    }
}

#[test]
fn the_command_line_shows_a_token_over_an_encrypted_connection() {
    let server = Server::start();
    expect(&server.ask(&["views"], "viewer.secret"), 0, "break_summary");
    expect(&server.ask(&["query", "breaks"], "viewer.secret"), 0, "0 rows as of tick");
    expect(&server.ask(&["export", "breaks", "--out", "breaks.csv"], "viewer.secret"), 0, "0 rows as of tick");
    expect(&server.ask(&["query", "runs"], "viewer.secret"), 1, "this takes the role auditor or admin");
    expect(&server.ask(&["query", "runs"], "auditor.secret"), 0, "1 rows as of tick");
    expect(&server.ask(&["views"], "wrong.secret"), 1, "the token is not known here");
    expect(&server.ask(&["subscribe", "breaks"], "wrong.secret"), 1, "the token is not known here");
    let address = server.address();
    let alone = |args: &[&str]| tieout(server.folder.path(), &[args, &["--address", &address]].concat());
    let by_environment = alone(&["views", "--ca", "ca.pem"]).env("TIEOUT_TOKEN", VIEWER).output().unwrap();
    expect(&by_environment, 0, "break_summary");
    expect(&alone(&["views", "--ca", "ca.pem"]).output().unwrap(), 1, "send a token");
    let mut by_system = alone(&["views"]);
    by_system.env("SSL_CERT_FILE", "ca.pem").env_remove("SSL_CERT_DIR").env("TIEOUT_TOKEN", VIEWER);
    expect(&by_system.output().unwrap(), 0, "break_summary");
    expect(&alone(&["views"]).output().unwrap(), 1, "whether its authority is trusted");
    let plain = format!("grpc://localhost:{}", server.port);
    expect(&tieout(server.folder.path(), &["views", "--address", &plain]).output().unwrap(), 1, "grpc+tls://host:port");
}

#[test]
fn a_pushed_batch_and_a_query_can_be_followed_in_the_log_and_no_secret_is_in_it() {
    let server = Server::start();
    let schema = Schema::new(vec![
        Field::new("trade_id", DataType::Utf8, false),
        Field::new("execution_id", DataType::Utf8, false),
        Field::new("quantity", DataType::Utf8, false),
    ]);
    let column = |text: &str| Arc::new(StringArray::from(vec![text])) as _;
    let batch = RecordBatch::try_new(schema.into(), vec![column("t1"), column("e1"), column("100")]).unwrap();
    let as_whom = |token: &str| Identification {
        token: Some(token.to_owned()),
        authorities: Some(fs::read(server.folder.path().join("ca.pem")).unwrap()),
        certificate: None,
    };
    let (pushed, refused) = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = Client::connect_as(&server.address(), &as_whom(LOADER)).await.unwrap();
        let pushed = client.put("broker", Some("batch-1"), std::slice::from_ref(&batch)).await.unwrap();
        let elsewhere = client.put("internal", Some("batch-2"), std::slice::from_ref(&batch)).await.unwrap_err();
        let wrong = Client::connect_as(&server.address(), &as_whom("not-the-secret-of-anyone")).await.unwrap();
        (pushed, [elsewhere, wrong.views().await.unwrap_err()])
    });
    let of_batch = |event: &Value, message: &str| {
        event["fields"]["batch_id"] == "batch-1" && event["fields"]["message"] == message
    };
    let arrived = server.event(|event| of_batch(event, "a pushed batch has arrived"));
    let accepted = server.event(|event| of_batch(event, "a pushed batch is accepted"));
    assert_eq!(arrived["span"], accepted["span"]);
    let span = &accepted["span"];
    assert_eq!(span["correlation_id"].as_str().unwrap().len(), 32, "{span}");
    assert_eq!(
        (&span["caller"], &span["method"], &span["source"]),
        (&"loader".into(), &"DoPut".into(), &"broker".into())
    );
    assert_eq!(accepted["fields"]["tick"], pushed.tick);
    assert_eq!(accepted["fields"]["records"], 1);
    assert!(accepted["fields"]["duration_seconds"].as_f64().unwrap() > 0.0);

    expect(&server.ask(&["query", "breaks"], "viewer.secret"), 0, "rows as of tick");
    let read = server.event(|event| event["fields"]["message"] == "read" && event["span"]["view"] == "breaks");
    assert_eq!((&read["span"]["caller"], &read["span"]["method"]), (&"dashboard".into(), &"DoGet".into()));
    assert!(read["fields"]["rows"].is_u64() && read["fields"]["tick"].as_u64().unwrap() > 0, "{read}");

    let denied = server.event(|event| event["fields"]["message"] == "refused" && event["span"]["caller"] == "loader");
    assert!(denied["fields"]["error"].as_str().unwrap().contains("for broker only"), "{denied}");
    let unknown = server.event(|event| event["fields"]["message"] == "refused" && event["fields"]["peer"].is_string());
    assert!(unknown["fields"]["error"].as_str().unwrap().contains("not known here"), "{unknown}");
    let told = refused.map(|error| error.to_string()).join("\n") + &server.log.0.lock().join("\n");
    for secret in SECRETS.iter().chain(&["not-the-secret-of-anyone", "PRIVATE KEY", "Bearer 0f3b"]) {
        assert!(!told.contains(secret), "{secret} is in\n{told}");
    }
}

#[test]
fn a_server_that_anybody_could_reach_says_what_to_do_and_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tieout.toml");
    let rest = CONFIGURATION.split_once("[source.internal]").unwrap().1;
    fs::write(&file, format!("[source.internal]{rest}")).unwrap();
    let run = tieout(folder.path(), &["run", ".", "--until-complete", "--listen", "0.0.0.0:0"]).output().unwrap();
    expect(&run, 1, "`open = true` in [access]");
    assert!(!folder.path().join("tieout-data").exists(), "nothing was started");
    fs::write(&file, format!("[access]\nopen = true\n\n[source.internal]{rest}")).unwrap();
    let run = tieout(folder.path(), &["run", ".", "--until-complete", "--listen", "0.0.0.0:0"]).output().unwrap();
    expect(&run, 0, "dead letters: 0");
}

#[test]
fn what_is_wrong_with_security_is_told_at_its_line() {
    let folder = folder();
    let file = folder.path().join("tieout.toml");
    for (from, to, words) in [
        ("\"server.key\"", "\"ca.pem\"", "it should hold a private key in PEM"),
        ("role = \"viewer\"", "role = \"veiwer\"", "did you mean `viewer`?"),
        ("[\"broker\"]", "[\"brokers\"]", "did you mean `broker`?"),
        ("\"loader.secret\"", "\"none\"", "access.tokens.loader.secret_file: cannot read"),
        ("TEST_VIEWER_SECRET", "TEST_NOT_SET", "the environment variable `TEST_NOT_SET` is not set"),
        ("[access.tokens.loader]", "[access.tokns.loader]", "did you mean `tokens`?"),
    ] {
        fs::write(&file, CONFIGURATION.replacen(from, to, 1)).unwrap();
        let checked = tieout(folder.path(), &["check", "."]).env("TEST_VIEWER_SECRET", VIEWER).output().unwrap();
        expect(&checked, 2, words);
        assert!(text(&checked.stderr).contains(&format!("{}:", "tieout.toml")), "{}", text(&checked.stderr));
    }
    fs::write(&file, CONFIGURATION).unwrap();
    let checked = tieout(folder.path(), &["check", "."]).env("TEST_VIEWER_SECRET", VIEWER).output().unwrap();
    expect(&checked, 0, "ok: 2 sources, 1 reconciliation");
}
