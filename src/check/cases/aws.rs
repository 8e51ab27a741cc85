//! Cases about requests to AWS: the crate of evaluators reads and judges them, here they get their place in the file.

use muster_effective::aws::cases::{Case, Remark};
use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Place};

/// A case and notes about it; `value` is what was read at the place, where that could be read.
///
/// # Errors
/// Everything in it that makes no sense.
pub(super) fn read(place: &Place, value: Option<&Json>) -> Result<(Case, Vec<Diagnostic>), Vec<Diagnostic>> {
    let line = place.file.text.get(place.span.clone()).map(str::trim_end).unwrap_or_default();
    // A case of a TOML file has no JSON text of its own: it is written as such, and everything in it stands where the table does.
    let is_json = line.trim_start().starts_with('{') && line.ends_with('}');
    let written = if is_json { line.to_owned() } else { value.map(ToString::to_string).unwrap_or_default() };
    let at = |remark: &Remark| {
        let span = place.span.start + remark.span.start..place.span.start + remark.span.end;
        if is_json { Place::new(&place.file, span) } else { place.clone() }
    };
    let case = Case::read(&written).map_err(|faults| {
        let unusable = |fault: &Remark| {
            Diagnostic::error("POL006", "this case cannot be used")
                .place(at(fault).label(fault.what.clone()))
                .cause(fault.what.clone())
                .fix("see docs/formats/policy-cases.md")
        };
        faults.iter().map(unusable).collect::<Vec<_>>()
    })?;
    let note = |note: &Remark| {
        Diagnostic::note("POL006", format!("the case `{}`: {}", case.id, note.what))
            .place(at(note))
            .fix("remove or correct it, unless the case is about just that")
    };
    let notes = case.notes.iter().map(note).collect();
    Ok((case, notes))
}
