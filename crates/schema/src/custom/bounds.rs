//! Bounds, defaults and list keys of the Gateway API's fields, shared by all fields that have the same ones.
//!
//! Facts of Gateway API v1.7 (experimental channel); the patterns are part of that API.

use crate::table::{ANY, Check, Extra, NOTHING};

static C0: Check = Check { max_length: 253, pattern: r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", ..ANY };
static C1: Check = Check { min_length: 1, max_length: 63, pattern: "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$", ..ANY };
static C2: Check = Check { min_length: 1, max_length: 253, ..ANY };
static C3: Check = Check { min_length: 1, max_length: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", ..ANY };
static C4: Check = Check {
    min_length: 1,
    max_length: 253,
    pattern: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$",
    ..ANY
};
static C5: Check = Check { max_length: 64, ..ANY };
static C6: Check = Check { max_length: 32768, ..ANY };
static C7: Check = Check { minimum: 0, ..ANY };
static C8: Check = Check { min_length: 1, max_length: 1024, pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", ..ANY };
static C9: Check = Check { allowed: &["True", "False", "Unknown"], ..ANY };
static C10: Check = Check {
    max_length: 316,
    pattern: r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
    ..ANY
};
static C11: Check = Check { max_items: 8, ..ANY };
static C12: Check = Check { max_items: 64, ..ANY };
static C13: Check = Check { max_length: 253, ..ANY };
static C14: Check = Check {
    min_length: 1,
    max_length: 253,
    pattern: r"^Hostname|IPAddress|NamedAddress|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$",
    ..ANY
};
static C15: Check = Check { allowed: &["All", "Selector", "Same", "None"], ..ANY };
static C16: Check = Check { max_items: 16, min_length: 0, max_length: 4096, ..ANY };
static C17: Check = Check { max_items: 8, min_length: 0, max_length: 63, pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", ..ANY };
static C18: Check = Check { allowed: &["All", "Selector", "Same"], ..ANY };
static C19: Check = Check { minimum: 1, maximum: 65535, ..ANY };
static C20: Check = Check { max_length: 1024, pattern: "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$", ..ANY };
static C21: Check = Check { allowed: &["HTTP", "GRPC"], ..ANY };
static C22: Check = Check { allowed: &["ExternalAuth", "ExtensionRef"], ..ANY };
static C23: Check = Check { max_items: 16, ..ANY };
static C24: Check = Check { allowed: &["Terminate", "Passthrough"], ..ANY };
static C25: Check =
    Check { min_length: 1, max_length: 253, pattern: r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", ..ANY };
static C26: Check = Check { min_length: 1, max_length: 253, pattern: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", ..ANY };
static C27: Check = Check {
    min_length: 1,
    max_length: 255,
    pattern: r"^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9]+$",
    ..ANY
};
static C28: Check = Check { min_items: 1, max_items: 16, ..ANY };
static C29: Check = Check { allowed: &["AllowValidOnly", "AllowInsecureFallback"], ..ANY };
static C30: Check = Check { allowed: &["All", "None"], ..ANY };
static C31: Check = Check { min_items: 1, max_items: 64, ..ANY };
static C32: Check = Check { max_items: 64, min_length: 1, max_length: 256, pattern: r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$", ..ANY };
static C33: Check = Check { max_items: 9, allowed: &["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"], ..ANY };
static C34: Check = Check {
    max_items: 64,
    min_length: 1,
    max_length: 253,
    pattern: r"(^\*$)|(^(http(s)?):\/\/(((\*\.)?([a-zA-Z0-9\-]+\.)*[a-zA-Z0-9-]+|\*)(:([0-9]{1,5}))?)$)",
    ..ANY
};
static C35: Check = Check { minimum: 1, ..ANY };
static C36: Check = Check { min_length: 1, max_length: 256, pattern: r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$", ..ANY };
static C37: Check = Check { min_length: 1, max_length: 4096, pattern: r"^[!-~]+([\t ]?[!-~]+)*$", ..ANY };
static C38: Check = Check { minimum: 0, maximum: 100, ..ANY };
static C39: Check = Check { max_length: 1024, ..ANY };
static C40: Check = Check { allowed: &["ReplaceFullPath", "ReplacePrefixMatch"], ..ANY };
static C41: Check = Check { allowed: &["http", "https"], ..ANY };
static C42: Check = Check { allowed: &["301", "302", "303", "307", "308"], ..ANY };
static C43: Check = Check {
    allowed: &[
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestMirror",
        "RequestRedirect",
        "URLRewrite",
        "ExtensionRef",
        "CORS",
        "ExternalAuth",
    ],
    ..ANY
};
static C44: Check = Check { minimum: 0, maximum: 1000000, ..ANY };
static C45: Check = Check { allowed: &["Exact", "RegularExpression"], ..ANY };
static C46: Check = Check { allowed: &["Exact", "PathPrefix", "RegularExpression"], ..ANY };
static C47: Check = Check { min_length: 1, max_length: 1024, ..ANY };
static C48: Check = Check { allowed: &["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"], ..ANY };
static C49: Check = Check { pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$", ..ANY };
static C50: Check = Check { minimum: 400, maximum: 599, ..ANY };
static C51: Check = Check { allowed: &["Permanent", "Session"], ..ANY };
static C52: Check = Check { allowed: &["Cookie", "Header"], ..ANY };
static C53: Check = Check {
    max_items: 16,
    min_length: 1,
    max_length: 253,
    pattern: r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ..ANY
};
static C54: Check = Check { max_items: 32, ..ANY };
static C55: Check = Check { min_items: 1, max_items: 8, ..ANY };
static C56: Check = Check { allowed: &["ResponseHeaderModifier", "RequestHeaderModifier", "RequestMirror", "ExtensionRef"], ..ANY };
static C57: Check = Check { min_length: 1, max_length: 4096, ..ANY };
static C58: Check = Check {
    min_items: 1,
    max_items: 1024,
    min_length: 1,
    max_length: 253,
    pattern: r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ..ANY
};
static C59: Check = Check { min_items: 1, max_items: 1, ..ANY };
static C60: Check = Check { allowed: &["Hostname", "URI"], ..ANY };
static C61: Check = Check { min_length: 1, max_length: 253, pattern: r"^(([^:/?#]+):)(//([^/?#]*))([^?#]*)(\?([^#]*))?(#(.*))?", ..ANY };
static C62: Check = Check { max_items: 5, ..ANY };
static C63: Check = Check {
    min_length: 1,
    max_length: 253,
    pattern: r"^(System|([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$",
    ..ANY
};

pub static X0: Extra = Extra { check: Some(&C0), ..NOTHING };
pub static X1: Extra = Extra { check: Some(&C1), ..NOTHING };
pub static X2: Extra = Extra { check: Some(&C2), ..NOTHING };
pub static X3: Extra = Extra { check: Some(&C3), ..NOTHING };
pub static X4: Extra = Extra { check: Some(&C4), ..NOTHING };
pub static X5: Extra = Extra { check: Some(&C5), ..NOTHING };
pub static X6: Extra = Extra { check: Some(&C6), ..NOTHING };
pub static X7: Extra = Extra { check: Some(&C7), ..NOTHING };
pub static X8: Extra = Extra { check: Some(&C8), ..NOTHING };
pub static X9: Extra = Extra { check: Some(&C9), ..NOTHING };
pub static X10: Extra = Extra { check: Some(&C10), ..NOTHING };
pub static X11: Extra = Extra {
    keys: &["type"],
    default: r#"[{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"Waiting for controller","reason":"Pending","status":"Unknown","type":"Accepted"}]"#,
    check: Some(&C11),
    ..NOTHING
};
pub static X12: Extra = Extra { keys: &["name"], check: Some(&C12), ..NOTHING };
pub static X13: Extra = Extra {
    default: r#"{"conditions":[{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"Waiting for controller","reason":"Pending","status":"Unknown","type":"Accepted"}]}"#,
    ..NOTHING
};
pub static X14: Extra = Extra { check: Some(&C13), ..NOTHING };
pub static X15: Extra = Extra { default: r#""IPAddress""#, check: Some(&C14), ..NOTHING };
pub static X16: Extra = Extra { default: r#""None""#, check: Some(&C15), ..NOTHING };
pub static X17: Extra = Extra { default: r#"{"from":"None"}"#, ..NOTHING };
pub static X18: Extra = Extra { check: Some(&C16), ..NOTHING };
pub static X19: Extra = Extra { check: Some(&C17), ..NOTHING };
pub static X20: Extra = Extra { default: r#""gateway.networking.k8s.io""#, check: Some(&C0), ..NOTHING };
pub static X21: Extra = Extra { default: r#""Same""#, check: Some(&C18), ..NOTHING };
pub static X22: Extra = Extra { check: Some(&C11), ..NOTHING };
pub static X23: Extra = Extra { default: r#"{"from":"Same"}"#, ..NOTHING };
pub static X24: Extra = Extra { default: r#""""#, check: Some(&C0), ..NOTHING };
pub static X25: Extra = Extra { default: r#""Service""#, check: Some(&C1), ..NOTHING };
pub static X26: Extra = Extra { check: Some(&C19), ..NOTHING };
pub static X27: Extra = Extra { check: Some(&C12), ..NOTHING };
pub static X28: Extra = Extra { check: Some(&C20), ..NOTHING };
pub static X29: Extra = Extra { check: Some(&C21), ..NOTHING };
pub static X30: Extra = Extra { check: Some(&C22), ..NOTHING };
pub static X31: Extra = Extra { check: Some(&C23), ..NOTHING };
pub static X32: Extra = Extra { default: r#""Secret""#, check: Some(&C1), ..NOTHING };
pub static X33: Extra = Extra { default: r#""Terminate""#, check: Some(&C24), ..NOTHING };
pub static X34: Extra = Extra { default: r#"{"namespaces":{"from":"Same"}}"#, ..NOTHING };
pub static X35: Extra = Extra { check: Some(&C25), ..NOTHING };
pub static X36: Extra = Extra { check: Some(&C26), ..NOTHING };
pub static X37: Extra = Extra { check: Some(&C27), ..NOTHING };
pub static X38: Extra = Extra { check: Some(&C28), ..NOTHING };
pub static X39: Extra = Extra { default: r#""AllowValidOnly""#, check: Some(&C29), ..NOTHING };
pub static X40: Extra = Extra { keys: &["port"], check: Some(&C12), ..NOTHING };
pub static X41: Extra = Extra { check: Some(&C30), ..NOTHING };
pub static X42: Extra = Extra { keys: &["name"], check: Some(&C31), ..NOTHING };
pub static X43: Extra = Extra { keys: &["type"], check: Some(&C11), ..NOTHING };
pub static X44: Extra = Extra {
    keys: &["type"],
    default: r#"[{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"Waiting for controller","reason":"Pending","status":"Unknown","type":"Accepted"},{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"Waiting for controller","reason":"Pending","status":"Unknown","type":"Programmed"}]"#,
    check: Some(&C11),
    ..NOTHING
};
pub static X45: Extra = Extra {
    default: r#"{"conditions":[{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"Waiting for controller","reason":"Pending","status":"Unknown","type":"Accepted"},{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"Waiting for controller","reason":"Pending","status":"Unknown","type":"Programmed"}]}"#,
    ..NOTHING
};
pub static X46: Extra = Extra { default: r#""Gateway""#, check: Some(&C1), ..NOTHING };
pub static X47: Extra = Extra { check: Some(&C32), ..NOTHING };
pub static X48: Extra = Extra { check: Some(&C33), ..NOTHING };
pub static X49: Extra = Extra { check: Some(&C34), ..NOTHING };
pub static X50: Extra = Extra { default: "5", check: Some(&C35), ..NOTHING };
pub static X51: Extra = Extra { check: Some(&C36), ..NOTHING };
pub static X52: Extra = Extra { check: Some(&C37), ..NOTHING };
pub static X53: Extra = Extra { keys: &["name"], check: Some(&C23), ..NOTHING };
pub static X54: Extra = Extra { default: "100", check: Some(&C35), ..NOTHING };
pub static X55: Extra = Extra { check: Some(&C38), ..NOTHING };
pub static X56: Extra = Extra { check: Some(&C39), ..NOTHING };
pub static X57: Extra = Extra { check: Some(&C40), ..NOTHING };
pub static X58: Extra = Extra { check: Some(&C41), ..NOTHING };
pub static X59: Extra = Extra { default: "302", check: Some(&C42), ..NOTHING };
pub static X60: Extra = Extra { check: Some(&C43), ..NOTHING };
pub static X61: Extra = Extra { default: "1", check: Some(&C44), ..NOTHING };
pub static X62: Extra = Extra { default: r#""Exact""#, check: Some(&C45), ..NOTHING };
pub static X63: Extra = Extra { default: r#""PathPrefix""#, check: Some(&C46), ..NOTHING };
pub static X64: Extra = Extra { default: r#""/""#, check: Some(&C39), ..NOTHING };
pub static X65: Extra = Extra { check: Some(&C47), ..NOTHING };
pub static X66: Extra = Extra { check: Some(&C48), ..NOTHING };
pub static X67: Extra = Extra { default: r#"{"type":"PathPrefix","value":"/"}"#, ..NOTHING };
pub static X68: Extra = Extra { default: "1", check: Some(&C7), ..NOTHING };
pub static X69: Extra = Extra { check: Some(&C49), ..NOTHING };
pub static X70: Extra = Extra { check: Some(&C50), ..NOTHING };
pub static X71: Extra = Extra { default: r#""Session""#, check: Some(&C51), ..NOTHING };
pub static X72: Extra = Extra { default: r#""Cookie""#, check: Some(&C52), ..NOTHING };
pub static X73: Extra = Extra { default: r#"[{"path":{"type":"PathPrefix","value":"/"}}]"#, check: Some(&C12), ..NOTHING };
pub static X74: Extra = Extra { check: Some(&C53), ..NOTHING };
pub static X75: Extra = Extra { check: Some(&C54), ..NOTHING };
pub static X76: Extra = Extra { default: r#"[{"matches":[{"path":{"type":"PathPrefix","value":"/"}}]}]"#, check: Some(&C28), ..NOTHING };
pub static X77: Extra = Extra { keys: &["type"], check: Some(&C55), ..NOTHING };
pub static X78: Extra = Extra { check: Some(&C56), ..NOTHING };
pub static X79: Extra = Extra { check: Some(&C57), ..NOTHING };
pub static X80: Extra = Extra { check: Some(&C58), ..NOTHING };
pub static X81: Extra = Extra { check: Some(&C59), ..NOTHING };
pub static X82: Extra = Extra { check: Some(&C60), ..NOTHING };
pub static X83: Extra = Extra { check: Some(&C61), ..NOTHING };
pub static X84: Extra = Extra { check: Some(&C55), ..NOTHING };
pub static X85: Extra = Extra { check: Some(&C62), ..NOTHING };
pub static X86: Extra = Extra { check: Some(&C63), ..NOTHING };
