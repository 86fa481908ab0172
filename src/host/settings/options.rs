//! Which settings there are: ours, and those of Salt 2018.3 that a file may carry although we do not act on them.

/// What we make of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// We act on it.
    Ours,
    /// Salt does.
    Salt,
    /// Nobody does. The known key that looks most like it, if any does.
    Unknown(Option<&'static str>),
}

/// Settings of both duties.
const BOTH: &[&str] = &[
    "transport",
    "wires",
    "ciphers",
    "congestion",
    "interface",
    "raet_port",
    "id",
    "root_dir",
    "pki_dir",
    "cachedir",
    "sock_dir",
    "log_level",
    "user",
    "open_mode",
    "timeout",
    "raet_mutable",
    "auto_accept",
    "site_secret_file",
];
/// Settings of a master only.
const MASTER: &[&str] = &["autosign_file", "autoreject_file", "shards", "pillar_roots", "nodegroups"];
/// Settings of a minion only.
pub(super) const MINION: &[&str] = &["master", "master_port", "master_finger", "grains", "enrolment_file"];

/// Option names of Salt 2018.3 masters and minions.
const SALT: &str = include_str!("salt_options.txt");

/// Whether a master acts on it and a minion does not.
pub(super) fn is_masters(key: &str) -> bool {
    MASTER.contains(&key) || super::files::KEYS.contains(&key)
}

/// What we make of `key`.
pub(super) fn standing(key: &str) -> Standing {
    if ours().any(|name| name == key) {
        return Standing::Ours;
    }
    // A dotted name is an option of one of Salt's modules (`mysql.host`): there is no list of those.
    if key.contains('.') || salt().any(|name| name == key) {
        return Standing::Salt;
    }
    Standing::Unknown(nearest(key))
}

fn ours() -> impl Iterator<Item = &'static str> {
    [BOTH, MASTER, super::files::KEYS, MINION].into_iter().flatten().copied()
}

fn salt() -> impl Iterator<Item = &'static str> {
    SALT.split_whitespace()
}

/// The known name fewest slips away from `key`, ours first; none when even that takes a third of the letters.
fn nearest(key: &str) -> Option<&'static str> {
    let lower = key.to_lowercase().replace('-', "_");
    let slips = |name: &&'static str| strsim::osa_distance(name, &lower);
    let best = ours().chain(salt()).min_by_key(slips)?;
    (slips(&best) <= key.chars().count().div_ceil(3).min(4)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        assert_eq!(standing("raet_port"), Standing::Ours);
        assert_eq!(standing("file_roots"), Standing::Ours);
        assert_eq!(standing("pillar_opts"), Standing::Salt);
        assert_eq!(standing("mysql.host"), Standing::Salt);
        assert_eq!(standing("mastr"), Standing::Unknown(Some("master")));
        assert_eq!(standing("Raet-Port"), Standing::Unknown(Some("raet_port")));
        assert_eq!(standing("file_root"), Standing::Unknown(Some("file_roots")));
        assert_eq!(standing("xyzzy_plugh_frobnicate"), Standing::Unknown(None));
        assert_eq!(standing(""), Standing::Unknown(None));
    }

    #[test]
    fn the_lists_do_not_overlap() {
        let mut all: Vec<_> = ours().chain(salt()).collect();
        assert!(all.len() > 400, "{}", all.len());
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
