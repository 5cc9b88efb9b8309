"""What two answers to the same request differ in, as classes: texts that are the same for all differences of one cause."""

import json
import os
import re

# What no two servers, or no two runs of one, can have in common.
INCOMPARABLE_HEADERS = {"date", "content-length", "transfer-encoding", "audit-id", "etag", "connection"}
TIMES = {"creationTimestamp", "deletionTimestamp", "time"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
CLUSTER_IP = re.compile(r"\b10\.96\.\d+\.\d+\b")
AGE = re.compile(r"^(\d+[smhdy])+$")


class Normal:
    """Answers with what differs from server to server replaced by its name. `known` are values that a server gave before."""

    def __init__(self, sent, known):
        self.sent = sent
        self.known = sorted(((value, name) for name, value in known.items() if value), key=lambda pair: -len(pair[0]))
        self.generated = re.compile(r"\b(gen-)[b-df-hj-np-tv-z2456789]{5}\b")

    def text(self, text):
        for value, name in self.known:
            if len(value) > 8 or (name.endswith(".rv") and len(value) > 1):
                text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])", f"<{name.split('.')[-1]}>", text)
        # The object that a patch made is shown as the patch left it, in an order of fields that depends on which of them it touched.
        text = re.sub(r'(patch: |^)Invalid value: "(\{|map\[)(?:[^"\\]|\\.)*"', r"\1Invalid value: <object>", text)
        text = UUID.sub("<uuid>", text)
        text = TIME.sub(lambda found: found[0] if found[0] in self.sent else "<time>", text)
        text = CLUSTER_IP.sub(lambda found: found[0] if found[0] in self.sent else "<cluster ip>", text)
        return self.generated.sub(r"\1<random>", text)

    def value(self, value, key=""):
        if isinstance(value, dict):
            return {self.text(k): self.value(v, k) for k, v in value.items()}
        if isinstance(value, list) and key == "managedFields" and all(isinstance(entry, dict) for entry in value):
            # They are in the order of their times, and the second may change between one server's turn and the other's.
            owner = lambda entry: [str(entry.get(field)) for field in ("operation", "manager", "subresource", "apiVersion")]
            return [self.value(entry) for entry in sorted(value, key=owner)]
        if isinstance(value, list):
            return [self.value(item, key) for item in value]
        if isinstance(value, str):
            if key == "resourceVersion":
                return "<rv>" if value.isdigit() else value
            if key == "continue" and value:
                return "<token>"
            if key in TIMES:
                return "<time>"
            if key == "cells" and AGE.match(value):
                return "<age>"
            return self.text(value)
        if key in ("nodePort", "healthCheckNodePort") and isinstance(value, int) and str(value) not in self.sent:
            return "<port>"
        return value


