//! Serves the API alone, over a store in memory, with TLS and one token: for trying clients on it.
//!
//!     cargo run -p fairlead-apiserver --example serve -- 127.0.0.1:6443 /tmp/kubeconfig
//!
//! There are no controllers and nothing is kept; `fairlead up` is the real thing.

use std::error::Error;
use std::sync::Arc;

use apiserver::allocate::Allocator;
use apiserver::{ApiServer, Identity, Tokens};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const TOKEN: &str = "example";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:6443".to_owned());
    let kubeconfig = arguments.next().unwrap_or_else(|| "kubeconfig".to_owned());

    let mut tokens = Tokens::default();
    tokens.add(TOKEN, Identity::new("admin", ["system:masters"]));
    let allocator = Allocator::new(&["10.96.0.0/16".parse()?], 30000..=32767, 1);
    let server = ApiServer::builder(store::Store::memory()).tokens(tokens).allocator(allocator).build()?;
    server.bootstrap().await.map_err(|refusal| refusal.message)?;

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));

    let listener = TcpListener::bind(&address).await?;
    std::fs::write(&kubeconfig, config(&listener.local_addr()?.to_string()))?;
    println!("https://{}, KUBECONFIG={kubeconfig}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(server.clone()));
        tokio::spawn(async move {
            stream.set_nodelay(true).ok();
            if let Ok(stream) = acceptor.accept(stream).await {
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.ok();
            }
        });
    }
}

fn config(address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- name: x\n  cluster: {{server: 'https://{address}', insecure-skip-tls-verify: true}}\n\
         users:\n- name: x\n  user: {{token: {TOKEN}}}\ncontexts:\n- name: x\n  context: {{cluster: x, user: x}}\n"
    )
}
