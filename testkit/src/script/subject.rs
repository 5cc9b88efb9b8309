//! Whom a script is run against. `SUBJECT=netns` puts every script on a host of its own; `SUBJECT=oracle` lets CoreDNS, reading the
//! same API, answer its DNS questions, which shows that the script is right about names.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Skip;

/// How long CoreDNS may take to answer.
const START: Duration = Duration::from_secs(20);

/// The subject of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The built binary, on this host.
    Plain,
    /// The built binary, each script in a network namespace.
    Netns,
    /// What the binary replaces.
    Oracle,
}

impl Subject {
    /// As the environment says.
    ///
    /// # Errors
    /// When it says something else.
    pub fn from_environment() -> Result<Self> {
        match std::env::var("SUBJECT").unwrap_or_default().as_str() {
            "" | "fairlead" => Ok(Self::Plain),
            "netns" => Ok(Self::Netns),
            "oracle" => Ok(Self::Oracle),
            other => bail!("SUBJECT={other}: use netns or oracle"),
        }
    }

    /// Whether a line that begins with `[WORD]` or `[!WORD]` is for it.
    pub fn is_meant(self, condition: &str) -> Result<bool> {
        let (word, wanted) = condition.strip_prefix('!').map_or((condition, true), |word| (word, false));
        let is = match word {
            "oracle" => self == Self::Oracle,
            "netns" => self == Self::Netns,
            other => bail!("unknown condition [{other}]: use oracle or netns"),
        };
        Ok(is == wanted)
    }
}

/// A CoreDNS that serves the cluster of a server under test.
pub struct CoreDns {
    child: Child,
    /// Where it answers.
    pub address: String,
}

impl CoreDns {
    /// Starts the binary that `$COREDNS` names, or one in the cache folder, or on the path, on the cluster of this kubeconfig.
    ///
    /// # Errors
    /// [`Skip`] when there is none; its log when it does not answer.
    pub fn start(data: &Path) -> Result<Self> {
        let binary = find().ok_or_else(|| Skip("no CoreDNS: name one in $COREDNS".into()))?;
        let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        let corefile = data.join("Corefile");
        let kubeconfig = data.join("admin.kubeconfig");
        let zones = "cluster.local in-addr.arpa ip6.arpa";
        let listens: Vec<String> = zones.split(' ').map(|zone| format!("{zone}:{port}")).collect();
        let text = format!(
            "{} {{\n kubernetes {zones} {{\n  kubeconfig {}\n  pods verified\n  ttl 5\n }}\n loadbalance\n}}\n",
            listens.join(" "),
            kubeconfig.display()
        );
        std::fs::write(&corefile, text)?;
        let log = std::fs::File::create(data.join("coredns.log"))?;
        let child = Command::new(&binary).arg("-conf").arg(&corefile).stdout(log.try_clone()?).stderr(log).stdin(Stdio::null()).spawn();
        let child = child.with_context(|| binary.display().to_string())?;
        let oracle = Self { child, address: format!("127.0.0.1:{port}") };
        let started = Instant::now();
        while crate::dns::ask(&oracle.address, "dns-version.cluster.local", "TXT").is_err() {
            if started.elapsed() > START {
                bail!("CoreDNS does not answer:\n{}", std::fs::read_to_string(data.join("coredns.log")).unwrap_or_default());
            }
        }
        Ok(oracle)
    }
}

impl Drop for CoreDns {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find() -> Option<PathBuf> {
    let named = std::env::var_os("COREDNS").map(PathBuf::from);
    let cached = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/fairlead/peers/coredns"));
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).map(|dir| dir.join("coredns"));
    named.into_iter().chain(cached).chain(on_path).find(|path| path.is_file())
}