def template(text, length=140):
    """A message without what it quotes, counts and names."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '"…"', text)
    text = re.sub(r"\b[bcp]\d+\b", "NAME", text)
    return re.sub(r"\d+", "N", text)[:length]


def contrast(ours, theirs):
    """Two messages from where they begin to differ."""
    one, other = template(ours, 2000), template(theirs, 2000)
    same = len(os.path.commonprefix([one, other]))
    start = max(one.rfind(" ", 0, same), one.rfind(": ", 0, same), 0)
    begin = "" if start < 40 else one[:30] + "… "
    return f"{begin}{one[start if begin else 0:][:80]!r} for {other[start if begin else 0:][:80]!r}"


def differences(area, ours, theirs, sent, known):
    """The classes of all differences between two answers."""
    found = [re.sub(r"\s+", " ", what) for what in _answers(ours, theirs, [Normal(sent, vars_) for vars_ in known])]
    # Headers are the same business whatever is asked for, and words about a whole request whatever the kind.
    verb = area.rsplit(" ", 1)[0]
    whole = ("status ", "message ", "text ")
    return [what if what.startswith("header ") else f"{verb if what.startswith(whole) else area}: {what}" for what in found]


def _answers(ours, theirs, normals):
    bodies = [normal.value(answer.json()) if answer.json() is not None else None for normal, answer in zip(normals, (ours, theirs))]
    if ours.status != theirs.status:
        refused = bodies[0] if ours.status >= 400 else bodies[1]
        yield f"status {ours.status} for {theirs.status}: {template(_why(refused))}"
        return
    yield from _headers(ours, theirs)
    if None in bodies and ours.header("content-type") == theirs.header("content-type") and re.search("yaml|protobuf", ours.header("content-type")):
        # Both say the same in JSON, from which these are made; that the forms can be read is the business of other tests.
        return
    if None in bodies:
        texts = [normal.text(answer.body.decode("utf-8", "replace")) for normal, answer in zip(normals, (ours, theirs))]
        if texts[0] != texts[1]:
            yield f"text {contrast(*texts)}"
    elif isinstance(bodies[0], dict) and bodies[0].get("kind") == bodies[1].get("kind") == "Status" and ours.status >= 400:
        yield from _refusals(*bodies)
    else:
        yield from values(*bodies, "")


def _why(status):
    if not isinstance(status, dict):
        return repr(status)[:100]
    causes = status.get("details", {}).get("causes") or []
    if causes and status.get("reason") == "Invalid":
        return f"{_place(causes[0].get('field', ''))}: {causes[0].get('message', '')}"
    # Where kube-apiserver lists several, their order is another each time.
    return status.get("message", "").split("errors:")[0].strip()


def _place(path):
    return re.sub(r"\[[^\]]*\]", "[]", path)


def _refusals(ours, theirs):
    causes = [[f"{_place(c.get('field', ''))}: {c.get('reason', '')}: {c.get('message', '')}" for c in body.get("details", {}).get("causes") or []]
              for body in (ours, theirs)]
    both = set(causes[0]) & set(causes[1])
    more, fewer = ([cause for cause in side if cause not in both] for side in causes)
    if more or fewer:
        for ours_one, theirs_one in _pairs(more, fewer):
            if ours_one and theirs_one:
                yield f"cause {contrast(ours_one, theirs_one)}"
            else:
                yield f"cause {template(ours_one or theirs_one)} {'only ours' if ours_one else 'missing'}"
        return
    if causes[0] != causes[1]:
        # Where kube-apiserver walks a map, the order of what it finds there is another each time.
        if sorted(causes[0]) != sorted(causes[1]):
            yield "number of causes"
        return
    if ours.get("message") != theirs.get("message"):
        yield f"message {contrast(ours.get('message', ''), theirs.get('message', ''))}"
        return
    for body in (ours, theirs):
        body.pop("message", None)
    yield from values(ours, theirs, "")


def _pairs(more, fewer):
    """Causes at the same place belong together."""
    fewer = list(fewer)
    for cause in more:
        same = next((other for other in fewer if other.split(":")[0] == cause.split(":")[0]), None)
        if same:
            fewer.remove(same)
        yield cause, same
    for cause in fewer:
        yield None, cause


def _headers(ours, theirs):
    sides = [{key.lower() for key, _ in answer.headers} - INCOMPARABLE_HEADERS for answer in (ours, theirs)]
    for name in sorted(sides[0] | sides[1]):
        values_ = [answer.header(name) for answer in (ours, theirs)]
        if name not in sides[0] or name not in sides[1]:
            yield f"header {name} {'only ours' if name in sides[0] else 'missing'}"
        elif values_[0] != values_[1]:
            yield f"header {name}: {template(values_[0])} for {template(values_[1])}"


def values(ours, theirs, path):
    """Where two JSON values differ; the first of many items of a list speaks for all."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        shared = [key for key in ours if key in theirs]
        for key in ours:
            if key not in theirs:
                yield f"{path}.{_key(key)} only ours"
        for key in theirs:
            if key not in ours:
                yield f"{path}.{_key(key)} missing"
        if shared != [key for key in theirs if key in ours]:
            yield f"{path or '.'} order of fields"
        for key in shared:
            yield from values(ours[key], theirs[key], f"{path}.{_key(key)}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{path}[] has another number of items"
            return
        seen = set()
        for one, other in zip(ours, theirs):
            for what in values(one, other, f"{path}[]"):
                if what not in seen:
                    seen.add(what)
                    yield what
    elif ours != theirs or type(ours) is not type(theirs):
        yield f"{path}: {_short(ours)} for {_short(theirs)}"


def _key(key):
    """Keys of maps and of managedFields would make a class each."""
    return "*" if re.search(r"[^A-Za-z]", key) and not key.startswith("f:") else key


def _short(value):
    return template(json.dumps(value, ensure_ascii=False))[:60]
