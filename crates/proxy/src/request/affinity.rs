//! Cookies that we issue so that a client comes back to its endpoint (balance spec S10).

use std::fmt::Write;
use std::sync::Arc;

use balance::{KeySource, Layer};
use model::endpoint::Pool;
use model::policy::HashKey;

use super::asked::Asked;
use crate::core::Core;

/// The hash of a request, and the cookie that its answer sets.
pub struct Affinity {
    /// For the pick.
    pub hash: Option<u64>,
    /// `Set-Cookie`.
    pub cookie: Option<String>,
}

/// Hashes the request as the pool's policy says. A client without the policy's cookie is hashed by the one that it is about to
/// get, so that its next request meets the same endpoint.
pub fn of(core: &Core, pool: &Arc<Pool>, asked: &mut Asked) -> Affinity {
    let picker = core.shared.pickers.of(pool, Layer::Http);
    let hash = picker.hash_key(asked);
    let missing = pool.policy.tuning.hash_keys.iter().find_map(|key| match key {
        HashKey::Cookie { name, ttl_s: Some(ttl_s), path } if KeySource::cookie(asked, name).is_none() => Some((name, *ttl_s, path)),
        _ => None,
    });
    let Some((name, ttl_s, path)) = missing else { return Affinity { hash, cookie: None } };
    let value = format!("{:016x}{:016x}", core.random(), core.random());
    asked.head.push(b"cookie", format!("{name}={value}").as_bytes());
    let with_cookie = picker.hash_key(asked);
    asked.head.fields.pop();
    if with_cookie.is_none() {
        // Another strategy is in force: nobody would read the cookie.
        return Affinity { hash, cookie: None };
    }
    let mut cookie = format!("{name}={value}; Path={}; HttpOnly", if path.is_empty() { "/" } else { path });
    if ttl_s > 0 {
        // Writing to a String cannot fail.
        let _ = write!(cookie, "; Max-Age={ttl_s}");
    }
    Affinity { hash: with_cookie, cookie: Some(cookie) }
}
