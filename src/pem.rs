//! Files with certificates and keys (PEM).
//!
//! Owns what is said of one that is damaged. Must never show a byte of it: it may be a key's.

use rustls::pki_types::pem::Error;

/// What is wrong with a file.
#[must_use]
pub const fn damage(error: &Error) -> &'static str {
    match error {
        Error::MissingSectionEnd { .. } => {
            "it is damaged: the end of a section is missing, so it may have been cut off"
        }
        Error::IllegalSectionStart { .. } => {
            "it is damaged: the line that begins a section is wrong"
        }
        Error::Base64Decode(_) => "it is damaged: what is in a section is no base64",
        Error::SectionTooLarge => "it is damaged: a section is too long",
        _ => "it is no PEM file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    #[test]
    fn what_is_damaged_is_told_without_a_byte_of_it() {
        for (file, told) in [
            ("-----BEGIN CERTIFICATE-----\nMIIB\n", "cut off"),
            ("-----BEGIN SECRET\nMIIB\n", "begins"),
            (
                "-----BEGIN CERTIFICATE-----\n#SECRET\n-----END CERTIFICATE-----\n",
                "base64",
            ),
        ] {
            let error = CertificateDer::from_pem_slice(file.as_bytes());
            let error = error.expect_err("it is damaged");
            let damage = damage(&error);
            assert!(damage.contains(told), "{file}: {damage}");
            assert!(!damage.contains("SECRET"), "{damage}");
        }
    }
}
