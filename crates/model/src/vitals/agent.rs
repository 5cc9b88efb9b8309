//! What an agent beside an endpoint says of it in one line, in the dialect of HAProxy's agent-check (balance spec S15): any
//! machine that can answer a connection becomes an endpoint that weighs and drains itself.

use std::sync::atomic::Ordering;

use super::{State, Vitals};

/// Whoever lies about its weight takes at most five times its share.
const PERCENT_MAX: u32 = 500;

/// One line. What it does not speak of stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentLine {
    /// Percent of the weight that the endpoint was given.
    pub percent: Option<u32>,
    /// A weight in hundredths of an ordinary endpoint, in the place of the one it was given.
    pub weight: Option<u32>,
    /// Requests in flight at most.
    pub limit: Option<u32>,
    /// States of the administration that are set; `ready` clears them.
    pub administration: Option<State>,
    /// Whether the service behind it runs.
    pub is_up: Option<bool>,
}

impl AgentLine {
    /// Reads a line without its end. Words that are not known are skipped; `None` when nothing in it is known.
    pub fn read(line: &str) -> Option<Self> {
        let mut said = Self::default();
        // What follows a # is for people.
        let words = line.split('#').next().unwrap_or_default().split([' ', '\t', ',']).filter(|word| !word.is_empty());
        for word in words {
            let word = word.to_ascii_lowercase();
            match &*word {
                "ready" => said.administration = Some(State::default()),
                "drain" => said.administration = Some(State::AGENT_DRAIN),
                "maint" => said.administration = Some(State::AGENT_MAINT),
                "up" => said.is_up = Some(true),
                "down" | "fail" | "failed" | "stopped" => said.is_up = Some(false),
                word => {
                    let (name, number) = word.split_once(':').unwrap_or(("weight", word));
                    let (digits, is_percent) = number.strip_suffix('%').map_or((number, false), |digits| (digits, true));
                    // A bare number means nothing: a weight has its name or its sign.
                    match (name, digits.parse().ok(), is_percent || word.contains(':')) {
                        ("weight", percent @ Some(_), true) if is_percent => said.percent = percent,
                        ("weight", weight @ Some(_), true) => said.weight = weight,
                        ("maxconn", limit @ Some(_), true) if !is_percent => said.limit = limit,
                        _ => {}
                    }
                }
            }
        }
        (said != Self::default()).then_some(said)
    }
}

impl Vitals {
    /// Takes the word of the agent of an endpoint that was given this weight.
    pub fn heed_agent(&self, said: &AgentLine, own_weight: u32) {
        let of_weight = said.weight.map(|weight| weight.saturating_mul(100).checked_div(own_weight).unwrap_or(0));
        if let Some(percent) = said.percent.or(of_weight) {
            self.marks.agent_percent.store(percent.min(PERCENT_MAX) as u16, Ordering::Relaxed);
        }
        if let Some(limit) = said.limit {
            self.marks.agent_limit.store(limit, Ordering::Relaxed);
            // Nought is none.
            self.mark(State::LIMITED, limit > 0);
        }
        if let Some(wanted) = said.administration {
            [State::AGENT_DRAIN, State::AGENT_MAINT].into_iter().for_each(|bit| _ = self.mark(bit, wanted == bit));
        }
        if let Some(is_up) = said.is_up {
            self.mark(State::AGENT_DOWN, !is_up);
        }
    }

    /// Its agent has said nothing for so long that what it said of the weight counts no more. What it said of the state stays.
    pub fn forget_agent_weight(&self) {
        self.marks.agent_percent.store(100, Ordering::Relaxed);
    }

    /// Nobody asks its agent any more.
    pub fn forget_agent(&self) {
        self.heed_agent(
            &AgentLine { percent: Some(100), limit: Some(0), administration: Some(State::default()), is_up: Some(true), weight: None },
            100,
        );
    }

    /// Percent of its weight, by its agent.
    pub fn agent_percent(&self) -> u16 {
        self.marks.agent_percent.load(Ordering::Relaxed)
    }

    /// How many requests in flight its agent allows, where it bounds them.
    pub fn agent_limit(&self) -> Option<u32> {
        self.state().has(State::LIMITED).then(|| self.marks.agent_limit.load(Ordering::Relaxed))
    }

    /// Whether its agent allows no further request.
    pub fn agent_full(&self) -> bool {
        self.agent_limit().is_some_and(|limit| self.in_flight() >= limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s15_the_words_of_the_dialect() {
        let said = |line: &str| AgentLine::read(line);
        let percent = |percent| Some(AgentLine { percent: Some(percent), ..AgentLine::default() });
        assert_eq!(said("75%"), percent(75));
        assert_eq!(said("weight:50%"), percent(50));
        assert_eq!(said("weight:300"), Some(AgentLine { weight: Some(300), ..AgentLine::default() }));
        assert_eq!(said("maxconn:30"), Some(AgentLine { limit: Some(30), ..AgentLine::default() }));
        let drained = said("DRAIN,80%\tup").unwrap();
        assert_eq!((drained.administration, drained.percent, drained.is_up), (Some(State::AGENT_DRAIN), Some(80), Some(true)));
        for word in ["down", "fail", "failed", "stopped # disk full, 75% used"] {
            assert_eq!(said(word), Some(AgentLine { is_up: Some(false), ..AgentLine::default() }), "{word}");
        }
        for nothing in ["", "hello", "75", "weight:", "maxconn:5%", "# 75%", "weight:-1"] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn s15_states_stay_until_the_agent_reverts_them() {
        let vitals = Vitals::default();
        let say = |line: &str| vitals.heed_agent(&AgentLine::read(line).unwrap(), 200);
        assert_eq!((vitals.agent_percent(), vitals.state()), (100, State::default()));
        say("maint 20%");
        assert!(vitals.state().barred() && vitals.agent_percent() == 20);
        say("drain weight:100 maxconn:1");
        assert_eq!((vitals.state().reason(), vitals.agent_percent()), (Some("its agent says drain"), 50));
        say("down");
        say("up");
        assert!(vitals.state().barred(), "up is not ready");
        say("ready");
        assert!(!vitals.state().barred() && !vitals.agent_full());
        vitals.heed_agent(&AgentLine { percent: Some(9_999), ..AgentLine::default() }, 100);
        assert_eq!(vitals.agent_percent(), 500);
        vitals.forget_agent();
        assert_eq!((vitals.agent_percent(), vitals.state()), (100, State::default()));
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_skipped(line in ".{0,64}") {
            if let Some(said) = AgentLine::read(&line) {
                Vitals::default().heed_agent(&said, 100);
            }
        }
    }
}
