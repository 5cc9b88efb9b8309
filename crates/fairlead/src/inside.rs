//! What `show`, `why` and `store` ask of a node, the first two answered from the snapshot in force: `/api/v1/nodes/NAME/proxy/fairlead/...`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use api::Instance;
use apiserver::status::ApiError;
use apiserver::{Answer, Body, Connect, ConnectRequest};
use control::Leases;
use http::{Request, Response, StatusCode, header};
use jiff::Timestamp;
use model::show::{self, Filter, Table};
use model::vitals::Now;
use model::{Endpoint, Live, Snapshot, Standing, Target};
use net::clock::monotonic_ns;
use serde_json::{Value, json};
use store::Store;
use tokio::sync::watch;

use crate::cli::What;
use crate::{heartbeats, upkeep};

/// Answers for one node.
pub struct Inside {
    /// This node's name.
    pub node: String,
    /// The snapshot in force.
    pub live: Arc<Live>,
    /// Where a URL without a port enters: HTTP, then HTTPS.
    pub entries: (SocketAddr, SocketAddr),
    /// To read the Instances behind endpoints, once the API is up.
    pub client: Arc<std::sync::OnceLock<kube::Client>>,
    /// Heartbeats of Instances.
    pub leases: Arc<Leases>,
    /// Says when connections that are only held end.
    pub stopping: watch::Receiver<bool>,
    /// What the API keeps.
    pub store: Store,
}

impl Connect for Inside {
    fn serves(&self, address: &apiserver::Address) -> bool {
        let is_node = address.group.is_empty() && address.resource == "nodes" && address.subresource == "proxy" && address.name == self.node;
        is_node && address.rest.starts_with("fairlead/") || heartbeats::serves(address)
    }

    fn answer(&self, request: ConnectRequest) -> Answer<'_, Result<Response<Body>, ApiError>> {
        Box::pin(async move {
            if heartbeats::serves(&request.address) {
                let client = self.client.get().ok_or_else(|| ApiError::unavailable("the server is starting"))?;
                let ConnectRequest { address, mut parts, .. } = request;
                return heartbeats::answer(&address, &mut parts, client, &self.leases, self.stopping.clone()).await;
            }
            let query = |name: &str| request.query.get(name).map(str::to_owned);
            let path = request.address.rest.trim_start_matches("fairlead/");
            if path == upkeep::SNAPSHOT {
                return Ok(Response::new(Body::pieces(self.store.snapshot().backup())));
            }
            let (status, answer) = match path.split_once('/') {
                Some(("show", what)) => self.show(what, query("namespace").as_deref(), query("name").as_deref()),
                Some(("why", "service")) => self.why_service(&query("namespace").unwrap_or_default(), &query("name").unwrap_or_default()).await,
                Some(("why", "url")) => self.why_url(
                    &query("url").unwrap_or_default(),
                    &query("method").unwrap_or_else(|| "GET".into()),
                    &request.query.all("header").map(str::to_owned).collect::<Vec<_>>(),
                    query("from").as_deref(),
                    query("sni").as_deref(),
                ),
                _ if path == upkeep::STATS => (200, upkeep::stats(&self.store.snapshot())),
                _ => (404, json!({"error": format!("no {path} here: use show/WHAT, why/service or why/url")})),
            };
            Ok(reply(status, &answer))
        })
    }
}

