//! Errors: one roof over all of them, and `?` in a task.

use std::{
    collections::BTreeSet,
    error::Error as StdError,
    fs,
    path::{Path, PathBuf},
};

use longhaul::{
    AnyError, CancelError, Context, Error, ExecutionResult, Interruption, OrFail, RunId, RunOutcome, StateKind,
    StoreError, Success, TaskFn,
};
use serde::{Deserialize, Serialize};

use crate::kit::{GRACE, Scene, WORK};

fn has_the_roof<E: StdError + Into<Error>>() {}

/// Names of error types at the root of the crate, each of which converts into [`Error`].
macro_rules! under_the_roof {
    ($($name:ident)*) => {{
        $(has_the_roof::<longhaul::$name>();)*
        [$(stringify!($name)),*]
    }};
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The last of the types between `<` and its `>`, by its bare name.
fn last_argument(generics: &str) -> Option<&str> {
    let (mut depth, mut start) = (0, 0);
    for (at, c) in generics.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if generics[..at].ends_with('-') => {}
            '>' if depth == 0 => {
                let argument = generics[start..at].trim();
                let path = argument.split('<').next()?;
                return path.rsplit("::").next();
            }
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 && !generics[at + 1..].trim_start().starts_with('>') => start = at + 1,
            _ => {}
        }
    }
    None
}

