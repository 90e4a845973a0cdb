-- What is known of kinds without their code. `@` stands for the schema.

CREATE TABLE @kind (
    name text PRIMARY KEY,
    -- The newest version of its values; older code does not change the row.
    version int4 NOT NULL,
    -- The frozen bytes of longhaul-core.
    value bytea NOT NULL
);
