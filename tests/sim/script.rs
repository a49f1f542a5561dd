//! What a peer will say.
//!
//! Owns the choice of lines, from the ordinary to the hostile. Must never know the answers.

use crate::catalog::{CHANGED, Catalog};
use crate::rng::Rng;
use crate::setup::Setup;
use crate::uploads::Uploads;

/// Draws all that one peer sends.
pub(crate) fn draw(setup: &Setup, rng: &mut Rng) -> Vec<u8> {
    let mut script = match setup.tokens.all.len() {
        0 => Vec::new(),
        tokens => at_the_token_gate(tokens, setup.is_small, rng),
    };
    inside(&setup.catalog, setup.is_small, rng, &mut script);
    if script.len() as u64 == setup.limits.token_bytes {
        // Whether the end is read with the last of these bytes is up to the pipe.
        script.pop();
    }
    script
}

/// What is said to somebody who demands a token.
fn at_the_token_gate(tokens: usize, is_small: bool, rng: &mut Rng) -> Vec<u8> {
    let mut script = Vec::new();
    for _ in 0..rng.pick(&[0, 0, 0, 0, 1, 2, 3]) {
        let line = match () {
            () if rng.chance(100) && !is_small => long_line(rng),
            () if rng.chance(300) => rng.pick(TELNET).to_vec(),
            () => rng.pick(WORDS).to_vec(),
        };
        script.extend_from_slice(&line);
        script.push(b'\n');
    }
    match () {
        () if rng.chance(850) => {
            script.extend_from_slice(rng.pick(&[&b"auth t"[..], b"AUTH t"]));
            script.extend_from_slice(rng.below(tokens).to_string().as_bytes());
        }
        () if rng.chance(400) => script.extend_from_slice(rng.pick(WRONG)),
        () if rng.chance(300) => script.extend_from_slice(b"exit "),
        () => return script,
    }
    script.extend_from_slice(rng.pick(&[&b"\n"[..], b"\n", b"\r\n"]));
    script
}

/// What lets nobody in, and what is no token at all.
const WRONG: &[&[u8]] = &[
    b"auth",
    b"auth ",
    b"auth t9",
    b"auth  t0",
    b"auth t0 ",
    b"auth \0t0",
    b"auth \xff\xfe",
    b"auth\tt0",
    b" auth t0",
    b"autht0",
];

/// What is said by who is in, or takes itself to be.
fn inside(catalog: &Catalog, is_small: bool, rng: &mut Rng, script: &mut Vec<u8>) {
    let exits = rng.pick(&[0, 0, 60, 300]);
    let long = if is_small {
        0
    } else {
        rng.pick(&[0, 100, 300])
    };
    let crlf = rng.pick(&[0, 0, 500, 1000]);
    let telnet = rng.pick(&[0, 0, 0, 300]);
    let uploads = rng.pick(&[0, 500, 950]);
    if rng.chance(100) {
        script.extend_from_slice(rng.pick(WEB));
        script.extend_from_slice(rng.pick(&[&b"\r\nHost: x\r\n\r\n\n"[..], b"\n"]));
    } else if rng.chance(long / 5) {
        script.extend_from_slice(rng.pick(&[&b"GET /"[..], b"GET x", b"POST http:", b"get /"]));
        script.extend_from_slice(&long_line(rng));
        script.extend_from_slice(b" HTTP/1.1\r\n");
    }
    for _ in 0..rng.pick(&[0, 1, 2, 4, 8, 16, 40][..if is_small { 4 } else { 7 }]) {
        let line = match () {
            () if rng.chance(exits) => rng.pick(&[&b"exit"[..], b"EXIT \t", b"Exit"]).to_vec(),
            () if rng.chance(long) => long_line(rng),
            () if rng.chance(200) => rng.pick(&[&b"status"[..], b"list"]).to_vec(),
            () if rng.chance(450) => get(catalog, rng),
            () if rng.chance(uploads) => {
                upload(&catalog.uploads, is_small, rng, script);
                continue;
            }
            () if rng.chance(500) => message(rng),
            () => rng.pick(WORDS).to_vec(),
        };
        while rng.chance(telnet) {
            script.extend_from_slice(rng.pick(TELNET));
        }
        script.extend_from_slice(&line);
        if rng.chance(telnet) {
            script.extend_from_slice(b"\r\0");
            continue;
        }
        if rng.chance(crlf) {
            script.push(b'\r');
        }
        script.push(b'\n');
    }
    if rng.chance(100) {
        let again = rng.pick(&[&b"status\n"[..], b"list\n", b"m\n", b"\n"]);
        script.extend(again.repeat(if is_small { 9 } else { 200 }));
    }
    if rng.chance(100) && !is_small {
        script.extend_from_slice(b"exit\nmore that nobody reads\n");
        script.extend_from_slice(&long_line(rng));
    }
    if rng.chance(300) {
        script.pop();
    }
}

