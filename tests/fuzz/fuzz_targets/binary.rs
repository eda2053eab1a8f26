#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockyard_fuzz::targets::binary(data));
