//! Every datagram that stops a raet 0.6.8 process (quirks §2), and thousands of joins, at running daemons: they stay up, serve
//! on, write nothing where it does not belong, flood no log and tell no secret in it.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use roadstead::keep::store::Store;
use roadstead::wire::v0::{FootKind, Head, Hello, PacketKind, TransactKind, coat};
use serde_json::{Value, json};

use crate::client::Client;
use crate::stage::{Stage, free_port};

/// What may be in a log after some ten thousand bad datagrams, bytes.
const LOG_MAX: usize = 64 << 10;

/// Datagrams that need no key: what ended a Python process, and its like.
fn keyless() -> Vec<Vec<u8>> {
    let path = format!("{}/tests/vectors/v0/negative.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let cases = vectors["negative"].as_array().unwrap().iter();
    let mut all: Vec<Vec<u8>> = cases.map(|case| hex::decode(case["packet"].as_str().unwrap()).unwrap()).collect();
    let head = |fields: &str, coat: &[u8]| {
        let len = "ri RAET\npl 0000\nhl 00\nfg 00\n".len() + fields.len() + 1;
        [format!("ri RAET\npl {:04x}\nhl {len:02x}\nfg 00\n{fields}\n", len + coat.len()).as_bytes(), coat].concat()
    };
    let body = |map: Value| head("pk 4\nse 2\nti 1\ntk 1\nbk 1\n", map.to_string().as_bytes());
    let keys = Client::new("ghost_minion", "ghost", 3).join_body(None);
    let (verify, public) = (hex::encode(keys.verify.as_bytes()), hex::encode(keys.public.as_bytes()));
    let join = |name: Value, role: Value, verify: &str, public: &str| {
        body(json!({"name": name, "mode": 0, "kind": 1, "verhex": verify, "pubhex": public, "role": role}))
    };
    all.extend([
        head("vn 1\npk 4\nse 2\nti 1\ntk 1\nbk 1\n", b"{}"),
        head("pk 4\nse 2\nsi 7\nti 1\ntk 4\nck 1\n", b""),
        head("pk 4\nde 2\nsi 7\nti 1\ntk 4\nck 1\n", b""),
        head("pk 4\nse 2\nde 2\nsi 1\nti 1\ntk 4\nck 1\n", &[7; 60]),
        head("pk 6\nse 2\nde 2\nsi 1\nti 1\ntk 3\nbk 2\n", &[b'0'; 200]),
        head("pk  4\n", b""),
        head("pk4\n", b""),
        head("bl 1\n", b""),
        head("cl 1\n", b""),
        head("pk zz\n", b""),
        head("pk 4\nse 2\nti 1\ntk 1\nbk 3\n", b"\x81\xa1a"),
        head("pk 4\nse 2\nti 1\ntk 1\nbk 3\n", b"\xdf\xff\xff\xff\xff"),
        head("pk 4\nse 2\nti 1\ntk 1\nbk 1\n", b"{\"name\":"),
        head("pk 4\nse 2\nti 1\ntk 1\nbk 1\n", &b"[".repeat(900)),
        join(json!("ghost_minion"), json!(7), &verify, &public),
        join(json!(7), json!("ghost"), &verify, &public),
        join(json!("ghost_minion"), json!({"a": []}), &verify, &public),
        join(json!("gho st_minion"), json!("gho st"), &verify, &public),
        join(json!("../ghost_minion"), json!("../ghost"), &verify, &public),
        join(json!("ghost_minion"), json!("../accepted/ghost"), &verify, &public),
        join(json!("../accepted/ghost_minion"), json!("../accepted/ghost"), &verify, &public),
        join(json!("/tmp/ghost_minion"), json!("/tmp/ghost"), &verify, &public),
        join(json!("ghost_minion"), json!("ghost"), &verify[1..], &public),
        join(json!("ghost_minion"), json!("ghost"), &"zz".repeat(32), &public),
        join(json!("ghost_minion"), json!("ghost"), &verify, &"00".repeat(32)),
        join(json!("ghost_minion\u{1b}[2J\n\n"), json!("ghost"), &verify, &public),
        b"{\"ri\":\"RAET\",".to_vec(),
        b"{\"ri\":\"RAET\",\"pl\":7}\r\n\r\n".to_vec(),
        b"{\"ri\":\"RAET\",\"pl\":null,\"hl\":null}\r\n\r\n".to_vec(),
        b"{\"ri\":\"RAET\",\"pl\":\"\xff\"}\r\n\r\n".to_vec(),
        vec![0; 65_000],
        Vec::new(),
    ]);
    all
}

struct Attacker {
    socket: UdpSocket,
    sent: usize,
}

impl Attacker {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        Self { socket, sent: 0 }
    }

    /// Not faster than a socket buffer takes them in.
    fn fire(&mut self, datagrams: &[Vec<u8>], port: u16) {
        for datagram in datagrams {
            self.socket.send_to(datagram, (Ipv4Addr::LOCALHOST, port)).unwrap();
            self.sent += 1;
            if self.sent.is_multiple_of(50) {
                sleep(Duration::from_millis(5));
            }
        }
    }

    /// Plays the client's part until it is so.
    fn play(&mut self, client: &mut Client, port: u16, stage: &Stage, what: &str, is_so: impl Fn(&Client) -> bool) {
        stage.until(what, || {
            let mut buffer = [0; 4096];
            while let Ok(len) = self.socket.recv(&mut buffer) {
                // What others under this socket were told is none of its.
                if roadstead::wire::v0::read(&buffer[..len])
                    .is_ok_and(|p| p.head.transact != TransactKind::Join || client.fuid == 0)
                {
                    let answers = client.handle(&buffer[..len]);
                    self.fire(&answers, port);
                }
            }
            is_so(client)
        });
    }
}

