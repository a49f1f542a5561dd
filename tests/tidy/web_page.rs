//! What the files of the web page must keep to.

/// The files that are sent as one, and what they may have together.
const PAGE: [(&str, &str); 3] = [
    (
        "page.html",
        include_str!("../../src/server/web/page/page.html"),
    ),
    (
        "page.css",
        include_str!("../../src/server/web/page/page.css"),
    ),
    ("page.js", include_str!("../../src/server/web/page/page.js")),
];
const PAGE_BYTES_MAX: usize = 40 * 1024;

/// What makes markup or a program of text, what loads from elsewhere, what is kept for longer than
/// a tab, and what browsers have for `https` and the own machine only.
const BANNED: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "createContextualFragment",
    "DOMParser",
    "srcdoc",
    "document.write",
    "eval(",
    "Function(",
    "import(",
    "javascript:",
    "http:",
    "https://",
    "@import",
    "url(",
    "style=",
    "localStorage",
    "cookie",
    "subtle",
    "clipboard",
    "serviceWorker",
    "wakeLock",
];

/// Whether an event is given a handler by a name such as `onclick`: in a program behind a dot, in
/// markup with no blank before the `=`.
fn has_handler(line: &str) -> bool {
    line.match_indices("on").any(|(at, on)| {
        let name = &line[at + on.len()..];
        let rest = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let is_set = |rest: &str| rest.starts_with('=') && !rest.starts_with("==");
        let sets = match line[..at].chars().next_back() {
            Some('.') => is_set(rest.trim_start()),
            before => before.is_none_or(|c| !c.is_alphanumeric() && c != '_') && is_set(rest),
        };
        sets && rest.len() < name.len()
    })
}

fn is_banned(line: &str) -> bool {
    has_handler(line) || BANNED.iter().any(|banned| line.contains(banned))
}

#[test]
fn the_web_page_is_small() {
    let bytes: usize = PAGE.iter().map(|(_, text)| text.len()).sum();
    assert!(bytes <= PAGE_BYTES_MAX, "it has {bytes} bytes");
}

#[test]
fn the_web_page_makes_no_markup_of_text_and_loads_nothing_from_elsewhere() {
    for (name, text) in PAGE {
        for (number, line) in (1..).zip(text.lines()) {
            assert!(!is_banned(line), "{name}:{number}: {line}");
            let columns = line.chars().count();
            assert!(columns <= super::LINE_COLUMNS_MAX, "{name}:{number}");
        }
    }
}

#[test]
fn the_rules_for_the_web_page_would_notice() {
    for line in [
        "element.onclick = act;",
        "<p onload=\"act()\">",
        "x.innerHTML += name",
        "<p style=\"color: red\">",
        "new Function('x')",
    ] {
        assert!(is_banned(line), "{line}");
    }
    for line in ["const one = 1;", "if (only === 1)", "on(a, 'click', act);"] {
        assert!(!is_banned(line), "{line}");
    }
}
