//! A network of a test's own.
//!
//! Owns the network namespace of one thread and of the programs that it starts. Must never change
//! the network of this machine.

use std::net::{SocketAddr, TcpStream};
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, Socket, Type};

use super::skip;

/// Runs a test in a network that has nothing but its loopback interface. Where none can be made,
/// says so and runs nothing.
pub(crate) fn in_own_network(test: impl FnOnce() + Send) {
    let run = || {
        let is_made = unshare(CloneFlags::CLONE_NEWNET).is_ok() && ip("link set lo up");
        match is_made {
            true => test(),
            false => skip(
                "no network namespace can be made here",
                "run as root, with iproute2",
            ),
        }
    };
    let ran = thread::scope(|scope| scope.spawn(run).join());
    ran.unwrap_or_else(|panic| resume_unwind(panic));
}

/// Runs `ip` with these arguments, and says whether that went well.
pub(crate) fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split(' '));
    command.status().is_ok_and(|status| status.success())
}

/// A connection from this address to that one.
pub(crate) fn connect_from(from: SocketAddr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None);
    let socket = socket.expect("there is room for one");
    socket.bind(&from.into()).expect("the address is there");
    socket.connect(&to.into()).expect("the server listens");
    socket.into()
}
