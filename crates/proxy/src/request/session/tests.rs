//! Tokens: what is honoured, what is not, and what a client is told.

use std::sync::Arc;

use model::endpoint::Standing;
use model::ident::{Identity, Origin, Target, Transport};
use proptest::prelude::*;

use super::*;
use crate::fixture::{nowhere, rule};

const NOW: u32 = 1_800_000_000;

fn endpoint(uid: &str) -> Endpoint {
    let target = Target::object(Origin::new("Pod", "n", "p"), uid.into());
    Endpoint {
        address: ([192, 0, 2, 1], 80).into(),
        identity: Identity { cluster: 0, target, port: 80, transport: Transport::Tcp },
        vitals: Arc::default(),
        weight: 100,
        stable_name: "n/p".into(),
        node: None,
        zone: None,
        standing: Standing::Ready,
        serving: true,
        attributes: None,
    }
}

fn cookie(permanent: bool) -> Carrier {
    Carrier::Cookie { name: Some("s".into()), path: "/app".into(), permanent }
}

fn asked(fields: &[(&str, &str)]) -> Asked {
    let mut asked = Asked::new(([192, 0, 2, 7], 4711).into(), false);
    for (name, value) in fields {
        asked.head.push(name.as_bytes(), value.as_bytes());
    }
    asked
}

/// Where a request with these fields is at home, and the field that it is answered by when it is served at this endpoint.
fn round(session: &Session, place: u64, backend: u16, fields: &[(&str, &str)], served: &Endpoint, now_s: u32) -> (Option<u64>, Option<String>) {
    let seals = Seals::new(&[7; 32]);
    let mut of = rule(vec![nowhere(1)]);
    (of.place, of.backends[0].port) = (place, backend);
    let kept = read(session, &of, &asked(fields), &seals, now_s).at(&of, &of.backends[0]);
    let home = kept.home();
    let mut head = Head::default();
    kept.tell(served, true, &seals, &mut head);
    let told = head.fields.first().map(|field| String::from_utf8_lossy(head.value(field)).into_owned());
    (home, told)
}

fn value(told: &str) -> &str {
    told.split(';').next().unwrap_or_default()
}

#[test]
fn a_client_comes_back_with_what_it_was_told() {
    let session = Session { carrier: cookie(false), absolute: None, idle: None };
    let (home, told) = round(&session, 1, 80, &[], &endpoint("a"), NOW);
    let told = told.expect("the first answer tells it");
    assert_eq!(home, None);
    assert!(told.ends_with("; Path=/app; HttpOnly; SameSite=Strict; Secure"), "{told}");
    assert!(!told.contains(session::tag(&endpoint("a")).to_string().as_str()) && !told.contains("n/p"), "{told}");
    let others = format!("x=1; {}; y=2", value(&told));
    let again = round(&session, 1, 80, &[("cookie", "z=0"), ("cookie", &others)], &endpoint("a"), NOW + 900_000);
    assert_eq!(again, (Some(session::tag(&endpoint("a"))), None), "nothing new is to be told");
    // The endpoint has gone: another one, and another token.
    let (_, moved) = round(&session, 1, 80, &[("cookie", value(&told))], &endpoint("b"), NOW);
    assert_eq!(round(&session, 1, 80, &[("cookie", value(&moved.unwrap()))], &endpoint("b"), NOW).0, Some(session::tag(&endpoint("b"))));
}

#[test]
fn what_is_not_sealed_by_us_is_nothing_and_does_not_come_back() {
    let session = Session { carrier: cookie(false), absolute: None, idle: None };
    let told = round(&session, 1, 80, &[], &endpoint("a"), NOW).1.unwrap();
    let token = value(&told).strip_prefix("s=").unwrap();
    for forged in ["", "x", &token[1..], &format!("{token}A"), &format!("B{}", &token[1..]), "....", "=", &"A".repeat(TEXT)] {
        let (home, answer) = round(&session, 1, 80, &[("cookie", &format!("s={forged}"))], &endpoint("b"), NOW);
        assert_eq!(home, None, "{forged}");
        assert_eq!(value(&answer.unwrap()).len(), "s=".len() + TEXT, "{forged}");
    }
    let other = Seals::new(&[8; 32]);
    let foreign = other.seal(&Token { scope: 1, endpoint: 2, began_s: NOW, seen_s: NOW });
    assert_eq!(round(&session, 1, 80, &[("cookie", &format!("s={foreign}"))], &endpoint("b"), NOW).0, None);
}

