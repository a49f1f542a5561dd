//! Lines that break, and files that change while they are sent.

use std::fs::File;
use std::time::UNIX_EPOCH;

use super::{LARGE, large, offered, stored, takes, with};
use crate::exit_codes::run;
use crate::server::{Server, Talk};

#[test]
fn an_answer_that_was_lost_is_given_again() {
    let content: &'static [u8] = b"1234567890";
    let server = Server::polite_each(vec![
        Box::new(move |peer| {
            offered(peer, content, "f");
            peer.say(b"READY 0\n");
            peer.take(10);
            // It is stored, and the answer is lost.
            peer.reset();
        }),
        Box::new(move |peer| {
            offered(peer, content, "f");
            stored(peer, content);
            peer.expect_exit();
        }),
    ]);
    let folder = with("f", content);
    let ended = run(&folder, server.address, &["put", "f"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with("\nstored f, 10 B\n"),
        "{}",
        ended.stderr
    );
    server.join();
}

#[test]
fn a_line_that_breaks_again_and_again_is_no_end_while_it_brings_something() {
    let content: &'static [u8] = b"1234567890";
    let cut = |offset: usize| -> Talk {
        Box::new(move |peer| {
            offered(peer, content, "f");
            peer.say(format!("READY {offset}\n").as_bytes());
            peer.take(1);
            // What a server says to a client that has closed its sending side: the line was cut
            // somewhere in between.
            peer.say(format!("ERR {} of 10 bytes came: f\n", offset + 1).as_bytes());
        })
    };
    let mut talks: Vec<Talk> = (0..4).map(cut).collect();
    talks.push(Box::new(move |peer| {
        offered(peer, content, "f");
        takes(peer, content, 4);
        peer.expect_exit();
    }));
    let server = Server::polite_each(talks);
    let folder = with("f", content);
    let ended = run(&folder, server.address, &["put", "f", "--retries", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    server.join();
}

#[test]
fn two_clients_with_one_file_give_each_other_more_time_each_time() {
    let content: &'static [u8] = b"1234567890";
    let evicted = |offset: usize| -> Talk {
        Box::new(move |peer| {
            offered(peer, content, "f");
            peer.say(format!("READY {offset}\n").as_bytes());
            peer.take(1);
            peer.say(b"ERR taken over by another connection\n");
        })
    };
    let server = Server::polite_each((0..3).map(evicted).collect());
    let folder = with("f", content);
    let ended = run(&folder, server.address, &["put", "f", "--retries", "2"]);
    assert_eq!(ended.code, 18, "{}", ended.stderr);
    let pauses: Vec<f64> = ended
        .stderr
        .lines()
        .filter_map(|line| line.split("trying again in ").nth(1)?.split(' ').next())
        .map(|seconds| seconds.parse().unwrap())
        .collect();
    // Something was gained each time, and they are counted and grow all the same.
    assert_eq!(pauses.len(), 2, "{}", ended.stderr);
    assert!(pauses[0] >= 0.5 && pauses[1] >= 1.0, "{pauses:?}");
    server.join();
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_33_and_gets_no_name() {
    type Change = fn(&File);
    let changes: [Change; 3] = [
        |file| file.set_len(5).unwrap(),
        |file| file.set_len(LARGE as u64 + 1).unwrap(),
        |file| file.set_modified(UNIX_EPOCH).unwrap(),
    ];
    let content = large();
    for change in changes {
        let folder = with("f", content);
        let path = folder.path("f");
        let server = Server::polite(move |peer| {
            offered(peer, content, "f");
            change(&File::options().write(true).open(path).unwrap());
            peer.say(b"READY 0\n");
            // The last bytes do not come, so the server has nothing to store.
            assert!(peer.take(LARGE).len() < LARGE);
        });
        let ended = run(&folder, server.address, &["put", "f"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (33, ""));
        let told = "berth: f changed while it was uploaded, and the server has not got it; ";
        assert!(ended.stderr.starts_with(told), "{}", ended.stderr);
        server.join();
    }
}
