//! A client's connection: TCP, with TLS in it where the server speaks that. Nothing here waits.

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

/// How clients check who the server is.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    /// Of those who have signed the certificate of `host` (`name:port`), as PEM.
    ///
    /// # Errors
    /// One sentence: there is no certificate in it, or the host has no name.
    pub fn new(ca: &str, host: &str) -> std::result::Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let certificates: Vec<CertificateDer> = CertificateDer::pem_slice_iter(ca.as_bytes()).flatten().collect();
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err("there is no certificate in what is given as --ca".to_owned());
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        let name = ServerName::try_from(name.to_owned()).map_err(|error| format!("{host}: no certificate can be for it: {error}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // All clients of a process share this: one would go on with the session of another.
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), name })
    }
}

/// A connection that is not waited for.
pub struct Wire {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Wire {
    /// Over a socket, connected or about to be.
    pub fn new(socket: TcpStream, trust: Option<&Trust>) -> Result<Self> {
        let begin = |trust: &Trust| ClientConnection::new(trust.config.clone(), trust.name.clone()).map(Box::new).map_err(Error::other);
        Ok(Self { socket, tls: trust.map(begin).transpose()? })
    }

    /// What went wrong while it was connected.
    pub fn take_error(&self) -> Result<Option<Error>> {
        self.socket.take_error()
    }

    /// What has come. Fewer bytes than there is room for: no more has come. `WouldBlock`: nothing has.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buffer) };
        let mut filled = 0;
        loop {
            match tls.reader().read(&mut buffer[filled..]) {
                // The other side has ended what it says.
                Ok(0) => return Ok(filled),
                Ok(length) => filled += length,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(nothing) => match tls.read_tls(&mut self.socket) {
                    Ok(0) if filled == 0 => return Ok(0),
                    Ok(0) => return Ok(filled),
                    Ok(_) => {
                        tls.process_new_packets().map_err(Error::other)?;
                        send(tls, &mut self.socket)?;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock && filled == 0 => return Err(nothing),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(filled),
                    Err(error) => return Err(error),
                },
            }
            if filled == buffer.len() {
                return Ok(filled);
            }
        }
    }

    /// Takes as much as there is room for; with TLS some of it may [wait](Self::waits) here.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.write(bytes) };
        let taken = tls.writer().write(bytes)?;
        send(tls, &mut self.socket)?;
        if taken == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Sends on what waits here.
    pub fn flush(&mut self) -> Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| send(tls, &mut self.socket))
    }

    /// Something waits until the socket takes more.
    pub fn waits(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn send(tls: &mut ClientConnection, socket: &mut TcpStream) -> Result<()> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A certificate for a server on this address of loopback, signed by itself, and its key, as PEM.
pub fn certificate(address: std::net::IpAddr) -> std::result::Result<(String, String), String> {
    let made = rcgen::generate_simple_self_signed([address.to_string()]).map_err(|error| format!("no certificate can be made: {error}"))?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}
