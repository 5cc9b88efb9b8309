//! Whether an endpoint may be chosen: ejection with its trials, probe verdicts, hard local negatives, the ramp of a new
//! endpoint and its slow weight (balance spec sections 5, 7 and 8). Read by every pick, written when something happens.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::{Now, Vitals};

/// What holds an endpoint back, as bits. 0 is an ordinary usable endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State(pub u32);

/// A trial that began well has passed when it still goes on after this.
const TRIAL_LONGEST_MS: u64 = 1_000;

impl State {
    /// Ejected by what the data plane saw; [`Vitals::ejection`] says why and until when.
    pub const EJECTED: State = State(1);
    /// One trial request is on its way.
    pub const TRIAL: State = State(1 << 1);
    /// The ejection rests on hard proof (refused, process exit): no cap and no switched-off policy lifts it.
    pub const HARD: State = State(1 << 2);
    /// An active check found it down by timeouts or answers (soft).
    pub const PROBE_DOWN: State = State(1 << 3);
    /// An active check was refused (hard).
    pub const PROBE_REFUSED: State = State(1 << 4);
    /// Waits for the first pass of its check.
    pub const WAITING: State = State(1 << 5);
    /// Its process is known to have ended (hard, local).
    pub const GONE: State = State(1 << 6);
    /// Reported memory is above the gate.
    pub const MEMORY: State = State(1 << 7);
    /// Should be out, but the cap or the mass guard keeps it in. Holds nothing back.
    pub const SUSPECT: State = State(1 << 8);
    /// A check found it down, and requests fail at it too. Holds nothing back by itself.
    pub const CONFIRMED: State = State(1 << 9);
    /// Its agent asks for no new requests.
    pub const AGENT_DRAIN: State = State(1 << 10);
    /// Its agent says that it is being worked on.
    pub const AGENT_MAINT: State = State(1 << 11);
    /// Its agent says that the service does not run.
    pub const AGENT_DOWN: State = State(1 << 12);
    /// Its agent bounds what is in flight. Holds nothing back by itself.
    pub const LIMITED: State = State(1 << 13);

    /// The answer of the trial has begun, and nothing is wrong with it so far. Holds nothing back by itself.
    pub const TRIAL_GOES_WELL: State = State(1 << 14);

    /// Everything that keeps new picks away.
    const BARS: u32 = 0xFF & !Self::TRIAL.0 & !Self::HARD.0 | Self::BY_AGENT;
    const BY_AGENT: u32 = Self::AGENT_DRAIN.0 | Self::AGENT_MAINT.0 | Self::AGENT_DOWN.0;

    /// Whether all these bits are set.
    pub fn has(self, bits: State) -> bool {
        self.0 & bits.0 == bits.0
    }

    /// These bits taken away.
    pub fn without(self, bits: State) -> State {
        State(self.0 & !bits.0)
    }

    /// Whether anything keeps new picks away.
    pub fn barred(self) -> bool {
        self.0 & Self::BARS != 0
    }

    /// Whether its own agent keeps new picks away: nothing overrules that, not even that nobody is left.
    pub fn barred_by_agent(self) -> bool {
        self.0 & Self::BY_AGENT != 0
    }

    /// Barred by hard proof only counts here: refused, gone.
    pub fn barred_hard(self) -> bool {
        self.has(Self::GONE) || self.has(Self::PROBE_REFUSED) || self.has(State(Self::EJECTED.0 | Self::HARD.0))
    }

