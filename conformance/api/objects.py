"""One valid object of each kind, with enough in it that a change of any field is a change of something."""

import copy


class Kind:
    def __init__(self, path, kind, example, namespaced=True, subresources=()):
        self.path, self.kind, self.example = path, kind, example
        self.namespaced, self.subresources = namespaced, subresources
        self.api_version = path.removeprefix("/apis/").removeprefix("/api/").rsplit("/", 1)[0]
        self.plural = path.rsplit("/", 1)[1]

    def collection(self, namespace="default"):
        base, plural = self.path.rsplit("/", 1)
        return f"{base}/namespaces/{namespace}/{plural}" if self.namespaced else self.path

    def make(self, name, **more):
        made = {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": name}, **copy.deepcopy(self.example)}
        made["metadata"].update(more)
        return made

    def schema_document(self):
        return "/openapi/v3" + self.path.rsplit("/", 1)[0]


CONTAINER = {
    "name": "web", "image": "nginx:1", "ports": [{"name": "http", "containerPort": 80}], "env": [{"name": "A", "value": "b"}],
    "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
    "readinessProbe": {"httpGet": {"path": "/", "port": 80}}, "volumeMounts": [{"name": "v", "mountPath": "/v"}],
}
POD = {"spec": {"containers": [CONTAINER], "volumes": [{"name": "v", "emptyDir": {}}], "tolerations": [{"key": "k", "operator": "Exists"}]}}
SERVICE = {"spec": {"selector": {"app": "a"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "dns", "port": 53, "protocol": "UDP"}]}}
SLICE = {
    "metadata": {}, "addressType": "IPv4", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}, "nodeName": "n", "zone": "z"}],
}
INGRESS = {
    "spec": {
        "ingressClassName": "x", "tls": [{"hosts": ["a.test"], "secretName": "s"}],
        "rules": [{"host": "a.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}],
    }
}
EVENT = {
    "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"}, "reason": "Tried", "message": "text", "type": "Normal",
    "source": {"component": "drive"}, "count": 1, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z",
}
NEW_EVENT = {
    "eventTime": "2026-01-01T00:00:00.000001Z", "reportingController": "a.test/c", "reportingInstance": "i", "action": "A", "reason": "R",
    "regarding": {"kind": "Pod", "namespace": "default", "name": "p"}, "note": "n", "type": "Normal",
}

NATIVE = [
    Kind("/api/v1/configmaps", "ConfigMap", {"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AAEC"}}),
    Kind("/api/v1/secrets", "Secret", {"type": "Opaque", "data": {"a": "YQ=="}, "stringData": {"b": "c"}}),
    Kind("/api/v1/services", "Service", SERVICE, subresources=("status",)),
    Kind("/api/v1/endpoints", "Endpoints", {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"name": "http", "port": 80}]}]}),
    Kind("/api/v1/pods", "Pod", POD, subresources=("status",)),
    Kind("/api/v1/nodes", "Node", {"spec": {"podCIDR": "10.2.0.0/24"}}, namespaced=False, subresources=("status",)),
    Kind("/api/v1/namespaces", "Namespace", {}, namespaced=False, subresources=("status",)),
    Kind("/api/v1/events", "Event", EVENT),
    Kind("/apis/events.k8s.io/v1/events", "Event", NEW_EVENT),
    Kind("/apis/coordination.k8s.io/v1/leases", "Lease", {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 10, "leaseTransitions": 1}}),
    Kind("/apis/discovery.k8s.io/v1/endpointslices", "EndpointSlice", SLICE),
    Kind("/apis/networking.k8s.io/v1/ingresses", "Ingress", INGRESS, subresources=("status",)),
    Kind("/apis/networking.k8s.io/v1/ingressclasses", "IngressClass", {"spec": {"controller": "a.test/c"}}, namespaced=False),
]

GATEWAY = "/apis/gateway.networking.k8s.io/v1"
CUSTOM = [
    Kind(f"{GATEWAY}/gatewayclasses", "GatewayClass", {"spec": {"controllerName": "a.test/c"}}, namespaced=False, subresources=("status",)),
    Kind(f"{GATEWAY}/gateways", "Gateway",
         {"spec": {"gatewayClassName": "x", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "hostname": "a.test",
                                                           "allowedRoutes": {"namespaces": {"from": "Same"}}}]}}, subresources=("status",)),
    Kind(f"{GATEWAY}/httproutes", "HTTPRoute",
         {"spec": {"parentRefs": [{"name": "g"}], "hostnames": ["a.test"],
                   "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/a"}, "headers": [{"name": "x", "value": "y"}]}],
                              "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "y"}]}}],
                              "timeouts": {"request": "5s"}, "backendRefs": [{"name": "a", "port": 80, "weight": 1}]}]}}, subresources=("status",)),
    Kind(f"{GATEWAY}beta1/referencegrants", "ReferenceGrant",
         {"spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "x"}], "to": [{"group": "", "kind": "Service"}]}}),
    Kind(f"{GATEWAY}/backendtlspolicies", "BackendTLSPolicy",
         {"spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "a"}],
                   "validation": {"hostname": "a.test", "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}}}, subresources=("status",)),
]
