//! Takes connections and serves HTTP on them, with a cap and a time limit on everything that a stranger can use up.
//!
//! One port carries pages, files, the open API and the upgrade to WebSocket: all are routes of one router. A connection
//! that is upgraded leaves here with [`Socket::from_upgraded`](super::socket::Socket::from_upgraded); its place among
//! the connections goes with it.

use super::admission::{Admission, Admitted, Caps, Handshake, NotAdmitted};
use super::body::{AnswerBody, TimedBody};
use super::proxy::client_address;
use super::rate::AddressRate;
use super::socket;
use super::tls::Certificate;
use super::transport::{Progress, Transport, Wire};
use crate::error::Error;
use crate::metrics;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::error::ErrorCode;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tower::Service;

/// Connections that the kernel may hold until they are accepted. At a restart everybody comes at once.
const BACKLOG: u32 = 4_096;
/// Header lines of a request. Browsers and SDKs send about twenty.
const HEADERS_MAX: usize = 100;
/// Bytes of a request's head. Cookies and tokens of ours are below 2 KiB.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Bytes that HTTP may buffer of one connection, each way.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Refused connections that are told so at the same time; the others are just closed.
const REFUSALS_MAX: usize = 256;
/// How long a refused connection is kept, so that it can read why.
const REFUSAL_LINGER: Duration = Duration::from_secs(1);
/// A refused client comes back after 2 to this many seconds, so that they do not all come back together.
const COME_BACK_SECONDS_MAX: u64 = 30;

/// How long each phase of a connection may take.
#[derive(Debug, Clone)]
pub struct Times {
    /// TLS handshake.
    pub tls: Duration,
    /// Head of a request from its first byte; of the first request, from the beginning.
    pub head: Duration,
    /// Between two requests. Longer than proxies and SDKs keep theirs, so that it is them who close: a request never
    /// meets a connection that closes.
    pub idle: Duration,
    /// Time in which a part of a body has to come.
    pub body_stall: Duration,
    /// Time in which the client has to take a part of the answer.
    pub write_stall: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            tls: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body_stall: Duration::from_secs(20),
            write_stall: Duration::from_secs(30),
        }
    }
}

/// Address of the client, as a request's extension: the peer's, or what a trusted proxy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The port, bound and ready to serve.
pub struct Listener {
    tcp: TcpListener,
    certificate: Option<Arc<Certificate>>,
    admission: Arc<Admission>,
    times: Times,
}

