use super::super::testing::{texts, with};
use super::*;

fn pod(spec: Value) -> Value {
    let mut object = json!({"metadata": {"name": "p"}, "spec": spec});
    Pod.defaults(&mut object);
    object
}

fn one() -> Value {
    json!({"containers": [{"name": "c", "image": "i:1"}]})
}

fn refused(spec: Value) -> Vec<String> {
    texts(&Pod.validate_create(&pod(spec), &Settings::default()))
}

#[test]
fn defaults_are_upstreams() {
    let object = pod(json!({"containers": [
        {"name": "a", "image": "web:1", "ports": [{"containerPort": 8080}], "livenessProbe": {"httpGet": {"port": 1}}, "resources": {"limits": {"cpu": "1"}}},
        {"name": "b", "image": "host:5000/web"}, {"name": "c", "image": "web@sha256:00"}], "volumes": [{"name": "v"}, {"name": "s", "secret": {"secretName": "x"}}]}));
    let spec = &object["spec"];
    assert_eq!(
        (
            &spec["restartPolicy"],
            &spec["dnsPolicy"],
            &spec["terminationGracePeriodSeconds"],
            &spec["enableServiceLinks"],
            &spec["securityContext"],
            &spec["schedulerName"]
        ),
        (&json!("Always"), &json!("ClusterFirst"), &json!(30), &json!(true), &json!({}), &json!("default-scheduler"))
    );
    let first = &spec["containers"][0];
    assert_eq!(
        first["livenessProbe"],
        json!({"httpGet": {"port": 1, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3})
    );
    assert_eq!(
        (&first["ports"], &first["terminationMessagePath"], &first["resources"]["requests"]),
        (&json!([{"containerPort": 8080, "protocol": "TCP"}]), &json!("/dev/termination-log"), &json!({"cpu": "1"}))
    );
    let policies: Vec<&str> = list(spec, "containers").iter().map(|c| text(c, "imagePullPolicy")).collect();
    assert_eq!(policies, ["IfNotPresent", "Always", "IfNotPresent"]);
    assert_eq!(spec["volumes"], json!([{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "x", "defaultMode": 420}}]));
}

