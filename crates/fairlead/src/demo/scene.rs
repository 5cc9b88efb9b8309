//! What the tour plays on: a server in a directory of its own, three supervised backends, and the objects around them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http::Request;
use model::{Now, Standing, Vitals};
use node::supervise::{self, Check, Orders, Output, Restart, Spec, Stop};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::load::Client;
use crate::bootstrap::create_if_missing;
use crate::cli::UpFlags;
use crate::config::Settings;
use crate::up::Server;

/// Host of the Ingress.
pub const HOST: &str = "web.demo.test";
/// Host of the HTTPRoute.
pub const ROUTE_HOST: &str = "route.demo.test";
/// Copies of the backend.
const COPIES: u16 = 3;
/// Longest wait for anything that should take milliseconds; machines can be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stage.
pub struct Scene {
    /// The server.
    pub server: Server,
    /// The Service's ClusterIP and port.
    pub vip: SocketAddr,
    /// The Gateway's listener.
    pub gateway: SocketAddr,
    copies: Copies,
    data_dir: PathBuf,
}

/// One set of supervised copies.
struct Copies {
    stop: watch::Sender<Stop>,
    task: JoinHandle<Result<u8, supervise::Error>>,
}

/// What became of a backend that was killed.
pub struct Killed {
    /// Its process.
    pub pid: u32,
    /// For how long it was still in the snapshot.
    pub out: Duration,
    /// How long after its death the last request was sent to it.
    pub last: Duration,
}

/// How long a backend that is out is watched.
const LINGER: Duration = Duration::from_millis(50);

impl Scene {
    /// Starts everything and waits until all three copies are in service.
    ///
    /// # Errors
    /// When the server or a backend cannot start.
    pub async fn set(started: Instant) -> Result<Self> {
        let data_dir = std::env::temp_dir().join(format!("fairlead-demo-{}", std::process::id()));
        let placed = Self::place(&data_dir, started).await;
        if placed.is_err() {
            let _ = std::fs::remove_dir_all(&data_dir);
        }
        placed
    }

