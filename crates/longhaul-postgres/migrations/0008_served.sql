-- Queues whose limit keys take turns. `@` stands for the schema.

-- When a key had its last turn. Changed under the lock of the gate; rows of keys that have nothing are swept.
CREATE TABLE @served_key (
    queue text NOT NULL,
    -- As in the table of runs.
    prio int2 NOT NULL,
    -- The limit key; empty: of all runs without one.
    lim text NOT NULL,
    at int8 NOT NULL,
    PRIMARY KEY (queue, prio, lim)
) WITH (fillfactor = 50);