#[test]
fn rules_share_no_session_and_each_backend_has_its_own() {
    let session = Session { carrier: cookie(false), absolute: None, idle: None };
    let first = round(&session, 1, 80, &[], &endpoint("a"), NOW).1.unwrap();
    // Another backend of the rule, then another rule: each begins a session of its own, and the client keeps the others.
    let (home, second) = round(&session, 1, 81, &[("cookie", value(&first))], &endpoint("b"), NOW);
    assert_eq!(home, None);
    let second = second.unwrap();
    let (home, third) = round(&session, 2, 80, &[("cookie", value(&second))], &endpoint("c"), NOW);
    assert_eq!(home, None);
    let third = third.unwrap();
    for (place, port, uid) in [(1, 80, "a"), (1, 81, "b"), (2, 80, "c")] {
        let at = round(&session, place, port, &[("cookie", value(&third))], &endpoint(uid), NOW);
        assert_eq!(at, (Some(session::tag(&endpoint(uid))), None));
    }
    // No more than a few: the oldest goes.
    let many = (3..9).fold(third, |told, place| round(&session, place, 80, &[("cookie", value(&told))], &endpoint("d"), NOW).1.unwrap());
    assert_eq!(value(&many).split('.').count(), TOKENS_MAX);
    assert_eq!(round(&session, 1, 80, &[("cookie", value(&many))], &endpoint("a"), NOW).0, None);
    assert!(round(&session, 8, 80, &[("cookie", value(&many))], &endpoint("a"), NOW).0.is_some());
}

#[test]
fn sessions_end_by_their_timeouts() {
    let lasting = Session { carrier: cookie(true), absolute: Some(Duration::from_secs(300)), idle: None };
    let told = round(&lasting, 1, 80, &[], &endpoint("a"), NOW).1.unwrap();
    assert!(told.ends_with("; Max-Age=300"), "{told}");
    let at = |session: &Session, told: &str, after: u32| round(session, 1, 80, &[("cookie", value(told))], &endpoint("a"), NOW + after);
    assert!(at(&lasting, &told, 299).0.is_some());
    let (home, renewed) = at(&lasting, &told, 300);
    assert!(home.is_none() && renewed.unwrap().ends_with("; Max-Age=300"));

    let idle = Session { carrier: cookie(false), absolute: Some(Duration::from_secs(100)), idle: Some(Duration::from_secs(16)) };
    let told = round(&idle, 1, 80, &[], &endpoint("a"), NOW).1.unwrap();
    assert!(!told.contains("Max-Age"), "{told}");
    assert_eq!(at(&idle, &told, 1).1, None, "told again only now and then");
    assert!(at(&idle, &told, 16).0.is_none());
    // Used, it goes on, but not beyond the absolute end.
    let mut told = told;
    for after in [10, 20, 35, 50, 65, 80, 95] {
        let (home, again) = at(&idle, &told, after);
        assert!(home.is_some(), "{after}");
        told = again.expect("renewed");
    }
    assert!(at(&idle, &told, 100).0.is_none());
}

#[test]
fn a_header_field_carries_the_bare_token() {
    let session = Session { carrier: Carrier::Header { name: None }, absolute: None, idle: None };
    let token = round(&session, 1, 80, &[], &endpoint("a"), NOW).1.unwrap();
    assert_eq!(token.len(), TEXT);
    let mut named = rule(vec![nowhere(1)]);
    named.place = 1;
    let name = session::name(&named).to_uppercase();
    assert!(round(&session, 1, 80, &[(&name, &token)], &endpoint("a"), NOW).0.is_some());
}

proptest! {
    #[test]
    fn no_value_breaks_the_reader(value in prop::collection::vec(any::<u8>(), 0..300)) {
        let session = Session { carrier: cookie(false), absolute: None, idle: None };
        let of = rule(vec![nowhere(1)]);
        let mut with = asked(&[]);
        with.head.push(b"cookie", &[b"s=", &value[..]].concat());
        prop_assert!(read(&session, &of, &with, &Seals::new(&[7; 32]), NOW).tokens.is_empty());
    }
}
