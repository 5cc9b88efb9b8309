//! What the kernel tells about processes and this machine: CPU time, memory, names.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

/// Clock ticks a second in /proc; Linux shows 100 to user space on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one look at a process and all its descendants found.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// User and system time in seconds, of those that live and of children already waited for.
    pub cpu_s: f64,
    /// Resident memory in bytes, pages shared with relatives counted for each.
    pub resident_bytes: u64,
}

/// Looks at `pid` and all its descendants.
pub fn usage(pid: u32) -> Result<Usage> {
    let mut sum = Usage::default();
    for member in family(pid)? {
        // A member that ended meanwhile was waited for by its parent, whose line then holds its time.
        let Ok(stat) = fs::read_to_string(format!("/proc/{member}/stat")) else { continue };
        let fields: Vec<&str> = after_name(&stat).split_ascii_whitespace().collect();
        // Counted from the state: utime, stime, cutime and cstime are 11 to 14, proc(5).
        for field in &fields[11..15] {
            sum.cpu_s += field.parse::<f64>().context("a field of /proc/PID/stat is a number")? / TICKS_PER_SECOND;
        }
        sum.resident_bytes += resident(member);
    }
    Ok(sum)
}

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// `pid` and its descendants.
fn family(pid: u32) -> Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").context("reading /proc")? {
        let Some(child) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat")) else { continue };
        let parent = after_name(&stat).split_ascii_whitespace().nth(1).and_then(|field| field.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (child, parent)));
    }
    let mut members = vec![pid];
    let mut at = 0;
    while at < members.len() {
        let member = members[at];
        members.extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(child, _)| *child));
        at += 1;
    }
    Ok(members)
}

/// The part of a stat line after the name, which may hold spaces and parentheses itself.
fn after_name(stat: &str) -> &str {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest)
}

/// Processor, cores, kernel: one line for the head of a report.
pub fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("processor of unknown model", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, Linux {}", first_line("uname", &["-r"]))
}

/// Share of all processor time that others used in the last `window`: what a reader must know to trust a figure.
pub fn busy_share(window: Duration) -> Result<f64> {
    let (busy, all) = jiffies()?;
    std::thread::sleep(window);
    let (busy_after, all_after) = jiffies()?;
    Ok((busy_after - busy) / (all_after - all).max(1.0))
}

fn jiffies() -> Result<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let fields: Vec<f64> = stat.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    let all: f64 = fields.iter().take(8).sum();
    // Idle and waiting for a disk are fields 4 and 5.
    Ok((all - fields.get(3).unwrap_or(&0.0) - fields.get(4).unwrap_or(&0.0), all))
}

/// The first line that a program prints, on whichever stream; empty when it cannot be run.
pub fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else { return String::new() };
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}
