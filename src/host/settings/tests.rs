//! Every setting, every default, and every sentence an operator can meet.

use std::collections::BTreeMap;

use serde_json::json;
use tempfile::TempDir;

use super::*;

fn parse(duty: DutyKind, text: &str) -> Result<(Settings, Vec<String>), String> {
    Settings::parse(duty, text, Path::new("/c/file"), None).map_err(|error| error.to_string())
}

fn master(text: &str) -> Settings {
    let (settings, warnings) = parse(DutyKind::Master, text).unwrap();
    assert_eq!(warnings, [""; 0]);
    settings
}

fn refusal(duty: DutyKind, text: &str) -> String {
    parse(duty, text).unwrap_err()
}

#[test]
fn a_master_needs_no_settings() {
    for text in ["", "\n", "# nothing\n", "---\n# nothing\n", "id:\n", "{}"] {
        let (settings, _) = parse(DutyKind::Master, text).unwrap();
        assert!(settings.id.as_str().ends_with("_master"), "{text:?}");
        assert_eq!((settings.raet_port, settings.master_port, settings.interface.is_unspecified()), (4506, 4506, true));
        assert_eq!(settings.pki_dir, Path::new("/etc/roadstead/pki/master"));
        assert_eq!(settings.cachedir, Path::new("/var/cache/roadstead/master"));
        assert_eq!(settings.sock_dir, Path::new("/var/run/roadstead/master"));
        assert_eq!((settings.auto_accept, settings.open_mode, settings.raet_mutable), (false, false, false));
        assert_eq!((settings.timeout, settings.log_level), (Duration::from_secs(5), LevelFilter::WARN));
        assert_eq!((settings.wires, settings.congestion), (Wires::FAST, Algorithm::Bbr));
        assert_eq!(settings.ciphers, Suite::preferred());
        assert_eq!((settings.user, settings.autosign_file, settings.autoreject_file), (None, None, None));
    }
}

#[test]
fn a_minion_needs_its_master() {
    let (settings, warnings) = parse(DutyKind::Minion, "master: salt.example.org\nid: web1\n").unwrap();
    assert_eq!(
        (settings.master.as_deref(), settings.raet_port, settings.master_port),
        (Some("salt.example.org"), 4510, 4506)
    );
    assert_eq!((settings.auto_accept, settings.master_finger, warnings.len()), (true, None, 0));
    assert_eq!(settings.pki_dir, Path::new("/etc/roadstead/pki/minion"));
    let wanted = "a minion must know its master: add `master: HOST` to /c/file";
    assert_eq!(refusal(DutyKind::Minion, "id: web1"), wanted);
    assert_eq!(refusal(DutyKind::Minion, "id: web1\nmaster:\n"), wanted);
}

#[test]
fn every_setting_of_a_master() {
    let settings = master(
        "transport: raet\ninterface: 127.0.0.1\nraet_port: 0\nid: m\nroot_dir: /r\npki_dir: keys\ncachedir: /cache\n\
         sock_dir: run\nlog_level: Debug\nuser: salt\nauto_accept: True\nopen_mode: yes\nautosign_file: sign\n\
         autoreject_file: /reject\ntimeout: 2.5\nraet_mutable: on\n",
    );
    assert_eq!((settings.interface, settings.raet_port, settings.id.as_str()), (Ipv4Addr::LOCALHOST.into(), 0, "m"));
    assert_eq!((&*settings.root_dir, &*settings.pki_dir), (Path::new("/r"), Path::new("/r/keys")));
    assert_eq!((&*settings.cachedir, &*settings.sock_dir), (Path::new("/cache"), Path::new("/r/run")));
    assert_eq!((settings.log_level, settings.user.as_deref()), (LevelFilter::DEBUG, Some("salt")));
    assert_eq!((settings.auto_accept, settings.open_mode, settings.raet_mutable), (true, true, true));
    assert_eq!(settings.autosign_file.as_deref(), Some(Path::new("/r/sign")));
    assert_eq!(settings.autoreject_file.as_deref(), Some(Path::new("/reject")));
    assert_eq!(settings.timeout, Duration::from_millis(2500));
    assert_eq!(settings.estate_name().as_str(), "m_master");
    assert_eq!(settings.estate_dir(), Path::new("/cache/raet/m_master"));
}

