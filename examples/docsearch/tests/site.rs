//! A folder of pages, a folder for the index of them, and programs that work there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{
    gate::Gate,
    program::{Ended, Program, docsearch},
};

/// Three segments, the last one not full.
pub(crate) const PAGES: u32 = 1200;

pub(crate) struct Site {
    folder: TempDir,
    data: PathBuf,
}

/// What the last line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) run: String,
    pub(crate) attempts: u32,
    pub(crate) index: Index,
}

/// What must not depend on how often the work was broken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) files: u32,
    pub(crate) terms: u32,
    pub(crate) digest: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let site = Self { data: folder.path().join("data"), folder };
        fs::create_dir(site.input()).expect("a folder");
        for number in 0..PAGES {
            fs::write(site.page(number), page(number)).expect("a page");
        }
        site
    }

    /// Keeps its data elsewhere.
    pub(crate) fn with_data(mut self, data: PathBuf) -> Self {
        self.data = data;
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.path("input")
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn page(&self, number: u32) -> PathBuf {
        self.input().join(format!("page-{number:04}.html"))
    }

    /// Where the files of a run lie; see the documentation of `docsearch_engine`.
    pub(crate) fn build(&self, run: &str) -> PathBuf {
        self.data.join("index").join(format!("build-{run}"))
    }

    /// The program, with this data folder and nothing else said.
    pub(crate) fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(docsearch());
        command.arg("--data").arg(&self.data).args(args);
        command
    }

    pub(crate) fn start(&self, args: &[&str]) -> Program {
        Program::start(self.bare(&[]).arg("--input").arg(self.input()).args(args))
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args).wait()
    }

    pub(crate) fn query(&self, words: &[&str]) -> Ended {
        Program::start(self.bare(&["query"]).args(words)).wait()
    }

    /// Begins a run and kills it when all files are listed and few are read, so that each later one can become a gate.
    /// Gives the run's id.
    pub(crate) fn listed(&self) -> String {
        let mut program = self.start(&["--throttle", "1"]);
        let run = run_of(&program.until("STARTED")).to_owned();
        program.until("[2/4] reading files ");
        program.kill();
        run
    }

    /// Starts the program and waits until it is about to read this page.
    pub(crate) fn held_at(&self, number: u32) -> Held {
        let gate = Gate::at(self.page(number));
        let mut program = self.start(&[]);
        let pipe = program.until_at(&gate);
        Held { program, gate, pipe }
    }

    /// What is in `data/pid`.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.data.join("pid")).ok().map(|text| text.trim_end().parse().expect("a number"))
    }
}

/// A program that waits for a page.
pub(crate) struct Held {
    pub(crate) program: Program,
    gate: Gate,
    pipe: fs::File,
}

impl Held {
    pub(crate) fn kill(self) {
        self.program.kill();
        self.gate.remove();
    }

    /// Lets it have the page.
    pub(crate) fn let_go(self) -> Program {
        self.gate.open(self.pipe);
        self.program
    }

    /// Waits for its end without giving it the page.
    pub(crate) fn wait(self) -> Ended {
        let ended = self.program.wait();
        self.gate.remove();
        ended
    }
}

/// The same index, built without any disturbance.
pub(crate) fn undisturbed() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| done(&Site::new().run(&[])).index)
}

/// That it ended well, and with what.
pub(crate) fn done(ended: &Ended) -> Done {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let line = ended.line("DONE ");
    let [_, run, attempts, files, terms, digest] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    let value = |word: &str, name: &str| -> String {
        word.strip_prefix(name).unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
    };
    let number = |word, name| value(word, name).parse().unwrap_or_else(|_| panic!("no number {name} in {line}"));
    let digest = value(digest, "digest=sha256:");
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
    Done {
        run: run.to_owned(),
        attempts: number(attempts, "attempts="),
        index: Index { files: number(files, "files="), terms: number(terms, "terms="), digest },
    }
}

/// The second word: `run_…`.
pub(crate) fn run_of(line: &str) -> &str {
    let run = line.split(' ').nth(1).unwrap_or_default();
    assert!(run.len() == "run_".len() + 26 && run.starts_with("run_"), "{line}");
    run
}

/// `DONE/TOTAL` of a line.
pub(crate) fn place_of(line: &str) -> (u32, u32) {
    let place = line.split(" at ").nth(1).and_then(|rest| rest.split(' ').next()?.split_once('/'));
    let (done, total) = place.unwrap_or_else(|| panic!("no place in {line}"));
    (done.parse().expect("a number"), total.parse().expect("a number"))
}

/// Words that all pages have, that some have, and that one has.
fn page(number: u32) -> String {
    let (tenth, cycle) = (number / 10, number % 7);
    let filler = "all pages have these words in common ".repeat(1 + cycle as usize);
    format!(
        "<!DOCTYPE html><html><head><title>Page {number}</title></head><body><nav>hidden</nav>\
         <p>{filler}</p><p>decade{tenth} cycle{cycle} only{number} _{cycle}x {number} größe</p></body></html>"
    )
}
