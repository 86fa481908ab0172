//! The `roadstead` command: arguments in, host called, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    roadstead::host::cli::main()
}
