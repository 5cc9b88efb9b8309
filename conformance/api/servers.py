"""The two servers that are compared, each of nothing but an API: ours, and kube-apiserver over an etcd of its own."""

import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

NETWORK = "10.96.0.0/16"
PATIENCE_S = 120


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """An address and a token. Its processes end with `stop`."""

    def __init__(self, name, port, token):
        self.name, self.port, self.token = name, port, token
        self.processes, self.connection, self.is_ready = [], None, False
        self.trust = ssl._create_unverified_context()

    def start(self, command, log):
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL))

    def wait(self, path):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                self.is_ready = self.ask("GET", path).status == 200
                if self.is_ready:
                    return
            except OSError:
                self.connection = None
            if any(process.poll() is not None for process in self.processes):
                break
            time.sleep(0.2)
        raise SystemExit(f"{self.name} does not get ready; see its log")

    def connect(self, timeout_s=60):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.trust, timeout=timeout_s)

    def ask(self, method, path, body=None, headers=()):
        """One request over the connection that is kept; the answer with its whole body."""
        sent = {"Authorization": f"Bearer {self.token}", "User-Agent": "drive/1", **dict(headers)}
        for is_last in (False, True):
            if self.connection is None:
                self.connection = self.connect()
            try:
                self.connection.request(method, path, body=body, headers=sent)
                response = self.connection.getresponse()
                return Answer(response.status, response.getheaders(), response.read())
            except (http.client.HTTPException, OSError):
                # Either side may close a connection that it kept; a second failure is an answer of its own.
                self.connection.close()
                self.connection = None
                if is_last and not self.is_ready:
                    raise
        return Answer(0, [], b"closed without an answer")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def ours(program, scratch):
    """The example `serve` of the crate apiserver: the API without controllers, as kube-apiserver is one."""
    port = free_port()
    server = Server("ours", port, "example")
    server.start([program, f"127.0.0.1:{port}", os.path.join(scratch, "kubeconfig")], os.path.join(scratch, "ours.log"))
    server.wait("/readyz")
    return server


def upstream(program, etcd, scratch):
    client, peer, port, token = free_port(), free_port(), free_port(), secrets.token_hex(8)
    server = Server("kube-apiserver", port, token)
    at = lambda name: os.path.join(scratch, name)
    server.start(
        [etcd, f"--data-dir={at('etcd')}", f"--listen-client-urls=http://127.0.0.1:{client}", f"--advertise-client-urls=http://127.0.0.1:{client}",
         f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
         f"--initial-cluster=default=http://127.0.0.1:{peer}", "--log-level=error", "--unsafe-no-fsync"][: None if no_fsync(etcd) else -1],
        at("etcd.log"))
    subprocess.run(["openssl", "genrsa", "-out", at("accounts.key"), "2048"], check=True, capture_output=True)
    with open(at("tokens.csv"), "w") as file:
        file.write(f"{token},admin,1,system:masters\n")
    server.start(
        [program, f"--etcd-servers=http://127.0.0.1:{client}", f"--secure-port={port}", "--bind-address=127.0.0.1", f"--cert-dir={at('certs')}",
         "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={at('accounts.key')}",
         f"--service-account-signing-key-file={at('accounts.key')}", f"--token-auth-file={at('tokens.csv')}", "--authorization-mode=AlwaysAllow",
         "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition", f"--service-cluster-ip-range={NETWORK}"],
        at("kube-apiserver.log"))
    server.wait("/readyz")
    return server


def no_fsync(etcd):
    """Whether this etcd can do without waiting for the disk, which nobody here needs."""
    said = subprocess.run([etcd, "--help"], capture_output=True, text=True)
    return "--unsafe-no-fsync" in said.stdout + said.stderr


def scratch():
    return tempfile.mkdtemp(prefix="differences-")


def discard(folder):
    shutil.rmtree(folder, ignore_errors=True)


def define(server, folder):
    """Teaches kube-apiserver the kinds of Gateway API, which ours has built in."""
    names = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".yaml") or name == "kustomization.yaml":
            continue
        with open(os.path.join(folder, name), "rb") as file:
            for document in file.read().split(b"\n---\n"):
                if b"kind: CustomResourceDefinition" in document:
                    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
                    answer = server.ask("POST", path, document, {"Content-Type": "application/yaml"}.items())
                    if answer.status != 201:
                        raise SystemExit(f"{name} is refused: {answer.body.decode()}")
                    names.append(answer.json()["metadata"]["name"])
    end = time.monotonic() + PATIENCE_S
    while names and time.monotonic() < end:
        name = names[-1]
        status = server.ask("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}").json().get("status", {})
        if any(condition["type"] == "Established" and condition["status"] == "True" for condition in status.get("conditions") or []):
            names.pop()
        else:
            time.sleep(0.1)
    # The documents of new kinds follow a little later.
    while server.ask("GET", "/openapi/v3/apis/gateway.networking.k8s.io/v1").status != 200 and time.monotonic() < end:
        time.sleep(0.1)
