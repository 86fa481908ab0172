//! The lane's sockets on a real directory.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::*;
use crate::base::Random;
use crate::clock::Clock;
use crate::lane::{Lane, file_name};
use crate::message::{Address, Message, Route};
use serde_json::{Value, json};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn message(value: &Value) -> Message {
    Message::new(
        Route { dst: Address { yard: Some(name(MANOR)), ..Address::default() }, ..Route::default() },
        "load",
        value,
    )
    .unwrap()
}

fn random(seed: u64) -> Random {
    Random::from_number(seed)
}

fn port(dir: &Path) -> Result<LanePort, LaneError> {
    LanePort::bind(dir, &name("master"), &name(MANOR), random(1))
}

fn client(dir: &Path, seed: u64) -> Result<LaneClient, LaneError> {
    LaneClient::open(dir, &name("master"), random(seed))
}

/// A daemon on a thread that answers each `n` with `n` messages of `size` letters.
fn daemon(dir: &Path, requests: usize) -> std::thread::JoinHandle<()> {
    let (told, ready) = std::sync::mpsc::channel();
    let dir = dir.to_owned();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clock = Clock::start();
            let mut port = port(&dir).unwrap();
            told.send(()).unwrap();
            for _ in 0..requests {
                let (yard, _, request) = port.next(&clock).await;
                let (count, size, _): (u32, usize, String) = request.read().unwrap();
                for i in 0..count {
                    port.send(&yard, &message(&json!([i, "x".repeat(size)]))).unwrap();
                }
            }
            // Until all is sent and the client says so.
            port.next(&clock).await;
        });
    });
    ready.recv().unwrap();
    thread
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn large_and_many_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = daemon(dir.path(), 1002);
    let mut client = client(dir.path(), 2).unwrap();
    let long = Duration::from_secs(20);

    client.send(&message(&json!([1, 5_000_000, "y".repeat(5_000_000)]))).unwrap();
    let (_, text): (u32, String) = client.receive(long).unwrap().unwrap().read().unwrap();
    assert_eq!(text.len(), 5_000_000);

    client.send(&message(&json!([1000, 10, ""]))).unwrap();
    for i in 0..1000 {
        let (n, _): (u32, String) = client.receive(long).unwrap().unwrap().read().unwrap();
        assert_eq!(n, i);
    }
    for _ in 0..1000 {
        client.send(&message(&json!([1, 3, ""]))).unwrap();
    }
    for _ in 0..1000 {
        assert!(client.receive(long).unwrap().is_some());
    }
    assert!(client.receive(Duration::from_millis(1)).unwrap().is_none());
    client.send(&message(&json!("bye"))).unwrap();
    daemon.join().unwrap();
}

/// Both write large messages at once: neither may wait for the other to read first.
#[test]
fn no_deadlock() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = daemon(dir.path(), 4);
    let mut client = client(dir.path(), 2).unwrap();
    for _ in 0..4 {
        client.send(&message(&json!([1, 1_000_000, "y".repeat(1_000_000)]))).unwrap();
    }
    for _ in 0..4 {
        assert!(client.receive(Duration::from_secs(20)).unwrap().is_some());
    }
    client.send(&message(&json!("bye"))).unwrap();
    daemon.join().unwrap();
}

#[test]
fn a_reader_that_stopped_does_not_silence_the_others() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let clock = Clock::start();
        let mut port = port(dir.path()).unwrap();
        let stopped = client(dir.path(), 2).unwrap();
        let mut awake = client(dir.path(), 3).unwrap();
        for _ in 0..200 {
            port.send(stopped.yard(), &message(&json!("x".repeat(50_000)))).unwrap();
        }
        port.send(awake.yard(), &message(&json!(1))).unwrap();
        let length = Duration::from_millis(50);
        assert!(tokio::time::timeout(length, port.next(&clock)).await.is_err());
        assert_eq!(awake.receive(Duration::ZERO).unwrap().unwrap().read::<Value>(), Ok(json!(1)));

        // What one yard leaves unread is bounded, whatever the kernel takes of it.
        let refused = (0..8000).find_map(|_| port.send(stopped.yard(), &message(&json!("x".repeat(50_000)))).err());
        assert!(matches!(refused, Some(LaneError::Full { .. })));
        // It ends, and what waited is dropped.
        let yard = stopped.yard().clone();
        drop(stopped);
        assert!(tokio::time::timeout(length * 4, port.next(&clock)).await.is_err());
        assert!(matches!(port.send(&yard, &message(&json!(1))), Err(LaneError::Gone { .. })));
    });
}