#[test]
fn roots_and_groups_of_a_master() {
    let text = "root_dir: /r\npillar_roots:\n  base: [pillar, /abs]\n  dev: []\nnodegroups:\n  web: 'web* or N@db'\n  db: [db1, db2]\n";
    let settings = master(text);
    let expected = [("base", vec!["/r/pillar".into(), "/abs".into()]), ("dev", vec![])];
    assert_eq!(settings.pillar_roots, expected.map(|(name, paths)| (name.to_owned(), paths)).into());
    let groups = [("db", vec!["db1", "db2"]), ("web", vec!["web*", "or", "N@db"])];
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    assert_eq!(settings.nodegroups, groups.map(|(name, words)| (name.to_owned(), owned(words))).into());
    let base = [("base".to_owned(), vec![PathBuf::from("/r/srv/pillar")])];
    assert_eq!(master("root_dir: /r").pillar_roots, base.into());
    for (text, wanted) in [
        ("pillar_roots: [x]", "'pillar_roots' must be a map of environments"),
        ("pillar_roots: {base: 5}", "'pillar_roots' must be a map of environments"),
        ("nodegroups: {web: 5}", "'nodegroups' must be a map of names"),
    ] {
        assert!(refusal(DutyKind::Master, text).contains(wanted), "{}", refusal(DutyKind::Master, text));
    }
    let (_, warnings) = parse(DutyKind::Master, "ext_pillar: []").unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("no effect"), "{warnings:?}");
}

#[test]
fn every_setting_of_a_minion() {
    let print = "ab".repeat(32);
    let text = format!(
        "master: [10.0.0.1]\nmaster_port: 4511\nid: web1\nmaster_finger: '{print}'\nauto_accept: False\n\
         grains:\n  role: [web, cache]\n  rack: 7\n  prod: true\n  site: no\n"
    );
    let (settings, warnings) = parse(DutyKind::Minion, &text).unwrap();
    assert_eq!((settings.master.as_deref(), settings.master_port, warnings.len()), (Some("10.0.0.1"), 4511, 0));
    assert_eq!(settings.master_finger, print.parse().ok());
    assert!(!settings.auto_accept);
    let grains = json!({"role": ["web", "cache"], "rack": 7, "prod": true, "site": "no"});
    assert_eq!(Value::Object(settings.grains.clone()), grains);
    assert_eq!(settings.estate_name().as_str(), "web1_minion");
}

#[test]
fn wires_and_ciphers_are_lists() {
    for (text, wires) in [
        ("[fast]", Wires::FAST),
        ("fast", Wires::FAST),
        ("[classic]", Wires::CLASSIC),
        ("[fast, classic]", Wires::BOTH),
        ("\n- classic\n- fast", Wires::BOTH),
    ] {
        assert_eq!(master(&format!("id: m\nwires: {text}\n")).wires, wires, "{text}");
    }
    let settings = master("id: m\nciphers: [nacl, aes-256-gcm]\ncongestion: cubic\n");
    assert_eq!((settings.ciphers, settings.congestion), (vec![Suite::Nacl, Suite::Aes256Gcm], Algorithm::Cubic));
    assert_eq!(master("id: m\nciphers: [aes-256-gcm]").ciphers, [Suite::Aes256Gcm]);
}

