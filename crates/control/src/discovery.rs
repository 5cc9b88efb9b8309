//! Which kinds the server serves, for loops that must treat all of them alike.

use http::Request;
use kube::Client;
use serde_json::Value;

/// One kind at the version the server prefers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Resource {
    /// Empty for core.
    pub group: String,
    pub version: String,
    pub kind: String,
    pub plural: String,
    pub is_namespaced: bool,
    /// Whether a whole collection can be deleted at once.
    pub deletes_collections: bool,
}

impl Resource {
    /// The path of an object, or with an empty name of the collection.
    pub fn path(&self, namespace: &str, name: &str) -> String {
        crate::wire::path(&self.group, &self.version, &self.plural, namespace, name)
    }

    /// `plural.group`, as messages name it.
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Everything that can be listed and deleted.
    pub resources: Vec<Resource>,
    /// Groups that could not be asked.
    pub failures: Vec<String>,
}

/// Asks the server. An error is that nothing could be asked; single groups may fail on their own.
pub(crate) async fn discover(client: &Client) -> Result<Found, kube::Error> {
    let mut found = Found::default();
    take(&mut found, "", "v1", &get(client, "/api/v1").await?);
    let groups = get(client, "/apis").await?;
    for group in groups["groups"].as_array().into_iter().flatten() {
        let Some(name) = group["name"].as_str() else { continue };
        let preferred = group["preferredVersion"]["version"].as_str();
        let others = group["versions"].as_array().into_iter().flatten().filter_map(|version| version["version"].as_str());
        // Kinds that only an older or newer version has are taken from there.
        let versions = preferred.into_iter().chain(others.filter(|version| Some(*version) != preferred));
        for version in versions {
            match get(client, &format!("/apis/{name}/{version}")).await {
                Ok(list) => take(&mut found, name, version, &list),
                Err(error) => found.failures.push(format!("{name}/{version}: {error}")),
            }
        }
    }
    Ok(found)
}

async fn get(client: &Client, path: &str) -> Result<Value, kube::Error> {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = path.parse().unwrap_or_default();
    client.request(request).await
}

fn take(found: &mut Found, group: &str, version: &str, list: &Value) {
    for one in list["resources"].as_array().into_iter().flatten() {
        let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
        let does = |verb: &str| one["verbs"].as_array().is_some_and(|verbs| verbs.iter().any(|known| known == verb));
        let resource = Resource {
            group: group.into(),
            version: version.into(),
            kind: text("kind"),
            plural: text("name"),
            is_namespaced: one["namespaced"] == true,
            deletes_collections: does("deletecollection"),
        };
        let is_object = !resource.plural.contains('/') && does("list") && does("delete");
        let is_known = found.resources.iter().any(|known| known.group == resource.group && known.plural == resource.plural);
        if is_object && !is_known {
            found.resources.push(resource);
        }
    }
}