#[test]
fn one_daemon_per_lane_and_a_clean_directory() {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path().join("a/sock");
    let _guard = runtime();
    let _guard = _guard.enter();
    let dead = |yard: &str| {
        drop(UnixDatagram::bind(dir.join(file_name(&name("master"), &name(yard)))).unwrap());
    };
    let first = port(&dir).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&dir), 0o750);
    assert_eq!(mode(&dir.join("master.manor.uxd")), 0o660);
    let error = port(&dir).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "another master runs on this root (pid {}); stop it first, or give this one its own --root-dir",
            std::process::id()
        )
    );
    // Another lane in the same directory is another daemon.
    let minion = LanePort::bind(&dir, &name("web1_minion"), &name(MANOR), random(3)).unwrap();
    let live = client(&dir, 4).unwrap();
    drop(first);
    assert!(!dir.join("master.manor.uxd").exists());

    dead("manor");
    dead("client1");
    let again = port(&dir).unwrap();
    assert!(!dir.join("master.client1.uxd").exists());
    let own = dir.join(file_name(&name("master"), live.yard()));
    assert!(own.exists(), "a live yard's socket stays");
    drop(live);
    assert!(!own.exists());
    drop((again, minion));

    // A daemon that knows no lock (raet) is seen by its socket.
    let _raet = UnixDatagram::bind(dir.join("master.manor.uxd")).unwrap();
    assert!(matches!(port(&dir), Err(LaneError::Busy { daemon: "master", pid: None })));

    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o777)).unwrap();
    assert!(matches!(port(&dir), Err(LaneError::OpenToAll { .. })));
}

#[test]
fn sentences() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.manor.uxd");
    let nobody = format!("no master answers on {}; start it with `roadstead master -c FILE`", path.display());
    assert_eq!(client(dir.path(), 1).unwrap_err().to_string(), nobody);
    drop(UnixDatagram::bind(&path).unwrap());
    assert_eq!(client(dir.path(), 1).unwrap_err().to_string(), nobody);
    assert_eq!(client(&dir.path().join("no"), 1).unwrap_err().to_string(), nobody.replace("/master.", "/no/master."));

    let long = dir.path().join("x".repeat(80));
    let error = port(&long).unwrap_err();
    assert!(error.to_string().starts_with(&format!("the socket path {}", long.display())), "{error}");
    assert!(error.to_string().ends_with("bytes and the system allows 107; set a shorter sock_dir"), "{error}");
}

#[test]
fn the_daemon_ends_while_we_talk() {
    let dir = tempfile::tempdir().unwrap();
    let _runtime = runtime();
    let _guard = _runtime.enter();
    let first = port(dir.path()).unwrap();
    let mut client = client(dir.path(), 2).unwrap();
    client.send(&message(&json!(1))).unwrap();
    drop(first);
    assert!(client.send(&message(&json!(1))).unwrap_err().is_no_daemon());
    let _second = port(dir.path()).unwrap();
    let error = client.send(&message(&json!(1))).unwrap_err();
    assert_eq!(error.to_string(), "the master was started anew meanwhile; ask again");
}

#[test]
fn a_page_under_another_name_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let clock = Clock::start();
        let mut port = port(dir.path()).unwrap();
        let path = dir.path().join("master.manor.uxd");
        let mut liar = Lane::new(name("master"), name("client1"), random(5));
        let mut pages = |text: &str| liar.send(&name(MANOR), &message(&json!(text))).unwrap();
        let unnamed = UnixDatagram::unbound().unwrap();
        let foreign = UnixDatagram::bind(dir.path().join("master.client2.uxd")).unwrap();
        let own = UnixDatagram::bind(dir.path().join("master.client1.uxd")).unwrap();
        for (socket, text) in [(&unnamed, "unnamed"), (&foreign, "foreign"), (&own, "own")] {
            for page in pages(text) {
                socket.send_to(&page, &path).unwrap();
            }
        }
        // Garbage and an oversized datagram stop nothing.
        own.send_to(b"hello", &path).unwrap();
        own.send_to(&vec![b'x'; 70_000], &path).unwrap();
        for page in pages("last") {
            own.send_to(&page, &path).unwrap();
        }
        let (yard, uid, first) = port.next(&clock).await;
        assert_eq!((yard.as_str(), first.read::<Value>()), ("client1", Ok(json!("own"))));
        assert_eq!(uid, nix::unistd::getuid().as_raw());
        assert_eq!(port.next(&clock).await.2.read::<Value>(), Ok(json!("last")));
    });
}

#[test]
fn a_socket_of_a_stranger_is_no_daemon() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: only root can make somebody else's socket");
    }
    let (dir, stranger) = (tempfile::tempdir().unwrap(), 4_000_000);
    let path = dir.path().join(file_name(&name("master"), &name(MANOR)));
    let _socket = UnixDatagram::bind(&path).unwrap();
    std::os::unix::fs::lchown(&path, Some(stranger), None).unwrap();
    let error = client(dir.path(), 1).unwrap_err();
    assert!(matches!(error, LaneError::Impostor { user: 4_000_000, .. }), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    // The directory's owner is who the daemon runs as.
    std::os::unix::fs::chown(dir.path(), Some(stranger), None).unwrap();
    let client = client(dir.path(), 1).unwrap();
    let yard = dir.path().join(file_name(&name("master"), client.yard()));
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(yard).unwrap()), stranger);
}
