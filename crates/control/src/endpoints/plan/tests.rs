use proptest::prelude::*;

use super::*;

fn frame() -> Frame {
    let owner = Owner { kind: "Service", name: "web".into(), uid: "u".into() };
    Frame { namespace: "a".into(), base: "web".into(), labels: Labels::new(), owner }
}

fn group(port: i32, ids: impl IntoIterator<Item = (u16, bool)>) -> Group {
    let endpoint = |(id, ready): (u16, bool)| Endpoint {
        addresses: [format!("10.0.{}.{}", id >> 8, id & 255).into()].into(),
        conditions: api::slice::Conditions { ready: Some(ready), serving: Some(ready), terminating: Some(false) },
        ..Endpoint::default()
    };
    let ports = vec![EndpointPort { name: Some("p".into()), protocol: Some("TCP".into()), port: Some(port), app_protocol: None }];
    Group { address_type: "IPv4", ports, endpoints: ids.into_iter().map(endpoint).collect() }
}

/// The slices after the writes, by name.
fn carry_out(frame: &Frame, slices: &[Arc<EndpointSlice>], writes: &[Write]) -> Vec<Arc<EndpointSlice>> {
    let mut all: Vec<Arc<EndpointSlice>> = slices.to_vec();
    for write in writes {
        match write {
            Write::Create(body) => {
                assert!(all.iter().all(|slice| slice.metadata.name != body.name), "the name is free");
                all.push(Arc::new(serde_json::from_value(create_json(frame, body)).unwrap()));
            }
            Write::Update(slice, body) => {
                all.retain(|one| one.metadata.name != slice.metadata.name);
                assert_eq!(slice.address_type, body.address_type);
                all.push(Arc::new(serde_json::from_value(create_json(frame, body)).unwrap()));
            }
            Write::Delete(slice) => all.retain(|one| one.metadata.name != slice.metadata.name),
        }
    }
    all.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    all
}

fn step(slices: &mut Vec<Arc<EndpointSlice>>, groups: Vec<Group>) -> Vec<Write> {
    let frame = frame();
    let taken: Vec<_> = slices.iter().map(|slice| slice.metadata.name.clone()).collect();
    let writes = plan(&frame, slices, groups, |name| taken.iter().any(|known| **known == *name));
    *slices = carry_out(&frame, slices, &writes);
    writes
}

#[test]
fn a_new_endpoint_costs_one_write_and_a_changed_one_too() {
    let mut slices = Vec::new();
    assert!(matches!(&step(&mut slices, vec![group(80, (0..10).map(|i| (i, true)))])[..], [Write::Create(_)]));
    assert!(matches!(&step(&mut slices, vec![group(80, (0..11).map(|i| (i, true)))])[..], [Write::Update(..)]));
    assert!(matches!(&step(&mut slices, vec![group(80, (0..11).map(|i| (i, i != 5)))])[..], [Write::Update(..)]));
    assert_eq!(step(&mut slices, vec![group(80, (0..11).rev().map(|i| (i, i != 5)))]), [], "the order is no difference");
}

#[test]
fn slices_hold_at_most_a_hundred_and_keep_their_names() {
    let mut slices = Vec::new();
    step(&mut slices, vec![group(80, (0..250).map(|i| (i, true)))]);
    let names = |slices: &[Arc<EndpointSlice>]| slices.iter().map(|s| s.metadata.name.to_string()).collect::<Vec<_>>();
    assert_eq!(slices.len(), 3);
    let before = names(&slices);
    assert!(before.iter().all(|name| name.starts_with("web-") && name.len() == 9));
    step(&mut slices, vec![group(80, (1..250).map(|i| (i, true)))]);
    assert_eq!(names(&slices), before);
}

#[test]
fn a_changed_port_and_the_last_endpoint_reuse_the_slice() {
    let mut slices = Vec::new();
    step(&mut slices, vec![group(80, [(1, true)])]);
    assert!(matches!(&step(&mut slices, vec![group(81, [(1, true)])])[..], [Write::Update(..)]));
    let empty = Group { ports: Vec::new(), ..group(0, []) };
    assert!(matches!(&step(&mut slices, vec![empty.clone()])[..], [Write::Update(..)]));
    assert_eq!(step(&mut slices, vec![empty]), [], "the empty slice stays");
    assert!(matches!(&step(&mut slices, vec![])[..], [Write::Delete(_)]));
}

#[test]
fn foreign_labels_are_taken_back_and_what_the_patch_does_not_name_stays() {
    let mut slices = Vec::new();
    step(&mut slices, vec![group(80, [(1, true)])]);
    let mut touched = (*slices[0]).clone();
    touched.metadata.labels.insert("x".into(), "y".into());
    let writes = plan(&frame(), &[Arc::new(touched.clone())], vec![group(80, [(1, true)])], |_| false);
    let [Write::Update(slice, body)] = &writes[..] else { panic!("{writes:?}") };
    let patch = patch_json(&frame(), slice, body);
    assert_eq!(patch["metadata"]["labels"], json!({"x": null}));
    assert_eq!(patch["metadata"].get("annotations"), None);
}

#[test]
fn a_name_that_is_taken_is_avoided() {
    let first = plan(&frame(), &[], vec![group(80, [(1, true)])], |_| false);
    let [Write::Create(first)] = &first[..] else { panic!() };
    let second = plan(&frame(), &[], vec![group(80, [(1, true)])], |name| *name == *first.name);
    let [Write::Create(second)] = &second[..] else { panic!() };
    assert_ne!(first.name, second.name);
}

proptest! {
    #[test]
    fn slices_hold_exactly_what_they_shall_and_a_second_look_writes_nothing(
        steps in proptest::collection::vec(proptest::collection::vec((0..300u16, any::<bool>(), 0..3i32), 0..400), 1..5),
    ) {
        let mut slices = Vec::new();
        for wanted in steps {
            let mut by_id: std::collections::BTreeMap<u16, (bool, i32)> = Default::default();
            by_id.extend(wanted.into_iter().map(|(id, ready, port)| (id, (ready, port))));
            let of = |port: i32| group(port, by_id.iter().filter(|(_, (_, p))| *p == port).map(|(id, (ready, _))| (*id, *ready)));
            let mut groups: Vec<Group> = (0..3).map(of).filter(|group| !group.endpoints.is_empty()).collect();
            if groups.is_empty() {
                groups.push(Group { ports: Vec::new(), ..group(0, []) });
            }
            step(&mut slices, groups.clone());
            prop_assert_eq!(step(&mut slices, groups.clone()), []);
            prop_assert!(slices.iter().all(|slice| slice.endpoints.len() <= ENDPOINTS_MAX));
            let key = |port: Option<i32>, endpoint: &Endpoint| (port, endpoint.addresses[0].clone(), endpoint.conditions.ready);
            let mut found: Vec<_> = slices.iter().flat_map(|s| s.endpoints.iter().map(|e| key(s.ports[0].port, e))).collect();
            let mut expected: Vec<_> = groups.iter().flat_map(|g| g.endpoints.iter().map(|e| key(g.ports[0].port, e))).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
            let needed: usize = groups.iter().map(|group| group.endpoints.len().div_ceil(ENDPOINTS_MAX).max(1)).sum();
            prop_assert!(slices.len() <= needed * 4 + 3, "{} slices for {} needed", slices.len(), needed);
        }
    }
}
