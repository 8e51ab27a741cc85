//! Secrets that stand where none belongs: in descriptions, conditions, policy documents, log entries, tickets.
//!
//! In: the free texts of the stored rows. Out: where one has the shape of a key that a vendor publishes, and which; never the
//! text itself. Shapes are those that leave little doubt: a prefix that the vendor chose to be found by, the right alphabet
//! and length. Ids of keys (AWS `AKIA…`) are no secrets. Sources: GitHub Docs, "Token formats"; GitLab Docs, "Token
//! overview"; Slack API, "Token types"; Google Cloud, AIza keys; Stripe Docs, "API keys"; npm Docs, "About access tokens";
//! SendGrid key format; HashiCorp Vault, "Token prefixes"; RFC 7468 (PEM), RFC 7519 (JWT), RFC 3986 § userinfo.

use std::ops::Range;

use muster_connectors::record::RecordKind;
use rayon::prelude::*;

use super::Graph;
use crate::snapshot::{KindView, Rows, Snapshot, StoreError};
use crate::workers::side_by_side;

/// A stored text that has the shape of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// System name.
    pub system: String,
    /// Scope.
    pub scope: String,
    /// Kind of the row.
    pub kind: RecordKind,
    /// Id of the row, or the ids that its key is made of; what looks like a secret in it is masked.
    pub id: String,
    /// Column.
    pub column: &'static str,
    /// What it looks like.
    pub shape: &'static str,
}

/// The free texts that are looked at: kind, columns that name the row, columns with texts.
const LOOKED_AT: [(RecordKind, &[&str], &[&str]); 9] = [
    (RecordKind::Account, &["id"], &["attributes"]),
    (RecordKind::Approval, &["id"], &["entitlement", "resource"]),
    (RecordKind::AuditEvent, &["id"], &["action", "object"]),
    (RecordKind::Credential, &["id"], &["name"]),
    (RecordKind::Entitlement, &["id"], &["description"]),
    (RecordKind::Federation, &["id"], &["condition"]),
    (RecordKind::Grant, &["principal", "entitlement"], &["condition", "justification"]),
    (RecordKind::Group, &["id"], &["description"]),
    (RecordKind::Policy, &["id"], &["document"]),
];

/// The columns of a kind that are looked at; empty for a kind without free texts.
pub fn columns(kind: RecordKind) -> &'static [&'static str] {
    LOOKED_AT.iter().find(|(of, _, _)| *of == kind).map_or(&[], |(_, _, columns)| columns)
}

impl Graph {
    /// Looks through the free texts of the snapshot, once, for [`Graph::secrets`]. Not from within parallel work, as with
    /// [`Graph::look_back`].
    ///
    /// Cost: one pass over their bytes, scope beside scope; ids are read only where something was found.
    ///
    /// # Errors
    /// [`StoreError`] when a table cannot be read.
    pub fn read_secrets(&self) -> Result<(), StoreError> {
        if self.secrets.get().is_none() {
            let hits = self.snapshot.as_ref().map_or(Ok(Vec::new()), read)?;
            self.secrets.get_or_init(|| hits);
        }
        Ok(())
    }
}

fn read(snapshot: &Snapshot) -> Result<Vec<Hit>, StoreError> {
    let views: Vec<KindView<'_>> = snapshot.manifest().kinds().collect();
    let scopes = side_by_side(&views, |view| {
        let (_, ids, columns) = LOOKED_AT.iter().find(|(kind, _, _)| *kind == view.kind)?;
        Some(scope(snapshot, view, ids, columns))
    });
    let mut hits = Vec::new();
    for scope in scopes.into_iter().flatten() {
        hits.extend(scope?);
    }
    hits.sort();
    hits.dedup();
    Ok(hits)
}

