//! TLS for the connections that the measurement opens itself, verified against the machine's own root certificates.

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use net_clock::{Network, Stream};

/// Dials `host:port` and speaks TLS.
pub async fn connect(network: &Network, host: &str, port: u16) -> Result<Stream> {
    let plain = network.connect(host, port).await?;
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .with_context(|| format!("{host} as a TLS server name"))?;
    let stream = tls_connector()?.connect(name, plain).await?;
    Ok(Box::new(stream))
}

fn tls_connector() -> Result<tokio_rustls::TlsConnector> {
    static CONNECTOR: OnceLock<tokio_rustls::TlsConnector> = OnceLock::new();
    if let Some(connector) = CONNECTOR.get() {
        return Ok(connector.clone());
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS protocol versions")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(CONNECTOR
        .get_or_init(|| tokio_rustls::TlsConnector::from(Arc::new(config)))
        .clone())
}
