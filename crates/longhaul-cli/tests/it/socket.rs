//! The socket of a running program: with it, after it was killed, and after it started again.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use longhaul_cli::Exit;

use crate::{
    app::App,
    kit::{Ended, longhaul, without_code},
};

async fn at(folder: &Path, line: &str) -> Ended {
    longhaul(&format!("--store {} {line}", folder.display()), None, None).await
}

#[tokio::test]
async fn a_running_program_is_asked_a_killed_one_is_replaced_and_a_new_one_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let app = App::start(folder, true);
    let mode = fs::metadata(folder.join("longhaul.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its user may connect");
    let started = at(folder, "runs start count --up-to 3").await;
    assert_eq!(started.exit, Exit::Done, "{}", started.err);
    let id = started.out.trim().to_owned();
    assert_eq!(at(folder, &format!("runs wait {id}")).await.out, "3\n");
    let stats = at(folder, "store stats").await;
    assert!(stats.out.contains(&format!("process {}", app.pid())), "{}", stats.out);
    let doctor = at(folder, "doctor -o jsonl").await;
    let warnings: Vec<&str> = doctor.out.lines().filter(|warning| !warning.contains("\"disk_")).collect();
    assert!(warnings.is_empty(), "a program that works has no warnings but for a full disk: {warnings:?}");
    let waiting = at(folder, "runs start approve").await.out.trim().to_owned();

    app.kill();
    assert!(folder.join("longhaul.sock").exists(), "a killed process leaves its socket");
    let stats = at(folder, "store stats").await;
    assert_eq!(stats.exit, Exit::Done, "{}", stats.err);
    assert!(stats.out.contains("which no program has open"), "{}", stats.out);
    let check = at(folder, "store check").await;
    assert_eq!(check.exit, Exit::Done, "{}{}", check.out, check.err);

    let app = App::start(folder, true);
    let shown = at(folder, &format!("runs show {waiting} -o json")).await.json();
    assert_eq!(shown["run"]["id"], waiting.as_str());
    let held = at(folder, "store export").await;
    assert_eq!(held.exit, Exit::Unreachable);
    assert!(held.err.contains(&app.pid().to_string()) && held.err.contains("stop that program first"), "{}", held.err);
    app.end();
    assert!(!folder.join("longhaul.sock").exists(), "a program that ends removes its socket");
    assert_eq!(at(folder, "store export").await.out.lines().filter(|line| line.contains("run_")).count(), 2);
}

#[tokio::test]
async fn a_kind_with_a_form_is_started_from_a_folder_by_a_command_line_that_does_not_have_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path(), true);
    // A server registers its kinds before it claims.
    let first = at(folder.path(), "runs start count --up-to 1").await.out.trim().to_owned();
    assert_eq!(at(folder.path(), &format!("runs wait {first}")).await.out, "1\n");
    app.end();
    let bare = async |line: &str| without_code(&format!("--store {} {line}", folder.path().display())).await;
    let schema = bare("kinds schema count").await;
    assert!(schema.out.contains("--up-to"), "{}{}", schema.out, schema.err);
    let wrong = bare("runs start count --up-to many").await;
    assert_eq!(wrong.exit, Exit::Usage, "{}", wrong.err);
    assert!(wrong.err.contains("metadata.up_to: a whole number is needed"), "{}", wrong.err);
    let started = bare("runs start count --up-to 3 --customer ann").await;
    assert_eq!(started.exit, Exit::Done, "{}", started.err);
    let id = started.out.trim().to_owned();
    let approve = bare("runs start approve").await;
    assert_eq!(approve.exit, Exit::NotFound, "it has no form: {}", approve.err);

    let app = App::start(folder.path(), true);
    assert_eq!(at(folder.path(), &format!("runs wait {id}")).await.out, "3\n");
    app.end();
}

#[tokio::test]
async fn a_program_that_does_not_listen_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path(), false);
    let ended = at(folder.path(), "runs ls").await;
    assert_eq!(ended.exit, Exit::Unreachable);
    for says in [app.pid().to_string().as_str(), ".inspect(…)"] {
        assert!(ended.err.contains(says), "{}", ended.err);
    }
}

