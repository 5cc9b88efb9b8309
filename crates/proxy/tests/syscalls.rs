//! What a request may cost in system calls (gateway spec, section 17). They are counted from outside, by strace: nothing that the
//! data thread asks of the kernel can be forgotten.
//!
//! How many requests one wait of the thread brings depends on chance. So the thread is held while the requests, and later their
//! answers, are put before it: the calls are then those of a thread with much to do, and the same each time.

mod support;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use proxy::Settings;
use support::{HOST, Scene, Stage};

/// Requests that are before the thread at once.
const ABREAST: usize = 32;
/// Rounds that are counted, after some that are not.
const ROUNDS: usize = 20;
/// Set for the process that is counted.
const COUNTED: &str = "FAIRLEAD_COUNTED";
/// Names of files that nobody has: asking for them marks the record.
const BEGIN: &str = "/fairlead/count/begins/for/";
const END: &str = "/fairlead/count/ends";
/// Names the file that gets a line for each test that was skipped.
const SKIPPED: &str = "FAIRLEAD_SKIPPED";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n";

/// Calls of the data thread.
#[derive(Debug, Default)]
struct Calls {
    by_name: BTreeMap<String, usize>,
    /// How often a send follows on a receive.
    turns: usize,
    last: String,
}

impl Calls {
    fn a_request(&self) -> f64 {
        self.by_name.values().sum::<usize>() as f64 / (ROUNDS * ABREAST) as f64
    }
}

/// A proxy with a backend that is played by the test itself.
struct Rig {
    stage: Stage,
    listener: TcpListener,
    backends: Vec<TcpStream>,
}

impl Rig {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let stage = Stage::on(1, &Scene::to(&[listener.local_addr().expect("bound")]), Settings::default());
        Self { stage, listener, backends: Vec::new() }
    }

    /// One request on each connection, all before the thread at once; then all answers.
    fn round(&mut self, clients: &mut [TcpStream], request: &str, held: std::sync::mpsc::Sender<()>) {
        clients.iter_mut().for_each(|client| client.write_all(request.as_bytes()).expect("an open connection"));
        drop(held);
        while self.backends.len() < ABREAST {
            self.backends.push(self.listener.accept().expect("the proxy connects").0);
        }
        self.backends.iter_mut().for_each(|backend| read_until(backend, b"\r\n\r\n"));
        let (held, _) = self.stage.hold();
        self.backends.iter_mut().for_each(|backend| backend.write_all(ANSWER).expect("an open connection"));
        drop(held);
        clients.iter_mut().for_each(|client| read_until(client, b"hello world\n"));
    }
}

fn read_until(stream: &mut TcpStream, end: &[u8]) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while !seen.ends_with(end) {
        let count = stream.read(&mut buffer).expect("an open connection");
        assert!(count > 0, "the connection ends too early");
        seen.extend_from_slice(&buffer[..count]);
    }
}

fn connect(address: SocketAddr) -> Vec<TcpStream> {
    (0..ABREAST).map(|_| TcpStream::connect(address).expect("the proxy listens")).collect()
}

fn mark(name: &str) {
    assert!(std::fs::metadata(name).is_err(), "{name} is nobody's");
}

/// What is counted: `ROUNDS` rounds after three to warm up.
fn rounds(mut round: impl FnMut(), thread: &str) {
    (0..3).for_each(|_| round());
    mark(&format!("{BEGIN}{thread}"));
    (0..ROUNDS).for_each(|_| round());
    mark(END);
}

fn on_kept_connections() {
    let mut rig = Rig::new();
    let mut clients = connect(rig.stage.address);
    let request = format!("GET /some/path?q=1 HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n");
    let (_, thread) = rig.stage.hold();
    rounds(
        || {
            let (held, _) = rig.stage.hold();
            rig.round(&mut clients, &request, held);
        },
        &thread,
    );
}

