//! The connections of one page share one berth.

use std::time::Duration;

use berth::engine::limits::Limits;
use berth::wire::web::Scheme;

use crate::frames::{closed, frame, join, read, text_of};
use crate::harness::{Guest, World};

const HTTP: Option<Scheme> = Some(Scheme::Http);
const KEY: &str = "000102030405060708090a0b0c0d0eff";
const OTHER: &str = "ff0102030405060708090a0b0c0d0eff";

fn world(clients_max: usize) -> World {
    World::new(Limits {
        clients_max,
        ..Limits::default()
    })
}

fn page(world: &mut World, key: &str) -> Guest {
    world.connect_with(HTTP, 'a', &join(&format!("?{key}")))
}

fn head(key: &str) -> Vec<u8> {
    format!("GET /k/{key}/file HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// A download that stays under way, as its peer takes only so much of it.
fn slow(world: &mut World, key: &str, takes: usize) -> Guest {
    let guest = world.connect(HTTP, 'a');
    guest.take_only(takes);
    world.write(&guest, &head(key));
    guest
}

#[test]
fn downloads_ride_on_the_berth_of_their_page() {
    let mut world = world(1);
    let inside = page(&mut world, KEY);
    assert_eq!(text_of(&read(&inside)), "Welcome Client01\n");
    for _ in 0..5 {
        let file = world.connect_with(HTTP, 'a', &head(KEY));
        assert_eq!(file.read(), "for Client01: inside");
        assert!(file.is_told_the_end());
    }
    let other = world.connect_with(HTTP, 'a', &head(OTHER));
    assert_eq!(other.read(), "403 false", "no page is known by this key");
    assert_eq!(world.hub.clients(), 1);
    world.write(&inside, &frame(2, b"exit\n"));
    let late = world.connect_with(HTTP, 'a', &head(KEY));
    assert_eq!(late.read(), "403 false", "nor by this one any more");
    let told = world.told();
    assert_eq!((&*told[0], told.len()), ("Client01 from a", 7));
    assert_eq!(told[6], "Client01 gone: exit");
}

#[test]
fn a_page_moves_two_files_at_once_and_no_third() {
    let mut world = world(1);
    let _inside = page(&mut world, KEY);
    let first = slow(&mut world, KEY, 3);
    let _second = slow(&mut world, KEY, 3);
    let third = world.connect_with(HTTP, 'a', &head(KEY));
    assert_eq!(third.read(), "503 false");
    first.take_only(100);
    world.stir(&first);
    let third = world.connect_with(HTTP, 'a', &head(KEY));
    assert_eq!(third.read(), "for Client01: inside");
}

#[test]
fn a_newer_socket_of_the_page_takes_its_berth_over() {
    let mut world = world(1);
    let older = page(&mut world, KEY);
    let rider = slow(&mut world, KEY, 3);
    read(&older);
    let newer = page(&mut world, KEY);
    assert_eq!(text_of(&read(&newer)), "Welcome Client01\n");
    let frames = read(&older);
    assert_eq!(
        (text_of(&frames), closed(&frames)),
        (String::new(), Some(4001))
    );
    assert!(older.is_told_the_end());
    rider.take_only(100);
    world.stir(&rider);
    assert_eq!(rider.read(), "for Client01: inside");
    let file = world.connect_with(HTTP, 'a', &head(KEY));
    assert_eq!(file.read(), "for Client01: inside");
    world.write(&older, &frame(2, b"exit\n"));
    assert_eq!(
        world.hub.clients(),
        1,
        "whoever has moved away frees nothing"
    );
    world.write(&newer, &frame(2, b"exit\n"));
    assert_eq!(world.hub.clients(), 0);
    let told = world.told();
    assert_eq!((&*told[0], told.len()), ("Client01 from a", 4));
    assert_eq!(told[3], "Client01 gone: exit");
}

#[test]
fn a_socket_that_is_stuck_is_no_ghost_of_its_page() {
    let mut world = world(1);
    let older = page(&mut world, KEY);
    older.take_only(0);
    world.write(&older, &frame(2, b"get file\n"));
    let newer = page(&mut world, KEY);
    assert_eq!(text_of(&read(&newer)), "Welcome Client01\n");
    world.pass(Duration::from_secs(30));
    assert!(older.is_closed());
    assert_eq!(world.hub.clients(), 1);
}

#[test]
fn a_download_keeps_the_berth_of_a_socket_that_went() {
    let mut world = world(1);
    let inside = page(&mut world, KEY);
    let first = slow(&mut world, KEY, 3);
    let second = slow(&mut world, KEY, 3);
    world.end(&inside);
    assert!(inside.is_closed());
    assert_eq!(world.hub.clients(), 1, "it is inherited");
    let full = world.connect(None, 'b');
    assert_eq!(full.read(), "Server full, try later\n");
    for (rider, left) in [(first, 1), (second, 0)] {
        rider.take_only(100);
        world.stir(&rider);
        assert_eq!(
            (rider.read().as_str(), world.hub.clients()),
            ("for Client01: inside", left)
        );
    }
    assert_eq!(
        world.told(),
        [
            "Client01 from a",
            "b refused: Full",
            "Client01 got 6 of 6",
            "Client01 got 6 of 6",
            "Client01 gone: exit"
        ]
    );
}

#[test]
fn a_page_that_comes_back_has_its_berth_from_its_download() {
    let mut world = world(1);
    let inside = page(&mut world, KEY);
    let rider = slow(&mut world, KEY, 3);
    world.end(&inside);
    let again = page(&mut world, KEY);
    assert_eq!(text_of(&read(&again)), "Welcome Client01\n");
    rider.take_only(100);
    world.stir(&rider);
    assert_eq!(
        (rider.read().as_str(), world.hub.clients()),
        ("for Client01: inside", 1)
    );
    assert!(!again.is_told_the_end());
}

#[test]
fn a_download_that_moves_keeps_its_page_from_being_idle() {
    let mut world = world(1);
    let inside = page(&mut world, KEY);
    read(&inside);
    let rider = slow(&mut world, KEY, 14);
    for taken in 0..5 {
        rider.take_only(1);
        world.stir(&rider);
        for _ in 0..14 {
            world.pass(Duration::from_secs(2));
        }
        assert_eq!(text_of(&read(&inside)), "", "after {taken}");
    }
    rider.take_only(100);
    world.stir(&rider);
    world.pass(Duration::from_secs(599));
    assert_eq!(text_of(&read(&inside)), "");
    world.pass(Duration::from_secs(1));
    assert_eq!(text_of(&read(&inside)), "ERR idle for 10m, closing\n");
}

#[test]
fn a_stop_lets_a_download_end_and_then_the_berth_is_free() {
    let mut world = world(1);
    let inside = page(&mut world, KEY);
    let rider = slow(&mut world, KEY, 3);
    read(&inside);
    world.hub.stop();
    world.run();
    let frames = read(&inside);
    assert_eq!(text_of(&frames), "ERR server shutting down\n");
    assert_eq!(world.hub.clients(), 1);
    rider.take_only(100);
    world.stir(&rider);
    assert_eq!(
        (rider.read().as_str(), world.hub.clients()),
        ("for Client01: inside", 0)
    );
}

#[test]
fn what_is_cut_off_is_told_before_its_client_is_gone() {
    let mut world = world(1);
    let _rider_first = slow(&mut world, KEY, 3);
    let _inside = page(&mut world, KEY);
    let _rider = slow(&mut world, KEY, 14);
    let (hub, service) = (&mut world.hub, &mut world.service);
    hub.abort(service, world.now);
    let told = world.told();
    assert_eq!(
        told[1..],
        ["Client01 got 0 of 6", "Client01 gone: shutdown"]
    );
}
