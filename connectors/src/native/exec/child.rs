//! The program as a process: started in a group of its own, listened to, and ended with all it started.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::task::JoinHandle;

use super::protocol::Redactor;

/// A line may grow to this many bytes; a longer one is dropped and counts as refused.
pub(super) const LINE_LIMIT: usize = 16 << 20;
/// A line of standard error may have this many bytes; of a longer one nothing is quoted, for a secret at its end would be cut.
const WORDS_LIMIT: usize = 1 << 16;
/// Characters of a line of standard error that are quoted.
const WORDS_QUOTED: usize = 500;
/// Lines of standard error that are quoted.
const LAST_WORDS: usize = 5;
/// How long the program has to end on request before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// A running program. Dropping it kills its whole process group.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    group: Group,
}

/// What a program says.
pub(super) struct Lines {
    /// Standard output.
    pub(super) output: LineReader<BufReader<ChildStdout>>,
    /// The last lines of standard error, known when it is closed.
    pub(super) last_words: LastWords,
}

impl Child {
    /// Starts the program with its streams connected to us and nothing on standard input.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let process = command.spawn()?;
        let group = Group::of(&process);
        Ok(Self { process, group })
    }

    /// The program's streams; standard error goes to the log from now on.
    pub(super) fn take_lines(&mut self, program: &str, redactor: Redactor) -> Lines {
        let output = self.process.stdout.take().expect("standard output is piped, and taken once");
        let errors = self.process.stderr.take().expect("standard error is piped, and taken once");
        let program = program.to_owned();
        let task = tokio::spawn(async move {
            let mut reader = LineReader::new(BufReader::new(errors), WORDS_LIMIT);
            let mut last = VecDeque::new();
            while let Ok(Some(length)) = reader.next().await {
                let text = match length {
                    Length::Whole => redactor.redact(String::from_utf8_lossy(&reader.line).trim_end()),
                    Length::Cut => "(a line longer than 64 KiB)".to_owned(),
                };
                if text.is_empty() {
                    continue;
                }
                tracing::info!(program, "{text}");
                if last.len() == LAST_WORDS {
                    last.pop_front();
                }
                last.push_back(text.chars().take(WORDS_QUOTED).collect());
            }
            last.into()
        });
        Lines {
            output: LineReader::new(BufReader::with_capacity(1 << 16, output), LINE_LIMIT),
            last_words: LastWords(task),
        }
    }

    /// Waits for the program's own end.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.process.wait().await;
        self.group.forget();
        status
    }

    /// Asks the program and all it started to end, and kills what is left after the grace period.
    pub(super) async fn end(&mut self) {
        self.group.ask();
        let _ended = tokio::time::timeout(GRACE, self.process.wait()).await;
        self.group.kill();
        let _killed = self.process.kill().await;
    }
}

/// The last lines of standard error. They are waited for a moment only: a grandchild may hold the stream open.
pub(super) struct LastWords(JoinHandle<Vec<String>>);

impl LastWords {
    /// The lines, or nothing when the stream does not close.
    pub(super) async fn take(mut self) -> Vec<String> {
        match tokio::time::timeout(GRACE, &mut self.0).await {
            Ok(said) => said.unwrap_or_default(),
            Err(_elapsed) => {
                self.0.abort();
                Vec::new()
            }
        }
    }
}

/// The program's process group.
#[derive(Debug)]
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(process: &tokio::process::Child) -> Self {
        let id = process.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(leader) = self.leader {
            // An error says that nobody is left in the group, which is what we want.
            let _nobody = rustix::process::kill_process_group(leader, signal);
        }
    }

    fn ask(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.forget();
    }

    /// The leader was waited for: its number may soon be another's.
    fn forget(&mut self) {
        self.leader = None;
    }
}

#[cfg(not(unix))]
impl Group {
    fn of(_process: &tokio::process::Child) -> Self {
        Self {}
    }

    fn ask(&self) {}

    fn kill(&mut self) {}

    fn forget(&mut self) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// It stands in [`LineReader::line`].
    Whole,
    /// It was longer than the limit; its beginning stands in [`LineReader::line`].
    Cut,
}

/// Lines of bounded length.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    reader: R,
    limit: usize,
    /// The current line, with its line end.
    pub(super) line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, line: Vec::new() }
    }

    /// Reads the next line; `None` at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Length>> {
        self.line.clear();
        let mut length = Length::Whole;
        let mut any = false;
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(any.then_some(length));
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(chunk.len(), |end| end + 1);
            let room = self.limit.saturating_sub(self.line.len());
            if taken > room {
                length = Length::Cut;
            }
            self.line.extend_from_slice(&chunk[..taken.min(room)]);
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(Some(length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let mut lines = LineReader::new(&b"abcdef\nxy\n\nz"[..], 4);
        let mut seen = Vec::new();
        while let Some(length) = lines.next().await.unwrap() {
            seen.push((length, String::from_utf8(lines.line.clone()).unwrap()));
        }
        let expected = [(Length::Cut, "abcd"), (Length::Whole, "xy\n"), (Length::Whole, "\n"), (Length::Whole, "z")];
        assert_eq!(seen, expected.map(|(length, text)| (length, text.to_owned())));
    }
}
