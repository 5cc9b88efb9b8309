//! What a query may cost: no allocation, whatever own name is asked for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by ending")]
#![allow(unsafe_code, reason = "counting allocations needs an allocator of our own")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use dns::Config;
use support::*;

/// Counts what the thread that answers datagrams allocates.
struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static IS_DNS: std::cell::Cell<Option<bool>> = const { std::cell::Cell::new(None) };
}

/// Whether this thread is the one; asked of the system once, and never while it asks.
fn on_dns_thread() -> bool {
    IS_DNS
        .try_with(|is_dns| match is_dns.get() {
            Some(known) => known,
            None => {
                is_dns.set(Some(false));
                let known = std::thread::current().name() == Some("dns-0");
                is_dns.set(Some(known));
                known
            }
        })
        .unwrap_or(false)
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if on_dns_thread() {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if on_dns_thread() {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[test]
fn a_query_for_an_own_name_allocates_nothing() {
    let served = Served::start(Config::default(), snapshot(100));
    let names = [
        ("web.n.svc.cluster.local", A),
        ("db.n.svc.cluster.local", A),
        ("_http._tcp.db.n.svc.cluster.local", SRV),
        ("10-1-0-7.db.n.svc.cluster.local", A),
        ("far.n.svc.cluster.local", A),
        ("no.n.svc.cluster.local", A),
        ("1.0.96.10.in-addr.arpa", 12),
        ("cluster.local", 2),
    ];
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(served.address).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    let mut reply = [0; 4096];
    let mut round = |id: u16| {
        for (name, kind) in names {
            socket.send(&query(id, name, kind)).unwrap();
            socket.recv(&mut reply).unwrap();
        }
    };
    // Buffers grow to what they need, once.
    (0..50).for_each(&mut round);
    let before = COUNT.load(Ordering::Relaxed);
    assert!(before > 0, "the thread is counted at all");
    (0..500).for_each(&mut round);
    // A queue of the runtime may still grow once under load; what is asserted is that no query allocates.
    let during = COUNT.load(Ordering::Relaxed) - before;
    assert!(during <= 4, "{during} allocations in 4,000 queries");
}
