//! `fairlead run`: start copies of a program, register each as an Instance, restart what fails, drain what leaves
//! (instances spec section 7, cli spec section 3).
//!
//! A copy is registered out of rotation (`maintenance: starting`) before it can serve, so that nobody is ever sent to a
//! program that is not there yet; it enters when its check passes, when it says `READY=1`, or when its port listens. Each
//! start is a new Instance with a new name: numbers and evidence of the former one never stick to it.

mod child;
mod environment;
mod ready;
mod register;

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use child::Child;
use register::Registration;

/// What to run and how to register it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Name of the service, label `app`, prefix of instance names.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// A fixed port, or a free one for each copy.
    pub port: Option<u16>,
    /// Name of the port.
    pub port_name: String,
    /// Port of the Service that is made when none exists.
    pub service_port: u16,
    /// Copies.
    pub replicas: u16,
    /// What makes a copy ready.
    pub check: Check,
    /// Further labels.
    pub labels: Vec<(String, String)>,
    /// `spec.weight`.
    pub weight: Option<u16>,
    /// When to start it again.
    pub restart: Restart,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment besides PORT, INSTANCE and what tells of Services.
    pub environment: Vec<(String, String)>,
    /// Where the copies are reached.
    pub address: String,
    /// The node they run on; `None` when no agent watches it.
    pub node: Option<String>,
    /// What becomes of their output.
    pub output: Output,
}

/// What makes a copy ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// `READY=1` where the program says it, else its port listens.
    None,
    /// Its port listens, and the server goes on checking that.
    Tcp,
    /// This path answers 200 to 399, and the server goes on checking that.
    Http(String),
}

/// When to start a copy again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    Never,
    /// After a failure.
    OnFailure,
    /// Always.
    Always,
}

/// What becomes of a program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Line by line, after the instance's name.
    Prefixed,
    /// As it is.
    Raw,
    /// Nothing.
    Discarded,
}

/// Why a copy could not be run or registered. What the system said stands in the message, and is no source that would be told again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program cannot be started.
    #[error("cannot start {program}: {why}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        why: std::io::Error,
    },
    /// The API refused.
    #[error("{object}: {message}")]
    Refused {
        /// Kind, namespace and name.
        object: String,
        /// The server's words.
        message: String,
    },
    /// The API cannot be reached.
    #[error("cannot reach the API server: {0}: is `fairlead up` running?")]
    Unreachable(String),
    /// Somebody else has the port.
    #[error("port {port} cannot be had: {why}: stop who holds it, or give another --port, or --port auto")]
    Held {
        /// The port.
        port: u16,
        /// What stands against it, with who holds it where that can be known.
        why: net::BindError,
    },
    /// There is no free port.
    #[error("no free port on {address}: {why}")]
    Port {
        /// The address.
        address: String,
        /// What the system said.
        why: std::io::Error,
    },
}

/// First pause before a restart; doubles to [`PAUSE_MAX`], and begins anew after [`STEADY`] of running.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A copy that ran this long was not failing at start.
const STEADY: Duration = Duration::from_secs(60);

/// How far stopping has come. Sent by whoever owns the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    No,
    /// Drain, then stop.
    Drain,
    /// Stop now.
    Now,
}

/// What the one who owns the signals tells the copies.
#[derive(Debug)]
pub struct Orders {
    /// How far stopping has come.
    pub stop: watch::Receiver<Stop>,
    /// Signals that are the programs' own business: reload, reopen logs, a window of another size.
    pub signals: broadcast::Receiver<Signal>,
}

impl Clone for Orders {
    fn clone(&self) -> Self {
        Self { stop: self.stop.clone(), signals: self.signals.resubscribe() }
    }
}

impl Orders {
    /// Passes signals on for as long as the process runs.
    async fn forward(signals: &mut broadcast::Receiver<Signal>, to: child::Group) {
        loop {
            match signals.recv().await {
                Ok(signal) => to.signal(signal),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
            }
        }
    }
}

