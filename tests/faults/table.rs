//! The matrix itself: what each fault has to be called in each feed, or why it cannot befall it.

use crate::feeds::Feed;
use crate::model::Fault;

/// What was known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HistoryOf {
    /// Nothing: the fault befalls the first scan.
    None,
    /// One sound scan the night before.
    Sound,
}

/// What has to come of a combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// One of these codes is told of the system, and nothing rests on the fault.
    Named(&'static [&'static str]),
    /// It costs this field of single records and nothing else: the scan may be complete, and says which values it could not read.
    Withheld(&'static str),
    /// It is not run, and counted nowhere.
    LeftOut(&'static str),
}

/// One combination.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) feed: Feed,
    pub(crate) fault: Fault,
    pub(crate) history: HistoryOf,
    pub(crate) expected: Expected,
}

/// Every combination, run or not.
pub(crate) fn cases() -> Vec<Case> {
    let histories = [HistoryOf::None, HistoryOf::Sound];
    let of_feed = |feed| Fault::ALL.into_iter().flat_map(move |fault| histories.map(|history| (feed, fault, history)));
    let all = Feed::ALL.into_iter().flat_map(of_feed);
    all.map(|(feed, fault, history)| Case { feed, fault, history, expected: expected(feed, fault, history) }).collect()
}

fn expected(feed: Feed, fault: Fault, history: HistoryOf) -> Expected {
    use Expected::{LeftOut, Named, Withheld};
    const NO_TRACE: &str = "on a first scan nothing tells that the rows were ever otherwise";
    let known = history == HistoryOf::Sound;
    match fault {
        Fault::EmptySuccess if feed == Feed::Aws => Named(&["GAT001", "GAT008", "AWS012"]),
        Fault::EmptySuccess if known => Named(&["GAT001", "COL103"]),
        Fault::EmptySuccess => Named(&["GAT008", "COL103"]),
        Fault::DroppedPage | Fault::RepeatedPage if !feed.has_pages() => LeftOut("the feed is one file without pages"),
        Fault::DroppedPage => match feed {
            Feed::LdapLive => Named(&["COL150"]),
            Feed::Aws => Named(&["AWS012"]),
            _ => Named(&["COL020", "COL063"]),
        },
        Fault::RepeatedPage => match feed {
            Feed::LdapLive => Named(&["COL146", "COL153"]),
            Feed::Aws => Named(&["AWS012"]),
            _ => Named(&["COL020", "COL060", "COL063"]),
        },
        Fault::Forbidden => match feed {
            Feed::Ldif => Named(&["COL154"]),
            Feed::LdapLive => Named(&["COL144"]),
            Feed::ScimFiles => Named(&["COL067"]),
            Feed::ScimLive => Named(&["COL031"]),
            Feed::HrExec | Feed::SaasExec => Named(&["COL132"]),
            Feed::Aws => Named(&["AWS012"]),
            _ => Named(&["COL100"]),
        },
        Fault::Truncated => match feed {
            Feed::Ldif => Named(&["COL155"]),
            Feed::LdapLive => Named(&["COL145"]),
            Feed::ScimFiles => Named(&["COL067"]),
            Feed::ScimLive => Named(&["COL035"]),
            Feed::HrExec | Feed::SaasExec => Named(&["COL131", "COL133"]),
            Feed::HrXlsx | Feed::SaasXlsx => Named(&["COL115"]),
            Feed::Aws => Named(&["AWS012"]),
            _ => Named(&["COL112"]),
        },
        Fault::ShiftedHeader | Fault::RenamedHeader if !feed.has_header() => {
            LeftOut("the format has no header to shift or rename")
        }
        Fault::ShiftedHeader => Named(&["COL111", "COL103"]),
        Fault::RenamedHeader => Named(&["COL103"]),
        Fault::EmptiedColumn if feed == Feed::Aws => LeftOut("IAM's details have no column that may be empty"),
        Fault::EmptiedColumn if known => Named(&["GAT011"]),
        Fault::EmptiedColumn if feed.is_people() && feed != Feed::HrExec => Named(&["GAT011"]),
        Fault::EmptiedColumn => {
            LeftOut("on a first scan an empty column cannot be told from one that the system does not use")
        }
        Fault::Stale if feed.is_live() => LeftOut("what is asked on the spot is not old"),
        Fault::Stale => Named(&["GAT006"]),
        Fault::DuplicateKeys if feed == Feed::Grants => LeftOut("a grant has no key of its own"),
        Fault::DuplicateKeys => Named(&["COL108", "COL023"]),
        Fault::WrongEncoding => match feed {
            Feed::HrXlsx | Feed::SaasXlsx => LeftOut("a workbook is UTF-8 inside a zip archive"),
            Feed::LdapLive | Feed::ScimLive => LeftOut("the protocol fixes the encoding"),
            Feed::Ldif => Withheld("name"),
            Feed::ScimFiles => Named(&["COL067"]),
            Feed::HrExec | Feed::SaasExec => Named(&["COL131"]),
            Feed::Aws => Named(&["AWS012"]),
            _ => Named(&["COL102", "COL110"]),
        },
        Fault::TimeZoneShift if !known => LeftOut(NO_TRACE),
        Fault::TimeZoneShift if feed == Feed::Grants => LeftOut("no verdict rests on the instant of a grant"),
        Fault::TimeZoneShift => Named(&["GAT013"]),
        Fault::ClockSkew if matches!(feed, Feed::HrExec | Feed::SaasExec | Feed::LdapLive) => {
            LeftOut("it tells no clock of its own")
        }
        Fault::ClockSkew => Named(&["GAT014"]),
        Fault::MassTermination if !feed.is_people() => LeftOut("accounts are not employed"),
        Fault::MassTermination => Named(&["GAT007", "GAT015"]),
        Fault::VanishedBlock if !known => LeftOut(NO_TRACE),
        Fault::VanishedBlock => Named(&["GAT012", "GAT002"]),
        Fault::Doubled => match feed {
            Feed::Ldif | Feed::LdapLive => Named(&["COL153"]),
            Feed::ScimFiles | Feed::ScimLive => Named(&["COL020", "COL060", "COL062", "COL063"]),
            _ => Named(&["GAT010"]),
        },
    }
}
