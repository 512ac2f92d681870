//! TLS to the store. The driver brings another library of cryptography along for it, so it is built only when it is asked for.

use scylla::client::session_builder::SessionBuilder;
use std::path::Path;

/// Speaks TLS only, with servers whose certificates were signed by one of these, and have their IP addresses in them.
pub(super) fn encrypted(builder: SessionBuilder, ca: &Path) -> Result<SessionBuilder, String> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;
    use std::sync::Arc;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

    let unusable = |why: String| format!("the certificates {} of the setting `scylla_ca` cannot be used: {why}", ca.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|error| unusable(error.to_string()))? {
        roots.add(certificate.map_err(|error| unusable(error.to_string()))?).map_err(|error| unusable(error.to_string()))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(builder.tls_context(Some(Arc::new(config))))
}
