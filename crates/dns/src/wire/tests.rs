use super::*;
use crate::testing::query;

fn code(message: &[u8]) -> Option<u16> {
    match parse(message) {
        Ok(_) => None,
        Err(Refused::Silent) => Some(999),
        Err(Refused::Code { rcode, .. }) => Some(rcode),
    }
}

/// A header with these counts, and what follows it.
fn message(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
    let words = [0x1234, flags, counts[0], counts[1], counts[2], counts[3]];
    [words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>(), rest.to_vec()].concat()
}

const QUESTION: &[u8] = b"\x03svc\x00\x00\x01\x00\x01";
const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";

#[test]
fn w8_malformed_messages_are_turned_away() {
    const SILENCE: u16 = 999;
    let one = [1, 0, 0, 0];
    let long: Vec<u8> = [b"\x3f".repeat(64).repeat(5), b"\x00\x00\x01\x00\x01".to_vec()].concat();
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (vec![], SILENCE, "nothing"),
        (message(0, one, &[])[..11].to_vec(), SILENCE, "eleven octets"),
        (message(0x8180, one, QUESTION), SILENCE, "a response"),
        (message(0x2800, one, QUESTION), rcode::NOTIMP, "an UPDATE"),
        (message(0x2000, one, QUESTION), rcode::NOTIMP, "a NOTIFY"),
        (message(0, [0, 0, 0, 0], &[]), rcode::FORMERR, "no question"),
        (message(0, [2, 0, 0, 0], &[QUESTION, QUESTION].concat()), rcode::FORMERR, "two questions"),
        (message(0, [65_535; 4], QUESTION), rcode::FORMERR, "counts that lie"),
        (message(0, one, b"\xc0\x0c\x00\x01\x00\x01"), rcode::FORMERR, "a name that points at itself"),
        (message(0, one, b"\x01a\xc0\x0c\x00\x01\x00\x01"), rcode::FORMERR, "a pointer in the question"),
        (message(0, one, b"\x40a\x00\x00\x01\x00\x01"), rcode::FORMERR, "a label of a reserved kind"),
        (message(0, one, b"\x3faaaa"), rcode::FORMERR, "a label longer than the message"),
        (message(0, one, &long), rcode::FORMERR, "a name of 321 octets"),
        (message(0, one, &QUESTION[..QUESTION.len() - 1]), rcode::FORMERR, "a class cut short"),
        (message(0, one, &[QUESTION, b"\0"].concat()), rcode::FORMERR, "a trailing octet"),
        (message(0, [1, 0, 0, 1], QUESTION), rcode::FORMERR, "an announced record that is missing"),
        (message(0, [1, 0, 0, 2], &[QUESTION, OPT, OPT].concat()), rcode::FORMERR, "two OPTs"),
        (message(0, [1, 0, 0, 1], &[QUESTION, b"\x01x", OPT].concat()), rcode::FORMERR, "an OPT that is not at the root"),
        (message(0, [1, 0, 1, 0], &[QUESTION, OPT].concat()), rcode::FORMERR, "an OPT in the wrong section"),
        (
            message(0, [1, 0, 0, 1], &[QUESTION, b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x02\x00\x03"].concat()),
            rcode::FORMERR,
            "an option cut short",
        ),
        (message(0, [1, 0, 0, 1], &[QUESTION, b"\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"].concat()), rcode::BADVERS, "EDNS version 1"),
        (message(0, one, b"\x03svc\x00\x00\x01\x00\x03"), rcode::REFUSED, "class CH"),
        (message(0, one, b"\x03svc\x00\x00\x29\x00\x01"), rcode::FORMERR, "type OPT"),
        (message(0, one, b"\x03svc\x00\x00\xfa\x00\x01"), rcode::FORMERR, "type TSIG"),
        (message(0, one, b"\x03svc\x00\x00\xfd\x00\x01"), rcode::NOTIMP, "MAILB"),
    ];
    for (message, expected, what) in cases {
        assert_eq!(code(&message), Some(expected), "{what}");
    }
}

#[test]
fn good_queries_are_read() {
    let message = query("WeB.test", kind::A, Some(1232));
    let query = parse(&message).expect("a query");
    assert_eq!((query.id, query.kind, query.name()), (0x1234, kind::A, &b"\x03WeB\x04test\x00"[..]));
    assert_eq!(query.edns, Some(Edns { size: 1232, ..Edns::default() }));
    let options = b"\x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x0c\xfd\xe9\x00\x04abcd\x00\x0b\x00\x00";
    let message = [&super::tests::message(0x0110, [1, 0, 0, 1], QUESTION)[..], options].concat();
    let query = parse(&message).expect("a query");
    assert_eq!((query.edns, query.has(flag::CD)), (Some(Edns { size: 4096, dnssec_ok: true, keepalive: true, ..Edns::default() }), true));
    let root = super::tests::message(0, [1, 0, 0, 0], b"\x00\x00\x02\x00\x01");
    assert_eq!(parse(&root).expect("a query").name(), b"\x00");
}

#[test]
fn pointers_lead_backwards_only() {
    let mut name = [0; LONGEST_NAME];
    let good = b"\x03org\x00\x07example\xc0\x00\x01a\xc0\x05";
    assert_eq!(expand_name(good, 15, &mut name).map(|length| name[..length].to_vec()), Some(b"\x01a\x07example\x03org\x00".to_vec()));
    for bad in [&b"\xc0\x00"[..], b"\x01a\xc0\x00", b"\xc0\x02\xc0\x00", b"\x01a", b"\x80a\x00", b"\xc0"] {
        assert_eq!(expand_name(bad, 0, &mut name), None, "{bad:?}");
    }
    let deep: Vec<u8> = [b"\x3f".repeat(64).repeat(4), vec![0]].concat();
    assert_eq!(expand_name(&deep, 0, &mut name), None, "256 octets are too many");
}

#[test]
fn names_are_not_made_of_octets_that_change_on_the_way() {
    // A question for `a`, and an answer whose TTL and header look like a name.
    let question = b"\x01a\x00\x00\x01\x00\x01";
    let answer = |owner: &[u8]| {
        [
            &super::tests::message(0x8180, [1, 2, 0, 0], question)[..],
            b"\xc0\x0c\x00\x01\x00\x01\x00\x01a\x00\x00\x04\x01a\x00\x00",
            owner,
            b"\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x01\x02\x03\x04",
        ]
        .concat()
    };
    let first = super::HEADER + question.len();
    let (ttl, data) = (first + 6, first + 12);
    for (target, sound) in [(12, true), (data, true), (ttl, false), (ttl + 1, false), (5, false)] {
        let message = answer(&[0xC0, u8::try_from(target).expect("near")]);
        assert_eq!(crate::cache::Answer::read(&message).is_some(), sound, "a name at {target}");
    }
}
