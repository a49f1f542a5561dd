//! The journal on a real disk: what is written, what survives, and what people are shown of it.

#[path = "../support/mod.rs"]
mod support;

mod book;
mod crash;
mod foreign;
mod full;
mod names;
mod past;
mod rotation;
mod schema;
mod uploads;
mod view;
mod visitors;
