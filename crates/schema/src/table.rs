//! The shape of the tables: what a kind consists of, as plain statics.
//!
//! The tables of the built-in kinds are made by `cargo xtask codegen`; those of the Gateway API and of Fairlead's own
//! kinds are written by hand in the same form. Everything is `'static`, so a table costs no start-up time and a
//! reference to one is its identity.

use serde_json::Value;

/// What a value is, in JSON and in protobuf.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A signed 32-bit number.
    Int32,
    /// A signed 64-bit number.
    Int64,
    /// A 64-bit floating-point number.
    Float,
    /// Text.
    Str,
    /// Base64 text in JSON, plain bytes in protobuf.
    Bytes,
    /// `k8s.io/apimachinery` `resource.Quantity`: text in JSON, a message with one string in protobuf.
    Quantity,
    /// RFC 3339 text with seconds; seconds and nanoseconds in protobuf.
    Time,
    /// RFC 3339 text with microseconds; seconds and nanoseconds in protobuf.
    MicroTime,
    /// Go duration text (`1h0m0s`); nanoseconds in protobuf.
    Duration,
    /// A number or a text.
    IntOrString,
    /// Any JSON; a message with one field of JSON bytes in protobuf.
    Raw,
    /// `FieldsV1` of a managed-fields entry: a JSON object; a message with one field of JSON bytes in protobuf.
    Fields,
    /// A list of texts that protobuf wraps in a message of its own (`ExtraValue`).
    Strings,
    /// Another message.
    Msg(&'static Message),
}

/// How often a field holds its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// At most once.
    One,
    /// A list.
    List,
    /// An object with free keys.
    Map,
}

/// Bits of [`Field::flags`].
pub mod flags {
    /// An empty value differs from an absent one (a Go pointer): it is kept. Without this and [`ALWAYS`] an empty
    /// value is left out on output.
    pub const KEEP: u16 = 1;
    /// Written even when absent, as its zero value: `""`, `0`, `null` for lists, maps and times, `{}` for messages.
    pub const ALWAYS: u16 = 2;
    /// Listed under `required` in OpenAPI.
    pub const REQUIRED: u16 = 4;
    /// `x-kubernetes-list-type: set`.
    pub const SET: u16 = 8;
    /// `x-kubernetes-list-type: map`, with [`super::Extra::keys`].
    pub const MAP: u16 = 16;
    /// `x-kubernetes-map-type: atomic`: apply treats the whole value as one.
    pub const ATOMIC: u16 = 32;
    /// Patch strategy `merge`, for lists of messages with [`super::Extra::merge_key`].
    pub const MERGE: u16 = 64;
    /// Patch strategy `retainKeys`.
    pub const RETAIN_KEYS: u16 = 128;
    /// Patch strategy `replace` on an object: a patch takes its place.
    pub const REPLACE: u16 = 1024;
    /// `nullable: true`: `null` is a value of its own (custom-resource semantics only).
    pub const NULLABLE: u16 = 256;
    /// Unknown fields inside are kept (custom-resource semantics only).
    pub const OPEN: u16 = 512;
}

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    /// JSON name.
    pub name: &'static str,
    /// Protobuf number; 0 when protobuf does not carry the field at this level.
    pub number: u16,
    /// How often.
    pub shape: Shape,
    /// What one value is.
    pub kind: Kind,
    /// [`flags`].
    pub flags: u16,
    /// What few fields have.
    pub extra: Option<&'static Extra>,
}

/// Properties that few fields have, kept apart so that a field stays small.
#[derive(Debug)]
pub struct Extra {
    /// `x-kubernetes-list-map-keys`.
    pub keys: &'static [&'static str],
    /// Patch merge key, or empty.
    pub merge_key: &'static str,
    /// Default as JSON text, or empty.
    pub default: &'static str,
    /// Bounds that the validator enforces.
    pub check: Option<&'static Check>,
}

/// Bounds of a value, as a CustomResourceDefinition would state them. Lengths count Unicode code points. The first
/// group is about one value (for a list or map: each item), the second about the list or map itself.
#[derive(Debug)]
pub struct Check {
    /// The texts, or numbers as text, that are allowed; empty = any.
    pub allowed: &'static [&'static str],
    /// Shortest text.
    pub min_length: u32,
    /// Longest text; `u32::MAX` = no bound.
    pub max_length: u32,
    /// Regular expression that a text must match somewhere, or empty.
    pub pattern: &'static str,
    /// Smallest number.
    pub minimum: i64,
    /// Largest number.
    pub maximum: i64,
    /// Fewest items of a list or map.
    pub min_items: u32,
    /// Most items of a list or map; `u32::MAX` = no bound.
    pub max_items: u32,
}

