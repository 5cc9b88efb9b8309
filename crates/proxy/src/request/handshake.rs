//! The WebSocket handshake of HTTP/1, for clients of HTTP/2 that know it no more (RFC 8441 §5): the key is ours.

use super::asked::Asked;
use crate::h1::Head;

/// What a key consists of, six bits a letter (RFC 4648 §4).
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Makes an extended CONNECT the request that a backend of HTTP/1 understands. `random` becomes its key.
pub fn begin(asked: &mut Asked, random: u128) {
    asked.head.remove(b"sec-websocket-key");
    asked.head.push(b"sec-websocket-key", &key(random));
    asked.websocket = true;
    asked.extended = true;
}

/// 16 bytes in base64: 21 letters, one that holds the last two bits, and the padding.
fn key(random: u128) -> [u8; 24] {
    std::array::from_fn(|at| match at {
        0..=20 => LETTERS[(random >> (122 - 6 * at)) as usize & 63],
        21 => LETTERS[(random << 4) as usize & 63],
        _ => b'=',
    })
}

/// Whether the answer claims to have read the key of this request. A client that has made its own key checks that by itself.
pub fn accepts(asked: &Asked, answer: &Head) -> bool {
    !asked.extended || answer.all(b"sec-websocket-accept").next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        assert_eq!(&key(0), b"AAAAAAAAAAAAAAAAAAAAAA==");
        assert_eq!(&key(u128::MAX), b"/////////////////////w==");
        assert_eq!(&key(u128::from_be_bytes(*b"the sample nonce")), b"dGhlIHNhbXBsZSBub25jZQ==");
    }
}
