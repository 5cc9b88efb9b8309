//! The tour: each stop says what it claims, shows it, and measures whether it holds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::load::{Client, Load, Tally};
use super::scene::{HOST, Killed, ROUTE_HOST, Scene};

/// Clients of a steady load.
const CLIENTS: usize = 4;
/// Their pause between requests: about 500 requests a second in all.
const PAUSE: Duration = Duration::from_millis(8);
/// The same where as many requests as possible shall be under way: with twice the clients about a thousand a second.
const BRIEF: Duration = Duration::from_millis(6);

/// Gives the tour; true when every claim held.
///
/// # Errors
/// When the server cannot be reached at all.
pub async fn give(scene: &mut Scene) -> Result<bool> {
    let mut claims = Claims::default();
    name(scene, &mut claims).await?;
    entries(scene, &mut claims).await?;
    round_robin(scene, &mut claims).await?;
    least_request(scene, &mut claims).await?;
    performance(scene, &mut claims).await?;
    rolling_change(scene, &mut claims).await?;
    kill(scene, &mut claims).await?;
    Ok(claims.close())
}

/// What was claimed so far.
#[derive(Default)]
struct Claims {
    held: u32,
    broken: Vec<String>,
}

impl Claims {
    fn title(&self, text: &str) {
        say!("\n{}", bold(&format!("{}. {text}", self.held as usize + self.broken.len() + 1)));
    }

    fn check(&mut self, holds: bool, text: &str) {
        say!("   {}  {text}", if holds { green("holds") } else { red("FAILS") });
        if holds {
            self.held += 1;
        } else {
            self.broken.push(text.to_owned());
        }
    }

    fn close(self) -> bool {
        say!("\n{} of {} claims held", self.held, self.held as usize + self.broken.len());
        for text in &self.broken {
            say!("  failed: {text}");
        }
        self.broken.is_empty()
    }
}

async fn name(scene: &Scene, claims: &mut Claims) -> Result<()> {
    claims.title("The Service has a name");
    let server = scene.server.addresses.dns;
    say!("   $ dig @{} -p {} web.default.svc.{} +short", server.ip(), server.port(), scene.domain());
    let started = Instant::now();
    let found = scene.resolve("web").await?;
    say!("   {found}    ({:.1} ms)", millis(started));
    claims.check(found == scene.vip.ip().to_string(), "the name resolves to the Service's ClusterIP");
    Ok(())
}

async fn entries(scene: &Scene, claims: &mut Claims) -> Result<()> {
    claims.title("One Service, three ways in: its own address, an Ingress, an HTTPRoute");
    let http = scene.server.addresses.http;
    let mut reached = true;
    for (way, address, host) in [("ClusterIP", scene.vip, HOST), ("Ingress  ", http, HOST), ("HTTPRoute", scene.gateway, ROUTE_HOST)] {
        let answer = blocking(move || Client::new(address, host).get("/")).await?;
        say!("   {way}  curl -H 'Host: {host}' http://{address}/   ->  {}", answer.as_deref().unwrap_or("no answer"));
        reached &= answer.is_ok();
    }
    claims.check(reached, "all three reach a backend");
    Ok(())
}

async fn round_robin(scene: &Scene, claims: &mut Claims) -> Result<()> {
    claims.title("Round robin: 300 requests, everybody gets the same number");
    scene.strategy("round_robin").await?;
    let tally = sequence(scene, 300).await?;
    draw(&tally);
    let counts: Vec<u32> = tally.by_backend.values().copied().collect();
    claims.check(tally.failed == 0 && counts.len() == 3 && counts.iter().all(|count| *count == 100), "each of the three answered exactly 100");
    Ok(())
}

async fn least_request(scene: &Scene, claims: &mut Claims) -> Result<()> {
    claims.title("Least requests: one backend becomes slow (40 ms), the others take over");
    let slow = scene.slow_down(40).await?;
    scene.strategy("least_request").await?;
    let tally = spread(scene, Duration::from_millis(1_500)).await?;
    draw(&tally);
    let share = share_of(&tally, &slow);
    claims.check(tally.failed == 0 && share < 0.2, &format!("the slow one ({slow}) got {:.0} % instead of a third", share * 100.0));
    Ok(())
}

async fn performance(scene: &Scene, claims: &mut Claims) -> Result<()> {
    claims.title("Performance: backends report how busy they are, and the busy one gets less");
    scene.strategy("performance").await?;
    let slow = scene.slow_down(20).await?;
    let tally = spread(scene, Duration::from_millis(2_500)).await?;
    draw(&tally);
    let share = share_of(&tally, &slow);
    claims.check(tally.failed == 0 && share < 0.2, &format!("the busy one ({slow}) got {:.0} %", share * 100.0));
    scene.slow_down(0).await?;
    Ok(())
}

async fn rolling_change(scene: &mut Scene, claims: &mut Claims) -> Result<()> {
    claims.title("A rolling change under load: three new copies, then the three old ones leave");
    scene.strategy("auto").await?;
    let load = Load::start(scene.server.addresses.http, HOST, CLIENTS, PAUSE);
    let started = Instant::now();
    scene.roll().await?;
    let took = millis(started);
    let tally = blocking(move || load.stop()).await?;
    say!("   all three replaced in {took:.0} ms, {} requests meanwhile", tally.total());
    claims.check(tally.failed == 0, &format!("{} of {} requests failed{}", tally.failed, tally.total(), first(&tally)));
    Ok(())
}

