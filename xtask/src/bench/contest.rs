//! One comparison: several subjects, the same work, rounds interleaved so that the machine's noise hits all alike.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::machine::Usage;

/// What one round of load measured of one subject.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    /// Operations that ended well.
    pub operations: f64,
    /// Operations that did not.
    pub failures: f64,
    /// Length of the round in seconds.
    pub seconds: f64,
    /// CPU time of the subject in seconds, user and system.
    pub cpu_s: f64,
    /// Median latency in microseconds, where the client tells.
    pub p50_us: Option<f64>,
    /// 99th percentile of latency in microseconds, where the client tells.
    pub p99_us: Option<f64>,
}

/// Which figure decides a contest. Less is better for the first two, more for the last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// CPU time per operation in microseconds.
    CpuPerOperation,
    /// 99th percentile of latency in microseconds.
    P99,
    /// Operations a second.
    Rate,
}

impl Figure {
    /// The figure as a column is headed.
    pub fn title(self) -> &'static str {
        match self {
            Self::CpuPerOperation => "CPU us/op",
            Self::P99 => "p99 us",
            Self::Rate => "op/s",
        }
    }

    fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::CpuPerOperation => Some(sample.cpu_s * 1e6 / sample.operations.max(1.0)),
            Self::P99 => sample.p99_us,
            Self::Rate => Some(sample.operations / sample.seconds),
        }
    }
}

/// What must hold: our figure against a peer's, as a ratio, or against a number.
pub enum Goal {
    /// At most this many times the figure of the named entrant.
    AtMost(f64, &'static str),
    /// At most this many times the best of the named entrants.
    AtMostBest(f64, &'static [&'static str]),
    /// At least this number.
    AtLeast(f64),
    /// At most this number.
    Below(f64),
}

/// One subject in a contest. The load runs one round and tells what the client saw; CPU time is added by the contest.
pub struct Entrant<'a> {
    /// Name in tables and pictures; `fairlead` is ours.
    pub name: String,
    /// CPU time and memory of the subject so far.
    pub usage: Box<dyn Fn() -> Result<Usage> + 'a>,
    /// One round.
    pub load: Box<dyn Fn() -> Result<Sample> + 'a>,
}

/// A comparison and what is asked of it.
pub struct Contest<'a> {
    /// Short name for files: lower case, dashes.
    pub slug: &'static str,
    /// The work, as a heading.
    pub title: &'static str,
    /// The figure that decides.
    pub figure: Figure,
    /// Who takes part.
    pub entrants: Vec<Entrant<'a>>,
    /// What must hold for `fairlead`.
    pub goals: Vec<Goal>,
    /// Peers that could not take part and why.
    pub missing: Vec<String>,
}

impl Contest<'_> {
    /// The same contest with these goals.
    pub fn goals(mut self, goals: impl IntoIterator<Item = Goal>) -> Self {
        self.goals.extend(goals);
        self
    }

    /// The same contest without an entrant that cannot do this work.
    pub fn without(mut self, name: &str, why: &str) -> Self {
        self.entrants.retain(|entrant| entrant.name != name);
        self.missing.push(format!("{name}: {why}"));
        self
    }

    /// The same contest, decided by another figure.
    pub fn decided_by(mut self, figure: Figure) -> Self {
        self.figure = figure;
        self
    }

    /// Runs a round to warm up, then `rounds` that count, each entrant once a round, and gives the result as a value to keep.
    pub fn run(&self, rounds: usize) -> Result<Value> {
        println!("\n{} ({rounds} rounds)", self.title);
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); self.entrants.len()];
        for round in 0..=rounds {
            for (entrant, kept) in self.entrants.iter().zip(&mut samples) {
                let before = (entrant.usage)()?;
                let mut sample = (entrant.load)()?;
                sample.cpu_s = (entrant.usage)()?.cpu_s - before.cpu_s;
                if sample.failures > 0.001 * sample.operations || sample.operations < 1.0 {
                    bail!("{}: {}: {} of {} operations failed: no figure", self.title, entrant.name, sample.failures, sample.operations);
                }
                // The first round fills caches and pools.
                if round > 0 {
                    kept.push(sample);
                }
            }
        }
        let rows: Vec<Value> = self.entrants.iter().zip(&samples).map(|(entrant, kept)| self.row(entrant, kept)).collect::<Result<_>>()?;
        let verdicts = self.goals.iter().map(|goal| verdict(goal, &rows)).collect::<Result<Vec<_>>>()?;
        for row in &rows {
            println!(
                "  {:<22} {:>10.2} {}",
                row["name"].as_str().unwrap_or_default(),
                row["median"].as_f64().unwrap_or_default(),
                self.figure.title()
            );
        }
        for missing in &self.missing {
            println!("  did not take part: {missing}");
        }
        for verdict in &verdicts {
            println!("  {}", verdict["text"].as_str().unwrap_or_default());
        }
        Ok(
            json!({"slug": self.slug, "title": self.title, "figure": self.figure.title(), "rows": rows, "goals": verdicts, "missing": self.missing, "rounds": rounds}),
        )
    }

    fn row(&self, entrant: &Entrant<'_>, kept: &[Sample]) -> Result<Value> {
        let figures: Vec<f64> = kept.iter().filter_map(|sample| self.figure.of(sample)).collect();
        let all = |pick: fn(&Sample) -> Option<f64>| median(kept.iter().filter_map(pick).collect());
        Ok(json!({
            "name": entrant.name, "median": median(figures.clone()), "least": figures.iter().copied().fold(f64::MAX, f64::min), "most": figures.iter().copied().fold(0.0, f64::max),
            "cpu_us": all(|sample| Figure::CpuPerOperation.of(sample)), "rate": all(|sample| Figure::Rate.of(sample)), "p50_us": all(|sample| sample.p50_us), "p99_us": all(|sample| sample.p99_us),
            "resident_mb": (entrant.usage)()?.resident_bytes as f64 / 1e6,
        }))
    }
}

