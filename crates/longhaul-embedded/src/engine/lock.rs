//! One process has a folder, and is named to those who come too late.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
    sync::Arc,
};

use fs2::FileExt;

/// The file that is locked; it stays when the lock goes.
const NAME: &str = "LOCK";
/// Longer than any pid and host name.
const TEXT_MAX: u64 = 512;

/// Who has a store open.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, OpenError, Options};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// let store = EmbeddedStore::open(folder.path(), Options::new(clock.clone()))?;
/// let Err(OpenError::Locked { holder, .. }) = EmbeddedStore::open(folder.path(), Options::new(clock)) else {
///     panic!("it is open");
/// };
/// assert_eq!(holder.pid, Some(std::process::id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The process; `None`: it did not get to write it down yet.
    pub pid: Option<u32>,
    /// The machine, or container.
    pub host: Option<String>,
}

impl Holder {
    /// Whether it is this process itself: another handle of the store is still open in it.
    ///
    /// ```
    /// use longhaul_embedded::OpenError;
    ///
    /// fn is_open_here(error: &OpenError) -> bool {
    ///     matches!(error, OpenError::Locked { holder, .. } if holder.is_this_process())
    /// }
    /// ```
    pub fn is_this_process(&self) -> bool {
        self.pid == Some(std::process::id()) && self.host == host_name()
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> &'static str {
        if self.is_this_process() {
            "close the store where it was opened before, or use that handle; a server that it was handed to by `store` \
             closes it in its shutdown, one that shares it by `shared_store` does not"
        } else {
            "stop that process, or use another folder"
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.pid, &self.host) {
            (Some(pid), _) if self.is_this_process() => write!(f, "this very process ({pid})"),
            (Some(pid), Some(host)) => write!(f, "the process {pid} on {host}"),
            (Some(pid), None) => write!(f, "the process {pid}"),
            (None, _) => f.write_str("another process"),
        }
    }
}

/// Held while the store is open. The system releases it with the process, however that ends.
/// Its clones are one lock, which is held until the last is gone.
#[derive(Clone, Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "held for its lock")] Arc<File>);

/// Why the lock was not taken.
#[derive(Debug)]
pub(crate) enum LockError {
    Locked(Holder),
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl FolderLock {
    /// Takes the lock of `folder`, at once or not at all.
    pub(crate) fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if let Err(error) = FileExt::try_lock_exclusive(&file) {
            let held = error.raw_os_error() == fs2::lock_contended_error().raw_os_error();
            return Err(if held { LockError::Locked(read_holder(&mut file)?) } else { error.into() });
        }
        file.set_len(0)?;
        write!(file, "{}\n{}\n", std::process::id(), host_name().unwrap_or_default())?;
        Ok(Self(Arc::new(file)))
    }
}

fn read_holder(file: &mut File) -> io::Result<Holder> {
    let mut text = String::new();
    file.rewind()?;
    file.take(TEXT_MAX).read_to_string(&mut text)?;
    let mut lines = text.lines();
    let pid = lines.next().and_then(|pid| pid.parse().ok());
    Ok(Holder { pid, host: lines.next().filter(|host| !host.is_empty()).map(str::to_owned) })
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).map_err(io::Error::other));
    name.ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_learns_who_was_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = FolderLock::take(folder.path()).expect("free");
        let LockError::Locked(holder) = FolderLock::take(folder.path()).expect_err("held") else { panic!("not held") };
        assert_eq!(holder.pid, Some(std::process::id()));
        assert!(holder.is_this_process());
        assert_eq!(holder.to_string(), format!("this very process ({})", std::process::id()));
        assert!(holder.remedy().starts_with("close the store"), "{}", holder.remedy());

        drop(first);
        FolderLock::take(folder.path()).expect("free again");
    }

    /// Containers number their processes anew, so the number alone says nothing.
    #[test]
    fn a_process_of_the_same_number_on_another_host_is_another_one() {
        let holder = Holder { pid: Some(std::process::id()), host: Some("another".into()) };
        assert!(!holder.is_this_process());
        assert_eq!(holder.remedy(), "stop that process, or use another folder");
    }
}
