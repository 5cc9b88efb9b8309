//! What a request may cost (gateway spec, method of T5): no heap allocation on a connection that is kept.

#![allow(unsafe_code, reason = "counting allocations needs an allocator of our own")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
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

/// A backend that answers every head with the same twelve bytes; gives its address.
fn backend() -> SocketAddr {
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
    address
}

/// The tests share the count.
static ALONE: Mutex<()> = Mutex::new(());

/// Asks so often, after some requests to warm up, and expects no allocations.
fn assert_no_allocations(mut ask: impl FnMut()) {
    const ROUNDS: u64 = 2000;
    (0..100).for_each(|_| ask());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..ROUNDS).for_each(|_| ask());
    let spent = ALLOCATIONS.load(Ordering::Relaxed) - before;
    // The plane's ticks and the test's own threads may take a few, whatever the number of requests.
    assert!(spent < ROUNDS / 20, "{spent} allocations in {ROUNDS} requests");
}

/// Reads frames until one ends a stream.
fn read_stream(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut ended = false;
    while !ended {
        stream.read_exact(&mut buffer[..9]).expect("a frame");
        let length = usize::from(buffer[1]) << 8 | usize::from(buffer[2]);
        ended = matches!(buffer[3], 0 | 1) && buffer[4] & 1 == 1;
        stream.read_exact(&mut buffer[..length]).expect("its payload");
    }
}

#[test]
fn a_stream_of_a_kept_http2_connection_allocates_nothing() {
    let _alone = ALONE.lock();
    let stage = Stage::new(&Scene::to(&[backend()]));
    let mut client = TcpStream::connect(stage.address).expect("the plane listens");
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("a live connection");
    // GET, http, the path and the authority as literals, and a field.
    let mut request = b"\0\0\0\x01\x05\0\0\0\0\x82\x86\x04\x0e/some/path?q=1\x01".to_vec();
    request.push(HOST.len() as u8);
    request.extend_from_slice(HOST.as_bytes());
    request.extend_from_slice(b"\x0f\x2b\x04test");
    request[2] = (request.len() - 9) as u8;
    let (mut buffer, mut number) = ([0; 4096], 1u32);
    assert_no_allocations(|| {
        request[5..9].copy_from_slice(&number.to_be_bytes());
        number += 2;
        client.write_all(&request).expect("a live connection");
        read_stream(&mut client, &mut buffer);
    });
}

#[test]
fn a_request_on_a_kept_connection_allocates_nothing() {
    let _alone = ALONE.lock();
    let stage = Stage::new(&Scene::to(&[backend()]));
    let mut client = TcpStream::connect(stage.address).expect("the plane listens");
    let request = format!("GET /some/path?q=1 HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n");
    let mut buffer = [0; 4096];
    assert_no_allocations(|| {
        client.write_all(request.as_bytes()).expect("a live connection");
        assert!(read_head(&mut client, &mut buffer));
    });
}
