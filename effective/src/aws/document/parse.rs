//! From the text of a policy to a [`Document`]: strict about meaning, lenient about form.
//!
//! What AWS accepts is read: a single value where a list may stand, element and operator names in any case, a byte order mark.
//! What cannot be understood costs its own statement, not the document. Sources: IAM User Guide, "Grammar of the IAM JSON policy
//! language" (reference_policies_grammar.html), "IAM JSON policy elements reference", and "Access Analyzer policy check
//! reference" (what an empty list means).

use std::collections::HashSet;
use std::ops::Range;

use super::json::{self, Member, Node, Value};
use super::principal;
use super::{Document, Effect, Matcher, Principals, Problem, Statement, UnreadStatement, Version};
use crate::aws::variable;

/// More than any policy may have: AWS allows 6,144 characters in a managed policy, 20 KiB in a bucket's and 32 KiB in a key's.
pub const MAX_BYTES: usize = 1 << 20;

pub(super) fn document(text: &str) -> Document {
    let mut reading = Reading { problems: Vec::new(), version: Version::default(), unread: Vec::new() };
    let statements = reading.document(text).unwrap_or_default();
    if reading.problems.iter().any(|problem| problem.blinds && problem.statement.is_none()) {
        reading.unread = vec![UnreadStatement::default()];
    }
    reading.problems.sort_by(|a, b| (a.span.start, a.span.end, &a.what).cmp(&(b.span.start, b.span.end, &b.what)));
    let Reading { problems, version, unread } = reading;
    Document { version, statements, problems, unread }
}

pub(super) struct Reading {
    problems: Vec<Problem>,
    pub(super) version: Version,
    unread: Vec<UnreadStatement>,
}

/// A statement that cannot be used; why is among the problems.
pub(super) struct Unusable;

impl Reading {
    fn whole(&mut self, span: Range<u32>, what: String, blinds: bool) {
        self.problems.push(Problem { span, what, statement: None, blinds });
    }

    fn document(&mut self, text: &str) -> Option<Vec<Statement>> {
        let end = json::offset(text.len());
        if text.len() > MAX_BYTES {
            let what = format!(
                "the document has {} bytes, a policy has at most some thousand: this is something else",
                text.len()
            );
            self.whole(0..end, what, true);
            return None;
        }
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        if start > 0 {
            self.whole(
                0..json::offset(start),
                "the document begins with a byte order mark: remove it".to_owned(),
                false,
            );
        }
        if text[start..].trim().is_empty() {
            self.whole(
                0..end,
                "the document is empty: a policy is an object with `Version` and `Statement`".to_owned(),
                true,
            );
            return None;
        }
        let (node, faults) = match json::read(text, start) {
            Ok(read) => read,
            Err(fault) => {
                let encoded = text[start..].trim_start().get(..3).is_some_and(|head| head.eq_ignore_ascii_case("%7b"));
                let what = if encoded { "the document is URL-encoded: decode it first".to_owned() } else { fault.what };
                self.whole(fault.span, format!("the document is not JSON: {what}"), true);
                return None;
            }
        };
        let Value::Object(members) = &node.value else {
            let what =
                format!("the document is {}, a policy is an object with `Version` and `Statement`", node.value.kind());
            self.whole(node.span, what, true);
            return None;
        };
        self.version_of(members, text);
        let statements = self.statements(members, node.span, &faults);
        Some(statements)
    }

    /// The language; another than the two that exist matters only where variables would be read in one and not in the other.
    fn version_of(&mut self, members: &[Member], text: &str) {
        let Some(member) = members.iter().find(|member| member.name.eq_ignore_ascii_case("Version")) else { return };
        match &member.node.value {
            Value::String(version) if &**version == "2012-10-17" => self.version = Version::Of2012,
            Value::String(version) if &**version == "2008-10-17" => {}
            other => {
                let found = if let Value::String(version) = other {
                    format!("`{}`", shown(version))
                } else {
                    other.kind().to_owned()
                };
                self.version = Version::Of2012;
                let what = format!("`Version` is {found}, it is `2012-10-17` or `2008-10-17`: correct it");
                self.whole(member.node.span.clone(), what, variable::any(text));
            }
        }
    }

