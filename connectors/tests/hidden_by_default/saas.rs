//! Software that is rented.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
