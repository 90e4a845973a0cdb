-- Runs that go one after the other. `@` stands for the schema.

-- The keys that runs have. Whoever adds a run to a key, or passes its turn on, holds the lock of its row.
CREATE TABLE @turn_key (key text PRIMARY KEY);

CREATE TABLE @turn (
    key text NOT NULL,
    -- The lowest goes first.
    position int8 NOT NULL,
    run uuid PRIMARY KEY,
    -- Another run of the key has the turn.
    behind bool NOT NULL,
    -- It failed, and the others wait until somebody decides: no retention removes it.
    stopped bool NOT NULL
);
CREATE INDEX turn_order ON @turn (key, position, run);
CREATE INDEX turn_holder ON @turn (key) WHERE NOT behind;
CREATE INDEX turn_stopped ON @turn (run) WHERE stopped;
