use proptest::prelude::*;

use super::*;

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

#[test]
fn a_permit_is_only_what_says_so() {
    assert_eq!(verdict(&framed(&[])), Some(Ok(Permit::default())), "a status that is left out is OK");
    let refused = Writer::default().bytes(1, &[8, 7]).take();
    assert_eq!(verdict(&framed(&refused)), Some(Err(Denial { status: 403, ..Denial::default() })));
    // OK beside a refusal is a refusal.
    let both = Writer::default().bytes(1, &[]).bytes(2, &[]).take();
    assert!(matches!(verdict(&framed(&both)), Some(Err(_))));
    let wrong = Writer::default().bytes(1, &[]).bytes(5, &[]).take();
    assert_eq!(verdict(&framed(&wrong)), None, "an error is no verdict");
    for odd in [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\0", b"\0\0\0\0\x01", b"\0\0\0\0\0x", b"\0\0\0\0\x01\xFF"] {
        assert_eq!(verdict(odd), None, "{}", odd.escape_ascii());
    }
}

#[test]
fn edits_follow_their_action() {
    let mut asked = Asked::new(([192, 0, 2, 7], 4711).into(), false);
    for (name, value) in [("x-a", "1"), ("x-b", "1"), ("x-c", "1"), ("x-gone", "1")] {
        asked.head.push(name.as_bytes(), value.as_bytes());
    }
    let edit = |name: &str, how| Edit { name: name.into(), value: b"2".to_vec(), how };
    let set = vec![
        edit("x-a", How::Append),
        edit("x-b", How::Replace),
        edit("x-c", How::IfAbsent),
        edit("x-d", How::IfAbsent),
        edit("x-e", How::IfPresent),
        edit("content-length", How::Replace),
        edit(":path", How::Replace),
        Edit { name: "x-f".into(), value: b"a\r\nb: c".to_vec(), how: How::Replace },
    ];
    Permit { set, remove: vec!["x-gone".into(), "host".into()], answer: Vec::new() }.apply(&mut asked, &mut Vec::new());
    let head = &asked.head;
    let got: Vec<_> = head.fields.iter().map(|field| format!("{}={}", head.name(field).escape_ascii(), head.value(field).escape_ascii())).collect();
    assert_eq!(got, ["x-a=1", "x-b=2", "x-c=1", "x-a=2", "x-d=2"]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_pass_what_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = verdict(&bytes);
        let denied = [&Writer::default().bytes(1, &[8, 7]).take()[..], &bytes].concat();
        // Later fields win in protobuf: only another status could turn it.
        if let Some(Ok(_)) = verdict(&framed(&denied)) {
            prop_assert!(bytes.contains(&10));
        }
    }
}
