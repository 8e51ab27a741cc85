//! Who is meant by a name: exactly, or in another case when only one can be meant.

use std::collections::HashMap;

/// The keys of one list.
#[derive(Debug, Default)]
pub(super) struct References {
    exact: HashMap<String, String>,
    /// By the name in lower case; `None` where several share it.
    folded: HashMap<String, Option<String>>,
}

impl References {
    /// Says that `name` means `id`.
    pub(super) fn insert(&mut self, name: &str, id: &str) {
        self.exact.entry(name.to_owned()).or_insert_with(|| id.to_owned());
        self.folded
            .entry(name.to_lowercase())
            .and_modify(|known| {
                if known.as_deref() != Some(id) {
                    *known = None;
                }
            })
            .or_insert_with(|| Some(id.to_owned()));
    }

    /// Says that an id, where there is one, means itself.
    pub(super) fn insert_one(&mut self, id: Option<&String>) {
        if let Some(id) = id {
            self.insert(id, id);
        }
    }

    /// What `name` means.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.exact.get(name).or_else(|| self.folded.get(&name.to_lowercase())?.as_ref()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::References;

    #[test]
    fn a_name_in_another_case_is_found_when_only_one_can_be_meant() {
        let mut names = References::default();
        names.insert("View", "1");
        names.insert("Edit", "2");
        names.insert("EDIT", "3");
        assert_eq!(names.find("view"), Some("1"));
        assert_eq!(names.find("EDIT"), Some("3"));
        assert_eq!(names.find("edit"), None);
        assert_eq!(names.find("gone"), None);
    }
}
