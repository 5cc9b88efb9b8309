//! What every object has: metadata, and what its kind is called on the wire.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::Labels;
use crate::text::{common, common_list};
use crate::time::parse_rfc3339;

/// A kind of object that sources read.
pub trait Object: DeserializeOwned + Send + Sync + 'static {
    /// API group, empty for core.
    const GROUP: &'static str;
    /// The version that is read.
    const VERSION: &'static str;
    /// `Service`, ...
    const KIND: &'static str;
    /// `services`, ...: the path segment.
    const PLURAL: &'static str;
    /// Whether objects live in namespaces.
    const NAMESPACED: bool;

    /// Its metadata.
    fn meta(&self) -> &Meta;
}

/// Implements [`Object`] for a type with a field `metadata`.
macro_rules! object {
    ($type:ty, $group:literal, $version:literal, $kind:literal, $plural:literal, namespaced: $namespaced:literal) => {
        impl $crate::meta::Object for $type {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const KIND: &'static str = $kind;
            const PLURAL: &'static str = $plural;
            const NAMESPACED: bool = $namespaced;

            fn meta(&self) -> &$crate::meta::Meta {
                &self.metadata
            }
        }
    };
}
pub(crate) use object;

/// `metadata`, without managedFields. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Unique in its namespace.
    pub name: Arc<str>,
    /// Empty for objects outside namespaces.
    #[serde(deserialize_with = "common")]
    pub namespace: Arc<str>,
    /// Different for each object that ever had this name.
    pub uid: Arc<str>,
    /// Changes with each write; opaque.
    pub resource_version: Arc<str>,
    /// Grows when the spec changes; 0 where the kind has none.
    pub generation: i64,
    /// `creationTimestamp`; 0 where absent.
    #[serde(rename = "creationTimestamp", deserialize_with = "seconds_or_zero")]
    pub creation_s: i64,
    /// `deletionTimestamp`: set once deletion began.
    #[serde(rename = "deletionTimestamp", deserialize_with = "seconds")]
    pub deletion_s: Option<i64>,
    /// Labels.
    #[serde(deserialize_with = "nullable")]
    pub labels: Labels,
    /// Annotations.
    #[serde(deserialize_with = "nullable")]
    pub annotations: Labels,
    /// Who must act before it goes.
    #[serde(deserialize_with = "common_list")]
    pub finalizers: Vec<Arc<str>>,
    /// `ownerReferences`.
    #[serde(rename = "ownerReferences", deserialize_with = "list")]
    pub owners: Vec<OwnerReference>,
}

impl Meta {
    /// The value of an annotation, without blanks around it.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(|value| value.trim())
    }
}

/// An owner; the object goes when its last owner is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// Group and version.
    #[serde(deserialize_with = "common")]
    pub api_version: Arc<str>,
    /// Kind.
    #[serde(deserialize_with = "common")]
    pub kind: Arc<str>,
    /// Name, in the same namespace.
    pub name: Arc<str>,
    /// UID: another object of that name is no owner.
    pub uid: Arc<str>,
    /// Whether this owner drives the object.
    pub controller: Option<bool>,
    /// Whether the owner, when it is deleted in the foreground, waits for the object to be gone.
    pub block_owner_deletion: Option<bool>,
}

/// Reads `null` as the default: Go writes empty lists and maps so.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// As [`nullable`], for lists of objects that are kept by the thousand: gives back the room that reading left over. An address alone in its
/// list would hold room for four.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let mut items: Vec<T> = nullable(from)?;
    items.shrink_to_fit();
    Ok(items)
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let text: Option<std::borrow::Cow<'de, str>> = Option::deserialize(from)?;
    text.map(|text| parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom(format!("time {text:?} is not RFC 3339")))).transpose()
}

fn seconds_or_zero<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(seconds(from)?.unwrap_or(0))
}
