//! The process's limit on open files.
//!
//! Owns the sum of what the server can have open at once. Must never be used after the start:
//! a server that might run out of descriptors refuses to start instead.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::engine::limits::Limits;

/// Descriptors of one client: its socket, and the file that is sent or the folder that is listed.
const PER_CLIENT: usize = 2;

/// What a client that uploads has open besides, while its file gets its name: the folder, and the
/// file that is replaced.
const PER_UPLOADER: usize = 2;

/// All other descriptors: standard streams, epoll, the signals' pipe, the served folder, inotify,
/// the listeners, a file that is examined, and what a C library may open for a moment.
const BESIDES: usize = 32;

/// The soft limit cannot be raised to what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFew {
    /// The most descriptors that the server can have open at once.
    pub needed: u64,
    /// The hard limit of the process.
    pub allowed: u64,
}

/// Makes sure that the process may open as many files as `limits` allow, and raises the soft limit
/// if necessary. `arriving`: peers wait at a gate before they are judged. `uploads`: how many files
/// uploads have open besides those of their clients, if they are accepted.
///
/// # Errors
/// When the hard limit is below that.
pub fn reserve(
    limits: &Limits,
    listeners: usize,
    arriving: bool,
    uploads: Option<usize>,
) -> Result<(), TooFew> {
    let arrivals = if arriving { limits.arrivals_max } else { 0 };
    let per_client = PER_CLIENT + uploads.map_or(0, |_| PER_UPLOADER);
    let others = listeners + arrivals + uploads.unwrap_or(0);
    let needed = needed(limits, per_client, others);
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

fn needed(limits: &Limits, per_client: usize, others: usize) -> u64 {
    let clients = limits.clients_max.saturating_mul(per_client);
    clients.saturating_add(limits.unadmitted_max + others + BESIDES) as u64
}
