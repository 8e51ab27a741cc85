#![no_main]

#[allow(dead_code, reason = "each target runs one of the bodies")]
#[path = "../../tests/fuzz_bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|texts: (&str, &str)| bodies::pattern(texts.0, texts.1));
