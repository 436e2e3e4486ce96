//! A process of a cluster that is not the first.

use std::sync::Arc;
use std::time::Duration;

use engine::cluster::{ClusterConfig, Member, MemberConfig};
use engine::{EngineError, ErrorKind};
use tokio::time::timeout;

use super::Place;
use crate::config::Config;
use crate::process::{Failure, Outcome, SymbolTexts, tell};

/// How long one that is asked to stop waits for the head, which as a rule is asked at the same time, and finishes first what
/// it has taken.
const STOPPING_MAX: Duration = Duration::from_secs(60);

/// Runs until the head ends it, or anything fails.
pub(crate) async fn serve(config: Config, cluster: ClusterConfig, place: Place) -> Result<Outcome, Failure> {
    let mut stopping = place.stopping()?;
    let settings = config.settings;
    let member = MemberConfig { cluster, workers: settings.workers, retention: settings.retention };
    let texts = Arc::new(SymbolTexts(config.dictionary));
    let start = tokio::task::spawn_blocking(move || Member::start(member, config.graphs, texts));
    let mut member = tokio::select! {
        started = start => started.map_err(|_| EngineError::stopped())??,
        asked = stopping.asked() => return Ok(asked.map(|()| Outcome::Done)?),
    };
    tell("part of the cluster");
    tokio::select! {
        ended = member.ended() => ended?,
        asked = stopping.asked() => {
            asked?;
            timeout(STOPPING_MAX, member.ended()).await.map_err(|_| left())??;
        }
    }
    Ok(Outcome::Done)
}

fn left() -> EngineError {
    let what = "stopped while the cluster goes on: its other processes stop too";
    EngineError::new(ErrorKind::Stopped, what, "stop process 0 first, and the others end with it")
}
