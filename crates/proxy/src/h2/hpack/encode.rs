//! Header blocks to octets. Values are spelled out as they are: they cost a peer less than a code, and the next hop is near.

/// Static indices of pseudo-fields (RFC 7541, Appendix A).
const AUTHORITY: usize = 1;
const METHOD_GET: u8 = 2;
const METHOD_POST: u8 = 3;
const PATH: usize = 4;
const SCHEME_HTTP: u8 = 6;
const SCHEME_HTTPS: u8 = 7;
const STATUS: usize = 8;
const CONTENT_LENGTH: usize = 28;

/// A literal that enters no table, and one that must enter none on its further way either (RFC 7541 §6.2.2, §6.2.3).
const PLAIN: u8 = 0x00;
const SECRET: u8 = 0x10;

/// Names up to this length are looked up in the static table.
const LOOKED_UP: usize = 32;

/// Says that no dynamic table is used, to a peer that allows less than the usual one (RFC 7541 §4.2).
pub fn push_size_update(out: &mut Vec<u8>) {
    out.push(0x20);
}

/// `:status`.
pub fn push_status(out: &mut Vec<u8>, status: u16) {
    let index = match status {
        200 => 8,
        204 => 9,
        206 => 10,
        304 => 11,
        400 => 12,
        404 => 13,
        500 => 14,
        _ => {
            let digit = |unit: u16| b'0' + (status / unit % 10) as u8;
            return push_named(out, STATUS, &[digit(100), digit(10), digit(1)]);
        }
    };
    out.push(0x80 | index);
}

/// `:method`.
pub fn push_method(out: &mut Vec<u8>, method: &[u8]) {
    match method {
        b"GET" => out.push(0x80 | METHOD_GET),
        b"POST" => out.push(0x80 | METHOD_POST),
        other => push_named(out, usize::from(METHOD_GET), other),
    }
}

/// `:scheme`.
pub fn push_scheme(out: &mut Vec<u8>, covered: bool) {
    out.push(0x80 | if covered { SCHEME_HTTPS } else { SCHEME_HTTP });
}

/// `:authority`.
pub fn push_authority(out: &mut Vec<u8>, authority: &[u8]) {
    push_named(out, AUTHORITY, authority);
}

/// `:path`, with a query perhaps.
pub fn push_path(out: &mut Vec<u8>, path: &[u8], query: Option<&[u8]>) {
    push_integer(out, PLAIN, 4, PATH);
    push_integer(out, 0, 7, path.len() + query.map_or(0, |query| 1 + query.len()));
    out.extend_from_slice(path);
    if let Some(query) = query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

/// `content-length`.
pub fn push_content_length(out: &mut Vec<u8>, mut length: u64) {
    // 2^64 has 20 digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (length % 10) as u8;
        length /= 10;
        if length == 0 {
            return push_named(out, CONTENT_LENGTH, &digits[at..]);
        }
    }
}

/// A field whose name has this static index.
fn push_named(out: &mut Vec<u8>, index: usize, value: &[u8]) {
    push_integer(out, PLAIN, 4, index);
    push_string(out, value);
}

/// A field. Its name may be in any case, and is sent in lower case.
pub fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let mut lower = [0; LOOKED_UP];
    let Some(lower) = lower.get_mut(..name.len()) else {
        out.push(PLAIN);
        push_integer(out, 0, 7, name.len());
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        return push_string(out, value);
    };
    for (to, from) in lower.iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    let index = index_of(lower);
    let secret = matches!(index, AUTHORIZATION | COOKIE | SET_COOKIE | PROXY_AUTHORIZATION);
    let mark = if secret { SECRET } else { PLAIN };
    push_integer(out, mark, 4, index);
    if index == 0 {
        push_string(out, lower);
    }
    push_string(out, value);
}

/// Static indices of names whose values nobody should be able to guess at.
const AUTHORIZATION: usize = 23;
const COOKIE: usize = 32;
const PROXY_AUTHORIZATION: usize = 49;
const SET_COOKIE: usize = 55;

/// The static index of a name in lower case; 0 when it has none.
fn index_of(name: &[u8]) -> usize {
    match name {
        b"accept-charset" => 15,
        b"accept-encoding" => 16,
        b"accept-language" => 17,
        b"accept-ranges" => 18,
        b"accept" => 19,
        b"access-control-allow-origin" => 20,
        b"age" => 21,
        b"allow" => 22,
        b"authorization" => AUTHORIZATION,
        b"cache-control" => 24,
        b"content-disposition" => 25,
        b"content-encoding" => 26,
        b"content-language" => 27,
        b"content-length" => 28,
        b"content-location" => 29,
        b"content-range" => 30,
        b"content-type" => 31,
        b"cookie" => COOKIE,
        b"date" => 33,
        b"etag" => 34,
        b"expires" => 36,
        b"if-match" => 39,
        b"if-modified-since" => 40,
        b"if-none-match" => 41,
        b"if-range" => 42,
        b"if-unmodified-since" => 43,
        b"last-modified" => 44,
        b"link" => 45,
        b"location" => 46,
        b"proxy-authenticate" => 48,
        b"proxy-authorization" => PROXY_AUTHORIZATION,
        b"range" => 50,
        b"referer" => 51,
        b"retry-after" => 53,
        b"server" => 54,
        b"set-cookie" => SET_COOKIE,
        b"strict-transport-security" => 56,
        b"user-agent" => 58,
        b"vary" => 59,
        b"via" => 60,
        b"www-authenticate" => 61,
        _ => 0,
    }
}

/// A string without a code.
fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    push_integer(out, 0, 7, text.len());
    out.extend_from_slice(text);
}

/// An integer whose first octet has `prefix` bits of it, beside `mark`.
fn push_integer(out: &mut Vec<u8>, mark: u8, prefix: u32, number: usize) {
    let full = (1usize << prefix) - 1;
    if number < full {
        return out.push(mark | number as u8);
    }
    out.push(mark | full as u8);
    let mut rest = number - full;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
pub mod tests {
    use super::super::table::STATIC;
    use super::*;

    #[test]
    fn names_have_the_index_of_the_static_table() {
        for (at, (name, _)) in STATIC.iter().enumerate() {
            let index = index_of(name);
            assert!(index == 0 || (index == at + 1 && STATIC[at].0 == *name), "{}", String::from_utf8_lossy(name));
        }
        assert_eq!(STATIC.iter().filter(|(name, _)| index_of(name) > 0).count(), 41);
    }

    /// As an encoder that does everything an encoder may: literals of all sorts, with and without a code.
    pub fn push_literal(out: &mut Vec<u8>, name: &[u8], value: &[u8], keep: bool, coded: bool) {
        out.push(if keep { 0x40 } else { PLAIN });
        for text in [name, value] {
            if coded {
                let code = super::super::huffman::encode(text);
                push_integer(out, 0x80, 7, code.len());
                out.extend_from_slice(&code);
            } else {
                push_string(out, text);
            }
        }
    }
}
