use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::time::timeout;

use super::*;

/// Runs a test as a data thread would: with the reactor driven beside it. A wait that is never told of fails it.
fn on_a_data_thread<F: Future<Output = ()>>(test: F) {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).expect("a runtime");
    runtime.block_on(async {
        tokio::task::spawn_local(drive());
        timeout(Duration::from_secs(20), test).await.expect("nobody waits for ever");
    });
}

fn pair() -> (TcpStream, Stream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (server, _) = listener.accept().expect("a client");
    server.set_nonblocking(true).expect("an open socket");
    (client, Stream::new(server).expect("an epoll instance"))
}

async fn read(stream: &Stream) -> Vec<u8> {
    let mut bytes = [0; 64];
    let count = poll_fn(|context| stream.poll_read(context, &mut bytes)).await.expect("an open connection");
    bytes[..count].to_vec()
}

#[test]
fn what_is_there_is_read_without_being_registered_and_what_comes_later_is_told() {
    on_a_data_thread(async {
        let (mut client, stream) = pair();
        client.write_all(b"first").expect("sent");
        assert_eq!(read(&stream).await, b"first");
        assert_eq!(stream.place.state() & WATCHED, 0, "nobody has waited yet");
        for round in 0..3u8 {
            let ((), seen) = tokio::join!(
                async {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    client.write_all(&[round]).expect("sent");
                },
                read(&stream)
            );
            assert_eq!(seen, [round]);
        }
        assert_ne!(stream.place.state() & WATCHED, 0);
    });
}

#[test]
fn an_end_that_came_with_the_last_bytes_is_not_waited_for() {
    on_a_data_thread(async {
        for watched in [false, true] {
            let (mut client, stream) = pair();
            if watched {
                assert!(timeout(Duration::from_millis(5), stream.readable_now()).await.is_err());
            }
            client.write_all(b"last").expect("sent");
            drop(client);
            if watched {
                stream.readable().await.expect("told");
            }
            assert_eq!(read(&stream).await, b"last");
            assert_eq!(read(&stream).await, b"");
            assert_eq!(read(&stream).await, b"", "however often it is asked");
        }
    });
}

impl Stream {
    /// Waits for bytes that are really there.
    async fn readable_now(&self) -> io::Result<()> {
        let mut byte = [0];
        self.peek(&mut byte).await.map(drop)
    }
}

#[test]
fn a_late_wait_is_heard_from_the_second_tick_on() {
    on_a_data_thread(async {
        let (client, stream) = pair();
        // As after a request that was read to its end.
        stream.place.spent(Direction::Read);
        drop(client);
        let late = || poll_fn(|context| stream.poll_readable_late(context));
        assert!(timeout(Duration::from_millis(20), late()).await.is_err(), "nobody is told");
        assert_eq!(stream.place.state() & WATCHED, 0);
        let ((), heard) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                tick();
                tokio::time::sleep(Duration::from_millis(5)).await;
                assert_eq!(stream.place.state() & WATCHED, 0, "less than a tick may have passed");
                tick();
            },
            late()
        );
        heard.expect("told");
        assert_ne!(stream.place.state() & WATCHED, 0);
        assert_eq!(read(&stream).await, b"");
    });
}

#[test]
fn a_tick_passes_over_those_who_are_gone_and_their_successors() {
    on_a_data_thread(async {
        let (_client, stream) = pair();
        stream.place.spent(Direction::Read);
        assert!(timeout(Duration::from_millis(1), poll_fn(|context| stream.poll_readable_late(context))).await.is_err());
        let at = stream.place.at;
        drop(stream);
        let (_other, next) = pair();
        assert_eq!(next.place.at, at, "the same place again");
        next.place.set(READS | LATE);
        tick();
        tick();
        assert_eq!(next.place.state(), READS | LATE);
        assert!(next.place.reactor.late.borrow().is_empty() && next.place.reactor.later.borrow().is_empty());
    });
}

#[test]
fn an_event_of_a_former_socket_means_nobody() {
    on_a_data_thread(async {
        let (mut client, stream) = pair();
        assert!(timeout(Duration::from_millis(5), stream.readable_now()).await.is_err());
        let (at, reactor) = (stream.place.at, Rc::clone(&stream.place.reactor));
        // Open elsewhere, so that its event stays in the epoll instance.
        let kept = stream.as_fd().try_clone_to_owned().expect("a descriptor");
        client.write_all(b"for the former").expect("sent");
        drop(stream);
        let (_other, next) = pair();
        assert_eq!(next.place.at, at, "the same place again");
        next.place.set(0);
        assert!(reactor.harvest().expect("events") > 0);
        assert_eq!(next.place.state(), 0);
        drop(kept);
    });
}

