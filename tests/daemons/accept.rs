//! An operator accepts a key by moving its file; the fingerprint is the one the minion shows of itself.

use crate::stage::Stage;
use roadstead::keep::store::Store;

on_both_wires!(by_file_after_comparing_fingerprints, on_the_minion_when_it_trusts_nobody_unasked);

fn by_file_after_comparing_fingerprints(mut stage: Stage) {
    stage.master("");
    stage.minion("web1", "");
    stage.until_pending("web1");
    let roll = Store::open(&stage.pki("m"), None).unwrap().roll().unwrap().roll;
    let pending: Vec<_> = roll.iter().map(|(key, _)| key.fingerprint().to_string()).collect();
    let finger = stage.daemon("web1", &["--finger"]);
    assert_eq!((finger.code, finger.out.trim()), (Some(0), pending[0].as_str()));
    assert_eq!((pending.len(), stage.ping().code), (1, Some(3)));
    stage.decide("web1", "pending", "accepted");
    stage.until_answers(&["web1"]);
}

fn on_the_minion_when_it_trusts_nobody_unasked(mut stage: Stage) {
    stage.master("auto_accept: True\n");
    stage.minion("web1", "auto_accept: False\n");
    stage.until_logged("web1", "estate-keys --minion accept m", 1);
    assert_eq!(stage.ping().code, Some(3));
    let pki = stage.pki("web1");
    std::fs::rename(pki.join("pending/m"), pki.join("accepted/m")).unwrap();
    stage.until_answers(&["web1"]);
    assert_eq!(stage.log("web1").matches("estate-keys --minion accept m").count(), 1);
}
