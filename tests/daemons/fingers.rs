//! A minion that was told the master's fingerprint takes no other, says so once, and goes on.

use crate::stage::Stage;

#[test]
fn mismatch() {
    let mut stage = Stage::new();
    stage.master("auto_accept: True\n");
    let wrong = "ab".repeat(32);
    stage.minion("web1", &format!("master_finger: '{wrong}'\n"));
    stage.until_logged("web1", "master_finger demands", 1);
    let right = stage.daemon("m", &["--finger"]).out.trim().to_owned();
    assert!(stage.log("web1").contains(&right), "{}", stage.log("web1"));
    stage.minion("web2", &format!("master_finger: '{right}'\n"));
    stage.until_answers(&["web2"]);
    assert!(stage.is_alive("web1"));
    assert_eq!(stage.log("web1").matches("ERROR").count(), 1, "{}", stage.log("web1"));
    let told = stage.run(&["web1", "test.ping", "--timeout", "1"]);
    assert_eq!(told.code, Some(3), "{told:?}");
}
