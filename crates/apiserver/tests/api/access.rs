//! Who asks: reviews, impersonation, the brake for guessed tokens; and replies in YAML.

use apiserver::{ApiServer, Identity, Source, Tokens};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::harness::{MAPS, Server, config_map};

const ACCESS: &str = "/apis/authorization.k8s.io/v1";

fn may(verb: &str, resource: &str) -> Value {
    json!({ "spec": { "resourceAttributes": { "verb": verb, "resource": resource, "namespace": "default" } } })
}

#[tokio::test]
async fn reviews_say_who_one_is_and_what_one_may() {
    let server = Server::start().await;
    let me = server.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await;
    assert_eq!(me.code, 201);
    assert_eq!(me.json()["status"]["userInfo"], json!({ "username": "admin", "groups": ["system:masters", "system:authenticated"] }));
    let own = server.send("POST", &format!("{ACCESS}/selfsubjectaccessreviews"), &may("get", "pods")).await.ok();
    assert_eq!(own["status"]["allowed"], true);
    let mut other = may("get", "pods");
    other["spec"]["user"] = "bob".into();
    let others = server.send("POST", &format!("{ACCESS}/subjectaccessreviews"), &other).await.ok();
    assert_eq!((&others["status"]["allowed"], others["status"]["reason"].is_string()), (&json!(false), true));
    let local = format!("{ACCESS}/namespaces/default/localsubjectaccessreviews");
    assert_eq!(server.send("POST", &local, &other).await.ok()["status"]["allowed"], false);
    other["spec"]["resourceAttributes"]["namespace"] = "elsewhere".into();
    assert!(server.send("POST", &local, &other).await.refusal().2.contains("must match metadata.namespace"));
    let rules = server.send("POST", &format!("{ACCESS}/selfsubjectrulesreviews"), &json!({ "spec": { "namespace": "default" } })).await.ok();
    assert_eq!(rules["status"]["resourceRules"][0]["verbs"], json!(["*"]));
}

#[tokio::test]
async fn a_review_that_asks_nothing_or_two_things_is_refused_and_none_is_stored() {
    let server = Server::start().await;
    let path = format!("{ACCESS}/selfsubjectaccessreviews");
    let (code, reason, message) = server.send("POST", &path, &json!({ "spec": {} })).await.refusal();
    assert_eq!((code, reason.as_str()), (422, "Invalid"), "{message}");
    assert!(message.contains("exactly one of nonResourceAttributes or resourceAttributes"), "{message}");
    let mut both = may("get", "pods");
    both["spec"]["nonResourceAttributes"] = json!({ "path": "/x", "verb": "get" });
    assert_eq!(server.send("POST", &path, &both).await.code, 422);
    assert_eq!((server.get(&path).await.code, server.get(&format!("{path}/x")).await.code), (405, 405));
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io"), ("content-type", "application/json")];
    assert_eq!(server.raw("POST", &path, may("get", "pods").to_string(), &table).await.code, 406);
}

