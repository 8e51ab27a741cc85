//! What connectors of files share: the damage that files take, and the questions that only files raise.

use std::path::Path;
use std::sync::Arc;

use muster_connectors::Connector;
use muster_connectors::scope::ScopeState;

use crate::collected::collect;
use crate::{Estate, Exception, Fault, Stage, Subject, assert_within, file_subjects, healthy};

/// A connector that reads files.
pub(crate) trait FileSubject: Send + Sync {
    /// The connector's name and the way in.
    fn name(&self) -> String;
    /// The healthy system.
    fn estate(&self) -> Estate;
    /// The files of an estate, those of the first list first, in the order of its rows.
    fn files(&self, estate: &Estate) -> Vec<SavedFile>;
    /// The connector on the folder that holds the files.
    fn connector(&self, folder: &Path) -> Box<dyn Connector>;
    /// What differs, where anything does.
    fn exception(&self, _fault: Fault) -> Option<Exception> {
        None
    }
    /// Records in the first scope that come from no row.
    fn without_rows(&self) -> u64 {
        0
    }
}

/// A file of a [`FileSubject`].
pub(crate) struct SavedFile {
    /// Its path in the folder.
    pub(crate) name: String,
    /// Position of the list it belongs to.
    pub(crate) list: usize,
    pub(crate) bytes: Vec<u8>,
}

/// Files among the [`Subject`]s.
pub(crate) struct FromFiles(pub(crate) Arc<dyn FileSubject>);

impl Subject for FromFiles {
    fn name(&self) -> String {
        self.0.name()
    }

    fn estate(&self) -> Estate {
        self.0.estate()
    }

    fn stage(&self, estate: &Estate, fault: Fault) -> Stage {
        let mut files = self.0.files(estate);
        if fault == Fault::Cut {
            let last = files.iter_mut().rfind(|file| file.list == 0).expect("the first list has a file");
            last.bytes.truncate(last.bytes.len() * 2 / 3);
        }
        stage_of(&*self.0, &files, fault == Fault::Forbidden)
    }

    fn without_rows(&self) -> u64 {
        self.0.without_rows()
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        match fault {
            Fault::ThrottledOnce | Fault::Throttled => {
                Some(Exception::Cannot("nobody is asked who could say \"later\""))
            }
            Fault::CutOnce => Some(Exception::Cannot("a file that was cut stays cut")),
            Fault::PageRepeated => {
                Some(Exception::Cannot("a file ends; a page that stands in it twice is a duplicate"))
            }
            Fault::Silent => {
                Some(Exception::Cannot("a disk answers; that a long file can be cancelled is tested beside it"))
            }
            Fault::None
            | Fault::Forbidden
            | Fault::Cut
            | Fault::LastPageMissing
            | Fault::Empty
            | Fault::Reordered
            | Fault::Duplicate => self.0.exception(fault),
        }
    }
}

/// The connector on these files; those of the first list are unreadable (folders: permissions do not stop root) if asked.
fn stage_of(subject: &dyn FileSubject, files: &[SavedFile], unreadable: bool) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().expect("it is in the folder")).unwrap();
        if unreadable && file.list == 0 {
            std::fs::create_dir(path).unwrap();
        } else {
            std::fs::write(path, &file.bytes).unwrap();
        }
    }
    let connector = subject.connector(folder.path());
    let requests = move || usize::from(folder.path().exists());
    Stage { connector, requests: Box::new(requests) }
}

#[tokio::test]
async fn a_file_without_a_byte_is_not_an_empty_list() {
    for subject in file_subjects() {
        let estate = subject.estate();
        let mut files = subject.files(&estate);
        files.iter_mut().filter(|file| file.list == 0).for_each(|file| file.bytes.clear());
        let stage = stage_of(&*subject, &files, false);
        let bent = collect(&*stage.connector).await;
        bent.assert_honest();
        for (position, list) in estate.0.iter().enumerate() {
            let expected = if position == 0 { ScopeState::Failed } else { ScopeState::Complete };
            assert_eq!(bent.state(list.scope), expected, "{}: {:#?}", subject.name(), bent.reports);
        }
        assert_within(&bent, &healthy(&FromFiles(Arc::clone(&subject))).await, &subject.name());
    }
}

#[tokio::test]
async fn every_file_that_was_read_is_quoted_by_its_sha_256() {
    for subject in file_subjects() {
        let files = subject.files(&subject.estate());
        let stage = stage_of(&*subject, &files, false);
        let read = collect(&*stage.connector).await;
        for list in subject.estate().0 {
            let quoted = &read.scope(list.scope).files;
            assert!(
                !quoted.is_empty() && quoted.iter().all(|file| file.sha256.len() == 64),
                "{}: {quoted:?}",
                subject.name()
            );
        }
    }
}