/// The errors of the results that public functions, and futures that can be awaited, give.
fn errors_of(source: &str) -> BTreeSet<String> {
    let code: String = source
        .lines()
        .map(str::trim_start)
        .take_while(|line| *line != "#[cfg(test)]")
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| [line, " "])
        .collect();
    let mut found = BTreeSet::new();
    let functions = ["pub fn ", "pub const fn ", "pub async fn "].into_iter().flat_map(|start| {
        code.match_indices(start).map(|(at, _)| {
            let signature = &code[at..];
            let end = signature.find(['{', ';']).unwrap_or(signature.len());
            let signature = signature[..end].split(" where ").next().unwrap_or_default();
            signature.rsplit_once("->").map_or("", |(_, returned)| returned)
        })
    });
    // Of builders that are awaited.
    let awaited = code.match_indices("type Output = ").filter_map(|(at, _)| {
        let (before, rest) = code.split_at(at);
        let header = &before[before.rfind("impl")?..];
        header.contains("IntoFuture for").then(|| &rest[..rest.find(';').unwrap_or(rest.len())])
    });
    for returned in functions.chain(awaited) {
        for (at, result) in returned.match_indices("Result<") {
            if returned[..at].ends_with(char::is_alphanumeric) {
                continue; // an `ExecutionResult`: what a task returns
            }
            if returned[..at].ends_with("io::") {
                has_the_roof::<std::io::Error>();
                continue;
            }
            found.extend(last_argument(&returned[at + result.len()..]).map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_error_that_a_public_method_returns_is_at_the_root_and_under_one_roof() {
    let listed = under_the_roof! {
        BuildError BulkError CancelError ConnectError CopyError DefinitionError DeleteError EndedRunsError EnqueueError EnqueueJsonError FindByKeyError
        GetError InsertError MigrateError MigrateStoreError NameError OpenError OutcomeError ParseIdError ParseStateError ParseTimestampError PolicyError
        ProceedRunError RateError ReadError RetryRunError RunError RunsError ScheduleError SchedulesError ServiceFailed
        SignalError SpawnError StoreError TransactionError UpdateError ValueError
    };
    // What a task hands on is for `?` in a task alone; it is no `std::error::Error`, and says why.
    let for_tasks = ["AnyError", "EffectError", "Interruption", "Stopped"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("../longhaul-embedded/src"), &mut files);
    sources(&root.join("../longhaul-postgres/src"), &mut files);
    let mut returned = BTreeSet::new();
    for file in files {
        let path = file.to_string_lossy();
        if path.contains("/tests") || path.ends_with("/doc.rs") {
            continue;
        }
        returned.extend(errors_of(&fs::read_to_string(&file).expect("a source can be read")));
    }
    for expected in ["CancelError", "DeleteError", "GetError", "NameError", "UpdateError", "EnqueueError", "OpenError"]
    {
        assert!(returned.contains(expected), "the search misses {expected}: {returned:?}");
    }
    // Type parameters have one letter.
    returned.retain(|name| name.len() > 1 && !for_tasks.contains(&name.as_str()));
    let missing: Vec<_> = returned.iter().filter(|name| !listed.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "not at the root, or not convertible into `longhaul::Error`: {missing:?}");
}

#[tokio::test]
async fn errors_are_told_apart_by_what_happened_whatever_call_it_was() {
    let scene = Scene::new();
    let client = scene.client();
    let nobody = client.run_fn(WORK, RunId::from_bytes([7; 16]));
    let not_found: [Error; 6] = [
        nobody.status().await.unwrap_err().into(),
        nobody.cancel().await.unwrap_err().into(),
        nobody.suspend().await.unwrap_err().into(),
        nobody.delete().await.unwrap_err().into(),
        nobody.proceed().await.unwrap_err().into(),
        client.schedules().get("nightly").await.unwrap_err().into(),
    ];
    for error in not_found {
        assert!(error.is_not_found() && !error.is_invalid() && !error.is_retryable(), "{error:?}");
    }

    let run = client.enqueue_fn(WORK, 1).unique("k").await.unwrap();
    run.cancel().await.unwrap();
    let ended: [Error; 3] = [
        run.cancel().await.unwrap_err().into(),
        run.suspend().await.unwrap_err().into(),
        run.proceed().await.unwrap_err().into(),
    ];
    for error in ended {
        assert_eq!(error.run_state(), Some(StateKind::Cancelled), "{error:?}");
        assert!(!error.is_not_found(), "{error:?}");
    }

    client.enqueue_fn(WORK, 1).unique("k").await.unwrap();
    let key = longhaul::UniqueKey::new("k").or_refuse();
    let taken = Error::from(client.enqueue_fn(WORK, 2).unique(key).await.unwrap_err());
    assert!(taken.is_conflict() && !taken.is_invalid(), "{taken:?}");

    let bad_name = Error::from(client.enqueue_fn(WORK, 2).queue("two words").await.unwrap_err());
    assert!(bad_name.is_invalid() && !bad_name.is_conflict(), "{bad_name:?}");

    let closed = Error::from(longhaul::EnqueueError::Store(StoreError::Closed));
    assert!(closed.is_closed() && !closed.is_retryable());
    let busy = Error::from(CancelError::Store(StoreError::Unavailable { reason: "starting".into() }));
    assert!(busy.is_retryable() && !busy.is_closed());
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Typed {
    Empty,
    Other(AnyError),
}

impl std::fmt::Display for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl From<AnyError> for Typed {
    fn from(error: AnyError) -> Self {
        Self::Other(error)
    }
}

fn any(text: &str) -> Result<u64, AnyError> {
    Ok(text.parse()?)
}

fn with_anyhow(text: &str) -> anyhow::Result<u64> {
    use anyhow::Context;
    text.parse().with_context(|| format!("`{text}` is no number"))
}

fn with_text(_: &str) -> Result<u64, String> {
    Err("a text".into())
}

/// [`Typed`] is no `std::error::Error`, so `?` alone does not take it.
fn typed(text: &str) -> Result<u64, Typed> {
    if text.is_empty() { Err(Typed::Empty) } else { any(text).map_err(Typed::Other) }
}

fn boxed(text: &str) -> Result<u64, Box<dyn StdError>> {
    Ok(any(text)?)
}

fn boxed_send(text: &str) -> Result<u64, Box<dyn StdError + Send + Sync>> {
    Ok(any(text)?)
}

/// Each way to hand an error on, by number.
async fn fails(ctx: Context<u64, ()>) -> ExecutionResult<u64, AnyError> {
    let none: Option<u64> = None;
    let text = "x";
    let number = match ctx.metadata() {
        0 => any(text)?,
        1 => none.ok_or(AnyError::msg("nothing there"))?,
        2 => none.ok_or_else(|| AnyError::msg("nothing there"))?,
        3 => with_anyhow(text).or_fail()?,
        4 => boxed(text).or_fail()?,
        5 => boxed_send(text).or_fail()?,
        6 => with_text(text).map_err(AnyError::msg)?,
        _ => text.parse()?,
    };
    Success::with_result(number).for_error()
}

/// The same in a task with an error of its own.
async fn fails_typed(ctx: Context<u64, ()>) -> ExecutionResult<u64, Typed> {
    let number = match ctx.metadata() {
        0 => any("x")?,
        1 => with_anyhow("x").or_fail()?,
        2 => typed("").map_err(Interruption::failed)?,
        _ => return Err(Interruption::failed_permanently(Typed::Empty)),
    };
    Success::with_result(number).for_error()
}

const FAILS: TaskFn<u64, (), u64, AnyError> = TaskFn::new("fails");
const FAILS_TYPED: TaskFn<u64, (), u64, Typed> = TaskFn::new("fails-typed");

#[tokio::test]
async fn every_way_to_hand_an_error_on_becomes_the_typed_failure_of_the_run() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(FAILS, fails).task_fn(FAILS_TYPED, fails_typed).start().unwrap();
    let client = server.client();
    let once = longhaul::RetryPolicy::default().attempts(1);
    let number = "invalid digit found in string";
    let with_context = format!("`x` is no number: {number}");
    let expected = [number, "nothing there", "nothing there", &with_context, number, number, "a text", number];
    for (way, expected) in (0..).zip(expected) {
        let run = client.enqueue_fn(FAILS, way).retry(once.clone()).await.unwrap();
        let RunOutcome::Failed { error, failure } = run.outcome().await.unwrap() else { panic!("way {way} fails") };
        assert_eq!(error, Some(AnyError::msg(expected)), "way {way}");
        assert_eq!(&*failure.message, expected);
    }
    let expected = [Typed::Other(AnyError::msg(number)), Typed::Other(AnyError::msg(&with_context)), Typed::Empty];
    for (way, expected) in (0..).zip(expected) {
        let run = client.enqueue_fn(FAILS_TYPED, way).retry(once.clone()).await.unwrap();
        assert_eq!(run.outcome().await.unwrap().error(), Some(expected), "way {way}");
    }
    // Permanently: no other attempt follows, whatever the policy says.
    let run = client.enqueue_fn(FAILS_TYPED, 9).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().error(), Some(Typed::Empty));
    assert_eq!(run.status().await.unwrap().attempts(), 1);
    server.shutdown(GRACE).await;
}
