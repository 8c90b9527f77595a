//! TLS for the connections that this crate opens itself, verified against the machine's own root certificates.

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use net_clock::Stream;

/// Speaks TLS on a connection to `host`.
pub async fn speak(plain: Stream, host: &str) -> Result<Stream> {
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .with_context(|| format!("{host} as a TLS server name"))?;
    let stream = tls_connector()?.connect(name, plain).await?;
    Ok(Box::new(stream))
}

/// How a TLS connection is made and whom it believes; the certificates are read once.
pub fn client_config() -> Result<rustls::ClientConfig> {
    Ok(rustls::ClientConfig::clone(&*shared_config()?))
}

fn tls_connector() -> Result<tokio_rustls::TlsConnector> {
    Ok(tokio_rustls::TlsConnector::from(shared_config()?))
}

fn shared_config() -> Result<Arc<rustls::ClientConfig>> {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS protocol versions")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}
