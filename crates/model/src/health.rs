//! From results of an active check to a verdict: the threshold state machine (balance spec H7). Pure, and here because
//! `node`, `control` and `balance` need the same one and may not use each other.

use std::time::Duration;

use crate::policy::Check;

/// How one check of an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As expected.
    Passed,
    /// In time but not as expected, or not in time: soft, counts towards a threshold.
    Failed,
    /// Nobody listens: hard, counts at once.
    Refused,
}

/// What is known of an endpoint by one check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// No answer yet.
    #[default]
    Unknown,
    /// Passing.
    Up,
    /// Not down yet: so many failures in a row.
    Failing(u32),
    /// Down.
    Down,
    /// Not up yet: so many passes in a row.
    Rising(u32),
}

impl Health {
    /// After one more answer. The first answer of all decides at once when it is good: a new endpoint need not pass twice.
    #[must_use]
    pub fn after(self, answer: Answer, check: &Check) -> Self {
        match (self, answer) {
            (_, Answer::Refused) => Health::Down,
            (Health::Unknown | Health::Up | Health::Failing(_), Answer::Passed) => Health::Up,
            (Health::Unknown | Health::Up, Answer::Failed) => Self::failing(1, check),
            (Health::Failing(count), Answer::Failed) => Self::failing(count.saturating_add(1), check),
            (Health::Down | Health::Rising(_), Answer::Failed) => Health::Down,
            (Health::Down, Answer::Passed) => Self::rising(1, check),
            (Health::Rising(count), Answer::Passed) => Self::rising(count.saturating_add(1), check),
        }
    }

    fn failing(count: u32, check: &Check) -> Self {
        if count >= check.unhealthy_threshold { Health::Down } else { Health::Failing(count) }
    }

    fn rising(count: u32, check: &Check) -> Self {
        if count >= check.healthy_threshold { Health::Up } else { Health::Rising(count) }
    }

    /// Whether the check holds the endpoint out.
    pub fn is_down(self) -> bool {
        matches!(self, Health::Down | Health::Rising(_))
    }

    /// Whether the last answers contradict the verdict, or there is none: then the next check comes sooner.
    pub fn is_unsettled(self) -> bool {
        matches!(self, Health::Unknown | Health::Failing(_) | Health::Rising(_))
    }

    /// The time from the start of one check to the next, without jitter.
    pub fn interval(self, check: &Check) -> Duration {
        if self.is_unsettled() { check.transition_interval.min(check.interval) } else { check.interval }
    }

    /// The word for tables and log lines.
    pub fn word(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Up => "up",
            Health::Failing(_) => "failing",
            Health::Down => "down",
            Health::Rising(_) => "rising",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Probe;

    fn check(unhealthy_threshold: u32, healthy_threshold: u32) -> Check {
        Check {
            probe: Probe::Tcp { send: None, receive: None },
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
            unhealthy_threshold,
            healthy_threshold,
            transition_interval: Duration::from_secs(1),
            jitter_percent: 10,
            port: None,
        }
    }

    fn run(check: &Check, answers: &str) -> Health {
        answers.chars().fold(Health::Unknown, |health, letter| {
            let answer = match letter {
                '+' => Answer::Passed,
                '-' => Answer::Failed,
                _ => Answer::Refused,
            };
            health.after(answer, check)
        })
    }

    #[test]
    fn thresholds_count_answers_in_a_row() {
        let check = check(3, 2);
        assert_eq!(run(&check, "+"), Health::Up);
        assert_eq!(run(&check, "+--"), Health::Failing(2));
        assert_eq!(run(&check, "+--+-"), Health::Failing(1));
        assert_eq!(run(&check, "+---"), Health::Down);
        assert_eq!(run(&check, "---"), Health::Down);
        assert_eq!(run(&check, "---+"), Health::Rising(1));
        assert_eq!(run(&check, "---+-+"), Health::Rising(1));
        assert_eq!(run(&check, "---++"), Health::Up);
    }

    #[test]
    fn a_refused_check_is_down_at_once() {
        assert_eq!(run(&check(10, 2), "+x"), Health::Down);
        assert_eq!(run(&check(10, 2), "x"), Health::Down);
    }

    #[test]
    fn contrary_answers_are_followed_up_sooner() {
        let check = check(3, 2);
        assert_eq!(run(&check, "+").interval(&check), Duration::from_secs(2));
        assert_eq!(run(&check, "+-").interval(&check), Duration::from_secs(1));
        assert_eq!(run(&check, "---+").interval(&check), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn the_verdict_turns_only_after_its_threshold(up in 1u32..10, down in 1u32..10, answers: Vec<bool>) {
            let check = check(down, up);
            let (mut health, mut passes, mut failures) = (Health::Unknown, 0, 0);
            for passed in answers {
                let before = health.is_down();
                health = health.after(if passed { Answer::Passed } else { Answer::Failed }, &check);
                (passes, failures) = if passed { (passes + 1, 0) } else { (0, failures + 1) };
                prop_assert_eq!(health.is_down(), if before { passes < up } else { failures >= down });
            }
        }
    }
}
