//! Addresses for processes that are to find each other.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// An address that nobody has, and that nobody is given who asks for any: the system gives higher ports.
pub(crate) fn free_address() -> String {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(100).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let address = format!("127.0.0.1:{}", 10_000 + number % 20_000);
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
