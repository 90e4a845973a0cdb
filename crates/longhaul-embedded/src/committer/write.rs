//! Writes, each staged by its operation, and answered once it holds.

use longhaul_core::ServerId;

use super::{
    answers::{After, Answers},
    command::{Reply, Write},
    waiting_claims::WaitingClaims,
};
use crate::{
    engine::kv::KvError,
    error::Fault,
    ops::{
        begin, cancel, checkpoint, controls, copy_in, delete, give_back, import, insert, kinds, log, proceed,
        release_incompatible, retry, schedules, servers, settle, sweep, update,
    },
    state::State,
};

/// Servers that leave, with their next cycle.
pub(super) type Leaving = Vec<(ServerId, Reply<()>)>;

/// Stages a write.
///
/// # Errors
/// The engine failed: from now on nothing is written.
pub(super) fn write(
    state: &mut State,
    answers: &mut Answers,
    claims: &mut WaitingClaims,
    leaving: &mut Leaving,
    command: Write,
) -> Result<(), Fault> {
    use Write as W;
    match command {
        W::Insert { runs, reply } => each(state, answers, After::Sync, reply, runs, insert::insert)?,
        W::Claim { request, reply } => claims.claim_or_wait(state, answers, request, reply)?,
        W::GiveBack(held) => give_back::give_back(state, held)?,
        W::Begin { runs, reply } => {
            each(state, answers, After::Flush, reply, runs, |state, (id, epoch)| begin::begin(state, id, epoch))?;
        }
        W::Checkpoint { checkpoints, reply } => {
            each(state, answers, After::Sync, reply, checkpoints, checkpoint::checkpoint)?;
        }
        W::Settle { settlements, reply } => each(state, answers, After::Sync, reply, settlements, settle::settle)?,
        W::Log { pages, reply } => each(state, answers, After::Flush, reply, pages, log::log)?,
        W::Heartbeat { beat, reply } => answers.answer(After::Sync, reply, Ok(servers::heartbeat(state, &beat)))?,
        W::Expire { reply } => answers.answer(After::Sync, reply, servers::expire(state))?,
        // One cycle later: claims on their way to it come back first, and were not crashes.
        W::Leave { server, reply } => leaving.push((server, reply)),
        W::Proceed { proceed, reply } => answers.answer(After::Sync, reply, proceed::proceed(state, proceed))?,
        W::Cancel { id, reason, by, reply } => {
            answers.answer(After::Sync, reply, cancel::cancel(state, id, reason, by))?;
        }
        W::Retry { retry, reply } => answers.answer(After::Sync, reply, retry::retry(state, &retry))?,
        W::Update { id, update, by, reply } => {
            answers.answer(After::Sync, reply, update::update(state, id, update, by))?;
        }
        W::Control { scope, change, reply } => {
            answers.answer(After::Sync, reply, controls::control(state, &scope, change))?;
        }
        W::DescribeKinds { kinds, reply } => {
            answers.answer(After::Sync, reply, kinds::describe_kinds(state, kinds))?;
        }
        W::Schedule { change, reply } => answers.answer(After::Sync, reply, schedules::schedule(state, change))?,
        W::Delete { id, reply } => answers.answer(After::Sync, reply, delete::delete(state, id))?,
        W::ReleaseIncompatible { runs, reply } => {
            answers.answer(After::Sync, reply, release_incompatible::release_incompatible(state, &runs))?;
        }
        W::Sweep { retentions, max, reply } => {
            answers.answer(After::Sync, reply, sweep::sweep(state, &retentions, max))?;
        }
        W::CopyIn { items, reply } => answers.answer(After::Sync, reply, copy_in::copy_in(state, items))?,
        W::Import { runs, reply } => answers.answer(After::Sync, reply, import::import(state, runs))?,
    }
    Ok(())
}

/// One answer for each item of a batch.
fn each<I, T, E>(
    state: &mut State,
    answers: &mut Answers,
    after: After,
    reply: Reply<Vec<Result<T, E>>>,
    items: Vec<I>,
    mut one: impl FnMut(&mut State, I) -> Result<Result<T, E>, Fault>,
) -> Result<(), KvError>
where
    Result<T, E>: Send + 'static,
{
    let outcome = items.into_iter().map(|item| one(state, item)).collect();
    answers.answer(after, reply, outcome)
}
