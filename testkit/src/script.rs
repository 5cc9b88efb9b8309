//! The script language. One command a line:
//!
//! ```text
//! up [FLAG...]                    start the server; $API $DNS $HTTP $HTTPS $ADMIN $NODE $DATA are its addresses
//! stop | kill | start             SIGTERM (must exit 0), SIGKILL, start again in the same directory
//! backend NAME [delay=50ms] [status=503] [echo=on]    an HTTP and UDP backend; $NAME is its port; echo: answers end with the request's fields
//! change NAME [delay=50ms] [status=503]       how a backend answers from now on
//! seen NAME                       output: method, path and host of each request that a backend got so far
//! halt NAME | resume NAME         a backend ends its connections and refuses new ones; listens again
//! load COUNT URL [Field: value]...    so many GETs at once; output: each status and first word of a body, with its count
//! apply FILE [NAMESPACE]          server-side apply of every document of a file; output: one line an object
//! delete KIND NAME [NAMESPACE]    by plural, `services` or `instances.fairlead.dev`
//! get KIND NAME NAMESPACE POINTER JSON of a field (RFC 6901)
//! api METHOD PATH [FILE] [Field: value]...    a raw request as administrator; output: status, then the body
//! set VAR COMMAND...              run, and keep the trimmed output as $VAR
//! http METHOD URL [Field: value]...   output: status, then the body
//! fields METHOD URL [Field: value]... output: status, then the fields
//! websocket URL TEXT [Field: value]...    output: status of the handshake, then what comes back for one frame of text
//! dns NAME TYPE                   output: response code, then records
//! names FILE                      a DNS question `NAME TYPE` a line (no final dot: below svc.cluster.local); output: each with its reply
//! udp ADDRESS TEXT                output: the answer
//! fairlead ARGS... | kubectl ARGS...  run the program against the server
//! begin NAME fairlead ARGS... | begin NAME PROGRAM ARGS...    run in the background; $NAME is its process id
//! said NAME                       output: what it wrote so far, errors too
//! signal NAME SIGNAL | end NAME   TERM, INT, HUP or KILL; wait for its end, output: `exit STATUS` or `signal NUMBER`
//! exec PROGRAM ARGS...            run a program; without it on the machine the script is skipped, and the end says so
//! hosts NAME...                   network namespaces behind one switch (root); the script goes on in the first; $NAME is its address
//! resolver HOST SERVER [SEARCH...]    what /etc/resolv.conf says there
//! on HOST PROGRAM ARGS...         run a program there
//! eventually REGEX COMMAND...     run until the output matches, 15 s at most
//! ! COMMAND...                    must fail
//! stdout REGEX | stderr REGEX     the last output or error matches; `! stdout REGEX`: it does not
//! cmp stdout FILE                 is this text; UPDATE=1 rewrites the file
//! [oracle] COMMAND... | [!oracle] COMMAND...  only, or not, when SUBJECT=oracle lets CoreDNS answer `dns`
//! ```

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::backend::{Backend, Behaviour};
use crate::server::Server;
use crate::txtar::Archive;

mod api;
mod background;
mod hosts;
mod subject;

use background::Background;
use hosts::Hosts;
use subject::{CoreDns, Subject};

/// How long `eventually` tries.
const PATIENCE: Duration = Duration::from_secs(15);

/// Names the file that gets a line for each script that was skipped, so that whoever runs the tests can tell of it at the end.
const SKIPPED: &str = "FAIRLEAD_SKIPPED";

/// The machine lacks something: the script is skipped, and the end of the run says so.
#[derive(Debug)]
struct Skip(String);

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// The state of a running script.
struct Run {
    binary: PathBuf,
    subject: Subject,
    archive: Archive,
    // Dropped in this order: what runs on the hosts ends before they go.
    background: BTreeMap<String, Background>,
    oracle: Option<CoreDns>,
    server: Option<Server>,
    hosts: Option<Hosts>,
    backends: BTreeMap<String, Backend>,
    variables: BTreeMap<String, String>,
    stdout: String,
    stderr: String,
    changed: bool,
}

