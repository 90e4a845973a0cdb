-- Runs that SQL has enqueued, until a server takes them in. `@` stands for the schema.

CREATE TABLE @enqueued (
    id uuid PRIMARY KEY,
    -- They are taken in in this order.
    ord int8 GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    metadata jsonb NOT NULL,
    -- Checked by the function.
    options jsonb NOT NULL,
    -- When it can be started.
    due timestamptz NOT NULL,
    -- Who called.
    by text NOT NULL,
    -- Why no server can take it in; NULL: none has said so.
    refused text
);
CREATE INDEX enqueued_new ON @enqueued (ord) WHERE refused IS NULL;

-- Enqueues a run in the caller's transaction; answers its id. What it takes is in the guide, "Enqueueing from SQL".
-- It has the rights of its owner, so a caller needs none on the tables.
CREATE FUNCTION @enqueue(kind text, metadata jsonb DEFAULT 'null', options jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Milliseconds since 1970, then chance: ids of runs are in the order of time.
    id uuid := (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::int8), 12, '0')
        || encode(substring(uuid_send(gen_random_uuid()) FROM 1 FOR 4), 'hex')
        || encode(substring(uuid_send(gen_random_uuid()) FROM 11 FOR 6), 'hex'))::uuid;
    due timestamptz := clock_timestamp();
    name text;
    value jsonb;
    item jsonb;
    text_value text;
    number_value numeric;
    is_name CONSTANT text := '^[A-Za-z0-9_.:/-]{1,128}$';
