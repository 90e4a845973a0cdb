-- Keys of runs that are gone, in the order in which every store copies them. `@` stands for the schema.

CREATE INDEX unique_key_removed ON @unique_key (kind COLLATE "C", key COLLATE "C") WHERE until IS NOT NULL;
