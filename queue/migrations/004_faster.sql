-- A new request touches as few pages as it can: each page that a commit touches
-- is written to the database's log as a whole, before its fsync.

-- The hashes of the Merkle tree that an entry completes lie in its own row: its
-- leaf, and then each subtree that it is the last of, the smaller first.
DROP TRIGGER audit_fixed;
ALTER TABLE audit ADD COLUMN hashes BLOB NOT NULL DEFAULT x'';
-- They are copied, not computed: what was altered shows as before. Entry n's were
-- from place n + n/2 + n/4 + ... on (golang.org/x/mod/sumdb/tlog, StoredHashIndex).
UPDATE audit SET hashes = (
	WITH RECURSIVE half(a, b) AS (SELECT number, number + 1 UNION ALL SELECT a >> 1, b >> 1 FROM half WHERE b > 0),
		places(first, beyond) AS (SELECT sum(a), sum(b) FROM half)
	SELECT coalesce(unhex(group_concat(hex(hash), '')), x'') FROM
		(SELECT hash FROM audit_tree, places WHERE place >= first AND place < beyond ORDER BY place));
CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
DROP TABLE audit_tree;

-- Only what was put off is in the index of waiting times, and only what lies aside
-- beside what waits: neither is new.
DROP INDEX request_next;
CREATE INDEX request_next ON request (next_at) WHERE state IN ('sealed', 'announced', 'uploading') AND next_at > 0;
DROP INDEX request_payload;
CREATE INDEX request_refused ON request (seq) WHERE state = 'refused';
