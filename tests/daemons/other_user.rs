//! `user`: started by root, a daemon gives its rights away before it opens anything.

use crate::stage::Stage;
use nix::unistd::{Uid, User, chown};

#[test]
fn rights_are_dropped() {
    if !Uid::effective().is_root() {
        return eprintln!("SKIPPED: only root can start a daemon as another user");
    }
    let Some(user) = User::from_name("nobody").unwrap() else {
        return eprintln!("SKIPPED: there is no user 'nobody' here");
    };
    let mut stage = Stage::new();
    for name in ["m", "web1"] {
        std::fs::create_dir(stage.root(name)).unwrap();
    }
    std::fs::create_dir_all(stage.root("m").join("etc/roadstead")).unwrap();
    std::fs::create_dir_all(stage.root("web1").join("etc/roadstead")).unwrap();
    for path in ["m/..", "m", "m/etc", "m/etc/roadstead", "web1", "web1/etc", "web1/etc/roadstead"] {
        chown(&stage.root(path), Some(user.uid), Some(user.gid)).unwrap();
    }
    stage.master("auto_accept: True\nuser: nobody\n");
    stage.minion("web1", "user: nobody\n");
    stage.until_answers(&["web1"]);
    for name in ["m", "web1"] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", stage.pid(name))).unwrap();
        for (field, id) in [("Uid:", user.uid.as_raw()), ("Gid:", user.gid.as_raw())] {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            assert!(line.split_whitespace().all(|one| one == id.to_string()), "{name} {field} {line}");
        }
    }
    let told = stage.run(&["web1", "cmd.run", "id -u"]);
    assert!(told.out.contains(&user.uid.to_string()), "{told:?}");
}
