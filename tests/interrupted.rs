//! A scan that does not end: killed at any instant, asked to stop, met by a second one, out of disk. The previous snapshot
//! stays, and the store stays sound.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use muster_cmd::{Folder, Ran};
use muster_testbeds::bulk::Bulk;
use muster_testbeds::estate::rng::Rng;

/// Instants at which a scan is killed.
const KILLS: u64 = 50;

/// Small enough for fifty scans without optimisation; the kills are spread over the whole of a scan, however long it takes.
const KILLED_ACCOUNTS: u64 = 1_500;

/// Large enough that a signal or a second scan meets the first one at work.
const ACCOUNTS: u64 = 5_000;

/// An estate that takes a while to scan.
fn bulk(accounts: u64, systems: u64) -> Folder {
    let folder = Folder::empty();
    let sizes = Bulk { seed: 7, people: accounts / 5, accounts, grants: accounts, memberships: accounts / 2, systems };
    sizes.write(folder.path()).unwrap();
    folder
}

/// A night later: one person more, so that there is something to write.
fn change(folder: &Folder, night: u64) {
    let mut people = folder.read("people.csv");
    people.push_str(&format!("N{night:05},Nia Night,nia.{night}@acme.example,active,employee,2020-01-01,,,Legal\n"));
    folder.write("people.csv", people);
}

