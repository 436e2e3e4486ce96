//! Who asks, and whether they may.

use std::sync::Arc;
use std::time::SystemTime;

use engine::{EngineError, ErrorKind};

use super::role::{Permission, Role};

/// How long a name may be, in the log and in errors.
const NAME_CHARS_MAX: usize = 128;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: Arc<str>,
    roles: Arc<[Role]>,
    /// The only sources that may be pushed to.
    sources: Option<Arc<[String]>>,
    /// When what the caller showed expires.
    expires: Option<SystemTime>,
}

impl Caller {
    /// A caller with some roles. What is odd in the name is replaced: it is logged.
    pub(crate) fn new(name: &str, roles: &[Role]) -> Self {
        let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
        let name: String = name.chars().take(NAME_CHARS_MAX).map(plain).collect();
        Caller { name: name.into(), roles: roles.into(), sources: None, expires: None }
    }

    /// The same, who may push to some sources only.
    pub(crate) fn with_sources(self, sources: Option<&[String]>) -> Self {
        Caller { sources: sources.map(Into::into), ..self }
    }

    /// The same, until a moment.
    pub(crate) fn until(self, expires: SystemTime) -> Self {
        Caller { expires: Some(expires), ..self }
    }

    /// The caller's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Refuses what none of the caller's roles may do.
    pub(crate) fn authorise(&self, permission: Permission, what: &str) -> Result<(), EngineError> {
        if self.roles.iter().any(|role| role.allows(permission)) {
            return Ok(());
        }
        let help = format!("this takes the role {}", permission.roles());
        Err(EngineError::new(ErrorKind::Denied, format!("{} may not {what}", self.introduced()), help))
    }

    /// Refuses a push to a source that is not one of the caller's.
    pub(crate) fn authorise_source(&self, source: &str) -> Result<(), EngineError> {
        let what = format!("push to `{source}`");
        self.authorise(Permission::Push, &what)?;
        match &self.sources {
            Some(sources) if !sources.iter().any(|own| own == source) => {
                let help = format!("this token is for {} only", sources.join(", "));
                Err(EngineError::new(ErrorKind::Denied, format!("{} may not {what}", self.introduced()), help))
            }
            _ => Ok(()),
        }
    }

    /// Refuses to go on with what was shown once it has expired.
    pub(crate) fn check_expiry(&self) -> Result<(), EngineError> {
        match self.expires {
            Some(expires) if SystemTime::now() >= expires => Err(EngineError::new(
                ErrorKind::Unauthenticated,
                "the token has expired",
                "connect again with a new one",
            )),
            _ => Ok(()),
        }
    }

    fn introduced(&self) -> String {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.name()).collect();
        let roles = if roles.is_empty() { "without a role".to_owned() } else { roles.join(", ") };
        format!("`{}` ({roles})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_is_told_which_role_may() {
        let error = Caller::new("ops", &[Role::Viewer]).authorise(Permission::Push, "push").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(
            error.to_string(),
            "`ops` (viewer) may not push (help: this takes the role analyst, approver or admin)"
        );
        let error = Caller::new("x", &[]).authorise(Permission::Audit, "read the view `runs`").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`x` (without a role) may not read the view `runs` (help: this takes the role auditor or admin)"
        );
    }

    #[test]
    fn several_roles_add_up() {
        let caller = Caller::new("both", &[Role::Analyst, Role::Auditor]);
        for permission in [Permission::Read, Permission::Push, Permission::Audit] {
            assert_eq!(caller.authorise(permission, "do this"), Ok(()));
        }
    }

    #[test]
    fn a_narrowed_caller_pushes_to_its_own_sources_only() {
        let caller = Caller::new("feed", &[Role::Analyst]).with_sources(Some(&["broker".to_owned()]));
        assert_eq!(caller.authorise_source("broker"), Ok(()));
        let error = caller.authorise_source("internal").unwrap_err();
        assert!(error.kind == ErrorKind::Denied && error.help.contains("broker only"), "{error}");
        let viewer = Caller::new("feed", &[Role::Viewer]).with_sources(Some(&["broker".to_owned()]));
        assert_eq!(viewer.authorise_source("broker").unwrap_err().kind, ErrorKind::Denied);
    }

    #[test]
    fn a_name_cannot_forge_lines_of_the_log() {
        let caller = Caller::new(&format!("a\nb\u{1b}[31m{}", "x".repeat(1000)), &[]);
        assert!(!caller.name().contains(['\n', '\u{1b}']));
        assert_eq!(caller.name().chars().count(), NAME_CHARS_MAX);
    }
}
