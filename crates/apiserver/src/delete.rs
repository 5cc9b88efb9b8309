//! DELETE of an object and of a collection: preconditions, propagation, finalizers and grace.

use http::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::body::Body;
use crate::cache;
use crate::call::Call;
use crate::decode;
use crate::field::{FieldErrors, Path};
use crate::filter::Filter;
use crate::kinds::{self, Kind, Sub};
use crate::metadata;
use crate::negotiate;
use crate::object::Object;
use crate::query::{ListOptions, wrong_dry_run};
use crate::server::Core;
use crate::status::{self, ApiError, Result};
use crate::table::Shape;
use crate::write::{is_released, with_revision};

/// The finalizers by which the garbage collector is told what becomes of dependents.
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// `metav1.DeleteOptions`.
#[derive(Debug, Default)]
struct DeleteOptions {
    grace_s: Option<i64>,
    uid: Option<String>,
    resource_version: Option<String>,
    propagation: Option<String>,
    orphan: Option<bool>,
    dry_run: bool,
}

impl DeleteOptions {
    /// From the body; from the query only when there is none.
    fn read(call: &Call) -> Result<Self> {
        let body = if call.body.is_empty() { from_query(call)? } else { from_body(call)? };
        Self::of(&body)
    }

    fn of(body: &Value) -> Result<Self> {
        let mut errors = FieldErrors::new();
        let dry_run: Vec<&str> = body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        errors.extend(wrong_dry_run(dry_run.iter().copied()));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let options = Self {
            grace_s: body["gracePeriodSeconds"].as_i64(),
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            propagation: text(&body["propagationPolicy"]),
            orphan: body["orphanDependents"].as_bool(),
            dry_run: !dry_run.is_empty(),
        };
        let path = Path::new("propagationPolicy");
        if let Some(policy) = options.propagation.as_deref() {
            if options.orphan.is_some() {
                errors.push(path.invalid(policy, "orphanDependents and deletionPropagation cannot be both set"));
            }
            if !matches!(policy, "Foreground" | "Background" | "Orphan") {
                errors.push(path.not_supported(policy, &["Foreground", "Background", "Orphan", "nil"]));
            }
        }
        if errors.is_empty() { Ok(options) } else { Err(ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &errors)) }
    }

    /// The finalizers an object has once it is deleted this way.
    fn finalizers(&self, object: &Value) -> Vec<String> {
        let (mut orphans, mut foreground) = (None, None);
        match (self.orphan, self.propagation.as_deref()) {
            (Some(orphan), _) => (orphans, foreground) = (Some(orphan), Some(false)),
            (None, Some("Orphan")) => (orphans, foreground) = (Some(true), Some(false)),
            (None, Some("Foreground")) => (orphans, foreground) = (Some(false), Some(true)),
            (None, Some(_)) => (orphans, foreground) = (Some(false), Some(false)),
            (None, None) => {}
        }
        let mut finalizers: Vec<String> = metadata::finalizers(object).into_iter().map(str::to_owned).collect();
        for (name, wanted) in [(ORPHAN, orphans), (FOREGROUND, foreground)] {
            if let Some(wanted) = wanted {
                finalizers.retain(|f| f != name);
                if wanted {
                    finalizers.push(name.to_owned());
                }
            }
        }
        finalizers
    }
}

fn from_query(call: &Call) -> Result<Value> {
    let mut options = Map::new();
    if let Some(seconds) = call.query.number("gracePeriodSeconds")? {
        options.insert("gracePeriodSeconds".to_owned(), seconds.into());
    }
    if let Some(policy) = call.query.first("propagationPolicy") {
        options.insert("propagationPolicy".to_owned(), policy.into());
    }
    // The preconditions have no names of their own in a query.
    let wanted = ["uid", "resourceVersion"].into_iter().filter_map(|field| Some((field.to_owned(), call.query.get(field)?.into())));
    let wanted: Map<String, Value> = wanted.filter(|(field, _)| field == "uid" || !call.address.name.is_empty()).collect();
    if !wanted.is_empty() {
        options.insert("preconditions".to_owned(), wanted.into());
    }
    if call.query.has("dryRun") {
        options.insert("dryRun".to_owned(), call.query.all("dryRun").collect());
    }
    if call.query.has("orphanDependents") {
        options.insert("orphanDependents".to_owned(), call.query.switch("orphanDependents").into());
    }
    Ok(Value::Object(options))
}

