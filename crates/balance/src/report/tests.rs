use proptest::prelude::*;

use super::*;

fn text(value: &str) -> Option<Report> {
    Report::from_header(HEADER, value.as_bytes())
}

#[test]
fn text_takes_both_separators_and_named_metrics() {
    let report = text("TEXT cpu_utilization=0.3,mem_utilization:0.8, named_metrics.queue=4,utilization.disk=0.5").unwrap();
    assert_eq!((report.cpu, report.memory, report.named("queue")), (Some(0.3), Some(0.8), Some(4.0)));
    assert_eq!(report.utilisation(&["utilization.disk", "mem_utilization"]), Some(0.8));
    assert_eq!(report.utilisation::<&str>(&[]), Some(0.3), "the processor when there is no application");
}

#[test]
fn json_takes_both_spellings() {
    let report = text(r#"JSON {"cpuUtilization": 0.4, "application_utilization": "0.9", "namedMetrics": {"in_flight": 3}}"#).unwrap();
    assert_eq!((report.cpu, report.application, report.named("in_flight")), (Some(0.4), Some(0.9), Some(3.0)));
    assert_eq!(report.utilisation::<&str>(&[]), Some(0.9));
}

#[test]
fn binary_is_read_from_both_headers_with_and_without_padding() {
    let mut message = vec![0x09];
    message.extend(0.25f64.to_le_bytes());
    message.extend([0x42, 13, 0x0A, 2, b'k', b'v', 0x11]);
    message.extend(7.0f64.to_le_bytes());
    for encoded in [STANDARD.encode(&message), STANDARD_NO_PAD.encode(&message)] {
        let report = Report::from_header(HEADER_BINARY, encoded.as_bytes()).unwrap();
        assert_eq!((report.cpu, report.named("kv")), (Some(0.25), Some(7.0)));
        assert_eq!(text(&format!("BIN {encoded}")), Some(report));
    }
}

#[test]
fn numbers_that_say_nothing_are_ignored() {
    assert_eq!(text("TEXT cpu_utilization=NaN,mem_utilization=inf,application_utilization=-1,eps=0"), None);
    assert_eq!(text("cpu_utilization=0.3"), None, "no prefix");
    assert_eq!(text("JSON [1]"), None);
    assert_eq!(Report::from_header("x-other", b"TEXT cpu_utilization=0.3"), None);
}

#[test]
fn names_are_bounded() {
    let many: Vec<String> = (0..500).map(|index| format!("named_metrics.m{index}=1")).collect();
    assert_eq!(text(&format!("TEXT {}", many.join(","))).unwrap().named.len(), NAMES_MAX);
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes: Vec<u8>, header in "(TEXT|JSON|BIN|) ?.{0,60}") {
        let _ = Report::from_protobuf(&bytes);
        let _ = Report::from_header(HEADER_BINARY, &bytes);
        if let Some(report) = text(&header) {
            prop_assert!(report.named.iter().all(|(_, value)| value.is_finite() && *value > 0.0));
        }
    }
}
