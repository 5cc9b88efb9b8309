//! The client that programs in Rust use, unmodified, over TLS against the built binary: what its own tests do with the kinds that we serve.

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Service};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::PartialObjectMetaExt as _;
use kube::discovery::{Discovery, Scope, verbs};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, Config, ResourceExt as _};
use serde_json::json;
use testkit::server::Server;

/// A server of its own, and a client that enters it as its administrator does.
async fn begin() -> (Server, Client) {
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_fairlead")), &[]).expect("the server starts");
    let kubeconfig = Kubeconfig::read_from(server.data().join("admin.kubeconfig")).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("a configuration");
    let client = Client::try_from(config).expect("a client");
    (server, client)
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"app": "kube-rs"}}, "data": {"key": value}})).expect("a ConfigMap")
}

#[tokio::test]
async fn objects_are_made_changed_applied_and_deleted() {
    let (_server, client) = begin().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    assert!(maps.get_opt("one").await.expect("404 is no error").is_none());
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    maps.create(&dry, &config_map("one", "a")).await.expect("a dry run");
    assert!(maps.get_opt("one").await.expect("an answer").is_none(), "nothing lasts of a dry run");
    let made = maps.create(&PostParams::default(), &config_map("one", "a")).await.expect("made");
    let mut newer = made.clone();
    newer.data.get_or_insert_default().insert("key".to_owned(), "b".to_owned());
    maps.replace("one", &PostParams::default(), &newer).await.expect("replaced");
    match maps.replace("one", &PostParams::default(), &made).await.expect_err("it is out of date") {
        kube::Error::Api(status) => assert!(status.is_conflict(), "{status:?}"),
        other => panic!("{other}"),
    }
    // An entry reads, changes and writes as one.
    let mut entry = maps.entry("two").await.expect("an entry").or_insert(|| config_map("two", "x"));
    entry.commit(&PostParams::default()).await.expect("made by its entry");
    let apply = |manager: &str| PatchParams::apply(manager);
    let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"key": "c"}});
    match maps.patch("one", &apply("tool"), &Patch::Apply(&wanted)).await.expect_err("somebody else owns the field") {
        kube::Error::Api(status) => assert!(status.is_conflict() && status.message.contains(".data.key"), "{status:?}"),
        other => panic!("{other}"),
    }
    let forced = maps.patch("one", &apply("tool").force(), &Patch::Apply(&wanted)).await.expect("taken over");
    assert_eq!(forced.data.unwrap_or_default()["key"], "c");
    let merge = json!({"metadata": {"annotations": {"a": "b"}}});
    maps.patch("one", &PatchParams::default(), &Patch::Merge(&merge)).await.expect("merged");
    maps.patch("one", &PatchParams::default(), &Patch::Strategic(&merge)).await.expect("merged by strategy");
    let meta = maps.get_metadata("one").await.expect("metadata alone");
    assert_eq!((meta.name_any().as_str(), meta.annotations()["a"].as_str()), ("one", "b"));
    let listed = maps.list_metadata(&ListParams::default().labels("app=kube-rs")).await.expect("a list of metadata");
    assert_eq!(listed.items.len(), 2);
    let change = kube::core::ObjectMeta { labels: Some([("more".to_owned(), "x".to_owned())].into()), ..Default::default() };
    let patched =
        maps.patch_metadata("one", &apply("meta"), &Patch::Apply(change.into_request_partial::<ConfigMap>())).await.expect("applied to metadata");
    assert_eq!(patched.labels()["more"], "x");
    let page = maps.list(&ListParams::default().labels("app=kube-rs").limit(1)).await.expect("a page");
    let next = page.metadata.continue_.expect("there is more");
    let rest = maps.list(&ListParams::default().labels("app=kube-rs").limit(1).continue_token(&next)).await.expect("the next page");
    assert_eq!((page.items.len(), rest.items.len()), (1, 1));
    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("app=kube-rs")).await.expect("deleted together");
    assert!(maps.list(&ListParams::default().labels("app=kube-rs")).await.expect("a list").items.is_empty());
}

