//! Real sockets on loopback addresses, a hand-made snapshot, two data threads.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use balance::Pickers;
use model::endpoint::{Endpoint, Pool, PoolId, Standing};
use model::ident::{Identity, Origin, Target, Transport};
use model::policy::{Policy, Strategy};
use model::service::{Frontend, FrontendKey, FrontendKind, Verdict};
use model::{Interner, Live, Snapshot};
use observe::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::*;

/// A plane under test.
struct Rig {
    live: Arc<Live>,
    interner: Interner,
    snapshot: Snapshot,
    stream: Stream,
    runtime: Runtime,
    address: IpAddr,
}

const PORT: u16 = 18_080;

impl Rig {
    fn start() -> Self {
        Self::with(Options { connect_timeout: Duration::from_millis(500), ..Options::default() })
    }

    fn with(options: Options) -> Self {
        // An address of its own for each test: they run side by side.
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let runtime = Runtime::start(2).unwrap();
        let live = Arc::new(Live::default());
        let stream = Stream::start(&runtime, Arc::clone(&live), Arc::new(Pickers::new(1)), options, &Registry::default());
        let snapshot = Snapshot { complete: true, ..Snapshot::default() };
        let address = IpAddr::from([127, 99, high.wrapping_add(std::process::id() as u8), low]);
        Self { live, interner: Interner::default(), snapshot, stream, runtime, address }
    }

    fn at(&self) -> SocketAddr {
        (self.address, PORT).into()
    }

    fn key(&self, transport: Transport) -> FrontendKey {
        FrontendKey { address: self.address, transport, port: PORT }
    }

    fn pool(&mut self, transport: Transport, endpoints: &[SocketAddr]) {
        let endpoints = endpoints.iter().map(|&address| self.endpoint(address, transport)).collect();
        let policy = Policy { strategy: Strategy::RoundRobin, slow_start: None, ..Policy::default() };
        let pool = Pool {
            id: PoolId(1),
            service: Origin::new("Service", "shop", "cart"),
            port_name: "".into(),
            port: PORT,
            transport,
            app_protocol: None,
            endpoints,
            draining: Vec::new(),
            policy: Arc::new(policy),
        };
        self.snapshot.pools.insert(PoolId(1), Arc::new(pool));
    }

    fn endpoint(&self, address: SocketAddr, transport: Transport) -> Arc<Endpoint> {
        let identity = Identity { cluster: 0, target: Target::Address(address.ip()), port: address.port(), transport };
        Arc::new(Endpoint {
            address,
            vitals: self.interner.intern(&identity),
            identity,
            weight: 100,
            stable_name: address.to_string().into(),
            node: None,
            zone: None,
            standing: Standing::Ready,
            serving: true,
            attributes: None,
        })
    }

    fn frontend(&mut self, transport: Transport, inside: Verdict) -> Frontend {
        let frontend = Frontend {
            key: self.key(transport),
            kind: FrontendKind::ClusterIp,
            service: Origin::new("Service", "shop", "cart"),
            port_name: "".into(),
            inside,
            outside: inside,
            affinity: None,
            source_ranges: Vec::new(),
            announces: false,
        };
        self.snapshot.frontends.insert(frontend.key, Arc::new(frontend.clone()));
        frontend
    }

    /// Publishes and waits until the plane serves it.
    async fn publish(&mut self) -> Vec<model::Problem> {
        self.snapshot.generation += 1;
        self.live.publish(Arc::new(self.snapshot.clone()));
        let (mut version, mut said) = self.live.acknowledgements();
        loop {
            if let Some(applied) = said.iter().find(|applied| applied.plane == PLANE && applied.generation >= self.snapshot.generation) {
                return applied.problems.clone();
            }
            (version, said) = self.live.acknowledged_after(version).await;
        }
    }

    async fn serve(&mut self, transport: Transport, endpoints: &[SocketAddr]) {
        self.pool(transport, endpoints);
        self.frontend(transport, Verdict::Pool(PoolId(1)));
        assert_eq!(self.publish().await, []);
    }

    async fn end(self) {
        let _ = self.stream.stop(Duration::ZERO).await;
        tokio::task::spawn_blocking(move || self.runtime.stop()).await.unwrap();
    }
}

