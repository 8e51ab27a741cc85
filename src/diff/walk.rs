//! Two frames of one table, row by row: which rows only one of them has, and which columns of the others differ.

use std::cmp::Ordering;

use polars::prelude as pl;
use polars::prelude::DataFrame;
use rayon::prelude::*;

/// The key columns of a frame, and its rows in the order of their keys.
#[derive(Debug)]
pub(super) struct Side<'a> {
    keys: Vec<&'a pl::StringChunked>,
    /// `None` when the rows already are in order.
    order: Option<Vec<u32>>,
    len: usize,
}

impl<'a> Side<'a> {
    pub(super) fn of(frame: &'a DataFrame, keys: &[&str]) -> pl::PolarsResult<Self> {
        let keys = keys.iter().map(|key| frame.column(key)?.str()).collect::<pl::PolarsResult<Vec<_>>>()?;
        let mut side = Self { keys, order: None, len: frame.height() };
        if !(1..side.len).all(|row| side.compare(row - 1, &side, row).is_le()) {
            let mut order: Vec<u32> = (0..u32::try_from(side.len).unwrap_or(u32::MAX)).collect();
            order.sort_by(|a, b| side.compare(*a as usize, &side, *b as usize));
            side.order = Some(order);
        }
        Ok(side)
    }

    /// The key of a row.
    pub(super) fn key(&self, row: usize) -> impl Iterator<Item = Option<&'a str>> + '_ {
        self.keys.iter().map(move |column| column.get(row))
    }

    fn compare(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        self.key(row).cmp(other.key(other_row))
    }

    /// The row at a place of the order.
    fn at(&self, place: usize) -> usize {
        self.order.as_ref().map_or(place, |order| order[place] as usize)
    }
}

/// Rows of two frames, by key.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// Rows that only the first has.
    pub(super) only_old: Vec<u32>,
    /// Rows that only the second has.
    pub(super) only_new: Vec<u32>,
    /// Rows that both have.
    pub(super) both: Both,
}

/// Rows of one key on both sides.
#[derive(Debug, Default)]
pub(super) struct Both(Vec<(u32, u32)>);

impl Both {
    /// Rows of a pair.
    pub(super) fn rows(&self, pair: usize) -> (usize, usize) {
        let (a, b) = self.0[pair];
        (a as usize, b as usize)
    }
}

impl Pairing {
    /// One pass over both, in the order of their keys. Keys are unique within a scope.
    pub(super) fn of(old: &Side<'_>, new: &Side<'_>) -> Self {
        let mut pairing = Self { both: Both(Vec::with_capacity(old.len.min(new.len))), ..Self::default() };
        let row = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        let (mut a, mut b) = (0, 0);
        while a < old.len && b < new.len {
            let (in_old, in_new) = (old.at(a), new.at(b));
            match old.compare(in_old, new, in_new) {
                Ordering::Less => {
                    pairing.only_old.push(row(in_old));
                    a += 1;
                }
                Ordering::Greater => {
                    pairing.only_new.push(row(in_new));
                    b += 1;
                }
                Ordering::Equal => {
                    pairing.both.0.push((row(in_old), row(in_new)));
                    a += 1;
                    b += 1;
                }
            }
        }
        pairing.only_old.extend((a..old.len).map(|place| row(old.at(place))));
        pairing.only_new.extend((b..new.len).map(|place| row(new.at(place))));
        pairing
    }
}

/// Pairs whose rows differ.
#[derive(Debug, Default)]
pub(super) struct Differing {
    /// Pairs with the columns that differ, by pair.
    pub(super) rows: Vec<(usize, Vec<&'static str>)>,
    /// Pairs that differ only in the order within a list.
    pub(super) reordered: u64,
}

/// How two cells compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cells {
    Reordered,
    Different,
}

