#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rpc_core::fuzzing::json(input));
