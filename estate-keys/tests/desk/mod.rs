//! A master's key files in a directory of their own, and the tool to run on them.

// Each test file uses its part; in tests an unwrap is a demand.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use roadstead::base::{Acceptance, Name, Random};
use roadstead::keep::{Change, OwnKeys, Reading, RoleKey, Store};
use tempfile::TempDir;

pub(crate) struct Desk {
    pub(crate) dir: TempDir,
}

/// Standard output, standard error and exit code, with `ROOT` for the directory.
pub(crate) type Transcript = (String, String, i32);

impl Desk {
    /// Settings with the id `m`, and no keys.
    pub(crate) fn empty() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir_all(dir.path().join("etc/roadstead")).unwrap();
        fs::write(dir.path().join("etc/roadstead/master"), "id: m\n").unwrap();
        Self { dir }
    }

    /// Two accepted, three unaccepted and one rejected key, created in no order.
    pub(crate) fn staffed() -> Self {
        let desk = Self::empty();
        let store = desk.store();
        for (role, standing) in [
            ("web2", Acceptance::Pending),
            ("web1", Acceptance::Accepted),
            ("old1", Acceptance::Rejected),
            ("db1", Acceptance::Accepted),
            ("web3", Acceptance::Pending),
            ("db2", Acceptance::Pending),
        ] {
            store.apply(&Change::Role(key(role), standing)).unwrap();
        }
        desk
    }

    pub(crate) fn pki(&self) -> PathBuf {
        self.dir.path().join("etc/roadstead/pki/master")
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.pki(), None).unwrap()
    }

    pub(crate) fn run(&self, args: &str) -> Transcript {
        let root = self.dir.path().to_str().unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_estate-keys"))
            .args(["--root-dir", root])
            .args(args.split_whitespace())
            .stdin(Stdio::null())
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(root, "ROOT");
        (text(out.stdout), text(out.stderr), out.status.code().unwrap())
    }

    /// Demands this transcript.
    #[track_caller]
    pub(crate) fn expect(&self, args: &str, stdout: &str, stderr: &str, code: i32) {
        assert_eq!(self.run(args), (stdout.to_owned(), stderr.to_owned(), code), "estate-keys {args}");
    }

    /// The standing of each key as one line.
    pub(crate) fn standings(&self) -> String {
        let Reading { roll, errors, .. } = self.store().roll().unwrap();
        assert!(errors.is_empty(), "{errors:?}");
        let items: Vec<_> = roll.iter().map(|(key, standing)| format!("{} {standing}", key.role)).collect();
        items.join(", ")
    }
}

/// The key of a role: the same whenever it is asked for.
pub(crate) fn key(role: &str) -> RoleKey {
    let seed = role.bytes().fold(0, |sum, byte| sum * 256 + u64::from(byte));
    OwnKeys::generate(&mut Random::from_number(seed)).public(Name::new(role).unwrap())
}

pub(crate) fn finger(role: &str) -> String {
    key(role).fingerprint().to_string()
}
