//! Pages of runs.

use std::collections::BTreeMap;

use longhaul_core::{
    Run, RunId, StateKind, StoreError,
    limits::PAGE_MAX,
    record::Damage,
    store::{Damaged, HeaderPage, ListOrder, Page, PageRequest, RunHeader},
};

use crate::{
    error::Fault,
    handle::Inner,
    id::{Uuid, uuids},
    row::{self, Kept, columns, is_rare, state_number},
    session::Row,
};

/// A page looks at no more rows than this.
const LOOKS: i64 = 5_000;

pub(crate) const LIST: [&str; 2] = [
    concat!("SELECT ", columns!(), " FROM @run r WHERE r.id > $1 ORDER BY r.id LIMIT $2"),
    concat!("SELECT ", columns!(), " FROM @run r WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2"),
];

/// Without values.
pub(crate) const HEADERS: [&str; 2] = [
    "SELECT r.id, r.rec FROM @run r WHERE r.id > $1 ORDER BY r.id LIMIT $2",
    "SELECT r.id, r.rec FROM @run r WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2",
];

/// Those with these ids, without values.
pub(crate) const HEADERS_OF: &str = "SELECT r.id, r.rec FROM @run r WHERE r.id = ANY($1)";

/// Through the index of rare states, and in its order: for `seen = …` in the order of ids alone, the planner may walk over
/// the ids of all runs, which takes long where no run is in the state.
pub(crate) const LIST_RARE: [&str; 2] = [
    concat!(
        "SELECT ",
        columns!(),
        " FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen <= s.state \
        AND (t.seen, t.id) > (s.state, $1) ORDER BY t.seen, t.id LIMIT $2) r ORDER BY r.id LIMIT $2"
    ),
    concat!(
        "SELECT ",
        columns!(),
        " FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen >= s.state \
        AND (t.seen, t.id) < (s.state, $1) ORDER BY t.seen DESC, t.id DESC LIMIT $2) r ORDER BY r.id DESC LIMIT $2"
    ),
];

/// Without values.
pub(crate) const HEADERS_RARE: [&str; 2] = [
    "SELECT r.id, r.rec FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen <= s.state \
        AND (t.seen, t.id) > (s.state, $1) ORDER BY t.seen, t.id LIMIT $2) r ORDER BY r.id LIMIT $2",
    "SELECT r.id, r.rec FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen >= s.state \
        AND (t.seen, t.id) < (s.state, $1) ORDER BY t.seen DESC, t.id DESC LIMIT $2) r ORDER BY r.id DESC LIMIT $2",
];

/// What runs, by the pages of claims: few runs of many run.
macro_rules! running {
    ($columns:expr, $than:literal, $order:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM @claim_page p CROSS JOIN LATERAL unnest(p.runs) u(id) \
            CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.id = u.id OFFSET 0) r WHERE u.id ",
            $than,
            " $1 AND r.page = p.id AND r.state = 1 ORDER BY r.id",
            $order,
            " LIMIT $2"
        )
    };
}

pub(crate) const LIST_RUNNING: [&str; 2] = [running!(columns!(), ">", ""), running!(columns!(), "<", " DESC")];

/// Without values.
pub(crate) const HEADERS_RUNNING: [&str; 2] = [running!("r.id, r.rec", ">", ""), running!("r.id, r.rec", "<", " DESC")];

/// The children of a run, in the order of their ids.
pub(crate) const CHILDREN: [&str; 2] = [
    concat!(
        "SELECT ",
        columns!(),
        " FROM @child c JOIN @run r ON r.id = c.run WHERE c.parent = $3 AND c.run > $1 ORDER BY c.run LIMIT $2"
    ),
    concat!(
        "SELECT ",
        columns!(),
        " FROM @child c JOIN @run r ON r.id = c.run WHERE c.parent = $3 AND c.run < $1 ORDER BY c.run DESC LIMIT $2"
    ),
];

/// The same, only what a table shows.
pub(crate) const CHILD_HEADERS: [&str; 2] = [
    "SELECT r.id, r.rec FROM @child c JOIN @run r ON r.id = c.run WHERE c.parent = $3 AND c.run > $1 \
        ORDER BY c.run LIMIT $2",
    "SELECT r.id, r.rec FROM @child c JOIN @run r ON r.id = c.run WHERE c.parent = $3 AND c.run < $1 \
        ORDER BY c.run DESC LIMIT $2",
];

/// A run, or why it cannot be read.
type ReadRow<T> = Result<(RunId, Result<T, Damage>), Fault>;

