//! Which minions a target means. Pure; owns nothing.

use std::collections::BTreeSet;

use super::door::Door;
use super::request::Target;
use crate::base::Name;
use crate::base::glob::matches;

/// The accepted roles that `target` means, sorted, each once.
pub(super) fn select(target: &Target, door: &Door) -> Vec<Name> {
    match target {
        Target::Glob(pattern) => door.accepted().filter(|id| matches(pattern, id.as_str())).cloned().collect(),
        Target::List(ids) => {
            let known: BTreeSet<&Name> = ids.iter().filter_map(|id| door.accepted_one(id.trim())).collect();
            known.into_iter().cloned().collect()
        }
    }
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
        select(target, &door).into_iter().map(String::from).collect()
    }

    #[test]
    fn only_accepted_roles_sorted_and_once() {
        assert_eq!(selected(&Target::Glob("web*".to_owned())), ["web1", "web2"]);
        assert_eq!(selected(&Target::Glob("*".to_owned())), ["db1", "web1", "web2"]);
        let list = ["web2", " web1", "web2", "web3", "nobody", "../x"];
        assert_eq!(selected(&Target::List(list.map(String::from).to_vec())), ["web1", "web2"]);
        assert!(selected(&Target::Glob("nobody".to_owned())).is_empty());
    }
}