#[tokio::test]
async fn what_is_no_export_makes_no_store_and_one_that_is_compressed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (folder.path().join("store"), folder.path().join("export"));
    for (bytes, says) in
        [(&b"root:x:0:0"[..], "is no export"), (&[0x1f, 0x8b, 8, 0], "is compressed: gunzip <"), (b"", "is no export")]
    {
        fs::write(&file, bytes).unwrap();
        let ended = at(&store, &format!("store import {}", file.display())).await;
        assert_eq!(ended.exit, Exit::Usage, "{}", ended.err);
        assert!(ended.err.contains(says) && !store.exists(), "{}", ended.err);
    }
    fs::write(&file, "{}\n").unwrap();
    for words in ["host=/nowhere dbname=jobs", "postgres://db/jobs"] {
        let place = words.replace(' ', "\u{a0}");
        let ended = at(Path::new(&place), &format!("store import {}", file.display())).await;
        assert_eq!(ended.exit, Exit::Usage, "{words}: {}", ended.err);
        assert!(ended.err.contains("a store in a folder"), "{}", ended.err);
    }
}

#[tokio::test]
async fn nobody_waits_for_what_cannot_come_while_the_command_line_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(folder.path(), true);
    let id = at(folder.path(), "runs start approve").await.out.trim().to_owned();
    app.kill();
    for line in [format!("runs wait {id}"), format!("runs follow {id}"), "runs start --wait approve".into()] {
        let ended = at(folder.path(), &line).await;
        assert_eq!(ended.exit, Exit::Refused, "{line}: {}", ended.err);
        assert!(ended.err.contains("start the program"), "{line}: {}", ended.err);
    }
    let listed = at(folder.path(), "runs ls -o json").await.json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "nothing was enqueued to be waited for: {listed}");

    // An export that was cut says that it can be repeated, and what is there stays.
    let export = at(folder.path(), "store export").await.out;
    let (other, file) = (folder.path().join("other"), folder.path().join("export"));
    fs::write(&file, &export[..export.len() - 9]).unwrap();
    let import = format!("store import {}", file.display());
    let broke_off = at(&other, &import).await;
    assert_eq!(broke_off.exit, Exit::Failed, "{}", broke_off.out);
    assert!(broke_off.err.contains("import it again"), "{}", broke_off.err);
    fs::write(&file, &export).unwrap();
    let whole = at(&other, &import).await;
    assert!(whole.exit == Exit::Done && whole.out.starts_with("1 runs"), "{}{}", whole.out, whole.err);
}

#[tokio::test]
async fn what_is_typed_goes_before_what_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    App::start(folder.path(), false).end();
    // Nobody listens there.
    let asked = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_longhaul"));
        command.args(arguments).env("LONGHAUL_URL", "http://127.0.0.1:1").env("LONGHAUL_STORE", "/nowhere");
        command.output().expect("it is built")
    };
    let place = folder.path().to_str().unwrap();
    let typed = asked(&["--store", place, "store", "stats"]);
    assert_eq!(typed.status.code(), Some(0), "{}", String::from_utf8_lossy(&typed.stderr));
    assert_eq!(asked(&["store", "stats"]).status.code(), Some(5), "the URL of the environment");
    let both = asked(&["--store", place, "--url", "http://127.0.0.1:1", "store", "stats"]);
    assert_eq!(both.status.code(), Some(2), "{}", String::from_utf8_lossy(&both.stderr));
}

#[tokio::test]
async fn a_folder_without_a_store_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for folder in [folder.path().to_owned(), folder.path().join("nowhere")] {
        let ended = at(&folder, "runs ls").await;
        assert_eq!(ended.exit, Exit::NotFound, "{}", ended.err);
        assert!(ended.err.contains("--store"), "{}", ended.err);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_long_path_has_its_socket_elsewhere_and_a_killed_one_is_cleaned_up() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("long".repeat(30));
    let app = App::start(&folder, true);
    let first = longhaul_inspect::socket::find(&folder).unwrap().unwrap();
    assert!(first.as_os_str().len() <= longhaul_inspect::socket::PATH_MAX, "{}", first.display());
    let above = fs::metadata(first.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(above & 0o777, 0o700, "only its user may enter");
    assert_eq!(at(&folder, "runs ls").await.exit, Exit::Done);
    app.kill();
    assert_eq!(at(&folder, "runs ls").await.exit, Exit::Done, "the folder is opened");
    let app = App::start(&folder, true);
    assert!(!first.exists(), "what the killed one left is removed");
    assert_eq!(at(&folder, "runs ls").await.exit, Exit::Done);
    app.end();
    assert_eq!(longhaul_inspect::socket::find(&folder).unwrap(), None);
}
