//! Certificate authorities that are trusted beside those of the system.

use std::fmt;

use reqwest::Certificate;

/// None, or some.
#[derive(Clone, Default)]
pub struct Authorities(Vec<Certificate>);

/// There is no certificate, or one that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificates in PEM")]
pub struct NoAuthority;

impl Authorities {
    /// One or several certificates in PEM.
    ///
    /// # Errors
    /// [`NoAuthority`]
    #[allow(clippy::disallowed_methods, reason = "a client that is never used: building it reads the certificates")]
    pub fn read(pem: &[u8]) -> Result<Self, NoAuthority> {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|_| NoAuthority)?;
        let read = reqwest::Client::builder().no_proxy().tls_certs_only(certificates.clone()).build();
        if certificates.is_empty() || read.is_err() { Err(NoAuthority) } else { Ok(Self(certificates)) }
    }

    pub(super) fn certificates(&self) -> impl Iterator<Item = Certificate> + '_ {
        self.0.iter().cloned()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Authorities({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_refused() {
        let made_up = "-----BEGIN CERTIFICATE-----\nTWFkZSB1cA==\n-----END CERTIFICATE-----\n";
        for text in ["", "certificate", made_up] {
            assert_eq!(Authorities::read(text.as_bytes()).unwrap_err(), NoAuthority, "{text}");
        }
        let rcgen::CertifiedKey { cert, .. } = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
        assert_eq!(format!("{:?}", Authorities::read(cert.pem().repeat(2).as_bytes()).unwrap()), "Authorities(2)");
    }
}
