-- Callback requests. Instants are milliseconds since 1970 (UTC), ids are 16 bytes.
-- Clear columns hold nothing about the client: what does is sealed (`body`) or hashed under a key (`hash`).

-- One row, updated first in every transaction that writes: commits take their numbers from it, one after another.
CREATE TABLE ledger (
  one BIGINT PRIMARY KEY CHECK (one = 1),
  seq BIGINT NOT NULL,
  last_updated BIGINT NOT NULL
);
INSERT INTO ledger (one, seq, last_updated) VALUES (1, 0, 0);

-- Tasks as they are now: what is searched.
CREATE TABLE task (
  serial BIGINT PRIMARY KEY, -- `seq` of its creation: order of creation
  id BYTEA NOT NULL UNIQUE,
  version BIGINT NOT NULL,
  seq BIGINT NOT NULL, -- of its present version
  last_updated BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  business_status TEXT COLLATE "C",
  code TEXT COLLATE "C" NOT NULL,
  intent TEXT COLLATE "C" NOT NULL,
  priority BIGINT NOT NULL, -- rank, least first
  queue TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL,
  requester TEXT COLLATE "C" NOT NULL,
  focus TEXT COLLATE "C",
  authored_on BIGINT NOT NULL,
  due BIGINT,
  period_start BIGINT,
  period_end BIGINT,
  anonymous BIGINT NOT NULL, -- 1: no patient is named
  attempts BIGINT NOT NULL,
  first_attempt_at BIGINT,
  finished_at BIGINT,
  formerly TEXT COLLATE "C" NOT NULL, -- as in `former`, with spaces between
  request_hash BYTEA NOT NULL,
  request_key TEXT COLLATE "C" NOT NULL
);
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
  seq BIGINT PRIMARY KEY,
  task BIGINT NOT NULL,
  version BIGINT NOT NULL,
  last_updated BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL,
  requester TEXT COLLATE "C" NOT NULL,
  formerly TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL, -- sealed
  key_id TEXT COLLATE "C" NOT NULL,
  caller TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX task_version_of ON task_version (task, version);
CREATE INDEX task_version_key ON task_version (key_id);

-- Organisations that owned a Task before, and do not now.
CREATE TABLE former (
  organization TEXT COLLATE "C" NOT NULL,
  last_updated BIGINT NOT NULL, -- of the Task
  task BIGINT NOT NULL,
  PRIMARY KEY (organization, last_updated, task)
);
CREATE INDEX former_task ON former (task, organization);

-- What a Task has several of: performers, what it is part of, tags.
CREATE TABLE listed (
  list TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  system TEXT COLLATE "C" NOT NULL,
  task BIGINT NOT NULL,
  PRIMARY KEY (list, value, system, task)
);
CREATE INDEX listed_task ON listed (task, list);

-- Identifiers, by keyed hash: once with their system, once without.
CREATE TABLE term (
  hash BYTEA NOT NULL,
  task BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  with_system BIGINT NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (hash, task)
);
CREATE INDEX term_task ON term (task, kind);

CREATE TABLE event (
  seq BIGINT PRIMARY KEY,
  task BYTEA NOT NULL, -- its id
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL,
  queue TEXT COLLATE "C" NOT NULL,
  due BIGINT,
  before_status TEXT COLLATE "C",
  before_owner TEXT COLLATE "C",
  before_queue TEXT COLLATE "C",
  before_due BIGINT,
  requester TEXT COLLATE "C" NOT NULL,
  formerly TEXT COLLATE "C" NOT NULL
);
CREATE INDEX event_task ON event (task);

-- Who did what; outlives the Tasks.
CREATE TABLE audit (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  caller TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C" NOT NULL,
  what TEXT COLLATE "C" NOT NULL,
  task BYTEA NOT NULL,
  version BIGINT NOT NULL
);

-- Counts; outlive the Tasks. Day and hour are those of Europe/Helsinki.
CREATE TABLE tally (
  day TEXT COLLATE "C" NOT NULL,
  hour BIGINT NOT NULL,
  queue TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL,
  what TEXT COLLATE "C" NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (day, hour, queue, owner, what)
);

-- Tasks that were purged, and what they were asked for with.
CREATE TABLE tombstone (
  id BYTEA PRIMARY KEY,
  requester TEXT COLLATE "C" NOT NULL,
  finished_at BIGINT NOT NULL
);
CREATE TABLE tombstone_term (
  hash BYTEA NOT NULL,
  requester TEXT COLLATE "C" NOT NULL,
  id BYTEA NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (hash, requester, id)
);

CREATE TABLE subscription (
  id BYTEA PRIMARY KEY,
  version BIGINT NOT NULL,
  last_updated BIGINT NOT NULL,
  caller TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL, -- sealed
  key_id TEXT COLLATE "C" NOT NULL,
  seen BIGINT NOT NULL,
  matched BIGINT NOT NULL,
  delivered BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  next_try BIGINT,
  last_delivery BIGINT,
  error TEXT COLLATE "C",
  holder BYTEA, -- the adapter that delivers
  held_until BIGINT
);
CREATE TABLE subscription_event (
  subscription BYTEA NOT NULL,
  number BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (subscription, number)
);
CREATE INDEX subscription_event_seq ON subscription_event (seq);
