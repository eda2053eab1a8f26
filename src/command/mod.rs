//! Opening a lock: what must hold before (`policy`), and how a confirmed intent gets to the device once (`dispatch`).
//! The life cycle itself is part of the fold (`fleet::commands`), so that it survives a restart.

pub mod dispatch;
pub mod policy;
