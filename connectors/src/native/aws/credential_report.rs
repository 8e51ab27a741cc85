//! The IAM credential report: one row for the root user and each user, CSV as IAM writes it.
//!
//! Columns are found by name, so a new column changes nothing. Words that stand for a missing value keep their meaning, as
//! the IAM User Guide gives it ("Getting credential reports for your AWS account"):
//! `N/A` = does not apply (no password, no key) or, in a *last used* column of an existing key, never used;
//! `no_information` = the password was never used, or not since IAM began to track it (2014-10-20);
//! `not_supported` = IAM does not say.

use jiff::Timestamp;

use crate::record::Fact;

/// A value of a report, with the word that stands for it when it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field<T> {
    /// A value.
    Known(T),
    /// `N/A`.
    NotApplicable,
    /// `no_information`.
    NoInformation,
    /// `not_supported`, or the report has no such column.
    NotSupported,
    /// Something else; the report names it among its problems.
    Unreadable,
}

impl<T: Clone> Field<T> {
    pub(super) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::NotApplicable | Self::NoInformation | Self::NotSupported | Self::Unreadable => None,
        }
    }

    /// As a property that may not exist: `N/A` is "there is none".
    pub(super) fn property(&self) -> Fact<T> {
        match self {
            Self::Known(value) => Fact::Known(value.clone()),
            Self::NotApplicable => Fact::Absent,
            Self::NoInformation | Self::NotSupported => Fact::Unsupported,
            Self::Unreadable => Fact::Unreadable,
        }
    }

    /// As the last use of something that exists: `N/A` and `no_information` are "never, as far as IAM tracks".
    pub(super) fn last_use(&self) -> Fact<T> {
        match self {
            Self::Known(value) => Fact::Known(value.clone()),
            Self::NotApplicable | Self::NoInformation => Fact::Never,
            Self::NotSupported => Fact::Unsupported,
            Self::Unreadable => Fact::Unreadable,
        }
    }
}

/// One of a user's two access keys, or of its two signing certificates (which have no last use).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) active: Field<bool>,
    /// Created, or activated or deactivated, whichever came last.
    pub(super) last_rotated: Field<Timestamp>,
    pub(super) last_used: Field<Timestamp>,
}

impl Slot {
    /// Whether there is a key or certificate in this slot. An inactive one still has its date.
    pub(super) fn is_taken(&self) -> bool {
        self.active == Field::Known(true) || self.last_rotated.known().is_some() || self.active == Field::Unreadable
    }
}

/// The row of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// `<root_account>` or the user's name.
    pub(super) user: String,
    pub(super) arn: String,
    pub(super) created: Field<Timestamp>,
    pub(super) password_enabled: Field<bool>,
    pub(super) password_last_used: Field<Timestamp>,
    pub(super) password_last_changed: Field<Timestamp>,
    pub(super) password_next_rotation: Field<Timestamp>,
    pub(super) mfa_active: Field<bool>,
    pub(super) keys: [Slot; 2],
    pub(super) certificates: [Slot; 2],
}

impl Row {
    pub(super) fn is_root(&self) -> bool {
        self.user == "<root_account>"
    }
}

/// A parsed report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report {
    /// In file order.
    pub(super) rows: Vec<Row>,
    /// What could not be read: line in the file, and what is wrong there.
    pub(super) problems: Vec<(u64, String)>,
}

impl Report {
    /// The row of the user with this ARN.
    pub(super) fn row(&self, arn: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.arn == arn)
    }

    /// The root user's row.
    pub(super) fn root(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_root())
    }
}

/// Columns without which a file is no credential report.
const REQUIRED: [&str; 8] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "mfa_active",
    "access_key_1_active",
    "access_key_2_active",
];

/// Parses a report. A row that is cut off or has a value of another kind is named among the problems; the others are kept.
///
/// # Errors
/// A text saying what is wrong when the file as a whole is no credential report.
pub(super) fn parse(bytes: &[u8]) -> Result<Report, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(bytes);
    let headers = reader.headers().map_err(|error| format!("it has no readable header: {error}"))?.clone();
    let missing: Vec<&str> =
        REQUIRED.iter().copied().filter(|name| !headers.iter().any(|header| header.trim() == *name)).collect();
    if !missing.is_empty() {
        return Err(format!("its header lacks the columns {}", missing.join(", ")));
    }
    let mut report = Report::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                report.problems.push((error.position().map_or(0, csv::Position::line), error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let cells = Cells { headers: &headers, record: &record };
        let row = cells.row(&mut |what| report.problems.push((line, what)));
        if row.user.is_empty() || row.arn.is_empty() {
            report.problems.push((line, "the row names no user".to_owned()));
        } else if report.rows.iter().any(|known| known.arn == row.arn) {
            report.problems.push((line, format!("`{}` has a second row; the first is used", row.user)));
        } else {
            report.rows.push(row);
        }
    }
    Ok(report)
}

