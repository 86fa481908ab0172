//! Names of estates, key roles and yards: one grammar, checked once, safe as a file name.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::NAME_MAX;

/// A legal name: `[A-Za-z0-9._-]`, 1 to [`NAME_MAX`] bytes, no leading dot, no `..` (handshake v1, law 5).
///
/// Cheap to clone. Because roles name files, nothing else may become a `Name`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(/* one word: a route has six */ Arc<Box<str>>);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IllegalName {
    /// Nothing there.
    #[error("a name must not be empty")]
    Empty,
    /// More than [`NAME_MAX`] bytes.
    #[error("a name has at most {NAME_MAX} bytes")]
    Long,
    /// A character outside the grammar.
    #[error("a name has only letters, digits, '.', '_' and '-', not {0:?}")]
    Character(char),
    /// A leading dot, or two dots in a row.
    #[error("a name has no leading dot and no '..'")]
    Dots,
}

impl Name {
    /// Checks `text` against the grammar.
    pub fn new(text: &str) -> Result<Self, IllegalName> {
        if text.is_empty() {
            return Err(IllegalName::Empty);
        }
        if text.len() > NAME_MAX {
            return Err(IllegalName::Long);
        }
        if let Some(c) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
            return Err(IllegalName::Character(c));
        }
        if text.starts_with('.') || text.contains("..") {
            return Err(IllegalName::Dots);
        }
        Ok(Self(Arc::new(text.into())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl std::str::FromStr for Name {
    type Err = IllegalName;
    fn from_str(text: &str) -> Result<Self, IllegalName> {
        Self::new(text)
    }
}

impl TryFrom<String> for Name {
    type Error = IllegalName;
    fn try_from(text: String) -> Result<Self, IllegalName> {
        Self::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in ["a", "web1", "web-1.example.org", "vm_master_master", "0"] {
            assert_eq!(Name::new(good).map(|n| n.as_str().to_owned()), Ok(good.to_owned()));
        }
        for bad in ["", ".", "..", ".a", "a..b", "../accepted/evil", "a/b", "a b", "a\0", "é", "a\n"] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Name::new(&"x".repeat(NAME_MAX + 1)), Err(IllegalName::Long));
        assert!(Name::new(&"x".repeat(NAME_MAX)).is_ok());
    }
}
