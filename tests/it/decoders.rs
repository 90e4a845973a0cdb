//! Every decoder, with the corpus of the fuzzer, with what releases wrote, and with small damage to both.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[path = "../../fuzz/targets.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's programs use it as a module of theirs")]
mod targets;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The bytes themselves, each end that is cut off, and each byte with one bit flipped; of long ones, a few hundred.
fn with_damage(bytes: &[u8], target: targets::Target) {
    target(bytes);
    let step = bytes.len().div_ceil(200).max(1);
    for at in (0..bytes.len()).step_by(step) {
        target(&bytes[..at]);
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (at % 8);
        target(&flipped);
        // The largest length that a reader may be told.
        flipped[at] = 0xFF;
        target(&flipped);
        let huge = [0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
        target(&[&bytes[..at], &huge[..], &bytes[at..]].concat());
    }
}

#[test]
fn every_decoder_stands_its_corpus_and_small_damage_to_it() {
    let corpus = root().join("fuzz/corpus");
    for (name, target) in targets::ALL {
        let files = files(&corpus.join(name));
        assert!(!files.is_empty(), "`fuzz/corpus/{name}` is empty");
        for file in files {
            println!("{}", file.display());
            with_damage(&fs::read(file).expect("it can be read"), target);
        }
    }
    let known: Vec<&str> = targets::ALL.iter().map(|(name, _)| *name).collect();
    for folder in fs::read_dir(corpus).expect("the corpus") {
        let name = folder.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(known.contains(&&*name), "`fuzz/corpus/{name}` belongs to no target");
        assert!(root().join("fuzz/fuzz_targets").join(format!("{name}.rs")).exists(), "`{name}` is not fuzzed");
    }
}

#[test]
fn every_decoder_stands_what_releases_wrote_and_small_damage_to_it() {
    for golden in ["crates/longhaul-core/tests/golden", "crates/longhaul-embedded/tests/golden"] {
        for file in files(&root().join(golden)).iter().filter(|file| file.metadata().is_ok_and(|it| it.len() < 100_000))
        {
            let bytes = fs::read(file).expect("it can be read");
            let bytes = if file.extension().is_some_and(|it| it == "hex") { bytes_of(&bytes) } else { bytes };
            for (_, target) in targets::ALL {
                with_damage(&bytes, target);
            }
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                with_damage(line, targets::line);
            }
        }
    }
}

/// Hexadecimal digits, and line ends between them.
fn bytes_of(hex: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = hex.iter().copied().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
