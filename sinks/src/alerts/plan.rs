//! All alerts of a configuration: checked, and then started.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use engine::setting::ConfigError;
use engine::{EngineError, Request, ViewSpec};

use super::channel::ChannelPlan;
use super::config::AlertConfig;
use super::deliver::Delivery;
use super::outbox::Outbox;
use super::raise::{Raise, Wording};
use crate::running::{Follow, Runs, Start};
use crate::scope::Scope;

/// An alert, checked.
pub struct AlertPlan {
    name: String,
    config: AlertConfig,
}

impl AlertConfig {
    /// The alert that it describes, checked against the columns of its view and the names of the channels.
    pub fn alert(&self, scope: &Scope<'_>, view: &ViewSpec, channels: &[String]) -> Result<AlertPlan, ConfigError> {
        let key = |setting: &str| format!("{}.{setting}", scope.key());
        Wording::new(self, view).map_err(|(setting, (what, help))| ConfigError::new(key(setting), what, help))?;
        if self.to.is_empty() {
            return Err(ConfigError::new(key("to"), "names no channel", "name some, such as to = [\"ops\"]"));
        }
        let known = channels.iter().map(String::as_str);
        if let Some(name) = self.to.iter().find(|name| !channels.contains(name)) {
            return Err(ConfigError::unknown(key("to"), "alert channel", name, known));
        }
        let names: BTreeSet<&String> = self.to.iter().collect();
        if names.len() < self.to.len() {
            return Err(ConfigError::new(key("to"), "names a channel twice", "name each channel once"));
        }
        Ok(AlertPlan { name: scope.name.to_owned(), config: self.clone() })
    }
}

/// All alerts of a configuration, and their channels.
#[derive(Default)]
pub struct Alerts {
    /// The alerts.
    pub alerts: Vec<AlertPlan>,
    /// The channels.
    pub channels: Vec<ChannelPlan>,
}

impl Alerts {
    /// What has to run for them. The outbox is in the folder `data`.
    pub fn runs(self, data: &Path) -> Result<Vec<Box<dyn Runs>>, EngineError> {
        if self.alerts.is_empty() && self.channels.is_empty() {
            return Ok(Vec::new());
        }
        let outbox = Outbox::open(data)?;
        self.warn_of_forgotten_letters(&outbox)?;
        Ok(self.with(Arc::new(outbox)))
    }

    /// What has to run for them with this outbox.
    pub(super) fn with(self, outbox: Arc<Outbox>) -> Vec<Box<dyn Runs>> {
        let mut runs: Vec<Box<dyn Runs>> = Vec::new();
        for ChannelPlan { name, channel } in self.channels {
            let alerts = self.alerts.iter().filter(|alert| alert.config.to.contains(&name));
            runs.push(Box::new(Delivery {
                label: format!("alert_channel.{name}"),
                alerts: alerts.map(|alert| alert.name.clone()).collect(),
                channel_name: name,
                channel,
                outbox: Arc::clone(&outbox),
            }));
        }
        for AlertPlan { name, config } in self.alerts {
            runs.push(Box::new(Follow {
                name: format!("alert.{name}"),
                request: Request { view: config.view.clone(), filter: config.when.clone(), ..Request::default() },
                // Whether somebody is told of what there is, is decided later: it has to be known in any case.
                start: Start::Snapshot,
                target: Box::new(Raise { name, config, outbox: Arc::clone(&outbox), begun: None }),
            }));
        }
        runs
    }

    fn warn_of_forgotten_letters(&self, outbox: &Outbox) -> Result<(), EngineError> {
        for (channel, (waiting, _)) in outbox.counts()? {
            if waiting > 0 && !self.channels.iter().any(|plan| plan.name == channel) {
                tracing::warn!(channel, waiting, "alerts wait for a channel that is not in the configuration any more");
            }
        }
        Ok(())
    }
}
