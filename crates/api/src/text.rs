//! Text that is the same in thousands of objects (a namespace, a node, a zone, `TCP`) is read into one allocation, not thousands.

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Texts that a thread remembers, by their hash: a table that never grows and forgets by overwriting, so that it needs no end.
const PLACES: usize = 512;
/// Longer texts are mostly of one object alone.
const LENGTH_MAX: usize = 64;

thread_local! {
    static KNOWN: RefCell<Vec<Option<Arc<str>>>> = const { RefCell::new(Vec::new()) };
}

/// A text, by the pointer that was read for it last, where that is still remembered.
fn remembered(text: &str) -> Arc<str> {
    if text.is_empty() {
        return Arc::default();
    }
    if text.len() > LENGTH_MAX {
        return text.into();
    }
    KNOWN.with_borrow_mut(|known| {
        if known.is_empty() {
            known.resize(PLACES, None);
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
        let place = &mut known[hash as usize % PLACES];
        match place {
            Some(same) if **same == *text => Arc::clone(same),
            _ => Arc::clone(place.insert(text.into())),
        }
    })
}

/// Text that many objects have in common.
pub(crate) struct Common(pub Arc<str>);

impl<'de> Deserialize<'de> for Common {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Common;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Common, E> {
                Ok(Common(remembered(text)))
            }
        }
        from.deserialize_str(Reader)
    }
}

/// Reads text that many objects have in common.
pub(crate) fn common<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    Ok(Common::deserialize(from)?.0)
}

/// As [`common`], where it may be absent.
pub(crate) fn common_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
    Ok(Option::<Common>::deserialize(from)?.map(|text| text.0))
}

/// As [`common`], a list of them, without spare room.
pub(crate) fn common_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<str>>, D::Error> {
    let texts = Option::<Vec<Common>>::deserialize(from)?.unwrap_or_default();
    Ok(texts.into_iter().map(|text| text.0).collect::<Box<[_]>>().into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_read_into_one_allocation_and_another_one_never_is() {
        let [a, b, c] = ["TCP", "TCP", "UDP"].map(remembered);
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!((&*a, &*c), ("TCP", "UDP"));
        let long = "x".repeat(LENGTH_MAX + 1);
        assert!(!Arc::ptr_eq(&remembered(&long), &remembered(&long)));
        // Many more than there are places.
        for number in 0..PLACES * 4 {
            assert_eq!(&*remembered(&number.to_string()), number.to_string());
        }
    }
}