fn on_new_connections() {
    let mut rig = Rig::new();
    let request = format!("GET /some/path?q=1 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let (_, thread) = rig.stage.hold();
    rounds(
        || {
            let (held, _) = rig.stage.hold();
            let mut clients = connect(rig.stage.address);
            rig.round(&mut clients, &request, held);
        },
        &thread,
    );
}

/// Runs a test of this file again, under strace; gives the calls for each request. `None` where that cannot be done, which is
/// told at the end of `cargo xtask test`.
fn counted(test: &str) -> Option<Calls> {
    let record = std::env::temp_dir().join(format!("fairlead-calls-{test}-{}", std::process::id()));
    let own = std::env::current_exe().expect("a test is a program");
    let ran = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&record)
        .arg(own)
        .args(["--exact", test])
        .env(COUNTED, "1")
        .output();
    let skipped = match &ran {
        Err(error) if error.kind() == ErrorKind::NotFound => Some("no `strace` on PATH".to_owned()),
        Ok(ran) if String::from_utf8_lossy(&ran.stderr).contains("PTRACE") => Some("the system allows no tracing".to_owned()),
        _ => None,
    };
    if let Some(why) = skipped {
        let line = format!("SKIPPED  {test}: {why}\n");
        print!("{line}");
        if let Some(path) = std::env::var_os(SKIPPED) {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            file.and_then(|mut file| file.write_all(line.as_bytes())).expect("word is left");
        }
        return None;
    }
    let ran = ran.expect("strace starts");
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let text = std::fs::read_to_string(&record).expect("a record");
    let _ = std::fs::remove_file(&record);
    Some(calls(&text))
}

/// The calls of the marked thread between the marks. A line is `THREAD NAME(ARGUMENTS...`; the second half of a call that was
/// interrupted by other threads begins with `<`.
fn calls(record: &str) -> Calls {
    let begins = record.find(BEGIN).expect("the beginning is marked") + BEGIN.len();
    let counted = &record[begins..begins + record[begins..].find(END).expect("the end is marked")];
    let thread: String = counted.chars().take_while(char::is_ascii_digit).collect();
    let mut calls = Calls::default();
    for line in counted.lines().skip(1) {
        let Some((number, call)) = line.split_once(' ') else { continue };
        let name = call.trim_start().split('(').next().unwrap_or_default();
        // In a debug build the standard library looks at each descriptor before it closes it.
        let asserted = cfg!(debug_assertions) && name == "fcntl" && call.contains("F_GETFD");
        if number == thread && !asserted && name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            *calls.by_name.entry(name.to_owned()).or_default() += 1;
            calls.turns += usize::from(name.starts_with("send") && calls.last == "recvfrom");
            name.clone_into(&mut calls.last);
        }
    }
    calls
}

#[test]
fn a_request_on_a_kept_connection_makes_five_system_calls_at_most() {
    if std::env::var_os(COUNTED).is_some() {
        return on_kept_connections();
    }
    let Some(calls) = counted("a_request_on_a_kept_connection_makes_five_system_calls_at_most") else { return };
    // Two receives, two sends, and a share of the waits; 5.2 is the bound of the spec.
    assert!((4.0..=5.0).contains(&calls.a_request()), "{} calls a request: {calls:?}", calls.a_request());
    // What is ready at once is read before anything is written: whoever the first write wakes then finds the rest.
    assert!(calls.turns < ROUNDS * ABREAST / 4, "{calls:?}");
}

#[test]
fn a_connection_for_one_request_makes_seven_system_calls_at_most_and_is_never_registered() {
    if std::env::var_os(COUNTED).is_some() {
        return on_new_connections();
    }
    let Some(calls) = counted("a_connection_for_one_request_makes_seven_system_calls_at_most_and_is_never_registered") else { return };
    // Accept, receive, send and receive at the backend's side, send, close, and a share of the waits.
    assert!((6.0..=7.0).contains(&calls.a_request()), "{} calls a request: {calls:?}", calls.a_request());
    // A round that takes longer than two ticks, as on a machine with too much to do, registers its clients.
    assert!(calls.by_name.get("epoll_ctl").is_none_or(|count| *count < ROUNDS * ABREAST / 2), "{calls:?}");
}
