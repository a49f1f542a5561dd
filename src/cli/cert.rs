//! The command line of `berthd cert`.
//!
//! Owns its flags and their help. Must never make a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What `berthd cert` is told.
#[derive(Args, Clone, Debug)]
#[command(max_term_width = 100, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct CertArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What can be done with certificates.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Make a key and a certificate that is signed with it, valid for ten years
    ///
    /// Nobody vouches for it: clients know the server by the pin, which is printed and does not
    /// change as long as the key is kept.
    #[command(max_term_width = 100)]
    New {
        /// Where to put berth.crt and berth.key, which are never replaced; made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,

        /// A name or an address of the server; may be given more than once
        ///
        /// The name of this host, localhost, 127.0.0.1 and ::1 stand in the certificate anyway.
        /// Clients that know the server by its pin need no name in it. Those that compare the name
        /// (berth --ca, openssl, a browser's rules) need each one that they connect to: addresses
        /// to listen on are not known here.
        #[arg(long = "name", value_name = "HOST", value_delimiter = ',')]
        names: Vec<String>,
    },
    /// Print the pin of a certificate's key again
    #[command(max_term_width = 100)]
    Pin {
        /// The certificate, such as berth.crt
        #[arg(value_name = "FILE")]
        certificate: PathBuf,
    },
}

const AFTER_HELP: &str = "\
The pin goes to standard output, alone; what to do with it to standard error.

Exit status: 0 done; 1 a file is there already, or cannot be made or read; 2 wrong usage.";
