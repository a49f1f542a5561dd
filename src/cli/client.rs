//! The command line of `berth`.
//!
//! Owns its options and its help. Must never look a name up: whether the server exists is found out
//! by connecting.

use clap::Parser;

use crate::wire::DEFAULT_ADDRESS;

/// What `berth` is told when it is started.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "berth",
    version,
    about = "Talk to a berthd server: see who is there, list its files and get them",
    long_about = LONG_ABOUT,
    after_long_help = AFTER_HELP
)]
pub struct ClientArgs {
    /// The server, by address or host name.
    #[arg(
        long,
        long_help = "The server, by address or host name; an IPv6 address as in [::1]:23784",
        value_name = "ADDR:PORT",
        env = "BERTH_SERVER",
        hide_env_values = true,
        default_value = DEFAULT_ADDRESS,
        value_parser = server
    )]
    pub server: String,
}

const LONG_ABOUT: &str = "\
Talk to a berthd server: see who is there, list its files and get them.

At a terminal berth is a prompt: a line is sent, the answer is shown.
Otherwise standard input is a script of one request per line; answers go to
standard output byte for byte, everything else to standard error:

  printf 'list\\nget notes.txt\\n' | berth --server files.example:23784";

const AFTER_HELP: &str = "\
Requests:
  status     who is connected, and who was
  list       the files that can be had
  get NAME   saves the file in the current folder, under the last part of its
             name and only when all of it has come; a file that is there
             already is left as it is. Interrupted by Ctrl-C, it leaves
             .NAME.*.part behind
  exit       leaves, as the end of the input does
  any other line comes back with ' ACK' behind it

Exit codes:
   0  all done
   1  something not in this list
   2  wrong usage, also of a request that berth does not send
   7  cannot connect
  18  the connection ended before the whole answer had come
  22  the server refused a request
  23  cannot write the file or standard output
  65  the server does not follow the protocol
  73  a file of that name exists here
  75  the server is full: try later
In a script the session goes on after 2, 22 and 73, and after a 23 that comes
before the first byte; the code is that of the first failure. At a prompt only
what ends the session counts.";

/// Takes `HOST:PORT`, where HOST may be an IPv6 address in brackets.
fn server(text: &str) -> Result<String, &'static str> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err("the port is missing, as in 127.0.0.1:23784");
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.contains(':') && !bracketed {
        return Err("an IPv6 address stands in brackets, as in [::1]:23784");
    }
    if host.is_empty() {
        return Err("the address is missing, as in 127.0.0.1:23784");
    }
    match port.parse::<u16>() {
        Ok(1..) => Ok(text.to_owned()),
        _ => Err("a port is a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        ClientArgs::command().debug_assert();
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for good in [DEFAULT_ADDRESS, "[::1]:1", "localhost:65535", "a-b.c:80"] {
            assert_eq!(server(good).as_deref(), Ok(good));
        }
        for bad in [
            "", "host", "::1", ":80", "h:", "h:0", "h:65536", "h:http", "h:+",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_help_fits_a_terminal_and_names_every_exit_code() {
        let help = ClientArgs::command().render_long_help().to_string();
        for code in [0, 1, 2, 7, 18, 22, 23, 65, 73, 75] {
            assert!(help.contains(&format!("\n  {code:>2}  ")), "{code}");
        }
        assert!(help.lines().all(|line| line.len() <= 80), "{help}");
        assert!(help.contains("BERTH_SERVER") && help.contains(DEFAULT_ADDRESS));
    }
}
