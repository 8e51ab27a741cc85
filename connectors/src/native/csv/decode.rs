//! Bytes of a file to UTF-8.
//!
//! A byte-order mark decides; without one the config does; without either the text must be UTF-8, because a wrong guess
//! changes names without a trace.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::fault::Fault;

/// A row may grow to this many bytes; one that is longer has an open quote or lost its line ends.
pub(super) const ROW_LIMIT: u64 = 16 << 20;
/// Bytes read at a time.
const CHUNK: usize = 1 << 17;

/// A file's text, and what is being read of it.
pub(super) struct Text {
    /// UTF-8, but where the input is malformed. There the byte 0xFF stands, which no UTF-8 holds.
    pub(super) reader: BufReader<Metered>,
    /// What is known so far.
    pub(super) meter: Rc<Meter>,
    /// The encoding's name.
    pub(super) encoding: &'static str,
    /// Bytes before the text: its byte-order mark, where positions of bytes are those of the file.
    pub(super) offset: u64,
}

/// Opens `source` as text; `named` is the config's encoding.
///
/// # Errors
/// A [`Fault`] when reading fails, or the bytes are UTF-16 that nobody named.
pub(super) fn open(source: impl Read + 'static, named: Option<&'static Encoding>) -> Result<Text, Fault> {
    let mut input = BufReader::with_capacity(CHUNK, source);
    let head = input.fill_buf().map_err(|error| Fault::interrupted(&error))?;
    let (encoding, mark) =
        Encoding::for_bom(head).map_or((named.unwrap_or(UTF_8), 0), |(marked, length)| (marked, length));
    let nul = head.iter().take(256).position(|byte| *byte == 0);
    let wide = encoding == UTF_16LE || encoding == UTF_16BE;
    if let Some(position) = nul.filter(|_| !wide) {
        let likely = if position % 2 == 1 { "utf-16le" } else { "utf-16be" };
        return Err(Fault::encoding(format!("byte {position} is zero, which no {} text holds", encoding.name()))
            .cause("the file is UTF-16 without a byte-order mark, or no text at all")
            .fix(format!("set `encoding = \"{likely}\"`, or export it again as UTF-8")));
    }
    input.consume(mark);
    let meter = Rc::new(Meter::default());
    let source: Box<dyn Read> = if encoding == UTF_8 {
        Box::new(input)
    } else {
        Box::new(Transcoder {
            input,
            decoder: encoding.new_decoder_without_bom_handling(),
            text: Vec::new(),
            at: 0,
            ended: false,
        })
    };
    let metered = Metered { source, meter: Rc::clone(&meter) };
    let offset = if encoding == UTF_8 { mark as u64 } else { 0 };
    Ok(Text { reader: BufReader::with_capacity(CHUNK, metered), meter, encoding: encoding.name(), offset })
}

/// What has passed through a reader.
#[derive(Debug, Default)]
pub(super) struct Meter {
    bytes: Cell<u64>,
    row_began: Cell<u64>,
    last: Cell<u8>,
}

impl Meter {
    /// Notes that a row was taken: the next may be as long again.
    pub(super) fn row(&self) {
        self.row_began.set(self.bytes.get());
    }

    /// Whether the text so far ends inside a line.
    pub(super) fn ends_inside_a_line(&self) -> bool {
        self.bytes.get() > 0 && !matches!(self.last.get(), b'\n' | b'\r')
    }
}

/// Counts what is read, and ends a row without end.
pub(super) struct Metered {
    source: Box<dyn Read>,
    meter: Rc<Meter>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let meter = &self.meter;
        if meter.bytes.get() - meter.row_began.get() > ROW_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a row is longer than 16 MiB; a quote in it is probably never closed",
            ));
        }
        let read = self.source.read(buffer)?;
        let bytes = &buffer[..read];
        meter.bytes.set(meter.bytes.get() + read as u64);
        if let Some(last) = bytes.last() {
            meter.last.set(*last);
        }
        Ok(read)
    }
}

/// Decodes any encoding to UTF-8.
struct Transcoder<R> {
    input: BufReader<R>,
    decoder: Decoder,
    text: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Transcoder<R> {
    fn refill(&mut self) -> io::Result<()> {
        let chunk = self.input.fill_buf()?;
        let last = chunk.is_empty();
        let room = self.decoder.max_utf8_buffer_length_without_replacement(chunk.len()).unwrap_or(4 * CHUNK).max(16);
        self.text.resize(room + 1, 0);
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(chunk, &mut self.text[..room], last);
        self.input.consume(read);
        self.text.truncate(written);
        self.at = 0;
        match result {
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => self.text.push(0xFF),
        }
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.refill()?;
        }
        let length = buffer.len().min(self.text.len() - self.at);
        buffer[..length].copy_from_slice(&self.text[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::WINDOWS_1252;

    fn decoded(bytes: &'static [u8], named: Option<&'static Encoding>) -> Vec<u8> {
        let mut out = Vec::new();
        open(bytes, named).unwrap().reader.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn a_mark_decides_then_the_config_then_utf_8() {
        assert_eq!(decoded(b"\xef\xbb\xbfJos\xc3\xa9", Some(WINDOWS_1252)), "José".as_bytes());
        assert_eq!(decoded(b"\xff\xfeJ\0o\0s\0\xe9\0", None), "José".as_bytes());
        assert_eq!(decoded(b"\xfe\xff\0J\0\xe9", None), "Jé".as_bytes());
        assert_eq!(decoded(b"Jos\xe9 \x80", Some(WINDOWS_1252)), "José €".as_bytes());
        assert_eq!(decoded(b"Jos\xe9", None), b"Jos\xe9");
    }

    #[test]
    fn malformed_input_stays_malformed() {
        assert!(std::str::from_utf8(&decoded(b"\xff\xfe\x00\xd8a\0", None)).is_err());
        assert!(std::str::from_utf8(&decoded(b"\xff\xfea", None)).is_err());
    }

    #[test]
    fn utf_16_that_nobody_named_is_refused_with_the_position_and_the_fix() {
        let Err(fault) = open(&b"J\0o\0"[..], None) else { panic!("accepted") };
        assert!(fault.what.contains("byte 1") && fault.fix.unwrap().contains("utf-16le"));
    }
}
