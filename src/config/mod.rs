//! Settings: read, merged, checked, explained.
