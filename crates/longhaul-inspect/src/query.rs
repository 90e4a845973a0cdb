//! Which runs are listed, as it stands in a URL.

mod time_bound;

use std::fmt;

use form_urlencoded::Serializer;
use longhaul::{
    Kind, NameError, Queue, RunId, StateKind, Tag, Timestamp,
    store_api::store::{Filter, ListOrder, PageRequest},
};

pub use time_bound::TimeBound;

/// How many runs a page has when nothing else is asked for.
const LIMIT: usize = 50;
/// The most that a page may have: what a browser shows without trouble.
const LIMIT_MAX: usize = 200;
/// More values than any filter needs; a longer query is refused before it costs anything.
const VALUES_MAX: usize = 64;
/// The names of all parameters.
const FILTERS: [&str; 10] = ["kind", "state", "queue", "tag", "parent", "from", "before", "order", "after", "limit"];

/// Which runs are listed. It is written and read as the query of a URL, and [`parse`](Self::parse) reads what
/// [`Display`](fmt::Display) wrote.
///
/// ```
/// use longhaul_inspect::RunQuery;
///
/// let query = RunQuery::parse("state=failed&state=cancelled&tag=customer:7&from=2d")?;
/// assert_eq!(query.states.len(), 2);
/// assert_eq!(query.to_string(), "state=failed&state=cancelled&tag=customer%3A7&from=2d");
/// # Ok::<(), longhaul_inspect::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunQuery {
    /// `kind=`: one of these; none: any.
    pub kinds: Vec<Kind>,
    /// `state=`: one of these; none: any.
    pub states: Vec<StateKind>,
    /// `queue=`: one of these; none: any.
    pub queues: Vec<Queue>,
    /// `tag=key:value`: all of these.
    pub tags: Vec<Tag>,
    /// `parent=`: children of this run.
    pub parent: Option<RunId>,
    /// `from=`: enqueued at this time or later.
    pub from: Option<TimeBound>,
    /// `before=`: enqueued before this time.
    pub before: Option<TimeBound>,
    /// `order=oldest`: the oldest first. Without it, the newest.
    pub oldest_first: bool,
    /// `after=`: the page after this run.
    pub after: Option<RunId>,
    /// `limit=`: how many runs a page has, 50 without it, at most 200.
    pub limit: usize,
}

impl Default for RunQuery {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            states: Vec::new(),
            queues: Vec::new(),
            tags: Vec::new(),
            parent: None,
            from: None,
            before: None,
            oldest_first: false,
            after: None,
            limit: LIMIT,
        }
    }
}

/// A query that is none.
///
/// ```
/// use longhaul_inspect::RunQuery;
///
/// let error = RunQuery::parse("state=broken").unwrap_err();
/// assert_eq!(error.field(), "state");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {why}")]
pub struct QueryError {
    field: String,
    why: String,
}

