//! The tables `[alert.*]` and `[alert_channel.*]`, as alerts that run beside the engine.

use std::path::Path;

use sinks::Scope;
use sinks::alerts::{AlertConfig, AlertPlan, Alerts, ChannelConfig, ChannelPlan};

use super::catalogue::Catalogue;
use super::document::{Document, Value};
use super::kind::Kinded;
use super::problem::Problem;

/// What a channel can be.
const KINDS: &[&str] = &["kafka", "webhook"];

/// How many alerts and how many channels there may be: each has a thread.
const ALERTS_MAX: usize = 256;

/// The alerts of a file.
pub(super) struct Reading<'a, 't> {
    pub(super) document: &'a Document<'t>,
    pub(super) catalogue: &'a Catalogue,
    pub(super) folder: &'a Path,
}

impl Reading<'_, '_> {
    /// Reads alerts and channels, in the order of their definition.
    pub(super) fn read(&self, problems: &mut Vec<Problem>) -> Alerts {
        let tables = self.tables("alert_channel", problems);
        // A channel with a problem has its name all the same, so that an alert to it is no problem too.
        let names: Vec<String> = tables.iter().map(|(name, _)| name.clone()).collect();
        let channels = tables.into_iter().filter_map(|(name, table)| self.channel(&name, table, problems)).collect();
        let tables = self.tables("alert", problems);
        let alerts =
            tables.into_iter().filter_map(|(name, table)| self.alert(&name, table, &names, problems)).collect();
        Alerts { alerts, channels }
    }

    fn tables(&self, section: &str, problems: &mut Vec<Problem>) -> Vec<(String, &Value<'_>)> {
        let mut tables = self.document.tables(section, problems);
        if let Some((name, _)) = tables.get(ALERTS_MAX) {
            let what = format!("there are more than {ALERTS_MAX} of them");
            problems.push(self.document.problem(&format!("{section}.{name}"), &what, "leave some out"));
            tables.truncate(ALERTS_MAX);
        }
        tables
    }

    fn channel(&self, name: &str, table: &Value<'_>, problems: &mut Vec<Problem>) -> Option<ChannelPlan> {
        let path = format!("alert_channel.{name}");
        let table = Kinded { document: self.document, path: &path, noun: "channel", table };
        let kind = table.kind(KINDS).map_err(|problem| problems.push(problem)).ok()?;
        let config = match kind {
            "webhook" => ChannelConfig::Webhook(table.rest(problems)?),
            _ => ChannelConfig::Kafka(table.rest(problems)?),
        };
        let channel = config.channel(&Scope { kind: "alert_channel", name, folder: self.folder });
        channel.map_err(|error| problems.push(self.document.problem(&error.key, &error.what, &error.help))).ok()
    }

    fn alert(
        &self,
        name: &str,
        table: &Value<'_>,
        channels: &[String],
        problems: &mut Vec<Problem>,
    ) -> Option<AlertPlan> {
        let path = format!("alert.{name}");
        let config: AlertConfig = self.document.read(table, &path, problems)?;
        let view = self.catalogue.view(self.document, &format!("{path}.view"), &config.view, problems)?;
        let when = format!("{path}.when");
        self.catalogue.check_filter(self.document, &when, view, config.when.as_ref(), problems);
        let alert = config.alert(&Scope { kind: "alert", name, folder: self.folder }, view, channels);
        alert.map_err(|error| problems.push(self.document.problem(&error.key, &error.what, &error.help))).ok()
    }
}
