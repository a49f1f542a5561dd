//! The digest of a token's secret.
//!
//! Owns how it is made, written and compared. Must never be printed: nobody needs to see it.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The SHA-256 of a secret as it is sent. A secret is 256 random bits, so that no slow hash is
/// needed: there is nothing to guess.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of this secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The digest that equals that of no secret that is known: what an unknown token is compared
    /// with, so that it takes as long as a known one.
    #[must_use]
    pub const fn of_nobody() -> Self {
        Self([0; 32])
    }

    /// Reads 64 hexadecimal digits, small ones.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// As it is written in the file.
    #[must_use]
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn equals(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_sha256sum_writes_it_and_shown_to_nobody() {
        let digest = SecretDigest::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.hex(), hex);
        let read = SecretDigest::read(hex).expect("it is one");
        assert!(bool::from(read.equals(&digest)));
        assert!(!bool::from(SecretDigest::of(b"abd").equals(&digest)));
        assert!(!format!("{digest:?}").contains("ba78"));
        for bad in [&hex[1..], &hex.to_uppercase(), "", &format!("{hex}00")] {
            assert!(SecretDigest::read(bad).is_none(), "{bad}");
        }
    }
}
