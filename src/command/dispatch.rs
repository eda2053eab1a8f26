//! From a queued intent to bytes on a session, at most once. The order is the safety: interlocks read again, the
//! `sent` entry durable *and accepted by the fold*, only then the first byte.

use crate::domain::command::CommandStep;
use crate::domain::{CommandId, DeviceKey};
use std::future::Future;

/// What the interlocks say just before sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recheck {
    Go,
    /// Not now, but it may stay queued (another relay of the same master is outstanding).
    Wait,
    /// Ends the intent, never re-queued.
    Withhold(String),
    /// It is not queued any more.
    Gone,
}

/// Where steps are made durable.
pub trait CommandLog {
    /// Reads the interlocks again for a queued command.
    fn recheck(&self, id: CommandId) -> Recheck;

    /// Writes a step and returns whether the fold accepted it. `false` also when it could not be made durable.
    fn step(&self, step: CommandStep) -> impl Future<Output = bool> + Send;
}

/// The bytes of a command, made at the last moment because they may hold a secret.
#[derive(Debug)]
pub struct Bytes {
    pub bytes: Vec<u8>,
    /// WLNET serial used, if any.
    pub serial: Option<u8>,
}

/// Where bytes go.
pub trait DeviceLink {
    fn in_contact(&self, via: &DeviceKey) -> bool;

    /// # Errors
    /// One sentence: why the bytes cannot be made (a password is missing).
    fn encode(&self, id: CommandId) -> Result<Bytes, String>;

    /// Writes once; `false` if certainly not a byte left.
    fn write(&self, via: &DeviceKey, bytes: Vec<u8>) -> impl Future<Output = bool> + Send;
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The bytes were handed to the session; from here only answer, evidence or time speak.
    Sent,
    /// Nothing left; still queued or ended unsent.
    NotSent,
}

/// Tries to send one queued command to a device that is in contact.
pub async fn attempt<L: CommandLog, D: DeviceLink>(
    id: CommandId,
    via: &DeviceKey,
    log: &L,
    link: &D,
) -> Attempt {
    if !link.in_contact(via) {
        return Attempt::NotSent;
    }
    match log.recheck(id) {
        Recheck::Go => {}
        Recheck::Wait | Recheck::Gone => return Attempt::NotSent,
        Recheck::Withhold(why) => {
            log.step(CommandStep::Withheld { id, why }).await;
            return Attempt::NotSent;
        }
    }
    let bytes = match link.encode(id) {
        Ok(bytes) => bytes,
        Err(why) => {
            log.step(CommandStep::Withheld { id, why }).await;
            return Attempt::NotSent;
        }
    };
    if !log.step(CommandStep::Sent { id, serial: bytes.serial }).await {
        return Attempt::NotSent;
    }
    if link.write(via, bytes.bytes).await {
        return Attempt::Sent;
    }
    log.step(CommandStep::FailedUnsent { id }).await;
    Attempt::NotSent
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Fake {
        contact: bool,
        recheck: Option<Recheck>,
        accepts: bool,
        unsent: bool,
        trace: Mutex<Vec<String>>,
    }

    impl Fake {
        fn note(&self, text: &str) {
            self.trace.lock().unwrap().push(text.to_owned());
        }
    }

    impl CommandLog for Fake {
        fn recheck(&self, _: CommandId) -> Recheck {
            self.note("recheck");
            self.recheck.clone().unwrap_or(Recheck::Go)
        }

        async fn step(&self, step: CommandStep) -> bool {
            self.note(match step {
                CommandStep::Sent { .. } => "sent",
                CommandStep::FailedUnsent { .. } => "unsent",
                CommandStep::Withheld { .. } => "withheld",
                _ => "?",
            });
            self.accepts
        }
    }

    impl DeviceLink for Fake {
        fn in_contact(&self, _: &DeviceKey) -> bool {
            self.contact
        }

        fn encode(&self, _: CommandId) -> Result<Bytes, String> {
            Ok(Bytes { bytes: vec![1], serial: None })
        }

        async fn write(&self, _: &DeviceKey, _: Vec<u8>) -> bool {
            self.note("write");
            !self.unsent
        }
    }

    async fn run(fake: Fake) -> (Attempt, Vec<String>) {
        let outcome = attempt(CommandId(1), &DeviceKey::jointech("1"), &fake, &fake).await;
        (outcome, fake.trace.into_inner().unwrap())
    }

    #[tokio::test]
    async fn bytes_leave_only_after_a_durable_and_accepted_sent() {
        let good = Fake { contact: true, accepts: true, ..Fake::default() };
        assert_eq!(run(good).await, (Attempt::Sent, vec!["recheck".into(), "sent".into(), "write".into()]));

        let refused = Fake { contact: true, accepts: false, ..Fake::default() };
        assert_eq!(run(refused).await, (Attempt::NotSent, vec!["recheck".into(), "sent".into()]));

        let away = Fake { accepts: true, ..Fake::default() };
        assert_eq!(run(away).await, (Attempt::NotSent, vec![]));
    }

    #[tokio::test]
    async fn a_failing_interlock_withholds_and_a_dropped_line_says_so() {
        let recheck = Some(Recheck::Withhold("moving".into()));
        let moving = Fake { contact: true, accepts: true, recheck, ..Fake::default() };
        assert_eq!(run(moving).await, (Attempt::NotSent, vec!["recheck".into(), "withheld".into()]));

        let dropped = Fake { contact: true, accepts: true, unsent: true, ..Fake::default() };
        let steps = ["recheck", "sent", "write", "unsent"].map(String::from).to_vec();
        assert_eq!(run(dropped).await, (Attempt::NotSent, steps));
    }
}
