//! The columns of Pods. `STATUS` sums up what conditions, phase and containers say, in kubectl's own words.

use jiff::Timestamp;
use serde_json::Value;

use super::super::cells::{self, column, wide};
use super::super::value::{flag, has, list, number, text};
use super::super::{AGE, Column, NAME, since};
use super::containers::is_sidecar;

pub(super) static COLUMNS: &[Column] = &[
    NAME,
    column("Ready", "Containers that are ready, of how many."),
    column("Status", "What the pod is doing."),
    column("Restarts", "How often its containers were restarted, and when last."),
    AGE,
    wide("IP", "Its address."),
    wide("Node", "The node it runs on."),
    wide("Nominated Node", "The node that is being cleared for it."),
    wide("Readiness Gates", "Further conditions of readiness that hold, of how many."),
];

/// What is gathered on the way through the containers.
#[derive(Default)]
struct Sum {
    ready: usize,
    restarts: i64,
    last: String,
    reason: String,
}

impl Sum {
    fn restarted(&mut self, status: &Value) {
        self.restarts += number(status, "restartCount");
        let finished = text(&status["lastState"]["terminated"], "finishedAt");
        if finished > self.last.as_str() {
            self.last = finished.to_owned();
        }
    }
}

pub(super) fn row(pod: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let total = list(spec, "containers").len() + list(spec, "initContainers").iter().filter(|c| is_sidecar(c)).count();
    let sum = sum_up(pod);
    let restarts = if sum.restarts != 0 && !sum.last.is_empty() {
        format!("{} ({} ago)", sum.restarts, since(&sum.last, now))
    } else {
        sum.restarts.to_string()
    };
    let ip = list(status, "podIPs").first().map_or("", |i| text(i, "ip"));
    vec![
        cells::name(pod),
        format!("{}/{total}", sum.ready).into(),
        sum.reason.into(),
        restarts.into(),
        cells::age(pod, now),
        cells::or(ip, "<none>").into(),
        cells::or(text(spec, "nodeName"), "<none>").into(),
        cells::or(text(status, "nominatedNodeName"), "<none>").into(),
        readiness_gates(pod).into(),
    ]
}

fn sum_up(pod: &Value) -> Sum {
    let status = &pod["status"];
    let phase = text(status, "phase");
    let mut sum = Sum { reason: cells::or(text(status, "reason"), phase).to_owned(), ..Sum::default() };
    if list(status, "conditions").iter().any(|c| text(c, "type") == "PodScheduled" && text(c, "reason") == "SchedulingGated") {
        sum.reason = "SchedulingGated".to_owned();
    }
    let mut sidecars = Sum::default();
    let initializing = init_containers(pod, &mut sum, &mut sidecars);
    let initialized = list(status, "conditions").iter().find(|c| text(c, "type") == "Initialized").is_some_and(|c| text(c, "status") == "True");
    if !initializing || initialized {
        (sum.restarts, sum.last) = (sidecars.restarts, sidecars.last);
        containers(status, &mut sum);
    }
    if has(&pod["metadata"], "deletionTimestamp") {
        if text(status, "reason") == "NodeLost" {
            sum.reason = "Unknown".to_owned();
        } else if !matches!(phase, "Failed" | "Succeeded") {
            sum.reason = "Terminating".to_owned();
        }
    }
    sum
}

/// Goes through the init containers up to the first that still works. True: there is one.
fn init_containers(pod: &Value, sum: &mut Sum, sidecars: &mut Sum) -> bool {
    let specs = list(&pod["spec"], "initContainers");
    for (index, one) in list(&pod["status"], "initContainerStatuses").iter().enumerate() {
        sum.restarted(one);
        let sidecar = specs.iter().find(|c| text(c, "name") == text(one, "name")).is_some_and(is_sidecar);
        if sidecar {
            sidecars.restarted(one);
        }
        let (ended, waiting) = (&one["state"]["terminated"], text(&one["state"]["waiting"], "reason"));
        if ended.is_object() && number(ended, "exitCode") == 0 {
            continue;
        }
        if sidecar && flag(one, "started") {
            sum.ready += usize::from(flag(one, "ready"));
            continue;
        }
        sum.reason = if ended.is_object() {
            format!("Init:{}", end(ended))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{index}/{}", specs.len())
        };
        return true;
    }
    false
}

/// Why a container ended.
fn end(ended: &Value) -> String {
    match (text(ended, "reason"), number(ended, "signal")) {
        ("", 0) => format!("ExitCode:{}", number(ended, "exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn containers(status: &Value, sum: &mut Sum) {
    let (mut running, mut failure) = (false, String::new());
    for one in list(status, "containerStatuses").iter().rev() {
        sum.restarted(one);
        let (waiting, ended) = (text(&one["state"]["waiting"], "reason"), &one["state"]["terminated"]);
        if !waiting.is_empty() {
            sum.reason = waiting.to_owned();
        } else if ended.is_object() {
            sum.reason = end(ended);
            if number(ended, "exitCode") != 0 {
                failure.clone_from(&sum.reason);
            }
        } else if flag(one, "ready") && has(&one["state"], "running") {
            running = true;
            sum.ready += 1;
        }
    }
    if sum.reason == "Completed" {
        let ready = list(status, "conditions").iter().any(|c| text(c, "type") == "Ready" && text(c, "status") == "True");
        if running && ready {
            sum.reason = "Running".to_owned();
        } else if !failure.is_empty() {
            sum.reason = failure;
        } else if running {
            sum.reason = "NotReady".to_owned();
        }
    }
}

fn readiness_gates(pod: &Value) -> String {
    let gates = list(&pod["spec"], "readinessGates");
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let conditions = list(&pod["status"], "conditions");
    let holds =
        |gate: &&Value| conditions.iter().find(|c| text(c, "type") == text(gate, "conditionType")).is_some_and(|c| text(c, "status") == "True");
    format!("{}/{}", gates.iter().filter(holds).count(), gates.len())
}
