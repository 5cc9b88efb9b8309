//! Active checks: each endpoint once per distinct check, whatever asks for it (balance spec section 7).
//!
//! Results go into [`Vitals`](model::Vitals) of the endpoint for this host's planes, and, where the Instance itself asks,
//! as evidence to whoever writes its status.

mod ask;
mod board;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::health::{Answer, Health};
use model::policy::Probe as Question;
use model::snapshot::{ProbeKey, ProbeTarget};
use model::vitals::{AgentLine, Now};
use model::{DiffItem, Live, Snapshot};
use net::clock::monotonic_ns;
use observe::Registry;
use observe::metrics::{Counter, Histogram};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::Evidence;
use ask::Unfit;
use board::{Board, Place};

/// Checks under way at once, in the whole process.
const IN_FLIGHT: usize = 200;

/// Sends what the snapshot in force wants sent.
pub struct Prober {
    live: Arc<Live>,
    evidence: mpsc::Sender<Evidence>,
    slots: Arc<Semaphore>,
    board: Arc<Board>,
    numbers: Numbers,
}

/// A check that runs.
struct Running {
    task: AbortHandle,
    place: Option<Place>,
}

#[derive(Clone)]
struct Numbers {
    took: Histogram,
    failed: Counter,
    late: Counter,
}

impl Prober {
    /// A prober of this process.
    pub fn new(live: Arc<Live>, evidence: mpsc::Sender<Evidence>, metrics: &Registry) -> Self {
        let numbers = Numbers {
            took: metrics.latency("fairlead_probe_seconds", "Time of active checks"),
            failed: metrics.counter("fairlead_probe_failures", "Active checks that failed"),
            late: metrics.counter("fairlead_probe_late", "Active checks that waited for a free slot"),
        };
        Self { live, evidence, slots: Arc::new(Semaphore::new(IN_FLIGHT)), board: Arc::default(), numbers }
    }

    /// Follows the snapshots for as long as the server lives.
    pub async fn run(self) {
        let mut seen = Arc::new(Snapshot::default());
        let mut running: HashMap<ProbeKey, Running> = HashMap::new();
        loop {
            let next = self.live.newer_than(seen.generation).await;
            let first = !seen.complete;
            let mut ended: Vec<Arc<ProbeTarget>> = Vec::new();
            for change in seen.probes.diff(&next.probes) {
                match change {
                    DiffItem::Update { old: (_, old), new: (_, new) } if is_same_question(old, new) => {}
                    DiffItem::Update { old: (key, old), new: (_, new) } => {
                        ended.extend(self.end(running.remove(key), old));
                        running.insert(key.clone(), self.begin(Arc::clone(new), first));
                    }
                    DiffItem::Add(key, target) => _ = running.insert(key.clone(), self.begin(Arc::clone(target), first)),
                    DiffItem::Remove(key, target) => ended.extend(self.end(running.remove(key), target)),
                }
            }
            for evidence in ended.iter().filter_map(|target| self.board.settle(target)) {
                let _ = self.evidence.send(evidence).await;
            }
            seen = next;
        }
    }

    fn begin(&self, target: Arc<ProbeTarget>, warm: bool) -> Running {
        let is_agent = matches!(target.check.probe, Question::Agent { .. });
        let place = (!is_agent).then(|| self.board.begin(&target, !warm));
        let probe = Probe {
            target,
            warm,
            place,
            health: Health::Unknown,
            board: Arc::clone(&self.board),
            evidence: self.evidence.clone(),
            slots: Arc::clone(&self.slots),
            numbers: self.numbers.clone(),
        };
        Running { task: tokio::spawn(probe.run()).abort_handle(), place }
    }

    /// Nobody asks any more: what the check said must not hold the endpoint back for ever. Gives it where its object may care.
    fn end(&self, former: Option<Running>, target: &Arc<ProbeTarget>) -> Option<Arc<ProbeTarget>> {
        let former = former?;
        former.task.abort();
        match former.place {
            Some(place) => self.board.end(place, target),
            None => target.endpoint.vitals.forget_agent(),
        }
        Some(Arc::clone(target))
    }
}

/// Whether a running probe can go on: the same numbers are written, the same question is asked, for the same asker.
fn is_same_question(old: &ProbeTarget, new: &ProbeTarget) -> bool {
    Arc::ptr_eq(&old.endpoint.vitals, &new.endpoint.vitals)
        && old.endpoint.address == new.endpoint.address
        && old.check == new.check
        && old.own == new.own
}

