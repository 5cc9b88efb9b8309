//! The data threads: one current-thread runtime per core, each with its own sockets, pools and timers (gateway spec G90).
//!
//! Nothing is handed from one thread to another on the request path. What runs here is planted by [`Runtime::spawn_on`],
//! which the planes call when sockets come and go, never per connection.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a data thread is told.
enum Word {
    /// Make a task and run it. It is made on its thread, so what it holds need not be `Send`.
    Plant(Box<dyn FnOnce() + Send>),
    /// End, with whatever still runs.
    Stop,
}

/// The data threads. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    cores: Vec<UnboundedSender<Word>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Runtime {
    /// Starts `threads` data threads (at least one).
    ///
    /// # Errors
    /// When the system gives no thread or no epoll instance.
    pub fn start(threads: usize) -> io::Result<Self> {
        let mut cores = Vec::new();
        let mut handles = Vec::new();
        for core in 0..threads.max(1) {
            // Unbounded, and bounded by use: a word is sent per listening socket, and read a moment later.
            let (send, words) = unbounded_channel();
            let (started, outcome) = std::sync::mpsc::sync_channel(1);
            handles.push(std::thread::Builder::new().name(format!("data-{core}")).spawn(move || run(words, &started))?);
            outcome.recv().map_err(io::Error::other)??;
            cores.push(send);
        }
        Ok(Self { inner: Arc::new(Inner { cores, threads: Mutex::new(handles) }) })
    }

    /// How many data threads there are.
    pub fn cores(&self) -> usize {
        self.inner.cores.len()
    }

    /// Runs a task on one data thread (counted from 0, modulo their number). `make` is called there, so the future it
    /// gives may hold what cannot leave a thread. After [`Runtime::stop`] this does nothing.
    pub fn spawn_on<F, T>(&self, core: usize, make: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output = ()> + 'static,
    {
        let seed = Box::new(move || drop(tokio::task::spawn_local(make())));
        let _ = self.inner.cores[core % self.inner.cores.len()].send(Word::Plant(seed));
    }

    /// Ends every data thread with whatever still runs on it, and waits for them; planes drain before this is called.
    /// Blocks: not for a data thread itself.
    pub fn stop(&self) {
        for core in &self.inner.cores {
            let _ = core.send(Word::Stop);
        }
        for thread in self.inner.threads.lock().drain(..) {
            let _ = thread.join();
        }
    }
}

fn run(words: UnboundedReceiver<Word>, started: &SyncSender<io::Result<()>>) {
    match Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default()) {
        Ok(runtime) => {
            let _ = started.send(Ok(()));
            runtime.block_on(async {
                tokio::task::spawn_local(hear());
                obey(words).await;
            });
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

/// The sockets of the thread. Without them it is of no use.
async fn hear() {
    if let Err(error) = net::reactor::drive().await {
        tracing::error!(%error, "a data thread cannot wait for its sockets: raise the limit of open files and start again");
    }
}

async fn obey(mut words: UnboundedReceiver<Word>) {
    while let Some(Word::Plant(seed)) = words.recv().await {
        seed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::sync::mpsc::channel;

    #[test]
    fn a_task_runs_on_the_thread_it_was_planted_on_and_may_hold_what_cannot_leave_it() {
        let runtime = Runtime::start(2).expect("threads");
        let (send, names) = channel();
        for core in 0..4 {
            let send = send.clone();
            runtime.spawn_on(core, move || {
                let local = Rc::new(core);
                async move {
                    tokio::task::yield_now().await;
                    let _ = send.send((*local, std::thread::current().name().map(str::to_owned)));
                }
            });
        }
        let mut seen: Vec<_> = (0..4).map(|_| names.recv().expect("a task")).collect();
        seen.sort();
        let name = |core: usize| Some(format!("data-{core}"));
        assert_eq!(seen, [(0, name(0)), (1, name(1)), (2, name(0)), (3, name(1))]);
        runtime.stop();
    }

    #[test]
    fn a_panic_ends_its_task_only() {
        let runtime = Runtime::start(1).expect("a thread");
        let (send, alive) = channel();
        runtime.spawn_on(0, || async { panic!("one connection went wrong") });
        runtime.spawn_on(0, move || async move { send.send(()).expect("the test waits") });
        alive.recv().expect("the next task runs");
        runtime.stop();
    }
}
