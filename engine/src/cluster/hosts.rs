//! Where the processes of a cluster are: one `host:port` a line.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::cluster::PROCESSES_MAX;
use crate::error::{EngineError, ErrorKind};

/// The addresses of the processes, by their number. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// Reads a file: one `host:port` a line; empty lines and what follows a `#` are left out.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let text = std::fs::read_to_string(path).map_err(|error| EngineError::io("read the hosts in", path, &error))?;
        Hosts::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a file that is called `name`.
    pub fn parse(name: &str, text: &str) -> Result<Self, EngineError> {
        let mut hosts: Vec<String> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let invalid = |what: String, help: &str| {
                Err(EngineError::new(ErrorKind::Invalid, format!("{name}, line {number}: {what}"), help))
            };
            let host = line.split('#').next().unwrap_or_default().trim();
            if host.is_empty() {
                continue;
            }
            if !is_address(host) {
                return invalid(
                    format!("`{host}` is no address of a process"),
                    "write one host and port a line, such as 10.0.0.1:7815",
                );
            }
            if hosts.iter().any(|other| other == host) {
                return invalid(format!("`{host}` is there twice"), "each process needs an address of its own");
            }
            if hosts.len() == PROCESSES_MAX {
                return invalid(format!("there are more than {PROCESSES_MAX} processes"), "use more workers in each");
            }
            hosts.push(host.to_owned());
        }
        if hosts.is_empty() {
            let what = format!("{name} names no process");
            return Err(EngineError::new(ErrorKind::Invalid, what, "write one host and port a line, one a process"));
        }
        Ok(Hosts(hosts.into()))
    }

    /// How many processes there are: at least one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The address of a process.
    pub fn get(&self, process: usize) -> &str {
        &self.0[process]
    }

    /// Whether only this machine can reach them.
    pub fn are_loopback(&self) -> bool {
        self.0.iter().all(|host| {
            let name = host.rsplit_once(':').map_or("", |(name, _)| name).trim_matches(['[', ']']);
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        })
    }
}

fn is_address(host: &str) -> bool {
    let port = |port: &str| port.parse().is_ok_and(|port: u16| port > 0);
    host.rsplit_once(':').is_some_and(|(name, number)| !name.is_empty() && port(number))
        && !host.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_one_a_line() {
        let hosts = Hosts::parse("hosts", "# the head\nhead.internal:7815\n\n10.0.0.2:7815 # a member\n").unwrap();
        assert_eq!((hosts.len(), hosts.get(0), hosts.get(1)), (2, "head.internal:7815", "10.0.0.2:7815"));
        assert!(!hosts.are_loopback());
        assert!(Hosts::parse("hosts", "127.0.0.1:1\nlocalhost:2\n[::1]:3").unwrap().are_loopback());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, what) in [
            ("", "hosts names no process"),
            ("a:1\nb", "hosts, line 2: `b` is no address of a process"),
            ("a:0", "hosts, line 1: `a:0` is no address of a process"),
            ("a:99999", "hosts, line 1: `a:99999` is no address of a process"),
            ("a:1\n\na:1", "hosts, line 3: `a:1` is there twice"),
        ] {
            assert_eq!(Hosts::parse("hosts", text).unwrap_err().what, what);
        }
        let many: String = (1..=65).map(|port| format!("a:{port}\n")).collect();
        assert_eq!(Hosts::parse("hosts", &many).unwrap_err().what, "hosts, line 65: there are more than 64 processes");
    }
}
