//! A pseudo-terminal with the program in it. Whoever waits, waits for something on the screen and not for a time.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nothing here takes this long on a machine that works.
const PATIENCE: Duration = Duration::from_secs(50);

pub(crate) const ENTER: &str = "\r";
pub(crate) const TAB: &str = "\t";
pub(crate) const CTRL_C: &str = "\x03";

/// What ends the alternate screen, shows the cursor and ends paste mode.
const GIVEN_BACK: [&str; 3] = ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l"];

/// Looks again and again until `look` finds something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An empty home and a data directory that does not exist yet.
pub(crate) struct Lab {
    root: PathBuf,
    /// Removed with the lab that made it.
    _own: Option<tempfile::TempDir>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let own = tempfile::Builder::new().prefix("lockyard-term-").tempdir().unwrap();
        std::fs::create_dir(own.path().join("home")).unwrap();
        Self { root: own.path().to_owned(), _own: Some(own) }
    }

    /// The lab of another process.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root, _own: None }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("HOME", self.root.join("home")),
            ("PATH", "/usr/bin:/bin".into()),
            ("LANG", "C.UTF-8".into()),
            ("LOCKYARD_DATA", self.data()),
        ]
    }

    /// The program without a terminal.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockyard"));
        command.args(args).current_dir(&self.root).env_clear().envs(self.environment());
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The program in a terminal of that many columns and rows.
    pub(crate) fn terminal(&self, args: &[&str], size: (u16, u16)) -> Terminal {
        self.terminal_with(args, size, &[])
    }

    pub(crate) fn terminal_with(
        &self,
        args: &[&str],
        size: (u16, u16),
        env: &[(&'static str, &str)],
    ) -> Terminal {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lockyard"));
        command.args(args);
        command.cwd(&self.root);
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command.env("TERM", "xterm-256color");
        for (name, value) in env {
            command.env(name, value);
        }
        Terminal::start(command, size)
    }
}

/// Everything the program wrote, and what a terminal makes of it.
struct Seen {
    screen: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

#[derive(Clone)]
struct Shared(Arc<(Mutex<Seen>, Condvar)>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        // A test that failed while it looked must not fail its reader too.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Shared,
    /// Modes of the terminal before the program ran.
    modes: String,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size_of((columns, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

impl Terminal {
    fn start(command: CommandBuilder, size: (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size_of(size)).unwrap();
        let modes = modes(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).unwrap();
        // Only the program holds the other end: when it ends, the reader does.
        drop(pair.slave);
        let screen = vt100::Parser::new(cells(size.1), cells(size.0), 0);
        let seen =
            Shared(Arc::new((Mutex::new(Seen { screen, raw: Vec::new(), ended: false }), Condvar::new())));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let into = seen.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 16_384];
            loop {
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = into.lock();
                seen.screen.process(&buffer[..count]);
                seen.raw.extend_from_slice(&buffer[..count]);
                seen.ended = count == 0;
                into.0.1.notify_all();
                if seen.ended {
                    return;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, keys, seen, modes }
    }

    /// Waits until `look` finds something on the screen.
    pub(crate) fn wait<T>(&self, what: &str, look: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen.lock();
        loop {
            let text = seen.screen.screen().contents();
            if let Some(found) = look(&text) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !seen.ended, "waited in vain for {what}, while it showed:\n{text}");
            seen = self.seen.0.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until a text stands on the screen.
    pub(crate) fn until(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text).then_some(()));
    }

    pub(crate) fn until_gone(&self, text: &str) {
        self.wait(&format!("{text} to go"), |screen| (!screen.contains(text)).then_some(()));
    }

    /// Waits for a line that holds all the words; the line.
    pub(crate) fn line(&self, words: &[&str]) -> String {
        self.wait(&words.join(" "), |screen| line_with(screen, words))
    }

    pub(crate) fn text(&self) -> String {
        self.seen.lock().screen.screen().contents()
    }

    /// Everything written so far.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().raw).into_owned()
    }

    /// Types keys, as they come from a keyboard.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types keys and waits for what they bring.
    pub(crate) fn press(&mut self, keys: &str, brings: &str) {
        self.keys(keys);
        self.until(brings);
    }

    /// Types Escape and waits until a text is gone. What follows an Escape at once would make another key of it.
    pub(crate) fn escape(&mut self, goes: &str) {
        self.keys("\x1b");
        self.until_gone(goes);
    }

    pub(crate) fn resize(&self, size: (u16, u16)) {
        self.seen.lock().screen.screen_mut().set_size(cells(size.1), cells(size.0));
        self.master.resize(size_of(size)).unwrap();
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.process()).unwrap()), signal).unwrap();
    }

    /// Waits until the program has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("its end", || self.child.try_wait().unwrap())
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end of the screen, and checks that the terminal is what it was before the program ran.
    pub(crate) fn is_given_back(&self) {
        wait_for("the screen to be given back", || {
            let left = !self.seen.lock().screen.screen().alternate_screen();
            (left && self.raw().contains(GIVEN_BACK[0])).then_some(())
        });
        let raw = self.raw();
        for sequence in GIVEN_BACK {
            assert!(raw.contains(sequence), "{sequence:?} is missing");
        }
        let seen = self.seen.lock();
        let screen = seen.screen.screen();
        assert!(!screen.hide_cursor() && !screen.bracketed_paste() && !screen.alternate_screen());
        drop(seen);
        wait_for("the modes of before", || (modes(self.master.as_ref()) == self.modes).then_some(()));
    }
}

/// The first line that holds all the words.
pub(crate) fn line_with(screen: &str, words: &[&str]) -> Option<String> {
    screen.lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
}

/// The passwords a data directory holds.
pub(crate) fn passwords(data: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(data.join("secrets.toml")).unwrap();
    let quoted = |line: &str| Some(line.strip_prefix("password = \"")?.strip_suffix('"')?.to_owned());
    text.lines().filter_map(quoted).collect()
}

/// Parameters of all sequences that set how text looks: `1`, `7`, `38;5;2`, …
pub(crate) fn looks(raw: &str) -> Vec<String> {
    raw.split("\x1b[")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
            rest[end..].starts_with('m').then(|| rest[..end].to_owned())
        })
        .collect()
}
