//! Registration tokens (instances.md section 2).

use serde_json::json;

use super::harness::Server;

const PATH: &str = "/apis/registration_tokens";

#[tokio::test]
async fn a_token_is_made_listed_shown_and_deleted() {
    let server = Server::start().await;
    let made = server.send("POST", PATH, &json!({ "type": "registrationToken", "accountId": "1a5", "name": "n", "maxUses": 1 })).await;
    assert_eq!(made.code, 201, "{}", made.text);
    let token = made.json();
    let id = token["id"].as_str().expect("an id");
    assert_eq!(made.headers["location"], format!("{PATH}/{id}"));
    for field in ["token", "registrationUrl", "command", "image", "created", "createdTS", "expiresAt", "uses", "maxUses", "links"] {
        assert!(!token[field].is_null(), "{field}: {token}");
    }
    assert!(token["command"].as_str().is_some_and(|c| c.contains(token["token"].as_str().expect("a token"))), "{token}");
    let secret = server.get(&format!("/api/v1/namespaces/kube-system/secrets/bootstrap-token-{id}")).await.ok();
    assert_eq!(secret["type"], "bootstrap.kubernetes.io/token");
    let list = server.get(PATH).await.ok();
    assert_eq!((&list["type"], list["data"].as_array().map(Vec::len)), (&json!("collection"), Some(1)));
    assert_eq!(server.get(&format!("{PATH}/{id}")).await.ok(), token);
    assert_eq!(server.send("DELETE", &format!("{PATH}/{id}"), &json!({})).await.code, 204);
    assert_eq!(server.get(&format!("{PATH}/{id}")).await.code, 404);
}

#[tokio::test]
async fn bodies_may_be_empty_or_forms_and_projects_are_namespaces() {
    let server = Server::start().await;
    assert_eq!(server.raw("POST", PATH, "", &[]).await.code, 201);
    let form = server
        .raw("POST", "/v1/projects/default/registrationTokens", "name=x&ttlSeconds=0", &[("content-type", "application/x-www-form-urlencoded")])
        .await;
    assert_eq!((form.code, &form.json()["expiresAt"]), (201, &json!(null)), "{}", form.text);
    let list = server.get("/v2-beta/projects/default/registrationtokens").await.ok();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.raw("POST", PATH, "[", &[]).await.code, 400);
    assert_eq!(server.send("POST", PATH, &json!({ "ttlSeconds": -1 })).await.code, 400);
    assert_eq!(server.send("POST", PATH, &json!({ "namespace": "nope" })).await.code, 404);
}

#[tokio::test]
async fn strangers_get_a_refusal_that_rancher_clients_read() {
    let server = Server::start().await;
    let request = http::Request::post(PATH)
        .header("authorization", "Bearer wrong.token")
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .expect("a request");
    let response = server.0.answer(request).await;
    assert_eq!((response.status().as_u16(), &response.headers()["www-authenticate"]), (401, &"Bearer".parse().expect("a value")));
    let bytes = http_body_util::BodyExt::collect(response.into_body()).await.expect("a body").to_bytes();
    let error: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(
        error,
        json!({ "type": "error", "status": 401, "code": "Unauthorized", "message": "Unauthorized", "kind": "Status", "apiVersion": "v1" })
    );
}
