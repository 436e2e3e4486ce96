//! The place of a process in a cluster, as it is given on the command line.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use clap::Args;
use engine::cluster::{ClusterConfig, Hosts, Secret};
use engine::{EngineError, ErrorKind};

use crate::config::Config;
use crate::process::{Failure, Stopping};

/// The variable of the environment that holds the secret.
const SECRET: &str = "TIEOUT_CLUSTER_SECRET";

/// Where the processes of a cluster are, and which of them this is.
#[derive(Args)]
pub(crate) struct Place {
    /// A file with the address and port of each process of a cluster, one a line
    #[arg(long, env = "TIEOUT_HOSTS", value_name = "FILE", requires = "process")]
    hosts: Option<PathBuf>,
    /// Which line of the hosts this process is, counted from 0
    #[arg(long, env = "TIEOUT_PROCESS", value_name = "NUMBER", requires = "hosts")]
    process: Option<usize>,
    /// Stop when standard input ends: so a supervisor asks, and so nothing is left behind when it dies
    #[arg(long, hide = true)]
    supervised: bool,
    #[command(flatten)]
    secret: SecretFile,
}

/// Where the secret of a cluster is.
#[derive(Args)]
pub(crate) struct SecretFile {
    /// A file with the secret of the cluster; or set TIEOUT_CLUSTER_SECRET. Not needed if all hosts are loopback addresses
    #[arg(long, env = "TIEOUT_CLUSTER_SECRET_FILE", value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

impl Place {
    /// Whether it is not the first.
    pub(crate) fn is_member(&self) -> bool {
        self.process.is_some_and(|process| process > 0)
    }

    /// Learns that the process is asked to stop, also by its supervisor.
    pub(crate) fn stopping(&self) -> Result<Stopping, EngineError> {
        let stopping = Stopping::listen()?;
        if self.supervised { stopping.or_end_of_input() } else { Ok(stopping) }
    }

    /// The cluster, if this process is part of one.
    pub(crate) fn cluster(&self, config: &Config) -> Result<Option<ClusterConfig>, Failure> {
        let (Some(hosts), Some(process)) = (&self.hosts, self.process) else { return Ok(None) };
        let hosts = Hosts::read(hosts).map_err(Failure::Usage)?;
        let secret = self.secret.read()?;
        let cluster = ClusterConfig::new(hosts, process, secret, program()?, config.fingerprint());
        cluster.map(Some).map_err(Failure::Usage)
    }
}

impl SecretFile {
    /// The secret: that of the file, else that of the environment.
    fn read(&self) -> Result<Option<Secret>, Failure> {
        let secret = match (&self.secret_file, std::env::var(SECRET)) {
            (Some(path), _) => Some(Secret::read(path)),
            (None, Ok(text)) => Some(Secret::new(&text)),
            (None, Err(_)) => None,
        };
        secret.transpose().map_err(Failure::Usage)
    }
}

/// The version, and a hash of the executable: two builds of one version may say different things to each other.
fn program() -> Result<String, EngineError> {
    let hash = || -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut File::open(std::env::current_exe()?)?, &mut hasher)?;
        Ok(hasher.finalize())
    };
    let hash = hash().map_err(|error| {
        let what = format!("cannot read this program's own file, which tells its build: {error}");
        EngineError::new(ErrorKind::Unavailable, what, "let the file of the program be read")
    })?;
    Ok(format!("{} (build {})", env!("CARGO_PKG_VERSION"), &hash.to_hex()[..16]))
}
