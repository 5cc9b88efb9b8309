"""Objects of every kind with one or two fields changed to something valid or not, created and put in the place of valid ones."""

import copy
import re

from cases import Case, Request

TEXTS = ["", "a", "A_b", "a.b", "-a", "x" * 64, "x" * 254, "1.2.3.4", "::1", "2001:db8::1", "127.0.0.1", "0.0.0.0", "256.1.1.1", "1.2.3.04",
         "10.0.0.0/8", "10.0.0.1/8", "a/b", "example.test/x", "/a", "a//b", "../a", " ", "é", "a b", "-1", "80", "http", "10Mi", "*", "*.a.test",
         "A.test", "a.test.", "true", "None", "2026-01-01T00:00:00Z", "2026-01-01", "YQ==", "%%%", "\u0000", "<&>", "$(A)", "a=b", "5s", "5", "1h5m",
         "TCP", "tcp", "UDP", "SCTP", "Always", "Local", "Cluster", "ClientIP", "IPv4", "IPv6", "Exact", "Prefix", "NodePort", "LoadBalancer",
         "ExternalName", "SingleStack", "PreferDualStack", "RequireDualStack", "Exists", "Equal", "NoSchedule", "NoExecute"]
WHOLE = [-1, 0, 1, 2, 53, 80, 443, 1000, 10800, 86400, 86401, 30000, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**63 - 1, 2**63]
AMOUNTS = ["1", "1Gi", "-1", "1.5e3", "x", 5, 0.1, "100m", "1000m", "0", "", "1Ki", "0.5"]
WRONG = [None, "text", 5, 5.5, True, [], {}, [1], {"a": 1}, ["a"], [None], [{}]]


class Schemas:
    """The OpenAPI documents of the server whose word counts."""

    def __init__(self, server):
        self.server, self.documents = server, {}

    def of(self, kind):
        path = kind.schema_document()
        if path not in self.documents:
            self.documents[path] = (self.server.ask("GET", path).json() or {}).get("components", {}).get("schemas", {})
        group, _, version = kind.api_version.rpartition("/")
        wanted = {"group": group, "version": version, "kind": kind.kind}
        for schema in self.documents[path].values():
            if wanted in schema.get("x-kubernetes-group-version-kind", []):
                return schema, self.documents[path]
        return None, {}


def resolve(schema, all_):
    while "allOf" in schema and "properties" not in schema:
        schema = {**schema, **schema["allOf"][0]}
        schema.pop("allOf", None) if "$ref" not in schema else schema.pop("allOf")
    while "$ref" in schema:
        schema = all_.get(schema["$ref"].rsplit("/", 1)[1], {})
    return schema


def descend(random, schema, all_, value, depth=0):
    """Walks down at random, making what is missing, to the place of a field; (container, key, schema of the field)."""
    schema = resolve(schema, all_)
    while True:
        properties = schema.get("properties")
        if properties and isinstance(value, dict):
            names = [name for name in properties if name not in ("apiVersion", "kind") or random.random() < 0.1]
            # What is there already leads to deeper places that are valid around the change.
            there = [name for name in names if name in value]
            name = random.choice(there if there and random.random() < 0.6 else names)
            below = resolve(properties[name], all_)
            into = below.get("properties") or (below.get("type") == "array" and resolve(below["items"], all_).get("properties"))
            if not into or depth > 8 or random.random() < 0.1:
                return value, name, properties[name]
            depth += 1
            if below.get("properties"):
                if not isinstance(value.get(name), dict):
                    value[name] = {}
                value, schema = value[name], below
            else:
                if not isinstance(value.get(name), list) or not value[name]:
                    value[name] = [{}]
                value, schema = value[name][-1], resolve(below["items"], all_)
        else:
            return None


def fill(random, schema, all_, depth=0):
    """A value for a field, often one of its type."""
    described = schema.get("description", "")
    schema = resolve(schema, all_)
    if random.random() < 0.06:
        return copy.deepcopy(random.choice(WRONG))
    words = re.findall(r'["`]([A-Za-z0-9./-]{1,40})["`]', described + schema.get("description", "")) + schema.get("enum", [])
    kind, form = schema.get("type"), schema.get("format")
    if form == "int-or-string" or schema.get("x-kubernetes-int-or-string") or "oneOf" in schema:
        amounts = "uantity" in str(schema.get("description"))
        return random.choice(AMOUNTS if amounts else [80, "http", "", 0, 70000, "80%", "-1", "x" * 16])
    if kind == "integer":
        return random.choice(WHOLE)
    if kind == "number":
        return random.choice([0, 1.5, -1])
    if kind == "boolean":
        return random.random() < 0.5
    if kind == "array":
        items = [fill(random, schema.get("items", {}), all_, depth + 1) for _ in range(random.choice([0, 1, 1, 2, 3]))]
        return items + items[:1] if items and random.random() < 0.2 else items
    if kind == "object" and "properties" in schema:
        names = random.sample(list(schema["properties"]), min(len(schema["properties"]), random.choice([0, 1, 2, 3])))
        return {} if depth > 4 else {name: fill(random, schema["properties"][name], all_, depth + 1) for name in sorted({*names, *schema.get("required", [])})}
    if kind == "object":
        below = schema.get("additionalProperties", {})
        keys = random.sample(["a", "example.test/x", "", "-", "x" * 64, "A_b", "a/b/c", "é"], random.choice([0, 1, 1, 2]))
        return {key: fill(random, below if isinstance(below, dict) and below else {"type": "string"}, all_, depth + 1) for key in keys}
    return random.choice(words if words and random.random() < 0.5 else TEXTS)


def change(random, schema, all_, made):
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        place = descend(random, schema, all_, made)
        if place is None:
            return
        container, key, below = place
        if random.random() < 0.1 and key in container:
            del container[key]
        else:
            container[key] = fill(random, below, all_)


def cases(random, count, kinds, schemas, heavy=()):
    # Half of all cases go to the kinds that have most fields.
    weighted = kinds + [kind for kind in kinds if kind.plural in heavy] * 4
    for number in range(count):
        kind = random.choice(weighted)
        schema, all_ = schemas.of(kind)
        if schema is None:
            continue
        name = f"c{number}"
        made = kind.make(name)
        if random.random() < 0.5:
            change(random, schema, all_, made)
            made["metadata"] = made.get("metadata") if isinstance(made.get("metadata"), dict) else {"name": name}
            area, requests = "create", [Request("POST", kind.collection(), made)]
        else:
            changed = copy.deepcopy(made)
            change(random, schema, all_, changed)
            sub = f"/{random.choice(kind.subresources)}" if kind.subresources and random.random() < 0.3 else ""
            area, requests = f"update{sub.replace('/', ' ')}", [Request("POST", kind.collection(), made), Request("PUT", f"{kind.collection()}/{name}{sub}", changed)]
        strict = random.choice(["", "", "", "?fieldValidation=Strict", "?fieldValidation=Ignore"])
        requests[-1].path += strict
        yield Case(f"{area} {kind.plural}", requests, clear=f"{kind.collection()}/{name}")