#[test]
fn shards_are_of_a_master_on_the_fast_wire() {
    assert_eq!((master("id: m").shards, master("id: m\nshards: 4\nwires: [fast, classic]").shards), (1, 4));
    assert_eq!(master("id: m\nshards: 1\nwires: [classic]").shards, 1);
    let wanted = "/c/file:1: 'shards' must be 1 where `wires` leaves out the fast wire, not the number 2";
    assert_eq!(refusal(DutyKind::Master, "shards: 2\nwires: [classic]"), wanted);
    let (settings, warnings) = parse(DutyKind::Minion, "id: a\nmaster: b\nshards: 2").unwrap();
    assert_eq!(settings.shards, 1);
    assert_eq!(warnings, ["/c/file:3: 'shards' does nothing in the settings of a minion"]);
}

#[test]
fn the_command_line_root_goes_first() {
    let root = Some(Path::new("/tmp/r"));
    let (settings, _) = Settings::parse(DutyKind::Master, "id: m\nroot_dir: /x\n", Path::new("f"), root).unwrap();
    assert_eq!(settings.root_dir, Path::new("/tmp/r"));
    assert_eq!(settings.pki_dir, Path::new("/tmp/r/etc/roadstead/pki/master"));
}

#[test]
fn the_longest_id_makes_a_name() {
    let id = "x".repeat(64);
    assert_eq!(master(&format!("id: {id}")).estate_name().as_str(), format!("{id}_master"));
}

#[test]
fn keys_that_do_nothing_are_warned_of_once() {
    let text = "id: m\npillar_opts:\n  base: [/srv/salt]\nmysql.host: db\ngrains: {a: 1}\n";
    let (_, warnings) = parse(DutyKind::Master, text).unwrap();
    assert_eq!(
        warnings,
        [
            "/c/file:2: 'pillar_opts' is an option of Salt that has no effect here",
            "/c/file:4: 'mysql.host' is an option of Salt that has no effect here",
            "/c/file:5: 'grains' does nothing in the settings of a master",
        ]
    );
    let (_, warnings) = parse(DutyKind::Minion, "master: m\nid: a\nautosign_file: x").unwrap();
    assert_eq!(warnings, ["/c/file:3: 'autosign_file' does nothing in the settings of a minion"]);
}

#[test]
fn unknown_keys_are_refused() {
    let wanted = "/c/file:2: unknown setting 'mastr'; did you mean 'master'?";
    assert_eq!(refusal(DutyKind::Minion, "id: a\nmastr: b\n"), wanted);
    assert_eq!(refusal(DutyKind::Master, "\n\nfrobnicate_it: 1"), "/c/file:3: unknown setting 'frobnicate_it'");
}