/// Runs every script below `dir` whose path contains `filter`, one after the other, and prints a line each.
///
/// # Errors
/// Names every script that failed, with the line and what was seen.
pub fn run_all(dir: &Path, binary: &Path, filter: &str) -> Result<()> {
    let subject = Subject::from_environment()?;
    let mut scripts = Vec::new();
    collect(dir, &mut scripts)?;
    scripts.retain(|path| path.to_string_lossy().contains(filter) && (subject != Subject::Oracle || path.starts_with(dir.join("dns"))));
    scripts.sort();
    let (mut failed, mut skipped) = (Vec::new(), Vec::new());
    for path in &scripts {
        let name = path.strip_prefix(dir).unwrap_or(path).display().to_string();
        let started = Instant::now();
        // On a thread of its own: a script may move into a network namespace and stay there.
        let outcome = std::thread::scope(|scope| scope.spawn(|| run(path, binary, subject)).join());
        match outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("the runner panicked"))) {
            Ok(()) => println!("ok       {name} ({:.1} s)", started.elapsed().as_secs_f32()),
            Err(why) if why.is::<Skip>() => skipped.push(format!("SKIPPED  {name}: {why}")),
            Err(why) => failed.push(format!("FAILED   {name}: {why:#}")),
        }
    }
    for line in skipped.iter().chain(&failed) {
        println!("{line}");
    }
    tell(&skipped)?;
    println!("scripts: {} ran, {} failed, {} skipped", scripts.len() - skipped.len(), failed.len(), skipped.len());
    if scripts.is_empty() || !failed.is_empty() {
        bail!("{} of {} scripts failed:\n{}", failed.len(), scripts.len(), failed.join("\n"));
    }
    Ok(())
}

/// Leaves word of what was skipped to whoever runs the tests.
fn tell(skipped: &[String]) -> Result<()> {
    let Some(path) = std::env::var_os(SKIPPED) else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    skipped.iter().try_for_each(|line| writeln!(file, "{line}"))?;
    Ok(())
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "txtar") {
            into.push(path);
        }
    }
    Ok(())
}

fn run(path: &Path, binary: &Path, subject: Subject) -> Result<()> {
    let archive = Archive::parse(&std::fs::read_to_string(path)?);
    let mut run = Run {
        binary: binary.to_owned(),
        archive,
        subject,
        background: BTreeMap::new(),
        oracle: None,
        server: None,
        hosts: None,
        backends: BTreeMap::new(),
        variables: BTreeMap::new(),
        stdout: String::new(),
        stderr: String::new(),
        changed: false,
    };
    let commands = run.archive.comment.clone();
    if subject == Subject::Netns && !commands.lines().any(|line| line.starts_with("hosts ")) {
        run.hosts = Some(Hosts::make(&["host"])?);
    }
    for (number, line) in commands.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let words = run.words(line);
        if let Err(why) = run.step(&words) {
            if why.is::<Skip>() {
                return Err(why);
            }
            let log = run.server.as_ref().map_or_else(String::new, |server| format!("\nlog:\n{}", server.log()));
            bail!("line {}: {line}\n  {why:#}\n  stdout: {:?}\n  stderr: {:?}{log}", number + 1, run.stdout, run.stderr);
        }
    }
    if run.changed {
        std::fs::write(path, run.archive.format())?;
    }
    Ok(())
}

