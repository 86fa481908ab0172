//! The file server, asked as minions ask.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

use crate::host::settings::{DutyKind, Settings};

fn settings(yaml: &str, dir: &Path) -> FileSettings {
    let (settings, _) = Settings::parse(DutyKind::Master, yaml, Path::new("/c/master"), Some(dir)).unwrap();
    settings.files
}

/// Files in two environments, one of them with two roots, and a secret beside them.
fn server(yaml: &str) -> (TempDir, FileServer) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for path in ["base/a/empty", "base/deep", "over", "dev"] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    for (path, text) in [
        ("base/top.sls", "base: {}\n"),
        ("base/a/x", "from base"),
        ("base/a/grüße", "grüße"),
        ("base/bin", "\0"),
        ("over/a/x", ""),
        ("dev/only", "dev"),
        ("secret", "secret"),
    ] {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    }
    fs::write(root.join("base/bin"), b"\xff\xfe\0").unwrap();
    symlink("x", root.join("base/a/link")).unwrap();
    symlink(root.join("secret"), root.join("base/out")).unwrap();
    symlink("..", root.join("base/deep/loop")).unwrap();
    let roots = "file_roots: {base: [over, base], dev: [dev], nothing: }\n";
    let server = FileServer::new(&settings(&format!("{roots}{yaml}"), root), Clock::start());
    (dir, server)
}

fn ask(server: &FileServer, cmd: &str, load: Value) -> Value {
    let id = Name::new("web1").unwrap();
    let answer = server.answer(&id, cmd, load.as_object().unwrap()).unwrap();
    rmp_serde::from_slice(&answer).unwrap()
}

#[test]
fn every_request_of_a_salt_minion() {
    let (_dir, server) = server("failhard: True\nstate_top_saltenv: dev\n");
    assert_eq!(ask(&server, "_file_envs", json!({})), json!(["base", "dev", "nothing"]));
    let opts = ask(&server, "_master_opts", json!({}));
    assert_eq!(opts["file_roots"], json!({"base": [], "dev": [], "nothing": []}));
    assert_eq!(
        (&opts["failhard"], &opts["state_top_saltenv"], &opts["renderer"]),
        (&json!(true), &json!("dev"), &json!("yaml_jinja"))
    );
    assert_eq!(opts.as_object().unwrap().len(), 16);
    let short = ask(&server, "_master_opts", json!({"env_only": true}));
    assert_eq!(short.as_object().unwrap().len(), 4, "{short}");
    let base = |cmd: &str| ask(&server, cmd, json!({"saltenv": "base", "prefix": "/a/"}));
    assert_eq!(base("_file_list"), json!(["a/grüße", "a/link", "a/x"]));
    assert_eq!(base("_file_list_emptydirs"), json!(["a/empty"]));
    assert_eq!(base("_dir_list"), json!(["a", "a/empty"]));
    assert_eq!(base("_symlink_list"), json!({"a/link": "x"}));
    assert_eq!(ask(&server, "_symlink_list", json!({"saltenv": "base"})), json!({"a/link": "x", "deep/loop": ".."}));
    assert_eq!(ask(&server, "_file_list", json!({"saltenv": "other"})), json!([]));
    assert_eq!(ask(&server, "_file_list", json!({})), json!([]));
    let of = |cmd: &str, path: &str| ask(&server, cmd, json!({"path": path, "saltenv": "base", "loc": 0}));
    let hsum = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"base: {}\n"));
    assert_eq!(of("_file_hash", "top.sls"), json!({"hsum": hsum, "hash_type": "sha256"}));
    let both = of("_file_hash_and_stat", "top.sls");
    assert_eq!((&both[0]["hsum"], both[1].as_array().unwrap().len(), &both[1][6]), (&json!(hsum), 10, &json!(9)));
    let found = of("_file_find", "./top.sls");
    assert_eq!(
        (&found["rel"], &found["back"], found["stat"].as_array().unwrap().len()),
        (&json!("top.sls"), &json!("roots"), 10)
    );
    assert_eq!(of("_serve_file", "top.sls"), json!({"data": "base: {}\n", "dest": "top.sls"}));
    let next = json!({"path": "top.sls", "saltenv": "base", "loc": 9});
    assert_eq!(ask(&server, "_serve_file", next), json!({"data": "", "dest": "top.sls"}));
    assert_eq!(of("_serve_file", "a/x"), json!({"data": "", "dest": "a/x"}), "the first root's, which is empty");
    assert_eq!(of("_serve_file", "only?saltenv=dev"), json!({"data": "dev", "dest": "only"}));
    assert_eq!(of("_serve_file", "out")["data"], json!("secret"), "an operator's link is followed");
    for path in ["no", "a", "", "../secret", "/etc/passwd", "a/../../secret", "a/x/../../../secret"] {
        assert_eq!((of("_file_hash", path), of("_file_hash_and_stat", path)), (json!(""), json!(["", null])), "{path}");
        assert_eq!(of("_file_find", path), json!({"path": "", "rel": ""}), "{path}");
        assert_eq!(of("_serve_file", path), json!({"data": "", "dest": ""}), "{path}");
    }
    for cmd in ["_ext_nodes", "_master_tops"] {
        assert_eq!(ask(&server, cmd, json!({"opts": {}})), json!({}));
    }
    assert_eq!(ask(&server, "_file_recv", json!({"path": "x", "loc": 0, "data": "y"})), json!(false));
    assert_eq!(server.answer(&Name::new("web1").unwrap(), "_other", &Map::new()), None);
}

