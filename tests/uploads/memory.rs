//! What uploads cost in memory.

use std::thread;

use crate::support::{meanwhile, noise};
use crate::{hex, setup, stored};

#[test]
fn three_large_uploads_at_once_cost_less_than_two_mebibytes_and_no_walk_of_the_folder() {
    // A debug build digests slowly.
    let size = if cfg!(debug_assertions) {
        48 << 20
    } else {
        256 << 20
    };
    let mut setup = setup().with("--log debug --max-clients 4");
    for i in 0..300 {
        setup = setup.file(&format!("there/{i}"), b"");
    }
    let server = setup.start();
    let mut watcher = server.client("Client01");
    let walks = || server.log().matches("is remembered").count();
    // Code that is used for the first time is read into memory too.
    watcher.send("put 3 small\nabc");
    watcher.text();
    assert_eq!(watcher.lines("list").len(), 2 + 301);
    assert_eq!(walks(), 1);
    let before = server.resident();
    let bytes = noise(size);
    let digest = hex(&bytes);
    let last = stored(&bytes);
    let mut peers = ["Client02", "Client03", "Client04"].map(|name| server.client(name));
    let mut most = 0;
    thread::scope(|scope| {
        let (bytes, last, digest) = (&bytes, &last, &digest);
        let mut uploads = Vec::new();
        for (i, peer) in peers.iter_mut().enumerate() {
            assert_eq!(peer.ask(&format!("put@{digest} {size} - f{i}")), "READY 0");
            // The last byte waits until all has been looked at.
            uploads.push(scope.spawn(move || {
                peer.send(&bytes[..size - 1]);
                (peer, last)
            }));
        }
        meanwhile(&mut watcher, |_| {
            most = most.max(server.resident());
            uploads.iter().all(thread::ScopedJoinHandle::is_finished)
        });
        for _ in 0..3 {
            assert_eq!(watcher.lines("list").len(), 2 + 301);
        }
        most = most.max(server.resident());
        assert_eq!(walks(), 1, "nothing has changed that is listed");
        for upload in uploads {
            let (peer, last) = upload.join().expect("it has sent all");
            peer.send(&bytes[size - 1..]);
            assert_eq!(peer.text(), *last);
        }
    });
    let grown = most.saturating_sub(before);
    println!("{grown} bytes more for three uploads of {size}");
    assert!(grown < 2 << 20, "{grown} bytes more");
    assert_eq!(watcher.lines("list").len(), 2 + 304);
    assert_eq!(watcher.lines("list").len(), 2 + 304);
    assert_eq!(walks(), 2, "one walk for what was stored");
}
