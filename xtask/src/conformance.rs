//! `cargo xtask conformance gateway`: the suite of Gateway API, written by others and unmodified, against the built binary.
//! `cargo xtask conformance clients`: tours with the Go clients that most controllers are written with.
//! `cargo xtask conformance http1`: generated HTTP/1 messages, and whether nginx and haproxy read them as we do.
//! `cargo xtask conformance api`: the same requests to our API server and to kube-apiserver, and what they answer differently.
//!
//! The suite of Gateway API wants addresses of its own for Gateways and Pods, and ports 80 and 443 on them. Both are had without root in a network
//! namespace in which a private network is routed to the loopback interface: this program starts itself again inside one. Go is
//! needed here and nowhere else in the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The networks of Gateways and Pods lie in it.
const NETWORK: &str = "10.250.0.0/16";
/// Addresses that Gateways get.
const GATEWAYS: &str = "10.250.1.0/24";
/// One of them that a Gateway may ask for, and one that is nobody's (RFC 5737).
const USABLE: &str = "10.250.1.250";
const UNUSABLE: &str = "192.0.2.1";
/// What we claim to pass whole.
const PROFILES: &str = "GATEWAY-HTTP";
/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds, then runs inside.
///
/// # Errors
/// When something cannot be built or started, or a test fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let [suite, rest @ ..] = arguments else {
        bail!(
            "usage: cargo xtask conformance gateway [--suite 1.7|1.6] [FLAG OF THE SUITE...], conformance clients [FLAG...], \
             conformance http1 [--count N] [--seed N], or conformance api [FLAG...]"
        )
    };
    match suite.as_str() {
        "gateway" => gateway(rest),
        "clients" => clients(rest),
        "http1" => http1(rest),
        "api" => api(rest),
        other => bail!("there is no suite {other:?}; there are gateway, clients, http1 and api"),
    }
}

/// The tours of `conformance/clients` against a server on free ports.
fn clients(rest: &[String]) -> Result<()> {
    let target = crate::bench::target();
    checked(Command::new(env!("CARGO")).args(["build", "--package", "fairlead"]))?;
    let scratch = std::path::absolute(target.join("conformance"))?;
    std::fs::create_dir_all(&scratch).with_context(|| format!("making {}", scratch.display()))?;
    let any = |flag: &'static str| [flag, "127.0.0.1:0"];
    let ports = ["--api-address", "--dns-address", "--http-address", "--https-address", "--admin-address"].map(any);
    let server = Server::start(&target.join("debug/fairlead"), &scratch, &ports.concat())?;
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/clients");
    let mut tours = Command::new("go");
    tours.args(["test", "-count=1", "."]).args(rest).current_dir(module).env("KUBECONFIG", server.data.join("admin.kubeconfig"));
    checked(&mut tours)
}

/// The grid of `conformance/http1`, which starts the server and the peers itself.
fn http1(rest: &[String]) -> Result<()> {
    checked(Command::new(env!("CARGO")).args(["build", "--package", "fairlead"]))?;
    let grid = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/http1/grid.py");
    checked(Command::new("python3").arg(grid).arg("--binary").arg(crate::bench::target().join("debug/fairlead")).args(rest))
}

/// The driver of `conformance/api`, with the API alone on both sides.
fn api(rest: &[String]) -> Result<()> {
    let (etcd, kube) = (crate::bench::peers::find("etcd")?, crate::bench::peers::find("kube-apiserver")?);
    checked(Command::new(env!("CARGO")).args(["build", "--package", "fairlead-apiserver", "--example", "serve"]))?;
    let mut driver = Command::new("python3");
    driver.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/api/drive.py"));
    driver.arg("--ours").arg(std::path::absolute(crate::bench::target().join("debug/examples/serve"))?);
    driver.arg("--kube-apiserver").arg(&kube.program).arg("--etcd").arg(&etcd.program);
    match definitions() {
        Some(folder) => drop(driver.arg("--gateway-definitions").arg(folder)),
        None => println!("skipped: kinds of Gateway API, whose definitions Go's module cache does not have"),
    }
    checked(driver.args(rest))
}