/// What is signed and sealed by an accepted minion, and would end the Python behind it.
fn keyed(client: &mut Client) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let pack = |value: Value| rmp_serde::to_vec_named(&value).unwrap();
    for body in [
        pack(json!([1])),
        pack(json!({})),
        pack(json!({"load": {"cmd": "_pillar"}})),
        pack(json!({"load": 7, "route": {"src": ["evil_minion", null, null], "dst": [null, null, "remote_cmd"]}})),
        pack(json!({"route": {"src": [], "dst": []}})),
        b"\x81\xa1a\xa1\xff".to_vec(),
        b"\x81\xa1a".to_vec(),
        b"\x80\x80".to_vec(),
        b"\x81\x90\x01".to_vec(),
        b"\x81\xa1a\xd4\xff\x00".to_vec(),
    ] {
        all.extend(client.say(&body));
    }
    let sealed = coat::seal(&pack(json!({"a": 1})), &client.shared(), [1; 24]).unwrap();
    for (sn, sc, ml) in [(3, 2, 900), (0, u32::MAX, u32::MAX), (65_534, 65_535, 40_000_000)] {
        client.ti += 1;
        let head = client.head(TransactKind::Message, PacketKind::Message, client.ti);
        all.push(client.packet(&Head { sn, sc, ml, segment: true, ..head }, &sealed));
    }
    let hello = Hello::write(&client.short, &client.peer.as_ref().unwrap().public, [1; 24]);
    for body in [&hello[..], &[b'0'; 200], &[0; 199], &[0; 328], &[0; 104]] {
        for packet in [PacketKind::Hello, PacketKind::Cookie, PacketKind::Initiate, PacketKind::Ack] {
            client.ti += 1;
            let head = client.head(TransactKind::Allow, packet, client.ti);
            all.push(client.packet(&Head { foot: FootKind::Nada, ..head }, body));
            if packet != PacketKind::Hello || body != hello {
                all.push(client.packet(&head, body));
            }
        }
    }
    let alive = client.head(TransactKind::Alive, PacketKind::Request, client.ti + 1);
    all.push(client.packet(&alive, &[7; 60]));
    all
}

fn files(dir: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), into),
            false => drop(into.insert(entry.path())),
        }
    }
}

