#!lua flags=allow-oom
-- Appends to the audit log, also with the server's memory full: the log is bounded, and what it tells of has been done.
-- KEYS  1 audit log
-- ARGV  1 most entries  2 who  3 host  4 command  5 mapping or ''  6 shard or ''  7 detail
-- RETURNS the entry's id
return writeAudit(KEYS[1], 1)
