//! The middle of the hourglass: changes in, one compile, one publication; and the two slow loops that weigh and judge.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use api::Decided;
use api::backend_policy::BackendPolicySpec;
use compile::{Change, Compiled, Diagnostic, Wants, World};
use model::{Live, Snapshot};
use observe::Registry;
use observe::metrics::{Counter, Gauge, Histogram};
use source::Source;
use tokio::sync::{mpsc, watch};

/// Changes taken in before one compile: under load they coalesce, at rest each is compiled at once.
const BATCH: usize = 1_024;

/// How long a complaint must stand before the author of the object is told: what is applied together arrives one after the other, and
/// a Secret is read only after somebody names it.
const STANDS: Duration = Duration::from_secs(1);
/// Complaints that may wait for that. The log has those beyond it, too.
const WAITING: usize = 1_024;

/// How long a generation is held at most for what it refers to and nobody has read yet.
const UNREAD: Duration = Duration::from_secs(1);

/// What the engine is wired to.
pub struct Engine {
    /// The objects.
    pub world: World,
    /// Where snapshots are published.
    pub live: Arc<Live>,
    /// Where changes come from.
    pub source: Source,
    /// Who writes statuses.
    pub decided: mpsc::UnboundedSender<Vec<Decided>>,
    /// Who tells the authors of objects what is wrong with them.
    pub complaints: mpsc::Sender<control::Complaint>,
    /// Who reads Secrets.
    pub wants: watch::Sender<Option<Arc<Wants>>>,
    /// Defaults of all policies, whatever they become.
    pub defaults: watch::Receiver<BackendPolicySpec>,
    /// Set to the number of the first complete generation.
    pub first_complete: Arc<AtomicU64>,
}

/// Complaints, and when each has stood for long enough.
type Waiting = VecDeque<(tokio::time::Instant, Diagnostic)>;

struct Numbers {
    generation: Gauge,
    compile: Histogram,
    changes: Counter,
    diagnostics: Counter,
}

impl Engine {
    /// Drains, compiles, publishes, until every source is gone.
    pub async fn run(mut self, metrics: Registry) {
        let numbers = Numbers {
            generation: metrics.gauge("fairlead_generation", "Generation of the snapshot in force"),
            compile: metrics.latency("fairlead_compile_seconds", "Time of one compilation"),
            changes: metrics.counter("fairlead_changes", "Changes taken in from sources"),
            diagnostics: metrics.counter("fairlead_diagnostics_reported", "Complaints about objects"),
        };
        let (mut waiting, mut settled) = (VecDeque::new(), None);
        loop {
            let due = waiting.front().map(|(due, _): &(tokio::time::Instant, Diagnostic)| *due);
            let next = tokio::select! {
                first = self.source.next() => match first {
                    Some(first) => Some(first),
                    None => return,
                },
                // Whoever could change them may be gone: then they stay as they are.
                Ok(()) = self.defaults.changed() => {
                    self.world.set_policy_defaults(&self.defaults.borrow_and_update());
                    self.source.try_next()
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => {
                    self.tell(&mut waiting);
                    continue;
                }
            };
            self.take_in(next, &numbers);
            let round = self.settle(&mut settled, &numbers).await;
            self.publish(round, &numbers, &mut waiting);
        }
    }

    /// Compiles, and where an object names a Secret or ConfigMap that nobody has read yet, again once it was: a Gateway does not say for a
    /// moment that its certificate is missing, and no client gets the default one instead.
    ///
    /// `settled` is what was wanted and tried last.
    async fn settle(&mut self, settled: &mut Option<Arc<Wants>>, numbers: &Numbers) -> Round {
        let mut round = Round::default();
        round.add(self.compile(numbers));
        self.want(&round.wants);
        // Nothing new is wanted by nearly all changes: then ten thousand names are not looked up.
        if settled.as_ref().is_some_and(|known| Arc::ptr_eq(known, &round.wants)) {
            return round;
        }
        let mut tries = self.source.tries();
        let given_up_at = tokio::time::Instant::now() + UNREAD;
        // Before the first complete generation the source itself waits for them.
        while round.is_complete() && !self.source.has_tried(&round.wants) {
            let next = tokio::select! {
                // First, so that no flood of other changes puts the end off.
                biased;
                () = tokio::time::sleep_until(given_up_at) => {
                    self.source.give_up(&round.wants);
                    None
                }
                next = self.source.next() => match next {
                    Some(next) => Some(next),
                    // Nobody reads any more.
                    None => return round,
                },
                () = tries.next() => None,
            };
            self.take_in(next, numbers);
            if self.source.has_tried(&round.wants) {
                // What says so stands in the queue by now.
                let next = self.source.try_next();
                self.take_in(next, numbers);
                round.add(self.compile(numbers));
                self.want(&round.wants);
            }
        }
        if round.is_complete() {
            *settled = Some(Arc::clone(&round.wants));
        }
        round
    }

    /// Takes in a change and those behind it.
    fn take_in(&mut self, mut next: Option<Change>, numbers: &Numbers) {
        for _ in 0..BATCH {
            let Some(change) = next else { return };
            numbers.changes.inc();
            self.world.apply(change);
            next = self.source.try_next();
        }
        if let Some(last) = next {
            numbers.changes.inc();
            self.world.apply(last);
        }
    }

    fn compile(&mut self, numbers: &Numbers) -> Compiled {
        let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let started = Instant::now();
        let compiled = self.world.compile(u32::try_from(now_s).unwrap_or(u32::MAX));
        numbers.compile.observe(started.elapsed().as_secs_f64());
        compiled
    }

    /// Tells the source what is to be read.
    fn want(&self, wants: &Arc<Wants>) {
        self.wants.send_if_modified(|known| {
            let changed = known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, wants));
            if changed {
                *known = Some(Arc::clone(wants));
            }
            changed
        });
    }

    fn publish(&mut self, round: Round, numbers: &Numbers, waiting: &mut Waiting) {
        let standing: HashSet<&Diagnostic> = if round.is_mixed { self.world.diagnostics().collect() } else { HashSet::new() };
        for diagnostic in round.diagnostics.into_iter().filter(|one| !round.is_mixed || standing.contains(one)) {
            numbers.diagnostics.inc();
            tracing::warn!(object = %diagnostic.origin, reason = diagnostic.reason, "{}", diagnostic.message);
            if waiting.len() < WAITING {
                waiting.push_back((tokio::time::Instant::now() + STANDS, diagnostic));
            }
        }
        let Some(snapshot) = round.snapshot else { return };
        if snapshot.generation > self.live.load().generation {
            numbers.generation.set(snapshot.generation as i64);
            if snapshot.complete {
                let _ = self.first_complete.compare_exchange(0, snapshot.generation, Ordering::AcqRel, Ordering::Relaxed);
            }
            self.live.publish(snapshot);
        }
        if !round.decided.is_empty() {
            let _ = self.decided.send(round.decided);
        }
    }
}

