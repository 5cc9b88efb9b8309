"""Watches of objects that are made, changed and deleted before them: the events, what ends them, and how odd options are refused."""

import json
import random
import threading

from cases import REFERENCE, Request, quote
from lists import PARTIAL, TABLE, escape
from servers import Answer
import objects

QUERIES = ["", "resourceVersion=0", "resourceVersion=⟨one.rv⟩", "resourceVersion=⟨two.rv⟩", "resourceVersion=⟨one.rv⟩&labelSelector=a%3D1", "resourceVersion=x",
           "resourceVersion=⟨one.rv⟩&labelSelector=a%3D2", "resourceVersion=⟨one.rv⟩&fieldSelector=metadata.name%3Done", "fieldSelector=metadata.name%3Dtwo",
           "resourceVersion=1", "labelSelector=%21a&resourceVersion=⟨one.rv⟩", "fieldSelector=nonsense%3D1", "labelSelector=a%20in", "limit=1", "continue=x",
           "resourceVersion=⟨one.rv⟩&resourceVersionMatch=NotOlderThan", "resourceVersionMatch=Exact", "sendInitialEvents=true", "sendInitialEvents=false",
           "sendInitialEvents=true&resourceVersionMatch=Exact", "sendInitialEvents=x", "allowWatchBookmarks=x", "resourceVersion=-1", "pretty=true",
           "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=⟨one.rv⟩", "resourceVersion=⟨one.rv⟩&includeObject=None"]
ACCEPTS = [None, None, None, "application/json", TABLE, PARTIAL.replace("List", ""), PARTIAL, "application/yaml", "application/json;stream=watch", "text/html",
           "application/vnd.kubernetes.protobuf;stream=watch"]
# What kube-apiserver says over an etcd older than 3.4.31 or 3.5.13, which tells it no progress.
OLD_STORE = (b"Too large resource version", b"RequestWatchProgress is disabled")
KINDS = ("configmaps", "services", "endpointslices", "pods", "ingresses")


def history(kind, namespace):
    """Two objects made; the first changes out of a selector and back, the second goes."""
    collection = kind.collection(namespace)
    label = lambda name, value: Request("PATCH", f"{collection}/{name}", {"metadata": {"labels": {"a": value}}}, {"Content-Type": "application/merge-patch+json"})
    return [Request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}),
            Request("POST", collection, kind.make("one", labels={"a": "1"}), capture="one"), Request("POST", collection, kind.make("two", labels={"a": "2"}), capture="two"),
            label("one", "2"), label("one", "1"), Request("DELETE", f"{collection}/two?gracePeriodSeconds=0"), label("one", None)]


def watch(server, path, accept, known):
    """The whole answer to a watch, its events as one JSON list. Bookmarks that only tell the time are left out: when they come is nobody's promise."""
    filled = REFERENCE.sub(lambda found: known.get(found[1], ""), path)
    connection = server.connect(30)
    try:
        headers = {"Authorization": f"Bearer {server.token}", "User-Agent": "drive/1", **({"Accept": accept} if accept else {})}
        connection.request("GET", quote(filled), headers=headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status == 200 and "protobuf" not in (accept or "") and "yaml" not in (accept or ""):
        events = [json.loads(line) for line in body.splitlines() if line.strip()] if "pretty" not in path else body.decode().count('"type"')
        if isinstance(events, list):
            events = [event for event in events if event["type"] != "BOOKMARK" or event["object"]["metadata"].get("annotations")]
        body = json.dumps(events).encode()
    elif response.status == 200:
        body = b"[]"
    return Answer(response.status, response.getheaders(), body)


def run(pair, tally):
    dice = random.Random("watches")
    jobs = []
    for kind in objects.NATIVE:
        if kind.plural in KINDS:
            known = [{}, {}]
            for request in history(kind, f"watch-{kind.plural}"):
                for server, vars_ in zip(pair, known):
                    request.send(server, vars_)
            for query in QUERIES:
                # The deprecated prefix means the same.
                collection = kind.collection(f"watch-{kind.plural}")
                old = collection.replace("/api/v1/", "/api/v1/watch/").replace("/v1/namespaces", "/v1/watch/namespaces") if dice.random() < 0.2 else None
                path = f"{old.replace('watch/watch', 'watch')}?timeoutSeconds=1&{query}" if old else f"{collection}?watch=true&timeoutSeconds=1&{query}"
                jobs.append((kind, Request("GET", path), dice.choice(ACCEPTS), known))
    places = threading.Semaphore(16)
    answers = [None] * len(jobs)

    def one(at):
        with places:
            _, request, accept, known = jobs[at]
            answers[at] = [watch(server, request.path, accept, vars_) for server, vars_ in zip(pair, known)]

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (kind, request, accept, known), pair_ in zip(jobs, answers):
        request.headers = {"Accept": accept} if accept else {}
        if pair_ and not any(text in pair_[1].body for text in OLD_STORE):
            tally.add(f"watch {kind.plural}", request, pair_, known)
