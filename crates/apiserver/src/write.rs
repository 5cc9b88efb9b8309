//! POST and PUT, and what every write has in common: defaults, admission, validation, ownership, and one transaction.

use std::sync::Arc;

use http::Response;
use serde_json::Value;
use store::{Compare, Op, Outcome, Store, Txn};

use crate::allocate::Reservation;
use crate::body::Body;
use crate::cache;
use crate::call::Call;
use crate::decode;
use crate::field::FieldErrors;
use crate::kinds::{self, Kind, Sub};
use crate::managed::{self, Origin};
use crate::metadata;
use crate::object::{Object, stored_bytes};
use crate::patch::Edit;
use crate::query::{Write, WriteOptions};
use crate::server::Core;
use crate::status::{ApiError, Result};
use crate::table::Shape;

/// How often a name is generated before the collection is taken for full.
const NAME_ATTEMPTS: usize = 8;

/// What a change is made for.
#[derive(Clone, Copy)]
struct Intent<'a> {
    call: &'a Call,
    options: &'a WriteOptions,
    sub: Option<Sub>,
    origin: Origin,
    is_patch: bool,
}

impl Core {
    /// POST to a collection.
    pub(crate) async fn create(&self, call: &Call) -> Result<Response<Body>> {
        let options = WriteOptions::read(&call.query, Write::Create, call.user_agent())?;
        let mut attempts = NAME_ATTEMPTS;
        loop {
            attempts -= 1;
            // Decoded anew for each attempt: that a generated name is taken is rarer than a copy would be dear.
            let object = decode::object(call, options.strictness)?;
            let is_generated = metadata::text(&object, "name").is_empty();
            match self.create_object(call, &options, object, Origin::Write).await {
                Err(error) if error.reason == "AlreadyExists" && is_generated && attempts > 0 => {}
                made => return Ok(self.reply_written(call, &options, 201, made?)),
            }
        }
    }

    /// PUT of an object or of a subresource.
    pub(crate) async fn update(&self, call: &Call, sub: Option<Sub>) -> Result<Response<Body>> {
        let options = WriteOptions::read(&call.query, Write::Update, call.user_agent())?;
        let mut object = decode::object(call, options.strictness)?;
        if metadata::text(&object, "name").is_empty() {
            return Err(metadata::nameless(&call.address.name));
        }
        self.agree(call, &mut object)?;
        metadata::drop_repeated_owners(&mut object, false).into_iter().for_each(|text| call.warnings.add(text));
        self.modify(call, &options, sub, &Edit::Replace(object)).await
    }

    /// The outcome of a write as a reply: made of the stored bytes as reads are, unless it was a dry run or somebody has written again since.
    fn reply_written(&self, call: &Call, options: &WriteOptions, code: u16, object: Value) -> Response<Body> {
        if options.dry_run {
            return self.reply_value(call, code, object);
        }
        let key = cache::key(call.kind, call.namespace(), metadata::text(&object, "name"));
        let is_this = |stored: &Arc<Object>| metadata::text(&object, "resourceVersion").parse() == Ok(stored.revision);
        match self.cache.get(call.kind, &key).filter(is_this) {
            Some(stored) => self.reply(call, code, &stored),
            None => self.reply_value(call, code, object),
        }
    }

    /// A value (in the stored form) as a reply.
    pub(crate) fn reply_value(&self, call: &Call, code: u16, mut object: Value) -> Response<Body> {
        metadata::order(&mut object);
        call.reply(code, &Shape::of(call, (self.now)()).value(object))
    }

    /// Makes a new object of a decoded one. Gives it as stored, with its resourceVersion (none in a dry run).
    pub(crate) async fn create_object(&self, call: &Call, options: &WriteOptions, mut object: Value, origin: Origin) -> Result<Value> {
        let (kind, namespace) = (call.kind, call.namespace());
        self.agree(call, &mut object)?;
        kind.rules.defaults(&mut object);
        metadata::fill_new(kind, &mut object, namespace, self.uuid(), self.timestamp());
        // What the server itself adds from here on belongs to nobody.
        managed::track(call, None, &mut object, options, None, origin, (self.now)());
        self.admit_namespace(kind, namespace, metadata::text(&object, "name"))?;
        self.admit_new(kind, &mut object)?;
        let base = metadata::text(&object, "generateName").to_owned();
        let mut asked = metadata::text(&object, "name").to_owned();
        if asked.is_empty() && !base.is_empty() {
            let name = metadata::generated_name(&base, &*self.random);
            metadata::of(&mut object).insert("name".to_owned(), name.into());
            asked = base;
        }
        self.create_named(call, options, object).await?.ok_or_else(|| ApiError::already_exists(kind, &asked))
    }

