//! What stands still: a server that is stopped for a while and goes on, and a webhook that takes a letter and never answers.
//! Nothing is lost, nothing comes twice, and nobody else waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(unix)]

mod live;
mod outputs;
mod storm;
mod watch;
mod webhook;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use live::{Server, views};
use outputs::{alert, begun, never, reached};
use parking_lot::Mutex;
use storm::{Push, assert_same, calm, day, settle};
use watch::Watch;
use webhook::Hook;

const BATCHES: u64 = 60;

fn signal(server: &Server, signal: &str) {
    assert!(Command::new("kill").args([signal, &server.process.id().to_string()]).status().unwrap().success());
}

/// Pushes, and gives the last tick. Each batch has a tick of its own.
async fn push(server: &Server, day: &[Push]) -> u64 {
    let (client, mut last) = (server.client().await, 0);
    for (source, id, batch) in day {
        last = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick;
    }
    last
}

/// The ids of the letters that a hook was sent, in their order.
fn ids(hook: &Hook) -> Vec<String> {
    hook.take().iter().map(|letter| letter.json()["id"].to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_for_a_while_loses_no_reader_and_no_letter() {
    let day = day(BATCHES);
    let (expected, hook) = (calm(&day).await, Hook::start());
    let sinks = ["alert.breaks", "alert_channel.ops"];
    let folder = outputs::folder(&alert(&format!("kind = \"webhook\"\nurl = \"{}\"", hook.url)));
    let mut server = Server::start(folder.path());
    begun(&mut server, &sinks, &mut never).await;
    let watch = Watch::begun(&server).await;
    let mut last = 0;
    for part in day.chunks(day.len() / 4) {
        let pausing = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            signal(&server, "-STOP");
            tokio::time::sleep(Duration::from_millis(700)).await;
            signal(&server, "-CONT");
        };
        (last, ()) = tokio::join!(push(&server, part), pausing);
    }
    let client = server.client().await;
    settle(&client, &day).await;
    assert_same(&views(&client, false).await, &expected, "after it stood still");
    reached(&mut server, &sinks, last, &mut never).await;
    let letters = ids(&hook);
    let distinct: BTreeSet<_> = letters.iter().collect();
    assert!(letters.len() > 10 && distinct.len() == letters.len(), "each letter comes once: {letters:?}");
    let [faithful, wandering] = watch.end(last).await;
    assert!(faithful.ticks > 20 && faithful.anew == 0 && wandering.anew == 0, "{faithful:?} {wandering:?}");
    assert_eq!(faithful.resumed, 0, "a server that stands still loses no connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_never_answers_holds_up_nobody_and_is_told_all_in_the_end() {
    let day = day(BATCHES);
    let expected = calm(&day).await;
    let (release, released) = channel::<Infallible>();
    let released = Mutex::new(released);
    let (good, hung) = (
        Hook::start(),
        Hook::answering(move |_| {
            // Until the other end is dropped.
            let _ = released.lock().recv();
            "200 OK\r\n".to_owned()
        }),
    );
    let hook = |url: &str| format!("kind = \"webhook\"\nurl = \"{url}\"\ntimeout_seconds = 1");
    let config = alert(&hook(&good.url)).replace("to = [\"ops\"]", "to = [\"ops\", \"hung\"]");
    let folder = outputs::folder(&format!("{config}\n[alert_channel.hung]\n{}\n", hook(&hung.url)));
    let mut server = Server::start(folder.path());
    begun(&mut server, &["alert.breaks", "alert_channel.ops"], &mut never).await;
    let last = push(&server, &day).await;
    reached(&mut server, &["alert.breaks", "alert_channel.ops"], last, &mut never).await;
    // One that is not answered in time is sent again.
    let mut told = ids(&good);
    told.dedup();
    let client = server.client().await;
    settle(&client, &day).await;
    assert_same(&views(&client, false).await, &expected, "while a webhook hangs");
    assert!(told.len() > 10, "the other one is told: {told:?}");

    // It is tried again and again, and a stop does not wait for it.
    let mut tried = ids(&hung);
    while tried.len() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        tried.extend(ids(&hung));
    }
    assert!(tried.iter().all(|id| *id == told[0]), "the first letter, again: {tried:?}");
    signal(&server, "-TERM");
    assert!(server.process.wait().unwrap().success());

    drop(release);
    let mut server = Server::start(folder.path());
    reached(&mut server, &["alert_channel.hung"], last, &mut never).await;
    let mut letters = ids(&hung);
    letters.dedup();
    assert_eq!(letters, told, "each letter, in order");
    assert_eq!(ids(&good), Vec::<String>::new(), "and nobody else again");
}
