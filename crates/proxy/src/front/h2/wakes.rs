//! Which workers of a connection have something to do. Each has a waker of its own; all of them wake the one task that the
//! connection is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

/// Workers of a connection, at most: one for each stream that may be open.
const WORKERS_MAX: usize = 128;
const WORDS: usize = WORKERS_MAX / 64;

/// The workers that were woken.
#[derive(Default)]
pub struct Wakes {
    ready: [AtomicU64; WORDS],
    /// The task is running, or will run soon: it need not be woken.
    awake: AtomicBool,
    task: Mutex<Option<Waker>>,
}

/// One worker's place.
struct Place {
    wakes: Arc<Wakes>,
    index: usize,
}

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.add(self.index);
        if !self.wakes.awake.swap(true, Ordering::SeqCst)
            && let Some(task) = &*self.wakes.task.lock()
        {
            task.wake_by_ref();
        }
    }
}

impl Wakes {
    /// The waker of one worker.
    pub fn waker(self: &Arc<Self>, index: usize) -> Waker {
        Waker::from(Arc::new(Place { wakes: Arc::clone(self), index }))
    }

    /// This worker has something to do.
    pub fn add(&self, index: usize) {
        self.ready[index / 64].fetch_or(1 << (index % 64), Ordering::SeqCst);
    }

    /// The task runs from here on.
    pub fn begin(&self, task: &Waker) {
        self.awake.store(true, Ordering::SeqCst);
        let mut known = self.task.lock();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
    }

    /// The task is about to rest; false when there is something to do first.
    pub fn rest(&self) -> bool {
        self.awake.store(false, Ordering::SeqCst);
        let none = self.ready.iter().all(|word| word.load(Ordering::SeqCst) == 0);
        if !none {
            self.awake.store(true, Ordering::SeqCst);
        }
        none
    }

    /// Takes all that were woken: the ones from `first` on, then those before it, so that none is always the last.
    pub fn take(&self, first: usize) -> impl Iterator<Item = usize> + use<> {
        let [low, high] = [0, 1].map(|word| u128::from(self.ready[word].swap(0, Ordering::SeqCst)));
        let all = high << 64 | low;
        let after = u128::MAX.checked_shl(first as u32).unwrap_or(0);
        [all & after, all & !after].into_iter().flat_map(|mut rest| {
            std::iter::from_fn(move || {
                let index = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (index < 128).then_some(index as usize)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_task_is_woken_once_however_many_workers_are() {
        let (task, wakes) = (Arc::new(Task(AtomicUsize::new(0))), Arc::new(Wakes::default()));
        let wakers: Vec<Waker> = (0..WORKERS_MAX).map(|index| wakes.waker(index)).collect();
        wakes.begin(&Waker::from(Arc::clone(&task)));
        wakers[70].wake_by_ref();
        assert!(!wakes.rest(), "woken while the task ran");
        assert_eq!(wakes.take(0).collect::<Vec<_>>(), [70]);
        assert!(wakes.rest());
        assert_eq!(task.0.load(Ordering::Relaxed), 0);
        for index in [3, 127, 64, 3] {
            wakers[index].wake_by_ref();
        }
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
        assert_eq!(wakes.take(64).collect::<Vec<_>>(), [64, 127, 3]);
        assert_eq!(wakes.take(0).count(), 0);
    }
}