    /// Makes a new object that has its name; none when the name is taken.
    async fn create_named(&self, call: &Call, options: &WriteOptions, mut object: Value) -> Result<Option<Value>> {
        let kind = call.kind;
        kind.rules.prepare_create(&mut object);
        if !kind.native && kind.has(Sub::Status) {
            drop_field(&mut object, "status");
            // A definition may give the status a default, as the Gateway API does.
            kind.rules.defaults(&mut object);
        }
        metadata::drop_repeated_owners(&mut object, false).into_iter().for_each(|text| call.warnings.add(text));
        let reservation = self.reserve(kind, &mut object, None, options.dry_run)?;
        let mut errors: FieldErrors = decode::other_kind(kind, &object).into_iter().chain(metadata::validate_new(kind, &object)).collect();
        errors.extend(kind.rules.validate_create(&object, &self.settings));
        let name = metadata::text(&object, "name").to_owned();
        refuse_invalid(kind, &name, &errors)?;
        kind.rules.warnings(&object, None).into_iter().for_each(|text| call.warnings.add(text));
        decode::order(kind, &mut object);
        let key = cache::key(kind, call.namespace(), &name);
        if options.dry_run {
            return Ok(self.cache.get(kind, &key).is_none().then_some(object));
        }
        // Upstream's store refuses this, after everybody else has had his say, and minds only what is a revision.
        if metadata::text(&object, "resourceVersion").parse::<u64>().is_ok_and(|revision| revision != 0) {
            return Err(ApiError::plain(500, "resourceVersion should not be set on objects to be created"));
        }
        let revision = self.put(kind, &key, 0, &object, reservation).await?;
        Ok(revision.map(|revision| with_revision(object, revision)))
    }

    /// The read, change and write of PUT and PATCH, again and again until nobody came between.
    pub(crate) async fn modify(&self, call: &Call, options: &WriteOptions, sub: Option<Sub>, edit: &Edit) -> Result<Response<Body>> {
        let (kind, name) = (call.kind, call.address.name.as_str());
        let key = cache::key(kind, call.namespace(), name);
        let intent = Intent { call, options, sub, origin: edit.origin(), is_patch: !matches!(edit, Edit::Replace(_)) };
        loop {
            let Some(current) = self.cache.get(kind, &key) else {
                let object = edit.missing(call, options, sub, (self.now)())?;
                return match self.create_object(call, options, object, edit.origin()).await {
                    // Somebody else created it in the meantime, which is what this request wants, too.
                    Err(error) if error.reason == "AlreadyExists" && !options.dry_run => continue,
                    made => Ok(self.reply_written(call, options, 201, made?)),
                };
            };
            let mut old = current.value();
            kind.rules.defaults(&mut old);
            let mut new = edit.apply(call, options, sub, &old, (self.now)())?;
            self.agree(call, &mut new)?;
            check_preconditions(kind, &new, &old, edit)?;
            if let Some(written) = self.replace(intent, current.revision, &old, new).await? {
                return Ok(self.reply_written(call, options, 200, written));
            }
        }
    }

