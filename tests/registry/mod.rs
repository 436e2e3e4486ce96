//! A schema registry for tests, that goes away and comes back as it is told.
//!
//! Included by several tests, none of which needs all of it.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// A registry that runs until this is dropped.
pub(crate) struct Registry {
    address: String,
    pub(crate) known: Known,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

/// What it knows, and what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: BTreeMap<String, (u16, Value)>,
    authorization: Option<String>,
    asked: Vec<String>,
}

impl Registry {
    pub(crate) fn start() -> Registry {
        let mut registry = Registry::away();
        registry.come_back();
        registry
    }

    /// One that is not there yet.
    pub(crate) fn away() -> Registry {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Registry { address, known: Known::default(), running: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn come_back(&mut self) {
        let listener = TcpListener::bind(&self.address).unwrap();
        let (stopping, known) = (Arc::new(AtomicBool::new(false)), self.known.clone());
        let stop = Arc::clone(&stopping);
        let serving = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                known.converse(stream);
            }
        });
        self.running = Some((stopping, serving));
    }

    pub(crate) fn go_away(&mut self) {
        if let Some((stopping, serving)) = self.running.take() {
            stopping.store(true, Ordering::SeqCst);
            drop(TcpStream::connect(&self.address));
            serving.join().unwrap();
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl Known {
    pub(crate) fn register(&self, id: u32, schema: &str) {
        self.answer(&format!("/schemas/ids/{id}"), 200, json!({ "schema": schema }));
    }

    /// The answer to whoever asks at a path.
    pub(crate) fn answer(&self, path: &str, status: u16, body: Value) {
        self.0.lock().answers.insert(path.to_owned(), (status, body));
    }

    /// From now on this must be shown.
    pub(crate) fn demand(&self, authorization: &str) {
        self.0.lock().authorization = Some(authorization.to_owned());
    }

    /// The paths that were asked at since this was asked last.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().asked)
    }

    /// Answers one request; without the head of one nothing.
    pub(crate) fn converse(&self, stream: impl Read + Write) {
        let mut reading = BufReader::new(stream);
        let mut line = String::new();
        if reading.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut shown = None;
        loop {
            let mut header = String::new();
            if reading.read_line(&mut header).is_err() || header.trim().is_empty() {
                break;
            }
            if let Some((_, value)) =
                header.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            {
                shown = Some(value.trim().to_owned());
            }
        }
        let (status, body) = self.answer_to(path, shown);
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let mut stream = reading.into_inner();
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        let _ = stream.flush();
    }

    fn answer_to(&self, path: String, shown: Option<String>) -> (u16, Value) {
        let mut state = self.0.lock();
        state.asked.push(path.clone());
        if state.authorization.is_some() && state.authorization != shown {
            return (401, json!({ "error_code": 40101, "message": "Unauthorized" }));
        }
        let unknown = || (404, json!({ "error_code": 40403, "message": "Schema not found" }));
        state.answers.get(&path).cloned().unwrap_or_else(unknown)
    }
}
