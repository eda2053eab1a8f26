//! Building blocks of the views.

pub mod log_pane;
pub mod panel;
pub mod table;
pub mod text;
