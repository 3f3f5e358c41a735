//! The one key all server associations sign with, read once: dimpl by itself reads and checks it anew for each of them, which
//! costs as much as a signature, and keeps a copy in each.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use dimpl::crypto::aws_lc_rs::default_provider;
use dimpl::crypto::{Buf, CryptoProvider, HashAlgorithm, KeyProvider, SignatureAlgorithm, SigningKey};
use dimpl::{CryptoError, CryptoOperation};

/// The crypto library with `key` (PKCS#8, P-256) read already. Each call keeps a key in memory for good: one a process is meant.
///
/// # Errors
/// When it is no such key.
pub(super) fn provider(key: &[u8]) -> Result<CryptoProvider, String> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key);
    let pair = Arc::new(pair.map_err(|error| format!("the key of the DTLS certificate cannot be read: {error}"))?);
    let keys: &'static OwnKey = Box::leak(Box::new(OwnKey { der: key.to_vec(), pair }));
    Ok(CryptoProvider { key_provider: keys, ..default_provider() })
}

/// Knows one key.
struct OwnKey {
    der: Vec<u8>,
    pair: Arc<EcdsaKeyPair>,
}

impl KeyProvider for OwnKey {
    fn load_private_key(&self, key: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        if key != self.der {
            return default_provider().key_provider.load_private_key(key);
        }
        Ok(Box::new(Signer(Arc::clone(&self.pair))))
    }
}

impl std::fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnKey")
    }
}

/// Signs by ECDSA on P-256 with SHA-256.
struct Signer(Arc<EcdsaKeyPair>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl SigningKey for Signer {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != self.hash_algorithm() {
            return Err(CryptoError::SigningKeyHashMismatch { key_hash: self.hash_algorithm(), requested: hash });
        }
        let signature = self.0.sign(&SystemRandom::new(), data);
        let signature = signature.map_err(|_| CryptoError::OperationFailed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(signature.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, KeyPair, UnparsedPublicKey};

    use super::*;

    #[test]
    fn what_it_signs_the_public_key_verifies() {
        let certificate = dimpl::certificate::generate_self_signed_certificate().unwrap();
        let provider = provider(&certificate.private_key).unwrap();
        let mut key = provider.key_provider.load_private_key(&certificate.private_key).unwrap();
        let mut signature = Buf::new();
        key.sign(b"hello", HashAlgorithm::SHA256, &mut signature).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &certificate.private_key).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
        public.verify(b"hello", &signature).unwrap();
        assert!(public.verify(b"hullo", &signature).is_err());
        assert!(key.sign(b"hello", HashAlgorithm::SHA384, &mut signature).is_err());
    }

    #[test]
    fn other_keys_are_read_as_ever_and_what_is_none_is_refused() {
        let [own, other] = [(), ()].map(|()| dimpl::certificate::generate_self_signed_certificate().unwrap());
        let provider = provider(&own.private_key).unwrap();
        assert!(provider.key_provider.load_private_key(&other.private_key).is_ok());
        assert!(super::provider(b"no key").unwrap_err().contains("cannot be read"));
    }
}
