//! DQ: quality of the facts that everything else rests on.

pub(super) mod duplicate_person;
pub(super) mod missing_facts;
pub(super) mod naming;
