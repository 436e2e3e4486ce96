//! What is under `deploy/` fits the binary: its paths, ports, settings and metrics, and its configurations run.
//!
//! No image is built and no container run here. That the expressions are PromQL, and the manifests are of Kubernetes, is
//! checked by tests/python/deploy.py.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use sinks::client::{Client, Identification};
use sinks::flight::{LISTEN_DEFAULT, Ticket};

use live::Server;

const PATIENCE: Duration = Duration::from_secs(60);
const TOKEN: &str = "7a2e-dashboard-token-9b8f";
const LOADER: &str = "0f3b-loader-token-5d1c";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn deploy(path: &str) -> String {
    let path = root().join("deploy").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: &str) -> Value {
    serde_yaml_ng::from_str(&deploy(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files under `deploy/` whose names end so.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn tieout(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
    command.env_remove("TIEOUT_DATA").env_remove("TIEOUT_LISTEN").env_remove("TIEOUT_WORKERS");
    command.args(args).current_dir(folder).output().unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// The instructions of the Containerfile, with lines that go on put together.
fn instructions() -> Vec<(String, String)> {
    let text = deploy("Containerfile").replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    lines.map(|(name, rest)| (name.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

/// What follows the last instruction of this name.
fn instruction(name: &str) -> String {
    let found = instructions().into_iter().rfind(|(instruction, _)| instruction == name);
    found.unwrap_or_else(|| panic!("there is no {name}")).1
}

/// The settings of the image.
fn image_settings() -> BTreeMap<String, String> {
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    instruction("ENV").split(' ').filter_map(pair).collect()
}

/// What the image runs, if nothing else is said.
fn image_command() -> Vec<String> {
    serde_json::from_str(&instruction("CMD")).unwrap()
}

fn port() -> &'static str {
    LISTEN_DEFAULT.rsplit_once(':').unwrap().1
}

#[test]
fn every_file_can_be_parsed() {
    let folder = root().join("deploy");
    for path in files(&folder, &[".yaml", ".yml"]) {
        let documents = fs::read_to_string(&path).unwrap();
        for document in serde_yaml_ng::Deserializer::from_str(&documents) {
            let parsed: Result<Value, _> = serde::Deserialize::deserialize(document);
            assert!(parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display())).is_object());
        }
    }
    for path in files(&folder, &[".json"]) {
        let parsed: Result<Value, _> = serde_json::from_str(&fs::read_to_string(&path).unwrap());
        assert!(parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display())).is_object());
    }
}

#[test]
fn the_image_is_built_with_the_compiler_and_run_with_the_settings_of_this_version() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let rust = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    let version = manifest["workspace"]["package"]["version"].as_str().unwrap();
    let from: Vec<String> =
        instructions().into_iter().filter(|(name, _)| name == "FROM").map(|(_, rest)| rest).collect();
    assert!(from[0].contains(&format!("/rust:{rust}-")), "{from:?}");
    let debian = from[0].split('-').next_back().unwrap().split(' ').next().unwrap();
    assert!(from[1].contains(debian), "the C library of the image is that of the build: {from:?}");

    let image = format!("tieout:{version}");
    assert_eq!(yaml("compose.yaml")["services"]["tieout"]["image"], image.as_str());
    assert_eq!(container()["image"], image.as_str());

    let help = String::from_utf8(tieout(&["run", "--help"], root()).stdout).unwrap();
    for (name, _) in image_settings() {
        assert!(help.contains(&format!("[env: {name}=]")), "{name} is no setting: {help}");
    }
    assert_eq!(image_settings()["TIEOUT_LISTEN"].rsplit_once(':').unwrap().1, port());
    assert_eq!(instruction("EXPOSE"), port());
    assert_eq!(instruction("VOLUME"), image_settings()["TIEOUT_DATA"]);
    assert_eq!(instruction("STOPSIGNAL"), "SIGTERM");
    assert_ne!(instruction("USER").split(':').next().unwrap(), "0");
    let (_, health) = instruction("HEALTHCHECK").split_once("CMD ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let health: Vec<String> = serde_json::from_str(&health).unwrap();
    let entrypoint: Vec<String> = serde_json::from_str(&instruction("ENTRYPOINT")).unwrap();
    assert_eq!((health[0].as_str(), entrypoint[0].as_str()), ("tieout", "tieout"));
    let args: Vec<&str> = health[1..].iter().map(String::as_str).chain(["--help"]).collect();
    assert!(tieout(&args, root()).status.success(), "{args:?}");
}

#[test]
fn compose_mounts_what_is_there_where_it_is_looked_for() {
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let (from, _) = volume.as_str().unwrap().split_once(':').unwrap();
            let is_there = match from.strip_prefix("./") {
                Some(path) => root().join("deploy").join(path).exists(),
                None => compose["volumes"].as_object().unwrap().contains_key(from),
            };
            assert!(is_there, "{name}: {from}");
        }
        for other in service["depends_on"].as_object().into_iter().flat_map(|others| others.keys()) {
            assert!(services.contains_key(other), "{name} depends on {other}");
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            assert!(compose["secrets"].as_object().unwrap().contains_key(secret.as_str().unwrap()), "{name}: {secret}");
        }
        for published in service["ports"].as_array().into_iter().flatten() {
            assert!(published.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {published} is open to all");
        }
    }
    let tieout = &services["tieout"];
    let build = root().join("deploy").join(tieout["build"]["context"].as_str().unwrap());
    assert!(build.join(tieout["build"]["dockerfile"].as_str().unwrap()).is_file());
    let configuration = format!("./tieout.toml:{}:ro", image_command()[1]);
    let data = format!("tieout-data:{}", image_settings()["TIEOUT_DATA"]);
    assert_eq!(texts(&tieout["volumes"]), [configuration, data]);
    assert_eq!(texts(&tieout["ports"]), [format!("127.0.0.1:{0}:{0}", port())]);

    let config: toml::Table = deploy("tieout.toml").parse().unwrap();
    let listeners = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].as_str().unwrap();
    let made = texts(&services["topics"]["command"]).concat();
    for (name, source) in config["source"].as_table().unwrap() {
        let brokers = source["brokers"].as_str().unwrap();
        assert_eq!(listeners, format!("PLAINTEXT://{brokers}"), "{name}");
        for topic in source["topics"].as_array().unwrap() {
            assert!(made.contains(topic.as_str().unwrap()), "{name}: {topic} is not made");
        }
    }
}

