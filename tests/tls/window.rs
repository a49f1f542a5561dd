//! A client whose window is shut, with ciphertext that waits inside the server.

use std::fs;
use std::time::{Duration, Instant};

use crate::peer::Keys;
use crate::support::{in_own_network, noise, skip};

/// Makes the kernel's buffers so small that no answer of this test fits. `false`: not here.
fn shrink_buffers() -> bool {
    ["tcp_wmem", "tcp_rmem"].iter().all(|name| {
        let path = format!("/proc/sys/net/ipv4/{name}");
        fs::write(path, "4096 4096 4096").is_ok()
    })
}

#[test]
fn an_answer_that_is_all_encrypted_and_not_all_sent_stalls_however_short_it_is() {
    in_own_network(|| {
        if !shrink_buffers() {
            return skip(
                "the kernel's buffers cannot be made smaller here",
                "run as root",
            );
        }
        let keys = Keys::new();
        let bytes = noise(14_000);
        let server = keys.serve(|setup| {
            // The listing leaves in one piece, as does the smaller file: then nothing is queued
            // outside of the cipher.
            let setup = (0..150).fold(setup, |setup, n| setup.file(&format!("{n:0100}"), b""));
            let setup = setup.file("carried", &bytes).sparse("file", 60_000);
            setup.with("--stall-timeout 1s --idle-timeout 10m --max-clients 4")
        });
        let mut other = server.client("Client01");
        let requests = ["list\n", "get carried\n", "get file\n"];
        let stuck: Vec<_> = requests
            .iter()
            .enumerate()
            .map(|(i, request)| {
                let mut peer = keys.client(&server, &format!("Client{:02}", i + 2));
                peer.send(request);
                peer
            })
            .collect();
        // Far more than the stall timeout, and far less than that of an idle client.
        let patience = Duration::from_secs(20);
        let start = Instant::now();
        loop {
            let lines = other.lines("status");
            let stalled = lines.iter().filter(|line| line.ends_with(" stalled"));
            if stalled.count() == stuck.len() {
                break;
            }
            assert!(start.elapsed() < patience, "{lines:?}");
        }
    });
}
