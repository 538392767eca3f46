//! The floors: what no implementation can do without, by the libraries themselves.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
    },
};
use zeroize::Zeroize;

use crate::Failed;

/// Argon2id with the template's parameters, its memory kept.
pub(crate) struct BareHash {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl BareHash {
    pub(crate) fn new() -> Result<Self, Failed> {
        let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())?;
        let memory = vec![Block::new(); params.block_count()];
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), memory })
    }

    pub(crate) fn hash(&mut self) -> Result<(), Failed> {
        let mut tag = [0; 32];
        let memory = self.memory.as_mut_slice();
        self.argon2
            .hash_password_into_with_memory(stage::PASSWORD.as_bytes(), &[7; 16], &mut tag, memory)
            .map_err(|error| error.to_string())?;
        std::hint::black_box(tag);
        Ok(())
    }

    /// What the product does after each hash.
    pub(crate) fn wipe(&mut self) {
        self.memory.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// A signing key of P-256 and a MAC key, parsed and kept.
pub(crate) struct Keys {
    signing: EcdsaKeyPair,
    verifying: ParsedPublicKey,
    signature: Vec<u8>,
    mac: hmac::Key,
    random: SystemRandom,
}

/// As long as what is signed of an access token, and what is claimed in a refresh token.
const SIGNED: [u8; 500] = [b'x'; 500];
const CLAIMED: [u8; 46] = [7; 46];

impl Keys {
    pub(crate) fn new() -> Result<Self, Failed> {
        let random = SystemRandom::new();
        let signing = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let verifying = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signing.public_key())?;
        let signature = signing.sign(&random, &SIGNED)?.as_ref().to_vec();
        Ok(Self { signing, verifying, signature, mac: hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), random })
    }

    /// What a refresh needs: opens a token, seals its successor, signs an access token.
    pub(crate) fn refresh(&self) -> Result<(), Failed> {
        let sealed = hmac::sign(&self.mac, &CLAIMED);
        hmac::verify(&self.mac, &CLAIMED, sealed.as_ref())?;
        std::hint::black_box(self.signing.sign(&self.random, &SIGNED)?);
        Ok(())
    }

    /// What a signed-in request needs.
    pub(crate) fn verify(&self) -> Result<(), Failed> {
        Ok(self.verifying.verify_sig(&SIGNED, &self.signature)?)
    }
}
