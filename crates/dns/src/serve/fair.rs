//! Shares of clients while more datagrams come than are answered (dns spec O4): one that asks many times as often as the others is answered as
//! often as four of them, so that it slows down itself and nobody else. What is beyond that is dropped in silence: an error would be one
//! more packet, perhaps to somebody whose address was borrowed.
//!
//! Nothing is counted while the queue is short, which is nearly always.

use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;

/// Clients are told apart by so many places; two of one place share a share.
const PLACES: usize = 1024;
/// Full bursts in a row that are pressure: as many datagrams as take some milliseconds.
const PRESSED: u32 = 8;
/// Datagrams that are counted together.
const WINDOW: u32 = 8192;
/// Times the mean of the clients, and datagrams in a window, that anybody may have.
const TIMES: u32 = 4;
const LEAST: u32 = 64;

/// What came in the current window, by place.
pub(super) struct Fair {
    hasher: RandomState,
    counts: Box<[u16]>,
    /// Places with a count.
    used: u32,
    all: u32,
    /// Bursts in a row behind which others waited.
    full: u32,
}

impl Default for Fair {
    fn default() -> Self {
        Self { hasher: RandomState::default(), counts: vec![0; PLACES].into(), used: 0, all: 0, full: 0 }
    }
}

impl Fair {
    /// A burst was read; `full` says that others wait behind it.
    pub fn burst(&mut self, full: bool) {
        if full {
            self.full = self.full.saturating_add(1);
        } else if self.full != 0 {
            self.full = 0;
            self.begin();
        }
    }

    /// Whether more comes than is answered.
    pub fn is_pressed(&self) -> bool {
        self.full >= PRESSED
    }

    /// Counts a query of a client. False: it is beyond its share.
    pub fn admits(&mut self, client: IpAddr) -> bool {
        if self.all >= WINDOW {
            self.begin();
        }
        let place = self.place(client);
        let place = &mut self.counts[place];
        self.used += u32::from(*place == 0);
        self.all += 1;
        *place = place.saturating_add(1);
        u32::from(*place) <= (self.all / self.used * TIMES).max(LEAST)
    }

    fn place(&self, client: IpAddr) -> usize {
        (self.hasher.hash_one(network(client)) as usize) % PLACES
    }

    fn begin(&mut self) {
        self.counts.fill(0);
        (self.used, self.all) = (0, 0);
    }
}

/// One client has a whole /64 of IPv6.
fn network(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed() -> Fair {
        let mut fair = Fair::default();
        (0..PRESSED).for_each(|_| fair.burst(true));
        fair
    }

    fn v4(last: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0A00_0000 + last).into()
    }

    #[test]
    fn o4_one_client_alone_has_everything() {
        let mut fair = pressed();
        assert!(fair.is_pressed() && (0..100_000).all(|_| fair.admits(v4(1))));
    }

    #[test]
    fn o4_who_asks_for_many_is_cut_to_a_few_shares_and_the_others_are_not() {
        let mut fair = pressed();
        let (mut of_one, mut of_others) = (0, 0);
        // Who shares its place by chance shares its fate, too.
        let others: Vec<IpAddr> = (2..).map(v4).filter(|other| fair.place(*other) != fair.place(v4(1))).take(100).collect();
        for other in others.iter().cycle().take(80_000) {
            of_one += u32::from((0..9).filter(|_| fair.admits(v4(1))).count() as u32 > 0);
            of_others += u32::from(fair.admits(*other));
        }
        assert_eq!(of_others, 80_000, "nobody else loses a query");
        assert!(of_one < 80_000 / 4, "{of_one} turns of 80,000");
    }

    #[test]
    fn o4_a_network_of_ipv6_is_one_client_and_pressure_ends_with_a_short_burst() {
        assert_eq!(network("2001:db8::1".parse().expect("an address")), network("2001:db8::ffff:2".parse().expect("an address")));
        assert_eq!(network("::ffff:192.0.2.1".parse().expect("an address")), network("192.0.2.1".parse().expect("an address")));
        let mut fair = pressed();
        fair.burst(false);
        assert!(!fair.is_pressed());
    }
}
