//! From a queued intent to bytes on a session, at most once a sending. The order is the safety: everything read again,
//! the `sent` entry durable *and accepted by the fold*, only then the first byte. Openings and orders go the same way.

use crate::domain::{CommandId, DeviceKey};
use std::future::Future;

/// What is to be sent, looked at just before sending.
#[derive(Debug)]
pub enum Prepared<N> {
    Go(Bytes<N>),
    /// Not now, but it may stay queued (another relay of the same master is outstanding).
    Wait,
    /// Ends the intent, never re-queued.
    Withhold(String),
    /// It is not queued any more.
    Gone,
}

/// The bytes of a command, made at the last moment because they may hold a secret.
#[derive(Debug)]
pub struct Bytes<N> {
    pub bytes: Vec<u8>,
    /// What the `sent` entry tells of them.
    pub note: N,
}

/// Things to send of one kind, and where their steps are made durable.
pub trait Errands {
    type Note: Send;

    /// Reads everything again for a queued intent and makes its bytes.
    fn prepare(&self, id: CommandId) -> Prepared<Self::Note>;

    /// Writes that it is about to be sent and returns whether the fold accepted it. `false` also when it could not be
    /// made durable.
    fn sent(&self, id: CommandId, note: Self::Note) -> impl Future<Output = bool> + Send;

    /// Not a byte left.
    fn failed_unsent(&self, id: CommandId) -> impl Future<Output = ()> + Send;

    fn withheld(&self, id: CommandId, why: String) -> impl Future<Output = ()> + Send;
}

/// Where bytes go.
pub trait DeviceLink {
    fn in_contact(&self, via: &DeviceKey) -> bool;

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

/// Tries to send one queued intent to a device that is in contact.
pub async fn attempt<E: Errands, D: DeviceLink>(
    id: CommandId,
    via: &DeviceKey,
    errands: &E,
    link: &D,
) -> Attempt {
    if !link.in_contact(via) {
        return Attempt::NotSent;
    }
    let Bytes { bytes, note } = match errands.prepare(id) {
        Prepared::Go(bytes) => bytes,
        Prepared::Wait | Prepared::Gone => return Attempt::NotSent,
        Prepared::Withhold(why) => {
            errands.withheld(id, why).await;
            return Attempt::NotSent;
        }
    };
    if !errands.sent(id, note).await {
        return Attempt::NotSent;
    }
    if link.write(via, bytes).await {
        return Attempt::Sent;
    }
    errands.failed_unsent(id).await;
    Attempt::NotSent
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Fake {
        contact: bool,
        withhold: bool,
        accepts: bool,
        unsent: bool,
        trace: Mutex<Vec<String>>,
    }

    impl Fake {
        fn note(&self, text: &str) {
            self.trace.lock().unwrap().push(text.to_owned());
        }
    }

    impl Errands for Fake {
        type Note = ();

        fn prepare(&self, _: CommandId) -> Prepared<()> {
            self.note("prepare");
            if self.withhold {
                return Prepared::Withhold("moving".into());
            }
            Prepared::Go(Bytes { bytes: vec![1], note: () })
        }

        async fn sent(&self, _: CommandId, (): ()) -> bool {
            self.note("sent");
            self.accepts
        }

        async fn failed_unsent(&self, _: CommandId) {
            self.note("unsent");
        }

        async fn withheld(&self, _: CommandId, _: String) {
            self.note("withheld");
        }
    }

    impl DeviceLink for Fake {
        fn in_contact(&self, _: &DeviceKey) -> bool {
            self.contact
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
        assert_eq!(run(good).await, (Attempt::Sent, vec!["prepare".into(), "sent".into(), "write".into()]));

        let refused = Fake { contact: true, accepts: false, ..Fake::default() };
        assert_eq!(run(refused).await, (Attempt::NotSent, vec!["prepare".into(), "sent".into()]));

        let away = Fake { accepts: true, ..Fake::default() };
        assert_eq!(run(away).await, (Attempt::NotSent, vec![]));
    }

    #[tokio::test]
    async fn a_failing_interlock_withholds_and_a_dropped_line_says_so() {
        let moving = Fake { contact: true, accepts: true, withhold: true, ..Fake::default() };
        assert_eq!(run(moving).await, (Attempt::NotSent, vec!["prepare".into(), "withheld".into()]));

        let dropped = Fake { contact: true, accepts: true, unsent: true, ..Fake::default() };
        let steps = ["prepare", "sent", "write", "unsent"].map(String::from).to_vec();
        assert_eq!(run(dropped).await, (Attempt::NotSent, steps));
    }
}
