//! A stage for the plane: real sockets, snapshots made by hand, backends that play a script, clients spoken by hand.

#![allow(dead_code, reason = "each test file uses its own part of the stage")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use balance::Pickers;
use model::endpoint::{Pool, PoolId, Standing};
use model::ident::{Identity, Origin, Target, Transport};
use model::policy::{Policy, Strategy};
use model::routes::{
    Backend, BackendTo, Edge, Entrance, EntranceKey, Fallback, Filter, HostMap, HostPattern, HostTable, Limits, Listener, PathMatch, Peers,
    RouteMatch, Rule, Speaks, Timeouts,
};
use model::tls::TlsIdentity;
use model::{Endpoint, Live, Snapshot, Vitals};
use proxy::{Plane, Runtime, Settings};

pub const HOST: &str = "web.test";

// ---------------------------------------------------------------- the plane

/// A plane on two data threads, and the snapshot it serves.
pub struct Stage {
    pub runtime: Runtime,
    pub live: Arc<Live>,
    pub plane: Plane,
    pub snapshot: Snapshot,
    pub address: SocketAddr,
}

/// What a test wants served; everything else is as usual.
pub struct Scene {
    pub rules: Vec<(PathMatch, Rule)>,
    pub pools: Vec<Vec<Arc<Endpoint>>>,
    pub policy: Policy,
    pub speaks: Speaks,
    pub identities: Vec<(HostPattern, Arc<TlsIdentity>)>,
    pub fallback: Option<Fallback>,
    pub app_protocol: Option<&'static str>,
    pub edge: Edge,
    pub peers: Peers,
    pub limits: Option<Arc<Limits>>,
    /// The method that all rules ask for.
    pub method: Option<Arc<str>>,
}

impl Scene {
    /// Everything goes to these addresses.
    pub fn to(addresses: &[SocketAddr]) -> Self {
        Self::new(vec![(PathMatch::Prefix("/".into()), rule(vec![to_pool(1)]))], vec![addresses.iter().map(|one| endpoint(*one)).collect()])
    }

    pub fn new(rules: Vec<(PathMatch, Rule)>, pools: Vec<Vec<Arc<Endpoint>>>) -> Self {
        let policy = Policy { strategy: Strategy::RoundRobin, slow_start: None, ..Policy::default() };
        Self {
            rules,
            pools,
            policy,
            speaks: Speaks::Http,
            identities: Vec::new(),
            fallback: None,
            app_protocol: None,
            edge: Edge::default(),
            peers: Peers::default(),
            limits: None,
            method: None,
        }
    }

    /// The same with its only rule changed.
    pub fn with(mut self, change: impl FnOnce(&mut Rule)) -> Self {
        change(&mut self.rules[0].1);
        self
    }

    fn entrance(&self, key: EntranceKey) -> Entrance {
        let matches = self.rules.iter().enumerate().map(|(index, (path, rule))| {
            let rule = Rule { index: index as u16, ..rule.clone() };
            let host = HostPattern::Exact(HOST.into());
            Arc::new(RouteMatch {
                rule: Arc::new(rule),
                index: 0,
                host,
                path: path.clone(),
                method: self.method.clone(),
                headers: Box::default(),
                query: Box::default(),
            })
        });
        let mut identities: HostMap<smallvec::SmallVec<[Arc<TlsIdentity>; 1]>> = HostMap::default();
        for (pattern, identity) in &self.identities {
            identities.entry(pattern, Default::default).push(Arc::clone(identity));
        }
        let origin = Origin::new("Gateway", "test", "gw");
        let listener = Listener {
            origin,
            name: "web".into(),
            host: HostPattern::Any,
            ingress: false,
            identities,
            edge: Arc::new(self.edge.clone()),
            client: None,
            hosts: HostTable::new(matches),
        };
        Entrance::new(key, self.speaks, vec![Arc::new(listener)], self.fallback.clone()).with(self.peers.clone(), self.limits.clone())
    }
}

impl Stage {
    pub fn new(scene: &Scene) -> Self {
        Self::with(scene, Settings::default())
    }

    pub fn with(scene: &Scene, settings: Settings) -> Self {
        Self::on(2, scene, settings)
    }

    /// On so many data threads.
    pub fn on(threads: usize, scene: &Scene, settings: Settings) -> Self {
        let runtime = Runtime::start(threads).expect("threads");
        let live = Arc::new(Live::default());
        let plane = Plane::start(&runtime, Arc::clone(&live), Arc::new(Pickers::new(7)), settings);
        let address = free_address();
        let mut stage = Self { runtime, live, plane, snapshot: Snapshot { complete: true, ..Snapshot::default() }, address };
        stage.play(scene);
        stage
    }

