//! PATCH: the four types, what they refuse, and who owns what afterwards.

use serde_json::{Value, json};

use super::harness::{MAPS, Reply, Server, config_map};

const SERVICES: &str = "/api/v1/namespaces/default/services";

impl Server {
    async fn patch(&self, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.raw("PATCH", path, body, &[("content-type", &format!("application/{kind}")), ("user-agent", "my-tool/1.2")]).await
    }

    async fn apply(&self, manager: &str, query: &str, body: &Value) -> Reply {
        let name = body["metadata"]["name"].as_str().expect("a name");
        self.patch(&format!("{MAPS}/{name}?fieldManager={manager}{query}"), "apply-patch+yaml", body.to_string()).await
    }
}

fn map(data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data })
}

fn managers(object: &Value) -> Vec<(&str, &str)> {
    let entries = object["metadata"]["managedFields"].as_array().expect("managed fields");
    entries.iter().map(|e| (e["manager"].as_str().expect("a manager"), e["operation"].as_str().expect("an operation"))).collect()
}

#[tokio::test]
async fn each_patch_type_does_what_it_says() {
    let server = Server::start().await;
    let ports = json!([{ "name": "a", "port": 80 }, { "name": "b", "port": 81 }]);
    server.send("POST", SERVICES, &json!({ "metadata": { "name": "web" }, "spec": { "clusterIP": "None", "ports": ports } })).await.ok();
    let at = format!("{SERVICES}/web");
    let ports =
        |reply: &Reply| -> Vec<u64> { reply.ok()["spec"]["ports"].as_array().expect("ports").iter().filter_map(|p| p["port"].as_u64()).collect() };
    let strategic = json!({ "spec": { "ports": [{ "port": 80, "targetPort": 8080 }] } });
    assert_eq!(ports(&server.patch(&at, "strategic-merge-patch+json", strategic.to_string()).await), [80, 81]);
    let operations = json!([{ "op": "test", "path": "/spec/ports/0/targetPort", "value": 8080 }, { "op": "remove", "path": "/spec/ports/1" }]);
    assert_eq!(ports(&server.patch(&at, "json-patch+json", operations.to_string()).await), [80]);
    assert_eq!(server.patch(&at, "json-patch+json", operations.to_string()).await.code, 422, "nothing left to remove");
    let merge = json!({ "spec": { "ports": [{ "name": "c", "port": 90 }] } });
    assert_eq!(ports(&server.patch(&at, "merge-patch+json", merge.to_string()).await), [90]);
    for kind in ["json-patch+json", "merge-patch+json", "strategic-merge-patch+json"] {
        assert_eq!(server.patch(&at, kind, "[{").await.code, 400, "{kind}");
    }
}

#[tokio::test]
async fn unknown_fields_of_a_patch_warn_or_refuse_with_422() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let odd = json!({ "foo": 1 }).to_string();
    let warned = server.patch(&format!("{MAPS}/a"), "merge-patch+json", odd.clone()).await;
    assert_eq!((warned.code, &warned.headers["warning"]), (200, &"299 - \"unknown field \\\"foo\\\"\"".parse().expect("a value")));
    let refused = server.patch(&format!("{MAPS}/a?fieldValidation=Strict"), "merge-patch+json", odd).await.refusal();
    assert!(refused.0 == 422 && refused.2.ends_with("strict decoding error: unknown field \"foo\""), "{refused:?}");
    let wrong = server.patch(&format!("{MAPS}/a"), "merge-patch+json", json!({ "data": 5 }).to_string()).await;
    assert_eq!(wrong.code, 422, "{}", wrong.text);
}

#[tokio::test]
async fn an_ordinary_write_is_recorded_as_an_update_of_its_user_agent() {
    let server = Server::start().await;
    server.raw("POST", &format!("{MAPS}?fieldManager=maker"), map(json!({ "k": "v" })).to_string(), &[]).await.ok();
    let patched = server.patch(&format!("{MAPS}/a"), "merge-patch+json", json!({ "data": { "z": "1" } }).to_string()).await.ok();
    assert_eq!(managers(&patched), [("maker", "Update"), ("my-tool", "Update")]);
}

#[tokio::test]
async fn an_apply_creates_conflicts_shares_forces_and_gives_up() {
    let server = Server::start().await;
    let made = server.apply("one", "", &map(json!({ "x": "1", "y": "1" }))).await;
    assert_eq!(made.code, 201, "{}", made.text);
    let again = server.apply("one", "", &map(json!({ "x": "1", "y": "1" }))).await.ok();
    assert_eq!(again["metadata"]["resourceVersion"], made.json()["metadata"]["resourceVersion"], "an equal apply changes nothing");
    let refusal = server.apply("two", "", &map(json!({ "x": "2" }))).await;
    assert_eq!(refusal.refusal(), (409, "Conflict".into(), "Apply failed with 1 conflict: conflict with \"one\": .data.x".into()));
    assert_eq!(
        refusal.json()["details"]["causes"],
        json!([{ "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.x" }])
    );
    assert_eq!(server.apply("two", "", &map(json!({ "x": "1" }))).await.code, 200, "an equal value is shared");
    let forced = server.apply("two", "&force=true", &map(json!({ "x": "2" }))).await.ok();
    assert_eq!((&forced["data"], managers(&forced)), (&json!({ "x": "2", "y": "1" }), vec![("one", "Apply"), ("two", "Apply")]));
    let nothing = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
    let dropped = server.apply("one", "", &nothing).await.ok();
    assert_eq!((&dropped["data"], managers(&dropped)), (&json!({ "x": "2" }), vec![("two", "Apply")]));
}

