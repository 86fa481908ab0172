//! Which minions a target means: accepted ones, by their ids and by what the master remembers of them. Owns nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::door::Door;
use super::facts::Memory;
use super::request::Target;
use crate::base::Name;
use crate::base::glob::matches;
use crate::base::target::{BadTarget, Groups, Matcher, expand};

/// The accepted roles that `target` means, sorted, each once.
pub(super) fn select(
    target: &Target,
    delimiter: &str,
    door: &Door,
    memory: &Memory,
    groups: &Groups,
) -> Result<Vec<Name>, BadTarget> {
    let read = |tgt_type, text: &str| Matcher::new(tgt_type, &Value::from(text), delimiter);
    let expanded = |text: &str| Matcher::new("compound", &expand(&Value::from(text), groups)?.into(), delimiter);
    let matcher = match target {
        Target::Glob(pattern) => {
            return Ok(door.accepted().filter(|id| matches(pattern, id.as_str())).cloned().collect());
        }
        Target::List(ids) => {
            let known: BTreeSet<&Name> = ids.iter().filter_map(|id| door.accepted_one(id.trim())).collect();
            return Ok(known.into_iter().cloned().collect());
        }
        Target::Pcre(text) => read("pcre", text)?,
        Target::Grain(text) => read("grain", text)?,
        Target::GrainPcre(text) => read("grain_pcre", text)?,
        Target::Pillar(text) => read("pillar", text)?,
        Target::PillarPcre(text) => read("pillar_pcre", text)?,
        Target::Ipcidr(text) => read("ipcidr", text)?,
        Target::Compound(text) => expanded(text)?,
        Target::Nodegroup(name) => expanded(&format!("N@{name}"))?,
    };
    Ok(door.accepted_keys().filter(|(id, key)| memory.matches(&matcher, id, *key)).map(|(id, _)| id.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::door::Policy;
    use super::*;
    use crate::base::{Acceptance, Fingerprint};

    fn selected(target: &Target) -> Vec<String> {
        let mut door = Door::new(Policy::default());
        for (id, acceptance) in [
            ("web2", Acceptance::Accepted),
            ("web1", Acceptance::Accepted),
            ("db1", Acceptance::Accepted),
            ("web3", Acceptance::Pending),
            ("web4", Acceptance::Rejected),
        ] {
            door.on_standing(&Name::new(id).unwrap(), Fingerprint([0; 32]), Some(acceptance));
        }
        let groups = [("front".to_owned(), vec!["web1".to_owned(), "web3".to_owned()])].into();
        let selected = select(target, "", &door, &Memory::default(), &groups).unwrap();
        selected.into_iter().map(String::from).collect()
    }

    #[test]
    fn only_accepted_roles_sorted_and_once() {
        assert_eq!(selected(&Target::Glob("web*".to_owned())), ["web1", "web2"]);
        assert_eq!(selected(&Target::Glob("*".to_owned())), ["db1", "web1", "web2"]);
        let list = ["web2", " web1", "web2", "web3", "nobody", "../x"];
        assert_eq!(selected(&Target::List(list.map(String::from).to_vec())), ["web1", "web2"]);
        assert!(selected(&Target::Glob("nobody".to_owned())).is_empty());
        assert_eq!(selected(&Target::Pcre("web[13]".to_owned())), ["web1"]);
        assert_eq!(selected(&Target::Nodegroup("front".to_owned())), ["web1"]);
        assert_eq!(selected(&Target::Compound("N@front or db* or G@a:b".to_owned())), ["db1", "web1"]);
        assert!(selected(&Target::Grain("a:b".to_owned())).is_empty());
    }
}
