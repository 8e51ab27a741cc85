//! Parses the arguments, runs one command and turns its outcome into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use muster::cli;

/// Millions of small records are allocated on one thread and freed on another, which glibc's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    // Variables that are not Unicode cannot be named in a config.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read that everything else is passed")]
    let now = jiff::Timestamp::now();
    cli::run(arguments, environment.collect(), now)
}
