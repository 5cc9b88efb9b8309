//! Bounds that a Gateway sets for its ports (gateway spec G43, G115): how large a head may be, how long anybody may be silent.

use std::time::Duration;

use model::routes::Limits;

/// Largest bound of a size, in bytes: a head is read as a whole before it is judged, and every client may send one.
const BYTES_MAX: u64 = 1 << 20;
/// Largest bound of the number of fields.
const FIELDS_MAX: u64 = 1000;
/// Longest bound of a time.
const TIME_MAX: Duration = Duration::from_secs(24 * 3600);

type Size = fn(&mut Limits) -> &mut Option<usize>;
type Time = fn(&mut Limits) -> &mut Option<Duration>;

/// Annotations that bound a size, in bytes.
const SIZES: &[(&str, Size)] = &[
    ("request-target-limit", |limits| &mut limits.target_max),
    ("request-field-limit", |limits| &mut limits.field_max),
    ("request-head-limit", |limits| &mut limits.head_max),
];

/// Annotations that bound a time.
const TIMES: &[(&str, Time)] = &[
    ("request-head-timeout", |limits| &mut limits.head_timeout),
    ("request-body-timeout", |limits| &mut limits.body_timeout),
    ("keep-alive-timeout", |limits| &mut limits.idle_timeout),
    ("connect-timeout", |limits| &mut limits.connect_timeout),
    ("response-timeout", |limits| &mut limits.silence_timeout),
    ("client-write-timeout", |limits| &mut limits.stalled_timeout),
    ("tunnel-timeout", |limits| &mut limits.tunnel_timeout),
    ("max-connection-age", |limits| &mut limits.age_max),
];

/// Reads a bound by the name of its annotation; `None` when the name is no bound's.
pub(super) fn read(name: &str, value: &str, into: &mut Limits) -> Option<Result<(), String>> {
    if let Some((_, time)) = TIMES.iter().find(|(known, _)| *known == name) {
        return Some(duration(value).map(|bound| *time(into) = Some(bound)));
    }
    if name == "request-fields-limit" {
        return Some(count(value).map(|bound| into.fields_max = Some(bound)));
    }
    let (_, size) = SIZES.iter().find(|(known, _)| *known == name)?;
    Some(bytes(value).map(|bound| *size(into) = Some(bound)))
}

fn duration(value: &str) -> Result<Duration, String> {
    let within = |bound: &Duration| !bound.is_zero() && *bound <= TIME_MAX;
    api::parse_duration(value).filter(within).ok_or_else(|| "is no duration like 30s or 1h30m, above zero and at most 24h".into())
}

fn count(value: &str) -> Result<usize, String> {
    let number = value.parse::<u64>().ok().filter(|number| (1..=FIELDS_MAX).contains(number));
    number.map(|number| number as usize).ok_or_else(|| format!("is no number within 1..{FIELDS_MAX}"))
}

fn bytes(value: &str) -> Result<usize, String> {
    let read = super::bytes(value)?.filter(|bytes| *bytes <= BYTES_MAX);
    read.map(|bytes| bytes as usize).ok_or_else(|| "is no size above zero and up to 1Mi".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g115_bounds_are_read_by_name_and_bad_ones_are_told() {
        let mut limits = Limits::default();
        for (name, value) in
            [("request-head-limit", "64Ki"), ("request-fields-limit", "200"), ("keep-alive-timeout", "5m"), ("response-timeout", "250ms")]
        {
            assert_eq!(read(name, value, &mut limits), Some(Ok(())), "{name}");
        }
        let (head_max, fields_max) = (Some(64 << 10), Some(200));
        let (idle_timeout, silence_timeout) = (Some(Duration::from_secs(300)), Some(Duration::from_millis(250)));
        assert_eq!(limits, Limits { head_max, fields_max, idle_timeout, silence_timeout, ..Limits::default() });
        for (name, _) in SIZES {
            for bad in ["0", "2Mi", "lots", "-1"] {
                assert!(read(name, bad, &mut limits).expect("known").is_err(), "{name} {bad}");
            }
        }
        for (name, _) in TIMES {
            for bad in ["0s", "25h", "5", "soon", "-1s"] {
                assert!(read(name, bad, &mut limits).expect("known").is_err(), "{name} {bad}");
            }
        }
        assert!(read("request-fields-limit", "0", &mut limits).expect("known").is_err());
        assert_eq!(read("odd", "1", &mut limits), None);
    }
}
