-- When a Task was purged; NULL if that was before this column was there.
ALTER TABLE tombstone ADD COLUMN purged_at BIGINT;
