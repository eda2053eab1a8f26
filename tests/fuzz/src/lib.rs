//! What is attacked and what must hold: shared by the fuzz targets, by `tests/fuzz_corpus.rs`, which replays what they
//! found, and by `tests/hammer.rs`.

pub mod build;
pub mod session;
pub mod targets;