    /// One attempt to put a new state in the place of an old one; none when somebody wrote in between.
    async fn replace(&self, intent: Intent<'_>, revision: u64, old: &Value, mut new: Value) -> Result<Option<Value>> {
        let Intent { call, options, sub, origin, .. } = intent;
        let kind = call.kind;
        kind.rules.defaults(&mut new);
        metadata::fill_updated(&mut new, old);
        // What the server carries over or gives belongs to nobody, so the object as the client wants it counts, but for what a subresource keeps.
        if sub.is_some() {
            split(kind, sub, &mut new, old);
        }
        managed::track(call, Some(old), &mut new, options, sub, origin, (self.now)());
        if sub.is_none() {
            split(kind, sub, &mut new, old);
        }
        metadata::drop_repeated_owners(&mut new, intent.is_patch).into_iter().for_each(|text| call.warnings.add(text));
        if sub.is_none() && kind.generation && kind.rules.counts_generation(&new, old) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            metadata::of(&mut new).insert("generation".to_owned(), generation.into());
        }
        let reservation = match sub {
            None => self.reserve(kind, &mut new, Some(old), options.dry_run)?,
            Some(_) => None,
        };
        let mut errors: FieldErrors = decode::other_kind(kind, &new).into_iter().chain(metadata::validate_updated(kind, &new, old)).collect();
        errors.extend(match sub {
            None => kind.rules.validate_update(&new, old, &self.settings),
            Some(Sub::Status) => kind.rules.validate_status(&new, old),
            Some(_) => kinds::namespace::validate_finalize(&new),
        });
        let name = metadata::text(old, "name");
        refuse_invalid(kind, name, &errors)?;
        kind.rules.warnings(&new, Some(old)).into_iter().for_each(|text| call.warnings.add(text));
        decode::order(kind, &mut new);
        let key = cache::key(kind, call.namespace(), name);
        if is_released(kind, &new) {
            if !options.dry_run && self.remove(&key, revision).await?.is_none() {
                return Ok(None);
            }
            if !options.dry_run {
                self.release(kind, old);
            }
            return Ok(Some(new));
        }
        if is_same(&new, old) {
            return Ok(Some(old.clone()));
        }
        if options.dry_run {
            return Ok(Some(new));
        }
        let written = self.put(kind, &key, revision, &new, reservation).await?;
        Ok(written.map(|revision| with_revision(new, revision)))
    }

    /// Body and address must name the same object; what the body leaves out it gets from the address.
    pub(crate) fn agree(&self, call: &Call, object: &mut Value) -> Result<()> {
        refuse_other(call, object)?;
        let wanted = &call.address.name;
        let meta = metadata::of(object);
        if !wanted.is_empty() {
            meta.insert("name".to_owned(), wanted.as_str().into());
        }
        match call.kind.namespaced {
            true => drop(meta.insert("namespace".to_owned(), call.namespace().into())),
            false => drop(meta.shift_remove("namespace")),
        }
        Ok(())
    }

    /// Writes an object whose key is at a revision (0: not there); none when it is not. The reservation becomes final with the write.
    pub(crate) async fn put(&self, kind: &Kind, key: &str, expected: u64, object: &Value, reservation: Option<Reservation>) -> Result<Option<u64>> {
        let key: Arc<str> = key.into();
        let op = Op::Put { key: key.clone(), value: stored_bytes(kind.home(), object), ttl: kind.ttl };
        let Some(reservation) = reservation else { return commit(self.cache.store(), key, expected, op).await };
        let store = self.cache.store().clone();
        // In a task of its own: a client that goes away must not make anybody believe that the write failed.
        let write = tokio::spawn(async move {
            let outcome = commit(&store, key, expected, op).await;
            if let Ok(Some(_)) = outcome {
                reservation.commit();
            }
            outcome
        });
        write.await.unwrap_or_else(|error| Err(ApiError::internal(error)))
    }

    /// Removes an object at a revision; none when it is at another.
    pub(crate) async fn remove(&self, key: &str, expected: u64) -> Result<Option<u64>> {
        let key: Arc<str> = key.into();
        commit(self.cache.store(), key.clone(), expected, Op::Delete { key }).await
    }

    /// The time as metadata has it: RFC 3339 in whole seconds.
    pub(crate) fn timestamp(&self) -> String {
        metadata::seconds((self.now)())
    }
}

/// One operation on a key at a revision; none when it is at another.
async fn commit(store: &Store, key: Arc<str>, expected: u64, op: Op) -> Result<Option<u64>> {
    let txn = Txn { compare: vec![Compare { key, revision: expected }], ops: vec![op] };
    match store.txn(txn).await {
        Ok(Outcome::Committed { revision }) => Ok(Some(revision)),
        Ok(Outcome::Conflict { .. }) => Ok(None),
        Err(store::Error::TooLarge { limit, .. }) => Err(ApiError::too_large(limit)),
        Err(store::Error::Closed) => Err(ApiError::unavailable("the server is stopping")),
        Err(error) => Err(ApiError::internal(error)),
    }
}

