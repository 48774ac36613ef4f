//! Encryption, as `sslmode` asks for it: who the server has to be.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{backend::Url, error::Error};

/// What encrypts the connections of a URL.
///
/// # Errors
///
/// If it says what can't be, or its certificates can't be read.
pub(super) fn of(url: &Url) -> Result<MakeRustlsConnect, Error> {
    match (url.param("sslmode").unwrap_or("prefer"), url.param("ca")) {
        (mode @ ("disable" | "prefer"), Some(_)) => Err(Error::config(format!(
            "`ca` in `{url}`: with `sslmode={mode}` no certificate is looked at; say `require`, `verify-ca` or `verify-full`"
        ))),
        ("verify-ca", None) => Err(Error::config(format!(
            "`sslmode=verify-ca` in `{url}` needs the certificates to trust: `ca=/a/file.pem`"
        ))),
        ("verify-full", None) => system(url),
        ("verify-full", Some(file)) => Ok(with(Arc::new(Trust::Certified(verifier(file, url)?)))),
        // As libpq does: who names certificates wants them looked at.
        (_, Some(file)) => Ok(with(Arc::new(Trust::Chained(verifier(file, url)?)))),
        _ => Ok(with(Arc::new(Trust::Anybody))),
    }
}

/// What the system trusts.
fn system(url: &Url) -> Result<MakeRustlsConnect, Error> {
    // Both providers may be in a program; the client takes the one of the process. Another's choice is as good.
    ring::default_provider().install_default().ok();
    match MakeRustlsConnect::with_native_certs() {
        Ok((tls, _)) => Ok(tls),
        Err(_) => {
            Err(Error::config(format!("`{url}`: this system has no certificates to trust; name some with `ca=…`")))
        }
    }
}

fn verifier(file: &str, url: &Url) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::config(format!("the certificates `ca={file}` in `{url}` can't be used: {why}"))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
        roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    verifier.build().map_err(|error| unusable(&error))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn with(trust: Arc<Trust>) -> MakeRustlsConnect {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().expect("ring can do what is safe");
    MakeRustlsConnect::new(builder.dangerous().with_custom_certificate_verifier(trust).with_no_client_auth())
}

/// Which servers are believed.
#[derive(Debug)]
enum Trust {
    /// All: it keeps out those who listen, not those who are in between.
    Anybody,
    /// Those with a certificate of somebody who is trusted, whatever name stands in it.
    Chained(Arc<WebPkiServerVerifier>),
    /// Those with such a certificate in their name.
    Certified(Arc<WebPkiServerVerifier>),
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (Self::Chained(verifier) | Self::Certified(verifier)) = self else {
            return Ok(ServerCertVerified::assertion());
        };
        match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. },
            )) if matches!(self, Self::Chained(_)) => Ok(ServerCertVerified::assertion()),
            answer => answer,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
