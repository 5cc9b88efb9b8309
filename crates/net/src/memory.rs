//! How much memory this process may use, and how much is used: what its control groups say (cgroups(7), versions 1 and 2).

use std::path::{Path, PathBuf};

/// Use and bound of a control group, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// In use, without what the kernel can drop at once.
    pub used: u64,
    /// More is the end of a process in the group.
    pub limit: u64,
}

impl Memory {
    /// Hundredths of the bound that are in use.
    pub fn percent(self) -> u64 {
        self.used.saturating_mul(100) / self.limit.max(1)
    }
}

/// Files of a group: its bound, its use, and in its statistics the line of what can be dropped.
type Files = (&'static str, &'static str, &'static str);

const VERSION_2: Files = ("memory.max", "memory.current", "inactive_file");
const VERSION_1: Files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");

/// The groups that this process is in and that bound its memory, found once: its own and those around it.
#[derive(Clone, Debug, Default)]
pub struct Groups(Vec<(PathBuf, Files)>);

impl Groups {
    /// Those of this process; none where nothing bounds it.
    pub fn of_this_process() -> Self {
        let listed = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::read(&listed, Path::new("/sys/fs/cgroup"))
    }

    /// `listed` is the text of `/proc/self/cgroup`.
    fn read(listed: &str, mounted: &Path) -> Self {
        let mut groups = Vec::new();
        for line in listed.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            let (root, files) = match controllers {
                "" => (mounted.to_owned(), VERSION_2),
                some if some.split(',').any(|one| one == "memory") => (mounted.join("memory"), VERSION_1),
                _ => continue,
            };
            // In a container the path is often that outside: what is not there is left out, and the root is the container's own.
            let inside = path.trim_start_matches('/');
            let around = Path::new(inside).ancestors().map(|one| root.join(one));
            groups.extend(around.filter(|group| group.join(files.0).is_file()).map(|group| (group, files)));
        }
        groups.dedup();
        Self(groups)
    }

    /// The group that is nearest to its bound.
    pub fn tightest(&self) -> Option<Memory> {
        self.0.iter().filter_map(|(group, files)| measure(group, *files)).max_by_key(|memory| memory.percent())
    }
}

/// `None` where nothing is bounded.
fn measure(group: &Path, (limit, used, droppable): Files) -> Option<Memory> {
    let number = |name: &str| std::fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
    // Version 2 says `max` for no bound, version 1 a number that no machine has.
    let limit = number(limit).filter(|limit| *limit > 0 && *limit < 1 << 60)?;
    let statistics = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let dropped = statistics.lines().find_map(|line| line.strip_prefix(droppable)?.trim().parse::<u64>().ok()).unwrap_or(0);
    Some(Memory { used: number(used)?.saturating_sub(dropped), limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(at: &Path, files: &[(&str, &str)]) {
        std::fs::create_dir_all(at).expect("a folder");
        for (name, text) in files {
            std::fs::write(at.join(name), text).expect("a file");
        }
    }

    #[test]
    fn the_group_nearest_to_its_bound_counts_and_what_can_be_dropped_does_not() {
        let root = tempfile::tempdir().expect("a folder");
        let of = |used: &str, max: &str| [("memory.max".to_owned(), format!("{max}\n")), ("memory.current".to_owned(), format!("{used}\n"))];
        for (path, used, max) in [("", "900", "max"), ("a", "500", "1000"), ("a/b", "400", "500")] {
            let files = of(used, max);
            group(&root.path().join(path), &files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
        }
        let tightest = || Groups::read("0::/a/b\n", root.path()).tightest();
        assert_eq!(tightest(), Some(Memory { used: 400, limit: 500 }));
        group(&root.path().join("a/b"), &[("memory.stat", "anon 100\ninactive_file 300\nactive_file 0\n")]);
        assert_eq!(tightest().map(Memory::percent), Some(50), "the group around it");
        assert_eq!(Groups::read("0::/elsewhere\n", root.path()).tightest(), None, "only the root is there, and bounds nothing");
    }

    #[test]
    fn groups_of_version_1() {
        let root = tempfile::tempdir().expect("a folder");
        let limits =
            [("memory.limit_in_bytes", "1000"), ("memory.usage_in_bytes", "960"), ("memory.stat", "inactive_file 900\ntotal_inactive_file 10\n")];
        group(&root.path().join("memory"), &limits);
        let listed = "5:cpu,cpuacct:/x\n4:memory:/gone/outside\n";
        assert_eq!(Groups::read(listed, root.path()).tightest().map(Memory::percent), Some(95));
        group(&root.path().join("memory"), &[("memory.limit_in_bytes", "9223372036854771712")]);
        assert_eq!(Groups::read(listed, root.path()).tightest(), None);
    }
}
