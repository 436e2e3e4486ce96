//! What is written to: does anybody listen at the addresses of the sinks and of the channels of alerts, and may files be
//! written? Nothing is sent.
//!
//! Addresses are looked for in the text, like secrets: brokers, URLs of webhooks, folders of files.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::thread;
use std::time::Duration;

use engine::setting::Setting;
use url::Url;

use super::finding::{Check, Finding};
use super::folder::unusable;
use crate::config::Config;

/// How long an address has to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// What something is written to.
enum Target {
    /// Addresses, of which one is enough, as `host:port`.
    Addresses(Vec<String>),
    /// A folder of this machine.
    Folder(String),
}

/// Looks at all of them at once.
pub(crate) fn check(path: &Path) -> Vec<Finding> {
    let path = Config::file(path);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let Ok(configuration) = text.parse::<toml::Table>() else { return Vec::new() };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut targets = Vec::new();
    for (section, name) in [("sink", "sink"), ("alert_channel", "alert channel")] {
        let tables = configuration.get(section).and_then(toml::Value::as_table).into_iter().flatten();
        for (about, table) in tables {
            let target = table.as_table().and_then(|table| target(table, folder));
            targets.extend(target.map(|target| (Check::of(name, about), target)));
        }
    }
    thread::scope(|threads| {
        let looking: Vec<_> = targets
            .into_iter()
            .map(|(check, target)| threads.spawn(move || look_at(&check, &target, folder)))
            .collect();
        looking.into_iter().filter_map(|looking| looking.join().ok()).collect()
    })
}

/// What a table says; nothing if it is wrong in itself, which is told of the configuration.
fn target(table: &toml::Table, folder: &Path) -> Option<Target> {
    let text = |key: &str| table.get(key).and_then(toml::Value::as_str);
    if let Some(brokers) = text("brokers") {
        return Some(Target::Addresses(brokers.split(',').map(|broker| broker.trim().to_owned()).collect()));
    }
    if let Some(url) = table.get("url") {
        let url: Setting = url.clone().try_into().ok()?;
        let url = Url::parse(&url.text("url", folder).ok()?).ok()?;
        return Some(Target::Addresses(vec![format!("{}:{}", url.host_str()?, url.port_or_known_default()?)]));
    }
    text("folder").map(|folder| Target::Folder(folder.to_owned()))
}

fn look_at(check: &Check, target: &Target, folder: &Path) -> Finding {
    match target {
        Target::Folder(written) => {
            let written = folder.join(written);
            unusable(&written, check).unwrap_or_else(|| check.ok(format!("{} can be written", written.display())))
        }
        Target::Addresses(addresses) => {
            let mut reason = String::new();
            for address in addresses {
                match connect(address) {
                    Ok(()) => return check.ok(format!("{address} can be reached")),
                    Err(why) => reason = format!("{address}: {why}"),
                }
            }
            let help = "check the address, the network and what is to listen there; what is to be written waits";
            check.problem(format!("nobody listens ({reason})"), help)
        }
    }
}

fn connect(address: &str) -> std::io::Result<()> {
    let mut last = Err(std::io::Error::new(std::io::ErrorKind::NotFound, "it has no address"));
    for place in address.to_socket_addrs()? {
        last = TcpStream::connect_timeout(&place, ANSWER_TIMEOUT).map(drop);
        if last.is_ok() {
            break;
        }
    }
    last
}
