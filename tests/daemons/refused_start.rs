//! A daemon that cannot start ends with code 2 and a sentence that says what to do.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::PermissionsExt;

use crate::stage::Stage;

#[test]
fn second_master_on_the_same_root() {
    let mut stage = Stage::new();
    stage.master("");
    stage.until_logged("m", "started", 1);
    let told = stage.daemon("m", &[]);
    assert_eq!(told.code, Some(2));
    let sentence = format!("another master runs on this root (pid {})", stage.pid("m"));
    assert!(told.errors.contains(&sentence), "{told:?}");
    assert!(stage.is_alive("m"));
}

#[test]
fn udp_port_in_use() {
    let stage = Stage::new();
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    stage.write("m", &format!("raet_port: {port}\n"));
    let told = stage.daemon("m", &[]);
    assert_eq!(told.code, Some(2));
    assert!(told.errors.contains(&port.to_string()), "{told:?}");
}

#[test]
fn own_key_that_others_may_read() {
    let stage = Stage::new();
    stage.write("m", &format!("raet_port: {}\n", stage.port));
    assert_eq!(stage.daemon("m", &["--finger"]).code, Some(0));
    let key = stage.pki("m").join("local.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = stage.daemon("m", &[]);
    assert_eq!(told.code, Some(2));
    assert!(told.errors.contains(&format!("chmod 600 {}", key.display())), "{told:?}");
}
