-- Every table of the store. `@` stands for its schema.

CREATE TABLE @lane (
    id int4 PRIMARY KEY,
    queue text NOT NULL,
    kind text NOT NULL,
    version int4 NOT NULL,
    -- Labels that its runs require, in order.
    labels text[] NOT NULL,
    -- Its runs have a limit key.
    keyed bool NOT NULL,
    -- 0: as any other, 1: suspects, 2: at their last try.
    isolation int2 NOT NULL,
    UNIQUE (queue, kind, version, labels, keyed, isolation)
);

CREATE TABLE @run (
    id uuid PRIMARY KEY,
    lane int4 NOT NULL,
    -- The limit key; empty: none.
    lim text NOT NULL,
    -- Ascending: the priority with the other sign.
    prio int2 NOT NULL,
    -- When it can be claimed; NULL: it waits for no time.
    due int8,
    -- When its suspension is over.
    deadline int8,
    -- A state that few runs are in; NULL: pending, running, completed.
    seen int2,
    state int2 NOT NULL,
    epoch int8 NOT NULL,
    settled bool NOT NULL,
    -- It is running, and was asked to stop.
    asked bool NOT NULL,
    -- It was retried as another run.
    retried bool NOT NULL,
    -- The claim page or the end page that it stands on.
    page uuid,
    since int8 NOT NULL,
    revision int8 NOT NULL,
    created int8 NOT NULL,
    -- The frozen record of longhaul-core. The values that have a column of their own stand apart from it.
    rec bytea NOT NULL,
    meta bytea NOT NULL,
    initial bytea,
    exec bytea,
    ended bytea
) WITH (
    -- A claim or a batch of checkpoints changes all rows of a page: their next versions fit in beside them.
    fillfactor = 45,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
-- Never index, or put in a predicate: state, epoch, settled, asked, page, since, revision, rec, exec, ended.
CREATE INDEX run_due ON @run (lane, lim, prio, due, id) WHERE due IS NOT NULL;
CREATE INDEX run_deadline ON @run (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX run_seen ON @run (seen, id) WHERE seen IS NOT NULL;

-- The runs of one claim: what a server holds is what stands on its pages, is running, and names the page.
CREATE TABLE @claim_page (
    id uuid PRIMARY KEY,
    server uuid NOT NULL,
    runs uuid[] NOT NULL
);
CREATE INDEX claim_page_server ON @claim_page (server);

-- The runs of one kind that ended in one transaction in one state.
CREATE TABLE @end_page (
    id uuid PRIMARY KEY,
    -- Grows roughly with the time of the transaction.
    ord int8 GENERATED ALWAYS AS IDENTITY,
    -- The transaction; its pages have one position.
    batch uuid NOT NULL,
    -- Given after the transaction is committed, by whoever looks first.
    position int8,
    kind text NOT NULL,
    state int2 NOT NULL,
    at int8 NOT NULL,
    runs uuid[] NOT NULL
);
CREATE INDEX end_page_retention ON @end_page (kind, state, at, ord);
CREATE INDEX end_page_position ON @end_page (position) WHERE position IS NOT NULL;
CREATE INDEX end_page_new ON @end_page (ord) WHERE position IS NULL;

CREATE TABLE @unique_key (
    kind text NOT NULL,
    key text NOT NULL,
    run uuid NOT NULL,
    -- The run is gone; its key is taken until then, and this is the state that the run was in.
    until int8,
    state int2,
    PRIMARY KEY (kind, key)
);
CREATE INDEX unique_key_run ON @unique_key (run);

CREATE TABLE @control (scope text PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE @bucket (name text PRIMARY KEY, idle int8 NOT NULL, value bytea NOT NULL);

CREATE TABLE @server (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    -- When it said last that it lives.
    beat int8 NOT NULL,
    lease_until int8 NOT NULL,
    -- 0: lives, 1: its claims are being taken away, 2: gone.
    state int2 NOT NULL,
    kinds text[] NOT NULL,
    versions int4[] NOT NULL,
    marks int8[] NOT NULL,
    labels text[] NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE @log_page (
    run uuid NOT NULL,
    attempt int2 NOT NULL,
    page int2 NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run, attempt, page)
);

-- A value that is NULL: it was removed.
CREATE TABLE @schedule (name text PRIMARY KEY, revision int8 NOT NULL, value bytea);

-- What transactions changed in the number of runs, to be added up; the sum is what there is. It stays small: read whole.
CREATE TABLE @state_count (kind text NOT NULL, queue text NOT NULL, state int2 NOT NULL, runs int8 NOT NULL);
-- What transactions did in each minute, to be added up.
CREATE TABLE @minute_count (
    minute int8 NOT NULL,
    enqueued int8 NOT NULL,
    started int8 NOT NULL,
    retried int8 NOT NULL,
    completed int8 NOT NULL,
    failed int8 NOT NULL,
    cancelled int8 NOT NULL
);

-- Raised under the lock of its row.
CREATE TABLE @counter (name text PRIMARY KEY, n int8 NOT NULL) WITH (fillfactor = 10);
INSERT INTO @counter VALUES ('lane', 0), ('ended', 0), ('removed', 0), ('schedule', 1);

-- One row: whoever claims what is limited, or changes a limit, changes it.
CREATE TABLE @gate (id int2 PRIMARY KEY, turn int8 NOT NULL, controls_revision int8 NOT NULL) WITH (fillfactor = 10);
INSERT INTO @gate VALUES (1, 0, 1);
