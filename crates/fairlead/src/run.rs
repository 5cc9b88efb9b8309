//! `fairlead run`: flags and signals around `node::supervise`.

use std::process::ExitCode;

use anyhow::Result;
use node::supervise::{self, Check, Orders, Output, Spec, Stop};
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{broadcast, watch};

use crate::cli::{Port, Restart, RunFlags, misused};
use crate::reach::{Server, readable};
use crate::up::Signals;

/// The command; ends with the program's status, 0 after an orderly stop.
///
/// # Errors
/// When the flags contradict each other, the server cannot be reached or the program cannot be started.
pub fn main(flags: RunFlags) -> Result<ExitCode> {
    observe::logs::start("warn", observe::logs::Format::Text)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let port = fixed_port(&flags)?;
        let server = Server::connect(&flags.reach).await?;
        let spec = spec(&flags, port, &server).await?;
        let (stop, stopping) = watch::channel(Stop::No);
        let (forward, forwarded) = broadcast::channel(FORWARDED);
        let mut others = Others::new()?;
        let supervised = supervise::run(spec, server.client, Orders { stop: stopping, signals: forwarded });
        tokio::pin!(supervised);
        let mut patience = Stop::Drain;
        loop {
            tokio::select! {
                ended = &mut supervised => return ended.map_err(anyhow::Error::from),
                signal = others.next() => drop(forward.send(signal)),
                () = signals.stop(|| drop(forward.send(rustix::process::Signal::HUP))) => {
                    stop.send_replace(patience);
                    patience = Stop::Now;
                }
            }
        }
    })?;
    Ok(ExitCode::from(code))
}

/// Signals that may wait to be passed on.
const FORWARDED: usize = 16;

/// The signals that mean nothing to the supervisor and something to many programs.
struct Others([(Signal, rustix::process::Signal); 4]);

impl Others {
    fn new() -> Result<Self> {
        use rustix::process::Signal as Sent;
        Ok(Self([
            (signal(SignalKind::user_defined1())?, Sent::USR1),
            (signal(SignalKind::user_defined2())?, Sent::USR2),
            (signal(SignalKind::quit())?, Sent::QUIT),
            (signal(SignalKind::window_change())?, Sent::WINCH),
        ]))
    }

    async fn next(&mut self) -> rustix::process::Signal {
        let [one, two, quit, window] = &mut self.0;
        tokio::select! {
            _ = one.0.recv() => one.1,
            _ = two.0.recv() => two.1,
            _ = quit.0.recv() => quit.1,
            _ = window.0.recv() => window.1,
        }
    }
}

/// The port of the one copy, where it is fixed.
fn fixed_port(flags: &RunFlags) -> Result<Option<u16>> {
    match flags.port {
        Port::Auto => Ok(None),
        Port::Fixed(port) if flags.replicas > 1 => {
            Err(misused!("--port {port} allows one replica: use --port auto for --replicas {}", flags.replicas))
        }
        Port::Fixed(port) => Ok(Some(port)),
    }
}

async fn spec(flags: &RunFlags, port: Option<u16>, server: &Server) -> Result<Spec> {
    let (node, address) = here(server).await?;
    Ok(Spec {
        name: flags.name.clone(),
        namespace: flags.namespace.clone(),
        port,
        port_name: flags.port_name.clone(),
        service_port: flags.service_port.or(port).unwrap_or(8080),
        replicas: flags.replicas,
        check: flags.check.clone().unwrap_or(Check::None),
        labels: flags.labels.clone(),
        weight: flags.weight,
        restart: match flags.restart {
            Restart::Never => supervise::Restart::Never,
            Restart::OnFailure => supervise::Restart::OnFailure,
            Restart::Always => supervise::Restart::Always,
        },
        command: flags.command.clone(),
        environment: Vec::new(),
        address,
        node,
        output: if flags.raw { Output::Raw } else { Output::Prefixed },
    })
}

/// The node that this host is, and its address. Without a data directory the node whose name is this host's is meant; a
/// host that is none registers by its own word alone.
async fn here(server: &Server) -> Result<(Option<String>, String)> {
    let host = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let name = server.node.clone().unwrap_or(host);
    let request = http::Request::get(format!("/api/v1/nodes/{name}")).body(Vec::new())?;
    let node: Value = match server.client.request(request).await {
        Ok(node) => node,
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok((None, "127.0.0.1".into())),
        Err(error) => return Err(readable(error)),
    };
    let internal = node["status"]["addresses"].as_array().into_iter().flatten().find(|address| address["type"] == "InternalIP");
    let address = internal.and_then(|address| address["address"].as_str()).unwrap_or("127.0.0.1").to_owned();
    Ok((Some(name), address))
}
