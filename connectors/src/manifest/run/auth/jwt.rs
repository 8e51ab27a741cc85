//! Signs assertions (RFC 7519, RFC 7523): what GitHub Apps, Google, Okta, Salesforce, Box and Snowflake ask for.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::manifest::model;
use crate::secret::Secret;

/// Signs `claims` with `key`: PEM for RS256, ES256 and `EdDSA`, the bytes themselves for HS256. `fields` go into the header.
///
/// # Errors
/// What is wrong with key or header, in words without the key.
pub(super) fn sign(
    alg: model::Algorithm,
    key: &Secret,
    claims: &Value,
    fields: &[(String, String)],
) -> Result<Secret, String> {
    let (name, algorithm, encoding) = match alg {
        model::Algorithm::HS256 => ("HS256", Algorithm::HS256, Ok(EncodingKey::from_secret(key.expose().as_bytes()))),
        model::Algorithm::RS256 => ("RS256", Algorithm::RS256, EncodingKey::from_rsa_pem(pem(key).as_bytes())),
        model::Algorithm::ES256 => ("ES256", Algorithm::ES256, EncodingKey::from_ec_pem(pem(key).as_bytes())),
        model::Algorithm::EdDSA => ("EdDSA", Algorithm::EdDSA, EncodingKey::from_ed_pem(pem(key).as_bytes())),
    };
    // The library's own words may quote the key.
    let unusable = || {
        format!(
            "the key cannot be used for {name}: it has to be an unencrypted PEM of that kind (EC and Ed25519 as PKCS#8)"
        )
    };
    let encoding = encoding.map_err(|_may_quote| unusable())?;
    let mut header = Header::new(algorithm);
    for (field, value) in fields {
        match field.as_str() {
            "kid" => header.kid = Some(value.clone()),
            "typ" => header.typ = Some(value.clone()),
            "x5t" => header.x5t = Some(value.clone()),
            "x5t#S256" => header.x5t_s256 = Some(value.clone()),
            _ => {
                return Err(format!(
                    "`{field}` cannot stand in the header of an assertion; known are kid, typ, x5t and x5t#S256"
                ));
            }
        }
    }
    jsonwebtoken::encode(&header, claims, &encoding).map(Secret::new).map_err(|_may_quote| unusable())
}

/// The PEM with its lines: environment variables often hold `\n` as two characters.
fn pem(key: &Secret) -> Zeroizing<String> {
    let text = key.expose();
    if text.contains('\n') { Zeroizing::new(text.to_owned()) } else { Zeroizing::new(text.replace("\\n", "\n")) }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::json;

    use super::*;

    fn verified(token: &Secret, alg: Algorithm, key: &DecodingKey) -> Value {
        let mut validation = Validation::new(alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let data = jsonwebtoken::decode::<Value>(token.expose(), key, &validation).unwrap();
        assert_eq!(data.header.kid.as_deref(), Some("key-1"));
        data.claims
    }

    #[test]
    fn every_kind_of_key_signs_and_its_public_half_verifies() {
        let claims = json!({"iss": "app", "iat": 1, "exp": 601});
        let kid = [("kid".to_owned(), "key-1".to_owned())];
        for (alg, name, pair) in [
            (model::Algorithm::ES256, Algorithm::ES256, rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)),
            (model::Algorithm::EdDSA, Algorithm::EdDSA, rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)),
            (model::Algorithm::RS256, Algorithm::RS256, rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)),
        ] {
            let pair = pair.unwrap();
            let public = pair.public_key_pem();
            let public = match alg {
                model::Algorithm::ES256 => DecodingKey::from_ec_pem(public.as_bytes()),
                model::Algorithm::EdDSA => DecodingKey::from_ed_pem(public.as_bytes()),
                model::Algorithm::RS256 | model::Algorithm::HS256 => DecodingKey::from_rsa_pem(public.as_bytes()),
            };
            let private = pair.serialize_pem();
            for text in [private.clone(), private.trim().replace('\n', "\\n")] {
                let token = sign(alg, &Secret::new(text), &claims, &kid).unwrap();
                assert_eq!(verified(&token, name, public.as_ref().unwrap()), claims, "{alg:?}");
            }
        }
        let token = sign(model::Algorithm::HS256, &Secret::new("shared"), &claims, &kid).unwrap();
        assert_eq!(verified(&token, Algorithm::HS256, &DecodingKey::from_secret(b"shared")), claims);
    }

    #[test]
    fn a_key_that_does_not_fit_is_told_without_the_key() {
        let torn = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
        for (alg, key) in [(model::Algorithm::RS256, "hunter2"), (model::Algorithm::ES256, torn)] {
            let error = sign(alg, &Secret::new(key), &json!({}), &[]).unwrap_err();
            assert!(!error.contains("hunter2") && error.contains(&format!("{alg:?}")), "{error}");
        }
        let odd = [("crit".to_owned(), "x".to_owned())];
        assert!(sign(model::Algorithm::HS256, &Secret::new("k"), &json!({}), &odd).unwrap_err().contains("crit"));
    }
}
