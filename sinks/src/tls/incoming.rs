//! Connections, once they are encrypted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;

use super::Tls;

/// How long a client may take to agree on the encryption.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How many clients may be at it at once.
const HANDSHAKES_MAX: usize = 256;

/// How many encrypted connections wait to be served.
const WAITING_MAX: usize = 16;

/// How long to wait after the system could not accept a connection: it may lack descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener. Each agrees on its encryption by itself, so that a slow client holds up nobody.
pub(crate) fn incoming(listener: TcpListener, tls: Tls) -> impl Stream<Item = io::Result<TlsStream<TcpStream>>> {
    let (served, connections) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        tokio::select! {
            () = accept(&listener, &tls, &served) => {}
            // The server has stopped.
            () = served.closed() => {}
        }
    });
    ReceiverStream::new(connections)
}

async fn accept(listener: &TcpListener, tls: &Tls, served: &mpsc::Sender<io::Result<TlsStream<TcpStream>>>) {
    let rooms = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        // It is never closed.
        let Ok(room) = Arc::clone(&rooms).acquire_owned().await else { return };
        let (connection, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let acceptor = TlsAcceptor::from(tls.config());
        let served = served.clone();
        tokio::spawn(async move {
            // Whether the system delays small packets is a matter of speed only.
            let _ = connection.set_nodelay(true);
            match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(connection)).await {
                // If nobody serves it any more, it is closed.
                Ok(Ok(connection)) => drop(served.send(Ok(connection)).await),
                Ok(Err(error)) => tracing::info!(%peer, %error, "a client could not agree on the encryption"),
                Err(_) => tracing::info!(%peer, "a client took too long to agree on the encryption"),
            }
            drop(room);
        });
    }
}
