//! Reads, each answered by its operation.

use super::{
    answers::{Answers, reply_now},
    command::Read,
    polls::Polls,
    watchers::Watcher,
};
use crate::{
    engine::kv::KvError,
    health::Health,
    ops::{controls, copy_out, count, explain, export, find_by_key, get, kinds, list, read_log, servers, verify},
    state::State,
};

/// Carries out a read. It sees what was committed, and nothing else.
///
/// # Errors
/// The engine panicked, or did not come back.
pub(super) fn read(
    state: &mut State,
    answers: &mut Answers,
    polls: &mut Polls,
    health: &Health,
    command: Read,
) -> Result<(), KvError> {
    use Read as R;
    match command {
        R::FindByKey { kind, key, reply } => answers.answer_read(reply, find_by_key::find_by_key(state, &kind, &key)),
        R::ChildCounts { parent, reply } => answers.answer_read(reply, state.child_counts(parent)),
        R::Get { id, reply } => answers.answer_read(reply, get::get(state, id)),
        R::Changed { id, seen, reply } => polls.changed(state, answers, health, Watcher { id, seen, reply }),
        R::List { request, reply } => answers.answer_read(reply, list::list(state, &request)),
        R::ListHeaders { request, reply } => answers.answer_read(reply, list::list_headers(state, &request)),
        R::Headers { ids, reply } => answers.answer_read(reply, list::headers(state, &ids)),
        R::Statistics { reply } => {
            reply_now(reply, state.index.statistics.clone());
            Ok(())
        }
        R::Servers { reply } => {
            reply_now(reply, servers::servers(state));
            Ok(())
        }
        R::GetSchedule { name, reply } => {
            reply_now(reply, state.schedules.get(&name));
            Ok(())
        }
        R::Ended { request, reply } => polls.ended(state, answers, health, request, reply),
        R::Count { request, reply } => answers.answer_read(reply, count::count(state, &request)),
        R::StopRequests { server, seen, reply } => {
            polls.stop_requests(state, health, server, seen, reply);
            Ok(())
        }
        R::Controls { reply } => {
            reply_now(reply, controls::controls(state));
            Ok(())
        }
        R::Kinds { reply } => {
            reply_now(reply, kinds::kinds(state));
            Ok(())
        }
        R::Queues { reply } => {
            reply_now(reply, state.index.depths(state.now));
            Ok(())
        }
        R::Schedules { seen, reply } => {
            polls.schedules(state, health, seen, reply);
            Ok(())
        }
        R::Explain { id, reply } => answers.answer_read(reply, explain::explain(state, id)),
        R::Log { request, reply } => answers.answer_read(reply, read_log::read_log(state, &request)),
        R::CopyOut { from, reply } => answers.answer_read(reply, copy_out::copy_out(state, from)),
        R::Export { after, reply } => answers.answer_read(reply, export::export(state, after)),
        R::Verify { from, reply } => answers.answer_read(reply, verify::verify(state, &from)),
    }
}
