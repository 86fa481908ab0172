//! Real Salt on this machine: what is installed, once, for every test and bench that wants it.

use std::sync::OnceLock;

use crate::python::{Kit, Python, with};

/// Real Salt with RAET, as operators had it last. `pyzmq` is there for comparison.
const SALT: Kit = Kit {
    folder: "salt",
    what: "Salt 2018.3.5",
    packages: &["salt==2018.3.5", "raet==0.6.8", "ioflo<2", "libnacl==1.7.2", "msgpack==0.5.6"],
    versions: &["2.7"],
    check: "import salt.version, raet.road.stacking, libnacl, zmq",
};

/// Salt on this machine, installed once; `None` after saying loudly why there is none.
pub(crate) fn salt() -> Option<&'static Python> {
    static FOUND: OnceLock<Option<Python>> = OnceLock::new();
    FOUND.get_or_init(|| with(&SALT)).as_ref()
}
