//! Roles, and what each may do.

use std::fmt;

use serde::Deserialize;

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and follows views.
    Viewer,
    /// A viewer who also pushes to sources.
    Analyst,
    /// An analyst who also approves.
    Approver,
    /// A viewer who also reads what is kept for audits, and pushes nothing.
    Auditor,
    /// May do everything.
    Admin,
}

/// What a caller may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Read and follow views, and the metrics.
    Read,
    /// Push batches to sources.
    Push,
    /// Read what is kept for audits.
    Audit,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [Role::Viewer, Role::Analyst, Role::Approver, Role::Auditor, Role::Admin];

    /// Its name, as it is configured.
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Approver => "approver",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
        }
    }

    /// What it may do.
    pub fn permissions(self) -> &'static [Permission] {
        use Permission::{Audit, Push, Read};
        match self {
            Role::Viewer => &[Read],
            // Nothing has to be approved yet.
            Role::Analyst | Role::Approver => &[Read, Push],
            Role::Auditor => &[Read, Audit],
            Role::Admin => &[Read, Push, Audit],
        }
    }

    /// Whether it may do this.
    pub fn allows(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Permission {
    /// The names of the roles that have it.
    pub(crate) fn roles(self) -> String {
        let names: Vec<&str> = Role::ALL.into_iter().filter(|role| role.allows(self)).map(Role::name).collect();
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => names.concat(),
        }
    }
}
