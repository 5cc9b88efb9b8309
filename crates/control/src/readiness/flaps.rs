//! Damping of Instances that come and go (instances spec E8): leaving is never delayed, coming back is.

use super::Verdict;

/// Changes that make it flapping.
const CHANGES: usize = 3;
/// Within this time.
const WINDOW_MS: i64 = 30_000;
/// First wait before it may come back, and the longest.
const WAIT_MS: i64 = 5_000;
const WAIT_MAX_MS: i64 = 60_000;

/// How often one Instance became ready and not ready lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flaps {
    ready: Option<bool>,
    /// The times of the last changes, oldest first.
    changes: [i64; CHANGES],
    wait_ms: i64,
    /// It may not come back before.
    until_ms: Option<i64>,
}

impl Flaps {
    /// Lets a verdict pass, or holds back one that would bring it back too soon.
    pub fn damp(&mut self, verdict: Verdict, now_ms: i64) -> Verdict {
        if !verdict.ready {
            // What somebody does on purpose is no flapping.
            if self.ready == Some(true) && !matches!(verdict.reason, "Terminating" | "Maintenance") {
                self.change(now_ms);
            }
            self.ready = Some(false);
            return verdict;
        }
        if self.ready == Some(false) {
            let until_ms = *self.until_ms.get_or_insert_with(|| {
                let is_flapping = self.changes[0] > 0 && now_ms - self.changes[0] <= WINDOW_MS;
                self.wait_ms = if is_flapping { (self.wait_ms * 2).clamp(WAIT_MS, WAIT_MAX_MS) } else { 0 };
                now_ms + self.wait_ms
            });
            if now_ms < until_ms {
                return Verdict { ready: false, reason: "Flapping", is_soft: true, recheck_ms: Some(until_ms), ..verdict };
            }
            self.until_ms = None;
            self.change(now_ms);
        }
        self.ready = Some(true);
        verdict
    }

    fn change(&mut self, now_ms: i64) {
        self.changes.rotate_left(1);
        self.changes[CHANGES - 1] = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(flaps: &mut Flaps, ready: bool, at_s: i64) -> (bool, Option<i64>) {
        let reason = if ready { "Ready" } else { "ProcessExited" };
        let verdict = flaps.damp(Verdict::new(ready, ready, reason), at_s * 1000);
        (verdict.ready, verdict.recheck_ms)
    }

    #[test]
    fn after_three_changes_in_thirty_seconds_coming_back_waits_and_waits_longer_each_time() {
        let mut flaps = Flaps::default();
        assert_eq!(seen(&mut flaps, true, 100), (true, None));
        assert_eq!(seen(&mut flaps, false, 101), (false, None), "leaving is never delayed");
        assert_eq!(seen(&mut flaps, true, 102), (true, None));
        assert_eq!(seen(&mut flaps, false, 103), (false, None));
        assert_eq!(seen(&mut flaps, true, 104), (false, Some(109_000)), "the third change was its last");
        assert_eq!(seen(&mut flaps, true, 108), (false, Some(109_000)));
        assert_eq!(seen(&mut flaps, true, 109), (true, None));
        assert_eq!(seen(&mut flaps, false, 110), (false, None));
        assert_eq!(seen(&mut flaps, true, 111), (false, Some(121_000)));
        assert_eq!(seen(&mut flaps, true, 121), (true, None));
        assert_eq!(seen(&mut flaps, false, 300), (false, None));
        assert_eq!(seen(&mut flaps, true, 301), (true, None), "long ago is forgotten");
    }

    #[test]
    fn what_is_done_on_purpose_is_no_flapping() {
        let mut flaps = Flaps::default();
        for second in 0..20 {
            flaps.damp(Verdict::new(false, true, "Maintenance"), 1000 + second * 100);
            assert!(flaps.damp(Verdict::new(true, true, "Ready"), 1050 + second * 100).ready || second > 2);
        }
    }
}
