//! Clients that others wrote.

use std::process::{Command, Stdio};

use crate::peer::{Keys, tls_address};
use crate::support::{Server, noise, outcome, skip};

#[test]
fn openssl_speaks_to_it_as_nc_does() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.file("a", b"0123456789"));
    let script = format!(
        "printf 'hello\\nget a\\nexit\\n' | \
         openssl s_client -quiet -verify_return_error -CAfile {} -connect {}",
        keys.certificate().display(),
        tls_address(&server)
    );
    if Command::new("openssl").arg("version").output().is_err() {
        return skip("there is no openssl here", "apt-get install openssl");
    }
    let (_, out, err) = outcome(Command::new("sh").args(["-c", &script]));
    let all = "Welcome Client01\nhello ACK\nSTART 10\n0123456789END\nGoodbye Client01\n";
    assert_eq!(out, all, "{err}");
}

const PYTHON: &str = "
import hashlib, socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
raw = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
stream = context.wrap_socket(raw, server_hostname='localhost', suppress_ragged_eofs=False)
lines = stream.makefile('rb')
print(stream.version(), lines.readline())
stream.sendall(b'get big\\n')
size = int(lines.readline().split()[1])
print(size, hashlib.sha256(lines.read(size)).hexdigest(), lines.readline())
stream.sendall(b'exit\\n')
print(lines.read())
stream.unwrap().close()
";

#[test]
fn python_speaks_to_it() {
    let keys = Keys::new();
    let bytes = noise(2_000_000);
    let server = keys.serve(|setup| setup.file("big", &bytes));
    let mut python = python(&keys, &server);
    if Command::new("python3").arg("-V").output().is_err() {
        return skip("there is no Python here", "apt-get install python3");
    }
    let (code, out, err) = outcome(&mut python);
    let digest = server.client("Client02").ask("sha256 big");
    let digest = digest.split(' ').nth(1).expect("it is a digest");
    let all = format!(
        "TLSv1.3 b'Welcome Client01\\n'\n2000000 {digest} b'END\\n'\nb'Goodbye Client01\\n'\n"
    );
    assert_eq!((code, out), (Some(0), all), "{err}");
}

fn python(keys: &Keys, server: &Server) -> Command {
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON]).arg(keys.certificate());
    python.arg(tls_address(server).port().to_string());
    python.stdin(Stdio::null()).stdout(Stdio::piped());
    python
}