/// Draws lines for a peer that ends none, each with what its twin says that ends them all.
pub(crate) fn draw_lines(
    catalog: &Catalog,
    is_small: bool,
    rng: &mut Rng,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let exits = rng.pick(&[0, 60, 300]);
    let long = if is_small { 0 } else { 100 };
    let mut lines = Vec::new();
    for _ in 0..rng.pick(&[1, 2, 4, 8]) {
        let line = match () {
            () if rng.chance(exits) => b"exit".to_vec(),
            () if rng.chance(long) => long_line(rng),
            () if rng.chance(200) => rng.pick(&[&b"status"[..], b"list"]).to_vec(),
            () if rng.chance(300) => get(catalog, rng),
            () if rng.chance(400) => {
                let name = &catalog.files[rng.below(catalog.files.len())].name;
                lines.push((name.clone(), [b"get ", &name[..]].concat()));
                continue;
            }
            () if rng.chance(500) => message(rng),
            () => rng.pick(WORDS).to_vec(),
        };
        // No pause ends what may be half a word of Telnet, nor a line that is not there.
        if !line.is_empty() && !line.starts_with(b"\xff") {
            lines.push((line.clone(), line));
        }
    }
    lines
}

/// A request to upload something, and what is sent behind it.
fn upload(uploads: &Uploads, is_small: bool, rng: &mut Rng, script: &mut Vec<u8>) {
    let sizes = [0, 1, 2, 5, 60, 511, 3000, 9000];
    let size = rng.pick(&sizes[..if is_small { 5 } else { sizes.len() }]);
    let name = format!("u{}", rng.below(6));
    let waits = rng.chance(400);
    let mut said = size.to_string();
    if rng.chance(50) {
        // Nobody sends so much.
        said = rng
            .pick(&["18446744073709551616", "18446744073709551615", "1000000"])
            .to_owned();
    }
    let named = if rng.chance(50) { "" } else { name.as_str() };
    let verb = rng.pick(&["put", "put", "PUT", "replace", "rePlace"]);
    let line = match waits {
        true => {
            let hex = rng.pick(&["a0", "5c"]).repeat(32);
            let time = rng.pick(&["-", "-", CHANGED]);
            format!("{verb}@{hex} {said} {time} {named}")
        }
        false => format!("{verb} {said} {named}"),
    };
    script.extend_from_slice(line.as_bytes());
    script.extend_from_slice(rng.pick(&[&b"\n"[..], b"\n", b"\r\n"]));
    let fate = uploads.fate(name.as_bytes(), size, waits);
    let comes = match waits {
        true if fate.exists => 0,
        true => size - fate.offset,
        false => size,
    };
    let comes = match rng.below(10) {
        0 => comes + 1,
        1 => comes.saturating_sub(1),
        2 => comes / 2,
        _ => comes,
    };
    let lines = rng.chance(500);
    let content = if lines {
        &b"put 3 u1\nexit\nstatus\r\n\xff\xfd\x06\n"[..]
    } else {
        b"\0x\xff\n"
    };
    script.extend(content.iter().copied().cycle().take(comes as usize));
}