fn reply(status: u16, answer: &Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(answer.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

impl Inside {
    fn show(&self, what: &str, namespace: Option<&str>, name: Option<&str>) -> (u16, Value) {
        let snapshot = self.live.snapshot();
        let (_, applied) = self.live.acknowledgements();
        let filter = Filter { namespace, name };
        let words = <What as clap::ValueEnum>::value_variants();
        let table = match words.iter().find(|word| word.word() == what) {
            Some(What::Services) => show::services(&snapshot, filter),
            Some(What::Endpoints) => show::endpoints(&snapshot, filter, Now(monotonic_ns())),
            Some(What::Frontends) => show::frontends(&snapshot, &applied, filter),
            Some(What::Routes) => show::routes(&snapshot, filter),
            Some(What::Names) => show::names(&snapshot, filter),
            Some(What::Listeners) => show::listeners(&snapshot, &applied, filter),
            Some(What::Snapshot) => show::snapshot(&snapshot, &applied),
            None => return (404, json!({"error": format!("no table {what}")})),
        };
        if let (Some(name), true) = (name, table.rows.is_empty())
            && !is_empty_service(&snapshot, what, namespace, name)
        {
            let place = namespace
                .map_or_else(|| " in any namespace".into(), |namespace| format!(" in namespace {namespace}: -n names another one, -A shows all"));
            return (404, json!({"error": format!("{what} {name:?}: nothing of this name is in the snapshot in force{place}")}));
        }
        let mut answer = tabled(&snapshot, "", &table);
        // Of a Service without endpoints there is nothing to show, and it is there: only its own table can miss it.
        if let (Some(namespace), "services" | "names", true) = (namespace, what, table.rows.is_empty()) {
            let text = answer["text"].as_str().unwrap_or_default().replace("nothing matches\n", "");
            answer["text"] = format!("{text}no service in namespace {namespace}: -n names another one, -A shows all\n").into();
        }
        (200, answer)
    }

    async fn why_service(&self, namespace: &str, name: &str) -> (u16, Value) {
        let snapshot = self.live.snapshot();
        let Some(service) = snapshot.services.get(&(namespace.into(), name.into())) else {
            return (
                404,
                json!({"error": format!("service {namespace}/{name} is not in the snapshot in force: does it exist? kubectl get service {name} -n {namespace}")}),
            );
        };
        let instances = self.instances(namespace).await;
        let now = Timestamp::now();
        let mut table = Table::new(&["ENDPOINT", "TARGET", "VERDICT", "PROOF", "SAYS", "AGE", "OBSERVER", "WHY"]);
        for endpoint in &service.endpoints {
            explain(endpoint, &instances, &self.leases, now, &mut table);
        }
        let mut head = format!("Service {namespace}/{name} ({})", service.exposure);
        if service.endpoints.is_empty() {
            head.push_str(": no endpoint at all: nothing matches its selector, or nothing is registered");
        }
        for diagnostic in &service.diagnostics {
            head.push_str(&format!("\n  {diagnostic}"));
        }
        (200, tabled(&snapshot, &head, &table))
    }

    /// The Instances of a namespace by name; empty when the API does not answer: evidence is then missing, not invented.
    async fn instances(&self, namespace: &str) -> BTreeMap<String, Instance> {
        let Some(client) = self.client.get() else { return BTreeMap::new() };
        let path = format!("/apis/fairlead.dev/v1alpha1/namespaces/{namespace}/instances");
        let Ok(request) = Request::get(path).body(Vec::new()) else { return BTreeMap::new() };
        let list: Value = client.request(request).await.unwrap_or_default();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter_map(|item| serde_json::from_value::<Instance>(item).ok()).map(|one| (one.metadata.name.to_string(), one)).collect()
    }

    fn why_url(&self, url: &str, method: &str, headers: &[String], from: Option<&str>, sni: Option<&str>) -> (u16, Value) {
        let snapshot = self.live.snapshot();
        let from = match from.map(str::parse).transpose() {
            Ok(from) => from,
            Err(_) => return (400, json!({"error": "from is no IP address"})),
        };
        match crate::why_url::explain(&snapshot, url, method, headers, from, sni, self.entries) {
            Ok(answer) => (200, answer),
            Err(why) => (400, json!({"error": why.to_string()})),
        }
    }
}

/// The evidence about one endpoint, a row each: what its object says, then what this node's planes saw.
fn explain(endpoint: &Endpoint, instances: &BTreeMap<String, Instance>, leases: &Leases, now: Timestamp, table: &mut Table) {
    let vitals = &endpoint.vitals;
    let (verdict, why) = match &endpoint.standing {
        Standing::Out(why) => ("out", Some(why.to_string())),
        Standing::Draining => ("draining", None),
        Standing::Ready if vitals.state().barred() => ("held back", vitals.state().reason().map(str::to_owned)),
        Standing::Ready => ("in", None),
    };
    let target = match &endpoint.identity.target {
        Target::Object(object) => object.origin.to_string(),
        Target::Address(_) => "address".into(),
    };
    let mut row = |proof: &str, says: &str, age: Option<String>, observer: &str, why: Option<String>| {
        table.push(vec![
            endpoint.address.to_string().into(),
            target.clone().into(),
            verdict.into(),
            proof.into(),
            says.into(),
            age.into(),
            observer.into(),
            why.into(),
        ]);
    };
    let instance = match &endpoint.identity.target {
        Target::Object(object) if object.origin.kind == "Instance" => {
            instances.get(&*object.origin.name).filter(|one| one.metadata.uid == object.uid)
        }
        _ => None,
    };
    // What this node's planes saw, and how its leases stand, follows below as of now.
    let stored = instance.iter().flat_map(|instance| &instance.status.evidence).filter(|one| &*one.proof != "passive" && !leases.is_note(one));
    for one in stored {
        let age = one.time.parse::<Timestamp>().ok().map(|time| format!("{} s", (now.as_second() - time.as_second()).max(0)));
        row(&one.proof, &one.verdict, age, &one.observer, Some(one.reason.to_string()));
    }
    let lease = instance.and_then(|instance| leases.term(instance));
    if let Some((heard_ms, until_ms)) = lease {
        let (says, why) = if until_ms > now.as_millisecond() { ("alive", "heartbeats come in time") } else { ("dead", "no heartbeat in time") };
        row("lease", says, Some(format!("{} s", (now.as_millisecond() - heard_ms).max(0) / 1_000)), "this node", Some(why.into()));
    }
    if lease.is_none() && instance.is_none_or(|instance| instance.status.evidence.is_empty()) {
        row("object", if matches!(endpoint.standing, Standing::Out(_)) { "not ready" } else { "ready" }, None, "EndpointSlice", why.clone());
    }
    if let Some(ejection) = vitals.ejection() {
        row("passive", "dead", None, "this node", Some(format!("ejected: {}", ejection.why.as_str())));
    } else if vitals.state().barred() {
        row("passive", "dead", None, "this node", why);
    } else if let Some(age_ms) = vitals.since_success_ms(Now(monotonic_ns())) {
        row("passive", "alive", Some(format!("{} s", age_ms / 1_000)), "this node", Some("answers seen".into()));
    }
}

/// Whether a Service of this name is there of which this table has nothing to show, as its endpoints before the first one.
fn is_empty_service(snapshot: &Snapshot, what: &str, namespace: Option<&str>, name: &str) -> bool {
    let mut services = snapshot.services.keys().filter(|key| &*key.1 == name);
    matches!(what, "endpoints" | "frontends" | "names") && services.any(|key| namespace.is_none_or(|namespace| &*key.0 == namespace))
}

/// A table as an answer: text for people, rows for programs, headed by the generation in force.
pub fn tabled(snapshot: &Snapshot, head: &str, table: &Table) -> Value {
    let title = if head.is_empty() { String::new() } else { format!("{head}\n") };
    let none = if table.rows.is_empty() { "nothing matches\n" } else { "" };
    json!({"generation": snapshot.generation, "rows": table.to_json(), "text": format!("GENERATION {}\n{title}{table}{none}", snapshot.generation)})
}