/// Refuses an object that names another one than the address does.
pub(crate) fn refuse_other(call: &Call, object: &Value) -> Result<()> {
    let (name, namespace, wanted) = (metadata::text(object, "name"), metadata::text(object, "namespace"), &call.address.name);
    if !wanted.is_empty() && !name.is_empty() && name != wanted {
        return Err(ApiError::bad_request(format!("the name of the object ({name}) does not match the name on the URL ({wanted})")));
    }
    if !namespace.is_empty() && namespace != call.namespace() && call.kind.namespaced {
        return Err(ApiError::bad_request("the namespace of the provided object does not match the namespace sent on the request"));
    }
    Ok(())
}

fn refuse_invalid(kind: &Kind, name: &str, errors: &FieldErrors) -> Result<()> {
    // A second view of objects is judged in the group that they are stored in.
    let kind = kind.home();
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid(kind.group, kind.kind, name, errors)) }
}

/// The resourceVersion and uid that a client gives must be those of the object.
fn check_preconditions(kind: &Kind, new: &Value, old: &Value, edit: &Edit) -> Result<()> {
    let name = metadata::text(old, "name");
    let (asked, current) = (metadata::text(new, "resourceVersion"), metadata::text(old, "resourceVersion"));
    let (uid, known) = (metadata::text(new, "uid"), metadata::text(old, "uid"));
    // What a patch makes of the uid is judged with the rest of the metadata.
    if !uid.is_empty() && uid != known && matches!(edit, Edit::Replace(_)) {
        let namespace = metadata::text(old, "namespace");
        let key = cache::key(kind, namespace, name);
        return Err(ApiError::conflict(
            kind,
            name,
            &format!(
                "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: \
                 {uid}, UID in object meta: {known}",
                key
            ),
        ));
    }
    if asked.is_empty() && !kind.unconditional_update && matches!(edit, Edit::Replace(_)) {
        let error = crate::field::Path::new("metadata").child("resourceVersion").invalid(0, "must be specified for an update");
        return Err(ApiError::invalid(kind.group, kind.plural, name, &vec![error]));
    }
    if !asked.is_empty() && asked.parse::<u64>().is_err() {
        return Err(ApiError::plain(500, format!("strconv.ParseUint: parsing {}: invalid syntax", crate::field::quote(asked))));
    }
    if !asked.is_empty() && asked != current { Err(ApiError::modified(kind, name)) } else { Ok(()) }
}

/// A main write keeps the stored status; a write to a subresource keeps everything else.
fn split(kind: &Kind, sub: Option<Sub>, new: &mut Value, old: &Value) {
    match sub {
        None => {
            if kind.has(Sub::Status) {
                keep_field(new, old, "status");
            }
            kind.rules.prepare_update(new, old);
        }
        Some(Sub::Status) => {
            let mut kept = old.clone();
            keep_field(&mut kept, new, "status");
            if kind.native {
                kept["metadata"] = new["metadata"].clone();
            }
            *new = kept;
            kind.rules.prepare_status(new, old);
        }
        Some(_) => {
            let mut kept = old.clone();
            kept["metadata"] = new["metadata"].clone();
            let finalizers = new["spec"]["finalizers"].clone();
            match (kept["spec"].as_object_mut(), finalizers.is_null()) {
                (Some(spec), true) => drop(spec.shift_remove("finalizers")),
                (Some(spec), false) => drop(spec.insert("finalizers".to_owned(), finalizers)),
                (None, _) => {}
            }
            *new = kept;
        }
    }
}

/// `to` gets a field as `from` has it, or loses it.
fn keep_field(to: &mut Value, from: &Value, field: &str) {
    match from.get(field) {
        Some(value) => to[field] = value.clone(),
        None => drop_field(to, field),
    }
}

fn drop_field(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove(field);
    }
}

/// Whether a deleted object has nothing left that holds it.
pub(crate) fn is_released(kind: &Kind, object: &Value) -> bool {
    let is_held = kind.has(Sub::Finalize) && object["spec"]["finalizers"].as_array().is_some_and(|f| !f.is_empty());
    let has_grace = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) > 0;
    metadata::is_deleting(object) && metadata::finalizers(object).is_empty() && !is_held && !has_grace
}

/// Whether two states differ in nothing but the times of managedFields.
fn is_same(new: &Value, old: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        for entry in object["metadata"].get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            drop_field(entry, "time");
        }
        object
    };
    new == old || timeless(new) == timeless(old)
}

/// The object as stored at a revision.
pub(crate) fn with_revision(mut object: Value, revision: u64) -> Value {
    metadata::of(&mut object).insert("resourceVersion".to_owned(), revision.to_string().into());
    object
}
