//! See `server/src/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    #[cfg(feature = "planted")]
    assert!(!data.starts_with(b"boo"), "planted");
    validibot_mcp::fuzzing::head(data);
});