#[test]
fn a_writer_waits_for_the_reader() {
    const LENGTH: usize = 8 << 20;
    on_a_data_thread(async {
        let (mut client, stream) = pair();
        let reader = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            let mut bytes = Vec::new();
            client.read_to_end(&mut bytes).map(|_| bytes.len())
        });
        let (mut written, piece) = (0, vec![7; 1 << 20]);
        while written < LENGTH {
            let rest = &piece[..piece.len().min(LENGTH - written)];
            written += poll_fn(|context| stream.poll_write(context, rest)).await.expect("an open connection");
        }
        drop(stream);
        assert_eq!(reader.join().expect("no panic").expect("a whole body"), LENGTH);
    });
}

#[test]
fn connections_are_made_or_refused() {
    on_a_data_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stream = Stream::connect(address).await.expect("it listens");
        let (mut server, peer) = listener.accept().expect("a client");
        assert_eq!(stream.local_addr().expect("connected"), peer);
        assert!(stream.is_silent(false) && stream.is_silent(true));
        server.write_all(b"greeting").expect("sent");
        assert_eq!(read(&stream).await, b"greeting");
        drop((listener, server));
        assert_eq!(Stream::connect(address).await.err().map(|error| error.kind()), Some(io::ErrorKind::ConnectionRefused));
    });
}

#[test]
fn what_an_idle_connection_heard_shows() {
    on_a_data_thread(async {
        let (client, stream) = pair();
        assert!(stream.is_silent(false), "the kernel is asked while nobody listens");
        assert!(timeout(Duration::from_millis(5), stream.readable_now()).await.is_err());
        assert!(stream.is_silent(false));
        drop(client);
        // Reading has the harvest done, as any wait does.
        stream.readable().await.expect("told");
        assert!(!stream.is_silent(false) && !stream.is_silent(true));
    });
}

#[test]
fn a_connection_moves_to_another_thread() {
    on_a_data_thread(async {
        let (mut client, stream) = pair();
        assert!(timeout(Duration::from_millis(5), stream.readable_now()).await.is_err());
        let socket = stream.into_std().expect("an open connection");
        let there = std::thread::spawn(move || {
            on_a_data_thread(async move {
                let stream = Stream::new(socket).expect("an epoll instance");
                assert_eq!(read(&stream).await, b"moved");
            });
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        client.write_all(b"moved").expect("sent");
        tokio::task::spawn_blocking(move || there.join().expect("no panic")).await.expect("joined");
    });
}

#[test]
fn a_connection_that_never_waits_lets_others_have_their_turn() {
    on_a_data_thread(async {
        let (mut client, stream) = pair();
        client.write_all(&[1; 1000]).expect("sent");
        let turns = Rc::new(Cell::new(0));
        let other = {
            let turns = Rc::clone(&turns);
            tokio::task::spawn_local(async move {
                loop {
                    turns.set(turns.get() + 1);
                    tokio::task::yield_now().await;
                }
            })
        };
        let mut byte = [0];
        for _ in 0..1000 {
            poll_fn(|context| stream.poll_read(context, &mut byte)).await.expect("an open connection");
        }
        other.abort();
        assert!((7..100).contains(&turns.get()), "{} turns in a thousand reads", turns.get());
    });
}

#[test]
fn more_events_than_one_call_reads_are_all_heard() {
    on_a_data_thread(async {
        let count = 2 * BATCH + 10;
        let (mut clients, streams): (Vec<_>, Vec<_>) = (0..count).map(|_| pair()).unzip();
        let readers: Vec<_> = streams.into_iter().map(|stream| tokio::task::spawn_local(async move { read(&stream).await })).collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        clients.iter_mut().for_each(|client| client.write_all(b"x").expect("sent"));
        for reader in readers {
            assert_eq!(reader.await.expect("no panic"), b"x");
        }
        let (mut client, stream) = pair();
        assert!(timeout(Duration::from_millis(5), stream.readable_now()).await.is_err());
        client.write_all(b"y").expect("sent");
        stream.readable().await.expect("told");
        assert_eq!(stream.crowd(), 1, "the crowd is that of the last harvest");
    });
}

#[test]
fn a_listener_gives_connections_of_before_and_after_it_waited() {
    on_a_data_thread(async {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("an open socket");
        let address = socket.local_addr().expect("bound");
        let first = TcpStream::connect(address).expect("it listens");
        let listener = Listener::new(socket).expect("an epoll instance");
        let (_, peer) = listener.accept().await.expect("a client");
        assert_eq!(peer, first.local_addr().expect("connected"));
        assert_eq!(listener.try_accept().err().map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
        let (connected, accepted) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                TcpStream::connect(address).expect("it listens")
            },
            listener.accept()
        );
        let (stream, peer) = accepted.expect("a client");
        assert_eq!(peer, connected.local_addr().expect("connected"));
        assert!(is_silent(&stream), "it does not block");
    });
}
