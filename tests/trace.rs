//! What a trace tells, against the published form of trace events and against what happened.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::Value;

use support::{Peer, Server, Setup, meanwhile, outcome, skip};

const BIG: u64 = 8 << 20;

fn traced(path: &Path) -> Setup {
    let trace = format!("--trace {}", path.display());
    Setup::new().with(&trace)
}

/// The events of a trace, judged by the published form: "Trace Event Format", JSON Array Format.
/// Every event has the fields of its kind, spans nest on each track, and none begins before zero.
fn events(text: &str) -> Vec<Value> {
    let events: Vec<Value> = serde_json::from_str(text).expect("a trace is JSON");
    let mut open = BTreeMap::<u64, i64>::new();
    for event in &events {
        let kind = event["ph"].as_str().expect("every event has a phase");
        assert_eq!(event["pid"], 1, "{event}");
        let track = event["tid"].as_u64().expect("every event has a track");
        assert!(
            event["name"].is_string() && event["args"].is_object(),
            "{event}"
        );
        let time = |field: &str| event[field].as_f64().filter(|&time| time >= 0.0);
        match kind {
            "M" => assert!(event["args"]["name"].is_string(), "{event}"),
            "X" => assert!(time("ts").is_some() && time("dur").is_some(), "{event}"),
            "i" => assert!(time("ts").is_some() && event["s"] == "t", "{event}"),
            "C" => {
                let values = event["args"].as_object().expect("an object");
                assert!(time("ts").is_some() && values.values().all(Value::is_u64));
            }
            "B" | "E" => {
                assert!(time("ts").is_some(), "{event}");
                let depth = open.entry(track).or_default();
                *depth += if kind == "B" { 1 } else { -1 };
                assert!(*depth >= 0, "an end without a beginning: {event}");
            }
            kind => panic!("no such phase: {kind}"),
        }
    }
    nest(&events);
    events
}

/// On one track a span lies in another or beside it. Times are rounded to a nanosecond.
fn nest(events: &[Value]) {
    let mut tracks = BTreeMap::<u64, Vec<(f64, f64)>>::new();
    for event in events.iter().filter(|event| event["ph"] == "X") {
        let from = event["ts"].as_f64().expect("it was judged");
        let to = from + event["dur"].as_f64().expect("it was judged");
        let track = event["tid"].as_u64().expect("it was judged");
        tracks.entry(track).or_default().push((from, to));
    }
    for spans in tracks.values_mut() {
        spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut around: Vec<f64> = Vec::new();
        for &(from, to) in spans.iter() {
            around.retain(|&end| end > from + 0.01);
            let within = around.iter().all(|&end| to <= end + 0.01);
            assert!(within, "a span at {from} overlaps another");
            around.push(to);
        }
    }
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["name"] == name)
        .collect()
}

/// Stops the server and reads what it has written.
fn trace_of(mut server: Server, path: &Path) -> Vec<Value> {
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    events(&fs::read_to_string(path).expect("the trace is text"))
}

/// The tracks of the clients on which something of this name happens, in its order.
fn order(events: &[Value], name: &str) -> Vec<u64> {
    let all = named(events, name).into_iter();
    all.filter_map(|event| event["tid"].as_u64()).collect()
}

#[test]
fn a_slow_reader_is_seen_waiting_in_its_download() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    let server = traced(&path).sparse("big", 64 << 20).start();
    let mut slow = server.client("Client01");
    slow.start("get big");
    // While another client is served, the kernel's buffers fill, and nothing more is taken.
    let mut other = server.client("Client02");
    let told = |what: &str| fs::read_to_string(&path).is_ok_and(|text| text.contains(what));
    meanwhile(&mut other, |_| told("waiting for the peer"));
    drop(slow);
    meanwhile(&mut other, |_| server.log().contains("Client01 gone"));
    assert_eq!(other.ask("exit"), "Goodbye Client02");
    other.expect_end();
    let events = trace_of(server, &path);
    assert!(order(&events, "waiting for the peer").contains(&101));
    assert!(order(&events, "write would block").contains(&101));
    assert_eq!(order(&events, "get big"), [101]);
    assert!(!order(&events, "waiting for the peer").contains(&102));
}