    fn statements(&mut self, members: &[Member], span: Range<u32>, faults: &[json::Fault]) -> Vec<Statement> {
        let mut twice = Twice::default();
        let mut found = None;
        for member in members {
            if twice.again(&member.name) {
                let what = format!(
                    "`{}` stands twice in the document, and which one counts is not known: keep one",
                    shown(&member.name)
                );
                self.whole(member.span.clone(), what, true);
            } else if member.name.eq_ignore_ascii_case("Statement") {
                found = Some(&member.node);
            } else if !["Version", "Id"].iter().any(|known| member.name.eq_ignore_ascii_case(known)) {
                let what =
                    format!("a policy has no element `{}`: it has Version, Id and Statement", shown(&member.name));
                self.whole(member.span.clone(), what, true);
            }
            self.other_case(&member.name, &member.span, &["Version", "Id", "Statement"], None);
        }
        let nodes = match found {
            Some(Node { value: Value::Array(nodes), .. }) => nodes.as_slice(),
            Some(node @ Node { value: Value::Object(_), .. }) => std::slice::from_ref(node),
            Some(node) => {
                let what = format!("`Statement` is {}, it is an object or a list of objects", node.value.kind());
                self.whole(node.span.clone(), what, true);
                return Vec::new();
            }
            None => {
                self.whole(span, "the document has no `Statement`: add it".to_owned(), true);
                return Vec::new();
            }
        };
        if nodes.is_empty() {
            self.whole(span, "`Statement` is an empty list: the policy says nothing".to_owned(), false);
        }
        let mut statements = Vec::with_capacity(nodes.len());
        let mut faults = faults.iter().peekable();
        for (index, node) in (0..).zip(nodes) {
            while let Some(fault) = faults.next_if(|fault| fault.span.start < node.span.start) {
                self.whole(fault.span.clone(), fault.what.clone(), true);
            }
            let mut readable = true;
            while let Some(fault) = faults.next_if(|fault| fault.span.start < node.span.end) {
                self.problem(index, fault.span.clone(), fault.what.clone(), true);
                readable = false;
            }
            if !readable {
                self.unread.push(UnreadStatement::default());
            } else if let Some(statement) = self.statement(index, node) {
                statements.push(statement);
            }
        }
        for fault in faults {
            self.whole(fault.span.clone(), fault.what.clone(), true);
        }
        statements
    }

    fn problem(&mut self, index: u32, span: Range<u32>, what: String, blinds: bool) {
        self.problems.push(Problem { span, what, statement: Some(index), blinds });
    }

    pub(super) fn refuse(&mut self, index: u32, span: &Range<u32>, what: impl Into<String>) -> Unusable {
        self.problem(index, span.clone(), what.into(), true);
        Unusable
    }

    /// AWS would not save another case, yet what was saved is meant; who reads the file shall see it.
    fn other_case(&mut self, name: &str, span: &Range<u32>, known: &[&str], index: Option<u32>) {
        if let Some(known) = known.iter().find(|known| name.eq_ignore_ascii_case(known) && name != **known) {
            let what = format!("`{name}` is written `{known}`: correct it");
            self.problems.push(Problem { span: span.clone(), what, statement: index, blinds: false });
        }
    }

