//! Sessions on the wire (GEP-1619, gateway spec G67, balance spec D2, Y7): the token that a client brings, and the one that it gets.
//!
//! A token names the sessions it belongs to, an endpoint, and when the session began and was last used; it is sealed with the key of
//! the process (HMAC-SHA-256), so that nobody can choose an endpoint for himself. Nothing is remembered here. A value may hold a few
//! tokens: the weights choose a backend for each request, and the client keeps its endpoint in each of them.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::endpoint::Endpoint;
use model::routes::{Backend, Rule};
use model::session::{self, Carrier, Session};
use smallvec::SmallVec;

use super::asked::Asked;
use crate::h1::Head;

/// Tokens in one value, at most: backends of a rule that a client was at, the latest last.
const TOKENS_MAX: usize = 4;
/// Values of the carrier that are looked at: a client may hold cookies of one name for several paths.
const VALUES_MAX: usize = 8;
/// What is sealed, and the seal.
const BODY: usize = 24;
const SEAL: usize = 16;
const TOKEN: usize = BODY + SEAL;
/// The text of a token.
const TEXT: usize = (TOKEN * 8).div_ceil(6);
/// Between tokens.
const BETWEEN: u8 = b'.';
/// With an idle timeout a token is renewed when this part of it has passed.
const RENEWAL: u32 = 8;

/// Seals and opens tokens.
pub struct Seals(hmac::Key);

impl Seals {
    /// With this key. Processes that share it honour each other's tokens.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// With a key of its own, which is lost with the process.
    pub fn random() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system has randomness: TLS could not work without");
        Self::new(&key)
    }

    fn seal(&self, token: &Token) -> String {
        let body = token.body();
        let mut whole = [0; TOKEN];
        whole[..BODY].copy_from_slice(&body);
        whole[BODY..].copy_from_slice(&hmac::sign(&self.0, &body).as_ref()[..SEAL]);
        URL_SAFE_NO_PAD.encode(whole)
    }

    fn open(&self, text: &[u8]) -> Option<Token> {
        let mut whole = [0; TOKEN];
        if text.len() != TEXT || URL_SAFE_NO_PAD.decode_slice(text, &mut whole).ok()? != TOKEN {
            return None;
        }
        let (body, seal) = whole.split_at(BODY);
        let wanted = hmac::sign(&self.0, body);
        aws_lc_rs::constant_time::verify_slices_are_equal(&wanted.as_ref()[..SEAL], seal).ok()?;
        let eight = |at: usize| u64::from_be_bytes(std::array::from_fn(|byte| body[at + byte]));
        let four = |at: usize| u32::from_be_bytes(std::array::from_fn(|byte| body[at + byte]));
        Some(Token { scope: eight(0), endpoint: eight(8), began_s: four(16), seen_s: four(20) })
    }
}

/// What a token says. Times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    /// Of which rule at which backend ([`session::scope`]).
    scope: u64,
    /// [`session::tag`].
    endpoint: u64,
    began_s: u32,
    seen_s: u32,
}

impl Token {
    fn body(&self) -> [u8; BODY] {
        let mut body = [0; BODY];
        body[..8].copy_from_slice(&self.scope.to_be_bytes());
        body[8..16].copy_from_slice(&self.endpoint.to_be_bytes());
        body[16..20].copy_from_slice(&self.began_s.to_be_bytes());
        body[20..].copy_from_slice(&self.seen_s.to_be_bytes());
        body
    }

    fn is_over(&self, session: &Session, now_s: u32) -> bool {
        let past = |since_s: u32, limit: Option<Duration>| limit.is_some_and(|limit| u64::from(now_s.saturating_sub(since_s)) >= whole_s(limit));
        past(self.began_s, session.absolute) || past(self.seen_s, session.idle)
    }

    /// Whether it will have been used too long ago before the client hears of a newer one.
    fn is_stale(&self, session: &Session, now_s: u32) -> bool {
        session.idle.is_some_and(|idle| u64::from(now_s.saturating_sub(self.seen_s)) >= (whole_s(idle) / u64::from(RENEWAL)).max(1))
    }
}

/// Rounded up: a session lasts at least as long as it is said to.
fn whole_s(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000) as u64
}

