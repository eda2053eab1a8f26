//! Wiring: builds the parts, joins them, starts and stops them in order. No drawing, no protocol knowledge.

mod core;
mod desk;
mod dialects;
mod health;
mod hub;
mod naming;
mod operator;
mod orders;
mod photos;
mod plans;
mod quarantine;
mod repeats;
mod run;
mod sending;
mod sink;
mod traces;
mod unlock;

pub use core::{Node, Options};
pub use desk::{Enrolment, plan_enrolment};
pub use naming::name_lines;
pub use operator::{Caller, converse};
pub use orders::explain_answers;
pub use photos::PhotoSettings;
pub use run::{Belongings, Running, StartError, read_only, read_state, start};
