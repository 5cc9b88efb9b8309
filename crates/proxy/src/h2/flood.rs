//! A count of frames that cost us more than they cost a client (gateway spec G102, G115): bounded per ten seconds. At the first
//! one beyond a bound the connection ends with ENHANCE_YOUR_CALM.

use std::time::{Duration, Instant};

use super::frame::{CONTINUATION, DATA, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE};

/// The time a count is kept for.
const WINDOW: Duration = Duration::from_secs(10);
const KINDS: usize = 10;

/// What a client has sent of late.
#[derive(Debug, Default)]
pub struct Flood {
    counts: [u32; KINDS],
    /// PING frames since the last frame either way that carries a request, an answer or a body.
    pings: u32,
    continuations: u32,
    headers: u32,
    /// Streams that the client made us reset.
    mistakes: u32,
    /// DATA frames that we sent in this window and in the one before, whose credit may come back late.
    answers: [u32; 2],
    since: Option<Instant>,
}

impl Flood {
    /// A frame arrived. Names its kind when that is too much.
    pub fn frame(&mut self, kind: u8, length: usize, now: impl FnOnce() -> Instant) -> Option<&'static str> {
        let above = |count: u32, bound: u32, word: &'static str| (count > bound).then_some(word);
        match kind {
            DATA if length > 0 => {
                self.pings = 0;
                return None;
            }
            HEADERS => {
                (self.pings, self.continuations) = (0, 0);
                self.headers += 1;
                return None;
            }
            CONTINUATION => {
                self.continuations += 1;
                return above(self.continuations, 20, "continuation");
            }
            PING => {
                self.pings += 1;
                return above(self.pings, 100, "ping");
            }
            _ => {}
        }
        self.turn(now());
        let count = self.counts.get_mut(usize::from(kind))?;
        *count += 1;
        match kind {
            RST_STREAM => above(*count, 100.max(self.headers / 2), "rst_stream"),
            SETTINGS => above(*count, 50, "settings"),
            DATA => above(*count, 100, "empty_data"),
            PRIORITY => above(*count, 100, "priority"),
            // Two for each piece it was sent, its stream's and the connection's.
            WINDOW_UPDATE => above(*count, 2 * (self.answers[0] + self.answers[1]) + 100, "window_update"),
            _ => None,
        }
    }

    /// The client made us reset a stream. Names that when it is too much.
    pub fn mistake(&mut self, now: impl FnOnce() -> Instant) -> Option<&'static str> {
        self.turn(now());
        self.mistakes += 1;
        (self.mistakes > 100.max(self.headers / 2)).then_some("mistakes")
    }

    /// A frame with a body or a head was sent.
    pub fn answered(&mut self, has_data: bool) {
        self.answers[0] = self.answers[0].saturating_add(u32::from(has_data));
        self.pings = 0;
    }

    fn turn(&mut self, now: Instant) {
        if self.since.is_none_or(|since| now.duration_since(since) > WINDOW) {
            (self.since, self.counts, self.headers, self.mistakes) = (Some(now), [0; KINDS], 0, 0);
            self.answers = [0, self.answers[0]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What so many frames of a kind are refused for, after `answers` pieces were sent.
    fn refused(kind: u8, length: usize, count: u32, answers: u32) -> Option<&'static str> {
        let (mut flood, now) = (Flood::default(), Instant::now());
        (0..answers).for_each(|_| flood.answered(true));
        (0..count).find_map(|_| flood.frame(kind, length, || now))
    }

    #[test]
    fn floods_are_noticed_and_ordinary_traffic_is_not() {
        for (kind, length, count, word) in [
            (PING, 8, 101, "ping"),
            (SETTINGS, 0, 51, "settings"),
            (DATA, 0, 101, "empty_data"),
            (CONTINUATION, 3, 21, "continuation"),
            (RST_STREAM, 4, 101, "rst_stream"),
            (PRIORITY, 5, 101, "priority"),
            (WINDOW_UPDATE, 4, 101, "window_update"),
        ] {
            assert_eq!(refused(kind, length, count, 0), Some(word));
            assert_eq!(refused(kind, length, count - 1, 0), None, "{word}");
        }
        let (mut flood, now) = (Flood::default(), Instant::now());
        let ordinary = [(HEADERS, 30), (DATA, 900), (PING, 8)].repeat(500);
        assert_eq!(ordinary.into_iter().find_map(|(kind, length)| flood.frame(kind, length, || now)), None);
    }

    #[test]
    fn credit_comes_back_twice_for_each_piece_that_was_sent() {
        assert_eq!(refused(WINDOW_UPDATE, 4, 300, 100), None);
        assert_eq!(refused(WINDOW_UPDATE, 4, 301, 100), Some("window_update"));
    }

    #[test]
    fn a_client_that_makes_us_reset_its_streams_is_sent_away() {
        let (mut flood, now) = (Flood::default(), Instant::now());
        assert_eq!((0..100).find_map(|_| flood.mistake(|| now)), None);
        assert_eq!(flood.mistake(|| now), Some("mistakes"));
        assert_eq!(flood.mistake(|| now + WINDOW * 2), None);
    }

    #[test]
    fn a_client_that_measures_its_connection_while_it_downloads_is_no_flood() {
        let mut flood = Flood::default();
        for _ in 0..1000 {
            assert_eq!(flood.frame(PING, 8, Instant::now), None);
            flood.answered(true);
        }
    }
}