    /// Why it is held back, where an ejection does not say it.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            _ if self.has(Self::GONE) => Some("process ended"),
            _ if self.has(Self::PROBE_REFUSED) => Some("check refused"),
            _ if self.has(Self::PROBE_DOWN) => Some("check failed"),
            _ if self.barred_by_agent() => self.agent_reason(),
            _ if self.has(Self::WAITING) => Some("first check not passed yet"),
            _ if self.has(Self::MEMORY) => Some("reported memory above the limit"),
            _ => None,
        }
    }

    /// What its agent says that keeps new picks away.
    pub fn agent_reason(self) -> Option<&'static str> {
        match self {
            _ if self.has(Self::AGENT_DOWN) => Some("its agent says down"),
            _ if self.has(Self::AGENT_MAINT) => Some("its agent says maint"),
            _ if self.has(Self::AGENT_DRAIN) => Some("its agent says drain"),
            _ => None,
        }
    }

    /// The word that tables print.
    pub fn word(self) -> &'static str {
        match self {
            _ if self.has(Self::GONE) => "gone",
            // Before an ejection: that ends by itself, and no trial is made while the agent says so.
            _ if self.has(Self::AGENT_DOWN) || self.has(Self::AGENT_MAINT) => "down",
            _ if self.has(Self::AGENT_DRAIN) => "draining",
            _ if self.has(State(Self::EJECTED.0 | Self::TRIAL.0)) => "trial",
            _ if self.has(Self::EJECTED) => "ejected",
            _ if self.has(State(Self::PROBE_DOWN.0 | Self::SUSPECT.0)) && !self.has(Self::PROBE_REFUSED) && !self.has(Self::CONFIRMED) => "suspect",
            _ if self.has(Self::PROBE_DOWN) || self.has(Self::PROBE_REFUSED) => "down",
            _ if self.has(Self::WAITING) => "waiting",
            _ if self.has(Self::MEMORY) => "memory",
            _ if self.has(Self::SUSPECT) => "suspect",
            _ => "usable",
        }
    }
}

/// Why an endpoint is ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody listens, or no route leads there.
    Refused,
    /// Gateway failures in a row.
    Gateway,
    /// 5xx in a row.
    Server,
    /// Its share of failures, against the others'.
    Ratio,
    /// Its share of successes, in standard deviations.
    SuccessRate,
    /// Its latency, against the others'.
    Slow,
}

impl Why {
    /// The word of the `reason` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Refused => "refused",
            Why::Gateway => "consecutive_gateway",
            Why::Server => "consecutive_5xx",
            Why::Ratio => "failure_ratio",
            Why::SuccessRate => "success_rate",
            Why::Slow => "latency",
        }
    }

    fn from_code(code: u8) -> Why {
        match code {
            0 => Why::Refused,
            1 => Why::Gateway,
            2 => Why::Server,
            3 => Why::Ratio,
            4 => Why::SuccessRate,
            _ => Why::Slow,
        }
    }
}

/// An ejection in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Its cause.
    pub why: Why,
    /// When a trial may begin.
    pub until: Now,
    /// How many trials failed in a row, less one for each clean 10 s.
    pub level: u8,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The endpoint answered well: it is back.
    Passed,
    /// It failed again: ejected for twice the time.
    Failed,
    /// The request ended without saying anything: the next one may try.
    Abandoned,
}

/// A clean stretch of this length takes one level off.
const CLEAN_MS: u32 = 10_000;
/// Levels beyond this do not lengthen anything: 1 s doubled 12 times is above any allowed maximum.
const LEVEL_MAX: u8 = 12;
/// The ramp's start of an endpoint that was there from the beginning.
const WARM: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Marks {
    /// Open connections.
    pub(super) connections: AtomicU32,
    /// What the judge announced last.
    announced: AtomicU32,
    until_ms: AtomicU64,
    level: AtomicU8,
    why: AtomicU8,
    level_tick: AtomicU32,
    ramp_tick: AtomicU32,
    /// 0 = the policy's own window.
    ramp_window_ms: AtomicU32,
    slow_weight: AtomicU32,
    /// Percent of its weight, by its agent.
    pub(super) agent_percent: AtomicU16,
    /// Requests in flight that its agent allows, where it does.
    pub(super) agent_limit: AtomicU32,
    /// Since when its latency is far above the others'; 0 is not.
    slow_tick: AtomicU32,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            connections: AtomicU32::new(0),
            announced: AtomicU32::new(0),
            until_ms: AtomicU64::new(0),
            level: AtomicU8::new(0),
            why: AtomicU8::new(0),
            level_tick: AtomicU32::new(0),
            ramp_tick: AtomicU32::new(0),
            ramp_window_ms: AtomicU32::new(0),
            slow_weight: AtomicU32::new(1.0_f32.to_bits()),
            agent_percent: AtomicU16::new(100),
            agent_limit: AtomicU32::new(0),
            slow_tick: AtomicU32::new(0),
        }
    }
}

impl Vitals {
    /// What holds it back now. Acquire: who sees an ejection also sees its end and level.
    #[inline]
    pub fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// Sets or clears these bits; gives the state before.
    pub fn mark(&self, bits: State, on: bool) -> State {
        State(if on { self.state.fetch_or(bits.0, Ordering::AcqRel) } else { self.state.fetch_and(!bits.0, Ordering::AcqRel) })
    }