/// Where Go's module cache has the definitions of Gateway API that its newest suite is made for. Its Go need not be here for that.
fn definitions() -> Option<PathBuf> {
    const MODULE: &str = "sigs.k8s.io/gateway-api";
    let wanted = std::fs::read_to_string(folder().join(SUITES[0].modules)).ok()?;
    let version = wanted.lines().find_map(|line| line.trim().trim_start_matches("require ").strip_prefix(MODULE)?.split_whitespace().next())?;
    let said = Command::new("go").args(["env", "GOMODCACHE"]).env("GOTOOLCHAIN", "local").output().ok()?;
    let cache = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim());
    Some(cache.join(format!("{MODULE}@{version}/config/crd/standard"))).filter(|dir| dir.is_dir())
}

/// A version of the suite, and where its modules and what it may call unsupported are written down.
struct Suite {
    version: &'static str,
    /// The first Go that builds it.
    go: u32,
    modules: &'static str,
    unsupported: &'static str,
}

/// The newest first, which is the one that counts.
const SUITES: [Suite; 2] = [
    Suite { version: "1.7", go: 27, modules: "go.mod", unsupported: "unsupported.txt" },
    Suite { version: "1.6", go: 26, modules: "go-1.6.mod", unsupported: "unsupported-1.6.txt" },
];

impl Suite {
    /// The one that `--suite` names, or else the newest that this machine's Go builds.
    fn chosen<'a>(program: &str, rest: &'a [String]) -> Result<(&'static Self, &'a [String])> {
        if let [flag, version, rest @ ..] = rest
            && flag == "--suite"
        {
            let suite = SUITES.iter().find(|suite| suite.version == version).context("--suite is 1.7 or 1.6")?;
            return Ok((suite, rest));
        }
        let said = Command::new(program).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output().context("Go cannot be started")?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let minor = said.trim().strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        let minor = minor.with_context(|| format!("{said:?} is no version of Go"))?;
        let suite = SUITES.iter().find(|suite| suite.go <= minor).with_context(|| format!("Go 1.{minor} builds no version of the suite"))?;
        println!(
            "Go 1.{minor} builds the suite of Gateway API v{}{}",
            suite.version,
            if suite.version == SUITES[0].version { "" } else { "; v1.7 needs Go 1.27: GO=/path/to/go" }
        );
        Ok((suite, rest))
    }
}

fn gateway(rest: &[String]) -> Result<()> {
    let go = std::env::var("GO").unwrap_or_else(|_| "go".into());
    let (suite, rest) = Suite::chosen(&go, rest)?;
    let target = crate::bench::target();
    checked(Command::new(env!("CARGO")).args(["build", "--package", "fairlead"]))?;
    let scratch = target.join("conformance");
    std::fs::create_dir_all(&scratch).with_context(|| format!("making {}", scratch.display()))?;
    let tests = std::path::absolute(scratch.join("gateway.test"))?;
    let mut build = Command::new(&go);
    build.args(["test", "-c", "-modfile", suite.modules, "-o"]).arg(&tests).arg(".").current_dir(folder()).env("GOTOOLCHAIN", "local");
    checked(&mut build)?;
    let myself = std::env::current_exe().context("where am I")?;
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--net", "--mount", "--"]).arg(myself).arg("conformance-inside");
    inside.arg(std::path::absolute(target.join("debug/fairlead"))?).arg(&tests).arg(std::path::absolute(&scratch)?);
    inside.arg(suite.unsupported).args(rest);
    checked(&mut inside)
}

/// The Go module.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/gateway")
}

