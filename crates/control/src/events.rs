//! What is found wrong with objects, and what becomes of endpoints, as Events that `kubectl describe` shows: the log of a server is read by who runs it, and
//! not by who wrote the object (ingress spec I1, I4, I7; balance spec Y5).
//!
//! One Event a complaint: it has a name of its own, so that the same complaint after a restart counts the old Event up. An object
//! that is complained about is read first, for its UID and version: `kubectl describe` finds Events by them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use model::Origin;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::statuses::kind_path;
use crate::wire::{Error, Wire, path};

/// Complaints that may wait; the log has those beyond it, too.
pub(crate) const QUEUE: usize = 1024;
/// The same complaint is not told again within this time: an object that flaps would write without end.
const SILENCE: Duration = Duration::from_secs(10);
/// Complaints whose time is remembered.
const REMEMBERED: usize = 4096;
/// Longest message of an Event (upstream's limit is 1,024 bytes).
const MESSAGE: usize = 1000;
/// Most of an object's name that fits into the name of an Event, beside a dot and sixteen digits.
const NAME: usize = 253 - 17;
/// Who tells.
const COMPONENT: &str = "fairlead";

/// Something that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Complaint {
    /// The object.
    pub about: Origin,
    /// Something should be done about it; else it is news.
    pub warns: bool,
    /// One CamelCase word.
    pub reason: &'static str,
    /// One sentence with the remedy.
    pub message: Arc<str>,
}

/// Runs until nobody complains any more.
pub(crate) async fn run(wire: Wire, host: Arc<str>, mut complaints: mpsc::Receiver<Complaint>) {
    let mut told: HashMap<u64, Instant> = HashMap::new();
    while let Some(complaint) = complaints.recv().await {
        let now = Instant::now();
        let id = id(&complaint);
        if told.get(&id).is_some_and(|at| now < *at + SILENCE) {
            continue;
        }
        if told.len() >= REMEMBERED {
            told.retain(|_, at| now < *at + SILENCE);
        }
        if told.len() < REMEMBERED {
            told.insert(id, now);
        }
        match tell(&wire, &host, &complaint).await {
            Ok(()) | Err(Error::NotFound | Error::Terminating) => {}
            Err(error) => tracing::debug!(object = %complaint.about, reason = complaint.reason, %error, "an Event could not be written"),
        }
    }
}

/// The same for the same words about the same object, whoever computes it: a part of the Event's name.
fn id(complaint: &Complaint) -> u64 {
    let mut hasher = DefaultHasher::new();
    complaint.hash(&mut hasher);
    hasher.finish()
}

async fn tell(wire: &Wire, host: &str, complaint: &Complaint) -> Result<(), Error> {
    let Origin { kind, namespace, name } = &complaint.about;
    let Some((group, version, plural)) = collection(kind) else { return Ok(()) };
    let object = wire.get(&path(group, version, plural, namespace, name)).await?;
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    // Events of objects that belong to no namespace are kept in this one.
    let home = if namespace.is_empty() { "default" } else { &**namespace };
    let event = event_name(name, id(complaint));
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut involved = json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": object["metadata"]["uid"], "resourceVersion": object["metadata"]["resourceVersion"]});
    if !namespace.is_empty() {
        involved["namespace"] = json!(namespace);
    }
    let made = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": event, "namespace": home}, "involvedObject": involved,
        "type": if complaint.warns { "Warning" } else { "Normal" }, "reason": complaint.reason, "message": shortened(&complaint.message),
        "source": {"component": COMPONENT, "host": host}, "reportingComponent": COMPONENT, "reportingInstance": host,
        "firstTimestamp": now, "lastTimestamp": now, "count": 1,
    });
    match wire.create(&path("", "v1", "events", home, ""), &made).await {
        Err(Error::Conflict(_)) => again(wire, &path("", "v1", "events", home, &event), &involved, &now).await,
        made => made.map(drop),
    }
}

/// Counts an Event that is there up; it is about the object that has the name now.
async fn again(wire: &Wire, path: &str, involved: &Value, now: &str) -> Result<(), Error> {
    let known = wire.get(path).await?;
    let count = known["count"].as_i64().unwrap_or(0).saturating_add(1);
    wire.merge(path, &json!({"involvedObject": involved, "count": count, "lastTimestamp": now})).await.map(drop)
}

/// Where objects of a kind are found, of those whose authors read Events: a Secret is not read for it.
fn collection(kind: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match kind {
        "IngressClass" => Some(("networking.k8s.io", "v1", "ingressclasses")),
        "Instance" => Some(("fairlead.dev", "v1alpha1", "instances")),
        "EndpointSlice" => Some(("discovery.k8s.io", "v1", "endpointslices")),
        other => kind_path(other),
    }
}

/// The object's name and the complaint's number, no longer than names may be.
fn event_name(object: &str, id: u64) -> String {
    let end = object.len().min(NAME);
    format!("{}.{id:016x}", object[..end].trim_end_matches(['.', '-']))
}

fn shortened(message: &str) -> &str {
    let mut end = message.len().min(MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(message: &str) -> Complaint {
        Complaint { about: Origin::new("Ingress", "n", "i"), warns: true, reason: "PathTaken", message: message.into() }
    }

    #[test]
    fn one_event_a_complaint() {
        assert_eq!(id(&complaint("a")), id(&complaint("a")));
        assert_ne!(id(&complaint("a")), id(&complaint("b")));
    }

    #[test]
    fn a_long_name_leaves_room_for_the_number() {
        assert_eq!(event_name("web", 7), "web.0000000000000007");
        let long = event_name(&format!("{}.{}", "a".repeat(NAME - 1), "b".repeat(9)), 7);
        assert!(long.len() <= 253 && long.ends_with("a.0000000000000007"), "{long}");
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = format!("{}\u{e9}{}", "x".repeat(MESSAGE - 1), "y".repeat(9));
        assert_eq!(shortened(&long).len(), MESSAGE - 1);
    }
}
