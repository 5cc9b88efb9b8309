//! The variables by which a program finds the Services of its namespace, as in a container of a Pod (instances spec V1).

use http::Request;
use serde_json::Value;

/// The variables of all Services of a namespace that have an address, and of `kubernetes` in `default`. Without an answer of
/// the API there are none: they are a convenience, and names in DNS say the same.
pub(super) async fn of_services(client: &kube::Client, namespace: &str) -> Vec<(String, String)> {
    let get = async |path: String| {
        let request = Request::get(path).body(Vec::new()).ok()?;
        client.request::<Value>(request).await.ok()
    };
    let mut services: Vec<Value> = Vec::new();
    if namespace != "default" {
        services.extend(get("/api/v1/namespaces/default/services/kubernetes".to_owned()).await);
    }
    // Those of its own namespace come last: of two of one name they count.
    let own = get(format!("/api/v1/namespaces/{namespace}/services")).await;
    services.extend(own.iter().flat_map(|list| list["items"].as_array()).flatten().cloned());
    services.iter().flat_map(variables).collect()
}

/// The variables of one Service; none of one without an address.
fn variables(service: &Value) -> Vec<(String, String)> {
    let address = service["spec"]["clusterIP"].as_str().unwrap_or_default();
    if address.is_empty() || address == "None" {
        return Vec::new();
    }
    let name = word(service["metadata"]["name"].as_str().unwrap_or_default());
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let mut all = vec![(format!("{name}_SERVICE_HOST"), address.to_owned())];
    for (at, port) in service["spec"]["ports"].as_array().into_iter().flatten().enumerate() {
        let Some(number) = port["port"].as_u64() else { continue };
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        let url = format!("{}://{host}:{number}", protocol.to_ascii_lowercase());
        if at == 0 {
            all.push((format!("{name}_SERVICE_PORT"), number.to_string()));
            all.push((format!("{name}_PORT"), url.clone()));
        }
        if let Some(named) = port["name"].as_str().filter(|named| !named.is_empty()) {
            all.push((format!("{name}_SERVICE_PORT_{}", word(named).trim_start_matches('_')), number.to_string()));
        }
        let prefix = format!("{name}_PORT_{number}_{protocol}");
        all.push((format!("{prefix}_PROTO"), protocol.to_ascii_lowercase()));
        all.push((format!("{prefix}_PORT"), number.to_string()));
        all.push((format!("{prefix}_ADDR"), address.to_owned()));
        all.push((prefix, url));
    }
    all
}

/// A name as part of a variable's: no variable begins with a digit.
fn word(name: &str) -> String {
    let upper: String = name.chars().map(|letter| if matches!(letter, '-' | '.') { '_' } else { letter.to_ascii_uppercase() }).collect();
    if upper.starts_with(|first: char| first.is_ascii_digit()) { format!("_{upper}") } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(service: &Value) -> Vec<String> {
        let mut all: Vec<String> = variables(service).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.sort();
        all
    }

    #[test]
    fn v1_a_service_is_told_in_both_forms_of_variables() {
        let service = json!({"metadata": {"name": "my-db"}, "spec": {"clusterIP": "10.0.0.1", "ports": [
            {"name": "sql-main", "port": 5432}, {"name": "stats", "port": 53, "protocol": "UDP"}]}});
        let expected = [
            "MY_DB_PORT=tcp://10.0.0.1:5432",
            "MY_DB_PORT_53_UDP=udp://10.0.0.1:53",
            "MY_DB_PORT_53_UDP_ADDR=10.0.0.1",
            "MY_DB_PORT_53_UDP_PORT=53",
            "MY_DB_PORT_53_UDP_PROTO=udp",
            "MY_DB_PORT_5432_TCP=tcp://10.0.0.1:5432",
            "MY_DB_PORT_5432_TCP_ADDR=10.0.0.1",
            "MY_DB_PORT_5432_TCP_PORT=5432",
            "MY_DB_PORT_5432_TCP_PROTO=tcp",
            "MY_DB_SERVICE_HOST=10.0.0.1",
            "MY_DB_SERVICE_PORT=5432",
            "MY_DB_SERVICE_PORT_SQL_MAIN=5432",
            "MY_DB_SERVICE_PORT_STATS=53",
        ];
        assert_eq!(of(&service), expected);
    }

    #[test]
    fn v1_addresses_of_six_stand_in_brackets_in_urls_and_services_without_an_address_are_left_out() {
        let six = json!({"metadata": {"name": "9p"}, "spec": {"clusterIP": "fd00::1", "ports": [{"port": 80}]}});
        let all = of(&six);
        assert!(all.contains(&"_9P_PORT=tcp://[fd00::1]:80".to_owned()) && all.contains(&"_9P_SERVICE_HOST=fd00::1".to_owned()), "{all:?}");
        for none in ["None", ""] {
            assert_eq!(of(&json!({"metadata": {"name": "a"}, "spec": {"clusterIP": none, "ports": [{"port": 80}]}})), Vec::<String>::new());
        }
    }
}
