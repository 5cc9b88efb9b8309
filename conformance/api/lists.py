"""Lists, reads, collections' deletions and their queries, sensible and not, of a few objects that are there."""

from cases import Case, Request

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
ACCEPTS = ["application/json", "*/*", "application/*", "text/html", "text/html, */*;q=0.1", "application/yaml", "", "application/cbor",
           "application/json;charset=utf-8", "application/json;pretty=1", "application/vnd.kubernetes.protobuf",
           "application/vnd.kubernetes.protobuf, application/json", "application/json;q=0.5, application/yaml;q=0.9", "application/json;stream=watch",
           TABLE, f"{TABLE}, application/json", TABLE.replace("v=v1", "v=v1beta1"), TABLE.replace("v=v1", "v=v2"), TABLE.replace("Table", "Chair"),
           TABLE.replace("json", "yaml"), PARTIAL, PARTIAL.replace("v=v1", "v=v1beta1"), PARTIAL.replace("List", ""), PARTIAL.replace(";g=meta.k8s.io", ""),
           "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io", "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io"]
LABELS = ["a=1", "a==1", "a!=1", "a in (1,2)", "a in (1, 2),b", "a notin (1)", "a", "!a", "a,b", "a=1,b=2", "", ",", "a=", "=1", "a in", "a in (", "a in ()",
          "a>1", "a>x", "a<2", "a gt 1", "x" * 64, "a=" + "x" * 64, "a/b/c", "example.test/x=1", "a = 1", "a=1;b=2", "!", "!a=1", "a=(1)", "in in (in)", "é=1",
          "a notin ()", "a=1,", "a!", "a!b", "A=1", "a==", "a===1", "a in (1,)"]
FIELDS = ["metadata.name=one", "metadata.name!=one", "metadata.name==one", "metadata.namespace=default", "metadata.name=", "metadata.name", "x=y",
          "spec.type=ClusterIP", "type=Opaque", "status.phase=Pending", "spec.nodeName=", "spec.unschedulable=false", "involvedObject.kind=Pod", "reason=Tried",
          "regarding.kind=Pod", "metadata.name=one,metadata.namespace=default", ",", "metadata.name=a\\,b", "metadata.name=a\\", "=", "!=a", "metadata.name>one",
          "metadata.labels=a", "spec.clusterIP=None", "spec.hostNetwork=false", "status.podIP=1.2.3.4", "source=drive", "status.successful=x"]
VERSIONS = ["", "0", "1", "-1", "x", "⟨two.rv⟩", "⟨one.rv⟩", "999999999999", "18446744073709551616", "0x1", "01", "1.5", "+1", " 1"]
MATCHES = ["Exact", "NotOlderThan", "", "exact", "X"]
LIMITS = ["0", "1", "2", "-1", "x", "", "100", "9223372036854775808", "1.0", " 1"]
TOKENS = ["⟨page.continue⟩", "x", "", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi94In0", "%%", "eyJ2IjoieCJ9",
          "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MX0", "⟨page.continue⟩="]
OTHERS = ["pretty=true", "pretty=false", "pretty=1", "pretty", "timeout=1s", "timeout=x", "timeout=-1s", "timeout=0", "timeout=1", "timeoutSeconds=1",
          "timeoutSeconds=x", "allowWatchBookmarks=true", "allowWatchBookmarks=x", "sendInitialEvents=true", "sendInitialEvents=x", "watch=false", "watch=0",
          "nonsense=1", "includeObject=None", "includeObject=Object", "includeObject=X", "export=true", "shardSelector=x", "%zz=1", "a=1&a=2", "&&", "=x"]
AGENTS = ["curl/8", "Mozilla/5.0 (X11)", "Wget/1", "kubectl/v1.36", ""]


def set_up(kind):
    """Two objects with labels, and a page's token."""
    labels = ({"a": "1"}, {"a": "2", "b": "x"})
    made = [Request("POST", kind.collection(), kind.make(name, labels=of), capture=name, compared=False) for name, of in zip(("one", "two"), labels)]
    return made + [Request("GET", f"{kind.collection()}?limit=1", capture="page", compared=False)]


