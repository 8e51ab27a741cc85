//! Secrets for tests: made up, and where an assertion is signed with them, generated.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::manifest::Manifest;
use crate::manifest::model::Algorithm;

/// A secret called `name`: a fresh private key when a way to sign in signs with it, else a text that says what it is. With `way`
/// only that way counts: a key takes its time to make.
///
/// # Errors
/// When this machine cannot make a key.
pub(super) fn invented(manifest: &Manifest, name: &str, way: Option<&str>) -> Result<String, String> {
    let ways = manifest.document().auth.iter().filter(|(known, _)| way.is_none_or(|way| way == *known));
    let ways = ways.filter_map(|(_, auth)| auth.jwt.as_ref());
    let signs = |source: &str| {
        source.split(|c: char| !(c.is_alphanumeric() || "._".contains(c))).any(|word| word == format!("secret.{name}"))
    };
    let algorithm = ways.filter(|jwt| signs(jwt.key.source())).map(|jwt| jwt.alg).next();
    let failed = |_nothing_to_tell| "this machine cannot make a key".to_owned();
    let random = SystemRandom::new();
    let der = match algorithm {
        None | Some(Algorithm::HS256) => return Ok(format!("test-{name}")),
        Some(Algorithm::RS256) => {
            let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            pair.as_der().map_err(failed)?.as_ref().to_vec()
        }
        Some(Algorithm::ES256) => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(failed)?.as_ref().to_vec()
        }
        Some(Algorithm::EdDSA) => Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?.as_ref().to_vec(),
    };
    Ok(pem(&der))
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned());
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.collect::<Vec<_>>().join("\n"))
}
