//! Other processes: started, watched through /proc, and always stopped.
//!
//! Owns every process that the benchmark starts. None may outlive it: each is killed when its owner
//! is dropped, on a signal, and by the kernel should the benchmark itself be killed.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

/// The argument that makes this program put itself on a leash and become another one.
pub(crate) const LEASH: &str = "--leash";

/// Those that run now, for the thread that waits for signals.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A process that ends with its owner.
pub(crate) struct Process {
    child: Child,
    pid: Pid,
}

impl Process {
    /// To be called from the main thread only: the kernel takes its end for that of the parent.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut running = running();
        let child = command.spawn()?;
        let pid = Pid::from_child(&child);
        running.push(pid);
        Ok(Self { child, pid })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    /// What all its threads used of the processors so far.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        self.schedule().map(|schedule| schedule.0)
    }

    /// What all its threads used of the processors so far, and how long they were ready to run and
    /// had to wait for one, because others ran.
    ///
    /// A thread that runs has its time brought up to date at every tick of the kernel's clock, so
    /// it is asked a little later, when the process has nothing left to do.
    pub(crate) fn schedule(&self) -> io::Result<(Duration, Duration)> {
        thread::sleep(Duration::from_millis(5));
        let mut sums = (Duration::ZERO, Duration::ZERO);
        for task in fs::read_dir(self.proc("task"))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let mut times = text.split(' ').map_while(|word| word.parse().ok());
            let mut next = || Duration::from_nanos(times.next().unwrap_or(0));
            sums.0 += next();
            sums.1 += next();
        }
        Ok(sums)
    }

    /// Memory that is in use now, in KiB.
    pub(crate) fn resident_kib(&self) -> io::Result<f64> {
        self.number("status", "VmRSS:")
    }

    /// The most that was in use since [`Process::forget_peak`], in KiB.
    pub(crate) fn peak_kib(&self) -> io::Result<f64> {
        self.number("status", "VmHWM:")
    }

    /// From here on the kernel notes anew what is the most: proc_pid_clear_refs(5).
    pub(crate) fn forget_peak(&self) -> io::Result<()> {
        fs::write(self.proc("clear_refs"), "5")
    }

    /// What it had to be read from the disk for, in bytes.
    pub(crate) fn disk_bytes(&self) -> io::Result<f64> {
        self.number("io", "read_bytes:")
    }

    pub(crate) fn open_files(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.proc("fd"))?.count())
    }

    /// The number behind a word in one of the process's files.
    pub(crate) fn number(&self, file: &str, word: &str) -> io::Result<f64> {
        let text = fs::read_to_string(self.proc(file))?;
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| io::Error::other(format!("/proc has no {word} in {file}")))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn interrupt(&mut self) -> io::Result<()> {
        kill_process(self.pid, Signal::INT)?;
        self.child.wait().map(drop)
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.pid.as_raw_nonzero())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Held until the end: once it was waited for, its number may be that of another process.
        let mut running = running();
        drop(self.child.kill());
        drop(self.child.wait());
        running.retain(|pid| *pid != self.pid);
    }
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING
        .lock()
        .expect("no thread panics while it holds the list")
}

/// Kills all that run. While the list is held none can be started, so whoever ends the benchmark
/// keeps it.
pub(crate) fn kill_all() -> impl Sized {
    let running = running();
    for pid in running.iter() {
        // One that ended by itself is as good.
        let _ = kill_process(*pid, Signal::KILL);
    }
    running
}

/// A command for `program` that the kernel kills when the benchmark ends, however it ends.
pub(crate) fn leashed(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(LEASH).arg(program);
    Ok(command)
}

/// The other side of [`leashed`]: what is set here outlasts the exec.
pub(crate) fn become_leashed(arguments: &[String]) -> io::Error {
    let [program, arguments @ ..] = arguments else {
        return io::Error::other("no program to become");
    };
    match set_parent_process_death_signal(Some(Signal::KILL)) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    }
}

/// Where a program stands, if it is installed. Servers are often where only root looks.
pub(crate) fn installed(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
