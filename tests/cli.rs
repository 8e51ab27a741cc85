//! Transcripts: is this what the user sees? Each file in `tests/cli/` is a story: files, commands, exit codes and both streams.
//!
//! ```toml
//! [files]
//! "muster.toml" = "…"
//!
//! [[run]]
//! command = "muster collect"      # words are split at spaces; quotes hold them together
//! env     = { TOKEN = "x" }
//! write   = { "people.csv" = "…" }   # before the command
//! stdin   = "…"
//! exit    = 3
//! stdout  = "…"                   # `[..]` stands for any text of a line, a line `...` for any lines
//! stderr  = "…"
//! ```
//!
//! On a difference the test prints what was seen, ready to be pasted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    #[serde(default)]
    files: BTreeMap<String, String>,
    run: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    command: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    write: BTreeMap<String, String>,
    #[serde(default)]
    remove: Vec<String>,
    stdin: Option<String>,
    exit: i32,
    stdout: Option<String>,
    stderr: Option<String>,
}

#[test]
fn every_story_is_told_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut stories: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    stories.sort();
    let only = std::env::vars().find(|(name, _)| name == "STORY").map(|(_, story)| story);
    let told: Vec<String> = stories
        .iter()
        .filter(|path| only.as_ref().is_none_or(|only| path.to_string_lossy().contains(only.as_str())))
        .filter_map(|path| tell(path).err())
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

fn tell(path: &Path) -> Result<(), String> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let story: Story =
        toml::from_str(&std::fs::read_to_string(path).unwrap()).map_err(|error| format!("{name}: {error}"))?;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &story.files);
    for run in &story.run {
        write(folder.path(), &run.write);
        for file in &run.remove {
            std::fs::remove_file(folder.path().join(file)).unwrap();
        }
        let (exit, stdout, stderr) = start(run, folder.path());
        let same = |expected: &Option<String>, seen: &str| expected.as_ref().is_none_or(|text| matches(text, seen));
        if exit != run.exit || !same(&run.stdout, &stdout) || !same(&run.stderr, &stderr) {
            return Err(format!(
                "{name}: `{}` was not told as written. Seen:\n\nexit = {exit}\nstdout = '''\n{stdout}'''\nstderr = '''\n{stderr}'''\n",
                run.command
            ));
        }
    }
    Ok(())
}

/// A folder whose one system takes a minute to read, with one good snapshot before.
fn slow_estate() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let system = |program: &str| {
        format!(
            "[[system]]\nname = \"shop\"\nconnector = \"exec\"\ncommand = [\"sh\", \"-c\", {program:?}]\nyields = [\"accounts\"]\n"
        )
    };
    let good = r#"echo '{"record":"account","id":"1"}'; echo '{"end":true}'"#;
    std::fs::write(folder.path().join("muster.toml"), system(good)).unwrap();
    let first = muster(folder.path()).arg("collect").output().unwrap();
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let slow = r#"echo '{"record":"account","id":"1"}'; touch started; sleep 60"#;
    std::fs::write(folder.path().join("muster.toml"), system(slow)).unwrap();
    folder
}

