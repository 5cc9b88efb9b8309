//! The time forms of the API: seconds for `Time`, microseconds for `MicroTime`, Go's text for `Duration`.

use std::fmt::Write as _;

use jiff::Timestamp;

/// The layout that upstream names in its parse errors.
const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
const LAYOUT_MICRO: &str = "2006-01-02T15:04:05.000000Z07:00";

/// A `Time` in UTC with seconds, from any RFC 3339 text.
pub fn canonical(text: &str) -> Result<String, String> {
    if is_canonical(text) && text.parse::<Timestamp>().is_ok() {
        return Ok(text.to_owned());
    }
    parse(text).map(seconds).ok_or_else(|| complaint(text, LAYOUT))
}

/// A `MicroTime` in UTC. Upstream reads exactly six digits of fraction.
pub fn canonical_micro(text: &str) -> Result<String, String> {
    let fraction = text.get(19..).unwrap_or_default();
    let digits = fraction.strip_prefix('.').map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
    match parse(text) {
        Some(time) if digits == 6 => Ok(micros(time)),
        _ => Err(complaint(text, LAYOUT_MICRO)),
    }
}

/// `2026-01-02T03:04:05Z`.
pub fn seconds(time: Timestamp) -> String {
    let text = jiff::fmt::temporal::DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&floor(time));
    debug_assert!(text.ends_with('Z'));
    text
}

/// `2026-01-02T03:04:05.000006Z`.
pub fn micros(time: Timestamp) -> String {
    jiff::fmt::temporal::DateTimePrinter::new().precision(Some(6)).timestamp_to_string(&time)
}

/// Whole seconds, towards the past.
fn floor(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_nanosecond().div_euclid(1_000_000_000) as i64).unwrap_or(time)
}

fn is_canonical(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() == 20 && b[10] == b'T' && b[19] == b'Z'
}

/// RFC 3339 as Go reads it: capital `T` and `Z`, four-digit years, offsets with a colon.
fn parse(text: &str) -> Option<Timestamp> {
    let b = text.as_bytes();
    if b.len() < 20 || b[10] != b'T' || !b[..4].iter().all(u8::is_ascii_digit) || text.contains(['z', '[', ' ']) {
        return None;
    }
    let colon_offset = b[b.len() - 1] == b'Z' || (b.len() >= 25 && b[b.len() - 3] == b':');
    if colon_offset { text.parse().ok() } else { None }
}

/// What Go's parser says: the first part of the layout that the text does not follow, and what stands there.
fn complaint(text: &str, layout: &str) -> String {
    let shown = quoted(text);
    let refuse = |rest: &str, part: &str| format!("parsing time {shown} as {layout:?}: cannot parse {} as {part:?}", quoted(rest));
    let mut rest = text;
    for (digits, part, divider) in [(4, "2006", "-"), (2, "01", "-"), (2, "02", "T"), (2, "15", ":"), (2, "04", ":"), (2, "05", "")] {
        if rest.len() < digits || !rest.bytes().take(digits).all(|b| b.is_ascii_digit()) {
            return refuse(rest, part);
        }
        let value: u32 = rest[..digits].parse().unwrap_or(0);
        let (name, range) = match part {
            "01" => ("month", 1..=12),
            "15" => ("hour", 0..=23),
            "04" => ("minute", 0..=59),
            "05" => ("second", 0..=59),
            _ => ("", 0..=9999),
        };
        if !range.contains(&value) {
            return format!("parsing time {shown}: {name} out of range");
        }
        rest = &rest[digits..];
        match rest.strip_prefix(divider) {
            Some(next) => rest = next,
            None => return refuse(rest, divider),
        }
    }
    let digits = rest.strip_prefix('.').map_or(0, |fraction| fraction.bytes().take_while(u8::is_ascii_digit).count());
    if layout == LAYOUT_MICRO {
        if digits < 6 {
            return refuse(rest, ".000000");
        }
        rest = &rest[7..];
    } else if digits > 0 {
        rest = &rest[1 + digits..];
    }
    let offset = rest.as_bytes();
    let is_offset =
        offset.len() >= 6 && matches!(offset[0], b'+' | b'-') && offset[3] == b':' && [1, 2, 4, 5].iter().all(|i| offset[*i].is_ascii_digit());
    match rest.strip_prefix('Z').or_else(|| is_offset.then(|| &rest[6..])) {
        None => refuse(rest, "Z07:00"),
        Some("") => format!("parsing time {shown}: day out of range"),
        Some(extra) => format!("parsing time {shown}: extra text: {}", quoted(extra)),
    }
}

/// A text between quotes as Go's package of times shows it: what is no printable ASCII by its octets.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            0..0x20 | 0x80.. => out.push_str(&format!("\\x{byte:02x}")),
            _ => out.push(char::from(byte)),
        }
    }
    out.push('"');
    out
}

