//! Compressed header fields (RFC 7541): everything a peer may send is understood; what we send refers to the static table and
//! inserts nothing, so that neither side keeps state for it.

mod decode;
mod encode;
mod huffman;
mod table;

pub use decode::Decoder;
pub use encode::{push_authority, push_content_length, push_field, push_method, push_path, push_scheme, push_size_update, push_status};

#[cfg(test)]
mod tests;
