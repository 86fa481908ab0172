//! What a minion wants of the file server: an environment and a path in it. Owns the rule which paths there are; touches no
//! file.
//!
//! Paths of minions are hostile until they passed here: what comes out is relative, and none of its parts leads upward. Only
//! a link that an operator put into a root leads out of it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Longest path, bytes: as Linux has it.
const PATH_MAX: usize = 4096;
/// The environment of a request that names none.
const BASE: &str = "base";

/// A file of an environment; whether there is one is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) saltenv: String,
    /// Below a root, without `.` and `..`.
    pub(super) path: PathBuf,
}

impl Wanted {
    /// What `load` asks for; none when it is no legal path.
    pub(super) fn of(load: &Map<String, Value>) -> Option<Self> {
        let text = load.get("path")?.as_str()?;
        let mut saltenv = saltenv(load, Some(BASE))?;
        let text = match text.strip_prefix('|') {
            // Taken as it is, `?` and all (salt.utils.url).
            Some(literal) => literal,
            None => match text.split_once('?') {
                Some((path, query)) => {
                    let mut named = query.split('&').filter_map(|part| part.split_once('='));
                    saltenv = named.rfind(|(key, _)| *key == "saltenv").map_or(saltenv, |(_, value)| value);
                    path
                }
                None => text,
            },
        };
        Some(Self { saltenv: saltenv.to_owned(), path: relative(text)? })
    }
}

/// The environment that `load` names; `default` when it names none.
pub(super) fn saltenv<'a>(load: &'a Map<String, Value>, default: Option<&'a str>) -> Option<&'a str> {
    match load.get("saltenv") {
        Some(Value::String(name)) => Some(name),
        Some(_) => None,
        None => default,
    }
}

/// `text` as a path below something: not empty, no way up, no NUL.
fn relative(text: &str) -> Option<PathBuf> {
    if text.len() > PATH_MAX || text.contains('\0') || text.starts_with('/') {
        return None;
    }
    let mut path = PathBuf::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => path.push(part),
        }
    }
    (path != Path::new("")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::path::Component;

    fn wanted(path: &str) -> Option<(String, String)> {
        let load = json!({"path": path, "saltenv": "dev"});
        Wanted::of(load.as_object().unwrap()).map(|w| (w.saltenv, w.path.to_str().unwrap().to_owned()))
    }

    #[test]
    fn paths_as_salt_reads_them() {
        let dev = |path: &str| Some(("dev".to_owned(), path.to_owned()));
        assert_eq!(wanted("top.sls"), dev("top.sls"));
        assert_eq!(wanted("./a//b/./c/"), dev("a/b/c"));
        assert_eq!(wanted("a?saltenv=qa"), Some(("qa".into(), "a".into())));
        assert_eq!(wanted("a?b=c"), dev("a"));
        assert_eq!(wanted("|a?saltenv=qa"), dev("a?saltenv=qa"));
        assert_eq!(wanted("a\\..\\b"), dev("a\\..\\b"));
        for path in
            ["", ".", "/", "/etc/passwd", "//etc", "..", "../a", "a/..", "a/../../b", "a\0b", "|/etc/passwd", "|../a"]
        {
            assert_eq!(wanted(path), None, "{path:?}");
        }
        assert_eq!(wanted(&"a/".repeat(3000)), None);
        let of = |load: Value| Wanted::of(load.as_object().unwrap()).map(|w| w.saltenv);
        assert_eq!(of(json!({"path": "a"})), Some("base".into()));
        assert_eq!(of(json!({"path": "a", "saltenv": null})), None);
        assert_eq!(of(json!({"path": 7})), None);
    }

    proptest! {
        /// Whatever is asked for, what comes out stays below where it is joined to.
        #[test]
        fn nothing_leads_out(parts in proptest::collection::vec(prop_oneof![
            Just("..".to_owned()), Just(".".to_owned()), Just(String::new()), Just("|".to_owned()), Just("a?saltenv=..".to_owned()),
            "[a./|?\\\\ \0]{0,6}", ".{0,4}",
        ], 0..8), sep in prop_oneof![Just("/"), Just("//"), Just("")]) {
            let text = parts.join(sep);
            let load = json!({"path": text});
            if let Some(wanted) = Wanted::of(load.as_object().unwrap()) {
                prop_assert!(wanted.path.components().count() > 0);
                prop_assert!(wanted.path.components().all(|part| matches!(part, Component::Normal(_))), "{:?}", wanted.path);
                prop_assert!(!wanted.path.to_str().unwrap().contains('\0'));
                prop_assert!(Path::new("/root").join(&wanted.path).starts_with("/root"));
            }
        }
    }
}
