//! What the server knows about a kind: one row of facts ([`Kind`]) and the rules that are more than facts ([`Rules`]).
//!
//! Adding a kind is adding a row to `rows.rs` and, where the generic behaviour is not enough, one file beside it.

mod backend_policy;
mod bounds;
mod cells;
mod config_map;
mod endpoint_slice;
mod endpoints;
mod event;
mod gateway;
mod health;
pub mod ingress;
mod ingress_class;
mod instance;
mod lease;
pub mod namespace;
mod node;
pub(crate) mod pod;
mod policy_defaults;
mod rows;
mod secret;
pub mod service;
mod structural;
#[cfg(test)]
mod testing;
pub(crate) mod value;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::field::{FieldErrors, Path};
use crate::syntax;

pub use policy_defaults::policy_defaults;
pub use rows::{BINDING, EVICTION, KINDS, REVIEWS};

/// One served kind. Every difference between kinds that is not code is a field here.
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Served versions, the preferred one first.
    pub versions: &'static [&'static str],
    /// The version whose JSON is stored.
    pub storage: &'static str,
    /// `Service`.
    pub kind: &'static str,
    /// `services`: the resource in paths.
    pub plural: &'static str,
    /// `service`.
    pub singular: &'static str,
    /// `svc`.
    pub short: &'static [&'static str],
    /// `all` for what `kubectl get all` shows.
    pub categories: &'static [&'static str],
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Subresources served besides the object itself.
    pub subresources: &'static [Sub],
    /// Store key under `/registry/`, without slashes at its ends: `services/specs`.
    pub prefix: &'static str,
    /// It shows the objects of the first row with the same prefix in a form of its own.
    pub is_view: bool,
    /// Built into Kubernetes: protobuf bodies and strategic merge. False behaves as a custom resource.
    pub native: bool,
    /// PUT of a missing name creates it.
    pub create_on_update: bool,
    /// PUT without `metadata.resourceVersion` is taken.
    pub unconditional_update: bool,
    /// DELETE answers the deleted object instead of a Status.
    pub returns_deleted: bool,
    /// `metadata.generation` counts changes of the specification.
    pub generation: bool,
    /// Objects vanish this long after their last write.
    pub ttl: Option<Duration>,
    /// Defaults, validation, columns.
    pub rules: &'static dyn Rules,
}

impl Kind {
    /// `v1`, `networking.k8s.io/v1`: the storage version as objects name it.
    pub fn api_version(&self) -> String {
        self.api_version_of(self.storage)
    }

    /// A version of this kind's group as objects name it.
    pub fn api_version_of(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// `services`, `ingresses.networking.k8s.io`: the resource as messages name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The type that upstream keeps its objects in, as messages name it: `*core.Event`, or `*core.EventList`.
    pub fn go_type(&self, is_list: bool) -> String {
        let list = if is_list { "List" } else { "" };
        if !self.native {
            return format!("*unstructured.Unstructured{list}");
        }
        let package = self.home().group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
        format!("*{package}.{}{list}", self.kind)
    }

    /// The row whose objects these are: itself, or the first with the same keys when it is a second view of them.
    pub fn home(&self) -> &Kind {
        if self.is_view { KINDS.iter().find(|k| k.prefix == self.prefix).unwrap_or(self) } else { self }
    }

    /// Whether its objects are questions, which are answered and not stored.
    pub fn is_review(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Whether it has this subresource.
    pub fn has(&self, sub: Sub) -> bool {
        self.subresources.contains(&sub)
    }
}

/// A subresource that the generic code serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sub {
    /// `/status`.
    Status,
    /// `/scale`, an autoscaling/v1 Scale.
    Scale,
    /// `/finalize` of a Namespace.
    Finalize,
    /// `/binding` of a Pod: POST of a Binding.
    Binding,
    /// `/eviction` of a Pod: POST of a policy/v1 Eviction.
    Eviction,
}

/// Which names an object of a kind may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain, the default.
    Dns1123Subdomain,
    /// RFC 1123 label.
    Dns1123Label,
    /// RFC 1035 label.
    Dns1035Label,
    /// Anything that fits one path segment.
    PathSegment,
    /// An RFC 1123 label, as Services have it since their names were relaxed (KEP-5311).
    RelaxedService,
}

/// One column of a Table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// OpenAPI type: `string`, `integer`, `date`, ...
    pub kind: &'static str,
    /// OpenAPI format; `name` marks the column that holds the object's name.
    pub format: &'static str,
    /// Text for tools.
    pub description: &'static str,
    /// Above 0: shown only by `-o wide`.
    pub priority: i32,
}

/// What the rules of kinds must know about the server they run in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The node that this server is itself. Endpoints on loopback are accepted when they name it or no node; `None` refuses them all, as
    /// upstream does.
    pub loopback_node: Option<String>,
}

