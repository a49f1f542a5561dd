//! What pages are told without asking.

use std::time::Duration;

use berth::engine::limits::Limits;
use berth::wire::web::Scheme;

use crate::frames::{Frame, frame, join, read, text_of};
use crate::harness::{Guest, World};

const HTTP: Option<Scheme> = Some(Scheme::Http);
const KEY: &str = "000102030405060708090a0b0c0d0eff";

fn world() -> World {
    World::new(Limits::default())
}

fn page(world: &mut World) -> Guest {
    world.connect_with(HTTP, 'a', &join(&format!("?{KEY}")))
}

/// The news among these frames.
fn news(frames: &[Frame]) -> Vec<String> {
    let texts = frames.iter().filter(|frame| frame.opcode == 1);
    let texts = texts.map(|frame| String::from_utf8(frame.payload.clone()));
    texts.map(|text| text.expect("news are text")).collect()
}

#[test]
fn who_comes_and_who_goes_is_told_at_once_and_then_four_times_a_second() {
    let mut world = world();
    let page = page(&mut world);
    world.run();
    let frames = read(&page);
    assert_eq!(text_of(&frames), "Welcome Client01\n");
    assert_eq!(news(&frames), ["Client01"]);
    let other = world.connect(None, 'b');
    assert_eq!(news(&read(&page)), [""; 0]);
    world.pass(Duration::from_millis(250));
    assert_eq!(news(&read(&page)), ["Client01, Client02"]);
    world.write(&other, b"exit\n");
    world.pass(Duration::from_millis(250));
    assert_eq!(news(&read(&page)), ["Client01"]);
    world.pass(Duration::from_secs(60));
    assert_eq!(news(&read(&page)), [""; 0], "nothing is new");
}

#[test]
fn a_file_on_its_way_is_told_as_far_as_it_is() {
    let mut world = world();
    let page = page(&mut world);
    let line = world.connect(None, 'b');
    line.take_only(10);
    world.write(&line, b"get file\n");
    world.pass(Duration::from_millis(250));
    read(&page);
    line.take_only(2);
    world.stir(&line);
    world.pass(Duration::from_millis(250));
    assert_eq!(news(&read(&page)), ["Client01, Client02, Client02 4/6"]);
    line.take_only(100);
    world.stir(&line);
    world.pass(Duration::from_millis(250));
    assert_eq!(news(&read(&page)), ["Client01, Client02"]);
    let gathered = world.service.gathered;
    world.pass(Duration::from_secs(9));
    assert_eq!(world.service.gathered, gathered, "nothing moves any more");
}

#[test]
fn a_slow_page_is_told_the_latest_and_never_all() {
    let mut world = world();
    let page = page(&mut world);
    read(&page);
    page.take_only(0);
    for _ in 0..100 {
        let other = world.connect(None, 'b');
        world.pass(Duration::from_millis(250));
        world.write(&other, b"exit\n");
        world.pass(Duration::from_millis(20));
    }
    let _last = world.connect(None, 'b');
    let queued = world
        .hub
        .sessions()
        .map(|each| each.outbox().bytes_queued());
    assert!(queued.max().expect("the page is there") < 50);
    page.take_only(1000);
    world.stir(&page);
    world.pass(Duration::from_millis(250));
    let told = news(&read(&page));
    assert!(told.len() <= 3, "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("Client01, Client102"));
}

#[test]
fn news_keep_nobody_from_being_idle() {
    let mut world = world();
    let page = page(&mut world);
    for _ in 0..60 {
        let other = world.connect(None, 'b');
        world.pass(Duration::from_secs(5));
        world.write(&other, b"exit\n");
        world.pass(Duration::from_secs(5));
    }
    let frames = read(&page);
    assert!(news(&frames).len() > 50);
    assert!(text_of(&frames).ends_with("ERR idle for 10m, closing\n"));
}

#[test]
fn without_a_page_there_are_no_news() {
    let mut world = world();
    let line = world.connect(None, 'b');
    world.write(&line, b"get file\n");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.service.gathered, 0);
    let page = page(&mut world);
    world.write(&page, &frame(2, b"exit\n"));
    world.end(&page);
    assert!(page.is_closed());
    let gathered = world.service.gathered;
    world.write(&line, b"exit\n");
    world.pass(Duration::from_secs(1));
    assert!(world.service.gathered <= gathered + 1);
}
