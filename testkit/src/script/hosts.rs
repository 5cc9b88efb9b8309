//! Hosts of their own for a script: network namespaces behind one switch, each with its own `resolv.conf`. Needs root and `ip`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Skip;

/// Every name of ours begins so, then the process that made it.
const PREFIX: &str = "fairlead-test";
/// The network between the hosts; the first host is 1.
const NETWORK: &str = "10.77.0";

static MADE: AtomicU32 = AtomicU32::new(0);

/// The hosts of a script. They are taken away when it ends.
pub struct Hosts {
    /// The script's own name for each, and the namespace.
    spaces: Vec<(String, String)>,
}

impl Hosts {
    /// Makes the hosts and moves this thread into the first: what it starts from now on runs there.
    ///
    /// # Errors
    /// [`Skip`] where the machine cannot do it; otherwise what `ip` said.
    pub fn make(names: &[&str]) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(Skip("network namespaces need root".into()).into());
        }
        sweep();
        let turn = MADE.fetch_add(1, Ordering::Relaxed);
        let space = |name: &&str| ((*name).to_owned(), format!("{PREFIX}-{}-{turn}-{name}", std::process::id()));
        // From here on whatever was made is unmade, also after an error.
        let hosts = Self { spaces: names.iter().map(space).collect() };
        let first = hosts.spaces.first().context("hosts: name at least one")?.1.clone();
        for (_, space) in &hosts.spaces {
            match Command::new("ip").args(["netns", "add", space]).output() {
                Ok(output) if output.status.success() => {}
                Ok(output) => return Err(Skip(format!("no network namespaces here: {}", String::from_utf8_lossy(&output.stderr).trim())).into()),
                Err(_) => return Err(Skip("no `ip` on PATH".into()).into()),
            }
            ip(&format!("-n {space} link set lo up"))?;
        }
        ip(&format!("-n {first} link add switch type bridge"))?;
        ip(&format!("-n {first} addr add {NETWORK}.1/24 dev switch"))?;
        ip(&format!("-n {first} link set switch up"))?;
        for (number, (_, space)) in hosts.spaces.iter().enumerate().skip(1) {
            ip(&format!("-n {space} link add eth0 type veth peer name port{number} netns {first}"))?;
            ip(&format!("-n {first} link set port{number} master switch up"))?;
            ip(&format!("-n {space} addr add {NETWORK}.{}/24 dev eth0", number + 1))?;
            ip(&format!("-n {space} link set eth0 up"))?;
            ip(&format!("-n {space} route add default via {NETWORK}.1"))?;
        }
        let file = std::fs::File::open(format!("/run/netns/{first}")).context(first)?;
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network)).context("entering the first host")?;
        Ok(hosts)
    }

    /// Names and addresses.
    pub fn addresses(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.spaces.iter().enumerate().map(|(number, (name, _))| (name.clone(), format!("{NETWORK}.{}", number + 1)))
    }

    /// Writes a host's `resolv.conf`: one server, and the search list with the five dots of a Pod.
    ///
    /// # Errors
    /// When there is no such host, or `/etc/netns` cannot be written.
    pub fn set_resolver(&self, host: &str, server: &str, search: &[&str]) -> Result<()> {
        let dir = settings(self.space(host)?);
        std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        let search = if search.is_empty() { String::new() } else { format!("search {}\n", search.join(" ")) };
        std::fs::write(dir.join("resolv.conf"), format!("nameserver {server}\n{search}options ndots:5\n"))?;
        // Nothing that this machine adds to look-ups, but files and DNS.
        std::fs::write(dir.join("nsswitch.conf"), "hosts: files dns\n")?;
        Ok(())
    }

    /// A program that will run on a host, with that host's `resolv.conf` in place of the machine's.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn command(&self, host: &str, program: &[&str]) -> Result<Command> {
        let [name, arguments @ ..] = program else { bail!("on {host}: name a program") };
        super::find_program(name)?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.space(host)?, name]).args(arguments);
        Ok(command)
    }

    fn space(&self, host: &str) -> Result<&str> {
        let found = self.spaces.iter().find(|(name, _)| name == host);
        found.map(|(_, space)| space.as_str()).with_context(|| format!("no host {host}: name it in `hosts`"))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.spaces.iter().for_each(|(_, space)| remove(space));
    }
}

/// Where `ip netns exec` finds what takes the place of files of `/etc`.
fn settings(space: &str) -> PathBuf {
    PathBuf::from("/etc/netns").join(space)
}

fn remove(space: &str) {
    let _ = Command::new("ip").args(["netns", "del", space]).output();
    let _ = std::fs::remove_dir_all(settings(space));
}

/// Takes away what runs that were killed left behind.
fn sweep() {
    let entries = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
    for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists()) {
            remove(&name);
        }
    }
}

fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip").args(arguments.split(' ')).output().context("ip")?;
    if !output.status.success() {
        bail!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