const WORDS: &[&[u8]] = &[
    b"status",
    b"STATUS",
    b"status \t ",
    b"list",
    b"LiSt",
    b"list\t",
    b"status please",
    b" exit",
    b"exit now",
    b"list\0",
    b"",
    b"\r",
    b" ",
    b"get",
    b"get ",
    b"get@7",
    b"get@",
    b"get\ta",
    b"getaway",
    b"auth t0",
    b"Auth",
    b"ge",
    b"get@-1 0 file.bin",
    b"sha256 0 file.bin",
    b"SHA256 0 file.bin",
    b"sha256 nothing",
    b"sha256",
    b"sha256 ",
    b"sha2566 x",
    b"stat 0 file.bin",
    b"sTaT 0 file.bin",
    b"stat nothing",
    b"stat",
    b"stat ",
    b"stat\t0 file.bin",
    b"stats 0 file.bin",
    b"put",
    b"put the kettle on",
    b"put 5x y",
    b"put -1 u0",
    b"put  5 u0",
    b"put@ 5 - u0",
    b"replaced",
    b"replace it",
    b" put 5 u0",
    b"put 0 u0",
    b"get@18446744073709551616 0 file.bin",
    b"get@18446744073709551615 0 file.bin",
    b"get@99999999999999999999999999 x",
    b"get@5a f",
    b"\0\xff\xfe\x80 no text at all \r in between",
    b"a\r\0b\r\0\r",
    b"\xff\xfe\x80 not UTF-8",
    b"\xff\xfe not text",
    b"\xff\xf0",
    b"POST /x HTTP/1.1",
    b"GET /x HTTP/1.0",
];

/// First lines of those who take us for a web server, and some that are very like them.
const WEB: &[&[u8]] = &[
    b"GET / HTTP/1.1",
    b"POST /x HTTP/1.0",
    b"get 0 file.bin HTTP/1.1",
    b"PRI * HTTP/2.0",
    b"x  HTTP/1.1 \r",
    b"GET HTTP/1.1",
    b"GET / HTTP/1.1 or so",
    b" GET / HTTP/1.1",
];

/// Words of Telnet.
const TELNET: &[&[u8]] = &[
    b"\xff\xfb\x1f",
    b"\xff\xfd\x06",
    b"\xff\xfd\x03",
    b"\xff\xfe\x06",
    b"\xff\xfb\x20",
    b"\xff\xf4",
    b"\xff\xfa\x18\0xterm\xff\xf0",
];

fn message(rng: &mut Rng) -> Vec<u8> {
    let mut line = b"m".to_vec();
    for _ in 0..rng.below(60) {
        let byte = rng.next() as u8;
        line.push(if byte == b'\n' { b' ' } else { byte });
    }
    line
}

fn long_line(rng: &mut Rng) -> Vec<u8> {
    let len = rng.pick(&[4095, 4096, 4096, 4097, 4098, 5000, 8192, 8193, 15_000]);
    let fill = if rng.chance(100) {
        b"status "
    } else {
        b"xyzuvw\r"
    };
    let mut line: Vec<u8> = fill.iter().copied().cycle().take(len).collect();
    if rng.chance(300) {
        line[..8].copy_from_slice(b"get deep");
    }
    line
}

fn get(catalog: &Catalog, rng: &mut Rng) -> Vec<u8> {
    let file = &catalog.files[rng.below(catalog.files.len())];
    let verb = rng.pick(&["get", "GET", "gEt"]);
    let name = String::from_utf8_lossy(&file.name);
    match rng.below(8) {
        0 => format!("{verb} nothing of {name}").into_bytes(),
        1 => {
            let offset = rng.below(file.size + 1);
            format!("{verb}@{offset} {name}").into_bytes()
        }
        2 => {
            let offset = (file.size + 2).saturating_sub(rng.below(5));
            format!("{verb}@0{offset} {name}").into_bytes()
        }
        _ => format!("{verb} {name}").into_bytes(),
    }
}
