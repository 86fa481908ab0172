//! Links libsodium behind libzmq, whose own build leaves that to its user.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_ZEROMQ").is_some() {
        println!("cargo::rustc-link-arg-bins=-Wl,--push-state,--no-as-needed");
        println!("cargo::rustc-link-arg-bins=-lsodium");
        println!("cargo::rustc-link-arg-bins=-Wl,--pop-state");
    }
}
