//! The longer texts in the help of `berth`.
//!
//! Owns their words. Must never be the place of an option's own help, which stands with the option.

/// What the program is.
pub(super) const LONG_ABOUT: &str = "\
Talk to a berthd server: list its files, download them, upload others, see who is
connected.

Without a command, berth is a prompt at a terminal. Otherwise standard input is
a script of one request per line; answers go to standard output byte for byte,
everything else to standard error:

  printf 'list\\nget notes.txt\\n' | berth --server files.example:23784";

/// What is behind the help of `berth get`.
pub(super) const GET_AFTER_HELP: &str = "\
A file is downloaded to .NAME.part beside its destination and renamed when it is
complete. .NAME.part.meta holds the file's line of the listing. The same command
resumes such a part if the server's file still has the same size and time. A
dropped connection is resumed, with exponential backoff and jitter.

With -o - the bytes go to standard output as they arrive.";

/// What is behind the help of `berth put`.
pub(super) const PUT_AFTER_HELP: &str = "\
A file appears on the server when all of it is there, verified and on the disk.
The server keeps what it has of a file whose upload was cut; the same command goes
on from there, from any machine. A dropped connection is resumed, with exponential
backoff and jitter. A file that is there already is not sent again.

The file is read twice: for its SHA-256, and to be sent. With - standard input is
kept in a temporary file first (TMPDIR).

  berth put notes.txt                          as notes.txt
  berth put notes.txt --as inbox/today.txt
  berth put *.jpg --as pictures/
  berth put -r photos --as archive/2026/
  tar cz . | berth put - --as backup.tar.gz";

/// What is behind the help of `berth`.
pub(super) const AFTER_HELP: &str = "\
Without a command:
  status       shows the connected clients and the latest that left
  list         lists the files on the server
  get NAME     downloads the file into the current folder, under the last part
               of its name; a file that already exists is left as it is
  put FILE     uploads the file under the last part of its name; put FILE NAME
               gives it another; a file that already exists is left as it is
  stat NAME    shows the file's line of the listing: its size and time
  sha256 NAME  shows the file's SHA-256 and size
  exit         ends the session, as the end of input does
  any other line is a message; the reply is the line with ' ACK' appended

Durations are written as 500ms, 30s, 10m, 1h 30m. NO_COLOR turns colours off.

Exit codes, which never change:
   0  success, verified if requested
   1  any other error
   2  usage error, also for a request that berth does not send
   7  cannot connect
   9  the token gives no right to the request
  18  fewer bytes than announced, or no END: the connection ended too early
  19  the file does not match the server's SHA-256
  22  the server refused a request
  23  cannot write the file or standard output
  25  the server takes no uploads
  26  cannot read the local file
  28  timed out
  33  cannot resume from the existing part; a file changed during its upload
  35  no TLS with the server
  60  the server is not trusted, its key has changed, or it is no place for a token
  65  the server does not follow the protocol
  67  the server does not let this client in: no token for it, or a wrong one
  70  the server has no room for the file
  73  the file already exists, here or on the server
  75  the server is full: try later, or --wait
  77  the tokens, or whom to trust, cannot be read or are open to others
  78  the server has no such file
 130  interrupted by Ctrl-C

If several requests fail, the code is that of the first. A script continues
after 2, 9, 19, 22, 25, 26, 33, 70, 73 and 78, and after a 23 before the first
byte of a file, but not behind an upload as it is on the wire (put SIZE NAME). At
a prompt, only the error that ends the session counts.";
