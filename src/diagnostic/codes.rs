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
        "AWS000",
        "stopped",
        "The run was cancelled or its deadline passed before AWS answered. What was not read is failed; collect again.",
    ),
    code(
        "AWS001",
        "AWS denied a call",
        "The credential lacks a permission. The message names the call; `muster connectors show aws` lists the least-privilege policy.",
    ),
    code(
        "AWS002",
        "AWS does not accept the credential",
        "It is wrong, expired or deactivated. Renew it, and check the clock of this machine: signatures are valid for minutes.",
    ),
    code(
        "AWS003",
        "AWS throttled the calls",
        "The limit of calls was used up in spite of waiting. Lower `concurrency` of the system, or collect at a quieter hour.",
    ),
    code(
        "AWS004",
        "AWS refused a call",
        "Something the config names does not exist, or AWS does not accept the request. The message quotes its answer.",
    ),
    code(
        "AWS005",
        "an answer of AWS cannot be read",
        "The endpoint answered with something that is not what the service sends: a proxy or sign-in page stands before it, or an emulator differs.",
    ),
    code("AWS006", "AWS cannot be reached", "Check network, proxy, region and endpoint, then collect again."),
    code(
        "AWS010",
        "an account was not read",
        "The role could not be assumed in it. Its scopes are failed and keep their former rows as stale; the other accounts are read.",
    ),
    code(
        "AWS011",
        "a policy document cannot be read",
        "It is kept as it is, and nothing that rests on it is concluded.",
    ),
    code(
        "AWS012",
        "a file of AWS cannot be used",
        "An export is unreadable, empty, or not what its name promises. Export it again with the AWS CLI.",
    ),
    code(
        "AWS013",
        "an export is not whole",
        "Something refers to an object that is not in the export: a page is missing, or the files are of different days.",
    ),
    code(
        "AWS014",
        "an account has no folder",
        "The organisation lists an account of which there is no export. It is failed, not empty.",
    ),
    code(
        "AWS015",
        "Identity Center was not found",
        "Accounts have roles that Identity Center made, and no instance was found: name its region, or give the credential the right to list instances.",
    ),
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
        "CFG013",
        "a feed is named that yields no people",
        "`[people]` says which HR feed is believed first. A name that is no HR system of muster.toml would never count.",
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
    code(
        "CFG018",
        "a policy file was changed meanwhile",
        "Between reading the policy folder and writing a decision into it, somebody else wrote the file. Nothing was written: look at \
         the change, then run the command again.",
    ),
    code(
        "CFG019",
        "a decision about persons names a record that no feed has",
        "policy/persons.toml says of a record that it is the same human as another one, or is not, and no feed has it today. The key may \
         be mistyped, or HR may have removed the record; until it is there the decision has no effect.",
    ),
    code(
        "CFG020",
        "something declared is not compared",
        "A file that policy/declared.toml names holds objects that muster does not lay beside the system: other kinds than service accounts, \
         roles and bindings, names that the server makes, or what lies outside the `scope`. The rest of the file counts.",
    ),
    code(
        "CFG030",
        "there is no such rule",
        "A `[rules.ID]` table of the config names a rule that does not exist, so what it says would never apply. `muster rules list` shows every rule.",
    ),
    code(
        "CFG031",
        "a rule has no such option",
        "Options are never ignored: a mistyped one would leave its default in force. `muster rules show ID` lists the options of a rule.",
    ),
    code("CFG032", "an option must not be negative", "Options of rules count days or objects. Write zero or more."),
    code(
        "CFG037",
        "a rule of your own cannot be used",
        "A file in `policy/rules/` is one rule: id, slug, title, severity, subject, needs, sql and the manual's five headings. The message says what is wrong.",
    ),
    code(
        "CHK001",
        "a snapshot has not been checked",
        "Findings are made by `muster check` (and by `muster scan`), with one version of the rules. Check the snapshot, then ask again.",
    ),
    code(
        "CHK002",
        "no finding, or several, have this fingerprint",
        "A finding is named by its fingerprint or a unique start of it. `muster findings list` shows them.",
    ),
    code(
        "CHK003",
        "the snapshot is incomplete",
        "What was not read has no findings, which does not mean that it has no faults. `muster snapshots show` names what is missing and why.",
    ),
    code("CLI001", "the arguments do not go together", "See `muster help COMMAND`."),
    code(
        "CLI002",
        "output cannot be written",
        "The file or stream given for output refused the bytes; the work itself was done.",
    ),
    code(
        "CLI003",
        "a collector did not take the metrics",
        "The OpenTelemetry collector could not be reached, or refused. Nothing was lost: `muster metrics` measures the same snapshot again at any time.",
    ),
    code(
        "CLI004",
        "a collector's address or headers cannot be used",
        "`--otlp` takes a URL, else OTEL_EXPORTER_OTLP_METRICS_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT; headers come from OTEL_EXPORTER_OTLP_HEADERS and are sent over TLS or to this machine only.",
    ),
    code(
        "CLI005",
        "an action is not in the reference data",
        "AWS adds actions every week, and the data in this build has a day (the last line of the answer says which). The policies are matched by the name as it is; which resources the action can be limited to is not known.",
    ),
    code(
        "CLI006",
        "a list of expected principals cannot be read",
        "`--expect` takes `none` or a text file with one ARN, id or name a line. Lines that begin with # and empty lines do not count.",
    ),
    code(
        "CLI007",
        "somebody is expected who cannot",
        "A line of the file that --expect names stands for nobody who can do what was asked. It is no surprise and changes no exit code; take the line out when it is no longer right.",
    ),
    code(
        "CLI008",
        "what a principal used was not collected",
        "A smaller policy can be suggested only where it is known what was used. AWS tells it for each user and role as service last accessed data: `last_accessed = true` collects them live, `last-accessed.json` from an export.",
    ),
    code(
        "CLI009",
        "a proposed policy cannot be used",
        "`muster policy what-if` applies policy documents from files. One that AWS would refuse, or that cannot be read to its end, would make the comparison wrong, so nothing is compared.",
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
        "COL008",
        "a system was not read again",
        "A scan that was interrupted had read it completely, with the same config and less than `resume_within` ago. Its rows are taken as they were; `--fresh` reads everything again.",
    ),
    code(
        "COL009",
        "everything was read, not only what changed",
        "The changes of a list could have been asked for, and something did not allow it: the system no longer knows the place they would go on from, what was kept is damaged \
         or was not believed, the tenant, the credential, the settings or the manifest changed. The list was read whole and is complete; it took longer.",
    ),
    code(
        "COL010",
        "what was read is not kept for the next run",
        "The folder `memory` of the store could not be written to. The snapshot is not touched by that; the next run reads more than it would have to.",
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
        "COL023",
        "records came twice with different contents",
        "The kind is partial. One of each was kept, but of people and accounts whose names, addresses or ids differ none was: a link on the wrong one would be worse than none. \
         Make the key unique in the source, or collect again if it changed while it was read.",
    ),
    code(
        "COL024",
        "a scope was not named while its system was not fully read",
        "Nobody knows whether the scope still exists: it counts as failed and keeps its former rows as stale.",
    ),
    code(
        "COL030",
        "the system does not accept the credential",
        "It is wrong, expired or revoked. Renew it and put it where `credential` in the config points.",
    ),
    code(
        "COL031",
        "the system denied a request",
        "The credential lacks a permission (HTTP 403). The message names the request; `muster connectors show NAME` lists what is needed.",
    ),
    code("COL032", "there is nothing at the address", "HTTP 404: check the URL in the config."),
    code(
        "COL033",
        "the system asks to wait too long",
        "Its rate limit is used up. Lower `concurrency` of the system, or collect at a quieter hour.",
    ),
    code(
        "COL034",
        "the server failed or refused the request",
        "The message quotes its answer. If it stays, give the vendor the request id.",
    ),
    code(
        "COL035",
        "the server did not answer",
        "Check network, proxy and the vendor's status page, then collect again.",
    ),
    code(
        "COL036",
        "the server's certificate is not trusted",
        "Set `ca_file` to the certificate of the authority that signed it. Checking cannot be switched off.",
    ),
    code(
        "COL037",
        "an answer cannot be used",
        "It is too large, or not what the API promises: a proxy or sign-in page may stand before it.",
    ),
    code(
        "COL038",
        "the system sent us to another host",
        "The credential is sent only to the host in the config. If the system moved, write its new address into the config.",
    ),
    code("COL039", "the connection cannot be set up", "A CA file, proxy or address of the settings cannot be used."),
    code(
        "COL060",
        "pages repeat",
        "The server shows the same page or cursor again. Reading stopped; the kind is partial.",
    ),
    code(
        "COL061",
        "no total is declared",
        "Without `totalResults` nobody can tell whether the list was whole. The kind is partial.",
    ),
    code(
        "COL062",
        "totals disagree",
        "The list changed while it was read, or pages of different days were mixed. The kind is partial; collect again.",
    ),
    code("COL063", "a list ended early", "Fewer resources came than the server declares. The kind is partial."),
    code(
        "COL064",
        "no group shows its members",
        "The server keeps members to itself, or they must be asked for. Memberships are failed, not empty.",
    ),
    code(
        "COL065",
        "records without an id",
        "Without an id nothing can be recognised again. They were left out and the kind is partial.",
    ),
    code("COL066", "a file of pages cannot be read", "Make the file or folder readable for the user who runs muster."),
    code(
        "COL067",
        "a file holds no page",
        "The file is no SCIM list response. Save the server's answers as they are, one a file.",
    ),
    code(
        "COL070",
        "a list has too many pages",
        "It goes on beyond the pages that its manifest allows: it is really so long (raise `max_pages` of its pager), or the system links for ever. What was read is kept, and the kind is partial.",
    ),
    code(
        "COL071",
        "a list does not lead to its end",
        "The system says that there is more and does not say where, or ends without the word that its manifest waits for. The kind is partial.",
    ),
    code(
        "COL072",
        "a list cannot be read as its manifest says",
        "An expression failed, or a call or reply has not the shape that the manifest expects. `muster connectors check` and `muster connectors test` tell more.",
    ),
    code(
        "COL073",
        "what a list is read for was not read whole",
        "A list that is read for each item of another one cannot be whole when the other is not.",
    ),
    code(
        "COL074",
        "a record could not be made",
        "A field has not the shape that a record of this kind needs, or the id is missing. The record is left out and named where its id is known; all others count.",
    ),
    code(
        "COL075",
        "what was deleted is not known",
        "Only changes were read, and the system does not tell deletions among them. What changed is known, and everything that there is is in the snapshot, perhaps with \
         objects that are deleted meanwhile: the kind is partial until `muster collect --full`, or until the manifest's `full_every` has passed.",
    ),
    code(
        "COL100",
        "a file cannot be read",
        "It is missing, unreadable or broke off while it was read. Nothing of it is used.",
    ),
    code("COL101", "a file is not the expected one", "Its SHA-256 is not the one in the config."),
    code(
        "COL102",
        "the encoding of a file is wrong",
        "Its bytes are not text in the encoding that was given or found. Set `encoding`.",
    ),
    code(
        "COL103",
        "the header of a file is wrong",
        "A column that is mapped is missing or there twice. Correct `columns`, or have the export corrected.",
    ),
    code(
        "COL104",
        "a row has another number of fields",
        "A separator or line break inside a value without quotes, or a row that was cut. The row is left out and the kind is partial.",
    ),
    code(
        "COL105",
        "a value cannot be understood",
        "A date or number in another form: set `dates`, or map words with `values`. The field counts as unreadable.",
    ),
    code(
        "COL106",
        "a value is missing",
        "A row without its key cannot be used. It is left out and the kind is partial.",
    ),
    code(
        "COL107",
        "an employment ends before it starts",
        "One of the two dates is wrong. The row is left out and the kind is partial.",
    ),
    code(
        "COL108",
        "rows contradict each other",
        "Two rows have one key and different contents, and nobody knows which is right: neither is kept, what was known before stays, and nothing is said about the person or account.",
    ),
    code("COL109", "an unknown word", "A state or type that is not mapped: add it to `values`. It counts as unknown."),
    code(
        "COL110",
        "a row cannot be decoded",
        "Its bytes are not text in the file's encoding. The row is left out and the kind is partial.",
    ),
    code(
        "COL111",
        "the columns are shifted",
        "Values stand under headings that they do not belong to. Nothing of the file is used.",
    ),
    code(
        "COL112",
        "a file is cut short",
        "It ends in the middle of a row or inside quotes. What came before is read, and the kind is partial.",
    ),
    code(
        "COL113",
        "the number of rows is wrong",
        "The file does not have the rows that the config or its trailer promises.",
    ),
    code("COL114", "day and month cannot be told apart", "`03/04/2026` is two days. Set `dates`."),
    code("COL115", "a workbook cannot be read", "It is damaged, encrypted, or has no such sheet."),
    code("COL116", "a line is not JSON", "The line is left out and the kind is partial."),
    code(
        "COL117",
        "an export leaves somebody out",
        "The vendor's file does not hold everybody, so who is not in it is not gone. Read the rest elsewhere, or say `whole = true`.",
    ),
    code("COL130", "a program cannot be started", "Check its path, its permissions and the variables it needs."),
    code(
        "COL131",
        "a line of a program was refused",
        "It is not a record as `schemas/record.schema.json` describes it. The line is left out; what it would have been is not known.",
    ),
    code("COL132", "a program ended with an error", "What it printed is read, and nothing of it counts as complete."),
    code(
        "COL133",
        "a program did not say that it came to its end",
        "Without the end line nobody can tell whether everything was printed.",
    ),
    code("COL134", "a program took too long", "It was stopped. Raise its `timeout`, or have it print less."),
    code(
        "COL135",
        "what a program prints is not what it promised",
        "A kind of record came that `yields` does not name, or one did not come. Correct `yields`, or the program.",
    ),
    code(
        "COL136",
        "a program printed its secret",
        "The line was dropped, so that the secret is not stored. Correct the program and renew the secret.",
    ),
    code(
        "COL137",
        "a program reports a gap",
        "The program itself says that it could not read something. The message is its own.",
    ),
    code(
        "COL140",
        "the directory cannot be reached",
        "The address is wrong, the port is closed, or TLS cannot be agreed on. `ca_file` names the authority to trust.",
    ),
    code("COL141", "the directory refused the bind", "Name or password is wrong, expired or locked."),
    code(
        "COL142",
        "the search base is not there",
        "Check `base`, and whether the account may see it: directories hide what may not be read.",
    ),
    code(
        "COL143",
        "a limit of the server ended a search",
        "A size or time limit cut the answer. Give the account a higher limit, or check that paging is allowed. The kinds are partial.",
    ),
    code(
        "COL144",
        "the directory refused a search",
        "The account may not read there, or the server lacks a control. The scope is failed.",
    ),
    code(
        "COL145",
        "the connection to the directory broke",
        "The server hung up or fell silent half-way. What was read is kept, and the kinds are partial.",
    ),
    code(
        "COL146",
        "the directory repeats pages",
        "The paging cookie leads in a circle. Reading stopped; the kinds are partial.",
    ),
    code(
        "COL147",
        "a long attribute was not read to its end",
        "A group with very many members came in ranges, and one was missing. Memberships are partial.",
    ),
    code(
        "COL148",
        "another server keeps a part of the base",
        "A referral was returned and not followed: add a system for that server.",
    ),
    code("COL149", "members are withheld", "The account may see a group and not who is in it."),
    code("COL150", "objects are hidden", "The account may see that something is there and not what."),
    code(
        "COL151",
        "an answer of the directory cannot be read",
        "A value is not what its syntax promises. The field counts as unreadable.",
    ),
    code("COL152", "entries do not say what they are", "They have no object class that may be read."),
    code("COL153", "entries came twice", "Objects moved while they were read, or bases overlap. One of each is kept."),
    code("COL154", "an LDIF file cannot be used", "It cannot be opened, or is in another encoding."),
    code(
        "COL155",
        "an LDIF file is cut short",
        "It ends inside an entry, or without the empty line that ends every entry. What came before is read, the last entry is left out because half of it may be missing, and the kinds are partial.",
    ),
    code(
        "COL156",
        "a line of an LDIF file cannot be read",
        "RFC 2849 does not allow it. The entry is left out and the kinds are partial.",
    ),
    code(
        "COL157",
        "an LDIF file holds changes",
        "Content is needed, not `changetype` records: export it with a search.",
    ),
    code("COL158", "fewer entries than declared", "The file or search has fewer entries than it was promised to have."),
    code(
        "COL159",
        "entries lie outside every base",
        "They are read, but no base in the config covers them: correct `base`.",
    ),
    code(
        "COL160",
        "a payload cannot be read",
        "Check its path and permissions; relative paths count from the folder of the config.",
    ),
    code(
        "COL161",
        "a file holds no payload of the Open Authorization API",
        "It is cut, packed, or of another template; or it describes several applications and `application` names none of them.",
    ),
    code(
        "COL162",
        "a payload is an update, not a state",
        "What it does not name would look as if it were gone. Have the integration write the whole state.",
    ),
    code("COL163", "an entry of a payload cannot be read", "It is left out and named; all others count."),
    code(
        "COL164",
        "a payload names something it does not describe",
        "The record that names it is left out, and the one it is about is named: correct the integration.",
    ),
    code("COL165", "two entries of a payload have one id", "They say different things, so neither is kept."),
    code("COL170", "a .c1z file cannot be read", "Check its path and permissions, and the room for temporary files."),
    code("COL171", "a file is no .c1z file that is read", "It is something else, or of Baton's newer format (C1Z3)."),
    code(
        "COL172",
        "a .c1z file holds no whole sync",
        "Only a finished sync of everything says who is not there. Have the connector run to its end, without options that limit it.",
    ),
    code("COL173", "a .c1z file is damaged", "It was cut or changed on its way. Copy it again, or collect again."),
    code("COL174", "a row of a .c1z file cannot be read", "It is left out, and the kind is partial."),
    code(
        "FND001",
        "a decision about a finding cannot be taken",
        "The day is over already, or too far away; the owner of a risk would approve it; or the finding is accepted already, or by an \
         exception that covers more than it. Nothing was written.",
    ),
    code(
        "FND002",
        "no baseline is adopted",
        "`--baseline` writes the findings of today to policy/baseline.toml, once, and only of a snapshot that was read completely: a \
         baseline that grows, or that missed what was not read, would hide what gets worse.",
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
         judged by percentage. After `[gate] learn_after` believed collections the feed's own history narrows the limit: four times the largest change it ever made, \
         at least 5 %. If the loss is real, collect once with `--accept SYSTEM/SCOPE`; the new number is then the measure. `gate = { shrink_percent = 40 }` sets another limit \
         for one system.",
    ),
    code(
        "GAT003",
        "a scope grew too much",
        "It has more rows than `[gate] grow_percent` allows since the last believable collection: a duplicated feed, or a search base that became too wide. `--accept SYSTEM/SCOPE` once if it is real.",
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
         If it is real, collect once with `--accept SYSTEM/SCOPE`.",
    ),
    code(
        "GAT008",
        "a first answer is empty",
        "The scope was read for the first time, successfully, and has no rows. A credential without permissions sees exactly that. Set `empty_is_normal` where empty is normal. \
         Of lists that are often empty the connector says so itself (`muster connectors show NAME`): they are believed when the accounts of the system were read whole beside them.",
    ),
    code(
        "GAT009",
        "a file is not newer than the last one",
        "Either it says to be older than the one that was read before it, or an HR file that does not say when it was taken has not changed for longer than `[gate] max_unchanged_hours`. \
         Yesterday's file that is delivered again would undo what happened since. Deliver the newest file; where nothing happened, say when the file was taken: `collected` in the config, \
         or a file beside it whose name ends in `.collected`.",
    ),
    code(
        "GAT010",
        "rows came more than once",
        "More than `[gate] repeat_percent` of the rows are word for word the same as others. Repeated rows cost nothing themselves, but a page that was sent in another's place looks like this, \
         and then the other is missing.",
    ),
    code(
        "GAT011",
        "a column emptied",
        "A field that most rows had a value in lost more than `[gate] emptied_percent` of its values since the last believable collection; or, at the first one, the e-mail or status column of a \
         people feed has no value at all. Links and verdicts that rest on the field would fall away. Check what the export may read and which column `columns` names.",
    ),
    code(
        "GAT012",
        "a block of rows is gone",
        "Rows that stood side by side in the last believable collection are missing together, while nearly all others are still there. People go one by one; a block goes when a page, a department \
         or a part of a file is missing. The manifest keeps hashes of at most 64 keys for this, so that the number is an estimate in large feeds.",
    ),
    code(
        "GAT013",
        "instants moved by whole hours",
        "Instants that lie in the past and cannot change (creation, the recording of a termination) all moved by the same number of quarters of an hour: the export dropped its time zone, or \
         writes another one. Every deadline would be judged wrongly by that much. Let the export write instants with their zone, or set `time_zone`.",
    ),
    code(
        "GAT014",
        "two clocks do not agree",
        "A file says that it was taken in the future, records tell of what has not happened yet, or the `Date` of a server's answers is further from our clock than `[gate] max_skew_minutes`. \
         No order of events can be relied on. Set both clocks by NTP, and write instants with their zone.",
    ),
    code(
        "GAT015",
        "many people left at once",
        "More persons than `[gate] mass_leave` (or `mass_leave_percent`) have the same last day of this week, or were ended since the last believable collection, and the feed's own history has \
         nothing like it: twice its busiest day, or its busiest night, is let pass. If it is real, collect once with `--accept SYSTEM/SCOPE`.",
    ),
    code(
        "LNK001",
        "a decision names an account that was not found",
        "No account of the system has the id, login or native name that a decision in the policy folder gives, or several have. It ties \
         nothing. Where the system was not read completely the account may still be there: read it first.",
    ),
    code(
        "LNK002",
        "a decision names somebody who was not found in HR",
        "Nobody has the employee id, feed id or work e-mail that a decision gives, or several have. It ties nothing. Where HR was not \
         read completely the person may still be there: read HR first.",
    ),
    code(
        "LNK003",
        "two decisions contradict each other",
        "One ties an account to a person and the other refuses it, or two tie it to different persons. Muster does not choose between \
         what two people decided: the account is linked to nobody until one of the two is taken back.",
    ),
    code(
        "LNK004",
        "a decision has expired",
        "Its last day is over, so the account is judged by evidence alone again. Review it: decide again, or take it back.",
    ),
    code(
        "LNK005",
        "a decision cannot be taken",
        "The account has no candidate, or several, or the person is not one of them; or there is nothing to take back. `muster links show` \
         lists the candidates with their evidence. `muster links pin` ties an account to anybody.",
    ),
    code(
        "LNK006",
        "many decisions at once need their number",
        "What is decided for many accounts is shown with `--dry-run` first and done with `--confirm NUMBER`. When the number is another \
         one by then, nothing is written.",
    ),
    code(
        "LNK007",
        "a row of decisions cannot be used",
        "`muster links apply` takes the CSV that `muster links list -o csv` writes, with words in its `decision` column: accept, reject, \
         pin, never, or nothing. One row that cannot be used keeps all of them from being written.",
    ),
    code(
        "LNK008",
        "a decision needs an author",
        "Decisions are reviewed text: somebody answers for each. Give `--author NAME`, or set MUSTER_AUTHOR in your own environment. \
         The config has no default for it, because a team shares it.",
    ),
    code(
        "MAN001",
        "a manifest cannot be used",
        "It says something that the format does not know, names what is not there, or lacks what a list must have to be read whole. The message names line and column and what to write instead; docs/manifests.md explains every block.",
    ),
    code(
        "MAN002",
        "a manifest is odd",
        "It can be used, but something in it is probably not meant: a setting that nothing uses, a list of which nothing is made, a table of words without a word for the others.",
    ),
    code(
        "MAN003",
        "a manifest and the vendor's description disagree",
        "A call, a query key, a key of a body or a field of a reply is not in the vendor's API description. Most systems ignore what they do not know and leave out what they do not have, so that a slip shows as missing values. What is there although it is not described can be excused in `[test] undescribed`.",
    ),
    code(
        "MAN004",
        "an API description cannot be read",
        "It is missing, no JSON, or of an unknown kind. OpenAPI 3, Swagger 2, Google discovery documents and lists of types are read; YAML has to be converted first.",
    ),
    code(
        "MAN005",
        "a manifest cannot be begun",
        "`muster connectors new` never overwrites anything, and a connector's name has lower-case letters, digits and `-` only.",
    ),
    code(
        "MAN006",
        "a folder of exchanges cannot be used",
        "`exchanges.json` is missing, or one of its files is no JSON of the documented shape. docs/manifests.md shows one of each.",
    ),
    code(
        "MAN007",
        "nothing was recorded",
        "The settings cannot be used, the system could not be read, or the folder cannot be written. Nothing is kept of a system that was not read to its end.",
    ),
    code(
        "POL001",
        "the policy names nothing that the snapshot has",
        "policy/roles.toml or policy/sod.toml names a group or entitlement that no system has. Rules conclude nothing from it: nobody can \
         hold it, and nobody is told to lack it. It may be mistyped, renamed or gone; where its system was not read completely, it may be there.",
    ),
    code(
        "POL002",
        "a mitigation has run out",
        "The control that made a conflict of policy/sod.toml tolerable counted until a day that is over. The conflict is a finding again: \
         prove that the control works and write a new day, or remove it.",
    ),
    code(
        "POL003",
        "a mitigation covers nobody",
        "A key in `of` is that of no person and no account of the snapshot. Employee ids, feed ids and accounts as `system:id` are understood.",
    ),
    code(
        "POL004",
        "a role was not reviewed",
        "Nobody wrote down, or not within a year, when the role of policy/roles.toml was last looked at. Review what it contains and who \
         gets it, and write the day as `reviewed = 2026-06-01`.",
    ),
    code(
        "POL005",
        "a condition holds of nobody",
        "A birthright of policy/roles.toml, by what HR says today, gives the role to nobody at work. A department may have been renamed.",
    ),
    code(
        "POL006",
        "a test case cannot be used",
        "`muster policy test` reads one JSON object a line, or TOML with a `[[case]]` table for each case. docs/formats/policy-cases.md says \
         what may stand in one.",
    ),
    code(
        "POL007",
        "more people get a role than it allows",
        "The attributes of policy/roles.toml give the role to a larger share of the people at work than its `max_holders_percent`. \
         Narrow the condition, or allow more.",
    ),
    code(
        "POL008",
        "no rule uses a function",
        "A function of policy/sod.toml stands in no conflict, no companion and no log duty: nothing follows from it.",
    ),
    code(
        "POL009",
        "a mitigation covers people",
        "These people have a conflict of policy/sod.toml that is no finding, because the control named here makes it tolerable until the \
         day given. An auditor asks for the proof that it works.",
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
        "RUL001",
        "a rule of your own cannot judge",
        "The SQL of a rule in `policy/rules/` cannot be answered, or a row of its answer names no subject, names one twice, or has no verdict. \
         Nothing was judged, so that no rule looks clean; the snapshot is kept, and `muster check` judges it when the rule is mended or switched off.",
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

    /// The codes that a source text writes as literals.
    fn written(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                written(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.extend(text.split('"').filter(|word| is_code(word)).map(str::to_owned));
            }
        }
    }

    fn is_code(word: &str) -> bool {
        let prefixes = ["AWS", "CFG", "CHK", "CLI", "COL", "GAT", "QRY", "SNP"];
        word.len() == 6
            && prefixes.iter().any(|prefix| word.starts_with(prefix))
            && word.get(3..).is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
    }

    #[test]
    fn every_code_in_the_sources_has_its_page() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = std::collections::BTreeSet::new();
        written(&root.join("src"), &mut found);
        written(&root.join("connectors/src"), &mut found);
        found.remove("CFG999"); // The one below that must not exist.
        let without: Vec<&String> = found.iter().filter(|code| manual(code).is_none()).collect();
        assert!(without.is_empty(), "add a page to CODES for {without:?}");
        assert!(found.len() > 40, "{found:?}");
    }

    #[test]
    fn codes_are_sorted_and_found_in_any_case() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
        assert_eq!(manual("cfg014").unwrap().code, "CFG014");
        assert_eq!(manual("CFG999"), None);
    }
}
