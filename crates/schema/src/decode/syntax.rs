//! What Go's JSON reader has against a text: clients show these words to people, and suites compare them.

/// Deeper nesting than Go reads.
const MOST_DEPTH: usize = 10_000;

/// Why a text is no JSON, in the words of `encoding/json`; none when it is.
pub fn complaint(text: &[u8]) -> Option<String> {
    let mut scan = Scan { text, at: 0 };
    let checked = scan.value().and_then(|()| match scan.token() {
        None => Ok(()),
        Some(byte) => Err(unexpected(byte, "after top-level value")),
    });
    checked.err()
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

fn unexpected(byte: u8, place: &str) -> String {
    format!("invalid character {} {place}", quote(byte))
}

/// One octet between single quotes, as Go shows it: by its value, not as part of a character of UTF-8.
fn quote(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        0x07 => r"'\a'".to_owned(),
        0x08 => r"'\b'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        0x0b => r"'\v'".to_owned(),
        0x0c => r"'\f'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        0..0x20 | 0x7f => format!(r"'\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!(r"'\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

fn ended() -> String {
    "unexpected end of JSON input".to_owned()
}

impl Scan<'_> {
    /// The next octet that is no space, without taking it.
    fn token(&mut self) -> Option<u8> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// One value with all that it holds. `open` holds the brackets it is inside of; no recursion, so that depth costs no stack.
    fn value(&mut self) -> Result<(), String> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            let first = self.token().ok_or_else(ended)?;
            match first {
                b'{' | b'[' => {
                    self.at += 1;
                    if open.len() >= MOST_DEPTH {
                        return Err("exceeded max depth".to_owned());
                    }
                    let close = if first == b'{' { b'}' } else { b']' };
                    if self.token() == Some(close) {
                        self.at += 1;
                    } else {
                        open.push(close);
                        self.key(close)?;
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                b'-' | b'0'..=b'9' => self.number()?,
                other => return Err(unexpected(other, "looking for beginning of value")),
            }
            if self.is_whole(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Behind a value: closes what ends here, and says whether that was everything; else the next value may begin.
    fn is_whole(&mut self, open: &mut Vec<u8>) -> Result<bool, String> {
        while let Some(close) = open.last().copied() {
            match self.token().ok_or_else(ended)? {
                b',' => {
                    self.at += 1;
                    self.key(close)?;
                    return Ok(false);
                }
                byte if byte == close => {
                    self.at += 1;
                    open.pop();
                }
                byte => return Err(unexpected(byte, if close == b'}' { "after object key:value pair" } else { "after array element" })),
            }
        }
        Ok(true)
    }

    /// The key and colon of an object's entry; nothing in a list.
    fn key(&mut self, close: u8) -> Result<(), String> {
        if close == b']' {
            return Ok(());
        }
        match self.token().ok_or_else(ended)? {
            b'"' => self.string()?,
            other => return Err(unexpected(other, "looking for beginning of object key string")),
        }
        match self.token().ok_or_else(ended)? {
            b':' => self.at += 1,
            other => return Err(unexpected(other, "after object key")),
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.take().ok_or_else(ended)? {
                b'"' => return Ok(()),
                b'\\' => match self.take().ok_or_else(ended)? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let digit = self.take().ok_or_else(ended)?;
                            if !digit.is_ascii_hexdigit() {
                                return Err(unexpected(digit, r"in \u hexadecimal character escape"));
                            }
                        }
                    }
                    other => return Err(unexpected(other, "in string escape code")),
                },
                byte @ 0..0x20 => return Err(unexpected(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for wanted in word.bytes() {
            let byte = self.take().ok_or_else(ended)?;
            if byte != wanted {
                return Err(unexpected(byte, &format!("in literal {word} (expecting {})", quote(wanted))));
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        // A zero stands alone: what follows it is no more part of the number.
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1
        } else {
            self.digits("in numeric literal")?
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, place: &str) -> Result<(), String> {
        match self.text.get(self.at) {
            None => return Err(ended()),
            Some(byte) if !byte.is_ascii_digit() => return Err(unexpected(*byte, place)),
            Some(_) => {}
        }
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_the_words_of_go() {
        for (text, wanted) in [
            ("", "unexpected end of JSON input"),
            ("{\"a\"", "unexpected end of JSON input"),
            ("[1", "unexpected end of JSON input"),
            ("-", "unexpected end of JSON input"),
            ("{\"a\"}", "invalid character '}' after object key"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("{'a':1}", r"invalid character '\'' looking for beginning of object key string"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{\"a\":01}", "invalid character '1' after object key:value pair"),
            ("{\"a\":tru}", "invalid character '}' in literal true (expecting 'e')"),
            ("\"a\nb\"", r"invalid character '\n' in string literal"),
            (r#""\x""#, "invalid character 'x' in string escape code"),
            (r#""\u12g4""#, r"invalid character 'g' in \u hexadecimal character escape"),
            ("1.", "unexpected end of JSON input"),
            ("[1.x]", "invalid character 'x' after decimal point in numeric literal"),
            ("[1ex]", "invalid character 'x' in exponent of numeric literal"),
            ("[-x]", "invalid character 'x' in numeric literal"),
            ("{}x", "invalid character 'x' after top-level value"),
            ("\u{e9}", "invalid character '\u{c3}' looking for beginning of value"),
            ("\u{0}", r"invalid character '\x00' looking for beginning of value"),
        ] {
            assert_eq!(complaint(text.as_bytes()).as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(complaint("[".repeat(MOST_DEPTH + 1).as_bytes()).as_deref(), Some("exceeded max depth"));
    }

    proptest::proptest! {
        #[test]
        fn what_serde_reads_is_json_here_too(text in r#"[\[\]{},:"\\a-z0-9 .eE+-]{0,24}"#) {
            let read = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            proptest::prop_assert_eq!(read, complaint(text.as_bytes()).is_none(), "{}", text);
        }
    }
}
