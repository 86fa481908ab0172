//! A RAET 0.6.8 stack as one end: `seat.py` in a child process, which has turns in the rhythm of Salt's loops.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use roadstead::base::{Acceptance, Time};
use serde_json::{Value, json};

use crate::end::{Datagram, End, Said, Told, View};
use crate::ours::NAMES;
use crate::python::{Python, digest, text};
use crate::script::{Memory, Script, Side};

/// A process of `seat.py`, for one run after the other.
pub(crate) struct Seat {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    home: tempfile::TempDir,
}

impl Seat {
    pub(crate) fn new(python: &Python) -> Self {
        let mut command = python.script("tests/differential/seat.py");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Small files, written at every step of a handshake.
        let fast = PathBuf::from("/dev/shm");
        let home = if fast.is_dir() { tempfile::tempdir_in(fast) } else { tempfile::tempdir() };
        Self { child, stdin, stdout, home: home.unwrap() }
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.stdin, "{command}").and_then(|()| self.stdin.flush()).unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("seat.py said {line:?}: {e}"))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Their end.
pub(crate) struct Theirs<'a> {
    seat: &'a mut Seat,
    peer: &'static str,
    /// Microseconds between two turns of the loop (Salt over RAET §1).
    period: u64,
    is_up: bool,
    /// What waits for the next turn.
    orders: Vec<Value>,
    /// When its own timers want a turn.
    next: Option<Time>,
}

impl<'a> Theirs<'a> {
    pub(crate) fn new(
        seat: &'a mut Seat,
        script: &Script,
        side: Side,
        own: SocketAddr,
        dial: Option<SocketAddr>,
    ) -> Self {
        let (name, role) = NAMES[side as usize];
        let address = |address: SocketAddr| json!([address.ip().to_string(), address.port()]);
        let is_main = side == Side::Main;
        let dir = seat.home.path().join("keep");
        let new = json!({
            "name": name, "role": role, "kind": u8::from(!is_main), "main": is_main, "auto": !is_main || script.is_auto,
            "mutable": script.is_mutable, "ha": address(own), "dial": dial.map(address),
            "dir": dir.display().to_string(), "seed": script.seed,
        });
        seat.ask(&json!({ "new": new }));
        let peer = NAMES[side.other() as usize].1;
        let period = if is_main { 10_000 } else { 100_000 };
        Self { seat, peer, period, is_up: false, orders: Vec::new(), next: None }
    }

    fn order(&mut self, order: Value) {
        self.orders.push(order);
    }

    fn ask(&mut self, now: Time, mail: &[Datagram]) -> Value {
        let rx: Vec<Value> =
            mail.iter().map(|(from, bytes)| json!([from.ip().to_string(), from.port(), hex::encode(bytes)])).collect();
        let orders = std::mem::take(&mut self.orders);
        let answer = self.seat.ask(&json!({"at": now.0 as f64 / 1e6, "rx": rx, "do": orders}));
        // Rounded up, that the timer has run out by then.
        self.next = answer["next"].as_f64().map(|next| Time((next * 1e6).ceil() as u64 + 1));
        answer
    }
}

impl End for Theirs<'_> {
    fn start(&mut self, _: Time, memory: Memory) {
        let memory = match memory {
            Memory::Keep => "keep",
            Memory::Lose => "lose",
            Memory::Fresh => "fresh",
        };
        self.order(json!(["start", memory]));
        self.is_up = true;
    }

    fn stop(&mut self) {
        self.order(json!(["stop"]));
        self.is_up = false;
    }

    fn is_up(&self) -> bool {
        self.is_up
    }

    fn send(&mut self, _: Time, n: u64, size: usize) {
        self.order(json!(["send", n, size]));
    }

    fn decide(&mut self, _: Time, acceptance: Option<Acceptance>) {
        self.order(json!(["decide", self.peer, acceptance]));
    }

    fn nudge(&mut self, _: Time, what: &'static str) {
        self.order(json!(["nudge", what]));
    }

    fn due(&self, now: Time, has_mail: bool) -> Option<Time> {
        let due = if has_mail || !self.orders.is_empty() { Some(now) } else { self.next };
        due.map(|due| Time(due.0.max(now.0).next_multiple_of(self.period)))
    }

    fn turn(&mut self, now: Time, mail: Vec<Datagram>) -> (Vec<Datagram>, Vec<Said>) {
        let answer = self.ask(now, &mail);
        let sent = answer["tx"].as_array().unwrap().iter().map(|datagram| {
            let host = datagram[0].as_str().unwrap().parse().unwrap();
            let port = u16::try_from(datagram[1].as_u64().unwrap()).unwrap();
            (SocketAddr::new(host, port), hex::decode(datagram[2].as_str().unwrap()).unwrap())
        });
        let said: Vec<Said> = answer["said"].as_array().unwrap().iter().map(said).collect();
        self.is_up &= !said.iter().any(|said| matches!(said, Said::Ended | Said::Crashed(_)));
        (sent.collect(), said)
    }

    fn look(&mut self) -> View {
        let view = self.seat.ask(&json!({"look": true}));
        let key = &view["keys"][self.peer];
        let acceptance = key[0].as_str().map(|name| serde_json::from_value(json!(name)).unwrap());
        let is = |flag: &str| view[flag] == true;
        View {
            is_up: self.is_up,
            is_present: self.is_up && is("joined") && is("allowed") && is("alived"),
            key: acceptance.map(|acceptance| (acceptance, key[1].as_str().unwrap_or_default().to_owned())),
            own: view["own"].as_str().unwrap().to_owned(),
            detail: format!("{view}"),
        }
    }
}

fn said(said: &Value) -> Said {
    let n = || said[1].as_u64().unwrap();
    match said[0].as_str().unwrap() {
        "got" => {
            let size = usize::try_from(said[2].as_u64().unwrap()).unwrap();
            Said::Got { n: n(), is_whole: said[3] == digest(&text(&n().to_string(), size)) }
        }
        "told" => {
            let what = match said[2].as_str().unwrap() {
                "done" => Told::Done,
                "refused" => Told::Refused,
                "absent" => Told::Absent,
                "kept" => Told::Kept,
                "lost" => Told::Lost,
                other => panic!("told {other}"),
            };
            Said::Told { n: n(), what }
        }
        "ended" => Said::Ended,
        "crash" => Said::Crashed(said[1].as_str().unwrap().to_owned()),
        other => panic!("seat.py said {other}"),
    }
}
