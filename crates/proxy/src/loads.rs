//! How much each data thread has open, and when a connection is better served by another one (gateway spec G90): the kernel
//! spreads connections by hash, and a few long ones may all fall on one thread while the others rest.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Below this a thread keeps what it accepts: moving a connection costs more than it can bring.
const FEW: usize = 8;

/// Open connections and HTTP/2 streams by thread.
pub struct Loads {
    threads: Box<[Load]>,
}

/// One thread's count, on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Load(AtomicUsize);

impl Loads {
    /// For so many threads.
    pub fn new(threads: usize) -> Self {
        Self { threads: (0..threads.max(1)).map(|_| Load::default()).collect() }
    }

    /// A connection or stream begins on a thread.
    pub fn enter(&self, thread: usize) {
        self.threads[thread].0.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended.
    pub fn leave(&self, thread: usize) {
        self.threads[thread].0.fetch_sub(1, Ordering::Relaxed);
    }

    /// All that is open.
    pub fn total(&self) -> usize {
        self.threads.iter().map(|load| load.0.load(Ordering::Relaxed)).sum()
    }

    /// The thread that should serve what this one has accepted: the one with the least, when this one has more than twice what
    /// the others have on average.
    pub fn elsewhere(&self, thread: usize) -> Option<usize> {
        let own = self.threads[thread].0.load(Ordering::Relaxed);
        if own < FEW {
            return None;
        }
        let others = || (0..self.threads.len()).filter(|other| *other != thread).map(|other| (self.threads[other].0.load(Ordering::Relaxed), other));
        let sum: usize = others().map(|(load, _)| load).sum();
        let (_, least) = others().min()?;
        (own * (self.threads.len() - 1) > 2 * sum).then_some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(open: &[usize]) -> Loads {
        let loads = Loads::new(open.len());
        open.iter().enumerate().for_each(|(thread, count)| (0..*count).for_each(|_| loads.enter(thread)));
        loads
    }

    #[test]
    fn a_thread_with_more_than_twice_the_others_passes_on_to_the_one_with_the_least() {
        assert_eq!(loads(&[21, 10]).elsewhere(0), Some(1));
        assert_eq!(loads(&[20, 10]).elsewhere(0), None);
        assert_eq!(loads(&[20, 10]).elsewhere(1), None);
        assert_eq!(loads(&[40, 12, 9, 14]).elsewhere(0), Some(2));
        assert_eq!(loads(&[FEW - 1, 0]).elsewhere(0), None);
        assert_eq!(loads(&[1000]).elsewhere(0), None, "there is nobody else");
    }

    #[test]
    fn what_has_ended_does_not_count() {
        let loads = loads(&[9, 3]);
        assert_eq!(loads.total(), 12);
        (0..3).for_each(|_| loads.leave(0));
        assert_eq!((loads.total(), loads.elsewhere(0)), (9, None));
    }
}
