//! A disk that writes 100 MB/s and no more.
//!
//! Owns a file system of its own in memory, and the limit of the kernel on its loop device. Needs
//! root, and cgroups whose first version has the controller of disks: the second one limits no disk
//! for the kernel's own threads. The mount is in a namespace that ends with the benchmark, so it
//! never outlives it. The limit is lifted when the disk is dropped, and on a signal; only SIGKILL
//! leaves it in `LIMITS`, where a line `MAJOR:MINOR 0` lifts it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{major, minor, stat};

const BYTES_PER_SECOND: u64 = 100_000_000;
const SIZE: u64 = 1024 * 1024 * 1024;
const LIMITS: &str = "/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device";
const MEMORY: &str = "/dev/shm";

/// The device that is limited now, for the thread that waits for signals.
static LIMITED: Mutex<Option<String>> = Mutex::new(None);

/// Mounted as long as it is there.
pub(crate) struct SlowDisk {
    pub(crate) folder: PathBuf,
}

impl SlowDisk {
    /// To be called from the main thread: a namespace is that of a thread and of those, and of the
    /// processes, that it starts later.
    pub(crate) fn mount(temp: &Path) -> io::Result<Self> {
        if !Path::new(LIMITS).exists() {
            let reason = format!("no disk can be slowed down here: there is no {LIMITS}");
            return Err(io::Error::other(reason));
        }
        let needs_root = |error| io::Error::other(format!("it needs root ({error})"));
        unshare(CloneFlags::CLONE_NEWNS).map_err(needs_root)?;
        run(Command::new("mount").args(["--make-rprivate", "/"]))?;
        let memory = Path::new(MEMORY);
        let place = if memory.is_dir() { memory } else { temp };
        // The loop device keeps it, so its name goes at once.
        let image = tempfile::NamedTempFile::new_in(place)?;
        image.as_file().set_len(SIZE)?;
        run(Command::new("mkfs.ext4")
            .args(["-q", "-F"])
            .arg(image.path()))?;
        let folder = temp.join("slow");
        fs::create_dir_all(&folder)?;
        let mut command = Command::new("mount");
        run(command.args(["-o", "loop"]).arg(image.path()).arg(&folder))?;
        let disk = Self { folder };
        let device = stat(&disk.folder)?.st_dev;
        let device = format!("{}:{}", major(device), minor(device));
        let mut limited = LIMITED.lock().expect("no holder panics");
        fs::write(LIMITS, format!("{device} {BYTES_PER_SECOND}"))?;
        *limited = Some(device);
        drop(limited);
        Ok(disk)
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        lift();
        drop(run(Command::new("umount").arg(&self.folder)));
    }
}

/// Lifts the limit, which would otherwise wait for the next one who uses this loop device.
pub(crate) fn lift() {
    let device = LIMITED.lock().expect("no holder panics").take();
    if let Some(device) = device {
        // Nothing more can be done about a limit that stays.
        drop(fs::write(LIMITS, format!("{device} 0")));
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command
        .output()
        .map_err(|error| io::Error::other(format!("{program}: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(io::Error::other(format!("{program}: {reason}")))
}
