"""Bodies that cannot be read or are not what their headers say, options of writes and deletions, and what a body may say of its own metadata."""

import json

from cases import Case, Request
from lists import headers, query

CONTENT_TYPES = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "", "application/json; charset=utf-8",
                 "application/json;charset=x", "application/cbor", "application/x-www-form-urlencoded", "application/merge-patch+json", "nonsense", "json",
                 "application/JSON", "application/json;", "*/*"]
WHOLE = [b"", b"{", b"[]", b"null", b"5", b'"x"', b"{}", b"{} {}", b"\xff\xfe", b"a: b", b"a: b\n---\nc: d", b"- a", b"a: [", b"k8s\x00", b"k8s\x00\x0a\xff",
         b'{"kind": 5}', b'{"apiVersion": {}}', b'{"metadata": 5}', b'{"metadata": null}', b'{"metadata": {"name": 5}}', b'{"metadata": {"labels": {"a": 5}}}',
         b'{"kind": "Nonsense"}', b'{"apiVersion": "v2"}', b'{"apiVersion": "a/b/c"}', b'{"kind": "Pod", "apiVersion": "v1"}', b'{"kind": "List", "apiVersion": "v1"}',
         b'{"a": 1, "a": 2}', b'{"metadata": {"name": "x"}, "metadata": {"name": "y"}}', b"{'a': 1}", b'{"a": tru}', b'{"a": "\\x"}', b'{"a": 1e999}', b'{"a": 01}',
         b"[" * 20000, b'{"a":' * 11000, b"a: &a [*a]", b"%YAML 1.1\n---\na: 1", b"\t", b" {}", b"{}x", b'{"a":NaN}', b'{"metadata":{"name":"\xff"}}']