    async fn place(data_dir: &std::path::Path, started: Instant) -> Result<Self> {
        let mut settings = Settings::resolve(UpFlags { data_dir: Some(data_dir.to_owned()), ..UpFlags::default() })?;
        settings.access_log = crate::cli::AccessLog::Off;
        settings.any_port_if_taken = true;
        let server = Server::start(settings).await?;
        say!("Fairlead serves on this machine: API https://{}, DNS {}, HTTP {}", server.addresses.api, server.addresses.dns, server.addresses.http);
        say!("ready in {} ms; state in {}", started.elapsed().as_millis(), data_dir.display());
        let gateway = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), free_port()?);
        for (path, object) in super::tour::objects(gateway) {
            create_if_missing(&server.client, path, &object).await.with_context(|| path.to_owned())?;
        }
        let copies = Copies::start(&server)?;
        let vip = SocketAddr::new(cluster_ip(&server).await?, 8080);
        let scene = Self { server, vip, gateway, copies, data_dir: data_dir.to_owned() };
        let whole = scene.until_whole().await?;
        say!("three backends started and registered in {} ms: {}", whole.as_millis(), scene.names().join(", "));
        Ok(scene)
    }

    /// Ends everything and leaves nothing behind.
    pub async fn strike(self) {
        self.copies.end(Stop::Now).await;
        self.server.stop().await;
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }

    /// The zone of names.
    pub fn domain(&self) -> &str {
        &self.server.settings.cluster_domain
    }

    /// Asks the server's DNS for an A record, as `dig` would.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn resolve(&self, name: &str) -> Result<String> {
        let (server, name) = (self.server.addresses.dns, format!("{name}.default.svc.{}", self.domain()));
        tokio::task::spawn_blocking(move || ask(server, &name)).await.context("the DNS client")?
    }

    /// Sets the Service's strategy and waits until it is in force.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn strategy(&self, word: &str) -> Result<()> {
        let before = self.server.live.load().generation;
        let change = json!({"metadata": {"annotations": {"fairlead.dev/strategy": word}}});
        self.patch("/api/v1/namespaces/default/services/web", &change).await?;
        say!("   $ kubectl annotate service web fairlead.dev/strategy={word} --overwrite");
        tokio::time::timeout(PATIENCE, self.server.live.newer_than(before)).await.context("the strategy is not in force")?;
        Ok(())
    }

    /// Makes the first backend slow by so many milliseconds (0 ends it); gives its name.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn slow_down(&self, ms: u64) -> Result<String> {
        let (name, address) = self.backends().into_iter().next().context("no backend is in service")?;
        tokio::task::spawn_blocking(move || Client::new(address, HOST).get(&format!("/be/slow/{ms}"))).await.context("the client")??;
        Ok(name)
    }

    /// Replaces all three copies: new ones first, then the old ones leave in order.
    ///
    /// # Errors
    /// When the new ones do not come or the old ones do not leave.
    pub async fn roll(&mut self) -> Result<()> {
        let fresh = Copies::start(&self.server)?;
        self.until(|scene| scene.backends().len() == usize::from(COPIES) * 2).await?;
        std::mem::replace(&mut self.copies, fresh).end(Stop::Drain).await;
        self.until_whole().await.map(drop)
    }

    /// Kills one backend the hard way.
    ///
    /// # Errors
    /// When there is none to kill or it stays in.
    pub async fn kill_one(&self) -> Result<Killed> {
        let (name, address) = self.backends().into_iter().next().context("no backend is in service")?;
        let instance: Value = self
            .server
            .client
            .request(Request::get(format!("/apis/fairlead.dev/v1alpha1/namespaces/default/instances/{name}")).body(Vec::new())?)
            .await?;
        let pid =
            instance["status"]["evidence"].as_array().into_iter().flatten().find_map(|one| one["pid"].as_u64()).context("no process evidence")?;
        let raw = rustix::process::Pid::from_raw(i32::try_from(pid)?).context("process number")?;
        let vitals = self.vitals(address).context("the backend is not in the snapshot")?;
        let started = Instant::now();
        rustix::process::kill_process(raw, rustix::process::Signal::KILL)?;
        self.until(|scene| scene.backends().iter().all(|(known, _)| *known != name)).await?;
        let out = started.elapsed();
        // Long enough to see one that is sent to it all the same, and before it is there again.
        tokio::time::sleep(LINGER).await;
        let rested = vitals.since_picked_ms(Now(net::clock::monotonic_ns())).unwrap_or(u32::MAX);
        let last = started.elapsed().saturating_sub(Duration::from_millis(rested.into()));
        Ok(Killed { pid: u32::try_from(pid)?, out, last })
    }

    /// The process of some backend, for people to kill.
    pub fn any_pid(&self) -> Option<u32> {
        let children = std::fs::read_to_string(format!("/proc/self/task/{0}/children", std::process::id())).ok()?;
        children.split_ascii_whitespace().next()?.parse().ok()
    }

    /// Waits until exactly three are in service; gives the time it took.
    ///
    /// # Errors
    /// When they are not in time.
    pub async fn until_whole(&self) -> Result<Duration> {
        let started = Instant::now();
        self.until(|scene| scene.backends().len() == usize::from(COPIES)).await?;
        // In the snapshot is in the plan; give planes the moment they need to apply it.
        let generation = self.server.live.load().generation;
        let (mut version, mut applied) = self.server.live.acknowledgements();
        while applied.iter().any(|plane| plane.generation < generation) && started.elapsed() < PATIENCE {
            (version, applied) = tokio::time::timeout(PATIENCE, self.server.live.acknowledged_after(version)).await.context("a plane is stuck")?;
        }
        Ok(started.elapsed())
    }

    /// The numbers of the backend at an address.
    fn vitals(&self, address: SocketAddr) -> Option<Arc<Vitals>> {
        let snapshot = self.server.live.load();
        let service = snapshot.services.get(&("default".into(), "web".into()))?;
        service.endpoints.iter().find(|endpoint| endpoint.address == address).map(|endpoint| Arc::clone(&endpoint.vitals))
    }

    /// Names of the backends in service.
    fn names(&self) -> Vec<String> {
        self.backends().into_iter().map(|(name, _)| name).collect()
    }

    /// Name and address of each backend that the snapshot in force sends new requests to.
    fn backends(&self) -> Vec<(String, SocketAddr)> {
        let snapshot = self.server.live.load();
        let Some(service) = snapshot.services.get(&("default".into(), "web".into())) else { return Vec::new() };
        let ready = service.endpoints.iter().filter(|endpoint| endpoint.standing == Standing::Ready && !endpoint.vitals.state().barred());
        ready.map(|endpoint| (endpoint.stable_name.rsplit('/').next().unwrap_or_default().to_owned(), endpoint.address)).collect()
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) -> Result<()> {
        let started = Instant::now();
        while !holds(self) {
            if started.elapsed() > PATIENCE {
                bail!("not within {} s; in service: {:?}", PATIENCE.as_secs(), self.names());
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        Ok(())
    }

    async fn patch(&self, path: &str, change: &Value) -> Result<()> {
        let request = Request::patch(path).header("Content-Type", "application/merge-patch+json").body(serde_json::to_vec(change)?)?;
        self.server.client.request::<Value>(request).await.map(drop).map_err(crate::reach::readable)
    }
}

impl Copies {
    fn start(server: &Server) -> Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?.display().to_string();
        let spec = Spec {
            name: "web".into(),
            namespace: "default".into(),
            port: None,
            port_name: "http".into(),
            service_port: 8080,
            replicas: COPIES,
            check: Check::None,
            labels: Vec::new(),
            weight: None,
            restart: Restart::Always,
            command: vec![program, "demo-backend".into()],
            environment: Vec::new(),
            address: Ipv4Addr::LOCALHOST.to_string(),
            node: Some(server.settings.node_name.clone()),
            output: Output::Discarded,
        };
        let (stop, stopping) = watch::channel(Stop::No);
        let task =
            tokio::spawn(supervise::run(spec, server.client.clone(), Orders { stop: stopping, signals: tokio::sync::broadcast::channel(1).1 }));
        Ok(Self { stop, task })
    }

    async fn end(self, how: Stop) {
        self.stop.send_replace(how);
        let _ = tokio::time::timeout(PATIENCE, self.task).await;
    }
}

async fn cluster_ip(server: &Server) -> Result<IpAddr> {
    let service: Value = server.client.request(Request::get("/api/v1/namespaces/default/services/web").body(Vec::new())?).await?;
    service["spec"]["clusterIP"].as_str().context("the Service has no ClusterIP")?.parse().context("ClusterIP")
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// One A question over UDP; the last four bytes of the answer's first record.
fn ask(server: SocketAddr, name: &str) -> Result<String> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len())?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    socket.send_to(&query, server)?;
    let mut reply = [0_u8; 512];
    let length = socket.recv(&mut reply)?;
    // The record follows the question: name pointer (2), type, class, TTL, length (10), address (4).
    let record = reply[..length].get(query.len()..query.len() + 16).context("no record in the answer")?;
    if record[..4] != [0xc0, 0x0c, 0, 1] {
        bail!("an answer of another kind");
    }
    Ok(Ipv4Addr::new(record[12], record[13], record[14], record[15]).to_string())
}
