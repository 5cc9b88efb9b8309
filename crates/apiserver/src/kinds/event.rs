//! Event: what happened to an object. One storage (the core form), two views: core/v1 and events.k8s.io/v1.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::cells::{self, column, wide};
use super::value::{default_absent, has, number, remove, text};
use super::{Column, NameRule, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax;

/// Fields that the two views name differently: (stored, events.k8s.io/v1).
const RENAMED: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];
/// Most bytes of reportingInstance, action and reason.
const MAX_WORD: usize = 128;
const MAX_NOTE: usize = 1024;
const INVOLVED: Path<'static> = Path::new("involvedObject");

/// The rules of core/v1 Events, which accept the old style too.
pub struct Event;

/// The rules of events.k8s.io/v1 Events.
pub struct NewEvent;

impl Rules for Event {
    fn defaults(&self, object: &mut Value) {
        fill(object);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        check(object, "reportingComponent")
    }

    fn validate_update(&self, new: &Value, _old: &Value, _: &Settings) -> FieldErrors {
        check(new, "reportingComponent")
    }

    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn counts_generation(&self, _new: &Value, _old: &Value) -> bool {
        false
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        row(object, now)
    }

    fn fields(&self) -> &'static [&'static str] {
        FIELDS
    }

    fn field(&self, object: &Value, name: &str) -> String {
        selectable(object, name)
    }
}

impl Rules for NewEvent {
    fn defaults(&self, object: &mut Value) {
        fill(object);
    }

    fn to_stored(&self, object: &mut Value) {
        rename(object, |stored, seen| (seen, stored));
    }

    fn from_stored(&self, object: &mut Value) {
        rename(object, |stored, seen| (stored, seen));
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let mut errors = check(object, "reportingController");
        check_series(object, &mut errors);
        if !has(object, "eventTime") {
            errors.push(Path::new("eventTime").required(""));
        }
        let kind = text(object, "type");
        if !matches!(kind, "Normal" | "Warning") {
            errors.push(Path::new("type").invalid("", format!("has invalid value: {kind}")));
        }
        for field in ["firstTimestamp", "lastTimestamp"] {
            if has(object, field) {
                errors.push(Path::new(field).invalid("", "needs to be unset"));
            }
        }
        if number(object, "count") != 0 {
            errors.push(Path::new("count").invalid("", "needs to be unset"));
        }
        if ["component", "host"].iter().any(|f| !text(&object["source"], f).is_empty()) {
            errors.push(Path::new("source").invalid("", "needs to be unset"));
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, _: &Settings) -> FieldErrors {
        let mut errors = check(new, "reportingController");
        if new.get("series") != old.get("series") {
            check_series(new, &mut errors);
        }
        for field in [
            "involvedObject",
            "reason",
            "message",
            "source",
            "firstTimestamp",
            "lastTimestamp",
            "count",
            "reason",
            "type",
            "eventTime",
            "action",
            "related",
        ] {
            check_fixed(new, old, field, field, &mut errors);
        }
        check_fixed(new, old, "reportingComponent", "reportingController", &mut errors);
        check_fixed(new, old, "reportingInstance", "reportingInstance", &mut errors);
        errors
    }

    fn counts_generation(&self, _new: &Value, _old: &Value) -> bool {
        false
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        row(object, now)
    }

    fn fields(&self) -> &'static [&'static str] {
        NEW_FIELDS
    }

    fn field(&self, object: &Value, name: &str) -> String {
        selectable(object, name)
    }
}

/// Fields that are always shown, set or not.
fn fill(object: &mut Value) {
    for field in ["involvedObject", "source"] {
        default_absent(object, field, Value::Object(Map::new()));
    }
    for field in ["reportingComponent", "reportingInstance"] {
        default_absent(object, field, "");
    }
}

fn rename(object: &mut Value, direction: impl Fn(&'static str, &'static str) -> (&'static str, &'static str)) {
    for (stored, seen) in RENAMED {
        let (from, to) = direction(stored, seen);
        if let Some(value) = remove(object, from) {
            object[to] = value;
        }
    }
}

