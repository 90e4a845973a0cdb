-- Views for people: names of states, and times with a time zone. They only read. `@` stands for the schema.
--
-- A view that was released keeps its columns; a later step may add some at the end.

CREATE FUNCTION @state_name(state int2) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT ('{pending,running,retrying,suspended,completed,failed,cancelled,incompatible}'::text[])[state + 1]
$$;

-- The text of a run's id: `run_` and 26 characters of Crockford's base32.
CREATE FUNCTION @run_text(id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'run_' || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
        substring(B'00' || ('x' || replace(id::text, '-', ''))::bit(128) FROM 5 * nth - 4 FOR 5)::int4 + 1, 1), '' ORDER BY nth)
    FROM generate_series(1, 26) nth
$$;

-- The id in such a text, for conditions: WHERE id = run_id('run_…').
CREATE FUNCTION @run_id(run text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(substring(bits FROM 3 FOR 64)::bit(64)::int8), 16, '0')
        || lpad(to_hex(substring(bits FROM 67 FOR 64)::bit(64)::int8), 16, '0'))::uuid
    FROM (SELECT string_agg((strpos('0123456789abcdefghjkmnpqrstvwxyz', lower(substr(run, nth + 4, 1))) - 1)::bit(5)::text,
        '' ORDER BY nth)::bit(130) AS bits FROM generate_series(1, 26) nth) decoded
    WHERE lower(run) ~ '^run_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$'
$$;

CREATE FUNCTION @moment(micros int8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT 'epoch'::timestamptz + micros * interval '1 microsecond'
$$;

CREATE VIEW @runs AS
SELECT r.id, @run_text(r.id) AS run, l.kind, l.queue, @state_name(r.state) AS state, @moment(r.since) AS since,
    @moment(r.created) AS created, @moment(r.due) AS due, @moment(r.deadline) AS deadline, -r.prio AS priority,
    r.epoch AS claims, nullif(r.lim, '') AS limit_key, l.version, l.labels,
    CASE WHEN r.state = 1 THEN s.name END AS server, r.asked AS stop_requested, r.retried
FROM @run r JOIN @lane l ON l.id = r.lane
LEFT JOIN @claim_page p ON p.id = r.page AND r.state = 1
LEFT JOIN @server s ON s.id = p.server;

CREATE VIEW @servers AS
SELECT s.id, s.name, ('{lives,dying,gone}'::text[])[s.state + 1] AS state, @moment(s.beat) AS last_heartbeat,
    @moment(s.lease_until) AS lease_until, s.kinds, s.labels
FROM @server s;

-- How many runs there are; exact, and cheap.
CREATE VIEW @counts AS
SELECT c.queue, c.kind, @state_name(c.state) AS state, sum(c.runs)::int8 AS runs
FROM @state_count c GROUP BY c.queue, c.kind, c.state HAVING sum(c.runs) <> 0;

-- What happened in each minute.
CREATE VIEW @minutes AS
SELECT @moment(m.minute * 60000000) AS minute, sum(m.enqueued)::int8 AS enqueued, sum(m.started)::int8 AS started,
    sum(m.retried)::int8 AS retried, sum(m.completed)::int8 AS completed, sum(m.failed)::int8 AS failed,
    sum(m.cancelled)::int8 AS cancelled
FROM @minute_count m GROUP BY m.minute;

CREATE VIEW @ends AS
SELECT u.id, @run_text(u.id) AS run, e.kind, @state_name(e.state) AS state, @moment(e.at) AS ended, e.position
FROM @end_page e CROSS JOIN LATERAL unnest(e.runs) u(id);

CREATE VIEW @unique_keys AS
SELECT k.kind, k.key, k.run AS id, @run_text(k.run) AS run, @moment(k.until) AS until, @state_name(k.state) AS removed_as
FROM @unique_key k;

-- Rows that SQL has enqueued and no server has taken in.
CREATE VIEW @not_taken_in AS
SELECT e.id, e.kind, e.due, e.by, e.refused FROM @enqueued e;
