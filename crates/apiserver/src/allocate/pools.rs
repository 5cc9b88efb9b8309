//! What is given out: the addresses of one network, and the node ports.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use super::Cidr;
use super::bitmap::Bitmap;
use crate::syntax::address::{self, canonical};

/// Addresses of a network that are given out unasked. A network may hold more; those can be asked for.
const MOST_DYNAMIC: u128 = 1 << 20;

/// Why a number cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Somebody has it.
    Taken,
    /// It lies outside; the text says what inside is.
    OutOfRange(String),
    /// None is left.
    Full,
}

/// A small generator (SplitMix64): where a search begins must be spread, not secret.
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}

/// The addresses of one network. Offset 0 is the network's own address.
#[derive(Debug)]
pub struct Addresses {
    cidr: Cidr,
    base: u128,
    /// First offset above those that exist, the broadcast address not among them.
    end: u128,
    /// First offset given out unasked; those below are left to requests (KEP-3070).
    dynamic: usize,
    near: Bitmap,
    far: HashSet<u128>,
}

impl Addresses {
    pub fn new(cidr: Cidr) -> Self {
        let (base, host_bits) = match cidr.network {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32 - u32::from(cidr.bits)),
            IpAddr::V6(v6) => (u128::from(v6), 128 - u32::from(cidr.bits)),
        };
        let size = 1u128.checked_shl(host_bits).unwrap_or(u128::MAX);
        let end = if cidr.network.is_ipv4() { size.saturating_sub(1) } else { size };
        let band = if size <= 16 { 0 } else { (size / 16).clamp(16, 256) as usize };
        Self { cidr, base, end, dynamic: 1 + band, near: Bitmap::new(end.min(MOST_DYNAMIC) as usize), far: HashSet::new() }
    }

    /// The network's own address: what a dry run answers.
    pub fn network(&self) -> IpAddr {
        self.cidr.network
    }

    /// The address at an offset.
    pub fn at(&self, offset: u128) -> IpAddr {
        match self.cidr.network {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from((self.base + offset) as u32)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(self.base + offset)),
        }
    }

    /// Whether the address belongs to the network, given out or not.
    pub fn contains(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.cidr.network.is_ipv4() && address::network(ip, self.cidr.bits) == self.cidr.network
    }

    fn offset(&self, ip: IpAddr) -> u128 {
        let number = match ip {
            IpAddr::V4(v4) => u128::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6),
        };
        number.wrapping_sub(self.base)
    }

    fn has(&self, ip: IpAddr) -> bool {
        let offset = self.offset(ip);
        self.contains(ip) && (usize::try_from(offset).is_ok_and(|o| self.near.has(o)) || self.far.contains(&offset))
    }

    /// Whether the address could be had now.
    pub fn check(&self, ip: IpAddr) -> Result<(), Unavailable> {
        if !self.contains(ip) {
            return Err(Unavailable::OutOfRange("the provided network does not match the current range".to_owned()));
        }
        let offset = self.offset(ip);
        if offset == 0 || offset >= self.end {
            let range = format!("{}/{}", self.cidr.network, self.cidr.bits);
            return Err(Unavailable::OutOfRange(format!(
                "the provided IP ({}) is not in the valid range. The range of valid IPs is {range}",
                canonical(ip)
            )));
        }
        if self.has(ip) { Err(Unavailable::Taken) } else { Ok(()) }
    }

    pub fn take(&mut self, ip: IpAddr) -> Result<(), Unavailable> {
        self.check(ip)?;
        let offset = self.offset(ip);
        if offset < self.end.min(MOST_DYNAMIC) {
            self.near.add(offset as usize);
        } else {
            self.far.insert(offset);
        }
        Ok(())
    }

    pub fn take_any(&mut self, dice: &mut Dice) -> Result<IpAddr, Unavailable> {
        let end = self.end.min(MOST_DYNAMIC) as usize;
        let start = self.dynamic + dice.below(end.saturating_sub(self.dynamic));
        let upper = self.near.free_from(start, self.dynamic, end);
        let offset = upper.or_else(|| self.near.free_from(1, 1, self.dynamic.min(end))).ok_or(Unavailable::Full)?;
        self.near.add(offset);
        Ok(self.at(offset as u128))
    }

    pub fn give_back(&mut self, ip: IpAddr) {
        if self.contains(ip) {
            let offset = self.offset(ip);
            if !usize::try_from(offset).is_ok_and(|o| self.near.remove(o)) {
                self.far.remove(&offset);
            }
        }
    }

    /// How many are given out.
    pub fn used(&self) -> usize {
        self.near.used() + self.far.len()
    }

    /// Those given out.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.near.iter().map(|o| o as u128).chain(self.far.iter().copied()).map(|o| self.at(o))
    }
}

/// The node ports. One number serves every protocol of one Service.
#[derive(Debug)]
pub struct Ports {
    range: RangeInclusive<u16>,
    /// Offset from which ports are given out unasked; those below are left to requests (KEP-3668).
    dynamic: usize,
    taken: Bitmap,
}

impl Ports {
    pub fn new(range: RangeInclusive<u16>) -> Self {
        let size = usize::from(range.end().saturating_sub(*range.start())) + 1;
        let band = if size <= 16 { 0 } else { (size / 32).clamp(16, 128) };
        Self { range, dynamic: band, taken: Bitmap::new(size) }
    }

    /// The last port of the range: a dry run answers numbers above it.
    pub fn last(&self) -> i64 {
        i64::from(*self.range.end())
    }

    fn offset(&self, port: i64) -> Option<usize> {
        let port = u16::try_from(port).ok().filter(|p| self.range.contains(p))?;
        Some(usize::from(port - self.range.start()))
    }

    fn port(&self, offset: usize) -> i64 {
        i64::from(*self.range.start()) + offset as i64
    }

    /// Whether the port could be had now: its offset.
    pub fn check(&self, port: i64) -> Result<usize, Unavailable> {
        let Some(offset) = self.offset(port) else {
            let text = format!("provided port is not in the valid range. The range of valid ports is {}-{}", self.range.start(), self.range.end());
            return Err(Unavailable::OutOfRange(text));
        };
        if self.taken.has(offset) { Err(Unavailable::Taken) } else { Ok(offset) }
    }

    pub fn take(&mut self, port: i64) -> Result<(), Unavailable> {
        let offset = self.check(port)?;
        self.taken.add(offset);
        Ok(())
    }

    pub fn take_any(&mut self, dice: &mut Dice) -> Result<i64, Unavailable> {
        let size = usize::from(*self.range.end()) - usize::from(*self.range.start()) + 1;
        let start = self.dynamic + dice.below(size - self.dynamic);
        let upper = self.taken.free_from(start, self.dynamic, size);
        let offset = upper.or_else(|| self.taken.free_from(0, 0, self.dynamic)).ok_or(Unavailable::Full)?;
        self.taken.add(offset);
        Ok(self.port(offset))
    }

    pub fn give_back(&mut self, port: i64) {
        if let Some(offset) = self.offset(port) {
            self.taken.remove(offset);
        }
    }

    /// How many are given out.
    pub fn used(&self) -> usize {
        self.taken.used()
    }

    /// Those given out.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.taken.iter().map(|o| self.port(o))
    }
}