fn muster(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// A collection that is under way.
fn under_way(folder: &Path) -> std::process::Child {
    let child = muster(folder).arg("collect").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while !folder.join("started").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the collection did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn signal(child: &std::process::Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn snapshots(folder: &Path) -> usize {
    let listed = muster(folder).args(["snapshots", "list", "-o", "json"]).output().unwrap();
    serde_json::from_slice::<Vec<serde_json::Value>>(&listed.stdout).unwrap().len()
}

#[test]
fn a_signal_ends_a_collection_within_seconds_and_leaves_the_previous_snapshot() {
    for name in ["TERM", "INT"] {
        let folder = slow_estate();
        let child = under_way(folder.path());
        let began = Instant::now();
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(output.status.code(), Some(130));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.ends_with("interrupted; nothing was committed, the previous snapshot is as it was\n"),
            "{stderr}"
        );
        assert!(output.stdout.is_empty());
        assert_eq!(snapshots(folder.path()), 1);
        assert_eq!(muster(folder.path()).args(["snapshots", "verify"]).output().unwrap().status.code(), Some(0));
    }
}

#[test]
fn a_second_collection_is_told_who_writes_and_a_killed_one_leaves_no_lock() {
    let folder = slow_estate();
    let mut first = under_way(folder.path());
    let second = muster(folder.path()).arg("collect").output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&second.stderr);
    assert!(
        stderr.contains("SNP001") && stderr.contains(&format!("process {}", first.id())) && stderr.contains("--wait"),
        "{stderr}"
    );
    // Reading needs no lock.
    assert_eq!(snapshots(folder.path()), 1);
    // One that waits gets its turn as soon as the first one is gone, however it went.
    let waiting =
        muster(folder.path()).args(["collect", "--wait", "--system", "shop"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    std::fs::remove_file(folder.path().join("started")).unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    let began = Instant::now();
    while !folder.path().join("started").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the waiting one did not get the lock");
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(&waiting, "TERM");
    assert_eq!(waiting.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(muster(folder.path()).args(["snapshots", "verify"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = muster(Path::new("/"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let page = |words: &[&str]| String::from_utf8(muster(Path::new("/")).args(words).output().unwrap().stdout).unwrap();
    let help = page(&["--help"]);
    for command in ["collect", "doctor", "query", "snapshots", "explain"] {
        assert!(
            help.contains(command)
                && page(&["completions", "bash"]).contains(command)
                && page(&["man"]).contains(command)
        );
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(muster(folder.path()).args(["man", "--folder", "."]).status().unwrap().success());
    assert!(folder.path().join("muster-collect.1").exists());
}

#[test]
fn a_full_disk_commits_nothing_and_says_so() {
    // A limit on the size of files is what a test can set without being root; the message is that of a full disk.
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::new();
    for n in 0..200_000_u32 {
        writeln!(rows, "{n},user-{:x}", n.wrapping_mul(2_654_435_761)).unwrap();
    }
    std::fs::write(folder.path().join("crm.csv"), format!("id,login\n{rows}")).unwrap();
    std::fs::write(
        folder.path().join("muster.toml"),
        "[[system]]\nname = \"crm\"\nconnector = \"csv\"\nfile = \"crm.csv\"\nyields = \"accounts\"\n",
    )
    .unwrap();
    let limited = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" collect", env!("CARGO_BIN_EXE_muster")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("SNP003") && stderr.contains("free space") && stderr.contains("nothing was committed"),
        "{stderr}"
    );
    assert_eq!(snapshots(folder.path()), 0);
    assert_eq!(muster(folder.path()).arg("collect").output().unwrap().status.code(), Some(0));
}

fn write(folder: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn start(run: &Run, folder: &Path) -> (i32, String, String) {
    let words = words(&run.command);
    assert_eq!(words[0], "muster", "a story is about muster");
    let mut child = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(&words[1..])
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(&run.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(run.stdin.as_deref().unwrap_or_default().as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder.display().to_string(), "[folder]");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

fn matches(expected: &str, seen: &str) -> bool {
    let (expected, seen): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), seen.lines().collect());
    lines_match(&expected, &seen)
}

fn lines_match(expected: &[&str], seen: &[&str]) -> bool {
    match expected.split_first() {
        None => seen.is_empty(),
        Some((&"...", rest)) => (0..=seen.len()).any(|skipped| lines_match(rest, &seen[skipped..])),
        Some((line, rest)) => {
            seen.split_first().is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others))
        }
    }
}

fn line_matches(expected: &str, seen: &str) -> bool {
    let Some((start, rest)) = expected.split_once("[..]") else { return expected == seen };
    let Some(seen) = seen.strip_prefix(start) else { return false };
    (0..=seen.len()).filter(|at| seen.is_char_boundary(*at)).any(|at| line_matches(rest, &seen[at..]))
}
