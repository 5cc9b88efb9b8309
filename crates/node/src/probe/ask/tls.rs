//! TLS for checks. Certificates are not verified: a check asks whether the endpoint works, with whatever certificate it
//! has, as the kubelet's checks do.

use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Unfit;

/// Makes a connection encrypted. The server name is the host's, where it is a name.
pub(super) async fn wrap(stream: TcpStream, host: &str, address: SocketAddr) -> Result<TlsStream<TcpStream>, Unfit> {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host, |(name, _)| name);
    let name = ServerName::try_from(name.to_owned()).unwrap_or_else(|_| ServerName::from(address.ip()));
    net::unverified().connect(name, stream).await.map_err(|error| Unfit::Failed(format!("TLS: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::ask::http;
    use rustls::crypto::aws_lc_rs;
    use std::sync::Arc;
    use std::time::SystemTime;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_check_over_tls_takes_any_certificate() {
        let certified = net::identity::certified(&net::identity::self_signed("somebody.test", SystemTime::now()).unwrap()).unwrap();
        let versions =
            rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions().unwrap();
        let config = versions.with_no_client_auth().with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let mut client = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(client).await.unwrap();
            let _ = client.read(&mut [0; 1024]).await;
            let _ = client.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        });
        let mut stream = wrap(TcpStream::connect(address).await.unwrap(), "web.shop:8443", address).await.unwrap();
        assert_eq!(http(&mut stream, "GET / HTTP/1.1\r\nHost: web.shop\r\n\r\n", &[(204, 204)], None).await, Ok(()));
    }
}
