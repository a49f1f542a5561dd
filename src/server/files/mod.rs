//! The served folder: names are resolved, files listed, read ahead and digested here.
//!
//! Owns every open below the folder. Must never open anything outside it.

pub mod digest;
pub mod inotify;
pub mod listing;
pub mod listing_cache;
pub mod location;
pub mod readahead;
pub mod root;