#[test]
fn wrong_values_are_named() {
    for (text, wanted) in [
        ("raet_port: x", "'raet_port' must be a port number up to 65535, not the text 'x'"),
        ("raet_port: 65536", "'raet_port' must be a port number up to 65535, not the number 65536"),
        ("raet_port: -1", "'raet_port' must be a port number up to 65535, not the number -1"),
        ("auto_accept: 1", "'auto_accept' must be True or False, not the number 1"),
        ("auto_accept: maybe", "'auto_accept' must be True or False, not the text 'maybe'"),
        (
            "interface: eth0",
            "'interface' must be an IP address of this host, such as 0.0.0.0 for all of them, not the text 'eth0'",
        ),
        ("id: 12", "'id' must be a text; put it in quotes, not the number 12"),
        (
            "id: a/b",
            "'id' must be a legal id (a name has only letters, digits, '.', '_' and '-', not '/'), not the text 'a/b'",
        ),
        ("id: []", "'id' must be a text; put it in quotes, not a list"),
        ("transport: zeromq", "'transport' must be raet, the only transport of this version, not the text 'zeromq'"),
        ("wires: []", "'wires' must be [fast], [fast, classic] or [classic], not a list"),
        ("wires: [quick]", "'wires' must be [fast], [fast, classic] or [classic], not a list"),
        ("wires: [fast, fast]", "'wires' must be [fast], [fast, classic] or [classic], not a list"),
        ("wires: v0", "'wires' must be [fast], [fast, classic] or [classic], not the text 'v0'"),
        ("ciphers: [rot13]", "'ciphers' must be a list of aes-256-gcm, nacl or both, best first, not a list"),
        ("ciphers: []", "'ciphers' must be a list of aes-256-gcm, nacl or both, best first, not a list"),
        (
            "shards: 0",
            "'shards' must be the number of threads that carry messages: 1, or up to 64 on a host with more cores than two, not the number 0",
        ),
        (
            "shards: 65",
            "'shards' must be the number of threads that carry messages: 1, or up to 64 on a host with more cores than two, not the number 65",
        ),
        (
            "shards: -2",
            "'shards' must be the number of threads that carry messages: 1, or up to 64 on a host with more cores than two, not the number -2",
        ),
        (
            "shards: auto",
            "'shards' must be the number of threads that carry messages: 1, or up to 64 on a host with more cores than two, not the text 'auto'",
        ),
        ("congestion: reno", "'congestion' must be bbr or cubic, not the text 'reno'"),
        ("root_dir: r", "'root_dir' must be a path that begins with '/', not the text 'r'"),
        ("pki_dir: {a: b}", "'pki_dir' must be a path, not a map"),
        ("pki_dir: ''", "'pki_dir' must be a path, not the text ''"),
        ("user: 'a:b'", "'user' must be the name of a user, not the text 'a:b'"),
        (
            "log_level: loud",
            "'log_level' must be one of quiet, error, warning, info, debug, trace, not the text 'loud'",
        ),
        ("timeout: 0", "'timeout' must be a number of seconds above 0, not the number 0"),
        ("timeout: soon", "'timeout' must be a number of seconds above 0, not the text 'soon'"),
        ("grains: [a]", "'grains' must be a map of names and values, not a list"),
        ("master: [a, b]", "'master' must be one host: several masters are not supported, not a list"),
        ("master: 'a b'", "'master' must be a host name or an IP address, not the text 'a b'"),
        ("master: 7", "'master' must be a host name or an IP address, not the number 7"),
        ("master_port: 0", "'master_port' must be a port number from 1 to 65535, not the number 0"),
        (
            "master_finger: abc",
            "'master_finger' must be the master's fingerprint as `estate-keys finger` shows it on the master, not the text 'abc'",
        ),
    ] {
        assert_eq!(refusal(DutyKind::Master, text), format!("/c/file:1: {wanted}"));
    }
    let long = refusal(DutyKind::Master, &format!("id: {}", "x".repeat(65)));
    assert!(long.contains("an id has at most 64 bytes"), "{long}");
    let port = refusal(DutyKind::Minion, "master: salt:4506");
    assert!(port.contains("write `master: salt` and `master_port: 4506`"), "{port}");
    let (settings, _) = parse(DutyKind::Minion, "master: 'fe80::1'\nid: a").unwrap();
    assert_eq!(settings.master.as_deref(), Some("fe80::1"));
}

#[test]
fn bad_yaml_has_a_place() {
    for (text, place) in [
        ("id: m\n  raet_port: 1\n", "/c/file:2:"),
        ("id: [a\nuser: b\n", "/c/file:"),
        ("id: 'a\n", "/c/file:"),
        ("id: a\nid: b\n", "/c/file:2:1: "),
        ("- id\n- user\n", "/c/file:1:"),
        ("just text", "/c/file:1:"),
        ("a: *nobody", "/c/file:1:"),
        ("id: a\n---\nid: b\n", "/c/file:3:"),
    ] {
        let error = refusal(DutyKind::Master, text);
        assert!(
            error.starts_with(place) && error.lines().count() == 1 && !error.contains(" line "),
            "{text:?}: {error}"
        );
    }
}

