# The everyday commands. `make` alone lists them.
#
# The comment after each target is its help text; keep it to one line.

.DEFAULT_GOAL := help
.PHONY: help run-server run-client test lint fmt sim fuzz deny flood bench strace perf lesson install clean

# Passed to the program or script, for example: make run-server ARGS='--max-clients 10'
ARGS ?=
# Where `make install` installs; DESTDIR is prepended, for packagers.
PREFIX ?= /usr/local
DESTDIR ?=
# The build folder of cargo.
TARGET = $(or $(CARGO_TARGET_DIR),target)
# The number of seeds, or the seeds, that `make sim` runs.
SEEDS ?= 10000
# Seconds that `make fuzz` spends on each of its targets.
SECONDS ?= 60
# For `make bench`. RUNS: measurements of each row. QUICK: small files, only to see that it works.
# ROWS: which rows, by words in their names. CHART: also write docs/performance.md and .svg. AGAIN:
# only show the last results again.
RUNS ?= 9
QUICK ?=
ROWS ?=
CHART ?=
AGAIN ?=
# cargo-fuzz needs a nightly compiler; RUSTC_BOOTSTRAP makes the stable one do.
FUZZ_TARGETS = $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run-server: ## serve the folder repo/ on 127.0.0.1:23784 (ARGS='--help' shows the options)
	@mkdir -p journal
	BERTH_JOURNAL=$${BERTH_JOURNAL-journal/journal.jsonl} \
	    cargo run --release --locked --bin berthd -- $(ARGS)

run-client: ## connect to the server on 127.0.0.1:23784 (ARGS='--help' shows the options)
	cargo run --release --locked --bin berth -- $(ARGS)

test: ## run every test; the last lines say what this machine could not run
	@mkdir -p "$(TARGET)" && rm -f "$(TARGET)/skipped"
	SKIPPED_TESTS="$(abspath $(TARGET))/skipped" cargo test --locked
	@if [ -s "$(TARGET)/skipped" ]; then \
	    echo 'Left out, with the reason and what would bring each:'; \
	    sort -u "$(TARGET)/skipped" | sed 's/^/  /'; \
	else echo 'Nothing was left out.'; fi

lint: ## check the format, the lints, the documentation and, with cargo-deny, the licences
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo clippy --lib --bins --locked --no-default-features --features client -- -D warnings
	cargo clippy --lib --bins --locked --no-default-features --features server -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --document-private-items --locked
	@if command -v cargo-deny >/dev/null; then \
	    cargo deny --locked --log-level error check licenses bans sources; \
	else \
	    echo 'licences and bans were not checked: cargo install cargo-deny --locked'; \
	fi

fmt: ## format the source
	cargo fmt

sim: ## run the simulator for longer (SEEDS=10000)
	RUST_BACKTRACE=0 BERTH_SIM_SEEDS=$(SEEDS) cargo test --release --locked --test sim -- --nocapture

fuzz: ## fuzz each target (SECONDS=60); needs cargo-fuzz: cargo install cargo-fuzz
	set -e; for target in $(FUZZ_TARGETS); do \
	    mkdir -p fuzz/target/corpus/$$target; \
	    RUSTC_BOOTSTRAP=1 cargo fuzz run $$target fuzz/target/corpus/$$target \
	        fuzz/corpus/$$target -- -max_len=16384 -max_total_time=$(SECONDS) -print_final_stats=1; \
	done

deny: ## check licences, bans and, where their database is reachable, advisories (cargo-deny)
	cargo deny check licenses bans sources
	cargo deny check advisories || cargo deny --offline check advisories \
	    || echo 'advisories were not checked: their database cannot be had here'

flood: ## open 50 connections to a server with few berths (ARGS='ADDR:PORT CLIENTS')
	scripts/flood.sh $(ARGS)

bench: ## compare with nginx, Redis and the machine's limits (RUNS=9 QUICK=1 ROWS='echo' CHART=1)
	RUNS='$(RUNS)' QUICK='$(QUICK)' ROWS='$(ROWS)' CHART='$(CHART)' AGAIN='$(AGAIN)' \
	    cargo bench --quiet --locked --bench compare
	$(if $(QUICK)$(ROWS)$(AGAIN),,cargo bench --quiet --locked --bench small)

strace: ## count the system calls per request and per MiB (ARGS=PID for a running server)
	scripts/strace.sh $(ARGS)

lesson: ## reproduce docs/loop.md here: a transcript, a timeline and statistics in target/lesson
	scripts/lesson.sh

perf: ## show where the server spends its time, and draw it (ARGS=PID for a running server)
	scripts/perf.sh $(ARGS)

install: ## install programs, man pages and completions (PREFIX=/usr/local DESTDIR=)
	cargo build --release --locked --bins
	rm -rf "$(TARGET)/manuals"
	cargo run --quiet --release --locked --example manuals -- "$(TARGET)/manuals"
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 "$(TARGET)/release/berth" "$(TARGET)/release/berthd" "$(DESTDIR)$(PREFIX)/bin"
	(cd "$(TARGET)/manuals" && find . -type f) | while read -r file; do \
	    install -d "$(DESTDIR)$(PREFIX)/$$(dirname "$$file")" && \
	    install -m 644 "$(TARGET)/manuals/$$file" "$(DESTDIR)$(PREFIX)/$$file" || exit 1; \
	done

clean: ## remove the build output
	cargo clean