async fn kill(scene: &mut Scene, claims: &mut Claims) -> Result<()> {
    claims.title("kill -9 of a backend under load");
    let (load, began) = (Load::start(scene.server.addresses.http, HOST, 2 * CLIENTS, BRIEF), Instant::now());
    tokio::time::sleep(Duration::from_millis(400)).await;
    let Killed { pid, out, last } = scene.kill_one().await?;
    say!("   $ kill -9 {pid}");
    say!("   out of the snapshot after {:.1} ms, last request sent to it after {} ms", out.as_secs_f64() * 1_000.0, last.as_millis());
    tokio::time::sleep(Duration::from_millis(600)).await;
    let tally = blocking(move || load.stop()).await?;
    say!("   under {:.0} requests a second", f64::from(tally.total()) / began.elapsed().as_secs_f64());
    claims.check(out.max(last) < Duration::from_secs(1), "its death was noticed without a health check");
    claims.check(tally.failed == 0, &format!("{} of {} requests failed{}", tally.failed, tally.total(), first(&tally)));
    scene.until_whole().await?;
    say!("   restarted and back in service");
    Ok(())
}

/// Requests one after the other on one connection.
async fn sequence(scene: &Scene, count: u32) -> Result<Tally> {
    let address = scene.server.addresses.http;
    blocking(move || {
        let (mut tally, mut client) = (Tally::default(), Client::new(address, HOST));
        (0..count).for_each(|_| tally.note(client.get("/")));
        tally
    })
    .await
}

/// Requests from several clients for a while.
async fn spread(scene: &Scene, time: Duration) -> Result<Tally> {
    let load = Load::start(scene.server.addresses.http, HOST, CLIENTS, Duration::from_millis(2));
    tokio::time::sleep(time).await;
    blocking(move || load.stop()).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("a client of the tour")
}

fn share_of(tally: &Tally, name: &str) -> f64 {
    f64::from(tally.by_backend.get(name).copied().unwrap_or(0)) / f64::from(tally.total().max(1))
}

fn first(tally: &Tally) -> String {
    tally.failures.first().map_or_else(String::new, |why| format!(" ({why})"))
}

/// A bar for each backend.
fn draw(tally: &Tally) {
    let most = tally.by_backend.values().copied().max().unwrap_or(1).max(1);
    let sorted: BTreeMap<_, _> = tally.by_backend.iter().collect();
    for (name, count) in sorted {
        say!("   {name:<12} {count:>6} {}", "#".repeat((count * 40 / most) as usize));
    }
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

/// What a person can try now.
pub fn farewell(scene: &Scene) {
    let (dns, http) = (scene.server.addresses.dns, scene.server.addresses.http);
    let kubeconfig = scene.server.kubeconfig.display();
    let fairlead = std::env::current_exe().map_or_else(|_| "fairlead".into(), |path| path.display().to_string());
    let data = scene.server.settings.data_dir.display();
    say!("\n{}", bold("Everything is still running. Try it, in another terminal:"));
    say!("   kubectl --kubeconfig {kubeconfig} get services,ingresses,httproutes,instances -o wide");
    say!("   kubectl --kubeconfig {kubeconfig} annotate service web fairlead.dev/strategy=random --overwrite");
    say!("   dig @{} -p {} web.default.svc.{} A", dns.ip(), dns.port(), scene.domain());
    say!("   curl -H 'Host: {HOST}' http://{http}/");
    say!("   curl -H 'Host: {ROUTE_HOST}' http://{}/", scene.gateway);
    say!("   curl http://{}/", scene.vip);
    say!("   {fairlead} why web --data-dir {data}");
    say!("   {fairlead} show endpoints --data-dir {data}");
    say!("   kill -9 {}    and watch it come back", scene.any_pid().map_or_else(|| "PID".into(), |pid| pid.to_string()));
    say!("\nCtrl-C ends it and leaves nothing behind.");
}

fn bold(text: &str) -> String {
    paint("1", text)
}

fn green(text: &str) -> String {
    paint("32", text)
}

fn red(text: &str) -> String {
    paint("31;1", text)
}

fn paint(code: &str, text: &str) -> String {
    use std::io::IsTerminal;
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A Service, an Ingress and an HTTPRoute for the backends.
pub fn objects(gateway: SocketAddr) -> Vec<(&'static str, serde_json::Value)> {
    let backend = json!({"service": {"name": "web", "port": {"number": 8080}}});
    vec![
        (
            "/api/v1/namespaces/default/services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "annotations": {"fairlead.dev/slow-start": "off"}},
                   "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]}}),
        ),
        (
            "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"},
                   "spec": {"ingressClassName": "fairlead", "rules": [{"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}),
        ),
        (
            "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways",
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "edge"},
                   "spec": {"gatewayClassName": "fairlead", "listeners": [{"name": "http", "port": gateway.port(), "protocol": "HTTP"}]}}),
        ),
        (
            "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes",
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web"},
                   "spec": {"parentRefs": [{"name": "edge"}], "hostnames": [ROUTE_HOST], "rules": [{"backendRefs": [{"name": "web", "port": 8080}]}]}}),
        ),
    ]
}