#[tokio::test]
async fn acting_as_somebody_has_only_his_rights() {
    let server = Server::start().await;
    let bob = [("impersonate-user", "bob"), ("impersonate-group", "dev")];
    let (code, _, message) = server.raw("GET", "/api/v1/namespaces/default/pods", "", &bob).await.refusal();
    assert_eq!(code, 403);
    assert_eq!(message, r#"pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default""#);
    assert_eq!(server.raw("GET", "/apis", "", &bob).await.code, 200, "discovery is open");
    let headers = [("impersonate-user", "bob"), ("impersonate-group", "dev"), ("content-type", "application/json")];
    let me = server.raw("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", &headers).await.ok();
    assert_eq!(me["status"]["userInfo"], json!({ "username": "bob", "groups": ["dev", "system:authenticated"] }));
    let master = [("impersonate-user", "ann"), ("impersonate-group", "system:masters")];
    assert_eq!(server.raw("GET", "/api/v1/namespaces/default/pods", "", &master).await.code, 200);
}

#[tokio::test]
async fn guessing_tokens_is_braked_by_address() {
    let mut tokens = Tokens::default();
    tokens.add("right", Identity::new("admin", ["system:masters"]));
    let now = jiff::Timestamp::UNIX_EPOCH;
    let server = ApiServer::builder(store::Store::memory()).tokens(tokens).clock(move || now).build().expect("an open store");
    let ask = async |token: &str, last: u8| {
        let request =
            Request::get("/api/v1/namespaces").header("authorization", format!("Bearer {token}")).extension(Source([192, 0, 2, last].into()));
        server.answer(request.body(Full::new(bytes::Bytes::new())).expect("a request")).await
    };
    for _ in 0..10 {
        assert_eq!(ask("wrong", 1).await.status(), 401);
    }
    let braked = ask("wrong", 1).await;
    assert_eq!((braked.status().as_u16(), braked.headers()["retry-after"].to_str().ok()), (429, Some("1")));
    assert_eq!(ask("right", 2).await.status(), 200, "another address is heard");
}

#[tokio::test]
async fn the_numbers_of_the_store_are_for_those_who_may_see_them() {
    let registry = observe::Registry::default();
    let server = ApiServer::builder(store::Store::memory()).metrics(&registry).build().expect("an open store");
    server.bootstrap().await.expect("namespaces are made");
    let server = Server(server);
    let text = server.get("/metrics").await.text;
    assert!(text.contains("apiserver_storage_objects{resource=\"namespaces\"} 4.0\n"), "{text}");
    assert!(text.contains("fairlead_store_transactions_total 4.0\n") && text.contains("\nfairlead_store_revision 5.0\n"), "{text}");
    assert_eq!(server.raw("GET", "/metrics", "", &[("impersonate-user", "bob")]).await.code, 403);
}

#[tokio::test]
async fn yaml_is_a_reply_too_and_watches_have_none() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let yaml = [("accept", "application/yaml")];
    let reply = server.raw("GET", &format!("{MAPS}/a"), "", &yaml).await;
    assert_eq!(reply.headers["content-type"], "application/yaml");
    assert!(reply.text.starts_with("apiVersion: v1\ndata:\n  k: v\nkind: ConfigMap\n"), "{}", reply.text);
    assert!(server.raw("GET", MAPS, "", &yaml).await.text.contains("\nkind: ConfigMapList\n"));
    let missing = server.raw("GET", &format!("{MAPS}/b"), "", &yaml).await;
    assert!(missing.code == 404 && missing.text.contains("reason: NotFound"), "{}", missing.text);
    assert_eq!(server.raw("GET", &format!("{MAPS}?watch=1"), "", &yaml).await.code, 406);
}

#[tokio::test]
async fn a_pod_is_bound_once_and_evicted_like_deleted() {
    let server = Server::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({ "metadata": { "name": "p" }, "spec": { "containers": [{ "name": "c", "image": "i" }] } });
    server.send("POST", pods, &pod).await.ok();
    let binding = json!({ "metadata": { "name": "p" }, "target": { "kind": "Node", "name": "n1" } });
    let bind = format!("{pods}/p/binding");
    let nowhere = server.send("POST", &bind, &json!({ "target": { "kind": "Cow" } })).await.refusal();
    assert_eq!(nowhere.0, 422, "{}", nowhere.2);
    let bound = server.send("POST", &bind, &binding).await;
    assert_eq!((bound.code, &bound.json()["status"]), (201, &json!("Success")));
    let found = server.get(&format!("{pods}/p")).await.ok();
    assert_eq!((&found["spec"]["nodeName"], &found["status"]["conditions"][0]["type"]), (&json!("n1"), &json!("PodScheduled")));
    let again = server.send("POST", &bind, &binding).await.refusal();
    assert_eq!((again.0, again.2), (409, r#"Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1""#.to_owned()));
    let evict = format!("{pods}/p/eviction");
    let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "p" } });
    assert_eq!(server.send("POST", &format!("{evict}?dryRun=All"), &eviction).await.code, 201);
    assert!(server.get(&format!("{pods}/p")).await.ok()["metadata"]["deletionTimestamp"].is_null(), "a dry run");
    assert_eq!(server.send("POST", &evict, &eviction).await.code, 201);
    assert!(server.get(&format!("{pods}/p")).await.ok()["metadata"]["deletionTimestamp"].is_string(), "its node ends it");
    let now = json!({ "metadata": { "name": "p" }, "deleteOptions": { "gracePeriodSeconds": 0 } });
    assert_eq!((server.send("POST", &evict, &now).await.code, server.get(&format!("{pods}/p")).await.code), (201, 404));
}
