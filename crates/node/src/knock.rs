//! Knocking at endpoints that refuse connections, so that one that listens again is used again at once and not only when
//! its ejection has run out (balance spec H8). Needs no configured check.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::vitals::Now;
use model::{Endpoint, Transport};
use net::clock::monotonic_ns;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::probe::chance;

/// From one knock to the next, give or take a fifth.
const INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait for a connection.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Knocks under way at once; further ones wait for the next round.
const IN_FLIGHT: usize = 64;

/// When each door is knocked at next.
#[derive(Debug)]
pub struct Knocker {
    due: HashMap<SocketAddr, Instant>,
    slots: Arc<Semaphore>,
}

impl Default for Knocker {
    fn default() -> Self {
        Self { due: HashMap::new(), slots: Arc::new(Semaphore::new(IN_FLIGHT)) }
    }
}

impl Knocker {
    /// Tries a connection to each of these that is due. Called every 100 ms, inside a tokio runtime; does not wait.
    pub fn knock(&mut self, refused: &[Arc<Endpoint>]) {
        let now = Instant::now();
        self.due.retain(|_, due| *due + INTERVAL > now);
        for endpoint in refused.iter().filter(|endpoint| endpoint.identity.transport == Transport::Tcp) {
            if self.due.get(&endpoint.address).is_some_and(|due| *due > now) {
                continue;
            }
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { return };
            self.due.insert(endpoint.address, now + INTERVAL.mul_f64(0.8 + 0.4 * chance()));
            let endpoint = Arc::clone(endpoint);
            tokio::spawn(async move {
                let _slot = slot;
                if opens(endpoint.address).await {
                    endpoint.vitals.reachable_again(Now(monotonic_ns()));
                }
            });
        }
    }
}

async fn opens(address: SocketAddr) -> bool {
    match tokio::time::timeout(TIMEOUT, TcpStream::connect(address)).await {
        // A connection to itself happens when the kernel lends the socket the very port it asks for.
        Ok(Ok(stream)) => stream.local_addr().is_ok_and(|own| own != address),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Standing;
    use model::ident::{Identity, Target};
    use model::vitals::Why;

    #[tokio::test]
    async fn an_endpoint_that_listens_again_gets_its_trial_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let endpoint = Arc::new(Endpoint {
            address,
            identity: Identity { cluster: 0, target: Target::Address(address.ip()), port: address.port(), transport: Transport::Tcp },
            vitals: Arc::default(),
            weight: 100,
            stable_name: "a".into(),
            node: None,
            zone: None,
            standing: Standing::Ready,
            serving: true,
            attributes: None,
        });
        let hour = Duration::from_secs(3600);
        endpoint.vitals.eject(Why::Refused, hour, hour, 0.0, Now(monotonic_ns()));
        let mut knocker = Knocker::default();
        let due = || endpoint.vitals.ejection().is_some_and(|ejection| ejection.until <= Now(monotonic_ns()));
        knocker.knock(&[Arc::clone(&endpoint)]);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!due(), "nobody listens yet");
        let _listener = tokio::net::TcpListener::bind(address).await.unwrap();
        for _ in 0..30 {
            knocker.knock(&[Arc::clone(&endpoint)]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(due());
    }
}
