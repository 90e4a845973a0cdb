//! The engine as a whole, entered through `advance`, `search` and what lies on disk.

mod broken_off;
mod index;
mod input;
mod query;
mod task;

use std::{
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{Engine, IndexError, Pace, Progress, Step, Summary};

/// An input folder and one for its index.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        // In memory where there is such a folder: thousands of files are synced, and no power is cut here.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let bench = Self { folder: folder.unwrap() };
        fs::create_dir(bench.input()).unwrap();
        for (path, text) in files {
            bench.put(path, text);
        }
        bench
    }

    /// Seven pages with words in common, words of their own, and words from most slices.
    fn of_seven_pages() -> Self {
        Self::new([
            ("a.md", "# Alpha\nshared one one _private 2024"),
            ("b/b.html", "<title>Beta</title>shared zwei <script>hidden</script>"),
            ("b/c.html", r#"<title>Gone</title><meta http-equiv="refresh" content="0;URL=b.html">shared"#),
            ("d.rs", "fn shared_by() { one() } // größe"),
            ("e.toml", "shared = 1"),
            ("f.md", ""),
            ("g.md", "shared one über zzz"),
        ])
    }

    fn input(&self) -> PathBuf {
        self.folder.path().join("input")
    }

    fn index(&self) -> PathBuf {
        self.folder.path().join("data/index")
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.input().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads so many files into a segment.
    fn engine(&self, label: &str, batch: u32) -> Engine {
        Engine::new(&self.index(), label, &self.input(), Pace { files_per_second: NonZeroU32::new(batch) })
    }

    fn build(&self, label: &str, batch: u32) -> Summary {
        finish(&self.engine(label, batch), Progress::default()).unwrap()
    }

    /// What lies in the folder of a build: names and bytes.
    fn files_of(&self, label: &str) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.index().join(format!("build-{label}")))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    }
}

fn step(engine: &Engine, from: &Progress) -> Progress {
    engine.advance(from, &|| false).unwrap().expect("nobody told it to stop")
}

fn finish(engine: &Engine, mut progress: Progress) -> Result<Summary, IndexError> {
    loop {
        if let Step::Done(summary) = progress.step {
            return Ok(summary);
        }
        progress = engine.advance(&progress, &|| false)?.expect("nobody told it to stop");
    }
}

/// Every cursor of an uninterrupted build, from the first to the last.
fn cursors(engine: &Engine) -> Vec<Progress> {
    let mut cursors = vec![Progress::default()];
    while !matches!(cursors.last().unwrap().step, Step::Done(_)) {
        cursors.push(step(engine, cursors.last().unwrap()));
    }
    cursors
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}