/// A master, its minion and an accepted one that is evil, under fire.
fn under_fire(level: &str, rounds: usize) -> Stage {
    let mut stage = Stage::classic();
    let (port, minion_port) = (stage.port, free_port());
    stage.write("m", &format!("raet_port: {port}\ntimeout: 2\n"));
    stage.start_with("m", &["--log-level", level]);
    stage.write("web1", &format!("master: 127.0.0.1\nmaster_port: {port}\nraet_port: {minion_port}\n"));
    stage.start_with("web1", &["--log-level", level]);
    stage.until_pending("web1");
    stage.decide("web1", "pending", "accepted");
    stage.until_answers(&["web1"]);

    let mut attacker = Attacker::new();
    let mut evil = Client::new("evil_minion", "evil", 7);
    let request = evil.join();
    attacker.fire(&[request], port);
    stage.until_pending("evil");
    stage.decide("evil", "pending", "accepted");
    attacker.play(&mut evil, port, &stage, "evil is let in", Client::is_allowed);

    let mut before = BTreeSet::new();
    files(&stage.root("m"), &mut before);
    let mut stranger = Attacker::new();
    let salvo = keyless();
    for _ in 0..rounds {
        stranger.fire(&salvo, port);
        stranger.fire(&salvo, minion_port);
        let words = keyed(&mut evil);
        attacker.fire(&words, port);
        attacker.fire(&words, minion_port);
    }
    let ghosts: Vec<Vec<u8>> =
        (0..1000).map(|n| Client::new(&format!("ghost{n}_minion"), &format!("ghost{n}"), 1).join()).collect();
    stranger.fire(&ghosts, port);
    stage.until("the master answers", || stage.run(&["web1", "test.ping"]).code == Some(0));
    stage.until_answers(&["web1"]);
    assert!(stage.is_alive("m") && stage.is_alive("web1"));

    let mut after = BTreeSet::new();
    files(&stage.root("m"), &mut after);
    let pending = stage.pki("m").join("pending");
    let news = after.difference(&before);
    // What is written anyway, in files of a bounded size: keys that wait, the estate itself, and the journal of refusals.
    let is_kept = |path: &&PathBuf| {
        path.parent() == Some(&pending) || path.ends_with("local/estate.json") || path.ends_with("journal.json")
    };
    let strays: Vec<_> = news.filter(|path| !is_kept(path)).collect();
    assert!(strays.is_empty(), "{strays:?}");
    assert!(!Path::new("/tmp/ghost").exists());
    let accepted = fs::read_dir(stage.pki("m").join("accepted")).unwrap().count();
    assert_eq!(accepted, 2, "nobody has let himself in");
    eprintln!(
        "{} datagrams, logs of {} and {} bytes",
        stranger.sent + attacker.sent,
        stage.log("m").len(),
        stage.log("web1").len()
    );
    stage
}

#[test]
fn daemons_stay_up_and_log_little() {
    let stage = under_fire("info", 20);
    for name in ["m", "web1"] {
        let log = stage.log(name);
        assert!(!log.contains("panicked"), "{name}: {log}");
        // A line for each ghost that waits is what an operator needs; they are bounded, and said once. Publishing is us.
        let rest: String = log.lines().filter(|line| !line.contains("ghost") && !line.contains("publish")).collect();
        assert!(rest.len() < LOG_MAX, "{name} logged {} bytes: {}", rest.len(), &rest[..4000]);
        assert!(log.lines().filter(|line| line.contains("ghost")).count() <= 2 * 1001, "{name}");
        assert!(!log.contains('\u{1b}'), "{name}: no escapes of a stranger's");
    }
}

#[test]
fn no_log_has_a_secret() {
    let stage = under_fire("trace", 2);
    for name in ["m", "web1"] {
        let keys = Store::open(&stage.pki(name), None).unwrap().own_keys().unwrap().unwrap();
        let log = stage.log(name).to_lowercase();
        assert!(log.len() > 1000, "{name}: it logs at all");
        for secret in [keys.sign.seed().to_vec(), keys.secret.bytes().to_vec()] {
            let text = hex::encode(&secret);
            assert!(!log.contains(&text[..32]) && !log.contains(&format!("{:?}", &secret[..8])[1..20]), "{name}");
        }
    }
}
