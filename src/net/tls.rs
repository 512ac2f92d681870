//! The certificate: read from files, and read again when they change, without a restart.

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_rustls::rustls;
use tokio_rustls::rustls::server::ProducesTickets;
use tokio_rustls::rustls::{ServerConfig, crypto};

/// How often the files are looked at. Renewals come weeks before the end, so a minute is soon.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Certificate and key of this server.
pub struct Certificate {
    certificate_file: PathBuf,
    key_file: PathBuf,
    /// Kept over renewals, so that devices that had a session need no full handshake.
    tickets: Arc<dyn ProducesTickets>,
    current: ArcSwap<ServerConfig>,
    seen: parking_lot::Mutex<Stamp>,
}

/// Tells whether a file was changed: time and size of both.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads both files. The error is a sentence for the operator.
    pub fn load(certificate_file: &Path, key_file: &Path) -> Result<Arc<Self>, String> {
        let tickets = crypto::ring::Ticketer::new().map_err(|error| format!("no key for TLS session tickets can be made: {error}"))?;
        let seen = stamp(certificate_file, key_file);
        let current = read(certificate_file, key_file, &tickets)?;
        Ok(Arc::new(Self {
            certificate_file: certificate_file.to_owned(),
            key_file: key_file.to_owned(),
            tickets,
            current: ArcSwap::from_pointee(current),
            seen: parking_lot::Mutex::new(seen),
        }))
    }

    /// What a new connection uses.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Reads the files again when they changed; true when there is a new certificate. With an error the old one stays.
    pub fn reload(&self) -> Result<bool, String> {
        let now = stamp(&self.certificate_file, &self.key_file);
        let mut seen = self.seen.lock();
        if *seen == now {
            return Ok(false);
        }
        *seen = now;
        self.current.store(Arc::new(read(&self.certificate_file, &self.key_file, &self.tickets)?));
        Ok(true)
    }

    /// Looks at the files once a minute, for as long as it is polled.
    pub async fn keep_fresh(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            let certificate = self.clone();
            match tokio::task::spawn_blocking(move || certificate.reload()).await {
                Ok(Ok(true)) => tracing::info!("the TLS certificate was read anew"),
                Ok(Ok(false)) => {}
                // Both files are rarely written in one moment; after the second one this comes out well.
                Ok(Err(error)) => tracing::error!(error, "the changed TLS certificate is not usable; the one before stays in use"),
                Err(error) => tracing::error!(%error, "the TLS certificate could not be looked at"),
            }
        }
    }
}

fn stamp(certificate_file: &Path, key_file: &Path) -> Stamp {
    [certificate_file, key_file]
        .map(|file| std::fs::metadata(file).ok().and_then(|metadata| Some((metadata.modified().ok()?, metadata.len()))))
}

fn read(certificate_file: &Path, key_file: &Path, tickets: &Arc<dyn ProducesTickets>) -> Result<ServerConfig, String> {
    let shown = certificate_file.display();
    let chain = CertificateDer::pem_file_iter(certificate_file)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| {
            format!("the TLS certificate {shown} cannot be read: {error}; it must be a PEM file with the server's certificate first")
        })?;
    if chain.is_empty() {
        return Err(format!(
            "the file {shown} holds no certificate; it must be a PEM file with the server's certificate first, then those that signed it"
        ));
    }
    let shown_key = key_file.display();
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| {
        format!("the TLS key {shown_key} cannot be read: {error}; it must be a PEM file with a private key without a password")
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("the TLS certificate {shown} and the key {shown_key} cannot be used together: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = tickets.clone();
    // A device holds one connection, so one ticket serves it.
    config.send_tls13_tickets = 1;
    Ok(config)
}
