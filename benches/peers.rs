//! Roadstead beside quinn, TLS over TCP, ZeroMQ, KCP and bare UDP, in one run: starts the package in `benches/peers`,
//! whose dependencies are its own, and passes on what it is asked and what it says.
//!
//! `cargo bench --bench peers -- --quick` takes about three minutes, `-- --help` says what else there is.

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    let cargo = |task: &str, features: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        // From inside, for the settings in its `.cargo`; its target is its own, whatever ours is.
        command.current_dir(&package).env_remove("CARGO_TARGET_DIR");
        command.args([task, "--release", "--locked", "--quiet"]).args(features);
        command
    };
    let mut features: &[&str] = &["--features", "zeromq"];
    if !cargo("build", features).status().is_ok_and(|status| status.success()) {
        eprintln!("ZeroMQ does not build here (it wants a C++ compiler and libsodium's headers): going on without it");
        features = &[];
    }
    let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    match cargo("run", features).arg("--").args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo does not run: {error}");
            ExitCode::FAILURE
        }
    }
}
