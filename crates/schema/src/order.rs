//! The order in which fields are shown: that of the structs for built-in kinds, alphabetical for those that behave as custom resources.

use serde_json::{Map, Value};

use crate::table::{Field, Kind, Message, Shape, flags};

/// Puts the fields of an object, and of all that it holds, in order, wherever defaults and patches have left them in another. The metadata
/// stays as it is.
pub fn order(message: &'static Message, object: &mut Value) {
    let Value::Object(map) = object else { return };
    for (key, value) in map.iter_mut().filter(|(key, _)| *key != "metadata") {
        inner(message.field(key), value);
    }
    if !message.custom {
        arrange(message, map);
    }
}

fn inner(field: Option<&'static Field>, value: &mut Value) {
    let Some(field) = field else { return };
    if let (Shape::Map, Value::Object(map)) = (field.shape, &mut *value)
        && !map.keys().is_sorted()
    {
        map.sort_keys();
    }
    let Kind::Msg(message) = field.kind else { return };
    match value {
        // What is stored as protobuf knows no empty lists: where Go leaves none out it writes null.
        Value::Array(items) if items.is_empty() && field.is(flags::ALWAYS) => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(|item| part(message, item)),
        Value::Object(map) if field.shape == Shape::Map => map.values_mut().for_each(|item| part(message, item)),
        one => part(message, one),
    }
}

fn part(message: &'static Message, value: &mut Value) {
    let Value::Object(map) = value else { return };
    for (key, value) in map.iter_mut() {
        inner(message.field(key), value);
    }
    arrange(message, map);
}

/// Most objects are in order already, and are only looked at.
fn arrange(message: &'static Message, map: &mut Map<String, Value>) {
    if message.custom {
        if !map.keys().is_sorted() {
            map.sort_keys();
        }
        return;
    }
    let rank = |key: &str| message.fields.iter().position(|f| f.name == key).unwrap_or(message.fields.len());
    if !map.keys().map(|key| rank(key)).is_sorted() {
        let mut fields: Vec<(usize, String, Value)> = std::mem::take(map).into_iter().map(|(key, value)| (rank(&key), key, value)).collect();
        fields.sort_by_key(|(rank, ..)| *rank);
        map.extend(fields.into_iter().map(|(_, key, value)| (key, value)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Gvk, table};

    fn ordered(api_version: &str, kind: &str, mut object: Value) -> String {
        order(table(Gvk::new(api_version, kind)).expect("a known kind"), &mut object);
        object.to_string()
    }

    #[test]
    fn fields_come_as_the_structs_have_them() {
        let service = json!({"kind": "Service", "apiVersion": "v1", "status": {}, "spec": {"type": "ClusterIP", "clusterIP": "None",
            "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}], "selector": {"b": "c", "a": "d"}}});
        let wanted = r#"{"kind":"Service","apiVersion":"v1","spec":{"ports":[{"protocol":"TCP","port":80,"targetPort":80}],"selector":{"a":"d","b":"c"},"clusterIP":"None","type":"ClusterIP"},"status":{}}"#;
        assert_eq!(ordered("v1", "Service", service), wanted);
    }

    #[test]
    fn keys_of_maps_are_sorted_and_lists_without_items_are_null_where_go_writes_them() {
        let secret = json!({"data": {"b": "", "a": ""}, "type": "Opaque"});
        assert_eq!(ordered("v1", "Secret", secret), r#"{"data":{"a":"","b":""},"type":"Opaque"}"#);
        let slice = json!({"addressType": "IPv4", "endpoints": [], "ports": []});
        assert_eq!(ordered("discovery.k8s.io/v1", "EndpointSlice", slice), r#"{"addressType":"IPv4","endpoints":null,"ports":null}"#);
    }

    #[test]
    fn custom_resources_are_alphabetical_below_the_top() {
        let route = json!({"kind": "HTTPRoute", "spec": {"rules": [{"matches": [], "backendRefs": [{"port": 80, "name": "a"}]}], "hostnames": []}});
        let wanted = r#"{"kind":"HTTPRoute","spec":{"hostnames":[],"rules":[{"backendRefs":[{"name":"a","port":80}],"matches":[]}]}}"#;
        assert_eq!(ordered("gateway.networking.k8s.io/v1", "HTTPRoute", route), wanted);
    }
}
