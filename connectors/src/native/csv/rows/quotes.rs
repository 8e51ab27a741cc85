//! Watches the quotes of a delimited file pass by.
//!
//! The CSV library forgives a quote that closes in the middle of a value. Here it is the sign that one before it was never
//! closed, and that the rows in between were swallowed as part of a value: people who would look as if they had left.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Where a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Before the first byte of a value.
    #[default]
    Start,
    /// In a value without quotes.
    Bare,
    /// In a quoted value.
    Quoted,
    /// Behind a quote that closes a value, or is the first of a doubled one.
    Closed,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    state: Cell<State>,
    bytes: Cell<u64>,
    /// Positions of bytes that follow a closing quote and should not.
    misplaced: RefCell<VecDeque<u64>>,
}

impl Seen {
    /// Whether a quote was misplaced before `end`, since the last question.
    pub(super) fn misplaced_before(&self, end: u64) -> bool {
        let mut misplaced = self.misplaced.borrow_mut();
        let known = misplaced.len();
        while misplaced.front().is_some_and(|position| *position < end) {
            misplaced.pop_front();
        }
        misplaced.len() < known
    }

    /// Whether the text so far ends inside a quoted value.
    pub(super) fn ends_inside_a_value(&self) -> bool {
        self.state.get() == State::Quoted
    }

    /// Whether a row that ends at `end` was cut off inside a quoted value: everything was read, and no quote closes it.
    pub(super) fn cut_off_at(&self, end: u64) -> bool {
        self.ends_inside_a_value() && self.bytes.get() == end
    }

    fn watch(&self, bytes: &[u8], delimiter: u8) {
        let ends_value = |byte: u8| byte == delimiter || byte == b'\n' || byte == b'\r';
        let mut state = self.state.get();
        if matches!(state, State::Start | State::Bare) && !bytes.contains(&b'"') {
            state = bytes.last().map_or(state, |last| if ends_value(*last) { State::Start } else { State::Bare });
        } else {
            for (index, byte) in bytes.iter().enumerate() {
                state = match (state, *byte) {
                    (State::Quoted, b'"') => State::Closed,
                    (State::Quoted, _) | (State::Start | State::Closed, b'"') => State::Quoted,
                    (State::Start | State::Bare | State::Closed, byte) if ends_value(byte) => State::Start,
                    (State::Closed, b' ') => State::Closed,
                    (State::Closed, _) => {
                        self.misplaced.borrow_mut().push_back(self.bytes.get() + index as u64);
                        State::Bare
                    }
                    (State::Start | State::Bare, _) => State::Bare,
                };
            }
        }
        self.state.set(state);
        self.bytes.set(self.bytes.get() + bytes.len() as u64);
    }
}

/// A reader that watches.
#[derive(Debug)]
pub(super) struct Quotes<R> {
    pub(super) text: R,
    pub(super) delimiter: u8,
    pub(super) seen: Rc<Seen>,
}

impl<R: BufRead> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(buffer)?;
        self.seen.watch(&buffer[..read], self.delimiter);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, piece: usize) -> Seen {
        let seen = Seen::default();
        text.as_bytes().chunks(piece).for_each(|piece| seen.watch(piece, b','));
        seen
    }

    #[test]
    fn a_quote_is_misplaced_when_a_value_goes_on_behind_it() {
        for piece in [1, 2, 3, 100] {
            for good in ["a,\"b\"\n", "\"a\"\"b\",\"\"\r\n\"\"", "5\" disk,x\n", "\"a\" ,b", "\"a\nb\",c"] {
                let seen = seen(good, piece);
                assert!(!seen.misplaced_before(u64::MAX) && !seen.ends_inside_a_value(), "{good}");
            }
            let swallowed = seen("2,\"Bo\n3,Cy\n4,\"Di\"\n", piece);
            assert!(!swallowed.misplaced_before(14));
            assert!(swallowed.misplaced_before(15));
            assert!(!swallowed.misplaced_before(u64::MAX));
            assert!(seen("1,\"a\n2,b\n", piece).ends_inside_a_value());
        }
    }
}
