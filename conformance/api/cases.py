"""What is sent: requests, and cases of several that belong together."""

import json
import re

REFERENCE = re.compile(r"⟨([a-z0-9.]+)⟩")


class Request:
    """A body that is not bytes is sent as JSON. ⟨NAME.rv⟩ and ⟨NAME.uid⟩ stand for what a server gave NAME; `capture` gives the answer that name."""

    def __init__(self, method, path, body=None, headers=None, capture=None, compared=True):
        self.method, self.path, self.capture, self.compared = method, path, capture, compared
        self.headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
            self.headers.setdefault("Content-Type", "application/json")
        self.body = body

    def send(self, server, known):
        fill = lambda text: REFERENCE.sub(lambda found: known.get(found[1], ""), text)
        body = self.body
        if body and "⟨".encode() in body:
            body = fill(body.decode()).encode()
        answer = server.ask(self.method, quote(fill(self.path)), body, self.headers.items())
        if self.capture:
            meta = (answer.json() or {}).get("metadata") or {}
            known[f"{self.capture}.rv"] = meta.get("resourceVersion", "")
            known[f"{self.capture}.uid"] = meta.get("uid", "")
            known[f"{self.capture}.continue"] = meta.get("continue", "")
        return answer

    def __str__(self):
        headers = "".join(f" {key}: {value};" for key, value in self.headers.items() if (key, value) != ("Content-Type", "application/json"))
        body = (self.body or b"").decode("utf-8", "replace")
        return f"{self.method} {self.path}{' ' if headers else ''}{headers} {body[:1500]}"


def quote(path):
    """Only what no request line can carry: the rest is sent as it is, right or wrong."""
    return "".join(c if "!" <= c <= "~" and c not in '"<>\\^`{|}' else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogatepass")) for c in path)


class Case:
    """Requests in order; afterwards what lies at `clear` is deleted."""

    def __init__(self, area, requests, clear=None):
        self.area, self.requests, self.clear = area, requests, clear