#[test]
fn a_new_pod_is_pending_and_classified() {
    for (resources, class) in [
        (json!({}), "BestEffort"),
        (json!({"requests": {"cpu": "1"}}), "Burstable"),
        (json!({"limits": {"cpu": "1", "memory": "1Gi"}}), "Guaranteed"),
        (json!({"limits": {"cpu": "1000m", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1024Mi"}}), "Guaranteed"),
        (json!({"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}), "Burstable"),
    ] {
        let mut object = pod(json!({"containers": [{"name": "c", "image": "i", "resources": resources}]}));
        Pod.prepare_create(&mut object);
        assert_eq!(object["status"], json!({"phase": "Pending", "qosClass": class}), "{resources}");
    }
}

#[test]
fn each_rule_has_its_words() {
    let c = |extra: Value| {
        let mut c = json!({"name": "c", "image": "i"});
        for (k, v) in extra.as_object().unwrap() {
            c[k] = v.clone();
        }
        json!({"containers": [c]})
    };
    for (spec, want) in [
        (json!({"containers": []}), "spec.containers: Required value"),
        (json!({"containers": [{"name": "c", "image": "i"}, {"name": "c", "image": "i"}]}), "spec.containers[1].name: Duplicate value: \"c\""),
        (json!({"containers": [{"name": "c"}]}), "spec.containers[0].image: Required value"),
        (c(json!({"image": " i"})), "spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace"),
        (c(json!({"ports": [{}]})), "spec.containers[0].ports[0].containerPort: Required value"),
        (
            c(json!({"ports": [{"containerPort": 70000}]})),
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            c(json!({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]})),
            "spec.containers[0].ports[1].name: Duplicate value: \"a\"",
        ),
        (
            c(json!({"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]})),
            "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//9\"",
        ),
        (
            c(json!({"imagePullPolicy": "X"})),
            "spec.containers[0].imagePullPolicy: Unsupported value: \"X\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
        ),
        (c(json!({"env": [{"value": "v"}]})), "spec.containers[0].env[0].name: Required value"),
        (
            c(json!({"env": [{"name": "A", "valueFrom": {}}]})),
            "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        ),
        (c(json!({"volumeMounts": [{"name": "v", "mountPath": "/a"}]})), "spec.containers[0].volumeMounts[0].name: Not found: \"v\""),
        (c(json!({"readinessProbe": {}})), "spec.containers[0].readinessProbe: Required value: must specify a handler type"),
        (
            c(json!({"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}})),
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            c(json!({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}})),
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
        ),
        (c(json!({"resources": {"limits": {"cpu": "-1"}, "requests": {"cpu": "-1"}}})), ""),
    ] {
        let got = refused(spec);
        assert!(if want.is_empty() { got.len() == 2 } else { got == [want] }, "want {want}, got {got:?}");
    }
}

#[test]
fn rules_of_the_whole_pod_have_their_words() {
    for (field, value, want) in [
        ("restartPolicy", json!("X"), "spec.restartPolicy: Unsupported value: \"X\": supported values: \"Always\", \"OnFailure\", \"Never\""),
        ("dnsPolicy", json!("None"), "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        ("activeDeadlineSeconds", json!(0), "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"),
        ("volumes", json!([{"name": "v"}, {"name": "v"}]), "spec.volumes[1].name: Duplicate value: \"v\""),
        (
            "volumes",
            json!([{"name": "v", "emptyDir": {}, "hostPath": {"path": "/a"}}]),
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        ("ephemeralContainers", json!([{"name": "e", "image": "i"}]), "spec.ephemeralContainers: Forbidden: cannot be set on create"),
        (
            "tolerations",
            json!([{"operator": "Equal"}]),
            "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
        ),
        ("initContainers", json!([{"name": "c", "image": "i"}]), "spec.initContainers[0].name: Duplicate value: \"c\""),
        (
            "initContainers",
            json!([{"name": "d", "image": "i", "lifecycle": {}}]),
            "spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always",
        ),
    ] {
        assert_eq!(refused(with(&one(), &format!("/{field}"), value)), [want]);
    }
    assert!(refused(one()).is_empty());
    assert!(
        refused(with(&one(), "/hostname", json!("Bad_")))[0]
            .starts_with("spec.hostname: Invalid value: \"Bad_\": a lowercase RFC 1123 label must consist of")
    );
}

#[test]
fn only_images_deadlines_and_tolerations_change() {
    let old = pod(with(&one(), "/tolerations", json!([{"key": "a", "operator": "Exists"}])));
    let update = |pointer: &str, value: Value| texts(&Pod.validate_update(&with(&old, pointer, value), &old, &Settings::default()));
    assert!(update("/spec/containers/0/image", json!("i:2")).is_empty());
    assert!(update("/spec/activeDeadlineSeconds", json!(5)).is_empty());
    assert!(update("/spec/tolerations", json!([{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}])).is_empty());
    assert_eq!(
        update("/spec/tolerations", json!([])),
        ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"]
    );
    let got = update("/spec/hostname", json!("other"));
    assert!(
        got.len() == 1
            && got[0].starts_with("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")
            && got[0].ends_with("changed: spec.hostname"),
        "{got:?}"
    );
    assert_eq!(
        update("/spec/containers/-", json!({"name": "d", "image": "i"})).last().map(String::as_str),
        Some("spec.containers: Forbidden: pod updates may not add or remove containers")
    );
    let limited = with(&old, "/spec/activeDeadlineSeconds", json!(5));
    assert_eq!(
        texts(&Pod.validate_update(&with(&old, "/spec/activeDeadlineSeconds", json!(6)), &limited, &Settings::default())),
        ["spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value"]
    );
}

#[test]
fn gates_are_only_taken_away() {
    let old = pod(with(&one(), "/schedulingGates", json!([{"name": "a.test/x"}])));
    let got = texts(&Pod.validate_update(&with(&old, "/spec/schedulingGates", json!([{"name": "a.test/y"}])), &old, &Settings::default()));
    assert_eq!(got, ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a.test/y'"]);
    assert!(
        Pod.validate_update(
            &with(&with(&old, "/spec/schedulingGates", Value::Null), "/spec/nodeSelector", json!({"a": "b"})),
            &old,
            &Settings::default()
        )
        .is_empty()
    );
}

#[test]
fn the_status_keeps_its_class_and_its_addresses_are_addresses() {
    let mut old = pod(one());
    Pod.prepare_create(&mut old);
    let mut new = with(&old, "/status", json!({"phase": "Running", "podIP": "10.9.9.9"}));
    Pod.defaults(&mut new);
    Pod.prepare_status(&mut new, &old);
    assert_eq!((&new["status"]["qosClass"], &new["status"]["podIPs"]), (&json!("BestEffort"), &json!([{"ip": "10.9.9.9"}])));
    assert!(Pod.validate_status(&new, &old).is_empty());
    let wrong = with(&new, "/status/podIPs", json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]));
    assert_eq!(
        texts(&Pod.validate_status(&wrong, &old)),
        ["status.podIPs: Invalid value: [{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.2\"}]: may specify no more than one IP for each IP family"]
    );
}

#[test]
fn grace_is_for_pods_that_somebody_runs() {
    let bound = pod(with(&one(), "/nodeName", json!("n")));
    assert_eq!((Pod.grace_s(&pod(one()), None), Pod.grace_s(&bound, None), Pod.grace_s(&bound, Some(0))), (Some(0), Some(30), Some(0)));
    let done = with(&bound, "/status", json!({"phase": "Succeeded"}));
    assert_eq!(Pod.grace_s(&done, None), Some(0));
}

#[test]
fn the_row_sums_up_what_the_containers_do() {
    let now: Timestamp = "2026-01-02T00:10:00Z".parse().unwrap();
    let cells =
        |status: Value| Pod.row(&with(&pod(one()), "/status", status), now)[1..4].iter().map(|v| v.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    for (status, want) in [
        (json!({"phase": "Pending"}), ["0/1", "Pending", "0"]),
        (json!({"phase": "Running", "containerStatuses": [{"name": "c", "ready": true, "state": {"running": {}}}]}), ["1/1", "Running", "0"]),
        (
            json!({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3, "lastState": {"terminated": {"finishedAt": "2026-01-02T00:09:00Z"}}}]}),
            ["0/1", "CrashLoopBackOff", "3 (60s ago)"],
        ),
        (
            json!({"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}),
            ["0/1", "Completed", "0"],
        ),
        (json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 2}}}]}), ["0/1", "ExitCode:2", "0"]),
        (
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "x", "state": {"terminated": {"exitCode": 1}}}]}),
            ["0/1", "Init:ExitCode:1", "0"],
        ),
        (json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}), ["0/1", "SchedulingGated", "0"]),
    ] {
        assert_eq!(cells(status), want);
    }
    let deleting = with(&pod(one()), "/metadata/deletionTimestamp", json!("2026-01-02T00:00:00Z"));
    assert_eq!(Pod.row(&deleting, now)[2], "Terminating");
    assert_eq!(Pod.row(&pod(one()), now)[5..], [json!("<none>"), json!("<none>"), json!("<none>"), json!("<none>")]);
}

#[test]
fn warnings_name_what_is_hardly_meant() {
    let object = pod(
        json!({"containers": [{"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}], "ports": [{"name": "p", "containerPort": 1}]},
                                           {"name": "d", "image": "i", "ports": [{"name": "p", "containerPort": 2}]}]}),
    );
    assert_eq!(
        Pod.warnings(&object, None),
        [
            "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply",
            "spec.containers[1].ports[0]: duplicate port name \"p\" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]"
        ]
    );
}

#[test]
fn what_processes_may_do_is_of_closed_sets() {
    let most = "must be between 0 and 2147483647, inclusive";
    let with_pod = |context: Value| with(&one(), "/securityContext", context);
    let with_container = |context: Value| with(&one(), "/containers/0/securityContext", context);
    for (spec, wanted) in [
        (with_pod(json!({"runAsUser": -1})), format!("spec.securityContext.runAsUser: Invalid value: -1: {most}")),
        (with_pod(json!({"supplementalGroups": [-1]})), format!("spec.securityContext.supplementalGroups[0]: Invalid value: -1: {most}")),
        (
            with_pod(json!({"sysctls": [{"name": "a b", "value": "x"}]})),
            r#"spec.securityContext.sysctls[0].name: Invalid value: "a b": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"#.to_owned(),
        ),
        (
            with_pod(json!({"fsGroupChangePolicy": "x"})),
            r#"spec.securityContext.fsGroupChangePolicy: Unsupported value: "x": supported values: "Always", "OnRootMismatch""#.to_owned(),
        ),
        (
            with_pod(json!({"seccompProfile": {"type": "Localhost"}})),
            "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost".to_owned(),
        ),
        (with_container(json!({"runAsGroup": -1})), format!("spec.containers[0].securityContext.runAsGroup: Invalid value: -1: {most}")),
        (
            with_container(json!({"procMount": "x"})),
            r#"spec.containers[0].securityContext.procMount: Unsupported value: "x": supported values: "Default", "Unmasked""#.to_owned(),
        ),
        (with(&one(), "/os", json!({"name": "x"})), r#"spec.os: Unsupported value: "x": supported values: "linux", "windows""#.to_owned()),
    ] {
        assert_eq!(refused(spec), [wanted]);
    }
    assert!(refused(with_pod(json!({"sysctls": [{"name": "net.ipv4/ip_forward", "value": "1"}], "runAsUser": 0}))).is_empty());
}

#[test]
fn affinities_and_spreads_are_whole() {
    let node = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let required = |terms: Value| json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
    let preferred = |weight: i64| json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": {"topologyKey": "zone"}}]}});
    for (affinity, wanted) in [
        (required(json!([])), format!("{node}: Required value: must have at least one node selector term")),
        (
            required(json!([{"matchExpressions": [{"key": "a", "operator": "x"}]}])),
            format!("{node}[0].matchExpressions[0].operator: Invalid value: \"x\": not a valid selector operator"),
        ),
        (
            preferred(0),
            "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(with(&one(), "/affinity", affinity)), [wanted]);
    }
    assert!(refused(with(&one(), "/affinity", preferred(1))).is_empty());
    let spread = json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 1}]);
    assert_eq!(
        refused(with(&one(), "/topologySpreadConstraints", spread)),
        [
            "spec.topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
        ]
    );
}

#[test]
fn amounts_and_volumes_are_judged_as_upstream_does() {
    let resources = |resources: Value| with(&one(), "/containers/0/resources", resources);
    let volume = |volume: Value| with(&one(), "/volumes", json!([with(&volume, "/name", json!("v"))]));
    for (spec, wanted) in [
        (
            resources(json!({"requests": {"a.b/c": "1"}})),
            "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
        ),
        (
            with(&one(), "/containers/0/lifecycle", json!({"preStop": {"sleep": {"seconds": 50}}})),
            "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 50: must be non-negative and less than terminationGracePeriodSeconds (30)",
        ),
        (
            volume(json!({"hostPath": {"path": "/x", "type": "x"}})),
            r#"spec.volumes[0].hostPath.type: Unsupported value: "x": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket""#,
        ),
        (volume(json!({"nfs": {"server": "s", "path": "x"}})), r#"spec.volumes[0].nfs.path: Invalid value: "x": must be an absolute path"#),
        (volume(json!({"csi": {}})), "spec.volumes[0].csi.driver: Required value"),
        (
            volume(json!({"configMap": {"name": "m", "items": [{"key": "a", "path": "../b"}]}})),
            r#"spec.volumes[0].configMap.items[0].path: Invalid value: "../b": must not contain '..'"#,
        ),
        (
            with(&one(), "/containers/0/volumeDevices", json!([{"name": "v", "devicePath": "/x"}])),
            r#"spec.containers[0].volumeDevices[0].name: Not found: "v""#,
        ),
    ] {
        assert_eq!(refused(spec), [wanted]);
    }
    let two = refused(resources(json!({"limits": {"a.b/c": "1.5"}, "requests": {"a.b/c": "1.5"}})));
    assert_eq!(two.len(), 2, "{two:?}");
}

#[test]
fn admission_gives_priority_and_patience() {
    let mut object = pod(with(&one(), "/tolerations", json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}])));
    admission::admit(&mut object).expect("nothing is asked for");
    assert_eq!((&object["spec"]["priority"], &object["spec"]["preemptionPolicy"]), (&json!(0), &json!("PreemptLowerPriority")));
    let keys: Vec<&str> = list(&object["spec"], "tolerations").iter().map(|t| text(t, "key")).collect();
    assert_eq!(keys, ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]);
    let mut system = pod(with(&one(), "/priorityClassName", json!("system-node-critical")));
    admission::admit(&mut system).expect("the class exists");
    assert_eq!(system["spec"]["priority"], 2_000_001_000);
    let refused = |pointer: &str, value: Value| admission::admit(&mut pod(with(&one(), pointer, value))).expect_err("forbidden");
    let computed = "must not be provided in pod spec; priority admission controller computed";
    assert_eq!(refused("/priority", json!(5)), format!("the integer value of priority (5) {computed} 0 from the given PriorityClass name"));
    assert_eq!(
        refused("/preemptionPolicy", json!("Never")),
        format!("the string value of PreemptionPolicy (Never) {computed} PreemptLowerPriority from the given PriorityClass name")
    );
    assert_eq!(refused("/runtimeClassName", json!("x")), "pod rejected: RuntimeClass \"x\" not found");
}

