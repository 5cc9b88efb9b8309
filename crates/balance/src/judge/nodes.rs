//! A node of which two endpoints refuse connections at about the same time is probably gone: its other endpoints are tried
//! last, while there are endpoints elsewhere (balance spec O2).

use std::sync::atomic::Ordering;

use model::Now;
use model::vitals::{State, Why};

use crate::build::Picker;

/// Refusals this close together are one event.
const TOGETHER_MS: u64 = 1000;
/// Nodes with refusals that are looked at; more at once are no matter of single nodes.
const NODES_MAX: usize = 16;

/// Notes in the picker who is tried last.
pub(super) fn judge(picker: &Picker, now: Now) {
    let suspected = suspected(picker, now);
    let on_suspected = |index: usize| picker.entries[index].endpoint.node.as_deref().is_some_and(|node| suspected.contains(&node));
    let elsewhere = |index: usize| picker.entries[index].endpoint.weight > 0 && !on_suspected(index) && !picker.vitals(index).state().barred();
    let late = !suspected.is_empty() && (0..picker.entries.len()).any(elsewhere);
    if !late && !picker.any_late.load(Ordering::Relaxed) {
        return;
    }
    for index in 0..picker.entries.len() {
        let (word, bit) = (&picker.late[index / 64], 1 << (index % 64));
        if late && on_suspected(index) {
            word.fetch_or(bit, Ordering::Relaxed);
        } else {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }
    picker.any_late.store(late, Ordering::Relaxed);
}

/// The nodes with two or more endpoints that were refused together.
fn suspected<'p>(picker: &'p Picker, now: Now) -> Vec<&'p str> {
    let mut counts: Vec<(&'p str, u32)> = Vec::new();
    for entry in &picker.entries {
        let refused = entry.vitals.state().has(State(State::EJECTED.0 | State::HARD.0))
            && entry.vitals.ejection().is_some_and(|ejection| ejection.why == Why::Refused)
            && u64::from(entry.vitals.ejected_ms(now)) <= TOGETHER_MS;
        let Some(node) = entry.endpoint.node.as_deref().filter(|_| refused) else { continue };
        match counts.iter().position(|(known, _)| *known == node) {
            Some(at) => counts[at].1 += 1,
            None if counts.len() < NODES_MAX => counts.push((node, 1)),
            None => {}
        }
    }
    counts.into_iter().filter(|(_, count)| *count >= 2).map(|(node, _)| node).collect()
}
