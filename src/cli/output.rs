//! `-o FORMAT[=FILE]`: what is written where.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tempfile::NamedTempFile;

use crate::diagnostic::{Diagnostic, similar};

use super::outcome::Failure;

/// One `-o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Format as written; `None` when only the file's ending tells it.
    pub format: Option<String>,
    /// Where to; `None` is standard output.
    pub file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((format, file)) if !format.is_empty() && !file.is_empty() => {
                Ok(Self { format: Some(format.to_owned()), file: Some(PathBuf::from(file)) })
            }
            Some(_) => Err("write FORMAT, FORMAT=FILE or FILE".to_owned()),
            None if Path::new(text).extension().is_some() => Ok(Self { format: None, file: Some(PathBuf::from(text)) }),
            None if text.is_empty() => Err("write FORMAT, FORMAT=FILE or FILE".to_owned()),
            None => Ok(Self { format: Some(text.to_owned()), file: None }),
        }
    }
}

/// A format that a command can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Name in `-o`.
    pub name: &'static str,
    /// File ending, without its dot.
    pub ending: &'static str,
}

/// Which of `choices` is asked for, and where it goes; the first choice on standard output when nothing is said.
///
/// # Errors
/// A format or ending that is none of them.
pub fn targets(outputs: &[Output], choices: &[Choice]) -> Result<Vec<(Choice, Option<PathBuf>)>, Failure> {
    if outputs.is_empty() {
        return Ok(choices.first().map(|choice| (*choice, None)).into_iter().collect());
    }
    outputs.iter().map(|output| Ok((choose(output, choices)?, output.file.clone()))).collect()
}

fn choose(output: &Output, choices: &[Choice]) -> Result<Choice, Failure> {
    let ending = || output.file.as_deref().and_then(Path::extension).unwrap_or_default().to_string_lossy().into_owned();
    let asked = output.format.clone().unwrap_or_else(ending);
    let found = choices.iter().find(|choice| match output.format {
        Some(_) => choice.name == asked,
        None => choice.ending == asked,
    });
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
        let near = similar(&asked, names.iter().copied());
        Diagnostic::error("CLI001", format!("this command cannot write `{asked}`"))
            .cause(format!("it writes {}", names.join(", ")))
            .fix(near.map_or("choose one of them with -o".to_owned(), |near| format!("did you mean `-o {near}`?")))
            .into()
    })
}

/// Where a command writes to. A file is there whole, once [`Out::close`]d, or as it was before.
pub enum Out {
    /// Standard output, or a device or pipe.
    Stream(Box<dyn Write>),
    /// A new file that takes the place of `target`.
    File {
        /// What is written so far.
        new: BufWriter<NamedTempFile>,
        /// Where it goes.
        target: PathBuf,
    },
}

/// A writer to `file`, or to standard output.
///
/// # Errors
/// The file cannot be created.
pub fn open(file: Option<&Path>) -> Result<Out, Failure> {
    let Some(path) = file else { return Ok(Out::Stream(Box::new(BufWriter::new(io::stdout().lock())))) };
    create(path).map_err(|error| not_written(path, &error).into())
}

fn create(path: &Path) -> io::Result<Out> {
    // A link is followed, and what is no ordinary file (`/dev/stdout`, a pipe) is written to as it is.
    let target = path.canonicalize().unwrap_or_else(|_new| path.to_owned());
    if target.metadata().is_ok_and(|found| !found.is_file()) {
        return Ok(Out::Stream(Box::new(BufWriter::new(File::options().write(true).open(&target)?))));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".muster-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The mode that the file has, or any new file would have.
        let mode = target.metadata().map_or(0o666, |found| found.permissions().mode() & 0o777);
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    Ok(Out::File { new: BufWriter::new(builder.tempfile_in(folder)?), target })
}

fn not_written(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error("CLI002", format!("cannot write `{}`", path.display()))
        .cause(error.to_string())
        .fix("create its folder, or choose another file")
}

impl Out {
    /// Ends the output.
    ///
    /// # Errors
    /// The rest cannot be written.
    pub fn close(self) -> Result<(), Failure> {
        match self {
            Self::Stream(mut out) => Ok(out.flush()?),
            Self::File { new, target } => {
                let new = new.into_inner().map_err(io::IntoInnerError::into_error)?;
                new.persist(&target).map(drop).map_err(|error| not_written(&target, &error.error).into())
            }
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(out) => out.write(bytes),
            Self::File { new, .. } => new.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(out) => out.flush(),
            Self::File { new, .. } => new.flush(),
        }
    }
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream(_) => f.write_str("Stream"),
            Self::File { target, .. } => f.debug_tuple("File").field(target).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_a_file_or_both() {
        let parse = |text: &str| text.parse::<Output>();
        assert_eq!(parse("table").unwrap(), Output { format: Some("table".into()), file: None });
        assert_eq!(parse("json=a/b").unwrap(), Output { format: Some("json".into()), file: Some("a/b".into()) });
        assert_eq!(parse("report.html").unwrap(), Output { format: None, file: Some("report.html".into()) });
        assert!(parse("json=").is_err());
        assert!(parse("").is_err());
    }
}