/// Runs all copies until they end for good or `stop` says so. Gives the program's exit status: 0 after an orderly stop,
/// else that of the last copy that ended by itself.
///
/// # Errors
/// When the Service cannot be made or a copy can never be started; what runs by then is stopped.
pub async fn run(spec: Spec, client: kube::Client, orders: Orders) -> Result<u8, Error> {
    let spec = Arc::new(spec);
    child::find(&spec)?;
    register::try_out(&client, &spec).await?;
    register::ensure_service(&client, &spec).await?;
    let mut copies = JoinSet::new();
    for _ in 0..spec.replicas {
        copies.spawn(keep(Arc::clone(&spec), client.clone(), orders.clone()));
    }
    let (mut code, mut trouble) = (0, None);
    while let Some(ended) = copies.join_next().await {
        match ended {
            Ok(Ok(last)) => code = last,
            Ok(Err(error)) => trouble = trouble.or(Some(error)),
            Err(panic) => tracing::error!(%panic, "a supervised copy was lost"),
        }
    }
    trouble.map_or(Ok(code), Err)
}

/// Keeps one copy running.
async fn keep(spec: Arc<Spec>, client: kube::Client, mut orders: Orders) -> Result<u8, Error> {
    let (mut pause, mut has_run) = (PAUSE_MIN, false);
    loop {
        let started = Instant::now();
        let (status, stopped) = match once(&spec, &client, &mut orders).await {
            // The former copy had the port: somebody took it meanwhile, or its last connection is still there.
            Err(held @ Error::Held { .. }) if has_run => {
                tracing::warn!(name = spec.name, "{held}; trying again in {} ms", pause.as_millis());
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = orders.stop.wait_for(|stop| *stop != Stop::No) => return Ok(0),
                }
                pause = (pause * 2).min(PAUSE_MAX);
                continue;
            }
            outcome => outcome?,
        };
        has_run = true;
        if stopped || *orders.stop.borrow() != Stop::No {
            return Ok(0);
        }
        let again = match spec.restart {
            Restart::Always => true,
            Restart::OnFailure => !status.success(),
            Restart::Never => false,
        };
        if !again {
            return Ok(exit_code(status));
        }
        if started.elapsed() >= STEADY {
            pause = PAUSE_MIN;
        }
        tracing::warn!(name = spec.name, %status, "a copy ended; starting another in {} ms", pause.as_millis());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = orders.stop.wait_for(|stop| *stop != Stop::No) => return Ok(0),
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// One life of one copy: start, register, become ready, run, and end by itself or by `stop`. True when it was stopped.
async fn once(spec: &Spec, client: &kube::Client, Orders { stop, signals }: &mut Orders) -> Result<(ExitStatus, bool), Error> {
    let name = format!("{}-{}", spec.name, suffix());
    let services = environment::of_services(client, &spec.namespace).await;
    let mut child = Child::start(spec, &name, &services)?;
    let registration = match Registration::create(client, spec, &name, &child).await {
        Ok(registration) => registration,
        Err(error) => {
            child.kill().await;
            return Err(error);
        }
    };
    let ready = async {
        ready::wait(spec, &mut child.notified, child.port).await;
        if registration.enter().await {
            announce(spec, &name, child.port);
        }
        std::future::pending::<()>().await;
    };
    let ended = tokio::select! {
        status = child.life.ended() => Some(status),
        () = ready => None,
        () = Orders::forward(signals, child.group) => None,
        _ = stop.wait_for(|stop| *stop != Stop::No) => None,
    };
    if let Some(status) = ended {
        registration.delete().await;
        return Ok((status, false));
    }
    let drained = registration.drain(stop.clone());
    let ended = tokio::select! {
        () = drained => None,
        () = Orders::forward(signals, child.group) => None,
        status = child.life.ended() => Some(status),
    };
    let status = match ended {
        Some(status) => status,
        None => child.terminate().await,
    };
    registration.delete().await;
    Ok((status, true))
}

/// One line that the copy serves (cli spec L12). On stderr, where logs go: stdout is the program's.
fn announce(spec: &Spec, name: &str, port: u16) {
    use std::io::Write;
    let (namespace, service, address) = (&spec.namespace, &spec.name, &spec.address);
    let at = if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
    if spec.output != Output::Discarded {
        // Whoever read it may be gone; the program must not end for that.
        let _ = writeln!(std::io::stderr(), "{name} | registered: {at} serves Service {namespace}/{service}");
    }
}

/// The child's exit code as a shell would give it.
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code & 0xff).unwrap_or(1)
}

/// Five letters and digits of the alphabet that Kubernetes makes names with: no vowels, so no words.
fn suffix() -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut bytes = [0_u8; 5];
    // Without randomness every copy gets the same name and the second is refused: loud, not wrong.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}
