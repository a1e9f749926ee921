-- Callback requests. Instants are milliseconds since 1970 (UTC), ids are 16 bytes.
-- Clear columns hold nothing about the client: what does is sealed (`body`) or hashed under a key (`hash`).

-- One row, updated first in every transaction that writes: commits take their numbers from it, one after another.
CREATE TABLE ledger (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL,
  last_updated INTEGER NOT NULL
) STRICT;
INSERT INTO ledger (one, seq, last_updated) VALUES (1, 0, 0);

-- Tasks as they are now: what is searched.
CREATE TABLE task (
  serial INTEGER PRIMARY KEY, -- `seq` of its creation: order of creation
  id BLOB NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  seq INTEGER NOT NULL, -- of its present version
  last_updated INTEGER NOT NULL,
  status TEXT NOT NULL,
  business_status TEXT,
  code TEXT NOT NULL,
  intent TEXT NOT NULL,
  priority INTEGER NOT NULL, -- rank, least first
  queue TEXT NOT NULL,
  owner TEXT NOT NULL,
  requester TEXT NOT NULL,
  focus TEXT,
  authored_on INTEGER NOT NULL,
  due INTEGER,
  period_start INTEGER,
  period_end INTEGER,
  anonymous INTEGER NOT NULL, -- 1: no patient is named
  attempts INTEGER NOT NULL,
  first_attempt_at INTEGER,
  finished_at INTEGER,
  formerly TEXT NOT NULL, -- as in `former`, with spaces between
  request_hash BLOB NOT NULL,
  request_key TEXT NOT NULL
) STRICT;
CREATE INDEX task_owner_status ON task (owner, status, last_updated);
CREATE INDEX task_owner ON task (owner, last_updated);
CREATE INDEX task_requester_status ON task (requester, status, last_updated);
CREATE INDEX task_requester ON task (requester, last_updated);
CREATE INDEX task_status ON task (status, last_updated);
CREATE UNIQUE INDEX task_last_updated ON task (last_updated);
CREATE INDEX task_due ON task (due) WHERE due IS NOT NULL;
CREATE INDEX task_finished ON task (finished_at) WHERE finished_at IS NOT NULL;

-- Every version, the present one too.
CREATE TABLE task_version (
  seq INTEGER PRIMARY KEY,
  task INTEGER NOT NULL,
  version INTEGER NOT NULL,
  last_updated INTEGER NOT NULL,
  status TEXT NOT NULL,
  owner TEXT NOT NULL,
  requester TEXT NOT NULL,
  formerly TEXT NOT NULL,
  body BLOB NOT NULL, -- sealed
  key_id TEXT NOT NULL,
  caller TEXT NOT NULL,
  request_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX task_version_of ON task_version (task, version);
CREATE INDEX task_version_key ON task_version (key_id);

-- Organisations that owned a Task before, and do not now.
CREATE TABLE former (
  organization TEXT NOT NULL,
  last_updated INTEGER NOT NULL, -- of the Task
  task INTEGER NOT NULL,
  PRIMARY KEY (organization, last_updated, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_task ON former (task, organization);

-- What a Task has several of: performers, what it is part of, tags.
CREATE TABLE listed (
  list TEXT NOT NULL,
  value TEXT NOT NULL,
  system TEXT NOT NULL,
  task INTEGER NOT NULL,
  PRIMARY KEY (list, value, system, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX listed_task ON listed (task, list);

-- Identifiers, by keyed hash: once with their system, once without.
CREATE TABLE term (
  hash BLOB NOT NULL,
  task INTEGER NOT NULL,
  kind TEXT NOT NULL,
  with_system INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  PRIMARY KEY (hash, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX term_task ON term (task, kind);

CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  task BLOB NOT NULL, -- its id
  version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  status TEXT NOT NULL,
  owner TEXT NOT NULL,
  queue TEXT NOT NULL,
  due INTEGER,
  before_status TEXT,
  before_owner TEXT,
  before_queue TEXT,
  before_due INTEGER,
  requester TEXT NOT NULL,
  formerly TEXT NOT NULL
) STRICT;
CREATE INDEX event_task ON event (task);

-- Who did what; outlives the Tasks.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  caller TEXT NOT NULL,
  request_id TEXT NOT NULL,
  what TEXT NOT NULL,
  task BLOB NOT NULL,
  version INTEGER NOT NULL
) STRICT;

-- Counts; outlive the Tasks. Day and hour are those of Europe/Helsinki.
CREATE TABLE tally (
  day TEXT NOT NULL,
  hour INTEGER NOT NULL,
  queue TEXT NOT NULL,
  owner TEXT NOT NULL,
  what TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (day, hour, queue, owner, what)
) STRICT, WITHOUT ROWID;

-- Tasks that were purged, and what they were asked for with.
CREATE TABLE tombstone (
  id BLOB PRIMARY KEY,
  requester TEXT NOT NULL,
  finished_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tombstone_term (
  hash BLOB NOT NULL,
  requester TEXT NOT NULL,
  id BLOB NOT NULL,
  key_id TEXT NOT NULL,
  PRIMARY KEY (hash, requester, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription (
  id BLOB PRIMARY KEY,
  version INTEGER NOT NULL,
  last_updated INTEGER NOT NULL,
  caller TEXT NOT NULL,
  status TEXT NOT NULL,
  body BLOB NOT NULL, -- sealed
  key_id TEXT NOT NULL,
  seen INTEGER NOT NULL,
  matched INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  next_try INTEGER,
  last_delivery INTEGER,
  error TEXT,
  holder BLOB, -- the adapter that delivers
  held_until INTEGER
) STRICT;
CREATE TABLE subscription_event (
  subscription BLOB NOT NULL,
  number INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (subscription, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_event_seq ON subscription_event (seq);
