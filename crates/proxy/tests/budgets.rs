//! What a request may cost (gateway spec, method of T5): no heap allocation on a connection that is kept.

#![allow(unsafe_code, reason = "counting allocations needs an allocator of our own")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};

use support::{HOST, Scene, Stage};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Reads until the end of a head, without allocating.
fn read_head(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) | Err(_) => return false,
            Ok(count) => filled += count,
        }
        if buffer[..filled].ends_with(b"\r\n\r\n") || buffer[..filled].ends_with(b"hello world\n") {
            return true;
        }
    }
}

#[test]
fn a_request_on_a_kept_connection_allocates_nothing() {
    const ROUNDS: u64 = 2000;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while read_head(&mut stream, &mut buffer) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let stage = Stage::new(&Scene::to(&[address]));
    let mut client = TcpStream::connect(stage.address).expect("the plane listens");
    let request = format!("GET /some/path?q=1 HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n");
    let mut buffer = [0; 4096];
    let mut ask = |rounds: u64| {
        for _ in 0..rounds {
            client.write_all(request.as_bytes()).expect("a live connection");
            assert!(read_head(&mut client, &mut buffer));
        }
    };
    ask(100);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    ask(ROUNDS);
    let spent = ALLOCATIONS.load(Ordering::Relaxed) - before;
    // The plane's ticks and the test's own threads may take a few, whatever the number of requests.
    assert!(spent < ROUNDS / 20, "{spent} allocations in {ROUNDS} requests");
}