/// What a minion cannot take is not there for it, under any request.
#[test]
fn each_gets_what_it_can_take() {
    let (_dir, server) = server("");
    let takes = |bin: bool| {
        ["a/x", "a/grüße", "bin"].map(|path| {
            let load = json!({"path": path, "saltenv": "base", "loc": 0, "bin": bin});
            let hash = ask(&server, "_file_hash", load.clone()) != json!("");
            assert_eq!(ask(&server, "_file_find", load.clone())["rel"] != json!(""), hash, "{path}");
            let answer = server.answer(&Name::new("web1").unwrap(), "_serve_file", load.as_object().unwrap()).unwrap();
            let piece = rmpv::decode::read_value(&mut &*answer).unwrap();
            assert_eq!(piece["dest"].as_str() != Some(""), hash, "{path}");
            let is_bin = matches!(piece["data"], rmpv::Value::Binary(_));
            assert_eq!(is_bin, bin && hash, "{path}");
            hash
        })
    };
    assert_eq!(takes(false), [true, false, false], "of one we know nothing of we think it runs Python 2");
    let id = Name::new("web1").unwrap();
    let grains = |major: u64| json!({"pythonversion": [major, 7, 18, "final", 0]}).as_object().unwrap().clone();
    server.on_grains(&id, &grains(3));
    assert_eq!(takes(false), [true, true, false]);
    assert_eq!(takes(true), [true, true, true]);
    server.on_grains(&id, &grains(2));
    assert_eq!(takes(false), [true, false, false]);
    assert_eq!(
        ask(&server, "_file_list", json!({"saltenv": "base", "prefix": "bin"})),
        json!(["bin"]),
        "but it is listed"
    );
}

/// An end that is none must not pass for one.
#[test]
fn a_file_that_goes_bad_midway_breaks_the_transfer() {
    let (dir, server) = server("file_buffer_size: 1024\n");
    let path = dir.path().join("base/long");
    fs::write(&path, "x".repeat(3000)).unwrap();
    let at = |loc: u64| ask(&server, "_serve_file", json!({"path": "long", "saltenv": "base", "loc": loc}));
    assert_eq!(at(0)["data"].as_str().unwrap().len(), 1024);
    fs::write(&path, [vec![b'x'; 2000], vec![0xff; 1000]].concat()).unwrap();
    assert_eq!(at(1024)["gzip"], json!(1));
    fs::remove_file(&path).unwrap();
    assert_eq!(at(1024)["gzip"], json!(1));
    assert_eq!(at(0), json!({"data": "", "dest": ""}));
}

#[test]
fn lists_are_those_of_now() {
    let (dir, server) = server("file_ignore_glob: ['*.swp']\nfileserver_ignoresymlinks: True\n");
    let list = || ask(&server, "_file_list", json!({"saltenv": "base"}));
    assert_eq!(list(), json!(["a/grüße", "a/x", "bin", "top.sls"]));
    fs::write(dir.path().join("base/deep/new"), "").unwrap();
    fs::write(dir.path().join("base/deep/.new.swp"), "secret").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(250));
    assert_eq!(list(), json!(["a/grüße", "a/x", "bin", "deep/new", "top.sls"]));
    let load = json!({"path": "deep/.new.swp", "saltenv": "base", "loc": 0});
    assert_eq!(ask(&server, "_serve_file", load)["data"], json!(""));
    let first = server.listings.of(&server.roots, "base");
    assert!(Arc::ptr_eq(&first, &server.listings.of(&server.roots, "base")), "asked at once, it is not listed anew");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever a minion writes for a path or an environment, it sees nothing but what lies in a root of one.
    #[test]
    fn nobody_sees_more_than_the_roots(
        parts in proptest::collection::vec(prop_oneof![
            Just("..".to_owned()), Just("secret".to_owned()), Just("a".to_owned()), Just("x".to_owned()), Just("".to_owned()),
            Just(".".to_owned()), Just("deep".to_owned()), Just("loop".to_owned()), Just("|".to_owned()), Just("?saltenv=..".to_owned()),
            ".{0,3}",
        ], 0..7),
        saltenv in prop_oneof![Just("base".to_owned()), Just("..".to_owned()), Just("dev/..".to_owned()), ".{0,3}"],
        bin in any::<bool>(),
    ) {
        thread_local!(static SERVER: (TempDir, FileServer) = server(""));
        SERVER.with(|(dir, server)| {
            let absolute = format!("{}/{}", dir.path().display(), parts.join("/"));
            for path in [parts.join("/"), absolute] {
                let load = json!({"path": path, "saltenv": saltenv, "loc": 0, "bin": bin});
                let found = ask(server, "_file_find", load.clone());
                let real = found["path"].as_str().unwrap().to_owned();
                let inside = ["base", "over", "dev"].iter().any(|root| Path::new(&real).starts_with(dir.path().join(root)));
                prop_assert!(real.is_empty() || inside, "{path:?}: {real}");
                prop_assert!(!real.contains(".."));
                let answer = server.answer(&Name::new("web1").unwrap(), "_serve_file", load.as_object().unwrap()).unwrap();
                let hidden = answer.windows(6).all(|six| six != b"secret") || found["rel"].as_str().is_some_and(|rel| rel.ends_with("out") || rel.contains("secret"));
                prop_assert!(hidden, "{path:?}");
            }
            Ok(())
        })?;
    }
}
