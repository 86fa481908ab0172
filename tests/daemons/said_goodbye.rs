//! A daemon that is stopped says so: the other side knows at once, not when it is missed.

use std::time::Duration;

use crate::stage::Stage;
use nix::sys::signal::Signal;

/// Less than any silence would be noticed in.
const AT_ONCE: Duration = Duration::from_secs(3);

#[test]
fn minion_and_master() {
    let mut stage = Stage::with(&["web1", "web2"]);
    stage.stop("web1", Signal::SIGTERM);
    stage.within(AT_ONCE, "the master knows", || stage.log("m").contains("peer=web1"));
    stage.stop("m", Signal::SIGTERM);
    stage.within(AT_ONCE, "the minion knows", || stage.log("web2").contains("master=m"));
}
