//! The process's limit on open files.
//!
//! Owns the sum of what the server can have open at once. Must never be asked after the start:
//! a server that might run out refuses to start instead.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::engine::limits::Limits;

/// What one client can have open: its socket, and the file or the folder that is sent to it.
const PER_CLIENT: usize = 2;

/// What is open besides: standard streams, epoll, the signals' pipe, the served folder, what tells
/// of changes in it, the listeners, a file that is looked at, and what a C library may open for a
/// moment.
const BESIDES: usize = 32;

/// The soft limit cannot be raised to what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFew {
    /// What the server can have open at once.
    pub needed: u64,
    /// The most that the process is allowed.
    pub allowed: u64,
}

/// Makes sure that the process may open what `limits` let it, raising the soft limit if need be.
///
/// # Errors
/// When the hard limit is below that.
pub fn reserve(limits: &Limits, listeners: usize) -> Result<(), TooFew> {
    let needed = needed(limits, listeners);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let allowed = maximum.unwrap_or(u64::MAX);
    let too_few = TooFew { needed, allowed };
    if allowed < needed {
        return Err(too_few);
    }
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(needed),
            maximum,
        },
    )
    .map_err(|_| too_few)
}

fn needed(limits: &Limits, listeners: usize) -> u64 {
    let clients = limits.clients_max.saturating_mul(PER_CLIENT);
    clients.saturating_add(limits.unadmitted_max + listeners + BESIDES) as u64
}