    /// Keeps the first data thread from doing anything until what is given is dropped. Says which thread of the system it is.
    pub fn hold(&self) -> (Sender<()>, String) {
        let (told, held) = channel();
        let (release, released) = channel::<()>();
        self.runtime.spawn_on(0, move || {
            let name = std::fs::read_link("/proc/thread-self").expect("a thread");
            told.send(name.file_name().expect("its number").to_string_lossy().into_owned()).expect("the test waits");
            let _ = released.recv();
            async {}
        });
        let thread = held.recv().expect("the thread lives");
        (release, thread)
    }

    pub fn key(&self) -> EntranceKey {
        (self.address.ip(), self.address.port(), Transport::Tcp)
    }

    /// Publishes this scene and waits until the plane has it.
    pub fn play(&mut self, scene: &Scene) {
        let key = self.key();
        self.snapshot.entrances.ports.insert(key, Arc::new(scene.entrance(key)));
        for (at, endpoints) in scene.pools.iter().enumerate() {
            let id = PoolId(at as u32 + 1);
            let service = Origin::new("Service", "test", "web");
            let (endpoints, policy) = (endpoints.clone(), Arc::new(scene.policy.clone()));
            let pool = Pool {
                id,
                service,
                port_name: "".into(),
                port: 80,
                transport: Transport::Tcp,
                app_protocol: scene.app_protocol.map(Into::into),
                endpoints,
                draining: Vec::new(),
                policy,
            };
            self.snapshot.pools.insert(id, Arc::new(pool));
        }
        self.publish();
    }

    pub fn publish(&mut self) {
        self.snapshot.generation += 1;
        self.live.publish(Arc::new(self.snapshot.clone()));
        let generation = self.snapshot.generation;
        eventually("the generation is acknowledged", || {
            self.live.acknowledgements().1.iter().any(|said| said.plane == "http" && said.generation >= generation)
        });
    }

    pub fn client(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// One request on a connection of its own.
    pub fn get(&self, path: &str) -> Message {
        self.client().get(path)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

pub fn rule(backends: Vec<Backend>) -> Rule {
    let origin = Origin::new("HTTPRoute", "test", "route");
    Rule {
        origin,
        created_s: 0,
        index: 0,
        name: "".into(),
        filters: Vec::new(),
        backends,
        timeouts: Timeouts::default(),
        retry: None,
        place: 0,
        session: None,
    }
}

pub fn to_pool(id: u32) -> Backend {
    Backend { weight: 1, to: BackendTo::Pool(PoolId(id)), service: Origin::new("Service", "test", "web"), port: 80, filters: Vec::new() }
}

pub fn with_filters(filters: Vec<Filter>) -> Rule {
    Rule { filters, ..rule(vec![to_pool(1)]) }
}

pub fn endpoint(address: SocketAddr) -> Arc<Endpoint> {
    let identity = Identity { cluster: 0, target: Target::Address(address.ip()), port: address.port(), transport: Transport::Tcp };
    Arc::new(Endpoint {
        address,
        identity,
        vitals: Arc::new(Vitals::default()),
        weight: 100,
        stable_name: address.to_string().into(),
        node: None,
        zone: None,
        standing: Standing::Ready,
        serving: true,
        attributes: None,
    })
}

/// Ports come from below the ephemeral range, so that no outgoing connection of a test takes one first.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
    let base = 10_000 + std::process::id() as usize * 131 % 20_000;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 2000;
        let address = SocketAddr::new(ip, port as u16);
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

// ---------------------------------------------------------------- connections spoken by hand

/// A connection spoken by hand.
pub struct Wire {
    pub stream: TcpStream,
    pub buffer: Vec<u8>,
}

/// A head and, where it was read, its body.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub first: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
}

impl Message {
    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn path(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All values of a field, joined.
    pub fn field(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub fn reason(&self) -> String {
        self.field("fairlead-reason").unwrap_or_default()
    }
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("the plane listens"))
    }

    pub fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(8))).expect("a live socket");
        stream.set_nodelay(true).expect("a live socket");
        Self { stream, buffer: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        // A peer that closed early is told by what it answered.
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    pub fn request(&mut self, line: &str, fields: &str) -> &mut Self {
        self.send(format!("{line} HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n"))
    }

    pub fn get(&mut self, path: &str) -> Message {
        self.request(&format!("GET {path}"), "").answer("GET")
    }

    fn more(&mut self) -> std::io::Result<usize> {
        let mut piece = [0; 16 << 10];
        let count = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// Everything up to and with the mark; `None` at the end of the connection.
    pub fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                return Some(self.buffer.drain(..at + mark.len()).collect());
            }
            if self.more().ok().is_none_or(|count| count == 0) {
                return None;
            }
        }
    }

    pub fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            if self.more().ok().is_none_or(|count| count == 0) {
                return None;
            }
        }
        Some(self.buffer.drain(..count).collect())
    }

    /// Everything to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.more().is_ok_and(|count| count > 0) {}
        std::mem::take(&mut self.buffer)
    }

    /// The peer closes and says nothing more.
    pub fn ends(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "bytes after the last answer: {}", rest.escape_ascii());
        assert!(matches!(self.more(), Ok(0)) || self.more().is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock), "still open");
    }

    pub fn head(&mut self) -> Option<Message> {
        let text = String::from_utf8_lossy(&self.until(b"\r\n\r\n")?).into_owned();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        Some(Message { first, fields: lines.filter_map(pair).collect(), ..Message::default() })
    }

    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.until(b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim().split(';').next()?, 16).ok()?;
        let data = self.exactly(size)?;
        if size > 0 {
            assert_eq!(self.exactly(2)?, b"\r\n");
        }
        Some(data)
    }

    pub fn chunked(&mut self, message: &mut Message) -> Option<()> {
        loop {
            let data = self.chunk()?;
            if data.is_empty() {
                break;
            }
            message.body.extend(data);
        }
        loop {
            let line = String::from_utf8_lossy(&self.until(b"\r\n")?).into_owned();
            match line.as_str() {
                "\r\n" => return Some(()),
                line => message.trailers.extend(pair(line.trim_end())),
            }
        }
    }

    /// A request with its body.
    pub fn asked(&mut self) -> Option<Message> {
        let mut message = self.head()?;
        self.body(&mut message, false)?;
        Some(message)
    }

    fn body(&mut self, message: &mut Message, to_end: bool) -> Option<()> {
        if message.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunked(message);
        }
        message.body = match message.field("content-length") {
            Some(length) => self.exactly(length.parse().ok()?)?,
            None if to_end => self.rest(),
            None => Vec::new(),
        };
        Some(())
    }

    /// An answer with its body.
    pub fn answer(&mut self, method: &str) -> Message {
        let mut message = self.head().unwrap_or_else(|| panic!("closed before an answer, after {}", self.buffer.escape_ascii()));
        assert!(message.first.starts_with("HTTP/1.1 "), "{}", message.first);
        if method != "HEAD" && !matches!(message.status(), 100..=199 | 204 | 304) {
            self.body(&mut message, true).expect("a whole body");
        }
        message
    }
}

