//! A webhook that remembers what it was sent, and answers as it is told.
//!
//! Included by several tests, none of which needs all of it.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A webhook that runs until the test ends.
pub(crate) struct Hook {
    pub(crate) url: String,
    received: Receiver<Received>,
    sender: Sender<Received>,
}

/// The first line of an answer and its headers, for the request with a number.
type Answers = Arc<dyn Fn(usize) -> String + Send + Sync>;

impl Hook {
    /// One that takes everything.
    pub(crate) fn start() -> Hook {
        Hook::answering(|_| "200 OK\r\n".to_owned())
    }

    /// One that answers the first request, the second, and so on, as it is told: `200 OK\r\nretry-after: 1\r\n`.
    pub(crate) fn answering(answers: impl Fn(usize) -> String + Send + Sync + 'static) -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, received) = channel();
        let kept = sender.clone();
        let answers: Answers = Arc::new(answers);
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sender, answers, count) = (sender.clone(), Arc::clone(&answers), Arc::clone(&count));
                thread::spawn(move || converse(stream, &sender, &answers, &count));
            }
        });
        Hook { url, received, sender: kept }
    }

    /// Where what was sent is put, by one who takes it in another way.
    pub(crate) fn sender(&self) -> Sender<Received> {
        self.sender.clone()
    }

    /// What was sent since the last time that this was asked.
    pub(crate) fn take(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

/// Reads one request; `None` where there is none.
pub(crate) fn read_request(reading: &mut impl BufRead) -> Option<Received> {
    let (mut line, mut headers) = (String::new(), BTreeMap::new());
    if reading.read_line(&mut line).ok()? == 0 {
        return None;
    }
    loop {
        let mut header = String::new();
        reading.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reading.read_exact(&mut body).ok()?;
    Some(Received { headers, body: String::from_utf8(body).ok()? })
}

/// Answers the requests of one connection. One who sends may die in the middle.
fn converse(
    stream: TcpStream,
    sender: &Sender<Received>,
    answers: &Answers,
    count: &std::sync::atomic::AtomicUsize,
) -> Option<()> {
    let mut writing = stream.try_clone().ok()?;
    let mut reading = BufReader::new(stream);
    loop {
        sender.send(read_request(&mut reading)?).ok()?;
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        write!(writing, "HTTP/1.1 {}content-length: 0\r\n\r\n", answers(number)).ok()?;
    }
}
