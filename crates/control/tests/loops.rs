//! The loops over a real API server in the same process, driven as users drive it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::decided::{AssignedAddress, Condition, IngressAddress, Socket, Truth};
use api::{Decided, DecidedStatus};
use apiserver::{ApiServer, Identity};
use control::{Control, Evidence, Leases, Scope, Settings};
use http::Request;
use kube::Client;
use model::{Applied, Interner, Live, Snapshot};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// A server, its loops, and a client.
struct World {
    client: Client,
    live: Arc<Live>,
    decide: mpsc::UnboundedSender<Vec<Decided>>,
    control: Control,
}

impl World {
    async fn start() -> World {
        let allocator = apiserver::allocate::Allocator::new(&["10.96.0.0/16".parse().unwrap()], 30000..=32767, 7);
        let server = ApiServer::builder(store::Store::memory()).allocator(allocator).build().unwrap();
        server.bootstrap().await.unwrap();
        let client = Client::new(server.as_identity(Identity::new("admin", ["system:masters"])), "default");
        let live = Arc::new(Live::default());
        let (decide, decisions) = mpsc::unbounded_channel();
        let settings = Settings {
            scope: Scope::Standalone,
            resolver: None,
            outside: control::Outside::Closed,
            leases: Arc::new(Leases::new("n", 0)),
            live: live.clone(),
            interner: Arc::new(Interner::default()),
            planes: vec!["http"],
            methods: Arc::new(|_| ["PeakEwma", "LeastRequest", "Random"]),
            node: "n".into(),
            api: Some(([10, 96, 0, 1].into(), SocketAddr::from(([192, 0, 2, 1], 6443)))),
        };
        let control = Control::start(&client, settings, decisions, &watch::Metrics::default());
        World { client, live, decide, control }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Result<Value, kube::Error> {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", kind).body(serde_json::to_vec(&body).unwrap()).unwrap();
        self.client.request(request).await
    }

    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        self.send(method, path, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    async fn get(&self, path: &str) -> Option<Value> {
        self.client.request(Request::get(path).body(Vec::new()).unwrap()).await.ok()
    }

    /// Addresses with their port and readiness, over all slices of a Service.
    async fn endpoints(&self, service: &str) -> Vec<String> {
        let list = self
            .get(&format!("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3D{service}"))
            .await;
        let mut all = Vec::new();
        for slice in list.iter().flat_map(|list| list["items"].as_array().unwrap()) {
            for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
                let (address, port) = (endpoint["addresses"][0].as_str().unwrap(), &slice["ports"][0]["port"]);
                all.push(format!("{address}:{port} {}", endpoint["conditions"]["ready"]));
            }
        }
        all.sort();
        all
    }

    async fn pod(&self, name: &str, ip: &str) {
        let pods = "/api/v1/namespaces/default/pods";
        let containers = json!([{"name": "c", "image": "none", "ports": [{"name": "web", "containerPort": 8080}]}]);
        let pod = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {"nodeName": "n1", "containers": containers}});
        self.ok("POST", pods, pod).await;
        let status = json!({"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": "True"}]});
        self.ok("PATCH", &format!("{pods}/{name}/status"), json!({"status": status})).await;
    }

    async fn service(&self, name: &str) {
        let spec = json!({"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]});
        self.ok("POST", "/api/v1/namespaces/default/services", json!({"metadata": {"name": name}, "spec": spec})).await;
    }
}

/// Waits until something holds, and says how long that took.
async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) -> Duration {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < Duration::from_secs(15), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begin.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slices_follow_pods_and_instances_at_once() {
    let world = World::start().await;
    world.ok("POST", "/api/v1/nodes", json!({"metadata": {"name": "n1"}})).await;
    world.service("web").await;
    world.pod("p1", "10.1.0.1").await;
    until("the first endpoint", async || world.endpoints("web").await == ["10.1.0.1:8080 true"]).await;
    let mut times = Vec::new();
    for i in 2..30 {
        let ip = format!("10.1.0.{i}");
        world.pod(&format!("p{i}"), &ip).await;
        times.push(until("a further endpoint", async || world.endpoints("web").await.iter().any(|e| e.starts_with(&format!("{ip}:")))).await);
    }
    // A busy machine delays some; were there a timer on the way, none would be quick.
    times.sort();
    assert!(times[times.len() / 10] < Duration::from_millis(50), "{times:?}");
    let instance =
        json!({"metadata": {"name": "vm", "labels": {"app": "web"}}, "spec": {"addresses": ["192.0.2.7"], "ports": [{"name": "web", "port": 9001}]}});
    world.ok("POST", "/apis/fairlead.dev/v1alpha1/namespaces/default/instances", instance).await;
    until("the Instance", async || world.endpoints("web").await.contains(&"192.0.2.7:9001 true".to_owned())).await;
    let classic = world.get("/api/v1/namespaces/default/endpoints/web").await.unwrap();
    assert_eq!(classic["subsets"][0]["ports"][0]["name"], "http");
    world.ok("DELETE", "/api/v1/namespaces/default/services/web", json!({})).await;
    until("nothing is left", async || {
        world.endpoints("web").await.is_empty() && world.get("/api/v1/namespaces/default/endpoints/web").await.is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_shows_its_evidence_and_leaves_in_order() {
    let world = World::start().await;
    world.service("web").await;
    let path = "/apis/fairlead.dev/v1alpha1/namespaces/default/instances";
    let instance =
        json!({"metadata": {"name": "vm", "labels": {"app": "web"}}, "spec": {"addresses": ["192.0.2.7"], "ports": [{"name": "web", "port": 9001}]}});
    let uid = world.ok("POST", path, instance).await["metadata"]["uid"].as_str().unwrap().to_owned();
    let status = async || world.get(&format!("{path}/vm")).await.unwrap()["status"].clone();
    until("ready", async || status().await["ready"] == true).await;
    let evidence = |verdict: &str, at: &str| Evidence {
        namespace: "default".into(),
        name: "vm".into(),
        uid: uid.as_str().into(),
        proof: "process".into(),
        verdict: verdict.into(),
        time: at.into(),
        reason: "exit 137".into(),
        observer: "n1".into(),
    };
    world.control.evidence().send(evidence("dead", "2024-01-01T00:00:00.5Z")).await.unwrap();
    until("out of the slices", async || world.endpoints("web").await == ["192.0.2.7:9001 false"]).await;
    until("written", async || status().await["ready"] == false && status().await["reason"] == "ProcessExited").await;
    world.control.evidence().send(evidence("alive", "2024-01-01T00:00:01.5Z")).await.unwrap();
    until("back", async || world.endpoints("web").await == ["192.0.2.7:9001 true"]).await;
    world.ok("PATCH", &format!("{path}/vm/status"), json!({"status": {"terminating": true}})).await;
    let says = async |kind: &str| {
        let status = status().await;
        status["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == kind).map(|c| c["status"].clone())
    };
    until("not programmed before the planes said so", async || says("Programmed").await == Some(json!("False"))).await;
    world.live.publish(Arc::new(Snapshot { generation: 1, ..Snapshot::default() }));
    world.live.applied(Applied { plane: "http", generation: 1, problems: vec![] });
    until("drained", async || says("Drained").await == Some(json!("True"))).await;
    assert_eq!(says("Programmed").await, Some(json!("True")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_collected_in_the_background_in_the_foreground_or_not_at_all() {
    let world = World::start().await;
    let path = "/api/v1/namespaces/default/secrets";
    let secret = |name: &str, metadata: Value| {
        let mut object = json!({"metadata": metadata});
        object["metadata"]["name"] = json!(name);
        object
    };
    let owned = |owner: &str, uid: &str| json!([{"apiVersion": "v1", "kind": "Secret", "name": owner, "uid": uid, "blockOwnerDeletion": true}]);
    for owner in ["back", "fore", "orphan"] {
        let uid = world.ok("POST", path, secret(owner, json!({}))).await["metadata"]["uid"].as_str().unwrap().to_owned();
        let finalizers = if owner == "fore" { json!(["a.test/hold"]) } else { json!([]) };
        world.ok("POST", path, secret(&format!("{owner}-child"), json!({"ownerReferences": owned(owner, &uid), "finalizers": finalizers}))).await;
    }
    world.ok("POST", path, secret("lost", json!({"ownerReferences": owned("nobody", "00000000-0000-4000-8000-000000000000")}))).await;
    for (name, policy) in [("back", "Background"), ("fore", "Foreground"), ("orphan", "Orphan")] {
        world.ok("DELETE", &format!("{path}/{name}"), json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy})).await;
    }
    let gone = async |name: &str| world.get(&format!("{path}/{name}")).await.is_none();
    until("background, orphaned and lost", async || gone("back-child").await && gone("lost").await && gone("orphan").await).await;
    let child = async || world.get(&format!("{path}/fore-child")).await.unwrap()["metadata"].clone();
    until("the blocking one is deleted", async || child().await["deletionTimestamp"].is_string()).await;
    assert!(!gone("fore").await);
    assert_eq!(world.get(&format!("{path}/orphan-child")).await.unwrap()["metadata"].get("ownerReferences"), None);
    world.ok("PATCH", &format!("{path}/fore-child"), json!({"metadata": {"finalizers": null}})).await;
    until("foreground", async || gone("fore-child").await && gone("fore").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_is_emptied_waits_for_finalizers_and_goes() {
    let world = World::start().await;
    world.ok("POST", "/api/v1/namespaces", json!({"metadata": {"name": "gone"}})).await;
    let home = "/api/v1/namespaces/gone";
    for i in 0..50 {
        world.ok("POST", &format!("{home}/configmaps"), json!({"metadata": {"name": format!("c{i}")}})).await;
    }
    world.ok("POST", &format!("{home}/secrets"), json!({"metadata": {"name": "held", "finalizers": ["a.test/hold"]}})).await;
    world.ok("DELETE", home, json!({})).await;
    let left = async || world.get(&format!("{home}/configmaps")).await.unwrap()["items"].as_array().unwrap().len();
    until("configmaps are gone", async || left().await == 0).await;
    let says = async |kind: &str| {
        let namespace = world.get(home).await.unwrap();
        namespace["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|c| c["type"] == kind)
            .map(|c| c["message"].to_string())
            .unwrap_or_default()
    };
    until("it says why it stays", async || says("NamespaceFinalizersRemaining").await.contains("a.test/hold in 1 resource instances")).await;
    world.ok("PATCH", &format!("{home}/secrets/held"), json!({"metadata": {"finalizers": null}})).await;
    until("it is gone", async || world.get(home).await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_pod_that_no_node_ends_goes_when_its_grace_is_over() {
    let world = World::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let containers = json!([{"name": "c", "image": "i"}]);
    let pod = json!({"metadata": {"name": "lost"}, "spec": {"nodeName": "gone", "terminationGracePeriodSeconds": 1, "containers": containers}});
    world.ok("POST", pods, pod).await;
    world.ok("DELETE", &format!("{pods}/lost"), json!({})).await;
    assert!(world.get(&format!("{pods}/lost")).await.is_some(), "its node has a second");
    until("the Pod goes", async || world.get(&format!("{pods}/lost")).await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_exist_exists_and_comes_back() {
    let world = World::start().await;
    let class = "/apis/networking.k8s.io/v1/ingressclasses/fairlead";
    let made = async |path: &str| world.get(path).await.is_some();
    until("classes", async || made(class).await && made("/apis/gateway.networking.k8s.io/v1/gatewayclasses/fairlead").await).await;
    let annotations = world.get(class).await.unwrap()["metadata"]["annotations"].clone();
    assert_eq!(annotations["ingressclass.kubernetes.io/is-default-class"], "true");
    world.ok("DELETE", class, json!({})).await;
    until("the class again", async || made(class).await).await;
    let service = "/api/v1/namespaces/default/services/kubernetes";
    until("the Service", async || made(service).await).await;
    assert_eq!(world.get(service).await.unwrap()["metadata"]["labels"], json!({"component": "apiserver", "provider": "kubernetes"}));
    until("its endpoint", async || world.endpoints("kubernetes").await == ["192.0.2.1:6443 true"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_are_written_when_the_planes_said_so_and_only_then() {
    let world = World::start().await;
    let path = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways";
    let spec = json!({"gatewayClassName": "fairlead", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]});
    let made = world.ok("POST", path, json!({"metadata": {"name": "edge"}, "spec": spec})).await;
    let uid = made["metadata"]["uid"].as_str().unwrap().into();
    let socket = Socket { address: SocketAddr::from(([127, 0, 0, 1], 8080)), datagrams: false };
    let programmed = Condition { waits_for: vec![socket], ..Condition::new("Programmed", Truth::True, "Programmed", "in force") };
    let conditions = vec![Condition::new("Accepted", Truth::True, "Accepted", "fine"), programmed];
    let body = DecidedStatus::Gateway {
        addresses: vec![AssignedAddress { kind: "IPAddress", value: "127.0.0.1".into(), routability: "".into() }],
        conditions,
        listeners: vec![],
    };
    let gateway = Decided { kind: "Gateway", namespace: "default".into(), name: "edge".into(), uid, generation: 1, snapshot: 4, body };
    let ingress_path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    let ingress_spec = json!({"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}});
    let made = world.ok("POST", ingress_path, json!({"metadata": {"name": "i"}, "spec": ingress_spec})).await;
    let uid = made["metadata"]["uid"].as_str().unwrap().into();
    let addresses = vec![IngressAddress { at: "127.0.0.1".into(), ports: vec![80], sockets: vec![socket] }];
    let ingress = Decided {
        kind: "Ingress",
        namespace: "default".into(),
        name: "i".into(),
        uid,
        generation: 1,
        snapshot: 4,
        body: DecidedStatus::Ingress { addresses, conditions: vec![] },
    };
    world.decide.send(vec![gateway, ingress]).unwrap();
    let says = async |kind: &str| {
        let status = world.get(&format!("{path}/edge")).await.unwrap()["status"].clone();
        status["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|c| c["type"] == kind)
            .map(|c| format!("{} {}", c["status"], c["reason"]).replace('"', ""))
    };
    until("it says that it waits", async || {
        says("Programmed").await == Some("Unknown Pending".into()) && says("Accepted").await == Some("True Accepted".into())
    })
    .await;
    let address = async || world.get(&format!("{ingress_path}/i")).await.unwrap()["status"]["loadBalancer"]["ingress"][0]["ip"].clone();
    assert_eq!(address().await, Value::Null);
    world.live.applied(Applied { plane: "http", generation: 4, problems: vec![] });
    until("in force", async || says("Programmed").await == Some("True Programmed".into())).await;
    until("the address of the Ingress", async || address().await == "127.0.0.1").await;
    let version = async || world.get(&format!("{path}/edge")).await.unwrap()["metadata"]["resourceVersion"].clone();
    let before = version().await;
    world.live.applied(Applied { plane: "http", generation: 5, problems: vec![] });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(version().await, before, "nothing new to say, nothing written");
}
