//! The words that a field of a built-in kind takes, which `kubectl explain` and code generators show. Upstream's tables carry them as types of Go,
//! which neither of the crates that ours are made from has.

/// The words of a field, by the last part of its message's name.
pub fn of(message: &str, field: &str) -> Option<&'static [&'static str]> {
    let part = message.strip_prefix("io.k8s.api.")?.rsplit('.').next()?;
    let is_meant = |(name, parts, _): &&(&str, &[&str], &[&str])| *name == field && (parts.is_empty() || parts.contains(&part));
    WORDS.iter().find(is_meant).map(|(_, _, words)| *words)
}

const PULL_POLICY: &[&str] = &["Always", "IfNotPresent", "Never"];
const SCOPES: &[&str] =
    &["BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating", "VolumeAttributesClass"];
const TRAFFIC_POLICY: &[&str] = &["Cluster", "Local"];
const SPREAD_POLICY: &[&str] = &["Honor", "Ignore"];

/// Field, messages that have it (none: whichever has a field of this name), words in the order of the alphabet.
#[allow(clippy::type_complexity)]
const WORDS: &[(&str, &[&str], &[&str])] = &[
    ("accessModes", &[], &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]),
    ("addressType", &[], &["FQDN", "IPv4", "IPv6"]),
    ("cachingMode", &[], &["None", "ReadOnly", "ReadWrite"]),
    ("dnsPolicy", &[], &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("effect", &[], &["NoExecute", "NoSchedule", "PreferNoSchedule"]),
    ("externalTrafficPolicy", &[], TRAFFIC_POLICY),
    ("fsGroupChangePolicy", &[], &["Always", "OnRootMismatch"]),
    ("imagePullPolicy", &[], PULL_POLICY),
    ("internalTrafficPolicy", &[], TRAFFIC_POLICY),
    ("ipFamilies", &[], &["", "IPv4", "IPv6"]),
    ("ipFamilyPolicy", &[], &["PreferDualStack", "RequireDualStack", "SingleStack"]),
    ("kind", &["AzureDiskVolumeSource"], &["Dedicated", "Managed", "Shared"]),
    ("mountPropagation", &["VolumeMount"], &["Bidirectional", "HostToContainer", "None"]),
    ("nodeAffinityPolicy", &[], SPREAD_POLICY),
    ("nodeTaintsPolicy", &[], SPREAD_POLICY),
    ("operator", &["NodeSelectorRequirement"], &["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"]),
    ("operator", &["ScopedResourceSelectorRequirement"], &["DoesNotExist", "Exists", "In", "NotIn"]),
    ("operator", &["Toleration"], &["Equal", "Exists", "Gt", "Lt"]),
    ("pathType", &[], &["Exact", "ImplementationSpecific", "Prefix"]),
    ("phase", &["NamespaceStatus"], &["Active", "Terminating"]),
    ("phase", &["PodStatus"], &["Failed", "Pending", "Running", "Succeeded", "Unknown"]),
    ("phase", &["NodeStatus"], &["Pending", "Running", "Terminated"]),
    ("policyTypes", &[], &["Egress", "Ingress"]),
    ("preemptionPolicy", &[], &["Never", "PreemptLowerPriority"]),
    ("procMount", &[], &["Default", "Unmasked"]),
    ("protocol", &["ContainerPort", "EndpointPort", "PortStatus", "ServicePort", "IngressPortStatus", "NetworkPolicyPort"], &["SCTP", "TCP", "UDP"]),
    ("pullPolicy", &["ImageVolumeSource"], PULL_POLICY),
    ("qosClass", &[], &["BestEffort", "Burstable", "Guaranteed"]),
    ("restartPolicy", &["PodSpec"], &["Always", "Never", "OnFailure"]),
    ("scheme", &["HTTPGetAction"], &["HTTP", "HTTPS"]),
    ("scopeName", &[], SCOPES),
    ("scopes", &["ResourceQuotaSpec"], SCOPES),
    ("sessionAffinity", &[], &["ClientIP", "None"]),
    ("supplementalGroupsPolicy", &["PodSecurityContext"], &["Merge", "Strict"]),
    ("terminationMessagePolicy", &[], &["FallbackToLogsOnError", "File"]),
    ("type", &["HostPathVolumeSource"], &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"]),
    ("type", &["ServiceSpec"], &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
    ("type", &["AppArmorProfile", "SeccompProfile"], &["Localhost", "RuntimeDefault", "Unconfined"]),
    ("volumeMode", &["PersistentVolumeClaimSpec"], &["Block", "Filesystem"]),
    ("whenUnsatisfiable", &[], &["DoNotSchedule", "ScheduleAnyway"]),
];
