//! Server cookies (RFC 7873, RFC 9018): a client that shows one proved that it hears what is sent to its address.

use std::net::IpAddr;

/// A client's cookie, and the server's: client part, version, reserved, time, hash.
pub(crate) type Cookie = [u8; 24];
/// The client's part.
pub(crate) type ClientPart = [u8; 8];
/// What a server added to it.
pub(crate) type ServerPart = [u8; 16];

const VERSION: [u8; 4] = [1, 0, 0, 0];

/// Seconds that one secret is in use. The time in a cookie says which one made it, so that nothing is kept and servers that share the
/// first secret agree on all that follow.
const SECRET_S: u32 = 86_400;
/// A cookie is good for an hour, and for five minutes where clocks differ (RFC 9018 §4.3).
const AGE_MAX_S: u32 = 3600;
const AHEAD_MAX_S: u32 = 300;

/// What cookies are made with: a secret a day, derived from one that is never used itself.
#[derive(Clone, Copy)]
pub(crate) struct Secrets([u8; 16]);

impl Secrets {
    pub fn new(first: [u8; 16]) -> Self {
        Self(first)
    }

    fn at(self, unix_s: u32) -> [u8; 16] {
        let day = (unix_s / SECRET_S).to_be_bytes();
        let half = |tag: u8| siphash(&self.0, &[day[0], day[1], day[2], day[3], tag]).to_le_bytes();
        let mut secret = [0; 16];
        secret[..8].copy_from_slice(&half(0));
        secret[8..].copy_from_slice(&half(1));
        secret
    }

    /// The whole cookie for a client at an address at this Unix time in seconds.
    pub fn make(self, client: ClientPart, address: IpAddr, unix_s: u32) -> Cookie {
        make(&self.at(unix_s), client, address, unix_s)
    }

    /// Whether a client at this address shows a cookie that it got from us not long ago.
    pub fn is_good(self, client: ClientPart, shown: &ServerPart, address: IpAddr, unix_s: u32) -> bool {
        let [_, _, _, _, a, b, c, d, ..] = *shown;
        let made_s = u32::from_be_bytes([a, b, c, d]);
        // Serial number arithmetic: the count may turn over.
        let age = unix_s.wrapping_sub(made_s);
        (age <= AGE_MAX_S || age.wrapping_neg() <= AHEAD_MAX_S) && make(&self.at(made_s), client, address, made_s)[8..] == *shown
    }
}

/// The whole cookie for a client at an address, made at this Unix time in seconds (RFC 9018 §4).
fn make(secret: &[u8; 16], client: ClientPart, address: IpAddr, unix_s: u32) -> Cookie {
    let mut text = [0; 32];
    text[..8].copy_from_slice(&client);
    text[8..12].copy_from_slice(&VERSION);
    text[12..16].copy_from_slice(&unix_s.to_be_bytes());
    let length = match address {
        IpAddr::V4(v4) => {
            text[16..20].copy_from_slice(&v4.octets());
            20
        }
        IpAddr::V6(v6) => {
            text[16..].copy_from_slice(&v6.octets());
            32
        }
    };
    let hash = siphash(secret, &text[..length]);
    let mut cookie = [0; 24];
    cookie[..16].copy_from_slice(&text[..16]);
    cookie[16..].copy_from_slice(&hash.to_le_bytes());
    cookie
}

/// SipHash-2-4 (Aumasson, Bernstein 2012). The standard library's hasher runs fewer rounds and promises no algorithm.
fn siphash(key: &[u8; 16], text: &[u8]) -> u64 {
    let word = |octets: &[u8]| octets.iter().rev().fold(0_u64, |word, octet| word << 8 | u64::from(*octet));
    let (k0, k1) = (word(&key[..8]), word(&key[8..]));
    let mut state = [k0 ^ 0x736f_6d65_7073_6575, k1 ^ 0x646f_7261_6e64_6f6d, k0 ^ 0x6c79_6765_6e65_7261, k1 ^ 0x7465_6462_7974_6573];
    let mut absorb = |word: u64| {
        state[3] ^= word;
        (0..2).for_each(|_| round(&mut state));
        state[0] ^= word;
    };
    let whole = text.chunks_exact(8);
    let rest = whole.remainder();
    whole.for_each(|chunk| absorb(word(chunk)));
    // The last word carries the length in its upper octet.
    absorb(word(rest) | (text.len() as u64) << 56);
    state[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut state));
    state.iter().fold(0, |sum, word| sum ^ word)
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        std::array::from_fn(|index| u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).expect("hex"))
    }

    #[test]
    fn the_vectors_of_rfc_9018() {
        let secret = hex("e5e973e5a6b2a43f48e7dc849e37bfcf");
        let cookie = make(&secret, hex("2464c4abcf10c957"), "198.51.100.100".parse().expect("an address"), 1_559_731_985);
        assert_eq!(cookie, hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"), "appendix A.1");
        let secret = hex("dd3bdf9344b678b185a6f5cb60fca715");
        let cookie = make(&secret, hex("22681ab97d52c298"), "2001:db8:220:1:59de:d0f4:8769:82b8".parse().expect("an address"), 1_559_741_817);
        assert_eq!(cookie, hex("22681ab97d52c298010000005cf7c57926556bd0934c72f8"), "appendix A.4, before the change of secret");
    }

    #[test]
    fn a_cookie_is_good_for_its_address_for_an_hour_and_over_a_change_of_secret() {
        let (secrets, client, address) = (Secrets::new([7; 16]), [1; 8], "192.0.2.1".parse().expect("an address"));
        let midnight = 20_000 * SECRET_S;
        let shown = |made_s| -> ServerPart { *secrets.make(client, address, made_s).last_chunk().expect("sixteen octets") };
        let is_good = |made_s, now_s| secrets.is_good(client, &shown(made_s), address, now_s);
        assert!(is_good(midnight - 1, midnight - 1) && is_good(midnight - 1, midnight + 3000), "the day has changed");
        assert_ne!(shown(midnight)[8..], shown(midnight - 1)[8..]);
        assert!(is_good(midnight, midnight + 3600) && !is_good(midnight, midnight + 3601), "an hour");
        assert!(is_good(midnight + 300, midnight) && !is_good(midnight + 301, midnight), "a clock ahead");
        assert!(!secrets.is_good([2; 8], &shown(midnight), address, midnight), "another client");
        assert!(!secrets.is_good(client, &shown(midnight), "192.0.2.2".parse().expect("an address"), midnight), "another address");
        assert!(!Secrets::new([8; 16]).is_good(client, &shown(midnight), address, midnight), "another server");
        let mut bent = shown(midnight);
        bent[15] ^= 1;
        assert!(!secrets.is_good(client, &bent, address, midnight));
    }

    #[test]
    fn siphash_of_the_reference() {
        let key: [u8; 16] = std::array::from_fn(|index| index as u8);
        let text: [u8; 15] = std::array::from_fn(|index| index as u8);
        assert_eq!(siphash(&key, &text), 0xa129_ca61_49be_45e5);
    }
}
