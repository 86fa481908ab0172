//! A minion with an enrolment token is let in at first contact, and takes nobody for its master who does not know the
//! token; with a site's secret nobody else gets any answer.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::stage::Stage;
use nix::sys::signal::Signal;
use roadstead::base::Random;
use roadstead::keep::{Store, Token};

/// A file that only its owner may read.
fn hide(stage: &Stage, name: &str, text: &str) -> String {
    let path = stage.root(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A token in a file; the master knows it only if it is told.
fn token(stage: &Stage, seed: u64, is_known: bool) -> String {
    let token = Token::generate(&mut Random::from_number(seed), None, None);
    if is_known {
        Store::open(&stage.pki("m"), None).unwrap().create_token(&token).unwrap();
    }
    format!("enrolment_file: {}\n", hide(stage, &format!("token{seed}"), &token.text()))
}

#[test]
fn let_in_unseen_while_the_master_runs() {
    let mut stage = Stage::new();
    stage.master("timeout: 2\n");
    stage.until_logged("m", "started", 1);
    let settings = token(&stage, 1, true);
    stage.minion("web1", &settings);
    stage.until_answers(&["web1"]);
    assert!(stage.log("m").contains("enrolled"), "{}", stage.log("m"));
    // What the token was good for is done: it is not asked for again.
    let name = Token::generate(&mut Random::from_number(1), None, None).name();
    assert!(Store::open(&stage.pki("m"), None).unwrap().delete_token(&name).unwrap());
    stage.restart("web1");
    stage.until_answers(&["web1"]);
    // Nor does it let a deleted key in again by itself.
    fs::remove_file(stage.pki("m").join("accepted/web1")).unwrap();
    stage.until_pending("web1");
}

#[test]
fn a_master_without_the_token_is_nobody() {
    let mut stage = Stage::new();
    stage.master("auto_accept: True\ntimeout: 2\n");
    let settings = token(&stage, 2, false);
    stage.minion("web1", &settings);
    stage.until_logged("web1", "does not know the enrolment token", 1);
    assert!(!stage.pki("web1").join("accepted/m").exists(), "a master is trusted that proved nothing");
    // With its fingerprint in the settings, the token need not prove it.
    stage.stop("web1", Signal::SIGTERM);
    let finger = stage.daemon("m", &["--finger"]);
    stage.minion("web1", &format!("{settings}master_finger: '{}'\n", finger.out.trim()));
    stage.until_answers(&["web1"]);
}

#[test]
fn one_site_does_not_hear_another() {
    let mut stage = Stage::new();
    let secret = format!("site_secret_file: {}\n", hide(&stage, "site", &"5e".repeat(32)));
    let other = format!("site_secret_file: {}\n", hide(&stage, "other", &"0a".repeat(32)));
    stage.master(&format!("auto_accept: True\ntimeout: 2\n{secret}"));
    stage.minion("web1", &secret);
    stage.until_answers(&["web1"]);
    stage.minion("web2", &other);
    stage.minion("web3", "");
    for id in ["web2", "web3"] {
        stage.until_logged(id, "no answer from", 1);
    }
    for standing in ["accepted", "pending"] {
        for id in ["web2", "web3"] {
            assert!(!stage.pki("m").join(standing).join(id).exists(), "{id} is {standing}");
        }
    }
}

#[test]
fn files_that_are_none() {
    let stage = Stage::new();
    let start = |settings: &str| {
        stage.write("web1", &format!("master: 127.0.0.1\nraet_port: 0\n{settings}"));
        let told = stage.daemon("web1", &[]);
        assert_eq!(told.code, Some(2), "{told:?}");
        told.errors
    };
    assert!(start("enrolment_file: nowhere\n").contains("nowhere"));
    let path = hide(&stage, "bad", "enrol-1234");
    let said = start(&format!("enrolment_file: {path}\n"));
    assert!(said.contains("estate-keys token new") && !said.contains("1234"), "{said}");
    let said = start(&format!("site_secret_file: {path}\n"));
    assert!(said.contains("openssl rand -hex 32") && !said.contains("1234"), "{said}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(start(&format!("enrolment_file: {path}\n")).contains("chmod 600"));
}
