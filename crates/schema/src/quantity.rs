//! `resource.Quantity`: the text form that the server stores and compares (KEP-less; the rules are those documented in
//! the API reference under "Quantity").

/// One billionth is the smallest unit a quantity can hold; finer values are rounded away from zero.
const FINEST: i32 = -9;
/// More digits than any unit times the largest value needs; longer texts are cut to the largest value.
const MOST_DIGITS: usize = 30;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Binary,
    Decimal,
    Exponent,
}

const DECIMAL: &[(&str, i32)] = &[("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: &[(&str, u32)] = &[("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// What upstream says about a text that is no quantity.
pub const INVALID: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// The canonical text of a quantity, or `None` when it is none: no fraction, the largest unit that needs none,
/// and the family of units (decimal, binary, exponent) that the writer chose.
pub fn canonical(text: &str) -> Option<String> {
    if is_canonical_number(text) {
        return Some(text.to_owned());
    }
    let (negative, digits, scale, format) = parse(text)?;
    let value = if negative { -digits } else { digits };
    if value == 0 {
        return Some("0".to_owned());
    }
    let shown = print(value, scale, format);
    // Without its unit it is read as a decimal number the next time, and upstream reads what it stored before it answers.
    if format == Format::Binary && !shown.ends_with('i') { canonical(&shown) } else { Some(shown) }
}

/// Small whole numbers are most quantities and canonical as they are, unless they end in three zeros.
fn is_canonical_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.len(), 1..=3) && bytes.iter().all(u8::is_ascii_digit) && (bytes[0] != b'0' || bytes.len() == 1)
}

/// Sign, mantissa, decimal exponent and family. Binary units are multiplied out.
fn parse(text: &str) -> Option<(bool, i128, i32, Format)> {
    let text = text.trim();
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let (shift, binary, format) = unit(suffix)?;
    let mut mantissa: i128 = 0;
    let mut digits = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        digits += usize::from(mantissa != 0);
        if digits > MOST_DIGITS {
            return Some((negative, i128::from(i64::MAX), 0, format));
        }
        mantissa = mantissa * 10 + i128::from(digit - b'0');
    }
    let scale = shift - i32::try_from(fraction.len()).ok()?;
    let (mantissa, scale) = multiplied(mantissa, scale, binary);
    let (mantissa, scale) = round(mantissa, scale);
    if format == Format::Binary && mantissa / 10i128.pow(scale.min(0).unsigned_abs()) >= i128::from(i64::MAX) {
        return Some((negative, i128::from(i64::MAX), 0, format));
    }
    Some((negative, mantissa, scale, format))
}

/// The mantissa times a power of two; digits that no longer fit are far below the finest unit.
fn multiplied(mut mantissa: i128, mut scale: i32, binary: u32) -> (i128, i32) {
    loop {
        if let Some(product) = mantissa.checked_mul(1 << binary) {
            return (product, scale);
        }
        mantissa /= 10;
        scale += 1;
    }
}

/// Decimal exponent, binary exponent and family of a unit.
fn unit(suffix: &str) -> Option<(i32, u32, Format)> {
    if let Some((_, power)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((0, *power, Format::Binary));
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((*power, 0, Format::Decimal));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-100..=100).contains(&exponent).then_some((exponent, 0, Format::Exponent))
}

/// Away from zero to the finest unit.
fn round(mut mantissa: i128, mut scale: i32) -> (i128, i32) {
    let mut inexact = false;
    while scale < FINEST && mantissa != 0 {
        inexact |= mantissa % 10 != 0;
        mantissa /= 10;
        scale += 1;
    }
    if inexact {
        mantissa += 1;
    }
    (mantissa, scale.max(FINEST))
}

fn print(value: i128, scale: i32, format: Format) -> String {
    if format == Format::Binary
        && let Some(whole) = whole(value, scale)
        && whole.abs() >= 1024
    {
        let (mut number, mut power) = (whole, 0);
        while number % 1024 == 0 && power < BINARY.len() {
            number /= 1024;
            power += 1;
        }
        let suffix = if power == 0 { "" } else { BINARY[power - 1].0 };
        return format!("{number}{suffix}");
    }
    let (mut number, mut exponent) = (value, scale);
    while number % 10 == 0 {
        number /= 10;
        exponent += 1;
    }
    while exponent.rem_euclid(3) != 0 {
        number = number.saturating_mul(10);
        exponent -= 1;
    }
    match DECIMAL.iter().find(|(_, power)| *power == exponent) {
        _ if format == Format::Exponent && exponent != 0 => format!("{number}e{exponent}"),
        Some((suffix, _)) => format!("{number}{suffix}"),
        None => format!("{number}e{exponent}"),
    }
}

/// The value without a fraction, when it has none.
fn whole(value: i128, scale: i32) -> Option<i128> {
    if scale >= 0 {
        return value.checked_mul(10i128.checked_pow(scale.unsigned_abs())?);
    }
    let divisor = 10i128.checked_pow(scale.unsigned_abs())?;
    (value % divisor == 0).then(|| value / divisor)
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn quantities_print_as_go_prints_them() {
        for (given, wanted) in [
            ("0", "0"),
            ("0.0", "0"),
            ("-0Gi", "0"),
            ("1", "1"),
            ("100", "100"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("0.1", "100m"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("1Gi", "1Gi"),
            ("512", "512"),
            ("1Ki", "1Ki"),
            ("1023Ki", "1023Ki"),
            ("0.5Ki", "512"),
            ("62.5Ki", "64k"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e6", "12e6"),
            ("1e2", "100"),
            ("1E", "1E"),
            ("-1500m", "-1500m"),
            ("+5", "5"),
            ("123456789", "123456789"),
            ("0.0000000001", "1n"),
            ("1.0000000001", "1000000001n"),
            ("100k", "100k"),
            ("1000k", "1M"),
            ("3Ei", "3Ei"),
            ("9Ei", "9223372036854775807"),
            ("007", "7"),
            ("2.5Mi", "2560Ki"),
            ("1.1Ki", "1126400m"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(wanted), "{given}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for given in ["", "x", "1x", "1.2.3", "1 Gi", "Gi", "--1", "1e", "1e1000", "1KI", "0x10", "1\u{661}"] {
            assert_eq!(canonical(given), None, "{given}");
        }
    }

    proptest::proptest! {
        #[test]
        fn printing_again_changes_nothing(text in "[-+]?[0-9]{0,15}(\\.[0-9]{0,12})?(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]{1,2}|e-[0-9])") {
            if let Some(once) = canonical(&text) {
                proptest::prop_assert_eq!(canonical(&once), Some(once.clone()), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = canonical(&text);
        }
    }
}
