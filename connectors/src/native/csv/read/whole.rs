//! What a file says as a whole: whether its columns still mean what they did, and whether it has as many rows as it should.

use super::super::fault::Fault;
use super::FileReader;

/// Cells without an address from which a column of addresses is doubted: a few may be names of shared mailboxes.
const ADDRESSES: u64 = 3;

impl FileReader<'_> {
    /// Whether most rows do not fit the header, so that those that seem to fit cannot be trusted either.
    pub(super) fn shifted(&self, header: &[String]) -> Option<Fault> {
        let tally = &self.tally;
        if tally.misfits * 2 > tally.rows {
            return Some(
                Fault::shifted(format!(
                    "{} of {} rows do not have the header's {} fields",
                    tally.misfits,
                    tally.rows,
                    header.len()
                ))
                .cause("the header belongs to another layout, or the delimiter is wrong")
                .fix("export the file again with its header; if the delimiter was misread, set `delimiter`"),
            );
        }
        // One column of unknown words is a vocabulary nobody mapped; two unreadable columns, or one that costs the rows
        // themselves, are a layout nobody knows.
        let mostly = |count: u64| count * 2 > tally.rows;
        let unreadable: Vec<(usize, u64)> = tally
            .by_column
            .iter()
            .map(|(column, (values, rows))| (*column, values + rows))
            .filter(|(_, count)| mostly(*count))
            .collect();
        let strange =
            tally.addresses.iter().find(|(_, filled, strange)| *strange >= ADDRESSES && *strange * 2 > *filled);
        if let Some((column, filled, strange)) = strange {
            let heading = header.get(*column).map_or("", String::as_str);
            return Some(
                Fault::shifted(format!(
                    "column {} (`{heading}`) holds no e-mail address in {strange} of {filled} rows",
                    column + 1
                ))
                .cause("the columns were shifted or changed their meaning, or `email` is mapped to another column")
                .fix("compare the header with the rows; then correct the export or `columns`"),
            );
        }
        let costs_rows = tally.by_column.values().any(|(_, rows)| mostly(*rows));
        if unreadable.len() < 2 && !costs_rows {
            return None;
        }
        let columns = unreadable.iter().map(|(column, count)| {
            format!("column {} (`{}`) in {count}", column + 1, header.get(*column).map_or("", String::as_str))
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        Some(
            Fault::shifted(format!("most rows cannot be read: {columns} of {} rows", tally.rows))
                .cause("the columns were shifted or changed their meaning")
                .fix("compare the header with the rows; then correct the export, `columns`, `dates` or `values`"),
        )
    }

    /// Whether every row stands for what is no more: then the column that tells does not say that.
    pub(super) fn all_gone(&self) -> Option<Fault> {
        let skipped: u64 = self.tally.skipped.values().sum();
        let why = self.tally.skipped.keys().next().filter(|_| skipped == self.tally.rows)?;
        Some(
            Fault::shifted(format!("all {skipped} rows would be left out: {why}"))
                .cause("the column that tells it has changed its meaning, or the export holds nothing else")
                .fix("compare the header with the rows, and export the file again with everything that is in use"),
        )
    }

    /// Compares the number of rows with what the file or the config promises.
    pub(super) fn expectations(&mut self) {
        let rows = self.tally.rows;
        let mut agreed = None;
        if let Some(wanted) = self.source.expect_rows {
            agreed = Some(wanted).filter(|wanted| *wanted == rows);
            if agreed.is_none() {
                let fault = Fault::count(format!("the file has {rows} rows, `expect_rows` is {wanted}"));
                self.gap(
                    &fault
                        .cause("the export is not the one that was announced")
                        .fix("export it again, or correct `expect_rows`"),
                    None,
                );
            }
        }
        if let Some(prefix) = self.source.layout.trailer.clone() {
            match self.tally.trailer.clone() {
                None if self.tally.stopped => {}
                None => {
                    let fault = Fault::cut_short(format!("the file has no trailer row `{prefix}`"));
                    self.gap(&fault.cause("its end is missing").fix("export or copy the file again, to its end"), None);
                }
                Some(text) => agreed = self.trailer_count(&prefix, &text).or(agreed),
            }
        }
        if let Some(total) = agreed.filter(|_| self.tally.bad + self.tally.same == 0 && self.tally.skipped.is_empty()) {
            let kinds = self.source.table.kinds();
            self.scope.declare_total(kinds[kinds.len() - 1], total);
        }
    }

    /// The trailer's number of rows, where it agrees.
    fn trailer_count(&mut self, prefix: &str, text: &str) -> Option<u64> {
        let rows = self.tally.rows - self.tally.after_trailer;
        if self.tally.after_trailer > 0 {
            let fault = Fault::count(format!("{} rows follow the trailer", self.tally.after_trailer));
            self.gap(&fault.cause("several exports were joined").fix("give each export a file of its own"), None);
        }
        let rest = text.trim_start().trim_start_matches(prefix);
        let digits: String =
            rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        match digits.parse::<u64>() {
            Ok(wanted) if wanted == rows => return Some(wanted).filter(|_| self.tally.after_trailer == 0),
            Ok(wanted) => {
                let fault = Fault::count(format!("the file has {rows} rows, its trailer says {wanted}"));
                self.gap(
                    &fault.cause("rows were lost or added after the export").fix("export or copy the file again"),
                    None,
                );
            }
            Err(_) => {
                let fault = Fault::count(format!("the trailer `{}` holds no number of rows", text.trim()));
                self.gap(&fault.fix("check `trailer`"), None);
            }
        }
        None
    }
}
