//! One request, one answer.

use std::time::Duration;

use berth::engine::limits::Limits;
use berth::wire::web::Scheme;

use crate::harness::World;

const LINES: Option<Scheme> = None;
const HTTP: Option<Scheme> = Some(Scheme::Http);

fn head(line: &str, fields: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").into_bytes()
}

fn world(clients_max: usize) -> World {
    World::new(Limits {
        clients_max,
        ..Limits::default()
    })
}

#[test]
fn the_page_takes_no_berth_and_the_folder_takes_one() {
    let mut world = world(1);
    let inside = world.connect(LINES, 'a');
    assert_eq!(inside.read(), "Welcome Client01\n");
    let page = world.connect_with(HTTP, 'b', &head("GET /", ""));
    assert_eq!(page.read(), "page for localhost");
    assert!(page.is_told_the_end());
    let file = world.connect_with(HTTP, 'b', &head("GET /f/file", ""));
    assert_eq!(file.read(), "full false");
    let file = world.connect_with(HTTP, 'b', &head("HEAD /f/file", ""));
    assert_eq!(file.read(), "full true");
    world.write(&inside, b"exit\n");
    let file = world.connect_with(HTTP, 'b', &head("GET /f/file", ""));
    assert_eq!(file.read(), "for Client02: inside");
    assert!(file.is_told_the_end());
    assert_eq!(
        world.told(),
        [
            "Client01 from a",
            "b refused: Full",
            "b refused: Full",
            "Client01 gone: exit",
            "Client02 from b",
            "Client02 got 6 of 6",
            "Client02 gone: exit"
        ]
    );
    assert_eq!(world.hub.clients(), 0);
}

#[test]
fn a_request_is_the_same_wherever_it_is_cut() {
    let request = head("GET /f/file", "Accept: */*\r\n");
    for cut in 1..request.len() {
        let mut world = world(1);
        let guest = world.connect_with(HTTP, 'a', &request[..cut]);
        assert_eq!((guest.read(), world.hub.clients()), (String::new(), 0));
        world.write(&guest, &request[cut..]);
        assert_eq!(guest.read(), "for Client01: inside", "cut at {cut}");
    }
}

#[test]
fn two_requests_in_one_segment_have_one_answer() {
    let mut world = world(1);
    let both = [head("GET /f/file", ""), head("GET /f/file", "")].concat();
    let guest = world.connect_with(HTTP, 'a', &both);
    assert_eq!(guest.read(), "for Client01: inside");
    assert!(guest.is_told_the_end() && world.hub.clients() == 0);
    world.write(&guest, &head("GET /", ""));
    assert_eq!(guest.read(), "");
}

#[test]
fn an_answer_in_steps_ends_with_its_last_one() {
    let mut world = world(1);
    let guest = world.connect_with(HTTP, 'a', &head("GET /list/", ""));
    assert_eq!(guest.read(), "for Client01: step step step done");
    assert!(guest.is_told_the_end() && world.hub.clients() == 0);
}

#[test]
fn a_body_is_handed_on_however_it_comes() {
    for cut in 0..=6 {
        let mut world = world(1);
        let mut first = head("PUT /f/new", "Content-Length: 6\r\n");
        first.extend_from_slice(&b"inside"[..cut]);
        let guest = world.connect_with(HTTP, 'a', &first);
        world.write(&guest, &b"inside"[cut..]);
        assert_eq!(guest.read(), "for Client01: done", "cut at {cut}");
        assert_eq!(world.service.body, b"inside");
        assert!(guest.is_told_the_end() && world.hub.clients() == 0);
    }
}

#[test]
fn a_peer_that_never_speaks_is_nobody() {
    let mut world = world(1);
    let silent = world.connect(HTTP, 'a');
    let started = world.connect_with(HTTP, 'b', b"GET / HT");
    world.pass(Duration::from_secs(9));
    world.write(&started, b"T");
    assert_eq!((silent.read(), started.read()), Default::default());
    world.pass(Duration::from_secs(1));
    assert_eq!(
        started.read(),
        "late false",
        "a byte now and then is no respite"
    );
    assert!(silent.is_told_the_end() && silent.read().is_empty());
    assert_eq!(world.told(), ["b refused: Late(10s)"]);
}

#[test]
fn who_was_silent_longest_makes_room_and_nobody_else() {
    let mut world = World::new(Limits {
        arrivals_per_origin_max: 8,
        arrivals_max: 20,
        ..Limits::default()
    });
    let client = world.connect(LINES, 'z');
    let silent: Vec<_> = (0..60).map(|i| char::from(b'A' + i % 4)).collect();
    let mut connect = |&at| {
        world.pass(Duration::from_millis(1));
        world.connect(HTTP, at)
    };
    let silent: Vec<_> = silent.iter().map(&mut connect).collect();
    let person = world.connect_with(HTTP, 'A', &head("GET /f/file", ""));
    assert_eq!(person.read(), "for Client02: inside");
    world.write(&client, b"hello\n");
    assert_eq!(client.read(), "Welcome Client01\nhello ACK\n");
    assert_eq!(world.hub.arrivals(), 19);
    assert!(silent[0].is_told_the_end() && !silent[59].is_told_the_end());
    assert!(!world.told().iter().any(|told| told.contains("refused")));
    world.hub.stop();
    world.run();
    assert_eq!(world.hub.arrivals(), 0, "and none of them delays a stop");
    assert!(silent[59].is_closed());
}

#[test]
fn a_fault_never_costs_a_berth() {
    for junk in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"hello\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /f/file HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        b"GET /f/..%2fx HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut world = world(1);
        let guest = world.connect_with(HTTP, 'a', junk);
        let said = guest.read();
        let ending = said.split_once(' ').expect("a status and a word").1;
        assert!(ending == "false" && guest.is_told_the_end(), "{said}");
        assert!(world.told().is_empty());
    }
}

#[test]
fn an_input_that_ends_behind_the_request_ends_nothing() {
    let mut world = world(1);
    let guest = world.connect(HTTP, 'a');
    world.write(&guest, &head("GET /list/", "")[..9]);
    world.end(&guest);
    assert!(guest.is_closed() && guest.read().is_empty(), "half a head");
    let guest = world.connect_with(HTTP, 'a', &head("GET /f/file", ""));
    world.end(&guest);
    assert_eq!(guest.read(), "for Client01: inside");
    assert!(guest.is_closed());
}

#[test]
fn whoever_takes_nothing_of_its_file_loses_the_berth() {
    let mut world = world(1);
    let guest = world.connect(HTTP, 'a');
    guest.take_only(15);
    world.write(&guest, &head("GET /f/file", ""));
    assert_eq!(
        (guest.read().as_str(), world.hub.clients()),
        ("for Client01: i", 1)
    );
    world.pass(Duration::from_secs(30));
    assert!(guest.is_closed());
    let told = world.told();
    assert_eq!(told[1..], ["Client01 got 1 of 6", "Client01 gone: stalled"]);
}