/// A backend that answers each connection with its name and then echoes, in its own task.
async fn backend(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(name.as_bytes()).await;
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let _ = to.shutdown().await;
            });
        }
    });
    address
}

/// An address nobody listens on.
fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn who(at: SocketAddr) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let mut name = [0; 1];
    stream.read_exact(&mut name).await.unwrap();
    String::from_utf8(name.to_vec()).unwrap()
}

#[tokio::test]
async fn connections_reach_every_endpoint_and_numbers_return_to_zero() {
    let mut rig = Rig::start();
    let (a, b) = (backend("a").await, backend("b").await);
    rig.serve(Transport::Tcp, &[a, b]).await;
    let mut names = Vec::new();
    for _ in 0..10 {
        names.push(who(rig.at()).await);
    }
    assert_eq!(names.iter().filter(|name| *name == "a").count(), 5, "{names:?}");
    for _ in 0..200 {
        if rig.stream.open() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let endpoints = &rig.snapshot.pools[&PoolId(1)].endpoints;
    assert!(endpoints.iter().all(|endpoint| endpoint.vitals.in_flight() == 0 && endpoint.vitals.connections() == 0));
    rig.end().await;
}

#[tokio::test]
async fn a_large_exchange_with_half_close_arrives_whole() {
    let mut rig = Rig::start();
    let a = backend("a").await;
    rig.serve(Transport::Tcp, &[a]).await;
    let (mut from, mut to) = TcpStream::connect(rig.at()).await.unwrap().into_split();
    let sent: Vec<u8> = (0..4_000_000u32).map(|byte| byte as u8).collect();
    let expected = sent.clone();
    let writer = tokio::spawn(async move {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    from.read_to_end(&mut received).await.unwrap();
    writer.await.unwrap();
    assert_eq!(received[..1], *b"a");
    assert!(received[1..] == expected, "{} bytes", received.len());
    rig.end().await;
}

#[tokio::test]
async fn a_reset_passes_through() {
    let mut rig = Rig::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    rig.serve(Transport::Tcp, &[listener.local_addr().unwrap()]).await;
    let mut client = TcpStream::connect(rig.at()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let _ = socket2::SockRef::from(&server).set_linger(Some(Duration::ZERO));
    drop(server);
    let error = client.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let client = TcpStream::connect(rig.at()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let _ = socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO));
    drop(client);
    assert_eq!(server.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    rig.end().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_endpoint() {
    let mut rig = Rig::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    rig.serve(Transport::Tcp, &[listener.local_addr().unwrap()]).await;
    let _client = TcpStream::connect(rig.at()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut written = 0usize;
    while let Ok(sent) = tokio::time::timeout(Duration::from_millis(300), server.write(&[0; 65_536])).await {
        written += sent.unwrap();
        assert!(written < 64 << 20, "nothing holds it back");
    }
    rig.end().await;
}

#[tokio::test]
async fn a_refused_endpoint_is_skipped_before_the_client_notices() {
    let mut rig = Rig::start();
    let a = backend("a").await;
    let gone = nobody();
    rig.serve(Transport::Tcp, &[a, gone, nobody()]).await;
    for _ in 0..20 {
        assert_eq!(who(rig.at()).await, "a");
    }
    assert!(rig.snapshot.pools[&PoolId(1)].endpoints.iter().any(|endpoint| endpoint.vitals.state().barred_hard()));
    rig.end().await;
}

#[tokio::test]
async fn without_an_endpoint_the_kernel_refuses_and_the_first_one_opens_again() {
    let mut rig = Rig::start();
    rig.frontend(Transport::Tcp, Verdict::Reject);
    rig.publish().await;
    for _ in 0..3 {
        assert_eq!(TcpStream::connect(rig.at()).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let a = backend("a").await;
        rig.serve(Transport::Tcp, &[a]).await;
        assert_eq!(who(rig.at()).await, "a");
        rig.frontend(Transport::Tcp, Verdict::Reject);
        rig.publish().await;
    }
    rig.snapshot.frontends.clear();
    rig.publish().await;
    assert_eq!(TcpStream::connect(rig.at()).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    rig.end().await;
}

#[tokio::test]
async fn an_established_connection_outlives_its_endpoint_and_its_service() {
    let mut rig = Rig::start();
    let a = backend("a").await;
    rig.serve(Transport::Tcp, &[a]).await;
    let mut client = TcpStream::connect(rig.at()).await.unwrap();
    client.read_exact(&mut [0; 1]).await.unwrap();
    rig.snapshot.frontends.clear();
    rig.snapshot.pools.clear();
    rig.publish().await;
    client.write_all(b"still there").await.unwrap();
    let mut echoed = [0; 11];
    client.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"still there");
    rig.end().await;
}

#[tokio::test]
async fn drop_leaves_connections_unaccepted() {
    let mut rig = Rig::start();
    rig.frontend(Transport::Tcp, Verdict::Drop);
    rig.publish().await;
    let mut client = TcpStream::connect(rig.at()).await.expect("the kernel completes it");
    let read = tokio::time::timeout(Duration::from_millis(200), client.read(&mut [0; 1])).await;
    assert!(read.is_err(), "nobody answers and nobody resets");
    let a = backend("a").await;
    rig.serve(Transport::Tcp, &[a]).await;
    let mut name = [0; 1];
    client.read_exact(&mut name).await.unwrap();
    assert_eq!(&name, b"a", "what waited is served");
    rig.end().await;
}

#[tokio::test]
async fn a_client_stays_with_its_endpoint_until_that_leaves() {
    let mut rig = Rig::start();
    let (a, b, c) = (backend("a").await, backend("b").await, backend("c").await);
    rig.pool(Transport::Tcp, &[a, b, c]);
    let frontend = rig.frontend(Transport::Tcp, Verdict::Pool(PoolId(1)));
    let sticky = Frontend { affinity: Some(Duration::from_secs(60)), ..frontend };
    rig.snapshot.frontends.insert(sticky.key, Arc::new(sticky));
    rig.publish().await;
    let first = who(rig.at()).await;
    for _ in 0..10 {
        assert_eq!(who(rig.at()).await, first);
    }
    let left: Vec<SocketAddr> = [("a", a), ("b", b), ("c", c)].into_iter().filter(|(name, _)| *name != first).map(|(_, at)| at).collect();
    rig.pool(Transport::Tcp, &left);
    rig.publish().await;
    let second = who(rig.at()).await;
    assert_ne!(second, first);
    assert_eq!(who(rig.at()).await, second);
    rig.end().await;
}

#[tokio::test]
async fn a_service_that_asks_for_it_is_told_the_client_in_front_of_the_first_byte() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::start();
    rig.pool(Transport::Tcp, &[listener.local_addr().unwrap()]);
    let frontend = rig.frontend(Transport::Tcp, Verdict::Pool(PoolId(1)));
    rig.snapshot.frontends.insert(frontend.key, Arc::new(Frontend { announces: true, ..frontend }));
    assert_eq!(rig.publish().await, []);
    let mut client = TcpStream::connect(rig.at()).await.unwrap();
    let (mut endpoint, _) = listener.accept().await.unwrap();
    client.write_all(b"hello").await.unwrap();
    let mut head = [0; 28];
    endpoint.read_exact(&mut head).await.unwrap();
    let announced = net::announced::announced(&head).unwrap();
    assert_eq!(announced, net::announced::Announced::Whole(28, Some(client.local_addr().unwrap())));
    let mut said = [0; 5];
    endpoint.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"hello");
    rig.end().await;
}

#[tokio::test]
async fn source_ranges_of_a_load_balancer_keep_others_out() {
    let mut rig = Rig::start();
    let a = backend("a").await;
    rig.pool(Transport::Tcp, &[a]);
    let frontend = rig.frontend(Transport::Tcp, Verdict::Pool(PoolId(1)));
    let ranged = Frontend { kind: FrontendKind::LoadBalancer, source_ranges: vec![([127, 0, 1, 0].into(), 24)], ..frontend };
    rig.snapshot.frontends.insert(ranged.key, Arc::new(ranged));
    rig.publish().await;
    let from = |source: [u8; 4]| {
        let (socket, at) = (tokio::net::TcpSocket::new_v4().unwrap(), rig.at());
        async move {
            socket.bind((IpAddr::from(source), 0).into()).unwrap();
            let mut stream = socket.connect(at).await?;
            stream.read_exact(&mut [0; 1]).await
        }
    };
    assert!(from([127, 0, 1, 7]).await.is_ok());
    assert_eq!(from([127, 0, 2, 7]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    rig.end().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_problem_and_heals() {
    let mut rig = Rig::start();
    let holder = std::net::TcpListener::bind(rig.at()).unwrap();
    let a = backend("a").await;
    rig.pool(Transport::Tcp, &[a]);
    rig.frontend(Transport::Tcp, Verdict::Pool(PoolId(1)));
    let problems = rig.publish().await;
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].reason, problems[0].frontend), ("AddressInUse", Some(rig.key(Transport::Tcp))));
    drop(holder);
    let (mut version, mut said) = rig.live.acknowledgements();
    while !said.iter().any(|applied| applied.problems.is_empty()) {
        (version, said) = rig.live.acknowledged_after(version).await;
    }
    assert_eq!(who(rig.at()).await, "a");
    rig.end().await;
}

#[tokio::test]
async fn an_address_of_another_host_is_a_problem_with_its_remedy() {
    let mut rig = Rig::start();
    rig.address = [192, 0, 2, 1].into();
    rig.pool(Transport::Tcp, &[nobody()]);
    rig.frontend(Transport::Tcp, Verdict::Pool(PoolId(1)));
    let problems = rig.publish().await;
    assert_eq!(problems[0].reason, "AddressNotLocal");
    assert!(problems[0].message.contains("127.0.0.0/8"), "{}", problems[0].message);
    rig.end().await;
}

#[tokio::test]
async fn a_thousand_addresses_come_and_go_in_one_generation() {
    let mut rig = Rig::start();
    net::limits::raise_open_files();
    let a = backend("a").await;
    rig.pool(Transport::Tcp, &[a]);
    for port in 20_000..21_000 {
        let mut frontend = rig.frontend(Transport::Tcp, Verdict::Pool(PoolId(1)));
        frontend.key.port = port;
        rig.snapshot.frontends.insert(frontend.key, Arc::new(frontend));
    }
    assert_eq!(rig.publish().await, []);
    for port in [20_000, 20_500, 20_999] {
        assert_eq!(who((rig.address, port).into()).await, "a");
    }
    rig.snapshot.frontends.clear();
    rig.publish().await;
    for port in [20_000, 20_500, 20_999] {
        let refused = TcpStream::connect(SocketAddr::from((rig.address, port))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    rig.end().await;
}

#[tokio::test]
async fn a_busy_address_is_served_by_every_thread() {
    let mut rig = Rig::start();
    let a = backend("a").await;
    rig.serve(Transport::Tcp, &[a]).await;
    for _ in 0..300 {
        assert_eq!(who(rig.at()).await, "a");
    }
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let octets: Vec<u8> = match rig.address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(_) => unreachable!("the tests use IPv4"),
    };
    let wanted = format!("{:08X}:{PORT:04X}", u32::from_le_bytes(octets.try_into().unwrap()));
    let listening = sockets.lines().filter(|line| line.split_ascii_whitespace().nth(1) == Some(&wanted) && line.contains(" 0A ")).count();
    assert_eq!(listening, 2);
    rig.end().await;
}

#[tokio::test]
async fn stopping_waits_for_connections_and_cuts_the_rest() {
    let mut rig = Rig::start();
    let a = backend("a").await;
    rig.serve(Transport::Tcp, &[a]).await;
    let mut short = TcpStream::connect(rig.at()).await.unwrap();
    let mut long = TcpStream::connect(rig.at()).await.unwrap();
    short.read_exact(&mut [0; 1]).await.unwrap();
    long.read_exact(&mut [0; 1]).await.unwrap();
    let at = rig.at();
    let stopping = tokio::spawn(rig.stream.stop(Duration::from_millis(400)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(TcpStream::connect(at).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    short.write_all(b"x").await.unwrap();
    short.read_exact(&mut [0; 1]).await.unwrap();
    drop(short);
    assert_eq!(stopping.await.unwrap(), 1, "one was cut");
    assert_eq!(long.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    tokio::task::spawn_blocking(move || rig.runtime.stop()).await.unwrap();
}

/// A UDP backend that answers with its name and what it was sent.
async fn datagrams(name: &'static str) -> (SocketAddr, tokio::task::AbortHandle) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&[name.as_bytes(), &buffer[..length]].concat(), peer).await;
        }
    });
    (address, task.abort_handle())
}

async fn client(rig: &Rig) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(rig.at()).await.unwrap();
    socket
}

async fn ask(client: &UdpSocket, word: &str) -> std::io::Result<String> {
    client.send(word.as_bytes()).await?;
    let mut buffer = [0; 2048];
    let length = tokio::time::timeout(Duration::from_secs(2), client.recv(&mut buffer)).await.map_err(|_| ErrorKind::TimedOut)??;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

#[tokio::test]
async fn each_udp_client_gets_its_own_answers_from_the_address_it_asked() {
    let mut rig = Rig::start();
    let (a, _) = datagrams("a").await;
    let (b, _) = datagrams("b").await;
    rig.serve(Transport::Udp, &[a, b]).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(client(&rig).await);
    }
    for turn in 0..3 {
        for (number, client) in clients.iter().enumerate() {
            client.send(format!("{number}.{turn}").as_bytes()).await.unwrap();
        }
        for (number, client) in clients.iter().enumerate() {
            let mut buffer = [0; 100];
            let length = client.recv(&mut buffer).await.unwrap();
            assert!(String::from_utf8_lossy(&buffer[1..length]) == format!("{number}.{turn}"));
        }
    }
    rig.end().await;
}

#[tokio::test]
async fn a_flow_stays_with_its_endpoint_and_moves_at_once_when_that_leaves() {
    let mut rig = Rig::start();
    let (a, _) = datagrams("a").await;
    let (b, _) = datagrams("b").await;
    rig.serve(Transport::Udp, &[a, b]).await;
    let client = client(&rig).await;
    let first = ask(&client, "").await.unwrap();
    for _ in 0..5 {
        assert_eq!(ask(&client, "").await.unwrap(), first);
    }
    rig.pool(Transport::Udp, &[if first == "a" { b } else { a }]);
    rig.publish().await;
    assert_ne!(ask(&client, "").await.unwrap(), first);
    rig.end().await;
}

#[tokio::test]
async fn a_udp_endpoint_that_refuses_is_left() {
    let mut rig = Rig::start();
    let (a, a_task) = datagrams("a").await;
    let (b, b_task) = datagrams("b").await;
    rig.serve(Transport::Udp, &[a, b]).await;
    let client = client(&rig).await;
    let first = ask(&client, "").await.unwrap();
    if first == "a" {
        a_task.abort()
    } else {
        b_task.abort()
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    // The first datagram is answered by ICMP; what follows goes to the other one.
    client.send(b"lost").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_ne!(ask(&client, "").await.unwrap(), first);
    rig.end().await;
}

#[tokio::test]
async fn without_an_endpoint_a_udp_address_is_unreachable() {
    let mut rig = Rig::start();
    let (a, _) = datagrams("a").await;
    rig.serve(Transport::Udp, &[a]).await;
    let client = client(&rig).await;
    ask(&client, "").await.unwrap();
    rig.frontend(Transport::Udp, Verdict::Reject);
    rig.publish().await;
    assert_eq!(ask(&client, "").await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    rig.serve(Transport::Udp, &[a]).await;
    assert_eq!(ask(&client, "").await.unwrap(), "a");
    rig.end().await;
}

#[tokio::test]
async fn flows_end_when_idle_and_the_table_is_bounded() {
    let options = Options { flow_idle: Duration::from_millis(150), flow_unanswered: Duration::from_millis(150), flows_max: 8, ..Options::default() };
    let mut rig = Rig::with(options);
    let (a, _) = datagrams("a").await;
    rig.serve(Transport::Udp, &[a]).await;
    for _ in 0..30 {
        assert_eq!(ask(&client(&rig).await, "").await.unwrap(), "a");
    }
    let numbers = &rig.stream.shared.numbers;
    assert_eq!(numbers.flows.get(), 8);
    assert_eq!(numbers.flows_evicted.get(), 22);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(numbers.flows.get(), 0);
    assert_eq!(rig.snapshot.pools[&PoolId(1)].endpoints[0].vitals.in_flight(), 0);
    rig.end().await;
}
