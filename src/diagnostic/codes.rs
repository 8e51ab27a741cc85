//! Every diagnostic code with its page for `muster explain CODE`, sorted by code. One entry here registers one.

/// A code's manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// What it means, what follows from it and what to do.
    pub text: &'static str,
}

/// The manual of `code`, in any letter case.
pub fn manual(code: &str) -> Option<&'static Code> {
    let code = code.to_ascii_uppercase();
    CODES.binary_search_by_key(&code.as_str(), |entry| entry.code).ok().map(|index| &CODES[index])
}

const fn code(code: &'static str, title: &'static str, text: &'static str) -> Code {
    Code { code, title, text }
}

/// Every code.
pub const CODES: &[Code] = &[
    code(
        "CFG001",
        "the config cannot be read",
        "Muster looks for the file given with --config, then for the one named by MUSTER_CONFIG, then for `muster.toml` in the \
         current folder. `muster init` writes one to start from.",
    ),
    code(
        "CFG002",
        "the text is not TOML",
        "The line and column shown are where the reader gave up; the mistake is there or just before.",
    ),
    code(
        "CFG003",
        "unknown key",
        "Keys are never ignored: a mistyped `canaries` that is silently dropped would switch a safeguard off. \
         `muster connectors show NAME` lists the keys of a connector, `muster config schema` all of them for your editor.",
    ),
    code(
        "CFG004",
        "a value is missing or of the wrong kind",
        "The message names the key and what was expected. `muster config schema` prints the published schema.",
    ),
    code(
        "CFG005",
        "two systems have one name",
        "A system's name is its id: snapshots, drift and exceptions refer to it. Give the second one another name.",
    ),
    code("CFG006", "unknown connector", "`muster connectors list` shows every connector of this build."),
    code(
        "CFG007",
        "a connector refuses its settings",
        "The connector read its keys of the `[[system]]` table and cannot work with one of them. `muster connectors show NAME` is its manual.",
    ),
    code(
        "CFG008",
        "a value cannot be used",
        "The value has the right type and no usable meaning: an unknown time zone, a percentage above its range, a duration of zero.",
    ),
    code(
        "CFG009",
        "a rule is switched off without a reason",
        "A rule that does not run is reported like a finding; whoever reads the report must see why. Write `reason = \"…\"` beside `enabled = false`.",
    ),
    code(
        "CFG010",
        "a policy file cannot be used",
        "The policy folder holds what people decided: pins and the inventory. A file that is not understood is never skipped, because decisions would be lost.",
    ),
    code(
        "CFG011",
        "a file in the policy folder is not read",
        "Muster reads the files it knows by name. The others are left alone; if one of them was meant, it is spelled differently.",
    ),
    code(
        "CFG012",
        "a policy names an unknown system",
        "The system is not in muster.toml. It may have been renamed: pins follow the name.",
    ),
    code(
        "CFG014",
        "a system has no credential",
        "The secret named by `credential` could not be fetched. The system counts as failed, its former rows are kept and marked as \
         stale, the other systems are collected, and the exit code is 3.",
    ),
    code("CFG015", "unknown system", "A flag names a system that muster.toml does not have."),
    code(
        "CFG016",
        "no system is configured",
        "Without a `[[system]]` there is nothing to collect. An empty snapshot would look like everybody left.",
    ),
    code(
        "CFG017",
        "the file exists already",
        "`muster init` never overwrites. Move the file away or choose another folder.",
    ),
    code("CLI001", "the arguments do not go together", "See `muster help COMMAND`."),
    code(
        "CLI002",
        "output cannot be written",
        "The file or stream given for output refused the bytes; the work itself was done.",
    ),
    code(
        "COL001",
        "a system could not be read",
        "The connector gave up on the system as a whole. Every scope it did not finish is failed; former rows are kept and marked as stale.",
    ),
    code(
        "COL002",
        "a connector stopped with an internal error",
        "This is a bug in the connector. It cost this system only; its scopes are failed, the other systems were collected. Please report it with the message shown.",
    ),
    code(
        "COL003",
        "a deadline passed",
        "A system has `deadline`, a run has `[muster] deadline`. What was finished counts, every other scope is failed. Raise the deadline or `concurrency`, or split the system.",
    ),
    code(
        "COL005",
        "a scope is not there any more",
        "The system was read, but a scope that an earlier snapshot has (an AWS account, a naming context, a file) was not offered. That may be real, or a \
         permission that was lost: the scope counts as failed and keeps its former rows as stale. `--accept SYSTEM` lets it go.",
    ),
    code(
        "COL006",
        "a system reported no scope",
        "The connector ended without an error and without saying what it covered. Nothing is concluded from that; the system counts as failed.",
    ),
    code(
        "COL007",
        "a system left the config",
        "Its rows are in the last snapshot and not in the new one, because muster.toml does not name it any more. A renamed system starts a new history.",
    ),
    code(
        "COL020",
        "fewer records than the system declares",
        "The system said how many there are, and fewer arrived. The kind is partial: nothing is concluded from a record that is missing.",
    ),
    code(
        "COL021",
        "further gaps are not listed",
        "One kind had more gaps than are kept word for word. Their number is; fix the listed ones first, they usually have one cause.",
    ),
    code(
        "COL022",
        "a scope was not read to its end",
        "The connector stopped in the middle of a scope. The scope is failed; see the error of its system.",
    ),
    code(
        "COL024",
        "a scope was not named while its system was not fully read",
        "Nobody knows whether the scope still exists: it counts as failed and keeps its former rows as stale.",
    ),
    code(
        "GAT001",
        "a scope that had rows is empty",
        "The answer was successful and empty, and earlier it was not. Lost permissions, a moved search base and a truncated file all look like this, so the scope is \
         *suspect*: its rows are kept beside the former ones, nothing that rests on absence is concluded, the exit code is 3. Set `empty_is_normal` where empty is normal.",
    ),
    code(
        "GAT002",
        "a scope shrank too much",
        "It lost more of its rows since the last believable collection than `[gate] shrink_percent` allows. Changes of fewer than `[gate] min_change` rows are never \
         judged by percentage. If the loss is real, collect once with `--accept SYSTEM`; the new number is then the measure.",
    ),
    code(
        "GAT003",
        "a scope grew too much",
        "It has more rows than `[gate] grow_percent` allows since the last believable collection: a duplicated feed, or a search base that became too wide. `--accept SYSTEM` once if it is real.",
    ),
    code(
        "GAT004",
        "a canary is missing",
        "`canaries` names objects that must be seen whenever the system is read. One was not, so the reading is not believed: the credential may see only a part. \
         Canaries are compared with id, sign-in name, native name (DN, ARN), name, e-mail and employee id, ignoring letter case.",
    ),
    code(
        "GAT005",
        "a file changed its shape",
        "The header or encoding of the file differs from the last collection. Columns that moved or changed their meaning would be read as changes of people.",
    ),
    code(
        "GAT006",
        "a file is too old",
        "Its declared instant of collection is older than `max_age` (HR: `[gate] max_age_hours`). Leavers since then are not in it.",
    ),
    code(
        "GAT007",
        "many people end at the same instant",
        "More persons than `[gate] mass_leave` (or `mass_leave_percent`) were ended by HR records written in the same second. Real layoffs are rarely keyed in that way; failed imports are. \
         If it is real, collect once with `--accept SYSTEM`.",
    ),
    code(
        "GAT008",
        "a first answer is empty",
        "The scope was read for the first time, successfully, and has no rows. A credential without permissions sees exactly that. Set `empty_is_normal` where empty is normal.",
    ),
    code(
        "QRY001",
        "the query failed",
        "The SQL could not be parsed or names a table or column that does not exist. `muster query --tables` lists them; docs/tables.md explains them.",
    ),
    code(
        "QRY002",
        "there is no query",
        "Give SQL as an argument, with --file, by the name of a saved query, or on standard input.",
    ),
    code(
        "SNP001",
        "another muster is writing",
        "One writer at a time holds `.muster/LOCK`. `--wait` waits for it. The lock ends with its process: a killed scan leaves none behind.",
    ),
    code(
        "SNP002",
        "the store cannot be used",
        "The folder or one of its files could not be opened or written. Readers never change it; a scan that fails leaves the last snapshot as it was.",
    ),
    code(
        "SNP003",
        "the store's disk is full",
        "The scan was dropped and the last snapshot is intact. Free space, or let `muster snapshots prune` retire old snapshots.",
    ),
    code(
        "SNP004",
        "there is no such snapshot",
        "A snapshot is named by its number, its hash or a unique start of it, `latest` or `previous`. `muster snapshots list` shows them.",
    ),
    code(
        "SNP005",
        "the store is damaged",
        "A file does not have the content its name promises. Restore it from a backup, or collect again: the next snapshot is whole, and the chain shows where it broke.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_found_in_any_case() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
        assert_eq!(manual("cfg014").unwrap().code, "CFG014");
        assert_eq!(manual("CFG999"), None);
    }
}