def query(dice):
    parts = []
    for key, values, share in (("labelSelector", LABELS, 0.25), ("fieldSelector", FIELDS, 0.25), ("resourceVersion", VERSIONS, 0.3),
                               ("resourceVersionMatch", MATCHES, 0.2), ("limit", LIMITS, 0.25), ("continue", TOKENS, 0.15)):
        if dice.random() < share:
            parts.append(f"{key}={escape(dice.choice(values))}")
    if dice.random() < 0.25:
        parts.append(dice.choice(OTHERS))
    dice.shuffle(parts)
    return "?" + "&".join(parts) if parts else ""


def escape(text):
    return text.replace("%", "%25").replace("&", "%26").replace("+", "%2B").replace(" ", "%20").replace(";", "%3B").replace("#", "%23")


def headers(dice):
    sent = {}
    if dice.random() < 0.4:
        sent["Accept"] = dice.choice(ACCEPTS)
    if dice.random() < 0.1:
        sent["User-Agent"] = dice.choice(AGENTS)
    return sent


def cases(dice, count, kinds):
    """Groups of requests on the same two objects. What others leave in the same collections would answer too, so it lies in a namespace of its own."""
    group = 25
    yield Case("namespaces", [Request("POST", "/api/v1/namespaces", {"metadata": {"name": "lists"}}, compared=False)])
    for _ in range(max(1, count // group)):
        kind = dice.choice([kind for kind in kinds if kind.namespaced])
        collection = kind.collection("lists")
        requests = set_up(kind)
        for request in requests:
            request.path = request.path.replace("/namespaces/default/", "/namespaces/lists/")
            if request.body:
                request.body = request.body.replace(b'"namespace": "default"', b'"namespace": "lists"')
        for _ in range(group):
            roll = dice.random()
            if roll < 0.6:
                requests.append(Request("GET", collection + query(dice), headers=headers(dice)))
            elif roll < 0.7:
                requests.append(Request("GET", f"{collection}/{dice.choice(['one', 'two', 'none', 'One', '%2e', 'a%2fb', 'x%25'])}{query(dice)}", headers=headers(dice)))
            elif roll < 0.8:
                requests.append(Request("GET", dice.choice(ODD_PATHS).replace("KIND", kind.plural).replace("BASE", kind.path.rsplit("/", 1)[0]), headers=headers(dice)))
            elif roll < 0.9:
                method = dice.choice(["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"])
                place = dice.choice([collection + "/none", collection + "/one/nonsense", collection + "/one/status", kind.path, collection.replace("lists", "none")])
                if method in ("HEAD", "TRACE"):
                    continue
                requests.append(Request(method, place, {"metadata": {"name": "none"}} if method in ("POST", "PUT") else None, headers(dice)))
            else:
                requests.append(Request("DELETE", f"{collection}{query(dice) or '?'}&dryRun=All", headers=headers(dice)))
        requests.append(Request("DELETE", f"{collection}?gracePeriodSeconds=0", compared=False))
        yield Case(f"list {kind.plural}", requests)


ODD_PATHS = ["/", "/api", "/api/", "/apis", "/api/v1", "/api/v1/", "/api/v2", "/api/v1/nonsense", "/apis/nonsense", "/apis/nonsense/v1", "/apis/apps",
             "/apis/networking.k8s.io", "/apis/networking.k8s.io/", "/apis/networking.k8s.io/v2", "/apis/networking.k8s.io/v1/nonsense", "/nonsense",
             "/healthz", "/livez", "/readyz", "/livez/ping", "/readyz/nonsense", "/healthz?verbose", "/version", "/version/", "/openapi", "/openapi/v3/nonsense",
             "BASE/namespaces/lists/KIND/one/", "BASE/namespaces/lists/KIND/one/status", "BASE/namespaces/lists/KIND/one/x/y", "BASE/namespaces//KIND",
             "BASE/namespaces/none/KIND", "BASE/KIND/one", "BASE/watch/KIND/one/x", "BASE/proxy/KIND", "//api/v1/KIND", "/api//v1/KIND", "/API/v1/KIND",
             "BASE/namespaces/lists/", "BASE/namespaces/lists", "/api/v1/namespaces/lists/status", "/api/v1/namespaces/lists/finalize", "/metrics/slis",
             "/api/v1/namespaces/lists/pods/none/log", "/logs", "/.well-known/openid-configuration", "/openid/v1/jwks", "/ui", "/favicon.ico"]