/// What one or more compilations came to; of several decisions about one object the last counts.
#[derive(Default)]
struct Round {
    snapshot: Option<Arc<Snapshot>>,
    decided: Vec<Decided>,
    diagnostics: Vec<Diagnostic>,
    wants: Arc<Wants>,
    /// Several: complaints of the earlier ones may not stand any more.
    is_mixed: bool,
}

impl Round {
    fn add(&mut self, compiled: Compiled) {
        self.is_mixed = self.snapshot.is_some();
        if self.is_mixed {
            let is_anew =
                |old: &Decided| compiled.decided.iter().any(|new| (new.kind, &new.namespace, &new.name) == (old.kind, &old.namespace, &old.name));
            self.decided.retain(|old| !is_anew(old));
        }
        self.decided.extend(compiled.decided);
        self.diagnostics.extend(compiled.diagnostics);
        self.snapshot = Some(compiled.snapshot);
        self.wants = compiled.wants;
    }

    fn is_complete(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.complete)
    }
}

impl Engine {
    /// Tells what has stood for long enough, and still does.
    fn tell(&self, waiting: &mut Waiting) {
        let now = tokio::time::Instant::now();
        let count = waiting.iter().take_while(|(due, _)| *due <= now).count();
        let standing: HashSet<&Diagnostic> = self.world.diagnostics().collect();
        for (_, diagnostic) in waiting.drain(..count) {
            if standing.contains(&diagnostic) {
                let Diagnostic { origin, reason, message } = diagnostic;
                // Full: more is wrong than anybody will read.
                let _ = self.complaints.try_send(control::Complaint { about: origin, warns: true, reason, message });
            }
        }
    }
}

/// Whether every one of these planes serves a complete generation.
pub fn planes_ready(live: &Live, first_complete: &AtomicU64, planes: &[&str]) -> bool {
    let wanted = first_complete.load(Ordering::Acquire);
    let (_, applied) = live.acknowledgements();
    wanted > 0 && planes.iter().all(|plane| applied.iter().any(|said| said.plane == *plane && said.generation >= wanted))
}

/// How often verdicts are judged (balance spec B5).
pub const JUDGE: Duration = Duration::from_millis(100);
/// How often slow weights are weighed.
pub const WEIGH: Duration = Duration::from_secs(1);