METADATA = [{"name": ""}, {"name": "A"}, {"name": "x" * 254}, {"name": "a/b"}, {"name": "."}, {"name": ".."}, {"name": "a%b"}, {"generateName": "gen-"},
            {"generateName": "A"}, {"generateName": "x" * 254}, {"namespace": "other"}, {"namespace": ""}, {"uid": "x"}, {"resourceVersion": "1"},
            {"resourceVersion": "x"}, {"generation": 5}, {"creationTimestamp": "2020-01-01T00:00:00Z"}, {"creationTimestamp": None}, {"creationTimestamp": "x"},
            {"deletionTimestamp": "2020-01-01T00:00:00Z"}, {"deletionGracePeriodSeconds": 5}, {"selfLink": "/x"}, {"labels": {"a b": "c"}},
            {"labels": {"a": "b c"}}, {"labels": {"": "x"}}, {"labels": None}, {"annotations": {"A": "x"}}, {"annotations": {"a/b/c": "x"}},
            {"annotations": {"a": "x" * 262145}}, {"finalizers": ["x"]}, {"finalizers": ["a.test/x"]}, {"finalizers": ["orphan"]}, {"finalizers": ["", "a/b/c"]},
            {"finalizers": ["foregroundDeletion", "orphan"]}, {"ownerReferences": [{}]}, {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]},
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}] * 2},
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "p", "uid": "u"}]},
            {"ownerReferences": [{"apiVersion": "a/b/c", "kind": "Pod", "name": "p", "uid": "u"}]}, {"managedFields": []}, {"managedFields": [{}]},
            {"managedFields": [{"manager": "x", "operation": "Update", "apiVersion": "v1", "time": "2020-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}}]},
            {"managedFields": [{"operation": "X"}]}, {"managedFields": [{"operation": "Update", "fieldsType": "X"}]}, {"nonsense": 1}, {"labels": {"a": None}}]
WRITES = ["", "", "", "?dryRun=All", "?dryRun=x", "?dryRun=", "?fieldManager=a", "?fieldManager=" + "x" * 129, "?fieldManager=%00", "?fieldValidation=Strict",
          "?fieldValidation=x", "?pretty=true", "?timeout=x", "?fieldManager=a&dryRun=All&dryRun=All"]
DELETIONS = [None, {}, {"kind": "DeleteOptions", "apiVersion": "v1"}, {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}, {"gracePeriodSeconds": -1},
             {"gracePeriodSeconds": "x"}, {"propagationPolicy": "Foreground"}, {"propagationPolicy": "Orphan"}, {"propagationPolicy": "Background"},
             {"propagationPolicy": "X"}, {"propagationPolicy": ""}, {"orphanDependents": True}, {"orphanDependents": False},
             {"orphanDependents": True, "propagationPolicy": "Orphan"}, {"preconditions": {"uid": "x"}}, {"preconditions": {"uid": "⟨made.uid⟩"}},
             {"preconditions": {"resourceVersion": "1"}}, {"preconditions": {"resourceVersion": "⟨made.rv⟩"}}, {"preconditions": {}}, {"dryRun": ["All"]},
             {"dryRun": ["x"]}, {"dryRun": []}, {"nonsense": 1}, {"kind": "Pod", "apiVersion": "v1"}, {"kind": "DeleteOptions", "apiVersion": "v2"},
             {"kind": "DeleteOptions", "apiVersion": "networking.k8s.io/v1"}, [], {"ignoreStoreReadErrorWithClusterBreakingPotential": True}]
DELETION_QUERIES = ["", "", "", "?gracePeriodSeconds=0", "?gracePeriodSeconds=x", "?gracePeriodSeconds=-1", "?propagationPolicy=Foreground", "?propagationPolicy=X",
                    "?orphanDependents=true", "?orphanDependents=x", "?orphanDependents=true&propagationPolicy=Orphan", "?dryRun=All", "?dryRun=x", "?nonsense=1", "?pretty=1"]


def cut(dice, body):
    """Bytes of a valid body taken out, added or changed."""
    body = bytearray(body)
    for _ in range(dice.choice([1, 1, 2])):
        at = dice.randrange(len(body))
        dice.choice([lambda: body.__delitem__(at), lambda: body.insert(at, dice.choice(b'{}[]",:x0\n')), lambda: body.__setitem__(at, dice.choice(b'{}[]",:x0 '))])()
        if len(body) < 2:
            break
    return bytes(body[: dice.randrange(1, len(body))] if dice.random() < 0.3 else body)


def write(dice, kind, name):
    made = kind.make(name)
    roll = dice.random()
    area, body = "body", None
    if roll < 0.3:
        body = dice.choice(WHOLE)
    elif roll < 0.45:
        body = cut(dice, json.dumps(made).encode())
    elif roll < 0.8:
        area = "metadata"
        made["metadata"].update(dice.choice(METADATA))
        if "generateName" in made["metadata"] and dice.random() < 0.8:
            del made["metadata"]["name"]
    sent = headers(dice) if dice.random() < 0.2 else {}
    if dice.random() < 0.25:
        area, sent["Content-Type"] = "content type", dice.choice(CONTENT_TYPES)
    put = dice.random() < 0.4
    place = f"{kind.collection()}/{name}" if put else kind.collection()
    if body is not None and "Content-Type" not in sent:
        sent["Content-Type"] = dice.choice(["application/json", "application/json", "application/yaml"])
    if dice.random() < 0.1:
        sent["Content-Encoding"] = dice.choice(["gzip", "identity", "x"])
        area = "content encoding"
    return area, Request("PUT" if put else "POST", place + dice.choice(WRITES), made if body is None else body, sent)


def cases(dice, count, kinds):
    for number in range(count):
        kind, name = dice.choice(kinds), f"b{number}"
        path = f"{kind.collection()}/{name}"
        roll = dice.random()
        if roll < 0.6:
            area, request = write(dice, kind, name)
            before = [Request("POST", kind.collection(), kind.make(name), compared=False)] if request.method == "PUT" and dice.random() < 0.8 else []
            yield Case(f"{area} {request.method} {kind.plural}", [*before, request], clear=path)
        elif roll < 0.9:
            finalizers = {"finalizers": ["a.test/x"]} if dice.random() < 0.4 else {}
            requests = [Request("POST", kind.collection(), kind.make(name, **finalizers), capture="made", compared=False)]
            for _ in range(dice.choice([1, 1, 2])):
                requests.append(Request("DELETE", path + dice.choice(DELETION_QUERIES), dice.choice(DELETIONS)))
            requests.append(Request("GET", path))
            if finalizers:
                requests.append(Request("PATCH", path, {"metadata": {"finalizers": None}}, {"Content-Type": "application/merge-patch+json"}))
            yield Case(f"delete {kind.plural}", requests, clear=path)
        else:
            request = Request(dice.choice(["POST", "PUT", "DELETE"]), f"{path if dice.random() < 0.5 else kind.collection()}{query(dice)}", kind.make(name), headers(dice))
            yield Case(f"odd query {request.method} {kind.plural}", [request], clear=path)
