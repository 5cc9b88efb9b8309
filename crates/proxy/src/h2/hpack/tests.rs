//! Blocks of RFC 7541, and blocks of any sort.

use proptest::prelude::*;

use super::decode::Garbled;
use super::encode::tests::push_literal;
use super::*;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, Garbled> {
    let mut fields = Vec::new();
    decoder.decode(block, |name, value| fields.push((name.to_vec(), value.to_vec()))).map(|()| fields)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter_map(|byte| char::from(byte).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn said(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

#[test]
fn requests_with_huffman_codes_as_in_appendix_c_4() {
    let mut decoder = Decoder::new(4096);
    let first = said(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")]);
    assert_eq!(decode(&mut decoder, &hex("828684418cf1e3c2e5f23a6ba0ab90f4ff")), Ok(first));
    let second = said(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"), ("cache-control", "no-cache")]);
    assert_eq!(decode(&mut decoder, &hex("828684be5886a8eb10649cbf")), Ok(second));
    let third = said(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ]);
    assert_eq!(decode(&mut decoder, &hex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")), Ok(third));
}

#[test]
fn answers_that_push_others_out_of_the_table_as_in_appendix_c_6() {
    let mut decoder = Decoder::new(256);
    let (cache, date) = (("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"));
    let place = ("location", "https://www.example.com");
    let first = "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3";
    assert_eq!(decode(&mut decoder, &hex(first)), Ok(said(&[(":status", "302"), cache, date, place])));
    assert_eq!(decode(&mut decoder, &hex("4883640effc1c0bf")), Ok(said(&[(":status", "307"), cache, date, place])));
    let third = "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f\
                 9587316065c003ed4ee5b1063d5007";
    let expected = said(&[
        (":status", "200"),
        cache,
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        place,
        ("content-encoding", "gzip"),
        ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ]);
    assert_eq!(decode(&mut decoder, &hex(third)), Ok(expected));
}

#[test]
fn what_rfc_7541_forbids_is_garbled() {
    let refused = [
        ("80", "index 0"),
        ("be", "an index beyond the table"),
        ("7f800000", "an index beyond the table, as a name"),
        ("8220", "a size update after a field"),
        ("3fe21f", "a size beyond what was announced"),
        ("ffffffffffff7f", "an integer that is too large"),
        ("ff80", "an integer that is cut off"),
        ("40056161", "a string that is cut off"),
        ("0081ff0161", "padding of a whole octet"),
        ("008100", "a value that is missing"),
        ("00811801 61", "padding of zeros"),
        ("0084ffffffff0161", "the end of a string as a symbol"),
    ];
    for (block, why) in refused {
        assert_eq!(decode(&mut Decoder::new(4096), &hex(block)), Err(Garbled), "{why}");
    }
    assert_eq!(decode(&mut Decoder::new(4096), &hex("203fe11f82")), Ok(said(&[(":method", "GET")])), "two size updates in front");
}

#[test]
fn secrets_may_enter_no_table_on_their_further_way() {
    let mut out = Vec::new();
    push_field(&mut out, b"Authorization", b"x");
    assert_eq!(out[..2], [0x1F, 23 - 15]);
    push_field(&mut out, b"Set-Cookie", b"x");
    assert_eq!(out[4..6], [0x1F, 55 - 15]);
    push_field(&mut out, b"accept", b"x");
    assert_eq!(out[8..10], [0x0F, 19 - 15]);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(b'a'..=b'z', 1..300)]
}

proptest! {
    #[test]
    fn what_we_send_is_read_as_it_was_meant(fields in prop::collection::vec((text(), text()), 0..20), status in 100u16..1000) {
        let mut out = Vec::new();
        push_status(&mut out, status);
        fields.iter().for_each(|(name, value)| push_field(&mut out, name, value));
        let lower = fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let expected: Fields = std::iter::once((b":status".to_vec(), status.to_string().into_bytes())).chain(lower).collect();
        prop_assert_eq!(decode(&mut Decoder::new(4096), &out), Ok(expected));
    }

    #[test]
    fn a_table_of_any_size_keeps_the_newest(
        fields in prop::collection::vec((text(), text(), any::<bool>(), any::<bool>()), 0..60),
        size in 0usize..4096,
    ) {
        let mut decoder = Decoder::new(size);
        let mut kept: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (name, value, keep, coded) in fields {
            let mut out = Vec::new();
            push_literal(&mut out, &name, &value, keep, coded);
            prop_assert_eq!(decode(&mut decoder, &out), Ok(vec![(name.clone(), value.clone())]));
            if keep {
                kept.insert(0, (name, value));
                let mut sum = 0;
                let fits = kept.iter().take_while(|(name, value)| { sum += name.len() + value.len() + 32; sum <= size }).count();
                kept.truncate(fits);
            }
            for (at, field) in kept.iter().enumerate().take(60) {
                prop_assert_eq!(decode(&mut decoder, &[0x80 | (62 + at) as u8]), Ok(vec![field.clone()]));
            }
            if kept.len() < 60 {
                prop_assert_eq!(decode(&mut decoder, &[0x80 | (62 + kept.len()) as u8]), Err(Garbled));
            }
        }
    }

    #[test]
    fn no_octets_make_it_panic(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5)) {
        let mut decoder = Decoder::new(4096);
        for block in blocks {
            let _ = decode(&mut decoder, &block);
        }
    }
}