/// A result of ours alone, held against a number: `unit` is `MB`, `ms`, ...
pub fn measured(slug: &str, title: &str, unit: &str, figures: &[f64], goal: &Goal) -> Result<Value> {
    let (least, most) = figures.iter().fold((f64::MAX, f64::MIN), |(least, most), figure| (least.min(*figure), most.max(*figure)));
    let rows = [json!({"name": "fairlead", "median": median(figures.to_vec()), "least": least, "most": most})];
    let verdict = verdict(goal, &rows)?;
    println!("{title}: {:.2} {unit}\n  {}", rows[0]["median"].as_f64().unwrap_or_default(), verdict["text"].as_str().unwrap_or_default());
    Ok(json!({"slug": slug, "title": title, "figure": unit, "rows": rows, "goals": [verdict], "missing": [], "rounds": figures.len()}))
}

/// The middle value; of an even number the mean of the two.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Whether a goal holds for the row named `fairlead`, in words.
fn verdict(goal: &Goal, rows: &[Value]) -> Result<Value> {
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).and_then(|row| row["median"].as_f64());
    let Some(ours) = of("fairlead") else { bail!("no entrant is named fairlead") };
    let ratio = |times: f64, other: Option<f64>, name: &str| match other {
        Some(other) => (Some(ours <= times * other), format!("{:.2} x {name}, at most {times:.2}", ours / other)),
        None => (None, format!("{name} did not take part")),
    };
    let (reached, text) = match goal {
        Goal::AtMost(times, name) => ratio(*times, of(name), name),
        Goal::AtMostBest(times, names) => {
            let best = names.iter().filter_map(|name| of(name)).min_by(f64::total_cmp);
            ratio(*times, best, &format!("the best of {}", names.join(" and ")))
        }
        Goal::AtLeast(least) => (Some(ours >= *least), format!("{ours:.0}, at least {least:.0}")),
        Goal::Below(most) => (Some(ours <= *most), format!("{ours:.2}, at most {most:.2}")),
    };
    let mark = match reached {
        Some(true) => "reached",
        Some(false) => "NOT REACHED",
        None => "not measured",
    };
    Ok(json!({"reached": reached, "text": format!("{mark}: {text}")}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(name: &str, cpu_s: f64) -> Entrant<'static> {
        let spent = std::cell::Cell::new(0.0);
        Entrant {
            name: name.to_owned(),
            usage: Box::new(move || {
                spent.set(spent.get() + cpu_s);
                Ok(Usage { cpu_s: spent.get(), resident_bytes: 0 })
            }),
            load: Box::new(|| Ok(Sample { operations: 1000.0, seconds: 1.0, ..Sample::default() })),
        }
    }

    #[test]
    fn a_goal_is_judged_by_the_ratio_of_medians() {
        let contest = |ours: f64| Contest {
            slug: "x",
            title: "x",
            figure: Figure::CpuPerOperation,
            entrants: vec![steady("fairlead", ours), steady("peer", 0.01)],
            goals: vec![Goal::AtMost(0.8, "peer"), Goal::AtMost(0.8, "nobody")],
            missing: Vec::new(),
        };
        let won = contest(0.007).run(3).expect("runs");
        assert_eq!(won["goals"][0]["reached"], true);
        assert_eq!(won["goals"][1]["reached"], Value::Null);
        assert_eq!(contest(0.009).run(3).expect("runs")["goals"][0]["reached"], false);
    }

    #[test]
    fn a_round_with_failures_gives_no_figure() {
        let mut entrant = steady("fairlead", 0.01);
        entrant.load = Box::new(|| Ok(Sample { operations: 100.0, failures: 1.0, seconds: 1.0, ..Sample::default() }));
        let contest = Contest { slug: "x", title: "x", figure: Figure::Rate, entrants: vec![entrant], goals: Vec::new(), missing: Vec::new() };
        assert!(contest.run(1).is_err());
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
