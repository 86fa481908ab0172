//! One authority and a certificate for each end, made for a run and thrown away after it. ECDSA P-256, what most of the
//! web's servers hold.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

/// The name both ends go by.
pub(crate) const NAME: &str = "peer.test";

/// Writes the authority's certificate and both ends' pairs.
pub(crate) fn make(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    fs::write(folder.join("authority"), params.self_signed(&key)?.der())?;
    let issuer = Issuer::new(params, key);
    for end in ["far", "near"] {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&key, &issuer)?;
        fs::write(folder.join(end), certificate.der())?;
        fs::write(folder.join(format!("{end}-key")), key.serialize_der())?;
    }
    Ok(())
}

/// TLS 1.3 for the serving end, which demands a certificate.
pub(crate) fn server(folder: &Path) -> Result<rustls::ServerConfig> {
    let (chain, key) = pair(folder, "far")?;
    let verifier = WebPkiClientVerifier::builder(roots(folder)?.into()).build()?;
    let builder = rustls::ServerConfig::builder_with_provider(provider());
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    // Every handshake is a full one.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// TLS 1.3 for the driving end, with a certificate of its own.
pub(crate) fn client(folder: &Path) -> Result<rustls::ClientConfig> {
    let (chain, key) = pair(folder, "near")?;
    let builder = rustls::ClientConfig::builder_with_provider(provider());
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots(folder)?)
        .with_client_auth_cert(chain, key)?;
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// AES-128-GCM alone: the fastest each TLS peer can be.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

fn pair(folder: &Path, end: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let certificate = CertificateDer::from(fs::read(folder.join(end))?);
    let key = PrivatePkcs8KeyDer::from(fs::read(folder.join(format!("{end}-key")))?);
    Ok((vec![certificate], key.into()))
}

fn roots(folder: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(fs::read(folder.join("authority"))?.into()).map_err(|e| anyhow!("the authority: {e}"))?;
    Ok(roots)
}