fn pair(line: &str) -> Option<(String, String)> {
    line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
}

// ---------------------------------------------------------------- backends

/// A backend that plays a script on each connection.
pub struct Tape {
    pub address: SocketAddr,
    pub requests: Arc<Mutex<Vec<Message>>>,
    pub connections: Arc<AtomicUsize>,
    live: Arc<Mutex<Vec<TcpStream>>>,
    listener: Option<TcpListener>,
}

/// What a script gets to write requests down.
pub type Notes = Arc<Mutex<Vec<Message>>>;

impl Tape {
    pub fn raw(script: impl Fn(&mut Wire, &Notes) -> Option<()> + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address"), script)
    }

    pub fn at(address: SocketAddr, script: impl Fn(&mut Wire, &Notes) -> Option<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (requests, connections) = (Notes::default(), Arc::new(AtomicUsize::new(0)));
        let live: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let tape = Self {
            address,
            requests: Arc::clone(&requests),
            connections: Arc::clone(&connections),
            live: Arc::clone(&live),
            listener: listener.try_clone().ok(),
        };
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::Relaxed);
                live.lock().expect("not poisoned").extend(stream.try_clone());
                let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
                std::thread::spawn(move || {
                    let mut wire = Wire::new(stream);
                    let _ = wire.stream.set_read_timeout(Some(Duration::from_secs(60)));
                    script(&mut wire, &requests);
                    let _ = wire.stream.shutdown(Shutdown::Both);
                });
            }
        });
        tape
    }

    /// Answers every request with bytes.
    pub fn answering(answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::raw(move |wire, notes| {
            loop {
                let request = wire.asked()?;
                notes.lock().expect("not poisoned").push(request.clone());
                wire.send(answer(&request));
            }
        })
    }

    /// Says what it was asked: method, path and length of the body.
    pub fn polite() -> Self {
        Self::answering(|request| ok(&format!("{} {}", request.first.rsplit_once(' ').map_or("", |(asked, _)| asked), request.body.len())))
    }

    /// Says its name.
    pub fn named(name: &'static str) -> Self {
        Self::answering(move |_| ok(name))
    }

    pub fn last(&self) -> Message {
        self.requests.lock().expect("not poisoned").last().cloned().expect("a request arrived")
    }

    /// As a killed process: nobody listens any more, and every connection breaks.
    pub fn die(&mut self) {
        if let Some(listener) = self.listener.take() {
            // Wakes the thread that accepts, which then finds the socket shut.
            let _ = socket2::SockRef::from(&listener).shutdown(Shutdown::Both);
        }
        for stream in self.live.lock().expect("not poisoned").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.die();
    }
}

pub fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
