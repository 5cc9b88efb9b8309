//! The WebSocket handshake of HTTP/1, for clients of HTTP/2 that know it no more (RFC 8441 §5): we make the key, and check
//! the backend's proof of having read it (RFC 6455 §4.1).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::asked::Asked;
use crate::h1::Head;

/// What both sides append to a key before they hash it (RFC 6455 §1.3).
const APPENDED: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Makes an extended CONNECT the request that a backend of HTTP/1 understands. `random` becomes its key.
pub fn begin(asked: &mut Asked, random: u128) {
    asked.head.remove(b"sec-websocket-key");
    asked.head.push(b"sec-websocket-key", STANDARD.encode(random.to_be_bytes()).as_bytes());
    asked.websocket = true;
    asked.extended = true;
}

/// Whether the answer proves that the backend has read the key of this request. A client that has made its own key checks
/// that by itself.
pub fn accepts(asked: &Asked, answer: &Head) -> bool {
    let Some(key) = asked.head.all(b"sec-websocket-key").next().filter(|_| asked.extended) else { return !asked.extended };
    answer.all(b"sec-websocket-accept").next().is_some_and(|accept| accept == proof(key).as_bytes())
}

/// Puts the proof of having read the key into an answer to who has none.
pub fn prove(asked: &Asked, answer: &mut Head) {
    if let Some(key) = asked.head.all(b"sec-websocket-key").next() {
        let proof = proof(key);
        answer.set(b"sec-websocket-accept", proof.as_bytes());
    }
}

fn proof(key: &[u8]) -> String {
    STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, APPENDED].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_that_of_the_rfc() {
        assert_eq!(proof(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_an_answer_with_the_right_proof_is_accepted_for_a_key_of_ours() {
        let mut asked = Asked::new(([127, 0, 0, 1], 1).into(), false);
        assert!(accepts(&asked, &Head::default()), "the client's own handshake is its own concern");
        begin(&mut asked, 7);
        let key = asked.head.all(b"sec-websocket-key").next().map(<[u8]>::to_vec).expect("a key");
        let mut answer = Head::default();
        assert!(!accepts(&asked, &answer));
        answer.push(b"Sec-WebSocket-Accept", proof(b"another").as_bytes());
        assert!(!accepts(&asked, &answer));
        answer.set(b"sec-websocket-accept", proof(&key).as_bytes());
        assert!(accepts(&asked, &answer));
    }
}
