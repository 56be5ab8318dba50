//! What is watched: a [`Scope`] that was read and found well-formed.

use std::collections::BTreeSet;

use crate::contract::{PAGE, Scope};
use crate::error::BinderError;
use crate::name::ProcedureName;

/// Some names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// These.
    Names(BTreeSet<ProcedureName>),
    /// All that begin with this; empty for all there are.
    Prefix(Box<str>),
}

impl Selection {
    /// Reads a scope.
    ///
    /// # Errors
    /// The rule that a name breaks, or that every name would that begins so; [`BinderError::TooMany`].
    pub(crate) fn parse(scope: Scope) -> Result<Selection, BinderError> {
        match scope {
            Scope::Name(name) => Ok(Selection::Names(BTreeSet::from([ProcedureName::parse(&name)?]))),
            Scope::Names(names) if names.len() > PAGE => {
                let (what, count) = ("names".to_owned(), names.len() as u64);
                Err(BinderError::TooMany { limit: PAGE as u64, what, count })
            }
            Scope::Names(names) => {
                let names = names.iter().map(|name| ProcedureName::parse(name));
                Ok(Selection::Names(names.collect::<Result<_, _>>()?))
            }
            Scope::Prefix(prefix) => Selection::prefix(prefix),
        }
    }

    /// All names that begin with this.
    ///
    /// # Errors
    /// The rule that every such name would break.
    pub(crate) fn prefix(prefix: String) -> Result<Selection, BinderError> {
        if !prefix.is_empty() {
            ProcedureName::parse(&prefix)?;
        }
        Ok(Selection::Prefix(prefix.into()))
    }

    /// How many texts it is made of.
    pub(crate) fn size(&self) -> usize {
        match self {
            Selection::Names(names) => names.len(),
            Selection::Prefix(_) => 1,
        }
    }

    /// Whether a name belongs to it.
    pub(crate) fn has(&self, name: &ProcedureName) -> bool {
        match self {
            Selection::Names(names) => names.contains(name),
            Selection::Prefix(prefix) => name.as_str().starts_with(&**prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NameError;

    fn names(count: usize) -> Scope {
        Scope::Names((0..count).map(|number| format!("p{number}")).collect())
    }

    #[test]
    fn a_scope_names_at_most_a_page_of_names() {
        assert!(Selection::parse(names(PAGE)).is_ok());
        let refused = Selection::parse(names(PAGE + 1)).unwrap_err();
        assert_eq!(refused.to_string(), "one call names at most 1000 names, this one names 1001");
        assert!(!Selection::parse(names(0)).unwrap().has(&ProcedureName::parse("p0").unwrap()));
    }

    #[test]
    fn a_scope_that_no_name_can_have_is_refused() {
        let long = "x".repeat(256);
        for scope in [
            Scope::Name(String::new()),
            Scope::Name(long.clone()),
            Scope::Names(vec!["a".into(), "b c".into()]),
            Scope::Prefix("a b".into()),
            Scope::Prefix(long),
        ] {
            assert!(matches!(Selection::parse(scope), Err(BinderError::Name(_))));
        }
        let empty = Selection::parse(Scope::Name(String::new()));
        assert_eq!(empty, Err(BinderError::Name(NameError::Empty)));
    }
}