    /// The state since the last call, when it is another one: (before, now). For the one who announces changes.
    pub fn changed_state(&self) -> Option<(State, State)> {
        // How a trial goes is no news: its end is.
        let now = self.state().without(State::TRIAL_GOES_WELL);
        let before = State(self.marks.announced.swap(now.0, Ordering::Relaxed));
        (before != now).then_some((before, now))
    }

    /// The ejection in force.
    pub fn ejection(&self) -> Option<Ejection> {
        self.state().has(State::EJECTED).then(|| Ejection {
            why: Why::from_code(self.marks.why.load(Ordering::Relaxed)),
            until: Now::from_ms(self.marks.until_ms.load(Ordering::Relaxed)),
            level: self.marks.level.load(Ordering::Relaxed),
        })
    }

    /// For how many milliseconds the term of its last ejection has run.
    pub fn ejected_ms(&self, now: Now) -> u32 {
        now.since_tick(self.marks.level_tick.load(Ordering::Relaxed))
    }

    /// Ejects for `base` doubled per level, at most `max`, and up to half of that more by `jitter` (0..=1). An endpoint
    /// that is already ejected keeps its time, but soft becomes hard. Gives whether it is new.
    pub fn eject(&self, why: Why, base: Duration, max: Duration, jitter: f32, now: Now) -> bool {
        let hard = if why == Why::Refused { State::HARD.0 } else { 0 };
        let state = &self.state;
        if self.state().has(State::EJECTED) {
            state.fetch_or(hard, Ordering::AcqRel);
            return false;
        }
        self.set_term(why, base, max, jitter, now);
        // Of two that eject at once one is first; both terms begin now, so it does not matter whose stands.
        state.fetch_or(State::EJECTED.0 | hard, Ordering::AcqRel) & State::EJECTED.0 == 0
    }

    fn set_term(&self, why: Why, base: Duration, max: Duration, jitter: f32, now: Now) {
        let level = self.marks.level.load(Ordering::Relaxed).min(LEVEL_MAX);
        let term = base.saturating_mul(1 << level).min(max).mul_f32(1.0 + 0.5 * jitter.clamp(0.0, 1.0));
        self.marks.why.store(why as u8, Ordering::Relaxed);
        self.marks.until_ms.store(now.after(term).ms(), Ordering::Relaxed);
        self.marks.level_tick.store(now.tick_ms(), Ordering::Relaxed);
    }

    /// Takes the one trial of an ejection whose term is over. Exactly one caller in the process wins.
    pub fn begin_trial(&self, now: Now) -> bool {
        self.ejection().is_some_and(|ejection| ejection.until <= now) && self.force_trial()
    }

