//! Lists: selectors, pages, revisions, forms.

use serde_json::json;

use super::harness::{MAPS, Server, config_map, names};

async fn filled() -> Server {
    let server = Server::start().await;
    for (name, labels) in [
        ("a", json!({ "env": "prod", "tier": "web" })),
        ("b", json!({ "env": "test", "tier": "web" })),
        ("c", json!({ "env": "dev" })),
        ("d", json!({})),
    ] {
        server.send("POST", MAPS, &config_map(name, labels)).await.ok();
    }
    server
}

#[tokio::test]
async fn selectors_choose_by_labels_and_fields() {
    let server = filled().await;
    for (query, want) in [
        ("labelSelector=env%3Dprod", "a"),
        ("labelSelector=env!%3Dprod", "bcd"),
        ("labelSelector=env+in+(prod,test)", "ab"),
        ("labelSelector=env+notin+(prod,test)", "cd"),
        ("labelSelector=tier", "ab"),
        ("labelSelector=!tier", "cd"),
        ("labelSelector=tier,env!%3Dtest", "a"),
        ("fieldSelector=metadata.name%3Db", "b"),
        ("fieldSelector=metadata.name!%3Db", "acd"),
        ("fieldSelector=metadata.namespace%3Dother", ""),
    ] {
        let list = server.get(&format!("{MAPS}?{query}")).await.ok();
        assert_eq!(names(&list).concat(), want, "{query}");
    }
    assert_eq!(server.get(&format!("{MAPS}?labelSelector=a+b+c")).await.code, 400);
    assert_eq!(server.get(&format!("{MAPS}?fieldSelector=spec.nope%3Da")).await.code, 400);
    let all = server.get("/api/v1/configmaps?labelSelector=env").await.ok();
    assert_eq!(names(&all), ["a", "b", "c"], "over all namespaces");
}

#[tokio::test]
async fn pages_of_one_list_show_one_revision() {
    let server = filled().await;
    let first = server.get(&format!("{MAPS}?limit=2")).await.ok();
    assert_eq!((names(&first).concat(), first["metadata"]["remainingItemCount"].as_u64()), ("ab".into(), Some(2)));
    server.send("DELETE", &format!("{MAPS}/d"), &json!({})).await.ok();
    server.send("POST", MAPS, &config_map("bb", json!({}))).await.ok();
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second = server.get(&format!("{MAPS}?limit=2&continue={token}")).await.ok();
    assert_eq!((names(&second).concat(), &second["metadata"]["resourceVersion"]), ("cd".into(), &first["metadata"]["resourceVersion"]));
    assert!(second["metadata"].get("continue").is_none());
    let revision = first["metadata"]["resourceVersion"].as_str().expect("a revision");
    let exact = server.get(&format!("{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")).await.ok();
    assert_eq!(names(&exact).concat(), "abcd");
    assert_eq!(names(&server.get(MAPS).await.ok()).concat(), "abbbc");
    assert_eq!(server.get(&format!("{MAPS}?continue=garbage")).await.code, 400);
    assert_eq!(server.get(&format!("{MAPS}?continue={token}&resourceVersion=5")).await.code, 400);
    assert_eq!(server.get(&format!("{MAPS}?resourceVersion=abc")).await.code, 400);
}

#[tokio::test]
async fn w4_a_limit_makes_a_revision_exact_and_any_revision_makes_a_limit_void() {
    let server = filled().await;
    let before = server.get(MAPS).await.ok()["metadata"]["resourceVersion"].as_str().expect("a revision").to_owned();
    server.send("DELETE", &format!("{MAPS}/d"), &json!({})).await.ok();
    let old = server.get(&format!("{MAPS}?limit=10&resourceVersion={before}")).await.ok();
    assert_eq!((names(&old).concat().as_str(), old["metadata"]["resourceVersion"].as_str()), ("abcd", Some(before.as_str())));
    let newer = server.get(&format!("{MAPS}?limit=10&resourceVersion={before}&resourceVersionMatch=NotOlderThan")).await.ok();
    assert_ne!(newer["metadata"]["resourceVersion"].as_str(), Some(before.as_str()));
    let any = server.get(&format!("{MAPS}?limit=1&resourceVersion=0")).await.ok();
    assert_eq!((names(&any).len(), any["metadata"].get("continue")), (3, None));
}