impl Run {
    fn step(&mut self, words: &[String]) -> Result<()> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let [condition, rest @ ..] = words.as_slice()
            && let Some(condition) = condition.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        {
            let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
            return if self.subject.is_meant(condition)? { self.step(&rest) } else { Ok(()) };
        }
        match words.as_slice() {
            ["!", "stdout", wanted] => matches(&self.stdout, wanted).err().map(drop).with_context(|| format!("/{wanted}/ in {:?}", self.stdout)),
            ["!", rest @ ..] => match self.output(rest) {
                Ok(_) => bail!("succeeded, and should have failed"),
                Err(why) if why.is::<Skip>() => Err(why),
                Err(why) => {
                    self.stderr = format!("{why:#}");
                    Ok(())
                }
            },
            ["eventually", wanted, rest @ ..] => self.eventually(wanted, rest),
            ["set", name, rest @ ..] => {
                let text = self.output(rest)?.trim().to_owned();
                self.variables.insert((*name).to_owned(), text);
                Ok(())
            }
            ["stdout", wanted] => matches(&self.stdout, wanted),
            ["stderr", wanted] => matches(&self.stderr, wanted),
            ["cmp", "stdout", file] => self.compare(file),
            rest => {
                self.stdout = self.output(rest)?;
                Ok(())
            }
        }
    }

    fn eventually(&mut self, wanted: &str, rest: &[&str]) -> Result<()> {
        let started = Instant::now();
        loop {
            let last = match self.output(rest) {
                Ok(text) => {
                    self.stdout = text;
                    match matches(&self.stdout, wanted) {
                        Ok(()) => return Ok(()),
                        Err(why) => why,
                    }
                }
                Err(why) if why.is::<Skip>() => return Err(why),
                Err(why) => why,
            };
            if started.elapsed() > PATIENCE {
                return Err(last.context(format!("not within {} s", PATIENCE.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// Runs one command; gives its output.
    fn output(&mut self, words: &[&str]) -> Result<String> {
        match words {
            ["up", flags @ ..] => self.up(flags),
            ["stop"] => {
                let status = self.server()?.stop(rustix::process::Signal::TERM)?;
                if status == Some(0) { Ok(String::new()) } else { bail!("exit status {status:?} on SIGTERM") }
            }
            ["kill"] => self.server()?.stop(rustix::process::Signal::KILL).map(|_| String::new()),
            ["start"] => {
                self.server()?.launch()?;
                self.learn()
            }
            ["backend", name, options @ ..] => self.backend(name, options),
            ["change", name, options @ ..] => self.change(name, options),
            ["halt", name] => self.known(name).map(|backend| backend.halt(true)).map(|()| String::new()),
            ["resume", name] => self.known(name).map(|backend| backend.halt(false)).map(|()| String::new()),
            ["seen", name] => {
                let seen = self.known(name)?.seen.lock().expect("no thread panics while it holds this").join("\n");
                Ok(seen + "\n")
            }
            ["load", count, url, fields @ ..] => load(count.parse()?, url, &field_list(fields)?),
            ["apply", file, namespace @ ..] => {
                let text = self.archive.file(file).with_context(|| format!("no file {file} in the script"))?.to_owned();
                let text = self.substitute(&text);
                api::apply(self.server()?, &text, namespace.first().copied().unwrap_or("default"))
            }
            ["delete", kind, name, namespace @ ..] => api::delete(self.server()?, kind, name, namespace.first().copied().unwrap_or("default")),
            ["get", kind, name, namespace, pointer] => api::get(self.server()?, kind, name, namespace, pointer),
            ["http", method, url, fields @ ..] => {
                crate::http::request(method, url, &field_list(fields)?, b"").map(|answer| format!("{}\n{}\n", answer.status, answer.body))
            }
            ["websocket", url, text, fields @ ..] => crate::http::websocket(url, text, &field_list(fields)?),
            ["fields", method, url, fields @ ..] => {
                let answer = crate::http::request(method, url, &field_list(fields)?, b"")?;
                Ok(answer.fields.iter().fold(format!("{}\n", answer.status), |text, (name, value)| text + name + ": " + value + "\n"))
            }
            ["api", method, path, rest @ ..] => self.api(method, path, rest),
            ["dns", name, kind] => crate::dns::ask(self.dns_server()?, name, kind),
            ["names", file] => {
                let questions = self.archive.file(file).with_context(|| format!("no file {file} in the script"))?;
                crate::dns::table(self.dns_server()?, &self.substitute(questions))
            }
            ["udp", address, text] => udp(address, text),
            ["fairlead", arguments @ ..] => {
                let data = self.server()?.data().to_owned();
                let mut command = Command::new(&self.binary);
                command.args(arguments).arg("--data-dir").arg(data);
                self.program(command)
            }
            ["kubectl", arguments @ ..] => {
                let data = self.server()?.data().to_owned();
                let mut command = Command::new("kubectl");
                command.arg("--kubeconfig").arg(data.join("admin.kubeconfig")).arg("--cache-dir").arg(data.join("kubectl-cache")).args(arguments);
                self.program(command)
            }
            ["begin", name, program @ ..] => self.begin(name, program),
            ["said", name] => self.in_background(name)?.said(),
            ["signal", name, signal] => self.in_background(name)?.signal(signal).map(|()| String::new()),
            ["end", name] => self.in_background(name)?.end(),
            ["exec", name, arguments @ ..] => {
                let mut command = Command::new(name);
                command.args(arguments);
                self.program(command)
            }
            ["hosts", names @ ..] => {
                let hosts = Hosts::make(names)?;
                self.variables.extend(hosts.addresses());
                self.hosts = Some(hosts);
                Ok(String::new())
            }
            ["resolver", host, server, search @ ..] => self.hosts()?.set_resolver(host, server, search).map(|()| String::new()),
            ["on", host, program @ ..] => {
                let command = self.hosts()?.command(host, program)?;
                self.program(command)
            }
            other => bail!("unknown command {other:?}"),
        }
    }

    fn begin(&mut self, name: &str, program: &[&str]) -> Result<String> {
        let data = self.server()?.data().to_owned();
        let command = match program {
            ["fairlead", arguments @ ..] => {
                let mut command = Command::new(&self.binary);
                // Before the arguments: what stands behind `--` is another program's.
                let (verb, rest) = arguments.split_first().context("begin: what should fairlead do?")?;
                command.arg(verb).arg("--data-dir").arg(&data).args(rest);
                command
            }
            [program, arguments @ ..] => {
                find_program(program)?;
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
            [] => bail!("begin {name}: name a program"),
        };
        let begun = Background::start(command, &data.join(format!("{name}.out")))?;
        self.variables.insert(name.to_owned(), begun.pid().to_string());
        self.background.insert(name.to_owned(), begun);
        Ok(String::new())
    }

    fn in_background(&mut self, name: &str) -> Result<&mut Background> {
        self.background.get_mut(name).with_context(|| format!("no {name}: begin with `begin`"))
    }

    /// Who answers DNS questions.
    fn dns_server(&self) -> Result<&str> {
        let server = self.server.as_ref().context("no server: begin with `up`")?;
        Ok(self.oracle.as_ref().map_or(server.address("dns"), |oracle| &oracle.address))
    }

    fn hosts(&self) -> Result<&Hosts> {
        self.hosts.as_ref().context("no hosts: begin with `hosts`")
    }

    /// A raw request: `rest` is a file of the script, if it is one, and fields.
    fn api(&mut self, method: &str, path: &str, rest: &[&str]) -> Result<String> {
        let (body, fields) = match rest {
            [file, fields @ ..] if !file.contains(": ") => {
                let text = self.archive.file(file).with_context(|| format!("no file {file} in the script"))?;
                (self.substitute(text), fields)
            }
            fields => (String::new(), fields),
        };
        let fields = field_list(fields)?;
        api::raw(self.server()?, method, path, &fields, body)
    }

    fn up(&mut self, flags: &[&str]) -> Result<String> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let server = Server::start(&self.binary, &flags)?;
        if self.subject == Subject::Oracle {
            self.oracle = Some(CoreDns::start(server.data())?);
        }
        self.server = Some(server);
        self.learn()
    }

    fn learn(&mut self) -> Result<String> {
        let server = self.server.as_ref().context("no server: begin with `up`")?;
        for name in ["api", "dns", "http", "https", "admin", "node"] {
            self.variables.insert(name.to_uppercase(), server.address(name).to_owned());
        }
        self.variables.insert("FAIRLEAD".into(), self.binary.display().to_string());
        self.variables.insert("DATA".into(), server.data().display().to_string());
        Ok(String::new())
    }

    fn backend(&mut self, name: &str, options: &[&str]) -> Result<String> {
        let behaviour = Behaviour { name: name.to_owned(), delay: Duration::ZERO, status: 200, echo: false };
        let backend = Backend::start(behaviour)?;
        self.variables.insert(name.to_owned(), backend.port.to_string());
        self.backends.insert(name.to_owned(), backend);
        self.change(name, options)
    }

    fn known(&self, name: &str) -> Result<&Backend> {
        self.backends.get(name).with_context(|| format!("no backend {name}"))
    }

    fn change(&self, name: &str, options: &[&str]) -> Result<String> {
        let backend = self.known(name)?;
        for option in options {
            match option.split_once('=') {
                Some(("delay", text)) => {
                    let delay = Duration::from_millis(text.trim_end_matches("ms").parse()?);
                    backend.behave(|behaviour| behaviour.delay = delay);
                }
                Some(("status", text)) => {
                    let status = text.parse()?;
                    backend.behave(|behaviour| behaviour.status = status);
                }
                Some(("echo", text)) => backend.behave(|behaviour| behaviour.echo = text == "on"),
                _ => bail!("unknown option {option}"),
            }
        }
        Ok(String::new())
    }

    fn server(&mut self) -> Result<&mut Server> {
        self.server.as_mut().context("no server: begin with `up`")
    }

    fn program(&mut self, mut command: Command) -> Result<String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = match command.output() {
            Ok(output) => output,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Err(Skip(format!("no `{name}` on PATH")).into()),
            Err(other) => return Err(other).context(name),
        };
        self.stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { bail!("{}: {}{text}", output.status, self.stderr) }
    }

    /// Compares the last output with a file of the script. Known variables are shown by name, so that ports and
    /// addresses that change from run to run do not matter.
    fn compare(&mut self, file: &str) -> Result<()> {
        let mut known: Vec<(&String, &String)> = self.variables.iter().filter(|(_, value)| value.len() > 3).collect();
        known.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let mut seen = self.stdout.clone();
        for (name, value) in known {
            seen = seen.replace(value.as_str(), &format!("${name}"));
        }
        let wanted = self.archive.files.iter_mut().find(|(known, _)| known == file).with_context(|| format!("no file {file} in the script"))?;
        if wanted.1.trim_end() == seen.trim_end() {
            return Ok(());
        }
        if std::env::var_os("UPDATE").is_some() {
            wanted.1 = seen.trim_end().to_owned() + "\n";
            self.changed = true;
            return Ok(());
        }
        bail!("differs from {file}:\n--- wanted\n{}\n--- seen\n{seen}", wanted.1)
    }

    fn substitute(&self, text: &str) -> String {
        let name = Regex::new(r"\$(\w+)").expect("a constant pattern");
        name.replace_all(text, |found: &regex::Captures<'_>| self.variables.get(&found[1]).cloned().unwrap_or_else(|| found[0].to_owned()))
            .into_owned()
    }

    /// Splits a line into words: single quotes keep spaces, `$NAME` is replaced.
    fn words(&self, line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted, mut some) = (Vec::new(), String::new(), false, false);
        for letter in line.chars() {
            match letter {
                '\'' => {
                    quoted = !quoted;
                    some = true;
                }
                ' ' | '\t' if !quoted => {
                    if some {
                        words.push(std::mem::take(&mut word));
                    }
                    some = false;
                }
                other => {
                    word.push(other);
                    some = true;
                }
            }
        }
        if some {
            words.push(word);
        }
        words.into_iter().map(|word| self.substitute(&word)).collect()
    }
}

/// Sends so many requests at once and counts what comes back, by status and first word of the body.
fn load(count: usize, url: &str, fields: &[(String, String)]) -> Result<String> {
    let answers: Vec<Result<crate::http::Answer>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(|| crate::http::request("GET", url, fields, b""))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a request panicked"))).collect()
    });
    let mut counts = BTreeMap::<String, usize>::new();
    for answer in answers {
        let answer = answer?;
        let word = answer.body.split_ascii_whitespace().next().unwrap_or_default().to_owned();
        *counts.entry(format!("{} {word}", answer.status)).or_default() += 1;
    }
    Ok(counts.iter().fold(String::new(), |text, (what, count)| format!("{text}{what} {count}\n")))
}

/// Where a program is.
///
/// # Errors
/// [`Skip`] when it is nowhere.
fn find_program(name: &str) -> Result<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| Skip(format!("no `{name}` on PATH")).into())
}

fn matches(text: &str, wanted: &str) -> Result<()> {
    let pattern = Regex::new(&format!("(?s){wanted}")).with_context(|| format!("pattern {wanted:?}"))?;
    if pattern.is_match(text) { Ok(()) } else { bail!("no /{wanted}/ in {text:?}") }
}

fn field_list(fields: &[&str]) -> Result<Vec<(String, String)>> {
    let pair = |field: &&str| field.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    fields.iter().map(|field| pair(field).with_context(|| format!("{field:?}: write 'Name: value'"))).collect()
}

fn udp(address: &str, text: &str) -> Result<String> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    socket.connect(address)?;
    socket.send(text.as_bytes())?;
    let mut buffer = [0_u8; 2048];
    let length = socket.recv(&mut buffer).with_context(|| format!("no answer from {address}"))?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned() + "\n")
}