#[test]
fn files_are_found() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let load = |file: Option<&Path>| Settings::load(DutyKind::Master, file, Some(root)).map(|(settings, _)| settings);
    assert!(load(None).unwrap().id.as_str().ends_with("_master"));

    fs::create_dir_all(root.join("etc/roadstead")).unwrap();
    fs::write(root.join("etc/roadstead/master"), "id: here\n").unwrap();
    assert_eq!(load(None).unwrap().id.as_str(), "here");
    assert_eq!(load(Some(&root.join("etc/roadstead"))).unwrap().id.as_str(), "here");

    let missing = root.join("none");
    let error = load(Some(&missing)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read the settings {}: ", missing.display())), "{error}");
    fs::write(&missing, [b'#', 0xff]).unwrap();
    assert!(matches!(load(Some(&missing)), Err(SettingsError::Read { .. })));
    fs::write(&missing, "#".repeat(1 << 21)).unwrap();
    assert!(matches!(load(Some(&missing)), Err(SettingsError::Read { .. })));
}

#[test]
fn levels_are_salts() {
    for (text, level) in [("quiet", LevelFilter::OFF), ("critical", LevelFilter::ERROR), ("all", LevelFilter::TRACE)] {
        assert_eq!(master(&format!("id: m\nlog_level: {text}")).log_level, level);
    }
}

#[test]
fn a_command_of_the_minion_needs_no_master() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("minion");
    std::fs::write(&file, "id: web1\n").unwrap();
    assert!(matches!(Settings::load(DutyKind::Minion, Some(&file), None), Err(SettingsError::NoMaster { .. })));
    let (settings, _) = Settings::load_alone(Some(&file), None).unwrap();
    assert_eq!((settings.id.as_str(), settings.master), ("web1", None));
    assert!(Settings::load_alone(Some(&dir.path().join("none")), None).is_err());
}

#[test]
fn files_of_a_master() {
    let files = |text: &str| master(text).files;
    let plain = files("root_dir: /r\nid: m\n");
    assert_eq!(plain.roots, BTreeMap::from([("base".to_owned(), vec!["/r/srv/salt".into()])]));
    assert_eq!(
        (plain.hash, plain.chunk, plain.follow_links, plain.ignore_links),
        (HashType::Sha256, 1 << 20, true, false)
    );
    assert_eq!(plain.state_opts["top_file_merging_strategy"], json!("merge"));
    let all = files(
        "root_dir: /r\nid: m\nfile_roots:\n  base:\n    - /srv/salt\n    - more\n  dev: [/d]\n  none:\nhash_type: SHA512\n\
         file_buffer_size: 4096\nfile_ignore_glob: '*.pyc'\nfileserver_followsymlinks: no\nrenderer: jinja|yaml\n\
         state_aggregate: [pkg]\njinja_trim_blocks: True\nenv_order: [base, dev]\n",
    );
    let paths = |saltenv: &str| all.roots[saltenv].iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((paths("base"), paths("dev"), paths("none")), (vec!["/srv/salt", "/r/more"], vec!["/d"], vec![]));
    assert_eq!(
        (all.hash, all.chunk, all.follow_links, all.ignore),
        (HashType::Sha512, 4096, false, vec!["*.pyc".to_owned()])
    );
    let opts = |key: &str| all.state_opts[key].clone();
    assert_eq!((opts("renderer"), opts("state_aggregate")), (json!("jinja|yaml"), json!(["pkg"])));
    assert_eq!((opts("jinja_trim_blocks"), opts("env_order")), (json!(true), json!(["base", "dev"])));
    for text in [
        "file_roots: [/srv]",
        "file_roots: {a/b: [/srv]}",
        "file_roots: {base: [1]}",
        "hash_type: md4",
        "file_buffer_size: 1",
        "failhard: maybe",
    ] {
        let why = refusal(DutyKind::Master, text);
        assert!(why.contains("must be"), "{why}");
    }
    let (_, warnings) = parse(DutyKind::Minion, "master: m\nid: a\nfile_roots: {}\n").unwrap();
    assert_eq!(warnings, ["/c/file:3: 'file_roots' does nothing in the settings of a minion"]);
}