    /// `None`: it cannot be used; what is known of it is among the unread ones, unless it can decide nothing.
    fn statement(&mut self, index: u32, node: &Node) -> Option<Statement> {
        const KNOWN: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let Value::Object(members) = &node.value else {
            self.refuse(index, &node.span, format!("a statement is an object, this is {}", node.value.kind()));
            self.unread.push(UnreadStatement::default());
            return None;
        };
        let before = self.problems.len();
        let mut elements: [Option<&Member>; KNOWN.len()] = [None; KNOWN.len()];
        let mut usable = Ok(());
        for member in members {
            match KNOWN.iter().position(|known| member.name.eq_ignore_ascii_case(known)) {
                Some(known) if elements[known].is_some() => {
                    let what = format!(
                        "`{}` stands twice in the statement, and which one counts is not known: keep one",
                        KNOWN[known]
                    );
                    usable = Err(self.refuse(index, &member.span, what));
                }
                Some(known) => {
                    elements[known] = Some(member);
                    self.other_case(&member.name, &member.span, &KNOWN, Some(index));
                }
                None => {
                    let what =
                        format!("a statement has no element `{}`: it has {}", shown(&member.name), KNOWN.join(", "));
                    usable = Err(self.refuse(index, &member.span, what));
                }
            }
        }
        let [sid, effect, principal, not_principal, action, not_action, resource, not_resource, condition] = elements;
        let sid = match sid.map(|member| &member.node.value) {
            None => None,
            Some(Value::String(sid)) => Some(sid.clone()),
            Some(other) => {
                let what = format!("`Sid` is {}, it is a text", other.kind());
                self.problem(index, sid.map_or(0..0, |member| member.node.span.clone()), what, false);
                None
            }
        };
        let effect = self.effect(index, &node.span, effect);
        let principals = self.either(index, principal, not_principal, "Principal").and_then(|found| match found {
            None => Ok(None),
            Some((not, member)) => self.principals(index, not, member).map(Some),
        });
        let actions = self.either(index, action, not_action, "Action").and_then(|found| match found {
            None => Err(self.refuse(index, &node.span, "the statement has neither `Action` nor `NotAction`: add one")),
            Some((not, member)) => self.matcher(index, not, member, Self::action),
        });
        let resources = self.either(index, resource, not_resource, "Resource").and_then(|found| match found {
            None => Ok(None),
            Some((not, member)) => self.matcher(index, not, member, Self::resource).map(Some),
        });
        let conditions = condition.map_or(Ok(Vec::new()), |member| self.conditions(index, &member.node));
        match (usable, effect, principals, actions, resources, conditions) {
            (Ok(()), Ok(effect), Ok(principals), Ok(actions), Ok(resources), Ok(conditions)) => Some(Statement {
                sid,
                index,
                span: node.span.clone(),
                effect,
                principals,
                actions,
                resources,
                conditions,
            }),
            (_, effect, _, actions, resources, _) => {
                if self.problems[before..].iter().any(|problem| problem.blinds) {
                    // An element that stands twice may be the one that was read, or not.
                    let known =
                        |name| members.iter().filter(|member| member.name.eq_ignore_ascii_case(name)).count() < 2;
                    self.unread.push(UnreadStatement {
                        effect: effect.ok().filter(|_| known("Effect")),
                        actions: actions.ok().filter(|_| known("Action") && known("NotAction")),
                        resources: resources.ok().flatten().filter(|_| known("Resource") && known("NotResource")),
                    });
                }
                None
            }
        }
    }

    /// `Effect` is compared with regard to case, as its page says (reference_policies_elements_effect.html).
    fn effect(&mut self, index: u32, statement: &Range<u32>, member: Option<&Member>) -> Result<Effect, Unusable> {
        let Some(member) = member else {
            return Err(self.refuse(index, statement, "the statement has no `Effect`: write \"Allow\" or \"Deny\""));
        };
        match &member.node.value {
            Value::String(effect) if &**effect == "Allow" => Ok(Effect::Allow),
            Value::String(effect) if &**effect == "Deny" => Ok(Effect::Deny),
            Value::String(other) => {
                let what = format!("`Effect` is `{}`: write \"Allow\" or \"Deny\", with regard to case", shown(other));
                Err(self.refuse(index, &member.node.span, what))
            }
            other => {
                let what = format!("`Effect` is {}: write \"Allow\" or \"Deny\"", other.kind());
                Err(self.refuse(index, &member.node.span, what))
            }
        }
    }

