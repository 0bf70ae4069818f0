-- Rows carry the SHA-256 of their content, states follow the request to the end
-- of its account's activation, and every change is an entry of a Merkle log.
CREATE TABLE request_2 (
	seq           INTEGER PRIMARY KEY CHECK (seq > 0),
	id            TEXT    NOT NULL UNIQUE,
	state         TEXT    NOT NULL CHECK (state IN ('sealed', 'announced', 'uploading', 'received', 'accepted',
		'needs_correction', 'granted', 'rejected', 'activated', 'activation_expired', 'refused')),
	body_hash     BLOB    NOT NULL CHECK (length(body_hash) = 32),
	sealed_bytes  INTEGER NOT NULL,
	payload       TEXT    NOT NULL, -- file name; '' once purged
	queued_at     INTEGER NOT NULL, -- Unix milliseconds, as all times here
	due_at        TEXT    NOT NULL, -- legal deadline, YYYY-MM-DD
	next_at       INTEGER NOT NULL,
	attempts      INTEGER NOT NULL,
	last_error    TEXT    NOT NULL,
	reason        TEXT    NOT NULL,
	receipt       BLOB, -- the central's signed statements, as received
	result        BLOB,
	sync_ms       INTEGER NOT NULL,
	upload_offset INTEGER NOT NULL, -- bytes that the central has said to hold
	frozen_at     INTEGER NOT NULL, -- first byte sent; 0 for none
	row_hash      BLOB    NOT NULL CHECK (length(row_hash) = 32) -- of all columns before it
) STRICT;

-- The hashes of old rows are filled in by the program (fillHashes).
INSERT INTO request_2 SELECT seq, id, state, body_hash, sealed_bytes, payload, queued_at, due_at, next_at,
	attempts, last_error, reason, receipt, result, sync_ms, 0, 0, zeroblob(32) FROM request;
DROP TABLE request;
ALTER TABLE request_2 RENAME TO request;

CREATE INDEX request_due ON request (due_at, sealed_bytes, seq) WHERE state IN ('sealed', 'announced', 'uploading');
CREATE INDEX request_next ON request (next_at) WHERE state IN ('sealed', 'announced', 'uploading');
CREATE INDEX request_awaited ON request (due_at, seq) WHERE state IN ('received', 'accepted', 'needs_correction');
CREATE INDEX request_granted ON request (seq) WHERE state = 'granted';
CREATE INDEX request_payload ON request (seq) WHERE payload <> '';

-- What a request is never changes, and its bytes never change again once the
-- first of them was sent.
CREATE TRIGGER request_fixed BEFORE UPDATE ON request
WHEN old.seq <> new.seq OR old.id <> new.id OR old.body_hash <> new.body_hash OR old.sealed_bytes <> new.sealed_bytes
	OR old.queued_at <> new.queued_at OR old.frozen_at <> 0 AND old.frozen_at <> new.frozen_at
	OR new.payload NOT IN ('', old.payload)
BEGIN SELECT raise(ABORT, 'a request cannot be changed'); END;
CREATE TRIGGER request_kept BEFORE DELETE ON request
BEGIN SELECT raise(ABORT, 'a request cannot be deleted'); END;

-- One entry a change, in the transaction of the change. Nothing about a person.
CREATE TABLE audit (
	number   INTEGER PRIMARY KEY CHECK (number >= 0), -- place in the Merkle log
	at       INTEGER NOT NULL, -- wall clock
	boot     BLOB    NOT NULL, -- which start of the machine
	elapsed  INTEGER NOT NULL, -- milliseconds since then
	kind     TEXT    NOT NULL,
	request  TEXT    NOT NULL, -- id, '' for none
	row_hash BLOB    NOT NULL, -- of the request's row after the change
	details  TEXT    NOT NULL,
	previous BLOB    NOT NULL CHECK (length(previous) = 32) -- leaf hash of the entry before; zeros for the first
) STRICT;
CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;

-- Hashes of the Merkle tree over the entries (RFC 6962 §2.1), placed as
-- golang.org/x/mod/sumdb/tlog stores them.
CREATE TABLE audit_tree (
	place INTEGER PRIMARY KEY,
	hash  BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER audit_tree_fixed BEFORE UPDATE ON audit_tree BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_tree_kept BEFORE DELETE ON audit_tree BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;

-- What the desk as a whole remembers, one row.
CREATE TABLE desk (
	one        INTEGER PRIMARY KEY CHECK (one = 1),
	counter    INTEGER NOT NULL, -- the hardware counter's value after the last commit of new requests; 0 for none
	trusted_at INTEGER NOT NULL, -- newest time in a statement that the central signed; 0 for none
	row_hash   BLOB    NOT NULL CHECK (length(row_hash) = 32)
) STRICT;

-- The open visit's steps and, where a hardware key keeps drafts, the visit's key
-- under it. A visit that an older version left is under a key of the keyring.
CREATE TABLE visit_journal_2 (
	visit_id TEXT    NOT NULL,
	number   INTEGER NOT NULL, -- from 1; 0 is the visit's sealed key
	sealed   BLOB    NOT NULL,
	row_hash BLOB    NOT NULL CHECK (length(row_hash) = 32),
	PRIMARY KEY (visit_id, number)
) STRICT;
INSERT INTO visit_journal_2 SELECT visit_id, number, sealed, zeroblob(32) FROM visit_journal;
DROP TABLE visit_journal;
ALTER TABLE visit_journal_2 RENAME TO visit_journal;
