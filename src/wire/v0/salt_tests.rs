//! Each shape that ended a Salt daemon's router in the lab, and the ones it lives on.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::body::json_to_msgpack;
use super::*;

fn judge(message: &Value, to: Daemon) -> Result<(), Malformed> {
    check(&json_to_msgpack(message.to_string().as_bytes()).unwrap(), to)
}

fn to_master(dst: Value, load: Value) -> Value {
    json!({"load": load, "route": {"src": ["web1_minion", null, "jid_ret"], "dst": dst}})
}

fn to_minion(job: Value) -> Value {
    json!({"pub": job, "route": {"src": ["m_master", null, null], "dst": ["web1_minion", null, "fun"]}})
}

fn job() -> Value {
    json!({"fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "jid": "2026", "ret": "", "user": "root"})
}

fn with(mut map: Value, key: &str, value: Value) -> Value {
    map[key] = value;
    map
}

fn without(mut map: Value, key: &str) -> Value {
    map.as_object_mut().unwrap().shift_remove(key);
    map
}

#[test]
fn daemons_by_name() {
    assert_eq!(Daemon::of("vm_master_master"), Some(Daemon::Master));
    assert_eq!(Daemon::of("web1_minion"), Some(Daemon::Minion));
    assert_eq!(Daemon::of("web1_caller"), Some(Daemon::Minion));
    for other in ["web1", "minion", "_minion", "web1_minion2", "web1-minion"] {
        assert_eq!(Daemon::of(other), None, "{other}");
    }
}

#[test]
fn routes() {
    let good = to_master(json!(["m_master", null, "remote_cmd"]), json!({"cmd": "_pillar"}));
    assert_eq!(judge(&good, Daemon::Master), Ok(()));
    for route in [
        json!(null),
        json!([]),
        json!({}),
        json!({"src": ["a", null, null]}),
        json!({"src": ["a", null], "dst": ["b", null, null]}),
        json!({"src": ["a", null, null, null], "dst": ["b", null, null]}),
        json!({"src": "abc", "dst": ["b", null, null]}),
        json!({"src": ["a", {}, null], "dst": ["b", null, null]}),
        json!({"src": ["a", 1, null], "dst": ["b", null, null]}),
        json!({"src": [null, null, null], "dst": ["b", null, null]}),
        json!({"src": ["a", null, null], "dst": ["b", null, null], "via": 1}),
    ] {
        assert!(judge(&with(good.clone(), "route", route.clone()), Daemon::Master).is_err(), "{route}");
    }
    assert!(judge(&without(good, "route"), Daemon::Master).is_err());
    let twice = b"\x82\xa5route\x80\xa5route\x82\xa3src\x93\xa1a\xc0\xc0\xa3dst\x93\xa1b\xc0\xc0";
    assert_eq!(check(twice, Daemon::Master).unwrap_err().what, "a part twice");
}

#[test]
fn requests() {
    let worker = json!(["m_master", "worker1", "remote_cmd"]);
    let manor = json!(["m_master", null, "remote_cmd"]);
    for cmd in ["_return", "_minion_event", "_serve_file", "_ext_nodes"] {
        assert_eq!(judge(&to_master(manor.clone(), json!({"cmd": cmd, "x": [1]})), Daemon::Master), Ok(()));
    }
    for load in [
        json!(null),
        json!(1),
        json!("text"),
        json!([]),
        json!({}),
        json!({"cmd": null}),
        json!({"cmd": 7}),
        json!({"cmd": ["_return"]}),
        json!({"cmd": "opts"}),
        json!({"cmd": "__init__"}),
        json!({"cmd": "été"}),
        json!({"cmd": {"cmd": "_return"}}),
    ] {
        assert!(judge(&to_master(manor.clone(), load.clone()), Daemon::Master).is_err(), "{load}");
    }
    assert!(judge(&to_master(worker, json!({"cmd": "_pillar"})), Daemon::Master).is_err());
    let local = json!(["m_master", null, "local_cmd"]);
    assert!(judge(&to_master(local, json!({"cmd": "get_token"})), Daemon::Master).is_err());
}

#[test]
fn jobs() {
    assert_eq!(judge(&to_minion(job()), Daemon::Minion), Ok(()));
    let list = with(with(job(), "tgt_type", json!("list")), "tgt", json!(["web1"]));
    assert_eq!(judge(&to_minion(list), Daemon::Minion), Ok(()));
    for key in ["fun", "jid", "arg", "tgt", "ret", "tgt_type"] {
        assert!(judge(&to_minion(without(job(), key)), Daemon::Minion).is_err(), "no {key}");
        assert!(judge(&to_minion(with(job(), key, json!(7))), Daemon::Minion).is_err(), "{key} is a number");
    }
    for tgt in ["[z-a]", "web[az-b]*", "*a*a*a*a*a*b"] {
        assert!(judge(&to_minion(with(job(), "tgt", json!(tgt))), Daemon::Minion).is_err(), "{tgt}");
        let grain = with(with(job(), "tgt_type", json!("grain")), "tgt", json!(format!("os:{tgt}")));
        assert!(judge(&to_minion(grain), Daemon::Minion).is_err(), "{tgt}");
    }
    for matcher in ["pcre", "grain_pcre", "compound", "no_such"] {
        assert!(judge(&to_minion(with(job(), "tgt_type", json!(matcher))), Daemon::Minion).is_err(), "{matcher}");
    }
    for none in [json!(null), json!([]), json!("test.ping")] {
        assert!(judge(&to_minion(none), Daemon::Minion).is_err());
    }
    // An answer goes to the yard that asked, with anything in it.
    let route = json!({"src": ["m_master", null, null], "dst": ["web1_minion", "channel1", "track"]});
    assert_eq!(judge(&json!({"return": {"a": [1, null]}, "route": route}), Daemon::Minion), Ok(()));
    assert_eq!(judge(&json!({"route": route}), Daemon::Minion), Ok(()));
}

#[test]
fn what_stays_in_the_router() {
    assert!(!is_handed_on(None, Some("fetch17")));
    for (yard, share) in [(None, None), (None, Some("fun")), (None, Some("remote_cmd")), (Some("jobber1"), Some("x"))] {
        assert!(is_handed_on(yard, share), "{yard:?} {share:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        for daemon in [Daemon::Master, Daemon::Minion] {
            let _ = check(&bytes, daemon);
        }
    }
}