/// The rules that both views share. Only the new style (with eventTime) must be complete.
fn check(event: &Value, controller_field: &str) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (namespace, involved) = (text(&event["metadata"], "namespace"), text(&event["involvedObject"], "namespace"));
    let new_style = has(event, "eventTime");
    // An object without a namespace has its events in `default`; the new style allows kube-system too.
    let agree = match involved {
        "" => namespace.is_empty() || namespace == "default" || (new_style && namespace == "kube-system"),
        _ => new_style || namespace == involved,
    };
    if !agree {
        errors.push(INVOLVED.child("namespace").invalid(involved, "does not match event.namespace"));
    }
    if new_style {
        check_new_style(event, controller_field, &mut errors);
    }
    errors.extend(Path::new("namespace").invalid_all(namespace, syntax::dns1123_subdomain(namespace)));
    errors
}

fn check_new_style(event: &Value, controller_field: &str, errors: &mut FieldErrors) {
    let (controller, at) = (text(event, "reportingComponent"), Path::new(controller_field));
    if controller.is_empty() {
        errors.push(at.required(""));
    }
    errors.extend(at.invalid_all(controller, syntax::qualified_name(controller)));
    for field in ["reportingInstance", "action", "reason"] {
        let word = text(event, field);
        if word.is_empty() {
            errors.push(Path::new(field).required(""));
        }
        if word.len() > MAX_WORD {
            errors.push(Path::new(field).invalid("", format!("can have at most {MAX_WORD} characters")));
        }
    }
    if text(event, "message").len() > MAX_NOTE {
        errors.push(Path::new("message").invalid("", format!("can have at most {MAX_NOTE} characters")));
    }
}

fn check_series(event: &Value, errors: &mut FieldErrors) {
    if has(event, "series") {
        if number(&event["series"], "count") < 2 {
            errors.push(Path::new("series.count").invalid("", "should be at least 2"));
        }
        if !has(&event["series"], "lastObservedTime") {
            errors.push(Path::new("series.lastObservedTime").required(""));
        }
    }
}

fn check_fixed(new: &Value, old: &Value, field: &str, shown: &str, errors: &mut FieldErrors) {
    if new[field] != old[field] {
        errors.push(Path::new(shown).invalid(unversioned(field, &new[field]), "field is immutable"));
    }
}

/// A value as upstream shows it here: in the form it has inside the server, with every field.
fn unversioned(field: &str, value: &Value) -> Value {
    let fields: &[(&str, &str)] = match field {
        "source" => &[("Component", "component"), ("Host", "host")],
        "involvedObject" => &[
            ("Kind", "kind"),
            ("Namespace", "namespace"),
            ("Name", "name"),
            ("UID", "uid"),
            ("APIVersion", "apiVersion"),
            ("ResourceVersion", "resourceVersion"),
            ("FieldPath", "fieldPath"),
        ],
        "reason" | "message" | "type" | "action" | "reportingComponent" | "reportingInstance" if value.is_null() => return "".into(),
        "count" if value.is_null() => return 0.into(),
        _ => return value.clone(),
    };
    fields.iter().map(|(inside, outside)| ((*inside).to_owned(), Value::from(text(value, outside)))).collect::<Map<_, _>>().into()
}

static COLUMNS: &[Column] = &[
    column("Last Seen", "Time since it last happened."),
    column("Type", "Normal or Warning."),
    column("Reason", "Why, in one word."),
    column("Object", "What it happened to."),
    wide("Subobject", "The part of the object concerned."),
    wide("Source", "Who reports it."),
    column("Message", "What happened, in words."),
    wide("First Seen", "Time since it first happened."),
    wide("Count", "How often it happened."),
    Column { name: "Name", kind: "string", format: "name", description: "Name of the event, unique within its namespace.", priority: 1 },
];

fn row(event: &Value, now: Timestamp) -> Vec<Value> {
    let first = cells::since_first(&[text(event, "firstTimestamp"), text(event, "eventTime")], now);
    let mut last = if has(event, "lastTimestamp") { cells::since_first(&[text(event, "lastTimestamp")], now) } else { first.clone() };
    let mut count = number(event, "count").max(1);
    if has(event, "series") {
        last = cells::since_first(&[text(&event["series"], "lastObservedTime")], now);
        count = number(&event["series"], "count");
    }
    let involved = &event["involvedObject"];
    let kind = text(involved, "kind").to_lowercase();
    let target = if text(involved, "name").is_empty() { kind } else { format!("{kind}/{}", text(involved, "name")) };
    let source = cells::or(text(&event["source"], "component"), text(event, "reportingComponent"));
    let host = cells::or(text(&event["source"], "host"), text(event, "reportingInstance"));
    vec![
        last.into(),
        text(event, "type").into(),
        text(event, "reason").into(),
        target.into(),
        text(involved, "fieldPath").into(),
        if host.is_empty() { source.to_owned() } else { format!("{source}, {host}") }.into(),
        text(event, "message").trim().into(),
        first.into(),
        count.into(),
        cells::name(event),
    ]
}

static FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "type",
    "source",
];

/// The same in the words of the newer view, in the same order; it has none for the last.
static NEW_FIELDS: &[&str] = &[
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "regarding.apiVersion",
    "regarding.resourceVersion",
    "regarding.fieldPath",
    "reason",
    "reportingController",
    "type",
];

fn selectable(event: &Value, name: &str) -> String {
    match name {
        "source" => cells::or(text(&event["source"], "component"), text(event, "reportingComponent")).to_owned(),
        _ => super::field_at(event, name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::texts;
    use super::*;

    fn old_style() -> Value {
        json!({"metadata": {"name": "e", "namespace": "a"}, "involvedObject": {"kind": "Service", "name": "web", "namespace": "a"}, "reason": "Because", "type": "Normal", "source": {"component": "me"}})
    }

    fn new_style() -> Value {
        json!({"metadata": {"name": "e", "namespace": "a"}, "eventTime": "2026-01-02T03:04:05.000000Z", "regarding": {"kind": "Pod", "name": "p", "namespace": "a"}, "reason": "R", "action": "A",
               "note": "words", "type": "Normal", "reportingController": "a.test/b", "reportingInstance": "i"})
    }

    #[test]
    fn an_event_lives_beside_its_object() {
        let mut object = old_style();
        assert!(Event.validate_create(&object, &Settings::default()).is_empty());
        object["involvedObject"]["namespace"] = "kube-system".into();
        assert_eq!(
            texts(&Event.validate_create(&object, &Settings::default())),
            ["involvedObject.namespace: Invalid value: \"kube-system\": does not match event.namespace"]
        );
    }

    #[test]
    fn the_new_style_must_be_complete() {
        let mut object = new_style();
        NewEvent.to_stored(&mut object);
        assert_eq!(
            (&object["message"], &object["involvedObject"]["name"], &object["reportingComponent"]),
            (&json!("words"), &json!("p"), &json!("a.test/b"))
        );
        assert!(NewEvent.validate_create(&object, &Settings::default()).is_empty());
        let wrong = json!({"metadata": {"namespace": "a"}, "involvedObject": {"namespace": "a"}, "eventTime": "2026-01-02T03:04:05.000000Z", "reportingComponent": "a", "type": "Odd",
                           "count": 2, "reportingInstance": "i".repeat(129), "series": {"count": 1}});
        assert_eq!(
            texts(&NewEvent.validate_create(&wrong, &Settings::default())),
            [
                "reportingInstance: Invalid value: \"\": can have at most 128 characters",
                "action: Required value",
                "reason: Required value",
                "series.count: Invalid value: \"\": should be at least 2",
                "series.lastObservedTime: Required value",
                "type: Invalid value: \"\": has invalid value: Odd",
                "count: Invalid value: \"\": needs to be unset",
            ]
        );
    }

    #[test]
    fn both_views_round_trip() {
        let (mut object, seen) = (new_style(), new_style());
        NewEvent.to_stored(&mut object);
        NewEvent.from_stored(&mut object);
        assert_eq!(object, seen);
    }

    #[test]
    fn rows_and_selectors_read_either_style() {
        let now: Timestamp = "2026-01-02T03:06:05Z".parse().unwrap();
        let mut object = new_style();
        NewEvent.to_stored(&mut object);
        let row = Event.row(&object, now);
        assert_eq!(
            row,
            [
                json!("2m"),
                json!("Normal"),
                json!("R"),
                json!("pod/p"),
                json!(""),
                json!("a.test/b, i"),
                json!("words"),
                json!("2m"),
                json!(1),
                json!("e")
            ]
        );
        assert_eq!(Event.field(&object, "source"), "a.test/b");
        assert_eq!(Event.field(&old_style(), "source"), "me");
        assert_eq!(Event.row(&old_style(), now)[0], "<unknown>");
    }
}
