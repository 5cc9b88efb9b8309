//! Names that Instances have as addresses (instances spec I8) and that Services of type ExternalName stand for: asked again when their
//! time to live is over, through our own DNS; what fails keeps the last good answer.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::base::iana::{Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Name};
use domain::rdata::{A, Aaaa};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Names that are followed; further ones are told and left out.
const NAMES_MAX: usize = 4096;
/// A time to live is at least this and at most that.
const TTL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Wait after a failure, and for an answer.
const RETRY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest answer.
const ANSWER: usize = 4096;

/// A name and what it leads to now, sorted.
pub(crate) type Resolved = (Arc<str>, Vec<IpAddr>);

/// The names that are followed.
pub(crate) struct Names {
    server: Option<SocketAddr>,
    tell: mpsc::Sender<Resolved>,
    followed: HashMap<Arc<str>, AbortHandle>,
}

impl Names {
    /// Asks this server; without one no name has an address.
    pub fn new(server: Option<SocketAddr>, tell: mpsc::Sender<Resolved>) -> Names {
        Names { server, tell, followed: HashMap::new() }
    }

    /// Follows exactly these from now on.
    pub fn follow(&mut self, wanted: &BTreeSet<Arc<str>>) {
        self.followed.retain(|name, task| {
            let stays = wanted.contains(name);
            if !stays {
                task.abort();
            }
            stays
        });
        let Some(server) = self.server else { return };
        for name in wanted {
            if self.followed.contains_key(name) {
                continue;
            }
            if self.followed.len() >= NAMES_MAX {
                tracing::warn!(name = &**name, most = NAMES_MAX, "too many Instances and Services live by names: this one has no endpoint");
                return;
            }
            let task = tokio::spawn(keep(Arc::clone(name), server, self.tell.clone()));
            self.followed.insert(Arc::clone(name), task.abort_handle());
        }
    }
}

/// Asks until it is aborted, and tells what changed.
async fn keep(name: Arc<str>, server: SocketAddr, tell: mpsc::Sender<Resolved>) {
    let mut last = Vec::new();
    let mut failed = false;
    loop {
        let pause = match ask(&name, server).await {
            Ok((addresses, ttl)) => {
                failed = false;
                if addresses != last {
                    last.clone_from(&addresses);
                    if tell.send((Arc::clone(&name), addresses)).await.is_err() {
                        return;
                    }
                }
                ttl.clamp(TTL.0, TTL.1)
            }
            Err(why) => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(name = &*name, why, "the name of an Instance or Service has no address now; the last good one stays");
                }
                RETRY
            }
        };
        sleep(pause).await;
    }
}

/// Both families; one that has none does not matter while the other has some.
async fn ask(name: &str, server: SocketAddr) -> Result<(Vec<IpAddr>, Duration), String> {
    let (v4, v6) = tokio::join!(ask_one(name, Rtype::A, server), ask_one(name, Rtype::AAAA, server));
    let (v4, v6) = match (v4, v6) {
        (Err(why), Err(_)) => return Err(why),
        (v4, v6) => (v4.unwrap_or_default(), v6.unwrap_or_default()),
    };
    let ttl = v4.iter().chain(&v6).map(|(_, ttl)| *ttl).min();
    let mut addresses: Vec<IpAddr> = v4.into_iter().chain(v6).map(|(address, _)| address).collect();
    addresses.sort();
    addresses.dedup();
    ttl.map(|ttl| (addresses, ttl)).ok_or_else(|| "it exists, and has no address".to_owned())
}

type Records = Vec<(IpAddr, Duration)>;

async fn ask_one(name: &str, kind: Rtype, server: SocketAddr) -> Result<Records, String> {
    let question: Name<Vec<u8>> = Name::vec_from_str(name).map_err(|error| format!("no DNS name: {error}"))?;
    let mut query = MessageBuilder::new_vec();
    let id = u16::from_ne_bytes(random());
    query.header_mut().set_id(id);
    query.header_mut().set_rd(true);
    let mut query = query.question();
    query.push((question, kind)).map_err(|error| error.to_string())?;
    let query = query.finish();
    let local: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((local, 0)).await.map_err(|error| error.to_string())?;
    socket.connect(server).await.map_err(|error| error.to_string())?;
    socket.send(&query).await.map_err(|error| error.to_string())?;
    let mut buffer = vec![0; ANSWER];
    loop {
        let received = timeout(PATIENCE, socket.recv(&mut buffer)).await.map_err(|_| "no answer in time".to_owned())?;
        let length = received.map_err(|error| error.to_string())?;
        // What is not the answer to this question is somebody else's, or a forgery.
        if let Ok(answer) = Message::from_octets(&buffer[..length])
            && answer.header().id() == id
            && answer.header().qr()
        {
            return read(&answer, kind);
        }
    }
}

fn random() -> [u8; 2] {
    let mut bytes = [0; 2];
    // Without the system's random source the port alone makes forgeries hard.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

fn read(answer: &Message<&[u8]>, kind: Rtype) -> Result<Records, String> {
    match answer.header().rcode() {
        Rcode::NOERROR => {}
        other => return Err(format!("the answer is {other}")),
    }
    let section = answer.answer().map_err(|error| error.to_string())?;
    // Aliases come with what they lead to.
    Ok(if kind == Rtype::A {
        section.limit_to::<A>().flatten().map(|record| (record.data().addr().into(), record.ttl().into_duration())).collect()
    } else {
        section.limit_to::<Aaaa>().flatten().map(|record| (record.data().addr().into(), record.ttl().into_duration())).collect()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    /// A server that answers questions of type A by what it holds, and nothing else.
    async fn server(holds: Arc<std::sync::Mutex<Option<[u8; 4]>>>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let query = Message::from_octets(&buffer[..length]).unwrap();
                let question = query.sole_question().unwrap();
                let held = *holds.lock().unwrap();
                let rcode = if held.is_some() { Rcode::NOERROR } else { Rcode::SERVFAIL };
                let mut answer = MessageBuilder::new_vec().start_answer(&query, rcode).unwrap();
                if let Some([a, b, c, d]) = held.filter(|_| question.qtype() == Rtype::A) {
                    answer.push((question.qname(), 1, A::from_octets(a, b, c, d))).unwrap();
                }
                let _ = socket.send_to(&answer.finish(), from).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn a_name_is_followed_and_a_failure_keeps_what_was_known() {
        let holds = Arc::new(std::sync::Mutex::new(Some([192, 0, 2, 1])));
        let (tell, mut told) = mpsc::channel(8);
        let mut names = Names::new(Some(server(Arc::clone(&holds)).await), tell);
        names.follow(&BTreeSet::from(["db.example".into()]));
        assert_eq!(told.recv().await.unwrap(), ("db.example".into(), vec!["192.0.2.1".parse().unwrap()]));
        *holds.lock().unwrap() = None;
        assert!(timeout(Duration::from_millis(1500), told.recv()).await.is_err(), "nothing new is told");
        *holds.lock().unwrap() = Some([192, 0, 2, 2]);
        assert_eq!(told.recv().await.unwrap().1, ["192.0.2.2".parse::<IpAddr>().unwrap()]);
        names.follow(&BTreeSet::new());
        *holds.lock().unwrap() = Some([192, 0, 2, 3]);
        assert!(timeout(Duration::from_millis(1500), told.recv()).await.is_err(), "nobody wants it any more");
    }
}
