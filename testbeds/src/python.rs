//! Finds the Python that the Python-written test servers (moto, scim2-server) are installed in.
//!
//! `MUSTER_TESTBED_PYTHON` names an interpreter; without it `.testbeds/venv/bin/python` under the workspace root is used.
//! A package that is not installed is an error with the lines that install it, never a reason to skip a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The lines that make the Python environment, run in the workspace root.
pub const INSTALL: &str =
    "python3 -m venv .testbeds/venv && .testbeds/venv/bin/pip install -r testbeds/requirements.txt";

/// Why there is no Python to start a test server with.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The interpreter is not there.
    #[error("no Python for the test servers at `{}` ({from}); run: {INSTALL}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// Who said so: the variable or the default.
        from: &'static str,
    },
    /// The interpreter is there, the package is not.
    #[error("`{}` cannot import `{module}`; run: {INSTALL}", path.display())]
    NoModule {
        /// The interpreter.
        path: PathBuf,
        /// The module that the server needs.
        module: String,
    },
}

/// The workspace root: the folder above this crate.
pub fn workspace_root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// An interpreter that can import `module` (`moto`, `scim2_server`).
///
/// Programs that the packages install stand beside it: [`program`] gives their paths.
///
/// # Errors
/// [`PythonError`] with the lines that install what is missing.
pub fn python(module: &str) -> Result<PathBuf, PythonError> {
    let (path, from) = match interpreter_from_environment() {
        Some(path) => (path, "MUSTER_TESTBED_PYTHON"),
        None => (workspace_root().join(".testbeds/venv/bin/python"), "the default"),
    };
    if !path.exists() {
        return Err(PythonError::Missing { path, from });
    }
    // `find_spec` does not run the module: moto takes seconds to import.
    let found = Command::new(&path)
        .args(["-c", "import importlib.util,sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)", module])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if found { Ok(path) } else { Err(PythonError::NoModule { path, module: module.to_owned() }) }
}

/// A program that a package installed beside the interpreter (`moto_server`, `scim2-server`).
///
/// # Errors
/// [`PythonError`] with the lines that install what is missing.
pub fn program(module: &str, name: &str) -> Result<PathBuf, PythonError> {
    let python = python(module)?;
    let program = python.with_file_name(name);
    if program.exists() { Ok(program) } else { Err(PythonError::NoModule { path: python, module: module.to_owned() }) }
}

#[expect(
    clippy::disallowed_methods,
    reason = "which Python runs the test servers is a fact of the machine, not of a run"
)]
fn interpreter_from_environment() -> Option<PathBuf> {
    std::env::var("MUSTER_TESTBED_PYTHON").ok().filter(|path| !path.is_empty()).map(PathBuf::from)
}