/// Nanoseconds as Go prints a duration: `1h0m0s`, `1.5s`, `10ms`, `0s`.
pub fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    if n == 0 {
        return "0s".to_owned();
    }
    for (unit, size) in [("ns", 1u64), ("µs", 1_000), ("ms", 1_000_000)] {
        if n < size * 1_000 {
            return format!("{sign}{}{unit}", decimal(n, size));
        }
    }
    let (minutes, rest) = (n / 60_000_000_000, n % 60_000_000_000);
    let mut out = sign.to_owned();
    if minutes >= 60 {
        let _ = write!(out, "{}h", minutes / 60);
    }
    if minutes > 0 {
        let _ = write!(out, "{}m", minutes % 60);
    }
    let _ = write!(out, "{}s", decimal(rest, 1_000_000_000));
    out
}

/// Nanoseconds of a duration as [`duration`] prints it.
pub fn nanoseconds(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 6] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("h", 3.6e12), ("m", 6e10), ("s", 1e9)];
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut total = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        let (unit, size) = UNITS.iter().find(|(unit, _)| rest[digits..].starts_with(unit))?;
        total += (amount * size).round() as i64;
        rest = &rest[digits + unit.len()..];
    }
    Some(sign * total)
}

fn decimal(n: u64, size: u64) -> String {
    let fraction = n % size;
    if fraction == 0 {
        return (n / size).to_string();
    }
    let width = size.ilog10() as usize;
    format!("{}.{}", n / size, format!("{fraction:0width$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_utc_with_seconds() {
        for (given, wanted) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
        ] {
            assert_eq!(canonical(given).as_deref(), Ok(wanted));
        }
        for bad in ["", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05+0200"] {
            assert!(canonical(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn micro_times_have_six_digits() {
        assert_eq!(canonical_micro("2026-01-02T03:04:05.000006Z").as_deref(), Ok("2026-01-02T03:04:05.000006Z"));
        assert_eq!(canonical_micro("2026-01-02T03:04:05.100000+01:00").as_deref(), Ok("2026-01-02T02:04:05.100000Z"));
        assert!(canonical_micro("2026-01-02T03:04:05Z").is_err());
        assert!(canonical_micro("2026-01-02T03:04:05.1Z").is_err());
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (nanos, wanted) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (10_000_000, "10ms"),
            (1_500_000_000, "1.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (90_000_000_000, "1m30s"),
            (-1_000_000_000, "-1s"),
        ] {
            assert_eq!(duration(nanos), wanted);
            assert_eq!(nanoseconds(wanted), Some(nanos));
        }
    }

    #[test]
    fn what_is_wrong_with_a_time_is_told_as_go_tells_it() {
        let micro = format!("as {LAYOUT_MICRO:?}: cannot parse");
        for (text, wanted) in [
            ("2020-01-01T00:00:00Z", format!("{micro} \"Z\" as \".000000\"")),
            ("2020-01-01T00:00:00.1+02:00", format!("{micro} \".1+02:00\" as \".000000\"")),
            ("2020-01-01T00:00:00.123456789Z", format!("{micro} \"789Z\" as \"Z07:00\"")),
        ] {
            assert_eq!(canonical_micro(text), Err(format!("parsing time {text:?} {wanted}")));
        }
        let plain = format!("as {LAYOUT:?}: cannot parse");
        for (text, wanted) in [
            ("bad", format!("{plain} \"bad\" as \"2006\"")),
            ("", format!("{plain} \"\" as \"2006\"")),
            ("2020-01-01", format!("{plain} \"\" as \"T\"")),
            ("2020-01-01 00:00:00Z", format!("{plain} \" 00:00:00Z\" as \"T\"")),
            ("2020-01-01T00:00:00", format!("{plain} \"\" as \"Z07:00\"")),
        ] {
            assert_eq!(canonical(text), Err(format!("parsing time {text:?} {wanted}")));
        }
        assert_eq!(canonical("\u{e9}\"").unwrap_err(), format!(r#"parsing time "\xc3\xa9\"" as {LAYOUT:?}: cannot parse "\xc3\xa9\"" as "2006""#));
        for (text, wanted) in [
            ("2020-13-01T00:00:00Z", "month out of range"),
            ("2020-02-30T00:00:00Z", "day out of range"),
            ("2020-01-01T00:00:00Zx", "extra text: \"x\""),
        ] {
            assert_eq!(canonical(text), Err(format!("parsing time {text:?}: {wanted}")));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", near in "[0-9T:Z.+-]{18,30}") {
            let _ = (canonical(&text), canonical_micro(&text), canonical(&near), canonical_micro(&near));
        }
    }
}
