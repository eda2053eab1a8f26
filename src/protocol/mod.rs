//! Bytes in, messages out.
