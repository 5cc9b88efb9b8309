//! The server driven as clients do: raw requests, and a real Kubernetes client in the same process.

mod api {
    mod access;
    mod details;
    mod doors;
    mod harness;
    mod lists;
    mod objects;
    mod patches;
    mod protobuf;
    mod tokens;
    mod watches;
}
