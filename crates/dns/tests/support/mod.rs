//! A whole plane on real sockets, and upstreams with the manners of real ones.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns::{Config, Plane, Seed, Sockets};
use model::names::{NamedPort, Owner, Shape};
use model::{Live, Snapshot, Transport};

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const SRV: u16 = 33;

/// A plane of one core.
pub struct Served {
    pub address: SocketAddr,
    pub live: Arc<Live>,
    plane: Option<Plane>,
    control: tokio::runtime::Runtime,
}

impl Served {
    pub fn start(config: Config, snapshot: Snapshot) -> Self {
        Self::start_on("127.0.0.1:0", config, snapshot)
    }

    pub fn start_on(address: &str, config: Config, snapshot: Snapshot) -> Self {
        let wanted = address.parse().expect("an address");
        // A port that is free for UDP may be taken for TCP: another one will do.
        let pair = || {
            let udp = net::bind_udp(wanted, 1).expect("a port").remove(0);
            let address = udp.local_addr().expect("bound");
            net::bind_tcp(address, 1).ok().map(|mut tcp| (address, udp, tcp.remove(0)))
        };
        let (address, udp, tcp) = (0..50).find_map(|_| pair()).expect("a port for both");
        let control = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let live = Arc::new(Live::default());
        let plane = {
            let _inside = control.enter();
            let registry = observe::Registry::default();
            Plane::start(config, Arc::clone(&live), &registry, vec![(0, Sockets { udp, tcp })], |_, seed| data_thread(seed)).expect("threads")
        };
        live.publish(Arc::new(snapshot));
        let served = Self { address, live, plane: Some(plane), control };
        served.until_applied(1);
        served
    }

    pub fn until_applied(&self, generation: u64) {
        let wait = async {
            let mut version = 0;
            loop {
                let (newer, applied) = self.live.acknowledged_after(version).await;
                version = newer;
                if applied.iter().any(|said| said.plane == "dns" && said.generation >= generation) {
                    return;
                }
            }
        };
        self.control.block_on(async { tokio::time::timeout(Duration::from_secs(5), wait).await.expect("the plane acknowledges") });
    }

    /// One datagram there and back.
    pub fn udp(&self, query: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(Duration::from_secs(6))).expect("a timeout");
        socket.send_to(query, self.address).expect("sent");
        let mut reply = vec![0; 65_535];
        let length = socket.recv(&mut reply).ok()?;
        reply.truncate(length);
        Some(reply)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(6))).expect("a timeout");
        stream
    }

    pub fn stop(&mut self, longest: Duration) {
        let plane = self.plane.take().expect("stopped once");
        self.control.block_on(plane.stop(longest));
    }
}

/// Runs a seed on a thread with a runtime of its own, as the data threads do.
fn data_thread(seed: Seed) {
    std::thread::Builder::new()
        .name("data".into())
        .spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build_local(tokio::runtime::LocalOptions::default()).expect("a runtime");
            runtime.block_on(async move { seed().await });
        })
        .expect("a thread");
}

/// Zone `cluster.local` with a service `web`, a headless one `db` of `endpoints` addresses, and aliases to other zones.
pub fn snapshot(endpoints: u8) -> Snapshot {
    let mut snapshot = Snapshot { generation: 1, complete: true, ..Snapshot::default() };
    let names = &mut snapshot.names;
    names.zone = "cluster.local".into();
    names.namespaces.insert("n".into(), ());
    let http = NamedPort { name: "http".into(), transport: Transport::Tcp, port: 80 };
    let owner = |name: &str, shape, endpoints| Owner { key: ("n".into(), name.into()), shape, ports: vec![http.clone()], endpoints, ttl_s: None };
    let endpoint =
        |last: u8| model::names::NamedEndpoint { hostname: None, address: [10, 1, 0, last].into(), ports: [http.clone()].into(), weight: 100 };
    let owners = [
        owner("web", Shape::Addresses(vec![[10, 96, 0, 1].into()]), vec![]),
        owner("db", Shape::Headless, (0..endpoints).map(endpoint).collect()),
        owner("far", Shape::Alias("web.n.svc.cluster.local".into()), vec![]),
        owner("site", Shape::Alias("www.example.org".into()), vec![]),
        owner("gone", Shape::Alias("no.example.org".into()), vec![]),
        owner("sick", Shape::Alias("broken.example.org".into()), vec![]),
    ];
    for owner in owners {
        names.owners.insert(owner.key.clone(), Arc::new(owner));
    }
    snapshot
}

pub fn encode(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).expect("a label"));
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

pub fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut octets = Vec::new();
    for word in [id, 0x0100, 1, 0, 0, 0] {
        octets.extend(word.to_be_bytes());
    }
    octets.extend(encode(name));
    octets.extend(kind.to_be_bytes());
    octets.extend([0, 1]);
    octets
}

pub fn id(reply: &[u8]) -> u16 {
    u16::from_be_bytes([reply[0], reply[1]])
}

pub fn rcode(reply: &[u8]) -> u8 {
    reply[3] & 15
}

pub fn truncated(reply: &[u8]) -> bool {
    reply[2] & 2 != 0
}