BEGIN
    IF kind IS NULL OR kind !~ is_name THEN
        RAISE EXCEPTION 'longhaul: the kind `%` is no name', kind
            USING ERRCODE = '22023', HINT = '1 to 128 letters, digits and - _ . : /';
    END IF;
    metadata := coalesce(metadata, 'null');
    IF octet_length(metadata::text) > 1048576 THEN
        RAISE EXCEPTION 'longhaul: the metadata has % bytes', octet_length(metadata::text)
            USING ERRCODE = '22023', HINT = 'At most 1 MiB. Put it into a table, and its key into the metadata';
    END IF;
    options := coalesce(options, '{}');
    IF jsonb_typeof(options) <> 'object' THEN
        RAISE EXCEPTION 'longhaul: the options are a JSON %', jsonb_typeof(options)
            USING ERRCODE = '22023', HINT = 'An object, as {"queue": "mails"}';
    END IF;
    IF options ? 'delay' AND options ? 'due' THEN
        RAISE EXCEPTION 'longhaul: the options `delay` and `due` exclude each other' USING ERRCODE = '22023';
    END IF;
    IF options ? 'on_conflict' AND NOT options ? 'unique_key' THEN
        RAISE EXCEPTION 'longhaul: the option `on_conflict` needs `unique_key`' USING ERRCODE = '22023';
    END IF;
    FOR name, value IN SELECT * FROM jsonb_each(options) LOOP
        text_value := CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}' END;
        number_value := CASE jsonb_typeof(value) WHEN 'number' THEN (value #>> '{}')::numeric END;
        CASE name
        WHEN 'queue' THEN
            IF text_value IS NULL OR text_value !~ is_name THEN
                RAISE EXCEPTION 'longhaul: the option `queue` is %', value
                    USING ERRCODE = '22023', HINT = 'A string of 1 to 128 letters, digits and - _ . : /';
            END IF;
        WHEN 'unique_key', 'limit_key' THEN
            IF text_value IS NULL OR octet_length(text_value) NOT BETWEEN 1 AND 256 THEN
                RAISE EXCEPTION 'longhaul: the option `%` is %', name, value
                    USING ERRCODE = '22023', HINT = 'A string of 1 to 256 bytes';
            END IF;
        WHEN 'on_conflict' THEN
            IF text_value IS NULL OR text_value NOT IN ('ignore', 'replace') THEN
                RAISE EXCEPTION 'longhaul: the option `on_conflict` is %', value
                    USING ERRCODE = '22023', HINT = '"ignore" or "replace"';
            END IF;
        WHEN 'priority' THEN
            IF number_value IS NULL OR number_value NOT BETWEEN -128 AND 127 OR number_value % 1 <> 0 THEN
                RAISE EXCEPTION 'longhaul: the option `priority` is %', value
                    USING ERRCODE = '22023', HINT = 'A whole number, -128 to 127';
            END IF;
        WHEN 'version' THEN
            IF number_value IS NULL OR number_value NOT BETWEEN 1 AND 65535 OR number_value % 1 <> 0 THEN
                RAISE EXCEPTION 'longhaul: the option `version` is %', value
                    USING ERRCODE = '22023', HINT = 'A whole number, 1 to 65535';
            END IF;
        WHEN 'attempts' THEN
            IF number_value IS NULL OR number_value NOT BETWEEN 1 AND 1000000 OR number_value % 1 <> 0 THEN
                RAISE EXCEPTION 'longhaul: the option `attempts` is %', value
                    USING ERRCODE = '22023', HINT = 'A whole number, 1 to 1000000';
            END IF;
        WHEN 'timeout' THEN
            IF number_value IS NULL OR number_value <= 0 OR number_value > 31536000 THEN
                RAISE EXCEPTION 'longhaul: the option `timeout` is %', value
                    USING ERRCODE = '22023', HINT = 'Seconds, more than 0 and at most a year';
            END IF;
        WHEN 'delay' THEN
            IF number_value IS NULL OR number_value < 0 OR number_value > 3153600000 THEN
                RAISE EXCEPTION 'longhaul: the option `delay` is %', value
                    USING ERRCODE = '22023', HINT = 'Seconds, 0 to a hundred years';
            END IF;
            due := due + number_value * interval '1 second';
        WHEN 'due' THEN
            BEGIN
                due := text_value::timestamptz;
            EXCEPTION WHEN data_exception THEN
                due := NULL;
            END;
            IF text_value !~ '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$' OR due IS NULL OR due NOT BETWEEN '1970-01-01 00:00+00' AND '2200-01-01 00:00+00' THEN
                RAISE EXCEPTION 'longhaul: the option `due` is %', value
                    USING ERRCODE = '22023', HINT = 'A time with its zone, as "2030-01-31T08:00:00Z"';
            END IF;
        WHEN 'tags' THEN
            IF jsonb_typeof(value) <> 'object' OR (SELECT count(*) FROM jsonb_each(value)) > 16 THEN
                RAISE EXCEPTION 'longhaul: the option `tags` is %', value
                    USING ERRCODE = '22023', HINT = 'An object of at most 16 strings, as {"order": "7"}';
            END IF;
            FOR text_value, item IN SELECT * FROM jsonb_each(value) LOOP
                IF jsonb_typeof(item) <> 'string' OR octet_length(text_value) NOT BETWEEN 1 AND 256
                    OR octet_length(item #>> '{}') > 256 THEN
                    RAISE EXCEPTION 'longhaul: the tag `%` is %', text_value, item
                        USING ERRCODE = '22023', HINT = 'Strings of at most 256 bytes; the name is not empty';
                END IF;
            END LOOP;
        WHEN 'labels' THEN
            IF jsonb_typeof(value) <> 'array' OR jsonb_array_length(value) > 8 THEN
                RAISE EXCEPTION 'longhaul: the option `labels` is %', value
                    USING ERRCODE = '22023', HINT = 'An array of at most 8 names, as ["gpu"]';
            END IF;
            FOR item IN SELECT * FROM jsonb_array_elements(value) LOOP
                IF jsonb_typeof(item) <> 'string' OR item #>> '{}' !~ is_name THEN
                    RAISE EXCEPTION 'longhaul: the label % is no name', item
                        USING ERRCODE = '22023', HINT = '1 to 128 letters, digits and - _ . : /';
                END IF;
            END LOOP;
        ELSE
            RAISE EXCEPTION 'longhaul: there is no option `%`', name
                USING ERRCODE = '22023', HINT = 'queue, priority, delay, due, tags, unique_key, on_conflict, '
                    'limit_key, labels, timeout, attempts, version';
        END CASE;
    END LOOP;
    INSERT INTO @enqueued (id, kind, metadata, options, due, by)
        VALUES (id, kind, metadata, options, due, 'sql: ' || session_user);
    RETURN id;
END
$$;
-- Whoever shall enqueue is granted it: GRANT USAGE ON SCHEMA and GRANT EXECUTE ON FUNCTION.
REVOKE ALL ON FUNCTION @enqueue(text, jsonb, jsonb) FROM PUBLIC;