/// Unix seconds.
pub fn now_s() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}

/// The tokens that a request brought.
pub struct Brought<'s> {
    session: &'s Session,
    name: SmallVec<[u8; 32]>,
    tokens: SmallVec<[Token; TOKENS_MAX]>,
    now_s: u32,
}

/// The session of a request at the backend it goes to.
pub struct Kept<'s> {
    brought: Brought<'s>,
    scope: u64,
    token: Option<Token>,
}

/// Reads the tokens of a request; those that are not sealed with our key are none.
pub fn read<'s>(session: &'s Session, rule: &Rule, asked: &Asked, seals: &Seals, now_s: u32) -> Brought<'s> {
    let name: SmallVec<[u8; 32]> = match session.carrier.written() {
        Some(name) => name.as_bytes().into(),
        None => session::name(rule).into_bytes().into(),
    };
    let mut tokens: SmallVec<[Token; TOKENS_MAX]> = SmallVec::new();
    let mut values = 0;
    let mut look = |value: &[u8]| {
        values += 1;
        for text in value.split(|byte| *byte == BETWEEN).take(if values > VALUES_MAX { 0 } else { TOKENS_MAX }) {
            let found = seals.open(text).filter(|found| tokens.iter().all(|known| known.scope != found.scope));
            tokens.extend(found.filter(|_| tokens.len() < TOKENS_MAX));
        }
    };
    match &session.carrier {
        Carrier::Header { .. } => asked.head.all(&name).for_each(&mut look),
        Carrier::Cookie { .. } => {
            for pair in asked.head.all(b"cookie").flat_map(|value| value.split(|byte| *byte == b';')) {
                if let Some(value) = pair.trim_ascii().strip_prefix(&name[..]).and_then(|rest| rest.strip_prefix(b"=")) {
                    look(value.trim_ascii());
                }
            }
        }
    }
    Brought { session, name, tokens, now_s }
}

impl<'s> Brought<'s> {
    /// The session at this backend of the rule.
    pub fn at(self, rule: &Rule, backend: &Backend) -> Kept<'s> {
        let scope = session::scope(rule, backend);
        let token = self.tokens.iter().copied().find(|token| token.scope == scope && !token.is_over(self.session, self.now_s));
        Kept { brought: self, scope, token }
    }
}

impl Kept<'_> {
    /// The number of the endpoint that the client is at home at.
    pub fn home(&self) -> Option<u64> {
        self.token.map(|token| token.endpoint)
    }

    /// Tells the client, where it does not know already, that it is at home at this endpoint now.
    pub fn tell(self, endpoint: &Endpoint, https: bool, seals: &Seals, head: &mut Head) {
        let Brought { session, name, mut tokens, now_s } = self.brought;
        let here = session::tag(endpoint);
        let goes_on = self.token.filter(|token| token.endpoint == here);
        if goes_on.is_some_and(|token| !token.is_stale(session, now_s)) {
            return;
        }
        let began_s = goes_on.map_or(now_s, |token| token.began_s);
        tokens.retain(|token| token.scope != self.scope);
        if tokens.len() == TOKENS_MAX {
            tokens.remove(0);
        }
        tokens.push(Token { scope: self.scope, endpoint: here, began_s, seen_s: now_s });
        let texts: SmallVec<[String; TOKENS_MAX]> = tokens.iter().map(|token| seals.seal(token)).collect();
        let value = texts.join(".");
        match &session.carrier {
            Carrier::Header { .. } => head.set(&name, value.as_bytes()),
            Carrier::Cookie { path, permanent, .. } => {
                let mut cookie = format!("{}={value}; Path={path}; HttpOnly; SameSite=Strict", String::from_utf8_lossy(&name));
                if https {
                    cookie.push_str("; Secure");
                }
                if let Some(life) = session.absolute.filter(|_| *permanent) {
                    let left_s = whole_s(life).saturating_sub(u64::from(now_s.saturating_sub(began_s)));
                    // Writing to a String cannot fail.
                    let _ = write!(cookie, "; Max-Age={left_s}");
                }
                head.push(b"set-cookie", cookie.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests;
