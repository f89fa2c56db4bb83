-- Split groups for users who are there already, in PostgreSQL. Each row must draw its own number, once, for life.
--
-- The trap: whatever is computed once for the statement is the same number for everybody. A subquery is,
--     UPDATE users SET split_group = (SELECT 1 + floor(random() * 2400))
-- and so is a default that an application computes. random() in the statement itself is called for every row.
-- MySQL: 1 + floor(rand() * 2400). SQLite: 1 + abs(random() % 2400).

-- == a table that may be locked for as long as it takes to write it anew

ALTER TABLE users ADD COLUMN split_group smallint NOT NULL DEFAULT (1 + floor(random() * 2400))
    CHECK (split_group BETWEEN 1 AND 2400);

-- == a table that may not: an empty column and a default for new users (both at once) …

ALTER TABLE users ADD COLUMN split_group smallint;
ALTER TABLE users ALTER COLUMN split_group SET DEFAULT (1 + floor(random() * 2400));

-- == … a batch in a transaction of its own, again and again until it changes no row …

WITH batch AS (SELECT id FROM users WHERE split_group IS NULL ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED)
UPDATE users SET split_group = 1 + floor(random() * 2400) FROM batch WHERE users.id = batch.id;

-- == … and the constraint, checked without keeping anybody out.

ALTER TABLE users ADD CONSTRAINT users_split_group
    CHECK (split_group IS NOT NULL AND split_group BETWEEN 1 AND 2400) NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT users_split_group;
ALTER TABLE users ALTER COLUMN split_group SET NOT NULL;