#[test]
fn selectors_of_affinities_and_spreads_are_judged() {
    let bad = json!({"matchLabels": {"a": "-"}, "matchExpressions": [{"key": "b c", "operator": "Is", "values": ["/"]}]});
    let term = json!({"topologyKey": "t", "labelSelector": bad, "namespaces": ["A"]});
    let affinity = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    let refused = texts(&Pod.validate_create(&pod(with(&one(), "/affinity", affinity)), &Settings::default()));
    let at = "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]";
    for (place, why) in [
        ("labelSelector.matchLabels: Invalid value: \"-\"", ""),
        ("labelSelector.matchExpressions[0].operator: Invalid value: \"Is\"", ": not a valid selector operator"),
        ("labelSelector.matchExpressions[0].key: Invalid value: \"b c\"", ""),
        ("labelSelector.matchExpressions[0].values[0]: Invalid value: \"/\"", ""),
        ("namespace: Invalid value: \"A\"", ""),
    ] {
        assert!(refused.iter().any(|text| text.starts_with(&format!("{at}.{place}{why}"))), "{place}: {refused:?}");
    }
    let fields = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [{"key": "x", "operator": "Gt"}]}]}}});
    assert_eq!(
        texts(&Pod.validate_create(&pod(with(&one(), "/affinity", fields)), &Settings::default())),
        [
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].operator: Invalid value: \"Gt\": not a valid selector operator",
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key: Invalid value: \"x\": not a valid field selector key"
        ]
    );
}

#[test]
fn what_is_gone_is_warned_of_and_what_is_off_is_dropped() {
    let mut object = pod(with(&one(), "/volumes", json!([{"name": "v", "rbd": {"image": "i", "monitors": ["m"]}}])));
    assert_eq!(Pod.warnings(&object, None), ["spec.volumes[0].rbd: deprecated in v1.28, non-functional in v1.31+"]);
    object["spec"]["containers"][0]["lifecycle"] = json!({"stopSignal": "SIGTERM"});
    Pod.prepare_create(&mut object);
    assert_eq!(object["spec"]["containers"][0]["lifecycle"], json!({}));
}
