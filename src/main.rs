//! Parses the arguments, calls one function, maps the error to an exit code.

use clap::Parser;
use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "the one sentence a command ends with")]
fn main() -> ExitCode {
    match lockyard::cli::run(lockyard::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("lockyard: {failure}");
            failure.code()
        }
    }
}
