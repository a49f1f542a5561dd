//! The line protocol in the frames of a WebSocket.

use std::time::Duration;

use berth::engine::limits::Limits;
use berth::wire::web::Scheme;

use crate::frames::{closed, frame, join, read, text_of};
use crate::harness::{Guest, World};

const HTTP: Option<Scheme> = Some(Scheme::Http);

fn world(clients_max: usize) -> World {
    World::new(Limits {
        clients_max,
        ..Limits::default()
    })
}

fn say(world: &mut World, guest: &Guest, line: &str) -> String {
    world.write(guest, &frame(2, line.as_bytes()));
    text_of(&read(guest))
}

#[test]
fn the_lines_are_those_of_the_line_protocol() {
    let mut world = world(1);
    let page = world.connect_with(HTTP, 'a', &join(""));
    assert_eq!(text_of(&read(&page)), "Welcome Client01\n");
    assert_eq!(say(&mut world, &page, "hello\n"), "hello ACK\n");
    assert_eq!(say(&mut world, &page, "get file\n"), "START 6\ninsideEND\n");
    assert_eq!(say(&mut world, &page, "get empty\n"), "START 0\nEND\n");
    world.write(&page, &frame(2, b"exit\n"));
    let end = read(&page);
    assert_eq!(text_of(&end), "Goodbye Client01\n");
    assert_eq!(closed(&end), Some(1000));
    assert!(page.is_told_the_end() && world.hub.clients() == 0);
}

#[test]
fn a_session_is_the_same_wherever_it_is_cut() {
    let lines = [
        frame(2, b"hello\nget fi"),
        frame(9, b"ping"),
        frame(2, b"le\n"),
        frame(1, b"exit\n"),
    ];
    let bytes = [join(""), lines.concat()].concat();
    for cut in 1..bytes.len() {
        let mut world = world(1);
        let page = world.connect_with(HTTP, 'a', &bytes[..cut]);
        let mut frames = read(&page);
        world.write(&page, &bytes[cut..]);
        frames.extend(read(&page));
        let expected = "Welcome Client01\nhello ACK\nSTART 6\ninsideEND\nGoodbye Client01\n";
        assert_eq!(text_of(&frames), expected, "cut at {cut}");
        let pong = frames.iter().filter(|each| each.opcode == 10);
        assert_eq!(
            pong.map(|each| &each.payload[..]).next(),
            Some(&b"ping"[..])
        );
        assert_eq!(closed(&frames), Some(1000));
    }
}

#[test]
fn a_full_house_is_told_in_the_socket() {
    let mut world = world(1);
    let inside = world.connect(None, 'a');
    let page = world.connect_with(HTTP, 'b', &join(""));
    let frames = read(&page);
    assert_eq!(text_of(&frames), "Server full, try later\n");
    assert_eq!(closed(&frames), Some(1013));
    assert!(page.is_told_the_end() && inside.read() == "Welcome Client01\n");
    assert_eq!(world.told()[1..], ["b refused: Full"]);
}

#[test]
fn whoever_closes_is_answered_and_its_berth_is_free() {
    for (payload, code) in [
        (&b""[..], None),
        (b"\x03\xe9bye", Some(1001)),
        (b"\x03", Some(1002)),
    ] {
        let mut world = world(1);
        let page = world.connect_with(HTTP, 'a', &join(""));
        read(&page);
        world.write(
            &page,
            &[frame(2, b"hello\nhal"), frame(8, payload)].concat(),
        );
        let frames = read(&page);
        assert_eq!(
            text_of(&frames),
            "hello ACK\nhal ACK\n",
            "what came before is served"
        );
        let close = frames.last().expect("there is a Close");
        assert_eq!((close.opcode, closed(&frames)), (8, code));
        assert!(page.is_told_the_end() && !page.is_closed());
        assert_eq!(world.told()[1..], ["Client01 gone: eof"]);
        world.write(&page, &[b'x'; 5000]);
        assert!(
            !page.is_closed(),
            "what comes behind is discarded, so nothing is reset"
        );
        world.end(&page);
        assert!(page.is_closed());
    }
}

#[test]
fn a_frame_that_breaks_the_rules_ends_the_session_with_its_code() {
    let mut unmasked = frame(2, b"hello\n");
    unmasked[1] &= 0x7f;
    let long = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let cases = [
        (unmasked, 1002),
        (frame(3, b""), 1002),
        (long.to_vec(), 1002),
        (frame(1, b"\xff"), 1007),
        (frame(0, b"x"), 1002),
    ];
    for (bytes, code) in cases {
        let mut world = world(1);
        let page = world.connect_with(HTTP, 'a', &join(""));
        read(&page);
        world.write(&page, &bytes);
        assert_eq!(closed(&read(&page)), Some(code), "{bytes:x?}");
        assert!(page.is_told_the_end() && world.hub.clients() == 0);
    }
}

#[test]
fn pings_that_nobody_reads_the_answers_of_cost_little_and_move_nothing() {
    let mut world = world(1);
    let page = world.connect_with(HTTP, 'a', &join(""));
    read(&page);
    page.take_only(0);
    let ping = frame(9, &[b'.'; 125]);
    for _ in 0..10_000 {
        world.write(&page, &ping);
    }
    let queued = world
        .hub
        .sessions()
        .map(|each| each.outbox().bytes_queued());
    assert!(queued.sum::<usize>() <= Limits::default().outbox_mark_bytes + 200);
    world.pass(Duration::from_secs(30));
    assert!(
        page.is_closed(),
        "it has taken nothing for the stall timeout"
    );
}

#[test]
fn pings_are_no_reason_to_stay() {
    let mut world = world(1);
    let page = world.connect_with(HTTP, 'a', &join(""));
    read(&page);
    for _ in 0..60 {
        world.pass(Duration::from_secs(10));
        world.write(&page, &frame(9, b""));
    }
    let frames = read(&page);
    assert!(
        text_of(&frames).starts_with("ERR idle for 10m"),
        "{frames:?}"
    );
    assert_eq!(closed(&frames), Some(1008));
}

#[test]
fn a_body_comes_in_frames_like_all_else() {
    for cut in 0..=6 {
        let mut world = world(1);
        let page = world.connect_with(HTTP, 'a', &join(""));
        read(&page);
        let parts = [&b"inside"[..cut], &b"inside"[cut..]];
        world.write(&page, &frame(2, b"put 6 new\n"));
        for part in parts {
            world.write(&page, &[frame(9, b""), frame(2, part)].concat());
        }
        world.write(&page, &frame(2, b"hello\n"));
        assert_eq!(world.service.body, b"inside", "cut at {cut}");
        assert!(text_of(&read(&page)).ends_with("hello ACK\n"));
    }
}

#[test]
fn a_stop_is_told_with_the_code_of_it() {
    let mut world = world(1);
    let page = world.connect_with(HTTP, 'a', &join(""));
    read(&page);
    world.hub.stop();
    world.run();
    let frames = read(&page);
    assert_eq!(text_of(&frames), "ERR server shutting down\n");
    assert_eq!(closed(&frames), Some(1001));
}
