//! The views that what goes out may take.

use std::sync::Arc;

use engine::{NoTexts, Texts, ViewSpec};
use serde_json::Value;

use super::document::Document;
use super::problem::{Problem, did_you_mean};

/// The views of a configuration.
pub(super) struct Catalogue(pub(super) Vec<ViewSpec>);

impl Catalogue {
    /// The view whose name is at a path.
    pub(super) fn view(
        &self,
        document: &Document<'_>,
        path: &str,
        name: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<&ViewSpec> {
        let found = self.0.iter().find(|spec| spec.name == name);
        if found.is_none() {
            let names: Vec<&str> = self.0.iter().map(|spec| spec.name.as_str()).collect();
            problems.push(document.problem(path, &format!("there is no view `{name}`"), &did_you_mean(name, &names)));
        }
        found
    }

    /// Checks the filter that is at a path.
    pub(super) fn check_filter(
        &self,
        document: &Document<'_>,
        path: &str,
        view: &ViewSpec,
        filter: Option<&Value>,
        problems: &mut Vec<Problem>,
    ) {
        let texts: Arc<dyn Texts> = Arc::new(NoTexts);
        if let Some(Err(error)) = filter.map(|filter| engine::filter::parse(filter, view, &texts)) {
            problems.push(document.problem(path, &error.what, &error.help));
        }
    }
}
