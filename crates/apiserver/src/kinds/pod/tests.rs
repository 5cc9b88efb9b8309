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
