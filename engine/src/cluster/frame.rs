//! Frames: what is sent over a link, with its length before it. No frame is longer than a bound that both sides know.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// Writes a frame.
pub(super) fn write(link: &mut impl Write, body: &[u8], bytes_max: usize) -> io::Result<()> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= bytes_max);
    let length = length.ok_or_else(|| io::Error::other(format!("a frame of {} bytes is too long", body.len())))?;
    link.write_all(&length.to_be_bytes())?;
    link.write_all(body)
}

/// Reads a frame. An error of kind `UnexpectedEof` is the end of the link.
pub(super) fn read(link: &mut impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    link.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > bytes_max {
        return Err(io::Error::other(format!("a frame of {length} bytes is too long")));
    }
    let mut body = vec![0; length];
    link.read_exact(&mut body)?;
    Ok(body)
}

/// A link that is read from until a moment, and no longer.
pub(super) struct Within<'a> {
    pub(super) link: &'a TcpStream,
    pub(super) until: Instant,
}

impl Read for Within<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.link.set_read_timeout(Some(left))?;
        self.link.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back_and_none_is_longer_than_its_bound() {
        let mut link = Vec::new();
        write(&mut link, b"hello", 5).unwrap();
        write(&mut link, b"", 5).unwrap();
        assert!(write(&mut link, b"hello!", 5).is_err());
        let mut reader = link.as_slice();
        assert_eq!(read(&mut reader, 5).unwrap(), b"hello");
        assert_eq!(read(&mut reader, 5).unwrap(), b"");
        assert_eq!(read(&mut reader, 5).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(read(&mut [255, 255, 255, 255].as_slice(), 5).unwrap_err().to_string().contains("too long"));
    }
}