/// What a kind does beyond its row. Objects are in the storage version, already pruned and of the right types.
#[allow(unused_variables)]
pub trait Rules: Sync {
    /// Fills what the client left out: after decoding, after each mutation, and when a stored object is read for a write.
    fn defaults(&self, object: &mut Value) {}
    /// Wipes what a client may not set at creation (status) and sets what the server does.
    fn prepare_create(&self, object: &mut Value) {}
    /// Carries over what the client left out. The split of status from the rest is generic.
    fn prepare_update(&self, new: &mut Value, old: &Value) {}
    /// What `/status` lets through besides status.
    fn prepare_status(&self, new: &mut Value, old: &Value) {}
    /// Whether a change counts in `metadata.generation`: everything but metadata and status does.
    fn counts_generation(&self, new: &Value, old: &Value) -> bool {
        let parts = |object: &Value| -> Vec<(String, Value)> {
            let fields = object.as_object().into_iter().flatten();
            let mut parts: Vec<_> = fields
                .filter(|(k, v)| !matches!(k.as_str(), "metadata" | "status" | "apiVersion" | "kind") && !v.is_null())
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            parts.sort_by(|a, b| a.0.cmp(&b.0));
            parts
        };
        parts(new) != parts(old)
    }
    /// From the form that clients of this row see to the stored one, for rows that are a second view of another row's objects.
    fn to_stored(&self, object: &mut Value) {}
    /// The reverse of [`Rules::to_stored`].
    #[allow(clippy::wrong_self_convention)]
    fn from_stored(&self, object: &mut Value) {}
    /// How long a deleted object stays for its owner to finish, in seconds; `asked` is what the client wants. None: it goes at once.
    fn grace_s(&self, object: &Value, asked: Option<i64>) -> Option<i64> {
        None
    }
    /// Everything wrong with a new object beyond its metadata.
    fn validate_create(&self, object: &Value, settings: &Settings) -> FieldErrors {
        FieldErrors::new()
    }
    /// Everything wrong with a change beyond metadata.
    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        FieldErrors::new()
    }
    /// Everything wrong with a change of status.
    fn validate_status(&self, new: &Value, old: &Value) -> FieldErrors {
        FieldErrors::new()
    }
    /// The `Warning` of every request for this kind, whatever it holds and however it ends.
    fn deprecation(&self) -> Option<&'static str> {
        None
    }
    /// Texts for `Warning` headers.
    fn warnings(&self, new: &Value, old: Option<&Value>) -> Vec<String> {
        Vec::new()
    }
    /// The syntax of `metadata.name`.
    fn name_rule(&self) -> NameRule {
        NameRule::Dns1123Subdomain
    }
    /// Columns of a Table.
    fn columns(&self) -> &'static [Column] {
        NAME_AND_AGE
    }
    /// The cells of one object, as many as there are columns.
    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![object["metadata"]["name"].clone(), Value::String(age(object, now))]
    }
    /// Selectable fields besides `metadata.name` and `metadata.namespace`.
    fn fields(&self) -> &'static [&'static str] {
        &[]
    }
    /// The value of one of [`Rules::fields`]; empty when absent.
    fn field(&self, object: &Value, name: &str) -> String {
        field_at(object, name)
    }
}

/// What is wrong with a map of labels, or with a selector of the same form.
pub fn labels(labels: &serde_json::Map<String, Value>, at: &Path<'_>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (key, value) in labels {
        errors.extend(at.invalid_all(key, syntax::qualified_name(key)));
        let value = value.as_str().unwrap_or("");
        errors.extend(at.invalid_all(value, syntax::label_value(value)));
    }
    errors
}

/// A kind with no rules of its own.
pub struct Plain;

impl Rules for Plain {}

/// The columns of a kind that has no others.
pub static NAME_AND_AGE: &[Column] = &[NAME, AGE];

/// The first column of every Table.
pub const NAME: Column =
    Column { name: "Name", kind: "string", format: "name", description: "Name of the object, unique within its namespace.", priority: 0 };

/// The usual last column.
pub const AGE: Column = Column { name: "Age", kind: "string", format: "", description: "Time since the object was created.", priority: 0 };

/// The value at a dotted path as selector text: strings as they are, other scalars as JSON, absent as nothing.
pub fn field_at(object: &Value, path: &str) -> String {
    let mut at = object;
    for part in path.split('.') {
        match at.get(part) {
            Some(next) => at = next,
            None => return String::new(),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Age since `metadata.creationTimestamp` as kubectl prints it.
pub fn age(object: &Value, now: Timestamp) -> String {
    since(object["metadata"]["creationTimestamp"].as_str().unwrap_or(""), now)
}

/// The time from an RFC 3339 moment to `now` in kubectl's short form; `<unknown>` when there is none.
pub fn since(moment: &str, now: Timestamp) -> String {
    match moment.parse::<Timestamp>() {
        Ok(then) => short_duration(now.as_second() - then.as_second()),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// `2m5s`, `3h`, `5d12h`, `2y30d`: as many units as kubectl shows (k8s.io/apimachinery `duration.HumanDuration`).
pub fn short_duration(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let s = seconds.max(0);
    let (minutes, hours, days, years) = (s / 60, s / 3600, s / 86_400, s / 86_400 / 365);
    let pair =
        |whole: i64, unit: &str, rest: i64, part: &str| if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{part}") };
    match () {
        () if s < 120 => format!("{s}s"),
        () if minutes < 10 => pair(minutes, "m", s % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => pair(days, "d", hours % 24, "h"),
        () if days < 730 => format!("{days}d"),
        () if days < 8 * 365 => pair(years, "y", days % 365, "d"),
        () => format!("{years}y"),
    }
}

/// Every kind that requests can name: those with objects, then reviews.
pub fn served() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(REVIEWS)
}

/// The kind served under this group, version and resource name.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.group == group && k.plural == plural && k.versions.contains(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_160, "3h6m"),
            (86_400, "24h"),
            (172_800, "2d"),
            (176_400, "2d1h"),
            (691_200, "8d"),
            (63_072_000, "2y"),
            (63_158_400, "2y1d"),
            (252_288_000, "8y"),
            (-5, "<invalid>"),
        ] {
            assert_eq!(short_duration(seconds), text, "{seconds} s");
        }
    }
}
