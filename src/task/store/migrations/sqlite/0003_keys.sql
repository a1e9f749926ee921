-- The keys that this store knows, so that it is never opened with others. Without a proof: seen in rows from before.
CREATE TABLE sealing_key (
  id TEXT PRIMARY KEY,
  proof BLOB
) STRICT, WITHOUT ROWID;
INSERT INTO sealing_key (id, proof)
  SELECT key_id, NULL FROM task_version UNION SELECT key_id, NULL FROM subscription UNION SELECT key_id, NULL FROM tombstone_term;
CREATE INDEX tombstone_term_key ON tombstone_term (key_id);

-- What a requester asked for a Task with: repeats are known by it. Identifiers that are added later are in `term` alone.
CREATE TABLE asked (
  hash BLOB NOT NULL,
  task INTEGER NOT NULL,
  with_system INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  PRIMARY KEY (hash, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX asked_task ON asked (task);
INSERT INTO asked (hash, task, with_system, key_id) SELECT hash, task, with_system, key_id FROM term WHERE kind = 'identifier';

-- Whose a purged Task was: nobody else learns that it was there.
ALTER TABLE tombstone ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE tombstone ADD COLUMN formerly TEXT NOT NULL DEFAULT '';

-- References and tags are hashed from now on; these wait for the next opening, which has the keys.
CREATE TABLE clear (
  task INTEGER NOT NULL,
  kind TEXT NOT NULL,
  system TEXT NOT NULL,
  value TEXT NOT NULL
) STRICT;
INSERT INTO clear (task, kind, system, value)
  SELECT serial, 'focus', '', focus FROM task WHERE focus IS NOT NULL
  UNION ALL SELECT task, list, system, value FROM listed WHERE list IN ('part-of', 'tag');
DELETE FROM listed WHERE list IN ('part-of', 'tag');
ALTER TABLE task DROP COLUMN focus;
