//! A laboratory: data directories, running nodes of the real program, devices' sockets and frames, consoles.

use chrono::{DateTime, Utc};
use lockyard::ipc::client::{self, Link, LinkEvent};
use lockyard::ipc::wire::{Answer, Ask, FromNode, Proposal, Request};
use serde_json::Value;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Nothing here takes this long on a machine that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long silence is watched where an answer must not come.
pub(crate) const SILENCE: Duration = Duration::from_millis(400);

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

/// A data directory, a home without settings, and the program run on them.
pub(crate) struct Lab {
    root: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("lockyard-test-").tempdir().unwrap();
        std::fs::create_dir(root.path().join("home")).unwrap();
        Self { root }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.data().join("lockyard.sock")
    }

    /// Writes a file beside the data directory.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes the secrets, readable by their owner alone.
    pub(crate) fn secrets(&self, text: &str) -> PathBuf {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(self.data()).unwrap();
        let path = self.data().join("secrets.toml");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockyard"));
        let home = self.root.path().join("home");
        command.args(args).current_dir(&home).env_clear().env("HOME", &home).env("PATH", "/usr/bin:/bin");
        command.env("LOCKYARD_DATA", self.data()).stdin(Stdio::null());
        command
    }

    /// Runs a command that ends by itself.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs one that must succeed; its standard output.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs one that must fail with this exit code and one sentence on standard error; the sentence.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(output.stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        let lines: Vec<&str> = said.lines().collect();
        let [line] = lines.as_slice() else { panic!("{args:?}: not one line: {said}") };
        line.strip_prefix("lockyard: ").unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    /// `list WHAT --json` and further flags.
    pub(crate) fn list(&self, args: &[&str]) -> Vec<Value> {
        let text = self.ok(&[&["list"], args, &["--json"]].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// The row of one device, enrolled or not.
    pub(crate) fn device(&self, id: &str) -> Option<Value> {
        self.list(&["devices", "--all"]).into_iter().find(|row| row["id"] == id)
    }

    /// Waits until a lock shows as locked. A report is answered when it is durable, a moment before it shows, and a
    /// proposal read in between is rightly void.
    pub(crate) fn until_locked(&self, id: &str) {
        wait_for("the lock to show as locked", || (self.device(id)?["lock"] == "locked").then_some(()));
    }

    /// Starts a node on loopback that enrols by itself.
    pub(crate) fn serve(&self) -> Node {
        self.serve_with(&["--auto-enrol"])
    }

    pub(crate) fn serve_with(&self, flags: &[&str]) -> Node {
        let args = [&["serve", "--listen", "127.0.0.1:0"], flags].concat();
        Node::start(self.command(&args))
    }

    /// Raw bytes of every frame in the journal, read beside the node or after it.
    pub(crate) fn journal(&self) -> Vec<Vec<u8>> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = rusqlite::Connection::open_with_flags(self.data().join("lockyard.db"), flags).unwrap();
        let mut rows = db.prepare("SELECT raw FROM journal WHERE raw IS NOT NULL ORDER BY seq").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Audit rows as `act object result`.
    pub(crate) fn audit(&self) -> Vec<String> {
        let reader = lockyard::store::Reader::open(&self.data()).unwrap();
        let rows = reader.audit_rows(1000).unwrap();
        rows.into_iter().map(|row| format!("{} {} {}", row.act, row.object, row.result)).collect()
    }
}

/// A node that runs. Killed when dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) tcp: SocketAddr,
    pub(crate) udp: SocketAddr,
    output: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Node {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            collect(child.stdout.take().unwrap(), output.clone()),
            collect(child.stderr.take().unwrap(), output.clone()),
        ];
        let unset = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut node = Self { child, tcp: unset, udp: unset, output, readers };
        let told = |node: &Self, kind: &str| {
            let word = format!("listening {kind} ");
            node.output().lines().find_map(|line| line.strip_prefix(&word)?.parse().ok())
        };
        (node.tcp, node.udp) = wait_for("the listening lines", || {
            let ended = node.child.try_wait().unwrap();
            assert!(ended.is_none(), "the node ended: {}", node.output());
            told(&node, "tcp").zip(told(&node, "udp"))
        });
        node
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it wrote so far, standard output and error.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL: no goodbye, nothing flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and everything it ever wrote. It must end well.
    pub(crate) fn stop(mut self) -> String {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let status = wait_for("the node to stop", || self.child.try_wait().unwrap());
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        assert!(status.success(), "{status}: {}", self.output());
        self.output()
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub(crate) fn connect(&self) -> Device {
        Device::connect(self.tcp)
    }

    /// A device's connection from another address of this machine, `127.0.0.HOST`.
    pub(crate) fn connect_from(&self, host: u8) -> Device {
        let domain = socket2::Domain::IPV4;
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into()).unwrap();
        socket.connect(&self.tcp.into()).unwrap();
        Device::over(socket.into())
    }

    /// A device's socket for datagrams.
    pub(crate) fn datagrams(&self) -> UdpSocket {
        let local = if self.udp.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let socket = UdpSocket::bind(local).unwrap();
        socket.connect(self.udp).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the node said ---\n{}", self.output());
        }
    }
}

