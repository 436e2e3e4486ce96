//! The links by which timely's workers exchange what they work on.
//!
//! timely's own way to connect asks for no proof of who calls, and its threads panic when a link breaks. So it is given
//! links that have been greeted over, and that tell the status when they break.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;

use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::{CommsGuard, initialize_networking_from_sockets};
use timely::communication::allocator::zero_copy::stream::Stream;
use timely::communication::{AllocatorBuilder, Hooks};

use super::gone;
use crate::error::{EngineError, ErrorKind};
use crate::status::Status;

/// The size of the header of a message: six numbers, of which the fifth is the length of what follows it.
const HEADER_BYTES: usize = 48;

/// Where in a header the length is.
const LENGTH: std::ops::Range<usize> = 32..40;

/// A link to another process.
pub(crate) struct Link {
    pub(crate) tcp: TcpStream,
    /// Who is at its other end.
    pub(crate) who: Arc<str>,
}

/// The workers of this process, and its links to those of the others.
pub(crate) struct Peers {
    /// How many workers each process has.
    pub(crate) workers: usize,
    /// The number of this process.
    pub(crate) process: usize,
    /// By process; none to itself.
    pub(crate) links: Vec<Option<Link>>,
    /// Where it is told that one has gone.
    pub(crate) status: Option<Arc<Status>>,
}

impl Peers {
    /// No other process.
    pub(crate) fn alone(workers: usize) -> Self {
        Peers { workers, process: 0, links: Vec::new(), status: None }
    }

    /// Whether there is no other process.
    pub(crate) fn is_alone(&self) -> bool {
        self.links.iter().all(Option::is_none)
    }

    /// The number of the first worker of this process among all.
    pub(crate) fn first_worker(&self) -> usize {
        self.process * self.workers
    }

    /// The places of this process's workers among all, and the threads that serve the links.
    pub(crate) fn seats(self) -> Result<(Vec<AllocatorBuilder>, CommsGuard), EngineError> {
        let Hooks { refill, .. } = Hooks::default();
        let here = ProcessBuilder::new_typed_vector(self.workers, refill, None);
        let status = self.status;
        let watched =
            |link: Link| Watched { tcp: link.tcp, who: link.who, status: status.clone(), place: Place::default() };
        let links = self.links.into_iter().map(|link| link.map(watched)).collect();
        let linked = initialize_networking_from_sockets(here, links, self.process, self.workers, Hooks::default());
        let (seats, links) = linked.map_err(|error| {
            let what = format!("cannot link the workers of the processes: {error}");
            EngineError::new(ErrorKind::Unavailable, what, "raise the limits on threads and open files")
        })?;
        Ok((seats.into_iter().map(AllocatorBuilder::Tcp).collect(), links))
    }
}

/// A link that tells when it breaks. The thread that finds it broken sleeps from then on: the process is about to end, and
/// timely would panic.
struct Watched {
    tcp: TcpStream,
    who: Arc<str>,
    status: Option<Arc<Status>>,
    place: Place,
}

/// Where in the messages of a link its reader is.
#[derive(Default)]
struct Place {
    /// What was read of a header that is not whole yet.
    header: Vec<u8>,
    /// How much of a message is still to come.
    body_bytes: u64,
    /// Whether the last message was the one without content, by which timely ends a link, and nothing followed it. What was
    /// read last must not tell: the content of a message may be zeros too.
    has_ended: bool,
}

impl Place {
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.has_ended = false;
            if self.body_bytes > 0 {
                let passed = bytes.len().min(usize::try_from(self.body_bytes).unwrap_or(usize::MAX));
                self.body_bytes -= passed as u64;
                bytes = &bytes[passed..];
                continue;
            }
            let (more, rest) = bytes.split_at(bytes.len().min(HEADER_BYTES - self.header.len()));
            self.header.extend_from_slice(more);
            bytes = rest;
            if self.header.len() == HEADER_BYTES {
                let length = self.header[LENGTH].try_into().map_or(0, u64::from_be_bytes);
                self.header.clear();
                self.body_bytes = length;
                self.has_ended = length == 0;
            }
        }
    }
}

impl Watched {
    fn broken(&self, why: &str) -> ! {
        if let Some(status) = &self.status {
            status.fail(gone(&self.who, why));
        }
        loop {
            thread::park();
        }
    }

    fn checked<T>(&self, result: io::Result<T>) -> io::Result<T> {
        match result {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => self.broken(&error.to_string()),
            result => result,
        }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tcp.read(buffer);
        let count = self.checked(read)?;
        if count == 0 && !self.place.has_ended {
            self.broken("it closed a link");
        }
        self.place.pass(&buffer[..count]);
        Ok(count)
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.tcp.write(bytes);
        self.checked(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.tcp.flush();
        self.checked(flushed)
    }
}

impl Stream for Watched {
    fn try_clone(&self) -> io::Result<Self> {
        let (who, status) = (Arc::clone(&self.who), self.status.clone());
        Ok(Watched { tcp: self.tcp.try_clone()?, who, status, place: Place::default() })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.tcp.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self.tcp.shutdown(how) {
            // The other end was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    /// What is read of a link over which these parts were sent before it was closed; nothing if it is read for ever.
    fn read_to_end(parts: &[&[u8]]) -> (Option<usize>, Arc<Status>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (tcp, _) = listener.accept().unwrap();
        parts.iter().for_each(|part| sender.write_all(part).unwrap());
        drop(sender);
        let status = Arc::new(Status::new(Vec::new()));
        let mut link =
            Watched { tcp, who: Arc::from("process 1"), status: Some(Arc::clone(&status)), place: Place::default() };
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut all = Vec::new();
            // In small pieces, so that the end comes in several.
            let mut buffer = [1; 7];
            while let Ok(count @ 1..) = link.read(&mut buffer) {
                all.extend_from_slice(&buffer[..count]);
            }
            tell.send(all.len()).unwrap();
        });
        let since = Instant::now();
        loop {
            match told.recv_timeout(Duration::from_secs(1)) {
                Err(_) if status.failure().is_none() && since.elapsed() < Duration::from_secs(60) => {}
                read => return (read.ok(), status),
            }
        }
    }

    /// A message of timely.
    fn message(content: &[u8]) -> Vec<u8> {
        let header = [7, 1, 0, 1, content.len() as u64, 3].map(u64::to_be_bytes).concat();
        [&header, content].concat()
    }

    #[test]
    fn a_link_that_ends_as_timely_ends_it_has_not_broken() {
        let parts = [message(b"some data"), message(&[0; 100]), message(b"")];
        let (read, status) = read_to_end(&parts.each_ref().map(Vec::as_slice));
        assert_eq!(read, Some(3 * HEADER_BYTES + 9 + 100));
        assert_eq!(status.failure(), None);
    }

    #[test]
    fn a_link_that_ends_otherwise_is_told_with_the_process_and_its_thread_does_not_panic() {
        let (data, end) = (message(b"some data"), message(b""));
        for parts in
            [&[&data[..]][..], &[&data[..30]], &[&end[..HEADER_BYTES - 1]], &[&end, b"more"], &[&end, &data], &[]]
        {
            let (read, status) = read_to_end(parts);
            assert_eq!(read, None);
            assert_eq!(status.failure().unwrap().what, "process 1 has gone: it closed a link");
        }
    }

    #[test]
    fn a_process_that_is_killed_after_a_message_of_zeros_has_not_ended_its_link() {
        let (read, status) = read_to_end(&[&message(&[0; 100])]);
        assert_eq!(read, None);
        assert!(status.failure().is_some());
    }
}
