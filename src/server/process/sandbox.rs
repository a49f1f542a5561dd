//! Drops privileges and enters the sandbox, before any client is served.
//!
//! Owns the change to an ordinary user and the Landlock rules around the folder. Must never be the
//! only protection: names are resolved below the folder with or without it. It is the second line
//! of defence, in case the first has a bug.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use nix::unistd::{User, geteuid, initgroups, setgid, setuid};
use rustix::fd::{AsFd, BorrowedFd};

/// The Landlock version whose rules are requested: those for files, and since Linux 6.7 for TCP.
const RULES: ABI = ABI::V4;

/// Whether the sandbox is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// As many rules as the kernel supports.
    Auto,
    /// All rules, or the server does not start.
    Require,
    /// No sandbox.
    Off,
}

/// What uploads need of the served folder.
#[derive(Clone, Copy, Debug)]
pub struct Writable<'a> {
    /// The folder that files are added to.
    pub folder: BorrowedFd<'a>,
    /// The folder in which they are written.
    pub staging: BorrowedFd<'a>,
    /// Whether files that are there may be replaced.
    pub replaces: bool,
}

/// What can be done to the served folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing.
    Nothing,
    /// Files can be added.
    Added,
    /// Files can be added, and put in the place of others.
    Replaced,
}

/// The rules that are in force, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restrictions {
    /// Only the folder can be read; no file can be written but for uploads, no TCP address bound or
    /// connected to.
    Whole(Writes),
    /// Some of these rules.
    Partial(Writes),
    /// This kernel's Landlock would let no file be moved, and so no upload be stored. Only
    /// no_new_privs is set.
    NoMoves,
    /// The kernel has no Landlock. Only no_new_privs is set.
    NoNewPrivileges,
    /// No sandbox was asked for.
    None,
}

impl Restrictions {
    /// Whether files outside the folder cannot be opened any more.
    #[must_use]
    pub const fn is_around_files(self) -> bool {
        matches!(self, Self::Whole(_) | Self::Partial(_))
    }
}

impl fmt::Display for Restrictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = "only the folder can be read, files added to it (.berth) and none that is \
                     there changed or removed";
        let replaced = "only the folder can be read, files added to it (.berth) or put in place \
                        of others, and none written to";
        f.write_str(match self {
            Self::Whole(Writes::Nothing) => {
                "Landlock: only the folder can be read, nothing written outside the journal's \
                 folder, no TCP address bound or called; no new privileges"
            }
            Self::Whole(writes) => {
                let what = if *writes == Writes::Added {
                    added
                } else {
                    replaced
                };
                return write!(
                    f,
                    "Landlock: {what}, nothing else written outside the journal's folder, no TCP \
                     address bound or called; no new privileges"
                );
            }
            Self::Partial(Writes::Nothing) => {
                "Landlock, in part: this kernel has rules for files but none for TCP; no new \
                 privileges"
            }
            Self::Partial(writes) => {
                let what = if *writes == Writes::Added {
                    added
                } else {
                    replaced
                };
                return write!(
                    f,
                    "Landlock, in part: {what}; this kernel has no rules for TCP; no new privileges"
                );
            }
            Self::NoMoves => {
                "no new privileges (this kernel's Landlock is older than 5.19 and would let no \
                 upload be stored)"
            }
            Self::NoNewPrivileges => "no new privileges (this kernel has no Landlock)",
            Self::None => "off",
        })
    }
}

/// Why a privilege could not be dropped.
#[derive(Debug)]
pub enum Failure {
    /// There is no user of this name.
    NoSuchUser(String),
    /// Only root can switch to another user.
    NotRoot(String),
    /// The kernel refused.
    User(String, io::Error),
    /// `--sandbox require`, and not all of it is in force.
    Restrictions(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser(name) => write!(f, "there is no user '{name}'"),
            Self::NotRoot(name) => {
                write!(
                    f,
                    "only root can become '{name}': start it as that user instead"
                )
            }
            Self::User(name, error) => write!(f, "cannot become '{name}': {error}"),
            Self::Restrictions(why) => write!(f, "the sandbox is required and not in force: {why}"),
        }
    }
}

/// Switches to the user `name` for good. To be called by the only thread, after everything that
/// needs root.
///
/// # Errors
/// When there is no such user, or the process is not root's.
pub fn become_user(name: &str) -> Result<(), Failure> {
    let failed = |error: nix::Error| Failure::User(name.to_owned(), error.into());
    let user = User::from_name(name).map_err(failed)?;
    let user = user.ok_or_else(|| Failure::NoSuchUser(name.to_owned()))?;
    if geteuid() == user.uid {
        return Ok(());
    }
    if !geteuid().is_root() {
        return Err(Failure::NotRoot(name.to_owned()));
    }
    let c_name = CString::new(name).map_err(|_| Failure::NoSuchUser(name.to_owned()))?;
    initgroups(&c_name, user.gid).map_err(failed)?;
    setgid(user.gid).map_err(failed)?;
    setuid(user.uid).map_err(failed)?;
    assert!(
        setuid(0.into()).is_err(),
        "who gave root up cannot take it back"
    );
    Ok(())
}

