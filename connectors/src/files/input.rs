//! The bytes of a file as UTF-8 text: decompressed, transcoded, a chunk at a time.
//!
//! What the disk cannot give is an error of the engine. What the content cannot give (a compressed file that is cut off
//! or damaged) ends the text, and is told to whoever reads it.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

const CHUNK_BYTES: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A byte that no UTF-8 text holds: it stands for what the encoding of the file does not know.
const UNREADABLE: u8 = 0xff;

/// Text that is read from its start to its end.
pub(crate) struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    damage: Option<String>,
    encoding: &'static Encoding,
}

impl Input {
    /// The text of a file, which may be compressed. The encoding is that of its byte order mark, or else `encoding`.
    pub(crate) fn open(mut file: File, encoding: &'static Encoding) -> io::Result<Input> {
        let magic = read_up_to::<4>(&mut file)?;
        file.rewind()?;
        let file = BufReader::with_capacity(CHUNK_BYTES, file);
        let bytes: Box<dyn Read + Send> = if magic.starts_with(&GZIP) {
            Box::new(flate2::bufread::MultiGzDecoder::new(file))
        } else if magic == ZSTD {
            Box::new(zstd::stream::read::Decoder::with_buffer(file)?)
        } else {
            Box::new(file)
        };
        let buffer = Vec::new();
        let mut input = Input { reader: bytes, buffer, start: 0, end: 0, ended: false, damage: None, encoding };
        input.transcode()?;
        Ok(input)
    }

    /// What was read and not consumed yet.
    pub(crate) fn window(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether nothing follows the window.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Why the text ends before its time, if it does.
    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// The first byte that is not blank, as far as the window reaches.
    pub(crate) fn first_byte(&mut self) -> io::Result<Option<u8>> {
        while self.window().is_empty() && !self.ended {
            self.read_more()?;
        }
        Ok(self.window().iter().copied().find(|byte| !byte.is_ascii_whitespace()))
    }

    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = self.end.min(self.start + bytes);
    }

    /// The name of the encoding that the file is in, by its mark or by configuration.
    pub(crate) fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// Makes the window larger, or finds that the text has ended.
    pub(crate) fn read_more(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        self.buffer.resize(self.buffer.len().max(self.end + CHUNK_BYTES), 0);
        match self.reader.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_of_the_disk(&error) => return Err(error),
            Err(error) => {
                self.ended = true;
                self.damage = Some(error.to_string());
            }
        }
        Ok(())
    }

    /// Takes off the byte order mark, and has all that follows transcoded.
    fn transcode(&mut self) -> io::Result<()> {
        const MARK_BYTES_MAX: usize = 3;
        while self.window().len() < MARK_BYTES_MAX && !self.ended {
            self.read_more()?;
        }
        let (encoding, mark_bytes) = Encoding::for_bom(self.window()).unwrap_or((self.encoding, 0));
        self.encoding = encoding;
        self.consume(mark_bytes);
        if encoding != UTF_8 {
            let read_already = Cursor::new(self.window().to_vec());
            let rest = std::mem::replace(&mut self.reader, Box::new(io::empty()));
            let damage = Damage(self.damage.take());
            self.reader = Box::new(Transcoder::new(read_already.chain(damage).chain(rest), encoding));
            (self.start, self.end, self.ended) = (0, 0, false);
        }
        Ok(())
    }
}

/// An error of the system has its number; what decompressors complain about has none.
fn is_of_the_disk(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
}

fn read_up_to<const N: usize>(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(N);
    file.take(N as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Nothing, or the damage that was already met.
struct Damage(Option<String>);

impl Read for Damage {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), |damage| Err(io::Error::other(damage)))
    }
}

/// Text in another encoding, as UTF-8.
struct Transcoder<R> {
    reader: R,
    decoder: Decoder,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    finished: bool,
}

impl<R: Read> Transcoder<R> {
    fn new(reader: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Transcoder { reader, decoder, buffer: vec![0; CHUNK_BYTES], start: 0, end: 0, ended: false, finished: false }
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let Some(room) = output.len().checked_sub(1) else { return Ok(0) };
        while !self.finished {
            if self.start == self.end && !self.ended {
                (self.start, self.end) = (0, self.reader.read(&mut self.buffer)?);
                self.ended = self.end == 0;
            }
            let input = &self.buffer[self.start..self.end];
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(input, &mut output[..room], self.ended);
            self.start += read;
            self.finished = self.ended && result == DecoderResult::InputEmpty;
            if let DecoderResult::Malformed(..) = result {
                output[written] = UNREADABLE;
                return Ok(written + 1);
            }
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}
