//! What can be made to go wrong.

use chrono::TimeDelta;
use std::time::Duration;

/// One thing going wrong with one device, on request. What lasts, lasts until [`Fault::Heal`].
///
/// [`super::DeviceHandle::fault`] answers `false` where the device has no such part; then nothing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    // On the wire; for devices with a modem of their own.
    /// Every byte in a segment of its own (TCP).
    SplitBytes,
    /// Three frames always in one write (TCP).
    GlueFrames,
    /// A few bytes that belong to nothing before every frame.
    Rubbish,
    /// The next `n` frames carry a wrong checksum, or where the protocol has none, a spoilt field.
    BadChecksum(u32),
    /// Every frame twice.
    Duplicates,
    /// The next frame breaks off in its middle and the connection with it (TCP). Passes.
    DropMidFrame,
    /// Nothing is sent and nothing is read for so long; the connection stays.
    Silence(Duration),
    /// A second unit with the same ID connects from elsewhere and reports too. Once for each device; lasts as long
    /// as the fleet.
    Twin,

    // Towards commands.
    /// Commands are neither obeyed nor answered.
    IgnoreCommands,
    /// Commands are obeyed and not answered.
    MuteAnswers,
    /// Commands are obeyed at once and answered so much later.
    LateAnswers(Duration),
    /// A right password is refused. (A sub-lock has no refusal: it ignores.)
    RefuseCommands,
    /// An unlock is answered as done and nothing moves; a setting is answered as set and stays as it was.
    AcceptButStay,
    /// The motor does not move, and the device says so where it can.
    MotorStuck,

    // To the lock, vehicle or tracker.
    RopeCut,
    BackCover,
    /// Valve locks: somebody takes it off.
    Tamper,
    IllegalCard,
    /// Five wrong passwords at the device itself.
    WrongPasswords,
    LowBattery,
    Vibration,
    /// A sub-lock is out of reach of its master.
    SignalLost,
    /// A valve turns although nobody opened its lock.
    ValveOpened,
    /// Opened with the right password or phone, by somebody else and not by the server.
    OpenedElsewhere,
    /// Trackers: the next `n` requests for a piece of a photo are not answered.
    LostPieces(u32),
    /// Trackers: the next `n` are answered with another piece than was asked for.
    WrongPieces(u32),
    /// Trackers: the SOS button. Passes.
    Sos,
    /// Trackers: the vehicle's power is gone.
    PowerCut,
    /// Trackers. Passes.
    HarshBraking,

    // To what it knows.
    /// The clock lost power and starts again in 2000 (Bofan: 2009-02-14, without a fix).
    ClockUnset,
    /// The clock is off by so much.
    ClockWrong(TimeDelta),
    /// No satellites.
    NoFix,
    /// `n` records (at most 500) from the past half hour turn up in its flash and are replayed.
    Backlog(u16),

    /// Repairs everything above but [`Fault::Twin`].
    Heal,
}
