//! What the tests of this module share: certificates, TLS pairs, a running listener, a client that speaks raw HTTP.

use super::admission::Caps;
use super::listener::{Listener, Times};
use super::socket::Socket;
use super::tls::Certificate;
use axum::Router;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, rustls};

/// A certificate for `localhost` in files, and the folder that holds them.
pub fn certificate() -> (tempfile::TempDir, Arc<Certificate>) {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let certificate = Certificate::load(&folder.path().join("certificate.pem"), &folder.path().join("key.pem")).unwrap();
    (folder, certificate)
}

/// Writes a fresh certificate and its key.
pub fn write_certificate(folder: &std::path::Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// Connects to a server whose certificate is in this folder.
pub async fn connect_tls(folder: &std::path::Path, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("certificate.pem")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

/// A TLS socket and its client.
pub async fn tls_pair() -> (Socket, TlsStream<TcpStream>) {
    let (folder, certificate) = certificate();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let accepted = listener.accept().await.unwrap().0;
    let (client, server) = tokio::join!(connect_tls(folder.path(), tcp), TlsAcceptor::from(certificate.current()).accept(accepted));
    let (tcp, connection) = server.unwrap().into_inner();
    (Socket::tls(tcp, connection).unwrap(), client.unwrap())
}

/// A listener that runs.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    /// Tells it to drain.
    pub stop: watch::Sender<bool>,
    /// Ends when it has drained.
    pub ended: tokio::task::JoinHandle<()>,
}

/// Runs a listener with this router.
pub fn run(router: Router, certificate: Option<Arc<Certificate>>, caps: Caps, times: Times) -> Running {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), certificate, caps, times).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let ended = tokio::spawn(listener.serve(router, stopped, Duration::from_secs(2)));
    Running { address, stop, ended }
}

/// Sends these bytes and reads until the server closes.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may refuse before it has read everything.
    let _ = stream.write_all(request).await;
    read_to_close(&mut stream).await
}

/// Everything until the server closes.
pub async fn read_to_close(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// One answer with a `Content-Length`, on a connection that stays open.
pub async fn read_answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut answer = Vec::new();
    loop {
        let byte = tokio::time::timeout(Duration::from_secs(30), stream.read_u8()).await.expect("an answer comes");
        answer.push(byte.expect("an answer comes"));
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok())
                .unwrap_or(0);
            if head.contains("101 Switching") || body.len() >= length {
                return text.into_owned();
            }
        }
    }
}
