//! TLS by rustls.

use std::{
    fs::File,
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use super::url::{ClientCertificate, Tls};

/// Encrypts connections, checks certificates as far as `tls` says, and shows one where the server asks for it. `Err` says
/// what is missing.
pub(super) fn connector(
    tls: Tls,
    root_certificates: Option<&Path>,
    client: Option<&ClientCertificate>,
) -> Result<Connector, String> {
    let provider = Arc::new(ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = if let Tls::CaVerified | Tls::HostVerified = tls {
        let roots = Arc::new(roots(root_certificates)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider);
        let verifier = verifier.build().map_err(|error| error.to_string())?;
        if tls == Tls::HostVerified {
            versions.with_webpki_verifier(verifier)
        } else {
            versions.dangerous().with_custom_certificate_verifier(Arc::new(AnyHost(verifier)))
        }
    } else {
        versions.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
    };
    let config = match client.filter(|_| tls != Tls::Off) {
        None => config.with_no_client_auth(),
        Some(client) => {
            let (chain, key) = (certificates(&client.certificate)?, private_key(&client.key)?);
            let unfit = |error| {
                let (certificate, key) = (client.certificate.display(), client.key.display());
                format!("the client certificate in {certificate} with the private key in {key}: {error}")
            };
            config.with_client_auth_cert(chain, key).map_err(unfit)?
        }
    };
    Ok(Connector(Arc::new(config)))
}

/// The certificate of the client, and those of the authorities between it and one that the server trusts.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("the client certificate in {}: {error}", path.display());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(file).collect();
    let chain = chain.map_err(|error| unreadable(&error))?;
    if chain.is_empty() { Err(unreadable(&"there is none")) } else { Ok(chain) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("the private key in {}: {error}", path.display());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    PrivateKeyDer::from_pem_reader(file).map_err(|error| match error {
        pem::Error::NoItemsFound => unreadable(&"there is none in PEM that needs no password"),
        error => unreadable(&error),
    })
}

/// The authorities that may sign the certificate of a server.
fn roots(file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err("this system has no root certificates: name a file of them with `sslrootcert`".into());
        }
        return Ok(roots);
    };
    let unreadable = |error: &dyn std::fmt::Display| format!("the root certificates in {}: {error}", path.display());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    for certificate in CertificateDer::pem_reader_iter(file) {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() { Err(unreadable(&"there are none")) } else { Ok(roots) }
}

/// Accepts a server whose certificate was signed by a trusted authority, for any host name.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is checked last, so everything else was right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Accepts any server. `prefer` and `require` protect from those who only listen.
///
/// Signatures are not checked either. Whoever may present any certificate can sign with its key, so a check would protect
/// from nobody; and it refuses certificates of X.509 version 1, such as `openssl x509 -req` makes.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// How the driver encrypts a connection.
#[derive(Clone)]
pub(crate) struct Connector(Arc<ClientConfig>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Connector {
    type Stream = Stream<S>;
    type TlsConnect = Rustls;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Rustls, io::Error> {
        // The host is parsed later: for a unix socket there is none, and no TLS either.
        Ok(Rustls { config: self.0.clone(), host: host.to_owned() })
    }
}

pub(crate) struct Rustls {
    config: Arc<ClientConfig>,
    host: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Rustls {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let host = ServerName::try_from(self.host).map_err(io::Error::other)?;
            TlsConnector::from(self.config).connect(host, stream).await.map(Stream)
        })
    }
}

/// An encrypted connection.
pub(crate) struct Stream<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
