//! Every manifest of the catalogue against its folder of exchanges: what is asked, what comes out, what changes do.
//!
//! `MUSTER_WRITE_EXPECTED=1` writes `expected.json` anew; what changed in it is read before it is committed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;

use muster_connectors::manifest::run::fixture::{Tested, test};
use muster_connectors::manifest::{CATALOG, Manifest, scaffold};

async fn tested(manifest: Manifest, folder: &Path) -> Tested {
    let writing = std::env::vars().any(|(name, _)| name == "MUSTER_WRITE_EXPECTED");
    let manifest = Arc::new(manifest);
    let tested = test(Arc::clone(&manifest), folder).await.unwrap_or_else(|error| panic!("{error}"));
    if !writing {
        return tested;
    }
    std::fs::write(folder.join("expected.json"), format!("{:#}\n", tested.found)).unwrap();
    test(manifest, folder).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn every_manifest_of_the_catalogue_does_what_its_folder_says() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut told = String::new();
    for entry in CATALOG {
        let manifest = Manifest::load(&here.join(format!("catalog/{}.toml", entry.id))).unwrap();
        let tested = tested(manifest, &here.join("fixtures").join(entry.id)).await;
        assert!(tested.records > 0, "{}", entry.id);
        tested.differences.iter().for_each(|line| told.push_str(&format!("{}: {line}\n", entry.id)));
    }
    assert_eq!(told, "");
}

#[tokio::test]
async fn what_new_writes_passes_its_own_test() {
    let folder = tempfile::tempdir().unwrap();
    let written = scaffold("my-app", folder.path()).unwrap();
    let tested = tested(Manifest::load(&written[0]).unwrap(), &folder.path().join("my-app")).await;
    assert_eq!(tested.differences, Vec::<String>::new());
}