#[test]
fn prometheus_and_grafana_find_each_other_and_their_files() {
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let prometheus = yaml("prometheus/prometheus.yml");
    let target = prometheus["scrape_configs"][0]["static_configs"][0]["targets"][0].as_str().unwrap();
    assert_eq!(target, format!("tieout:{}", port()));
    let token = prometheus["scrape_configs"][0]["authorization"]["credentials_file"].as_str().unwrap();
    assert!(deploy("tieout.toml").contains(&format!("secret_file = \"{token}\"")));
    for service in ["tieout", "prometheus"] {
        assert_eq!(texts(&services[service]["secrets"]), [Path::new(token).file_name().unwrap().to_str().unwrap()]);
    }
    let job = prometheus["scrape_configs"][0]["job_name"].as_str().unwrap();
    assert!(deploy("prometheus/rules/tieout.yml").contains(&format!("up{{job=\"{job}\"}}")));
    let mounts = |service: &str, from: &str| {
        let volumes = texts(&services[service]["volumes"]);
        let mount = volumes.into_iter().find_map(|volume| volume.strip_prefix(&format!("{from}:")));
        mount.unwrap().trim_end_matches(":ro").to_owned()
    };
    assert_eq!(prometheus["rule_files"][0], format!("{}/*.yml", mounts("prometheus", "./prometheus/rules")));
    let provider = yaml("grafana/provisioning/dashboards/tieout.yaml");
    let dashboards = mounts("grafana", "./grafana/dashboards");
    assert_eq!(provider["providers"][0]["options"]["path"], dashboards.as_str());
    let home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str().unwrap();
    assert_eq!(home, format!("{dashboards}/tieout.json"));
    let source = &yaml("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0];
    let url = source["url"].as_str().unwrap();
    let published = services["prometheus"]["ports"][0].as_str().unwrap().rsplit_once(':').unwrap().1;
    assert_eq!(url, format!("http://prometheus:{published}"));
    let dashboard: Value = serde_json::from_str(&deploy("grafana/dashboards/tieout.json")).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert_eq!(panel["datasource"]["uid"], source["uid"], "{}", panel["title"]);
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{}", panel["title"]);
    }
}

