#!/usr/bin/env python3
"""Generated HTTP/1 messages through proxies, and how each of them reads what it accepts.

Every message is sent to each subject (Fairlead, and the peers that are installed: nginx, haproxy). Behind each stands one backend that
writes down, byte for byte, what it was sent, and reads it with a parser that knows only the plainest form of HTTP/1.1. Two claims:

1. What Fairlead sends to a backend is always in that plainest form (gateway spec G96 to G99).
2. Where Fairlead and a peer both accept a message, both read the same method, target and body from it, and go on at the same byte: the
   requests that follow are the same. Differences are listed by class.

Exit status 1 when the first fails, or the second for a class that is not in EXPLAINED.
"""
import argparse
import asyncio
import collections
import hashlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

# A reading that differs from a peer's on purpose: the class, and why ours stands.
EXPLAINED = {
    "target": "Fairlead forwards the path in normal form (RFC 3986 section 6.2.2), peers as it was written",
}
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([^\x00-\x08\x0a-\x1f\x7f]*)")


class Bad(Exception):
    pass


# ---------------------------------------------------------------- the backend

class Backend:
    """Answers every request with a digest of how it read it. What is not plain is written down and ends the connection."""

    def __init__(self):
        self.bad = []
        self.port = None

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def serve(self, reader, writer):
        raw = bytearray()

        async def line():
            got = await reader.readuntil(b"\r\n")
            raw.extend(got)
            if b"\n" in got[:-2] or b"\r" in got[:-2]:
                raise Bad("a bare CR or LF")
            return got[:-2]

        async def exactly(count):
            got = await reader.readexactly(count)
            raw.extend(got)
            return got
        try:
            while True:
                raw.clear()
                first = await line()
                found = REQUEST_LINE.fullmatch(first)
                if not found:
                    raise Bad(f"request line {first!r}")
                fields = []
                while (text := await line()) != b"":
                    field = FIELD.fullmatch(text)
                    if not field:
                        raise Bad(f"field {text!r}")
                    fields.append((field[1].lower(), field[2]))
                named = lambda name: [value for key, value in fields if key == name]
                lengths, codings = named(b"content-length"), named(b"transfer-encoding")
                if len(lengths) + len(codings) > 1 or len(named(b"host")) != 1:
                    raise Bad(f"framing {lengths} {codings}, hosts {named(b'host')}")
                if b"100-continue" in [value.lower() for value in named(b"expect")]:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = b""
                if lengths:
                    if not re.fullmatch(rb"[0-9]{1,19}", lengths[0]):
                        raise Bad(f"content-length {lengths[0]!r}")
                    body = await exactly(int(lengths[0]))
                elif codings:
                    if codings[0].lower() != b"chunked":
                        raise Bad(f"transfer-encoding {codings[0]!r}")
                    while True:
                        size = await line()
                        if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", size):
                            raise Bad(f"chunk size {size!r}")
                        if int(size, 16) == 0:
                            break
                        body += await exactly(int(size, 16))
                        if await exactly(2) != b"\r\n":
                            raise Bad("no CRLF after a chunk")
                    while (text := await line()) != b"":
                        field = FIELD.fullmatch(text)
                        if not field or field[1].lower() in (b"content-length", b"transfer-encoding", b"host", b"authorization"):
                            raise Bad(f"trailer {text!r}")
                host = named(b"host")[0].decode("latin-1")
                digest = json.dumps({"m": found[1].decode(), "t": found[2].decode(), "h": host, "b": hashlib.sha1(body).hexdigest()[:12], "n": len(body)})
                head = found[1] == b"HEAD"
                text = digest.encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nx-read: %s\r\n\r\n%s" % (len(text), text, b"" if head else text))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        except (Bad, ValueError, asyncio.LimitOverrunError) as wrong:
            self.bad.append((str(wrong), bytes(raw)))
            writer.write(b"HTTP/1.1 599 Not Plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        finally:
            writer.close()


# ---------------------------------------------------------------- what is sent

def message(rng, number):
    """One message, most parts of which are right and a few are not, and a plain one to follow it."""
    pick = lambda usual, odd, share: rng.choice(odd) if rng.random() < share else usual
    mark = b"/m%d" % number
    method = pick(rng.choice([b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS"]), [b"get", b"G\x00T", b"GE T", b"", b"A" * 33, b"PROPFIND", b"M-SEARCH", b"\tGET", b" GET", b"CONNECT", b"TRACE"], 0.1)
    target = pick(mark, [mark + b"?a=b&c", mark + b"/%2e%2e/x", mark + b"/../x", mark + b"//x", mark + b"/%2Fx", mark + b"#f", mark + b"\x80", mark + b" x", b"http://other.test" + mark, b"*", b"", mark + b"/%00", mark + b"/%zz", mark + b"\\x", mark + b"/.;x", b"//host" + mark, mark + b"?%00", mark + b"/%41", mark + b"/;p=1", b"http:" + mark], 0.2)
    version = pick(b"HTTP/1.1", [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/01.1", b"HTTP/1.", b"", b"HTTP/0.9", b"HTTP/1.1\t"], 0.08)
    space = pick(b" ", [b"  ", b"\t", b"\x0b", b""], 0.04)
    end = pick(b"\r\n", [b"\n", b"\r", b"\r\r\n", b"\n\r"], 0.04)
    fields = [pick(b"Host: a.test", [b"Host : a.test", b"Host: a.test\r\nHost: b.test", b"host:a.test", b"Host: a.test:80", b"Host: a.test@b", b"Host: a.test/x", b"Host:", b"X: y", b"Host: a.test, b", b"Host: [::1]", b"Host: a_b.test", b"\tHost: a.test", b"Host:\x00a"], 0.12)]
    body = rng.choice([b"", b"x", b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n", b"0\r\n\r\n", b"a=1&b=2", b"\r\n"])
    framing = rng.random()
    chunk_end = pick(b"\r\n", [b"\n", b"\r", b"", b" \r\n", b"\r\n\r\n"], 0.06)
    if framing < 0.25:
        body = b""
    elif framing < 0.6:
        size = b"%d" % len(body)
        fields.append(pick(b"Content-Length: " + size, [b"Content-Length: +" + size, b"Content-Length: 0" + size, b"Content-Length:" + size, b"Content-Length: " + size + b", " + size, b"Content-Length: " + size + b"\r\nContent-Length: " + size, b"Content-Length: " + size + b"\r\nContent-Length: 0", b"Content-Length : " + size, b"Content-Length: 0x" + size, b"Content-Length: -1", b"Content-Length: " + size + b" ", b"Content-Length: \t" + size, b"Content-Length: " + size + b"\x0b", b"Content_Length: " + size, b"Content-Length: 99999999999999999999", b"Content-Length:\r\n " + size, b"Content-Length: " + size + b"\r\nTransfer-Encoding: chunked", b"Content-Length: " + size + b";x", b"CONTENT-LENGTH: " + size], 0.3))
    else:
        fields.append(pick(b"Transfer-Encoding: chunked", [b"Transfer-Encoding: Chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked\x00", b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: chunked;q=1", b"Transfer_Encoding: chunked", b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"TE: trailers\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: ,chunked", b"Transfer-Encoding: chunked,", b"transfer-encoding:chunked"], 0.3))
        size = b"%x" % len(body)
        size = pick(size, [b"0" + size, b"0x" + size, size + b";ext=1", size + b" ;ext", size + b";e=\"a\"", b"+" + size, b"-" + size, size + b"\x00", b" " + size, size + b";\n", b"fffffffffffffffff", size + b"; a\rb", size.upper()], 0.15)
        trailer = pick(b"", [b"X-T: 1\r\n", b"Content-Length: 5\r\n", b"Host: z\r\n", b" x\r\n", b"X: 1\n", b"Transfer-Encoding: chunked\r\n", b"bad\r\n"], 0.12)
        body = (size + chunk_end + body + chunk_end if body else b"") + pick(b"0", [b"00", b"0;x", b"0 "], 0.05) + b"\r\n" + trailer + b"\r\n"
    extra = [b"Connection: close", b"Connection: keep-alive", b"Connection: Content-Length", b"Connection: host, x", b"X-A: 1\r\n folded", b"X-A\t: 1", b"X-A: \x01", b"X A: 1", b": 1", b"X-A", b"Expect: 100-continue", b"Expect: 200-ok", b"Upgrade: h2c\r\nConnection: upgrade", b"Upgrade: websocket\r\nConnection: upgrade", b"Proxy: x", b"X_A: 1", b"Cookie: a=b\r\nCookie: c=d", b"X-A: \xff", b"Accept: */*", b"Trailer: X-T", b"X-A: a\nX-B: b", b"X-A: a\rX-B: b", b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"X-A:" + b" " * 50 + b"1"]
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        fields.insert(rng.randrange(len(fields) + 1), rng.choice(extra))
    before = pick(b"", [b"\r\n", b"\r\n\r\n", b"\n", b" "], 0.03)
    head = before + method + space + target + pick(b" ", [b"  ", b"\t", b""], 0.04) + version + end
    head += b"".join(field + pick(b"\r\n", [b"\n", b"\r", b"\x00\r\n"], 0.02) for field in fields) + pick(b"\r\n", [b"\n", b"\r\r\n"], 0.03)
    return head + body, b"GET /after HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"


# ---------------------------------------------------------------- the client

def exchange(port, first, second, wait=0.2):
    """What was answered, in order: ("refused", status) or ("read", digest); nothing when the subject waits for more. The second message
    follows on the same connection, so that a subject that misjudges where the first one ends shows it."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.settimeout(wait)
        buffer = b""
        try:
            sock.sendall(first + second)
        except OSError:
            pass
        try:
            while chunk := sock.recv(65536):
                buffer += chunk
        except OSError:
            pass
    while buffer:
        head, found, rest = buffer.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] ([0-9]{3})", head)
        if not found or not status:
            break
        code = int(status[1])
        if code < 200:
            buffer = rest
            continue
        read = re.search(rb"(?i)\r\nx-read: ([^\r]*)", head)
        length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
        answers.append(("read", json.loads(read[1])) if read and code == 200 else ("refused", code))
        size = int(length[1]) if length else len(rest)
        if read and rest[:1] != b"{":
            size = 0  # the answer to HEAD
        buffer = rest[size:]
    return answers


# ---------------------------------------------------------------- the subjects

class Fairlead:
    def __init__(self, binary, folder, backend):
        self.data = os.path.join(folder, "data")
        ports = [word for name in ("api", "dns", "http", "https", "admin") for word in (f"--{name}-address", "127.0.0.1:0")]
        self.process = subprocess.Popen([binary, "up", "--data-dir", self.data, "--access-log", "off", *ports], stdout=subprocess.DEVNULL, stderr=open(os.path.join(folder, "fairlead.log"), "wb"))
        addresses = os.path.join(self.data, "addresses.json")
        deadline = time.time() + 20
        while not os.path.exists(addresses):
            if time.time() > deadline or self.process.poll() is not None:
                sys.exit(f"{binary} did not start, see {folder}/fairlead.log")
            time.sleep(0.05)
        known = json.load(open(addresses))
        self.port = int(known["http"].rsplit(":", 1)[1])
        self.api, self.token = known["api"], open(os.path.join(self.data, "admin.token")).read().strip()
        self.post("/api/v1/namespaces/default/services", {"metadata": {"name": "grid"}, "spec": {"ports": [{"port": 80}], "clusterIP": "None"}})
        self.post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {"metadata": {"name": "grid-1", "labels": {"kubernetes.io/service-name": "grid"}}, "addressType": "IPv4", "ports": [{"name": "", "port": backend}], "endpoints": [{"addresses": ["127.0.0.1"]}]})
        self.post("/apis/networking.k8s.io/v1/namespaces/default/ingresses", {"metadata": {"name": "grid"}, "spec": {"defaultBackend": {"service": {"name": "grid", "port": {"number": 80}}}}})

    def post(self, path, body):
        import http.client
        import ssl
        trusting = ssl._create_unverified_context()
        wire = http.client.HTTPSConnection(self.api, context=trusting, timeout=10)
        wire.request("POST", path, json.dumps(body), {"authorization": f"Bearer {self.token}", "content-type": "application/json"})
        answer = wire.getresponse()
        if answer.status != 201:
            sys.exit(f"POST {path}: {answer.status} {answer.read()[:300]!r}")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Peer:
    """A program that needs one configuration file, in which PORT is where it listens and BACKEND where it leads."""

    def __init__(self, program, arguments, text, folder, backend):
        self.port = free_port()
        path = os.path.join(folder, os.path.basename(program) + ".conf")
        with open(path, "w") as file:
            file.write(text.replace("PORT", str(self.port)).replace("BACKEND", str(backend)).replace("FOLDER", folder))
        command = [program, *[one.replace("FILE", path).replace("FOLDER", folder) for one in arguments]]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.time() + 10
        while not listens(self.port):
            if time.time() > deadline or self.process.poll() is not None:
                sys.exit(f"{program} did not start")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


PEERS = {
    "nginx": (["-e", "/dev/null", "-c", "FILE", "-p", "FOLDER"], """daemon off; master_process off; pid FOLDER/nginx.pid; error_log /dev/null;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi; uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
  server {
    listen 127.0.0.1:PORT;
    location / { proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:BACKEND; }
  }
}
"""),
    "haproxy": (["-f", "FILE"], """defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend entry
  bind 127.0.0.1:PORT
  default_backend behind
backend behind
  server one 127.0.0.1:BACKEND
"""),
}


# ---------------------------------------------------------------- the grid

def difference(ours, theirs):
    """How two readings of one message differ, as a class, or nothing."""
    if ours[0][0] != "read" or theirs[0][0] != "read":
        return None
    for key, word in (("m", "method"), ("n", "body length"), ("b", "body"), ("t", "target")):
        if ours[0][1][key] != theirs[0][1][key]:
            return word
    # What one of them refuses, or closed before, says nothing about where the first message ended.
    follow = [(one["t"], other["t"]) for (what, one), (how, other) in zip(ours[1:], theirs[1:]) if what == how == "read"]
    return "what follows" if any(one != other for one, other in follow) else None


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--binary", required=True, help="the fairlead to test")
    parser.add_argument("--count", type=int, default=20000, help="how many messages")
    parser.add_argument("--seed", type=int, default=1, help="where the generator begins; one seed is one sequence")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="http1-grid-")
    backends = {}
    subjects = {}
    loop = asyncio.get_running_loop()
    try:
        # Each has a backend of its own, so that what one sends is not laid at another's door.
        for name in ("fairlead", *PEERS):
            program = options.binary if name == "fairlead" else shutil.which(name) or shutil.which(name, path="/usr/sbin")
            if not program:
                print(f"SKIPPED: {name} is not installed, nothing is compared with it")
                continue
            backends[name] = Backend()
            await backends[name].start()
            make = (lambda at: Fairlead(program, folder, at)) if name == "fairlead" else (lambda at: Peer(program, *PEERS[name], folder, at))
            subjects[name] = await loop.run_in_executor(None, make, backends[name].port)
        failures, classes, counts = await play(options, subjects, backends, loop)
    finally:
        for subject in subjects.values():
            subject.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for name, count in sorted(counts.items()):
        print(f"{name:9} {dict(count)}")
    for (peer, word), samples in sorted(classes.items()):
        note = "explained: " + EXPLAINED[word] if word in EXPLAINED else "UNEXPLAINED"
        print(f"read otherwise by {peer}: {word}, {len(samples)} times, {note}\n    {samples[0]}")
    for failure in failures[:20]:
        print("FAIL", failure)
    unexplained = [word for _, word in classes if word not in EXPLAINED]
    print(f"{options.count} messages, seed {options.seed}: {len(failures)} failures, {len(unexplained)} unexplained classes")
    return 1 if failures or unexplained else 0


async def play(options, subjects, backends, loop):
    rng = random.Random(options.seed)
    failures, classes, counts = [], collections.defaultdict(list), collections.defaultdict(collections.Counter)
    for number in range(options.count):
        first, second = message(rng, number)
        tasks = {name: loop.run_in_executor(None, exchange, subject.port, first, second) for name, subject in subjects.items()}
        answers = {name: await task for name, task in tasks.items()}
        for name, said in answers.items():
            counts[name]["read" if said and said[0][0] == "read" else f"refused {said[0][1]}" if said else "silent"] += 1
        ours = answers["fairlead"]
        if backends["fairlead"].bad:
            wrong, raw = backends["fairlead"].bad.pop()
            failures.append(f"message {number}: the backend got what is not plain ({wrong}): {raw[:200]!r} from {first!r}")
        for name, said in answers.items():
            word = difference(ours, said) if ours and said and name != "fairlead" else None
            if word:
                classes[name, word].append(f"{first!r}: fairlead {ours}, {name} {said}")
    return failures, classes, counts


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