/// No bounds: the base of every [`Check`].
pub const ANY: Check =
    Check { allowed: &[], min_length: 0, max_length: u32::MAX, pattern: "", minimum: i64::MIN, maximum: i64::MAX, min_items: 0, max_items: u32::MAX };

/// Nothing extra: the base of hand-written [`Extra`]s.
pub const NOTHING: Extra = Extra { keys: &[], merge_key: "", default: "", check: None };

/// One message: a kind or a part of one.
pub struct Message {
    /// Name as an OpenAPI component, for example `io.k8s.api.core.v1.Service`.
    pub name: &'static str,
    /// Group, version and kind when it is a kind.
    pub gvk: Option<(&'static str, &'static str, &'static str)>,
    /// Apply treats a value of this type as one.
    pub atomic: bool,
    /// Fields in the order of output.
    pub fields: &'static [Field],
    /// Protobuf fields whose content belongs to this message in JSON (embedded Go structs).
    pub inlined: &'static [(u32, &'static Message)],
    /// Behaves as a custom resource: no protobuf, keys in alphabetical order, defaults and bounds from the table.
    pub custom: bool,
}

/// The base of every hand-written message.
pub const CUSTOM: Message = Message { name: "", gvk: None, atomic: false, fields: &[], inlined: &[], custom: true };

impl std::fmt::Debug for Message {
    // Messages may contain themselves; the name says enough.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Message {
    /// The field with this JSON name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

impl Field {
    /// Whether all of these [`flags`] are set.
    pub const fn is(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// `x-kubernetes-list-map-keys`; empty unless the list is a map.
    pub fn keys(&self) -> &'static [&'static str] {
        self.extra.map_or(&[], |e| e.keys)
    }

    /// Patch merge key, or empty.
    pub fn merge_key(&self) -> &'static str {
        self.extra.map_or("", |e| e.merge_key)
    }

    /// The default as JSON text, or empty.
    pub fn default_text(&self) -> &'static str {
        self.extra.map_or("", |e| e.default)
    }

    /// The default.
    pub fn default(&self) -> Option<Value> {
        let text = self.default_text();
        if text.is_empty() { None } else { serde_json::from_str(text).ok() }
    }

    /// The message this field holds, once or often.
    pub fn message(&self) -> Option<&'static Message> {
        match self.kind {
            Kind::Msg(message) => Some(message),
            _ => None,
        }
    }
}

/// A field with nothing extra; short so that a table reads as one.
pub(crate) const fn f(name: &'static str, number: u16, shape: Shape, kind: Kind, flags: u16) -> Field {
    Field { name, number, shape, kind, flags, extra: None }
}

/// A field with extra properties.
pub(crate) const fn x(name: &'static str, number: u16, shape: Shape, kind: Kind, flags: u16, extra: &'static Extra) -> Field {
    Field { name, number, shape, kind, flags, extra: Some(extra) }
}

/// Group, version and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gvk<'a> {
    /// Empty for the core group.
    pub group: &'a str,
    /// For example `v1`.
    pub version: &'a str,
    /// For example `Service`.
    pub kind: &'a str,
}

impl<'a> Gvk<'a> {
    /// Splits `v1` or `group/version`.
    pub fn new(api_version: &'a str, kind: &'a str) -> Gvk<'a> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Gvk { group, version, kind }
    }
}

/// The table of a kind. `DeleteOptions` exists in every group version, as upstream registers it.
pub fn table(gvk: Gvk<'_>) -> Option<&'static Message> {
    use crate::generated::meta_v1;
    match gvk.kind {
        "DeleteOptions" => return Some(&meta_v1::DELETE_OPTIONS),
        "Status" if gvk.group.is_empty() && gvk.version == "v1" => return Some(&meta_v1::STATUS),
        _ => {}
    }
    let is_wanted =
        |m: &&'static Message| m.gvk.is_some_and(|(group, version, kind)| kind == gvk.kind && group == gvk.group && version == gvk.version);
    crate::generated::KINDS.iter().copied().chain(crate::custom::kinds()).find(is_wanted)
}
