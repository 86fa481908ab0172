//! `--trace DIR` leaves a file of each session, whole once the daemon has ended; a directory that cannot be made is said at
//! the start.

use std::fs;

use crate::stage::Stage;
use nix::sys::signal::Signal;

#[test]
fn a_file_of_each_session() {
    let mut stage = Stage::new();
    let dir = stage.root("traces");
    stage.write("m", &format!("raet_port: {}\nauto_accept: True\n", stage.port));
    stage.start_with("m", &["--trace", dir.to_str().unwrap()]);
    for id in ["web1", "web2"] {
        stage.minion(id, "");
    }
    stage.until_answers(&["web1", "web2"]);
    stage.stop("m", Signal::SIGTERM);
    let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = files.map(|file| (file.file_name().into_string().unwrap(), file.path())).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    for ((name, path), id) in names.iter().zip(["web1", "web2"]) {
        assert!(name.starts_with(&format!("{id}_minion-")) && name.ends_with(".sqlog"), "{name}");
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains("transport:packet_sent") && text.contains("recovery:metrics_updated"), "{text}");
        let last = text.trim_end().rsplit('\u{1e}').next().unwrap();
        assert!(last.contains("connectivity:connection_closed"), "{last}");
    }
}

#[test]
fn no_directory_no_daemon() {
    let stage = Stage::new();
    stage.write("m", &format!("raet_port: {}\n", stage.port));
    let told = stage.daemon("m", &["--trace", "/proc/nowhere"]);
    assert_eq!(told.code, Some(2));
    assert!(told.errors.contains("/proc/nowhere") && told.errors.contains("another directory"), "{told:?}");
}
