//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &[], merge_key: "", default: "\"ReadWrite\"", check: None };
static X1: Extra = Extra { keys: &[], merge_key: "", default: "\"ext4\"", check: None };
static X2: Extra = Extra { keys: &[], merge_key: "", default: "false", check: None };
static X3: Extra = Extra { keys: &[], merge_key: "", default: "\"Shared\"", check: None };
static X4: Extra = Extra { keys: &[], merge_key: "", default: "\"\"", check: None };
static X5: Extra = Extra { keys: &["containerPort", "protocol"], merge_key: "containerPort", default: "", check: None };
static X6: Extra = Extra { keys: &["name"], merge_key: "name", default: "", check: None };
static X7: Extra = Extra { keys: &["mountPath"], merge_key: "mountPath", default: "", check: None };
static X8: Extra = Extra { keys: &["devicePath"], merge_key: "devicePath", default: "", check: None };
static X9: Extra = Extra { keys: &[], merge_key: "", default: "\"TCP\"", check: None };
static X10: Extra = Extra { keys: &[], merge_key: "", default: "\"default\"", check: None };
static X11: Extra = Extra { keys: &["type"], merge_key: "type", default: "", check: None };
static X12: Extra = Extra { keys: &["ip"], merge_key: "ip", default: "", check: None };
static X13: Extra = Extra { keys: &["topologyKey", "whenUnsatisfiable"], merge_key: "topologyKey", default: "", check: None };
static X14: Extra = Extra { keys: &[], merge_key: "ip", default: "", check: None };
static X15: Extra = Extra { keys: &[], merge_key: "", default: "\"rbd\"", check: None };
static X16: Extra = Extra { keys: &[], merge_key: "", default: "\"admin\"", check: None };
static X17: Extra = Extra { keys: &[], merge_key: "", default: "\"/etc/ceph/keyring\"", check: None };
static X18: Extra = Extra { keys: &["name"], merge_key: "", default: "", check: None };
static X19: Extra = Extra { keys: &["resourceID"], merge_key: "", default: "", check: None };
static X20: Extra = Extra { keys: &[], merge_key: "", default: "\"ThinProvisioned\"", check: None };
static X21: Extra = Extra { keys: &[], merge_key: "", default: "\"xfs\"", check: None };
static X22: Extra = Extra { keys: &["port", "protocol"], merge_key: "port", default: "", check: None };

