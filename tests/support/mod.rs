//! What the tests on real sockets share: a server of one's own, and a peer that speaks to it.

// Every test crate that includes this uses another part of it.
#![allow(dead_code, unused_imports)]

mod network;
mod peer;
mod server;
mod skip;
mod strace;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

pub(crate) use network::{connect_from, in_own_network, ip};
pub(crate) use peer::{Peer, meanwhile};
pub(crate) use server::{Server, Setup};
pub(crate) use skip::skip;
pub(crate) use strace::{Strace, can_trace};

/// Far longer than anything takes on the slowest machine that runs this: it is there so that a
/// mistake ends in a message.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes that look random and are the same every time.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What a finished program said: its exit code, standard output and standard error.
pub(crate) fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command
        .stderr(Stdio::piped())
        .output()
        .expect("the program was built");
    let text = |bytes| String::from_utf8(bytes).expect("programs write text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Whether something is there.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
