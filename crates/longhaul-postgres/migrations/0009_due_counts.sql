-- How many runs are due, without reading them. `@` stands for the schema.

-- A run that is pending or retrying counts as due, and all others do not: `state_count` says how many that are. Rows are
-- what is not so. One that waits for a time is one less from the beginning on (0), and one more from that time on.
-- What transactions changed, to be added up.
CREATE TABLE @due_count (queue text NOT NULL, at int8 NOT NULL, runs int8 NOT NULL);
CREATE INDEX due_count_at ON @due_count (at);

INSERT INTO @due_count (queue, at, runs)
SELECT l.queue, c.at, sum(c.runs)
FROM @run r JOIN @lane l ON l.id = r.lane
CROSS JOIN LATERAL (VALUES
    (0, CASE WHEN r.state IN (0, 2) THEN -1 ELSE 0 END),
    (CASE WHEN r.due > r.since THEN r.due ELSE 0 END, CASE WHEN r.due IS NULL THEN 0 ELSE 1 END)) c(at, runs)
WHERE r.state IN (0, 2) OR r.due IS NOT NULL
GROUP BY l.queue, c.at HAVING sum(c.runs) <> 0;
