#![no_main]

#[allow(dead_code, reason = "each target runs one of the bodies")]
#[path = "../../tests/fuzz_bodies/mod.rs"]
mod bodies;

use muster_effective::aws::request::Mode;

libfuzzer_sys::fuzz_target!(|input: (&str, &str, bool)| {
    let mode = if input.2 { Mode::Open } else { Mode::Strict };
    bodies::evaluation(input.0, input.1, mode);
});
