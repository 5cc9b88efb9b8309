//! Which of the objects that are read by name were tried by now. Between the moment when somebody names a Secret and the moment when it
//! was read, it is not missing: nobody knows yet.

use std::collections::HashSet;
use std::sync::Arc;

use compile::{Kind, Wants};
use tokio::sync::watch;

use crate::named::{Name, kinds};

/// The names that were tried. As many as there are watches by name.
#[derive(Clone)]
pub(crate) struct Tried(Arc<watch::Sender<HashSet<(Kind, Name)>>>);

impl Default for Tried {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(HashSet::new())))
    }
}

impl Tried {
    /// It was read, or found missing.
    pub fn add(&self, kind: Kind, name: Name) {
        self.0.send_if_modified(|tried| tried.insert((kind, name)));
    }

    /// It is not read any more.
    pub fn forget(&self, kind: Kind, name: Name) {
        self.0.send_if_modified(|tried| tried.remove(&(kind, name)));
    }

    /// Whether each of these was tried.
    pub fn all(&self, wants: &Wants) -> bool {
        let tried = self.0.borrow();
        kinds(wants).all(|one| tried.contains(&one))
    }

    /// Those that are told from now on.
    pub fn told(&self) -> Tries {
        Tries(self.0.subscribe())
    }
}

/// Hears of what is tried.
pub struct Tries(watch::Receiver<HashSet<(Kind, Name)>>);

impl Tries {
    /// Ends when something was tried since the last call, or since this was made. Never, once nobody reads any more.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