#[test]
fn three_downloads_are_seen_to_take_turns() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    let server = traced(&path).sparse("big", BIG).start();
    let names = ["Client01", "Client02", "Client03"];
    let mut peers = names.map(|name| server.client(name));
    peers.iter_mut().for_each(|peer| peer.send("get big\n"));
    std::thread::scope(|scope| {
        for peer in &mut peers {
            scope.spawn(|| {
                assert_eq!(peer.text(), format!("START {BIG}"));
                peer.read(BIG as usize);
                peer.expect("END\n");
            });
        }
    });
    for (peer, name) in peers.iter_mut().zip(names) {
        assert_eq!(peer.ask("exit"), format!("Goodbye {name}"));
    }
    drop(peers);
    let events = trace_of(server, &path);
    let pieces = named(&events, "send file");
    let sum = |track: u64| {
        let of = pieces.iter().filter(|piece| piece["tid"] == track);
        of.map(|piece| piece["args"]["bytes"].as_u64().expect("a number"))
            .sum::<u64>()
    };
    assert_eq!([101, 102, 103].map(sum), [BIG; 3]);
    let order = order(&events, "send file");
    let changes = order.windows(2).filter(|two| two[0] != two[1]).count();
    assert!(changes >= 6, "they went one after another: {order:?}");
}

#[test]
fn a_flood_is_seen_as_refusals_on_a_track_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    let server = traced(&path).with("--max-clients 1").start();
    let mut inside = server.client("Client01");
    for _ in 0..20 {
        let mut refused = server.connect();
        refused.expect("Server full, try later\n");
        refused.expect_end();
        inside.echo();
    }
    assert_eq!(inside.ask("exit"), "Goodbye Client01");
    inside.expect_end();
    let events = trace_of(server, &path);
    assert_eq!(order(&events, "refused"), [2; 20]);
    assert_eq!(order(&events, "connected"), [101]);
    assert!(named(&events, "poll").len() > 20);
    let accepts = named(&events, "accept").into_iter();
    let newcomers = accepts.map(|accept| accept["args"]["newcomers"].as_u64().expect("a number"));
    assert_eq!(newcomers.sum::<u64>(), 21);
    for counter in ["clients", "queued bytes", "run queue"] {
        assert!(!named(&events, counter).is_empty(), "{counter}");
    }
}

#[test]
fn a_trace_is_whole_json_after_a_crash_and_up_to_a_second_before_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    let mut server = traced(&path).start();
    let mut client = server.client("Client01");
    let before = |name: &str| fs::read_to_string(&path).is_ok_and(|text| text.contains(name));
    client.ask("the first words");
    meanwhile(&mut client, |_| before("\"answer\""));
    server.signal(Signal::KILL);
    server.wait();
    let events = events(&fs::read_to_string(&path).expect("the trace is text"));
    assert_eq!(order(&events, "connected"), [101]);
}

#[test]
fn a_trace_stays_within_its_limit_and_the_server_goes_on() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    let server = traced(&path).with("--trace-limit 64KiB").start();
    let mut client = server.client("Client01");
    meanwhile(&mut client, |_| {
        server.log().contains("as long as it may be")
    });
    client.echo();
    let text = fs::read_to_string(&path).expect("the trace is text");
    assert!(text.len() <= 64 << 10, "{}", text.len());
    assert!(events(&text).len() > 100);
}

