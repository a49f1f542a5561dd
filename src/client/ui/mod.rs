//! What a person sees and types: standard streams, the progress bar, tables, questions, Ctrl-C.
//!
//! Owns the terminal. Must never let through a byte that a terminal would obey.

pub mod confirm;
pub mod interrupt;
pub mod keyboard;
pub mod progress;
pub mod stderr;
pub mod stdout;
pub mod sum;
pub mod table;