fn from_body(call: &Call) -> Result<Value> {
    let unreadable = |e: schema::Error| ApiError::bad_request(format!("couldn't get version/kind; {e}"));
    let mut value = match negotiate::content_type(&call.headers) {
        "application/json" => schema::from_json(&call.body).map_err(unreadable)?.0,
        "application/yaml" => schema::from_yaml(&call.body).map_err(unreadable)?.0,
        "application/vnd.kubernetes.protobuf" => schema::from_protobuf(&call.body).map_err(unreadable)?.object,
        _ => return Err(ApiError::unsupported_media_type(negotiate::BODIES)),
    };
    if !value.is_object() && !value.is_null() {
        return Err(unreadable(decode::not_typed(&value)));
    }
    match value["kind"].as_str() {
        None | Some("" | "DeleteOptions") => {
            // An option that cannot be read is no option that may be left out: a dry run would become a deletion.
            if value.is_object() {
                schema::prune(&schema::DELETE_OPTIONS, &mut value).map_err(|error| ApiError::bad_request(error.to_string()))?;
            }
            Ok(value)
        }
        Some(other) => {
            let version = value["apiVersion"].as_str().unwrap_or_default();
            Err(ApiError::bad_request(decode::unregistered(other, version)))
        }
    }
}

/// What became of an object.
enum Fate {
    /// It is gone; this was its last state.
    Gone(Value),
    /// Finalizers or grace keep it, in this state.
    Held(Value),
}

impl Core {
    /// DELETE of one object.
    pub(crate) async fn delete(&self, call: &Call) -> Result<Response<Body>> {
        let options = DeleteOptions::read(call)?;
        let name = &call.address.name;
        if call.kind.has(Sub::Finalize) && kinds::namespace::is_protected(name) {
            return Err(ApiError::forbidden(call.kind, name, "this namespace may not be deleted"));
        }
        // The word of clients that are older than propagation policies.
        let held = if options.orphan == Some(false) { 202 } else { 200 };
        match self.delete_object(call, &options, name, call.namespace()).await? {
            Fate::Held(object) => Ok(self.reply_value(call, held, object)),
            Fate::Gone(object) if call.kind.returns_deleted => Ok(self.reply_value(call, 200, object)),
            Fate::Gone(object) => Ok(call.reply(200, &status::success(call.kind, name, metadata::text(&object, "uid")))),
        }
    }

    /// Deletes an object of a call's kind and namespace without ceremony.
    pub(crate) async fn delete_now(&self, call: &Call, name: &str) -> Result<()> {
        self.delete_object(call, &DeleteOptions::default(), name, call.namespace()).await.map(drop)
    }

    /// Deletes the object of a call as these `DeleteOptions` say.
    pub(crate) async fn delete_by(&self, call: &Call, options: &Value, dry_run: bool) -> Result<()> {
        let mut options = DeleteOptions::of(options)?;
        options.dry_run |= dry_run;
        self.delete_object(call, &options, &call.address.name, call.namespace()).await.map(drop)
    }

    async fn delete_object(&self, call: &Call, options: &DeleteOptions, name: &str, namespace: &str) -> Result<Fate> {
        let kind = call.kind;
        let key = cache::key(kind, namespace, name);
        loop {
            let current = self.cache.get(kind, &key).ok_or_else(|| ApiError::not_found(kind, name))?;
            check_preconditions(kind, options, &current)?;
            let old = current.value();
            let mut new = old.clone();
            self.mark(kind, options, &mut new);
            if is_released(kind, &new) {
                let gone = if options.dry_run { Some(current.revision) } else { self.remove(&key, current.revision).await? };
                if let Some(revision) = gone {
                    if !options.dry_run {
                        self.release(kind, &old);
                    }
                    // The last state says that the grace of an object has ended, where its kind has any.
                    let has_grace = kind.rules.grace_s(&old, options.grace_s).is_some();
                    let last = if has_grace || metadata::is_deleting(&old) { new } else { old };
                    return Ok(Fate::Gone(with_revision(last, revision)));
                }
            } else if new == old || options.dry_run {
                return Ok(Fate::Held(new));
            } else if let Some(revision) = self.put(kind, &key, current.revision, &new, None).await? {
                return Ok(Fate::Held(with_revision(new, revision)));
            }
        }
    }

