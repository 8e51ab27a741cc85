//! Tables that exist in queries only: what the manifest says of the snapshot and of how it was read.

use polars::prelude::{
    Column, DataFrame, DataType, Int64Chunked, IntoColumn as _, NamedFrom as _, Series, TimeUnit, TimeZone,
};

use crate::snapshot::{KindView, Manifest};

/// `snapshot`, `scopes` and `gaps`.
pub(super) fn of_manifest(manifest: &Manifest) -> [(&'static str, DataFrame); 3] {
    [("gaps", gaps(manifest)), ("scopes", scopes(manifest)), ("snapshot", snapshot(manifest))]
}

fn snapshot(manifest: &Manifest) -> DataFrame {
    let header = &manifest.header;
    frame(
        1,
        vec![
            Series::new("number".into(), [header.sequence]).into(),
            texts("id", [Some(manifest.id.as_str())]),
            instants("taken", [Some(header.taken)]),
            texts("tool", [Some(header.tool.as_str())]),
            texts("config", [Some(header.config.as_str())]),
        ],
    )
}

fn scopes(manifest: &Manifest) -> DataFrame {
    let views: Vec<KindView<'_>> = manifest.kinds().collect();
    let report = |view: &KindView<'_>| view.report().cloned().unwrap_or_default();
    let numbers = |name: &str, of: &dyn Fn(&KindView<'_>) -> Option<u64>| {
        Series::new(name.into(), views.iter().map(of).collect::<Vec<Option<u64>>>()).into()
    };
    let withheld = views.iter().map(|view| {
        let fields = report(view).withheld.into_iter().map(|(field, why)| format!("{field}: {why}"));
        Series::new("".into(), fields.collect::<Vec<String>>())
    });
    let mut lists = Series::new("withheld".into(), withheld.collect::<Vec<Series>>());
    if views.is_empty() {
        lists = Series::new_empty("withheld".into(), &DataType::List(Box::new(DataType::String)));
    }
    frame(
        views.len(),
        vec![
            texts("system", views.iter().map(|view| Some(view.system))),
            texts("scope", views.iter().map(|view| Some(view.scope))),
            texts("kind", views.iter().map(|view| Some(view.kind.as_str()))),
            texts("state", views.iter().map(|view| Some(view.state().as_str()))),
            texts("suspect", views.iter().map(|view| view.entry.suspect.as_deref())),
            numbers("records", &|view| Some(report(view).records)),
            numbers("declared_total", &|view| report(view).declared_total),
            numbers("gaps", &|view| Some(report(view).gaps.len() as u64)),
            lists.into(),
            texts("tenant", views.iter().map(|view| view.scope_entry.report.tenant.as_deref())),
            texts("identity", views.iter().map(|view| view.scope_entry.report.identity.as_deref())),
            instants(
                "collected",
                views.iter().map(|view| view.entry.collected.or_else(|| view.entry.carried.first()?.collected)),
            ),
        ],
    )
}

fn gaps(manifest: &Manifest) -> DataFrame {
    let rows: Vec<_> = manifest
        .kinds()
        .flat_map(|view| view.report().into_iter().flat_map(|report| &report.gaps).map(move |gap| (view, gap)))
        .collect();
    frame(
        rows.len(),
        vec![
            texts("system", rows.iter().map(|(view, _)| Some(view.system))),
            texts("scope", rows.iter().map(|(view, _)| Some(view.scope))),
            texts("kind", rows.iter().map(|(view, _)| Some(view.kind.as_str()))),
            texts("code", rows.iter().map(|(_, gap)| Some(gap.code.as_str()))),
            texts("what", rows.iter().map(|(_, gap)| Some(gap.what.as_str()))),
            texts("cause", rows.iter().map(|(_, gap)| gap.cause.as_deref())),
            texts("fix", rows.iter().map(|(_, gap)| gap.fix.as_deref())),
            texts("at", rows.iter().map(|(_, gap)| gap.at.as_deref())),
        ],
    )
}

fn frame(height: usize, columns: Vec<Column>) -> DataFrame {
    DataFrame::new(height, columns).expect("names are unique and lengths equal by construction")
}

fn texts<'a>(name: &str, values: impl IntoIterator<Item = Option<&'a str>>) -> Column {
    Series::new(name.into(), values.into_iter().collect::<Vec<_>>()).into()
}

fn instants(name: &str, values: impl IntoIterator<Item = Option<jiff::Timestamp>>) -> Column {
    let micros: Int64Chunked = values.into_iter().map(|at| at.map(jiff::Timestamp::as_microsecond)).collect();
    micros.with_name(name.into()).into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_column()
}
