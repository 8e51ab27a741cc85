//! One line a system while it is being read, on a terminal.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::collect::progress::{End, Watcher};
use crate::diagnostic::visible;

/// Progress bars on standard error.
#[derive(Debug, Default)]
pub struct Bars {
    all: MultiProgress,
    bars: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    fn with(&self, system: &str, change: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.bars.lock().unwrap_or_else(PoisonError::into_inner).get(system) {
            change(bar);
        }
    }
}

impl Watcher for Bars {
    fn started(&self, system: &str) {
        let bar = self.all.add(ProgressBar::new_spinner());
        let style =
            ProgressStyle::with_template("{spinner} {prefix:24} {human_pos:>12} records  {elapsed:>4}  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_invalid| ProgressStyle::default_spinner()));
        bar.set_prefix(system.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).insert(system.to_owned(), bar);
    }

    fn records(&self, system: &str, records: u64) {
        self.with(system, |bar| bar.inc(records));
    }

    fn note(&self, system: &str, text: &str) {
        self.with(system, |bar| bar.set_message(visible(text).into_owned()));
    }

    fn ended(&self, system: &str, end: End) {
        self.with(system, |bar| bar.finish_with_message(if end.complete { "read" } else { "not complete" }));
    }
}
