-- Children, and runs that wait for other runs. `@` stands for the schema.

-- How many children a run has.
CREATE TABLE @family (
    parent uuid PRIMARY KEY,
    total int8 NOT NULL,
    completed int8 NOT NULL,
    failed int8 NOT NULL,
    cancelled int8 NOT NULL,
    ends int8 NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE @child (parent uuid NOT NULL, run uuid NOT NULL, PRIMARY KEY (parent, run));

-- Who waits for a run that it names.
CREATE TABLE @awaited (run uuid NOT NULL, waiter uuid NOT NULL, PRIMARY KEY (run, waiter));
CREATE INDEX awaited_waiter ON @awaited (waiter);

-- Runs that somebody has to look at. A row comes with what happened, and goes with what follows from it.
CREATE TABLE @family_news (
    ord int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run uuid NOT NULL,
    -- It was cancelled, and its children are to be.
    cancels bool NOT NULL,
    -- What is to be added to its row of `family`.
    total int8 NOT NULL,
    completed int8 NOT NULL,
    failed int8 NOT NULL,
    cancelled int8 NOT NULL,
    ends int8 NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
