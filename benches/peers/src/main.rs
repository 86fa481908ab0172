//! Roadstead beside its peers in one run: over bare loopback and over emulated links.
//!
//! `cargo bench --bench peers` in the root runs it; `--help` says what it takes. The same program is both ends of every
//! measurement, started again with a role (`ends`). Nothing here is part of the library.
#![allow(clippy::disallowed_methods, clippy::indexing_slicing, clippy::print_stdout)]

mod cipher;
mod clock;
mod ends;
mod link;
mod meter;
mod peers;
mod plan;
mod plot;
mod report;
mod run;
mod work;

use anyhow::Result;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve" | "drive") => match ends::run(&arguments)? {},
        Some("check") => link::check::check(&run::Ground::prepare(&mut None)?),
        Some("--help" | "-h") => {
            print!("{}", plan::HELP);
            Ok(())
        }
        _ => plan::Plan::read(&arguments)?.run(),
    }
}