/// Whether the process runs as root, which serving a folder does not need.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Restricts the calling thread: from now on only files below `folder` can be opened, and only for
/// reading. If there is a journal, files in its folder can be opened for writing, so that it can be
/// reopened after a log rotation. Its path has to be absolute and without links. Files in the
/// folders `own` can be read, so that what is in them can be read again. What uploads need can be
/// written.
///
/// # Errors
/// When the sandbox is required and not all rules are in force.
pub fn enter(
    folder: impl AsFd,
    journal: Option<&Path>,
    own: &[PathBuf],
    uploads: Option<Writable<'_>>,
    sandbox: Sandbox,
) -> Result<Restrictions, Failure> {
    let failed = |error: RulesetError| Failure::Restrictions(error.to_string());
    let writes = match uploads {
        _ if sandbox == Sandbox::Off => return Ok(Restrictions::None),
        None => Writes::Nothing,
        Some(uploads) if uploads.replaces => Writes::Replaced,
        Some(_) => Writes::Added,
    };
    let restrictions = if uploads.is_some() && forbids_moves() {
        set_no_new_privileges().map_err(failed)?;
        Restrictions::NoMoves
    } else {
        let status = restrict(folder, journal, own, uploads).map_err(failed)?;
        match status.ruleset {
            RulesetStatus::FullyEnforced => Restrictions::Whole(writes),
            RulesetStatus::PartiallyEnforced => Restrictions::Partial(writes),
            RulesetStatus::NotEnforced => Restrictions::NoNewPrivileges,
        }
    };
    if sandbox == Sandbox::Require && restrictions != Restrictions::Whole(writes) {
        return Err(Failure::Restrictions(restrictions.to_string()));
    }
    Ok(restrictions)
}

/// Whether this kernel's Landlock forbids every move from one folder to another, and has no rule
/// that allows it.
fn forbids_moves() -> bool {
    let has = |access: BitFlags<AccessFs>| {
        let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let ruleset = ruleset.handle_access(access);
        ruleset.and_then(Ruleset::create).is_ok()
    };
    has(AccessFs::from_all(ABI::V1)) && !has(AccessFs::Refer.into())
}

/// Enters a sandbox without a rule that this kernel knows.
fn set_no_new_privileges() -> Result<RestrictionStatus, RulesetError> {
    let ruleset = Ruleset::default().handle_access(AccessFs::Refer)?;
    ruleset.create()?.restrict_self()
}

/// A file is written in the staging folder, and nowhere else; from there it is moved to its name.
/// So nothing that is in the served folder can be opened for writing, and nothing removed either,
/// unless it may be replaced.
fn to_write(uploads: Writable<'_>) -> [PathBeneath<BorrowedFd<'_>>; 2] {
    let moved = AccessFs::MakeReg | AccessFs::Refer;
    let written = moved | AccessFs::WriteFile | AccessFs::RemoveFile | AccessFs::Truncate;
    let added = match uploads.replaces {
        true => moved | AccessFs::MakeDir | AccessFs::RemoveFile,
        false => moved | AccessFs::MakeDir,
    };
    [
        PathBeneath::new(uploads.folder, added),
        PathBeneath::new(uploads.staging, written),
    ]
}

/// Requests all rules. A kernel that lacks some leaves them out and reports that in the status.
fn restrict(
    folder: impl AsFd,
    journal: Option<&Path>,
    own: &[PathBuf],
    uploads: Option<Writable<'_>>,
) -> Result<RestrictionStatus, RulesetError> {
    let readable = AccessFs::ReadFile | AccessFs::ReadDir;
    let writable = AccessFs::WriteFile | AccessFs::MakeReg;
    let above = journal.and_then(Path::parent);
    // A folder that cannot be opened any more is left out: the journal then cannot be reopened.
    let above = above.and_then(|above| PathFd::new(above).ok());
    let own = own.iter().filter_map(|folder| PathFd::new(folder).ok());
    Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(AccessNet::from_all(RULES))?
        .create()?
        .add_rule(PathBeneath::new(folder, readable))?
        .add_rules(above.map(|above| Ok::<_, RulesetError>(PathBeneath::new(above, writable))))?
        .add_rules(own.map(|own| Ok::<_, RulesetError>(PathBeneath::new(own, AccessFs::ReadFile))))?
        .add_rules(
            uploads
                .into_iter()
                .flat_map(to_write)
                .map(Ok::<_, RulesetError>),
        )?
        .restrict_self()
}