/// Answer records as `TYPE TTL data` texts, in order, read by another implementation.
pub fn answers(reply: &[u8]) -> Vec<String> {
    use domain::rdata::AllRecordData;
    let message = domain::base::Message::from_octets(reply).expect("a header");
    let records = message.answer().expect("answers");
    let text = |record: domain::base::ParsedRecord<'_, &[u8]>| {
        let record = record.to_any_record::<AllRecordData<_, _>>().expect("well-formed data");
        format!("{} {} {}", record.rtype(), record.ttl().as_secs(), record.data())
    };
    records.map(|record| text(record.expect("a record"))).collect()
}

pub fn write_framed(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(&u16::try_from(message.len()).expect("short").to_be_bytes()).expect("sent");
    stream.write_all(message).expect("sent");
}

pub fn read_framed(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// A server that others forward to. Its manners go by the first label: `mute` never answers, `broken` fails, `big` is cut over UDP,
/// `liar` sends forged replies first, `slow` takes 200 ms;
/// below `nodata` names are denied for types that they lack.
pub struct Upstream {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    stopped: Arc<AtomicBool>,
}

impl Upstream {
    /// `records` are data by (name, type).
    pub fn start(records: &[(&str, u16, Vec<Vec<u8>>)]) -> Self {
        let records: Arc<Records> = Arc::new(records.iter().map(|(name, kind, data)| (((*name).to_owned(), *kind), data.clone())).collect());
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("bound")) {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().expect("bound");
        let (seen, stopped) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, end, known) = (Arc::clone(&seen), Arc::clone(&stopped), Arc::clone(&records));
        udp.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !end.load(Ordering::Relaxed) {
                let Ok((length, peer)) = udp.recv_from(&mut buffer) else { continue };
                for reply in replies(&buffer[..length], "udp", &known, &log) {
                    let _ = udp.send_to(&reply, peer);
                }
            }
        });
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let mut stream = stream;
                while let Ok(message) = read_framed(&mut stream) {
                    for reply in replies(&message, "tcp", &records, &log) {
                        write_framed(&mut stream, &reply);
                    }
                }
            }
        });
        Self { address, seen, stopped }
    }

    pub fn count(&self, name: &str, kind: u16) -> usize {
        self.seen.lock().expect("not poisoned").iter().filter(|(seen, seen_kind, _)| seen == name && *seen_kind == kind).count()
    }

    pub fn over_tcp(&self, name: &str) -> bool {
        self.seen.lock().expect("not poisoned").iter().any(|(seen, _, via)| seen == name && *via == "tcp")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Data by name and type.
type Records = HashMap<(String, u16), Vec<Vec<u8>>>;
/// Name, type and transport of every query.
type Seen = Mutex<Vec<(String, u16, &'static str)>>;

fn replies(query: &[u8], via: &'static str, known: &Records, seen: &Seen) -> Vec<Vec<u8>> {
    let (mut at, mut name) = (12, String::new());
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        name.push_str(&String::from_utf8_lossy(&query[at + 1..end]));
        name.push('.');
        at = end;
    }
    let name = name.trim_end_matches('.').to_lowercase();
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let question = &query[12..at + 5];
    seen.lock().expect("not poisoned").push((name.clone(), kind, via));
    let reply = |id: u16, flags: u16, question: &[u8], records: &[(u16, Vec<u8>)], denied: bool| {
        let mut octets = Vec::new();
        for word in [id, flags, 1, u16::try_from(records.len()).expect("few"), u16::from(denied), 0] {
            octets.extend(word.to_be_bytes());
        }
        octets.extend(question);
        for (kind, data) in records {
            octets.extend([0xC0, 12]);
            octets.extend(kind.to_be_bytes());
            octets.extend([0, 1, 0, 0, 1, 44]);
            octets.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
            octets.extend(data);
        }
        if denied {
            let data =
                [encode("ns.example.org"), encode("root.example.org"), [1u32, 2, 3, 4, 60].iter().flat_map(|n| n.to_be_bytes()).collect()].concat();
            octets.extend([encode("example.org"), vec![0, 6, 0, 1, 0, 0, 0, 60]].concat());
            octets.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
            octets.extend(data);
        }
        octets
    };
    let own_id = id(query);
    let data = |kind: u16| known.get(&(name.clone(), kind)).map(|data| data.iter().map(|one| (kind, one.clone())).collect::<Vec<_>>());
    match name.split('.').next().unwrap_or("") {
        "mute" => vec![],
        "broken" => vec![reply(own_id, 0x8182, question, &[], false)],
        "big" if via == "udp" => vec![reply(own_id, 0x8380, question, &[], false)],
        "liar" if via == "udp" => {
            let forged = [(A, vec![6, 6, 6, 6])];
            let other = [encode("other.example.org"), vec![0, 1, 0, 1]].concat();
            vec![
                reply(own_id ^ 1, 0x8180, question, &forged, false),
                reply(own_id, 0x8180, &other, &forged, false),
                vec![1, 2, 3],
                reply(own_id, 0x8180, question, &data(kind).unwrap_or_default(), false),
            ]
        }
        first => {
            if first == "slow" {
                std::thread::sleep(Duration::from_millis(200));
            }
            match data(kind).or_else(|| data(CNAME)) {
                Some(records) => vec![reply(own_id, 0x8180, question, &records, false)],
                None if name.contains(".nodata.") => vec![reply(own_id, 0x8183, question, &[], true)],
                None if known.keys().any(|(known, _)| *known == name) => vec![reply(own_id, 0x8180, question, &[], true)],
                None => vec![reply(own_id, 0x8183, question, &[], true)],
            }
        }
    }
}