pub static AFFINITY: Message = Message {
    name: "io.k8s.api.core.v1.Affinity",
    gvk: None,
    atomic: false,
    fields: &[
        f("nodeAffinity", 1, One, Msg(&NODE_AFFINITY), KEEP),
        f("podAffinity", 2, One, Msg(&POD_AFFINITY), KEEP),
        f("podAntiAffinity", 3, One, Msg(&POD_ANTI_AFFINITY), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static APP_ARMOR_PROFILE: Message = Message {
    name: "io.k8s.api.core.v1.AppArmorProfile",
    gvk: None,
    atomic: false,
    fields: &[f("type", 1, One, Str, ALWAYS | REQUIRED), f("localhostProfile", 2, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static ATTACHED_VOLUME: Message = Message {
    name: "io.k8s.api.core.v1.AttachedVolume",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("devicePath", 2, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("volumeID", 1, One, Str, ALWAYS | REQUIRED),
        f("fsType", 2, One, Str, 0),
        f("partition", 3, One, Int32, 0),
        f("readOnly", 4, One, Bool, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static AZURE_DISK_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.AzureDiskVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("diskName", 1, One, Str, ALWAYS | REQUIRED),
        f("diskURI", 2, One, Str, ALWAYS | REQUIRED),
        x("cachingMode", 3, One, Str, KEEP, &X0),
        x("fsType", 4, One, Str, KEEP, &X1),
        x("readOnly", 5, One, Bool, KEEP, &X2),
        x("kind", 6, One, Str, KEEP, &X3),
    ],
    inlined: &[],
    custom: false,
};

pub static AZURE_FILE_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.AzureFileVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("secretName", 1, One, Str, ALWAYS | REQUIRED), f("shareName", 2, One, Str, ALWAYS | REQUIRED), f("readOnly", 3, One, Bool, 0)],
    inlined: &[],
    custom: false,
};

pub static BINDING: Message = Message {
    name: "io.k8s.api.core.v1.Binding",
    gvk: Some(("", "v1", "Binding")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("target", 2, One, Msg(&OBJECT_REFERENCE), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static CAPABILITIES: Message = Message {
    name: "io.k8s.api.core.v1.Capabilities",
    gvk: None,
    atomic: false,
    fields: &[f("add", 1, List, Str, 0), f("drop", 2, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static CEPH_FS_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.CephFSVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("monitors", 1, List, Str, ALWAYS | REQUIRED),
        f("path", 2, One, Str, 0),
        f("user", 3, One, Str, 0),
        f("secretFile", 4, One, Str, 0),
        f("secretRef", 5, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP),
        f("readOnly", 6, One, Bool, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static CINDER_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.CinderVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("volumeID", 1, One, Str, ALWAYS | REQUIRED),
        f("fsType", 2, One, Str, 0),
        f("readOnly", 3, One, Bool, 0),
        f("secretRef", 4, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static CLIENT_IP_CONFIG: Message = Message {
    name: "io.k8s.api.core.v1.ClientIPConfig",
    gvk: None,
    atomic: false,
    fields: &[f("timeoutSeconds", 1, One, Int32, KEEP)],
    inlined: &[],
    custom: false,
};

pub static CLUSTER_TRUST_BUNDLE_PROJECTION: Message = Message {
    name: "io.k8s.api.core.v1.ClusterTrustBundleProjection",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, KEEP),
        f("signerName", 2, One, Str, KEEP),
        f("labelSelector", 3, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP),
        f("optional", 5, One, Bool, KEEP),
        f("path", 4, One, Str, ALWAYS | REQUIRED),
        f("user", 6, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static CONFIG_MAP: Message = Message {
    name: "io.k8s.api.core.v1.ConfigMap",
    gvk: Some(("", "v1", "ConfigMap")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("immutable", 4, One, Bool, KEEP),
        f("data", 2, Map, Str, 0),
        f("binaryData", 3, Map, Bytes, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static CONFIG_MAP_ENV_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.ConfigMapEnvSource",
    gvk: None,
    atomic: false,
    fields: &[x("name", 0, One, Str, REQUIRED, &X4), f("optional", 2, One, Bool, KEEP)],
    inlined: &[(1, &LOCAL_OBJECT_REFERENCE)],
    custom: false,
};

pub static CONFIG_MAP_KEY_SELECTOR: Message = Message {
    name: "io.k8s.api.core.v1.ConfigMapKeySelector",
    gvk: None,
    atomic: true,
    fields: &[x("name", 0, One, Str, REQUIRED, &X4), f("key", 2, One, Str, ALWAYS | REQUIRED), f("optional", 3, One, Bool, KEEP)],
    inlined: &[(1, &LOCAL_OBJECT_REFERENCE)],
    custom: false,
};

pub static CONFIG_MAP_NODE_CONFIG_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.ConfigMapNodeConfigSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("namespace", 1, One, Str, ALWAYS | REQUIRED),
        f("name", 2, One, Str, ALWAYS | REQUIRED),
        f("uid", 3, One, Str, 0),
        f("resourceVersion", 4, One, Str, 0),
        f("kubeletConfigKey", 5, One, Str, ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static CONFIG_MAP_PROJECTION: Message = Message {
    name: "io.k8s.api.core.v1.ConfigMapProjection",
    gvk: None,
    atomic: false,
    fields: &[x("name", 0, One, Str, REQUIRED, &X4), f("items", 2, List, Msg(&KEY_TO_PATH), 0), f("optional", 4, One, Bool, KEEP)],
    inlined: &[(1, &LOCAL_OBJECT_REFERENCE)],
    custom: false,
};

pub static CONFIG_MAP_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.ConfigMapVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        x("name", 0, One, Str, REQUIRED, &X4),
        f("items", 2, List, Msg(&KEY_TO_PATH), 0),
        f("defaultMode", 3, One, Int32, KEEP),
        f("optional", 4, One, Bool, KEEP),
        f("defaultUser", 5, One, Int64, KEEP),
    ],
    inlined: &[(1, &LOCAL_OBJECT_REFERENCE)],
    custom: false,
};

pub static CONTAINER: Message = Message {
    name: "io.k8s.api.core.v1.Container",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("image", 2, One, Str, 0),
        f("command", 3, List, Str, 0),
        f("args", 4, List, Str, 0),
        f("workingDir", 5, One, Str, 0),
        x("ports", 6, List, Msg(&CONTAINER_PORT), MAP | MERGE, &X5),
        f("envFrom", 19, List, Msg(&ENV_FROM_SOURCE), 0),
        x("env", 7, List, Msg(&ENV_VAR), MAP | MERGE, &X6),
        f("resources", 8, One, Msg(&RESOURCE_REQUIREMENTS), ALWAYS),
        f("resizePolicy", 23, List, Msg(&CONTAINER_RESIZE_POLICY), 0),
        f("restartPolicy", 24, One, Str, KEEP),
        f("restartPolicyRules", 25, List, Msg(&CONTAINER_RESTART_RULE), 0),
        x("volumeMounts", 9, List, Msg(&VOLUME_MOUNT), MAP | MERGE, &X7),
        x("volumeDevices", 21, List, Msg(&VOLUME_DEVICE), MAP | MERGE, &X8),
        f("livenessProbe", 10, One, Msg(&PROBE), KEEP),
        f("readinessProbe", 11, One, Msg(&PROBE), KEEP),
        f("startupProbe", 22, One, Msg(&PROBE), KEEP),
        f("lifecycle", 12, One, Msg(&LIFECYCLE), KEEP),
        f("terminationMessagePath", 13, One, Str, 0),
        f("terminationMessagePolicy", 20, One, Str, 0),
        f("imagePullPolicy", 14, One, Str, 0),
        f("securityContext", 15, One, Msg(&SECURITY_CONTEXT), KEEP),
        f("stdin", 16, One, Bool, 0),
        f("stdinOnce", 17, One, Bool, 0),
        f("tty", 18, One, Bool, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_EXTENDED_RESOURCE_REQUEST: Message = Message {
    name: "io.k8s.api.core.v1.ContainerExtendedResourceRequest",
    gvk: None,
    atomic: false,
    fields: &[
        f("containerName", 1, One, Str, ALWAYS | REQUIRED),
        f("resourceName", 2, One, Str, ALWAYS | REQUIRED),
        f("requestName", 3, One, Str, ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_IMAGE: Message = Message {
    name: "io.k8s.api.core.v1.ContainerImage",
    gvk: None,
    atomic: false,
    fields: &[f("names", 1, List, Str, ALWAYS), f("sizeBytes", 2, One, Int64, 0)],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_PORT: Message = Message {
    name: "io.k8s.api.core.v1.ContainerPort",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, 0),
        f("hostPort", 2, One, Int32, 0),
        f("containerPort", 3, One, Int32, ALWAYS | REQUIRED),
        x("protocol", 4, One, Str, 0, &X9),
        f("hostIP", 5, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_RESIZE_POLICY: Message = Message {
    name: "io.k8s.api.core.v1.ContainerResizePolicy",
    gvk: None,
    atomic: false,
    fields: &[f("resourceName", 1, One, Str, ALWAYS | REQUIRED), f("restartPolicy", 2, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_RESTART_RULE: Message = Message {
    name: "io.k8s.api.core.v1.ContainerRestartRule",
    gvk: None,
    atomic: false,
    fields: &[f("action", 1, One, Str, REQUIRED), f("exitCodes", 2, One, Msg(&CONTAINER_RESTART_RULE_ON_EXIT_CODES), KEEP)],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_RESTART_RULE_ON_EXIT_CODES: Message = Message {
    name: "io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes",
    gvk: None,
    atomic: false,
    fields: &[f("operator", 1, One, Str, REQUIRED), f("values", 2, List, Int32, SET)],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_STATE: Message = Message {
    name: "io.k8s.api.core.v1.ContainerState",
    gvk: None,
    atomic: false,
    fields: &[
        f("waiting", 1, One, Msg(&CONTAINER_STATE_WAITING), KEEP),
        f("running", 2, One, Msg(&CONTAINER_STATE_RUNNING), KEEP),
        f("terminated", 3, One, Msg(&CONTAINER_STATE_TERMINATED), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_STATE_RUNNING: Message = Message {
    name: "io.k8s.api.core.v1.ContainerStateRunning",
    gvk: None,
    atomic: false,
    fields: &[f("startedAt", 1, One, Time, ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_STATE_TERMINATED: Message = Message {
    name: "io.k8s.api.core.v1.ContainerStateTerminated",
    gvk: None,
    atomic: false,
    fields: &[
        f("exitCode", 1, One, Int32, ALWAYS | REQUIRED),
        f("signal", 2, One, Int32, 0),
        f("reason", 3, One, Str, 0),
        f("message", 4, One, Str, 0),
        f("startedAt", 5, One, Time, ALWAYS),
        f("finishedAt", 6, One, Time, ALWAYS),
        f("containerID", 7, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_STATE_WAITING: Message = Message {
    name: "io.k8s.api.core.v1.ContainerStateWaiting",
    gvk: None,
    atomic: false,
    fields: &[f("reason", 1, One, Str, 0), f("message", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.ContainerStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("state", 2, One, Msg(&CONTAINER_STATE), ALWAYS),
        f("lastState", 3, One, Msg(&CONTAINER_STATE), ALWAYS),
        f("ready", 4, One, Bool, ALWAYS | REQUIRED),
        f("restartCount", 5, One, Int32, ALWAYS | REQUIRED),
        f("image", 6, One, Str, ALWAYS | REQUIRED),
        f("imageID", 7, One, Str, ALWAYS | REQUIRED),
        f("containerID", 8, One, Str, 0),
        f("started", 9, One, Bool, KEEP),
        f("allocatedResources", 10, Map, Quantity, 0),
        f("resources", 11, One, Msg(&RESOURCE_REQUIREMENTS), KEEP),
        x("volumeMounts", 12, List, Msg(&VOLUME_MOUNT_STATUS), MAP | MERGE, &X7),
        f("user", 13, One, Msg(&CONTAINER_USER), KEEP),
        x("allocatedResourcesStatus", 14, List, Msg(&RESOURCE_STATUS), MAP | MERGE, &X6),
        f("stopSignal", 15, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_USER: Message = Message {
    name: "io.k8s.api.core.v1.ContainerUser",
    gvk: None,
    atomic: false,
    fields: &[f("linux", 1, One, Msg(&LINUX_CONTAINER_USER), KEEP)],
    inlined: &[],
    custom: false,
};

pub static CSI_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.CSIVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("driver", 1, One, Str, ALWAYS | REQUIRED),
        f("readOnly", 2, One, Bool, KEEP),
        f("fsType", 3, One, Str, KEEP),
        f("volumeAttributes", 4, Map, Str, 0),
        f("nodePublishSecretRef", 5, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static DAEMON_ENDPOINT: Message = Message {
    name: "io.k8s.api.core.v1.DaemonEndpoint",
    gvk: None,
    atomic: false,
    fields: &[f("Port", 1, One, Int32, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static DOWNWARD_API_PROJECTION: Message = Message {
    name: "io.k8s.api.core.v1.DownwardAPIProjection",
    gvk: None,
    atomic: false,
    fields: &[f("items", 1, List, Msg(&DOWNWARD_API_VOLUME_FILE), 0)],
    inlined: &[],
    custom: false,
};

pub static DOWNWARD_API_VOLUME_FILE: Message = Message {
    name: "io.k8s.api.core.v1.DownwardAPIVolumeFile",
    gvk: None,
    atomic: false,
    fields: &[
        f("path", 1, One, Str, ALWAYS | REQUIRED),
        f("fieldRef", 2, One, Msg(&OBJECT_FIELD_SELECTOR), KEEP),
        f("resourceFieldRef", 3, One, Msg(&RESOURCE_FIELD_SELECTOR), KEEP),
        f("mode", 4, One, Int32, KEEP),
        f("user", 5, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static DOWNWARD_API_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.DownwardAPIVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("items", 1, List, Msg(&DOWNWARD_API_VOLUME_FILE), 0), f("defaultMode", 2, One, Int32, KEEP), f("defaultUser", 3, One, Int64, KEEP)],
    inlined: &[],
    custom: false,
};

pub static EMPTY_DIR_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.EmptyDirVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("medium", 1, One, Str, 0), f("sizeLimit", 2, One, Quantity, KEEP), f("mode", 3, One, Int32, KEEP)],
    inlined: &[],
    custom: false,
};

pub static ENDPOINT_ADDRESS: Message = Message {
    name: "io.k8s.api.core.v1.EndpointAddress",
    gvk: None,
    atomic: true,
    fields: &[
        f("ip", 1, One, Str, ALWAYS | REQUIRED),
        f("hostname", 3, One, Str, 0),
        f("nodeName", 4, One, Str, KEEP),
        f("targetRef", 2, One, Msg(&OBJECT_REFERENCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static ENDPOINT_PORT: Message = Message {
    name: "io.k8s.api.core.v1.EndpointPort",
    gvk: None,
    atomic: true,
    fields: &[
        f("name", 1, One, Str, 0),
        f("port", 2, One, Int32, ALWAYS | REQUIRED),
        f("protocol", 3, One, Str, 0),
        f("appProtocol", 4, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static ENDPOINTS: Message = Message {
    name: "io.k8s.api.core.v1.Endpoints",
    gvk: Some(("", "v1", "Endpoints")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("subsets", 2, List, Msg(&ENDPOINT_SUBSET), 0),
    ],
    inlined: &[],
    custom: false,
};

pub static ENDPOINT_SUBSET: Message = Message {
    name: "io.k8s.api.core.v1.EndpointSubset",
    gvk: None,
    atomic: false,
    fields: &[
        f("addresses", 1, List, Msg(&ENDPOINT_ADDRESS), 0),
        f("notReadyAddresses", 2, List, Msg(&ENDPOINT_ADDRESS), 0),
        f("ports", 3, List, Msg(&ENDPOINT_PORT), 0),
    ],
    inlined: &[],
    custom: false,
};

pub static ENV_FROM_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.EnvFromSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("prefix", 1, One, Str, 0),
        f("configMapRef", 2, One, Msg(&CONFIG_MAP_ENV_SOURCE), KEEP),
        f("secretRef", 3, One, Msg(&SECRET_ENV_SOURCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static ENV_VAR: Message = Message {
    name: "io.k8s.api.core.v1.EnvVar",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("value", 2, One, Str, 0), f("valueFrom", 3, One, Msg(&ENV_VAR_SOURCE), KEEP)],
    inlined: &[],
    custom: false,
};

pub static ENV_VAR_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.EnvVarSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("fieldRef", 1, One, Msg(&OBJECT_FIELD_SELECTOR), KEEP),
        f("resourceFieldRef", 2, One, Msg(&RESOURCE_FIELD_SELECTOR), KEEP),
        f("configMapKeyRef", 3, One, Msg(&CONFIG_MAP_KEY_SELECTOR), KEEP),
        f("secretKeyRef", 4, One, Msg(&SECRET_KEY_SELECTOR), KEEP),
        f("fileKeyRef", 5, One, Msg(&FILE_KEY_SELECTOR), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static EPHEMERAL_CONTAINER: Message = Message {
    name: "io.k8s.api.core.v1.EphemeralContainer",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 0, One, Str, ALWAYS),
        f("image", 0, One, Str, 0),
        f("command", 0, List, Str, 0),
        f("args", 0, List, Str, 0),
        f("workingDir", 0, One, Str, 0),
        x("ports", 0, List, Msg(&CONTAINER_PORT), MAP | MERGE, &X5),
        f("envFrom", 0, List, Msg(&ENV_FROM_SOURCE), 0),
        x("env", 0, List, Msg(&ENV_VAR), MAP | MERGE, &X6),
        f("resources", 0, One, Msg(&RESOURCE_REQUIREMENTS), ALWAYS),
        f("resizePolicy", 0, List, Msg(&CONTAINER_RESIZE_POLICY), 0),
        f("restartPolicy", 0, One, Str, KEEP),
        f("restartPolicyRules", 0, List, Msg(&CONTAINER_RESTART_RULE), 0),
        x("volumeMounts", 0, List, Msg(&VOLUME_MOUNT), MAP | MERGE, &X7),
        x("volumeDevices", 0, List, Msg(&VOLUME_DEVICE), MAP | MERGE, &X8),
        f("livenessProbe", 0, One, Msg(&PROBE), KEEP),
        f("readinessProbe", 0, One, Msg(&PROBE), KEEP),
        f("startupProbe", 0, One, Msg(&PROBE), KEEP),
        f("lifecycle", 0, One, Msg(&LIFECYCLE), KEEP),
        f("terminationMessagePath", 0, One, Str, 0),
        f("terminationMessagePolicy", 0, One, Str, 0),
        f("imagePullPolicy", 0, One, Str, 0),
        f("securityContext", 0, One, Msg(&SECURITY_CONTEXT), KEEP),
        f("stdin", 0, One, Bool, 0),
        f("stdinOnce", 0, One, Bool, 0),
        f("tty", 0, One, Bool, 0),
        f("targetContainerName", 2, One, Str, 0),
    ],
    inlined: &[(1, &EPHEMERAL_CONTAINER_COMMON)],
    custom: false,
};

pub static EPHEMERAL_CONTAINER_COMMON: Message = Message {
    name: "io.k8s.api.core.v1.EphemeralContainerCommon",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS),
        f("image", 2, One, Str, 0),
        f("command", 3, List, Str, 0),
        f("args", 4, List, Str, 0),
        f("workingDir", 5, One, Str, 0),
        x("ports", 6, List, Msg(&CONTAINER_PORT), MAP | MERGE, &X5),
        f("envFrom", 19, List, Msg(&ENV_FROM_SOURCE), 0),
        x("env", 7, List, Msg(&ENV_VAR), MAP | MERGE, &X6),
        f("resources", 8, One, Msg(&RESOURCE_REQUIREMENTS), ALWAYS),
        f("resizePolicy", 23, List, Msg(&CONTAINER_RESIZE_POLICY), 0),
        f("restartPolicy", 24, One, Str, KEEP),
        f("restartPolicyRules", 25, List, Msg(&CONTAINER_RESTART_RULE), 0),
        x("volumeMounts", 9, List, Msg(&VOLUME_MOUNT), MAP | MERGE, &X7),
        x("volumeDevices", 21, List, Msg(&VOLUME_DEVICE), MAP | MERGE, &X8),
        f("livenessProbe", 10, One, Msg(&PROBE), KEEP),
        f("readinessProbe", 11, One, Msg(&PROBE), KEEP),
        f("startupProbe", 22, One, Msg(&PROBE), KEEP),
        f("lifecycle", 12, One, Msg(&LIFECYCLE), KEEP),
        f("terminationMessagePath", 13, One, Str, 0),
        f("terminationMessagePolicy", 20, One, Str, 0),
        f("imagePullPolicy", 14, One, Str, 0),
        f("securityContext", 15, One, Msg(&SECURITY_CONTEXT), KEEP),
        f("stdin", 16, One, Bool, 0),
        f("stdinOnce", 17, One, Bool, 0),
        f("tty", 18, One, Bool, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static EPHEMERAL_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.EphemeralVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("volumeClaimTemplate", 1, One, Msg(&PERSISTENT_VOLUME_CLAIM_TEMPLATE), KEEP)],
    inlined: &[],
    custom: false,
};

pub static EVENT: Message = Message {
    name: "io.k8s.api.core.v1.Event",
    gvk: Some(("", "v1", "Event")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS | REQUIRED),
        f("involvedObject", 2, One, Msg(&OBJECT_REFERENCE), ALWAYS | REQUIRED),
        f("reason", 3, One, Str, 0),
        f("message", 4, One, Str, 0),
        f("source", 5, One, Msg(&EVENT_SOURCE), ALWAYS),
        f("firstTimestamp", 6, One, Time, ALWAYS),
        f("lastTimestamp", 7, One, Time, ALWAYS),
        f("count", 8, One, Int32, 0),
        f("type", 9, One, Str, 0),
        f("eventTime", 10, One, MicroTime, ALWAYS),
        f("series", 11, One, Msg(&EVENT_SERIES), KEEP),
        f("action", 12, One, Str, 0),
        f("related", 13, One, Msg(&OBJECT_REFERENCE), KEEP),
        f("reportingComponent", 14, One, Str, ALWAYS),
        f("reportingInstance", 15, One, Str, ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static EVENT_SERIES: Message = Message {
    name: "io.k8s.api.core.v1.EventSeries",
    gvk: None,
    atomic: false,
    fields: &[f("count", 1, One, Int32, 0), f("lastObservedTime", 2, One, MicroTime, ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static EVENT_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.EventSource",
    gvk: None,
    atomic: false,
    fields: &[f("component", 1, One, Str, 0), f("host", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static EXEC_ACTION: Message = Message {
    name: "io.k8s.api.core.v1.ExecAction",
    gvk: None,
    atomic: false,
    fields: &[f("command", 1, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static FC_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.FCVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("targetWWNs", 1, List, Str, 0),
        f("lun", 2, One, Int32, KEEP),
        f("fsType", 3, One, Str, 0),
        f("readOnly", 4, One, Bool, 0),
        f("wwids", 5, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static FILE_KEY_SELECTOR: Message = Message {
    name: "io.k8s.api.core.v1.FileKeySelector",
    gvk: None,
    atomic: true,
    fields: &[
        f("volumeName", 1, One, Str, ALWAYS | REQUIRED),
        f("path", 2, One, Str, ALWAYS | REQUIRED),
        f("key", 3, One, Str, ALWAYS | REQUIRED),
        x("optional", 4, One, Bool, KEEP, &X2),
    ],
    inlined: &[],
    custom: false,
};

pub static FLEX_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.FlexVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("driver", 1, One, Str, ALWAYS | REQUIRED),
        f("fsType", 2, One, Str, 0),
        f("secretRef", 3, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP),
        f("readOnly", 4, One, Bool, 0),
        f("options", 5, Map, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static FLOCKER_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.FlockerVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("datasetName", 1, One, Str, 0), f("datasetUUID", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static GCE_PERSISTENT_DISK_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.GCEPersistentDiskVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("pdName", 1, One, Str, ALWAYS | REQUIRED),
        f("fsType", 2, One, Str, 0),
        f("partition", 3, One, Int32, 0),
        f("readOnly", 4, One, Bool, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static GIT_REPO_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.GitRepoVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("repository", 1, One, Str, ALWAYS | REQUIRED), f("revision", 2, One, Str, 0), f("directory", 3, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static GLUSTERFS_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.GlusterfsVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("endpoints", 1, One, Str, ALWAYS | REQUIRED), f("path", 2, One, Str, ALWAYS | REQUIRED), f("readOnly", 3, One, Bool, 0)],
    inlined: &[],
    custom: false,
};

pub static GRPC_ACTION: Message = Message {
    name: "io.k8s.api.core.v1.GRPCAction",
    gvk: None,
    atomic: false,
    fields: &[f("port", 1, One, Int32, ALWAYS | REQUIRED), x("service", 2, One, Str, KEEP | ALWAYS, &X4), f("mode", 3, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static HOST_ALIAS: Message = Message {
    name: "io.k8s.api.core.v1.HostAlias",
    gvk: None,
    atomic: false,
    fields: &[f("ip", 1, One, Str, ALWAYS | REQUIRED), f("hostnames", 2, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static HOST_IP: Message = Message {
    name: "io.k8s.api.core.v1.HostIP",
    gvk: None,
    atomic: false,
    fields: &[f("ip", 1, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static HOST_PATH_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.HostPathVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("path", 1, One, Str, ALWAYS | REQUIRED), f("type", 2, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static HTTP_GET_ACTION: Message = Message {
    name: "io.k8s.api.core.v1.HTTPGetAction",
    gvk: None,
    atomic: false,
    fields: &[
        f("path", 1, One, Str, 0),
        f("port", 2, One, IntOrString, ALWAYS | REQUIRED),
        f("host", 3, One, Str, 0),
        f("scheme", 4, One, Str, 0),
        f("httpHeaders", 5, List, Msg(&HTTP_HEADER), 0),
        f("protocol", 6, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static HTTP_HEADER: Message = Message {
    name: "io.k8s.api.core.v1.HTTPHeader",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("value", 2, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static IMAGE_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.ImageVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("reference", 1, One, Str, 0), f("pullPolicy", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static ISCSI_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.ISCSIVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("targetPortal", 1, One, Str, ALWAYS | REQUIRED),
        f("iqn", 2, One, Str, ALWAYS | REQUIRED),
        f("lun", 3, One, Int32, ALWAYS | REQUIRED),
        x("iscsiInterface", 4, One, Str, 0, &X10),
        f("fsType", 5, One, Str, 0),
        f("readOnly", 6, One, Bool, 0),
        f("portals", 7, List, Str, 0),
        f("chapAuthDiscovery", 8, One, Bool, 0),
        f("chapAuthSession", 11, One, Bool, 0),
        f("secretRef", 10, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP),
        f("initiatorName", 12, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static KEY_TO_PATH: Message = Message {
    name: "io.k8s.api.core.v1.KeyToPath",
    gvk: None,
    atomic: false,
    fields: &[
        f("key", 1, One, Str, ALWAYS | REQUIRED),
        f("path", 2, One, Str, ALWAYS | REQUIRED),
        f("mode", 3, One, Int32, KEEP),
        f("user", 4, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static LIFECYCLE: Message = Message {
    name: "io.k8s.api.core.v1.Lifecycle",
    gvk: None,
    atomic: false,
    fields: &[
        f("postStart", 1, One, Msg(&LIFECYCLE_HANDLER), KEEP),
        f("preStop", 2, One, Msg(&LIFECYCLE_HANDLER), KEEP),
        f("stopSignal", 3, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static LIFECYCLE_HANDLER: Message = Message {
    name: "io.k8s.api.core.v1.LifecycleHandler",
    gvk: None,
    atomic: false,
    fields: &[
        f("exec", 1, One, Msg(&EXEC_ACTION), KEEP),
        f("httpGet", 2, One, Msg(&HTTP_GET_ACTION), KEEP),
        f("tcpSocket", 3, One, Msg(&TCP_SOCKET_ACTION), KEEP),
        f("sleep", 4, One, Msg(&SLEEP_ACTION), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static LIMIT_RANGE: Message = Message {
    name: "io.k8s.api.core.v1.LimitRange",
    gvk: Some(("", "v1", "LimitRange")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&LIMIT_RANGE_SPEC), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static LIMIT_RANGE_ITEM: Message = Message {
    name: "io.k8s.api.core.v1.LimitRangeItem",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("max", 2, Map, Quantity, 0),
        f("min", 3, Map, Quantity, 0),
        f("default", 4, Map, Quantity, 0),
        f("defaultRequest", 5, Map, Quantity, 0),
        f("maxLimitRequestRatio", 6, Map, Quantity, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static LIMIT_RANGE_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.LimitRangeSpec",
    gvk: None,
    atomic: false,
    fields: &[f("limits", 1, List, Msg(&LIMIT_RANGE_ITEM), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static LINUX_CONTAINER_USER: Message = Message {
    name: "io.k8s.api.core.v1.LinuxContainerUser",
    gvk: None,
    atomic: false,
    fields: &[f("uid", 1, One, Int64, ALWAYS | REQUIRED), f("gid", 2, One, Int64, ALWAYS | REQUIRED), f("supplementalGroups", 3, List, Int64, 0)],
    inlined: &[],
    custom: false,
};

pub static LOAD_BALANCER_INGRESS: Message = Message {
    name: "io.k8s.api.core.v1.LoadBalancerIngress",
    gvk: None,
    atomic: false,
    fields: &[f("ip", 1, One, Str, 0), f("hostname", 2, One, Str, 0), f("ipMode", 3, One, Str, KEEP), f("ports", 4, List, Msg(&PORT_STATUS), 0)],
    inlined: &[],
    custom: false,
};

pub static LOAD_BALANCER_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.LoadBalancerStatus",
    gvk: None,
    atomic: false,
    fields: &[f("ingress", 1, List, Msg(&LOAD_BALANCER_INGRESS), 0)],
    inlined: &[],
    custom: false,
};

pub static LOCAL_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.api.core.v1.LocalObjectReference",
    gvk: None,
    atomic: true,
    fields: &[x("name", 1, One, Str, REQUIRED, &X4)],
    inlined: &[],
    custom: false,
};

pub static NAMESPACE: Message = Message {
    name: "io.k8s.api.core.v1.Namespace",
    gvk: Some(("", "v1", "Namespace")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&NAMESPACE_SPEC), ALWAYS),
        f("status", 3, One, Msg(&NAMESPACE_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static NAMESPACE_CONDITION: Message = Message {
    name: "io.k8s.api.core.v1.NamespaceCondition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("status", 2, One, Str, ALWAYS | REQUIRED),
        f("lastTransitionTime", 4, One, Time, ALWAYS),
        f("reason", 5, One, Str, 0),
        f("message", 6, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static NAMESPACE_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.NamespaceSpec",
    gvk: None,
    atomic: false,
    fields: &[f("finalizers", 1, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static NAMESPACE_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.NamespaceStatus",
    gvk: None,
    atomic: false,
    fields: &[f("phase", 1, One, Str, 0), x("conditions", 2, List, Msg(&NAMESPACE_CONDITION), MAP | MERGE, &X11)],
    inlined: &[],
    custom: false,
};

pub static NFS_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.NFSVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("server", 1, One, Str, ALWAYS | REQUIRED), f("path", 2, One, Str, ALWAYS | REQUIRED), f("readOnly", 3, One, Bool, 0)],
    inlined: &[],
    custom: false,
};

pub static NODE: Message = Message {
    name: "io.k8s.api.core.v1.Node",
    gvk: Some(("", "v1", "Node")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&NODE_SPEC), ALWAYS),
        f("status", 3, One, Msg(&NODE_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static NODE_ADDRESS: Message = Message {
    name: "io.k8s.api.core.v1.NodeAddress",
    gvk: None,
    atomic: false,
    fields: &[f("type", 1, One, Str, ALWAYS | REQUIRED), f("address", 2, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static NODE_AFFINITY: Message = Message {
    name: "io.k8s.api.core.v1.NodeAffinity",
    gvk: None,
    atomic: false,
    fields: &[
        f("requiredDuringSchedulingIgnoredDuringExecution", 1, One, Msg(&NODE_SELECTOR), KEEP),
        f("preferredDuringSchedulingIgnoredDuringExecution", 2, List, Msg(&PREFERRED_SCHEDULING_TERM), 0),
    ],
    inlined: &[],
    custom: false,
};

pub static NODE_CONDITION: Message = Message {
    name: "io.k8s.api.core.v1.NodeCondition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("status", 2, One, Str, ALWAYS | REQUIRED),
        f("lastHeartbeatTime", 3, One, Time, ALWAYS),
        f("lastTransitionTime", 4, One, Time, ALWAYS),
        f("reason", 5, One, Str, 0),
        f("message", 6, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static NODE_CONFIG_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.NodeConfigSource",
    gvk: None,
    atomic: false,
    fields: &[f("configMap", 2, One, Msg(&CONFIG_MAP_NODE_CONFIG_SOURCE), KEEP)],
    inlined: &[],
    custom: false,
};

pub static NODE_CONFIG_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.NodeConfigStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("assigned", 1, One, Msg(&NODE_CONFIG_SOURCE), KEEP),
        f("active", 2, One, Msg(&NODE_CONFIG_SOURCE), KEEP),
        f("lastKnownGood", 3, One, Msg(&NODE_CONFIG_SOURCE), KEEP),
        f("error", 4, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static NODE_DAEMON_ENDPOINTS: Message = Message {
    name: "io.k8s.api.core.v1.NodeDaemonEndpoints",
    gvk: None,
    atomic: false,
    fields: &[f("kubeletEndpoint", 1, One, Msg(&DAEMON_ENDPOINT), ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static NODE_FEATURES: Message = Message {
    name: "io.k8s.api.core.v1.NodeFeatures",
    gvk: None,
    atomic: false,
    fields: &[f("supplementalGroupsPolicy", 1, One, Bool, KEEP)],
    inlined: &[],
    custom: false,
};

pub static NODE_RUNTIME_HANDLER: Message = Message {
    name: "io.k8s.api.core.v1.NodeRuntimeHandler",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS), f("features", 2, One, Msg(&NODE_RUNTIME_HANDLER_FEATURES), KEEP)],
    inlined: &[],
    custom: false,
};

pub static NODE_RUNTIME_HANDLER_FEATURES: Message = Message {
    name: "io.k8s.api.core.v1.NodeRuntimeHandlerFeatures",
    gvk: None,
    atomic: false,
    fields: &[f("recursiveReadOnlyMounts", 1, One, Bool, KEEP), f("userNamespaces", 2, One, Bool, KEEP)],
    inlined: &[],
    custom: false,
};

pub static NODE_SELECTOR: Message = Message {
    name: "io.k8s.api.core.v1.NodeSelector",
    gvk: None,
    atomic: true,
    fields: &[f("nodeSelectorTerms", 1, List, Msg(&NODE_SELECTOR_TERM), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static NODE_SELECTOR_REQUIREMENT: Message = Message {
    name: "io.k8s.api.core.v1.NodeSelectorRequirement",
    gvk: None,
    atomic: false,
    fields: &[f("key", 1, One, Str, ALWAYS | REQUIRED), f("operator", 2, One, Str, ALWAYS | REQUIRED), f("values", 3, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static NODE_SELECTOR_TERM: Message = Message {
    name: "io.k8s.api.core.v1.NodeSelectorTerm",
    gvk: None,
    atomic: true,
    fields: &[f("matchExpressions", 1, List, Msg(&NODE_SELECTOR_REQUIREMENT), 0), f("matchFields", 2, List, Msg(&NODE_SELECTOR_REQUIREMENT), 0)],
    inlined: &[],
    custom: false,
};

pub static NODE_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.NodeSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("podCIDR", 1, One, Str, 0),
        f("podCIDRs", 7, List, Str, SET | MERGE),
        f("providerID", 3, One, Str, 0),
        f("unschedulable", 4, One, Bool, 0),
        f("taints", 5, List, Msg(&TAINT), 0),
        f("configSource", 6, One, Msg(&NODE_CONFIG_SOURCE), KEEP),
        f("externalID", 2, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static NODE_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.NodeStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("capacity", 1, Map, Quantity, 0),
        f("allocatable", 2, Map, Quantity, 0),
        f("phase", 3, One, Str, 0),
        x("conditions", 4, List, Msg(&NODE_CONDITION), MAP | MERGE, &X11),
        x("addresses", 5, List, Msg(&NODE_ADDRESS), MAP | MERGE, &X11),
        f("daemonEndpoints", 6, One, Msg(&NODE_DAEMON_ENDPOINTS), ALWAYS),
        f("nodeInfo", 7, One, Msg(&NODE_SYSTEM_INFO), ALWAYS),
        f("images", 8, List, Msg(&CONTAINER_IMAGE), 0),
        f("volumesInUse", 9, List, Str, 0),
        f("volumesAttached", 10, List, Msg(&ATTACHED_VOLUME), 0),
        f("config", 11, One, Msg(&NODE_CONFIG_STATUS), KEEP),
        f("runtimeHandlers", 12, List, Msg(&NODE_RUNTIME_HANDLER), 0),
        f("features", 13, One, Msg(&NODE_FEATURES), KEEP),
        f("declaredFeatures", 14, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static NODE_SWAP_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.NodeSwapStatus",
    gvk: None,
    atomic: false,
    fields: &[f("capacity", 1, One, Int64, KEEP)],
    inlined: &[],
    custom: false,
};

pub static NODE_SYSTEM_INFO: Message = Message {
    name: "io.k8s.api.core.v1.NodeSystemInfo",
    gvk: None,
    atomic: false,
    fields: &[
        f("machineID", 1, One, Str, ALWAYS | REQUIRED),
        f("systemUUID", 2, One, Str, ALWAYS | REQUIRED),
        f("bootID", 3, One, Str, ALWAYS | REQUIRED),
        f("kernelVersion", 4, One, Str, ALWAYS | REQUIRED),
        f("osImage", 5, One, Str, ALWAYS | REQUIRED),
        f("containerRuntimeVersion", 6, One, Str, ALWAYS | REQUIRED),
        f("kubeletVersion", 7, One, Str, ALWAYS | REQUIRED),
        f("kubeProxyVersion", 8, One, Str, ALWAYS | REQUIRED),
        f("operatingSystem", 9, One, Str, ALWAYS | REQUIRED),
        f("architecture", 10, One, Str, ALWAYS | REQUIRED),
        f("swap", 11, One, Msg(&NODE_SWAP_STATUS), KEEP),
        f("runningInUserNamespace", 12, One, Bool, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static OBJECT_FIELD_SELECTOR: Message = Message {
    name: "io.k8s.api.core.v1.ObjectFieldSelector",
    gvk: None,
    atomic: true,
    fields: &[f("apiVersion", 1, One, Str, 0), f("fieldPath", 2, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.api.core.v1.ObjectReference",
    gvk: None,
    atomic: true,
    fields: &[
        f("kind", 1, One, Str, 0),
        f("namespace", 2, One, Str, 0),
        f("name", 3, One, Str, 0),
        f("uid", 4, One, Str, 0),
        f("apiVersion", 5, One, Str, 0),
        f("resourceVersion", 6, One, Str, 0),
        f("fieldPath", 7, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static PERSISTENT_VOLUME_CLAIM_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.PersistentVolumeClaimSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("accessModes", 1, List, Str, 0),
        f("selector", 4, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP),
        f("resources", 2, One, Msg(&VOLUME_RESOURCE_REQUIREMENTS), ALWAYS),
        f("volumeName", 3, One, Str, 0),
        f("storageClassName", 5, One, Str, KEEP),
        f("volumeMode", 6, One, Str, KEEP),
        f("dataSource", 7, One, Msg(&TYPED_LOCAL_OBJECT_REFERENCE), KEEP),
        f("dataSourceRef", 8, One, Msg(&TYPED_OBJECT_REFERENCE), KEEP),
        f("volumeAttributesClassName", 9, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static PERSISTENT_VOLUME_CLAIM_TEMPLATE: Message = Message {
    name: "io.k8s.api.core.v1.PersistentVolumeClaimTemplate",
    gvk: None,
    atomic: false,
    fields: &[
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&PERSISTENT_VOLUME_CLAIM_SPEC), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("claimName", 1, One, Str, ALWAYS | REQUIRED), f("readOnly", 2, One, Bool, 0)],
    inlined: &[],
    custom: false,
};

pub static PHOTON_PERSISTENT_DISK_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("pdID", 1, One, Str, ALWAYS | REQUIRED), f("fsType", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static POD: Message = Message {
    name: "io.k8s.api.core.v1.Pod",
    gvk: Some(("", "v1", "Pod")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&POD_SPEC), ALWAYS),
        f("status", 3, One, Msg(&POD_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_AFFINITY: Message = Message {
    name: "io.k8s.api.core.v1.PodAffinity",
    gvk: None,
    atomic: false,
    fields: &[
        f("requiredDuringSchedulingIgnoredDuringExecution", 1, List, Msg(&POD_AFFINITY_TERM), 0),
        f("preferredDuringSchedulingIgnoredDuringExecution", 2, List, Msg(&WEIGHTED_POD_AFFINITY_TERM), 0),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_AFFINITY_TERM: Message = Message {
    name: "io.k8s.api.core.v1.PodAffinityTerm",
    gvk: None,
    atomic: false,
    fields: &[
        f("labelSelector", 1, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP),
        f("namespaces", 2, List, Str, 0),
        f("topologyKey", 3, One, Str, ALWAYS | REQUIRED),
        f("namespaceSelector", 4, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP),
        f("matchLabelKeys", 5, List, Str, 0),
        f("mismatchLabelKeys", 6, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_ANTI_AFFINITY: Message = Message {
    name: "io.k8s.api.core.v1.PodAntiAffinity",
    gvk: None,
    atomic: false,
    fields: &[
        f("requiredDuringSchedulingIgnoredDuringExecution", 1, List, Msg(&POD_AFFINITY_TERM), 0),
        f("preferredDuringSchedulingIgnoredDuringExecution", 2, List, Msg(&WEIGHTED_POD_AFFINITY_TERM), 0),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_CERTIFICATE_PROJECTION: Message = Message {
    name: "io.k8s.api.core.v1.PodCertificateProjection",
    gvk: None,
    atomic: false,
    fields: &[
        f("signerName", 1, One, Str, REQUIRED),
        f("keyType", 2, One, Str, REQUIRED),
        f("maxExpirationSeconds", 3, One, Int32, KEEP),
        f("credentialBundlePath", 4, One, Str, 0),
        f("keyPath", 5, One, Str, 0),
        f("certificateChainPath", 6, One, Str, 0),
        f("userAnnotations", 7, Map, Str, 0),
        f("user", 8, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_CONDITION: Message = Message {
    name: "io.k8s.api.core.v1.PodCondition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("observedGeneration", 7, One, Int64, 0),
        f("status", 2, One, Str, ALWAYS | REQUIRED),
        f("lastProbeTime", 3, One, Time, ALWAYS),
        f("lastTransitionTime", 4, One, Time, ALWAYS),
        f("reason", 5, One, Str, 0),
        f("message", 6, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_DNS_CONFIG: Message = Message {
    name: "io.k8s.api.core.v1.PodDNSConfig",
    gvk: None,
    atomic: false,
    fields: &[f("nameservers", 1, List, Str, 0), f("searches", 2, List, Str, 0), f("options", 3, List, Msg(&POD_DNS_CONFIG_OPTION), 0)],
    inlined: &[],
    custom: false,
};

pub static POD_DNS_CONFIG_OPTION: Message = Message {
    name: "io.k8s.api.core.v1.PodDNSConfigOption",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, 0), f("value", 2, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static POD_EXTENDED_RESOURCE_CLAIM_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.PodExtendedResourceClaimStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("requestMappings", 1, List, Msg(&CONTAINER_EXTENDED_RESOURCE_REQUEST), ALWAYS | REQUIRED),
        f("resourceClaimName", 2, One, Str, ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_IP: Message = Message {
    name: "io.k8s.api.core.v1.PodIP",
    gvk: None,
    atomic: false,
    fields: &[f("ip", 1, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static POD_OS: Message = Message {
    name: "io.k8s.api.core.v1.PodOS",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static POD_READINESS_GATE: Message = Message {
    name: "io.k8s.api.core.v1.PodReadinessGate",
    gvk: None,
    atomic: false,
    fields: &[f("conditionType", 1, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static POD_RESOURCE_CLAIM: Message = Message {
    name: "io.k8s.api.core.v1.PodResourceClaim",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("resourceClaimName", 3, One, Str, KEEP),
        f("resourceClaimTemplateName", 4, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_RESOURCE_CLAIM_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.PodResourceClaimStatus",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("resourceClaimName", 2, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static POD_SCHEDULING_GATE: Message = Message {
    name: "io.k8s.api.core.v1.PodSchedulingGate",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static POD_SECURITY_CONTEXT: Message = Message {
    name: "io.k8s.api.core.v1.PodSecurityContext",
    gvk: None,
    atomic: false,
    fields: &[
        f("seLinuxOptions", 1, One, Msg(&SE_LINUX_OPTIONS), KEEP),
        f("windowsOptions", 8, One, Msg(&WINDOWS_SECURITY_CONTEXT_OPTIONS), KEEP),
        f("runAsUser", 2, One, Int64, KEEP),
        f("runAsGroup", 6, One, Int64, KEEP),
        f("runAsNonRoot", 3, One, Bool, KEEP),
        f("supplementalGroups", 4, List, Int64, 0),
        f("supplementalGroupsPolicy", 12, One, Str, KEEP),
        f("fsGroup", 5, One, Int64, KEEP),
        f("sysctls", 7, List, Msg(&SYSCTL), 0),
        f("fsGroupChangePolicy", 9, One, Str, KEEP),
        f("seccompProfile", 10, One, Msg(&SECCOMP_PROFILE), KEEP),
        f("appArmorProfile", 11, One, Msg(&APP_ARMOR_PROFILE), KEEP),
        f("seLinuxChangePolicy", 13, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.PodSpec",
    gvk: None,
    atomic: false,
    fields: &[
        x("volumes", 1, List, Msg(&VOLUME), MAP | MERGE | RETAIN_KEYS, &X6),
        x("initContainers", 20, List, Msg(&CONTAINER), MAP | MERGE, &X6),
        x("containers", 2, List, Msg(&CONTAINER), ALWAYS | REQUIRED | MAP | MERGE, &X6),
        x("ephemeralContainers", 34, List, Msg(&EPHEMERAL_CONTAINER), MAP | MERGE, &X6),
        f("restartPolicy", 3, One, Str, 0),
        f("terminationGracePeriodSeconds", 4, One, Int64, KEEP),
        f("activeDeadlineSeconds", 5, One, Int64, KEEP),
        f("dnsPolicy", 6, One, Str, 0),
        f("nodeSelector", 7, Map, Str, ATOMIC),
        f("serviceAccountName", 8, One, Str, 0),
        f("serviceAccount", 9, One, Str, 0),
        f("automountServiceAccountToken", 21, One, Bool, KEEP),
        f("nodeName", 10, One, Str, 0),
        f("hostNetwork", 11, One, Bool, 0),
        f("hostPID", 12, One, Bool, 0),
        f("hostIPC", 13, One, Bool, 0),
        f("shareProcessNamespace", 27, One, Bool, KEEP),
        f("securityContext", 14, One, Msg(&POD_SECURITY_CONTEXT), KEEP),
        x("imagePullSecrets", 15, List, Msg(&LOCAL_OBJECT_REFERENCE), MAP | MERGE, &X6),
        f("hostname", 16, One, Str, 0),
        f("subdomain", 17, One, Str, 0),
        f("affinity", 18, One, Msg(&AFFINITY), KEEP),
        f("schedulerName", 19, One, Str, 0),
        f("tolerations", 22, List, Msg(&TOLERATION), 0),
        x("hostAliases", 23, List, Msg(&HOST_ALIAS), MAP | MERGE, &X12),
        f("priorityClassName", 24, One, Str, 0),
        f("priority", 25, One, Int32, KEEP),
        f("dnsConfig", 26, One, Msg(&POD_DNS_CONFIG), KEEP),
        f("readinessGates", 28, List, Msg(&POD_READINESS_GATE), 0),
        f("runtimeClassName", 29, One, Str, KEEP),
        f("enableServiceLinks", 30, One, Bool, KEEP),
        f("preemptionPolicy", 31, One, Str, KEEP),
        f("overhead", 32, Map, Quantity, 0),
        x("topologySpreadConstraints", 33, List, Msg(&TOPOLOGY_SPREAD_CONSTRAINT), MAP | MERGE, &X13),
        f("setHostnameAsFQDN", 35, One, Bool, KEEP),
        f("os", 36, One, Msg(&POD_OS), KEEP),
        f("hostUsers", 37, One, Bool, KEEP),
        x("schedulingGates", 38, List, Msg(&POD_SCHEDULING_GATE), MAP | MERGE, &X6),
        x("resourceClaims", 39, List, Msg(&POD_RESOURCE_CLAIM), MAP | MERGE | RETAIN_KEYS, &X6),
        f("resources", 40, One, Msg(&RESOURCE_REQUIREMENTS), KEEP),
        f("hostnameOverride", 41, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.PodStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("observedGeneration", 17, One, Int64, 0),
        f("phase", 1, One, Str, 0),
        x("conditions", 2, List, Msg(&POD_CONDITION), MAP | MERGE, &X11),
        f("message", 3, One, Str, 0),
        f("reason", 4, One, Str, 0),
        f("nominatedNodeName", 11, One, Str, 0),
        f("hostIP", 5, One, Str, 0),
        x("hostIPs", 16, List, Msg(&HOST_IP), MERGE, &X14),
        f("podIP", 6, One, Str, 0),
        x("podIPs", 12, List, Msg(&POD_IP), MAP | MERGE, &X12),
        f("startTime", 7, One, Time, KEEP),
        f("initContainerStatuses", 10, List, Msg(&CONTAINER_STATUS), 0),
        f("containerStatuses", 8, List, Msg(&CONTAINER_STATUS), 0),
        f("qosClass", 9, One, Str, 0),
        f("ephemeralContainerStatuses", 13, List, Msg(&CONTAINER_STATUS), 0),
        f("resize", 14, One, Str, 0),
        x("resourceClaimStatuses", 15, List, Msg(&POD_RESOURCE_CLAIM_STATUS), MAP | MERGE | RETAIN_KEYS, &X6),
        f("extendedResourceClaimStatus", 18, One, Msg(&POD_EXTENDED_RESOURCE_CLAIM_STATUS), KEEP),
        f("allocatedResources", 19, Map, Quantity, 0),
        f("resources", 20, One, Msg(&RESOURCE_REQUIREMENTS), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_TEMPLATE_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.PodTemplateSpec",
    gvk: None,
    atomic: false,
    fields: &[f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS), f("spec", 2, One, Msg(&POD_SPEC), ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static PORT_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.PortStatus",
    gvk: None,
    atomic: false,
    fields: &[f("port", 1, One, Int32, ALWAYS | REQUIRED), f("protocol", 2, One, Str, ALWAYS | REQUIRED), f("error", 3, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static PORTWORX_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.PortworxVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("volumeID", 1, One, Str, ALWAYS | REQUIRED), f("fsType", 2, One, Str, 0), f("readOnly", 3, One, Bool, 0)],
    inlined: &[],
    custom: false,
};

pub static PREFERRED_SCHEDULING_TERM: Message = Message {
    name: "io.k8s.api.core.v1.PreferredSchedulingTerm",
    gvk: None,
    atomic: false,
    fields: &[f("weight", 1, One, Int32, ALWAYS | REQUIRED), f("preference", 2, One, Msg(&NODE_SELECTOR_TERM), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static PROBE: Message = Message {
    name: "io.k8s.api.core.v1.Probe",
    gvk: None,
    atomic: false,
    fields: &[
        f("exec", 0, One, Msg(&EXEC_ACTION), KEEP),
        f("httpGet", 0, One, Msg(&HTTP_GET_ACTION), KEEP),
        f("tcpSocket", 0, One, Msg(&TCP_SOCKET_ACTION), KEEP),
        f("grpc", 0, One, Msg(&GRPC_ACTION), KEEP),
        f("initialDelaySeconds", 2, One, Int32, 0),
        f("timeoutSeconds", 3, One, Int32, 0),
        f("periodSeconds", 4, One, Int32, 0),
        f("successThreshold", 5, One, Int32, 0),
        f("failureThreshold", 6, One, Int32, 0),
        f("terminationGracePeriodSeconds", 7, One, Int64, KEEP),
    ],
    inlined: &[(1, &PROBE_HANDLER)],
    custom: false,
};

pub static PROBE_HANDLER: Message = Message {
    name: "io.k8s.api.core.v1.ProbeHandler",
    gvk: None,
    atomic: false,
    fields: &[
        f("exec", 1, One, Msg(&EXEC_ACTION), KEEP),
        f("httpGet", 2, One, Msg(&HTTP_GET_ACTION), KEEP),
        f("tcpSocket", 3, One, Msg(&TCP_SOCKET_ACTION), KEEP),
        f("grpc", 4, One, Msg(&GRPC_ACTION), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static PROJECTED_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.ProjectedVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[f("sources", 1, List, Msg(&VOLUME_PROJECTION), ALWAYS), f("defaultMode", 2, One, Int32, KEEP), f("defaultUser", 3, One, Int64, KEEP)],
    inlined: &[],
    custom: false,
};

pub static QUOBYTE_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.QuobyteVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("registry", 1, One, Str, ALWAYS | REQUIRED),
        f("volume", 2, One, Str, ALWAYS | REQUIRED),
        f("readOnly", 3, One, Bool, 0),
        f("user", 4, One, Str, 0),
        f("group", 5, One, Str, 0),
        f("tenant", 6, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static RBD_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.RBDVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("monitors", 1, List, Str, ALWAYS | REQUIRED),
        f("image", 2, One, Str, ALWAYS | REQUIRED),
        f("fsType", 3, One, Str, 0),
        x("pool", 4, One, Str, 0, &X15),
        x("user", 5, One, Str, 0, &X16),
        x("keyring", 6, One, Str, 0, &X17),
        f("secretRef", 7, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP),
        f("readOnly", 8, One, Bool, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_CLAIM: Message = Message {
    name: "io.k8s.api.core.v1.ResourceClaim",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("request", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_FIELD_SELECTOR: Message = Message {
    name: "io.k8s.api.core.v1.ResourceFieldSelector",
    gvk: None,
    atomic: true,
    fields: &[f("containerName", 1, One, Str, 0), f("resource", 2, One, Str, ALWAYS | REQUIRED), f("divisor", 3, One, Quantity, ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_HEALTH: Message = Message {
    name: "io.k8s.api.core.v1.ResourceHealth",
    gvk: None,
    atomic: false,
    fields: &[f("resourceID", 1, One, Str, ALWAYS | REQUIRED), f("health", 2, One, Str, 0), f("message", 6, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_QUOTA: Message = Message {
    name: "io.k8s.api.core.v1.ResourceQuota",
    gvk: Some(("", "v1", "ResourceQuota")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&RESOURCE_QUOTA_SPEC), ALWAYS),
        f("status", 3, One, Msg(&RESOURCE_QUOTA_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_QUOTA_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.ResourceQuotaSpec",
    gvk: None,
    atomic: false,
    fields: &[f("hard", 1, Map, Quantity, 0), f("scopes", 2, List, Str, 0), f("scopeSelector", 3, One, Msg(&SCOPE_SELECTOR), KEEP)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_QUOTA_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.ResourceQuotaStatus",
    gvk: None,
    atomic: false,
    fields: &[f("hard", 1, Map, Quantity, 0), f("used", 2, Map, Quantity, 0)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_REQUIREMENTS: Message = Message {
    name: "io.k8s.api.core.v1.ResourceRequirements",
    gvk: None,
    atomic: false,
    fields: &[f("limits", 1, Map, Quantity, 0), f("requests", 2, Map, Quantity, 0), x("claims", 3, List, Msg(&RESOURCE_CLAIM), MAP, &X18)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.ResourceStatus",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), x("resources", 2, List, Msg(&RESOURCE_HEALTH), MAP, &X19)],
    inlined: &[],
    custom: false,
};

pub static SCALE_IO_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.ScaleIOVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("gateway", 1, One, Str, ALWAYS | REQUIRED),
        f("system", 2, One, Str, ALWAYS | REQUIRED),
        f("secretRef", 3, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP | ALWAYS | REQUIRED),
        f("sslEnabled", 4, One, Bool, 0),
        f("protectionDomain", 5, One, Str, 0),
        f("storagePool", 6, One, Str, 0),
        x("storageMode", 7, One, Str, 0, &X20),
        f("volumeName", 8, One, Str, 0),
        x("fsType", 9, One, Str, 0, &X21),
        f("readOnly", 10, One, Bool, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static SCOPED_RESOURCE_SELECTOR_REQUIREMENT: Message = Message {
    name: "io.k8s.api.core.v1.ScopedResourceSelectorRequirement",
    gvk: None,
    atomic: false,
    fields: &[f("scopeName", 1, One, Str, ALWAYS | REQUIRED), f("operator", 2, One, Str, ALWAYS | REQUIRED), f("values", 3, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static SCOPE_SELECTOR: Message = Message {
    name: "io.k8s.api.core.v1.ScopeSelector",
    gvk: None,
    atomic: true,
    fields: &[f("matchExpressions", 1, List, Msg(&SCOPED_RESOURCE_SELECTOR_REQUIREMENT), 0)],
    inlined: &[],
    custom: false,
};

pub static SECCOMP_PROFILE: Message = Message {
    name: "io.k8s.api.core.v1.SeccompProfile",
    gvk: None,
    atomic: false,
    fields: &[f("type", 1, One, Str, ALWAYS | REQUIRED), f("localhostProfile", 2, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static SECRET: Message = Message {
    name: "io.k8s.api.core.v1.Secret",
    gvk: Some(("", "v1", "Secret")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("immutable", 5, One, Bool, KEEP),
        f("data", 2, Map, Bytes, 0),
        f("stringData", 4, Map, Str, 0),
        f("type", 3, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static SECRET_ENV_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.SecretEnvSource",
    gvk: None,
    atomic: false,
    fields: &[x("name", 0, One, Str, REQUIRED, &X4), f("optional", 2, One, Bool, KEEP)],
    inlined: &[(1, &LOCAL_OBJECT_REFERENCE)],
    custom: false,
};

pub static SECRET_KEY_SELECTOR: Message = Message {
    name: "io.k8s.api.core.v1.SecretKeySelector",
    gvk: None,
    atomic: true,
    fields: &[x("name", 0, One, Str, REQUIRED, &X4), f("key", 2, One, Str, ALWAYS | REQUIRED), f("optional", 3, One, Bool, KEEP)],
    inlined: &[(1, &LOCAL_OBJECT_REFERENCE)],
    custom: false,
};

pub static SECRET_PROJECTION: Message = Message {
    name: "io.k8s.api.core.v1.SecretProjection",
    gvk: None,
    atomic: false,
    fields: &[x("name", 0, One, Str, REQUIRED, &X4), f("items", 2, List, Msg(&KEY_TO_PATH), 0), f("optional", 4, One, Bool, KEEP)],
    inlined: &[(1, &LOCAL_OBJECT_REFERENCE)],
    custom: false,
};

pub static SECRET_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.SecretVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("secretName", 1, One, Str, 0),
        f("items", 2, List, Msg(&KEY_TO_PATH), 0),
        f("defaultMode", 3, One, Int32, KEEP),
        f("optional", 4, One, Bool, KEEP),
        f("defaultUser", 5, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SECURITY_CONTEXT: Message = Message {
    name: "io.k8s.api.core.v1.SecurityContext",
    gvk: None,
    atomic: false,
    fields: &[
        f("capabilities", 1, One, Msg(&CAPABILITIES), KEEP),
        f("privileged", 2, One, Bool, KEEP),
        f("seLinuxOptions", 3, One, Msg(&SE_LINUX_OPTIONS), KEEP),
        f("windowsOptions", 10, One, Msg(&WINDOWS_SECURITY_CONTEXT_OPTIONS), KEEP),
        f("runAsUser", 4, One, Int64, KEEP),
        f("runAsGroup", 8, One, Int64, KEEP),
        f("runAsNonRoot", 5, One, Bool, KEEP),
        f("readOnlyRootFilesystem", 6, One, Bool, KEEP),
        f("allowPrivilegeEscalation", 7, One, Bool, KEEP),
        f("procMount", 9, One, Str, KEEP),
        f("seccompProfile", 11, One, Msg(&SECCOMP_PROFILE), KEEP),
        f("appArmorProfile", 12, One, Msg(&APP_ARMOR_PROFILE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SE_LINUX_OPTIONS: Message = Message {
    name: "io.k8s.api.core.v1.SELinuxOptions",
    gvk: None,
    atomic: false,
    fields: &[f("user", 1, One, Str, 0), f("role", 2, One, Str, 0), f("type", 3, One, Str, 0), f("level", 4, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static SERVICE: Message = Message {
    name: "io.k8s.api.core.v1.Service",
    gvk: Some(("", "v1", "Service")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&SERVICE_SPEC), ALWAYS),
        f("status", 3, One, Msg(&SERVICE_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static SERVICE_ACCOUNT: Message = Message {
    name: "io.k8s.api.core.v1.ServiceAccount",
    gvk: Some(("", "v1", "ServiceAccount")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        x("secrets", 2, List, Msg(&OBJECT_REFERENCE), MAP | MERGE, &X6),
        f("imagePullSecrets", 3, List, Msg(&LOCAL_OBJECT_REFERENCE), 0),
        f("automountServiceAccountToken", 4, One, Bool, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SERVICE_ACCOUNT_TOKEN_PROJECTION: Message = Message {
    name: "io.k8s.api.core.v1.ServiceAccountTokenProjection",
    gvk: None,
    atomic: false,
    fields: &[
        f("audience", 1, One, Str, 0),
        f("expirationSeconds", 2, One, Int64, KEEP),
        f("path", 3, One, Str, ALWAYS | REQUIRED),
        f("user", 4, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SERVICE_PORT: Message = Message {
    name: "io.k8s.api.core.v1.ServicePort",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, 0),
        x("protocol", 2, One, Str, 0, &X9),
        f("appProtocol", 6, One, Str, KEEP),
        f("port", 3, One, Int32, ALWAYS | REQUIRED),
        f("targetPort", 4, One, IntOrString, ALWAYS),
        f("nodePort", 5, One, Int32, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static SERVICE_SPEC: Message = Message {
    name: "io.k8s.api.core.v1.ServiceSpec",
    gvk: None,
    atomic: false,
    fields: &[
        x("ports", 1, List, Msg(&SERVICE_PORT), MAP | MERGE, &X22),
        f("selector", 2, Map, Str, ATOMIC),
        f("clusterIP", 3, One, Str, 0),
        f("clusterIPs", 18, List, Str, 0),
        f("type", 4, One, Str, 0),
        f("externalIPs", 5, List, Str, 0),
        f("sessionAffinity", 7, One, Str, 0),
        f("loadBalancerIP", 8, One, Str, 0),
        f("loadBalancerSourceRanges", 9, List, Str, 0),
        f("externalName", 10, One, Str, 0),
        f("externalTrafficPolicy", 11, One, Str, 0),
        f("healthCheckNodePort", 12, One, Int32, 0),
        f("publishNotReadyAddresses", 13, One, Bool, 0),
        f("sessionAffinityConfig", 14, One, Msg(&SESSION_AFFINITY_CONFIG), KEEP),
        f("ipFamilies", 19, List, Str, 0),
        f("ipFamilyPolicy", 17, One, Str, KEEP),
        f("allocateLoadBalancerNodePorts", 20, One, Bool, KEEP),
        f("loadBalancerClass", 21, One, Str, KEEP),
        f("internalTrafficPolicy", 22, One, Str, KEEP),
        f("trafficDistribution", 23, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SERVICE_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.ServiceStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("loadBalancer", 1, One, Msg(&LOAD_BALANCER_STATUS), ALWAYS),
        x("conditions", 2, List, Msg(&super::meta_v1::CONDITION), MAP | MERGE, &X11),
    ],
    inlined: &[],
    custom: false,
};

pub static SESSION_AFFINITY_CONFIG: Message = Message {
    name: "io.k8s.api.core.v1.SessionAffinityConfig",
    gvk: None,
    atomic: false,
    fields: &[f("clientIP", 1, One, Msg(&CLIENT_IP_CONFIG), KEEP)],
    inlined: &[],
    custom: false,
};

pub static SLEEP_ACTION: Message = Message {
    name: "io.k8s.api.core.v1.SleepAction",
    gvk: None,
    atomic: false,
    fields: &[f("seconds", 1, One, Int64, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static STORAGE_OS_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.StorageOSVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("volumeName", 1, One, Str, 0),
        f("volumeNamespace", 2, One, Str, 0),
        f("fsType", 3, One, Str, 0),
        f("readOnly", 4, One, Bool, 0),
        f("secretRef", 5, One, Msg(&LOCAL_OBJECT_REFERENCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SYSCTL: Message = Message {
    name: "io.k8s.api.core.v1.Sysctl",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("value", 2, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static TAINT: Message = Message {
    name: "io.k8s.api.core.v1.Taint",
    gvk: None,
    atomic: false,
    fields: &[
        f("key", 1, One, Str, ALWAYS | REQUIRED),
        f("value", 2, One, Str, 0),
        f("effect", 3, One, Str, ALWAYS | REQUIRED),
        f("timeAdded", 4, One, Time, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static TCP_SOCKET_ACTION: Message = Message {
    name: "io.k8s.api.core.v1.TCPSocketAction",
    gvk: None,
    atomic: false,
    fields: &[f("port", 1, One, IntOrString, ALWAYS | REQUIRED), f("host", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static TOLERATION: Message = Message {
    name: "io.k8s.api.core.v1.Toleration",
    gvk: None,
    atomic: false,
    fields: &[
        f("key", 1, One, Str, 0),
        f("operator", 2, One, Str, 0),
        f("value", 3, One, Str, 0),
        f("effect", 4, One, Str, 0),
        f("tolerationSeconds", 5, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static TOPOLOGY_SPREAD_CONSTRAINT: Message = Message {
    name: "io.k8s.api.core.v1.TopologySpreadConstraint",
    gvk: None,
    atomic: false,
    fields: &[
        f("maxSkew", 1, One, Int32, ALWAYS | REQUIRED),
        f("topologyKey", 2, One, Str, ALWAYS | REQUIRED),
        f("whenUnsatisfiable", 3, One, Str, ALWAYS | REQUIRED),
        f("labelSelector", 4, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP),
        f("minDomains", 5, One, Int32, KEEP),
        f("nodeAffinityPolicy", 6, One, Str, KEEP),
        f("nodeTaintsPolicy", 7, One, Str, KEEP),
        f("matchLabelKeys", 8, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static TYPED_LOCAL_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.api.core.v1.TypedLocalObjectReference",
    gvk: None,
    atomic: true,
    fields: &[f("apiGroup", 1, One, Str, KEEP | ALWAYS), f("kind", 2, One, Str, ALWAYS | REQUIRED), f("name", 3, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static TYPED_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.api.core.v1.TypedObjectReference",
    gvk: None,
    atomic: false,
    fields: &[
        f("apiGroup", 1, One, Str, KEEP | ALWAYS),
        f("kind", 2, One, Str, ALWAYS | REQUIRED),
        f("name", 3, One, Str, ALWAYS | REQUIRED),
        f("namespace", 4, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static VOLUME: Message = Message {
    name: "io.k8s.api.core.v1.Volume",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("hostPath", 0, One, Msg(&HOST_PATH_VOLUME_SOURCE), KEEP),
        f("emptyDir", 0, One, Msg(&EMPTY_DIR_VOLUME_SOURCE), KEEP),
        f("gcePersistentDisk", 0, One, Msg(&GCE_PERSISTENT_DISK_VOLUME_SOURCE), KEEP),
        f("awsElasticBlockStore", 0, One, Msg(&AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE), KEEP),
        f("gitRepo", 0, One, Msg(&GIT_REPO_VOLUME_SOURCE), KEEP),
        f("secret", 0, One, Msg(&SECRET_VOLUME_SOURCE), KEEP),
        f("nfs", 0, One, Msg(&NFS_VOLUME_SOURCE), KEEP),
        f("iscsi", 0, One, Msg(&ISCSI_VOLUME_SOURCE), KEEP),
        f("glusterfs", 0, One, Msg(&GLUSTERFS_VOLUME_SOURCE), KEEP),
        f("persistentVolumeClaim", 0, One, Msg(&PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE), KEEP),
        f("rbd", 0, One, Msg(&RBD_VOLUME_SOURCE), KEEP),
        f("flexVolume", 0, One, Msg(&FLEX_VOLUME_SOURCE), KEEP),
        f("cinder", 0, One, Msg(&CINDER_VOLUME_SOURCE), KEEP),
        f("cephfs", 0, One, Msg(&CEPH_FS_VOLUME_SOURCE), KEEP),
        f("flocker", 0, One, Msg(&FLOCKER_VOLUME_SOURCE), KEEP),
        f("downwardAPI", 0, One, Msg(&DOWNWARD_API_VOLUME_SOURCE), KEEP),
        f("fc", 0, One, Msg(&FC_VOLUME_SOURCE), KEEP),
        f("azureFile", 0, One, Msg(&AZURE_FILE_VOLUME_SOURCE), KEEP),
        f("configMap", 0, One, Msg(&CONFIG_MAP_VOLUME_SOURCE), KEEP),
        f("vsphereVolume", 0, One, Msg(&VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE), KEEP),
        f("quobyte", 0, One, Msg(&QUOBYTE_VOLUME_SOURCE), KEEP),
        f("azureDisk", 0, One, Msg(&AZURE_DISK_VOLUME_SOURCE), KEEP),
        f("photonPersistentDisk", 0, One, Msg(&PHOTON_PERSISTENT_DISK_VOLUME_SOURCE), KEEP),
        f("projected", 0, One, Msg(&PROJECTED_VOLUME_SOURCE), KEEP),
        f("portworxVolume", 0, One, Msg(&PORTWORX_VOLUME_SOURCE), KEEP),
        f("scaleIO", 0, One, Msg(&SCALE_IO_VOLUME_SOURCE), KEEP),
        f("storageos", 0, One, Msg(&STORAGE_OS_VOLUME_SOURCE), KEEP),
        f("csi", 0, One, Msg(&CSI_VOLUME_SOURCE), KEEP),
        f("ephemeral", 0, One, Msg(&EPHEMERAL_VOLUME_SOURCE), KEEP),
        f("image", 0, One, Msg(&IMAGE_VOLUME_SOURCE), KEEP),
    ],
    inlined: &[(2, &VOLUME_SOURCE)],
    custom: false,
};

pub static VOLUME_DEVICE: Message = Message {
    name: "io.k8s.api.core.v1.VolumeDevice",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("devicePath", 2, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static VOLUME_MOUNT: Message = Message {
    name: "io.k8s.api.core.v1.VolumeMount",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("readOnly", 2, One, Bool, 0),
        f("recursiveReadOnly", 7, One, Str, KEEP),
        f("mountPath", 3, One, Str, ALWAYS | REQUIRED),
        f("subPath", 4, One, Str, 0),
        f("mountPropagation", 5, One, Str, KEEP),
        f("subPathExpr", 6, One, Str, 0),
        f("bindMountOptions", 8, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static VOLUME_MOUNT_STATUS: Message = Message {
    name: "io.k8s.api.core.v1.VolumeMountStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("mountPath", 2, One, Str, ALWAYS | REQUIRED),
        f("readOnly", 3, One, Bool, 0),
        f("recursiveReadOnly", 4, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static VOLUME_PROJECTION: Message = Message {
    name: "io.k8s.api.core.v1.VolumeProjection",
    gvk: None,
    atomic: false,
    fields: &[
        f("secret", 1, One, Msg(&SECRET_PROJECTION), KEEP),
        f("downwardAPI", 2, One, Msg(&DOWNWARD_API_PROJECTION), KEEP),
        f("configMap", 3, One, Msg(&CONFIG_MAP_PROJECTION), KEEP),
        f("serviceAccountToken", 4, One, Msg(&SERVICE_ACCOUNT_TOKEN_PROJECTION), KEEP),
        f("clusterTrustBundle", 5, One, Msg(&CLUSTER_TRUST_BUNDLE_PROJECTION), KEEP),
        f("podCertificate", 6, One, Msg(&POD_CERTIFICATE_PROJECTION), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static VOLUME_RESOURCE_REQUIREMENTS: Message = Message {
    name: "io.k8s.api.core.v1.VolumeResourceRequirements",
    gvk: None,
    atomic: false,
    fields: &[f("limits", 1, Map, Quantity, 0), f("requests", 2, Map, Quantity, 0)],
    inlined: &[],
    custom: false,
};

pub static VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.VolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("hostPath", 1, One, Msg(&HOST_PATH_VOLUME_SOURCE), KEEP),
        f("emptyDir", 2, One, Msg(&EMPTY_DIR_VOLUME_SOURCE), KEEP),
        f("gcePersistentDisk", 3, One, Msg(&GCE_PERSISTENT_DISK_VOLUME_SOURCE), KEEP),
        f("awsElasticBlockStore", 4, One, Msg(&AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE), KEEP),
        f("gitRepo", 5, One, Msg(&GIT_REPO_VOLUME_SOURCE), KEEP),
        f("secret", 6, One, Msg(&SECRET_VOLUME_SOURCE), KEEP),
        f("nfs", 7, One, Msg(&NFS_VOLUME_SOURCE), KEEP),
        f("iscsi", 8, One, Msg(&ISCSI_VOLUME_SOURCE), KEEP),
        f("glusterfs", 9, One, Msg(&GLUSTERFS_VOLUME_SOURCE), KEEP),
        f("persistentVolumeClaim", 10, One, Msg(&PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE), KEEP),
        f("rbd", 11, One, Msg(&RBD_VOLUME_SOURCE), KEEP),
        f("flexVolume", 12, One, Msg(&FLEX_VOLUME_SOURCE), KEEP),
        f("cinder", 13, One, Msg(&CINDER_VOLUME_SOURCE), KEEP),
        f("cephfs", 14, One, Msg(&CEPH_FS_VOLUME_SOURCE), KEEP),
        f("flocker", 15, One, Msg(&FLOCKER_VOLUME_SOURCE), KEEP),
        f("downwardAPI", 16, One, Msg(&DOWNWARD_API_VOLUME_SOURCE), KEEP),
        f("fc", 17, One, Msg(&FC_VOLUME_SOURCE), KEEP),
        f("azureFile", 18, One, Msg(&AZURE_FILE_VOLUME_SOURCE), KEEP),
        f("configMap", 19, One, Msg(&CONFIG_MAP_VOLUME_SOURCE), KEEP),
        f("vsphereVolume", 20, One, Msg(&VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE), KEEP),
        f("quobyte", 21, One, Msg(&QUOBYTE_VOLUME_SOURCE), KEEP),
        f("azureDisk", 22, One, Msg(&AZURE_DISK_VOLUME_SOURCE), KEEP),
        f("photonPersistentDisk", 23, One, Msg(&PHOTON_PERSISTENT_DISK_VOLUME_SOURCE), KEEP),
        f("projected", 26, One, Msg(&PROJECTED_VOLUME_SOURCE), KEEP),
        f("portworxVolume", 24, One, Msg(&PORTWORX_VOLUME_SOURCE), KEEP),
        f("scaleIO", 25, One, Msg(&SCALE_IO_VOLUME_SOURCE), KEEP),
        f("storageos", 27, One, Msg(&STORAGE_OS_VOLUME_SOURCE), KEEP),
        f("csi", 28, One, Msg(&CSI_VOLUME_SOURCE), KEEP),
        f("ephemeral", 29, One, Msg(&EPHEMERAL_VOLUME_SOURCE), KEEP),
        f("image", 30, One, Msg(&IMAGE_VOLUME_SOURCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE: Message = Message {
    name: "io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("volumePath", 1, One, Str, ALWAYS | REQUIRED),
        f("fsType", 2, One, Str, 0),
        f("storagePolicyName", 3, One, Str, 0),
        f("storagePolicyID", 4, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static WEIGHTED_POD_AFFINITY_TERM: Message = Message {
    name: "io.k8s.api.core.v1.WeightedPodAffinityTerm",
    gvk: None,
    atomic: false,
    fields: &[f("weight", 1, One, Int32, ALWAYS | REQUIRED), f("podAffinityTerm", 2, One, Msg(&POD_AFFINITY_TERM), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static WINDOWS_SECURITY_CONTEXT_OPTIONS: Message = Message {
    name: "io.k8s.api.core.v1.WindowsSecurityContextOptions",
    gvk: None,
    atomic: false,
    fields: &[
        f("gmsaCredentialSpecName", 1, One, Str, KEEP),
        f("gmsaCredentialSpec", 2, One, Str, KEEP),
        f("runAsUserName", 3, One, Str, KEEP),
        f("hostProcess", 4, One, Bool, KEEP),
    ],
    inlined: &[],
    custom: false,
};
