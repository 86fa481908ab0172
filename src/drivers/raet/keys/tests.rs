//! Key files that change, break and cannot be written, and what the road is told of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::base::Random;
use crate::keep::{OwnKeys, RoleKey, format};
use crate::road::{Config, Memory, Output};
use crate::transport::{Command, Event};

/// A master's road beside its key files, with the time.
struct Desk {
    dir: TempDir,
    keys: KeyFiles,
    road: Road,
    now: Time,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn key(seed: u64, role: &str) -> RoleKey {
    OwnKeys::generate(&mut Random::from_number(seed)).public(name(role))
}

fn put(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

impl Desk {
    fn new(before: impl FnOnce(&Store)) -> Self {
        let dir = TempDir::new().unwrap();
        let store = Arc::new(Store::open(dir.path(), None).unwrap());
        before(&store);
        let (keys, roll) = KeyFiles::open(store, Time::ZERO).unwrap();
        let config = Config { main: true, ..Config::new(name("m_master"), name("m")) };
        let own = OwnKeys::generate(&mut Random::from_number(99));
        let road = Road::new(config, own, Memory { roll, ..Memory::default() }, [7; 32], Time::ZERO);
        let mut desk = Self { dir, keys, road, now: Time::ZERO };
        // Past the looks of a start.
        (0..4).for_each(|_| _ = desk.poll());
        desk
    }

    /// The next look; the standings it told of.
    fn poll(&mut self) -> Vec<String> {
        self.now += KEYS_EVERY;
        let mut said = self.drain();
        self.keys.poll(self.now, &mut self.road);
        said.extend(self.drain());
        said
    }

    fn drain(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(output) = self.road.poll_output() {
            match output {
                Output::Event(Event::Standing { role, acceptance, .. }) => said.push(format!("{role} {acceptance:?}")),
                Output::Keep(change) => self.keys.write(change),
                Output::Event(_) | Output::Note(_) => {}
            }
        }
        said
    }

    fn path(&self, standing: &str, role: &str) -> std::path::PathBuf {
        self.dir.path().join(standing).join(role)
    }
}

fn accepted(store: &Store) {
    store.apply(&Change::Role(key(1, "web1"), Acceptance::Accepted)).unwrap();
}

#[test]
fn a_change_right_behind_another_is_seen_at_once() {
    let mut desk = Desk::new(accepted);
    fs::rename(desk.path("accepted", "web1"), desk.path("rejected", "web1")).unwrap();
    assert_eq!(desk.poll(), ["web1 Some(Rejected)"]);
    for (seed, polls) in [(2, 1), (3, 2)] {
        // No glance can see a file that is written in its place.
        put(&desk.path("rejected", "web1"), &format::write_role(&key(seed, "web1")));
        let said: Vec<_> = (0..polls).flat_map(|_| desk.poll()).collect();
        assert_eq!(said, ["web1 Some(Rejected)"], "key {seed}");
        assert_eq!(desk.road.roll().find(&name("web1")).unwrap().0, &key(seed, "web1"));
    }
}

#[test]
fn what_cannot_be_read_keeps_its_standing() {
    let mut desk = Desk::new(accepted);
    let path = desk.path("accepted", "web1");
    let good = fs::read(&path).unwrap();
    put(&path, b"torn");
    // Anything that makes it look.
    put(&desk.path("pending", "web2"), &format::write_role(&key(2, "web2")));
    assert_eq!(desk.poll(), ["web2 Some(Pending)"]);
    assert!(desk.keys.is_blocked(&name("web1")));
    let twelve_seconds = 48;
    assert_eq!((0..twelve_seconds).flat_map(|_| desk.poll()).count(), 0, "and stays so");
    assert_eq!(desk.road.roll().find(&name("web1")), Some((&key(1, "web1"), Acceptance::Accepted)));
    put(&path, &good);
    let one_second = 4;
    assert_eq!((0..one_second).flat_map(|_| desk.poll()).count(), 0);
    assert!(!desk.keys.is_blocked(&name("web1")), "looked at again soon");
    fs::remove_file(&path).unwrap();
    assert_eq!(desk.poll(), ["web1 None"], "gone for good");
}

#[test]
fn a_broken_file_is_told_of_once() {
    let mut desk = Desk::new(accepted);
    put(&desk.path("accepted", "web1"), b"torn");
    let errors = || desk.keys.store.roll().unwrap().errors;
    let (first, second) = (errors(), errors());
    assert_eq!((desk.keys.say(&first), desk.keys.say(&second)), (1, 0));
    assert_eq!((desk.keys.say(&[]), desk.keys.say(&first)), (0, 1), "broken anew");
}

#[test]
fn what_cannot_be_written_holds_and_is_written_later() {
    let mut desk = Desk::new(|store| {
        store.apply(&Change::Role(key(1, "web1"), Acceptance::Pending)).unwrap();
    });
    // A directory in the way of the new file: nobody can write there, not even root.
    let (target, inside) = (desk.path("accepted", "web1"), desk.path("accepted", "web1").join("x"));
    fs::create_dir(&target).unwrap();
    fs::write(&inside, "").unwrap();
    let fingerprint = key(1, "web1").fingerprint();
    let accept = Command::Admit { role: name("web1"), fingerprint, acceptance: Some(Acceptance::Accepted) };
    desk.road.handle_command(desk.now, accept).unwrap();
    assert_eq!(desk.poll(), ["web1 Some(Accepted)"]);
    put(&desk.path("pending", "web2"), &format::write_role(&key(2, "web2")));
    assert_eq!(desk.poll(), ["web2 Some(Pending)"], "what waits on the disk is not the last word on web1");
    fs::remove_dir_all(&target).unwrap();
    assert_eq!((0..8).flat_map(|_| desk.poll()).count(), 0);
    assert!(target.is_file() && !desk.path("pending", "web1").exists());
    fs::rename(target, desk.path("rejected", "web1")).unwrap();
    assert_eq!(desk.poll(), ["web1 Some(Rejected)"]);
}

#[test]
fn who_decides_on_the_disk_meanwhile_wins() {
    let mut disk = Roll::default();
    let newcomer = Change::Role(key(1, "web1"), Acceptance::Pending);
    assert!(!is_decided(&newcomer, &disk));
    disk.set(key(1, "web1"), Acceptance::Pending);
    assert!(!is_decided(&newcomer, &disk));
    disk.set(key(2, "web1"), Acceptance::Pending);
    assert!(is_decided(&newcomer, &disk));
    for standing in [Acceptance::Accepted, Acceptance::Rejected] {
        disk.set(key(1, "web1"), standing);
        assert!(is_decided(&newcomer, &disk));
        assert_eq!(is_decided(&Change::DropRole(name("web1")), &disk), standing == Acceptance::Rejected);
    }
}