#[tokio::test]
async fn w5_a_revision_that_is_on_its_way_is_waited_for() {
    let server = filled().await;
    let now: u64 = server.get(MAPS).await.ok()["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).expect("a revision");
    let path = format!("{MAPS}?resourceVersion={}", now + 1);
    let new = config_map("e", json!({}));
    let (list, made) = tokio::join!(server.get(&path), server.send("POST", MAPS, &new));
    made.ok();
    assert!(names(&list.ok()).contains(&"e"), "the list waits for what is written meanwhile");
}

#[tokio::test]
async fn a_revision_of_the_future_is_a_timeout_with_a_cause() {
    let server = filled().await;
    let reply = server.get(&format!("{MAPS}?resourceVersion=1000")).await;
    assert!(reply.refusal().2.starts_with("Timeout: Too large resource version: 1000, current: "), "{}", reply.text);
    let details = &reply.json()["details"];
    assert_eq!((&details["causes"][0]["reason"], &details["retryAfterSeconds"]), (&json!("ResourceVersionTooLarge"), &json!(1)));
}

#[tokio::test]
async fn objects_come_as_tables_and_as_metadata() {
    let server = filled().await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let list = server.raw("GET", MAPS, "", &[("accept", table)]).await.ok();
    assert_eq!((&list["kind"], &list["apiVersion"], list["rows"].as_array().map(Vec::len)), (&json!("Table"), &json!("meta.k8s.io/v1"), Some(4)));
    assert_eq!((&list["rows"][0]["cells"][0], &list["rows"][0]["object"]["kind"]), (&json!("a"), &json!("PartialObjectMetadata")));
    assert_eq!(list["columnDefinitions"][0]["name"], "Name");
    let one = server.raw("GET", &format!("{MAPS}/a?includeObject=Object"), "", &[("accept", table)]).await.ok();
    assert_eq!(one["rows"][0]["object"]["data"], json!({ "k": "v" }));
    let meta = server.raw("GET", MAPS, "", &[("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")]).await.ok();
    assert_eq!(
        (&meta["kind"], meta["items"][1].get("data"), &meta["items"][1]["metadata"]["name"]),
        (&json!("PartialObjectMetadataList"), None, &json!("b"))
    );
}

#[tokio::test]
async fn a_long_list_streams_and_is_compressed_when_taken() {
    let server = Server::start().await;
    for n in 0..40 {
        let mut map = config_map(&format!("m{n:02}"), json!({}));
        map["data"]["big"] = "x".repeat(10_000).into();
        server.send("POST", MAPS, &map).await.ok();
    }
    let plain = server.get(MAPS).await;
    assert_eq!(names(&plain.ok()).len(), 40);
    let zipped = server.raw("GET", MAPS, "", &[("accept-encoding", "gzip")]).await;
    assert_eq!(zipped.headers["content-encoding"], "gzip");
    assert!(zipped.text.len() < plain.text.len() / 4);
}

#[tokio::test]
async fn a_stored_object_that_cannot_be_read_does_not_kill_the_list() {
    let store = store::Store::memory();
    let put = |key: &str, value: &'static [u8]| store::Op::Put { key: key.into(), value: value.into(), ttl: None };
    let ops = vec![
        put("/registry/configmaps/default/bad", b"nonsense"),
        put("/registry/configmaps/default/good", br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"good","namespace":"default"}}"#),
    ];
    store.txn(store::Txn { compare: Vec::new(), ops }).await.expect("written");
    let server = Server(apiserver::ApiServer::builder(store).build().expect("an open store"));
    assert_eq!(names(&server.get(MAPS).await.ok()), ["good"]);
    assert_eq!(server.get(&format!("{MAPS}/bad")).await.code, 500);
}

#[tokio::test]
async fn a_list_goes_on_from_its_pages_when_the_history_is_gone_and_afresh_when_they_are() {
    let store = store::Store::memory();
    let server = Server(apiserver::ApiServer::builder(store.clone()).build().expect("an open store"));
    server.0.bootstrap().await.expect("namespaces are made");
    for name in ["a", "b", "c"] {
        server.send("POST", MAPS, &config_map(name, json!({}))).await.ok();
    }
    let first = server.get(&format!("{MAPS}?limit=1")).await.ok();
    let token = first["metadata"]["continue"].as_str().expect("a token").to_owned();
    server.send("POST", MAPS, &config_map("bb", json!({}))).await.ok();
    store.compact(store.revision());
    let second = server.get(&format!("{MAPS}?limit=1&continue={token}")).await.ok();
    assert_eq!((names(&second), &second["metadata"]["resourceVersion"]), (vec!["b"], &first["metadata"]["resourceVersion"]), "kept for the token");
    let restarted = Server(apiserver::ApiServer::builder(store).build().expect("an open store"));
    let expired = restarted.get(&format!("{MAPS}?limit=1&continue={token}")).await;
    assert_eq!(expired.refusal().1, "Expired");
    let fresh = expired.json()["metadata"]["continue"].as_str().expect("a fresh token").to_owned();
    let rest = restarted.get(&format!("{MAPS}?limit=2&continue={fresh}")).await.ok();
    assert_eq!(names(&rest), ["b", "bb"], "inconsistent, as the refusal says");
    let last = restarted.get(&format!("{MAPS}?limit=2&continue={}", rest["metadata"]["continue"].as_str().expect("a token"))).await.ok();
    assert_eq!((names(&last), &last["metadata"]["resourceVersion"]), (vec!["c"], &rest["metadata"]["resourceVersion"]));
}