/// One endpoint and one check.
struct Probe {
    target: Arc<ProbeTarget>,
    /// Present when the process started: assumed up until shown otherwise (H6).
    warm: bool,
    /// An agent has none: it speaks for itself.
    place: Option<Place>,
    health: Health,
    board: Arc<Board>,
    evidence: mpsc::Sender<Evidence>,
    slots: Arc<Semaphore>,
    numbers: Numbers,
}

impl Probe {
    async fn run(mut self) {
        if let Question::Agent { expiry } = self.target.check.probe {
            return self.follow_agent(expiry).await;
        }
        let check = &self.target.check;
        let given_up = Instant::now() + check.interval + check.timeout;
        if self.warm {
            // Many endpoints at once: spread the first round.
            tokio::time::sleep(check.interval.mul_f64(chance())).await;
        }
        let mut waits = !self.warm;
        loop {
            let answer = self.ask().await;
            let before = self.health;
            self.health = before.after(verdict_of(&answer), &self.target.check);
            waits &= self.health != Health::Up && Instant::now() < given_up;
            self.tell(before, waits, &answer).await;
            let pause = self.health.interval(&self.target.check);
            let jitter = f64::from(self.target.check.jitter_percent) / 100.0;
            tokio::time::sleep(pause.mul_f64(1.0 + jitter * (chance() - 0.5))).await;
        }
    }

    /// Asks the agent of the endpoint, for ever. No answer is no failure (balance spec S15).
    async fn follow_agent(&self, expiry: Duration) {
        let (endpoint, check) = (&self.target.endpoint, &self.target.check);
        let address = SocketAddr::new(endpoint.address.ip(), check.port.unwrap_or(endpoint.address.port()));
        let mut heard = None;
        loop {
            let slot = self.slots.acquire().await;
            let line = tokio::time::timeout(check.timeout, ask::agent::line(address)).await.ok().flatten();
            drop(slot);
            if let Some(said) = line.as_deref().and_then(AgentLine::read) {
                let before = endpoint.vitals.state();
                endpoint.vitals.heed_agent(&said, endpoint.weight);
                heard = Some(Instant::now());
                if endpoint.vitals.state() != before {
                    tracing::info!(endpoint = %endpoint.stable_name, %address, line, "an agent changed the state of its endpoint");
                }
            } else if heard.is_some_and(|heard| heard.elapsed() > expiry) {
                endpoint.vitals.forget_agent_weight();
                heard = None;
            }
            let jitter = f64::from(check.jitter_percent) / 100.0;
            tokio::time::sleep(check.interval.mul_f64(1.0 + jitter * (chance() - 0.5))).await;
        }
    }

    async fn ask(&self) -> Result<(), Unfit> {
        if self.slots.available_permits() == 0 {
            self.numbers.late.inc();
        }
        let _slot = self.slots.acquire().await;
        let started = Instant::now();
        let answer = tokio::time::timeout(self.target.check.timeout, ask::ask(&self.target)).await;
        let answer = answer.unwrap_or_else(|_| Err(Unfit::Failed(format!("no answer within {} ms", self.target.check.timeout.as_millis()))));
        self.numbers.took.observe(started.elapsed().as_secs_f64());
        if answer.is_err() {
            self.numbers.failed.inc();
        }
        answer
    }

    /// Writes the result for this host's planes, and a change of verdict for everybody.
    async fn tell(&self, before: Health, waits: bool, answer: &Result<(), Unfit>) {
        let vitals = &self.target.endpoint.vitals;
        vitals.probed(answer.is_ok(), Now(monotonic_ns()));
        if answer.is_ok() {
            vitals.reachable_again(Now(monotonic_ns()));
        }
        let evidence = self.place.and_then(|place| self.board.say(place, &self.target, self.health, waits, answer));
        self.log(before, answer);
        if let Some(evidence) = evidence {
            let _ = self.evidence.send(evidence).await;
        }
    }

    fn log(&self, before: Health, answer: &Result<(), Unfit>) {
        if before.is_down() == self.health.is_down() && before != Health::Unknown {
            return;
        }
        let reason = match answer {
            Ok(()) => "the check passes",
            Err(Unfit::Refused(why) | Unfit::Failed(why)) => why,
        };
        tracing::info!(endpoint = %self.target.endpoint.stable_name, address = %self.target.endpoint.address, ?before, now = ?self.health, reason, "a check changed its verdict");
    }
}

/// A result without its words.
fn verdict_of(answer: &Result<(), Unfit>) -> Answer {
    match answer {
        Ok(()) => Answer::Passed,
        Err(Unfit::Failed(_)) => Answer::Failed,
        Err(Unfit::Refused(_)) => Answer::Refused,
    }
}

/// A number from 0 to 1.
pub(crate) fn chance() -> f64 {
    let mut bytes = [0_u8; 4];
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