impl Inner {
    pub(crate) async fn list(&self, request: &PageRequest) -> Result<Page, StoreError> {
        let of = |kept: &Kept| kept.stored.run.id;
        let is_meant = |kept: &Kept| request.filter.matches(&kept.stored.run);
        let statements = [LIST, LIST_RARE, LIST_RUNNING, CHILDREN];
        let (kept, damaged, next) = self.read_page(request, statements, row::read, is_meant, of).await?;
        Ok(Page { runs: kept.into_iter().map(|kept| kept.stored.into_snapshot()).collect(), damaged, next })
    }

    pub(crate) async fn list_headers(&self, request: &PageRequest) -> Result<HeaderPage, StoreError> {
        let is_meant = |run: &Run| request.filter.matches(run);
        let statements = [HEADERS, HEADERS_RARE, HEADERS_RUNNING, CHILD_HEADERS];
        let (runs, damaged, next) =
            self.read_page(request, statements, row::read_header, is_meant, |run| run.id).await?;
        Ok(HeaderPage { runs: runs.iter().map(RunHeader::of).collect(), damaged, next })
    }

    /// Those of these runs that can be read, in their order.
    pub(crate) async fn headers(&self, ids: &[RunId]) -> Result<Vec<RunHeader>, StoreError> {
        self.ensure_open()?;
        assert!(ids.len() <= PAGE_MAX, "at most {PAGE_MAX} runs, not {}", ids.len());
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.expire_deadlines().await?;
        self.look_if_needed().await?;
        let session = self.session().await?;
        let rows = session.query(HEADERS_OF, &[&uuids(ids.iter().copied())]).await.map_err(Fault::into_store)?;
        let mut found = BTreeMap::new();
        for row in &rows {
            if let (id, Ok(run)) = row::read_header(row).map_err(Fault::into_store)? {
                found.insert(id, RunHeader::of(&run));
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    /// A page of what `read` makes of rows. The first statements walk over all runs, the others over those in rare states,
    /// those that run, and the children of one.
    async fn read_page<T>(
        &self,
        request: &PageRequest,
        [all, rare, running, children]: [[&'static str; 2]; 4],
        read: fn(&Row) -> ReadRow<T>,
        is_meant: impl Fn(&T) -> bool,
        id_of: fn(&T) -> RunId,
    ) -> Result<(Vec<T>, Vec<Damaged>, Option<RunId>), StoreError> {
        self.ensure_open()?;
        let PageRequest { filter, order, after, limit } = request;
        request.assert_limits();
        self.expire_deadlines().await?;
        self.look_if_needed().await?;
        let session = self.session().await?;
        let at = usize::from(*order == ListOrder::NewestFirst);
        let first = [RunId::from_bytes([0; 16]), RunId::from_bytes([0xFF; 16])][at];
        let mut after = Uuid::from(after.unwrap_or(first));
        let is_of_running = !filter.states.is_empty() && filter.states.iter().all(|state| *state == StateKind::Running);
        let is_of_rare = !filter.states.is_empty() && filter.states.iter().all(|state| is_rare(*state));
        let parent = filter.parent.map(Uuid::from);
        let states: Vec<i16> = filter.states.iter().copied().map(state_number).collect();
        let (mut runs, mut damaged) = (Vec::new(), Vec::new());
        let (mut looks, mut some) = (0, (2 * *limit as i64).clamp(16, LOOKS));
        loop {
            let rows = if let Some(parent) = &parent {
                session.query(children[at], &[&after, &some, parent]).await
            } else if is_of_rare {
                session.query(rare[at], &[&after, &some, &states]).await
            } else if is_of_running {
                session.query(running[at], &[&after, &some]).await
            } else {
                session.query(all[at], &[&after, &some]).await
            }
            .map_err(Fault::into_store)?;
            for row in &rows {
                let (id, run) = read(row).map_err(Fault::into_store)?;
                match run {
                    Ok(run) if !is_meant(&run) => {}
                    Ok(_) if runs.len() == *limit => {
                        let next = runs.last().map(id_of);
                        return Ok((runs, damaged, next));
                    }
                    Ok(run) => runs.push(run),
                    Err(damage) => damaged.push(Damaged { id, why: (&*damage.reason).into() }),
                }
                after = id.into();
            }
            looks += rows.len() as i64;
            if (rows.len() as i64) < some {
                return Ok((runs, damaged, None));
            }
            if looks >= LOOKS {
                return Ok((runs, damaged, Some(after.run())));
            }
            // Where few match, a round trip for every few rows would cost more than the rows.
            some = (2 * some).min(LOOKS - looks);
        }
    }
}