fn collect(from: impl Read + Send + 'static, to: Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = String::new();
        while matches!(lines.read_line(&mut line), Ok(1..)) {
            to.lock().unwrap().push_str(&line);
            line.clear();
        }
    })
}

/// A device's TCP connection.
pub(crate) struct Device(pub(crate) TcpStream);

impl Device {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).unwrap())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads exactly this.
    pub(crate) fn expect(&mut self, text: &str) {
        let mut got = vec![0; text.len()];
        let mut at = 0;
        while at < got.len() {
            match self.0.read(&mut got[at..]) {
                Ok(n @ 1..) => at += n,
                end => panic!("{end:?} after {:?}, waiting for {text:?}", shown(&got[..at])),
            }
        }
        assert_eq!(shown(&got), text);
    }

    pub(crate) fn ask(&mut self, bytes: impl AsRef<[u8]>, answer: &str) {
        self.send(bytes);
        self.expect(answer);
    }

    /// Says no more, and reads what is still said until the other side closes too.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let _ = self.0.shutdown(std::net::Shutdown::Write);
        self.rest()
    }

    /// Reads until the other side closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        match self.0.read_to_end(&mut all) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error} after {:?}", shown(&all)),
        }
        all
    }

    /// Watches that nothing is said for a while.
    pub(crate) fn hears_nothing(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let mut buffer = [0; 256];
        match self.0.read(&mut buffer) {
            Ok(n) => panic!("heard {:?}", shown(&buffer[..n])),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
            }
        }
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

pub(crate) fn shown(bytes: &[u8]) -> String {
    if bytes.is_ascii() {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        format!("hex:{}", hex::encode(bytes))
    }
}

/// A JT701D's position frame, by default standing, closed and fixed; the vendor's worked example with other values.
#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) id: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) serial: u8,
    /// Kilometres; any number that tells two frames apart.
    pub(crate) mileage: u32,
    /// Byte 2, then byte 1 of the device status.
    pub(crate) status: u16,
    pub(crate) knots: u8,
}

impl Report {
    pub(crate) const CLOSED: u16 = 0x20E0;
    pub(crate) const MOTOR_OPEN: u16 = 0x2060;
    pub(crate) const ROPE_CUT: u16 = 0x20E8;

    pub(crate) fn new(id: &str) -> Self {
        let id = id.to_owned();
        Self { id, at: Utc::now(), serial: 1, mileage: 1, status: Self::CLOSED, knots: 0 }
    }

    pub(crate) fn number(mut self, n: u32) -> Self {
        self.mileage = n;
        self.serial = n.to_le_bytes()[0];
        self
    }

    pub(crate) fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = at;
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let time = self.at.format("%d%m%y%H%M%S");
        let frame = format!(
            "24{}19110034{time}22348310113550543f{:02x}98{:08x}0600000000{:04x}28109228661f00010000\
             0f0f0f0f0f0f0f0f000001cc01{:02x}",
            self.id, self.knots, self.mileage, self.status, self.serial
        );
        hex::decode(frame).unwrap()
    }

    pub(crate) fn answer(&self) -> String {
        format!("(P69,0,{})", self.serial)
    }
}

/// A console on the operator socket.
pub(crate) struct Console {
    link: Link,
    next: u64,
}

impl Console {
    pub(crate) async fn attach(socket: &Path) -> Self {
        let mut link = client::attach(socket.to_owned());
        let up = tokio::time::timeout(PATIENCE, async {
            loop {
                match link.from_node.recv().await.unwrap() {
                    LinkEvent::Up(hello) => return hello,
                    LinkEvent::Down { .. } => {} // it tries again
                    LinkEvent::Message(message) => panic!("{message:?}"),
                }
            }
        });
        up.await.expect("a node at the socket");
        Self { link, next: 1 }
    }

    pub(crate) async fn ask(&mut self, ask: Ask) -> Answer {
        let wanted = self.next;
        self.next += 1;
        self.link.to_node.send(Request { id: wanted, ask }).await.unwrap();
        loop {
            if let FromNode::Reply { id, answer } = self.message().await
                && id == wanted
            {
                return answer;
            }
        }
    }

    pub(crate) async fn message(&mut self) -> FromNode {
        let event = tokio::time::timeout(PATIENCE, self.link.from_node.recv()).await;
        match event.expect("the node says something").unwrap() {
            LinkEvent::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn refused(&mut self, ask: Ask) -> String {
        match self.ask(ask).await {
            Answer::Refused { why } => why,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) async fn propose(&mut self, target: &str) -> Proposal {
        match self.ask(Ask::Propose { target: format!("jointech/{target}").parse().unwrap() }).await {
            Answer::Proposed { proposal } => *proposal,
            other => panic!("no proposal: {other:?}"),
        }
    }
}

/// The runtime for a test that speaks with consoles or simulated devices.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