#[test]
fn every_alert_says_how_serious_it_is_and_what_to_do() {
    let rules = yaml("prometheus/rules/tieout.yml");
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let names: BTreeSet<&str> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    assert!(names.len() == rules.len() && names.len() > 5, "{names:?}");
    for rule in rules {
        assert!(["critical", "warning"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{rule}");
        assert!(!rule["annotations"]["summary"].as_str().unwrap().is_empty(), "{rule}");
        assert!(rule["annotations"]["description"].as_str().unwrap().ends_with(['.', ')']), "{rule}");
    }
}

fn container() -> Value {
    yaml("kubernetes/statefulset.yaml")["spec"]["template"]["spec"]["containers"][0].clone()
}

#[test]
fn the_manifests_of_kubernetes_agree_with_each_other_and_with_the_image() {
    let set = yaml("kubernetes/statefulset.yaml");
    let (spec, pod, container) = (&set["spec"], &set["spec"]["template"]["spec"], container());
    assert_eq!(spec["replicas"], 1, "a data folder belongs to one process");
    let labels = &spec["template"]["metadata"]["labels"];
    let service = yaml("kubernetes/service.yaml");
    for selector in [
        &spec["selector"]["matchLabels"],
        &service["spec"]["selector"],
        &yaml("kubernetes/poddisruptionbudget.yaml")["spec"]["selector"]["matchLabels"],
        &yaml("kubernetes/networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
    let monitor = yaml("kubernetes/optional/servicemonitor.yaml");
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    let shown = &monitor["spec"]["endpoints"][0]["authorization"]["credentials"];
    let secret = yaml("kubernetes/secret.example.yaml");
    assert_eq!(shown["name"], secret["metadata"]["name"]);
    assert!(secret["stringData"].as_object().unwrap().contains_key(shown["key"].as_str().unwrap()));
    assert_eq!(spec["serviceName"], service["metadata"]["name"]);

    let flight: u64 = port().parse().unwrap();
    assert_eq!(container["ports"][0]["containerPort"], flight);
    assert_eq!(service["spec"]["ports"][0]["port"], flight);
    assert_eq!(yaml("kubernetes/networkpolicy.yaml")["spec"]["ingress"][0]["ports"][0]["port"], flight);
    for (probe, path) in [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")] {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
        assert_eq!(container[probe]["httpGet"]["port"], container["ports"][0]["name"], "{probe}");
    }
    let settings: BTreeMap<&str, &str> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| (setting["name"].as_str().unwrap(), setting["value"].as_str().unwrap()))
        .collect();
    for (name, value) in image_settings() {
        assert_eq!(settings[name.as_str()], value, "{name}");
    }
    let user = pod["securityContext"]["runAsUser"].as_u64().unwrap();
    assert_eq!(instruction("USER").split(':').next().unwrap(), user.to_string());
    assert_eq!(pod["securityContext"]["fsGroup"].as_u64().unwrap(), user);

    let args = texts(&container["args"]);
    assert_eq!(args[..2], image_command(), "it runs what the image runs");
    let help: Vec<&str> = args.iter().copied().chain(["--help"]).collect();
    assert!(tieout(&help, root()).status.success(), "{help:?}");
    let mounts: BTreeMap<&str, &str> = container["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| (mount["name"].as_str().unwrap(), mount["mountPath"].as_str().unwrap()))
        .collect();
    assert_eq!(mounts["data"], image_settings()["TIEOUT_DATA"]);
    assert_eq!(Path::new(&image_command()[1]).parent().unwrap(), Path::new(mounts["configuration"]));
    let volumes: Vec<&str> =
        pod["volumes"].as_array().unwrap().iter().map(|volume| volume["name"].as_str().unwrap()).collect();
    let claims = &spec["volumeClaimTemplates"][0]["metadata"]["name"];
    for name in mounts.keys() {
        assert!(volumes.contains(name) || claims == name, "{name}");
    }
    assert_eq!(pod["volumes"][0]["configMap"]["name"], yaml("kubernetes/configmap.yaml")["metadata"]["name"]);
    assert_eq!(pod["volumes"][1]["secret"]["secretName"], yaml("kubernetes/secret.example.yaml")["metadata"]["name"]);
    assert_eq!(pod["volumes"][1]["secret"]["defaultMode"], 0o440);

    for resource in texts(&yaml("kubernetes/kustomization.yaml")["resources"]) {
        assert!(root().join("deploy/kubernetes").join(resource).is_file(), "{resource}");
    }
}

#[test]
fn the_configurations_are_sound() {
    let folder = tempfile::tempdir().unwrap();
    let checked = |text: &str| {
        fs::write(folder.path().join("tieout.toml"), text).unwrap();
        let ran = tieout(&["check", "."], folder.path());
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    fs::write(folder.path().join("tieout-token"), TOKEN).unwrap();
    checked(&deploy("tieout.toml").replace("/run/secrets", &folder.path().display().to_string()));

    let manifest = yaml("kubernetes/configmap.yaml");
    let file = Path::new(&image_command()[1]).file_name().unwrap().to_string_lossy().into_owned();
    let text = manifest["data"][file.as_str()].as_str().expect("the key is the name of the file that is run");
    let secrets = yaml("kubernetes/secret.example.yaml")["stringData"].clone();
    let mounted = folder.path().display().to_string();
    for (name, secret) in secrets.as_object().unwrap() {
        assert!(text.contains(&format!("/etc/tieout-secrets/{name}")), "{name} is used");
        fs::write(folder.path().join(name), secret.as_str().unwrap()).unwrap();
    }
    checked(&text.replace("/etc/tieout-secrets", &mounted));
}

/// The names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter)).filter(|word| word.starts_with("tieout_"));
    words.map(str::to_owned).collect()
}

fn get(address: &str, path: &str, token: &str) -> (bool, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    let host = format!("Host: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}");
    write!(connection, "GET {path} HTTP/1.1\r\n{host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    (answer.starts_with("HTTP/1.1 200"), answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_runs_and_has_every_metric_of_the_alerts_and_the_dashboard() {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["trades.internal", "trades.broker"] {
        cluster.create_topic(topic, 3, 1).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    // A source of pushes too, whose metrics are on the dashboard.
    let config = deploy("tieout.toml").replace("kafka:9092", &cluster.bootstrap_servers());
    let config = config.replace("/run/secrets", &folder.path().display().to_string());
    let pushed =
        "[source.pushed]\nkind = \"flight\"\n[access.tokens.loader]\nrole = \"analyst\"\nsecret_file = \"loader\"\n";
    let config = format!("{config}\n{pushed}");
    fs::write(folder.path().join("tieout-token"), TOKEN).unwrap();
    fs::write(folder.path().join("loader"), LOADER).unwrap();
    fs::write(folder.path().join("tieout.toml"), config).unwrap();
    // As the image has it: open to other machines, and here on a port that is free.
    let listen = image_settings()["TIEOUT_LISTEN"].replace(port(), "0");
    let server = Server::start_with(folder.path(), &[("TIEOUT_LISTEN", &listen)]).unwrap();
    let begun = Instant::now();
    while !get(&server.address, "/readyz", "nobodys").0 {
        assert!(begun.elapsed() < PATIENCE, "it was to be ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(get(&server.address, "/livez", "nobodys").0, "probes show no token");
    assert!(!get(&server.address, "/metrics", "nobodys").0, "who scrapes does");

    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
    for (topic, id, price) in [("trades.internal", "I-1", "12.50"), ("trades.broker", "B-1", "12.75")] {
        let trade = format!(
            r#"{{"id": "{id}", "execution_id": "E-17", "side": "buy", "isin": "US0378331005", "quantity": "100", "price": "{price}"}}"#
        );
        let record = BaseRecord::<str, str>::to(topic).payload(&trade);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();

    let identified = |token: &str| Identification { token: Some(token.to_owned()), ..Identification::default() };
    let loader = Client::connect_as(&server.address, &identified(LOADER)).await.unwrap();
    let client = Client::connect_as(&server.address, &identified(TOKEN)).await.unwrap();
    let ids = RecordBatch::try_from_iter([("id", Arc::new(StringArray::from(vec!["P-1"])) as ArrayRef)]).unwrap();
    loader.put("pushed", Some("1"), &[ids]).await.unwrap();
    let _followed = client.read(&Ticket::subscription("breaks")).await.unwrap();
    let shown = loop {
        client.snapshot(&Ticket::snapshot("trades")).await.unwrap();
        let (_, batches) = client.snapshot(&Ticket::snapshot("breaks")).await.unwrap();
        let metrics = get(&server.address, "/metrics", TOKEN).1;
        let has_lag = metrics.contains("tieout_source_lag_records{");
        if has_lag && batches.iter().any(|batch| batch.num_rows() > 0) {
            break metrics;
        }
        assert!(begun.elapsed() < PATIENCE, "a break of the price and a lag were to be shown: {metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };

    let known = metrics_in(&shown);
    for path in ["prometheus/rules/tieout.yml", "grafana/dashboards/tieout.json"] {
        let named = metrics_in(&deploy(path));
        assert!(named.len() > 8, "{path}: {named:?}");
        for metric in named {
            assert!(known.contains(&metric), "{path} names {metric}, which is not among {known:?}");
        }
    }
    // And the book has every metric there is.
    let book = metrics_in(&fs::read_to_string(root().join("docs/src/reference/metrics.md")).unwrap());
    let families: BTreeSet<String> =
        shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned).collect();
    let untold: Vec<&String> = families.difference(&book).collect();
    assert!(untold.is_empty(), "{untold:?}");
}
