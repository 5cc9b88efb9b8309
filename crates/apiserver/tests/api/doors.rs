//! What others answer through the server, and what it refuses before anybody answers.

use apiserver::{Address, Answer, ApiServer, Body, Connect, ConnectRequest, Extra, Identity, Incoming, text};
use http::{Request, Response};

use super::harness::{MAPS, Server};

struct Proxy;

impl Connect for Proxy {
    fn serves(&self, address: &Address) -> bool {
        (address.resource.as_str(), address.subresource.as_str()) == ("nodes", "proxy")
    }

    fn answer(&self, request: ConnectRequest) -> Answer<'_, apiserver::status::Result<Response<Body>>> {
        Box::pin(async move { Ok(text(200, format!("{} {} for {}", request.address.name, request.address.rest, request.identity.user))) })
    }
}

struct Odd;

impl Extra for Odd {
    fn serves(&self, path: &str) -> bool {
        path.starts_with("/apis/odd_path")
    }

    fn answer(&self, _: Request<Incoming>, identity: Option<Identity>) -> Answer<'_, Response<Body>> {
        Box::pin(async move { text(200, identity.map_or_else(|| "wrong credentials".to_owned(), |i| i.user)) })
    }
}

#[tokio::test]
async fn proxied_subresources_and_odd_paths_are_answered_by_those_who_know() {
    let api = ApiServer::builder(store::Store::memory()).connect(Proxy).extra(Odd).build().expect("an open store");
    let server = Server(api);
    assert_eq!(server.get("/api/v1/nodes/n/proxy/fairlead/show/names").await.text, "n fairlead/show/names for admin");
    assert_eq!(server.get("/apis/odd_path").await.text, "admin");
    let stranger = Request::get("/api/v1/nodes/n/proxy/x").body(http_body_util::Empty::<bytes::Bytes>::new()).expect("a request");
    assert_eq!(server.0.answer(stranger).await.status(), 403, "authorized before it is passed on");
}

#[tokio::test]
async fn more_requests_than_the_server_takes_are_told_to_come_back() {
    let server = Server(ApiServer::builder(store::Store::memory()).in_flight(0, 0).build().expect("an open store"));
    let refusal = server.get(MAPS).await;
    assert_eq!((refusal.code, &refusal.headers["retry-after"]), (429, &"1".parse().expect("a value")));
    assert_eq!(server.get("/readyz").await.code, 200, "health is exempt");
    server.watch(&format!("{MAPS}?watch=1&timeoutSeconds=1")).await;
}

#[tokio::test]
async fn replies_say_who_asked_what_and_are_not_to_be_cached() {
    let server = Server::start().await;
    let reply = server.raw("GET", MAPS, "", &[("audit-id", "mine")]).await;
    assert_eq!(
        (&reply.headers["audit-id"], &reply.headers["cache-control"]),
        (&"mine".parse().expect("a value"), &"no-cache, private".parse().expect("a value"))
    );
    assert_eq!(server.get(MAPS).await.headers["audit-id"].len(), 36);
    assert!(server.raw("GET", MAPS, "", &[("user-agent", "curl/8")]).await.text.contains("\n  \"kind\""), "people read it");
}

#[tokio::test]
async fn p5_openapi_v2_comes_as_json_and_as_the_protobuf_of_client_go() {
    let server = Server::start().await;
    let json = server.get("/openapi/v2").await;
    let document = json.ok();
    assert_eq!((&document["swagger"], json.headers.contains_key("etag")), (&"2.0".into(), true));
    let definitions = document["definitions"].as_object().expect("definitions");
    assert!(definitions.contains_key("io.k8s.api.core.v1.Service") && !definitions.contains_key("io.k8s.api.rbac.v1.Role"), "what is served");
    let accept = ("accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
    let protobuf = server.raw("GET", "/openapi/v2", "", &[accept]).await;
    assert_eq!(protobuf.headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    assert!(protobuf.bytes.starts_with(b"\x0a\x032.0"), "field 1 of the document: its version");
    let etag = protobuf.headers["etag"].to_str().expect("text").to_owned();
    assert_eq!(server.raw("GET", "/openapi/v2", "", &[accept, ("if-none-match", &etag)]).await.code, 304);
    assert_eq!(server.raw("GET", "/openapi/v2", "", &[("accept", "text/html")]).await.code, 406);
}
