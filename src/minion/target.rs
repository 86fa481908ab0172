//! Whether a job is for us: minions match targets themselves (Salt over RAET §4). Pure.

use serde_json::Value;

use crate::base::Name;
use crate::base::glob::matches;

/// Whether `tgt`, read as `tgt_type` says, means `id`. Types that need facts (grain, pillar, compound, …) mean nobody
/// until there are facts: this is where they go.
pub(super) fn is_for(id: &Name, tgt_type: &str, tgt: &Value) -> bool {
    match (tgt_type, tgt) {
        ("glob" | "", Value::String(pattern)) => matches(pattern, id.as_str()),
        ("list", Value::String(ids)) => ids.split(',').any(|one| one.trim() == id.as_str()),
        ("list", Value::Array(ids)) => ids.iter().any(|one| one.as_str() == Some(id.as_str())),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn globs_and_lists() {
        let id = Name::new("web1").unwrap();
        for (tgt_type, tgt) in
            [("glob", json!("web*")), ("", json!("*")), ("list", json!("db1, web1")), ("list", json!(["web1"]))]
        {
            assert!(is_for(&id, tgt_type, &tgt), "{tgt_type} {tgt}");
        }
        for (tgt_type, tgt) in [
            ("glob", json!("db*")),
            ("glob", json!(["web1"])),
            ("list", json!("web11,db1")),
            ("list", json!([["web1"]])),
            ("list", json!("web*")),
            ("grain", json!("os:Linux")),
            ("pcre", json!(".*")),
        ] {
            assert!(!is_for(&id, tgt_type, &tgt), "{tgt_type} {tgt}");
        }
    }
}