/// In the namespace: network, server, suite, verdict.
///
/// # Errors
/// As [`run`].
pub fn inside(arguments: &[String]) -> Result<()> {
    let [binary, tests, scratch, unsupported, rest @ ..] = arguments else { bail!("this is for cargo xtask conformance alone") };
    let scratch = Path::new(scratch);
    checked(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    checked(Command::new("ip").args(["route", "add", "local", NETWORK, "dev", "lo"]))?;
    let server = Server::start(Path::new(binary), scratch, &["--gateway-addresses", GATEWAYS, "--service-cidr", "10.250.128.0/17"])?;
    let report = scratch.join("gateway.yaml");
    let _ = std::fs::remove_file(&report);
    let mut suite = Command::new(tests);
    suite.env("KUBECONFIG", server.data.join("admin.kubeconfig")).current_dir(folder());
    suite.args(["-test.timeout", "30m", "-gateway-class", "fairlead", "-conformance-profiles", PROFILES]);
    suite.args(["-usable-address", USABLE, "-unusable-address", UNUSABLE, "-report-output"]).arg(&report);
    suite.args(["-organization", "fairlead", "-project", "fairlead", "-url", "https://fairlead.dev", "-version", env!("CARGO_PKG_VERSION")]);
    suite.args(["-contact", "https://fairlead.dev/contact"]).args(rest);
    let passed = checked(&mut suite);
    drop(server);
    println!("report: {}", report.display());
    passed?;
    if !rest.is_empty() {
        // The flags may choose some of the tests: their report is never whole.
        return Ok(());
    }
    let report = std::fs::read_to_string(&report).context("reading the report")?;
    judge(&report, &std::fs::read_to_string(folder().join(unsupported)).with_context(|| format!("reading {unsupported}"))?)
}

/// Every result must be a success, and nothing may be unsupported that is not known to be.
fn judge(report: &str, known: &str) -> Result<()> {
    let known: BTreeSet<&str> = known.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let bad: Vec<&str> = report.lines().map(str::trim).filter(|line| line.starts_with("result:") && *line != "result: success").collect();
    let mut unsupported = BTreeSet::new();
    let mut listing = false;
    for line in report.lines().map(str::trim) {
        match line.strip_prefix("- ") {
            Some(feature) if listing => drop(unsupported.insert(feature)),
            _ => listing = line == "unsupportedFeatures:",
        }
    }
    let list = |features: Vec<&&str>| features.into_iter().copied().collect::<Vec<_>>().join(", ");
    let (more, fewer) = (list(unsupported.difference(&known).collect()), list(known.difference(&unsupported).collect()));
    match () {
        () if !bad.is_empty() => bail!("the report says: {}", bad.join(", ")),
        () if !more.is_empty() => bail!("features that were supported are not any more: {more}"),
        () if !fewer.is_empty() => bail!("features became supported; take them out of the list in conformance/gateway: {fewer}"),
        () => Ok(()),
    }
}

/// `fairlead up`, ended when this is dropped.
struct Server {
    child: Child,
    data: PathBuf,
}

impl Server {
    fn start(binary: &Path, scratch: &Path, flags: &[&str]) -> Result<Self> {
        let data = scratch.join("data");
        let _ = std::fs::remove_dir_all(&data);
        let log = std::fs::File::create(scratch.join("fairlead.log")).context("making the server's log")?;
        let mut command = Command::new(binary);
        command.arg("up").arg("--data-dir").arg(&data).args(["--dns-upstream", "none"]).args(flags);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().context("starting fairlead up")?;
        let server = Self { child, data };
        let addresses = server.data.join("addresses.json");
        let end = Instant::now() + PATIENCE;
        let ready = || {
            let told = std::fs::read(&addresses).ok().and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
            let Some(admin) = told.as_ref().and_then(|told| told["admin"].as_str()) else { return false };
            let asked = Command::new("curl").args(["--silent", "--fail", "--output", "/dev/null", &format!("http://{admin}/readyz")]).status();
            asked.is_ok_and(|status| status.success())
        };
        while !ready() {
            if Instant::now() > end {
                bail!("the server is not ready after {} s; see {}", PATIENCE.as_secs(), scratch.join("fairlead.log").display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program and tells it; anything but success is an error.
fn checked(command: &mut Command) -> Result<()> {
    println!("$ {command:?}");
    let status = command.status().with_context(|| format!("{} cannot be started; is it installed?", command.get_program().to_string_lossy()))?;
    if status.success() { Ok(()) } else { bail!("{} ended with {status}", command.get_program().to_string_lossy()) }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_report_is_judged_by_its_results_and_by_what_is_known_to_be_missing() {
        let report = |result: &str| {
            format!(
                "profiles:\n- core:\n    result: {result}\n  extended:\n    result: success\n    supportedFeatures:\n    - A\n    unsupportedFeatures:\n    - B\n    - C\n  name: X\n"
            )
        };
        assert!(judge(&report("success"), "# why\nB\nC\n").is_ok());
        let says = |report: &str, known: &str| judge(report, known).expect_err("refused").to_string();
        assert!(says(&report("failure"), "B\nC\n").contains("result: failure"));
        assert!(says(&report("success"), "B\n").ends_with(": C"));
        assert!(says(&report("success"), "B\nC\nD\n").ends_with(": D"));
    }
}