#[test]
fn a_trace_that_cannot_be_written_ends_whole_and_the_server_goes_on() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    let server = traced(&path).start();
    let mut client = server.client("Client01");
    let len = || fs::metadata(&path).map_or(0, |file| file.len());
    meanwhile(&mut client, |_| len() > 0);
    // A file that may not grow further than this is a full disk.
    let limit = Rlimit {
        current: Some(len() + 100),
        maximum: None,
    };
    prlimit(Some(server.pid()), Resource::Fsize, limit).expect("it is our child");
    meanwhile(&mut client, |_| server.log().contains("the trace '"));
    assert!(server.log().contains("it cannot be written"));
    client.echo();
    assert!(len() > 100);
    trace_of(server, &path);
}

fn page(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    outcome(command.arg("trace").args(arguments))
}

#[test]
fn a_page_holds_the_trace_and_no_word_of_it_as_html() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    // A folder that is called "<", and in it a file with what is left of the name.
    let name = "</script><img src=x onerror=alert(1)>\u{1b}[2J";
    let server = traced(&path).file(name, b"12").start();
    let mut client: Peer = server.client("Client01");
    client.get(&format!("get {name}"));
    drop(client);
    trace_of(server, &path);
    let trace = path.display().to_string();
    let (code, text, errors) = page(&[&trace]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(text.matches("<script").count(), 2);
    assert_eq!(text.matches("</script").count(), 2);
    assert!(
        text.contains("get \\u003c/script>\\u003cimg"),
        "the name is there"
    );
    assert!(!text.contains("http"), "the page asks nobody for anything");
    assert!(!text.contains("innerHTML"));

    let out = folder.path().join("timeline.html").display().to_string();
    assert_eq!(page(&[&trace, "-o", &out]).0, Some(0));
    assert_eq!(fs::read_to_string(&out).expect("it was written"), text);
}

/// A browser that is installed here.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    names.into_iter().find(|name| {
        let mut asked = Command::new(name);
        asked.arg("--version").stdout(Stdio::null());
        asked.stderr(Stdio::null()).status().is_ok()
    })
}

/// What a browser makes of a page, after its scripts have run.
fn shown(browser: &str, page: &Path) -> String {
    let home = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,1000",
        "--virtual-time-budget=2000",
        "--dump-dom",
    ]);
    command.arg(format!("--user-data-dir={}", home.path().display()));
    command.arg(format!("file://{}", page.display()));
    outcome(&mut command).1
}

#[test]
fn a_browser_shows_the_page_and_explains_what_is_clicked() {
    let Some(browser) = browser() else {
        return skip("there is no browser here", "apt-get install chromium");
    };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    let server = traced(&path).sparse("<b>big", BIG).start();
    let mut client = server.client("Client01");
    client.get("get <b>big");
    drop(client);
    trace_of(server, &path);
    let (code, text, _) = page(&[&path.display().to_string()]);
    assert_eq!(code, Some(0));
    // A hand at the mouse: it clicks on what is in the middle of the client's download.
    let click = "<script>{
        const span = track(101).spans.find(span => span.name.startsWith('get'));
        const box = boxes.find(box => box[4] === span);
        const [offsetX, offsetY] = [box[0] + box[2] / 2, box[1] + 5];
        canvas.setPointerCapture = () => {};
        for (const type of ['pointerdown', 'pointerup']) {
            const event = new Event(type);
            canvas.dispatchEvent(Object.assign(event, { offsetX, offsetY, pointerId: 1 }));
        }
    }</script></html>";
    let html = folder.path().join("page.html");
    fs::write(&html, text.replace("</html>", click)).expect("the folder is ours");
    let shown = shown(browser, &html);
    assert!(shown.contains("data-ready=\"yes\""), "{shown}");
    assert!(shown.contains("Client01: get &lt;b&gt;big"), "{shown}");
    assert!(shown.contains("8.0 MiB of 8.0 MiB were handed to the kernel"));
    for said in [
        "turns per poll",
        "bytes per turn, median<",
        "bytes per turn, most<",
        "turns that used up their share",
        "trace: berthd ",
        ", traced from 20",
        "<title>trace: ",
        // The legend is before the timeline.
        "</i>waiting for the peer<",
    ] {
        assert!(shown.contains(said), "{said}");
    }
}
