//! Exit codes: one table, documented in the README.

use std::process::ExitCode;

/// A failure with the code a script can tell it by. Its text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// 1
    #[error("{0}")]
    Failed(String),
    /// 2: what was asked for is wrong; one sentence says what would be right
    #[error("{0}")]
    Usage(String),
    /// 3
    #[error("{0}")]
    Config(String),
    /// 4
    #[error("{0}")]
    NoNode(String),
    /// 5
    #[error("{0}")]
    Refused(String),
    /// 6: it was sent, or may yet be, and what became of it is not known
    #[error("{0}")]
    Uncertain(String),
}

impl Failure {
    /// 0 is success, 2 a usage error (clap's own, too).
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Config(_) => 3,
            Self::NoNode(_) => 4,
            Self::Refused(_) => 5,
            Self::Uncertain(_) => 6,
        })
    }

    pub fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }

    pub fn config(error: impl ToString) -> Self {
        Self::Config(error.to_string())
    }
}
