//! Event streams: they say that something changed, and the page asks for itself again.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, Bytes};
use futures_util::stream;
use longhaul::{Controls, GetError, RunId, ServerId, StateKind, StoreError, store_api::counts::CountRow};
use longhaul_inspect::Inspector;
use tokio::sync::watch;

use crate::clock;

/// How often the counts are looked at, for all streams together.
const LOOK: Duration = Duration::from_secs(1);
/// While something runs, its progress is worth a look this often.
const PROGRESS_LOOKS: u32 = 2;
/// Schedules change seldom, and there may be many.
const SCHEDULE_LOOKS: u32 = 5;
/// Proxies close a connection that says nothing; half a minute is a common limit.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

const CHANGED: &str = "event: changed\ndata: 1\n\n";
const GONE: &str = "event: gone\ndata: 1\n\n";
const ALIVE: &str = ":\n\n";

/// One watch over the counts, however many pages are open. It looks only while somebody listens.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    inspector: Inspector,
    news: watch::Sender<u64>,
    is_looking: Arc<AtomicBool>,
}

impl Hub {
    pub(crate) fn new(inspector: Inspector) -> Self {
        Self { inspector, news: watch::Sender::new(0), is_looking: Arc::default() }
    }

    /// What changes on pages that show many runs. Ends when the client's server stops.
    pub(crate) fn stream(&self) -> Body {
        let (news, stopping) = (self.news.subscribe(), self.inspector.client().stopping());
        if !self.is_looking.swap(true, Ordering::SeqCst) {
            tokio::spawn(self.clone().look());
        }
        events((news, stopping), |(mut news, stopping)| async move {
            let text = tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                changed = news.changed() => changed.ok().map(|()| CHANGED)?,
                () = clock::pause(KEEP_ALIVE) => ALIVE,
            };
            Some((text, (news, stopping)))
        })
    }

    /// Looks as long as somebody listens.
    async fn look(self) {
        let (stopping, mut before, mut looks) = (self.inspector.client().stopping(), None, 0_u32);
        loop {
            // A store that does not answer is no news; the page says so when it is asked for.
            if let Ok(now) = Seen::look(&self.inspector, before.as_ref(), looks).await {
                let is_new = before.as_ref().is_some_and(|before| *before != now);
                looks = looks.wrapping_add(1);
                if is_new || (now.runs() && looks.is_multiple_of(PROGRESS_LOOKS)) {
                    self.news.send_modify(|news| *news += 1);
                }
                before = Some(now);
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = clock::pause(LOOK) => {}
            }
            if self.news.receiver_count() == 0 {
                self.is_looking.store(false, Ordering::SeqCst);
                // Who began to listen before that line found that somebody was looking.
                if self.news.receiver_count() == 0 || self.is_looking.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }
    }
}

/// What pages of many runs show, as far as its change is told.
#[derive(PartialEq)]
struct Seen {
    counts: Vec<CountRow>,
    controls: Controls,
    servers: BTreeSet<ServerId>,
    /// As they are shown.
    schedules: String,
}

impl Seen {
    async fn look(inspector: &Inspector, before: Option<&Self>, looks: u32) -> Result<Self, StoreError> {
        let (client, store) = (inspector.client(), inspector.client().store());
        let schedules = match before {
            Some(before) if !looks.is_multiple_of(SCHEDULE_LOOKS) => before.schedules.clone(),
            _ => {
                let mut all = client.schedules().list().await.unwrap_or_default();
                all.sort_by(|left, right| left.name().cmp(right.name()));
                serde_json::to_string(&all).unwrap_or_default()
            }
        };
        Ok(Self {
            counts: store.statistics().await?.counts.rows().collect(),
            controls: store.controls().await?,
            servers: store.servers().await?.iter().map(|server| server.beat.server).collect(),
            schedules,
        })
    }

    fn runs(&self) -> bool {
        self.counts.iter().any(|row| row.state == StateKind::Running && row.runs > 0)
    }
}

/// What changes on the page of one run, beginning after `seen`.
pub(crate) fn run(inspector: Inspector, id: RunId, seen: u64) -> Body {
    let stopping = inspector.client().stopping();
    events(Some((inspector, stopping, seen)), move |state| async move {
        let (inspector, stopping, seen) = state?;
        let changed = tokio::select! {
            biased;
            () = stopping.cancelled() => return None,
            changed = inspector.changed(id, seen) => Some(changed),
            () = clock::pause(KEEP_ALIVE) => None,
        };
        match changed {
            None | Some(Err(GetError::Store(StoreError::TimedOut { .. }))) => {
                Some((ALIVE, Some((inspector, stopping, seen))))
            }
            Some(Ok(snapshot)) => Some((CHANGED, Some((inspector, stopping, snapshot.run.revision)))),
            Some(Err(GetError::NotFound(_))) => Some((GONE, None)),
            // The browser connects again by itself.
            Some(Err(GetError::Store(_))) => None,
        }
    })
}

/// What `step` tells, until there is nothing more.
pub(crate) fn events<S: Send + 'static, T: Into<Bytes> + 'static, F>(
    state: S,
    step: impl Fn(S) -> F + Send + 'static,
) -> Body
where
    F: Future<Output = Option<(T, S)>> + Send + 'static,
{
    Body::from_stream(stream::unfold((state, step), |(state, step)| async move {
        let (text, state) = step(state).await?;
        Some((Ok::<Bytes, Infallible>(text.into()), (state, step)))
    }))
}
