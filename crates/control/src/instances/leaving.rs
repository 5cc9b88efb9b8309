//! How far the leaving of one Instance has come.

use std::sync::Arc;
use std::time::Duration;

use api::Instance;
use model::{Origin, Standing, Target};
use tokio::time::Instant;

use crate::Context;

/// How long requests under way may take where no policy says it (instances spec D4).
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Every plane serves a generation in which it gets no new traffic.
    pub is_programmed: bool,
    /// And nothing is under way to it any more.
    pub is_drained: bool,
    /// Because the time was over.
    pub is_late: bool,
}

/// An Instance on its way out.
pub(crate) struct Leaving {
    pub uid: Arc<str>,
    target: Target,
    since: Instant,
    /// How long requests under way may take.
    longest: Duration,
    /// The first generation in which it gets no new traffic.
    gone_at: Option<u64>,
}

impl Leaving {
    pub fn begin(instance: &Instance) -> Leaving {
        let meta = &instance.metadata;
        let target = Target::object(Origin::new("Instance", meta.namespace.clone(), meta.name.clone()), meta.uid.clone());
        Leaving { uid: meta.uid.clone(), target, since: Instant::now(), longest: DRAIN_TIMEOUT, gone_at: None }
    }

    /// Looks at the snapshot in force, the words of the planes and the numbers.
    pub fn look(&mut self, context: &Context, namespace: &str) -> Progress {
        let snapshot = context.live.snapshot();
        let of_namespace = snapshot.services.iter().filter(|(_, service)| *service.origin.namespace == *namespace);
        let (mut gets_traffic, mut longest) = (false, None);
        for (_, service) in of_namespace {
            let mut own = service.endpoints.iter().filter(|endpoint| endpoint.identity.target == self.target).peekable();
            if own.peek().is_some() {
                // One that several Services share drains for as long as the most patient of them asks.
                longest = longest.max(Some(service.policy.drain_timeout));
            }
            gets_traffic |= own.any(|endpoint| endpoint.standing == Standing::Ready);
        }
        // Out of the slices it has no Service any more: what was asked last holds.
        self.longest = longest.unwrap_or(self.longest);
        if gets_traffic {
            self.gone_at = None;
        } else if self.gone_at.is_none() {
            self.gone_at = Some(snapshot.generation);
        }
        let Some(gone_at) = self.gone_at else { return Progress::default() };
        let (_, applied) = context.live.acknowledgements();
        let serves = |plane: &&'static str| applied.iter().any(|one| one.plane == *plane && one.generation >= gone_at);
        if !context.planes.iter().all(serves) {
            return Progress::default();
        }
        let is_late = self.since.elapsed() >= self.longest;
        // Requests, streams and flows are all in flight; a connection that is merely kept for the next request is nobody's loss.
        let under_way: u64 = context.interner.of_target(&self.target).iter().map(|vitals| u64::from(vitals.in_flight())).sum();
        Progress { is_programmed: true, is_drained: under_way == 0 || is_late, is_late: is_late && under_way > 0 }
    }
}
