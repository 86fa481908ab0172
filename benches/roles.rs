//! A real master and minion, each a process: the round trip of `test.ping` as a whole command and from inside one
//! process, and what both daemons hold in memory while idle.
//!
//! Why: operators judge by these. Salt's figures stand in the README of the project; the peer in the same run is
//! `/bin/true`, the floor of any command line.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use roadstead::base::{Name, Random};
use roadstead::drive::entropy;
use roadstead::drive::lane::LaneClient;
use roadstead::duty::request::{Publish, Reply, Request, Target};
use roadstead::message::{Address, Message, Route};

const ROADSTEAD: &str = env!("CARGO_BIN_EXE_roadstead");
const RUNS: usize = 200;

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, web) = (dir.path().join("hub"), dir.path().join("web"));
    let (port, other) = (free_port(), free_port());
    let master =
        daemon(&hub, "master", &format!("id: hub\ninterface: 127.0.0.1\nraet_port: {port}\nauto_accept: true\n"));
    let minion = daemon(
        &web,
        "minion",
        &format!("id: web1\nmaster: 127.0.0.1\nmaster_port: {port}\ninterface: 127.0.0.1\nraet_port: {other}\n"),
    );
    let start = Instant::now();
    while !command(&hub).stderr(Stdio::null()).status().unwrap().success() {
        assert!(start.elapsed() < Duration::from_secs(30), "no answer from the minion");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(2));
    println!("idle memory: master {:.1} MB, minion {:.1} MB (resident)", resident(&master), resident(&minion));

    let whole = sorted((0..RUNS / 4).map(|_| timed(|| assert!(command(&hub).status().unwrap().success()))));
    let floor = sorted((0..RUNS / 4).map(|_| timed(|| assert!(Command::new("true").status().unwrap().success()))));
    let sockets = hub.join("var/run/roadstead/master");
    let seed = Random::new(entropy::seed().unwrap());
    let mut lane = LaneClient::open(&sockets, &Name::new("master").unwrap(), seed).unwrap();
    let inside = sorted((0..RUNS).map(|_| timed(|| ping(&mut lane))));
    println!("{:<48} {:>9} {:>9} {:>9}", "test.ping of one minion, ms", "p50", "p99", "best");
    for (name, times) in [
        ("whole command: start, lane, road, answer, end", &whole),
        ("the same, from inside one process", &inside),
        ("/bin/true, for comparison", &floor),
    ] {
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize] * 1e3;
        println!("{name:<48} {:>9.2} {:>9.2} {:>9.2}", at(0.5), at(0.99), at(0.0));
    }
    println!(
        "after {} jobs: master {:.1} MB, minion {:.1} MB",
        RUNS + RUNS / 4 + 1,
        resident(&master),
        resident(&minion)
    );
}

fn daemon(root: &Path, duty: &str, settings: &str) -> Daemon {
    let file = root.join("etc/roadstead").join(duty);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, settings).unwrap();
    let child = Command::new(ROADSTEAD).args([duty, "--root-dir"]).arg(root).stderr(Stdio::null()).spawn().unwrap();
    Daemon(child)
}

fn command(hub: &Path) -> Command {
    let mut command = Command::new(ROADSTEAD);
    command.args(["run", "--root-dir"]).arg(hub).args(["*", "test.ping"]).stdout(Stdio::null());
    command
}

/// One job through the lane and the road, and its answer.
fn ping(lane: &mut LaneClient) {
    let publish = Publish {
        fun: "test.ping".to_owned(),
        arg: Vec::new(),
        kwargs: serde_json::Map::new(),
        target: Target::Glob("*".to_owned()),
        delimiter: String::new(),
        timeout: 5.0,
        user: "bench".to_owned(),
    };
    let name = |text| Name::new(text).ok();
    let src = Address { yard: Some(lane.yard().clone()), ..Address::default() };
    let dst = Address { yard: name("manor"), share: name("local_cmd"), ..Address::default() };
    lane.send(&Message::new(Route { src, dst }, "load", &Request::Publish(publish)).unwrap()).unwrap();
    let mut answered = false;
    loop {
        let reply = lane.receive(Duration::from_secs(10)).unwrap().unwrap();
        match reply.read::<Reply>().unwrap() {
            Reply::Returned(answer) => answered = answer.success,
            Reply::Ended { .. } => return assert!(answered),
            _ => {}
        }
    }
}

fn timed(what: impl FnOnce()) -> f64 {
    let start = Instant::now();
    what();
    start.elapsed().as_secs_f64()
}

fn sorted(times: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Resident memory of a daemon, MB.
fn resident(daemon: &Daemon) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