struct Cells<'a> {
    headers: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Cells<'_> {
    fn row(&self, problem: &mut impl FnMut(String)) -> Row {
        let key = |n: u8, problem: &mut _| Slot {
            active: self.flag(&format!("access_key_{n}_active"), problem),
            last_rotated: self.instant(&format!("access_key_{n}_last_rotated"), problem),
            last_used: self.instant(&format!("access_key_{n}_last_used_date"), problem),
        };
        let certificate = |n: u8, problem: &mut _| Slot {
            active: self.flag(&format!("cert_{n}_active"), problem),
            last_rotated: self.instant(&format!("cert_{n}_last_rotated"), problem),
            last_used: Field::NotSupported,
        };
        Row {
            user: self.cell("user").unwrap_or_default().to_owned(),
            arn: self.cell("arn").unwrap_or_default().to_owned(),
            created: self.instant("user_creation_time", problem),
            password_enabled: self.flag("password_enabled", problem),
            password_last_used: self.instant("password_last_used", problem),
            password_last_changed: self.instant("password_last_changed", problem),
            password_next_rotation: self.instant("password_next_rotation", problem),
            mfa_active: self.flag("mfa_active", problem),
            keys: [key(1, problem), key(2, problem)],
            certificates: [certificate(1, problem), certificate(2, problem)],
        }
    }

    fn cell(&self, name: &str) -> Option<&str> {
        let column = self.headers.iter().position(|header| header.trim() == name)?;
        self.record.get(column).map(str::trim)
    }

    fn field<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>, problem: &mut impl FnMut(String)) -> Field<T> {
        match self.cell(name) {
            None | Some("not_supported") => Field::NotSupported,
            Some("N/A") => Field::NotApplicable,
            Some("no_information") => Field::NoInformation,
            Some(text) => read(text).map_or_else(
                || {
                    problem(format!("`{name}` is `{text}`"));
                    Field::Unreadable
                },
                Field::Known,
            ),
        }
    }

    fn flag(&self, name: &str, problem: &mut impl FnMut(String)) -> Field<bool> {
        let read = |text: &str| match text {
            "true" | "TRUE" | "True" => Some(true),
            "false" | "FALSE" | "False" => Some(false),
            _ => None,
        };
        self.field(name, read, problem)
    }

    fn instant(&self, name: &str, problem: &mut impl FnMut(String)) -> Field<Timestamp> {
        self.field(name, |text| text.parse().ok(), problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
        password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
        access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
        access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
        cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

    fn report(rows: &str) -> Report {
        parse(format!("{HEADER}\n{rows}").as_bytes()).unwrap()
    }

    #[test]
    fn words_for_missing_values_keep_their_meaning() {
        let report = report(
            "<root_account>,arn:aws:iam::111122223333:root,2020-01-01T00:00:00+00:00,not_supported,no_information,\
             not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A\n\
             ada,arn:aws:iam::111122223333:user/ada,2021-01-01T00:00:00+00:00,TRUE,2025-01-02T03:04:05+00:00,\
             2024-01-01T00:00:00+00:00,N/A,FALSE,true,2021-01-01T00:00:00+00:00,N/A,N/A,N/A,false,\
             2022-01-01T00:00:00+00:00,N/A,N/A,N/A,true,2023-01-01T00:00:00+00:00,false,N/A\n",
        );
        assert_eq!(report.problems, []);
        let root = report.root().unwrap();
        assert_eq!(root.password_enabled.property(), Fact::Unsupported);
        assert_eq!(root.password_last_used.last_use(), Fact::Never);
        assert!(!root.keys[0].is_taken());
        let ada = report.row("arn:aws:iam::111122223333:user/ada").unwrap();
        assert_eq!(ada.password_last_used.known().unwrap().to_string(), "2025-01-02T03:04:05Z");
        assert_eq!(ada.password_next_rotation.property(), Fact::Absent);
        assert!(ada.keys[0].is_taken() && ada.keys[0].last_used.last_use() == Fact::Never);
        assert!(ada.keys[1].is_taken() && ada.keys[1].active == Field::Known(false));
        assert!(ada.certificates[0].is_taken() && !ada.certificates[1].is_taken());
    }

    #[test]
    fn a_row_cut_off_in_the_middle_is_named_and_the_rest_is_kept() {
        let good = "a,arn:a,2021-01-01T00:00:00+00:00,false,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
        let report = report(&format!("{good}\nb,arn:b,2021-01"));
        assert_eq!(report.rows.len(), 1);
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].0, 3);
    }

    #[test]
    fn another_file_is_no_credential_report() {
        assert!(parse(b"id,name\n1,x\n").unwrap_err().contains("user_creation_time"));
        assert!(parse(b"").is_err());
    }

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("N/A".to_owned()),
            Just("no_information".to_owned()),
            Just("not_supported".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
            Just("2024-02-29T12:00:00+00:00".to_owned()),
            "[^\u{0}]{0,12}",
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _answer = parse(&bytes);
        }

        #[test]
        fn every_row_is_kept_or_named(cells in proptest::collection::vec(proptest::collection::vec(word(), 19), 0..8)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(HEADER.split(',')).unwrap();
            for (n, row) in cells.iter().enumerate() {
                let mut record = vec![format!("user{n}"), format!("arn:{n}"), "2021-01-01T00:00:00+00:00".to_owned()];
                record.extend(row.iter().cloned());
                writer.write_record(record).unwrap();
            }
            let report = parse(&writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(report.rows.len(), cells.len());
            let unreadable = report.rows.iter().filter(|row| row.password_enabled == Field::Unreadable).count();
            prop_assert!(report.problems.len() >= unreadable);
        }
    }
}
