//! Active checks: each endpoint once per distinct check, whatever asks for it (balance spec section 7).
//!
//! Results go into [`Vitals`](model::Vitals) of the endpoint for this host's planes, and, where the Instance itself asks,
//! as evidence to whoever writes its status.

mod ask;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::health::{Answer, Health};
use model::policy::Probe as Question;
use model::snapshot::{ProbeKey, ProbeTarget};
use model::vitals::{AgentLine, Now, State};
use model::{DiffItem, Live, Snapshot, Target};
use net::clock::monotonic_ns;
use observe::Registry;
use observe::metrics::{Counter, Histogram};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::{Evidence, Proof, Verdict};
use ask::Unfit;

/// Checks under way at once, in the whole process.
const IN_FLIGHT: usize = 200;

/// Sends what the snapshot in force wants sent.
pub struct Prober {
    live: Arc<Live>,
    evidence: mpsc::Sender<Evidence>,
    slots: Arc<Semaphore>,
    numbers: Numbers,
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
        Self { live, evidence, slots: Arc::new(Semaphore::new(IN_FLIGHT)), numbers }
    }

    /// Follows the snapshots for as long as the server lives.
    pub async fn run(self) {
        let mut seen = Arc::new(Snapshot::default());
        let mut running: HashMap<ProbeKey, AbortHandle> = HashMap::new();
        loop {
            let next = self.live.newer_than(seen.generation).await;
            let first = !seen.complete;
            for change in seen.probes.diff(&next.probes) {
                match change {
                    DiffItem::Update { old: (_, old), new: (_, new) } if is_same_question(old, new) => {}
                    DiffItem::Add(key, target) | DiffItem::Update { new: (key, target), .. } => {
                        let probe = self.probe(Arc::clone(target), first);
                        if let Some(former) = running.insert(key.clone(), tokio::spawn(probe.run()).abort_handle()) {
                            former.abort();
                        }
                    }
                    DiffItem::Remove(key, target) => {
                        if let Some(former) = running.remove(key) {
                            former.abort();
                        }
                        // Nobody asks any more: what the check said must not hold it back for ever.
                        if matches!(target.check.probe, Question::Agent { .. }) {
                            target.endpoint.vitals.forget_agent();
                            continue;
                        }
                        for bits in [State::PROBE_DOWN, State::PROBE_REFUSED, State::WAITING] {
                            target.endpoint.vitals.mark(bits, false);
                        }
                    }
                }
            }
            seen = next;
        }
    }
}

impl Prober {
    fn probe(&self, target: Arc<ProbeTarget>, warm: bool) -> Probe {
        Probe {
            target,
            warm,
            health: Health::Unknown,
            evidence: self.evidence.clone(),
            slots: Arc::clone(&self.slots),
            numbers: self.numbers.clone(),
        }
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
    health: Health,
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
        } else {
            self.target.endpoint.vitals.mark(State::WAITING, true);
        }
        loop {
            let answer = self.ask().await;
            let before = self.health;
            self.health = before.after(verdict_of(&answer), &self.target.check);
            if self.health == Health::Up || Instant::now() >= given_up {
                self.target.endpoint.vitals.mark(State::WAITING, false);
            }
            self.tell(before, &answer).await;
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
    async fn tell(&self, before: Health, answer: &Result<(), Unfit>) {
        let vitals = &self.target.endpoint.vitals;
        let (down, refused) = (self.health.is_down(), matches!(answer, Err(Unfit::Refused(_))));
        vitals.probed(answer.is_ok(), Now(monotonic_ns()));
        vitals.mark(State::PROBE_REFUSED, down && refused);
        vitals.mark(State::PROBE_DOWN, down && !refused);
        if answer.is_ok() {
            vitals.reachable_again(Now(monotonic_ns()));
        }
        let told_before = before != Health::Unknown && !matches!(before, Health::Failing(_) if !before.is_down());
        if before.is_down() == down && (told_before || self.health == Health::Unknown) {
            return;
        }
        let reason = match answer {
            Ok(()) => "the check passes".to_owned(),
            Err(Unfit::Refused(why) | Unfit::Failed(why)) => why.clone(),
        };
        tracing::info!(endpoint = %self.target.endpoint.stable_name, address = %self.target.endpoint.address, ?before, now = ?self.health, reason, "a check changed its verdict");
        let Target::Object(object) = &self.target.endpoint.identity.target else { return };
        let model::ObjectTarget { origin, uid } = &**object;
        if !self.target.own || origin.kind != "Instance" {
            return;
        }
        let verdict = if down { Verdict::Dead } else { Verdict::Alive };
        let evidence = Evidence {
            namespace: Arc::clone(&origin.namespace),
            name: Arc::clone(&origin.name),
            uid: Arc::clone(uid),
            proof: Proof::Probe,
            verdict,
            reason: reason.into(),
        };
        let _ = self.evidence.send(evidence).await;
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