    /// Marks an object as deleted: finalizers of the propagation, the time, the grace. A second deletion may only shorten the grace.
    fn mark(&self, kind: &Kind, options: &DeleteOptions, object: &mut Value) {
        // What vanishes by itself has no dependents that anybody collects.
        let finalizers =
            if kind.ttl.is_some() { metadata::finalizers(object).into_iter().map(str::to_owned).collect() } else { options.finalizers(object) };
        let grace_s = kind.rules.grace_s(object, options.grace_s).unwrap_or(0).max(0);
        let was_deleting = metadata::is_deleting(object);
        let before_s = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
        if kind.has(Sub::Finalize) {
            object["status"]["phase"] = "Terminating".into();
        }
        let meta = metadata::of(object);
        match finalizers.is_empty() {
            true => meta.shift_remove("finalizers"),
            false => meta.insert("finalizers".to_owned(), finalizers.into()),
        };
        if was_deleting && grace_s >= before_s {
            return;
        }
        let now: Timestamp = (self.now)();
        let start = if was_deleting { first_marked(meta, before_s).unwrap_or(now) } else { now };
        let end = start.checked_add(SignedDuration::from_secs(grace_s)).unwrap_or(now);
        meta.insert("deletionTimestamp".to_owned(), metadata::seconds(end).into());
        if !kind.has(Sub::Finalize) {
            meta.insert("deletionGracePeriodSeconds".to_owned(), grace_s.into());
        }
        if !was_deleting && generation > 0 {
            meta.insert("generation".to_owned(), (generation + 1).into());
        }
    }

    /// DELETE of a collection: each object that the selectors match, one by one.
    pub(crate) async fn delete_collection(&self, call: &Call) -> Result<Response<Body>> {
        if call.address.namespace.as_deref() == Some("") {
            // The address of a script whose variable is empty. It is that of a collection in all namespaces, which nobody may delete at once.
            return Err(ApiError::bad_request("a namespace must be named to delete a collection"));
        }
        let options = DeleteOptions::read(call)?;
        let chosen = ListOptions::read(&call.query)?;
        let filter = Filter::read(call.kind, call.namespace(), &call.query)?;
        let page = self.page(call, &chosen, &filter).await?;
        let mut items = Vec::new();
        for object in page.objects {
            match self.delete_object(call, &options, &object.head.name, &object.head.namespace).await {
                Ok(Fate::Gone(object) | Fate::Held(object)) => items.push(object),
                Err(error) if error.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        let shape = Shape::of(call, (self.now)());
        let shown = |object| {
            let mut item = shape.object(object);
            if let Some(fields) = item.as_object_mut().filter(|_| call.kind.native) {
                // Which the list has once.
                fields.retain(|key, _| !matches!(key.as_str(), "kind" | "apiVersion"));
            }
            item
        };
        let list = json!({ "kind": format!("{}List", call.kind.kind), "apiVersion": call.api_version(), "metadata": { "resourceVersion": page.revision.to_string() },
                           "items": items.into_iter().map(shown).collect::<Vec<_>>() });
        Ok(call.reply(200, &list))
    }
}

/// When a deleting object was deleted first.
fn first_marked(meta: &Map<String, Value>, grace_s: i64) -> Option<Timestamp> {
    let end: Timestamp = meta.get("deletionTimestamp")?.as_str()?.parse().ok()?;
    end.checked_sub(SignedDuration::from_secs(grace_s)).ok()
}

fn check_preconditions(kind: &Kind, options: &DeleteOptions, object: &Object) -> Result<()> {
    let name = &object.head.name;
    if let Some(uid) = options.uid.as_deref().filter(|uid| **uid != *object.head.uid) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            object.head.uid
        );
        return Err(ApiError::precondition(kind, name, &why));
    }
    let revision = object.revision.to_string();
    if let Some(asked) = options.resource_version.as_deref().filter(|asked| *asked != revision) {
        let why = format!(
            "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record ({revision}). The object might have been modified"
        );
        return Err(ApiError::precondition(kind, name, &why));
    }
    Ok(())
}