fn start(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = folder.muster();
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

fn send(child: &Child, signal: &str) {
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
}

#[test]
fn killed_at_fifty_instants_the_store_is_sound_and_the_previous_snapshot_opens() {
    let folder = bulk(KILLED_ACCOUNTS, 1);
    let began = Instant::now();
    let first = folder.run(&["scan", "--quiet", "-o", "json=first.json"]);
    assert!(matches!(first.code, Some(0 | 1)), "{}", first.stderr);
    let full = began.elapsed();
    let count = "select count(*) as n from accounts";
    let rows = folder.query(count);
    let mut rng = Rng::of("killed at fifty instants");
    let mut committed = 1;
    let mut interrupted = 0;
    for kill in 0..KILLS {
        change(&folder, kill);
        // Spread over the whole scan, a random instant within each fiftieth.
        let percent = kill * 100 / KILLS + rng.below(100 / KILLS);
        let child = start(&folder, &["scan", "--quiet", "-o", "json=killed.json"]);
        std::thread::sleep(full * u32::try_from(percent).unwrap() / 100);
        send(&child, "-KILL");
        interrupted += u64::from(end(child).code.is_none());
        let verified = folder.run(&["snapshots", "verify"]);
        assert_eq!(verified.code, Some(0), "killed at {percent} %: {}", verified.stderr);
        // A scan that was killed behind its commit has its snapshot; nothing is ever lost.
        let now = folder.snapshots().len();
        assert!(now == committed || now == committed + 1, "killed at {percent} %: {committed}, then {now} snapshots");
        committed = now;
        assert_eq!(folder.query(count), rows, "killed at {percent} %");
    }
    assert!(interrupted > KILLS / 2, "only {interrupted} scans were killed before their end");
    // The next scan is an ordinary one, and cleans up.
    let last = folder.run(&["scan", "--quiet", "-o", "json=last.json"]);
    assert!(matches!(last.code, Some(0 | 1)), "{}", last.stderr);
    folder.assert_sound(committed + 1);
    let staging = std::fs::read_dir(folder.path().join(".muster/staging")).unwrap().count();
    assert_eq!(staging, 0, "what the killed scans left behind");
}

#[test]
fn sigterm_ends_a_scan_within_seconds_and_commits_nothing() {
    let folder = bulk(ACCOUNTS, 3);
    let first = folder.run(&["scan", "--quiet", "-o", "json=first.json"]);
    assert!(matches!(first.code, Some(0 | 1)), "{}", first.stderr);
    // One more system that takes a minute, so that the signal meets a collection that is under way.
    let slow = r#"
[[system]]
name = "slow"
connector = "exec"
command = ["sh", "-c", "echo '{\"record\":\"account\",\"id\":\"1\"}'; touch started; sleep 60"]
yields = ["accounts"]
"#;
    folder.write("muster.toml", folder.read("muster.toml") + slow);
    let child = start(&folder, &["scan", "--quiet", "-o", "json=second.json"]);
    let began = Instant::now();
    while !folder.path().join("started").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the scan did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    let asked = Instant::now();
    send(&child, "-TERM");
    let ran = end(child);
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
    ran.assert_code(130);
    ran.assert_says(&["interrupted; nothing was committed"]);
    folder.assert_sound(1);
    assert!(!folder.path().join("second.json").exists(), "no report of half a scan");
}

/// A live system that is read at once and counts how often, beside one that hangs until `go` is there.
const LIVE: &str = r#"
[[system]]
name = "fast"
connector = "exec"
command = ["sh", "-c", "echo read >> reads; printf '%s\\n' '{\"record\":\"account\",\"id\":\"1\",\"login\":\"ada\"}' '{\"end\":true}'"]
yields = ["accounts"]

[[system]]
name = "slow"
connector = "exec"
command = ["sh", "-c", "test -e go || sleep 60; printf '%s\\n' '{\"record\":\"account\",\"id\":\"2\",\"login\":\"bob\"}' '{\"end\":true}'"]
yields = ["accounts"]
"#;

/// Starts a collection at `now`, sends SIGTERM as soon as the log says `event` of `system`, and returns what was said after.
fn interrupt_when(folder: &Folder, event: &str, system: &str, now: &str) -> String {
    let mut child = start(folder, &["collect", "-v", "--log", "json", "--now", now]);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let (event, system) = (format!("\"message\":\"{event}\""), format!("\"system\":\"{system}\""));
    while !(line.contains(&event) && line.contains(&system)) {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended before the signal");
    }
    send(&child, "-TERM");
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    rest
}

#[test]
fn what_an_interrupted_scan_had_read_completely_is_not_read_again() {
    let folder = Folder::empty();
    folder.write("people.csv", "Employee ID,Name,Status,Start\nE1,Ada,active,2020-01-01\n");
    folder.write("muster.toml", format!("[[system]]\nname = \"hr\"\nconnector = \"csv\"\nfile = \"people.csv\"\nyields = \"people\"\ncollected = \"2026-11-20T00:00:00Z\"\n{LIVE}"));
    let reads = || folder.read("reads").lines().count();
    let said = interrupt_when(&folder, "read", "fast", "2026-11-20T08:00:00Z");
    assert!(
        said.contains("not read again by the next run: fast\n"),
        "files are read again, `slow` was not read: {said}"
    );
    assert_eq!((reads(), folder.snapshots().len()), (1, 0));
    // Interrupted once more: what the first run had read stays, as old as it is.
    let said = interrupt_when(&folder, "reading", "slow", "2026-11-20T09:00:00Z");
    assert!(said.contains("not read again by the next run: fast\n"), "{said}");

    folder.write("go", "");
    let next = folder.run(&["collect", "--now", "2026-11-20T10:00:00Z"]);
    next.assert_code(0);
    next.assert_says(&["COL008", "`fast` was read by an interrupted run at 2026-11-20T08:00:00Z", "--fresh"]);
    assert_eq!(reads(), 1);
    let rows = folder.query("select login, collected from accounts order by login");
    let collected: Vec<&str> = rows.iter().map(|row| row["collected"].as_str().unwrap()).collect();
    assert!(collected[0].starts_with("2026-11-20T08") && collected[1].starts_with("2026-11-20T10"), "{collected:?}");
    folder.assert_sound(1);
    // It was good for one run.
    folder.run(&["collect", "--now", "2026-11-20T11:00:00Z"]).assert_code(0);
    assert_eq!(reads(), 2);
}

#[test]
fn what_was_read_is_read_again_when_it_is_asked_for_is_old_or_lost_or_the_config_changed() {
    let at = "2026-11-20T08:00:00Z";
    let cases: [(&str, &[&str], &dyn Fn(&Folder)); 5] = [
        ("asked for", &["collect", "--fresh", "--now", at], &|_| {}),
        ("accepted", &["collect", "--accept", "fast", "--now", at], &|_| {}),
        ("old", &["collect", "--now", "2026-11-20T14:00:01Z"], &|_| {}),
        ("from the future", &["collect", "--now", "2026-11-20T07:59:59Z"], &|_| {}),
        ("other config", &["collect", "--now", at], &|folder| {
            folder.write("muster.toml", folder.read("muster.toml") + "\n[gate]\nshrink_percent = 11\n");
        }),
    ];
    for (case, arguments, change) in cases {
        let folder = Folder::empty();
        folder.write("muster.toml", LIVE);
        interrupt_when(&folder, "read", "fast", at);
        folder.write("go", "");
        change(&folder);
        let next = folder.run(arguments);
        assert_eq!(next.code, Some(0), "{case}: {}", next.stderr);
        assert_eq!(folder.read("reads").lines().count(), 2, "{case}: {}", next.stderr);
        assert!(!folder.path().join(".muster/resume.json").exists(), "{case}");
    }
    let folder = Folder::empty();
    folder.write("muster.toml", LIVE);
    interrupt_when(&folder, "read", "fast", at);
    folder.write("go", "");
    std::fs::remove_dir_all(folder.path().join(".muster/objects")).unwrap();
    folder.run(&["collect", "--now", at]).assert_code(0);
    assert_eq!(folder.read("reads").lines().count(), 2, "its objects were lost");
    folder.assert_sound(1);
}

#[test]
fn sigterm_behind_the_commit_ends_the_scan_at_once_and_keeps_the_snapshot_and_the_last_report() {
    let folder = bulk(ACCOUNTS, 3);
    folder.write("report.json", "yesterday's");
    let child = start(&folder, &["scan", "--quiet", "-o", "json=report.json"]);
    let began = Instant::now();
    let is_committed = || {
        let manifests = std::fs::read_dir(folder.path().join(".muster/snapshots"));
        manifests.is_ok_and(|mut manifests| manifests.next().is_some())
    };
    while !is_committed() {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing was committed");
        std::thread::sleep(Duration::from_millis(2));
    }
    send(&child, "-TERM");
    let ran = end(child);
    ran.assert_code(130);
    ran.assert_says(&["snapshot 1 is committed, but not reported on: `muster check` does that"]);
    folder.assert_sound(1);
    assert_eq!(folder.read("report.json"), "yesterday's", "a report is whole or not written");
    let checked = folder.run(&["check", "--quiet", "-o", "json=report.json"]);
    assert!(matches!(checked.code, Some(0 | 1)), "{}", checked.stderr);
}

#[test]
fn of_two_scans_the_second_names_the_first_or_waits_for_it() {
    let folder = bulk(ACCOUNTS, 3);
    let first = start(&folder, &["scan", "--quiet", "-o", "json=first.json"]);
    let lock = folder.path().join(".muster/LOCK");
    let began = Instant::now();
    while std::fs::read_to_string(&lock).map_or(true, |text| text.trim().is_empty()) {
        assert!(began.elapsed() < Duration::from_secs(30), "the first scan took no lock");
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = folder.run(&["scan", "-o", "json=second.json"]);
    second.assert_code(2);
    second.assert_says(&["SNP001", &format!("process {}", first.id()), "--wait"]);
    let third = folder.run(&["scan", "--wait", "--quiet", "-o", "json=third.json"]);
    assert!(matches!(third.code, Some(0 | 1)), "{}", third.stderr);
    assert!(matches!(end(first).code, Some(0 | 1)));
    folder.assert_sound(2);
}

#[test]
fn a_full_disk_keeps_the_previous_snapshot_and_says_what_to_do() {
    let folder = bulk(ACCOUNTS, 3);
    let disk = SmallDisk::mount();
    let store = disk.0.path().join("store");
    let store = store.to_str().unwrap();
    // The first snapshot fits: one small system.
    let first = folder.run(&["collect", "--quiet", "--store", store, "--system", "hr"]);
    assert!(matches!(first.code, Some(0)), "{}", first.stderr);
    let filler = disk.fill();
    let second = folder.run(&["scan", "--store", store, "-o", "json=full.json"]);
    second.assert_code(2);
    second.assert_says(&["SNP003", "No space left on device", "free space", "nothing was committed"]);
    let verified = folder.run(&["snapshots", "verify", "--store", store]);
    verified.assert_code(0);
    let rows = folder.run(&["query", "select count(*) as n from persons", "--store", store, "-o", "json"]);
    assert!(rows.stdout.contains("1000"), "{rows:?}");
    // With room again, the same command works: nothing has to be repaired by hand.
    std::fs::remove_file(filler).unwrap();
    let third = folder.run(&["scan", "--store", store, "--quiet", "-o", "json=room.json"]);
    assert!(matches!(third.code, Some(0 | 1)), "{}", third.stderr);
}

/// A file system of ten megabytes. Mounting needs root, as the other test beds do.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let disk = Self(tempfile::Builder::new().prefix("muster-disk-").tempdir().unwrap());
        disk.call("mount", &["-t", "tmpfs", "-o", "size=10m", "tmpfs"]);
        disk
    }

    /// Fills it with a file, but for a few blocks.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.0.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut size = 0;
        while let Ok(written @ 1..) = file.write(&[0; 4096]) {
            size += written as u64;
        }
        file.set_len(size - 5 * 4096).unwrap();
        path
    }

    fn call(&self, program: &str, arguments: &[&str]) {
        let output = std::process::Command::new(program).args(arguments).arg(self.0.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} needs root and a kernel that allows it: {said}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}
