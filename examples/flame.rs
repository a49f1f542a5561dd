//! What perf found, as a picture: `perf script` on standard input, an SVG on standard output.
//!
//! Owns the way from the one to the other. A tool for `make perf`: the crate behind it is built for
//! this alone and is in neither program.
//!
//!     perf script -i perf.data | cargo run --release --example flame -- TITLE > flame.svg

use std::env;
use std::io::{self, BufReader, BufWriter, Write};

use inferno::collapse::Collapse;
use inferno::collapse::perf::Folder;
use inferno::flamegraph::{self, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut stacks = Vec::new();
    Folder::default().collapse(BufReader::new(io::stdin().lock()), &mut stacks)?;
    let mut options = Options::default();
    options.title = env::args().nth(1).unwrap_or_else(|| "berthd".to_owned());
    let mut out = BufWriter::new(io::stdout().lock());
    flamegraph::from_reader(&mut options, stacks.as_slice(), &mut out)?;
    Ok(out.flush()?)
}