    /// Takes the one trial of an ejection, its term over or not: something showed that the endpoint is reachable, or
    /// there is nothing better left.
    pub fn force_trial(&self) -> bool {
        let taken = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            let is_free = state & State::EJECTED.0 != 0 && state & State::TRIAL.0 == 0;
            is_free.then_some((state | State::TRIAL.0) & !State::TRIAL_GOES_WELL.0)
        });
        taken.is_ok()
    }

    /// Ends the trial. `again` is (base, max, jitter) of the next term when it failed.
    pub fn end_trial(&self, trial: Trial, again: (Duration, Duration, f32), now: Now) {
        match trial {
            Trial::Passed => self.readmit(now),
            Trial::Failed => {
                let level = self.marks.level.load(Ordering::Relaxed);
                self.marks.level.store((level + 1).min(LEVEL_MAX), Ordering::Relaxed);
                self.set_term(Why::from_code(self.marks.why.load(Ordering::Relaxed)), again.0, again.1, again.2, now);
                self.mark(State::TRIAL, false);
            }
            Trial::Abandoned => {
                self.mark(State::TRIAL, false);
            }
        }
    }

    /// The answer of its trial has begun well, and its end decides (a gRPC status in the trailers). One that goes on for long has passed.
    pub fn trial_began_well(&self, now: Now) {
        if self.state().has(State::TRIAL) {
            self.marks.until_ms.store(now.ms() + TRIAL_LONGEST_MS, Ordering::Relaxed);
            self.mark(State::TRIAL_GOES_WELL, true);
        }
    }

    /// Lets a trial pass whose answer began well long ago.
    pub fn pass_trial_in_time(&self, now: Now) {
        let both = State(State::TRIAL.0 | State::TRIAL_GOES_WELL.0);
        if self.state().has(both) && self.marks.until_ms.load(Ordering::Relaxed) <= now.ms() {
            self.readmit(now);
        }
    }

    /// A connection to an endpoint that was ejected for refusing them was made: the trial may begin now.
    pub fn reachable_again(&self, now: Now) {
        if self.ejection().is_some_and(|ejection| ejection.why == Why::Refused && ejection.until > now) {
            self.marks.until_ms.store(now.ms(), Ordering::Relaxed);
        }
    }

    /// Ends an ejection because the endpoint answered well: no penalty, no streak, and a short ramp.
    pub fn readmit(&self, now: Now) {
        self.penalty.clear();
        self.window.clear();
        for streak in [&self.streak_connect, &self.streak_gateway, &self.streak_server] {
            streak.store(0, Ordering::Relaxed);
        }
        self.restart_ramp(now);
        self.marks.level_tick.store(now.tick_ms(), Ordering::Relaxed);
        self.mark(State(State::EJECTED.0 | State::HARD.0 | State::TRIAL.0 | State::TRIAL_GOES_WELL.0), false);
    }

    /// Takes one level off after a clean stretch. Gives whether there is still one.
    pub fn settle(&self, now: Now) -> bool {
        let level = self.marks.level.load(Ordering::Relaxed);
        if level == 0 || self.state().has(State::EJECTED) {
            return level != 0;
        }
        if now.since_tick(self.marks.level_tick.load(Ordering::Relaxed)) >= CLEAN_MS {
            self.marks.level.store(level - 1, Ordering::Relaxed);
            self.marks.level_tick.store(now.tick_ms(), Ordering::Relaxed);
        }
        true
    }

    /// Whether it was ever in a usable set.
    pub fn has_ramp(&self) -> bool {
        self.marks.ramp_tick.load(Ordering::Relaxed) != 0
    }

    /// First usable: at full weight at once (`warm`, balance spec C2), or on the ramp from now.
    pub fn begin_ramp(&self, warm: bool, now: Now) {
        let start = if warm { WARM } else { now.tick_ms() };
        let _ = self.marks.ramp_tick.compare_exchange(0, start, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Usable again: a ramp of at most 10 s from now (balance spec C1).
    pub fn restart_ramp(&self, now: Now) {
        self.marks.ramp_window_ms.store(10_000, Ordering::Relaxed);
        self.marks.ramp_tick.store(now.tick_ms(), Ordering::Relaxed);
    }

    /// How far up the ramp it is, 0..=1 of the window; 1 when there is no ramp.
    pub fn ramp(&self, window: Duration, now: Now) -> f32 {
        let start = self.marks.ramp_tick.load(Ordering::Relaxed);
        if start == 0 || start == WARM {
            return 1.0;
        }
        let own = match self.marks.ramp_window_ms.load(Ordering::Relaxed) {
            0 => f32::INFINITY,
            own => own as f32,
        };
        let window = (window.as_secs_f32() * 1000.0).min(own);
        if window <= 0.0 { 1.0 } else { (now.since_tick(start) as f32 / window).min(1.0) }
    }

    /// Notes whether its latency is far above the others' now; gives for how many milliseconds it has been.
    pub fn slow_for_ms(&self, is_slow: bool, now: Now) -> u32 {
        let since = &self.marks.slow_tick;
        match (is_slow, since.load(Ordering::Relaxed)) {
            (false, 0) => 0,
            (false, _) => {
                since.store(0, Ordering::Relaxed);
                0
            }
            (true, 0) => {
                since.store(now.tick_ms(), Ordering::Relaxed);
                0
            }
            (true, tick) => now.since_tick(tick),
        }
    }

    /// What reported load makes of its weight: 1 is no opinion.
    pub fn slow_weight(&self) -> f32 {
        f32::from_bits(self.marks.slow_weight.load(Ordering::Relaxed))
    }

    /// Sets it; the caller clamps.
    pub fn set_slow_weight(&self, weight: f32) {
        self.marks.slow_weight.store(weight.to_bits(), Ordering::Relaxed);
    }
}