impl Listener {
    /// Binds the port. The error is a sentence for the operator.
    pub fn bind(address: SocketAddr, certificate: Option<Arc<Certificate>>, caps: Caps, times: Times) -> Result<Self, String> {
        let tcp = listen(address).map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("another program already listens on {address}; stop it, or choose another address with --listen")
            }
            std::io::ErrorKind::AddrNotAvailable => {
                format!("{address} is not an address of this machine; choose one that is, or 0.0.0.0 for all, with --listen")
            }
            std::io::ErrorKind::PermissionDenied => {
                format!("this user may not listen on {address}; ports below 1024 need the capability CAP_NET_BIND_SERVICE")
            }
            _ => format!("cannot listen on {address}: {error}"),
        })?;
        Ok(Self { tcp, certificate, admission: Admission::new(caps), times })
    }

    /// Where it listens; with the port that the system chose, when 0 was asked for.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Counts of the connections, for readiness and metrics.
    pub fn admission(&self) -> Arc<Admission> {
        self.admission.clone()
    }

    /// Serves until `stop` says true (or its sender is gone). Then no connection is taken any more, requests that run
    /// may end within `grace`, and what is left after that is cut. Upgraded connections are not touched.
    pub async fn serve(self, router: Router, mut stop: watch::Receiver<bool>, grace: Duration) {
        let (stage, stages) = watch::channel(Stage::Serving);
        let (open, mut all_closed) = mpsc::channel::<()>(1);
        let server = Server {
            router,
            tls: self.certificate,
            rate: Arc::new(AddressRate::new(self.admission.caps().requests_per_second_per_address)),
            admission: self.admission,
            times: self.times,
            http: http(),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            stages,
            open,
        };
        tokio::select! {
            () = server.accept(self.tcp) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        stage.send_replace(Stage::Draining);
        drop(server);
        if tokio::time::timeout(grace, all_closed.recv()).await.is_err() {
            tracing::warn!("requests were still running at the end of the grace time and are cut");
            stage.send_replace(Stage::Cutting);
            all_closed.recv().await;
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // After a restart, connections of the last run may still be ending in the kernel.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    // Some SDKs look header names up as they are usually written.
    http.title_case_headers(true)
        .timer(TokioTimer::new())
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX);
    http
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Serving,
    Draining,
    Cutting,
}

/// What every connection needs; one copy for the accept loop, one for each connection.
#[derive(Clone)]
struct Server {
    router: Router,
    tls: Option<Arc<Certificate>>,
    admission: Arc<Admission>,
    rate: Arc<AddressRate>,
    times: Times,
    http: http1::Builder,
    refusals: Arc<Semaphore>,
    stages: watch::Receiver<Stage>,
    /// Dropped with the connection; when all are gone the listener has drained.
    open: mpsc::Sender<()>,
}

impl Server {
    async fn accept(&self, tcp: TcpListener) {
        loop {
            let permit = self.admission.handshake_permit().await;
            let (stream, peer) = match tcp.accept().await {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    // Most likely no file descriptor is free. Trying at once again would only heat the processor.
                    tracing::error!(%error, "a connection could not be accepted; is the limit of open files too low?");
                    metrics::REFUSED_CONNECTIONS.with_label_values(&["accept"]).inc();
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            match self.admission.admit(peer.ip(), permit) {
                Ok((admitted, handshake)) => {
                    tokio::spawn(self.clone().serve(stream, peer, admitted, handshake));
                }
                Err(reason) => self.refuse(stream, reason),
            }
        }
    }

    /// Says why in HTTP, where the client can read it: a TLS client could not, so that one is just closed.
    fn refuse(&self, mut stream: TcpStream, reason: NotAdmitted) {
        metrics::REFUSED_CONNECTIONS.with_label_values(&[reason.label()]).inc();
        if self.tls.is_some() {
            return;
        }
        let Ok(place) = self.refusals.clone().try_acquire_owned() else { return };
        let open = self.open.clone();
        tokio::spawn(async move {
            let _held = (place, open);
            let seconds = 2 + rand::random::<u64>() % (COME_BACK_SECONDS_MAX - 1);
            let body = match reason {
                NotAdmitted::Full => "the server has as many connections as it takes; come back later\n",
                NotAdmitted::Address => "your address has as many connections as it may have; close some, or come back later\n",
            };
            let answer = format!(
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {seconds}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            // Closing with unread bytes would take the answer back (a reset), so what comes is read and thrown away.
            let told = async {
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await?;
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
                std::io::Result::Ok(())
            };
            // A client that is gone needs no answer.
            let _ = tokio::time::timeout(REFUSAL_LINGER, told).await;
        });
    }

    async fn serve(mut self, stream: TcpStream, peer: SocketAddr, admitted: Admitted, handshake: Handshake) {
        if let Err(error) = socket::prepare(&stream) {
            tracing::debug!(%error, "a connection was gone before it began");
            return;
        }
        let wire = match &self.tls {
            None => Wire::Plain(stream),
            Some(certificate) => {
                let accept = TlsAcceptor::from(certificate.current()).accept(stream);
                match tokio::time::timeout(self.times.tls, accept).await {
                    Ok(Ok(stream)) => Wire::Tls(Box::new(stream)),
                    Ok(Err(error)) => {
                        tracing::debug!(%error, %peer, "a TLS handshake failed");
                        metrics::REFUSED_CONNECTIONS.with_label_values(&["tls"]).inc();
                        return;
                    }
                    Err(_) => {
                        metrics::REFUSED_CONNECTIONS.with_label_values(&["slow"]).inc();
                        return;
                    }
                }
            }
        };
        let progress = Progress::new(handshake);
        let door = Door {
            router: self.router.clone(),
            peer,
            progress: progress.clone(),
            admission: self.admission.clone(),
            rate: self.rate.clone(),
            body_stall: self.times.body_stall,
        };
        let transport = Transport::new(wire, progress, self.times.clone(), admitted);
        self.http.header_read_timeout(self.times.idle);
        let mut connection = std::pin::pin!(self.http.serve_connection(TokioIo::new(transport), door).with_upgrades());
        let mut stage = Stage::Serving;
        let outcome = loop {
            tokio::select! {
                outcome = connection.as_mut() => break outcome,
                changed = self.stages.wait_for(|now| *now != stage) => {
                    stage = changed.map_or(Stage::Cutting, |now| *now);
                    if stage == Stage::Cutting {
                        return;
                    }
                    connection.as_mut().graceful_shutdown();
                }
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, %peer, "a connection ended with an error");
        }
    }
}

/// The router, as one connection sees it.
struct Door {
    router: Router,
    peer: SocketAddr,
    progress: Arc<Progress>,
    admission: Arc<Admission>,
    rate: Arc<AddressRate>,
    body_stall: Duration,
}

impl hyper::service::Service<Request<Incoming>> for Door {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.progress.request_begins();
        let (mut head, incoming) = request.into_parts();
        let client = client_address(self.peer.ip(), &head.headers, &*self.admission.caps().trusted_proxy);
        if self.admission.counted(client).is_some_and(|counted| !self.rate.take(counted)) {
            metrics::HTTP_REQUESTS.with_label_values(&["429"]).inc();
            let progress = self.progress.clone();
            return Box::pin(async move { Ok(too_often().map(|body| AnswerBody::new(body, progress))) });
        }
        head.extensions.insert(ClientAddress(client));
        let body = if incoming.is_end_stream() {
            axum::body::Body::empty()
        } else {
            axum::body::Body::new(TimedBody::new(incoming, self.body_stall))
        };
        let answer = self.router.clone().call(Request::from_parts(head, body));
        let progress = self.progress.clone();
        Box::pin(async move {
            let answer = match answer.await {
                Ok(answer) => answer,
                Err(never) => match never {},
            };
            metrics::HTTP_REQUESTS.with_label_values(&[answer.status().as_str()]).inc();
            Ok(answer.map(|body| AnswerBody::new(body, progress)))
        })
    }
}

fn too_often() -> axum::response::Response {
    let error = Error::new(
        ErrorCode::RateLimited,
        "your address asks too often",
        "requests of one address a second are limited",
        "wait, then ask again",
    )
    .retry_after(1_000);
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], axum::Json(error.body())).into_response()
}

#[cfg(test)]
mod tests;
