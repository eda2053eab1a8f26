//! Bofan trackers.
