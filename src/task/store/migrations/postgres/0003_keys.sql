-- The keys that this store knows, so that it is never opened with others. Without a proof: seen in rows from before.
CREATE TABLE sealing_key (
  id TEXT COLLATE "C" PRIMARY KEY,
  proof BYTEA
);
INSERT INTO sealing_key (id, proof)
  SELECT key_id, CAST(NULL AS BYTEA) FROM task_version
  UNION SELECT key_id, CAST(NULL AS BYTEA) FROM subscription
  UNION SELECT key_id, CAST(NULL AS BYTEA) FROM tombstone_term;
CREATE INDEX tombstone_term_key ON tombstone_term (key_id);

-- What a requester asked for a Task with: repeats are known by it. Identifiers that are added later are in `term` alone.
CREATE TABLE asked (
  hash BYTEA NOT NULL,
  task BIGINT NOT NULL,
  with_system BIGINT NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (hash, task)
);
CREATE INDEX asked_task ON asked (task);
INSERT INTO asked (hash, task, with_system, key_id) SELECT hash, task, with_system, key_id FROM term WHERE kind = 'identifier';

-- Whose a purged Task was: nobody else learns that it was there.
ALTER TABLE tombstone ADD COLUMN owner TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tombstone ADD COLUMN formerly TEXT COLLATE "C" NOT NULL DEFAULT '';

-- References and tags are hashed from now on; these wait for the next opening, which has the keys.
CREATE TABLE clear (
  task BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  system TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL
);
INSERT INTO clear (task, kind, system, value)
  SELECT serial, 'focus', '', focus FROM task WHERE focus IS NOT NULL
  UNION ALL SELECT task, list, system, value FROM listed WHERE list IN ('part-of', 'tag');
DELETE FROM listed WHERE list IN ('part-of', 'tag');
ALTER TABLE task DROP COLUMN focus;
