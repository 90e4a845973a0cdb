//! What the kernel says of this process and of the disk. Linux only: elsewhere the figures are missing.

use std::{fs, path::Path, time::Duration};

/// Memory of this process that is in RAM, in bytes.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// CPU time of all threads of this process so far, user and system.
pub fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The command, in brackets, may hold spaces; utime and stime are the 12th and 13th field after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let utime: u64 = fields.next()?.parse().ok()?;
    let stime: u64 = fields.next()?.parse().ok()?;
    // USER_HZ, which is 100 on every Linux that Rust's tier 1 knows.
    Some(Duration::from_millis((utime + stime) * 10))
}

/// The name of the variable that holds the process of a server which does part of the work.
pub const SERVER: &str = "BENCH_SERVER_PROCESS";

/// CPU time so far of the server that [`SERVER`] names and of the processes it has started; none where there is none, or
/// it is on another machine.
pub fn server_cpu_time() -> Option<Duration> {
    let server: u32 = std::env::var(SERVER).ok()?.parse().ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let ticks = processes.filter_map(|process| {
        let name = process.file_name();
        let id: u32 = name.to_str()?.parse().ok()?;
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let own = number(11)? + number(12)?;
        // Of a process that has ended its parent knows.
        let ended = number(13)? + number(14)?;
        if id == server { Some(own + ended) } else { (fields.get(1)?.parse::<u32>() == Ok(server)).then_some(own) }
    });
    Some(Duration::from_millis(ticks.sum::<u64>() * 10))
}

/// The kind of file system that holds `path`, such as `ext4`.
pub fn file_system(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind.to_owned())
}

/// Bytes of all files under `dir`.
pub fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Model of the processor, number of CPUs and kernel, for the results.
pub fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown CPU", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, Into::into);
    format!("{model} x{cpus}, Linux {}", kernel.trim())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_uses_cpu() {
        assert!(resident_bytes().expect("VmRSS") > 100_000);
        let before = cpu_time().expect("stat");
        let mut x = 1_u64;
        while cpu_time().expect("stat") == before {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
    }
}