    /// An element or its opposite, not both.
    fn either<'a>(
        &mut self,
        index: u32,
        plain: Option<&'a Member>,
        not: Option<&'a Member>,
        name: &str,
    ) -> Result<Option<(bool, &'a Member)>, Unusable> {
        match (plain, not) {
            (Some(_), Some(not)) => {
                let what = format!("the statement has both `{name}` and `Not{name}`: keep one");
                Err(self.refuse(index, &not.span, what))
            }
            (Some(plain), None) => Ok(Some((false, plain))),
            (None, Some(not)) => Ok(Some((true, not))),
            (None, None) => Ok(None),
        }
    }

    /// The texts of a list, or the one that stands for it.
    fn texts<'a>(
        &mut self,
        index: u32,
        name: &str,
        node: &'a Node,
    ) -> Result<Vec<(&'a str, &'a Range<u32>)>, Unusable> {
        let nodes = if let Value::Array(nodes) = &node.value { nodes.as_slice() } else { std::slice::from_ref(node) };
        let mut texts = Vec::with_capacity(nodes.len());
        let mut usable = Ok(());
        for node in nodes {
            match &node.value {
                Value::String(text) => texts.push((&**text, &node.span)),
                other => {
                    let what = format!("`{name}` is {}, it is a text or a list of texts", other.kind());
                    usable = Err(self.refuse(index, &node.span, what));
                }
            }
        }
        usable.map(|()| texts)
    }

    fn matcher(
        &mut self,
        index: u32,
        not: bool,
        member: &Member,
        check: fn(&mut Self, u32, &str, &Range<u32>) -> Result<(), Unusable>,
    ) -> Result<Matcher, Unusable> {
        let texts = self.texts(index, &member.name, &member.node)?;
        if texts.is_empty() {
            // Of an empty list AWS says that the statement affects nothing; of an empty `Not…` it says nothing.
            let what = format!("`{}` is an empty list: name something, or remove the statement", member.name);
            self.problem(index, member.node.span.clone(), what, not);
            return Err(Unusable);
        }
        let mut usable = Ok(());
        for (text, span) in &texts {
            if let Err(why) = check(self, index, text, span) {
                usable = Err(why);
            }
        }
        usable?;
        Ok(Matcher { not, patterns: texts.into_iter().map(|(text, _)| text.into()).collect() })
    }

    fn action(&mut self, index: u32, text: &str, span: &Range<u32>) -> Result<(), Unusable> {
        let well = text == "*"
            || text.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
            || (text.contains('*') && !text.contains(char::is_whitespace));
        if !well {
            let what = format!("`{}` is no action: write service and name as `s3:GetObject`, or `*`", shown(text));
            return Err(self.refuse(index, span, what));
        }
        Ok(())
    }

    fn resource(&mut self, index: u32, text: &str, span: &Range<u32>) -> Result<(), Unusable> {
        if self.version == Version::Of2012
            && let Err(what) = variable::parts(text)
        {
            return Err(self.refuse(index, span, what));
        }
        let parts = text.splitn(6, ':').count();
        let arn = text.starts_with("arn:") && (parts == 6 || text.ends_with('*'));
        if !arn && !text.starts_with(['*', '?']) {
            let what = format!(
                "`{}` is no ARN and matches no resource: an ARN is `arn:partition:service:region:account:resource`, everything is `*`",
                shown(text)
            );
            self.problem(index, span.clone(), what, false);
        }
        Ok(())
    }

    fn principals(&mut self, index: u32, not: bool, member: &Member) -> Result<Principals, Unusable> {
        let name = &member.name;
        let mut of = Vec::new();
        let mut usable = Ok(());
        match &member.node.value {
            Value::String(text) if &**text == "*" => of.push(super::PrincipalPattern::Everyone),
            Value::String(text) => {
                let what =
                    format!("`{name}` is `{}`: a text can only be \"*\", else write {{\"AWS\": …}}", shown(text));
                return Err(self.refuse(index, &member.node.span, what));
            }
            Value::Object(kinds) => {
                let mut twice = Twice::default();
                for kind in kinds {
                    if twice.again(&kind.name) {
                        let what = format!("`{}` stands twice in `{name}`: keep one, with a list", shown(&kind.name));
                        usable = Err(self.refuse(index, &kind.span, what));
                    }
                    for (text, span) in self.texts(index, &kind.name, &kind.node)? {
                        match principal::read(&kind.name, text) {
                            Ok(principal) => {
                                if matches!(principal, super::PrincipalPattern::Deleted(_)) {
                                    let what = format!(
                                        "`{}` is the id of a principal that was deleted and means nobody: remove it",
                                        shown(text)
                                    );
                                    self.problem(index, span.clone(), what, false);
                                }
                                of.push(principal);
                            }
                            Err(what) => usable = Err(self.refuse(index, span, what)),
                        }
                    }
                }
            }
            other => {
                let what = format!("`{name}` is {}, it is \"*\" or an object as {{\"AWS\": …}}", other.kind());
                return Err(self.refuse(index, &member.node.span, what));
            }
        }
        usable?;
        if of.is_empty() {
            let what = format!("`{name}` names nobody: name somebody, or remove the statement");
            self.problem(index, member.node.span.clone(), what, not);
            return Err(Unusable);
        }
        Ok(Principals { not, of })
    }
}

/// Names that were seen, without regard to case.
#[derive(Default)]
pub(super) struct Twice(HashSet<String>);

impl Twice {
    pub(super) fn again(&mut self, name: &str) -> bool {
        !self.0.insert(name.to_ascii_lowercase())
    }
}

/// A stranger's text in a message: not all of it where it is long.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