impl QueryError {
    /// The parameter that is wrong.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong with it.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl RunQuery {
    /// Reads the query of a URL, the part after `?`. Empty values count as none, because that is what an empty field of
    /// a form sends.
    ///
    /// # Errors
    /// For a parameter that is unknown, or a value that is none of its kind.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let (this, wrong) = Self::read(query);
        wrong.into_iter().next().map_or(Ok(this), Err)
    }

    /// The same, with what can be read of it although something is wrong: a page shows the filters so, with each error at
    /// its field.
    ///
    /// ```
    /// use longhaul_inspect::RunQuery;
    ///
    /// let (query, wrong) = RunQuery::read("kind=export&tag=customer");
    /// assert_eq!((query.to_string(), wrong[0].field()), ("kind=export".into(), "tag"));
    /// ```
    pub fn read(query: &str) -> (Self, Vec<QueryError>) {
        let (mut this, mut wrong) = (Self::default(), Vec::new());
        for (at, (key, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            let error = |why: String| QueryError { field: key.to_string(), why };
            let value = value.trim();
            if at >= VALUES_MAX {
                wrong.push(error(format!("a query has at most {VALUES_MAX} values")));
                break;
            }
            // A field of a form that is left empty; a slip in a name is one all the same.
            if !value.is_empty() || !FILTERS.contains(&&*key) {
                wrong.extend(this.put(&key, value).err().map(error));
            }
        }
        (this, wrong)
    }

    fn put(&mut self, key: &str, value: &str) -> Result<(), String> {
        let name = |error: NameError| error.to_string();
        match key {
            "kind" => self.kinds.push(Kind::new(value).map_err(name)?),
            "queue" => self.queues.push(Queue::new(value).map_err(name)?),
            "state" => self.states.push(value.parse().map_err(|error| format!("{error}"))?),
            "tag" => self.tags.push(tag(value).ok_or("a tag is written `key:value`")?),
            "parent" => self.parent = Some(value.parse().map_err(|error| format!("{error}"))?),
            "from" => self.from = Some(value.parse()?),
            "before" => self.before = Some(value.parse()?),
            "after" => self.after = Some(value.parse().map_err(|error| format!("{error}"))?),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                self.limit = limit.ok_or_else(|| format!("a page has 1 to {LIMIT_MAX} runs"))?;
            }
            "order" => {
                self.oldest_first = match value {
                    "oldest" => true,
                    "newest" => false,
                    _ => return Err("`oldest` or `newest`".into()),
                }
            }
            _ => return Err("there is no such filter".into()),
        }
        Ok(())
    }

    /// The same filters on another page; `None`: the first.
    #[must_use]
    pub fn page_after(&self, after: Option<RunId>) -> Self {
        Self { after, ..self.clone() }
    }

    /// The same, of what was there at `now`: what is enqueued later is not meant.
    pub(crate) fn fixed(&self, now: Timestamp) -> Self {
        let before = self.before.map_or(now, |before| before.at(now).min(now));
        let from = self.from.map(|from| TimeBound::At(from.at(now)));
        Self { from, before: Some(TimeBound::At(before)), ..self.clone() }
    }

    /// Whether anything is filtered.
    pub fn is_filtered(&self) -> bool {
        let Self { kinds, states, queues, tags, parent, from, before, .. } = self;
        !(kinds.is_empty() && states.is_empty() && queues.is_empty() && tags.is_empty())
            || parent.is_some()
            || from.is_some()
            || before.is_some()
    }

    /// What a store is asked for, at this time.
    pub(crate) fn filter(&self, now: Timestamp) -> Filter {
        Filter {
            kinds: self.kinds.clone(),
            states: self.states.clone(),
            queues: self.queues.clone(),
            tags: self.tags.clone(),
            parent: self.parent,
            from: self.from.map(|when| when.at(now)),
            before: self.before.map(|when| when.at(now)),
            ..Filter::default()
        }
    }

    pub(crate) fn request(&self, now: Timestamp) -> PageRequest {
        let order = if self.oldest_first { ListOrder::OldestFirst } else { ListOrder::NewestFirst };
        PageRequest { filter: self.filter(now), order, after: self.after, limit: self.limit }
    }
}

fn tag(text: &str) -> Option<Tag> {
    let (key, value) = text.split_once(':')?;
    Tag::new(key, value).ok()
}

impl fmt::Display for RunQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = Serializer::new(String::new());
        let mut put = |key: &str, value: &str| {
            query.append_pair(key, value);
        };
        self.kinds.iter().for_each(|kind| put("kind", kind.as_str()));
        self.states.iter().for_each(|state| put("state", state.as_str()));
        self.queues.iter().for_each(|queue| put("queue", queue.as_str()));
        self.tags.iter().for_each(|tag| put("tag", &format!("{}:{}", tag.key, tag.value)));
        if let Some(parent) = self.parent {
            put("parent", &parent.to_string());
        }
        for (key, when) in [("from", self.from), ("before", self.before)] {
            if let Some(when) = when {
                put(key, &when.to_string());
            }
        }
        if self.oldest_first {
            put("order", "oldest");
        }
        if let Some(after) = self.after {
            put("after", &after.to_string());
        }
        if self.limit != LIMIT {
            put("limit", &self.limit.to_string());
        }
        f.write_str(&query.finish())
    }
}