#[tokio::test]
async fn applies_that_cannot_be_meant_are_refused() {
    let server = Server::start().await;
    let nameless = server.patch(&format!("{MAPS}/a"), "apply-patch+yaml", map(json!({})).to_string()).await.refusal();
    assert_eq!(nameless.2, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
    let at = format!("{MAPS}/a?fieldManager=one");
    server.patch(&at, "apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n").await.ok();
    let mut other = map(json!({}));
    other["metadata"]["name"] = "b".into();
    assert_eq!(
        server.patch(&at, "apply-patch+yaml", other.to_string()).await.refusal().2,
        "the name of the object (b) does not match the name on the URL (a)"
    );
    other = map(json!({}));
    other["kind"] = "Secret".into();
    assert_eq!(server.patch(&at, "apply-patch+yaml", other.to_string()).await.refusal().2, "invalid object type: /v1, Kind=Secret");
    other = map(json!({}));
    other["metadata"]["managedFields"] = json!([{ "manager": "x" }]);
    assert_eq!(server.patch(&at, "apply-patch+yaml", other.to_string()).await.refusal().2, "metadata.managedFields must be nil");
    other = map(json!({}));
    other["metadata"]["resourceVersion"] = "1".into();
    assert_eq!(server.patch(&at, "apply-patch+yaml", other.to_string()).await.code, 409);
    other["metadata"] = json!({ "name": "c", "uid": "u" });
    assert_eq!(server.apply("one", "", &other).await.code, 409, "a uid for an object that is not there");
    assert_eq!(server.patch(&at, "apply-patch+yaml", "data: [").await.code, 400);
    let force = server.patch(&format!("{at}&force=true"), "merge-patch+json", "{}").await.refusal();
    assert!(force.2.ends_with("force: Forbidden: may not be specified for non-apply patch"), "{}", force.2);
}

#[tokio::test]
async fn an_apply_does_not_own_the_status_of_the_object() {
    let server = Server::start().await;
    let path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/i?fieldManager=one";
    let config = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i" }, "spec": { "rules": [{ "host": "a.test" }] },
                         "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
    let made = server.patch(path, "apply-patch+yaml", config.to_string()).await.ok();
    assert_eq!((&made["status"], made.to_string().contains("f:status")), (&json!({ "loadBalancer": {} }), false), "{made}");
    let status = server.patch(&path.replace("i?", "i/status?"), "apply-patch+yaml", config.to_string()).await.ok();
    assert_eq!((&status["status"]["loadBalancer"]["ingress"][0]["ip"], managers(&status).len()), (&json!("192.0.2.1"), 2));
}

#[tokio::test]
async fn m2_patches_without_a_revision_are_tried_until_they_commit() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let one = |at: usize| {
        let server = &server;
        async move { server.patch(&format!("{MAPS}/a"), "merge-patch+json", json!({ "data": { format!("k{at}"): "v" } }).to_string()).await.ok() }
    };
    futures_util::future::join_all((0..32).map(one)).await;
    let all = server.get(&format!("{MAPS}/a")).await.ok();
    assert!((0..32).all(|at| all["data"][format!("k{at}")] == "v"), "{}", all["data"]);
    let stale = json!({ "metadata": { "resourceVersion": "1" }, "data": { "x": "y" } });
    assert_eq!(server.patch(&format!("{MAPS}/a"), "merge-patch+json", stale.to_string()).await.refusal().1, "Conflict");
    let other = json!({ "metadata": { "uid": "x" } });
    assert_eq!(server.patch(&format!("{MAPS}/a"), "merge-patch+json", other.to_string()).await.code, 422);
}

#[tokio::test]
async fn m3_a_patch_of_too_many_operations_is_413() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let of = |count: usize| Value::Array(vec![json!({ "op": "test", "path": "/kind", "value": "ConfigMap" }); count]).to_string();
    assert_eq!(server.patch(&format!("{MAPS}/a"), "json-patch+json", of(10_000)).await.code, 200);
    assert_eq!(server.patch(&format!("{MAPS}/a"), "json-patch+json", of(10_001)).await.refusal().1, "RequestEntityTooLarge");
}

#[tokio::test]
async fn m9_many_writers_become_ancient_and_an_empty_entry_forgets_them() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    for at in 0..13 {
        let body = json!({ "data": { format!("k{at}"): "v" } }).to_string();
        server.patch(&format!("{MAPS}/a?fieldManager=m{at}"), "merge-patch+json", body).await.ok();
    }
    let all = server.get(&format!("{MAPS}/a")).await.ok();
    assert!(managers(&all).len() <= 11 && managers(&all).contains(&("ancient-changes", "Update")), "{:?}", managers(&all));
    let reset = json!({ "metadata": { "managedFields": [{}] } });
    let forgotten = server.patch(&format!("{MAPS}/a"), "merge-patch+json", reset.to_string()).await.ok();
    assert!(forgotten["metadata"].get("managedFields").is_none(), "{forgotten}");
}
