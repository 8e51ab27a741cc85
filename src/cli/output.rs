//! `-o FORMAT[=FILE]`: what is written where.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

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

/// A writer to `file`, or to standard output.
///
/// # Errors
/// The file cannot be created.
pub fn open(file: Option<&Path>) -> Result<Box<dyn Write>, Failure> {
    let Some(path) = file else { return Ok(Box::new(BufWriter::new(io::stdout().lock()))) };
    let file = File::create(path).map_err(|error| {
        Diagnostic::error("CLI002", format!("cannot write `{}`", path.display()))
            .cause(error.to_string())
            .fix("create its folder, or choose another file")
    })?;
    Ok(Box::new(BufWriter::new(file)))
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