#[tokio::test]
async fn watchers_see_every_change() {
    let (_server, client) = begin().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    maps.create(&PostParams::default(), &config_map("before", "1")).await.expect("made");
    for config in [watcher::Config::default().labels("app=kube-rs"), watcher::Config::default().labels("app=kube-rs").streaming_lists()] {
        let mut seen = pin!(watcher(maps.clone(), config).applied_objects());
        let first = tokio::time::timeout(Duration::from_secs(15), seen.try_next()).await.expect("in time").expect("no error");
        assert_eq!(first.expect("an object").name_any(), "before");
        maps.create(&PostParams::default(), &config_map("after", "1")).await.expect("made");
        let second = tokio::time::timeout(Duration::from_secs(15), seen.try_next()).await.expect("in time").expect("no error");
        assert_eq!(second.expect("an object").name_any(), "after");
        maps.delete("after", &DeleteParams::default()).await.expect("deleted");
    }
    // The plain watch, of metadata alone, from where a list ends.
    let from = maps.list_metadata(&ListParams::default()).await.expect("a list").metadata.resource_version.expect("a revision");
    let mut events = maps.watch_metadata(&WatchParams::default().labels("app=kube-rs"), &from).await.expect("a watch").boxed();
    maps.delete("before", &DeleteParams::default()).await.expect("deleted");
    let event = tokio::time::timeout(Duration::from_secs(15), events.try_next()).await.expect("in time").expect("no error");
    assert!(matches!(event, Some(WatchEvent::Deleted(object)) if object.name_any() == "before"));
}

#[tokio::test]
async fn discovery_finds_the_same_in_both_forms_and_dynamic_objects_follow_from_it() {
    let (_server, client) = begin().await;
    let kinds = |discovery: &Discovery| {
        let found = discovery.groups().flat_map(|group| group.recommended_resources());
        found
            .map(|(resource, capabilities)| (resource.group, resource.version, resource.kind, capabilities.scope == Scope::Namespaced))
            .collect::<BTreeSet<_>>()
    };
    let plain = Discovery::new(client.clone()).run().await.expect("group by group");
    let aggregated = Discovery::new(client.clone()).run_aggregated().await.expect("at once");
    assert_eq!(kinds(&plain), kinds(&aggregated));
    assert!(kinds(&plain).contains(&("fairlead.dev".to_owned(), "v1alpha1".to_owned(), "Instance".to_owned(), true)));
    // Everything that can be listed is, by what discovery says alone.
    for group in plain.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if capabilities.supports_operation(verbs::LIST) {
                let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
                all.list(&ListParams::default()).await.unwrap_or_else(|error| panic!("{}: {error}", resource.kind));
            }
        }
    }
    let (routes, _) = plain.groups().find_map(|group| group.recommended_kind("HTTPRoute")).expect("HTTPRoutes are served");
    let routes: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &routes);
    let route =
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": {"hostnames": ["a.test"]}});
    let route = serde_json::from_value(route).expect("a route");
    let made = routes.create(&PostParams::default(), &route).await.expect("made");
    assert_eq!(made.data["spec"]["hostnames"], json!(["a.test"]));
    // Nodes are cordoned, services found in all namespaces, and namespaces end.
    let nodes: Api<Node> = Api::all(client.clone());
    let node = nodes.list(&ListParams::default()).await.expect("nodes").items.remove(0).name_any();
    nodes.cordon(&node).await.expect("cordoned");
    assert_eq!(nodes.get(&node).await.expect("it").spec.and_then(|spec| spec.unschedulable), Some(true));
    nodes.uncordon(&node).await.expect("uncordoned");
    let services: Api<Service> = Api::all(client.clone());
    assert!(services.list(&ListParams::default()).await.expect("services").items.iter().any(|service| service.name_any() == "kubernetes"));
    let namespaces: Api<Namespace> = Api::all(client);
    let shop = serde_json::from_value(json!({"metadata": {"name": "shop"}})).expect("a namespace");
    let uid = namespaces.create(&PostParams::default(), &shop).await.expect("made").uid().expect("a uid");
    namespaces.delete("shop", &DeleteParams::default()).await.expect("deleted");
    let gone = kube::runtime::wait::await_condition(namespaces, "shop", kube::runtime::wait::conditions::is_deleted(&uid));
    tokio::time::timeout(Duration::from_secs(15), gone).await.expect("in time").expect("no error");
}