/// Compares `columns` of every pair, column by column.
pub(super) fn differing(
    old: &DataFrame,
    new: &DataFrame,
    columns: &[&'static str],
    both: &Both,
) -> pl::PolarsResult<Differing> {
    let found: Vec<Vec<(usize, Cells)>> = columns
        .par_iter()
        .map(|column| differing_cells(old.column(column)?, new.column(column)?, both))
        .collect::<pl::PolarsResult<_>>()?;
    let mut pairs: Vec<(usize, usize, Cells)> = found
        .into_iter()
        .enumerate()
        .flat_map(|(column, cells)| cells.into_iter().map(move |(pair, cells)| (pair, column, cells)))
        .collect();
    pairs.sort_unstable_by_key(|(pair, column, _)| (*pair, *column));
    let mut differing = Differing::default();
    for row in pairs.chunk_by(|a, b| a.0 == b.0) {
        let different: Vec<&'static str> =
            row.iter().filter(|cell| cell.2 == Cells::Different).map(|cell| columns[cell.1]).collect();
        if different.is_empty() {
            differing.reordered += 1;
        } else {
            differing.rows.push((row[0].0, different));
        }
    }
    Ok(differing)
}

fn differing_cells(old: &pl::Column, new: &pl::Column, both: &Both) -> pl::PolarsResult<Vec<(usize, Cells)>> {
    let unequal = |differ: &dyn Fn(usize, usize) -> bool| {
        let pairs = both.0.iter().enumerate().filter(|(_, (a, b))| differ(*a as usize, *b as usize));
        pairs.map(|(pair, _)| (pair, Cells::Different)).collect()
    };
    Ok(match old.dtype() {
        pl::DataType::String => {
            let (old, new) = (old.str()?, new.str()?);
            unequal(&|a, b| old.get(a) != new.get(b))
        }
        pl::DataType::Boolean => {
            let (old, new) = (old.bool()?, new.bool()?);
            unequal(&|a, b| old.get(a) != new.get(b))
        }
        pl::DataType::Datetime(..) => {
            let (old, new) = (&old.datetime()?.phys, &new.datetime()?.phys);
            unequal(&|a, b| old.get(a) != new.get(b))
        }
        pl::DataType::Date => {
            let (old, new) = (&old.date()?.phys, &new.date()?.phys);
            unequal(&|a, b| old.get(a) != new.get(b))
        }
        pl::DataType::List(_) => return differing_lists(old.list()?, new.list()?, both),
        other => return Err(pl::PolarsError::ComputeError(format!("no table has a column of {other}").into())),
    })
}

fn differing_lists(old: &pl::ListChunked, new: &pl::ListChunked, both: &Both) -> pl::PolarsResult<Vec<(usize, Cells)>> {
    let (old, new) = (Lists::of(old), Lists::of(new));
    let (old_texts, new_texts) = (old.texts.str()?, new.texts.str()?);
    let mut found = Vec::new();
    for (pair, (a, b)) in both.0.iter().enumerate() {
        let (a, b) = (old.texts_of(*a as usize), new.texts_of(*b as usize));
        let both_texts = || a.clone().map(|at| old_texts.get(at)).zip(b.clone().map(|at| new_texts.get(at)));
        if a.len() == b.len() && both_texts().all(|(a, b)| a == b) {
            continue;
        }
        let sorted = |texts: &'_ pl::StringChunked, at: std::ops::Range<usize>| {
            let mut texts: Vec<Option<String>> = at.map(|at| texts.get(at).map(str::to_owned)).collect();
            texts.sort_unstable();
            texts
        };
        let reordered = sorted(old_texts, a) == sorted(new_texts, b);
        found.push((pair, if reordered { Cells::Reordered } else { Cells::Different }));
    }
    Ok(found)
}

/// A column of lists as one run of texts, and where each row's begin.
struct Lists {
    column: pl::ListChunked,
    texts: pl::Series,
}

impl Lists {
    fn of(column: &pl::ListChunked) -> Self {
        let column = column.rechunk().into_owned();
        Self { texts: column.get_inner(), column }
    }

    /// Where the texts of a row stand.
    fn texts_of(&self, row: usize) -> std::ops::Range<usize> {
        self.column.downcast_iter().next().map_or(0..0, |chunk| {
            let (start, end) = chunk.offsets().start_end(row);
            start..end
        })
    }
}