/// One kind of one scope.
fn scope(
    snapshot: &Snapshot,
    view: &KindView<'_>,
    ids: &[&'static str],
    columns: &[&'static str],
) -> Result<Vec<Hit>, StoreError> {
    let frame = snapshot.rows_of(view, columns)?;
    let rows = Rows::of(&frame, view.kind.as_str());
    let mut found = Vec::new();
    for column in columns {
        let texts = rows.texts(column)?;
        if texts.are_all_null() {
            continue;
        }
        let shapes = (0..rows.len()).into_par_iter().filter_map(|row| Some((row, find(texts.get(row)?)?.1)));
        found.extend(shapes.collect::<Vec<_>>().into_iter().map(|(row, shape)| (row, *column, shape)));
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let frame = snapshot.rows_of(view, ids)?;
    let rows = Rows::of(&frame, view.kind.as_str());
    let ids = ids.iter().map(|id| rows.texts(id)).collect::<Result<Vec<_>, _>>()?;
    let hits = found.into_iter().map(|(row, column, shape)| {
        let id: Vec<&str> = ids.iter().map(|id| id.text(row)).collect();
        Hit {
            system: view.system.to_owned(),
            scope: view.scope.to_owned(),
            kind: view.kind,
            id: masked(&id.join("|")),
            column,
            shape,
        }
    });
    Ok(hits.collect())
}

/// A text with `***` in place of all that looks like a secret.
pub fn masked(text: &str) -> String {
    let mut rest = text;
    let mut clean = String::new();
    while let Some((place, _)) = find(rest) {
        clean.push_str(&rest[..place.start]);
        clean.push_str("***");
        rest = &rest[place.end..];
    }
    clean.push_str(rest);
    clean
}

/// A prefix, the letters that follow it and how many of them at least.
struct Shape {
    name: &'static str,
    prefix: &'static str,
    body: fn(u8) -> bool,
    least: usize,
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn is_url_safe(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

const fn is_dotted(byte: u8) -> bool {
    is_url_safe(byte) || byte == b'.'
}

const fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// By first letter, so that a place in a text is compared with few of them.
const SHAPES: [Shape; 16] = [
    Shape { name: "storage account key", prefix: "AccountKey=", body: is_base64, least: 86 },
    Shape { name: "Google API key", prefix: "AIza", body: is_url_safe, least: 35 },
    Shape { name: "SendGrid key", prefix: "SG.", body: is_dotted, least: 60 },
    Shape { name: "JSON web token", prefix: "eyJ", body: is_dotted, least: 60 },
    Shape { name: "GitHub token", prefix: "ghp_", body: is_alphanumeric, least: 36 },
    Shape { name: "GitHub token", prefix: "gho_", body: is_alphanumeric, least: 36 },
    Shape { name: "GitHub token", prefix: "ghu_", body: is_alphanumeric, least: 36 },
    Shape { name: "GitHub token", prefix: "ghs_", body: is_alphanumeric, least: 36 },
    Shape { name: "GitHub token", prefix: "github_pat_", body: is_word, least: 60 },
    Shape { name: "GitLab token", prefix: "glpat-", body: is_url_safe, least: 20 },
    Shape { name: "Vault token", prefix: "hvs.", body: is_url_safe, least: 24 },
    Shape { name: "npm token", prefix: "npm_", body: is_alphanumeric, least: 36 },
    Shape { name: "Stripe key", prefix: "rk_live_", body: is_alphanumeric, least: 24 },
    Shape { name: "Stripe key", prefix: "sk_live_", body: is_alphanumeric, least: 24 },
    Shape { name: "Slack token", prefix: "xoxb-", body: is_url_safe, least: 20 },
    Shape { name: "Slack token", prefix: "xoxp-", body: is_url_safe, least: 20 },
];

/// Names that AWS secret keys, which have no prefix of their own, are written behind.
const AWS_NAMES: [&str; 2] = ["aws_secret_access_key", "SecretAccessKey"];

/// The first part of a text that has the shape of a secret, and which.
///
/// Cost: O(bytes).
pub fn find(text: &str) -> Option<(Range<usize>, &'static str)> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|at| {
        let is_start = at == 0 || !is_word(bytes[at - 1]);
        match bytes[at] {
            b'-' => private_key(text, at),
            b':' => url_password(text, at),
            b'a' | b'S' if is_start => aws_secret(text, at).or_else(|| shaped(bytes, at)),
            _ if is_start => shaped(bytes, at),
            _ => None,
        }
    })
}

fn shaped(bytes: &[u8], at: usize) -> Option<(Range<usize>, &'static str)> {
    let rest = &bytes[at..];
    SHAPES.iter().filter(|shape| shape.prefix.as_bytes()[0] == bytes[at]).find_map(|shape| {
        let body = rest.strip_prefix(shape.prefix.as_bytes())?;
        let length = body.iter().take_while(|byte| (shape.body)(**byte)).count();
        let is_whole = shape.name != "JSON web token" || body[..length].windows(4).any(|part| part == b".eyJ");
        (length >= shape.least && is_whole).then_some((at..at + shape.prefix.len() + length, shape.name))
    })
}

/// `-----BEGIN … PRIVATE KEY-----`, up to its end.
fn private_key(text: &str, at: usize) -> Option<(Range<usize>, &'static str)> {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "PRIVATE KEY-----";
    let label = text.as_bytes()[at..].strip_prefix(BEGIN.as_bytes())?;
    let label = &label[..label.len().min(40)];
    let end = label.windows(END.len()).position(|part| part == END.as_bytes())?;
    let start = at + BEGIN.len() + end + END.len();
    let close = text[start..].find("PRIVATE KEY-----").map_or(text.len(), |close| start + close + END.len());
    Some((at..close, "private key"))
}

/// `://user:password@`.
fn url_password(text: &str, at: usize) -> Option<(Range<usize>, &'static str)> {
    let authority = text.as_bytes()[at..].strip_prefix(b"://")?;
    let length = authority.iter().take(300).take_while(|byte| byte.is_ascii_graphic() && **byte != b'/').count();
    let end = authority[..length].iter().rposition(|byte| *byte == b'@')?;
    let colon = authority[..end].iter().position(|byte| *byte == b':')?;
    let password = &authority[colon + 1..end];
    // A placeholder (`${PASSWORD}`, `<password>`, `***`) is how it should be written.
    let is_placeholder = password.is_empty() || password.iter().any(|byte| matches!(byte, b'$' | b'<' | b'{' | b'*'));
    (!is_placeholder).then_some((at + 3 + colon + 1..at + 3 + end, "password in an address"))
}

/// Forty letters behind one of AWS's own names for it.
fn aws_secret(text: &str, at: usize) -> Option<(Range<usize>, &'static str)> {
    let rest = &text.as_bytes()[at..];
    let name = AWS_NAMES.iter().find(|name| rest.starts_with(name.as_bytes()))?;
    let between = rest[name.len()..].iter().take(6).take_while(|byte| !is_base64(**byte) || **byte == b'=').count();
    let start = name.len() + between;
    let length = rest[start..].iter().take_while(|byte| is_base64(**byte)).count();
    (between > 0 && length == 40).then_some((at + start..at + start + length, "AWS secret access key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_shapes_are_found_and_masked_and_look_alikes_are_not() {
        let letters = "aB3".repeat(30);
        let secrets = [
            (format!("token ghp_{}", &letters[..36]), "GitHub token"),
            (format!("glpat-{}", &letters[..20]), "GitLab token"),
            (format!("key=AIza{}", &letters[..35]), "Google API key"),
            (format!("eyJ{}.eyJ{}.{}", &letters[..30], &letters[..30], &letters[..20]), "JSON web token"),
            (format!("aws_secret_access_key = {}", &letters[..40]), "AWS secret access key"),
            ("postgres://muster:S3cret!@db.corp.example/app".to_owned(), "password in an address"),
            ("x -----BEGIN RSA PRIVATE KEY-----\nMII".to_owned(), "private key"),
        ];
        for (text, shape) in &secrets {
            assert_eq!(find(text).map(|(_, shape)| shape), Some(*shape), "{text}");
            assert_eq!(find(&masked(text)), None, "{text}");
        }
        for harmless in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_short",
            "-----BEGIN CERTIFICATE-----",
            "https://corp.example/a:b@c",
            "postgres://muster:${PASSWORD}@db/app",
            "mail to ada@corp.example: hello",
            "überghp_",
        ] {
            assert_eq!(find(harmless), None, "{harmless}");
        }
    }
}
