//! The documents tell the truth: every command block of the README is run, every config in it is loaded, every link leads
//! somewhere.
//!
//! A `console` block is what a terminal shows: lines that start with `$ ` are run, the lines below are what they print on both
//! streams. `…` alone on a line stands for any lines, and within a line for any text.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// A fenced block.
struct Block {
    language: String,
    text: String,
}

/// A command and what the README says it prints.
struct Run {
    command: String,
    prints: Vec<String>,
}

#[test]
fn every_command_of_the_readme_prints_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    copy(&repository().join("examples"), &folder.path().join("examples"));
    let mut wrong = String::new();
    let blocks: Vec<_> = blocks(&read("README.md")).into_iter().filter(|block| block.language == "console").collect();
    assert!(blocks.len() > 3, "the README shows commands");
    for block in blocks {
        // Every block starts beside README.md.
        let mut here = folder.path().to_owned();
        for run in runs(&block) {
            if let Some(entered) = run.command.strip_prefix("cd ") {
                here = folder.path().join(entered);
                continue;
            }
            if run.command == "./test" {
                // It runs this very test.
                assert!(repository().join("test").exists());
                continue;
            }
            let seen = start(&run.command, &here);
            if !matches(&run.prints, &seen.lines().map(str::trim_end).collect::<Vec<_>>()) {
                write!(wrong, "\n`{}` is not as the README shows it. It prints:\n\n{seen}", run.command).unwrap();
            }
            if run.command.starts_with("muster init ") {
                // What the reader does next: name systems. Here it is those of the example, so that they can be read.
                let target = here.join(run.command.trim_start_matches("muster init "));
                std::fs::remove_dir_all(&target).unwrap();
                copy(&repository().join("examples/acme"), &target);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_config_of_the_documents_is_right() {
    let folder = tempfile::tempdir().unwrap();
    for document in ["README.md", "docs/formats/exec.md", "docs/exports.md"] {
        let configs: Vec<_> = blocks(&read(document)).into_iter().filter(|block| block.language == "toml").collect();
        assert!(!configs.is_empty(), "{document} shows a config");
        for config in configs {
            std::fs::write(folder.path().join("muster.toml"), &config.text).unwrap();
            let seen = start("muster config check", folder.path());
            assert!(seen.starts_with("muster: exit 0:"), "{document}: {seen}\n{}", config.text);
        }
    }
}

#[test]
fn the_readme_names_every_exit_code() {
    let text = read("README.md");
    for code in [0, 1, 2, 3, 130] {
        assert!(text.contains(&format!("| {code} |")), "the README does not explain exit code {code}");
    }
}

/// `MUSTER_WRITE_EXPECTED=1` writes the table anew; what changed in it is read before it is committed.
#[test]
fn the_table_of_supported_systems_is_what_muster_says_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    let output = command.args(["connectors", "list", "-o", "markdown"]).current_dir(folder.path()).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let text = read("README.md");
    let begin = text.find("| connector | collected by |").expect("the README has the table");
    let end = begin + text[begin..].find("\n\n").unwrap() + 1;
    if std::env::vars().any(|(name, _)| name == "MUSTER_WRITE_EXPECTED") {
        let written = format!("{}{table}{}", &text[..begin], &text[end..]);
        std::fs::write(repository().join("README.md"), written).unwrap();
    } else {
        assert!(
            text[begin..end] == table,
            "the README's table is not current: run this test with MUSTER_WRITE_EXPECTED=1"
        );
    }
}

/// `MUSTER_WRITE_EXPECTED=1` writes the page anew below its introduction; what changed in it is read before it is committed.
#[test]
fn the_page_of_exports_is_what_muster_says_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        let output = command.args(["connectors", "show", name]).current_dir(folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let mut list = Command::new(env!("CARGO_BIN_EXE_muster"));
    let output = list.args(["connectors", "list", "-o", "json"]).current_dir(folder.path()).output().unwrap();
    let all: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let named = |source: &str| -> Vec<String> {
        let of_source = all.iter().filter(|one| one["source"] == source);
        of_source.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut page = String::new();
    for name in named("catalogue") {
        let text = shown(&name);
        let (_, files) = text.split_once("\n## Without a token\n\n").unwrap_or_else(|| panic!("{name}: {text}"));
        if let Some(instead) = files.trim_end().strip_prefix("export files: none. ") {
            writeln!(page, "- `{name}`: {instead}").unwrap();
        } else {
            let known = named("export");
            let of_system: Vec<&String> =
                known.iter().filter(|export| export.starts_with(&format!("{name}/"))).collect();
            assert!(!of_system.is_empty() && of_system.iter().all(|export| files.contains(export.as_str())), "{files}");
        }
    }
    for name in named("export") {
        write!(page, "\n#{}", shown(&name)).unwrap();
    }
    let text = read("docs/exports.md");
    let end = text.find("-->\n").expect("the page says where its introduction ends") + 4;
    if std::env::vars().any(|(name, _)| name == "MUSTER_WRITE_EXPECTED") {
        std::fs::write(repository().join("docs/exports.md"), format!("{}\n{page}", &text[..end])).unwrap();
    } else {
        assert!(
            text[end..] == format!("\n{page}"),
            "docs/exports.md is not current: run this test with MUSTER_WRITE_EXPECTED=1"
        );
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut dead = String::new();
    let documents = documents(repository());
    assert!(documents.len() > 5, "found {documents:?}");
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        for event in Parser::new(&text) {
            let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else { continue };
            let (file, _) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
            if !file.contains(':') && !document.parent().unwrap().join(file).exists() {
                writeln!(dead, "{}: {dest_url}", document.display()).unwrap();
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{dead}");
}

#[test]
fn continuous_integration_runs_the_test_command_of_the_readme() {
    let readme = read("README.md");
    assert!(readme.contains("$ ./test\n"));
    assert!(read(".ci/run").lines().any(|line| line == "exec ./test </dev/null"));
    // What it installs in Python is what the tests ask for.
    assert!(read("test").contains("REQUIREMENTS=testbeds/requirements.txt"));
    assert!(muster_testbeds::python::INSTALL.contains("-r testbeds/requirements.txt"));
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                open = Some(Block { language: language.into_string(), text: String::new() });
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text += &text;
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

fn runs(block: &Block) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            runs.push(Run { command: command.to_owned(), prints: Vec::new() });
        } else {
            runs.last_mut().expect("a block starts with a command").prints.push(line.to_owned());
        }
    }
    runs
}

/// What a terminal would show, both streams in the order they were written.
fn start(command: &str, folder: &Path) -> String {
    let words = words(command);
    let arguments = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["muster", ..] => &words[1..],
        ["cargo", "run", "--locked", "--", ..] => &words[4..],
        _ => panic!("a command that nobody knows: `{command}`"),
    };
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.args(arguments).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        // The command holds the writing end: it is dropped here, so that reading ends with the child.
        command.spawn().unwrap()
    };
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    child.wait().unwrap();
    seen
}

fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words
}

fn matches(shown: &[String], seen: &[&str]) -> bool {
    match shown.split_first() {
        None => seen.is_empty(),
        Some((line, rest)) if line == "…" => (0..=seen.len()).any(|skipped| matches(rest, &seen[skipped..])),
        Some((line, rest)) => {
            seen.split_first().is_some_and(|(first, others)| line_matches(line, first) && matches(rest, others))
        }
    }
}

fn line_matches(shown: &str, seen: &str) -> bool {
    let Some((start, end)) = shown.split_once('…') else { return shown == seen };
    seen.strip_prefix(start).is_some_and(|rest| rest.ends_with(end))
}

/// Every Markdown file that people read; not what tests compare with.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "golden", "fixtures"].contains(&name.as_str()) {
                found.extend(documents(&path));
            }
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == ".muster" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}
